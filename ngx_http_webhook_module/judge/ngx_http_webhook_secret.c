
/*
 * Secrets that a sender puts into a header: "webhook_secret" and
 * "webhook_secret_header".
 */


#include "judge/ngx_http_webhook_secret.h"
#include "base/ngx_http_webhook_crypto.h"
#include "core/ngx_http_webhook_conf.h"
#include "core/ngx_http_webhook_ctx.h"


static ngx_uint_t ngx_http_webhook_secret_matches(ngx_http_webhook_ctx_t *ctx,
    ngx_str_t *secret);
static size_t ngx_http_webhook_secret_scheme(ngx_str_t *text);
static char *ngx_http_webhook_secret_slug(ngx_str_t *value, ngx_str_t *slug);
static ngx_http_webhook_secrets_t *ngx_http_webhook_secrets_create(
    ngx_conf_t *cf, ngx_http_webhook_loc_conf_t *wlcf);
static void ngx_http_webhook_secret_underscore(ngx_conf_t *cf,
    ngx_http_webhook_loc_conf_t *wlcf);
static char *ngx_http_webhook_secret_add(ngx_http_webhook_secrets_t *secrets,
    ngx_http_webhook_secret_value_t *value, ngx_str_t *slug);
static ngx_uint_t ngx_http_webhook_secret_usable(
    ngx_http_webhook_loc_conf_t *wlcf, ngx_http_webhook_secret_t *secret);
static char *ngx_http_webhook_secret_challenge(ngx_conf_t *cf,
    ngx_http_webhook_loc_conf_t *wlcf);


static ngx_http_webhook_verdict_t  ngx_http_webhook_missing_secret =
    ngx_http_webhook_verdict(NGX_HTTP_UNAUTHORIZED, missing_secret,
                             "the header with the secret is missing");


static ngx_http_webhook_verdict_t  ngx_http_webhook_invalid_secret =
    ngx_http_webhook_verdict(NGX_HTTP_UNAUTHORIZED, invalid_secret,
                             "the secret is not valid");


/*
 * A step of the access phase: checks the secret in the configured header, and
 * sets ctx->secret to it.  Returns NGX_OK, NGX_ABORT with a verdict, or
 * NGX_DECLINED where no secret is configured that a sender could have.
 */

ngx_int_t
ngx_http_webhook_authenticate(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx)
{
    ngx_uint_t                    n;
    ngx_table_elt_t              *header;
    ngx_http_webhook_loc_conf_t  *wlcf;

    wlcf = ctx->conf;

    if (!ngx_http_webhook_secrets_usable(wlcf)) {
        return NGX_DECLINED;
    }

    header = ngx_http_webhook_find_header(r, &wlcf->secret_key, &n);

    if (n == 0) {
        ctx->challenge = &wlcf->challenge;
        return ngx_http_webhook_reject(ctx, &ngx_http_webhook_missing_secret,
                                       NULL);
    }

    ctx->secret = header->value;

    if (n > 1 || !ngx_http_webhook_secret_valid(r, ctx, NULL)) {
        ctx->challenge = &wlcf->challenge;
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
ngx_http_webhook_secret_valid(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_str_t *slug)
{
    ngx_str_t                   text;
    ngx_uint_t                  equal, i, valid;
    ngx_http_webhook_secret_t  *secret;

    valid = 0;
    secret = ctx->conf->secrets->list.elts;

    for (i = 0; i < ctx->conf->secrets->list.nelts; i++) {

        ngx_http_webhook_secret_text(r, &secret[i].value, &text);

        equal = text.len && ngx_http_webhook_secret_matches(ctx, &text);

        if (!ngx_http_webhook_secret_usable(ctx->conf, &secret[i])
            || (secret[i].slug.len && slug
                && (secret[i].slug.len != slug->len
                    || ngx_memcmp(secret[i].slug.data, slug->data, slug->len)
                       != 0)))
        {
            continue;
        }

        valid |= equal;
    }

    return valid;
}


/*
 * Returns 1 if ctx->secret is "secret", compared in constant time.  In the
 * header Authorization, the scheme before the first space is a name that
 * everybody knows, and may be in any case: RFC 9110, section 11.1.
 */

static ngx_uint_t
ngx_http_webhook_secret_matches(ngx_http_webhook_ctx_t *ctx, ngx_str_t *secret)
{
    size_t      len;
    ngx_str_t   a, b;

    a = *secret;
    b = ctx->secret;

    if (ctx->conf->authorization) {

        len = ngx_http_webhook_secret_scheme(&a);

        if (len != ngx_http_webhook_secret_scheme(&b)
            || ngx_strncasecmp(a.data, b.data, len) != 0)
        {
            return 0;
        }

        a.data += len;
        a.len -= len;
        b.data += len;
        b.len -= len;
    }

    return ngx_http_webhook_equal(&a, &b);
}


/* Returns how long the scheme of an Authorization header is, 0: it has none. */

static size_t
ngx_http_webhook_secret_scheme(ngx_str_t *text)
{
    u_char  *p;

    p = ngx_strlchr(text->data, text->data + text->len, ' ');

    return p ? p - text->data : 0;
}


/*
 * webhook_secret secret|file=path|$variable [slug=slug];
 * webhook_secret off;
 *
 * The handler of the directive.  No error shows anything that may be a secret.
 */

char *
ngx_http_webhook_secret(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_webhook_loc_conf_t *wlcf = conf;

    char                             *rc;
    ngx_str_t                        *value, slug;
    ngx_uint_t                        i, off;
    ngx_array_t                       values;
    ngx_http_webhook_secrets_t       *secrets;
    ngx_http_webhook_secret_value_t  *v;

    value = cf->args->elts;
    secrets = wlcf->secrets;
    off = (ngx_strcmp(value[1].data, "off") == 0);

    ngx_str_null(&slug);

    if (cf->args->nelts == 3) {

        if (off) {
            return "off has no parameters";
        }

        rc = ngx_http_webhook_secret_slug(&value[2], &slug);
        if (rc != NULL) {
            return rc;
        }
    }

    if (secrets && secrets->list.nelts == 0) {
        return off ? "is duplicate"
                   : "is used beside \"webhook_secret off\"";
    }

    if (secrets && off) {
        return "off is used beside a secret";
    }

    if (secrets == NULL) {
        secrets = ngx_http_webhook_secrets_create(cf, wlcf);

        if (secrets == NULL
            || ngx_http_webhook_setting_add(cf, wlcf,
                                            webhook_setting_secret)
               != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    if (off) {
        return NGX_CONF_OK;
    }

    if (ngx_array_init(&values, cf->temp_pool, 2,
                       sizeof(ngx_http_webhook_secret_value_t))
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    rc = ngx_http_webhook_secret_values(cf, &value[1], &values);
    if (rc != NULL) {
        return rc;
    }

    v = values.elts;

    for (i = 0; i < values.nelts; i++) {

        rc = ngx_http_webhook_secret_add(secrets, &v[i], &slug);
        if (rc != NGX_CONF_OK) {
            return rc;
        }
    }

    return NGX_CONF_OK;
}


/* Adds one secret.  Returns what a directive's handler returns. */

static char *
ngx_http_webhook_secret_add(ngx_http_webhook_secrets_t *secrets,
    ngx_http_webhook_secret_value_t *value, ngx_str_t *slug)
{
    ngx_str_t                  *text;
    ngx_uint_t                  i;
    ngx_http_webhook_secret_t  *secret;

    text = &value->text;

    if (ngx_http_webhook_secret_blank(text)) {
        return "has a secret that begins or ends with a blank, which nginx "
               "takes off a header's value: no sender could have it";
    }

    secret = secrets->list.elts;

    for (i = 0; i < secrets->list.nelts; i++) {

        if (secret[i].value.text.len == text->len
            && ngx_memcmp(secret[i].value.text.data, text->data, text->len)
               == 0
            && secret[i].slug.len == slug->len
            && (slug->len == 0
                || ngx_memcmp(secret[i].slug.data, slug->data, slug->len)
                   == 0))
        {
            return "is duplicate";
        }
    }

    secret = ngx_array_push(&secrets->list);
    if (secret == NULL) {
        return NGX_CONF_ERROR;
    }

    secret->value = *value;
    secret->slug = *slug;

    return NGX_CONF_OK;
}


/* Reads "slug=" into "slug".  Returns NULL, or what is wrong with it. */

static char *
ngx_http_webhook_secret_slug(ngx_str_t *value, ngx_str_t *slug)
{
    if (ngx_strncmp(value->data, "slug=", 5) != 0) {
        return "has an invalid parameter: \"slug=\" is the only one";
    }

    slug->len = value->len - 5;
    slug->data = value->data + 5;

    if (!ngx_http_webhook_shape_slug(slug)) {
        return "has an invalid \"slug=\": 1 to 50 characters of A-Z, a-z, 0-9, "
               "_ and - are allowed";
    }

    return NULL;
}


/* Makes this level's list of secrets, empty.  Returns NULL without memory. */

static ngx_http_webhook_secrets_t *
ngx_http_webhook_secrets_create(ngx_conf_t *cf,
    ngx_http_webhook_loc_conf_t *wlcf)
{
    ngx_http_webhook_secrets_t  *secrets;

    secrets = ngx_pcalloc(cf->pool, sizeof(ngx_http_webhook_secrets_t));
    if (secrets == NULL) {
        return NULL;
    }

    if (ngx_array_init(&secrets->list, cf->pool, 2,
                       sizeof(ngx_http_webhook_secret_t))
        != NGX_OK)
    {
        return NULL;
    }

    secrets->level = wlcf;
    wlcf->secrets = secrets;

    return secrets;
}


/* webhook_secret_header name: the handler of the directive. */

char *
ngx_http_webhook_secret_header(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_webhook_loc_conf_t *wlcf = conf;

    ngx_str_t  *value;

    if (wlcf->secret_header.data) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_http_webhook_header_name(cf, &value[1], &wlcf->secret_key)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    wlcf->secret_header = value[1];

    if (ngx_http_webhook_setting_add(cf, wlcf, webhook_setting_secret_header)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/*
 * Inherits what "webhook_secret" and "webhook_secret_header" have set in the
 * level above, "prev", and not in this one, "conf".
 */

void
ngx_http_webhook_secret_merge(ngx_http_webhook_loc_conf_t *prev,
    ngx_http_webhook_loc_conf_t *conf)
{
    if (conf->secrets == NULL) {
        conf->secrets = prev->secrets;
    }

    if (conf->secret_header.data == NULL) {
        conf->secret_header = prev->secret_header;
        conf->secret_key = prev->secret_key;
    }

    if (conf->secret_header.data == NULL) {
        ngx_str_set(&conf->secret_header, "X-Secret");
        ngx_str_set(&conf->secret_key, "x-secret");
    }
}


/*
 * Checks that a location has the credentials that its system needs, and none
 * that can't work.  nginx has read all of the configuration by now and names no
 * line, so that the error names the directive's.  Returns NGX_CONF_OK or
 * NGX_CONF_ERROR.
 */

char *
ngx_http_webhook_secret_check(ngx_conf_t *cf, ngx_http_webhook_loc_conf_t *wlcf)
{
    ngx_uint_t                    i, off;
    ngx_http_webhook_secret_t    *secret;
    ngx_http_webhook_provider_t  *provider;

    provider = wlcf->provider;
    off = 0;

    if (wlcf->secrets) {
        off = (wlcf->secrets->list.nelts == 0);

        if (off || ngx_http_webhook_secrets_usable(wlcf)) {
            ngx_http_webhook_setting_use(wlcf, webhook_setting_secret);
        }

        if (!off) {
            ngx_http_webhook_secret_underscore(cf, wlcf);
        }

        secret = wlcf->secrets->list.elts;

        for (i = 0; i < wlcf->secrets->list.nelts; i++) {

            if (secret[i].slug.len && !provider->slug
                && wlcf->secrets->level == wlcf)
            {
                ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                              "\"webhook_secret\" with \"slug=%V\" can't be "
                              "used in the location of %s:%ui, whose system "
                              "has no slugs",
                              &secret[i].slug, wlcf->file, wlcf->line);
                return NGX_CONF_ERROR;
            }
        }
    }

    if (off
        || provider->secret == NGX_HTTP_WEBHOOK_OPEN
        || (provider->secret == NGX_HTTP_WEBHOOK_CREDENTIAL && wlcf->signature)
        || ngx_http_webhook_secrets_usable(wlcf))
    {
        return ngx_http_webhook_secret_challenge(cf, wlcf);
    }

    if (provider->secret == NGX_HTTP_WEBHOOK_MANAGEMENT) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"webhook_%V\" needs \"webhook_secret\", or an "
                      "explicit \"webhook_secret off\", in %s:%ui",
                      &provider->name, wlcf->file, wlcf->line);
        return NGX_CONF_ERROR;
    }

    ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                  "\"webhook %V\" needs \"webhook_secret\" or "
                  "\"webhook_signature\", or an explicit "
                  "\"webhook_secret off\", in %s:%ui",
                  &provider->name, wlcf->file, wlcf->line);

    return NGX_CONF_ERROR;
}


/* Warns of a header of secrets that nginx ignores: every request gets a 401. */

static void
ngx_http_webhook_secret_underscore(ngx_conf_t *cf,
    ngx_http_webhook_loc_conf_t *wlcf)
{
    ngx_http_core_srv_conf_t  *cscf;

    cscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_core_module);

    if (cscf->underscores_in_headers
        || memchr(wlcf->secret_key.data, '_', wlcf->secret_key.len) == NULL)
    {
        return;
    }

    ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                  "\"webhook_secret_header %V\" is used in the location of "
                  "%s:%ui, but nginx ignores headers with an underscore "
                  "without \"underscores_in_headers on\"",
                  &wlcf->secret_header, wlcf->file, wlcf->line);
}


/* Returns 1 if the system can use at least one of the location's secrets. */

ngx_uint_t
ngx_http_webhook_secrets_usable(ngx_http_webhook_loc_conf_t *wlcf)
{
    ngx_uint_t                  i;
    ngx_http_webhook_secret_t  *secret;

    if (wlcf->secrets == NULL) {
        return 0;
    }

    secret = wlcf->secrets->list.elts;

    for (i = 0; i < wlcf->secrets->list.nelts; i++) {
        if (ngx_http_webhook_secret_usable(wlcf, &secret[i])) {
            return 1;
        }
    }

    return 0;
}


/* Returns 0 if the secret is one of a slug, and the system has no slugs. */

static ngx_uint_t
ngx_http_webhook_secret_usable(ngx_http_webhook_loc_conf_t *wlcf,
    ngx_http_webhook_secret_t *secret)
{
    return secret->slug.len == 0 || wlcf->provider->slug;
}


/*
 * Sets what WWW-Authenticate says beside a 401 for the secret: its header's
 * name, or the scheme of Authorization.
 */

static char *
ngx_http_webhook_secret_challenge(ngx_conf_t *cf,
    ngx_http_webhook_loc_conf_t *wlcf)
{
    size_t                      len;
    ngx_str_t                  *text;
    ngx_uint_t                  i;
    ngx_http_webhook_secret_t  *secret;

    wlcf->challenge = wlcf->secret_header;

    wlcf->authorization = (wlcf->secret_key.len == sizeof("authorization") - 1
                           && ngx_strncmp(wlcf->secret_key.data,
                                          "authorization",
                                          sizeof("authorization") - 1)
                              == 0);

    if (!wlcf->authorization || wlcf->secrets == NULL) {
        return NGX_CONF_OK;
    }

    if (wlcf->provider->identity && wlcf->identity == NULL
        && ngx_http_webhook_secrets_usable(wlcf))
    {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"webhook_secret_header Authorization\" can't be used "
                      "with \"webhook %V\" in %s:%ui: the header has the "
                      "token of an application, so nobody could send both",
                      &wlcf->provider->name, wlcf->file, wlcf->line);
        return NGX_CONF_ERROR;
    }

    ngx_str_set(&wlcf->challenge, "Bearer");

    secret = wlcf->secrets->list.elts;

    for (i = 0; i < wlcf->secrets->list.nelts; i++) {

        text = &secret[i].value.text;
        len = ngx_http_webhook_secret_scheme(text);

        if (secret[i].value.variable != NGX_CONF_UNSET || len == 0
            || !ngx_http_webhook_secret_usable(wlcf, &secret[i]))
        {
            continue;
        }

        if (len == sizeof("Basic") - 1
            && ngx_strncasecmp(text->data, (u_char *) "Basic", len) == 0)
        {
            /* RFC 7617, section 2: it must have a realm */
            ngx_str_set(&wlcf->challenge, "Basic realm=\"webhook\"");

        } else {
            wlcf->challenge.data = text->data;
            wlcf->challenge.len = len;
        }

        break;
    }

    return NGX_CONF_OK;
}
