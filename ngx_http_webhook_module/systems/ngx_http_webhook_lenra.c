
/*
 * Lenra application webhooks: an app's token creates, lists and deletes them;
 * who knows the UUIDs of app and webhook triggers one, and upstream learns of
 * its action and properties beside the event.  These are kept, answered and
 * passed on as the JSON text that they were sent as.
 */


#include "systems/ngx_http_webhook_systems.h"
#include "systems/ngx_http_webhook_lenra_record.h"
#include "core/ngx_http_webhook_conf.h"
#include "core/ngx_http_webhook_ctx.h"
#include "core/ngx_http_webhook_path.h"
#include "registry/ngx_http_webhook_registry.h"
#include "judge/ngx_http_webhook_answer.h"
#include "judge/ngx_http_webhook_app.h"
#include "judge/ngx_http_webhook_body.h"
#include "judge/ngx_http_webhook_problem.h"


/* A page of a list ends after so many bytes, but has one webhook at least. */
#define NGX_HTTP_WEBHOOK_LENRA_PAGE  (1024 * 1024)


/* indices of ngx_http_webhook_lenra_fields[] */

enum {
    lenra_action = 0,
    lenra_props,
    lenra_user_id
};


/* What is known of one request; ctx->data points to it */

typedef struct {
    ngx_http_webhook_lenra_record_t   record;   /* the webhook it is about */
    ngx_http_webhook_registry_op_t   *op;       /* creates or deletes it */

    ngx_http_webhook_registration_t   after;    /* the page begins after it */
    ngx_http_webhook_page_t           page;     /* which page of the list */
} ngx_http_webhook_lenra_request_t;


static ngx_int_t ngx_http_webhook_lenra_route(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx);
static ngx_int_t ngx_http_webhook_lenra_find(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, u_char *uuid, u_char *app);
static ngx_int_t ngx_http_webhook_lenra_create(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx);
static ngx_int_t ngx_http_webhook_lenra_create_action(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_http_webhook_lenra_record_t *record);
static ngx_int_t ngx_http_webhook_lenra_create_props(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_http_webhook_lenra_record_t *record);
static ngx_int_t ngx_http_webhook_lenra_create_user(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_http_webhook_lenra_record_t *record);
static ngx_int_t ngx_http_webhook_lenra_parse(ngx_http_request_t *r,
    ngx_http_webhook_value_t *value, ngx_str_t *text, json_t **json);
static ngx_int_t ngx_http_webhook_lenra_create_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_webhook_lenra_created(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx);
static ngx_int_t ngx_http_webhook_lenra_list(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx);
static ngx_int_t ngx_http_webhook_lenra_list_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_webhook_lenra_item(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx);
static ngx_int_t ngx_http_webhook_lenra_get_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_webhook_lenra_delete_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_webhook_lenra_deleted(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx);
static ngx_http_webhook_registry_op_t *ngx_http_webhook_lenra_op(
    ngx_http_request_t *r, ngx_http_webhook_ctx_t *ctx);
static ngx_int_t ngx_http_webhook_lenra_wait(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_int_t rc, ngx_http_webhook_step_pt next);
static ngx_int_t ngx_http_webhook_lenra_trigger(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx);
static char *ngx_http_webhook_lenra_param(ngx_conf_t *cf,
    ngx_http_webhook_loc_conf_t *wlcf, ngx_str_t *value);
static char *ngx_http_webhook_lenra_check(ngx_conf_t *cf,
    ngx_http_webhook_loc_conf_t *wlcf);


/* Members of a new webhook; "any": Lenra's own messages tell of their types */

static ngx_http_webhook_field_t  ngx_http_webhook_lenra_fields[] = {

    ngx_http_webhook_member("action", ANY, NGX_HTTP_WEBHOOK_OPTIONAL,
                            NGX_HTTP_WEBHOOK_EVERY_EVENT),
    ngx_http_webhook_member("props", ANY, NGX_HTTP_WEBHOOK_OPTIONAL,
                            NGX_HTTP_WEBHOOK_EVERY_EVENT),
    ngx_http_webhook_member("user_id", ANY, NGX_HTTP_WEBHOOK_OPTIONAL,
                            NGX_HTTP_WEBHOOK_EVERY_EVENT)
};


static ngx_http_webhook_shape_t  ngx_http_webhook_lenra_create_shape = {
    ngx_http_webhook_lenra_fields,
    sizeof(ngx_http_webhook_lenra_fields) / sizeof(ngx_http_webhook_field_t),
    NGX_HTTP_WEBHOOK_JSON_ANY,
    0, 0, 0
};


static ngx_http_webhook_shape_t  ngx_http_webhook_lenra_event_shape = {
    NULL,
    0,
    NGX_HTTP_WEBHOOK_JSON_ANY,
    1, 0, 0
};


static ngx_http_webhook_method_t  ngx_http_webhook_lenra_collection_methods[] =
{
    { NGX_HTTP_POST,
      ngx_http_webhook_app_token,
      ngx_http_webhook_app_identify,
      0,
      &ngx_http_webhook_lenra_create_shape,
      ngx_http_webhook_lenra_create,
      NULL },

    { NGX_HTTP_GET|NGX_HTTP_HEAD,
      ngx_http_webhook_app_token,
      ngx_http_webhook_app_identify,
      0,
      NULL,
      ngx_http_webhook_lenra_list,
      ngx_http_webhook_page_params },

    { 0, NULL, NULL, 0, NULL, NULL, NULL }
};


static ngx_http_webhook_method_t  ngx_http_webhook_lenra_item_methods[] = {

    { NGX_HTTP_GET|NGX_HTTP_HEAD|NGX_HTTP_DELETE,
      ngx_http_webhook_app_token,
      ngx_http_webhook_app_identify,
      0,
      NULL,
      ngx_http_webhook_lenra_item,
      NULL },

    { 0, NULL, NULL, 0, NULL, NULL, NULL }
};


static ngx_http_webhook_method_t  ngx_http_webhook_lenra_trigger_methods[] = {

    { NGX_HTTP_POST,
      NULL,
      NULL,
      1,
      &ngx_http_webhook_lenra_event_shape,
      ngx_http_webhook_lenra_trigger,
      NULL },

    { 0, NULL, NULL, 0, NULL, NULL, NULL }
};


static ngx_http_webhook_resource_t  ngx_http_webhook_lenra_collection = {
    ngx_string("GET, HEAD, POST"),
    ngx_http_webhook_lenra_collection_methods
};


static ngx_http_webhook_resource_t  ngx_http_webhook_lenra_webhook = {
    ngx_string("GET, HEAD, DELETE"),
    ngx_http_webhook_lenra_item_methods
};


static ngx_http_webhook_resource_t  ngx_http_webhook_lenra_event = {
    ngx_string("POST"),
    ngx_http_webhook_lenra_trigger_methods
};


static ngx_http_webhook_part_t  ngx_http_webhook_lenra_parts[] = {
    { ngx_string("{\"message\":\""), NGX_HTTP_WEBHOOK_PART_MESSAGE },
    { ngx_null_string, 0 }
};


static ngx_http_webhook_envelope_t  ngx_http_webhook_lenra_envelope = {
    ngx_string("application/json"),
    ngx_http_webhook_lenra_parts
};


static ngx_http_webhook_verdict_t  ngx_http_webhook_lenra_not_found =
    ngx_http_webhook_verdict_as(NGX_HTTP_NOT_FOUND, not_found,
                                "Not Found.", "error_404");

static ngx_http_webhook_verdict_t  ngx_http_webhook_lenra_too_large =
    ngx_http_webhook_verdict(NGX_HTTP_REQUEST_ENTITY_TOO_LARGE, too_large,
                             "The webhook is too large.");

static ngx_http_webhook_verdict_t  ngx_http_webhook_lenra_blank_action =
    ngx_http_webhook_verdict(NGX_HTTP_BAD_REQUEST, invalid_action,
                             "action can't be blank");

static ngx_http_webhook_verdict_t  ngx_http_webhook_lenra_invalid_action =
    ngx_http_webhook_verdict(NGX_HTTP_BAD_REQUEST, invalid_action,
                             "action is invalid");

static ngx_http_webhook_verdict_t  ngx_http_webhook_lenra_invalid_props =
    ngx_http_webhook_verdict(NGX_HTTP_BAD_REQUEST, invalid_props,
                             "props is invalid");

static ngx_http_webhook_verdict_t  ngx_http_webhook_lenra_invalid_user_id =
    ngx_http_webhook_verdict(NGX_HTTP_BAD_REQUEST, invalid_user_id,
                             "user_id is invalid");

static ngx_http_webhook_verdict_t  ngx_http_webhook_lenra_invalid_limit =
    ngx_http_webhook_verdict(NGX_HTTP_BAD_REQUEST, invalid_limit,
                             "limit is invalid");

static ngx_http_webhook_verdict_t  ngx_http_webhook_lenra_invalid_after =
    ngx_http_webhook_verdict(NGX_HTTP_BAD_REQUEST, invalid_after,
                             "after is invalid");


ngx_http_webhook_provider_t  ngx_http_webhook_lenra = {
    ngx_string("lenra"),
    NULL,                                  /* events */
    ngx_http_webhook_no_source,            /* event */
    ngx_http_webhook_no_source,            /* id */
    ngx_http_webhook_no_source,            /* tenant */
    ngx_http_webhook_lenra_route,
    NULL,                                  /* resource */
    ngx_http_webhook_lenra_param,
    ngx_http_webhook_lenra_check,
    NULL,                                  /* fan_out */
    &ngx_http_webhook_lenra_create_shape,  /* shape */
    NULL,                                  /* media */
    &ngx_http_webhook_lenra_envelope,
    ngx_string("Bearer"),
    ngx_string("/app/"),                   /* own */
    NGX_HTTP_WEBHOOK_OPEN,                 /* secret */
    0,                                     /* slug */
    1,                                     /* passes */
    1,                                     /* identity */
    0,                                     /* unknown */
    0                                      /* unknown_path */
};


/*
 * The end of the path tells the resource:
 *
 *     /app/webhooks                        an app's webhooks
 *     /app/webhooks/<uuid>                 one of them
 *     /apps/<app uuid>/webhooks/<uuid>     its trigger
 */

static ngx_int_t
ngx_http_webhook_lenra_route(ngx_http_request_t *r, ngx_http_webhook_ctx_t *ctx)
{
    u_char                             app[NGX_HTTP_WEBHOOK_UUID_SIZE];
    u_char                             uuid[NGX_HTTP_WEBHOOK_UUID_SIZE];
    ngx_str_t                          segment[4];
    ngx_http_webhook_lenra_request_t  *lr;

    lr = ngx_pcalloc(r->pool, sizeof(ngx_http_webhook_lenra_request_t));
    if (lr == NULL) {
        return NGX_ERROR;
    }

    ctx->data = lr;

    /* the last segment is the first here */

    (void) ngx_http_webhook_path_segments(r, segment, 4);

    if (ngx_http_webhook_segment_is(&segment[0], "webhooks")
        && ngx_http_webhook_segment_is(&segment[1], "app"))
    {
        ctx->resource = &ngx_http_webhook_lenra_collection;
        return NGX_OK;
    }

    if (!ngx_http_webhook_segment_is(&segment[1], "webhooks")
        || ngx_http_webhook_uuid_parse(&segment[0], uuid) != NGX_OK)
    {
        goto not_found;
    }

    if (ngx_http_webhook_segment_is(&segment[2], "app")) {
        ngx_memcpy(lr->record.uuid, uuid, NGX_HTTP_WEBHOOK_UUID_SIZE);
        ctx->resource = &ngx_http_webhook_lenra_webhook;
        return NGX_OK;
    }

    if (!ngx_http_webhook_segment_is(&segment[3], "apps")
        || ngx_http_webhook_uuid_parse(&segment[2], app) != NGX_OK)
    {
        goto not_found;
    }

    ctx->resource = &ngx_http_webhook_lenra_event;

    return ngx_http_webhook_lenra_find(r, ctx, uuid, app);

not_found:

    return ngx_http_webhook_reject(ctx, &ngx_http_webhook_lenra_not_found,
                                   NULL);
}


/*
 * Looks a webhook of an application up.  Returns NGX_OK with it in the record
 * of the request, to which the context then points, or NGX_ABORT with a
 * verdict.
 */

static ngx_int_t
ngx_http_webhook_lenra_find(ngx_http_request_t *r, ngx_http_webhook_ctx_t *ctx,
    u_char *uuid, u_char *app)
{
    ngx_int_t                          rc;
    ngx_http_webhook_registration_t    registration;
    ngx_http_webhook_lenra_request_t  *lr;

    lr = ctx->data;

    rc = ngx_http_webhook_registry_find(ctx->conf->zone, uuid, r->pool,
                                        &registration);

    if (rc == NGX_OK
        && ngx_memcmp(registration.owner, app, NGX_HTTP_WEBHOOK_UUID_SIZE) != 0)
    {
        rc = NGX_DECLINED;
    }

    if (rc == NGX_OK
        && ngx_http_webhook_lenra_decode(&registration, &lr->record) != NGX_OK)
    {
        ngx_log_error(NGX_LOG_CRIT, r->connection->log, 0,
                      "webhook zone \"%V\" has an invalid webhook %uL",
                      &ctx->conf->zone->shm.name, registration.seq);
        rc = NGX_ERROR;
    }

    if (rc != NGX_OK) {
        return ngx_http_webhook_reject(ctx, rc == NGX_DECLINED
                                            ? &ngx_http_webhook_lenra_not_found
                                            : &ngx_http_webhook_store_failed,
                                       NULL);
    }

    ctx->identity = &lr->record.identity;
    ctx->action = &lr->record.action;

    return NGX_OK;
}


/* A step after the body: takes the members of a new webhook into the record. */

static ngx_int_t
ngx_http_webhook_lenra_create(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx)
{
    size_t                             size;
    ngx_int_t                          rc;
    ngx_uint_t                         i;
    ngx_http_webhook_value_t          *value;
    ngx_http_webhook_lenra_record_t   *record;
    ngx_http_webhook_lenra_request_t  *lr;

    lr = ctx->data;
    record = &lr->record;

    /* before anything of the body is copied */

    size = 0;

    for (i = lenra_action; i <= lenra_props; i++) {
        value = &ctx->reader.values[i];

        if (value->type != 0) {
            size += value->end - value->start;
        }
    }

    if (size > ngx_http_webhook_registry_record_size(ctx->conf->zone)) {
        return ngx_http_webhook_reject(ctx, &ngx_http_webhook_lenra_too_large,
                                       NULL);
    }

    record->identity = *ctx->identity;

    ctx->identity = &record->identity;
    ctx->action = &record->action;

    rc = ngx_http_webhook_lenra_create_action(r, ctx, record);

    if (rc == NGX_OK) {
        rc = ngx_http_webhook_lenra_create_props(r, ctx, record);
    }

    if (rc == NGX_OK) {
        rc = ngx_http_webhook_lenra_create_user(r, ctx, record);
    }

    if (rc == NGX_OK) {
        r->content_handler = ngx_http_webhook_lenra_create_handler;
    }

    return rc;
}


/* Checks "action", which must be a string that is not blank. */

static ngx_int_t
ngx_http_webhook_lenra_create_action(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_http_webhook_lenra_record_t *record)
{
    size_t                       i, len;
    json_t                      *json;
    ngx_int_t                    rc;
    const char                  *p;
    ngx_http_webhook_value_t    *value;
    ngx_http_webhook_verdict_t  *verdict;

    value = &ctx->reader.values[lenra_action];

    if (value->type == 0 || value->type == NGX_HTTP_WEBHOOK_JSON_NULL) {
        verdict = &ngx_http_webhook_lenra_blank_action;
        goto reject;
    }

    verdict = &ngx_http_webhook_lenra_invalid_action;

    if (value->type != NGX_HTTP_WEBHOOK_JSON_STRING) {
        goto reject;
    }

    rc = ngx_http_webhook_lenra_parse(r, value, &record->action, &json);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc != NGX_OK) {
        goto reject;
    }

    p = json_string_value(json);
    len = json_string_length(json);

    for (i = 0; i < len; i++) {
        if (p[i] != ' ' && (p[i] < '\t' || p[i] > '\r')) {
            break;
        }
    }

    json_decref(json);

    if (i < len) {
        return NGX_OK;
    }

    verdict = &ngx_http_webhook_lenra_blank_action;

reject:

    return ngx_http_webhook_reject(ctx, verdict, NULL);
}


/* Checks "props", an object; its numbers may be too large for jansson. */

static ngx_int_t
ngx_http_webhook_lenra_create_props(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_http_webhook_lenra_record_t *record)
{
    ngx_http_webhook_value_t  *value;

    value = &ctx->reader.values[lenra_props];

    if (value->type == 0 || value->type == NGX_HTTP_WEBHOOK_JSON_NULL) {
        return NGX_OK;
    }

    if (value->type != NGX_HTTP_WEBHOOK_JSON_OBJECT) {
        return ngx_http_webhook_reject(ctx,
                                       &ngx_http_webhook_lenra_invalid_props,
                                       NULL);
    }

    return ngx_http_webhook_body_slice(r, value->start, value->end,
                                       &record->props);
}


/* Checks "user_id", an integer, which is ignored if the token has a user. */

static ngx_int_t
ngx_http_webhook_lenra_create_user(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_http_webhook_lenra_record_t *record)
{
    json_t                       *json;
    ngx_int_t                     rc;
    ngx_str_t                     text;
    ngx_http_webhook_value_t     *value;
    ngx_http_webhook_identity_t  *identity;

    value = &ctx->reader.values[lenra_user_id];

    if (value->type == 0 || value->type == NGX_HTTP_WEBHOOK_JSON_NULL) {
        return NGX_OK;
    }

    json = NULL;

    rc = (value->type == NGX_HTTP_WEBHOOK_JSON_INTEGER)
         ? ngx_http_webhook_lenra_parse(r, value, &text, &json)
         : NGX_DECLINED;

    if (rc != NGX_OK) {
        return rc == NGX_ERROR ? NGX_ERROR
               : ngx_http_webhook_reject(ctx,
                                      &ngx_http_webhook_lenra_invalid_user_id,
                                      NULL);
    }

    identity = &record->identity;

    if (!identity->has_user) {
        identity->has_user = 1;
        identity->user = json_integer_value(json);
    }

    json_decref(json);

    return NGX_OK;
}


/*
 * Reads a member's value out of the body, as it was sent, and parses it.
 * Returns NGX_OK, NGX_DECLINED if jansson refuses it, with NULL in "json", or
 * NGX_ERROR.
 */

static ngx_int_t
ngx_http_webhook_lenra_parse(ngx_http_request_t *r,
    ngx_http_webhook_value_t *value, ngx_str_t *text, json_t **json)
{
    *json = NULL;

    if (ngx_http_webhook_body_slice(r, value->start, value->end, text)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    *json = json_loadb((char *) text->data, text->len,
                       JSON_DECODE_ANY|JSON_ALLOW_NUL, NULL);

    return *json ? NGX_OK : NGX_DECLINED;
}


static ngx_int_t
ngx_http_webhook_lenra_create_handler(ngx_http_request_t *r)
{
    ngx_int_t                          rc;
    ngx_http_webhook_ctx_t            *ctx;
    ngx_http_webhook_registry_op_t    *op;
    ngx_http_webhook_registration_t    registration;
    ngx_http_webhook_lenra_request_t  *lr;

    ctx = ngx_http_get_module_ctx(r, ngx_http_webhook_module);
    lr = ctx->data;

    ngx_http_webhook_uuid_generate(lr->record.uuid);

    op = ngx_http_webhook_lenra_op(r, ctx);

    if (op == NULL
        || ngx_http_webhook_lenra_encode(r->pool, &lr->record, &registration)
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_webhook_registry_create(ctx->conf->zone, r->pool,
                                          &registration, op);

    return ngx_http_webhook_lenra_wait(r, ctx, rc,
                                       ngx_http_webhook_lenra_created);
}


static ngx_int_t
ngx_http_webhook_lenra_created(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx)
{
    ngx_http_webhook_lenra_request_t  *lr;

    lr = ctx->data;

    if (lr->op->rc == NGX_OK) {
        return ngx_http_webhook_lenra_get_handler(r);
    }

    return ngx_http_webhook_refuse(r, ctx, (lr->op->rc == NGX_DECLINED)
                                           ? &ngx_http_webhook_zone_full
                                           : &ngx_http_webhook_store_failed,
                                   NULL);
}


/* A step before the content handler: checks the query string of a list. */

static ngx_int_t
ngx_http_webhook_lenra_list(ngx_http_request_t *r, ngx_http_webhook_ctx_t *ctx)
{
    ngx_int_t                          rc;
    ngx_http_webhook_page_t           *page;
    ngx_http_webhook_registration_t   *after;
    ngx_http_webhook_lenra_request_t  *lr;

    lr = ctx->data;
    page = &lr->page;
    after = &lr->after;

    rc = ngx_http_webhook_page_parse(r, ctx, page,
                                     &ngx_http_webhook_lenra_invalid_limit,
                                     &ngx_http_webhook_lenra_invalid_after);
    if (rc != NGX_OK) {
        return rc;
    }

    ngx_memcpy(after->owner, ctx->identity->app, NGX_HTTP_WEBHOOK_UUID_SIZE);

    if (page->has_after) {

        rc = ngx_http_webhook_registry_find(ctx->conf->zone, page->after,
                                            r->pool, after);

        if (rc == NGX_ERROR) {
            return ngx_http_webhook_reject(ctx, &ngx_http_webhook_store_failed,
                                           NULL);
        }

        if (rc != NGX_OK
            || ngx_memcmp(after->owner, ctx->identity->app,
                          NGX_HTTP_WEBHOOK_UUID_SIZE)
               != 0)
        {
            return ngx_http_webhook_reject(ctx,
                                         &ngx_http_webhook_lenra_invalid_after,
                                         NULL);
        }
    }

    r->content_handler = ngx_http_webhook_lenra_list_handler;

    return NGX_OK;
}


static ngx_int_t
ngx_http_webhook_lenra_list_handler(ngx_http_request_t *r)
{
    off_t                              len;
    ngx_int_t                          rc;
    ngx_buf_t                         *b;
    ngx_uint_t                         n;
    ngx_chain_t                       *cl, *out, **ll;
    ngx_http_webhook_ctx_t            *ctx;
    ngx_http_webhook_lenra_record_t    record;
    ngx_http_webhook_registration_t    registration;
    ngx_http_webhook_lenra_request_t  *lr;

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_webhook_module);

    lr = ctx->data;

    registration = lr->after;

    len = 0;
    ll = &out;

    for (n = 0; /* void */ ; n++) {

        rc = (n < lr->page.limit && len < NGX_HTTP_WEBHOOK_LENRA_PAGE)
             ? ngx_http_webhook_registry_next(ctx->conf->zone, r->pool,
                                              &registration)
             : NGX_DECLINED;

        if (rc == NGX_OK) {
            rc = ngx_http_webhook_lenra_decode(&registration, &record);
        }

        if (rc == NGX_ERROR) {
            return ngx_http_webhook_refuse(r, ctx,
                                           &ngx_http_webhook_store_failed,
                                           NULL);
        }

        b = ngx_create_temp_buf(r->pool, (rc != NGX_OK) ? 2
                                    : 1 + ngx_http_webhook_lenra_size(&record));
        if (b == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        cl = ngx_alloc_chain_link(r->pool);
        if (cl == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        cl->buf = b;
        cl->next = NULL;
        *ll = cl;
        ll = &cl->next;

        if (n == 0) {
            *b->last++ = '[';

        } else if (rc == NGX_OK) {
            *b->last++ = ',';
        }

        if (rc != NGX_OK) {
            *b->last++ = ']';
            len += b->last - b->pos;
            break;
        }

        b->last = ngx_http_webhook_lenra_print(b->last, &record);
        len += b->last - b->pos;

        /* declined, where the text is small: the pool then keeps it */

        (void) ngx_pfree(r->pool, registration.text.data);
    }

    return ngx_http_webhook_send_json(r, NGX_HTTP_OK, out, len);
}


static ngx_int_t
ngx_http_webhook_lenra_item(ngx_http_request_t *r, ngx_http_webhook_ctx_t *ctx)
{
    ngx_int_t                          rc;
    ngx_http_webhook_lenra_request_t  *lr;

    lr = ctx->data;

    rc = ngx_http_webhook_lenra_find(r, ctx, lr->record.uuid,
                                     ctx->identity->app);
    if (rc != NGX_OK) {
        return rc;
    }

    r->content_handler = (r->method == NGX_HTTP_DELETE)
                         ? ngx_http_webhook_lenra_delete_handler
                         : ngx_http_webhook_lenra_get_handler;
    return NGX_OK;
}


/* Answers with the webhook of the request's record. */

static ngx_int_t
ngx_http_webhook_lenra_get_handler(ngx_http_request_t *r)
{
    ngx_int_t                          rc;
    ngx_buf_t                         *b;
    ngx_chain_t                        out;
    ngx_http_webhook_ctx_t            *ctx;
    ngx_http_webhook_lenra_request_t  *lr;

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_webhook_module);
    lr = ctx->data;

    b = ngx_create_temp_buf(r->pool, ngx_http_webhook_lenra_size(&lr->record));
    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    b->last = ngx_http_webhook_lenra_print(b->last, &lr->record);

    out.buf = b;
    out.next = NULL;

    return ngx_http_webhook_send_json(r, NGX_HTTP_OK, &out, b->last - b->pos);
}


static ngx_int_t
ngx_http_webhook_lenra_delete_handler(ngx_http_request_t *r)
{
    ngx_int_t                          rc;
    ngx_http_webhook_ctx_t            *ctx;
    ngx_http_webhook_registry_op_t    *op;
    ngx_http_webhook_lenra_request_t  *lr;

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_webhook_module);

    op = ngx_http_webhook_lenra_op(r, ctx);
    if (op == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    lr = ctx->data;

    rc = ngx_http_webhook_registry_delete(ctx->conf->zone, lr->record.uuid, op);

    return ngx_http_webhook_lenra_wait(r, ctx, rc,
                                       ngx_http_webhook_lenra_deleted);
}


static ngx_int_t
ngx_http_webhook_lenra_deleted(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx)
{
    ngx_http_webhook_lenra_request_t  *lr;

    lr = ctx->data;

    if (lr->op->rc == NGX_OK) {
        return NGX_HTTP_NO_CONTENT;
    }

    return ngx_http_webhook_refuse(r, ctx, (lr->op->rc == NGX_DECLINED)
                                           ? &ngx_http_webhook_lenra_not_found
                                           : &ngx_http_webhook_store_failed,
                                   NULL);
}


static ngx_http_webhook_registry_op_t *
ngx_http_webhook_lenra_op(ngx_http_request_t *r, ngx_http_webhook_ctx_t *ctx)
{
    ngx_http_webhook_registry_op_t    *op;
    ngx_http_webhook_lenra_request_t  *lr;

    op = ngx_pcalloc(r->pool, sizeof(ngx_http_webhook_registry_op_t));
    if (op == NULL) {
        return NULL;
    }

    op->handler = ngx_http_webhook_resume_op;
    op->data = r;

    lr = ctx->data;
    lr->op = op;

    return op;
}


/* Goes on with "next", at once unless the registry's "rc" is NGX_AGAIN. */

static ngx_int_t
ngx_http_webhook_lenra_wait(ngx_http_request_t *r, ngx_http_webhook_ctx_t *ctx,
    ngx_int_t rc, ngx_http_webhook_step_pt next)
{
    ngx_http_webhook_lenra_request_t  *lr;

    if (rc == NGX_AGAIN) {
        return ngx_http_webhook_suspend(r, ctx, next);
    }

    lr = ctx->data;
    lr->op->rc = rc;

    return next(r, ctx);
}


/*
 * Puts action and props before the body and closes what it opened after it; the
 * body itself, in memory or in a file, is passed on as it is.
 */

static ngx_int_t
ngx_http_webhook_lenra_trigger(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx)
{
    u_char                            *p;
    ngx_buf_t                         *head, *tail;
    ngx_str_t                         *action, event, props;
    ngx_uint_t                         wrap;
    ngx_http_webhook_lenra_request_t  *lr;

    lr = ctx->data;
    action = &lr->record.action;

    wrap = 0;
    ngx_str_set(&event, "");

    if (ctx->reader.size == 0) {
        ngx_str_set(&event, "{}");

    } else if (ctx->reader.type != NGX_HTTP_WEBHOOK_JSON_OBJECT) {
        wrap = 1;
        ngx_str_set(&event, "{\"_json\":");
    }

    props = lr->record.props;

    if (props.len == 0) {
        ngx_str_set(&props, "null");
    }

    head = ngx_create_temp_buf(r->pool,
                               sizeof("{\"action\":,\"props\":,\"event\":") - 1
                               + action->len + props.len
                               + event.len);
    if (head == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(head->last, "{\"action\":", sizeof("{\"action\":") - 1);
    p = ngx_cpymem(p, action->data, action->len);
    p = ngx_cpymem(p, ",\"props\":", sizeof(",\"props\":") - 1);
    p = ngx_cpymem(p, props.data, props.len);
    p = ngx_cpymem(p, ",\"event\":", sizeof(",\"event\":") - 1);
    head->last = ngx_cpymem(p, event.data, event.len);

    tail = ngx_create_temp_buf(r->pool, 2);
    if (tail == NULL) {
        return NGX_ERROR;
    }

    if (wrap) {
        *tail->last++ = '}';
    }

    *tail->last++ = '}';

    return ngx_http_webhook_body_wrap(r, ctx, head, tail);
}


static char *
ngx_http_webhook_lenra_param(ngx_conf_t *cf, ngx_http_webhook_loc_conf_t *wlcf,
    ngx_str_t *value)
{
    ngx_str_t  name;

    if (ngx_strncmp(value->data, "zone=", 5) != 0 || value->len == 5
        || wlcf->zone)
    {
        return NGX_CONF_ERROR;
    }

    name.len = value->len - 5;
    name.data = value->data + 5;

    wlcf->zone = ngx_shared_memory_add(cf, &name, 0, &ngx_http_webhook_module);

    return wlcf->zone ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static char *
ngx_http_webhook_lenra_check(ngx_conf_t *cf, ngx_http_webhook_loc_conf_t *wlcf)
{
    if (wlcf->zone == NULL) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"webhook lenra\" needs \"zone=\" in %s:%ui",
                      wlcf->file, wlcf->line);
        return NGX_CONF_ERROR;
    }

    ngx_http_webhook_setting_use(wlcf, webhook_setting_app);

    return ngx_http_webhook_registry_claim(cf, wlcf->zone,
                                           &ngx_http_webhook_lenra_kind,
                                           wlcf->file, wlcf->line);
}
