
#ifndef _NGX_HTTP_WEBHOOK_ENQUEUE_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_ENQUEUE_H_INCLUDED_


#include "ngx_http_webhook.h"


char *ngx_http_webhook_queue(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_webhook_enqueue_merge(ngx_conf_t *cf,
    ngx_http_webhook_loc_conf_t *prev, ngx_http_webhook_loc_conf_t *wlcf);


#endif /* _NGX_HTTP_WEBHOOK_ENQUEUE_H_INCLUDED_ */
