
#ifndef _NGX_HTTP_WEBHOOK_ADDRESS_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_ADDRESS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* of an URL as it is kept, with a path */
#define NGX_HTTP_WEBHOOK_URL_MAX  2048


typedef struct {
    ngx_str_t          text;         /* as it is kept */
    ngx_str_t          host;         /* part of it, without brackets */
    ngx_uint_t         tls;
    ngx_sockaddr_t     sockaddr;     /* if the host is an address */
    socklen_t          socklen;      /* or 0 */
    in_port_t          port;
} ngx_http_webhook_url_t;


/* a range of ports, the ends included */

typedef struct {
    in_port_t          first;
    in_port_t          last;
} ngx_http_webhook_port_range_t;


ngx_int_t ngx_http_webhook_url_parse(ngx_pool_t *pool, ngx_str_t *text,
    ngx_http_webhook_url_t *url);
ngx_uint_t ngx_http_webhook_host_special(ngx_str_t *host);
ngx_uint_t ngx_http_webhook_address_allowed(struct sockaddr *sockaddr,
    ngx_array_t *allow);
ngx_array_t *ngx_http_webhook_ports(ngx_pool_t *pool, ngx_str_t *text);
ngx_uint_t ngx_http_webhook_port_allowed(ngx_http_webhook_url_t *url,
    ngx_array_t *ports);


#endif /* _NGX_HTTP_WEBHOOK_ADDRESS_H_INCLUDED_ */
