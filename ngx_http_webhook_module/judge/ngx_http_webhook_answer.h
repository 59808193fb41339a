
#ifndef _NGX_HTTP_WEBHOOK_ANSWER_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_ANSWER_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <jansson.h>

#include "ngx_http_webhook.h"
#include "registry/ngx_http_webhook_registry.h"


ngx_int_t ngx_http_webhook_suspend(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_http_webhook_step_pt next);
void ngx_http_webhook_resume(ngx_http_request_t *r);
void ngx_http_webhook_resume_op(ngx_http_webhook_registry_op_t *op);
ngx_int_t ngx_http_webhook_send_json(ngx_http_request_t *r, ngx_uint_t status,
    ngx_chain_t *out, off_t len);
ngx_int_t ngx_http_webhook_answer_json(ngx_http_request_t *r, ngx_uint_t status,
    json_t *json);
ngx_int_t ngx_http_webhook_print_json(ngx_pool_t *pool, json_t *json,
    ngx_str_t *text);


#endif /* _NGX_HTTP_WEBHOOK_ANSWER_H_INCLUDED_ */
