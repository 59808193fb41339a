
/*
 * Secrets of Standard Webhooks for what is sent, written as "whsec_" and
 * base64.  Those of senders are read by the scheme's rules, which allow more.
 */


#include "judge/ngx_http_webhook_whsec.h"
#include "base/ngx_http_webhook_crypto.h"


/* bytes of a secret that is made here */
#define NGX_HTTP_WEBHOOK_WHSEC_NEW  32


/*
 * Returns 1 if the text is "whsec_" and base64 of a secret that is neither too
 * short nor too long.
 */

ngx_uint_t
ngx_http_webhook_whsec_valid(ngx_str_t *secret)
{
    u_char      buf[NGX_HTTP_WEBHOOK_WHSEC_MAX + 3];
    ngx_int_t   rc;
    ngx_str_t   key;

    key.data = buf;

    rc = ngx_http_webhook_whsec_decode(secret, &key);

    ngx_http_webhook_cleanse(buf, sizeof(buf));

    return rc == NGX_OK;
}


/*
 * Decodes "whsec_" and base64 into "key", whose memory must hold three bytes
 * more than the longest secret.  A secret that could be written in another way
 * is refused, since a strict receiver would.  Returns NGX_OK or NGX_DECLINED.
 */

ngx_int_t
ngx_http_webhook_whsec_decode(ngx_str_t *secret, ngx_str_t *key)
{
    u_char     buf[ngx_base64_encoded_length(NGX_HTTP_WEBHOOK_WHSEC_MAX)];
    ngx_int_t  rc;
    ngx_str_t  encoded, text;

    if (secret->len < sizeof("whsec_") - 1
        || secret->len > sizeof("whsec_") - 1 + sizeof(buf)
        || ngx_strncmp(secret->data, "whsec_", 6) != 0)
    {
        return NGX_DECLINED;
    }

    text.len = secret->len - 6;
    text.data = secret->data + 6;

    if (ngx_http_webhook_decode_base64(key, &text) != NGX_OK
        || key->len < NGX_HTTP_WEBHOOK_WHSEC_MIN
        || key->len > NGX_HTTP_WEBHOOK_WHSEC_MAX)
    {
        return NGX_DECLINED;
    }

    encoded.data = buf;
    ngx_encode_base64(&encoded, key);

    rc = ngx_http_webhook_equal(&encoded, &text) ? NGX_OK : NGX_DECLINED;

    ngx_http_webhook_cleanse(buf, sizeof(buf));

    return rc;
}


/*
 * Makes a random secret, written as "whsec_" and base64; its memory is of
 * "pool".  Returns NGX_OK or NGX_ERROR.
 */

ngx_int_t
ngx_http_webhook_whsec_create(ngx_pool_t *pool, ngx_str_t *secret)
{
    u_char     random[NGX_HTTP_WEBHOOK_WHSEC_NEW];
    ngx_str_t  encoded, raw;

    secret->data = ngx_pnalloc(pool, sizeof("whsec_")
                                     + ngx_base64_encoded_length(
                                                NGX_HTTP_WEBHOOK_WHSEC_NEW));
    if (secret->data == NULL) {
        return NGX_ERROR;
    }

    if (ngx_http_webhook_random(random, sizeof(random), pool->log)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    raw.len = sizeof(random);
    raw.data = random;

    encoded.data = ngx_cpymem(secret->data, "whsec_", 6);
    ngx_encode_base64(&encoded, &raw);

    secret->len = 6 + encoded.len;

    ngx_http_webhook_cleanse(random, sizeof(random));

    return NGX_OK;
}
