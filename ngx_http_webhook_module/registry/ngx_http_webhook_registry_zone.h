
#ifndef _NGX_HTTP_WEBHOOK_REGISTRY_ZONE_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_REGISTRY_ZONE_H_INCLUDED_


/*
 * What the files that make a registry share, and nobody else includes: what is
 * in the zone, and how a process gets at it.
 */


#include "registry/ngx_http_webhook_registry.h"
#include "status/ngx_http_webhook_status.h"


/* the layout of the zone, which may outlive this version of the module */
#define NGX_HTTP_WEBHOOK_REGISTRY_LAYOUT  4


/* whether somebody changes the zone, or was killed when it did */

enum {
    NGX_HTTP_WEBHOOK_REGISTRY_WHOLE = 0,
    NGX_HTTP_WEBHOOK_REGISTRY_CHANGING,
    NGX_HTTP_WEBHOOK_REGISTRY_EMPTYING     /* to be made anew */
};


typedef struct {
    ngx_uint_t                          layout;
    ngx_uint_t                          work;       /* one of the above */
    ngx_uint_t                          generation; /* how often it has been
                                                       made anew */
    ngx_http_webhook_table_t            table;

    uint64_t                            seq;        /* all up to it are here */
    ngx_uint_t                          version;    /* of the store then */
    ngx_uint_t                          incomplete; /* there was no room */
} ngx_http_webhook_registry_shctx_t;


struct ngx_http_webhook_registry_s {
    ngx_http_webhook_registry_shctx_t  *sh;
    ngx_slab_pool_t                    *shpool;
    ngx_shm_zone_t                     *shm_zone;
    size_t                              record_size;
    ngx_http_webhook_store_conf_t       state;      /* path is empty: none */
    ngx_http_webhook_store_t           *store;      /* of this process */
    ngx_cycle_t                        *cycle;
    ngx_http_webhook_status_item_t     *status;
    ngx_http_webhook_registry_kind_t   *kind;       /* NULL: nobody uses it */
};


ngx_int_t ngx_http_webhook_registry_make(ngx_http_webhook_registry_t *registry);
ngx_int_t ngx_http_webhook_registry_lock(ngx_http_webhook_registry_t *registry);
void ngx_http_webhook_registry_change(ngx_http_webhook_registry_t *registry);
void ngx_http_webhook_registry_unlock(ngx_http_webhook_registry_t *registry);


#endif /* _NGX_HTTP_WEBHOOK_REGISTRY_ZONE_H_INCLUDED_ */
