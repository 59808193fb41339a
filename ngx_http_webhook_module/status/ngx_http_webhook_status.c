
/*
 * Counts what has become of requests.
 *
 * A request is counted once, when it is logged: its verdict then is final.
 * A counter is an atomic number in the status zone, at a place that the
 * configuration has fixed; only the ring of refused requests is written under
 * a mutex.
 */


#include "status/ngx_http_webhook_status.h"
#include "core/ngx_http_webhook_conf.h"
#include "core/ngx_http_webhook_ctx.h"
#include "status/ngx_http_webhook_status_table.h"
#include "status/ngx_http_webhook_status_zone.h"


static ngx_int_t ngx_http_webhook_status_log_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_webhook_status_outcome(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx);
static void ngx_http_webhook_status_remember(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_http_webhook_status_system_t *system,
    ngx_uint_t event, ngx_uint_t reason);
static void ngx_http_webhook_status_observe(ngx_atomic_t *counters,
    ngx_http_webhook_status_histogram_t *histogram, uint64_t nsec);


/*
 * Hooks the counting into nginx's phases, and finds out whether the clock is
 * looked at.  Called when the configuration has been read.  Returns NGX_OK or
 * NGX_ERROR.
 */

ngx_int_t
ngx_http_webhook_status_init(ngx_conf_t *cf)
{
    ngx_http_handler_pt           *h;
    ngx_http_core_main_conf_t     *cmcf;
    ngx_http_webhook_main_conf_t  *wmcf;

    static ngx_str_t  judge_time = ngx_string("webhook_judge_time");

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_webhook_module);
    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    if (wmcf->status->shm_zone) {
        wmcf->timed = 1;

        h = ngx_array_push(&cmcf->phases[NGX_HTTP_LOG_PHASE].handlers);
        if (h == NULL) {
            return NGX_ERROR;
        }

        *h = ngx_http_webhook_status_log_handler;
    }

    /* nobody pays for a clock that nobody looks at */

    if (ngx_http_webhook_variable_index(cf, &judge_time) != NGX_ERROR) {
        wmcf->timed = 1;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_webhook_status_log_handler(ngx_http_request_t *r)
{
    ngx_int_t                          outcome;
    ngx_uint_t                         event;
    ngx_http_webhook_ctx_t            *ctx;
    ngx_http_webhook_loc_conf_t       *wlcf;
    ngx_http_webhook_status_system_t  *system;

    if (r != r->main) {
        return NGX_OK;
    }

    ctx = ngx_http_webhook_get_ctx(r);

    if (ctx && ctx->conf) {
        wlcf = ctx->conf;

    } else {
        wlcf = ngx_http_get_module_loc_conf(r, ngx_http_webhook_module);
        ctx = NULL;
    }

    system = wlcf->system;

    if (system == NULL) {
        return NGX_OK;
    }

    outcome = ngx_http_webhook_status_outcome(r, ctx);

    if (outcome == NGX_DECLINED) {
        return NGX_OK;
    }

    event = system->nevents;

    if (ctx) {
        event = ngx_min(ctx->event, event);

        ngx_http_webhook_status_observe(system->judge,
                                        &ngx_http_webhook_status_judge,
                                        ctx->judge_time);
    }

    if (outcome == ngx_http_webhook_status_challenge) {
        /* which is no event, whatever its path */
        event = system->nevents;
    }

    (void) ngx_atomic_fetch_add(&system->verdicts[event][outcome], 1);

    if (outcome != ngx_http_webhook_status_accepted
        && outcome != ngx_http_webhook_status_challenge)
    {
        ngx_http_webhook_status_remember(r, ctx, system, event, outcome);
    }

    return NGX_OK;
}


/*
 * Returns what has become of a request, as an index of
 * ngx_http_webhook_status_reasons[], or NGX_DECLINED if somebody else has ended
 * it before it was checked.
 */

static ngx_int_t
ngx_http_webhook_status_outcome(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx)
{
    ngx_uint_t  status;

    if (ctx && ctx->verdict) {
        return ngx_http_webhook_status_verdicts + ctx->verdict->reason;
    }

    if (ctx && ctx->proof && ctx->started) {
        return ngx_http_webhook_status_challenge;
    }

    if (ctx && ctx->accepted) {
        return ngx_http_webhook_status_accepted;
    }

    status = r->err_status ? r->err_status : r->headers_out.status;

    if (status == NGX_HTTP_REQUEST_ENTITY_TOO_LARGE) {
        return ngx_http_webhook_status_verdicts
               + ngx_http_webhook_reason_too_large;
    }

    if (ctx == NULL || !ctx->started) {
        return NGX_DECLINED;
    }

    if (status == NGX_HTTP_BAD_REQUEST
        || status == NGX_HTTP_REQUEST_TIME_OUT
        || status == NGX_HTTP_CLIENT_CLOSED_REQUEST)
    {
        return ngx_http_webhook_status_aborted;
    }

    if (status >= NGX_HTTP_INTERNAL_SERVER_ERROR) {
        return ngx_http_webhook_status_internal_error;
    }

    return NGX_DECLINED;
}


/* Puts a refused request into the ring: no more of it than is safe to show. */

static void
ngx_http_webhook_status_remember(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_http_webhook_status_system_t *system,
    ngx_uint_t event, ngx_uint_t reason)
{
    off_t                               size;
    size_t                              len;
    ngx_str_t                          *path;
    ngx_time_t                         *tp;
    struct sockaddr                    *sa;
    struct sockaddr_in                 *sin;
#if (NGX_HAVE_INET6)
    struct sockaddr_in6                *sin6;
#endif
    ngx_http_webhook_main_conf_t       *wmcf;
    ngx_http_webhook_status_refused_t   entry;

    wmcf = ngx_http_get_module_main_conf(r, ngx_http_webhook_module);

    ngx_memzero(&entry, sizeof(ngx_http_webhook_status_refused_t));

    tp = ngx_timeofday();

    /* what has come of the body, or else what should have come */

    size = 0;

    if (ctx && (ctx->read || ctx->reading)) {
        size = ctx->reader.size;

    } else if (r->headers_in.content_length) {
        size = ngx_atoof(r->headers_in.content_length->value.data,
                         r->headers_in.content_length->value.len);
        size = ngx_max(size, 0);
    }

    entry.size = ngx_min(size, (off_t) 0xffffffff);
    entry.msec = (uint64_t) tp->sec * 1000 + tp->msec;
    entry.counters = ngx_http_webhook_status_place(wmcf->status,
                                                   system->verdicts[event]);
    entry.reason = reason;

    /* the name of an unknown parameter is the client's own text */

    if (ctx && ctx->verdict && ctx->field
        && ctx->verdict->reason != ngx_http_webhook_reason_unknown_parameter)
    {
        path = &ctx->field->path;
        len = ngx_min(path->len, NGX_HTTP_WEBHOOK_STATUS_FIELD);

        /* no character is cut in two */

        while (len && len < path->len && (path->data[len] & 0xc0) == 0x80) {
            len--;
        }

        ngx_memcpy(entry.field, path->data, len);
    }

    sa = r->connection->sockaddr;
    entry.family = sa->sa_family;

    switch (sa->sa_family) {

#if (NGX_HAVE_INET6)
    case AF_INET6:
        sin6 = (struct sockaddr_in6 *) sa;
        ngx_memcpy(entry.addr, &sin6->sin6_addr, 16);
        break;
#endif

    case AF_INET:
        sin = (struct sockaddr_in *) sa;
        ngx_memcpy(entry.addr, &sin->sin_addr, 4);
        break;
    }

    ngx_http_webhook_status_keep(wmcf->status, &entry);
}


/* Counts an attempt to deliver an event of a queue, which took "msec". */

void
ngx_http_webhook_status_delivery(ngx_http_webhook_status_item_t *queue,
    ngx_msec_t msec)
{
    ngx_http_webhook_status_kind_t  *kind;

    if (queue->counters) {
        kind = &ngx_http_webhook_status_kinds[queue->kind];

        ngx_http_webhook_status_observe(&queue->counters[kind->ncounters],
                                        kind->histogram,
                                        (uint64_t) msec * 1000000);
    }
}


static void
ngx_http_webhook_status_observe(ngx_atomic_t *counters,
    ngx_http_webhook_status_histogram_t *histogram, uint64_t nsec)
{
    ngx_uint_t                         i;
    ngx_http_webhook_status_bucket_t  *bucket;

    bucket = histogram->buckets;

    for (i = 0; bucket[i].bound && nsec > bucket[i].bound; i++) { /* void */ }

    (void) ngx_atomic_fetch_add(&counters[i], 1);
    (void) ngx_atomic_fetch_add(&counters[histogram->nbuckets], nsec);
}
