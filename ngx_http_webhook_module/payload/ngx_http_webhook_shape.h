
#ifndef _NGX_HTTP_WEBHOOK_SHAPE_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_SHAPE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "payload/ngx_http_webhook_json.h"


/* so many bytes of a value are kept; a longer one is checked all the same */
#define NGX_HTTP_WEBHOOK_VALUE_MAX    8192


/* what is wrong with a payload; 0 is NGX_OK */

enum {
    NGX_HTTP_WEBHOOK_SHAPE_EMPTY = 1,
    NGX_HTTP_WEBHOOK_SHAPE_SYNTAX,
    NGX_HTTP_WEBHOOK_SHAPE_DOCUMENT,
    NGX_HTTP_WEBHOOK_SHAPE_DUPLICATE,
    NGX_HTTP_WEBHOOK_SHAPE_MISSING,
    NGX_HTTP_WEBHOOK_SHAPE_INVALID
};


/* what the value of a member must be; the .c file has a row for each */

enum {
    NGX_HTTP_WEBHOOK_ANY = 0,
    NGX_HTTP_WEBHOOK_UUID,
    NGX_HTTP_WEBHOOK_SLUG,
    NGX_HTTP_WEBHOOK_STRING,
    NGX_HTTP_WEBHOOK_NONEMPTY,
    NGX_HTTP_WEBHOOK_IDENTIFIER,
    NGX_HTTP_WEBHOOK_BOOLEAN,
    NGX_HTTP_WEBHOOK_ARRAY,
    NGX_HTTP_WEBHOOK_OBJECT
};

/* flags of a field */

#define NGX_HTTP_WEBHOOK_NULLABLE     0x1
#define NGX_HTTP_WEBHOOK_OPTIONAL     0x2

/*
 * Sets of events: bit n is the n-th of the system's events.  NO_EVENT is one
 * that the system does not know: only the fields of EVERY_EVENT apply to it.
 */

#define NGX_HTTP_WEBHOOK_EVENT(n)     ((uint32_t) 1 << (n))
#define NGX_HTTP_WEBHOOK_EVERY_EVENT  0xffffffff
#define NGX_HTTP_WEBHOOK_NO_EVENT     31

/* the parent of a member of the document's object */
#define NGX_HTTP_WEBHOOK_ROOT         ((ngx_uint_t) -1)


/*
 * A member that a shape names.  A parent, an OBJECT, stands before its members.
 * A member that is not named for an event may be there, whatever its value.
 */

typedef struct {
    ngx_str_t                         name;
    ngx_str_t                         path;     /* in error bodies, "a.b" */
    ngx_uint_t                        parent;   /* index, or ROOT */
    ngx_uint_t                        type;
    ngx_uint_t                        flags;
    uint32_t                          events;   /* for which it is named */
} ngx_http_webhook_field_t;


typedef struct {
    ngx_http_webhook_field_t         *fields;
    ngx_uint_t                        nfields;
    ngx_uint_t                        document; /* its NGX_HTTP_WEBHOOK_JSON_
                                                   types, as bits */
    ngx_uint_t                        empty;    /* no document will do */
    ngx_uint_t                        raw;      /* anything will do */
} ngx_http_webhook_shape_t;


/* what was found of a field in a payload */

typedef struct {
    ngx_str_t                         text;     /* a string decoded, anything
                                                   else as it was sent; data
                                                   holds VALUE_MAX bytes at
                                                   most */
    size_t                            allocated;
    off_t                             start;    /* in the body, with quotes */
    off_t                             end;
    ngx_uint_t                        type;     /* as bit; 0: not there */
    ngx_uint_t                        count;
    ngx_uint_t                        cut;      /* there is a name that goes on
                                                   behind a NUL */
    ngx_uint_t                        alike;    /* there is a name in another
                                                   case */
} ngx_http_webhook_value_t;


/* one payload on its way through the scanner and against its shape */

typedef struct {
    ngx_http_webhook_json_t           json;
    ngx_http_webhook_shape_t         *shape;
    ngx_http_webhook_value_t         *values;   /* one for each field */
    ngx_pool_t                       *pool;
    off_t                             size;     /* bytes fed */
    ngx_uint_t                        type;     /* of the document */
    ngx_uint_t                        failed;   /* no memory */

    /* the field whose value is being read, by depth */
    ngx_uint_t                        current[NGX_HTTP_WEBHOOK_JSON_WATCH + 1];
} ngx_http_webhook_reader_t;


ngx_int_t ngx_http_webhook_shape_init(ngx_http_webhook_reader_t *reader,
    ngx_http_webhook_shape_t *shape, ngx_pool_t *pool);
ngx_int_t ngx_http_webhook_shape_feed(ngx_http_webhook_reader_t *reader,
    u_char *p, size_t len);
ngx_int_t ngx_http_webhook_shape_finish(ngx_http_webhook_reader_t *reader);
ngx_int_t ngx_http_webhook_shape_judge(ngx_http_webhook_reader_t *reader,
    ngx_uint_t event, ngx_http_webhook_field_t **field);
ngx_uint_t ngx_http_webhook_shape_named(ngx_http_webhook_reader_t *reader,
    ngx_uint_t event, ngx_uint_t n);
ngx_uint_t ngx_http_webhook_shape_is_field(ngx_http_webhook_field_t *field,
    u_char *name, size_t len);
ngx_uint_t ngx_http_webhook_shape_has(ngx_http_webhook_shape_t *shape,
    ngx_str_t *name);
ngx_uint_t ngx_http_webhook_shape_slug(ngx_str_t *text);
ngx_str_t *ngx_http_webhook_shape_expected(ngx_http_webhook_field_t *field);


#endif /* _NGX_HTTP_WEBHOOK_SHAPE_H_INCLUDED_ */
