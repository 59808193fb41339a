
/* Parameters that several directives have: zones, sizes and files. */


#include "core/ngx_http_webhook_conf.h"
#include "store/ngx_http_webhook_store.h"


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
 * too small, or more than this machine can map.
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

    /* the whole file is mapped */

    if (size > (off_t) (NGX_MAX_SIZE_T_VALUE / 2)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is more than can be mapped here", value);
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
 * Returns, one after the other, the configurations that a POST in a location
 * may run with: its own, that of "limit_except", and that of each "if"; then
 * NULL.  Called after the configuration has been read; "state" must be zero at
 * first.
 */

void **
ngx_http_webhook_next_branch(ngx_conf_t *cf, ngx_http_core_loc_conf_t *clcf,
    ngx_uint_t *state)
{
    u_char                     *codes;
    size_t                      n;
    ngx_uint_t                  i;
    ngx_array_t                *array;
    ngx_module_t              **modules;
    ngx_http_script_code_pt     code;
    ngx_http_script_if_code_t  *branch;

    if (*state == 0) {
        *state = 1;
        return clcf->loc_conf;
    }

    if (*state == 1) {
        *state = 2;

        if (clcf->limit_except_loc_conf) {
            return clcf->limit_except_loc_conf;
        }
    }

    /* the first member of what the rewrite module keeps: the codes it runs */

    modules = cf->cycle->modules;

    for (i = 0; modules[i]; i++) {
        if (ngx_strcmp(modules[i]->name, "ngx_http_rewrite_module") == 0) {
            break;
        }
    }

    if (modules[i] == NULL) {
        return NULL;
    }

    array = *(ngx_array_t **) clcf->loc_conf[modules[i]->ctx_index];

    if (array == NULL) {
        return NULL;
    }

    codes = array->elts;

    for (n = *state - 2;
         (n + 1) * sizeof(uintptr_t) <= array->nelts * array->size;
         n++)
    {
        ngx_memcpy(&code, codes + n * sizeof(uintptr_t), sizeof(code));

        if (code != ngx_http_script_if_code) {
            continue;
        }

        branch = (ngx_http_script_if_code_t *) (codes + n * sizeof(uintptr_t));

        if (branch->loc_conf) {
            *state = n + 3;
            return branch->loc_conf;
        }
    }

    return NULL;
}


/*
 * Returns, one after the other, what nginx's modules that pass requests on have
 * set in "loc_conf", which each of their configurations begins with; then NULL.
 * It has no "upstream" if nothing is passed on, or if the destination is made
 * of variables.  "state" must be zero at first.
 */

ngx_http_upstream_conf_t *
ngx_http_webhook_next_upstream(ngx_conf_t *cf, void **loc_conf,
    ngx_uint_t *state)
{
    ngx_uint_t      n;
    ngx_module_t  **modules, *module;

    static char  *names[] = {
        "ngx_http_proxy_module",
        "ngx_http_fastcgi_module",
        "ngx_http_uwsgi_module",
        "ngx_http_scgi_module",
        "ngx_http_grpc_module",
        "ngx_http_memcached_module",
        NULL
    };

    modules = cf->cycle->modules;

    while (modules[*state]) {

        module = modules[(*state)++];

        for (n = 0; names[n]; n++) {
            if (ngx_strcmp(module->name, names[n]) == 0) {
                return loc_conf[module->ctx_index];
            }
        }
    }

    return NULL;
}
