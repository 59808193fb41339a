
/* media types: which of them are JSON */


#include "base/ngx_http_webhook_media.h"


static ngx_uint_t ngx_http_webhook_media_known(ngx_str_t *type,
    ngx_str_t *subtype, ngx_str_t *others);
static u_char *ngx_http_webhook_token(u_char *p, u_char *last,
    ngx_str_t *token);
static ngx_uint_t ngx_http_webhook_token_is(ngx_str_t *token, char *text);
static ngx_uint_t ngx_http_webhook_is_charset(ngx_str_t *name);
static u_char *ngx_http_webhook_quoted(u_char *p, u_char *last,
    ngx_str_t *value);
static u_char *ngx_http_webhook_blanks(u_char *p, u_char *last);


/*
 * Returns 1 for application/json and application/<something>+json, RFC 9110,
 * section 8.3, and for those of "others", which an empty text ends, or which is
 * NULL.  A charset must be UTF-8, whatever else JSON's registration has
 * to say of it: an application that honours another one would read other
 * members than those that were checked.  The encoded forms of RFC 2231, such as
 * "charset*", are refused, whatever they say.  Other parameters do not matter,
 * but what is not well-formed is refused, since a charset could hide in it.
 */

ngx_uint_t
ngx_http_webhook_media_is_json(ngx_str_t *type, ngx_str_t *others)
{
    u_char     *last, *p;
    ngx_str_t   name, value;

    /* what nearly all say */

    if (type->len == sizeof("application/json") - 1
        && ngx_memcmp(type->data, "application/json", type->len) == 0)
    {
        return 1;
    }

    p = type->data;
    last = type->data + type->len;

    p = ngx_http_webhook_token(p, last, &name);

    if (p == last || *p != '/') {
        return 0;
    }

    p = ngx_http_webhook_token(p + 1, last, &value);

    if (!ngx_http_webhook_media_known(&name, &value, others)) {
        return 0;
    }

    for ( ;; ) {

        p = ngx_http_webhook_blanks(p, last);

        if (p == last) {
            return 1;
        }

        if (*p++ != ';') {
            return 0;
        }

        p = ngx_http_webhook_blanks(p, last);

        if (p == last || *p == ';') {
            continue;
        }

        p = ngx_http_webhook_token(p, last, &name);

        if (name.len == 0) {
            return 0;
        }

        if (p == last || *p != '=') {

            /* no value: nobody can take that for another charset */

            if (ngx_http_webhook_is_charset(&name)) {
                return 0;
            }

            continue;
        }

        p++;

        p = (p < last && *p == '"')
            ? ngx_http_webhook_quoted(p, last, &value)
            : ngx_http_webhook_token(p, last, &value);

        if (p == NULL || value.len == 0) {
            return 0;
        }

        if (ngx_http_webhook_is_charset(&name)
            && (name.len != sizeof("charset") - 1
                || !ngx_http_webhook_token_is(&value, "utf-8")))
        {
            return 0;
        }
    }
}


/* Returns 1 if a type, in its two parts, is one of JSON, or one of "others". */

static ngx_uint_t
ngx_http_webhook_media_known(ngx_str_t *type, ngx_str_t *subtype,
    ngx_str_t *others)
{
    if (ngx_http_webhook_token_is(type, "application")
        && (ngx_http_webhook_token_is(subtype, "json")
            || (subtype->len >= sizeof("x+json") - 1
                && ngx_strncasecmp(subtype->data + subtype->len
                                   - (sizeof("+json") - 1),
                                   (u_char *) "+json", sizeof("+json") - 1)
                   == 0)))
    {
        return 1;
    }

    for ( /* void */ ; others && others->len; others++) {

        if (others->len == type->len + 1 + subtype->len
            && ngx_strncasecmp(others->data, type->data, type->len) == 0
            && others->data[type->len] == '/'
            && ngx_strncasecmp(others->data + type->len + 1, subtype->data,
                               subtype->len)
               == 0)
        {
            return 1;
        }
    }

    return 0;
}


/* Returns 1 if "text" is a type and a subtype, and nothing else. */

ngx_uint_t
ngx_http_webhook_media_is_type(ngx_str_t *text)
{
    u_char     *last, *p;
    ngx_str_t   type, subtype;

    last = text->data + text->len;

    p = ngx_http_webhook_token(text->data, last, &type);

    if (type.len == 0 || p == last || *p != '/') {
        return 0;
    }

    p = ngx_http_webhook_token(p + 1, last, &subtype);

    return p == last
           && subtype.len
           && ngx_strlchr(text->data, last, '*') == NULL;
}


/*
 * Sets "token" to the token of RFC 9110, section 5.6.2, at "p", which may be
 * empty, and returns what follows it.
 */

static u_char *
ngx_http_webhook_token(u_char *p, u_char *last, ngx_str_t *token)
{
    u_char  ch;

    token->data = p;

    for ( /* void */ ; p < last; p++) {
        ch = *p;

        if ((ch < 'A' || ch > 'Z') && (ch < 'a' || ch > 'z')
            && (ch < '0' || ch > '9')
            && (ch == '\0' || ngx_strchr("!#$%&'*+-.^_`|~", ch) == NULL))
        {
            break;
        }
    }

    token->len = p - token->data;

    return p;
}


/* Returns 1 if the token is "text", in any case. */

static ngx_uint_t
ngx_http_webhook_token_is(ngx_str_t *token, char *text)
{
    size_t  len;

    len = ngx_strlen(text);

    return token->len == len
           && ngx_strncasecmp(token->data, (u_char *) text, len) == 0;
}


/*
 * Returns 1 if a parameter of this name is a charset: also "charset*" and
 * "charset*0", the encoded and divided values of RFC 2231.
 */

static ngx_uint_t
ngx_http_webhook_is_charset(ngx_str_t *name)
{
    u_char     *p;
    ngx_str_t   plain;

    plain = *name;

    p = ngx_strlchr(name->data, name->data + name->len, '*');
    if (p) {
        plain.len = p - name->data;
    }

    return ngx_http_webhook_token_is(&plain, "charset");
}


/*
 * Sets "value" to what the quoted string at "p" holds, as it is written, and
 * returns what follows it, or NULL if it does not end.
 */

static u_char *
ngx_http_webhook_quoted(u_char *p, u_char *last, ngx_str_t *value)
{
    value->data = ++p;

    for ( /* void */ ; p < last; p++) {

        if (*p == '"') {
            value->len = p - value->data;
            return p + 1;
        }

        if (*p == '\\' && ++p == last) {
            break;
        }
    }

    return NULL;
}


/* Returns where the spaces and tabs at "p" end. */

static u_char *
ngx_http_webhook_blanks(u_char *p, u_char *last)
{
    while (p < last && (*p == ' ' || *p == '\t')) {
        p++;
    }

    return p;
}
