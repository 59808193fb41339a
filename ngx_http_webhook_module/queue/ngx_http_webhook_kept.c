
/*
 * What a queue keeps of a request so that its delivery looks like it: the
 * request's URI, and variables of nginx's own that follow from the client's
 * connection or from what is not kept.  A delivery has no client.  The handler
 * of each such variable is replaced by one that answers from what was kept, if
 * the request is a delivery, and asks nginx's handler otherwise.
 *
 * The values are in message->variables, by their names with the "$".
 */


#include "queue/ngx_http_webhook_kept.h"
#include "core/ngx_http_webhook_conf.h"
#include "core/ngx_http_webhook_ctx.h"
#include "judge/ngx_http_webhook_variable.h"


/* a variable that is kept */

typedef struct {
    ngx_str_t                         name;         /* with "$" */
    ngx_str_t                        *usual;        /* is not worth keeping */
    ngx_int_t                         index;        /* NGX_ERROR: its value is
                                                       not asked for */
    ngx_http_get_variable_pt          handler;      /* nginx's */
    uintptr_t                         data;
} ngx_http_webhook_kept_t;


/* when the value of a variable is added to the message */

enum {
    kept_always = 0,
    kept_used,                      /* if the configuration uses the variable */
    kept_changed                    /* by ngx_http_webhook_kept_save_uri() */
};


/* which variables are kept */

typedef struct {
    ngx_str_t                         name;         /* or how it begins, if its
                                                       last byte is "_" */
    ngx_uint_t                        when;
    ngx_str_t                         usual;        /* what a delivery has
                                                       without it */
} ngx_http_webhook_kept_name_t;


static ngx_http_webhook_kept_name_t *ngx_http_webhook_kept_name(
    ngx_str_t *name);
static ngx_int_t ngx_http_webhook_kept_add(ngx_conf_t *cf,
    ngx_http_webhook_kept_name_t *name, ngx_hash_key_t *key);
static ngx_int_t ngx_http_webhook_kept_get(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_webhook_kept_save_uri(ngx_http_request_t *r,
    ngx_http_webhook_message_t *message);


/*
 * A variable that is kept only if it is used costs nothing in other
 * configurations.  Those that are always kept are small, and events that wait
 * have them when a configuration begins to use them.
 */

static ngx_http_webhook_kept_name_t  ngx_http_webhook_kept_names[] = {
    { ngx_string("scheme"), kept_always, ngx_string("http") },
    { ngx_string("https"), kept_always, ngx_string("") },
    { ngx_string("server_name"), kept_always, ngx_null_string },
    { ngx_string("server_protocol"), kept_always, ngx_string("HTTP/1.1") },
    { ngx_string("proxy_protocol_"), kept_always, ngx_null_string },
    { ngx_string("realip_"), kept_used, ngx_null_string },
    { ngx_string("ssl_"), kept_used, ngx_null_string },
    { ngx_string("http2"), kept_used, ngx_string("") },
    { ngx_string("http3"), kept_used, ngx_string("") },
    { ngx_string("remote_user"), kept_used, ngx_null_string },
    { ngx_string("request_id"), kept_used, ngx_null_string },
    { ngx_string("request_uri"), kept_changed, ngx_null_string },
    { ngx_null_string, 0, ngx_null_string }
};


/* is kept of a request whose URI was changed: what the client has sent */
static ngx_str_t  ngx_http_webhook_kept_request_uri =
    ngx_string("$request_uri");

static ngx_str_t  ngx_http_webhook_kept_server_protocol =
    ngx_string("$server_protocol");


/*
 * Replaces the handlers of nginx's variables; called after the configuration
 * has been read.  Returns NGX_OK, or NGX_ERROR if there is no memory.
 */

ngx_int_t
ngx_http_webhook_kept_init(ngx_conf_t *cf)
{
    ngx_uint_t                     i;
    ngx_hash_key_t                *key;
    ngx_http_core_main_conf_t     *cmcf;
    ngx_http_webhook_kept_name_t  *name;
    ngx_http_webhook_main_conf_t  *wmcf;

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_webhook_module);

    if (ngx_array_init(&wmcf->kept, cf->pool, 32,
                       sizeof(ngx_http_webhook_kept_t *))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (wmcf->queues.nelts == 0) {
        return NGX_OK;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    key = cmcf->variables_keys->keys.elts;

    for (i = 0; i < cmcf->variables_keys->keys.nelts; i++) {

        name = ngx_http_webhook_kept_name(&key[i].key);

        if (name
            && ngx_http_webhook_kept_add(cf, name, &key[i]) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* Returns what says that a variable is kept, or NULL. */

static ngx_http_webhook_kept_name_t *
ngx_http_webhook_kept_name(ngx_str_t *name)
{
    ngx_str_t                     *text;
    ngx_http_webhook_kept_name_t  *kept;

    for (kept = ngx_http_webhook_kept_names; kept->name.len; kept++) {
        text = &kept->name;

        if (name->len >= text->len
            && (name->len == text->len || text->data[text->len - 1] == '_')
            && ngx_strncmp(name->data, text->data, text->len) == 0)
        {
            return kept;
        }
    }

    return NULL;
}


/* Replaces the handler of one variable. */

static ngx_int_t
ngx_http_webhook_kept_add(ngx_conf_t *cf, ngx_http_webhook_kept_name_t *name,
    ngx_hash_key_t *key)
{
    ngx_http_variable_t            *var;
    ngx_http_webhook_kept_t        *kept, **k;
    ngx_http_webhook_main_conf_t   *wmcf;

    var = key->value;

    if (var->get_handler == NULL) {
        return NGX_OK;
    }

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_webhook_module);

    kept = ngx_palloc(cf->pool, sizeof(ngx_http_webhook_kept_t));
    k = ngx_array_push(&wmcf->kept);

    if (kept == NULL || k == NULL) {
        return NGX_ERROR;
    }

    *k = kept;

    kept->name.len = key->key.len + 1;
    kept->name.data = ngx_pnalloc(cf->pool, kept->name.len);
    if (kept->name.data == NULL) {
        return NGX_ERROR;
    }

    kept->name.data[0] = '$';
    ngx_memcpy(kept->name.data + 1, key->key.data, key->key.len);

    kept->usual = &name->usual;
    kept->handler = var->get_handler;
    kept->data = var->data;

    var->get_handler = ngx_http_webhook_kept_get;
    var->data = (uintptr_t) kept;

    switch (name->when) {

    case kept_always:
        kept->index = ngx_http_get_variable_index(cf, &key->key);
        return (kept->index == NGX_ERROR) ? NGX_ERROR : NGX_OK;

    case kept_used:
        kept->index = ngx_http_webhook_variable_index(cf, &key->key);
        return NGX_OK;

    default: /* kept_changed */
        kept->index = NGX_ERROR;
        return NGX_OK;
    }
}


/* Tells a variable: of a delivery what was kept of it. */

static ngx_int_t
ngx_http_webhook_kept_get(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    ngx_http_webhook_kept_t *kept = (ngx_http_webhook_kept_t *) data;

    ngx_str_t               *value;
    ngx_http_webhook_ctx_t  *ctx;

    ctx = ngx_http_webhook_get_ctx(r);

    if (ctx && ctx->delivery) {
        value = ngx_http_webhook_saved_variable(ctx->delivery->variables,
                                                &kept->name);
        if (value) {
            v->valid = 1;
            v->no_cacheable = 0;
            v->not_found = 0;
            v->len = value->len;
            v->data = value->data;

            return NGX_OK;
        }
    }

    return kept->handler(r, v, kept->data);
}


/*
 * Sets what is kept of a request's URI, and adds to message->variables those of
 * nginx.  The message then points to what belongs to the request.  Returns
 * NGX_OK or NGX_ERROR.
 */

ngx_int_t
ngx_http_webhook_kept_save(ngx_http_request_t *r,
    ngx_http_webhook_message_t *message)
{
    ngx_uint_t                      i;
    ngx_keyval_t                   *kv;
    ngx_http_webhook_kept_t       **kept;
    ngx_http_variable_value_t      *v;
    ngx_http_webhook_main_conf_t   *wmcf;

    if (ngx_http_webhook_kept_save_uri(r, message) != NGX_OK) {
        return NGX_ERROR;
    }

    wmcf = ngx_http_get_module_main_conf(r, ngx_http_webhook_module);
    kept = wmcf->kept.elts;

    for (i = 0; i < wmcf->kept.nelts; i++) {

        if (kept[i]->index == NGX_ERROR) {
            continue;
        }

        v = ngx_http_get_indexed_variable(r, kept[i]->index);

        if (v == NULL) {
            return NGX_ERROR;
        }

        if (v->not_found
            || (kept[i]->usual->data && v->len == kept[i]->usual->len
                && ngx_strncmp(v->data, kept[i]->usual->data, v->len) == 0))
        {
            continue;
        }

        kv = ngx_array_push(&message->variables);
        if (kv == NULL) {
            return NGX_ERROR;
        }

        kv->key = kept[i]->name;
        kv->value.len = v->len;
        kv->value.data = v->data;
    }

    return NGX_OK;
}


/*
 * Sets the parts of the URI.  What "proxy_pass" without a URI passes is the URI
 * as the client has sent it, unless it was changed, by "rewrite" for instance.
 * It is then made here, and message->unparsed_uri is always what is passed.
 */

static ngx_int_t
ngx_http_webhook_kept_save_uri(ngx_http_request_t *r,
    ngx_http_webhook_message_t *message)
{
    u_char        *p;
    uintptr_t      escape;
    ngx_keyval_t  *kv;

    message->uri = r->uri;
    message->args = r->args;
    message->unparsed_uri = r->unparsed_uri;

    if (r->valid_unparsed_uri) {
        return NGX_OK;
    }

    kv = ngx_array_push(&message->variables);
    if (kv == NULL) {
        return NGX_ERROR;
    }

    kv->key = ngx_http_webhook_kept_request_uri;
    kv->value = r->unparsed_uri;

    /* as ngx_http_proxy_module does */

    escape = 0;

    if (r->quoted_uri || r->internal) {
        escape = 2 * ngx_escape_uri(NULL, r->uri.data, r->uri.len,
                                    NGX_ESCAPE_URI);
    }

    p = ngx_pnalloc(r->pool, r->uri.len + escape + 1 + r->args.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    message->unparsed_uri.data = p;

    if (escape) {
        p = (u_char *) ngx_escape_uri(p, r->uri.data, r->uri.len,
                                      NGX_ESCAPE_URI);

    } else {
        p = ngx_cpymem(p, r->uri.data, r->uri.len);
    }

    if (r->args.len) {
        *p++ = '?';
        p = ngx_cpymem(p, r->args.data, r->args.len);
    }

    message->unparsed_uri.len = p - message->unparsed_uri.data;

    return NGX_OK;
}


/*
 * Sets a delivery's URI, protocol and request line; the method must be set.
 * Variables need r's context to be a delivery with message->variables.  Returns
 * NGX_OK, or NGX_ERROR if there is no memory.
 */

ngx_int_t
ngx_http_webhook_kept_restore(ngx_http_request_t *r,
    ngx_http_webhook_message_t *message)
{
    ngx_str_t  *protocol, *uri;

    r->uri = message->uri;
    r->args = message->args;
    r->unparsed_uri = message->unparsed_uri;
    r->valid_unparsed_uri = 1;

    protocol = ngx_http_webhook_saved_variable(&message->variables,
                                      &ngx_http_webhook_kept_server_protocol);
    if (protocol) {
        r->http_protocol = *protocol;

    } else {
        ngx_str_set(&r->http_protocol, "HTTP/1.1");
    }

    uri = ngx_http_webhook_saved_variable(&message->variables,
                                          &ngx_http_webhook_kept_request_uri);
    if (uri == NULL) {
        uri = &r->unparsed_uri;
    }

    r->request_line.len = r->method_name.len + 1 + uri->len + 1
                          + r->http_protocol.len;
    r->request_line.data = ngx_pnalloc(r->pool, r->request_line.len);
    if (r->request_line.data == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(r->request_line.data, "%V %V %V", &r->method_name, uri,
                &r->http_protocol);

    return NGX_OK;
}
