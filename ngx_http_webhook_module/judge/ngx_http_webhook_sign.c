
/* Signatures of Standard Webhooks on what is sent. */


#include "judge/ngx_http_webhook_sign.h"
#include "base/ngx_http_webhook_crypto.h"
#include "judge/ngx_http_webhook_whsec.h"


static ngx_int_t ngx_http_webhook_sign_with(ngx_http_request_t *r,
    ngx_str_t *secret, ngx_str_t **parts, ngx_uint_t n, u_char *result);


/* webhook_sign standard: the handler of the directive. */

char *
ngx_http_webhook_sign(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_webhook_loc_conf_t *wlcf = conf;

    ngx_str_t  *value;

    if (wlcf->sign) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "standard") != 0) {
        return "has an unknown scheme: \"standard\" is the only one";
    }

    wlcf->sign = 1;

    if (wlcf->queue_file == NULL) {
        wlcf->queue_file = cf->conf_file->file.name.data;
        wlcf->queue_line = cf->conf_file->line;
    }

    return NGX_CONF_OK;
}


/*
 * Signs as Standard Webhooks has it: a signature by each of the "n" secrets,
 * separated by spaces.  Returns NGX_OK with a text in the request's pool, or
 * NGX_ERROR.
 */

ngx_int_t
ngx_http_webhook_sign_standard(ngx_http_request_t *r, ngx_str_t *secrets,
    ngx_uint_t n, ngx_str_t *id, ngx_str_t *timestamp, ngx_str_t *body,
    ngx_str_t *signature)
{
    u_char       mac[NGX_HTTP_WEBHOOK_MAC_SIZE], *p;
    ngx_str_t   *parts[5], encoded, raw;
    ngx_uint_t   i;

    static ngx_str_t  dot = ngx_string(".");

    p = ngx_pnalloc(r->pool, n * (sizeof("v1, ") - 1
                                  + ngx_base64_encoded_length(
                                                 NGX_HTTP_WEBHOOK_MAC_SIZE))
                             + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    signature->data = p;

    parts[0] = id;
    parts[1] = &dot;
    parts[2] = timestamp;
    parts[3] = &dot;
    parts[4] = body;

    raw.len = NGX_HTTP_WEBHOOK_MAC_SIZE;
    raw.data = mac;

    for (i = 0; i < n; i++) {

        if (ngx_http_webhook_sign_with(r, &secrets[i], parts, 5, mac)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (i) {
            *p++ = ' ';
        }

        encoded.data = ngx_cpymem(p, "v1,", 3);
        ngx_encode_base64(&encoded, &raw);
        p = encoded.data + encoded.len;
    }

    signature->len = p - signature->data;
    *p = '\0';

    return NGX_OK;
}


/*
 * Writes the HMAC of the "n" parts by one secret to "result".  Returns NGX_OK
 * or NGX_ERROR.
 */

static ngx_int_t
ngx_http_webhook_sign_with(ngx_http_request_t *r, ngx_str_t *secret,
    ngx_str_t **parts, ngx_uint_t n, u_char *result)
{
    u_char                       buf[NGX_HTTP_WEBHOOK_WHSEC_MAX + 3];
    ngx_int_t                    rc;
    ngx_str_t                    key;
    ngx_log_t                   *log;
    ngx_uint_t                   i;
    ngx_http_webhook_mac_t      *mac;
    ngx_http_webhook_mac_key_t   mac_key;

    log = r->connection->log;
    key.data = buf;

    rc = ngx_http_webhook_whsec_decode(secret, &key);

    if (rc == NGX_OK) {
        rc = ngx_http_webhook_mac_key(r->pool, ngx_http_webhook_digests, &key,
                                      &mac_key);
    }

    ngx_http_webhook_cleanse(buf, sizeof(buf));

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    mac = ngx_http_webhook_mac_begin(&mac_key, log);
    if (mac == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; rc == NGX_OK && i < n; i++) {
        rc = ngx_http_webhook_mac_update(mac, parts[i]->data, parts[i]->len,
                                         log);
    }

    if (rc == NGX_OK) {
        rc = ngx_http_webhook_mac_final(mac, &mac_key, result, log);
    }

    ngx_http_webhook_mac_free(mac);

    return rc;
}
