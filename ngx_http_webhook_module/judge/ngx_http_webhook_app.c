
/*
 * Which application asks: a bearer token that "webhook_app" names, or what
 * "webhook_identity" takes from variables.
 */


#include "judge/ngx_http_webhook_app.h"
#include "judge/ngx_http_webhook_secret.h"
#include "core/ngx_http_webhook_conf.h"
#include "core/ngx_http_webhook_ctx.h"
#include "base/ngx_http_webhook_crypto.h"


static ngx_uint_t ngx_http_webhook_app_bearer(ngx_str_t *value,
    ngx_str_t *token);
static ngx_int_t ngx_http_webhook_app_integer(ngx_str_t *text, int64_t *n);
static char *ngx_http_webhook_app_tokens(ngx_conf_t *cf, ngx_str_t *value,
    ngx_array_t *tokens);
static char *ngx_http_webhook_app_add(ngx_array_t *apps,
    ngx_http_webhook_app_t *app);


static ngx_http_webhook_verdict_t  ngx_http_webhook_app_unauthenticated =
    ngx_http_webhook_verdict(NGX_HTTP_UNAUTHORIZED, unauthenticated,
                             "You are not authenticated");

static ngx_http_webhook_verdict_t  ngx_http_webhook_app_invalid_token =
    ngx_http_webhook_verdict(NGX_HTTP_UNAUTHORIZED, invalid_token,
                             "Your token is invalid.");


/*
 * A step of the access phase: finds the application by the bearer token (RFC
 * 6750, section 2.1) that "webhook_app" has for it, and sets ctx->identity.
 * All tokens are compared, whichever matches.  Returns NGX_OK, NGX_ABORT with
 * a verdict, or NGX_DECLINED where "webhook_identity" is used.
 */

ngx_int_t
ngx_http_webhook_app_token(ngx_http_request_t *r, ngx_http_webhook_ctx_t *ctx)
{
    ngx_str_t                text, token;
    ngx_uint_t               i;
    ngx_http_webhook_app_t  *app, *found;

    if (ctx->conf->identity) {
        /* other modules may set its variables in the access phase */
        return NGX_DECLINED;
    }

    if (r->headers_in.authorization == NULL
        || !ngx_http_webhook_app_bearer(&r->headers_in.authorization->value,
                                        &token))
    {
        return ngx_http_webhook_reject(ctx,
                                       &ngx_http_webhook_app_unauthenticated,
                                       NULL);
    }

    found = NULL;

    if (ctx->conf->apps) {
        app = ctx->conf->apps->elts;

        for (i = 0; i < ctx->conf->apps->nelts; i++) {
            ngx_http_webhook_secret_text(r, &app[i].token, &text);

            if (text.len && ngx_http_webhook_equal(&text, &token)) {
                found = &app[i];
            }
        }
    }

    if (found == NULL) {
        return ngx_http_webhook_reject(ctx,
                                       &ngx_http_webhook_app_invalid_token,
                                       NULL);
    }

    ctx->identity = &found->identity;

    return NGX_OK;
}


/*
 * Sets "token" to what follows "Bearer", in any case, and one space or more.
 * Returns 0 if there is no such scheme, or no token.
 */

static ngx_uint_t
ngx_http_webhook_app_bearer(ngx_str_t *value, ngx_str_t *token)
{
    u_char     *last, *p;
    ngx_str_t   scheme = ngx_string("Bearer ");

    if (value->len < scheme.len
        || ngx_strncasecmp(value->data, scheme.data, scheme.len) != 0)
    {
        return 0;
    }

    p = value->data + scheme.len;
    last = value->data + value->len;

    while (p < last && *p == ' ') {
        p++;
    }

    token->len = last - p;
    token->data = p;

    return p < last;
}


/*
 * A step after the access phase: sets ctx->identity as "webhook_identity" says,
 * unless a token has done that already.  Returns NGX_OK, NGX_ABORT with a
 * verdict, or NGX_ERROR.
 */

ngx_int_t
ngx_http_webhook_app_identify(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx)
{
    ngx_str_t                          app, environment, user;
    ngx_http_webhook_identity_t       *identity;
    ngx_http_webhook_identity_conf_t  *icf;

    if (ctx->identity) {
        return NGX_OK;
    }

    icf = ctx->conf->identity;

    if (icf == NULL) {
        /* a token is needed even if another module has granted access */
        return ngx_http_webhook_app_token(r, ctx);
    }

    ngx_str_null(&user);

    if (ngx_http_complex_value(r, &icf->app, &app) != NGX_OK
        || ngx_http_complex_value(r, &icf->environment, &environment) != NGX_OK
        || (icf->user.value.data
            && ngx_http_complex_value(r, &icf->user, &user) != NGX_OK))
    {
        return NGX_ERROR;
    }

    if (app.len == 0) {
        goto unauthenticated;
    }

    identity = ngx_pcalloc(r->pool, sizeof(ngx_http_webhook_identity_t));
    if (identity == NULL) {
        return NGX_ERROR;
    }

    identity->has_user = (user.len != 0);

    if (ngx_http_webhook_uuid_parse(&app, identity->app) != NGX_OK
        || ngx_http_webhook_app_integer(&environment, &identity->environment)
           != NGX_OK
        || (identity->has_user
            && ngx_http_webhook_app_integer(&user, &identity->user) != NGX_OK))
    {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "\"webhook_identity\" is not a UUID and integers");

        return ngx_http_webhook_reject(ctx,
                                       &ngx_http_webhook_app_invalid_token,
                                       NULL);
    }

    ctx->identity = identity;

    return NGX_OK;

unauthenticated:

    return ngx_http_webhook_reject(ctx, &ngx_http_webhook_app_unauthenticated,
                                   NULL);
}


/*
 * Reads a decimal integer of 64 bits, which may have a "-", into "n".  Returns
 * NGX_OK, or NGX_ERROR if the text is no such integer.
 */

static ngx_int_t
ngx_http_webhook_app_integer(ngx_str_t *text, int64_t *n)
{
    char  buf[NGX_INT64_LEN + 1], *end;

    if (text->len == 0
        || text->len > NGX_INT64_LEN
        || (text->data[0] != '-'
            && (text->data[0] < '0' || text->data[0] > '9')))
    {
        return NGX_ERROR;
    }

    ngx_memcpy(buf, text->data, text->len);
    buf[text->len] = '\0';

    ngx_set_errno(0);
    *n = strtoll(buf, &end, 10);

    return (ngx_errno == 0 && end == buf + text->len && end[-1] != '-')
           ? NGX_OK : NGX_ERROR;
}


/*
 * webhook_app app_uuid environment=id token=token|$variable [token=...]
 *             [token_file=path] [user=id];
 *
 * The handler of the directive.
 */

char *
ngx_http_webhook_app(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_webhook_loc_conf_t *wlcf = conf;

    char                             *rv;
    ngx_str_t                        *value, text;
    ngx_uint_t                        environment, i;
    ngx_array_t                       tokens;
    ngx_http_webhook_app_t            first;
    ngx_http_webhook_identity_t      *identity;
    ngx_http_webhook_secret_value_t  *token;

    if (wlcf->identity) {
        return "is used beside \"webhook_identity\"";
    }

    value = cf->args->elts;

    if (wlcf->apps == NGX_CONF_UNSET_PTR) {
        wlcf->apps = ngx_array_create(cf->pool, 4,
                                      sizeof(ngx_http_webhook_app_t));
        if (wlcf->apps == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    ngx_memzero(&first, sizeof(ngx_http_webhook_app_t));
    identity = &first.identity;

    if (ngx_http_webhook_uuid_parse(&value[1], identity->app) != NGX_OK) {
        return "has an application that is not a UUID";
    }

    environment = 0;

    if (ngx_array_init(&tokens, cf->temp_pool, 4,
                       sizeof(ngx_http_webhook_secret_value_t))
        != NGX_OK
        || ngx_http_webhook_setting_add(cf, wlcf, webhook_setting_app)
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    for (i = 2; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "environment=", 12) == 0) {
            text.len = value[i].len - 12;
            text.data = value[i].data + 12;

            if (environment++
                || ngx_http_webhook_app_integer(&text, &identity->environment)
                   != NGX_OK)
            {
                return "has an \"environment=\" that is not one integer";
            }

        } else if (ngx_strncmp(value[i].data, "user=", 5) == 0) {
            text.len = value[i].len - 5;
            text.data = value[i].data + 5;

            if (identity->has_user++
                || ngx_http_webhook_app_integer(&text, &identity->user)
                   != NGX_OK)
            {
                return "has a \"user=\" that is not one integer";
            }

        } else if (ngx_strncmp(value[i].data, "token=", 6) == 0
                   || ngx_strncmp(value[i].data, "token_file=", 11) == 0)
        {
            rv = ngx_http_webhook_app_tokens(cf, &value[i], &tokens);
            if (rv != NULL) {
                return rv;
            }

        } else {
            return "has an invalid parameter: \"environment=\", \"token=\", "
                   "\"token_file=\" and \"user=\" are known";
        }
    }

    if (!environment || tokens.nelts == 0) {
        return "needs \"environment=\" and \"token=\"";
    }

    token = tokens.elts;

    for (i = 0; i < tokens.nelts; i++) {

        first.token = token[i];

        rv = ngx_http_webhook_app_add(wlcf->apps, &first);
        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    return NGX_CONF_OK;
}


/*
 * Adds what "token=" or "token_file=" stands for to "tokens".  Returns NULL, or
 * what a directive's handler returns.
 */

static char *
ngx_http_webhook_app_tokens(ngx_conf_t *cf, ngx_str_t *value,
    ngx_array_t *tokens)
{
    ngx_str_t  text;

    /* both prefixes are cut after six: "file=path" is left of the longer */

    text.len = value->len - 6;
    text.data = value->data + 6;

    if (text.len == 0) {
        return "has an empty \"token=\"";
    }

    return ngx_http_webhook_secret_values(cf, &text, tokens);
}


/*
 * Adds a copy of "app" to an array of them, unless its token is in there, or
 * could not be sent.
 */

static char *
ngx_http_webhook_app_add(ngx_array_t *apps, ngx_http_webhook_app_t *app)
{
    ngx_uint_t               i;
    ngx_http_webhook_app_t  *known;

    if (ngx_http_webhook_secret_blank(&app->token.text)) {
        return "has a token that begins or ends with a blank, which nginx "
               "takes off a header's value: nobody could send it";
    }

    known = apps->elts;

    for (i = 0; i < apps->nelts; i++) {

        if (known[i].token.text.len == app->token.text.len
            && ngx_memcmp(known[i].token.text.data, app->token.text.data,
                          app->token.text.len)
               == 0)
        {
            return "has a token that is used already";
        }
    }

    known = ngx_array_push(apps);
    if (known == NULL) {
        return NGX_CONF_ERROR;
    }

    *known = *app;

    return NGX_CONF_OK;
}


/*
 * webhook_identity app=$v environment=$v [user=$v];
 *
 * The handler of the directive.
 */

char *
ngx_http_webhook_identity(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_webhook_loc_conf_t *wlcf = conf;

    size_t                             len;
    ngx_str_t                         *value, text;
    ngx_uint_t                         i, n;
    ngx_http_complex_value_t          *cv;
    ngx_http_webhook_identity_conf_t  *icf;
    ngx_http_compile_complex_value_t   ccv;

    static struct {
        ngx_str_t   name;
        ngx_uint_t  offset;
    } params[] = {
        { ngx_string("app="),
          offsetof(ngx_http_webhook_identity_conf_t, app) },
        { ngx_string("environment="),
          offsetof(ngx_http_webhook_identity_conf_t, environment) },
        { ngx_string("user="),
          offsetof(ngx_http_webhook_identity_conf_t, user) }
    };

    if (wlcf->identity) {
        return "is duplicate";
    }

    if (wlcf->apps != NGX_CONF_UNSET_PTR) {
        return "is used beside \"webhook_app\"";
    }

    icf = ngx_pcalloc(cf->pool, sizeof(ngx_http_webhook_identity_conf_t));

    if (icf == NULL
        || ngx_http_webhook_setting_add(cf, wlcf, webhook_setting_app)
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    wlcf->identity = icf;

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        len = 0;

        for (n = 0; n < sizeof(params) / sizeof(params[0]); n++) {
            len = params[n].name.len;

            if (ngx_strncmp(value[i].data, params[n].name.data, len) == 0) {
                break;
            }
        }

        if (n == sizeof(params) / sizeof(params[0]) || value[i].len == len) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\"", &value[i]);
            return NGX_CONF_ERROR;
        }

        cv = (ngx_http_complex_value_t *)
                                   ((u_char *) icf + params[n].offset);

        if (cv->value.data) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "duplicate parameter \"%V\"", &value[i]);
            return NGX_CONF_ERROR;
        }

        text.len = value[i].len - len;
        text.data = value[i].data + len;

        ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

        ccv.cf = cf;
        ccv.value = &text;
        ccv.complex_value = cv;

        if (ngx_http_compile_complex_value(&ccv) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    if (icf->app.value.data == NULL
        || icf->environment.value.data == NULL)
    {
        return "needs \"app=\" and \"environment=\"";
    }

    return NGX_CONF_OK;
}
