
#ifndef _NGX_HTTP_WEBHOOK_ATTEMPT_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_ATTEMPT_H_INCLUDED_


/*
 * Deliveries are made in six rooms, of which each knows those above it only:
 *
 *     attempt     a request without a client, from its beginning to its end
 *     deliver     directives; what becomes of an event after an attempt
 *     health      whether a destination takes events
 *     holder      which process delivers
 *     line        which destination has its turn
 *     schedule    which event is due when
 */


#include "ngx_http_webhook.h"
#include "queue/ngx_http_webhook_queue.h"
#include "endpoints/ngx_http_webhook_outbound.h"


/* an answer that nginx has no name for */
#define NGX_HTTP_WEBHOOK_TOO_MANY    429

/* seconds: the longest Retry-After that is heeded */
#define NGX_HTTP_WEBHOOK_RETRY_MAX   (24 * 60 * 60)


/* "HTTP/1.1 200" */
#define NGX_HTTP_WEBHOOK_STATUS_LINE 12


typedef struct ngx_http_webhook_attempt_s  ngx_http_webhook_attempt_t;

/* It belongs to the caller of ngx_http_webhook_attempt_begin(). */

struct ngx_http_webhook_attempt_s {
    ngx_http_webhook_queue_t         *queue;
    ngx_http_webhook_spool_change_t   sc;           /* of "event" */

    ngx_uint_t                        probe;        /* of a destination that
                                                       is not healthy: it is
                                                       not logged why it
                                                       fails */

    /* is called when the attempt has ended */
    void                            (*handler)(
                                        ngx_http_webhook_attempt_t *attempt);
    void                             *data;

    /* may be used until "handler" returns; NULL: to no endpoint */
    ngx_http_webhook_outbound_t      *outbound;

    ngx_msec_t                        start;
    ngx_event_t                       timer;        /* of "timeout=" */
    ngx_uint_t                        status;       /* 0: no answer */
    ngx_uint_t                        cut;          /* by nginx, which quits */
    ngx_int_t                         retry_after;  /* seconds, or -1 */
    off_t                             received;

    /* of the answer that follows an interim one */
    u_char                            line[NGX_HTTP_WEBHOOK_STATUS_LINE];
    ngx_uint_t                        line_len;
    ngx_uint_t                        line_end;     /* bytes of CRLF CRLF */
};


ngx_int_t ngx_http_webhook_attempt_init(ngx_conf_t *cf);
ngx_int_t ngx_http_webhook_attempt_begin(ngx_http_webhook_attempt_t *attempt);


#endif /* _NGX_HTTP_WEBHOOK_ATTEMPT_H_INCLUDED_ */
