
#ifndef _NGX_HTTP_WEBHOOK_SECRET_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_SECRET_H_INCLUDED_


#include "ngx_http_webhook.h"


char *ngx_http_webhook_secret(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_webhook_secret_header(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
ngx_int_t ngx_http_webhook_authenticate(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx);
ngx_uint_t ngx_http_webhook_secrets_usable(ngx_http_webhook_loc_conf_t *wlcf);
ngx_uint_t ngx_http_webhook_secret_valid(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_str_t *slug);

char *ngx_http_webhook_secret_values(ngx_conf_t *cf, ngx_str_t *text,
    ngx_array_t *values);
ngx_uint_t ngx_http_webhook_secret_blank(ngx_str_t *text);
void ngx_http_webhook_secret_text(ngx_http_request_t *r,
    ngx_http_webhook_secret_value_t *value, ngx_str_t *text);

void ngx_http_webhook_secret_merge(ngx_http_webhook_loc_conf_t *prev,
    ngx_http_webhook_loc_conf_t *conf);
char *ngx_http_webhook_secret_check(ngx_conf_t *cf,
    ngx_http_webhook_loc_conf_t *wlcf);
ngx_int_t ngx_http_webhook_secret_variables(ngx_conf_t *cf);


#endif /* _NGX_HTTP_WEBHOOK_SECRET_H_INCLUDED_ */
