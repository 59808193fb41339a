
/*
 * What must outlive the process: a file with a few tables of keys and values,
 * in the order of the keys, and the number of their layout.  What the tables
 * mean is known to those who use them: ngx_http_webhook_journal.c,
 * ngx_http_webhook_spool.c and ngx_http_webhook_dedup_state.c.
 *
 * Here a store is opened and closed, and changes are gathered.  Reading is done
 * in the event loop: LMDB's readers take no lock and make no system call.
 * Writing waits for the disk, so that changes are committed together by
 * a thread, where nginx has threads: while one commit is under way, the next
 * one gathers.
 */


#include "store/ngx_http_webhook_lmdb.h"
#include "store/ngx_http_webhook_store_access.h"


/* bytes of LMDB's lock file, more than it has for so many readers */
#define NGX_HTTP_WEBHOOK_STORE_LOCK                                           \
    (64 * (NGX_HTTP_WEBHOOK_STORE_READERS + 4))

/* milliseconds of the guard's timer, which is set again when it is over */
#define NGX_HTTP_WEBHOOK_STORE_GUARD    60000

/*
 * Bytes that the changes of one transaction add at most, if it is not a single
 * change: LMDB has them in memory until they are written, and keeps the memory.
 */

#define NGX_HTTP_WEBHOOK_STORE_BATCH    (16 * 1024 * 1024)

/* seconds between looks whether the lock file is still the same one */
#define NGX_HTTP_WEBHOOK_STORE_LOOK     5

/* seconds between warnings of a file that grows without need */
#define NGX_HTTP_WEBHOOK_STORE_WARN     60


static ngx_int_t ngx_http_webhook_store_env_open(
    ngx_http_webhook_store_t *store);
static void ngx_http_webhook_store_mend(ngx_http_webhook_store_t *store);
static ngx_int_t ngx_http_webhook_store_sync_folder(
    ngx_http_webhook_store_t *store);
static ngx_int_t ngx_http_webhook_store_check_file(
    ngx_http_webhook_store_t *store, ngx_uint_t *new);
static ngx_int_t ngx_http_webhook_store_env_task(void *data);
static void ngx_http_webhook_store_guard(ngx_event_t *ev);
static void ngx_http_webhook_store_event(ngx_event_t *ev);
static void ngx_http_webhook_store_start(ngx_http_webhook_store_t *store);
#if (NGX_THREADS)
static void ngx_http_webhook_store_thread(void *data, ngx_log_t *log);
#endif
static void ngx_http_webhook_store_complete(ngx_event_t *ev);
static void ngx_http_webhook_store_bloated(ngx_http_webhook_store_t *store);
static void ngx_http_webhook_store_commit(ngx_http_webhook_store_t *store);
static void ngx_http_webhook_store_commit_part(ngx_http_webhook_store_t *store,
    ngx_queue_t *q, ngx_queue_t *end);


/*
 * Opens a store.  Must be called after fork, for a process may not use what
 * another one has opened, and only once at a time in a process.  What "conf"
 * points to must outlive the store.  "cycle", whose default thread pool
 * commits, is NULL in the master, which makes the files if there are none, and
 * submits nothing.  Returns NULL with an [emerg] logged.
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
 * Opens a store in the master, and makes its files if there are none.  Sets
 * *store to NULL if nginx only tests its configuration, which makes none.
 * Returns NGX_OK, or NGX_ERROR with an [emerg] logged.
 */

ngx_int_t
ngx_http_webhook_store_make(ngx_http_webhook_store_conf_t *conf,
    ngx_http_webhook_store_t **store, ngx_log_t *log)
{
    ngx_int_t  rc;

    *store = NULL;

    rc = ngx_http_webhook_store_test(conf, log);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    *store = ngx_http_webhook_store_open(conf, NULL, log);

    if (*store == NULL) {
        return NGX_ERROR;
    }

    /* workers must find the same one */

    conf->lock_dev = (*store)->conf.lock_dev;
    conf->lock_ino = (*store)->conf.lock_ino;

    return NGX_OK;
}


/*
 * Must be called before a store is used, and not while a mutex is held: opens
 * one that a process has failed to open, and opens one again that has to be,
 * each at most once a second.  Returns NGX_OK if there is a store, or NGX_ERROR
 * if *store is NULL.
 */

ngx_int_t
ngx_http_webhook_store_opened(ngx_http_webhook_store_t **store,
    ngx_http_webhook_store_conf_t *conf, ngx_cycle_t *cycle)
{
    if (*store) {
        ngx_http_webhook_store_mend(*store);
        return NGX_OK;
    }

    if (conf->tried == ngx_time()) {
        return NGX_ERROR;
    }

    conf->tried = ngx_time();

    *store = ngx_http_webhook_store_open(conf, cycle, cycle->log);

    return *store ? NGX_OK : NGX_ERROR;
}


/*
 * Closes a store and frees it.  No commit may be under way: nginx ends its
 * threads before a process ends.  Changes that are not yet committed are lost.
 */

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

    if (!store->master
        && ngx_http_webhook_store_lock_file(&store->conf, NGX_LOG_EMERG,
                                            store->log)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (store->master
        && ngx_http_webhook_store_prepare(&store->conf, new,
                                          NGX_HTTP_WEBHOOK_STORE_LOCK,
                                          store->log)
           != NGX_OK)
    {
        rc = NGX_ERROR;

    } else {
        rc = store->master
             ? ngx_http_webhook_store_as_user(&store->conf,
                                              ngx_http_webhook_store_env_task,
                                              store, store->log)
             : ngx_http_webhook_store_env_init(store);
    }

    if (rc == NGX_OK) {
        rc = ngx_http_webhook_store_check_size(store);
    }

    if (rc == NGX_OK) {
        rc = ngx_http_webhook_store_layout(store);
    }

    if (rc == NGX_OK && new) {
        rc = ngx_http_webhook_store_sync_folder(store);
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


/*
 * Syncs the folder of files that have been made: their names would not be there
 * after a power cut.  Returns NGX_OK, or NGX_ERROR with an [emerg] logged.
 */

static ngx_int_t
ngx_http_webhook_store_sync_folder(ngx_http_webhook_store_t *store)
{
    u_char     *folder, *p;
    ngx_fd_t    fd;
    ngx_int_t   rc;
    ngx_str_t  *path;

    path = &store->conf.path;

    /* the path is a full one, and the folder keeps its slash */

    folder = ngx_alloc(path->len + 1, store->log);
    if (folder == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(folder, path->data, path->len);

    while (p > folder && p[-1] != '/') {
        p--;
    }

    *p = '\0';

    fd = ngx_open_file(folder, NGX_FILE_RDONLY|O_DIRECTORY|O_CLOEXEC,
                       NGX_FILE_OPEN, 0);

    rc = (fd != NGX_INVALID_FILE && fsync(fd) != -1) ? NGX_OK : NGX_ERROR;

    if (rc != NGX_OK) {
        ngx_log_error(NGX_LOG_EMERG, store->log, ngx_errno,
                      "webhook %s \"%V\" could not be opened: "
                      "fsync() \"%s\" failed",
                      store->conf.kind, path, folder);
    }

    if (fd != NGX_INVALID_FILE && ngx_close_file(fd) == NGX_FILE_ERROR) {
        ngx_log_error(NGX_LOG_ALERT, store->log, ngx_errno,
                      ngx_close_file_n " \"%s\" failed", folder);
    }

    ngx_free(folder);

    return rc;
}


/*
 * Opens LMDB's environment in the master, with the rights of the workers' user:
 * LMDB opens its files by their names.
 */

static ngx_int_t
ngx_http_webhook_store_env_task(void *data)
{
    return ngx_http_webhook_store_env_init(data);
}


/*
 * Looks whether there is a file, and sets "new" if the master may make one.
 * An empty file is refused: LMDB would take it for a new one, and start with
 * nothing.
 */

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


/*
 * Takes over whose files the store's are: the master makes them, for workers of
 * perhaps another user.
 */

void
ngx_http_webhook_store_owner(ngx_http_webhook_store_conf_t *conf,
    ngx_cycle_t *cycle)
{
    ngx_core_conf_t  *ccf;

    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);

    conf->user = ccf->user;
    conf->group = ccf->group;
    conf->username = ccf->master ? ccf->username : NULL;
}


/*
 * Checks that what is kept over a reload keeps its store, and gives the files
 * to the workers' user.  "conf" is the new configuration and "old" the one
 * before; the path of a zone without a store is empty.  "what" is "zone" or
 * "queue", and "name" its name.  Returns NGX_OK, or NGX_ERROR with an [emerg]
 * logged.
 */

ngx_int_t
ngx_http_webhook_store_keep(ngx_http_webhook_store_conf_t *conf,
    ngx_http_webhook_store_conf_t *old, char *what, ngx_str_t *name,
    ngx_log_t *log)
{
    if (conf->path.len != old->path.len
        || (conf->path.len
            && ngx_strncmp(conf->path.data, old->path.data, conf->path.len)
               != 0))
    {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "webhook %s \"%V\" has the file \"%V\" and can't change "
                      "to \"%V\" without a restart or a new name",
                      what, name, &old->path, &conf->path);
        return NGX_ERROR;
    }

    if (conf->path.len == 0) {
        return NGX_OK;
    }

    /* it would open the file twice, and nginx tells no module to do so */

    if (ngx_process == NGX_PROCESS_SINGLE) {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "webhook %s \"%V\": with \"master_process off\" nginx "
                      "can't be reloaded, stop it and start it anew",
                      what, name);
        return NGX_ERROR;
    }

    conf->lock_dev = old->lock_dev;
    conf->lock_ino = old->lock_ino;

    if (ngx_http_webhook_store_lock_file(conf, NGX_LOG_EMERG, log) != NGX_OK) {
        return NGX_ERROR;
    }

    /* no master of root, or the same user */

    if (conf->username == NULL
        || (conf->user == old->user && conf->group == old->group))
    {
        return NGX_OK;
    }

    return ngx_http_webhook_store_prepare(conf, 0, NGX_HTTP_WEBHOOK_STORE_LOCK,
                                          log);
}


/*
 * Opens a store again that could not be opened, or that has to be, once in a
 * second.
 */

static void
ngx_http_webhook_store_mend(ngx_http_webhook_store_t *store)
{
    if ((!store->broken && store->env)
        || store->busy || store->tried == ngx_time())
    {
        return;
    }

    store->tried = ngx_time();

    ngx_http_webhook_store_env_close(store);

    /* an error has been logged; it is tried again */

    (void) ngx_http_webhook_store_env_open(store);
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


/* Sets a number of "meta" by its name.  Returns NGX_OK or NGX_ERROR. */

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
 * Returns NGX_OK if "len" bytes may be added within the size that the store may
 * have, NGX_DECLINED if not, or NGX_ERROR.
 */

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
                      store->conf.kind, &store->conf.path,
                      ngx_http_webhook_store_strerror(rc));
    }

    return change->rc;
}


/*
 * The guard's timer is set while there is something to commit: a worker that is
 * told to quit does not do so before.
 */

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


/*
 * Begins the next commit, if there is something to commit: as much as one
 * transaction may hold, with the changes at the end that have failed before.
 */

static void
ngx_http_webhook_store_start(ngx_http_webhook_store_t *store)
{
    size_t                      bytes;
    ngx_queue_t                *q, again;
    ngx_http_webhook_change_t  *change;

    if (store->busy || ngx_queue_empty(&store->pending)) {
        return;
    }

    ngx_queue_init(&again);
    bytes = 0;

    while (!ngx_queue_empty(&store->pending)) {

        q = ngx_queue_head(&store->pending);
        change = ngx_queue_data(q, ngx_http_webhook_change_t, queue);

        if (bytes && bytes + change->size > NGX_HTTP_WEBHOOK_STORE_BATCH) {
            break;
        }

        bytes += change->size;

        ngx_queue_remove(q);
        ngx_queue_insert_tail(change->failed ? &again : &store->committing, q);
    }

    store->again = ngx_queue_sentinel(&store->committing);

    if (!ngx_queue_empty(&again)) {
        store->again = ngx_queue_head(&again);
        ngx_queue_add(&store->committing, &again);
    }

    ngx_http_webhook_store_mend(store);

    store->busy = 1;

#if (NGX_THREADS)

    if (store->thread_pool
        && ngx_thread_task_post(store->thread_pool, &store->task) == NGX_OK)
    {
        return;
    }

    /* the thread pool's queue is full: the disk is behind, and is waited for */

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


/*
 * Ends a commit, in the event loop: each change's owner learns what has become
 * of it.
 */

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

    if (store->error && store->logged != ngx_time()) {
        store->logged = ngx_time();

        ngx_log_error(NGX_LOG_CRIT, store->log, 0,
                      "webhook %s \"%V\" could not be written: %s",
                      store->conf.kind, &store->conf.path,
                      ngx_http_webhook_store_strerror(store->error));
    }

    if (store->bloated) {
        ngx_http_webhook_store_bloated(store);
    }

    while (!ngx_queue_empty(&done)) {
        q = ngx_queue_head(&done);
        ngx_queue_remove(q);

        change = ngx_queue_data(q, ngx_http_webhook_change_t, queue);
        change->handler(change);
    }

    /*
     * What the handlers have submitted is committed in another turn of the
     * event loop: a commit that is made without a thread has ended already.
     */

    store->busy = 0;

    if (!ngx_queue_empty(&store->pending)) {
        ngx_post_event(&store->event, &ngx_posted_next_events);

    } else if (store->guard.timer_set) {
        ngx_del_timer(&store->guard);
    }
}


/* Warns, once in a minute, that the file has grown without need. */

static void
ngx_http_webhook_store_bloated(ngx_http_webhook_store_t *store)
{
    ngx_http_webhook_store_file_t  file;

    if (ngx_time() - store->warned >= NGX_HTTP_WEBHOOK_STORE_WARN
        && ngx_http_webhook_store_file(store, &file) == NGX_OK)
    {
        store->warned = ngx_time();

        ngx_log_error(NGX_LOG_WARN, store->log, 0,
                      "webhook %s \"%V\" has grown to %O bytes, of which %uz "
                      "are used; the oldest reader is process %P, %ui commits "
                      "behind (-1: there is none)",
                      store->conf.kind, &store->conf.path, store->bloated,
                      store->needed, file.reader, file.lag);
    }

    store->bloated = 0;
}


/*
 * Commits store->committing: in a thread of its own, and using nothing that
 * the event loop uses meanwhile.  Changes that have failed before do not hold
 * up the others by failing again.
 */

static void
ngx_http_webhook_store_commit(ngx_http_webhook_store_t *store)
{
    ngx_queue_t                *end, *q;
    ngx_http_webhook_change_t  *change;

    store->error = 0;

    end = ngx_queue_sentinel(&store->committing);

    /* without a common lock, two who write would ruin the file */

    if (ngx_time() - store->looked >= NGX_HTTP_WEBHOOK_STORE_LOOK) {
        store->looked = ngx_time();
        store->strange = (ngx_http_webhook_store_lock_file(&store->conf,
                                                           NGX_LOG_CRIT,
                                                           store->log)
                          == NGX_ERROR);
    }

    if (store->strange) {
        store->error = ESTALE;

        for (q = ngx_queue_head(&store->committing);
             q != end;
             q = ngx_queue_next(q))
        {
            change = ngx_queue_data(q, ngx_http_webhook_change_t, queue);
            change->rc = NGX_ERROR;
            change->full = 0;
        }

        return;
    }

    ngx_http_webhook_store_commit_part(store,
                                       ngx_queue_head(&store->committing),
                                       store->again);
    ngx_http_webhook_store_commit_part(store, store->again, end);
}


/*
 * Commits the changes from "q" to before "end".  If it can't be done in one
 * transaction, each half of them gets its own, and so on, so that one that
 * fails takes no other along.
 */

static void
ngx_http_webhook_store_commit_part(ngx_http_webhook_store_t *store,
    ngx_queue_t *q, ngx_queue_t *end)
{
    int                         rc;
    ngx_uint_t                  n;
    ngx_queue_t                *middle, *next;
    ngx_http_webhook_change_t  *change;

    if (q == end) {
        return;
    }

    rc = ngx_http_webhook_store_transaction(store, q, end);
    if (rc == 0) {
        return;
    }

    if (ngx_queue_next(q) == end) {
        change = ngx_queue_data(q, ngx_http_webhook_change_t, queue);
        change->failed++;

        store->error = rc;
        return;
    }

    middle = q;

    for (n = 0, next = q; next != end; next = ngx_queue_next(next), n++) {
        if (n & 1) {
            middle = ngx_queue_next(middle);
        }
    }

    ngx_http_webhook_store_commit_part(store, q, middle);
    ngx_http_webhook_store_commit_part(store, middle, end);
}


/*
 * Writes a number as 8 bytes, the highest first, as keys have it, so that their
 * order is that of the numbers.  Returns the end of the bytes.
 */

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


/* Returns the number of the 8 bytes at "p", the highest first. */

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
