
/*
 * Endpoints: which URLs are taken, which addresses are anybody's, what is kept,
 * and where nginx is made to connect to.
 *
 * An URL is read by a regular expression and inet_pton() as well; what is taken
 * is also read as nginx does for "proxy_pass", and must have the same host.  An
 * address is looked up in the registries of special-purpose addresses.
 *
 * Input: a letter, and then
 *
 *     u  an URL
 *     a  4 or 16 bytes of an address
 *     e  a byte: how far from the first and the last address of each block
 *     p  a letter of options and an URL, what its host means when it is
 *        registered, and when an event is sent, each on a line of its own: see
 *        fuzz_resolved()
 *     r  a workspace and what is stored of its endpoint, each on a line
 */


#include "nginx.h"
#include "endpoints/ngx_http_webhook_outbound.h"

#include <arpa/inet.h>
#include <openssl/evp.h>
#include <regex.h>


#define FUZZ_ZONE       (64 * 1024)
#define FUZZ_ADDRESSES  8
#define FUZZ_GIVE_UP    86400
#define FUZZ_NOW        1700000000

/* of the text of a registration: 20 zeros, and the length of what follows */
#define FUZZ_HEAD       24


/* options of "p" */

#define fuzz_http        1
#define fuzz_allowed     2
#define fuzz_unresolved  4             /* it is registered with no resolver */
#define fuzz_off         8             /* it is sent with no resolver */
#define fuzz_narrowed    16            /* nothing is allowed any more */
#define fuzz_ports       32            /* no ports but those of the schemes */


/* a block, as its first and last address */

typedef struct {
    const char           *text;
    int                   family;
    size_t                len;
    u_char                first[16];
    u_char                last[16];
} plain_block_t;


typedef struct {
    ngx_uint_t            valid;
    ngx_uint_t            tls;
    ngx_str_t             text;        /* to be kept */
    char                  host[256];
    int                   family;      /* of an address, or 0 */
    u_char                address[16];
    ngx_uint_t            port;
} plain_url_t;


/*
 * The IANA's registries for IPv4 and IPv6, beside these networks that are
 * anybody's to reach: 192.31.196.0/24, 192.52.193.0/24, 192.175.48.0/24 and
 * 2620:4f:8000::/48.  What is within a block of protocols is special even if
 * the registry says otherwise, and what holds an IPv4 address in any case.
 */

static plain_block_t  plain_special[] = {
    { .text = "0.0.0.0/8" },
    { .text = "10.0.0.0/8" },
    { .text = "100.64.0.0/10" },
    { .text = "127.0.0.0/8" },
    { .text = "168.63.129.16/32" },
    { .text = "169.254.0.0/16" },
    { .text = "172.16.0.0/12" },
    { .text = "192.0.0.0/24" },
    { .text = "192.0.2.0/24" },
    { .text = "192.88.99.0/24" },
    { .text = "192.168.0.0/16" },
    { .text = "198.18.0.0/15" },
    { .text = "198.51.100.0/24" },
    { .text = "203.0.113.0/24" },
    { .text = "224.0.0.0/4" },
    { .text = "240.0.0.0/4" },
    { .text = "255.255.255.255/32" },

    { .text = "::/128" },
    { .text = "::1/128" },
    { .text = "::/96" },
    { .text = "::ffff:0:0/96" },
    { .text = "::ffff:0:0:0/96" },
    { .text = "64:ff9b::/96" },
    { .text = "64:ff9b:1::/48" },
    { .text = "100::/64" },
    { .text = "100:0:0:1::/64" },
    { .text = "2001::/23" },
    { .text = "2001::/32" },
    { .text = "2001:2::/48" },
    { .text = "2001:10::/28" },
    { .text = "2001:20::/28" },
    { .text = "2001:30::/28" },
    { .text = "2001:db8::/32" },
    { .text = "2002::/16" },
    { .text = "3fff::/20" },
    { .text = "5f00::/16" },
    { .text = "fc00::/7" },
    { .text = "fe80::/10" },
    { .text = "fec0::/10" },
    { .text = "ff00::/8" },

    /* all that was never given to anybody */

    { .text = "::/3" },
    { .text = "4000::/2" },
    { .text = "8000::/1" }
};

#define PLAIN_SPECIAL  (sizeof(plain_special) / sizeof(plain_block_t))


/* of "webhook_endpoint_allow" */

static plain_block_t  plain_allowed[] = {
    { .text = "10.0.0.0/8" },
    { .text = "127.0.0.2/32" },
    { .text = "fd00::/9" },
    { .text = "::ffff:10.0.0.0/104" },
    { .text = "::ffff:127.0.0.2/128" }
};

#define PLAIN_ALLOWED  (sizeof(plain_allowed) / sizeof(plain_block_t))


static regex_t                          plain_re_url;
static regex_t                          plain_re_number;
static regex_t                          plain_re_inside;

static ngx_shm_zone_t                  *fuzz_shm_zone;
static ngx_http_webhook_loc_conf_t     *fuzz_api;
static ngx_http_webhook_loc_conf_t     *fuzz_sender;
static ngx_http_webhook_queue_t         fuzz_queue;
static ngx_http_request_body_filter_pt  fuzz_filter;
static ngx_resolver_t                   fuzz_resolver;
static ngx_array_t                     *fuzz_allow_list;

/* what the name that is asked for means */

static struct {
    ngx_uint_t                       off;
    ngx_uint_t                       asked;
    const char                      *host;
    ngx_int_t                        state;
    ngx_uint_t                       n;
    ngx_resolver_addr_t              addrs[FUZZ_ADDRESSES];
    ngx_sockaddr_t                   sockaddrs[FUZZ_ADDRESSES];
} fuzz_dns;


ngx_resolver_ctx_t *__real_ngx_resolve_start(ngx_resolver_t *r,
    ngx_resolver_ctx_t *temp);
ngx_int_t __real_ngx_resolve_name(ngx_resolver_ctx_t *ctx);
void __real_ngx_resolve_name_done(ngx_resolver_ctx_t *ctx);

ngx_resolver_ctx_t *__wrap_ngx_resolve_start(ngx_resolver_t *r,
    ngx_resolver_ctx_t *temp);
ngx_int_t __wrap_ngx_resolve_name(ngx_resolver_ctx_t *ctx);
void __wrap_ngx_resolve_name_done(ngx_resolver_ctx_t *ctx);


/* nginx's resolver, which needs no name server for an address */

ngx_resolver_ctx_t *
__wrap_ngx_resolve_start(ngx_resolver_t *r, ngx_resolver_ctx_t *temp)
{
    ngx_resolver_ctx_t  *ctx;

    ctx = __real_ngx_resolve_start(r, temp);

    if (ctx != NGX_NO_RESOLVER || fuzz_dns.off) {
        return ctx;
    }

    return calloc(1, sizeof(ngx_resolver_ctx_t));
}


ngx_int_t
__wrap_ngx_resolve_name(ngx_resolver_ctx_t *ctx)
{
    if (ctx->quick) {
        return __real_ngx_resolve_name(ctx);
    }

    fuzz_dns.asked++;

    if (ctx->name.len != strlen(fuzz_dns.host)
        || memcmp(ctx->name.data, fuzz_dns.host, ctx->name.len) != 0)
    {
        fuzz_fail("asked for %s, should be %s",
                  fuzz_show(ctx->name.data, ctx->name.len), fuzz_dns.host);
    }

    ctx->state = fuzz_dns.state;
    ctx->naddrs = (fuzz_dns.state == NGX_OK) ? fuzz_dns.n : 0;
    ctx->addrs = fuzz_dns.addrs;

    ctx->handler(ctx);

    return NGX_OK;
}


void
__wrap_ngx_resolve_name_done(ngx_resolver_ctx_t *ctx)
{
    if (ctx->quick) {
        __real_ngx_resolve_name_done(ctx);
        return;
    }

    free(ctx);
}


static void
plain_block(plain_block_t *block)
{
    char    text[64];
    char   *slash;
    size_t  i;
    int     bits;

    strcpy(text, block->text);

    slash = strchr(text, '/');
    *slash = '\0';
    bits = atoi(slash + 1);

    block->family = strchr(text, ':') ? AF_INET6 : AF_INET;
    block->len = (block->family == AF_INET6) ? 16 : 4;

    if (inet_pton(block->family, text, block->first) != 1) {
        fuzz_fail("no block: %s", block->text);
    }

    for (i = 0; i < block->len * 8; i++) {

        if ((int) i < bits) {
            block->last[i / 8] |= block->first[i / 8] & (0x80 >> i % 8);

        } else {
            block->last[i / 8] |= 0x80 >> i % 8;
        }
    }
}


static ngx_uint_t
plain_in(plain_block_t *block, ngx_uint_t n, int family, const u_char *address)
{
    for ( /* void */ ; n; n--, block++) {

        if (block->family == family
            && memcmp(address, block->first, block->len) >= 0
            && memcmp(address, block->last, block->len) <= 0)
        {
            return 1;
        }
    }

    return 0;
}


/* may events be sent there? */

static ngx_uint_t
plain_public(int family, const u_char *address, ngx_uint_t options)
{
    return !plain_in(plain_special, PLAIN_SPECIAL, family, address)
           || ((options & fuzz_allowed)
               && plain_in(plain_allowed, PLAIN_ALLOWED, family, address));
}


static socklen_t
fuzz_sockaddr(ngx_sockaddr_t *sa, int family, const u_char *address)
{
    ngx_memzero(sa, sizeof(ngx_sockaddr_t));

    sa->sockaddr.sa_family = family;

    if (family == AF_INET6) {
        ngx_memcpy(&sa->sockaddr_in6.sin6_addr, address, 16);
        return sizeof(struct sockaddr_in6);
    }

    ngx_memcpy(&sa->sockaddr_in.sin_addr, address, 4);
    return sizeof(struct sockaddr_in);
}


static const u_char *
fuzz_address_of(struct sockaddr *sa)
{
    return (sa->sa_family == AF_INET6)
           ? ((struct sockaddr_in6 *) sa)->sin6_addr.s6_addr
           : (u_char *) &((struct sockaddr_in *) sa)->sin_addr;
}


static char *
fuzz_address_show(int family, const u_char *address)
{
    static char  text[INET6_ADDRSTRLEN];

    return (char *) inet_ntop(family, address, text, sizeof(text));
}


static void
fuzz_address(int family, const u_char *address)
{
    ngx_uint_t      special;
    ngx_sockaddr_t  sa;

    (void) fuzz_sockaddr(&sa, family, address);
    special = !ngx_http_webhook_address_allowed(&sa.sockaddr, NULL);

    if (special != !plain_public(family, address, 0)) {
        fuzz_fail("%s is %s", fuzz_address_show(family, address),
                  special ? "special" : "public");
    }

    if (ngx_http_webhook_address_allowed(&sa.sockaddr, fuzz_allow_list)
        != plain_public(family, address, fuzz_allowed))
    {
        fuzz_fail("%s is allowed or not",
                  fuzz_address_show(family, address));
    }
}


/* an IPv4 address in all its guises: none is anybody's */

static void
fuzz_guises(const u_char *address)
{
    u_char          buf[16];
    size_t          i, j;
    ngx_sockaddr_t  sa;

    static const struct {
        size_t      at;               /* of the address */
        ngx_uint_t  inverted;
        u_char      address[16];
    } guises[] = {
        { 12, 0, { 0 } },
        { 12, 0, { [10] = 0xff, 0xff } },
        { 12, 0, { [8] = 0xff, 0xff } },
        { 12, 0, { 0x00, 0x64, 0xff, 0x9b } },
        { 12, 0, { 0x00, 0x64, 0xff, 0x9b, 0x00, 0x01 } },
        { 2, 0, { 0x20, 0x02, [15] = 1 } },
        { 4, 0, { 0x20, 0x01 } },
        { 12, 1, { 0x20, 0x01, 0, 0, 0x08, 0x08, 0x08, 0x08 } },
        { 12, 0, { 0xfe, 0x80, [10] = 0x5e, 0xfe } }
    };

    for (i = 0; i < sizeof(guises) / sizeof(guises[0]); i++) {
        ngx_memcpy(buf, guises[i].address, 16);

        for (j = 0; j < 4; j++) {
            buf[guises[i].at + j] = guises[i].inverted ? ~address[j]
                                                       : address[j];
        }

        (void) fuzz_sockaddr(&sa, AF_INET6, buf);

        if (ngx_http_webhook_address_allowed(&sa.sockaddr, NULL)) {
            fuzz_fail("%s is public", fuzz_address_show(AF_INET6, buf));
        }

        fuzz_address(AF_INET6, buf);
    }
}


/* near an edge of a block */

static void
fuzz_edge(plain_block_t *block, const u_char *edge, int n)
{
    size_t  i;
    u_char  address[16];

    for (i = block->len; i > 0; i--) {
        n += edge[i - 1];
        address[i - 1] = (u_char) n;
        n >>= 8;
    }

    fuzz_address(block->family, address);

    if (block->family == AF_INET) {
        fuzz_guises(address);
    }
}


static ngx_uint_t
plain_match(regex_t *re, const char *text)
{
    return regexec(re, text, 0, NULL, 0) == 0;
}


/* labels of 1 to 63 letters, digits and hyphens, which are not at their ends */

static ngx_uint_t
plain_name(const char *host)
{
    size_t  n;

    if (strlen(host) > 253) {
        return 0;
    }

    for ( ;; ) {
        n = strcspn(host, ".");

        if (n < 1 || n > 63 || host[0] == '-' || host[n - 1] == '-') {
            return 0;
        }

        if (host[n] == '\0') {
            return 1;
        }

        host += n + 1;
    }
}


/* reads an URL by what the documentation says */

static void
plain_read(const u_char *data, size_t len, plain_url_t *url)
{
    char        *host, *p, *text;
    size_t       n;
    u_char       other[16];
    regmatch_t   m[7];

    ngx_memzero(url, sizeof(plain_url_t));

    if (len > 2048 || memchr(data, '\0', len)) {
        return;
    }

    text = strndup((char *) data, len);

    if (regexec(&plain_re_url, text, 7, m, 0) != 0) {
        free(text);
        return;
    }

    url->tls = (m[2].rm_so != -1);
    url->port = url->tls ? 443 : 80;

    if (m[5].rm_so != -1) {
        url->port = atoi(text + m[5].rm_so + 1);
    }

    n = m[3].rm_eo - m[3].rm_so;
    host = text + m[3].rm_so;

    if (url->port > 65535 || n >= sizeof(url->host)) {
        free(text);
        return;
    }

    for (p = text; p < host + n; p++) {
        *p = tolower(*p);
    }

    if (*host == '[') {
        snprintf(url->host, n - 1, "%s", host + 1);

        url->family = AF_INET6;
        url->valid = (inet_pton(AF_INET6, url->host, url->address) == 1
                      && ngx_inet6_addr((u_char *) url->host, n - 2, other)
                         == NGX_OK
                      && memcmp(other, url->address, 16) == 0);

    } else {
        snprintf(url->host, n + 1, "%s", host);

        if (inet_pton(AF_INET, url->host, url->address) == 1) {
            url->family = AF_INET;
            url->valid = 1;

        } else {

            /* "unix:" is no host to nginx */

            url->valid = plain_name(url->host)
                         && !plain_match(&plain_re_number, url->host)
                         && strcmp(url->host, "unix") != 0;
        }
    }

    url->text.data = malloc(len + 2);
    url->text.len = snprintf((char *) url->text.data, len + 2, "%.*s%s%s",
                             (int) (m[6].rm_so == -1 ? (regoff_t) len
                                                     : m[6].rm_so),
                             text,
                             (m[6].rm_so == -1 || text[m[6].rm_so] == '?')
                             ? "/" : "",
                             m[6].rm_so == -1 ? "" : text + m[6].rm_so);

    if (url->text.len > 2048) {
        url->valid = 0;
    }

    free(text);
}


static void
plain_free(plain_url_t *url)
{
    free(url->text.data);
}


/* what "proxy_pass" makes of an URL; see ngx_http_proxy_eval() */

static void
fuzz_proxy(ngx_pool_t *pool, ngx_str_t *text,
    ngx_http_upstream_resolved_t *resolved)
{
    size_t      add;
    in_port_t   port;
    ngx_url_t   url;

    add = ngx_strncasecmp(text->data, (u_char *) "https://", 8) == 0 ? 8 : 7;
    port = (add == 8) ? 443 : 80;

    ngx_memzero(&url, sizeof(ngx_url_t));

    url.url.len = text->len - add;
    url.url.data = text->data + add;
    url.default_port = port;
    url.uri_part = 1;
    url.no_resolve = 1;

    if (ngx_parse_url(pool, &url) != NGX_OK) {
        fuzz_fail("nginx does not take %s: %s",
                  fuzz_show(text->data, text->len), url.err);
    }

    if (url.uri.len == 0 || url.uri.data[0] != '/') {
        fuzz_fail("an URL without a path: %s",
                  fuzz_show(text->data, text->len));
    }

    ngx_memzero(resolved, sizeof(ngx_http_upstream_resolved_t));

    if (url.addrs) {
        resolved->sockaddr = url.addrs[0].sockaddr;
        resolved->socklen = url.addrs[0].socklen;
        resolved->name = url.addrs[0].name;
        resolved->naddrs = 1;
    }

    resolved->host = url.host;
    resolved->port = url.no_port ? port : url.port;
    resolved->no_port = url.no_port;
}


/* nginx must see the host that we have seen */

static void
fuzz_proxy_same(ngx_pool_t *pool, plain_url_t *plain)
{
    struct in_addr                in;
    ngx_http_upstream_resolved_t  resolved;

    fuzz_proxy(pool, &plain->text, &resolved);

    if (resolved.port != plain->port) {
        fuzz_fail("nginx takes the port %d for %lu", (int) resolved.port,
                  (unsigned long) plain->port);
    }

    if (plain->family == 0) {

        if (resolved.sockaddr
            || resolved.host.len != strlen(plain->host)
            || memcmp(resolved.host.data, plain->host, resolved.host.len) != 0)
        {
            fuzz_fail("nginx takes %s for %s", plain->host,
                      fuzz_show(resolved.host.data, resolved.host.len));
        }

        if (inet_aton(plain->host, &in)) {
            fuzz_fail("a C library takes %s for an address", plain->host);
        }

        return;
    }

    if (resolved.sockaddr == NULL
        || resolved.sockaddr->sa_family != plain->family
        || memcmp(fuzz_address_of(resolved.sockaddr), plain->address,
                  plain->family == AF_INET6 ? 16 : 4)
           != 0)
    {
        fuzz_fail("nginx takes %s for another address", plain->host);
    }
}


static ngx_uint_t
plain_is(ngx_str_t *text, const char *s)
{
    return text->len == strlen(s) && memcmp(text->data, s, text->len) == 0;
}


static ngx_uint_t
plain_same(ngx_str_t *a, ngx_str_t *b)
{
    return a->len == b->len
           && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}


static void
fuzz_url_compare(ngx_pool_t *pool, const u_char *data, size_t len,
    plain_url_t *plain)
{
    ngx_int_t                rc;
    ngx_str_t                text;
    ngx_http_webhook_url_t   url;

    /* a block of its own, for overruns to show */

    text.len = len;
    text.data = ngx_pnalloc(pool, len + (len == 0));
    ngx_memcpy(text.data, data, len);

    rc = ngx_http_webhook_url_parse(pool, &text, &url);

    if (rc != (plain->valid ? NGX_OK : NGX_DECLINED)) {
        fuzz_fail("the URL %s is %s", fuzz_show(data, len),
                  (rc == NGX_OK) ? "taken" : "refused");
    }

    if (rc != NGX_OK) {
        return;
    }

    if (url.tls != plain->tls || url.port != plain->port
        || !plain_is(&url.host, plain->host)
        || !plain_same(&url.text, &plain->text)
        || url.text.data[url.text.len] != '\0')
    {
        fuzz_fail("the URL %s is %s, should be %s", fuzz_show(data, len),
                  fuzz_show(url.text.data, url.text.len),
                  fuzz_show(plain->text.data, plain->text.len));
    }

    if ((url.socklen != 0) != (plain->family != 0)) {
        fuzz_fail("the host %s is an address or not", plain->host);
    }

    if (url.socklen
        && (url.sockaddr.sockaddr.sa_family != plain->family
            || ngx_inet_get_port(&url.sockaddr.sockaddr) != plain->port
            || memcmp(fuzz_address_of(&url.sockaddr.sockaddr), plain->address,
                      plain->family == AF_INET6 ? 16 : 4)
               != 0))
    {
        fuzz_fail("the address of %s", plain->host);
    }

    if (url.socklen == 0
        && ngx_http_webhook_host_special(&url.host)
           != plain_match(&plain_re_inside, plain->host))
    {
        fuzz_fail("the host %s is one inside or not", plain->host);
    }
}


static void
fuzz_url(const u_char *data, size_t len)
{
    ngx_pool_t   *pool;
    plain_url_t   again, plain;

    pool = ngx_create_pool(NGX_DEFAULT_POOL_SIZE, fuzz_cycle.log);

    plain_read(data, len, &plain);
    fuzz_url_compare(pool, data, len, &plain);

    if (plain.valid) {

        /* what is kept reads as the same, and is kept as it is */

        plain_read(plain.text.data, plain.text.len, &again);

        if (!again.valid || !plain_same(&again.text, &plain.text)) {
            fuzz_fail("%s is not what is kept of it",
                      fuzz_show(plain.text.data, plain.text.len));
        }

        fuzz_url_compare(pool, plain.text.data, plain.text.len, &again);
        fuzz_proxy_same(pool, &plain);

        plain_free(&again);
    }

    plain_free(&plain);
    ngx_destroy_pool(pool);
}


/*
 * A line of the input says what a name means: addresses, "-" if there is no
 * such name, "?" if nobody can tell.
 */

static void
fuzz_resolved(ngx_str_t *line, const char *host)
{
    char       text[INET6_ADDRSTRLEN];
    int        family;
    u_char    *last, *p, address[16];
    ngx_str_t  word;

    fuzz_dns.host = host;
    fuzz_dns.state = NGX_OK;
    fuzz_dns.n = 0;

    p = line->data;
    last = p + line->len;

    while (p < last && fuzz_dns.n < FUZZ_ADDRESSES) {

        fuzz_until(&p, last, ' ', &word);

        if (plain_is(&word, "-")) {
            fuzz_dns.state = NGX_RESOLVE_NXDOMAIN;
            continue;
        }

        if (plain_is(&word, "?")) {
            fuzz_dns.state = NGX_RESOLVE_SERVFAIL;
            continue;
        }

        if (word.len >= sizeof(text)) {
            continue;
        }

        snprintf(text, sizeof(text), "%.*s", (int) word.len, word.data);

        family = strchr(text, ':') ? AF_INET6 : AF_INET;

        if (inet_pton(family, text, address) != 1) {
            continue;
        }

        fuzz_dns.addrs[fuzz_dns.n].sockaddr =
                                  &fuzz_dns.sockaddrs[fuzz_dns.n].sockaddr;
        fuzz_dns.addrs[fuzz_dns.n].socklen =
                   fuzz_sockaddr(&fuzz_dns.sockaddrs[fuzz_dns.n], family,
                                 address);
        fuzz_dns.n++;
    }
}


/*
 * What becomes of an URL that is valid: 0, or the reason of a refusal.  It is
 * judged by its host, and then by all of what that means.
 */

static const char *
plain_judge(plain_url_t *url, ngx_uint_t options, ngx_uint_t off)
{
    ngx_uint_t        i;
    struct sockaddr  *sa;

    if (url->family) {
        return plain_public(url->family, url->address, options)
               ? NULL : "forbidden_address";
    }

    if (plain_match(&plain_re_inside, url->host)
        && (off || !(options & fuzz_allowed)))
    {
        return "forbidden_address";
    }

    if (off) {
        return NULL;
    }

    if (fuzz_dns.state == NGX_RESOLVE_NXDOMAIN) {
        return "unknown_host";
    }

    if (fuzz_dns.state != NGX_OK) {
        return "resolver_failed";
    }

    for (i = 0; i < fuzz_dns.n; i++) {
        sa = fuzz_dns.addrs[i].sockaddr;

        if (!plain_public(sa->sa_family, fuzz_address_of(sa), options)) {
            return "forbidden_address";
        }
    }

    return fuzz_dns.n ? NULL : "unknown_host";
}


static ngx_http_request_t *
fuzz_request_of(ngx_http_webhook_loc_conf_t *wlcf, ngx_uint_t method,
    ngx_str_t *workspace)
{
    u_char                    *p;
    ngx_str_t                  uri;
    ngx_http_request_t        *r;
    ngx_http_core_loc_conf_t  *clcf;

    static ngx_str_t  json = ngx_string("application/json");
    static ngx_str_t  secret = ngx_string("S");
    static ngx_str_t  secret_name = ngx_string("X-Secret");
    static ngx_str_t  type_name = ngx_string("Content-Type");

    ngx_str_null(&uri);

    r = fuzz_request(wlcf, method, &uri, NULL);

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);
    clcf->resolver = &fuzz_resolver;

    p = ngx_pnalloc(r->pool, workspace->len + 64);

    r->uri.data = p;
    p = ngx_cpymem(p, "/a/workspaces/", 14);
    p = ngx_cpymem(p, workspace->data, workspace->len);
    p = ngx_cpymem(p, "/webhook", 8);
    r->uri.len = p - r->uri.data;

    fuzz_header(r, &secret_name, &secret);
    fuzz_header(r, &type_name, &json);

    return r;
}


/* the answer has this status and, as a refusal, this reason */

static void
fuzz_answered(ngx_uint_t status, const char *reason)
{
    json_t      *root;
    const char  *said;

    if (fuzz_answer.status != status) {
        fuzz_fail("answered %lu %s, should be %lu %s",
                  (unsigned long) fuzz_answer.status,
                  fuzz_show(fuzz_answer.text, fuzz_answer.len),
                  (unsigned long) status, reason ? reason : "");
    }

    if (status == 204) {
        return;
    }

    root = json_loadb((char *) fuzz_answer.text, fuzz_answer.len,
                      JSON_REJECT_DUPLICATES, NULL);
    said = json_string_value(json_object_get(root, "reason"));

    if (!json_is_object(root)
        || (said == NULL) != (reason == NULL)
        || (reason && strcmp(said, reason) != 0))
    {
        fuzz_fail("answered %s, should be %s",
                  fuzz_show(fuzz_answer.text, fuzz_answer.len),
                  reason ? reason : "none");
    }

    json_decref(root);
}


/* an attempt: what is known of the endpoint, and the address to connect to */

static void
fuzz_attempt(ngx_str_t *workspace, plain_url_t *plain, ngx_uint_t options)
{
    ngx_str_t                      body, value;
    ngx_int_t                      rc;
    ngx_uint_t                     i, status;
    const u_char                  *address;
    const char                    *reason;
    ngx_http_request_t            *r;
    ngx_http_upstream_t           *u;
    ngx_http_webhook_ctx_t        *ctx;
    ngx_http_webhook_delivery_t    delivery;
    ngx_http_webhook_outbound_t   *outbound;

    if (options & fuzz_narrowed) {
        options &= ~fuzz_allowed;
    }

    fuzz_dns.off = (options & fuzz_off) != 0;
    fuzz_sender->allow = (options & fuzz_allowed) ? fuzz_allow_list : NULL;

    r = fuzz_request_of(fuzz_sender, NGX_HTTP_POST, workspace);
    r->internal = 1;

    ctx = ngx_http_webhook_create_ctx(r);

    ngx_memzero(&delivery, sizeof(delivery));
    delivery.workspace = *workspace;
    delivery.variables = ngx_array_create(r->pool, 1, sizeof(ngx_keyval_t));

    ctx->delivery = &delivery;

    ngx_str_set(&body, "{}");

    if (ngx_http_webhook_outbound_create(r, ctx, &fuzz_queue, &body)
        != NGX_OK)
    {
        fuzz_fail("no attempt");
    }

    outbound = delivery.outbound;

    if (outbound->state != NGX_HTTP_WEBHOOK_OUTBOUND_SEND || outbound->status
        || !plain_same(&outbound->url.text, &plain->text)
        || !plain_is(&outbound->url.host, plain->host)
        || outbound->url.port != plain->port)
    {
        fuzz_fail("the attempt is for %s: %lu",
                  fuzz_show(outbound->url.text.data, outbound->url.text.len),
                  (unsigned long) outbound->status);
    }

    reason = plain_judge(plain, options, fuzz_dns.off);

    /* without a resolver a name is nobody's: then nothing is connected to */

    if (reason && fuzz_dns.off && plain->family == 0
        && (options & fuzz_allowed))
    {
        reason = NULL;
    }

    rc = ngx_http_webhook_outbound_begin(r, outbound);

    status = (reason == NULL) ? 0
             : (strcmp(reason, "forbidden_address") == 0) ? 403 : 502;

    if (rc != (reason ? NGX_DECLINED : NGX_OK) || outbound->status != status) {
        fuzz_fail("an attempt to %s is judged %ld, %lu, should be %lu",
                  plain->host, (long) rc, (unsigned long) outbound->status,
                  (unsigned long) status);
    }

    if (rc == NGX_OK) {

        if (!fuzz_variable(r, "webhook_endpoint_url", &value)
            || !plain_same(&value, &plain->text))
        {
            fuzz_fail("$webhook_endpoint_url");
        }

        u = ngx_pcalloc(r->pool, sizeof(ngx_http_upstream_t));
        u->resolved = ngx_pcalloc(r->pool,
                                  sizeof(ngx_http_upstream_resolved_t));
        r->upstream = u;

        fuzz_proxy(r->pool, &value, u->resolved);

        rc = fuzz_filter(r, NULL);

        if (rc != ((plain->family || !fuzz_dns.off)
                   ? NGX_OK : NGX_HTTP_INTERNAL_SERVER_ERROR))
        {
            fuzz_fail("an address for %s: %ld", plain->host, (long) rc);
        }
    }

    if (rc == NGX_OK) {

        /* this is where nginx connects to */

        if (u->resolved->sockaddr == NULL || u->resolved->naddrs != 1
            || ngx_inet_get_port(u->resolved->sockaddr) != plain->port)
        {
            fuzz_fail("%s has no address", plain->host);
        }

        address = fuzz_address_of(u->resolved->sockaddr);

        if (!plain_public(u->resolved->sockaddr->sa_family, address, options)) {
            fuzz_fail("%s would be connected to",
                      fuzz_address_show(u->resolved->sockaddr->sa_family,
                                        address));
        }

        for (i = 0; plain->family == 0 && i < fuzz_dns.n; i++) {
            if (ngx_cmp_sockaddr(u->resolved->sockaddr, u->resolved->socklen,
                                 fuzz_dns.addrs[i].sockaddr,
                                 fuzz_dns.addrs[i].socklen, 0)
                == NGX_OK)
            {
                break;
            }
        }

        if (plain->family == 0 && i == fuzz_dns.n) {
            fuzz_fail("%s has another address", plain->host);
        }
    }

    ngx_http_webhook_outbound_finish(outbound, 200);

    fuzz_request_done(r);
}


/* an URL is registered, an event is sent, and the URL is deleted */

static void
fuzz_put(u_char *data, size_t len)
{
    char                          *text;
    u_char                        *last, *p;
    json_t                        *json;
    ngx_int_t                      rc;
    ngx_str_t                      line, now, then, workspace;
    ngx_uint_t                     options, status;
    const char                    *reason;
    ngx_pool_t                    *pool;
    plain_url_t                    plain;
    ngx_http_request_t            *r;
    ngx_http_webhook_endpoint_t    endpoint;

    static ngx_array_t                        ports;
    static ngx_http_webhook_endpoints_conf_t  conf;
    static ngx_http_webhook_port_range_t      all = { 1, 65535 };

    p = data;
    last = data + len;

    options = (p < last) ? *p++ : 0;

    fuzz_until(&p, last, '\n', &line);
    fuzz_until(&p, last, '\n', &now);
    fuzz_until(&p, last, '\n', &then);

    ports.elts = &all;
    ports.nelts = 1;

    json = json_pack("{s:s%}", "url", line.data, line.len);
    if (json == NULL) {
        /* it is not UTF-8 */
        return;
    }

    text = json_dumps(json, 0);
    json_decref(json);

    plain_read(line.data, line.len, &plain);

    ngx_str_set(&workspace, "w\xc3\xa9");

    conf.http = (options & fuzz_http) != 0;
    conf.ports = (options & fuzz_ports) ? NULL : &ports;
    fuzz_api->endpoints = &conf;
    fuzz_api->allow = (options & fuzz_allowed) ? fuzz_allow_list : NULL;

    fuzz_resolved(&now, plain.host);
    fuzz_dns.off = (options & fuzz_unresolved) != 0;
    fuzz_dns.asked = 0;

    if (!plain.valid || (!plain.tls && !conf.http)) {
        reason = "invalid_url";

    } else if ((options & fuzz_ports)
               && plain.port != (plain.tls ? 443 : 80))
    {
        reason = "forbidden_port";

    } else {
        reason = plain_judge(&plain, options, fuzz_dns.off);
    }

    r = fuzz_request_of(fuzz_api, NGX_HTTP_PUT, &workspace);
    fuzz_body(r, (u_char *) text, strlen(text));

    if (fuzz_judge(r, 0) == 0) {
        fuzz_content(r);
    }

    status = (reason == NULL) ? 201
             : (strcmp(reason, "resolver_failed") == 0) ? 503 : 400;

    fuzz_answered(status, reason);

    if (fuzz_dns.asked > 1 || (fuzz_dns.asked && plain.family)) {
        fuzz_fail("asked for %s", plain.host);
    }

    fuzz_request_done(r);

    pool = ngx_create_pool(NGX_DEFAULT_POOL_SIZE, fuzz_cycle.log);

    rc = ngx_http_webhook_endpoint_find(fuzz_shm_zone, &ngx_http_webhook_munity,
                                        pool, &workspace, &endpoint);

    if (rc != (reason ? NGX_DECLINED : NGX_OK)
        || (rc == NGX_OK
            && (!plain_same(&endpoint.url, &plain.text)
                || !plain_same(&endpoint.workspace, &workspace)
                || endpoint.disabled || endpoint.events || endpoint.failing)))
    {
        fuzz_fail("what is kept of %s", fuzz_show(line.data, line.len));
    }

    if (rc == NGX_OK) {
        fuzz_resolved(&then, plain.host);
        fuzz_attempt(&workspace, &plain, options);

        fuzz_dns.off = 1;

        r = fuzz_request_of(fuzz_api, NGX_HTTP_DELETE, &workspace);
        fuzz_body(r, (u_char *) "", 0);

        if (fuzz_judge(r, 0) != 0) {
            fuzz_fail("the endpoint is not there");
        }

        fuzz_content(r);
        fuzz_answered(204, NULL);
        fuzz_request_done(r);
    }

    ngx_destroy_pool(pool);
    plain_free(&plain);
    free(text);
}


/* UTF-8 without control characters */

static ngx_uint_t
plain_workspace(ngx_str_t *workspace)
{
    size_t   i;
    u_char  *p;
    json_t  *json;

    p = workspace->data;

    for (i = 0; i < workspace->len; i++) {

        if (p[i] < ' ' || p[i] == 0x7f
            || (p[i] == 0xc2 && i + 1 < workspace->len
                && p[i + 1] >= 0x80 && p[i + 1] <= 0x9f))
        {
            return 0;
        }
    }

    json = json_stringn((char *) p, workspace->len);
    json_decref(json);

    return json && workspace->len >= 1 && workspace->len <= 256;
}


static ngx_uint_t
plain_string(json_t *json, const char *name, ngx_str_t *text)
{
    json = json_object_get(json, name);

    text->data = (u_char *) json_string_value(json);
    text->len = json_string_length(json);

    return text->len != 0;
}


/* 0 for what is no number; a record has none below it */

static ngx_uint_t
plain_time(json_t *json, const char *name, time_t *t)
{
    *t = json_integer_value(json_object_get(json, name));

    return *t >= 0;
}


/* what a record says; its texts are in "json" */

static ngx_uint_t
plain_record(json_t *json, ngx_http_webhook_endpoint_t *endpoint)
{
    size_t       i;
    json_t      *item;
    ngx_uint_t   n;
    ngx_str_t    previous;
    const char  *reason;

    static const char  *events[] = {
        "webhook_test",
        "integration_new_data_model",
        "integration_updated_data_model",
        "integration_deleted_data_model",
        "integration_installed",
        "integration_import_done",
        "integration_cannot_refresh_oauth_token",
        "integration_oauth_token_fixed"
    };

    ngx_memzero(endpoint, sizeof(ngx_http_webhook_endpoint_t));

    endpoint->provider = &ngx_http_webhook_munity;

    if (!plain_string(json, "workspace_id", &endpoint->workspace)
        || !plain_string(json, "url", &endpoint->url)
        || !plain_string(json, "secret", &endpoint->secret)
        || !plain_time(json, "failing_since", &endpoint->failing)
        || !plain_time(json, "last_failure", &endpoint->failed)
        || !plain_time(json, "created", &endpoint->created)
        || !plain_time(json, "updated", &endpoint->updated)
        || !plain_time(json, "previous_secret_until", &endpoint->until))
    {
        return 0;
    }

    if (endpoint->until) {

        if (!plain_string(json, "previous_secret", &previous)) {
            return 0;
        }

        endpoint->previous = previous;
    }

    if (!json_is_true(json_object_get(json, "enabled"))) {
        reason = json_string_value(json_object_get(json, "disabled_reason"));
        n = json_string_length(json_object_get(json, "disabled_reason"));

        endpoint->disabled = (n == 4 && strcmp(reason, "gone") == 0)
                             ? NGX_HTTP_WEBHOOK_ANSWERED_GONE
                             : (n == 7 && strcmp(reason, "failing") == 0)
                             ? NGX_HTTP_WEBHOOK_FAILING
                             : NGX_HTTP_WEBHOOK_REQUESTED;
    }

    json_array_foreach(json_object_get(json, "events"), i, item) {
        for (n = 0; n < sizeof(events) / sizeof(events[0]); n++) {
            if (json_is_string(item)
                && strcmp(json_string_value(item), events[n]) == 0)
            {
                endpoint->events |= 1 << n;
            }
        }
    }

    return 1;
}


static void
fuzz_endpoint_same(ngx_http_webhook_endpoint_t *a,
    ngx_http_webhook_endpoint_t *b, const char *when)
{
    if (!plain_same(&a->workspace, &b->workspace)
        || !plain_same(&a->url, &b->url)
        || !plain_same(&a->secret, &b->secret)
        || !plain_same(&a->previous, &b->previous)
        || a->events != b->events
        || a->disabled != b->disabled
        || a->failing != b->failing
        || a->failed != b->failed
        || a->created != b->created
        || a->updated != b->updated
        || a->until != b->until)
    {
        fuzz_fail("the endpoint is another one %s", when);
    }
}


/* what one who asks is told: all but secrets */

static void
fuzz_get(ngx_str_t *workspace, ngx_http_webhook_endpoint_t *plain)
{
    json_t              *root;
    ngx_str_t            url;
    ngx_http_request_t  *r;

    r = fuzz_request_of(fuzz_api, NGX_HTTP_GET, workspace);
    fuzz_body(r, (u_char *) "", 0);

    if (fuzz_judge(r, 0) == 0) {
        fuzz_content(r);
    }

    if (memchr(workspace->data, '/', workspace->len)) {
        /* it has no path */
        fuzz_request_done(r);
        return;
    }

    if (plain == NULL) {
        fuzz_answered(503, "store_failed");
        fuzz_request_done(r);
        return;
    }

    fuzz_answered(200, NULL);

    root = json_loadb((char *) fuzz_answer.text, fuzz_answer.len,
                      JSON_REJECT_DUPLICATES, NULL);

    if (json_object_size(root) != 9
        || json_object_get(root, "secret")
        || json_object_get(root, "previous_secret")
        || !plain_string(root, "url", &url)
        || !plain_same(&url, &plain->url)
        || json_is_true(json_object_get(root, "enabled"))
           != (plain->disabled == 0)
        || json_integer_value(json_object_get(root, "created"))
           != plain->created)
    {
        fuzz_fail("told %s", fuzz_show(fuzz_answer.text, fuzz_answer.len));
    }

    json_decref(root);

    fuzz_request_done(r);
}


/* what an answer of the endpoint's makes of it */

static void
fuzz_finish(ngx_str_t *workspace, ngx_http_webhook_endpoint_t *plain)
{
    ngx_uint_t                    status;
    ngx_http_request_t           *r;
    ngx_http_webhook_endpoint_t   now;
    ngx_http_webhook_outbound_t   outbound;

    static ngx_uint_t  statuses[] = { 200, 410, 500, 0, 299, 300, 403, 199 };

    status = statuses[fuzz_choose(8)];

    r = fuzz_request_of(fuzz_sender, NGX_HTTP_POST, workspace);

    ngx_memzero(&outbound, sizeof(outbound));

    outbound.request = r;
    outbound.queue = &fuzz_queue;
    outbound.endpoint = *plain;

    ngx_http_webhook_outbound_finish(&outbound, status);

    if (plain->disabled) {
        /* it is off, whatever it has answered */

    } else if (status / 100 == 2) {
        plain->failed = plain->failing ? 0 : plain->failed;
        plain->failing = 0;

    } else if (status == 410) {
        plain->disabled = NGX_HTTP_WEBHOOK_ANSWERED_GONE;
        plain->failed = ngx_time();

    } else if (plain->failing == 0
               || plain->failed < ngx_time() - FUZZ_GIVE_UP / 10)
    {
        plain->failing = ngx_time();
        plain->failed = ngx_time();

    } else if (plain->failing <= ngx_time() - FUZZ_GIVE_UP) {
        plain->disabled = NGX_HTTP_WEBHOOK_FAILING;
        plain->failed = ngx_time();

    } else if (plain->failed < ngx_time() - FUZZ_GIVE_UP / 100) {
        plain->failed = ngx_time();
    }

    if (ngx_http_webhook_endpoint_find(fuzz_shm_zone, &ngx_http_webhook_munity,
                                       r->pool, workspace, &now)
        != NGX_OK)
    {
        fuzz_fail("the endpoint is gone after an answer");
    }

    fuzz_endpoint_same(&now, plain, "after an answer");

    fuzz_request_done(r);
}


/* what is stored, by us or by anybody */

static void
fuzz_record(u_char *data, size_t len)
{
    u_char                            digest[EVP_MAX_MD_SIZE];
    u_char                           *last, *p;
    json_t                           *json;
    uint32_t                          n32;
    ngx_int_t                         rc;
    ngx_str_t                         text, workspace;
    ngx_uint_t                        valid;
    ngx_pool_t                       *pool;
    ngx_http_webhook_endpoint_t       endpoint, plain;
    ngx_http_webhook_registry_op_t    op;
    ngx_http_webhook_registration_t   registration;

    p = data;
    last = data + len;

    fuzz_until(&p, last, '\n', &workspace);

    text.data = p;
    text.len = last - p;

    if (text.len == 0) {
        return;
    }

    pool = ngx_create_pool(NGX_DEFAULT_POOL_SIZE, fuzz_cycle.log);

    /* a UUID of version 8, out of the SHA-256 */

    if (EVP_Digest(workspace.data, workspace.len, digest, NULL, EVP_sha256(),
                   NULL)
        != 1)
    {
        fuzz_fail("no digest");
    }

    digest[6] = 0x80 | (digest[6] & 0x0f);
    digest[8] = 0x80 | (digest[8] & 0x3f);

    ngx_memzero(&registration, sizeof(registration));
    ngx_memcpy(registration.uuid, digest, NGX_HTTP_WEBHOOK_UUID_SIZE);

    registration.text.len = FUZZ_HEAD + text.len;
    registration.text.data = ngx_pcalloc(pool, registration.text.len);

    n32 = text.len;
    ngx_memcpy(registration.text.data + FUZZ_HEAD - 4, &n32, 4);
    ngx_memcpy(registration.text.data + FUZZ_HEAD, text.data, text.len);

    if (ngx_http_webhook_registry_create(fuzz_shm_zone, pool, &registration,
                                         &op)
        != NGX_OK)
    {
        fuzz_fail("no registration");
    }

    json = json_loadb((char *) text.data, text.len, 0, NULL);

    valid = plain_record(json, &plain)
            && plain_same(&plain.workspace, &workspace);

    rc = ngx_http_webhook_endpoint_find(fuzz_shm_zone, &ngx_http_webhook_munity,
                                        pool, &workspace, &endpoint);

    if (rc != (!plain_workspace(&workspace) ? NGX_DECLINED
               : valid ? NGX_OK : NGX_ERROR))
    {
        fuzz_fail("an endpoint of %s is found: %ld",
                  fuzz_show(workspace.data, workspace.len), (long) rc);
    }

    if (rc == NGX_ERROR) {
        fuzz_get(&workspace, NULL);
    }

    if (rc == NGX_OK) {
        fuzz_endpoint_same(&endpoint, &plain, "when it is found");
        fuzz_get(&workspace, &plain);

        if (ngx_http_webhook_endpoint_replace(fuzz_shm_zone, pool, &endpoint,
                                              &op)
            != NGX_OK)
        {
            fuzz_fail("no replacement");
        }

        /* what has been changed by others is not changed */

        if (ngx_http_webhook_endpoint_replace(fuzz_shm_zone, pool, &endpoint,
                                              &op)
            != NGX_BUSY)
        {
            fuzz_fail("a replacement of what is no more");
        }

        /* a secret of the past is not kept */

        if (plain.until <= ngx_time()) {
            plain.until = 0;
            ngx_str_null(&plain.previous);
        }

        if (ngx_http_webhook_endpoint_find(fuzz_shm_zone,
                                           &ngx_http_webhook_munity, pool,
                                           &workspace, &endpoint)
            != NGX_OK)
        {
            fuzz_fail("the endpoint is gone");
        }

        fuzz_endpoint_same(&endpoint, &plain, "when it was printed");
        fuzz_finish(&workspace, &plain);
    }

    if (ngx_http_webhook_registry_delete(fuzz_shm_zone, digest, &op)
        != NGX_OK)
    {
        fuzz_fail("nothing to delete");
    }

    json_decref(json);
    ngx_destroy_pool(pool);
}


int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
    ngx_str_t            uri = ngx_string("/");
    ngx_uint_t           i;
    ngx_http_request_t  *r;

    static char  *allow[] = { "10.0.0.0/8", "127.0.0.2", "fd00::/9", NULL };
    static char  *endpoints[] = { "zone=fuzz", NULL };

    static ngx_http_upstream_main_conf_t  umcf;

    fuzz_nginx();

    /* workspaces are named */
    fuzz_log_utf8 = 1;

    ((ngx_time_t *) ngx_cached_time)->sec = FUZZ_NOW;

    for (i = 0; i < PLAIN_SPECIAL; i++) {
        plain_block(&plain_special[i]);
    }

    for (i = 0; i < PLAIN_ALLOWED; i++) {
        plain_block(&plain_allowed[i]);
    }

    if (regcomp(&plain_re_url,
                "^[Hh][Tt][Tt][Pp]((s|S)?)://"
                "([[][0-9A-Fa-f:.]+[]]|[0-9A-Za-z.-]+)"
                "((:[1-9][0-9]{0,4})?)"
                "([/?][]!$%&'()*+,./0-9:;=?@A-Z[_a-z~-]*)?$",
                REG_EXTENDED)
        || regcomp(&plain_re_number, "(^|[.])([0-9]+|0x[^.]*)$",
                   REG_EXTENDED|REG_NOSUB)
        || regcomp(&plain_re_inside,
                   "(^|[.])(localhost|local|internal|localdomain|home[.]arpa)$",
                   REG_EXTENDED|REG_NOSUB))
    {
        fuzz_fail("no regular expressions");
    }

    fuzz_shm_zone = fuzz_zone(fuzz_pool, FUZZ_ZONE, NULL);

    fuzz_api = fuzz_endpoints(endpoints);
    fuzz_secret(fuzz_api, "S", NULL);
    fuzz_allow(fuzz_api, allow);
    fuzz_allow_list = fuzz_api->allow;

    fuzz_sender = fuzz_location(NULL);
    fuzz_sender->give_up = FUZZ_GIVE_UP;

    fuzz_queue.location = fuzz_sender;
    fuzz_queue.endpoints = fuzz_shm_zone;
    fuzz_queue.cycle = &fuzz_cycle;
    ngx_str_set(&fuzz_queue.name, "fuzz");

    fuzz_filter = fuzz_outbound(&fuzz_queue);

    /* no "upstream" has a name */

    r = fuzz_request(fuzz_api, NGX_HTTP_GET, &uri, NULL);
    r->main_conf[ngx_http_upstream_module.ctx_index] = &umcf;
    fuzz_request_done(r);

    return 0;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t          free_bytes;
    u_char         *text;
    ngx_uint_t      i;
    plain_block_t  *block;

    if (size < 1 || size > 8192) {
        return 0;
    }

    free_bytes = fuzz_zone_free(fuzz_shm_zone);

    data++;
    size--;

    switch (data[-1]) {

    case 'u':
        fuzz_url(data, size);
        break;

    case 'a':

        if (size >= 16) {
            fuzz_address(AF_INET6, data);

        } else if (size >= 4) {
            fuzz_address(AF_INET, data);
            fuzz_guises(data);
        }

        break;

    case 'e':

        for (i = 0; size && i < PLAIN_SPECIAL; i++) {
            block = &plain_special[i];

            fuzz_edge(block, block->first, (int8_t) data[0]);
            fuzz_edge(block, block->last, (int8_t) data[0]);
        }

        break;

    case 'p':
    case 'r':
        fuzz_choices(data, &size);

        text = malloc(size + 1);
        ngx_memcpy(text, data, size);

        if (data[-1] == 'p') {
            fuzz_put(text, size);

        } else {
            fuzz_record(text, size);
        }

        free(text);
        break;
    }

    if (fuzz_zone_free(fuzz_shm_zone) != free_bytes) {
        fuzz_fail("the zone has lost memory");
    }

    return 0;
}
