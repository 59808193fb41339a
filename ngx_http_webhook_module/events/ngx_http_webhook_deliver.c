
/*
 * Delivery: who holds the lock of a queue's file delivers, the others stand by,
 * across reloads and binary upgrades.  Each event that is due becomes a request
 * without a client and runs through the location that says "webhook_deliver":
 * its content handler sends it, and what that answers decides.
 *
 * An event stays in the store until what has become of it is committed.  Events
 * of one destination wait for each other only, and one that fails gets a single
 * attempt at a time until it answers well again.
 *
 * A process that is told to quit goes on with what is under way, puts off that
 * for everyone else, and gives up the lock.
 */


#include "events/ngx_http_webhook_deliver.h"
#include "core/ngx_http_webhook_ctx.h"
#include "queue/ngx_http_webhook_message.h"
#include "endpoints/ngx_http_webhook_outbound.h"


#define NGX_HTTP_WEBHOOK_CONCURRENCY     16

/* milliseconds: between attempts to get the lock, and for housekeeping */
#define NGX_HTTP_WEBHOOK_TICK            1000

/*
 * milliseconds: the clock may be set while a timer runs, and what another
 * process had under way may be due earlier than it was put off for
 */
#define NGX_HTTP_WEBHOOK_TIMER_MAX       5000

/* milliseconds: until nginx has a connection to spare */
#define NGX_HTTP_WEBHOOK_SPARE           100

/* milliseconds: what a process that quits still has under way is its own for */
#define NGX_HTTP_WEBHOOK_LEASE           10000
#define NGX_HTTP_WEBHOOK_RENEWAL         3000

/* attempts that are begun in one turn of the event loop */
#define NGX_HTTP_WEBHOOK_TURN            32

/* outcomes that are not committed yet */
#define NGX_HTTP_WEBHOOK_SETTLING        1024

/* dead letters that are removed in a tick */
#define NGX_HTTP_WEBHOOK_EXPIRE          256

/* bytes of an answer that are read, so that its connection can be kept */
#define NGX_HTTP_WEBHOOK_ANSWER_MAX      (1024 * 1024)

/* seconds: Retry-After, and what 429 and 503 mean without it */
#define NGX_HTTP_WEBHOOK_RETRY_MAX       (24 * 60 * 60)
#define NGX_HTTP_WEBHOOK_RETRY_DEFAULT   60

/* milliseconds: for an attempt at an endpoint, which anybody may have made */
#define NGX_HTTP_WEBHOOK_TIMEOUT         60000

/* seconds: an endpoint that has failed for so long is switched off */
#define NGX_HTTP_WEBHOOK_GIVE_UP         (120 * 60 * 60)

#define NGX_HTTP_WEBHOOK_GONE            410
#define NGX_HTTP_WEBHOOK_TOO_MANY        429


typedef struct {
    ngx_rbtree_node_t                 node;         /* by its number */
    ngx_queue_t                       ready;        /* or alone */
    ngx_http_webhook_deliverer_t     *deliverer;

    ngx_uint_t                        active;       /* requests */
    ngx_uint_t                        held;         /* these, and outcomes */
    ngx_uint_t                        limit;        /* of requests */

    uint64_t                          time;         /* all up to here have */
    uint64_t                          seq;          /* been looked at */

    ngx_event_t                       timer;
    ngx_connection_t                  dummy;        /* for the timer's log */
} ngx_http_webhook_destination_t;


struct ngx_http_webhook_deliverer_s {
    ngx_http_webhook_queue_t         *queue;
    ngx_fd_t                          lock;         /* INVALID: standing by */
    ngx_connection_t                 *wake;

    ngx_event_t                       run;
    ngx_event_t                       tick;
    ngx_connection_t                  dummy;        /* for the tick's log */

    ngx_rbtree_t                      destinations;
    ngx_rbtree_node_t                 sentinel;
    ngx_queue_t                       ready;        /* something may be due */

    ngx_rbtree_t                      deliveries;   /* by the event's seq */
    ngx_queue_t                       failed;       /* to be committed again */
    ngx_uint_t                        active;
    ngx_uint_t                        settling;
    ngx_uint_t                        leases;
    ngx_uint_t                        expiring;

    uint64_t                          seq;          /* of the last news */
    ngx_uint_t                        leaving;
};


/* one attempt, until its outcome is committed */

typedef struct {
    ngx_rbtree_node_t                 node;
    ngx_queue_t                       queue;        /* of failed ones */
    ngx_http_webhook_spool_change_t   sc;
    ngx_http_webhook_spool_change_t   lease;
    ngx_uint_t                        leased;       /* not committed yet */
    ngx_uint_t                        settled;

    ngx_http_webhook_deliverer_t     *deliverer;
    ngx_http_webhook_destination_t   *destination;

    ngx_msec_t                        start;
    ngx_event_t                       timer;        /* of "timeout=" */
    ngx_http_webhook_outbound_t      *outbound;     /* to an endpoint */

    ngx_uint_t                        status;       /* 0: no answer */
    ngx_uint_t                        cut;          /* by nginx, which quits */
    ngx_int_t                         retry_after;  /* seconds, or -1 */
    off_t                             received;
} ngx_http_webhook_attempt_t;


/* what a request without a client needs of a connection */

typedef struct {
    ngx_http_connection_t             hc;           /* must be the first */
    ngx_http_addr_conf_t              addr_conf;
    ngx_http_log_ctx_t                log_ctx;
    ngx_log_t                         log;
    ngx_http_webhook_attempt_t      *delivery;
} ngx_http_webhook_deliver_conn_t;


static void ngx_http_webhook_deliver_wake(ngx_http_webhook_queue_t *queue);
static void ngx_http_webhook_deliver_tick(ngx_event_t *ev);
static void ngx_http_webhook_deliver_lock(ngx_http_webhook_deliverer_t *d);
static ngx_int_t ngx_http_webhook_deliver_listen(
    ngx_http_webhook_deliverer_t *d);
static void ngx_http_webhook_deliver_deaf(ngx_http_webhook_deliverer_t *d);
static void ngx_http_webhook_deliver_told(ngx_event_t *ev);
static void ngx_http_webhook_deliver_news(ngx_http_webhook_deliverer_t *d);
static ngx_int_t ngx_http_webhook_deliver_new(void *data,
    ngx_http_webhook_event_t *event);
static ngx_http_webhook_destination_t *ngx_http_webhook_deliver_destination(
    ngx_http_webhook_deliverer_t *d, uint64_t number);
static void ngx_http_webhook_deliver_ready(
    ngx_http_webhook_destination_t *dest);
static void ngx_http_webhook_deliver_due(ngx_event_t *ev);
static void ngx_http_webhook_deliver_run(ngx_event_t *ev);
static void ngx_http_webhook_deliver_wait(ngx_http_webhook_destination_t *dest,
    ngx_msec_t delay);
static ngx_int_t ngx_http_webhook_deliver_next(ngx_http_webhook_deliverer_t *d,
    ngx_http_webhook_destination_t *dest);
static uint64_t ngx_http_webhook_deliver_longest(
    ngx_http_webhook_deliverer_t *d, ngx_http_webhook_event_t *event);
static void ngx_http_webhook_deliver_forget(ngx_http_webhook_deliverer_t *d,
    ngx_http_webhook_destination_t *dest);
static ngx_int_t ngx_http_webhook_deliver_start(
    ngx_http_webhook_deliverer_t *d, ngx_http_webhook_destination_t *dest,
    ngx_http_webhook_event_t *event);
static void ngx_http_webhook_deliver_limit(ngx_http_request_t *r);
static void ngx_http_webhook_deliver_timeout(ngx_event_t *ev);
static void ngx_http_webhook_deliver_go(ngx_http_request_t *r, ngx_int_t rc);
static void ngx_http_webhook_deliver_abandon(ngx_http_request_t *r);
static ngx_connection_t *ngx_http_webhook_deliver_connection(
    ngx_http_webhook_queue_t *queue);
static ngx_int_t ngx_http_webhook_deliver_request(ngx_http_request_t *r,
    ngx_http_webhook_queue_t *queue, ngx_http_webhook_event_t *event);
static ngx_int_t ngx_http_webhook_deliver_headers(ngx_http_request_t *r,
    ngx_http_webhook_message_t *message, size_t length);
static u_char *ngx_http_webhook_deliver_log(ngx_log_t *log, u_char *buf,
    size_t len);
static void ngx_http_webhook_deliver_event(ngx_event_t *ev);
static ngx_chain_t *ngx_http_webhook_deliver_send_chain(ngx_connection_t *c,
    ngx_chain_t *in, off_t limit);
static ngx_http_webhook_attempt_t *ngx_http_webhook_delivery(
    ngx_http_request_t *r);
static ngx_int_t ngx_http_webhook_deliver_access(ngx_http_request_t *r);
static ngx_int_t ngx_http_webhook_deliver_header_filter(ngx_http_request_t *r);
static ngx_int_t ngx_http_webhook_deliver_retry_after(ngx_http_request_t *r);
static ngx_int_t ngx_http_webhook_deliver_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in);
static void ngx_http_webhook_deliver_finished(void *data);
static void ngx_http_webhook_deliver_unsent(
    ngx_http_webhook_attempt_t *delivery, ngx_uint_t keep);
static void ngx_http_webhook_deliver_outcome(
    ngx_http_webhook_attempt_t *delivery);
static void ngx_http_webhook_deliver_settle(
    ngx_http_webhook_attempt_t *delivery);
static uint64_t ngx_http_webhook_deliver_delay(
    ngx_http_webhook_attempt_t *delivery);
static void ngx_http_webhook_deliver_settled(
    ngx_http_webhook_change_t *change);
static void ngx_http_webhook_deliver_expire(ngx_http_webhook_deliverer_t *d);
static ngx_int_t ngx_http_webhook_deliver_expired(void *data,
    ngx_http_webhook_event_t *event);
static void ngx_http_webhook_deliver_discarded(
    ngx_http_webhook_change_t *change);
static void ngx_http_webhook_deliver_leave(ngx_http_webhook_deliverer_t *d);
static void ngx_http_webhook_deliver_lease(ngx_http_webhook_deliverer_t *d);
static void ngx_http_webhook_deliver_leased(ngx_http_webhook_change_t *change);
static void ngx_http_webhook_deliver_unlock(ngx_http_webhook_deliverer_t *d);
static uint64_t ngx_http_webhook_deliver_now(void);


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;
static ngx_http_output_body_filter_pt    ngx_http_next_body_filter;


static ngx_str_t  ngx_http_webhook_deliver_method = ngx_string("POST");
static ngx_str_t  ngx_http_webhook_deliver_protocol = ngx_string("HTTP/1.1");


/* milliseconds */

static ngx_msec_t  ngx_http_webhook_deliver_slots[] = {
    5000, 300000, 1800000, 7200000, 18000000, 36000000, 36000000
};

static ngx_array_t  ngx_http_webhook_deliver_retry = {
    ngx_http_webhook_deliver_slots,
    sizeof(ngx_http_webhook_deliver_slots) / sizeof(ngx_msec_t),
    sizeof(ngx_msec_t),
    sizeof(ngx_http_webhook_deliver_slots) / sizeof(ngx_msec_t),
    NULL
};


/*
 * webhook_deliver name [concurrency=16] [destination=$variable]
 *                      [timeout=time] [give_up=120h] [report=queue];
 */

char *
ngx_http_webhook_deliver(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_webhook_loc_conf_t *wlcf = conf;

    ngx_int_t                          n;
    ngx_str_t                         *value, text;
    ngx_uint_t                         i;
    ngx_http_webhook_queue_t          *queue;
    ngx_http_compile_complex_value_t   ccv;

    if (wlcf->deliver) {
        return "is duplicate";
    }

    value = cf->args->elts;

    queue = ngx_http_webhook_queue_get(cf, &value[1]);
    if (queue == NULL) {
        return NGX_CONF_ERROR;
    }

    if (queue->location) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "webhook queue \"%V\" is delivered by another "
                           "location already", &value[1]);
        return NGX_CONF_ERROR;
    }

    for (i = 2; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "concurrency=", 12) == 0
            && wlcf->concurrency == 0)
        {
            n = ngx_atoi(value[i].data + 12, value[i].len - 12);

            if (n >= 1) {
                wlcf->concurrency = n;
                continue;
            }

        } else if (ngx_strncmp(value[i].data, "destination=", 12) == 0
                   && value[i].len > 12 && wlcf->destination == NULL)
        {
            text.len = value[i].len - 12;
            text.data = value[i].data + 12;

            wlcf->destination = ngx_palloc(cf->pool,
                                           sizeof(ngx_http_complex_value_t));
            if (wlcf->destination == NULL) {
                return NGX_CONF_ERROR;
            }

            ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

            ccv.cf = cf;
            ccv.value = &text;
            ccv.complex_value = wlcf->destination;

            if (ngx_http_compile_complex_value(&ccv) != NGX_OK) {
                return NGX_CONF_ERROR;
            }

            continue;

        } else if (ngx_strncmp(value[i].data, "timeout=", 8) == 0
                   && wlcf->timeout == 0)
        {
            text.len = value[i].len - 8;
            text.data = value[i].data + 8;

            n = ngx_parse_time(&text, 0);

            if (n > 0) {
                wlcf->timeout = n;
                continue;
            }

        } else if (ngx_strncmp(value[i].data, "give_up=", 8) == 0
                   && wlcf->give_up == 0)
        {
            text.len = value[i].len - 8;
            text.data = value[i].data + 8;

            wlcf->give_up = ngx_parse_time(&text, 1);

            if (wlcf->give_up > 0) {
                continue;
            }

        } else if (ngx_strncmp(value[i].data, "report=", 7) == 0
                   && value[i].len > 7 && wlcf->report == NULL)
        {
            text.len = value[i].len - 7;
            text.data = value[i].data + 7;

            wlcf->report = ngx_http_webhook_queue_get(cf, &text);
            if (wlcf->report == NULL) {
                return NGX_CONF_ERROR;
            }

            if (wlcf->report != queue) {
                continue;
            }
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\"", &value[i]);
        return NGX_CONF_ERROR;
    }

    if (wlcf->concurrency == 0) {
        wlcf->concurrency = NGX_HTTP_WEBHOOK_CONCURRENCY;
    }

    if (wlcf->give_up == 0) {
        wlcf->give_up = NGX_HTTP_WEBHOOK_GIVE_UP;
    }

    wlcf->deliver = queue;
    wlcf->queue_file = cf->conf_file->file.name.data;
    wlcf->queue_line = cf->conf_file->line;

    queue->location = wlcf;
    queue->clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    queue->cscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_core_module);

    /* it judges nothing: clients must not come this way */
    queue->clcf->internal = 1;

    return NGX_CONF_OK;
}


/* webhook_retry time ...; */

char *
ngx_http_webhook_retry(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_webhook_loc_conf_t *wlcf = conf;

    ngx_int_t    n;
    ngx_str_t   *value;
    ngx_msec_t  *slot;
    ngx_uint_t   i;

    if (wlcf->retry != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    wlcf->retry = ngx_array_create(cf->pool, cf->args->nelts,
                                   sizeof(ngx_msec_t));
    if (wlcf->retry == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < cf->args->nelts; i++) {

        n = ngx_parse_time(&value[i], 0);

        if (n == NGX_ERROR || n == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid time \"%V\"", &value[i]);
            return NGX_CONF_ERROR;
        }

        slot = ngx_array_push(wlcf->retry);
        if (slot == NULL) {
            return NGX_CONF_ERROR;
        }

        *slot = n;
    }

    if (wlcf->queue_file == NULL) {
        wlcf->queue_file = cf->conf_file->file.name.data;
        wlcf->queue_line = cf->conf_file->line;
    }

    return NGX_CONF_OK;
}


/* of a location with one of the two, after the configuration was read */

char *
ngx_http_webhook_deliver_check(ngx_conf_t *cf,
    ngx_http_webhook_loc_conf_t *wlcf)
{
    ngx_http_core_loc_conf_t  *clcf;

    if (wlcf->deliver == NULL) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"%s\" needs \"webhook_deliver\" in %s:%ui",
                      wlcf->sign ? "webhook_sign" : "webhook_retry",
                      wlcf->queue_file, wlcf->queue_line);
        return NGX_CONF_ERROR;
    }

    if (wlcf->provider || wlcf->queue) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"webhook_deliver\" can't be used in a location with "
                      "\"webhook\" in %s:%ui",
                      wlcf->queue_file, wlcf->queue_line);
        return NGX_CONF_ERROR;
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->handler == NULL) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"webhook_deliver\" needs a content handler, such as "
                      "\"proxy_pass\", in its location in %s:%ui",
                      wlcf->queue_file, wlcf->queue_line);
        return NGX_CONF_ERROR;
    }

    if (wlcf->retry == NGX_CONF_UNSET_PTR) {
        wlcf->retry = &ngx_http_webhook_deliver_retry;
    }

    return NGX_CONF_OK;
}


/* called when a process begins that will serve requests */

void
ngx_http_webhook_deliver_open(ngx_http_webhook_queue_t *queue,
    ngx_cycle_t *cycle)
{
    ngx_http_webhook_deliverer_t  *d;

    d = ngx_pcalloc(cycle->pool, sizeof(ngx_http_webhook_deliverer_t));
    if (d == NULL) {
        return;
    }

    queue->deliverer = d;
    queue->wake = ngx_http_webhook_deliver_wake;

    if (ngx_process == NGX_PROCESS_SINGLE
        && queue->previous && queue->previous->deliverer)
    {
        /* a reload: it is the same process */
        ngx_http_webhook_deliver_leave(queue->previous->deliverer);
    }

    d->queue = queue;
    d->lock = NGX_INVALID_FILE;

    ngx_rbtree_init(&d->destinations, &d->sentinel, ngx_rbtree_insert_value);
    ngx_rbtree_init(&d->deliveries, &d->sentinel, ngx_rbtree_insert_value);
    ngx_queue_init(&d->ready);
    ngx_queue_init(&d->failed);

    d->run.handler = ngx_http_webhook_deliver_run;
    d->run.data = d;
    d->run.log = cycle->log;

    d->dummy.fd = (ngx_socket_t) -1;
    d->dummy.data = d;
    d->tick.handler = ngx_http_webhook_deliver_tick;
    d->tick.data = &d->dummy;
    d->tick.log = cycle->log;
    d->tick.cancelable = 1;

    ngx_add_timer(&d->tick, 1);
}


/* called when the process ends */

void
ngx_http_webhook_deliver_close(ngx_http_webhook_queue_t *queue)
{
    ngx_rbtree_node_t             *node;
    ngx_http_webhook_deliverer_t  *d;

    d = queue->deliverer;
    queue->deliverer = NULL;

    if (d->tick.timer_set) {
        ngx_del_timer(&d->tick);
    }

    ngx_http_webhook_deliver_unlock(d);

    /* what is under way stays in the store, for the next one */

    while (d->deliveries.root != &d->sentinel) {
        node = d->deliveries.root;
        ngx_rbtree_delete(&d->deliveries, node);
        ngx_free(node);
    }

    while (d->destinations.root != &d->sentinel) {
        ngx_http_webhook_deliver_forget(d,
                      (ngx_http_webhook_destination_t *) d->destinations.root);
    }
}


/* something has been committed, by this process: there may be something due */

static void
ngx_http_webhook_deliver_wake(ngx_http_webhook_queue_t *queue)
{
    if (queue->deliverer->lock != NGX_INVALID_FILE) {
        ngx_http_webhook_deliver_news(queue->deliverer);
    }
}


static void
ngx_http_webhook_deliver_tick(ngx_event_t *ev)
{
    ngx_queue_t                     *q;
    ngx_connection_t                *c;
    ngx_rbtree_node_t               *node;
    ngx_http_webhook_attempt_t     *delivery;
    ngx_http_webhook_deliverer_t    *d;
    ngx_http_webhook_destination_t  *dest;

    c = ev->data;
    d = c->data;

    /* what was not committed */

    while (!ngx_queue_empty(&d->failed)) {
        q = ngx_queue_head(&d->failed);
        ngx_queue_remove(q);

        delivery = ngx_queue_data(q, ngx_http_webhook_attempt_t, queue);
        ngx_http_webhook_spool_submit(d->queue->store, &delivery->sc);
    }

    if (d->leaving && d->active) {
        ngx_http_webhook_deliver_lease(d);
        ngx_add_timer(ev, NGX_HTTP_WEBHOOK_RENEWAL);
    }

    if (ngx_exiting || d->leaving) {
        return;
    }

    ngx_add_timer(ev, NGX_HTTP_WEBHOOK_TICK);

    if (ngx_http_webhook_queue_opened(d->queue) != NGX_OK) {
        return;
    }

    if (d->lock == NGX_INVALID_FILE) {
        ngx_http_webhook_deliver_lock(d);
        return;
    }

    /*
     * Clocks of processes differ a little: something may have come that is due
     * before what was looked at already.
     */

    if (d->destinations.root != &d->sentinel) {

        for (node = ngx_rbtree_min(d->destinations.root, &d->sentinel);
             node;
             node = ngx_rbtree_next(&d->destinations, node))
        {
            dest = (ngx_http_webhook_destination_t *) node;

            if (dest->time) {
                dest->time = 0;
                dest->seq = 0;
                ngx_http_webhook_deliver_ready(dest);
            }
        }
    }

    ngx_http_webhook_deliver_news(d);
    ngx_http_webhook_deliver_expire(d);
}


/*
 * An open file description's lock, which the kernel frees with the process;
 * LMDB has none on the file itself.
 */

static void
ngx_http_webhook_deliver_lock(ngx_http_webhook_deliverer_t *d)
{
    int            rc;
    uint64_t       destination;
    ngx_fd_t       fd;
    struct flock   fl;

    fd = ngx_open_file(d->queue->spool.path.data, NGX_FILE_RDWR|O_CLOEXEC,
                       NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        ngx_log_error(NGX_LOG_CRIT, d->tick.log, ngx_errno,
                      ngx_open_file_n " \"%V\" failed",
                      &d->queue->spool.path);
        return;
    }

    ngx_memzero(&fl, sizeof(struct flock));
    fl.l_type = F_WRLCK;
    fl.l_whence = SEEK_SET;

    rc = fcntl(fd, F_OFD_SETLK, &fl);

    if (rc == -1) {
        if (ngx_errno != NGX_EAGAIN && ngx_errno != NGX_EACCES) {
            ngx_log_error(NGX_LOG_CRIT, d->tick.log, ngx_errno,
                          "fcntl(F_OFD_SETLK, \"%V\") failed",
                          &d->queue->spool.path);
        }

        goto failed;
    }

    if (ngx_http_webhook_deliver_listen(d) != NGX_OK) {
        goto failed;
    }

    d->lock = fd;
    d->seq = 0;

    ngx_log_error(NGX_LOG_NOTICE, d->tick.log, 0,
                  "webhook queue \"%V\" is delivered by this process",
                  &d->queue->name);

    if (ngx_http_webhook_spool_news(d->queue->store, &d->seq, NULL, NULL)
        != NGX_OK)
    {
        goto failed_unlock;
    }

    for (destination = 0; /* void */ ; destination++) {

        rc = ngx_http_webhook_spool_destination(d->queue->store, &destination);

        if (rc != NGX_OK) {
            break;
        }

        if (ngx_http_webhook_deliver_destination(d, destination) == NULL) {
            rc = NGX_ERROR;
            break;
        }

        if (destination == (uint64_t) -1) {
            rc = NGX_DECLINED;
            break;
        }
    }

    if (rc != NGX_ERROR) {
        return;
    }

failed_unlock:

    ngx_http_webhook_deliver_unlock(d);
    return;

failed:

    if (ngx_close_file(fd) == NGX_FILE_ERROR) {
        ngx_log_error(NGX_LOG_ALERT, d->tick.log, ngx_errno,
                      ngx_close_file_n " \"%V\" failed",
                      &d->queue->spool.path);
    }
}


/*
 * Hears of what other processes have committed.  The connection is an idle one,
 * so that it hears as well when nginx is told to quit.
 */

static ngx_int_t
ngx_http_webhook_deliver_listen(ngx_http_webhook_deliverer_t *d)
{
    ngx_fd_t           fd;
    ngx_connection_t  *c;

    if (d->wake) {
        return NGX_OK;
    }

    fd = fcntl(d->queue->eventfd, F_DUPFD_CLOEXEC, 0);

    if (fd == NGX_INVALID_FILE) {
        ngx_log_error(NGX_LOG_CRIT, d->tick.log, ngx_errno,
                      "fcntl(F_DUPFD_CLOEXEC) failed");
        return NGX_ERROR;
    }

    c = ngx_get_connection(fd, d->tick.log);

    if (c == NULL) {
        (void) close(fd);
        return NGX_ERROR;
    }

    c->data = d;
    c->idle = 1;
    c->log = d->tick.log;
    c->read->handler = ngx_http_webhook_deliver_told;
    c->read->log = c->log;
    c->write->log = c->log;

    if (ngx_add_event(c->read, NGX_READ_EVENT, (ngx_event_flags
                                                & NGX_USE_CLEAR_EVENT)
                                               ? NGX_CLEAR_EVENT
                                               : NGX_LEVEL_EVENT)
        != NGX_OK)
    {
        ngx_close_connection(c);
        return NGX_ERROR;
    }

    d->wake = c;

    return NGX_OK;
}


/*
 * Other descriptors of the eventfd stay open, so that closing this one would
 * leave it in epoll.
 */

static void
ngx_http_webhook_deliver_deaf(ngx_http_webhook_deliverer_t *d)
{
    if (d->wake == NULL) {
        return;
    }

    (void) ngx_del_event(d->wake->read, NGX_READ_EVENT, 0);

    ngx_close_connection(d->wake);
    d->wake = NULL;
}


static void
ngx_http_webhook_deliver_told(ngx_event_t *ev)
{
    uint64_t                       n;
    ngx_connection_t              *c;
    ngx_http_webhook_deliverer_t  *d;

    c = ev->data;
    d = c->data;

    if (c->close) {
        ngx_http_webhook_deliver_leave(d);
        return;
    }

    /* where an event is told until it is read; another process may have */

    if (!(ngx_event_flags & NGX_USE_CLEAR_EVENT)
        && read(c->fd, &n, sizeof(uint64_t)) == -1
        && ngx_errno != NGX_EAGAIN)
    {
        ngx_log_error(NGX_LOG_ALERT, c->log, ngx_errno,
                      "read() of an eventfd failed");
    }

    ngx_http_webhook_deliver_news(d);
}


static void
ngx_http_webhook_deliver_news(ngx_http_webhook_deliverer_t *d)
{
    if (d->leaving || d->lock == NGX_INVALID_FILE) {
        return;
    }

    /* an error has been logged; the next tick tries again */

    (void) ngx_http_webhook_spool_news(d->queue->store, &d->seq,
                                       ngx_http_webhook_deliver_new, d);
}


static ngx_int_t
ngx_http_webhook_deliver_new(void *data, ngx_http_webhook_event_t *event)
{
    return ngx_http_webhook_deliver_destination(data, event->destination)
           ? NGX_OK : NGX_ERROR;
}


/* finds a destination or makes it, and has it looked at; NULL: no memory */

static ngx_http_webhook_destination_t *
ngx_http_webhook_deliver_destination(ngx_http_webhook_deliverer_t *d,
    uint64_t number)
{
    ngx_rbtree_node_t               *node;
    ngx_http_webhook_destination_t  *dest;

    node = d->destinations.root;

    while (node != &d->sentinel) {

        if (number == node->key) {
            dest = (ngx_http_webhook_destination_t *) node;
            ngx_http_webhook_deliver_ready(dest);
            return dest;
        }

        node = (number < node->key) ? node->left : node->right;
    }

    dest = ngx_calloc(sizeof(ngx_http_webhook_destination_t), d->tick.log);
    if (dest == NULL) {
        return NULL;
    }

    dest->node.key = number;
    dest->deliverer = d;
    dest->limit = d->queue->location->concurrency;

    ngx_queue_init(&dest->ready);

    dest->dummy.fd = (ngx_socket_t) -1;
    dest->dummy.data = dest;
    dest->timer.handler = ngx_http_webhook_deliver_due;
    dest->timer.data = &dest->dummy;
    dest->timer.log = d->tick.log;
    dest->timer.cancelable = 1;

    ngx_rbtree_insert(&d->destinations, &dest->node);

    ngx_http_webhook_deliver_ready(dest);

    return dest;
}


static void
ngx_http_webhook_deliver_ready(ngx_http_webhook_destination_t *dest)
{
    ngx_http_webhook_deliverer_t  *d;

    d = dest->deliverer;

    if (ngx_queue_empty(&dest->ready)) {
        ngx_queue_insert_tail(&d->ready, &dest->ready);
    }

    /* attempts that end at once must not keep the event loop from turning */

    if (!d->run.posted) {
        ngx_post_event(&d->run, &ngx_posted_next_events);
    }
}


static void
ngx_http_webhook_deliver_due(ngx_event_t *ev)
{
    ngx_connection_t  *c;

    c = ev->data;

    ngx_http_webhook_deliver_ready(c->data);
}


/* begins what is due, a destination in turn */

static void
ngx_http_webhook_deliver_run(ngx_event_t *ev)
{
    ngx_int_t                        rc;
    ngx_uint_t                       n, spare;
    ngx_queue_t                     *q;
    ngx_http_webhook_deliverer_t    *d;
    ngx_http_webhook_destination_t  *dest;

    d = ev->data;
    n = 0;

    while (!d->leaving
           && d->lock != NGX_INVALID_FILE
           && n < NGX_HTTP_WEBHOOK_TURN
           && d->settling < NGX_HTTP_WEBHOOK_SETTLING
           && !ngx_queue_empty(&d->ready))
    {
        q = ngx_queue_head(&d->ready);
        ngx_queue_remove(q);
        ngx_queue_init(q);

        dest = ngx_queue_data(q, ngx_http_webhook_destination_t, ready);

        if (dest->active >= dest->limit) {
            /* the end of one of these makes it ready again */
            continue;
        }

        /* idle ones make room */

        spare = ngx_cycle->free_connection_n
                + ngx_cycle->reusable_connections_n;

        /*
         * Nginx's own clients come first, and then who has no attempt under
         * way: a few destinations that hang must not take all there is.
         */

        if (spare <= ngx_cycle->connection_n / 4
            || (dest->active && spare <= ngx_cycle->connection_n / 2))
        {
            ngx_http_webhook_deliver_wait(dest, NGX_HTTP_WEBHOOK_SPARE);
            continue;
        }

        rc = ngx_http_webhook_deliver_next(d, dest);

        if (rc == NGX_OK) {
            n++;

            /* one that has ended already has made it ready again */
            ngx_http_webhook_deliver_ready(dest);

        } else if (rc == NGX_ERROR) {
            ngx_http_webhook_deliver_wait(dest, NGX_HTTP_WEBHOOK_TICK);
        }
    }
}


/*
 * Looks for what is due after "delay" milliseconds: ngx_event_add_timer() would
 * leave a timer that is set to up to 300 milliseconds later as it is.
 */

static void
ngx_http_webhook_deliver_wait(ngx_http_webhook_destination_t *dest,
    ngx_msec_t delay)
{
    if (dest->timer.timer_set) {
        ngx_del_timer(&dest->timer);
    }

    ngx_add_timer(&dest->timer, delay);
}


/*
 * Begins with what is due next for a destination.  Returns NGX_OK,
 * NGX_DECLINED if that is nothing, or NGX_ERROR if it should be tried again.
 */

static ngx_int_t
ngx_http_webhook_deliver_next(ngx_http_webhook_deliverer_t *d,
    ngx_http_webhook_destination_t *dest)
{
    uint64_t                    now;
    ngx_int_t                   rc;
    ngx_msec_t                  delay;
    ngx_rbtree_node_t          *node;
    ngx_http_webhook_event_t    event;

    if (dest->held == 0) {
        dest->time = 0;
        dest->seq = 0;
    }

    for ( ;; ) {

        rc = ngx_http_webhook_spool_next(d->queue->store, dest->node.key,
                                         dest->time, dest->seq, &event);

        if (rc == NGX_DECLINED && dest->held == 0) {
            ngx_http_webhook_deliver_forget(d, dest);
        }

        if (rc != NGX_OK) {
            return rc;
        }

        now = ngx_http_webhook_deliver_now();

        if (event.time > now
            && event.time - now <= ngx_http_webhook_deliver_longest(d, &event))
        {
            delay = (ngx_msec_t) ngx_min(event.time - now,
                                         NGX_HTTP_WEBHOOK_TIMER_MAX);
            ngx_http_webhook_deliver_wait(dest, delay);

            return NGX_DECLINED;
        }

        node = d->deliveries.root;

        while (node != &d->sentinel && node->key != event.seq) {
            node = (event.seq < node->key) ? node->left : node->right;
        }

        if (node == &d->sentinel) {
            rc = ngx_http_webhook_deliver_start(d, dest, &event);

            if (rc != NGX_OK) {
                return rc;
            }
        }

        dest->time = event.time;
        dest->seq = event.seq;

        if (node == &d->sentinel) {
            return NGX_OK;
        }
    }
}


/*
 * The longest time, in milliseconds, that an event may still have to wait.  It
 * is due if that is longer: the clock has been set back, or "webhook_retry" has
 * become shorter.
 */

static uint64_t
ngx_http_webhook_deliver_longest(ngx_http_webhook_deliverer_t *d,
    ngx_http_webhook_event_t *event)
{
    uint64_t      longest;
    ngx_uint_t    n;
    ngx_msec_t   *slot;
    ngx_array_t  *retry;

    /* of another process */
    longest = NGX_HTTP_WEBHOOK_LEASE;

    if (event->attempts) {
        retry = d->queue->location->retry;
        slot = retry->elts;

        n = ngx_min(event->attempts, retry->nelts) - 1;
        longest = ngx_max(longest, (uint64_t) slot[n] + slot[n] / 10);
    }

    if (event->status == NGX_HTTP_WEBHOOK_TOO_MANY
        || event->status == NGX_HTTP_SERVICE_UNAVAILABLE)
    {
        longest = ngx_max(longest, NGX_HTTP_WEBHOOK_RETRY_MAX * 1000ULL);
    }

    return longest + NGX_HTTP_WEBHOOK_TICK;
}


static void
ngx_http_webhook_deliver_forget(ngx_http_webhook_deliverer_t *d,
    ngx_http_webhook_destination_t *dest)
{
    if (dest->timer.timer_set) {
        ngx_del_timer(&dest->timer);
    }

    ngx_queue_remove(&dest->ready);
    ngx_rbtree_delete(&d->destinations, &dest->node);

    ngx_free(dest);
}


/* begins an attempt; NGX_OK, or NGX_ERROR with nothing begun */

static ngx_int_t
ngx_http_webhook_deliver_start(ngx_http_webhook_deliverer_t *d,
    ngx_http_webhook_destination_t *dest, ngx_http_webhook_event_t *event)
{
    ngx_int_t                         rc;
    ngx_connection_t                 *c;
    ngx_http_cleanup_t               *cln;
    ngx_http_request_t               *r;
    ngx_http_webhook_attempt_t      *delivery;
    ngx_http_webhook_ctx_t           *ctx;
    ngx_http_webhook_deliver_conn_t  *dc;

    delivery = ngx_calloc(sizeof(ngx_http_webhook_attempt_t), d->tick.log);
    if (delivery == NULL) {
        return NGX_ERROR;
    }

    c = ngx_http_webhook_deliver_connection(d->queue);
    if (c == NULL) {
        ngx_free(delivery);
        return NGX_ERROR;
    }

    dc = c->data;
    dc->delivery = delivery;

    r = ngx_http_create_request(c);
    if (r == NULL) {
        ngx_free(delivery);
        ngx_http_close_connection(c);
        return NGX_ERROR;
    }

    c->data = r;

    cln = ngx_http_cleanup_add(r, 0);
    if (cln == NULL) {
        ngx_free(delivery);
        ngx_http_webhook_deliver_abandon(r);
        return NGX_ERROR;
    }

    delivery->deliverer = d;
    delivery->destination = dest;
    delivery->start = ngx_current_msec;
    delivery->retry_after = -1;
    delivery->sc.event = *event;
    delivery->node.key = event->seq;

    rc = ngx_http_webhook_deliver_request(r, d->queue, event);

    if (rc == NGX_ERROR) {
        ngx_free(delivery);
        ngx_http_webhook_deliver_abandon(r);
        return NGX_ERROR;
    }

    cln->handler = ngx_http_webhook_deliver_finished;
    cln->data = delivery;

    ngx_rbtree_insert(&d->deliveries, &delivery->node);

    d->active++;
    dest->active++;
    dest->held++;

    if (rc == NGX_DECLINED) {

        ngx_log_error(NGX_LOG_ERR, c->log, 0,
                      "webhook queue \"%V\" has an invalid event %uL",
                      &d->queue->name, event->seq);

        delivery->status = NGX_HTTP_WEBHOOK_GONE;
        ngx_http_webhook_deliver_abandon(r);

        return NGX_OK;
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_webhook_module);

    if (ctx->delivery->outbound) {
        delivery->outbound = ctx->delivery->outbound;
        delivery->outbound->handler = ngx_http_webhook_deliver_go;

        rc = ngx_http_webhook_outbound_begin(r, delivery->outbound);

        if (rc == NGX_AGAIN) {
            return NGX_OK;
        }
    }

    ngx_http_webhook_deliver_go(r, rc);

    return NGX_OK;
}


/* runs the request, or ends it if "rc" is not NGX_OK */

static void
ngx_http_webhook_deliver_go(ngx_http_request_t *r, ngx_int_t rc)
{
    ngx_connection_t  *c;

    if (rc != NGX_OK) {
        ngx_http_webhook_deliver_abandon(r);
        return;
    }

    c = r->connection;

    ngx_http_webhook_deliver_limit(r);
    ngx_http_core_run_phases(r);
    ngx_http_run_posted_requests(c);
}


/*
 * The content handler's timeouts are about silence: an answer that comes byte
 * by byte would go on for days.
 */

static void
ngx_http_webhook_deliver_limit(ngx_http_request_t *r)
{
    ngx_msec_t                    timeout;
    ngx_http_webhook_queue_t     *queue;
    ngx_http_webhook_attempt_t  *delivery;

    delivery = ngx_http_webhook_delivery(r);
    queue = delivery->deliverer->queue;

    timeout = queue->location->timeout;

    if (timeout == 0) {

        if (queue->endpoints == NULL) {
            return;
        }

        timeout = NGX_HTTP_WEBHOOK_TIMEOUT;
    }

    delivery->timer.handler = ngx_http_webhook_deliver_timeout;
    delivery->timer.data = r->connection;
    delivery->timer.log = r->connection->log;
    delivery->timer.cancelable = 1;

    ngx_add_timer(&delivery->timer, timeout);
}


static void
ngx_http_webhook_deliver_timeout(ngx_event_t *ev)
{
    ngx_connection_t             *c;
    ngx_http_request_t           *r;
    ngx_http_webhook_attempt_t  *delivery;

    c = ev->data;
    r = c->data;

    ngx_http_set_log_request(c->log, r);

    ngx_log_error(NGX_LOG_ERR, c->log, NGX_ETIMEDOUT,
                  "delivery has taken too long");

    /* what has been answered is the answer */

    delivery = ngx_http_webhook_delivery(r);

    if (delivery->status == 0) {
        delivery->status = NGX_HTTP_GATEWAY_TIME_OUT;
    }

    /* as for a client that has gone; the other count is the handler's */

    r->main->count++;

    ngx_http_finalize_request(r, NGX_HTTP_CLIENT_CLOSED_REQUEST);
    ngx_http_run_posted_requests(c);
}


/* a request that has not begun */

static void
ngx_http_webhook_deliver_abandon(ngx_http_request_t *r)
{
    ngx_connection_t  *c;

    c = r->connection;

    r->logged = 1;

    ngx_http_free_request(r, 0);
    ngx_http_close_connection(c);
}


/*
 * A connection to nobody.  Its descriptor is one for nginx to close; events
 * that nginx takes for set already are never asked for.
 */

static ngx_connection_t *
ngx_http_webhook_deliver_connection(ngx_http_webhook_queue_t *queue)
{
    ngx_fd_t                          fd;
    ngx_log_t                        *log;
    ngx_connection_t                 *c;
    ngx_http_webhook_deliver_conn_t  *dc;

    log = queue->cycle->log;

    fd = fcntl(queue->eventfd, F_DUPFD_CLOEXEC, 0);

    if (fd == NGX_INVALID_FILE) {
        ngx_log_error(NGX_LOG_CRIT, log, ngx_errno,
                      "fcntl(F_DUPFD_CLOEXEC) failed");
        return NULL;
    }

    c = ngx_get_connection(fd, log);

    if (c == NULL) {
        (void) close(fd);
        return NULL;
    }

    c->log = log;

    c->pool = ngx_create_pool(1024, log);
    if (c->pool == NULL) {
        ngx_close_connection(c);
        return NULL;
    }

#if (NGX_STAT_STUB)
    /* nginx counts it down when it closes it */
    (void) ngx_atomic_fetch_add(ngx_stat_active, 1);
#endif

    dc = ngx_pcalloc(c->pool, sizeof(ngx_http_webhook_deliver_conn_t));
    if (dc == NULL) {
        goto failed;
    }

    c->buffer = ngx_calloc_buf(c->pool);
    if (c->buffer == NULL) {
        goto failed;
    }

    dc->hc.conf_ctx = queue->cscf->ctx;
    dc->hc.addr_conf = &dc->addr_conf;
    dc->addr_conf.default_server = queue->cscf;

    dc->log = *log;
    dc->log.handler = ngx_http_webhook_deliver_log;
    dc->log.data = &dc->log_ctx;
    dc->log.action = "delivering an event";
    dc->log_ctx.connection = c;

    c->data = &dc->hc;
    c->log = &dc->log;
    c->pool->log = &dc->log;
    c->read->log = &dc->log;
    c->write->log = &dc->log;
    c->log_error = NGX_ERROR_INFO;

    c->number = ngx_atomic_fetch_add(ngx_connection_counter, 1);
    dc->log.connection = c->number;
#if (nginx_version >= 1019010)
    c->start_time = ngx_current_msec;
#endif

    c->read->handler = ngx_http_webhook_deliver_event;
    c->write->handler = ngx_http_webhook_deliver_event;
    c->read->active = 1;
    c->write->active = 1;
    c->write->ready = 1;

    /* nothing will come, so that nginx does not linger */
    c->read->eof = 1;

    c->send_chain = ngx_http_webhook_deliver_send_chain;
    c->tcp_nodelay = NGX_TCP_NODELAY_DISABLED;
    c->tcp_nopush = NGX_TCP_NOPUSH_DISABLED;

    return c;

failed:

    ngx_http_close_connection(c);

    return NULL;
}


/* NGX_OK, NGX_DECLINED if the event is not what we have written, NGX_ERROR */

static ngx_int_t
ngx_http_webhook_deliver_request(ngx_http_request_t *r,
    ngx_http_webhook_queue_t *queue, ngx_http_webhook_event_t *event)
{
    ngx_int_t                    rc;
    ngx_buf_t                   *b;
    ngx_str_t                    body, head;
    ngx_connection_t            *c;
    ngx_http_request_body_t     *rb;
    ngx_http_webhook_ctx_t      *ctx;
    ngx_http_core_loc_conf_t    *clcf;
    ngx_http_core_main_conf_t   *cmcf;
    ngx_http_webhook_message_t  *message;
    ngx_http_webhook_delivery_t *delivery;

    c = r->connection;

    rc = ngx_http_webhook_spool_read(queue->store, event, r->pool, &head,
                                     &body);
    if (rc != NGX_OK) {
        return rc;
    }

    message = ngx_pcalloc(r->pool, sizeof(ngx_http_webhook_message_t));
    if (message == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_http_webhook_message_parse(&head, r->pool, message);
    if (rc != NGX_OK) {
        return rc;
    }

    /* who sent it, and where to */

    if (message->sockaddr.len > sizeof(ngx_sockaddr_t)
        || message->local_sockaddr.len > sizeof(ngx_sockaddr_t))
    {
        return NGX_DECLINED;
    }

    c->sockaddr = ngx_pcalloc(c->pool, sizeof(ngx_sockaddr_t));
    c->local_sockaddr = ngx_pcalloc(c->pool, sizeof(ngx_sockaddr_t));

    if (c->sockaddr == NULL || c->local_sockaddr == NULL) {
        return NGX_ERROR;
    }

    c->addr_text = message->addr;
    c->socklen = message->sockaddr.len;
    ngx_memcpy(c->sockaddr, message->sockaddr.data, c->socklen);

    c->local_socklen = message->local_sockaddr.len;
    ngx_memcpy(c->local_sockaddr, message->local_sockaddr.data,
               c->local_socklen);

    r->method = NGX_HTTP_POST;
    r->method_name = ngx_http_webhook_deliver_method;
    r->http_protocol = ngx_http_webhook_deliver_protocol;
    r->http_version = NGX_HTTP_VERSION_11;

    r->uri = message->uri;
    r->args = message->args;
    r->unparsed_uri = message->unparsed_uri;
    r->valid_unparsed_uri = 1;

    r->request_line.len = r->method_name.len + 1 + r->unparsed_uri.len + 1
                          + r->http_protocol.len;
    r->request_line.data = ngx_pnalloc(r->pool, r->request_line.len);
    if (r->request_line.data == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(r->request_line.data, "%V %V %V", &r->method_name,
                &r->unparsed_uri, &r->http_protocol);

    /*
     * What "proxy_pass" with a URI replaces is the part of the URI that matches
     * the location.  An event's own URI need not match.
     */

    clcf = queue->clcf;

    if (!clcf->named
#if (NGX_PCRE)
        && clcf->regex == NULL
#endif
        )
    {
        r->valid_location = 1;

        if (r->uri.len < clcf->name.len
            || ngx_strncmp(r->uri.data, clcf->name.data, clcf->name.len) != 0)
        {
            r->uri = clcf->name;
        }
    }

    ngx_http_set_exten(r);

    if (ngx_http_webhook_deliver_headers(r, message, body.len) != NGX_OK) {
        return NGX_ERROR;
    }

    r->headers_in.server = message->host;

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->start = b->pos = body.data;
    b->end = b->last = body.data + body.len;
    b->temporary = 1;

    if (message->workspace.len && queue->endpoints) {

        /* a content handler will read it, see ngx_http_webhook_outbound.c */

        r->header_in = b;

    } else {

        rb = ngx_pcalloc(r->pool, sizeof(ngx_http_request_body_t));
        if (rb == NULL) {
            return NGX_ERROR;
        }

        r->request_body = rb;

        if (body.len) {
            rb->bufs = ngx_alloc_chain_link(r->pool);
            if (rb->bufs == NULL) {
                return NGX_ERROR;
            }

            b->last_buf = 1;

            rb->bufs->buf = b;
            rb->bufs->next = NULL;
            rb->buf = b;
        }
    }

    ctx = ngx_http_webhook_create_ctx(r);
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    delivery = ngx_pcalloc(r->pool, sizeof(ngx_http_webhook_delivery_t));
    if (delivery == NULL) {
        return NGX_ERROR;
    }

    delivery->variables = &message->variables;
    delivery->workspace = message->workspace;
    delivery->attempt = event->attempts + 1;

    ctx->delivery = delivery;
    ctx->id = message->id;

    /* what fails has failed, whatever page there is for it */
    r->error_page = 1;

    /* as in ngx_http_named_location() */

    r->internal = 1;
    r->loc_conf = clcf->loc_conf;

    ngx_http_update_location_config(r);

    if (message->workspace.len && queue->endpoints
        && ngx_http_webhook_outbound_create(r, ctx, queue, &body) != NGX_OK)
    {
        return NGX_ERROR;
    }

    cmcf = ngx_http_get_module_main_conf(r, ngx_http_core_module);

    r->phase_handler = cmcf->phase_engine.location_rewrite_index;
    r->write_event_handler = ngx_http_core_run_phases;

#if (NGX_STAT_STUB)
    (void) ngx_atomic_fetch_add(ngx_stat_writing, 1);
    r->stat_writing = 1;
    (void) ngx_atomic_fetch_add(ngx_stat_reading, -1);
    r->stat_reading = 0;
#endif

    return NGX_OK;
}


static ngx_int_t
ngx_http_webhook_deliver_headers(ngx_http_request_t *r,
    ngx_http_webhook_message_t *message, size_t length)
{
    u_char         *p;
    ngx_str_t       value;
    ngx_uint_t      i;
    ngx_keyval_t   *kv;

    static ngx_str_t  content_length = ngx_string("Content-Length");

    if (ngx_list_init(&r->headers_in.headers, r->pool, 20,
                      sizeof(ngx_table_elt_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

#if (nginx_version < 1023000)

    if (ngx_array_init(&r->headers_in.cookies, r->pool, 2,
                       sizeof(ngx_table_elt_t *))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

#endif

    kv = message->headers.elts;

    for (i = 0; i < message->headers.nelts; i++) {

        if (ngx_http_webhook_add_request_header(r, &kv[i].key, &kv[i].value)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    p = ngx_pnalloc(r->pool, NGX_SIZE_T_LEN + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    value.len = ngx_sprintf(p, "%uz", length) - p;
    value.data = p;
    p[value.len] = '\0';

    r->headers_in.content_length_n = length;

    return ngx_http_webhook_add_request_header(r, &content_length, &value);
}


static u_char *
ngx_http_webhook_deliver_log(ngx_log_t *log, u_char *buf, size_t len)
{
    u_char              *p;
    ngx_http_request_t  *r;
    ngx_http_log_ctx_t  *ctx;

    if (log->action) {
        p = ngx_snprintf(buf, len, " while %s", log->action);
        len -= p - buf;
        buf = p;
    }

    ctx = log->data;

    p = ngx_snprintf(buf, len, ", webhook delivery");
    len -= p - buf;

    r = ctx->request;

    return r ? r->log_handler(r, ctx->current_request, p, len) : p;
}


static void
ngx_http_webhook_deliver_event(ngx_event_t *ev)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    c = ev->data;
    r = c->data;

    ngx_http_set_log_request(c->log, r);

    if (c->close) {
        /* "worker_shutdown_timeout" */
        ngx_http_webhook_delivery(r)->cut = 1;
    }

    if (ev->delayed && ev->timedout) {
        /* as "limit_req" wants it */
        ev->delayed = 0;
        ev->timedout = 0;
    }

    if (ev->write) {
        r->write_event_handler(r);

    } else {
        r->read_event_handler(r);
    }

    ngx_http_run_posted_requests(c);
}


/* the filters below have taken all there was */

static ngx_chain_t *
ngx_http_webhook_deliver_send_chain(ngx_connection_t *c, ngx_chain_t *in,
    off_t limit)
{
    ngx_chain_t  *cl;

    for (cl = in; cl; cl = cl->next) {
        cl->buf->pos = cl->buf->last;
        cl->buf->file_pos = cl->buf->file_last;
    }

    return NULL;
}


/* NULL, if the request is that of a client */

static ngx_http_webhook_attempt_t *
ngx_http_webhook_delivery(ngx_http_request_t *r)
{
    ngx_http_webhook_deliver_conn_t  *dc;

    if (r->connection->send_chain != ngx_http_webhook_deliver_send_chain) {
        return NULL;
    }

    dc = (ngx_http_webhook_deliver_conn_t *) r->main->http_connection;

    return dc->delivery;
}


/*
 * An access phase's handler, the first of them: a request that has no client
 * has nobody whose access could be judged.  One that was led here by what it
 * was answered, by X-Accel-Redirect, ends with that answer: a destination must
 * not reach what is inside.
 */

static ngx_int_t
ngx_http_webhook_deliver_access(ngx_http_request_t *r)
{
    ngx_http_core_main_conf_t  *cmcf;

    if (ngx_http_webhook_delivery(r)) {

        if (r->upstream && r->upstream->headers_in.x_accel_redirect) {
            r->headers_out.status = r->upstream->headers_in.status_n;
            r->header_only = 1;

            ngx_http_finalize_request(r, ngx_http_send_header(r));
            return NGX_DONE;
        }

        cmcf = ngx_http_get_module_main_conf(r, ngx_http_core_module);

        /* NGX_DECLINED leads to the handler after this one */

        r->phase_handler = cmcf->phase_engine.handlers[r->phase_handler].next
                           - 1;
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_http_webhook_deliver_header_filter(ngx_http_request_t *r)
{
    ngx_http_webhook_attempt_t  *delivery;

    delivery = ngx_http_webhook_delivery(r);

    if (delivery == NULL) {
        return ngx_http_next_header_filter(r);
    }

    r->header_sent = 1;

    if (r == r->main) {
        delivery->status = r->headers_out.status;
        delivery->retry_after = ngx_http_webhook_deliver_retry_after(r);
    }

    return NGX_OK;
}


/* seconds or a date, RFC 9110, section 10.2.3; -1 if there is none */

static ngx_int_t
ngx_http_webhook_deliver_retry_after(ngx_http_request_t *r)
{
    time_t            t;
    ngx_int_t         n;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *header;

    part = &r->headers_out.headers.part;
    header = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                return -1;
            }

            part = part->next;
            header = part->elts;
            i = 0;
        }

        if (header[i].hash
            && header[i].key.len == sizeof("Retry-After") - 1
            && ngx_strncasecmp(header[i].key.data, (u_char *) "Retry-After",
                               sizeof("Retry-After") - 1)
               == 0)
        {
            break;
        }
    }

    n = ngx_atoi(header[i].value.data, header[i].value.len);

    if (n == NGX_ERROR) {
        t = ngx_parse_http_time(header[i].value.data, header[i].value.len);

        if (t == (time_t) NGX_ERROR) {
            return -1;
        }

        n = ngx_max(t - ngx_time(), 0);
    }

    return ngx_min(n, NGX_HTTP_WEBHOOK_RETRY_MAX);
}


/* reads an answer to its end, for the sake of its connection */

static ngx_int_t
ngx_http_webhook_deliver_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_buf_t                    *b;
    ngx_chain_t                  *cl;
    ngx_http_webhook_attempt_t  *delivery;

    delivery = ngx_http_webhook_delivery(r);

    if (delivery == NULL) {
        return ngx_http_next_body_filter(r, in);
    }

    for (cl = in; cl; cl = cl->next) {
        b = cl->buf;

        delivery->received += ngx_buf_size(b);

        b->pos = b->last;
        b->file_pos = b->file_last;
    }

    return (delivery->received > NGX_HTTP_WEBHOOK_ANSWER_MAX) ? NGX_ERROR
                                                              : NGX_OK;
}


/* the request ends */

static void
ngx_http_webhook_deliver_finished(void *data)
{
    ngx_http_webhook_attempt_t *delivery = data;

    ngx_http_webhook_outbound_t     *outbound;
    ngx_http_webhook_deliverer_t    *d;
    ngx_http_webhook_destination_t  *dest;

    d = delivery->deliverer;
    dest = delivery->destination;
    outbound = delivery->outbound;

    if (delivery->timer.timer_set) {
        ngx_del_timer(&delivery->timer);
    }

    d->active--;
    dest->active--;

    if (outbound && outbound->status) {
        delivery->status = outbound->status;
    }

    if (outbound && outbound->state != NGX_HTTP_WEBHOOK_OUTBOUND_SEND) {
        ngx_http_webhook_deliver_unsent(delivery,
                                        outbound->state
                                        == NGX_HTTP_WEBHOOK_OUTBOUND_KEEP);
        ngx_http_webhook_deliver_ready(dest);
        return;
    }

    if (delivery->cut && delivery->status == 0) {
        /* no fault of the destination's: for the next process, at once */

        delivery->sc.type = NGX_HTTP_WEBHOOK_SPOOL_WAIT;
        delivery->sc.event.time = ngx_http_webhook_deliver_now();

        ngx_http_webhook_deliver_settle(delivery);
        return;
    }

    if (outbound) {
        ngx_http_webhook_outbound_finish(outbound, delivery->status);

        /* it is not there when the outcome is committed */
        delivery->outbound = NULL;
    }

    if (delivery->status >= 200 && delivery->status < 300) {
        dest->limit = d->queue->location->concurrency;

    } else {
        /* it is not well: no more than one at a time for now */
        dest->limit = 1;
    }

    ngx_http_webhook_deliver_outcome(delivery);

    ngx_http_webhook_deliver_ready(dest);
}


/* there was no attempt: nobody wants the event any more, or not now */

static void
ngx_http_webhook_deliver_unsent(ngx_http_webhook_attempt_t *delivery,
    ngx_uint_t keep)
{
    u_char                         id[NGX_HTTP_WEBHOOK_UUID_LEN];
    ngx_str_t                      text;
    ngx_http_webhook_deliverer_t  *d;

    d = delivery->deliverer;

    text.len = ngx_http_webhook_uuid_print(id, delivery->sc.event.id) - id;
    text.data = id;

    ngx_log_error(NGX_LOG_INFO, d->tick.log, 0,
                  "webhook queue \"%V\": event %V is %s: its endpoint %s",
                  &d->queue->name, &text,
                  keep ? "dead" : "dropped",
                  keep ? "is switched off" : "does not want it any more");

    delivery->sc.type = keep ? NGX_HTTP_WEBHOOK_SPOOL_DIE
                             : NGX_HTTP_WEBHOOK_SPOOL_DONE;

    if (keep) {
        ngx_http_webhook_status_count(d->queue->status,
                                      NGX_HTTP_WEBHOOK_STATUS_DEAD);
    }

    ngx_http_webhook_deliver_settle(delivery);
}


/* decides what becomes of the event, and has it committed */

static void
ngx_http_webhook_deliver_outcome(ngx_http_webhook_attempt_t *delivery)
{
    u_char                            id[NGX_HTTP_WEBHOOK_UUID_LEN];
    ngx_str_t                         text;
    ngx_http_webhook_event_t         *event;
    ngx_http_webhook_deliverer_t     *d;
    ngx_http_webhook_spool_change_t  *sc;

    d = delivery->deliverer;
    sc = &delivery->sc;
    event = &sc->event;

    event->status = delivery->status;

    text.len = ngx_http_webhook_uuid_print(id, event->id) - id;
    text.data = id;

    if (event->attempts) {
        ngx_http_webhook_status_count(d->queue->status,
                                      NGX_HTTP_WEBHOOK_STATUS_RETRIED);
    }

    ngx_http_webhook_status_delivery(d->queue->status,
                                     ngx_current_msec - delivery->start);

    if (delivery->status >= 200 && delivery->status < 300) {
        sc->type = NGX_HTTP_WEBHOOK_SPOOL_DONE;

        ngx_http_webhook_status_count(d->queue->status,
                                      NGX_HTTP_WEBHOOK_STATUS_DELIVERED);

    } else {
        event->attempts++;

        if (delivery->status == NGX_HTTP_WEBHOOK_GONE
            || event->attempts > d->queue->location->retry->nelts)
        {
            sc->type = NGX_HTTP_WEBHOOK_SPOOL_DIE;

            ngx_http_webhook_status_count(d->queue->status,
                                          NGX_HTTP_WEBHOOK_STATUS_DEAD);

            ngx_log_error(NGX_LOG_ERR, d->tick.log, 0,
                          "webhook queue \"%V\": event %V is dead after "
                          "attempt %uL, status %uL",
                          &d->queue->name, &text, event->attempts,
                          event->status);

        } else {
            sc->type = NGX_HTTP_WEBHOOK_SPOOL_WAIT;
            event->time = ngx_http_webhook_deliver_now()
                          + ngx_http_webhook_deliver_delay(delivery);

            ngx_log_error(NGX_LOG_INFO, d->tick.log, 0,
                          "webhook queue \"%V\": event %V will be tried again "
                          "after attempt %uL, status %uL",
                          &d->queue->name, &text, event->attempts,
                          event->status);
        }
    }

    ngx_http_webhook_deliver_settle(delivery);
}


static void
ngx_http_webhook_deliver_settle(ngx_http_webhook_attempt_t *delivery)
{
    ngx_http_webhook_deliverer_t  *d;

    d = delivery->deliverer;

    delivery->sc.change.handler = ngx_http_webhook_deliver_settled;
    delivery->sc.change.data = delivery;

    d->settling++;

    ngx_http_webhook_spool_submit(d->queue->store, &delivery->sc);
}


/* milliseconds, with a jitter of 10 % to either side */

static uint64_t
ngx_http_webhook_deliver_delay(ngx_http_webhook_attempt_t *delivery)
{
    uint64_t      delay;
    ngx_int_t     after;
    ngx_msec_t   *slot;

    slot = delivery->deliverer->queue->location->retry->elts;
    delay = slot[delivery->sc.event.attempts - 1];

    delay += delay * (ngx_random() % 2001) / 10000 - delay / 10;

    if (delivery->status == NGX_HTTP_WEBHOOK_TOO_MANY
        || delivery->status == NGX_HTTP_SERVICE_UNAVAILABLE)
    {
        after = delivery->retry_after;

        if (after == -1) {
            after = NGX_HTTP_WEBHOOK_RETRY_DEFAULT;
        }

        delay = ngx_max(delay, (uint64_t) after * 1000);
    }

    return delay;
}


static void
ngx_http_webhook_deliver_settled(ngx_http_webhook_change_t *change)
{
    ngx_http_webhook_attempt_t     *delivery;
    ngx_http_webhook_deliverer_t    *d;
    ngx_http_webhook_destination_t  *dest;

    delivery = change->data;
    d = delivery->deliverer;
    dest = delivery->destination;

    if (change->rc == NGX_ERROR) {

        /* it has been delivered, or not: what is known must not be lost */

        ngx_queue_insert_tail(&d->failed, &delivery->queue);

        if (d->leaving && !d->tick.timer_set) {
            d->tick.cancelable = 0;
            ngx_add_timer(&d->tick, NGX_HTTP_WEBHOOK_TICK);
        }

        return;
    }

    ngx_rbtree_delete(&d->deliveries, &delivery->node);

    d->settling--;
    dest->held--;

    if (delivery->leased) {
        delivery->settled = 1;

    } else {
        ngx_free(delivery);
    }

    ngx_http_webhook_deliver_ready(dest);

    if (d->leaving) {
        ngx_http_webhook_deliver_unlock(d);
    }
}


/* removes dead letters that were kept long enough */

static void
ngx_http_webhook_deliver_expire(ngx_http_webhook_deliverer_t *d)
{
    if (d->expiring == 0) {
        (void) ngx_http_webhook_spool_dead(d->queue->store, NULL,
                                           ngx_http_webhook_deliver_expired, d);
    }
}


static ngx_int_t
ngx_http_webhook_deliver_expired(void *data, ngx_http_webhook_event_t *event)
{
    ngx_http_webhook_deliverer_t *d = data;

    ngx_http_webhook_spool_change_t  *sc;

    if (event->time + (uint64_t) d->queue->keep_dead * 1000
        > ngx_http_webhook_deliver_now()
        || d->expiring == NGX_HTTP_WEBHOOK_EXPIRE)
    {
        return NGX_DONE;
    }

    sc = ngx_calloc(sizeof(ngx_http_webhook_spool_change_t), d->tick.log);
    if (sc == NULL) {
        return NGX_ERROR;
    }

    sc->type = NGX_HTTP_WEBHOOK_SPOOL_DISCARD;
    sc->event = *event;
    sc->change.handler = ngx_http_webhook_deliver_discarded;
    sc->change.data = d;

    d->expiring++;

    ngx_http_webhook_spool_submit(d->queue->store, sc);

    return NGX_OK;
}


static void
ngx_http_webhook_deliver_discarded(ngx_http_webhook_change_t *change)
{
    ngx_http_webhook_deliverer_t  *d;

    d = change->data;

    d->expiring--;

    ngx_free(ngx_queue_data(change, ngx_http_webhook_spool_change_t, change));
}


/*
 * Nginx quits.  What is under way is put off, for whoever delivers next, as
 * long as this process is there to finish it.
 */

static void
ngx_http_webhook_deliver_leave(ngx_http_webhook_deliverer_t *d)
{
    d->leaving = 1;

    ngx_http_webhook_deliver_deaf(d);

    ngx_http_webhook_deliver_lease(d);

    if (d->active) {
        ngx_add_timer(&d->tick, NGX_HTTP_WEBHOOK_RENEWAL);
    }

    ngx_http_webhook_deliver_unlock(d);
}


static void
ngx_http_webhook_deliver_lease(ngx_http_webhook_deliverer_t *d)
{
    ngx_rbtree_node_t                *node;
    ngx_http_webhook_attempt_t      *delivery;
    ngx_http_webhook_spool_change_t  *sc;

    if (d->deliveries.root == &d->sentinel) {
        return;
    }

    for (node = ngx_rbtree_min(d->deliveries.root, &d->sentinel);
         node;
         node = ngx_rbtree_next(&d->deliveries, node))
    {
        delivery = (ngx_http_webhook_attempt_t *) node;

        if (delivery->sc.change.handler || delivery->leased) {
            /* it has ended, or the disk is slow */
            continue;
        }

        sc = &delivery->lease;

        sc->type = NGX_HTTP_WEBHOOK_SPOOL_WAIT;
        sc->event = delivery->sc.event;
        sc->event.time = ngx_http_webhook_deliver_now()
                         + NGX_HTTP_WEBHOOK_LEASE;
        sc->change.handler = ngx_http_webhook_deliver_leased;
        sc->change.data = delivery;

        delivery->leased = 1;
        d->leases++;

        ngx_http_webhook_spool_submit(d->queue->store, sc);
    }
}


/* if it was not committed, another attempt is made by who delivers next */

static void
ngx_http_webhook_deliver_leased(ngx_http_webhook_change_t *change)
{
    ngx_http_webhook_attempt_t   *delivery;
    ngx_http_webhook_deliverer_t  *d;

    delivery = change->data;
    d = delivery->deliverer;

    delivery->leased = 0;
    d->leases--;

    if (delivery->settled) {
        ngx_free(delivery);
    }

    ngx_http_webhook_deliver_unlock(d);
}


/* gives up the lock, once nothing would be done twice because of it */

static void
ngx_http_webhook_deliver_unlock(ngx_http_webhook_deliverer_t *d)
{
    if (d->leaving && (d->leases || d->settling)) {
        return;
    }

    ngx_http_webhook_deliver_deaf(d);

    if (d->lock == NGX_INVALID_FILE) {
        return;
    }

    if (ngx_close_file(d->lock) == NGX_FILE_ERROR) {
        ngx_log_error(NGX_LOG_ALERT, d->tick.log, ngx_errno,
                      ngx_close_file_n " \"%V\" failed",
                      &d->queue->spool.path);
    }

    d->lock = NGX_INVALID_FILE;
}


/*
 * Hooks delivery into nginx, after ngx_http_webhook_gate_init(): the access
 * handler that is added last is called first.  Returns NGX_OK or NGX_ERROR.
 */

ngx_int_t
ngx_http_webhook_deliver_init(ngx_conf_t *cf)
{
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_ACCESS_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_webhook_deliver_access;

    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_webhook_deliver_header_filter;

    ngx_http_next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx_http_webhook_deliver_body_filter;

    return NGX_OK;
}


static uint64_t
ngx_http_webhook_deliver_now(void)
{
    ngx_time_t  *tp;

    tp = ngx_timeofday();

    return (uint64_t) tp->sec * 1000 + tp->msec;
}
