
/*
 * What several directives have in common: the parameters for zones, sizes and
 * files, and a warning where they have no effect.
 */


#include "core/ngx_http_webhook_conf.h"
#include "store/ngx_http_webhook_store.h"


/* What a warning says of a setting that no location uses, by its kind */

static char  *ngx_http_webhook_settings_without[webhook_settings] = {

    "protects nothing: no location that checks secrets uses it",

    "has no effect: no location that checks secrets uses it",

    "protects nothing: no location with \"webhook\" uses it",

    "has no effect: no location with \"webhook lenra\" uses it",

    "has no effect: no location with \"webhook\" uses it"
};


/*
 * Takes a parameter "zone=name:size" apart, and sets "name".  Returns the size
 * in bytes, or NGX_ERROR, with an [emerg] logged, if the parameter is not such
 * a one, or the size is too small.
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


/*
 * Parses the size of a store in a parameter, which follows "skip" bytes of its
 * name.  Returns bytes, or NGX_ERROR, with an [emerg] logged, if it is no size,
 * or too small.
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
 * Takes note of a store's file by its full path.  Returns NGX_CONF_OK, or
 * NGX_CONF_ERROR, with an [emerg] logged, if another store has it: LMDB does
 * not allow a process to open a file twice.
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


/*
 * Takes note that the directive that is being read, of this kind, is set at a
 * level; there may be several.  Returns NGX_OK, or NGX_ERROR if there is no
 * memory.
 */

ngx_int_t
ngx_http_webhook_setting_add(ngx_conf_t *cf,
    ngx_http_webhook_loc_conf_t *wlcf, ngx_uint_t kind)
{
    ngx_str_t                     *value;
    ngx_http_webhook_setting_t    *setting, **added;
    ngx_http_webhook_main_conf_t  *wmcf;

    if (wlcf->settings[kind]) {
        return NGX_OK;
    }

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_webhook_module);

    setting = ngx_pcalloc(cf->pool, sizeof(ngx_http_webhook_setting_t));
    added = ngx_array_push(&wmcf->settings);

    if (setting == NULL || added == NULL) {
        return NGX_ERROR;
    }

    *added = setting;

    value = cf->args->elts;

    setting->kind = kind;
    setting->name = value[0];
    setting->file = cf->conf_file->file.name.data;
    setting->line = cf->conf_file->line;

    wlcf->settings[kind] = setting;

    return NGX_OK;
}


/* Inherits the settings of the level above, "prev", that "conf" has not. */

void
ngx_http_webhook_settings_merge(ngx_http_webhook_loc_conf_t *prev,
    ngx_http_webhook_loc_conf_t *conf)
{
    ngx_uint_t  kind;

    for (kind = 0; kind < webhook_settings; kind++) {
        if (conf->settings[kind] == NULL) {
            conf->settings[kind] = prev->settings[kind];
        }
    }
}


/* Takes note that a location uses its setting of this kind, if it has one. */

void
ngx_http_webhook_setting_use(ngx_http_webhook_loc_conf_t *wlcf, ngx_uint_t kind)
{
    if (wlcf->settings[kind]) {
        wlcf->settings[kind]->used = 1;
    }
}


/*
 * Warns of the settings that no location uses; called when all of the
 * configuration has been read and merged.
 */

void
ngx_http_webhook_settings_unused(ngx_conf_t *cf)
{
    ngx_uint_t                      i;
    ngx_http_webhook_setting_t    **setting;
    ngx_http_webhook_main_conf_t   *wmcf;

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_webhook_module);
    setting = wmcf->settings.elts;

    for (i = 0; i < wmcf->settings.nelts; i++) {

        if (!setting[i]->used) {
            ngx_log_error(NGX_LOG_WARN, cf->log, 0, "\"%V\" in %s:%ui %s",
                          &setting[i]->name, setting[i]->file,
                          setting[i]->line,
                          ngx_http_webhook_settings_without[setting[i]->kind]);
        }
    }
}
