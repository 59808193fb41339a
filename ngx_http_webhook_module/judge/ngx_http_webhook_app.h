
#ifndef _NGX_HTTP_WEBHOOK_APP_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_APP_H_INCLUDED_


#include "ngx_http_webhook.h"


ngx_int_t ngx_http_webhook_app_token(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx);
ngx_int_t ngx_http_webhook_app_identify(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx);
char *ngx_http_webhook_app(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_webhook_identity(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);


#endif /* _NGX_HTTP_WEBHOOK_APP_H_INCLUDED_ */
