
#ifndef _NGX_HTTP_WEBHOOK_DEDUP_ZONE_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_DEDUP_ZONE_H_INCLUDED_


#include "ngx_http_webhook.h"
#include "dedup/ngx_http_webhook_keys.h"


/* known to ngx_http_webhook_dedup_zone.c */
typedef struct ngx_http_webhook_dedup_zone_s  ngx_http_webhook_dedup_zone_t;


char *ngx_http_webhook_dedup_zone(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
ngx_shm_zone_t *ngx_http_webhook_dedup_zone_get(ngx_conf_t *cf,
    ngx_str_t *name, size_t size);
void ngx_http_webhook_dedup_zone_init_process(ngx_shm_zone_t *shm_zone,
    ngx_cycle_t *cycle);
void ngx_http_webhook_dedup_zone_exit_process(ngx_shm_zone_t *shm_zone);

void ngx_http_webhook_dedup_zone_hash(ngx_http_webhook_dedup_zone_t *zone,
    ngx_str_t *key, ngx_http_webhook_keys_claim_t *claim);
ngx_int_t ngx_http_webhook_dedup_zone_claim(
    ngx_http_webhook_dedup_zone_t *zone, ngx_http_webhook_keys_claim_t *claim,
    ngx_http_webhook_keys_answer_t *answer, ngx_log_t *log);
void ngx_http_webhook_dedup_zone_confirm(ngx_http_webhook_dedup_zone_t *zone,
    ngx_http_webhook_keys_claim_t *claim, time_t ttl,
    ngx_http_webhook_keys_answer_t *answer, ngx_log_t *log);
void ngx_http_webhook_dedup_zone_release(ngx_http_webhook_dedup_zone_t *zone,
    ngx_http_webhook_keys_claim_t *claim);
size_t ngx_http_webhook_dedup_zone_used(ngx_shm_zone_t *shm_zone);


#endif /* _NGX_HTTP_WEBHOOK_DEDUP_ZONE_H_INCLUDED_ */
