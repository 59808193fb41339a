
#ifndef _NGX_HTTP_WEBHOOK_PATH_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_PATH_H_INCLUDED_


#include "ngx_http_webhook.h"


/* how many entries a list has without "limit", and at most */
#define NGX_HTTP_WEBHOOK_PAGE_LIMIT  100
#define NGX_HTTP_WEBHOOK_PAGE_MAX    1000


/* the part of a list that a query string asks for */

typedef struct {
    ngx_uint_t      limit;
    ngx_uint_t      has_after;
    u_char          after[NGX_HTTP_WEBHOOK_UUID_SIZE];
} ngx_http_webhook_page_t;


void ngx_http_webhook_path_get(ngx_http_request_t *r, ngx_str_t *path);
ngx_uint_t ngx_http_webhook_path_segments(ngx_http_request_t *r,
    ngx_str_t *segments, ngx_uint_t max);
ngx_uint_t ngx_http_webhook_path_split(ngx_str_t *path, ngx_str_t *segments,
    ngx_uint_t max);
ngx_uint_t ngx_http_webhook_segment_is(ngx_str_t *segment, char *name);
ngx_int_t ngx_http_webhook_params_check(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx);
ngx_int_t ngx_http_webhook_page_parse(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_http_webhook_page_t *page,
    ngx_http_webhook_verdict_t *invalid_limit,
    ngx_http_webhook_verdict_t *invalid_after);


/* for ngx_http_webhook_method_t */
extern ngx_str_t  ngx_http_webhook_no_params[];
extern ngx_str_t  ngx_http_webhook_page_params[];


#endif /* _NGX_HTTP_WEBHOOK_PATH_H_INCLUDED_ */
