
/* "webhook_signature": a scheme, and the secrets to check signatures with. */


#include "judge/ngx_http_webhook_signature.h"
#include "core/ngx_http_webhook_conf.h"
#include "judge/ngx_http_webhook_secret.h"


/* seconds, by default */
#define NGX_HTTP_WEBHOOK_TOLERANCE   300


static char *ngx_http_webhook_signature_tolerance(
    ngx_http_webhook_signature_t *signature, ngx_str_t *value);
static char *ngx_http_webhook_signature_keys(ngx_conf_t *cf,
    ngx_http_webhook_signature_t *signature, ngx_array_t *secrets);
static ngx_uint_t ngx_http_webhook_signature_pem(
    ngx_http_webhook_secret_value_t *secret, ngx_uint_t n, ngx_str_t *text);


/*
 * webhook_signature scheme secret [secret ...] [tolerance=5m];
 * webhook_signature off;
 *
 * A secret may also be "file=path" or "$variable".
 */

char *
ngx_http_webhook_signature(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_webhook_loc_conf_t *wlcf = conf;

    char                             *rc;
    ngx_str_t                        *value;
    ngx_uint_t                        i;
    ngx_array_t                       secrets;
    ngx_http_webhook_scheme_t        *scheme;
    ngx_http_webhook_signature_t     *signature;

    if (wlcf->signature != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {
        wlcf->signature = NULL;
        return cf->args->nelts == 2 ? NGX_CONF_OK : "off has no parameters";
    }

    rc = ngx_http_webhook_scheme_find(cf, &value[1], &scheme);
    if (rc != NULL) {
        return rc;
    }

    if (scheme == NULL) {
        /* it may be a secret that was put into the wrong place */
        return "has an unknown scheme: \"standard\", \"github\", \"stripe\", "
               "\"slack\" and \"shopify\" are built in, and the "
               "\"webhook_scheme\" of any other has to stand before it";
    }

    signature = ngx_pcalloc(cf->pool, sizeof(ngx_http_webhook_signature_t));

    if (signature == NULL
        || ngx_http_webhook_setting_add(cf, wlcf, webhook_setting_signature)
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    signature->scheme = scheme;
    signature->tolerance = NGX_CONF_UNSET;

    if (ngx_array_init(&secrets, cf->temp_pool, 4,
                       sizeof(ngx_http_webhook_secret_value_t))
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    for (i = 2; i < cf->args->nelts; i++) {

        rc = (ngx_strncmp(value[i].data, "tolerance=", 10) == 0)
             ? ngx_http_webhook_signature_tolerance(signature, &value[i])
             : ngx_http_webhook_secret_values(cf, &value[i], &secrets);

        if (rc != NULL) {
            return rc;
        }
    }

    if (secrets.nelts == 0) {
        return "needs a secret";
    }

    rc = ngx_http_webhook_signature_keys(cf, signature, &secrets);
    if (rc != NULL) {
        return rc;
    }

    ngx_conf_init_value(signature->tolerance, NGX_HTTP_WEBHOOK_TOLERANCE);

    wlcf->signature = signature;
    wlcf->id_key = scheme->id.key;

    return NGX_CONF_OK;
}


/* Reads "tolerance=".  Returns NULL, or what is wrong with it. */

static char *
ngx_http_webhook_signature_tolerance(ngx_http_webhook_signature_t *signature,
    ngx_str_t *value)
{
    ngx_str_t  text;

    text.len = value->len - 10;
    text.data = value->data + 10;

    if (signature->tolerance != NGX_CONF_UNSET) {
        return "has more than one \"tolerance=\"";
    }

    if (signature->scheme->timestamp.key.len == 0) {
        return "has a \"tolerance=\", but its scheme no timestamp";
    }

    signature->tolerance = ngx_http_webhook_time(&text, 1);

    if (signature->tolerance == (time_t) NGX_ERROR) {
        return "has an invalid \"tolerance=\"";
    }

    if (signature->tolerance == 0) {
        return "has a \"tolerance=0\", which refuses all that is not sent "
               "within this very second; \"tolerance=5m\" is usual";
    }

    return NULL;
}


/*
 * Makes the keys of the HMACs; a variable's are made for each request.  Returns
 * NULL, or what a directive's handler returns.
 */

static char *
ngx_http_webhook_signature_keys(ngx_conf_t *cf,
    ngx_http_webhook_signature_t *signature, ngx_array_t *secrets)
{
    ngx_int_t                         rc;
    ngx_str_t                        *key, text;
    ngx_uint_t                        i, j, n;
    ngx_http_webhook_mac_key_t       *mac_key;
    ngx_http_webhook_secret_value_t  *secret, *variable;

    if (ngx_array_init(&signature->keys, cf->pool, secrets->nelts,
                       sizeof(ngx_http_webhook_mac_key_t))
        != NGX_OK
        || ngx_array_init(&signature->variables, cf->pool, 1,
                          sizeof(ngx_http_webhook_secret_value_t))
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    key = ngx_palloc(cf->temp_pool, secrets->nelts * sizeof(ngx_str_t));
    if (key == NULL) {
        return NGX_CONF_ERROR;
    }

    secret = secrets->elts;
    n = 0;

    for (i = 0; i < secrets->nelts; i++) {

        if (secret[i].variable != NGX_CONF_UNSET) {

            variable = ngx_array_push(&signature->variables);
            if (variable == NULL) {
                return NGX_CONF_ERROR;
            }

            *variable = secret[i];
            continue;
        }

        i += ngx_http_webhook_signature_pem(&secret[i], secrets->nelts - i,
                                            &text);

        rc = ngx_http_webhook_scheme_secret(cf->temp_pool, signature->scheme,
                                            &text, &key[n]);

        for (j = 0; rc == NGX_OK && j < n; j++) {
            if (ngx_http_webhook_equal(&key[j], &key[n])) {
                return "has a duplicate secret";
            }
        }

        if (rc == NGX_OK) {
            mac_key = ngx_array_push(&signature->keys);
            if (mac_key == NULL) {
                return NGX_CONF_ERROR;
            }

            rc = ngx_http_webhook_mac_key(cf->pool, signature->scheme->digest,
                                          &key[n++], mac_key);
        }

        if (rc == NGX_DECLINED) {
            return ngx_http_webhook_scheme_secret_error(signature->scheme);
        }

        if (rc != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    return NULL;
}


/*
 * Sets "text" to the first of "n" secrets, or to all lines of a PEM file that
 * begins there.  Returns how many more of them it has taken.
 */

static ngx_uint_t
ngx_http_webhook_signature_pem(ngx_http_webhook_secret_value_t *secret,
    ngx_uint_t n, ngx_str_t *text)
{
    ngx_uint_t  i;

    *text = secret[0].text;

    if (ngx_strncmp(text->data, "-----BEGIN ", 11) != 0) {
        return 0;
    }

    /* the lines of a file follow each other in memory */

    for (i = 1; i < n && secret[i].variable == NGX_CONF_UNSET; i++) {

        if (ngx_strncmp(secret[i].text.data, "-----END ", 9) == 0) {
            text->len = secret[i].text.data + secret[i].text.len - text->data;
            return i;
        }
    }

    return 0;
}
