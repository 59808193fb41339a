
#ifndef _NGX_HTTP_WEBHOOK_STORE_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_STORE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


typedef struct ngx_http_webhook_store_s   ngx_http_webhook_store_t;
typedef struct ngx_http_webhook_txn_s     ngx_http_webhook_txn_t;
typedef struct ngx_http_webhook_change_s  ngx_http_webhook_change_t;


#define NGX_HTTP_WEBHOOK_STORE_TABLES  10

/* bytes that the tables must be allowed to use */
#define NGX_HTTP_WEBHOOK_STORE_MIN     (128 * 1024)

/* the first table of each store: names and numbers */
#define NGX_HTTP_WEBHOOK_STORE_META    0


typedef struct {
    ngx_str_t       name;
    ngx_uint_t      uncounted;    /* by ngx_http_webhook_store_room() */
    ngx_uint_t      former;       /* of an older layout: it is not made */
} ngx_http_webhook_table_conf_t;


typedef struct {
    ngx_str_t       path;         /* zero-terminated */
    size_t          size;         /* bytes that the tables may use */
    ngx_uid_t       user;         /* its owner, if the master is root */
    ngx_gid_t       group;
    char           *username;     /* of the workers, NULL: there is no master */
    time_t          tried;        /* to open it, in this process */
    ngx_uint_t      unlocked;     /* there is no lock file, in a test only */
    dev_t           lock_dev;     /* of the lock file that the master made */
    ino_t           lock_ino;     /* or found, 0: not known */

    char           *kind;         /* what it is called in messages */
    char           *use;          /* whose file it is, kept in the file */
    ngx_uint_t      mark;         /* a table that all such files had when they
                                     did not tell their use */
    uint32_t        version;      /* of the layout */

    /* "meta" first, and an empty name last */
    ngx_http_webhook_table_conf_t  *tables;

    /*
     * Takes over a part of what "former" tables hold.  Returns NGX_OK,
     * NGX_DECLINED if they are empty, or NGX_ERROR; NULL: there are none.
     */
    ngx_int_t     (*take)(ngx_http_webhook_txn_t *txn);
} ngx_http_webhook_store_conf_t;


/* the file as it is, and who reads in it */

typedef struct {
    off_t           size;         /* bytes */
    ngx_uint_t      lag;          /* commits since the oldest state that is
                                     being read */
    ngx_pid_t       reader;       /* who reads that, -1: nobody */
} ngx_http_webhook_store_file_t;


/*
 * A change that is to be made durable.  It belongs to the caller, and must stay
 * as it is until "handler" is called, from the event loop and never from within
 * ngx_http_webhook_store_submit().
 *
 * "apply" makes the change in a transaction, perhaps in a thread: it may use
 * the change, the transaction, and no pool.  It returns NGX_OK, NGX_DECLINED,
 * having written nothing, or NGX_ERROR, and may be called again if what it was
 * to be committed with has failed.  "rc" is what it returned, or NGX_ERROR if
 * nothing has changed because the store has failed; "full" says that it did for
 * want of room, or is set by "apply" beside NGX_DECLINED for the same reason:
 * what it is to be committed with then goes on.
 */

struct ngx_http_webhook_change_s {
    ngx_queue_t     queue;
    ngx_int_t     (*apply)(ngx_http_webhook_change_t *change,
                           ngx_http_webhook_txn_t *txn);
    void          (*handler)(ngx_http_webhook_change_t *change);
    void           *data;
    size_t          size;         /* about what it adds, in bytes */
    ngx_int_t       rc;
    ngx_uint_t      full;
    ngx_uint_t      failed;       /* how often it failed when it was tried
                                     alone; 0 at first */
};


/*
 * Told of each entry of a table, which is valid during the call only.  Returns
 * NGX_OK, NGX_DONE to end the walk, or NGX_ERROR.
 */

typedef ngx_int_t (*ngx_http_webhook_store_walk_pt)(void *data, ngx_str_t *key,
    ngx_str_t *value);


/* flags of ngx_http_webhook_store_put() */

#define NGX_HTTP_WEBHOOK_STORE_NEW     1    /* NGX_DECLINED if it is there */
#define NGX_HTTP_WEBHOOK_STORE_APPEND  2    /* the key is above all others */


ngx_http_webhook_store_t *ngx_http_webhook_store_open(
    ngx_http_webhook_store_conf_t *conf, ngx_cycle_t *cycle, ngx_log_t *log);
ngx_int_t ngx_http_webhook_store_make(ngx_http_webhook_store_conf_t *conf,
    ngx_http_webhook_store_t **store, ngx_log_t *log);
ngx_int_t ngx_http_webhook_store_opened(ngx_http_webhook_store_t **store,
    ngx_http_webhook_store_conf_t *conf, ngx_cycle_t *cycle);
void ngx_http_webhook_store_owner(ngx_http_webhook_store_conf_t *conf,
    ngx_cycle_t *cycle);
ngx_int_t ngx_http_webhook_store_keep(ngx_http_webhook_store_conf_t *conf,
    ngx_http_webhook_store_conf_t *old, char *what, ngx_str_t *name,
    ngx_log_t *log);
void ngx_http_webhook_store_close(ngx_http_webhook_store_t *store);
ngx_uint_t ngx_http_webhook_store_version(ngx_http_webhook_store_t *store);
void ngx_http_webhook_store_submit(ngx_http_webhook_store_t *store,
    ngx_http_webhook_change_t *change);
ngx_int_t ngx_http_webhook_store_write(ngx_http_webhook_store_t *store,
    ngx_http_webhook_change_t *change);

ngx_http_webhook_txn_t *ngx_http_webhook_store_begin(
    ngx_http_webhook_store_t *store);
void ngx_http_webhook_store_end(ngx_http_webhook_txn_t *txn);

ngx_int_t ngx_http_webhook_store_get(ngx_http_webhook_txn_t *txn,
    ngx_uint_t table, ngx_str_t *key, ngx_str_t *value);
ngx_int_t ngx_http_webhook_store_walk(ngx_http_webhook_txn_t *txn,
    ngx_uint_t table, ngx_str_t *from, ngx_http_webhook_store_walk_pt handler,
    void *data);
ngx_int_t ngx_http_webhook_store_count(ngx_http_webhook_txn_t *txn,
    ngx_uint_t table, ngx_uint_t *n);
ngx_int_t ngx_http_webhook_store_used(ngx_http_webhook_txn_t *txn,
    size_t *size);
ngx_int_t ngx_http_webhook_store_file(ngx_http_webhook_store_t *store,
    ngx_http_webhook_store_file_t *file);
ngx_uint_t ngx_http_webhook_store_id(ngx_http_webhook_txn_t *txn);

ngx_int_t ngx_http_webhook_store_fits(ngx_http_webhook_txn_t *txn, size_t len);
ngx_int_t ngx_http_webhook_store_room(ngx_http_webhook_txn_t *txn, size_t len);
ngx_int_t ngx_http_webhook_store_put(ngx_http_webhook_txn_t *txn,
    ngx_uint_t table, ngx_str_t *key, ngx_str_t *value, ngx_uint_t flags);
ngx_int_t ngx_http_webhook_store_delete(ngx_http_webhook_txn_t *txn,
    ngx_uint_t table, ngx_str_t *key);
ngx_int_t ngx_http_webhook_store_delete_all(ngx_http_webhook_txn_t *txn,
    ngx_uint_t table, ngx_str_t *prefix, uint64_t size);
ngx_int_t ngx_http_webhook_store_corrupted(ngx_http_webhook_txn_t *txn);

ngx_int_t ngx_http_webhook_store_get_number(ngx_http_webhook_txn_t *txn,
    char *name, uint64_t *n);
ngx_int_t ngx_http_webhook_store_put_number(ngx_http_webhook_txn_t *txn,
    char *name, uint64_t n);

u_char *ngx_http_webhook_put64(u_char *p, uint64_t n);
uint64_t ngx_http_webhook_get64(u_char *p);


#endif /* _NGX_HTTP_WEBHOOK_STORE_H_INCLUDED_ */
