
#ifndef _NGX_HTTP_WEBHOOK_OUTBOUND_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_OUTBOUND_H_INCLUDED_


#include "queue/ngx_http_webhook_queue.h"
#include "endpoints/ngx_http_webhook_endpoint.h"
#include "endpoints/ngx_http_webhook_resolve.h"


/* an answer that nginx has no name for: nothing must be sent any more */
#define NGX_HTTP_WEBHOOK_GONE  410


/* what becomes of an event whose endpoint has changed since it came */

enum {
    NGX_HTTP_WEBHOOK_OUTBOUND_SEND = 0,
    NGX_HTTP_WEBHOOK_OUTBOUND_DROP,      /* nobody wants it any more */
    NGX_HTTP_WEBHOOK_OUTBOUND_KEEP,      /* as a dead letter */
    NGX_HTTP_WEBHOOK_OUTBOUND_GONE       /* the same: nothing is known of it */
};


/* an attempt to send an event to an endpoint; it is in the request's pool */

struct ngx_http_webhook_outbound_s {
    ngx_http_request_t           *request;
    ngx_http_webhook_queue_t     *queue;
    ngx_http_webhook_endpoint_t   endpoint;   /* as it is now */
    ngx_http_webhook_url_t        url;
    ngx_uint_t                    state;
    ngx_uint_t                    status;     /* of one that was not sent */

    /* goes on with the request, or ends it, if it had to wait */
    void                        (*handler)(ngx_http_request_t *r,
                                           ngx_int_t rc);

    ngx_http_webhook_resolve_t    resolve;
    ngx_http_upstream_t          *upstream;   /* that has the address */
    ngx_str_t                     body;
    ngx_str_t                     timestamp;
    ngx_str_t                     signature;
};


ngx_int_t ngx_http_webhook_outbound_find(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_shm_zone_t *zone, ngx_str_t *workspace,
    uint64_t *destination);
ngx_int_t ngx_http_webhook_outbound_create(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_http_webhook_queue_t *queue,
    ngx_str_t *body);
ngx_int_t ngx_http_webhook_outbound_begin(ngx_http_request_t *r,
    ngx_http_webhook_outbound_t *outbound);
void ngx_http_webhook_outbound_finish(ngx_http_webhook_outbound_t *outbound,
    ngx_uint_t status);

ngx_int_t ngx_http_webhook_outbound_add_variables(ngx_conf_t *cf);
void ngx_http_webhook_outbound_init(ngx_conf_t *cf);


#endif /* _NGX_HTTP_WEBHOOK_OUTBOUND_H_INCLUDED_ */
