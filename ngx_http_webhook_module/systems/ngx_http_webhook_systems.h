
#ifndef _NGX_HTTP_WEBHOOK_SYSTEMS_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_SYSTEMS_H_INCLUDED_


#include "ngx_http_webhook.h"


extern ngx_http_webhook_provider_t  ngx_http_webhook_luzmo;
extern ngx_http_webhook_provider_t  ngx_http_webhook_munity;
extern ngx_http_webhook_provider_t  ngx_http_webhook_lenra;
extern ngx_http_webhook_provider_t  ngx_http_webhook_signed;


#endif /* _NGX_HTTP_WEBHOOK_SYSTEMS_H_INCLUDED_ */
