
#ifndef _NGX_HTTP_WEBHOOK_DELIVER_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_DELIVER_H_INCLUDED_


#include "events/ngx_http_webhook_attempt.h"


/* what an attempt says of its destination */

typedef enum {
    NGX_HTTP_WEBHOOK_DELIVERED = 0,
    NGX_HTTP_WEBHOOK_FAILED,            /* the event has */
    NGX_HTTP_WEBHOOK_UNWELL,            /* perhaps the destination has */
    NGX_HTTP_WEBHOOK_NOT_TRIED
} ngx_http_webhook_outcome_e;


char *ngx_http_webhook_deliver(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_webhook_retry(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
void ngx_http_webhook_deliver_init(ngx_conf_t *cf);
char *ngx_http_webhook_deliver_check(ngx_conf_t *cf,
    ngx_http_webhook_loc_conf_t *wlcf);

ngx_http_webhook_outcome_e ngx_http_webhook_deliver_outcome(
    ngx_http_webhook_attempt_t *attempt);
void ngx_http_webhook_deliver_failed(ngx_http_webhook_attempt_t *attempt);
uint64_t ngx_http_webhook_deliver_longest(ngx_http_webhook_queue_t *queue,
    ngx_http_webhook_event_t *event);


#endif /* _NGX_HTTP_WEBHOOK_DELIVER_H_INCLUDED_ */
