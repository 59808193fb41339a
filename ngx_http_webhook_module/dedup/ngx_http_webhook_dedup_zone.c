
/*
 * The shared memory zones that keep the keys of events, and their states.  All
 * that is done with the keys of a zone is done here, under its mutex.
 */


#include "dedup/ngx_http_webhook_dedup_zone.h"
#include "dedup/ngx_http_webhook_dedup_state.h"
#include "core/ngx_http_webhook_conf.h"
#include "status/ngx_http_webhook_status.h"


/* bytes */
#define NGX_HTTP_WEBHOOK_DEDUP_STATE_MIN  (1024 * 1024)

/* seconds between two warnings of a worker that a zone is full */
#define NGX_HTTP_WEBHOOK_DEDUP_WARN  60


/* webhook_dedup_zone; one for each configuration and process */

struct ngx_http_webhook_dedup_zone_s {
    ngx_http_webhook_keys_t         *keys;
    ngx_slab_pool_t                 *shpool;
    ngx_shm_zone_t                  *shm_zone;
    ngx_http_webhook_store_conf_t    state;         /* path is empty: none */
    ngx_http_webhook_dedup_writer_t *writer;        /* of this process */
    ngx_cycle_t                     *cycle;
    uint64_t                         forgotten;     /* when it last warned */
    time_t                           warned;
    ngx_http_webhook_status_item_t  *status;
};


static ngx_int_t ngx_http_webhook_dedup_zone_init(ngx_shm_zone_t *shm_zone,
    void *data);
static ngx_int_t ngx_http_webhook_dedup_zone_create(
    ngx_http_webhook_dedup_zone_t *zone, u_char *p, size_t size);
static void ngx_http_webhook_dedup_zone_forgotten(
    ngx_http_webhook_dedup_zone_t *zone, ngx_http_webhook_keys_stat_t *before,
    ngx_http_webhook_keys_stat_t *stat, ngx_log_t *log);
static void ngx_http_webhook_dedup_zone_stat(
    ngx_http_webhook_dedup_zone_t *zone, ngx_http_webhook_keys_stat_t *stat);
static void ngx_http_webhook_dedup_zone_gauges(void *data, uint64_t *values);


/* the address of this tells a dedup zone from other zones */
static ngx_uint_t  ngx_http_webhook_dedup_tag;


/* webhook_dedup_zone zone=name:size [state=path]: the directive's handler. */

char *
ngx_http_webhook_dedup_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_webhook_main_conf_t *wmcf = conf;

    ssize_t                         size;
    ngx_str_t                      *value, name, state;
    ngx_shm_zone_t                 *shm_zone, **added;
    ngx_http_webhook_dedup_zone_t  *zone;

    value = cf->args->elts;

    if (ngx_strncmp(value[1].data, "zone=", 5) != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    size = ngx_http_webhook_zone_size(cf, &value[1], &name);
    if (size == NGX_ERROR) {
        return NGX_CONF_ERROR;
    }

    zone = ngx_pcalloc(cf->pool, sizeof(ngx_http_webhook_dedup_zone_t));
    if (zone == NULL) {
        return NGX_CONF_ERROR;
    }

    shm_zone = ngx_http_webhook_dedup_zone_get(cf, &name, size);
    if (shm_zone == NULL) {
        return NGX_CONF_ERROR;
    }

    if (shm_zone->init) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "webhook dedup zone \"%V\" is duplicate", &name);
        return NGX_CONF_ERROR;
    }

    zone->status = ngx_http_webhook_status_add(cf,
                                               NGX_HTTP_WEBHOOK_STATUS_DEDUP,
                                               &name);
    if (zone->status == NULL) {
        return NGX_CONF_ERROR;
    }

    zone->status->gauges = ngx_http_webhook_dedup_zone_gauges;
    zone->status->data = zone;

    if (cf->args->nelts == 3) {

        if (ngx_strncmp(value[2].data, "state=", 6) != 0 || value[2].len == 6) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\"", &value[2]);
            return NGX_CONF_ERROR;
        }

        state.len = value[2].len - 6;
        state.data = value[2].data + 6;

        if (ngx_conf_full_name(cf->cycle, &state, 0) != NGX_OK
            || ngx_http_webhook_add_file(cf, &state, "dedup zone", &name)
               != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }

        zone->state.path = state;

        /* more than so many records can take */

        zone->state.size = 4 * ngx_min((size_t) size, NGX_MAX_SIZE_T_VALUE / 8)
                           + NGX_HTTP_WEBHOOK_DEDUP_STATE_MIN;
        ngx_http_webhook_dedup_state_conf(&zone->state);
    }

    zone->shm_zone = shm_zone;
    zone->cycle = cf->cycle;

    shm_zone->init = ngx_http_webhook_dedup_zone_init;
    shm_zone->data = zone;

    added = ngx_array_push(&wmcf->dedup_zones);
    if (added == NULL) {
        return NGX_CONF_ERROR;
    }

    *added = shm_zone;

    return NGX_CONF_OK;
}


/*
 * Returns the zone of that name; "size" is 0 where the name is only used.
 * Returns NULL, with an error logged, if that can't be.
 */

ngx_shm_zone_t *
ngx_http_webhook_dedup_zone_get(ngx_conf_t *cf, ngx_str_t *name, size_t size)
{
    return ngx_shared_memory_add(cf, name, size, &ngx_http_webhook_dedup_tag);
}


static ngx_int_t
ngx_http_webhook_dedup_zone_init(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_http_webhook_dedup_zone_t *old = data;

    size_t                          len, size;
    u_char                         *p;
    ngx_slab_pool_t                *shpool;
    ngx_http_webhook_dedup_zone_t  *zone;

    zone = shm_zone->data;

    ngx_http_webhook_store_owner(&zone->state, zone->cycle);

    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;
    zone->shpool = shpool;

    if (old || shm_zone->shm.exists) {

        zone->keys = old ? old->keys : shpool->data;

        if (!ngx_http_webhook_keys_valid(zone->keys)) {
            ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                          "webhook dedup zone \"%V\" was made by another "
                          "version of the module: restart or upgrade nginx",
                          &shm_zone->shm.name);
            return NGX_ERROR;
        }

        if (old) {
            return ngx_http_webhook_store_keep(&zone->state, &old->state,
                                               "zone", &shm_zone->shm.name,
                                               shm_zone->shm.log);
        }

        return NGX_OK;
    }

    /* all there is, for the keys and the name of the zone */

    size = shpool->pfree * ngx_pagesize;

    p = ngx_slab_alloc(shpool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    len = sizeof(" in webhook dedup zone \"\"") + shm_zone->shm.name.len;

    if (len < size) {
        size -= len;

        shpool->log_ctx = p + size;
        shpool->log_nomem = 0;

        ngx_sprintf(shpool->log_ctx, " in webhook dedup zone \"%V\"%Z",
                    &shm_zone->shm.name);
    }

    if (ngx_http_webhook_dedup_zone_create(zone, p, size) != NGX_OK) {
        return NGX_ERROR;
    }

    shpool->data = zone->keys;

    return NGX_OK;
}


/*
 * Fills a new zone from its state, if it has one.  This is the master, which
 * must not keep the store open.
 */

static ngx_int_t
ngx_http_webhook_dedup_zone_create(ngx_http_webhook_dedup_zone_t *zone,
    u_char *p, size_t size)
{
    u_char                     secret[NGX_HTTP_WEBHOOK_KEYS_SECRET];
    ngx_int_t                  rc;
    ngx_log_t                 *log;
    ngx_http_webhook_store_t  *store;

    log = zone->shm_zone->shm.log;
    store = NULL;
    rc = NGX_OK;

    if (zone->state.path.len
        && ngx_http_webhook_store_make(&zone->state, &store, log) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (store) {
        rc = ngx_http_webhook_dedup_state_secret(store, secret);

    } else {
        ngx_http_webhook_dedup_state_random(secret);
    }

    if (rc == NGX_OK) {
        zone->keys = ngx_http_webhook_keys_create(p, size, secret);

        if (zone->keys == NULL) {
            ngx_log_error(NGX_LOG_EMERG, log, 0,
                          "webhook dedup zone \"%V\" is too small",
                          &zone->shm_zone->shm.name);

        } else if (store) {
            rc = ngx_http_webhook_dedup_state_load(store, zone->keys);
        }
    }

    if (store) {
        ngx_http_webhook_store_close(store);
    }

    if (rc != NGX_OK) {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "webhook state \"%V\" could not be read",
                      &zone->state.path);
    }

    return (zone->keys && rc == NGX_OK) ? NGX_OK : NGX_ERROR;
}


/* Opens a zone's state; called when a process begins to serve requests. */

void
ngx_http_webhook_dedup_zone_init_process(ngx_shm_zone_t *shm_zone,
    ngx_cycle_t *cycle)
{
    ngx_http_webhook_keys_stat_t    stat;
    ngx_http_webhook_dedup_zone_t  *zone;

    zone = shm_zone->data;

    /* what killed workers had claimed, one of which may have had this pid */

    ngx_shmtx_lock(&zone->shpool->mutex);

    ngx_http_webhook_keys_void(zone->keys, (uint32_t) ngx_pid);
    ngx_http_webhook_keys_stat(zone->keys, &stat);

    ngx_shmtx_unlock(&zone->shpool->mutex);

    /* what was forgotten before this process is not its own to warn of */

    zone->forgotten = stat.forgotten;

    if (zone->state.path.len) {
        zone->writer = ngx_http_webhook_dedup_writer_create(&zone->state,
                                                        zone->keys,
                                                        &zone->shpool->mutex,
                                                        cycle);
    }
}


/* Writes what is left to a zone's state, and closes it: the process ends. */

void
ngx_http_webhook_dedup_zone_exit_process(ngx_shm_zone_t *shm_zone)
{
    ngx_http_webhook_dedup_zone_t  *zone;

    zone = shm_zone->data;

    if (zone->writer) {
        ngx_http_webhook_dedup_writer_close(zone->writer);
        zone->writer = NULL;
    }
}


/* Sets the hash of "claim" to that of "key" in this zone; no lock is taken. */

void
ngx_http_webhook_dedup_zone_hash(ngx_http_webhook_dedup_zone_t *zone,
    ngx_str_t *key, ngx_http_webhook_keys_claim_t *claim)
{
    ngx_http_webhook_keys_hash(zone->keys, key, claim);
}


/*
 * Claims a key, counts what comes of that, and warns of a zone that is full.
 * Returns what ngx_http_webhook_keys_claim() does.
 */

ngx_int_t
ngx_http_webhook_dedup_zone_claim(ngx_http_webhook_dedup_zone_t *zone,
    ngx_http_webhook_keys_claim_t *claim,
    ngx_http_webhook_keys_answer_t *answer, ngx_log_t *log)
{
    ngx_int_t                     rc;
    ngx_http_webhook_keys_stat_t  before, stat;

    claim->pid = (uint32_t) ngx_pid;

    ngx_shmtx_lock(&zone->shpool->mutex);

    ngx_http_webhook_keys_stat(zone->keys, &before);

    rc = ngx_http_webhook_keys_claim(zone->keys, claim, ngx_time(),
                                     answer);

    ngx_http_webhook_keys_stat(zone->keys, &stat);

    ngx_shmtx_unlock(&zone->shpool->mutex);

    if (rc == NGX_DECLINED) {
        ngx_http_webhook_status_count(zone->status,
                                      NGX_HTTP_WEBHOOK_STATUS_DUPLICATES);
    }

    ngx_http_webhook_dedup_zone_forgotten(zone, &before, &stat, log);

    return rc;
}


/*
 * Confirms a claim, for "ttl" seconds; see ngx_http_webhook_keys_confirm().  A
 * key that had to be forgotten for it is counted.
 */

void
ngx_http_webhook_dedup_zone_confirm(ngx_http_webhook_dedup_zone_t *zone,
    ngx_http_webhook_keys_claim_t *claim, time_t ttl,
    ngx_http_webhook_keys_answer_t *answer, ngx_log_t *log)
{
    time_t                        now;
    ngx_http_webhook_keys_stat_t  before, stat;

    now = ngx_time();

    ngx_shmtx_lock(&zone->shpool->mutex);

    ngx_http_webhook_keys_stat(zone->keys, &before);

    (void) ngx_http_webhook_keys_confirm(zone->keys, claim, now, now + ttl,
                                         answer);

    ngx_http_webhook_keys_stat(zone->keys, &stat);

    ngx_shmtx_unlock(&zone->shpool->mutex);

    ngx_http_webhook_dedup_zone_forgotten(zone, &before, &stat, log);

    if (zone->writer) {
        ngx_http_webhook_dedup_writer_wake(zone->writer);
    }
}


/* Gives a claimed key back, also one that has been confirmed. */

void
ngx_http_webhook_dedup_zone_release(ngx_http_webhook_dedup_zone_t *zone,
    ngx_http_webhook_keys_claim_t *claim)
{
    ngx_shmtx_lock(&zone->shpool->mutex);

    (void) ngx_http_webhook_keys_release(zone->keys, claim);

    ngx_shmtx_unlock(&zone->shpool->mutex);
}


/*
 * Counts what a zone forgot between two looks at it, and warns of it once in a
 * while.
 */

static void
ngx_http_webhook_dedup_zone_forgotten(ngx_http_webhook_dedup_zone_t *zone,
    ngx_http_webhook_keys_stat_t *before, ngx_http_webhook_keys_stat_t *stat,
    ngx_log_t *log)
{
    if (stat->forgotten != before->forgotten) {
        ngx_http_webhook_status_count(zone->status,
                                      NGX_HTTP_WEBHOOK_STATUS_FORGOTTEN);
    }

    if (stat->forgotten == zone->forgotten
        || ngx_time() - zone->warned < NGX_HTTP_WEBHOOK_DEDUP_WARN)
    {
        return;
    }

    zone->forgotten = stat->forgotten;
    zone->warned = ngx_time();

    ngx_log_error(NGX_LOG_WARN, log, 0,
                  "webhook dedup zone \"%V\" has room for %ui keys: %uL "
                  "forgotten before their time",
                  &zone->shm_zone->shm.name, stat->size, stat->forgotten);
}


static void
ngx_http_webhook_dedup_zone_stat(ngx_http_webhook_dedup_zone_t *zone,
    ngx_http_webhook_keys_stat_t *stat)
{
    ngx_shmtx_lock(&zone->shpool->mutex);

    ngx_http_webhook_keys_stat(zone->keys, stat);

    ngx_shmtx_unlock(&zone->shpool->mutex);
}


static void
ngx_http_webhook_dedup_zone_gauges(void *data, uint64_t *values)
{
    ngx_http_webhook_dedup_zone_t *zone = data;

    ngx_http_webhook_keys_stat_t  stat;

    ngx_http_webhook_dedup_zone_stat(zone, &stat);

    values[NGX_HTTP_WEBHOOK_STATUS_KEYS] = stat.count;
}


/*
 * Returns how many bytes of a zone are in use: all that no further key could
 * take.  The slab would say that all are, for the table of keys is made once.
 */

size_t
ngx_http_webhook_dedup_zone_used(ngx_shm_zone_t *shm_zone)
{
    ngx_http_webhook_keys_stat_t  stat;

    ngx_http_webhook_dedup_zone_stat(shm_zone->data, &stat);

    return shm_zone->shm.size - (stat.size - stat.count) * stat.bytes;
}
