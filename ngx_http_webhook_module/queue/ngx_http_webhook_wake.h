
#ifndef _NGX_HTTP_WEBHOOK_WAKE_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_WAKE_H_INCLUDED_


#include "queue/ngx_http_webhook_queue.h"


ngx_int_t ngx_http_webhook_wake_create(ngx_http_webhook_queue_t *queue,
    ngx_http_webhook_queue_t *old, ngx_log_t *log);
void ngx_http_webhook_wake_open(ngx_http_webhook_queue_t *queue,
    ngx_log_t *log);
void ngx_http_webhook_wake_tell(ngx_http_webhook_queue_t *queue);
ngx_connection_t *ngx_http_webhook_wake_connection(
    ngx_http_webhook_queue_t *queue);
ngx_connection_t *ngx_http_webhook_wake_listen(
    ngx_http_webhook_queue_t *queue, ngx_event_handler_pt handler, void *data);
void ngx_http_webhook_wake_heard(ngx_connection_t *c);
void ngx_http_webhook_wake_deaf(ngx_connection_t **c);


#endif /* _NGX_HTTP_WEBHOOK_WAKE_H_INCLUDED_ */
