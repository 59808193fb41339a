
#ifndef _NGX_HTTP_WEBHOOK_CONF_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_CONF_H_INCLUDED_


#include "ngx_http_webhook.h"


/* a zone with fewer pages is refused */
#define NGX_HTTP_WEBHOOK_ZONE_PAGES  8


ssize_t ngx_http_webhook_zone_size(ngx_conf_t *cf, ngx_str_t *value,
    ngx_str_t *name);
off_t ngx_http_webhook_store_size(ngx_conf_t *cf, ngx_str_t *value,
    size_t skip);
void **ngx_http_webhook_next_branch(ngx_conf_t *cf,
    ngx_http_core_loc_conf_t *clcf, ngx_uint_t *state);
ngx_http_upstream_conf_t *ngx_http_webhook_next_upstream(ngx_conf_t *cf,
    void **loc_conf, ngx_uint_t *state);
char *ngx_http_webhook_add_file(ngx_conf_t *cf, ngx_str_t *path);


#endif /* _NGX_HTTP_WEBHOOK_CONF_H_INCLUDED_ */
