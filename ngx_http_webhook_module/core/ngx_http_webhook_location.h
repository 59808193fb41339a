
#ifndef _NGX_HTTP_WEBHOOK_LOCATION_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_LOCATION_H_INCLUDED_


#include "ngx_http_webhook.h"


void ngx_http_webhook_location_check(ngx_conf_t *cf,
    ngx_http_webhook_loc_conf_t *wlcf);


#endif /* _NGX_HTTP_WEBHOOK_LOCATION_H_INCLUDED_ */
