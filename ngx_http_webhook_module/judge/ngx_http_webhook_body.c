
/* Request bodies: reading them in pieces, copying parts, wrapping them. */


#include "judge/ngx_http_webhook_body.h"
#include "judge/ngx_http_webhook_challenge.h"
#include "judge/ngx_http_webhook_signature.h"


/* How many bytes of a body in a file are read at a time */
#define NGX_HTTP_WEBHOOK_READ_SIZE  16384


typedef ngx_int_t (*ngx_http_webhook_piece_pt)(ngx_http_request_t *r,
    void *data, u_char *p, size_t len);


typedef struct {
    u_char      *last;            /* where the next byte goes */
    size_t       left;            /* bytes that are wanted still */
} ngx_http_webhook_slice_t;


static ngx_int_t ngx_http_webhook_body_pieces(ngx_http_request_t *r,
    ngx_chain_t *in, off_t skip, ngx_http_webhook_piece_pt handler,
    void *data);
static ngx_int_t ngx_http_webhook_body_file(ngx_http_request_t *r, ngx_buf_t *b,
    off_t skip, ngx_http_webhook_piece_pt handler, void *data);
static ngx_int_t ngx_http_webhook_body_feed_piece(ngx_http_request_t *r,
    void *data, u_char *p, size_t len);
static ngx_int_t ngx_http_webhook_body_slice_piece(ngx_http_request_t *r,
    void *data, u_char *p, size_t len);
static ngx_int_t ngx_http_webhook_body_link(ngx_http_request_t *r,
    ngx_chain_t ***ll, ngx_buf_t *b, off_t *len);
static ngx_int_t ngx_http_webhook_body_headers(ngx_http_request_t *r,
    off_t len);


/* Variables of nginx that tell of the body, and change when it is wrapped */

static ngx_str_t
    ngx_http_webhook_body_variables[NGX_HTTP_WEBHOOK_BODY_VARIABLES] =
{
    ngx_string("content_length"),
    ngx_string("content_type"),
    ngx_string("http_content_length"),
    ngx_string("http_content_type")
};


/*
 * Feeds a chain, which is not consumed, to the scanner and to the signature's
 * hash.  Returns NGX_OK or NGX_ERROR.
 */

ngx_int_t
ngx_http_webhook_body_feed(ngx_http_request_t *r, ngx_http_webhook_ctx_t *ctx,
    ngx_chain_t *in)
{
    return ngx_http_webhook_body_pieces(r, in, 0,
                                        ngx_http_webhook_body_feed_piece, ctx);
}


static ngx_int_t
ngx_http_webhook_body_feed_piece(ngx_http_request_t *r, void *data, u_char *p,
    size_t len)
{
    ngx_http_webhook_ctx_t *ctx = data;

    if (ctx->verifier
        && ngx_http_webhook_signature_update(r, ctx->verifier, p, len)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ctx->asking
        && ngx_http_webhook_challenge_feed(ctx->asking, p, len) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_webhook_shape_feed(&ctx->reader, p, len);
}


/*
 * Copies the bytes [start, end) of a body that has been read into the request's
 * pool.  Returns NGX_OK or NGX_ERROR.
 */

ngx_int_t
ngx_http_webhook_body_slice(ngx_http_request_t *r, off_t start, off_t end,
    ngx_str_t *text)
{
    text->len = (size_t) (end - start);
    text->data = ngx_pnalloc(r->pool, text->len);
    if (text->data == NULL) {
        return NGX_ERROR;
    }

    return ngx_http_webhook_body_copy(r, start, end, text->data);
}


/*
 * Copies the bytes [start, end) of a body that has been read to "p".  Returns
 * NGX_OK or NGX_ERROR.
 */

ngx_int_t
ngx_http_webhook_body_copy(ngx_http_request_t *r, off_t start, off_t end,
    u_char *p)
{
    ngx_http_webhook_slice_t  slice;

    slice.last = p;
    slice.left = (size_t) (end - start);

    if (ngx_http_webhook_body_pieces(r, r->request_body->bufs, start,
                                     ngx_http_webhook_body_slice_piece, &slice)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return slice.left ? NGX_ERROR : NGX_OK;
}


static ngx_int_t
ngx_http_webhook_body_slice_piece(ngx_http_request_t *r, void *data, u_char *p,
    size_t len)
{
    ngx_http_webhook_slice_t *slice = data;

    len = ngx_min(len, slice->left);

    slice->last = ngx_cpymem(slice->last, p, len);
    slice->left -= len;

    return slice->left ? NGX_OK : NGX_DONE;
}


/*
 * Calls "handler" with each piece of a chain, in memory or in a file, but for
 * the first "skip" bytes, until there is no more or it returns something other
 * than NGX_OK.  Returns NGX_OK, also if the handler has returned NGX_DONE: it
 * needs no more.  Otherwise NGX_ERROR.
 */

static ngx_int_t
ngx_http_webhook_body_pieces(ngx_http_request_t *r, ngx_chain_t *in, off_t skip,
    ngx_http_webhook_piece_pt handler, void *data)
{
    off_t       size;
    ngx_int_t   rc;
    ngx_buf_t  *b;

    for (rc = NGX_OK; in && rc == NGX_OK; in = in->next) {
        b = in->buf;
        size = ngx_buf_size(b);

        if (size <= skip) {
            skip -= size;
            continue;
        }

        if (ngx_buf_in_memory(b)) {
            rc = handler(r, data, b->pos + skip, (size_t) (size - skip));

        } else {
            rc = ngx_http_webhook_body_file(r, b, skip, handler, data);
        }

        skip = 0;
    }

    return (rc == NGX_OK || rc == NGX_DONE) ? NGX_OK : NGX_ERROR;
}


/*
 * Calls "handler" with each piece of a buffer in a file, but for the first
 * "skip" bytes.  Returns what the handler does, or NGX_ERROR if the file can't
 * be read.
 */

static ngx_int_t
ngx_http_webhook_body_file(ngx_http_request_t *r, ngx_buf_t *b, off_t skip,
    ngx_http_webhook_piece_pt handler, void *data)
{
    off_t      offset;
    u_char    *p;
    ssize_t    n;
    ngx_int_t  rc;

    p = ngx_pnalloc(r->pool, NGX_HTTP_WEBHOOK_READ_SIZE);
    if (p == NULL) {
        return NGX_ERROR;
    }

    rc = NGX_OK;

    for (offset = b->file_pos + skip;
         offset < b->file_last && rc == NGX_OK;
         offset += n)
    {
        n = ngx_read_file(b->file, p,
                          (size_t) ngx_min(b->file_last - offset,
                                           NGX_HTTP_WEBHOOK_READ_SIZE),
                          offset);

        if (n == 0) {
            ngx_log_error(NGX_LOG_CRIT, r->connection->log, 0,
                          "request body file \"%V\" is truncated",
                          &b->file->name);
        }

        rc = (n > 0) ? handler(r, data, p, n) : NGX_ERROR;
    }

    ngx_pfree(r->pool, p);

    return rc;
}


/*
 * Puts two buffers around a body that has been read: the whole is what content
 * handlers will see, as application/json.  Returns NGX_OK or NGX_ERROR.
 */

ngx_int_t
ngx_http_webhook_body_wrap(ngx_http_request_t *r, ngx_http_webhook_ctx_t *ctx,
    ngx_buf_t *head, ngx_buf_t *tail)
{
    off_t                     len;
    ngx_chain_t              *cl, *first, *last, **ll;
    ngx_http_request_body_t  *rb;

    rb = r->request_body;

    len = 0;
    ll = &first;

    if (ngx_http_webhook_body_link(r, &ll, head, &len) != NGX_OK) {
        return NGX_ERROR;
    }

    for (cl = rb->bufs; cl; cl = cl->next) {

        /* what only says that the body has ended is not passed on */

        if (ngx_buf_size(cl->buf)
            && ngx_http_webhook_body_link(r, &ll, cl->buf, &len) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (ngx_http_webhook_body_link(r, &ll, tail, &len) != NGX_OK) {
        return NGX_ERROR;
    }

    for (last = first; last->next; last = last->next) { /* void */ }

    last->buf->last_buf = 1;

    ctx->wrapped = 1;
    ctx->body = rb->bufs;

    rb->bufs = first;

    return ngx_http_webhook_body_headers(r, len);
}


/*
 * Appends a copy of a buffer, which shares its bytes, and counts them.  A body
 * has one last buffer: some content handlers end their request with it.
 */

static ngx_int_t
ngx_http_webhook_body_link(ngx_http_request_t *r, ngx_chain_t ***ll,
    ngx_buf_t *b, off_t *len)
{
    ngx_chain_t  *cl;

    cl = ngx_alloc_chain_link(r->pool);
    if (cl == NULL) {
        return NGX_ERROR;
    }

    cl->buf = ngx_alloc_buf(r->pool);
    if (cl->buf == NULL) {
        return NGX_ERROR;
    }

    *cl->buf = *b;
    cl->buf->last_buf = 0;
    cl->next = NULL;

    **ll = cl;
    *ll = &cl->next;

    *len += ngx_buf_size(b);

    return NGX_OK;
}


/*
 * Undoes ngx_http_webhook_body_wrap(): after an internal redirect, another
 * location judges the body as it was sent.  Returns NGX_OK or NGX_ERROR.
 */

ngx_int_t
ngx_http_webhook_body_unwrap(ngx_http_request_t *r, ngx_http_webhook_ctx_t *ctx)
{
    off_t         len;
    ngx_chain_t  *cl;

    len = 0;

    for (cl = ctx->body; cl; cl = cl->next) {
        len += ngx_buf_size(cl->buf);
    }

    ctx->wrapped = 0;
    r->request_body->bufs = ctx->body;

    return ngx_http_webhook_body_headers(r, len);
}


/*
 * Sets what content handlers ask for when they pass a body on: its length,
 * "len" bytes, and the headers and variables that tell of it.  Returns NGX_OK
 * or NGX_ERROR.
 */

static ngx_int_t
ngx_http_webhook_body_headers(ngx_http_request_t *r, off_t len)
{
    u_char                        *p;
    ngx_uint_t                     i;
    ngx_table_elt_t               *header;
    ngx_http_variable_value_t     *vv;
    ngx_http_webhook_main_conf_t  *wmcf;

    r->headers_in.content_length_n = len;
    r->headers_in.chunked = 0;

    /* their old values may have been cached */

    wmcf = ngx_http_get_module_main_conf(r, ngx_http_webhook_module);

    for (i = 0; i < NGX_HTTP_WEBHOOK_BODY_VARIABLES; i++) {
        vv = &r->variables[wmcf->body_variables[i]];
        vv->valid = 0;
        vv->not_found = 0;
    }

    header = r->headers_in.content_length;

    if (header) {
        p = ngx_pnalloc(r->pool, NGX_OFF_T_LEN);
        if (p == NULL) {
            return NGX_ERROR;
        }

        header->value.len = ngx_sprintf(p, "%O", len) - p;
        header->value.data = p;
    }

    header = r->headers_in.content_type;

    if (header == NULL) {
        header = ngx_list_push(&r->headers_in.headers);
        if (header == NULL) {
            return NGX_ERROR;
        }

        ngx_memzero(header, sizeof(ngx_table_elt_t));

        ngx_str_set(&header->key, "Content-Type");
        header->lowcase_key = (u_char *) "content-type";
        header->hash = ngx_hash_key(header->lowcase_key, header->key.len);

        r->headers_in.content_type = header;
    }

    ngx_str_set(&header->value, "application/json");

    return NGX_OK;
}


/*
 * Finds the variables that change with the body.  Returns NGX_OK or NGX_ERROR.
 */

ngx_int_t
ngx_http_webhook_body_init(ngx_conf_t *cf)
{
    ngx_int_t                      index;
    ngx_uint_t                     i;
    ngx_http_webhook_main_conf_t  *wmcf;

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_webhook_module);

    for (i = 0; i < NGX_HTTP_WEBHOOK_BODY_VARIABLES; i++) {

        index = ngx_http_get_variable_index(cf,
                                          &ngx_http_webhook_body_variables[i]);
        if (index == NGX_ERROR) {
            return NGX_ERROR;
        }

        wmcf->body_variables[i] = index;
    }

    return NGX_OK;
}
