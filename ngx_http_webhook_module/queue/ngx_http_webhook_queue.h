
#ifndef _NGX_HTTP_WEBHOOK_QUEUE_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_QUEUE_H_INCLUDED_


#include "ngx_http_webhook.h"
#include "store/ngx_http_webhook_spool.h"
#include "status/ngx_http_webhook_status.h"


/* known to ngx_http_webhook_schedule.c */
typedef struct ngx_http_webhook_deliverer_s  ngx_http_webhook_deliverer_t;

/* known to ngx_http_webhook_report.c */
typedef struct ngx_http_webhook_reports_s    ngx_http_webhook_reports_t;

typedef struct ngx_http_webhook_enqueue_s    ngx_http_webhook_enqueue_t;


#define NGX_HTTP_WEBHOOK_QUEUE_KEY  16


/* what all processes know of a queue, in its zone */

typedef struct {
    /* of the process that delivers */
    ngx_atomic_t                     heartbeat;     /* ngx_current_msec; 0:
                                                       nobody delivers */
    ngx_atomic_t                     pid;
    ngx_atomic_t                     destinations;  /* that events wait for */
    ngx_atomic_t                     failing;       /* of them */

    /* of the oldest event that waits: its number, 0: not known, and what
       ngx_current_msec was when it came */
    ngx_atomic_t                     oldest;
    ngx_atomic_t                     since;

    /* a secret that numbers of destinations are made with */
    u_char                           key[NGX_HTTP_WEBHOOK_QUEUE_KEY];
} ngx_http_webhook_queue_shared_t;


struct ngx_http_webhook_queue_s {
    ngx_str_t                        name;
    u_char                          *file;          /* where it is named */
    ngx_uint_t                       line;          /* first */
    ngx_http_webhook_store_conf_t    spool;         /* without a path until it
                                                       is described */
    time_t                           keep_dead;     /* seconds */

    ngx_http_webhook_loc_conf_t     *location;      /* that delivers it; may be
                                                       NULL */
    ngx_http_core_loc_conf_t        *clcf;          /* of it */
    ngx_http_core_srv_conf_t        *cscf;
    ngx_shm_zone_t                  *endpoints;     /* may be NULL */

    ngx_shm_zone_t                  *shm_zone;
    ngx_http_webhook_queue_shared_t *shared;
    ngx_fd_t                         eventfd;       /* of all processes, for
                                                       who delivers */
    ngx_event_t                      news;          /* of this process */

    ngx_http_webhook_store_t        *store;         /* of this process */
    ngx_cycle_t                     *cycle;
    ngx_uint_t                       expiring;      /* dead letters */
    time_t                           logged;        /* that it is full */
    ngx_uint_t                       forgotten;     /* dead letters, not logged
                                                       yet */
    time_t                           forgot;        /* when some were logged */
    ngx_http_webhook_spool_change_t  take;          /* over what an older
                                                       module has added */
    ngx_uint_t                       taking;

    /* of this process, and called when an event may be due; may be NULL */
    ngx_http_webhook_deliverer_t    *deliverer;
    void                           (*wake)(ngx_http_webhook_queue_t *queue);
    ngx_http_webhook_reports_t      *reports;       /* of this process */

    ngx_http_webhook_status_item_t  *status;
};


/*
 * An event on its way into a queue.  It belongs to the caller, who sets
 * "queue", "handler" and "data"; "handler" is called once the event is durable,
 * or could not be stored: sc.change.rc says which.
 */

struct ngx_http_webhook_enqueue_s {
    ngx_http_webhook_spool_change_t  sc;
    ngx_http_webhook_queue_t        *queue;
    void                           (*handler)(ngx_http_webhook_enqueue_t *eq);
    void                            *data;

    ngx_http_webhook_receipt_t      *receipt;       /* NULL: 202 */
    ngx_str_t                        workspace;     /* of its endpoint */
    ngx_uint_t                       fans_out;      /* the answer says to how
                                                       many endpoints */
    ngx_uint_t                       unwanted;      /* to none */

    /* of an event of our own */
    ngx_http_webhook_provider_t     *provider;      /* in whose envelope */
    ngx_str_t                        name;
    ngx_str_t                        text;
    ngx_str_t                        id;            /* for who gets it; empty:
                                                       a new one */
};


ngx_http_webhook_queue_t *ngx_http_webhook_queue_find(
    ngx_http_webhook_main_conf_t *wmcf, ngx_str_t *name);
ngx_http_webhook_queue_t *ngx_http_webhook_queue_get(ngx_conf_t *cf,
    ngx_str_t *name);
char *ngx_http_webhook_queue_path(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
ngx_int_t ngx_http_webhook_queue_init(ngx_conf_t *cf);

void ngx_http_webhook_queue_open(ngx_http_webhook_queue_t *queue,
    ngx_cycle_t *cycle);
void ngx_http_webhook_queue_close(ngx_http_webhook_queue_t *queue);
ngx_int_t ngx_http_webhook_queue_opened(ngx_http_webhook_queue_t *queue);
void ngx_http_webhook_queue_expire(ngx_http_webhook_queue_t *queue);
void ngx_http_webhook_queue_watch_oldest(ngx_http_webhook_queue_t *queue);
uint64_t ngx_http_webhook_queue_age(ngx_http_webhook_queue_t *queue,
    ngx_http_webhook_spool_stat_t *st);

void ngx_http_webhook_queue_submit(ngx_http_webhook_enqueue_t *enqueue);
ngx_int_t ngx_http_webhook_queue_submit_own(
    ngx_http_webhook_enqueue_t *enqueue, ngx_pool_t *pool, u_char *uuid);
ngx_int_t ngx_http_webhook_queue_answer(ngx_http_request_t *r,
    ngx_http_webhook_enqueue_t *enqueue);


#endif /* _NGX_HTTP_WEBHOOK_QUEUE_H_INCLUDED_ */
