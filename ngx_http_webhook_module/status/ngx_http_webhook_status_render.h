
#ifndef _NGX_HTTP_WEBHOOK_STATUS_RENDER_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_STATUS_RENDER_H_INCLUDED_


#include "status/ngx_http_webhook_status.h"


/* what a request is counted as, an index of the reasons */

enum {
    NGX_HTTP_WEBHOOK_STATUS_ACCEPTED = 0,
    NGX_HTTP_WEBHOOK_STATUS_TOO_LARGE,
    NGX_HTTP_WEBHOOK_STATUS_ABORTED,
    NGX_HTTP_WEBHOOK_STATUS_INTERNAL_ERROR,
    NGX_HTTP_WEBHOOK_STATUS_OTHER,          /* a verdict with another reason */
    NGX_HTTP_WEBHOOK_STATUS_VERDICTS        /* the first one of a verdict */
};

/* bytes that are kept of a member's path */
#define NGX_HTTP_WEBHOOK_STATUS_FIELD     32


/* a number under the name of an item; a gauge or a counter */

typedef struct {
    ngx_str_t                         metric;   /* of Prometheus */
    ngx_str_t                         state;    /* a label of its own */
    ngx_str_t                         key;      /* in JSON */
    ngx_str_t                         help;
} ngx_http_webhook_status_metric_t;


/* a histogram is a counter for each bucket, and the sum in nanoseconds */

typedef struct {
    uint64_t                          bound;    /* nanoseconds; 0: no bound */
    ngx_str_t                         le;       /* seconds */
} ngx_http_webhook_status_bucket_t;


typedef struct {
    ngx_str_t                         metric;
    ngx_str_t                         help;
    ngx_str_t                         key;
    ngx_http_webhook_status_bucket_t *buckets;
    ngx_uint_t                        nbuckets;
} ngx_http_webhook_status_histogram_t;


typedef struct {
    ngx_str_t                         label;    /* of an item's name */
    ngx_str_t                         list;     /* in JSON */
    ngx_http_webhook_status_metric_t *counters;
    ngx_uint_t                        ncounters;
    ngx_http_webhook_status_metric_t *gauges;
    ngx_uint_t                        ngauges;
    ngx_http_webhook_status_histogram_t  *histogram;    /* after counters */
} ngx_http_webhook_status_kind_t;


/* a refused event in the ring: 64 bytes */

typedef struct {
    uint64_t                          msec;     /* since 1970; 0: being set */
    uint32_t                          size;     /* of the body, or the most */
    u_char                            system;
    u_char                            event;
    u_char                            reason;
    u_char                            family;   /* of the client's address */
    u_char                            addr[15 + 1];
    u_char                            field[NGX_HTTP_WEBHOOK_STATUS_FIELD];
} ngx_http_webhook_status_refused_t;


typedef struct {
    ngx_str_t                         name;
    size_t                            size;
    size_t                            used;
} ngx_http_webhook_status_memory_t;


/* of a location */

struct ngx_http_webhook_status_conf_s {
    ngx_shm_zone_t                   *shm_zone;
    ngx_uint_t                        format;   /* or NGX_CONF_UNSET_UINT */
    ngx_str_t                         api;
};


/* an answer that grows; after "failed" nothing more is added */

typedef struct {
    ngx_pool_t                       *pool;
    ngx_chain_t                      *chain;
    ngx_chain_t                     **last;
    ngx_buf_t                        *buf;
    off_t                             size;
    ngx_uint_t                        failed;
} ngx_http_webhook_status_out_t;


struct ngx_http_webhook_status_s {
    void                             *sh;       /* private */
    void                             *ring;
    ngx_slab_pool_t                  *shpool;
    ngx_shm_zone_t                   *shm_zone; /* NULL: there is none */
    ngx_uint_t                        refused;  /* entries of the ring */
    ngx_array_t                       systems;  /* of system_t */
    ngx_array_t                       items;    /* of item_t * */
};


/* ngx_http_webhook_status_zone.c */

void ngx_http_webhook_status_keep(ngx_http_webhook_status_t *status,
    ngx_http_webhook_status_refused_t *entry);
ngx_shm_zone_t *ngx_http_webhook_status_find_zone(ngx_conf_t *cf,
    ngx_str_t *name);
ngx_uint_t ngx_http_webhook_status_shown(
    ngx_http_webhook_status_system_t *system);
time_t ngx_http_webhook_status_since(ngx_http_webhook_status_t *status);
ngx_int_t ngx_http_webhook_status_refused(ngx_http_webhook_status_t *status,
    ngx_pool_t *pool, ngx_array_t *list);
ngx_int_t ngx_http_webhook_status_memory(ngx_pool_t *pool, ngx_array_t *list);
ngx_str_t *ngx_http_webhook_status_event(
    ngx_http_webhook_status_system_t *system, ngx_uint_t event);
void ngx_http_webhook_status_gauges(ngx_http_webhook_status_item_t *item,
    uint64_t *values);

/* ngx_http_webhook_status_handler.c */

void ngx_http_webhook_status_print(ngx_http_webhook_status_out_t *out,
    const char *fmt, ...);
void ngx_http_webhook_status_write(ngx_http_webhook_status_out_t *out,
    u_char *p, size_t len);

/* ngx_http_webhook_status_json.c, _prometheus.c */

void ngx_http_webhook_status_json(ngx_http_webhook_status_out_t *out,
    ngx_http_webhook_status_t *status, ngx_http_webhook_status_conf_t *conf);
void ngx_http_webhook_status_prometheus(ngx_http_webhook_status_out_t *out,
    ngx_http_webhook_status_t *status);


/* ngx_http_webhook_status_table.c; an empty reason ends the list */

extern ngx_str_t  ngx_http_webhook_status_reasons[];
extern ngx_uint_t  ngx_http_webhook_status_nreasons;
extern ngx_http_webhook_status_kind_t  ngx_http_webhook_status_kinds[];
extern ngx_http_webhook_status_histogram_t  ngx_http_webhook_status_judge;

extern ngx_http_webhook_provider_t  ngx_http_webhook_status_provider;

/* made of ngx_http_webhook_status_page.html */
extern ngx_str_t  ngx_http_webhook_status_page;
extern ngx_str_t  ngx_http_webhook_status_policy;


#endif /* _NGX_HTTP_WEBHOOK_STATUS_RENDER_H_INCLUDED_ */
