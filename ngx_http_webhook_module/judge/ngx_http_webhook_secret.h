
#ifndef _NGX_HTTP_WEBHOOK_SECRET_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_SECRET_H_INCLUDED_


#include "ngx_http_webhook.h"


char *ngx_http_webhook_secret(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_webhook_secret_header(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
ngx_int_t ngx_http_webhook_authenticate(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx);
ngx_uint_t ngx_http_webhook_secret_valid(ngx_http_webhook_ctx_t *ctx,
    ngx_str_t *slug);


#endif /* _NGX_HTTP_WEBHOOK_SECRET_H_INCLUDED_ */
