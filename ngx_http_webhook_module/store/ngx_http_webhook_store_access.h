
#ifndef _NGX_HTTP_WEBHOOK_STORE_ACCESS_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_STORE_ACCESS_H_INCLUDED_


#include "store/ngx_http_webhook_store.h"


ngx_int_t ngx_http_webhook_store_access(ngx_http_webhook_store_conf_t *conf,
    u_char *lock, ngx_log_t *log);
ngx_int_t ngx_http_webhook_store_private(ngx_http_webhook_store_conf_t *conf,
    ngx_log_t *log);
ngx_int_t ngx_http_webhook_store_mode(ngx_fd_t fd, u_char *name,
    ngx_log_t *log);


#endif /* _NGX_HTTP_WEBHOOK_STORE_ACCESS_H_INCLUDED_ */
