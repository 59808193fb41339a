
#ifndef _NGX_HTTP_WEBHOOK_DELIVERER_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_DELIVERER_H_INCLUDED_


#include "events/ngx_http_webhook_health.h"


/* milliseconds between attempts to get the lock, and for housekeeping */
#define NGX_HTTP_WEBHOOK_TICK            1000

/* milliseconds that a lease of a quitting process is for, and is renewed in */
#define NGX_HTTP_WEBHOOK_LEASE           10000
#define NGX_HTTP_WEBHOOK_RENEWAL         3000


typedef struct {
    ngx_rbtree_node_t                 node;         /* by its number */
    ngx_queue_t                       ready;        /* empty: it is not */
    ngx_http_webhook_deliverer_t     *deliverer;

    ngx_uint_t                        active;       /* attempts */
    ngx_uint_t                        probing;      /* those of them that began
                                                       when it was not
                                                       healthy */
    ngx_uint_t                        held;         /* and outcomes that are
                                                       not committed */
    ngx_uint_t                        limit;        /* of attempts, if it is
                                                       healthy */

    ngx_http_webhook_health_t         health;
    ngx_uint_t                        failing;      /* is counted as such */
    ngx_msec_t                        probe;        /* not before */

    /* all events up to these have been looked at */
    uint64_t                          time;
    uint64_t                          seq;

    ngx_event_t                       timer;
    ngx_connection_t                  dummy;        /* for the timer's log */
} ngx_http_webhook_destination_t;


struct ngx_http_webhook_deliverer_s {
    ngx_http_webhook_queue_t         *queue;
    ngx_fd_t                          lock;         /* INVALID: standing by */
    ngx_connection_t                 *wake;

    ngx_event_t                       run;
    ngx_event_t                       tick;
    ngx_connection_t                  dummy;        /* for the timers' logs */

    ngx_rbtree_t                      destinations;
    ngx_rbtree_node_t                 sentinel;
    ngx_uint_t                        ndestinations;
    ngx_uint_t                        nfailing;

    /* destinations for which something may be due, in the order of waiting */
    ngx_queue_t                       ready;        /* healthy ones */
    ngx_queue_t                       probes;       /* others */
    ngx_uint_t                        turn;         /* of a healthy one */

    ngx_queue_t                       waiting;      /* for a connection; empty:
                                                       it is not */
    ngx_event_t                       spare;        /* the timer for that */
    ngx_uint_t                        throttled;
    time_t                            logged;       /* that it is */

    ngx_rbtree_t                      jobs;         /* by the event's seq */
    ngx_queue_t                       failed;       /* to be committed again */
    ngx_uint_t                        active;
    ngx_uint_t                        settling;
    ngx_uint_t                        leases;

    uint64_t                          seq;          /* of the last news */
    ngx_uint_t                        loading;      /* the destinations that
                                                       there are */
    uint64_t                          load;         /* the next of them */
    ngx_rbtree_key_t                  look;         /* the next one for which
                                                       the tick looks */
    ngx_uint_t                        leaving;
    ngx_msec_t                        deadline;     /* of leaving */
    ngx_uint_t                        hung;         /* who has the lock */
};


/* an attempt, until its outcome is committed */

typedef struct {
    ngx_rbtree_node_t                 node;
    ngx_queue_t                       queue;        /* of failed ones */
    ngx_http_webhook_deliverer_t     *deliverer;
    ngx_http_webhook_destination_t   *destination;

    ngx_http_webhook_attempt_t        attempt;
    uint64_t                          delivered;    /* to its destination, when
                                                       it began */
    ngx_http_webhook_spool_change_t   lease;
    ngx_uint_t                        leased;       /* not committed yet */
    ngx_uint_t                        settled;
} ngx_http_webhook_job_t;


#endif /* _NGX_HTTP_WEBHOOK_DELIVERER_H_INCLUDED_ */
