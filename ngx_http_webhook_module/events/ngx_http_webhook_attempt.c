
/*
 * An attempt to deliver an event: a request without a client, which runs
 * through the location that says "webhook_deliver".  Its connection leads to
 * nobody.  Its content handler sends the event, and what the handler passes to
 * the filters is the answer.
 */


#include "events/ngx_http_webhook_attempt.h"
#include "events/ngx_http_webhook_reply.h"
#include "core/ngx_http_webhook_ctx.h"
#include "queue/ngx_http_webhook_kept.h"
#include "queue/ngx_http_webhook_wake.h"


/* bytes of an answer that are read, so that its connection can be kept */
#define NGX_HTTP_WEBHOOK_ANSWER_MAX      (1024 * 1024)

/*
 * Milliseconds that an attempt may take if it is for an endpoint, which anybody
 * may run, and "timeout=" is not set.
 */

#define NGX_HTTP_WEBHOOK_TIMEOUT         60000


/* what a request without a client needs of a connection */

typedef struct {
    ngx_http_connection_t             hc;           /* must be the first */
    ngx_http_addr_conf_t              addr_conf;
    ngx_http_log_ctx_t                log_ctx;
    ngx_log_t                         log;
    ngx_http_webhook_attempt_t       *attempt;
} ngx_http_webhook_attempt_conn_t;


static ngx_connection_t *ngx_http_webhook_attempt_connection(
    ngx_http_webhook_queue_t *queue);
static ngx_int_t ngx_http_webhook_attempt_request(ngx_http_request_t *r,
    ngx_http_webhook_attempt_t *attempt);
static ngx_int_t ngx_http_webhook_attempt_addresses(ngx_http_request_t *r,
    ngx_http_webhook_message_t *message);
static ngx_int_t ngx_http_webhook_attempt_line(ngx_http_request_t *r,
    ngx_http_webhook_message_t *message, ngx_http_core_loc_conf_t *clcf);
static ngx_int_t ngx_http_webhook_attempt_headers(ngx_http_request_t *r,
    ngx_http_webhook_message_t *message, size_t length);
static ngx_int_t ngx_http_webhook_attempt_body(ngx_http_request_t *r,
    ngx_str_t *body, ngx_uint_t outbound);
static void ngx_http_webhook_attempt_go(ngx_http_request_t *r, ngx_int_t rc);
static void ngx_http_webhook_attempt_arm_timeout(ngx_http_request_t *r);
static void ngx_http_webhook_attempt_timeout(ngx_event_t *ev);
static void ngx_http_webhook_attempt_abandon(ngx_http_request_t *r);
static void ngx_http_webhook_attempt_finished(void *data);
static u_char *ngx_http_webhook_attempt_log(ngx_log_t *log, u_char *buf,
    size_t len);
static void ngx_http_webhook_attempt_event(ngx_event_t *ev);
static ngx_chain_t *ngx_http_webhook_attempt_send_chain(ngx_connection_t *c,
    ngx_chain_t *in, off_t limit);
static ngx_http_webhook_attempt_t *ngx_http_webhook_attempt_of(
    ngx_http_request_t *r);
static ngx_int_t ngx_http_webhook_attempt_access(ngx_http_request_t *r);
static ngx_int_t ngx_http_webhook_attempt_header_filter(ngx_http_request_t *r);
static ngx_int_t ngx_http_webhook_attempt_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in);


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;
static ngx_http_output_body_filter_pt    ngx_http_next_body_filter;


/*
 * Begins an attempt: attempt->queue, sc.event, "handler" and "data" must be
 * set, "probe" may be, and all else be zero.  Returns NGX_OK if "handler" will
 * be called once the attempt has ended, or has been called already.  Returns
 * NGX_ERROR if nothing has begun, for want of memory, connections, or the
 * store.
 */

ngx_int_t
ngx_http_webhook_attempt_begin(ngx_http_webhook_attempt_t *attempt)
{
    ngx_int_t                         rc;
    ngx_connection_t                 *c;
    ngx_http_cleanup_t               *cln;
    ngx_http_request_t               *r;
    ngx_http_webhook_ctx_t           *ctx;
    ngx_http_webhook_attempt_conn_t  *ac;

    c = ngx_http_webhook_attempt_connection(attempt->queue);
    if (c == NULL) {
        return NGX_ERROR;
    }

    ac = c->data;
    ac->attempt = attempt;

    r = ngx_http_create_request(c);
    if (r == NULL) {
        ngx_http_close_connection(c);
        return NGX_ERROR;
    }

    c->data = r;

    cln = ngx_http_cleanup_add(r, 0);
    if (cln == NULL) {
        ngx_http_webhook_attempt_abandon(r);
        return NGX_ERROR;
    }

    attempt->start = ngx_current_msec;
    attempt->retry_after = -1;

    rc = ngx_http_webhook_attempt_request(r, attempt);

    if (rc == NGX_ERROR) {
        ngx_http_webhook_attempt_abandon(r);
        return NGX_ERROR;
    }

    cln->handler = ngx_http_webhook_attempt_finished;
    cln->data = attempt;

    if (rc == NGX_DECLINED) {

        ngx_log_error(NGX_LOG_ERR, c->log, 0,
                      "webhook queue \"%V\" has an invalid event %uL",
                      &attempt->queue->name, attempt->sc.event.seq);

        attempt->status = NGX_HTTP_WEBHOOK_GONE;
        ngx_http_webhook_attempt_abandon(r);

        return NGX_OK;
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_webhook_module);

    attempt->outbound = ctx->delivery->outbound;

    if (attempt->outbound) {
        attempt->outbound->handler = ngx_http_webhook_attempt_go;

        rc = ngx_http_webhook_outbound_begin(r, attempt->outbound);

        if (rc == NGX_AGAIN) {
            return NGX_OK;
        }
    }

    ngx_http_webhook_attempt_go(r, rc);

    return NGX_OK;
}


/*
 * Makes a connection that leads to nobody.  Its descriptor is one that nginx
 * can close; nginx takes its events for set already, and so never asks the
 * kernel for them.  Returns NULL if there is none.
 */

static ngx_connection_t *
ngx_http_webhook_attempt_connection(ngx_http_webhook_queue_t *queue)
{
    ngx_log_t                        *log;
    ngx_connection_t                 *c;
    ngx_http_webhook_attempt_conn_t  *ac;

    c = ngx_http_webhook_wake_connection(queue);
    if (c == NULL) {
        return NULL;
    }

    log = c->log;

    c->pool = ngx_create_pool(1024, log);
    if (c->pool == NULL) {
        ngx_close_connection(c);
        return NULL;
    }

#if (NGX_STAT_STUB)
    /* nginx counts it down when it closes it */
    (void) ngx_atomic_fetch_add(ngx_stat_active, 1);
#endif

    ac = ngx_pcalloc(c->pool, sizeof(ngx_http_webhook_attempt_conn_t));
    if (ac == NULL) {
        goto failed;
    }

    c->buffer = ngx_calloc_buf(c->pool);
    if (c->buffer == NULL) {
        goto failed;
    }

    ac->hc.conf_ctx = queue->cscf->ctx;
    ac->hc.addr_conf = &ac->addr_conf;
    ac->addr_conf.default_server = queue->cscf;

    ac->log = *log;
    ac->log.handler = ngx_http_webhook_attempt_log;
    ac->log.data = &ac->log_ctx;
    ac->log.action = "delivering an event";
    ac->log_ctx.connection = c;

    c->data = &ac->hc;
    c->log = &ac->log;
    c->pool->log = &ac->log;
    c->read->log = &ac->log;
    c->write->log = &ac->log;
    c->log_error = NGX_ERROR_INFO;

    c->number = ngx_atomic_fetch_add(ngx_connection_counter, 1);
    ac->log.connection = c->number;
#if (nginx_version >= 1019010)
    c->start_time = ngx_current_msec;
#endif

    c->read->handler = ngx_http_webhook_attempt_event;
    c->write->handler = ngx_http_webhook_attempt_event;
    c->read->active = 1;
    c->write->active = 1;
    c->write->ready = 1;

    /* nothing will come: nginx must not linger */
    c->read->eof = 1;

    c->send_chain = ngx_http_webhook_attempt_send_chain;
    c->tcp_nodelay = NGX_TCP_NODELAY_DISABLED;
    c->tcp_nopush = NGX_TCP_NOPUSH_DISABLED;

    return c;

failed:

    ngx_http_close_connection(c);

    return NULL;
}


/*
 * Makes the request out of what the queue has kept.  Returns NGX_OK,
 * NGX_DECLINED if the event is not one that this module has written, or
 * NGX_ERROR.
 */

static ngx_int_t
ngx_http_webhook_attempt_request(ngx_http_request_t *r,
    ngx_http_webhook_attempt_t *attempt)
{
    ngx_int_t                     rc;
    ngx_str_t                     body, head;
    ngx_uint_t                    outbound;
    ngx_http_webhook_ctx_t       *ctx;
    ngx_http_webhook_queue_t     *queue;
    ngx_http_core_main_conf_t    *cmcf;
    ngx_http_webhook_message_t   *message;
    ngx_http_webhook_delivery_t  *delivery;

    queue = attempt->queue;

    rc = ngx_http_webhook_spool_read(queue->store, &attempt->sc.event, r->pool,
                                     &head, &body);
    if (rc != NGX_OK) {
        return rc;
    }

    message = ngx_palloc(r->pool, sizeof(ngx_http_webhook_message_t));
    delivery = ngx_pcalloc(r->pool, sizeof(ngx_http_webhook_delivery_t));

    if (message == NULL || delivery == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_http_webhook_message_parse(&head, r->pool, message);

    if (rc == NGX_OK) {
        rc = ngx_http_webhook_attempt_addresses(r, message);
    }

    if (rc != NGX_OK) {
        return rc;
    }

    outbound = (message->workspace.len && queue->endpoints);

    if (ngx_http_webhook_attempt_line(r, message, queue->clcf) != NGX_OK
        || ngx_http_webhook_attempt_headers(r, message, body.len) != NGX_OK
        || ngx_http_webhook_attempt_body(r, &body, outbound) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ctx = ngx_http_webhook_create_ctx(r);
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    delivery->variables = &message->variables;
    delivery->workspace = message->workspace;
    delivery->attempt = attempt->sc.event.attempts + 1;

    ctx->delivery = delivery;
    ctx->id = message->id;

    /* what fails has failed, whatever page there is for it */
    r->error_page = 1;

    /* as in ngx_http_named_location() */

    r->internal = 1;
    r->loc_conf = queue->clcf->loc_conf;

    ngx_http_update_location_config(r);

    if (attempt->probe) {
        r->connection->log->log_level = ngx_min(r->connection->log->log_level,
                                                NGX_LOG_CRIT);
    }

    if (outbound
        && ngx_http_webhook_outbound_create(r, ctx, queue, &body) != NGX_OK)
    {
        return NGX_ERROR;
    }

    cmcf = ngx_http_get_module_main_conf(r, ngx_http_core_module);

    r->phase_handler = cmcf->phase_engine.location_rewrite_index;
    r->write_event_handler = ngx_http_core_run_phases;

#if (NGX_STAT_STUB)
    (void) ngx_atomic_fetch_add(ngx_stat_writing, 1);
    r->stat_writing = 1;
    (void) ngx_atomic_fetch_add(ngx_stat_reading, -1);
    r->stat_reading = 0;
#endif

    return NGX_OK;
}


/* Sets who has sent the event, and the address that it was sent to. */

static ngx_int_t
ngx_http_webhook_attempt_addresses(ngx_http_request_t *r,
    ngx_http_webhook_message_t *message)
{
    ngx_connection_t  *c;

    if (message->sockaddr.len > sizeof(ngx_sockaddr_t)
        || message->local_sockaddr.len > sizeof(ngx_sockaddr_t))
    {
        return NGX_DECLINED;
    }

    c = r->connection;

    c->sockaddr = ngx_pcalloc(c->pool, sizeof(ngx_sockaddr_t));
    c->local_sockaddr = ngx_pcalloc(c->pool, sizeof(ngx_sockaddr_t));

    if (c->sockaddr == NULL || c->local_sockaddr == NULL) {
        return NGX_ERROR;
    }

    c->addr_text = message->addr;
    c->socklen = message->sockaddr.len;
    ngx_memcpy(c->sockaddr, message->sockaddr.data, c->socklen);

    c->local_socklen = message->local_sockaddr.len;
    ngx_memcpy(c->local_sockaddr, message->local_sockaddr.data,
               c->local_socklen);

    return NGX_OK;
}


/* Sets the method, the URI and the request line. */

static ngx_int_t
ngx_http_webhook_attempt_line(ngx_http_request_t *r,
    ngx_http_webhook_message_t *message, ngx_http_core_loc_conf_t *clcf)
{
    r->method = NGX_HTTP_POST;
    ngx_str_set(&r->method_name, "POST");
    r->http_version = NGX_HTTP_VERSION_11;

    if (ngx_http_webhook_kept_restore(r, message) != NGX_OK) {
        return NGX_ERROR;
    }

    /*
     * What "proxy_pass" with a URI replaces is the part of the URI that matches
     * the location.  An event's own URI need not match.
     */

    if (!clcf->named
#if (NGX_PCRE)
        && clcf->regex == NULL
#endif
        )
    {
        r->valid_location = 1;

        if (r->uri.len < clcf->name.len
            || ngx_strncmp(r->uri.data, clcf->name.data, clcf->name.len) != 0)
        {
            r->uri = clcf->name;
        }
    }

    ngx_http_set_exten(r);

    return NGX_OK;
}


/* Adds the headers that were kept, and the length of the body. */

static ngx_int_t
ngx_http_webhook_attempt_headers(ngx_http_request_t *r,
    ngx_http_webhook_message_t *message, size_t length)
{
    u_char         *p;
    ngx_str_t       value;
    ngx_uint_t      i;
    ngx_keyval_t   *kv;

    static ngx_str_t  content_length = ngx_string("Content-Length");

    if (ngx_list_init(&r->headers_in.headers, r->pool, 20,
                      sizeof(ngx_table_elt_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

#if (nginx_version < 1023000)

    if (ngx_array_init(&r->headers_in.cookies, r->pool, 2,
                       sizeof(ngx_table_elt_t *))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

#endif

    kv = message->headers.elts;

    for (i = 0; i < message->headers.nelts; i++) {

        if (ngx_http_webhook_add_request_header(r, &kv[i].key, &kv[i].value)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    p = ngx_pnalloc(r->pool, NGX_SIZE_T_LEN + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    value.len = ngx_sprintf(p, "%uz", length) - p;
    value.data = p;
    p[value.len] = '\0';

    r->headers_in.server = message->host;
    r->headers_in.content_length_n = length;

    return ngx_http_webhook_add_request_header(r, &content_length, &value);
}


/*
 * Sets the request's body.  The body of an event for an endpoint must still be
 * read by the content handler, see ngx_http_webhook_outbound.c.
 */

static ngx_int_t
ngx_http_webhook_attempt_body(ngx_http_request_t *r, ngx_str_t *body,
    ngx_uint_t outbound)
{
    ngx_buf_t                *b;
    ngx_http_request_body_t  *rb;

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->start = b->pos = body->data;
    b->end = b->last = body->data + body->len;
    b->temporary = 1;

    if (outbound) {
        r->header_in = b;
        return NGX_OK;
    }

    rb = ngx_pcalloc(r->pool, sizeof(ngx_http_request_body_t));
    if (rb == NULL) {
        return NGX_ERROR;
    }

    r->request_body = rb;

    if (body->len == 0) {
        return NGX_OK;
    }

    rb->bufs = ngx_alloc_chain_link(r->pool);
    if (rb->bufs == NULL) {
        return NGX_ERROR;
    }

    b->last_buf = 1;

    rb->bufs->buf = b;
    rb->bufs->next = NULL;
    rb->buf = b;

    return NGX_OK;
}


/* Runs the request, or ends it if "rc" is not NGX_OK. */

static void
ngx_http_webhook_attempt_go(ngx_http_request_t *r, ngx_int_t rc)
{
    ngx_connection_t  *c;

    if (rc != NGX_OK) {
        ngx_http_webhook_attempt_abandon(r);
        return;
    }

    c = r->connection;

    ngx_http_webhook_attempt_arm_timeout(r);
    ngx_http_core_run_phases(r);
    ngx_http_run_posted_requests(c);
}


/*
 * Arms the timeout of the whole attempt.  The content handler's own timeouts
 * are about silence: an answer that comes byte by byte would go on for days.
 */

static void
ngx_http_webhook_attempt_arm_timeout(ngx_http_request_t *r)
{
    ngx_msec_t                   timeout;
    ngx_http_webhook_queue_t    *queue;
    ngx_http_webhook_attempt_t  *attempt;

    attempt = ngx_http_webhook_attempt_of(r);
    queue = attempt->queue;

    timeout = queue->location->timeout;

    if (timeout == 0) {

        if (queue->endpoints == NULL) {
            return;
        }

        timeout = NGX_HTTP_WEBHOOK_TIMEOUT;
    }

    attempt->timer.handler = ngx_http_webhook_attempt_timeout;
    attempt->timer.data = r->connection;
    attempt->timer.log = r->connection->log;
    attempt->timer.cancelable = 1;

    ngx_add_timer(&attempt->timer, timeout);
}


/* Ends an attempt that has taken too long. */

static void
ngx_http_webhook_attempt_timeout(ngx_event_t *ev)
{
    ngx_connection_t            *c;
    ngx_http_request_t          *r;
    ngx_http_webhook_attempt_t  *attempt;

    c = ev->data;
    r = c->data;

    ngx_http_set_log_request(c->log, r);

    ngx_log_error(NGX_LOG_ERR, c->log, NGX_ETIMEDOUT,
                  "delivery has taken too long");

    /* what has been answered is the answer */

    attempt = ngx_http_webhook_attempt_of(r);

    if (attempt->status == 0) {
        attempt->status = NGX_HTTP_GATEWAY_TIME_OUT;
    }

    /* as if a client had gone; the other reference is the content handler's */

    r->main->count++;

    ngx_http_finalize_request(r, NGX_HTTP_CLIENT_CLOSED_REQUEST);
    ngx_http_run_posted_requests(c);
}


/* Frees a request that has not begun to run. */

static void
ngx_http_webhook_attempt_abandon(ngx_http_request_t *r)
{
    ngx_connection_t  *c;

    c = r->connection;

    r->logged = 1;

    ngx_http_free_request(r, 0);
    ngx_http_close_connection(c);
}


/* The request ends, in whatever way: called by its cleanup. */

static void
ngx_http_webhook_attempt_finished(void *data)
{
    ngx_http_webhook_attempt_t *attempt = data;

    if (attempt->timer.timer_set) {
        ngx_del_timer(&attempt->timer);
    }

    if (attempt->outbound && attempt->outbound->status) {
        attempt->status = attempt->outbound->status;
    }

    attempt->handler(attempt);
}


/* Adds to log messages that they are about a delivery. */

static u_char *
ngx_http_webhook_attempt_log(ngx_log_t *log, u_char *buf, size_t len)
{
    u_char              *p;
    ngx_http_request_t  *r;
    ngx_http_log_ctx_t  *ctx;

    if (log->action) {
        p = ngx_snprintf(buf, len, " while %s", log->action);
        len -= p - buf;
        buf = p;
    }

    ctx = log->data;

    p = ngx_snprintf(buf, len, ", webhook delivery");
    len -= p - buf;

    r = ctx->request;

    return r ? r->log_handler(r, ctx->current_request, p, len) : p;
}


/*
 * Handles the events of the connection: those that nginx and its modules post
 * or time, for none come from the kernel.
 */

static void
ngx_http_webhook_attempt_event(ngx_event_t *ev)
{
    ngx_connection_t            *c;
    ngx_http_request_t          *r;
    ngx_http_webhook_attempt_t  *attempt;

    c = ev->data;
    r = c->data;

    ngx_http_set_log_request(c->log, r);

    if (c->close) {
        /* "worker_shutdown_timeout" */

        attempt = ngx_http_webhook_attempt_of(r);
        attempt->cut = 1;

        if (attempt->outbound
            && ngx_http_webhook_resolve_cancel(&attempt->outbound->resolve))
        {
            ngx_http_webhook_attempt_abandon(r);
            return;
        }
    }

    if (ev->delayed && ev->timedout) {
        /* as "limit_req" wants it */
        ev->delayed = 0;
        ev->timedout = 0;
    }

    if (ev->write) {
        r->write_event_handler(r);

    } else {
        r->read_event_handler(r);
    }

    ngx_http_run_posted_requests(c);
}


/* Sends nothing: the filters below have taken all of the answer. */

static ngx_chain_t *
ngx_http_webhook_attempt_send_chain(ngx_connection_t *c, ngx_chain_t *in,
    off_t limit)
{
    ngx_chain_t  *cl;

    for (cl = in; cl; cl = cl->next) {
        cl->buf->pos = cl->buf->last;
        cl->buf->file_pos = cl->buf->file_last;
    }

    return NULL;
}


/* Returns the attempt that a request is, or NULL if it is a client's. */

static ngx_http_webhook_attempt_t *
ngx_http_webhook_attempt_of(ngx_http_request_t *r)
{
    ngx_http_webhook_attempt_conn_t  *ac;

    if (r->connection->send_chain != ngx_http_webhook_attempt_send_chain) {
        return NULL;
    }

    ac = (ngx_http_webhook_attempt_conn_t *) r->main->http_connection;

    return ac->attempt;
}


/*
 * Must be the first handler of the access phase: a request without a client has
 * nobody whose access could be checked.  A request that the answer of its
 * destination has led here, by X-Accel-Redirect, ends with that answer: a
 * destination must not reach internal locations.
 */

static ngx_int_t
ngx_http_webhook_attempt_access(ngx_http_request_t *r)
{
    ngx_http_core_main_conf_t  *cmcf;

    if (ngx_http_webhook_attempt_of(r)) {

        if (r->upstream && r->upstream->headers_in.x_accel_redirect) {
            r->headers_out.status = r->upstream->headers_in.status_n;
            r->header_only = 1;

            ngx_http_finalize_request(r, ngx_http_send_header(r));
            return NGX_DONE;
        }

        cmcf = ngx_http_get_module_main_conf(r, ngx_http_core_module);

        /* NGX_DECLINED leads to the handler after this one */

        r->phase_handler = cmcf->phase_engine.handlers[r->phase_handler].next
                           - 1;
    }

    return NGX_DECLINED;
}


/* Takes the status of the answer, and what Retry-After says. */

static ngx_int_t
ngx_http_webhook_attempt_header_filter(ngx_http_request_t *r)
{
    ngx_http_webhook_attempt_t  *attempt;

    attempt = ngx_http_webhook_attempt_of(r);

    if (attempt == NULL) {
        return ngx_http_next_header_filter(r);
    }

    r->header_sent = 1;

    if (r == r->main) {
        attempt->status = r->headers_out.status;
        attempt->retry_after = ngx_http_webhook_reply_retry_after(r);
    }

    return NGX_OK;
}


/*
 * Reads an answer to its end, so that its connection can be kept, unless it is
 * too long.
 */

static ngx_int_t
ngx_http_webhook_attempt_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_buf_t                   *b;
    ngx_chain_t                 *cl;
    ngx_http_webhook_attempt_t  *attempt;

    attempt = ngx_http_webhook_attempt_of(r);

    if (attempt == NULL) {
        return ngx_http_next_body_filter(r, in);
    }

    for (cl = in; cl; cl = cl->next) {
        b = cl->buf;

        attempt->received += ngx_buf_size(b);

        if (attempt->status < NGX_HTTP_OK && ngx_buf_in_memory(b)) {
            ngx_http_webhook_reply_interim(attempt, b);
        }

        b->pos = b->last;
        b->file_pos = b->file_last;
    }

    return (attempt->received > NGX_HTTP_WEBHOOK_ANSWER_MAX) ? NGX_ERROR
                                                              : NGX_OK;
}


/*
 * Hooks attempts into nginx.  Must be called after
 * ngx_http_webhook_gate_init(): the access handler that is added last is called
 * first.  Returns NGX_OK or NGX_ERROR.
 */

ngx_int_t
ngx_http_webhook_attempt_init(ngx_conf_t *cf)
{
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_ACCESS_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_webhook_attempt_access;

    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_webhook_attempt_header_filter;

    ngx_http_next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx_http_webhook_attempt_body_filter;

    return NGX_OK;
}
