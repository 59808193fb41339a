
/*
 * UUIDs, RFC 9562; needs nginx's core only.  libuuid makes and prints them.  It
 * would parse them as well, but takes a tenth of a whole request's instructions
 * for the two of an event; t/unit/uuid.c holds this against it.
 */


#include "base/ngx_http_webhook_uuid.h"

#include <uuid/uuid.h>


/* The value of each hexadecimal digit, with a bit that no other byte has. */

#define NGX_HTTP_WEBHOOK_UUID_DIGIT  16

static u_char  ngx_http_webhook_uuid_digits[256] = {
     0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,
     0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,
     0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,
    16, 17, 18, 19, 20, 21, 22, 23, 24, 25,  0,  0,  0,  0,  0,  0,
     0, 26, 27, 28, 29, 30, 31,  0,  0,  0,  0,  0,  0,  0,  0,  0,
     0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,
     0, 26, 27, 28, 29, 30, 31,  0,  0,  0,  0,  0,  0,  0,  0,  0
};

/* The places in the text of the four digits of each two bytes. */

static u_char  ngx_http_webhook_uuid_pairs[NGX_HTTP_WEBHOOK_UUID_SIZE / 2] = {
    0, 4, 9, 14, 19, 24, 28, 32
};


/*
 * Parses the text form, in any case, and nothing else.  Returns NGX_OK with
 * 16 bytes in "uuid", or NGX_DECLINED.
 */

ngx_int_t
ngx_http_webhook_uuid_parse(ngx_str_t *text, u_char *uuid)
{
    u_char      *data, *p, d0, d1, d2, d3, valid;
    ngx_uint_t   i;

    data = text->data;

    if (text->len != NGX_HTTP_WEBHOOK_UUID_LEN
        || data[8] != '-' || data[13] != '-'
        || data[18] != '-' || data[23] != '-')
    {
        return NGX_DECLINED;
    }

    valid = NGX_HTTP_WEBHOOK_UUID_DIGIT;

    for (i = 0; i < NGX_HTTP_WEBHOOK_UUID_SIZE / 2; i++) {
        p = data + ngx_http_webhook_uuid_pairs[i];

        d0 = ngx_http_webhook_uuid_digits[p[0]];
        d1 = ngx_http_webhook_uuid_digits[p[1]];
        d2 = ngx_http_webhook_uuid_digits[p[2]];
        d3 = ngx_http_webhook_uuid_digits[p[3]];

        valid &= d0 & d1 & d2 & d3;

        *uuid++ = (u_char) (d0 << 4 | (d1 & 15));
        *uuid++ = (u_char) (d2 << 4 | (d3 & 15));
    }

    return valid ? NGX_OK : NGX_DECLINED;
}


/* Makes a random UUID, of version 4, in the 16 bytes of "uuid". */

void
ngx_http_webhook_uuid_generate(u_char *uuid)
{
    uuid_generate_random(uuid);
}


/*
 * Makes a UUID of version 7, RFC 9562, section 5.7, in the 16 bytes of "uuid":
 * it begins with the time in milliseconds, so that UUIDs of one time lie
 * together in an index.
 */

void
ngx_http_webhook_uuid_generate_ordered(u_char *uuid)
{
    uint64_t     ms;
    ngx_int_t    i;
    ngx_time_t  *tp;

    uuid_generate_random(uuid);

    tp = ngx_timeofday();
    ms = (uint64_t) tp->sec * 1000 + tp->msec;

    for (i = 5; i >= 0; i--) {
        uuid[i] = (u_char) ms;
        ms >>= 8;
    }

    uuid[6] = (uuid[6] & 0x0f) | 0x70;
}


/*
 * Writes a UUID's text to "p", 36 characters in lower case without a zero, and
 * returns the end of it.
 */

u_char *
ngx_http_webhook_uuid_print(u_char *p, u_char *uuid)
{
    char  buf[NGX_HTTP_WEBHOOK_UUID_LEN + 1];

    uuid_unparse_lower(uuid, buf);

    return ngx_cpymem(p, buf, NGX_HTTP_WEBHOOK_UUID_LEN);
}
