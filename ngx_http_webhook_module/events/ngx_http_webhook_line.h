
#ifndef _NGX_HTTP_WEBHOOK_LINE_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_LINE_H_INCLUDED_


#include "events/ngx_http_webhook_deliverer.h"


/* milliseconds until nginx is asked again for a connection to spare */
#define NGX_HTTP_WEBHOOK_SPARE           100


void ngx_http_webhook_line_open(ngx_http_webhook_deliverer_t *d,
    ngx_log_t *log);
void ngx_http_webhook_line_close(ngx_http_webhook_deliverer_t *d);
void ngx_http_webhook_line_add(ngx_http_webhook_destination_t *dest);
ngx_http_webhook_destination_t *ngx_http_webhook_line_take(
    ngx_http_webhook_deliverer_t *d);
ngx_uint_t ngx_http_webhook_line_free(void);
void ngx_http_webhook_line_freed(void);


extern ngx_uint_t  ngx_http_webhook_line_probes;


#endif /* _NGX_HTTP_WEBHOOK_LINE_H_INCLUDED_ */
