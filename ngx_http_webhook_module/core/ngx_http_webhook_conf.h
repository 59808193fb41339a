
#ifndef _NGX_HTTP_WEBHOOK_CONF_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_CONF_H_INCLUDED_


#include "ngx_http_webhook.h"


/* a zone with fewer pages is refused */
#define NGX_HTTP_WEBHOOK_ZONE_PAGES  8

/* seconds: a longer time, of 100 years, is refused */
#define NGX_HTTP_WEBHOOK_TIME_MAX    3153600000LL


ssize_t ngx_http_webhook_zone_size(ngx_conf_t *cf, ngx_str_t *value,
    ngx_str_t *name);
off_t ngx_http_webhook_store_size(ngx_conf_t *cf, ngx_str_t *value,
    size_t skip);
ngx_int_t ngx_http_webhook_time(ngx_str_t *text, ngx_uint_t is_sec);
char *ngx_http_webhook_add_file(ngx_conf_t *cf, ngx_str_t *path);


#endif /* _NGX_HTTP_WEBHOOK_CONF_H_INCLUDED_ */
