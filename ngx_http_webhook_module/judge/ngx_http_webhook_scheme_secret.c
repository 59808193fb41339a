
/* How secrets, public keys and signatures are written, by their scheme. */


#include "judge/ngx_http_webhook_scheme.h"


static ngx_uint_t ngx_http_webhook_scheme_pem(ngx_str_t *text, u_char *buf,
    ngx_str_t *base64);


/*
 * Sets "key" to the bytes that a secret of the scheme stands for: the secret
 * itself, or bytes in the pool.  Base64 may have either alphabet, and any
 * padding.  A public key may be the text of a PEM file, whatever the encoding.
 * Returns NGX_OK, NGX_DECLINED if it is no secret of the scheme, or NGX_ERROR.
 */

ngx_int_t
ngx_http_webhook_scheme_secret(ngx_pool_t *pool,
    ngx_http_webhook_scheme_t *scheme, ngx_str_t *secret, ngx_str_t *key)
{
    size_t       i;
    u_char      *p;
    ngx_int_t    rc;
    ngx_str_t   *prefix, text;
    ngx_uint_t   encoding;

    text = *secret;
    encoding = scheme->secret;
    prefix = scheme->secret_prefix;

    for (i = 0; i < 2; i++) {
        if (prefix[i].len && text.len >= prefix[i].len
            && ngx_strncmp(text.data, prefix[i].data, prefix[i].len) == 0)
        {
            text.data += prefix[i].len;
            text.len -= prefix[i].len;
        }
    }

    if (encoding == NGX_HTTP_WEBHOOK_RAW && !scheme->digest->public_key) {
        *key = text;
        return text.len ? NGX_OK : NGX_DECLINED;
    }

    p = ngx_pnalloc(pool, 2 * text.len + 3);
    if (p == NULL) {
        return NGX_ERROR;
    }

    if (scheme->digest->public_key
        && ngx_http_webhook_scheme_pem(&text, p, &text))
    {
        encoding = NGX_HTTP_WEBHOOK_BASE64;
    }

    if (encoding == NGX_HTTP_WEBHOOK_RAW) {
        *key = text;
        return NGX_OK;
    }

    if (encoding != NGX_HTTP_WEBHOOK_HEX) {

        for (i = 0; i < text.len; i++) {
            switch (text.data[i]) {

            case '-':
                p[i] = '+';
                break;

            case '_':
                p[i] = '/';
                break;

            default:
                p[i] = text.data[i];
                break;
            }
        }

        text.data = p;
    }

    key->data = p + text.len;

    rc = (encoding == NGX_HTTP_WEBHOOK_HEX)
         ? ngx_http_webhook_scheme_decode(encoding, 0, &text, text.len, key)
         : ngx_http_webhook_decode_base64(key, &text);

    if (rc != NGX_OK
        || key->len < scheme->secret_min
        || (scheme->secret_max && key->len > scheme->secret_max))
    {
        return NGX_DECLINED;
    }

    return NGX_OK;
}


/* Returns what "webhook_signature" says of a secret that was declined. */

char *
ngx_http_webhook_scheme_secret_error(ngx_http_webhook_scheme_t *scheme)
{
    if (scheme->digest->public_key) {
        return "has a key that does not fit its scheme: the sender's public "
               "key is expected, as PEM in \"file=\", or in the encoding of "
               "the scheme's \"secret\"";
    }

    if (scheme->secret_max) {
        return "has a secret that is not base64 of 24 to 64 bytes";
    }

    switch (scheme->secret) {

    case NGX_HTTP_WEBHOOK_RAW:
        return "has an empty secret";

    case NGX_HTTP_WEBHOOK_HEX:
        return "has a secret that is not hex, which its scheme expects";

    default:
        return "has a secret that is not base64, which its scheme expects";
    }
}


/*
 * Returns 1 if the text is a public key in PEM, RFC 7468, and copies its base64
 * to "buf", which has room for all of the text.
 */

static ngx_uint_t
ngx_http_webhook_scheme_pem(ngx_str_t *text, u_char *buf, ngx_str_t *base64)
{
    u_char  *last, *p;

    static ngx_str_t  begin = ngx_string("-----BEGIN PUBLIC KEY-----");
    static ngx_str_t  end = ngx_string("-----END PUBLIC KEY-----");

    p = text->data;
    last = p + text->len;

    while (last > p && (last[-1] <= ' ')) {
        last--;
    }

    if ((size_t) (last - p) < begin.len + end.len
        || ngx_strncmp(p, begin.data, begin.len) != 0
        || ngx_strncmp(last - end.len, end.data, end.len) != 0)
    {
        return 0;
    }

    base64->data = buf;

    for (p += begin.len; p < last - end.len; p++) {
        if (*p > ' ') {
            *buf++ = *p;
        }
    }

    base64->len = buf - base64->data;

    return 1;
}


/*
 * Decodes a text that is not raw: hex in any case, or base64 with padding or,
 * unless "padded" is set, without.  "decoded" has room for "max" bytes and two
 * more.  Returns NGX_OK or NGX_DECLINED.
 */

ngx_int_t
ngx_http_webhook_scheme_decode(ngx_uint_t encoding, ngx_uint_t padded,
    ngx_str_t *text, size_t max, ngx_str_t *decoded)
{
    size_t     i;
    ngx_int_t  ch;

    if (text->len == 0) {
        return NGX_DECLINED;
    }

    if (encoding != NGX_HTTP_WEBHOOK_HEX) {

        if (text->len > ngx_base64_encoded_length(max)
            || (text->len % 4
                && (padded || text->data[text->len - 1] == '=')))
        {
            return NGX_DECLINED;
        }

        return encoding == NGX_HTTP_WEBHOOK_BASE64
               ? ngx_http_webhook_decode_base64(decoded, text)
               : ngx_http_webhook_decode_base64url(decoded, text);
    }

    if (text->len % 2 || text->len / 2 > max) {
        return NGX_DECLINED;
    }

    decoded->len = text->len / 2;

    for (i = 0; i < decoded->len; i++) {

        ch = ngx_hextoi(text->data + 2 * i, 2);
        if (ch == NGX_ERROR) {
            return NGX_DECLINED;
        }

        decoded->data[i] = (u_char) ch;
    }

    return NGX_OK;
}
