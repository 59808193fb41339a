
/*
 * Sending to registered endpoints: whom an event is for, when it comes and
 * again when it is sent; its signature; the address that its connection is
 * made to; and what its answer says of the endpoint.
 *
 * The host of an URL is looked up before the delivering location is run.  If
 * all of its addresses are allowed, nginx is given one of them in the place of
 * the name, so that it does not ask again.  This is done when a content
 * handler begins to read the body: by then it has made its upstream, and has
 * not looked at it yet.  Whatever reads the body at another time makes the
 * attempt fail.
 */


#include "endpoints/ngx_http_webhook_outbound.h"
#include "endpoints/ngx_http_webhook_report.h"
#include "core/ngx_http_webhook_ctx.h"
#include "judge/ngx_http_webhook_sign.h"
#include "judge/ngx_http_webhook_variable.h"


/*
 * An endpoint that did not fail in this part of "give_up", nor in so many
 * seconds, is not one that has been failing; a new failure is written down
 * after that part of it.
 */

#define NGX_HTTP_WEBHOOK_SILENCE_PART    10
#define NGX_HTTP_WEBHOOK_SILENCE_MIN     5
#define NGX_HTTP_WEBHOOK_FAILURE_PART    100


/* what a variable can tell */

enum {
    webhook_outbound_url = 0,
    webhook_outbound_timestamp,
    webhook_outbound_signature
};


/* a change of an endpoint, which outlives the request */

typedef struct {
    ngx_pool_t                       *pool;
    ngx_cycle_t                      *cycle;
    ngx_http_webhook_queue_t         *queue;
    ngx_shm_zone_t                   *zone;
    ngx_http_webhook_provider_t      *provider;
    ngx_http_webhook_endpoint_t       endpoint;
    ngx_str_t                         workspace;
    ngx_str_t                         url;        /* that has answered */
    ngx_uint_t                        status;
    ngx_uint_t                        conflicts;
    ngx_http_webhook_registry_op_t    op;
} ngx_http_webhook_outbound_update_t;


static ngx_int_t ngx_http_webhook_outbound_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_webhook_outbound_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in);
static ngx_int_t ngx_http_webhook_outbound_pin(ngx_http_request_t *r);
static ngx_int_t ngx_http_webhook_outbound_resolved(
    ngx_http_webhook_outbound_t *outbound);
static void ngx_http_webhook_outbound_resolve_done(
    ngx_http_webhook_resolve_t *resolve);
static ngx_int_t ngx_http_webhook_outbound_sign(ngx_http_request_t *r,
    ngx_http_webhook_outbound_t *outbound);
static ngx_int_t ngx_http_webhook_outbound_pin_address(ngx_http_request_t *r,
    ngx_http_webhook_outbound_t *outbound);
static void ngx_http_webhook_outbound_hide_host(ngx_http_request_t *r,
    ngx_http_upstream_resolved_t *resolved);
static ngx_uint_t ngx_http_webhook_outbound_judge(
    ngx_http_webhook_queue_t *queue, ngx_http_webhook_endpoint_t *endpoint,
    ngx_str_t *url, ngx_uint_t status);
static void ngx_http_webhook_outbound_update(
    ngx_http_webhook_outbound_update_t *update);
static void ngx_http_webhook_outbound_updated(
    ngx_http_webhook_registry_op_t *op);
static void ngx_http_webhook_outbound_settle(
    ngx_http_webhook_outbound_update_t *update);


static ngx_http_request_body_filter_pt  ngx_http_next_request_body_filter;


static ngx_http_variable_t  ngx_http_webhook_outbound_variables[] = {

    { ngx_string("webhook_endpoint_url"), NULL,
      ngx_http_webhook_outbound_variable,
      webhook_outbound_url, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("webhook_timestamp"), NULL, ngx_http_webhook_outbound_variable,
      webhook_outbound_timestamp, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("webhook_signature"), NULL, ngx_http_webhook_outbound_variable,
      webhook_outbound_signature, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    ngx_http_null_variable
};


static ngx_str_t  ngx_http_webhook_outbound_id = ngx_string("webhook-id");
static ngx_str_t  ngx_http_webhook_outbound_timestamp =
    ngx_string("webhook-timestamp");
static ngx_str_t  ngx_http_webhook_outbound_signature =
    ngx_string("webhook-signature");


/*
 * Is there an endpoint that a judged event is to be sent to?  Returns NGX_OK
 * with the workspace and its destination, NGX_DECLINED if there is none, or
 * NGX_ERROR.
 */

ngx_int_t
ngx_http_webhook_outbound_find(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_shm_zone_t *zone, ngx_str_t *workspace,
    uint64_t *destination)
{
    ngx_int_t                     rc;
    ngx_str_t                    *text;
    ngx_http_webhook_endpoint_t   endpoint;
    ngx_http_webhook_provider_t  *provider;

    provider = ctx->conf->provider;
    text = &ctx->reader.values[provider->fan_out->field].text;

    rc = ngx_http_webhook_endpoint_find(zone, provider, r->pool, text,
                                        &endpoint);

    if (rc != NGX_OK) {
        return rc;
    }

    /* for one that was given up, an event becomes a dead letter */

    if ((endpoint.disabled && endpoint.disabled != NGX_HTTP_WEBHOOK_FAILING)
        || !ngx_http_webhook_endpoint_wants(&endpoint, &ctx->event_name))
    {
        return NGX_DECLINED;
    }

    *workspace = *text;
    *destination = ngx_http_webhook_get64(endpoint.uuid);

    return NGX_OK;
}


/*
 * Makes ctx->delivery->outbound, of an event that is to be sent, from what is
 * registered now.  Returns NGX_OK, or NGX_ERROR if that is not known.
 */

ngx_int_t
ngx_http_webhook_outbound_create(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_http_webhook_queue_t *queue,
    ngx_str_t *body)
{
    ngx_int_t                      rc;
    ngx_str_t                     *event;
    ngx_http_webhook_delivery_t   *delivery;
    ngx_http_webhook_outbound_t   *outbound;
    ngx_http_webhook_main_conf_t  *wmcf;

    static ngx_str_t  none = ngx_null_string;

    outbound = ngx_pcalloc(r->pool, sizeof(ngx_http_webhook_outbound_t));
    if (outbound == NULL) {
        return NGX_ERROR;
    }

    delivery = ctx->delivery;
    wmcf = ngx_http_get_module_main_conf(r, ngx_http_webhook_module);

    rc = ngx_http_webhook_endpoint_find(queue->endpoints, wmcf->fan_out,
                                        r->pool, &delivery->workspace,
                                        &outbound->endpoint);
    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    outbound->request = r;
    outbound->queue = queue;
    outbound->body = *body;

    delivery->outbound = outbound;

    event = ngx_http_webhook_saved_variable(delivery->variables,
                                            &ngx_http_webhook_saved_event);

    if (rc == NGX_DECLINED) {

        /* without a deletion that is known, it may be us who have lost it */

        rc = ngx_http_webhook_endpoint_find_deletion(queue->endpoints,
                                                     &delivery->workspace);

        outbound->state = (rc == NGX_OK) ? NGX_HTTP_WEBHOOK_OUTBOUND_DROP
                                         : NGX_HTTP_WEBHOOK_OUTBOUND_GONE;

        return (rc == NGX_ERROR) ? NGX_ERROR : NGX_OK;
    }

    if (!outbound->endpoint.disabled
        && !ngx_http_webhook_endpoint_wants(&outbound->endpoint,
                                            event ? event : &none))
    {
        outbound->state = NGX_HTTP_WEBHOOK_OUTBOUND_DROP;
        return NGX_OK;
    }

    if (outbound->endpoint.disabled) {
        outbound->state = NGX_HTTP_WEBHOOK_OUTBOUND_KEEP;
        return NGX_OK;
    }

    rc = ngx_http_webhook_url_parse(r->pool, &outbound->endpoint.url,
                                    &outbound->url);

    if (rc == NGX_DECLINED) {
        /* another version of the module has taken it */
        outbound->status = NGX_HTTP_FORBIDDEN;
    }

    return (rc == NGX_ERROR) ? NGX_ERROR : NGX_OK;
}


/*
 * Returns NGX_OK if the request can be run, NGX_AGAIN if "handler" will be
 * called with what would have been returned, or NGX_DECLINED if it must not be
 * run: then either the event is not to be sent, or "status" says how that
 * failed.
 */

ngx_int_t
ngx_http_webhook_outbound_begin(ngx_http_request_t *r,
    ngx_http_webhook_outbound_t *outbound)
{
    ngx_http_webhook_loc_conf_t  *wlcf;

    if (outbound->state != NGX_HTTP_WEBHOOK_OUTBOUND_SEND || outbound->status) {
        return NGX_DECLINED;
    }

    wlcf = ngx_http_get_module_loc_conf(r, ngx_http_webhook_module);

    outbound->resolve.url = &outbound->url;
    outbound->resolve.allow = wlcf->allow;
    outbound->resolve.handler = ngx_http_webhook_outbound_resolve_done;
    outbound->resolve.data = outbound;

    if (ngx_http_webhook_resolve(r, &outbound->resolve)
        == NGX_HTTP_WEBHOOK_RESOLVE_WAITING)
    {
        return NGX_AGAIN;
    }

    return ngx_http_webhook_outbound_resolved(outbound);
}


static void
ngx_http_webhook_outbound_resolve_done(ngx_http_webhook_resolve_t *resolve)
{
    ngx_connection_t             *c;
    ngx_http_webhook_outbound_t  *outbound;

    outbound = resolve->data;

    c = outbound->request->connection;
    ngx_http_set_log_request(c->log, outbound->request);

    outbound->handler(outbound->request,
                      ngx_http_webhook_outbound_resolved(outbound));
}


static ngx_int_t
ngx_http_webhook_outbound_resolved(ngx_http_webhook_outbound_t *outbound)
{
    ngx_log_t           *log;
    ngx_http_request_t  *r;

    r = outbound->request;
    log = r->connection->log;

    switch (outbound->resolve.result) {

    case NGX_HTTP_WEBHOOK_RESOLVED:
        break;

    case NGX_HTTP_WEBHOOK_RESOLVE_NO_RESOLVER:
        /* only what needs no address can run: any other attempt fails */
        outbound->resolve.socklen = 0;
        break;

    case NGX_HTTP_WEBHOOK_RESOLVE_FORBIDDEN:
        ngx_log_error(NGX_LOG_WARN, log, 0,
                      "webhook endpoint's host \"%V\" has a forbidden address",
                      &outbound->url.host);
        outbound->status = NGX_HTTP_FORBIDDEN;
        return NGX_DECLINED;

    case NGX_HTTP_WEBHOOK_RESOLVE_UNKNOWN:
    case NGX_HTTP_WEBHOOK_RESOLVE_FAILED:
        ngx_log_error(NGX_LOG_WARN, log, 0,
                      "webhook endpoint's host \"%V\" could not be resolved",
                      &outbound->url.host);
        outbound->status = NGX_HTTP_BAD_GATEWAY;
        return NGX_DECLINED;

    default: /* NGX_HTTP_WEBHOOK_RESOLVE_ERROR */
        outbound->status = NGX_HTTP_INTERNAL_SERVER_ERROR;
        return NGX_DECLINED;
    }

    if (ngx_http_webhook_outbound_sign(r, outbound) != NGX_OK) {
        outbound->status = NGX_HTTP_INTERNAL_SERVER_ERROR;
        return NGX_DECLINED;
    }

    return NGX_OK;
}


/* with the secrets of now; a location that says so sends the headers, too */

static ngx_int_t
ngx_http_webhook_outbound_sign(ngx_http_request_t *r,
    ngx_http_webhook_outbound_t *outbound)
{
    u_char                       *p;
    ngx_str_t                     secrets[2];
    ngx_uint_t                    n;
    ngx_http_webhook_ctx_t       *ctx;
    ngx_http_webhook_loc_conf_t  *wlcf;

    wlcf = ngx_http_get_module_loc_conf(r, ngx_http_webhook_module);

    if (!wlcf->sign) {
        return NGX_OK;
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_webhook_module);

    p = ngx_pnalloc(r->pool, NGX_TIME_T_LEN + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    outbound->timestamp.len = ngx_sprintf(p, "%T%Z", ngx_time()) - p - 1;
    outbound->timestamp.data = p;

    n = 0;
    secrets[n++] = outbound->endpoint.secret;

    if (outbound->endpoint.until > ngx_time()) {
        secrets[n++] = outbound->endpoint.previous;
    }

    if (ngx_http_webhook_sign_standard(r, secrets, n, &ctx->id,
                                       &outbound->timestamp, &outbound->body,
                                       &outbound->signature)
        != NGX_OK
        || ngx_http_webhook_add_request_header(r, &ngx_http_webhook_outbound_id,
                                           &ctx->id)
           != NGX_OK
        || ngx_http_webhook_add_request_header(r,
                                           &ngx_http_webhook_outbound_timestamp,
                                           &outbound->timestamp)
           != NGX_OK
        || ngx_http_webhook_add_request_header(r,
                                           &ngx_http_webhook_outbound_signature,
                                           &outbound->signature)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


/*
 * A request body filter: makes the reading of an event's body fail where nginx
 * would connect to an address that was not checked.
 */

static ngx_int_t
ngx_http_webhook_outbound_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    return ngx_http_webhook_outbound_pin(r) == NGX_OK
           ? ngx_http_next_request_body_filter(r, in)
           : NGX_HTTP_INTERNAL_SERVER_ERROR;
}


/* Returns NGX_OK, or NGX_ERROR if nobody must connect. */

static ngx_int_t
ngx_http_webhook_outbound_pin(ngx_http_request_t *r)
{
    ngx_http_webhook_ctx_t       *ctx;
    ngx_http_webhook_outbound_t  *outbound;

    if (!r->internal) {
        return NGX_OK;
    }

    ctx = ngx_http_webhook_get_ctx(r);

    if (ctx == NULL || ctx->delivery == NULL
        || ctx->delivery->outbound == NULL)
    {
        return NGX_OK;
    }

    outbound = ctx->delivery->outbound;

    if (r->upstream == NULL) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "an event for an endpoint is read before its content "
                      "handler, or by one that has no upstream");
        return NGX_ERROR;
    }

    if (outbound->upstream == r->upstream) {
        return NGX_OK;
    }

    outbound->upstream = r->upstream;

    /* what is fixed in the configuration is as it is meant to be */

    return r->upstream->resolved ? ngx_http_webhook_outbound_pin_address(r,
                                                                     outbound)
                                 : NGX_OK;
}


static ngx_int_t
ngx_http_webhook_outbound_pin_address(ngx_http_request_t *r,
    ngx_http_webhook_outbound_t *outbound)
{
    u_char                        *p;
    ngx_sockaddr_t                *sockaddr;
    ngx_http_webhook_resolve_t    *resolve;
    ngx_http_upstream_resolved_t  *resolved;

    resolve = &outbound->resolve;
    resolved = r->upstream->resolved;

    if (resolve->socklen == 0) {

        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "no resolver defined to resolve %V",
                      &outbound->url.host);
        return NGX_ERROR;
    }

    sockaddr = &resolve->sockaddr;

    if (resolved->sockaddr
        ? ngx_cmp_sockaddr(resolved->sockaddr, resolved->socklen,
                           &sockaddr->sockaddr, resolve->socklen, 1)
          != NGX_OK
        : (resolved->host.len != outbound->url.host.len
           || ngx_strncasecmp(resolved->host.data, outbound->url.host.data,
                              resolved->host.len)
              != 0
           || resolved->port != outbound->url.port))
    {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "an event for an endpoint is passed to \"%V\", which is "
                      "another host", &resolved->host);
        return NGX_ERROR;
    }

    p = ngx_pnalloc(r->pool, NGX_SOCKADDR_STRLEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    resolved->sockaddr = &sockaddr->sockaddr;
    resolved->socklen = resolve->socklen;
    resolved->name.len = ngx_sock_ntop(resolved->sockaddr, resolved->socklen, p,
                                       NGX_SOCKADDR_STRLEN, 1);
    resolved->name.data = p;
    resolved->naddrs = 1;

    ngx_http_webhook_outbound_hide_host(r, resolved);

    return NGX_OK;
}


/*
 * Nginx looks for an "upstream" of the host's name and port before it takes the
 * address, which has a port of its own: any other port will do for that.
 */

static void
ngx_http_webhook_outbound_hide_host(ngx_http_request_t *r,
    ngx_http_upstream_resolved_t *resolved)
{
    ngx_uint_t                       i;
    ngx_http_upstream_srv_conf_t   **uscf;
    ngx_http_upstream_main_conf_t   *umcf;

    umcf = ngx_http_get_module_main_conf(r, ngx_http_upstream_module);
    uscf = umcf->upstreams.elts;

    resolved->no_port = 0;
    resolved->port = 1;

    for (i = 0; i < umcf->upstreams.nelts; i++) {

        if (uscf[i]->host.len == resolved->host.len
            && uscf[i]->port == resolved->port
            && ngx_strncasecmp(uscf[i]->host.data, resolved->host.data,
                               resolved->host.len)
               == 0)
        {
            resolved->port++;
            i = (ngx_uint_t) -1;
        }
    }
}


/*
 * The URL is known to the request only, and there where an address takes the
 * place of its host, or has done so: until the body is read, and then as long
 * as the upstream is the same.
 */

static ngx_int_t
ngx_http_webhook_outbound_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t                    *value;
    ngx_http_webhook_ctx_t       *ctx;
    ngx_http_webhook_outbound_t  *outbound;

    v->not_found = 1;

    ctx = ngx_http_webhook_get_ctx(r);

    if (ctx == NULL || ctx->delivery == NULL
        || ctx->delivery->outbound == NULL)
    {
        return NGX_OK;
    }

    outbound = ctx->delivery->outbound;

    switch (data) {

    case webhook_outbound_url:

        if (r != r->main
            || (r->request_body && r->upstream != outbound->upstream))
        {
            return NGX_OK;
        }

        value = &outbound->url.text;
        break;

    case webhook_outbound_timestamp:
        value = &outbound->timestamp;
        break;

    default: /* webhook_outbound_signature */
        value = &outbound->signature;
        break;
    }

    return value->len ? ngx_http_webhook_set_variable(r, v, value) : NGX_OK;
}


/* an attempt has ended: what that says of the endpoint is written down */

void
ngx_http_webhook_outbound_finish(ngx_http_webhook_outbound_t *outbound,
    ngx_uint_t status)
{
    ngx_pool_t                          *pool;
    ngx_http_webhook_endpoint_t          endpoint;
    ngx_http_webhook_outbound_update_t  *update;

    pool = outbound->request->pool;

    if (outbound->state != NGX_HTTP_WEBHOOK_OUTBOUND_SEND
        || ngx_http_webhook_endpoint_find(outbound->queue->endpoints,
                                          outbound->endpoint.provider, pool,
                                          &outbound->endpoint.workspace,
                                          &endpoint)
           != NGX_OK
        || !ngx_http_webhook_outbound_judge(outbound->queue, &endpoint,
                                            &outbound->endpoint.url, status))
    {
        return;
    }

    pool = ngx_create_pool(2048, outbound->queue->cycle->log);
    if (pool == NULL) {
        return;
    }

    update = ngx_pcalloc(pool, sizeof(ngx_http_webhook_outbound_update_t));
    if (update == NULL) {
        goto failed;
    }

    update->pool = pool;
    update->queue = outbound->queue;
    update->zone = outbound->queue->endpoints;
    update->provider = outbound->endpoint.provider;
    update->status = status;

    update->workspace.len = outbound->endpoint.workspace.len;
    update->workspace.data = ngx_pstrdup(pool, &outbound->endpoint.workspace);

    update->url.len = outbound->endpoint.url.len;
    update->url.data = ngx_pstrdup(pool, &outbound->endpoint.url);

    if (update->workspace.data == NULL || update->url.data == NULL) {
        goto failed;
    }

    ngx_http_webhook_outbound_update(update);

    return;

failed:

    ngx_destroy_pool(pool);
}


/* changes "endpoint" to what a status makes of it; returns 0 if that is so */

static ngx_uint_t
ngx_http_webhook_outbound_judge(ngx_http_webhook_queue_t *queue,
    ngx_http_webhook_endpoint_t *endpoint, ngx_str_t *url, ngx_uint_t status)
{
    time_t  give_up, now, silence;

    /* what another URL has answered says nothing */

    if (endpoint->disabled
        || endpoint->url.len != url->len
        || ngx_memcmp(endpoint->url.data, url->data, url->len) != 0)
    {
        return 0;
    }

    now = ngx_time();

    if (status >= 200 && status < 300) {

        if (endpoint->failing == 0) {
            return 0;
        }

        endpoint->failing = 0;
        endpoint->failed = 0;
        return 1;
    }

    give_up = queue->location->give_up;
    silence = ngx_max(give_up / NGX_HTTP_WEBHOOK_SILENCE_PART,
                      NGX_HTTP_WEBHOOK_SILENCE_MIN);

    if (status == NGX_HTTP_WEBHOOK_GONE) {
        endpoint->disabled = NGX_HTTP_WEBHOOK_ANSWERED_GONE;

    } else if (endpoint->failing == 0 || now - endpoint->failed > silence) {

        /* nobody knows how it was meanwhile */

        endpoint->failing = now;

    } else if (now - endpoint->failing >= give_up) {
        endpoint->disabled = NGX_HTTP_WEBHOOK_FAILING;

    } else if (now - endpoint->failed
               <= give_up / NGX_HTTP_WEBHOOK_FAILURE_PART)
    {
        return 0;
    }

    endpoint->failed = now;

    if (endpoint->disabled) {
        endpoint->report = ngx_http_webhook_report_mark(queue, status);
    }

    return 1;
}


static void
ngx_http_webhook_outbound_update(ngx_http_webhook_outbound_update_t *update)
{
    ngx_int_t  rc;

    do {
        rc = ngx_http_webhook_endpoint_find(update->zone, update->provider,
                                            update->pool, &update->workspace,
                                            &update->endpoint);

        if (rc != NGX_OK
            || !ngx_http_webhook_outbound_judge(update->queue,
                                                &update->endpoint,
                                                &update->url, update->status))
        {
            ngx_destroy_pool(update->pool);
            return;
        }

        update->op.handler = ngx_http_webhook_outbound_updated;
        update->op.data = update;

        rc = ngx_http_webhook_endpoint_replace(update->zone, update->pool,
                                               &update->endpoint, &update->op);
    } while (rc == NGX_BUSY
             && ++update->conflicts < NGX_HTTP_WEBHOOK_CONFLICTS);

    if (rc != NGX_AGAIN) {
        update->op.rc = rc;
        ngx_http_webhook_outbound_settle(update);
    }
}


static void
ngx_http_webhook_outbound_updated(ngx_http_webhook_registry_op_t *op)
{
    ngx_http_webhook_outbound_update_t  *update;

    update = op->data;

    if (op->rc == NGX_BUSY
        && ++update->conflicts < NGX_HTTP_WEBHOOK_CONFLICTS)
    {
        ngx_http_webhook_outbound_update(update);
        return;
    }

    ngx_http_webhook_outbound_settle(update);
}


/* the change has been made, or could not be */

static void
ngx_http_webhook_outbound_settle(ngx_http_webhook_outbound_update_t *update)
{
    ngx_log_t                    *log;
    ngx_http_webhook_endpoint_t  *endpoint;

    log = update->queue->cycle->log;
    endpoint = &update->endpoint;

    if (update->op.rc != NGX_OK) {
        ngx_log_error(NGX_LOG_CRIT, log, 0,
                      "webhook zone \"%V\": what became of a workspace's "
                      "endpoint could not be stored", &update->zone->shm.name);

    } else if (endpoint->disabled) {
        ngx_log_error(NGX_LOG_WARN, log, 0,
                      "webhook zone \"%V\": the endpoint of workspace \"%V\" "
                      "is switched off: %V",
                      &update->zone->shm.name, &update->workspace,
                      ngx_http_webhook_endpoint_reason(endpoint->disabled));

        if (endpoint->report) {
            ngx_http_webhook_report_make(update->queue, update->provider,
                                         &update->workspace);
        }
    }

    ngx_destroy_pool(update->pool);
}


/* Adds this room's variables; called before the configuration is read. */

ngx_int_t
ngx_http_webhook_outbound_add_variables(ngx_conf_t *cf)
{
    return ngx_http_webhook_add_variables(cf,
                                          ngx_http_webhook_outbound_variables);
}


/*
 * Hooks into the reading of bodies, where a queue has endpoints; called after
 * the configuration has been read.
 */

void
ngx_http_webhook_outbound_init(ngx_conf_t *cf)
{
    ngx_uint_t                      i;
    ngx_http_webhook_queue_t      **queue;
    ngx_http_webhook_main_conf_t   *wmcf;

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_webhook_module);
    queue = wmcf->queues.elts;

    for (i = 0; i < wmcf->queues.nelts; i++) {

        if (queue[i]->endpoints) {
            ngx_http_next_request_body_filter =
                                           ngx_http_top_request_body_filter;
            ngx_http_top_request_body_filter =
                                        ngx_http_webhook_outbound_body_filter;
            return;
        }
    }
}
