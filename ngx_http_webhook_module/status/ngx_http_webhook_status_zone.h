
#ifndef _NGX_HTTP_WEBHOOK_STATUS_ZONE_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_STATUS_ZONE_H_INCLUDED_


#include "status/ngx_http_webhook_status_table.h"


/* bytes that are kept of a member's path */
#define NGX_HTTP_WEBHOOK_STATUS_FIELD     30


/* a refused request in the ring: 64 bytes */

typedef struct {
    uint64_t           msec;        /* since 1970; 0: being set */
    uint32_t           size;        /* of the body, or the most */
    uint32_t           counters;    /* of its event, by their place */
    u_char             reason;
    u_char             family;      /* of the client's address */
    u_char             addr[15 + 1];
    u_char             field[NGX_HTTP_WEBHOOK_STATUS_FIELD];
} ngx_http_webhook_status_refused_t;


struct ngx_http_webhook_status_s {
    void              *sh;          /* private */
    void              *ring;        /* private */
    ngx_slab_pool_t   *shpool;
    ngx_shm_zone_t    *shm_zone;    /* NULL: there is none */
    ngx_uint_t         refused;     /* entries of the ring */
    ngx_array_t        systems;     /* of ngx_http_webhook_status_system_t */
    ngx_uint_t         compiled;    /* so many of them, the first ones */
    ngx_array_t        items;       /* of ngx_http_webhook_status_item_t * */
};


void ngx_http_webhook_status_keep(ngx_http_webhook_status_t *status,
    ngx_http_webhook_status_refused_t *entry);

uint32_t ngx_http_webhook_status_place(ngx_http_webhook_status_t *status,
    ngx_atomic_t *counters);
void ngx_http_webhook_status_names(ngx_http_webhook_status_t *status,
    uint32_t place, ngx_str_t *system, ngx_str_t *event);

ngx_shm_zone_t *ngx_http_webhook_status_find_zone(ngx_conf_t *cf,
    ngx_str_t *name);
ngx_uint_t ngx_http_webhook_status_shown(
    ngx_http_webhook_status_system_t *system);
time_t ngx_http_webhook_status_since(ngx_http_webhook_status_t *status);
ngx_str_t *ngx_http_webhook_status_event(
    ngx_http_webhook_status_system_t *system, ngx_uint_t event);
void ngx_http_webhook_status_gauges(ngx_http_webhook_status_item_t *item,
    uint64_t *values);
ngx_int_t ngx_http_webhook_status_refused(ngx_http_webhook_status_t *status,
    ngx_pool_t *pool, ngx_array_t *list);


#endif /* _NGX_HTTP_WEBHOOK_STATUS_ZONE_H_INCLUDED_ */
