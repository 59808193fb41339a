
/* "webhook_challenge": which challenges a location answers, and how. */


#include "judge/ngx_http_webhook_challenge.h"
#include "judge/ngx_http_webhook_secret.h"


static char *ngx_http_webhook_challenge_parameter(ngx_conf_t *cf,
    ngx_http_webhook_challenge_t *challenge, ngx_str_t *text);
static char *ngx_http_webhook_challenge_key(ngx_conf_t *cf,
    ngx_http_webhook_challenge_t *challenge);
static char *ngx_http_webhook_challenge_rate(
    ngx_http_webhook_challenge_t *challenge, ngx_str_t *text);
static ngx_uint_t ngx_http_webhook_challenge_reached(
    ngx_http_webhook_provider_t *provider,
    ngx_http_webhook_challenge_row_t *row);
static ngx_uint_t ngx_http_webhook_challenge_secured(
    ngx_http_webhook_loc_conf_t *wlcf);


/*
 * webhook_challenge name;
 * webhook_challenge meta|zoom|twitter secret|file=path|$variable;
 * webhook_challenge cloudevents [rate];
 *
 * The handler of the directive.  No error shows anything that may be a secret.
 */

char *
ngx_http_webhook_challenge(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_webhook_loc_conf_t *wlcf = conf;

    ngx_str_t                         *value;
    ngx_uint_t                         i;
    ngx_http_webhook_challenge_t      *challenge;
    ngx_http_webhook_challenge_row_t  *row;

    value = cf->args->elts;

    for (row = ngx_http_webhook_challenge_rows; row->name.len; row++) {

        if (row->name.len == value[1].len
            && ngx_strncmp(row->name.data, value[1].data, value[1].len) == 0)
        {
            break;
        }
    }

    if (row->name.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown webhook challenge \"%V\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    if (wlcf->challenges == NULL) {
        wlcf->challenges = ngx_array_create(cf->pool, 2,
                                         sizeof(ngx_http_webhook_challenge_t));
        if (wlcf->challenges == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    challenge = wlcf->challenges->elts;

    for (i = 0; i < wlcf->challenges->nelts; i++) {
        if (challenge[i].row == row) {
            return "is duplicate";
        }
    }

    challenge = ngx_array_push(wlcf->challenges);
    if (challenge == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(challenge, sizeof(ngx_http_webhook_challenge_t));

    challenge->row = row;
    challenge->file = cf->conf_file->file.name.data;
    challenge->line = cf->conf_file->line;

    return ngx_http_webhook_challenge_parameter(cf, challenge,
                                                cf->args->nelts == 3
                                                ? &value[2] : NULL);
}


/*
 * Reads the parameter, NULL if there is none.  Returns NULL, or what a
 * directive's handler returns.
 */

static char *
ngx_http_webhook_challenge_parameter(ngx_conf_t *cf,
    ngx_http_webhook_challenge_t *challenge, ngx_str_t *text)
{
    char                              *rc;
    ngx_http_webhook_challenge_row_t  *row;

    row = challenge->row;

    switch (row->parameter) {

    case NGX_HTTP_WEBHOOK_CHALLENGE_NOTHING:

        if (text == NULL) {
            return NULL;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "webhook challenge \"%V\" has no parameter",
                           &row->name);
        return NGX_CONF_ERROR;

    case NGX_HTTP_WEBHOOK_CHALLENGE_RATE:
        return ngx_http_webhook_challenge_rate(challenge, text);

    default: /* secrets */
        break;
    }

    if (text == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "webhook challenge \"%V\" needs a %s", &row->name,
                           row->parameter == NGX_HTTP_WEBHOOK_CHALLENGE_TOKENS
                           ? "verify token" : "secret");
        return NGX_CONF_ERROR;
    }

    if (ngx_array_init(&challenge->secrets, cf->pool, 1,
                       sizeof(ngx_http_webhook_secret_value_t))
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    rc = ngx_http_webhook_secret_values(cf, text, &challenge->secrets);

    if (rc == NULL && row->parameter == NGX_HTTP_WEBHOOK_CHALLENGE_KEY) {
        rc = ngx_http_webhook_challenge_key(cf, challenge);
    }

    return rc;
}


/* Makes the key of the HMAC; that of a variable is made for each request. */

static char *
ngx_http_webhook_challenge_key(ngx_conf_t *cf,
    ngx_http_webhook_challenge_t *challenge)
{
    ngx_http_webhook_secret_value_t  *secret;

    if (challenge->secrets.nelts > 1) {
        return "has a file with several secrets, but its answer is made with "
               "one";
    }

    secret = challenge->secrets.elts;

    if (secret->variable != NGX_CONF_UNSET) {
        return NULL;
    }

    challenge->key = ngx_palloc(cf->pool, sizeof(ngx_http_webhook_mac_key_t));

    if (challenge->key == NULL
        || ngx_http_webhook_mac_key(cf->pool, &ngx_http_webhook_digests[0],
                                    &secret->text, challenge->key)
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NULL;
}


/* Reads how many requests a minute are allowed; as many as there are, "*". */

static char *
ngx_http_webhook_challenge_rate(ngx_http_webhook_challenge_t *challenge,
    ngx_str_t *text)
{
    if (text == NULL) {
        ngx_str_set(&challenge->rate, "*");
        return NULL;
    }

    if ((text->len != 1 || text->data[0] != '*')
        && (text->data[0] == '0' || ngx_atoi(text->data, text->len) < 1))
    {
        return "has an invalid rate: a number of requests a minute is "
               "expected, or \"*\"";
    }

    challenge->rate = *text;

    return NULL;
}


/*
 * Checks the merged configuration of a location that has challenges.  Returns
 * NGX_CONF_OK, or NGX_CONF_ERROR after a message.
 */

char *
ngx_http_webhook_challenge_check(ngx_conf_t *cf,
    ngx_http_webhook_loc_conf_t *wlcf)
{
    ngx_uint_t                     i;
    ngx_http_webhook_provider_t   *provider;
    ngx_http_webhook_challenge_t  *challenge;

    provider = wlcf->provider;
    challenge = wlcf->challenges->elts;

    if (provider == NULL) {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "\"webhook_challenge %V\" in %s:%ui does nothing "
                      "without \"webhook\"",
                      &challenge->row->name, challenge->file, challenge->line);
        return NGX_CONF_OK;
    }

    /* who answers requests itself has methods of its own for them */

    if (!provider->passes || provider->own.len) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"webhook_challenge\" is used beside \"webhook%s%V\" "
                      "in %s:%ui",
                      provider->passes ? " " : "_", &provider->name,
                      challenge->file, challenge->line);
        return NGX_CONF_ERROR;
    }

    for (i = 0; i < wlcf->challenges->nelts; i++) {

        if (challenge[i].row->source == NGX_HTTP_WEBHOOK_CHALLENGE_BODY
            && !ngx_http_webhook_challenge_secured(wlcf))
        {
            /* anybody could have Zoom's signature made of any text */

            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "\"webhook_challenge %V\" needs "
                          "\"webhook_signature\" or \"webhook_secret\" "
                          "in %s:%ui",
                          &challenge[i].row->name, challenge[i].file,
                          challenge[i].line);
            return NGX_CONF_ERROR;
        }

        if (!ngx_http_webhook_challenge_reached(provider, challenge[i].row)) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "\"webhook_challenge %V\" in %s:%ui does not go with "
                          "the methods of \"webhook %V\"",
                          &challenge[i].row->name, challenge[i].file,
                          challenge[i].line, &provider->name);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


/*
 * Returns 1 if a system's methods leave the challenge and its events apart: one
 * in the body has to come as an event does, and one that is the method alone
 * must not.  A system without a resource of its own takes POST.
 */

static ngx_uint_t
ngx_http_webhook_challenge_reached(ngx_http_webhook_provider_t *provider,
    ngx_http_webhook_challenge_row_t *row)
{
    ngx_uint_t                  methods;
    ngx_http_webhook_method_t  *method;

    if (provider->resource == NULL) {
        return 1;
    }

    methods = 0;

    for (method = provider->resource->methods; method->methods; method++) {
        methods |= method->methods;
    }

    switch (row->source) {

    case NGX_HTTP_WEBHOOK_CHALLENGE_BODY:
        return (methods & row->methods) != 0;

    case NGX_HTTP_WEBHOOK_CHALLENGE_METHOD:
        return (methods & row->methods) == 0;

    default:
        return 1;
    }
}


/* Returns 1 if the body of a request is looked at for those who may send it. */

static ngx_uint_t
ngx_http_webhook_challenge_secured(ngx_http_webhook_loc_conf_t *wlcf)
{
    return wlcf->signature || ngx_http_webhook_secrets_usable(wlcf);
}
