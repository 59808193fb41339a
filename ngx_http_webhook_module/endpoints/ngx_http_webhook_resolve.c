
/*
 * Looking up the host of an URL that events are sent to: an address is used
 * only if all addresses of the host are allowed, that is, if each is public or
 * is named by "webhook_endpoint_allow".
 */


#include "endpoints/ngx_http_webhook_resolve.h"
#include "core/ngx_http_webhook_conf.h"
#include "queue/ngx_http_webhook_queue.h"


static ngx_uint_t ngx_http_webhook_resolve_fixed(ngx_conf_t *cf,
    ngx_http_core_loc_conf_t *clcf);
static ngx_uint_t ngx_http_webhook_resolve_named(ngx_conf_t *cf);
static void ngx_http_webhook_resolve_handler(ngx_resolver_ctx_t *rctx);
static ngx_http_webhook_resolve_e ngx_http_webhook_resolve_check(
    ngx_http_webhook_resolve_t *resolve, ngx_resolver_ctx_t *rctx);


/*
 * Checks, after the configuration has been read, that each location which
 * delivers to endpoints has a resolver, unless it passes all to a destination
 * of the configuration, such as a proxy that looks hosts up itself.  Where the
 * destination may be an "upstream" that variables name, warns only.  Returns
 * NGX_OK, or NGX_ERROR after a message.
 */

ngx_int_t
ngx_http_webhook_resolve_init(ngx_conf_t *cf)
{
    ngx_uint_t                      i, level;
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

        level = ngx_http_webhook_resolve_named(cf) ? NGX_LOG_WARN
                                                   : NGX_LOG_EMERG;

        ngx_log_error(level, cf->log, 0,
                      "\"webhook_deliver\" of a queue with \"endpoints=\" "
                      "needs \"resolver\" in its location in %s:%ui%s",
                      queue[i]->location->queue_file,
                      queue[i]->location->queue_line,
                      (level == NGX_LOG_WARN)
                      ? ", unless all goes to an \"upstream\"" : "");

        if (level == NGX_LOG_EMERG) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/*
 * Says whether a location passes requests to a fixed destination, also within
 * each "if".
 */

static ngx_uint_t
ngx_http_webhook_resolve_fixed(ngx_conf_t *cf, ngx_http_core_loc_conf_t *clcf)
{
    void                      **loc_conf;
    ngx_uint_t                  branch, module;
    ngx_http_upstream_conf_t   *conf;

    branch = 0;

    for ( ;; ) {

        loc_conf = ngx_http_webhook_next_branch(cf, clcf, &branch);

        if (loc_conf == NULL) {
            return 1;
        }

        module = 0;

        do {
            conf = ngx_http_webhook_next_upstream(cf, loc_conf, &module);

            if (conf == NULL) {
                return 0;
            }

        } while (conf->upstream == NULL);
    }
}


/*
 * Says whether there is an "upstream": a destination that is made of variables
 * may be its name, which nobody looks up.
 */

static ngx_uint_t
ngx_http_webhook_resolve_named(ngx_conf_t *cf)
{
    ngx_uint_t                       i;
    ngx_http_upstream_srv_conf_t   **uscf;
    ngx_http_upstream_main_conf_t   *umcf;

    umcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_upstream_module);
    uscf = umcf->upstreams.elts;

    for (i = 0; i < umcf->upstreams.nelts; i++) {
        if (uscf[i]->srv_conf) {
            return 1;
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
 * Nothing ends a look-up but its result or resolver_timeout: the request must
 * live until then.
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

    resolve->waiting = (resolve->result == NGX_HTTP_WEBHOOK_RESOLVE_WAITING);

    return resolve->result;
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
