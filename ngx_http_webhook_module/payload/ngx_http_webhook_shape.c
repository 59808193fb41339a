
/*
 * What a payload must hold.  A shape is a table of members; here a payload is
 * read against it as the scanner reports them, and judged when it has ended:
 * which members an event needs may be known only at the end, and what is said
 * of a payload does not depend on the order of its members.
 *
 * Needs nginx's core only, not its http part.
 */


#include "payload/ngx_http_webhook_shape.h"
#include "base/ngx_http_webhook_uuid.h"


#define NGX_HTTP_WEBHOOK_SLUG_MAX   50


typedef struct {
    ngx_uint_t    types;
    ngx_uint_t  (*valid)(ngx_str_t *text);
    ngx_str_t     expected;
} ngx_http_webhook_type_t;


static ngx_uint_t ngx_http_webhook_shape_name(void *data, ngx_uint_t depth,
    u_char *name, size_t len);
static ngx_uint_t ngx_http_webhook_shape_element(void *data, ngx_uint_t depth);
static ngx_uint_t ngx_http_webhook_shape_found(
    ngx_http_webhook_reader_t *reader, ngx_uint_t depth, ngx_uint_t n);
static ngx_inline ngx_uint_t ngx_http_webhook_shape_find(
    ngx_http_webhook_reader_t *reader, ngx_uint_t depth, u_char *name,
    size_t len, ngx_uint_t folded);
static void ngx_http_webhook_shape_text(void *data, ngx_uint_t depth,
    u_char *text, size_t len);
static void ngx_http_webhook_shape_value(void *data, ngx_uint_t depth,
    ngx_uint_t type, off_t start, off_t end);
static ngx_uint_t ngx_http_webhook_shape_valid(ngx_http_webhook_field_t *field,
    ngx_http_webhook_value_t *value);
static ngx_uint_t ngx_http_webhook_uuid(ngx_str_t *text);
static ngx_uint_t ngx_http_webhook_shape_nonempty(ngx_str_t *text);


static ngx_http_webhook_json_handler_t  ngx_http_webhook_shape_handler = {
    ngx_http_webhook_shape_name,
    ngx_http_webhook_shape_text,
    ngx_http_webhook_shape_value,
    NULL
};


/* for shapes with elements of arrays: others need not look into arrays */

static ngx_http_webhook_json_handler_t  ngx_http_webhook_shape_elements = {
    ngx_http_webhook_shape_name,
    ngx_http_webhook_shape_text,
    ngx_http_webhook_shape_value,
    ngx_http_webhook_shape_element
};


static ngx_http_webhook_type_t  ngx_http_webhook_types[] = {

    /* NGX_HTTP_WEBHOOK_ANY */
    { NGX_HTTP_WEBHOOK_JSON_ANY, NULL,
      ngx_string("must be a JSON value") },

    /* NGX_HTTP_WEBHOOK_UUID */
    { NGX_HTTP_WEBHOOK_JSON_STRING, ngx_http_webhook_uuid,
      ngx_string("must be a UUID") },

    /* NGX_HTTP_WEBHOOK_SLUG */
    { NGX_HTTP_WEBHOOK_JSON_STRING, ngx_http_webhook_shape_slug,
      ngx_string("must be 1 to 50 characters of A-Z, a-z, 0-9, _ and -") },

    /* NGX_HTTP_WEBHOOK_STRING */
    { NGX_HTTP_WEBHOOK_JSON_STRING, NULL,
      ngx_string("must be a string") },

    /* NGX_HTTP_WEBHOOK_NONEMPTY */
    { NGX_HTTP_WEBHOOK_JSON_STRING, ngx_http_webhook_shape_nonempty,
      ngx_string("must be a non-empty string") },

    /* NGX_HTTP_WEBHOOK_IDENTIFIER */
    { NGX_HTTP_WEBHOOK_JSON_STRING|NGX_HTTP_WEBHOOK_JSON_INTEGER,
      ngx_http_webhook_shape_nonempty,
      ngx_string("must be a non-empty string or an integer") },

    /* NGX_HTTP_WEBHOOK_BOOLEAN */
    { NGX_HTTP_WEBHOOK_JSON_BOOLEAN, NULL,
      ngx_string("must be true or false") },

    /* NGX_HTTP_WEBHOOK_ARRAY */
    { NGX_HTTP_WEBHOOK_JSON_ARRAY, NULL,
      ngx_string("must be an array") },

    /* NGX_HTTP_WEBHOOK_OBJECT */
    { NGX_HTTP_WEBHOOK_JSON_OBJECT, NULL,
      ngx_string("must be an object") },

    /* NGX_HTTP_WEBHOOK_LIST */
    { NGX_HTTP_WEBHOOK_JSON_ARRAY, NULL,
      ngx_string("must be an array") },

    /* NGX_HTTP_WEBHOOK_PARENT */
    { NGX_HTTP_WEBHOOK_JSON_ANY, NULL,
      ngx_string("must be a JSON value") }
};


/*
 * Makes "reader" ready for a payload.  "shape" and "pool", which the values are
 * allocated from, must outlive it.  Returns NGX_OK, or NGX_ERROR for no memory.
 */

ngx_int_t
ngx_http_webhook_shape_init(ngx_http_webhook_reader_t *reader,
    ngx_http_webhook_shape_t *shape, ngx_pool_t *pool)
{
    reader->shape = shape;
    reader->values = NULL;
    reader->pool = pool;
    reader->size = 0;
    reader->type = 0;
    reader->failed = 0;
    reader->current[0] = NGX_HTTP_WEBHOOK_ROOT;

    if (shape->nfields) {
        reader->values = ngx_pcalloc(pool, shape->nfields
                                           * sizeof(ngx_http_webhook_value_t));
        if (reader->values == NULL) {
            return NGX_ERROR;
        }
    }

    reader->element[1] = 0;

    ngx_http_webhook_json_init(&reader->json,
                               shape->elements
                               ? &ngx_http_webhook_shape_elements
                               : &ngx_http_webhook_shape_handler,
                               reader);
    return NGX_OK;
}


/*
 * Takes the next bytes of the payload.  Returns NGX_OK, whatever they are, or
 * NGX_ERROR for no memory.
 */

ngx_int_t
ngx_http_webhook_shape_feed(ngx_http_webhook_reader_t *reader, u_char *p,
    size_t len)
{
    reader->size += len;

    if (reader->shape->raw) {
        return NGX_OK;
    }

    (void) ngx_http_webhook_json_feed(&reader->json, p, len);

    return reader->failed ? NGX_ERROR : NGX_OK;
}


/*
 * The payload has ended.  Returns NGX_OK for a JSON text of the document's
 * type, otherwise SHAPE_EMPTY, SHAPE_DOCUMENT, or SHAPE_SYNTAX at
 * reader->json.offset.
 */

ngx_int_t
ngx_http_webhook_shape_finish(ngx_http_webhook_reader_t *reader)
{
    if (reader->shape->raw) {
        return NGX_OK;
    }

    if (reader->size == 0) {
        return reader->shape->empty ? NGX_OK : NGX_HTTP_WEBHOOK_SHAPE_EMPTY;
    }

    if (ngx_http_webhook_json_finish(&reader->json) != NGX_OK) {
        return NGX_HTTP_WEBHOOK_SHAPE_SYNTAX;
    }

    if (!(reader->type & reader->shape->document)) {
        return NGX_HTTP_WEBHOOK_SHAPE_DOCUMENT;
    }

    return NGX_OK;
}


/*
 * Judges the members that the shape names for "event", after
 * ngx_http_webhook_shape_finish() returned NGX_OK.  Returns NGX_OK, or what is
 * wrong and in "field" with which member, the first in the shape's order.
 */

ngx_int_t
ngx_http_webhook_shape_judge(ngx_http_webhook_reader_t *reader,
    ngx_uint_t event, ngx_http_webhook_field_t **field)
{
    ngx_int_t                  verdict;
    ngx_uint_t                 i;
    ngx_http_webhook_field_t  *f;
    ngx_http_webhook_value_t  *value;

    verdict = NGX_OK;

    for (i = 0; i < reader->shape->nfields; i++) {

        if (!ngx_http_webhook_shape_named(reader, event, i)) {
            continue;
        }

        f = &reader->shape->fields[i];
        value = &reader->values[i];

        /* a duplicate outweighs a missing member, and that an invalid one */

        if (value->count > 1
            || (value->alike && value->count)
            || (value->cut
                && (value->count || (f->flags & NGX_HTTP_WEBHOOK_OPTIONAL))))
        {
            *field = f;
            return NGX_HTTP_WEBHOOK_SHAPE_DUPLICATE;
        }

        if (verdict == NGX_HTTP_WEBHOOK_SHAPE_MISSING) {
            continue;
        }

        if (value->count == 0) {

            if (!(f->flags & NGX_HTTP_WEBHOOK_OPTIONAL)) {
                verdict = NGX_HTTP_WEBHOOK_SHAPE_MISSING;
                *field = f;
            }

            continue;
        }

        if (verdict == NGX_OK && !ngx_http_webhook_shape_valid(f, value)) {
            verdict = NGX_HTTP_WEBHOOK_SHAPE_INVALID;
            *field = f;
        }
    }

    return verdict;
}


/*
 * Returns 1 if the shape names its n-th field for "event" and for this payload:
 * members of what is not there, or no object, are not missed, and neither are
 * elements of what is no array.
 */

ngx_uint_t
ngx_http_webhook_shape_named(ngx_http_webhook_reader_t *reader,
    ngx_uint_t event, ngx_uint_t n)
{
    uint32_t                   bit;
    ngx_uint_t                 type;
    ngx_http_webhook_field_t  *field;

    bit = NGX_HTTP_WEBHOOK_EVENT(event);

    do {
        field = &reader->shape->fields[n];

        if (!(field->events & bit)) {
            return 0;
        }

        n = field->parent;

        if (n == NGX_HTTP_WEBHOOK_ROOT) {
            return 1;
        }

        type = (field->flags & NGX_HTTP_WEBHOOK_ELEMENT)
               ? NGX_HTTP_WEBHOOK_JSON_ARRAY : NGX_HTTP_WEBHOOK_JSON_OBJECT;

    } while (reader->values[n].type == type);

    return 0;
}


/*
 * Returns the text of the n-th field's value, which the reader owns, if it is a
 * string or an integer that the field may have; otherwise NULL.
 */

ngx_str_t *
ngx_http_webhook_shape_scalar(ngx_http_webhook_reader_t *reader, ngx_uint_t n)
{
    ngx_http_webhook_value_t  *value;

    value = &reader->values[n];

    if (!(value->type & (NGX_HTTP_WEBHOOK_JSON_STRING
                         |NGX_HTTP_WEBHOOK_JSON_INTEGER))
        || value->text.len > NGX_HTTP_WEBHOOK_VALUE_MAX
        || !ngx_http_webhook_shape_valid(&reader->shape->fields[n], value))
    {
        return NULL;
    }

    return &value->text;
}


/* Returns what the value of a field must be, in words for people. */

ngx_str_t *
ngx_http_webhook_shape_expected(ngx_http_webhook_field_t *field)
{
    return &ngx_http_webhook_types[field->type].expected;
}


static ngx_uint_t
ngx_http_webhook_shape_name(void *data, ngx_uint_t depth, u_char *name,
    size_t len)
{
    ngx_http_webhook_reader_t *reader = data;

    u_char                    *nul, folded[NGX_HTTP_WEBHOOK_JSON_NAME];
    ngx_uint_t                 i;
    ngx_http_webhook_shape_t  *shape;

    shape = reader->shape;

    i = ngx_http_webhook_shape_find(reader, depth, name, len, 0);

    if (i < shape->nfields) {
        return ngx_http_webhook_shape_found(reader, depth, i);
    }

    /* some readers cut a name at a NUL, and some do not look at its case */

    nul = memchr(name, '\0', len);

    if (nul) {
        len = nul - name;
    }

    len = ngx_http_webhook_shape_fold(folded, name, len);

    i = ngx_http_webhook_shape_find(reader, depth, folded, len, 1);

    if (i == shape->nfields) {
        return NGX_HTTP_WEBHOOK_JSON_SKIP;
    }

    if (nul) {
        reader->values[i].cut = 1;

    } else {
        reader->values[i].alike = 1;
    }

    return NGX_HTTP_WEBHOOK_JSON_SKIP;
}


/* An element of an array: which one it is, is a matter of counting. */

static ngx_uint_t
ngx_http_webhook_shape_element(void *data, ngx_uint_t depth)
{
    ngx_http_webhook_reader_t *reader = data;

    ngx_uint_t                 i, n, parent;
    ngx_http_webhook_field_t  *field;
    ngx_http_webhook_shape_t  *shape;

    shape = reader->shape;
    parent = reader->current[depth - 1];
    n = reader->element[depth]++;

    if (n >= shape->elements) {
        return NGX_HTTP_WEBHOOK_JSON_SKIP;
    }

    for (i = 0; i < shape->nfields; i++) {
        field = &shape->fields[i];

        if (field->parent == parent
            && (field->flags & NGX_HTTP_WEBHOOK_ELEMENT)
            && field->element == n)
        {
            return ngx_http_webhook_shape_found(reader, depth, i);
        }
    }

    return NGX_HTTP_WEBHOOK_JSON_SKIP;
}


/* Notes that the n-th field is there; returns what is to be done with it. */

static ngx_uint_t
ngx_http_webhook_shape_found(ngx_http_webhook_reader_t *reader,
    ngx_uint_t depth, ngx_uint_t n)
{
    reader->current[depth] = n;

    /* the first value is the one kept: a second one is refused anyway */

    if (reader->values[n].count++) {
        return NGX_HTTP_WEBHOOK_JSON_SKIP;
    }

    if (!ngx_http_webhook_shape_is_parent(&reader->shape->fields[n])) {
        return NGX_HTTP_WEBHOOK_JSON_REPORT;
    }

    reader->element[depth + 1] = 0;

    return NGX_HTTP_WEBHOOK_JSON_DESCEND;
}


/*
 * Copies a name of at most JSON_NAME bytes to "folded", in lower case: letters
 * of ASCII, and the long s and the Kelvin sign, which some readers take for the
 * letters s and k.  Returns the length of the copy.
 */

size_t
ngx_http_webhook_shape_fold(u_char *folded, u_char *name, size_t len)
{
    u_char  *last, *p;

    p = folded;
    last = name + len;

    while (name < last) {

        if (last - name >= 2 && ngx_memcmp(name, "\xc5\xbf", 2) == 0) {
            *p++ = 's';
            name += 2;

        } else if (last - name >= 3
                   && ngx_memcmp(name, "\xe2\x84\xaa", 3) == 0)
        {
            *p++ = 'k';
            name += 3;

        } else {
            *p++ = ngx_tolower(*name);
            name++;
        }
    }

    return p - folded;
}


/*
 * Returns the index of the field that a member of this name, or of this folded
 * one, is, among those of the object that is being read, or the number of
 * fields if it is none.
 */

static ngx_inline ngx_uint_t
ngx_http_webhook_shape_find(ngx_http_webhook_reader_t *reader, ngx_uint_t depth,
    u_char *name, size_t len, ngx_uint_t folded)
{
    ngx_str_t                 *text;
    ngx_uint_t                 i;
    ngx_http_webhook_field_t  *field;
    ngx_http_webhook_shape_t  *shape;

    shape = reader->shape;

    for (i = 0; i < shape->nfields; i++) {
        field = &shape->fields[i];

        text = folded ? &field->folded : &field->name;

        if (text->len == len
            && field->parent == reader->current[depth - 1]
            && !(field->flags & NGX_HTTP_WEBHOOK_ELEMENT)
            && ngx_memcmp(text->data, name, len) == 0)
        {
            break;
        }
    }

    return i;
}


static void
ngx_http_webhook_shape_text(void *data, ngx_uint_t depth, u_char *text,
    size_t len)
{
    ngx_http_webhook_reader_t *reader = data;

    u_char                    *p;
    size_t                     kept, size;
    ngx_http_webhook_value_t  *value;

    value = &reader->values[reader->current[depth]];

    kept = ngx_min(value->text.len, NGX_HTTP_WEBHOOK_VALUE_MAX);
    value->text.len += len;

    len = ngx_min(len, NGX_HTTP_WEBHOOK_VALUE_MAX - kept);

    if (len == 0 || reader->failed) {
        return;
    }

    if (len > value->allocated - kept) {

        size = ngx_max(kept + len, 2 * kept);

        p = ngx_pnalloc(reader->pool, size);
        if (p == NULL) {
            reader->failed = 1;
            return;
        }

        if (kept) {
            ngx_memcpy(p, value->text.data, kept);
        }

        value->text.data = p;
        value->allocated = size;
    }

    ngx_memcpy(value->text.data + kept, text, len);
}


static void
ngx_http_webhook_shape_value(void *data, ngx_uint_t depth, ngx_uint_t type,
    off_t start, off_t end)
{
    ngx_http_webhook_reader_t *reader = data;

    ngx_http_webhook_value_t  *value;

    if (depth == 0) {
        reader->type = type;
        return;
    }

    value = &reader->values[reader->current[depth]];

    value->type = type;
    value->start = start;
    value->end = end;
}


static ngx_uint_t
ngx_http_webhook_shape_valid(ngx_http_webhook_field_t *field,
    ngx_http_webhook_value_t *value)
{
    ngx_http_webhook_type_t  *type;

    if (value->type == NGX_HTTP_WEBHOOK_JSON_NULL
        && (field->flags & NGX_HTTP_WEBHOOK_NULLABLE))
    {
        return 1;
    }

    type = &ngx_http_webhook_types[field->type];

    if (!(value->type & type->types)) {
        return 0;
    }

    return type->valid ? type->valid(&value->text) : 1;
}


static ngx_uint_t
ngx_http_webhook_uuid(ngx_str_t *text)
{
    u_char  uuid[NGX_HTTP_WEBHOOK_UUID_SIZE];

    return ngx_http_webhook_uuid_parse(text, uuid) == NGX_OK;
}


static ngx_uint_t
ngx_http_webhook_shape_nonempty(ngx_str_t *text)
{
    return text->len != 0;
}


/* Returns 1 if "text" may be a plugin's slug. */

ngx_uint_t
ngx_http_webhook_shape_slug(ngx_str_t *text)
{
    size_t  i;
    u_char  ch;

    if (text->len == 0 || text->len > NGX_HTTP_WEBHOOK_SLUG_MAX) {
        return 0;
    }

    for (i = 0; i < text->len; i++) {
        ch = text->data[i];

        if ((ch < '0' || ch > '9') && (ch < 'A' || ch > 'Z')
            && (ch < 'a' || ch > 'z') && ch != '_' && ch != '-')
        {
            return 0;
        }
    }

    return 1;
}


/*
 * Returns 0 if "name" is that of a variable for a member of the payload, and
 * the shape, which may be NULL, has no such member.
 */

ngx_uint_t
ngx_http_webhook_shape_has(ngx_http_webhook_shape_t *shape, ngx_str_t *name)
{
    size_t                     len;
    ngx_uint_t                 i;
    ngx_http_webhook_field_t  *field;

    len = sizeof(NGX_HTTP_WEBHOOK_FIELD_PREFIX) - 1;

    if (name->len < len
        || ngx_strncmp(name->data, NGX_HTTP_WEBHOOK_FIELD_PREFIX, len) != 0)
    {
        return 1;
    }

    for (i = 0; shape && i < shape->nfields; i++) {
        field = &shape->fields[i];

        if (field->variable.len == name->len
            && ngx_memcmp(field->variable.data, name->data, name->len) == 0
            && !ngx_http_webhook_shape_is_parent(field))
        {
            return 1;
        }
    }

    return 0;
}
