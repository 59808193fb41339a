
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


/*
 * What the value of a member must be; the .c file has a row for each.  Those
 * from OBJECT on have members or elements that are named themselves.
 */

enum {
    NGX_HTTP_WEBHOOK_ANY = 0,
    NGX_HTTP_WEBHOOK_UUID,
    NGX_HTTP_WEBHOOK_SLUG,
    NGX_HTTP_WEBHOOK_STRING,
    NGX_HTTP_WEBHOOK_NONEMPTY,
    NGX_HTTP_WEBHOOK_IDENTIFIER,
    NGX_HTTP_WEBHOOK_BOOLEAN,
    NGX_HTTP_WEBHOOK_ARRAY,
    NGX_HTTP_WEBHOOK_OBJECT,
    NGX_HTTP_WEBHOOK_LIST,
    NGX_HTTP_WEBHOOK_PARENT
};

/* flags of a field */

#define NGX_HTTP_WEBHOOK_NULLABLE     0x1
#define NGX_HTTP_WEBHOOK_OPTIONAL     0x2
#define NGX_HTTP_WEBHOOK_ELEMENT      0x4

/*
 * Sets of events: bit n is the n-th of the system's events; the 32nd and all
 * after it share a bit with NO_EVENT, which is one that the system does not
 * know: only the fields of EVERY_EVENT apply to them.
 */

#define NGX_HTTP_WEBHOOK_EVENT(n)     ((uint32_t) 1 << ngx_min(n, 31))
#define NGX_HTTP_WEBHOOK_EVERY_EVENT  0xffffffff
#define NGX_HTTP_WEBHOOK_NO_EVENT     255

/* the parent of a member of the document's object */
#define NGX_HTTP_WEBHOOK_ROOT         ((ngx_uint_t) -1)


/*
 * A member of an object, or an element of an array, that a shape names.
 * A parent stands before its members and elements.  A member that is not named
 * for an event may be there, whatever its value.
 */

typedef struct {
    ngx_str_t                         name;     /* of a member */
    ngx_str_t                         folded;   /* by _shape_fold() */
    ngx_uint_t                        parent;   /* index, or ROOT */
    ngx_uint_t                        type;
    ngx_uint_t                        flags;
    uint32_t                          events;   /* for which it is named */
    uint32_t                          element;  /* number of an ELEMENT */
    ngx_str_t                         path;     /* in error bodies, "a.b" */
    ngx_str_t                         variable; /* empty: there is none */
} ngx_http_webhook_field_t;


#define NGX_HTTP_WEBHOOK_FIELD_PREFIX  "webhook_field_"

/* a member of the document's object, whose name is in lower case */

#define ngx_http_webhook_member(name, type, flags, events)                    \
    { ngx_string(name), ngx_string(name), NGX_HTTP_WEBHOOK_ROOT,              \
      NGX_HTTP_WEBHOOK_##type, flags, events, 0, ngx_string(name),            \
      ngx_string(NGX_HTTP_WEBHOOK_FIELD_PREFIX name) }

/* one of an object that is itself such a member, by its name and its index */

#define ngx_http_webhook_inner(outer, parent, name, type, flags, events)      \
    { ngx_string(name), ngx_string(name), parent, NGX_HTTP_WEBHOOK_##type,    \
      flags, events, 0, ngx_string(outer "." name),                           \
      ngx_string(NGX_HTTP_WEBHOOK_FIELD_PREFIX outer "_" name) }


typedef struct {
    ngx_http_webhook_field_t         *fields;
    ngx_uint_t                        nfields;
    ngx_uint_t                        document; /* its NGX_HTTP_WEBHOOK_JSON_
                                                   types, as bits */
    ngx_uint_t                        empty;    /* no document will do */
    ngx_uint_t                        raw;      /* anything will do */
    ngx_uint_t                        elements; /* those with this number, or
                                                   a greater one, are in no
                                                   field; 0: none is */
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

    /* the number of the array's next element, by their depth */
    ngx_uint_t                        element[NGX_HTTP_WEBHOOK_JSON_WATCH + 2];
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
ngx_str_t *ngx_http_webhook_shape_scalar(ngx_http_webhook_reader_t *reader,
    ngx_uint_t n);
size_t ngx_http_webhook_shape_fold(u_char *folded, u_char *name, size_t len);
ngx_uint_t ngx_http_webhook_shape_has(ngx_http_webhook_shape_t *shape,
    ngx_str_t *name);
ngx_uint_t ngx_http_webhook_shape_slug(ngx_str_t *text);
ngx_str_t *ngx_http_webhook_shape_expected(ngx_http_webhook_field_t *field);


/* Returns 1 if members or elements of the field are named themselves. */

static ngx_inline ngx_uint_t
ngx_http_webhook_shape_is_parent(ngx_http_webhook_field_t *field)
{
    return field->type >= NGX_HTTP_WEBHOOK_OBJECT;
}


#endif /* _NGX_HTTP_WEBHOOK_SHAPE_H_INCLUDED_ */
