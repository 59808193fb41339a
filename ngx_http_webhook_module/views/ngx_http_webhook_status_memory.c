
/* How much of the module's shared memory is in use. */


#include "views/ngx_http_webhook_status_memory.h"
#include "status/ngx_http_webhook_status_zone.h"
#include "dedup/ngx_http_webhook_dedup_zone.h"


static ngx_int_t ngx_http_webhook_status_memory_add(ngx_array_t *list,
    ngx_shm_zone_t *shm_zone, size_t (*used)(ngx_shm_zone_t *shm_zone));
static size_t ngx_http_webhook_status_memory_pages(ngx_shm_zone_t *shm_zone);


/*
 * Makes "list" an array of ngx_http_webhook_status_memory_t, in "pool": the
 * status zone, the zones of registrations and those of dedup keys.  Returns
 * NGX_OK, or NGX_ERROR if there is no memory.
 */

ngx_int_t
ngx_http_webhook_status_memory(ngx_pool_t *pool, ngx_array_t *list)
{
    ngx_uint_t                     i;
    ngx_shm_zone_t               **shm_zone;
    ngx_http_webhook_main_conf_t  *wmcf;

    wmcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                               ngx_http_webhook_module);

    if (ngx_array_init(list, pool, 4, sizeof(ngx_http_webhook_status_memory_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_http_webhook_status_memory_add(list, wmcf->status->shm_zone,
                                           ngx_http_webhook_status_memory_pages)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    shm_zone = wmcf->zones.elts;

    for (i = 0; i < wmcf->zones.nelts; i++) {
        if (ngx_http_webhook_status_memory_add(list, shm_zone[i],
                                          ngx_http_webhook_status_memory_pages)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    shm_zone = wmcf->dedup_zones.elts;

    for (i = 0; i < wmcf->dedup_zones.nelts; i++) {
        if (ngx_http_webhook_status_memory_add(list, shm_zone[i],
                                               ngx_http_webhook_dedup_zone_used)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_webhook_status_memory_add(ngx_array_t *list, ngx_shm_zone_t *shm_zone,
    size_t (*used)(ngx_shm_zone_t *shm_zone))
{
    ngx_http_webhook_status_memory_t  *memory;

    memory = ngx_array_push(list);
    if (memory == NULL) {
        return NGX_ERROR;
    }

    memory->name = shm_zone->shm.name;
    memory->size = shm_zone->shm.size;
    memory->used = used(shm_zone);

    return NGX_OK;
}


/* Returns the bytes in use of a zone that is a slab, in whole pages. */

static size_t
ngx_http_webhook_status_memory_pages(ngx_shm_zone_t *shm_zone)
{
    ngx_slab_pool_t  *shpool;

    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    return shm_zone->shm.size - shpool->pfree * ngx_pagesize;
}
