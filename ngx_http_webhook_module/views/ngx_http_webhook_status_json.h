
#ifndef _NGX_HTTP_WEBHOOK_STATUS_JSON_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_STATUS_JSON_H_INCLUDED_


#include "views/ngx_http_webhook_status_out.h"


void ngx_http_webhook_status_json(ngx_http_webhook_status_out_t *out,
    ngx_http_webhook_status_t *status, ngx_str_t *api);


#endif /* _NGX_HTTP_WEBHOOK_STATUS_JSON_H_INCLUDED_ */
