
#ifndef _NGX_HTTP_WEBHOOK_SIGNATURE_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_SIGNATURE_H_INCLUDED_


#include "ngx_http_webhook.h"
#include "judge/ngx_http_webhook_scheme.h"


struct ngx_http_webhook_signature_s {
    ngx_http_webhook_scheme_t        *scheme;
    time_t                            tolerance;
    ngx_array_t                       keys;       /* of mac_key_t */
    ngx_array_t                       variables;  /* of secret_value_t */
};


ngx_int_t ngx_http_webhook_signature_begin(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx);
ngx_int_t ngx_http_webhook_signature_update(ngx_http_request_t *r,
    ngx_http_webhook_verifier_t *verifier, u_char *p, size_t len);
ngx_int_t ngx_http_webhook_signature_finish(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx);
ngx_uint_t ngx_http_webhook_signature_has(
    ngx_http_webhook_signature_t *signature, ngx_table_elt_t *header);
char *ngx_http_webhook_signature(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


#endif /* _NGX_HTTP_WEBHOOK_SIGNATURE_H_INCLUDED_ */
