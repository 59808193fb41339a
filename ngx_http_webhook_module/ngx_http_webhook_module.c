
/* directives, configuration, and what hooks the module into nginx */


#include "ngx_http_webhook.h"
#include "core/ngx_http_webhook_conf.h"
#include "core/ngx_http_webhook_location.h"
#include "status/ngx_http_webhook_status.h"
#include "registry/ngx_http_webhook_registry.h"
#include "dedup/ngx_http_webhook_dedup.h"
#include "dedup/ngx_http_webhook_dedup_zone.h"
#include "judge/ngx_http_webhook_gate.h"
#include "judge/ngx_http_webhook_body.h"
#include "judge/ngx_http_webhook_challenge.h"
#include "judge/ngx_http_webhook_scheme.h"
#include "judge/ngx_http_webhook_secret.h"
#include "judge/ngx_http_webhook_sign.h"
#include "judge/ngx_http_webhook_signature.h"
#include "judge/ngx_http_webhook_app.h"
#include "judge/ngx_http_webhook_problem.h"
#include "judge/ngx_http_webhook_variable.h"
#include "systems/ngx_http_webhook_systems.h"
#include "queue/ngx_http_webhook_kept.h"
#include "queue/ngx_http_webhook_queue.h"
#include "queue/ngx_http_webhook_api.h"
#include "endpoints/ngx_http_webhook_endpoint_api.h"
#include "endpoints/ngx_http_webhook_resolve.h"
#include "endpoints/ngx_http_webhook_outbound.h"
#include "events/ngx_http_webhook_enqueue.h"
#include "events/ngx_http_webhook_schedule.h"
#include "views/ngx_http_webhook_status_handler.h"


static ngx_int_t ngx_http_webhook_preconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_http_webhook_init_process(ngx_cycle_t *cycle);
static void ngx_http_webhook_exit_process(ngx_cycle_t *cycle);
static void *ngx_http_webhook_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_webhook_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_webhook_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
static ngx_int_t ngx_http_webhook_location_use(ngx_conf_t *cf,
    ngx_http_webhook_loc_conf_t *wlcf);
static char *ngx_http_webhook(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
static char *ngx_http_webhook_zone(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static ssize_t ngx_http_webhook_record_size(ngx_str_t *value);
static ngx_int_t ngx_http_webhook_init(ngx_conf_t *cf);


/* the systems */

static ngx_http_webhook_provider_t  *ngx_http_webhook_providers[] = {
    &ngx_http_webhook_luzmo,
    &ngx_http_webhook_munity,
    &ngx_http_webhook_lenra,
    &ngx_http_webhook_signed,
    &ngx_http_webhook_any,
    NULL
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

    { ngx_string("webhook_scheme"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_BLOCK|NGX_CONF_TAKE1,
      ngx_http_webhook_scheme,
      0,
      0,
      NULL },

    { ngx_string("webhook_system"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_BLOCK|NGX_CONF_TAKE1,
      ngx_http_webhook_system,
      0,
      0,
      NULL },

    { ngx_string("webhook_challenge"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE12,
      ngx_http_webhook_challenge,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("webhook_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1234,
      ngx_http_webhook_zone,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("webhook_dedup"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE123,
      ngx_http_webhook_dedup,
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
      NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
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
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1234,
      ngx_http_webhook_endpoints_conf,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("webhook_endpoint_allow"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_webhook_endpoint_cidrs,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_webhook_loc_conf_t, allow),
      NULL },

    { ngx_string("webhook_endpoint_deny"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_webhook_endpoint_cidrs,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_webhook_loc_conf_t, deny),
      NULL },

    { ngx_string("webhook_api"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_webhook_api,
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
    ngx_http_webhook_preconfiguration,     /* preconfiguration */
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


static ngx_int_t
ngx_http_webhook_preconfiguration(ngx_conf_t *cf)
{
    return ngx_http_webhook_variable_init(cf) == NGX_OK
           ? ngx_http_webhook_outbound_add_variables(cf) : NGX_ERROR;
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

    /* or jansson would look for a seed in the middle of a request */

    json_object_seed(0);

    zone = wmcf->zones.elts;

    for (i = 0; i < wmcf->zones.nelts; i++) {
        ngx_http_webhook_registry_open(zone[i], cycle);
    }

    queue = wmcf->queues.elts;

    for (i = 0; i < wmcf->queues.nelts; i++) {
        ngx_http_webhook_queue_open(queue[i], cycle);

        if (queue[i]->location) {
            ngx_http_webhook_schedule_open(queue[i], cycle);
        }
    }

    zone = wmcf->dedup_zones.elts;

    for (i = 0; i < wmcf->dedup_zones.nelts; i++) {
        ngx_http_webhook_dedup_zone_init_process(zone[i], cycle);
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

        if (queue[i]->deliverer) {
            ngx_http_webhook_schedule_close(queue[i]);
        }

        ngx_http_webhook_queue_close(queue[i]);
    }

    zone = wmcf->dedup_zones.elts;

    for (i = 0; i < wmcf->dedup_zones.nelts; i++) {
        ngx_http_webhook_dedup_zone_exit_process(zone[i]);
    }
}


static void *
ngx_http_webhook_create_main_conf(ngx_conf_t *cf)
{
    ngx_uint_t                     i;
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
        || ngx_array_init(&wmcf->files, cf->pool, 4,
                          sizeof(ngx_http_webhook_file_t))
           != NGX_OK
        || ngx_array_init(&wmcf->settings, cf->pool, 4,
                          sizeof(ngx_http_webhook_setting_t *))
            != NGX_OK
        || ngx_array_init(&wmcf->systems, cf->pool, 4,
                          sizeof(ngx_http_webhook_provider_t *))
           != NGX_OK
        || ngx_array_init(&wmcf->used, cf->pool, 4,
                          sizeof(ngx_http_webhook_provider_t *))
           != NGX_OK
        || ngx_array_init(&wmcf->secret_variables, cf->pool, 4,
                          sizeof(ngx_http_webhook_secret_variable_t))
           != NGX_OK)
    {
        return NULL;
    }

    wmcf->providers = ngx_http_webhook_providers;

    wmcf->status = ngx_http_webhook_status_create(cf,
                                                  ngx_http_webhook_providers);
    if (wmcf->status == NULL) {
        return NULL;
    }

    for (i = 0; ngx_http_webhook_providers[i]; i++) {
        if (ngx_http_webhook_providers[i]->fan_out) {
            wmcf->fan_out = ngx_http_webhook_providers[i];
        }
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
     *     wlcf->secrets = NULL;
     *     wlcf->id_key = { 0, NULL };
     *     wlcf->secret_header = { 0, NULL };
     *     wlcf->secret_key = { 0, NULL };
     *     wlcf->challenge = { 0, NULL };
     *     wlcf->authorization = 0;
     *     wlcf->challenges = NULL;
     *     wlcf->zone = NULL;
     *     wlcf->queue = NULL;
     *     wlcf->receipt = NULL;
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
     *     wlcf->settings[] = NULL;
     *     wlcf->file = NULL;
     *     wlcf->line = 0;
     */

    wlcf->provider = NGX_CONF_UNSET_PTR;
    wlcf->unknown = NGX_CONF_UNSET_UINT;
    wlcf->signature = NGX_CONF_UNSET_PTR;
    wlcf->apps = NGX_CONF_UNSET_PTR;
    wlcf->retry = NGX_CONF_UNSET_PTR;
    wlcf->dedup = NGX_CONF_UNSET_PTR;
    wlcf->allow = NGX_CONF_UNSET_PTR;
    wlcf->deny = NGX_CONF_UNSET_PTR;

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

        if (conf->challenges == NULL) {
            conf->challenges = prev->challenges;
        }
    }

    if (conf->provider && conf->provider->route == NULL) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "unknown webhook system \"%V\" in %s:%ui",
                      &conf->provider->name, conf->file, conf->line);
        return NGX_CONF_ERROR;
    }

    ngx_conf_init_uint_value(conf->unknown, conf->provider
                                            && conf->provider->unknown);

    ngx_http_webhook_settings_merge(prev, conf);
    ngx_http_webhook_secret_merge(prev, conf);

    if (conf->signature == NGX_CONF_UNSET_PTR) {
        conf->id_key = prev->id_key;
    }

    ngx_conf_merge_ptr_value(conf->signature, prev->signature, NULL);
    ngx_conf_merge_ptr_value(conf->allow, prev->allow, NULL);
    ngx_conf_merge_ptr_value(conf->deny, prev->deny, NULL);

    if (conf->deliver || conf->endpoints) {
        ngx_http_webhook_setting_use(conf, webhook_setting_allow);
        ngx_http_webhook_setting_use(conf, webhook_setting_deny);
    }

    /* the nearer of the two says who asks */

    if (conf->identity == NULL && conf->apps == NGX_CONF_UNSET_PTR) {
        conf->identity = prev->identity;
        conf->apps = prev->apps;
    }

    ngx_conf_init_ptr_value(conf->apps, NULL);

    if (ngx_http_webhook_dedup_merge(cf, prev, conf) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    if ((conf->queue || prev->queue)
        && ngx_http_webhook_enqueue_merge(cf, prev, conf) != NGX_CONF_OK)
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

    ngx_http_webhook_location_check(cf, conf);

    if (conf->challenges
        && ngx_http_webhook_challenge_check(cf, conf) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (conf->provider == NULL) {
        return NGX_CONF_OK;
    }

    if (ngx_http_webhook_secret_check(cf, conf) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_webhook_location_use(cf, conf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return conf->provider->check ? conf->provider->check(cf, conf)
                                 : NGX_CONF_OK;
}


/*
 * Takes note of the system and the settings that a location with "webhook"
 * uses.  Returns NGX_OK or NGX_ERROR.
 */

static ngx_int_t
ngx_http_webhook_location_use(ngx_conf_t *cf, ngx_http_webhook_loc_conf_t *wlcf)
{
    ngx_http_webhook_provider_t   **provider;
    ngx_http_webhook_main_conf_t   *wmcf;

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_webhook_module);

    provider = ngx_array_push(&wmcf->used);
    if (provider == NULL) {
        return NGX_ERROR;
    }

    *provider = wlcf->provider;

    if (wlcf->secrets && wlcf->secrets->list.nelts) {
        ngx_http_webhook_setting_use(wlcf, webhook_setting_secret_header);
    }

    if (!wlcf->provider->passes) {
        /* what is managed, or looked at, is no event of a system */
        return NGX_OK;
    }

    if (wlcf->signature) {
        ngx_http_webhook_setting_use(wlcf, webhook_setting_signature);
    }

    if (wlcf->dedup) {
        ngx_http_webhook_setting_use(wlcf, webhook_setting_dedup);
    }

    return NGX_OK;
}


static char *
ngx_http_webhook(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_webhook_loc_conf_t *wlcf = conf;

    ngx_str_t   *value;
    ngx_uint_t   i;

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

    /* its "webhook_system" may follow */

    wlcf->provider = ngx_http_webhook_system_get(cf, &value[1]);
    if (wlcf->provider == NULL) {
        return NGX_CONF_ERROR;
    }

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


/* webhook_zone zone=name:size [state=path] [state_size=1g] [record_size=64k] */

static char *
ngx_http_webhook_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_webhook_main_conf_t *wmcf = conf;

    off_t             state_size;
    ssize_t           record_size, size;
    ngx_str_t        *value, name, state;
    ngx_uint_t        i;
    ngx_shm_zone_t  **zone, *shm_zone;

    value = cf->args->elts;

    size = 0;
    state_size = 0;
    record_size = 0;
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

        if (ngx_strncmp(value[i].data, "record_size=", 12) == 0
            && record_size == 0)
        {
            record_size = ngx_http_webhook_record_size(&value[i]);
            if (record_size > 0) {
                continue;
            }
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

    if (state_size == 0) {
        state_size = NGX_HTTP_WEBHOOK_STATE_DEFAULT;
    }

    shm_zone = ngx_http_webhook_registry_add(cf, &name, size,
                                        state.len ? &state : NULL, state_size,
                                        record_size
                                        ? (size_t) record_size
                                        : NGX_HTTP_WEBHOOK_RECORD_DEFAULT);
    if (shm_zone == NULL) {
        return NGX_CONF_ERROR;
    }

    zone = ngx_array_push(&wmcf->zones);
    if (zone == NULL) {
        return NGX_CONF_ERROR;
    }

    *zone = shm_zone;

    return NGX_CONF_OK;
}


/* Returns the size in "record_size=", or NGX_ERROR. */

static ssize_t
ngx_http_webhook_record_size(ngx_str_t *value)
{
    ngx_str_t  text;

    text.len = value->len - (sizeof("record_size=") - 1);
    text.data = value->data + sizeof("record_size=") - 1;

    return ngx_parse_size(&text);
}


/* hooks the rooms into nginx; all of the configuration has been read */

static ngx_int_t
ngx_http_webhook_init(ngx_conf_t *cf)
{
    ngx_http_webhook_main_conf_t  *wmcf;

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_webhook_module);

    if (ngx_http_webhook_scheme_init(cf) != NGX_OK
        || ngx_http_webhook_system_init(cf) != NGX_OK
        || ngx_http_webhook_body_init(cf) != NGX_OK
        || ngx_http_webhook_status_init(cf) != NGX_OK
        || ngx_http_webhook_gate_init(cf) != NGX_OK
        || ngx_http_webhook_secret_variables(cf) != NGX_OK
        || ngx_http_webhook_attempt_init(cf) != NGX_OK
        || ngx_http_webhook_kept_init(cf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_webhook_settings_unused(cf);
    ngx_http_webhook_problem_init();
    ngx_http_webhook_outbound_init(cf);
    ngx_http_webhook_deliver_init(cf);

    if (wmcf->dedup_zones.nelts) {
        ngx_http_webhook_dedup_init(cf);
    }

    if (ngx_http_webhook_queue_init(cf) != NGX_OK
        || ngx_http_webhook_resolve_init(cf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_webhook_files_left(cf);
}
