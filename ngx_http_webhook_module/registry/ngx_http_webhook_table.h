
#ifndef _NGX_HTTP_WEBHOOK_TABLE_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_TABLE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "base/ngx_http_webhook_uuid.h"


/* what is kept of a registration */

typedef struct {
    u_char                             uuid[NGX_HTTP_WEBHOOK_UUID_SIZE];
    u_char                             owner[NGX_HTTP_WEBHOOK_UUID_SIZE];
    uint64_t                           seq;      /* its place in the order */
    ngx_str_t                          text;     /* not empty */
} ngx_http_webhook_registration_t;


typedef struct ngx_http_webhook_owner_s  ngx_http_webhook_owner_t;
typedef struct ngx_http_webhook_block_s  ngx_http_webhook_block_t;
typedef struct ngx_http_webhook_hash_node_s  ngx_http_webhook_hash_node_t;


/* a member of a hash table, which is the first member of what is in it */

struct ngx_http_webhook_hash_node_s {
    ngx_http_webhook_hash_node_t      *next;
    u_char                             uuid[NGX_HTTP_WEBHOOK_UUID_SIZE];
};


/*
 * A hash table by UUIDs.  Of a million nodes one is found in two memory
 * accesses, where a tree takes twenty.
 */

typedef struct {
    ngx_http_webhook_hash_node_t     **buckets;
    ngx_uint_t                         mask;
} ngx_http_webhook_uuid_hash_t;


/*
 * A registration in shared memory.  It takes NGX_HTTP_WEBHOOK_NODE_SIZE bytes,
 * which are two lines of the processor's caches; the text begins in them, and
 * its rest is in a chain of blocks.
 */

typedef struct {
    ngx_http_webhook_hash_node_t       node;
    ngx_http_webhook_owner_t          *owner;
    ngx_http_webhook_block_t          *rest;     /* of the text, may be NULL */
    uint32_t                           len;      /* of the whole text */
    unsigned                           replaces:1;   /* nodes of the same UUID
                                                        may be reserved */
    uint64_t                           seq;      /* the process, while it is
                                                    reserved */
    ngx_queue_t                        queue;    /* the owner's, or reserved */
    u_char                             text[1];
} ngx_http_webhook_table_node_t;

#define NGX_HTTP_WEBHOOK_NODE_SIZE  128


/* it is in shared memory, and so is all that it leads to */

typedef struct {
    ngx_slab_pool_t                   *shpool;
    ngx_http_webhook_uuid_hash_t       nodes;
    ngx_http_webhook_uuid_hash_t       owners;
    ngx_queue_t                        reserved;
    ngx_uint_t                         count;    /* of linked nodes */
} ngx_http_webhook_table_t;


ngx_int_t ngx_http_webhook_table_init(ngx_http_webhook_table_t *table,
    ngx_slab_pool_t *shpool, size_t size);
ngx_http_webhook_table_node_t *ngx_http_webhook_table_find(
    ngx_http_webhook_table_t *table, u_char *uuid);
ngx_http_webhook_table_node_t *ngx_http_webhook_table_next(
    ngx_http_webhook_table_t *table,
    ngx_http_webhook_registration_t *registration);
ngx_http_webhook_table_node_t *ngx_http_webhook_table_reserved(
    ngx_http_webhook_table_t *table, u_char *uuid);
ngx_http_webhook_table_node_t *ngx_http_webhook_table_alloc(
    ngx_http_webhook_table_t *table,
    ngx_http_webhook_registration_t *registration);
void ngx_http_webhook_table_free(ngx_http_webhook_table_t *table,
    ngx_http_webhook_table_node_t *node);
void ngx_http_webhook_table_reserve(ngx_http_webhook_table_t *table,
    ngx_http_webhook_table_node_t *node);
void ngx_http_webhook_table_link(ngx_http_webhook_table_t *table,
    ngx_http_webhook_table_node_t *node, uint64_t seq);
ngx_uint_t ngx_http_webhook_table_fits(ngx_http_webhook_table_t *table,
    ngx_http_webhook_registration_t *registration);
ngx_int_t ngx_http_webhook_table_put(ngx_http_webhook_table_t *table,
    ngx_http_webhook_registration_t *registration, uint64_t seq);
void ngx_http_webhook_table_delete(ngx_http_webhook_table_t *table,
    ngx_http_webhook_table_node_t *node);
ngx_int_t ngx_http_webhook_table_copy(ngx_http_webhook_table_node_t *node,
    ngx_pool_t *pool, ngx_http_webhook_registration_t *registration);
ngx_int_t ngx_http_webhook_table_save(ngx_http_webhook_table_t *table,
    ngx_pool_t *pool, ngx_http_webhook_registration_t **registrations,
    ngx_uint_t *n);
ngx_uint_t ngx_http_webhook_table_restore(ngx_http_webhook_table_t *table,
    ngx_http_webhook_registration_t *registrations, ngx_uint_t n);


#endif /* _NGX_HTTP_WEBHOOK_TABLE_H_INCLUDED_ */
