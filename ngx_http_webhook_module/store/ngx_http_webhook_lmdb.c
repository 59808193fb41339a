
/*
 * A store in LMDB: the only file that includes lmdb.h.  Tables are read and
 * written in transactions, and the file is kept as long as its pages.
 *
 * The transaction of ngx_http_webhook_store_begin() is the event loop's.  One
 * that commits may be in a thread, and uses nothing of the event loop's.
 */


#include "store/ngx_http_webhook_lmdb.h"

#include <lmdb.h>


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

/* seconds between looks for readers that were killed */
#define NGX_HTTP_WEBHOOK_STORE_CHECK    5

/*
 * A file that grows beyond so many times what is used, and so many bytes, can't
 * use its free pages again: some commits have pages of their own under way, but
 * not so many.
 */
#define NGX_HTTP_WEBHOOK_STORE_TIMES    4
#define NGX_HTTP_WEBHOOK_STORE_BLOATED  (64 * 1024 * 1024)

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


static ngx_uint_t ngx_http_webhook_store_readers(
    ngx_http_webhook_store_t *store);
static int ngx_http_webhook_store_reader(const char *line, void *data);
static int ngx_http_webhook_store_try(ngx_http_webhook_store_t *store,
    ngx_queue_t *q, ngx_queue_t *end);
static int ngx_http_webhook_store_apply(ngx_http_webhook_txn_t *txn,
    ngx_http_webhook_change_t *change);
static int ngx_http_webhook_store_pages(ngx_http_webhook_txn_t *txn,
    ngx_uint_t counted, size_t *pages);
static int ngx_http_webhook_store_reserve(ngx_http_webhook_txn_t *txn,
    ngx_uint_t n, size_t bytes);
static ngx_int_t ngx_http_webhook_store_result(ngx_http_webhook_txn_t *txn,
    int rc);
static ngx_int_t ngx_http_webhook_store_extend(ngx_http_webhook_store_t *store,
    size_t more, size_t used);


/*
 * Opens LMDB's environment.  Returns NGX_OK, or NGX_ERROR with an [emerg]
 * logged; the environment is then to be closed all the same.
 */

ngx_int_t
ngx_http_webhook_store_env_init(ngx_http_webhook_store_t *store)
{
    int        flags, rc;
    char      *path;
    MDB_stat   st;

    path = (char *) store->conf.path.data;

    /* a test of the configuration has not made a lock file */

    flags = MDB_NOSUBDIR|MDB_NOTLS;

    if (store->conf.unlocked) {
        flags |= MDB_NOLOCK;
    }

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

    rc = mdb_env_open(store->env, path, flags, 0600);
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

    rc = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &store->reader.txn);
    if (rc != 0) {
        store->reader.txn = NULL;
        goto failed;
    }

    mdb_txn_reset(store->reader.txn);

    return NGX_OK;

failed:

    ngx_log_error(NGX_LOG_EMERG, store->log, 0,
                  "webhook %s \"%s\" could not be opened: %s",
                  store->conf.kind, path, mdb_strerror(rc));

    return NGX_ERROR;
}


/*
 * Checks that the file holds all its pages: one beyond its end would be
 * a SIGBUS.  ngx_http_webhook_store_extend() sees to it that the file of
 * a store that is whole does.  Returns NGX_OK, or NGX_ERROR with an [emerg]
 * logged.
 */

ngx_int_t
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


/*
 * Opens the tables.  If "make" is set, makes those that are missing, but for
 * those of an older layout.  Returns NGX_OK, or NGX_ERROR with an [emerg]
 * logged.
 */

ngx_int_t
ngx_http_webhook_store_tables(ngx_http_webhook_store_t *store, ngx_uint_t make)
{
    int                             rc;
    MDB_txn                        *txn;
    ngx_uint_t                      i;
    ngx_http_webhook_table_conf_t  *table;

    rc = mdb_txn_begin(store->env, NULL, make ? 0 : MDB_RDONLY, &txn);
    if (rc != 0) {
        goto failed;
    }

    table = store->conf.tables;

    for (i = 0; table[i].name.len; i++) {

        if (store->dbi[i]) {
            continue;
        }

        rc = mdb_dbi_open(txn, (char *) table[i].name.data,
                          (make && !table[i].former) ? MDB_CREATE : 0,
                          &store->dbi[i]);

        if (rc == MDB_NOTFOUND) {
            store->dbi[i] = 0;
            continue;
        }

        if (rc != 0) {
            mdb_txn_abort(txn);
            goto failed;
        }
    }

    store->ntables = i;

    /* without it, the tables would be closed again */

    rc = mdb_txn_commit(txn);
    if (rc != 0) {
        goto failed;
    }

    if (make) {
        (void) ngx_http_webhook_store_extend(store, 0, 0);
    }

    return NGX_OK;

failed:

    ngx_log_error(NGX_LOG_EMERG, store->log, 0,
                  "webhook %s \"%V\" could not be opened: %s",
                  store->conf.kind, &store->conf.path, mdb_strerror(rc));

    return NGX_ERROR;
}


/* Closes LMDB's environment, if it is open. */

void
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

    ngx_memzero(store->dbi, sizeof(store->dbi));
}


/*
 * Returns a number that differs whenever somebody has committed changes, or 0
 * if the store could not be opened again.
 */

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
 * Begins to read in the event loop; there is one transaction at a time, which
 * must be ended before the event loop turns.  Returns it, or NULL if the store
 * has to be opened again, or with an error logged.
 */

ngx_http_webhook_txn_t *
ngx_http_webhook_store_begin(ngx_http_webhook_store_t *store)
{
    int  rc;

    if (store->broken || store->env == NULL) {
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


/* Ends what was begun, and logs what has failed meanwhile. */

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


/*
 * Returns which commit a transaction reads: a number as that of
 * ngx_http_webhook_store_version().
 */

ngx_uint_t
ngx_http_webhook_store_id(ngx_http_webhook_txn_t *txn)
{
    return mdb_txn_id(txn->txn);
}


/*
 * Returns what LMDB's code means: NGX_OK, NGX_DECLINED for an entry that is not
 * there, or already is, or NGX_ERROR, for which the code is kept.
 */

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


/*
 * Takes note that an entry is not as it can be.  Returns NGX_ERROR for the
 * caller to return.
 */

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


/*
 * Sets "n" to the number of a table's entries, which costs no walk.  Returns
 * NGX_OK or NGX_ERROR.
 */

ngx_int_t
ngx_http_webhook_store_count(ngx_http_webhook_txn_t *txn, ngx_uint_t table,
    ngx_uint_t *n)
{
    int       rc;
    MDB_stat  st;

    if (txn->store->dbi[table] == 0) {
        *n = 0;
        return NGX_OK;
    }

    rc = mdb_stat(txn->txn, txn->store->dbi[table], &st);

    *n = (rc == 0) ? st.ms_entries : 0;

    return ngx_http_webhook_store_result(txn, rc);
}


/*
 * Sets "size" to the bytes that the counted tables use.  Pages that were freed
 * are not among them: they will be used again.  Returns NGX_OK or NGX_ERROR.
 */

ngx_int_t
ngx_http_webhook_store_used(ngx_http_webhook_txn_t *txn, size_t *size)
{
    int  rc;

    rc = ngx_http_webhook_store_pages(txn, 1, size);

    *size *= txn->store->page_size;

    return ngx_http_webhook_store_result(txn, rc);
}


/*
 * Sets "pages" to those of all tables, or of the tables that are counted.
 * Returns 0 or LMDB's error.
 */

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

        if (store->dbi[i] == 0
            || (counted && store->conf.tables[i].uncounted))
        {
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


/*
 * Returns NGX_OK if "len" bytes may be added, or NGX_ERROR for the caller to
 * return; the change is told that there was no room.
 */

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


/*
 * Deletes an entry.  Returns NGX_OK, NGX_DECLINED if there is none, or
 * NGX_ERROR.
 */

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
 * Deletes the entries whose keys begin with "prefix", until their values have
 * made up "size" bytes or there is none.  Returns NGX_OK or NGX_ERROR.
 */

ngx_int_t
ngx_http_webhook_store_delete_all(ngx_http_webhook_txn_t *txn,
    ngx_uint_t table, ngx_str_t *prefix, uint64_t size)
{
    int          rc;
    MDB_val      k, v;
    MDB_cursor  *cursor;

    rc = mdb_cursor_open(txn->txn, txn->store->dbi[table], &cursor);
    if (rc != 0) {
        return ngx_http_webhook_store_result(txn, rc);
    }

    while (rc == 0 && size) {
        k.mv_size = prefix->len;
        k.mv_data = prefix->data;

        rc = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);

        if (rc == 0
            && (k.mv_size < prefix->len
                || ngx_memcmp(k.mv_data, prefix->data, prefix->len) != 0))
        {
            rc = MDB_NOTFOUND;
        }

        if (rc == 0) {
            size -= ngx_min(size, v.mv_size);
            rc = mdb_cursor_del(cursor, 0);
        }
    }

    mdb_cursor_close(cursor);

    return (rc == MDB_NOTFOUND) ? NGX_OK
                                : ngx_http_webhook_store_result(txn, rc);
}


/*
 * Gives back the pages that killed processes had been reading: LMDB would never
 * use them again.  Returns how many such processes there were.
 */

static ngx_uint_t
ngx_http_webhook_store_readers(ngx_http_webhook_store_t *store)
{
    int  dead;

    store->checked = ngx_time();

    if (mdb_reader_check(store->env, &dead) != 0) {
        return 0;
    }

    return dead;
}


/*
 * Tells of the file as it is, and of who reads in it.  Returns NGX_OK or
 * NGX_ERROR.
 */

ngx_int_t
ngx_http_webhook_store_file(ngx_http_webhook_store_t *store,
    ngx_http_webhook_store_file_t *file)
{
    ngx_fd_t         fd;
    MDB_envinfo      info;
    ngx_file_info_t  fi;

    if (store->env == NULL
        || mdb_env_info(store->env, &info) != 0
        || mdb_env_get_fd(store->env, &fd) != 0
        || ngx_fd_info(fd, &fi) == NGX_FILE_ERROR)
    {
        return NGX_ERROR;
    }

    file->size = ngx_file_size(&fi);
    file->lag = info.me_last_txnid;
    file->reader = -1;

    /* which makes "lag" the lowest number that is being read */

    if (mdb_reader_list(store->env, ngx_http_webhook_store_reader, file) < 0) {
        return NGX_ERROR;
    }

    file->lag = info.me_last_txnid - file->lag;

    return NGX_OK;
}


/*
 * Is told of each reader by a line of LMDB's: process, thread, and the number
 * of what it reads, if it reads.
 */

static int
ngx_http_webhook_store_reader(const char *line, void *data)
{
    ngx_http_webhook_store_file_t *file = data;

    int                 pid;
    unsigned long long  number;

    if (sscanf(line, "%d %*s %llu", &pid, &number) == 2
        && number < file->lag)
    {
        file->lag = number;
        file->reader = pid;
    }

    return 0;
}


/*
 * Commits the changes from "q" to before "end", or none of them.  Returns 0 or
 * an error for ngx_http_webhook_store_strerror(); sets "rc" and "full" of each.
 */

int
ngx_http_webhook_store_transaction(ngx_http_webhook_store_t *store,
    ngx_queue_t *q, ngx_queue_t *end)
{
    int                         rc;
    ngx_queue_t                *first;
    ngx_http_webhook_change_t  *change;

    if (store->env
        && ngx_time() - store->checked >= NGX_HTTP_WEBHOOK_STORE_CHECK)
    {
        (void) ngx_http_webhook_store_readers(store);
    }

    first = q;

    rc = ngx_http_webhook_store_try(store, q, end);

    if ((rc == ENOSPC || rc == MDB_MAP_FULL)
        && ngx_http_webhook_store_readers(store))
    {
        rc = ngx_http_webhook_store_try(store, q, end);
    }

    if (rc == 0) {
        return 0;
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


/*
 * Commits the changes from "q" to before "end", and sets "rc" of each.  Returns
 * 0, or the error for which none of them is committed.
 */

static int
ngx_http_webhook_store_try(ngx_http_webhook_store_t *store, ngx_queue_t *q,
    ngx_queue_t *end)
{
    int                         rc;
    size_t                      bytes;
    ngx_uint_t                  n;
    ngx_http_webhook_txn_t      txn;
    ngx_http_webhook_change_t  *change;

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
            (void) ngx_http_webhook_store_extend(store, 0, 0);
        }

    } else if (txn.txn) {
        mdb_txn_abort(txn.txn);
    }

    return rc;
}


/*
 * Makes one change in a transaction, and sets change->rc, which holds once the
 * transaction is committed.  Returns 0, or the error that ends it.
 */

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
                    + (bytes + bytes / 16) / store->page_size, used)
            + NGX_HTTP_WEBHOOK_STORE_PAGES;

    if (ngx_http_webhook_store_extend(store, pages * store->page_size,
                                      used * store->page_size)
        == NGX_OK
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
 * Must never shrink it: another process may have written more meanwhile.  Of
 * a file that grows although it has much more than the "used" bytes, takes
 * note.
 */

static ngx_int_t
ngx_http_webhook_store_extend(ngx_http_webhook_store_t *store, size_t more,
    size_t used)
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

        if (size > (off_t) (NGX_HTTP_WEBHOOK_STORE_TIMES * used
                            + NGX_HTTP_WEBHOOK_STORE_BLOATED))
        {
            store->bloated = size;
            store->needed = used;
        }
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


/* Returns LMDB's words for an error of its own, or of the system. */

char *
ngx_http_webhook_store_strerror(int error)
{
    return mdb_strerror(error);
}
