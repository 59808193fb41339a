
/* The lines of a "webhook_system". */


#include "systems/ngx_http_webhook_system.h"
#include "base/ngx_http_webhook_media.h"
#include "payload/ngx_http_webhook_member.h"


static char *ngx_http_webhook_system_methods(ngx_conf_t *cf, void *data,
    ngx_str_t *value, ngx_uint_t n);
static char *ngx_http_webhook_system_media(ngx_conf_t *cf, void *data,
    ngx_str_t *value, ngx_uint_t n);
static char *ngx_http_webhook_system_event(ngx_conf_t *cf, void *data,
    ngx_str_t *value, ngx_uint_t n);
static char *ngx_http_webhook_system_events(ngx_conf_t *cf, void *data,
    ngx_str_t *value, ngx_uint_t n);
static char *ngx_http_webhook_system_unknown(ngx_conf_t *cf, void *data,
    ngx_str_t *value, ngx_uint_t n);
static char *ngx_http_webhook_system_id(ngx_conf_t *cf, void *data,
    ngx_str_t *value, ngx_uint_t n);
static char *ngx_http_webhook_system_field(ngx_conf_t *cf, void *data,
    ngx_str_t *value, ngx_uint_t n);
static char *ngx_http_webhook_system_tenant(ngx_conf_t *cf, void *data,
    ngx_str_t *value, ngx_uint_t n);
static char *ngx_http_webhook_system_credential(ngx_conf_t *cf, void *data,
    ngx_str_t *value, ngx_uint_t n);
static char *ngx_http_webhook_system_source(ngx_conf_t *cf,
    ngx_http_webhook_system_block_t *block, ngx_str_t *value,
    ngx_http_webhook_source_t *source, ngx_str_t *variable);
static ngx_uint_t ngx_http_webhook_system_listed(ngx_array_t *list,
    ngx_str_t *text, ngx_uint_t fold);


ngx_http_webhook_block_line_t  ngx_http_webhook_system_lines[] = {
    { ngx_string("methods"), 1, 0, 0, ngx_http_webhook_system_methods },
    { ngx_string("media"), 1, 0, 0, ngx_http_webhook_system_media },
    { ngx_string("event"), 1, 1, 0, ngx_http_webhook_system_event },
    { ngx_string("events"), 1, 0, 0, ngx_http_webhook_system_events },
    { ngx_string("unknown"), 1, 1, 0, ngx_http_webhook_system_unknown },
    { ngx_string("id"), 1, 1, 0, ngx_http_webhook_system_id },
    { ngx_string("field"), 2, 2, 1, ngx_http_webhook_system_field },
    { ngx_string("tenant"), 1, 1, 0, ngx_http_webhook_system_tenant },
    { ngx_string("credential"), 1, 1, 0, ngx_http_webhook_system_credential },
    { ngx_null_string, 0, 0, 0, NULL }
};


static struct {
    ngx_str_t   name;
    ngx_uint_t  method;
} ngx_http_webhook_system_verbs[] = {
    { ngx_string("POST"), NGX_HTTP_POST },
    { ngx_string("PUT"), NGX_HTTP_PUT },
    { ngx_string("PATCH"), NGX_HTTP_PATCH },
    { ngx_string("DELETE"), NGX_HTTP_DELETE },
    { ngx_string("GET"), NGX_HTTP_GET },
    { ngx_string("HEAD"), NGX_HTTP_HEAD },
    { ngx_string("OPTIONS"), NGX_HTTP_OPTIONS },
    { ngx_null_string, 0 }
};


/* methods name ...; */

static char *
ngx_http_webhook_system_methods(ngx_conf_t *cf, void *data,
    ngx_str_t *value, ngx_uint_t n)
{
    ngx_http_webhook_system_block_t *block = data;

    u_char                     *p;
    size_t                      len;
    ngx_str_t                  *allow;
    ngx_uint_t                  i, verb;
    ngx_http_webhook_method_t  *method;

    method = &block->system->methods[0];
    allow = &block->system->resource.allow;

    for (i = 0, len = 0; i < n; i++) {
        len += value[i].len + sizeof(", ") - 1;
    }

    p = ngx_pnalloc(cf->pool, len);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    allow->data = p;

    for (i = 0; i < n; i++) {

        for (verb = 0; ngx_http_webhook_system_verbs[verb].method; verb++) {
            if (ngx_strcmp(value[i].data,
                           ngx_http_webhook_system_verbs[verb].name.data)
                == 0)
            {
                break;
            }
        }

        if (ngx_http_webhook_system_verbs[verb].method == 0) {
            return "has an unknown method: \"POST\", \"PUT\", \"PATCH\", "
                   "\"DELETE\", \"GET\", \"HEAD\" and \"OPTIONS\" are known";
        }

        if (method->methods & ngx_http_webhook_system_verbs[verb].method) {
            return "has a method twice";
        }

        method->methods |= ngx_http_webhook_system_verbs[verb].method;

        p = ngx_sprintf(p, "%s%V", i ? ", " : "", &value[i]);
    }

    allow->len = p - allow->data;

    return NULL;
}


/* media json | any | [json] [none] type ...; */

static char *
ngx_http_webhook_system_media(ngx_conf_t *cf, void *data,
    ngx_str_t *value, ngx_uint_t n)
{
    ngx_http_webhook_system_block_t *block = data;

    ngx_str_t                 *type;
    ngx_uint_t                 i, json;
    ngx_http_webhook_media_t  *media;

    json = 0;
    media = &block->system->media;

    for (i = 0; i < n; i++) {

        if (ngx_strcmp(value[i].data, "any") == 0) {

            if (n > 1) {
                return "has \"any\" beside another type";
            }

            media->any = 1;
            continue;
        }

        if (ngx_strcmp(value[i].data, "json") == 0 && !json) {
            json = 1;
            continue;
        }

        if (ngx_strcmp(value[i].data, "none") == 0 && !media->none) {
            media->none = 1;
            continue;
        }

        if (ngx_strcmp(value[i].data, "json") == 0
            || ngx_strcmp(value[i].data, "none") == 0
            || ngx_http_webhook_system_listed(&block->types, &value[i], 1))
        {
            return "has a type twice";
        }

        if (!ngx_http_webhook_media_is_type(&value[i])) {
            return "has no media type: \"json\", \"any\", \"none\" and a type "
                   "without parameters and without \"*\", such as "
                   "\"text/plain\", are allowed";
        }

        type = ngx_array_push(&block->types);
        if (type == NULL) {
            return NGX_CONF_ERROR;
        }

        *type = value[i];
    }

    return NULL;
}


/* event $variable | path | uri; */

static char *
ngx_http_webhook_system_event(ngx_conf_t *cf, void *data,
    ngx_str_t *value, ngx_uint_t n)
{
    ngx_http_webhook_system_block_t *block = data;

    char                       *rc;
    ngx_http_webhook_system_t  *system;
    ngx_http_webhook_source_t  *source;

    system = block->system;
    source = &system->provider.event;

    if (ngx_strcmp(value[0].data, "uri") == 0) {
        source->from = NGX_HTTP_WEBHOOK_FROM_PATH;
        return NULL;
    }

    rc = ngx_http_webhook_system_source(cf, block, &value[0], source,
                                        &system->event_variable);
    if (rc != NULL) {
        return rc;
    }

    if (source->from == NGX_HTTP_WEBHOOK_FROM_FIELD) {
        block->event = value[0];
        return NULL;
    }

    if (system->event_variable.len == sizeof("webhook_event") - 1
        && ngx_strncasecmp(system->event_variable.data,
                           (u_char *) "webhook_event",
                           sizeof("webhook_event") - 1)
           == 0)
    {
        return "is the variable that it sets itself";
    }

    system->event_line = cf->conf_file->line;

    return NULL;
}


/* events name ...; */

static char *
ngx_http_webhook_system_events(ngx_conf_t *cf, void *data,
    ngx_str_t *value, ngx_uint_t n)
{
    ngx_http_webhook_system_block_t *block = data;

    ngx_str_t   *name;
    ngx_uint_t   i;

    if (n > NGX_HTTP_WEBHOOK_SYSTEM_EVENTS) {
        return "has more than 254 names";
    }

    for (i = 0; i < n; i++) {

        if (value[i].len == 0) {
            return "has an empty name";
        }

        if (!ngx_http_webhook_member_utf8(&value[i])) {
            return "has a name that is not UTF-8";
        }

        if (ngx_http_webhook_system_listed(&block->events, &value[i], 0)) {
            return "has a name twice";
        }

        name = ngx_array_push(&block->events);
        if (name == NULL) {
            return NGX_CONF_ERROR;
        }

        *name = value[i];
    }

    return NULL;
}


/* unknown reject | pass; */

static char *
ngx_http_webhook_system_unknown(ngx_conf_t *cf, void *data,
    ngx_str_t *value, ngx_uint_t n)
{
    ngx_http_webhook_system_block_t *block = data;

    if (ngx_strcmp(value[0].data, "pass") == 0) {
        block->unknown = 1;
        return NULL;
    }

    if (ngx_strcmp(value[0].data, "reject") == 0) {
        block->unknown = 0;
        return NULL;
    }

    return "has an unknown parameter: \"reject\" and \"pass\" are known";
}


/* id $variable | path; */

static char *
ngx_http_webhook_system_id(ngx_conf_t *cf, void *data,
    ngx_str_t *value, ngx_uint_t n)
{
    ngx_http_webhook_system_block_t *block = data;

    char                       *rc;
    ngx_http_webhook_system_t  *system;

    system = block->system;

    rc = ngx_http_webhook_system_source(cf, block, &value[0],
                                        &system->provider.id,
                                        &system->id_variable);
    if (rc != NULL
        || system->provider.id.from == NGX_HTTP_WEBHOOK_FROM_FIELD)
    {
        return rc;
    }

    if (system->id_variable.len == sizeof("webhook_id") - 1
        && ngx_strncasecmp(system->id_variable.data, (u_char *) "webhook_id",
                           sizeof("webhook_id") - 1)
           == 0)
    {
        return "is the variable that it sets itself";
    }

    system->id_line = cf->conf_file->line;

    return NULL;
}


/* field name path; */

static char *
ngx_http_webhook_system_field(ngx_conf_t *cf, void *data,
    ngx_str_t *value, ngx_uint_t n)
{
    ngx_http_webhook_system_block_t *block = data;

    char                      *rc;
    u_char                     ch, *p;
    size_t                     i, len;
    ngx_uint_t                 index;
    ngx_str_t                  name;
    ngx_http_webhook_field_t  *field;

    len = sizeof(NGX_HTTP_WEBHOOK_FIELD_PREFIX) - 1;

    name.len = len + value[0].len;
    name.data = ngx_pnalloc(cf->pool, name.len);
    if (name.data == NULL) {
        return NGX_CONF_ERROR;
    }

    p = ngx_cpymem(name.data, NGX_HTTP_WEBHOOK_FIELD_PREFIX, len);

    for (i = 0; i < value[0].len; i++) {
        ch = ngx_tolower(value[0].data[i]);

        if ((ch < 'a' || ch > 'z') && (ch < '0' || ch > '9') && ch != '_') {
            break;
        }

        *p++ = ch;
    }

    if (i == 0 || i < value[0].len) {
        return "has an invalid name: letters, digits and \"_\" are allowed, as "
               "in a variable";
    }

    field = block->shape->fields;

    for (index = 0; index < block->shape->nfields; index++) {
        if (field[index].variable.len == name.len
            && ngx_strncmp(field[index].variable.data, name.data, name.len)
               == 0)
        {
            return "has a name that is taken";
        }
    }

    rc = ngx_http_webhook_system_member(cf, block, &value[1], 0, &index);
    if (rc != NULL) {
        return rc;
    }

    field = &block->shape->fields[index];

    if (field->variable.len) {
        return "has a path that another \"field\" has: one name is enough";
    }

    field->variable = name;

    return NULL;
}


/* tenant path; */

static char *
ngx_http_webhook_system_tenant(ngx_conf_t *cf, void *data,
    ngx_str_t *value, ngx_uint_t n)
{
    ngx_http_webhook_system_block_t *block = data;

    ngx_http_webhook_source_t  *source;

    source = &block->system->provider.tenant;
    source->from = NGX_HTTP_WEBHOOK_FROM_FIELD;

    return ngx_http_webhook_system_member(cf, block, &value[0], 0,
                                          &source->index);
}


/* credential required | none; */

static char *
ngx_http_webhook_system_credential(ngx_conf_t *cf, void *data,
    ngx_str_t *value, ngx_uint_t n)
{
    ngx_http_webhook_system_block_t *block = data;

    if (ngx_strcmp(value[0].data, "required") == 0) {
        return NULL;
    }

    if (ngx_strcmp(value[0].data, "none") == 0) {
        block->system->provider.secret = NGX_HTTP_WEBHOOK_OPEN;
        return NULL;
    }

    return "has an unknown parameter: \"required\" and \"none\" are known";
}


/*
 * Reads a variable, whose name it then sets, or a path.  Returns what the
 * handler of a line returns.
 */

static char *
ngx_http_webhook_system_source(ngx_conf_t *cf,
    ngx_http_webhook_system_block_t *block, ngx_str_t *value,
    ngx_http_webhook_source_t *source, ngx_str_t *variable)
{
    u_char      ch;
    size_t      i;
    ngx_int_t   index;
    ngx_str_t   name;

    if (value->data[0] != '$') {
        source->from = NGX_HTTP_WEBHOOK_FROM_FIELD;

        return ngx_http_webhook_system_member(cf, block, value, 0,
                                              &source->index);
    }

    name.len = value->len - 1;
    name.data = value->data + 1;

    if (name.len > 2 && name.data[0] == '{'
        && name.data[name.len - 1] == '}')
    {
        name.len -= 2;
        name.data++;
    }

    for (i = 0; i < name.len; i++) {
        ch = ngx_tolower(name.data[i]);

        if ((ch < 'a' || ch > 'z') && (ch < '0' || ch > '9') && ch != '_') {
            break;
        }
    }

    if (i == 0 || i < name.len) {
        return "is no variable: one alone is allowed; a \"map\" can make one "
               "of several";
    }

    index = ngx_http_get_variable_index(cf, &name);
    if (index == NGX_ERROR) {
        return NGX_CONF_ERROR;
    }

    source->from = NGX_HTTP_WEBHOOK_FROM_VARIABLE;
    source->index = index;
    *variable = name;

    return NULL;
}


/*
 * Adds the member at "path" to a block's shape, and sets "index" to its field.
 * Returns NULL, or NGX_CONF_ERROR after a message that names the current line.
 */

char *
ngx_http_webhook_system_member(ngx_conf_t *cf,
    ngx_http_webhook_system_block_t *block, ngx_str_t *path,
    ngx_uint_t required, ngx_uint_t *index)
{
    char  *rc;

    rc = ngx_http_webhook_member_add(cf->pool, block->shape, path, required,
                                     index);

    if (rc == NULL || rc == NGX_CONF_ERROR) {
        return rc;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "the path \"%V\" in \"webhook_system %V\" %s",
                       path, &block->system->provider.name, rc);

    return NGX_CONF_ERROR;
}


/* Returns 1 if a list has the text; "fold" if case does not matter. */

static ngx_uint_t
ngx_http_webhook_system_listed(ngx_array_t *list, ngx_str_t *text,
    ngx_uint_t fold)
{
    ngx_str_t   *elt;
    ngx_uint_t   i;

    elt = list->elts;

    for (i = 0; i < list->nelts; i++) {

        if (elt[i].len == text->len
            && (fold ? ngx_strncasecmp(elt[i].data, text->data, text->len)
                     : ngx_memcmp(elt[i].data, text->data, text->len))
               == 0)
        {
            return 1;
        }
    }

    return 0;
}
