
#ifndef _NGX_HTTP_WEBHOOK_SYSTEMS_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_SYSTEMS_H_INCLUDED_


#include "ngx_http_webhook.h"


extern ngx_http_webhook_provider_t  ngx_http_webhook_luzmo;
extern ngx_http_webhook_provider_t  ngx_http_webhook_munity;
extern ngx_http_webhook_provider_t  ngx_http_webhook_lenra;
extern ngx_http_webhook_provider_t  ngx_http_webhook_signed;
extern ngx_http_webhook_provider_t  ngx_http_webhook_any;


char *ngx_http_webhook_system(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
ngx_http_webhook_provider_t *ngx_http_webhook_system_get(ngx_conf_t *cf,
    ngx_str_t *name);
ngx_int_t ngx_http_webhook_system_init(ngx_conf_t *cf);


#endif /* _NGX_HTTP_WEBHOOK_SYSTEMS_H_INCLUDED_ */
