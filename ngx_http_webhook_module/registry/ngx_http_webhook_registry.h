
#ifndef _NGX_HTTP_WEBHOOK_REGISTRY_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_REGISTRY_H_INCLUDED_


#include "ngx_http_webhook.h"
#include "store/ngx_http_webhook_journal.h"
#include "registry/ngx_http_webhook_table.h"


/* bytes that a state may use, by default */
#define NGX_HTTP_WEBHOOK_STATE_DEFAULT  (1024 * 1024 * 1024)

/* bytes that a sender may have kept in one registration, by default */
#define NGX_HTTP_WEBHOOK_RECORD_DEFAULT  (64 * 1024)


/* whose registrations a zone has; one for each directive that uses zones */

typedef struct {
    ngx_str_t                    directive;

    /* NGX_OK, or NGX_ERROR if the directive could not have made the text */
    ngx_int_t                  (*check)(ngx_str_t *text);
} ngx_http_webhook_registry_kind_t;


typedef struct ngx_http_webhook_registry_s      ngx_http_webhook_registry_t;
typedef struct ngx_http_webhook_registry_op_s  ngx_http_webhook_registry_op_t;


/*
 * A change.  It belongs to the caller and must stay as it is until "handler" is
 * called, from the event loop, if the function returned NGX_AGAIN; "rc" then is
 * what it would have returned otherwise.
 */

struct ngx_http_webhook_registry_op_s {
    ngx_int_t                    rc;
    void                       (*handler)(ngx_http_webhook_registry_op_t *op);
    void                        *data;

    /* private */

    ngx_http_webhook_registry_t *registry;
    void                        *node;         /* reserved, or NULL */
    ngx_uint_t                   generation;   /* of the zone then */
    ngx_http_webhook_entry_t     entry;
};


ngx_shm_zone_t *ngx_http_webhook_registry_add(ngx_conf_t *cf, ngx_str_t *name,
    size_t size, ngx_str_t *state, size_t state_size, size_t record_size);
char *ngx_http_webhook_registry_claim(ngx_conf_t *cf, ngx_shm_zone_t *shm_zone,
    ngx_http_webhook_registry_kind_t *kind, u_char *file, ngx_uint_t line);
ngx_str_t *ngx_http_webhook_registry_state(ngx_shm_zone_t *shm_zone);
size_t ngx_http_webhook_registry_record_size(ngx_shm_zone_t *shm_zone);
void ngx_http_webhook_registry_count(ngx_shm_zone_t *shm_zone,
    ngx_uint_t counter);
void ngx_http_webhook_registry_open(ngx_shm_zone_t *shm_zone,
    ngx_cycle_t *cycle);
void ngx_http_webhook_registry_close(ngx_shm_zone_t *shm_zone);

ngx_int_t ngx_http_webhook_registry_find(ngx_shm_zone_t *shm_zone, u_char *uuid,
    ngx_pool_t *pool, ngx_http_webhook_registration_t *registration);
ngx_int_t ngx_http_webhook_registry_find_deletion(ngx_shm_zone_t *shm_zone,
    u_char *uuid);
ngx_int_t ngx_http_webhook_registry_next(ngx_shm_zone_t *shm_zone,
    ngx_pool_t *pool, ngx_http_webhook_registration_t *registration);
ngx_int_t ngx_http_webhook_registry_create(ngx_shm_zone_t *shm_zone,
    ngx_pool_t *pool, ngx_http_webhook_registration_t *registration,
    ngx_http_webhook_registry_op_t *op);
ngx_int_t ngx_http_webhook_registry_replace(ngx_shm_zone_t *shm_zone,
    ngx_pool_t *pool, ngx_http_webhook_registration_t *registration,
    ngx_http_webhook_registry_op_t *op);
ngx_int_t ngx_http_webhook_registry_delete(ngx_shm_zone_t *shm_zone,
    u_char *uuid, ngx_http_webhook_registry_op_t *op);


#endif /* _NGX_HTTP_WEBHOOK_REGISTRY_H_INCLUDED_ */
