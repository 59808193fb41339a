
/*
 * What jansson says of a text, beside what the scanner says of it: shared by
 * the unit test of the scanner and by the fuzz targets, which include it and
 * define test_note(), to be told what differs, and test_random(), to choose
 * where a text is cut.
 *
 * test_oracle() compares the two.  They differ by design in these points, and
 * in no others:
 *
 *  - jansson refuses an integer beyond 64 bits and a number beyond a double
 *    (json_error_numeric_overflow);
 *  - jansson refuses "\u0000" in a name (json_error_null_byte_in_key);
 *  - jansson refuses a lone surrogate's escape (json_error_invalid_syntax);
 *  - jansson lets 2048 levels in, the scanner 512;
 *  - jansson overlooks a NUL byte that follows a number or a literal.
 *
 * Where one of the first three or a NUL byte may have decided, jansson is asked
 * again about a text of the same grammar that lacks just these features, see
 * test_normalize(): its answer must be the scanner's.  Where only the scanner
 * refuses a bracket, 512 must be open before it.
 *
 * Offsets of errors are judged by jansson too: it must accept what precedes the
 * error, once test_complete() has closed what is open there, and refuse the
 * same with one byte more.
 */


#ifndef _TEST_ORACLE_H_INCLUDED_
#define _TEST_ORACLE_H_INCLUDED_


#include <payload/ngx_http_webhook_json.h>

#include <jansson.h>


#define TEST_TEXT     16384             /* the longest text */
#define TEST_OUT      (16 * TEST_TEXT)

#define TEST_VALID    -1                /* in place of an offset */

/* what test_normalize() replaced */

#define TEST_NUMBER      0x01
#define TEST_SURROGATE   0x02
#define TEST_NUL_ESCAPE  0x04
#define TEST_NUL         0x08


/*
 * The calls that one scan has made, written as
 *
 *     DEPTH:NAME            name()
 *     =TEXT                 text(), all pieces
 *     DEPTH/TYPE@START-END  value()
 *
 * with %XX for bytes other than graphic ASCII.  The text of a value that an
 * error cuts short is left out: how much of it is passed on depends on the
 * pieces.  Each call is checked against the rules of the interface when it is
 * made; "broken" is the first one broken.  "action" is what name() or element()
 * answered, until the value has ended.
 */

typedef struct {
    u_char            *text;
    size_t             len;
    json_t            *root;      /* jansson's view of it, or NULL */
    ngx_uint_t         elements;  /* arrays are looked into */

    const char        *broken;
    off_t              error;
    ngx_uint_t         calls;
    ngx_uint_t         members;   /* whose values were reported */

    ngx_uint_t         action[NGX_HTTP_WEBHOOK_JSON_WATCH + 1];
    json_t            *node[NGX_HTTP_WEBHOOK_JSON_WATCH + 1];
    ngx_uint_t         index[NGX_HTTP_WEBHOOK_JSON_WATCH + 2];

    size_t             name_len;
    size_t             value_len;
    size_t             out_len;
    size_t             out_value; /* where the text of a value begins */

    u_char             name[NGX_HTTP_WEBHOOK_JSON_NAME + 1];
    u_char             value[TEST_TEXT];
    char               out[TEST_OUT];
} test_record_t;


typedef struct {
    size_t             len;
    u_char             text[TEST_TEXT];
} test_buf_t;


/* of those who include this */
static ngx_uint_t test_random(ngx_uint_t n);
static void test_note(u_char *text, size_t len, const char *fmt, ...);

static void test_oracle(u_char *text, size_t len);
static void test_oracle_elements(u_char *text, size_t len);
static ngx_uint_t test_oracle_accepts(u_char *text, size_t len, json_t **root);
static ngx_uint_t test_oracle_viable(test_buf_t *b);
static ngx_uint_t test_oracle_members(json_t *node, ngx_uint_t depth,
    ngx_uint_t elements);
static ngx_uint_t test_oracle_member(json_t *value, ngx_uint_t depth,
    ngx_uint_t elements, ngx_uint_t action);
static json_t *test_jansson(u_char *text, size_t len, size_t flags,
    enum json_error_code *code);
static ngx_uint_t test_normalize(u_char *text, size_t len, test_buf_t *out);
static ngx_uint_t test_complete(u_char *text, size_t len, test_buf_t *out);
static u_char *test_complete_string(u_char *p, u_char *last, test_buf_t *out);
static ngx_int_t test_hex(u_char *p, u_char *last);

static void test_scan(test_record_t *r, u_char *text, size_t len, size_t *cut,
    ngx_uint_t n);
static off_t test_scan_only(u_char *text, size_t len, size_t cut);
static ngx_uint_t test_name(void *data, ngx_uint_t depth, u_char *name,
    size_t len);
static ngx_uint_t test_element(void *data, ngx_uint_t depth);
static void test_begin_value(test_record_t *r, ngx_uint_t depth);
static ngx_uint_t test_action(u_char *name, size_t len);
static ngx_uint_t test_element_action(size_t i);
static void test_text(void *data, ngx_uint_t depth, u_char *text, size_t len);
static void test_value(void *data, ngx_uint_t depth, ngx_uint_t type,
    off_t start, off_t end);
static ngx_uint_t test_type(u_char *text, size_t len);
static ngx_uint_t test_value_is(test_record_t *r, ngx_uint_t action,
    ngx_uint_t type, json_t *node);
static void test_broken(test_record_t *r, const char *rule);
static void test_record(test_record_t *r, const char *fmt, ...);
static void test_record_bytes(test_record_t *r, u_char *p, size_t len);
static void test_same(u_char *text, size_t len, size_t *cut, ngx_uint_t n);

static void test_put(test_buf_t *b, const void *p, size_t len);
static void test_puts(test_buf_t *b, const char *s);
static char *test_show(u_char *text, size_t len, size_t max);


static ngx_http_webhook_json_handler_t  test_handler = {
    test_name,
    test_text,
    test_value,
    NULL
};

static ngx_http_webhook_json_handler_t  test_element_handler = {
    test_name,
    test_text,
    test_value,
    test_element
};


static ngx_uint_t     test_differences[TEST_NUL + 1];
static ngx_uint_t     test_too_deep;

static test_record_t  test_whole;
static test_record_t  test_parts;


/*
 * Scans a text and compares with what jansson says of it: the result, the
 * offset of the error, members and their values.  Then scans it in pieces.
 */

static void
test_oracle(u_char *text, size_t len)
{
    size_t               cut[4], from;
    json_t              *root;
    ngx_uint_t           accepted, i, n, too_deep;
    test_record_t       *r;

    static test_buf_t    prefix;

    root = NULL;
    accepted = test_oracle_accepts(text, len, &root);

    r = &test_whole;
    r->root = root;

    test_oracle_elements(text, len);

    test_scan(r, text, len, NULL, 0);

    if (r->broken) {
        test_note(text, len, "%s", r->broken);
    }

    too_deep = 0;

    if (r->error != TEST_VALID) {

        n = test_complete(text, r->error, &prefix);

        if (!test_oracle_viable(&prefix)) {
            test_note(text, len, "jansson finds an error before %ld",
                      (long) r->error);
        }

        if ((size_t) r->error < len) {

            too_deep = (n == NGX_HTTP_WEBHOOK_JSON_DEPTH
                        && (text[r->error] == '[' || text[r->error] == '{'));

            (void) test_complete(text, r->error + 1, &prefix);

            if (!too_deep && test_oracle_viable(&prefix)) {
                test_note(text, len, "jansson finds no error at %ld",
                          (long) r->error);
            }
        }
    }

    if (too_deep) {
        test_too_deep += accepted;

    } else if (accepted != (r->error == TEST_VALID)) {
        test_note(text, len, "jansson %s it",
                  accepted ? "accepts" : "refuses");

    } else if (root && r->members != test_oracle_members(root, 1, 0)) {
        test_note(text, len, "jansson finds more or less members");
    }

    n = 1 + test_random(4);
    from = 0;

    for (i = 0; i < n; i++) {
        from += test_random(len - from + 1);
        cut[i] = from;
    }

    test_scan(&test_parts, text, len, cut, n);
    test_same(text, len, cut, n);

    r->root = NULL;
    json_decref(root);

    if (test_scan_only(text, len, cut[0]) != r->error) {
        test_note(text, len, "differs when nothing is to be reported");
    }
}


/* Does so with a handler that looks into arrays as well. */

static void
test_oracle_elements(u_char *text, size_t len)
{
    size_t          cut[2];
    test_record_t  *r;

    r = &test_whole;
    r->elements = 1;
    test_parts.elements = 1;

    test_scan(r, text, len, NULL, 0);

    if (r->broken) {
        test_note(text, len, "%s", r->broken);
    }

    if (r->root && r->error == TEST_VALID
        && r->members != test_oracle_members(r->root, 1, 1))
    {
        test_note(text, len, "jansson finds more or less elements");
    }

    cut[0] = test_random(len + 1);
    cut[1] = cut[0] + test_random(len - cut[0] + 1);

    test_scan(&test_parts, text, len, cut, 2);
    test_same(text, len, cut, 2);

    r->elements = 0;
    test_parts.elements = 0;
}


/*
 * Asks jansson, and where the two differ by design again in other words.
 * "root" is what jansson found, if it can be compared.
 */

static ngx_uint_t
test_oracle_accepts(u_char *text, size_t len, json_t **root)
{
    json_t                *node;
    ngx_uint_t             accepted, difference;
    enum json_error_code   code;

    static test_buf_t      normal;

    node = test_jansson(text, len, JSON_REJECT_DUPLICATES, &code);
    *root = node;

    if (node == NULL && code == json_error_duplicate_key) {
        node = test_jansson(text, len, 0, &code);
        json_decref(node);
    }

    accepted = (node != NULL);
    difference = 0;

    if (accepted) {
        if (memchr(text, '\0', len)) {
            difference = TEST_NUL;
        }

    } else if (code == json_error_numeric_overflow) {
        difference = TEST_NUMBER;

    } else if (code == json_error_null_byte_in_key) {
        difference = TEST_NUL_ESCAPE;

    } else if (code == json_error_invalid_syntax) {
        difference = TEST_SURROGATE;
    }

    if (difference == 0
        || (test_normalize(text, len, &normal) & difference) == 0)
    {
        return accepted;
    }

    json_decref(*root);
    *root = NULL;

    node = test_jansson(normal.text, normal.len, 0, &code);
    json_decref(node);

    if (accepted != (node != NULL)) {
        test_differences[difference]++;
    }

    return (node != NULL);
}


static ngx_uint_t
test_oracle_viable(test_buf_t *b)
{
    json_t                *node;
    enum json_error_code   code;

    static test_buf_t      normal;

    (void) test_normalize(b->text, b->len, &normal);

    node = test_jansson(normal.text, normal.len, 0, &code);
    json_decref(node);

    return (node != NULL);
}


/* how many values the scanner has to report, below "node" included */

static ngx_uint_t
test_oracle_members(json_t *node, ngx_uint_t depth, ngx_uint_t elements)
{
    size_t       i, len;
    json_t      *value;
    ngx_uint_t   n;
    const char  *name;

    if (depth > NGX_HTTP_WEBHOOK_JSON_WATCH) {
        return 0;
    }

    n = 0;

    json_object_foreach(node, name, value) {

        len = strlen(name);

        if (len <= NGX_HTTP_WEBHOOK_JSON_NAME) {
            n += test_oracle_member(value, depth, elements,
                                    test_action((u_char *) name, len));
        }
    }

    for (i = 0; elements && i < json_array_size(node); i++) {
        n += test_oracle_member(json_array_get(node, i), depth, elements,
                                test_element_action(i));
    }

    return n;
}


static ngx_uint_t
test_oracle_member(json_t *value, ngx_uint_t depth, ngx_uint_t elements,
    ngx_uint_t action)
{
    if (action == NGX_HTTP_WEBHOOK_JSON_SKIP) {
        return 0;
    }

    return 1 + (action == NGX_HTTP_WEBHOOK_JSON_DESCEND
                ? test_oracle_members(value, depth + 1, elements) : 0);
}


static json_t *
test_jansson(u_char *text, size_t len, size_t flags,
    enum json_error_code *code)
{
    json_t        *node;
    json_error_t   error;

    node = json_loadb((char *) text, len,
                      flags | JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);

    *code = node ? json_error_unknown : json_error_code(&error);

    return node;
}


/*
 * Rewrites a text into one that is valid if and only if it was, but holds none
 * of what jansson sees in another light: the digits of a number are cut to 9
 * and those of an exponent to 1, lone surrogates become \ufffd and \u0000
 * becomes \u0001, and a NUL byte, which is wrong everywhere, another one that
 * is.  Returns what was found.
 */

static ngx_uint_t
test_normalize(u_char *text, size_t len, test_buf_t *out)
{
    size_t      n, max;
    u_char      ch, *last, *p;
    ngx_int_t   code, low;
    ngx_uint_t  changed, string;

    p = text;
    last = text + len;

    out->len = 0;
    changed = 0;
    string = 0;

    while (p < last) {

        ch = *p;

        if (ch == '\0') {
            changed |= TEST_NUL;
            test_put(out, "\x01", 1);
            p++;
            continue;
        }

        if (!string && ch >= '0' && ch <= '9') {

            max = 9;

            if (p > text && (p[-1] | 0x20) == 'e') {
                max = 1;
            }

            if (p - text > 1 && (p[-1] == '+' || p[-1] == '-')
                && (p[-2] | 0x20) == 'e')
            {
                max = 1;
            }

            for (n = 0; p + n < last && p[n] >= '0' && p[n] <= '9'; n++) {
                /* void */
            }

            if (n > max) {
                changed |= TEST_NUMBER;
            }

            test_put(out, p, ngx_min(n, max));
            p += n;
            continue;
        }

        if (string && ch == '\\') {

            code = test_hex(p, last);

            if (code == NGX_ERROR) {
                test_put(out, p, 1);
                p++;

                if (p < last && *p != '\0') {
                    test_put(out, p, 1);
                    p++;
                }

                continue;
            }

            if (code == 0) {
                changed |= TEST_NUL_ESCAPE;
                test_puts(out, "\\u0001");
                p += 6;
                continue;
            }

            if (code < 0xd800 || code > 0xdfff) {
                test_put(out, p, 6);
                p += 6;
                continue;
            }

            low = test_hex(p + 6, last);

            if (code < 0xdc00 && low >= 0xdc00 && low <= 0xdfff) {
                test_put(out, p, 12);
                p += 12;
                continue;
            }

            changed |= TEST_SURROGATE;
            test_puts(out, "\\ufffd");
            p += 6;
            continue;
        }

        if (ch == '"') {
            string = !string;
        }

        test_put(out, p, 1);
        p++;
    }

    return changed;
}


/*
 * Adds what makes a valid text of one that has no error so far: the rest of the
 * token, then values and brackets.  Returns how many brackets were open.
 */

static ngx_uint_t
test_complete(u_char *text, size_t len, test_buf_t *out)
{
    u_char         ch, *last, *p, prev;
    ngx_uint_t     depth, open;
    const char    *literal;

    static u_char  stack[TEST_TEXT + 1];

    p = text;
    last = text + len;

    out->len = 0;
    test_put(out, text, len);

    /* the last token: ">" a value, "n" a name, "s" the start of the text */

    prev = 's';
    depth = 0;
    stack[0] = '\0';

    while (p < last) {

        ch = *p++;

        switch (ch) {

        case ' ':
        case '\t':
        case '\n':
        case '\r':
            break;

        case '[':
        case '{':
            stack[++depth] = ch;
            prev = ch;
            break;

        case ']':
        case '}':
            depth -= (depth > 0);
            prev = '>';
            break;

        case '"':
            prev = (prev == '{' || (prev == ',' && stack[depth] == '{'))
                   ? 'n' : '>';

            p = test_complete_string(p, last, out);
            break;

        case 't':
        case 'f':
        case 'n':
            literal = (ch == 't') ? "true" : (ch == 'f') ? "false" : "null";

            for (literal++; *literal && p < last; literal++) {
                p++;
            }

            test_puts(out, literal);
            prev = '>';
            break;

        case '-':
        case '0': case '1': case '2': case '3': case '4':
        case '5': case '6': case '7': case '8': case '9':

            while (p < last && *p && strchr("0123456789+-.eE", *p)) {
                p++;
            }

            if (p == last && strchr("+-.eE", p[-1])) {
                test_puts(out, "1");
            }

            prev = '>';
            break;

        default:
            /* a comma, a colon, an error */
            prev = ch;
        }
    }

    open = depth;

    if (prev == 'n') {
        test_puts(out, ":0");

    } else if (prev == ',' && stack[depth] == '{') {
        test_puts(out, "\"a\":0");

    } else if (prev == ',' || prev == ':' || prev == 's') {
        test_puts(out, "0");
    }

    for ( /* void */ ; depth; depth--) {
        test_puts(out, (stack[depth] == '{') ? "}" : "]");
    }

    return open;
}


static u_char *
test_complete_string(u_char *p, u_char *last, test_buf_t *out)
{
    u_char      ch;
    ngx_uint_t  n;

    while (p < last) {

        ch = *p++;

        if (ch == '"') {
            return p;
        }

        if (ch == '\\') {

            if (p == last) {
                test_puts(out, "n");

            } else if (*p++ == 'u') {

                for (n = 0; n < 4; n++) {

                    if (p == last) {
                        test_puts(out, "1");

                    } else {
                        p++;
                    }
                }
            }

            continue;
        }

        if (ch < 0xc0) {
            continue;
        }

        n = (ch < 0xe0) ? 1 : (ch < 0xf0) ? 2 : 3;

        if (p < last) {
            p++;

        } else if (ch == 0xe0) {
            test_puts(out, "\xa0");

        } else if (ch == 0xf0) {
            test_puts(out, "\x90");

        } else {
            test_puts(out, "\x80");
        }

        while (--n) {

            if (p < last) {
                p++;

            } else {
                test_puts(out, "\x80");
            }
        }
    }

    test_puts(out, "\"");

    return last;
}


/* the code unit of the \uXXXX at "p" */

static ngx_int_t
test_hex(u_char *p, u_char *last)
{
    ngx_int_t    code;
    const char  *digit;
    ngx_uint_t   i;

    static const char  digits[] = "0123456789abcdef0123456789ABCDEF";

    if (last - p < 6 || p[0] != '\\' || p[1] != 'u') {
        return NGX_ERROR;
    }

    code = 0;

    for (i = 2; i < 6; i++) {

        digit = p[i] ? strchr(digits, p[i]) : NULL;

        if (digit == NULL) {
            return NGX_ERROR;
        }

        code = code * 16 + (digit - digits) % 16;
    }

    return code;
}


/*
 * Scans a text that is cut in "n" places.  Each piece is a copy of its own,
 * which is gone after the call.
 */

static void
test_scan(test_record_t *r, u_char *text, size_t len, size_t *cut,
    ngx_uint_t n)
{
    off_t                    fed;
    size_t                   from, size, to;
    u_char                  *piece;
    ngx_int_t                last, rc;
    ngx_uint_t               calls, i;
    ngx_http_webhook_json_t  json;

    r->text = text;
    r->len = len;
    r->broken = NULL;
    r->calls = 0;
    r->members = 0;
    r->name_len = 0;
    r->value_len = 0;
    r->out_len = 0;
    r->out[0] = '\0';

    ngx_memzero(r->action, sizeof(r->action));
    ngx_memzero(r->node, sizeof(r->node));

    r->action[0] = NGX_HTTP_WEBHOOK_JSON_DESCEND;
    r->node[0] = r->root;
    r->index[1] = 0;

    /* nothing is to be read that was not set */

    ngx_memset(&json, 0xa5, sizeof(json));

    ngx_http_webhook_json_init(&json, r->elements ? &test_element_handler
                                                  : &test_handler, r);

    rc = NGX_OK;
    from = 0;

    for (i = 0; i <= n; i++) {

        to = (i < n) ? cut[i] : len;
        size = to - from;

        /* the end of a piece is the end of what may be read */

        piece = malloc(size + 1);
        if (piece == NULL) {
            abort();
        }

        ngx_memcpy(piece + 1, text + from, size);

        last = rc;
        fed = json.offset;
        calls = r->calls;

        rc = ngx_http_webhook_json_feed(&json, piece + 1, size);

        ngx_memset(piece, 0xa5, size + 1);
        free(piece);

        if (last == NGX_ERROR) {

            if (rc != NGX_ERROR || json.offset != fed || r->calls != calls) {
                test_broken(r, "an error was not the end");
            }

        } else if (rc == NGX_OK) {

            if (json.offset != (off_t) to) {
                test_broken(r, "the offset is not what was fed");
            }

        } else if (rc != NGX_ERROR
                   || json.offset < (off_t) from || json.offset >= (off_t) to)
        {
            test_broken(r, "an error beside the piece that has it");
        }

        from = to;
    }

    last = rc;
    fed = json.offset;
    calls = r->calls;

    rc = ngx_http_webhook_json_finish(&json);

    if (json.offset != fed) {
        test_broken(r, "the offset was moved at the end");
    }

    if (rc == NGX_OK) {

        if (last != NGX_OK) {
            test_broken(r, "an error was forgotten at the end");
        }

        for (i = 0; i <= NGX_HTTP_WEBHOOK_JSON_WATCH; i++) {
            if (r->action[i]) {
                test_broken(r, "a value was not reported");
            }
        }

        r->error = TEST_VALID;
        return;
    }

    if (rc != NGX_ERROR) {
        test_broken(r, "neither NGX_OK nor NGX_ERROR");
    }

    r->error = json.offset;

    /* "0" or "]" could be what is missing */

    if (ngx_http_webhook_json_feed(&json, (u_char *) "0", 1) != NGX_ERROR
        || ngx_http_webhook_json_feed(&json, (u_char *) "]", 1) != NGX_ERROR
        || ngx_http_webhook_json_finish(&json) != NGX_ERROR
        || json.offset != r->error
        || r->calls != calls)
    {
        test_broken(r, "an error at the end was not the end");
    }

    for (i = 0; i <= NGX_HTTP_WEBHOOK_JSON_WATCH; i++) {

        if (r->action[i] == NGX_HTTP_WEBHOOK_JSON_REPORT && r->value_len) {
            r->out_len = r->out_value;
            r->out[r->out_len] = '\0';
        }
    }
}


static off_t
test_scan_only(u_char *text, size_t len, size_t cut)
{
    ngx_http_webhook_json_t  json;

    ngx_memset(&json, 0xa5, sizeof(json));

    ngx_http_webhook_json_init(&json, NULL, NULL);

    (void) ngx_http_webhook_json_feed(&json, text, cut);
    (void) ngx_http_webhook_json_feed(&json, text + cut, len - cut);

    return (ngx_http_webhook_json_finish(&json) == NGX_OK) ? TEST_VALID
                                                           : json.offset;
}


static ngx_uint_t
test_name(void *data, ngx_uint_t depth, u_char *name, size_t len)
{
    test_record_t *r = data;

    ngx_uint_t  action;

    r->calls++;

    if (depth < 1 || depth > NGX_HTTP_WEBHOOK_JSON_WATCH) {
        test_broken(r, "a name at a depth that is not watched");
        return NGX_HTTP_WEBHOOK_JSON_SKIP;
    }

    if (len > NGX_HTTP_WEBHOOK_JSON_NAME) {
        test_broken(r, "a name that is too long");
        return NGX_HTTP_WEBHOOK_JSON_SKIP;
    }

    test_begin_value(r, depth);

    ngx_memcpy(r->name, name, len);
    r->name[len] = '\0';
    r->name_len = len;

    if (r->root) {
        r->node[depth] = json_object_get(r->node[depth - 1], (char *) r->name);

        if (r->node[depth] == NULL) {
            test_broken(r, "a name that jansson did not find");
        }
    }

    test_record(r, "%s%lu:", r->out_len ? " " : "", (unsigned long) depth);
    test_record_bytes(r, name, len);

    action = test_action(name, len);

    r->action[depth] = action;
    r->index[depth + 1] = 0;

    return action;
}


static ngx_uint_t
test_element(void *data, ngx_uint_t depth)
{
    test_record_t *r = data;

    ngx_uint_t  i;

    r->calls++;

    if (depth < 1 || depth > NGX_HTTP_WEBHOOK_JSON_WATCH) {
        test_broken(r, "an element at a depth that is not watched");
        return NGX_HTTP_WEBHOOK_JSON_SKIP;
    }

    test_begin_value(r, depth);

    i = r->index[depth]++;

    if (r->root) {
        r->node[depth] = json_array_get(r->node[depth - 1], i);

        if (r->node[depth] == NULL) {
            test_broken(r, "an element that jansson did not find");
        }
    }

    test_record(r, "%s%lu[%lu]", r->out_len ? " " : "", (unsigned long) depth,
                (unsigned long) i);

    r->action[depth] = test_element_action(i);
    r->index[depth + 1] = 0;

    return r->action[depth];
}


/* what holds of a value before it is there */

static void
test_begin_value(test_record_t *r, ngx_uint_t depth)
{
    ngx_uint_t  i;

    if (r->action[depth - 1] != NGX_HTTP_WEBHOOK_JSON_DESCEND) {
        test_broken(r, "a name where nobody went down");
    }

    for (i = depth; i <= NGX_HTTP_WEBHOOK_JSON_WATCH; i++) {
        if (r->action[i]) {
            test_broken(r, "a name before the last value has ended");
        }
    }

    r->value_len = 0;
}


/*
 * What the name callback answers is told by the name's first letter: DESCEND
 * for "d...", SKIP for "x...", REPORT for all others.
 */

static ngx_uint_t
test_action(u_char *name, size_t len)
{
    if (len && name[0] == 'd') {
        return NGX_HTTP_WEBHOOK_JSON_DESCEND;
    }

    if (len && name[0] == 'x') {
        return NGX_HTTP_WEBHOOK_JSON_SKIP;
    }

    return NGX_HTTP_WEBHOOK_JSON_REPORT;
}


/* The same for elements, by their numbers. */

static ngx_uint_t
test_element_action(size_t i)
{
    static ngx_uint_t  actions[] = {
        NGX_HTTP_WEBHOOK_JSON_DESCEND,
        NGX_HTTP_WEBHOOK_JSON_REPORT,
        NGX_HTTP_WEBHOOK_JSON_SKIP
    };

    return actions[i % 3];
}


static void
test_text(void *data, ngx_uint_t depth, u_char *text, size_t len)
{
    test_record_t *r = data;

    r->calls++;

    if (depth > NGX_HTTP_WEBHOOK_JSON_WATCH
        || r->action[depth] != NGX_HTTP_WEBHOOK_JSON_REPORT)
    {
        test_broken(r, "a text that nobody asked for");
        return;
    }

    if (len == 0) {
        test_broken(r, "an empty text");
        return;
    }

    if (len > TEST_TEXT - r->value_len) {
        test_broken(r, "a text longer than the input");
        return;
    }

    if (r->value_len == 0) {
        r->out_value = r->out_len;
        test_record(r, " =");
    }

    ngx_memcpy(r->value + r->value_len, text, len);
    r->value_len += len;

    test_record_bytes(r, text, len);
}


static void
test_value(void *data, ngx_uint_t depth, ngx_uint_t type, off_t start,
    off_t end)
{
    test_record_t *r = data;

    size_t              len;
    u_char             *p;
    ngx_uint_t          action, i;

    static const char  *types[] = {
        "null", "boolean", "integer", "real", "string", "array", "object"
    };

    r->calls++;

    if (depth > NGX_HTTP_WEBHOOK_JSON_WATCH
        || r->action[depth] == NGX_HTTP_WEBHOOK_JSON_SKIP)
    {
        test_broken(r, "a value that nobody asked for");
        return;
    }

    for (i = depth + 1; i <= NGX_HTTP_WEBHOOK_JSON_WATCH; i++) {
        if (r->action[i]) {
            test_broken(r, "a value before those inside it");
        }
    }

    action = r->action[depth];
    r->action[depth] = NGX_HTTP_WEBHOOK_JSON_SKIP;

    if (depth) {
        r->members++;
    }

    if (start < 0 || start >= end || end > (off_t) r->len) {
        test_broken(r, "a value out of the text");
        return;
    }

    p = r->text + start;
    len = end - start;

    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (type == (ngx_uint_t) 1 << i) {
            break;
        }
    }

    if (i == sizeof(types) / sizeof(types[0]) || type != test_type(p, len)) {
        test_broken(r, "a value of another type");
        return;
    }

    if (action == NGX_HTTP_WEBHOOK_JSON_REPORT
        && type != NGX_HTTP_WEBHOOK_JSON_STRING
        && (r->value_len != len || ngx_memcmp(r->value, p, len) != 0))
    {
        test_broken(r, "a text that is not the value's");
    }

    if (r->root && !test_value_is(r, action, type, r->node[depth])) {
        test_broken(r, "a value that jansson did not find");
    }

    test_record(r, "%s%lu/%s@%lu-%lu", r->out_len ? " " : "",
                (unsigned long) depth, types[i], (unsigned long) start,
                (unsigned long) end);
}


/* the type by the text of a value, 0 if the text is not a whole value's */

static ngx_uint_t
test_type(u_char *text, size_t len)
{
    size_t  i;
    u_char  last;

    last = text[len - 1];

    switch (text[0]) {

    case 'n':
        return (len == 4) ? NGX_HTTP_WEBHOOK_JSON_NULL : 0;

    case 't':
        return (len == 4) ? NGX_HTTP_WEBHOOK_JSON_BOOLEAN : 0;

    case 'f':
        return (len == 5) ? NGX_HTTP_WEBHOOK_JSON_BOOLEAN : 0;

    case '"':
        return (len > 1 && last == '"') ? NGX_HTTP_WEBHOOK_JSON_STRING : 0;

    case '[':
        return (last == ']') ? NGX_HTTP_WEBHOOK_JSON_ARRAY : 0;

    case '{':
        return (last == '}') ? NGX_HTTP_WEBHOOK_JSON_OBJECT : 0;
    }

    for (i = 0; i < len; i++) {
        if (text[i] == '.' || text[i] == 'e' || text[i] == 'E') {
            return NGX_HTTP_WEBHOOK_JSON_REAL;
        }
    }

    return (last >= '0' && last <= '9') ? NGX_HTTP_WEBHOOK_JSON_INTEGER : 0;
}


static ngx_uint_t
test_value_is(test_record_t *r, ngx_uint_t action, ngx_uint_t type,
    json_t *node)
{
    char                   text[TEST_TEXT + 1];
    json_t                *copy;
    ngx_uint_t             rc;
    enum json_error_code   code;

    static ngx_uint_t      types[] = {
        NGX_HTTP_WEBHOOK_JSON_OBJECT,
        NGX_HTTP_WEBHOOK_JSON_ARRAY,
        NGX_HTTP_WEBHOOK_JSON_STRING,
        NGX_HTTP_WEBHOOK_JSON_INTEGER,
        NGX_HTTP_WEBHOOK_JSON_REAL,
        NGX_HTTP_WEBHOOK_JSON_BOOLEAN,
        NGX_HTTP_WEBHOOK_JSON_BOOLEAN,
        NGX_HTTP_WEBHOOK_JSON_NULL
    };

    if (node == NULL || types[json_typeof(node)] != type) {
        return 0;
    }

    if (action != NGX_HTTP_WEBHOOK_JSON_REPORT) {
        return 1;
    }

    ngx_memcpy(text, r->value, r->value_len);
    text[r->value_len] = '\0';

    switch (json_typeof(node)) {

    case JSON_STRING:
        return (json_string_length(node) == r->value_len
                && ngx_memcmp(json_string_value(node), text, r->value_len)
                   == 0);

    case JSON_INTEGER:
        return (json_integer_value(node) == strtoll(text, NULL, 10));

    case JSON_REAL:
        return (json_real_value(node) == strtod(text, NULL));

    case JSON_TRUE:
        return (text[0] == 't');

    case JSON_FALSE:
        return (text[0] == 'f');

    case JSON_NULL:
        return 1;

    default:
        copy = test_jansson(r->value, r->value_len, 0, &code);
        rc = json_equal(copy, node);
        json_decref(copy);
        return rc;
    }
}


static void
test_broken(test_record_t *r, const char *rule)
{
    if (r->broken == NULL) {
        r->broken = rule;
    }
}


static void
test_record(test_record_t *r, const char *fmt, ...)
{
    int      n;
    va_list  args;

    va_start(args, fmt);
    n = vsnprintf(r->out + r->out_len, TEST_OUT - r->out_len, fmt, args);
    va_end(args);

    if (n < 0 || (size_t) n >= TEST_OUT - r->out_len) {
        test_broken(r, "too many calls");
        return;
    }

    r->out_len += n;
}


static void
test_record_bytes(test_record_t *r, u_char *p, size_t len)
{
    size_t             i;
    char              *out;
    static const char  hex[] = "0123456789ABCDEF";

    if (3 * len >= TEST_OUT - r->out_len) {
        test_broken(r, "too many calls");
        return;
    }

    out = r->out + r->out_len;

    for (i = 0; i < len; i++) {

        if (p[i] <= ' ' || p[i] >= 0x7f || p[i] == '%') {
            *out++ = '%';
            *out++ = hex[p[i] >> 4];
            *out++ = hex[p[i] & 15];

        } else {
            *out++ = (char) p[i];
        }
    }

    *out = '\0';
    r->out_len = out - r->out;
}


/* compares the last two scans: at once, and in pieces */

static void
test_same(u_char *text, size_t len, size_t *cut, ngx_uint_t n)
{
    char            places[64];
    ngx_uint_t      i;
    test_record_t  *r;

    r = &test_parts;

    if (r->broken == NULL
        && r->error == test_whole.error
        && r->out_len == test_whole.out_len
        && ngx_memcmp(r->out, test_whole.out, r->out_len) == 0)
    {
        return;
    }

    places[0] = '\0';

    for (i = 0; i < n && i < 5; i++) {
        sprintf(places + strlen(places), " %lu", (unsigned long) cut[i]);
    }

    test_note(text, len, "cut in %lu places:%s%s", (unsigned long) n, places,
              (n > 5) ? " ..." : "");

    if (r->broken) {
        test_note(text, len, "%s", r->broken);
    }

    if (r->error != test_whole.error) {
        test_note(text, len, "error at %ld, at once at %ld", (long) r->error,
                  (long) test_whole.error);
    }

    if (strcmp(r->out, test_whole.out) != 0) {
        test_note(text, len, "calls: %s", r->out);
        test_note(text, len, "at once: %s", test_whole.out);
    }
}


static void
test_put(test_buf_t *b, const void *p, size_t len)
{
    if (len > TEST_TEXT - b->len) {
        printf("Bail out! a text is too long\n");
        exit(2);
    }

    ngx_memcpy(b->text + b->len, p, len);
    b->len += len;
}


static void
test_puts(test_buf_t *b, const char *s)
{
    test_put(b, s, strlen(s));
}


static char *
test_show(u_char *text, size_t len, size_t max)
{
    size_t       i;
    char        *p;

    static char  out[4096];

    p = out;

    for (i = 0; i < len && i < max; i++) {

        if (text[i] < ' ' || text[i] >= 0x7f || text[i] == '#') {
            p += sprintf(p, "%%%02X", text[i]);

        } else {
            *p++ = (char) text[i];
        }
    }

    strcpy(p, (i < len) ? "..." : "");

    return out;
}


#endif /* _TEST_ORACLE_H_INCLUDED_ */
