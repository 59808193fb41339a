
/*
 * The health of a destination: healthy, doubted, or failing.
 *
 * A destination is doubted when it has not taken an event, be it that nobody
 * answered or that it said so by 429, 502, 503 or 504.  Another event is then
 * tried at once.  If that is not taken either, or if there is no other event,
 * the destination is failing: from then on a single event at a time is tried,
 * after delays that become longer.  The first event that is delivered makes the
 * destination healthy again.
 *
 * A failure is the event's own, and counts for "webhook_retry", if the
 * destination has taken another event meanwhile: since the attempt began, or
 * since the event failed for the first time.  All others are forgotten, so that
 * an outage costs no event an attempt.
 */


#include "events/ngx_http_webhook_health.h"


/* milliseconds until a failing destination is tried again, first and most */
#define NGX_HTTP_WEBHOOK_HEALTH_FIRST     1000
#define NGX_HTTP_WEBHOOK_HEALTH_LAST      60000

/* milliseconds: the longest Retry-After that a whole destination waits for */
#define NGX_HTTP_WEBHOOK_HEALTH_RETRY     (60 * 60 * 1000)

/* how many events of a destination are remembered as failed */
#define NGX_HTTP_WEBHOOK_HEALTH_SUSPECTS  1024


/* an event that has failed, and what had been delivered by then */

typedef struct {
    ngx_rbtree_node_t                 node;
    uint64_t                          delivered;
} ngx_http_webhook_suspect_t;


static ngx_http_webhook_suspect_t *ngx_http_webhook_health_suspect(
    ngx_http_webhook_health_t *health, uint64_t seq);
static void ngx_http_webhook_health_forget(ngx_http_webhook_health_t *health,
    ngx_http_webhook_suspect_t *suspect);
static void ngx_http_webhook_health_wait(ngx_http_webhook_health_t *health);


/* Makes a destination's health, of zeroed memory: it is healthy. */

void
ngx_http_webhook_health_init(ngx_http_webhook_health_t *health,
    ngx_http_webhook_queue_t *queue, uint64_t number)
{
    health->queue = queue;
    health->number = number;

    ngx_rbtree_init(&health->suspects, &health->sentinel,
                    ngx_rbtree_insert_value);
}


/* Frees what a destination's health has allocated. */

void
ngx_http_webhook_health_free(ngx_http_webhook_health_t *health)
{
    while (health->suspects.root != &health->sentinel) {
        ngx_http_webhook_health_forget(health,
                      (ngx_http_webhook_suspect_t *) health->suspects.root);
    }
}


/*
 * Must be called when an event has been delivered.  Returns 1 if the
 * destination was doubted or failing, and is healthy now.
 */

ngx_uint_t
ngx_http_webhook_health_delivered(ngx_http_webhook_health_t *health,
    ngx_http_webhook_attempt_t *attempt)
{
    ngx_http_webhook_health_e    state;
    ngx_http_webhook_suspect_t  *suspect;

    suspect = ngx_http_webhook_health_suspect(health, attempt->sc.event.seq);

    if (suspect) {
        ngx_http_webhook_health_forget(health, suspect);
    }

    health->delivered++;
    health->delay = 0;
    health->time = 0;
    health->seq = 0;

    state = health->state;
    health->state = NGX_HTTP_WEBHOOK_HEALTH_GOOD;

    if (state == NGX_HTTP_WEBHOOK_HEALTH_FAILING) {
        ngx_log_error(NGX_LOG_NOTICE, health->queue->cycle->log, 0,
                      "webhook queue \"%V\": destination %016xL is healthy "
                      "again after %M ms",
                      &health->queue->name, health->number,
                      ngx_current_msec - health->since);
    }

    return (state != NGX_HTTP_WEBHOOK_HEALTH_GOOD);
}


/*
 * Must be called when a destination has not taken an event.  "delivered" is
 * what health->delivered was when the attempt began.  Returns 1 if the failure
 * is the event's own, or 0 if it may be the destination's, which is doubted or
 * failing then.
 */

ngx_uint_t
ngx_http_webhook_health_unwell(ngx_http_webhook_health_t *health,
    ngx_http_webhook_attempt_t *attempt, uint64_t delivered)
{
    ngx_http_webhook_event_t    *event;
    ngx_http_webhook_suspect_t  *suspect;

    event = &attempt->sc.event;

    suspect = ngx_http_webhook_health_suspect(health, event->seq);

    if (suspect) {
        delivered = suspect->delivered;
    }

    if (health->delivered > delivered) {

        if (suspect) {
            ngx_http_webhook_health_forget(health, suspect);
        }

        return 1;
    }

    if (suspect == NULL
        && health->nsuspects < NGX_HTTP_WEBHOOK_HEALTH_SUSPECTS)
    {
        suspect = ngx_alloc(sizeof(ngx_http_webhook_suspect_t),
                            health->queue->cycle->log);

        if (suspect) {
            suspect->node.key = event->seq;
            suspect->delivered = health->delivered;

            ngx_rbtree_insert(&health->suspects, &suspect->node);
            health->nsuspects++;
        }
    }

    health->status = attempt->status;
    health->retry_after = attempt->retry_after;
    health->time = event->time;
    health->seq = event->seq;

    switch (health->state) {

    case NGX_HTTP_WEBHOOK_HEALTH_GOOD:
        health->state = NGX_HTTP_WEBHOOK_HEALTH_DOUBTED;
        break;

    case NGX_HTTP_WEBHOOK_HEALTH_DOUBTED:
        ngx_http_webhook_health_fail(health);
        break;

    case NGX_HTTP_WEBHOOK_HEALTH_FAILING:

        /* others had begun before */

        if (attempt->probe) {
            ngx_http_webhook_health_wait(health);
        }

        break;
    }

    return 0;
}


/*
 * A doubted destination is failing: another event was not taken, or there is no
 * other.
 */

void
ngx_http_webhook_health_fail(ngx_http_webhook_health_t *health)
{
    health->state = NGX_HTTP_WEBHOOK_HEALTH_FAILING;
    health->since = ngx_current_msec;
    health->delay = 0;

    ngx_http_webhook_health_wait(health);

    ngx_log_error(NGX_LOG_ERR, health->queue->cycle->log, 0,
                  "webhook queue \"%V\": destination %016xL is failing, "
                  "status %ui: its events wait, and it is tried again in %M ms",
                  &health->queue->name, health->number, health->status,
                  health->delay);
}


/*
 * Sets the delay until the next probe: twice the last one, 10 % more or less,
 * and not less than the destination has asked for.
 */

static void
ngx_http_webhook_health_wait(ngx_http_webhook_health_t *health)
{
    ngx_msec_t  delay, after;

    delay = ngx_min(health->delay * 2, NGX_HTTP_WEBHOOK_HEALTH_LAST);
    delay = ngx_max(delay, NGX_HTTP_WEBHOOK_HEALTH_FIRST);

    delay += delay * (ngx_random() % 2001) / 10000 - delay / 10;

    if (health->retry_after > 0
        && (health->status == NGX_HTTP_WEBHOOK_TOO_MANY
            || health->status == NGX_HTTP_SERVICE_UNAVAILABLE))
    {
        after = (ngx_msec_t) health->retry_after * 1000;
        after = ngx_min(after, NGX_HTTP_WEBHOOK_HEALTH_RETRY);

        delay = ngx_max(delay, after);
    }

    health->delay = delay;
}


/* Finds an event among those that have failed; NULL if it is not there. */

static ngx_http_webhook_suspect_t *
ngx_http_webhook_health_suspect(ngx_http_webhook_health_t *health,
    uint64_t seq)
{
    ngx_rbtree_node_t  *node;

    node = health->suspects.root;

    while (node != &health->sentinel) {

        if (seq == node->key) {
            return (ngx_http_webhook_suspect_t *) node;
        }

        node = (seq < node->key) ? node->left : node->right;
    }

    return NULL;
}


static void
ngx_http_webhook_health_forget(ngx_http_webhook_health_t *health,
    ngx_http_webhook_suspect_t *suspect)
{
    ngx_rbtree_delete(&health->suspects, &suspect->node);
    health->nsuspects--;

    ngx_free(suspect);
}
