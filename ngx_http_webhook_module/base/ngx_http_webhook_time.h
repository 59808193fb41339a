
#ifndef _NGX_HTTP_WEBHOOK_TIME_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_TIME_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


ngx_int_t ngx_http_webhook_time_number(ngx_str_t *text, time_t *time);
ngx_int_t ngx_http_webhook_time_rfc3339(ngx_str_t *text, time_t *time);
ngx_int_t ngx_http_webhook_time_http(ngx_str_t *text, time_t *time);


#endif /* _NGX_HTTP_WEBHOOK_TIME_H_INCLUDED_ */
