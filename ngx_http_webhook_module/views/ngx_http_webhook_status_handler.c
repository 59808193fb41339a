
/*
 * "webhook_status" answers: which format is asked for, and what is said in it.
 *
 * A location with it is judged as any other of the module's, by a system of its
 * own that takes GET alone, so that what is wrong with a request is answered by
 * the same tables.
 */


#include "views/ngx_http_webhook_status_handler.h"
#include "status/ngx_http_webhook_status_render.h"
#include "core/ngx_http_webhook_ctx.h"
#include "judge/ngx_http_webhook_problem.h"


#define NGX_HTTP_WEBHOOK_STATUS_BUFFER  8192

/* more than the longest piece that is printed at once, without its strings */
#define NGX_HTTP_WEBHOOK_STATUS_PIECE   512


enum {
    webhook_status_json = 0,
    webhook_status_prometheus,
    webhook_status_html,
    webhook_status_formats
};


static ngx_int_t ngx_http_webhook_status_route(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx);
static ngx_int_t ngx_http_webhook_status_authenticate(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx);
static ngx_int_t ngx_http_webhook_status_accept(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx);
static ngx_uint_t ngx_http_webhook_status_find_format(ngx_str_t *name);
static ngx_uint_t ngx_http_webhook_status_negotiate(ngx_http_request_t *r);
static void ngx_http_webhook_status_range(u_char *p, u_char *last,
    ngx_uint_t *quality, ngx_uint_t *specific);
static ngx_int_t ngx_http_webhook_status_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_webhook_status_headers(ngx_http_request_t *r,
    ngx_uint_t format);
static ngx_buf_t *ngx_http_webhook_status_room(
    ngx_http_webhook_status_out_t *out, size_t len);
static char *ngx_http_webhook_status_check(ngx_conf_t *cf,
    ngx_http_webhook_loc_conf_t *wlcf);


/* "type" is what Accept asks for, without parameters */

static struct {
    ngx_str_t  name;
    ngx_str_t  type;
    ngx_str_t  content_type;
} ngx_http_webhook_status_formats[] = {

    { ngx_string("json"),
      ngx_string("application/json"),
      ngx_string("application/json") },

    { ngx_string("prometheus"),
      ngx_string("text/plain"),
      ngx_string("text/plain; version=0.0.4; charset=utf-8") },

    { ngx_string("html"),
      ngx_string("text/html"),
      ngx_string("text/html; charset=utf-8") }
};


static ngx_str_t  ngx_http_webhook_status_events[] = {
    ngx_null_string
};


static ngx_http_webhook_method_t  ngx_http_webhook_status_methods[] = {

    { NGX_HTTP_GET|NGX_HTTP_HEAD,
      ngx_http_webhook_status_authenticate,
      NULL,
      0,
      NULL,
      ngx_http_webhook_status_accept },

    { 0, NULL, NULL, 0, NULL, NULL }
};


static ngx_http_webhook_resource_t  ngx_http_webhook_status_resource = {
    ngx_string("GET, HEAD"),
    ngx_http_webhook_status_methods
};


static ngx_http_webhook_verdict_t  ngx_http_webhook_status_invalid_format = {
    NGX_HTTP_BAD_REQUEST,
    ngx_string("invalid_format"),
    ngx_string("format must be json, prometheus or html"),
    ngx_null_string,
    0
};


ngx_http_webhook_provider_t  ngx_http_webhook_status_provider = {
    ngx_string("status"),
    ngx_http_webhook_status_events,
    NGX_HTTP_WEBHOOK_ROOT,
    ngx_http_webhook_status_route,
    NULL,                                  /* param */
    ngx_http_webhook_status_check,
    NULL,                                  /* fan_out */
    &ngx_http_webhook_problem_json,
    ngx_null_string,                       /* scheme */
    NGX_HTTP_WEBHOOK_OPEN,                 /* secret */
    0                                      /* slug */
};


static ngx_int_t
ngx_http_webhook_status_route(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx)
{
    ctx->resource = &ngx_http_webhook_status_resource;

    return NGX_OK;
}


/* who may look is for nginx's own modules to say */

static ngx_int_t
ngx_http_webhook_status_authenticate(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx)
{
    return NGX_DECLINED;
}


/* the query string wins, then the directive, then Accept */

static ngx_int_t
ngx_http_webhook_status_accept(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx)
{
    ngx_str_t                        value;
    ngx_uint_t                       format;
    ngx_http_webhook_status_conf_t  *conf;

    conf = ctx->conf->status;

    if (ngx_http_arg(r, (u_char *) "format", 6, &value) == NGX_OK) {

        format = ngx_http_webhook_status_find_format(&value);

        if (format == webhook_status_formats) {
            return ngx_http_webhook_reject(ctx,
                                       &ngx_http_webhook_status_invalid_format,
                                       NULL);
        }

    } else if (conf->format != NGX_CONF_UNSET_UINT) {
        format = conf->format;

    } else {
        format = ngx_http_webhook_status_negotiate(r);
    }

    ctx->limit = format;

    r->content_handler = ngx_http_webhook_status_handler;

    return NGX_OK;
}


static ngx_uint_t
ngx_http_webhook_status_find_format(ngx_str_t *name)
{
    ngx_str_t   *known;
    ngx_uint_t   i;

    for (i = 0; i < webhook_status_formats; i++) {
        known = &ngx_http_webhook_status_formats[i].name;

        if (known->len == name->len
            && ngx_strncmp(known->data, name->data, name->len) == 0)
        {
            break;
        }
    }

    return i;
}


/*
 * Returns the format that Accept (RFC 9110, section 12.5.1) likes best, the
 * first one of the table if it likes several, or none: nobody is turned away.
 */

static ngx_uint_t
ngx_http_webhook_status_negotiate(ngx_http_request_t *r)
{
    u_char            *comma, *last, *p;
    ngx_uint_t         best, i, n;
    ngx_uint_t         quality[webhook_status_formats];
    ngx_uint_t         specific[webhook_status_formats];
    ngx_table_elt_t   *accept;

    static ngx_str_t   name = ngx_string("accept");

    accept = ngx_http_webhook_find_header(r, &name, &n);

    if (n != 1) {
        return webhook_status_json;
    }

    ngx_memzero(quality, sizeof(quality));
    ngx_memzero(specific, sizeof(specific));

    p = accept->value.data;
    last = p + accept->value.len;

    for ( /* void */ ; p < last; p = comma + 1) {

        comma = ngx_strlchr(p, last, ',');
        if (comma == NULL) {
            comma = last;
        }

        ngx_http_webhook_status_range(p, comma, quality, specific);
    }

    best = webhook_status_json;

    for (i = 0; i < webhook_status_formats; i++) {
        if (quality[i] > quality[best]) {
            best = i;
        }
    }

    return best;
}


/* takes a media range into account: a more specific one has the say */

static void
ngx_http_webhook_status_range(u_char *p, u_char *last, ngx_uint_t *quality,
    ngx_uint_t *specific)
{
    size_t      len;
    u_char     *end;
    ngx_str_t  *type;
    ngx_int_t   q;
    ngx_uint_t  i, level;

    while (p < last && (*p == ' ' || *p == '\t')) {
        p++;
    }

    for (end = p; end < last && *end != ';' && *end != ' '; end++) {
        /* void */
    }

    len = end - p;
    q = 1000;

    for ( /* void */ ; end + 2 < last; end++) {

        if ((end[0] == ';' || end[0] == ' ')
            && (end[1] | 0x20) == 'q' && end[2] == '=')
        {
            end += 3;
            last = ngx_min(last, end + 5);

            while (last > end && (last[-1] == ' ' || last[-1] == '\t')) {
                last--;
            }

            q = ngx_atofp(end, last - end, 3);

            if (q == NGX_ERROR) {
                q = 0;
            }

            break;
        }
    }

    for (i = 0; i < webhook_status_formats; i++) {
        type = &ngx_http_webhook_status_formats[i].type;

        if (len == type->len && ngx_strncasecmp(p, type->data, len) == 0) {
            level = 3;

        } else if (len == 3 && ngx_strncmp(p, "*/*", 3) == 0) {
            level = 1;

        } else if (len > 2
                   && len < type->len
                   && p[len - 1] == '*'
                   && p[len - 2] == '/'
                   && ngx_strncasecmp(p, type->data, len - 1) == 0)
        {
            level = 2;

        } else {
            continue;
        }

        if (level > specific[i]) {
            specific[i] = level;
            quality[i] = q;
        }
    }
}


static ngx_int_t
ngx_http_webhook_status_handler(ngx_http_request_t *r)
{
    ngx_int_t                       rc;
    ngx_buf_t                      *b;
    ngx_uint_t                      format;
    ngx_chain_t                    *cl, page;
    ngx_http_webhook_ctx_t         *ctx;
    ngx_http_webhook_status_t      *status;
    ngx_http_webhook_main_conf_t   *wmcf;
    ngx_http_webhook_status_out_t   out;

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_webhook_module);
    wmcf = ngx_http_get_module_main_conf(r, ngx_http_webhook_module);

    status = wmcf->status;
    format = ctx->limit;

    ngx_memzero(&out, sizeof(ngx_http_webhook_status_out_t));

    out.pool = r->pool;
    out.last = &out.chain;

    switch (format) {

    case webhook_status_html:

        b = ngx_calloc_buf(r->pool);
        if (b == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        b->pos = ngx_http_webhook_status_page.data;
        b->last = b->pos + ngx_http_webhook_status_page.len;
        b->memory = 1;

        page.buf = b;
        page.next = NULL;

        out.chain = &page;
        out.size = ngx_http_webhook_status_page.len;
        break;

    case webhook_status_prometheus:
        ngx_http_webhook_status_prometheus(&out, status);
        break;

    default: /* webhook_status_json */
        ngx_http_webhook_status_json(&out, status, ctx->conf->status);
        break;
    }

    if (out.failed || ngx_http_webhook_status_headers(r, format) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = out.size;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    for (cl = out.chain; cl->next; cl = cl->next) { /* void */ }

    cl->buf->last_buf = (r == r->main);
    cl->buf->last_in_chain = 1;

    return ngx_http_output_filter(r, out.chain);
}


static ngx_int_t
ngx_http_webhook_status_headers(ngx_http_request_t *r, ngx_uint_t format)
{
    ngx_str_t          *type;

    static ngx_str_t    no_store = ngx_string("no-store");
    static ngx_str_t    nosniff = ngx_string("nosniff");
    static ngx_str_t    no_referrer = ngx_string("no-referrer");
    static ngx_str_t    accept = ngx_string("Accept");

    type = &ngx_http_webhook_status_formats[format].content_type;

    r->headers_out.content_type = *type;
    r->headers_out.content_type_len = type->len;
    r->headers_out.content_type_lowcase = NULL;

    if (ngx_http_webhook_add_header(r, "Cache-Control", &no_store) == NULL
        || ngx_http_webhook_add_header(r, "Vary", &accept) == NULL
        || ngx_http_webhook_add_header(r, "X-Content-Type-Options", &nosniff)
           == NULL)
    {
        return NGX_ERROR;
    }

    if (format == webhook_status_html
        && (ngx_http_webhook_add_header(r, "Content-Security-Policy",
                                        &ngx_http_webhook_status_policy)
            == NULL
            || ngx_http_webhook_add_header(r, "Referrer-Policy", &no_referrer)
               == NULL))
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* returns a buffer with room for "len" bytes, or NULL */

static ngx_buf_t *
ngx_http_webhook_status_room(ngx_http_webhook_status_out_t *out, size_t len)
{
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    b = out->buf;

    if (out->failed) {
        return NULL;
    }

    if (b && (size_t) (b->end - b->last) >= len) {
        return b;
    }

    b = ngx_create_temp_buf(out->pool,
                            ngx_max(len, NGX_HTTP_WEBHOOK_STATUS_BUFFER));
    cl = ngx_alloc_chain_link(out->pool);

    if (b == NULL || cl == NULL) {
        out->failed = 1;
        return NULL;
    }

    cl->buf = b;
    cl->next = NULL;

    *out->last = cl;
    out->last = &cl->next;

    out->buf = b;

    return b;
}


/* adds numbers and short strings of tables */

void
ngx_http_webhook_status_print(ngx_http_webhook_status_out_t *out,
    const char *fmt, ...)
{
    u_char     *p;
    va_list     args;
    ngx_buf_t  *b;

    b = ngx_http_webhook_status_room(out, NGX_HTTP_WEBHOOK_STATUS_PIECE);
    if (b == NULL) {
        return;
    }

    va_start(args, fmt);
    p = ngx_vslprintf(b->last, b->end, fmt, args);
    va_end(args);

    out->size += p - b->last;
    b->last = p;
}


/* adds a text of any length */

void
ngx_http_webhook_status_write(ngx_http_webhook_status_out_t *out, u_char *p,
    size_t len)
{
    ngx_buf_t  *b;

    b = ngx_http_webhook_status_room(out, len);
    if (b == NULL) {
        return;
    }

    b->last = ngx_cpymem(b->last, p, len);
    out->size += len;
}


/* webhook_status zone=name [json|prometheus|html] [api=/prefix]; */

char *
ngx_http_webhook_status(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_webhook_loc_conf_t *wlcf = conf;

    ngx_str_t                       *value, name;
    ngx_uint_t                       format, i;
    ngx_http_webhook_status_conf_t  *status;

    if (wlcf->status) {
        return "is duplicate";
    }

    if (wlcf->provider != NGX_CONF_UNSET_PTR) {
        return "is used beside \"webhook\"";
    }

    status = ngx_pcalloc(cf->pool, sizeof(ngx_http_webhook_status_conf_t));
    if (status == NULL) {
        return NGX_CONF_ERROR;
    }

    status->format = NGX_CONF_UNSET_UINT;

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "zone=", 5) == 0
            && value[i].len > 5 && status->shm_zone == NULL)
        {
            name.len = value[i].len - 5;
            name.data = value[i].data + 5;

            status->shm_zone = ngx_http_webhook_status_find_zone(cf, &name);
            if (status->shm_zone == NULL) {
                return NGX_CONF_ERROR;
            }

            continue;
        }

        if (ngx_strncmp(value[i].data, "api=/", 5) == 0
            && status->api.len == 0)
        {
            status->api.len = value[i].len - 4;
            status->api.data = value[i].data + 4;

            /* the routes that follow begin with a slash */

            while (status->api.len > 1
                   && status->api.data[status->api.len - 1] == '/')
            {
                status->api.len--;
            }

            continue;
        }

        format = ngx_http_webhook_status_find_format(&value[i]);

        if (format != webhook_status_formats
            && status->format == NGX_CONF_UNSET_UINT)
        {
            status->format = format;
            continue;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\"", &value[i]);
        return NGX_CONF_ERROR;
    }

    if (status->shm_zone == NULL) {
        return "needs \"zone=\"";
    }

    wlcf->status = status;
    wlcf->provider = &ngx_http_webhook_status_provider;
    wlcf->file = cf->conf_file->file.name.data;
    wlcf->line = cf->conf_file->line;

    return NGX_CONF_OK;
}


static char *
ngx_http_webhook_status_check(ngx_conf_t *cf, ngx_http_webhook_loc_conf_t *wlcf)
{
    ngx_shm_zone_t  *shm_zone;

    shm_zone = wlcf->status->shm_zone;

    if (shm_zone->shm.size == 0) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "unknown webhook status zone \"%V\" in %s:%ui",
                      &shm_zone->shm.name, wlcf->file, wlcf->line);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}
