
#ifndef _NGX_HTTP_WEBHOOK_VARIABLE_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_VARIABLE_H_INCLUDED_


#include "ngx_http_webhook.h"


ngx_int_t ngx_http_webhook_variable_init(ngx_conf_t *cf);
ngx_int_t ngx_http_webhook_add_variables(ngx_conf_t *cf,
    ngx_http_variable_t *variables);
ngx_int_t ngx_http_webhook_set_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, ngx_str_t *value);
ngx_int_t ngx_http_webhook_save_variables(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_array_t *variables);
ngx_str_t *ngx_http_webhook_saved_variable(ngx_array_t *variables,
    ngx_str_t *name);


/* the name that an event's name is saved by */
extern ngx_str_t  ngx_http_webhook_saved_event;


#endif /* _NGX_HTTP_WEBHOOK_VARIABLE_H_INCLUDED_ */
