
/*
 * Tests of the incremental JSON scanner.
 *
 *     json [seed [count]]
 *
 * The scanner alone is linked, and jansson as a second opinion.  Output is TAP.
 *
 * A corpus of valid and invalid texts says for each one the result, the offset
 * of the error and for many the calls to be made.  Each text is scanned in all
 * splits into two pieces, one byte at a time, short ones in all splits into
 * three, and with empty pieces in between: the calls, the result and the offset
 * must not differ.  Then come sets that are made in loops: each byte in each
 * place of a string, UTF-8 sequences, escapes, sequences of tokens, and "count"
 * random texts.
 *
 * What jansson says of a text is compared by test_oracle(), see oracle.h.
 */


#include "oracle.h"


#define TEST_NOTES    8                 /* diagnostics for each test */

#if defined __SANITIZE_ADDRESS__
#define TEST_SLOW     1
#elif defined __has_feature
#if __has_feature(address_sanitizer)
#define TEST_SLOW     1
#endif
#endif

#if (TEST_SLOW)
#define TEST_COUNT    60000
#define TEST_TOKENS   4
#else
#define TEST_COUNT    400000
#define TEST_TOKENS   6
#endif


typedef struct {
    size_t             len;
    u_char            *text;
    off_t              error;
    const char        *calls;     /* NULL: any */
} test_case_t;


#define test_valid(s)                                                         \
    { sizeof(s) - 1, (u_char *) s, TEST_VALID, NULL }

#define test_reported(s, calls)                                               \
    { sizeof(s) - 1, (u_char *) s, TEST_VALID, calls }

#define test_refused(s, error)                                                \
    { sizeof(s) - 1, (u_char *) s, error, NULL }

#define test_refused_reported(s, error, calls)                                \
    { sizeof(s) - 1, (u_char *) s, error, calls }


static void test_corpus(void);
static void test_long(void);
static void test_long_names(void);
static void test_depth(void);
static void test_buf(test_buf_t *b, off_t error, const char *calls);
static void test_split(test_case_t *tc);
static void test_pieces(test_case_t *tc, size_t *cut, ngx_uint_t n);

static void test_string_bytes(void);
static void test_escape_bytes(void);
static void test_space_bytes(void);
static void test_utf8(void);
static size_t test_utf8_error(u_char *text, size_t len);
static void test_code_units(void);
static void test_decoded(test_buf_t *in, test_buf_t *out);
static size_t test_utf8_encode(u_char *p, ngx_uint_t code);
static void test_tokens(const char *what, const char *before,
    const char **tokens, ngx_uint_t max, const char *after);

static void test_random_texts(ngx_uint_t count);
static ngx_uint_t test_random_text(test_buf_t *b);
static void test_random_value(test_buf_t *b, ngx_uint_t level);
static void test_random_object(test_buf_t *b, ngx_uint_t level);
static void test_random_name(test_buf_t *b);
static void test_random_string(test_buf_t *b);
static void test_random_number(test_buf_t *b);
static void test_random_digits(test_buf_t *b, ngx_uint_t n);
static void test_random_space(test_buf_t *b);
static void test_mutate(test_buf_t *b, test_buf_t *other);
static void test_insert(test_buf_t *b, size_t place, u_char *p, size_t len);

static void test_expect(test_buf_t *b, off_t error);
static void test_fill(test_buf_t *b, const char *s, ngx_uint_t n);
static void test_done(const char *fmt, ...);


static test_case_t  test_cases[] = {

    /* one value of each type */

    test_reported("null", "0/null@0-4"),
    test_reported("true", "0/boolean@0-4"),
    test_reported("false", "0/boolean@0-5"),
    test_reported("0", "0/integer@0-1"),
    test_reported("1.5", "0/real@0-3"),
    test_reported("\"\"", "0/string@0-2"),
    test_reported("\"text\"", "0/string@0-6"),
    test_reported("[]", "0/array@0-2"),
    test_reported("{}", "0/object@0-2"),
    test_reported(" \n[\r\t] ", "0/array@2-6"),
    test_reported(" \n{\r\t} ", "0/object@2-6"),

    /* nothing, and whitespace */

    test_refused_reported("", 0, ""),
    test_refused(" ", 1),
    test_refused(" \t\r\n \t\r\n", 8),
    test_reported("\t0", "0/integer@1-2"),
    test_reported("\n0\r", "0/integer@1-2"),
    test_reported(" \r\n\t-1.5 \r\n\t", "0/real@4-8"),
    test_valid("\r[\n1\t, 2\r]\n"),
    test_valid(" { \"a\" : 1 , \"b\" : 2 } "),
    test_valid("\n{\n\"a\"\n:\n1\n,\n\"b\"\n:\n2\n}\n"),
    test_valid("[                    1,\n                    2 ]        "),
    test_refused("\f1", 0),
    test_refused("\v1", 0),
    test_refused("1\f", 1),
    test_refused("[\f]", 1),
    test_refused("[1\v,2]", 2),
    test_refused("[1,\f2]", 3),
    test_refused("{\v}", 1),
    test_refused("{\"a\"\f:1}", 4),
    test_refused("{\"a\":\v1}", 5),
    test_refused("{\"a\":1\f}", 6),
    test_refused("{\"a\":1,\v\"b\":2}", 7),
    test_refused("[\0]", 1),
    test_refused("\0", 0),
    test_refused("1\0", 1),
    test_refused("[1\0]", 2),
    test_refused("[true\0]", 5),
    test_refused("[\x7f]", 1),
    test_refused("[\xc2\xa0]", 1),              /* no-break space */
    test_refused("[\xc2\x85]", 1),              /* next line */
    test_refused("[\xe2\x80\xa8]", 1),          /* line separator */
    test_refused("\xe2\x81\xa0[]", 0),          /* word joiner */
    test_refused("[1,\xe3\x80\x80 2]", 3),      /* ideographic space */

    /* byte order marks */

    test_refused("\xef\xbb\xbf", 0),
    test_refused("\xef\xbb\xbf{}", 0),
    test_refused(" \xef\xbb\xbf{}", 1),
    test_refused("{}\xef\xbb\xbf", 2),
    test_refused("\xfe\xff\0{\0}", 0),
    test_refused("\xff\xfe{\0}\0", 0),
    test_refused("{\0}\0", 1),
    test_refused("\0{\0}", 0),
    test_reported("{\"a\":\"\xef\xbb\xbf\"}",
                  "1:a =%EF%BB%BF 1/string@5-10 0/object@0-11"),

    /* numbers */

    test_valid("-0"),
    test_valid("1"),
    test_valid("-1"),
    test_valid("9"),
    test_valid("10"),
    test_valid("-10"),
    test_valid("100"),
    test_valid("1234567890"),
    test_valid("9223372036854775807"),
    test_valid("-9223372036854775808"),
    test_valid("9223372036854775808"),
    test_valid("18446744073709551616"),
    test_valid("-123456789012345678901234567890"),
    test_valid("0.0"),
    test_valid("-0.0"),
    test_valid("0.5"),
    test_valid("0.000000000000000000000000000000000000000000000000001"),
    test_valid("1.0"),
    test_valid("10.01"),
    test_valid("3.14159265358979323846264338327950288419716939937510"),
    test_valid("0e0"),
    test_valid("0E0"),
    test_valid("-0e-0"),
    test_valid("1e1"),
    test_valid("1E1"),
    test_valid("1e+1"),
    test_valid("1E-1"),
    test_valid("1e00"),
    test_valid("1e+00"),
    test_valid("1e-007"),
    test_valid("0.0e0"),
    test_valid("12.34e56"),
    test_valid("12.34E+56"),
    test_valid("-12.34e-56"),
    test_valid("1e308"),
    test_valid("1e309"),
    test_valid("-1e400"),
    test_valid("1e-400"),
    test_valid("1e99999999999999999999"),
    test_valid("-1.5E-99999999999999999999"),
    test_reported("123", "0/integer@0-3"),
    test_reported(" 123", "0/integer@1-4"),
    test_reported("123 ", "0/integer@0-3"),
    test_reported("-0", "0/integer@0-2"),
    test_reported("-0.0", "0/real@0-4"),
    test_reported("0e0", "0/real@0-3"),
    test_reported("1E5\n", "0/real@0-3"),
    test_reported("[0]", "0/array@0-3"),
    test_valid("[0,-0,1.5,-1e1,2]"),
    test_valid("[0 ,-0 ,1.5 ,-1e1 ,2 ]"),
    test_reported("{\"a\":0}", "1:a =0 1/integer@5-6 0/object@0-7"),
    test_reported("{\"a\":-0,\"b\":-0.0}",
                  "1:a =-0 1/integer@5-7 1:b =-0.0 1/real@12-16"
                  " 0/object@0-17"),
    test_reported("{\"a\":1E+2}", "1:a =1E+2 1/real@5-9 0/object@0-10"),
    test_reported("{\"a\":12.50e-07 }",
                  "1:a =12.50e-07 1/real@5-14 0/object@0-16"),
    test_reported("{\"a\":1234567890123456789012345678901234567890}",
                  "1:a =1234567890123456789012345678901234567890"
                  " 1/integer@5-45 0/object@0-46"),
    test_refused("-", 1),
    test_refused("[-]", 2),
    test_refused("- 1", 1),
    test_refused("--1", 1),
    test_refused("-a", 1),
    test_refused("-.5", 1),
    test_refused("-e1", 1),
    test_refused("-Infinity", 1),
    test_refused("-\"\"", 1),
    test_refused("+", 0),
    test_refused("+1", 0),
    test_refused("[+1]", 1),
    test_refused(".", 0),
    test_refused(".5", 0),
    test_refused("[.5]", 1),
    test_refused("e1", 0),
    test_refused_reported("00", 1, "0/integer@0-1"),
    test_refused("01", 1),
    test_refused("-00", 2),
    test_refused("-01", 2),
    test_refused("000.5", 1),
    test_refused("[01]", 2),
    test_refused("[0 1]", 3),
    test_refused("{\"a\":01}", 6),
    test_refused("0.", 2),
    test_refused("1.", 2),
    test_refused("1. ", 2),
    test_refused("1.e1", 2),
    test_refused("1..2", 2),
    test_refused("1.-2", 2),
    test_refused("1.a", 2),
    test_refused("[1.]", 3),
    test_refused("{\"a\":1.}", 7),
    test_refused("{\"a\":1.,\"b\":2}", 7),
    test_refused("1.2.3", 3),
    test_refused("1.2-3", 3),
    test_refused("1e", 2),
    test_refused("1E", 2),
    test_refused("1e+", 3),
    test_refused("1e-", 3),
    test_refused("1e ", 2),
    test_refused("1e+ 1", 3),
    test_refused("1e+-1", 3),
    test_refused("1e--1", 3),
    test_refused("1ee1", 2),
    test_refused("1e.5", 2),
    test_refused("1e1.5", 3),
    test_refused("1e1e1", 3),
    test_refused("1e1-", 3),
    test_refused("1.5e", 4),
    test_refused("1.5e+", 5),
    test_refused("1.5e+]", 5),
    test_refused("[1e]", 3),
    test_refused("[1e+]", 4),
    test_refused("[1E-,2]", 4),
    test_refused("1 e1", 2),
    test_refused("1 .5", 2),
    test_refused("1-1", 1),
    test_refused("1+1", 1),
    test_refused("1/2", 1),
    test_refused("1:2", 1),
    test_refused("1_000", 1),
    test_refused("1,000", 1),
    test_refused("0x10", 1),
    test_refused("0b1", 1),
    test_refused("0.1f", 3),
    test_refused("1f", 1),
    test_refused("1L", 1),
    test_refused("1a", 1),
    test_refused("[1a]", 2),
    test_refused("1true", 1),
    test_refused("1\"\"", 1),
    test_refused("1[]", 1),
    test_refused("Infinity", 0),
    test_refused("inf", 0),
    test_refused("NaN", 0),
    test_refused("nan", 1),
    test_refused("[NaN]", 1),
    test_refused("\xef\xbc\x91", 0),            /* full-width digit */
    test_refused("[1\xd9\xa1]", 2),             /* arabic digit */

    /* literals */

    test_valid("[null,true,false]"),
    test_valid("[ null , true , false ]"),
    test_reported("{\"a\":null,\"b\":true,\"c\":false}",
                  "1:a =null 1/null@5-9 1:b =true 1/boolean@14-18"
                  " 1:c =false 1/boolean@23-28 0/object@0-29"),
    test_refused("n", 1),
    test_refused("nu", 2),
    test_refused("nul", 3),
    test_refused("t", 1),
    test_refused("tr", 2),
    test_refused("tru", 3),
    test_refused("f", 1),
    test_refused("fa", 2),
    test_refused("fal", 3),
    test_refused("fals", 4),
    test_refused("nulL", 3),
    test_refused("nil", 1),
    test_refused("none", 1),
    test_refused("nuul", 2),
    test_refused_reported("nulll", 4, "0/null@0-4"),
    test_refused("null0", 4),
    test_refused("tRue", 1),
    test_refused("trie", 2),
    test_refused("tru ", 3),
    test_refused("tr ue", 2),
    test_refused("truee", 4),
    test_refused("true1", 4),
    test_refused("true-", 4),
    test_refused("falsy", 4),
    test_refused("fAlse", 1),
    test_refused("falsefalse", 5),
    test_refused("True", 0),
    test_refused("TRUE", 0),
    test_refused("False", 0),
    test_refused("Null", 0),
    test_refused("undefined", 0),
    test_refused("yes", 0),
    test_refused("[tru]", 4),
    test_refused("[nul,1]", 4),
    test_refused("[fals", 5),
    test_refused("[truefalse]", 5),
    test_refused("[true null]", 6),
    test_refused("{\"a\":nul}", 8),
    test_refused("{\"a\":tru", 8),
    test_refused("{\"a\":t\"\"}", 6),
    test_refused_reported("{\"a\":falze}", 8, "1:a"),

    /* strings and their escapes */

    test_valid("\"a\""),
    test_valid("\"0123456789abcdef0123456789abcdef0123456789abcdef\""),
    test_valid("\" /* no comment */ // \""),
    test_valid("\"{[:,]}\""),
    test_valid("\"'\""),
    test_valid("\"\x7f\""),
    test_valid("\"\\\"\""),
    test_valid("\"\\\\\""),
    test_valid("\"\\/\""),
    test_valid("\"\\b\\f\\n\\r\\t\""),
    test_valid("\"\\\\u0000\""),
    test_valid("\"\\\\\\\"\\\\\""),
    test_reported("{\"a\":\"\"}", "1:a 1/string@5-7 0/object@0-8"),
    test_reported("{\"a\":\" \"}", "1:a =%20 1/string@5-8 0/object@0-9"),
    test_reported("{\"a\":\"\\\"\\\\\\/\"}",
                  "1:a =\"\\/ 1/string@5-13 0/object@0-14"),
    test_reported("{\"a\":\"\\b\\f\\n\\r\\t\"}",
                  "1:a =%08%0C%0A%0D%09 1/string@5-17 0/object@0-18"),
    test_reported("{\"a\":\"b\\\\n\"}",
                  "1:a =b\\n 1/string@5-11 0/object@0-12"),
    test_reported("{\"a\":\"a long run, \\\"quoted\\\", another long run\"}",
                  "1:a =a%20long%20run,%20\"quoted\",%20another%20long%20run"
                  " 1/string@5-47 0/object@0-48"),
    test_reported("{\"a\":\"\x7f\"}", "1:a =%7F 1/string@5-8 0/object@0-9"),
    test_refused("\"", 1),
    test_refused("\"a", 2),
    test_refused("\"0123456789abcdef0123456789abcdef", 33),
    test_refused("\"\\", 2),
    test_refused("\"\\\"", 3),
    test_refused("\"\\\\\\\"", 5),
    test_refused("\"\\a\"", 2),
    test_refused("\"\\v\"", 2),
    test_refused("\"\\0\"", 2),
    test_refused("\"\\'\"", 2),
    test_refused("\"\\ \"", 2),
    test_refused("\"\\x41\"", 2),
    test_refused("\"\\N\"", 2),
    test_refused("\"\\U0041\"", 2),
    test_refused("\"\\u\"", 3),
    test_refused("\"\\\n\"", 2),
    test_refused("\"\\\0\"", 2),
    test_refused("\"\\\x7f\"", 2),
    test_refused("\"\\\xc3\xa9\"", 2),
    test_refused("[\"a\\z\"]", 4),
    test_refused("{\"a\\z\":1}", 4),
    test_refused_reported("{\"a\":\"b\\z\"}", 8, "1:a"),
    test_refused("\"a\nb\"", 2),
    test_refused("\"a\tb\"", 2),
    test_refused("\"a\rb\"", 2),
    test_refused("\"\0\"", 1),
    test_refused("\"\x1f\"", 1),
    test_refused("\"a long enough run of characters\x01\"", 32),
    test_refused("[\"new\nline\"]", 5),
    test_refused("{\"a\nb\":1}", 3),
    test_refused("{\"a\":\"\0\"}", 6),
    test_refused("'a'", 0),
    test_refused("`a`", 0),
    test_refused("a", 0),
    test_refused("[a]", 1),
    test_refused("\"a\"b", 3),
    test_refused("\"a\"\"b\"", 3),
    test_refused("\"a\" \"b\"", 4),
    test_refused("\\\"a\"", 0),
    test_refused("\xe2\x80\x9c" "a\xe2\x80\x9d", 0),    /* typographic quotes */

    /* \u escapes */

    test_valid("\"\\u0041\""),
    test_valid("\"\\u0000\""),
    test_valid("\"\\uabcd\\uABCD\\uaBcD\""),
    test_valid("\"\\uffff\""),
    test_reported("{\"a\":\"\\u0041\\u0062\"}",
                  "1:a =Ab 1/string@5-19 0/object@0-20"),
    test_reported("{\"a\":\"\\u0000\"}",
                  "1:a =%00 1/string@5-13 0/object@0-14"),
    test_reported("{\"a\":\"b\\u0000c\"}",
                  "1:a =b%00c 1/string@5-15 0/object@0-16"),
    test_reported("{\"a\":\"\\u0022\\u005c\\u002F\"}",
                  "1:a =\"\\/ 1/string@5-25 0/object@0-26"),
    test_reported("{\"a\":\"\\u001f\\u007F\\u0080\\u07fF\"}",
                  "1:a =%1F%7F%C2%80%DF%BF 1/string@5-31 0/object@0-32"),
    test_reported("{\"a\":\"\\u0800\\uD7ff\\ue000\\uFFFF\"}",
                  "1:a =%E0%A0%80%ED%9F%BF%EE%80%80%EF%BF%BF 1/string@5-31"
                  " 0/object@0-32"),
    test_reported("{\"a\":\"\\u00e9\\u20AC\"}",
                  "1:a =%C3%A9%E2%82%AC 1/string@5-19 0/object@0-20"),
    test_refused("\"\\u", 3),
    test_refused("\"\\u0", 4),
    test_refused("\"\\u00", 5),
    test_refused("\"\\u004", 6),
    test_refused("\"\\u0041", 7),
    test_refused("\"\\u0\"", 4),
    test_refused("\"\\u00\"", 5),
    test_refused("\"\\u004\"", 6),
    test_refused("\"\\ug041\"", 3),
    test_refused("\"\\u0g41\"", 4),
    test_refused("\"\\u00G1\"", 5),
    test_refused("\"\\u004`\"", 6),
    test_refused("\"\\u004@\"", 6),
    test_refused("\"\\u004/\"", 6),
    test_refused("\"\\u004:\"", 6),
    test_refused("\"\\u+041\"", 3),
    test_refused("\"\\u-041\"", 3),
    test_refused("\"\\u 041\"", 3),
    test_refused("\"\\u0x41\"", 4),
    test_refused("\"\\u{41}\"", 3),
    test_refused("\"\\u00\\n1\"", 5),
    test_refused("\"\\u00\0" "1\"", 5),
    test_refused("\"\\u00\x10" "1\"", 5),       /* "0" but for one bit */
    test_refused("\"\\u00\x01" "1\"", 5),
    test_refused("\"\\u00\xe1" "1\"", 5),       /* "a" but for one bit */
    test_refused("\"\\u004\xef\xbc\x91\"", 6),
    test_refused("{\"\\u00z1\":1}", 6),

    /* surrogates */

    test_reported("{\"a\":\"\\ud83d\\ude00\"}",
                  "1:a =%F0%9F%98%80 1/string@5-19 0/object@0-20"),
    test_reported("{\"a\":\"\\uD800\\uDC00\\udbff\\udfff\"}",
                  "1:a =%F0%90%80%80%F4%8F%BF%BF 1/string@5-31"
                  " 0/object@0-32"),
    test_valid("\"\\ud800\""),
    test_valid("\"\\uDFFF\""),
    test_valid("[\"\\ud800\",\"\\udc00\"]"),
    test_reported("{\"a\":\"\\ud800\"}",
                  "1:a =%EF%BF%BD 1/string@5-13 0/object@0-14"),
    test_reported("{\"a\":\"\\udbffx\"}",
                  "1:a =%EF%BF%BDx 1/string@5-14 0/object@0-15"),
    test_reported("{\"a\":\"\\udc00\"}",
                  "1:a =%EF%BF%BD 1/string@5-13 0/object@0-14"),
    test_reported("{\"a\":\"\\udc00\\ud800\"}",
                  "1:a =%EF%BF%BD%EF%BF%BD 1/string@5-19 0/object@0-20"),
    test_reported("{\"a\":\"\\ud800\\ud800\"}",
                  "1:a =%EF%BF%BD%EF%BF%BD 1/string@5-19 0/object@0-20"),
    test_reported("{\"a\":\"\\ud800\\ud800\\udc00\"}",
                  "1:a =%EF%BF%BD%F0%90%80%80 1/string@5-25 0/object@0-26"),
    test_reported("{\"a\":\"\\ud800\\udc00\\udc00\"}",
                  "1:a =%F0%90%80%80%EF%BF%BD 1/string@5-25 0/object@0-26"),
    test_reported("{\"a\":\"\\ud800\\u0041\"}",
                  "1:a =%EF%BF%BDA 1/string@5-19 0/object@0-20"),
    test_reported("{\"a\":\"\\ud800\\n\"}",
                  "1:a =%EF%BF%BD%0A 1/string@5-15 0/object@0-16"),
    test_reported("{\"a\":\"\\ud800\\\\udc00\"}",
                  "1:a =%EF%BF%BD\\udc00 1/string@5-20 0/object@0-21"),
    test_reported("{\"a\":\"\\ud800\xc3\xa9\"}",
                  "1:a =%EF%BF%BD%C3%A9 1/string@5-15 0/object@0-16"),
    test_reported("{\"a\":\"\\ud800 \\udc00\"}",
                  "1:a =%EF%BF%BD%20%EF%BF%BD 1/string@5-20 0/object@0-21"),
    test_reported("{\"a\":\"\\ud800\",\"b\":\"\\udc00\"}",
                  "1:a =%EF%BF%BD 1/string@5-13 1:b =%EF%BF%BD"
                  " 1/string@18-26 0/object@0-27"),
    test_reported("{\"\\ud800\":\"\\udc00\"}",
                  "1:%EF%BF%BD =%EF%BF%BD 1/string@10-18 0/object@0-19"),
    test_reported("{\"x\\udbff\\udfff\":1,\"\\udfff\":2}",
                  "1:x%F4%8F%BF%BF 1:%EF%BF%BD =2 1/integer@28-29"
                  " 0/object@0-30"),
    test_refused("\"\\ud800\\u\"", 9),
    test_refused("\"\\ud800\\u00\"", 11),
    test_refused("\"\\ud800\\", 8),
    test_refused("\"\\ud800\\x\"", 8),
    test_refused("\"\\ud800", 7),
    test_refused("\"\\ud80\"", 6),

    /* UTF-8, RFC 3629, section 4 */

    test_valid("\"\xc2\x80\""),
    test_valid("\"\xdf\xbf\""),
    test_valid("\"\xe0\xa0\x80\""),
    test_valid("\"\xe0\xbf\xbf\""),
    test_valid("\"\xec\x80\x80\""),
    test_valid("\"\xed\x80\x80\""),
    test_valid("\"\xed\x9f\xbf\""),
    test_valid("\"\xee\x80\x80\""),
    test_valid("\"\xef\xbf\xbd\""),
    test_valid("\"\xef\xbf\xbe\xef\xbf\xbf\""),         /* noncharacters */
    test_valid("\"\xf0\x90\x80\x80\""),
    test_valid("\"\xf0\xbf\xbf\xbf\""),
    test_valid("\"\xf1\x80\x80\x80\""),
    test_valid("\"\xf3\xbf\xbf\xbf\""),
    test_valid("\"\xf4\x80\x80\x80\""),
    test_valid("\"\xf4\x8f\xbf\xbf\""),
    test_reported("{\"a\":\"\xc3\xa9t\xc3\xa9 \xf0\x9f\x98\x80\"}",
                  "1:a =%C3%A9t%C3%A9%20%F0%9F%98%80 1/string@5-17"
                  " 0/object@0-18"),
    test_reported("{\"cl\xc3\xa9\":0}",
                  "1:cl%C3%A9 =0 1/integer@8-9 0/object@0-10"),
    test_refused("\"\x80\"", 1),
    test_refused("\"\xbf\"", 1),
    test_refused("\"a\x80\"", 2),
    test_refused("\"\xc3\xa9\x80\"", 3),
    test_refused("\"\xe2\x82\xac\x80\"", 4),
    test_refused("\"\xf0\x9f\x98\x80\x80\"", 5),
    test_refused("\"\xc0\x80\"", 1),
    test_refused("\"\xc0\xaf\"", 1),
    test_refused("\"\xc1\xbf\"", 1),
    test_refused("\"\xc2\"", 2),
    test_refused("\"\xc2", 2),
    test_refused("\"\xc2\x7f\"", 2),
    test_refused("\"\xc2\xc0\"", 2),
    test_refused("\"\xdf\xc2\x80\"", 2),
    test_refused("\"\xe0\x80\x80\"", 2),
    test_refused("\"\xe0\x9f\xbf\"", 2),
    test_refused("\"\xe0\xa0\"", 3),
    test_refused("\"\xe0\xa0\x7f\"", 3),
    test_refused("\"\xe0\xa0\xc0\"", 3),
    test_refused("\"\xe0\xa0", 3),
    test_refused("\"\xe0", 2),
    test_refused("\"\xe2\x82\"", 3),
    test_refused("\"\xed\xa0\x80\"", 2),
    test_refused("\"\xed\xaf\xbf\xed\xbf\xbf\"", 2),
    test_refused("\"\xed\xbf\xbf\"", 2),
    test_refused("\"\xef\xbf\"", 3),
    test_refused("\"\xf0\x80\x80\x80\"", 2),
    test_refused("\"\xf0\x8f\xbf\xbf\"", 2),
    test_refused("\"\xf0\x90\x80\"", 4),
    test_refused("\"\xf0\x90\x80\xc0\"", 4),
    test_refused("\"\xf0\x90\"", 3),
    test_refused("\"\xf0\"", 2),
    test_refused("\"\xf0\x90\x80", 4),
    test_refused("\"\xf4\x90\x80\x80\"", 2),
    test_refused("\"\xf4\xbf\xbf\xbf\"", 2),
    test_refused("\"\xf5\x80\x80\x80\"", 1),
    test_refused("\"\xf7\xbf\xbf\xbf\"", 1),
    test_refused("\"\xf8\x88\x80\x80\x80\"", 1),
    test_refused("\"\xfc\x84\x80\x80\x80\x80\"", 1),
    test_refused("\"\xfe\"", 1),
    test_refused("\"\xff\"", 1),
    test_refused("\"\xe9\"", 2),                        /* ISO 8859-1 */
    test_refused("\"\\\xff\"", 2),
    test_refused("{\"\xff\":1}", 2),
    test_refused("{\"a\xc3\":1}", 4),
    test_refused("{\"a\":\"b\xc3\"}", 8),
    test_refused("\xc3\xa9", 0),
    test_refused("[\xf0\x9f\x98\x80]", 1),
    test_refused("[1\xff]", 2),

    /* arrays */

    test_valid("[[]]"),
    test_valid("[[],[]]"),
    test_valid("[ [ ] , [ ] ]"),
    test_valid("[{}]"),
    test_valid("[{},{}]"),
    test_valid("[[[[[[[[[[]]]]]]]]]]"),
    test_valid("[1,\"a\",null,true,false,[],{},-1.5e1]"),
    test_refused("[", 1),
    test_refused("[ ", 2),
    test_refused("[1", 2),
    test_refused("[1 ", 3),
    test_refused("[1,", 3),
    test_refused("[1, ", 4),
    test_refused("[[]", 3),
    test_refused("[\"a\"", 4),
    test_refused("[\"a", 3),
    test_refused("]", 0),
    test_refused("[]]", 2),
    test_refused("[1]]", 3),
    test_refused("[,]", 1),
    test_refused("[,1]", 1),
    test_refused("[1,]", 3),
    test_refused("[1, ]", 4),
    test_refused("[1,,]", 3),
    test_refused("[1,,2]", 3),
    test_refused("[1 2]", 3),
    test_refused("[1 true]", 3),
    test_refused("[\"a\" \"b\"]", 5),
    test_refused("[1 []]", 3),
    test_refused("[[] []]", 4),
    test_refused("[1;2]", 2),
    test_refused("[1:2]", 2),
    test_refused("[\"a\":1]", 4),
    test_refused("[1}", 2),
    test_refused("[}", 1),
    test_refused("[{]", 2),
    test_refused("[{}", 3),
    test_refused("[{\"a\":1]", 7),
    test_refused("[[1}", 3),
    test_refused("[)", 1),
    test_refused("(1)", 0),
    test_refused("[1)", 2),

    /* objects */

    test_valid("{\"a\":{}}"),
    test_valid("{\"a\":[{\"b\":[{}]}]}"),
    test_reported("{\"\":0}", "1: =0 1/integer@4-5 0/object@0-6"),
    test_refused("{", 1),
    test_refused("{ ", 2),
    test_refused("{\"", 2),
    test_refused("{\"a", 3),
    test_refused("{\"a\"", 4),
    test_refused("{\"a\" ", 5),
    test_refused("{\"a\":", 5),
    test_refused("{\"a\": ", 6),
    test_refused("{\"a\":1", 6),
    test_refused("{\"a\":1 ", 7),
    test_refused("{\"a\":1,", 7),
    test_refused("{\"a\":1, ", 8),
    test_refused("{\"a\":{}", 7),
    test_refused("}", 0),
    test_refused("{}}", 2),
    test_refused("{,}", 1),
    test_refused("{,\"a\":1}", 1),
    test_refused_reported("{\"a\":1,}", 7, "1:a =1 1/integer@5-6"),
    test_refused("{\"a\":1, }", 8),
    test_refused("{\"a\":1,,}", 7),
    test_refused("{\"a\":1,,\"b\":2}", 7),
    test_refused("{\"a\"}", 4),
    test_refused("{\"a\",\"b\"}", 4),
    test_refused("{\"a\":}", 5),
    test_refused("{\"a\":,\"b\":1}", 5),
    test_refused("{\"a\"::1}", 5),
    test_refused("{\"a\":1:2}", 6),
    test_refused("{\"a\" 1}", 5),
    test_refused("{\"a\"=1}", 4),
    test_refused("{\"a\"\"b\"}", 4),
    test_refused("{:1}", 1),
    test_refused("{1}", 1),
    test_refused("{1:2}", 1),
    test_refused("{a:1}", 1),
    test_refused("{'a':1}", 1),
    test_refused("{null:1}", 1),
    test_refused("{[]:1}", 1),
    test_refused("{{}:1}", 1),
    test_refused("{{}}", 1),
    test_refused("{[]}", 1),
    test_refused("{\"a\":1 \"b\":2}", 7),
    test_refused("{\"a\":1;\"b\":2}", 6),
    test_refused("{\"a\":1,\"b\"}", 10),
    test_refused("{\"a\":1,b:2}", 7),
    test_refused("{\"a\":1,1}", 7),
    test_refused("{\"a\":1,{}}", 7),
    test_refused("{]", 1),
    test_refused("{\"a\":1]", 6),
    test_refused("{\"a\":[}", 6),
    test_refused("{\"a\":[1}", 7),
    test_refused("{\"a\":{]}", 6),
    test_refused("{\"a\":1}}", 7),
    test_refused("{\"a\":\"b}", 8),
    test_refused("{\"a:1}", 6),
    test_refused("{...}", 1),

    /* more than one value, and what else people send */

    test_refused_reported("{} {}", 3, "0/object@0-2"),
    test_refused("{}{}", 2),
    test_refused("{}\n{}\n", 3),
    test_refused("[][]", 2),
    test_refused("1 2", 2),
    test_refused("null null", 5),
    test_refused("{},", 2),
    test_refused("{}:", 2),
    test_refused("{};", 2),
    test_refused("{}x", 2),
    test_refused("{} \0", 3),
    test_refused("\"\"\"", 2),
    test_refused(",", 0),
    test_refused(":", 0),
    test_refused("/**/{}", 0),
    test_refused("{}//", 2),
    test_refused("[1/**/]", 2),
    test_refused("{\"a\":/**/1}", 5),
    test_refused("# {}", 0),
    test_refused("<xml/>", 0),
    test_refused("a=1&b=2", 0),
    test_refused("\x1e{}", 0),                  /* RFC 7464 */
    test_refused(")]}'\n{}", 0),
    test_refused("\xf0\x9f\x98\x80", 0),
    test_refused("\\u007b}", 0),
    test_refused("*", 0),
    test_refused("$", 0),
    test_refused("\xff", 0),

    /* members of each type; raw text of compounds */

    test_reported("{\"slug\":\"acme\"}",
                  "1:slug =acme 1/string@8-14 0/object@0-15"),
    test_reported("\r\n{ \"slug\" : \"acme\" , \"n\" : -1.50 }\n",
                  "1:slug =acme 1/string@13-19 1:n =-1.50 1/real@28-33"
                  " 0/object@2-35"),
    test_reported("{\"a\":[]}", "1:a =[] 1/array@5-7 0/object@0-8"),
    test_reported("{\"a\":{}}", "1:a ={} 1/object@5-7 0/object@0-8"),
    test_reported("{\"a\": [ 1 ,\t\"b\\n\" , { } ] }",
                  "1:a =[%201%20,%09\"b\\n\"%20,%20{%20}%20] 1/array@6-25"
                  " 0/object@0-27"),
    test_reported("{\"a\":{ \"a\" :{\"d\": null }\n}}",
                  "1:a ={%20\"a\"%20:{\"d\":%20null%20}%0A} 1/object@5-26"
                  " 0/object@0-27"),
    test_reported("{\"props\":{\"k\":\"\xc3\xa9\\u00e9\\ud800\\/\"},\"b\":1}",
                  "1:props ={\"k\":\"%C3%A9\\u00e9\\ud800\\/\"} 1/object@9-33"
                  " 1:b =1 1/integer@38-39 0/object@0-40"),
    test_reported("{\"a\":[[[]],{\"a\":[{}]}],\"b\":[0]}",
                  "1:a =[[[]],{\"a\":[{}]}] 1/array@5-22 1:b =[0]"
                  " 1/array@27-30 0/object@0-31"),
    test_reported("{\"a\":\"[{\",\"b\":\"}]\"}",
                  "1:a =[{ 1/string@5-9 1:b =}] 1/string@14-18"
                  " 0/object@0-19"),
    test_refused_reported("{\"a\":[1,2 3]}", 10, "1:a"),
    test_refused_reported("{\"a\":{\"b\":01}}", 11, "1:a"),
    test_refused_reported("{\"a\":\"b\" \"c\"}", 9,
                          "1:a =b 1/string@5-8"),
    test_refused_reported("{\"a\":[1]", 8, "1:a =[1] 1/array@5-8"),
    test_refused_reported("{\"a\":-1", 7, "1:a"),

    /* members that nobody wants */

    test_reported("{\"x\":1}", "1:x 0/object@0-7"),
    test_reported("{\"x\":\"\\ud800\",\"a\":\"b\"}",
                  "1:x 1:a =b 1/string@18-21 0/object@0-22"),
    test_reported("{\"x\":{\"slug\":\"no\",\"d\":{\"a\":1}},\"slug\":\"yes\"}",
                  "1:x 1:slug =yes 1/string@38-43 0/object@0-44"),
    test_reported("{\"x\":[{\"slug\":\"no\"}],\"slug\":\"yes\"}",
                  "1:x 1:slug =yes 1/string@28-33 0/object@0-34"),
    test_reported("{\"slug\":{\"slug\":\"no\"},\"a\":2}",
                  "1:slug ={\"slug\":\"no\"} 1/object@8-21 1:a =2"
                  " 1/integer@26-27 0/object@0-28"),
    test_reported("[{\"slug\":\"no\"}]", "0/array@0-15"),
    test_reported("[[{\"d\":{\"a\":1}}],{\"a\":2}]", "0/array@0-25"),
    test_reported("{\"d\":[{\"slug\":\"no\"},[{\"slug\":1}]],\"slug\":2}",
                  "1:d 1/array@5-33 1:slug =2 1/integer@41-42"
                  " 0/object@0-43"),
    test_reported("{\"d\":{\"d\":[{\"a\":1}],\"a\":2},\"a\":3}",
                  "1:d 2:d 2/array@10-19 2:a =2 2/integer@24-25"
                  " 1/object@5-26 1:a =3 1/integer@31-32 0/object@0-33"),

    /* duplicates are the owner's business */

    test_reported("{\"a\":1,\"a\":2}",
                  "1:a =1 1/integer@5-6 1:a =2 1/integer@11-12"
                  " 0/object@0-13"),
    test_reported("{\"a\":1,\"\\u0061\":2}",
                  "1:a =1 1/integer@5-6 1:a =2 1/integer@16-17"
                  " 0/object@0-18"),
    test_reported("{\"d\":{\"a\":1},\"d\":{\"a\":2}}",
                  "1:d 2:a =1 2/integer@10-11 1/object@5-12"
                  " 1:d 2:a =2 2/integer@22-23 1/object@17-24 0/object@0-25"),

    /* names with escapes */

    test_reported("{\"sl\\u0075g\":\"acme\"}",
                  "1:slug =acme 1/string@13-19 0/object@0-20"),
    test_reported("{\"\\u0073\\u006C\\u0075\\u0067\":1}",
                  "1:slug =1 1/integer@28-29 0/object@0-30"),
    test_reported("{\"\\u0078\":1,\"\\u0064\":{\"\\u0061\":2}}",
                  "1:x 1:d 2:a =2 2/integer@31-32 1/object@21-33"
                  " 0/object@0-34"),
    test_reported("{\"a\\u0000b\":0}",
                  "1:a%00b =0 1/integer@12-13 0/object@0-14"),
    test_reported("{\"\\\"\\\\\\/\\b\\f\\n\\r\\t\":0}",
                  "1:\"\\/%08%0C%0A%0D%09 =0 1/integer@20-21 0/object@0-22"),
    test_reported("{\"a%b c\":0}",
                  "1:a%25b%20c =0 1/integer@9-10 0/object@0-11"),
    test_refused_reported("{\"sl\\u0075g\" \"", 13, "1:slug"),

    /* going down, to the last depth that is watched and beyond it */

    test_reported("{\"d\":1,\"d2\":\"b\",\"d3\":null,\"d4\":1.5}",
                  "1:d 1/integer@5-6 1:d2 1/string@12-15 1:d3 1/null@21-25"
                  " 1:d4 1/real@31-34 0/object@0-35"),
    test_reported("{\"d\":{},\"a\":1}",
                  "1:d 1/object@5-7 1:a =1 1/integer@12-13 0/object@0-14"),
    test_reported("{\"d\":{\"a\":1,\"x\":2},\"a\":3}",
                  "1:d 2:a =1 2/integer@10-11 2:x 1/object@5-18"
                  " 1:a =3 1/integer@23-24 0/object@0-25"),
    test_reported("{\"d\":{\"d\":{\"d\":{\"a\":1}}}}",
                  "1:d 2:d 3:d 4:a =1 4/integer@20-21 3/object@15-22"
                  " 2/object@10-23 1/object@5-24 0/object@0-25"),
    test_reported("{\"d\":{\"d\":{\"d\":{\"d\":{\"d\":{\"a\":1}}}}}}",
                  "1:d 2:d 3:d 4:d 5:d 6:a =1 6/integer@30-31"
                  " 5/object@25-32 4/object@20-33 3/object@15-34"
                  " 2/object@10-35 1/object@5-36 0/object@0-37"),
    test_reported("{\"d\":{\"d\":{\"d\":{\"a\":{\"a\":[1]},\"b\":2},\"c\":3}}}",
                  "1:d 2:d 3:d 4:a ={\"a\":[1]} 4/object@20-29"
                  " 4:b =2 4/integer@34-35 3/object@15-36"
                  " 3:c =3 3/integer@41-42 2/object@10-43 1/object@5-44"
                  " 0/object@0-45"),
    test_reported("{\"d\":{\"d\":{\"d\":{\"d\":{\"a\":0},\"a\":1},\"a\":2},"
                  "\"a\":3},\"a\":4}",
                  "1:d 2:d 3:d 4:d 5:a =0 5/integer@25-26 4/object@20-27"
                  " 4:a =1 4/integer@32-33"
                  " 3/object@15-34 3:a =2 3/integer@39-40 2/object@10-41"
                  " 2:a =3 2/integer@46-47 1/object@5-48"
                  " 1:a =4 1/integer@53-54 0/object@0-55"),
    test_reported("{\"x\":{\"d\":{\"a\":1}},\"d\":{\"x\":{\"a\":1},\"a\":2}}",
                  "1:x 1:d 2:x 2:a =2 2/integer@40-41 1/object@23-42"
                  " 0/object@0-43"),
    test_reported(" {\"d\" : { \"a\" : [ ] } } ",
                  "1:d 2:a =[%20] 2/array@16-19 1/object@8-21"
                  " 0/object@1-23"),
    test_refused_reported("{\"d\":{\"a\":1]}", 11,
                          "1:d 2:a =1 2/integer@10-11"),
    test_refused_reported("{\"d\":{\"a\":1},}", 13,
                          "1:d 2:a =1 2/integer@10-11 1/object@5-12"),

    /* events as they are sent */

    test_reported("{\"slug\":\"acme\",\"user_id\":"
                  "\"0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9\","
                  "\"key\":\"00000000-0000-0000-0000-000000000000\","
                  "\"dataset_id\":\"Selected Playlist\"}",
                  "1:slug =acme 1/string@8-14 1:user_id"
                  " =0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9 1/string@25-63"
                  " 1:key =00000000-0000-0000-0000-000000000000"
                  " 1/string@70-108 1:dataset_id 1/string@122-141"
                  " 0/object@0-142"),
    test_refused_reported("{\n  \"slug\": \"acme\",\n  \"key\": \"k\",\n}", 34,
                          "1:slug =acme 1/string@12-18"
                          " 1:key =k 1/string@29-32"),
    test_reported("{\"workspace_id\":\"w\",\"customer_id\":null,"
                  "\"data\":{\"id\":7,\"resource_id\":\"r\",\"type\":\"t\","
                  "\"xdiff\":[1,{\"id\":2}]},\"event\":\"webhook_test\"}",
                  "1:workspace_id =w 1/string@16-19"
                  " 1:customer_id =null 1/null@34-38"
                  " 1:data 2:id =7 2/integer@52-53"
                  " 2:resource_id =r 2/string@68-71 2:type =t 2/string@79-82"
                  " 2:xdiff 1/object@46-104"
                  " 1:event =webhook_test 1/string@113-127 0/object@0-128")
};


static ngx_uint_t     test_number;
static ngx_uint_t     test_failed;       /* tests */
static ngx_uint_t     test_notes;        /* of the current test */

static uint64_t       test_seed;


int
main(int argc, char **argv)
{
    ngx_uint_t           count;

    static const char   *structure[] = {
        "{", "}", "[", "]", ",", ":", "\"d\"", "1", NULL
    };

    static const char   *number[] = {
        "0", "1", "-", "+", ".", "e", NULL
    };

    static const char   *string[] = {
        "\\", "u", "d8", "dc", "00", "\"", "n", "\xc3", "\xa9", NULL
    };

    static const char   *literal[] = {
        "n", "u", "l", "t", "r", "e", "f", "a", "s", NULL
    };

    test_seed = (argc > 1) ? strtoull(argv[1], NULL, 0) : 1;
    count = (argc > 2) ? strtoul(argv[2], NULL, 0) : TEST_COUNT;

    printf("# seed %llu, %lu random texts\n", (unsigned long long) test_seed,
           (unsigned long) count);

    json_object_seed(1);

    test_corpus();
    test_long();
    test_long_names();
    test_depth();

    test_string_bytes();
    test_escape_bytes();
    test_space_bytes();
    test_utf8();
    test_code_units();

    test_tokens("structure", "", structure, TEST_TOKENS, "");
    test_tokens("structure in an object", "{\"d\":", structure, TEST_TOKENS - 1,
                "}");
    test_tokens("number", "", number, TEST_TOKENS, "");
    test_tokens("number in an object", "{\"a\":", number, TEST_TOKENS - 1, "}");
    test_tokens("string", "{\"a\":\"", string, TEST_TOKENS - 1, "\"}");
    test_tokens("name", "{\"", string, TEST_TOKENS - 1, "\":1}");
    test_tokens("literal", "", literal, TEST_TOKENS - 1, "");

    test_random_texts(count);

    printf("1..%lu\n", (unsigned long) test_number);

    return test_failed ? 1 : 0;
}


static void
test_corpus(void)
{
    ngx_uint_t  i;

    for (i = 0; i < sizeof(test_cases) / sizeof(test_cases[0]); i++) {
        test_split(&test_cases[i]);
    }
}


/* tokens that are longer than a vector register and than most buffers */

static void
test_long(void)
{
    test_buf_t  b;

    b.len = 0;

    test_fill(&b, "7", 500);
    test_buf(&b, TEST_VALID, "0/integer@0-500");

    test_puts(&b, "[-");
    test_fill(&b, "10", 250);
    test_puts(&b, ".");
    test_fill(&b, "0", 500);
    test_puts(&b, "e+");
    test_fill(&b, "9", 100);
    test_puts(&b, "]");
    test_buf(&b, TEST_VALID, "0/array@0-1106");

    test_puts(&b, "{\"a\":0.");
    test_fill(&b, "3", 500);
    test_puts(&b, "}");
    test_buf(&b, TEST_VALID, NULL);

    test_fill(&b, "0", 500);
    test_buf(&b, 1, "0/integer@0-1");

    test_puts(&b, "[");
    test_fill(&b, "5", 500);
    test_puts(&b, "x]");
    test_buf(&b, 501, "");

    test_puts(&b, "1e");
    test_fill(&b, "0", 500);
    test_puts(&b, ".");
    test_buf(&b, 502, "0/real@0-502");

    test_puts(&b, "{\"a\":\"");
    test_fill(&b, "0123456789", 50);
    test_fill(&b, "\\u00e9", 20);
    test_fill(&b, "\xf0\x9f\x98\x80", 20);
    test_puts(&b, "\"}");
    test_buf(&b, TEST_VALID, NULL);

    test_puts(&b, "{\"a\":\"");
    test_fill(&b, "0123456789", 50);
    test_buf(&b, 506, NULL);

    test_fill(&b, " ", 300);
    test_puts(&b, "{");
    test_fill(&b, "\n\t", 100);
    test_puts(&b, "}");
    test_fill(&b, " ", 300);
    test_buf(&b, TEST_VALID, "0/object@300-502");

    test_fill(&b, " ", 300);
    test_puts(&b, "\f");
    test_fill(&b, " ", 300);
    test_buf(&b, 300, "");
}


/* a name is told up to 64 bytes, counted when its escapes are decoded */

static void
test_long_names(void)
{
    char         calls[2048];
    size_t       start;
    test_buf_t   b;
    ngx_uint_t   i, j;

    static struct {
        const char  *unit;
        ngx_uint_t   n;
        const char  *after;
        const char  *told;        /* for each unit; NULL: nothing is */
    } names[] = {
        { "n", 63, "", "n" },
        { "n", 64, "", "n" },
        { "n", 65, "", NULL },
        { "n", 80, "", NULL },
        { "n", 200, "", NULL },
        { "d", 64, "", "d" },
        { "d", 65, "", NULL },
        { "\\u006e", 64, "", "n" },
        { "\\u006e", 65, "", NULL },
        { "\\u006e", 200, "", NULL },
        { "nnnnnnnnnnnnnnn\\n", 4, "", "nnnnnnnnnnnnnnn%0A" },
        { "n", 64, "\\n", NULL },
        { "n", 62, "\\ud800", NULL },
        { "\xc3\xa9", 32, "", "%C3%A9" },
        { "\xc3\xa9", 32, "n", NULL },
        { "\xc3\xa9", 33, "", NULL },
        { "\\u00e9", 32, "", "%C3%A9" },
        { "\\u00e9", 33, "", NULL },
        { "\\ud83d\\ude00", 16, "", "%F0%9F%98%80" },
        { "\\ud83d\\ude00", 17, "", NULL },
        { "\\ud800", 21, "", "%EF%BF%BD" },
        { "\\ud800", 22, "", NULL },
        { "abcdefghijklmnop\\\\", 20, "", NULL }
    };

    b.len = 0;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {

        test_puts(&b, "{\"");
        test_fill(&b, names[i].unit, names[i].n);
        test_puts(&b, names[i].after);
        test_puts(&b, "\":");

        start = b.len;

        test_puts(&b, "{\"a\":1},\"a\":2}");

        calls[0] = '\0';

        if (names[i].told && names[i].told[0] == 'd') {
            strcat(calls, "1:");

            for (j = 0; j < names[i].n; j++) {
                strcat(calls, names[i].told);
            }

            sprintf(calls + strlen(calls),
                    " 2:a =1 2/integer@%zu-%zu 1/object@%zu-%zu ",
                    start + 5, start + 6, start, start + 7);

        } else if (names[i].told) {
            strcat(calls, "1:");

            for (j = 0; j < names[i].n; j++) {
                strcat(calls, names[i].told);
            }

            sprintf(calls + strlen(calls), " ={\"a\":1} 1/object@%zu-%zu ",
                    start, start + 7);
        }

        sprintf(calls + strlen(calls),
                "1:a =2 1/integer@%zu-%zu 0/object@0-%zu",
                start + 12, start + 13, start + 14);

        test_buf(&b, TEST_VALID, calls);
    }
}


static void
test_depth(void)
{
    char       *p, calls[1024];
    test_buf_t  b;
    ngx_uint_t  i;

    static struct {
        const char  *open;
        ngx_uint_t   n;
        const char  *inside;
        const char  *close;
        off_t        error;
    } texts[] = {
        { "[", 512, "", "]", TEST_VALID },
        { "[", 512, "1", "]", TEST_VALID },
        { "[", 512, "{", "]", 512 },
        { "[", 512, ",", "]", 512 },
        { "[", 512, "", "", 512 },
        { "[", 513, "", "]", 512 },
        { "[", 2000, "", "]", 512 },
        { " [ ", 513, "", "", 512 * 3 + 1 },
        { "{\"d\":", 511, "{}", "}", TEST_VALID },
        { "{\"d\":", 512, "\"\"", "}", TEST_VALID },
        { "{\"d\":", 512, "{}", "}", 512 * 5 },
        { "{\"d\":", 512, "[]", "}", 512 * 5 },
        { "{\"d\":", 512, "", "", 512 * 5 },
        { "{\"a\":", 512, "null", "}", TEST_VALID },
        { "{\"a\":", 512, "{}", "}", 512 * 5 },
        { "{\"x\":", 512, "0", "}", TEST_VALID },
        { "{\"x\":", 513, "0", "}", 512 * 5 },
        { "[{\"a\":", 256, "0", "}]", TEST_VALID },
        { "[{\"a\":", 256, "[]", "}]", 256 * 6 },
        { "[{\"a\":", 257, "0", "}]", 256 * 6 },
        { "{\"a\":[", 255, "[{}]", "]}", TEST_VALID },
        { "{\"a\":[", 255, "[{},[[]]]", "]}", 255 * 6 + 5 },

        /* siblings are two levels deeper than their parent */

        { "[{\"b\":[]}, ", 510, "1", "]", TEST_VALID },
        { "[{\"b\":[]}, ", 511, "1", "]", 510 * 11 + 6 },
        { "{\"b\":[{}], \"d\":", 510, "1", "}", TEST_VALID },
        { "{\"b\":[{}], \"d\":", 511, "1", "}", 510 * 15 + 6 },
    };

    b.len = 0;

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        test_fill(&b, texts[i].open, texts[i].n);
        test_puts(&b, texts[i].inside);
        test_fill(&b, texts[i].close, texts[i].n);

        test_buf(&b, texts[i].error, NULL);
    }

    /* what is in the last object that is watched is not reported */

    test_fill(&b, "{\"d\":", 16);
    test_puts(&b, "{\"a\":1}");
    test_fill(&b, "}", 16);

    p = calls;

    for (i = 1; i <= 16; i++) {
        p += sprintf(p, "%lu:d ", (unsigned long) i);
    }

    for (i = 16; i > 0; i--) {
        p += sprintf(p, "%lu/object@%lu-%lu ", (unsigned long) i,
                     (unsigned long) (5 * i), (unsigned long) (103 - i));
    }

    (void) sprintf(p, "0/object@0-103");

    test_buf(&b, TEST_VALID, calls);
}


static void
test_buf(test_buf_t *b, off_t error, const char *calls)
{
    test_case_t  tc;

    tc.len = b->len;
    tc.text = b->text;
    tc.error = error;
    tc.calls = calls;

    test_split(&tc);

    b->len = 0;
}


/* one test: a text in all its splits */

static void
test_split(test_case_t *tc)
{
    size_t          i, j, cut[2];
    static size_t   every[2 * TEST_TEXT];
    test_record_t  *r;

    r = &test_whole;
    r->root = NULL;

    test_scan(r, tc->text, tc->len, NULL, 0);

    if (r->error != tc->error) {
        test_note(tc->text, tc->len, "error at %ld, expected at %ld",
                  (long) r->error, (long) tc->error);
    }

    if (tc->calls && strcmp(r->out, tc->calls) != 0) {
        test_note(tc->text, tc->len, "calls: %s", r->out);
        test_note(tc->text, tc->len, "expected: %s", tc->calls);
    }

    if (r->broken) {
        test_note(tc->text, tc->len, "%s", r->broken);
    }

    /* empty pieces are where cuts are equal, and at both ends */

    for (i = 0; i <= tc->len; i++) {
        cut[0] = i;
        test_pieces(tc, cut, 1);

        if (tc->len <= 24) {
            for (j = i; j <= tc->len; j++) {
                cut[1] = j;
                test_pieces(tc, cut, 2);
            }
        }

        every[i] = i;
    }

    test_pieces(tc, every + 1, tc->len ? tc->len - 1 : 0);

    for (i = 0; i <= tc->len; i++) {
        every[2 * i] = i;
        every[2 * i + 1] = i;
    }

    test_pieces(tc, every, 2 * tc->len + 2);

    test_oracle(tc->text, tc->len);

    if (tc->error == TEST_VALID) {
        test_done("valid: %s", test_show(tc->text, tc->len, 48));

    } else {
        test_done("wrong at %ld: %s", (long) tc->error,
                  test_show(tc->text, tc->len, 48));
    }
}


static void
test_pieces(test_case_t *tc, size_t *cut, ngx_uint_t n)
{
    test_scan(&test_parts, tc->text, tc->len, cut, n);
    test_same(tc->text, tc->len, cut, n);
}


/* each byte in each place of a string: of a vector register and what is left */

static void
test_string_bytes(void)
{
    off_t       error;
    test_buf_t  b;
    ngx_uint_t  ch, i, n;

    n = 40;

    for (ch = 0; ch <= 0xff; ch++) {
        for (i = 0; i < n; i++) {

            b.len = 0;

            test_puts(&b, "{\"a\":\"");
            test_fill(&b, "m", n);
            test_puts(&b, "\"}");

            b.text[6 + i] = (u_char) ch;

            if (ch == '\\' && i == n - 1) {
                /* the closing quote is escaped */
                error = b.len;

            } else if (ch == '"' || ch == '\\' || (ch >= 0xc2 && ch <= 0xf4)) {
                /* the next byte is wrong */
                error = 6 + i + 1;

            } else if (ch >= 0x20 && ch < 0x80) {
                error = TEST_VALID;

            } else {
                error = 6 + i;
            }

            test_expect(&b, error);
        }
    }

    test_done("each byte in each place of a string");
}


static void
test_escape_bytes(void)
{
    off_t       error;
    test_buf_t  b;
    ngx_uint_t  ch, i;

    for (ch = 0; ch <= 0xff; ch++) {

        b.len = 0;
        test_puts(&b, "\"\\.y\"");
        b.text[2] = (u_char) ch;

        if (ch && strchr("\"\\/bfnrt", ch)) {
            error = TEST_VALID;

        } else {
            error = (ch == 'u') ? 3 : 2;
        }

        test_expect(&b, error);

        for (i = 0; i < 4; i++) {
            b.len = 0;
            test_puts(&b, "{\"\\u1111\":0}");
            b.text[4 + i] = (u_char) ch;

            test_expect(&b, (ch && strchr("0123456789abcdefABCDEF", ch))
                            ? TEST_VALID : (off_t) (4 + i));
        }
    }

    test_done("each byte after a backslash and in each place of \\uXXXX");
}


static void
test_space_bytes(void)
{
    off_t         error;
    test_buf_t    b;
    ngx_uint_t    ch, i, j, n;

    static u_char places[] = { 0, 1, 2, 7, 8, 9, 15, 16, 17, 38, 39 };

    static struct {
        const char  *before;
        const char  *after;
    } texts[] = {
        { "", "1" },
        { "1", "" },
        { "[", "]" },
        { "[1", "]" },
        { "[1,", "2]" },
        { "{", "}" },
        { "{\"a\"", ":1}" },
        { "{\"a\":", "1}" },
        { "{\"a\":1", "}" },
        { "{\"a\":1,", "\"b\":2}" }
    };

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {

        n = strlen(texts[i].before);

        for (j = 0; j < sizeof(places); j++) {
            for (ch = 0; ch <= 0xff; ch++) {

                if (ch > ' ' && ch < 0x7f) {
                    continue;
                }

                b.len = 0;

                test_puts(&b, texts[i].before);
                test_fill(&b, " ", 40);
                test_puts(&b, texts[i].after);

                b.text[n + places[j]] = (u_char) ch;

                error = (ch && strchr(" \t\n\r", ch)) ? TEST_VALID
                                                      : (off_t) (n + places[j]);
                test_expect(&b, error);
            }
        }
    }

    test_done("each byte that is not graphic ASCII in whitespace");
}


/* sequences of 1 to 4 bytes from both sides of each limit */

static void
test_utf8(void)
{
    size_t         n;
    test_buf_t     b;
    ngx_uint_t     i, len, place[4];

    static u_char  bytes[] = {
        0x00, 0x1f, 0x20, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1,
        0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4,
        0xf5, 0xff
    };

    for (len = 1; len <= 4; len++) {

        ngx_memzero(place, sizeof(place));

        for ( ;; ) {

            b.len = 0;
            test_puts(&b, "{\"a\":\"");

            for (i = 0; i < len; i++) {
                test_put(&b, &bytes[place[i]], 1);
            }

            test_puts(&b, "\"}");

            n = test_utf8_error(b.text + 6, len + 1);

            test_expect(&b, (n == len + 1) ? TEST_VALID : (off_t) (6 + n));

            for (i = 0; i < len && ++place[i] == sizeof(bytes); i++) {
                place[i] = 0;
            }

            if (i == len) {
                break;
            }
        }
    }

    test_done("UTF-8 sequences");
}


/* the offset of the first byte that RFC 3629, section 4 rules out, or "len" */

static size_t
test_utf8_error(u_char *text, size_t len)
{
    size_t         n;
    ngx_uint_t     i, tail;

    static u_char  rules[][5] = {

        /* lead, length of the tail, first byte of the tail */

        { 0x20, 0x7f, 0, 0, 0 },
        { 0xc2, 0xdf, 1, 0x80, 0xbf },
        { 0xe0, 0xe0, 2, 0xa0, 0xbf },
        { 0xe1, 0xec, 2, 0x80, 0xbf },
        { 0xed, 0xed, 2, 0x80, 0x9f },
        { 0xee, 0xef, 2, 0x80, 0xbf },
        { 0xf0, 0xf0, 3, 0x90, 0xbf },
        { 0xf1, 0xf3, 3, 0x80, 0xbf },
        { 0xf4, 0xf4, 3, 0x80, 0x8f }
    };

    n = 0;

    while (n < len) {

        for (i = 0; text[n] < rules[i][0] || text[n] > rules[i][1]; i++) {
            if (i + 1 == sizeof(rules) / sizeof(rules[0])) {
                return n;
            }
        }

        n++;

        for (tail = 0; tail < rules[i][2]; tail++) {

            if (n == len
                || text[n] < (tail ? 0x80 : rules[i][3])
                || text[n] > (tail ? 0xbf : rules[i][4]))
            {
                return n;
            }

            n++;
        }
    }

    return n;
}


/* three in a row of: code units from both sides of each limit, other bytes */

static void
test_code_units(void)
{
    size_t              cut;
    test_buf_t          b, decoded, source;
    ngx_uint_t          i, j, k, n;
    test_record_t      *r;

    static const char  *units[] = {
        "", "m", "\\n", "\\\\", "\xc3\xa9", "\\u0000", "\\u0041", "\\u007f",
        "\\u0080", "\\u07FF", "\\u0800", "\\ud7ff", "\\uD800", "\\udBFf",
        "\\udc00", "\\uDFFF", "\\ue000", "\\ufffd", "\\uFFFF"
    };

    r = &test_whole;
    n = sizeof(units) / sizeof(units[0]);

    for (i = 0; i < n * n * n; i++) {

        source.len = 0;

        for (j = 0, k = i; j < 3; j++, k /= n) {
            test_puts(&source, units[k % n]);
        }

        test_decoded(&source, &decoded);

        b.len = 0;
        test_puts(&b, "{\"");
        test_put(&b, source.text, source.len);
        test_puts(&b, "\":\"");
        test_put(&b, source.text, source.len);
        test_puts(&b, "\"}");

        test_expect(&b, TEST_VALID);

        if (r->name_len != decoded.len
            || ngx_memcmp(r->name, decoded.text, decoded.len) != 0)
        {
            test_note(b.text, b.len, "the name is not what it should be");
        }

        if (r->value_len != decoded.len
            || ngx_memcmp(r->value, decoded.text, decoded.len) != 0)
        {
            test_note(b.text, b.len, "the value is not what it should be");
        }

        for (cut = 0; cut <= b.len; cut++) {
            test_scan(&test_parts, b.text, b.len, &cut, 1);
            test_same(b.text, b.len, &cut, 1);
        }
    }

    test_done("sequences of escapes and surrogates");
}


static void
test_decoded(test_buf_t *in, test_buf_t *out)
{
    u_char      *last, *p;
    ngx_int_t    code, low;

    p = in->text;
    last = p + in->len;

    out->len = 0;

    while (p < last) {

        if (*p != '\\') {
            test_put(out, p, 1);
            p++;
            continue;
        }

        if (p[1] != 'u') {
            test_puts(out, (p[1] == 'n') ? "\n" : "\\");
            p += 2;
            continue;
        }

        code = test_hex(p, last);
        p += 6;

        if (code >= 0xd800 && code <= 0xdfff) {

            low = test_hex(p, last);

            if (code < 0xdc00 && low >= 0xdc00 && low <= 0xdfff) {
                code = 0x10000 + (code - 0xd800) * 0x400 + (low - 0xdc00);
                p += 6;

            } else {
                code = 0xfffd;
            }
        }

        out->len += test_utf8_encode(out->text + out->len, code);
    }
}


static size_t
test_utf8_encode(u_char *p, ngx_uint_t code)
{
    size_t      i, len;
    ngx_uint_t  lead;

    if (code < 0x80) {
        p[0] = (u_char) code;
        return 1;
    }

    if (code < 0x800) {
        len = 2;
        lead = 0xc0;

    } else if (code < 0x10000) {
        len = 3;
        lead = 0xe0;

    } else {
        len = 4;
        lead = 0xf0;
    }

    for (i = len - 1; i; i--) {
        p[i] = (u_char) (0x80 + code % 64);
        code /= 64;
    }

    p[0] = (u_char) (lead + code);

    return len;
}


/* all sequences of up to "max" tokens */

static void
test_tokens(const char *what, const char *before, const char **tokens,
    ngx_uint_t max, const char *after)
{
    test_buf_t  b;
    ngx_uint_t  i, len, n, place[8];

    for (n = 0; tokens[n]; n++) { /* void */ }

    for (len = 0; len <= max; len++) {

        ngx_memzero(place, sizeof(place));

        for ( ;; ) {

            b.len = 0;
            test_puts(&b, before);

            for (i = 0; i < len; i++) {
                test_puts(&b, tokens[place[i]]);
            }

            test_puts(&b, after);

            test_oracle(b.text, b.len);

            for (i = 0; i < len && ++place[i] == n; i++) {
                place[i] = 0;
            }

            if (i == len) {
                break;
            }
        }
    }

    test_done("%s: all sequences of up to %lu tokens", what,
              (unsigned long) max);
}


static void
test_random_texts(ngx_uint_t count)
{
    test_buf_t         *b, *last, *tmp;
    ngx_uint_t          i, n, valid;

    static test_buf_t   buf[2];

    b = &buf[0];
    last = &buf[1];
    last->len = 0;
    valid = 0;

    for (i = 0; i < count; i++) {

        n = test_random(4);

        if (n == 3) {
            n = 1 + test_random(6);
        }

        if (test_random_text(b) && n == 0) {
            test_expect(b, TEST_VALID);

        } else {
            while (n--) {
                test_mutate(b, last);
            }

            test_oracle(b->text, b->len);
        }

        if (test_whole.error == TEST_VALID) {
            valid++;
        }

        tmp = b;
        b = last;
        last = tmp;
    }

    printf("# %lu of %lu random texts are valid\n", (unsigned long) valid,
           (unsigned long) count);

    printf("# jansson alone refuses: %lu for a number,"
           " %lu for \\u0000 in a name, %lu for a lone surrogate\n",
           (unsigned long) test_differences[TEST_NUMBER],
           (unsigned long) test_differences[TEST_NUL_ESCAPE],
           (unsigned long) test_differences[TEST_SURROGATE]);

    printf("# jansson alone accepts: %lu too deep, %lu with a NUL byte\n",
           (unsigned long) test_too_deep,
           (unsigned long) test_differences[TEST_NUL]);

    test_done("%lu random texts", (unsigned long) count);
}


/* returns whether the text is valid: some are too deep */

static ngx_uint_t
test_random_text(test_buf_t *b)
{
    ngx_uint_t  depth, i;

    b->len = 0;

    depth = test_random(2000) ? 0 : 480 + test_random(64);

    for (i = 0; i < depth; i++) {
        test_puts(b, (i % 2) ? "{\"d\":" : "[");
    }

    test_random_space(b);

    if (depth) {
        test_random_string(b);

    } else if (test_random(4)) {
        test_random_object(b, 0);

    } else {
        test_random_value(b, 0);
    }

    test_random_space(b);

    while (i--) {
        test_puts(b, (i % 2) ? "}" : "]");
    }

    return (depth <= NGX_HTTP_WEBHOOK_JSON_DEPTH);
}


static void
test_random_value(test_buf_t *b, ngx_uint_t level)
{
    ngx_uint_t          n;

    static const char  *literals[] = { "null", "true", "false" };

    switch (test_random(level < 7 && b->len < 2048 ? 10 : 6)) {

    case 0:
        test_puts(b, literals[test_random(3)]);
        return;

    case 1:
    case 2:
        test_random_number(b);
        return;

    case 3:
    case 4:
    case 5:
        test_random_string(b);
        return;

    case 6:
    case 7:
        break;

    default:
        test_random_object(b, level);
        return;
    }

    test_puts(b, "[");
    test_random_space(b);

    for (n = test_random(4); n; n--) {
        test_random_value(b, level + 1);
        test_random_space(b);

        if (n > 1) {
            test_puts(b, ",");
            test_random_space(b);
        }
    }

    test_puts(b, "]");
}


static void
test_random_object(test_buf_t *b, ngx_uint_t level)
{
    ngx_uint_t  n;

    test_puts(b, "{");
    test_random_space(b);

    for (n = test_random(5); n; n--) {
        test_random_name(b);
        test_random_space(b);
        test_puts(b, ":");
        test_random_space(b);
        test_random_value(b, level + 1);
        test_random_space(b);

        if (n > 1) {
            test_puts(b, ",");
            test_random_space(b);
        }
    }

    test_puts(b, "}");
}


static void
test_random_name(test_buf_t *b)
{
    ngx_uint_t          n;

    static const char  *names[] = {
        "slug", "user_id", "key", "dataset_id", "event", "payload", "d", "data",
        "d1", "d2", "d3", "\\u0064own", "x", "xyz", "sl\\u0075g", "", "a", "b"
    };

    n = test_random(32);

    if (n < sizeof(names) / sizeof(names[0])) {
        test_puts(b, "\"");
        test_puts(b, names[n]);
        test_puts(b, "\"");

    } else if (n == 31) {
        test_puts(b, "\"");
        test_puts(b, test_random(2) ? "d" : "\\ud83d\\ude00");
        test_fill(b, "n", 58 + test_random(8));
        test_puts(b, "\"");

    } else {
        test_random_string(b);
    }
}


static void
test_random_string(test_buf_t *b)
{
    char           escape[16];
    size_t         len;
    u_char         ch, utf8[4];
    ngx_uint_t     code, i, n;

    static u_char  plain[] = "abcdefghijklmnopqrstuvwxyz /.:,[]{}-_0123456789";

    test_puts(b, "\"");

    for (i = test_random(4); i; i--) {

        switch (test_random(8)) {

        case 0:
            sprintf(escape, "\\%c", "\"\\/bfnrt"[test_random(8)]);
            test_puts(b, escape);
            break;

        case 1:
            code = test_random(0xd800);

            if (test_random(2)) {
                code %= 0x100;
            }

            sprintf(escape, test_random(2) ? "\\u%04lx" : "\\u%04lX",
                    (unsigned long) code);
            test_puts(b, escape);
            break;

        case 2:
            sprintf(escape, "\\ud%03lx\\uD%03lX",
                    (unsigned long) (0x800 + test_random(0x400)),
                    (unsigned long) (0xc00 + test_random(0x400)));

            if (test_random(16) == 0) {
                /* without the other */
                escape[6] = '\0';
            }

            test_puts(b, escape);
            break;

        case 3:
            do {
                code = test_random((ngx_uint_t) 1 << (8 + test_random(14)));
            } while (code < 0x80 || code > 0x10ffff
                     || (code >= 0xd800 && code <= 0xdfff));

            len = test_utf8_encode(utf8, code);
            test_put(b, utf8, len);
            break;

        case 4:
            test_puts(b, test_random(16) ? "\x7f" : "\\u0000");
            break;

        default:
            n = 1 + test_random(test_random(4) ? 8 : 48);

            while (n--) {
                ch = plain[test_random(sizeof(plain) - 1)];
                test_put(b, &ch, 1);
            }
        }
    }

    test_puts(b, "\"");
}


static void
test_random_number(test_buf_t *b)
{
    if (test_random(3) == 0) {
        test_puts(b, "-");
    }

    if (test_random(4) == 0) {
        test_puts(b, "0");

    } else {
        test_fill(b, "1", test_random(2));
        test_puts(b, "4");
        test_random_digits(b, test_random(16) ? test_random(6)
                                              : test_random(24));
    }

    if (test_random(3) == 0) {
        test_puts(b, ".");
        test_random_digits(b, 1 + test_random(8));
    }

    if (test_random(4) == 0) {
        test_puts(b, test_random(2) ? "e" : "E");
        test_fill(b, test_random(2) ? "+" : "-", test_random(2));
        test_random_digits(b, 1 + test_random(test_random(8) ? 2 : 4));
    }
}


static void
test_random_digits(test_buf_t *b, ngx_uint_t n)
{
    u_char  ch;

    while (n--) {
        ch = (u_char) ('0' + test_random(10));
        test_put(b, &ch, 1);
    }
}


static void
test_random_space(test_buf_t *b)
{
    ngx_uint_t  n;

    n = test_random(32);

    if (n == 0) {
        test_puts(b, "\n");
        test_fill(b, " ", test_random(30));

    } else if (n < 6) {
        test_fill(b, &" \0\t\0\n\0\r"[2 * test_random(4)], 1 + test_random(2));
    }
}


static void
test_mutate(test_buf_t *b, test_buf_t *other)
{
    size_t         from, len, place;
    u_char         ch;
    test_buf_t    *source;

    static u_char  bytes[] =
        "{}[]:,\"\\/u+-.eE01d tfn\0\x08\x1f\n\x7f\x80\x9f\xa0\xbf\xc0\xc2\xe0"
        "\xed\xef\xf0\xf4\xf5\xff";

    place = test_random(b->len + 1);

    switch (test_random(9)) {

    case 0:
        /* a bit */

        if (place < b->len) {
            b->text[place] ^= 1 << test_random(8);
        }

        break;

    case 1:
        /* a byte */

        if (place < b->len) {
            b->text[place] = (u_char) test_random(256);
        }

        break;

    case 2:
    case 3:
        if (place < b->len) {
            b->text[place] = bytes[test_random(sizeof(bytes) - 1)];
        }

        break;

    case 4:
        b->len = place;
        break;

    case 5:
        len = test_random(ngx_min(b->len - place, 8) + 1);
        b->len -= len;
        ngx_memmove(b->text + place, b->text + place + len, b->len - place);
        break;

    case 6:
        ch = bytes[test_random(sizeof(bytes) - 1)];
        test_insert(b, place, &ch, 1);
        break;

    default:
        /* a part of this or of the last text */

        source = test_random(2) ? b : other;

        from = test_random(source->len + 1);
        len = test_random(ngx_min(source->len - from, 32) + 1);

        test_insert(b, place, source->text + from, len);
        break;
    }
}


static void
test_insert(test_buf_t *b, size_t place, u_char *p, size_t len)
{
    u_char  copy[32];

    if (b->len + len > TEST_TEXT) {
        return;
    }

    ngx_memcpy(copy, p, len);
    ngx_memmove(b->text + place + len, b->text + place, b->len - place);
    ngx_memcpy(b->text + place, copy, len);

    b->len += len;
}


/* a text whose result is known: at once, one byte at a time, and the oracle */

static void
test_expect(test_buf_t *b, off_t error)
{
    size_t          i;

    static size_t   every[TEST_TEXT];

    test_oracle(b->text, b->len);

    if (test_whole.error != error) {
        test_note(b->text, b->len, "error at %ld, expected at %ld",
                  (long) test_whole.error, (long) error);
    }

    for (i = 0; i + 1 < b->len; i++) {
        every[i] = i + 1;
    }

    test_scan(&test_parts, b->text, b->len, every, i);
    test_same(b->text, b->len, every, i);
}


static void
test_fill(test_buf_t *b, const char *s, ngx_uint_t n)
{
    while (n--) {
        test_puts(b, s);
    }
}


/* a number below "n", from splitmix64 */

static ngx_uint_t
test_random(ngx_uint_t n)
{
    uint64_t  z;

    test_seed += 0x9e3779b97f4a7c15ULL;

    z = test_seed;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    z ^= z >> 31;

    return z % n;
}


/* ends a test */

static void
test_done(const char *fmt, ...)
{
    va_list  args;

    if (test_notes) {
        test_failed++;
    }

    printf("%sok %lu - ", test_notes ? "not " : "",
           (unsigned long) ++test_number);

    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);

    printf("\n");

    test_notes = 0;
}


/* a failure: the current test will not be ok */

static void
test_note(u_char *text, size_t len, const char *fmt, ...)
{
    va_list  args;

    if (++test_notes > TEST_NOTES) {
        return;
    }

    printf("# ");

    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);

    printf(", in %lu bytes: %s\n", (unsigned long) len,
           test_show(text, len, 1000));
}
