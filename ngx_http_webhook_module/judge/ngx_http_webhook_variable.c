
/* The module's variables. */


#include <ngx_config.h>
#include <ngx_core.h>
#include <jansson.h>

#include "judge/ngx_http_webhook_variable.h"
#include "core/ngx_http_webhook_ctx.h"


static ngx_int_t ngx_http_webhook_variable_provider(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_webhook_variable_event(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_webhook_variable_id(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_webhook_variable_reason(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_webhook_variable_field(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_webhook_variable_tenant(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_webhook_variable_identity(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_webhook_variable_saved(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_http_variable_value_t *v,
    ngx_str_t *name);
static ngx_int_t ngx_http_webhook_variable_attempt(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_webhook_save_variable(ngx_http_request_t *r,
    ngx_array_t *variables, ngx_str_t *name, ngx_http_get_variable_pt handler,
    uintptr_t data);
static ngx_int_t ngx_http_webhook_variable_judge_time(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_webhook_action_text(ngx_pool_t *pool,
    ngx_str_t *action, ngx_str_t *text);


ngx_str_t  ngx_http_webhook_saved_event = ngx_string("event");


/* Values of ngx_http_webhook_variable_identity()'s "data" */

enum {
    webhook_app = 0,
    webhook_action,
    webhook_environment,
    webhook_user
};


/* The names by which a queue keeps these variables, with the same indices */

static ngx_str_t  ngx_http_webhook_identity_names[] = {
    ngx_string("app"),
    ngx_string("action"),
    ngx_string("environment"),
    ngx_string("user")
};


/* A value that checking the request may change must not be cached before. */

static ngx_http_variable_t  ngx_http_webhook_variables[] = {

    { ngx_string("webhook_provider"), NULL, ngx_http_webhook_variable_provider,
      0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("webhook_event"), NULL, ngx_http_webhook_variable_event,
      0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("webhook_id"), NULL, ngx_http_webhook_variable_id,
      0, 0, 0 },

    { ngx_string("webhook_reason"), NULL, ngx_http_webhook_variable_reason,
      0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string(NGX_HTTP_WEBHOOK_FIELD_PREFIX), NULL,
      ngx_http_webhook_variable_field,
      0, NGX_HTTP_VAR_NOCACHEABLE|NGX_HTTP_VAR_PREFIX, 0 },

    { ngx_string("webhook_tenant"), NULL, ngx_http_webhook_variable_tenant,
      0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("webhook_app"), NULL, ngx_http_webhook_variable_identity,
      webhook_app, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("webhook_action"), NULL, ngx_http_webhook_variable_identity,
      webhook_action, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("webhook_environment"), NULL,
      ngx_http_webhook_variable_identity,
      webhook_environment, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("webhook_user"), NULL, ngx_http_webhook_variable_identity,
      webhook_user, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("webhook_attempt"), NULL, ngx_http_webhook_variable_attempt,
      0, NGX_HTTP_VAR_NOCACHEABLE, 0 },


    { ngx_string("webhook_judge_time"), NULL,
      ngx_http_webhook_variable_judge_time,
      0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
};


/* called before the configuration is read */

/* Adds this room's variables; called before the configuration is read. */

ngx_int_t
ngx_http_webhook_variable_init(ngx_conf_t *cf)
{
    return ngx_http_webhook_add_variables(cf, ngx_http_webhook_variables);
}


/*
 * Adds a table of variables, which an empty name ends.  Returns NGX_OK or
 * NGX_ERROR.
 */

ngx_int_t
ngx_http_webhook_add_variables(ngx_conf_t *cf, ngx_http_variable_t *variables)
{
    ngx_http_variable_t  *var, *v;

    for (v = variables; v->name.len; v++) {

        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


/*
 * Sets a variable to "value", its bytes below 0x20 and 0x7f as %XX: no payload
 * may break out of a header or a log line.  "value" must live as long as "r".
 */

ngx_int_t
ngx_http_webhook_set_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, ngx_str_t *value)
{
    u_char          *p;
    size_t           i, n;
    static u_char    hex[] = "0123456789ABCDEF";

#define control(ch)  ((ch) < 0x20 || (ch) == 0x7f)

    for (i = 0, n = 0; i < value->len; i++) {
        n += control(value->data[i]);
    }

    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;
    v->len = value->len + 2 * n;
    v->data = value->data;

    if (n == 0) {
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, v->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    v->data = p;

    for (i = 0; i < value->len; i++) {

        if (!control(value->data[i])) {
            *p++ = value->data[i];
            continue;
        }

        *p++ = '%';
        *p++ = hex[value->data[i] >> 4];
        *p++ = hex[value->data[i] & 0xf];
    }

    return NGX_OK;

#undef control
}


static ngx_int_t
ngx_http_webhook_variable_provider(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_webhook_ctx_t       *ctx;
    ngx_http_webhook_loc_conf_t  *wlcf;

    static ngx_str_t  provider = ngx_string("provider");

    wlcf = ngx_http_get_module_loc_conf(r, ngx_http_webhook_module);

    if (wlcf->provider == NULL) {

        ctx = ngx_http_webhook_get_ctx(r);

        if (ctx && ctx->delivery) {
            return ngx_http_webhook_variable_saved(r, ctx, v, &provider);
        }

        if (ctx == NULL || ctx->conf == NULL) {
            v->not_found = 1;
            return NGX_OK;
        }

        wlcf = ctx->conf;
    }

    return ngx_http_webhook_set_variable(r, v, &wlcf->provider->name);
}


static ngx_int_t
ngx_http_webhook_variable_event(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_webhook_ctx_t  *ctx;

    ctx = ngx_http_webhook_get_ctx(r);

    if (ctx && ctx->delivery) {
        return ngx_http_webhook_variable_saved(r, ctx, v,
                                            &ngx_http_webhook_saved_event);
    }

    if (ctx == NULL || ctx->event_name.len == 0) {
        v->not_found = 1;
        return NGX_OK;
    }

    return ngx_http_webhook_set_variable(r, v, &ctx->event_name);
}


static ngx_int_t
ngx_http_webhook_variable_id(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_webhook_ctx_t  *ctx;

    ctx = ngx_http_webhook_get_ctx(r);

    if (ctx == NULL) {
        ctx = ngx_http_webhook_create_ctx(r);
        if (ctx == NULL) {
            return NGX_ERROR;
        }
    }

    if (ngx_http_webhook_set_id(r, ctx, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ctx->id.len == 0) {
        /* a member of the payload will be it */
        v->not_found = 1;
        v->no_cacheable = 1;
        return NGX_OK;
    }

    if (ngx_http_webhook_set_variable(r, v, &ctx->id) != NGX_OK) {
        return NGX_ERROR;
    }

    /* the location of the request may have another idea of it */

    v->no_cacheable = (ctx->conf == NULL && ctx->delivery == NULL);

    return NGX_OK;
}


static ngx_int_t
ngx_http_webhook_variable_reason(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t               *reason;
    ngx_http_webhook_ctx_t  *ctx;
    static ngx_str_t         none = ngx_null_string;
    static ngx_str_t         duplicate = ngx_string("duplicate");

    ctx = ngx_http_webhook_get_ctx(r);

    if (ctx == NULL || ctx->conf == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    if (ctx->verdict) {
        reason = &ngx_http_webhook_reasons[ctx->verdict->reason];

    } else {
        reason = ctx->duplicate ? &duplicate : &none;
    }

    return ngx_http_webhook_set_variable(r, v, reason);
}


/* $webhook_field_<name> */

static ngx_int_t
ngx_http_webhook_variable_field(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t *name = (ngx_str_t *) data;

    ngx_str_t                   saved, *variable;
    ngx_uint_t                  i;
    ngx_http_webhook_ctx_t     *ctx;
    ngx_http_webhook_shape_t   *shape;
    ngx_http_webhook_value_t   *value;

    v->not_found = 1;

    ctx = ngx_http_webhook_get_ctx(r);

    if (ctx && ctx->delivery) {
        saved.len = name->len - (sizeof("webhook_") - 1);
        saved.data = name->data + sizeof("webhook_") - 1;

        return ngx_http_webhook_variable_saved(r, ctx, v, &saved);
    }

    if (ctx == NULL || !ctx->judged) {
        return NGX_OK;
    }

    shape = ctx->reader.shape;

    for (i = 0; i < shape->nfields; i++) {
        variable = &shape->fields[i].variable;

        if (variable->len != name->len
            || ngx_memcmp(variable->data, name->data, name->len) != 0
            || !ngx_http_webhook_shape_named(&ctx->reader, ctx->event, i))
        {
            continue;
        }

        value = &ctx->reader.values[i];

        if (value->type == 0
            || value->type == NGX_HTTP_WEBHOOK_JSON_NULL
            || value->text.len > NGX_HTTP_WEBHOOK_VALUE_MAX)
        {
            return NGX_OK;
        }

        return ngx_http_webhook_set_variable(r, v, &value->text);
    }

    return NGX_OK;
}


/* $webhook_tenant: whose event it is, where the system says what tells that */

static ngx_int_t
ngx_http_webhook_variable_tenant(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t                tenant;
    ngx_http_webhook_ctx_t  *ctx;

    static ngx_str_t  saved = ngx_string("tenant");

    ctx = ngx_http_webhook_get_ctx(r);

    if (ctx && ctx->delivery) {
        return ngx_http_webhook_variable_saved(r, ctx, v, &saved);
    }

    ngx_str_null(&tenant);

    if (ctx && ctx->conf && ctx->method && ctx->method->event) {
        ngx_http_webhook_source_text(r, ctx, &ctx->conf->provider->tenant,
                                     &tenant);
    }

    if (tenant.len == 0) {
        v->not_found = 1;
        return NGX_OK;
    }

    return ngx_http_webhook_set_variable(r, v, &tenant);
}


/*
 * $webhook_app, $webhook_action, $webhook_environment and $webhook_user: those
 * of the webhook that is triggered, or of the application that asks.
 */

static ngx_int_t
ngx_http_webhook_variable_identity(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    int64_t                       n;
    ngx_str_t                     text;
    ngx_http_webhook_ctx_t       *ctx;
    ngx_http_webhook_identity_t  *identity;

    v->not_found = 1;

    ctx = ngx_http_webhook_get_ctx(r);

    if (ctx && ctx->delivery) {
        return ngx_http_webhook_variable_saved(r, ctx, v,
                                      &ngx_http_webhook_identity_names[data]);
    }

    if (ctx == NULL || ctx->identity == NULL) {
        return NGX_OK;
    }

    identity = ctx->identity;
    n = identity->environment;

    switch (data) {

    case webhook_action:

        if (ctx->action == NULL || ctx->action->len == 0) {
            return NGX_OK;
        }

        if (ngx_http_webhook_action_text(r->pool, ctx->action, &text) != NGX_OK)
        {
            return NGX_ERROR;
        }

        break;

    case webhook_app:

        text.len = NGX_HTTP_WEBHOOK_UUID_LEN;
        text.data = ngx_pnalloc(r->pool, NGX_HTTP_WEBHOOK_UUID_LEN);
        if (text.data == NULL) {
            return NGX_ERROR;
        }

        (void) ngx_http_webhook_uuid_print(text.data, identity->app);

        break;

    case webhook_user:

        if (!identity->has_user) {
            return NGX_OK;
        }

        n = identity->user;

        /* fall through */

    default: /* webhook_environment */

        text.data = ngx_pnalloc(r->pool, NGX_INT64_LEN);
        if (text.data == NULL) {
            return NGX_ERROR;
        }

        text.len = ngx_sprintf(text.data, "%L", n) - text.data;

        break;
    }

    return ngx_http_webhook_set_variable(r, v, &text);
}


/*
 * Seconds, with nanoseconds; empty where the clock is not running.  An event
 * that is delivered has the time of when it arrived.
 */

static ngx_int_t
ngx_http_webhook_variable_judge_time(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    static ngx_str_t  saved = ngx_string("judge_time");

    u_char                        *p;
    ngx_http_webhook_ctx_t        *ctx;
    ngx_http_webhook_main_conf_t  *wmcf;

    wmcf = ngx_http_get_module_main_conf(r, ngx_http_webhook_module);
    ctx = ngx_http_webhook_get_ctx(r);

    if (ctx && ctx->delivery) {
        return ngx_http_webhook_variable_saved(r, ctx, v, &saved);
    }

    if (ctx == NULL || ctx->conf == NULL || !wmcf->timed) {
        v->not_found = 1;
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, NGX_INT64_LEN + sizeof(".000000000"));
    if (p == NULL) {
        return NGX_ERROR;
    }

    v->data = p;
    v->len = ngx_sprintf(p, "%uL.%09uL", ctx->judge_time / 1000000000,
                         ctx->judge_time % 1000000000)
             - p;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    return NGX_OK;
}


/*
 * Decodes an action, which is kept as a string of JSON text, into "text", whose
 * memory is of "pool".  Returns NGX_OK or NGX_ERROR.
 */

static ngx_int_t
ngx_http_webhook_action_text(ngx_pool_t *pool, ngx_str_t *action,
    ngx_str_t *text)
{
    json_t  *json;

    json = json_loadb((char *) action->data, action->len,
                      JSON_DECODE_ANY|JSON_ALLOW_NUL, NULL);

    if (json == NULL || !json_is_string(json)) {
        json_decref(json);
        return NGX_ERROR;
    }

    text->len = json_string_length(json);
    text->data = ngx_pnalloc(pool, text->len);

    if (text->data) {
        ngx_memcpy(text->data, json_string_value(json), text->len);
    }

    json_decref(json);

    return text->data ? NGX_OK : NGX_ERROR;
}


/* Sets a variable of a delivery to what it was when the event arrived. */

static ngx_int_t
ngx_http_webhook_variable_saved(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_http_variable_value_t *v,
    ngx_str_t *name)
{
    ngx_str_t  *value;

    value = ngx_http_webhook_saved_variable(ctx->delivery->variables, name);

    if (value) {
        return ngx_http_webhook_set_variable(r, v, value);
    }

    v->not_found = 1;

    return NGX_OK;
}


static ngx_int_t
ngx_http_webhook_variable_attempt(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t                text;
    ngx_http_webhook_ctx_t  *ctx;

    ctx = ngx_http_webhook_get_ctx(r);

    if (ctx == NULL || ctx->delivery == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    text.data = ngx_pnalloc(r->pool, NGX_INT64_LEN);
    if (text.data == NULL) {
        return NGX_ERROR;
    }

    text.len = ngx_sprintf(text.data, "%ui", ctx->delivery->attempt)
               - text.data;

    return ngx_http_webhook_set_variable(r, v, &text);
}


/*
 * Adds the variables that a judged request has to "variables", of ngx_keyval_t,
 * by their names after "webhook_".  Returns NGX_OK or NGX_ERROR.
 */

ngx_int_t
ngx_http_webhook_save_variables(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_array_t *variables)
{
    ngx_str_t                 *name;
    ngx_uint_t                 n;
    ngx_http_variable_t       *var;
    ngx_http_webhook_shape_t  *shape;

    for (var = ngx_http_webhook_variables; var->name.len; var++) {

        if (!(var->flags & NGX_HTTP_VAR_PREFIX)
            && ngx_http_webhook_save_variable(r, variables, &var->name,
                                              var->get_handler, var->data)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    shape = ctx->judged ? ctx->reader.shape : NULL;

    for (n = 0; shape && n < shape->nfields; n++) {

        name = &shape->fields[n].variable;

        if (name->len == 0 || ctx->reader.values[n].type == 0) {
            continue;
        }

        if (ngx_http_webhook_save_variable(r, variables, name,
                                           ngx_http_webhook_variable_field,
                                           (uintptr_t) name)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_webhook_save_variable(ngx_http_request_t *r, ngx_array_t *variables,
    ngx_str_t *name, ngx_http_get_variable_pt handler, uintptr_t data)
{
    ngx_keyval_t               *kv;
    ngx_http_variable_value_t   v;

    ngx_memzero(&v, sizeof(ngx_http_variable_value_t));

    if (handler(r, &v, data) != NGX_OK) {
        return NGX_ERROR;
    }

    if (v.not_found || v.len == 0) {
        return NGX_OK;
    }

    kv = ngx_array_push(variables);
    if (kv == NULL) {
        return NGX_ERROR;
    }

    kv->key.len = name->len - (sizeof("webhook_") - 1);
    kv->key.data = name->data + sizeof("webhook_") - 1;
    kv->value.len = v.len;
    kv->value.data = v.data;

    return NGX_OK;
}


/*
 * Finds a variable among those that were kept of an event, by its name as it is
 * in ngx_http_webhook_message_t.  Returns its value, or NULL.
 */

ngx_str_t *
ngx_http_webhook_saved_variable(ngx_array_t *variables, ngx_str_t *name)
{
    ngx_uint_t     i;
    ngx_keyval_t  *kv;

    kv = variables->elts;

    for (i = 0; i < variables->nelts; i++) {

        if (kv[i].key.len == name->len
            && ngx_strncmp(kv[i].key.data, name->data, name->len) == 0)
        {
            return &kv[i].value;
        }
    }

    return NULL;
}
