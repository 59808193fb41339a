
/* Parameters that several directives have: zones, sizes, files and headers. */


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
 * Sets "key", in the pool, to the name of a request header in lower case.
 * Returns NGX_OK, or NGX_ERROR, with an [emerg] logged, if the name has other
 * characters than nginx takes, which would never match.
 */

ngx_int_t
ngx_http_webhook_header_name(ngx_conf_t *cf, ngx_str_t *name, ngx_str_t *key)
{
    size_t  i;
    u_char  ch;

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
                           "invalid header name \"%V\"", name);
        return NGX_ERROR;
    }

    key->len = name->len;
    key->data = ngx_pnalloc(cf->pool, name->len);
    if (key->data == NULL) {
        return NGX_ERROR;
    }

    ngx_strlow(key->data, name->data, name->len);

    return NGX_OK;
}
