
/*
 * "webhook_endpoints": the API that registers the URL to which a workspace's
 * events are sent, one for each workspace.
 *
 * A change is made of what was read, and takes effect only if nobody has made
 * another one meanwhile; otherwise it is made anew of what is there then.
 */


#include "endpoints/ngx_http_webhook_endpoint_api.h"
#include "core/ngx_http_webhook_conf.h"
#include "core/ngx_http_webhook_ctx.h"
#include "core/ngx_http_webhook_path.h"
#include "core/ngx_http_webhook_verdict.h"
#include "judge/ngx_http_webhook_answer.h"
#include "judge/ngx_http_webhook_body.h"
#include "judge/ngx_http_webhook_problem.h"
#include "judge/ngx_http_webhook_whsec.h"
#include "queue/ngx_http_webhook_queue.h"
#include "endpoints/ngx_http_webhook_endpoint.h"
#include "endpoints/ngx_http_webhook_resolve.h"


/* seconds, by default: a secret that was replaced still signs */
#define NGX_HTTP_WEBHOOK_OVERLAP        (24 * 60 * 60)


/* indices of ngx_http_webhook_endpoint_fields[] */

enum {
    endpoint_url = 0,
    endpoint_events,
    endpoint_secret,
    endpoint_enabled
};


/* one request of the API */

typedef struct {
    ngx_http_webhook_endpoint_t      endpoint;   /* there, or to be */
    ngx_http_webhook_url_t           url;        /* to be registered, then */
    ngx_str_t                        secret;     /* empty: none was given */
    uint32_t                         events;
    ngx_uint_t                       disabled;

    ngx_http_webhook_resolve_t       resolve;
    ngx_http_webhook_registry_op_t   op;
    ngx_http_webhook_enqueue_t       enqueue;
    ngx_uint_t                       conflicts;
    ngx_uint_t                       created;
    ngx_uint_t                       shown;
} ngx_http_webhook_endpoint_op_t;


static ngx_int_t ngx_http_webhook_endpoint_route(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx);
static ngx_int_t ngx_http_webhook_endpoint_put(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx);
static ngx_int_t ngx_http_webhook_endpoint_put_url(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_http_webhook_endpoint_op_t *eop);
static ngx_int_t ngx_http_webhook_endpoint_put_events(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_http_webhook_endpoint_op_t *eop);
static ngx_int_t ngx_http_webhook_endpoint_put_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_webhook_endpoint_resolved(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx);
static ngx_int_t ngx_http_webhook_endpoint_store(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx);
static ngx_int_t ngx_http_webhook_endpoint_change(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_http_webhook_endpoint_op_t *eop);
static ngx_int_t ngx_http_webhook_endpoint_stored(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx);
static ngx_int_t ngx_http_webhook_endpoint_item(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx);
static ngx_int_t ngx_http_webhook_endpoint_get_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_webhook_endpoint_delete_handler(
    ngx_http_request_t *r);
static ngx_int_t ngx_http_webhook_endpoint_deleted(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx);
static ngx_int_t ngx_http_webhook_endpoint_test(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx);
static ngx_http_webhook_queue_t *ngx_http_webhook_endpoint_queue(
    ngx_http_request_t *r, ngx_shm_zone_t *zone);
static ngx_int_t ngx_http_webhook_endpoint_test_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_webhook_endpoint_tested(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx);
static void ngx_http_webhook_endpoint_resolve_done(
    ngx_http_webhook_resolve_t *resolve);
static void ngx_http_webhook_endpoint_enqueue_done(
    ngx_http_webhook_enqueue_t *enqueue);
static char *ngx_http_webhook_endpoint_check(ngx_conf_t *cf,
    ngx_http_webhook_loc_conf_t *wlcf);


static ngx_str_t  ngx_http_webhook_endpoint_no_events[] = {
    ngx_null_string
};


static ngx_http_webhook_field_t  ngx_http_webhook_endpoint_fields[] = {

    ngx_http_webhook_member("url", STRING, 0, NGX_HTTP_WEBHOOK_EVERY_EVENT),

    ngx_http_webhook_member("events", ARRAY,
                            NGX_HTTP_WEBHOOK_OPTIONAL
                            |NGX_HTTP_WEBHOOK_NULLABLE,
                            NGX_HTTP_WEBHOOK_EVERY_EVENT),

    ngx_http_webhook_member("secret", STRING,
                            NGX_HTTP_WEBHOOK_OPTIONAL
                            |NGX_HTTP_WEBHOOK_NULLABLE,
                            NGX_HTTP_WEBHOOK_EVERY_EVENT),

    ngx_http_webhook_member("enabled", BOOLEAN, NGX_HTTP_WEBHOOK_OPTIONAL,
                            NGX_HTTP_WEBHOOK_EVERY_EVENT)
};


static ngx_http_webhook_shape_t  ngx_http_webhook_endpoint_shape = {
    ngx_http_webhook_endpoint_fields,
    sizeof(ngx_http_webhook_endpoint_fields) / sizeof(ngx_http_webhook_field_t),
    NGX_HTTP_WEBHOOK_JSON_OBJECT,
    0,
    0,
    0
};


static ngx_http_webhook_method_t  ngx_http_webhook_endpoint_methods[] = {

    { NGX_HTTP_PUT,
      NULL,
      NULL,
      0,
      &ngx_http_webhook_endpoint_shape,
      ngx_http_webhook_endpoint_put,
      ngx_http_webhook_no_params },

    { NGX_HTTP_GET|NGX_HTTP_HEAD|NGX_HTTP_DELETE,
      NULL,
      NULL,
      0,
      NULL,
      ngx_http_webhook_endpoint_item,
      ngx_http_webhook_no_params },

    { 0, NULL, NULL, 0, NULL, NULL, NULL }
};


static ngx_http_webhook_method_t  ngx_http_webhook_endpoint_test_methods[] = {

    { NGX_HTTP_POST,
      NULL,
      NULL,
      0,
      NULL,
      ngx_http_webhook_endpoint_test,
      ngx_http_webhook_no_params },

    { 0, NULL, NULL, 0, NULL, NULL, NULL }
};


static ngx_http_webhook_resource_t  ngx_http_webhook_endpoint_resource = {
    ngx_string("GET, HEAD, PUT, DELETE"),
    ngx_http_webhook_endpoint_methods
};


static ngx_http_webhook_resource_t  ngx_http_webhook_endpoint_test_resource = {
    ngx_string("POST"),
    ngx_http_webhook_endpoint_test_methods
};


static ngx_http_webhook_verdict_t  ngx_http_webhook_endpoint_not_found =
    ngx_http_webhook_verdict(NGX_HTTP_NOT_FOUND, not_found,
                             "there is no such webhook");

static ngx_http_webhook_verdict_t  ngx_http_webhook_endpoint_invalid_url =
    ngx_http_webhook_verdict(NGX_HTTP_BAD_REQUEST, invalid_url,
                             "must be an https URL without user name, fragment "
                             "or odd notation of its host");

static ngx_http_webhook_verdict_t  ngx_http_webhook_endpoint_unknown_host =
    ngx_http_webhook_verdict(NGX_HTTP_BAD_REQUEST, unknown_host,
                             "has a host that can't be found");

static ngx_http_webhook_verdict_t  ngx_http_webhook_endpoint_forbidden =
    ngx_http_webhook_verdict(NGX_HTTP_BAD_REQUEST, forbidden_address,
                             "has a host that is not a public one");

static ngx_http_webhook_verdict_t  ngx_http_webhook_endpoint_forbidden_port =
    ngx_http_webhook_verdict(NGX_HTTP_BAD_REQUEST, forbidden_port,
                             "has a port that is not allowed");

static ngx_http_webhook_verdict_t  ngx_http_webhook_endpoint_invalid_events =
    ngx_http_webhook_verdict(NGX_HTTP_BAD_REQUEST, invalid_field,
                             "must be names of known events");

static ngx_http_webhook_verdict_t  ngx_http_webhook_endpoint_invalid_secret =
    ngx_http_webhook_verdict(NGX_HTTP_BAD_REQUEST, invalid_field,
                             "must be whsec_ and base64 of 24 to 64 bytes");

static ngx_http_webhook_verdict_t  ngx_http_webhook_endpoint_is_disabled =
    ngx_http_webhook_verdict(NGX_HTTP_CONFLICT, endpoint_disabled,
                             "the webhook is switched off");

static ngx_http_webhook_verdict_t  ngx_http_webhook_endpoint_no_queue =
    ngx_http_webhook_verdict(NGX_HTTP_SERVICE_UNAVAILABLE, no_queue,
                             "no queue has endpoints of this zone");

static ngx_http_webhook_verdict_t  ngx_http_webhook_endpoint_no_resolver =
    ngx_http_webhook_verdict(NGX_HTTP_SERVICE_UNAVAILABLE, resolver_failed,
                             "the host could not be looked up");

static ngx_http_webhook_verdict_t  ngx_http_webhook_endpoint_conflict =
    ngx_http_webhook_verdict(NGX_HTTP_SERVICE_UNAVAILABLE, store_failed,
                             "it is being changed by others");


static ngx_http_webhook_provider_t  ngx_http_webhook_endpoint_provider = {
    ngx_string("endpoints"),
    ngx_http_webhook_endpoint_no_events,
    ngx_http_webhook_no_source,            /* event */
    ngx_http_webhook_no_source,            /* id */
    ngx_http_webhook_no_source,            /* tenant */
    ngx_http_webhook_endpoint_route,
    NULL,                                  /* resource */
    NULL,                                  /* param */
    ngx_http_webhook_endpoint_check,
    NULL,                                  /* fan_out */
    &ngx_http_webhook_endpoint_shape,      /* shape */
    NULL,                                  /* media */
    &ngx_http_webhook_problem_json,
    ngx_null_string,                       /* scheme */
    ngx_null_string,                       /* own */
    NGX_HTTP_WEBHOOK_MANAGEMENT,           /* secret */
    0,                                     /* slug */
    0,                                     /* passes */
    0,                                     /* identity */
    0,                                     /* unknown */
    0                                      /* unknown_path */
};


/*
 * The end of the path tells the resource:
 *
 *     /workspaces/<workspace id>/webhook
 *     /workspaces/<workspace id>/webhook/test
 */

static ngx_int_t
ngx_http_webhook_endpoint_route(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx)
{
    ngx_str_t                        segment[4], *s;
    ngx_http_webhook_main_conf_t    *wmcf;
    ngx_http_webhook_endpoint_op_t  *eop;

    /* the last segment is the first here */

    (void) ngx_http_webhook_path_segments(r, segment, 4);

    s = segment;
    ctx->resource = &ngx_http_webhook_endpoint_resource;

    if (ngx_http_webhook_segment_is(&s[0], "test")) {
        s++;
        ctx->resource = &ngx_http_webhook_endpoint_test_resource;
    }

    if (!ngx_http_webhook_segment_is(&s[0], "webhook")
        || !ngx_http_webhook_segment_is(&s[2], "workspaces")
        || !ngx_http_webhook_endpoint_workspace(&s[1]))
    {
        goto not_found;
    }

    eop = ngx_pcalloc(r->pool, sizeof(ngx_http_webhook_endpoint_op_t));
    if (eop == NULL) {
        return NGX_ERROR;
    }

    wmcf = ngx_http_get_module_main_conf(r, ngx_http_webhook_module);

    eop->endpoint.provider = wmcf->fan_out;
    eop->endpoint.workspace = s[1];

    ctx->data = eop;

    return NGX_OK;

not_found:

    return ngx_http_webhook_reject(ctx, &ngx_http_webhook_endpoint_not_found,
                                   NULL);
}


/* what is in the body is judged here, where it leads to in the content phase */

static ngx_int_t
ngx_http_webhook_endpoint_put(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx)
{
    ngx_int_t                        rc;
    ngx_http_webhook_value_t        *value;
    ngx_http_webhook_endpoint_op_t  *eop;

    eop = ctx->data;

    rc = ngx_http_webhook_endpoint_put_url(r, ctx, eop);

    if (rc == NGX_OK) {
        rc = ngx_http_webhook_endpoint_put_events(r, ctx, eop);
    }

    if (rc != NGX_OK) {
        return rc;
    }

    value = &ctx->reader.values[endpoint_secret];

    if (value->type == NGX_HTTP_WEBHOOK_JSON_STRING) {

        if (!ngx_http_webhook_whsec_valid(&value->text)) {
            return ngx_http_webhook_reject(ctx,
                                   &ngx_http_webhook_endpoint_invalid_secret,
                                   &ngx_http_webhook_endpoint_fields[
                                                             endpoint_secret]);
        }

        eop->secret = value->text;
    }

    value = &ctx->reader.values[endpoint_enabled];

    eop->disabled = (value->type && value->text.data[0] == 'f')
                    ? NGX_HTTP_WEBHOOK_REQUESTED : NGX_HTTP_WEBHOOK_ENABLED;

    r->content_handler = ngx_http_webhook_endpoint_put_handler;

    return NGX_OK;
}


static ngx_int_t
ngx_http_webhook_endpoint_put_url(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_http_webhook_endpoint_op_t *eop)
{
    ngx_int_t                    rc;
    ngx_http_webhook_url_t      *url;
    ngx_http_webhook_verdict_t  *verdict;

    url = &eop->url;

    rc = ngx_http_webhook_url_parse(r->pool,
                                    &ctx->reader.values[endpoint_url].text,
                                    url);
    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc != NGX_OK || (!url->tls && !ctx->conf->endpoints->http)) {
        verdict = &ngx_http_webhook_endpoint_invalid_url;

    } else if (!ngx_http_webhook_port_allowed(url,
                                              ctx->conf->endpoints->ports))
    {
        verdict = &ngx_http_webhook_endpoint_forbidden_port;

    } else if (url->socklen
               ? !ngx_http_webhook_address_allowed(&url->sockaddr.sockaddr,
                                                   ctx->conf->allow)
               : (ctx->conf->allow == NULL
                  && ngx_http_webhook_host_special(&url->host)))
    {
        verdict = &ngx_http_webhook_endpoint_forbidden;

    } else {
        return NGX_OK;
    }

    return ngx_http_webhook_reject(ctx, verdict,
                             &ngx_http_webhook_endpoint_fields[endpoint_url]);
}


static ngx_int_t
ngx_http_webhook_endpoint_put_events(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_http_webhook_endpoint_op_t *eop)
{
    size_t                     i, n;
    json_t                    *json, *item;
    ngx_str_t                  name, text;
    ngx_uint_t                 bit;
    ngx_http_webhook_value_t  *value;

    value = &ctx->reader.values[endpoint_events];

    if (value->type != NGX_HTTP_WEBHOOK_JSON_ARRAY) {
        return NGX_OK;
    }

    if (ngx_http_webhook_body_slice(r, value->start, value->end, &text)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    json = json_loadb((char *) text.data, text.len, JSON_ALLOW_NUL, NULL);

    n = json_array_size(json);

    for (i = 0; i < n; i++) {
        item = json_array_get(json, i);

        name.len = json_string_length(item);
        name.data = (u_char *) json_string_value(item);

        bit = ngx_http_webhook_endpoint_event_bit(eop->endpoint.provider,
                                                  &name);

        if (bit == 0) {
            break;
        }

        eop->events |= bit;
    }

    json_decref(json);

    if (n && i == n) {
        return NGX_OK;
    }

    return ngx_http_webhook_reject(ctx,
                          &ngx_http_webhook_endpoint_invalid_events,
                          &ngx_http_webhook_endpoint_fields[endpoint_events]);
}


static ngx_int_t
ngx_http_webhook_endpoint_put_handler(ngx_http_request_t *r)
{
    ngx_http_webhook_ctx_t          *ctx;
    ngx_http_webhook_resolve_t      *resolve;
    ngx_http_webhook_endpoint_op_t  *eop;

    ctx = ngx_http_get_module_ctx(r, ngx_http_webhook_module);
    eop = ctx->data;

    resolve = &eop->resolve;

    resolve->url = &eop->url;
    resolve->allow = ctx->conf->allow;
    resolve->handler = ngx_http_webhook_endpoint_resolve_done;
    resolve->data = r;

    if (ngx_http_webhook_resolve(r, resolve)
        == NGX_HTTP_WEBHOOK_RESOLVE_WAITING)
    {
        return ngx_http_webhook_suspend(r, ctx,
                                        ngx_http_webhook_endpoint_resolved);
    }

    return ngx_http_webhook_endpoint_resolved(r, ctx);
}


static ngx_int_t
ngx_http_webhook_endpoint_resolved(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx)
{
    ngx_http_webhook_field_t        *field;
    ngx_http_webhook_verdict_t      *verdict;
    ngx_http_webhook_endpoint_op_t  *eop;

    eop = ctx->data;
    field = &ngx_http_webhook_endpoint_fields[endpoint_url];

    switch (eop->resolve.result) {

    case NGX_HTTP_WEBHOOK_RESOLVED:
        return ngx_http_webhook_endpoint_store(r, ctx);

    case NGX_HTTP_WEBHOOK_RESOLVE_NO_RESOLVER:

        /* what the name means is checked when an event is sent to it */

        if (!ngx_http_webhook_host_special(&eop->url.host)) {
            return ngx_http_webhook_endpoint_store(r, ctx);
        }

        /* fall through */

    case NGX_HTTP_WEBHOOK_RESOLVE_FORBIDDEN:
        verdict = &ngx_http_webhook_endpoint_forbidden;
        break;

    case NGX_HTTP_WEBHOOK_RESOLVE_UNKNOWN:
        verdict = &ngx_http_webhook_endpoint_unknown_host;
        break;

    case NGX_HTTP_WEBHOOK_RESOLVE_FAILED:
        verdict = &ngx_http_webhook_endpoint_no_resolver;
        break;

    default: /* NGX_HTTP_WEBHOOK_RESOLVE_ERROR */
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_webhook_refuse(r, ctx, verdict, field);
}


static ngx_int_t
ngx_http_webhook_endpoint_store(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx)
{
    ngx_int_t                        rc;
    ngx_http_webhook_endpoint_op_t  *eop;

    eop = ctx->data;

    do {
        rc = ngx_http_webhook_endpoint_change(r, ctx, eop);

        if (rc == NGX_AGAIN) {
            return ngx_http_webhook_suspend(r, ctx,
                                        ngx_http_webhook_endpoint_stored);
        }

    } while (rc == NGX_BUSY
             && ++eop->conflicts < NGX_HTTP_WEBHOOK_CONFLICTS);

    eop->op.rc = rc;

    return ngx_http_webhook_endpoint_stored(r, ctx);
}


/* makes of what is there what it is to be; the registry's return codes */

static ngx_int_t
ngx_http_webhook_endpoint_change(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_http_webhook_endpoint_op_t *eop)
{
    time_t                        now;
    ngx_int_t                     rc;
    ngx_str_t                     workspace;
    ngx_http_webhook_endpoint_t  *endpoint;
    ngx_http_webhook_provider_t  *provider;

    endpoint = &eop->endpoint;
    provider = endpoint->provider;
    workspace = endpoint->workspace;
    now = ngx_time();

    rc = ngx_http_webhook_endpoint_find(ctx->conf->zone, provider, r->pool,
                                        &workspace, endpoint);
    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    eop->created = (rc != NGX_OK);

    if (eop->created) {
        ngx_memzero(endpoint, sizeof(ngx_http_webhook_endpoint_t));
        endpoint->provider = provider;
        endpoint->workspace = workspace;
        endpoint->created = now;
    }

    if (endpoint->until <= now) {
        endpoint->until = 0;
        ngx_str_null(&endpoint->previous);
    }

    endpoint->url = eop->url.text;
    endpoint->events = eop->events;
    endpoint->disabled = eop->disabled;
    endpoint->failing = 0;
    endpoint->failed = 0;
    endpoint->report = 0;
    endpoint->updated = now;

    eop->shown = (eop->secret.len || eop->created);

    if (eop->secret.len == 0 && eop->created
        && ngx_http_webhook_whsec_create(r->pool, &endpoint->secret) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (eop->secret.len
        && (eop->secret.len != endpoint->secret.len
            || ngx_memcmp(eop->secret.data, endpoint->secret.data,
                          eop->secret.len)
               != 0))
    {
        if (!eop->created && ctx->conf->endpoints->overlap) {
            endpoint->previous = endpoint->secret;
            endpoint->until = now + ctx->conf->endpoints->overlap;
        }

        endpoint->secret = eop->secret;
    }

    eop->op.handler = ngx_http_webhook_resume_op;
    eop->op.data = r;

    return ngx_http_webhook_endpoint_replace(ctx->conf->zone, r->pool, endpoint,
                                             &eop->op);
}


static ngx_int_t
ngx_http_webhook_endpoint_stored(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx)
{
    json_t                          *json;
    ngx_http_webhook_verdict_t      *verdict;
    ngx_http_webhook_endpoint_op_t  *eop;

    eop = ctx->data;

    switch (eop->op.rc) {

    case NGX_OK:
        json = ngx_http_webhook_endpoint_json(&eop->endpoint,
                                              eop->shown
                                              ? NGX_HTTP_WEBHOOK_WITH_SECRET
                                              : NGX_HTTP_WEBHOOK_PUBLIC);

        return ngx_http_webhook_answer_json(r, eop->created ? NGX_HTTP_CREATED
                                                            : NGX_HTTP_OK,
                                            json);

    case NGX_BUSY:

        if (++eop->conflicts < NGX_HTTP_WEBHOOK_CONFLICTS) {
            return ngx_http_webhook_endpoint_store(r, ctx);
        }

        verdict = &ngx_http_webhook_endpoint_conflict;
        break;

    case NGX_DECLINED:
        verdict = &ngx_http_webhook_zone_full;
        break;

    default: /* NGX_ERROR */
        verdict = &ngx_http_webhook_store_failed;
        break;
    }

    return ngx_http_webhook_refuse(r, ctx, verdict, NULL);
}


static ngx_int_t
ngx_http_webhook_endpoint_item(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx)
{
    ngx_int_t                        rc;
    ngx_str_t                        workspace;
    ngx_http_webhook_endpoint_op_t  *eop;

    eop = ctx->data;
    workspace = eop->endpoint.workspace;

    rc = ngx_http_webhook_endpoint_find(ctx->conf->zone, eop->endpoint.provider,
                                        r->pool, &workspace, &eop->endpoint);

    if (rc != NGX_OK) {
        return ngx_http_webhook_reject(ctx, rc == NGX_DECLINED
                                       ? &ngx_http_webhook_endpoint_not_found
                                       : &ngx_http_webhook_store_failed,
                                       NULL);
    }

    r->content_handler = (r->method == NGX_HTTP_DELETE)
                         ? ngx_http_webhook_endpoint_delete_handler
                         : ngx_http_webhook_endpoint_get_handler;
    return NGX_OK;
}


static ngx_int_t
ngx_http_webhook_endpoint_get_handler(ngx_http_request_t *r)
{
    ngx_http_webhook_ctx_t          *ctx;
    ngx_http_webhook_endpoint_op_t  *eop;

    ctx = ngx_http_get_module_ctx(r, ngx_http_webhook_module);
    eop = ctx->data;

    return ngx_http_webhook_answer_json(r, NGX_HTTP_OK,
                             ngx_http_webhook_endpoint_json(&eop->endpoint,
                                                    NGX_HTTP_WEBHOOK_PUBLIC));
}


static ngx_int_t
ngx_http_webhook_endpoint_delete_handler(ngx_http_request_t *r)
{
    ngx_int_t                        rc;
    ngx_http_webhook_ctx_t          *ctx;
    ngx_http_webhook_endpoint_op_t  *eop;

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_webhook_module);
    eop = ctx->data;

    eop->op.handler = ngx_http_webhook_resume_op;
    eop->op.data = r;

    rc = ngx_http_webhook_registry_delete(ctx->conf->zone, eop->endpoint.uuid,
                                          &eop->op);
    if (rc == NGX_AGAIN) {
        return ngx_http_webhook_suspend(r, ctx,
                                        ngx_http_webhook_endpoint_deleted);
    }

    eop->op.rc = rc;

    return ngx_http_webhook_endpoint_deleted(r, ctx);
}


static ngx_int_t
ngx_http_webhook_endpoint_deleted(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx)
{
    ngx_http_webhook_endpoint_op_t  *eop;

    eop = ctx->data;

    if (eop->op.rc == NGX_OK) {
        return NGX_HTTP_NO_CONTENT;
    }

    return ngx_http_webhook_refuse(r, ctx, eop->op.rc == NGX_DECLINED
                                        ? &ngx_http_webhook_endpoint_not_found
                                        : &ngx_http_webhook_store_failed,
                                        NULL);
}


static ngx_int_t
ngx_http_webhook_endpoint_test(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx)
{
    ngx_int_t                        rc;
    ngx_http_webhook_endpoint_op_t  *eop;

    rc = ngx_http_webhook_endpoint_item(r, ctx);
    if (rc != NGX_OK) {
        return rc;
    }

    eop = ctx->data;

    if (eop->endpoint.disabled) {
        return ngx_http_webhook_reject(ctx,
                                       &ngx_http_webhook_endpoint_is_disabled,
                                       NULL);
    }

    eop->enqueue.queue = ngx_http_webhook_endpoint_queue(r, ctx->conf->zone);

    if (eop->enqueue.queue == NULL) {
        return ngx_http_webhook_reject(ctx,
                                       &ngx_http_webhook_endpoint_no_queue,
                                       NULL);
    }

    r->content_handler = ngx_http_webhook_endpoint_test_handler;

    return NGX_OK;
}


/* the first one that sends to endpoints of the zone, or NULL */

static ngx_http_webhook_queue_t *
ngx_http_webhook_endpoint_queue(ngx_http_request_t *r, ngx_shm_zone_t *zone)
{
    ngx_uint_t                      i;
    ngx_http_webhook_queue_t      **queue;
    ngx_http_webhook_main_conf_t   *wmcf;

    wmcf = ngx_http_get_module_main_conf(r, ngx_http_webhook_module);
    queue = wmcf->queues.elts;

    for (i = 0; i < wmcf->queues.nelts; i++) {
        if (queue[i]->endpoints == zone) {
            return queue[i];
        }
    }

    return NULL;
}


static ngx_int_t
ngx_http_webhook_endpoint_test_handler(ngx_http_request_t *r)
{
    json_t                          *payload;
    ngx_int_t                        rc;
    ngx_http_webhook_ctx_t          *ctx;
    ngx_http_webhook_enqueue_t      *enqueue;
    ngx_http_webhook_fan_out_t      *fan_out;
    ngx_http_webhook_endpoint_op_t  *eop;

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_webhook_module);
    eop = ctx->data;
    enqueue = &eop->enqueue;

    enqueue->provider = eop->endpoint.provider;
    fan_out = enqueue->provider->fan_out;

    enqueue->workspace = eop->endpoint.workspace;
    enqueue->name = enqueue->provider->events[fan_out->test];
    enqueue->handler = ngx_http_webhook_endpoint_enqueue_done;
    enqueue->data = r;

    payload = json_pack("{s:b}", "test", 1);

    if (fan_out->create(r->pool, &enqueue->workspace, &enqueue->name, payload,
                        &enqueue->text)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_webhook_queue_submit_own(enqueue, r->pool,
                                           eop->endpoint.uuid);

    if (rc == NGX_AGAIN) {
        return ngx_http_webhook_suspend(r, ctx,
                                        ngx_http_webhook_endpoint_tested);
    }

    enqueue->sc.change.rc = NGX_ERROR;

    return ngx_http_webhook_endpoint_tested(r, ctx);
}


static ngx_int_t
ngx_http_webhook_endpoint_tested(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx)
{
    ngx_http_webhook_endpoint_op_t  *eop;

    eop = ctx->data;

    return ngx_http_webhook_queue_answer(r, &eop->enqueue);
}


static void
ngx_http_webhook_endpoint_resolve_done(ngx_http_webhook_resolve_t *resolve)
{
    ngx_http_webhook_resume(resolve->data);
}


static void
ngx_http_webhook_endpoint_enqueue_done(ngx_http_webhook_enqueue_t *enqueue)
{
    ngx_http_webhook_resume(enqueue->data);
}


/* webhook_endpoints zone=name [http] [overlap=24h] [ports=list]; */

char *
ngx_http_webhook_endpoints_conf(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_webhook_loc_conf_t *wlcf = conf;

    ngx_str_t                           *value, text;
    ngx_uint_t                           i;
    ngx_http_webhook_endpoints_conf_t   *ecf;

    if (wlcf->provider != NGX_CONF_UNSET_PTR) {
        return wlcf->endpoints ? "is duplicate" : "is used beside \"webhook\"";
    }

    ecf = ngx_pcalloc(cf->pool, sizeof(ngx_http_webhook_endpoints_conf_t));
    if (ecf == NULL) {
        return NGX_CONF_ERROR;
    }

    ecf->overlap = NGX_CONF_UNSET;

    wlcf->provider = &ngx_http_webhook_endpoint_provider;
    wlcf->endpoints = ecf;
    wlcf->file = cf->conf_file->file.name.data;
    wlcf->line = cf->conf_file->line;

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "zone=", 5) == 0
            && value[i].len > 5 && wlcf->zone == NULL)
        {
            text.len = value[i].len - 5;
            text.data = value[i].data + 5;

            wlcf->zone = ngx_shared_memory_add(cf, &text, 0,
                                               &ngx_http_webhook_module);
            if (wlcf->zone == NULL) {
                return NGX_CONF_ERROR;
            }

            continue;
        }

        if (ngx_strncmp(value[i].data, "ports=", 6) == 0 && ecf->ports == NULL)
        {
            text.len = value[i].len - 6;
            text.data = value[i].data + 6;

            ecf->ports = ngx_http_webhook_ports(cf->pool, &text);

            if (ecf->ports) {
                continue;
            }

        } else if (ngx_strncmp(value[i].data, "overlap=", 8) == 0
                   && ecf->overlap == NGX_CONF_UNSET)
        {
            text.len = value[i].len - 8;
            text.data = value[i].data + 8;

            ecf->overlap = ngx_http_webhook_time(&text, 1);

            if (ecf->overlap != (time_t) NGX_ERROR) {
                continue;
            }

        } else if (ngx_strcmp(value[i].data, "http") == 0 && !ecf->http) {
            ecf->http = 1;
            continue;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\"", &value[i]);
        return NGX_CONF_ERROR;
    }

    if (wlcf->zone == NULL) {
        return "needs \"zone=\"";
    }

    if (ecf->overlap == NGX_CONF_UNSET) {
        ecf->overlap = NGX_HTTP_WEBHOOK_OVERLAP;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_webhook_endpoint_check(ngx_conf_t *cf,
    ngx_http_webhook_loc_conf_t *wlcf)
{
    return ngx_http_webhook_endpoint_check_zone(cf, wlcf->zone, wlcf->file,
                                                wlcf->line);
}
