
/*
 * "webhook_deliver" and "webhook_retry": how the events of a queue are
 * delivered, and what becomes of an event after an attempt.
 */


#include "events/ngx_http_webhook_deliver.h"
#include "core/ngx_http_webhook_conf.h"
#include "core/ngx_http_webhook_clock.h"
#include "core/ngx_http_webhook_conf.h"


#define NGX_HTTP_WEBHOOK_CONCURRENCY     16

/* seconds: what 429 and 503 mean without Retry-After */
#define NGX_HTTP_WEBHOOK_RETRY_DEFAULT   60

/* seconds: an endpoint that has failed for so long is switched off */
#define NGX_HTTP_WEBHOOK_GIVE_UP         (120 * 60 * 60)


static ngx_int_t ngx_http_webhook_deliver_param(ngx_conf_t *cf,
    ngx_http_webhook_loc_conf_t *wlcf, ngx_http_webhook_queue_t *queue,
    ngx_str_t *value);
static ngx_int_t ngx_http_webhook_deliver_destination(ngx_conf_t *cf,
    ngx_http_webhook_loc_conf_t *wlcf, ngx_str_t *text);
static void ngx_http_webhook_deliver_unsent(
    ngx_http_webhook_attempt_t *attempt, ngx_uint_t state);
static ngx_uint_t ngx_http_webhook_deliver_unwell(ngx_uint_t status);
static uint64_t ngx_http_webhook_deliver_delay(
    ngx_http_webhook_attempt_t *attempt);


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
 * Sets "webhook_deliver name [concurrency=16] [destination=$variable]
 * [timeout=time] [give_up=120h] [report=queue];" in a location.
 */

char *
ngx_http_webhook_deliver(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_webhook_loc_conf_t *wlcf = conf;

    ngx_int_t                  rc;
    ngx_str_t                 *value;
    ngx_uint_t                 i;
    ngx_http_webhook_queue_t  *queue;

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

        rc = ngx_http_webhook_deliver_param(cf, wlcf, queue, &value[i]);

        if (rc == NGX_DECLINED) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\"", &value[i]);
        }

        if (rc != NGX_OK) {
            return NGX_CONF_ERROR;
        }
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

    /* the location checks nothing: clients must not come this way */
    queue->clcf->internal = 1;

    return NGX_CONF_OK;
}


/*
 * Sets one parameter of "webhook_deliver".  Returns NGX_OK, NGX_DECLINED if it
 * is not valid, or NGX_ERROR.
 */

static ngx_int_t
ngx_http_webhook_deliver_param(ngx_conf_t *cf,
    ngx_http_webhook_loc_conf_t *wlcf, ngx_http_webhook_queue_t *queue,
    ngx_str_t *value)
{
    u_char     *p;
    ngx_int_t   n;
    ngx_str_t   text;

    p = ngx_strlchr(value->data, value->data + value->len, '=');

    if (p == NULL) {
        return NGX_DECLINED;
    }

    text.data = p + 1;
    text.len = value->data + value->len - text.data;

    if (ngx_strncmp(value->data, "concurrency=", 12) == 0
        && wlcf->concurrency == 0)
    {
        n = ngx_atoi(text.data, text.len);

        if (n < 1) {
            return NGX_DECLINED;
        }

        wlcf->concurrency = n;

    } else if (ngx_strncmp(value->data, "destination=", 12) == 0
               && text.len && wlcf->destination == NULL)
    {
        return ngx_http_webhook_deliver_destination(cf, wlcf, &text);

    } else if (ngx_strncmp(value->data, "timeout=", 8) == 0
               && wlcf->timeout == 0)
    {
        n = ngx_http_webhook_time(&text, 0);

        if (n <= 0) {
            return NGX_DECLINED;
        }

        wlcf->timeout = n;

    } else if (ngx_strncmp(value->data, "give_up=", 8) == 0
               && wlcf->give_up == 0)
    {
        n = ngx_http_webhook_time(&text, 1);

        if (n <= 0) {
            return NGX_DECLINED;
        }

        wlcf->give_up = n;

    } else if (ngx_strncmp(value->data, "report=", 7) == 0
               && text.len && wlcf->report == NULL)
    {
        wlcf->report = ngx_http_webhook_queue_get(cf, &text);

        if (wlcf->report == NULL) {
            return NGX_ERROR;
        }

        if (wlcf->report == queue) {
            return NGX_DECLINED;
        }

    } else {
        return NGX_DECLINED;
    }

    return NGX_OK;
}


/* Compiles the value of "destination=".  Returns NGX_OK or NGX_ERROR. */

static ngx_int_t
ngx_http_webhook_deliver_destination(ngx_conf_t *cf,
    ngx_http_webhook_loc_conf_t *wlcf, ngx_str_t *text)
{
    ngx_http_compile_complex_value_t  ccv;

    wlcf->destination = ngx_palloc(cf->pool, sizeof(ngx_http_complex_value_t));
    if (wlcf->destination == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = text;
    ccv.complex_value = wlcf->destination;

    return ngx_http_compile_complex_value(&ccv);
}


/* Sets "webhook_retry time ...;" in a location. */

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

        n = ngx_http_webhook_time(&value[i], 0);

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


/*
 * Checks a location with "webhook_deliver", "webhook_retry" or "webhook_sign";
 * called after the configuration has been read.  Returns NGX_CONF_OK, or
 * NGX_CONF_ERROR after a message.
 */

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

#if (NGX_PCRE)

    /* nothing has matched: there is no part that the expression captures */

    if (clcf->regex) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"webhook_deliver\" can't be used in a location that "
                      "is given by a regular expression in %s:%ui",
                      wlcf->queue_file, wlcf->queue_line);
        return NGX_CONF_ERROR;
    }

#endif

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


/*
 * Has each location that delivers ignore X-Accel-Redirect: a destination must
 * not reach internal locations, and its own status counts.  Called after the
 * configuration has been read.
 */

void
ngx_http_webhook_deliver_init(ngx_conf_t *cf)
{
    void                          **loc_conf;
    ngx_uint_t                      i, branch, module;
    ngx_http_upstream_conf_t       *conf;
    ngx_http_webhook_queue_t      **queue;
    ngx_http_webhook_main_conf_t   *wmcf;

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_webhook_module);
    queue = wmcf->queues.elts;

    for (i = 0; i < wmcf->queues.nelts; i++) {

        if (queue[i]->clcf == NULL) {
            continue;
        }

        branch = 0;

        for ( ;; ) {

            loc_conf = ngx_http_webhook_next_branch(cf, queue[i]->clcf,
                                                    &branch);
            if (loc_conf == NULL) {
                break;
            }

            module = 0;

            for ( ;; ) {

                conf = ngx_http_webhook_next_upstream(cf, loc_conf, &module);

                if (conf == NULL) {
                    break;
                }

                conf->ignore_headers |= NGX_HTTP_UPSTREAM_IGN_XA_REDIRECT;
            }
        }
    }
}


/*
 * Decides what becomes of an event whose attempt has ended: sets sc.type, and
 * in sc.event what a change of that type needs.  Counts and logs it, and tells
 * the endpoint's record.  The caller commits the change.  For UNWELL nothing is
 * set: it is the caller who knows whether the destination takes other events,
 * so that ngx_http_webhook_deliver_failed() must be called.
 */

ngx_http_webhook_outcome_e
ngx_http_webhook_deliver_outcome(ngx_http_webhook_attempt_t *attempt)
{
    ngx_http_webhook_event_t     *event;
    ngx_http_webhook_queue_t     *queue;
    ngx_http_webhook_outbound_t  *outbound;

    queue = attempt->queue;
    event = &attempt->sc.event;
    outbound = attempt->outbound;

    if (outbound && outbound->state != NGX_HTTP_WEBHOOK_OUTBOUND_SEND) {
        ngx_http_webhook_deliver_unsent(attempt, outbound->state);
        return NGX_HTTP_WEBHOOK_NOT_TRIED;
    }

    if (attempt->cut && attempt->status == 0) {
        /* no fault of the destination's: for the next process, at once */

        attempt->sc.type = NGX_HTTP_WEBHOOK_SPOOL_WAIT;
        event->time = ngx_http_webhook_clock_steady();

        return NGX_HTTP_WEBHOOK_NOT_TRIED;
    }

    if (outbound) {
        ngx_http_webhook_outbound_finish(outbound, attempt->status);
    }

    if (event->attempts || attempt->probe) {
        ngx_http_webhook_status_count(queue->status,
                                      NGX_HTTP_WEBHOOK_STATUS_RETRIED);
    }

    ngx_http_webhook_status_delivery(queue->status,
                                     ngx_current_msec - attempt->start);

    if (ngx_http_webhook_deliver_unwell(attempt->status)) {
        return NGX_HTTP_WEBHOOK_UNWELL;
    }

    if (attempt->status < 200 || attempt->status >= 300) {
        ngx_http_webhook_deliver_failed(attempt);
        return NGX_HTTP_WEBHOOK_FAILED;
    }

    attempt->sc.type = NGX_HTTP_WEBHOOK_SPOOL_DONE;

    ngx_http_webhook_status_count(queue->status,
                                  NGX_HTTP_WEBHOOK_STATUS_DELIVERED);

    return NGX_HTTP_WEBHOOK_DELIVERED;
}


/*
 * Nothing was sent: nobody wants the event any more, or not now, or nobody
 * knows whom it is for.  "state" is that of the attempt's outbound.
 */

static void
ngx_http_webhook_deliver_unsent(ngx_http_webhook_attempt_t *attempt,
    ngx_uint_t state)
{
    u_char                     id[NGX_HTTP_WEBHOOK_UUID_LEN];
    ngx_str_t                  text;
    ngx_uint_t                 gone, keep, level;
    ngx_http_webhook_queue_t  *queue;

    queue = attempt->queue;
    gone = (state == NGX_HTTP_WEBHOOK_OUTBOUND_GONE);
    keep = (state != NGX_HTTP_WEBHOOK_OUTBOUND_DROP);
    level = gone ? NGX_LOG_WARN : NGX_LOG_INFO;

    text.len = ngx_http_webhook_uuid_print(id, attempt->sc.event.id) - id;
    text.data = id;

    ngx_log_error(level, queue->cycle->log, 0,
                  "webhook queue \"%V\": event %V is %s: its endpoint %s",
                  &queue->name, &text,
                  keep ? "dead" : "dropped",
                  gone ? "is not known, and was not deleted (endpoint_gone)"
                       : keep ? "is switched off"
                              : "does not want it any more");

    attempt->sc.type = keep ? NGX_HTTP_WEBHOOK_SPOOL_DIE
                            : NGX_HTTP_WEBHOOK_SPOOL_DONE;

    if (keep) {
        ngx_http_webhook_status_count(queue->status,
                                      NGX_HTTP_WEBHOOK_STATUS_DEAD);
    }

    if (gone) {
        ngx_http_webhook_status_count(queue->status,
                                      NGX_HTTP_WEBHOOK_STATUS_ENDPOINT_GONE);
    }
}


/*
 * Says whether a status tells of a destination that takes no events at all, not
 * of the event.  Content handlers say 502 or 504 of a destination that can't be
 * reached, or does not answer.
 */

static ngx_uint_t
ngx_http_webhook_deliver_unwell(ngx_uint_t status)
{
    switch (status) {

    case 0:
    case NGX_HTTP_WEBHOOK_TOO_MANY:
    case NGX_HTTP_BAD_GATEWAY:
    case NGX_HTTP_SERVICE_UNAVAILABLE:
    case NGX_HTTP_GATEWAY_TIME_OUT:
        return 1;

    default:
        return 0;
    }
}


/*
 * An attempt has failed, and that counts: the event dies, or is tried again.
 * Sets the change that the caller commits.
 */

void
ngx_http_webhook_deliver_failed(ngx_http_webhook_attempt_t *attempt)
{
    u_char                     id[NGX_HTTP_WEBHOOK_UUID_LEN];
    ngx_str_t                  text;
    ngx_http_webhook_event_t  *event;
    ngx_http_webhook_queue_t  *queue;

    queue = attempt->queue;
    event = &attempt->sc.event;

    text.len = ngx_http_webhook_uuid_print(id, event->id) - id;
    text.data = id;

    event->attempts++;
    event->status = attempt->status;

    if (attempt->status == NGX_HTTP_WEBHOOK_GONE
        || event->attempts > queue->location->retry->nelts)
    {
        attempt->sc.type = NGX_HTTP_WEBHOOK_SPOOL_DIE;

        ngx_http_webhook_status_count(queue->status,
                                      NGX_HTTP_WEBHOOK_STATUS_DEAD);

        ngx_log_error(NGX_LOG_ERR, queue->cycle->log, 0,
                      "webhook queue \"%V\": event %V is dead after "
                      "attempt %uL, status %uL",
                      &queue->name, &text, event->attempts, event->status);
        return;
    }

    attempt->sc.type = NGX_HTTP_WEBHOOK_SPOOL_WAIT;

    event->time = ngx_http_webhook_clock_steady()
                  + ngx_http_webhook_deliver_delay(attempt);

    ngx_log_error(NGX_LOG_INFO, queue->cycle->log, 0,
                  "webhook queue \"%V\": event %V will be tried again "
                  "after attempt %uL, status %uL",
                  &queue->name, &text, event->attempts, event->status);
}


/*
 * Returns the milliseconds until the next attempt, with a jitter of 10 % to
 * either side.
 */

static uint64_t
ngx_http_webhook_deliver_delay(ngx_http_webhook_attempt_t *attempt)
{
    uint64_t      delay;
    ngx_int_t     after;
    ngx_msec_t   *slot;

    slot = attempt->queue->location->retry->elts;
    delay = slot[attempt->sc.event.attempts - 1];

    delay += delay * (ngx_random() % 2001) / 10000 - delay / 10;

    if (attempt->status == NGX_HTTP_WEBHOOK_TOO_MANY
        || attempt->status == NGX_HTTP_SERVICE_UNAVAILABLE)
    {
        after = attempt->retry_after;

        if (after == -1) {
            after = NGX_HTTP_WEBHOOK_RETRY_DEFAULT;
        }

        delay = ngx_max(delay, (uint64_t) after * 1000);
    }

    return delay;
}


/*
 * Returns the longest time, in milliseconds, that an event may have to wait
 * because of its last attempt, as "webhook_retry" is now.
 */

uint64_t
ngx_http_webhook_deliver_longest(ngx_http_webhook_queue_t *queue,
    ngx_http_webhook_event_t *event)
{
    uint64_t      longest;
    ngx_uint_t    n;
    ngx_msec_t   *slot;
    ngx_array_t  *retry;

    longest = 0;

    if (event->attempts) {
        retry = queue->location->retry;
        slot = retry->elts;

        n = ngx_min(event->attempts, retry->nelts) - 1;
        longest = (uint64_t) slot[n] + slot[n] / 10;
    }

    if (event->status == NGX_HTTP_WEBHOOK_TOO_MANY
        || event->status == NGX_HTTP_SERVICE_UNAVAILABLE)
    {
        longest = ngx_max(longest, NGX_HTTP_WEBHOOK_RETRY_MAX * 1000ULL);
    }

    return longest;
}
