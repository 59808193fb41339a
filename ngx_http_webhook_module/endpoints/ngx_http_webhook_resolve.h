
#ifndef _NGX_HTTP_WEBHOOK_RESOLVE_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_RESOLVE_H_INCLUDED_


#include "ngx_http_webhook.h"
#include "endpoints/ngx_http_webhook_address.h"


typedef struct ngx_http_webhook_resolve_s  ngx_http_webhook_resolve_t;

/* a host that is looked up, and judged; "handler" is as in the function */

struct ngx_http_webhook_resolve_s {
    ngx_http_webhook_url_t       *url;
    ngx_array_t                  *allow;
    void                        (*handler)(ngx_http_webhook_resolve_t *resolve);
    void                         *data;

    ngx_int_t                     rc;
    ngx_sockaddr_t                sockaddr;   /* one of its addresses */
    socklen_t                     socklen;
    ngx_uint_t                    waiting;
};


ngx_int_t ngx_http_webhook_resolve(ngx_http_request_t *r,
    ngx_http_webhook_resolve_t *resolve);
char *ngx_http_webhook_endpoint_allow(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


#endif /* _NGX_HTTP_WEBHOOK_RESOLVE_H_INCLUDED_ */
