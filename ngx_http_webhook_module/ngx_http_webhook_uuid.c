
/* UUIDs, RFC 9562, by libuuid; needs nginx's core only */


#include "ngx_http_webhook_uuid.h"

#include <uuid/uuid.h>


/*
 * Parses the text form, in any case, and nothing else.  Returns NGX_OK with
 * 16 bytes in "uuid", or NGX_DECLINED.
 */

ngx_int_t
ngx_http_webhook_uuid_parse(ngx_str_t *text, u_char *uuid)
{
    char  buf[NGX_HTTP_WEBHOOK_UUID_LEN + 1];

    if (text->len != NGX_HTTP_WEBHOOK_UUID_LEN) {
        return NGX_DECLINED;
    }

    ngx_memcpy(buf, text->data, NGX_HTTP_WEBHOOK_UUID_LEN);
    buf[NGX_HTTP_WEBHOOK_UUID_LEN] = '\0';

    return uuid_parse(buf, uuid) == 0 ? NGX_OK : NGX_DECLINED;
}


/* makes a random UUID, version 4, of 16 bytes */

void
ngx_http_webhook_uuid_generate(u_char *uuid)
{
    uuid_generate_random(uuid);
}


/* writes 36 characters in lower case and returns the end of them */

u_char *
ngx_http_webhook_uuid_print(u_char *p, u_char *uuid)
{
    char  buf[NGX_HTTP_WEBHOOK_UUID_LEN + 1];

    uuid_unparse_lower(uuid, buf);

    return ngx_cpymem(p, buf, NGX_HTTP_WEBHOOK_UUID_LEN);
}
