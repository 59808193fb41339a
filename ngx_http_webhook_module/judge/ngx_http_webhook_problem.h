
#ifndef _NGX_HTTP_WEBHOOK_PROBLEM_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_PROBLEM_H_INCLUDED_


#include "ngx_http_webhook.h"


ngx_int_t ngx_http_webhook_problem(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx);
ngx_int_t ngx_http_webhook_refuse(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_http_webhook_verdict_t *verdict,
    ngx_http_webhook_field_t *field);
void ngx_http_webhook_problem_init(void);


extern ngx_http_webhook_envelope_t  ngx_http_webhook_problem_json;


#endif /* _NGX_HTTP_WEBHOOK_PROBLEM_H_INCLUDED_ */
