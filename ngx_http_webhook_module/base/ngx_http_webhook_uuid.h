
#ifndef _NGX_HTTP_WEBHOOK_UUID_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_UUID_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_HTTP_WEBHOOK_UUID_SIZE  16     /* binary */
#define NGX_HTTP_WEBHOOK_UUID_LEN   36     /* text, without a final zero */


ngx_int_t ngx_http_webhook_uuid_parse(ngx_str_t *text, u_char *uuid);
void ngx_http_webhook_uuid_generate(u_char *uuid);
void ngx_http_webhook_uuid_generate_ordered(u_char *uuid);
u_char *ngx_http_webhook_uuid_print(u_char *p, u_char *uuid);


#endif /* _NGX_HTTP_WEBHOOK_UUID_H_INCLUDED_ */
