
/*
 * The lines in which destinations stand for attempts.  One whose attempt has
 * ended goes to the end of its line, so that each has its turn when connections
 * are scarce.  Destinations that are not healthy have a line of their own, and
 * together at most half of the attempts that are possible: those that hang must
 * not take all connections.
 */


#include "events/ngx_http_webhook_line.h"


/* seconds until it is logged again that attempts wait for connections */
#define NGX_HTTP_WEBHOOK_SAY             60


static void ngx_http_webhook_line_throttle(ngx_http_webhook_deliverer_t *d);
static void ngx_http_webhook_line_spare(ngx_event_t *ev);


/* attempts of this process at destinations that are not healthy */
ngx_uint_t  ngx_http_webhook_line_probes;


/* deliverers of this process that wait for a connection, in order */
static ngx_queue_t  ngx_http_webhook_line_waiting = {
    &ngx_http_webhook_line_waiting,
    &ngx_http_webhook_line_waiting
};


/* Makes the lines of a deliverer. */

void
ngx_http_webhook_line_open(ngx_http_webhook_deliverer_t *d, ngx_log_t *log)
{
    ngx_queue_init(&d->ready);
    ngx_queue_init(&d->probes);
    ngx_queue_init(&d->waiting);

    d->spare.handler = ngx_http_webhook_line_spare;
    d->spare.data = &d->dummy;
    d->spare.log = log;
    d->spare.cancelable = 1;
}


/* Must be called before a deliverer is freed. */

void
ngx_http_webhook_line_close(ngx_http_webhook_deliverer_t *d)
{
    if (d->spare.timer_set) {
        ngx_del_timer(&d->spare);
    }

    ngx_queue_remove(&d->waiting);
    ngx_queue_init(&d->waiting);
}


/* Puts a destination at the end of its line, if it does not stand in one. */

void
ngx_http_webhook_line_add(ngx_http_webhook_destination_t *dest)
{
    ngx_http_webhook_deliverer_t  *d;

    d = dest->deliverer;

    if (ngx_queue_empty(&dest->ready)) {
        ngx_queue_insert_tail(dest->health.state == NGX_HTTP_WEBHOOK_HEALTH_GOOD
                              ? &d->ready : &d->probes,
                              &dest->ready);
    }
}


/*
 * Takes the destination whose turn it is out of its line.  Returns NULL if
 * there is none, or no connection: the deliverer is then called again.
 */

ngx_http_webhook_destination_t *
ngx_http_webhook_line_take(ngx_http_webhook_deliverer_t *d)
{
    ngx_uint_t    most;
    ngx_queue_t  *line, *q;

    /* an attempt takes two connections, and clients keep a quarter of them */

    most = ngx_max(ngx_cycle->connection_n * 3 / 16, 1);

    if (ngx_queue_empty(&d->probes) || ngx_http_webhook_line_probes >= most) {
        line = &d->ready;

    } else {
        line = (d->turn && !ngx_queue_empty(&d->ready)) ? &d->ready
                                                        : &d->probes;
    }

    if (ngx_queue_empty(&d->ready) && ngx_queue_empty(&d->probes)) {
        d->throttled = 0;
        return NULL;
    }

    if (ngx_queue_empty(line)
        || ngx_http_webhook_line_free() <= ngx_cycle->connection_n / 4)
    {
        ngx_http_webhook_line_throttle(d);
        return NULL;
    }

    d->turn = (line == &d->probes);

    q = ngx_queue_head(line);
    ngx_queue_remove(q);
    ngx_queue_init(q);

    return ngx_queue_data(q, ngx_http_webhook_destination_t, ready);
}


/* Returns how many connections are free, or idle: those make room. */

ngx_uint_t
ngx_http_webhook_line_free(void)
{
    return ngx_cycle->free_connection_n + ngx_cycle->reusable_connections_n;
}


/*
 * Has a deliverer called again when an attempt of this process has ended, or
 * after a while: clients may have left.
 */

static void
ngx_http_webhook_line_throttle(ngx_http_webhook_deliverer_t *d)
{
    if (ngx_queue_empty(&d->waiting)) {
        ngx_queue_insert_tail(&ngx_http_webhook_line_waiting, &d->waiting);
    }

    if (!d->spare.timer_set) {
        ngx_add_timer(&d->spare, NGX_HTTP_WEBHOOK_SPARE);
    }

    if (d->throttled) {
        return;
    }

    d->throttled = 1;

    if (ngx_time() - d->logged >= NGX_HTTP_WEBHOOK_SAY) {
        d->logged = ngx_time();

        ngx_log_error(NGX_LOG_WARN, d->tick.log, 0,
                      "webhook queue \"%V\": attempts wait for connections, "
                      "of which there are %ui in \"worker_connections\"",
                      &d->queue->name, ngx_cycle->connection_n);
    }
}


/* The timer of a deliverer that waits for a connection. */

static void
ngx_http_webhook_line_spare(ngx_event_t *ev)
{
    ngx_connection_t              *c;
    ngx_http_webhook_deliverer_t  *d;

    c = ev->data;
    d = c->data;

    if (!d->run.posted) {
        ngx_post_event(&d->run, &ngx_posted_next_events);
    }
}


/* A connection may be free: calls the deliverer that has waited longest. */

void
ngx_http_webhook_line_freed(void)
{
    ngx_queue_t                   *q;
    ngx_http_webhook_deliverer_t  *d;

    if (ngx_queue_empty(&ngx_http_webhook_line_waiting)) {
        return;
    }

    q = ngx_queue_head(&ngx_http_webhook_line_waiting);
    ngx_queue_remove(q);
    ngx_queue_init(q);

    d = ngx_queue_data(q, ngx_http_webhook_deliverer_t, waiting);

    if (!d->run.posted) {
        ngx_post_event(&d->run, &ngx_posted_next_events);
    }
}
