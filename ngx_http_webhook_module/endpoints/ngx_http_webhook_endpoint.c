
/*
 * Registered endpoints: the URL to which a workspace's events are sent, one for
 * each workspace, and the API that registers them.
 *
 * An endpoint is a registration of the zone whose UUID is a hash of the
 * workspace's id, and whose text is a JSON object: what GET answers, and the
 * secrets.  A change is made of what was read, and takes effect only if nobody
 * has made another one meanwhile; then it is made anew.
 */


#include "endpoints/ngx_http_webhook_endpoint.h"
#include "core/ngx_http_webhook_ctx.h"
#include "base/ngx_http_webhook_crypto.h"
#include "judge/ngx_http_webhook_answer.h"
#include "judge/ngx_http_webhook_body.h"
#include "judge/ngx_http_webhook_problem.h"
#include "judge/ngx_http_webhook_secret.h"
#include "judge/ngx_http_webhook_sign.h"
#include "systems/ngx_http_webhook_systems.h"
#include "queue/ngx_http_webhook_queue.h"


#define NGX_HTTP_WEBHOOK_WORKSPACE_MAX  256

/* seconds, by default: a secret that was replaced still signs */
#define NGX_HTTP_WEBHOOK_OVERLAP        (24 * 60 * 60)

#define NGX_HTTP_WEBHOOK_CONFLICTS      16


/* indices of ngx_http_webhook_endpoint_fields[] */

enum {
    endpoint_url = 0,
    endpoint_events,
    endpoint_secret,
    endpoint_enabled
};


/* of ngx_http_webhook_endpoint_json() */

enum {
    webhook_public = 0,
    webhook_shown,               /* with the secret */
    webhook_record               /* with all that is kept */
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
static ngx_uint_t ngx_http_webhook_endpoint_workspace(ngx_str_t *workspace);
static ngx_int_t ngx_http_webhook_endpoint_put(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx);
static ngx_int_t ngx_http_webhook_endpoint_put_url(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_http_webhook_endpoint_op_t *eop);
static ngx_int_t ngx_http_webhook_endpoint_put_events(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_http_webhook_endpoint_op_t *eop);
static ngx_uint_t ngx_http_webhook_endpoint_event_bit(ngx_str_t *name);
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
static ngx_int_t ngx_http_webhook_endpoint_key(ngx_str_t *workspace,
    u_char *uuid);
static json_t *ngx_http_webhook_endpoint_json(
    ngx_http_webhook_endpoint_t *endpoint, ngx_uint_t what);
static json_t *ngx_http_webhook_endpoint_time(time_t t);
static json_t *ngx_http_webhook_endpoint_string(ngx_str_t *text);
static ngx_int_t ngx_http_webhook_endpoint_parse(ngx_pool_t *pool,
    ngx_str_t *text, ngx_http_webhook_endpoint_t *endpoint);
static ngx_int_t ngx_http_webhook_endpoint_member(ngx_pool_t *pool,
    json_t *json, char *name, ngx_str_t *text);
static ngx_int_t ngx_http_webhook_endpoint_member_time(json_t *json,
    char *name, time_t *t);
static void ngx_http_webhook_resolve_handler(ngx_resolver_ctx_t *rctx);
static ngx_int_t ngx_http_webhook_resolve_judge(
    ngx_http_webhook_resolve_t *resolve, ngx_resolver_ctx_t *rctx);
static char *ngx_http_webhook_endpoint_check(ngx_conf_t *cf,
    ngx_http_webhook_loc_conf_t *wlcf);


static ngx_http_webhook_field_t  ngx_http_webhook_endpoint_fields[] = {

    { ngx_string("url"), ngx_string("url"), NGX_HTTP_WEBHOOK_ROOT,
      NGX_HTTP_WEBHOOK_STRING, 0, NGX_HTTP_WEBHOOK_EVERY_EVENT },

    { ngx_string("events"), ngx_string("events"), NGX_HTTP_WEBHOOK_ROOT,
      NGX_HTTP_WEBHOOK_ARRAY,
      NGX_HTTP_WEBHOOK_OPTIONAL|NGX_HTTP_WEBHOOK_NULLABLE,
      NGX_HTTP_WEBHOOK_EVERY_EVENT },

    { ngx_string("secret"), ngx_string("secret"), NGX_HTTP_WEBHOOK_ROOT,
      NGX_HTTP_WEBHOOK_STRING,
      NGX_HTTP_WEBHOOK_OPTIONAL|NGX_HTTP_WEBHOOK_NULLABLE,
      NGX_HTTP_WEBHOOK_EVERY_EVENT },

    { ngx_string("enabled"), ngx_string("enabled"), NGX_HTTP_WEBHOOK_ROOT,
      NGX_HTTP_WEBHOOK_BOOLEAN, NGX_HTTP_WEBHOOK_OPTIONAL,
      NGX_HTTP_WEBHOOK_EVERY_EVENT }
};


static ngx_http_webhook_shape_t  ngx_http_webhook_endpoint_shape = {
    ngx_http_webhook_endpoint_fields,
    sizeof(ngx_http_webhook_endpoint_fields) / sizeof(ngx_http_webhook_field_t),
    NGX_HTTP_WEBHOOK_JSON_OBJECT,
    0,
    0
};


static ngx_http_webhook_method_t  ngx_http_webhook_endpoint_methods[] = {

    { NGX_HTTP_PUT,
      ngx_http_webhook_authenticate,
      NULL,
      0,
      &ngx_http_webhook_endpoint_shape,
      ngx_http_webhook_endpoint_put },

    { NGX_HTTP_GET|NGX_HTTP_HEAD|NGX_HTTP_DELETE,
      ngx_http_webhook_authenticate,
      NULL,
      0,
      NULL,
      ngx_http_webhook_endpoint_item },

    { 0, NULL, NULL, 0, NULL, NULL }
};


static ngx_http_webhook_method_t  ngx_http_webhook_endpoint_test_methods[] = {

    { NGX_HTTP_POST,
      ngx_http_webhook_authenticate,
      NULL,
      0,
      NULL,
      ngx_http_webhook_endpoint_test },

    { 0, NULL, NULL, 0, NULL, NULL }
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
                             "must be an https URL without user name, "
                             "fragment or odd notation of its host");

static ngx_http_webhook_verdict_t  ngx_http_webhook_endpoint_unknown_host =
    ngx_http_webhook_verdict(NGX_HTTP_BAD_REQUEST, unknown_host,
                             "has a host that can't be found");

static ngx_http_webhook_verdict_t  ngx_http_webhook_endpoint_forbidden =
    ngx_http_webhook_verdict(NGX_HTTP_BAD_REQUEST, forbidden_address,
                             "has a host that is not a public one");

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


/* by enum */

static ngx_str_t  ngx_http_webhook_endpoint_reasons[] = {
    ngx_null_string,
    ngx_string("requested"),
    ngx_string("gone"),
    ngx_string("failing"),
    ngx_null_string
};


/* the registrations' application; there is one for all */

static u_char  ngx_http_webhook_endpoint_app[NGX_HTTP_WEBHOOK_UUID_SIZE];


ngx_http_webhook_provider_t  ngx_http_webhook_endpoints = {
    ngx_string("endpoints"),
    NULL,                                  /* events */
    NGX_HTTP_WEBHOOK_ROOT,
    ngx_http_webhook_endpoint_route,
    NULL,                                  /* param */
    ngx_http_webhook_endpoint_check,
    &ngx_http_webhook_problem_json,
    ngx_null_string,                       /* scheme */
    NGX_HTTP_WEBHOOK_MANAGEMENT,           /* secret */
    0                                      /* slug */
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
    u_char                          *last, *p;
    ngx_str_t                        segment[4], *s;
    ngx_uint_t                       n;
    ngx_http_webhook_endpoint_op_t  *eop;

    static ngx_str_t  test = ngx_string("test");
    static ngx_str_t  webhook = ngx_string("webhook");
    static ngx_str_t  workspaces = ngx_string("workspaces");

#define same(a, b)                                                            \
    ((a)->len == (b)->len && ngx_strncmp((a)->data, (b)->data, (b)->len) == 0)

    /* the last segment is the first here */

    last = r->uri.data + r->uri.len;

    for (n = 0; n < 4; n++) {

        for (p = last; p > r->uri.data && p[-1] != '/'; p--) { /* void */ }

        segment[n].len = last - p;
        segment[n].data = p;

        last = (p > r->uri.data) ? p - 1 : p;
    }

    s = segment;
    ctx->resource = &ngx_http_webhook_endpoint_resource;

    if (same(&s[0], &test)) {
        s++;
        ctx->resource = &ngx_http_webhook_endpoint_test_resource;
    }

    if (!same(&s[0], &webhook)
        || !same(&s[2], &workspaces)
        || !ngx_http_webhook_endpoint_workspace(&s[1]))
    {
        return ngx_http_webhook_reject(ctx,
                                       &ngx_http_webhook_endpoint_not_found,
                                       NULL);
    }

#undef same

    eop = ngx_pcalloc(r->pool, sizeof(ngx_http_webhook_endpoint_op_t));
    if (eop == NULL) {
        return NGX_ERROR;
    }

    eop->endpoint.workspace = s[1];

    ctx->data = eop;

    return NGX_OK;
}


/* UTF-8 without control characters; there is nothing else in JSON's strings */

static ngx_uint_t
ngx_http_webhook_endpoint_workspace(ngx_str_t *workspace)
{
    u_char    *last, *p, *start;
    uint32_t   n;

    if (workspace->len == 0
        || workspace->len > NGX_HTTP_WEBHOOK_WORKSPACE_MAX)
    {
        return 0;
    }

    p = workspace->data;
    last = workspace->data + workspace->len;

    while (p < last) {

        if (*p < 0x80) {

            if (*p < 0x20 || *p == 0x7f) {
                return 0;
            }

            p++;
            continue;
        }

        start = p;
        n = ngx_utf8_decode(&p, last - p);

        if (n > 0x10ffff || (n >= 0xd800 && n <= 0xdfff)
            || (n >= 0x80 && n < 0xa0))
        {
            return 0;
        }

        /* nginx takes any byte from 0x80 on for one that continues */

        while (++start < p) {
            if (*start >= 0xc0) {
                return 0;
            }
        }
    }

    return 1;
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

        if (!ngx_http_webhook_secret_is(&value->text)) {
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

    } else if (url->socklen
               ? !ngx_http_webhook_address_allowed(&url->sockaddr.sockaddr,
                                                   url->socklen,
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

        bit = ngx_http_webhook_endpoint_event_bit(&name);

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


/* returns 0 if Munity has no event of this name */

static ngx_uint_t
ngx_http_webhook_endpoint_event_bit(ngx_str_t *name)
{
    ngx_uint_t  event;

    event = ngx_http_webhook_find_event(&ngx_http_webhook_munity, name);

    return (event == NGX_HTTP_WEBHOOK_NO_EVENT) ? 0
                                                : NGX_HTTP_WEBHOOK_EVENT(event);
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

    if (ngx_http_webhook_resolve(r, resolve) == NGX_AGAIN) {
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

    switch (eop->resolve.rc) {

    case NGX_OK:
        return ngx_http_webhook_endpoint_store(r, ctx);

    case NGX_DONE:

        /* there is no resolver: what the name means is known when it is used */

        if (!ngx_http_webhook_host_special(&eop->url.host)) {
            return ngx_http_webhook_endpoint_store(r, ctx);
        }

        /* fall through */

    case NGX_DECLINED:
        verdict = &ngx_http_webhook_endpoint_forbidden;
        break;

    case NGX_ABORT:
        verdict = &ngx_http_webhook_endpoint_unknown_host;
        break;

    case NGX_BUSY:
        verdict = &ngx_http_webhook_endpoint_no_resolver;
        break;

    default: /* NGX_ERROR */
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

    endpoint = &eop->endpoint;
    workspace = endpoint->workspace;
    now = ngx_time();

    rc = ngx_http_webhook_endpoint_find(ctx->conf->zone, r->pool, &workspace,
                                        endpoint);
    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    eop->created = (rc != NGX_OK);

    if (eop->created) {
        ngx_memzero(endpoint, sizeof(ngx_http_webhook_endpoint_t));
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
    endpoint->updated = now;

    eop->shown = (eop->secret.len || eop->created);

    if (eop->secret.len == 0 && eop->created
        && ngx_http_webhook_secret_create(r->pool, &endpoint->secret) != NGX_OK)
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
    ngx_http_webhook_verdict_t      *verdict;
    ngx_http_webhook_endpoint_op_t  *eop;

    eop = ctx->data;

    switch (eop->op.rc) {

    case NGX_OK:
        return ngx_http_webhook_answer_json(r, eop->created ? NGX_HTTP_CREATED
                                                            : NGX_HTTP_OK,
                      ngx_http_webhook_endpoint_json(&eop->endpoint,
                                                     eop->shown
                                                     ? webhook_shown
                                                     : webhook_public));

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

    rc = ngx_http_webhook_endpoint_find(ctx->conf->zone, r->pool, &workspace,
                                        &eop->endpoint);

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
                                                              webhook_public));
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
    ngx_http_webhook_endpoint_op_t  *eop;

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_webhook_module);
    eop = ctx->data;
    enqueue = &eop->enqueue;

    payload = json_pack("{s:b}", "test", 1);

    enqueue->workspace = eop->endpoint.workspace;
    ngx_str_set(&enqueue->name, "webhook_test");
    enqueue->handler = ngx_http_webhook_endpoint_enqueue_done;
    enqueue->data = r;

    if (ngx_http_webhook_endpoint_event(r->pool, &enqueue->workspace,
                                        "webhook_test", payload,
                                        &enqueue->text)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_webhook_enqueue_own(enqueue, r->pool, &eop->endpoint.uuid[0]);

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


/*
 * Makes an event in Munity's envelope; takes the reference to "payload".
 * Returns NGX_OK or NGX_ERROR.
 */

ngx_int_t
ngx_http_webhook_endpoint_event(ngx_pool_t *pool, ngx_str_t *workspace,
    char *event, json_t *payload, ngx_str_t *body)
{
    json_t     *json;
    ngx_int_t   rc;

    json = json_object();

    if (json_object_set_new(json, "workspace_id",
                            ngx_http_webhook_endpoint_string(workspace))
        || json_object_set_new(json, "customer_id", json_null())
        || json_object_set_new(json, "event", json_string(event))
        || json_object_set_new(json, "state", json_null())
        || json_object_set(json, "payload", payload))
    {
        rc = NGX_ERROR;

    } else {
        rc = ngx_http_webhook_print_json(pool, json, body);
    }

    json_decref(payload);
    json_decref(json);

    return rc;
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


/* the UUID of a workspace's registration, RFC 9562, version 8 */

static ngx_int_t
ngx_http_webhook_endpoint_key(ngx_str_t *workspace, u_char *uuid)
{
    if (ngx_http_webhook_hash(workspace, uuid, NGX_HTTP_WEBHOOK_UUID_SIZE,
                              ngx_cycle->log)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    uuid[6] = (u_char) (0x80 | (uuid[6] & 0x0f));
    uuid[8] = (u_char) (0x80 | (uuid[8] & 0x3f));

    return NGX_OK;
}


/*
 * Looks a workspace's endpoint up.  Returns NGX_OK with what is in "pool",
 * NGX_DECLINED if there is none, or NGX_ERROR.
 */

ngx_int_t
ngx_http_webhook_endpoint_find(ngx_shm_zone_t *zone, ngx_pool_t *pool,
    ngx_str_t *workspace, ngx_http_webhook_endpoint_t *endpoint)
{
    u_char                           uuid[NGX_HTTP_WEBHOOK_UUID_SIZE];
    ngx_int_t                        rc;
    ngx_http_webhook_registration_t  registration;

    if (!ngx_http_webhook_endpoint_workspace(workspace)) {
        return NGX_DECLINED;
    }

    if (ngx_http_webhook_endpoint_key(workspace, uuid) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_http_webhook_registry_find(zone, uuid, pool, &registration);
    if (rc != NGX_OK) {
        return rc;
    }

    ngx_memzero(endpoint, sizeof(ngx_http_webhook_endpoint_t));

    ngx_memcpy(endpoint->uuid, uuid, NGX_HTTP_WEBHOOK_UUID_SIZE);
    endpoint->seq = registration.seq;

    if (ngx_http_webhook_endpoint_parse(pool, &registration.action, endpoint)
        != NGX_OK
        || endpoint->workspace.len != workspace->len
        || ngx_memcmp(endpoint->workspace.data, workspace->data, workspace->len)
           != 0)
    {
        ngx_log_error(NGX_LOG_CRIT, pool->log, 0,
                      "webhook zone \"%V\" has an invalid endpoint %uL",
                      &zone->shm.name, registration.seq);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/*
 * Stores an endpoint in the place of the one that was found, or of none if seq
 * is 0.  Returns what ngx_http_webhook_registry_replace() does; "pool" must
 * live until "op" is done.
 */

ngx_int_t
ngx_http_webhook_endpoint_replace(ngx_shm_zone_t *zone, ngx_pool_t *pool,
    ngx_http_webhook_endpoint_t *endpoint, ngx_http_webhook_registry_op_t *op)
{
    json_t                           *json;
    ngx_int_t                         rc;
    ngx_http_webhook_registration_t   registration;

    ngx_memzero(&registration, sizeof(ngx_http_webhook_registration_t));

    if (ngx_http_webhook_endpoint_key(&endpoint->workspace, endpoint->uuid)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_memcpy(registration.uuid, endpoint->uuid, NGX_HTTP_WEBHOOK_UUID_SIZE);
    ngx_memcpy(registration.app, ngx_http_webhook_endpoint_app,
               NGX_HTTP_WEBHOOK_UUID_SIZE);
    registration.seq = endpoint->seq;

    json = ngx_http_webhook_endpoint_json(endpoint, webhook_record);
    rc = ngx_http_webhook_print_json(pool, json, &registration.action);
    json_decref(json);

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_webhook_registry_replace(zone, pool, &registration, op);
}


/* whether an event of this name is sent; a test always is */

ngx_uint_t
ngx_http_webhook_endpoint_wants(ngx_http_webhook_endpoint_t *endpoint,
    ngx_str_t *event)
{
    return endpoint->events == 0
           || ((endpoint->events | NGX_HTTP_WEBHOOK_EVENT(0))
               & ngx_http_webhook_endpoint_event_bit(event));
}


ngx_str_t *
ngx_http_webhook_endpoint_reason(ngx_uint_t disabled)
{
    return &ngx_http_webhook_endpoint_reasons[disabled];
}


/* returns NULL if there is no memory */

static json_t *
ngx_http_webhook_endpoint_json(ngx_http_webhook_endpoint_t *endpoint,
    ngx_uint_t what)
{
    json_t      *events, *json;
    ngx_str_t   *names;
    ngx_uint_t   failed, i;

    json = json_object();

    events = endpoint->events ? json_array() : json_null();
    names = ngx_http_webhook_munity.events;
    failed = 0;

    for (i = 0; endpoint->events && names[i].len; i++) {
        if (endpoint->events & NGX_HTTP_WEBHOOK_EVENT(i)) {
            failed |= json_array_append_new(events,
                                  ngx_http_webhook_endpoint_string(&names[i]))
                      != 0;
        }
    }

#define set(name, value)                                                      \
    failed |= (json_object_set_new(json, name, value) != 0)

    set("workspace_id",
        ngx_http_webhook_endpoint_string(&endpoint->workspace));
    set("url", ngx_http_webhook_endpoint_string(&endpoint->url));
    set("events", events);
    set("enabled", json_boolean(endpoint->disabled == 0));
    set("disabled_reason", endpoint->disabled
                           ? ngx_http_webhook_endpoint_string(
                                 ngx_http_webhook_endpoint_reason(
                                                        endpoint->disabled))
                           : json_null());
    set("failing_since", ngx_http_webhook_endpoint_time(endpoint->failing));
    set("created", ngx_http_webhook_endpoint_time(endpoint->created));
    set("updated", ngx_http_webhook_endpoint_time(endpoint->updated));
    set("previous_secret_until",
        ngx_http_webhook_endpoint_time(endpoint->until > ngx_time()
                                       ? endpoint->until : 0));

    if (what != webhook_public) {
        set("secret", ngx_http_webhook_endpoint_string(&endpoint->secret));
    }

    if (what == webhook_record && endpoint->until > ngx_time()) {
        set("previous_secret",
            ngx_http_webhook_endpoint_string(&endpoint->previous));
    }

#undef set

    if (failed) {
        json_decref(json);
        return NULL;
    }

    return json;
}


static json_t *
ngx_http_webhook_endpoint_time(time_t t)
{
    return t ? json_integer(t) : json_null();
}


static json_t *
ngx_http_webhook_endpoint_string(ngx_str_t *text)
{
    return json_stringn((char *) text->data, text->len);
}


/* returns NGX_OK, or NGX_ERROR for what we have not printed, or no memory */

static ngx_int_t
ngx_http_webhook_endpoint_parse(ngx_pool_t *pool, ngx_str_t *text,
    ngx_http_webhook_endpoint_t *endpoint)
{
    size_t       i;
    json_t      *events, *item, *json;
    ngx_int_t    rc;
    ngx_str_t    name, *reason;
    ngx_uint_t   n;

    json = json_loadb((char *) text->data, text->len, 0, NULL);

    rc = ngx_http_webhook_endpoint_member(pool, json, "workspace_id",
                                          &endpoint->workspace);
    if (rc == NGX_OK) {
        rc = ngx_http_webhook_endpoint_member(pool, json, "url",
                                              &endpoint->url);
    }

    if (rc == NGX_OK) {
        rc = ngx_http_webhook_endpoint_member(pool, json, "secret",
                                              &endpoint->secret);
    }

    if (rc != NGX_OK
        || ngx_http_webhook_endpoint_member_time(json, "failing_since",
                                                 &endpoint->failing)
           != NGX_OK
        || ngx_http_webhook_endpoint_member_time(json, "created",
                                                 &endpoint->created)
           != NGX_OK
        || ngx_http_webhook_endpoint_member_time(json, "updated",
                                                 &endpoint->updated)
           != NGX_OK
        || ngx_http_webhook_endpoint_member_time(json, "previous_secret_until",
                                                 &endpoint->until)
           != NGX_OK)
    {
        json_decref(json);
        return NGX_ERROR;
    }

    if (endpoint->until
        && ngx_http_webhook_endpoint_member(pool, json, "previous_secret",
                                            &endpoint->previous)
           != NGX_OK)
    {
        rc = NGX_ERROR;
    }

    if (!json_is_true(json_object_get(json, "enabled"))) {

        /* a reason that we don't know is one as well */

        endpoint->disabled = NGX_HTTP_WEBHOOK_REQUESTED;

        item = json_object_get(json, "disabled_reason");
        reason = ngx_http_webhook_endpoint_reasons;

        for (n = NGX_HTTP_WEBHOOK_REQUESTED; reason[n].len; n++) {
            if (json_string_length(item) == reason[n].len
                && ngx_strncmp(json_string_value(item), reason[n].data,
                               reason[n].len)
                   == 0)
            {
                endpoint->disabled = n;
            }
        }
    }

    events = json_object_get(json, "events");

    for (i = 0; i < json_array_size(events); i++) {
        item = json_array_get(events, i);

        name.len = json_string_length(item);
        name.data = (u_char *) json_string_value(item);

        endpoint->events |= ngx_http_webhook_endpoint_event_bit(&name);
    }

    json_decref(json);

    return rc;
}


/* a string that is not empty; NGX_ERROR if there is none, or no memory */

static ngx_int_t
ngx_http_webhook_endpoint_member(ngx_pool_t *pool, json_t *json, char *name,
    ngx_str_t *text)
{
    json_t  *value;

    value = json_object_get(json, name);

    text->len = json_string_length(value);

    if (text->len == 0) {
        return NGX_ERROR;
    }

    /* what looks into an URL relies on a zero behind it */

    text->data = ngx_pnalloc(pool, text->len + 1);
    if (text->data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(text->data, json_string_value(value), text->len + 1);

    return NGX_OK;
}


/* 0 if it is null; none is below that, so that differences don't overflow */

static ngx_int_t
ngx_http_webhook_endpoint_member_time(json_t *json, char *name, time_t *t)
{
    *t = json_integer_value(json_object_get(json, name));

    return (*t < 0) ? NGX_ERROR : NGX_OK;
}


/*
 * Looks the host of an URL up by the resolver of the request's location, and
 * judges all of its addresses.  Returns NGX_AGAIN if "handler" will be called,
 * from the event loop, or what is in "rc" then, too:
 *
 *     NGX_OK        there are addresses, none of which is forbidden; one of
 *                   them is in "sockaddr"
 *     NGX_DECLINED  one is forbidden
 *     NGX_ABORT     there is no such host
 *     NGX_BUSY      nobody could tell
 *     NGX_DONE      the location has no resolver
 *     NGX_ERROR     no memory
 */

ngx_int_t
ngx_http_webhook_resolve(ngx_http_request_t *r,
    ngx_http_webhook_resolve_t *resolve)
{
    ngx_resolver_ctx_t        *rctx, temp;
    ngx_http_webhook_url_t    *url;
    ngx_http_core_loc_conf_t  *clcf;

    url = resolve->url;
    resolve->waiting = 0;

    if (url->socklen) {
        resolve->sockaddr = url->sockaddr;
        resolve->socklen = url->socklen;
        resolve->rc = ngx_http_webhook_address_allowed(&url->sockaddr.sockaddr,
                                                       url->socklen,
                                                       resolve->allow)
                      ? NGX_OK : NGX_DECLINED;
        return resolve->rc;
    }

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    ngx_memzero(&temp, sizeof(ngx_resolver_ctx_t));
    temp.name = url->host;

    rctx = ngx_resolve_start(clcf->resolver, &temp);

    if (rctx == NULL || rctx == NGX_NO_RESOLVER) {
        resolve->rc = rctx ? NGX_DONE : NGX_ERROR;
        return resolve->rc;
    }

    rctx->name = url->host;
    rctx->handler = ngx_http_webhook_resolve_handler;
    rctx->data = resolve;
    rctx->timeout = clcf->resolver_timeout;

    resolve->rc = NGX_AGAIN;

    if (ngx_resolve_name(rctx) != NGX_OK) {
        resolve->rc = NGX_ERROR;
    }

    /* the handler may have been called already */

    resolve->waiting = (resolve->rc == NGX_AGAIN);

    return resolve->rc;
}


static void
ngx_http_webhook_resolve_handler(ngx_resolver_ctx_t *rctx)
{
    ngx_http_webhook_resolve_t  *resolve;

    resolve = rctx->data;

    switch (rctx->state) {

    case NGX_OK:
        resolve->rc = ngx_http_webhook_resolve_judge(resolve, rctx);
        break;

    case NGX_RESOLVE_NXDOMAIN:
    case NGX_RESOLVE_FORMERR:
        resolve->rc = NGX_ABORT;
        break;

    default:
        resolve->rc = NGX_BUSY;
        break;
    }

    ngx_resolve_name_done(rctx);

    if (resolve->waiting) {
        resolve->handler(resolve);
    }
}


static ngx_int_t
ngx_http_webhook_resolve_judge(ngx_http_webhook_resolve_t *resolve,
    ngx_resolver_ctx_t *rctx)
{
    ngx_uint_t  i;

    for (i = 0; i < rctx->naddrs; i++) {
        if (!ngx_http_webhook_address_allowed(rctx->addrs[i].sockaddr,
                                              rctx->addrs[i].socklen,
                                              resolve->allow))
        {
            return NGX_DECLINED;
        }
    }

    if (rctx->naddrs == 0 || rctx->addrs[0].socklen > sizeof(ngx_sockaddr_t)) {
        return NGX_ABORT;
    }

    /* the resolver changes their order */

    resolve->socklen = rctx->addrs[0].socklen;
    ngx_memcpy(&resolve->sockaddr, rctx->addrs[0].sockaddr, resolve->socklen);
    ngx_inet_set_port(&resolve->sockaddr.sockaddr, resolve->url->port);

    return NGX_OK;
}


/* whether it is a public one, or one of "webhook_endpoint_allow" */

ngx_uint_t
ngx_http_webhook_address_allowed(struct sockaddr *sockaddr, socklen_t socklen,
    ngx_array_t *allow)
{
    if (!ngx_http_webhook_address_special(sockaddr)) {
        return 1;
    }

    return allow && ngx_cidr_match(sockaddr, allow) == NGX_OK;
}


/* webhook_endpoints zone=name [http] [overlap=24h]; */

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

    wlcf->provider = &ngx_http_webhook_endpoints;
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

        if (ngx_strncmp(value[i].data, "overlap=", 8) == 0
            && ecf->overlap == NGX_CONF_UNSET)
        {
            text.len = value[i].len - 8;
            text.data = value[i].data + 8;

            ecf->overlap = ngx_parse_time(&text, 1);

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


/* webhook_endpoint_allow cidr ...; */

char *
ngx_http_webhook_endpoint_allow(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_webhook_loc_conf_t *wlcf = conf;

    ngx_int_t    rc;
    ngx_str_t   *value;
    ngx_cidr_t  *cidr;
    ngx_uint_t   i;

    if (wlcf->allow == NGX_CONF_UNSET_PTR) {
        wlcf->allow = ngx_array_create(cf->pool, 4, sizeof(ngx_cidr_t));
        if (wlcf->allow == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        cidr = ngx_array_push(wlcf->allow);
        if (cidr == NULL) {
            return NGX_CONF_ERROR;
        }

        rc = ngx_ptocidr(&value[i], cidr);

        if (rc == NGX_ERROR) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\"", &value[i]);
            return NGX_CONF_ERROR;
        }

        if (rc == NGX_DONE) {
            ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                               "low address bits of %V are meaningless",
                               &value[i]);
        }
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


/* whether a zone is there for endpoints, after the configuration was read */

char *
ngx_http_webhook_endpoint_check_zone(ngx_conf_t *cf, ngx_shm_zone_t *zone,
    u_char *file, ngx_uint_t line)
{
    if (zone->shm.size == 0) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "unknown webhook zone \"%V\" in %s:%ui",
                      &zone->shm.name, file, line);
        return NGX_CONF_ERROR;
    }

    if (ngx_http_webhook_registry_claim(zone, &ngx_http_webhook_endpoints)
        != NGX_OK)
    {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "webhook zone \"%V\" is used by \"webhook lenra\" "
                      "already in %s:%ui",
                      &zone->shm.name, file, line);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}
