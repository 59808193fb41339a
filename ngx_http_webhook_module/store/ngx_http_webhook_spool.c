
/*
 * What a queue keeps in its store.  Five tables:
 *
 *     events   number -> event that waits
 *     dead     time of death, number -> event that could not be delivered
 *     index    id -> where the event is, and what has become of it so far
 *     waiting  destination, time it is due, number -> id
 *     meta     "seq", the last number, and "time", of the last arrival
 *
 * An event is its id, its destination, its head, which is what a queue keeps of
 * its request, and its body.  Numbers are given within the transaction: their
 * order is that in which events were acknowledged.  A number in a key is 8
 * bytes, the highest first.
 */


#include "store/ngx_http_webhook_spool.h"


#define NGX_HTTP_WEBHOOK_SPOOL_VERSION  1

/* id, destination, length of the head */
#define NGX_HTTP_WEBHOOK_SPOOL_FIXED    (NGX_HTTP_WEBHOOK_UUID_SIZE + 8 + 8)

/* the numbers of ngx_http_webhook_event_t */
#define NGX_HTTP_WEBHOOK_SPOOL_INDEX    (7 * 8)

/* milliseconds that clocks of processes may differ by */
#define NGX_HTTP_WEBHOOK_SPOOL_SKEW     1000


enum {
    spool_meta = NGX_HTTP_WEBHOOK_STORE_META,
    spool_events,
    spool_dead,
    spool_index,
    spool_waiting
};


/* a walk over a table, and whom it tells */

typedef struct {
    ngx_http_webhook_txn_t           *txn;
    ngx_http_webhook_spool_walk_pt    handler;
    void                             *data;
    ngx_http_webhook_event_t          event;
    ngx_uint_t                        found;
} ngx_http_webhook_spool_walk_t;


static ngx_int_t ngx_http_webhook_spool_apply(
    ngx_http_webhook_change_t *change, ngx_http_webhook_txn_t *txn);
static ngx_int_t ngx_http_webhook_spool_place(ngx_http_webhook_txn_t *txn,
    ngx_http_webhook_event_t *event, ngx_str_t *key, u_char *p);
static ngx_int_t ngx_http_webhook_spool_add(ngx_http_webhook_txn_t *txn,
    ngx_http_webhook_spool_change_t *sc);
static ngx_int_t ngx_http_webhook_spool_write(ngx_http_webhook_txn_t *txn,
    u_char *p, ngx_http_webhook_spool_change_t *sc);
static ngx_int_t ngx_http_webhook_spool_arrive(ngx_http_webhook_txn_t *txn,
    ngx_http_webhook_event_t *event);
static ngx_int_t ngx_http_webhook_spool_move(ngx_http_webhook_txn_t *txn,
    ngx_uint_t from, ngx_str_t *from_key, ngx_uint_t to, ngx_str_t *to_key);
static ngx_int_t ngx_http_webhook_spool_put_index(ngx_http_webhook_txn_t *txn,
    ngx_http_webhook_event_t *event, ngx_uint_t flags);
static ngx_int_t ngx_http_webhook_spool_get_index(ngx_http_webhook_txn_t *txn,
    u_char *id, ngx_http_webhook_event_t *event);
static ngx_int_t ngx_http_webhook_spool_put_waiting(
    ngx_http_webhook_txn_t *txn, ngx_http_webhook_event_t *event);
static ngx_int_t ngx_http_webhook_spool_remove(ngx_http_webhook_txn_t *txn,
    ngx_uint_t table, ngx_str_t *key);
static ngx_int_t ngx_http_webhook_spool_first(ngx_http_webhook_store_t *store,
    ngx_http_webhook_spool_walk_t *walk, uint64_t destination, uint64_t time,
    uint64_t seq);
static ngx_int_t ngx_http_webhook_spool_take(void *data, ngx_str_t *key,
    ngx_str_t *value);
static ngx_int_t ngx_http_webhook_spool_event(void *data, ngx_str_t *key,
    ngx_str_t *value);
static void ngx_http_webhook_spool_key(ngx_str_t *key, u_char *p,
    ngx_uint_t n, uint64_t a, uint64_t b, uint64_t c);
static uint64_t ngx_http_webhook_spool_now(void);


static ngx_http_webhook_table_conf_t  ngx_http_webhook_spool_tables[] = {
    { ngx_string("meta"), 0 },
    { ngx_string("events"), 0 },
    { ngx_string("dead"), 0 },
    { ngx_string("index"), 0 },
    { ngx_string("waiting"), 0 },
    { ngx_null_string, 0 }
};


/*
 * Completes the configuration of a store that is a queue: what it is called in
 * messages, the version of its layout and its tables.  Path, size and owner are
 * the caller's.
 */

void
ngx_http_webhook_spool_conf(ngx_http_webhook_store_conf_t *conf)
{
    conf->kind = "queue";
    conf->version = NGX_HTTP_WEBHOOK_SPOOL_VERSION;
    conf->tables = ngx_http_webhook_spool_tables;
}


/*
 * Submits a change of a queue, see ngx_http_webhook_store_submit(): "sc" and
 * what it points to must stay as they are until sc->change.handler, which the
 * caller has set, is called.  Its "rc" is NGX_DECLINED if the event is not
 * there, or not in a state for such a change.
 */

void
ngx_http_webhook_spool_submit(ngx_http_webhook_store_t *store,
    ngx_http_webhook_spool_change_t *sc)
{
    sc->change.apply = ngx_http_webhook_spool_apply;
    sc->change.size = (sc->type == NGX_HTTP_WEBHOOK_SPOOL_ADD)
                      ? sc->head.len + sc->length : 0;

    ngx_http_webhook_store_submit(store, &sc->change);
}


/*
 * Makes a change in a transaction.  Returns NGX_OK, NGX_ERROR, or NGX_DECLINED
 * if the event is not there, or not in a state for such a change.
 */

static ngx_int_t
ngx_http_webhook_spool_apply(ngx_http_webhook_change_t *change,
    ngx_http_webhook_txn_t *txn)
{
    u_char                            from_buf[24], to_buf[24];
    ngx_int_t                         rc;
    ngx_str_t                         from, id, to;
    ngx_uint_t                        dead, replay;
    ngx_http_webhook_event_t          event;
    ngx_http_webhook_spool_change_t  *sc;

    sc = ngx_queue_data(change, ngx_http_webhook_spool_change_t, change);

    if (sc->type == NGX_HTTP_WEBHOOK_SPOOL_ADD) {
        return ngx_http_webhook_spool_add(txn, sc);
    }

    rc = ngx_http_webhook_spool_get_index(txn, sc->event.id, &event);
    if (rc != NGX_OK) {
        return rc;
    }

    dead = (event.state == NGX_HTTP_WEBHOOK_DEAD);
    replay = (sc->type == NGX_HTTP_WEBHOOK_SPOOL_REPLAY);

    if (dead != (replay || sc->type == NGX_HTTP_WEBHOOK_SPOOL_DISCARD)) {
        return NGX_DECLINED;
    }

    if (ngx_http_webhook_spool_place(txn, &event, &from, from_buf) != NGX_OK) {
        return NGX_ERROR;
    }

    switch (sc->type) {

    case NGX_HTTP_WEBHOOK_SPOOL_WAIT:
        event.time = sc->event.time;
        event.attempts = sc->event.attempts;
        event.status = sc->event.status;

        rc = ngx_http_webhook_spool_put_waiting(txn, &event);
        break;

    case NGX_HTTP_WEBHOOK_SPOOL_DIE:
        event.state = NGX_HTTP_WEBHOOK_DEAD;
        event.time = ngx_http_webhook_spool_now();
        event.attempts = sc->event.attempts;
        event.status = sc->event.status;

        ngx_http_webhook_spool_key(&to, to_buf, 2, event.time, event.seq, 0);

        rc = ngx_http_webhook_spool_move(txn, spool_events, &from,
                                         spool_dead, &to);
        break;

    case NGX_HTTP_WEBHOOK_SPOOL_REPLAY:

        if (ngx_http_webhook_spool_arrive(txn, &event) != NGX_OK) {
            return NGX_ERROR;
        }

        event.state = NGX_HTTP_WEBHOOK_WAITING;
        event.attempts = 0;
        event.status = 0;

        ngx_http_webhook_spool_key(&to, to_buf, 1, event.seq, 0, 0);

        rc = ngx_http_webhook_spool_move(txn, spool_dead, &from,
                                         spool_events, &to);
        if (rc == NGX_OK) {
            rc = ngx_http_webhook_spool_put_waiting(txn, &event);
        }

        break;

    default: /* NGX_HTTP_WEBHOOK_SPOOL_DONE, NGX_HTTP_WEBHOOK_SPOOL_DISCARD */

        if (ngx_http_webhook_spool_remove(txn,
                                          dead ? spool_dead : spool_events,
                                          &from)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        id.len = NGX_HTTP_WEBHOOK_UUID_SIZE;
        id.data = sc->event.id;

        sc->event = event;

        return ngx_http_webhook_spool_remove(txn, spool_index, &id);
    }

    if (rc != NGX_OK) {
        return rc;
    }

    sc->event = event;

    return ngx_http_webhook_spool_put_index(txn, &event, 0);
}


/*
 * Sets "key", in the 24 bytes at "p", to that of the event in its table, and
 * takes it out of those that wait.
 */

static ngx_int_t
ngx_http_webhook_spool_place(ngx_http_webhook_txn_t *txn,
    ngx_http_webhook_event_t *event, ngx_str_t *key, u_char *p)
{
    if (event->state == NGX_HTTP_WEBHOOK_DEAD) {
        ngx_http_webhook_spool_key(key, p, 2, event->time, event->seq, 0);
        return NGX_OK;
    }

    ngx_http_webhook_spool_key(key, p, 3, event->destination, event->time,
                               event->seq);

    if (ngx_http_webhook_spool_remove(txn, spool_waiting, key) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_webhook_spool_key(key, p, 1, event->seq, 0, 0);

    return NGX_OK;
}


static ngx_int_t
ngx_http_webhook_spool_add(ngx_http_webhook_txn_t *txn,
    ngx_http_webhook_spool_change_t *sc)
{
    u_char                     buf[8];
    ngx_int_t                  rc;
    ngx_str_t                  key, value;
    ngx_http_webhook_event_t  *event;

    event = &sc->event;

    value.len = NGX_HTTP_WEBHOOK_SPOOL_FIXED + sc->head.len + sc->length;
    value.data = NULL;

    rc = ngx_http_webhook_store_fits(txn, value.len);

    if (rc != NGX_OK) {
        /* a full queue must not hold up what makes room in it */
        sc->change.full = (rc == NGX_DECLINED);
        return rc;
    }

    if (ngx_http_webhook_spool_arrive(txn, event) != NGX_OK) {
        return NGX_ERROR;
    }

    /* who delivers has a tree of them */
    event->destination = (ngx_rbtree_key_t) event->destination;

    event->arrived = event->time;
    event->state = NGX_HTTP_WEBHOOK_WAITING;
    event->attempts = 0;
    event->status = 0;

    ngx_http_webhook_spool_key(&key, buf, 1, event->seq, 0, 0);

    rc = ngx_http_webhook_store_put(txn, spool_events, &key, &value,
                                    NGX_HTTP_WEBHOOK_STORE_APPEND);

    if (rc != NGX_OK
        || ngx_http_webhook_spool_write(txn, value.data, sc) != NGX_OK
        || ngx_http_webhook_spool_put_waiting(txn, event) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_webhook_spool_put_index(txn, event,
                                            NGX_HTTP_WEBHOOK_STORE_NEW);
}


/*
 * Writes the head and the body of an event that is added to "p".  It may be
 * called in a thread, and must not use the request's log.
 */

static ngx_int_t
ngx_http_webhook_spool_write(ngx_http_webhook_txn_t *txn, u_char *p,
    ngx_http_webhook_spool_change_t *sc)
{
    off_t         offset;
    u_char       *last;
    ssize_t       n;
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    p = ngx_cpymem(p, sc->event.id, NGX_HTTP_WEBHOOK_UUID_SIZE);
    p = ngx_http_webhook_put64(p, sc->event.destination);
    p = ngx_http_webhook_put64(p, sc->head.len);
    p = ngx_cpymem(p, sc->head.data, sc->head.len);

    last = p + sc->length;

    for (cl = sc->body; cl; cl = cl->next) {
        b = cl->buf;

        if (ngx_buf_size(b) > last - p) {
            return NGX_ERROR;
        }

        if (ngx_buf_in_memory(b)) {
            p = ngx_cpymem(p, b->pos, b->last - b->pos);
            continue;
        }

        if (!b->in_file) {
            continue;
        }

        for (offset = b->file_pos; offset < b->file_last; offset += n) {

            n = pread(b->file->fd, p, b->file_last - offset, offset);

            if (n == -1 && ngx_errno == NGX_EINTR) {
                n = 0;
                continue;
            }

            if (n <= 0) {
                return NGX_ERROR;
            }

            p += n;
        }
    }

    return (p == last) ? NGX_OK : NGX_ERROR;
}


/* Gives an event the next number; it is due at once. */

static ngx_int_t
ngx_http_webhook_spool_arrive(ngx_http_webhook_txn_t *txn,
    ngx_http_webhook_event_t *event)
{
    uint64_t  last, seq;

    if (ngx_http_webhook_store_get_number(txn, "seq", &seq) != NGX_OK
        || ngx_http_webhook_store_get_number(txn, "time", &last) != NGX_OK)
    {
        return NGX_ERROR;
    }

    event->seq = seq + 1;
    event->time = ngx_http_webhook_spool_now();

    /* events of a process whose clock is a little behind keep their order */

    if (last > event->time
        && last - event->time < NGX_HTTP_WEBHOOK_SPOOL_SKEW)
    {
        event->time = last;
    }

    if (ngx_http_webhook_store_put_number(txn, "seq", event->seq) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_webhook_store_put_number(txn, "time", event->time);
}


/*
 * Moves an event's contents to another table.  They are copied: what a value
 * points to must not be read once something has been written.
 */

static ngx_int_t
ngx_http_webhook_spool_move(ngx_http_webhook_txn_t *txn, ngx_uint_t from,
    ngx_str_t *from_key, ngx_uint_t to, ngx_str_t *to_key)
{
    u_char     *copy;
    ngx_int_t   rc;
    ngx_str_t   value;

    rc = ngx_http_webhook_store_get(txn, from, from_key, &value);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? ngx_http_webhook_store_corrupted(txn)
                                    : NGX_ERROR;
    }

    copy = malloc(value.len);
    if (copy == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(copy, value.data, value.len);
    value.data = copy;

    rc = ngx_http_webhook_spool_remove(txn, from, from_key);

    if (rc == NGX_OK) {
        rc = ngx_http_webhook_store_put(txn, to, to_key, &value, 0);
    }

    free(copy);

    return rc;
}


static ngx_int_t
ngx_http_webhook_spool_put_index(ngx_http_webhook_txn_t *txn,
    ngx_http_webhook_event_t *event, ngx_uint_t flags)
{
    u_char     buf[NGX_HTTP_WEBHOOK_SPOOL_INDEX], *p;
    ngx_int_t  rc;
    ngx_str_t  key, value;

    key.len = NGX_HTTP_WEBHOOK_UUID_SIZE;
    key.data = event->id;

    p = ngx_http_webhook_put64(buf, event->seq);
    p = ngx_http_webhook_put64(p, event->destination);
    p = ngx_http_webhook_put64(p, event->arrived);
    p = ngx_http_webhook_put64(p, event->time);
    p = ngx_http_webhook_put64(p, event->state);
    p = ngx_http_webhook_put64(p, event->attempts);
    p = ngx_http_webhook_put64(p, event->status);

    value.len = p - buf;
    value.data = buf;

    rc = ngx_http_webhook_store_put(txn, spool_index, &key, &value, flags);

    /* an id is never made twice */

    return (rc == NGX_DECLINED) ? ngx_http_webhook_store_corrupted(txn) : rc;
}


static ngx_int_t
ngx_http_webhook_spool_get_index(ngx_http_webhook_txn_t *txn, u_char *id,
    ngx_http_webhook_event_t *event)
{
    u_char     *p;
    ngx_int_t   rc;
    ngx_str_t   key, value;

    key.len = NGX_HTTP_WEBHOOK_UUID_SIZE;
    key.data = id;

    rc = ngx_http_webhook_store_get(txn, spool_index, &key, &value);
    if (rc != NGX_OK) {
        return rc;
    }

    if (value.len != NGX_HTTP_WEBHOOK_SPOOL_INDEX) {
        return ngx_http_webhook_store_corrupted(txn);
    }

    p = value.data;

    ngx_memmove(event->id, id, NGX_HTTP_WEBHOOK_UUID_SIZE);

    event->seq = ngx_http_webhook_get64(p);
    event->destination = ngx_http_webhook_get64(p + 8);
    event->arrived = ngx_http_webhook_get64(p + 16);
    event->time = ngx_http_webhook_get64(p + 24);
    event->state = ngx_http_webhook_get64(p + 32);
    event->attempts = ngx_http_webhook_get64(p + 40);
    event->status = ngx_http_webhook_get64(p + 48);

    return NGX_OK;
}


static ngx_int_t
ngx_http_webhook_spool_put_waiting(ngx_http_webhook_txn_t *txn,
    ngx_http_webhook_event_t *event)
{
    u_char     buf[24];
    ngx_str_t  key, value;

    ngx_http_webhook_spool_key(&key, buf, 3, event->destination, event->time,
                               event->seq);

    value.len = NGX_HTTP_WEBHOOK_UUID_SIZE;
    value.data = event->id;

    return ngx_http_webhook_store_put(txn, spool_waiting, &key, &value, 0);
}


/* Removes an entry that must be there: without it the file is corrupted. */

static ngx_int_t
ngx_http_webhook_spool_remove(ngx_http_webhook_txn_t *txn, ngx_uint_t table,
    ngx_str_t *key)
{
    ngx_int_t  rc;

    rc = ngx_http_webhook_store_delete(txn, table, key);

    return (rc == NGX_DECLINED) ? ngx_http_webhook_store_corrupted(txn) : rc;
}


/*
 * Finds the event that waits for a destination next after "time" and "seq", be
 * it due or not.  Returns NGX_OK, NGX_DECLINED if there is none, or NGX_ERROR.
 */

ngx_int_t
ngx_http_webhook_spool_next(ngx_http_webhook_store_t *store,
    uint64_t destination, uint64_t time, uint64_t seq,
    ngx_http_webhook_event_t *event)
{
    ngx_int_t                       rc;
    ngx_http_webhook_spool_walk_t   walk;

    rc = ngx_http_webhook_spool_first(store, &walk, destination, time, seq + 1);
    if (rc != NGX_OK) {
        return rc;
    }

    if (walk.event.destination != destination) {
        rc = NGX_DECLINED;

    } else {
        rc = ngx_http_webhook_spool_get_index(walk.txn, walk.event.id, event);

        if (rc == NGX_DECLINED) {
            rc = ngx_http_webhook_store_corrupted(walk.txn);
        }
    }

    ngx_http_webhook_store_end(walk.txn);

    return rc;
}


/*
 * Sets *destination to the lowest number, itself or above it, for which an
 * event waits.  Returns NGX_OK, NGX_DECLINED if there is none, or NGX_ERROR.
 */

ngx_int_t
ngx_http_webhook_spool_destination(ngx_http_webhook_store_t *store,
    uint64_t *destination)
{
    ngx_int_t                       rc;
    ngx_http_webhook_spool_walk_t   walk;

    rc = ngx_http_webhook_spool_first(store, &walk, *destination, 0, 0);

    if (rc == NGX_OK) {
        *destination = walk.event.destination;
        ngx_http_webhook_store_end(walk.txn);
    }

    return rc;
}


/*
 * Finds the first entry of "waiting" from a key on.  Returns NGX_OK: its id and
 * destination are in walk->event, and walk->txn is the caller's to end;
 * NGX_DECLINED if there is none, or NGX_ERROR.
 */

static ngx_int_t
ngx_http_webhook_spool_first(ngx_http_webhook_store_t *store,
    ngx_http_webhook_spool_walk_t *walk, uint64_t destination, uint64_t time,
    uint64_t seq)
{
    u_char     buf[24];
    ngx_int_t  rc;
    ngx_str_t  from;

    walk->found = 0;

    walk->txn = ngx_http_webhook_store_begin(store);
    if (walk->txn == NULL) {
        return NGX_ERROR;
    }

    ngx_http_webhook_spool_key(&from, buf, 3, destination, time, seq);

    rc = ngx_http_webhook_store_walk(walk->txn, spool_waiting, &from,
                                     ngx_http_webhook_spool_take, walk);

    if (rc == NGX_OK && !walk->found) {
        rc = NGX_DECLINED;
    }

    if (rc != NGX_OK) {
        ngx_http_webhook_store_end(walk->txn);
    }

    return rc;
}


/* Takes the first entry of a walk over "waiting", and ends the walk. */

static ngx_int_t
ngx_http_webhook_spool_take(void *data, ngx_str_t *key, ngx_str_t *value)
{
    ngx_http_webhook_spool_walk_t *walk = data;

    if (key->len != 24 || value->len != NGX_HTTP_WEBHOOK_UUID_SIZE) {
        return ngx_http_webhook_store_corrupted(walk->txn);
    }

    walk->found = 1;
    walk->event.destination = ngx_http_webhook_get64(key->data);

    ngx_memcpy(walk->event.id, value->data, NGX_HTTP_WEBHOOK_UUID_SIZE);

    return NGX_DONE;
}


/*
 * Tells "handler" of the id, the seq and the destination of each event that has
 * arrived after number *seq, and sets *seq to the last one.  Returns NGX_OK or
 * NGX_ERROR.
 */

ngx_int_t
ngx_http_webhook_spool_news(ngx_http_webhook_store_t *store, uint64_t *seq,
    ngx_http_webhook_spool_walk_pt handler, void *data)
{
    u_char                          buf[8];
    uint64_t                        last;
    ngx_int_t                       rc;
    ngx_str_t                       from;
    ngx_http_webhook_spool_walk_t   walk;

    walk.txn = ngx_http_webhook_store_begin(store);
    if (walk.txn == NULL) {
        return NGX_ERROR;
    }

    walk.handler = handler;
    walk.data = data;

    ngx_http_webhook_spool_key(&from, buf, 1, *seq + 1, 0, 0);

    rc = ngx_http_webhook_store_get_number(walk.txn, "seq", &last);

    if (rc == NGX_OK && handler && last > *seq) {
        rc = ngx_http_webhook_store_walk(walk.txn, spool_events, &from,
                                         ngx_http_webhook_spool_event, &walk);
    }

    ngx_http_webhook_store_end(walk.txn);

    if (rc == NGX_OK) {
        *seq = last;
    }

    return rc;
}


/*
 * Tells of an entry of a walk over "events", whose keys are one number, or over
 * "dead", whose keys are two.
 */

static ngx_int_t
ngx_http_webhook_spool_event(void *data, ngx_str_t *key, ngx_str_t *value)
{
    ngx_http_webhook_spool_walk_t *walk = data;

    if ((key->len != 8 && key->len != 16)
        || value->len < NGX_HTTP_WEBHOOK_SPOOL_FIXED)
    {
        return ngx_http_webhook_store_corrupted(walk->txn);
    }

    walk->event.seq = ngx_http_webhook_get64(key->data + key->len - 8);
    walk->event.destination = ngx_http_webhook_get64(value->data
                                                 + NGX_HTTP_WEBHOOK_UUID_SIZE);

    ngx_memcpy(walk->event.id, value->data, NGX_HTTP_WEBHOOK_UUID_SIZE);

    if (key->len == 16
        && ngx_http_webhook_spool_get_index(walk->txn, walk->event.id,
                                            &walk->event)
           != NGX_OK)
    {
        return ngx_http_webhook_store_corrupted(walk->txn);
    }

    return walk->handler(walk->data, &walk->event);
}


/*
 * Finds an event by its id, of 16 bytes.  Returns NGX_OK with "event" set,
 * NGX_DECLINED if there is none, or NGX_ERROR.
 */

ngx_int_t
ngx_http_webhook_spool_find(ngx_http_webhook_store_t *store, u_char *id,
    ngx_http_webhook_event_t *event)
{
    ngx_int_t                rc;
    ngx_http_webhook_txn_t  *txn;

    txn = ngx_http_webhook_store_begin(store);
    if (txn == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_http_webhook_spool_get_index(txn, id, event);

    ngx_http_webhook_store_end(txn);

    return rc;
}


/*
 * Copies the head and the body of an event that was found into "pool", or only
 * its head, if "body" is NULL.  Returns NGX_OK, NGX_DECLINED if the event is
 * not there any more, or NGX_ERROR.
 */

ngx_int_t
ngx_http_webhook_spool_read(ngx_http_webhook_store_t *store,
    ngx_http_webhook_event_t *event, ngx_pool_t *pool, ngx_str_t *head,
    ngx_str_t *body)
{
    u_char                   buf[16], *p;
    size_t                   len;
    uint64_t                 n;
    ngx_int_t                rc;
    ngx_str_t                key, value;
    ngx_uint_t               dead;
    ngx_http_webhook_txn_t  *txn;

    txn = ngx_http_webhook_store_begin(store);
    if (txn == NULL) {
        return NGX_ERROR;
    }

    dead = (event->state == NGX_HTTP_WEBHOOK_DEAD);

    if (dead) {
        ngx_http_webhook_spool_key(&key, buf, 2, event->time, event->seq, 0);

    } else {
        ngx_http_webhook_spool_key(&key, buf, 1, event->seq, 0, 0);
    }

    rc = ngx_http_webhook_store_get(txn, dead ? spool_dead : spool_events,
                                    &key, &value);

    if (rc == NGX_OK) {
        n = (value.len < NGX_HTTP_WEBHOOK_SPOOL_FIXED) ? 0
            : ngx_http_webhook_get64(value.data + NGX_HTTP_WEBHOOK_UUID_SIZE
                                     + 8);
        len = value.len - NGX_HTTP_WEBHOOK_SPOOL_FIXED;

        if (value.len < NGX_HTTP_WEBHOOK_SPOOL_FIXED || n > len) {
            rc = ngx_http_webhook_store_corrupted(txn);

        } else {
            if (body == NULL) {
                len = n;
            }

            p = ngx_palloc(pool, ngx_max(len, 1));

            if (p == NULL) {
                rc = NGX_ERROR;

            } else {
                ngx_memcpy(p, value.data + NGX_HTTP_WEBHOOK_SPOOL_FIXED, len);

                head->len = n;
                head->data = p;
            }

            if (p && body) {
                body->len = len - n;
                body->data = p + n;
            }
        }
    }

    ngx_http_webhook_store_end(txn);

    return rc;
}


/*
 * Tells "handler" of the dead events, in the order in which they died: of all,
 * or of those behind "after", of which "time" and "seq" matter.  It returns
 * NGX_OK, NGX_DONE to end the walk, or NGX_ERROR.  Returns NGX_OK or NGX_ERROR.
 */

ngx_int_t
ngx_http_webhook_spool_dead(ngx_http_webhook_store_t *store,
    ngx_http_webhook_event_t *after, ngx_http_webhook_spool_walk_pt handler,
    void *data)
{
    u_char                          buf[16];
    ngx_int_t                       rc;
    ngx_str_t                       from;
    ngx_http_webhook_spool_walk_t   walk;

    walk.txn = ngx_http_webhook_store_begin(store);
    if (walk.txn == NULL) {
        return NGX_ERROR;
    }

    walk.handler = handler;
    walk.data = data;

    ngx_str_null(&from);

    if (after) {
        ngx_http_webhook_spool_key(&from, buf, 2, after->time, after->seq + 1,
                                   0);
    }

    rc = ngx_http_webhook_store_walk(walk.txn, spool_dead, &from,
                                     ngx_http_webhook_spool_event, &walk);

    ngx_http_webhook_store_end(walk.txn);

    return rc;
}


static ngx_int_t
ngx_http_webhook_spool_oldest(void *data, ngx_http_webhook_event_t *event)
{
    ngx_http_webhook_event_t *oldest = data;

    *oldest = *event;

    return NGX_DONE;
}


/*
 * Sets "st" to how many events there are, what they use, and when the oldest
 * one arrived that is not dead.  Returns NGX_OK or NGX_ERROR.
 */

ngx_int_t
ngx_http_webhook_spool_stat(ngx_http_webhook_store_t *store,
    ngx_http_webhook_spool_stat_t *st)
{
    ngx_int_t                       rc;
    ngx_str_t                       from;
    ngx_http_webhook_event_t        oldest;
    ngx_http_webhook_spool_walk_t   walk;

    walk.txn = ngx_http_webhook_store_begin(store);
    if (walk.txn == NULL) {
        return NGX_ERROR;
    }

    walk.handler = ngx_http_webhook_spool_oldest;
    walk.data = &oldest;

    oldest.seq = 0;
    st->oldest = 0;
    ngx_str_null(&from);

    rc = ngx_http_webhook_store_count(walk.txn, spool_events, &st->waiting);

    if (rc == NGX_OK) {
        rc = ngx_http_webhook_store_count(walk.txn, spool_dead, &st->dead);
    }

    if (rc == NGX_OK) {
        rc = ngx_http_webhook_store_used(walk.txn, &st->used);
    }

    if (rc == NGX_OK) {
        rc = ngx_http_webhook_store_walk(walk.txn, spool_events, &from,
                                         ngx_http_webhook_spool_event, &walk);
    }

    if (rc == NGX_OK && oldest.seq) {
        rc = ngx_http_webhook_spool_get_index(walk.txn, oldest.id, &oldest);
        st->oldest = oldest.arrived;
    }

    ngx_http_webhook_store_end(walk.txn);

    return (rc == NGX_OK) ? NGX_OK : NGX_ERROR;
}


/* Makes "key" one of "n" numbers, 8 bytes each, in the memory at "p". */

static void
ngx_http_webhook_spool_key(ngx_str_t *key, u_char *p, ngx_uint_t n, uint64_t a,
    uint64_t b, uint64_t c)
{
    key->data = p;
    key->len = n * 8;

    p = ngx_http_webhook_put64(p, a);

    if (n > 1) {
        p = ngx_http_webhook_put64(p, b);
    }

    if (n > 2) {
        (void) ngx_http_webhook_put64(p, c);
    }
}


/*
 * Returns the time in milliseconds.  It is not nginx's cached one, which
 * a thread may not rely on.
 */

static uint64_t
ngx_http_webhook_spool_now(void)
{
    struct timeval  tv;

    ngx_gettimeofday(&tv);

    return (uint64_t) tv.tv_sec * 1000 + tv.tv_usec / 1000;
}
