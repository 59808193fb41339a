
/*
 * Signatures over the raw body: what happens in a request, by the scheme that
 * "webhook_signature" names.
 *
 * What can be refused by the headers alone is refused before the body is read.
 * The body is hashed as it arrives, once for each secret, and only then are the
 * signatures in the header compared, in constant time.  Ed25519 has no hash: it
 * reads the body when it has ended, from where nginx keeps it.
 */


#include "judge/ngx_http_webhook_signature.h"
#include "base/ngx_http_webhook_crypto.h"
#include "base/ngx_http_webhook_time.h"
#include "core/ngx_http_webhook_ctx.h"
#include "judge/ngx_http_webhook_body.h"
#include "judge/ngx_http_webhook_secret.h"


/* how many items of a header are looked at */
#define NGX_HTTP_WEBHOOK_ITEMS       64

/*
 * How many signatures are checked with public keys: one takes as long as the
 * HMAC of a hundred kilobytes, and senders that change their key have two.
 */
#define NGX_HTTP_WEBHOOK_SIGNATURES  4


/* what the headers of a request say */

typedef struct {
    ngx_str_t                         signature;
    ngx_str_t                         id;
    ngx_str_t                         timestamp;
} ngx_http_webhook_sent_t;


/* the items of a header that have not been looked at yet */

typedef struct {
    ngx_str_t                         rest;
    ngx_str_t                        *separator;
    ngx_uint_t                        left;       /* how many may be */
    ngx_uint_t                        built_in;
} ngx_http_webhook_items_t;


/* a hash of a request's content, by one secret; of Ed25519 there is none */

typedef struct {
    ngx_http_webhook_mac_t           *mac;
    ngx_http_webhook_mac_key_t       *key;
} ngx_http_webhook_signature_mac_t;


/* one request's */

struct ngx_http_webhook_verifier_s {
    ngx_http_webhook_sent_t           sent;
    ngx_http_webhook_signature_mac_t *macs;       /* one for each key */
    ngx_uint_t                        n;
};


static ngx_int_t ngx_http_webhook_signature_headers(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_http_webhook_scheme_t *scheme,
    ngx_http_webhook_sent_t *sent);
static ngx_int_t ngx_http_webhook_signature_fresh(
    ngx_http_webhook_signature_t *signature, ngx_str_t *timestamp);
static void ngx_http_webhook_signature_items(ngx_http_webhook_items_t *items,
    ngx_http_webhook_scheme_t *scheme, ngx_http_webhook_scheme_header_t *header,
    ngx_str_t *value);
static ngx_uint_t ngx_http_webhook_signature_item(
    ngx_http_webhook_items_t *items, ngx_str_t *item);
static ngx_uint_t ngx_http_webhook_signature_is(ngx_str_t *item,
    ngx_str_t *prefix, ngx_str_t *value);
static ngx_int_t ngx_http_webhook_signature_start(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_http_webhook_sent_t *sent);
static ngx_int_t ngx_http_webhook_signature_add(ngx_http_request_t *r,
    ngx_http_webhook_verifier_t *verifier, ngx_http_webhook_mac_key_t *key);
static ngx_int_t ngx_http_webhook_signature_variable(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_http_webhook_secret_value_t *variable);
static void ngx_http_webhook_signature_cleanup(void *data);
static ngx_int_t ngx_http_webhook_signature_content(ngx_http_request_t *r,
    ngx_http_webhook_scheme_t *scheme, ngx_http_webhook_verifier_t *verifier,
    ngx_uint_t from, ngx_uint_t to);
static void ngx_http_webhook_signature_part(ngx_http_request_t *r,
    ngx_http_webhook_sent_t *sent, ngx_http_webhook_scheme_part_t *part,
    ngx_str_t *text);
static ngx_int_t ngx_http_webhook_signature_hashes(ngx_http_request_t *r,
    ngx_http_webhook_scheme_t *scheme, ngx_http_webhook_verifier_t *verifier,
    ngx_str_t *hashes);
static ngx_int_t ngx_http_webhook_signature_message(ngx_http_request_t *r,
    ngx_http_webhook_scheme_t *scheme, ngx_http_webhook_sent_t *sent,
    ngx_str_t *message);
static ngx_int_t ngx_http_webhook_signature_compare(ngx_http_request_t *r,
    ngx_http_webhook_scheme_t *scheme, ngx_http_webhook_verifier_t *verifier,
    ngx_str_t *contents);


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
    ngx_http_webhook_sent_t        sent;
    ngx_http_webhook_scheme_t     *scheme;
    ngx_http_webhook_signature_t  *signature;

    signature = ctx->conf->signature;
    scheme = signature->scheme;

    ctx->challenge = &scheme->signature.name;

    rc = ngx_http_webhook_signature_headers(r, ctx, scheme, &sent);
    if (rc != NGX_OK) {
        return rc;
    }

    if (scheme->timestamp.key.len) {

        rc = ngx_http_webhook_signature_fresh(signature, &sent.timestamp);

        if (rc != NGX_OK) {
            return ngx_http_webhook_reject(ctx, rc == NGX_DECLINED
                                         ? &ngx_http_webhook_stale_signature
                                         : &ngx_http_webhook_invalid_signature,
                                         NULL);
        }
    }

    return ngx_http_webhook_signature_start(r, ctx, &sent);
}


/*
 * Finds what the headers say; what the scheme has no header for is empty.  A
 * step's return codes.
 */

static ngx_int_t
ngx_http_webhook_signature_headers(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_http_webhook_scheme_t *scheme,
    ngx_http_webhook_sent_t *sent)
{
    ngx_str_t                         *found[3], item, value;
    ngx_uint_t                         i, n, times;
    ngx_table_elt_t                   *header;
    ngx_http_webhook_items_t           items;
    ngx_http_webhook_scheme_header_t  *name[3];

    ngx_memzero(sent, sizeof(ngx_http_webhook_sent_t));

    name[0] = &scheme->signature;
    found[0] = &sent->signature;
    name[1] = &scheme->id;
    found[1] = &sent->id;
    name[2] = &scheme->timestamp;
    found[2] = &sent->timestamp;

    for (i = 0; i < (scheme->shared ? 2 : 3); i++) {

        if (name[i]->key.len == 0) {
            continue;
        }

        header = ngx_http_webhook_find_header(r, &name[i]->key, &n);

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

    if (scheme->id_end
        && ngx_strlchr(sent->id.data, sent->id.data + sent->id.len,
                       scheme->id_end))
    {
        return ngx_http_webhook_reject(ctx,
                                       &ngx_http_webhook_invalid_signature,
                                       NULL);
    }

    if (scheme->timestamp.part.len == 0
        && scheme->timestamp.separator.len == 0)
    {
        if (scheme->shared) {
            sent->timestamp = sent->signature;
        }

        return NGX_OK;
    }

    /* the timestamp is an item of a header, and there is one */

    value = scheme->shared ? sent->signature : sent->timestamp;
    times = 0;

    ngx_http_webhook_signature_items(&items, scheme, &scheme->timestamp,
                                     &value);

    while (ngx_http_webhook_signature_item(&items, &item)) {
        times += ngx_http_webhook_signature_is(&item, &scheme->timestamp.part,
                                               &sent->timestamp);
    }

    return (times == 1) ? NGX_OK
           : ngx_http_webhook_reject(ctx, &ngx_http_webhook_invalid_signature,
                                     NULL);
}


/* NGX_OK, NGX_DECLINED beyond the tolerance, NGX_ERROR if it is no time */

static ngx_int_t
ngx_http_webhook_signature_fresh(ngx_http_webhook_signature_t *signature,
    ngx_str_t *timestamp)
{
    time_t     age, sent;
    ngx_int_t  rc;

    switch (signature->scheme->unit) {

    case NGX_HTTP_WEBHOOK_RFC3339:
        rc = ngx_http_webhook_time_rfc3339(timestamp, &sent);
        break;

    case NGX_HTTP_WEBHOOK_HTTP_DATE:
        rc = ngx_http_webhook_time_http(timestamp, &sent);
        break;

    default:
        rc = ngx_http_webhook_time_number(timestamp, &sent);

        if (signature->scheme->unit == NGX_HTTP_WEBHOOK_MILLISECONDS) {
            sent /= 1000;
        }

        break;
    }

    if (rc != NGX_OK) {
        return rc;
    }

    age = ngx_time() - sent;

    return (age <= signature->tolerance && -age <= signature->tolerance)
           ? NGX_OK : NGX_DECLINED;
}


/* Begins with the items of a header's value. */

static void
ngx_http_webhook_signature_items(ngx_http_webhook_items_t *items,
    ngx_http_webhook_scheme_t *scheme, ngx_http_webhook_scheme_header_t *header,
    ngx_str_t *value)
{
    items->rest = *value;
    items->separator = &header->separator;
    items->built_in = scheme->built_in;
    items->left = scheme->built_in ? NGX_MAX_UINT32_VALUE
                                   : NGX_HTTP_WEBHOOK_ITEMS;
}


/* Takes the next item.  Returns 0 if there is none. */

static ngx_uint_t
ngx_http_webhook_signature_item(ngx_http_webhook_items_t *items,
    ngx_str_t *item)
{
    u_char     *last, *p;
    ngx_str_t  *rest, *separator;

    rest = &items->rest;
    separator = items->separator;

    if (rest->data == NULL || items->left-- == 0) {
        return 0;
    }

    last = rest->data + rest->len;
    p = NULL;

    if (separator->len) {
        p = ngx_strlchr(rest->data, last, separator->data[0]);

        while (p && ((size_t) (last - p) < separator->len
                     || ngx_memcmp(p, separator->data, separator->len) != 0))
        {
            p = ngx_strlchr(p + 1, last, separator->data[0]);
        }
    }

    item->data = rest->data;
    item->len = (p ? p : last) - rest->data;

    if (p) {
        rest->data = p + separator->len;
        rest->len = last - rest->data;

    } else {
        ngx_str_null(rest);
    }

    /* Stripe's are separated by a comma, and perhaps a space */

    while (item->len && *item->data == ' ') {
        item->data++;
        item->len--;
    }

    if (!items->built_in) {
        while (item->len && item->data[item->len - 1] == ' ') {
            item->len--;
        }
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
 * Begins a hash for each secret, with what is signed before the body, and sets
 * ctx->verifier.  Returns NGX_OK or NGX_ERROR.
 */

static ngx_int_t
ngx_http_webhook_signature_start(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_http_webhook_sent_t *sent)
{
    ngx_uint_t                        i, n;
    ngx_pool_cleanup_t               *cln;
    ngx_http_webhook_mac_key_t       *key;
    ngx_http_webhook_verifier_t      *verifier;
    ngx_http_webhook_signature_t     *signature;
    ngx_http_webhook_secret_value_t  *variable;

    signature = ctx->conf->signature;

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_webhook_verifier_t));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    verifier = cln->data;
    verifier->sent = *sent;
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

    return ngx_http_webhook_signature_content(r, signature->scheme, verifier,
                                              0, signature->scheme->body);
}


/* Begins a hash with the key, which must live as long as the request. */

static ngx_int_t
ngx_http_webhook_signature_add(ngx_http_request_t *r,
    ngx_http_webhook_verifier_t *verifier, ngx_http_webhook_mac_key_t *key)
{
    ngx_http_webhook_signature_mac_t  *m;

    m = &verifier->macs[verifier->n];

    m->key = key;
    m->mac = NULL;

    if (key->digest->hash) {

        m->mac = ngx_http_webhook_mac_begin(key, r->connection->log);

        if (m->mac == NULL) {
            return NGX_ERROR;
        }
    }

    verifier->n++;

    return NGX_OK;
}


/*
 * Begins a hash with the secret that a variable has in this request.  An empty
 * one, or one that the scheme can't have, fits no signature.
 */

static ngx_int_t
ngx_http_webhook_signature_variable(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_http_webhook_secret_value_t *variable)
{
    ngx_int_t                    rc;
    ngx_str_t                    key, text;
    ngx_http_webhook_scheme_t   *scheme;
    ngx_http_webhook_mac_key_t  *mac_key;

    ngx_http_webhook_secret_text(r, variable, &text);

    if (text.len == 0) {
        return NGX_OK;
    }

    mac_key = ngx_palloc(r->pool, sizeof(ngx_http_webhook_mac_key_t));
    if (mac_key == NULL) {
        return NGX_ERROR;
    }

    scheme = ctx->conf->signature->scheme;

    rc = ngx_http_webhook_scheme_secret(r->pool, scheme, &text, &key);

    if (rc == NGX_OK) {
        rc = ngx_http_webhook_mac_key(r->pool, scheme->digest, &key, mac_key);
    }

    switch (rc) {

    case NGX_OK:
        return ngx_http_webhook_signature_add(r, ctx->verifier, mac_key);

    case NGX_DECLINED:
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "the value of \"%V\" is not a secret of the scheme "
                      "\"%V\"",
                      &variable->text, &scheme->name);
        return NGX_OK;

    default: /* NGX_ERROR */
        return NGX_ERROR;
    }
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
        if (verifier->macs[i].mac
            && ngx_http_webhook_mac_update(verifier->macs[i].mac, p, len,
                                           r->connection->log)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/*
 * Hashes the parts [from, to) of the content.  Returns NGX_OK or NGX_ERROR.
 */

static ngx_int_t
ngx_http_webhook_signature_content(ngx_http_request_t *r,
    ngx_http_webhook_scheme_t *scheme, ngx_http_webhook_verifier_t *verifier,
    ngx_uint_t from, ngx_uint_t to)
{
    ngx_str_t                        text;
    ngx_uint_t                       i;
    ngx_http_webhook_scheme_part_t  *part;

    part = scheme->parts.elts;

    for (i = from; i < to; i++) {

        ngx_http_webhook_signature_part(r, &verifier->sent, &part[i], &text);

        if (ngx_http_webhook_signature_update(r, verifier, text.data, text.len)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* Sets "text" to what a part of the content, not the body, is in a request. */

static void
ngx_http_webhook_signature_part(ngx_http_request_t *r,
    ngx_http_webhook_sent_t *sent, ngx_http_webhook_scheme_part_t *part,
    ngx_str_t *text)
{
    ngx_http_variable_value_t  *vv;

    switch (part->type) {

    case NGX_HTTP_WEBHOOK_CONTENT_ID:
        *text = sent->id;
        return;

    case NGX_HTTP_WEBHOOK_CONTENT_TIMESTAMP:
        *text = sent->timestamp;
        return;

    case NGX_HTTP_WEBHOOK_CONTENT_TEXT:
        *text = part->text;
        return;

    default: /* NGX_HTTP_WEBHOOK_CONTENT_VARIABLE */
        break;
    }

    ngx_str_null(text);

    vv = ngx_http_get_flushed_variable(r, part->variable);

    if (vv && vv->valid && !vv->not_found) {
        text->len = vv->len;
        text->data = vv->data;
    }
}


/*
 * A step, after the body: compares each signature in the header with that of
 * each secret, all of them, whichever matches.
 */

ngx_int_t
ngx_http_webhook_signature_finish(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx)
{
    ngx_int_t                     rc;
    ngx_str_t                    *contents, message;
    ngx_uint_t                    i;
    ngx_http_webhook_scheme_t    *scheme;
    ngx_http_webhook_verifier_t  *verifier;

    scheme = ctx->conf->signature->scheme;
    verifier = ctx->verifier;

    contents = ngx_palloc(r->pool, verifier->n * sizeof(ngx_str_t) + 1);
    if (contents == NULL) {
        return NGX_ERROR;
    }

    ngx_str_null(&message);

    if (scheme->digest->hash) {
        rc = ngx_http_webhook_signature_hashes(r, scheme, verifier, contents);

    } else {
        rc = ngx_http_webhook_signature_message(r, scheme, &verifier->sent,
                                                &message);

        for (i = 0; i < verifier->n; i++) {
            contents[i] = message;
        }
    }

    if (rc == NGX_OK) {
        rc = ngx_http_webhook_signature_compare(r, scheme, verifier, contents);
    }

    if (message.data) {
        ngx_pfree(r->pool, message.data);
    }

    return (rc == NGX_DECLINED)
           ? ngx_http_webhook_reject(ctx, &ngx_http_webhook_invalid_signature,
                                     NULL)
           : rc;
}


/*
 * Hashes what is signed behind the body, and ends the hashes, one for each
 * secret.  Returns NGX_OK or NGX_ERROR.
 */

static ngx_int_t
ngx_http_webhook_signature_hashes(ngx_http_request_t *r,
    ngx_http_webhook_scheme_t *scheme, ngx_http_webhook_verifier_t *verifier,
    ngx_str_t *hashes)
{
    u_char      *p;
    ngx_uint_t   i;

    if (ngx_http_webhook_signature_content(r, scheme, verifier,
                                           scheme->body + 1,
                                           scheme->parts.nelts)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    p = ngx_pnalloc(r->pool, verifier->n * NGX_HTTP_WEBHOOK_MAC_MAX + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < verifier->n; i++) {

        hashes[i].data = p + i * NGX_HTTP_WEBHOOK_MAC_MAX;
        hashes[i].len = scheme->digest->hash_size;

        if (ngx_http_webhook_mac_final(verifier->macs[i].mac,
                                       verifier->macs[i].key, hashes[i].data,
                                       r->connection->log)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    ngx_http_webhook_signature_cleanup(verifier);

    return NGX_OK;
}


/*
 * Puts all that is signed together, in memory that the caller gives back to the
 * request's pool.  Returns NGX_OK or NGX_ERROR.
 */

static ngx_int_t
ngx_http_webhook_signature_message(ngx_http_request_t *r,
    ngx_http_webhook_scheme_t *scheme, ngx_http_webhook_sent_t *sent,
    ngx_str_t *message)
{
    off_t                            body;
    u_char                          *p;
    ngx_str_t                       *text;
    ngx_uint_t                       i, n;
    ngx_chain_t                     *cl;
    ngx_http_webhook_scheme_part_t  *part;

    part = scheme->parts.elts;
    n = scheme->parts.nelts;
    body = 0;

    if (r->request_body) {
        for (cl = r->request_body->bufs; cl; cl = cl->next) {
            body += ngx_buf_size(cl->buf);
        }
    }

    text = ngx_palloc(r->pool, n * sizeof(ngx_str_t));
    if (text == NULL) {
        return NGX_ERROR;
    }

    message->len = 0;

    for (i = 0; i < n; i++) {

        if (i == scheme->body) {
            text[i].len = (size_t) body;

        } else {
            ngx_http_webhook_signature_part(r, sent, &part[i], &text[i]);
        }

        message->len += text[i].len;
    }

    p = ngx_pnalloc(r->pool, message->len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    message->data = p;

    for (i = 0; i < n; i++) {

        if (text[i].len == 0) {
            continue;
        }

        if (i != scheme->body) {
            p = ngx_cpymem(p, text[i].data, text[i].len);
            continue;
        }

        if (ngx_http_webhook_body_copy(r, 0, body, p) != NGX_OK) {
            return NGX_ERROR;
        }

        p += text[i].len;
    }

    return NGX_OK;
}


/*
 * Looks for a signature that is valid, "contents" being what each secret has
 * signed.  Returns NGX_OK, NGX_DECLINED or NGX_ERROR.
 */

static ngx_int_t
ngx_http_webhook_signature_compare(ngx_http_request_t *r,
    ngx_http_webhook_scheme_t *scheme, ngx_http_webhook_verifier_t *verifier,
    ngx_str_t *contents)
{
    u_char                      buf[NGX_HTTP_WEBHOOK_SENT_MAX + 3];
    ngx_int_t                   rc;
    ngx_str_t                   item, sent, text;
    ngx_uint_t                  i, tried, valid;
    ngx_http_webhook_items_t    items;
    ngx_http_webhook_digest_t  *digest;

    digest = scheme->digest;
    sent.data = buf;
    tried = 0;
    valid = 0;

    ngx_http_webhook_signature_items(&items, scheme, &scheme->signature,
                                     &verifier->sent.signature);

    while (ngx_http_webhook_signature_item(&items, &item)) {

        if (!ngx_http_webhook_signature_is(&item, &scheme->signature.part,
                                           &text)
            || !ngx_http_webhook_signature_is(&text, &scheme->prefix, &text)
            || ngx_http_webhook_scheme_decode(scheme->encoding,
                                              scheme->built_in, &text,
                                              NGX_HTTP_WEBHOOK_SENT_MAX, &sent)
               != NGX_OK
            || (digest->size && sent.len != digest->size))
        {
            continue;
        }

        for (i = 0; i < verifier->n; i++) {

            rc = ngx_http_webhook_mac_valid(verifier->macs[i].key, &contents[i],
                                            &sent, r->connection->log);
            if (rc == NGX_ERROR) {
                return NGX_ERROR;
            }

            valid |= (rc == NGX_OK);
        }

        if (digest->public_key
            && (valid || ++tried == NGX_HTTP_WEBHOOK_SIGNATURES))
        {
            break;
        }
    }

    return valid ? NGX_OK : NGX_DECLINED;
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

    name[0] = &scheme->signature.key;
    name[1] = &scheme->id.key;
    name[2] = &scheme->timestamp.key;

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
