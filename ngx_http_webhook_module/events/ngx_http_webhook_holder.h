
#ifndef _NGX_HTTP_WEBHOOK_HOLDER_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_HOLDER_H_INCLUDED_


#include "events/ngx_http_webhook_deliverer.h"


ngx_int_t ngx_http_webhook_holder_lock(ngx_http_webhook_deliverer_t *d);
void ngx_http_webhook_holder_beat(ngx_http_webhook_deliverer_t *d);
void ngx_http_webhook_holder_leave(ngx_http_webhook_deliverer_t *d);
void ngx_http_webhook_holder_left(ngx_http_webhook_deliverer_t *d);
void ngx_http_webhook_holder_lease(ngx_http_webhook_deliverer_t *d);
void ngx_http_webhook_holder_unlock(ngx_http_webhook_deliverer_t *d);


#endif /* _NGX_HTTP_WEBHOOK_HOLDER_H_INCLUDED_ */
