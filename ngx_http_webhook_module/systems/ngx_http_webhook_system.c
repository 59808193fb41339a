
/*
 * "webhook_system name { ... }": a system that the configuration describes.
 * What its lines say becomes the tables that a compiled system has.
 */


#include "systems/ngx_http_webhook_system.h"
#include "systems/ngx_http_webhook_systems.h"
#include "payload/ngx_http_webhook_member.h"
#include "core/ngx_http_webhook_conf.h"
#include "status/ngx_http_webhook_status.h"
#include "judge/ngx_http_webhook_event.h"
#include "judge/ngx_http_webhook_problem.h"


static ngx_http_webhook_system_t *ngx_http_webhook_system_add(ngx_conf_t *cf,
    ngx_str_t *name);
static char *ngx_http_webhook_system_name(ngx_conf_t *cf, ngx_str_t *name);
static char *ngx_http_webhook_system_finish(ngx_conf_t *cf,
    ngx_http_webhook_system_block_t *block);
static ngx_int_t ngx_http_webhook_system_list(ngx_array_t *list,
    ngx_str_t **end);
static ngx_int_t ngx_http_webhook_system_members(ngx_conf_t *cf);
static ngx_uint_t ngx_http_webhook_system_sets(
    ngx_http_webhook_provider_t *provider, ngx_str_t *variable);
static ngx_int_t ngx_http_webhook_system_variable(ngx_conf_t *cf,
    ngx_http_webhook_system_t *system, ngx_str_t *name, ngx_uint_t line,
    char *what);


/* Names that are not those of systems, but that $webhook_provider may have */

static ngx_str_t  ngx_http_webhook_system_taken[] = {
    ngx_string("off"),
    ngx_string("endpoints"),
    ngx_string("api"),
    ngx_string("status"),
    ngx_null_string
};


/*
 * Returns the system of this name, whose block may follow: until then it has no
 * route, and no location may have it when the configuration has been read.
 * Returns NULL if there is no memory.
 */

ngx_http_webhook_provider_t *
ngx_http_webhook_system_get(ngx_conf_t *cf, ngx_str_t *name)
{
    ngx_uint_t                      i;
    ngx_http_webhook_system_t      *system;
    ngx_http_webhook_provider_t   **provider;
    ngx_http_webhook_main_conf_t   *wmcf;

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_webhook_module);

    for (provider = wmcf->providers; *provider; provider++) {
        if (ngx_strcmp(name->data, (*provider)->name.data) == 0) {
            return *provider;
        }
    }

    provider = wmcf->systems.elts;

    for (i = 0; i < wmcf->systems.nelts; i++) {
        if (ngx_strcmp(name->data, provider[i]->name.data) == 0) {
            return provider[i];
        }
    }

    system = ngx_http_webhook_system_add(cf, name);

    return system ? &system->provider : NULL;
}


/* Makes a system without a block. */

static ngx_http_webhook_system_t *
ngx_http_webhook_system_add(ngx_conf_t *cf, ngx_str_t *name)
{
    ngx_http_webhook_system_t      *system;
    ngx_http_webhook_provider_t   **provider;
    ngx_http_webhook_main_conf_t   *wmcf;

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_webhook_module);

    system = ngx_pcalloc(cf->pool, sizeof(ngx_http_webhook_system_t));
    if (system == NULL) {
        return NULL;
    }

    system->provider.name = *name;
    system->provider.envelope = &ngx_http_webhook_problem_json;
    system->provider.secret = NGX_HTTP_WEBHOOK_CREDENTIAL;
    system->provider.passes = 1;

    provider = ngx_array_push(&wmcf->systems);
    if (provider == NULL) {
        return NULL;
    }

    *provider = &system->provider;

    return system;
}


/* webhook_system name { ... } */

char *
ngx_http_webhook_system(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char                             *rc;
    ngx_str_t                        *name;
    ngx_http_webhook_provider_t      *provider;
    ngx_http_webhook_system_block_t   block;

    name = (ngx_str_t *) cf->args->elts + 1;

    rc = ngx_http_webhook_system_name(cf, name);
    if (rc != NGX_CONF_OK) {
        return rc;
    }

    provider = ngx_http_webhook_system_get(cf, name);
    if (provider == NULL) {
        return NGX_CONF_ERROR;
    }

    if (provider->route) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"webhook_system %V\" is duplicate: use another "
                           "name", name);
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&block, sizeof(ngx_http_webhook_system_block_t));

    block.system = (ngx_http_webhook_system_t *) provider;
    block.system->file = cf->conf_file->file.name.data;
    block.unknown = NGX_CONF_UNSET_UINT;

    block.shape = ngx_http_webhook_member_shape(cf->pool, NULL);

    if (block.shape == NULL
        || ngx_array_init(&block.types, cf->pool, 4, sizeof(ngx_str_t))
           != NGX_OK
        || ngx_array_init(&block.events, cf->pool, 16, sizeof(ngx_str_t))
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    rc = ngx_http_webhook_block(cf, &cmd->name, &provider->name,
                                ngx_http_webhook_system_lines, &block);

    if (rc != NGX_CONF_OK) {
        return rc;
    }

    rc = ngx_http_webhook_system_finish(cf, &block);

    if (rc == NULL || rc == NGX_CONF_ERROR) {
        return rc;
    }

    /* nginx would name the last line of the block */

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"webhook_system %V\" %s",
                       &provider->name, rc);

    return NGX_CONF_ERROR;
}


/* Checks the name of a block. */

static char *
ngx_http_webhook_system_name(ngx_conf_t *cf, ngx_str_t *name)
{
    size_t                          i;
    u_char                          ch;
    ngx_str_t                      *taken;
    ngx_http_webhook_provider_t   **provider;
    ngx_http_webhook_main_conf_t   *wmcf;

    for (i = 0; i < name->len; i++) {
        ch = name->data[i];

        if ((ch < 'A' || ch > 'Z') && (ch < 'a' || ch > 'z')
            && (ch < '0' || ch > '9') && ch != '-' && ch != '_')
        {
            break;
        }
    }

    if (i == 0 || i < name->len) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid name \"%V\" of a \"webhook_system\": "
                           "letters, digits, \"-\" and \"_\" are allowed",
                           name);
        return NGX_CONF_ERROR;
    }

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_webhook_module);

    for (provider = wmcf->providers; *provider; provider++) {
        if (ngx_strcmp(name->data, (*provider)->name.data) == 0) {
            break;
        }
    }

    for (taken = ngx_http_webhook_system_taken; taken->len; taken++) {
        if (ngx_strcmp(name->data, taken->data) == 0) {
            break;
        }
    }

    if (*provider || taken->len) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"webhook_system %V\" is built in: use another "
                           "name", name);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/*
 * Makes the tables of what the lines have said.  Returns NULL, what is wrong
 * with the block, or NGX_CONF_ERROR.
 */

static char *
ngx_http_webhook_system_finish(ngx_conf_t *cf,
    ngx_http_webhook_system_block_t *block)
{
    char                         *rc;
    ngx_uint_t                    from, index;
    ngx_http_webhook_shape_t     *shape;
    ngx_http_webhook_system_t    *system;
    ngx_http_webhook_provider_t  *provider;

    shape = block->shape;
    system = block->system;
    provider = &system->provider;
    from = provider->event.from;

    if (from == NGX_HTTP_WEBHOOK_FROM_NOWHERE
        && (block->events.nelts || block->unknown != NGX_CONF_UNSET_UINT))
    {
        return "needs an \"event\" line, which says what names an event";
    }

    if (block->unknown == 0 && block->events.nelts == 0) {
        return "has \"unknown reject\", which would refuse all events: it "
               "needs an \"events\" line with the names of those that are "
               "known";
    }

    provider->unknown = (block->unknown == NGX_CONF_UNSET_UINT)
                        ? block->events.nelts == 0 : block->unknown;

    /* where its name matters, an event has to have one */

    if (from == NGX_HTTP_WEBHOOK_FROM_FIELD && !provider->unknown) {
        rc = ngx_http_webhook_system_member(cf, block, &block->event, 1,
                                            &index);
        if (rc != NULL) {
            return rc;
        }
    }

    if (system->media.any && shape->nfields == 0) {
        shape->raw = 1;
        shape->empty = 1;
    }

    if (ngx_http_webhook_system_list(&block->events, &provider->events)
        != NGX_OK
        || ngx_http_webhook_system_list(&block->types, &system->media.types)
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (system->methods[0].methods == 0) {
        system->methods[0].methods = NGX_HTTP_POST;
        ngx_str_set(&system->resource.allow, "POST");
    }

    system->methods[0].event = 1;
    system->methods[0].shape = shape;
    system->resource.methods = system->methods;

    provider->shape = shape;
    provider->media = &system->media;
    provider->resource = &system->resource;
    provider->route = ngx_http_webhook_event_route;

    return ngx_http_webhook_status_add_system(cf, provider) == NGX_OK
           ? NULL : NGX_CONF_ERROR;
}


/*
 * Ends a list with an empty text, and sets "end" to it, or to NULL if there is
 * nothing in it.  Returns NGX_OK or NGX_ERROR.
 */

static ngx_int_t
ngx_http_webhook_system_list(ngx_array_t *list, ngx_str_t **end)
{
    ngx_str_t  *last;

    *end = NULL;

    if (list->nelts == 0) {
        return NGX_OK;
    }

    last = ngx_array_push(list);
    if (last == NULL) {
        return NGX_ERROR;
    }

    ngx_str_null(last);

    *end = list->elts;

    return NGX_OK;
}


/*
 * Checks the variables that name events and ids, and those of members; called
 * when all of the configuration has been read.  Returns NGX_OK or NGX_ERROR.
 */

ngx_int_t
ngx_http_webhook_system_init(ngx_conf_t *cf)
{
    ngx_uint_t                      i;
    ngx_http_webhook_system_t      *system;
    ngx_http_webhook_provider_t   **provider;
    ngx_http_webhook_main_conf_t   *wmcf;

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_webhook_module);

    provider = wmcf->systems.elts;

    for (i = 0; i < wmcf->systems.nelts; i++) {

        system = (ngx_http_webhook_system_t *) provider[i];

        if (ngx_http_webhook_system_variable(cf, system,
                                             &system->event_variable,
                                             system->event_line, "event")
            != NGX_OK
            || ngx_http_webhook_system_variable(cf, system,
                                                &system->id_variable,
                                                system->id_line, "id")
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return ngx_http_webhook_system_members(cf);
}


/*
 * Refuses a variable of a member, or of the tenant, that would always be empty:
 * no system sets it, or the locations have systems only that look at no member.
 * Where they have systems that set others, it may be one of a log format that
 * several servers share.  A location that delivers may have events of
 * a configuration before, and so those of any system.
 */

static ngx_int_t
ngx_http_webhook_system_members(ngx_conf_t *cf)
{
    ngx_str_t                      *name;
    ngx_uint_t                      all, fields, i, known, n, set;
    ngx_http_variable_t            *v;
    ngx_http_core_main_conf_t      *cmcf;
    ngx_http_webhook_provider_t   **provider, **used;
    ngx_http_webhook_main_conf_t   *wmcf;

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_webhook_module);
    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    all = (wmcf->queues.nelts || wmcf->used.nelts == 0);
    v = cmcf->variables.elts;

    for (i = 0; i < cmcf->variables.nelts; i++) {

        name = &v[i].name;
        used = wmcf->used.elts;
        fields = 0;
        known = 0;
        set = 0;

        for (n = 0; n < wmcf->used.nelts; n++) {
            set |= ngx_http_webhook_system_sets(used[n], name);
            fields |= (used[n]->shape && used[n]->shape->nfields);
        }

        for (provider = wmcf->providers; *provider; provider++) {
            known |= ngx_http_webhook_system_sets(*provider, name);
        }

        provider = wmcf->systems.elts;

        for (n = 0; n < wmcf->systems.nelts; n++) {
            known |= ngx_http_webhook_system_sets(provider[n], name);
        }

        if (set || (known && (all || fields))) {
            continue;
        }

        if (known) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "the variable \"$%V\" is always empty: \"webhook "
                          "%V\" looks at no member of the payload; describe "
                          "the sender by a \"webhook_system\", with a line "
                          "that names the member",
                          name, &used[0]->name);
            return NGX_ERROR;
        }

        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "the variable \"$%V\" is always empty: no system names "
                      "such a member; a \"field\" line of a "
                      "\"webhook_system\" does",
                      name);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/*
 * Returns 0 if the variable is one of a member of the payload, or of the
 * tenant, and not one that the system sets.
 */

static ngx_uint_t
ngx_http_webhook_system_sets(ngx_http_webhook_provider_t *provider,
    ngx_str_t *variable)
{
    if (variable->len == sizeof("webhook_tenant") - 1
        && ngx_strncmp(variable->data, "webhook_tenant", variable->len) == 0)
    {
        return provider->tenant.from != NGX_HTTP_WEBHOOK_FROM_NOWHERE;
    }

    return ngx_http_webhook_shape_has(provider->shape, variable);
}


/* nginx would not say where a variable is that it does not know. */

static ngx_int_t
ngx_http_webhook_system_variable(ngx_conf_t *cf,
    ngx_http_webhook_system_t *system, ngx_str_t *name, ngx_uint_t line,
    char *what)
{
    if (name->len == 0
        || ngx_http_webhook_variable_find(cf, name)
        || ngx_http_webhook_variable_prefixed(cf, name))
    {
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                  "unknown variable \"$%V\" in the \"%s\" of "
                  "\"webhook_system %V\" in %s:%ui",
                  name, what, &system->provider.name, system->file, line);

    return NGX_ERROR;
}
