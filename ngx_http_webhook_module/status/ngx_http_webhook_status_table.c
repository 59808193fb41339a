
/* What the status counts, and what that is called: tables, nothing else. */


#include "status/ngx_http_webhook_status_table.h"


#define ngx_http_webhook_status_n(table)  (sizeof(table) / sizeof((table)[0]))


/*
 * What a request can be counted as: what no verdict says, in the order of the
 * enum in ngx_http_webhook_status_table.h, then the reasons of all verdicts.
 */

ngx_str_t  ngx_http_webhook_status_reasons[] = {

    ngx_string("accepted"),
    ngx_string("too_large"),
    ngx_string("aborted"),
    ngx_string("internal_error"),
    ngx_string("other"),

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
    ngx_string("in_progress"),
    ngx_null_string
};

ngx_uint_t  ngx_http_webhook_status_nreasons =
    ngx_http_webhook_status_n(ngx_http_webhook_status_reasons) - 1;


static ngx_http_webhook_status_bucket_t  ngx_http_webhook_status_judging[] = {
    { 500, ngx_string("5e-07") },
    { 1000, ngx_string("1e-06") },
    { 2000, ngx_string("2e-06") },
    { 5000, ngx_string("5e-06") },
    { 10000, ngx_string("1e-05") },
    { 20000, ngx_string("2e-05") },
    { 50000, ngx_string("5e-05") },
    { 100000, ngx_string("0.0001") },
    { 200000, ngx_string("0.0002") },
    { 500000, ngx_string("0.0005") },
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


/* the rows of ngx_http_webhook_status.h */

#define ngx_http_webhook_status_row(name, key, metric, state, help)           \
    { ngx_string(metric), ngx_string(state), ngx_string(key), ngx_string(help) },

static ngx_http_webhook_status_metric_t
    ngx_http_webhook_status_zone_counters[] =
{
    NGX_HTTP_WEBHOOK_STATUS_ZONE_COUNTERS(ngx_http_webhook_status_row)
};

static ngx_http_webhook_status_metric_t
    ngx_http_webhook_status_zone_gauges[] =
{
    NGX_HTTP_WEBHOOK_STATUS_ZONE_GAUGES(ngx_http_webhook_status_row)
};

static ngx_http_webhook_status_metric_t
    ngx_http_webhook_status_queue_counters[] =
{
    NGX_HTTP_WEBHOOK_STATUS_QUEUE_COUNTERS(ngx_http_webhook_status_row)
};

static ngx_http_webhook_status_metric_t
    ngx_http_webhook_status_queue_gauges[] =
{
    NGX_HTTP_WEBHOOK_STATUS_QUEUE_GAUGES(ngx_http_webhook_status_row)
};

static ngx_http_webhook_status_metric_t
    ngx_http_webhook_status_dedup_counters[] =
{
    NGX_HTTP_WEBHOOK_STATUS_DEDUP_COUNTERS(ngx_http_webhook_status_row)
};

static ngx_http_webhook_status_metric_t
    ngx_http_webhook_status_dedup_gauges[] =
{
    NGX_HTTP_WEBHOOK_STATUS_DEDUP_GAUGES(ngx_http_webhook_status_row)
};


ngx_http_webhook_status_kind_t
    ngx_http_webhook_status_kinds[NGX_HTTP_WEBHOOK_STATUS_KINDS] =
{
    /* NGX_HTTP_WEBHOOK_STATUS_ZONE */
    { ngx_string("zone"), ngx_string("zones"),
      ngx_http_webhook_status_zone_counters,
      NGX_HTTP_WEBHOOK_STATUS_ZONE_NCOUNTERS,
      ngx_http_webhook_status_zone_gauges,
      NGX_HTTP_WEBHOOK_STATUS_ZONE_NGAUGES,
      NULL },

    /* NGX_HTTP_WEBHOOK_STATUS_QUEUE */
    { ngx_string("queue"), ngx_string("queues"),
      ngx_http_webhook_status_queue_counters,
      NGX_HTTP_WEBHOOK_STATUS_QUEUE_NCOUNTERS,
      ngx_http_webhook_status_queue_gauges,
      NGX_HTTP_WEBHOOK_STATUS_QUEUE_NGAUGES,
      &ngx_http_webhook_status_delivery_seconds },

    /* NGX_HTTP_WEBHOOK_STATUS_DEDUP */
    { ngx_string("zone"), ngx_string("dedup"),
      ngx_http_webhook_status_dedup_counters,
      NGX_HTTP_WEBHOOK_STATUS_DEDUP_NCOUNTERS,
      ngx_http_webhook_status_dedup_gauges,
      NGX_HTTP_WEBHOOK_STATUS_DEDUP_NGAUGES,
      NULL }
};
