
/*
 * The schedule of deliveries: which event is due when.  The process that holds
 * the lock of a queue's file delivers; the others stand by, across reloads and
 * binary upgrades.
 *
 * An event stays in the store until what has become of it is committed.  Events
 * of one destination wait for each other only.  A destination that has not
 * taken an event gets a single attempt at a time until it answers well again.
 */


#include "events/ngx_http_webhook_schedule.h"
#include "events/ngx_http_webhook_holder.h"
#include "events/ngx_http_webhook_line.h"
#include "core/ngx_http_webhook_clock.h"
#include "endpoints/ngx_http_webhook_report.h"
#include "queue/ngx_http_webhook_wake.h"


/*
 * Milliseconds that a timer may wait at most: the clock may be set meanwhile,
 * and an event that another process had a lease on may be due earlier.
 */

#define NGX_HTTP_WEBHOOK_TIMER_MAX       5000

/* destinations that are looked at in a turn, and each second anew */
#define NGX_HTTP_WEBHOOK_LOOKS           256
#define NGX_HTTP_WEBHOOK_AGAIN           2048

/* how many attempts are begun in one turn of the event loop */
#define NGX_HTTP_WEBHOOK_TURN            32

/* how often it is tried to commit that an attempt has failed */
#define NGX_HTTP_WEBHOOK_TRIES           5

/* how many outcomes may wait to be committed before no attempt is begun */
#define NGX_HTTP_WEBHOOK_SETTLING        1024


static void ngx_http_webhook_schedule_wake(ngx_http_webhook_queue_t *queue);
static void ngx_http_webhook_schedule_tick(ngx_event_t *ev);
static void ngx_http_webhook_schedule_lock(ngx_http_webhook_deliverer_t *d);
static void ngx_http_webhook_schedule_load(ngx_http_webhook_deliverer_t *d);
static void ngx_http_webhook_schedule_again(ngx_http_webhook_deliverer_t *d);
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
static ngx_uint_t ngx_http_webhook_schedule_may(
    ngx_http_webhook_destination_t *dest);
static void ngx_http_webhook_schedule_wait(
    ngx_http_webhook_destination_t *dest, ngx_msec_t delay);
static ngx_int_t ngx_http_webhook_schedule_next(
    ngx_http_webhook_deliverer_t *d, ngx_http_webhook_destination_t *dest);
static ngx_int_t ngx_http_webhook_schedule_find(
    ngx_http_webhook_deliverer_t *d, ngx_http_webhook_destination_t *dest,
    uint64_t time, uint64_t seq, ngx_http_webhook_event_t *event);
static ngx_int_t ngx_http_webhook_schedule_begin(
    ngx_http_webhook_deliverer_t *d, ngx_http_webhook_destination_t *dest,
    ngx_http_webhook_event_t *event);
static void ngx_http_webhook_schedule_forget(ngx_http_webhook_deliverer_t *d,
    ngx_http_webhook_destination_t *dest);
static void ngx_http_webhook_schedule_finished(
    ngx_http_webhook_attempt_t *attempt);
static void ngx_http_webhook_schedule_failing(
    ngx_http_webhook_destination_t *dest);
static void ngx_http_webhook_schedule_settled(
    ngx_http_webhook_change_t *change);


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

    d->queue = queue;
    d->lock = NGX_INVALID_FILE;

    ngx_rbtree_init(&d->destinations, &d->sentinel, ngx_rbtree_insert_value);
    ngx_rbtree_init(&d->jobs, &d->sentinel, ngx_rbtree_insert_value);
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

    ngx_http_webhook_line_open(d, cycle->log);

    ngx_add_timer(&d->tick, 1);
}


/* Frees the deliverer when the process ends. */

void
ngx_http_webhook_schedule_close(ngx_http_webhook_queue_t *queue)
{
    ngx_event_t                   *timer;
    ngx_rbtree_node_t             *node;
    ngx_http_webhook_deliverer_t  *d;

    d = queue->deliverer;
    queue->deliverer = NULL;

    if (d->tick.timer_set) {
        ngx_del_timer(&d->tick);
    }

    ngx_http_webhook_line_close(d);

    ngx_http_webhook_holder_unlock(d);

    /* an event whose attempt has not ended stays in the store, to be tried */

    while (d->jobs.root != &d->sentinel) {
        node = d->jobs.root;
        timer = &((ngx_http_webhook_job_t *) node)->attempt.timer;

        if (timer->timer_set) {
            ngx_del_timer(timer);
        }

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
    ngx_queue_t                   *q;
    ngx_connection_t              *c;
    ngx_http_webhook_job_t        *job;
    ngx_http_webhook_deliverer_t  *d;

    c = ev->data;
    d = c->data;

    /* sees whether the time of day has jumped */
    (void) ngx_http_webhook_clock_steady();

    /* outcomes that could not be committed */

    if (d->leaving) {
        ngx_http_webhook_holder_left(d);
        ev->cancelable = 1;

        if (d->lock != NGX_INVALID_FILE) {
            ngx_http_webhook_holder_beat(d);
        }
    }

    while (!ngx_queue_empty(&d->failed)) {
        q = ngx_queue_head(&d->failed);
        ngx_queue_remove(q);

        job = ngx_queue_data(q, ngx_http_webhook_job_t, queue);
        ngx_http_webhook_spool_submit(d->queue->store, &job->attempt.sc);
    }

    if (d->leaving && d->active) {
        ngx_http_webhook_holder_lease(d);
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

    ngx_http_webhook_holder_beat(d);

    ngx_http_webhook_schedule_again(d);

    if (d->loading && !d->run.posted) {
        ngx_post_event(&d->run, &ngx_posted_next_events);
    }

    ngx_http_webhook_schedule_news(d);
    ngx_http_webhook_queue_expire(d->queue);
    ngx_http_webhook_queue_watch_oldest(d->queue);
    ngx_http_webhook_report_go_on(d->queue);
}


/*
 * Tries to become the process that delivers, and then looks at each destination
 * that an event waits for.
 */

static void
ngx_http_webhook_schedule_lock(ngx_http_webhook_deliverer_t *d)
{
    if (ngx_http_webhook_holder_lock(d) != NGX_OK) {
        return;
    }

    if (d->wake == NULL) {
        d->wake = ngx_http_webhook_wake_listen(d->queue,
                                                ngx_http_webhook_schedule_told,
                                                d);
        if (d->wake == NULL) {
            goto failed;
        }
    }

    d->seq = 0;

    ngx_log_error(NGX_LOG_NOTICE, d->tick.log, 0,
                  "webhook queue \"%V\" is delivered by this process",
                  &d->queue->name);

    if (ngx_http_webhook_spool_news(d->queue->store, &d->seq, NULL, NULL)
        != NGX_OK)
    {
        goto failed;
    }

    ngx_http_webhook_report_take_over(d->queue);

    d->loading = 1;
    d->load = 0;

    if (!d->run.posted) {
        ngx_post_event(&d->run, &ngx_posted_next_events);
    }

    return;

failed:

    ngx_http_webhook_holder_unlock(d);
}


/*
 * Goes on with looking for destinations for which there are events: for some in
 * a turn of the event loop, for there may be many.
 */

static void
ngx_http_webhook_schedule_load(ngx_http_webhook_deliverer_t *d)
{
    ngx_int_t   rc;
    ngx_uint_t  n;

    for (n = 0; n < NGX_HTTP_WEBHOOK_LOOKS; n++) {

        rc = ngx_http_webhook_spool_destination(d->queue->store, &d->load);

        if (rc == NGX_DECLINED) {
            d->loading = 0;
            return;
        }

        if (rc != NGX_OK
            || ngx_http_webhook_schedule_destination(d, d->load) == NULL)
        {
            /* the next tick tries again */
            return;
        }

        if (d->load++ == (uint64_t) -1) {
            d->loading = 0;
            return;
        }
    }
}


/*
 * Clocks of processes differ a little: an event may have come that is due
 * before those of its destination that were looked at already.  Looks at some
 * destinations from their first event on.
 */

static void
ngx_http_webhook_schedule_again(ngx_http_webhook_deliverer_t *d)
{
    ngx_uint_t                       n;
    ngx_rbtree_node_t               *next, *node;
    ngx_http_webhook_destination_t  *dest;

    /* the first one from d->look on */

    next = NULL;
    node = d->destinations.root;

    while (node != &d->sentinel) {

        if (node->key >= d->look) {
            next = node;
            node = node->left;

        } else {
            node = node->right;
        }
    }

    for (n = 0; next && n < NGX_HTTP_WEBHOOK_AGAIN; n++) {
        dest = (ngx_http_webhook_destination_t *) next;

        if (dest->time) {
            dest->time = 0;
            dest->seq = 0;
            ngx_http_webhook_schedule_ready(dest);
        }

        next = ngx_rbtree_next(&d->destinations, next);
    }

    d->look = next ? next->key : 0;
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
        ngx_http_webhook_holder_leave(d);
        return;
    }

    ngx_http_webhook_wake_heard(c);
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
    ngx_http_webhook_health_init(&dest->health, d->queue, number);

    dest->dummy.fd = (ngx_socket_t) -1;
    dest->dummy.data = dest;
    dest->timer.handler = ngx_http_webhook_schedule_due;
    dest->timer.data = &dest->dummy;
    dest->timer.log = d->tick.log;
    dest->timer.cancelable = 1;

    ngx_rbtree_insert(&d->destinations, &dest->node);
    d->ndestinations++;

    ngx_http_webhook_schedule_ready(dest);

    return dest;
}


/* Has a destination looked at, in the next turn of the event loop. */

static void
ngx_http_webhook_schedule_ready(ngx_http_webhook_destination_t *dest)
{
    ngx_http_webhook_deliverer_t  *d;

    d = dest->deliverer;

    ngx_http_webhook_line_add(dest);

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
    ngx_uint_t                       looks, n;
    ngx_http_webhook_deliverer_t    *d;
    ngx_http_webhook_destination_t  *dest;

    d = ev->data;
    n = 0;

    if (d->loading && !d->leaving && d->lock != NGX_INVALID_FILE) {
        ngx_http_webhook_schedule_load(d);
    }

    for (looks = 0;
         !d->leaving
         && d->lock != NGX_INVALID_FILE
         && n < NGX_HTTP_WEBHOOK_TURN
         && d->settling < NGX_HTTP_WEBHOOK_SETTLING;
         looks++)
    {
        if (looks == NGX_HTTP_WEBHOOK_LOOKS) {

            /* many for which nothing is to be done must not hold it up, too */

            if (!d->run.posted) {
                ngx_post_event(&d->run, &ngx_posted_next_events);
            }

            return;
        }

        dest = ngx_http_webhook_line_take(d);

        if (dest == NULL) {
            return;
        }

        if (!ngx_http_webhook_schedule_may(dest)) {
            continue;
        }

        rc = ngx_http_webhook_schedule_next(d, dest);

        if (rc == NGX_OK) {
            n++;

            if (d->throttled) {
                ngx_http_webhook_status_count(d->queue->status,
                                           NGX_HTTP_WEBHOOK_STATUS_THROTTLED);
            }

            /* an attempt that has ended already has made it ready, too */
            ngx_http_webhook_schedule_ready(dest);

        } else if (rc == NGX_ERROR) {
            ngx_http_webhook_schedule_wait(dest, NGX_HTTP_WEBHOOK_TICK);
        }
    }
}


/*
 * Says whether an attempt at a destination may begin now.  If not, the
 * destination is looked at again in time.
 */

static ngx_uint_t
ngx_http_webhook_schedule_may(ngx_http_webhook_destination_t *dest)
{
    ngx_uint_t      n, limit;
    ngx_msec_int_t  wait;

    if (dest->health.state == NGX_HTTP_WEBHOOK_HEALTH_GOOD) {
        n = dest->active;
        limit = dest->limit;

    } else {
        n = dest->probing;
        limit = 1;
    }

    if (n >= limit) {
        /* it is ready again when one of its attempts has ended */
        return 0;
    }

    if (dest->health.state == NGX_HTTP_WEBHOOK_HEALTH_FAILING) {
        wait = (ngx_msec_int_t) (dest->probe - ngx_current_msec);

        if (wait > 0) {
            ngx_http_webhook_schedule_wait(dest, (ngx_msec_t) wait);
            return 0;
        }
    }

    /* destinations without an attempt come first */

    if (dest->active
        && ngx_http_webhook_line_free() <= ngx_cycle->connection_n / 2)
    {
        ngx_http_webhook_schedule_wait(dest, NGX_HTTP_WEBHOOK_SPARE);
        return 0;
    }

    return 1;
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
    uint64_t                    time, seq;
    ngx_int_t                   rc;
    ngx_uint_t                  healthy;
    ngx_http_webhook_event_t    event;

    if (dest->held == 0) {
        dest->time = 0;
        dest->seq = 0;
    }

    healthy = (dest->health.state == NGX_HTTP_WEBHOOK_HEALTH_GOOD);

    /* a probe is the event after the one that has failed last */

    time = healthy ? dest->time : dest->health.time;
    seq = healthy ? dest->seq : dest->health.seq;

    rc = ngx_http_webhook_schedule_find(d, dest, time, seq, &event);

    if ((rc == NGX_DECLINED || rc == NGX_AGAIN) && !healthy && time) {
        time = 0;
        rc = ngx_http_webhook_schedule_find(d, dest, 0, 0, &event);
    }

    if (rc == NGX_DECLINED && time == 0 && dest->held == 0) {
        ngx_http_webhook_schedule_forget(d, dest);
    }

    if (rc != NGX_OK) {
        return (rc == NGX_AGAIN) ? NGX_DECLINED : rc;
    }

    if (dest->health.state == NGX_HTTP_WEBHOOK_HEALTH_DOUBTED
        && event.seq == dest->health.seq)
    {
        /* there is no other event that could tell */

        ngx_http_webhook_health_fail(&dest->health);
        ngx_http_webhook_schedule_failing(dest);

        return NGX_DECLINED;
    }

    rc = ngx_http_webhook_schedule_begin(d, dest, &event);

    if (rc == NGX_OK && healthy) {
        dest->time = event.time;
        dest->seq = event.seq;
    }

    return rc;
}


/*
 * Finds the event that is due next after "time" and "seq" for a destination,
 * without those that are under way.  Returns NGX_OK, NGX_DECLINED if none
 * waits, NGX_AGAIN if none is due, after setting the timer, or NGX_ERROR.
 */

static ngx_int_t
ngx_http_webhook_schedule_find(ngx_http_webhook_deliverer_t *d,
    ngx_http_webhook_destination_t *dest, uint64_t time, uint64_t seq,
    ngx_http_webhook_event_t *event)
{
    uint64_t            longest, now;
    ngx_int_t           rc;
    ngx_msec_t          delay;
    ngx_rbtree_node_t  *node;

    for ( ;; ) {

        rc = ngx_http_webhook_spool_next(d->queue->store, dest->node.key, time,
                                         seq, event);
        if (rc != NGX_OK) {
            return rc;
        }

        /*
         * An event that has to wait longer than is possible is due: the clock
         * was set back before this process began, or "webhook_retry" has become
         * shorter.
         */

        now = ngx_http_webhook_clock_steady();

        longest = ngx_http_webhook_deliver_longest(d->queue, event);
        longest = ngx_max(longest, NGX_HTTP_WEBHOOK_LEASE)
                  + NGX_HTTP_WEBHOOK_TICK;

        if (event->time > now && event->time - now <= longest) {
            delay = (ngx_msec_t) ngx_min(event->time - now,
                                         NGX_HTTP_WEBHOOK_TIMER_MAX);
            ngx_http_webhook_schedule_wait(dest, delay);

            return NGX_AGAIN;
        }

        node = d->jobs.root;

        while (node != &d->sentinel && node->key != event->seq) {
            node = (event->seq < node->key) ? node->left : node->right;
        }

        if (node == &d->sentinel) {
            return NGX_OK;
        }

        time = event->time;
        seq = event->seq;
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
    job->delivered = dest->health.delivered;

    job->attempt.probe = (dest->health.state != NGX_HTTP_WEBHOOK_HEALTH_GOOD);
    job->attempt.queue = d->queue;
    job->attempt.sc.event = *event;
    job->attempt.handler = ngx_http_webhook_schedule_finished;
    job->attempt.data = job;

    /* the attempt may end within the call */

    ngx_rbtree_insert(&d->jobs, &job->node);

    d->active++;
    dest->active++;
    dest->held++;
    dest->probing += job->attempt.probe;
    ngx_http_webhook_line_probes += job->attempt.probe;

    if (ngx_http_webhook_attempt_begin(&job->attempt) == NGX_OK) {
        return NGX_OK;
    }

    d->active--;
    dest->active--;
    dest->held--;
    dest->probing -= job->attempt.probe;
    ngx_http_webhook_line_probes -= job->attempt.probe;

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

    d->ndestinations--;
    d->nfailing -= dest->failing;

    ngx_http_webhook_health_free(&dest->health);

    ngx_free(dest);
}


/* An attempt has ended: has its outcome committed. */

static void
ngx_http_webhook_schedule_finished(ngx_http_webhook_attempt_t *attempt)
{
    ngx_http_webhook_job_t          *job;
    ngx_http_webhook_outcome_e       outcome;
    ngx_http_webhook_deliverer_t    *d;
    ngx_http_webhook_destination_t  *dest;

    job = attempt->data;
    d = job->deliverer;
    dest = job->destination;

    d->active--;
    dest->active--;
    dest->probing -= attempt->probe;
    ngx_http_webhook_line_probes -= attempt->probe;

    outcome = ngx_http_webhook_deliver_outcome(attempt);

    switch (outcome) {

    case NGX_HTTP_WEBHOOK_DELIVERED:
        dest->limit = d->queue->location->concurrency;

        if (ngx_http_webhook_health_delivered(&dest->health, attempt)) {
            /* all that waits is due */
            dest->time = 0;
            dest->seq = 0;
        }

        break;

    case NGX_HTTP_WEBHOOK_FAILED:
        /* one attempt at a time for now */
        dest->limit = 1;
        break;

    case NGX_HTTP_WEBHOOK_UNWELL:

        if (d->leaving) {
            /* for the next process, as it was */
            attempt->sc.type = NGX_HTTP_WEBHOOK_SPOOL_WAIT;

        } else if (ngx_http_webhook_health_unwell(&dest->health, attempt,
                                                  job->delivered))
        {
            ngx_http_webhook_deliver_failed(attempt);

        } else {
            ngx_rbtree_delete(&d->jobs, &job->node);
            ngx_free(job);

            dest->held--;
            job = NULL;
        }

        break;

    case NGX_HTTP_WEBHOOK_NOT_TRIED:
        break;
    }

    if (job) {
        attempt->sc.change.handler = ngx_http_webhook_schedule_settled;
        attempt->sc.change.data = job;

        d->settling++;

        ngx_http_webhook_spool_submit(d->queue->store, &attempt->sc);
    }

    if (outcome != NGX_HTTP_WEBHOOK_NOT_TRIED) {
        ngx_http_webhook_schedule_failing(dest);
    }

    ngx_http_webhook_line_freed();
    ngx_http_webhook_schedule_ready(dest);
}


/*
 * An attempt at a destination has ended: counts the destination among those
 * that are failing, or not, and sets the time of the next probe.
 */

static void
ngx_http_webhook_schedule_failing(ngx_http_webhook_destination_t *dest)
{
    ngx_uint_t  failing;

    failing = (dest->health.state == NGX_HTTP_WEBHOOK_HEALTH_FAILING);

    dest->deliverer->nfailing += failing - dest->failing;
    dest->failing = failing;

    if (failing) {
        dest->probe = ngx_current_msec + dest->health.delay;
        ngx_http_webhook_schedule_wait(dest, dest->health.delay);
    }
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

        if (d->leaving) {
            d->tick.cancelable = 0;

            if (!d->tick.timer_set) {
                ngx_add_timer(&d->tick, NGX_HTTP_WEBHOOK_TICK);
            }
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
        ngx_http_webhook_holder_unlock(d);
    }
}
