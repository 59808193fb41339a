
#ifndef _NGX_HTTP_WEBHOOK_VERDICT_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_VERDICT_H_INCLUDED_


#include "ngx_http_webhook.h"


extern ngx_http_webhook_verdict_t  ngx_http_webhook_unknown_path;
extern ngx_http_webhook_verdict_t  ngx_http_webhook_zone_full;
extern ngx_http_webhook_verdict_t  ngx_http_webhook_store_failed;
extern ngx_http_webhook_verdict_t  ngx_http_webhook_queue_full;


#endif /* _NGX_HTTP_WEBHOOK_VERDICT_H_INCLUDED_ */
