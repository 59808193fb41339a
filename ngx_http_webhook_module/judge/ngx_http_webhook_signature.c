
/*
 * Signatures over the raw body: what senders sign, and how they say so.
 *
 * What can be refused by the headers alone is refused before the body is read.
 * The body is hashed as it arrives, once for each secret, and only then are the
 * signatures in the header compared, in constant time.
 */


#include "judge/ngx_http_webhook_signature.h"
#include "base/ngx_http_webhook_crypto.h"
#include "core/ngx_http_webhook_conf.h"
#include "core/ngx_http_webhook_ctx.h"
#include "judge/ngx_http_webhook_secret.h"
#include "judge/ngx_http_webhook_sign.h"


/* seconds, by default */
#define NGX_HTTP_WEBHOOK_TOLERANCE   300


/* how the bytes of a signature are written */

enum {
    webhook_hex = 0,
    webhook_base64
};


/*
 * A way to sign.  The signed content is the prefix, then the id and the
 * timestamp where there are such headers, each followed by the separator, then
 * the body.
 */

typedef struct {
    ngx_str_t                         name;
    ngx_str_t                         header;     /* with the signatures */
    ngx_str_t                         key;        /* the same in lower case */
    ngx_str_t                         id;         /* a header, may be empty */
    ngx_str_t                         timestamp;  /* a header, may be empty */

    /* of the header's items, one of which is a signature if it begins so */
    u_char                            delimiter;  /* 0: there is one item */
    ngx_str_t                         version;
    ngx_str_t                         time_item;  /* the timestamp's item */

    ngx_str_t                         prefix;
    u_char                            separator;
    ngx_uint_t                        encoding;
    ngx_uint_t                        encoded;    /* the secret, whsec_ */
} ngx_http_webhook_scheme_t;


struct ngx_http_webhook_signature_s {
    ngx_http_webhook_scheme_t        *scheme;
    time_t                            tolerance;
    ngx_array_t                       keys;       /* of mac_key_t */
    ngx_array_t                       variables;  /* of secret_value_t */
};


/* an HMAC of a request's body, by one secret */

typedef struct {
    ngx_http_webhook_mac_t           *mac;
    ngx_http_webhook_mac_key_t       *key;
} ngx_http_webhook_signature_mac_t;


/* one request's */

struct ngx_http_webhook_verifier_s {
    ngx_str_t                         header;
    ngx_http_webhook_signature_mac_t *macs;       /* one for each key */
    ngx_uint_t                        n;
};


static ngx_int_t ngx_http_webhook_signature_headers(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_http_webhook_scheme_t *scheme,
    ngx_str_t *value, ngx_str_t *id, ngx_str_t *timestamp);
static ngx_int_t ngx_http_webhook_signature_fresh(
    ngx_http_webhook_signature_t *signature, ngx_str_t *timestamp);
static ngx_uint_t ngx_http_webhook_signature_item(
    ngx_http_webhook_scheme_t *scheme, ngx_str_t *rest, ngx_str_t *item);
static ngx_uint_t ngx_http_webhook_signature_is(ngx_str_t *item,
    ngx_str_t *prefix, ngx_str_t *value);
static ngx_int_t ngx_http_webhook_signature_start(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_str_t *value, ngx_str_t *id,
    ngx_str_t *timestamp);
static ngx_int_t ngx_http_webhook_signature_add(ngx_http_request_t *r,
    ngx_http_webhook_verifier_t *verifier, ngx_http_webhook_mac_key_t *key);
static ngx_int_t ngx_http_webhook_signature_variable(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_http_webhook_secret_value_t *variable);
static void ngx_http_webhook_signature_cleanup(void *data);
static ngx_int_t ngx_http_webhook_signature_decode(
    ngx_http_webhook_scheme_t *scheme, ngx_str_t *text, u_char *mac);
static char *ngx_http_webhook_signature_tolerance(
    ngx_http_webhook_signature_t *signature, ngx_str_t *value);
static char *ngx_http_webhook_signature_keys(ngx_conf_t *cf,
    ngx_http_webhook_signature_t *signature, ngx_array_t *secrets);
static ngx_int_t ngx_http_webhook_signature_secret(ngx_pool_t *pool,
    ngx_http_webhook_scheme_t *scheme, ngx_str_t *secret, ngx_str_t *key);


static ngx_http_webhook_scheme_t  ngx_http_webhook_schemes[] = {

    { ngx_string("standard"),
      ngx_string("Webhook-Signature"), ngx_string("webhook-signature"),
      ngx_string("webhook-id"), ngx_string("webhook-timestamp"),
      ' ', ngx_string("v1,"), ngx_null_string,
      ngx_null_string, '.', webhook_base64, 1 },

    { ngx_string("github"),
      ngx_string("X-Hub-Signature-256"), ngx_string("x-hub-signature-256"),
      ngx_null_string, ngx_null_string,
      0, ngx_string("sha256="), ngx_null_string,
      ngx_null_string, 0, webhook_hex, 0 },

    { ngx_string("stripe"),
      ngx_string("Stripe-Signature"), ngx_string("stripe-signature"),
      ngx_null_string, ngx_null_string,
      ',', ngx_string("v1="), ngx_string("t="),
      ngx_null_string, '.', webhook_hex, 0 },

    { ngx_string("slack"),
      ngx_string("X-Slack-Signature"), ngx_string("x-slack-signature"),
      ngx_null_string, ngx_string("x-slack-request-timestamp"),
      0, ngx_string("v0="), ngx_null_string,
      ngx_string("v0:"), ':', webhook_hex, 0 },

    { ngx_string("shopify"),
      ngx_string("X-Shopify-Hmac-Sha256"), ngx_string("x-shopify-hmac-sha256"),
      ngx_null_string, ngx_null_string,
      0, ngx_null_string, ngx_null_string,
      ngx_null_string, 0, webhook_base64, 0 },

    { ngx_null_string, ngx_null_string, ngx_null_string, ngx_null_string,
      ngx_null_string, 0, ngx_null_string, ngx_null_string, ngx_null_string,
      0, 0, 0 }
};


/* what may stand before the base64 of a secret of Standard Webhooks */

static ngx_str_t  ngx_http_webhook_v1 = ngx_string("v1,");
static ngx_str_t  ngx_http_webhook_whsec = ngx_string("whsec_");


static ngx_http_webhook_verdict_t  ngx_http_webhook_missing_signature =
    ngx_http_webhook_verdict(NGX_HTTP_UNAUTHORIZED, missing_signature,
                             "a header of the signature is missing");


static ngx_http_webhook_verdict_t  ngx_http_webhook_invalid_signature =
    ngx_http_webhook_verdict(NGX_HTTP_UNAUTHORIZED, invalid_signature,
                             "the signature is not valid");


static ngx_http_webhook_verdict_t  ngx_http_webhook_stale_signature =
    ngx_http_webhook_verdict(NGX_HTTP_UNAUTHORIZED, stale_signature,
                             "the timestamp of the signature is too old or "
                             "too new");


/*
 * A step: judges the headers, before the body is read, and makes ctx->verifier
 * ready for it.
 */

ngx_int_t
ngx_http_webhook_signature_begin(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx)
{
    ngx_int_t                      rc;
    ngx_str_t                      id, timestamp, value;
    ngx_http_webhook_scheme_t     *scheme;
    ngx_http_webhook_signature_t  *signature;

    signature = ctx->conf->signature;
    scheme = signature->scheme;

    ctx->challenge = &scheme->header;

    ngx_str_null(&id);
    ngx_str_null(&timestamp);

    rc = ngx_http_webhook_signature_headers(r, ctx, scheme, &value, &id,
                                            &timestamp);
    if (rc != NGX_OK) {
        return rc;
    }

    if (scheme->time_item.len || scheme->timestamp.len) {

        rc = ngx_http_webhook_signature_fresh(signature, &timestamp);

        if (rc != NGX_OK) {
            return ngx_http_webhook_reject(ctx, rc == NGX_DECLINED
                                         ? &ngx_http_webhook_stale_signature
                                         : &ngx_http_webhook_invalid_signature,
                                         NULL);
        }
    }

    return ngx_http_webhook_signature_start(r, ctx, &value, &id, &timestamp);
}


/*
 * Finds the headers; "id" and "timestamp" are left as they are if the scheme
 * has none.  A step's return codes.
 */

static ngx_int_t
ngx_http_webhook_signature_headers(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_http_webhook_scheme_t *scheme,
    ngx_str_t *value, ngx_str_t *id, ngx_str_t *timestamp)
{
    ngx_str_t         *name[3], *found[3], item, rest;
    ngx_uint_t         i, n, times;
    ngx_table_elt_t   *header;

    name[0] = &scheme->key;
    found[0] = value;
    name[1] = &scheme->id;
    found[1] = id;
    name[2] = &scheme->timestamp;
    found[2] = timestamp;

    for (i = 0; i < 3; i++) {

        if (name[i]->len == 0) {
            continue;
        }

        header = ngx_http_webhook_find_header(r, name[i], &n);

        if (n == 0) {
            return ngx_http_webhook_reject(ctx,
                                           &ngx_http_webhook_missing_signature,
                                           NULL);
        }

        if (n > 1 || header->value.len == 0) {
            return ngx_http_webhook_reject(ctx,
                                           &ngx_http_webhook_invalid_signature,
                                           NULL);
        }

        *found[i] = header->value;
    }

    /* otherwise what was signed could be cut at another separator */

    if (id->len
        && ngx_strlchr(id->data, id->data + id->len, scheme->separator))
    {
        return ngx_http_webhook_reject(ctx,
                                       &ngx_http_webhook_invalid_signature,
                                       NULL);
    }

    if (scheme->time_item.len == 0) {
        return NGX_OK;
    }

    /* the timestamp is an item beside the signatures, and there is one */

    rest = *value;
    times = 0;

    while (ngx_http_webhook_signature_item(scheme, &rest, &item)) {
        times += ngx_http_webhook_signature_is(&item, &scheme->time_item,
                                               timestamp);
    }

    return (times == 1) ? NGX_OK
           : ngx_http_webhook_reject(ctx, &ngx_http_webhook_invalid_signature,
                                     NULL);
}


/* NGX_OK, NGX_DECLINED beyond the tolerance, NGX_ERROR if it is no number */

static ngx_int_t
ngx_http_webhook_signature_fresh(ngx_http_webhook_signature_t *signature,
    ngx_str_t *timestamp)
{
    size_t  i;
    time_t  age, sent;

    i = (timestamp->len > 1 && timestamp->data[0] == '-');

    for ( /* void */ ; i < timestamp->len; i++) {
        if (timestamp->data[i] < '0' || timestamp->data[i] > '9') {
            return NGX_ERROR;
        }
    }

    sent = ngx_atotm(timestamp->data, timestamp->len);

    if (sent == NGX_ERROR) {
        /* none, negative or huge */
        return timestamp->len ? NGX_DECLINED : NGX_ERROR;
    }

    age = ngx_time() - sent;

    return (age <= signature->tolerance && -age <= signature->tolerance)
           ? NGX_OK : NGX_DECLINED;
}


/* takes the next item off "rest"; returns 0 if there is none */

static ngx_uint_t
ngx_http_webhook_signature_item(ngx_http_webhook_scheme_t *scheme,
    ngx_str_t *rest, ngx_str_t *item)
{
    u_char  *last, *p;

    if (rest->data == NULL) {
        return 0;
    }

    last = rest->data + rest->len;
    p = scheme->delimiter ? ngx_strlchr(rest->data, last, scheme->delimiter)
                          : NULL;

    item->data = rest->data;
    item->len = (p ? p : last) - rest->data;

    if (p) {
        rest->len = last - (p + 1);
        rest->data = p + 1;

    } else {
        ngx_str_null(rest);
    }

    /* Stripe's are separated by a comma, and perhaps a space */

    while (item->len && *item->data == ' ') {
        item->data++;
        item->len--;
    }

    return 1;
}


/* returns 1 if the item begins with "prefix", and sets "value" to the rest */

static ngx_uint_t
ngx_http_webhook_signature_is(ngx_str_t *item, ngx_str_t *prefix,
    ngx_str_t *value)
{
    if (item->len < prefix->len
        || (prefix->len
            && ngx_strncmp(item->data, prefix->data, prefix->len) != 0))
    {
        return 0;
    }

    value->len = item->len - prefix->len;
    value->data = item->data + prefix->len;

    return 1;
}


/*
 * Begins an HMAC for each secret, with what is signed before the body, and sets
 * ctx->verifier.  Returns NGX_OK or NGX_ERROR.
 */

static ngx_int_t
ngx_http_webhook_signature_start(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_str_t *value, ngx_str_t *id,
    ngx_str_t *timestamp)
{
    ngx_str_t                         *part[2];
    ngx_uint_t                         i, n;
    ngx_pool_cleanup_t                *cln;
    ngx_http_webhook_scheme_t         *scheme;
    ngx_http_webhook_mac_key_t        *key;
    ngx_http_webhook_verifier_t       *verifier;
    ngx_http_webhook_signature_t      *signature;
    ngx_http_webhook_secret_value_t   *variable;

    signature = ctx->conf->signature;
    scheme = signature->scheme;

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_webhook_verifier_t));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    verifier = cln->data;
    verifier->header = *value;
    verifier->n = 0;

    n = signature->keys.nelts + signature->variables.nelts;

    verifier->macs = ngx_palloc(r->pool,
                                n * sizeof(ngx_http_webhook_signature_mac_t));
    if (verifier->macs == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_webhook_signature_cleanup;
    ctx->verifier = verifier;

    key = signature->keys.elts;

    for (i = 0; i < signature->keys.nelts; i++) {
        if (ngx_http_webhook_signature_add(r, verifier, &key[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    variable = signature->variables.elts;

    for (i = 0; i < signature->variables.nelts; i++) {
        if (ngx_http_webhook_signature_variable(r, ctx, &variable[i])
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (ngx_http_webhook_signature_update(r, verifier, scheme->prefix.data,
                                          scheme->prefix.len)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    part[0] = id;
    part[1] = timestamp;

    for (i = 0; i < 2; i++) {

        if (part[i]->len
            && (ngx_http_webhook_signature_update(r, verifier, part[i]->data,
                                                  part[i]->len)
                != NGX_OK
                || ngx_http_webhook_signature_update(r, verifier,
                                                     &scheme->separator, 1)
                   != NGX_OK))
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* Begins an HMAC with the key, which must live as long as the request. */

static ngx_int_t
ngx_http_webhook_signature_add(ngx_http_request_t *r,
    ngx_http_webhook_verifier_t *verifier, ngx_http_webhook_mac_key_t *key)
{
    ngx_http_webhook_signature_mac_t  *m;

    m = &verifier->macs[verifier->n];

    m->key = key;
    m->mac = ngx_http_webhook_mac_begin(key, r->connection->log);

    if (m->mac == NULL) {
        return NGX_ERROR;
    }

    verifier->n++;

    return NGX_OK;
}


/*
 * Begins an HMAC with the secret that a variable has in this request.  An empty
 * one, or one that the scheme can't have, fits no signature.
 */

static ngx_int_t
ngx_http_webhook_signature_variable(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_http_webhook_secret_value_t *variable)
{
    ngx_str_t                    key, text;
    ngx_http_webhook_mac_key_t  *mac_key;

    ngx_http_webhook_secret_text(r, variable, &text);

    if (text.len == 0) {
        return NGX_OK;
    }

    switch (ngx_http_webhook_signature_secret(r->pool,
                                              ctx->conf->signature->scheme,
                                              &text, &key))
    {

    case NGX_OK:
        break;

    case NGX_DECLINED:
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "the value of \"%V\" is not a secret of the scheme "
                      "\"%V\"",
                      &variable->text, &ctx->conf->signature->scheme->name);
        return NGX_OK;

    default: /* NGX_ERROR */
        return NGX_ERROR;
    }

    mac_key = ngx_palloc(r->pool, sizeof(ngx_http_webhook_mac_key_t));

    if (mac_key == NULL
        || ngx_http_webhook_mac_key(r->pool, &key, mac_key) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_webhook_signature_add(r, ctx->verifier, mac_key);
}


static void
ngx_http_webhook_signature_cleanup(void *data)
{
    ngx_http_webhook_verifier_t *verifier = data;

    ngx_uint_t  i;

    for (i = 0; i < verifier->n; i++) {
        ngx_http_webhook_mac_free(verifier->macs[i].mac);
        verifier->macs[i].mac = NULL;
    }
}


/* takes the next bytes of the body; returns NGX_OK or NGX_ERROR */

ngx_int_t
ngx_http_webhook_signature_update(ngx_http_request_t *r,
    ngx_http_webhook_verifier_t *verifier, u_char *p, size_t len)
{
    ngx_uint_t  i;

    for (i = 0; i < verifier->n; i++) {
        if (ngx_http_webhook_mac_update(verifier->macs[i].mac, p, len,
                                        r->connection->log)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/*
 * A step, after the body: compares each signature in the header with that of
 * each secret, all of them, whichever matches.
 */

ngx_int_t
ngx_http_webhook_signature_finish(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx)
{
    u_char                        sent[NGX_HTTP_WEBHOOK_MAC_SIZE], *macs;
    ngx_str_t                     a, b, item, rest, text;
    ngx_uint_t                    i, valid;
    ngx_http_webhook_scheme_t    *scheme;
    ngx_http_webhook_verifier_t  *verifier;

    scheme = ctx->conf->signature->scheme;
    verifier = ctx->verifier;

    macs = ngx_pnalloc(r->pool, verifier->n * NGX_HTTP_WEBHOOK_MAC_SIZE + 1);
    if (macs == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < verifier->n; i++) {
        if (ngx_http_webhook_mac_final(verifier->macs[i].mac,
                                       verifier->macs[i].key,
                                       macs + i * NGX_HTTP_WEBHOOK_MAC_SIZE,
                                       r->connection->log)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    ngx_http_webhook_signature_cleanup(verifier);

    a.len = NGX_HTTP_WEBHOOK_MAC_SIZE;
    b.len = NGX_HTTP_WEBHOOK_MAC_SIZE;
    b.data = sent;

    valid = 0;
    rest = verifier->header;

    while (ngx_http_webhook_signature_item(scheme, &rest, &item)) {

        if (!ngx_http_webhook_signature_is(&item, &scheme->version, &text)
            || ngx_http_webhook_signature_decode(scheme, &text, sent) != NGX_OK)
        {
            continue;
        }

        for (i = 0; i < verifier->n; i++) {
            a.data = macs + i * NGX_HTTP_WEBHOOK_MAC_SIZE;
            valid |= ngx_http_webhook_equal(&a, &b);
        }
    }

    return valid ? NGX_OK
           : ngx_http_webhook_reject(ctx, &ngx_http_webhook_invalid_signature,
                                     NULL);
}


/* NGX_OK with 32 bytes in "mac", or NGX_DECLINED */

static ngx_int_t
ngx_http_webhook_signature_decode(ngx_http_webhook_scheme_t *scheme,
    ngx_str_t *text, u_char *mac)
{
    u_char      buf[NGX_HTTP_WEBHOOK_MAC_SIZE + 3];
    ngx_int_t   ch;
    ngx_str_t   decoded;
    ngx_uint_t  i;

    if (scheme->encoding == webhook_base64) {

        if (text->len != ngx_base64_encoded_length(NGX_HTTP_WEBHOOK_MAC_SIZE)) {
            return NGX_DECLINED;
        }

        decoded.data = buf;

        if (ngx_http_webhook_decode_base64(&decoded, text) != NGX_OK
            || decoded.len != NGX_HTTP_WEBHOOK_MAC_SIZE)
        {
            return NGX_DECLINED;
        }

        ngx_memcpy(mac, buf, NGX_HTTP_WEBHOOK_MAC_SIZE);

        return NGX_OK;
    }

    if (text->len != 2 * NGX_HTTP_WEBHOOK_MAC_SIZE) {
        return NGX_DECLINED;
    }

    for (i = 0; i < NGX_HTTP_WEBHOOK_MAC_SIZE; i++) {

        ch = ngx_hextoi(text->data + 2 * i, 2);
        if (ch == NGX_ERROR) {
            return NGX_DECLINED;
        }

        mac[i] = (u_char) ch;
    }

    return NGX_OK;
}


/* returns 1 if it is a header with the signature, or one beside it */

ngx_uint_t
ngx_http_webhook_signature_has(ngx_http_webhook_signature_t *signature,
    ngx_table_elt_t *header)
{
    ngx_str_t                  *name[3];
    ngx_uint_t                  i;
    ngx_http_webhook_scheme_t  *scheme;

    scheme = signature->scheme;

    name[0] = &scheme->key;
    name[1] = &scheme->id;
    name[2] = &scheme->timestamp;

    for (i = 0; i < 3; i++) {
        if (name[i]->len
            && header->key.len == name[i]->len
            && ngx_strncmp(header->lowcase_key, name[i]->data, name[i]->len)
               == 0)
        {
            return 1;
        }
    }

    return 0;
}


/*
 * webhook_signature scheme secret [secret ...] [tolerance=5m];
 * webhook_signature off;
 *
 * A secret may also be "file=path" or "$variable".
 */

char *
ngx_http_webhook_signature(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_webhook_loc_conf_t *wlcf = conf;

    char                             *rc;
    ngx_str_t                        *value;
    ngx_uint_t                        i;
    ngx_array_t                       secrets;
    ngx_http_webhook_scheme_t        *scheme;
    ngx_http_webhook_signature_t     *signature;

    if (wlcf->signature != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {
        wlcf->signature = NULL;
        return cf->args->nelts == 2 ? NGX_CONF_OK : "off has no parameters";
    }

    for (scheme = ngx_http_webhook_schemes; scheme->name.len; scheme++) {
        if (ngx_strcmp(value[1].data, scheme->name.data) == 0) {
            break;
        }
    }

    if (scheme->name.len == 0) {
        /* it may be a secret that was put into the wrong place */
        return "has an unknown scheme: \"standard\", \"github\", \"stripe\", "
               "\"slack\" and \"shopify\" are known";
    }

    signature = ngx_pcalloc(cf->pool, sizeof(ngx_http_webhook_signature_t));
    if (signature == NULL) {
        return NGX_CONF_ERROR;
    }

    signature->scheme = scheme;
    signature->tolerance = NGX_CONF_UNSET;

    if (ngx_array_init(&secrets, cf->temp_pool, 4,
                       sizeof(ngx_http_webhook_secret_value_t))
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    for (i = 2; i < cf->args->nelts; i++) {

        rc = (ngx_strncmp(value[i].data, "tolerance=", 10) == 0)
             ? ngx_http_webhook_signature_tolerance(signature, &value[i])
             : ngx_http_webhook_secret_values(cf, &value[i], &secrets);

        if (rc != NULL) {
            return rc;
        }
    }

    if (secrets.nelts == 0) {
        return "needs a secret";
    }

    rc = ngx_http_webhook_signature_keys(cf, signature, &secrets);
    if (rc != NULL) {
        return rc;
    }

    ngx_conf_init_value(signature->tolerance, NGX_HTTP_WEBHOOK_TOLERANCE);

    wlcf->signature = signature;

    return NGX_CONF_OK;
}


/* Reads "tolerance=".  Returns NULL, or what is wrong with it. */

static char *
ngx_http_webhook_signature_tolerance(ngx_http_webhook_signature_t *signature,
    ngx_str_t *value)
{
    ngx_str_t  text;

    text.len = value->len - 10;
    text.data = value->data + 10;

    if (signature->tolerance != NGX_CONF_UNSET) {
        return "has more than one \"tolerance=\"";
    }

    if (signature->scheme->timestamp.len == 0
        && signature->scheme->time_item.len == 0)
    {
        return "has a \"tolerance=\", but its scheme no timestamp";
    }

    signature->tolerance = ngx_http_webhook_time(&text, 1);

    if (signature->tolerance == (time_t) NGX_ERROR) {
        return "has an invalid \"tolerance=\"";
    }

    if (signature->tolerance == 0) {
        return "has a \"tolerance=0\", which refuses all that is not sent "
               "within this very second; \"tolerance=5m\" is usual";
    }

    return NULL;
}


/*
 * Makes the keys of the HMACs; a variable's are made for each request.  Returns
 * NULL, or what a directive's handler returns.
 */

static char *
ngx_http_webhook_signature_keys(ngx_conf_t *cf,
    ngx_http_webhook_signature_t *signature, ngx_array_t *secrets)
{
    ngx_str_t                        *key;
    ngx_uint_t                        i, j, n;
    ngx_http_webhook_mac_key_t       *mac_key;
    ngx_http_webhook_secret_value_t  *secret, *variable;

    if (ngx_array_init(&signature->keys, cf->pool, secrets->nelts,
                       sizeof(ngx_http_webhook_mac_key_t))
        != NGX_OK
        || ngx_array_init(&signature->variables, cf->pool, 1,
                          sizeof(ngx_http_webhook_secret_value_t))
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    key = ngx_palloc(cf->temp_pool, secrets->nelts * sizeof(ngx_str_t));
    if (key == NULL) {
        return NGX_CONF_ERROR;
    }

    secret = secrets->elts;
    n = 0;

    for (i = 0; i < secrets->nelts; i++) {

        if (secret[i].variable != NGX_CONF_UNSET) {

            variable = ngx_array_push(&signature->variables);
            if (variable == NULL) {
                return NGX_CONF_ERROR;
            }

            *variable = secret[i];
            continue;
        }

        switch (ngx_http_webhook_signature_secret(cf->temp_pool,
                                                  signature->scheme,
                                                  &secret[i].text, &key[n]))
        {

        case NGX_OK:
            break;

        case NGX_DECLINED:
            return signature->scheme->encoded
                   ? "has a secret that is not base64 of 24 to 64 bytes"
                   : "has an empty secret";

        default: /* NGX_ERROR */
            return NGX_CONF_ERROR;
        }

        for (j = 0; j < n; j++) {
            if (ngx_http_webhook_equal(&key[j], &key[n])) {
                return "has a duplicate secret";
            }
        }

        mac_key = ngx_array_push(&signature->keys);

        if (mac_key == NULL
            || ngx_http_webhook_mac_key(cf->pool, &key[n++], mac_key) != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    return NULL;
}


/*
 * Sets "key", in the pool, to the bytes that the secret stands for.  Standard
 * Webhooks writes them as base64, which some print with the url-safe letters,
 * after "whsec_", or after "v1,whsec_".  Returns NGX_OK, NGX_DECLINED if it is
 * no secret of the scheme, or NGX_ERROR.
 */

static ngx_int_t
ngx_http_webhook_signature_secret(ngx_pool_t *pool,
    ngx_http_webhook_scheme_t *scheme, ngx_str_t *secret, ngx_str_t *key)
{
    size_t      i;
    u_char     *p;
    ngx_str_t   encoded;

    *key = *secret;

    if (!scheme->encoded) {
        return key->len ? NGX_OK : NGX_DECLINED;
    }

    encoded = *secret;

    (void) ngx_http_webhook_signature_is(&encoded, &ngx_http_webhook_v1,
                                         &encoded);
    (void) ngx_http_webhook_signature_is(&encoded, &ngx_http_webhook_whsec,
                                         &encoded);

    p = ngx_pnalloc(pool, encoded.len + ngx_base64_decoded_length(encoded.len)
                          + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < encoded.len; i++) {
        switch (encoded.data[i]) {

        case '-':
            p[i] = '+';
            break;

        case '_':
            p[i] = '/';
            break;

        default:
            p[i] = encoded.data[i];
            break;
        }
    }

    encoded.data = p;
    key->data = p + encoded.len;

    if (ngx_http_webhook_decode_base64(key, &encoded) != NGX_OK
        || key->len < NGX_HTTP_WEBHOOK_SECRET_MIN
        || key->len > NGX_HTTP_WEBHOOK_SECRET_MAX)
    {
        return NGX_DECLINED;
    }

    return NGX_OK;
}
