
/*
 * The gate: a request becomes a verdict.
 *
 * Access phase: route, method, credential; nothing of the body has been read.
 * Precontent phase: media type, then the body is read, and a filter feeds it to
 * the scanner as it arrives; after its last byte it is judged.
 *
 * A refusal is a status that is returned to nginx: what nginx does then, with
 * "satisfy", "auth_delay", "error_page", the unread body and the connection, is
 * as after any other module's.  ngx_http_webhook_problem.c puts the body in.
 */


#include "ngx_http_webhook.h"


static ngx_http_webhook_ctx_t *ngx_http_webhook_begin(ngx_http_request_t *r,
    ngx_http_webhook_loc_conf_t *wlcf);
static void ngx_http_webhook_ctx_cleanup(void *data);
static ngx_int_t ngx_http_webhook_check_headers(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx);
static ngx_int_t ngx_http_webhook_defer(ngx_http_webhook_ctx_t *ctx,
    ngx_http_webhook_verdict_t *verdict);
static ngx_uint_t ngx_http_webhook_is_json(ngx_str_t *type);
static ngx_int_t ngx_http_webhook_read_body(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx);
static ngx_uint_t ngx_http_webhook_at_hand(ngx_http_request_t *r);
static void ngx_http_webhook_body_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_webhook_judge(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx);


ngx_http_webhook_verdict_t  ngx_http_webhook_unknown_path = {
    NGX_HTTP_NOT_FOUND,
    ngx_string("unknown_event"),
    ngx_string("the path names no event"),
    ngx_null_string,
    0
};


static ngx_http_webhook_verdict_t  ngx_http_webhook_method_not_allowed = {
    NGX_HTTP_NOT_ALLOWED,
    ngx_string("method_not_allowed"),
    ngx_string("the method is not one of those in Allow"),
    ngx_null_string,
    0
};


static ngx_http_webhook_verdict_t  ngx_http_webhook_missing_secret = {
    NGX_HTTP_UNAUTHORIZED,
    ngx_string("missing_secret"),
    ngx_string("the header with the secret is missing"),
    ngx_null_string,
    0
};


static ngx_http_webhook_verdict_t  ngx_http_webhook_invalid_secret = {
    NGX_HTTP_UNAUTHORIZED,
    ngx_string("invalid_secret"),
    ngx_string("the secret is not valid"),
    ngx_null_string,
    0
};


static ngx_http_webhook_verdict_t  ngx_http_webhook_media_type = {
    NGX_HTTP_UNSUPPORTED_MEDIA_TYPE,
    ngx_string("unsupported_media_type"),
    ngx_string("Content-Type must be application/json"),
    ngx_null_string,
    0
};


static ngx_http_webhook_verdict_t  ngx_http_webhook_encoding = {
    NGX_HTTP_UNSUPPORTED_MEDIA_TYPE,
    ngx_string("unsupported_encoding"),
    ngx_string("Content-Encoding is not supported"),
    ngx_null_string,
    0
};


/* by what ngx_http_webhook_shape_finish() and _judge() return */

static ngx_http_webhook_verdict_t  ngx_http_webhook_payload_verdicts[] = {

    { 0, ngx_null_string, ngx_null_string, ngx_null_string, 0 },

    /* NGX_HTTP_WEBHOOK_SHAPE_EMPTY */
    { NGX_HTTP_BAD_REQUEST, ngx_string("empty_body"),
      ngx_string("the body is empty"), ngx_null_string, 0 },

    /* NGX_HTTP_WEBHOOK_SHAPE_SYNTAX */
    { NGX_HTTP_BAD_REQUEST, ngx_string("invalid_json"),
      ngx_string("the body is not valid JSON"), ngx_null_string, 1 },

    /* NGX_HTTP_WEBHOOK_SHAPE_DOCUMENT */
    { NGX_HTTP_BAD_REQUEST, ngx_string("invalid_field"),
      ngx_string("the body must be a JSON object"), ngx_null_string, 0 },

    /* NGX_HTTP_WEBHOOK_SHAPE_DUPLICATE */
    { NGX_HTTP_BAD_REQUEST, ngx_string("duplicate_field"),
      ngx_string("is there more than once"), ngx_null_string, 0 },

    /* NGX_HTTP_WEBHOOK_SHAPE_MISSING */
    { NGX_HTTP_BAD_REQUEST, ngx_string("missing_field"),
      ngx_string("is required"), ngx_null_string, 0 },

    /* NGX_HTTP_WEBHOOK_SHAPE_INVALID, the message is that of the type */
    { NGX_HTTP_BAD_REQUEST, ngx_string("invalid_field"),
      ngx_null_string, ngx_null_string, 0 }
};


ngx_http_webhook_verdict_t  ngx_http_webhook_zone_full = {
    NGX_HTTP_SERVICE_UNAVAILABLE,
    ngx_string("zone_full"),
    ngx_string("there is no room for another one"),
    ngx_null_string,
    0
};


ngx_http_webhook_verdict_t  ngx_http_webhook_store_failed = {
    NGX_HTTP_SERVICE_UNAVAILABLE,
    ngx_string("store_failed"),
    ngx_string("it could not be made durable"),
    ngx_null_string,
    0
};


ngx_http_webhook_verdict_t  ngx_http_webhook_queue_full = {
    NGX_HTTP_SERVICE_UNAVAILABLE,
    ngx_string("queue_full"),
    ngx_string("there is no room for another event"),
    ngx_null_string,
    0
};


static ngx_http_webhook_verdict_t  ngx_http_webhook_unknown_event = {
    NGX_HTTP_BAD_REQUEST,
    ngx_string("unknown_event"),
    ngx_string("names no known event"),
    ngx_null_string,
    0
};


static ngx_str_t  ngx_http_webhook_content_type =
    ngx_string("content-type");

static ngx_str_t  ngx_http_webhook_content_encoding =
    ngx_string("content-encoding");


/*
 * The access phase's handler; nginx does not call it for subrequests.  NGX_OK
 * is returned for a valid credential only: under "satisfy any" it grants.
 */

ngx_int_t
ngx_http_webhook_access_handler(ngx_http_request_t *r)
{
    ngx_int_t                     rc;
    ngx_http_webhook_ctx_t       *ctx;
    ngx_http_webhook_loc_conf_t  *wlcf;

    wlcf = ngx_http_get_module_loc_conf(r, ngx_http_webhook_module);

    if (wlcf->provider == NULL) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_webhook_begin(r, wlcf);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ctx->verdict == NULL) {

        rc = ctx->method->authenticate(r, ctx);

        ngx_log_debug1(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                       "webhook authenticate: %i", rc);

        if (rc == NGX_OK) {
            ctx->authenticated = 1;
            return NGX_OK;
        }

        if (rc == NGX_DECLINED) {
            return NGX_DECLINED;
        }

        if (rc == NGX_ERROR) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    return ngx_http_webhook_problem(r, ctx);
}


/*
 * The precontent phase's handler.  It is called again after the body has been
 * read, if it had to wait for it.  Subrequests are the configuration's own, and
 * have the body that the main request was judged for.
 */

ngx_int_t
ngx_http_webhook_precontent_handler(ngx_http_request_t *r)
{
    ngx_int_t                     rc;
    ngx_http_webhook_ctx_t       *ctx;
    ngx_http_webhook_loc_conf_t  *wlcf;

    if (r != r->main) {
        return NGX_DECLINED;
    }

    wlcf = ngx_http_get_module_loc_conf(r, ngx_http_webhook_module);

    if (wlcf->provider == NULL) {
        return NGX_DECLINED;
    }

    /* the access phase may have been left early, under "satisfy any" */

    ctx = ngx_http_webhook_begin(r, wlcf);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (!ctx->started) {
        ctx->started = 1;

        if (ctx->verdict && ctx->verdict->status == NGX_HTTP_UNAUTHORIZED) {
            /* another module has granted access */
            ctx->verdict = NULL;
            ctx->pending = 0;

            if (ctx->www_authenticate) {
                /* nginx knows that of one module only */
                ctx->www_authenticate->hash = 0;
            }
        }

        if (ctx->verdict) {
            return ngx_http_webhook_problem(r, ctx);
        }

        rc = NGX_OK;

        if (ctx->method->prepare) {
            rc = ctx->method->prepare(r, ctx);
        }

        if (rc == NGX_OK && ctx->method->shape) {

            if (ctx->method->sign && wlcf->signature) {
                rc = ngx_http_webhook_signature_begin(r, ctx);
            }

            if (rc == NGX_OK) {
                rc = ngx_http_webhook_check_headers(r, ctx);
            }

            if (rc == NGX_OK) {
                rc = ngx_http_webhook_read_body(r, ctx);
            }

            if (rc == NGX_DONE || rc >= NGX_HTTP_SPECIAL_RESPONSE) {
                return rc;
            }
        }

        if (rc == NGX_ERROR) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    if (ctx->waiting) {
        return NGX_DONE;
    }

    if (ctx->verdict == NULL) {
        rc = ngx_http_webhook_judge(r, ctx);

        if (rc == NGX_ERROR) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    if (ctx->verdict) {
        return ngx_http_webhook_problem(r, ctx);
    }

    /* a duplicate goes to its answer, and to no other handler of the phase */

    return ctx->duplicate ? NGX_OK : NGX_DECLINED;
}


/*
 * Returns the judgement of the request, NULL if there is none.  Where an
 * internal redirect has forgotten it, or in a subrequest, it is the last one.
 */

ngx_http_webhook_ctx_t *
ngx_http_webhook_get_ctx(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t      *cln;
    ngx_http_webhook_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_webhook_module);

    if (ctx || !(r->internal || r->filter_finalize)) {
        return ctx;
    }

    /* the newest cleanup is the first */

    for (cln = r->pool->cleanup; cln; cln = cln->next) {
        if (cln->handler == ngx_http_webhook_ctx_cleanup) {
            return cln->data;
        }
    }

    return NULL;
}


/* makes the request a new judgement; returns NULL if there is no memory */

ngx_http_webhook_ctx_t *
ngx_http_webhook_create_ctx(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t      *cln;
    ngx_http_webhook_ctx_t  *ctx, *last;

    last = ngx_http_webhook_get_ctx(r);

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_webhook_ctx_t));
    if (cln == NULL) {
        return NULL;
    }

    ctx = cln->data;
    cln->handler = ngx_http_webhook_ctx_cleanup;

    ngx_memzero(ctx, offsetof(ngx_http_webhook_ctx_t, reader));

    ctx->event = NGX_HTTP_WEBHOOK_NO_EVENT;

    if (last) {
        ctx->id = last->id;
        ctx->has_own_id = last->has_own_id;
        ngx_memcpy(ctx->own_id, last->own_id, NGX_HTTP_WEBHOOK_UUID_SIZE);
        ctx->message = last->message;
        ctx->attempt = last->attempt;
        ctx->outbound = last->outbound;
        ctx->wrapped = last->wrapped;
        ctx->body = last->body;
        ctx->held = last->held;
    }

    ngx_http_set_ctx(r, ctx, ngx_http_webhook_module);

    return ctx;
}


/* its address is the mark by which ngx_http_webhook_get_ctx() finds it */

static void
ngx_http_webhook_ctx_cleanup(void *data)
{
    return;
}


/*
 * Returns the judgement in this location, with the request routed: it has
 * a verdict, or a resource and a method.  NULL means an error.
 */

static ngx_http_webhook_ctx_t *
ngx_http_webhook_begin(ngx_http_request_t *r, ngx_http_webhook_loc_conf_t *wlcf)
{
    ngx_int_t                   rc;
    ngx_http_webhook_ctx_t     *ctx;
    ngx_http_webhook_method_t  *method;

    ctx = ngx_http_get_module_ctx(r, ngx_http_webhook_module);

    if (ctx && ctx->conf == wlcf) {
        return ctx;
    }

    ctx = ngx_http_webhook_create_ctx(r);
    if (ctx == NULL) {
        return NULL;
    }

    ctx->conf = wlcf;

    rc = wlcf->provider->route(r, ctx);

    if (rc == NGX_ERROR) {
        return NULL;
    }

    if (rc != NGX_OK) {
        return ctx;
    }

    for (method = ctx->resource->methods; method->methods; method++) {
        if (method->methods & r->method) {
            ctx->method = method;
            return ctx;
        }
    }

    (void) ngx_http_webhook_reject(ctx, &ngx_http_webhook_method_not_allowed,
                                   NULL);
    return ctx;
}


/* a step: judges the secret that the configured header carries */

ngx_int_t
ngx_http_webhook_authenticate(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx)
{
    ngx_uint_t                    n;
    ngx_table_elt_t              *header;
    ngx_http_webhook_loc_conf_t  *wlcf;

    wlcf = ctx->conf;

    if (wlcf->secrets == NULL || wlcf->secrets == NGX_CONF_UNSET_PTR) {
        return NGX_DECLINED;
    }

    header = ngx_http_webhook_header(r, &wlcf->secret_key, &n);

    if (n == 0) {
        return ngx_http_webhook_reject(ctx, &ngx_http_webhook_missing_secret,
                                       NULL);
    }

    ctx->secret = header->value;

    if (n > 1 || !ngx_http_webhook_secret_valid(ctx, NULL)) {
        return ngx_http_webhook_reject(ctx, &ngx_http_webhook_invalid_secret,
                                       NULL);
    }

    return NGX_OK;
}


/*
 * Returns 1 if ctx->secret is one of the location's and, unless "slug" is NULL,
 * is valid for that plugin.  All are compared, whichever matches.
 */

ngx_uint_t
ngx_http_webhook_secret_valid(ngx_http_webhook_ctx_t *ctx, ngx_str_t *slug)
{
    ngx_uint_t                  equal, i, valid;
    ngx_http_webhook_secret_t  *secret;

    valid = 0;
    secret = ctx->conf->secrets->elts;

    for (i = 0; i < ctx->conf->secrets->nelts; i++) {

        equal = ngx_http_webhook_equal(&secret[i].secret, &ctx->secret);

        if (slug && secret[i].slug.len
            && (secret[i].slug.len != slug->len
                || ngx_memcmp(secret[i].slug.data, slug->data, slug->len) != 0))
        {
            continue;
        }

        valid |= equal;
    }

    return valid;
}


/* returns the index of the system's event of this name, or NO_EVENT */

ngx_uint_t
ngx_http_webhook_find_event(ngx_http_webhook_provider_t *provider,
    ngx_str_t *name)
{
    ngx_str_t   *events;
    ngx_uint_t   i;

    events = provider->events;

    for (i = 0; events[i].len; i++) {

        if (events[i].len == name->len
            && ngx_memcmp(events[i].data, name->data, name->len) == 0)
        {
            return i;
        }
    }

    return NGX_HTTP_WEBHOOK_NO_EVENT;
}


/*
 * Sets the verdict, for which "verdict" must be static, and the member that it
 * is about, or NULL.  Returns NGX_ABORT for a step to return.
 */

ngx_int_t
ngx_http_webhook_reject(ngx_http_webhook_ctx_t *ctx,
    ngx_http_webhook_verdict_t *verdict, ngx_http_webhook_field_t *field)
{
    ctx->verdict = verdict;
    ctx->field = field;

    return NGX_ABORT;
}


/*
 * Looks a request header up by its name in lower case.  Returns the first one,
 * or NULL, and in "count" how many there are.
 */

ngx_table_elt_t *
ngx_http_webhook_header(ngx_http_request_t *r, ngx_str_t *key,
    ngx_uint_t *count)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *found, *header;

    found = NULL;
    *count = 0;

    part = &r->headers_in.headers.part;
    header = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                break;
            }

            part = part->next;
            header = part->elts;
            i = 0;
        }

        if (header[i].key.len == key->len
            && ngx_strncmp(header[i].lowcase_key, key->data, key->len) == 0)
        {
            if ((*count)++ == 0) {
                found = &header[i];
            }
        }
    }

    return found;
}


/* what is to be known before reading the body makes nginx send 100 Continue */

static ngx_int_t
ngx_http_webhook_check_headers(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx)
{
    ngx_uint_t        n;
    ngx_table_elt_t  *header;

    if (ctx->method->shape->raw) {
        return NGX_OK;
    }

    header = ngx_http_webhook_header(r, &ngx_http_webhook_content_type, &n);

    /* where there need not be a body, and is none, it need not have a type */

    if (n > 1
        || ((!ctx->method->shape->empty
             || r->headers_in.content_length_n > 0
             || r->headers_in.chunked)
            && (n == 0 || !ngx_http_webhook_is_json(&header->value))))
    {
        return ngx_http_webhook_defer(ctx, &ngx_http_webhook_media_type);
    }

    header = ngx_http_webhook_header(r, &ngx_http_webhook_content_encoding,
                                     &n);

    if (n > 1
        || (n == 1
            && header->value.len
            && (header->value.len != sizeof("identity") - 1
                || ngx_strncasecmp(header->value.data, (u_char *) "identity",
                                   sizeof("identity") - 1)
                   != 0)))
    {
        return ngx_http_webhook_defer(ctx, &ngx_http_webhook_encoding);
    }

    return NGX_OK;
}


/* who did not sign the body learns nothing else: that is known after it */

static ngx_int_t
ngx_http_webhook_defer(ngx_http_webhook_ctx_t *ctx,
    ngx_http_webhook_verdict_t *verdict)
{
    if (ctx->verifier) {
        ctx->deferred = verdict;
        return NGX_OK;
    }

    return ngx_http_webhook_reject(ctx, verdict, NULL);
}


/* application/json or application/<something>+json, whatever the parameters */

static ngx_uint_t
ngx_http_webhook_is_json(ngx_str_t *type)
{
    size_t      i, len;
    u_char     *p;
    ngx_str_t   prefix = ngx_string("application/");
    ngx_str_t   suffix = ngx_string("json");

    /* what nearly all say */

    if (type->len == sizeof("application/json") - 1
        && ngx_memcmp(type->data, "application/json", type->len) == 0)
    {
        return 1;
    }

    for (len = 0; len < type->len; len++) {
        if (type->data[len] == ';' || type->data[len] == ' '
            || type->data[len] == '\t')
        {
            break;
        }
    }

    if (len < prefix.len + suffix.len
        || ngx_strncasecmp(type->data, prefix.data, prefix.len) != 0)
    {
        return 0;
    }

    i = len - suffix.len;
    p = type->data + i;

    if (ngx_strncasecmp(p, suffix.data, suffix.len) != 0) {
        return 0;
    }

    return i == prefix.len || (i > prefix.len + 1 && p[-1] == '+');
}


/*
 * Returns NGX_OK when the whole body has been read, NGX_DONE when it is waited
 * for, NGX_ERROR or a status.
 */

static ngx_int_t
ngx_http_webhook_read_body(ngx_http_request_t *r, ngx_http_webhook_ctx_t *ctx)
{
    ngx_int_t   rc;
    ngx_uint_t  clock;

    if (ngx_http_webhook_shape_init(&ctx->reader, ctx->method->shape, r->pool)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    r->preserve_body = 1;

    if (r->discard_body || r->reading_body
        || (r->request_body && r->request_body->rest > 0))
    {
        ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                      "webhook %V can't judge a body that another location "
                      "did not read to its end",
                      &ctx->conf->provider->name);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (r->request_body) {
        ctx->read = 1;

        if (ctx->wrapped
            && ngx_http_webhook_body_unwrap(r, ctx) != NGX_OK)
        {
            return NGX_ERROR;
        }

        return ngx_http_webhook_body_feed(r, ctx, r->request_body->bufs);
    }

    ctx->reading = 1;

    /* what nginx takes to receive a body is not part of the judgement */

    clock = ngx_http_webhook_at_hand(r) ? 0 : ngx_http_webhook_clock_stop(ctx);

    rc = ngx_http_read_client_request_body(r, ngx_http_webhook_body_handler);

    if (clock && ctx->read) {
        (void) ngx_http_webhook_clock_start();
    }

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        return rc;
    }

    if (!ctx->read) {
        ctx->waiting = 1;
        ngx_http_finalize_request(r, NGX_DONE);
        return NGX_DONE;
    }

    /* the reference that the reader took for its handler, already called */

    r->main->count--;

    return NGX_OK;
}


/* returns 1 if all of the body has come with the header */

static ngx_uint_t
ngx_http_webhook_at_hand(ngx_http_request_t *r)
{
    return r->http_version < NGX_HTTP_VERSION_20
           && !r->headers_in.chunked
           && r->headers_in.content_length_n
              <= r->header_in->last - r->header_in->pos;
}


/* the body is complete; the reader leaves an empty write handler behind */

static void
ngx_http_webhook_body_handler(ngx_http_request_t *r)
{
    ngx_http_webhook_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_webhook_module);

    ctx->read = 1;
    ctx->reading = 0;

    r->write_event_handler = ngx_http_core_run_phases;

    if (ctx->waiting) {
        ctx->waiting = 0;
        ngx_http_core_run_phases(r);
    }
}


/* returns NGX_OK, NGX_ABORT with a verdict set, or NGX_ERROR */

static ngx_int_t
ngx_http_webhook_judge(ngx_http_request_t *r, ngx_http_webhook_ctx_t *ctx)
{
    ngx_int_t                     rc;
    ngx_http_webhook_field_t     *field;
    ngx_http_webhook_value_t     *value;
    ngx_http_webhook_provider_t  *provider;

    field = NULL;
    provider = ctx->conf->provider;

    if (ctx->verifier) {

        rc = ngx_http_webhook_signature_finish(r, ctx);

        if (rc != NGX_OK) {
            return rc;
        }

        if (ctx->deferred) {
            return ngx_http_webhook_reject(ctx, ctx->deferred, NULL);
        }
    }

    if (ctx->method->shape) {

        rc = ngx_http_webhook_shape_finish(&ctx->reader);

        if (rc == NGX_OK) {
            ctx->judged = 1;
        }

        if (rc == NGX_OK && provider->event_field != NGX_HTTP_WEBHOOK_ROOT) {

            value = &ctx->reader.values[provider->event_field];

            if (value->type == NGX_HTTP_WEBHOOK_JSON_STRING) {
                ctx->event = ngx_http_webhook_find_event(provider,
                                                         &value->text);

                if (value->text.len <= NGX_HTTP_WEBHOOK_VALUE_MAX) {
                    ctx->event_name = value->text;
                }
            }
        }

        if (rc == NGX_OK) {
            rc = ngx_http_webhook_shape_judge(&ctx->reader, ctx->event, &field);
        }

        if (rc != NGX_OK) {
            return ngx_http_webhook_reject(ctx,
                                     &ngx_http_webhook_payload_verdicts[rc],
                                     field);
        }

        if (provider->event_field != NGX_HTTP_WEBHOOK_ROOT
            && ctx->event == NGX_HTTP_WEBHOOK_NO_EVENT
            && !ctx->conf->unknown)
        {
            field = &ctx->method->shape->fields[provider->event_field];

            return ngx_http_webhook_reject(ctx, &ngx_http_webhook_unknown_event,
                                           field);
        }
    }

    rc = ctx->method->accept ? ctx->method->accept(r, ctx) : NGX_OK;

    if (rc == NGX_OK && ctx->method->sign && ctx->conf->dedup) {
        rc = ngx_http_webhook_dedup(r, ctx);
    }

    return rc;
}
