
/*
 * How secrets are written in the configuration, in all directives that have
 * some: as a text, as lines of a file, or as a variable.
 */


#include "judge/ngx_http_webhook_secret.h"
#include "core/ngx_http_webhook_conf.h"


/* bytes: a longer file is not one of secrets */
#define NGX_HTTP_WEBHOOK_SECRET_FILE_MAX  65536


static char *ngx_http_webhook_secret_file(ngx_conf_t *cf, ngx_str_t *path,
    ngx_array_t *values);
static ngx_int_t ngx_http_webhook_secret_line(ngx_conf_t *cf, ngx_str_t *path,
    ngx_uint_t line, ngx_str_t *text);
static ngx_int_t ngx_http_webhook_secret_read(ngx_conf_t *cf, ngx_str_t *path,
    ngx_str_t *text);
static ngx_uint_t ngx_http_webhook_secret_name(ngx_str_t *text,
    ngx_str_t *name);
static ngx_uint_t ngx_http_webhook_secret_braces(ngx_str_t *text);
static char *ngx_http_webhook_secret_variable(ngx_conf_t *cf, ngx_str_t *name,
    ngx_http_webhook_secret_value_t *value);
static ngx_uint_t ngx_http_webhook_secret_foreign(ngx_conf_t *cf,
    ngx_str_t *name);


/*
 * Variables of nginx that a directive may set as well, so that nginx's table of
 * variables does not tell them from those that only a directive defines.  A
 * name that ends with "_" stands for all that begin with it.
 */

static ngx_str_t  ngx_http_webhook_secret_builtin[] = {
    ngx_string("ancient_browser"),
    ngx_string("args"),
    ngx_string("fastcgi_path_info"),
    ngx_string("fastcgi_script_name"),
    ngx_string("invalid_referer"),
    ngx_string("limit_rate"),
    ngx_string("modern_browser"),
    ngx_string("msie"),
    ngx_string("proxy_add_x_forwarded_for"),
    ngx_string("proxy_host"),
    ngx_string("proxy_port"),
    ngx_string("sent_trailer_"),
    ngx_string("ssl_"),
    ngx_string("trailer_"),
    ngx_string("uid_reset"),
    ngx_string("upstream_"),
    ngx_null_string
};


/*
 * Sets "text" to what the secret is for this request: empty if its variable has
 * no value.
 */

void
ngx_http_webhook_secret_text(ngx_http_request_t *r,
    ngx_http_webhook_secret_value_t *value, ngx_str_t *text)
{
    ngx_http_variable_value_t  *vv;

    if (value->variable == NGX_CONF_UNSET) {
        *text = value->text;
        return;
    }

    ngx_str_null(text);

    vv = ngx_http_get_flushed_variable(r, value->variable);

    if (vv && vv->valid && !vv->not_found) {
        text->len = vv->len;
        text->data = vv->data;
    }
}


/*
 * Reads a parameter that stands for secrets, and adds them to "values", of
 * ngx_http_webhook_secret_value_t: the lines of a file for "file=path", the
 * value that a variable has in each request for "$name" and "${name}", or else
 * the text itself.  What looks like a forgotten substitution is refused.
 * Returns NULL, or what a directive's handler returns.
 */

char *
ngx_http_webhook_secret_values(ngx_conf_t *cf, ngx_str_t *text,
    ngx_array_t *values)
{
    ngx_str_t                         name;
    ngx_http_webhook_secret_value_t  *value;

    if (ngx_strncmp(text->data, "file=", 5) == 0) {
        name.len = text->len - 5;
        name.data = text->data + 5;

        return ngx_http_webhook_secret_file(cf, &name, values);
    }

    if (text->len == 0) {
        return "has an empty secret";
    }

    value = ngx_array_push(values);
    if (value == NULL) {
        return NGX_CONF_ERROR;
    }

    value->text = *text;
    value->variable = NGX_CONF_UNSET;

    if (ngx_http_webhook_secret_name(text, &name)) {
        return ngx_http_webhook_secret_variable(cf, &name, value);
    }

    if (ngx_http_webhook_secret_braces(text)) {
        return "has a secret with \"${...}\" in it, which is neither a "
               "variable nor a secret: substitute it before nginx starts, or "
               "use a variable alone";
    }

    return NULL;
}


/* Returns 1 if the text begins or ends with a space or a tab. */

ngx_uint_t
ngx_http_webhook_secret_blank(ngx_str_t *text)
{
    u_char  first, last;

    if (text->len == 0) {
        return 0;
    }

    first = text->data[0];
    last = text->data[text->len - 1];

    return first == ' ' || first == '\t' || last == ' ' || last == '\t';
}


/* Adds the secrets of a file, one a line; empty lines do not count. */

static char *
ngx_http_webhook_secret_file(ngx_conf_t *cf, ngx_str_t *path,
    ngx_array_t *values)
{
    u_char                           *last, *next, *p;
    ngx_str_t                         text;
    ngx_uint_t                        line, n;
    ngx_http_webhook_secret_value_t  *value;

    if (path->len == 0) {
        return "has an empty \"file=\"";
    }

    if (ngx_conf_full_name(cf->cycle, path, 1) != NGX_OK
        || ngx_http_webhook_secret_read(cf, path, &text) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    n = 0;
    line = 0;
    last = text.data + text.len;

    for (p = text.data; p < last; p = next + 1) {

        next = ngx_strlchr(p, last, '\n');
        if (next == NULL) {
            next = last;
        }

        text.data = p;
        text.len = next - p;
        line++;

        if (text.len && text.data[text.len - 1] == '\r') {
            text.len--;
        }

        if (text.len == 0) {
            continue;
        }

        if (ngx_http_webhook_secret_line(cf, path, line, &text) != NGX_OK) {
            return NGX_CONF_ERROR;
        }

        value = ngx_array_push(values);
        if (value == NULL) {
            return NGX_CONF_ERROR;
        }

        value->text = text;
        value->variable = NGX_CONF_UNSET;
        n++;
    }

    if (n == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" has no secret: one a line is expected",
                           path);
        return NGX_CONF_ERROR;
    }

    return NULL;
}


/*
 * Looks for what an editor or a script puts into a file unseen, and no sender
 * has in its secret.  Returns NGX_OK, or NGX_ERROR after a message, which does
 * not have the text.
 */

static ngx_int_t
ngx_http_webhook_secret_line(ngx_conf_t *cf, ngx_str_t *path, ngx_uint_t line,
    ngx_str_t *text)
{
    size_t  i;

    if (line == 1 && text->len >= 3
        && ngx_strncmp(text->data, "\xEF\xBB\xBF", 3) == 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" begins with a byte order mark: save it "
                           "without one", path);
        return NGX_ERROR;
    }

    for (i = 0; i < text->len; i++) {

        if ((text->data[i] < ' ' && text->data[i] != '\t')
            || text->data[i] == 0x7f)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "the secret in line %ui of \"%V\" has a "
                               "control character", line, path);
            return NGX_ERROR;
        }
    }

    if (ngx_http_webhook_secret_blank(text)) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "the secret in line %ui of \"%V\" begins or ends "
                           "with a blank, which is taken for a part of it",
                           line, path);
    }

    return NGX_OK;
}


/* Reads a file of secrets into the pool.  Returns NGX_OK or NGX_ERROR. */

static ngx_int_t
ngx_http_webhook_secret_read(ngx_conf_t *cf, ngx_str_t *path, ngx_str_t *text)
{
    size_t      size;
    ssize_t     n;
    ngx_int_t   rc;
    ngx_file_t  file;

    ngx_memzero(&file, sizeof(ngx_file_t));

    file.name = *path;
    file.log = cf->log;

    file.fd = ngx_open_file(path->data, NGX_FILE_RDONLY|NGX_FILE_NONBLOCK,
                            NGX_FILE_OPEN, 0);
    if (file.fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_open_file_n " \"%V\" failed", path);
        return NGX_ERROR;
    }

    rc = NGX_ERROR;

    if (ngx_fd_info(file.fd, &file.info) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_fd_info_n " \"%V\" failed", path);
        goto done;
    }

    if (!ngx_is_file(&file.info)
        || ngx_file_size(&file.info) > NGX_HTTP_WEBHOOK_SECRET_FILE_MAX)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is not a file of secrets: it is no regular "
                           "file, or longer than 64k", path);
        goto done;
    }

    size = (size_t) ngx_file_size(&file.info);

    text->data = ngx_pnalloc(cf->pool, size + 1);
    if (text->data == NULL) {
        goto done;
    }

    n = ngx_read_file(&file, text->data, size, 0);

    if (n == NGX_ERROR || (size_t) n != size) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, n == NGX_ERROR ? ngx_errno : 0,
                           "could not read \"%V\"", path);
        goto done;
    }

    text->len = size;
    text->data[size] = '\0';
    rc = NGX_OK;

done:

    if (ngx_close_file(file.fd) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_ALERT, cf, ngx_errno,
                           ngx_close_file_n " \"%V\" failed", path);
    }

    return rc;
}


/* Returns 1 if the text is exactly "$name" or "${name}", and sets "name". */

static ngx_uint_t
ngx_http_webhook_secret_name(ngx_str_t *text, ngx_str_t *name)
{
    u_char  ch;
    size_t  i;

    if (text->len < 2 || text->data[0] != '$') {
        return 0;
    }

    name->data = text->data + 1;
    name->len = text->len - 1;

    if (name->len > 2 && name->data[0] == '{'
        && name->data[name->len - 1] == '}')
    {
        name->data++;
        name->len -= 2;
    }

    for (i = 0; i < name->len; i++) {
        ch = name->data[i];

        if ((ch < 'A' || ch > 'Z') && (ch < 'a' || ch > 'z')
            && (ch < '0' || ch > '9') && ch != '_')
        {
            return 0;
        }
    }

    return 1;
}


/* Returns 1 if there is "${", and "}" after it, in the text. */

static ngx_uint_t
ngx_http_webhook_secret_braces(ngx_str_t *text)
{
    u_char  *last, *p;

    last = text->data + text->len;
    p = ngx_strnstr(text->data, "${", text->len);

    return p && ngx_strlchr(p, last, '}') != NULL;
}


/*
 * Sets "value" to the variable "name", and takes note of it for
 * ngx_http_webhook_secret_variables().  The name of an environment variable,
 * which nginx would take in lower case, is refused: "${HTTP_TOKEN}", if nobody
 * has replaced it, would be whatever a client sends.  Returns NULL, or what a
 * directive's handler returns.
 */

static char *
ngx_http_webhook_secret_variable(ngx_conf_t *cf, ngx_str_t *name,
    ngx_http_webhook_secret_value_t *value)
{
    ngx_uint_t                           i;
    ngx_http_webhook_main_conf_t        *wmcf;
    ngx_http_webhook_secret_variable_t  *variable;

    for (i = 0; i < name->len; i++) {
        if (name->data[i] >= 'A' && name->data[i] <= 'Z') {
            return "has a variable with a capital letter as a secret, which is "
                   "a forgotten substitution: substitute it before nginx "
                   "starts, or write the name of nginx's variable in lower "
                   "case";
        }
    }

    value->variable = ngx_http_get_variable_index(cf, name);
    if (value->variable == NGX_ERROR) {
        return NGX_CONF_ERROR;
    }

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_webhook_module);

    variable = ngx_array_push(&wmcf->secret_variables);
    if (variable == NULL) {
        return NGX_CONF_ERROR;
    }

    variable->name = *name;
    variable->file = cf->conf_file->file.name.data;
    variable->line = cf->conf_file->line;

    return NULL;
}


/*
 * Checks the variables that are secrets; called when all of the configuration
 * has been read, and before nginx does so: nginx logs the name of an unknown
 * variable, which may be a secret that begins with "$".  Returns NGX_OK or
 * NGX_ERROR.
 */

ngx_int_t
ngx_http_webhook_secret_variables(ngx_conf_t *cf)
{
    ngx_uint_t                           i;
    ngx_http_webhook_main_conf_t        *wmcf;
    ngx_http_webhook_secret_variable_t  *variable;

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_webhook_module);
    variable = wmcf->secret_variables.elts;

    for (i = 0; i < wmcf->secret_variables.nelts; i++) {

        if (ngx_http_webhook_secret_foreign(cf, &variable[i].name)) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "the secret in %s:%ui is a variable that nginx or "
                          "the client sets: use one that a \"map\" or another "
                          "directive defines, or \"file=\"",
                          variable[i].file, variable[i].line);
            return NGX_ERROR;
        }

        if (ngx_http_webhook_variable_find(cf, &variable[i].name) == NULL) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "the secret in %s:%ui is a variable that nobody "
                          "defines: define it with a \"map\", or, if a secret "
                          "itself begins with \"$\", put it into a file and "
                          "use \"file=\"",
                          variable[i].file, variable[i].line);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/*
 * Returns 1 if the variable has its value not from a directive, but from the
 * client or from nginx: if its prefix is one of those that nginx knows, such as
 * "http_" or "arg_", if no directive may set it, or if it is in the list above.
 */

static ngx_uint_t
ngx_http_webhook_secret_foreign(ngx_conf_t *cf, ngx_str_t *name)
{
    ngx_str_t            *builtin;
    ngx_http_variable_t  *v;

    if (ngx_http_webhook_variable_prefixed(cf, name)) {
        return 1;
    }

    for (builtin = ngx_http_webhook_secret_builtin; builtin->len; builtin++) {

        if ((name->len == builtin->len
             || (name->len > builtin->len
                 && builtin->data[builtin->len - 1] == '_'))
            && ngx_strncmp(name->data, builtin->data, builtin->len) == 0)
        {
            return 1;
        }
    }

    v = ngx_http_webhook_variable_find(cf, name);

    return v && !(v->flags & NGX_HTTP_VAR_CHANGEABLE);
}
