
/*
 * Payloads, from the phase handlers to the answer, beside a plain check that is
 * written here: of Luzmo's events, Munity's, and Lenra's creation and trigger.
 *
 * Input: a letter, see fuzz_systems[], the payload, and what chooses how it is
 * cut and who sends it, see fuzz_choices().
 */


#include "nginx.h"
#include "../unit/oracle.h"


#define FUZZ_MEMBERS    (TEST_TEXT / 4)

#define FUZZ_APP        "0f8fad5b-d9cb-469f-a165-70867728950e"
#define FUZZ_PROPS      "{\"a\":[1,2.50]}"
#define FUZZ_ACTION     "\"run\\u0021\""


/* what a member must be, as the documentation says it */

typedef enum {
    plain_any = 0,
    plain_uuid,
    plain_slug,
    plain_string,
    plain_string_or_null,
    plain_nonempty,
    plain_identifier,
    plain_boolean,
    plain_object
} plain_kind_t;


typedef struct {
    const char                   *path;
    plain_kind_t                  kind;
    const char                   *events;     /* NULL: every one */
} plain_field_t;


/* in the order in which they are complained of */

static plain_field_t  plain_luzmo[] = {
    { "slug", plain_slug, NULL },
    { "user_id", plain_uuid, NULL },
    { "key", plain_uuid, NULL },
    { "dataset_id", plain_nonempty, "data_updated" },
    { NULL, 0, NULL }
};

#define models  "integration_new_data_model integration_updated_data_model "  \
                "integration_deleted_data_model "
#define links   "integration_installed integration_import_done "
#define tokens  "integration_cannot_refresh_oauth_token "                     \
                "integration_oauth_token_fixed "

static plain_field_t  plain_munity[] = {
    { "workspace_id", plain_string, NULL },
    { "customer_id", plain_string_or_null, NULL },
    { "event", plain_string, NULL },
    { "state", plain_any, NULL },
    { "payload", plain_object, NULL },
    { "payload.test", plain_boolean, "webhook_test" },
    { "payload.id", plain_identifier, models links tokens },
    { "payload.resource_id", plain_identifier, models },
    { "payload.type", plain_nonempty, models },
    { "payload.diff", plain_any, "integration_updated_data_model" },
    { "payload.data", plain_any, "integration_updated_data_model" },
    { "payload.connector_type", plain_nonempty, links },
    { "payload.metadata", plain_any, "integration_installed" },
    { "payload.state", plain_any, "integration_installed" },
    { "payload.error", plain_any, "integration_cannot_refresh_oauth_token" },
    { NULL, 0, NULL }
};

static const char  *plain_munity_events =
    "webhook_test " models links tokens;


/* judged by code of Lenra's own */

static plain_field_t  plain_lenra[] = {
    { "action", plain_any, NULL },
    { "props", plain_any, NULL },
    { "user_id", plain_any, NULL },
    { NULL, 0, NULL }
};


static plain_field_t  plain_none[] = {
    { NULL, 0, NULL }
};


typedef struct {
    char                          letter;
    const char                   *uri;
    const char                   *event;
    plain_field_t                *fields;
    ngx_http_webhook_provider_t  *provider;
    ngx_http_webhook_loc_conf_t  *conf;
} fuzz_system_t;


static fuzz_system_t  fuzz_systems[] = {
    { 'a', "/x/data_available", "data_available", plain_luzmo,
      &ngx_http_webhook_luzmo, NULL },
    { 'u', "/0.1.0/webhook/plugin/data_updated", "data_updated", plain_luzmo,
      &ngx_http_webhook_luzmo, NULL },
    { 'd', "/account_deleted", "account_deleted", plain_luzmo,
      &ngx_http_webhook_luzmo, NULL },
    { 'm', "/munity", NULL, plain_munity, &ngx_http_webhook_munity, NULL },
    { 'p', "/munity", NULL, plain_munity, &ngx_http_webhook_munity, NULL },
    { 'c', "/app/webhooks", NULL, plain_lenra, &ngx_http_webhook_lenra, NULL },
    { 't', NULL, NULL, plain_none, &ngx_http_webhook_lenra, NULL }
};

#define FUZZ_SYSTEMS  (sizeof(fuzz_systems) / sizeof(fuzz_systems[0]))


/* a member of an object, as it stands in the text */

typedef struct {
    u_char                       *name;       /* with quotes */
    size_t                        name_len;
    u_char                       *value;
    size_t                        len;
} plain_member_t;


/* what the plain check found of a field */

typedef struct {
    ngx_uint_t                    named;
    ngx_uint_t                    count;
    ngx_uint_t                    cut;
    ngx_uint_t                    alike;
    u_char                       *value;
    size_t                        len;
    ngx_uint_t                    type;       /* as of the scanner */
    json_t                       *json;       /* of a string */
    ngx_uint_t                    exact;      /* NUL escapes are decoded */
} plain_value_t;


/* an answer; "status" 0 is none */

typedef struct {
    ngx_uint_t                    status;
    const char                   *reason;
    const char                   *field;
    const char                   *message;
} plain_verdict_t;


#define PLAIN_VALUES  16

static plain_value_t    plain_values[PLAIN_VALUES];
static plain_member_t   plain_members[FUZZ_MEMBERS];
static test_buf_t       plain_normal;

static ngx_shm_zone_t  *fuzz_shm_zone;
static ngx_str_t        fuzz_trigger;
static u_char           fuzz_text[FUZZ_ANSWER];


static ngx_uint_t
plain_type(u_char *p, size_t len)
{
    size_t  i;

    switch (*p) {

    case '"':
        return NGX_HTTP_WEBHOOK_JSON_STRING;

    case '{':
        return NGX_HTTP_WEBHOOK_JSON_OBJECT;

    case '[':
        return NGX_HTTP_WEBHOOK_JSON_ARRAY;

    case 't':
    case 'f':
        return NGX_HTTP_WEBHOOK_JSON_BOOLEAN;

    case 'n':
        return NGX_HTTP_WEBHOOK_JSON_NULL;
    }

    for (i = 0; i < len; i++) {
        if (strchr(".eE", p[i])) {
            return NGX_HTTP_WEBHOOK_JSON_REAL;
        }
    }

    return NGX_HTTP_WEBHOOK_JSON_INTEGER;
}


/* jansson's view of a string, "exact" if that is of the string as it stands */

static json_t *
plain_string_value(u_char *p, size_t len, ngx_uint_t *exact)
{
    json_t                *json;
    enum json_error_code   code;

    json = test_jansson(p, len, 0, &code);
    *exact = (json != NULL);

    if (json == NULL) {
        (void) test_normalize(p, len, &plain_normal);
        json = test_jansson(plain_normal.text, plain_normal.len, 0, &code);
    }

    if (!json_is_string(json)) {
        fuzz_fail("not a string: %s", fuzz_show(p, len));
    }

    return json;
}


static u_char *
plain_space(u_char *p, u_char *last)
{
    while (p < last && strchr(" \t\r\n", *p) && *p) {
        p++;
    }

    return p;
}


/* the end of the value at "p", in a valid text */

static u_char *
plain_skip(u_char *p, u_char *last)
{
    ngx_uint_t  depth, string;

    depth = 0;
    string = 0;

    for ( /* void */ ; p < last; p++) {

        if (string) {
            if (*p == '\\') {
                p++;

            } else if (*p == '"') {
                string = 0;

                if (depth == 0) {
                    return p + 1;
                }
            }

            continue;
        }

        switch (*p) {

        case '"':
            string = 1;
            break;

        case '{':
        case '[':
            depth++;
            break;

        case '}':
        case ']':
            if (depth == 0) {
                return p;
            }

            if (--depth == 0) {
                return p + 1;
            }

            break;

        case ',':
        case ' ':
        case '\t':
        case '\r':
        case '\n':
            if (depth == 0) {
                return p;
            }
        }
    }

    return p;
}


/* the members of the object at "p", in a valid text */

static ngx_uint_t
plain_split(u_char *p, u_char *last, plain_member_t *m)
{
    ngx_uint_t  n;

    n = 0;
    p = plain_space(p + 1, last);

    while (*p != '}') {
        m[n].name = p;
        p = plain_skip(p, last);
        m[n].name_len = p - m[n].name;

        p = plain_space(p, last) + 1;          /* a colon */
        p = plain_space(p, last);

        m[n].value = p;
        p = plain_skip(p, last);
        m[n].len = p - m[n].value;

        n++;

        p = plain_space(p, last);

        if (*p == ',') {
            p = plain_space(p + 1, last);
        }
    }

    return n;
}


/* whether a reader that does not look at case takes one name for the other */

static ngx_uint_t
plain_alike(const char *text, const char *name)
{
    for ( /* void */ ; *name; name++) {

        if (*name == 's' && strncmp(text, "\xc5\xbf", 2) == 0) {
            text += 2;

        } else if (*name == 'k' && strncmp(text, "\xe2\x84\xaa", 3) == 0) {
            text += 3;

        } else if (ngx_tolower(*text) == *name) {
            text++;

        } else {
            return 0;
        }
    }

    return *text == '\0';
}


/* finds a member in the object at "p" */

static void
plain_find(u_char *p, size_t len, const char *name, plain_value_t *v)
{
    json_t          *json;
    ngx_uint_t       exact, i, n;
    plain_member_t  *m;

    m = plain_members;
    n = plain_split(p, p + len, m);

    for (i = 0; i < n; i++) {

        json = plain_string_value(m[i].name, m[i].name_len, &exact);

        if (plain_alike(json_string_value(json), name)) {

            if (strlen(json_string_value(json)) != json_string_length(json)) {
                /* a NUL, behind which the name goes on */
                v->cut = 1;

            } else if (strcmp(json_string_value(json), name) != 0) {
                v->alike = 1;

            } else if (v->count++ == 0) {
                v->value = m[i].value;
                v->len = m[i].len;
                v->type = plain_type(v->value, v->len);

                if (v->type == NGX_HTTP_WEBHOOK_JSON_STRING) {
                    v->json = plain_string_value(v->value, v->len, &v->exact);
                }
            }
        }

        json_decref(json);
    }
}


static ngx_uint_t
plain_is_uuid(const char *text, size_t len)
{
    size_t  i;

    if (len != 36) {
        return 0;
    }

    for (i = 0; i < 36; i++) {

        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (text[i] != '-') {
                return 0;
            }

        } else if (!isxdigit((u_char) text[i])) {
            return 0;
        }
    }

    return 1;
}


static ngx_uint_t
plain_valid(plain_value_t *v, plain_kind_t kind)
{
    size_t       i, len;
    const char  *text;

    text = v->json ? json_string_value(v->json) : "";
    len = v->json ? json_string_length(v->json) : 0;

    switch (kind) {

    case plain_any:
        return 1;

    case plain_uuid:
        return v->json && plain_is_uuid(text, len);

    case plain_slug:
        for (i = 0; i < len; i++) {
            if (!isalnum((u_char) text[i]) && text[i] != '_' && text[i] != '-')
            {
                return 0;
            }
        }

        return len >= 1 && len <= 50;

    case plain_string:
        return v->json != NULL;

    case plain_string_or_null:
        return v->json || v->type == NGX_HTTP_WEBHOOK_JSON_NULL;

    case plain_nonempty:
        return len > 0;

    case plain_identifier:
        return len > 0 || v->type == NGX_HTTP_WEBHOOK_JSON_INTEGER;

    case plain_boolean:
        return v->type == NGX_HTTP_WEBHOOK_JSON_BOOLEAN;

    default: /* plain_object */
        return v->type == NGX_HTTP_WEBHOOK_JSON_OBJECT;
    }
}


/* is the name, of any bytes, one of the words? */

static ngx_uint_t
plain_word(const char *words, const char *name, size_t len)
{
    const char  *p;

    for (p = words; *p; p += strcspn(p, " "), p += (*p == ' ')) {
        if (strcspn(p, " ") == len && memcmp(p, name, len) == 0) {
            return 1;
        }
    }

    return 0;
}


/* how deep the brackets of a valid text are */

static ngx_uint_t
plain_depth(u_char *p, u_char *last)
{
    ngx_uint_t  depth, max, string;

    depth = 0;
    max = 0;
    string = 0;

    for ( /* void */ ; p < last; p++) {

        if (string) {
            if (*p == '\\') {
                p++;

            } else if (*p == '"') {
                string = 0;
            }

        } else if (*p == '"') {
            string = 1;

        } else if (*p == '{' || *p == '[') {
            max = ngx_max(max, ++depth);

        } else if (*p == '}' || *p == ']') {
            depth--;
        }
    }

    return max;
}


static void
plain_reject(plain_verdict_t *v, const char *reason, const char *field,
    const char *message)
{
    v->status = 400;
    v->reason = reason;
    v->field = field;
    v->message = message;
}


/* Lenra's own answers; jansson reads "action" and "user_id" as they stand */

static void
plain_judge_lenra(plain_verdict_t *v)
{
    size_t                 i, len;
    json_t                *json;
    const char            *p;
    plain_value_t         *action, *props, *user;
    enum json_error_code   code;

    action = &plain_values[0];
    props = &plain_values[1];
    user = &plain_values[2];

    if (action->count == 0 || action->type == NGX_HTTP_WEBHOOK_JSON_NULL) {
        plain_reject(v, "invalid_action", NULL, "action can't be blank");
        return;
    }

    if (action->json == NULL || !action->exact) {
        plain_reject(v, "invalid_action", NULL, "action is invalid");
        return;
    }

    p = json_string_value(action->json);
    len = json_string_length(action->json);

    for (i = 0; i < len && p[i] && strchr(" \t\n\v\f\r", p[i]); i++) {
        /* void */
    }

    if (i == len) {
        plain_reject(v, "invalid_action", NULL, "action can't be blank");
        return;
    }

    if (props->count && props->type != NGX_HTTP_WEBHOOK_JSON_NULL
        && props->type != NGX_HTTP_WEBHOOK_JSON_OBJECT)
    {
        plain_reject(v, "invalid_props", NULL, "props is invalid");
        return;
    }

    if (user->count && user->type != NGX_HTTP_WEBHOOK_JSON_NULL) {

        json = test_jansson(user->value, user->len, 0, &code);

        if (!json_is_integer(json)) {
            plain_reject(v, "invalid_user_id", NULL, "user_id is invalid");
        }

        json_decref(json);
    }
}


static void
plain_judge(fuzz_system_t *s, u_char *text, size_t len, plain_verdict_t *v)
{
    json_t                *json;
    u_char                *p, *last;
    ngx_uint_t             i, type;
    const char            *event, *path;
    size_t                 event_len;
    plain_field_t         *f;
    plain_value_t         *value;
    enum json_error_code   code;

    ngx_memzero(v, sizeof(plain_verdict_t));

    if (len == 0) {
        if (s->letter != 't') {
            plain_reject(v, "empty_body", NULL, "the body is empty");
        }

        return;
    }

    (void) test_normalize(text, len, &plain_normal);
    json = test_jansson(plain_normal.text, plain_normal.len, 0, &code);
    json_decref(json);

    if (json == NULL
        || plain_depth(text, text + len) > NGX_HTTP_WEBHOOK_JSON_DEPTH)
    {
        plain_reject(v, "invalid_json", NULL, "the body is not valid JSON");
        return;
    }

    last = text + len;
    p = plain_space(text, last);
    len = plain_skip(p, last) - p;
    type = plain_type(p, len);

    if (type != NGX_HTTP_WEBHOOK_JSON_OBJECT
        && s->letter != 'c' && s->letter != 't')
    {
        plain_reject(v, "invalid_field", NULL,
                     "the body must be a JSON object");
        return;
    }

    event = s->event;
    event_len = event ? strlen(event) : 0;

    for (i = 0; s->fields[i].path; i++) {
        f = &s->fields[i];
        value = &plain_values[i];
        path = f->path;

        if (strncmp(path, "payload.", 8) == 0) {

            if (plain_values[4].type == NGX_HTTP_WEBHOOK_JSON_OBJECT) {
                plain_find(plain_values[4].value, plain_values[4].len,
                           path + 8, value);
                value->named = 1;
            }

        } else {

            if (type == NGX_HTTP_WEBHOOK_JSON_OBJECT) {
                plain_find(p, len, path, value);
            }

            value->named = 1;
        }

        if (strcmp(path, "event") == 0 && value->json) {
            event = json_string_value(value->json);
            event_len = json_string_length(value->json);
        }

        if (f->events
            && (event == NULL || !plain_word(f->events, event, event_len)))
        {
            value->named = 0;
        }
    }

    for (i = 0; s->fields[i].path; i++) {
        /* the members of Lenra's creations need not be there */

        if (plain_values[i].named
            && (plain_values[i].count > 1
                || (plain_values[i].alike && plain_values[i].count)
                || (plain_values[i].cut
                    && (plain_values[i].count || s->letter == 'c'))))
        {
            plain_reject(v, "duplicate_field", s->fields[i].path,
                         "is there more than once");
            return;
        }
    }

    if (s->letter == 'c') {
        plain_judge_lenra(v);
        return;
    }

    for (i = 0; s->fields[i].path; i++) {
        if (plain_values[i].named && plain_values[i].count == 0) {
            plain_reject(v, "missing_field", s->fields[i].path, "is required");
            return;
        }
    }

    for (i = 0; s->fields[i].path; i++) {
        if (plain_values[i].named
            && !plain_valid(&plain_values[i], s->fields[i].kind))
        {
            plain_reject(v, "invalid_field", s->fields[i].path, NULL);
            return;
        }
    }

    if (s->letter == 'm'
        && !plain_word(plain_munity_events, event, event_len))
    {
        plain_reject(v, "unknown_event", "event", "names no known event");
    }
}


/* a value as the reader and the variables have it */

static void
fuzz_check_value(ngx_http_request_t *r, fuzz_system_t *s, ngx_uint_t n,
    u_char *payload, ngx_http_webhook_ctx_t *ctx)
{
    char                       name[64], *p;
    size_t                     i, kept, len;
    u_char                    *text;
    ngx_str_t                  variable;
    ngx_uint_t                 found, same;
    plain_value_t             *v;
    ngx_http_webhook_value_t  *value;

    v = &plain_values[n];
    value = &ctx->reader.values[n];

    sprintf(name, "webhook_field_%s", s->fields[n].path);
    for (p = name; *p; p++) {
        *p = (*p == '.') ? '_' : *p;
    }

    found = fuzz_variable(r, name, &variable);

    if (v->count == 0) {
        if (value->count || value->type || found) {
            fuzz_fail("%s is not there", name);
        }

        return;
    }

    if (value->type != v->type
        || value->start != v->value - payload
        || value->end != v->value + v->len - payload)
    {
        fuzz_fail("%s: type %lx at %ld-%ld, should be %lx at %ld-%ld", name,
                  value->type, (long) value->start, (long) value->end, v->type,
                  (long) (v->value - payload),
                  (long) (v->value + v->len - payload));
    }

    text = v->value;
    len = v->len;

    if (v->json) {
        text = (u_char *) json_string_value(v->json);
        len = json_string_length(v->json);
    }

    if (s->fields[n].kind == plain_object) {

        /* one whose members are named is not kept */

        if (value->text.len) {
            fuzz_fail("%s has a text", name);
        }

        return;
    }

    if (value->text.len != len) {
        fuzz_fail("%s has %lu bytes, should have %lu", name,
                  (unsigned long) value->text.len, (unsigned long) len);
    }

    kept = ngx_min(len, NGX_HTTP_WEBHOOK_VALUE_MAX);

    for (i = 0; i < kept; i++) {
        same = (value->text.data[i] == text[i]);

        /* see test_normalize() */
        if (v->json && !v->exact && text[i] == 1) {
            same = (value->text.data[i] <= 1);
        }

        if (!same) {
            fuzz_fail("%s differs at %lu", name, (unsigned long) i);
        }
    }

    if (found != (v->named && v->type != NGX_HTTP_WEBHOOK_JSON_NULL
                  && len <= NGX_HTTP_WEBHOOK_VALUE_MAX))
    {
        fuzz_fail("$%s is %sfound", name, found ? "" : "not ");
    }

    if (found && !fuzz_escaped(&variable, value->text.data, len)) {
        fuzz_fail("$%s is %s", name, fuzz_show(variable.data, variable.len));
    }
}


static void
fuzz_check_refusal(fuzz_system_t *s, plain_verdict_t *v,
    ngx_http_webhook_ctx_t *ctx, size_t len)
{
    json_t       *root, *message;
    const char   *expected;

    root = json_loadb((char *) fuzz_answer.text, fuzz_answer.len,
                      JSON_REJECT_DUPLICATES, NULL);
    if (root == NULL) {
        fuzz_fail("the answer is not JSON: %s",
                  fuzz_show(fuzz_answer.text, fuzz_answer.len));
    }

    expected = v->reason;

    if (strcmp(json_string_value(json_object_get(root, "reason")), expected)
        != 0)
    {
        fuzz_fail("answered %s, should be %s",
                  fuzz_show(fuzz_answer.text, fuzz_answer.len), expected);
    }

    if ((v->field != NULL) != (json_object_get(root, "field") != NULL)
        || (v->field
            && strcmp(json_string_value(json_object_get(root, "field")),
                      v->field)
               != 0))
    {
        fuzz_fail("answered %s, should be about %s",
                  fuzz_show(fuzz_answer.text, fuzz_answer.len),
                  v->field ? v->field : "none");
    }

    message = json_object_get(root, (s->provider == &ngx_http_webhook_munity)
                                    ? "detail" : "message");

    if (v->message
        && strstr(json_string_value(message), v->message) == NULL)
    {
        fuzz_fail("answered %s, should be \"%s\"",
                  fuzz_show(fuzz_answer.text, fuzz_answer.len), v->message);
    }

    if (strcmp(v->reason, "invalid_json") == 0) {

        if (json_integer_value(json_object_get(root, "offset"))
            != ctx->reader.json.offset
            || ctx->reader.json.offset > (off_t) len)
        {
            fuzz_fail("the offset %ld of %lu",
                      (long) ctx->reader.json.offset, (unsigned long) len);
        }

    } else if (json_object_get(root, "offset")) {
        fuzz_fail("an offset");
    }

    json_decref(root);
}


static void
fuzz_same(const char *what, u_char *text, size_t len, u_char *other,
    size_t other_len)
{
    if (len != other_len || ngx_memcmp(text, other, len) != 0) {
        fuzz_fail("%s: %s, should be %s", what, fuzz_show(text, len),
                  fuzz_show(other, other_len));
    }
}


/* the registration that a creation made */

static void
fuzz_check_created(ngx_http_request_t *r, ngx_uint_t token)
{
    u_char                           *p, uuid[NGX_HTTP_WEBHOOK_UUID_SIZE];
    size_t                            head;
    json_t                           *json;
    ngx_str_t                         text;
    plain_value_t                    *action, *props, *user;
    enum json_error_code              code;
    ngx_http_webhook_registry_op_t    op;
    ngx_http_webhook_lenra_record_t   record;
    ngx_http_webhook_registration_t   registration;

    fuzz_content(r);

    if (fuzz_answer.status != 200) {
        fuzz_fail("the creation answered %ld", (long) fuzz_answer.status);
    }

    action = &plain_values[0];
    props = &plain_values[1];
    user = &plain_values[2];

    head = sizeof("{\"uuid\":\"") - 1;

    text.len = NGX_HTTP_WEBHOOK_UUID_LEN;
    text.data = fuzz_answer.text + head;

    if (fuzz_answer.len < head + text.len
        || ngx_http_webhook_uuid_parse(&text, uuid) != NGX_OK)
    {
        fuzz_fail("no UUID");
    }

    p = fuzz_text;
    p += sprintf((char *) p, "{\"uuid\":\"%.36s\",\"action\":", text.data);
    p = ngx_cpymem(p, action->value, action->len);
    p = ngx_cpymem(p, ",\"props\":", 9);

    if (props->count) {
        p = ngx_cpymem(p, props->value, props->len);

    } else {
        p = ngx_cpymem(p, "null", 4);
    }

    p += sprintf((char *) p, ",\"environment_id\":1,\"user_id\":");

    if (token) {
        p = ngx_cpymem(p, "-7", 2);

    } else if (user->count && user->type != NGX_HTTP_WEBHOOK_JSON_NULL) {
        json = test_jansson(user->value, user->len, 0, &code);
        p += sprintf((char *) p, "%lld",
                     (long long) json_integer_value(json));
        json_decref(json);

    } else {
        p = ngx_cpymem(p, "null", 4);
    }

    p = ngx_cpymem(p, "}\n", 2);

    fuzz_same("the answer", fuzz_answer.text, fuzz_answer.len, fuzz_text,
              p - fuzz_text);

    /* what is in the zone, block by block */

    if (ngx_http_webhook_registry_find(fuzz_shm_zone, uuid, r->pool,
                                       &registration)
        != NGX_OK
        || ngx_http_webhook_lenra_decode(&registration, &record) != NGX_OK)
    {
        fuzz_fail("nothing was created");
    }

    fuzz_same("action", record.action.data, record.action.len,
              action->value, action->len);

    if (props->type == NGX_HTTP_WEBHOOK_JSON_OBJECT) {
        fuzz_same("props", record.props.data, record.props.len,
                  props->value, props->len);

    } else if (record.props.len) {
        fuzz_fail("props of nothing");
    }

    if (ngx_http_webhook_registry_delete(fuzz_shm_zone, uuid, &op) != NGX_OK) {
        fuzz_fail("it can't be deleted");
    }
}


/* what upstream gets when a webhook is triggered */

static void
fuzz_check_trigger(ngx_http_request_t *r, u_char *text, size_t len)
{
    u_char  *p;
    size_t   n;

    static const char  head[] = "{\"action\":" FUZZ_ACTION ",\"props\":"
                                FUZZ_PROPS ",\"event\":";

    p = ngx_cpymem(fuzz_text, head, sizeof(head) - 1);

    if (len == 0) {
        p = ngx_cpymem(p, "{}}", 3);

    } else if (*plain_space(text, text + len) == '{') {
        p = ngx_cpymem(p, text, len);
        *p++ = '}';

    } else {
        p = ngx_cpymem(p, "{\"_json\":", 9);
        p = ngx_cpymem(p, text, len);
        p = ngx_cpymem(p, "}}", 2);
    }

    n = fuzz_body_text(r, fuzz_answer.text, FUZZ_ANSWER);

    fuzz_same("upstream gets", fuzz_answer.text, n, fuzz_text, p - fuzz_text);

    if (r->headers_in.content_length_n != (off_t) n) {
        fuzz_fail("a Content-Length of %ld, for %lu bytes",
                  (long) r->headers_in.content_length_n, (unsigned long) n);
    }
}


int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
    char                             *p;
    ngx_str_t                         app = fuzz_literal(FUZZ_APP);
    ngx_uint_t                        i;
    ngx_http_webhook_registry_op_t    op;
    ngx_http_webhook_lenra_record_t   record;
    ngx_http_webhook_registration_t   registration;

    static char  *args[] = { FUZZ_APP, "environment=1", "token=T", NULL };
    static char  *user[] = { FUZZ_APP, "environment=1", "token=U", "user=-7",
                             NULL };

    fuzz_nginx();

    fuzz_shm_zone = fuzz_zone(fuzz_pool, 512 * 1024, NULL);

    for (i = 0; i < FUZZ_SYSTEMS; i++) {
        fuzz_systems[i].conf = fuzz_location(fuzz_systems[i].provider);

        if (fuzz_systems[i].provider == &ngx_http_webhook_lenra) {
            fuzz_systems[i].conf->zone = fuzz_shm_zone;
            fuzz_app(fuzz_systems[i].conf, args);
            fuzz_app(fuzz_systems[i].conf, user);
            continue;
        }

        fuzz_secret(fuzz_systems[i].conf, "S", NULL);

        if (fuzz_systems[i].provider == &ngx_http_webhook_luzmo) {
            fuzz_secret(fuzz_systems[i].conf, "A", "acme");
        }

        fuzz_systems[i].conf->unknown = (fuzz_systems[i].letter == 'p');
    }

    /* the webhook that is triggered */

    ngx_memzero(&record, sizeof(record));
    ngx_str_set(&record.action, FUZZ_ACTION);
    ngx_str_set(&record.props, FUZZ_PROPS);
    (void) ngx_http_webhook_uuid_parse(&app, record.identity.app);
    (void) ngx_http_webhook_uuid_parse(&app, record.uuid);

    if (ngx_http_webhook_lenra_encode(fuzz_pool, &record, &registration)
        != NGX_OK
        || ngx_http_webhook_registry_create(fuzz_shm_zone, fuzz_pool,
                                            &registration, &op)
           != NGX_OK)
    {
        fuzz_fail("no registration");
    }

    p = "/apps/" FUZZ_APP "/webhooks/" FUZZ_APP;
    fuzz_trigger.data = (u_char *) p;
    fuzz_trigger.len = strlen(p);

    return 0;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t                   free, len;
    u_char                  *text;
    ngx_str_t                uri;
    ngx_uint_t               i, status, token;
    fuzz_system_t           *s;
    plain_verdict_t          v;
    ngx_http_request_t      *r;
    ngx_http_webhook_ctx_t  *ctx;

    static ngx_str_t  type_name = fuzz_literal("Content-Type");
    static ngx_str_t  type = fuzz_literal("application/json");
    static ngx_str_t  secret_name = fuzz_literal("X-Secret");
    static ngx_str_t  secrets[] = { fuzz_literal("S"), fuzz_literal("A") };
    static ngx_str_t  token_name = fuzz_literal("Authorization");
    static ngx_str_t  bearers[] = { fuzz_literal("Bearer T"),
                                    fuzz_literal("bearer  U") };

    if (size == 0) {
        return 0;
    }

    s = NULL;

    for (i = 0; i < FUZZ_SYSTEMS; i++) {
        if (fuzz_systems[i].letter == (char) data[0]) {
            s = &fuzz_systems[i];
        }
    }

    data++;
    size--;

    fuzz_choices(data, &size);

    if (s == NULL || size > TEST_TEXT) {
        return 0;
    }

    text = (u_char *) data;
    len = size;

    ngx_memzero(plain_values, sizeof(plain_values));

    plain_judge(s, text, len, &v);

    token = fuzz_choose(2);

    if (v.status == 0 && s->provider == &ngx_http_webhook_luzmo && token
        && strcmp(json_string_value(plain_values[0].json), "acme") != 0)
    {
        plain_reject(&v, "wrong_plugin", "slug", NULL);
        v.status = 403;
    }

    free = fuzz_zone_free(fuzz_shm_zone);

    uri.data = (u_char *) s->uri;
    uri.len = s->uri ? strlen(s->uri) : 0;

    r = fuzz_request(s->conf, NGX_HTTP_POST,
                     s->uri ? &uri : &fuzz_trigger, NULL);

    fuzz_header(r, &type_name, &type);

    if (s->provider == &ngx_http_webhook_lenra) {
        fuzz_header(r, &token_name, &bearers[token]);

    } else {
        fuzz_header(r, &secret_name,
                    &secrets[s->provider == &ngx_http_webhook_luzmo && token]);
    }

    fuzz_body(r, text, len);

    status = fuzz_judge(r, 0);

    if (status != v.status) {
        fuzz_fail("answered %lu %s, should be %lu %s", (unsigned long) status,
                  fuzz_show(fuzz_answer.text, fuzz_answer.len),
                  (unsigned long) v.status, v.reason ? v.reason : "");
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_webhook_module);

    if (status) {
        fuzz_check_refusal(s, &v, ctx, len);
    }

    if (ctx->judged) {
        for (i = 0; s->fields[i].path; i++) {
            fuzz_check_value(r, s, i, text, ctx);
        }
    }

    if (status == 0) {

        if (s->letter == 't') {
            fuzz_check_trigger(r, text, len);

        } else {
            fuzz_same("the body", fuzz_text,
                      fuzz_body_text(r, fuzz_text, FUZZ_ANSWER), text, len);
        }

        if (s->letter == 'c') {
            fuzz_check_created(r, token);
        }
    }

    fuzz_request_done(r);

    if (fuzz_zone_free(fuzz_shm_zone) != free) {
        fuzz_fail("the zone has %lu bytes, had %lu",
                  (unsigned long) fuzz_zone_free(fuzz_shm_zone),
                  (unsigned long) free);
    }

    for (i = 0; i < PLAIN_VALUES; i++) {
        json_decref(plain_values[i].json);
    }

    return 0;
}


/* the oracle's other half is of no use here */

static ngx_uint_t
test_random(ngx_uint_t n)
{
    return fuzz_choose(n);
}


static void
test_note(u_char *text, size_t len, const char *fmt, ...)
{
    fuzz_fail("%s: %s", fmt, test_show(text, len, 1000));
}
