
/* The names of reasons, and the verdicts that several rooms give. */


#include "core/ngx_http_webhook_verdict.h"


#define ngx_http_webhook_reason_name(name)  ngx_string(#name),

ngx_str_t  ngx_http_webhook_reasons[] = {
    NGX_HTTP_WEBHOOK_REASONS(ngx_http_webhook_reason_name)
};


ngx_http_webhook_verdict_t  ngx_http_webhook_unknown_path =
    ngx_http_webhook_verdict(NGX_HTTP_NOT_FOUND, unknown_event,
                             "the path names no event");


ngx_http_webhook_verdict_t  ngx_http_webhook_zone_full =
    ngx_http_webhook_verdict(NGX_HTTP_SERVICE_UNAVAILABLE, zone_full,
                             "there is no room for another one");


ngx_http_webhook_verdict_t  ngx_http_webhook_store_failed =
    ngx_http_webhook_verdict(NGX_HTTP_SERVICE_UNAVAILABLE, store_failed,
                             "it could not be made durable");


ngx_http_webhook_verdict_t  ngx_http_webhook_queue_full =
    ngx_http_webhook_verdict(NGX_HTTP_SERVICE_UNAVAILABLE, queue_full,
                             "there is no room for another event");
