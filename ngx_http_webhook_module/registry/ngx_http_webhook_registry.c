
/*
 * Registrations in a shared memory zone: each has a UUID, an owner, a number,
 * and a text that only the directive which uses the zone can read.
 *
 * Requests are answered from the zone.  Where it has a state file, that file is
 * the truth, and the zone is a copy of it that is never behind: before the zone
 * is looked at, the number of the store's last commit is compared with that of
 * the zone, which costs no lock and no system call, and what others have
 * changed is taken over.  "Others" are workers that have not linked yet what
 * they have just committed, and other masters: an old one that still finishes
 * its requests after a reload that resized the zone, or one in a binary
 * upgrade.
 *
 * A creation reserves its memory, commits to the store, and is linked; if a
 * step fails, the ones before it are undone.  What a killed worker had
 * reserved is freed by the worker that takes its place.
 *
 * The mutex of the zone's slab pool guards all that is in the zone.
 */


#include "registry/ngx_http_webhook_registry_zone.h"
#include "core/ngx_http_webhook_conf.h"


static void ngx_http_webhook_registry_gauges(void *data, uint64_t *values);
static ngx_int_t ngx_http_webhook_registry_init_zone(ngx_shm_zone_t *shm_zone,
    void *data);
static ngx_int_t ngx_http_webhook_registry_load(
    ngx_http_webhook_registry_t *registry);
static ngx_int_t ngx_http_webhook_registry_opened(
    ngx_http_webhook_registry_t *registry);
static ngx_int_t ngx_http_webhook_registry_sync(
    ngx_http_webhook_registry_t *registry);
static ngx_int_t ngx_http_webhook_registry_take(void *data, uint64_t seq,
    u_char *uuid, ngx_str_t *record);
static ngx_int_t ngx_http_webhook_registry_submit(ngx_shm_zone_t *shm_zone,
    ngx_pool_t *pool, ngx_http_webhook_registration_t *registration,
    ngx_http_webhook_registry_op_t *op);
static void ngx_http_webhook_registry_created(
    ngx_http_webhook_change_t *change);
static void ngx_http_webhook_registry_settle(
    ngx_http_webhook_registry_t *registry, ngx_http_webhook_registry_op_t *op);
static void ngx_http_webhook_registry_deleted(
    ngx_http_webhook_change_t *change);
static ngx_int_t ngx_http_webhook_registry_drop(
    ngx_http_webhook_registry_t *registry, u_char *uuid, uint64_t seq);
static ngx_int_t ngx_http_webhook_registry_encode(ngx_pool_t *pool,
    ngx_http_webhook_registration_t *registration, ngx_str_t *record);
static ngx_int_t ngx_http_webhook_registry_decode(
    ngx_http_webhook_registry_t *registry, ngx_str_t *record,
    ngx_http_webhook_registration_t *registration);


/*
 * Adds the zone that "webhook_zone" describes; "state" may be NULL.  Returns
 * NULL, with an error logged, if that can't be.
 */

ngx_shm_zone_t *
ngx_http_webhook_registry_add(ngx_conf_t *cf, ngx_str_t *name, size_t size,
    ngx_str_t *state, size_t state_size, size_t record_size)
{
    ngx_shm_zone_t               *shm_zone;
    ngx_http_webhook_registry_t  *registry;

    registry = ngx_pcalloc(cf->pool, sizeof(ngx_http_webhook_registry_t));
    if (registry == NULL) {
        return NULL;
    }

    if (state) {
        registry->state.path = *state;

        if (ngx_conf_full_name(cf->cycle, &registry->state.path, 0) != NGX_OK) {
            return NULL;
        }
    }

    registry->record_size = record_size;
    registry->state.size = state_size;
    ngx_http_webhook_journal_conf(&registry->state);
    registry->cycle = cf->cycle;

    shm_zone = ngx_shared_memory_add(cf, name, size, &ngx_http_webhook_module);
    if (shm_zone == NULL) {
        return NULL;
    }

    if (shm_zone->init) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "webhook zone \"%V\" is duplicate", name);
        return NULL;
    }

    shm_zone->init = ngx_http_webhook_registry_init_zone;
    shm_zone->data = registry;

    registry->shm_zone = shm_zone;

    registry->status = ngx_http_webhook_status_add(cf,
                                      NGX_HTTP_WEBHOOK_STATUS_ZONE, name);
    if (registry->status == NULL) {
        return NULL;
    }

    registry->status->gauges = ngx_http_webhook_registry_gauges;
    registry->status->data = registry;

    if (state
        && ngx_http_webhook_add_file(cf, &registry->state.path, "zone", name)
           != NGX_CONF_OK)
    {
        return NULL;
    }

    return shm_zone;
}


static ngx_int_t
ngx_http_webhook_registry_init_zone(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_http_webhook_registry_t *old = data;

    ngx_slab_pool_t              *shpool;
    ngx_http_webhook_registry_t  *registry;

    registry = shm_zone->data;

    ngx_http_webhook_store_owner(&registry->state, registry->cycle);

    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;
    registry->shpool = shpool;

    if (old) {

        if (ngx_http_webhook_store_keep(&registry->state, &old->state, "zone",
                                        &shm_zone->shm.name, shm_zone->shm.log)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (old->sh->layout != NGX_HTTP_WEBHOOK_REGISTRY_LAYOUT) {
            ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                          "webhook zone \"%V\" was made by another version of "
                          "the module: restart or upgrade nginx",
                          &shm_zone->shm.name);
            return NGX_ERROR;
        }

        registry->sh = old->sh;

        return NGX_OK;
    }

    if (shm_zone->shm.exists) {
        registry->sh = shpool->data;
        return NGX_OK;
    }

    if (ngx_http_webhook_registry_make(registry) != NGX_OK) {
        return NGX_ERROR;
    }

    return registry->state.path.len ? ngx_http_webhook_registry_load(registry)
                                    : NGX_OK;
}


/* Fills a fresh zone, in the master, which must not keep the store open. */

static ngx_int_t
ngx_http_webhook_registry_load(ngx_http_webhook_registry_t *registry)
{
    ngx_int_t                           rc;
    ngx_http_webhook_registry_shctx_t  *sh;

    if (ngx_http_webhook_store_make(&registry->state, &registry->store,
                                    registry->shm_zone->shm.log)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (registry->store == NULL) {
        return NGX_OK;
    }

    sh = registry->sh;

    rc = ngx_http_webhook_journal_walk(registry->store, &sh->seq, &sh->version,
                                       ngx_http_webhook_registry_take,
                                       registry);

    if (rc == NGX_OK && sh->incomplete) {
        ngx_log_error(NGX_LOG_EMERG, registry->shm_zone->shm.log, 0,
                      "webhook zone \"%V\" is too small for the "
                      "registrations in \"%V\"",
                      &registry->shm_zone->shm.name, &registry->state.path);
        rc = NGX_ERROR;
    }

    ngx_http_webhook_store_close(registry->store);
    registry->store = NULL;

    return rc;
}


/*
 * Says that a directive, which is in "line" of "file", uses the zone.  Called
 * after the configuration has been read; "cf" is for its log.  Returns
 * NGX_CONF_OK, or NGX_CONF_ERROR, with an error logged, if the zone is not
 * defined or another directive uses it.
 */

char *
ngx_http_webhook_registry_claim(ngx_conf_t *cf, ngx_shm_zone_t *shm_zone,
    ngx_http_webhook_registry_kind_t *kind, u_char *file, ngx_uint_t line)
{
    ngx_http_webhook_registry_t  *registry;

    if (shm_zone->shm.size == 0) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "unknown webhook zone \"%V\" in %s:%ui",
                      &shm_zone->shm.name, file, line);
        return NGX_CONF_ERROR;
    }

    registry = shm_zone->data;

    if (registry->kind && registry->kind != kind) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "webhook zone \"%V\" is used by \"%V\" already in "
                      "%s:%ui",
                      &shm_zone->shm.name, &registry->kind->directive, file,
                      line);
        return NGX_CONF_ERROR;
    }

    registry->kind = kind;

    return NGX_CONF_OK;
}


/* Returns the path of the zone's state file, empty if it has none. */

ngx_str_t *
ngx_http_webhook_registry_state(ngx_shm_zone_t *shm_zone)
{
    ngx_http_webhook_registry_t  *registry;

    registry = shm_zone->data;

    return &registry->state.path;
}


/* Returns how many bytes a sender may have kept in a new registration. */

size_t
ngx_http_webhook_registry_record_size(ngx_shm_zone_t *shm_zone)
{
    ngx_http_webhook_registry_t  *registry;

    registry = shm_zone->data;

    return registry->record_size;
}


/* Adds 1 to a counter of the zone, one of ngx_http_webhook_status.h. */

void
ngx_http_webhook_registry_count(ngx_shm_zone_t *shm_zone, ngx_uint_t counter)
{
    ngx_http_webhook_registry_t  *registry;

    registry = shm_zone->data;

    ngx_http_webhook_status_count(registry->status, counter);
}


static void
ngx_http_webhook_registry_gauges(void *data, uint64_t *values)
{
    ngx_http_webhook_registry_t *registry = data;

    size_t                   used;
    ngx_http_webhook_txn_t  *txn;

    values[NGX_HTTP_WEBHOOK_STATUS_REGISTRATIONS] = registry->sh->table.count;

    if (registry->state.path.len == 0) {
        return;
    }

    values[NGX_HTTP_WEBHOOK_STATUS_STORE_LIMIT] = registry->state.size;

    txn = registry->store ? ngx_http_webhook_store_begin(registry->store)
                          : NULL;

    if (txn) {
        if (ngx_http_webhook_store_used(txn, &used) == NGX_OK) {
            values[NGX_HTTP_WEBHOOK_STATUS_STORE_USED] = used;
        }

        ngx_http_webhook_store_end(txn);
    }
}


/* Opens the zone's state; called when a process begins to serve requests. */

void
ngx_http_webhook_registry_open(ngx_shm_zone_t *shm_zone, ngx_cycle_t *cycle)
{
    ngx_queue_t                    *next, *q;
    ngx_http_webhook_table_t       *table;
    ngx_http_webhook_registry_t    *registry;
    ngx_http_webhook_table_node_t  *node;

    registry = shm_zone->data;
    registry->cycle = cycle;
    table = &registry->sh->table;

    (void) ngx_http_webhook_registry_opened(registry);

    /* what killed workers had reserved, and not committed */

    if (ngx_http_webhook_registry_lock(registry) != NGX_OK) {
        return;
    }

    (void) ngx_http_webhook_registry_sync(registry);

    ngx_http_webhook_registry_change(registry);

    for (q = ngx_queue_head(&table->reserved);
         q != ngx_queue_sentinel(&table->reserved);
         q = next)
    {
        next = ngx_queue_next(q);
        node = ngx_queue_data(q, ngx_http_webhook_table_node_t, queue);

        /* a worker that has just begun has reserved nothing */

        if ((ngx_process == NGX_PROCESS_WORKER
             && node->seq == (uint64_t) ngx_pid)
            || (kill((pid_t) node->seq, 0) == -1 && ngx_errno == NGX_ESRCH))
        {
            ngx_http_webhook_table_free(table, node);
        }
    }

    ngx_http_webhook_registry_unlock(registry);
}


/* Called when the process ends, with no change of the zone under way. */

void
ngx_http_webhook_registry_close(ngx_shm_zone_t *shm_zone)
{
    ngx_http_webhook_registry_t  *registry;

    registry = shm_zone->data;

    if (registry->store) {
        ngx_http_webhook_store_close(registry->store);
        registry->store = NULL;
    }
}


/*
 * Returns NGX_OK if the store is open or there is none.  Otherwise tries to
 * open it, once in a second, and returns NGX_ERROR if that failed.
 */

static ngx_int_t
ngx_http_webhook_registry_opened(ngx_http_webhook_registry_t *registry)
{
    if (registry->state.path.len == 0) {
        return NGX_OK;
    }

    return ngx_http_webhook_store_opened(&registry->store, &registry->state,
                                         registry->cycle);
}


/*
 * Takes over what others have committed; the caller holds the mutex.  Returns
 * NGX_OK or NGX_ERROR.
 */

static ngx_int_t
ngx_http_webhook_registry_sync(ngx_http_webhook_registry_t *registry)
{
    ngx_http_webhook_registry_shctx_t  *sh;

    if (registry->store == NULL) {
        return registry->state.path.len ? NGX_ERROR : NGX_OK;
    }

    sh = registry->sh;

    if (ngx_http_webhook_store_version(registry->store) == sh->version) {
        return NGX_OK;
    }

    ngx_http_webhook_registry_change(registry);

    /* an error has been logged; the next request tries again */

    return ngx_http_webhook_journal_walk(registry->store, &sh->seq,
                                         &sh->version,
                                         ngx_http_webhook_registry_take,
                                         registry);
}


/*
 * Takes over one change from the store, ngx_http_webhook_journal_walk_pt.  The
 * mutex is held, or nobody else knows the zone yet.
 */

static ngx_int_t
ngx_http_webhook_registry_take(void *data, uint64_t seq, u_char *uuid,
    ngx_str_t *record)
{
    ngx_http_webhook_registry_t *registry = data;

    ngx_http_webhook_table_t         *table;
    ngx_http_webhook_table_node_t    *node, *reserved;
    ngx_http_webhook_registration_t   registration;

    table = &registry->sh->table;

    node = ngx_http_webhook_table_find(table, uuid);
    reserved = node ? NULL : ngx_http_webhook_table_reserved(table, uuid);

    if (record == NULL) {

        if (node && node->seq < seq) {
            ngx_http_webhook_table_delete(table, node);

        } else if (reserved) {
            ngx_http_webhook_table_free(table, reserved);
        }

        return NGX_OK;
    }

    if (node && node->seq >= seq) {
        return NGX_OK;
    }

    if (reserved) {
        ngx_http_webhook_table_link(table, reserved, seq);
        return NGX_OK;
    }

    if (ngx_http_webhook_registry_decode(registry, record, &registration)
        != NGX_OK)
    {
        ngx_log_error(NGX_LOG_EMERG, registry->shm_zone->shm.log, 0,
                      "webhook state \"%V\" has an invalid record %uL",
                      &registry->state.path, seq);
        return NGX_ERROR;
    }

    ngx_memcpy(registration.uuid, uuid, NGX_HTTP_WEBHOOK_UUID_SIZE);

    if (ngx_http_webhook_table_put(table, &registration, seq) == NGX_OK) {
        return NGX_OK;
    }

    if (!registry->sh->incomplete) {
        registry->sh->incomplete = 1;

        ngx_log_error(NGX_LOG_CRIT, registry->shm_zone->shm.log, 0,
                      "webhook zone \"%V\" is full: lists are incomplete",
                      &registry->shm_zone->shm.name);
    }

    return NGX_OK;
}


/*
 * Looks a registration up.  Returns NGX_OK with a copy of it, whose text is in
 * "pool", NGX_DECLINED if there is none, or NGX_ERROR.
 */

ngx_int_t
ngx_http_webhook_registry_find(ngx_shm_zone_t *shm_zone, u_char *uuid,
    ngx_pool_t *pool, ngx_http_webhook_registration_t *registration)
{
    ngx_int_t                       rc, synced;
    ngx_str_t                       record;
    ngx_uint_t                      incomplete;
    ngx_http_webhook_registry_t    *registry;
    ngx_http_webhook_table_node_t  *node;

    registry = shm_zone->data;

    (void) ngx_http_webhook_registry_opened(registry);

    if (ngx_http_webhook_registry_lock(registry) != NGX_OK) {
        return NGX_ERROR;
    }

    synced = ngx_http_webhook_registry_sync(registry);

    node = ngx_http_webhook_table_find(&registry->sh->table, uuid);

    rc = node ? ngx_http_webhook_table_copy(node, pool, registration)
              : NGX_DECLINED;

    incomplete = registry->sh->incomplete;

    ngx_http_webhook_registry_unlock(registry);

    if (rc != NGX_DECLINED) {
        return rc;
    }

    if (synced != NGX_OK) {
        /* the store may know what the zone does not */
        return NGX_ERROR;
    }

    if (!incomplete) {
        return NGX_DECLINED;
    }

    rc = ngx_http_webhook_journal_find(registry->store, uuid, pool,
                                       &registration->seq, &record);

    if (rc == NGX_OK) {
        ngx_memcpy(registration->uuid, uuid, NGX_HTTP_WEBHOOK_UUID_SIZE);
        rc = ngx_http_webhook_registry_decode(registry, &record, registration);
    }

    return rc;
}


/*
 * Looks whether a registration that there is not has been deleted of late.
 * Returns NGX_OK, NGX_DECLINED if no deletion is known, as in a zone without
 * a state, or NGX_ERROR.
 */

ngx_int_t
ngx_http_webhook_registry_find_deletion(ngx_shm_zone_t *shm_zone, u_char *uuid)
{
    ngx_http_webhook_registry_t  *registry;

    registry = shm_zone->data;

    if (ngx_http_webhook_registry_opened(registry) != NGX_OK) {
        return NGX_ERROR;
    }

    return registry->store
           ? ngx_http_webhook_journal_find_deletion(registry->store, uuid)
           : NGX_DECLINED;
}


/*
 * Replaces "registration" by the one of registration->owner that was created
 * next after it, or by the first one, if its seq is 0.  Returns NGX_OK with a
 * copy, whose text is in "pool", NGX_DECLINED if there is none, or NGX_ERROR.
 */

ngx_int_t
ngx_http_webhook_registry_next(ngx_shm_zone_t *shm_zone, ngx_pool_t *pool,
    ngx_http_webhook_registration_t *registration)
{
    ngx_int_t                       rc;
    ngx_http_webhook_registry_t    *registry;
    ngx_http_webhook_table_node_t  *node;

    registry = shm_zone->data;

    if (ngx_http_webhook_registry_opened(registry) != NGX_OK) {
        /* it may know what the zone does not */
        return NGX_ERROR;
    }

    if (ngx_http_webhook_registry_lock(registry) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_http_webhook_registry_sync(registry);

    if (rc == NGX_OK) {
        node = ngx_http_webhook_table_next(&registry->sh->table, registration);

        rc = node ? ngx_http_webhook_table_copy(node, pool, registration)
                  : NGX_DECLINED;
    }

    ngx_http_webhook_registry_unlock(registry);

    return rc;
}


/*
 * Creates a registration, whose seq is not used; "pool" must live until "op"
 * is done.  Returns NGX_OK, NGX_AGAIN (see ngx_http_webhook_registry_op_t),
 * NGX_DECLINED if the zone is full, or NGX_ERROR if the store has failed; in
 * the last two cases nothing has changed.
 */

ngx_int_t
ngx_http_webhook_registry_create(ngx_shm_zone_t *shm_zone, ngx_pool_t *pool,
    ngx_http_webhook_registration_t *registration,
    ngx_http_webhook_registry_op_t *op)
{
    op->entry.type = NGX_HTTP_WEBHOOK_JOURNAL_CREATE;
    op->entry.replaces = 0;

    return ngx_http_webhook_registry_submit(shm_zone, pool, registration, op);
}


/*
 * Creates a registration in the place of number registration->seq, or of none
 * if that is 0.  Returns what ngx_http_webhook_registry_create() does, or
 * NGX_BUSY, with nothing changed, if there is another one by now.
 */

ngx_int_t
ngx_http_webhook_registry_replace(ngx_shm_zone_t *shm_zone, ngx_pool_t *pool,
    ngx_http_webhook_registration_t *registration,
    ngx_http_webhook_registry_op_t *op)
{
    op->entry.type = NGX_HTTP_WEBHOOK_JOURNAL_REPLACE;
    op->entry.replaces = registration->seq;

    return ngx_http_webhook_registry_submit(shm_zone, pool, registration, op);
}


static ngx_int_t
ngx_http_webhook_registry_submit(ngx_shm_zone_t *shm_zone, ngx_pool_t *pool,
    ngx_http_webhook_registration_t *registration,
    ngx_http_webhook_registry_op_t *op)
{
    ngx_int_t                       rc;
    ngx_str_t                       record;
    ngx_uint_t                      replaces;
    ngx_http_webhook_table_t       *table;
    ngx_http_webhook_registry_t    *registry;
    ngx_http_webhook_table_node_t  *node, *old;

    registry = shm_zone->data;
    table = &registry->sh->table;

    replaces = (op->entry.type == NGX_HTTP_WEBHOOK_JOURNAL_REPLACE);

    if (ngx_http_webhook_registry_opened(registry) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_str_null(&record);

    if (registry->store
        && ngx_http_webhook_registry_encode(pool, registration, &record)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    rc = NGX_DECLINED;

    if (ngx_http_webhook_registry_lock(registry) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_webhook_registry_change(registry);

    op->generation = registry->sh->generation;

    node = ngx_http_webhook_table_alloc(table, registration);

    if (node) {
        node->replaces = replaces;
    }

    if (node && registry->store) {
        ngx_http_webhook_table_reserve(table, node);
        rc = NGX_AGAIN;

    } else if (registry->store && replaces
               && ngx_http_webhook_table_fits(table, registration))
    {
        /* a full zone takes what can be written over the one before */
        rc = NGX_AGAIN;

    } else if (node) {
        old = replaces ? ngx_http_webhook_table_find(table, registration->uuid)
                       : NULL;

        if (replaces && (old ? old->seq : 0) != op->entry.replaces) {
            ngx_http_webhook_table_free(table, node);
            rc = NGX_BUSY;

        } else {
            ngx_http_webhook_table_link(table, node, ++registry->sh->seq);
            rc = NGX_OK;
        }
    }

    ngx_http_webhook_registry_unlock(registry);

    /* what takes the place of another one is no new one */

    if (rc == NGX_OK && op->entry.replaces == 0) {
        ngx_http_webhook_status_count(registry->status,
                                      NGX_HTTP_WEBHOOK_STATUS_CREATES);
    }

    if (rc != NGX_AGAIN) {
        return rc;
    }

    op->registry = registry;
    op->node = node;

    ngx_memcpy(op->entry.uuid, registration->uuid, NGX_HTTP_WEBHOOK_UUID_SIZE);
    op->entry.record = record;
    op->entry.change.handler = ngx_http_webhook_registry_created;
    op->entry.change.data = op;

    ngx_http_webhook_journal_submit(registry->store, &op->entry);

    return NGX_AGAIN;
}


static void
ngx_http_webhook_registry_created(ngx_http_webhook_change_t *change)
{
    ngx_http_webhook_registry_t     *registry;
    ngx_http_webhook_registry_op_t  *op;

    op = change->data;
    registry = op->registry;

    if (ngx_http_webhook_registry_lock(registry) == NGX_OK) {
        ngx_http_webhook_registry_change(registry);
        ngx_http_webhook_registry_settle(registry, op);
        ngx_http_webhook_registry_unlock(registry);
    }

    if (change->rc == NGX_OK && op->entry.replaces == 0) {
        ngx_http_webhook_status_count(registry->status,
                                      NGX_HTTP_WEBHOOK_STATUS_CREATES);
    }

    op->rc = change->rc;

    if (op->rc == NGX_DECLINED) {
        /* another one is there */
        op->rc = NGX_BUSY;
    }

    op->handler(op);
}


/*
 * Makes of a node that is reserved what the store says of its registration.
 * The mutex is held.
 */

static void
ngx_http_webhook_registry_settle(ngx_http_webhook_registry_t *registry,
    ngx_http_webhook_registry_op_t *op)
{
    ngx_http_webhook_table_t           *table;
    ngx_http_webhook_table_node_t      *node;
    ngx_http_webhook_registry_shctx_t  *sh;

    sh = registry->sh;
    table = &sh->table;
    node = op->node;

    if (op->generation != sh->generation) {

        /* it went with all of the zone: the store will tell of the change */

        return;
    }

    if (node && op->entry.type == NGX_HTTP_WEBHOOK_JOURNAL_CREATE
        && ngx_http_webhook_table_reserved(table, op->entry.uuid) != node)
    {
        /* it has been taken over from the store, and may be gone by now */

        return;
    }

    if (op->entry.change.rc != NGX_OK || op->entry.seq <= sh->seq) {

        if (node) {
            ngx_http_webhook_table_free(table, node);
        }

        return;
    }

    if (node) {
        ngx_http_webhook_table_link(table, node, op->entry.seq);

    } else if (ngx_http_webhook_registry_take(registry, op->entry.seq,
                                              op->entry.uuid,
                                              &op->entry.record)
               != NGX_OK)
    {
        return;
    }

    if (op->entry.seq == sh->seq + 1) {
        /* spares the next one who looks the way through all of these */
        sh->seq++;
    }
}


/*
 * Deletes a registration.  Returns NGX_OK, NGX_AGAIN, NGX_DECLINED if there is
 * none, or NGX_ERROR if the store has failed and nothing has changed.
 */

ngx_int_t
ngx_http_webhook_registry_delete(ngx_shm_zone_t *shm_zone, u_char *uuid,
    ngx_http_webhook_registry_op_t *op)
{
    ngx_int_t                     rc;
    ngx_http_webhook_registry_t  *registry;

    registry = shm_zone->data;

    if (ngx_http_webhook_registry_opened(registry) != NGX_OK) {
        return NGX_ERROR;
    }

    if (registry->store == NULL) {
        rc = ngx_http_webhook_registry_drop(registry, uuid, (uint64_t) -1);

        if (rc == NGX_OK) {
            ngx_http_webhook_status_count(registry->status,
                                          NGX_HTTP_WEBHOOK_STATUS_DELETES);
        }

        return rc;
    }

    op->registry = registry;

    op->entry.type = NGX_HTTP_WEBHOOK_JOURNAL_DELETE;
    ngx_memcpy(op->entry.uuid, uuid, NGX_HTTP_WEBHOOK_UUID_SIZE);
    op->entry.change.handler = ngx_http_webhook_registry_deleted;
    op->entry.change.data = op;

    ngx_http_webhook_journal_submit(registry->store, &op->entry);

    return NGX_AGAIN;
}


static void
ngx_http_webhook_registry_deleted(ngx_http_webhook_change_t *change)
{
    ngx_http_webhook_registry_op_t  *op;

    op = change->data;

    if (change->rc == NGX_OK) {
        (void) ngx_http_webhook_registry_drop(op->registry, op->entry.uuid,
                                              op->entry.seq);

        ngx_http_webhook_status_count(op->registry->status,
                                      NGX_HTTP_WEBHOOK_STATUS_DELETES);
    }

    op->rc = change->rc;
    op->handler(op);
}


/*
 * Deletes the registration of a UUID from the zone unless its number is above
 * "seq".  Returns NGX_OK, NGX_DECLINED if there is none, or NGX_ERROR, which
 * a zone with a store does not.
 */

static ngx_int_t
ngx_http_webhook_registry_drop(ngx_http_webhook_registry_t *registry,
    u_char *uuid, uint64_t seq)
{
    ngx_http_webhook_table_t       *table;
    ngx_http_webhook_table_node_t  *node;

    table = &registry->sh->table;

    if (ngx_http_webhook_registry_lock(registry) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_webhook_registry_change(registry);

    node = ngx_http_webhook_table_find(table, uuid);

    if (node && node->seq > seq) {
        /* it has come back */
        node = NULL;
    }

    if (node) {
        ngx_http_webhook_table_delete(table, node);
    }

    ngx_http_webhook_registry_unlock(registry);

    return node ? NGX_OK : NGX_DECLINED;
}


/*
 * Makes what the store keeps, in "pool": the owner's UUID, and the text.  The
 * store has the registration's UUID, and its number, as keys.  Returns NGX_OK
 * or NGX_ERROR.
 */

static ngx_int_t
ngx_http_webhook_registry_encode(ngx_pool_t *pool,
    ngx_http_webhook_registration_t *registration, ngx_str_t *record)
{
    u_char  *p;

    record->len = NGX_HTTP_WEBHOOK_UUID_SIZE + registration->text.len;

    record->data = ngx_pnalloc(pool, record->len);
    if (record->data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(record->data, registration->owner,
                   NGX_HTTP_WEBHOOK_UUID_SIZE);
    ngx_memcpy(p, registration->text.data, registration->text.len);

    return NGX_OK;
}


/*
 * Reads what the store keeps; the text stays in the record.  Returns NGX_OK, or
 * NGX_ERROR if the directive that uses the zone can't have made it.
 */

static ngx_int_t
ngx_http_webhook_registry_decode(ngx_http_webhook_registry_t *registry,
    ngx_str_t *record, ngx_http_webhook_registration_t *registration)
{
    if (record->len <= NGX_HTTP_WEBHOOK_UUID_SIZE) {
        return NGX_ERROR;
    }

    ngx_memcpy(registration->owner, record->data, NGX_HTTP_WEBHOOK_UUID_SIZE);

    registration->text.len = record->len - NGX_HTTP_WEBHOOK_UUID_SIZE;
    registration->text.data = record->data + NGX_HTTP_WEBHOOK_UUID_SIZE;

    return registry->kind ? registry->kind->check(&registration->text)
                          : NGX_OK;
}
