
#ifndef _NGX_HTTP_WEBHOOK_SCHEDULE_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_SCHEDULE_H_INCLUDED_


#include "events/ngx_http_webhook_deliver.h"


void ngx_http_webhook_schedule_open(ngx_http_webhook_queue_t *queue,
    ngx_cycle_t *cycle);
void ngx_http_webhook_schedule_close(ngx_http_webhook_queue_t *queue);


#endif /* _NGX_HTTP_WEBHOOK_SCHEDULE_H_INCLUDED_ */
