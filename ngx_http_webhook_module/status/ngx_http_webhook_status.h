
#ifndef _NGX_HTTP_WEBHOOK_STATUS_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_STATUS_H_INCLUDED_


#include "ngx_http_webhook.h"


/*
 * What is counted under a name of the configuration: a zone of registrations,
 * a queue, a zone of dedup keys.  A kind is a row of a table of its own;
 * its counters are kept in the status zone, over reloads, under their name; its
 * gauges are asked for when somebody looks.
 */

enum {
    NGX_HTTP_WEBHOOK_STATUS_ZONE = 0,
    NGX_HTTP_WEBHOOK_STATUS_QUEUE,
    NGX_HTTP_WEBHOOK_STATUS_DEDUP,
    NGX_HTTP_WEBHOOK_STATUS_KINDS
};

/* counters of a zone, and its gauges */

enum {
    NGX_HTTP_WEBHOOK_STATUS_CREATES = 0,
    NGX_HTTP_WEBHOOK_STATUS_DELETES,
    NGX_HTTP_WEBHOOK_STATUS_TRIGGERS
};

enum {
    NGX_HTTP_WEBHOOK_STATUS_REGISTRATIONS = 0,
    NGX_HTTP_WEBHOOK_STATUS_STORE_USED,     /* bytes */
    NGX_HTTP_WEBHOOK_STATUS_STORE_LIMIT
};

/* of a queue */

enum {
    NGX_HTTP_WEBHOOK_STATUS_QUEUED = 0,     /* events taken */
    NGX_HTTP_WEBHOOK_STATUS_DELIVERED,
    NGX_HTTP_WEBHOOK_STATUS_RETRIED,        /* attempts after the first */
    NGX_HTTP_WEBHOOK_STATUS_DEAD            /* events given up */
};

enum {
    NGX_HTTP_WEBHOOK_STATUS_WAITING = 0,    /* events now */
    NGX_HTTP_WEBHOOK_STATUS_DEAD_NOW,
    NGX_HTTP_WEBHOOK_STATUS_BYTES,
    NGX_HTTP_WEBHOOK_STATUS_MAX_BYTES,
    NGX_HTTP_WEBHOOK_STATUS_OLDEST,         /* seconds, but of dead ones */

    NGX_HTTP_WEBHOOK_STATUS_GAUGES          /* no kind has more */
};

/* of a dedup zone */

enum {
    NGX_HTTP_WEBHOOK_STATUS_DUPLICATES = 0,
    NGX_HTTP_WEBHOOK_STATUS_FORGOTTEN       /* before their time */
};

enum {
    NGX_HTTP_WEBHOOK_STATUS_KEYS = 0
};

/* a gauge that is not known, or not there */
#define NGX_HTTP_WEBHOOK_STATUS_NONE    ((uint64_t) -1)


typedef struct {
    ngx_uint_t        kind;
    ngx_str_t         name;
    ngx_atomic_t     *counters;     /* NULL: there is no status zone */

    /*
     * Sets those of "values" that it knows; may be NULL.  It is called in a
     * worker that answers a request, and must not wait for anything.
     */
    void            (*gauges)(void *data, uint64_t *values);
    void             *data;
} ngx_http_webhook_status_item_t;


/* what a system's requests are counted in */

struct ngx_http_webhook_status_system_s {
    ngx_http_webhook_provider_t  *provider;
    ngx_uint_t                    index;
    ngx_uint_t                    nevents;
    ngx_uint_t                    used;     /* by a location */
    ngx_atomic_t                 *verdicts; /* [nevents + 1][reasons]; the last
                                               event is one that is not known */
    ngx_atomic_t                 *judge;    /* a histogram */
};


ngx_http_webhook_status_t *ngx_http_webhook_status_create(ngx_conf_t *cf,
    ngx_http_webhook_provider_t **providers);
ngx_http_webhook_status_item_t *ngx_http_webhook_status_add(ngx_conf_t *cf,
    ngx_uint_t kind, ngx_str_t *name);
void ngx_http_webhook_status_delivery(ngx_http_webhook_status_item_t *queue,
    ngx_msec_t msec);
ngx_http_webhook_status_system_t *ngx_http_webhook_status_system(ngx_conf_t *cf,
    ngx_http_webhook_provider_t *provider);

ngx_int_t ngx_http_webhook_status_init(ngx_conf_t *cf);

char *ngx_http_webhook_status_zone(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


static ngx_inline void
ngx_http_webhook_status_count(ngx_http_webhook_status_item_t *item,
    ngx_uint_t counter)
{
    if (item->counters) {
        (void) ngx_atomic_fetch_add(&item->counters[counter], 1);
    }
}


#endif /* _NGX_HTTP_WEBHOOK_STATUS_H_INCLUDED_ */
