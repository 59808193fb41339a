
/*
 * The ways to sign: those that are built in, and "webhook_scheme", which says
 * in the configuration how another sender signs.
 */


#include "judge/ngx_http_webhook_scheme.h"
#include "core/ngx_http_webhook_block.h"
#include "core/ngx_http_webhook_conf.h"
#include "judge/ngx_http_webhook_whsec.h"


/* a parameter "name=value" of a line: a text, or one of some words */

typedef struct {
    ngx_str_t                         name;       /* with its "=" */
    ngx_str_t                        *text;
    ngx_conf_enum_t                  *words;      /* NULL: it is a text */
    ngx_uint_t                       *number;
} ngx_http_webhook_scheme_param_t;


static char *ngx_http_webhook_scheme_signature(ngx_conf_t *cf, void *data,
    ngx_str_t *value, ngx_uint_t n);
static char *ngx_http_webhook_scheme_timestamp(ngx_conf_t *cf, void *data,
    ngx_str_t *value, ngx_uint_t n);
static char *ngx_http_webhook_scheme_id(ngx_conf_t *cf, void *data,
    ngx_str_t *value, ngx_uint_t n);
static char *ngx_http_webhook_scheme_content(ngx_conf_t *cf, void *data,
    ngx_str_t *value, ngx_uint_t n);
static char *ngx_http_webhook_scheme_digest(ngx_conf_t *cf, void *data,
    ngx_str_t *value, ngx_uint_t n);
static char *ngx_http_webhook_scheme_secret_line(ngx_conf_t *cf, void *data,
    ngx_str_t *value, ngx_uint_t n);
static char *ngx_http_webhook_scheme_header(ngx_conf_t *cf,
    ngx_http_webhook_scheme_header_t *header, ngx_str_t *value, ngx_uint_t n,
    ngx_http_webhook_scheme_param_t *params);
static char *ngx_http_webhook_scheme_params(ngx_str_t *value, ngx_uint_t n,
    ngx_http_webhook_scheme_param_t *params);
static ngx_uint_t ngx_http_webhook_scheme_word(ngx_conf_enum_t *words,
    ngx_str_t *text, ngx_uint_t *number);
static char *ngx_http_webhook_scheme_compile(ngx_conf_t *cf,
    ngx_http_webhook_scheme_t *scheme);
static char *ngx_http_webhook_scheme_part(ngx_conf_t *cf,
    ngx_http_webhook_scheme_part_t *part, u_char **pos, u_char *last);
static char *ngx_http_webhook_scheme_check(ngx_http_webhook_scheme_t *scheme);
static ngx_http_webhook_scheme_t *ngx_http_webhook_scheme_by_name(
    ngx_conf_t *cf, ngx_str_t *name);
static ngx_http_webhook_scheme_t *ngx_http_webhook_scheme_add(ngx_conf_t *cf,
    ngx_http_webhook_scheme_t *row);


#define ngx_http_webhook_no_header                                            \
    { ngx_null_string, ngx_null_string, ngx_null_string, ngx_null_string }

#define ngx_http_webhook_made_later  { NULL, 0, 0, 0, NULL }, 0, 0, 0, NULL, 0


static ngx_http_webhook_scheme_t  ngx_http_webhook_schemes[] = {

    { ngx_string("standard"),
      { ngx_string("Webhook-Signature"), ngx_string("webhook-signature"),
        ngx_string(" "), ngx_null_string },
      { ngx_string("webhook-id"), ngx_string("webhook-id"),
        ngx_null_string, ngx_null_string },
      { ngx_string("webhook-timestamp"), ngx_string("webhook-timestamp"),
        ngx_null_string, ngx_null_string },
      ngx_string("v1,"), NGX_HTTP_WEBHOOK_BASE64, NGX_HTTP_WEBHOOK_SECONDS,
      ngx_string("$id.$timestamp.$body"), NULL,
      NGX_HTTP_WEBHOOK_BASE64, { ngx_string("v1,"), ngx_string("whsec_") },
      NGX_HTTP_WEBHOOK_WHSEC_MIN, NGX_HTTP_WEBHOOK_WHSEC_MAX, 1,
      ngx_http_webhook_made_later },

    { ngx_string("github"),
      { ngx_string("X-Hub-Signature-256"), ngx_string("x-hub-signature-256"),
        ngx_null_string, ngx_null_string },
      ngx_http_webhook_no_header,
      ngx_http_webhook_no_header,
      ngx_string("sha256="), NGX_HTTP_WEBHOOK_HEX, 0,
      ngx_string("$body"), NULL,
      NGX_HTTP_WEBHOOK_RAW, { ngx_null_string, ngx_null_string }, 1, 0, 1,
      ngx_http_webhook_made_later },

    { ngx_string("stripe"),
      { ngx_string("Stripe-Signature"), ngx_string("stripe-signature"),
        ngx_string(","), ngx_string("v1=") },
      ngx_http_webhook_no_header,
      { ngx_string("Stripe-Signature"), ngx_string("stripe-signature"),
        ngx_string(","), ngx_string("t=") },
      ngx_null_string, NGX_HTTP_WEBHOOK_HEX, NGX_HTTP_WEBHOOK_SECONDS,
      ngx_string("$timestamp.$body"), NULL,
      NGX_HTTP_WEBHOOK_RAW, { ngx_null_string, ngx_null_string }, 1, 0, 1,
      ngx_http_webhook_made_later },

    { ngx_string("slack"),
      { ngx_string("X-Slack-Signature"), ngx_string("x-slack-signature"),
        ngx_null_string, ngx_null_string },
      ngx_http_webhook_no_header,
      { ngx_string("X-Slack-Request-Timestamp"),
        ngx_string("x-slack-request-timestamp"),
        ngx_null_string, ngx_null_string },
      ngx_string("v0="), NGX_HTTP_WEBHOOK_HEX, NGX_HTTP_WEBHOOK_SECONDS,
      ngx_string("v0:$timestamp:$body"), NULL,
      NGX_HTTP_WEBHOOK_RAW, { ngx_null_string, ngx_null_string }, 1, 0, 1,
      ngx_http_webhook_made_later },

    { ngx_string("shopify"),
      { ngx_string("X-Shopify-Hmac-Sha256"),
        ngx_string("x-shopify-hmac-sha256"),
        ngx_null_string, ngx_null_string },
      ngx_http_webhook_no_header,
      ngx_http_webhook_no_header,
      ngx_null_string, NGX_HTTP_WEBHOOK_BASE64, 0,
      ngx_string("$body"), NULL,
      NGX_HTTP_WEBHOOK_RAW, { ngx_null_string, ngx_null_string }, 1, 0, 1,
      ngx_http_webhook_made_later },

    { ngx_null_string, ngx_http_webhook_no_header, ngx_http_webhook_no_header,
      ngx_http_webhook_no_header, ngx_null_string, 0, 0, ngx_null_string, NULL,
      0, { ngx_null_string, ngx_null_string }, 0, 0, 0,
      ngx_http_webhook_made_later }
};


static ngx_http_webhook_block_line_t  ngx_http_webhook_scheme_lines[] = {
    { ngx_string("signature"), 1, 5, 0, ngx_http_webhook_scheme_signature },
    { ngx_string("timestamp"), 1, 4, 0, ngx_http_webhook_scheme_timestamp },
    { ngx_string("id"), 1, 1, 0, ngx_http_webhook_scheme_id },
    { ngx_string("content"), 1, 1, 0, ngx_http_webhook_scheme_content },
    { ngx_string("digest"), 1, 1, 0, ngx_http_webhook_scheme_digest },
    { ngx_string("secret"), 1, 2, 0, ngx_http_webhook_scheme_secret_line },
    { ngx_null_string, 0, 0, 0, NULL }
};


/* without the first one, what a signature may be written in */

static ngx_conf_enum_t  ngx_http_webhook_encodings[] = {
    { ngx_string("raw"), NGX_HTTP_WEBHOOK_RAW },
    { ngx_string("hex"), NGX_HTTP_WEBHOOK_HEX },
    { ngx_string("base64"), NGX_HTTP_WEBHOOK_BASE64 },
    { ngx_string("base64url"), NGX_HTTP_WEBHOOK_BASE64URL },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_http_webhook_units[] = {
    { ngx_string("s"), NGX_HTTP_WEBHOOK_SECONDS },
    { ngx_string("ms"), NGX_HTTP_WEBHOOK_MILLISECONDS },
    { ngx_string("rfc3339"), NGX_HTTP_WEBHOOK_RFC3339 },
    { ngx_string("http"), NGX_HTTP_WEBHOOK_HTTP_DATE },
    { ngx_null_string, 0 }
};


/* webhook_scheme name { ... } */

char *
ngx_http_webhook_scheme(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char                       *rc;
    size_t                      i;
    u_char                      ch;
    ngx_str_t                  *name;
    ngx_http_webhook_scheme_t  *row, *scheme;

    name = (ngx_str_t *) cf->args->elts + 1;

    for (i = 0; i < name->len; i++) {
        ch = name->data[i];

        if ((ch < 'A' || ch > 'Z') && (ch < 'a' || ch > 'z')
            && (ch < '0' || ch > '9') && ch != '-' && ch != '_')
        {
            break;
        }
    }

    if (i == 0 || i < name->len || ngx_strcmp(name->data, "off") == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid name \"%V\" of a \"webhook_scheme\": "
                           "letters, digits, \"-\" and \"_\" are allowed, and "
                           "not \"off\"", name);
        return NGX_CONF_ERROR;
    }

    for (row = ngx_http_webhook_schemes; row->name.len; row++) {
        if (ngx_strcmp(name->data, row->name.data) == 0) {
            break;
        }
    }

    if (row->name.len || ngx_http_webhook_scheme_by_name(cf, name)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"webhook_scheme %V\" is %s: use another name",
                           name, row->name.len ? "built in" : "duplicate");
        return NGX_CONF_ERROR;
    }

    /* the empty row at the end of the table, which becomes this one */

    scheme = ngx_http_webhook_scheme_add(cf, row);
    if (scheme == NULL) {
        return NGX_CONF_ERROR;
    }

    scheme->name = *name;
    scheme->file = cf->conf_file->file.name.data;
    scheme->line = cf->conf_file->line;
    scheme->encoding = NGX_CONF_UNSET_UINT;
    scheme->unit = NGX_CONF_UNSET_UINT;
    scheme->secret_min = 1;

    rc = ngx_http_webhook_block(cf, &cmd->name, &scheme->name,
                                ngx_http_webhook_scheme_lines, scheme);

    if (rc != NGX_CONF_OK) {
        return rc;
    }

    ngx_conf_init_uint_value(scheme->encoding, NGX_HTTP_WEBHOOK_HEX);
    ngx_conf_init_uint_value(scheme->unit, NGX_HTTP_WEBHOOK_SECONDS);

    if (scheme->content.len == 0) {
        ngx_str_set(&scheme->content, "$body");
    }

    rc = ngx_http_webhook_scheme_compile(cf, scheme);

    if (rc == NULL) {
        rc = ngx_http_webhook_scheme_check(scheme);
    }

    if (rc == NULL || rc == NGX_CONF_ERROR) {
        return rc;
    }

    /* nginx would name the last line of the block */

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"webhook_scheme %V\" %s",
                       &scheme->name, rc);

    return NGX_CONF_ERROR;
}


/* signature header [part=] [separator=] [prefix=] [encoding=]; */

static char *
ngx_http_webhook_scheme_signature(ngx_conf_t *cf, void *data,
    ngx_str_t *value, ngx_uint_t n)
{
    ngx_http_webhook_scheme_t *scheme = data;

    ngx_http_webhook_scheme_param_t  params[] = {
        { ngx_string("part="), &scheme->signature.part, NULL, NULL },
        { ngx_string("separator="), &scheme->signature.separator, NULL, NULL },
        { ngx_string("prefix="), &scheme->prefix, NULL, NULL },
        { ngx_string("encoding="), NULL, ngx_http_webhook_encodings + 1,
          &scheme->encoding },
        { ngx_null_string, NULL, NULL, NULL }
    };

    return ngx_http_webhook_scheme_header(cf, &scheme->signature, value, n,
                                          params);
}


/* timestamp header [part=] [separator=] [unit=]; */

static char *
ngx_http_webhook_scheme_timestamp(ngx_conf_t *cf, void *data,
    ngx_str_t *value, ngx_uint_t n)
{
    ngx_http_webhook_scheme_t *scheme = data;

    ngx_http_webhook_scheme_param_t  params[] = {
        { ngx_string("part="), &scheme->timestamp.part, NULL, NULL },
        { ngx_string("separator="), &scheme->timestamp.separator, NULL, NULL },
        { ngx_string("unit="), NULL, ngx_http_webhook_units, &scheme->unit },
        { ngx_null_string, NULL, NULL, NULL }
    };

    return ngx_http_webhook_scheme_header(cf, &scheme->timestamp, value, n,
                                          params);
}


/* id header; */

static char *
ngx_http_webhook_scheme_id(ngx_conf_t *cf, void *data,
    ngx_str_t *value, ngx_uint_t n)
{
    ngx_http_webhook_scheme_t *scheme = data;

    ngx_http_webhook_scheme_param_t  none = {
        ngx_null_string, NULL, NULL, NULL
    };

    return ngx_http_webhook_scheme_header(cf, &scheme->id, value, n, &none);
}


/* content text; what is in it is looked at when the block has ended */

static char *
ngx_http_webhook_scheme_content(ngx_conf_t *cf, void *data,
    ngx_str_t *value, ngx_uint_t n)
{
    ngx_http_webhook_scheme_t *scheme = data;

    scheme->content = value[0];
    scheme->file = cf->conf_file->file.name.data;
    scheme->line = cf->conf_file->line;

    return value[0].len ? NULL : "has an empty text: \"$body\" is needed";
}


/* digest name; */

static char *
ngx_http_webhook_scheme_digest(ngx_conf_t *cf, void *data,
    ngx_str_t *value, ngx_uint_t n)
{
    ngx_http_webhook_scheme_t *scheme = data;

    ngx_http_webhook_digest_t  *digest;

    for (digest = ngx_http_webhook_digests; digest->name.len; digest++) {

        if (ngx_strcmp(value[0].data, digest->name.data) == 0) {
            scheme->digest = digest;
            return NULL;
        }
    }

    return "is not known: \"hmac-sha256\", \"hmac-sha1\", \"hmac-sha512\", "
           "\"ed25519\", \"ecdsa-sha256\", \"rsa-sha256\" and \"rsa-sha512\" "
           "are";
}


/* secret encoding [prefix=text]; */

static char *
ngx_http_webhook_scheme_secret_line(ngx_conf_t *cf, void *data,
    ngx_str_t *value, ngx_uint_t n)
{
    ngx_http_webhook_scheme_t *scheme = data;

    ngx_http_webhook_scheme_param_t  params[] = {
        { ngx_string("prefix="), &scheme->secret_prefix[0], NULL, NULL },
        { ngx_null_string, NULL, NULL, NULL }
    };

    if (!ngx_http_webhook_scheme_word(ngx_http_webhook_encodings, &value[0],
                                      &scheme->secret))
    {
        return "has an unknown encoding: \"raw\", \"hex\", \"base64\" and "
               "\"base64url\" are known";
    }

    return ngx_http_webhook_scheme_params(&value[1], n - 1, params);
}


/* Reads the name of a header, and the parameters after it. */

static char *
ngx_http_webhook_scheme_header(ngx_conf_t *cf,
    ngx_http_webhook_scheme_header_t *header, ngx_str_t *value, ngx_uint_t n,
    ngx_http_webhook_scheme_param_t *params)
{
    char    *rc;
    u_char  *p;

    header->name = value[0];

    if (ngx_http_webhook_header_name(cf, &header->name, &header->key)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    rc = ngx_http_webhook_scheme_params(&value[1], n - 1, params);

    if (rc != NULL || header->part.len == 0) {
        return rc;
    }

    p = ngx_pnalloc(cf->pool, header->part.len + 1);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    *ngx_cpymem(p, header->part.data, header->part.len) = '=';

    header->part.data = p;
    header->part.len++;

    return NULL;
}


/* Reads "n" parameters, by a list to one without a name. */

static char *
ngx_http_webhook_scheme_params(ngx_str_t *value, ngx_uint_t n,
    ngx_http_webhook_scheme_param_t *params)
{
    ngx_str_t                         text;
    ngx_uint_t                        i;
    ngx_http_webhook_scheme_param_t  *param;

    for (i = 0; i < n; i++) {

        for (param = params; param->name.len; param++) {
            if (ngx_strncmp(value[i].data, param->name.data, param->name.len)
                == 0)
            {
                break;
            }
        }

        if (param->name.len == 0) {
            return "has an unknown parameter";
        }

        text.len = value[i].len - param->name.len;
        text.data = value[i].data + param->name.len;

        if (text.len == 0) {
            return "has an empty parameter: leave it out";
        }

        if (text.data[0] == '"' || text.data[0] == '\'') {
            /* nginx takes a quote for one at the beginning of a word only */
            return "has a quote inside of a parameter: quote all of it, as in "
                   "\"separator=;\"";
        }

        if (param->words == NULL) {

            if (param->text->len) {
                return "has a parameter twice";
            }

            *param->text = text;
            continue;
        }

        if (*param->number != NGX_CONF_UNSET_UINT) {
            return "has a parameter twice";
        }

        if (!ngx_http_webhook_scheme_word(param->words, &text, param->number)) {
            return param->words == ngx_http_webhook_units
                   ? "has an unknown unit: \"s\", \"ms\", \"rfc3339\" and "
                     "\"http\" are known"
                   : "has an unknown encoding: \"hex\", \"base64\" and "
                     "\"base64url\" are known";
        }
    }

    return NULL;
}


/* Returns 1 if the text is one of the words, and sets "number". */

static ngx_uint_t
ngx_http_webhook_scheme_word(ngx_conf_enum_t *words, ngx_str_t *text,
    ngx_uint_t *number)
{
    ngx_uint_t  i;

    for (i = 0; words[i].name.len; i++) {

        if (words[i].name.len == text->len
            && ngx_strncmp(words[i].name.data, text->data, text->len) == 0)
        {
            *number = words[i].value;
            return 1;
        }
    }

    return 0;
}


/*
 * Makes the parts of the content, and what follows from the whole row.  Returns
 * NULL, or what a directive's handler returns.
 */

static char *
ngx_http_webhook_scheme_compile(ngx_conf_t *cf,
    ngx_http_webhook_scheme_t *scheme)
{
    char                            *rc;
    u_char                          *last, *p;
    ngx_uint_t                       bodies, i;
    ngx_http_webhook_scheme_part_t  *part;

    if (scheme->digest == NULL) {
        scheme->digest = ngx_http_webhook_digests;
    }

    scheme->shared = (scheme->timestamp.key.len
                      && scheme->timestamp.key.len == scheme->signature.key.len
                      && ngx_strncmp(scheme->timestamp.key.data,
                                     scheme->signature.key.data,
                                     scheme->signature.key.len)
                         == 0);

    if (ngx_array_init(&scheme->parts, cf->pool, 5,
                       sizeof(ngx_http_webhook_scheme_part_t))
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    p = scheme->content.data;
    last = p + scheme->content.len;

    while (p < last) {

        part = ngx_array_push(&scheme->parts);
        if (part == NULL) {
            return NGX_CONF_ERROR;
        }

        rc = ngx_http_webhook_scheme_part(cf, part, &p, last);
        if (rc != NULL) {
            return rc;
        }
    }

    part = scheme->parts.elts;
    bodies = 0;

    for (i = 0; i < scheme->parts.nelts; i++) {

        if (part[i].type == NGX_HTTP_WEBHOOK_CONTENT_BODY) {
            scheme->body = i;
            bodies++;
        }

        if (i && part[i].type == NGX_HTTP_WEBHOOK_CONTENT_TEXT
            && part[i - 1].type == NGX_HTTP_WEBHOOK_CONTENT_ID)
        {
            scheme->id_end = part[i].text.data[0];
        }
    }

    return bodies == 1 ? NULL
           : "has to have \"$body\" in its \"content\" exactly once";
}


/*
 * Reads the part of a content that begins at "pos", and moves that behind it.
 * Returns NULL, or what a directive's handler returns.
 */

static char *
ngx_http_webhook_scheme_part(ngx_conf_t *cf,
    ngx_http_webhook_scheme_part_t *part, u_char **pos, u_char *last)
{
    u_char       ch, *p;
    ngx_uint_t   brace, i;

    static ngx_str_t  names[] = {
        ngx_null_string,              /* NGX_HTTP_WEBHOOK_CONTENT_TEXT */
        ngx_string("id"),             /* ..._ID */
        ngx_string("timestamp"),      /* ..._TIMESTAMP */
        ngx_string("body")            /* ..._BODY */
    };

    p = *pos;

    part->type = NGX_HTTP_WEBHOOK_CONTENT_TEXT;
    part->variable = NGX_CONF_UNSET;

    if (*p != '$') {
        part->text.data = p;

        p = ngx_strlchr(p, last, '$');
        if (p == NULL) {
            p = last;
        }

        part->text.len = p - part->text.data;
        *pos = p;

        return NULL;
    }

    brace = (p + 1 < last && p[1] == '{');
    part->text.data = p + 1 + brace;

    for (p = part->text.data; p < last; p++) {
        ch = *p;

        if ((ch < 'A' || ch > 'Z') && (ch < 'a' || ch > 'z')
            && (ch < '0' || ch > '9') && ch != '_')
        {
            break;
        }
    }

    part->text.len = p - part->text.data;

    if (part->text.len == 0 || (brace && (p == last || *p != '}'))) {
        return "has a \"$\" in its \"content\" that no variable's name follows";
    }

    *pos = p + brace;

    for (i = NGX_HTTP_WEBHOOK_CONTENT_ID;
         i <= NGX_HTTP_WEBHOOK_CONTENT_BODY;
         i++)
    {
        if (part->text.len == names[i].len
            && ngx_strncmp(part->text.data, names[i].data, names[i].len) == 0)
        {
            part->type = i;
            return NULL;
        }
    }

    if (part->text.len == sizeof("request_body") - 1
        && ngx_strncmp(part->text.data, "request_body", part->text.len) == 0)
    {
        return "has \"$request_body\" in its \"content\", which is empty until "
               "the body has been read: \"$body\" is the one to use";
    }

    part->type = NGX_HTTP_WEBHOOK_CONTENT_VARIABLE;
    part->variable = ngx_http_get_variable_index(cf, &part->text);

    return part->variable == NGX_ERROR ? NGX_CONF_ERROR : NULL;
}


/* Checks a block as a whole.  Returns NULL, or what is wrong with it. */

static char *
ngx_http_webhook_scheme_check(ngx_http_webhook_scheme_t *scheme)
{
    ngx_uint_t                       i;
    ngx_http_webhook_scheme_part_t  *part;

    if (scheme->signature.name.len == 0) {
        return "needs a \"signature\" line, which names the header that has "
               "the signature";
    }

    part = scheme->parts.elts;

    for (i = 0; i < scheme->parts.nelts; i++) {

        if (part[i].type == NGX_HTTP_WEBHOOK_CONTENT_ID
            && scheme->id.name.len == 0)
        {
            return "has \"$id\" in its \"content\", but no \"id\" line that "
                   "names a header";
        }

        if (part[i].type == NGX_HTTP_WEBHOOK_CONTENT_TIMESTAMP
            && scheme->timestamp.name.len == 0)
        {
            return "has \"$timestamp\" in its \"content\", but no "
                   "\"timestamp\" line that names a header";
        }
    }

    return NULL;
}


/*
 * Checks that there are the variables that contents name; called when all of
 * the configuration has been read, since they may be defined after a block.
 * Returns NGX_OK, or NGX_ERROR with a message logged.
 */

ngx_int_t
ngx_http_webhook_scheme_init(ngx_conf_t *cf)
{
    ngx_uint_t                        i, j;
    ngx_http_webhook_scheme_t       **scheme;
    ngx_http_webhook_main_conf_t     *wmcf;
    ngx_http_webhook_scheme_part_t   *part;

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_webhook_module);
    scheme = wmcf->schemes.elts;

    for (i = 0; i < wmcf->schemes.nelts; i++) {

        part = scheme[i]->parts.elts;

        for (j = 0; j < scheme[i]->parts.nelts; j++) {

            if (part[j].type != NGX_HTTP_WEBHOOK_CONTENT_VARIABLE
                || ngx_http_webhook_variable_find(cf, &part[j].text)
                || ngx_http_webhook_variable_prefixed(cf, &part[j].text))
            {
                continue;
            }

            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "unknown variable \"$%V\" in the \"content\" of "
                          "\"webhook_scheme %V\" in %s:%ui: \"$body\", "
                          "\"$timestamp\", \"$id\" and nginx's own are known",
                          &part[j].text, &scheme[i]->name, scheme[i]->file,
                          scheme[i]->line);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/*
 * Finds a scheme that a block before has defined, or one that is built in.
 * Returns NULL, or what a directive's handler returns; "found" is NULL if there
 * is none of this name.
 */

char *
ngx_http_webhook_scheme_find(ngx_conf_t *cf, ngx_str_t *name,
    ngx_http_webhook_scheme_t **found)
{
    ngx_http_webhook_scheme_t  *row;

    *found = ngx_http_webhook_scheme_by_name(cf, name);

    if (*found) {
        return NULL;
    }

    for (row = ngx_http_webhook_schemes; row->name.len; row++) {
        if (ngx_strcmp(name->data, row->name.data) == 0) {
            break;
        }
    }

    if (row->name.len == 0) {
        return NULL;
    }

    *found = ngx_http_webhook_scheme_add(cf, row);

    return *found ? ngx_http_webhook_scheme_compile(cf, *found)
                  : NGX_CONF_ERROR;
}


/* Returns the one of this name that the configuration has so far, or NULL. */

static ngx_http_webhook_scheme_t *
ngx_http_webhook_scheme_by_name(ngx_conf_t *cf, ngx_str_t *name)
{
    ngx_uint_t                      i;
    ngx_http_webhook_scheme_t     **scheme;
    ngx_http_webhook_main_conf_t   *wmcf;

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_webhook_module);
    scheme = wmcf->schemes.elts;

    for (i = 0; i < wmcf->schemes.nelts; i++) {
        if (ngx_strcmp(name->data, scheme[i]->name.data) == 0) {
            return scheme[i];
        }
    }

    return NULL;
}


/* Adds a copy of a row to the configuration.  NULL: there is no memory. */

static ngx_http_webhook_scheme_t *
ngx_http_webhook_scheme_add(ngx_conf_t *cf, ngx_http_webhook_scheme_t *row)
{
    ngx_http_webhook_scheme_t     *scheme, **added;
    ngx_http_webhook_main_conf_t  *wmcf;

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_webhook_module);

    if (wmcf->schemes.elts == NULL
        && ngx_array_init(&wmcf->schemes, cf->pool, 4,
                          sizeof(ngx_http_webhook_scheme_t *))
           != NGX_OK)
    {
        return NULL;
    }

    scheme = ngx_palloc(cf->pool, sizeof(ngx_http_webhook_scheme_t));
    added = ngx_array_push(&wmcf->schemes);

    if (scheme == NULL || added == NULL) {
        return NULL;
    }

    *scheme = *row;
    *added = scheme;

    return scheme;
}
