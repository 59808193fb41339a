
/*
 * What must outlive the process, in LMDB: the only file that includes lmdb.h.
 *
 * A store is a numbered sequence of changes, creations and deletions of records
 * with a UUID.  Four tables:
 *
 *     records  number of the creation -> UUID, record
 *     index    UUID -> number of the creation
 *     deleted  number of the deletion -> UUID, time
 *     meta     "version" of this layout, "seq", the last number
 *
 * A record that is deleted leaves "records" and "index".  Entries of "deleted"
 * are kept for days, so that another nginx on the same file, an old master's
 * during a binary upgrade, learns of them.  Numbers are 8 bytes, the highest
 * first: the order of the keys is the order of the changes.
 *
 * Reading is done in the event loop: LMDB's readers take no lock and make no
 * system call.  Writing waits for the disk, so that changes are collected and
 * committed together by a thread, where nginx has threads: while one commit is
 * under way, the next one gathers.
 */


#include "ngx_http_webhook_store.h"

#include <ngx_event.h>
#if (NGX_THREADS)
#include <ngx_thread_pool.h>
#endif

#include <lmdb.h>


#define NGX_HTTP_WEBHOOK_STORE_VERSION  1
#define NGX_HTTP_WEBHOOK_STORE_READERS  1022

/* bytes, more than LMDB's lock file has for so many readers */
#define NGX_HTTP_WEBHOOK_STORE_LOCK                                           \
    (64 * (NGX_HTTP_WEBHOOK_STORE_READERS + 4))

#define NGX_HTTP_WEBHOOK_STORE_KEEP     (7 * 24 * 60 * 60)

/* milliseconds; again and again while something is to be committed */
#define NGX_HTTP_WEBHOOK_STORE_GUARD    60000

/*
 * Address space only; the limit of the file is enforced here.  One value for
 * all processes and configurations spares them remapping at run time.
 */

#if (NGX_PTR_SIZE == 8)
#define NGX_HTTP_WEBHOOK_STORE_MAP(size)  ngx_max(2 * (size), (size_t) 1 << 34)
#else
#define NGX_HTTP_WEBHOOK_STORE_MAP(size)  (size)
#endif


enum {
    store_records = 0,
    store_index,
    store_deleted,
    store_meta,
    store_tables
};


struct ngx_http_webhook_store_s {
    ngx_http_webhook_store_conf_t   conf;
    MDB_env                        *env;         /* NULL: failed to reopen */
    MDB_txn                        *reader;      /* the event loop's */
    MDB_dbi                         dbi[store_tables];
    unsigned int                    page_size;
    ngx_log_t                      *log;

    ngx_queue_t                     pending;     /* for the next commit */
    ngx_queue_t                     committing;
    ngx_event_t                     event;
    ngx_event_t                     guard;
    ngx_connection_t                dummy;       /* for the guard's log */
    ngx_uint_t                      master;      /* it may make the files */
    ngx_uint_t                      busy;
    ngx_uint_t                      broken;      /* LMDB wants it reopened */
    int                             error;       /* of the last commit */

#if (NGX_THREADS)
    ngx_thread_pool_t              *thread_pool;
    ngx_thread_task_t               task;
#endif
};


static ngx_int_t ngx_http_webhook_store_env_open(
    ngx_http_webhook_store_t *store);
static ngx_int_t ngx_http_webhook_store_env_init(
    ngx_http_webhook_store_t *store);
static ngx_int_t ngx_http_webhook_store_check_file(
    ngx_http_webhook_store_t *store, ngx_uint_t *new);
static u_char *ngx_http_webhook_store_lock_name(
    ngx_http_webhook_store_conf_t *conf, ngx_log_t *log);
static ngx_int_t ngx_http_webhook_store_make_lock(
    ngx_http_webhook_store_t *store);
static ngx_int_t ngx_http_webhook_store_check_size(
    ngx_http_webhook_store_t *store);
static ngx_int_t ngx_http_webhook_store_tables(ngx_http_webhook_store_t *store);
static void ngx_http_webhook_store_env_close(ngx_http_webhook_store_t *store);
static ngx_int_t ngx_http_webhook_store_begin(ngx_http_webhook_store_t *store);
static int ngx_http_webhook_store_walk_table(ngx_http_webhook_store_t *store,
    ngx_uint_t table, uint64_t seq, ngx_http_webhook_store_walk_pt handler,
    void *data);
static void ngx_http_webhook_store_read_failed(ngx_http_webhook_store_t *store,
    int rc);
static void ngx_http_webhook_store_guard(ngx_event_t *ev);
static void ngx_http_webhook_store_event(ngx_event_t *ev);
static void ngx_http_webhook_store_start(ngx_http_webhook_store_t *store);
#if (NGX_THREADS)
static void ngx_http_webhook_store_thread(void *data, ngx_log_t *log);
#endif
static void ngx_http_webhook_store_complete(ngx_event_t *ev);
static void ngx_http_webhook_store_commit(ngx_http_webhook_store_t *store);
static int ngx_http_webhook_store_transaction(ngx_http_webhook_store_t *store,
    ngx_queue_t *q, ngx_queue_t *end);
static int ngx_http_webhook_store_apply(ngx_http_webhook_store_t *store,
    MDB_txn *txn, uint64_t *seq, ngx_http_webhook_change_t *change);
static int ngx_http_webhook_store_create(ngx_http_webhook_store_t *store,
    MDB_txn *txn, ngx_http_webhook_change_t *change);
static int ngx_http_webhook_store_delete(ngx_http_webhook_store_t *store,
    MDB_txn *txn, ngx_http_webhook_change_t *change);
static int ngx_http_webhook_store_forget(ngx_http_webhook_store_t *store,
    MDB_txn *txn);
static int ngx_http_webhook_store_get_seq(ngx_http_webhook_store_t *store,
    MDB_txn *txn, uint64_t *seq);
static int ngx_http_webhook_store_put_seq(ngx_http_webhook_store_t *store,
    MDB_txn *txn, uint64_t seq);
static void ngx_http_webhook_store_extend(ngx_http_webhook_store_t *store);
static void ngx_http_webhook_put64(u_char *p, uint64_t n);
static uint64_t ngx_http_webhook_get64(u_char *p);


static char  *ngx_http_webhook_store_names[] = {
    "records", "index", "deleted", "meta"
};


static MDB_val  ngx_http_webhook_store_key_version = {
    sizeof("version") - 1, "version"
};

static MDB_val  ngx_http_webhook_store_key_seq = {
    sizeof("seq") - 1, "seq"
};


/*
 * Opens the store.  Must be called after fork, for a process may not use what
 * another one has opened, and only once at a time in a process.  What "conf"
 * points to must outlive the store.  "cycle", whose default thread pool
 * commits, is NULL in the master, which makes the files if there are none, and
 * submits nothing. Errors are logged as [emerg].
 */

ngx_http_webhook_store_t *
ngx_http_webhook_store_open(ngx_http_webhook_store_conf_t *conf,
    ngx_cycle_t *cycle, ngx_log_t *log)
{
    ngx_http_webhook_store_t  *store;
#if (NGX_THREADS)
    ngx_str_t                  name = ngx_string("default");
#endif

    store = ngx_calloc(sizeof(ngx_http_webhook_store_t), log);
    if (store == NULL) {
        return NULL;
    }

    store->conf = *conf;
    store->log = log;
    store->master = (cycle == NULL);

    ngx_queue_init(&store->pending);
    ngx_queue_init(&store->committing);

    store->event.handler = ngx_http_webhook_store_event;
    store->event.data = store;
    store->event.log = log;

    store->dummy.fd = (ngx_socket_t) -1;
    store->guard.handler = ngx_http_webhook_store_guard;
    store->guard.data = &store->dummy;
    store->guard.log = log;

#if (NGX_THREADS)
    if (cycle) {
        store->thread_pool = ngx_thread_pool_get(cycle, &name);
    }

    store->task.ctx = store;
    store->task.handler = ngx_http_webhook_store_thread;
    store->task.event.handler = ngx_http_webhook_store_complete;
    store->task.event.data = store;
    store->task.event.log = log;
#endif

    if (ngx_http_webhook_store_env_open(store) != NGX_OK) {
        ngx_free(store);
        return NULL;
    }

    return store;
}


/* no commit may be under way: nginx ends its threads first */

void
ngx_http_webhook_store_close(ngx_http_webhook_store_t *store)
{
    if (store->event.posted) {
        ngx_delete_posted_event(&store->event);
    }

    if (store->guard.timer_set) {
        ngx_del_timer(&store->guard);
    }

    ngx_http_webhook_store_env_close(store);

    ngx_free(store);
}


static ngx_int_t
ngx_http_webhook_store_env_open(ngx_http_webhook_store_t *store)
{
    ngx_int_t        rc;
    ngx_uint_t       new;
    ngx_file_info_t  fi;

    store->broken = 0;

    if (ngx_http_webhook_store_check_file(store, &new) != NGX_OK) {
        return NGX_ERROR;
    }

    /* workers find what the master has made, or nothing */

    if (store->master
        && ngx_http_webhook_store_make_lock(store) != NGX_OK)
    {
        return NGX_ERROR;
    }

    rc = ngx_http_webhook_store_env_init(store);

    if (rc == NGX_OK) {
        rc = ngx_http_webhook_store_check_size(store);
    }

    if (rc == NGX_OK) {
        rc = ngx_http_webhook_store_tables(store);
    }

    if (rc == NGX_OK && store->master) {
        rc = ngx_http_webhook_store_own(&store->conf, store->log);
    }

    if (rc == NGX_OK) {
        return NGX_OK;
    }

    ngx_http_webhook_store_env_close(store);

    /* less than LMDB's first two pages is no store, nor one that was lost */

    if (new
        && ngx_file_info(store->conf.path.data, &fi) != NGX_FILE_ERROR
        && ngx_file_size(&fi) < 2 * (off_t) ngx_pagesize)
    {
        (void) ngx_delete_file(store->conf.path.data);
    }

    return NGX_ERROR;
}


/* LMDB takes an empty file for a new one, and would start with nothing */

static ngx_int_t
ngx_http_webhook_store_check_file(ngx_http_webhook_store_t *store,
    ngx_uint_t *new)
{
    ngx_file_info_t  fi;

    *new = 0;

    if (ngx_file_info(store->conf.path.data, &fi) == NGX_FILE_ERROR) {

        if (ngx_errno == NGX_ENOENT && store->master) {
            *new = 1;
            return NGX_OK;
        }

        ngx_log_error(NGX_LOG_EMERG, store->log, ngx_errno,
                      ngx_file_info_n " \"%V\" failed", &store->conf.path);
        return NGX_ERROR;
    }

    if (!ngx_is_file(&fi) || ngx_file_size(&fi) == 0) {
        ngx_log_error(NGX_LOG_EMERG, store->log, 0,
                      "webhook state \"%V\" is %s: restore it, or remove it to "
                      "start with none", &store->conf.path,
                      ngx_is_file(&fi) ? "empty" : "not a file");
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_webhook_store_env_init(ngx_http_webhook_store_t *store)
{
    int        rc;
    char      *path;
    MDB_stat   st;

    path = (char *) store->conf.path.data;

    rc = mdb_env_create(&store->env);
    if (rc != 0) {
        store->env = NULL;
        goto failed;
    }

    rc = mdb_env_set_maxdbs(store->env, store_tables);
    if (rc != 0) {
        goto failed;
    }

    rc = mdb_env_set_maxreaders(store->env, NGX_HTTP_WEBHOOK_STORE_READERS);
    if (rc != 0) {
        goto failed;
    }

    rc = mdb_env_set_mapsize(store->env,
                             NGX_HTTP_WEBHOOK_STORE_MAP(store->conf.size));
    if (rc != 0) {
        goto failed;
    }

    rc = mdb_env_open(store->env, path, MDB_NOSUBDIR|MDB_NOTLS|MDB_NORDAHEAD,
                      0600);
    if (rc != 0) {
        goto failed;
    }

    rc = mdb_env_stat(store->env, &st);
    if (rc != 0) {
        goto failed;
    }

    store->page_size = st.ms_psize;

    /* the slots of processes that were killed */

    rc = mdb_reader_check(store->env, NULL);
    if (rc != 0) {
        goto failed;
    }

    return NGX_OK;

failed:

    ngx_log_error(NGX_LOG_EMERG, store->log, 0,
                  "webhook state \"%s\" could not be opened: %s",
                  path, mdb_strerror(rc));

    return NGX_ERROR;
}


/*
 * Gives the files to conf->user, if that is up to us.  Returns NGX_OK, or
 * NGX_ERROR with an [emerg] logged.
 */

ngx_int_t
ngx_http_webhook_store_own(ngx_http_webhook_store_conf_t *conf, ngx_log_t *log)
{
    u_char     *lock;
    ngx_int_t   rc;

    if (geteuid() != 0 || conf->user == (ngx_uid_t) NGX_CONF_UNSET_UINT) {
        return NGX_OK;
    }

    lock = ngx_http_webhook_store_lock_name(conf, log);
    if (lock == NULL) {
        return NGX_ERROR;
    }

    rc = NGX_OK;

    if (chown((char *) conf->path.data, conf->user, conf->group) == -1
        || chown((char *) lock, conf->user, conf->group) == -1)
    {
        ngx_log_error(NGX_LOG_EMERG, log, ngx_errno,
                      "chown(\"%V\", %d) failed", &conf->path, conf->user);
        rc = NGX_ERROR;
    }

    ngx_free(lock);

    return rc;
}


/* the name of LMDB's lock file, to be freed with ngx_free() */

static u_char *
ngx_http_webhook_store_lock_name(ngx_http_webhook_store_conf_t *conf,
    ngx_log_t *log)
{
    u_char  *lock, *p;

    lock = ngx_alloc(conf->path.len + sizeof("-lock"), log);

    if (lock) {
        p = ngx_cpymem(lock, conf->path.data, conf->path.len);
        ngx_memcpy(p, "-lock", sizeof("-lock"));
    }

    return lock;
}


/*
 * LMDB makes its lock file by extending it, and writes to it by its map: on
 * a full disk that would be a SIGBUS.  Here it gets its room first.
 */

static ngx_int_t
ngx_http_webhook_store_make_lock(ngx_http_webhook_store_t *store)
{
    int        err;
    u_char    *lock;
    ngx_fd_t   fd;

    lock = ngx_http_webhook_store_lock_name(&store->conf, store->log);
    if (lock == NULL) {
        return NGX_ERROR;
    }

    fd = ngx_open_file(lock, NGX_FILE_RDWR, NGX_FILE_CREATE_OR_OPEN, 0600);

    if (fd == NGX_INVALID_FILE) {
        ngx_log_error(NGX_LOG_EMERG, store->log, ngx_errno,
                      ngx_open_file_n " \"%s\" failed", lock);
        ngx_free(lock);
        return NGX_ERROR;
    }

    err = posix_fallocate(fd, 0, NGX_HTTP_WEBHOOK_STORE_LOCK);

    if (err) {
        ngx_log_error(NGX_LOG_EMERG, store->log, err,
                      "webhook state \"%V\" could not be opened: "
                      "posix_fallocate() \"%s\" failed",
                      &store->conf.path, lock);
    }

    if (ngx_close_file(fd) == NGX_FILE_ERROR) {
        ngx_log_error(NGX_LOG_ALERT, store->log, ngx_errno,
                      ngx_close_file_n " \"%s\" failed", lock);
    }

    ngx_free(lock);

    return err ? NGX_ERROR : NGX_OK;
}


/*
 * A page beyond the end of the file would be a SIGBUS.  The file of a store
 * that is whole holds all its pages, see ngx_http_webhook_store_extend().
 */

static ngx_int_t
ngx_http_webhook_store_check_size(ngx_http_webhook_store_t *store)
{
    off_t            size;
    ngx_fd_t         fd;
    MDB_envinfo      info;
    ngx_file_info_t  fi;

    if (mdb_env_info(store->env, &info) != 0
        || mdb_env_get_fd(store->env, &fd) != 0
        || ngx_fd_info(fd, &fi) == NGX_FILE_ERROR)
    {
        ngx_log_error(NGX_LOG_EMERG, store->log, ngx_errno,
                      "webhook state \"%V\" could not be examined",
                      &store->conf.path);
        return NGX_ERROR;
    }

    size = ((off_t) info.me_last_pgno + 1) * store->page_size;

    if (ngx_file_size(&fi) < size) {
        ngx_log_error(NGX_LOG_EMERG, store->log, 0,
                      "webhook state \"%V\" is truncated: it has %O bytes of "
                      "%O, restore it, or remove it to start with none",
                      &store->conf.path, ngx_file_size(&fi), size);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_webhook_store_tables(ngx_http_webhook_store_t *store)
{
    int          i, rc;
    MDB_val      value;
    MDB_txn     *txn;
    uint32_t     version;

    rc = mdb_txn_begin(store->env, NULL, 0, &txn);
    if (rc != 0) {
        goto failed;
    }

    for (i = 0; i < store_tables; i++) {
        rc = mdb_dbi_open(txn, ngx_http_webhook_store_names[i], MDB_CREATE,
                          &store->dbi[i]);
        if (rc != 0) {
            goto abort;
        }
    }

    rc = mdb_get(txn, store->dbi[store_meta],
                 &ngx_http_webhook_store_key_version, &value);

    version = NGX_HTTP_WEBHOOK_STORE_VERSION;

    if (rc == MDB_NOTFOUND) {
        value.mv_size = sizeof(uint32_t);
        value.mv_data = &version;

        rc = mdb_put(txn, store->dbi[store_meta],
                     &ngx_http_webhook_store_key_version, &value, 0);

    } else if (rc == 0 && value.mv_size == sizeof(uint32_t)) {
        ngx_memcpy(&version, value.mv_data, sizeof(uint32_t));

    } else if (rc == 0) {
        rc = MDB_CORRUPTED;
    }

    if (rc != 0) {
        goto abort;
    }

    if (version > NGX_HTTP_WEBHOOK_STORE_VERSION) {
        mdb_txn_abort(txn);

        ngx_log_error(NGX_LOG_EMERG, store->log, 0,
                      "webhook state \"%V\" is of the newer version %uD, this "
                      "module knows %d",
                      &store->conf.path, version,
                      NGX_HTTP_WEBHOOK_STORE_VERSION);
        return NGX_ERROR;
    }

    rc = mdb_txn_commit(txn);
    if (rc != 0) {
        goto failed;
    }

    ngx_http_webhook_store_extend(store);

    rc = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &store->reader);
    if (rc != 0) {
        store->reader = NULL;
        goto failed;
    }

    mdb_txn_reset(store->reader);

    return NGX_OK;

abort:

    mdb_txn_abort(txn);

failed:

    ngx_log_error(NGX_LOG_EMERG, store->log, 0,
                  "webhook state \"%V\" could not be opened: %s",
                  &store->conf.path, mdb_strerror(rc));

    return NGX_ERROR;
}


static void
ngx_http_webhook_store_env_close(ngx_http_webhook_store_t *store)
{
    if (store->reader) {
        mdb_txn_abort(store->reader);
        store->reader = NULL;
    }

    if (store->env) {
        mdb_env_close(store->env);
        store->env = NULL;
    }
}


/* returns a number that differs whenever somebody has committed changes */

ngx_uint_t
ngx_http_webhook_store_version(ngx_http_webhook_store_t *store)
{
    MDB_envinfo  info;

    if (store->env == NULL || mdb_env_info(store->env, &info) != 0) {
        return 0;
    }

    return info.me_last_txnid;
}


/* begins to read; NGX_OK must be followed by mdb_txn_reset(store->reader) */

static ngx_int_t
ngx_http_webhook_store_begin(ngx_http_webhook_store_t *store)
{
    int  rc;

    if (store->env == NULL) {
        return NGX_ERROR;
    }

    rc = mdb_txn_renew(store->reader);

    if (rc != 0) {
        ngx_http_webhook_store_read_failed(store, rc);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/*
 * Tells "handler" of the changes after number *seq: the creations of what
 * still is there, in their order, then the deletions.  Sets *seq and *version
 * to those of what was read.  Returns NGX_OK or NGX_ERROR; then both are as
 * they were.
 */

ngx_int_t
ngx_http_webhook_store_walk(ngx_http_webhook_store_t *store, uint64_t *seq,
    ngx_uint_t *version, ngx_http_webhook_store_walk_pt handler, void *data)
{
    int       rc;
    uint64_t  last;

    if (ngx_http_webhook_store_begin(store) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_http_webhook_store_get_seq(store, store->reader, &last);

    if (rc == 0) {
        rc = ngx_http_webhook_store_walk_table(store, store_records, *seq,
                                               handler, data);
    }

    if (rc == 0) {
        rc = ngx_http_webhook_store_walk_table(store, store_deleted, *seq,
                                               handler, data);
    }

    if (rc == 0) {
        *seq = last;
        *version = mdb_txn_id(store->reader);
    }

    mdb_txn_reset(store->reader);

    if (rc == 0) {
        return NGX_OK;
    }

    if (rc != NGX_ERROR) {
        ngx_http_webhook_store_read_failed(store, rc);
    }

    return NGX_ERROR;
}


/* returns 0, an error of LMDB's, or NGX_ERROR if the handler returned one */

static int
ngx_http_webhook_store_walk_table(ngx_http_webhook_store_t *store,
    ngx_uint_t table, uint64_t seq, ngx_http_webhook_store_walk_pt handler,
    void *data)
{
    int          rc;
    u_char       number[8], *p;
    MDB_val      key, value;
    ngx_str_t    record;
    MDB_cursor  *cursor;

    rc = mdb_cursor_open(store->reader, store->dbi[table], &cursor);
    if (rc != 0) {
        return rc;
    }

    ngx_http_webhook_put64(number, seq + 1);

    key.mv_size = sizeof(number);
    key.mv_data = number;

    rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);

    while (rc == 0) {

        if (key.mv_size != sizeof(number)
            || value.mv_size < NGX_HTTP_WEBHOOK_UUID_SIZE)
        {
            rc = MDB_CORRUPTED;
            break;
        }

        p = value.mv_data;

        record.len = value.mv_size - NGX_HTTP_WEBHOOK_UUID_SIZE;
        record.data = p + NGX_HTTP_WEBHOOK_UUID_SIZE;

        if (handler(data, ngx_http_webhook_get64(key.mv_data), p,
                    table == store_records ? &record : NULL)
            != NGX_OK)
        {
            rc = NGX_ERROR;
            break;
        }

        rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }

    mdb_cursor_close(cursor);

    return rc == MDB_NOTFOUND ? 0 : rc;
}


/*
 * Looks a record up.  Returns NGX_OK with a copy of it in "pool", NGX_DECLINED
 * if there is none, or NGX_ERROR.
 */

ngx_int_t
ngx_http_webhook_store_find(ngx_http_webhook_store_t *store, u_char *uuid,
    ngx_pool_t *pool, ngx_str_t *record)
{
    int      rc;
    u_char  *p;
    MDB_val  key, value;

    if (ngx_http_webhook_store_begin(store) != NGX_OK) {
        return NGX_ERROR;
    }

    key.mv_size = NGX_HTTP_WEBHOOK_UUID_SIZE;
    key.mv_data = uuid;

    rc = mdb_get(store->reader, store->dbi[store_index], &key, &value);

    if (rc == 0) {
        key = value;
        rc = mdb_get(store->reader, store->dbi[store_records], &key, &value);

        if (rc == MDB_NOTFOUND
            || (rc == 0 && value.mv_size < NGX_HTTP_WEBHOOK_UUID_SIZE))
        {
            rc = MDB_CORRUPTED;
        }
    }

    if (rc == 0) {
        p = value.mv_data;

        record->len = value.mv_size - NGX_HTTP_WEBHOOK_UUID_SIZE;
        record->data = ngx_pnalloc(pool, ngx_max(record->len, 1));

        if (record->data == NULL) {
            rc = ENOMEM;

        } else {
            ngx_memcpy(record->data, p + NGX_HTTP_WEBHOOK_UUID_SIZE,
                       record->len);
        }
    }

    mdb_txn_reset(store->reader);

    if (rc == 0) {
        return NGX_OK;
    }

    if (rc == MDB_NOTFOUND) {
        return NGX_DECLINED;
    }

    ngx_http_webhook_store_read_failed(store, rc);

    return NGX_ERROR;
}


static void
ngx_http_webhook_store_read_failed(ngx_http_webhook_store_t *store, int rc)
{
    ngx_log_error(NGX_LOG_CRIT, store->log, 0,
                  "webhook state \"%V\" could not be read: %s",
                  &store->conf.path, mdb_strerror(rc));
}


/*
 * Takes a change over; it is committed with all others of this turn of the
 * event loop, or all that gather while a commit is under way.
 */

void
ngx_http_webhook_store_submit(ngx_http_webhook_store_t *store,
    ngx_http_webhook_change_t *change)
{
    ngx_queue_insert_tail(&store->pending, &change->queue);

    if (!store->busy) {
        ngx_post_event(&store->event, &ngx_posted_events);
    }

    if (!store->guard.timer_set) {
        ngx_add_timer(&store->guard, NGX_HTTP_WEBHOOK_STORE_GUARD);
    }
}


/* a worker that is told to quit does not do so while a timer is set */

static void
ngx_http_webhook_store_guard(ngx_event_t *ev)
{
    ngx_add_timer(ev, NGX_HTTP_WEBHOOK_STORE_GUARD);
}


static void
ngx_http_webhook_store_event(ngx_event_t *ev)
{
    ngx_http_webhook_store_start(ev->data);
}


/* begins the next commit, if there is something to commit */

static void
ngx_http_webhook_store_start(ngx_http_webhook_store_t *store)
{
    if (store->busy || ngx_queue_empty(&store->pending)) {
        return;
    }

    ngx_queue_add(&store->committing, &store->pending);
    ngx_queue_init(&store->pending);

    store->busy = 1;

    if (store->broken || store->env == NULL) {
        ngx_http_webhook_store_env_close(store);
        (void) ngx_http_webhook_store_env_open(store);
    }

#if (NGX_THREADS)

    if (store->thread_pool
        && ngx_thread_task_post(store->thread_pool, &store->task) == NGX_OK)
    {
        return;
    }

    /* its queue is full: the disk is behind, to wait for it is all there is */

#endif

    ngx_http_webhook_store_commit(store);
    ngx_http_webhook_store_complete(&store->event);
}


#if (NGX_THREADS)

static void
ngx_http_webhook_store_thread(void *data, ngx_log_t *log)
{
    ngx_http_webhook_store_commit(data);
}

#endif


/* back in the event loop: each change's owner learns what became of it */

static void
ngx_http_webhook_store_complete(ngx_event_t *ev)
{
    ngx_queue_t                *q, done;
    ngx_http_webhook_store_t   *store;
    ngx_http_webhook_change_t  *change;

    store = ev->data;

    ngx_queue_init(&done);
    ngx_queue_add(&done, &store->committing);
    ngx_queue_init(&store->committing);

    store->busy = 0;

    if (store->error) {
        ngx_log_error(NGX_LOG_CRIT, store->log, 0,
                      "webhook state \"%V\" could not be written: %s",
                      &store->conf.path, mdb_strerror(store->error));
    }

    if (!ngx_queue_empty(&store->pending)) {
        ngx_post_event(&store->event, &ngx_posted_events);

    } else if (store->guard.timer_set) {
        ngx_del_timer(&store->guard);
    }

    while (!ngx_queue_empty(&done)) {
        q = ngx_queue_head(&done);
        ngx_queue_remove(q);

        change = ngx_queue_data(q, ngx_http_webhook_change_t, queue);
        change->handler(change);
    }
}


/*
 * Commits store->committing: in a thread of its own, and using nothing that
 * the event loop uses meanwhile.  If it can't be done in one transaction, each
 * change gets its own, so that one that fails takes no other along.
 */

static void
ngx_http_webhook_store_commit(ngx_http_webhook_store_t *store)
{
    int           rc;
    ngx_queue_t  *end, *q;

    store->error = 0;

    end = ngx_queue_sentinel(&store->committing);
    q = ngx_queue_head(&store->committing);

    rc = ngx_http_webhook_store_transaction(store, q, end);

    if (rc != 0 && ngx_queue_next(q) != end) {

        for ( /* void */ ; q != end; q = ngx_queue_next(q)) {
            rc = ngx_http_webhook_store_transaction(store, q,
                                                    ngx_queue_next(q));
            if (rc != 0) {
                store->error = rc;
            }
        }

    } else {
        store->error = rc;
    }
}


/* commits the changes from "q" to before "end", or none of them */

static int
ngx_http_webhook_store_transaction(ngx_http_webhook_store_t *store,
    ngx_queue_t *q, ngx_queue_t *end)
{
    int                         rc;
    MDB_txn                    *txn;
    uint64_t                    seq;
    ngx_queue_t                *first;
    ngx_http_webhook_change_t  *change;

    first = q;
    txn = NULL;
    seq = 0;

    rc = store->env ? mdb_txn_begin(store->env, NULL, 0, &txn) : MDB_PANIC;

    if (rc == 0) {
        rc = ngx_http_webhook_store_get_seq(store, txn, &seq);
    }

    for ( /* void */ ; rc == 0 && q != end; q = ngx_queue_next(q)) {
        change = ngx_queue_data(q, ngx_http_webhook_change_t, queue);
        rc = ngx_http_webhook_store_apply(store, txn, &seq, change);
    }

    if (rc == 0) {
        rc = ngx_http_webhook_store_put_seq(store, txn, seq);
    }

    if (rc == 0) {
        rc = mdb_txn_commit(txn);

        if (rc == 0) {
            ngx_http_webhook_store_extend(store);
            return 0;
        }

    } else if (txn) {
        mdb_txn_abort(txn);
    }

    if (rc == MDB_PANIC) {
        store->broken = 1;
    }

    for (q = first; q != end; q = ngx_queue_next(q)) {
        change = ngx_queue_data(q, ngx_http_webhook_change_t, queue);
        change->rc = NGX_ERROR;
    }

    return rc;
}


/* sets change->rc, which holds once the transaction is committed */

static int
ngx_http_webhook_store_apply(ngx_http_webhook_store_t *store, MDB_txn *txn,
    uint64_t *seq, ngx_http_webhook_change_t *change)
{
    int  rc;

    change->seq = *seq + 1;

    rc = (change->type == NGX_HTTP_WEBHOOK_STORE_CREATE)
         ? ngx_http_webhook_store_create(store, txn, change)
         : ngx_http_webhook_store_delete(store, txn, change);

    if (rc == 0) {
        change->rc = NGX_OK;
        *seq = change->seq;
        return 0;
    }

    if (rc == MDB_NOTFOUND) {
        change->rc = NGX_DECLINED;
        return 0;
    }

    return rc;
}


static int
ngx_http_webhook_store_create(ngx_http_webhook_store_t *store, MDB_txn *txn,
    ngx_http_webhook_change_t *change)
{
    int        i, rc;
    size_t     used;
    u_char     number[8], *p;
    MDB_val    key, value;
    MDB_stat   st;

    /* what the tables use; pages that were freed will be used again */

    used = change->record.len + 4 * store->page_size;

    for (i = 0; i < store_tables; i++) {

        if (i == store_deleted) {
            /* it must not take the room that deletions have made */
            continue;
        }

        rc = mdb_stat(txn, store->dbi[i], &st);
        if (rc != 0) {
            return rc;
        }

        used += (st.ms_branch_pages + st.ms_leaf_pages + st.ms_overflow_pages)
                * store->page_size;
    }

    if (used > store->conf.size) {
        return MDB_MAP_FULL;
    }

    ngx_http_webhook_put64(number, change->seq);

    key.mv_size = NGX_HTTP_WEBHOOK_UUID_SIZE;
    key.mv_data = change->uuid;
    value.mv_size = sizeof(number);
    value.mv_data = number;

    rc = mdb_put(txn, store->dbi[store_index], &key, &value, MDB_NOOVERWRITE);
    if (rc != 0) {
        return rc;
    }

    key = value;
    value.mv_size = NGX_HTTP_WEBHOOK_UUID_SIZE + change->record.len;
    value.mv_data = NULL;

    rc = mdb_put(txn, store->dbi[store_records], &key, &value,
                 MDB_APPEND|MDB_RESERVE);
    if (rc != 0) {
        return rc;
    }

    p = ngx_cpymem(value.mv_data, change->uuid, NGX_HTTP_WEBHOOK_UUID_SIZE);
    ngx_memcpy(p, change->record.data, change->record.len);

    return 0;
}


static int
ngx_http_webhook_store_delete(ngx_http_webhook_store_t *store, MDB_txn *txn,
    ngx_http_webhook_change_t *change)
{
    int       rc;
    u_char    gone[NGX_HTTP_WEBHOOK_UUID_SIZE + 8], number[8], *p;
    MDB_val   key, value;

    key.mv_size = NGX_HTTP_WEBHOOK_UUID_SIZE;
    key.mv_data = change->uuid;

    rc = mdb_get(txn, store->dbi[store_index], &key, &value);
    if (rc != 0) {
        return rc;
    }

    if (value.mv_size != sizeof(number)) {
        return MDB_CORRUPTED;
    }

    ngx_memcpy(number, value.mv_data, sizeof(number));

    rc = mdb_del(txn, store->dbi[store_index], &key, NULL);
    if (rc != 0) {
        return rc;
    }

    key.mv_size = sizeof(number);
    key.mv_data = number;

    rc = mdb_del(txn, store->dbi[store_records], &key, NULL);
    if (rc != 0) {
        return rc == MDB_NOTFOUND ? MDB_CORRUPTED : rc;
    }

    rc = ngx_http_webhook_store_forget(store, txn);
    if (rc != 0) {
        return rc;
    }

    ngx_http_webhook_put64(number, change->seq);

    p = ngx_cpymem(gone, change->uuid, NGX_HTTP_WEBHOOK_UUID_SIZE);
    ngx_http_webhook_put64(p, time(NULL));

    value.mv_size = sizeof(gone);
    value.mv_data = gone;

    return mdb_put(txn, store->dbi[store_deleted], &key, &value, MDB_APPEND);
}


/* removes up to two old deletions, for each one that comes */

static int
ngx_http_webhook_store_forget(ngx_http_webhook_store_t *store, MDB_txn *txn)
{
    int           n, rc;
    u_char       *p;
    MDB_val       key, value;
    uint64_t      before;
    MDB_cursor   *cursor;

    before = time(NULL) - NGX_HTTP_WEBHOOK_STORE_KEEP;

    rc = mdb_cursor_open(txn, store->dbi[store_deleted], &cursor);
    if (rc != 0) {
        return rc;
    }

    for (n = 0; n < 2; n++) {

        rc = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
        if (rc != 0) {
            break;
        }

        if (value.mv_size != NGX_HTTP_WEBHOOK_UUID_SIZE + 8) {
            rc = MDB_CORRUPTED;
            break;
        }

        p = value.mv_data;

        if (ngx_http_webhook_get64(p + NGX_HTTP_WEBHOOK_UUID_SIZE) >= before) {
            break;
        }

        rc = mdb_cursor_del(cursor, 0);
        if (rc != 0) {
            break;
        }
    }

    mdb_cursor_close(cursor);

    return rc == MDB_NOTFOUND ? 0 : rc;
}


static int
ngx_http_webhook_store_get_seq(ngx_http_webhook_store_t *store, MDB_txn *txn,
    uint64_t *seq)
{
    int      rc;
    MDB_val  value;

    rc = mdb_get(txn, store->dbi[store_meta], &ngx_http_webhook_store_key_seq,
                 &value);

    if (rc == MDB_NOTFOUND) {
        *seq = 0;
        return 0;
    }

    if (rc == 0 && value.mv_size != 8) {
        return MDB_CORRUPTED;
    }

    if (rc == 0) {
        *seq = ngx_http_webhook_get64(value.mv_data);
    }

    return rc;
}


static int
ngx_http_webhook_store_put_seq(ngx_http_webhook_store_t *store, MDB_txn *txn,
    uint64_t seq)
{
    u_char   number[8];
    MDB_val  value;

    ngx_http_webhook_put64(number, seq);

    value.mv_size = sizeof(number);
    value.mv_data = number;

    return mdb_put(txn, store->dbi[store_meta], &ngx_http_webhook_store_key_seq,
                   &value, 0);
}


/*
 * LMDB does not write a page that it took from the end of the file and did not
 * need after all.  The file is made to hold it, so that one that is shorter
 * than its pages is known to be truncated.  Must never shrink it: another
 * process may have written more meanwhile.
 */

static void
ngx_http_webhook_store_extend(ngx_http_webhook_store_t *store)
{
    int              rc;
    off_t            size;
    ngx_fd_t         fd;
    MDB_envinfo      info;
    ngx_file_info_t  fi;

    if (mdb_env_info(store->env, &info) != 0
        || mdb_env_get_fd(store->env, &fd) != 0
        || ngx_fd_info(fd, &fi) == NGX_FILE_ERROR)
    {
        return;
    }

    size = ((off_t) info.me_last_pgno + 1) * store->page_size;

    if (ngx_file_size(&fi) >= size) {
        return;
    }

    rc = posix_fallocate(fd, size - 1, 1);

    if (rc != 0) {
        ngx_log_error(NGX_LOG_CRIT, store->log, rc,
                      "posix_fallocate() \"%V\" failed", &store->conf.path);
    }
}


static void
ngx_http_webhook_put64(u_char *p, uint64_t n)
{
    ngx_int_t  i;

    for (i = 7; i >= 0; i--) {
        p[i] = (u_char) n;
        n >>= 8;
    }
}


static uint64_t
ngx_http_webhook_get64(u_char *p)
{
    uint64_t    n;
    ngx_uint_t  i;

    for (n = 0, i = 0; i < 8; i++) {
        n = n << 8 | p[i];
    }

    return n;
}
