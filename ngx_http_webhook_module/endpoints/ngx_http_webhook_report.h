
#ifndef _NGX_HTTP_WEBHOOK_REPORT_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_REPORT_H_INCLUDED_


#include "queue/ngx_http_webhook_queue.h"
#include "endpoints/ngx_http_webhook_endpoint.h"


ngx_uint_t ngx_http_webhook_report_mark(ngx_http_webhook_queue_t *queue,
    ngx_uint_t status);
void ngx_http_webhook_report_make(ngx_http_webhook_queue_t *queue,
    ngx_http_webhook_provider_t *provider, ngx_str_t *workspace);
void ngx_http_webhook_report_take_over(ngx_http_webhook_queue_t *queue);
void ngx_http_webhook_report_go_on(ngx_http_webhook_queue_t *queue);


#endif /* _NGX_HTTP_WEBHOOK_REPORT_H_INCLUDED_ */
