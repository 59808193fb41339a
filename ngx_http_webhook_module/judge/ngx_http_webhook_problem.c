
/*
 * Error bodies, in each system's own envelope.
 *
 * A refused request goes the way of nginx's own errors: its status is
 * returned, and nginx makes a special response of it, unless "error_page"
 * leads elsewhere. Two filters then put our body in the place of nginx's page.
 */


#include "judge/ngx_http_webhook_problem.h"
#include "core/ngx_http_webhook_ctx.h"
#include "judge/ngx_http_webhook_challenge.h"


/* Retry-After of a 503, in seconds */
#define NGX_HTTP_WEBHOOK_RETRY_AFTER   "10"

/* more than the longest body that the tables can make, without paths */
#define NGX_HTTP_WEBHOOK_PROBLEM_SIZE  512


/* A refusal that another module may still overrule, under "satisfy any". */

typedef struct {
    ngx_http_request_t      *request;
    ngx_http_webhook_ctx_t  *ctx;
} ngx_http_webhook_pending_t;


static ngx_int_t ngx_http_webhook_problem_log(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx);
static void ngx_http_webhook_problem_log_pending(void *data);
static void ngx_http_webhook_problem_log_verdict(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx);
static ngx_int_t ngx_http_webhook_problem_headers(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx);
static ngx_int_t ngx_http_webhook_problem_body(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx);
static ngx_int_t ngx_http_webhook_problem_path(ngx_http_request_t *r,
    ngx_str_t *text, ngx_str_t *path);
static ngx_str_t *ngx_http_webhook_problem_phrase(ngx_uint_t status);
static ngx_int_t ngx_http_webhook_problem_header_filter(ngx_http_request_t *r);
static ngx_int_t ngx_http_webhook_problem_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in);


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;
static ngx_http_output_body_filter_pt    ngx_http_next_body_filter;


/* The envelope of RFC 9457, for all systems without one of their own. */

static ngx_http_webhook_part_t  ngx_http_webhook_problem_parts[] = {
    { ngx_string("{\"type\":\"about:blank\",\"title\":\""),
      NGX_HTTP_WEBHOOK_PART_PHRASE },
    { ngx_string("\",\"status\":"), NGX_HTTP_WEBHOOK_PART_STATUS },
    { ngx_string(",\"detail\":\""), NGX_HTTP_WEBHOOK_PART_MESSAGE },
    { ngx_null_string, 0 }
};


ngx_http_webhook_envelope_t  ngx_http_webhook_problem_json = {
    ngx_string("application/problem+json"),
    ngx_http_webhook_problem_parts
};


/* Reason phrases of statuses, as RFC 9110, section 15, has them. */

static struct {
    ngx_uint_t  status;
    ngx_str_t   phrase;
} ngx_http_webhook_phrases[] = {
    { 400, ngx_string("Bad Request") },
    { 401, ngx_string("Unauthorized") },
    { 403, ngx_string("Forbidden") },
    { 404, ngx_string("Not Found") },
    { 405, ngx_string("Method Not Allowed") },
    { 409, ngx_string("Conflict") },
    { 415, ngx_string("Unsupported Media Type") },
    { 503, ngx_string("Service Unavailable") },
    { 0, ngx_string("Error") }
};


/*
 * Answers with ctx->verdict.  Returns the status for a phase handler to return,
 * or 500 if there is no memory.
 */

ngx_int_t
ngx_http_webhook_problem(ngx_http_request_t *r, ngx_http_webhook_ctx_t *ctx)
{
    if (ngx_http_webhook_problem_log(r, ctx) != NGX_OK
        || ngx_http_webhook_problem_headers(r, ctx) != NGX_OK
        || ngx_http_webhook_problem_body(r, ctx) != NGX_OK)
    {
        ctx->problem.len = 0;
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->keepalive = r->keepalive;

    return ctx->verdict->status;
}


/*
 * Refuses in the content phase: sets the verdict, as ngx_http_webhook_reject()
 * does, and returns what a content handler returns.
 */

ngx_int_t
ngx_http_webhook_refuse(ngx_http_request_t *r, ngx_http_webhook_ctx_t *ctx,
    ngx_http_webhook_verdict_t *verdict, ngx_http_webhook_field_t *field)
{
    (void) ngx_http_webhook_reject(ctx, verdict, field);

    return ngx_http_webhook_problem(r, ctx);
}


/*
 * Logs a refusal.  Under "satisfy any" another module may still grant access,
 * so that a 401 of the access phase is logged when the request ends.
 */

static ngx_int_t
ngx_http_webhook_problem_log(ngx_http_request_t *r, ngx_http_webhook_ctx_t *ctx)
{
    ngx_http_cleanup_t          *cln;
    ngx_http_core_loc_conf_t    *clcf;
    ngx_http_webhook_pending_t  *pending;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (ctx->started
        || clcf->satisfy != NGX_HTTP_SATISFY_ANY
        || ctx->verdict->status != NGX_HTTP_UNAUTHORIZED)
    {
        ngx_http_webhook_problem_log_verdict(r, ctx);
        return NGX_OK;
    }

    cln = ngx_http_cleanup_add(r, sizeof(ngx_http_webhook_pending_t));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    pending = cln->data;
    pending->request = r;
    pending->ctx = ctx;

    cln->handler = ngx_http_webhook_problem_log_pending;
    ctx->pending = 1;

    return NGX_OK;
}


static void
ngx_http_webhook_problem_log_pending(void *data)
{
    ngx_http_webhook_pending_t *pending = data;

    /* nginx clears the code when it has refused or granted the access */

    if (pending->ctx->pending && pending->request->access_code == 0) {
        ngx_http_webhook_problem_log_verdict(pending->request, pending->ctx);
    }
}


static void
ngx_http_webhook_problem_log_verdict(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx)
{
    ngx_str_t  *name, *reason;

    name = &ctx->conf->provider->name;
    reason = &ngx_http_webhook_reasons[ctx->verdict->reason];

    if (ctx->field) {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "webhook %V refused: %V \"%V\"",
                      name, reason, &ctx->field->path);
        return;
    }

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "webhook %V refused: %V", name, reason);
}


/* Adds the header that RFC 9110 wants beside a 401, a 405 or a 503. */

static ngx_int_t
ngx_http_webhook_problem_headers(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx)
{
    ngx_str_t          allow, *scheme;
    ngx_table_elt_t   *header;
    static ngx_str_t   retry_after = ngx_string(NGX_HTTP_WEBHOOK_RETRY_AFTER);

    switch (ctx->verdict->status) {

    case NGX_HTTP_UNAUTHORIZED:

        scheme = &ctx->conf->provider->scheme;

        if (ctx->challenge) {
            scheme = ctx->challenge;

        } else if (scheme->len == 0) {
            scheme = &ctx->conf->challenge;
        }

        header = ngx_http_webhook_add_header(r, "WWW-Authenticate", scheme);

        /* nginx takes it back if "satisfy any" lets the request pass */
        r->headers_out.www_authenticate = header;
        ctx->www_authenticate = header;
        break;

    case NGX_HTTP_NOT_ALLOWED:

        if (ngx_http_webhook_challenge_allow(r, ctx, &allow) != NGX_OK) {
            return NGX_ERROR;
        }

        header = ngx_http_webhook_add_header(r, "Allow", &allow);
        break;

    case NGX_HTTP_SERVICE_UNAVAILABLE:
        header = ngx_http_webhook_add_header(r, "Retry-After", &retry_after);
        break;

    default:
        return NGX_OK;
    }

    return header ? NGX_OK : NGX_ERROR;
}


/*
 * Prints the error body.  But for the path, which the configuration may have
 * written, nothing in it needs escaping: status, reason, message and offset are
 * all numbers, or from tables.
 */

static ngx_int_t
ngx_http_webhook_problem_body(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx)
{
    size_t                       size;
    u_char                      *last, *p;
    ngx_str_t                   *message, *reason, path;
    ngx_http_webhook_part_t     *part;
    ngx_http_webhook_verdict_t  *verdict;

    ngx_str_null(&path);

    if (ctx->field
        && ngx_http_webhook_problem_path(r, &ctx->field->path, &path)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    size = NGX_HTTP_WEBHOOK_PROBLEM_SIZE + 2 * path.len;

    p = ngx_pnalloc(r->pool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ctx->problem.data = p;
    last = p + size;

    verdict = ctx->verdict;

    part = ctx->conf->provider->envelope->parts;

    for ( /* void */ ; part->prefix.len; part++) {

        p = ngx_slprintf(p, last, "%V", &part->prefix);

        switch (part->value) {

        case NGX_HTTP_WEBHOOK_PART_STATUS:
            p = ngx_slprintf(p, last, "%ui", verdict->status);
            break;

        case NGX_HTTP_WEBHOOK_PART_PHRASE:
            p = ngx_slprintf(p, last, "%V",
                             ngx_http_webhook_problem_phrase(verdict->status));
            break;

        default: /* NGX_HTTP_WEBHOOK_PART_MESSAGE */

            if (ctx->field) {
                p = ngx_slprintf(p, last, "%V ", &path);
            }

            message = verdict->message.len
                      ? &verdict->message
                      : ngx_http_webhook_shape_expected(ctx->field);

            p = ngx_slprintf(p, last, "%V", message);
            break;
        }
    }

    reason = verdict->alias.len ? &verdict->alias
                                : &ngx_http_webhook_reasons[verdict->reason];

    p = ngx_slprintf(p, last, "\",\"reason\":\"%V\"", reason);

    if (ctx->field) {
        p = ngx_slprintf(p, last, ",\"field\":\"%V\"", &path);
    }

    if (verdict->offset) {
        p = ngx_slprintf(p, last, ",\"offset\":%O", ctx->reader.json.offset);
    }

    p = ngx_slprintf(p, last, "}\n");

    ctx->problem.len = p - ctx->problem.data;

    return NGX_OK;
}


/* Sets "path" to a member's path as the middle of a JSON string. */

static ngx_int_t
ngx_http_webhook_problem_path(ngx_http_request_t *r, ngx_str_t *text,
    ngx_str_t *path)
{
    size_t  n;

    *path = *text;

    n = ngx_escape_json(NULL, text->data, text->len);

    if (n == 0) {
        return NGX_OK;
    }

    path->len = text->len + n;
    path->data = ngx_pnalloc(r->pool, path->len);
    if (path->data == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_escape_json(path->data, text->data, text->len);

    return NGX_OK;
}


static ngx_str_t *
ngx_http_webhook_problem_phrase(ngx_uint_t status)
{
    ngx_uint_t  i;

    for (i = 0; ngx_http_webhook_phrases[i].status; i++) {
        if (ngx_http_webhook_phrases[i].status == status) {
            break;
        }
    }

    return &ngx_http_webhook_phrases[i].phrase;
}


/*
 * Sets the headers of the error body.  Only nginx's special response has
 * r->err_status, and only one that no "error_page" has led away from still has
 * the module's context beside it.
 */

static ngx_int_t
ngx_http_webhook_problem_header_filter(ngx_http_request_t *r)
{
    ngx_str_t               *type;
    ngx_http_webhook_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_webhook_module);

    if (ctx == NULL
        || ctx->problem.len == 0
        || ctx->verdict == NULL
        || ctx->verdict->status != r->err_status)
    {
        return ngx_http_next_header_filter(r);
    }

    type = &ctx->conf->provider->envelope->content_type;

    r->headers_out.content_type = *type;
    r->headers_out.content_type_len = type->len;
    r->headers_out.content_type_lowcase = NULL;

    r->headers_out.content_length_n = ctx->problem.len;

    if (r->headers_out.content_length) {
        r->headers_out.content_length->hash = 0;
        r->headers_out.content_length = NULL;
    }

    /*
     * nginx closes the connection after a 400, for it may not know where the
     * next request begins; it does if there is no body that is still to come
     */

    if (r->err_status == NGX_HTTP_BAD_REQUEST
        && (ctx->read
            || (r->headers_in.content_length_n <= 0
                && !r->headers_in.chunked)))
    {
        r->keepalive = ctx->keepalive;
    }

    ctx->replace = 1;

    return ngx_http_next_header_filter(r);
}


static ngx_int_t
ngx_http_webhook_problem_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_buf_t               *b;
    ngx_chain_t             *cl, out;
    ngx_http_webhook_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_webhook_module);

    if (ctx == NULL || !ctx->replace || in == NULL) {
        return ngx_http_next_body_filter(r, in);
    }

    for (cl = in; cl; cl = cl->next) {
        cl->buf->pos = cl->buf->last;
    }

    if (ctx->replaced) {
        return ngx_http_next_body_filter(r, NULL);
    }

    ctx->replaced = 1;

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->pos = ctx->problem.data;
    b->last = ctx->problem.data + ctx->problem.len;
    b->memory = 1;
    b->last_buf = 1;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_next_body_filter(r, &out);
}


/* Hooks the filters in; called after the configuration has been read. */

void
ngx_http_webhook_problem_init(void)
{
    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_webhook_problem_header_filter;

    ngx_http_next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx_http_webhook_problem_body_filter;
}
