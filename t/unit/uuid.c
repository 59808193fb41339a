
/*
 * The parser of UUIDs against libuuid's: the same texts are accepted, with the
 * same bytes.  Speaks TAP.
 */


#include "base/ngx_http_webhook_uuid.h"

#include <uuid/uuid.h>

#include <stdio.h>
#include <string.h>


#define UUID  "6b1f0d3e-4F57-4c4a-9c0e-0f4b8A1f2c3d"


static unsigned long  failed, tested;
static uint64_t       state = 88172645463325252ULL;


static uint64_t
next(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;

    return state;
}


/* compares the two opinions of a text of "len" bytes */

static void
compare(const char *text, size_t len)
{
    char       buf[64];
    u_char     uuid[NGX_HTTP_WEBHOOK_UUID_SIZE];
    uuid_t     oracle;
    ngx_int_t  expected, rc;
    ngx_str_t  s;

    /* libuuid takes a string that ends with a zero */

    memcpy(buf, text, len);
    buf[len] = '\0';

    expected = (strlen(buf) == len && uuid_parse(buf, oracle) == 0)
               ? NGX_OK : NGX_DECLINED;

    s.len = len;
    s.data = (u_char *) text;

    rc = ngx_http_webhook_uuid_parse(&s, uuid);

    tested++;

    if (rc != expected
        || (rc == NGX_OK && memcmp(uuid, oracle, sizeof(uuid)) != 0))
    {
        failed++;
        printf("# \"%.*s\" of %zu bytes: %d, libuuid says %d\n",
               (int) len, text, len, (int) rc, (int) expected);
    }
}


static void
result(int n, const char *name)
{
    printf("%sok %d - %s, %lu texts\n", failed ? "not " : "", n, name, tested);
    tested = 0;
}


int
main(void)
{
    int            ch;
    char           text[64];
    u_char         uuid[NGX_HTTP_WEBHOOK_UUID_SIZE];
    size_t         i, len;
    unsigned long  bad;

    printf("1..4\n");

    for (i = 0; i < 36; i++) {
        for (ch = 0; ch < 256; ch++) {
            memcpy(text, UUID, 36);
            text[i] = (char) ch;
            compare(text, 36);
        }
    }

    result(1, "each byte at each place");
    bad = failed;
    failed = 0;

    memset(text, '0', sizeof(text));
    memcpy(text, UUID, 36);

    for (len = 0; len < 60; len++) {
        compare(text, len);
    }

    result(2, "each length");
    bad += failed;
    failed = 0;

    for (i = 0; i < 200000; i++) {
        ngx_http_webhook_uuid_generate(uuid);
        (void) ngx_http_webhook_uuid_print((u_char *) text, uuid);

        if (i % 2) {
            text[next() % 36] = "0123456789abcdefABCDEFg-G /:@`"[next() % 30];
            text[next() % 36] = "0123456789abcdefABCDEFg-G /:@`"[next() % 30];
        }

        compare(text, 36);
    }

    result(3, "random ones, half of them changed");
    bad += failed;
    failed = 0;

    ngx_http_webhook_uuid_generate(uuid);
    failed = (uuid[6] >> 4) != 4 || (uuid[8] >> 6) != 2;
    tested = 1;

    result(4, "what is made is of version 4");
    bad += failed;

    return bad ? 1 : 0;
}
