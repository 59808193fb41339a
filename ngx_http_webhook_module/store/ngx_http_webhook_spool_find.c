
/* What a queue keeps in its store, looked up: see ngx_http_webhook_spool.c. */


#include "store/ngx_http_webhook_spool_table.h"


/* a walk over a table, and whom it tells */

typedef struct {
    ngx_http_webhook_txn_t           *txn;
    ngx_http_webhook_spool_walk_pt    handler;
    void                             *data;
    ngx_http_webhook_event_t          event;
    ngx_uint_t                        found;
} ngx_http_webhook_spool_walk_t;


/* a walk over the contents of an event, and where they go */

typedef struct {
    ngx_http_webhook_txn_t           *txn;
    uint64_t                          number;
    u_char                           *pos;
    size_t                            left;
    size_t                            skip;      /* of the next part */
} ngx_http_webhook_spool_read_t;


static ngx_int_t ngx_http_webhook_spool_first(ngx_http_webhook_store_t *store,
    ngx_http_webhook_spool_walk_t *walk, uint64_t destination, uint64_t time,
    uint64_t seq);
static ngx_int_t ngx_http_webhook_spool_first_due(void *data, ngx_str_t *key,
    ngx_str_t *value);
static ngx_int_t ngx_http_webhook_spool_arrival(void *data, ngx_str_t *key,
    ngx_str_t *value);
static ngx_int_t ngx_http_webhook_spool_part(void *data, ngx_str_t *key,
    ngx_str_t *value);
static ngx_int_t ngx_http_webhook_spool_dead_one(void *data, ngx_str_t *key,
    ngx_str_t *value);
static ngx_int_t ngx_http_webhook_spool_oldest(void *data,
    ngx_http_webhook_event_t *event);


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
        rc = ngx_http_webhook_spool_get(walk.txn, walk.event.id, event);

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
 * Finds the first entry of "due" from a key on.  Returns NGX_OK: its id and
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

    rc = ngx_http_webhook_store_walk(walk->txn, spool_due, &from,
                                     ngx_http_webhook_spool_first_due,
                                     walk);

    if (rc == NGX_OK && !walk->found) {
        rc = NGX_DECLINED;
    }

    if (rc != NGX_OK) {
        ngx_http_webhook_store_end(walk->txn);
    }

    return rc;
}


/* Takes the first entry of a walk over "due", and ends the walk. */

static ngx_int_t
ngx_http_webhook_spool_first_due(void *data, ngx_str_t *key, ngx_str_t *value)
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
        rc = ngx_http_webhook_store_walk(walk.txn, spool_arrivals, &from,
                                         ngx_http_webhook_spool_arrival, &walk);
    }

    ngx_http_webhook_store_end(walk.txn);

    if (rc == NGX_OK) {
        *seq = last;
    }

    return rc;
}


/* Tells of an entry of a walk over "arrivals". */

static ngx_int_t
ngx_http_webhook_spool_arrival(void *data, ngx_str_t *key, ngx_str_t *value)
{
    ngx_http_webhook_spool_walk_t *walk = data;

    if (key->len != 8 || value->len != NGX_HTTP_WEBHOOK_SPOOL_ARRIVAL) {
        return ngx_http_webhook_store_corrupted(walk->txn);
    }

    walk->event.seq = ngx_http_webhook_get64(key->data);
    walk->event.destination = ngx_http_webhook_get64(value->data
                                                 + NGX_HTTP_WEBHOOK_UUID_SIZE);

    ngx_memcpy(walk->event.id, value->data, NGX_HTTP_WEBHOOK_UUID_SIZE);

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

    rc = ngx_http_webhook_spool_get(txn, id, event);

    ngx_http_webhook_store_end(txn);

    return rc;
}


/*
 * Copies the head and the body of an event, which is found by event->id, into
 * "pool", or only its head, if "body" is NULL.  Returns NGX_OK, NGX_DECLINED if
 * the event is not there any more, or NGX_ERROR.
 */

ngx_int_t
ngx_http_webhook_spool_read(ngx_http_webhook_store_t *store,
    ngx_http_webhook_event_t *event, ngx_pool_t *pool, ngx_str_t *head,
    ngx_str_t *body)
{
    u_char                          buf[8];
    size_t                          used;
    ngx_int_t                       rc;
    ngx_str_t                       from;
    ngx_http_webhook_spool_read_t   read;
    ngx_http_webhook_event_t        found;

    read.txn = ngx_http_webhook_store_begin(store);
    if (read.txn == NULL) {
        return NGX_ERROR;
    }

    used = 0;

    rc = ngx_http_webhook_spool_get(read.txn, event->id, &found);

    if (rc == NGX_OK) {
        rc = ngx_http_webhook_store_used(read.txn, &used);
    }

    if (rc == NGX_OK
        && (found.head > used || found.body > used
            || found.head + found.body > used))
    {
        rc = ngx_http_webhook_store_corrupted(read.txn);
    }

    if (rc != NGX_OK) {
        goto done;
    }

    read.number = found.number;
    read.skip = 0;
    read.left = (size_t) (found.head + (body ? found.body : 0));

    read.pos = ngx_palloc(pool, ngx_max(read.left, 1));
    if (read.pos == NULL) {
        rc = NGX_ERROR;
        goto done;
    }

    head->len = (size_t) found.head;
    head->data = read.pos;

    if (body) {
        body->len = (size_t) found.body;
        body->data = read.pos + head->len;
    }

    if (read.left) {
        ngx_http_webhook_spool_key(&from, buf, 1, found.number, 0, 0);

        rc = ngx_http_webhook_store_walk(read.txn, spool_contents, &from,
                                         ngx_http_webhook_spool_part, &read);

        if (rc == NGX_OK && read.left) {
            rc = ngx_http_webhook_store_corrupted(read.txn);
        }
    }

done:

    ngx_http_webhook_store_end(read.txn);

    return rc;
}


/* Copies a part of an event's contents, as far as it is wanted. */

static ngx_int_t
ngx_http_webhook_spool_part(void *data, ngx_str_t *key, ngx_str_t *value)
{
    ngx_http_webhook_spool_read_t *read = data;

    size_t  n;

    if (key->len != 16 || ngx_http_webhook_get64(key->data) != read->number) {
        return ngx_http_webhook_store_corrupted(read->txn);
    }

    if (value->len < read->skip) {
        return ngx_http_webhook_store_corrupted(read->txn);
    }

    n = ngx_min(value->len - read->skip, read->left);

    read->pos = ngx_cpymem(read->pos, value->data + read->skip, n);
    read->left -= n;
    read->skip = 0;

    return read->left ? NGX_OK : NGX_DONE;
}


/*
 * Reads "len" bytes of an event's body, from "offset" on, into "p": they must
 * be there.  Returns NGX_OK, NGX_DECLINED if the event is gone, or NGX_ERROR.
 */

ngx_int_t
ngx_http_webhook_spool_read_body(ngx_http_webhook_store_t *store,
    ngx_http_webhook_event_t *event, uint64_t offset, u_char *p, size_t len)
{
    u_char                          buf[16];
    ngx_int_t                       rc;
    ngx_str_t                       from;
    ngx_http_webhook_event_t        found;
    ngx_http_webhook_spool_read_t   read;

    read.txn = ngx_http_webhook_store_begin(store);
    if (read.txn == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_http_webhook_spool_get(read.txn, event->id, &found);

    if (rc == NGX_OK && found.number != event->number) {
        rc = NGX_DECLINED;
    }

    if (rc == NGX_OK) {
        offset += event->head;

        read.number = event->number;
        read.pos = p;
        read.left = len;
        read.skip = (size_t) (offset % NGX_HTTP_WEBHOOK_SPOOL_PART);

        ngx_http_webhook_spool_key(&from, buf, 2, event->number,
                                   offset / NGX_HTTP_WEBHOOK_SPOOL_PART, 0);

        rc = ngx_http_webhook_store_walk(read.txn, spool_contents, &from,
                                         ngx_http_webhook_spool_part, &read);

        if (rc == NGX_OK && read.left) {
            rc = ngx_http_webhook_store_corrupted(read.txn);
        }
    }

    ngx_http_webhook_store_end(read.txn);

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

    rc = ngx_http_webhook_store_walk(walk.txn, spool_died, &from,
                                     ngx_http_webhook_spool_dead_one, &walk);

    ngx_http_webhook_store_end(walk.txn);

    return rc;
}


/* Tells of an entry of a walk over "died". */

static ngx_int_t
ngx_http_webhook_spool_dead_one(void *data, ngx_str_t *key, ngx_str_t *value)
{
    ngx_http_webhook_spool_walk_t *walk = data;

    if (value->len != NGX_HTTP_WEBHOOK_UUID_SIZE
        || ngx_http_webhook_spool_get(walk->txn, value->data, &walk->event)
           != NGX_OK)
    {
        return ngx_http_webhook_store_corrupted(walk->txn);
    }

    return walk->handler(walk->data, &walk->event);
}


/* Takes the first event of a walk, and ends the walk. */

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

    rc = ngx_http_webhook_store_count(walk.txn, spool_arrivals, &st->waiting);

    if (rc == NGX_OK) {
        rc = ngx_http_webhook_store_count(walk.txn, spool_died, &st->dead);
    }

    if (rc == NGX_OK) {
        rc = ngx_http_webhook_store_used(walk.txn, &st->used);
    }

    if (rc == NGX_OK) {
        rc = ngx_http_webhook_store_walk(walk.txn, spool_arrivals, &from,
                                         ngx_http_webhook_spool_arrival, &walk);
    }

    if (rc == NGX_OK && oldest.seq) {
        rc = ngx_http_webhook_spool_get(walk.txn, oldest.id, &oldest);
        st->oldest = oldest.arrived;
        st->number = oldest.number;
    }

    ngx_http_webhook_store_end(walk.txn);

    if (rc == NGX_OK) {
        rc = ngx_http_webhook_store_file(store, &st->file);
    }

    return (rc == NGX_OK) ? NGX_OK : NGX_ERROR;
}
