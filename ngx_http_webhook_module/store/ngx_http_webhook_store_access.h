
#ifndef _NGX_HTTP_WEBHOOK_STORE_ACCESS_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_STORE_ACCESS_H_INCLUDED_


#include "store/ngx_http_webhook_store.h"


ngx_int_t ngx_http_webhook_store_prepare(ngx_http_webhook_store_conf_t *conf,
    ngx_uint_t new, size_t lock_size, ngx_log_t *log);
ngx_int_t ngx_http_webhook_store_lock_file(
    ngx_http_webhook_store_conf_t *conf, ngx_uint_t level, ngx_log_t *log);
ngx_int_t ngx_http_webhook_store_test(ngx_http_webhook_store_conf_t *conf,
    ngx_log_t *log);
ngx_int_t ngx_http_webhook_store_as_user(ngx_http_webhook_store_conf_t *conf,
    ngx_int_t (*task)(void *data), void *data, ngx_log_t *log);


#endif /* _NGX_HTTP_WEBHOOK_STORE_ACCESS_H_INCLUDED_ */
