
/* what the status counts, and what that is called: tables, and nothing else */


#include "status/ngx_http_webhook_status_render.h"


#define ngx_http_webhook_status_n(table)  (sizeof(table) / sizeof((table)[0]))


/*
 * What a request can be counted as: what no verdict says, in the order of the
 * enum in ngx_http_webhook_status_render.h, then the reasons of all verdicts.
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
      ngx_string("dead"), ngx_string("dead"), ngx_null_string },

    { ngx_string("nginx_webhook_queue_bytes"), ngx_null_string,
      ngx_string("bytes"), ngx_string("Bytes that the queue uses.") },

    { ngx_string("nginx_webhook_queue_max_bytes"), ngx_null_string,
      ngx_string("max_bytes"), ngx_string("Bytes that the queue may use.") },

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
