
#ifndef _NGX_HTTP_WEBHOOK_GATE_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_GATE_H_INCLUDED_


#include "ngx_http_webhook.h"


ngx_int_t ngx_http_webhook_gate_init(ngx_conf_t *cf);


#endif /* _NGX_HTTP_WEBHOOK_GATE_H_INCLUDED_ */
