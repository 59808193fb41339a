
#ifndef _NGX_HTTP_WEBHOOK_HEALTH_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_HEALTH_H_INCLUDED_


#include "events/ngx_http_webhook_deliver.h"


typedef enum {
    NGX_HTTP_WEBHOOK_HEALTH_GOOD = 0,
    NGX_HTTP_WEBHOOK_HEALTH_DOUBTED,           /* another event is to tell */
    NGX_HTTP_WEBHOOK_HEALTH_FAILING
} ngx_http_webhook_health_e;


/* whether a destination takes events, as far as this process knows */

typedef struct {
    ngx_http_webhook_health_e         state;
    ngx_http_webhook_queue_t         *queue;
    uint64_t                          number;       /* of the destination */

    uint64_t                          delivered;    /* events */
    ngx_uint_t                        status;       /* of the last failure */
    ngx_int_t                         retry_after;  /* with it; seconds, or
                                                       -1 */
    ngx_msec_t                        since;        /* it is failing */
    ngx_msec_t                        delay;        /* until the next probe */

    /* the event that was tried last without success */
    uint64_t                          time;
    uint64_t                          seq;

    /* events that have failed, by their number */
    ngx_rbtree_t                      suspects;
    ngx_rbtree_node_t                 sentinel;
    ngx_uint_t                        nsuspects;
} ngx_http_webhook_health_t;


void ngx_http_webhook_health_init(ngx_http_webhook_health_t *health,
    ngx_http_webhook_queue_t *queue, uint64_t number);
void ngx_http_webhook_health_free(ngx_http_webhook_health_t *health);
ngx_uint_t ngx_http_webhook_health_delivered(
    ngx_http_webhook_health_t *health, ngx_http_webhook_attempt_t *attempt);
ngx_uint_t ngx_http_webhook_health_unwell(ngx_http_webhook_health_t *health,
    ngx_http_webhook_attempt_t *attempt, uint64_t delivered);
void ngx_http_webhook_health_fail(ngx_http_webhook_health_t *health);


#endif /* _NGX_HTTP_WEBHOOK_HEALTH_H_INCLUDED_ */
