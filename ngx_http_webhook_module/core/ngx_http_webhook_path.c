
/* What the path of a request names, and which part of a list it asks for. */


#include "core/ngx_http_webhook_path.h"
#include "core/ngx_http_webhook_ctx.h"
#include "core/ngx_http_webhook_verdict.h"


/* How many bytes of an unknown parameter's name an answer shows */
#define NGX_HTTP_WEBHOOK_PARAM_SHOWN  32


static ngx_uint_t ngx_http_webhook_path_ambiguous(ngx_str_t *uri);
static ngx_uint_t ngx_http_webhook_param_bit(u_char *start, u_char *last,
    ngx_str_t *params);
static ngx_int_t ngx_http_webhook_param_refuse(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_http_webhook_verdict_t *verdict,
    u_char *start, u_char *last);


ngx_str_t  ngx_http_webhook_no_params[] = {
    ngx_null_string
};


/* The parameters that ngx_http_webhook_page_parse() reads */

ngx_str_t  ngx_http_webhook_page_params[] = {
    ngx_string("limit"),
    ngx_string("after"),
    ngx_null_string
};


static ngx_http_webhook_verdict_t  ngx_http_webhook_unknown_parameter =
    ngx_http_webhook_verdict(NGX_HTTP_BAD_REQUEST, unknown_parameter,
                             "is no parameter of this request, or has no "
                             "value");


static ngx_http_webhook_verdict_t  ngx_http_webhook_repeated_parameter =
    ngx_http_webhook_verdict(NGX_HTTP_BAD_REQUEST, unknown_parameter,
                             "is there more than once");


/*
 * Sets "path" to the decoded path of a request, whose segments tell what is
 * asked for.  It is empty if the path as it was sent may have other segments
 * than the decoded one: then a text that a client has put into one segment
 * would choose another resource.
 */

void
ngx_http_webhook_path_get(ngx_http_request_t *r, ngx_str_t *path)
{
    *path = r->uri;

    /* what "rewrite" takes of the path is decoded as well */

    if (ngx_http_webhook_path_ambiguous(&r->unparsed_uri)) {
        path->len = 0;
    }
}


/*
 * Splits the path of a request into segments, the last one first, as
 * ngx_http_webhook_path_split() does.
 */

ngx_uint_t
ngx_http_webhook_path_segments(ngx_http_request_t *r, ngx_str_t *segments,
    ngx_uint_t max)
{
    ngx_str_t  path;

    ngx_http_webhook_path_get(r, &path);

    return ngx_http_webhook_path_split(&path, segments, max);
}


/*
 * Says whether the path of a URI, as it was sent, has a percent-encoded slash,
 * or a segment "." or ".." with a percent-encoded dot.
 */

static ngx_uint_t
ngx_http_webhook_path_ambiguous(ngx_str_t *uri)
{
    u_char      *last, *p;
    ngx_uint_t   dots, encoded, others;

    last = uri->data + uri->len;
    dots = 0;
    encoded = 0;
    others = 0;

    for (p = uri->data; p < last && *p != '?' && *p != '#'; p++) {

        if (*p == '/') {

            if (encoded && !others && dots <= 2) {
                return 1;
            }

            dots = 0;
            encoded = 0;
            others = 0;

        } else if (*p == '.') {
            dots++;

        } else if (last - p >= 3 && ngx_strncmp(p, "%2", 2) == 0
                   && ngx_tolower(p[2]) == 'f')
        {
            return 1;

        } else if (last - p >= 3 && ngx_strncmp(p, "%2", 2) == 0
                   && ngx_tolower(p[2]) == 'e')
        {
            dots++;
            encoded = 1;
            p += 2;

        } else {
            others = 1;
        }
    }

    return encoded && !others && dots <= 2;
}


/*
 * Splits a path at its slashes, from the end: segments[0] is the last segment,
 * and what follows the last slash, so that it may be empty.  The segments are
 * parts of "path".  Returns how many there are, at most "max"; those that there
 * are not are set to be empty.  What is before the first slash counts only if
 * it is not empty.
 */

ngx_uint_t
ngx_http_webhook_path_split(ngx_str_t *path, ngx_str_t *segments,
    ngx_uint_t max)
{
    u_char      *last, *p;
    ngx_uint_t   i, n;

    last = path->data + path->len;

    for (n = 0; n < max && last > path->data; n++) {

        for (p = last; p > path->data && p[-1] != '/'; p--) { /* void */ }

        segments[n].len = last - p;
        segments[n].data = p;

        last = (p > path->data) ? p - 1 : p;
    }

    for (i = n; i < max; i++) {
        ngx_str_null(&segments[i]);
    }

    return n;
}


/* Says whether a segment is "name". */

ngx_uint_t
ngx_http_webhook_segment_is(ngx_str_t *segment, char *name)
{
    return segment->len == ngx_strlen(name)
           && ngx_strncmp(segment->data, name, segment->len) == 0;
}


/*
 * Reads the arguments "limit", a number of entries, and "after", the UUID of
 * the entry before them.  Returns NGX_OK, or NGX_ABORT with one of the verdicts
 * set.  Whether there is such an entry is the caller's to find out.
 */

ngx_int_t
ngx_http_webhook_page_parse(ngx_http_request_t *r, ngx_http_webhook_ctx_t *ctx,
    ngx_http_webhook_page_t *page, ngx_http_webhook_verdict_t *invalid_limit,
    ngx_http_webhook_verdict_t *invalid_after)
{
    ngx_int_t  limit;
    ngx_str_t  value;

    page->limit = NGX_HTTP_WEBHOOK_PAGE_LIMIT;
    page->has_after = 0;

    if (ngx_http_arg(r, (u_char *) "limit", 5, &value) == NGX_OK) {

        limit = ngx_atoi(value.data, value.len);

        if (limit < 1 || limit > NGX_HTTP_WEBHOOK_PAGE_MAX) {
            return ngx_http_webhook_reject(ctx, invalid_limit, NULL);
        }

        page->limit = limit;
    }

    if (ngx_http_arg(r, (u_char *) "after", 5, &value) == NGX_OK) {

        if (ngx_http_webhook_uuid_parse(&value, page->after) != NGX_OK) {
            return ngx_http_webhook_reject(ctx, invalid_after, NULL);
        }

        page->has_after = 1;
    }

    return NGX_OK;
}


/*
 * Checks that the query string has only parameters of the request's method,
 * which must have a list of them, and each of them once: whoever mistypes one
 * must not be answered as if it were not there.  Returns NGX_OK, NGX_ABORT with
 * the verdict set, or NGX_ERROR.
 */

ngx_int_t
ngx_http_webhook_params_check(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx)
{
    u_char      *end, *last, *p;
    ngx_uint_t   bit, seen;

    if (r->args.len == 0) {
        return NGX_OK;
    }

    seen = 0;
    end = r->args.data + r->args.len;

    for (p = r->args.data; p < end; p = last + 1) {

        last = ngx_strlchr(p, end, '&');
        if (last == NULL) {
            last = end;
        }

        if (last == p) {
            continue;
        }

        bit = ngx_http_webhook_param_bit(p, last, ctx->method->params);

        if (bit == 0) {
            return ngx_http_webhook_param_refuse(r, ctx,
                                           &ngx_http_webhook_unknown_parameter,
                                           p, last);
        }

        if (seen & bit) {
            return ngx_http_webhook_param_refuse(r, ctx,
                                          &ngx_http_webhook_repeated_parameter,
                                          p, last);
        }

        seen |= bit;
    }

    return NGX_OK;
}


/*
 * Returns the bit of the parameter that a part of a query string has before its
 * "=", or 0 if it is none of them.
 */

static ngx_uint_t
ngx_http_webhook_param_bit(u_char *start, u_char *last, ngx_str_t *params)
{
    ngx_uint_t  bit;

    for (bit = 1; params->len; params++, bit <<= 1) {

        if ((size_t) (last - start) > params->len
            && ngx_strncmp(start, params->data, params->len) == 0
            && start[params->len] == '=')
        {
            return bit;
        }
    }

    return 0;
}


/*
 * Refuses a part of a query string, and names the parameter.  What is not for
 * the middle of a JSON string or of a log line is shown as "?".
 */

static ngx_int_t
ngx_http_webhook_param_refuse(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_http_webhook_verdict_t *verdict,
    u_char *start, u_char *last)
{
    u_char                    *p;
    ngx_http_webhook_field_t  *field;

    field = ngx_pcalloc(r->pool, sizeof(ngx_http_webhook_field_t));
    p = ngx_pnalloc(r->pool, NGX_HTTP_WEBHOOK_PARAM_SHOWN);

    if (field == NULL || p == NULL) {
        return NGX_ERROR;
    }

    field->path.data = p;

    while (start < last && *start != '='
           && field->path.len < NGX_HTTP_WEBHOOK_PARAM_SHOWN)
    {
        *p++ = (*start > 0x20 && *start < 0x7f
                && *start != '"' && *start != '\\')
               ? *start : '?';

        field->path.len++;
        start++;
    }

    return ngx_http_webhook_reject(ctx, verdict, field);
}
