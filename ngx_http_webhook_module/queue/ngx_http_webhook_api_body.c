
/*
 * webhook_api: an event with a large body.  In each turn of the event loop
 * a slice of the body is read from the store, so that nobody waits for the
 * whole of it, and no more of it than that is in memory.
 *
 * The body is gone through twice.  It is shown as text if it is UTF-8, which is
 * known at its end only, and so is the length of the answer.
 */


#include "queue/ngx_http_webhook_api_body.h"
#include "judge/ngx_http_webhook_answer.h"


/* bytes of the body in a turn: of base64, all but the last give whole groups */
#define NGX_HTTP_WEBHOOK_API_BODY_SLICE  (3 * 32 * 1024)


typedef struct {
    ngx_http_request_t         *request;
    ngx_http_webhook_queue_t   *queue;
    ngx_http_webhook_event_t    event;
    ngx_str_t                   text;      /* of the answer, up to the body */
    ngx_event_t                 event_loop;

    ngx_uint_t                  sending;   /* 0: the first time through it */
    ngx_uint_t                  binary;    /* it is not UTF-8 */
    ngx_uint_t                  last;      /* all has been made */
    uint64_t                    offset;
    uint64_t                    printed;   /* bytes, as a JSON string */

    /* of a character that is not complete: bytes, and what the next may be */
    ngx_uint_t                  need;
    u_char                      low;
    u_char                      high;

    u_char                     *slice;
    u_char                     *printing;  /* six times as large */
    ngx_buf_t                  *buf;
} ngx_http_webhook_api_body_t;


static void ngx_http_webhook_api_body_event(ngx_event_t *ev);
static void ngx_http_webhook_api_body_cleanup(void *data);
static void ngx_http_webhook_api_body_run(ngx_http_request_t *r);
static ngx_int_t ngx_http_webhook_api_body_check(
    ngx_http_webhook_api_body_t *body);
static void ngx_http_webhook_api_body_measure(
    ngx_http_webhook_api_body_t *body, u_char *p, u_char *last);
static ngx_uint_t ngx_http_webhook_api_body_begin(
    ngx_http_webhook_api_body_t *body, u_char c);
static ngx_int_t ngx_http_webhook_api_body_header(
    ngx_http_webhook_api_body_t *body);
static ngx_int_t ngx_http_webhook_api_body_send(
    ngx_http_webhook_api_body_t *body);
static ngx_int_t ngx_http_webhook_api_body_output(
    ngx_http_webhook_api_body_t *body);
static u_char *ngx_http_webhook_api_body_print(u_char *dst, u_char *p,
    u_char *last);


/* how a character below 0x20 is printed, if not by its number */
static u_char  ngx_http_webhook_api_body_escapes[] =
    "\0\0\0\0\0\0\0\0btn\0fr\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";


/*
 * Answers with "json", which is freed, and the body of an event as its last
 * member.  Returns what a content handler returns.
 */

ngx_int_t
ngx_http_webhook_api_body_answer(ngx_http_request_t *r,
    ngx_http_webhook_queue_t *queue, ngx_http_webhook_event_t *event,
    json_t *json)
{
    ngx_int_t                     rc;
    ngx_http_cleanup_t           *cln;
    ngx_http_webhook_api_body_t  *body;

    body = ngx_pcalloc(r->pool, sizeof(ngx_http_webhook_api_body_t));
    cln = ngx_http_cleanup_add(r, 0);

    if (body == NULL || cln == NULL) {
        json_decref(json);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_webhook_print_json(r->pool, json, &body->text);
    json_decref(json);

    body->slice = ngx_palloc(r->pool, NGX_HTTP_WEBHOOK_API_BODY_SLICE);
    body->buf = ngx_calloc_buf(r->pool);

    if (rc != NGX_OK || body->slice == NULL || body->buf == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    body->request = r;
    body->queue = queue;
    body->event = *event;

    body->event_loop.handler = ngx_http_webhook_api_body_event;
    body->event_loop.data = body;
    body->event_loop.log = r->connection->log;

    cln->handler = ngx_http_webhook_api_body_cleanup;
    cln->data = body;

    r->main->count++;
    r->write_event_handler = ngx_http_webhook_api_body_run;

    ngx_post_event(&body->event_loop, &ngx_posted_next_events);

    return NGX_DONE;
}


static void
ngx_http_webhook_api_body_cleanup(void *data)
{
    ngx_http_webhook_api_body_t *body = data;

    if (body->event_loop.posted) {
        ngx_delete_posted_event(&body->event_loop);
    }
}


/* The next turn of the event loop. */

static void
ngx_http_webhook_api_body_event(ngx_event_t *ev)
{
    ngx_connection_t             *c;
    ngx_http_request_t           *r;
    ngx_http_webhook_api_body_t  *body;

    body = ev->data;
    r = body->request;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    r->write_event_handler(r);

    ngx_http_run_posted_requests(c);
}


/*
 * The request's write handler: does what is to be done in this turn, once all
 * that was made before is on its way.
 */

static void
ngx_http_webhook_api_body_run(ngx_http_request_t *r)
{
    ngx_int_t                     rc;
    ngx_event_t                  *wev;
    ngx_http_cleanup_t           *cln;
    ngx_http_core_loc_conf_t     *clcf;
    ngx_http_webhook_api_body_t  *body;

    for (cln = r->cleanup;
         cln->handler != ngx_http_webhook_api_body_cleanup;
         cln = cln->next)
    {
        /* void */
    }

    body = cln->data;
    wev = r->connection->write;

    if (wev->timedout) {
        r->connection->timedout = 1;
        ngx_http_finalize_request(r, NGX_HTTP_REQUEST_TIME_OUT);
        return;
    }

    rc = NGX_OK;

    if (!body->sending) {
        rc = ngx_http_webhook_api_body_check(body);

    } else if (body->buf->pos != body->buf->last) {
        rc = ngx_http_output_filter(r, NULL);

    } else if (!body->last) {
        rc = ngx_http_webhook_api_body_send(body);
    }

    if (rc == NGX_ERROR || rc > NGX_OK
        || (body->sending && r->header_only))
    {
        ngx_http_finalize_request(r, rc);
        return;
    }

    if (body->last && body->buf->pos == body->buf->last) {
        /* what other filters have kept is nginx's own matter */
        ngx_http_finalize_request(r, rc);
        return;
    }

    if (body->sending && body->buf->pos != body->buf->last) {

        clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

        if (!wev->delayed) {
            ngx_add_timer(wev, clcf->send_timeout);
        }

        if (ngx_handle_write_event(wev, clcf->send_lowat) != NGX_OK) {
            ngx_http_finalize_request(r, NGX_ERROR);
        }

        return;
    }

    if (wev->timer_set && !wev->delayed) {
        ngx_del_timer(wev);
    }

    if (!body->event_loop.posted) {
        ngx_post_event(&body->event_loop, &ngx_posted_next_events);
    }
}


/*
 * The first time: looks at a slice, and begins to answer after the last one.
 * Returns NGX_OK, or what the request is to be finalized with.
 */

static ngx_int_t
ngx_http_webhook_api_body_check(ngx_http_webhook_api_body_t *body)
{
    size_t     n;
    ngx_int_t  rc;

    n = (size_t) ngx_min(body->event.body - body->offset,
                         NGX_HTTP_WEBHOOK_API_BODY_SLICE);

    rc = ngx_http_webhook_spool_read_body(body->queue->store, &body->event,
                                          body->offset, body->slice, n);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_HTTP_NOT_FOUND
                                    : NGX_HTTP_SERVICE_UNAVAILABLE;
    }

    ngx_http_webhook_api_body_measure(body, body->slice, body->slice + n);

    body->offset += n;

    if (!body->binary && body->offset < body->event.body) {
        return NGX_OK;
    }

    if (body->need) {
        body->binary = 1;
    }

    if (body->binary) {
        body->printed = (body->event.body + 2) / 3 * 4;
    }

    return ngx_http_webhook_api_body_header(body);
}


/*
 * Adds the length that a slice has as a JSON string, and takes note of what is
 * not UTF-8, as RFC 3629 has it.
 */

static void
ngx_http_webhook_api_body_measure(ngx_http_webhook_api_body_t *body, u_char *p,
    u_char *last)
{
    uint64_t  printed;

    printed = body->printed;

    for ( /* void */ ; p < last; p++) {

        if (body->need) {

            if (*p < body->low || *p > body->high) {
                body->binary = 1;
                return;
            }

            body->low = 0x80;
            body->high = 0xbf;
            body->need--;
            printed++;

        } else if (*p >= 0x80) {

            if (!ngx_http_webhook_api_body_begin(body, *p)) {
                body->binary = 1;
                return;
            }

            printed++;

        } else if (*p < 0x20) {
            printed += ngx_http_webhook_api_body_escapes[*p] ? 2 : 6;

        } else {
            printed += (*p == '"' || *p == '\\') ? 2 : 1;
        }
    }

    body->printed = printed;
}


/* Begins a character of several bytes; returns 0 if none begins with "c". */

static ngx_uint_t
ngx_http_webhook_api_body_begin(ngx_http_webhook_api_body_t *body, u_char c)
{
    body->low = 0x80;
    body->high = 0xbf;

    if (c >= 0xc2 && c <= 0xdf) {
        body->need = 1;

    } else if (c >= 0xe0 && c <= 0xef) {
        body->need = 2;

        if (c == 0xe0) {
            body->low = 0xa0;

        } else if (c == 0xed) {
            body->high = 0x9f;
        }

    } else if (c >= 0xf0 && c <= 0xf4) {
        body->need = 3;

        if (c == 0xf0) {
            body->low = 0x90;

        } else if (c == 0xf4) {
            body->high = 0x8f;
        }
    }

    return body->need != 0;
}


/* Sends the header, and makes the answer's text up to the body. */

static ngx_int_t
ngx_http_webhook_api_body_header(ngx_http_webhook_api_body_t *body)
{
    u_char              *p;
    ngx_int_t            rc;
    ngx_str_t            name;
    ngx_http_request_t  *r;

    r = body->request;

    if (body->binary) {
        ngx_str_set(&name, ",\"body_base64\":\"");

    } else {
        ngx_str_set(&name, ",\"body\":\"");
    }

    /* the last brace comes behind the body */

    body->text.len--;

    p = ngx_pnalloc(r->pool, body->text.len + name.len);
    body->printing = ngx_palloc(r->pool, 6 * NGX_HTTP_WEBHOOK_API_BODY_SLICE);

    if (p == NULL || body->printing == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    body->buf->pos = p;
    p = ngx_cpymem(p, body->text.data, body->text.len);
    p = ngx_cpymem(p, name.data, name.len);
    body->buf->last = p;
    body->buf->memory = 1;

    body->offset = 0;
    body->sending = 1;

    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = (p - body->buf->pos) + body->printed
                                      + sizeof("\"}\n") - 1;
    r->disable_not_modified = 1;

    ngx_str_set(&r->headers_out.content_type, "application/json");
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    return ngx_http_webhook_api_body_output(body);
}


/* Sends the next slice.  Returns NGX_ERROR if the event is gone meanwhile. */

static ngx_int_t
ngx_http_webhook_api_body_send(ngx_http_webhook_api_body_t *body)
{
    size_t      n;
    ngx_int_t   rc;
    ngx_str_t   src, dst;
    ngx_buf_t  *b;

    b = body->buf;

    n = (size_t) ngx_min(body->event.body - body->offset,
                         NGX_HTTP_WEBHOOK_API_BODY_SLICE);

    rc = ngx_http_webhook_spool_read_body(body->queue->store, &body->event,
                                          body->offset, body->slice, n);

    if (rc != NGX_OK) {
        ngx_log_error(NGX_LOG_INFO, body->request->connection->log, 0,
                      "webhook queue \"%V\": an event is gone, or can't be "
                      "read, while it is shown", &body->queue->name);
        return NGX_ERROR;
    }

    body->offset += n;

    b->pos = body->printing;

    if (body->binary) {
        src.len = n;
        src.data = body->slice;
        dst.data = body->printing;

        ngx_encode_base64(&dst, &src);
        b->last = dst.data + dst.len;

    } else {
        b->last = ngx_http_webhook_api_body_print(body->printing, body->slice,
                                                  body->slice + n);
    }

    if (body->offset == body->event.body) {
        body->last = 1;

        b->last = ngx_cpymem(b->last, "\"}\n", 3);
        b->last_buf = (body->request == body->request->main);
        b->last_in_chain = 1;
    }

    return ngx_http_webhook_api_body_output(body);
}


static ngx_int_t
ngx_http_webhook_api_body_output(ngx_http_webhook_api_body_t *body)
{
    ngx_chain_t  out;

    body->buf->flush = 1;

    out.buf = body->buf;
    out.next = NULL;

    return ngx_http_output_filter(body->request, &out);
}


/* Prints a part of a text as within a JSON string; returns its end. */

static u_char *
ngx_http_webhook_api_body_print(u_char *dst, u_char *p, u_char *last)
{
    for ( /* void */ ; p < last; p++) {

        if (*p == '"' || *p == '\\') {
            *dst++ = '\\';
            *dst++ = *p;

        } else if (*p >= 0x20) {
            *dst++ = *p;

        } else if (ngx_http_webhook_api_body_escapes[*p]) {
            *dst++ = '\\';
            *dst++ = ngx_http_webhook_api_body_escapes[*p];

        } else {
            dst = ngx_sprintf(dst, "\\u00%02Xi", (ngx_int_t) *p);
        }
    }

    return dst;
}
