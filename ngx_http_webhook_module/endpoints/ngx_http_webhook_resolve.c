
/*
 * Looking up the host of an URL that events are sent to: an address is used
 * only if all addresses of the host are allowed, that is, if each is public or
 * is named by "webhook_endpoint_allow".
 */


#include "endpoints/ngx_http_webhook_resolve.h"
#include "core/ngx_http_webhook_conf.h"
#include "queue/ngx_http_webhook_queue.h"

#include <ifaddrs.h>


static ngx_int_t ngx_http_webhook_resolve_own(ngx_conf_t *cf,
    ngx_http_webhook_main_conf_t *wmcf);
static void ngx_http_webhook_resolve_warn(ngx_conf_t *cf,
    ngx_http_webhook_queue_t *queue);
static ngx_uint_t ngx_http_webhook_resolve_allowed(
    ngx_http_webhook_resolve_t *resolve, struct sockaddr *sockaddr);
static ngx_uint_t ngx_http_webhook_resolve_fixed(ngx_conf_t *cf,
    ngx_http_core_loc_conf_t *clcf);
static ngx_uint_t ngx_http_webhook_resolve_named(ngx_conf_t *cf);
static void ngx_http_webhook_resolve_handler(ngx_resolver_ctx_t *rctx);
static ngx_http_webhook_resolve_e ngx_http_webhook_resolve_check(
    ngx_http_webhook_resolve_t *resolve, ngx_resolver_ctx_t *rctx);


/*
 * Finds out the addresses of this host, and checks, after the configuration has
 * been read, that each location which delivers to endpoints has a resolver,
 * unless it passes all to a destination of the configuration, such as a proxy
 * that looks hosts up itself.  Where the destination may be an "upstream" that
 * variables name, warns only.  Returns NGX_OK, or NGX_ERROR after a message.
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

    if (ngx_http_webhook_resolve_own(cf, wmcf) != NGX_OK) {
        return NGX_ERROR;
    }

    for (i = 0; i < wmcf->queues.nelts; i++) {

        if (queue[i]->endpoints && queue[i]->clcf) {
            ngx_http_webhook_resolve_warn(cf, queue[i]);
        }

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
 * Takes note of the addresses of this host's interfaces, if there are zones of
 * endpoints, or of anything else.  Returns NGX_OK, or NGX_ERROR after
 * a message.
 */

static ngx_int_t
ngx_http_webhook_resolve_own(ngx_conf_t *cf, ngx_http_webhook_main_conf_t *wmcf)
{
    ngx_cidr_t            *cidr;
    struct ifaddrs        *all, *ifa;
    struct sockaddr_in    *sin;
#if (NGX_HAVE_INET6)
    struct sockaddr_in6   *sin6;
#endif

    if (wmcf->zones.nelts == 0) {
        return NGX_OK;
    }

    wmcf->own = ngx_array_create(cf->pool, 4, sizeof(ngx_cidr_t));
    if (wmcf->own == NULL) {
        return NGX_ERROR;
    }

    if (getifaddrs(&all) == -1) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, ngx_errno,
                      "getifaddrs() failed");
        return NGX_ERROR;
    }

    for (ifa = all; ifa; ifa = ifa->ifa_next) {

        if (ifa->ifa_addr == NULL
            || (ifa->ifa_addr->sa_family != AF_INET
                && ifa->ifa_addr->sa_family != AF_INET6))
        {
            continue;
        }

        cidr = ngx_array_push(wmcf->own);

        if (cidr == NULL) {
            freeifaddrs(all);
            return NGX_ERROR;
        }

        ngx_memset(cidr, 0xff, sizeof(ngx_cidr_t));
        cidr->family = ifa->ifa_addr->sa_family;

#if (NGX_HAVE_INET6)

        if (cidr->family == AF_INET6) {
            sin6 = (struct sockaddr_in6 *) ifa->ifa_addr;
            cidr->u.in6.addr = sin6->sin6_addr;
            continue;
        }

#endif

        sin = (struct sockaddr_in *) ifa->ifa_addr;
        cidr->u.in.addr = sin->sin_addr.s_addr;
    }

    freeifaddrs(all);

    return NGX_OK;
}


/*
 * Warns of a location that signs what it sends to endpoints and does not look
 * at their certificates: whoever is in between gets the events, and may take
 * them for his own.
 */

static void
ngx_http_webhook_resolve_warn(ngx_conf_t *cf, ngx_http_webhook_queue_t *queue)
{
#if (NGX_HTTP_SSL)

    ngx_uint_t                 m;
    ngx_http_upstream_conf_t  *conf;

    if (!queue->location->sign
        || ngx_http_webhook_resolve_fixed(cf, queue->clcf))
    {
        return;
    }

    for (m = 0; cf->cycle->modules[m]; m++) {

        if (ngx_strcmp(cf->cycle->modules[m]->name, "ngx_http_proxy_module")
            != 0)
        {
            continue;
        }

        conf = queue->clcf->loc_conf[cf->cycle->modules[m]->ctx_index];

        if (!conf->ssl_verify) {
            ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                          "\"webhook_sign\" without \"proxy_ssl_verify on\": "
                          "events are sent to whoever answers for an endpoint, "
                          "in %s:%ui",
                          queue->location->queue_file,
                          queue->location->queue_line);
        }
    }

#endif
}


/*
 * Says whether a connection may be made to an address: no "deny" has it, and it
 * is a public one of another host, or "allow" has it.
 */

static ngx_uint_t
ngx_http_webhook_resolve_allowed(ngx_http_webhook_resolve_t *resolve,
    struct sockaddr *sockaddr)
{
    if (resolve->deny && ngx_cidr_match(sockaddr, resolve->deny) == NGX_OK) {
        return 0;
    }

    if (resolve->own && ngx_cidr_match(sockaddr, resolve->own) == NGX_OK) {
        return resolve->allow
               && ngx_cidr_match(sockaddr, resolve->allow) == NGX_OK;
    }

    return ngx_http_webhook_address_allowed(sockaddr, resolve->allow);
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
 * Nothing ends a look-up but its result, resolver_timeout, or
 * ngx_http_webhook_resolve_cancel(): the request must live until then.
 */

ngx_http_webhook_resolve_e
ngx_http_webhook_resolve(ngx_http_request_t *r,
    ngx_http_webhook_resolve_t *resolve)
{
    ngx_resolver_ctx_t            *rctx, temp;
    ngx_http_webhook_url_t        *url;
    ngx_http_core_loc_conf_t      *clcf;
    ngx_http_webhook_loc_conf_t   *wlcf;
    ngx_http_webhook_main_conf_t  *wmcf;

    wlcf = ngx_http_get_module_loc_conf(r, ngx_http_webhook_module);
    wmcf = ngx_http_get_module_main_conf(r, ngx_http_webhook_module);

    url = resolve->url;
    resolve->deny = wlcf->deny;
    resolve->own = wmcf->own;
    resolve->waiting = 0;

    if (url->socklen) {
        resolve->sockaddr = url->sockaddr;
        resolve->socklen = url->socklen;
        resolve->result = ngx_http_webhook_resolve_allowed(resolve,
                                                       &url->sockaddr.sockaddr)
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
        if (!ngx_http_webhook_resolve_allowed(resolve,
                                              rctx->addrs[i].sockaddr))
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
 * location may send to all the same, and "webhook_endpoint_deny cidr ...;", the
 * addresses that it must not send to in any case.
 */

char *
ngx_http_webhook_endpoint_cidrs(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_webhook_loc_conf_t *wlcf = conf;

    ngx_int_t      rc;
    ngx_str_t     *value;
    ngx_cidr_t    *cidr;
    ngx_uint_t     i;
    ngx_array_t  **list;

    list = (ngx_array_t **) ((char *) conf + cmd->offset);

    if (*list == NGX_CONF_UNSET_PTR) {
        *list = ngx_array_create(cf->pool, 4, sizeof(ngx_cidr_t));
        if (*list == NULL) {
            return NGX_CONF_ERROR;
        }

        if (ngx_http_webhook_setting_add(cf, wlcf, list == &wlcf->allow
                                                   ? webhook_setting_allow
                                                   : webhook_setting_deny)
            != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        cidr = ngx_array_push(*list);
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
