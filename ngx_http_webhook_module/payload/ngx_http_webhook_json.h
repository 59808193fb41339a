
#ifndef _NGX_HTTP_WEBHOOK_JSON_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_JSON_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* how deep arrays and objects may nest: the 513th "[" or "{" is an error */
#define NGX_HTTP_WEBHOOK_JSON_DEPTH     512

/*
 * How deep members and elements are reported: 1 is a member of the document's
 * object.
 */
#define NGX_HTTP_WEBHOOK_JSON_WATCH     16

/*
 * A member name of more bytes, decoded, is not reported, unless a NUL is among
 * the first ones: then these are, since a reader may take them for the name.
 */
#define NGX_HTTP_WEBHOOK_JSON_NAME      64


/* the type of a value: bits, so that a table can allow several */

#define NGX_HTTP_WEBHOOK_JSON_NULL      0x01
#define NGX_HTTP_WEBHOOK_JSON_BOOLEAN   0x02
#define NGX_HTTP_WEBHOOK_JSON_INTEGER   0x04     /* no fraction, no exponent */
#define NGX_HTTP_WEBHOOK_JSON_REAL      0x08
#define NGX_HTTP_WEBHOOK_JSON_STRING    0x10
#define NGX_HTTP_WEBHOOK_JSON_ARRAY     0x20
#define NGX_HTTP_WEBHOOK_JSON_OBJECT    0x40
#define NGX_HTTP_WEBHOOK_JSON_ANY       0x7f


/* what the name and element callbacks want of the value */

#define NGX_HTTP_WEBHOOK_JSON_SKIP      0
#define NGX_HTTP_WEBHOOK_JSON_REPORT    1        /* text() and value() */
#define NGX_HTTP_WEBHOOK_JSON_DESCEND   2        /* value(); if it is an object,
                                                    its members as well, and if
                                                    it is an array and there is
                                                    element(), its elements,
                                                    unless they are beyond
                                                    WATCH */

/*
 * Callbacks, called from ngx_http_webhook_json_feed() and _finish().  "depth"
 * is that of the member: 0 is the document itself, for which value() alone is
 * called; 1 a member of its object.  Pointers are valid during the call only.
 *
 * name():   a member's name, escapes decoded; answers SKIP, REPORT or DESCEND.
 * element():  the next element of an array; answers as name() does.  May be
 *           NULL: then no array is looked into.
 * text():   the next piece of a reported value: of a string its characters with
 *           escapes decoded (a lone surrogate becomes U+FFFD), of anything else
 *           the bytes as they are.  An empty string has no text.
 * value():  a value ended; [start, end) are its offsets in the whole input,
 *           quotes and brackets included.
 */

typedef struct {
    ngx_uint_t  (*name)(void *data, ngx_uint_t depth, u_char *name, size_t len);
    void        (*text)(void *data, ngx_uint_t depth, u_char *text, size_t len);
    void        (*value)(void *data, ngx_uint_t depth, ngx_uint_t type,
                         off_t start, off_t end);
    ngx_uint_t  (*element)(void *data, ngx_uint_t depth);
} ngx_http_webhook_json_handler_t;


typedef struct {
    off_t                             offset;   /* bytes fed; once an error was
                                                   found, where it is */
    ngx_http_webhook_json_handler_t  *handler;
    void                             *data;

    /* private */

    ngx_uint_t                        state;
    ngx_uint_t                        depth;
    ngx_uint_t                        watch;    /* depth of reported names */
    ngx_uint_t                        action;   /* for the value at "watch" */
    ngx_uint_t                        sink;
    ngx_uint_t                        type;     /* of the current scalar */

    u_char                           *literal;  /* what is left of a literal */

    ngx_uint_t                        code;     /* \u escape so far */
    ngx_uint_t                        high;     /* high surrogate seen before */
    u_char                            hex;      /* its digits to come */
    u_char                            utf8;     /* continuation bytes to come */
    u_char                            utf8_min; /* range of the next one */
    u_char                            utf8_max;

    size_t                            name_len;
    off_t                             start[NGX_HTTP_WEBHOOK_JSON_WATCH + 1];
    u_char                            name[NGX_HTTP_WEBHOOK_JSON_NAME];
    u_char                            stack[NGX_HTTP_WEBHOOK_JSON_DEPTH / 8];
} ngx_http_webhook_json_t;


void ngx_http_webhook_json_init(ngx_http_webhook_json_t *json,
    ngx_http_webhook_json_handler_t *handler, void *data);
ngx_int_t ngx_http_webhook_json_feed(ngx_http_webhook_json_t *json, u_char *p,
    size_t len);
ngx_int_t ngx_http_webhook_json_finish(ngx_http_webhook_json_t *json);


#endif /* _NGX_HTTP_WEBHOOK_JSON_H_INCLUDED_ */
