
/*
 * Signatures, beside a check that is written here: how many headers there are,
 * timestamps, items of a list of signatures, how their bytes are written, and
 * which of the secrets has signed what.
 *
 * Input: a line with a letter of fuzz_schemes[] and a digit of
 * fuzz_locations[], then lines with headers, an empty line, and the body.  In
 * the values of headers, "{1}" stands for the signature with the first secret,
 * "{2}" with the second one, "{3}" with one that nobody knows; a letter behind
 * the digit spoils it, see fuzz_sign().  The time is always FUZZ_NOW.
 *
 * Differences: in base64, two bits of the last character are without meaning,
 * and may have any value.
 */


#include "nginx.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>


#define FUZZ_NOW      1700000000
#define FUZZ_HEADERS  16
#define FUZZ_TEXT     (64 * 1024)
#define FUZZ_SECRETS  3

#define PLAIN_MAC     32
#define PLAIN_ITEMS   64


typedef struct {
    char                          letter;
    const char                   *name;
    const char                   *header;
    const char                   *id;         /* may be NULL */
    const char                   *timestamp;  /* may be NULL */
    const char                   *time_item;  /* may be NULL */
    char                          delimiter;  /* 0: there is one signature */
    const char                   *version;
    const char                   *prefix;
    const char                   *separator;
    ngx_uint_t                    base64;     /* 2: with "-" and "_" */
    char                         *secrets[FUZZ_SECRETS];
    char                         *keys[FUZZ_SECRETS];
    const char                   *block;      /* NULL: it is built in */
} fuzz_scheme_t;


typedef struct {
    ngx_http_webhook_provider_t  *provider;
    ngx_uint_t                    secrets;
    char                         *tolerance;  /* NULL: by default */
    ngx_int_t                     seconds;
    char                         *uri;
} fuzz_location_t;


/* what an answer should be; "status" 0: the request is accepted */

typedef struct {
    ngx_uint_t                    status;
    const char                   *reason;
} plain_verdict_t;


#define K1  "fuzz-the-first-secret-00"
#define K2  "fuzz-the-second-secret-0"
#define K3  "fuzz-nobodys-secret-0000"

static fuzz_scheme_t  fuzz_schemes[] = {

    { 'w', "standard", "webhook-signature", "webhook-id", "webhook-timestamp",
      NULL, ' ', "v1,", "", ".", 1,
      { "whsec_ZnV6ei10aGUtZmlyc3Qtc2VjcmV0LTAw",
        "ZnV6ei10aGUtc2Vjb25kLXNlY3JldC0w",
        NULL },
      { K1, K2, K3 }, NULL },

    { 'g', "github", "x-hub-signature-256", NULL, NULL,
      NULL, 0, "sha256=", "", "", 0,
      { K1, K2, NULL }, { K1, K2, K3 }, NULL },

    { 't', "stripe", "stripe-signature", NULL, NULL,
      "t=", ',', "v1=", "", ".", 0,
      { "whsec_" K1, K2, NULL }, { "whsec_" K1, K2, K3 }, NULL },

    { 'k', "slack", "x-slack-signature", NULL, "x-slack-request-timestamp",
      NULL, 0, "v0=", "v0:", ":", 0,
      { K1, K2, NULL }, { K1, K2, K3 }, NULL },

    { 'y', "shopify", "x-shopify-hmac-sha256", NULL, NULL,
      NULL, 0, "", "", "", 1,
      { K1, K2, NULL }, { K1, K2, K3 }, NULL },

    { 'p', "parts", "x-own", NULL, NULL,
      "ts=", ';', "h1=", "", ":", 0,
      { K1, K2, NULL }, { K1, K2, K3 },
      "timestamp X-Own part=ts \"separator=;\";"
      "signature X-Own part=h1 \"separator=;\";"
      "content $timestamp:$body; }" },

    { 'b', "prefix", "x-own", "x-own-id", "x-own-time",
      NULL, ' ', "v1,", "", ".", 1,
      { "own_ZnV6ei10aGUtZmlyc3Qtc2VjcmV0LTAw",
        "ZnV6ei10aGUtc2Vjb25kLXNlY3JldC0w",
        NULL },
      { K1, K2, K3 },
      "id X-Own-Id; timestamp X-Own-Time;"
      "signature X-Own \"separator= \" prefix=v1, encoding=base64;"
      "content \"$id.$timestamp.$body\"; secret base64 prefix=own_; }" },

    { 'u', "url", "x-own", NULL, "x-own-time",
      NULL, ',', "", "v0|", "|", 2,
      { K1, K2, NULL }, { K1, K2, K3 },
      "timestamp X-Own-Time; signature X-Own separator=, encoding=base64url;"
      "content \"v0|$timestamp|$body\"; }" }
};

#define FUZZ_SCHEMES  (sizeof(fuzz_schemes) / sizeof(fuzz_schemes[0]))


static fuzz_location_t  fuzz_locations[] = {
    { &ngx_http_webhook_signed, 2, NULL, 300, "/" },
    { &ngx_http_webhook_signed, 1, "tolerance=60y", 1892160000, "/" },
    { &ngx_http_webhook_luzmo, 2, "tolerance=1s", 1, "/data_updated" }
};

#define FUZZ_LOCATIONS  (sizeof(fuzz_locations) / sizeof(fuzz_locations[0]))


static ngx_http_webhook_loc_conf_t  *fuzz_confs[FUZZ_SCHEMES][FUZZ_LOCATIONS];

static fuzz_header_t                 plain_headers[FUZZ_HEADERS];
static ngx_uint_t                    plain_nheaders;
static u_char                        fuzz_text[FUZZ_TEXT];


static ngx_uint_t
plain_begins(ngx_str_t *text, const char *s)
{
    return text->len >= strlen(s) && memcmp(text->data, s, strlen(s)) == 0;
}


static ngx_uint_t
plain_is(ngx_str_t *text, const char *s)
{
    return text->len == strlen(s) && plain_begins(text, s);
}


/*
 * The n-th item of a list, without the spaces before it, and those behind it if
 * the scheme is a block, of which 64 items count.  0: there is none.
 */

static ngx_uint_t
plain_item(fuzz_scheme_t *s, ngx_str_t *list, ngx_uint_t n, ngx_str_t *item)
{
    char        delimiter;
    u_char     *last, *p;
    ngx_uint_t  i;

    p = list->data;
    last = p + list->len;
    delimiter = s->delimiter;
    i = 0;

    if (s->block && n >= PLAIN_ITEMS) {
        return 0;
    }

    for ( ;; ) {
        item->data = p;

        while (p < last && (delimiter == 0 || *p != (u_char) delimiter)) {
            p++;
        }

        if (i++ == n) {
            item->len = p - item->data;

            while (item->len && item->data[0] == ' ') {
                item->data++;
                item->len--;
            }

            while (s->block && item->len
                   && item->data[item->len - 1] == ' ')
            {
                item->len--;
            }

            return 1;
        }

        if (p++ == last) {
            return 0;
        }
    }
}


/* what follows "prefix" in the items that begin so; how many there are */

static ngx_uint_t
plain_items(fuzz_scheme_t *s, ngx_str_t *list, const char *prefix,
    ngx_str_t *value)
{
    ngx_str_t   item;
    ngx_uint_t  found, n;

    found = 0;

    for (n = 0; plain_item(s, list, n, &item); n++) {
        if (plain_begins(&item, prefix)) {
            value->data = item.data + strlen(prefix);
            value->len = item.len - strlen(prefix);
            found++;
        }
    }

    return found;
}


/* what is signed, hashed: what a sender does */

static void
plain_mac(fuzz_scheme_t *s, ngx_uint_t secret, ngx_str_t *id,
    ngx_str_t *timestamp, u_char *body, size_t len, u_char *mac)
{
    u_char        *p, *text;
    unsigned int   n;

    text = malloc(len + id->len + timestamp->len + 16);

    p = ngx_cpymem(text, s->prefix, strlen(s->prefix));

    if (s->id) {
        p = ngx_cpymem(p, id->data, id->len);
        p = ngx_cpymem(p, s->separator, strlen(s->separator));
    }

    if (s->timestamp || s->time_item) {
        p = ngx_cpymem(p, timestamp->data, timestamp->len);
        p = ngx_cpymem(p, s->separator, strlen(s->separator));
    }

    p = ngx_cpymem(p, body, len);

    if (HMAC(EVP_sha256(), s->keys[secret], strlen(s->keys[secret]), text,
             p - text, mac, &n)
        == NULL
        || n != PLAIN_MAC)
    {
        fuzz_fail("no HMAC");
    }

    free(text);
}


/* the same in letters, as the scheme writes it; returns its length */

static size_t
plain_encode(fuzz_scheme_t *s, u_char *mac, char *text)
{
    size_t      n;
    ngx_uint_t  i;

    if (s->base64) {
        n = EVP_EncodeBlock((u_char *) text, mac, PLAIN_MAC);

        for (i = 0; s->base64 == 2 && i < n; i++) {
            text[i] = (text[i] == '+') ? '-'
                      : (text[i] == '/') ? '_' : text[i];
        }

        return n;
    }

    for (i = 0; i < PLAIN_MAC; i++) {
        sprintf(text + 2 * i, "%02x", mac[i]);
    }

    return 2 * PLAIN_MAC;
}


static ngx_uint_t
plain_matches(fuzz_scheme_t *s, ngx_str_t *text, char *expected, size_t len)
{
    char        *p;
    const char  *alphabet;

    static const char  alphabets[2][65] = {
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    };

    if (!s->base64) {
        return text->len == len
               && strncasecmp((char *) text->data, expected, len) == 0;
    }

    /* 42 characters, one with four bits, and "=", which a block can omit */

    if (text->len != len && !(s->block && text->len == len - 1)) {
        return 0;
    }

    alphabet = alphabets[s->base64 - 1];
    p = text->data[len - 2] ? strchr(alphabet, text->data[len - 2]) : NULL;

    return memcmp(text->data, expected, len - 2) == 0
           && p != NULL
           && (p - alphabet) / 4
              == (strchr(alphabet, expected[len - 2]) - alphabet) / 4
           && (text->len < len || text->data[len - 1] == '=');
}


static void
plain_reject(plain_verdict_t *v, const char *reason)
{
    v->status = 401;
    v->reason = reason;
}


/* only what concerns the signature, of which the body comes last */

static void
plain_judge(fuzz_scheme_t *s, fuzz_location_t *l, u_char *body, size_t len,
    plain_verdict_t *v)
{
    char         expected[2 * PLAIN_MAC + 1], number[32];
    u_char       mac[PLAIN_MAC];
    size_t       i, n;
    ngx_str_t   *header, value[3], item;
    long long    sent;
    ngx_uint_t   count, k;

    const char  *names[] = { s->header, s->id, s->timestamp };

    ngx_memzero(v, sizeof(plain_verdict_t));
    ngx_memzero(value, sizeof(value));

    for (i = 0; i < 3; i++) {

        if (names[i] == NULL) {
            continue;
        }

        count = fuzz_find_header(plain_headers, plain_nheaders, names[i],
                                 &header);

        if (count == 0) {
            plain_reject(v, "missing_signature");
            return;
        }

        if (count > 1 || header->len == 0) {
            plain_reject(v, "invalid_signature");
            return;
        }

        value[i] = *header;
    }

    /* the separator tells where an id ends */

    if (s->id && memchr(value[1].data, s->separator[0], value[1].len)) {
        plain_reject(v, "invalid_signature");
        return;
    }

    if (s->time_item
        && plain_items(s, &value[0], s->time_item, &value[2]) != 1)
    {
        plain_reject(v, "invalid_signature");
        return;
    }

    if (s->timestamp || s->time_item) {

        i = (value[2].len && value[2].data[0] == '-');

        for (n = i; n < value[2].len && isdigit(value[2].data[n]); n++) {
            /* void */
        }

        if (n == i || n != value[2].len) {
            plain_reject(v, "invalid_signature");
            return;
        }

        /* leading zeros say nothing */

        while (i + 1 < n && value[2].data[i] == '0') {
            i++;
        }

        sent = -1;

        if (n - i < 19 && value[2].data[0] != '-') {
            ngx_memcpy(number, value[2].data + i, n - i);
            number[n - i] = '\0';
            sent = atoll(number);
        }

        if (sent < 0 || llabs(sent - FUZZ_NOW) > l->seconds) {
            plain_reject(v, "stale_signature");
            return;
        }
    }

    for (k = 0; k < l->secrets; k++) {

        plain_mac(s, k, &value[1], &value[2], body, len, mac);
        n = plain_encode(s, mac, expected);

        for (i = 0; plain_item(s, &value[0], i, &item); i++) {

            if (!plain_begins(&item, s->version)) {
                continue;
            }

            item.data += strlen(s->version);
            item.len -= strlen(s->version);

            if (plain_matches(s, &item, expected, n)) {
                return;
            }
        }
    }

    plain_reject(v, "invalid_signature");
}


/*
 * Writes what "{1x}" stands for, "how" being the "x": "u" for upper case, "b"
 * for another bit, "c" for another character, "s" for one that is missing, "a"
 * for one that is added.  Returns its length.
 */

static size_t
fuzz_sign(fuzz_scheme_t *s, ngx_uint_t secret, char how, ngx_str_t *id,
    ngx_str_t *timestamp, u_char *body, size_t len, char *text)
{
    u_char  mac[PLAIN_MAC];
    size_t  i, n;

    plain_mac(s, secret, id, timestamp, body, len, mac);

    if (how == 'b') {
        i = fuzz_choose(8 * PLAIN_MAC);
        mac[i / 8] ^= 1 << i % 8;
    }

    n = plain_encode(s, mac, text);

    switch (how) {

    case 'u':
        for (i = 0; i < n; i++) {
            text[i] = toupper(text[i]);
        }

        break;

    case 'c':
        i = fuzz_choose(n);
        text[i] = 1 + fuzz_choose(255);
        break;

    case 's':
        n--;
        break;

    case 'a':
        text[n++] = "=A0 "[fuzz_choose(4)];
        break;
    }

    return n;
}


/* replaces what is in braces; the value gets a block of its own */

static void
fuzz_expand(fuzz_scheme_t *s, ngx_str_t *value, ngx_str_t *id,
    ngx_str_t *timestamp, u_char *body, size_t len)
{
    char    *p, *text;
    size_t   i, n;

    text = malloc(value->len * (2 * PLAIN_MAC + 1) + 1);
    p = text;

    for (i = 0; i < value->len; i++) {

        n = value->len - i;

        if (value->data[i] == '{' && n >= 3
            && value->data[i + 1] >= '1'
            && value->data[i + 1] < '1' + FUZZ_SECRETS
            && (value->data[i + 2] == '}'
                || (n >= 4 && value->data[i + 3] == '}')))
        {
            n = (value->data[i + 2] == '}') ? 2 : 3;

            p += fuzz_sign(s, value->data[i + 1] - '1',
                           (n == 3) ? value->data[i + 2] : 0, id, timestamp,
                           body, len, p);
            i += n;
            continue;
        }

        *p++ = value->data[i];
    }

    value->len = p - text;
    value->data = malloc(value->len + 1);
    ngx_memcpy(value->data, text, value->len);
    value->data[value->len] = '\0';

    free(text);
}


/* the first of each header is signed, and of Stripe's the last timestamp */

static void
fuzz_expand_headers(fuzz_scheme_t *s, u_char *body, size_t len)
{
    ngx_str_t   *header, id, timestamp;
    ngx_uint_t   i;

    ngx_str_set(&id, "");
    ngx_str_set(&timestamp, "");

    if (s->id
        && fuzz_find_header(plain_headers, plain_nheaders, s->id, &header))
    {
        id = *header;
    }

    if (s->timestamp
        && fuzz_find_header(plain_headers, plain_nheaders, s->timestamp,
                            &header))
    {
        timestamp = *header;
    }

    if (s->time_item
        && fuzz_find_header(plain_headers, plain_nheaders, s->header, &header))
    {
        (void) plain_items(s, header, s->time_item, &timestamp);
    }

    /* of these, braces mean nothing */

    for (i = 0; i < plain_nheaders; i++) {
        fuzz_expand(s, &plain_headers[i].value, &id, &timestamp, body, len);
    }
}


static void
fuzz_check_refusal(ngx_http_request_t *r, fuzz_scheme_t *s, plain_verdict_t *v)
{
    json_t     *root;
    ngx_str_t   value;

    if (fuzz_answer_header(r, "WWW-Authenticate", &value) != 1
        || value.len != strlen(s->header)
        || strncasecmp((char *) value.data, s->header, value.len) != 0)
    {
        fuzz_fail("the headers of a refusal");
    }

    if (!fuzz_variable(r, "webhook_reason", &value)
        || !plain_is(&value, v->reason))
    {
        fuzz_fail("$webhook_reason is %s, should be %s",
                  fuzz_show(value.data, value.len), v->reason);
    }

    root = json_loadb((char *) fuzz_answer.text, fuzz_answer.len,
                      JSON_REJECT_DUPLICATES, NULL);

    if (root == NULL
        || strcmp(json_string_value(json_object_get(root, "reason")), v->reason)
           != 0)
    {
        fuzz_fail("answered %s, should be %s",
                  fuzz_show(fuzz_answer.text, fuzz_answer.len), v->reason);
    }

    json_decref(root);
}


int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
    char         *args[FUZZ_SECRETS + 2], **arg;
    ngx_uint_t    i, k, n;
    ngx_time_t   *tp;

    fuzz_nginx();

    tp = (ngx_time_t *) ngx_cached_time;
    tp->sec = FUZZ_NOW;

    for (i = 0; i < FUZZ_SCHEMES; i++) {

        if (fuzz_schemes[i].block) {
            fuzz_scheme((char *) fuzz_schemes[i].name, fuzz_schemes[i].block);
        }

        for (n = 0; n < FUZZ_LOCATIONS; n++) {

            fuzz_confs[i][n] = fuzz_location(fuzz_locations[n].provider);

            arg = args;
            *arg++ = (char *) fuzz_schemes[i].name;

            for (k = 0; k < fuzz_locations[n].secrets; k++) {
                *arg++ = fuzz_schemes[i].secrets[k];
            }

            if (fuzz_schemes[i].timestamp || fuzz_schemes[i].time_item) {
                *arg++ = fuzz_locations[n].tolerance;
            }

            *arg = NULL;

            fuzz_signature(fuzz_confs[i][n], args);
        }
    }

    return 0;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    u_char                       *last, *p, *text;
    ngx_str_t                     uri;
    ngx_uint_t                    any, i, location, scheme, status;
    fuzz_scheme_t                *s;
    plain_verdict_t               v;
    fuzz_location_t              *l;
    ngx_http_request_t           *r;
    ngx_http_webhook_loc_conf_t  *wlcf;

    fuzz_choices(data, &size);

    if (size < 3 || size > FUZZ_TEXT || data[2] != '\n') {
        return 0;
    }

    for (scheme = 0; scheme < FUZZ_SCHEMES; scheme++) {
        if (fuzz_schemes[scheme].letter == tolower(data[0])) {
            break;
        }
    }

    location = data[1] - '0';

    if (scheme == FUZZ_SCHEMES || location >= FUZZ_LOCATIONS) {
        return 0;
    }

    s = &fuzz_schemes[scheme];
    l = &fuzz_locations[location];
    wlcf = fuzz_confs[scheme][location];
    any = isupper(data[0]);

    text = malloc(size);
    ngx_memcpy(text, data, size);

    p = text + 3;
    last = text + size;

    for (plain_nheaders = 0; p < last && *p != '\n'; ) {

        if (plain_nheaders == FUZZ_HEADERS) {
            free(text);
            return 0;
        }

        plain_nheaders += fuzz_header_line(&p, last,
                                           &plain_headers[plain_nheaders]);
    }

    if (p < last) {
        p++;
    }

    fuzz_expand_headers(s, p, last - p);

    plain_judge(s, l, p, last - p, &v);

    uri.data = (u_char *) l->uri;
    uri.len = strlen(l->uri);

    r = fuzz_request(wlcf, NGX_HTTP_POST, &uri, NULL);

    for (i = 0; i < plain_nheaders; i++) {
        fuzz_header(r, &plain_headers[i].name, &plain_headers[i].value);
    }

    fuzz_body(r, p, last - p);

    status = fuzz_judge(r, any);

    if (v.status) {

        if (status != v.status) {
            fuzz_fail("answered %lu, should be %s", (unsigned long) status,
                      v.reason);
        }

        fuzz_check_refusal(r, s, &v);

    } else if (l->provider == &ngx_http_webhook_signed) {

        if (status) {
            fuzz_fail("answered %lu %s, should be accepted",
                      (unsigned long) status,
                      fuzz_show(fuzz_answer.text, fuzz_answer.len));
        }

        if (fuzz_body_text(r, fuzz_text, FUZZ_TEXT) != (size_t) (last - p)
            || memcmp(fuzz_text, p, last - p) != 0)
        {
            fuzz_fail("another body is passed on");
        }

    } else if (status == 401) {

        /* a payload may be refused for whatever it is, but not for that */

        fuzz_fail("answered %s, should be accepted",
                  fuzz_show(fuzz_answer.text, fuzz_answer.len));
    }

    fuzz_request_done(r);

    for (i = 0; i < plain_nheaders; i++) {
        free(plain_headers[i].value.data);
    }

    free(text);

    return 0;
}
