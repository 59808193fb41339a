
/*
 * Paths, headers and query strings, beside plain checks that are written here:
 * what a path routes to, methods, secrets, tokens, identities, media types and
 * encodings, the query string of Lenra's lists, $webhook_id, and the escaping
 * of variables.
 *
 * Input: a line with a letter, see fuzz_location_of(), a method and a URI with
 * a query string, then lines with headers.  The body is empty.
 */


#include "nginx.h"
#include "judge/ngx_http_webhook_variable.h"

#include <ctype.h>
#include <regex.h>


#define FUZZ_HEADERS  32

#define APP_A      "0f8fad5b-d9cb-469f-a165-70867728950e"
#define APP_B      "7c9e6679-7425-40de-944b-e07fc1f90ae7"
#define WEBHOOK_A  "11111111-1111-4111-8111-111111111111"
#define WEBHOOK_B  "22222222-2222-4222-a222-222222222222"


/* what an answer should be; "status" 0: the request is accepted */

typedef struct {
    ngx_uint_t                    status;
    const char                   *reason;     /* in $webhook_reason */
} plain_verdict_t;


typedef enum {
    plain_event = 0,
    plain_collection,
    plain_item,
    plain_trigger
} plain_resource_t;


static ngx_http_webhook_loc_conf_t  *fuzz_luzmo;
static ngx_http_webhook_loc_conf_t  *fuzz_munity;
static ngx_http_webhook_loc_conf_t  *fuzz_lenra;
static ngx_http_webhook_loc_conf_t  *fuzz_identity;
static ngx_shm_zone_t               *fuzz_shm_zone;

/* RFC 9110, sections 5.6.2 and 5.6.4 */
#define TOKEN   "[-!#$%&'*+.^_`|~0-9a-z]+"
#define QUOTED  "\"([^\"\\]|\\\\(.|\n))+\""

static regex_t                       plain_media_type;
static regex_t                       plain_uuid;
static regex_t                       plain_number;

static fuzz_header_t                 plain_headers[FUZZ_HEADERS];
static ngx_uint_t                    plain_nheaders;


/* a NUL byte ends the text of a regular expression: none of them allows one */

static ngx_uint_t
plain_match(regex_t *regex, ngx_str_t *text)
{
    char  buf[4096];

    if (text->len >= sizeof(buf) || memchr(text->data, '\0', text->len)) {
        return 0;
    }

    ngx_memcpy(buf, text->data, text->len);
    buf[text->len] = '\0';

    return regexec(regex, buf, 0, NULL, 0) == 0;
}


static ngx_uint_t
plain_is(ngx_str_t *text, const char *s)
{
    return text->len == strlen(s) && memcmp(text->data, s, text->len) == 0;
}


static ngx_uint_t
plain_is_nocase(ngx_str_t *text, const char *s)
{
    return text->len == strlen(s)
           && strncasecmp((char *) text->data, s, text->len) == 0;
}


static ngx_uint_t
plain_header(const char *name, ngx_str_t **value)
{
    return fuzz_find_header(plain_headers, plain_nheaders, name, value);
}


/* the n-th segment from the end; returns 0 if there are not so many */

static ngx_uint_t
plain_segment(ngx_str_t *uri, ngx_uint_t n, ngx_str_t *segment)
{
    size_t  begin, end;

    end = uri->len;

    for ( ;; ) {
        begin = end;

        while (begin && uri->data[begin - 1] != '/') {
            begin--;
        }

        if (n == 0) {
            segment->data = uri->data + begin;
            segment->len = end - begin;
            return 1;
        }

        /* what precedes the first slash is nothing */

        if (begin <= 1) {
            return 0;
        }

        end = begin - 1;
        n--;
    }
}


/* the first query argument of that name, as nginx sees them */

static ngx_uint_t
plain_arg(ngx_str_t *args, const char *name, ngx_str_t *value)
{
    size_t  begin, end, len;

    len = strlen(name);

    for (begin = 0; begin < args->len; begin = end + 1) {

        for (end = begin; end < args->len && args->data[end] != '&'; end++) {
            /* void */
        }

        if (end - begin > len
            && strncasecmp((char *) args->data + begin, name, len) == 0
            && args->data[begin + len] == '=')
        {
            value->data = args->data + begin + len + 1;
            value->len = end - begin - len - 1;
            return 1;
        }
    }

    return 0;
}


/* whether all parameters are those of a list, and have a value */

static ngx_uint_t
plain_params(ngx_str_t *args)
{
    u_char      *p;
    size_t       begin, end;
    ngx_uint_t   limits, afters;

    limits = 0;
    afters = 0;

    for (begin = 0; begin < args->len; begin = end + 1) {

        for (end = begin; end < args->len && args->data[end] != '&'; end++) {
            /* void */
        }

        p = args->data + begin;

        if (end == begin) {
            continue;
        }

        if (end - begin >= 6 && memcmp(p, "limit=", 6) == 0) {
            limits++;

        } else if (end - begin >= 6 && memcmp(p, "after=", 6) == 0) {
            afters++;

        } else {
            return 0;
        }
    }

    return limits <= 1 && afters <= 1;
}


/* whether a media type that is well-formed names no charset but UTF-8 */

static ngx_uint_t
plain_utf8(ngx_str_t *type)
{
    size_t      begin, end;
    ngx_str_t   piece;
    ngx_uint_t  quoted;

    for (begin = 0; begin < type->len; begin = end + 1) {

        quoted = 0;

        for (end = begin; end < type->len; end++) {

            if (quoted && type->data[end] == '\\') {
                end++;

            } else if (type->data[end] == '"') {
                quoted = !quoted;

            } else if (type->data[end] == ';' && !quoted) {
                break;
            }
        }

        piece.data = type->data + begin;
        piece.len = end - begin;

        while (piece.len && strchr(" \t", *piece.data)) {
            piece.data++;
            piece.len--;
        }

        while (piece.len && strchr(" \t", piece.data[piece.len - 1])) {
            piece.len--;
        }

        if (piece.len >= 7
            && strncasecmp((char *) piece.data, "charset", 7) == 0
            && (piece.len == 7 || piece.data[7] == '='
                || piece.data[7] == '*')
            && !plain_is_nocase(&piece, "charset=utf-8")
            && !plain_is_nocase(&piece, "charset=\"utf-8\""))
        {
            return 0;
        }
    }

    return 1;
}


static ngx_uint_t
plain_integer(ngx_str_t *text)
{
    char  buf[32];

    /* leading zeros are not told apart from numbers that are too long */

    if (text->len > 20 || !plain_match(&plain_number, text)) {
        return 0;
    }

    ngx_memcpy(buf, text->data, text->len);
    buf[text->len] = '\0';

    errno = 0;
    (void) strtoll(buf, NULL, 10);

    return errno == 0;
}


static void
plain_reject(plain_verdict_t *v, ngx_uint_t status, const char *reason)
{
    v->status = status;
    v->reason = reason;
}


/* what the path leads to; a webhook is "A" or "B", or 0: there is none */

static ngx_uint_t
plain_route(ngx_http_webhook_loc_conf_t *wlcf, ngx_str_t *uri,
    plain_resource_t *resource, char *webhook)
{
    ngx_str_t   segment[4];
    ngx_uint_t  i, n;

    static const char  *events[] = {
        "data_available", "data_updated", "account_deleted", NULL
    };

    *resource = plain_event;
    *webhook = 0;

    if (wlcf == fuzz_munity) {
        return 1;
    }

    for (n = 0; n < 4 && plain_segment(uri, n, &segment[n]); n++) {
        /* void */
    }

    if (wlcf == fuzz_luzmo) {
        for (i = 0; events[i]; i++) {
            if (n && plain_is(&segment[0], events[i])) {
                return 1;
            }
        }

        return 0;
    }

    if (n >= 2 && plain_is(&segment[0], "webhooks")
        && plain_is(&segment[1], "app"))
    {
        *resource = plain_collection;
        return 1;
    }

    if (n < 3 || !plain_is(&segment[1], "webhooks")
        || !plain_match(&plain_uuid, &segment[0]))
    {
        return 0;
    }

    *webhook = plain_is_nocase(&segment[0], WEBHOOK_A) ? 'A'
               : plain_is_nocase(&segment[0], WEBHOOK_B) ? 'B' : 0;

    if (plain_is(&segment[2], "app")) {
        *resource = plain_item;
        return 1;
    }

    *resource = plain_trigger;

    return n == 4 && plain_is(&segment[3], "apps")
           && ((*webhook == 'A' && plain_is_nocase(&segment[2], APP_A))
               || (*webhook == 'B' && plain_is_nocase(&segment[2], APP_B)));
}


/* Lenra's token: the app, "A" or "B", or 0 and a verdict */

static char
plain_token(plain_verdict_t *v)
{
    size_t      i;
    ngx_str_t  *value, token;

    if (plain_header("authorization", &value) == 0) {
        plain_reject(v, 401, "unauthenticated");
        return 0;
    }

    for (i = 6; i < value->len && value->data[i] == ' '; i++) { /* void */ }

    if (i >= value->len || i == 6
        || strncasecmp((char *) value->data, "bearer", 6) != 0)
    {
        plain_reject(v, 401, "unauthenticated");
        return 0;
    }

    token.data = value->data + i;
    token.len = value->len - i;

    if (plain_is(&token, "token A")) {
        return 'A';
    }

    if (plain_is(&token, "B")) {
        return 'B';
    }

    plain_reject(v, 401, "invalid_token");
    return 0;
}


/* the same for "webhook_identity" */

static char
plain_identify(plain_verdict_t *v)
{
    ngx_uint_t  n;
    ngx_str_t  *app, *environment, *user;

    n = plain_header("x-app", &app);

    if (n == 0 || app->len == 0) {
        plain_reject(v, 401, "unauthenticated");
        return 0;
    }

    if (!plain_match(&plain_uuid, app)
        || plain_header("x-environment", &environment) == 0
        || !plain_integer(environment)
        || (plain_header("x-user", &user) && user->len && !plain_integer(user)))
    {
        plain_reject(v, 401, "invalid_token");
        return 0;
    }

    return plain_is_nocase(app, APP_A) ? 'A'
           : plain_is_nocase(app, APP_B) ? 'B' : 'C';
}


static void
plain_judge(ngx_http_webhook_loc_conf_t *wlcf, ngx_uint_t any,
    ngx_uint_t method, ngx_str_t *uri, ngx_str_t *args, plain_verdict_t *v)
{
    char               app, webhook;
    ngx_str_t         *header, value;
    ngx_uint_t         n;
    plain_resource_t   resource;

    ngx_memzero(v, sizeof(plain_verdict_t));

    if (!plain_route(wlcf, uri, &resource, &webhook)) {
        plain_reject(v, 404, (wlcf == fuzz_luzmo) ? "unknown_event"
                                                  : "not_found");
        return;
    }

    if (!(method & (resource == plain_collection
                    ? NGX_HTTP_GET|NGX_HTTP_HEAD|NGX_HTTP_POST
                    : resource == plain_item
                    ? NGX_HTTP_GET|NGX_HTTP_HEAD|NGX_HTTP_DELETE
                    : NGX_HTTP_POST)))
    {
        plain_reject(v, 405, "method_not_allowed");
        return;
    }

    app = 0;

    if (resource == plain_event) {
        n = plain_header("x-secret", &header);

        if (n == 0) {
            plain_reject(v, 401, "missing_secret");

        } else if (n > 1
                   || !(plain_is(header, "S")
                        || (wlcf == fuzz_luzmo && plain_is(header, "acme's"))))
        {
            plain_reject(v, 401, "invalid_secret");
        }

        if (v->status && !any) {
            return;
        }

    } else if (resource != plain_trigger) {

        /* of the two only a token is looked at before the parameters are */

        if (resource == plain_collection && method != NGX_HTTP_POST
            && !plain_params(args))
        {
            if (wlcf != fuzz_lenra || any || plain_token(v)) {
                ngx_memzero(v, sizeof(plain_verdict_t));
                plain_reject(v, 400, "unknown_parameter");
            }

            return;
        }

        app = (wlcf == fuzz_lenra) ? plain_token(v) : plain_identify(v);

        /* whoever else grants access does not tell who it is */

        if (app == 0) {
            return;
        }
    }

    ngx_memzero(v, sizeof(plain_verdict_t));

    if (resource == plain_item) {
        if (webhook != app) {
            plain_reject(v, 404, "not_found");
        }

        return;
    }

    if (resource == plain_collection && method != NGX_HTTP_POST) {

        if (plain_arg(args, "limit", &value)) {

            for (n = 0; n < value.len && isdigit(value.data[n]); n++) {
                /* void */
            }

            if (n == 0 || n != value.len) {
                plain_reject(v, 400, "invalid_limit");
                return;
            }

            while (value.len && *value.data == '0') {
                value.data++;
                value.len--;
            }

            if (value.len == 0 || value.len > 4
                || (value.len == 4 && memcmp(value.data, "1000", 4) > 0))
            {
                plain_reject(v, 400, "invalid_limit");
                return;
            }
        }

        if (plain_arg(args, "after", &value)
            && !plain_is_nocase(&value, (app == 'A') ? WEBHOOK_A
                                        : (app == 'B') ? WEBHOOK_B : "\n"))
        {
            plain_reject(v, 400, "invalid_after");
        }

        return;
    }

    /* a trigger needs no body, and none needs no type, but two are no type */

    n = plain_header("content-type", &header);

    if (n > 1
        || (resource != plain_trigger
            && (n == 0 || !plain_match(&plain_media_type, header)
                || !plain_utf8(header))))
    {
        plain_reject(v, 415, "unsupported_media_type");
        return;
    }

    n = plain_header("content-encoding", &header);

    if (n > 1
        || (n == 1 && header->len && !plain_is_nocase(header, "identity")))
    {
        plain_reject(v, 415, "unsupported_encoding");
        return;
    }

    if (resource != plain_trigger) {
        plain_reject(v, 400, "empty_body");
    }
}


static ngx_http_webhook_loc_conf_t *
fuzz_location_of(u_char letter)
{
    switch (tolower(letter)) {

    case 'u':
        return fuzz_luzmo;

    case 'm':
        return fuzz_munity;

    case 'l':
        return fuzz_lenra;

    case 'i':
        return fuzz_identity;

    default:
        return NULL;
    }
}


static ngx_uint_t
fuzz_method(ngx_str_t *name)
{
    return plain_is(name, "GET") ? NGX_HTTP_GET
           : plain_is(name, "HEAD") ? NGX_HTTP_HEAD
           : plain_is(name, "POST") ? NGX_HTTP_POST
           : plain_is(name, "PUT") ? NGX_HTTP_PUT
           : plain_is(name, "DELETE") ? NGX_HTTP_DELETE
           : NGX_HTTP_UNKNOWN;
}


static void
fuzz_check_refusal(ngx_http_request_t *r, ngx_http_webhook_loc_conf_t *wlcf,
    plain_verdict_t *v)
{
    json_t      *root;
    ngx_str_t    reason, value;
    const char  *expected;

    if (!fuzz_variable(r, "webhook_reason", &reason)
        || !plain_is(&reason, v->reason))
    {
        fuzz_fail("$webhook_reason is %s, should be %s",
                  fuzz_show(reason.data, reason.len), v->reason);
    }

    if ((v->status == 401) != fuzz_answer_header(r, "WWW-Authenticate", &value)
        || (v->status == 405) != fuzz_answer_header(r, "Allow", &value)
        || fuzz_answer_header(r, "Retry-After", &value))
    {
        fuzz_fail("the headers of a %lu", (unsigned long) v->status);
    }

    if (!plain_is(&fuzz_answer.content_type,
                  (wlcf == fuzz_munity) ? "application/problem+json"
                                        : "application/json"))
    {
        fuzz_fail("the media type of a refusal");
    }

    root = json_loadb((char *) fuzz_answer.text, fuzz_answer.len,
                      JSON_REJECT_DUPLICATES, NULL);

    expected = v->reason;

    if (strcmp(expected, "not_found") == 0) {
        expected = "error_404";
    }

    if (root == NULL
        || strcmp(json_string_value(json_object_get(root, "reason")), expected)
           != 0)
    {
        fuzz_fail("answered %s, should be %s",
                  fuzz_show(fuzz_answer.text, fuzz_answer.len), expected);
    }

    json_decref(root);
}


static void
fuzz_check_id(ngx_http_request_t *r)
{
    size_t      i;
    ngx_str_t  *header, id, again;

    if (!fuzz_variable(r, "webhook_id", &id)
        || !fuzz_variable(r, "webhook_id", &again)
        || id.len != again.len
        || memcmp(id.data, again.data, id.len) != 0)
    {
        fuzz_fail("$webhook_id changes");
    }

    if (plain_header("webhook-id", &header) == 1
        && header->len >= 1 && header->len <= 256)
    {
        for (i = 0; i < header->len && isgraph(header->data[i]); i++) {
            /* void */
        }

        if (i == header->len) {
            if (id.len != i || memcmp(id.data, header->data, i) != 0) {
                fuzz_fail("$webhook_id is %s", fuzz_show(id.data, id.len));
            }

            return;
        }
    }

    if (!plain_match(&plain_uuid, &id) || id.data[14] != '4') {
        fuzz_fail("$webhook_id is %s", fuzz_show(id.data, id.len));
    }
}


/* an answer of the registry */

static void
fuzz_check_answer(ngx_http_request_t *r, plain_resource_t resource)
{
    json_t  *root;

    if (r->method == NGX_HTTP_DELETE) {
        /* it is wanted by those that come later */
        return;
    }

    fuzz_content(r);

    if (fuzz_answer.status != 200) {
        fuzz_fail("answered %ld", (long) fuzz_answer.status);
    }

    if (r->method == NGX_HTTP_HEAD) {
        return;
    }

    root = json_loadb((char *) fuzz_answer.text, fuzz_answer.len,
                      JSON_REJECT_DUPLICATES, NULL);

    if (resource == plain_collection ? !json_is_array(root)
                                       || json_array_size(root) > 1
                                     : !json_is_object(root))
    {
        fuzz_fail("answered %s",
                  fuzz_show(fuzz_answer.text, fuzz_answer.len));
    }

    json_decref(root);
}


static void
fuzz_register(const char *app, const char *uuid)
{
    ngx_str_t                        text;
    ngx_http_webhook_registry_op_t   op;
    ngx_http_webhook_lenra_record_t  record;
    ngx_http_webhook_registration_t  registration;

    ngx_memzero(&record, sizeof(record));

    ngx_str_set(&record.action, "\"run\"");

    text.len = NGX_HTTP_WEBHOOK_UUID_LEN;
    text.data = (u_char *) app;
    (void) ngx_http_webhook_uuid_parse(&text, record.identity.app);
    text.data = (u_char *) uuid;
    (void) ngx_http_webhook_uuid_parse(&text, record.uuid);

    if (ngx_http_webhook_lenra_encode(fuzz_pool, &record, &registration)
        != NGX_OK
        || ngx_http_webhook_registry_create(fuzz_shm_zone, fuzz_pool,
                                            &registration, &op)
           != NGX_OK)
    {
        fuzz_fail("no registration");
    }
}


int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static char  *a[] = { APP_A, "environment=1", "token=token A", NULL };
    static char  *b[] = { APP_B, "environment=-2", "token=B", "user=3", NULL };

    fuzz_nginx();

    fuzz_shm_zone = fuzz_zone(fuzz_pool, 128 * 1024, NULL);
    fuzz_register(APP_A, WEBHOOK_A);
    fuzz_register(APP_B, WEBHOOK_B);

    fuzz_luzmo = fuzz_location(&ngx_http_webhook_luzmo);
    fuzz_secret(fuzz_luzmo, "S", NULL);
    fuzz_secret(fuzz_luzmo, "acme's", "acme");

    fuzz_munity = fuzz_location(&ngx_http_webhook_munity);
    fuzz_secret(fuzz_munity, "S", NULL);

    fuzz_lenra = fuzz_location(&ngx_http_webhook_lenra);
    fuzz_lenra->zone = fuzz_shm_zone;
    fuzz_app(fuzz_lenra, a);
    fuzz_app(fuzz_lenra, b);

    fuzz_identity = fuzz_location(&ngx_http_webhook_lenra);
    fuzz_identity->zone = fuzz_shm_zone;
    fuzz_identity->identity = ngx_pcalloc(fuzz_pool,
                                     sizeof(ngx_http_webhook_identity_conf_t));

    if (regcomp(&plain_media_type,
                "^application/(json|" TOKEN "[+]json)"
                "([ \t]*;[ \t]*(" TOKEN "(=(" TOKEN "|" QUOTED "))?)?)*[ \t]*$",
                REG_EXTENDED|REG_ICASE|REG_NOSUB)
        || regcomp(&plain_uuid, "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$",
                   REG_EXTENDED|REG_ICASE|REG_NOSUB)
        || regcomp(&plain_number, "^-?[0-9]+$", REG_EXTENDED|REG_NOSUB))
    {
        fuzz_fail("no regular expressions");
    }

    return 0;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t                        none;
    u_char                       *last, *p, *text;
    ngx_str_t                     line, method, uri, args, value;
    ngx_str_t                    *header;
    ngx_uint_t                    any, i, status;
    fuzz_header_t                *h;
    plain_verdict_t               v;
    plain_resource_t              resource;
    ngx_http_request_t           *r;
    ngx_http_webhook_ctx_t       *ctx;
    ngx_http_variable_value_t     vv;
    ngx_http_webhook_loc_conf_t  *wlcf;
    char                          webhook;

    if (size < 2 || size > 4000) {
        return 0;
    }

    wlcf = fuzz_location_of(data[0]);
    if (wlcf == NULL) {
        return 0;
    }

    any = isupper(data[0]);

    text = malloc(size);
    ngx_memcpy(text, data, size);

    p = text + 1;
    last = text + size;

    fuzz_until(&p, last, ' ', &method);
    fuzz_until(&p, last, ' ', &method);
    fuzz_until(&p, last, '\n', &line);

    /* a URI begins with a slash, and is decoded: "?" is no limit in tests */

    args = line;
    fuzz_until(&args.data, line.data + line.len, '?', &uri);
    args.len = line.data + line.len - args.data;

    if (uri.len == 0 || uri.data[0] != '/') {
        free(text);
        return 0;
    }

    for (plain_nheaders = 0; p < last && plain_nheaders < FUZZ_HEADERS; ) {
        plain_nheaders += fuzz_header_line(&p, last,
                                           &plain_headers[plain_nheaders]);
    }

    if (wlcf == fuzz_identity) {

        /* as variables out of these headers would be */

        static ngx_str_t  empty = ngx_string("");

        wlcf->identity->app.value = plain_header("x-app", &header)
                                    ? *header : empty;
        wlcf->identity->environment.value = plain_header("x-environment",
                                                         &header)
                                            ? *header : empty;
        wlcf->identity->user.value = plain_header("x-user", &header)
                                     ? *header : empty;
    }

    plain_judge(wlcf, any, fuzz_method(&method), &uri, &args, &v);

    r = fuzz_request(wlcf, fuzz_method(&method), &uri, &args);

    for (i = 0; i < plain_nheaders; i++) {
        fuzz_header(r, &plain_headers[i].name, &plain_headers[i].value);
    }

    none = 0;
    fuzz_choices(data, &none);
    fuzz_body(r, (u_char *) "", 0);

    status = fuzz_judge(r, any);

    if (status != v.status) {
        fuzz_fail("answered %lu %s, should be %lu %s", (unsigned long) status,
                  fuzz_show(fuzz_answer.text, fuzz_answer.len),
                  (unsigned long) v.status, v.reason ? v.reason : "");
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_webhook_module);

    if (status) {
        fuzz_check_refusal(r, wlcf, &v);

    } else if (r->content_handler) {
        (void) plain_route(wlcf, &uri, &resource, &webhook);
        fuzz_check_answer(r, resource);
    }

    /* Luzmo's event is known from the path */

    if (wlcf == fuzz_luzmo
        && (plain_route(wlcf, &uri, &resource, &webhook)
            != fuzz_variable(r, "webhook_event", &value)))
    {
        fuzz_fail("$webhook_event");
    }

    if (ctx->identity == NULL) {
        if (fuzz_variable(r, "webhook_app", &value)) {
            fuzz_fail("$webhook_app");
        }

    } else {
        (void) fuzz_variable(r, "webhook_action", &value);
        (void) fuzz_variable(r, "webhook_user", &value);

        if (!fuzz_variable(r, "webhook_app", &value)
            || !plain_match(&plain_uuid, &value)
            || !fuzz_variable(r, "webhook_environment", &value)
            || !plain_integer(&value))
        {
            fuzz_fail("$webhook_app or $webhook_environment");
        }
    }

    fuzz_check_id(r);

    for (i = 0; i < plain_nheaders; i++) {
        h = &plain_headers[i];

        if (ngx_http_webhook_set_variable(r, &vv, &h->value) != NGX_OK) {
            fuzz_fail("no memory");
        }

        value.len = vv.len;
        value.data = vv.data;

        if (!fuzz_escaped(&value, h->value.data, h->value.len)) {
            fuzz_fail("%s is escaped to %s",
                      fuzz_show(h->value.data, h->value.len),
                      fuzz_show(value.data, value.len));
        }
    }

    fuzz_request_done(r);
    free(text);

    return 0;
}
