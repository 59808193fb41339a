
#ifndef _NGX_HTTP_WEBHOOK_DEDUP_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_DEDUP_H_INCLUDED_


#include "ngx_http_webhook.h"


ngx_int_t ngx_http_webhook_dedup_step(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx);
void ngx_http_webhook_dedup_accepted(ngx_http_request_t *r, ngx_uint_t status);
char *ngx_http_webhook_dedup(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_webhook_dedup_merge(ngx_conf_t *cf,
    ngx_http_webhook_loc_conf_t *prev, ngx_http_webhook_loc_conf_t *wlcf);
void ngx_http_webhook_dedup_init(ngx_conf_t *cf);


#endif /* _NGX_HTTP_WEBHOOK_DEDUP_H_INCLUDED_ */
