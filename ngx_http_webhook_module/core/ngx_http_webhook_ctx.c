
/*
 * The context of a request in a location, and what all rooms do with it and
 * with the request: find it, set a verdict, look at headers and add them.
 */


#include "core/ngx_http_webhook_ctx.h"


/* How many bytes a webhook-id header may have that becomes the event's id */
#define NGX_HTTP_WEBHOOK_ID_MAX  256


static void ngx_http_webhook_ctx_cleanup(void *data);
static ngx_int_t ngx_http_webhook_sent_id(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_str_t *id);


static ngx_str_t  ngx_http_webhook_id_header = ngx_string("webhook-id");


/*
 * Returns the request's context, or NULL if there is none.  After an internal
 * redirect, for which nginx forgets it, and in a subrequest, it is the last one
 * that the request had.
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


/*
 * Makes the request a new context, which takes over what belongs to the event
 * and not to the location: its id, its body, its claimed keys and its delivery.
 * Returns NULL if there is no memory.
 */

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

        /* before it is routed, nobody knows what the id of a request is */

        if (last->conf || last->delivery) {
            ctx->id = last->id;
        }

        ctx->has_own_id = last->has_own_id;
        ngx_memcpy(ctx->own_id, last->own_id, NGX_HTTP_WEBHOOK_UUID_SIZE);
        ctx->delivery = last->delivery;
        ctx->wrapped = last->wrapped;
        ctx->body = last->body;
        ctx->held = last->held;
    }

    ngx_http_set_ctx(r, ctx, ngx_http_webhook_module);

    return ctx;
}


/* The address of this cleanup is the mark of a context in a pool. */

static void
ngx_http_webhook_ctx_cleanup(void *data)
{
    return;
}


/*
 * Sets the request's verdict, which must be static, and the member that it is
 * about, or NULL.  Returns NGX_ABORT for a step to return.
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
 * Looks a request header up by its name in lower case.  Returns the first one
 * of that name, or NULL, and sets "count" to how many there are.
 */

ngx_table_elt_t *
ngx_http_webhook_find_header(ngx_http_request_t *r, ngx_str_t *key,
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


/*
 * Returns the index of the system's event of this name, or
 * NGX_HTTP_WEBHOOK_NO_EVENT.
 */

ngx_uint_t
ngx_http_webhook_find_event(ngx_http_webhook_provider_t *provider,
    ngx_str_t *name)
{
    ngx_str_t   *events;
    ngx_uint_t   i;

    events = provider->events;

    for (i = 0; events && events[i].len; i++) {

        if (events[i].len == name->len
            && ngx_memcmp(events[i].data, name->data, name->len) == 0)
        {
            return i;
        }
    }

    return NGX_HTTP_WEBHOOK_NO_EVENT;
}


/*
 * Sets "text" to what a source has for this request: empty if that is nothing,
 * or if it is not known yet.  A member has a text if it is a string or an
 * integer.
 */

void
ngx_http_webhook_source_text(ngx_http_request_t *r, ngx_http_webhook_ctx_t *ctx,
    ngx_http_webhook_source_t *source, ngx_str_t *text)
{
    ngx_str_t                  *scalar;
    ngx_http_variable_value_t  *vv;

    ngx_str_null(text);

    switch (source->from) {

    case NGX_HTTP_WEBHOOK_FROM_FIELD:

        scalar = ctx->judged ? ngx_http_webhook_shape_scalar(&ctx->reader,
                                                             source->index)
                             : NULL;
        if (scalar) {
            *text = *scalar;
        }

        break;

    case NGX_HTTP_WEBHOOK_FROM_VARIABLE:

        vv = ngx_http_get_flushed_variable(r, source->index);

        if (vv && vv->valid && !vv->not_found) {
            text->len = vv->len;
            text->data = vv->data;
        }

        break;
    }
}


/*
 * Sets ctx->id, unless it is set: to what the sender has sent as the event's
 * id, if that is of visible ASCII, and otherwise, if "make" is set, to a UUID,
 * which then is in ctx->own_id as well.  Where a member of the payload is the
 * id, it stays empty until that has been read.  Returns NGX_OK, or NGX_ERROR if
 * there is no memory.
 */

ngx_int_t
ngx_http_webhook_set_id(ngx_http_request_t *r, ngx_http_webhook_ctx_t *ctx,
    ngx_uint_t make)
{
    size_t      i;
    u_char     *p;
    ngx_str_t   id;

    if (ctx->id.len) {
        return NGX_OK;
    }

    if (ngx_http_webhook_sent_id(r, ctx, &id) == NGX_AGAIN) {
        return NGX_OK;
    }

    if (id.len && id.len <= NGX_HTTP_WEBHOOK_ID_MAX) {

        for (i = 0; i < id.len; i++) {
            if (id.data[i] <= ' ' || id.data[i] > '~') {
                break;
            }
        }

        if (i == id.len) {
            ctx->id = id;
            return NGX_OK;
        }
    }

    if (!make) {
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, NGX_HTTP_WEBHOOK_UUID_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    if (!ctx->has_own_id) {
        ctx->has_own_id = 1;
        ngx_http_webhook_uuid_generate(ctx->own_id);
    }

    (void) ngx_http_webhook_uuid_print(p, ctx->own_id);

    ctx->id.len = NGX_HTTP_WEBHOOK_UUID_LEN;
    ctx->id.data = p;

    return NGX_OK;
}


/*
 * Sets "id" to the event's id as it was sent, empty if there is none: what the
 * system says is the id, or else the header that the scheme of the signature
 * names, or else webhook-id.  Returns NGX_OK, or NGX_AGAIN if it is a member of
 * a payload that has still to be read.
 */

static ngx_int_t
ngx_http_webhook_sent_id(ngx_http_request_t *r, ngx_http_webhook_ctx_t *ctx,
    ngx_str_t *id)
{
    ngx_str_t                    *key;
    ngx_uint_t                    n;
    ngx_table_elt_t              *header;
    ngx_http_webhook_source_t    *source;
    ngx_http_webhook_loc_conf_t  *wlcf;

    wlcf = ctx->conf;

    if (wlcf == NULL) {
        /* asked for in the rewrite phase, before the request is routed */
        wlcf = ngx_http_get_module_loc_conf(r, ngx_http_webhook_module);
    }

    if (wlcf->provider && wlcf->provider->id.from) {

        source = &wlcf->provider->id;

        ngx_http_webhook_source_text(r, ctx, source, id);

        return (source->from == NGX_HTTP_WEBHOOK_FROM_FIELD && !ctx->judged
                && ctx->verdict == NULL)
               ? NGX_AGAIN : NGX_OK;
    }

    ngx_str_null(id);

    key = (wlcf->provider && wlcf->id_key.len) ? &wlcf->id_key
                                               : &ngx_http_webhook_id_header;

    header = ngx_http_webhook_find_header(r, key, &n);

    if (n == 1) {
        *id = header->value;
    }

    return NGX_OK;
}


/*
 * Adds a header to the answer.  "name" must be static, and the text of "value"
 * must live as long as the request.  Returns NULL if there is no memory.
 */

ngx_table_elt_t *
ngx_http_webhook_add_header(ngx_http_request_t *r, char *name, ngx_str_t *value)
{
    ngx_table_elt_t  *header;

    header = ngx_list_push(&r->headers_out.headers);
    if (header == NULL) {
        return NULL;
    }

#if (nginx_version >= 1023000)
    header->next = NULL;
#endif

    header->hash = 1;
    header->key.len = ngx_strlen(name);
    header->key.data = (u_char *) name;
    header->value = *value;

    return header;
}


/*
 * Adds a header to a request that has no client, as nginx does when it reads
 * one.  The texts of "key" and "value" must live as long as the request.
 * Returns NGX_OK or NGX_ERROR.
 */

ngx_int_t
ngx_http_webhook_add_request_header(ngx_http_request_t *r, ngx_str_t *key,
    ngx_str_t *value)
{
    ngx_table_elt_t            *h;
    ngx_http_header_t          *hh;
    ngx_http_core_main_conf_t  *cmcf;

    h = ngx_list_push(&r->headers_in.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));

    h->key = *key;
    h->value = *value;

    h->lowcase_key = ngx_pnalloc(r->pool, key->len);
    if (h->lowcase_key == NULL) {
        return NGX_ERROR;
    }

    h->hash = ngx_hash_strlow(h->lowcase_key, key->data, key->len);

    cmcf = ngx_http_get_module_main_conf(r, ngx_http_core_module);

    hh = ngx_hash_find(&cmcf->headers_in_hash, h->hash, h->lowcase_key,
                       key->len);

    /* the one of Host would look for another server */

    if (hh && hh->offset == offsetof(ngx_http_headers_in_t, host)) {
        r->headers_in.host = h;
        return NGX_OK;
    }

    return hh ? hh->handler(r, h, hh->offset) : NGX_OK;
}
