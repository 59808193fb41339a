
/*
 * Looking up the host of an URL that events are sent to: an address is used
 * only if all addresses of the host are allowed, that is, if each is public or
 * is named by "webhook_endpoint_allow".
 */


#include "endpoints/ngx_http_webhook_resolve.h"
#include "queue/ngx_http_webhook_queue.h"


static ngx_uint_t ngx_http_webhook_resolve_fixed(ngx_conf_t *cf,
    ngx_http_core_loc_conf_t *clcf);
static void ngx_http_webhook_resolve_handler(ngx_resolver_ctx_t *rctx);
static ngx_http_webhook_resolve_e ngx_http_webhook_resolve_check(
    ngx_http_webhook_resolve_t *resolve, ngx_resolver_ctx_t *rctx);


/*
 * Checks, after the configuration has been read, that each location which
 * delivers to endpoints has a resolver, unless it passes all to a destination
 * of the configuration, such as a proxy that looks hosts up itself.  Returns
 * NGX_OK, or NGX_ERROR after a message.
 */

ngx_int_t
ngx_http_webhook_resolve_init(ngx_conf_t *cf)
{
    ngx_uint_t                      i;
    ngx_http_core_loc_conf_t       *clcf;
    ngx_http_webhook_queue_t      **queue;
    ngx_http_webhook_main_conf_t   *wmcf;

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_webhook_module);
    queue = wmcf->queues.elts;

    for (i = 0; i < wmcf->queues.nelts; i++) {

        clcf = queue[i]->clcf;

        if (queue[i]->endpoints == NULL || clcf == NULL
            || clcf->resolver->connections.nelts
            || ngx_http_webhook_resolve_fixed(cf, clcf))
        {
            continue;
        }

        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"webhook_deliver\" of a queue with \"endpoints=\" "
                      "needs \"resolver\" in its location in %s:%ui",
                      queue[i]->location->queue_file,
                      queue[i]->location->queue_line);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/*
 * Says whether a location passes requests to a fixed destination.  The
 * configuration of each of nginx's modules that do so begins with an
 * ngx_http_upstream_conf_t, which has no upstream if the destination is made of
 * variables.
 */

static ngx_uint_t
ngx_http_webhook_resolve_fixed(ngx_conf_t *cf, ngx_http_core_loc_conf_t *clcf)
{
    ngx_uint_t                 m, n;
    ngx_module_t              *module;
    ngx_http_upstream_conf_t  *conf;

    static char  *names[] = {
        "ngx_http_proxy_module",
        "ngx_http_fastcgi_module",
        "ngx_http_uwsgi_module",
        "ngx_http_scgi_module",
        "ngx_http_grpc_module",
        "ngx_http_memcached_module",
        NULL
    };

    for (m = 0; cf->cycle->modules[m]; m++) {

        module = cf->cycle->modules[m];

        for (n = 0; names[n]; n++) {

            if (ngx_strcmp(module->name, names[n]) != 0) {
                continue;
            }

            conf = clcf->loc_conf[module->ctx_index];

            if (conf->upstream) {
                return 1;
            }
        }
    }

    return 0;
}


/*
 * Looks up the host of resolve->url with the resolver of the request's
 * location, and checks all of its addresses.  Returns RESOLVE_WAITING if
 * "handler" will be called, from the event loop, with the result in
 * resolve->result; otherwise returns the result and leaves it there as well.
 *
 * Nothing ends a look-up but its result, resolver_timeout, or
 * ngx_http_webhook_resolve_cancel(): the request must live until then.
 */

ngx_http_webhook_resolve_e
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
        resolve->result = ngx_http_webhook_address_allowed(
                                                       &url->sockaddr.sockaddr,
                                                       resolve->allow)
                          ? NGX_HTTP_WEBHOOK_RESOLVED
                          : NGX_HTTP_WEBHOOK_RESOLVE_FORBIDDEN;
        return resolve->result;
    }

    if (resolve->allow == NULL && ngx_http_webhook_host_special(&url->host)) {
        resolve->result = NGX_HTTP_WEBHOOK_RESOLVE_FORBIDDEN;
        return resolve->result;
    }

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    ngx_memzero(&temp, sizeof(ngx_resolver_ctx_t));
    temp.name = url->host;

    rctx = ngx_resolve_start(clcf->resolver, &temp);

    if (rctx == NULL || rctx == NGX_NO_RESOLVER) {
        resolve->result = rctx ? NGX_HTTP_WEBHOOK_RESOLVE_NO_RESOLVER
                               : NGX_HTTP_WEBHOOK_RESOLVE_ERROR;
        return resolve->result;
    }

    rctx->name = url->host;
    rctx->handler = ngx_http_webhook_resolve_handler;
    rctx->data = resolve;
    rctx->timeout = clcf->resolver_timeout;

    resolve->result = NGX_HTTP_WEBHOOK_RESOLVE_WAITING;

    if (ngx_resolve_name(rctx) != NGX_OK) {
        resolve->result = NGX_HTTP_WEBHOOK_RESOLVE_ERROR;
    }

    /* the resolver calls its handler within the call if it knows the name */

    resolve->ctx = rctx;
    resolve->waiting = (resolve->result == NGX_HTTP_WEBHOOK_RESOLVE_WAITING);

    return resolve->result;
}


/*
 * Gives up a look-up, if it is under way: "handler" will not be called.
 * "resolve" may be one that was never begun, in zeroed memory.  Returns 1 if
 * there was something to give up.
 */

ngx_uint_t
ngx_http_webhook_resolve_cancel(ngx_http_webhook_resolve_t *resolve)
{
    if (!resolve->waiting
        || resolve->result != NGX_HTTP_WEBHOOK_RESOLVE_WAITING)
    {
        return 0;
    }

    resolve->waiting = 0;

    ngx_resolve_name_done(resolve->ctx);

    return 1;
}


static void
ngx_http_webhook_resolve_handler(ngx_resolver_ctx_t *rctx)
{
    ngx_http_webhook_resolve_t  *resolve;

    resolve = rctx->data;

    switch (rctx->state) {

    case NGX_OK:
        resolve->result = ngx_http_webhook_resolve_check(resolve, rctx);
        break;

    case NGX_RESOLVE_NXDOMAIN:
    case NGX_RESOLVE_FORMERR:
        resolve->result = NGX_HTTP_WEBHOOK_RESOLVE_UNKNOWN;
        break;

    default:
        resolve->result = NGX_HTTP_WEBHOOK_RESOLVE_FAILED;
        break;
    }

    ngx_resolve_name_done(rctx);

    if (resolve->waiting) {
        resolve->handler(resolve);
    }
}


/* Checks all addresses of an answer, and takes the first of them. */

static ngx_http_webhook_resolve_e
ngx_http_webhook_resolve_check(ngx_http_webhook_resolve_t *resolve,
    ngx_resolver_ctx_t *rctx)
{
    ngx_uint_t  i;

    for (i = 0; i < rctx->naddrs; i++) {
        if (!ngx_http_webhook_address_allowed(rctx->addrs[i].sockaddr,
                                              resolve->allow))
        {
            return NGX_HTTP_WEBHOOK_RESOLVE_FORBIDDEN;
        }
    }

    if (rctx->naddrs == 0 || rctx->addrs[0].socklen > sizeof(ngx_sockaddr_t)) {
        return NGX_HTTP_WEBHOOK_RESOLVE_UNKNOWN;
    }

    /* the resolver changes the order of addresses from answer to answer */

    resolve->socklen = rctx->addrs[0].socklen;
    ngx_memcpy(&resolve->sockaddr, rctx->addrs[0].sockaddr, resolve->socklen);
    ngx_inet_set_port(&resolve->sockaddr.sockaddr, resolve->url->port);

    return NGX_HTTP_WEBHOOK_RESOLVED;
}


/*
 * Sets "webhook_endpoint_allow cidr ...;", the special addresses that a
 * location may send to all the same.
 */

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
