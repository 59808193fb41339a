
/*
 * What several directives have in common: the parameters for zones, sizes,
 * files and headers, and a warning where they have no effect.
 */


#include "core/ngx_http_webhook_conf.h"
#include "store/ngx_http_webhook_store.h"


/* What a warning says of a setting that no location uses, by its kind */

static char  *ngx_http_webhook_settings_without[webhook_settings] = {

    "protects nothing: no location that checks secrets uses it",

    "has no effect: no location that checks secrets uses it",

    "protects nothing: no location with \"webhook\" uses it",

    "has no effect: no location with \"webhook lenra\" uses it",

    "has no effect: no location with \"webhook\" uses it",

    "has no effect: no location with \"webhook_endpoints\" or "
    "\"webhook_deliver\" uses it",

    "has no effect: no location with \"webhook_endpoints\" or "
    "\"webhook_deliver\" uses it"
};


static ngx_int_t ngx_http_webhook_file_init(ngx_conf_t *cf,
    ngx_http_webhook_file_t *file, ngx_str_t *path);
static ngx_uint_t ngx_http_webhook_file_same(ngx_http_webhook_file_t *one,
    ngx_http_webhook_file_t *two);
static ngx_uint_t ngx_http_webhook_file_lock(ngx_http_webhook_file_t *file,
    ngx_http_webhook_file_t *lock);
static ngx_uint_t ngx_http_webhook_file_beside(ngx_http_webhook_file_t *one,
    ngx_http_webhook_file_t *two);


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
 * Takes note of a store's file by its full path, which must be
 * zero-terminated, and of the threads that commit to it.  "what" is "queue",
 * "zone" or "dedup zone", and "whose" its name.  Returns NGX_CONF_OK, or
 * NGX_CONF_ERROR, with an [emerg] logged, if another store has the file, by
 * whatever name, or its lock file: LMDB does not allow a process to open a file
 * twice.
 */

char *
ngx_http_webhook_add_file(ngx_conf_t *cf, ngx_str_t *path, char *what,
    ngx_str_t *whose)
{
    ngx_uint_t                     i;
    ngx_http_webhook_file_t       *file, *last;
    ngx_http_webhook_main_conf_t  *wmcf;

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_webhook_module);

    last = ngx_array_push(&wmcf->files);
    if (last == NULL) {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_webhook_file_init(cf, last, path) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    last->what = what;
    last->whose = *whose;

    file = wmcf->files.elts;

    for (i = 0; &file[i] != last; i++) {

        if (ngx_http_webhook_file_same(&file[i], last)) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "the file \"%V\" is used already", path);
            return NGX_CONF_ERROR;
        }

        if (ngx_http_webhook_file_lock(&file[i], last)
            || ngx_http_webhook_file_lock(last, &file[i]))
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "of the files \"%V\" and \"%V\" one is the "
                               "lock file of the other",
                               &file[i].path, path);
            return NGX_CONF_ERROR;
        }
    }

#if (NGX_THREADS)
    if (ngx_thread_pool_add(cf, NULL) == NULL) {
        return NGX_CONF_ERROR;
    }
#endif

    return NGX_CONF_OK;
}


/*
 * Looks, when the configuration has been read, what has become of the files of
 * the one that is running.  One that nothing uses any more is told; one that
 * would have another owner is refused, since workers of both configurations
 * would have it at a time.  Returns NGX_OK, or NGX_ERROR after a message.
 */

ngx_int_t
ngx_http_webhook_files_left(ngx_conf_t *cf)
{
    ngx_uint_t                     i, n;
    ngx_cycle_t                   *cycle;
    ngx_http_webhook_file_t       *file, *old;
    ngx_http_webhook_main_conf_t  *wmcf, *running;

    cycle = cf->cycle->old_cycle;

    if (cycle == NULL || ngx_is_init_cycle(cycle)) {
        return NGX_OK;
    }

    /* the running configuration may be without the module, or "http" */

    for (i = 0; cycle->modules[i] != &ngx_http_webhook_module; i++) {
        if (cycle->modules[i] == NULL) {
            return NGX_OK;
        }
    }

    running = ngx_http_cycle_get_module_main_conf(cycle,
                                                  ngx_http_webhook_module);
    if (running == NULL) {
        return NGX_OK;
    }

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_webhook_module);

    old = running->files.elts;
    file = wmcf->files.elts;

    for (i = 0; i < running->files.nelts; i++) {

        for (n = 0; n < wmcf->files.nelts; n++) {
            if (ngx_http_webhook_file_same(&old[i], &file[n])) {
                break;
            }
        }

        if (n == wmcf->files.nelts) {
            ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                          "webhook %s \"%V\" is not configured any more: what "
                          "its file \"%V\" has waits there until it is again",
                          old[i].what, &old[i].whose, &old[i].path);
            continue;
        }

        if (ngx_strcmp(old[i].what, file[n].what) != 0
            || old[i].whose.len != file[n].whose.len
            || ngx_strncmp(old[i].whose.data, file[n].whose.data,
                           old[i].whose.len)
               != 0)
        {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "the file \"%V\" is that of webhook %s \"%V\", and "
                          "can't become that of webhook %s \"%V\" without a "
                          "restart",
                          &old[i].path, old[i].what, &old[i].whose,
                          file[n].what, &file[n].whose);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
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


/*
 * Finds out which file a path means: one that there is, and one that may be
 * made in its folder.  Returns NGX_OK or NGX_ERROR.
 */

static ngx_int_t
ngx_http_webhook_file_init(ngx_conf_t *cf, ngx_http_webhook_file_t *file,
    ngx_str_t *path)
{
    u_char           *folder, *p;
    ngx_file_info_t   fi;

    ngx_memzero(file, sizeof(ngx_http_webhook_file_t));

    file->path = *path;

    /* a path that can't be examined is compared as a text only */

    if (ngx_file_info(path->data, &fi) != NGX_FILE_ERROR) {
        file->there = 1;
        file->device = fi.st_dev;
        file->inode = fi.st_ino;
    }

    for (p = path->data + path->len; p > path->data && p[-1] != '/'; p--) {
        /* void */
    }

    file->name.len = path->data + path->len - p;
    file->name.data = p;

    folder = ngx_pnalloc(cf->temp_pool, p - path->data + 1);
    if (folder == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(folder, path->data, p - path->data);
    folder[p - path->data] = '\0';

    if (ngx_file_info(folder, &fi) != NGX_FILE_ERROR) {
        file->has_folder = 1;
        file->folder_device = fi.st_dev;
        file->folder_inode = fi.st_ino;
    }

    return NGX_OK;
}


/* Says whether two paths mean one file. */

static ngx_uint_t
ngx_http_webhook_file_same(ngx_http_webhook_file_t *one,
    ngx_http_webhook_file_t *two)
{
    if (one->path.len == two->path.len
        && ngx_strncmp(one->path.data, two->path.data, two->path.len) == 0)
    {
        return 1;
    }

    if (one->there && two->there) {
        return one->device == two->device && one->inode == two->inode;
    }

    return ngx_http_webhook_file_beside(one, two)
           && one->name.len == two->name.len
           && ngx_strncmp(one->name.data, two->name.data, two->name.len) == 0;
}


/* Says whether "lock" would be the lock file of "file". */

static ngx_uint_t
ngx_http_webhook_file_lock(ngx_http_webhook_file_t *file,
    ngx_http_webhook_file_t *lock)
{
    size_t  len;

    len = file->name.len;

    return ngx_http_webhook_file_beside(file, lock)
           && lock->name.len == len + sizeof("-lock") - 1
           && ngx_strncmp(lock->name.data, file->name.data, len) == 0
           && ngx_strncmp(lock->name.data + len, "-lock", sizeof("-lock") - 1)
              == 0;
}


/* Says whether two files are in one folder. */

static ngx_uint_t
ngx_http_webhook_file_beside(ngx_http_webhook_file_t *one,
    ngx_http_webhook_file_t *two)
{
    return one->has_folder && two->has_folder
           && one->folder_device == two->folder_device
           && one->folder_inode == two->folder_inode;
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


/*
 * Returns the variable that nginx or a directive defines, or NULL.  Those of a
 * prefix, such as "http_", are none.  To be called when the configuration has
 * been read.
 */

ngx_http_variable_t *
ngx_http_webhook_variable_find(ngx_conf_t *cf, ngx_str_t *name)
{
    ngx_uint_t                  i;
    ngx_hash_key_t             *key;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    key = cmcf->variables_keys->keys.elts;

    for (i = 0; i < cmcf->variables_keys->keys.nelts; i++) {

        if (key[i].key.len == name->len
            && ngx_strncasecmp(key[i].key.data, name->data, name->len) == 0)
        {
            return key[i].value;
        }
    }

    return NULL;
}


/* Returns 1 if the name begins with a prefix that nginx knows: "http_x". */

ngx_uint_t
ngx_http_webhook_variable_prefixed(ngx_conf_t *cf, ngx_str_t *name)
{
    ngx_uint_t                  i;
    ngx_http_variable_t        *prefix;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    prefix = cmcf->prefix_variables.elts;

    for (i = 0; i < cmcf->prefix_variables.nelts; i++) {

        if (name->len >= prefix[i].name.len
            && ngx_strncasecmp(name->data, prefix[i].name.data,
                               prefix[i].name.len)
               == 0)
        {
            return 1;
        }
    }

    return 0;
}


/* Returns the index of a variable, or NGX_ERROR if no directive has used it. */

ngx_int_t
ngx_http_webhook_variable_index(ngx_conf_t *cf, ngx_str_t *name)
{
    ngx_uint_t                  i;
    ngx_http_variable_t        *v;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    v = cmcf->variables.elts;

    for (i = 0; i < cmcf->variables.nelts; i++) {

        if (v[i].name.len == name->len
            && ngx_strncasecmp(v[i].name.data, name->data, name->len) == 0)
        {
            return i;
        }
    }

    return NGX_ERROR;
}
