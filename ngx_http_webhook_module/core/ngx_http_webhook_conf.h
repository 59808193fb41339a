
#ifndef _NGX_HTTP_WEBHOOK_CONF_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_CONF_H_INCLUDED_


#include "ngx_http_webhook.h"


/* the file of a store, by its names */

typedef struct {
    char           *what;            /* whose it is: "queue" and its name */
    ngx_str_t       whose;

    ngx_str_t       path;
    ngx_str_t       name;            /* what follows the last slash */

    ngx_uint_t      there;           /* the file exists; which one it is: */
    dev_t           device;
    ino_t           inode;

    ngx_uint_t      has_folder;      /* the same of its folder */
    dev_t           folder_device;
    ino_t           folder_inode;
} ngx_http_webhook_file_t;


/* a zone with fewer pages is refused */
#define NGX_HTTP_WEBHOOK_ZONE_PAGES  8

/* seconds: a longer time, of 100 years, is refused */
#define NGX_HTTP_WEBHOOK_TIME_MAX    3153600000LL


ssize_t ngx_http_webhook_zone_size(ngx_conf_t *cf, ngx_str_t *value,
    ngx_str_t *name);
off_t ngx_http_webhook_store_size(ngx_conf_t *cf, ngx_str_t *value,
    size_t skip);
ngx_int_t ngx_http_webhook_time(ngx_str_t *text, ngx_uint_t is_sec);
void **ngx_http_webhook_next_branch(ngx_conf_t *cf,
    ngx_http_core_loc_conf_t *clcf, ngx_uint_t *state);
ngx_http_upstream_conf_t *ngx_http_webhook_next_upstream(ngx_conf_t *cf,
    void **loc_conf, ngx_uint_t *state);
char *ngx_http_webhook_add_file(ngx_conf_t *cf, ngx_str_t *path, char *what,
    ngx_str_t *whose);
ngx_int_t ngx_http_webhook_files_left(ngx_conf_t *cf);
ngx_int_t ngx_http_webhook_header_name(ngx_conf_t *cf, ngx_str_t *name,
    ngx_str_t *key);
ngx_int_t ngx_http_webhook_setting_add(ngx_conf_t *cf,
    ngx_http_webhook_loc_conf_t *wlcf, ngx_uint_t kind);
void ngx_http_webhook_settings_merge(ngx_http_webhook_loc_conf_t *prev,
    ngx_http_webhook_loc_conf_t *conf);
void ngx_http_webhook_setting_use(ngx_http_webhook_loc_conf_t *wlcf,
    ngx_uint_t kind);
void ngx_http_webhook_settings_unused(ngx_conf_t *cf);
ngx_http_variable_t *ngx_http_webhook_variable_find(ngx_conf_t *cf,
    ngx_str_t *name);
ngx_uint_t ngx_http_webhook_variable_prefixed(ngx_conf_t *cf,
    ngx_str_t *name);
ngx_int_t ngx_http_webhook_variable_index(ngx_conf_t *cf, ngx_str_t *name);


#endif /* _NGX_HTTP_WEBHOOK_CONF_H_INCLUDED_ */
