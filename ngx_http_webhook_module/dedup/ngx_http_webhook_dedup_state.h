
#ifndef _NGX_HTTP_WEBHOOK_DEDUP_STATE_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_DEDUP_STATE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "dedup/ngx_http_webhook_keys.h"
#include "store/ngx_http_webhook_store.h"


typedef struct ngx_http_webhook_dedup_writer_s  ngx_http_webhook_dedup_writer_t;


void ngx_http_webhook_dedup_state_conf(ngx_http_webhook_store_conf_t *conf);
void ngx_http_webhook_dedup_state_random(u_char *secret);
ngx_int_t ngx_http_webhook_dedup_state_secret(ngx_http_webhook_store_t *store,
    u_char *secret);
ngx_int_t ngx_http_webhook_dedup_state_load(ngx_http_webhook_store_t *store,
    ngx_http_webhook_keys_t *keys);

ngx_http_webhook_dedup_writer_t *ngx_http_webhook_dedup_writer_create(
    ngx_http_webhook_store_conf_t *conf, ngx_http_webhook_keys_t *keys,
    ngx_shmtx_t *mutex, ngx_cycle_t *cycle);
void ngx_http_webhook_dedup_writer_wake(
    ngx_http_webhook_dedup_writer_t *writer);
void ngx_http_webhook_dedup_writer_close(
    ngx_http_webhook_dedup_writer_t *writer);


#endif /* _NGX_HTTP_WEBHOOK_DEDUP_STATE_H_INCLUDED_ */
