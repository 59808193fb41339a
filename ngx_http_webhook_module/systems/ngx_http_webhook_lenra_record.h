
#ifndef _NGX_HTTP_WEBHOOK_LENRA_RECORD_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_LENRA_RECORD_H_INCLUDED_


#include "ngx_http_webhook.h"
#include "registry/ngx_http_webhook_registry.h"


/* a webhook of an application */

typedef struct {
    u_char                       uuid[NGX_HTTP_WEBHOOK_UUID_SIZE];
    ngx_http_webhook_identity_t  identity;   /* for whom it was created */
    ngx_str_t                    action;     /* as JSON text */
    ngx_str_t                    props;      /* as JSON text, empty: null */
} ngx_http_webhook_lenra_record_t;


ngx_int_t ngx_http_webhook_lenra_encode(ngx_pool_t *pool,
    ngx_http_webhook_lenra_record_t *record,
    ngx_http_webhook_registration_t *registration);
ngx_int_t ngx_http_webhook_lenra_decode(
    ngx_http_webhook_registration_t *registration,
    ngx_http_webhook_lenra_record_t *record);
size_t ngx_http_webhook_lenra_size(ngx_http_webhook_lenra_record_t *record);
u_char *ngx_http_webhook_lenra_print(u_char *p,
    ngx_http_webhook_lenra_record_t *record);


extern ngx_http_webhook_registry_kind_t  ngx_http_webhook_lenra_kind;


#endif /* _NGX_HTTP_WEBHOOK_LENRA_RECORD_H_INCLUDED_ */
