
/* Requests that a page of another site makes a browser send. */


#include "judge/ngx_http_webhook_cross_site.h"
#include "core/ngx_http_webhook_ctx.h"


static ngx_str_t  ngx_http_webhook_cross_site_origin = ngx_string("origin");

static ngx_str_t  ngx_http_webhook_cross_site_fetch =
    ngx_string("sec-fetch-site");


/*
 * Returns 1 if a browser says that a page of another site makes it change
 * something: the user's password or address, which nginx would accept, are not
 * that page's.  What is no browser sends neither of the headers.
 */

ngx_uint_t
ngx_http_webhook_cross_site_sent(ngx_http_request_t *r)
{
    u_char           *p;
    ngx_str_t        *value, host;
    ngx_uint_t        n;
    ngx_table_elt_t  *header;

    if (r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD)) {
        return 0;
    }

    header = ngx_http_webhook_find_header(r, &ngx_http_webhook_cross_site_fetch,
                                          &n);
    if (header) {
        value = &header->value;

        return n > 1
               || ((value->len != sizeof("same-origin") - 1
                    || ngx_strncmp(value->data, "same-origin", value->len) != 0)
                   && (value->len != sizeof("none") - 1
                       || ngx_strncmp(value->data, "none", value->len) != 0));
    }

    header = ngx_http_webhook_find_header(r,
                                          &ngx_http_webhook_cross_site_origin,
                                          &n);

    if (header == NULL) {
        return 0;
    }

    /* the scheme is not compared: TLS may have ended before nginx */

    host = header->value;
    p = ngx_strlchr(host.data, host.data + host.len, ':');

    if (n > 1 || p == NULL || host.data + host.len - p < 3
        || p[1] != '/' || p[2] != '/')
    {
        return 1;
    }

    host.len -= p + 3 - host.data;
    host.data = p + 3;

    /* HTTP/2 and 3 have it in ":authority", which nginx keeps in the same */

    value = r->headers_in.host ? &r->headers_in.host->value
                               : &r->headers_in.server;

    return host.len != value->len
           || ngx_strncasecmp(host.data, value->data, host.len) != 0;
}
