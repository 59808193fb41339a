
/*
 * Luzmo plugin webhooks: POST .../<event>, a secret that belongs to one plugin,
 * and a payload that names the plugin by its slug.
 */


#include "systems/ngx_http_webhook_systems.h"
#include "core/ngx_http_webhook_ctx.h"
#include "judge/ngx_http_webhook_event.h"
#include "judge/ngx_http_webhook_secret.h"


enum {
    luzmo_data_available = 0,
    luzmo_data_updated,
    luzmo_account_deleted
};


static ngx_int_t ngx_http_webhook_luzmo_accept(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx);


static ngx_str_t  ngx_http_webhook_luzmo_events[] = {
    ngx_string("data_available"),
    ngx_string("data_updated"),
    ngx_string("account_deleted"),
    ngx_null_string
};


static ngx_http_webhook_field_t  ngx_http_webhook_luzmo_fields[] = {

    ngx_http_webhook_member("slug", SLUG, 0, NGX_HTTP_WEBHOOK_EVERY_EVENT),
    ngx_http_webhook_member("user_id", UUID, 0, NGX_HTTP_WEBHOOK_EVERY_EVENT),
    ngx_http_webhook_member("key", UUID, 0, NGX_HTTP_WEBHOOK_EVERY_EVENT),
    ngx_http_webhook_member("dataset_id", NONEMPTY, 0,
                            NGX_HTTP_WEBHOOK_EVENT(luzmo_data_updated))
};


static ngx_http_webhook_shape_t  ngx_http_webhook_luzmo_shape = {
    ngx_http_webhook_luzmo_fields,
    sizeof(ngx_http_webhook_luzmo_fields) / sizeof(ngx_http_webhook_field_t),
    NGX_HTTP_WEBHOOK_JSON_OBJECT,
    0,
    0,
    0
};


static ngx_http_webhook_method_t  ngx_http_webhook_luzmo_methods[] = {

    { NGX_HTTP_POST,
      NULL,
      NULL,
      1,
      &ngx_http_webhook_luzmo_shape,
      ngx_http_webhook_luzmo_accept,
      NULL },

    { 0, NULL, NULL, 0, NULL, NULL, NULL }
};


static ngx_http_webhook_resource_t  ngx_http_webhook_luzmo_resource = {
    ngx_string("POST"),
    ngx_http_webhook_luzmo_methods
};


static ngx_http_webhook_part_t  ngx_http_webhook_luzmo_parts[] = {
    { ngx_string("{\"type\":{\"code\":"), NGX_HTTP_WEBHOOK_PART_STATUS },
    { ngx_string(",\"description\":\""), NGX_HTTP_WEBHOOK_PART_PHRASE },
    { ngx_string("\"},\"message\":\""), NGX_HTTP_WEBHOOK_PART_MESSAGE },
    { ngx_null_string, 0 }
};


static ngx_http_webhook_envelope_t  ngx_http_webhook_luzmo_envelope = {
    ngx_string("application/json"),
    ngx_http_webhook_luzmo_parts
};


static ngx_http_webhook_verdict_t  ngx_http_webhook_wrong_plugin =
    ngx_http_webhook_verdict(NGX_HTTP_FORBIDDEN, wrong_plugin,
                             "is not the plugin that the secret belongs to");


ngx_http_webhook_provider_t  ngx_http_webhook_luzmo = {
    ngx_string("luzmo"),
    ngx_http_webhook_luzmo_events,
    { NGX_HTTP_WEBHOOK_FROM_PATH, 0 },
    ngx_http_webhook_no_source,            /* id */
    ngx_http_webhook_no_source,            /* tenant */
    ngx_http_webhook_event_route,
    &ngx_http_webhook_luzmo_resource,
    NULL,                                  /* param */
    NULL,                                  /* check */
    NULL,                                  /* fan_out */
    &ngx_http_webhook_luzmo_shape,         /* shape */
    NULL,                                  /* media */
    &ngx_http_webhook_luzmo_envelope,
    ngx_null_string,                       /* scheme */
    ngx_null_string,                       /* own */
    NGX_HTTP_WEBHOOK_CREDENTIAL,           /* secret */
    1,                                     /* slug */
    1,                                     /* passes */
    0,                                     /* identity */
    0,                                     /* unknown */
    1                                      /* unknown_path */
};


static ngx_int_t
ngx_http_webhook_luzmo_accept(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx)
{
    ngx_str_t  *slug;

    if (!ctx->authenticated) {
        return NGX_OK;
    }

    /* the shape has let through a slug of 50 characters at most */

    slug = &ctx->reader.values[0].text;

    if (ngx_http_webhook_secret_valid(r, ctx, slug)) {
        return NGX_OK;
    }

    return ngx_http_webhook_reject(ctx, &ngx_http_webhook_wrong_plugin,
                                   &ngx_http_webhook_luzmo_fields[0]);
}
