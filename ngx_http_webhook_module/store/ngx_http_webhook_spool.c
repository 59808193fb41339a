
/*
 * What a queue keeps in its store.  Six tables:
 *
 *     records   id -> what is known of the event, and what has become of it
 *     contents  number, part -> a part of what the event holds
 *     arrivals  number -> id and destination of an event that waits
 *     due       destination, time it is due, number -> id of one that waits
 *     died      time of death, number -> id of one that could not be delivered
 *     meta      "seq", the last number, and "time", of the last arrival;
 *               "dead", the bytes that dead letters hold
 *
 * The contents of an event are its head, which is what a queue keeps of its
 * request, and its body.  They are written once, under the number with which
 * the event arrived, and stay there until the event is gone: what becomes of
 * the event is a matter of narrow tables, and needs next to no room.  A part
 * is small enough to share a page with others, so that no contents need pages
 * in a row, which may be hard to find among those that are free.
 *
 * Numbers are given within the transaction: their order is that in which events
 * were acknowledged.  A number in a key is 8 bytes, the highest first.
 */


#include "store/ngx_http_webhook_spool_table.h"


#define NGX_HTTP_WEBHOOK_SPOOL_VERSION  2

/*
 * A record: this byte, and the numbers of ngx_http_webhook_event_t.  Another
 * first byte tells of more that follows.
 */

#define NGX_HTTP_WEBHOOK_SPOOL_RECORD   1
#define NGX_HTTP_WEBHOOK_SPOOL_NUMBERS  10

/* what an event takes in the tables beside its contents, about */
#define NGX_HTTP_WEBHOOK_SPOOL_BESIDE   384

/* milliseconds that clocks of processes may differ by */
#define NGX_HTTP_WEBHOOK_SPOOL_SKEW     1000


static ngx_int_t ngx_http_webhook_spool_apply(
    ngx_http_webhook_change_t *change, ngx_http_webhook_txn_t *txn);
static ngx_int_t ngx_http_webhook_spool_change(ngx_http_webhook_txn_t *txn,
    ngx_http_webhook_spool_change_t *sc, ngx_http_webhook_event_t *event);
static ngx_int_t ngx_http_webhook_spool_add(ngx_http_webhook_txn_t *txn,
    ngx_http_webhook_spool_change_t *sc);
static ngx_int_t ngx_http_webhook_spool_room(ngx_http_webhook_txn_t *txn,
    ngx_http_webhook_spool_change_t *sc);
static ngx_int_t ngx_http_webhook_spool_oldest(void *data, ngx_str_t *key,
    ngx_str_t *value);
static ngx_int_t ngx_http_webhook_spool_fill(
    ngx_http_webhook_spool_source_t *source);
static ngx_int_t ngx_http_webhook_spool_arrive(ngx_http_webhook_txn_t *txn,
    ngx_http_webhook_event_t *event);
static ngx_int_t ngx_http_webhook_spool_leave(ngx_http_webhook_txn_t *txn,
    ngx_http_webhook_event_t *event);
static ngx_int_t ngx_http_webhook_spool_put_due(ngx_http_webhook_txn_t *txn,
    ngx_http_webhook_event_t *event);
static ngx_int_t ngx_http_webhook_spool_remove_due(
    ngx_http_webhook_txn_t *txn, ngx_http_webhook_event_t *event);
static ngx_int_t ngx_http_webhook_spool_count_dead(
    ngx_http_webhook_txn_t *txn, ngx_http_webhook_event_t *event);
static ngx_int_t ngx_http_webhook_spool_erase(ngx_http_webhook_txn_t *txn,
    ngx_http_webhook_event_t *event);
static size_t ngx_http_webhook_spool_size(ngx_http_webhook_event_t *event);
static uint64_t ngx_http_webhook_spool_now(void);


static ngx_http_webhook_table_conf_t  ngx_http_webhook_spool_tables[] = {
    { ngx_string("meta"), 0, 0 },
    { ngx_string("records"), 0, 0 },
    { ngx_string("contents"), 0, 0 },
    { ngx_string("arrivals"), 0, 0 },
    { ngx_string("due"), 0, 0 },
    { ngx_string("died"), 0, 0 },
    { ngx_string("events"), 0, 1 },
    { ngx_string("dead"), 0, 1 },
    { ngx_string("index"), 0, 1 },
    { ngx_string("waiting"), 0, 1 },
    { ngx_null_string, 0, 0 }
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
    conf->use = "queue";
    conf->mark = spool_former_waiting;
    conf->version = NGX_HTTP_WEBHOOK_SPOOL_VERSION;
    conf->tables = ngx_http_webhook_spool_tables;
    conf->take = ngx_http_webhook_spool_take;
}


/*
 * Submits a change of a queue, see ngx_http_webhook_store_submit(): "sc" and
 * what it points to must stay as they are until sc->change.handler, which the
 * caller has set, is called.  Its "rc" is NGX_DECLINED if the event is not
 * there, or not in a state for such a change; for TAKE, if nothing is left.
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
    ngx_int_t                         rc;
    ngx_uint_t                        dead;
    ngx_http_webhook_event_t          event;
    ngx_http_webhook_spool_change_t  *sc;

    sc = ngx_queue_data(change, ngx_http_webhook_spool_change_t, change);

    sc->forgotten = 0;

    if (sc->type == NGX_HTTP_WEBHOOK_SPOOL_ADD) {
        return ngx_http_webhook_spool_add(txn, sc);
    }

    if (sc->type == NGX_HTTP_WEBHOOK_SPOOL_TAKE) {
        return ngx_http_webhook_spool_take_late(txn);
    }

    rc = ngx_http_webhook_spool_get(txn, sc->event.id, &event);
    if (rc != NGX_OK) {
        return rc;
    }

    dead = (event.state == NGX_HTTP_WEBHOOK_DEAD);

    if (dead != (sc->type == NGX_HTTP_WEBHOOK_SPOOL_REPLAY
                 || sc->type == NGX_HTTP_WEBHOOK_SPOOL_DISCARD))
    {
        return NGX_DECLINED;
    }

    rc = ngx_http_webhook_spool_change(txn, sc, &event);

    if (rc == NGX_OK) {
        sc->event = event;
    }

    return rc;
}


/*
 * Changes "event", which is there and in a state for it.  Returns NGX_OK or
 * NGX_ERROR.
 */

static ngx_int_t
ngx_http_webhook_spool_change(ngx_http_webhook_txn_t *txn,
    ngx_http_webhook_spool_change_t *sc, ngx_http_webhook_event_t *event)
{
    switch (sc->type) {

    case NGX_HTTP_WEBHOOK_SPOOL_WAIT:

        if (ngx_http_webhook_spool_remove_due(txn, event) != NGX_OK) {
            return NGX_ERROR;
        }

        event->time = sc->event.time;
        event->attempts = sc->event.attempts;
        event->status = sc->event.status;

        if (ngx_http_webhook_spool_put_due(txn, event) != NGX_OK) {
            return NGX_ERROR;
        }

        break;

    case NGX_HTTP_WEBHOOK_SPOOL_DIE:

        if (ngx_http_webhook_spool_leave(txn, event) != NGX_OK) {
            return NGX_ERROR;
        }

        event->state = NGX_HTTP_WEBHOOK_DEAD;
        event->time = ngx_http_webhook_spool_now();
        event->attempts = sc->event.attempts;
        event->status = sc->event.status;

        if (ngx_http_webhook_spool_enter(txn, event, 0) != NGX_OK) {
            return NGX_ERROR;
        }

        break;

    case NGX_HTTP_WEBHOOK_SPOOL_REPLAY:

        if (ngx_http_webhook_spool_leave(txn, event) != NGX_OK
            || ngx_http_webhook_spool_arrive(txn, event) != NGX_OK)
        {
            return NGX_ERROR;
        }

        event->state = NGX_HTTP_WEBHOOK_WAITING;
        event->attempts = 0;
        event->status = 0;

        if (ngx_http_webhook_spool_enter(txn, event,
                                         NGX_HTTP_WEBHOOK_STORE_APPEND)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        break;

    default: /* NGX_HTTP_WEBHOOK_SPOOL_DONE, NGX_HTTP_WEBHOOK_SPOOL_DISCARD */

        return ngx_http_webhook_spool_erase(txn, event);
    }

    return ngx_http_webhook_spool_put(txn, event, 0);
}


static ngx_int_t
ngx_http_webhook_spool_add(ngx_http_webhook_txn_t *txn,
    ngx_http_webhook_spool_change_t *sc)
{
    ngx_int_t                         rc;
    ngx_http_webhook_event_t         *event;
    ngx_http_webhook_spool_source_t   source;

    event = &sc->event;

    event->head = sc->head.len;
    event->body = sc->length;

    rc = ngx_http_webhook_spool_room(txn, sc);

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

    event->number = event->seq;
    event->arrived = event->time;
    event->state = NGX_HTTP_WEBHOOK_WAITING;
    event->attempts = 0;
    event->status = 0;

    source.pos = sc->head.data;
    source.last = sc->head.data + sc->head.len;
    source.cl = sc->body;
    source.offset = 0;

    if (ngx_http_webhook_spool_write(txn, event, &source,
                                     NGX_HTTP_WEBHOOK_STORE_APPEND)
        != NGX_OK
        || ngx_http_webhook_spool_enter(txn, event,
                                        NGX_HTTP_WEBHOOK_STORE_APPEND)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_webhook_spool_put(txn, event, NGX_HTTP_WEBHOOK_STORE_NEW);
}


/*
 * Makes room for an event: of dead letters, the oldest ones give way.  They
 * stay if the event would not fit in without them, either.  Returns NGX_OK,
 * NGX_DECLINED if the queue is full, or NGX_ERROR; sets sc->forgotten.
 */

static ngx_int_t
ngx_http_webhook_spool_room(ngx_http_webhook_txn_t *txn,
    ngx_http_webhook_spool_change_t *sc)
{
    u_char                     id[NGX_HTTP_WEBHOOK_UUID_SIZE];
    size_t                     size;
    uint64_t                   dead;
    ngx_int_t                  rc;
    ngx_str_t                  first, from;
    ngx_http_webhook_event_t   oldest;

    size = ngx_http_webhook_spool_size(&sc->event);

    rc = ngx_http_webhook_store_fits(txn, size);

    if (rc != NGX_DECLINED) {
        return rc;
    }

    if (ngx_http_webhook_store_get_number(txn, "dead", &dead) != NGX_OK) {
        return NGX_ERROR;
    }

    if (dead < size
        && (dead == 0 || ngx_http_webhook_store_fits(txn, size - dead)
                         != NGX_OK))
    {
        return NGX_DECLINED;
    }

    ngx_str_null(&from);

    while (rc == NGX_DECLINED) {

        first.len = 0;
        first.data = id;

        if (ngx_http_webhook_store_walk(txn, spool_died, &from,
                                        ngx_http_webhook_spool_oldest, &first)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (first.len == 0) {
            return NGX_DECLINED;
        }

        rc = ngx_http_webhook_spool_get(txn, id, &oldest);

        if (rc != NGX_OK) {
            return (rc == NGX_DECLINED) ? ngx_http_webhook_store_corrupted(txn)
                                        : NGX_ERROR;
        }

        if (ngx_http_webhook_spool_erase(txn, &oldest) != NGX_OK) {
            return NGX_ERROR;
        }

        sc->forgotten++;

        rc = ngx_http_webhook_store_fits(txn, size);
    }

    return rc;
}


/* Takes the id of the first entry of a walk over "died", and ends the walk. */

static ngx_int_t
ngx_http_webhook_spool_oldest(void *data, ngx_str_t *key, ngx_str_t *value)
{
    ngx_str_t *first = data;

    if (value->len != NGX_HTTP_WEBHOOK_UUID_SIZE) {
        return NGX_ERROR;
    }

    first->len = value->len;
    ngx_memcpy(first->data, value->data, value->len);

    return NGX_DONE;
}


/*
 * Writes the contents of an event, event->head and event->body bytes out of
 * "source", part by part; "flags" are those of ngx_http_webhook_store_put().
 * It may be called in a thread, and must not use the request's log.  Returns
 * NGX_OK, or NGX_ERROR, also if there is more or less.
 */

ngx_int_t
ngx_http_webhook_spool_write(ngx_http_webhook_txn_t *txn,
    ngx_http_webhook_event_t *event, ngx_http_webhook_spool_source_t *source,
    ngx_uint_t flags)
{
    u_char      buf[16], *p;
    size_t      left, n;
    uint64_t    part, size;
    ngx_int_t   rc;
    ngx_str_t   key, value;

    size = event->head + event->body;

    for (part = 0; size; part++) {

        value.len = (size_t) ngx_min(size, NGX_HTTP_WEBHOOK_SPOOL_PART);
        value.data = NULL;

        ngx_http_webhook_spool_key(&key, buf, 2, event->number, part, 0);

        rc = ngx_http_webhook_store_put(txn, spool_contents, &key, &value,
                                        flags);
        if (rc != NGX_OK) {
            return NGX_ERROR;
        }

        p = value.data;

        for (left = value.len; left; left -= n) {

            if (source->pos == source->last
                && ngx_http_webhook_spool_fill(source) != NGX_OK)
            {
                return NGX_ERROR;
            }

            n = ngx_min(left, (size_t) (source->last - source->pos));

            p = ngx_cpymem(p, source->pos, n);
            source->pos += n;
        }

        size -= value.len;
    }

    if (source->pos != source->last) {
        return NGX_ERROR;
    }

    return (ngx_http_webhook_spool_fill(source) == NGX_DONE) ? NGX_OK
                                                             : NGX_ERROR;
}


/*
 * Goes on to what follows in a source.  Returns NGX_OK if there is something,
 * NGX_DONE at the end, or NGX_ERROR.
 */

static ngx_int_t
ngx_http_webhook_spool_fill(ngx_http_webhook_spool_source_t *source)
{
    off_t       left;
    ssize_t     n;
    ngx_buf_t  *b;

    while (source->cl) {

        b = source->cl->buf;

        if (ngx_buf_in_memory(b)) {
            source->pos = b->pos;
            source->last = b->last;
            source->cl = source->cl->next;

            if (source->pos != source->last) {
                return NGX_OK;
            }

            continue;
        }

        left = b->in_file ? b->file_last - b->file_pos - source->offset : 0;

        if (left == 0) {
            source->cl = source->cl->next;
            source->offset = 0;
            continue;
        }

        n = pread(b->file->fd, source->buf,
                  ngx_min(left, (off_t) sizeof(source->buf)),
                  b->file_pos + source->offset);

        if (n == -1 && ngx_errno == NGX_EINTR) {
            continue;
        }

        if (n <= 0) {
            return NGX_ERROR;
        }

        source->offset += n;
        source->pos = source->buf;
        source->last = source->buf + n;

        return NGX_OK;
    }

    return NGX_DONE;
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
 * Puts an event into the tables of its state; "flags" are those of
 * ngx_http_webhook_store_put() for "arrivals".  Returns NGX_OK or NGX_ERROR.
 */

ngx_int_t
ngx_http_webhook_spool_enter(ngx_http_webhook_txn_t *txn,
    ngx_http_webhook_event_t *event, ngx_uint_t flags)
{
    u_char     buf[24], arrival[NGX_HTTP_WEBHOOK_SPOOL_ARRIVAL];
    ngx_str_t  key, value;

    if (event->state == NGX_HTTP_WEBHOOK_DEAD) {

        ngx_http_webhook_spool_key(&key, buf, 2, event->time, event->seq, 0);

        value.len = NGX_HTTP_WEBHOOK_UUID_SIZE;
        value.data = event->id;

        if (ngx_http_webhook_store_put(txn, spool_died, &key, &value, 0)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        return ngx_http_webhook_spool_count_dead(txn, event);
    }

    ngx_http_webhook_spool_key(&key, buf, 1, event->seq, 0, 0);

    value.len = NGX_HTTP_WEBHOOK_SPOOL_ARRIVAL;
    value.data = arrival;

    ngx_memcpy(arrival, event->id, NGX_HTTP_WEBHOOK_UUID_SIZE);
    (void) ngx_http_webhook_put64(arrival + NGX_HTTP_WEBHOOK_UUID_SIZE,
                                  event->destination);

    if (ngx_http_webhook_store_put(txn, spool_arrivals, &key, &value, flags)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_webhook_spool_put_due(txn, event);
}


/* Takes an event out of the tables of its state. */

static ngx_int_t
ngx_http_webhook_spool_leave(ngx_http_webhook_txn_t *txn,
    ngx_http_webhook_event_t *event)
{
    u_char     buf[16];
    ngx_str_t  key;

    if (event->state == NGX_HTTP_WEBHOOK_DEAD) {

        ngx_http_webhook_spool_key(&key, buf, 2, event->time, event->seq, 0);

        if (ngx_http_webhook_spool_remove(txn, spool_died, &key) != NGX_OK) {
            return NGX_ERROR;
        }

        event->state = NGX_HTTP_WEBHOOK_WAITING;

        return ngx_http_webhook_spool_count_dead(txn, event);
    }

    ngx_http_webhook_spool_key(&key, buf, 1, event->seq, 0, 0);

    if (ngx_http_webhook_spool_remove(txn, spool_arrivals, &key) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_webhook_spool_remove_due(txn, event);
}


static ngx_int_t
ngx_http_webhook_spool_put_due(ngx_http_webhook_txn_t *txn,
    ngx_http_webhook_event_t *event)
{
    u_char     buf[24];
    ngx_str_t  key, value;

    ngx_http_webhook_spool_key(&key, buf, 3, event->destination, event->time,
                               event->seq);

    value.len = NGX_HTTP_WEBHOOK_UUID_SIZE;
    value.data = event->id;

    return ngx_http_webhook_store_put(txn, spool_due, &key, &value, 0);
}


static ngx_int_t
ngx_http_webhook_spool_remove_due(ngx_http_webhook_txn_t *txn,
    ngx_http_webhook_event_t *event)
{
    u_char     buf[24];
    ngx_str_t  key;

    ngx_http_webhook_spool_key(&key, buf, 3, event->destination, event->time,
                               event->seq);

    return ngx_http_webhook_spool_remove(txn, spool_due, &key);
}


/*
 * Adds the size of an event to that of the dead letters, or takes it away if
 * the event is not dead any more.
 */

static ngx_int_t
ngx_http_webhook_spool_count_dead(ngx_http_webhook_txn_t *txn,
    ngx_http_webhook_event_t *event)
{
    uint64_t  dead, size;

    if (ngx_http_webhook_store_get_number(txn, "dead", &dead) != NGX_OK) {
        return NGX_ERROR;
    }

    size = ngx_http_webhook_spool_size(event);

    if (event->state == NGX_HTTP_WEBHOOK_DEAD) {
        dead += size;

    } else {
        dead -= ngx_min(size, dead);
    }

    return ngx_http_webhook_store_put_number(txn, "dead", dead);
}


/* Removes all that there is of an event. */

static ngx_int_t
ngx_http_webhook_spool_erase(ngx_http_webhook_txn_t *txn,
    ngx_http_webhook_event_t *event)
{
    u_char                    buf[8];
    ngx_str_t                 key;
    ngx_http_webhook_event_t  left;

    /* which changes the state */
    left = *event;

    if (ngx_http_webhook_spool_leave(txn, &left) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_webhook_spool_key(&key, buf, 1, event->number, 0, 0);

    if (ngx_http_webhook_store_delete_all(txn, spool_contents, &key,
                                          event->head + event->body)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    key.len = NGX_HTTP_WEBHOOK_UUID_SIZE;
    key.data = event->id;

    return ngx_http_webhook_spool_remove(txn, spool_records, &key);
}


/* Returns the bytes that an event takes in the tables, about. */

static size_t
ngx_http_webhook_spool_size(ngx_http_webhook_event_t *event)
{
    uint64_t  size;

    size = event->head + event->body;

    return (size_t) (size + size / 32 + NGX_HTTP_WEBHOOK_SPOOL_BESIDE);
}


/*
 * Writes the record of an event; "flags" are those of
 * ngx_http_webhook_store_put().  Returns NGX_OK or NGX_ERROR.
 */

ngx_int_t
ngx_http_webhook_spool_put(ngx_http_webhook_txn_t *txn,
    ngx_http_webhook_event_t *event, ngx_uint_t flags)
{
    u_char     buf[1 + NGX_HTTP_WEBHOOK_SPOOL_NUMBERS * 8], *p;
    ngx_int_t  rc;
    ngx_str_t  key, value;

    key.len = NGX_HTTP_WEBHOOK_UUID_SIZE;
    key.data = event->id;

    buf[0] = NGX_HTTP_WEBHOOK_SPOOL_RECORD;

    p = ngx_http_webhook_put64(buf + 1, event->seq);
    p = ngx_http_webhook_put64(p, event->number);
    p = ngx_http_webhook_put64(p, event->destination);
    p = ngx_http_webhook_put64(p, event->arrived);
    p = ngx_http_webhook_put64(p, event->time);
    p = ngx_http_webhook_put64(p, event->state);
    p = ngx_http_webhook_put64(p, event->attempts);
    p = ngx_http_webhook_put64(p, event->status);
    p = ngx_http_webhook_put64(p, event->head);
    p = ngx_http_webhook_put64(p, event->body);

    value.len = p - buf;
    value.data = buf;

    rc = ngx_http_webhook_store_put(txn, spool_records, &key, &value, flags);

    /* an id is never made twice */

    return (rc == NGX_DECLINED) ? ngx_http_webhook_store_corrupted(txn) : rc;
}


/*
 * Reads the record of an event by its id, of 16 bytes, which may be that of
 * "event".  Returns NGX_OK, NGX_DECLINED if there is none, or NGX_ERROR.
 */

ngx_int_t
ngx_http_webhook_spool_get(ngx_http_webhook_txn_t *txn, u_char *id,
    ngx_http_webhook_event_t *event)
{
    u_char     *p;
    ngx_int_t   rc;
    ngx_str_t   key, value;

    key.len = NGX_HTTP_WEBHOOK_UUID_SIZE;
    key.data = id;

    rc = ngx_http_webhook_store_get(txn, spool_records, &key, &value);
    if (rc != NGX_OK) {
        return rc;
    }

    if (value.len != 1 + NGX_HTTP_WEBHOOK_SPOOL_NUMBERS * 8
        || value.data[0] != NGX_HTTP_WEBHOOK_SPOOL_RECORD)
    {
        return ngx_http_webhook_store_corrupted(txn);
    }

    p = value.data + 1;

    ngx_memmove(event->id, id, NGX_HTTP_WEBHOOK_UUID_SIZE);

    event->seq = ngx_http_webhook_get64(p);
    event->number = ngx_http_webhook_get64(p + 8);
    event->destination = ngx_http_webhook_get64(p + 16);
    event->arrived = ngx_http_webhook_get64(p + 24);
    event->time = ngx_http_webhook_get64(p + 32);
    event->state = ngx_http_webhook_get64(p + 40);
    event->attempts = ngx_http_webhook_get64(p + 48);
    event->status = ngx_http_webhook_get64(p + 56);
    event->head = ngx_http_webhook_get64(p + 64);
    event->body = ngx_http_webhook_get64(p + 72);

    return NGX_OK;
}


/*
 * Removes an entry that must be there: without it the file is corrupted.
 * Returns NGX_OK or NGX_ERROR.
 */

ngx_int_t
ngx_http_webhook_spool_remove(ngx_http_webhook_txn_t *txn, ngx_uint_t table,
    ngx_str_t *key)
{
    ngx_int_t  rc;

    rc = ngx_http_webhook_store_delete(txn, table, key);

    return (rc == NGX_DECLINED) ? ngx_http_webhook_store_corrupted(txn) : rc;
}


/* Makes "key" one of "n" numbers, 8 bytes each, in the memory at "p". */

void
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
