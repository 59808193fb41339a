
/*
 * Takes over a queue of the first layout.  That had four tables:
 *
 *     events   number -> event that waits
 *     dead     time of death, number -> event that could not be delivered
 *     index    id -> where the event is, and what has become of it
 *     waiting  destination, time it is due, number -> id
 *
 * An event was its id, its destination, the length of its head, its head and
 * its body, in one value.  The tables are emptied in transactions of a limited
 * size, and stay: workers of an older module, which a binary upgrade leaves
 * running, may still add to them.
 */


#include "store/ngx_http_webhook_spool_table.h"


/* id, destination, length of the head */
#define NGX_HTTP_WEBHOOK_FORMER_FIXED  (NGX_HTTP_WEBHOOK_UUID_SIZE + 8 + 8)

/* number, destination, arrived, time, state, attempts, status */
#define NGX_HTTP_WEBHOOK_FORMER_INDEX  (7 * 8)

/* how many events, or bytes of them, are taken over in one transaction */
#define NGX_HTTP_WEBHOOK_FORMER_COUNT  1000
#define NGX_HTTP_WEBHOOK_FORMER_BYTES  (16 * 1024 * 1024)


/* the first one of the events */

typedef struct {
    ngx_http_webhook_txn_t    *txn;
    ngx_http_webhook_event_t   event;
} ngx_http_webhook_former_t;


static ngx_int_t ngx_http_webhook_former_take(ngx_http_webhook_txn_t *txn,
    ngx_uint_t late);
static ngx_int_t ngx_http_webhook_former_first(void *data, ngx_str_t *key,
    ngx_str_t *value);
static ngx_int_t ngx_http_webhook_former_move(ngx_http_webhook_txn_t *txn,
    ngx_http_webhook_event_t *event, ngx_uint_t late);
static ngx_int_t ngx_http_webhook_former_write(ngx_http_webhook_txn_t *txn,
    ngx_http_webhook_event_t *event, ngx_str_t *value);


/*
 * Takes over a part of what there is, before the queue is used.  Returns
 * NGX_OK, NGX_DECLINED if nothing is left, or NGX_ERROR.
 */

ngx_int_t
ngx_http_webhook_spool_take(ngx_http_webhook_txn_t *txn)
{
    return ngx_http_webhook_former_take(txn, 0);
}


/*
 * The same while the queue is in use: what waits gets a new number, by which
 * who delivers learns of it.
 */

ngx_int_t
ngx_http_webhook_spool_take_late(ngx_http_webhook_txn_t *txn)
{
    return ngx_http_webhook_former_take(txn, 1);
}


/*
 * Returns 1 if there is something to be taken over by a change of type
 * NGX_HTTP_WEBHOOK_SPOOL_TAKE.
 */

ngx_uint_t
ngx_http_webhook_spool_left(ngx_http_webhook_store_t *store)
{
    ngx_uint_t               n;
    ngx_http_webhook_txn_t  *txn;

    txn = ngx_http_webhook_store_begin(store);
    if (txn == NULL) {
        return 0;
    }

    if (ngx_http_webhook_store_count(txn, spool_former_index, &n) != NGX_OK) {
        n = 0;
    }

    ngx_http_webhook_store_end(txn);

    return n != 0;
}


static ngx_int_t
ngx_http_webhook_former_take(ngx_http_webhook_txn_t *txn, ngx_uint_t late)
{
    uint64_t                   bytes;
    ngx_str_t                  from;
    ngx_uint_t                 left, n;
    ngx_http_webhook_former_t  former;

    ngx_str_null(&from);

    former.txn = txn;
    bytes = 0;

    for (n = 0;
         n < NGX_HTTP_WEBHOOK_FORMER_COUNT
         && bytes < NGX_HTTP_WEBHOOK_FORMER_BYTES;
         n++)
    {
        if (ngx_http_webhook_store_count(txn, spool_former_index, &left)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (left == 0) {
            break;
        }

        if (ngx_http_webhook_store_walk(txn, spool_former_index, &from,
                                        ngx_http_webhook_former_first,
                                        &former)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (ngx_http_webhook_former_move(txn, &former.event, late) != NGX_OK) {
            return NGX_ERROR;
        }

        bytes += former.event.head + former.event.body;
    }

    return n ? NGX_OK : NGX_DECLINED;
}


/* Takes the first entry of a walk over "index", and ends the walk. */

static ngx_int_t
ngx_http_webhook_former_first(void *data, ngx_str_t *key, ngx_str_t *value)
{
    ngx_http_webhook_former_t *former = data;

    u_char                    *p;
    ngx_http_webhook_event_t  *event;

    if (key->len != NGX_HTTP_WEBHOOK_UUID_SIZE
        || value->len != NGX_HTTP_WEBHOOK_FORMER_INDEX)
    {
        return ngx_http_webhook_store_corrupted(former->txn);
    }

    p = value->data;
    event = &former->event;

    ngx_memcpy(event->id, key->data, NGX_HTTP_WEBHOOK_UUID_SIZE);

    event->seq = ngx_http_webhook_get64(p);
    event->number = event->seq;
    event->destination = ngx_http_webhook_get64(p + 8);
    event->arrived = ngx_http_webhook_get64(p + 16);
    event->time = ngx_http_webhook_get64(p + 24);
    event->state = ngx_http_webhook_get64(p + 32);
    event->attempts = ngx_http_webhook_get64(p + 40);
    event->status = ngx_http_webhook_get64(p + 48);

    return NGX_DONE;
}


/* Moves one event, and sets event->head and event->body. */

static ngx_int_t
ngx_http_webhook_former_move(ngx_http_webhook_txn_t *txn,
    ngx_http_webhook_event_t *event, ngx_uint_t late)
{
    u_char      buf[24], due[24], *copy;
    ngx_int_t   rc;
    ngx_str_t   key, id, value, waiting;
    ngx_uint_t  dead, table;

    dead = (event->state == NGX_HTTP_WEBHOOK_DEAD);
    table = dead ? spool_former_dead : spool_former_events;

    if (dead) {
        ngx_http_webhook_spool_key(&key, buf, 2, event->time, event->seq, 0);

    } else {
        ngx_http_webhook_spool_key(&key, buf, 1, event->seq, 0, 0);
    }

    ngx_http_webhook_spool_key(&waiting, due, 3, event->destination,
                               event->time, event->seq);

    rc = ngx_http_webhook_store_get(txn, table, &key, &value);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? ngx_http_webhook_store_corrupted(txn)
                                    : NGX_ERROR;
    }

    /* what a value points to must not be read once something is written */

    copy = malloc(value.len);
    if (copy == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(copy, value.data, value.len);
    value.data = copy;

    id.len = NGX_HTTP_WEBHOOK_UUID_SIZE;
    id.data = event->id;

    if (ngx_http_webhook_spool_remove(txn, table, &key) != NGX_OK
        || ngx_http_webhook_spool_remove(txn, spool_former_index, &id)
           != NGX_OK
        || (!dead
            && ngx_http_webhook_spool_remove(txn, spool_former_waiting,
                                             &waiting)
               != NGX_OK))
    {
        rc = NGX_ERROR;
    }

    if (rc == NGX_OK && late && !dead) {

        rc = ngx_http_webhook_store_get_number(txn, "seq", &event->seq);
        event->seq++;

        if (rc == NGX_OK) {
            rc = ngx_http_webhook_store_put_number(txn, "seq", event->seq);
        }
    }

    if (rc == NGX_OK) {
        rc = ngx_http_webhook_former_write(txn, event, &value);
    }

    free(copy);

    return rc;
}


/* Writes an event out of a value of the first layout. */

static ngx_int_t
ngx_http_webhook_former_write(ngx_http_webhook_txn_t *txn,
    ngx_http_webhook_event_t *event, ngx_str_t *value)
{
    size_t                            len;
    ngx_http_webhook_spool_source_t   source;

    if (value->len < NGX_HTTP_WEBHOOK_FORMER_FIXED) {
        return ngx_http_webhook_store_corrupted(txn);
    }

    len = value->len - NGX_HTTP_WEBHOOK_FORMER_FIXED;

    event->head = ngx_http_webhook_get64(value->data
                                         + NGX_HTTP_WEBHOOK_UUID_SIZE + 8);

    if (event->head > len) {
        return ngx_http_webhook_store_corrupted(txn);
    }

    event->body = len - event->head;

    source.pos = value->data + NGX_HTTP_WEBHOOK_FORMER_FIXED;
    source.last = value->data + value->len;
    source.cl = NULL;
    source.offset = 0;

    if (ngx_http_webhook_spool_write(txn, event, &source, 0) != NGX_OK
        || ngx_http_webhook_spool_enter(txn, event, 0) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_webhook_spool_put(txn, event,
                                      NGX_HTTP_WEBHOOK_STORE_NEW);
}
