
/*
 * "webhook_queue": a content handler that puts accepted events into a queue,
 * and answers 202, or what it is told to, once an event is durable.  With
 * "endpoints=" an event goes to the endpoint that is registered for its
 * workspace, or is dropped if there is none that wants it.
 */


#include "events/ngx_http_webhook_enqueue.h"
#include "base/ngx_http_webhook_crypto.h"
#include "base/ngx_http_webhook_media.h"
#include "core/ngx_http_webhook_ctx.h"
#include "registry/ngx_http_webhook_registry.h"
#include "dedup/ngx_http_webhook_dedup.h"
#include "judge/ngx_http_webhook_answer.h"
#include "judge/ngx_http_webhook_signature.h"
#include "judge/ngx_http_webhook_variable.h"
#include "queue/ngx_http_webhook_kept.h"
#include "queue/ngx_http_webhook_queue.h"
#include "endpoints/ngx_http_webhook_endpoint.h"
#include "endpoints/ngx_http_webhook_outbound.h"


static char *ngx_http_webhook_enqueue_endpoints(ngx_conf_t *cf,
    ngx_http_webhook_loc_conf_t *wlcf, ngx_str_t *value);
static char *ngx_http_webhook_enqueue_status(ngx_str_t *value,
    ngx_http_webhook_receipt_t *receipt);
static char *ngx_http_webhook_enqueue_text(ngx_conf_t *cf, ngx_str_t *value,
    ngx_http_webhook_receipt_t *receipt);
static char *ngx_http_webhook_enqueue_type(ngx_str_t *value, ngx_str_t *type);
static char *ngx_http_webhook_enqueue_receipt(ngx_conf_t *cf,
    ngx_http_webhook_loc_conf_t *wlcf, ngx_http_webhook_receipt_t *receipt,
    ngx_str_t *type);
static ngx_int_t ngx_http_webhook_enqueue_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_webhook_enqueue_destination(ngx_http_request_t *r,
    ngx_http_webhook_queue_t *queue, uint64_t *destination);
static void ngx_http_webhook_enqueue_done(ngx_http_webhook_enqueue_t *enqueue);
static ngx_int_t ngx_http_webhook_enqueue_answer(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx);
static ngx_int_t ngx_http_webhook_enqueue_message(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_str_t *workspace, ngx_str_t *head);
static ngx_uint_t ngx_http_webhook_enqueue_drops(void *data,
    ngx_table_elt_t *header, ngx_uint_t outbound);


/*
 * webhook_queue name [endpoints=zone] [status=code] [answer=text] [type=media];
 *
 * The handler of the directive.
 */

char *
ngx_http_webhook_queue(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_webhook_loc_conf_t *wlcf = conf;

    char                        *rc;
    ngx_str_t                   *value, type;
    ngx_uint_t                   i;
    ngx_http_core_loc_conf_t    *clcf;
    ngx_http_webhook_receipt_t   receipt;

    if (wlcf->queue) {
        return "is duplicate";
    }

    value = cf->args->elts;

    wlcf->queue = ngx_http_webhook_queue_get(cf, &value[1]);
    if (wlcf->queue == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&receipt, sizeof(ngx_http_webhook_receipt_t));
    ngx_str_null(&type);

    for (i = 2; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "endpoints=", 10) == 0
            && value[i].len > 10 && wlcf->queue_zone == NULL)
        {
            rc = ngx_http_webhook_enqueue_endpoints(cf, wlcf, &value[i]);

        } else if (ngx_strncmp(value[i].data, "status=", 7) == 0
                   && receipt.status == 0)
        {
            rc = ngx_http_webhook_enqueue_status(&value[i], &receipt);

        } else if (ngx_strncmp(value[i].data, "answer=", 7) == 0
                   && receipt.text == NULL)
        {
            rc = ngx_http_webhook_enqueue_text(cf, &value[i], &receipt);

        } else if (ngx_strncmp(value[i].data, "type=", 5) == 0
                   && value[i].len > 5 && type.len == 0)
        {
            rc = ngx_http_webhook_enqueue_type(&value[i], &type);

        } else {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\"", &value[i]);
            return NGX_CONF_ERROR;
        }

        if (rc != NULL) {
            return rc;
        }
    }

    rc = ngx_http_webhook_enqueue_receipt(cf, wlcf, &receipt, &type);
    if (rc != NULL) {
        return rc;
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->handler) {
        return "is used beside another content handler, such as "
               "\"proxy_pass\"";
    }

    clcf->handler = ngx_http_webhook_enqueue_handler;

    wlcf->queue_file = cf->conf_file->file.name.data;
    wlcf->queue_line = cf->conf_file->line;

    return NGX_CONF_OK;
}


/* Reads "endpoints=".  Returns NULL, or what a directive's handler returns. */

static char *
ngx_http_webhook_enqueue_endpoints(ngx_conf_t *cf,
    ngx_http_webhook_loc_conf_t *wlcf, ngx_str_t *value)
{
    ngx_str_t  name;

    name.len = value->len - 10;
    name.data = value->data + 10;

    wlcf->queue_zone = ngx_shared_memory_add(cf, &name, 0,
                                             &ngx_http_webhook_module);
    if (wlcf->queue_zone == NULL) {
        return NGX_CONF_ERROR;
    }

    if (wlcf->queue->endpoints
        && wlcf->queue->endpoints != wlcf->queue_zone)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "webhook queue \"%V\" has the endpoints of "
                           "another zone already", &wlcf->queue->name);
        return NGX_CONF_ERROR;
    }

    wlcf->queue->endpoints = wlcf->queue_zone;

    return NULL;
}


/*
 * Reads "status=": one that says of an event that it is taken.  Returns NULL,
 * or what is wrong with it.
 */

static char *
ngx_http_webhook_enqueue_status(ngx_str_t *value,
    ngx_http_webhook_receipt_t *receipt)
{
    ngx_int_t  status;

    status = (value->len == 10) ? ngx_atoi(value->data + 7, 3) : NGX_ERROR;

    if (status < NGX_HTTP_OK || status >= NGX_HTTP_SPECIAL_RESPONSE) {
        return "has an invalid \"status=\": one of 200 to 299 is expected, for "
               "senders take others for a refusal";
    }

    /* the one has to be an empty form, the other a part of something */

    if (status == 205 || status == NGX_HTTP_PARTIAL_CONTENT) {
        return "has a \"status=\" that is for documents, not for events: 200, "
               "202 and 204 are usual";
    }

    receipt->status = status;

    return NULL;
}


/* Reads "answer=".  Returns NULL, or what a directive's handler returns. */

static char *
ngx_http_webhook_enqueue_text(ngx_conf_t *cf, ngx_str_t *value,
    ngx_http_webhook_receipt_t *receipt)
{
    ngx_str_t                          text;
    ngx_http_compile_complex_value_t   ccv;

    text.len = value->len - 7;
    text.data = value->data + 7;

    receipt->text = ngx_palloc(cf->pool, sizeof(ngx_http_complex_value_t));
    if (receipt->text == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = &text;
    ccv.complex_value = receipt->text;

    return ngx_http_compile_complex_value(&ccv) == NGX_OK ? NULL
                                                          : NGX_CONF_ERROR;
}


/*
 * Reads "type=": a media type, which parameters may follow; whatever they are,
 * they must not end the header.  Returns NULL, or what is wrong with it.
 */

static char *
ngx_http_webhook_enqueue_type(ngx_str_t *value, ngx_str_t *type)
{
    u_char     *last, *p;
    ngx_str_t   name;

    type->len = value->len - 5;
    type->data = value->data + 5;

    last = type->data + type->len;
    name.data = type->data;

    for (p = type->data; p < last && *p != ';' && *p != ' '; p++) {
        /* void */
    }

    name.len = p - name.data;

    while (p < last && *p == ' ') {
        p++;
    }

    if (!ngx_http_webhook_media_is_type(&name) || (p < last && *p != ';')) {
        p = NULL;
    }

    for ( /* void */ ; p && p < last; p++) {
        if (*p < ' ' || *p == 0x7f) {
            p = NULL;
            break;
        }
    }

    return p ? NULL : "has an invalid \"type=\": a media type, such as "
                      "\"text/plain\", is expected";
}


/*
 * Sets wlcf->receipt, if parameters say what is answered.  "type" is empty if
 * none of them does.  Returns NULL, or what a directive's handler returns.
 */

static char *
ngx_http_webhook_enqueue_receipt(ngx_conf_t *cf,
    ngx_http_webhook_loc_conf_t *wlcf, ngx_http_webhook_receipt_t *receipt,
    ngx_str_t *type)
{
    if (type->len && receipt->text == NULL) {
        return "has a \"type=\", but no \"answer=\" that is of it";
    }

    if (receipt->status == NGX_HTTP_NO_CONTENT && receipt->text) {
        return "has an \"answer=\", but \"status=204\" has no body";
    }

    if (receipt->status == 0 && receipt->text == NULL) {
        return NULL;
    }

    if (receipt->status == 0) {
        receipt->status = NGX_HTTP_ACCEPTED;
    }

    if (type->len) {
        receipt->type = *type;

    } else {
        ngx_str_set(&receipt->type, "text/plain");
    }

    wlcf->receipt = ngx_palloc(cf->pool, sizeof(ngx_http_webhook_receipt_t));
    if (wlcf->receipt == NULL) {
        return NGX_CONF_ERROR;
    }

    *wlcf->receipt = *receipt;

    return NULL;
}


/*
 * Merges and checks the configuration of a location that has "webhook_queue",
 * or whose parent has it; called after the configuration has been read.  Like
 * any content handler, it is inherited by "if" and "limit_except" only.
 * Returns NGX_CONF_OK, or NGX_CONF_ERROR after a message.
 */

char *
ngx_http_webhook_enqueue_merge(ngx_conf_t *cf,
    ngx_http_webhook_loc_conf_t *prev, ngx_http_webhook_loc_conf_t *wlcf)
{
    ngx_http_core_loc_conf_t      *clcf;
    ngx_http_webhook_main_conf_t  *wmcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (wlcf->queue == NULL) {

        if (clcf->noname && clcf->handler == NULL) {
            wlcf->queue = prev->queue;
            wlcf->queue_zone = prev->queue_zone;
            wlcf->receipt = prev->receipt;
            clcf->handler = ngx_http_webhook_enqueue_handler;
        }

        return NGX_CONF_OK;
    }

    if (clcf->handler != ngx_http_webhook_enqueue_handler) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"webhook_queue\" is used beside another content "
                      "handler, such as \"proxy_pass\", in %s:%ui",
                      wlcf->queue_file, wlcf->queue_line);
        return NGX_CONF_ERROR;
    }

    if (wlcf->provider == NULL) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"webhook_queue\" needs \"webhook\" in %s:%ui",
                      wlcf->queue_file, wlcf->queue_line);
        return NGX_CONF_ERROR;
    }

    if (!wlcf->provider->passes) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"webhook_queue\" is used beside "
                      "\"webhook_%V\" in %s:%ui",
                      &wlcf->provider->name, wlcf->queue_file,
                      wlcf->queue_line);
        return NGX_CONF_ERROR;
    }

    if (wlcf->queue_zone == NULL) {
        return NGX_CONF_OK;
    }

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_webhook_module);

    if (wlcf->provider != wmcf->fan_out) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"endpoints=\" needs \"webhook %V\" in %s:%ui",
                      &wmcf->fan_out->name, wlcf->queue_file,
                      wlcf->queue_line);
        return NGX_CONF_ERROR;
    }

    if (ngx_http_webhook_endpoint_check_zone(cf, wlcf->queue_zone,
                                             wlcf->queue_file,
                                             wlcf->queue_line)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    /* after a restart nobody would know whom the events are for */

    if (ngx_http_webhook_registry_state(wlcf->queue_zone)->len == 0) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"endpoints=\" needs \"state=\" of webhook zone "
                      "\"%V\" in %s:%ui",
                      &wlcf->queue_zone->shm.name, wlcf->queue_file,
                      wlcf->queue_line);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* The content handler: takes an event that the gate has accepted. */

static ngx_int_t
ngx_http_webhook_enqueue_handler(ngx_http_request_t *r)
{
    ngx_int_t                     rc;
    ngx_chain_t                  *cl;
    ngx_http_webhook_ctx_t       *ctx;
    ngx_http_webhook_event_t     *event;
    ngx_http_webhook_enqueue_t   *enqueue;
    ngx_http_webhook_loc_conf_t  *wlcf;

    wlcf = ngx_http_get_module_loc_conf(r, ngx_http_webhook_module);
    ctx = ngx_http_get_module_ctx(r, ngx_http_webhook_module);

    if (r != r->main || ctx == NULL || ctx->conf != wlcf || !ctx->started) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "\"webhook_queue\" takes no event that was not judged in "
                      "its location, as in a subrequest");
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    enqueue = ngx_pcalloc(r->pool, sizeof(ngx_http_webhook_enqueue_t));
    if (enqueue == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->data = enqueue;

    enqueue->queue = wlcf->queue;
    enqueue->receipt = wlcf->receipt;
    enqueue->handler = ngx_http_webhook_enqueue_done;
    enqueue->data = r;

    if (ngx_http_webhook_queue_opened(wlcf->queue) != NGX_OK) {
        enqueue->sc.change.rc = NGX_ERROR;
        return ngx_http_webhook_queue_answer(r, enqueue);
    }

    event = &enqueue->sc.event;

    if (!ctx->has_own_id) {
        ctx->has_own_id = 1;
        ngx_http_webhook_uuid_generate_ordered(ctx->own_id);
    }

    ngx_memcpy(event->id, ctx->own_id, NGX_HTTP_WEBHOOK_UUID_SIZE);

    if (ngx_http_webhook_set_id(r, ctx, 1) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (wlcf->queue_zone) {

        enqueue->fans_out = 1;

        rc = ngx_http_webhook_outbound_find(r, ctx, wlcf->queue_zone,
                                            &enqueue->workspace,
                                            &event->destination);
        if (rc != NGX_OK) {
            enqueue->unwanted = (rc == NGX_DECLINED);
            enqueue->sc.change.rc = (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
            return ngx_http_webhook_queue_answer(r, enqueue);
        }

    } else if (ngx_http_webhook_enqueue_destination(r, wlcf->queue,
                                                    &event->destination)
               != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_http_webhook_enqueue_message(r, ctx, &enqueue->workspace,
                                         &enqueue->sc.head)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (r->request_body) {
        enqueue->sc.body = r->request_body->bufs;

        for (cl = enqueue->sc.body; cl; cl = cl->next) {
            enqueue->sc.length += ngx_buf_size(cl->buf);
        }
    }

    ngx_http_webhook_queue_submit(enqueue);

    return ngx_http_webhook_suspend(r, ctx, ngx_http_webhook_enqueue_answer);
}


/* The event has been committed, or could not be: resumes the request. */

static void
ngx_http_webhook_enqueue_done(ngx_http_webhook_enqueue_t *enqueue)
{
    ngx_http_request_t           *r;
    ngx_http_webhook_loc_conf_t  *wlcf;

    r = enqueue->data;

    if (enqueue->sc.change.rc == NGX_OK) {
        /* the event is taken even if the sender has gone away meanwhile */
        ngx_http_webhook_dedup_accepted(r, enqueue->receipt
                                           ? enqueue->receipt->status
                                           : NGX_HTTP_ACCEPTED);

        wlcf = ngx_http_get_module_loc_conf(r, ngx_http_webhook_module);

        if (wlcf->zone) {
            ngx_http_webhook_registry_count(wlcf->zone,
                                            NGX_HTTP_WEBHOOK_STATUS_TRIGGERS);
        }
    }

    ngx_http_webhook_resume(r);
}


static ngx_int_t
ngx_http_webhook_enqueue_answer(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx)
{
    return ngx_http_webhook_queue_answer(r, ctx->data);
}


/*
 * Tells an event's destination, a number made of the value of "destination=".
 * Events of one destination do not wait for those of another.  Without the
 * parameter all events have destination 0.  Returns NGX_OK or NGX_ERROR.
 */

static ngx_int_t
ngx_http_webhook_enqueue_destination(ngx_http_request_t *r,
    ngx_http_webhook_queue_t *queue, uint64_t *destination)
{
    u_char     *p, hash[8];
    ngx_str_t   text, keyed;

    *destination = 0;

    if (queue->location == NULL || queue->location->destination == NULL) {
        return NGX_OK;
    }

    if (ngx_http_complex_value(r, queue->location->destination, &text)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    /*
     * Destinations with the same number would take turns, so that a sender must
     * not be able to choose a value with the number of another one's.
     */

    keyed.len = NGX_HTTP_WEBHOOK_QUEUE_KEY + text.len;
    keyed.data = ngx_pnalloc(r->pool, keyed.len);

    if (keyed.data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(keyed.data, queue->shared->key, NGX_HTTP_WEBHOOK_QUEUE_KEY);
    ngx_memcpy(p, text.data, text.len);

    if (ngx_http_webhook_hash(&keyed, hash, sizeof(hash), r->connection->log)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    *destination = ngx_http_webhook_get64(hash);

    return NGX_OK;
}


/*
 * Makes the head of a message out of a request that has been accepted.  It is
 * for the endpoint of "workspace", which is empty if it is for none.  Returns
 * NGX_OK or NGX_ERROR.
 */

static ngx_int_t
ngx_http_webhook_enqueue_message(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_str_t *workspace, ngx_str_t *head)
{
    ngx_connection_t            *c;
    ngx_http_core_srv_conf_t    *cscf;
    ngx_http_webhook_message_t   message;

    c = r->connection;

    if (ngx_connection_local_sockaddr(c, NULL, 0) != NGX_OK
        || ngx_http_webhook_message_init(&message, r->pool) != NGX_OK)
    {
        return NGX_ERROR;
    }

    message.host = r->headers_in.server;

    if (message.host.len == 0) {
        /* as in $host of this server: another one may deliver the event */
        cscf = ngx_http_get_module_srv_conf(r, ngx_http_core_module);
        message.host = cscf->server_name;
    }

    message.addr = c->addr_text;
    message.sockaddr.len = c->socklen;
    message.sockaddr.data = (u_char *) c->sockaddr;
    message.local_sockaddr.len = c->local_socklen;
    message.local_sockaddr.data = (u_char *) c->local_sockaddr;
    message.id = ctx->id;
    message.workspace = *workspace;

    if (workspace->len
        && ngx_strlchr(ctx->id.data, ctx->id.data + ctx->id.len, '.'))
    {
        /*
         * The signed text is the id, a dot, and the rest: with a dot in the id
         * it could be cut at another place.
         */

        message.id.len = NGX_HTTP_WEBHOOK_UUID_LEN;
        message.id.data = ngx_pnalloc(r->pool, NGX_HTTP_WEBHOOK_UUID_LEN);
        if (message.id.data == NULL) {
            return NGX_ERROR;
        }

        (void) ngx_http_webhook_uuid_print(message.id.data, ctx->own_id);
    }

    if (ngx_http_webhook_message_add_headers(&message, r->pool,
                                             &r->headers_in.headers,
                                             ngx_http_webhook_enqueue_drops,
                                             ctx)
        != NGX_OK
        || ngx_http_webhook_save_variables(r, ctx, &message.variables)
           != NGX_OK
        || ngx_http_webhook_kept_save(r, &message) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_webhook_message_print(&message, r->pool, head);
}


/*
 * Refuses the header with the location's secret and, of an event for an
 * endpoint, those with the sender's signature.
 */

static ngx_uint_t
ngx_http_webhook_enqueue_drops(void *data, ngx_table_elt_t *header,
    ngx_uint_t outbound)
{
    ngx_http_webhook_ctx_t *ctx = data;

    ngx_str_t  *name;

    if (outbound && ctx->conf->signature
        && ngx_http_webhook_signature_has(ctx->conf->signature, header))
    {
        return 1;
    }

    name = &ctx->conf->secret_key;

    return header->key.len == name->len
           && ngx_strncmp(header->lowcase_key, name->data, name->len) == 0;
}
