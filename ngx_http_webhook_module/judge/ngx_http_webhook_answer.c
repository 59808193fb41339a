
/* Answers that the module makes itself, and how a request waits for one. */


#include "judge/ngx_http_webhook_answer.h"


/* Thirteen digits are enough for a time with its milliseconds. */
#define NGX_HTTP_WEBHOOK_JSON_FLAGS  (JSON_COMPACT|JSON_REAL_PRECISION(13))


static void ngx_http_webhook_resumed(ngx_http_request_t *r);


/*
 * Keeps a request until ngx_http_webhook_resume() is called, and has "next"
 * called then, which returns what a content handler returns.  The request is
 * not freed before, whatever happens to its connection.  Returns NGX_DONE, for
 * the content handler to return.
 */

ngx_int_t
ngx_http_webhook_suspend(ngx_http_request_t *r, ngx_http_webhook_ctx_t *ctx,
    ngx_http_webhook_step_pt next)
{
    ctx->next = next;

    r->main->blocked++;
    r->main->count++;
    r->aio = 1;

    r->write_event_handler = ngx_http_webhook_resumed;

    return NGX_DONE;
}


/*
 * Goes on with a request that ngx_http_webhook_suspend() has kept.  It must be
 * called from the event loop, and not while an event of the request's own
 * connection is handled.  The request may be freed by the time it returns.
 */

void
ngx_http_webhook_resume(ngx_http_request_t *r)
{
    ngx_connection_t  *c;

    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    r->main->blocked--;
    r->aio = 0;

    /* nginx has set its own handler if it terminated the request meanwhile */

    r->write_event_handler(r);

    ngx_http_run_posted_requests(c);
}


static void
ngx_http_webhook_resumed(ngx_http_request_t *r)
{
    ngx_http_webhook_ctx_t  *ctx;

    if (r->aio) {
        /* the connection became writable, and the request still waits */
        return;
    }

    r->write_event_handler = ngx_http_request_empty_handler;

    ctx = ngx_http_get_module_ctx(r, ngx_http_webhook_module);

    ngx_http_finalize_request(r, ctx->next(r, ctx));
}


/*
 * Is the handler of an operation on the registry whose "data" is the request
 * that waits for it.
 */

void
ngx_http_webhook_resume_op(ngx_http_webhook_registry_op_t *op)
{
    ngx_http_webhook_resume(op->data);
}


/*
 * Sends a JSON answer: "out", whose buffers have "len" bytes together, and the
 * line's end that every JSON answer of the module has.  "out" is added to.
 * Conditional headers are not looked at, since a change that has been made must
 * not be answered with 304 or 412.  Returns what a content handler returns.
 */

ngx_int_t
ngx_http_webhook_send_json(ngx_http_request_t *r, ngx_uint_t status,
    ngx_chain_t *out, off_t len)
{
    ngx_int_t     rc;
    ngx_buf_t    *b;
    ngx_chain_t  *cl, end;

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    b->pos = (u_char *) "\n";
    b->last = b->pos + 1;
    b->memory = 1;
    b->last_buf = (r == r->main);
    b->last_in_chain = 1;

    end.buf = b;
    end.next = NULL;

    for (cl = out; cl->next; cl = cl->next) { /* void */ }

    cl->next = &end;

    r->headers_out.status = status;
    r->headers_out.content_length_n = len + 1;
    r->disable_not_modified = 1;

    ngx_str_set(&r->headers_out.content_type, "application/json");
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    return ngx_http_output_filter(r, out);
}


/*
 * Answers with "json", which may be NULL if there was no memory, and frees it.
 * A request's body that is still to come is discarded.  Returns what a content
 * handler returns.
 */

ngx_int_t
ngx_http_webhook_answer_json(ngx_http_request_t *r, ngx_uint_t status,
    json_t *json)
{
    ngx_int_t     rc;
    ngx_buf_t    *b;
    ngx_str_t     text;
    ngx_chain_t   out;

    rc = ngx_http_webhook_print_json(r->pool, json, &text);
    json_decref(json);

    b = ngx_calloc_buf(r->pool);

    if (rc != NGX_OK || b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    b->pos = text.data;
    b->last = text.data + text.len;
    b->memory = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_webhook_send_json(r, status, &out, text.len);
}


/*
 * Prints "json" into "text", whose memory is of "pool".  "json" may be NULL, as
 * it is when there was no memory to make it, and still belongs to the caller.
 * Returns NGX_OK, or NGX_ERROR if there is no memory.
 */

ngx_int_t
ngx_http_webhook_print_json(ngx_pool_t *pool, json_t *json, ngx_str_t *text)
{
    text->len = json ? json_dumpb(json, NULL, 0, NGX_HTTP_WEBHOOK_JSON_FLAGS)
                     : 0;

    if (text->len == 0) {
        return NGX_ERROR;
    }

    text->data = ngx_pnalloc(pool, text->len);
    if (text->data == NULL) {
        return NGX_ERROR;
    }

    return json_dumpb(json, (char *) text->data, text->len,
                      NGX_HTTP_WEBHOOK_JSON_FLAGS)
           == text->len ? NGX_OK : NGX_ERROR;
}
