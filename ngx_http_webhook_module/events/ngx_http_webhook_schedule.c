
/*
 * The schedule of deliveries.  The process that holds the lock of a queue's
 * file delivers; the others stand by, across reloads and binary upgrades.
 *
 * An event stays in the store until what has become of it is committed.  Events
 * of one destination wait for each other only.  A destination that has not
 * taken an event gets a single attempt at a time until it answers well again.
 *
 * A process that is told to quit finishes the attempts that it has begun.  It
 * puts their events off for everybody else, which is a lease, and gives up the
 * lock.
 */


#include "events/ngx_http_webhook_schedule.h"
#include "core/ngx_http_webhook_clock.h"


/* milliseconds between attempts to get the lock, and for housekeeping */
#define NGX_HTTP_WEBHOOK_TICK            1000

/*
 * Milliseconds that a timer may wait at most: the clock may be set meanwhile,
 * and an event that another process had a lease on may be due earlier.
 */

#define NGX_HTTP_WEBHOOK_TIMER_MAX       5000

/* milliseconds until nginx is asked again for a connection to spare */
#define NGX_HTTP_WEBHOOK_SPARE           100

/* milliseconds that a lease of a quitting process is for, and is renewed in */
#define NGX_HTTP_WEBHOOK_LEASE           10000
#define NGX_HTTP_WEBHOOK_RENEWAL         3000

/* how many attempts are begun in one turn of the event loop */
#define NGX_HTTP_WEBHOOK_TURN            32

/* how often it is tried to commit that an attempt has failed */
#define NGX_HTTP_WEBHOOK_TRIES           5

/* how many outcomes may wait to be committed before no attempt is begun */
#define NGX_HTTP_WEBHOOK_SETTLING        1024


typedef struct {
    ngx_rbtree_node_t                 node;         /* by its number */
    ngx_queue_t                       ready;        /* empty: it is not */
    ngx_http_webhook_deliverer_t     *deliverer;

    ngx_uint_t                        active;       /* attempts */
    ngx_uint_t                        held;         /* and outcomes that are
                                                       not committed */
    ngx_uint_t                        limit;        /* of attempts */

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
    ngx_connection_t                  dummy;        /* for the tick's log */

    ngx_rbtree_t                      destinations;
    ngx_rbtree_node_t                 sentinel;
    ngx_queue_t                       ready;        /* something may be due */

    ngx_rbtree_t                      jobs;         /* by the event's seq */
    ngx_queue_t                       failed;       /* to be committed again */
    ngx_uint_t                        active;
    ngx_uint_t                        settling;
    ngx_uint_t                        leases;

    uint64_t                          seq;          /* of the last news */
    ngx_uint_t                        leaving;
};


/* an attempt, until its outcome is committed */

typedef struct {
    ngx_rbtree_node_t                 node;
    ngx_queue_t                       queue;        /* of failed ones */
    ngx_http_webhook_deliverer_t     *deliverer;
    ngx_http_webhook_destination_t   *destination;

    ngx_http_webhook_attempt_t        attempt;
    ngx_http_webhook_spool_change_t   lease;
    ngx_uint_t                        leased;       /* not committed yet */
    ngx_uint_t                        settled;
} ngx_http_webhook_job_t;


static void ngx_http_webhook_schedule_wake(ngx_http_webhook_queue_t *queue);
static void ngx_http_webhook_schedule_tick(ngx_event_t *ev);
static void ngx_http_webhook_schedule_lock(ngx_http_webhook_deliverer_t *d);
static void ngx_http_webhook_schedule_told(ngx_event_t *ev);
static void ngx_http_webhook_schedule_news(ngx_http_webhook_deliverer_t *d);
static ngx_int_t ngx_http_webhook_schedule_new(void *data,
    ngx_http_webhook_event_t *event);
static ngx_http_webhook_destination_t *ngx_http_webhook_schedule_destination(
    ngx_http_webhook_deliverer_t *d, uint64_t number);
static void ngx_http_webhook_schedule_ready(
    ngx_http_webhook_destination_t *dest);
static void ngx_http_webhook_schedule_due(ngx_event_t *ev);
static void ngx_http_webhook_schedule_run(ngx_event_t *ev);
static void ngx_http_webhook_schedule_wait(
    ngx_http_webhook_destination_t *dest, ngx_msec_t delay);
static ngx_int_t ngx_http_webhook_schedule_next(
    ngx_http_webhook_deliverer_t *d, ngx_http_webhook_destination_t *dest);
static ngx_int_t ngx_http_webhook_schedule_begin(
    ngx_http_webhook_deliverer_t *d, ngx_http_webhook_destination_t *dest,
    ngx_http_webhook_event_t *event);
static void ngx_http_webhook_schedule_forget(ngx_http_webhook_deliverer_t *d,
    ngx_http_webhook_destination_t *dest);
static void ngx_http_webhook_schedule_finished(
    ngx_http_webhook_attempt_t *attempt);
static void ngx_http_webhook_schedule_settled(
    ngx_http_webhook_change_t *change);
static void ngx_http_webhook_schedule_leave(ngx_http_webhook_deliverer_t *d);
static void ngx_http_webhook_schedule_lease(ngx_http_webhook_deliverer_t *d);
static void ngx_http_webhook_schedule_leased(
    ngx_http_webhook_change_t *change);
static void ngx_http_webhook_schedule_unlock(ngx_http_webhook_deliverer_t *d);


/*
 * Makes the deliverer of a queue that a location delivers, in a process that
 * will serve requests; the queue must have been opened.  Without memory the
 * queue is left to other processes.
 */

void
ngx_http_webhook_schedule_open(ngx_http_webhook_queue_t *queue,
    ngx_cycle_t *cycle)
{
    ngx_http_webhook_deliverer_t  *d;

    d = ngx_pcalloc(cycle->pool, sizeof(ngx_http_webhook_deliverer_t));
    if (d == NULL) {
        return;
    }

    queue->deliverer = d;
    queue->wake = ngx_http_webhook_schedule_wake;

    if (ngx_process == NGX_PROCESS_SINGLE
        && queue->previous && queue->previous->deliverer)
    {
        /* a reload, and the process stays the same */
        ngx_http_webhook_schedule_leave(queue->previous->deliverer);
    }

    d->queue = queue;
    d->lock = NGX_INVALID_FILE;

    ngx_rbtree_init(&d->destinations, &d->sentinel, ngx_rbtree_insert_value);
    ngx_rbtree_init(&d->jobs, &d->sentinel, ngx_rbtree_insert_value);
    ngx_queue_init(&d->ready);
    ngx_queue_init(&d->failed);

    d->run.handler = ngx_http_webhook_schedule_run;
    d->run.data = d;
    d->run.log = cycle->log;

    d->dummy.fd = (ngx_socket_t) -1;
    d->dummy.data = d;
    d->tick.handler = ngx_http_webhook_schedule_tick;
    d->tick.data = &d->dummy;
    d->tick.log = cycle->log;
    d->tick.cancelable = 1;

    ngx_add_timer(&d->tick, 1);
}


/* Frees the deliverer when the process ends. */

void
ngx_http_webhook_schedule_close(ngx_http_webhook_queue_t *queue)
{
    ngx_rbtree_node_t             *node;
    ngx_http_webhook_deliverer_t  *d;

    d = queue->deliverer;
    queue->deliverer = NULL;

    if (d->tick.timer_set) {
        ngx_del_timer(&d->tick);
    }

    ngx_http_webhook_schedule_unlock(d);

    /* an event whose attempt has not ended stays in the store, to be tried */

    while (d->jobs.root != &d->sentinel) {
        node = d->jobs.root;
        ngx_rbtree_delete(&d->jobs, node);
        ngx_free(node);
    }

    while (d->destinations.root != &d->sentinel) {
        ngx_http_webhook_schedule_forget(d,
                      (ngx_http_webhook_destination_t *) d->destinations.root);
    }
}


/* This process has committed something: an event may be due. */

static void
ngx_http_webhook_schedule_wake(ngx_http_webhook_queue_t *queue)
{
    if (queue->deliverer->lock != NGX_INVALID_FILE) {
        ngx_http_webhook_schedule_news(queue->deliverer);
    }
}


/* Housekeeping, once a second; also when what has failed is to be repeated. */

static void
ngx_http_webhook_schedule_tick(ngx_event_t *ev)
{
    ngx_queue_t                     *q;
    ngx_connection_t                *c;
    ngx_rbtree_node_t               *node;
    ngx_http_webhook_job_t          *job;
    ngx_http_webhook_deliverer_t    *d;
    ngx_http_webhook_destination_t  *dest;

    c = ev->data;
    d = c->data;

    /* outcomes that could not be committed */

    while (!ngx_queue_empty(&d->failed)) {
        q = ngx_queue_head(&d->failed);
        ngx_queue_remove(q);

        job = ngx_queue_data(q, ngx_http_webhook_job_t, queue);
        ngx_http_webhook_spool_submit(d->queue->store, &job->attempt.sc);
    }

    if (d->leaving && d->active) {
        ngx_http_webhook_schedule_lease(d);
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
        ngx_http_webhook_schedule_lock(d);
        return;
    }

    /*
     * Clocks of processes differ a little: an event may have come that is due
     * before those that were looked at already.
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
                ngx_http_webhook_schedule_ready(dest);
            }
        }
    }

    ngx_http_webhook_schedule_news(d);
    ngx_http_webhook_queue_expire(d->queue);
}


/*
 * Tries to become the process that delivers.  The lock is one of an open file
 * description, which the kernel frees with the process; LMDB has none on the
 * file itself.
 */

static void
ngx_http_webhook_schedule_lock(ngx_http_webhook_deliverer_t *d)
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

    if (d->wake == NULL) {
        d->wake = ngx_http_webhook_queue_listen(d->queue,
                                                ngx_http_webhook_schedule_told,
                                                d);
        if (d->wake == NULL) {
            goto failed;
        }
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

        if (ngx_http_webhook_schedule_destination(d, destination) == NULL) {
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

    ngx_http_webhook_schedule_unlock(d);
    return;

failed:

    if (ngx_close_file(fd) == NGX_FILE_ERROR) {
        ngx_log_error(NGX_LOG_ALERT, d->tick.log, ngx_errno,
                      ngx_close_file_n " \"%V\" failed",
                      &d->queue->spool.path);
    }
}


/* Another process has committed something, or nginx is to quit. */

static void
ngx_http_webhook_schedule_told(ngx_event_t *ev)
{
    ngx_connection_t              *c;
    ngx_http_webhook_deliverer_t  *d;

    c = ev->data;
    d = c->data;

    if (c->close) {
        ngx_http_webhook_schedule_leave(d);
        return;
    }

    ngx_http_webhook_queue_heard(c);
    ngx_http_webhook_schedule_news(d);
}


/* Goes through the events that have arrived since the last call. */

static void
ngx_http_webhook_schedule_news(ngx_http_webhook_deliverer_t *d)
{
    if (d->leaving || d->lock == NGX_INVALID_FILE) {
        return;
    }

    /* an error has been logged; the next tick tries again */

    (void) ngx_http_webhook_spool_news(d->queue->store, &d->seq,
                                       ngx_http_webhook_schedule_new, d);
}


/* An event has arrived: its destination must be looked at. */

static ngx_int_t
ngx_http_webhook_schedule_new(void *data, ngx_http_webhook_event_t *event)
{
    return ngx_http_webhook_schedule_destination(data, event->destination)
           ? NGX_OK : NGX_ERROR;
}


/*
 * Finds a destination, or makes it, and has it looked at.  Returns NULL if
 * there is no memory.
 */

static ngx_http_webhook_destination_t *
ngx_http_webhook_schedule_destination(ngx_http_webhook_deliverer_t *d,
    uint64_t number)
{
    ngx_rbtree_node_t               *node;
    ngx_http_webhook_destination_t  *dest;

    node = d->destinations.root;

    while (node != &d->sentinel) {

        if (number == node->key) {
            dest = (ngx_http_webhook_destination_t *) node;
            ngx_http_webhook_schedule_ready(dest);
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
    dest->timer.handler = ngx_http_webhook_schedule_due;
    dest->timer.data = &dest->dummy;
    dest->timer.log = d->tick.log;
    dest->timer.cancelable = 1;

    ngx_rbtree_insert(&d->destinations, &dest->node);

    ngx_http_webhook_schedule_ready(dest);

    return dest;
}


/* Has a destination looked at, in the next turn of the event loop. */

static void
ngx_http_webhook_schedule_ready(ngx_http_webhook_destination_t *dest)
{
    ngx_http_webhook_deliverer_t  *d;

    d = dest->deliverer;

    if (ngx_queue_empty(&dest->ready)) {
        ngx_queue_insert_tail(&d->ready, &dest->ready);
    }

    /* attempts that end at once must not hold up the event loop */

    if (!d->run.posted) {
        ngx_post_event(&d->run, &ngx_posted_next_events);
    }
}


/* The timer of a destination. */

static void
ngx_http_webhook_schedule_due(ngx_event_t *ev)
{
    ngx_connection_t  *c;

    c = ev->data;

    ngx_http_webhook_schedule_ready(c->data);
}


/* Begins what is due, for one destination after the other. */

static void
ngx_http_webhook_schedule_run(ngx_event_t *ev)
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
            /* it is ready again when one of its attempts has ended */
            continue;
        }

        /* connections that are idle make room */

        spare = ngx_cycle->free_connection_n
                + ngx_cycle->reusable_connections_n;

        /*
         * Clients come first, and then destinations without an attempt: a few
         * destinations that hang must not take all connections.
         */

        if (spare <= ngx_cycle->connection_n / 4
            || (dest->active && spare <= ngx_cycle->connection_n / 2))
        {
            ngx_http_webhook_schedule_wait(dest, NGX_HTTP_WEBHOOK_SPARE);
            continue;
        }

        rc = ngx_http_webhook_schedule_next(d, dest);

        if (rc == NGX_OK) {
            n++;

            /* an attempt that has ended already has made it ready, too */
            ngx_http_webhook_schedule_ready(dest);

        } else if (rc == NGX_ERROR) {
            ngx_http_webhook_schedule_wait(dest, NGX_HTTP_WEBHOOK_TICK);
        }
    }
}


/*
 * Has a destination looked at after "delay" milliseconds.  The old timer must
 * be deleted: ngx_event_add_timer() would leave it as it is if the new one is
 * less than 300 milliseconds later.
 */

static void
ngx_http_webhook_schedule_wait(ngx_http_webhook_destination_t *dest,
    ngx_msec_t delay)
{
    if (dest->timer.timer_set) {
        ngx_del_timer(&dest->timer);
    }

    ngx_add_timer(&dest->timer, delay);
}


/*
 * Begins an attempt at the event that is due next for a destination.  Returns
 * NGX_OK, NGX_DECLINED if none is due, or NGX_ERROR if that should be tried
 * again.
 */

static ngx_int_t
ngx_http_webhook_schedule_next(ngx_http_webhook_deliverer_t *d,
    ngx_http_webhook_destination_t *dest)
{
    uint64_t                    longest, now;
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
            ngx_http_webhook_schedule_forget(d, dest);
        }

        if (rc != NGX_OK) {
            return rc;
        }

        /*
         * An event that has to wait longer than is possible is due: the clock
         * has been set back, or "webhook_retry" has become shorter.
         */

        now = ngx_http_webhook_clock_now();

        longest = ngx_http_webhook_deliver_longest(d->queue, &event);
        longest = ngx_max(longest, NGX_HTTP_WEBHOOK_LEASE)
                  + NGX_HTTP_WEBHOOK_TICK;

        if (event.time > now && event.time - now <= longest) {
            delay = (ngx_msec_t) ngx_min(event.time - now,
                                         NGX_HTTP_WEBHOOK_TIMER_MAX);
            ngx_http_webhook_schedule_wait(dest, delay);

            return NGX_DECLINED;
        }

        node = d->jobs.root;

        while (node != &d->sentinel && node->key != event.seq) {
            node = (event.seq < node->key) ? node->left : node->right;
        }

        if (node == &d->sentinel) {
            rc = ngx_http_webhook_schedule_begin(d, dest, &event);

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


/* Begins an attempt.  Returns NGX_OK, or NGX_ERROR if nothing has begun. */

static ngx_int_t
ngx_http_webhook_schedule_begin(ngx_http_webhook_deliverer_t *d,
    ngx_http_webhook_destination_t *dest, ngx_http_webhook_event_t *event)
{
    ngx_http_webhook_job_t  *job;

    job = ngx_calloc(sizeof(ngx_http_webhook_job_t), d->tick.log);
    if (job == NULL) {
        return NGX_ERROR;
    }

    job->node.key = event->seq;
    job->deliverer = d;
    job->destination = dest;

    job->attempt.queue = d->queue;
    job->attempt.sc.event = *event;
    job->attempt.handler = ngx_http_webhook_schedule_finished;
    job->attempt.data = job;

    /* the attempt may end within the call */

    ngx_rbtree_insert(&d->jobs, &job->node);

    d->active++;
    dest->active++;
    dest->held++;

    if (ngx_http_webhook_attempt_begin(&job->attempt) == NGX_OK) {
        return NGX_OK;
    }

    d->active--;
    dest->active--;
    dest->held--;

    ngx_rbtree_delete(&d->jobs, &job->node);
    ngx_free(job);

    return NGX_ERROR;
}


/* Frees a destination that nothing waits for. */

static void
ngx_http_webhook_schedule_forget(ngx_http_webhook_deliverer_t *d,
    ngx_http_webhook_destination_t *dest)
{
    if (dest->timer.timer_set) {
        ngx_del_timer(&dest->timer);
    }

    ngx_queue_remove(&dest->ready);
    ngx_rbtree_delete(&d->destinations, &dest->node);

    ngx_free(dest);
}


/* An attempt has ended: has its outcome committed. */

static void
ngx_http_webhook_schedule_finished(ngx_http_webhook_attempt_t *attempt)
{
    ngx_http_webhook_job_t          *job;
    ngx_http_webhook_deliverer_t    *d;
    ngx_http_webhook_destination_t  *dest;

    job = attempt->data;
    d = job->deliverer;
    dest = job->destination;

    d->active--;
    dest->active--;

    switch (ngx_http_webhook_deliver_outcome(attempt)) {

    case NGX_HTTP_WEBHOOK_DELIVERED:
        dest->limit = d->queue->location->concurrency;
        break;

    case NGX_HTTP_WEBHOOK_FAILED:
        /* the destination is not well: one attempt at a time for now */
        dest->limit = 1;
        break;

    case NGX_HTTP_WEBHOOK_NOT_TRIED:
        break;
    }

    attempt->sc.change.handler = ngx_http_webhook_schedule_settled;
    attempt->sc.change.data = job;

    d->settling++;

    ngx_http_webhook_spool_submit(d->queue->store, &attempt->sc);

    ngx_http_webhook_schedule_ready(dest);
}


/* An outcome has been committed, or could not be. */

static void
ngx_http_webhook_schedule_settled(ngx_http_webhook_change_t *change)
{
    ngx_http_webhook_job_t          *job;
    ngx_http_webhook_deliverer_t    *d;
    ngx_http_webhook_destination_t  *dest;

    job = change->data;
    d = job->deliverer;
    dest = job->destination;

    /*
     * That an event was delivered must not be forgotten.  One that was not is
     * where it was if this can't be committed, and is tried again.
     */

    if (change->rc == NGX_ERROR
        && (job->attempt.sc.type == NGX_HTTP_WEBHOOK_SPOOL_DONE
             || change->failed < NGX_HTTP_WEBHOOK_TRIES))
    {
        ngx_queue_insert_tail(&d->failed, &job->queue);

        if (d->leaving && !d->tick.timer_set) {
            d->tick.cancelable = 0;
            ngx_add_timer(&d->tick, NGX_HTTP_WEBHOOK_TICK);
        }

        return;
    }

    ngx_rbtree_delete(&d->jobs, &job->node);

    d->settling--;
    dest->held--;

    if (job->leased) {
        job->settled = 1;

    } else {
        ngx_free(job);
    }

    ngx_http_webhook_schedule_ready(dest);

    if (d->leaving) {
        ngx_http_webhook_schedule_unlock(d);
    }
}


/*
 * Nginx quits, or another configuration takes over.  The events of attempts
 * that have not ended are put off for whoever delivers next, as long as this
 * process is there to finish them.
 */

static void
ngx_http_webhook_schedule_leave(ngx_http_webhook_deliverer_t *d)
{
    d->leaving = 1;

    ngx_http_webhook_queue_deaf(&d->wake);

    ngx_http_webhook_schedule_lease(d);

    if (d->active) {
        ngx_add_timer(&d->tick, NGX_HTTP_WEBHOOK_RENEWAL);
    }

    ngx_http_webhook_schedule_unlock(d);
}


/* Puts off the events of all attempts that have not ended. */

static void
ngx_http_webhook_schedule_lease(ngx_http_webhook_deliverer_t *d)
{
    ngx_rbtree_node_t                *node;
    ngx_http_webhook_job_t           *job;
    ngx_http_webhook_spool_change_t  *sc;

    if (d->jobs.root == &d->sentinel) {
        return;
    }

    for (node = ngx_rbtree_min(d->jobs.root, &d->sentinel);
         node;
         node = ngx_rbtree_next(&d->jobs, node))
    {
        job = (ngx_http_webhook_job_t *) node;

        if (job->attempt.sc.change.handler || job->leased) {
            /* it has ended, or its last lease is not committed yet */
            continue;
        }

        sc = &job->lease;

        sc->type = NGX_HTTP_WEBHOOK_SPOOL_WAIT;
        sc->event = job->attempt.sc.event;
        sc->event.time = ngx_http_webhook_clock_now()
                         + NGX_HTTP_WEBHOOK_LEASE;
        sc->change.handler = ngx_http_webhook_schedule_leased;
        sc->change.data = job;

        job->leased = 1;
        d->leases++;

        ngx_http_webhook_spool_submit(d->queue->store, sc);
    }
}


/*
 * A lease has been committed.  If it could not be, whoever delivers next makes
 * another attempt.
 */

static void
ngx_http_webhook_schedule_leased(ngx_http_webhook_change_t *change)
{
    ngx_http_webhook_job_t        *job;
    ngx_http_webhook_deliverer_t  *d;

    job = change->data;
    d = job->deliverer;

    job->leased = 0;
    d->leases--;

    if (job->settled) {
        ngx_free(job);
    }

    ngx_http_webhook_schedule_unlock(d);
}


/* Gives up the lock, once no event would be delivered twice because of it. */

static void
ngx_http_webhook_schedule_unlock(ngx_http_webhook_deliverer_t *d)
{
    if (d->leaving && (d->leases || d->settling)) {
        return;
    }

    ngx_http_webhook_queue_deaf(&d->wake);

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
