
#ifndef _NGX_HTTP_WEBHOOK_DELIVER_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_DELIVER_H_INCLUDED_


#include "queue/ngx_http_webhook_queue.h"


char *ngx_http_webhook_deliver(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_webhook_retry(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_webhook_deliver_check(ngx_conf_t *cf,
    ngx_http_webhook_loc_conf_t *wlcf);
ngx_int_t ngx_http_webhook_deliver_init(ngx_conf_t *cf);
void ngx_http_webhook_deliver_open(ngx_http_webhook_queue_t *queue,
    ngx_cycle_t *cycle);
void ngx_http_webhook_deliver_close(ngx_http_webhook_queue_t *queue);


#endif /* _NGX_HTTP_WEBHOOK_DELIVER_H_INCLUDED_ */
