
/*
 * Munity integration events: one URL, an envelope that names the event, and
 * a payload whose members depend on it.
 */


#include "systems/ngx_http_webhook_systems.h"
#include "judge/ngx_http_webhook_answer.h"
#include "judge/ngx_http_webhook_event.h"
#include "judge/ngx_http_webhook_problem.h"


enum {
    munity_webhook_test = 0,
    munity_new_data_model,
    munity_updated_data_model,
    munity_deleted_data_model,
    munity_installed,
    munity_import_done,
    munity_cannot_refresh_oauth_token,
    munity_oauth_token_fixed
};


#define munity_test              NGX_HTTP_WEBHOOK_EVENT(munity_webhook_test)
#define munity_updated                                                        \
    NGX_HTTP_WEBHOOK_EVENT(munity_updated_data_model)
#define munity_data_model                                                     \
    (NGX_HTTP_WEBHOOK_EVENT(munity_new_data_model)                            \
     | NGX_HTTP_WEBHOOK_EVENT(munity_updated_data_model)                      \
     | NGX_HTTP_WEBHOOK_EVENT(munity_deleted_data_model))
#define munity_integration                                                    \
    (NGX_HTTP_WEBHOOK_EVENT(munity_installed)                                 \
     | NGX_HTTP_WEBHOOK_EVENT(munity_import_done))
#define munity_token                                                          \
    (NGX_HTTP_WEBHOOK_EVENT(munity_cannot_refresh_oauth_token)                \
     | NGX_HTTP_WEBHOOK_EVENT(munity_oauth_token_fixed))


static ngx_int_t ngx_http_webhook_munity_create(ngx_pool_t *pool,
    ngx_str_t *workspace, ngx_str_t *event, json_t *payload, ngx_str_t *body);
static char *ngx_http_webhook_munity_param(ngx_conf_t *cf,
    ngx_http_webhook_loc_conf_t *wlcf, ngx_str_t *value);


static ngx_str_t  ngx_http_webhook_munity_events[] = {
    ngx_string("webhook_test"),
    ngx_string("integration_new_data_model"),
    ngx_string("integration_updated_data_model"),
    ngx_string("integration_deleted_data_model"),
    ngx_string("integration_installed"),
    ngx_string("integration_import_done"),
    ngx_string("integration_cannot_refresh_oauth_token"),
    ngx_string("integration_oauth_token_fixed"),
    ngx_null_string
};


/* indices of those fields below that other tables refer to */

#define munity_workspace_id  0
#define munity_event         2
#define munity_payload       4

#define munity_envelope(name, type, flags)                                    \
    ngx_http_webhook_member(name, type, flags, NGX_HTTP_WEBHOOK_EVERY_EVENT)

#define munity_member(name, type, events)                                     \
    ngx_http_webhook_inner("payload", munity_payload, name, type, 0, events)

static ngx_http_webhook_field_t  ngx_http_webhook_munity_fields[] = {

    munity_envelope("workspace_id", STRING, 0),
    munity_envelope("customer_id", STRING, NGX_HTTP_WEBHOOK_NULLABLE),
    munity_envelope("event", STRING, 0),
    munity_envelope("state", ANY, 0),
    munity_envelope("payload", OBJECT, 0),

    munity_member("test", BOOLEAN, munity_test),
    munity_member("id", IDENTIFIER,
                  munity_data_model|munity_integration|munity_token),
    munity_member("resource_id", IDENTIFIER, munity_data_model),
    munity_member("type", NONEMPTY, munity_data_model),
    munity_member("diff", ANY, munity_updated),
    munity_member("data", ANY, munity_updated),
    munity_member("connector_type", NONEMPTY, munity_integration),
    munity_member("metadata", ANY, NGX_HTTP_WEBHOOK_EVENT(munity_installed)),
    munity_member("state", ANY, NGX_HTTP_WEBHOOK_EVENT(munity_installed)),
    munity_member("error", ANY,
                NGX_HTTP_WEBHOOK_EVENT(munity_cannot_refresh_oauth_token))
};


static ngx_http_webhook_shape_t  ngx_http_webhook_munity_shape = {
    ngx_http_webhook_munity_fields,
    sizeof(ngx_http_webhook_munity_fields) / sizeof(ngx_http_webhook_field_t),
    NGX_HTTP_WEBHOOK_JSON_OBJECT,
    0,
    0,
    0
};


static ngx_http_webhook_method_t  ngx_http_webhook_munity_methods[] = {

    { NGX_HTTP_POST,
      NULL,
      NULL,
      1,
      &ngx_http_webhook_munity_shape,
      NULL,
      NULL },

    { 0, NULL, NULL, 0, NULL, NULL, NULL }
};


static ngx_http_webhook_resource_t  ngx_http_webhook_munity_resource = {
    ngx_string("POST"),
    ngx_http_webhook_munity_methods
};


static ngx_http_webhook_fan_out_t  ngx_http_webhook_munity_fan_out = {
    munity_workspace_id,
    munity_webhook_test,
    ngx_string("webhook_endpoint_disabled"),
    ngx_string("field_event"),
    ngx_string("field_workspace_id"),
    ngx_http_webhook_munity_create
};


ngx_http_webhook_provider_t  ngx_http_webhook_munity = {
    ngx_string("munity"),
    ngx_http_webhook_munity_events,
    { NGX_HTTP_WEBHOOK_FROM_FIELD, munity_event },
    ngx_http_webhook_no_source,            /* id */
    { NGX_HTTP_WEBHOOK_FROM_FIELD, munity_workspace_id },
    ngx_http_webhook_event_route,
    &ngx_http_webhook_munity_resource,
    ngx_http_webhook_munity_param,
    NULL,                                  /* check */
    &ngx_http_webhook_munity_fan_out,
    &ngx_http_webhook_munity_shape,
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


/*
 * Makes an event of our own for a workspace, as ngx_http_webhook_fan_out_t asks
 * for.
 */

static ngx_int_t
ngx_http_webhook_munity_create(ngx_pool_t *pool, ngx_str_t *workspace,
    ngx_str_t *event, json_t *payload, ngx_str_t *body)
{
    json_t     *json;
    ngx_int_t   rc;

    json = json_pack("{s:s%, s:n, s:s%, s:n, s:o}",
                     "workspace_id", workspace->data, workspace->len,
                     "customer_id",
                     "event", event->data, event->len,
                     "state",
                     "payload", payload);

    rc = ngx_http_webhook_print_json(pool, json, body);

    json_decref(json);

    return rc;
}


static char *
ngx_http_webhook_munity_param(ngx_conf_t *cf, ngx_http_webhook_loc_conf_t *wlcf,
    ngx_str_t *value)
{
    if (wlcf->unknown != NGX_CONF_UNSET_UINT) {
        return NGX_CONF_ERROR;
    }

    if (ngx_strcmp(value->data, "unknown=reject") == 0) {
        wlcf->unknown = 0;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value->data, "unknown=pass") == 0) {
        wlcf->unknown = 1;
        return NGX_CONF_OK;
    }

    return NGX_CONF_ERROR;
}
