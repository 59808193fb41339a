
/*
 * Looking up the host of an URL that events are sent to: an address is used
 * only if all addresses of the host are allowed, that is, if each is public or
 * is named by "webhook_endpoint_allow".
 */


#include "endpoints/ngx_http_webhook_resolve.h"


static void ngx_http_webhook_resolve_handler(ngx_resolver_ctx_t *rctx);
static ngx_int_t ngx_http_webhook_resolve_judge(
    ngx_http_webhook_resolve_t *resolve, ngx_resolver_ctx_t *rctx);


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
