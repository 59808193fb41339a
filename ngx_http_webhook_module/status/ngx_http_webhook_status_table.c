
/* What the status counts, and what that is called: tables, nothing else. */


#include "status/ngx_http_webhook_status_table.h"


#define ngx_http_webhook_status_n(table)  (sizeof(table) / sizeof((table)[0]))


#define ngx_http_webhook_status_name(name)  ngx_string(#name),

ngx_str_t  ngx_http_webhook_status_reasons[NGX_HTTP_WEBHOOK_STATUS_NREASONS] = {
    NGX_HTTP_WEBHOOK_STATUS_OUTCOMES(ngx_http_webhook_status_name)
    NGX_HTTP_WEBHOOK_REASONS(ngx_http_webhook_status_name)
};


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


/* Makes elements of arrays out of the rows of ngx_http_webhook_status.h. */

#define ngx_http_webhook_status_row(name, key, metric, state, help)           \
    { ngx_string(metric), ngx_string(state), ngx_string(key),                 \
      ngx_string(help) },

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
