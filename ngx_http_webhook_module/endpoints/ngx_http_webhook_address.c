
/*
 * URLs that events may be sent to, and the addresses that are not for anybody
 * outside: what is not global unicast by the registries of special-purpose
 * addresses of IANA, RFC 6890, and services of clouds for the machines in them
 * that have other addresses.
 *
 * An URL is read by less than what nginx, a resolver or a C library would take:
 * two readers must not see two hosts.
 *
 * Needs nginx's core only, not its http part.
 */


#include "endpoints/ngx_http_webhook_address.h"


#define NGX_HTTP_WEBHOOK_HOST_MAX   253
#define NGX_HTTP_WEBHOOK_LABEL_MAX  63


typedef struct {
    u_char      address[16];
    ngx_uint_t  bits;
} ngx_http_webhook_prefix_t;


static ngx_uint_t ngx_http_webhook_url_printable(ngx_str_t *text);
static ngx_int_t ngx_http_webhook_url_host(ngx_http_webhook_url_t *url,
    ngx_uint_t brackets);
static ngx_uint_t ngx_http_webhook_host_valid(ngx_str_t *host);
static ngx_uint_t ngx_http_webhook_host_number(ngx_str_t *host);
static ngx_int_t ngx_http_webhook_host_inet(ngx_str_t *host, u_char *address);
#if (NGX_HAVE_INET6)
static ngx_int_t ngx_http_webhook_host_inet6(ngx_str_t *host, u_char *address);
#endif
static ngx_int_t ngx_http_webhook_url_port(u_char *p, u_char *last,
    in_port_t *port);
static ngx_uint_t ngx_http_webhook_address_special(struct sockaddr *sockaddr);
static ngx_uint_t ngx_http_webhook_prefix_matches(u_char *address,
    ngx_http_webhook_prefix_t *prefix);


static ngx_http_webhook_prefix_t  ngx_http_webhook_special_inet[] = {
    { { 0 }, 8 },                        /* this network */
    { { 10 }, 8 },                       /* private */
    { { 100, 64 }, 10 },                 /* carrier-grade NAT */
    { { 127 }, 8 },                      /* loopback */
    { { 168, 63, 129, 16 }, 32 },        /* what Azure tells its machines */
    { { 169, 254 }, 16 },                /* link-local */
    { { 172, 16 }, 12 },                 /* private */
    { { 192, 0, 0 }, 24 },               /* protocol assignments */
    { { 192, 0, 2 }, 24 },               /* documentation */
    { { 192, 88, 99 }, 24 },             /* relays of 6to4 */
    { { 192, 168 }, 16 },                /* private */
    { { 198, 18 }, 15 },                 /* benchmarks */
    { { 198, 51, 100 }, 24 },            /* documentation */
    { { 203, 0, 113 }, 24 },             /* documentation */
    { { 224 }, 3 },                      /* multicast, reserved, broadcast */
    { { 0 }, 0 }
};


#if (NGX_HAVE_INET6)

/* all that is not in 2000::/3 is special as well, as is IPv4 in some guise */

static ngx_http_webhook_prefix_t  ngx_http_webhook_special_inet6[] = {
    { { 0x20, 0x01 }, 23 },              /* protocol assignments, Teredo */
    { { 0x20, 0x01, 0x0d, 0xb8 }, 32 },  /* documentation */
    { { 0x20, 0x02 }, 16 },              /* 6to4 */
    { { 0x3f, 0xff }, 20 },              /* documentation */
    { { 0 }, 0 }
};

static ngx_http_webhook_prefix_t  ngx_http_webhook_global_inet6 =
    { { 0x20 }, 3 };

#endif


/* names that mean this host or this network, RFC 6761, RFC 6762, and others */

static ngx_str_t  ngx_http_webhook_special_names[] = {
    ngx_string("localhost"),
    ngx_string("local"),
    ngx_string("internal"),
    ngx_string("localdomain"),
    ngx_string("home.arpa"),
    ngx_null_string
};


/*
 * Reads an absolute URL with the scheme http or https, into "pool" where it is
 * completed by a path.  Returns NGX_OK, NGX_DECLINED if it is not one that
 * events can be sent to, or NGX_ERROR.
 */

ngx_int_t
ngx_http_webhook_url_parse(ngx_pool_t *pool, ngx_str_t *text,
    ngx_http_webhook_url_t *url)
{
    u_char      *colon, *host, *last, *p, *path;
    ngx_int_t    rc;
    ngx_uint_t   brackets;

    ngx_memzero(url, sizeof(ngx_http_webhook_url_t));

    if (text->len == 0 || text->len > NGX_HTTP_WEBHOOK_URL_MAX
        || !ngx_http_webhook_url_printable(text))
    {
        return NGX_DECLINED;
    }

    /* one byte for a "/" */

    p = ngx_pnalloc(pool, text->len + 2);
    if (p == NULL) {
        return NGX_ERROR;
    }

    url->text.data = p;
    last = ngx_cpymem(p, text->data, text->len);

    if (text->len > 8 && ngx_strncasecmp(p, (u_char *) "https://", 8) == 0) {
        url->tls = 1;
        url->port = 443;
        host = p + 8;

    } else if (text->len > 7
               && ngx_strncasecmp(p, (u_char *) "http://", 7) == 0)
    {
        url->port = 80;
        host = p + 7;

    } else {
        return NGX_DECLINED;
    }

    ngx_strlow(p, p, host - p);

    for (path = host; path < last && *path != '/' && *path != '?'; path++) {
        /* void */
    }

    if (path == last || *path == '?') {
        ngx_memmove(path + 1, path, last - path);
        *path = '/';
        last++;
    }

    url->text.len = last - p;
    *last = '\0';

    if (url->text.len > NGX_HTTP_WEBHOOK_URL_MAX) {
        return NGX_DECLINED;
    }

    ngx_strlow(host, host, path - host);

    brackets = (*host == '[');

    if (brackets) {
        host++;
        p = ngx_strlchr(host, path, ']');

        if (p == NULL) {
            return NGX_DECLINED;
        }

        colon = p + 1;

    } else {
        p = ngx_strlchr(host, path, ':');
        colon = p ? p : path;
        p = colon;
    }

    url->host.data = host;
    url->host.len = p - host;

    if (colon < path
        && (*colon != ':'
            || ngx_http_webhook_url_port(colon + 1, path, &url->port)
               != NGX_OK))
    {
        return NGX_DECLINED;
    }

    rc = ngx_http_webhook_url_host(url, brackets);

    if (rc == NGX_OK && url->socklen) {
        ngx_inet_set_port(&url->sockaddr.sockaddr, url->port);
    }

    return rc;
}


/*
 * Returns 1 if there are only characters that an URL may have, RFC 3986,
 * appendix A, and no fragment, which is nothing to be sent.
 */

static ngx_uint_t
ngx_http_webhook_url_printable(ngx_str_t *text)
{
    size_t         i;

    static u_char  excluded[] = "\"#<>\\^`{|}";

    for (i = 0; i < text->len; i++) {
        if (text->data[i] <= ' ' || text->data[i] >= 0x7f
            || ngx_strlchr(excluded, excluded + sizeof(excluded) - 1,
                           text->data[i]))
        {
            return 0;
        }
    }

    return 1;
}


/* a name, or an address in the one way to write it */

static ngx_int_t
ngx_http_webhook_url_host(ngx_http_webhook_url_t *url, ngx_uint_t brackets)
{
    struct sockaddr_in   *sin;
#if (NGX_HAVE_INET6)
    struct sockaddr_in6  *sin6;
#endif

    if (brackets) {

#if (NGX_HAVE_INET6)

        sin6 = &url->sockaddr.sockaddr_in6;
        sin6->sin6_family = AF_INET6;

        if (ngx_http_webhook_host_inet6(&url->host, sin6->sin6_addr.s6_addr)
            != NGX_OK)
        {
            return NGX_DECLINED;
        }

        url->socklen = sizeof(struct sockaddr_in6);

        return NGX_OK;

#else

        return NGX_DECLINED;

#endif
    }

    if (!ngx_http_webhook_host_valid(&url->host)) {
        return NGX_DECLINED;
    }

    if (!ngx_http_webhook_host_number(&url->host)) {
        return NGX_OK;
    }

    sin = &url->sockaddr.sockaddr_in;
    sin->sin_family = AF_INET;

    if (ngx_http_webhook_host_inet(&url->host, (u_char *) &sin->sin_addr)
        != NGX_OK)
    {
        return NGX_DECLINED;
    }

    url->socklen = sizeof(struct sockaddr_in);

    return NGX_OK;
}


/* labels of letters, digits and hyphens, RFC 1123; IDNs are in ASCII */

static ngx_uint_t
ngx_http_webhook_host_valid(ngx_str_t *host)
{
    u_char  ch;
    size_t  i, label;

    label = 0;

    for (i = 0; i < host->len; i++) {
        ch = host->data[i];

        if (ch == '.') {

            if (label == 0 || host->data[i - 1] == '-') {
                return 0;
            }

            label = 0;
            continue;
        }

        if ((ch < 'a' || ch > 'z') && (ch < '0' || ch > '9')
            && (ch != '-' || label == 0))
        {
            return 0;
        }

        if (++label > NGX_HTTP_WEBHOOK_LABEL_MAX) {
            return 0;
        }
    }

    /* nor does it end with a dot; to nginx "unix:" is a socket */

    return label && host->len <= NGX_HTTP_WEBHOOK_HOST_MAX
           && host->data[host->len - 1] != '-'
           && !(host->len == 4 && ngx_strncmp(host->data, "unix", 4) == 0);
}


/* some would take it for an address, however written: its end is a number */

static ngx_uint_t
ngx_http_webhook_host_number(ngx_str_t *host)
{
    u_char  *last, *p;

    last = host->data + host->len;

    for (p = last; p > host->data && p[-1] != '.'; p--) { /* void */ }

    if (last - p >= 2 && p[0] == '0' && p[1] == 'x') {
        return 1;
    }

    while (p < last && *p >= '0' && *p <= '9') {
        p++;
    }

    return p == last;
}


/* four decimal numbers without leading zeros */

static ngx_int_t
ngx_http_webhook_host_inet(ngx_str_t *host, u_char *address)
{
    u_char      *last, *p, *start;
    ngx_int_t    n;
    ngx_uint_t   i;

    p = host->data;
    last = host->data + host->len;

    for (i = 0; i < 4; i++) {

        for (start = p; p < last && *p != '.'; p++) { /* void */ }

        n = ngx_atoi(start, p - start);

        if (n == NGX_ERROR || n > 255 || (*start == '0' && p - start > 1)
            || (i < 3) != (p < last))
        {
            return NGX_DECLINED;
        }

        address[i] = (u_char) n;
        p++;
    }

    return NGX_OK;
}


#if (NGX_HAVE_INET6)

/* nginx takes more than there is, such as a lone colon at either end */

static ngx_int_t
ngx_http_webhook_host_inet6(ngx_str_t *host, u_char *address)
{
    u_char  text[NGX_INET6_ADDRSTRLEN + 1], same[16];

    if (host->len > NGX_INET6_ADDRSTRLEN
        || ngx_inet6_addr(host->data, host->len, address) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    (void) ngx_cpystrn(text, host->data, host->len + 1);

    return (inet_pton(AF_INET6, (char *) text, same) == 1
            && ngx_memcmp(address, same, 16) == 0)
           ? NGX_OK : NGX_DECLINED;
}

#endif


static ngx_int_t
ngx_http_webhook_url_port(u_char *p, u_char *last, in_port_t *port)
{
    ngx_int_t  n;

    n = ngx_atoi(p, last - p);

    if (n < 1 || n > 65535 || *p == '0') {
        return NGX_DECLINED;
    }

    *port = (in_port_t) n;

    return NGX_OK;
}


/*
 * Reads a list of ports and ranges, as in "8443,9000-9099".  Returns an array
 * of ranges in "pool", or NULL for what is no such list, or without memory.
 */

ngx_array_t *
ngx_http_webhook_ports(ngx_pool_t *pool, ngx_str_t *text)
{
    u_char                         *dash, *end, *last, *p;
    ngx_array_t                    *ports;
    ngx_http_webhook_port_range_t  *range;

    ports = ngx_array_create(pool, 4, sizeof(ngx_http_webhook_port_range_t));
    if (ports == NULL) {
        return NULL;
    }

    p = text->data;
    last = text->data + text->len;

    for ( ;; ) {
        end = ngx_strlchr(p, last, ',');
        end = end ? end : last;

        dash = ngx_strlchr(p, end, '-');

        range = ngx_array_push(ports);

        if (range == NULL
            || ngx_http_webhook_url_port(p, dash ? dash : end, &range->first)
               != NGX_OK)
        {
            return NULL;
        }

        range->last = range->first;

        if (dash
            && (ngx_http_webhook_url_port(dash + 1, end, &range->last)
                != NGX_OK
                || range->last < range->first))
        {
            return NULL;
        }

        if (end == last) {
            return ports;
        }

        p = end + 1;
    }
}


/* Returns 1 if the port of an URL is its scheme's, or one of "ports". */

ngx_uint_t
ngx_http_webhook_port_allowed(ngx_http_webhook_url_t *url, ngx_array_t *ports)
{
    ngx_uint_t                      i;
    ngx_http_webhook_port_range_t  *range;

    if (url->port == (url->tls ? 443 : 80)) {
        return 1;
    }

    if (ports == NULL) {
        return 0;
    }

    range = ports->elts;

    for (i = 0; i < ports->nelts; i++) {
        if (url->port >= range[i].first && url->port <= range[i].last) {
            return 1;
        }
    }

    return 0;
}


/*
 * Returns 1 if a name, in lower case, means this host or this network, whoever
 * resolves it.
 */

ngx_uint_t
ngx_http_webhook_host_special(ngx_str_t *host)
{
    ngx_str_t  *name;

    for (name = ngx_http_webhook_special_names; name->len; name++) {

        if (host->len >= name->len
            && ngx_strncmp(host->data + host->len - name->len, name->data,
                           name->len)
               == 0
            && (host->len == name->len
                || host->data[host->len - name->len - 1] == '.'))
        {
            return 1;
        }
    }

    return 0;
}


/* Returns 1 if an address, of any family, is not a public one. */

static ngx_uint_t
ngx_http_webhook_address_special(struct sockaddr *sockaddr)
{
    u_char                     *address;
    ngx_http_webhook_prefix_t  *prefix;

    switch (sockaddr->sa_family) {

#if (NGX_HAVE_INET6)
    case AF_INET6:
        address = ((struct sockaddr_in6 *) sockaddr)->sin6_addr.s6_addr;
        prefix = ngx_http_webhook_special_inet6;

        if (!ngx_http_webhook_prefix_matches(address,
                                             &ngx_http_webhook_global_inet6))
        {
            return 1;
        }

        break;
#endif

    case AF_INET:
        address = (u_char *) &((struct sockaddr_in *) sockaddr)->sin_addr;
        prefix = ngx_http_webhook_special_inet;
        break;

    default:
        return 1;
    }

    for ( /* void */ ; prefix->bits; prefix++) {
        if (ngx_http_webhook_prefix_matches(address, prefix)) {
            return 1;
        }
    }

    return 0;
}


/*
 * Returns 1 if events may be sent to an address: it is a public one, or in one
 * of the blocks of "allow", of ngx_cidr_t, which may be NULL.
 */

ngx_uint_t
ngx_http_webhook_address_allowed(struct sockaddr *sockaddr, ngx_array_t *allow)
{
    if (!ngx_http_webhook_address_special(sockaddr)) {
        return 1;
    }

    return allow && ngx_cidr_match(sockaddr, allow) == NGX_OK;
}


static ngx_uint_t
ngx_http_webhook_prefix_matches(u_char *address,
    ngx_http_webhook_prefix_t *prefix)
{
    size_t      n;
    ngx_uint_t  rest;

    n = prefix->bits / 8;
    rest = prefix->bits % 8;

    if (ngx_memcmp(address, prefix->address, n) != 0) {
        return 0;
    }

    return rest == 0 || ((address[n] ^ prefix->address[n]) >> (8 - rest)) == 0;
}
