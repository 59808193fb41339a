
#ifndef _NGX_HTTP_WEBHOOK_STATUS_OUT_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_STATUS_OUT_H_INCLUDED_


#include "ngx_http_webhook.h"


/*
 * An answer that grows by pieces.  Who adds to it need not look whether there
 * was memory: after a piece that could not be added, "failed" is set, and
 * nothing more is added.
 */

typedef struct {
    ngx_pool_t       *pool;
    ngx_chain_t      *chain;
    ngx_chain_t     **last;
    ngx_buf_t        *buf;      /* the last one, NULL: it can't be added to */
    off_t             size;     /* bytes of all pieces */
    ngx_uint_t        failed;
} ngx_http_webhook_status_out_t;


void ngx_http_webhook_status_out_init(ngx_http_webhook_status_out_t *out,
    ngx_pool_t *pool);
void ngx_http_webhook_status_out_print(ngx_http_webhook_status_out_t *out,
    const char *fmt, ...);
void ngx_http_webhook_status_out_write(ngx_http_webhook_status_out_t *out,
    u_char *p, size_t len);
void ngx_http_webhook_status_out_link(ngx_http_webhook_status_out_t *out,
    ngx_str_t *text);


#endif /* _NGX_HTTP_WEBHOOK_STATUS_OUT_H_INCLUDED_ */
