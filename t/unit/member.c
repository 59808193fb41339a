
/*
 * Paths of members: what they name in payloads, and what is no path.  Each
 * payload is read whole, in two pieces split at each place, and in small ones.
 * Speaks TAP.
 */


#include "payload/ngx_http_webhook_member.h"

#include "nginx.h"


#define ROOT       NGX_HTTP_WEBHOOK_ROOT
#define MAX_PATHS  4

#define n_of(a)    (sizeof(a) / sizeof((a)[0]))


/*
 * Paths, to a NULL; the first one is required if "required" is set.  "values"
 * are the texts that the payload has at them, NULL for none.
 */

static struct {
    const char  *paths[MAX_PATHS + 1];
    ngx_uint_t   required;
    const char  *payload;
    ngx_int_t    rc;
    const char  *values[MAX_PATHS];
} payloads[] = {

    { { "a" }, 0, "{\"a\":1}", NGX_OK, { "1" } },
    { { "a" }, 0, "{}", NGX_OK, { NULL } },
    { { "a" }, 0, "[{\"a\":1}]", NGX_OK, { NULL } },
    { { "a" }, 0, "\"a\"", NGX_OK, { NULL } },
    { { "\"a\"" }, 0, "{\"a\":\"x\"}", NGX_OK, { "x" } },
    { { "\"\"" }, 0, "{\"\":\"x\"}", NGX_OK, { "x" } },
    { { "\"a.b\"" }, 0, "{\"a\":{\"b\":1},\"a.b\":2}", NGX_OK, { "2" } },
    { { "a.\"\\\"\\\\\"" }, 0, "{\"a\":{\"\\\"\\\\\":3}}", NGX_OK, { "3" } },

    { { "a.b", "a.c", "d" }, 0, "{\"d\":3,\"a\":{\"c\":2,\"b\":1}}", NGX_OK,
      { "1", "2", "3" } },
    { { "a.b" }, 0, "{\"a\":1,\"b\":2}", NGX_OK, { NULL } },
    { { "a.b" }, 0, "{\"a\":[{\"b\":2}]}", NGX_OK, { NULL } },
    { { "a.b" }, 0, "{\"c\":{\"b\":2},\"a\":{\"c\":{\"b\":3}}}", NGX_OK,
      { NULL } },

    { { "[0]", "[2]" }, 0, "[1,2,3]", NGX_OK, { "1", "3" } },
    { { "[0]", "[2]" }, 0, "[ ]", NGX_OK, { NULL, NULL } },
    { { "[0]" }, 0, "{\"0\":1,\"[0]\":2,\"\":3}", NGX_OK, { NULL } },
    { { "[1][0]", "[0][1]" }, 0, "[[1,2],[3,4],[5]]", NGX_OK,
      { "3", "2" } },
    { { "a[1].b", "a[0]" }, 0,
      "{\"a\":[{\"b\":1},{\"b\":2,\"c\":[{\"b\":3}]},{\"b\":4}]}", NGX_OK,
      { "2", "{\"b\":1}" } },
    { { "a[1]", "b[1]" }, 0, "{\"b\":[[8,9],7],\"a\":[5,6]}", NGX_OK,
      { "6", "7" } },
    { { "a[0].x", "a.x" }, 0, "{\"a\":[{\"x\":1}]}", NGX_OK, { "1", NULL } },
    { { "a[0].x", "a.x" }, 0, "{\"a\":{\"x\":2}}", NGX_OK, { NULL, "2" } },
    { { "a[9999]" }, 0, "{\"a\":[1,[2],{\"3\":4}]}", NGX_OK, { NULL } },
    { { "a[0]" }, 0, "{\"a\":[\"\\u00e4\\n\"]}", NGX_OK, { "\xc3\xa4\n" } },
    { { "a[1]" }, 0, "{\"a\":[[],[ 1, 2 ]]}", NGX_OK, { "[ 1, 2 ]" } },

    { { "Ab" }, 0, "{\"Ab\":1,\"c\":2}", NGX_OK, { "1" } },
    { { "Ab" }, 0, "{\"ab\":1}", NGX_OK, { NULL } },
    { { "Ab" }, 0, "{\"ab\":1,\"Ab\":2}", NGX_HTTP_WEBHOOK_SHAPE_DUPLICATE,
      { "2" } },
    { { "Ab", "aB" }, 0, "{\"aB\":1,\"Ab\":2}", NGX_OK, { "2", "1" } },
    { { "a" }, 0, "{\"a\":1,\"a\":1}", NGX_HTTP_WEBHOOK_SHAPE_DUPLICATE,
      { "1" } },
    { { "a.b" }, 0, "{\"a\":{},\"a\":{}}", NGX_HTTP_WEBHOOK_SHAPE_DUPLICATE,
      { NULL } },
    { { "[0].a" }, 0, "[{\"a\":1,\"a\":2}]",
      NGX_HTTP_WEBHOOK_SHAPE_DUPLICATE, { "1" } },
    { { "[1].a" }, 0, "[{\"a\":1,\"a\":2}]", NGX_OK, { NULL } },

    { { "a.b" }, 1, "{\"a\":{\"b\":\"x\"}}", NGX_OK, { "x" } },
    { { "a.b" }, 1, "{\"a\":{\"b\":7}}", NGX_OK, { "7" } },
    { { "a.b" }, 1, "{\"a\":{}}", NGX_HTTP_WEBHOOK_SHAPE_MISSING, { NULL } },
    { { "a.b" }, 1, "{}", NGX_HTTP_WEBHOOK_SHAPE_MISSING, { NULL } },
    { { "a.b" }, 1, "{\"a\":[]}", NGX_HTTP_WEBHOOK_SHAPE_INVALID, { NULL } },
    { { "a.b" }, 1, "{\"a\":{\"b\":\"\"}}", NGX_HTTP_WEBHOOK_SHAPE_INVALID,
      { "" } },
    { { "a.b" }, 1, "[]", NGX_HTTP_WEBHOOK_SHAPE_DOCUMENT, { NULL } },
    { { "[0].a" }, 1, "[{\"a\":1}]", NGX_OK, { "1" } },
    { { "[0].a" }, 1, "[]", NGX_HTTP_WEBHOOK_SHAPE_MISSING, { NULL } },
    { { "[0].a" }, 1, "[[1]]", NGX_HTTP_WEBHOOK_SHAPE_INVALID, { NULL } },
    { { "[0].a" }, 1, "{}", NGX_HTTP_WEBHOOK_SHAPE_DOCUMENT, { NULL } },
    { { "a[0]" }, 1, "{\"a\":[\"x\"]}", NGX_OK, { "x" } },
    { { "a[0]" }, 1, "{\"a\":{}}", NGX_HTTP_WEBHOOK_SHAPE_INVALID, { NULL } }
};


/* what is no path, in a shape that has "z" and "y.x[0]" */

static const char  *wrong[] = {
    "", ".", ".a", "a.", "a..b", "a.[0]", "a b", "a\tb", "a\"", "a\"b\"", "a]",
    "a\\b", "$a", "a.$b", "\"a", "\"a\"b", "\"\\n\"", "\"\\", "\"a\\\"", "[",
    "[]", "[a]", "[-1]", "[+1]", "[1", "[01]", "[00]", "[1.0]", "[10000]",
    "[18446744073709551616]", "[ 1]", "[0]a", "[0]\"a\"", "a[0]b", "\xff",
    "a.\xc3", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a", "z.a", "z[0]", "y", "y.x", "y.x[0].a",
    "y.x[0][0]"
};


static ngx_pool_t  *test_pool;


static void
check(ngx_uint_t good, const char *what, const char *which)
{
    char  name[256];

    snprintf(name, sizeof(name), "%s: %s", what, which ? which : "");
    ok(good, name);
}


static char *
add(ngx_http_webhook_shape_t *shape, const char *path, ngx_uint_t required,
    ngx_uint_t *index)
{
    ngx_str_t  text;

    text.data = (u_char *) path;
    text.len = strlen(path);

    return ngx_http_webhook_member_add(test_pool, shape, &text, required,
                                       index);
}


/* Reads a payload in two pieces, split at "cut", or if that is 0 in many. */

static ngx_int_t
take(ngx_http_webhook_reader_t *reader, ngx_http_webhook_shape_t *shape,
    const char *payload, size_t cut)
{
    char                      *copy;
    size_t                     len, n, done;
    ngx_int_t                  rc;
    ngx_http_webhook_field_t  *field;

    if (ngx_http_webhook_shape_init(reader, shape, test_pool) != NGX_OK) {
        abort();
    }

    len = strlen(payload);

    for (done = 0; done < len; done += n) {
        n = (cut == 0) ? 1 + next_random() % 3 : done ? len : cut;
        n = ngx_min(n, len - done);

        /* of this size, so that what is read beyond it shows */

        copy = malloc(n);
        memcpy(copy, payload + done, n);

        if (ngx_http_webhook_shape_feed(reader, (u_char *) copy, n) != NGX_OK) {
            abort();
        }

        free(copy);
    }

    rc = ngx_http_webhook_shape_finish(reader);

    return rc ? rc : ngx_http_webhook_shape_judge(reader, 0, &field);
}


static ngx_uint_t
has(ngx_http_webhook_reader_t *reader, ngx_uint_t index, const char *text)
{
    ngx_http_webhook_value_t  *value;

    value = &reader->values[index];

    if (text == NULL) {
        return value->type == 0;
    }

    return value->type && value->text.len == strlen(text)
           && (text[0] == '\0'
               || memcmp(value->text.data, text, value->text.len) == 0);
}


static void
test_payload(ngx_uint_t i)
{
    size_t                      cut, len;
    ngx_uint_t                  good, n, index[MAX_PATHS];
    ngx_http_webhook_shape_t   *shape;
    ngx_http_webhook_reader_t   reader;

    shape = ngx_http_webhook_member_shape(test_pool, NULL);
    good = 1;

    for (n = 0; payloads[i].paths[n]; n++) {
        if (add(shape, payloads[i].paths[n], n == 0 && payloads[i].required,
                &index[n])
            != NULL)
        {
            good = 0;
        }
    }

    check(good, "paths", payloads[i].paths[0]);

    len = strlen(payloads[i].payload);

    for (cut = 0; good && cut <= len; cut++) {

        if (take(&reader, shape, payloads[i].payload, cut) != payloads[i].rc) {
            good = 0;
        }

        for (n = 0; payloads[i].paths[n]; n++) {
            good &= has(&reader, index[n], payloads[i].values[n]);
        }
    }

    check(good, payloads[i].paths[0], payloads[i].payload);
}


static void
test_wrong(const char *path)
{
    char                      *rc;
    ngx_uint_t                 i, index;
    ngx_http_webhook_shape_t  *shape, before;

    shape = ngx_http_webhook_member_shape(test_pool, NULL);

    if (add(shape, "z", 0, &index) || add(shape, "y.x[0]", 0, &index)) {
        abort();
    }

    before = *shape;

    for (i = 0; i < 2; i++) {
        rc = add(shape, path, i, &index);
        check(rc != NULL && rc != NGX_CONF_ERROR, "no path", path);
    }

    check(memcmp(shape, &before, sizeof(before)) == 0, "the shape stays",
          path);
}


/* A shape that is compiled in is extended in a copy, with the same indices. */

static void
test_copy(void)
{
    ngx_uint_t                  index;
    ngx_http_webhook_shape_t   *shape;
    ngx_http_webhook_reader_t   reader;

    static ngx_http_webhook_field_t  fields[] = {
        ngx_http_webhook_member("key", STRING, 0, NGX_HTTP_WEBHOOK_EVERY_EVENT),
        ngx_http_webhook_member("data", OBJECT, 0,
                                NGX_HTTP_WEBHOOK_EVERY_EVENT),
        ngx_http_webhook_inner("data", 1, "id", STRING, 0,
                               NGX_HTTP_WEBHOOK_EVERY_EVENT)
    };

    static ngx_http_webhook_shape_t  compiled = {
        fields, n_of(fields), NGX_HTTP_WEBHOOK_JSON_OBJECT, 0, 0, 0
    };

    shape = ngx_http_webhook_member_shape(test_pool, &compiled);

    ok(add(shape, "data.list[1]", 0, &index) == NULL && index == 4,
       "copy: a member is added");
    ok(compiled.nfields == 3 && compiled.fields == fields
       && compiled.elements == 0,
       "copy: the other one stays");
    ok(add(shape, "data.id", 0, &index) == NULL && index == 2
       && shape->nfields == 5,
       "copy: one that is there is found");
    ok(add(shape, "key.x", 0, &index) != NULL,
       "copy: a string can't be looked into");

    ok(take(&reader, shape,
            "{\"data\":{\"list\":[1,2],\"id\":\"i\"},\"key\":\"k\"}", 9)
       == NGX_OK && has(&reader, 4, "2") && has(&reader, 2, "i"),
       "copy: both are read");
    ok(take(&reader, shape, "{\"data\":{},\"key\":\"k\"}", 9)
       == NGX_HTTP_WEBHOOK_SHAPE_MISSING,
       "copy: what was due still is");
}


int
main(void)
{
    ngx_uint_t  i;

    unit_init();

    test_pool = ngx_create_pool(NGX_DEFAULT_POOL_SIZE, &unit_log);

    for (i = 0; i < n_of(payloads); i++) {
        test_payload(i);
    }

    for (i = 0; i < n_of(wrong); i++) {
        test_wrong(wrong[i]);
    }

    test_copy();

    ngx_destroy_pool(test_pool);

    return done();
}
