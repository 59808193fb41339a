
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
 * Parses a time of the configuration.  Returns seconds if "is_sec" is 1, and
 * milliseconds if it is 0; or NGX_ERROR if the text is no time, or one of more
 * than 100 years: the time of day can be added to what is returned.
 */

ngx_int_t
ngx_http_webhook_time(ngx_str_t *text, ngx_uint_t is_sec)
{
    ngx_int_t  n;

    n = ngx_parse_time(text, is_sec);

    if ((is_sec ? n : n / 1000) > NGX_HTTP_WEBHOOK_TIME_MAX) {
        return NGX_ERROR;
    }

    return n;
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
