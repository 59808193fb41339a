
/*
 * Secrets that a sender puts into a header: "webhook_secret" and
 * "webhook_secret_header".
 */


#include "judge/ngx_http_webhook_secret.h"
#include "base/ngx_http_webhook_crypto.h"
#include "core/ngx_http_webhook_ctx.h"


static ngx_uint_t ngx_http_webhook_secret_matches(ngx_http_webhook_ctx_t *ctx,
    ngx_str_t *secret);
static size_t ngx_http_webhook_secret_scheme(ngx_str_t *text);
static char *ngx_http_webhook_secret_slug(ngx_str_t *value, ngx_str_t *slug);
static ngx_http_webhook_secrets_t *ngx_http_webhook_secrets_create(
    ngx_conf_t *cf, ngx_http_webhook_loc_conf_t *wlcf);
static ngx_uint_t ngx_http_webhook_secrets_usable(
    ngx_http_webhook_loc_conf_t *wlcf);
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
 * A step of the access phase: checks the secret that the configured header
 * carries.  Returns NGX_DECLINED where no secret is configured that a sender
 * could have.
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
 * What may be a secret is never part of an error.
 */

char *
ngx_http_webhook_secret(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_webhook_loc_conf_t *wlcf = conf;

    char                             *rc;
    ngx_str_t                        *value, slug;
    ngx_uint_t                        i, j, off;
    ngx_array_t                       values;
    ngx_http_webhook_secret_t        *secret;
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
        if (secrets == NULL) {
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

        secret = secrets->list.elts;

        for (j = 0; j < secrets->list.nelts; j++) {

            if (secret[j].value.text.len == v[i].text.len
                && ngx_memcmp(secret[j].value.text.data, v[i].text.data,
                              v[i].text.len)
                   == 0
                && secret[j].slug.len == slug.len
                && (slug.len == 0
                    || ngx_memcmp(secret[j].slug.data, slug.data, slug.len)
                       == 0))
            {
                return "is duplicate";
            }
        }

        secret = ngx_array_push(&secrets->list);
        if (secret == NULL) {
            return NGX_CONF_ERROR;
        }

        secret->value = v[i];
        secret->slug = slug;
    }

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

    if (!ngx_http_webhook_slug(slug)) {
        return "has an invalid \"slug=\": 1 to 50 characters of A-Z, a-z, 0-9, "
               "_ and - are allowed";
    }

    return NULL;
}


/* Makes the list of secrets of a level, without any.  NULL: no memory. */

static ngx_http_webhook_secrets_t *
ngx_http_webhook_secrets_create(ngx_conf_t *cf,
    ngx_http_webhook_loc_conf_t *wlcf)
{
    ngx_http_webhook_secrets_t     *secrets, **known;
    ngx_http_webhook_main_conf_t   *wmcf;

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_webhook_module);

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

    known = ngx_array_push(&wmcf->secrets);
    if (known == NULL) {
        return NULL;
    }

    *known = secrets;

    secrets->level = wlcf;
    secrets->file = cf->conf_file->file.name.data;
    secrets->line = cf->conf_file->line;

    wlcf->secrets = secrets;

    return secrets;
}


/* webhook_secret_header name; */

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


/* Takes over what the level above has set and this one has not. */

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
 * that can't work.  nginx has read all of the configuration by now, so that an
 * error says itself where it is.
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
            wlcf->secrets->used = 1;
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


/* Returns 1 if a sender can have one of the location's secrets. */

static ngx_uint_t
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


/*
 * Warns of secrets that protect nothing; called when all of the configuration
 * has been read and merged.
 */

void
ngx_http_webhook_secret_unused(ngx_conf_t *cf)
{
    ngx_uint_t                      i;
    ngx_http_webhook_secrets_t    **secrets;
    ngx_http_webhook_main_conf_t   *wmcf;

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_webhook_module);
    secrets = wmcf->secrets.elts;

    for (i = 0; i < wmcf->secrets.nelts; i++) {

        if (!secrets[i]->used) {
            ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                          "\"webhook_secret\" in %s:%ui protects nothing: no "
                          "location with \"webhook\" or another directive "
                          "that checks secrets uses it",
                          secrets[i]->file, secrets[i]->line);
        }
    }
}
