
#ifndef _NGX_HTTP_WEBHOOK_BODY_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_BODY_H_INCLUDED_


#include "ngx_http_webhook.h"


ngx_int_t ngx_http_webhook_body_feed(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_chain_t *in);
ngx_int_t ngx_http_webhook_body_slice(ngx_http_request_t *r, off_t start,
    off_t end, ngx_str_t *text);
ngx_int_t ngx_http_webhook_body_copy(ngx_http_request_t *r, off_t start,
    off_t end, u_char *p);
ngx_int_t ngx_http_webhook_body_wrap(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_buf_t *head, ngx_buf_t *tail);
ngx_int_t ngx_http_webhook_body_unwrap(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx);
ngx_int_t ngx_http_webhook_body_init(ngx_conf_t *cf);


#endif /* _NGX_HTTP_WEBHOOK_BODY_H_INCLUDED_ */
