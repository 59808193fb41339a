
#ifndef _NGX_HTTP_WEBHOOK_KEYS_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_KEYS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_HTTP_WEBHOOK_KEYS_SECRET  16
#define NGX_HTTP_WEBHOOK_KEYS_ID      45


typedef struct ngx_http_webhook_keys_s  ngx_http_webhook_keys_t;


/* how an event was answered */

typedef struct {
    uint16_t    status;         /* 0: not yet */
    u_char      len;
    u_char      id[NGX_HTTP_WEBHOOK_KEYS_ID];
} ngx_http_webhook_keys_answer_t;


/* a key that a request has, and nobody else */

typedef struct {
    uint64_t    hash[2];
    uint32_t    number;
    uint32_t    pid;
} ngx_http_webhook_keys_claim_t;


/* an answered key, for what is kept elsewhere */

typedef struct {
    uint64_t                        hash[2];
    uint32_t                        number;
    uint32_t                        expires;
    ngx_http_webhook_keys_answer_t  answer;
} ngx_http_webhook_keys_record_t;


typedef struct {
    ngx_uint_t  size;           /* so many keys have room */
    ngx_uint_t  count;          /* so many are there */
    ngx_uint_t  bytes;          /* that each of them takes */
    uint64_t    forgotten;      /* since ever, before their time */
} ngx_http_webhook_keys_stat_t;


ngx_http_webhook_keys_t *ngx_http_webhook_keys_create(void *p, size_t size,
    u_char *secret);
ngx_uint_t ngx_http_webhook_keys_valid(ngx_http_webhook_keys_t *keys);
void ngx_http_webhook_keys_hash(ngx_http_webhook_keys_t *keys, ngx_str_t *key,
    ngx_http_webhook_keys_claim_t *claim);
ngx_int_t ngx_http_webhook_keys_claim(ngx_http_webhook_keys_t *keys,
    ngx_http_webhook_keys_claim_t *claim, time_t now,
    ngx_http_webhook_keys_answer_t *answer);
ngx_int_t ngx_http_webhook_keys_confirm(ngx_http_webhook_keys_t *keys,
    ngx_http_webhook_keys_claim_t *claim, time_t now, time_t expires,
    ngx_http_webhook_keys_answer_t *answer);
ngx_int_t ngx_http_webhook_keys_release(ngx_http_webhook_keys_t *keys,
    ngx_http_webhook_keys_claim_t *claim);
void ngx_http_webhook_keys_void(ngx_http_webhook_keys_t *keys, uint32_t pid);
void ngx_http_webhook_keys_load(ngx_http_webhook_keys_t *keys,
    ngx_http_webhook_keys_record_t *record, time_t now);
ngx_uint_t ngx_http_webhook_keys_unwritten(ngx_http_webhook_keys_t *keys,
    uint32_t pid, ngx_http_webhook_keys_record_t *records, ngx_uint_t max);
void ngx_http_webhook_keys_written(ngx_http_webhook_keys_t *keys,
    uint32_t number);
void ngx_http_webhook_keys_stat(ngx_http_webhook_keys_t *keys,
    ngx_http_webhook_keys_stat_t *stat);


#endif /* _NGX_HTTP_WEBHOOK_KEYS_H_INCLUDED_ */
