
#ifndef _NGX_HTTP_WEBHOOK_BLOCK_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_BLOCK_H_INCLUDED_


#include "ngx_http_webhook.h"


/*
 * Reads the "n" parameters of a line.  Returns NULL, or what is wrong with the
 * line, or NGX_CONF_ERROR if it has logged that.
 */

typedef char *(*ngx_http_webhook_block_pt)(ngx_conf_t *cf, void *data,
    ngx_str_t *value, ngx_uint_t n);


/* a line that a block may have; an empty name ends a table of them */

typedef struct {
    ngx_str_t                    name;
    ngx_uint_t                   min;        /* parameters */
    ngx_uint_t                   max;        /* 0: any number */
    ngx_uint_t                   repeatable;
    ngx_http_webhook_block_pt    handler;
} ngx_http_webhook_block_line_t;


char *ngx_http_webhook_block(ngx_conf_t *cf, ngx_str_t *directive,
    ngx_str_t *name, ngx_http_webhook_block_line_t *lines, void *data);


#endif /* _NGX_HTTP_WEBHOOK_BLOCK_H_INCLUDED_ */
