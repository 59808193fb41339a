
/* verdicts that several rooms give */


#include "core/ngx_http_webhook_verdict.h"


ngx_http_webhook_verdict_t  ngx_http_webhook_unknown_path = {
    NGX_HTTP_NOT_FOUND,
    ngx_string("unknown_event"),
    ngx_string("the path names no event"),
    ngx_null_string,
    0
};


ngx_http_webhook_verdict_t  ngx_http_webhook_zone_full = {
    NGX_HTTP_SERVICE_UNAVAILABLE,
    ngx_string("zone_full"),
    ngx_string("there is no room for another one"),
    ngx_null_string,
    0
};


ngx_http_webhook_verdict_t  ngx_http_webhook_store_failed = {
    NGX_HTTP_SERVICE_UNAVAILABLE,
    ngx_string("store_failed"),
    ngx_string("it could not be made durable"),
    ngx_null_string,
    0
};


ngx_http_webhook_verdict_t  ngx_http_webhook_queue_full = {
    NGX_HTTP_SERVICE_UNAVAILABLE,
    ngx_string("queue_full"),
    ngx_string("there is no room for another event"),
    ngx_null_string,
    0
};
