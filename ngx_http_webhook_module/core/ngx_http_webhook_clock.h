
#ifndef _NGX_HTTP_WEBHOOK_CLOCK_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_CLOCK_H_INCLUDED_


#include "ngx_http_webhook.h"


ngx_uint_t ngx_http_webhook_clock_start(void);
ngx_uint_t ngx_http_webhook_clock_stop(ngx_http_webhook_ctx_t *ctx);
uint64_t ngx_http_webhook_clock_now(void);
uint64_t ngx_http_webhook_clock_steady(void);
ngx_uint_t ngx_http_webhook_clock_doubted(void);


#endif /* _NGX_HTTP_WEBHOOK_CLOCK_H_INCLUDED_ */
