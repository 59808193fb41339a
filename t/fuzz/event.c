
/*
 * The reader of queued events: what a queue keeps of a request, and the tables
 * that it is in, which are written by LMDB alone, as the module writes them or
 * with anything in them.
 *
 * A head is read as a plain reader does.  While a queue is as the module writes
 * it, all that is found, listed and read is compared with a plain list of what
 * should be there.
 *
 * Input: a byte, then a head, or operations, see fuzz_operation().
 */


#include "tables.h"

#include "queue/ngx_http_webhook_message.h"
#include "store/ngx_http_webhook_spool.h"


#define FUZZ_EVENTS  16
#define FUZZ_RECORD  81               /* bytes */
#define FUZZ_PART    994              /* of the contents */
#define FUZZ_HEAD    8192
#define FUZZ_BODY    1000
#define FUZZ_TEXTS   9


enum {
    fuzz_meta = 0,
    fuzz_records,
    fuzz_contents,
    fuzz_arrivals,
    fuzz_due,
    fuzz_died,
    fuzz_tables
};


/* what should be known of an event */

typedef struct {
    ngx_uint_t                 exists;
    ngx_http_webhook_event_t   event;
    size_t                     head_len;
    size_t                     len;
    u_char                     contents[FUZZ_HEAD + FUZZ_BODY];
} plain_event_t;


/* of a list that the module tells us */

typedef struct {
    ngx_uint_t                 n;
    ngx_uint_t                 max;
    ngx_http_webhook_event_t   events[FUZZ_EVENTS];
} fuzz_list_t;


static plain_event_t                  plain_events[FUZZ_EVENTS];
static uint64_t                       plain_seq;
static ngx_uint_t                     plain_odd;
static ngx_uint_t                     plain_version_known;
static ngx_uint_t                     plain_use_known;

static ngx_http_webhook_store_conf_t  fuzz_conf;
static ngx_http_webhook_store_t      *fuzz_store;
static ngx_pool_t                    *fuzz_test_pool;


/* a text: its length in four bytes, the highest first, and a zero behind it */

static ngx_uint_t
plain_text(u_char **p, u_char *last, ngx_str_t *text)
{
    uint32_t  len;

    if (last - *p < 4) {
        return 0;
    }

    ngx_memcpy(&len, *p, 4);
    len = ntohl(len);
    *p += 4;

    if ((size_t) (last - *p) <= len || (*p)[len] != '\0') {
        return 0;
    }

    text->len = len;
    text->data = *p;
    *p += (size_t) len + 1;

    return 1;
}


static ngx_uint_t
plain_same(ngx_str_t *a, ngx_str_t *b)
{
    return a->len == b->len
           && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}


/* names and values, to an empty name; "pairs" is NULL where nothing was read */

static ngx_uint_t
plain_pairs(u_char **p, u_char *last, ngx_array_t *pairs)
{
    ngx_str_t      key, value;
    ngx_uint_t     n;
    ngx_keyval_t  *kv;

    for (n = 0; /* void */ ; n++) {

        if (!plain_text(p, last, &key)) {
            return 0;
        }

        if (key.len == 0) {
            break;
        }

        if (!plain_text(p, last, &value)) {
            return 0;
        }

        if (pairs == NULL) {
            continue;
        }

        kv = pairs->elts;

        if (n >= pairs->nelts || !plain_same(&kv[n].key, &key)
            || !plain_same(&kv[n].value, &value))
        {
            fuzz_fail("pair %lu is not \"%s\": \"%s\"", (unsigned long) n,
                      fuzz_show(key.data, key.len),
                      fuzz_show(value.data, value.len));
        }
    }

    if (pairs && n != pairs->nelts) {
        fuzz_fail("%lu pairs of %lu", (unsigned long) pairs->nelts,
                  (unsigned long) n);
    }

    return 1;
}


/* reads a head as the module does, and plainly; returns 1 if it is one */

static ngx_uint_t
fuzz_head(u_char *data, size_t len)
{
    u_char                      *last, *p;
    ngx_int_t                    rc;
    ngx_str_t                    head, text;
    ngx_uint_t                   i, valid;
    ngx_http_webhook_message_t   m;

    ngx_str_t  *texts[FUZZ_TEXTS] = {
        &m.uri, &m.unparsed_uri, &m.args, &m.host, &m.addr, &m.sockaddr,
        &m.local_sockaddr, &m.id, &m.workspace
    };

    /* a block of its own, for overruns to show */

    head.len = len;
    head.data = ngx_pnalloc(fuzz_test_pool, len + (len == 0));
    ngx_memcpy(head.data, data, len);

    ngx_memzero(&m, sizeof(ngx_http_webhook_message_t));

    rc = ngx_http_webhook_message_parse(&head, fuzz_test_pool, &m);

    p = head.data;
    last = head.data + len;
    valid = 1;

    for (i = 0; valid && i < FUZZ_TEXTS; i++) {
        valid = plain_text(&p, last, &text);

        if (valid && rc == NGX_OK
            && (!plain_same(texts[i], &text)
                || texts[i]->data[text.len] != '\0'))
        {
            fuzz_fail("text %lu is not %s", (unsigned long) i,
                      fuzz_show(text.data, text.len));
        }
    }

    valid = valid
            && plain_pairs(&p, last, (rc == NGX_OK) ? &m.headers : NULL)
            && plain_pairs(&p, last, (rc == NGX_OK) ? &m.variables : NULL);

    /* there is nothing behind it */

    valid = valid && p == last;

    if (rc != (valid ? NGX_OK : NGX_DECLINED)) {
        fuzz_fail("a head is %s", (rc == NGX_OK) ? "taken" : "refused");
    }

    return valid;
}


static u_char *
fuzz_put_text(u_char *p, ngx_str_t *text)
{
    uint32_t  len;

    len = htonl(text->len);

    p = ngx_cpymem(p, &len, 4);
    p = ngx_cpymem(p, text->data, text->len);
    *p++ = '\0';

    return p;
}


/* a head of texts out of the input; returns its end */

static u_char *
fuzz_make_head(u_char *p)
{
    ngx_str_t   text, end = ngx_string("");
    ngx_uint_t  i, n;

    for (i = 0; i < FUZZ_TEXTS; i++) {
        fuzz_bytes(&text, 300);
        p = fuzz_put_text(p, &text);
    }

    for (i = 0; i < 2; i++) {

        for (n = fuzz_byte() % 5; n; n--) {
            fuzz_bytes(&text, 300);

            if (text.len == 0) {
                ngx_str_set(&text, "X-A");
            }

            p = fuzz_put_text(p, &text);

            fuzz_bytes(&text, 300);
            p = fuzz_put_text(p, &text);
        }

        p = fuzz_put_text(p, &end);
    }

    return p;
}


static void
fuzz_id(ngx_uint_t n, u_char *id)
{
    ngx_memset(id, 0, NGX_HTTP_WEBHOOK_UUID_SIZE);

    id[0] = (u_char) ((n & 3) * 0x55);
    id[15] = (u_char) n;
}


static uint64_t
fuzz_destination(uint8_t byte)
{
    static uint64_t  destinations[] = { 0, 1, 0xcbf29ce484222325ULL, ~0ULL };

    return destinations[byte & 3];
}


/* a few, so that some are the same, and the extremes */

static uint64_t
fuzz_time(uint8_t byte)
{
    return (byte == 0xff) ? ~0ULL : (byte == 0) ? 0 : 1700000000000ULL + byte;
}


static void
fuzz_key_two(u_char *key, uint64_t a, uint64_t b)
{
    (void) fuzz_number(fuzz_number(key, a), b);
}


static void
fuzz_key_due(u_char *key, ngx_http_webhook_event_t *e)
{
    (void) fuzz_number(fuzz_number(fuzz_number(key, e->destination), e->time),
                       e->seq);
}


static void
fuzz_delete(ngx_uint_t n)
{
    u_char                     key[24];
    size_t                     part;
    ngx_http_webhook_event_t  *e;

    if (!plain_events[n].exists) {
        return;
    }

    plain_events[n].exists = 0;
    e = &plain_events[n].event;

    if (e->state == NGX_HTTP_WEBHOOK_DEAD) {
        fuzz_key_two(key, e->time, e->seq);
        fuzz_remove(fuzz_died, key, 16);

    } else {
        fuzz_number(key, e->seq);
        fuzz_remove(fuzz_arrivals, key, 8);
        fuzz_key_due(key, e);
        fuzz_remove(fuzz_due, key, 24);
    }

    for (part = 0; part * FUZZ_PART < plain_events[n].len; part++) {
        fuzz_key_two(key, e->number, part);
        fuzz_remove(fuzz_contents, key, 16);
    }

    fuzz_remove(fuzz_records, e->id, NGX_HTTP_WEBHOOK_UUID_SIZE);
}


/* an event in the place of number "n" */

static void
fuzz_create(ngx_uint_t n, uint8_t op)
{
    u_char                     record[FUZZ_RECORD], key[24], *p;
    size_t                     part;
    uint64_t                   head;
    ngx_str_t                  text;
    plain_event_t             *pe;
    ngx_http_webhook_event_t  *e;

    fuzz_delete(n);

    pe = &plain_events[n];
    e = &pe->event;

    pe->exists = 1;

    fuzz_id(n, e->id);
    e->seq = ++plain_seq;
    e->number = e->seq;
    e->destination = fuzz_destination(fuzz_byte());
    e->arrived = fuzz_time(fuzz_byte());
    e->time = fuzz_time(fuzz_byte());
    e->state = (op & 8) ? NGX_HTTP_WEBHOOK_DEAD : NGX_HTTP_WEBHOOK_WAITING;
    e->attempts = fuzz_byte();
    e->status = fuzz_byte();

    p = fuzz_make_head(pe->contents);

    pe->head_len = p - pe->contents;

    if (op & 0x10) {

        /* a head that is spoiled, which the tables know nothing of */

        pe->contents[(fuzz_byte() << 8 | fuzz_byte()) % pe->head_len]
            ^= fuzz_byte();
    }

    fuzz_bytes(&text, FUZZ_BODY);
    p = ngx_cpymem(p, text.data, text.len);

    pe->len = p - pe->contents;

    e->head = pe->head_len;
    e->body = text.len;

    head = e->head;

    if (op & 0x20) {

        /* its length is another one */

        plain_odd = 1;
        head = (op & 0x40) ? pe->len + (op >> 7)
                           : ~0ULL >> (fuzz_byte() & 63);
    }

    record[0] = 1;
    p = fuzz_number(record + 1, e->seq);
    p = fuzz_number(p, e->number);
    p = fuzz_number(p, e->destination);
    p = fuzz_number(p, e->arrived);
    p = fuzz_number(p, e->time);
    p = fuzz_number(p, e->state);
    p = fuzz_number(p, e->attempts);
    p = fuzz_number(p, e->status);
    p = fuzz_number(p, head);
    (void) fuzz_number(p, e->body);

    fuzz_put(fuzz_records, e->id, NGX_HTTP_WEBHOOK_UUID_SIZE, record,
             FUZZ_RECORD);

    for (part = 0; part * FUZZ_PART < pe->len; part++) {
        fuzz_key_two(key, e->number, part);
        fuzz_put(fuzz_contents, key, 16, pe->contents + part * FUZZ_PART,
                 ngx_min(FUZZ_PART, pe->len - part * FUZZ_PART));
    }

    if (op & 8) {
        fuzz_key_two(key, e->time, e->seq);
        fuzz_put(fuzz_died, key, 16, e->id, NGX_HTTP_WEBHOOK_UUID_SIZE);
        return;
    }

    p = ngx_cpymem(record, e->id, NGX_HTTP_WEBHOOK_UUID_SIZE);
    (void) fuzz_number(p, e->destination);

    fuzz_number(key, e->seq);
    fuzz_put(fuzz_arrivals, key, 8, record, NGX_HTTP_WEBHOOK_UUID_SIZE + 8);
    fuzz_key_due(key, e);
    fuzz_put(fuzz_due, key, 24, e->id, NGX_HTTP_WEBHOOK_UUID_SIZE);
}


/* returns 0 where the input wants what was written to be read */

static ngx_uint_t
fuzz_operation(void)
{
    u_char         key[24];
    uint8_t        op;
    ngx_str_t      k, text;
    uint32_t       version;
    ngx_uint_t     n;
    plain_event_t *pe;

    op = fuzz_byte();

    switch (op & 7) {

    default:
        fuzz_create(fuzz_byte() % FUZZ_EVENTS, op);
        return 1;

    case 4:
        fuzz_delete(fuzz_byte() % FUZZ_EVENTS);
        return 1;

    case 5:
        return 0;

    case 6: /* anything, under a key that is looked for or any other one */
        plain_odd = 1;
        n = fuzz_byte() % fuzz_tables;
        pe = &plain_events[fuzz_byte() % FUZZ_EVENTS];

        if (op & 8) {
            fuzz_bytes(&k, 600);

        } else {
            k.data = key;

            switch (n) {

            case fuzz_meta:
                if (op & 0x10) {
                    ngx_str_set(&k, "version");

                } else {
                    ngx_str_set(&k, "seq");
                }

                break;

            case fuzz_records:
                k.len = 16;
                ngx_memcpy(key, pe->event.id, 16);
                break;

            case fuzz_contents:
                k.len = 16;
                fuzz_key_two(key, pe->event.number, op >> 5);
                break;

            case fuzz_arrivals:
                k.len = 8;
                fuzz_number(key, pe->event.seq);
                break;

            case fuzz_died:
                k.len = 16;
                fuzz_key_two(key, pe->event.time, pe->event.seq);
                break;

            default: /* fuzz_due */
                k.len = 24;
                fuzz_key_due(key, &pe->event);
                break;
            }
        }

        fuzz_bytes(&text, 1000);
        fuzz_put(n, k.data, k.len, text.data, text.len);

        if (n == fuzz_meta && k.len == 7
            && memcmp(k.data, "version", 7) == 0)
        {
            version = 0;
            ngx_memcpy(&version, text.data, ngx_min(text.len, 4));

            plain_version_known = (text.len == 4 && version <= 2);
        }

        if (n == fuzz_meta && k.len == 3 && memcmp(k.data, "use", 3) == 0) {
            plain_use_known = (text.len == 5
                               && memcmp(text.data, "queue", 5) == 0);
        }

        return 1;

    case 7: /* something is missing */
        plain_odd = 1;
        pe = &plain_events[fuzz_byte() % FUZZ_EVENTS];

        if (op & 8) {
            fuzz_remove(fuzz_records, pe->event.id, 16);

        } else if (op & 0x10) {
            fuzz_key_two(key, pe->event.number, op >> 5);
            fuzz_remove(fuzz_contents, key, 16);

        } else {
            fuzz_number(key, pe->event.seq);
            fuzz_remove(fuzz_arrivals, key, 8);
        }

        return 1;
    }
}


static void
fuzz_same_event(ngx_http_webhook_event_t *event, plain_event_t *pe)
{
    ngx_http_webhook_event_t  *e;

    e = &pe->event;

    if (memcmp(event->id, e->id, NGX_HTTP_WEBHOOK_UUID_SIZE) != 0
        || event->seq != e->seq
        || event->destination != e->destination
        || event->arrived != e->arrived
        || event->time != e->time
        || event->state != e->state
        || event->attempts != e->attempts
        || event->status != e->status
        || event->number != e->number
        || event->head != e->head
        || event->body != e->body)
    {
        fuzz_fail("event %lu is another one", (unsigned long) e->seq);
    }
}


/* whatever was stored, its texts are there */

static void
fuzz_read_event(ngx_http_webhook_event_t *event, plain_event_t *pe)
{
    ngx_int_t   rc, alone;
    ngx_str_t   again, body, head;
    ngx_uint_t  valid;

    rc = ngx_http_webhook_spool_read(fuzz_store, event, fuzz_test_pool, &head,
                                     &body);

    alone = ngx_http_webhook_spool_read(fuzz_store, event, fuzz_test_pool,
                                        &again, NULL);

    /* of the parts of a body, some may be missing */

    if (alone != rc && (!plain_odd || rc == NGX_OK)) {
        fuzz_fail("an event can be read in one way only");
    }

    if (rc != NGX_OK) {

        if (pe) {
            fuzz_fail("event %lu can't be read", (unsigned long) event->seq);
        }

        return;
    }

    if (!plain_same(&head, &again)) {
        fuzz_fail("the head of an event differs");
    }

    (void) ngx_crc32_long(body.data, body.len);

    valid = fuzz_head(head.data, head.len);

    if (pe
        && (head.len != pe->head_len
            || memcmp(head.data, pe->contents, head.len) != 0
            || body.len != pe->len - pe->head_len
            || memcmp(body.data, pe->contents + head.len, body.len) != 0))
    {
        fuzz_fail("%s head of an event is not what was stored",
                  valid ? "a" : "a spoiled");
    }
}


static ngx_int_t
fuzz_listed(void *data, ngx_http_webhook_event_t *event)
{
    fuzz_list_t *list = data;

    if (list->n < FUZZ_EVENTS) {
        list->events[list->n++] = *event;
    }

    return (list->n < list->max) ? NGX_OK : NGX_DONE;
}


/* the event that comes after "e" by time and number, of those that wait */

static plain_event_t *
plain_next(uint64_t destination, ngx_http_webhook_event_t *e)
{
    ngx_uint_t                 n;
    plain_event_t             *found;
    ngx_http_webhook_event_t  *event;

    found = NULL;

    for (n = 0; n < FUZZ_EVENTS; n++) {
        event = &plain_events[n].event;

        if (!plain_events[n].exists
            || event->state != NGX_HTTP_WEBHOOK_WAITING
            || event->destination != destination
            || event->time < e->time
            || (event->time == e->time && event->seq <= e->seq))
        {
            continue;
        }

        if (found == NULL
            || event->time < found->event.time
            || (event->time == found->event.time
                && event->seq < found->event.seq))
        {
            found = &plain_events[n];
        }
    }

    return found;
}


static void
fuzz_read_waiting(void)
{
    uint64_t                   destination;
    ngx_int_t                  rc;
    ngx_uint_t                 d, i;
    plain_event_t             *pe;
    ngx_http_webhook_event_t   e;

    for (d = 0; d < 4; d++) {
        destination = fuzz_destination(d);
        ngx_memzero(&e, sizeof(e));

        for (i = 0; i <= FUZZ_EVENTS; i++) {
            pe = plain_next(destination, &e);

            rc = ngx_http_webhook_spool_next(fuzz_store, destination, e.time,
                                             e.seq, &e);
            if (plain_odd) {

                if (rc != NGX_OK) {
                    break;
                }

                fuzz_read_event(&e, NULL);
                continue;
            }

            if (rc != (pe ? NGX_OK : NGX_DECLINED)) {
                fuzz_fail("the next event: %ld", (long) rc);
            }

            if (pe == NULL) {
                break;
            }

            fuzz_same_event(&e, pe);
        }

        rc = ngx_http_webhook_spool_destination(fuzz_store, &destination);

        if (plain_odd) {
            continue;
        }

        for (i = d; i < 4; i++) {
            ngx_memzero(&e, sizeof(e));

            if (plain_next(fuzz_destination(i), &e)) {
                break;
            }
        }

        if (rc != (i < 4 ? NGX_OK : NGX_DECLINED)
            || (i < 4 && destination != fuzz_destination(i)))
        {
            fuzz_fail("the next destination: %ld", (long) rc);
        }
    }
}


/* lists: in order of arrival, and the dead in order of time */

static void
fuzz_read_lists(void)
{
    uint64_t                        oldest, seq;
    ngx_int_t                       rc;
    ngx_uint_t                      dead, i, n, waiting;
    fuzz_list_t                     list;
    plain_event_t                  *pe;
    ngx_http_webhook_event_t       *e, last;
    ngx_http_webhook_spool_stat_t   st;

    waiting = 0;
    dead = 0;
    oldest = ~0ULL;

    for (n = 0; n < FUZZ_EVENTS; n++) {
        pe = &plain_events[n];

        if (!pe->exists) {
            continue;
        }

        if (pe->event.state == NGX_HTTP_WEBHOOK_DEAD) {
            dead++;
            continue;
        }

        waiting++;
        oldest = ngx_min(oldest, pe->event.seq);
    }

    list.n = 0;
    list.max = FUZZ_EVENTS + 1;
    seq = 0;

    rc = ngx_http_webhook_spool_news(fuzz_store, &seq, fuzz_listed, &list);

    if (!plain_odd) {

        if (rc != NGX_OK || seq != plain_seq || list.n != waiting) {
            fuzz_fail("%lu of %lu events wait: %ld", (unsigned long) list.n,
                      (unsigned long) waiting, (long) rc);
        }

        for (i = 0; i < list.n; i++) {
            e = &list.events[i];
            pe = &plain_events[e->id[15] % FUZZ_EVENTS];

            if (!pe->exists || pe->event.seq != e->seq
                || pe->event.destination != e->destination
                || (i && e->seq <= list.events[i - 1].seq))
            {
                fuzz_fail("a list has what is not there");
            }
        }
    }

    list.n = 0;

    rc = ngx_http_webhook_spool_dead(fuzz_store, NULL, fuzz_listed, &list);

    if (!plain_odd && (rc != NGX_OK || list.n != dead)) {
        fuzz_fail("%lu of %lu events are dead: %ld", (unsigned long) list.n,
                  (unsigned long) dead, (long) rc);
    }

    for (i = 0; i < list.n; i++) {
        e = &list.events[i];

        if (plain_odd) {
            fuzz_read_event(e, NULL);
            continue;
        }

        fuzz_same_event(e, &plain_events[e->id[15] % FUZZ_EVENTS]);

        if (i
            && (e->time < list.events[i - 1].time
                || (e->time == list.events[i - 1].time
                    && e->seq < list.events[i - 1].seq)))
        {
            fuzz_fail("a list goes backwards");
        }
    }

    if (list.n) {

        /* page by page */

        last = list.events[0];
        n = list.n;
        list.n = 0;
        list.max = 1;

        rc = ngx_http_webhook_spool_dead(fuzz_store, &last, fuzz_listed, &list);

        if (!plain_odd && (rc != NGX_OK || list.n != (n > 1))) {
            fuzz_fail("a second page: %ld", (long) rc);
        }
    }

    rc = ngx_http_webhook_spool_stat(fuzz_store, &st);

    if (plain_odd) {
        return;
    }

    if (rc != NGX_OK || st.waiting != waiting || st.dead != dead) {
        fuzz_fail("%lu wait and %lu are dead: %ld", (unsigned long) st.waiting,
                  (unsigned long) st.dead, (long) rc);
    }

    for (n = 0; n < FUZZ_EVENTS; n++) {
        pe = &plain_events[n];

        if (waiting && pe->exists && pe->event.seq == oldest
            && st.oldest != pe->event.arrived)
        {
            fuzz_fail("the oldest event");
        }
    }
}


static void
fuzz_read(void)
{
    u_char                     id[NGX_HTTP_WEBHOOK_UUID_SIZE];
    ngx_int_t                  rc;
    ngx_uint_t                 n;
    plain_event_t             *pe;
    ngx_http_webhook_event_t   e;

    for (n = 0; n < FUZZ_EVENTS; n++) {
        pe = &plain_events[n];

        fuzz_id(n, id);

        rc = ngx_http_webhook_spool_find(fuzz_store, id, &e);

        if (plain_odd) {

            if (rc == NGX_OK) {
                fuzz_read_event(&e, NULL);
            }

            continue;
        }

        if (rc != (pe->exists ? NGX_OK : NGX_DECLINED)) {
            fuzz_fail("event %lu: %ld", (unsigned long) n, (long) rc);
        }

        if (rc == NGX_OK) {
            fuzz_same_event(&e, pe);
            fuzz_read_event(&e, pe);
        }
    }

    fuzz_read_waiting();
    fuzz_read_lists();
}


static void
fuzz_queue(void)
{
    u_char      number[8];
    ngx_uint_t  first, more;

    static uint32_t  version = 2;

    ngx_memzero(plain_events, sizeof(plain_events));
    plain_seq = 0;
    plain_odd = 0;
    plain_version_known = 1;
    plain_use_known = 1;
    first = 1;

    do {
        fuzz_begin();

        if (first) {
            fuzz_drop();
            fuzz_put(fuzz_meta, "version", 7, &version, 4);
            fuzz_put(fuzz_meta, "use", 3, "queue", 5);
            first = 0;
        }

        do {
            more = fuzz_operation();
        } while (more && fuzz_more());

        if (!plain_odd) {
            fuzz_number(number, plain_seq);
            fuzz_put(fuzz_meta, "seq", 3, number, 8);
        }

        fuzz_commit();

        fuzz_store = ngx_http_webhook_store_open(&fuzz_conf, &fuzz_cycle,
                                                 fuzz_cycle.log);

        if ((fuzz_store != NULL) != (plain_version_known && plain_use_known)) {
            fuzz_fail("a queue is %s", fuzz_store ? "taken" : "refused");
        }

        if (fuzz_store == NULL) {
            return;
        }

        fuzz_read();

        ngx_http_webhook_store_close(fuzz_store);

    } while (fuzz_more());
}


int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static const char  *names[] = { "meta", "records", "contents", "arrivals",
                                    "due", "died" };

    fuzz_nginx();

    /* it says what is wrong with a queue */
    fuzz_log_level = NGX_LOG_STDERR;

    fuzz_tables_open("event", names, fuzz_tables);

    fuzz_conf.path.data = (u_char *) fuzz_path;
    fuzz_conf.path.len = strlen(fuzz_path);
    fuzz_conf.size = 1 << 26;
    fuzz_conf.user = (ngx_uid_t) NGX_CONF_UNSET_UINT;
    fuzz_conf.group = (ngx_gid_t) NGX_CONF_UNSET_UINT;

    ngx_http_webhook_spool_conf(&fuzz_conf);

    return 0;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > 16384) {
        return 0;
    }

    fuzz_test_pool = ngx_create_pool(NGX_DEFAULT_POOL_SIZE, fuzz_cycle.log);

    fuzz_input(data + 1, size - 1);

    if (data[0] == 'h') {
        (void) fuzz_head((u_char *) data + 1, size - 1);

    } else {
        fuzz_queue();
    }

    ngx_destroy_pool(fuzz_test_pool);

    return 0;
}
