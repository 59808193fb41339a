
/*
 * Paths of members, as the configuration has them, and shapes made of them.
 *
 * A path is names that are joined by dots, and numbers of elements in brackets:
 * "a.b", "a.\"b.c\"[0]", "[0].a".  A name in quotes may be of any characters;
 * a backslash stands before a quote or a backslash in it.
 *
 * Needs nginx's core only, not its http part.
 */


#include "payload/ngx_http_webhook_member.h"


static char *ngx_http_webhook_member_steps(ngx_pool_t *pool,
    ngx_http_webhook_shape_t *shape, ngx_str_t *path, ngx_uint_t required,
    ngx_uint_t *index);
static char *ngx_http_webhook_member_step(ngx_pool_t *pool, u_char **pos,
    u_char *last, ngx_uint_t first, ngx_http_webhook_field_t *field);
static char *ngx_http_webhook_member_element(u_char **pos, u_char *last,
    ngx_http_webhook_field_t *field);
static char *ngx_http_webhook_member_name(u_char **pos, u_char *last,
    ngx_str_t *name);
static char *ngx_http_webhook_member_quoted(u_char **pos, u_char *last,
    ngx_str_t *name);
static ngx_uint_t ngx_http_webhook_member_find(ngx_http_webhook_shape_t *shape,
    ngx_http_webhook_field_t *field);


/*
 * Makes a shape that ngx_http_webhook_member_add() may add members to: a copy
 * of "from", which stays as it is, or if that is NULL one that any JSON text
 * fits.  Returns NULL if there is no memory.
 */

ngx_http_webhook_shape_t *
ngx_http_webhook_member_shape(ngx_pool_t *pool, ngx_http_webhook_shape_t *from)
{
    ngx_http_webhook_shape_t  *shape;

    shape = ngx_pcalloc(pool, sizeof(ngx_http_webhook_shape_t));
    if (shape == NULL) {
        return NULL;
    }

    if (from) {
        *shape = *from;

    } else {
        shape->document = NGX_HTTP_WEBHOOK_JSON_ANY;
    }

    return shape;
}


/*
 * Adds the member at "path" to a shape, and what is around it, unless they are
 * there.  A member that is required must be a string that is not empty, or an
 * integer; any other one may be missing and of any type.  A member of the path
 * that something else names as a whole can't be looked into.
 *
 * Sets "index" to the member's field, and returns NULL.  Otherwise the shape is
 * as it was, and what is returned tells what is wrong with the path, in words
 * that follow it, or is NGX_CONF_ERROR for no memory.
 */

char *
ngx_http_webhook_member_add(ngx_pool_t *pool, ngx_http_webhook_shape_t *shape,
    ngx_str_t *path, ngx_uint_t required, ngx_uint_t *index)
{
    char                      *rc;
    ngx_http_webhook_shape_t   grown;

    grown = *shape;

    grown.fields = ngx_palloc(pool,
                              (shape->nfields + NGX_HTTP_WEBHOOK_JSON_WATCH)
                              * sizeof(ngx_http_webhook_field_t));
    if (grown.fields == NULL) {
        return NGX_CONF_ERROR;
    }

    if (shape->nfields) {
        ngx_memcpy(grown.fields, shape->fields,
                   shape->nfields * sizeof(ngx_http_webhook_field_t));
    }

    rc = ngx_http_webhook_member_steps(pool, &grown, path, required, index);

    if (rc == NULL) {
        *shape = grown;
    }

    return rc;
}


/* Does so, in a shape whose table has room for a path. */

static char *
ngx_http_webhook_member_steps(ngx_pool_t *pool, ngx_http_webhook_shape_t *shape,
    ngx_str_t *path, ngx_uint_t required, ngx_uint_t *index)
{
    char                      *rc;
    u_char                    *last, *p;
    ngx_uint_t                 depth, i, type;
    ngx_http_webhook_field_t   field, *f;

    if (path->len == 0) {
        return "is empty";
    }

    i = NGX_HTTP_WEBHOOK_ROOT;
    p = path->data;
    last = path->data + path->len;

    for (depth = 0; p < last; depth++) {

        if (depth == NGX_HTTP_WEBHOOK_JSON_WATCH) {
            return "is too deep: 16 names and elements are allowed";
        }

        ngx_memzero(&field, sizeof(ngx_http_webhook_field_t));

        field.parent = i;
        field.flags = NGX_HTTP_WEBHOOK_OPTIONAL;
        field.events = NGX_HTTP_WEBHOOK_EVERY_EVENT;

        rc = ngx_http_webhook_member_step(pool, &p, last, depth == 0, &field);
        if (rc != NULL) {
            return rc;
        }

        field.path.data = path->data;
        field.path.len = p - path->data;

        if (required && depth == 0) {
            shape->document = (field.flags & NGX_HTTP_WEBHOOK_ELEMENT)
                              ? NGX_HTTP_WEBHOOK_JSON_ARRAY
                              : NGX_HTTP_WEBHOOK_JSON_OBJECT;
        }

        /* what has more of the path behind it is looked into */

        if (p < last) {
            type = !required ? NGX_HTTP_WEBHOOK_PARENT
                   : (*p == '[') ? NGX_HTTP_WEBHOOK_LIST
                   : NGX_HTTP_WEBHOOK_OBJECT;
        } else {
            type = required ? NGX_HTTP_WEBHOOK_IDENTIFIER
                            : NGX_HTTP_WEBHOOK_ANY;
        }

        i = ngx_http_webhook_member_find(shape, &field);
        f = &shape->fields[i];

        if (i == shape->nfields) {
            shape->nfields++;

            *f = field;
            f->type = type;

        } else if (ngx_http_webhook_shape_is_parent(f) != (p < last)) {
            return "is within a member that is named as a whole, or has one "
                   "that is named itself: name the one or the other";

        } else if (required) {
            f->type = type;
        }

        if (required) {
            f->flags &= ~NGX_HTTP_WEBHOOK_OPTIONAL;
        }

        if (f->flags & NGX_HTTP_WEBHOOK_ELEMENT) {
            shape->elements = ngx_max(shape->elements, f->element + 1);
        }
    }

    *index = i;

    return NULL;
}


/* Reads the next name or element of a path; "first" if it is the first one. */

static char *
ngx_http_webhook_member_step(ngx_pool_t *pool, u_char **pos, u_char *last,
    ngx_uint_t first, ngx_http_webhook_field_t *field)
{
    char    *rc;
    u_char  *p;

    if (**pos == '[') {
        return ngx_http_webhook_member_element(pos, last, field);
    }

    if (!first) {

        if (**pos != '.') {
            return "has no dot, and no bracket, where a name or an element "
                   "ends";
        }

        (*pos)++;
    }

    if (*pos == last || **pos == '.' || **pos == '[') {
        return "has an empty name";
    }

    p = ngx_pnalloc(pool, 2 * (last - *pos));
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    field->name.data = p;
    field->folded.data = p + (last - *pos);

    rc = (**pos == '"') ? ngx_http_webhook_member_quoted(pos, last,
                                                         &field->name)
                        : ngx_http_webhook_member_name(pos, last,
                                                       &field->name);
    if (rc != NULL) {
        return rc;
    }

    if (field->name.len > NGX_HTTP_WEBHOOK_JSON_NAME) {
        return "has a name of more than 64 bytes";
    }

    if (!ngx_http_webhook_member_utf8(&field->name)) {
        return "has a name that is not UTF-8";
    }

    field->folded.len = ngx_http_webhook_shape_fold(field->folded.data,
                                                    field->name.data,
                                                    field->name.len);
    return NULL;
}


/* Reads "[number]". */

static char *
ngx_http_webhook_member_element(u_char **pos, u_char *last,
    ngx_http_webhook_field_t *field)
{
    u_char     *p;
    ngx_int_t   n;

    p = ngx_strlchr(*pos, last, ']');

    if (p == NULL) {
        return "has a bracket that does not end";
    }

    n = ngx_atoi(*pos + 1, p - *pos - 1);

    if (n == NGX_ERROR
        || n >= NGX_HTTP_WEBHOOK_MEMBER_ELEMENTS
        || ((*pos)[1] == '0' && p - *pos > 2))
    {
        return "has no number of an element, from 0 to 9999, in brackets";
    }

    field->element = n;
    field->flags |= NGX_HTTP_WEBHOOK_ELEMENT;

    *pos = p + 1;

    return NULL;
}


/* Reads a name without quotes into "name", whose data has room for it. */

static char *
ngx_http_webhook_member_name(u_char **pos, u_char *last, ngx_str_t *name)
{
    u_char  *p;

    if (**pos == '$') {
        return "has a name that begins with \"$\": variables are not allowed "
               "here, and such a name has to be in quotes";
    }

    for (p = *pos; p < last && *p != '.' && *p != '['; p++) {

        if (*p <= ' ' || *p == 0x7f || *p == '"' || *p == ']' || *p == '\\') {
            return "has a name with a character that only a name in quotes "
                   "may have, such as a blank, a quote or a bracket";
        }

        name->data[name->len++] = *p;
    }

    *pos = p;

    return NULL;
}


/* Reads a name in quotes, which may be empty. */

static char *
ngx_http_webhook_member_quoted(u_char **pos, u_char *last, ngx_str_t *name)
{
    u_char  *p;

    for (p = *pos + 1; p < last; p++) {

        if (*p == '"') {
            *pos = p + 1;
            return NULL;
        }

        if (*p == '\\') {
            p++;

            if (p == last || (*p != '"' && *p != '\\')) {
                return "has a backslash that stands before no quote and no "
                       "backslash";
            }
        }

        name->data[name->len++] = *p;
    }

    return "has a quote that does not end";
}


/* Returns 1 if a name is UTF-8 as JSON has it: RFC 3629, without surrogates. */

ngx_uint_t
ngx_http_webhook_member_utf8(ngx_str_t *name)
{
    u_char    *last, *p;
    uint32_t   n;

    p = name->data;
    last = p + name->len;

    while (p < last) {

        if (*p < 0x80) {
            p++;
            continue;
        }

        n = ngx_utf8_decode(&p, last - p);

        if (n > 0x10ffff || (n >= 0xd800 && n <= 0xdfff)) {
            return 0;
        }
    }

    return 1;
}


/*
 * Returns the index of the field that is the same member, or element, of the
 * same parent, or the number of fields.
 */

static ngx_uint_t
ngx_http_webhook_member_find(ngx_http_webhook_shape_t *shape,
    ngx_http_webhook_field_t *field)
{
    ngx_uint_t                 i;
    ngx_http_webhook_field_t  *f;

    for (i = 0; i < shape->nfields; i++) {
        f = &shape->fields[i];

        if (f->parent != field->parent
            || (f->flags & NGX_HTTP_WEBHOOK_ELEMENT)
               != (field->flags & NGX_HTTP_WEBHOOK_ELEMENT))
        {
            continue;
        }

        if (field->flags & NGX_HTTP_WEBHOOK_ELEMENT) {

            if (f->element == field->element) {
                return i;
            }

            continue;
        }

        if (f->name.len == field->name.len
            && ngx_memcmp(f->name.data, field->name.data, f->name.len) == 0)
        {
            return i;
        }
    }

    return i;
}
