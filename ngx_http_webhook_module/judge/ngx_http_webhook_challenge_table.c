
/* The challenges of senders, and how each of them is answered: a table. */


#include "judge/ngx_http_webhook_challenge.h"
#include "core/ngx_http_webhook_ctx.h"
#include "judge/ngx_http_webhook_answer.h"
#include "judge/ngx_http_webhook_secret.h"


/* events of the shape: the rows that read members */

#define NGX_HTTP_WEBHOOK_CHALLENGE_SLACK    0
#define NGX_HTTP_WEBHOOK_CHALLENGE_ZOOM     1
#define NGX_HTTP_WEBHOOK_CHALLENGE_DISCORD  2


/* what is sent to prove the URL */

struct ngx_http_webhook_proof_s {
    ngx_str_t                         text;
    ngx_uint_t                        json;
};


static ngx_int_t ngx_http_webhook_challenge_mac(ngx_http_request_t *r,
    ngx_http_webhook_challenge_t *challenge, ngx_str_t *text, u_char *mac);
static ngx_int_t ngx_http_webhook_challenge_text(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_http_webhook_challenge_t *challenge,
    ngx_str_t *text);
static ngx_int_t ngx_http_webhook_challenge_zoom(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_http_webhook_challenge_t *challenge,
    ngx_str_t *text);
static ngx_int_t ngx_http_webhook_challenge_twitter(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_http_webhook_challenge_t *challenge,
    ngx_str_t *text);
static ngx_int_t ngx_http_webhook_challenge_okta(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_http_webhook_challenge_t *challenge,
    ngx_str_t *text);
static ngx_int_t ngx_http_webhook_challenge_discord(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_http_webhook_challenge_t *challenge,
    ngx_str_t *text);
static ngx_int_t ngx_http_webhook_challenge_cloudevents(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_http_webhook_challenge_t *challenge,
    ngx_str_t *text);
static ngx_int_t ngx_http_webhook_challenge_json(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, json_t *json);
static ngx_int_t ngx_http_webhook_challenge_handler(ngx_http_request_t *r);


static ngx_http_webhook_verdict_t  ngx_http_webhook_challenge_no_secret =
    ngx_http_webhook_verdict(NGX_HTTP_FORBIDDEN, challenge_refused,
                             "there is no secret to answer the challenge with");


/* The members of bodies, for all rows at once. */

#define ngx_http_webhook_challenge_member(name, folded, path, parent, type,   \
    events)                                                                   \
    { ngx_string(name), ngx_string(folded), parent, type, 0, events, 0,       \
      ngx_string(path), ngx_null_string }

static ngx_http_webhook_field_t  ngx_http_webhook_challenge_members[] = {

    ngx_http_webhook_challenge_member("type", "type", "type",
        NGX_HTTP_WEBHOOK_ROOT, NGX_HTTP_WEBHOOK_ANY,
        NGX_HTTP_WEBHOOK_EVENT(NGX_HTTP_WEBHOOK_CHALLENGE_SLACK)
        |NGX_HTTP_WEBHOOK_EVENT(NGX_HTTP_WEBHOOK_CHALLENGE_DISCORD)),

    ngx_http_webhook_challenge_member("challenge", "challenge", "challenge",
        NGX_HTTP_WEBHOOK_ROOT, NGX_HTTP_WEBHOOK_STRING,
        NGX_HTTP_WEBHOOK_EVENT(NGX_HTTP_WEBHOOK_CHALLENGE_SLACK)),

    ngx_http_webhook_challenge_member("event", "event", "event",
        NGX_HTTP_WEBHOOK_ROOT, NGX_HTTP_WEBHOOK_STRING,
        NGX_HTTP_WEBHOOK_EVENT(NGX_HTTP_WEBHOOK_CHALLENGE_ZOOM)),

    ngx_http_webhook_challenge_member("payload", "payload", "payload",
        NGX_HTTP_WEBHOOK_ROOT, NGX_HTTP_WEBHOOK_OBJECT,
        NGX_HTTP_WEBHOOK_EVENT(NGX_HTTP_WEBHOOK_CHALLENGE_ZOOM)),

    ngx_http_webhook_challenge_member("plainToken", "plaintoken",
        "payload.plainToken", 3, NGX_HTTP_WEBHOOK_STRING,
        NGX_HTTP_WEBHOOK_EVENT(NGX_HTTP_WEBHOOK_CHALLENGE_ZOOM))
};

#define NGX_HTTP_WEBHOOK_CHALLENGE_MEMBERS                                    \
    (sizeof(ngx_http_webhook_challenge_members)                               \
     / sizeof(ngx_http_webhook_field_t))


ngx_http_webhook_shape_t  ngx_http_webhook_challenge_shape = {
    ngx_http_webhook_challenge_members,
    NGX_HTTP_WEBHOOK_CHALLENGE_MEMBERS,
    NGX_HTTP_WEBHOOK_JSON_OBJECT,
    0,
    0,
    0
};


/* Parameters of query strings, and headers, as error bodies name them. */

#define ngx_http_webhook_challenge_part(name, path)                           \
    { ngx_string(name), ngx_null_string, NGX_HTTP_WEBHOOK_ROOT,               \
      NGX_HTTP_WEBHOOK_ANY, 0, NGX_HTTP_WEBHOOK_EVERY_EVENT, 0,               \
      ngx_string(path), ngx_null_string }

static ngx_http_webhook_field_t  ngx_http_webhook_challenge_parts[] = {
    ngx_http_webhook_challenge_part("hub.mode", "hub.mode"),
    ngx_http_webhook_challenge_part("hub.verify_token", "hub.verify_token"),
    ngx_http_webhook_challenge_part("hub.challenge", "hub.challenge"),
    ngx_http_webhook_challenge_part("validationToken", "validationToken"),
    ngx_http_webhook_challenge_part("challenge", "challenge"),
    ngx_http_webhook_challenge_part("crc_token", "crc_token"),
    ngx_http_webhook_challenge_part("x-okta-verification-challenge",
                                    "X-Okta-Verification-Challenge"),
    ngx_http_webhook_challenge_part("webhook-request-origin",
                                    "WebHook-Request-Origin")
};


/* methods, and where it is found; its mark; its text; who knows the token */

ngx_http_webhook_challenge_row_t  ngx_http_webhook_challenge_rows[] = {

    { ngx_string("slack"),
      NGX_HTTP_POST, NGX_HTTP_WEBHOOK_CHALLENGE_BODY,
      &ngx_http_webhook_challenge_members[0], ngx_string("url_verification"),
      NGX_HTTP_WEBHOOK_JSON_STRING, NGX_HTTP_WEBHOOK_CHALLENGE_SLACK,
      ngx_string("ssl_check=1"),
      &ngx_http_webhook_challenge_members[1], 0,
      NGX_HTTP_WEBHOOK_CHALLENGE_NOTHING, NULL,
      ngx_http_webhook_challenge_text },

    { ngx_string("meta"),
      NGX_HTTP_GET, NGX_HTTP_WEBHOOK_CHALLENGE_QUERY,
      &ngx_http_webhook_challenge_parts[0], ngx_string("subscribe"),
      0, 0, ngx_null_string,
      &ngx_http_webhook_challenge_parts[2], 0,
      NGX_HTTP_WEBHOOK_CHALLENGE_TOKENS, &ngx_http_webhook_challenge_parts[1],
      ngx_http_webhook_challenge_text },

    { ngx_string("graph"),
      NGX_HTTP_GET|NGX_HTTP_POST, NGX_HTTP_WEBHOOK_CHALLENGE_QUERY,
      &ngx_http_webhook_challenge_parts[3], ngx_null_string,
      0, 0, ngx_null_string,
      &ngx_http_webhook_challenge_parts[3], 0,
      NGX_HTTP_WEBHOOK_CHALLENGE_NOTHING, NULL,
      ngx_http_webhook_challenge_text },

    { ngx_string("dropbox"),
      NGX_HTTP_GET, NGX_HTTP_WEBHOOK_CHALLENGE_QUERY,
      &ngx_http_webhook_challenge_parts[4], ngx_null_string,
      0, 0, ngx_null_string,
      &ngx_http_webhook_challenge_parts[4], 0,
      NGX_HTTP_WEBHOOK_CHALLENGE_NOTHING, NULL,
      ngx_http_webhook_challenge_text },

    { ngx_string("zoom"),
      NGX_HTTP_POST, NGX_HTTP_WEBHOOK_CHALLENGE_BODY,
      &ngx_http_webhook_challenge_members[2],
      ngx_string("endpoint.url_validation"),
      NGX_HTTP_WEBHOOK_JSON_STRING, NGX_HTTP_WEBHOOK_CHALLENGE_ZOOM,
      ngx_null_string,
      &ngx_http_webhook_challenge_members[4], 1,
      NGX_HTTP_WEBHOOK_CHALLENGE_KEY, NULL,
      ngx_http_webhook_challenge_zoom },

    { ngx_string("twitter"),
      NGX_HTTP_GET, NGX_HTTP_WEBHOOK_CHALLENGE_QUERY,
      &ngx_http_webhook_challenge_parts[5], ngx_null_string,
      0, 0, ngx_null_string,
      &ngx_http_webhook_challenge_parts[5], 1,
      NGX_HTTP_WEBHOOK_CHALLENGE_KEY, NULL,
      ngx_http_webhook_challenge_twitter },

    { ngx_string("okta"),
      NGX_HTTP_GET, NGX_HTTP_WEBHOOK_CHALLENGE_HEADER,
      &ngx_http_webhook_challenge_parts[6], ngx_null_string,
      0, 0, ngx_null_string,
      &ngx_http_webhook_challenge_parts[6], 0,
      NGX_HTTP_WEBHOOK_CHALLENGE_NOTHING, NULL,
      ngx_http_webhook_challenge_okta },

    { ngx_string("discord"),
      NGX_HTTP_POST, NGX_HTTP_WEBHOOK_CHALLENGE_BODY,
      &ngx_http_webhook_challenge_members[0], ngx_string("1"),
      NGX_HTTP_WEBHOOK_JSON_INTEGER, NGX_HTTP_WEBHOOK_CHALLENGE_DISCORD,
      ngx_null_string,
      NULL, 0,
      NGX_HTTP_WEBHOOK_CHALLENGE_NOTHING, NULL,
      ngx_http_webhook_challenge_discord },

    { ngx_string("cloudevents"),
      NGX_HTTP_OPTIONS, NGX_HTTP_WEBHOOK_CHALLENGE_HEADER,
      &ngx_http_webhook_challenge_parts[7], ngx_null_string,
      0, 0, ngx_null_string,
      &ngx_http_webhook_challenge_parts[7], 0,
      NGX_HTTP_WEBHOOK_CHALLENGE_RATE, NULL,
      ngx_http_webhook_challenge_cloudevents },

    { ngx_string("head"),
      NGX_HTTP_HEAD, NGX_HTTP_WEBHOOK_CHALLENGE_METHOD,
      NULL, ngx_null_string,
      0, 0, ngx_null_string,
      NULL, 0,
      NGX_HTTP_WEBHOOK_CHALLENGE_NOTHING, NULL,
      ngx_http_webhook_challenge_text },

    { ngx_null_string, 0, 0, NULL, ngx_null_string, 0, 0, ngx_null_string,
      NULL, 0, 0, NULL, NULL }
};


/*
 * Computes the HMAC of a text with the challenge's secret.  Returns NGX_OK,
 * NGX_DECLINED if there is no secret in this request, or NGX_ERROR.
 */

static ngx_int_t
ngx_http_webhook_challenge_mac(ngx_http_request_t *r,
    ngx_http_webhook_challenge_t *challenge, ngx_str_t *text, u_char *mac)
{
    ngx_int_t                    rc;
    ngx_log_t                   *log;
    ngx_str_t                    secret;
    ngx_http_webhook_mac_t      *hash;
    ngx_http_webhook_mac_key_t  *key, own;

    log = r->connection->log;
    key = challenge->key;

    if (key == NULL) {

        ngx_http_webhook_secret_text(r, challenge->secrets.elts, &secret);

        if (secret.len == 0) {
            return NGX_DECLINED;
        }

        key = &own;

        if (ngx_http_webhook_mac_key(r->pool, &ngx_http_webhook_digests[0],
                                     &secret, key)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    hash = ngx_http_webhook_mac_begin(key, log);
    if (hash == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_http_webhook_mac_update(hash, text->data, text->len, log);

    if (rc == NGX_OK) {
        rc = ngx_http_webhook_mac_final(hash, key, mac, log);
    }

    ngx_http_webhook_mac_free(hash);

    return rc;
}


/* Answers with the text. */

static ngx_int_t
ngx_http_webhook_challenge_text(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_http_webhook_challenge_t *challenge,
    ngx_str_t *text)
{
    ngx_http_webhook_proof_t  *proof;

    proof = ngx_palloc(r->pool, sizeof(ngx_http_webhook_proof_t));
    if (proof == NULL) {
        return NGX_ERROR;
    }

    proof->text = *text;
    proof->json = 0;

    ctx->proof = proof;

    return NGX_OK;
}


static ngx_int_t
ngx_http_webhook_challenge_zoom(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_http_webhook_challenge_t *challenge,
    ngx_str_t *text)
{
    u_char     mac[NGX_HTTP_WEBHOOK_MAC_SIZE];
    u_char     hex[2 * NGX_HTTP_WEBHOOK_MAC_SIZE];
    ngx_int_t  rc;

    rc = ngx_http_webhook_challenge_mac(r, challenge, text, mac);

    if (rc == NGX_DECLINED) {
        return ngx_http_webhook_reject(ctx,
                                       &ngx_http_webhook_challenge_no_secret,
                                       NULL);
    }

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    (void) ngx_hex_dump(hex, mac, sizeof(mac));

    return ngx_http_webhook_challenge_json(r, ctx,
                                           json_pack("{s:s%,s:s%}",
                                                     "plainToken",
                                                     (char *) text->data,
                                                     text->len,
                                                     "encryptedToken",
                                                     (char *) hex,
                                                     sizeof(hex)));
}


static ngx_int_t
ngx_http_webhook_challenge_twitter(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_http_webhook_challenge_t *challenge,
    ngx_str_t *text)
{
    u_char     mac[NGX_HTTP_WEBHOOK_MAC_SIZE];
    u_char     token[7
                     + ngx_base64_encoded_length(NGX_HTTP_WEBHOOK_MAC_SIZE)];
    ngx_int_t  rc;
    ngx_str_t  base64, bytes;

    rc = ngx_http_webhook_challenge_mac(r, challenge, text, mac);

    if (rc == NGX_DECLINED) {
        return ngx_http_webhook_reject(ctx,
                                       &ngx_http_webhook_challenge_no_secret,
                                       NULL);
    }

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    bytes.len = sizeof(mac);
    bytes.data = mac;

    base64.data = ngx_cpymem(token, "sha256=", 7);
    ngx_encode_base64(&base64, &bytes);

    return ngx_http_webhook_challenge_json(r, ctx,
                                           json_pack("{s:s%}",
                                                     "response_token",
                                                     (char *) token,
                                                     7 + base64.len));
}


static ngx_int_t
ngx_http_webhook_challenge_okta(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_http_webhook_challenge_t *challenge,
    ngx_str_t *text)
{
    return ngx_http_webhook_challenge_json(r, ctx,
                                           json_pack("{s:s%}", "verification",
                                                     (char *) text->data,
                                                     text->len));
}


static ngx_int_t
ngx_http_webhook_challenge_discord(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_http_webhook_challenge_t *challenge,
    ngx_str_t *text)
{
    return ngx_http_webhook_challenge_json(r, ctx,
                                           json_pack("{s:i}", "type", 1));
}


/* Allows a sender to send, CloudEvents' HTTP 1.1 Web Hooks, section 4.2. */

static ngx_int_t
ngx_http_webhook_challenge_cloudevents(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_http_webhook_challenge_t *challenge,
    ngx_str_t *text)
{
    ngx_str_t  allow, empty;

    if (ngx_http_webhook_challenge_allow(r, ctx, &allow) != NGX_OK
        || ngx_http_webhook_add_header(r, "Allow", &allow) == NULL
        || ngx_http_webhook_add_header(r, "WebHook-Allowed-Origin", text)
           == NULL
        || ngx_http_webhook_add_header(r, "WebHook-Allowed-Rate",
                                       &challenge->rate)
           == NULL)
    {
        return NGX_ERROR;
    }

    ngx_str_null(&empty);

    return ngx_http_webhook_challenge_text(r, ctx, challenge, &empty);
}


/* Answers with "json", NULL if there was no memory for it, and frees it. */

static ngx_int_t
ngx_http_webhook_challenge_json(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, json_t *json)
{
    ngx_int_t  rc;
    ngx_str_t  text;

    rc = ngx_http_webhook_print_json(r->pool, json, &text);
    json_decref(json);

    if (rc == NGX_OK) {
        rc = ngx_http_webhook_challenge_text(r, ctx, NULL, &text);
    }

    if (rc == NGX_OK) {
        ctx->proof->json = 1;
    }

    return rc;
}


/*
 * Has the content phase answer with ctx->proof, whatever handler the location
 * has.  Returns what a handler of the precontent phase returns.
 */

ngx_int_t
ngx_http_webhook_challenge_answer(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx)
{
    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "webhook %V challenge", &ctx->conf->provider->name);

    r->content_handler = ngx_http_webhook_challenge_handler;

    return NGX_OK;
}


static ngx_int_t
ngx_http_webhook_challenge_handler(ngx_http_request_t *r)
{
    ngx_int_t                  rc;
    ngx_buf_t                 *b;
    ngx_str_t                  type;
    ngx_chain_t                out;
    ngx_http_webhook_ctx_t    *ctx;
    ngx_http_complex_value_t   cv;

    static ngx_str_t  nosniff = ngx_string("nosniff");

    ctx = ngx_http_get_module_ctx(r, ngx_http_webhook_module);

    if (ctx->proof->json) {

        rc = ngx_http_discard_request_body(r);
        if (rc != NGX_OK) {
            return rc;
        }

        b = ngx_calloc_buf(r->pool);
        if (b == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        b->pos = ctx->proof->text.data;
        b->last = b->pos + ctx->proof->text.len;
        b->memory = 1;

        out.buf = b;
        out.next = NULL;

        return ngx_http_webhook_send_json(r, NGX_HTTP_OK, &out,
                                          ctx->proof->text.len);
    }

    if (ngx_http_webhook_add_header(r, "X-Content-Type-Options", &nosniff)
        == NULL)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_str_set(&type, "text/plain");

    r->disable_not_modified = 1;

    ngx_memzero(&cv, sizeof(ngx_http_complex_value_t));
    cv.value = ctx->proof->text;

    return ngx_http_send_response(r, NGX_HTTP_OK, &type, &cv);
}


/*
 * Sets "allow" to the methods that an Allow header lists: those of the
 * resource, and those of the location's challenges.  Returns NGX_OK or
 * NGX_ERROR.
 */

ngx_int_t
ngx_http_webhook_challenge_allow(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_str_t *allow)
{
    u_char                        *p;
    ngx_uint_t                     i, methods;
    ngx_http_webhook_method_t     *method;
    ngx_http_webhook_challenge_t  *challenge;

    static struct {
        ngx_uint_t  method;
        ngx_str_t   name;
    } names[] = {
        { NGX_HTTP_GET, ngx_string(", GET") },
        { NGX_HTTP_HEAD, ngx_string(", HEAD") },
        { NGX_HTTP_OPTIONS, ngx_string(", OPTIONS") },
        { 0, ngx_null_string }
    };

    if (ctx->resource) {
        *allow = ctx->resource->allow;

    } else {
        /* the path names no event, which others below it may do */
        ngx_str_set(allow, "POST");
    }

    if (ctx->conf->challenges == NULL) {
        return NGX_OK;
    }

    methods = 0;
    challenge = ctx->conf->challenges->elts;

    for (i = 0; i < ctx->conf->challenges->nelts; i++) {
        methods |= challenge[i].row->methods;
    }

    if (ctx->resource) {
        for (method = ctx->resource->methods; method->methods; method++) {
            methods &= ~method->methods;
        }
    }

    p = ngx_pnalloc(r->pool, allow->len + sizeof(", GET, HEAD, OPTIONS") - 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(p, allow->data, allow->len);
    allow->data = p;
    p += allow->len;

    for (i = 0; names[i].method; i++) {
        if (methods & names[i].method) {
            p = ngx_cpymem(p, names[i].name.data, names[i].name.len);
        }
    }

    allow->len = p - allow->data;

    return NGX_OK;
}
