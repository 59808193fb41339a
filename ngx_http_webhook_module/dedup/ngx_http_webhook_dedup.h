
#ifndef _NGX_HTTP_WEBHOOK_DEDUP_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_DEDUP_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


typedef struct ngx_http_webhook_dedup_s       ngx_http_webhook_dedup_t;
typedef struct ngx_http_webhook_held_s        ngx_http_webhook_held_t;
typedef struct ngx_http_webhook_duplicate_s   ngx_http_webhook_duplicate_t;


char *ngx_http_webhook_dedup_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_webhook_dedup_zone(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_webhook_dedup_check(ngx_conf_t *cf,
    ngx_http_webhook_dedup_t *dedup);
void ngx_http_webhook_dedup_init(ngx_conf_t *cf);
void ngx_http_webhook_dedup_init_process(ngx_shm_zone_t *shm_zone,
    ngx_cycle_t *cycle);
void ngx_http_webhook_dedup_exit_process(ngx_shm_zone_t *shm_zone);


#endif /* _NGX_HTTP_WEBHOOK_DEDUP_H_INCLUDED_ */
