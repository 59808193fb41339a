
/* secrets in a header: "webhook_secret" and "webhook_secret_header" */


#include "judge/ngx_http_webhook_secret.h"
#include "core/ngx_http_webhook_ctx.h"
#include "base/ngx_http_webhook_crypto.h"


static ngx_http_webhook_verdict_t  ngx_http_webhook_missing_secret = {
    NGX_HTTP_UNAUTHORIZED,
    ngx_string("missing_secret"),
    ngx_string("the header with the secret is missing"),
    ngx_null_string,
    0
};


static ngx_http_webhook_verdict_t  ngx_http_webhook_invalid_secret = {
    NGX_HTTP_UNAUTHORIZED,
    ngx_string("invalid_secret"),
    ngx_string("the secret is not valid"),
    ngx_null_string,
    0
};


/* a step: judges the secret that the configured header carries */

ngx_int_t
ngx_http_webhook_authenticate(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx)
{
    ngx_uint_t                    n;
    ngx_table_elt_t              *header;
    ngx_http_webhook_loc_conf_t  *wlcf;

    wlcf = ctx->conf;

    if (wlcf->secrets == NULL || wlcf->secrets == NGX_CONF_UNSET_PTR) {
        return NGX_DECLINED;
    }

    header = ngx_http_webhook_find_header(r, &wlcf->secret_key, &n);

    if (n == 0) {
        return ngx_http_webhook_reject(ctx, &ngx_http_webhook_missing_secret,
                                       NULL);
    }

    ctx->secret = header->value;

    if (n > 1 || !ngx_http_webhook_secret_valid(ctx, NULL)) {
        return ngx_http_webhook_reject(ctx, &ngx_http_webhook_invalid_secret,
                                       NULL);
    }

    return NGX_OK;
}


/*
 * Returns 1 if ctx->secret is one of the location's and, unless "slug" is NULL,
 * is valid for that plugin.  All are compared, whichever matches.
 */

ngx_uint_t
ngx_http_webhook_secret_valid(ngx_http_webhook_ctx_t *ctx, ngx_str_t *slug)
{
    ngx_uint_t                  equal, i, valid;
    ngx_http_webhook_secret_t  *secret;

    valid = 0;
    secret = ctx->conf->secrets->elts;

    for (i = 0; i < ctx->conf->secrets->nelts; i++) {

        equal = ngx_http_webhook_equal(&secret[i].secret, &ctx->secret);

        if (slug && secret[i].slug.len
            && (secret[i].slug.len != slug->len
                || ngx_memcmp(secret[i].slug.data, slug->data, slug->len) != 0))
        {
            continue;
        }

        valid |= equal;
    }

    return valid;
}


/* what may be a secret is never part of an error */

char *
ngx_http_webhook_secret(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_webhook_loc_conf_t *wlcf = conf;

    ngx_str_t                  *value, slug;
    ngx_uint_t                  i;
    ngx_http_webhook_secret_t  *secret;

    value = cf->args->elts;

    if (wlcf->secrets == NULL) {
        return ngx_strcmp(value[1].data, "off") == 0
               ? "is duplicate" : "is used beside \"webhook_secret off\"";
    }

    ngx_str_null(&slug);

    if (cf->args->nelts == 3) {

        if (ngx_strcmp(value[1].data, "off") == 0) {
            return "off has no parameters";
        }

        if (ngx_strncmp(value[2].data, "slug=", 5) != 0) {
            return "has an invalid parameter: \"slug=\" is the only one";
        }

        slug.len = value[2].len - 5;
        slug.data = value[2].data + 5;

        if (!ngx_http_webhook_slug(&slug)) {
            return "has an invalid \"slug=\": 1 to 50 characters of A-Z, a-z, "
                   "0-9, _ and - are allowed";
        }

    } else if (ngx_strcmp(value[1].data, "off") == 0) {

        if (wlcf->secrets != NGX_CONF_UNSET_PTR) {
            return "off is used beside a secret";
        }

        wlcf->secrets = NULL;
        return NGX_CONF_OK;
    }

    if (value[1].len == 0) {
        return "has an empty secret";
    }

    if (wlcf->secrets == NGX_CONF_UNSET_PTR) {
        wlcf->secrets = ngx_array_create(cf->pool, 2,
                                         sizeof(ngx_http_webhook_secret_t));
        if (wlcf->secrets == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    secret = wlcf->secrets->elts;

    for (i = 0; i < wlcf->secrets->nelts; i++) {

        if (secret[i].secret.len == value[1].len
            && ngx_strcmp(secret[i].secret.data, value[1].data) == 0
            && secret[i].slug.len == slug.len
            && (slug.len == 0
                || ngx_strncmp(secret[i].slug.data, slug.data, slug.len) == 0))
        {
            return "is duplicate";
        }
    }

    secret = ngx_array_push(wlcf->secrets);
    if (secret == NULL) {
        return NGX_CONF_ERROR;
    }

    secret->secret = value[1];
    secret->slug = slug;

    return NGX_CONF_OK;
}


char *
ngx_http_webhook_secret_header(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_webhook_loc_conf_t *wlcf = conf;

    size_t      i;
    u_char      ch;
    ngx_str_t  *value;

    if (wlcf->secret_header.data) {
        return "is duplicate";
    }

    value = cf->args->elts;

    /* what nginx takes for a header name; other characters never match */

    for (i = 0; i < value[1].len; i++) {
        ch = value[1].data[i];

        if ((ch < 'A' || ch > 'Z') && (ch < 'a' || ch > 'z')
            && (ch < '0' || ch > '9') && ch != '-' && ch != '_')
        {
            break;
        }
    }

    if (i == 0 || i < value[1].len) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid header name \"%V\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    wlcf->secret_header = value[1];

    wlcf->secret_key.len = value[1].len;
    wlcf->secret_key.data = ngx_pnalloc(cf->pool, value[1].len);
    if (wlcf->secret_key.data == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_strlow(wlcf->secret_key.data, value[1].data, value[1].len);

    return NGX_CONF_OK;
}
