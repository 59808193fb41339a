
#ifndef _NGX_HTTP_WEBHOOK_CTX_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_CTX_H_INCLUDED_


#include "core/ngx_http_webhook_verdict.h"


ngx_http_webhook_ctx_t *ngx_http_webhook_get_ctx(ngx_http_request_t *r);
ngx_http_webhook_ctx_t *ngx_http_webhook_create_ctx(ngx_http_request_t *r);
ngx_int_t ngx_http_webhook_reject(ngx_http_webhook_ctx_t *ctx,
    ngx_http_webhook_verdict_t *verdict, ngx_http_webhook_field_t *field);
ngx_uint_t ngx_http_webhook_find_event(ngx_http_webhook_provider_t *provider,
    ngx_str_t *name);
void ngx_http_webhook_source_text(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_http_webhook_source_t *source,
    ngx_str_t *text);
ngx_int_t ngx_http_webhook_set_id(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_uint_t make);

ngx_table_elt_t *ngx_http_webhook_find_header(ngx_http_request_t *r,
    ngx_str_t *key, ngx_uint_t *count);
ngx_int_t ngx_http_webhook_add_request_header(ngx_http_request_t *r,
    ngx_str_t *key, ngx_str_t *value);
ngx_table_elt_t *ngx_http_webhook_add_header(ngx_http_request_t *r, char *name,
    ngx_str_t *value);


#endif /* _NGX_HTTP_WEBHOOK_CTX_H_INCLUDED_ */
