
/* The answer of "webhook_status", which is printed piece by piece. */


#include "views/ngx_http_webhook_status_out.h"


#define NGX_HTTP_WEBHOOK_STATUS_BUFFER  8192

/* One call of ngx_http_webhook_status_out_print() adds less than this. */
#define NGX_HTTP_WEBHOOK_STATUS_PIECE   512


static ngx_buf_t *ngx_http_webhook_status_out_room(
    ngx_http_webhook_status_out_t *out, size_t len);
static ngx_int_t ngx_http_webhook_status_out_append(
    ngx_http_webhook_status_out_t *out, ngx_buf_t *b);


/* Makes "out" an empty answer, whose memory will be of "pool". */

void
ngx_http_webhook_status_out_init(ngx_http_webhook_status_out_t *out,
    ngx_pool_t *pool)
{
    ngx_memzero(out, sizeof(ngx_http_webhook_status_out_t));

    out->pool = pool;
    out->last = &out->chain;
}


/*
 * Adds what ngx_sprintf() would print, which must be less than 512 bytes: it is
 * for numbers and for strings of the module's own tables.
 */

void
ngx_http_webhook_status_out_print(ngx_http_webhook_status_out_t *out,
    const char *fmt, ...)
{
    u_char     *p;
    va_list     args;
    ngx_buf_t  *b;

    b = ngx_http_webhook_status_out_room(out, NGX_HTTP_WEBHOOK_STATUS_PIECE);
    if (b == NULL) {
        return;
    }

    va_start(args, fmt);
    p = ngx_vslprintf(b->last, b->end, fmt, args);
    va_end(args);

    out->size += p - b->last;
    b->last = p;
}


/* Adds a copy of "len" bytes, as many as there are. */

void
ngx_http_webhook_status_out_write(ngx_http_webhook_status_out_t *out, u_char *p,
    size_t len)
{
    ngx_buf_t  *b;

    b = ngx_http_webhook_status_out_room(out, len);
    if (b == NULL) {
        return;
    }

    b->last = ngx_cpymem(b->last, p, len);
    out->size += len;
}


/* Adds "text" without a copy of it: it must be static. */

void
ngx_http_webhook_status_out_link(ngx_http_webhook_status_out_t *out,
    ngx_str_t *text)
{
    ngx_buf_t  *b;

    b = out->failed ? NULL : ngx_calloc_buf(out->pool);

    if (b == NULL || ngx_http_webhook_status_out_append(out, b) != NGX_OK) {
        out->failed = 1;
        return;
    }

    b->pos = text->data;
    b->last = text->data + text->len;
    b->memory = 1;

    out->buf = NULL;
    out->size += text->len;
}


/* Returns a buffer with room for "len" bytes, or NULL if there is no memory. */

static ngx_buf_t *
ngx_http_webhook_status_out_room(ngx_http_webhook_status_out_t *out, size_t len)
{
    ngx_buf_t  *b;

    b = out->buf;

    if (out->failed) {
        return NULL;
    }

    if (b && (size_t) (b->end - b->last) >= len) {
        return b;
    }

    b = ngx_create_temp_buf(out->pool,
                            ngx_max(len, NGX_HTTP_WEBHOOK_STATUS_BUFFER));

    if (b == NULL || ngx_http_webhook_status_out_append(out, b) != NGX_OK) {
        out->failed = 1;
        return NULL;
    }

    out->buf = b;

    return b;
}


static ngx_int_t
ngx_http_webhook_status_out_append(ngx_http_webhook_status_out_t *out,
    ngx_buf_t *b)
{
    ngx_chain_t  *cl;

    cl = ngx_alloc_chain_link(out->pool);
    if (cl == NULL) {
        return NGX_ERROR;
    }

    cl->buf = b;
    cl->next = NULL;

    *out->last = cl;
    out->last = &cl->next;

    return NGX_OK;
}
