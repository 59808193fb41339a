
#ifndef _NGX_HTTP_WEBHOOK_WHSEC_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_WHSEC_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* bytes of a secret of Standard Webhooks, when it is decoded */
#define NGX_HTTP_WEBHOOK_WHSEC_MIN  24
#define NGX_HTTP_WEBHOOK_WHSEC_MAX  64


ngx_uint_t ngx_http_webhook_whsec_valid(ngx_str_t *secret);
ngx_int_t ngx_http_webhook_whsec_decode(ngx_str_t *secret, ngx_str_t *key);
ngx_int_t ngx_http_webhook_whsec_create(ngx_pool_t *pool, ngx_str_t *secret);


#endif /* _NGX_HTTP_WEBHOOK_WHSEC_H_INCLUDED_ */
