
/*
 * "webhook_status": in which format the status is asked for, and the answer.
 *
 * A location with webhook_status is checked as any other of the module's, by a
 * system of its own, which takes GET and HEAD alone: what is wrong with a
 * request is answered by the same tables.
 */


#include "views/ngx_http_webhook_status_handler.h"
#include "core/ngx_http_webhook_ctx.h"
#include "status/ngx_http_webhook_status_zone.h"
#include "judge/ngx_http_webhook_problem.h"
#include "views/ngx_http_webhook_status_json.h"
#include "views/ngx_http_webhook_status_out.h"
#include "views/ngx_http_webhook_status_page.h"
#include "views/ngx_http_webhook_status_prometheus.h"


/* A format in which the status is shown */

typedef struct {
    ngx_str_t    name;              /* in the directive, and of ?format= */
    ngx_str_t    type;              /* in an Accept header */
    ngx_str_t    content_type;
    ngx_str_t   *policy;            /* Content-Security-Policy, NULL: none */
    void       (*print)(ngx_http_webhook_status_out_t *out,
                        ngx_http_webhook_status_t *status, ngx_str_t *api);
} ngx_http_webhook_status_format_t;


/* The parameters of "webhook_status" in a location */

struct ngx_http_webhook_status_conf_s {
    ngx_shm_zone_t                     *shm_zone;
    ngx_http_webhook_status_format_t   *format;     /* NULL: any */
    ngx_str_t                           api;        /* of "api=", may be
                                                       empty */
};


static ngx_int_t ngx_http_webhook_status_route(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx);
static ngx_int_t ngx_http_webhook_status_accept(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx);
static ngx_http_webhook_status_format_t *ngx_http_webhook_status_find_format(
    ngx_str_t *name);
static ngx_http_webhook_status_format_t *ngx_http_webhook_status_by_accept(
    ngx_http_request_t *r);
static ngx_int_t ngx_http_webhook_status_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_webhook_status_headers(ngx_http_request_t *r,
    ngx_http_webhook_status_format_t *format);
static void ngx_http_webhook_status_html(ngx_http_webhook_status_out_t *out,
    ngx_http_webhook_status_t *status, ngx_str_t *api);
static char *ngx_http_webhook_status_check(ngx_conf_t *cf,
    ngx_http_webhook_loc_conf_t *wlcf);


/*
 * The formats.  The first one is the answer to an Accept header that names
 * none of the types; of several types that it names, the first one here counts.
 */

static ngx_http_webhook_status_format_t  ngx_http_webhook_status_formats[] = {

    { ngx_string("json"),
      ngx_string("application/json"),
      ngx_string("application/json"),
      NULL,
      ngx_http_webhook_status_json },

    { ngx_string("prometheus"),
      ngx_string("text/plain"),
      ngx_string("text/plain; version=0.0.4; charset=utf-8"),
      NULL,
      ngx_http_webhook_status_prometheus },

    { ngx_string("html"),
      ngx_string("text/html"),
      ngx_string("text/html; charset=utf-8"),
      &ngx_http_webhook_status_policy,
      ngx_http_webhook_status_html },

    { ngx_null_string, ngx_null_string, ngx_null_string, NULL, NULL }
};

/* The format that the page asks for, at its own address */
#define ngx_http_webhook_status_data  (&ngx_http_webhook_status_formats[0])


static ngx_str_t  ngx_http_webhook_status_params[] = {
    ngx_string("format"),
    ngx_null_string
};


static ngx_http_webhook_method_t  ngx_http_webhook_status_methods[] = {

    { NGX_HTTP_GET|NGX_HTTP_HEAD,
      NULL,
      NULL,
      0,
      NULL,
      ngx_http_webhook_status_accept,
      ngx_http_webhook_status_params },

    { 0, NULL, NULL, 0, NULL, NULL, NULL }
};


static ngx_http_webhook_resource_t  ngx_http_webhook_status_resource = {
    ngx_string("GET, HEAD"),
    ngx_http_webhook_status_methods
};


static ngx_http_webhook_verdict_t  ngx_http_webhook_status_invalid_format =
    ngx_http_webhook_verdict(NGX_HTTP_BAD_REQUEST, invalid_format,
                             "format must be json, prometheus or html");


static ngx_http_webhook_verdict_t  ngx_http_webhook_status_other_format =
    ngx_http_webhook_verdict(NGX_HTTP_BAD_REQUEST, invalid_format,
                             "format is not the one of this location");


static ngx_http_webhook_provider_t  ngx_http_webhook_status_provider = {
    ngx_string("status"),
    NULL,                                  /* events */
    ngx_http_webhook_no_source,            /* event */
    ngx_http_webhook_no_source,            /* id */
    ngx_http_webhook_no_source,            /* tenant */
    ngx_http_webhook_status_route,
    NULL,                                  /* resource */
    NULL,                                  /* param */
    ngx_http_webhook_status_check,
    NULL,                                  /* fan_out */
    NULL,                                  /* shape */
    NULL,                                  /* media */
    &ngx_http_webhook_problem_json,
    ngx_null_string,                       /* scheme */
    ngx_null_string,                       /* own */
    NGX_HTTP_WEBHOOK_OPEN,                 /* secret */
    0,                                     /* slug */
    0,                                     /* passes */
    0,                                     /* identity */
    0,                                     /* unknown */
    0                                      /* unknown_path */
};


static ngx_int_t
ngx_http_webhook_status_route(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx)
{
    ctx->resource = &ngx_http_webhook_status_resource;

    return NGX_OK;
}


/*
 * Chooses the format.  Where the directive has one, a request can't ask for
 * another: a location for Prometheus does not show the addresses of clients,
 * which are in JSON.  The page is nothing without the JSON that it asks for.
 */

static ngx_int_t
ngx_http_webhook_status_accept(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx)
{
    ngx_str_t                          value;
    ngx_http_webhook_status_conf_t    *conf;
    ngx_http_webhook_status_format_t  *format;

    conf = ctx->conf->status;

    if (ngx_http_arg(r, (u_char *) "format", 6, &value) == NGX_OK) {

        format = ngx_http_webhook_status_find_format(&value);

        if (format == NULL) {
            return ngx_http_webhook_reject(ctx,
                                       &ngx_http_webhook_status_invalid_format,
                                       NULL);
        }

        if (conf->format
            && conf->format != format
            && !(conf->format->print == ngx_http_webhook_status_html
                 && format == ngx_http_webhook_status_data))
        {
            return ngx_http_webhook_reject(ctx,
                                       &ngx_http_webhook_status_other_format,
                                       NULL);
        }

    } else {
        format = conf->format ? conf->format
                              : ngx_http_webhook_status_by_accept(r);
    }

    ctx->data = format;

    r->content_handler = ngx_http_webhook_status_handler;

    return NGX_OK;
}


/* Returns the format of this name, NULL if there is none. */

static ngx_http_webhook_status_format_t *
ngx_http_webhook_status_find_format(ngx_str_t *name)
{
    ngx_http_webhook_status_format_t  *format;

    for (format = ngx_http_webhook_status_formats; format->print; format++) {

        if (format->name.len == name->len
            && ngx_strncmp(format->name.data, name->data, name->len) == 0)
        {
            return format;
        }
    }

    return NULL;
}


/*
 * Returns the first format whose type is somewhere in the Accept header, or
 * JSON.  Preferences, "q=", are not looked at: browsers ask for text/html and
 * Prometheus for text/plain, and neither for one of the others.
 */

static ngx_http_webhook_status_format_t *
ngx_http_webhook_status_by_accept(ngx_http_request_t *r)
{
    u_char                            *last;
    ngx_str_t                         *type;
    ngx_uint_t                         n;
    ngx_table_elt_t                   *accept;
    ngx_http_webhook_status_format_t  *format;

    static ngx_str_t  name = ngx_string("accept");

    accept = ngx_http_webhook_find_header(r, &name, &n);

    if (accept == NULL) {
        return ngx_http_webhook_status_formats;
    }

    last = accept->value.data + accept->value.len;

    for (format = ngx_http_webhook_status_formats; format->print; format++) {
        type = &format->type;

        if (ngx_strlcasestrn(accept->value.data, last, type->data,
                             type->len - 1))
        {
            return format;
        }
    }

    return ngx_http_webhook_status_formats;
}


static ngx_int_t
ngx_http_webhook_status_handler(ngx_http_request_t *r)
{
    ngx_int_t                          rc;
    ngx_chain_t                       *cl;
    ngx_http_webhook_ctx_t            *ctx;
    ngx_http_webhook_main_conf_t      *wmcf;
    ngx_http_webhook_status_out_t      out;
    ngx_http_webhook_status_format_t  *format;

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_webhook_module);
    wmcf = ngx_http_get_module_main_conf(r, ngx_http_webhook_module);

    format = ctx->data;

    ngx_http_webhook_status_out_init(&out, r->pool);

    format->print(&out, wmcf->status, &ctx->conf->status->api);

    if (out.failed || ngx_http_webhook_status_headers(r, format) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = out.size;
    r->disable_not_modified = 1;

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
ngx_http_webhook_status_headers(ngx_http_request_t *r,
    ngx_http_webhook_status_format_t *format)
{
    static ngx_str_t  no_store = ngx_string("no-store");
    static ngx_str_t  nosniff = ngx_string("nosniff");
    static ngx_str_t  no_referrer = ngx_string("no-referrer");
    static ngx_str_t  accept = ngx_string("Accept");

    r->headers_out.content_type = format->content_type;
    r->headers_out.content_type_len = format->content_type.len;
    r->headers_out.content_type_lowcase = NULL;

    if (ngx_http_webhook_add_header(r, "Cache-Control", &no_store) == NULL
        || ngx_http_webhook_add_header(r, "Vary", &accept) == NULL
        || ngx_http_webhook_add_header(r, "X-Content-Type-Options", &nosniff)
           == NULL)
    {
        return NGX_ERROR;
    }

    if (format->policy
        && (ngx_http_webhook_add_header(r, "Content-Security-Policy",
                                        format->policy)
            == NULL
            || ngx_http_webhook_add_header(r, "Referrer-Policy", &no_referrer)
               == NULL))
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_http_webhook_status_html(ngx_http_webhook_status_out_t *out,
    ngx_http_webhook_status_t *status, ngx_str_t *api)
{
    ngx_http_webhook_status_out_link(out, &ngx_http_webhook_status_page);
}


/*
 * webhook_status zone=name [json|prometheus|html] [api=/prefix];
 *
 * The handler of the directive.
 */

char *
ngx_http_webhook_status(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_webhook_loc_conf_t *wlcf = conf;

    ngx_str_t                         *value, name;
    ngx_uint_t                         i;
    ngx_http_webhook_status_conf_t    *status;
    ngx_http_webhook_status_format_t  *format;

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

        if (format && status->format == NULL) {
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

    if (status->api.len
        && status->format
        && status->format->print == ngx_http_webhook_status_prometheus)
    {
        return "has \"api=\", which \"prometheus\" does not show";
    }

    wlcf->status = status;
    wlcf->provider = &ngx_http_webhook_status_provider;
    wlcf->file = cf->conf_file->file.name.data;
    wlcf->line = cf->conf_file->line;

    return NGX_CONF_OK;
}


/* Checks that the zone of "zone=" is there; called with merged parameters. */

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
