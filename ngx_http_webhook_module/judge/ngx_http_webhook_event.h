
#ifndef _NGX_HTTP_WEBHOOK_EVENT_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_EVENT_H_INCLUDED_


#include "ngx_http_webhook.h"


ngx_int_t ngx_http_webhook_event_route(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx);
void ngx_http_webhook_event_name(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx);
ngx_int_t ngx_http_webhook_event_check(ngx_http_webhook_ctx_t *ctx);


#endif /* _NGX_HTTP_WEBHOOK_EVENT_H_INCLUDED_ */
