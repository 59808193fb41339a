
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


#include "judge/ngx_http_webhook_gate.h"
#include "base/ngx_http_webhook_media.h"
#include "core/ngx_http_webhook_clock.h"
#include "core/ngx_http_webhook_ctx.h"
#include "core/ngx_http_webhook_path.h"
#include "status/ngx_http_webhook_status.h"
#include "registry/ngx_http_webhook_registry.h"
#include "dedup/ngx_http_webhook_dedup.h"
#include "judge/ngx_http_webhook_body.h"
#include "judge/ngx_http_webhook_challenge.h"
#include "judge/ngx_http_webhook_cross_site.h"
#include "judge/ngx_http_webhook_payload.h"
#include "judge/ngx_http_webhook_problem.h"
#include "judge/ngx_http_webhook_secret.h"
#include "judge/ngx_http_webhook_signature.h"


static ngx_int_t ngx_http_webhook_gate_timed_access_handler(
    ngx_http_request_t *r);
static ngx_int_t ngx_http_webhook_gate_timed_precontent_handler(
    ngx_http_request_t *r);
static ngx_int_t ngx_http_webhook_gate_access_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_webhook_gate_credentials(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx);
static ngx_int_t ngx_http_webhook_gate_precontent_handler(
    ngx_http_request_t *r);
static ngx_int_t ngx_http_webhook_gate_prepare(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx);
static void ngx_http_webhook_gate_passed(ngx_http_request_t *r);
static ngx_http_webhook_ctx_t *ngx_http_webhook_gate_begin(
    ngx_http_request_t *r, ngx_http_webhook_loc_conf_t *wlcf);
static ngx_int_t ngx_http_webhook_gate_check_headers(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx);
static ngx_uint_t ngx_http_webhook_gate_takes(ngx_http_webhook_media_t *media,
    ngx_table_elt_t *header);
static ngx_int_t ngx_http_webhook_gate_defer(ngx_http_webhook_ctx_t *ctx,
    ngx_http_webhook_verdict_t *verdict);
static ngx_int_t ngx_http_webhook_gate_read_body(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx);
static ngx_uint_t ngx_http_webhook_gate_is_complete(ngx_http_request_t *r,
    off_t size);
static ngx_int_t ngx_http_webhook_gate_body_lost(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx);
static ngx_uint_t ngx_http_webhook_gate_at_hand(ngx_http_request_t *r);
static void ngx_http_webhook_gate_body_read(ngx_http_request_t *r);
static ngx_int_t ngx_http_webhook_gate_judge(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx);
static ngx_int_t ngx_http_webhook_gate_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in);


static ngx_http_request_body_filter_pt  ngx_http_next_request_body_filter;


static ngx_http_webhook_verdict_t  ngx_http_webhook_method_not_allowed =
    ngx_http_webhook_verdict(NGX_HTTP_NOT_ALLOWED, method_not_allowed,
                             "the method is not one of those in Allow");


static ngx_http_webhook_verdict_t  ngx_http_webhook_media_type =
    ngx_http_webhook_verdict(NGX_HTTP_UNSUPPORTED_MEDIA_TYPE,
                             unsupported_media_type,
                             "Content-Type must be application/json");


/* the same of a system that takes other types as well */

static ngx_http_webhook_verdict_t  ngx_http_webhook_other_media_type =
    ngx_http_webhook_verdict(NGX_HTTP_UNSUPPORTED_MEDIA_TYPE,
                             unsupported_media_type,
                             "Content-Type is none of the types that are "
                             "taken");


static ngx_http_webhook_verdict_t  ngx_http_webhook_encoding =
    ngx_http_webhook_verdict(NGX_HTTP_UNSUPPORTED_MEDIA_TYPE,
                             unsupported_encoding,
                             "Content-Encoding is not supported");


static ngx_http_webhook_verdict_t  ngx_http_webhook_cross_site =
    ngx_http_webhook_verdict(NGX_HTTP_FORBIDDEN, cross_site,
                             "a page of another site has sent the request");


static ngx_str_t  ngx_http_webhook_content_type =
    ngx_string("content-type");

static ngx_str_t  ngx_http_webhook_content_encoding =
    ngx_string("content-encoding");


/*
 * The access phase's handler; nginx does not call it for subrequests.  NGX_OK
 * is returned for a valid credential only: under "satisfy any" it grants.
 */

static ngx_int_t
ngx_http_webhook_gate_access_handler(ngx_http_request_t *r)
{
    ngx_int_t                     rc;
    ngx_http_webhook_ctx_t       *ctx;
    ngx_http_webhook_loc_conf_t  *wlcf;

    wlcf = ngx_http_get_module_loc_conf(r, ngx_http_webhook_module);

    if (wlcf->provider == NULL) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_webhook_gate_begin(r, wlcf);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ctx->proof) {
        /* a verify token is a credential, all else that is asked is none */
        return ctx->authenticated ? NGX_OK : NGX_DECLINED;
    }

    if (ctx->verdict == NULL) {

        rc = ngx_http_webhook_gate_credentials(r, ctx);

        ngx_log_debug1(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                       "webhook credentials: %i", rc);

        if (rc == NGX_OK || rc == NGX_DECLINED) {
            return rc;
        }

        if (rc == NGX_ERROR) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    return ngx_http_webhook_problem(r, ctx);
}


/*
 * Checks the secret, where one is configured, and then what else the method
 * asks for.  Returns what a step returns: NGX_OK if either is valid and none is
 * not, NGX_DECLINED if nothing is asked for.
 */

static ngx_int_t
ngx_http_webhook_gate_credentials(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx)
{
    ngx_int_t  rc, secret;

    secret = ngx_http_webhook_authenticate(r, ctx);

    if (secret == NGX_OK) {
        ctx->authenticated = 1;

    } else if (secret != NGX_DECLINED) {
        return secret;
    }

    if (ctx->method->authenticate == NULL) {
        return secret;
    }

    rc = ctx->method->authenticate(r, ctx);

    return rc == NGX_DECLINED ? secret : rc;
}


/*
 * The precontent phase's handler.  It is called again after the body has been
 * read, if it had to wait for it.  Subrequests are the configuration's own, and
 * have the body that the main request was judged for.
 */

static ngx_int_t
ngx_http_webhook_gate_precontent_handler(ngx_http_request_t *r)
{
    ngx_int_t                     rc;
    ngx_http_webhook_ctx_t       *ctx;
    ngx_http_webhook_loc_conf_t  *wlcf;

    if (r != r->main) {
        return NGX_DECLINED;
    }

    wlcf = ngx_http_get_module_loc_conf(r, ngx_http_webhook_module);

    if (wlcf->provider == NULL) {

        if (r->internal) {
            ngx_http_webhook_gate_passed(r);
        }

        return NGX_DECLINED;
    }

    /* the access phase may have been left early, under "satisfy any" */

    ctx = ngx_http_webhook_gate_begin(r, wlcf);
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

        if (ctx->proof) {
            return ngx_http_webhook_challenge_answer(r, ctx);
        }

        rc = ngx_http_webhook_gate_prepare(r, ctx);

        if (rc == NGX_DONE || rc >= NGX_HTTP_SPECIAL_RESPONSE) {
            return rc;
        }

        if (rc == NGX_ERROR) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    if (ctx->waiting) {
        return NGX_DONE;
    }

    if (ctx->verdict == NULL) {
        rc = ngx_http_webhook_gate_judge(r, ctx);

        if (rc == NGX_ERROR) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    if (ctx->verdict) {
        return ngx_http_webhook_problem(r, ctx);
    }

    if (ctx->proof) {
        return ngx_http_webhook_challenge_answer(r, ctx);
    }

    /* a duplicate is answered here: no other handler of the phase sees it */

    return ctx->duplicate ? NGX_OK : NGX_DECLINED;
}


/*
 * Checks what can be checked before the body, and reads that, if the method has
 * one.  Returns what a step returns, NGX_DONE if the body is waited for, or
 * a status.
 */

static ngx_int_t
ngx_http_webhook_gate_prepare(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx)
{
    ngx_int_t  rc;

    rc = NGX_OK;

    if (ctx->method->params) {
        rc = ngx_http_webhook_params_check(r, ctx);
    }

    if (rc == NGX_OK && ctx->method->prepare) {
        rc = ctx->method->prepare(r, ctx);
    }

    if (rc != NGX_OK || ctx->method->shape == NULL) {
        return rc;
    }

    if (ctx->method->event && ctx->conf->signature) {
        rc = ngx_http_webhook_signature_begin(r, ctx);
    }

    if (rc == NGX_OK) {
        rc = ngx_http_webhook_gate_check_headers(r, ctx);
    }

    if (rc == NGX_OK && ctx->method->event && ctx->conf->challenges) {
        rc = ngx_http_webhook_challenge_read(r, ctx);
    }

    return rc == NGX_OK ? ngx_http_webhook_gate_read_body(r, ctx) : rc;
}


/*
 * Warns, once for each worker, where an "error_page" leads a refused request to
 * a location that would pass it on as if it had been accepted.
 */

static void
ngx_http_webhook_gate_passed(ngx_http_request_t *r)
{
    ngx_http_webhook_ctx_t    *ctx;
    ngx_http_core_loc_conf_t  *clcf;

    static ngx_uint_t  warned;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (warned || clcf->handler == NULL) {
        return;
    }

    ctx = ngx_http_webhook_get_ctx(r);

    if (ctx == NULL || ctx->verdict == NULL) {
        return;
    }

    warned = 1;

    ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                  "webhook %V refused: %V, but \"error_page\" leads the "
                  "request to location \"%V\", whose handler gets it all the "
                  "same; set \"error_page\" in the location with \"webhook\", "
                  "or look at $webhook_reason there",
                  &ctx->conf->provider->name,
                  &ngx_http_webhook_reasons[ctx->verdict->reason],
                  &clcf->name);
}


/*
 * Returns the judgement in this location, with the request routed: it has
 * a verdict, or a resource and a method.  NULL means an error.
 */

static ngx_http_webhook_ctx_t *
ngx_http_webhook_gate_begin(ngx_http_request_t *r,
    ngx_http_webhook_loc_conf_t *wlcf)
{
    ngx_int_t                   challenge, rc;
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

    if (wlcf->challenges) {

        challenge = ngx_http_webhook_challenge_begin(r, ctx);

        if (challenge == NGX_ERROR) {
            return NULL;
        }

        if (challenge != NGX_DECLINED) {
            return ctx;
        }
    }

    if (rc != NGX_OK) {
        return ctx;
    }

    for (method = ctx->resource->methods; method->methods; method++) {
        if (method->methods & r->method) {
            ctx->method = method;

            if (wlcf->provider->secret == NGX_HTTP_WEBHOOK_MANAGEMENT
                && ngx_http_webhook_cross_site_sent(r))
            {
                (void) ngx_http_webhook_reject(ctx,
                                               &ngx_http_webhook_cross_site,
                                               NULL);
            }

            return ctx;
        }
    }

    (void) ngx_http_webhook_reject(ctx, &ngx_http_webhook_method_not_allowed,
                                   NULL);
    return ctx;
}


/*
 * Checks the media type and the encoding, before nginx answers 100 Continue
 * because the body is read.  Returns NGX_OK, or NGX_ABORT with a verdict.
 */

static ngx_int_t
ngx_http_webhook_gate_check_headers(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx)
{
    ngx_uint_t                   n;
    ngx_table_elt_t             *header;
    ngx_http_webhook_media_t    *media;
    ngx_http_webhook_verdict_t  *verdict;

    if (ctx->method->shape->raw) {
        return NGX_OK;
    }

    media = ctx->conf->provider->media;
    verdict = (media && media->types) ? &ngx_http_webhook_other_media_type
                                      : &ngx_http_webhook_media_type;

    header = ngx_http_webhook_find_header(r, &ngx_http_webhook_content_type,
                                          &n);

    /* where there need not be a body, and is none, it need not have a type */

    if (media && media->any) {
        /* void */

    } else if (n > 1
               || ((!ctx->method->shape->empty
                    || r->headers_in.content_length_n > 0
                    || r->headers_in.chunked)
                   && !ngx_http_webhook_gate_takes(media, header)))
    {
        return ngx_http_webhook_gate_defer(ctx, verdict);
    }

    header = ngx_http_webhook_find_header(r, &ngx_http_webhook_content_encoding,
                                          &n);

    if (n > 1
        || (n == 1
            && header->value.len
            && (header->value.len != sizeof("identity") - 1
                || ngx_strncasecmp(header->value.data, (u_char *) "identity",
                                   sizeof("identity") - 1)
                   != 0)))
    {
        return ngx_http_webhook_gate_defer(ctx, &ngx_http_webhook_encoding);
    }

    return NGX_OK;
}


/* Returns 1 if a body of this type, NULL if it has none, is read as JSON. */

static ngx_uint_t
ngx_http_webhook_gate_takes(ngx_http_webhook_media_t *media,
    ngx_table_elt_t *header)
{
    if (header == NULL) {
        return media && media->none;
    }

    return ngx_http_webhook_media_is_json(&header->value,
                                          media ? media->types : NULL);
}


/*
 * Sets a verdict, but puts it off until the body has been read where that must
 * have a signature: a sender who has not signed it learns nothing else.
 * Returns NGX_OK, or NGX_ABORT with the verdict.
 */

static ngx_int_t
ngx_http_webhook_gate_defer(ngx_http_webhook_ctx_t *ctx,
    ngx_http_webhook_verdict_t *verdict)
{
    if (ctx->verifier) {
        ctx->deferred = verdict;
        return NGX_OK;
    }

    return ngx_http_webhook_reject(ctx, verdict, NULL);
}


/*
 * Returns NGX_OK when the whole body has been read, NGX_DONE when it is waited
 * for, NGX_ERROR or a status.
 */

static ngx_int_t
ngx_http_webhook_gate_read_body(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx)
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
        return ngx_http_webhook_gate_body_lost(r, ctx);
    }

#if (NGX_HTTP_V2)

    if (r->stream && r->stream->skip_data
        && (r->headers_in.content_length_n > 0 || r->headers_in.chunked))
    {
        return ngx_http_webhook_gate_body_lost(r, ctx);
    }

#endif

    if (r->request_body) {
        ctx->read = 1;

        if (ctx->wrapped
            && ngx_http_webhook_body_unwrap(r, ctx) != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (ngx_http_webhook_body_feed(r, ctx, r->request_body->bufs)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        return ngx_http_webhook_gate_is_complete(r, ctx->reader.size)
               ? NGX_OK : ngx_http_webhook_gate_body_lost(r, ctx);
    }

    if (r->internal && r->headers_in.content_length_n <= 0
        && !r->headers_in.chunked && !ngx_http_webhook_gate_is_complete(r, 0))
    {
        return ngx_http_webhook_gate_body_lost(r, ctx);
    }

    ctx->reading = 1;

    /* the time for which a sender lets nginx wait does not count */

    clock = ngx_http_webhook_gate_at_hand(r)
            ? 0 : ngx_http_webhook_clock_stop(ctx);

    rc = ngx_http_read_client_request_body(r, ngx_http_webhook_gate_body_read);

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


/*
 * Returns 1 if a body of which "size" bytes are there is all that was sent.
 * Another location may have discarded it, or passed it on as it arrived.
 */

static ngx_uint_t
ngx_http_webhook_gate_is_complete(ngx_http_request_t *r, off_t size)
{
    off_t  sent;

    sent = r->headers_in.content_length
           ? ngx_atoof(r->headers_in.content_length->value.data,
                       r->headers_in.content_length->value.len)
           : r->headers_in.content_length_n;

    return (sent < 0) ? !r->request_body_no_buffering : sent == size;
}


/* Logs that a body can't be checked any more, and returns the status for it. */

static ngx_int_t
ngx_http_webhook_gate_body_lost(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx)
{
    ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                  "webhook %V can't check a body that another location has "
                  "discarded, or passed on without keeping it",
                  &ctx->conf->provider->name);

    return NGX_HTTP_INTERNAL_SERVER_ERROR;
}


/* Returns 1 if all of the body has arrived together with the header. */

static ngx_uint_t
ngx_http_webhook_gate_at_hand(ngx_http_request_t *r)
{
    return r->http_version < NGX_HTTP_VERSION_20
           && !r->headers_in.chunked
           && r->headers_in.content_length_n
              <= r->header_in->last - r->header_in->pos;
}


/*
 * Is called by nginx when the body has been read.  nginx has left an empty
 * write handler behind, in whose place the phases go on.
 */

static void
ngx_http_webhook_gate_body_read(ngx_http_request_t *r)
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


/*
 * Checks what can be checked when the body has been read: the signature, the
 * payload, what the system itself asks for, and whether the event comes twice.
 * Returns NGX_OK, NGX_ABORT with a verdict, or NGX_ERROR.
 */

static ngx_int_t
ngx_http_webhook_gate_judge(ngx_http_request_t *r, ngx_http_webhook_ctx_t *ctx)
{
    ngx_int_t  rc;

    if (ctx->verifier) {

        rc = ngx_http_webhook_signature_finish(r, ctx);

        if (rc != NGX_OK) {
            return rc;
        }

        if (ctx->deferred) {
            return ngx_http_webhook_reject(ctx, ctx->deferred, NULL);
        }
    }

    if (ctx->asking) {

        rc = ngx_http_webhook_challenge_finish(r, ctx);

        if (rc != NGX_DECLINED) {
            return rc;
        }
    }

    if (ctx->method->shape) {

        rc = ngx_http_webhook_payload_judge(r, ctx);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    rc = ctx->method->accept ? ctx->method->accept(r, ctx) : NGX_OK;

    if (rc == NGX_OK && ctx->method->event && ctx->conf->dedup) {
        rc = ngx_http_webhook_dedup_step(r, ctx);
    }

    /*
     * Where there is a zone, an event is the trigger of a registration.  A
     * queue, which may refuse it, counts it itself.
     */

    if (rc == NGX_OK
        && ctx->method->event
        && ctx->conf->zone
        && ctx->conf->queue == NULL
        && ctx->duplicate == NULL)
    {
        ngx_http_webhook_registry_count(ctx->conf->zone,
                                        NGX_HTTP_WEBHOOK_STATUS_TRIGGERS);
    }

    return rc;
}


/* The access phase's handler where the status has a clock. */

static ngx_int_t
ngx_http_webhook_gate_timed_access_handler(ngx_http_request_t *r)
{
    ngx_int_t                     rc;
    ngx_http_webhook_loc_conf_t  *wlcf;

    wlcf = ngx_http_get_module_loc_conf(r, ngx_http_webhook_module);

    if (wlcf->provider == NULL) {
        return NGX_DECLINED;
    }

    (void) ngx_http_webhook_clock_start();

    rc = ngx_http_webhook_gate_access_handler(r);

    (void) ngx_http_webhook_clock_stop(
                        ngx_http_get_module_ctx(r, ngx_http_webhook_module));
    return rc;
}


/* The precontent phase's handler where the status has a clock. */

static ngx_int_t
ngx_http_webhook_gate_timed_precontent_handler(ngx_http_request_t *r)
{
    ngx_int_t                     rc;
    ngx_http_webhook_ctx_t       *ctx;
    ngx_http_webhook_loc_conf_t  *wlcf;

    wlcf = ngx_http_get_module_loc_conf(r, ngx_http_webhook_module);

    if (wlcf->provider == NULL || r != r->main) {
        return ngx_http_webhook_gate_precontent_handler(r);
    }

    (void) ngx_http_webhook_clock_start();

    rc = ngx_http_webhook_gate_precontent_handler(r);

    ctx = ngx_http_get_module_ctx(r, ngx_http_webhook_module);

    (void) ngx_http_webhook_clock_stop(ctx);

    if (ctx && rc == NGX_DECLINED) {
        ctx->accepted = 1;
    }

    return rc;
}


/*
 * A request body filter: nginx passes on each byte of the body once, as it
 * arrives.  Here it is checked, by the clock where somebody looks at that.
 */

static ngx_int_t
ngx_http_webhook_gate_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_int_t                      rc;
    ngx_uint_t                     started;
    ngx_http_webhook_ctx_t        *ctx;
    ngx_http_webhook_main_conf_t  *wmcf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_webhook_module);

    if (ctx == NULL || !ctx->reading) {
        return ngx_http_next_request_body_filter(r, in);
    }

    wmcf = ngx_http_get_module_main_conf(r, ngx_http_webhook_module);

    started = wmcf->timed ? ngx_http_webhook_clock_start() : 0;

    rc = ngx_http_webhook_body_feed(r, ctx, in);

    if (started) {
        (void) ngx_http_webhook_clock_stop(ctx);
    }

    if (rc != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_next_request_body_filter(r, in);
}


/*
 * Hooks the gate into nginx's phases and into the reading of bodies; called
 * after ngx_http_webhook_status_init(), which knows if the clock is looked at.
 * Returns NGX_OK or NGX_ERROR.
 */

ngx_int_t
ngx_http_webhook_gate_init(ngx_conf_t *cf)
{
    ngx_http_handler_pt           *h;
    ngx_http_core_main_conf_t     *cmcf;
    ngx_http_webhook_main_conf_t  *wmcf;

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_webhook_module);
    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_ACCESS_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = wmcf->timed ? ngx_http_webhook_gate_timed_access_handler
                     : ngx_http_webhook_gate_access_handler;

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_PRECONTENT_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = wmcf->timed ? ngx_http_webhook_gate_timed_precontent_handler
                     : ngx_http_webhook_gate_precontent_handler;

    ngx_http_next_request_body_filter = ngx_http_top_request_body_filter;
    ngx_http_top_request_body_filter = ngx_http_webhook_gate_body_filter;

    return NGX_OK;
}
