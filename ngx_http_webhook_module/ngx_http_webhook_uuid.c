
/*
 * UUIDs, RFC 9562; needs nginx's core only.  libuuid makes and prints them.  It
 * would parse them as well, but takes a tenth of a whole request's instructions
 * for the two of an event; t/unit/uuid.c holds this against it.
 */


#include "ngx_http_webhook_uuid.h"

#include <uuid/uuid.h>


/*
 * Parses the text form, in any case, and nothing else.  Returns NGX_OK with
 * 16 bytes in "uuid", or NGX_DECLINED.
 */

ngx_int_t
ngx_http_webhook_uuid_parse(ngx_str_t *text, u_char *uuid)
{
    u_char      ch;
    ngx_uint_t  digits, i, n;

    if (text->len != NGX_HTTP_WEBHOOK_UUID_LEN) {
        return NGX_DECLINED;
    }

    n = 0;
    digits = 0;

    for (i = 0; i < NGX_HTTP_WEBHOOK_UUID_LEN; i++) {

        ch = text->data[i];

        if (i == 8 || i == 13 || i == 18 || i == 23) {

            if (ch != '-') {
                return NGX_DECLINED;
            }

            continue;
        }

        if (ch >= '0' && ch <= '9') {
            ch -= '0';

        } else {
            ch |= 0x20;

            if (ch < 'a' || ch > 'f') {
                return NGX_DECLINED;
            }

            ch -= 'a' - 10;
        }

        n = n << 4 | ch;

        if (++digits % 2 == 0) {
            *uuid++ = (u_char) n;
        }
    }

    return NGX_OK;
}


/* makes a random UUID, version 4, of 16 bytes */

void
ngx_http_webhook_uuid_generate(u_char *uuid)
{
    uuid_generate_random(uuid);
}


/*
 * Makes a UUID of version 7, RFC 9562, section 5.7: random after the time in
 * milliseconds, so that those of one time are together in an index.
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


/* writes 36 characters in lower case and returns the end of them */

u_char *
ngx_http_webhook_uuid_print(u_char *p, u_char *uuid)
{
    char  buf[NGX_HTTP_WEBHOOK_UUID_LEN + 1];

    uuid_unparse_lower(uuid, buf);

    return ngx_cpymem(p, buf, NGX_HTTP_WEBHOOK_UUID_LEN);
}
