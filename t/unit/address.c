
/*
 * URLs that events may be sent to, against a table: what is taken, and what is
 * kept of it.  Special names and addresses, against the first and the last
 * address of each block and their neighbours.  Random URLs: what is kept of one
 * is read as the same again.  Speaks TAP.
 */


#include "endpoints/ngx_http_webhook_address.h"

#include "nginx.h"


#define RANDOM  200000


typedef struct {
    const char  *text;
    const char  *kept;                     /* NULL: as it is */
    const char  *host;                     /* NULL: it is refused */
    int          port;
    int          family;                   /* 0: a name */
} url_t;


typedef struct {
    const char  *first;
    const char  *last;
} block_t;


static ngx_pool_t  *pool;
static int          failed;


static void
bad(const char *format, ...)
{
    va_list  args;

    failed++;

    printf("# ");
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf("\n");
}


static void
result(const char *name)
{
    ok(failed == 0, name);

    failed = 0;
}


static int
same(ngx_str_t *a, const char *b)
{
    return a->len == strlen(b) && memcmp(a->data, b, a->len) == 0;
}


static url_t  urls[] = {

    /* taken */

    { "https://example.com/", NULL, "example.com", 443, 0 },
    { "https://example.com", "https://example.com/", "example.com", 443, 0 },
    { "https://example.com?a=/", "https://example.com/?a=/", "example.com",
      443, 0 },
    { "HTTPS://Example.COM/Path?Q", "https://example.com/Path?Q",
      "example.com", 443, 0 },
    { "http://example.com/", NULL, "example.com", 80, 0 },
    { "https://example.com:8443/a:b", NULL, "example.com", 8443, 0 },
    { "https://example.com:65535/", NULL, "example.com", 65535, 0 },
    { "https://a-1.example/", NULL, "a-1.example", 443, 0 },
    { "https://1.example/", NULL, "1.example", 443, 0 },
    { "https://xn--bcher-kva.example/", NULL, "xn--bcher-kva.example", 443, 0 },
    { "https://unix.example/", NULL, "unix.example", 443, 0 },
    { "https://192.0.2.1/", NULL, "192.0.2.1", 443, AF_INET },
    { "https://255.255.255.255:1/", NULL, "255.255.255.255", 1, AF_INET },
    { "https://[2001:db8::1]/", NULL, "2001:db8::1", 443, AF_INET6 },
    { "https://[::FFFF:1.2.3.4]:81", "https://[::ffff:1.2.3.4]:81/",
      "::ffff:1.2.3.4", 81, AF_INET6 },

    /* of another scheme, or of none */

    { "", NULL, NULL, 0, 0 },
    { "https://", NULL, NULL, 0, 0 },
    { "https:/example.com/", NULL, NULL, 0, 0 },
    { "ftp://example.com/", NULL, NULL, 0, 0 },
    { "//example.com/", NULL, NULL, 0, 0 },
    { "example.com", NULL, NULL, 0, 0 },
    { " https://example.com/", NULL, NULL, 0, 0 },

    /* with what two readers could understand in two ways */

    { "https://user@example.com/", NULL, NULL, 0, 0 },
    { "https://user:password@example.com/", NULL, NULL, 0, 0 },
    { "https://example.com#@inside/", NULL, NULL, 0, 0 },
    { "https://example.com/#a", NULL, NULL, 0, 0 },
    { "https://example.com\\@inside/", NULL, NULL, 0, 0 },
    { "https://example.com/a b", NULL, NULL, 0, 0 },
    { "https://example.com/\t", NULL, NULL, 0, 0 },
    { "https://example.com/\n", NULL, NULL, 0, 0 },
    { "https://example.com/\x7f", NULL, NULL, 0, 0 },
    { "https://ex\xc3\xa4mple.com/", NULL, NULL, 0, 0 },
    { "https://ex%61mple.com/", NULL, NULL, 0, 0 },
    { "https://example.com/{a}", NULL, NULL, 0, 0 },

    /* hosts */

    { "https:///path", NULL, NULL, 0, 0 },
    { "https://example.com./", NULL, NULL, 0, 0 },
    { "https://.example.com/", NULL, NULL, 0, 0 },
    { "https://example..com/", NULL, NULL, 0, 0 },
    { "https://-a.example/", NULL, NULL, 0, 0 },
    { "https://a-.example/", NULL, NULL, 0, 0 },
    { "https://a.example-/", NULL, NULL, 0, 0 },
    { "https://a_b.example/", NULL, NULL, 0, 0 },
    { "https://unix/", NULL, NULL, 0, 0 },
    { "https://unix:80/", NULL, NULL, 0, 0 },

    /* addresses in other notations */

    { "https://127.1/", NULL, NULL, 0, 0 },
    { "https://2130706433/", NULL, NULL, 0, 0 },
    { "https://0x7f000001/", NULL, NULL, 0, 0 },
    { "https://127.0.0.0x1/", NULL, NULL, 0, 0 },
    { "https://0177.0.0.1/", NULL, NULL, 0, 0 },
    { "https://127.0.0.01/", NULL, NULL, 0, 0 },
    { "https://1.2.3.256/", NULL, NULL, 0, 0 },
    { "https://1.2.3.4.5/", NULL, NULL, 0, 0 },
    { "https://a.1/", NULL, NULL, 0, 0 },
    { "https://[127.0.0.1]/", NULL, NULL, 0, 0 },
    { "https://[::1/", NULL, NULL, 0, 0 },
    { "https://::1/", NULL, NULL, 0, 0 },
    { "https://[]/", NULL, NULL, 0, 0 },
    { "https://[:1:2:3:4:5:6:7:8]/", NULL, NULL, 0, 0 },
    { "https://[1:2:3:4:5:6:7:8:]/", NULL, NULL, 0, 0 },
    { "https://[fe80::1%25eth0]/", NULL, NULL, 0, 0 },
    { "https://[::1]a/", NULL, NULL, 0, 0 },

    /* ports */

    { "https://example.com:/", NULL, NULL, 0, 0 },
    { "https://example.com:0/", NULL, NULL, 0, 0 },
    { "https://example.com:080/", NULL, NULL, 0, 0 },
    { "https://example.com:65536/", NULL, NULL, 0, 0 },
    { "https://example.com:80:80/", NULL, NULL, 0, 0 },
    { "https://example.com:+80/", NULL, NULL, 0, 0 },
    { "https://[::1]:/", NULL, NULL, 0, 0 }
};


static void
check_url(url_t *expected)
{
    u_char                  *copy;
    int                      family;
    ngx_int_t                rc;
    ngx_str_t                text;
    ngx_http_webhook_url_t   url;

    /* exactly as many bytes, so that what reads beyond them is seen */

    text.len = strlen(expected->text);
    copy = malloc(text.len + (text.len == 0));
    text.data = memcpy(copy, expected->text, text.len);

    rc = ngx_http_webhook_url_parse(pool, &text, &url);

    family = url.socklen ? url.sockaddr.sockaddr.sa_family : 0;

    if (rc != (expected->host ? NGX_OK : NGX_DECLINED)) {
        bad("\"%s\": %d", expected->text, (int) rc);

    } else if (rc == NGX_OK
               && (!same(&url.text, expected->kept ? expected->kept
                                                   : expected->text)
                   || url.text.data[url.text.len] != '\0'
                   || !same(&url.host, expected->host)
                   || url.port != expected->port
                   || url.tls != (url.text.data[4] == 's')
                   || family != expected->family))
    {
        bad("\"%s\": \"%.*s\", host \"%.*s\", port %d, family %d",
            expected->text, (int) url.text.len, url.text.data,
            (int) url.host.len, url.host.data, (int) url.port, family);

    } else if (family == AF_INET
               && ntohs(url.sockaddr.sockaddr_in.sin_port) != expected->port)
    {
        bad("\"%s\": the address has another port", expected->text);
    }

    free(copy);
    ngx_reset_pool(pool);
}


/* URLs, hosts and labels that are as long as they may be, or one byte longer */

static void
check_lengths(void)
{
    char   text[NGX_HTTP_WEBHOOK_URL_MAX + 2], host[256];
    url_t  url;
    int    i, label;

    memset(&url, 0, sizeof(url));
    url.text = text;
    url.port = 443;

    for (i = NGX_HTTP_WEBHOOK_URL_MAX - 1; i <= NGX_HTTP_WEBHOOK_URL_MAX + 1;
         i++)
    {
        memset(text, 'a', i);
        memcpy(text, "https://a.example/", 18);
        text[i] = '\0';

        url.host = (i <= NGX_HTTP_WEBHOOK_URL_MAX) ? "a.example" : NULL;
        check_url(&url);
    }

    /* a "/" is added, and then it is too long */

    memset(text, 'a', NGX_HTTP_WEBHOOK_URL_MAX);
    memcpy(text, "https://a.example?", 18);
    text[NGX_HTTP_WEBHOOK_URL_MAX] = '\0';
    url.host = NULL;
    check_url(&url);

    for (label = 62; label <= 64; label++) {
        memset(host, 'a', label);
        strcpy(host + label, ".example");
        sprintf(text, "https://%s/", host);
        url.host = (label <= 63) ? host : NULL;
        check_url(&url);
    }

    for (i = 252; i <= 254; i++) {
        memset(host, 'a', i);
        host[63] = host[127] = host[191] = '.';
        host[i] = '\0';
        sprintf(text, "https://%s/", host);
        url.host = (i <= 253) ? host : NULL;
        check_url(&url);
    }
}


static void
check_names(void)
{
    size_t      i;
    ngx_str_t   host;

    static const char  *special[] = {
        "localhost", "a.localhost", "local", "printer.local", "internal",
        "metadata.google.internal", "localdomain", "localhost.localdomain",
        "home.arpa", "nas.home.arpa"
    };

    static const char  *plain[] = {
        "example.com", "localhost.example", "mylocalhost", "arpa", "ahome.arpa",
        "internal.example", "al", "l"
    };

    for (i = 0; i < sizeof(special) / sizeof(special[0]); i++) {
        host.len = strlen(special[i]);
        host.data = (u_char *) special[i];

        if (!ngx_http_webhook_host_special(&host)) {
            bad("\"%s\" is not special", special[i]);
        }
    }

    for (i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
        host.len = strlen(plain[i]);
        host.data = (u_char *) plain[i];

        if (ngx_http_webhook_host_special(&host)) {
            bad("\"%s\" is special", plain[i]);
        }
    }
}


/* all blocks that are special, in order; what is between them is not */

static block_t  blocks_inet[] = {
    { "0.0.0.0", "0.255.255.255" },
    { "10.0.0.0", "10.255.255.255" },
    { "100.64.0.0", "100.127.255.255" },
    { "127.0.0.0", "127.255.255.255" },
    { "168.63.129.16", "168.63.129.16" },
    { "169.254.0.0", "169.254.255.255" },
    { "172.16.0.0", "172.31.255.255" },
    { "192.0.0.0", "192.0.0.255" },
    { "192.0.2.0", "192.0.2.255" },
    { "192.88.99.0", "192.88.99.255" },
    { "192.168.0.0", "192.168.255.255" },
    { "198.18.0.0", "198.19.255.255" },
    { "198.51.100.0", "198.51.100.255" },
    { "203.0.113.0", "203.0.113.255" },
    { "224.0.0.0", "255.255.255.255" }
};

static block_t  blocks_inet6[] = {
    { "::", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
    { "2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff" },
    { "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff" },
    { "2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
    { "3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff" },
    { "4000::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" }
};


/* adds "n" to a number of "len" bytes; returns what it has too much */

static int
add(u_char *p, size_t len, int n)
{
    while (len-- && n) {
        n += p[len];
        p[len] = (u_char) n;
        n >>= 8;
    }

    return n;
}


static void
check_address(int family, u_char *address, int special)
{
    char            text[INET6_ADDRSTRLEN];
    ngx_sockaddr_t  sa;

    memset(&sa, 0, sizeof(sa));
    sa.sockaddr.sa_family = family;

    if (family == AF_INET) {
        memcpy(&sa.sockaddr_in.sin_addr, address, 4);

    } else {
        memcpy(&sa.sockaddr_in6.sin6_addr, address, 16);
    }

    if ((ngx_http_webhook_address_allowed(&sa.sockaddr, NULL) != 0) == special)
    {
        bad("%s is %sspecial", inet_ntop(family, address, text, sizeof(text)),
            special ? "not " : "");
    }
}


static void
check_blocks(int family, block_t *block, size_t n)
{
    u_char  address[16], last[16], next[16];
    size_t  i, len;

    len = (family == AF_INET) ? 4 : 16;
    memset(last, 0, sizeof(last));

    for (i = 0; i < n; i++) {

        inet_pton(family, block[i].first, address);
        check_address(family, address, 1);

        /* the one before it, unless that is the end of the last block */

        if (i && memcmp(address, last, len) != 0) {
            (void) add(address, len, -1);
            check_address(family, address, 0);
        }

        inet_pton(family, block[i].last, address);
        check_address(family, address, 1);

        memcpy(next, address, len);

        if (add(next, len, 1)) {
            break;
        }

        memcpy(last, next, len);

        inet_pton(family, block[i + 1].first, address);

        if (memcmp(next, address, len) != 0) {
            check_address(family, next, 0);
        }
    }
}


static void
check_allowed(void)
{
    ngx_cidr_t      cidr;
    ngx_array_t     allow;
    ngx_sockaddr_t  sa;

    static struct {
        const char  *address;
        int          allowed;
    } *a, addresses[] = {
        { "10.1.2.3", 1 },
        { "10.2.0.0", 0 },
        { "127.0.0.1", 0 },
        { "8.8.8.8", 1 },
        { NULL, 0 }
    };

    memset(&cidr, 0, sizeof(cidr));
    cidr.family = AF_INET;
    cidr.u.in.addr = inet_addr("10.1.0.0");
    cidr.u.in.mask = inet_addr("255.255.0.0");

    memset(&allow, 0, sizeof(allow));
    allow.elts = &cidr;
    allow.nelts = 1;

    memset(&sa, 0, sizeof(sa));
    sa.sockaddr.sa_family = AF_INET;

    for (a = addresses; a->address; a++) {
        sa.sockaddr_in.sin_addr.s_addr = inet_addr(a->address);

        if ((ngx_http_webhook_address_allowed(&sa.sockaddr, &allow) != 0)
            != a->allowed)
        {
            bad("%s is %sallowed", a->address, a->allowed ? "not " : "");
        }
    }

    /* whatever is no address of the internet is special */

    sa.sockaddr.sa_family = AF_UNIX;

    if (ngx_http_webhook_address_allowed(&sa.sockaddr, NULL)) {
        bad("a socket of this host is not special");
    }
}


/* changes of URLs: many are refused, and none is read in two ways */

static void
check_random(void)
{
    u_char                  *data;
    int                      i;
    ngx_int_t                rc;
    ngx_str_t                text, kept;
    ngx_uint_t               n, taken;
    ngx_http_webhook_url_t   again, url;

    static const char  bytes[] = "aZ09.-:/?#@[]%\\ x1";

    taken = 0;

    for (i = 0; i < RANDOM; i++) {

        do {
            n = next_random() % (sizeof(urls) / sizeof(urls[0]));
        } while (urls[n].host == NULL);

        text.len = strlen(urls[n].text);
        data = malloc(text.len);
        text.data = memcpy(data, urls[n].text, text.len);

        for (n = next_random() % 3; n != (ngx_uint_t) -1; n--) {
            text.data[next_random() % text.len] =
                                  bytes[next_random() % (sizeof(bytes) - 1)];
        }

        rc = ngx_http_webhook_url_parse(pool, &text, &url);

        if (rc == NGX_OK) {
            taken++;
            kept = url.text;

            if (ngx_http_webhook_url_parse(pool, &kept, &again) != NGX_OK
                || again.text.len != kept.len
                || memcmp(again.text.data, kept.data, kept.len) != 0
                || again.host.len != url.host.len
                || memcmp(again.host.data, url.host.data, url.host.len) != 0
                || again.port != url.port
                || again.tls != url.tls
                || again.socklen != url.socklen)
            {
                bad("\"%.*s\" is read as another one again", (int) kept.len,
                    kept.data);
            }

        } else if (rc != NGX_DECLINED) {
            bad("\"%.*s\": %d", (int) text.len, text.data, (int) rc);
        }

        free(data);
        ngx_reset_pool(pool);
    }

    if (taken < RANDOM / 20 || taken > RANDOM - RANDOM / 20) {
        bad("%d of %d were taken", (int) taken, RANDOM);
    }
}


int
main(void)
{
    size_t  i;

    unit_init();

    pool = ngx_create_pool(NGX_DEFAULT_POOL_SIZE, &unit_log);

    for (i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        check_url(&urls[i]);
    }

    result("URLs");

    check_lengths();
    result("lengths");

    check_random();
    result("random URLs");

    check_names();
    result("names");

    check_blocks(AF_INET, blocks_inet,
                 sizeof(blocks_inet) / sizeof(blocks_inet[0]));
    result("IPv4 addresses");

    check_blocks(AF_INET6, blocks_inet6,
                 sizeof(blocks_inet6) / sizeof(blocks_inet6[0]));
    result("IPv6 addresses");

    check_allowed();
    result("addresses that are allowed");

    ngx_destroy_pool(pool);

    return done();
}
