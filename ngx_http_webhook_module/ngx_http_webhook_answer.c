
/* what the module answers itself, and how a request waits for the store */


#include "ngx_http_webhook.h"


/*
 * Keeps a request until ngx_http_webhook_resume().  The store will answer for
 * it, so that it must not go away before, whatever its connection does.
 * Returns NGX_DONE for the content handler to return.
 */

ngx_int_t
ngx_http_webhook_suspend(ngx_http_request_t *r,
    ngx_http_event_handler_pt handler)
{
    r->main->blocked++;
    r->main->count++;
    r->aio = 1;

    r->write_event_handler = handler;

    return NGX_DONE;
}


/*
 * Called from the event loop, not from the request's connection.  Calls the
 * handler, which must do nothing while r->aio is set, unless nginx has put its
 * own there because the request was terminated meanwhile.
 */

void
ngx_http_webhook_resume(ngx_http_request_t *r)
{
    ngx_connection_t  *c;

    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    r->main->blocked--;
    r->aio = 0;

    r->write_event_handler(r);

    ngx_http_run_posted_requests(c);
}


/* sends a JSON answer of "len" bytes; returns what a content handler returns */

ngx_int_t
ngx_http_webhook_send_json(ngx_http_request_t *r, ngx_uint_t status,
    ngx_chain_t *out, off_t len)
{
    ngx_int_t     rc;
    ngx_chain_t  *cl;

    r->headers_out.status = status;
    r->headers_out.content_length_n = len;

    ngx_str_set(&r->headers_out.content_type, "application/json");
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    for (cl = out; cl->next; cl = cl->next) { /* void */ }

    cl->buf->last_buf = (r == r->main);
    cl->buf->last_in_chain = 1;

    return ngx_http_output_filter(r, out);
}
