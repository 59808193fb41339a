
/* Blocks of lines, such as "webhook_scheme name { ... }". */


#include "core/ngx_http_webhook_block.h"


/* a block that is being read */

typedef struct {
    ngx_str_t                       *directive;
    ngx_str_t                       *name;
    ngx_http_webhook_block_line_t   *lines;
    void                            *data;
    ngx_uint_t                       seen;       /* a bit for each line */
} ngx_http_webhook_block_t;


static char *ngx_http_webhook_block_line(ngx_conf_t *cf, ngx_command_t *dummy,
    void *conf);
static char *ngx_http_webhook_block_unknown(ngx_conf_t *cf,
    ngx_http_webhook_block_t *block, ngx_str_t *line);


/*
 * Reads the block that follows, of the directive and the name that messages
 * tell; "name" must not be one of cf->args, which the lines take.  "lines" are
 * those that it may have, at most as many as a word has bits; their handlers
 * get "data".  Returns NGX_CONF_OK, or NGX_CONF_ERROR after a message.
 */

char *
ngx_http_webhook_block(ngx_conf_t *cf, ngx_str_t *directive, ngx_str_t *name,
    ngx_http_webhook_block_line_t *lines, void *data)
{
    char                      *rc;
    ngx_conf_t                 save;
    ngx_http_webhook_block_t   block;

    block.directive = directive;
    block.name = name;
    block.lines = lines;
    block.data = data;
    block.seen = 0;

    save = *cf;
    cf->handler = ngx_http_webhook_block_line;
    cf->handler_conf = (void *) &block;

    rc = ngx_conf_parse(cf, NULL);

    *cf = save;

    return rc;
}


/* One line, as nginx's parser calls it. */

static char *
ngx_http_webhook_block_line(ngx_conf_t *cf, ngx_command_t *dummy, void *conf)
{
    ngx_http_webhook_block_t *block = conf;

    char                           *rc;
    ngx_str_t                      *value;
    ngx_uint_t                      bit, n;
    ngx_http_webhook_block_line_t  *line;

    value = cf->args->elts;
    n = cf->args->nelts - 1;
    bit = 1;

    for (line = block->lines; line->name.len; line++) {
        if (ngx_strcmp(value[0].data, line->name.data) == 0) {
            break;
        }

        bit <<= 1;
    }

    if (line->name.len == 0) {
        return ngx_http_webhook_block_unknown(cf, block, &value[0]);
    }

    if ((block->seen & bit) && !line->repeatable) {
        rc = "is duplicate";

    } else if (n < line->min || (line->max && n > line->max)) {
        rc = "has an invalid number of arguments";

    } else {
        rc = line->handler(cf, block->data, &value[1], n);
    }

    block->seen |= bit;

    if (rc == NULL || rc == NGX_CONF_ERROR) {
        return rc;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V\" of \"%V %V\" %s",
                       &value[0], block->directive, block->name, rc);

    return NGX_CONF_ERROR;
}


/* Tells which lines there are.  Returns NGX_CONF_ERROR. */

static char *
ngx_http_webhook_block_unknown(ngx_conf_t *cf, ngx_http_webhook_block_t *block,
    ngx_str_t *line)
{
    u_char                          buf[NGX_MAX_CONF_ERRSTR], *last, *p;
    ngx_http_webhook_block_line_t  *known;

    p = buf;
    last = buf + sizeof(buf);

    for (known = block->lines; known->name.len; known++) {

        if (known != block->lines) {
            p = ngx_slprintf(p, last, "%s", known[1].name.len ? ", " : " and ");
        }

        p = ngx_slprintf(p, last, "\"%V\"", &known->name);
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "unknown directive \"%V\" in \"%V %V\": %*s are "
                       "allowed",
                       line, block->directive, block->name,
                       (size_t) (p - buf), buf);

    return NGX_CONF_ERROR;
}
