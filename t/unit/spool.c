
/*
 * What a queue keeps in its store, with LMDB in a file beside the binary: the
 * order of what is due, what each change makes of an event, contents of any
 * size, a full queue, changes that fail, readers that are killed, and random
 * changes against a plain list.  The clock is the test's own.  Speaks TAP.
 */


#include "store/ngx_http_webhook_spool.h"

#include "nginx.h"

#if (NGX_THREADS)
#include <ngx_thread_pool.h>
#endif

#include <sys/wait.h>


#define MODEL   64
#define ROUNDS  400
#define BATCH   8


/* of the model */

typedef struct {
    int                              used;
    ngx_http_webhook_event_t         event;
} entry_t;


typedef struct {
    ngx_http_webhook_spool_change_t  sc;
    ngx_uint_t                       done;
} change_t;


static uint64_t                        clock_ms = 1700000000000ULL;
static ngx_cycle_t                     cycle;
static ngx_pool_t                     *pool;
static u_char                          path[4096];
static ngx_http_webhook_store_conf_t   conf;
static ngx_http_webhook_store_t       *store;

static entry_t                         model[MODEL];

/* of a walk */
static ngx_http_webhook_event_t        seen[MODEL];
static ngx_uint_t                      nseen, most;


int gettimeofday(struct timeval *restrict tv, void *restrict tz);

int
gettimeofday(struct timeval *restrict tv, void *restrict tz)
{
    tv->tv_sec = clock_ms / 1000;
    tv->tv_usec = clock_ms % 1000 * 1000;

    return 0;
}


#if (NGX_THREADS)

/* without threads changes are committed by the event loop */

ngx_thread_pool_t *
ngx_thread_pool_get(ngx_cycle_t *c, ngx_str_t *name)
{
    return NULL;
}


ngx_int_t
ngx_thread_task_post(ngx_thread_pool_t *tp, ngx_thread_task_t *task)
{
    abort();
}

#endif


static void
bail(const char *what)
{
    printf("Bail out! %s: %s\n", what, message_text);
    exit(1);
}


static void
remove_files(void)
{
    char  lock[sizeof(path) + 5];

    (void) unlink((char *) path);

    sprintf(lock, "%s-lock", path);
    (void) unlink(lock);
}


/* as the master does, and then as a worker does */

static void
open_store(size_t size)
{
    conf.size = size;

    store = ngx_http_webhook_store_open(&conf, NULL, &unit_log);
    if (store == NULL) {
        bail("the master could not open the store");
    }

    ngx_http_webhook_store_close(store);

    store = ngx_http_webhook_store_open(&conf, &cycle, &unit_log);
    if (store == NULL) {
        bail("the store could not be opened");
    }
}


static void
new_store(size_t size)
{
    if (store) {
        ngx_http_webhook_store_close(store);
    }

    remove_files();
    open_store(size);
}


static void
changed(ngx_http_webhook_change_t *change)
{
    ((change_t *) change->data)->done++;
}


static void
submit(change_t *c, ngx_uint_t type)
{
    c->done = 0;
    c->sc.type = type;
    c->sc.change.handler = changed;
    c->sc.change.data = c;

    ngx_http_webhook_spool_submit(store, &c->sc);
}


/* turns the event loop; each handler must have been called once */

static void
commit(change_t *c, ngx_uint_t n)
{
    ngx_uint_t  i;

    ngx_event_move_posted_next(&cycle);
    ngx_event_process_posted(&cycle, &ngx_posted_events);

    for (i = 0; i < n; i++) {
        if (c[i].done != 1) {
            bail("a handler was not called once");
        }
    }
}


static ngx_int_t
make(change_t *c, ngx_uint_t type)
{
    submit(c, type);
    commit(c, 1);

    return c->sc.change.rc;
}


static void
id_of(u_char *id, ngx_uint_t n)
{
    memset(id, 0x11, NGX_HTTP_WEBHOOK_UUID_SIZE);
    id[0] = (u_char) (n * 37);
    id[15] = (u_char) n;
    id[14] = (u_char) (n >> 8);
}


/* an event with a head and a body of "len" bytes, in a buffer */

static void
prepare(change_t *c, ngx_uint_t n, uint64_t destination, size_t len)
{
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    memset(c, 0, sizeof(change_t));

    id_of(c->sc.event.id, n);
    c->sc.event.destination = destination;

    c->sc.head.data = ngx_pnalloc(pool, 32);
    c->sc.head.len = sprintf((char *) c->sc.head.data, "head %u",
                             (unsigned) n);

    b = ngx_create_temp_buf(pool, len + 1);
    cl = ngx_alloc_chain_link(pool);

    memset(b->pos, (int) (n % 251), len);
    b->last = b->pos + len;
    cl->buf = b;
    cl->next = NULL;

    c->sc.body = cl;
    c->sc.length = len;
}


static ngx_int_t
add(ngx_uint_t n, uint64_t destination, ngx_http_webhook_event_t *event)
{
    change_t   c;
    ngx_int_t  rc;

    prepare(&c, n, destination, 10);
    rc = make(&c, NGX_HTTP_WEBHOOK_SPOOL_ADD);
    *event = c.sc.event;

    return rc;
}


/* a change of an event; what it has become is in "event" */

static ngx_int_t
change(ngx_http_webhook_event_t *event, ngx_uint_t type)
{
    change_t   c;
    ngx_int_t  rc;

    memset(&c, 0, sizeof(change_t));
    c.sc.event = *event;
    rc = make(&c, type);

    if (rc == NGX_OK) {
        *event = c.sc.event;
    }

    return rc;
}


static int
same(ngx_http_webhook_event_t *a, ngx_http_webhook_event_t *b)
{
    return memcmp(a->id, b->id, NGX_HTTP_WEBHOOK_UUID_SIZE) == 0
           && a->seq == b->seq
           && a->number == b->number
           && a->head == b->head
           && a->body == b->body
           && a->destination == b->destination
           && a->arrived == b->arrived
           && a->time == b->time
           && a->state == b->state
           && a->attempts == b->attempts
           && a->status == b->status;
}


static ngx_int_t
collect(void *data, ngx_http_webhook_event_t *event)
{
    if (nseen == most) {
        return NGX_DONE;
    }

    seen[nseen++] = *event;

    return NGX_OK;
}


/* how many dead there are, up to "max", from after "after" */

static ngx_int_t
dead(ngx_http_webhook_event_t *after, ngx_uint_t max)
{
    nseen = 0;
    most = max;

    return (ngx_http_webhook_spool_dead(store, after, collect, NULL)
            == NGX_OK) ? (ngx_int_t) nseen : -1;
}


static ngx_int_t
news(uint64_t *seq)
{
    nseen = 0;
    most = MODEL;

    return (ngx_http_webhook_spool_news(store, seq, collect, NULL) == NGX_OK)
           ? (ngx_int_t) nseen : -1;
}


static int
next_is(uint64_t destination, ngx_http_webhook_event_t *after,
    ngx_http_webhook_event_t *expected)
{
    ngx_int_t                 rc;
    ngx_http_webhook_event_t  event;

    rc = ngx_http_webhook_spool_next(store, destination,
                                     after ? after->time : 0,
                                     after ? after->seq : 0, &event);

    return expected ? rc == NGX_OK && same(&event, expected)
                    : rc == NGX_DECLINED;
}


static int
stat_is(ngx_uint_t waiting, ngx_uint_t ndead, uint64_t oldest)
{
    ngx_http_webhook_spool_stat_t  st;

    return ngx_http_webhook_spool_stat(store, &st) == NGX_OK
           && st.waiting == waiting && st.dead == ndead
           && st.oldest == oldest;
}


static int
found(ngx_http_webhook_event_t *expected)
{
    ngx_http_webhook_event_t  event;

    return ngx_http_webhook_spool_find(store, expected->id, &event) == NGX_OK
           && same(&event, expected);
}


static int
gone(ngx_http_webhook_event_t *expected)
{
    ngx_http_webhook_event_t  event;

    return ngx_http_webhook_spool_find(store, expected->id, &event)
           == NGX_DECLINED;
}


static void
empty(void)
{
    uint64_t                  destination, seq;
    ngx_http_webhook_event_t  event;

    new_store(16 * 1024 * 1024);

    destination = 0;
    seq = 0;
    memset(&event, 0, sizeof(event));
    id_of(event.id, 1);

    ok(stat_is(0, 0, 0), "an empty queue has nothing");
    ok(next_is(0, NULL, NULL) && gone(&event)
       && ngx_http_webhook_spool_destination(store, &destination)
          == NGX_DECLINED,
       "nothing is found");
    ok(news(&seq) == 0 && seq == 0 && dead(NULL, MODEL) == 0,
       "and nothing is told of");
}


static void
order(void)
{
    uint64_t                  destination, seq;
    ngx_http_webhook_event_t  a, b, c, d;

    new_store(16 * 1024 * 1024);

    ok(add(1, 7, &a) == NGX_OK && a.seq == 1 && a.time == clock_ms
       && a.arrived == clock_ms && a.state == NGX_HTTP_WEBHOOK_WAITING
       && a.attempts == 0 && a.status == 0 && found(&a),
       "an event is due when it arrives");

    clock_ms += 5;
    ok(add(2, 3, &b) == NGX_OK && b.seq == 2 && found(&b),
       "another destination");

    /* clocks that are behind a little, and much */

    clock_ms -= 900;
    ok(add(3, 7, &c) == NGX_OK && c.seq == 3 && c.time == b.time,
       "a clock that is a little behind does not change the order");

    clock_ms -= 2000;
    ok(add(4, 7, &d) == NGX_OK && d.time == clock_ms && d.time < a.time,
       "one that was set back does");

    clock_ms += 2900;

    ok(next_is(7, NULL, &d) && next_is(7, &d, &a) && next_is(7, &a, &c)
       && next_is(7, &c, NULL),
       "by the time it is due, and then by number");
    ok(next_is(3, NULL, &b) && next_is(3, &b, NULL) && next_is(5, NULL, NULL),
       "of a destination, its own only");

    destination = 0;
    ok(ngx_http_webhook_spool_destination(store, &destination) == NGX_OK
       && destination == 3, "the first destination");
    destination = 4;
    ok(ngx_http_webhook_spool_destination(store, &destination) == NGX_OK
       && destination == 7, "the next one");
    destination = 8;
    ok(ngx_http_webhook_spool_destination(store, &destination)
       == NGX_DECLINED, "there is no other");

    seq = 0;
    ok(news(&seq) == 4 && seq == 4 && seen[0].seq == 1
       && seen[0].destination == 7 && seen[3].seq == 4
       && memcmp(seen[1].id, b.id, NGX_HTTP_WEBHOOK_UUID_SIZE) == 0,
       "news of all, by number");
    seq = 2;
    ok(news(&seq) == 2 && seen[0].seq == 3 && news(&seq) == 0,
       "news of what is new");

    /* waiting again */

    a.time = clock_ms + 60000;
    a.attempts = 1;
    a.status = 503;
    ok(change(&a, NGX_HTTP_WEBHOOK_SPOOL_WAIT) == NGX_OK
       && a.time == clock_ms + 60000 && a.seq == 1 && found(&a),
       "what has failed waits");
    ok(next_is(7, NULL, &d) && next_is(7, &d, &c) && next_is(7, &c, &a)
       && next_is(7, &a, NULL),
       "after the others");

    ok(stat_is(4, 0, a.arrived), "the oldest is that of the lowest number");
    ok(change(&a, NGX_HTTP_WEBHOOK_SPOOL_DONE) == NGX_OK && gone(&a)
       && next_is(7, &c, NULL) && stat_is(3, 0, b.arrived),
       "what is delivered is gone");
    ok(change(&a, NGX_HTTP_WEBHOOK_SPOOL_DONE) == NGX_DECLINED
       && change(&a, NGX_HTTP_WEBHOOK_SPOOL_WAIT) == NGX_DECLINED
       && change(&a, NGX_HTTP_WEBHOOK_SPOOL_DIE) == NGX_DECLINED
       && stat_is(3, 0, b.arrived),
       "and is not changed any more");
}


static void
letters(void)
{
    uint64_t                  seq;
    ngx_str_t                 body, head;
    ngx_http_webhook_event_t  a, b, c, old;

    new_store(16 * 1024 * 1024);

    (void) add(1, 1, &a);
    (void) add(2, 1, &b);
    (void) add(3, 2, &c);

    ok(change(&a, NGX_HTTP_WEBHOOK_SPOOL_REPLAY) == NGX_DECLINED
       && change(&a, NGX_HTTP_WEBHOOK_SPOOL_DISCARD) == NGX_DECLINED
       && found(&a),
       "an event that waits is neither replayed nor discarded");

    clock_ms += 1000;
    b.attempts = 8;
    b.status = 500;
    ok(change(&b, NGX_HTTP_WEBHOOK_SPOOL_DIE) == NGX_OK
       && b.state == NGX_HTTP_WEBHOOK_DEAD && b.time == clock_ms
       && b.attempts == 8 && b.status == 500 && found(&b),
       "an event dies");
    ok(stat_is(2, 1, a.arrived) && next_is(1, &a, NULL), "and waits no more");

    ok(change(&b, NGX_HTTP_WEBHOOK_SPOOL_DIE) == NGX_DECLINED
       && change(&b, NGX_HTTP_WEBHOOK_SPOOL_WAIT) == NGX_DECLINED
       && change(&b, NGX_HTTP_WEBHOOK_SPOOL_DONE) == NGX_DECLINED
       && found(&b),
       "it does so once");

    clock_ms += 1000;
    (void) change(&c, NGX_HTTP_WEBHOOK_SPOOL_DIE);
    (void) change(&a, NGX_HTTP_WEBHOOK_SPOOL_DIE);

    ok(dead(NULL, MODEL) == 3 && same(&seen[0], &b) && same(&seen[1], &a)
       && same(&seen[2], &c),
       "dead letters by their time, and then by number");
    ok(dead(&b, MODEL) == 2 && same(&seen[0], &a) && dead(&c, MODEL) == 0,
       "those after one");
    ok(dead(NULL, 1) == 1 && same(&seen[0], &b), "a part of them");
    ok(stat_is(0, 3, 0), "none of them is the oldest that waits");

    ok(ngx_http_webhook_spool_read(store, &b, pool, &head, &body) == NGX_OK
       && head.len == 6 && memcmp(head.data, "head 2", 6) == 0
       && body.len == 10 && memcmp(body.data, "\2\2\2\2\2\2\2\2\2\2", 10) == 0,
       "a dead letter is read");

    /* replay */

    clock_ms += 1000;
    old = b;
    seq = 3;
    ok(change(&b, NGX_HTTP_WEBHOOK_SPOOL_REPLAY) == NGX_OK
       && b.state == NGX_HTTP_WEBHOOK_WAITING && b.seq == 4
       && b.time == clock_ms && b.arrived == old.arrived
       && b.attempts == 0 && b.status == 0 && found(&b),
       "a replayed one is as if it had just come");
    ok(news(&seq) == 1 && seq == 4 && seen[0].seq == 4
       && next_is(1, NULL, &b) && dead(NULL, MODEL) == 2
       && stat_is(1, 2, b.arrived),
       "and is due");
    ok(b.number == old.number
       && ngx_http_webhook_spool_read(store, &b, pool, &head, NULL) == NGX_OK
       && head.len == 6 && memcmp(head.data, "head 2", 6) == 0,
       "its contents are where they were");
    ok(change(&old, NGX_HTTP_WEBHOOK_SPOOL_REPLAY) == NGX_DECLINED,
       "it is replayed once");

    /* discard */

    ok(change(&c, NGX_HTTP_WEBHOOK_SPOOL_DISCARD) == NGX_OK && gone(&c)
       && dead(NULL, MODEL) == 1 && same(&seen[0], &a)
       && ngx_http_webhook_spool_read(store, &c, pool, &head, NULL)
          == NGX_DECLINED,
       "a discarded one is gone");
    ok(change(&c, NGX_HTTP_WEBHOOK_SPOOL_DISCARD) == NGX_DECLINED,
       "it is discarded once");
}


/* bodies in memory and in files, of the length that was said, or not */

static void
contents(void)
{
    int                       fd, i, bad;
    char                      name[sizeof(path) + 5];
    change_t                  c;
    ngx_buf_t                *b;
    ngx_str_t                 body, head;
    ngx_file_t                file;
    ngx_chain_t               second;
    ngx_http_webhook_event_t  event;

    new_store(16 * 1024 * 1024);

    sprintf(name, "%s-body", path);
    fd = open(name, O_RDWR|O_CREAT|O_TRUNC, 0600);

    if (fd == -1 || unlink(name) == -1
        || write(fd, "0123456789abcdef", 16) != 16)
    {
        bail("no file");
    }

    memset(&file, 0, sizeof(ngx_file_t));
    file.fd = fd;

    b = ngx_calloc_buf(pool);
    b->in_file = 1;
    b->file = &file;
    b->file_pos = 3;
    b->file_last = 13;
    second.buf = b;
    second.next = NULL;

    prepare(&c, 65, 0, 4);
    c.sc.body->next = &second;
    c.sc.length = 14;

    ok(make(&c, NGX_HTTP_WEBHOOK_SPOOL_ADD) == NGX_OK
       && ngx_http_webhook_spool_read(store, &c.sc.event, pool, &head, &body)
          == NGX_OK
       && head.len == 7 && memcmp(head.data, "head 65", 7) == 0
       && body.len == 14 && memcmp(body.data, "AAAA3456789abc", 14) == 0,
       "a body in memory and in a file");

    ok(ngx_http_webhook_spool_read(store, &c.sc.event, pool, &head, NULL)
       == NGX_OK
       && head.len == 7 && memcmp(head.data, "head 65", 7) == 0,
       "its head alone");

    prepare(&c, 66, 0, 0);
    c.sc.head.len = 0;
    ok(make(&c, NGX_HTTP_WEBHOOK_SPOOL_ADD) == NGX_OK
       && ngx_http_webhook_spool_read(store, &c.sc.event, pool, &head, &body)
          == NGX_OK
       && head.len == 0 && body.len == 0,
       "neither head nor body");

    for (bad = 0, i = -1; i <= 1; i += 2) {
        prepare(&c, 67, 0, 10);
        c.sc.length = 10 + i;
        bad |= make(&c, NGX_HTTP_WEBHOOK_SPOOL_ADD) != NGX_ERROR;
        id_of(event.id, 67);
        bad |= !gone(&event);
    }

    ok(!bad && stat_is(2, 0, clock_ms),
       "a body of another length is not taken");

    /* a file that is too short */

    b->file_last = 17;
    prepare(&c, 68, 0, 0);
    c.sc.body = &second;
    c.sc.length = 14;
    ok(make(&c, NGX_HTTP_WEBHOOK_SPOOL_ADD) == NGX_ERROR
       && stat_is(2, 0, clock_ms),
       "nor is one whose file has been cut");

    close(fd);
}


static void
full(void)
{
    int                             bad;
    change_t                        c, two[2];
    ngx_uint_t                      n;
    ngx_http_webhook_event_t        first;
    ngx_http_webhook_spool_stat_t   st;

    new_store(NGX_HTTP_WEBHOOK_STORE_MIN);

    bad = 0;

    for (n = 0; n < 1000; n++) {
        prepare(&c, n, 0, 3000);

        if (make(&c, NGX_HTTP_WEBHOOK_SPOOL_ADD) != NGX_OK) {
            break;
        }

        if (n == 0) {
            first = c.sc.event;
        }
    }

    bad |= ngx_http_webhook_spool_stat(store, &st) != NGX_OK
           || st.used > NGX_HTTP_WEBHOOK_STORE_MIN || st.waiting != n;

    ok(!bad && n > 10 && n < 1000 && c.sc.change.rc == NGX_DECLINED
       && c.sc.change.full,
       "a full queue refuses an event");

    /* one that is refused does not hold up another change */

    prepare(&two[0], 2000, 0, 3000);
    memset(&two[1], 0, sizeof(change_t));
    two[1].sc.event = first;

    submit(&two[0], NGX_HTTP_WEBHOOK_SPOOL_ADD);
    submit(&two[1], NGX_HTTP_WEBHOOK_SPOOL_DONE);
    commit(two, 2);

    ok(two[0].sc.change.rc == NGX_DECLINED && two[0].sc.change.full
       && two[1].sc.change.rc == NGX_OK && gone(&first),
       "and still delivers");

    /* which makes room once a page has nothing else on it */

    for (n = 1; n < 5; n++) {
        memset(&c, 0, sizeof(change_t));
        id_of(c.sc.event.id, n);
        (void) make(&c, NGX_HTTP_WEBHOOK_SPOOL_DONE);

        prepare(&c, 2000 + n, 0, 1000);
        (void) make(&c, NGX_HTTP_WEBHOOK_SPOOL_ADD);

        if (c.sc.change.rc == NGX_OK) {
            break;
        }
    }

    ok(c.sc.change.rc == NGX_OK, "then there is room again");
}


/* sizes around those of the parts, and one of many pages */

static void
sizes(void)
{
    int                             bad;
    size_t                          i, k, len;
    change_t                        c;
    ngx_str_t                       body, head;
    ngx_http_webhook_spool_stat_t   st;

    static size_t  lengths[] = {
        0, 1, 980, 986, 987, 988, 989, 994, 1980, 1981, 1982, 3968, 3969, 3970,
        16384, 65536, 1000000
    };

    new_store(16 * 1024 * 1024);
    bad = 0;

    for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {

        len = lengths[i];

        prepare(&c, 100 + i, 1, len);

        for (k = 0; k < len; k++) {
            c.sc.body->buf->pos[k] = (u_char) (k * 31 + k / 251);
        }

        bad |= make(&c, NGX_HTTP_WEBHOOK_SPOOL_ADD) != NGX_OK
               || ngx_http_webhook_spool_read(store, &c.sc.event, pool, &head,
                                              &body)
                  != NGX_OK
               || head.len != 8 || memcmp(head.data, c.sc.head.data, 8) != 0
               || body.len != len
               || memcmp(body.data, c.sc.body->buf->pos, len) != 0;
    }

    ok(!bad, "contents of any size are read as they were written");

    /* what is known of an event, and the parts share pages */

    bad = ngx_http_webhook_spool_stat(store, &st) != NGX_OK;
    printf("# %lu bytes are used\n", (unsigned long) st.used);
    ok(!bad && st.used < 1120000 * 1.06, "and take little more than they are");

    for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        memset(&c, 0, sizeof(change_t));
        id_of(c.sc.event.id, 100 + i);
        bad |= make(&c, (i & 1) ? NGX_HTTP_WEBHOOK_SPOOL_DONE
                                : NGX_HTTP_WEBHOOK_SPOOL_DIE) != NGX_OK;

        if (!(i & 1)) {
            bad |= make(&c, NGX_HTTP_WEBHOOK_SPOOL_DISCARD) != NGX_OK;
        }
    }

    bad |= ngx_http_webhook_spool_stat(store, &st) != NGX_OK;
    ok(!bad && st.used <= 8 * 4096, "nothing of them is left");
}


/* dead letters give way to what is new; what waits does not */

static void
gives_way(void)
{
    change_t                   c;
    ngx_int_t                  before;
    ngx_uint_t                 i, n;
    ngx_http_webhook_event_t   first, last;

    new_store(NGX_HTTP_WEBHOOK_STORE_MIN);
    ngx_memzero(&first, sizeof(first));
    ngx_memzero(&last, sizeof(last));

    for (n = 0; n < MODEL; n++) {
        prepare(&c, n, 0, 3000);

        if (make(&c, NGX_HTTP_WEBHOOK_SPOOL_ADD) != NGX_OK) {
            break;
        }

        if (n == 0) {
            first = c.sc.event;
        }

        last = c.sc.event;

        if (n < 12) {
            clock_ms++;
            (void) change(&last, NGX_HTTP_WEBHOOK_SPOOL_DIE);
        }

        if (c.sc.forgotten) {
            break;
        }
    }

    ok(n > 10 && n < MODEL && c.sc.change.rc == NGX_OK && c.sc.forgotten
       && ngx_http_webhook_spool_find(store, first.id, &first) == NGX_DECLINED,
       "the oldest dead letter gives way");

    before = dead(NULL, MODEL);

    for (i = 0; i < n; i++) {
        prepare(&c, 1000 + i, 0, 3000);

        if (make(&c, NGX_HTTP_WEBHOOK_SPOOL_ADD) != NGX_OK) {
            break;
        }
    }

    ok(before > 2 && i >= (ngx_uint_t) before - 2 && dead(NULL, MODEL) <= 2,
       "and so do others");
    ok(c.sc.change.rc == NGX_DECLINED && c.sc.change.full,
       "what waits does not");

    prepare(&c, 2000, 0, 500000);
    before = dead(NULL, MODEL);
    ok(make(&c, NGX_HTTP_WEBHOOK_SPOOL_ADD) == NGX_DECLINED
       && c.sc.forgotten == 0 && dead(NULL, MODEL) == before,
       "nothing gives way to what would not fit in without it");
}


/* how many transactions it takes to commit */

static ngx_uint_t
commits(change_t *c, ngx_uint_t n)
{
    ngx_uint_t  i, before;

    before = ngx_http_webhook_store_version(store);

    for (i = 0; i < n; i++) {
        submit(&c[i], c[i].sc.type);
    }

    do {
        ngx_event_move_posted_next(&cycle);
        ngx_event_process_posted(&cycle, &ngx_posted_events);

    } while (!ngx_queue_empty(&ngx_posted_next_events));

    for (i = 0; i < n; i++) {
        if (c[i].done != 1) {
            bail("a handler was not called once");
        }
    }

    return ngx_http_webhook_store_version(store) - before;
}


/* changes that fail do not take others along, and only once cost a commit */

static void
failures(void)
{
    int          bad;
    change_t     c[16];
    ngx_uint_t   i, n;

    new_store(64 * 1024 * 1024);

    for (i = 0; i < 16; i++) {
        prepare(&c[i], i, 0, 10);
    }

    c[5].sc.length = 11;

    n = commits(c, 16);

    for (bad = 0, i = 0; i < 16; i++) {
        bad |= c[i].sc.change.rc != ((i == 5) ? NGX_ERROR : NGX_OK);
    }

    printf("# %lu commits\n", (unsigned long) n);
    ok(!bad && n <= 6, "one that fails takes no other along");
    ok(c[5].sc.change.failed == 1 && c[4].sc.change.failed == 0,
       "and is known");

    for (i = 0; i < 16; i++) {
        if (i != 5) {
            prepare(&c[i], 100 + i, 0, 10);
        }
    }

    n = commits(c, 16);

    for (bad = 0, i = 0; i < 16; i++) {
        bad |= c[i].sc.change.rc != ((i == 5) ? NGX_ERROR : NGX_OK);
    }

    ok(!bad && n == 1, "when it comes again, the others are one commit");
    ok(c[5].sc.change.failed == 2, "it has failed twice");

    /* what a transaction adds is limited */

    for (i = 0; i < 5; i++) {
        prepare(&c[i], 200 + i, 0, 6000000);
    }

    n = commits(c, 5);

    for (bad = 0, i = 0; i < 5; i++) {
        bad |= c[i].sc.change.rc != NGX_OK;
    }

    ok(!bad && n == 3, "large events are committed two at a time");
}


/* events that come and go, through an empty queue; bytes of its file */

static off_t
come_and_go(void)
{
    change_t                       c[BATCH];
    ngx_uint_t                     i, round;
    ngx_http_webhook_spool_stat_t  st;

    for (round = 0; round < 60; round++) {

        for (i = 0; i < BATCH; i++) {
            prepare(&c[i], i, 0, 50000);
            submit(&c[i], NGX_HTTP_WEBHOOK_SPOOL_ADD);
        }

        commit(c, BATCH);

        for (i = 0; i < BATCH; i++) {
            submit(&c[i], NGX_HTTP_WEBHOOK_SPOOL_DONE);
        }

        commit(c, BATCH);
        ngx_reset_pool(pool);
    }

    if (ngx_http_webhook_spool_stat(store, &st) != NGX_OK || st.waiting) {
        bail("something waits");
    }

    return st.file.size;
}


static void
later(time_t seconds)
{
    clock_ms += seconds * 1000;
    ngx_time_update();
}


/* a process that is killed while it reads keeps pages for a short time only */

static void
readers(void)
{
    int                             ends[2], status;
    char                            byte;
    off_t                           size, used;
    pid_t                           pid;
    change_t                        c;
    ngx_http_webhook_store_t       *own;
    ngx_http_webhook_spool_stat_t   st;

    new_store(64 * 1024 * 1024);
    later(60);
    size = come_and_go();

    if (pipe(ends) == -1) {
        bail("no pipe");
    }

    pid = fork();

    if (pid == 0) {
        own = ngx_http_webhook_store_open(&conf, &cycle, &unit_log);

        if (own == NULL || ngx_http_webhook_store_begin(own) == NULL
            || write(ends[1], "r", 1) != 1)
        {
            _exit(1);
        }

        for ( ;; ) {
            pause();
        }
    }

    if (pid == -1 || read(ends[0], &byte, 1) != 1) {
        bail("no reader");
    }

    prepare(&c, 500, 0, 10);
    (void) make(&c, NGX_HTTP_WEBHOOK_SPOOL_ADD);
    (void) make(&c, NGX_HTTP_WEBHOOK_SPOOL_DONE);

    ok(ngx_http_webhook_spool_stat(store, &st) == NGX_OK && st.file.lag == 2
       && st.file.reader == pid,
       "who reads is seen, and how old it is");

    messages = 0;
    later(60);
    ok(come_and_go() > size + 16 * 1024 * 1024,
       "what it reads is kept, and the file grows");

    later(60);
    (void) come_and_go();
    (void) come_and_go();
    (void) come_and_go();
    ok(messages == 1 && strstr(message_text, "has grown to"),
       "which is warned of once");

    if (kill(pid, SIGKILL) == -1 || waitpid(pid, &status, 0) != pid) {
        bail("the reader does not end");
    }

    later(60);
    prepare(&c, 500, 0, 10);
    (void) make(&c, NGX_HTTP_WEBHOOK_SPOOL_ADD);
    (void) make(&c, NGX_HTTP_WEBHOOK_SPOOL_DONE);

    (void) ngx_http_webhook_spool_stat(store, &st);
    size = st.file.size;

    used = come_and_go();
    printf("# %ld bytes, then %ld\n", (long) size, (long) used);
    ok(st.file.lag == 0 && used < size + 1024 * 1024 && come_and_go() == used,
       "when it has been killed, pages are used again");

    close(ends[0]);
    close(ends[1]);
}


static void
reopened(void)
{
    uint64_t                  seq;
    ngx_http_webhook_event_t  a, b, c;

    new_store(16 * 1024 * 1024);

    (void) add(1, 1, &a);
    (void) add(2, 1, &b);
    (void) change(&a, NGX_HTTP_WEBHOOK_SPOOL_DIE);

    ngx_http_webhook_store_close(store);
    open_store(16 * 1024 * 1024);

    seq = 0;
    ok(found(&a) && found(&b) && next_is(1, NULL, &b)
       && dead(NULL, MODEL) == 1 && same(&seen[0], &a)
       && news(&seq) == 1 && seq == 2,
       "all is there when the store is opened again");
    ok(add(3, 1, &c) == NGX_OK && c.seq == 3, "numbers go on");

    (void) change(&b, NGX_HTTP_WEBHOOK_SPOOL_DONE);
    (void) change(&c, NGX_HTTP_WEBHOOK_SPOOL_DONE);

    ngx_http_webhook_store_close(store);
    open_store(16 * 1024 * 1024);

    ok(add(4, 1, &c) == NGX_OK && c.seq == 4,
       "a number is never given again");
}


/* what the model says of the order of two events, of one kind */

static int
before(ngx_http_webhook_event_t *a, ngx_http_webhook_event_t *b)
{
    return a->time < b->time || (a->time == b->time && a->seq < b->seq);
}


/* is all as the model has it? */

static int
as_model(void)
{
    int                             i, best;
    uint64_t                        destination, oldest;
    ngx_uint_t                      ndead, waiting;
    ngx_http_webhook_event_t       *after, *lowest;

    waiting = 0;
    ndead = 0;
    lowest = NULL;

    for (i = 0; i < MODEL; i++) {

        if (!model[i].used) {
            continue;
        }

        if (!found(&model[i].event)) {
            return 0;
        }

        if (model[i].event.state == NGX_HTTP_WEBHOOK_DEAD) {
            ndead++;
            continue;
        }

        waiting++;

        if (lowest == NULL || model[i].event.seq < lowest->seq) {
            lowest = &model[i].event;
        }
    }

    oldest = lowest ? lowest->arrived : 0;

    if (!stat_is(waiting, ndead, oldest)
        || dead(NULL, MODEL) != (ngx_int_t) ndead)
    {
        return 0;
    }

    for (i = 1; i < (int) nseen; i++) {
        if (!before(&seen[i - 1], &seen[i])) {
            return 0;
        }
    }

    /* each destination, from what is due first to what is due last */

    for (destination = 0; destination < 4; destination++) {

        for (after = NULL; /* void */ ; after = &model[best].event) {

            best = -1;

            for (i = 0; i < MODEL; i++) {

                if (model[i].used
                    && model[i].event.state == NGX_HTTP_WEBHOOK_WAITING
                    && model[i].event.destination == destination
                    && (after == NULL || before(after, &model[i].event))
                    && (best == -1
                        || before(&model[i].event, &model[best].event)))
                {
                    best = i;
                }
            }

            if (!next_is(destination, after,
                         best == -1 ? NULL : &model[best].event))
            {
                return 0;
            }

            if (best == -1) {
                break;
            }
        }
    }

    return 1;
}


/* random changes, some of which are not allowed, a few in a commit */

static void
random_changes(void)
{
    int         bad, compared, i, k, type, was[BATCH], which[BATCH];
    change_t    c[BATCH];
    ngx_uint_t  round;

    new_store(16 * 1024 * 1024);

    compared = 0;
    bad = 0;

    for (round = 0; round < ROUNDS && !bad; round++) {

        clock_ms += next_random() % 50;

        /* each event once in a commit, so that the order does not matter */

        for (k = 0; k < BATCH; k++) {

            which[k] = k * (MODEL / BATCH) + next_random() % (MODEL / BATCH);
            i = which[k];

            type = next_random() % 6;

            prepare(&c[k], i, next_random() % 4, next_random() % 5000);

            if (model[i].used) {
                type = (type == NGX_HTTP_WEBHOOK_SPOOL_ADD)
                       ? NGX_HTTP_WEBHOOK_SPOOL_WAIT : type;
                c[k].sc.event = model[i].event;
                c[k].sc.event.time = clock_ms + next_random() % 10000;
                c[k].sc.event.attempts++;
                c[k].sc.event.status = next_random() % 600;
            }

            was[k] = model[i].used
                     ? (int) model[i].event.state : -1;

            submit(&c[k], type);
        }

        commit(c, BATCH);

        for (k = 0; k < BATCH; k++) {

            i = which[k];

            switch (c[k].sc.type) {

            case NGX_HTTP_WEBHOOK_SPOOL_ADD:
                compared = (was[k] == -1);
                break;

            case NGX_HTTP_WEBHOOK_SPOOL_REPLAY:
            case NGX_HTTP_WEBHOOK_SPOOL_DISCARD:
                compared = (was[k] == NGX_HTTP_WEBHOOK_DEAD);
                break;

            default:
                compared = (was[k] == NGX_HTTP_WEBHOOK_WAITING);
                break;
            }

            if (c[k].sc.change.rc != (compared ? NGX_OK : NGX_DECLINED)) {
                bad = 1;
            }

            if (!compared) {
                continue;
            }

            model[i].used = (c[k].sc.type != NGX_HTTP_WEBHOOK_SPOOL_DONE
                             && c[k].sc.type
                                != NGX_HTTP_WEBHOOK_SPOOL_DISCARD);

            if (!model[i].used) {
                bad |= !gone(&c[k].sc.event);
            }

            model[i].event = c[k].sc.event;
        }

        bad |= !as_model();

        ngx_reset_pool(pool);
    }

    ok(!bad, "random changes are as in a plain list");
}


int
main(int argc, char **argv)
{
    if (strlen(argv[0]) + sizeof(".store-body") > sizeof(path)) {
        return 2;
    }

    conf.path.len = sprintf((char *) path, "%s.store", argv[0]);
    conf.path.data = path;
    conf.user = (ngx_uid_t) NGX_CONF_UNSET_UINT;

    ngx_http_webhook_spool_conf(&conf);

    unit_init();

    cycle.log = &unit_log;
    ngx_queue_init(&ngx_posted_events);
    ngx_queue_init(&ngx_posted_next_events);

    if (ngx_event_timer_init(&unit_log) != NGX_OK) {
        return 2;
    }

    pool = ngx_create_pool(NGX_DEFAULT_POOL_SIZE, &unit_log);

    empty();
    order();
    letters();
    contents();
    full();
    sizes();
    gives_way();
    failures();
    readers();
    reopened();
    random_changes();

    ngx_http_webhook_store_close(store);
    ngx_destroy_pool(pool);
    remove_files();

    return done();
}
