
/*
 * Registrations in a shared memory zone.
 *
 * The zone is what requests are answered from.  Where it has a state, that is
 * the truth, and the zone a copy of it that is never behind: before the zone
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
 * The slab pool's mutex guards all of it.  Texts are kept in blocks, for a
 * slab rounds each allocation up to a power of two.
 */


#include "registry/ngx_http_webhook_registry.h"
#include "core/ngx_http_webhook_conf.h"
#include "status/ngx_http_webhook_status.h"


/* of what is kept in the zone; it may outlive this version of the module */
#define NGX_HTTP_WEBHOOK_REGISTRY_LAYOUT  2

/* a bucket for so many bytes of a zone, which is what a small webhook takes */
#define NGX_HTTP_WEBHOOK_BUCKET_SHARE     256

#define NGX_HTTP_WEBHOOK_BLOCK_MAX        2048
#define NGX_HTTP_WEBHOOK_BLOCK_WASTE      64


/* what a table is of */

typedef struct ngx_http_webhook_node_s  ngx_http_webhook_node_t;

struct ngx_http_webhook_node_s {
    ngx_http_webhook_node_t            *next;
    u_char                              uuid[NGX_HTTP_WEBHOOK_UUID_SIZE];
};


/*
 * A hash table by UUIDs.
 * Of a million nodes one is found in two memory accesses, where a tree takes
 * twenty.
 */

typedef struct {
    ngx_http_webhook_node_t           **buckets;
    ngx_uint_t                          mask;
} ngx_http_webhook_table_t;


typedef struct {
    ngx_http_webhook_node_t             node;
    ngx_queue_t                         webhooks;   /* in order of creation */
    ngx_uint_t                          count;      /* with the reserved ones */
} ngx_http_webhook_app_node_t;


typedef struct ngx_http_webhook_block_s  ngx_http_webhook_block_t;

struct ngx_http_webhook_block_s {
    ngx_http_webhook_block_t           *next;
    size_t                              len;
    u_char                              data[1];
};

#define NGX_HTTP_WEBHOOK_BLOCK_HEAD  offsetof(ngx_http_webhook_block_t, data)


/* what a trigger needs is in the first 64 bytes */

typedef struct {
    ngx_http_webhook_node_t             node;
    ngx_http_webhook_app_node_t        *app;
    ngx_http_webhook_block_t           *text;       /* action, then props */
    uint32_t                            action_len;
    uint32_t                            props_len;
    int64_t                             environment;
    int64_t                             user;
    uint64_t                            seq;        /* the process, while it is
                                                       reserved */
    ngx_queue_t                         queue;      /* app's, or reserved */
    unsigned                            has_user:1;
    unsigned                            replaces:1; /* others may be reserved
                                                       for the same UUID */
} ngx_http_webhook_webhook_node_t;


typedef struct {
    ngx_uint_t                          layout;

    ngx_http_webhook_table_t            webhooks;
    ngx_http_webhook_table_t            apps;

    ngx_queue_t                         reserved;
    uint64_t                            seq;        /* all up to it are here */
    ngx_uint_t                          version;    /* of the store then */
    ngx_uint_t                          incomplete; /* there was no room */
    ngx_uint_t                          count;      /* of linked webhooks */
} ngx_http_webhook_registry_shctx_t;


struct ngx_http_webhook_registry_s {
    ngx_http_webhook_registry_shctx_t  *sh;
    ngx_slab_pool_t                    *shpool;
    ngx_shm_zone_t                     *shm_zone;
    ngx_http_webhook_store_conf_t       state;      /* path is empty: none */
    ngx_http_webhook_store_t           *store;      /* of this process */
    ngx_cycle_t                        *cycle;
    time_t                              tried;      /* to open the store */
    ngx_http_webhook_status_item_t     *status;
    void                               *owner;      /* who it is for */
};


/* a stored record; LMDB's files are of one byte order as well */

typedef struct {
    u_char                              app[NGX_HTTP_WEBHOOK_UUID_SIZE];
    int64_t                             environment;
    int64_t                             user;
    uint32_t                            has_user;
    uint32_t                            action_len;
} ngx_http_webhook_record_t;


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
static ngx_http_webhook_webhook_node_t *ngx_http_webhook_registry_reserved(
    ngx_http_webhook_registry_t *registry, u_char *uuid);
static ngx_int_t ngx_http_webhook_registry_submit(ngx_shm_zone_t *shm_zone,
    ngx_pool_t *pool, ngx_http_webhook_registration_t *registration,
    ngx_http_webhook_registry_op_t *op);
static void ngx_http_webhook_registry_created(
    ngx_http_webhook_change_t *change);
static void ngx_http_webhook_registry_deleted(
    ngx_http_webhook_change_t *change);
static ngx_int_t ngx_http_webhook_registry_drop(
    ngx_http_webhook_registry_t *registry, u_char *uuid, uint64_t seq);
static ngx_int_t ngx_http_webhook_registry_encode(ngx_pool_t *pool,
    ngx_http_webhook_registration_t *registration, ngx_str_t *record);
static ngx_int_t ngx_http_webhook_registry_decode(ngx_str_t *record,
    ngx_http_webhook_registration_t *registration);
static ngx_http_webhook_webhook_node_t *ngx_http_webhook_registry_alloc(
    ngx_http_webhook_registry_t *registry,
    ngx_http_webhook_registration_t *registration);
static void ngx_http_webhook_registry_free(
    ngx_http_webhook_registry_t *registry,
    ngx_http_webhook_webhook_node_t *webhook);
static void ngx_http_webhook_registry_link(
    ngx_http_webhook_registry_t *registry,
    ngx_http_webhook_webhook_node_t *webhook, uint64_t seq);
static void ngx_http_webhook_registry_unlink(
    ngx_http_webhook_registry_t *registry,
    ngx_http_webhook_webhook_node_t *webhook);
static ngx_int_t ngx_http_webhook_registry_copy(
    ngx_http_webhook_webhook_node_t *webhook, ngx_pool_t *pool,
    ngx_http_webhook_registration_t *registration);
static ngx_http_webhook_app_node_t *ngx_http_webhook_registry_app(
    ngx_http_webhook_registry_t *registry, u_char *uuid);
static ngx_http_webhook_block_t *ngx_http_webhook_registry_alloc_text(
    ngx_slab_pool_t *shpool, size_t len);
static void ngx_http_webhook_registry_write_text(
    ngx_http_webhook_block_t *block, size_t offset, ngx_str_t *text);
static void ngx_http_webhook_registry_free_text(ngx_slab_pool_t *shpool,
    ngx_http_webhook_block_t *block);
static ngx_int_t ngx_http_webhook_registry_init_table(
    ngx_http_webhook_registry_t *registry, ngx_http_webhook_table_t *table,
    size_t share);
static ngx_http_webhook_node_t **ngx_http_webhook_registry_bucket(
    ngx_http_webhook_table_t *table, u_char *uuid);
static void *ngx_http_webhook_registry_lookup(ngx_http_webhook_table_t *table,
    u_char *uuid);
static void ngx_http_webhook_registry_insert(ngx_http_webhook_table_t *table,
    ngx_http_webhook_node_t *node);
static void ngx_http_webhook_registry_remove(ngx_http_webhook_table_t *table,
    ngx_http_webhook_node_t *node);


/*
 * Adds the zone that "webhook_zone" describes; "state" may be NULL.  Returns
 * NULL, with an error logged, if that can't be.
 */

ngx_shm_zone_t *
ngx_http_webhook_registry_add(ngx_conf_t *cf, ngx_str_t *name, size_t size,
    ngx_str_t *state, size_t state_size)
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

#if (NGX_THREADS)
        if (ngx_thread_pool_add(cf, NULL) == NULL) {
            return NULL;
        }
#endif
    }

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

    return shm_zone;
}


static ngx_int_t
ngx_http_webhook_registry_init_zone(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_http_webhook_registry_t *old = data;

    size_t                              len;
    ngx_slab_pool_t                    *shpool;
    ngx_http_webhook_registry_t        *registry;
    ngx_http_webhook_registry_shctx_t  *sh;

    registry = shm_zone->data;

    ngx_http_webhook_store_owner(&registry->state, registry->cycle);

    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;
    registry->shpool = shpool;

    if (old) {

        if (ngx_http_webhook_store_keep(&registry->state, &old->state,
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

        /* a single process, "master_process off", has it open */
        registry->store = old->store;

        return NGX_OK;
    }

    if (shm_zone->shm.exists) {
        registry->sh = shpool->data;
        return NGX_OK;
    }

    sh = ngx_slab_calloc(shpool, sizeof(ngx_http_webhook_registry_shctx_t));
    if (sh == NULL) {
        return NGX_ERROR;
    }

    shpool->data = sh;
    registry->sh = sh;

    sh->layout = NGX_HTTP_WEBHOOK_REGISTRY_LAYOUT;

    if (ngx_http_webhook_registry_init_table(registry, &sh->webhooks,
                                             NGX_HTTP_WEBHOOK_BUCKET_SHARE)
        != NGX_OK
        || ngx_http_webhook_registry_init_table(registry, &sh->apps,
                                            16 * NGX_HTTP_WEBHOOK_BUCKET_SHARE)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_queue_init(&sh->reserved);

    len = sizeof(" in webhook zone \"\"") + shm_zone->shm.name.len;

    shpool->log_ctx = ngx_slab_alloc(shpool, len);
    if (shpool->log_ctx == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(shpool->log_ctx, " in webhook zone \"%V\"%Z",
                &shm_zone->shm.name);

    /* a full zone is reported by those who are refused */
    shpool->log_nomem = 0;

    return registry->state.path.len ? ngx_http_webhook_registry_load(registry)
                                    : NGX_OK;
}


/* fills a fresh zone, in the master, which must not keep the store open */

static ngx_int_t
ngx_http_webhook_registry_load(ngx_http_webhook_registry_t *registry)
{
    ngx_int_t                           rc;
    ngx_http_webhook_registry_shctx_t  *sh;

    registry->store = ngx_http_webhook_store_open(&registry->state, NULL,
                                                  registry->shm_zone->shm.log);
    if (registry->store == NULL) {
        return NGX_ERROR;
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


/* NGX_DECLINED if the zone is for the registrations of somebody else */

ngx_int_t
ngx_http_webhook_registry_claim(ngx_shm_zone_t *shm_zone, void *owner)
{
    ngx_http_webhook_registry_t  *registry;

    registry = shm_zone->data;

    if (registry->owner && registry->owner != owner) {
        return NGX_DECLINED;
    }

    registry->owner = owner;

    return NGX_OK;
}


/* returns the path of the zone's state, empty if it has none */

ngx_str_t *
ngx_http_webhook_registry_state(ngx_shm_zone_t *shm_zone)
{
    ngx_http_webhook_registry_t  *registry;

    registry = shm_zone->data;

    return &registry->state.path;
}


/* counts something done with the zone, see ngx_http_webhook_status.h */

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

    values[NGX_HTTP_WEBHOOK_STATUS_REGISTRATIONS] = registry->sh->count;

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


/* called when a process begins that will serve requests */

void
ngx_http_webhook_registry_open(ngx_shm_zone_t *shm_zone, ngx_cycle_t *cycle)
{
    ngx_queue_t                      *next, *q;
    ngx_http_webhook_registry_t      *registry;
    ngx_http_webhook_webhook_node_t  *webhook;

    registry = shm_zone->data;
    registry->cycle = cycle;

    (void) ngx_http_webhook_registry_opened(registry);

    /* what killed workers had reserved, and not committed */

    ngx_shmtx_lock(&registry->shpool->mutex);

    (void) ngx_http_webhook_registry_sync(registry);

    for (q = ngx_queue_head(&registry->sh->reserved);
         q != ngx_queue_sentinel(&registry->sh->reserved);
         q = next)
    {
        next = ngx_queue_next(q);
        webhook = ngx_queue_data(q, ngx_http_webhook_webhook_node_t, queue);

        /* a worker that has just begun has reserved nothing */

        if ((ngx_process == NGX_PROCESS_WORKER
             && webhook->seq == (uint64_t) ngx_pid)
            || (kill((pid_t) webhook->seq, 0) == -1 && ngx_errno == NGX_ESRCH))
        {
            ngx_http_webhook_registry_free(registry, webhook);
        }
    }

    ngx_shmtx_unlock(&registry->shpool->mutex);
}


/* called when the process ends; nothing is under way any more */

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
    if (registry->store || registry->state.path.len == 0) {
        return NGX_OK;
    }

    if (registry->tried == ngx_time()) {
        return NGX_ERROR;
    }

    registry->tried = ngx_time();

    registry->store = ngx_http_webhook_store_open(&registry->state,
                                                  registry->cycle,
                                                  registry->cycle->log);

    return registry->store ? NGX_OK : NGX_ERROR;
}


/* takes over what others have committed, NGX_OK or NGX_ERROR; with the mutex */

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

    /* an error has been logged; the next request tries again */

    return ngx_http_webhook_journal_walk(registry->store, &sh->seq,
                                         &sh->version,
                                         ngx_http_webhook_registry_take,
                                         registry);
}


/* a change from the store; the mutex is held, or nobody else knows the zone */

static ngx_int_t
ngx_http_webhook_registry_take(void *data, uint64_t seq, u_char *uuid,
    ngx_str_t *record)
{
    ngx_http_webhook_registry_t *registry = data;

    ngx_http_webhook_registration_t   registration;
    ngx_http_webhook_webhook_node_t  *reserved, *webhook;

    webhook = ngx_http_webhook_registry_lookup(&registry->sh->webhooks, uuid);

    reserved = webhook ? NULL
                       : ngx_http_webhook_registry_reserved(registry, uuid);

    if (record == NULL) {

        if (webhook && webhook->seq < seq) {
            ngx_http_webhook_registry_unlink(registry, webhook);
            ngx_http_webhook_registry_free(registry, webhook);

        } else if (reserved) {
            ngx_http_webhook_registry_free(registry, reserved);
        }

        return NGX_OK;
    }

    if (webhook && webhook->seq >= seq) {
        return NGX_OK;
    }

    if (reserved) {
        ngx_queue_remove(&reserved->queue);
        ngx_http_webhook_registry_link(registry, reserved, seq);
        return NGX_OK;
    }

    if (ngx_http_webhook_registry_decode(record, &registration) != NGX_OK) {
        ngx_log_error(NGX_LOG_EMERG, registry->shm_zone->shm.log, 0,
                      "webhook state \"%V\" has an invalid record %uL",
                      &registry->state.path, seq);
        return NGX_ERROR;
    }

    ngx_memcpy(registration.uuid, uuid, NGX_HTTP_WEBHOOK_UUID_SIZE);

    if (webhook) {
        ngx_http_webhook_registry_unlink(registry, webhook);
        ngx_http_webhook_registry_free(registry, webhook);
    }

    webhook = ngx_http_webhook_registry_alloc(registry, &registration);

    if (webhook == NULL) {

        if (!registry->sh->incomplete) {
            registry->sh->incomplete = 1;

            ngx_log_error(NGX_LOG_CRIT, registry->shm_zone->shm.log, 0,
                          "webhook zone \"%V\" is full: lists are incomplete",
                          &registry->shm_zone->shm.name);
        }

        return NGX_OK;
    }

    ngx_http_webhook_registry_link(registry, webhook, seq);

    return NGX_OK;
}


/* finds what some worker is about to create, and only it may, or NULL */

static ngx_http_webhook_webhook_node_t *
ngx_http_webhook_registry_reserved(ngx_http_webhook_registry_t *registry,
    u_char *uuid)
{
    ngx_queue_t                      *q;
    ngx_http_webhook_webhook_node_t  *webhook;

    for (q = ngx_queue_head(&registry->sh->reserved);
         q != ngx_queue_sentinel(&registry->sh->reserved);
         q = ngx_queue_next(q))
    {
        webhook = ngx_queue_data(q, ngx_http_webhook_webhook_node_t, queue);

        if (!webhook->replaces
            && ngx_memcmp(webhook->node.uuid, uuid, NGX_HTTP_WEBHOOK_UUID_SIZE)
               == 0)
        {
            return webhook;
        }
    }

    return NULL;
}


/*
 * Looks a registration up.  Returns NGX_OK with a copy of it, whose text is in
 * "pool", NGX_DECLINED if there is none, or NGX_ERROR.
 */

ngx_int_t
ngx_http_webhook_registry_find(ngx_shm_zone_t *shm_zone, u_char *uuid,
    ngx_pool_t *pool, ngx_http_webhook_registration_t *registration)
{
    ngx_int_t                         rc, synced;
    ngx_str_t                         record;
    ngx_uint_t                        incomplete;
    ngx_http_webhook_registry_t      *registry;
    ngx_http_webhook_webhook_node_t  *webhook;

    registry = shm_zone->data;

    (void) ngx_http_webhook_registry_opened(registry);

    ngx_shmtx_lock(&registry->shpool->mutex);

    synced = ngx_http_webhook_registry_sync(registry);

    webhook = ngx_http_webhook_registry_lookup(&registry->sh->webhooks, uuid);

    rc = webhook ? ngx_http_webhook_registry_copy(webhook, pool, registration)
                 : NGX_DECLINED;

    incomplete = registry->sh->incomplete;

    ngx_shmtx_unlock(&registry->shpool->mutex);

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
        rc = ngx_http_webhook_registry_decode(&record, registration);
    }

    return rc;
}


/*
 * Replaces "registration" by the one of registration->app that was created next
 * after it, or by the first one, if its seq is 0.  Returns NGX_OK with a copy,
 * whose text is in "pool", NGX_DECLINED if there is none, or NGX_ERROR.
 */

ngx_int_t
ngx_http_webhook_registry_next(ngx_shm_zone_t *shm_zone, ngx_pool_t *pool,
    ngx_http_webhook_registration_t *registration)
{
    ngx_int_t                         rc;
    ngx_queue_t                      *q;
    ngx_http_webhook_app_node_t      *app;
    ngx_http_webhook_registry_t      *registry;
    ngx_http_webhook_webhook_node_t  *webhook;

    registry = shm_zone->data;

    if (ngx_http_webhook_registry_opened(registry) != NGX_OK) {
        /* it may know what the zone does not */
        return NGX_ERROR;
    }

    app = NULL;

    ngx_shmtx_lock(&registry->shpool->mutex);

    rc = ngx_http_webhook_registry_sync(registry);

    if (rc == NGX_OK) {
        rc = NGX_DECLINED;
        app = ngx_http_webhook_registry_lookup(&registry->sh->apps,
                                               registration->app);
    }

    if (app) {
        webhook = NULL;

        if (registration->seq) {
            webhook = ngx_http_webhook_registry_lookup(
                                                      &registry->sh->webhooks,
                                                      registration->uuid);
        }

        q = webhook ? ngx_queue_next(&webhook->queue)
                    : ngx_queue_head(&app->webhooks);

        for ( /* void */ ; q != ngx_queue_sentinel(&app->webhooks);
             q = ngx_queue_next(q))
        {
            webhook = ngx_queue_data(q, ngx_http_webhook_webhook_node_t, queue);

            /* it was deleted meanwhile, if this is not so at once */

            if (webhook->seq > registration->seq) {
                rc = ngx_http_webhook_registry_copy(webhook, pool,
                                                    registration);
                break;
            }
        }
    }

    ngx_shmtx_unlock(&registry->shpool->mutex);

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
    ngx_int_t                           rc;
    ngx_str_t                           record;
    ngx_uint_t                          replaces;
    ngx_http_webhook_registry_t        *registry;
    ngx_http_webhook_webhook_node_t    *old, *webhook;
    ngx_http_webhook_registry_shctx_t  *sh;

    registry = shm_zone->data;
    sh = registry->sh;

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

    ngx_shmtx_lock(&registry->shpool->mutex);

    webhook = ngx_http_webhook_registry_alloc(registry, registration);

    if (webhook) {
        webhook->replaces = replaces;
    }

    if (webhook && registry->store) {
        webhook->seq = ngx_pid;
        ngx_queue_insert_tail(&sh->reserved, &webhook->queue);
        rc = NGX_AGAIN;

    } else if (webhook) {
        old = replaces ? ngx_http_webhook_registry_lookup(&sh->webhooks,
                                                          registration->uuid)
                       : NULL;

        if (replaces && (old ? old->seq : 0) != op->entry.replaces) {
            ngx_http_webhook_registry_free(registry, webhook);
            rc = NGX_BUSY;

        } else {
            ngx_http_webhook_registry_link(registry, webhook, ++sh->seq);
            rc = NGX_OK;
        }
    }

    ngx_shmtx_unlock(&registry->shpool->mutex);

    /* what takes the place of another one is no new one */

    if (rc == NGX_OK && op->entry.replaces == 0) {
        ngx_http_webhook_status_count(registry->status,
                                      NGX_HTTP_WEBHOOK_STATUS_CREATES);
    }

    if (rc != NGX_AGAIN) {
        return rc;
    }

    op->registry = registry;
    op->node = webhook;

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
    ngx_http_webhook_registry_t      *registry;
    ngx_http_webhook_registry_op_t   *op;
    ngx_http_webhook_webhook_node_t  *webhook;

    op = change->data;
    webhook = op->node;
    registry = op->registry;

    ngx_shmtx_lock(&registry->shpool->mutex);

    if (op->entry.type == NGX_HTTP_WEBHOOK_JOURNAL_CREATE
        && ngx_http_webhook_registry_reserved(registry, op->entry.uuid)
           != webhook)
    {
        /* it has been taken over from the store, and may be gone by now */

    } else if (change->rc != NGX_OK || op->entry.seq <= registry->sh->seq) {
        ngx_http_webhook_registry_free(registry, webhook);

    } else {
        ngx_queue_remove(&webhook->queue);
        ngx_http_webhook_registry_link(registry, webhook, op->entry.seq);

        if (op->entry.seq == registry->sh->seq + 1) {
            /* spares the next one who looks the way through all of these */
            registry->sh->seq++;
        }
    }

    ngx_shmtx_unlock(&registry->shpool->mutex);

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


/* takes what was before number "seq" out; NGX_DECLINED if it is not there */

static ngx_int_t
ngx_http_webhook_registry_drop(ngx_http_webhook_registry_t *registry,
    u_char *uuid, uint64_t seq)
{
    ngx_http_webhook_webhook_node_t  *webhook;

    ngx_shmtx_lock(&registry->shpool->mutex);

    webhook = ngx_http_webhook_registry_lookup(&registry->sh->webhooks, uuid);

    if (webhook && webhook->seq > seq) {
        /* it has come back */
        webhook = NULL;
    }

    if (webhook) {
        ngx_http_webhook_registry_unlink(registry, webhook);
        ngx_http_webhook_registry_free(registry, webhook);
    }

    ngx_shmtx_unlock(&registry->shpool->mutex);

    return webhook ? NGX_OK : NGX_DECLINED;
}


static ngx_int_t
ngx_http_webhook_registry_encode(ngx_pool_t *pool,
    ngx_http_webhook_registration_t *registration, ngx_str_t *record)
{
    u_char                     *p;
    ngx_http_webhook_record_t   head;

    ngx_memzero(&head, sizeof(ngx_http_webhook_record_t));

    ngx_memcpy(head.app, registration->app, NGX_HTTP_WEBHOOK_UUID_SIZE);
    head.environment = registration->environment;
    head.user = registration->user;
    head.has_user = registration->has_user;
    head.action_len = registration->action.len;

    record->len = sizeof(ngx_http_webhook_record_t) + registration->action.len
                  + registration->props.len;

    record->data = ngx_pnalloc(pool, record->len);
    if (record->data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(record->data, &head, sizeof(ngx_http_webhook_record_t));
    p = ngx_cpymem(p, registration->action.data, registration->action.len);

    if (registration->props.len) {
        ngx_memcpy(p, registration->props.data, registration->props.len);
    }

    return NGX_OK;
}


/* the texts are in the record; returns NGX_ERROR for what encode can't make */

static ngx_int_t
ngx_http_webhook_registry_decode(ngx_str_t *record,
    ngx_http_webhook_registration_t *registration)
{
    size_t                      rest;
    ngx_http_webhook_record_t   head;

    if (record->len < sizeof(ngx_http_webhook_record_t)) {
        return NGX_ERROR;
    }

    ngx_memcpy(&head, record->data, sizeof(ngx_http_webhook_record_t));

    rest = record->len - sizeof(ngx_http_webhook_record_t);

    if (head.has_user > 1 || head.action_len == 0 || head.action_len > rest) {
        return NGX_ERROR;
    }

    ngx_memcpy(registration->app, head.app, NGX_HTTP_WEBHOOK_UUID_SIZE);
    registration->environment = head.environment;
    registration->user = head.user;
    registration->has_user = head.has_user;

    registration->action.len = head.action_len;
    registration->action.data = record->data
                                + sizeof(ngx_http_webhook_record_t);

    registration->props.len = rest - head.action_len;
    registration->props.data = registration->action.data + head.action_len;

    return NGX_OK;
}


/* makes a node that is in no list yet; NULL if there is no room */

static ngx_http_webhook_webhook_node_t *
ngx_http_webhook_registry_alloc(ngx_http_webhook_registry_t *registry,
    ngx_http_webhook_registration_t *registration)
{
    ngx_slab_pool_t                  *shpool;
    ngx_http_webhook_webhook_node_t  *webhook;

    shpool = registry->shpool;

    webhook = ngx_slab_alloc_locked(shpool,
                                    sizeof(ngx_http_webhook_webhook_node_t));
    if (webhook == NULL) {
        return NULL;
    }

    webhook->text = ngx_http_webhook_registry_alloc_text(shpool,
                                                     registration->action.len
                                                     + registration->props.len);
    if (webhook->text == NULL) {
        ngx_slab_free_locked(shpool, webhook);
        return NULL;
    }

    webhook->app = ngx_http_webhook_registry_app(registry, registration->app);

    if (webhook->app == NULL) {
        ngx_http_webhook_registry_free_text(shpool, webhook->text);
        ngx_slab_free_locked(shpool, webhook);
        return NULL;
    }

    webhook->app->count++;

    ngx_http_webhook_registry_write_text(webhook->text, 0,
                                         &registration->action);
    ngx_http_webhook_registry_write_text(webhook->text,
                                         registration->action.len,
                                         &registration->props);

    ngx_memcpy(webhook->node.uuid, registration->uuid,
               NGX_HTTP_WEBHOOK_UUID_SIZE);

    webhook->environment = registration->environment;
    webhook->user = registration->user;
    webhook->has_user = registration->has_user;
    webhook->replaces = 0;
    webhook->action_len = registration->action.len;
    webhook->props_len = registration->props.len;

    ngx_queue_init(&webhook->queue);

    return webhook;
}


/* frees a node that is not linked, and takes it out of the reserved ones */

static void
ngx_http_webhook_registry_free(ngx_http_webhook_registry_t *registry,
    ngx_http_webhook_webhook_node_t *webhook)
{
    ngx_http_webhook_app_node_t  *app;

    ngx_queue_remove(&webhook->queue);

    app = webhook->app;

    if (--app->count == 0) {
        ngx_http_webhook_registry_remove(&registry->sh->apps, &app->node);
        ngx_slab_free_locked(registry->shpool, app);
    }

    ngx_http_webhook_registry_free_text(registry->shpool, webhook->text);
    ngx_slab_free_locked(registry->shpool, webhook);
}


/* makes a node that is in no list known, as number "seq" of its UUID */

static void
ngx_http_webhook_registry_link(ngx_http_webhook_registry_t *registry,
    ngx_http_webhook_webhook_node_t *webhook, uint64_t seq)
{
    ngx_queue_t                      *q;
    ngx_http_webhook_webhook_node_t  *last, *old;

    webhook->seq = seq;

    if (webhook->replaces) {
        old = ngx_http_webhook_registry_lookup(&registry->sh->webhooks,
                                               webhook->node.uuid);

        if (old && old->seq > seq) {
            ngx_http_webhook_registry_free(registry, webhook);
            return;
        }

        if (old) {
            ngx_http_webhook_registry_unlink(registry, old);
            ngx_http_webhook_registry_free(registry, old);
        }
    }

    ngx_http_webhook_registry_insert(&registry->sh->webhooks, &webhook->node);
    registry->sh->count++;

    /* workers link in an order that may differ a little */

    for (q = ngx_queue_last(&webhook->app->webhooks);
         q != ngx_queue_sentinel(&webhook->app->webhooks);
         q = ngx_queue_prev(q))
    {
        last = ngx_queue_data(q, ngx_http_webhook_webhook_node_t, queue);

        if (last->seq < seq) {
            break;
        }
    }

    ngx_queue_insert_after(q, &webhook->queue);
}


/* what is left is in no list, and still to be freed */

static void
ngx_http_webhook_registry_unlink(ngx_http_webhook_registry_t *registry,
    ngx_http_webhook_webhook_node_t *webhook)
{
    ngx_http_webhook_registry_remove(&registry->sh->webhooks, &webhook->node);
    registry->sh->count--;

    ngx_queue_remove(&webhook->queue);
    ngx_queue_init(&webhook->queue);
}


static ngx_int_t
ngx_http_webhook_registry_copy(ngx_http_webhook_webhook_node_t *webhook,
    ngx_pool_t *pool, ngx_http_webhook_registration_t *registration)
{
    u_char                    *p;
    ngx_http_webhook_block_t  *block;

    p = ngx_pnalloc(pool, webhook->action_len + webhook->props_len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(registration->uuid, webhook->node.uuid,
               NGX_HTTP_WEBHOOK_UUID_SIZE);
    ngx_memcpy(registration->app, webhook->app->node.uuid,
               NGX_HTTP_WEBHOOK_UUID_SIZE);

    registration->environment = webhook->environment;
    registration->user = webhook->user;
    registration->has_user = webhook->has_user;
    registration->seq = webhook->seq;

    registration->action.len = webhook->action_len;
    registration->action.data = p;
    registration->props.len = webhook->props_len;
    registration->props.data = p + webhook->action_len;

    for (block = webhook->text; block; block = block->next) {
        p = ngx_cpymem(p, block->data, block->len);
    }

    return NGX_OK;
}


/* finds an app or makes it, with a count of 0; NULL if there is no room */

static ngx_http_webhook_app_node_t *
ngx_http_webhook_registry_app(ngx_http_webhook_registry_t *registry,
    u_char *uuid)
{
    ngx_http_webhook_app_node_t  *app;

    app = ngx_http_webhook_registry_lookup(&registry->sh->apps, uuid);
    if (app) {
        return app;
    }

    app = ngx_slab_alloc_locked(registry->shpool,
                                sizeof(ngx_http_webhook_app_node_t));
    if (app == NULL) {
        return NULL;
    }

    ngx_queue_init(&app->webhooks);
    app->count = 0;

    ngx_memcpy(app->node.uuid, uuid, NGX_HTTP_WEBHOOK_UUID_SIZE);

    ngx_http_webhook_registry_insert(&registry->sh->apps, &app->node);

    return app;
}


/* a chain of blocks for "len" bytes, which is not 0 */

static ngx_http_webhook_block_t *
ngx_http_webhook_registry_alloc_text(ngx_slab_pool_t *shpool, size_t len)
{
    size_t                     n, size;
    ngx_http_webhook_block_t  *block, *first, **last;

    first = NULL;
    last = &first;

    while (len) {

        /* the power of two above, or the one below it if that wastes much */

        n = NGX_HTTP_WEBHOOK_BLOCK_HEAD + len;
        size = NGX_HTTP_WEBHOOK_BLOCK_MAX;

        while (size / 2 >= n) {
            size /= 2;
        }

        if (size > n + NGX_HTTP_WEBHOOK_BLOCK_WASTE) {
            size /= 2;
        }

        block = ngx_slab_alloc_locked(shpool, size);

        if (block == NULL) {
            ngx_http_webhook_registry_free_text(shpool, first);
            return NULL;
        }

        block->next = NULL;
        block->len = ngx_min(size - NGX_HTTP_WEBHOOK_BLOCK_HEAD, len);

        *last = block;
        last = &block->next;

        len -= block->len;
    }

    return first;
}


/* writes "text" into a chain from byte "offset" on */

static void
ngx_http_webhook_registry_write_text(ngx_http_webhook_block_t *block,
    size_t offset, ngx_str_t *text)
{
    size_t   n, rest;
    u_char  *p;

    p = text->data;
    rest = text->len;

    for ( /* void */ ; rest; block = block->next) {

        if (offset >= block->len) {
            offset -= block->len;
            continue;
        }

        n = ngx_min(block->len - offset, rest);

        ngx_memcpy(block->data + offset, p, n);

        p += n;
        rest -= n;
        offset = 0;
    }
}


static void
ngx_http_webhook_registry_free_text(ngx_slab_pool_t *shpool,
    ngx_http_webhook_block_t *block)
{
    ngx_http_webhook_block_t  *next;

    for ( /* void */ ; block; block = next) {
        next = block->next;
        ngx_slab_free_locked(shpool, block);
    }
}


/* a power of two of buckets, one for each "share" bytes of the zone */

static ngx_int_t
ngx_http_webhook_registry_init_table(ngx_http_webhook_registry_t *registry,
    ngx_http_webhook_table_t *table, size_t share)
{
    size_t  n;

    n = 1;

    while (2 * n * share <= registry->shm_zone->shm.size) {
        n *= 2;
    }

    table->mask = n - 1;
    table->buckets = ngx_slab_calloc(registry->shpool,
                                     n * sizeof(ngx_http_webhook_node_t *));

    return table->buckets ? NGX_OK : NGX_ERROR;
}


static ngx_http_webhook_node_t **
ngx_http_webhook_registry_bucket(ngx_http_webhook_table_t *table, u_char *uuid)
{
    /* an application's need not be a random one */

    return &table->buckets[ngx_crc32_short(uuid, NGX_HTTP_WEBHOOK_UUID_SIZE)
                           & table->mask];
}


static void *
ngx_http_webhook_registry_lookup(ngx_http_webhook_table_t *table, u_char *uuid)
{
    ngx_http_webhook_node_t  *node;

    for (node = *ngx_http_webhook_registry_bucket(table, uuid);
         node;
         node = node->next)
    {
        if (ngx_memcmp(node->uuid, uuid, NGX_HTTP_WEBHOOK_UUID_SIZE) == 0) {
            break;
        }
    }

    return node;
}


static void
ngx_http_webhook_registry_insert(ngx_http_webhook_table_t *table,
    ngx_http_webhook_node_t *node)
{
    ngx_http_webhook_node_t  **bucket;

    bucket = ngx_http_webhook_registry_bucket(table, node->uuid);

    node->next = *bucket;
    *bucket = node;
}


static void
ngx_http_webhook_registry_remove(ngx_http_webhook_table_t *table,
    ngx_http_webhook_node_t *node)
{
    ngx_http_webhook_node_t  **p;

    p = ngx_http_webhook_registry_bucket(table, node->uuid);

    while (*p != node) {
        p = &(*p)->next;
    }

    *p = node->next;
}
