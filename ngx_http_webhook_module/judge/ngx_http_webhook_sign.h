
#ifndef _NGX_HTTP_WEBHOOK_SIGN_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_SIGN_H_INCLUDED_


#include "ngx_http_webhook.h"


/* bytes of a secret of Standard Webhooks, when it is decoded */
#define NGX_HTTP_WEBHOOK_SECRET_MIN  24
#define NGX_HTTP_WEBHOOK_SECRET_MAX  64


char *ngx_http_webhook_sign(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
ngx_int_t ngx_http_webhook_sign_standard(ngx_http_request_t *r,
    ngx_str_t *secrets, ngx_uint_t n, ngx_str_t *id, ngx_str_t *timestamp,
    ngx_str_t *body, ngx_str_t *signature);
ngx_uint_t ngx_http_webhook_secret_is(ngx_str_t *secret);
ngx_int_t ngx_http_webhook_secret_create(ngx_pool_t *pool, ngx_str_t *secret);


#endif /* _NGX_HTTP_WEBHOOK_SIGN_H_INCLUDED_ */
