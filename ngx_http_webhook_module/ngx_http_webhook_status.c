
/*
 * What has happened, in a shared memory zone: counters of verdicts, of what is
 * done with registrations and queues, histograms, and the last refused events.
 *
 * Requests are counted once, when they are logged: the verdict then is final.
 * A counter is an atomic at a place that the configuration has fixed; only the
 * ring of refused events is written under the slab pool's mutex.
 *
 * The zone outlives configurations.  Its first part is of the systems that the
 * module knows, and the same for each of them; counters under a name of the
 * configuration are in blocks that are found by that name, and stay when it is
 * gone, for workers of the old configuration may still count.
 */


#include "ngx_http_webhook.h"
#include "ngx_http_webhook_status_render.h"


/* of what is kept in the zone */
#define NGX_HTTP_WEBHOOK_STATUS_LAYOUT   1

#define NGX_HTTP_WEBHOOK_STATUS_REFUSED  256
#define NGX_HTTP_WEBHOOK_STATUS_REFUSED_MAX  65536

/*
 * A slab takes a page for each size of small allocations: with one size for
 * all of ours, the smallest zone is large enough
 */
#define NGX_HTTP_WEBHOOK_STATUS_SMALL    256


typedef struct ngx_http_webhook_status_block_s
    ngx_http_webhook_status_block_t;

struct ngx_http_webhook_status_block_s {
    ngx_http_webhook_status_block_t    *next;
    ngx_uint_t                          kind;
    ngx_uint_t                          ncounters;
    ngx_str_t                           name;
    ngx_atomic_t                        counters[1];
};


typedef struct ngx_http_webhook_status_ring_s  ngx_http_webhook_status_ring_t;

struct ngx_http_webhook_status_ring_s {
    ngx_http_webhook_status_ring_t     *next;
    ngx_uint_t                          size;
    ngx_uint_t                          written;        /* in all */
    ngx_http_webhook_status_refused_t  *entries;
};


typedef struct {
    ngx_uint_t                          layout;
    ngx_uint_t                          ncounters;
    time_t                              since;
    ngx_http_webhook_status_block_t    *blocks;
    ngx_http_webhook_status_ring_t     *rings;
    ngx_atomic_t                        counters[1];    /* of systems */
} ngx_http_webhook_status_shctx_t;


static ngx_int_t ngx_http_webhook_status_access_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_webhook_status_precontent_handler(
    ngx_http_request_t *r);
static ngx_int_t ngx_http_webhook_status_log_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_webhook_status_outcome(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx);
static ngx_uint_t ngx_http_webhook_status_reason(ngx_str_t *reason);
static void ngx_http_webhook_status_remember(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_http_webhook_status_system_t *system,
    ngx_uint_t event, ngx_uint_t reason);
static uint64_t ngx_http_webhook_clock(void);
static void ngx_http_webhook_status_observe(ngx_atomic_t *counters,
    ngx_http_webhook_status_histogram_t *histogram, uint64_t nsec);
static ngx_int_t ngx_http_webhook_status_init_zone(ngx_shm_zone_t *shm_zone,
    void *data);
static ngx_int_t ngx_http_webhook_status_init_shctx(
    ngx_http_webhook_status_t *status, ngx_uint_t ncounters);
static ngx_int_t ngx_http_webhook_status_init_ring(
    ngx_http_webhook_status_t *status);
static ngx_int_t ngx_http_webhook_status_init_item(
    ngx_http_webhook_status_t *status, ngx_http_webhook_status_item_t *item);
static void *ngx_http_webhook_status_alloc(ngx_http_webhook_status_t *status,
    size_t size);


/* its address tells a zone of this kind from others */
static ngx_uint_t  ngx_http_webhook_status_tag;


/*
 * The reasons of all verdicts; their order is that of the counters.  At the end
 * are those that no verdict has: nginx has refused the body, it has not come,
 * something has failed; and a verdict whose reason is missing here.
 */

ngx_str_t  ngx_http_webhook_status_reasons[] = {
    ngx_string("accepted"),
    ngx_string("unknown_event"),
    ngx_string("not_found"),
    ngx_string("method_not_allowed"),
    ngx_string("missing_secret"),
    ngx_string("invalid_secret"),
    ngx_string("unauthenticated"),
    ngx_string("invalid_token"),
    ngx_string("missing_signature"),
    ngx_string("invalid_signature"),
    ngx_string("stale_signature"),
    ngx_string("unsupported_media_type"),
    ngx_string("unsupported_encoding"),
    ngx_string("empty_body"),
    ngx_string("invalid_json"),
    ngx_string("duplicate_field"),
    ngx_string("missing_field"),
    ngx_string("invalid_field"),
    ngx_string("invalid_action"),
    ngx_string("invalid_props"),
    ngx_string("invalid_user_id"),
    ngx_string("invalid_limit"),
    ngx_string("invalid_after"),
    ngx_string("wrong_plugin"),
    ngx_string("zone_full"),
    ngx_string("store_failed"),
    ngx_string("queue_full"),
    ngx_string("too_large"),
    ngx_string("aborted"),
    ngx_string("internal_error"),
    ngx_string("other"),
    ngx_null_string
};

#define NGX_HTTP_WEBHOOK_STATUS_NREASONS                                      \
    (sizeof(ngx_http_webhook_status_reasons) / sizeof(ngx_str_t) - 1)

#define NGX_HTTP_WEBHOOK_STATUS_OTHER                                         \
    (NGX_HTTP_WEBHOOK_STATUS_NREASONS - 1)
#define NGX_HTTP_WEBHOOK_STATUS_INTERNAL                                      \
    (NGX_HTTP_WEBHOOK_STATUS_NREASONS - 2)
#define NGX_HTTP_WEBHOOK_STATUS_ABORTED                                       \
    (NGX_HTTP_WEBHOOK_STATUS_NREASONS - 3)
#define NGX_HTTP_WEBHOOK_STATUS_TOO_LARGE                                     \
    (NGX_HTTP_WEBHOOK_STATUS_NREASONS - 4)


static ngx_http_webhook_status_bucket_t  ngx_http_webhook_status_judging[] = {
    { 500, ngx_string("5e-07") },
    { 1000, ngx_string("1e-06") },
    { 2000, ngx_string("2e-06") },
    { 5000, ngx_string("5e-06") },
    { 10000, ngx_string("1e-05") },
    { 20000, ngx_string("2e-05") },
    { 50000, ngx_string("5e-05") },
    { 100000, ngx_string("0.0001") },
    { 1000000, ngx_string("0.001") },
    { 10000000, ngx_string("0.01") },
    { 100000000, ngx_string("0.1") },
    { 0, ngx_string("+Inf") }
};

static ngx_http_webhook_status_bucket_t  ngx_http_webhook_status_delivering[] =
{
    { 1000000, ngx_string("0.001") },
    { 5000000, ngx_string("0.005") },
    { 10000000, ngx_string("0.01") },
    { 25000000, ngx_string("0.025") },
    { 50000000, ngx_string("0.05") },
    { 100000000, ngx_string("0.1") },
    { 250000000, ngx_string("0.25") },
    { 500000000, ngx_string("0.5") },
    { 1000000000, ngx_string("1") },
    { 5000000000, ngx_string("5") },
    { 30000000000, ngx_string("30") },
    { 0, ngx_string("+Inf") }
};

#define ngx_http_webhook_status_n(table)  (sizeof(table) / sizeof(table[0]))


ngx_http_webhook_status_histogram_t  ngx_http_webhook_status_judge = {
    ngx_string("nginx_webhook_judge_seconds"),
    ngx_string("Time that the module took to judge a request."),
    ngx_string("judge_seconds"),
    ngx_http_webhook_status_judging,
    ngx_http_webhook_status_n(ngx_http_webhook_status_judging)
};

static ngx_http_webhook_status_histogram_t
    ngx_http_webhook_status_delivery_seconds =
{
    ngx_string("nginx_webhook_delivery_seconds"),
    ngx_string("Time that an attempt to deliver an event took."),
    ngx_string("delivery_seconds"),
    ngx_http_webhook_status_delivering,
    ngx_http_webhook_status_n(ngx_http_webhook_status_delivering)
};


/* in the order of the enums of ngx_http_webhook_status.h */

static ngx_http_webhook_status_metric_t  ngx_http_webhook_status_zone_counters[]
    =
{
    { ngx_string("nginx_webhook_creates_total"), ngx_null_string,
      ngx_string("creates"), ngx_string("Registrations created.") },

    { ngx_string("nginx_webhook_deletes_total"), ngx_null_string,
      ngx_string("deletes"), ngx_string("Registrations deleted.") },

    { ngx_string("nginx_webhook_triggers_total"), ngx_null_string,
      ngx_string("triggers"), ngx_string("Triggers of a registered webhook "
                                         "that were accepted.") }
};

static ngx_http_webhook_status_metric_t  ngx_http_webhook_status_zone_gauges[] =
{
    { ngx_string("nginx_webhook_registrations"), ngx_null_string,
      ngx_string("registrations"),
      ngx_string("Registrations in the zone.") },

    { ngx_string("nginx_webhook_store_used_bytes"), ngx_null_string,
      ngx_string("store_used_bytes"),
      ngx_string("Bytes that the zone's state uses of its limit.") },

    { ngx_string("nginx_webhook_store_limit_bytes"), ngx_null_string,
      ngx_string("store_limit_bytes"),
      ngx_string("Bytes that the zone's state may use.") }
};

static ngx_http_webhook_status_metric_t
    ngx_http_webhook_status_queue_counters[] =
{
    { ngx_string("nginx_webhook_queued_total"), ngx_null_string,
      ngx_string("queued"), ngx_string("Events taken into the queue.") },

    { ngx_string("nginx_webhook_delivered_total"), ngx_null_string,
      ngx_string("delivered"), ngx_string("Events delivered.") },

    { ngx_string("nginx_webhook_retried_total"), ngx_null_string,
      ngx_string("retried"), ngx_string("Attempts to deliver an event after "
                                        "its first.") },

    { ngx_string("nginx_webhook_dead_total"), ngx_null_string,
      ngx_string("dead"), ngx_string("Events that were given up.") }
};

static ngx_http_webhook_status_metric_t
    ngx_http_webhook_status_queue_gauges[] =
{
    { ngx_string("nginx_webhook_queue_events"),
      ngx_string("waiting"), ngx_string("waiting"),
      ngx_string("Events in the queue, by state.") },

    { ngx_string("nginx_webhook_queue_events"),
      ngx_string("delivering"), ngx_string("delivering"), ngx_null_string },

    { ngx_string("nginx_webhook_queue_events"),
      ngx_string("dead"), ngx_string("dead"), ngx_null_string },

    { ngx_string("nginx_webhook_queue_bytes"), ngx_null_string,
      ngx_string("bytes"), ngx_string("Bytes that the queue uses.") },

    { ngx_string("nginx_webhook_queue_oldest_seconds"), ngx_null_string,
      ngx_string("oldest_seconds"),
      ngx_string("Age of the oldest event that is not dead.") }
};

static ngx_http_webhook_status_metric_t
    ngx_http_webhook_status_dedup_counters[] =
{
    { ngx_string("nginx_webhook_dedup_duplicates_total"), ngx_null_string,
      ngx_string("duplicates"),
      ngx_string("Events whose key had been seen.") },

    { ngx_string("nginx_webhook_dedup_forgotten_total"), ngx_null_string,
      ngx_string("forgotten"),
      ngx_string("Keys forgotten before their time, for lack of room.") }
};

static ngx_http_webhook_status_metric_t
    ngx_http_webhook_status_dedup_gauges[] =
{
    { ngx_string("nginx_webhook_dedup_keys"), ngx_null_string,
      ngx_string("keys"), ngx_string("Keys in the zone.") }
};


ngx_http_webhook_status_kind_t
    ngx_http_webhook_status_kinds[NGX_HTTP_WEBHOOK_STATUS_KINDS] =
{
    /* NGX_HTTP_WEBHOOK_STATUS_ZONE */
    { ngx_string("zone"), ngx_string("zones"),
      ngx_http_webhook_status_zone_counters,
      ngx_http_webhook_status_n(ngx_http_webhook_status_zone_counters),
      ngx_http_webhook_status_zone_gauges,
      ngx_http_webhook_status_n(ngx_http_webhook_status_zone_gauges),
      NULL },

    /* NGX_HTTP_WEBHOOK_STATUS_QUEUE */
    { ngx_string("queue"), ngx_string("queues"),
      ngx_http_webhook_status_queue_counters,
      ngx_http_webhook_status_n(ngx_http_webhook_status_queue_counters),
      ngx_http_webhook_status_queue_gauges,
      ngx_http_webhook_status_n(ngx_http_webhook_status_queue_gauges),
      &ngx_http_webhook_status_delivery_seconds },

    /* NGX_HTTP_WEBHOOK_STATUS_DEDUP */
    { ngx_string("zone"), ngx_string("dedup"),
      ngx_http_webhook_status_dedup_counters,
      ngx_http_webhook_status_n(ngx_http_webhook_status_dedup_counters),
      ngx_http_webhook_status_dedup_gauges,
      ngx_http_webhook_status_n(ngx_http_webhook_status_dedup_gauges),
      NULL }
};


/* when the clock was started, in nanoseconds; 0: it stands */
static uint64_t  ngx_http_webhook_clock_started;


/* hooks; called when the configuration has been read */

ngx_int_t
ngx_http_webhook_status_init(ngx_conf_t *cf)
{
    ngx_uint_t                     i;
    ngx_http_handler_pt           *h;
    ngx_http_variable_t           *v;
    ngx_http_core_main_conf_t     *cmcf;
    ngx_http_webhook_main_conf_t  *wmcf;

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_webhook_module);
    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    wmcf->access_handler = ngx_http_webhook_access_handler;
    wmcf->precontent_handler = ngx_http_webhook_precontent_handler;

    if (wmcf->status->shm_zone) {
        wmcf->timed = 1;

        h = ngx_array_push(&cmcf->phases[NGX_HTTP_LOG_PHASE].handlers);
        if (h == NULL) {
            return NGX_ERROR;
        }

        *h = ngx_http_webhook_status_log_handler;
    }

    /* nobody pays for a clock that nobody looks at */

    v = cmcf->variables.elts;

    for (i = 0; i < cmcf->variables.nelts; i++) {
        if (v[i].name.len == sizeof("webhook_judge_time") - 1
            && ngx_strncmp(v[i].name.data, "webhook_judge_time", v[i].name.len)
               == 0)
        {
            wmcf->timed = 1;
        }
    }

    if (wmcf->timed) {
        wmcf->access_handler = ngx_http_webhook_status_access_handler;
        wmcf->precontent_handler = ngx_http_webhook_status_precontent_handler;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_webhook_status_access_handler(ngx_http_request_t *r)
{
    ngx_int_t                     rc;
    ngx_http_webhook_loc_conf_t  *wlcf;

    wlcf = ngx_http_get_module_loc_conf(r, ngx_http_webhook_module);

    if (wlcf->provider == NULL) {
        return NGX_DECLINED;
    }

    (void) ngx_http_webhook_clock_start();

    rc = ngx_http_webhook_access_handler(r);

    (void) ngx_http_webhook_clock_stop(
                        ngx_http_get_module_ctx(r, ngx_http_webhook_module));
    return rc;
}


static ngx_int_t
ngx_http_webhook_status_precontent_handler(ngx_http_request_t *r)
{
    ngx_int_t                     rc;
    ngx_http_webhook_ctx_t       *ctx;
    ngx_http_webhook_loc_conf_t  *wlcf;

    wlcf = ngx_http_get_module_loc_conf(r, ngx_http_webhook_module);

    if (wlcf->provider == NULL || r != r->main) {
        return NGX_DECLINED;
    }

    (void) ngx_http_webhook_clock_start();

    rc = ngx_http_webhook_precontent_handler(r);

    ctx = ngx_http_get_module_ctx(r, ngx_http_webhook_module);

    (void) ngx_http_webhook_clock_stop(ctx);

    if (ctx && rc == NGX_DECLINED) {
        ctx->accepted = 1;
    }

    return rc;
}


/* feeds the judgement a piece of the body, by the clock */

ngx_int_t
ngx_http_webhook_status_feed(ngx_http_request_t *r, ngx_http_webhook_ctx_t *ctx,
    ngx_chain_t *in)
{
    ngx_int_t                      rc;
    ngx_uint_t                     started;
    ngx_http_webhook_main_conf_t  *wmcf;

    wmcf = ngx_http_get_module_main_conf(r, ngx_http_webhook_module);

    started = wmcf->timed ? ngx_http_webhook_clock_start() : 0;

    rc = ngx_http_webhook_body_feed(r, ctx, in);

    if (started) {
        (void) ngx_http_webhook_clock_stop(ctx);
    }

    return rc;
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

    (void) ngx_atomic_fetch_add(
        &system->verdicts[event * NGX_HTTP_WEBHOOK_STATUS_NREASONS + outcome],
        1);

    if (outcome != NGX_HTTP_WEBHOOK_STATUS_ACCEPTED) {
        ngx_http_webhook_status_remember(r, ctx, system, event, outcome);
    }

    return NGX_OK;
}


/*
 * Returns what has become of a request, as an index of the reasons, or
 * NGX_DECLINED: somebody else has ended it before it was judged.
 */

static ngx_int_t
ngx_http_webhook_status_outcome(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx)
{
    ngx_uint_t  status;

    if (ctx && ctx->verdict) {
        return ngx_http_webhook_status_reason(&ctx->verdict->reason);
    }

    if (ctx && ctx->accepted) {
        return NGX_HTTP_WEBHOOK_STATUS_ACCEPTED;
    }

    status = r->err_status ? r->err_status : r->headers_out.status;

    if (status == NGX_HTTP_REQUEST_ENTITY_TOO_LARGE) {
        return NGX_HTTP_WEBHOOK_STATUS_TOO_LARGE;
    }

    if (ctx == NULL || !ctx->started) {
        return NGX_DECLINED;
    }

    if (status == NGX_HTTP_BAD_REQUEST
        || status == NGX_HTTP_REQUEST_TIME_OUT
        || status == NGX_HTTP_CLIENT_CLOSED_REQUEST)
    {
        return NGX_HTTP_WEBHOOK_STATUS_ABORTED;
    }

    if (status >= NGX_HTTP_INTERNAL_SERVER_ERROR) {
        return NGX_HTTP_WEBHOOK_STATUS_INTERNAL;
    }

    return NGX_DECLINED;
}


static ngx_uint_t
ngx_http_webhook_status_reason(ngx_str_t *reason)
{
    ngx_uint_t  i;
    ngx_str_t  *known;

    known = ngx_http_webhook_status_reasons;

    for (i = 1; i < NGX_HTTP_WEBHOOK_STATUS_OTHER; i++) {

        if (known[i].len == reason->len
            && ngx_memcmp(known[i].data, reason->data, reason->len) == 0)
        {
            break;
        }
    }

    return i;
}


/* puts a refused event into the ring; no more of it than is safe to show */

static void
ngx_http_webhook_status_remember(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_http_webhook_status_system_t *system,
    ngx_uint_t event, ngx_uint_t reason)
{
    off_t                               size;
    ngx_str_t                          *path;
    ngx_time_t                         *tp;
    struct sockaddr                    *sa;
    struct sockaddr_in                 *sin;
#if (NGX_HAVE_INET6)
    struct sockaddr_in6                *sin6;
#endif
    ngx_http_webhook_status_t          *status;
    ngx_http_webhook_main_conf_t       *wmcf;
    ngx_http_webhook_status_ring_t     *ring;
    ngx_http_webhook_status_refused_t   entry, *e;

    wmcf = ngx_http_get_module_main_conf(r, ngx_http_webhook_module);

    status = wmcf->status;
    ring = status->ring;

    if (ring == NULL) {
        return;
    }

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
    entry.system = system->index;
    entry.event = event;
    entry.reason = reason;

    if (ctx && ctx->verdict && ctx->field) {
        path = &ctx->field->path;
        ngx_memcpy(entry.field, path->data,
                   ngx_min(path->len, NGX_HTTP_WEBHOOK_STATUS_FIELD));
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

    ngx_shmtx_lock(&status->shpool->mutex);

    e = &ring->entries[ring->written++ % ring->size];

    /* a worker that is killed here leaves an entry that nobody shows */

    e->msec = 0;
    ngx_memory_barrier();
    *e = entry;
    ngx_memory_barrier();
    e->msec = (uint64_t) tp->sec * 1000 + tp->msec;

    ngx_shmtx_unlock(&status->shpool->mutex);
}


/* starts the clock; returns 1, or 0 if it was running */

ngx_uint_t
ngx_http_webhook_clock_start(void)
{
    if (ngx_http_webhook_clock_started) {
        return 0;
    }

    ngx_http_webhook_clock_started = ngx_http_webhook_clock();

    return 1;
}


/*
 * Stops the clock, if it runs, and adds what it shows to the time that the
 * judgement took; "ctx" may be NULL.  Returns 1 if it was running.
 */

ngx_uint_t
ngx_http_webhook_clock_stop(ngx_http_webhook_ctx_t *ctx)
{
    if (ngx_http_webhook_clock_started == 0) {
        return 0;
    }

    if (ctx) {
        ctx->judge_time += ngx_http_webhook_clock()
                           - ngx_http_webhook_clock_started;
    }

    ngx_http_webhook_clock_started = 0;

    return 1;
}


static uint64_t
ngx_http_webhook_clock(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000000 + ts.tv_nsec;
}


/* counts an attempt to deliver an event from the queue, which took so long */

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


/* called before the configuration is read */

ngx_http_webhook_status_t *
ngx_http_webhook_status_create(ngx_conf_t *cf)
{
    ngx_uint_t                          i;
    ngx_http_webhook_status_t          *status;
    ngx_http_webhook_provider_t       **provider;
    ngx_http_webhook_status_system_t   *system;

    status = ngx_pcalloc(cf->pool, sizeof(ngx_http_webhook_status_t));
    if (status == NULL) {
        return NULL;
    }

    if (ngx_array_init(&status->systems, cf->pool, 4,
                       sizeof(ngx_http_webhook_status_system_t))
        != NGX_OK
        || ngx_array_init(&status->items, cf->pool, 4,
                          sizeof(ngx_http_webhook_status_item_t *))
           != NGX_OK)
    {
        return NULL;
    }

    provider = ngx_http_webhook_providers;

    for (i = 0; provider[i]; i++) {

        system = ngx_array_push(&status->systems);
        if (system == NULL) {
            return NULL;
        }

        ngx_memzero(system, sizeof(ngx_http_webhook_status_system_t));

        system->provider = provider[i];
        system->index = i;

        while (provider[i]->events[system->nevents].len) {
            system->nevents++;
        }
    }

    return status;
}


/* returns what a location with "provider" counts in, NULL: nothing */

ngx_http_webhook_status_system_t *
ngx_http_webhook_status_system(ngx_conf_t *cf,
    ngx_http_webhook_provider_t *provider)
{
    ngx_uint_t                         i;
    ngx_http_webhook_main_conf_t      *wmcf;
    ngx_http_webhook_status_system_t  *system;

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_webhook_module);

    if (wmcf->status->shm_zone == NULL) {
        return NULL;
    }

    system = wmcf->status->systems.elts;

    for (i = 0; i < wmcf->status->systems.nelts; i++) {
        if (system[i].provider == provider) {
            system[i].used = 1;
            return &system[i];
        }
    }

    return NULL;
}


/*
 * Adds something that is counted under "name", which must be the only one of
 * its kind.  Whether there is a status zone need not be known yet: if there is
 * none, nothing is counted.  Returns NULL if there is no memory.
 */

ngx_http_webhook_status_item_t *
ngx_http_webhook_status_add(ngx_conf_t *cf, ngx_uint_t kind, ngx_str_t *name)
{
    ngx_http_webhook_main_conf_t     *wmcf;
    ngx_http_webhook_status_item_t   *item, **i;

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_webhook_module);

    item = ngx_pcalloc(cf->pool, sizeof(ngx_http_webhook_status_item_t));
    if (item == NULL) {
        return NULL;
    }

    item->kind = kind;
    item->name = *name;

    i = ngx_array_push(&wmcf->status->items);
    if (i == NULL) {
        return NULL;
    }

    *i = item;

    return item;
}


/* webhook_status_zone zone=name:size [refused=256]; */

char *
ngx_http_webhook_status_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_webhook_main_conf_t *wmcf = conf;

    ssize_t                     size;
    ngx_int_t                   n;
    ngx_str_t                  *value, name;
    ngx_uint_t                  i;
    ngx_shm_zone_t             *shm_zone;
    ngx_http_webhook_status_t  *status;

    status = wmcf->status;

    if (status->shm_zone) {
        return "is duplicate";
    }

    value = cf->args->elts;

    size = 0;
    ngx_str_null(&name);
    status->refused = NGX_CONF_UNSET_UINT;

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "zone=", 5) == 0 && name.len == 0) {

            size = ngx_http_webhook_zone_size(cf, &value[i], &name);
            if (size == NGX_ERROR) {
                return NGX_CONF_ERROR;
            }

            continue;
        }

        if (ngx_strncmp(value[i].data, "refused=", 8) == 0
            && status->refused == NGX_CONF_UNSET_UINT)
        {
            n = ngx_atoi(value[i].data + 8, value[i].len - 8);

            if (n >= 0 && n <= NGX_HTTP_WEBHOOK_STATUS_REFUSED_MAX) {
                status->refused = n;
                continue;
            }
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\"", &value[i]);
        return NGX_CONF_ERROR;
    }

    if (name.len == 0) {
        return "needs \"zone=\"";
    }

    ngx_conf_init_uint_value(status->refused, NGX_HTTP_WEBHOOK_STATUS_REFUSED);

    shm_zone = ngx_shared_memory_add(cf, &name, size,
                                     &ngx_http_webhook_status_tag);
    if (shm_zone == NULL) {
        return NGX_CONF_ERROR;
    }

    shm_zone->init = ngx_http_webhook_status_init_zone;
    shm_zone->data = status;

    status->shm_zone = shm_zone;

    return NGX_CONF_OK;
}


/* the zone that a location names, before it is known to be there */

ngx_shm_zone_t *
ngx_http_webhook_status_find_zone(ngx_conf_t *cf, ngx_str_t *name)
{
    return ngx_shared_memory_add(cf, name, 0, &ngx_http_webhook_status_tag);
}


static ngx_int_t
ngx_http_webhook_status_init_zone(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_http_webhook_status_t *old = data;

    ngx_uint_t                         i, ncounters;
    ngx_atomic_t                      *counters;
    ngx_http_webhook_status_t         *status;
    ngx_http_webhook_status_item_t   **item;
    ngx_http_webhook_status_shctx_t   *sh;
    ngx_http_webhook_status_system_t  *system;

    status = shm_zone->data;
    status->shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    system = status->systems.elts;
    ncounters = 0;

    for (i = 0; i < status->systems.nelts; i++) {
        ncounters += (system[i].nevents + 1) * NGX_HTTP_WEBHOOK_STATUS_NREASONS
                     + ngx_http_webhook_status_judge.nbuckets + 1;
    }

    if (old) {
        status->sh = old->sh;

    } else if (shm_zone->shm.exists) {
        status->sh = status->shpool->data;

    } else if (ngx_http_webhook_status_init_shctx(status, ncounters) != NGX_OK)
    {
        goto failed;
    }

    sh = status->sh;

    if (sh->layout != NGX_HTTP_WEBHOOK_STATUS_LAYOUT
        || sh->ncounters != ncounters)
    {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "webhook status zone \"%V\" was made by another version "
                      "of the module: restart or upgrade nginx",
                      &shm_zone->shm.name);
        return NGX_ERROR;
    }

    counters = sh->counters;

    for (i = 0; i < status->systems.nelts; i++) {
        system[i].verdicts = counters;
        counters += (system[i].nevents + 1) * NGX_HTTP_WEBHOOK_STATUS_NREASONS;

        system[i].judge = counters;
        counters += ngx_http_webhook_status_judge.nbuckets + 1;
    }

    if (ngx_http_webhook_status_init_ring(status) != NGX_OK) {
        goto failed;
    }

    item = status->items.elts;

    for (i = 0; i < status->items.nelts; i++) {
        if (ngx_http_webhook_status_init_item(status, item[i]) != NGX_OK) {
            goto failed;
        }
    }

    return NGX_OK;

failed:

    ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                  "webhook status zone \"%V\" is too small",
                  &shm_zone->shm.name);
    return NGX_ERROR;
}


static ngx_int_t
ngx_http_webhook_status_init_shctx(ngx_http_webhook_status_t *status,
    ngx_uint_t ncounters)
{
    size_t                            len;
    ngx_str_t                        *name;
    ngx_slab_pool_t                  *shpool;
    ngx_http_webhook_status_shctx_t  *sh;

    name = &status->shm_zone->shm.name;
    shpool = status->shpool;

    /* this is reported as a whole */
    shpool->log_nomem = 0;

    len = sizeof(" in webhook status zone \"\"") + name->len;

    shpool->log_ctx = ngx_http_webhook_status_alloc(status, len);
    if (shpool->log_ctx == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(shpool->log_ctx, " in webhook status zone \"%V\"%Z", name);

    sh = ngx_http_webhook_status_alloc(status,
                            offsetof(ngx_http_webhook_status_shctx_t, counters)
                            + ncounters * sizeof(ngx_atomic_t));
    if (sh == NULL) {
        return NGX_ERROR;
    }

    sh->layout = NGX_HTTP_WEBHOOK_STATUS_LAYOUT;
    sh->ncounters = ncounters;
    sh->since = ngx_time();

    shpool->data = sh;
    status->sh = sh;

    return NGX_OK;
}


/* each size has a ring of its own: workers of before may still use theirs */

static ngx_int_t
ngx_http_webhook_status_init_ring(ngx_http_webhook_status_t *status)
{
    ngx_http_webhook_status_ring_t   *ring;
    ngx_http_webhook_status_shctx_t  *sh;

    if (status->refused == 0) {
        return NGX_OK;
    }

    sh = status->sh;

    for (ring = sh->rings; ring; ring = ring->next) {
        if (ring->size == status->refused) {
            status->ring = ring;
            return NGX_OK;
        }
    }

    ring = ngx_http_webhook_status_alloc(status,
                                     sizeof(ngx_http_webhook_status_ring_t));
    if (ring == NULL) {
        return NGX_ERROR;
    }

    ring->size = status->refused;
    ring->entries = ngx_http_webhook_status_alloc(status,
                                   ring->size
                                   * sizeof(ngx_http_webhook_status_refused_t));
    if (ring->entries == NULL) {
        ngx_slab_free(status->shpool, ring);
        return NGX_ERROR;
    }

    ring->next = sh->rings;
    sh->rings = ring;

    status->ring = ring;

    return NGX_OK;
}


static ngx_int_t
ngx_http_webhook_status_init_item(ngx_http_webhook_status_t *status,
    ngx_http_webhook_status_item_t *item)
{
    size_t                            size;
    ngx_uint_t                        ncounters;
    ngx_http_webhook_status_kind_t   *kind;
    ngx_http_webhook_status_block_t  *block;
    ngx_http_webhook_status_shctx_t  *sh;

    sh = status->sh;

    kind = &ngx_http_webhook_status_kinds[item->kind];

    ncounters = kind->ncounters;

    if (kind->histogram) {
        ncounters += kind->histogram->nbuckets + 1;
    }

    for (block = sh->blocks; block; block = block->next) {

        if (block->kind == item->kind
            && block->ncounters == ncounters
            && block->name.len == item->name.len
            && ngx_memcmp(block->name.data, item->name.data, block->name.len)
               == 0)
        {
            item->counters = block->counters;
            return NGX_OK;
        }
    }

    /* the name follows the counters */

    size = offsetof(ngx_http_webhook_status_block_t, counters)
           + ncounters * sizeof(ngx_atomic_t);

    block = ngx_http_webhook_status_alloc(status, size + item->name.len);
    if (block == NULL) {
        return NGX_ERROR;
    }

    block->kind = item->kind;
    block->ncounters = ncounters;
    block->name.len = item->name.len;
    block->name.data = (u_char *) block + size;
    ngx_memcpy(block->name.data, item->name.data, item->name.len);

    block->next = sh->blocks;
    sh->blocks = block;

    item->counters = block->counters;

    return NGX_OK;
}


static void *
ngx_http_webhook_status_alloc(ngx_http_webhook_status_t *status, size_t size)
{
    return ngx_slab_calloc(status->shpool,
                           ngx_max(size, NGX_HTTP_WEBHOOK_STATUS_SMALL));
}


/* returns 1 if a location uses the system, or has used it */

ngx_uint_t
ngx_http_webhook_status_shown(ngx_http_webhook_status_system_t *system)
{
    ngx_uint_t  i, n;

    n = (system->nevents + 1) * NGX_HTTP_WEBHOOK_STATUS_NREASONS;

    for (i = 0; !system->used && i < n; i++) {
        if (system->verdicts[i]) {
            return 1;
        }
    }

    return system->used;
}


/* since when it has been counted */

time_t
ngx_http_webhook_status_since(ngx_http_webhook_status_t *status)
{
    ngx_http_webhook_status_shctx_t  *sh;

    sh = status->sh;

    return sh->since;
}


/* returns the name of a system's event, empty for one that is not known */

ngx_str_t *
ngx_http_webhook_status_event(ngx_http_webhook_status_system_t *system,
    ngx_uint_t event)
{
    /* an empty name ends the list */
    return &system->provider->events[event];
}


/* asks for an item's gauges */

void
ngx_http_webhook_status_gauges(ngx_http_webhook_status_item_t *item,
    uint64_t *values)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_WEBHOOK_STATUS_GAUGES; i++) {
        values[i] = NGX_HTTP_WEBHOOK_STATUS_NONE;
    }

    if (item->gauges) {
        item->gauges(item->data, values);
    }
}


/* copies the last refused events into "list", the newest first */

ngx_int_t
ngx_http_webhook_status_refused(ngx_http_webhook_status_t *status,
    ngx_pool_t *pool, ngx_array_t *list)
{
    ngx_uint_t                          i, n, written;
    ngx_http_webhook_status_ring_t     *ring;
    ngx_http_webhook_status_refused_t  *e, *entries;

    ring = status->ring;
    n = ring ? ring->size : 0;

    if (ngx_array_init(list, pool, ngx_max(n, 1),
                       sizeof(ngx_http_webhook_status_refused_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (n == 0) {
        return NGX_OK;
    }

    entries = ngx_palloc(pool, n * sizeof(ngx_http_webhook_status_refused_t));
    if (entries == NULL) {
        return NGX_ERROR;
    }

    ngx_shmtx_lock(&status->shpool->mutex);

    written = ring->written;
    ngx_memcpy(entries, ring->entries,
               n * sizeof(ngx_http_webhook_status_refused_t));

    ngx_shmtx_unlock(&status->shpool->mutex);

    for (i = 0; i < n && i < written; i++) {

        e = &entries[(written - 1 - i) % n];

        if (e->msec == 0) {
            continue;
        }

        *(ngx_http_webhook_status_refused_t *) ngx_array_push(list) = *e;
    }

    return NGX_OK;
}


/* the module's zones, and how much of them is used, in whole pages */

ngx_int_t
ngx_http_webhook_status_memory(ngx_pool_t *pool, ngx_array_t *list)
{
    ngx_uint_t                         i;
    ngx_list_part_t                   *part;
    ngx_shm_zone_t                    *shm_zone;
    ngx_slab_pool_t                   *shpool;
    ngx_http_webhook_status_memory_t  *memory;

    if (ngx_array_init(list, pool, 4, sizeof(ngx_http_webhook_status_memory_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    part = (ngx_list_part_t *) &ngx_cycle->shared_memory.part;
    shm_zone = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                return NGX_OK;
            }

            part = part->next;
            shm_zone = part->elts;
            i = 0;
        }

        if (shm_zone[i].tag != &ngx_http_webhook_module
            && shm_zone[i].tag != &ngx_http_webhook_status_tag)
        {
            continue;
        }

        memory = ngx_array_push(list);
        if (memory == NULL) {
            return NGX_ERROR;
        }

        shpool = (ngx_slab_pool_t *) shm_zone[i].shm.addr;

        memory->name = shm_zone[i].shm.name;
        memory->size = shm_zone[i].shm.size;
        memory->used = memory->size - shpool->pfree * ngx_pagesize;
    }
}
