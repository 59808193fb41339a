
#ifndef _NGX_HTTP_WEBHOOK_API_BODY_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_API_BODY_H_INCLUDED_


#include "queue/ngx_http_webhook_queue.h"


/* bytes of a body that is not answered in one go */
#define NGX_HTTP_WEBHOOK_API_BODY_LARGE  (256 * 1024)


ngx_int_t ngx_http_webhook_api_body_answer(ngx_http_request_t *r,
    ngx_http_webhook_queue_t *queue, ngx_http_webhook_event_t *event,
    json_t *json);


#endif /* _NGX_HTTP_WEBHOOK_API_BODY_H_INCLUDED_ */
