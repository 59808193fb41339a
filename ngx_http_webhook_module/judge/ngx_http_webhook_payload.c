
/* What a payload is refused for, and what event it is when it is not. */


#include "judge/ngx_http_webhook_payload.h"
#include "core/ngx_http_webhook_ctx.h"
#include "judge/ngx_http_webhook_event.h"


/*
 * Verdicts on a payload: the index is what ngx_http_webhook_shape_finish() and
 * ngx_http_webhook_shape_judge() return.
 */

static ngx_http_webhook_verdict_t  ngx_http_webhook_payload_verdicts[] = {

    { 0, 0, ngx_null_string, ngx_null_string, 0 },

    /* NGX_HTTP_WEBHOOK_SHAPE_EMPTY */
    ngx_http_webhook_verdict(NGX_HTTP_BAD_REQUEST, empty_body,
                             "the body is empty"),

    /* NGX_HTTP_WEBHOOK_SHAPE_SYNTAX, with the offset where it is wrong */
    { NGX_HTTP_BAD_REQUEST, ngx_http_webhook_reason_invalid_json,
      ngx_string("the body is not valid JSON"), ngx_null_string, 1 },

    /* NGX_HTTP_WEBHOOK_SHAPE_DOCUMENT */
    ngx_http_webhook_verdict(NGX_HTTP_BAD_REQUEST, invalid_field,
                             "the body must be a JSON object"),

    /* NGX_HTTP_WEBHOOK_SHAPE_DUPLICATE */
    ngx_http_webhook_verdict(NGX_HTTP_BAD_REQUEST, duplicate_field,
                             "is there more than once"),

    /* NGX_HTTP_WEBHOOK_SHAPE_MISSING */
    ngx_http_webhook_verdict(NGX_HTTP_BAD_REQUEST, missing_field,
                             "is required"),

    /* NGX_HTTP_WEBHOOK_SHAPE_INVALID, the message is that of the type */
    ngx_http_webhook_verdict(NGX_HTTP_BAD_REQUEST, invalid_field, "")
};


/* NGX_HTTP_WEBHOOK_SHAPE_DOCUMENT of a shape that is looked for in an array */

static ngx_http_webhook_verdict_t  ngx_http_webhook_payload_no_array =
    ngx_http_webhook_verdict(NGX_HTTP_BAD_REQUEST, invalid_field,
                             "the body must be a JSON array");


/*
 * Checks the payload by the shape of the method when all of it has been read,
 * and finds out what it is an event of.  Returns NGX_OK, or NGX_ABORT with a
 * verdict.
 */

ngx_int_t
ngx_http_webhook_payload_judge(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx)
{
    ngx_int_t                  rc;
    ngx_http_webhook_field_t  *field;

    field = NULL;

    rc = ngx_http_webhook_shape_finish(&ctx->reader);

    if (rc == NGX_OK) {
        ctx->judged = 1;

        if (ctx->method->event) {
            ngx_http_webhook_event_name(r, ctx);
        }

        rc = ngx_http_webhook_shape_judge(&ctx->reader, ctx->event, &field);
    }

    if (rc != NGX_OK) {
        return ngx_http_webhook_payload_reject(ctx, &ctx->reader, rc, field);
    }

    return ctx->method->event ? ngx_http_webhook_event_check(ctx) : NGX_OK;
}


/*
 * Refuses a payload for what is wrong with it, "rc", as the functions of the
 * shape tell it, and "field", which may be NULL.  Returns NGX_ABORT.
 */

ngx_int_t
ngx_http_webhook_payload_reject(ngx_http_webhook_ctx_t *ctx,
    ngx_http_webhook_reader_t *reader, ngx_int_t rc,
    ngx_http_webhook_field_t *field)
{
    ngx_http_webhook_verdict_t  *verdict;

    verdict = &ngx_http_webhook_payload_verdicts[rc];

    if (rc == NGX_HTTP_WEBHOOK_SHAPE_DOCUMENT
        && reader->shape->document == NGX_HTTP_WEBHOOK_JSON_ARRAY)
    {
        verdict = &ngx_http_webhook_payload_no_array;
    }

    return ngx_http_webhook_reject(ctx, verdict, field);
}
