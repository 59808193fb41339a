
#ifndef _NGX_HTTP_WEBHOOK_CROSS_SITE_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_CROSS_SITE_H_INCLUDED_


#include "ngx_http_webhook.h"


ngx_uint_t ngx_http_webhook_cross_site_sent(ngx_http_request_t *r);


#endif /* _NGX_HTTP_WEBHOOK_CROSS_SITE_H_INCLUDED_ */
