
#ifndef _NGX_HTTP_WEBHOOK_PAYLOAD_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_PAYLOAD_H_INCLUDED_


#include "ngx_http_webhook.h"


ngx_int_t ngx_http_webhook_payload_judge(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx);
ngx_int_t ngx_http_webhook_payload_reject(ngx_http_webhook_ctx_t *ctx,
    ngx_http_webhook_reader_t *reader, ngx_int_t rc,
    ngx_http_webhook_field_t *field);


#endif /* _NGX_HTTP_WEBHOOK_PAYLOAD_H_INCLUDED_ */
