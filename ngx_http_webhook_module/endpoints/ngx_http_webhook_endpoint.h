
#ifndef _NGX_HTTP_WEBHOOK_ENDPOINT_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_ENDPOINT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <jansson.h>

#include "ngx_http_webhook.h"
#include "registry/ngx_http_webhook_registry.h"


/* how often a change is made anew because of another one */
#define NGX_HTTP_WEBHOOK_CONFLICTS  16


/* why an endpoint is switched off */

enum {
    NGX_HTTP_WEBHOOK_ENABLED = 0,
    NGX_HTTP_WEBHOOK_REQUESTED,
    NGX_HTTP_WEBHOOK_ANSWERED_GONE,
    NGX_HTTP_WEBHOOK_FAILING
};


/* how much of an endpoint ngx_http_webhook_endpoint_json() prints */

enum {
    NGX_HTTP_WEBHOOK_PUBLIC = 0,
    NGX_HTTP_WEBHOOK_WITH_SECRET,
    NGX_HTTP_WEBHOOK_STORED                  /* all that is kept */
};


/* what is registered for a workspace; times are in seconds, 0: not set */

typedef struct {
    ngx_http_webhook_provider_t  *provider;   /* whose events are sent */
    u_char                        uuid[NGX_HTTP_WEBHOOK_UUID_SIZE];
    uint64_t                      seq;        /* 0: not registered yet */

    ngx_str_t                     workspace;
    ngx_str_t                     url;
    uint32_t                      events;     /* provider's, 0: all of them */
    ngx_uint_t                    disabled;   /* and why */
    time_t                        failing;    /* since then */
    time_t                        failed;     /* for the last time, about */
    ngx_uint_t                    report;     /* that it is switched off has
                                                 to be told: the mark */
    time_t                        created;
    time_t                        updated;

    ngx_str_t                     secret;
    ngx_str_t                     previous;   /* signs as well until */
    time_t                        until;
} ngx_http_webhook_endpoint_t;


char *ngx_http_webhook_endpoint_check_zone(ngx_conf_t *cf,
    ngx_shm_zone_t *zone, u_char *file, ngx_uint_t line);

ngx_int_t ngx_http_webhook_endpoint_find(ngx_shm_zone_t *zone,
    ngx_http_webhook_provider_t *provider, ngx_pool_t *pool,
    ngx_str_t *workspace, ngx_http_webhook_endpoint_t *endpoint);
ngx_int_t ngx_http_webhook_endpoint_find_deletion(ngx_shm_zone_t *zone,
    ngx_str_t *workspace);
ngx_int_t ngx_http_webhook_endpoint_next_marked(ngx_shm_zone_t *zone,
    ngx_pool_t *pool, ngx_http_webhook_registration_t *last,
    ngx_str_t *workspace);
ngx_int_t ngx_http_webhook_endpoint_replace(ngx_shm_zone_t *zone,
    ngx_pool_t *pool, ngx_http_webhook_endpoint_t *endpoint,
    ngx_http_webhook_registry_op_t *op);
json_t *ngx_http_webhook_endpoint_json(ngx_http_webhook_endpoint_t *endpoint,
    ngx_uint_t what);
ngx_uint_t ngx_http_webhook_endpoint_workspace(ngx_str_t *workspace);
ngx_uint_t ngx_http_webhook_endpoint_event_bit(
    ngx_http_webhook_provider_t *provider, ngx_str_t *name);
ngx_uint_t ngx_http_webhook_endpoint_wants(
    ngx_http_webhook_endpoint_t *endpoint, ngx_str_t *event);
ngx_str_t *ngx_http_webhook_endpoint_reason(ngx_uint_t disabled);


#endif /* _NGX_HTTP_WEBHOOK_ENDPOINT_H_INCLUDED_ */
