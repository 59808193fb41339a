
#ifndef _NGX_HTTP_WEBHOOK_ENDPOINT_API_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_ENDPOINT_API_H_INCLUDED_


#include "ngx_http_webhook.h"


char *ngx_http_webhook_endpoints_conf(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


#endif /* _NGX_HTTP_WEBHOOK_ENDPOINT_API_H_INCLUDED_ */
