
/*
 * The zone of a registry: how it is made, and locked for a look or a change.
 *
 * A process may be killed while it changes the zone.  nginx then unlocks the
 * mutex for the next one, but the table, or the memory that it is made of, may
 * be half changed.  A mark in the zone says that somebody is at work; whoever
 * gets the mutex and finds the mark empties the zone.  If there is a state
 * file, all is read from it again, as for a zone that is fresh.  If there is
 * none, the registrations are saved first: see ngx_http_webhook_table.c for
 * what can be relied upon.
 */


#include "registry/ngx_http_webhook_registry_zone.h"


/* a write after it is not made before: for a process, not for processors */
#define ngx_http_webhook_registry_order()  __asm__ volatile ("" ::: "memory")


static ngx_int_t ngx_http_webhook_registry_mend(
    ngx_http_webhook_registry_t *registry);


/*
 * Makes what a zone has in it, of no registrations; the memory of the zone is
 * as nginx has initialized it.  Nobody else knows the zone yet, or the mutex is
 * held.  Returns NGX_OK or NGX_ERROR.
 */

ngx_int_t
ngx_http_webhook_registry_make(ngx_http_webhook_registry_t *registry)
{
    size_t                              len;
    ngx_str_t                          *name;
    ngx_slab_pool_t                    *shpool;
    ngx_http_webhook_registry_shctx_t  *sh;

    shpool = registry->shpool;
    name = &registry->shm_zone->shm.name;

    /* the first one: if it has been there before, it is where it was */

    sh = ngx_slab_alloc_locked(shpool,
                               sizeof(ngx_http_webhook_registry_shctx_t));
    if (sh == NULL || (registry->sh && registry->sh != sh)) {
        return NGX_ERROR;
    }

    if (registry->sh == NULL) {
        ngx_memzero(sh, sizeof(ngx_http_webhook_registry_shctx_t));

        shpool->data = sh;
        registry->sh = sh;
        sh->layout = NGX_HTTP_WEBHOOK_REGISTRY_LAYOUT;
    }

    if (ngx_http_webhook_table_init(&sh->table, shpool,
                                    registry->shm_zone->shm.size)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    len = sizeof(" in webhook zone \"\"") + name->len;

    shpool->log_ctx = ngx_slab_alloc_locked(shpool, len);
    if (shpool->log_ctx == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(shpool->log_ctx, " in webhook zone \"%V\"%Z", name);

    /* a full zone is reported by those who are refused */
    shpool->log_nomem = 0;

    return NGX_OK;
}


/*
 * Locks the mutex of a zone, which is whole then.  Returns NGX_OK, or NGX_ERROR
 * after an [alert], with the mutex not locked, if it could not be made whole.
 */

ngx_int_t
ngx_http_webhook_registry_lock(ngx_http_webhook_registry_t *registry)
{
    ngx_shmtx_lock(&registry->shpool->mutex);

    if (registry->sh->work == NGX_HTTP_WEBHOOK_REGISTRY_WHOLE
        || ngx_http_webhook_registry_mend(registry) == NGX_OK)
    {
        return NGX_OK;
    }

    ngx_shmtx_unlock(&registry->shpool->mutex);

    ngx_log_error(NGX_LOG_ALERT, registry->shm_zone->shm.log, 0,
                  "webhook zone \"%V\" was left half changed by a process that "
                  "was killed, and there is no memory to mend it",
                  &registry->shm_zone->shm.name);

    return NGX_ERROR;
}


/* Marks a zone that is locked as one that is being changed. */

void
ngx_http_webhook_registry_change(ngx_http_webhook_registry_t *registry)
{
    registry->sh->work = NGX_HTTP_WEBHOOK_REGISTRY_CHANGING;

    ngx_http_webhook_registry_order();
}


/* Unlocks the mutex of a zone that is whole, be it changed or not. */

void
ngx_http_webhook_registry_unlock(ngx_http_webhook_registry_t *registry)
{
    ngx_http_webhook_registry_order();

    registry->sh->work = NGX_HTTP_WEBHOOK_REGISTRY_WHOLE;

    ngx_shmtx_unlock(&registry->shpool->mutex);
}


/*
 * Makes a zone anew, after a process has been killed that changed it: what it
 * had reserved is gone, and what others had, who find another generation.
 */

static ngx_int_t
ngx_http_webhook_registry_mend(ngx_http_webhook_registry_t *registry)
{
    ngx_int_t                           rc;
    ngx_log_t                          *log;
    ngx_uint_t                          generation, n;
    ngx_pool_t                         *pool;
    ngx_http_webhook_registration_t    *saved;
    ngx_http_webhook_registry_shctx_t  *sh;

    sh = registry->sh;
    log = registry->shm_zone->shm.log;

    pool = NULL;
    saved = NULL;
    n = 0;

    if (registry->state.path.len == 0
        && sh->work == NGX_HTTP_WEBHOOK_REGISTRY_CHANGING)
    {
        pool = ngx_create_pool(NGX_DEFAULT_POOL_SIZE, log);
        if (pool == NULL) {
            return NGX_ERROR;
        }

        if (ngx_http_webhook_table_save(&sh->table, pool, &saved, &n)
            != NGX_OK)
        {
            ngx_destroy_pool(pool);
            return NGX_ERROR;
        }
    }

    /* whoever is killed from here on leaves no table to be looked at */

    sh->work = NGX_HTTP_WEBHOOK_REGISTRY_EMPTYING;
    generation = sh->generation + 1;

    ngx_http_webhook_registry_order();

    /* which fills the memory with junk where nginx is made for debugging */

    ngx_slab_init(registry->shpool);

    sh->work = NGX_HTTP_WEBHOOK_REGISTRY_EMPTYING;
    sh->layout = NGX_HTTP_WEBHOOK_REGISTRY_LAYOUT;
    sh->generation = generation;
    sh->incomplete = 0;

    if (registry->state.path.len) {
        sh->seq = 0;
        sh->version = (ngx_uint_t) -1;
    }

    rc = ngx_http_webhook_registry_make(registry);

    if (rc == NGX_OK
        && ngx_http_webhook_table_restore(&sh->table, saved, n) != n)
    {
        /* the same had room in the same zone */

        ngx_log_error(NGX_LOG_ALERT, log, 0,
                      "webhook zone \"%V\" lost registrations when it was made "
                      "anew", &registry->shm_zone->shm.name);
    }

    if (pool) {
        ngx_destroy_pool(pool);
    }

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_log_error(NGX_LOG_WARN, log, 0,
                  "webhook zone \"%V\" was left half changed by a process that "
                  "was killed, and has been made anew",
                  &registry->shm_zone->shm.name);

    sh->work = NGX_HTTP_WEBHOOK_REGISTRY_WHOLE;

    return NGX_OK;
}
