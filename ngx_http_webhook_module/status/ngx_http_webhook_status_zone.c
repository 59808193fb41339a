
/*
 * The shared memory zone of the status: counters of verdicts, of what is done
 * with registrations and queues, histograms, and the last refused events.
 *
 * The zone outlives configurations.  Its first part are the counters of the
 * systems that are compiled in, which are the same in each configuration.
 * Counters under a name of the configuration, such as those of an event of
 * a "webhook_system", are in blocks that are found by that name; a block stays
 * when its name is gone, for workers of the configuration before may still
 * count in it.
 */


#include "status/ngx_http_webhook_status_zone.h"
#include "core/ngx_http_webhook_conf.h"


/* the layout of what is kept in the zone */
#define NGX_HTTP_WEBHOOK_STATUS_LAYOUT   1

#define NGX_HTTP_WEBHOOK_STATUS_REFUSED  256
#define NGX_HTTP_WEBHOOK_STATUS_REFUSED_MAX  65536

/*
 * The least that is allocated: a slab takes a page for each size of small
 * allocations, so that with one size for all the smallest zone is large enough.
 */
#define NGX_HTTP_WEBHOOK_STATUS_SMALL    256


/* Kinds of blocks beside those of items, for systems of the configuration */

enum {
    webhook_status_event = NGX_HTTP_WEBHOOK_STATUS_KINDS,
    webhook_status_judge
};


typedef struct ngx_http_webhook_status_block_s
    ngx_http_webhook_status_block_t;

struct ngx_http_webhook_status_block_s {
    ngx_http_webhook_status_block_t    *next;
    ngx_uint_t                          kind;
    ngx_uint_t                          ncounters;
    ngx_str_t                           name;
    ngx_atomic_t                        counters[1];
};


typedef struct ngx_http_webhook_status_ring_s  ngx_http_webhook_status_ring_t;

struct ngx_http_webhook_status_ring_s {
    ngx_http_webhook_status_ring_t     *next;
    ngx_uint_t                          size;
    ngx_uint_t                          written;        /* in all */
    ngx_http_webhook_status_refused_t  *entries;
};


typedef struct {
    ngx_uint_t                          layout;
    ngx_uint_t                          ncounters;
    time_t                              since;
    ngx_http_webhook_status_block_t    *blocks;
    ngx_http_webhook_status_ring_t     *rings;
    ngx_atomic_t                        counters[1];    /* of systems */
} ngx_http_webhook_status_shctx_t;


static ngx_int_t ngx_http_webhook_status_init_zone(ngx_shm_zone_t *shm_zone,
    void *data);
static ngx_int_t ngx_http_webhook_status_init_shctx(
    ngx_http_webhook_status_t *status, ngx_uint_t ncounters);
static ngx_int_t ngx_http_webhook_status_init_ring(
    ngx_http_webhook_status_t *status);
static ngx_int_t ngx_http_webhook_status_init_system(
    ngx_http_webhook_status_t *status, ngx_http_webhook_status_system_t *system,
    ngx_pool_t *pool);
static ngx_int_t ngx_http_webhook_status_init_item(
    ngx_http_webhook_status_t *status, ngx_http_webhook_status_item_t *item);
static ngx_atomic_t *ngx_http_webhook_status_block(
    ngx_http_webhook_status_t *status, ngx_uint_t kind, ngx_str_t *name,
    ngx_uint_t ncounters);
static ngx_int_t ngx_http_webhook_status_push_system(ngx_pool_t *pool,
    ngx_http_webhook_status_t *status, ngx_http_webhook_provider_t *provider);
static void *ngx_http_webhook_status_alloc(ngx_http_webhook_status_t *status,
    size_t size);


/* A status zone is known by the address of this. */
static ngx_uint_t  ngx_http_webhook_status_tag;


/*
 * Makes what counts the systems of a list, which ends with NULL.  Called before
 * the configuration is read.  Returns NULL if there is no memory.
 */

ngx_http_webhook_status_t *
ngx_http_webhook_status_create(ngx_conf_t *cf,
    ngx_http_webhook_provider_t **provider)
{
    ngx_uint_t                  i;
    ngx_http_webhook_status_t  *status;

    status = ngx_pcalloc(cf->pool, sizeof(ngx_http_webhook_status_t));
    if (status == NULL) {
        return NULL;
    }

    if (ngx_array_init(&status->systems, cf->pool, 4,
                       sizeof(ngx_http_webhook_status_system_t))
        != NGX_OK
        || ngx_array_init(&status->items, cf->pool, 4,
                          sizeof(ngx_http_webhook_status_item_t *))
           != NGX_OK)
    {
        return NULL;
    }

    for (i = 0; provider[i]; i++) {

        if (ngx_http_webhook_status_push_system(cf->pool, status, provider[i])
            != NGX_OK)
        {
            return NULL;
        }

        status->compiled++;
    }

    return status;
}


/*
 * Adds a system of the configuration to those that are counted; called before
 * any location is merged.  Returns NGX_OK or NGX_ERROR.
 */

ngx_int_t
ngx_http_webhook_status_add_system(ngx_conf_t *cf,
    ngx_http_webhook_provider_t *provider)
{
    ngx_http_webhook_main_conf_t  *wmcf;

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_webhook_module);

    return ngx_http_webhook_status_push_system(cf->pool, wmcf->status,
                                               provider);
}


static ngx_int_t
ngx_http_webhook_status_push_system(ngx_pool_t *pool,
    ngx_http_webhook_status_t *status, ngx_http_webhook_provider_t *provider)
{
    ngx_str_t                         *events;
    ngx_http_webhook_status_system_t  *system;

    system = ngx_array_push(&status->systems);
    if (system == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(system, sizeof(ngx_http_webhook_status_system_t));

    system->provider = provider;
    events = provider->events;

    while (events && events[system->nevents].len) {
        system->nevents++;
    }

    system->verdicts = ngx_pcalloc(pool, (system->nevents + 1)
                                         * sizeof(ngx_atomic_t *));

    return system->verdicts ? NGX_OK : NGX_ERROR;
}


/*
 * Returns what a location with this system counts in, or NULL if it does not
 * count: there is no status zone, or the system is not in the list.
 */

ngx_http_webhook_status_system_t *
ngx_http_webhook_status_system(ngx_conf_t *cf,
    ngx_http_webhook_provider_t *provider)
{
    ngx_uint_t                         i;
    ngx_http_webhook_main_conf_t      *wmcf;
    ngx_http_webhook_status_system_t  *system;

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_webhook_module);

    if (wmcf->status->shm_zone == NULL) {
        return NULL;
    }

    system = wmcf->status->systems.elts;

    for (i = 0; i < wmcf->status->systems.nelts; i++) {
        if (system[i].provider == provider) {
            system[i].used = 1;
            return &system[i];
        }
    }

    return NULL;
}


/*
 * Adds an item that is counted under "name", which no other item of its kind
 * may have.  The caller sets "gauges" and "data".  Whether there is a status
 * zone need not be known yet: without one nothing is counted.  Returns NULL if
 * there is no memory.
 */

ngx_http_webhook_status_item_t *
ngx_http_webhook_status_add(ngx_conf_t *cf, ngx_uint_t kind, ngx_str_t *name)
{
    ngx_http_webhook_main_conf_t     *wmcf;
    ngx_http_webhook_status_item_t   *item, **i;

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_webhook_module);

    item = ngx_pcalloc(cf->pool, sizeof(ngx_http_webhook_status_item_t));
    if (item == NULL) {
        return NULL;
    }

    item->kind = kind;
    item->name = *name;

    i = ngx_array_push(&wmcf->status->items);
    if (i == NULL) {
        return NULL;
    }

    *i = item;

    return item;
}


/*
 * webhook_status_zone zone=name:size [refused=256];
 *
 * The handler of the directive.
 */

char *
ngx_http_webhook_status_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_webhook_main_conf_t *wmcf = conf;

    ssize_t                     size;
    ngx_int_t                   n;
    ngx_str_t                  *value, name;
    ngx_uint_t                  i;
    ngx_shm_zone_t             *shm_zone;
    ngx_http_webhook_status_t  *status;

    status = wmcf->status;

    if (status->shm_zone) {
        return "is duplicate";
    }

    value = cf->args->elts;

    size = 0;
    ngx_str_null(&name);
    status->refused = NGX_CONF_UNSET_UINT;

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "zone=", 5) == 0 && name.len == 0) {

            size = ngx_http_webhook_zone_size(cf, &value[i], &name);
            if (size == NGX_ERROR) {
                return NGX_CONF_ERROR;
            }

            continue;
        }

        if (ngx_strncmp(value[i].data, "refused=", 8) == 0
            && status->refused == NGX_CONF_UNSET_UINT)
        {
            n = ngx_atoi(value[i].data + 8, value[i].len - 8);

            if (n >= 0 && n <= NGX_HTTP_WEBHOOK_STATUS_REFUSED_MAX) {
                status->refused = n;
                continue;
            }
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\"", &value[i]);
        return NGX_CONF_ERROR;
    }

    if (name.len == 0) {
        return "needs \"zone=\"";
    }

    ngx_conf_init_uint_value(status->refused, NGX_HTTP_WEBHOOK_STATUS_REFUSED);

    shm_zone = ngx_shared_memory_add(cf, &name, size,
                                     &ngx_http_webhook_status_tag);
    if (shm_zone == NULL) {
        return NGX_CONF_ERROR;
    }

    shm_zone->init = ngx_http_webhook_status_init_zone;
    shm_zone->data = status;

    status->shm_zone = shm_zone;

    return NGX_CONF_OK;
}


/*
 * Returns the zone that a location names, or NULL with an [emerg] logged.  It
 * need not be defined yet: its size is 0 then.
 */

ngx_shm_zone_t *
ngx_http_webhook_status_find_zone(ngx_conf_t *cf, ngx_str_t *name)
{
    return ngx_shared_memory_add(cf, name, 0, &ngx_http_webhook_status_tag);
}


static ngx_int_t
ngx_http_webhook_status_init_zone(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_http_webhook_status_t *old = data;

    ngx_uint_t                         event, i, ncounters;
    ngx_atomic_t                      *counters;
    ngx_http_webhook_status_t         *status;
    ngx_http_webhook_status_item_t   **item;
    ngx_http_webhook_status_shctx_t   *sh;
    ngx_http_webhook_status_system_t  *system;

    status = shm_zone->data;
    status->shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    system = status->systems.elts;
    ncounters = 0;

    for (i = 0; i < status->compiled; i++) {
        ncounters += (system[i].nevents + 1) * NGX_HTTP_WEBHOOK_STATUS_NREASONS
                     + ngx_http_webhook_status_judge.nbuckets + 1;
    }

    if (old) {
        status->sh = old->sh;

    } else if (shm_zone->shm.exists) {
        status->sh = status->shpool->data;

    } else if (ngx_http_webhook_status_init_shctx(status, ncounters) != NGX_OK)
    {
        goto failed;
    }

    sh = status->sh;

    if (sh->layout != NGX_HTTP_WEBHOOK_STATUS_LAYOUT
        || sh->ncounters != ncounters)
    {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "webhook status zone \"%V\" was made by another version "
                      "of the module: restart or upgrade nginx",
                      &shm_zone->shm.name);
        return NGX_ERROR;
    }

    counters = sh->counters;

    for (i = 0; i < status->compiled; i++) {

        for (event = 0; event <= system[i].nevents; event++) {
            system[i].verdicts[event] = counters;
            counters += NGX_HTTP_WEBHOOK_STATUS_NREASONS;
        }

        system[i].judge = counters;
        counters += ngx_http_webhook_status_judge.nbuckets + 1;
    }

    for ( /* void */ ; i < status->systems.nelts; i++) {

        if (system[i].used
            && ngx_http_webhook_status_init_system(status, &system[i],
                                                   status->systems.pool)
               != NGX_OK)
        {
            goto failed;
        }
    }

    if (ngx_http_webhook_status_init_ring(status) != NGX_OK) {
        goto failed;
    }

    item = status->items.elts;

    for (i = 0; i < status->items.nelts; i++) {
        if (ngx_http_webhook_status_init_item(status, item[i]) != NGX_OK) {
            goto failed;
        }
    }

    return NGX_OK;

failed:

    ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                  "webhook status zone \"%V\" is too small",
                  &shm_zone->shm.name);
    return NGX_ERROR;
}


static ngx_int_t
ngx_http_webhook_status_init_shctx(ngx_http_webhook_status_t *status,
    ngx_uint_t ncounters)
{
    size_t                            len;
    ngx_str_t                        *name;
    ngx_slab_pool_t                  *shpool;
    ngx_http_webhook_status_shctx_t  *sh;

    name = &status->shm_zone->shm.name;
    shpool = status->shpool;

    /* this is reported as a whole */
    shpool->log_nomem = 0;

    len = sizeof(" in webhook status zone \"\"") + name->len;

    shpool->log_ctx = ngx_http_webhook_status_alloc(status, len);
    if (shpool->log_ctx == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(shpool->log_ctx, " in webhook status zone \"%V\"%Z", name);

    sh = ngx_http_webhook_status_alloc(status,
                            offsetof(ngx_http_webhook_status_shctx_t, counters)
                            + ncounters * sizeof(ngx_atomic_t));
    if (sh == NULL) {
        return NGX_ERROR;
    }

    sh->layout = NGX_HTTP_WEBHOOK_STATUS_LAYOUT;
    sh->ncounters = ncounters;
    sh->since = ngx_time();

    shpool->data = sh;
    status->sh = sh;

    return NGX_OK;
}


/*
 * Finds the ring of the configured size, or makes it.  Each size has a ring of
 * its own, for workers of the configuration before may still use theirs.
 */

static ngx_int_t
ngx_http_webhook_status_init_ring(ngx_http_webhook_status_t *status)
{
    ngx_http_webhook_status_ring_t   *ring;
    ngx_http_webhook_status_shctx_t  *sh;

    if (status->refused == 0) {
        return NGX_OK;
    }

    sh = status->sh;

    for (ring = sh->rings; ring; ring = ring->next) {
        if (ring->size == status->refused) {
            status->ring = ring;
            return NGX_OK;
        }
    }

    ring = ngx_http_webhook_status_alloc(status,
                                     sizeof(ngx_http_webhook_status_ring_t));
    if (ring == NULL) {
        return NGX_ERROR;
    }

    ring->size = status->refused;
    ring->entries = ngx_http_webhook_status_alloc(status,
                                   ring->size
                                   * sizeof(ngx_http_webhook_status_refused_t));
    if (ring->entries == NULL) {
        ngx_slab_free(status->shpool, ring);
        return NGX_ERROR;
    }

    ring->next = sh->rings;
    sh->rings = ring;

    status->ring = ring;

    return NGX_OK;
}


/*
 * Finds the counters of a system of the configuration, or makes them: those of
 * each event by the names of both, with a NUL between them, so that other
 * events may come and go.
 */

static ngx_int_t
ngx_http_webhook_status_init_system(ngx_http_webhook_status_t *status,
    ngx_http_webhook_status_system_t *system, ngx_pool_t *pool)
{
    u_char      *p;
    ngx_str_t   *event, name, *own;
    ngx_uint_t   i;

    own = &system->provider->name;

    for (i = 0; i <= system->nevents; i++) {

        event = ngx_http_webhook_status_event(system, i);

        name.len = own->len + 1 + event->len;
        name.data = ngx_pnalloc(pool, name.len);
        if (name.data == NULL) {
            return NGX_ERROR;
        }

        p = ngx_cpymem(name.data, own->data, own->len);
        *p++ = '\0';

        if (event->len) {
            ngx_memcpy(p, event->data, event->len);
        }

        system->verdicts[i] = ngx_http_webhook_status_block(status,
                                           webhook_status_event, &name,
                                           NGX_HTTP_WEBHOOK_STATUS_NREASONS);

        if (system->verdicts[i] == NULL) {
            return NGX_ERROR;
        }
    }

    system->judge = ngx_http_webhook_status_block(status, webhook_status_judge,
                                  own,
                                  ngx_http_webhook_status_judge.nbuckets + 1);

    return system->judge ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_webhook_status_init_item(ngx_http_webhook_status_t *status,
    ngx_http_webhook_status_item_t *item)
{
    ngx_uint_t                       ncounters;
    ngx_http_webhook_status_kind_t  *kind;

    kind = &ngx_http_webhook_status_kinds[item->kind];

    ncounters = kind->ncounters;

    if (kind->histogram) {
        ncounters += kind->histogram->nbuckets + 1;
    }

    item->counters = ngx_http_webhook_status_block(status, item->kind,
                                                   &item->name, ncounters);

    return item->counters ? NGX_OK : NGX_ERROR;
}


/*
 * Returns the counters of the block of this kind and name, which is made if it
 * is not there, or NULL if there is no room for it.
 */

static ngx_atomic_t *
ngx_http_webhook_status_block(ngx_http_webhook_status_t *status,
    ngx_uint_t kind, ngx_str_t *name, ngx_uint_t ncounters)
{
    size_t                            size;
    ngx_http_webhook_status_block_t  *block;
    ngx_http_webhook_status_shctx_t  *sh;

    sh = status->sh;

    for (block = sh->blocks; block; block = block->next) {

        if (block->kind == kind
            && block->ncounters == ncounters
            && block->name.len == name->len
            && ngx_memcmp(block->name.data, name->data, name->len) == 0)
        {
            return block->counters;
        }
    }

    /* the name follows the counters */

    size = offsetof(ngx_http_webhook_status_block_t, counters)
           + ncounters * sizeof(ngx_atomic_t);

    block = ngx_http_webhook_status_alloc(status, size + name->len);
    if (block == NULL) {
        return NULL;
    }

    block->kind = kind;
    block->ncounters = ncounters;
    block->name.len = name->len;
    block->name.data = (u_char *) block + size;
    ngx_memcpy(block->name.data, name->data, name->len);

    block->next = sh->blocks;
    sh->blocks = block;

    return block->counters;
}


/*
 * Returns where counters of an event are in the zone: what a refused request is
 * remembered by.  The configuration after this one may have other systems.
 */

uint32_t
ngx_http_webhook_status_place(ngx_http_webhook_status_t *status,
    ngx_atomic_t *counters)
{
    return (u_char *) counters - (u_char *) status->shpool;
}


/*
 * Sets the names of the system and the event whose counters are at this place;
 * that of an event that is not known is empty.
 */

void
ngx_http_webhook_status_names(ngx_http_webhook_status_t *status, uint32_t place,
    ngx_str_t *system, ngx_str_t *event)
{
    u_char                            *p;
    ngx_uint_t                         i, n;
    ngx_atomic_t                      *counters;
    ngx_http_webhook_status_block_t   *block;
    ngx_http_webhook_status_system_t  *s;

    counters = (ngx_atomic_t *) ((u_char *) status->shpool + place);
    s = status->systems.elts;

    for (i = 0; i < status->compiled; i++) {
        for (n = 0; n <= s[i].nevents; n++) {

            if (s[i].verdicts[n] == counters) {
                *system = s[i].provider->name;
                *event = *ngx_http_webhook_status_event(&s[i], n);
                return;
            }
        }
    }

    block = (ngx_http_webhook_status_block_t *)
                ((u_char *) counters
                 - offsetof(ngx_http_webhook_status_block_t, counters));

    p = ngx_strlchr(block->name.data, block->name.data + block->name.len, '\0');

    system->data = block->name.data;
    system->len = p - block->name.data;

    event->data = p + 1;
    event->len = block->name.len - system->len - 1;
}


static void *
ngx_http_webhook_status_alloc(ngx_http_webhook_status_t *status, size_t size)
{
    return ngx_slab_calloc(status->shpool,
                           ngx_max(size, NGX_HTTP_WEBHOOK_STATUS_SMALL));
}


/* Returns 1 if a location uses the system, or has used it. */

ngx_uint_t
ngx_http_webhook_status_shown(ngx_http_webhook_status_system_t *system)
{
    ngx_uint_t  event, i;

    for (event = 0; !system->used && event <= system->nevents; event++) {

        if (system->verdicts[event] == NULL) {
            break;
        }

        for (i = 0; i < NGX_HTTP_WEBHOOK_STATUS_NREASONS; i++) {
            if (system->verdicts[event][i]) {
                return 1;
            }
        }
    }

    return system->used;
}


/* Returns since when it has been counted, in seconds since 1970. */

time_t
ngx_http_webhook_status_since(ngx_http_webhook_status_t *status)
{
    ngx_http_webhook_status_shctx_t  *sh;

    sh = status->sh;

    return sh->since;
}


/*
 * Returns the name of a system's event by its index, from 0 to system->nevents:
 * the last one is that of all events that are not known, and empty.
 */

ngx_str_t *
ngx_http_webhook_status_event(ngx_http_webhook_status_system_t *system,
    ngx_uint_t event)
{
    static ngx_str_t  unknown = ngx_null_string;

    return event < system->nevents ? &system->provider->events[event]
                                   : &unknown;
}


/* Sets "values" to an item's gauges, and to NONE what is not known. */

void
ngx_http_webhook_status_gauges(ngx_http_webhook_status_item_t *item,
    uint64_t *values)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_WEBHOOK_STATUS_GAUGES; i++) {
        values[i] = NGX_HTTP_WEBHOOK_STATUS_NONE;
    }

    if (item->gauges) {
        item->gauges(item->data, values);
    }
}


/* Puts a refused request into the ring, if there is one. */

void
ngx_http_webhook_status_keep(ngx_http_webhook_status_t *status,
    ngx_http_webhook_status_refused_t *entry)
{
    ngx_http_webhook_status_ring_t     *ring;
    ngx_http_webhook_status_refused_t  *e;

    ring = status->ring;

    if (ring == NULL) {
        return;
    }

    ngx_shmtx_lock(&status->shpool->mutex);

    e = &ring->entries[ring->written++ % ring->size];

    /* a worker that is killed here leaves an entry that nobody shows */

    e->msec = 0;
    ngx_memory_barrier();
    ngx_memcpy(&e->size, &entry->size,
               sizeof(ngx_http_webhook_status_refused_t)
               - offsetof(ngx_http_webhook_status_refused_t, size));
    ngx_memory_barrier();
    e->msec = entry->msec;

    ngx_shmtx_unlock(&status->shpool->mutex);
}


/*
 * Makes "list" an array of ngx_http_webhook_status_refused_t in "pool": the
 * last refused requests, the newest first.  Returns NGX_OK, or NGX_ERROR if
 * there is no memory.
 */

ngx_int_t
ngx_http_webhook_status_refused(ngx_http_webhook_status_t *status,
    ngx_pool_t *pool, ngx_array_t *list)
{
    ngx_uint_t                          i, n, written;
    ngx_http_webhook_status_ring_t     *ring;
    ngx_http_webhook_status_refused_t  *e, *entries;

    ring = status->ring;
    n = ring ? ngx_min(ring->size, ring->written) : 0;

    if (ngx_array_init(list, pool, ngx_max(n, 1),
                       sizeof(ngx_http_webhook_status_refused_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (n == 0) {
        return NGX_OK;
    }

    entries = ngx_palloc(pool, n * sizeof(ngx_http_webhook_status_refused_t));
    if (entries == NULL) {
        return NGX_ERROR;
    }

    ngx_shmtx_lock(&status->shpool->mutex);

    /* those that have been written since were not asked for */

    written = (n < ring->size) ? n : ring->written;
    ngx_memcpy(entries, ring->entries,
               n * sizeof(ngx_http_webhook_status_refused_t));

    ngx_shmtx_unlock(&status->shpool->mutex);

    for (i = 0; i < n; i++) {

        e = &entries[(written - 1 - i) % n];

        if (e->msec == 0) {
            continue;
        }

        *(ngx_http_webhook_status_refused_t *) ngx_array_push(list) = *e;
    }

    return NGX_OK;
}
