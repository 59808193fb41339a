
#ifndef _NGX_HTTP_WEBHOOK_MEDIA_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_MEDIA_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


ngx_uint_t ngx_http_webhook_media_is_json(ngx_str_t *type, ngx_str_t *others);
ngx_uint_t ngx_http_webhook_media_is_type(ngx_str_t *text);


#endif /* _NGX_HTTP_WEBHOOK_MEDIA_H_INCLUDED_ */
