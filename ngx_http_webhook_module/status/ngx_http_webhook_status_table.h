
#ifndef _NGX_HTTP_WEBHOOK_STATUS_TABLE_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_STATUS_TABLE_H_INCLUDED_


#include "core/ngx_http_webhook_verdict.h"
#include "status/ngx_http_webhook_status.h"


/*
 * What a request is counted as: an index of ngx_http_webhook_status_reasons[].
 * First come the outcomes that are no verdict's, then the reasons of verdicts,
 * in their order.
 */

#define NGX_HTTP_WEBHOOK_STATUS_OUTCOMES(row)                                 \
    row(accepted)                                                             \
    row(challenge)                                                            \
    row(aborted)                                                              \
    row(internal_error)

#define ngx_http_webhook_status_index(name)  ngx_http_webhook_status_##name,

enum {
    NGX_HTTP_WEBHOOK_STATUS_OUTCOMES(ngx_http_webhook_status_index)
    ngx_http_webhook_status_verdicts
};

#define NGX_HTTP_WEBHOOK_STATUS_NREASONS                                      \
    (ngx_http_webhook_status_verdicts + ngx_http_webhook_nreasons)


/* a number of an item, a counter or a gauge: a row of status.h */

typedef struct {
    ngx_str_t                             metric;   /* of Prometheus */
    ngx_str_t                             state;    /* a label of its own */
    ngx_str_t                             key;      /* in JSON */
    ngx_str_t                             help;
} ngx_http_webhook_status_metric_t;


/* a histogram is a counter for each bucket, and then the sum in nanoseconds */

typedef struct {
    uint64_t                              bound;    /* nanoseconds; 0: none */
    ngx_str_t                             le;       /* seconds */
} ngx_http_webhook_status_bucket_t;


typedef struct {
    ngx_str_t                             metric;
    ngx_str_t                             help;
    ngx_str_t                             key;
    ngx_http_webhook_status_bucket_t     *buckets;
    ngx_uint_t                            nbuckets;
} ngx_http_webhook_status_histogram_t;


/* a kind of items */

typedef struct {
    ngx_str_t                             label;    /* of an item's name */
    ngx_str_t                             list;     /* in JSON */
    ngx_http_webhook_status_metric_t     *counters;
    ngx_uint_t                            ncounters;
    ngx_http_webhook_status_metric_t     *gauges;
    ngx_uint_t                            ngauges;

    /* its counters follow the others; NULL: there is none */
    ngx_http_webhook_status_histogram_t  *histogram;
} ngx_http_webhook_status_kind_t;


extern ngx_str_t  ngx_http_webhook_status_reasons[
    NGX_HTTP_WEBHOOK_STATUS_NREASONS];

extern ngx_http_webhook_status_kind_t  ngx_http_webhook_status_kinds[];

/* how long it took to check a request */
extern ngx_http_webhook_status_histogram_t  ngx_http_webhook_status_judge;


#endif /* _NGX_HTTP_WEBHOOK_STATUS_TABLE_H_INCLUDED_ */
