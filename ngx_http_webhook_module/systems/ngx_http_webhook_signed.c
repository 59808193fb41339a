
/*
 * Signed webhooks of any sender: only the signature is judged, the body may be
 * anything.
 */


#include "systems/ngx_http_webhook_systems.h"
#include "judge/ngx_http_webhook_problem.h"


static ngx_int_t ngx_http_webhook_signed_route(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx);
static char *ngx_http_webhook_signed_check(ngx_conf_t *cf,
    ngx_http_webhook_loc_conf_t *wlcf);


static ngx_http_webhook_shape_t  ngx_http_webhook_signed_shape = {
    NULL,
    0,
    0,
    1,
    1
};


static ngx_http_webhook_method_t  ngx_http_webhook_signed_methods[] = {

    { NGX_HTTP_POST,
      NULL,
      NULL,
      1,
      &ngx_http_webhook_signed_shape,
      NULL,
      NULL },

    { 0, NULL, NULL, 0, NULL, NULL, NULL }
};


static ngx_http_webhook_resource_t  ngx_http_webhook_signed_resource = {
    ngx_string("POST"),
    ngx_http_webhook_signed_methods
};


ngx_http_webhook_provider_t  ngx_http_webhook_signed = {
    ngx_string("signed"),
    NULL,                                  /* events */
    NGX_HTTP_WEBHOOK_ROOT,
    ngx_http_webhook_signed_route,
    NULL,                                  /* param */
    ngx_http_webhook_signed_check,
    NULL,                                  /* fan_out */
    NULL,                                  /* shape */
    &ngx_http_webhook_problem_json,
    ngx_null_string,                       /* scheme */
    ngx_null_string,                       /* own */
    NGX_HTTP_WEBHOOK_OPEN,                 /* secret */
    0,                                     /* slug */
    1,                                     /* passes */
    0                                      /* identity */
};


static ngx_int_t
ngx_http_webhook_signed_route(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx)
{
    ctx->resource = &ngx_http_webhook_signed_resource;

    return NGX_OK;
}


static char *
ngx_http_webhook_signed_check(ngx_conf_t *cf, ngx_http_webhook_loc_conf_t *wlcf)
{
    if (wlcf->signature == NULL) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"webhook signed\" needs \"webhook_signature\" "
                      "in %s:%ui",
                      wlcf->file, wlcf->line);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}
