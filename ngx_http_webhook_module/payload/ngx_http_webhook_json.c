
/*
 * An incremental JSON scanner (RFC 8259).
 *
 * It checks the text and reports the members that its owner asks for; it builds
 * nothing, allocates nothing and does not recurse.  Any split of the input into
 * buffers gives the same result, the same error offset and the same calls, but
 * for the pieces of a text and for those of a value that an error cuts short:
 * where a buffer ends in the middle of a token, the state says so.
 *
 * The offset of an error is that of the first byte after which no continuation
 * makes a valid text, or the length of the input where it ends too early.
 *
 * Members are reported at one depth at a time, "watch".  It begins at the
 * document's object and follows the members that name() answers DESCEND for, so
 * that a reported name is one whose depth equals "watch", and nothing else has
 * to be remembered about the containers around it.  An array is followed where
 * there is an element() to ask about its elements; the depth of all others is
 * greater than "watch".
 *
 * Needs nginx's types only: tests, fuzzers and benchmarks link it alone.
 */


#include "payload/ngx_http_webhook_json.h"

#if (__SSE2__ && !NGX_HTTP_WEBHOOK_JSON_PORTABLE)
#include <emmintrin.h>
#endif


/* The scanner's states: what was read last, or is expected next. */

enum {
    json_value = 0,
    json_array_first,
    json_object_first,
    json_name,
    json_colon,
    json_comma,
    json_end,
    json_string,
    json_escape,
    json_hex,
    json_utf8,
    json_literal,
    json_minus,
    json_zero,
    json_integer,
    json_point,
    json_fraction,
    json_e,
    json_e_sign,
    json_exponent,
    json_error
};


/* Where the bytes of a token go; from "name" on they are decoded. */

enum {
    sink_none = 0,
    sink_raw,
    sink_name,
    sink_text
};


#define ngx_http_webhook_json_in_object(json)                                 \
    ((json)->stack[((json)->depth - 1) / 8] & (1 << ((json)->depth - 1) % 8))

#define ngx_http_webhook_json_is_digit(ch)  ((u_char) ((ch) - '0') <= 9)


static u_char *ngx_http_webhook_json_space(u_char *p, u_char *last);
static ngx_inline u_char *ngx_http_webhook_json_plain(u_char *p, u_char *last);
static ngx_uint_t ngx_http_webhook_json_name(ngx_http_webhook_json_t *json);
static void ngx_http_webhook_json_emit(ngx_http_webhook_json_t *json, u_char *p,
    size_t len);
static void ngx_http_webhook_json_code_unit(ngx_http_webhook_json_t *json);
static void ngx_http_webhook_json_lone_surrogate(
    ngx_http_webhook_json_t *json);
static void ngx_http_webhook_json_code_point(ngx_http_webhook_json_t *json,
    ngx_uint_t code);


/*
 * Makes "json" ready for a new text.  "handler" may be NULL: nothing is
 * reported then.  "data" is the first argument of its callbacks.
 */

void
ngx_http_webhook_json_init(ngx_http_webhook_json_t *json,
    ngx_http_webhook_json_handler_t *handler, void *data)
{
    json->offset = 0;
    json->handler = handler;
    json->data = data;

    json->state = json_value;
    json->depth = 0;
    json->watch = handler ? 0 : NGX_HTTP_WEBHOOK_JSON_DEPTH + 1;
    json->action = NGX_HTTP_WEBHOOK_JSON_DESCEND;
    json->sink = sink_none;
    json->high = 0;
}


/*
 * Scans the next "len" bytes of the text.  Returns NGX_OK when the text is
 * valid so far, and NGX_ERROR when it can't become valid any more:
 * json->offset then is the offset of the error, and further bytes are ignored.
 */

ngx_int_t
ngx_http_webhook_json_feed(ngx_http_webhook_json_t *json, u_char *p, size_t len)
{
    off_t        base;
    u_char       ch, *last, *raw, *run, *start;
    ngx_uint_t   depth, state;

    if (len == 0) {
        return json->state == json_error ? NGX_ERROR : NGX_OK;
    }

    start = p;
    last = p + len;
    base = json->offset;

    raw = p;
    run = p;

#define offset(p)   (base + ((p) - start))

#define more(s)                                                               \
    if (p == last) {                                                          \
        state = s;                                                            \
        goto out;                                                             \
    }

    /* most texts have none: the loop is not repeated in each place */

#define space(s)                                                              \
    if (p == last || *p <= ' ') {                                             \
        p = ngx_http_webhook_json_space(p, last);                             \
        more(s);                                                              \
    }

    switch (json->state) {

    case json_value:
        goto value;

    case json_array_first:
        goto array_first;

    case json_object_first:
        goto object_first;

    case json_name:
        goto name;

    case json_colon:
        goto colon;

    case json_comma:
        goto comma;

    case json_end:
        goto end;

    case json_string:
        goto string;

    case json_escape:
        goto escape;

    case json_hex:
        goto hex;

    case json_utf8:
        goto utf8;

    case json_literal:
        goto literal;

    case json_minus:
        goto minus;

    case json_zero:
        goto zero;

    case json_integer:
        goto integer;

    case json_point:
        goto point;

    case json_fraction:
        goto fraction;

    case json_e:
        goto e;

    case json_e_sign:
        goto e_sign;

    case json_exponent:
        goto exponent;

    default: /* json_error */
        return NGX_ERROR;
    }

array_first:

    space(json_array_first);

    if (*p == ']') {
        p++;
        goto close;
    }

    if (json->depth == json->watch) {
        json->action = json->handler->element(json->data, json->depth);
    }

    goto value_char;

value:

    space(json_value);

value_char:

    ch = *p;
    depth = json->depth;

    if (depth == json->watch && json->action) {
        json->start[depth] = offset(p);

        if (json->action == NGX_HTTP_WEBHOOK_JSON_REPORT) {
            json->sink = (ch == '"') ? sink_text : sink_raw;
            raw = p;
        }
    }

    switch (ch) {

    case '"':
        json->type = NGX_HTTP_WEBHOOK_JSON_STRING;
        p++;
        run = p;
        goto string;

    case '{':
        if (depth == NGX_HTTP_WEBHOOK_JSON_DEPTH) {
            goto error;
        }

        if (depth == json->watch
            && json->action == NGX_HTTP_WEBHOOK_JSON_DESCEND
            && depth < NGX_HTTP_WEBHOOK_JSON_WATCH)
        {
            json->watch++;
        }

        json->stack[depth / 8] |= 1 << depth % 8;
        json->depth++;
        p++;
        goto object_first;

    case '[':
        if (depth == NGX_HTTP_WEBHOOK_JSON_DEPTH) {
            goto error;
        }

        if (depth == json->watch
            && json->action == NGX_HTTP_WEBHOOK_JSON_DESCEND
            && depth < NGX_HTTP_WEBHOOK_JSON_WATCH
            && json->handler->element)
        {
            json->watch++;
        }

        json->stack[depth / 8] &= ~(1 << depth % 8);
        json->depth++;
        p++;
        goto array_first;

    case 't':
        json->type = NGX_HTTP_WEBHOOK_JSON_BOOLEAN;
        json->literal = (u_char *) "rue";
        p++;
        goto literal;

    case 'f':
        json->type = NGX_HTTP_WEBHOOK_JSON_BOOLEAN;
        json->literal = (u_char *) "alse";
        p++;
        goto literal;

    case 'n':
        json->type = NGX_HTTP_WEBHOOK_JSON_NULL;
        json->literal = (u_char *) "ull";
        p++;
        goto literal;

    case '-':
        json->type = NGX_HTTP_WEBHOOK_JSON_INTEGER;
        p++;
        goto minus;

    case '0':
        json->type = NGX_HTTP_WEBHOOK_JSON_INTEGER;
        p++;
        goto zero;

    default:
        if (!ngx_http_webhook_json_is_digit(ch)) {
            goto error;
        }

        json->type = NGX_HTTP_WEBHOOK_JSON_INTEGER;
        p++;
        goto integer;
    }

object_first:

    space(json_object_first);

    if (*p == '}') {
        p++;
        goto close;
    }

    goto name_char;

name:

    space(json_name);

name_char:

    if (*p != '"') {
        goto error;
    }

    if (json->depth == json->watch) {
        json->sink = sink_name;
        json->name_len = 0;
    }

    json->type = 0;
    p++;
    run = p;

string:

    p = ngx_http_webhook_json_plain(p, last);

    if (p == last) {
        state = json_string;
        goto out_string;
    }

    ch = *p;

    if (ch == '"') {
        goto string_end;
    }

    if (ch == '\\') {
        if (json->sink >= sink_name) {
            ngx_http_webhook_json_emit(json, run, p - run);
        }

        p++;
        goto escape;
    }

    /* lead bytes and the first continuation byte as in RFC 3629, section 4 */

    json->utf8_min = 0x80;
    json->utf8_max = 0xbf;

    if (ch < 0xe0) {
        if (ch < 0xc2) {
            /* a control character as well */
            goto error;
        }

        json->utf8 = 1;

    } else if (ch < 0xf0) {
        json->utf8 = 2;

        if (ch == 0xe0) {
            json->utf8_min = 0xa0;

        } else if (ch == 0xed) {
            json->utf8_max = 0x9f;
        }

    } else {
        if (ch > 0xf4) {
            goto error;
        }

        json->utf8 = 3;

        if (ch == 0xf0) {
            json->utf8_min = 0x90;

        } else if (ch == 0xf4) {
            json->utf8_max = 0x8f;
        }
    }

    p++;

utf8:

    do {
        if (p == last) {
            state = json_utf8;
            goto out_string;
        }

        if (*p < json->utf8_min || *p > json->utf8_max) {
            goto error;
        }

        p++;
        json->utf8_min = 0x80;
        json->utf8_max = 0xbf;

    } while (--json->utf8);

    goto string;

escape:

    more(json_escape);

    switch (*p) {

    case '"':
    case '\\':
    case '/':
        ch = *p;
        break;

    case 'b':
        ch = '\b';
        break;

    case 'f':
        ch = '\f';
        break;

    case 'n':
        ch = '\n';
        break;

    case 'r':
        ch = '\r';
        break;

    case 't':
        ch = '\t';
        break;

    case 'u':
        json->code = 0;
        json->hex = 4;
        p++;
        goto hex;

    default:
        goto error;
    }

    p++;
    run = p;

    if (json->sink >= sink_name) {
        ngx_http_webhook_json_emit(json, &ch, 1);
    }

    goto string;

hex:

    do {
        more(json_hex);

        ch = *p;

        if (ngx_http_webhook_json_is_digit(ch)) {
            ch -= '0';

        } else {
            ch |= 0x20;

            if (ch < 'a' || ch > 'f') {
                goto error;
            }

            ch -= 'a' - 10;
        }

        json->code = (json->code << 4) + ch;
        p++;

    } while (--json->hex);

    run = p;

    if (json->sink >= sink_name) {
        ngx_http_webhook_json_code_unit(json);
    }

    goto string;

string_end:

    if (json->type) {

        if (json->sink == sink_text) {
            ngx_http_webhook_json_emit(json, run, p - run);
            ngx_http_webhook_json_lone_surrogate(json);
        }

        p++;
        goto value_end;
    }

    if (json->sink == sink_name) {

        if (json->name_len == 0
            && json->high == 0
            && p - run <= NGX_HTTP_WEBHOOK_JSON_NAME)
        {
            json->action = json->handler->name(json->data, json->depth, run,
                                               p - run);

        } else {
            ngx_http_webhook_json_emit(json, run, p - run);
            ngx_http_webhook_json_lone_surrogate(json);

            json->action = ngx_http_webhook_json_name(json);
        }

        json->sink = sink_none;
    }

    p++;

colon:

    space(json_colon);

    if (*p != ':') {
        goto error;
    }

    p++;
    goto value;

literal:

    do {
        more(json_literal);

        if (*p != *json->literal) {
            goto error;
        }

        p++;

    } while (*++json->literal);

    goto value_end;

minus:

    more(json_minus);

    ch = *p;

    if (!ngx_http_webhook_json_is_digit(ch)) {
        goto error;
    }

    p++;

    if (ch != '0') {
        goto integer;
    }

zero:

    more(json_zero);

    goto integer_end;

integer:

    while (p < last && ngx_http_webhook_json_is_digit(*p)) {
        p++;
    }

    more(json_integer);

integer_end:

    if (*p == '.') {
        p++;
        goto point;
    }

    if ((*p | 0x20) == 'e') {
        p++;
        goto e;
    }

    goto value_end;

point:

    json->type = NGX_HTTP_WEBHOOK_JSON_REAL;

    more(json_point);

    if (!ngx_http_webhook_json_is_digit(*p)) {
        goto error;
    }

fraction:

    while (p < last && ngx_http_webhook_json_is_digit(*p)) {
        p++;
    }

    more(json_fraction);

    if ((*p | 0x20) != 'e') {
        goto value_end;
    }

    p++;

e:

    json->type = NGX_HTTP_WEBHOOK_JSON_REAL;

    more(json_e);

    if (*p == '+' || *p == '-') {
        p++;

e_sign:

        more(json_e_sign);
    }

    if (!ngx_http_webhook_json_is_digit(*p)) {
        goto error;
    }

exponent:

    while (p < last && ngx_http_webhook_json_is_digit(*p)) {
        p++;
    }

    more(json_exponent);

    goto value_end;

close:

    json->type = ngx_http_webhook_json_in_object(json)
                 ? NGX_HTTP_WEBHOOK_JSON_OBJECT
                 : NGX_HTTP_WEBHOOK_JSON_ARRAY;

    json->depth--;

    if (json->watch == json->depth + 1) {
        json->watch--;
        json->action = NGX_HTTP_WEBHOOK_JSON_DESCEND;
    }

value_end:

    depth = json->depth;

    if (depth == json->watch && json->action) {

        if (json->sink == sink_raw && p != raw) {
            json->handler->text(json->data, depth, raw, p - raw);
        }

        json->sink = sink_none;

        json->handler->value(json->data, depth, json->type, json->start[depth],
                             offset(p));
    }

    if (depth == 0) {
        goto end;
    }

comma:

    space(json_comma);

    if (ngx_http_webhook_json_in_object(json)) {

        if (*p == ',') {
            p++;
            goto name;
        }

        if (*p != '}') {
            goto error;
        }

    } else {

        if (*p == ',') {
            p++;

            if (json->depth == json->watch) {
                json->action = json->handler->element(json->data, json->depth);
            }

            goto value;
        }

        if (*p != ']') {
            goto error;
        }
    }

    p++;
    goto close;

end:

    space(json_end);

error:

    json->offset = offset(p);
    json->state = json_error;

    return NGX_ERROR;

out_string:

    if (json->sink >= sink_name) {
        ngx_http_webhook_json_emit(json, run, p - run);
    }

out:

    if (json->sink == sink_raw && p != raw) {
        json->handler->text(json->data, json->watch, raw, p - raw);
    }

    json->state = state;
    json->offset += len;

    return NGX_OK;

#undef offset
#undef more
#undef space
}


/*
 * Says that no more bytes follow.  Returns NGX_OK for a complete text,
 * otherwise NGX_ERROR with json->offset as in ngx_http_webhook_json_feed().
 */

ngx_int_t
ngx_http_webhook_json_finish(ngx_http_webhook_json_t *json)
{
    switch (json->state) {

    case json_end:
        return NGX_OK;

    case json_zero:
    case json_integer:
    case json_fraction:
    case json_exponent:

        /* only now is it known where a number that is the whole text ends */

        if (json->depth == 0) {
            json->state = json_end;

            if (json->handler) {
                json->handler->value(json->data, 0, json->type, json->start[0],
                                     json->offset);
            }

            return NGX_OK;
        }

        /* fall through */

    default:
        json->state = json_error;
        return NGX_ERROR;
    }
}


/* Returns the first byte that is not whitespace between tokens, or "last". */

static u_char *
ngx_http_webhook_json_space(u_char *p, u_char *last)
{
    uint64_t  word;

    for ( ;; ) {

        if (p == last || *p > ' ') {
            return p;
        }

        if (*p != ' ' && *p != '\n' && *p != '\r' && *p != '\t') {
            return p;
        }

        p++;

        /* indentation */

        while (last - p >= 8) {
            ngx_memcpy(&word, p, 8);

            if (word != 0x2020202020202020ULL) {
                break;
            }

            p += 8;
        }
    }
}


/*
 * Returns the first byte in a string that ends a run of plain ones, that is
 * a quote, a backslash, a control character or one beyond ASCII, or "last".
 */

static ngx_inline u_char *
ngx_http_webhook_json_plain(u_char *p, u_char *last)
{
#if (__SSE2__ && !NGX_HTTP_WEBHOOK_JSON_PORTABLE)

    int      mask;
    __m128i  chunk;

    while (last - p >= 16) {
        chunk = _mm_loadu_si128((const __m128i *) p);

        /* as signed numbers, bytes beyond ASCII are less than a space too */

        mask = _mm_movemask_epi8(
                   _mm_or_si128(_mm_cmplt_epi8(chunk, _mm_set1_epi8(' ')),
                       _mm_or_si128(_mm_cmpeq_epi8(chunk, _mm_set1_epi8('"')),
                           _mm_cmpeq_epi8(chunk, _mm_set1_epi8('\\')))));

        if (mask) {
            return p + __builtin_ctz(mask);
        }

        p += 16;
    }

#else

    uint64_t  word, quote, slash;

#define every(b)    (0x0101010101010101ULL * (b))

    while (last - p >= 8) {
        ngx_memcpy(&word, p, 8);

        quote = word ^ every('"');
        slash = word ^ every('\\');

        /* the high bit of a byte: less than 0x20, equal, or beyond ASCII */

        if (((word - every(0x20)) | (quote - every(1)) | (slash - every(1)))
            & every(0x80))
        {
            break;
        }

        p += 8;
    }

#undef every

#endif

    while (p < last && *p >= ' ' && *p != '"' && *p != '\\' && *p < 0x80) {
        p++;
    }

    return p;
}


/* Passes decoded bytes of a name, or of a string that is reported, on. */

static void
ngx_http_webhook_json_emit(ngx_http_webhook_json_t *json, u_char *p, size_t len)
{
    size_t  room;

    if (len == 0) {
        return;
    }

    ngx_http_webhook_json_lone_surrogate(json);

    if (json->sink == sink_text) {
        json->handler->text(json->data, json->depth, p, len);
        return;
    }

    if (json->name_len > NGX_HTTP_WEBHOOK_JSON_NAME) {
        return;
    }

    room = NGX_HTTP_WEBHOOK_JSON_NAME - json->name_len;

    ngx_memcpy(json->name + json->name_len, p, ngx_min(len, room));
    json->name_len += ngx_min(len, room + 1);
}


/* Reports a member's name; returns what is to be done with its value. */

static ngx_uint_t
ngx_http_webhook_json_name(ngx_http_webhook_json_t *json)
{
    size_t  len;

    len = json->name_len;

    if (len > NGX_HTTP_WEBHOOK_JSON_NAME) {

        len = NGX_HTTP_WEBHOOK_JSON_NAME;

        if (memchr(json->name, '\0', len) == NULL) {
            return NGX_HTTP_WEBHOOK_JSON_SKIP;
        }
    }

    return json->handler->name(json->data, json->depth, json->name, len);
}


/*
 * Takes json->code, a UTF-16 code unit of a \u escape (RFC 8259, section 7).
 */

static void
ngx_http_webhook_json_code_unit(ngx_http_webhook_json_t *json)
{
    ngx_uint_t  code;

    code = json->code;

    if (code >= 0xdc00 && code <= 0xdfff) {

        if (json->high) {
            code = 0x10000 + ((json->high - 0xd800) << 10) + (code - 0xdc00);
            json->high = 0;

        } else {
            code = 0xfffd;
        }

    } else if (code >= 0xd800 && code <= 0xdbff) {
        ngx_http_webhook_json_lone_surrogate(json);
        json->high = code;
        return;
    }

    ngx_http_webhook_json_code_point(json, code);
}


/* Ends a high surrogate that no low one follows: it becomes U+FFFD. */

static void
ngx_http_webhook_json_lone_surrogate(ngx_http_webhook_json_t *json)
{
    if (json->high) {
        json->high = 0;
        ngx_http_webhook_json_code_point(json, 0xfffd);
    }
}


/* Passes a code point on, in UTF-8. */

static void
ngx_http_webhook_json_code_point(ngx_http_webhook_json_t *json, ngx_uint_t code)
{
    u_char  *p, utf8[4];

    p = utf8;

    if (code < 0x80) {
        *p++ = (u_char) code;

    } else {

        if (code < 0x800) {
            *p++ = (u_char) (0xc0 | code >> 6);

        } else {

            if (code < 0x10000) {
                *p++ = (u_char) (0xe0 | code >> 12);

            } else {
                *p++ = (u_char) (0xf0 | code >> 18);
                *p++ = (u_char) (0x80 | (code >> 12 & 0x3f));
            }

            *p++ = (u_char) (0x80 | (code >> 6 & 0x3f));
        }

        *p++ = (u_char) (0x80 | (code & 0x3f));
    }

    ngx_http_webhook_json_emit(json, utf8, p - utf8);
}
