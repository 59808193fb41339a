
#ifndef _NGX_HTTP_WEBHOOK_ENDPOINT_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_ENDPOINT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <jansson.h>

#include "ngx_http_webhook.h"
#include "registry/ngx_http_webhook_registry.h"
#include "endpoints/ngx_http_webhook_address.h"


/* why an endpoint is switched off */

enum {
    NGX_HTTP_WEBHOOK_ENABLED = 0,
    NGX_HTTP_WEBHOOK_REQUESTED,
    NGX_HTTP_WEBHOOK_ANSWERED_GONE,
    NGX_HTTP_WEBHOOK_FAILING
};


/* what is registered for a workspace; times are in seconds, 0: not set */

typedef struct {
    u_char                        uuid[NGX_HTTP_WEBHOOK_UUID_SIZE];
    uint64_t                      seq;        /* 0: not registered yet */

    ngx_str_t                     workspace;
    ngx_str_t                     url;
    uint32_t                      events;     /* of Munity's, 0: all */
    ngx_uint_t                    disabled;   /* and why */
    time_t                        failing;    /* since then */
    time_t                        created;
    time_t                        updated;

    ngx_str_t                     secret;
    ngx_str_t                     previous;   /* signs as well until */
    time_t                        until;
} ngx_http_webhook_endpoint_t;


typedef struct ngx_http_webhook_resolve_s  ngx_http_webhook_resolve_t;

/* a host that is looked up, and judged; "handler" is as in the function */

struct ngx_http_webhook_resolve_s {
    ngx_http_webhook_url_t       *url;
    ngx_array_t                  *allow;
    void                        (*handler)(ngx_http_webhook_resolve_t *resolve);
    void                         *data;

    ngx_int_t                     rc;
    ngx_sockaddr_t                sockaddr;   /* one of its addresses */
    socklen_t                     socklen;
    ngx_uint_t                    waiting;
};


char *ngx_http_webhook_endpoints_conf(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_webhook_endpoint_allow(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_webhook_endpoint_check_zone(ngx_conf_t *cf,
    ngx_shm_zone_t *zone, u_char *file, ngx_uint_t line);

ngx_int_t ngx_http_webhook_endpoint_find(ngx_shm_zone_t *zone,
    ngx_pool_t *pool, ngx_str_t *workspace,
    ngx_http_webhook_endpoint_t *endpoint);
ngx_int_t ngx_http_webhook_endpoint_replace(ngx_shm_zone_t *zone,
    ngx_pool_t *pool, ngx_http_webhook_endpoint_t *endpoint,
    ngx_http_webhook_registry_op_t *op);
ngx_uint_t ngx_http_webhook_endpoint_wants(
    ngx_http_webhook_endpoint_t *endpoint, ngx_str_t *event);
ngx_int_t ngx_http_webhook_endpoint_event(ngx_pool_t *pool,
    ngx_str_t *workspace, char *event, json_t *payload, ngx_str_t *body);
ngx_str_t *ngx_http_webhook_endpoint_reason(ngx_uint_t disabled);

ngx_int_t ngx_http_webhook_resolve(ngx_http_request_t *r,
    ngx_http_webhook_resolve_t *resolve);
ngx_uint_t ngx_http_webhook_address_allowed(struct sockaddr *sockaddr,
    socklen_t socklen, ngx_array_t *allow);


extern ngx_http_webhook_provider_t  ngx_http_webhook_endpoints;


#endif /* _NGX_HTTP_WEBHOOK_ENDPOINT_H_INCLUDED_ */
