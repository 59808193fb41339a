
/*
 * What must outlive the process, in LMDB: the only file that includes lmdb.h.
 *
 * A store is a file with a few tables of keys and values, in the order of the
 * keys, and the number of their layout.  What the tables mean is known to those
 * who use them: ngx_http_webhook_journal.c and ngx_http_webhook_spool.c.
 *
 * Reading is done in the event loop: LMDB's readers take no lock and make no
 * system call.  Writing waits for the disk, so that changes are collected and
 * committed together by a thread, where nginx has threads: while one commit is
 * under way, the next one gathers.
 */


#include "store/ngx_http_webhook_store.h"

#include <ngx_event.h>
#if (NGX_THREADS)
#include <ngx_thread_pool.h>
#endif

#include <lmdb.h>


#define NGX_HTTP_WEBHOOK_STORE_READERS  1022

/* bytes, more than LMDB's lock file has for so many readers */
#define NGX_HTTP_WEBHOOK_STORE_LOCK                                           \
    (64 * (NGX_HTTP_WEBHOOK_STORE_READERS + 4))

/* bytes that the file grows by, before they are needed */
#define NGX_HTTP_WEBHOOK_STORE_CHUNK    (256 * 1024)

/*
 * Pages that a transaction may take for itself, the upper ones of its tables
 * and those that tell of freed ones; and for each change, beside its bytes:
 * leaves of some tables, and what is above these.
 */

#define NGX_HTTP_WEBHOOK_STORE_PAGES    32
#define NGX_HTTP_WEBHOOK_STORE_CHANGE   8

/* pages that are kept on a full disk for what makes room: of some commits */
#define NGX_HTTP_WEBHOOK_STORE_RESERVE  (2 * NGX_HTTP_WEBHOOK_STORE_PAGES)

/* milliseconds; again and again while something is to be committed */
#define NGX_HTTP_WEBHOOK_STORE_GUARD    60000

/*
 * Address space only; the limit of the file is enforced here.  One value for
 * all processes and configurations spares them remapping at run time.  Under
 * valgrind, which has 128 GB of it for all, it is a smaller one.
 */

#ifndef NGX_HTTP_WEBHOOK_STORE_SPACE
#define NGX_HTTP_WEBHOOK_STORE_SPACE      ((size_t) 1 << 34)
#endif

#if (NGX_PTR_SIZE == 8)
#define NGX_HTTP_WEBHOOK_STORE_MAP(size)                                      \
    ngx_max(2 * (size), NGX_HTTP_WEBHOOK_STORE_SPACE)
#else
#define NGX_HTTP_WEBHOOK_STORE_MAP(size)  (size)
#endif


/* one transaction: the event loop's, or that of a commit */

struct ngx_http_webhook_txn_s {
    ngx_http_webhook_store_t       *store;
    MDB_txn                        *txn;
    int                             error;       /* LMDB's, of NGX_ERROR */
};


struct ngx_http_webhook_store_s {
    ngx_http_webhook_store_conf_t   conf;
    MDB_env                        *env;         /* NULL: failed to reopen */
    ngx_http_webhook_txn_t          reader;      /* the event loop's */
    MDB_dbi                         dbi[NGX_HTTP_WEBHOOK_STORE_TABLES];
    ngx_uint_t                      ntables;
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
    time_t                          tried;       /* to do so */
    int                             error;       /* of the last commit */
    time_t                          logged;      /* when one was told of */

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
static int ngx_http_webhook_store_apply(ngx_http_webhook_txn_t *txn,
    ngx_http_webhook_change_t *change);
static ngx_int_t ngx_http_webhook_store_mend(ngx_http_webhook_store_t *store);
static int ngx_http_webhook_store_pages(ngx_http_webhook_txn_t *txn,
    ngx_uint_t counted, size_t *pages);
static int ngx_http_webhook_store_reserve(ngx_http_webhook_txn_t *txn,
    ngx_uint_t n, size_t bytes);
static ngx_int_t ngx_http_webhook_store_result(ngx_http_webhook_txn_t *txn,
    int rc);
static ngx_int_t ngx_http_webhook_store_extend(ngx_http_webhook_store_t *store,
    size_t more);


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


/*
 * Must be called before a store is used that a process may have failed to open.
 * Returns NGX_OK if *store is open.  If it is NULL, tries to open it, at most
 * once a second, and returns NGX_ERROR if that has failed.
 */

ngx_int_t
ngx_http_webhook_store_opened(ngx_http_webhook_store_t **store,
    ngx_http_webhook_store_conf_t *conf, ngx_cycle_t *cycle)
{
    if (*store) {
        return NGX_OK;
    }

    if (conf->tried == ngx_time()) {
        return NGX_ERROR;
    }

    conf->tried = ngx_time();

    *store = ngx_http_webhook_store_open(conf, cycle, cycle->log);

    return *store ? NGX_OK : NGX_ERROR;
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
                      "webhook %s \"%V\" is %s: restore it, or remove it to "
                      "start with none", store->conf.kind, &store->conf.path,
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

    rc = mdb_env_set_maxdbs(store->env, NGX_HTTP_WEBHOOK_STORE_TABLES);
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

    rc = mdb_env_open(store->env, path, MDB_NOSUBDIR|MDB_NOTLS,
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
                  "webhook %s \"%s\" could not be opened: %s",
                  store->conf.kind, path, mdb_strerror(rc));

    return NGX_ERROR;
}


/* the master makes the files, for workers of perhaps another user */

void
ngx_http_webhook_store_owner(ngx_http_webhook_store_conf_t *conf,
    ngx_cycle_t *cycle)
{
    ngx_core_conf_t  *ccf;

    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);

    conf->user = ccf->user;
    conf->group = ccf->group;
}


/*
 * Of a zone that is kept over a reload, "conf" is the new configuration; both
 * have empty paths, if there is no store.  Returns NGX_OK, or NGX_ERROR with an
 * [emerg] logged.
 */

ngx_int_t
ngx_http_webhook_store_keep(ngx_http_webhook_store_conf_t *conf,
    ngx_http_webhook_store_conf_t *old, ngx_str_t *zone, ngx_log_t *log)
{
    if (conf->path.len != old->path.len
        || (conf->path.len
            && ngx_strncmp(conf->path.data, old->path.data, conf->path.len)
               != 0))
    {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "webhook zone \"%V\" has the state \"%V\" and can't "
                      "change to \"%V\" without a restart, a new size or "
                      "a new name", zone, &old->path, &conf->path);
        return NGX_ERROR;
    }

    if (conf->path.len == 0
        || (conf->user == old->user && conf->group == old->group))
    {
        return NGX_OK;
    }

    return ngx_http_webhook_store_own(conf, log);
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
                      "webhook %s \"%V\" could not be opened: "
                      "posix_fallocate() \"%s\" failed",
                      store->conf.kind, &store->conf.path, lock);
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
                      "webhook %s \"%V\" could not be examined",
                      store->conf.kind, &store->conf.path);
        return NGX_ERROR;
    }

    size = ((off_t) info.me_last_pgno + 1) * store->page_size;

    if (ngx_file_size(&fi) < size) {
        ngx_log_error(NGX_LOG_EMERG, store->log, 0,
                      "webhook %s \"%V\" is truncated: it has %O bytes of "
                      "%O, restore it, or remove it to start with none",
                      store->conf.kind, &store->conf.path, ngx_file_size(&fi),
                      size);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_webhook_store_tables(ngx_http_webhook_store_t *store)
{
    int                             rc;
    MDB_val                         key, value;
    MDB_txn                        *txn;
    uint32_t                        version;
    ngx_http_webhook_table_conf_t  *table;

    key.mv_size = sizeof("version") - 1;
    key.mv_data = "version";

    rc = mdb_txn_begin(store->env, NULL, 0, &txn);
    if (rc != 0) {
        goto failed;
    }

    store->ntables = 0;

    for (table = store->conf.tables; table->name.len; table++) {

        rc = mdb_dbi_open(txn, (char *) table->name.data, MDB_CREATE,
                          &store->dbi[store->ntables]);
        if (rc != 0) {
            goto abort;
        }

        store->ntables++;
    }

    rc = mdb_get(txn, store->dbi[NGX_HTTP_WEBHOOK_STORE_META], &key, &value);

    version = store->conf.version;

    if (rc == MDB_NOTFOUND) {
        value.mv_size = sizeof(uint32_t);
        value.mv_data = &version;

        rc = mdb_put(txn, store->dbi[NGX_HTTP_WEBHOOK_STORE_META], &key,
                     &value, 0);

    } else if (rc == 0 && value.mv_size == sizeof(uint32_t)) {
        ngx_memcpy(&version, value.mv_data, sizeof(uint32_t));

    } else if (rc == 0) {
        rc = MDB_CORRUPTED;
    }

    if (rc != 0) {
        goto abort;
    }

    if (version > store->conf.version) {
        mdb_txn_abort(txn);

        ngx_log_error(NGX_LOG_EMERG, store->log, 0,
                      "webhook %s \"%V\" is of the newer version %uD, this "
                      "module knows %uD", store->conf.kind,
                      &store->conf.path, version, store->conf.version);
        return NGX_ERROR;
    }

    rc = mdb_txn_commit(txn);
    if (rc != 0) {
        goto failed;
    }

    (void) ngx_http_webhook_store_extend(store, 0);

    rc = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &store->reader.txn);
    if (rc != 0) {
        store->reader.txn = NULL;
        goto failed;
    }

    mdb_txn_reset(store->reader.txn);

    return NGX_OK;

abort:

    mdb_txn_abort(txn);

failed:

    ngx_log_error(NGX_LOG_EMERG, store->log, 0,
                  "webhook %s \"%V\" could not be opened: %s",
                  store->conf.kind, &store->conf.path, mdb_strerror(rc));

    return NGX_ERROR;
}


static void
ngx_http_webhook_store_env_close(ngx_http_webhook_store_t *store)
{
    if (store->reader.txn) {
        mdb_txn_abort(store->reader.txn);
        store->reader.txn = NULL;
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


/*
 * Begins to read in the event loop, one at a time.  Returns NULL, with an error
 * logged, or what must be ended before the event loop turns.
 */

ngx_http_webhook_txn_t *
ngx_http_webhook_store_begin(ngx_http_webhook_store_t *store)
{
    int  rc;

    if (ngx_http_webhook_store_mend(store) != NGX_OK) {
        return NULL;
    }

    rc = mdb_txn_renew(store->reader.txn);

    if (rc == MDB_MAP_RESIZED) {
        store->broken = 1;
    }

    if (rc != 0) {
        ngx_log_error(NGX_LOG_CRIT, store->log, 0,
                      "webhook %s \"%V\" could not be read: %s",
                      store->conf.kind, &store->conf.path, mdb_strerror(rc));
        return NULL;
    }

    store->reader.store = store;
    store->reader.error = 0;

    return &store->reader;
}


/*
 * Opens again what could not be opened, or has to be: once in a second.
 * Returns NGX_OK if the store can be used.
 */

static ngx_int_t
ngx_http_webhook_store_mend(ngx_http_webhook_store_t *store)
{
    if (!store->broken && store->env) {
        return NGX_OK;
    }

    if (store->busy || store->tried == ngx_time()) {
        return NGX_ERROR;
    }

    store->tried = ngx_time();

    ngx_http_webhook_store_env_close(store);

    return ngx_http_webhook_store_env_open(store);
}


/* ends it, and logs what has failed meanwhile */

void
ngx_http_webhook_store_end(ngx_http_webhook_txn_t *txn)
{
    ngx_http_webhook_store_t  *store;

    store = txn->store;

    mdb_txn_reset(txn->txn);

    if (txn->error) {
        ngx_log_error(NGX_LOG_CRIT, store->log, 0,
                      "webhook %s \"%V\" could not be read: %s",
                      store->conf.kind, &store->conf.path,
                      mdb_strerror(txn->error));
    }
}


/* the commit that is read, a number as of ngx_http_webhook_store_version() */

ngx_uint_t
ngx_http_webhook_store_id(ngx_http_webhook_txn_t *txn)
{
    return mdb_txn_id(txn->txn);
}


/* what LMDB returned: NGX_OK, NGX_DECLINED or NGX_ERROR */

static ngx_int_t
ngx_http_webhook_store_result(ngx_http_webhook_txn_t *txn, int rc)
{
    if (rc == 0) {
        return NGX_OK;
    }

    if (rc == MDB_NOTFOUND || rc == MDB_KEYEXIST) {
        return NGX_DECLINED;
    }

    txn->error = rc;

    return NGX_ERROR;
}


/* an entry is not as it can be; for the caller to return: NGX_ERROR */

ngx_int_t
ngx_http_webhook_store_corrupted(ngx_http_webhook_txn_t *txn)
{
    return ngx_http_webhook_store_result(txn, MDB_CORRUPTED);
}


/*
 * Looks a key up.  Returns NGX_OK with a value that is valid until the next
 * write or the end of the transaction, NGX_DECLINED if there is none, or
 * NGX_ERROR.
 */

ngx_int_t
ngx_http_webhook_store_get(ngx_http_webhook_txn_t *txn, ngx_uint_t table,
    ngx_str_t *key, ngx_str_t *value)
{
    int      rc;
    MDB_val  k, v;

    k.mv_size = key->len;
    k.mv_data = key->data;

    rc = mdb_get(txn->txn, txn->store->dbi[table], &k, &v);

    if (rc == 0) {
        value->len = v.mv_size;
        value->data = v.mv_data;
    }

    return ngx_http_webhook_store_result(txn, rc);
}


/*
 * Tells "handler" of the entries whose keys are not below "from", in their
 * order.  Returns NGX_OK, or NGX_ERROR if the store or the handler has failed.
 */

ngx_int_t
ngx_http_webhook_store_walk(ngx_http_webhook_txn_t *txn, ngx_uint_t table,
    ngx_str_t *from, ngx_http_webhook_store_walk_pt handler, void *data)
{
    int          rc;
    MDB_val      k, v;
    ngx_int_t    answer;
    ngx_str_t    key, value;
    MDB_cursor  *cursor;

    rc = mdb_cursor_open(txn->txn, txn->store->dbi[table], &cursor);
    if (rc != 0) {
        return ngx_http_webhook_store_result(txn, rc);
    }

    k.mv_size = from->len;
    k.mv_data = from->data;

    answer = NGX_OK;

    rc = mdb_cursor_get(cursor, &k, &v, from->len ? MDB_SET_RANGE : MDB_FIRST);

    while (rc == 0) {

        key.len = k.mv_size;
        key.data = k.mv_data;
        value.len = v.mv_size;
        value.data = v.mv_data;

        answer = handler(data, &key, &value);
        if (answer != NGX_OK) {
            break;
        }

        rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
    }

    mdb_cursor_close(cursor);

    if (answer == NGX_ERROR
        || ngx_http_webhook_store_result(txn, rc) == NGX_ERROR)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* sets the number of a table's entries, which LMDB knows */

ngx_int_t
ngx_http_webhook_store_count(ngx_http_webhook_txn_t *txn, ngx_uint_t table,
    ngx_uint_t *n)
{
    int       rc;
    MDB_stat  st;

    rc = mdb_stat(txn->txn, txn->store->dbi[table], &st);

    *n = (rc == 0) ? st.ms_entries : 0;

    return ngx_http_webhook_store_result(txn, rc);
}


/* sets the bytes that the tables use; freed pages will be used again */

ngx_int_t
ngx_http_webhook_store_used(ngx_http_webhook_txn_t *txn, size_t *size)
{
    int  rc;

    rc = ngx_http_webhook_store_pages(txn, 1, size);

    *size *= txn->store->page_size;

    return ngx_http_webhook_store_result(txn, rc);
}


/* sets the pages of all tables, or of those that are "counted" */

static int
ngx_http_webhook_store_pages(ngx_http_webhook_txn_t *txn, ngx_uint_t counted,
    size_t *pages)
{
    int                        rc;
    MDB_stat                   st;
    ngx_uint_t                 i;
    ngx_http_webhook_store_t  *store;

    *pages = 0;
    store = txn->store;

    for (i = 0; i < store->ntables; i++) {

        if (counted && store->conf.tables[i].uncounted) {
            continue;
        }

        rc = mdb_stat(txn->txn, store->dbi[i], &st);
        if (rc != 0) {
            return rc;
        }

        *pages += st.ms_branch_pages + st.ms_leaf_pages + st.ms_overflow_pages;
    }

    return 0;
}


/* NGX_OK if "len" bytes may be added, NGX_DECLINED if not, or NGX_ERROR */

ngx_int_t
ngx_http_webhook_store_fits(ngx_http_webhook_txn_t *txn, size_t len)
{
    size_t  used;

    if (ngx_http_webhook_store_used(txn, &used) != NGX_OK) {
        return NGX_ERROR;
    }

    used += len + 4 * txn->store->page_size;

    return (used > txn->store->conf.size) ? NGX_DECLINED : NGX_OK;
}


/* the same, with an error for the caller to return: NGX_OK or NGX_ERROR */

ngx_int_t
ngx_http_webhook_store_room(ngx_http_webhook_txn_t *txn, size_t len)
{
    ngx_int_t  rc;

    rc = ngx_http_webhook_store_fits(txn, len);

    return (rc == NGX_DECLINED)
           ? ngx_http_webhook_store_result(txn, MDB_MAP_FULL) : rc;
}


/*
 * Adds an entry, or replaces its value.  If value->data is NULL, it is set to
 * value->len bytes that the caller must fill before it does anything else.
 * Returns NGX_OK, NGX_DECLINED if it may not be there, or NGX_ERROR.
 */

ngx_int_t
ngx_http_webhook_store_put(ngx_http_webhook_txn_t *txn, ngx_uint_t table,
    ngx_str_t *key, ngx_str_t *value, ngx_uint_t flags)
{
    int           rc;
    MDB_val       k, v;
    unsigned int  f;

    k.mv_size = key->len;
    k.mv_data = key->data;
    v.mv_size = value->len;
    v.mv_data = value->data;

    f = (value->data == NULL && value->len) ? MDB_RESERVE : 0;

    if (flags & NGX_HTTP_WEBHOOK_STORE_NEW) {
        f |= MDB_NOOVERWRITE;
    }

    if (flags & NGX_HTTP_WEBHOOK_STORE_APPEND) {
        f |= MDB_APPEND;
    }

    rc = mdb_put(txn->txn, txn->store->dbi[table], &k, &v, f);

    if (rc == 0) {
        value->data = v.mv_data;
    }

    if (rc == MDB_KEYEXIST && !(flags & NGX_HTTP_WEBHOOK_STORE_NEW)) {
        rc = MDB_CORRUPTED;
    }

    return ngx_http_webhook_store_result(txn, rc);
}


/* returns NGX_OK, NGX_DECLINED if there is no such entry, or NGX_ERROR */

ngx_int_t
ngx_http_webhook_store_delete(ngx_http_webhook_txn_t *txn, ngx_uint_t table,
    ngx_str_t *key)
{
    MDB_val  k;

    k.mv_size = key->len;
    k.mv_data = key->data;

    return ngx_http_webhook_store_result(txn, mdb_del(txn->txn,
                                                      txn->store->dbi[table],
                                                      &k, NULL));
}


/*
 * Sets "n" to a number of "meta", 0 if there is none of that name.  Returns
 * NGX_OK or NGX_ERROR.
 */

ngx_int_t
ngx_http_webhook_store_get_number(ngx_http_webhook_txn_t *txn, char *name,
    uint64_t *n)
{
    ngx_int_t  rc;
    ngx_str_t  key, value;

    key.len = ngx_strlen(name);
    key.data = (u_char *) name;

    rc = ngx_http_webhook_store_get(txn, NGX_HTTP_WEBHOOK_STORE_META, &key,
                                    &value);
    if (rc == NGX_DECLINED) {
        *n = 0;
        return NGX_OK;
    }

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    if (value.len != 8) {
        return ngx_http_webhook_store_corrupted(txn);
    }

    *n = ngx_http_webhook_get64(value.data);

    return NGX_OK;
}


ngx_int_t
ngx_http_webhook_store_put_number(ngx_http_webhook_txn_t *txn, char *name,
    uint64_t n)
{
    u_char     number[8];
    ngx_str_t  key, value;

    key.len = ngx_strlen(name);
    key.data = (u_char *) name;

    value.len = ngx_http_webhook_put64(number, n) - number;
    value.data = number;

    return ngx_http_webhook_store_put(txn, NGX_HTTP_WEBHOOK_STORE_META, &key,
                                      &value, 0);
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


/*
 * Makes a change at once, and waits for the disk: for a process that begins, or
 * one that ends, in which nothing else is under way.  The change's handler is
 * not called; returns its "rc".
 */

ngx_int_t
ngx_http_webhook_store_write(ngx_http_webhook_store_t *store,
    ngx_http_webhook_change_t *change)
{
    int          rc;
    ngx_queue_t  queue;

    ngx_queue_init(&queue);
    ngx_queue_insert_tail(&queue, &change->queue);

    rc = ngx_http_webhook_store_transaction(store, ngx_queue_head(&queue),
                                            ngx_queue_sentinel(&queue));
    if (rc != 0) {
        ngx_log_error(NGX_LOG_CRIT, store->log, 0,
                      "webhook %s \"%V\" could not be written: %s",
                      store->conf.kind, &store->conf.path, mdb_strerror(rc));
    }

    return change->rc;
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

    (void) ngx_http_webhook_store_mend(store);

    store->busy = 1;

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

    if (store->error && store->logged != ngx_time()) {
        store->logged = ngx_time();

        ngx_log_error(NGX_LOG_CRIT, store->log, 0,
                      "webhook %s \"%V\" could not be written: %s",
                      store->conf.kind, &store->conf.path,
                      mdb_strerror(store->error));
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
    size_t                      bytes;
    ngx_uint_t                  n;
    ngx_queue_t                *first;
    ngx_http_webhook_txn_t      txn;
    ngx_http_webhook_change_t  *change;

    first = q;
    bytes = 0;
    n = 0;

    txn.store = store;
    txn.txn = NULL;

    rc = store->env ? mdb_txn_begin(store->env, NULL, 0, &txn.txn) : MDB_PANIC;

    for ( /* void */ ; rc == 0 && q != end; q = ngx_queue_next(q)) {
        change = ngx_queue_data(q, ngx_http_webhook_change_t, queue);
        rc = ngx_http_webhook_store_apply(&txn, change);
        bytes += change->size;
        n++;
    }

    if (rc == 0) {
        rc = ngx_http_webhook_store_reserve(&txn, n, bytes);
    }

    if (rc == 0) {
        rc = mdb_txn_commit(txn.txn);

        if (rc == 0) {
            (void) ngx_http_webhook_store_extend(store, 0);
            return 0;
        }

    } else if (txn.txn) {
        mdb_txn_abort(txn.txn);
    }

    if (rc == MDB_PANIC || rc == MDB_MAP_RESIZED) {
        /* the latter: another process has a larger "max_size" */
        store->broken = 1;
    }

    for (q = first; q != end; q = ngx_queue_next(q)) {
        change = ngx_queue_data(q, ngx_http_webhook_change_t, queue);
        change->rc = NGX_ERROR;
        change->full = (rc == MDB_MAP_FULL);
    }

    return rc;
}


/* sets change->rc, which holds once the transaction is committed */

static int
ngx_http_webhook_store_apply(ngx_http_webhook_txn_t *txn,
    ngx_http_webhook_change_t *change)
{
    txn->error = 0;

    change->full = 0;
    change->rc = change->apply(change, txn);

    if (change->rc != NGX_ERROR) {
        return 0;
    }

    return txn->error ? txn->error : EIO;
}


/*
 * Makes the file hold what "n" changes with "bytes" of data need at most, which
 * is not more than all pages anew.  If the disk is full, what is to be removed
 * fits into old pages, as long as what is to be added leaves some: 0, or ENOSPC
 * if there would be too few.
 */

static int
ngx_http_webhook_store_reserve(ngx_http_webhook_txn_t *txn, ngx_uint_t n,
    size_t bytes)
{
    int                        rc;
    size_t                     pages, used;
    ngx_fd_t                   fd;
    ngx_file_info_t            fi;
    ngx_http_webhook_store_t  *store;

    store = txn->store;

    rc = ngx_http_webhook_store_pages(txn, 0, &used);
    if (rc != 0) {
        return rc;
    }

    pages = ngx_min(n * NGX_HTTP_WEBHOOK_STORE_CHANGE
                    + bytes / store->page_size, used)
            + NGX_HTTP_WEBHOOK_STORE_PAGES;

    if (ngx_http_webhook_store_extend(store, pages * store->page_size) == NGX_OK
        || bytes == 0)
    {
        return 0;
    }

    if (mdb_env_get_fd(store->env, &fd) != 0
        || ngx_fd_info(fd, &fi) == NGX_FILE_ERROR)
    {
        return EIO;
    }

    used += NGX_HTTP_WEBHOOK_STORE_RESERVE;

    return ((off_t) (used * store->page_size) > ngx_file_size(&fi)) ? ENOSPC
                                                                    : 0;
}


/*
 * LMDB does not write a page that it took from the end of the file and did not
 * need after all.  The file is made to hold all of them, so that one that is
 * shorter than its pages is known to be truncated; and, before "more" bytes are
 * committed, to hold these, so that this is so whenever a process is killed.
 * Must never shrink it: another process may have written more meanwhile.
 */

static ngx_int_t
ngx_http_webhook_store_extend(ngx_http_webhook_store_t *store, size_t more)
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
        return NGX_ERROR;
    }

    size = ((off_t) info.me_last_pgno + 1) * store->page_size + more;

    if (ngx_file_size(&fi) >= size) {
        return NGX_OK;
    }

    if (more) {
        size = ngx_align(size, NGX_HTTP_WEBHOOK_STORE_CHUNK);
    }

    rc = more ? posix_fallocate(fd, ngx_file_size(&fi),
                                size - ngx_file_size(&fi))
              : posix_fallocate(fd, size - 1, 1);

    if (rc != 0 && more == 0) {
        ngx_log_error(NGX_LOG_CRIT, store->log, rc,
                      "posix_fallocate() \"%V\" failed", &store->conf.path);
    }

    return rc ? NGX_ERROR : NGX_OK;
}


/* numbers in keys: 8 bytes, the highest first; returns the end of them */

u_char *
ngx_http_webhook_put64(u_char *p, uint64_t n)
{
    ngx_int_t  i;

    for (i = 7; i >= 0; i--) {
        p[i] = (u_char) n;
        n >>= 8;
    }

    return p + 8;
}


uint64_t
ngx_http_webhook_get64(u_char *p)
{
    uint64_t    n;
    ngx_uint_t  i;

    for (n = 0, i = 0; i < 8; i++) {
        n = n << 8 | p[i];
    }

    return n;
}
