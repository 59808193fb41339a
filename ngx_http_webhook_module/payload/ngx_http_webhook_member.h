
#ifndef _NGX_HTTP_WEBHOOK_MEMBER_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_MEMBER_H_INCLUDED_


#include "payload/ngx_http_webhook_shape.h"


/* a greater number of an element is refused: "[9999]" is the last one */
#define NGX_HTTP_WEBHOOK_MEMBER_ELEMENTS  10000


ngx_http_webhook_shape_t *ngx_http_webhook_member_shape(ngx_pool_t *pool,
    ngx_http_webhook_shape_t *from);
char *ngx_http_webhook_member_add(ngx_pool_t *pool,
    ngx_http_webhook_shape_t *shape, ngx_str_t *path, ngx_uint_t required,
    ngx_uint_t *index);
ngx_uint_t ngx_http_webhook_member_utf8(ngx_str_t *name);


#endif /* _NGX_HTTP_WEBHOOK_MEMBER_H_INCLUDED_ */
