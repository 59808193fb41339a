
#ifndef _NGX_HTTP_WEBHOOK_KEPT_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_KEPT_H_INCLUDED_


#include "ngx_http_webhook.h"
#include "queue/ngx_http_webhook_message.h"


ngx_int_t ngx_http_webhook_kept_init(ngx_conf_t *cf);
ngx_int_t ngx_http_webhook_kept_save(ngx_http_request_t *r,
    ngx_http_webhook_message_t *message);
ngx_int_t ngx_http_webhook_kept_restore(ngx_http_request_t *r,
    ngx_http_webhook_message_t *message);


#endif /* _NGX_HTTP_WEBHOOK_KEPT_H_INCLUDED_ */
