
/*
 * The scanner beside other JSON parsers.
 *
 *     json milliseconds rounds file...
 *
 * Each round takes every parser in turn, for that many milliseconds; the median
 * of the rounds is printed.  All of them get the whole text in one piece; the
 * scanner also in pieces of 16 KB, which is how nginx reads a large body.  It
 * reports the members that the events' shapes name, as the module has it do.
 * jansson and simdjson make a tree, which is the only way to use the former,
 * and yajl is called without callbacks.
 */


#include <payload/ngx_http_webhook_json.h>

#include <jansson.h>
#include <yajl/yajl_parse.h>


#define BENCH_PIECE   16384
#define BENCH_VALUE   256
#define BENCH_ROUNDS  99


typedef ngx_uint_t (*bench_parser_pt)(u_char *text, size_t len);

typedef struct {
    const char       *name;
    bench_parser_pt   parse;
    double            seconds[BENCH_ROUNDS];    /* for one text */
} bench_parser_t;


typedef struct {
    size_t            len;
    u_char            text[BENCH_VALUE];
} bench_value_t;


/* in simdjson.cc; the text has room for its padding */
ngx_uint_t bench_simdjson(u_char *text, size_t len);
const char *bench_simdjson_name(void);

static ngx_uint_t bench_scanner(u_char *text, size_t len);
static ngx_uint_t bench_scanner_pieces(u_char *text, size_t len);
static ngx_uint_t bench_jansson(u_char *text, size_t len);
static ngx_uint_t bench_yajl(u_char *text, size_t len);


static bench_parser_t  bench_parsers[] = {
    { "this module's scanner", bench_scanner, { 0 } },
    { "the same, 16 KB at a time", bench_scanner_pieces, { 0 } },
    { "jansson", bench_jansson, { 0 } },
    { "yajl", bench_yajl, { 0 } },
    { NULL, bench_simdjson, { 0 } }
};

#define BENCH_PARSERS  (sizeof(bench_parsers) / sizeof(bench_parser_t))


static ngx_str_t  bench_names[] = {
    ngx_string("slug"), ngx_string("user_id"), ngx_string("key"),
    ngx_string("dataset_id"), ngx_string("workspace_id"),
    ngx_string("customer_id"), ngx_string("event"), ngx_string("state"),
    ngx_string("payload"), ngx_string("id"), ngx_string("resource_id"),
    ngx_string("type"), ngx_string("diff"), ngx_string("data"),
    ngx_null_string
};


static bench_value_t  bench_value;


static ngx_uint_t
bench_name(void *data, ngx_uint_t depth, u_char *name, size_t len)
{
    ngx_str_t  *n;

    bench_value.len = 0;

    for (n = bench_names; n->len; n++) {
        if (n->len == len && memcmp(n->data, name, len) == 0) {
            return (n->data[0] == 'p') ? NGX_HTTP_WEBHOOK_JSON_DESCEND
                                       : NGX_HTTP_WEBHOOK_JSON_REPORT;
        }
    }

    return NGX_HTTP_WEBHOOK_JSON_SKIP;
}


static void
bench_text(void *data, ngx_uint_t depth, u_char *text, size_t len)
{
    len = ngx_min(len, BENCH_VALUE - bench_value.len);

    memcpy(bench_value.text + bench_value.len, text, len);
    bench_value.len += len;
}


static void
bench_end(void *data, ngx_uint_t depth, ngx_uint_t type, off_t start, off_t end)
{
}


static ngx_http_webhook_json_handler_t  bench_handler = {
    bench_name, bench_text, bench_end, NULL
};


static ngx_uint_t
bench_scanner(u_char *text, size_t len)
{
    ngx_http_webhook_json_t  json;

    ngx_http_webhook_json_init(&json, &bench_handler, NULL);

    return ngx_http_webhook_json_feed(&json, text, len) == NGX_OK
           && ngx_http_webhook_json_finish(&json) == NGX_OK;
}


static ngx_uint_t
bench_scanner_pieces(u_char *text, size_t len)
{
    size_t                   n;
    ngx_http_webhook_json_t  json;

    ngx_http_webhook_json_init(&json, &bench_handler, NULL);

    for ( /* void */ ; len; text += n, len -= n) {
        n = ngx_min(len, BENCH_PIECE);

        if (ngx_http_webhook_json_feed(&json, text, n) != NGX_OK) {
            return 0;
        }
    }

    return ngx_http_webhook_json_finish(&json) == NGX_OK;
}


static ngx_uint_t
bench_jansson(u_char *text, size_t len)
{
    json_t        *json;
    json_error_t   error;

    json = json_loadb((char *) text, len, 0, &error);
    if (json == NULL) {
        return 0;
    }

    json_decref(json);

    return 1;
}


static ngx_uint_t
bench_yajl(u_char *text, size_t len)
{
    ngx_uint_t   valid;
    yajl_handle  yajl;

    yajl = yajl_alloc(NULL, NULL, NULL);
    if (yajl == NULL) {
        return 0;
    }

    valid = yajl_parse(yajl, text, len) == yajl_status_ok
            && yajl_complete_parse(yajl) == yajl_status_ok;

    yajl_free(yajl);

    return valid;
}


static double
bench_now(void)
{
    struct timespec  ts;

    /* of this process: others may keep it from running */

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);

    return ts.tv_sec + ts.tv_nsec / 1e9;
}


static double
bench_time(bench_parser_t *parser, u_char *text, size_t len, double seconds)
{
    double      start, end;
    ngx_uint_t  i, n, batch;

    batch = 1 + 100000 / len;
    start = bench_now();
    n = 0;

    do {
        for (i = 0; i < batch; i++) {
            if (!parser->parse(text, len)) {
                fprintf(stderr, "%s refuses the text\n", parser->name);
                exit(1);
            }
        }

        n += batch;
        end = bench_now();

    } while (end - start < seconds);

    return (end - start) / n;
}


static int
bench_compare(const void *one, const void *two)
{
    double  a = *(const double *) one;
    double  b = *(const double *) two;

    return (a > b) - (a < b);
}


static void
bench_file(const char *name, double seconds, ngx_uint_t rounds)
{
    FILE            *file;
    size_t           len;
    double           median, jansson;
    u_char          *text;
    ngx_uint_t       i, n;
    bench_parser_t  *parser;

    text = malloc(16 * 1024 * 1024);
    file = fopen(name, "rb");

    if (text == NULL || file == NULL) {
        perror(name);
        exit(1);
    }

    len = fread(text, 1, 15 * 1024 * 1024, file);
    fclose(file);

    if (len == 0) {
        fprintf(stderr, "%s is empty\n", name);
        exit(1);
    }

    for (n = 0; n < BENCH_PARSERS; n++) {
        (void) bench_time(&bench_parsers[n], text, len, seconds / 4);
    }

    for (i = 0; i < rounds; i++) {
        for (n = 0; n < BENCH_PARSERS; n++) {
            parser = &bench_parsers[n];
            parser->seconds[i] = bench_time(parser, text, len, seconds);
        }
    }

    for (n = 0; n < BENCH_PARSERS; n++) {
        qsort(bench_parsers[n].seconds, rounds, sizeof(double), bench_compare);
    }

    jansson = bench_parsers[2].seconds[rounds / 2];

    printf("  %-26s  %10s  %8s  %17s  %11s\n", "text of",
           "us a text", "MB/s", "lowest - highest", "x jansson");
    printf("  %zu bytes\n", len);

    for (n = 0; n < BENCH_PARSERS; n++) {
        parser = &bench_parsers[n];
        median = parser->seconds[rounds / 2];

        printf("  %-26s  %10.2f  %8.0f  %8.0f - %6.0f  %11.1f\n", parser->name,
               median * 1e6, len / median / 1e6,
               len / parser->seconds[rounds - 1] / 1e6,
               len / parser->seconds[0] / 1e6, jansson / median);
    }

    free(text);
}


int
main(int argc, char *argv[])
{
    int         i;
    double      seconds;
    ngx_uint_t  rounds;

    if (argc < 4) {
        fprintf(stderr, "usage: json milliseconds rounds file...\n");
        return 2;
    }

    seconds = atof(argv[1]) / 1000;
    rounds = ngx_min(ngx_max(atoi(argv[2]), 1), BENCH_ROUNDS);

    bench_parsers[BENCH_PARSERS - 1].name = bench_simdjson_name();

    for (i = 3; i < argc; i++) {
        if (i > 3) {
            printf("\n");
        }

        bench_file(argv[i], seconds, rounds);
    }

    return 0;
}
