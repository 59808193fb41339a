
/*
 * Webhooks of any sender, whose body may be anything: "webhook signed", where
 * the signature alone is judged, and "webhook any", where a secret may be, too.
 */


#include "systems/ngx_http_webhook_systems.h"
#include "judge/ngx_http_webhook_event.h"
#include "judge/ngx_http_webhook_problem.h"


static char *ngx_http_webhook_signed_check(ngx_conf_t *cf,
    ngx_http_webhook_loc_conf_t *wlcf);


static ngx_http_webhook_shape_t  ngx_http_webhook_signed_shape = {
    NULL,
    0,
    0,
    1,
    1,
    0
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
    ngx_http_webhook_no_source,            /* event */
    ngx_http_webhook_no_source,            /* id */
    ngx_http_webhook_no_source,            /* tenant */
    ngx_http_webhook_event_route,
    &ngx_http_webhook_signed_resource,
    NULL,                                  /* param */
    ngx_http_webhook_signed_check,
    NULL,                                  /* fan_out */
    NULL,                                  /* shape */
    NULL,                                  /* media */
    &ngx_http_webhook_problem_json,
    ngx_null_string,                       /* scheme */
    ngx_null_string,                       /* own */
    NGX_HTTP_WEBHOOK_OPEN,                 /* secret */
    0,                                     /* slug */
    1,                                     /* passes */
    0,                                     /* identity */
    0,                                     /* unknown */
    0                                      /* unknown_path */
};


ngx_http_webhook_provider_t  ngx_http_webhook_any = {
    ngx_string("any"),
    NULL,                                  /* events */
    ngx_http_webhook_no_source,            /* event */
    ngx_http_webhook_no_source,            /* id */
    ngx_http_webhook_no_source,            /* tenant */
    ngx_http_webhook_event_route,
    &ngx_http_webhook_signed_resource,
    NULL,                                  /* param */
    NULL,                                  /* check */
    NULL,                                  /* fan_out */
    NULL,                                  /* shape */
    NULL,                                  /* media */
    &ngx_http_webhook_problem_json,
    ngx_null_string,                       /* scheme */
    ngx_null_string,                       /* own */
    NGX_HTTP_WEBHOOK_CREDENTIAL,           /* secret */
    0,                                     /* slug */
    1,                                     /* passes */
    0,                                     /* identity */
    0,                                     /* unknown */
    0                                      /* unknown_path */
};


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
