
/*
 * What a queue keeps of a request: which headers, and its codec, whose heads
 * must be read as they were written, or be refused.  Speaks TAP.
 */


#include "queue/ngx_http_webhook_message.h"

#include "nginx.h"


#define RANDOM  20000


static ngx_pool_t  *pool;
static u_char      *copy;


static ngx_str_t
text(const char *s)
{
    ngx_str_t  t;

    t.len = strlen(s);
    t.data = (u_char *) s;

    return t;
}


static int
same(ngx_str_t *a, ngx_str_t *b)
{
    return a->len == b->len && (a->len == 0 || memcmp(a->data, b->data, a->len)
                                              == 0);
}


static int
same_pairs(ngx_array_t *a, ngx_array_t *b)
{
    ngx_uint_t     i;
    ngx_keyval_t  *x, *y;

    x = a->elts;
    y = b->elts;

    for (i = 0; i < a->nelts && i < b->nelts; i++) {

        if (!same(&x[i].key, &y[i].key) || !same(&x[i].value, &y[i].value)) {
            return 0;
        }
    }

    return a->nelts == b->nelts;
}


static int
same_message(ngx_http_webhook_message_t *a, ngx_http_webhook_message_t *b)
{
    return same(&a->uri, &b->uri)
           && same(&a->unparsed_uri, &b->unparsed_uri)
           && same(&a->args, &b->args)
           && same(&a->host, &b->host)
           && same(&a->addr, &b->addr)
           && same(&a->sockaddr, &b->sockaddr)
           && same(&a->local_sockaddr, &b->local_sockaddr)
           && same(&a->id, &b->id)
           && same(&a->workspace, &b->workspace)
           && same_pairs(&a->headers, &b->headers)
           && same_pairs(&a->variables, &b->variables);
}


static void
add(ngx_array_t *pairs, ngx_str_t key, ngx_str_t value)
{
    ngx_keyval_t  *kv;

    kv = ngx_array_push(pairs);
    kv->key = key;
    kv->value = value;
}


static void
init(ngx_http_webhook_message_t *m)
{
    if (ngx_http_webhook_message_init(m, pool) != NGX_OK) {
        printf("Bail out! no memory\n");
        exit(1);
    }
}


static ngx_str_t
print(ngx_http_webhook_message_t *m)
{
    ngx_str_t  head;

    if (ngx_http_webhook_message_print(m, pool, &head) != NGX_OK) {
        printf("Bail out! no memory\n");
        exit(1);
    }

    return head;
}


/*
 * Parses a copy that ends where it says, for AddressSanitizer to see what is
 * read behind it; it is valid until the next one.
 */

static ngx_int_t
parse(u_char *data, size_t len, ngx_http_webhook_message_t *m)
{
    ngx_str_t  head;

    free(copy);
    copy = malloc(len ? len : 1);

    if (copy == NULL) {
        printf("Bail out! no memory\n");
        exit(1);
    }

    memcpy(copy, data, len);
    memset(m, 0xa5, sizeof(ngx_http_webhook_message_t));

    head.len = len;
    head.data = copy;

    return ngx_http_webhook_message_parse(&head, pool, m);
}


static void
sample(ngx_http_webhook_message_t *m)
{
    ngx_str_t  binary;

    init(m);

    binary.len = 16;
    binary.data = (u_char *) "\2\0\37\220\177\0\0\1\0\0\0\0\0\0\0\377";

    m->uri = text("/hook/a b");
    m->unparsed_uri = text("/hook/a%20b?x=1");
    m->args = text("x=1");
    m->host = text("example.com");
    m->addr = text("127.0.0.1");
    m->sockaddr = binary;
    m->local_sockaddr = binary;
    m->id = text("msg_1");
    m->workspace = text("w\xc3\xb6rk");

    add(&m->headers, text("Content-Type"), text("application/json"));
    add(&m->headers, text("X-Empty"), text(""));
    add(&m->headers, text("X-Twice"), text("1"));
    add(&m->headers, text("X-Twice"), text("2"));

    add(&m->variables, text("event"), text("item.created"));
    add(&m->variables, text("field_event"), binary);
}


/* what is written is read again */

static void
round_trips(void)
{
    int                          bad;
    ngx_int_t                    rc;
    ngx_str_t                    head;
    ngx_uint_t                   i;
    ngx_keyval_t                *kv;
    ngx_http_webhook_message_t   m, n;

    sample(&m);
    head = print(&m);
    rc = parse(head.data, head.len, &n);
    ok(rc == NGX_OK && same_message(&m, &n), "a message is read as written");

    kv = n.headers.elts;

    for (bad = 0, i = 0; i < n.headers.nelts; i++) {
        bad |= kv[i].key.data[kv[i].key.len] != '\0'
               || kv[i].value.data[kv[i].value.len] != '\0';
    }

    ok(!bad && n.uri.data[n.uri.len] == '\0', "a zero follows each text");

    init(&m);
    head = print(&m);
    rc = parse(head.data, head.len, &n);
    ok(rc == NGX_OK && same_message(&m, &n), "an empty one as well");
    ok(head.len == (9 + 2) * 5, "which takes eleven empty texts");

    /* as it is on disk since the first version */

    init(&m);
    m.uri = text("/");
    add(&m.variables, text("id"), text("a"));
    head = print(&m);

    ok(head.len == 1 + 9 * 5 + 5 + 2 + 5 + 1 + 5 + 5
       && memcmp(head.data, "\0\0\0\1/\0" "\0\0\0\0\0", 11) == 0
       && memcmp(head.data + 46, "\0\0\0\0\0" "\0\0\0\2id\0" "\0\0\0\1a\0"
                 "\0\0\0\0\0", 23)
          == 0,
       "lengths are four bytes, the highest first");

    for (bad = 0, i = 0; i < 300; i++) {
        init(&m);
        m.args.len = i * i;
        m.args.data = memset(ngx_palloc(pool, i * i + 1), i, i * i + 1);

        while (m.headers.nelts < i) {
            add(&m.headers, text("x"), m.args);
        }

        if (i > 40) {
            m.headers.nelts = i % 40;
        }

        head = print(&m);
        bad |= parse(head.data, head.len, &n) != NGX_OK
               || !same_message(&m, &n);
    }

    ok(!bad, "texts of many lengths");
}


/* what is not written by us is refused */

static void
refusals(void)
{
    int                          bad;
    u_char                      *p;
    size_t                       i, j;
    ngx_str_t                    head;
    ngx_http_webhook_message_t   m, n;

    sample(&m);
    head = print(&m);

    for (bad = 0, i = 0; i < head.len; i++) {
        bad |= parse(head.data, i, &n) != NGX_DECLINED;
    }

    ok(!bad, "a head that is cut anywhere is refused");

    p = ngx_palloc(pool, head.len + 5);
    memcpy(p, head.data, head.len);
    memset(p + head.len, 0, 5);

    for (bad = 0, i = 1; i <= 5; i++) {
        bad |= parse(p, head.len + i, &n) != NGX_DECLINED;
    }

    ok(!bad, "and one that goes on");

    /* the first text's length, and the zero after it */

    memcpy(p, head.data, head.len);

    for (bad = 0, i = head.len - 5; i < 70000; i++) {
        p[1] = (u_char) (i >> 16);
        p[2] = (u_char) (i >> 8);
        p[3] = (u_char) i;
        bad |= parse(p, head.len, &n) != NGX_DECLINED;
    }

    ok(!bad, "a text that is longer than the rest");

    memcpy(p, head.data, head.len);
    memset(p, 0xff, 4);
    ok(parse(p, head.len, &n) == NGX_DECLINED, "the longest one is, too");

    memcpy(p, head.data, head.len);
    p[4 + m.uri.len] = ' ';
    ok(parse(p, head.len, &n) == NGX_DECLINED, "a text without its zero");

    memcpy(p, head.data, head.len);
    p[head.len - 1] = 1;
    ok(parse(p, head.len, &n) == NGX_DECLINED, "the last one without it");

    /* a name without a value */

    init(&m);
    head = print(&m);
    p = ngx_palloc(pool, head.len + 6);
    memcpy(p, head.data, 45);
    memcpy(p + 45, "\0\0\0\1x\0", 6);
    memcpy(p + 51, head.data + 45, 10);
    ok(parse(p, head.len + 6, &n) == NGX_DECLINED,
       "a header's name and the ends of two lists");

    /* whatever is read can be written, and is the same then */

    sample(&m);
    head = print(&m);
    p = ngx_palloc(pool, head.len);

    for (bad = 0, i = 0; i < RANDOM; i++) {
        memcpy(p, head.data, head.len);
        j = next_random() % head.len;
        p[j] = (u_char) next_random();

        if (i & 1) {
            p[next_random() % head.len] = 0;
        }

        if (parse(p, head.len, &n) == NGX_OK) {
            ngx_str_t  again = print(&n);

            bad |= again.len != head.len
                   || memcmp(again.data, p, head.len) != 0;
        }

        if (i % 100 == 99) {
            ngx_reset_pool(pool);
            sample(&m);
            head = print(&m);
            p = ngx_palloc(pool, head.len);
        }
    }

    ok(!bad, "what is read is what it was written from");
}


static void
header(ngx_list_t *list, const char *name, const char *value)
{
    size_t            i;
    ngx_table_elt_t  *h;

    h = ngx_list_push(list);

    memset(h, 0, sizeof(ngx_table_elt_t));

    h->hash = 1;
    h->key = text(name);
    h->value = text(value);
    h->lowcase_key = ngx_pnalloc(pool, h->key.len);

    for (i = 0; i < h->key.len; i++) {
        h->lowcase_key[i] = ngx_tolower(h->key.data[i]);
    }
}


/* as configured: a secret, and a signature that an endpoint must not get */

static ngx_uint_t
drop(void *data, ngx_table_elt_t *h, ngx_uint_t outbound)
{
    ngx_uint_t  *calls = data;

    (*calls)++;

    return ngx_strncmp(h->lowcase_key, "x-secret", 8) == 0
           || (outbound && ngx_strncmp(h->lowcase_key, "x-sign", 6) == 0);
}


/* the names of what is kept, each with a space */

static const char *
kept(ngx_list_t *list, const char *workspace, ngx_uint_t *calls)
{
    static char                  names[4096];
    char                        *p;
    ngx_uint_t                   i;
    ngx_keyval_t                *kv;
    ngx_http_webhook_message_t   m;

    init(&m);
    m.workspace = text(workspace);
    *calls = 0;

    if (ngx_http_webhook_message_add_headers(&m, pool, list, drop, calls)
        != NGX_OK)
    {
        return "no memory";
    }

    kv = m.headers.elts;
    p = names;

    for (i = 0; i < m.headers.nelts; i++) {
        p += sprintf(p, "%.*s ", (int) kv[i].key.len, kv[i].key.data);
    }

    *p = '\0';

    return names;
}


static void
headers(void)
{
    int                i;
    char               name[NGX_INT_T_LEN + 8], *list_of, *p;
    ngx_list_t         list;
    ngx_uint_t         calls;
    ngx_table_elt_t   *h;

    static const char *dropped[] = {
        "Authorization", "Proxy-Authorization", "COOKIE", "Content-Length",
        "Expect", "Connection", "Keep-Alive", "Proxy-Connection", "TE",
        "Trailer", "Transfer-Encoding", "Upgrade", NULL
    };

    (void) ngx_list_init(&list, pool, 2, sizeof(ngx_table_elt_t));
    ok(kept(&list, "", &calls)[0] == '\0', "no header");

    for (i = 0; dropped[i]; i++) {
        header(&list, dropped[i], "x");
    }

    ok(kept(&list, "", &calls)[0] == '\0' && calls == 0,
       "credentials and what concerns the connection");

    header(&list, "Content-Type", "x");
    header(&list, "Cookies", "x");
    header(&list, "T", "x");
    header(&list, "X-Secret", "hush");
    header(&list, "X-Sign", "v1,x");
    header(&list, "webhook-id", "1");
    header(&list, "Webhook-Timestamp", "1");
    header(&list, "webhook-signature", "v1,x");

    ok(strcmp(kept(&list, "", &calls),
              "Content-Type Cookies T X-Sign webhook-id Webhook-Timestamp "
              "webhook-signature ")
       == 0 && calls == 8,
       "what is kept for the application");

    ok(strcmp(kept(&list, "w", &calls), "Content-Type Cookies T ") == 0
       && calls == 5,
       "and for an endpoint");

    /* hidden, as by "ignore_invalid_headers" */

    header(&list, "X-Hidden", "x");
    h = (ngx_table_elt_t *) list.last->elts + list.last->nelts - 1;
    h->hash = 0;
    ok(strstr(kept(&list, "", &calls), "X-Hidden") == NULL, "a hidden one");

    /* names that the sender's Connection headers list */

    (void) ngx_list_init(&list, pool, 3, sizeof(ngx_table_elt_t));
    header(&list, "X-A", "x");
    header(&list, "X-B", "x");
    header(&list, "X-BB", "x");
    header(&list, "Connection", "close, x-a ,X-C,,\t X-D\t");
    header(&list, "X-C", "x");
    header(&list, "X-D", "x");
    header(&list, "connection", "X-b");
    header(&list, "X-E", "x");
    ok(strcmp(kept(&list, "", &calls), "X-BB X-E ") == 0,
       "what Connection lists");

    /* sixteen of them count */

    (void) ngx_list_init(&list, pool, 3, sizeof(ngx_table_elt_t));
    list_of = ngx_palloc(pool, 1024);

    for (p = list_of, i = 1; i <= 20; i++) {
        p += sprintf(p, "x-%d,", i);
        sprintf(name, "X-%d", i);
        header(&list, (char *) memcpy(ngx_palloc(pool, sizeof(name)), name,
                                      sizeof(name)),
               "x");
    }

    header(&list, "Connection", list_of);
    ok(strcmp(kept(&list, "", &calls), "X-17 X-18 X-19 X-20 ") == 0,
       "sixteen of them");
}


int
main(void)
{
    unit_init();

    pool = ngx_create_pool(NGX_DEFAULT_POOL_SIZE, &unit_log);

    round_trips();
    refusals();
    headers();

    ngx_destroy_pool(pool);
    free(copy);

    return done();
}
