
#ifndef _NGX_HTTP_WEBHOOK_API_JSON_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_API_JSON_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <jansson.h>

#include "queue/ngx_http_webhook_message.h"
#include "queue/ngx_http_webhook_queue.h"


/* a text that is made in parts */

typedef struct {
    ngx_chain_t   *first;
    ngx_chain_t   *last;
    off_t          len;
} ngx_http_webhook_api_text_t;


json_t *ngx_http_webhook_api_queue_json(ngx_http_webhook_queue_t *queue);
json_t *ngx_http_webhook_api_event_json(ngx_http_webhook_event_t *event);
json_t *ngx_http_webhook_api_dead_json(ngx_http_webhook_queue_t *queue,
    ngx_http_webhook_event_t *event, ngx_pool_t *pool);
ngx_int_t ngx_http_webhook_api_message_json(json_t *json, ngx_pool_t *pool,
    ngx_http_webhook_message_t *message, ngx_str_t *body);
json_t *ngx_http_webhook_api_text_json(ngx_str_t *text);
ngx_int_t ngx_http_webhook_api_text_add(ngx_pool_t *pool,
    ngx_http_webhook_api_text_t *text, u_char *p, size_t len);


#endif /* _NGX_HTTP_WEBHOOK_API_JSON_H_INCLUDED_ */
