
#ifndef _NGX_HTTP_WEBHOOK_STORE_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_STORE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_http_webhook_uuid.h"


typedef struct ngx_http_webhook_store_s  ngx_http_webhook_store_t;


typedef struct {
    ngx_str_t      path;          /* zero-terminated */
    size_t         size;          /* the file's limit */
    ngx_uid_t      user;          /* its owner, if the master is root */
    ngx_gid_t      group;
} ngx_http_webhook_store_conf_t;


enum {
    NGX_HTTP_WEBHOOK_STORE_CREATE = 0,
    NGX_HTTP_WEBHOOK_STORE_DELETE
};


/*
 * A change that is to be made durable.  It belongs to the caller, and must stay
 * as it is until "handler" is called, from the event loop and never from within
 * ngx_http_webhook_store_submit().  "rc" then is NGX_OK: committed and synced;
 * NGX_DECLINED: there was nothing to delete; NGX_ERROR: nothing has changed.
 */

typedef struct ngx_http_webhook_change_s  ngx_http_webhook_change_t;

struct ngx_http_webhook_change_s {
    ngx_queue_t    queue;
    ngx_uint_t     type;
    u_char         uuid[NGX_HTTP_WEBHOOK_UUID_SIZE];
    ngx_str_t      record;        /* of CREATE */
    uint64_t       seq;           /* set for NGX_OK: the number of the change */
    ngx_int_t      rc;
    void         (*handler)(ngx_http_webhook_change_t *change);
    void          *data;
};


/*
 * Told of each change since the one asked for; "record" is that of a creation,
 * NULL for a deletion, and valid during the call only.  An error ends the walk.
 */

typedef ngx_int_t (*ngx_http_webhook_store_walk_pt)(void *data, uint64_t seq,
    u_char *uuid, ngx_str_t *record);


ngx_http_webhook_store_t *ngx_http_webhook_store_open(
    ngx_http_webhook_store_conf_t *conf, ngx_cycle_t *cycle, ngx_log_t *log);
ngx_int_t ngx_http_webhook_store_own(ngx_http_webhook_store_conf_t *conf,
    ngx_log_t *log);
void ngx_http_webhook_store_close(ngx_http_webhook_store_t *store);
ngx_uint_t ngx_http_webhook_store_version(ngx_http_webhook_store_t *store);
ngx_int_t ngx_http_webhook_store_walk(ngx_http_webhook_store_t *store,
    uint64_t *seq, ngx_uint_t *version, ngx_http_webhook_store_walk_pt handler,
    void *data);
ngx_int_t ngx_http_webhook_store_find(ngx_http_webhook_store_t *store,
    u_char *uuid, ngx_pool_t *pool, ngx_str_t *record);
void ngx_http_webhook_store_submit(ngx_http_webhook_store_t *store,
    ngx_http_webhook_change_t *change);


#endif /* _NGX_HTTP_WEBHOOK_STORE_H_INCLUDED_ */
