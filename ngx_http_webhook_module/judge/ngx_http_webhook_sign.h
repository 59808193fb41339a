
#ifndef _NGX_HTTP_WEBHOOK_SIGN_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_SIGN_H_INCLUDED_


#include "ngx_http_webhook.h"


char *ngx_http_webhook_sign(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
ngx_int_t ngx_http_webhook_sign_standard(ngx_http_request_t *r,
    ngx_str_t *secrets, ngx_uint_t n, ngx_str_t *id, ngx_str_t *timestamp,
    ngx_str_t *body, ngx_str_t *signature);


#endif /* _NGX_HTTP_WEBHOOK_SIGN_H_INCLUDED_ */
