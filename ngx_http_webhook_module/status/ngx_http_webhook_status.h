
#ifndef _NGX_HTTP_WEBHOOK_STATUS_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_STATUS_H_INCLUDED_


#include "ngx_http_webhook.h"


/*
 * What is counted under a name of the configuration: a zone of registrations,
 * a queue, a zone of dedup keys.  Such a thing is an item; the kind of an item
 * tells which numbers it has.  Counters are kept in the status zone, over
 * reloads, under the item's name; gauges are asked for when somebody looks.
 */

enum {
    NGX_HTTP_WEBHOOK_STATUS_ZONE = 0,
    NGX_HTTP_WEBHOOK_STATUS_QUEUE,
    NGX_HTTP_WEBHOOK_STATUS_DEDUP,
    NGX_HTTP_WEBHOOK_STATUS_KINDS
};


/*
 * The numbers of each kind.  A row is all that there is to say of a number:
 * the end of its name NGX_HTTP_WEBHOOK_STATUS_..., its name in JSON, its name
 * for Prometheus, there the label "state" where several rows share a name, and
 * its help text, which the first one of several rows has.  docs/status.md names
 * each of them, and t/060-status.t looks whether it does.
 */

#define NGX_HTTP_WEBHOOK_STATUS_ZONE_COUNTERS(row)                            \
                                                                              \
    row(CREATES, "creates", "nginx_webhook_creates_total", "",                \
        "Registrations created.")                                             \
                                                                              \
    row(DELETES, "deletes", "nginx_webhook_deletes_total", "",                \
        "Registrations deleted.")                                             \
                                                                              \
    row(TRIGGERS, "triggers", "nginx_webhook_triggers_total", "",             \
        "Triggers of a registered webhook that were accepted.")

#define NGX_HTTP_WEBHOOK_STATUS_ZONE_GAUGES(row)                              \
                                                                              \
    row(REGISTRATIONS, "registrations", "nginx_webhook_registrations", "",    \
        "Registrations in the zone.")                                         \
                                                                              \
    row(STORE_USED, "store_used_bytes", "nginx_webhook_store_used_bytes", "", \
        "Bytes that the zone's state uses of its limit.")                     \
                                                                              \
    row(STORE_LIMIT, "store_limit_bytes", "nginx_webhook_store_limit_bytes",  \
        "", "Bytes that the zone's state may use.")


#define NGX_HTTP_WEBHOOK_STATUS_QUEUE_COUNTERS(row)                           \
                                                                              \
    row(QUEUED, "queued", "nginx_webhook_queued_total", "",                   \
        "Events taken into the queue.")                                       \
                                                                              \
    row(DELIVERED, "delivered", "nginx_webhook_delivered_total", "",          \
        "Events delivered.")                                                  \
                                                                              \
    row(RETRIED, "retried", "nginx_webhook_retried_total", "",                \
        "Attempts to deliver an event after its first.")                      \
                                                                              \
    row(DEAD, "dead", "nginx_webhook_dead_total", "",                         \
        "Events that were given up.")                                         \
                                                                              \
    row(DEAD_FORGOTTEN, "dead_forgotten",                                     \
        "nginx_webhook_dead_forgotten_total", "",                             \
        "Dead letters removed before their time, for lack of room.")          \
                                                                              \
    row(ENDPOINT_GONE, "endpoint_gone", "nginx_webhook_endpoint_gone_total",  \
        "", "Events that were given up because nothing is known of their "    \
        "endpoint.")                                                          \
                                                                              \
    row(THROTTLED, "throttled", "nginx_webhook_throttled_total", "",          \
        "Attempts that had to wait for a free connection.")

#define NGX_HTTP_WEBHOOK_STATUS_QUEUE_GAUGES(row)                             \
                                                                              \
    row(WAITING, "waiting", "nginx_webhook_queue_events", "waiting",          \
        "Events in the queue, by state.")                                     \
                                                                              \
    row(DEAD_NOW, "dead", "nginx_webhook_queue_events", "dead", "")           \
                                                                              \
    row(BYTES, "bytes", "nginx_webhook_queue_bytes", "",                      \
        "Bytes that the queue uses.")                                         \
                                                                              \
    row(MAX_BYTES, "max_bytes", "nginx_webhook_queue_max_bytes", "",          \
        "Bytes that the queue may use.")                                      \
                                                                              \
    row(OLDEST, "oldest_seconds", "nginx_webhook_queue_oldest_seconds", "",   \
        "Age of the oldest event that is not dead.")                          \
                                                                              \
    row(FILE_BYTES, "file_bytes", "nginx_webhook_queue_file_bytes", "",       \
        "Bytes of the queue's file.")                                         \
                                                                              \
    row(READER_LAG, "reader_lag", "nginx_webhook_queue_reader_lag", "",       \
        "Commits since the oldest state of the file that is being read.")     \
                                                                              \
    row(HEALTHY_NOW, "destinations_healthy",                                  \
        "nginx_webhook_queue_destinations", "healthy",                        \
        "Destinations that events wait for, by state.")                       \
                                                                              \
    row(FAILING_NOW, "destinations_failing",                                  \
        "nginx_webhook_queue_destinations", "failing", "")                    \
                                                                              \
    row(HEARTBEAT, "heartbeat_seconds",                                       \
        "nginx_webhook_queue_heartbeat_seconds", "",                          \
        "Time since the process that delivers was last heard of.")


#define NGX_HTTP_WEBHOOK_STATUS_DEDUP_COUNTERS(row)                           \
                                                                              \
    row(DUPLICATES, "duplicates", "nginx_webhook_dedup_duplicates_total", "", \
        "Events whose key had been seen.")                                    \
                                                                              \
    row(FORGOTTEN, "forgotten", "nginx_webhook_dedup_forgotten_total", "",    \
        "Keys forgotten before their time, for lack of room.")

#define NGX_HTTP_WEBHOOK_STATUS_DEDUP_GAUGES(row)                             \
                                                                              \
    row(KEYS, "keys", "nginx_webhook_dedup_keys", "",                         \
        "Keys in the zone.")


/* the index of a number among the counters, or the gauges, of its kind */

#define NGX_HTTP_WEBHOOK_STATUS_INDEX(name, key, metric, state, help)         \
    NGX_HTTP_WEBHOOK_STATUS_##name,

enum {
    NGX_HTTP_WEBHOOK_STATUS_ZONE_COUNTERS(NGX_HTTP_WEBHOOK_STATUS_INDEX)
    NGX_HTTP_WEBHOOK_STATUS_ZONE_NCOUNTERS
};

enum {
    NGX_HTTP_WEBHOOK_STATUS_ZONE_GAUGES(NGX_HTTP_WEBHOOK_STATUS_INDEX)
    NGX_HTTP_WEBHOOK_STATUS_ZONE_NGAUGES
};

enum {
    NGX_HTTP_WEBHOOK_STATUS_QUEUE_COUNTERS(NGX_HTTP_WEBHOOK_STATUS_INDEX)
    NGX_HTTP_WEBHOOK_STATUS_QUEUE_NCOUNTERS
};

enum {
    NGX_HTTP_WEBHOOK_STATUS_QUEUE_GAUGES(NGX_HTTP_WEBHOOK_STATUS_INDEX)
    NGX_HTTP_WEBHOOK_STATUS_QUEUE_NGAUGES
};

enum {
    NGX_HTTP_WEBHOOK_STATUS_DEDUP_COUNTERS(NGX_HTTP_WEBHOOK_STATUS_INDEX)
    NGX_HTTP_WEBHOOK_STATUS_DEDUP_NCOUNTERS
};

enum {
    NGX_HTTP_WEBHOOK_STATUS_DEDUP_GAUGES(NGX_HTTP_WEBHOOK_STATUS_INDEX)
    NGX_HTTP_WEBHOOK_STATUS_DEDUP_NGAUGES
};

/* room for the gauges of any kind */

#define NGX_HTTP_WEBHOOK_STATUS_GAUGES                                        \
    (NGX_HTTP_WEBHOOK_STATUS_ZONE_NGAUGES                                     \
     + NGX_HTTP_WEBHOOK_STATUS_QUEUE_NGAUGES                                  \
     + NGX_HTTP_WEBHOOK_STATUS_DEDUP_NGAUGES)

/* a gauge whose value is not known, or that the item does not have */
#define NGX_HTTP_WEBHOOK_STATUS_NONE    ((uint64_t) -1)


typedef struct {
    ngx_uint_t        kind;
    ngx_str_t         name;
    ngx_atomic_t     *counters;     /* NULL: there is no status zone */

    /*
     * Sets those of "values" that it knows, by index; may be NULL.  It is
     * called in a worker that answers a request, and must not wait for
     * anything.
     */
    void            (*gauges)(void *data, uint64_t *values);
    void             *data;
} ngx_http_webhook_status_item_t;


/* what a system's requests are counted in */

struct ngx_http_webhook_status_system_s {
    ngx_http_webhook_provider_t  *provider;
    ngx_uint_t                    nevents;
    ngx_uint_t                    used;     /* by a location */
    ngx_atomic_t                **verdicts; /* [nevents + 1], each of them
                                               [outcomes]; the last event is one
                                               that is not known */
    ngx_atomic_t                 *judge;    /* a histogram */
};


ngx_http_webhook_status_t *ngx_http_webhook_status_create(ngx_conf_t *cf,
    ngx_http_webhook_provider_t **providers);
ngx_int_t ngx_http_webhook_status_add_system(ngx_conf_t *cf,
    ngx_http_webhook_provider_t *provider);
ngx_http_webhook_status_item_t *ngx_http_webhook_status_add(ngx_conf_t *cf,
    ngx_uint_t kind, ngx_str_t *name);
ngx_http_webhook_status_system_t *ngx_http_webhook_status_system(ngx_conf_t *cf,
    ngx_http_webhook_provider_t *provider);
char *ngx_http_webhook_status_zone(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

ngx_int_t ngx_http_webhook_status_init(ngx_conf_t *cf);
void ngx_http_webhook_status_delivery(ngx_http_webhook_status_item_t *queue,
    ngx_msec_t msec);


/* Adds one to a counter of an item; "counter" is its index. */

static ngx_inline void
ngx_http_webhook_status_count(ngx_http_webhook_status_item_t *item,
    ngx_uint_t counter)
{
    if (item->counters) {
        (void) ngx_atomic_fetch_add(&item->counters[counter], 1);
    }
}


#endif /* _NGX_HTTP_WEBHOOK_STATUS_H_INCLUDED_ */
