
/* directives, configuration, and what hooks the module into nginx */


#include "ngx_http_webhook.h"


static ngx_int_t ngx_http_webhook_request_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in);
static ngx_int_t ngx_http_webhook_init_process(ngx_cycle_t *cycle);
static void ngx_http_webhook_exit_process(ngx_cycle_t *cycle);
static void *ngx_http_webhook_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_webhook_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_webhook_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
static char *ngx_http_webhook_check_loc_conf(ngx_conf_t *cf,
    ngx_http_webhook_loc_conf_t *wlcf);
static char *ngx_http_webhook(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
static char *ngx_http_webhook_secret(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_webhook_secret_header(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_webhook_zone(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static ngx_int_t ngx_http_webhook_init(ngx_conf_t *cf);


/* the systems */

ngx_http_webhook_provider_t  *ngx_http_webhook_providers[] = {
    &ngx_http_webhook_luzmo,
    &ngx_http_webhook_munity,
    &ngx_http_webhook_lenra,
    &ngx_http_webhook_signed,
    NULL
};


/* what is said of the body, and changes with it */

static ngx_str_t
    ngx_http_webhook_body_variables[NGX_HTTP_WEBHOOK_BODY_VARIABLES] =
{
    ngx_string("content_length"),
    ngx_string("content_type"),
    ngx_string("http_content_length"),
    ngx_string("http_content_type")
};


static ngx_command_t  ngx_http_webhook_commands[] = {

    { ngx_string("webhook"),
      NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_webhook,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("webhook_secret"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE12,
      ngx_http_webhook_secret,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("webhook_secret_header"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_webhook_secret_header,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("webhook_signature"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_webhook_signature,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("webhook_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE123,
      ngx_http_webhook_zone,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("webhook_dedup"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE123,
      ngx_http_webhook_dedup_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("webhook_dedup_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE12,
      ngx_http_webhook_dedup_zone,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("webhook_app"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_2MORE,
      ngx_http_webhook_app,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("webhook_identity"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE23,
      ngx_http_webhook_identity,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("webhook_queue_path"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_2MORE,
      ngx_http_webhook_queue_path,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("webhook_status_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE12,
      ngx_http_webhook_status_zone,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("webhook_queue"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE12,
      ngx_http_webhook_queue,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("webhook_deliver"),
      NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_webhook_deliver,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("webhook_retry"),
      NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_webhook_retry,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("webhook_sign"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_webhook_sign,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("webhook_endpoints"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE123,
      ngx_http_webhook_endpoints_conf,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("webhook_endpoint_allow"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_webhook_endpoint_allow,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("webhook_api"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_webhook_api_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("webhook_status"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE123,
      ngx_http_webhook_status,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_webhook_module_ctx = {
    ngx_http_webhook_add_variables,        /* preconfiguration */
    ngx_http_webhook_init,                 /* postconfiguration */

    ngx_http_webhook_create_main_conf,     /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_webhook_create_loc_conf,      /* create location configuration */
    ngx_http_webhook_merge_loc_conf        /* merge location configuration */
};


ngx_module_t  ngx_http_webhook_module = {
    NGX_MODULE_V1,
    &ngx_http_webhook_module_ctx,          /* module context */
    ngx_http_webhook_commands,             /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    ngx_http_webhook_init_process,         /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_http_webhook_exit_process,         /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_http_request_body_filter_pt  ngx_http_next_request_body_filter;


/* nginx passes on each byte of the body once, as it arrives */

static ngx_int_t
ngx_http_webhook_request_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_http_webhook_ctx_t  *ctx;

    if (ngx_http_webhook_outbound_pin(r) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_webhook_module);

    if (ctx && ctx->reading
        && ngx_http_webhook_status_feed(r, ctx, in) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_next_request_body_filter(r, in);
}


static ngx_int_t
ngx_http_webhook_init_process(ngx_cycle_t *cycle)
{
    ngx_uint_t                      i;
    ngx_shm_zone_t                **zone;
    ngx_http_webhook_queue_t      **queue;
    ngx_http_webhook_main_conf_t   *wmcf;

    wmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_webhook_module);

    if (wmcf == NULL
        || (ngx_process != NGX_PROCESS_WORKER
            && ngx_process != NGX_PROCESS_SINGLE))
    {
        return NGX_OK;
    }

    zone = wmcf->zones.elts;

    for (i = 0; i < wmcf->zones.nelts; i++) {
        ngx_http_webhook_registry_open(zone[i], cycle);
    }

    queue = wmcf->queues.elts;

    for (i = 0; i < wmcf->queues.nelts; i++) {
        ngx_http_webhook_queue_open(queue[i], cycle);
    }

    zone = wmcf->dedup_zones.elts;

    for (i = 0; i < wmcf->dedup_zones.nelts; i++) {
        ngx_http_webhook_dedup_init_process(zone[i], cycle);
    }

    return NGX_OK;
}


static void
ngx_http_webhook_exit_process(ngx_cycle_t *cycle)
{
    ngx_uint_t                      i;
    ngx_shm_zone_t                **zone;
    ngx_http_webhook_queue_t      **queue;
    ngx_http_webhook_main_conf_t   *wmcf;

    wmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_webhook_module);

    if (wmcf == NULL) {
        return;
    }

    zone = wmcf->zones.elts;

    for (i = 0; i < wmcf->zones.nelts; i++) {
        ngx_http_webhook_registry_close(zone[i]);
    }

    queue = wmcf->queues.elts;

    for (i = 0; i < wmcf->queues.nelts; i++) {
        ngx_http_webhook_queue_close(queue[i]);
    }

    zone = wmcf->dedup_zones.elts;

    for (i = 0; i < wmcf->dedup_zones.nelts; i++) {
        ngx_http_webhook_dedup_exit_process(zone[i]);
    }
}


static void *
ngx_http_webhook_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_webhook_main_conf_t  *wmcf;

    wmcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_webhook_main_conf_t));
    if (wmcf == NULL) {
        return NULL;
    }

    if (ngx_array_init(&wmcf->zones, cf->pool, 4, sizeof(ngx_shm_zone_t *))
        != NGX_OK
        || ngx_array_init(&wmcf->queues, cf->pool, 4,
                          sizeof(ngx_http_webhook_queue_t *))
           != NGX_OK
        || ngx_array_init(&wmcf->dedup_zones, cf->pool, 1,
                          sizeof(ngx_shm_zone_t *))
           != NGX_OK
        || ngx_array_init(&wmcf->files, cf->pool, 4, sizeof(ngx_str_t))
           != NGX_OK)
    {
        return NULL;
    }

    wmcf->status = ngx_http_webhook_status_create(cf);
    if (wmcf->status == NULL) {
        return NULL;
    }

    return wmcf;
}


static void *
ngx_http_webhook_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_webhook_loc_conf_t  *wlcf;

    wlcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_webhook_loc_conf_t));
    if (wlcf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     wlcf->secret_header = { 0, NULL };
     *     wlcf->secret_key = { 0, NULL };
     *     wlcf->zone = NULL;
     *     wlcf->queue = NULL;
     *     wlcf->deliver = NULL;
     *     wlcf->concurrency = 0;
     *     wlcf->destination = NULL;
     *     wlcf->endpoints = NULL;
     *     wlcf->queue_zone = NULL;
     *     wlcf->report = NULL;
     *     wlcf->timeout = 0;
     *     wlcf->give_up = 0;
     *     wlcf->sign = 0;
     *     wlcf->identity = NULL;
     *     wlcf->status = NULL;
     *     wlcf->system = NULL;
     *     wlcf->file = NULL;
     *     wlcf->line = 0;
     */

    wlcf->provider = NGX_CONF_UNSET_PTR;
    wlcf->unknown = NGX_CONF_UNSET_UINT;
    wlcf->secrets = NGX_CONF_UNSET_PTR;
    wlcf->signature = NGX_CONF_UNSET_PTR;
    wlcf->apps = NGX_CONF_UNSET_PTR;
    wlcf->retry = NGX_CONF_UNSET_PTR;
    wlcf->dedup = NGX_CONF_UNSET_PTR;
    wlcf->allow = NGX_CONF_UNSET_PTR;

    return wlcf;
}


static char *
ngx_http_webhook_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_webhook_loc_conf_t *prev = parent;
    ngx_http_webhook_loc_conf_t *conf = child;

    if (conf->provider == NGX_CONF_UNSET_PTR) {
        ngx_conf_merge_ptr_value(conf->provider, prev->provider, NULL);

        conf->unknown = prev->unknown;
        conf->zone = prev->zone;
        conf->endpoints = prev->endpoints;
        conf->status = prev->status;
        conf->file = prev->file;
        conf->line = prev->line;
    }

    ngx_conf_init_uint_value(conf->unknown, 0);

    /* an absent "webhook_secret" and "off" are told apart when checked */

    if (conf->secrets == NGX_CONF_UNSET_PTR) {
        conf->secrets = prev->secrets;
    }

    if (conf->secret_header.data == NULL) {
        conf->secret_header = prev->secret_header;
        conf->secret_key = prev->secret_key;
    }

    if (conf->secret_header.data == NULL) {
        ngx_str_set(&conf->secret_header, "X-Secret");
        ngx_str_set(&conf->secret_key, "x-secret");
    }

    ngx_conf_merge_ptr_value(conf->signature, prev->signature, NULL);
    ngx_conf_merge_ptr_value(conf->apps, prev->apps, NULL);
    ngx_conf_merge_ptr_value(conf->allow, prev->allow, NULL);

    if (conf->identity == NULL) {
        conf->identity = prev->identity;
    }

    ngx_conf_merge_ptr_value(conf->dedup, prev->dedup, NULL);

    if (conf->dedup
        && ngx_http_webhook_dedup_check(cf, conf->dedup) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if ((conf->queue || prev->queue)
        && ngx_http_webhook_queue_merge(cf, prev, conf) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (conf->provider) {
        conf->system = ngx_http_webhook_status_system(cf, conf->provider);
    }

    if ((conf->deliver || conf->retry != NGX_CONF_UNSET_PTR || conf->sign)
        && ngx_http_webhook_deliver_check(cf, conf) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    return conf->provider ? ngx_http_webhook_check_loc_conf(cf, conf)
                          : NGX_CONF_OK;
}


/* nginx has read all of the configuration by now: says itself where it is */

static char *
ngx_http_webhook_check_loc_conf(ngx_conf_t *cf,
    ngx_http_webhook_loc_conf_t *wlcf)
{
    ngx_uint_t                    i;
    ngx_http_webhook_secret_t    *secret;
    ngx_http_webhook_provider_t  *provider;

    provider = wlcf->provider;

    if (wlcf->secrets == NGX_CONF_UNSET_PTR) {

        if (provider->secret == NGX_HTTP_WEBHOOK_OPEN
            || (provider->secret == NGX_HTTP_WEBHOOK_CREDENTIAL
                && wlcf->signature))
        {
            goto done;
        }

        if (provider->secret == NGX_HTTP_WEBHOOK_MANAGEMENT) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "\"webhook_%V\" needs \"webhook_secret\", or an "
                          "explicit \"webhook_secret off\", in %s:%ui",
                          &provider->name, wlcf->file, wlcf->line);
            return NGX_CONF_ERROR;
        }

        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"webhook %V\" needs \"webhook_secret\" or "
                      "\"webhook_signature\", or an explicit "
                      "\"webhook_secret off\", in %s:%ui",
                      &provider->name, wlcf->file, wlcf->line);
        return NGX_CONF_ERROR;
    }

    if (wlcf->secrets && !provider->slug) {
        secret = wlcf->secrets->elts;

        for (i = 0; i < wlcf->secrets->nelts; i++) {

            if (secret[i].slug.len) {
                ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                              "\"webhook_secret\" with \"slug=%V\" can't be "
                              "used with \"webhook %V\" in %s:%ui",
                              &secret[i].slug, &provider->name,
                              wlcf->file, wlcf->line);
                return NGX_CONF_ERROR;
            }
        }
    }

done:

    return provider->check ? provider->check(cf, wlcf) : NGX_CONF_OK;
}


static char *
ngx_http_webhook(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_webhook_loc_conf_t *wlcf = conf;

    ngx_str_t                     *value;
    ngx_uint_t                     i;
    ngx_http_webhook_provider_t  **provider;

    if (wlcf->provider != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    wlcf->file = cf->conf_file->file.name.data;
    wlcf->line = cf->conf_file->line;

    if (ngx_strcmp(value[1].data, "off") == 0) {
        wlcf->provider = NULL;

        if (cf->args->nelts > 2) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"webhook off\" has no parameters");
            return NGX_CONF_ERROR;
        }

        return NGX_CONF_OK;
    }

    for (provider = ngx_http_webhook_providers; *provider; provider++) {
        if (ngx_strcmp(value[1].data, (*provider)->name.data) == 0) {
            break;
        }
    }

    if (*provider == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown webhook system \"%V\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    wlcf->provider = *provider;

    for (i = 2; i < cf->args->nelts; i++) {

        if (wlcf->provider->param == NULL
            || wlcf->provider->param(cf, wlcf, &value[i]) != NGX_CONF_OK)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" of \"webhook %V\"",
                               &value[i], &value[1]);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


/* what may be a secret is never part of an error */

static char *
ngx_http_webhook_secret(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_webhook_loc_conf_t *wlcf = conf;

    ngx_str_t                  *value, slug;
    ngx_uint_t                  i;
    ngx_http_webhook_secret_t  *secret;

    value = cf->args->elts;

    if (wlcf->secrets == NULL) {
        return ngx_strcmp(value[1].data, "off") == 0
               ? "is duplicate" : "is used beside \"webhook_secret off\"";
    }

    ngx_str_null(&slug);

    if (cf->args->nelts == 3) {

        if (ngx_strcmp(value[1].data, "off") == 0) {
            return "off has no parameters";
        }

        if (ngx_strncmp(value[2].data, "slug=", 5) != 0) {
            return "has an invalid parameter: \"slug=\" is the only one";
        }

        slug.len = value[2].len - 5;
        slug.data = value[2].data + 5;

        if (!ngx_http_webhook_slug(&slug)) {
            return "has an invalid \"slug=\": 1 to 50 characters of A-Z, a-z, "
                   "0-9, _ and - are allowed";
        }

    } else if (ngx_strcmp(value[1].data, "off") == 0) {

        if (wlcf->secrets != NGX_CONF_UNSET_PTR) {
            return "off is used beside a secret";
        }

        wlcf->secrets = NULL;
        return NGX_CONF_OK;
    }

    if (value[1].len == 0) {
        return "has an empty secret";
    }

    if (wlcf->secrets == NGX_CONF_UNSET_PTR) {
        wlcf->secrets = ngx_array_create(cf->pool, 2,
                                         sizeof(ngx_http_webhook_secret_t));
        if (wlcf->secrets == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    secret = wlcf->secrets->elts;

    for (i = 0; i < wlcf->secrets->nelts; i++) {

        if (secret[i].secret.len == value[1].len
            && ngx_strcmp(secret[i].secret.data, value[1].data) == 0
            && secret[i].slug.len == slug.len
            && (slug.len == 0
                || ngx_strncmp(secret[i].slug.data, slug.data, slug.len) == 0))
        {
            return "is duplicate";
        }
    }

    secret = ngx_array_push(wlcf->secrets);
    if (secret == NULL) {
        return NGX_CONF_ERROR;
    }

    secret->secret = value[1];
    secret->slug = slug;

    return NGX_CONF_OK;
}


static char *
ngx_http_webhook_secret_header(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_webhook_loc_conf_t *wlcf = conf;

    size_t      i;
    u_char      ch;
    ngx_str_t  *value;

    if (wlcf->secret_header.data) {
        return "is duplicate";
    }

    value = cf->args->elts;

    /* what nginx takes for a header name; other characters never match */

    for (i = 0; i < value[1].len; i++) {
        ch = value[1].data[i];

        if ((ch < 'A' || ch > 'Z') && (ch < 'a' || ch > 'z')
            && (ch < '0' || ch > '9') && ch != '-' && ch != '_')
        {
            break;
        }
    }

    if (i == 0 || i < value[1].len) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid header name \"%V\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    wlcf->secret_header = value[1];

    wlcf->secret_key.len = value[1].len;
    wlcf->secret_key.data = ngx_pnalloc(cf->pool, value[1].len);
    if (wlcf->secret_key.data == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_strlow(wlcf->secret_key.data, value[1].data, value[1].len);

    return NGX_CONF_OK;
}


/*
 * Takes "zone=name:size" apart.  Returns the size, or NGX_ERROR, with an error
 * logged, if that is wrong or too small.
 */

ssize_t
ngx_http_webhook_zone_size(ngx_conf_t *cf, ngx_str_t *value, ngx_str_t *name)
{
    u_char     *p;
    ssize_t     size;
    ngx_str_t   text;

    if (ngx_strncmp(value->data, "zone=", 5) != 0) {
        goto invalid;
    }

    name->data = value->data + 5;

    p = (u_char *) ngx_strchr(name->data, ':');
    if (p == NULL || p == name->data) {
        goto invalid;
    }

    name->len = p - name->data;

    text.data = p + 1;
    text.len = value->data + value->len - text.data;

    size = ngx_parse_size(&text);
    if (size == NGX_ERROR) {
        goto invalid;
    }

    if (size < (ssize_t) (NGX_HTTP_WEBHOOK_ZONE_PAGES * ngx_pagesize)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "zone \"%V\" is too small", value);
        return NGX_ERROR;
    }

    return size;

invalid:

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\"", value);
    return NGX_ERROR;
}


/* webhook_zone zone=name:size [state=path] [state_size=1g]; */

static char *
ngx_http_webhook_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_webhook_main_conf_t *wmcf = conf;

    off_t             state_size;
    ssize_t           size;
    ngx_str_t        *value, name, state;
    ngx_uint_t        i;
    ngx_shm_zone_t  **zone, *shm_zone;

    value = cf->args->elts;

    size = 0;
    state_size = 0;
    ngx_str_null(&name);
    ngx_str_null(&state);

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "zone=", 5) == 0 && name.len == 0) {

            size = ngx_http_webhook_zone_size(cf, &value[i], &name);
            if (size == NGX_ERROR) {
                return NGX_CONF_ERROR;
            }

            continue;
        }

        if (ngx_strncmp(value[i].data, "state=", 6) == 0
            && value[i].len > 6 && state.len == 0)
        {
            state.len = value[i].len - 6;
            state.data = value[i].data + 6;
            continue;
        }

        if (ngx_strncmp(value[i].data, "state_size=", 11) == 0
            && state_size == 0)
        {
            state_size = ngx_http_webhook_store_size(cf, &value[i], 11);
            if (state_size == NGX_ERROR) {
                return NGX_CONF_ERROR;
            }

            continue;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\"", &value[i]);
        return NGX_CONF_ERROR;
    }

    if (name.len == 0) {
        return "needs \"zone=\"";
    }

    if (state_size && state.len == 0) {
        return "has \"state_size=\" without \"state=\"";
    }

    shm_zone = ngx_http_webhook_registry_add(cf, &name, size,
                                        state.len ? &state : NULL,
                                        state_size
                                        ? state_size
                                        : NGX_HTTP_WEBHOOK_STATE_DEFAULT);
    if (shm_zone == NULL) {
        return NGX_CONF_ERROR;
    }

    if (state.len
        && ngx_http_webhook_add_file(cf,
                                     ngx_http_webhook_registry_state(shm_zone))
           != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    zone = ngx_array_push(&wmcf->zones);
    if (zone == NULL) {
        return NGX_CONF_ERROR;
    }

    *zone = shm_zone;

    return NGX_CONF_OK;
}


/*
 * Parses the size of a store in a parameter, after "skip" bytes of its name.
 * Returns NGX_ERROR, with an error logged, if it is none or too small.
 */

off_t
ngx_http_webhook_store_size(ngx_conf_t *cf, ngx_str_t *value, size_t skip)
{
    off_t      size;
    ngx_str_t  text;

    text.len = value->len - skip;
    text.data = value->data + skip;

    size = ngx_parse_offset(&text);

    if (size == NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\"", value);
        return NGX_ERROR;
    }

    if (size < NGX_HTTP_WEBHOOK_STORE_MIN) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is less than 128k", value);
        return NGX_ERROR;
    }

    return size;
}


/*
 * Takes note of a store's file: LMDB does not allow a process to open one
 * twice.  "path" must be a full one.
 */

char *
ngx_http_webhook_add_file(ngx_conf_t *cf, ngx_str_t *path)
{
    ngx_str_t                     *file;
    ngx_uint_t                     i;
    ngx_http_webhook_main_conf_t  *wmcf;

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_webhook_module);
    file = wmcf->files.elts;

    for (i = 0; i < wmcf->files.nelts; i++) {

        if (file[i].len == path->len
            && ngx_strncmp(file[i].data, path->data, path->len) == 0)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "the file \"%V\" is used already", path);
            return NGX_CONF_ERROR;
        }
    }

    file = ngx_array_push(&wmcf->files);
    if (file == NULL) {
        return NGX_CONF_ERROR;
    }

    *file = *path;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_webhook_init(ngx_conf_t *cf)
{
    ngx_int_t                      index;
    ngx_uint_t                     i;
    ngx_http_handler_pt           *h;
    ngx_http_core_main_conf_t     *cmcf;
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

    if (ngx_http_webhook_status_init(cf) != NGX_OK) {
        return NGX_ERROR;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_ACCESS_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = wmcf->access_handler;

    /* the last one added is the first one called */

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_ACCESS_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_webhook_deliver_access;

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_PRECONTENT_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = wmcf->precontent_handler;

    ngx_http_next_request_body_filter = ngx_http_top_request_body_filter;
    ngx_http_top_request_body_filter = ngx_http_webhook_request_body_filter;

    ngx_http_webhook_problem_init();
    ngx_http_webhook_deliver_init();

    if (wmcf->dedup_zones.nelts) {
        ngx_http_webhook_dedup_init(cf);
    }

    return ngx_http_webhook_queue_init(cf);
}
