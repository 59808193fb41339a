
/*
 * Challenges: a sender asks the URL to prove itself before it sends events, and
 * the gateway answers, whoever else would take an event.
 *
 * A challenge in the query string, in a header, or in the method is answered
 * before the credential, which its sender does not send.  One in the body is
 * looked for as the body arrives, beside the system's own shape, and answered
 * after the signature has been verified.
 */


#include "judge/ngx_http_webhook_challenge.h"
#include "core/ngx_http_webhook_ctx.h"
#include "judge/ngx_http_webhook_payload.h"
#include "judge/ngx_http_webhook_secret.h"


/* bytes: a longer text is not answered */
#define NGX_HTTP_WEBHOOK_CHALLENGE_MAX      4096

/* a part of a form that is not the one that is looked for */
#define NGX_HTTP_WEBHOOK_CHALLENGE_OTHER    ((size_t) -1)


/* one request's body, in which a challenge may be */

struct ngx_http_webhook_asking_s {
    ngx_http_webhook_reader_t         reader;
    ngx_http_webhook_challenge_t     *form;         /* whose the form is that
                                                       it is; NULL: none */
    size_t                            matched;      /* of row->form */
    ngx_uint_t                        found;        /* the form has that */
    ngx_uint_t                        object;       /* it must be one */
};


static ngx_int_t ngx_http_webhook_challenge_sent(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_http_webhook_challenge_t *challenge);
static ngx_int_t ngx_http_webhook_challenge_prove(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_http_webhook_challenge_t *challenge,
    ngx_str_t *text);
static ngx_uint_t ngx_http_webhook_challenge_arg(ngx_http_request_t *r,
    ngx_str_t *name, ngx_str_t *value);
static ngx_int_t ngx_http_webhook_challenge_decode(ngx_http_request_t *r,
    ngx_str_t *text);
static ngx_uint_t ngx_http_webhook_challenge_valid(ngx_str_t *text,
    ngx_uint_t token);
static ngx_uint_t ngx_http_webhook_challenge_letter(u_char ch);
static u_char *ngx_http_webhook_challenge_utf8(u_char *p, u_char *last);
static ngx_uint_t ngx_http_webhook_challenge_verified(ngx_http_request_t *r,
    ngx_http_webhook_challenge_t *challenge);
static ngx_uint_t ngx_http_webhook_challenge_is_form(ngx_http_request_t *r);
static ngx_http_webhook_challenge_t *ngx_http_webhook_challenge_find(
    ngx_http_request_t *r, ngx_http_webhook_ctx_t *ctx);


static ngx_http_webhook_verdict_t  ngx_http_webhook_challenge_invalid =
    ngx_http_webhook_verdict(NGX_HTTP_BAD_REQUEST, invalid_challenge,
                             "must be 1 to 4096 bytes of UTF-8 without control "
                             "characters");


/*
 * What is signed with the secret that events are signed with must not be such
 * an event: it has no letter that JSON, or Zoom's "v0:time:body", needs.
 */

static ngx_http_webhook_verdict_t  ngx_http_webhook_challenge_invalid_token =
    ngx_http_webhook_verdict(NGX_HTTP_BAD_REQUEST, invalid_challenge,
                             "must be 1 to 4096 letters, digits and "
                             "characters of -._~+/=");


static ngx_http_webhook_verdict_t  ngx_http_webhook_challenge_repeated =
    ngx_http_webhook_verdict(NGX_HTTP_BAD_REQUEST, duplicate_field,
                             "is there more than once");


static ngx_http_webhook_verdict_t  ngx_http_webhook_challenge_unverified =
    ngx_http_webhook_verdict(NGX_HTTP_FORBIDDEN, challenge_refused,
                             "is not the verify token of this URL");


/*
 * A step: looks for a challenge in what is known before the body, in a location
 * that has some.  Returns NGX_OK with ctx->proof set, NGX_DECLINED if it is no
 * challenge, NGX_ABORT with a verdict, or NGX_ERROR.
 */

ngx_int_t
ngx_http_webhook_challenge_begin(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx)
{
    ngx_int_t                      rc;
    ngx_uint_t                     i;
    ngx_http_webhook_challenge_t  *challenge;

    challenge = ctx->conf->challenges->elts;

    for (i = 0; i < ctx->conf->challenges->nelts; i++) {

        if (challenge[i].row->source == NGX_HTTP_WEBHOOK_CHALLENGE_BODY
            || !(challenge[i].row->methods & r->method))
        {
            continue;
        }

        rc = ngx_http_webhook_challenge_sent(r, ctx, &challenge[i]);

        if (rc != NGX_DECLINED) {
            return rc;
        }
    }

    return NGX_DECLINED;
}


/* Looks for one challenge.  Returns what the function above does. */

static ngx_int_t
ngx_http_webhook_challenge_sent(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_http_webhook_challenge_t *challenge)
{
    ngx_int_t                          rc;
    ngx_str_t                          text;
    ngx_uint_t                         n;
    ngx_table_elt_t                   *header;
    ngx_http_webhook_challenge_row_t  *row;

    row = challenge->row;
    ngx_str_null(&text);

    switch (row->source) {

    case NGX_HTTP_WEBHOOK_CHALLENGE_HEADER:

        header = ngx_http_webhook_find_header(r, &row->mark->name, &n);

        if (n == 0) {
            return NGX_DECLINED;
        }

        text = header->value;
        break;

    case NGX_HTTP_WEBHOOK_CHALLENGE_QUERY:

        n = ngx_http_webhook_challenge_arg(r, &row->mark->name, &text);

        if (n == 0
            || (row->value.len
                && (text.len != row->value.len
                    || ngx_strncmp(text.data, row->value.data, text.len) != 0)))
        {
            return NGX_DECLINED;
        }

        if (row->text != row->mark) {
            n = ngx_http_webhook_challenge_arg(r, &row->text->name, &text);
        }

        break;

    default: /* NGX_HTTP_WEBHOOK_CHALLENGE_METHOD */
        n = 1;
        break;
    }

    if (row->parameter == NGX_HTTP_WEBHOOK_CHALLENGE_TOKENS
        && !ngx_http_webhook_challenge_verified(r, challenge))
    {
        return ngx_http_webhook_reject(ctx,
                                       &ngx_http_webhook_challenge_unverified,
                                       row->verify);
    }

    if (n > 1) {
        return ngx_http_webhook_reject(ctx,
                                       &ngx_http_webhook_challenge_repeated,
                                       row->text);
    }

    if (row->source == NGX_HTTP_WEBHOOK_CHALLENGE_QUERY) {

        rc = ngx_http_webhook_challenge_decode(r, &text);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_DECLINED) {
            /* which is no text */
            text.len = 0;
        }
    }

    rc = ngx_http_webhook_challenge_prove(r, ctx, challenge, &text);

    if (rc == NGX_OK && row->parameter == NGX_HTTP_WEBHOOK_CHALLENGE_TOKENS) {
        ctx->authenticated = 1;
    }

    return rc;
}


/* Answers a challenge, if its text can be answered.  A step's return codes. */

static ngx_int_t
ngx_http_webhook_challenge_prove(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_http_webhook_challenge_t *challenge,
    ngx_str_t *text)
{
    ngx_http_webhook_challenge_row_t  *row;

    row = challenge->row;

    if (row->text && !ngx_http_webhook_challenge_valid(text, row->token)) {
        return ngx_http_webhook_reject(ctx, row->token
                                    ? &ngx_http_webhook_challenge_invalid_token
                                    : &ngx_http_webhook_challenge_invalid,
                                       row->text);
    }

    /* the path need not be that of an event */

    ctx->verdict = NULL;
    ctx->field = NULL;

    return row->answer(r, ctx, challenge, text);
}


/*
 * Sets "value" to the value of a parameter of the query string, as it was sent.
 * Returns how many there are of the name; the first one is taken.
 */

static ngx_uint_t
ngx_http_webhook_challenge_arg(ngx_http_request_t *r, ngx_str_t *name,
    ngx_str_t *value)
{
    u_char      *end, *last, *p;
    size_t       len;
    ngx_uint_t   n;

    n = 0;
    ngx_str_null(value);

    if (r->args.len == 0) {
        return 0;
    }

    end = r->args.data + r->args.len;

    for (p = r->args.data; p < end; p = last + 1) {

        last = ngx_strlchr(p, end, '&');
        if (last == NULL) {
            last = end;
        }

        len = last - p;

        if (len < name->len
            || ngx_strncmp(p, name->data, name->len) != 0
            || (len > name->len && p[name->len] != '='))
        {
            continue;
        }

        if (n++ == 0 && len > name->len) {
            value->len = len - name->len - 1;
            value->data = p + name->len + 1;
        }
    }

    return n;
}


/*
 * Decodes a value of a query string, in which "+" is a blank.  Returns NGX_OK,
 * NGX_DECLINED if it is not well-formed, or NGX_ERROR.
 */

static ngx_int_t
ngx_http_webhook_challenge_decode(ngx_http_request_t *r, ngx_str_t *text)
{
    u_char     *last, *p, *start;
    ngx_int_t   ch;

    if (text->len == 0) {
        return NGX_OK;
    }

    start = ngx_pnalloc(r->pool, text->len);
    if (start == NULL) {
        return NGX_ERROR;
    }

    last = text->data + text->len;
    text->len = 0;

    for (p = text->data; p < last; p++) {

        switch (*p) {

        case '+':
            ch = ' ';
            break;

        case '%':
            ch = (last - p > 2) ? ngx_hextoi(p + 1, 2) : NGX_ERROR;
            p += 2;
            break;

        default:
            ch = *p;
            break;
        }

        if (ch == NGX_ERROR) {
            return NGX_DECLINED;
        }

        start[text->len++] = (u_char) ch;
    }

    text->data = start;

    return NGX_OK;
}


/* Returns 1 if a text may be answered. */

static ngx_uint_t
ngx_http_webhook_challenge_valid(ngx_str_t *text, ngx_uint_t token)
{
    u_char  *last, *p;

    if (text->len == 0 || text->len > NGX_HTTP_WEBHOOK_CHALLENGE_MAX) {
        return 0;
    }

    p = text->data;
    last = p + text->len;

    while (p < last) {

        if (*p >= 0x80 && !token) {
            p = ngx_http_webhook_challenge_utf8(p, last);
            if (p == NULL) {
                return 0;
            }

            continue;
        }

        if (token ? !ngx_http_webhook_challenge_letter(*p)
                  : (*p < 0x20 || *p == 0x7f))
        {
            return 0;
        }

        p++;
    }

    return 1;
}


/* Returns 1 for what a token may have: that of base64, too, and of URLs. */

static ngx_uint_t
ngx_http_webhook_challenge_letter(u_char ch)
{
    if ((ch >= '0' && ch <= '9') || (ch >= 'A' && ch <= 'Z')
        || (ch >= 'a' && ch <= 'z'))
    {
        return 1;
    }

    switch (ch) {

    case '-':
    case '.':
    case '_':
    case '~':
    case '+':
    case '/':
    case '=':
        return 1;

    default:
        return 0;
    }
}


/*
 * Returns what follows a character of two bytes or more, RFC 3629, section 4,
 * or NULL if it is none.
 */

static u_char *
ngx_http_webhook_challenge_utf8(u_char *p, u_char *last)
{
    u_char  ch, max, min;
    size_t  n;

    ch = *p++;
    min = 0x80;
    max = 0xbf;

    if (ch >= 0xc2 && ch <= 0xdf) {
        n = 1;

    } else if (ch >= 0xe0 && ch <= 0xef) {
        n = 2;
        min = (ch == 0xe0) ? 0xa0 : 0x80;
        max = (ch == 0xed) ? 0x9f : 0xbf;

    } else if (ch >= 0xf0 && ch <= 0xf4) {
        n = 3;
        min = (ch == 0xf0) ? 0x90 : 0x80;
        max = (ch == 0xf4) ? 0x8f : 0xbf;

    } else {
        return NULL;
    }

    for ( /* void */ ; n; n--, p++) {

        if (p == last || *p < min || *p > max) {
            return NULL;
        }

        min = 0x80;
        max = 0xbf;
    }

    return p;
}


/*
 * Returns 1 if the sender knows a verify token.  All are compared, whichever
 * matches.
 */

static ngx_uint_t
ngx_http_webhook_challenge_verified(ngx_http_request_t *r,
    ngx_http_webhook_challenge_t *challenge)
{
    ngx_str_t                         sent, text;
    ngx_uint_t                        i, valid;
    ngx_http_webhook_secret_value_t  *secret;

    if (ngx_http_webhook_challenge_arg(r, &challenge->row->verify->name, &sent)
        != 1
        || ngx_http_webhook_challenge_decode(r, &sent) != NGX_OK)
    {
        return 0;
    }

    valid = 0;
    secret = challenge->secrets.elts;

    for (i = 0; i < challenge->secrets.nelts; i++) {
        ngx_http_webhook_secret_text(r, &secret[i], &text);

        valid |= text.len && ngx_http_webhook_equal(&text, &sent);
    }

    return valid;
}


/*
 * A step, before the body is read: makes ctx->asking ready for it, if a
 * challenge may be in it, or if it must be an object since anybody may have a
 * token signed with the secret of events.  Returns NGX_OK or NGX_ERROR.
 */

ngx_int_t
ngx_http_webhook_challenge_read(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx)
{
    ngx_uint_t                     i, is_form, object;
    ngx_http_webhook_asking_t     *asking;
    ngx_http_webhook_challenge_t  *challenge, *found, *form;

    form = NULL;
    found = NULL;
    object = 0;
    is_form = ngx_http_webhook_challenge_is_form(r);

    challenge = ctx->conf->challenges->elts;

    for (i = 0; i < ctx->conf->challenges->nelts; i++) {

        if (challenge[i].row->token
            && challenge[i].row->source == NGX_HTTP_WEBHOOK_CHALLENGE_QUERY)
        {
            object = 1;
        }

        if (challenge[i].row->source == NGX_HTTP_WEBHOOK_CHALLENGE_BODY
            && (challenge[i].row->methods & r->method))
        {
            found = &challenge[i];

            if (is_form && found->row->form.len) {
                form = found;
            }
        }
    }

    if (found == NULL && !object) {
        return NGX_OK;
    }

    asking = ngx_palloc(r->pool, sizeof(ngx_http_webhook_asking_t));
    if (asking == NULL) {
        return NGX_ERROR;
    }

    asking->form = form;
    asking->matched = 0;
    asking->found = 0;
    asking->object = object;

    ctx->asking = asking;

    return ngx_http_webhook_shape_init(&asking->reader,
                                       &ngx_http_webhook_challenge_shape,
                                       r->pool);
}


/* Returns 1 if the body is a form, as Slack's commands are. */

static ngx_uint_t
ngx_http_webhook_challenge_is_form(ngx_http_request_t *r)
{
    ngx_str_t  *type;

    static ngx_str_t  form = ngx_string("application/x-www-form-urlencoded");

    if (r->headers_in.content_type == NULL) {
        return 0;
    }

    type = &r->headers_in.content_type->value;

    return type->len >= form.len
           && ngx_strncasecmp(type->data, form.data, form.len) == 0
           && (type->len == form.len || type->data[form.len] == ';'
               || type->data[form.len] == ' ');
}


/* Takes the next bytes of the body.  Returns NGX_OK or NGX_ERROR. */

ngx_int_t
ngx_http_webhook_challenge_feed(ngx_http_webhook_asking_t *asking, u_char *p,
    size_t len)
{
    u_char     *last;
    ngx_str_t  *form;

    if (asking->form == NULL) {
        return ngx_http_webhook_shape_feed(&asking->reader, p, len);
    }

    form = &asking->form->row->form;

    for (last = p + len; p < last; p++) {

        if (*p == '&') {
            asking->found |= (asking->matched == form->len);
            asking->matched = 0;

        } else if (asking->matched < form->len
                   && form->data[asking->matched] == *p)
        {
            asking->matched++;

        } else {
            asking->matched = NGX_HTTP_WEBHOOK_CHALLENGE_OTHER;
        }
    }

    return NGX_OK;
}


/*
 * A step: the body has ended, and its sender has been verified.  Returns NGX_OK
 * with ctx->proof set, NGX_DECLINED if it is no challenge, NGX_ABORT with a
 * verdict, or NGX_ERROR.
 */

ngx_int_t
ngx_http_webhook_challenge_finish(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx)
{
    ngx_int_t                          rc;
    ngx_str_t                          text;
    ngx_uint_t                         i;
    ngx_http_webhook_field_t          *field;
    ngx_http_webhook_asking_t         *asking;
    ngx_http_webhook_challenge_t      *challenge;
    ngx_http_webhook_challenge_row_t  *row;

    asking = ctx->asking;
    challenge = asking->form;
    ngx_str_null(&text);

    if (challenge) {
        asking->found |= (asking->matched == challenge->row->form.len);

        if (asking->found) {
            return challenge->row->answer(r, ctx, challenge, &text);
        }

        return asking->object
               ? ngx_http_webhook_payload_reject(ctx, &asking->reader,
                                          NGX_HTTP_WEBHOOK_SHAPE_DOCUMENT, NULL)
               : NGX_DECLINED;
    }

    rc = ngx_http_webhook_shape_finish(&asking->reader);

    if (rc != NGX_OK && asking->object) {
        ctx->reader.json.offset = asking->reader.json.offset;
        return ngx_http_webhook_payload_reject(ctx, &asking->reader, rc, NULL);
    }

    if (rc == NGX_HTTP_WEBHOOK_SHAPE_EMPTY
        || rc == NGX_HTTP_WEBHOOK_SHAPE_DOCUMENT)
    {
        return NGX_DECLINED;
    }

    challenge = ngx_http_webhook_challenge_find(r, ctx);

    if (challenge == NULL) {
        return NGX_DECLINED;
    }

    /* "webhook signed" would pass on what is not JSON */

    if (rc != NGX_OK) {
        ctx->reader.json.offset = asking->reader.json.offset;
        return ngx_http_webhook_payload_reject(ctx, &asking->reader, rc, NULL);
    }

    row = challenge->row;

    rc = ngx_http_webhook_shape_judge(&asking->reader, row->event, &field);

    if (rc != NGX_OK) {
        return ngx_http_webhook_payload_reject(ctx, &asking->reader, rc, field);
    }

    if (row->text) {
        i = row->text - ngx_http_webhook_challenge_shape.fields;
        text = asking->reader.values[i].text;
    }

    return ngx_http_webhook_challenge_prove(r, ctx, challenge, &text);
}


/* Returns the challenge that the members of a body tell, or NULL. */

static ngx_http_webhook_challenge_t *
ngx_http_webhook_challenge_find(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx)
{
    ngx_uint_t                         i;
    ngx_http_webhook_value_t          *value;
    ngx_http_webhook_challenge_t      *challenge;
    ngx_http_webhook_challenge_row_t  *row;

    challenge = ctx->conf->challenges->elts;

    for (i = 0; i < ctx->conf->challenges->nelts; i++) {
        row = challenge[i].row;

        if (row->source != NGX_HTTP_WEBHOOK_CHALLENGE_BODY
            || !(row->methods & r->method))
        {
            continue;
        }

        value = ctx->asking->reader.values
                + (row->mark - ngx_http_webhook_challenge_shape.fields);

        if (value->type == row->type
            && value->text.len == row->value.len
            && ngx_memcmp(value->text.data, row->value.data, row->value.len)
               == 0)
        {
            return &challenge[i];
        }
    }

    return NULL;
}
