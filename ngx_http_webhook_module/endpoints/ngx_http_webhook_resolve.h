
#ifndef _NGX_HTTP_WEBHOOK_RESOLVE_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_RESOLVE_H_INCLUDED_


#include "ngx_http_webhook.h"
#include "endpoints/ngx_http_webhook_address.h"


/* what is known of the host of an URL */

typedef enum {

    /* all of its addresses are allowed */
    NGX_HTTP_WEBHOOK_RESOLVED = 0,

    /* "handler" will be called */
    NGX_HTTP_WEBHOOK_RESOLVE_WAITING,

    /* one of its addresses is not allowed, or its name is a special one */
    NGX_HTTP_WEBHOOK_RESOLVE_FORBIDDEN,

    /* the host does not exist, or has no address */
    NGX_HTTP_WEBHOOK_RESOLVE_UNKNOWN,

    /* no name server could tell */
    NGX_HTTP_WEBHOOK_RESOLVE_FAILED,

    /* the location has no "resolver" */
    NGX_HTTP_WEBHOOK_RESOLVE_NO_RESOLVER,

    /* there is no memory */
    NGX_HTTP_WEBHOOK_RESOLVE_ERROR

} ngx_http_webhook_resolve_e;


typedef struct ngx_http_webhook_resolve_s  ngx_http_webhook_resolve_t;

/*
 * A host that is looked up.  The caller owns it, sets the first four members,
 * and keeps it until there is a result.
 */

struct ngx_http_webhook_resolve_s {
    ngx_http_webhook_url_t       *url;
    ngx_array_t                  *allow;      /* of ngx_cidr_t, may be NULL */
    void                        (*handler)(ngx_http_webhook_resolve_t *resolve);
    void                         *data;       /* the handler's */

    ngx_http_webhook_resolve_e    result;

    /* one of the addresses, with the URL's port, once it is RESOLVED */
    ngx_sockaddr_t                sockaddr;
    socklen_t                     socklen;

    /* private */

    ngx_array_t                  *deny;
    ngx_array_t                  *own;
    ngx_resolver_ctx_t           *ctx;
    ngx_uint_t                    waiting;
};


ngx_int_t ngx_http_webhook_resolve_init(ngx_conf_t *cf);
ngx_http_webhook_resolve_e ngx_http_webhook_resolve(ngx_http_request_t *r,
    ngx_http_webhook_resolve_t *resolve);
ngx_uint_t ngx_http_webhook_resolve_cancel(
    ngx_http_webhook_resolve_t *resolve);
char *ngx_http_webhook_endpoint_cidrs(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


#endif /* _NGX_HTTP_WEBHOOK_RESOLVE_H_INCLUDED_ */
