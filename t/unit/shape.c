
/*
 * What a payload must hold, against tables of payloads and what is said of
 * them; each one whole, in two pieces split at each place, and byte by byte.
 * Speaks TAP.
 */


#include "payload/ngx_http_webhook_shape.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define EVERY      NGX_HTTP_WEBHOOK_EVERY_EVENT
#define NO_EVENT   NGX_HTTP_WEBHOOK_NO_EVENT
#define ROOT       NGX_HTTP_WEBHOOK_ROOT
#define MAX        NGX_HTTP_WEBHOOK_VALUE_MAX

#define EMPTY      NGX_HTTP_WEBHOOK_SHAPE_EMPTY
#define SYNTAX     NGX_HTTP_WEBHOOK_SHAPE_SYNTAX
#define DOCUMENT   NGX_HTTP_WEBHOOK_SHAPE_DOCUMENT
#define DUPLICATE  NGX_HTTP_WEBHOOK_SHAPE_DUPLICATE
#define MISSING    NGX_HTTP_WEBHOOK_SHAPE_MISSING
#define INVALID    NGX_HTTP_WEBHOOK_SHAPE_INVALID

#define UUID       "\"6b1f0d3e-4f57-4c4a-9c0e-0f4b8a1f2c3d\""
#define TEN        "0123456789"
#define FIFTY      TEN TEN TEN TEN TEN

#define n_of(a)    (sizeof(a) / sizeof((a)[0]))


/* fields, in the shape's order; "later" and what is in it are of event 1 */

enum {
    f_any = 0,
    f_uuid,
    f_slug,
    f_string,
    f_nonempty,
    f_identifier,
    f_boolean,
    f_array,
    f_object,
    f_inner,
    f_deep,
    f_deepest,
    f_optional,
    f_nullable,
    f_only,
    f_later,
    f_late
};

#define field(name, path, parent, type, flags, events)                        \
    { ngx_string(name), ngx_string(name), parent, NGX_HTTP_WEBHOOK_##type,    \
      flags, events, 0, ngx_string(path), ngx_null_string }

static ngx_http_webhook_field_t  fields[] = {
    field("any", "any", ROOT, ANY, 0, EVERY),
    field("uuid", "uuid", ROOT, UUID, 0, EVERY),
    field("slug", "slug", ROOT, SLUG, 0, EVERY),
    field("string", "string", ROOT, STRING, 0, EVERY),
    field("nonempty", "nonempty", ROOT, NONEMPTY, 0, EVERY),
    field("identifier", "identifier", ROOT, IDENTIFIER, 0, EVERY),
    field("boolean", "boolean", ROOT, BOOLEAN, 0, EVERY),
    field("array", "array", ROOT, ARRAY, 0, EVERY),
    field("object", "object", ROOT, OBJECT, 0, EVERY),
    field("inner", "object.inner", f_object, STRING, 0, EVERY),
    field("deep", "object.deep", f_object, OBJECT,
          NGX_HTTP_WEBHOOK_OPTIONAL|NGX_HTTP_WEBHOOK_NULLABLE, EVERY),
    field("deepest", "object.deep.deepest", f_deep, BOOLEAN, 0, EVERY),
    field("optional", "optional", ROOT, STRING, NGX_HTTP_WEBHOOK_OPTIONAL,
          EVERY),
    field("nullable", "nullable", ROOT, STRING, NGX_HTTP_WEBHOOK_NULLABLE,
          EVERY),
    field("only", "only", ROOT, STRING, 0, NGX_HTTP_WEBHOOK_EVENT(0)),
    field("later", "later", ROOT, OBJECT, 0, NGX_HTTP_WEBHOOK_EVENT(1)),
    field("late", "later.late", f_later, NONEMPTY, 0,
          NGX_HTTP_WEBHOOK_EVENT(1))
};

static ngx_http_webhook_shape_t  shape = {
    fields, n_of(fields), NGX_HTTP_WEBHOOK_JSON_OBJECT, 0, 0, 0
};


/* the members of a good payload of both events, by the names of their fields */

static struct {
    ngx_uint_t   field;
    const char  *value;
} members[] = {
    { f_any, "null" },
    { f_uuid, UUID },
    { f_slug, "\"acme\"" },
    { f_string, "\"\"" },
    { f_nonempty, "\"x\"" },
    { f_identifier, "17" },
    { f_boolean, "true" },
    { f_array, "[]" },
    { f_object, "{\"inner\":\"i\"}" },
    { f_nullable, "null" },
    { f_only, "\"o\"" },
    { f_later, "{\"late\":\"l\"}" }
};


/* values of a field, and whether it takes them */

static struct {
    ngx_uint_t   field;
    ngx_uint_t   good;
    const char  *value;
} values[] = {
    { f_any, 1, "true" }, { f_any, 1, "1.5e3" }, { f_any, 1, "{\"a\":[]}" },
    { f_any, 1, "\"\"" }, { f_any, 1, "[null]" }, { f_any, 1, "0" },

    { f_uuid, 1, "\"6B1F0D3E-4F57-4C4A-9C0E-0F4B8A1F2C3D\"" },
    { f_uuid, 1, "\"\\u0036b1f0d3e-4f57-4c4a-9c0e-0f4b8a1f2c3d\"" },
    { f_uuid, 0, "\"6b1f0d3e-4f57-4c4a-9c0e-0f4b8a1f2c3\"" },
    { f_uuid, 0, "\"6b1f0d3e-4f57-4c4a-9c0e-0f4b8a1f2c3d0\"" },
    { f_uuid, 0, "\"6b1f0d3e04f57-4c4a-9c0e-0f4b8a1f2c3d\"" },
    { f_uuid, 0, "\"\"" }, { f_uuid, 0, "null" }, { f_uuid, 0, "1" },
    { f_uuid, 0, "[" UUID "]" },

    { f_slug, 1, "\"a\"" }, { f_slug, 1, "\"AZaz09_-\"" },
    { f_slug, 1, "\"" FIFTY "\"" }, { f_slug, 0, "\"" FIFTY "0\"" },
    { f_slug, 0, "\"\"" }, { f_slug, 0, "\"a b\"" }, { f_slug, 0, "\"a.b\"" },
    { f_slug, 0, "\"a\\u0000\"" }, { f_slug, 0, "\"\xc3\xa4\"" },
    { f_slug, 0, "\"@\"" }, { f_slug, 0, "\"[\"" }, { f_slug, 0, "\"`\"" },
    { f_slug, 0, "\"{\"" }, { f_slug, 0, "\"/\"" }, { f_slug, 0, "\":\"" },
    { f_slug, 0, "7" },

    { f_string, 1, "\"x\"" }, { f_string, 0, "null" }, { f_string, 0, "0" },
    { f_string, 0, "{}" },

    { f_nonempty, 1, "\" \"" }, { f_nonempty, 1, "\"\\u0000\"" },
    { f_nonempty, 0, "\"\"" }, { f_nonempty, 0, "1" },

    { f_identifier, 1, "\"x\"" }, { f_identifier, 1, "-1" },
    { f_identifier, 1, "123456789012345678901234567890" },
    { f_identifier, 0, "\"\"" }, { f_identifier, 0, "1.0" },
    { f_identifier, 0, "1e3" }, { f_identifier, 0, "true" },
    { f_identifier, 0, "[1]" },

    { f_boolean, 1, "false" }, { f_boolean, 0, "null" },
    { f_boolean, 0, "0" }, { f_boolean, 0, "\"true\"" },

    { f_array, 1, "[1,[2],{\"uuid\":3}]" }, { f_array, 0, "{}" },
    { f_array, 0, "\"[]\"" }, { f_array, 0, "null" },

    { f_object, 0, "[]" }, { f_object, 0, "null" }, { f_object, 0, "\"{}\"" },

    { f_optional, 1, "\"\"" }, { f_optional, 0, "null" },
    { f_nullable, 1, "\"\"" }, { f_nullable, 0, "false" }
};


/* whole payloads; "event" may matter at the end only */

static struct {
    const char  *text;
    ngx_uint_t   event;
    ngx_int_t    rc;
    ngx_uint_t   field;
} payloads[] = {

    /* no payload at all, or not one of the document's type */

    { "", 0, EMPTY, ROOT },
    { " ", 0, SYNTAX, ROOT },
    { "{", 0, SYNTAX, ROOT },
    { "{\"any\":}", 0, SYNTAX, ROOT },
    { "{}x", 0, SYNTAX, ROOT },
    { "[]", 0, DOCUMENT, ROOT },
    { "\"any\"", 0, DOCUMENT, ROOT },
    { "null", 0, DOCUMENT, ROOT },
    { "17", 0, DOCUMENT, ROOT },

    /* what is missing is the first one of the shape */

    { "{}", 0, MISSING, f_any },
    { "{\"Any\":1}", 0, MISSING, f_any },
    { "{\"any\":1}", 0, MISSING, f_uuid },
    { "{\"object\":{\"any\":1}}", 0, MISSING, f_any },

    /* a duplicate outweighs what is missing, wherever the two are */

    { "{\"only\":1,\"only\":1}", 0, DUPLICATE, f_only },
    { "{\"uuid\":1,\"slug\":1,\"slug\":2}", 0, DUPLICATE, f_slug },
    { "{\"slug\":1,\"uuid\":1,\"slug\":2,\"uuid\":2}", 0, DUPLICATE, f_uuid },
    { "{\"\\u0075uid\":1,\"uuid\":1}", 0, DUPLICATE, f_uuid },
    { "{\"object\":{\"inner\":1,\"inner\":1}}", 0, DUPLICATE, f_inner },
    { "{\"object\":{\"deep\":{\"deepest\":1,\"deepest\":1}}}", 0, DUPLICATE,
      f_deepest },

    /* the first one of two parents is the one whose members count */

    { "{\"object\":{\"inner\":1},\"object\":{\"inner\":1}}", 0, DUPLICATE,
      f_object },

    /* what is missing outweighs what is not valid */

    { "{\"any\":1,\"uuid\":1}", 0, MISSING, f_slug },
    { "{\"uuid\":1}", 0, MISSING, f_any },

    /* one that the event does not name may be there, and twice */

    { "{\"only\":1,\"only\":1}", 1, MISSING, f_any },
    { "{\"later\":1,\"later\":1}", 0, MISSING, f_any },
    { "{\"later\":{\"late\":1,\"late\":1}}", 0, MISSING, f_any },
    { "{\"later\":{\"late\":1,\"late\":1}}", 1, DUPLICATE, f_late },
    { "{\"later\":1,\"only\":2,\"later\":1,\"only\":2}", NO_EVENT, MISSING,
      f_any }
};


static ngx_uint_t  tests, failures, checks;

/* an allocation after so many fails */
static ngx_uint_t  allocations, limit = (ngx_uint_t) -1;

/* all that is allocated for a payload */
static void       *blocks[256];
static ngx_uint_t  nblocks;

static ngx_http_webhook_reader_t  reader;


void *
ngx_pnalloc(ngx_pool_t *pool, size_t size)
{
    void  *p;

    if (allocations++ >= limit) {
        return NULL;
    }

    p = malloc(size);

    if (p == NULL || nblocks == n_of(blocks)) {
        abort();
    }

    blocks[nblocks++] = p;

    return memset(p, 0xa5, size);
}


void *
ngx_pcalloc(ngx_pool_t *pool, size_t size)
{
    void  *p;

    p = ngx_pnalloc(pool, size);

    return p ? memset(p, 0, size) : NULL;
}


static void
forget(void)
{
    while (nblocks) {
        free(blocks[--nblocks]);
    }

    allocations = 0;
}


static void
wrong(const char *text, size_t len, const char *fmt, ...)
{
    va_list  args;

    if (failures++ < 20) {
        printf("# %.*s%s: ", (int) (len < 200 ? len : 200), text,
               len < 200 ? "" : "...");
        va_start(args, fmt);
        vprintf(fmt, args);
        va_end(args);
        printf("\n");
    }
}


static void
done(const char *name)
{
    static ngx_uint_t  before;

    printf("%sok %d - %s, %d checks\n", failures > before ? "not " : "",
           (int) ++tests, name, (int) checks);
    fflush(stdout);

    if (checks == 0) {
        exit(1);
    }

    before = failures;
    checks = 0;
}


/* reads a text in pieces of "piece" bytes, the first one of "first" bytes */

static ngx_int_t
take(ngx_http_webhook_shape_t *s, const char *text, size_t len, size_t first,
    size_t piece)
{
    size_t      n;
    char       *copy;
    ngx_int_t   rc;

    forget();

    if (ngx_http_webhook_shape_init(&reader, s, NULL) != NGX_OK) {
        return NGX_ERROR;
    }

    for (n = first; /* void */ ; n = piece) {
        n = (n < len) ? n : len;

        /* memory of its own, so that reading beyond it shows */

        copy = malloc(n ? n : 1);
        if (copy == NULL) {
            abort();
        }

        memcpy(copy, text, n);
        rc = ngx_http_webhook_shape_feed(&reader, (u_char *) copy, n);
        memset(copy, 0x5a, n);
        free(copy);

        if (rc != NGX_OK) {
            return rc;
        }

        text += n;
        len -= n;

        if (len == 0) {
            return ngx_http_webhook_shape_finish(&reader);
        }
    }
}


/* what is said of a text that was read */

static ngx_int_t
judge(ngx_int_t rc, ngx_uint_t event, ngx_uint_t *where)
{
    ngx_http_webhook_field_t  *f;

    f = NULL;

    if (rc == NGX_OK) {
        rc = ngx_http_webhook_shape_judge(&reader, event, &f);
    }

    *where = f ? (ngx_uint_t) (f - fields) : ROOT;

    return rc;
}


static void
expect_split(const char *text, size_t len, size_t first, size_t piece,
    ngx_uint_t event, ngx_int_t rc, ngx_uint_t where)
{
    ngx_int_t   got;
    ngx_uint_t  at;

    got = judge(take(&shape, text, len, first, piece), event, &at);

    checks++;

    if (got != rc || at != where) {
        wrong(text, len, "event %d, split at %d: %d of %d, not %d of %d",
              (int) event, (int) first, (int) got, (int) at, (int) rc,
              (int) where);
    }

    if (reader.size != (off_t) len) {
        wrong(text, len, "%d bytes", (int) reader.size);
    }
}


static void
expect(const char *text, ngx_uint_t event, ngx_int_t rc, ngx_uint_t where)
{
    size_t  i, len;

    len = strlen(text);

    for (i = 0; i <= len; i++) {
        expect_split(text, len, i, len, event, rc, where);
    }

    expect_split(text, len, 1, 1, event, rc, where);
}


/*
 * A payload with all members, but one with another value, or without it.  The
 * members come in their order, or the other way round.
 */

static char *
payload(ngx_uint_t changed, const char *value, ngx_uint_t backwards)
{
    size_t       i, m;
    ngx_uint_t   found;
    const char  *v;
    static char  buf[8192];

    buf[0] = '\0';
    found = 0;

    for (i = 0; i < n_of(members); i++) {
        m = backwards ? n_of(members) - 1 - i : i;
        v = members[m].value;

        if (members[m].field == changed) {
            found = 1;
            v = value;
        }

        if (v) {
            sprintf(buf + strlen(buf), "%s\"%s\": %s", *buf ? " ,\n" : "{",
                    fields[members[m].field].name.data, v);
        }
    }

    if (!found && value) {
        sprintf(buf + strlen(buf), ",\"%s\":%s", fields[changed].name.data,
                value);
    }

    return strcat(buf, "}");
}


static void
types(void)
{
    size_t      i;
    ngx_uint_t  backwards, rc;

    for (backwards = 0; backwards < 2; backwards++) {
        expect(payload(ROOT, NULL, backwards), 0, NGX_OK, ROOT);
        expect(payload(ROOT, NULL, backwards), 1, NGX_OK, ROOT);

        for (i = 0; i < n_of(values); i++) {
            rc = values[i].good ? NGX_OK : INVALID;

            expect(payload(values[i].field, values[i].value, backwards), 0, rc,
                   rc == NGX_OK ? ROOT : values[i].field);
        }
    }

    done("values of each type");
}


static void
missing(void)
{
    size_t      i;
    ngx_uint_t  event, f, named;

    for (i = 0; i < n_of(members); i++) {
        f = members[i].field;

        for (event = 0; event < 2; event++) {
            named = fields[f].events & NGX_HTTP_WEBHOOK_EVENT(event);

            expect(payload(f, NULL, i % 2), event, named ? MISSING : NGX_OK,
                   named ? f : ROOT);
        }

        /* to an event that is not known, what all of them have in common */

        named = (fields[f].events == EVERY);

        expect(payload(f, NULL, i % 2), NO_EVENT, named ? MISSING : NGX_OK,
               named ? f : ROOT);
    }

    done("each member missing");
}


static void
nested(void)
{
    expect(payload(f_object, "{}", 0), 0, MISSING, f_inner);
    expect(payload(f_object, "{\"inner\":1}", 0), 0, INVALID, f_inner);
    expect(payload(f_object, "{\"inner\":\"\",\"deep\":null}", 1), 0, NGX_OK,
           ROOT);
    expect(payload(f_object, "{\"inner\":\"\",\"deep\":{}}", 1), 0, MISSING,
           f_deepest);
    expect(payload(f_object, "{\"inner\":\"\",\"deep\":{\"deepest\":1}}", 0),
           0, INVALID, f_deepest);
    expect(payload(f_object, "{\"deep\":{\"deepest\":true},\"inner\":\"\"}", 0),
           0, NGX_OK, ROOT);
    expect(payload(f_object, "{\"deep\":[{\"deepest\":1}],\"inner\":\"\"}", 0),
           0, INVALID, f_deep);

    /* members of what is no object are not missed */

    expect(payload(f_object, "[\"inner\"]", 0), 0, INVALID, f_object);
    expect(payload(f_object, NULL, 0), 0, MISSING, f_object);

    /* a member of the same name elsewhere is another one */

    expect(payload(f_any, "{\"uuid\":1,\"uuid\":2,\"inner\":3}", 0), 0, NGX_OK,
           ROOT);
    expect(payload(f_later, "{\"late\":\"\"}", 0), 1, INVALID, f_late);
    expect(payload(f_later, "{\"late\":\"\"}", 0), 0, NGX_OK, ROOT);
    expect(payload(f_later, "{}", 0), 1, MISSING, f_late);
    expect(payload(f_later, "7", 1), 1, INVALID, f_later);
    expect(payload(f_later, "7", 1), NO_EVENT, NGX_OK, ROOT);

    done("members of members");
}


static void
whole(void)
{
    size_t  i;

    for (i = 0; i < n_of(payloads); i++) {
        expect(payloads[i].text, payloads[i].event, payloads[i].rc,
               payloads[i].field);
    }

    /* where the syntax ends */

    (void) take(&shape, "{\"any\":tru}", 11, 11, 11);
    checks++;

    if (reader.json.offset != 10) {
        wrong("{\"any\":tru}", 11, "offset %d", (int) reader.json.offset);
    }

    done("what is said first, of whole payloads");
}


/* the event may be known when all has been read */

static void
late(void)
{
    char       *text;
    ngx_int_t   rc;
    ngx_uint_t  at;

    text = payload(f_only, NULL, 0);
    rc = take(&shape, text, strlen(text), 5, 7);

    checks += 3;

    if (judge(rc, 0, &at) != MISSING || at != f_only) {
        wrong(text, strlen(text), "event 0: %d", (int) at);
    }

    if (judge(rc, 1, &at) != NGX_OK) {
        wrong(text, strlen(text), "event 1: %d", (int) at);
    }

    if (judge(rc, NO_EVENT, &at) != NGX_OK) {
        wrong(text, strlen(text), "no event: %d", (int) at);
    }

    checks += 5;

    if (!ngx_http_webhook_shape_named(&reader, 0, f_only)
        || ngx_http_webhook_shape_named(&reader, 1, f_only)
        || !ngx_http_webhook_shape_named(&reader, 1, f_late)
        || ngx_http_webhook_shape_named(&reader, 0, f_late)
        || ngx_http_webhook_shape_named(&reader, 0, f_deepest))
    {
        wrong(text, strlen(text), "named");
    }

    done("one reading, several events");
}


static void
flags(void)
{
    size_t                    i;
    ngx_http_webhook_shape_t  s;

    static const char  *anything[] = { "", "{", "\xff", "[]", "{}{}" };

    s = shape;
    s.empty = 1;

    checks += 3;

    if (take(&s, "", 0, 0, 1) != NGX_OK || take(&s, "[]", 2, 1, 1) != DOCUMENT
        || take(&s, " ", 1, 1, 1) != SYNTAX)
    {
        wrong("", 0, "a shape that takes no payload as well");
    }

    s = shape;
    s.document = NGX_HTTP_WEBHOOK_JSON_ARRAY|NGX_HTTP_WEBHOOK_JSON_NULL;

    checks += 3;

    if (take(&s, "[]", 2, 1, 1) != NGX_OK || take(&s, "null", 4, 1, 1) != NGX_OK
        || take(&s, "{}", 2, 1, 1) != DOCUMENT)
    {
        wrong("", 0, "a shape of other documents");
    }

    s.fields = NULL;
    s.nfields = 0;
    s.raw = 1;

    for (i = 0; i < n_of(anything); i++) {
        checks++;

        if (take(&s, anything[i], strlen(anything[i]), 1, 1) != NGX_OK
            || reader.size != (off_t) strlen(anything[i]) || nblocks)
        {
            wrong(anything[i], strlen(anything[i]), "raw");
        }
    }

    done("flags of a shape");
}


/* what is kept of a value, and where it lies */

static void
keep(ngx_uint_t f, const char *value, const char *expected, ngx_uint_t type)
{
    char                      *text, *place;
    size_t                     i, len;
    ngx_http_webhook_value_t  *v;

    text = payload(f, value, 0);
    len = strlen(text);
    place = strstr(text, value);

    for (i = 0; i <= len; i++) {
        (void) take(&shape, text, len, i, len);
        v = &reader.values[f];
        checks++;

        if (v->count != 1 || v->type != type
            || v->text.len != strlen(expected)
            || (v->text.len
                && memcmp(v->text.data, expected, v->text.len) != 0))
        {
            wrong(text, len, "split at %d: \"%.*s\"", (int) i,
                  (int) v->text.len, v->text.data);
        }

        if (v->start != place - text
            || v->end != place - text + (off_t) strlen(value))
        {
            wrong(text, len, "split at %d: from %d to %d", (int) i,
                  (int) v->start, (int) v->end);
        }
    }
}


static void
kept(void)
{
    keep(f_string, "\"a\\n\\\"\\u00e4\\ud83d\\ude00/\"",
         "a\n\"\xc3\xa4\xf0\x9f\x98\x80/", NGX_HTTP_WEBHOOK_JSON_STRING);
    keep(f_identifier, "-120", "-120", NGX_HTTP_WEBHOOK_JSON_INTEGER);
    keep(f_any, "1.50e+2", "1.50e+2", NGX_HTTP_WEBHOOK_JSON_REAL);
    keep(f_any, "{ \"a\" : [1 ,2] }", "{ \"a\" : [1 ,2] }",
         NGX_HTTP_WEBHOOK_JSON_OBJECT);
    keep(f_array, "[ \"\\u0041\" ]", "[ \"\\u0041\" ]",
         NGX_HTTP_WEBHOOK_JSON_ARRAY);
    keep(f_boolean, "false", "false", NGX_HTTP_WEBHOOK_JSON_BOOLEAN);

    done("values as they are kept");
}


/* values around the most that is kept, of which all is checked */

static void
long_values(void)
{
    char                      *text;
    size_t                     first, i, len, n, size;
    ngx_int_t                  rc;
    ngx_uint_t                 at;
    ngx_http_webhook_value_t  *v;

    static size_t       sizes[] = { MAX - 1, MAX, MAX + 1, 2 * MAX, 40 * MAX };
    static ngx_uint_t   names[] = { f_string, f_nonempty, f_identifier,
                                    f_uuid, f_slug };

    text = malloc(41 * MAX);
    if (text == NULL) {
        abort();
    }

    for (i = 0; i < n_of(sizes) * n_of(names); i++) {
        size = sizes[i / n_of(names)];
        at = names[i % n_of(names)];

        len = sprintf(text, "{\"%s\":\"", fields[at].name.data);

        for (n = 0; n < size; n++) {
            text[len++] = "abcdefghijklmnopqrstuvwxyz0"[n % 27];
        }

        text[len++] = '"';
        text[len++] = '}';

        for (first = 1; first < len; first = 2 * first + 1) {
            rc = take(&shape, text, len, first, first);
            v = &reader.values[at];
            checks++;

            if (rc != NGX_OK || v->text.len != size
                || memcmp(v->text.data, strchr(text, ':') + 2,
                          size < MAX ? size : MAX) != 0
                || v->allocated > 2 * MAX)
            {
                wrong(text, len, "in pieces of %d: %d bytes, room for %d",
                      (int) first, (int) v->text.len, (int) v->allocated);
            }

            /* valid by its type, for all but a UUID and a slug */

            shape.nfields = at + 1;

            for (n = 0; n < at; n++) {
                shape.fields[n].flags |= NGX_HTTP_WEBHOOK_OPTIONAL;
            }

            rc = judge(NGX_OK, 0, &n);

            if (rc != ((at == f_uuid || at == f_slug) ? INVALID : NGX_OK)) {
                wrong(text, len, "of %d bytes: %d", (int) size, (int) rc);
            }

            for (n = 0; n < at; n++) {
                shape.fields[n].flags &= ~NGX_HTTP_WEBHOOK_OPTIONAL;
            }

            shape.nfields = n_of(fields);
        }
    }

    free(text);

    done("values that are longer than what is kept");
}


static void
memory(void)
{
    char        *text;
    ngx_int_t    rc;
    ngx_uint_t   n;

    text = payload(f_nonempty, "\"some text\"", 0);

    for (limit = 0; /* void */ ; limit++) {
        rc = take(&shape, text, strlen(text), 3, 4);
        checks++;

        if (rc == NGX_OK) {
            break;
        }

        if (rc != NGX_ERROR) {
            wrong(text, strlen(text), "after %d allocations: %d", (int) limit,
                  (int) rc);
            break;
        }
    }

    n = limit;
    limit = (ngx_uint_t) -1;

    if (n < n_of(members) / 2) {
        wrong(text, strlen(text), "%d allocations are enough", (int) n);
    }

    done("each allocation that fails");
}


static void
words(void)
{
    size_t      i;
    ngx_str_t  *expected;

    static const char  *said[] = {
        "must be a JSON value",
        "must be a UUID",
        "must be 1 to 50 characters of A-Z, a-z, 0-9, _ and -",
        "must be a string",
        "must be a non-empty string",
        "must be a non-empty string or an integer",
        "must be true or false",
        "must be an array",
        "must be an object"
    };

    for (i = 0; i < n_of(said); i++) {
        expected = ngx_http_webhook_shape_expected(&fields[i]);
        checks++;

        if (expected->len != strlen(said[i])
            || memcmp(expected->data, said[i], expected->len) != 0)
        {
            wrong(said[i], strlen(said[i]), "%.*s", (int) expected->len,
                  expected->data);
        }
    }

    done("what a value must be, in words");
}


int
main(void)
{
    printf("1..10\n");

    types();
    missing();
    nested();
    whole();
    late();
    flags();
    kept();
    long_values();
    memory();
    words();

    forget();

    return failures ? 1 : 0;
}
