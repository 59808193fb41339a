
#ifndef _NGX_HTTP_WEBHOOK_STATUS_MEMORY_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_STATUS_MEMORY_H_INCLUDED_


#include "ngx_http_webhook.h"


/* a zone of shared memory, and how much of it is in use, in bytes */

typedef struct {
    ngx_str_t    name;
    size_t       size;
    size_t       used;
} ngx_http_webhook_status_memory_t;


ngx_int_t ngx_http_webhook_status_memory(ngx_pool_t *pool, ngx_array_t *list);


#endif /* _NGX_HTTP_WEBHOOK_STATUS_MEMORY_H_INCLUDED_ */
