
#ifndef _NGX_HTTP_WEBHOOK_LMDB_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_LMDB_H_INCLUDED_


/*
 * What the files that make a store share, and nobody else includes:
 * ngx_http_webhook_store.c, which opens it and gathers changes for a commit,
 * ngx_http_webhook_store_layout.c, which checks whose file it is, and
 * ngx_http_webhook_lmdb.c, which reads and writes.
 */


#include "store/ngx_http_webhook_store.h"

#include <ngx_event.h>
#if (NGX_THREADS)
#include <ngx_thread_pool.h>
#endif


/* how many processes and transactions may read a store at once */
#define NGX_HTTP_WEBHOOK_STORE_READERS  1022


/* one transaction: the event loop's, or that of a commit */

struct ngx_http_webhook_txn_s {
    ngx_http_webhook_store_t       *store;
    struct MDB_txn                 *txn;
    int                             error;       /* LMDB's, of NGX_ERROR */
};


struct ngx_http_webhook_store_s {
    ngx_http_webhook_store_conf_t   conf;
    struct MDB_env                 *env;         /* NULL: failed to reopen */
    ngx_http_webhook_txn_t          reader;      /* the event loop's */
    unsigned int                    dbi[NGX_HTTP_WEBHOOK_STORE_TABLES];
                                                 /* 0: there is no table */
    ngx_uint_t                      ntables;
    unsigned int                    page_size;
    ngx_log_t                      *log;

    ngx_queue_t                     pending;     /* for the next commit */
    ngx_queue_t                     committing;
    ngx_queue_t                    *again;       /* the first one of these that
                                                    has failed before */
    ngx_event_t                     event;
    ngx_event_t                     guard;
    ngx_connection_t                dummy;       /* for the guard's log */
    ngx_uint_t                      master;      /* it may make the files */
    ngx_uint_t                      busy;
    ngx_uint_t                      broken;      /* LMDB wants it reopened */
    time_t                          tried;       /* to do so */
    int                             error;       /* of the last commit */
    time_t                          logged;      /* when one was told of */
    time_t                          checked;     /* when readers were */
    time_t                          looked;      /* for the lock file */
    ngx_uint_t                      strange;     /* that is another one now */
    off_t                           bloated;     /* bytes of the file, if it has
                                                    grown without need */
    size_t                          needed;      /* bytes in use, then */
    time_t                          warned;      /* of that */

#if (NGX_THREADS)
    ngx_thread_pool_t              *thread_pool;
    ngx_thread_task_t               task;
#endif
};


ngx_int_t ngx_http_webhook_store_env_init(ngx_http_webhook_store_t *store);
ngx_int_t ngx_http_webhook_store_check_size(ngx_http_webhook_store_t *store);
ngx_int_t ngx_http_webhook_store_tables(ngx_http_webhook_store_t *store,
    ngx_uint_t make);
ngx_int_t ngx_http_webhook_store_layout(ngx_http_webhook_store_t *store);
void ngx_http_webhook_store_env_close(ngx_http_webhook_store_t *store);
int ngx_http_webhook_store_transaction(ngx_http_webhook_store_t *store,
    ngx_queue_t *q, ngx_queue_t *end);
char *ngx_http_webhook_store_strerror(int error);


#endif /* _NGX_HTTP_WEBHOOK_LMDB_H_INCLUDED_ */
