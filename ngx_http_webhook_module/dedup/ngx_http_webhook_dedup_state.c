
/*
 * What a dedup zone keeps in its store, for the next start.  Two tables:
 *
 *     keys  number of the answer -> hash of the key, its end, the answer
 *     meta  "secret" of the hashes, "seq", the last number
 *
 * Answers are not held up: a tenth of a second after the first one that is not
 * written, one of the workers writes all of them, whoever has given them, in
 * one transaction.  If it is killed meanwhile, another one does, and if all
 * are, so many keys are not known afterwards.  The oldest records go when
 * their time is over, or when there are more than the zone has room for.
 */


#include "dedup/ngx_http_webhook_dedup_state.h"
#include "base/ngx_http_webhook_uuid.h"

#include <ngx_event.h>


#define NGX_HTTP_WEBHOOK_DEDUP_STATE_VERSION  1

/* Milliseconds until changed keys are written, and written after a failure */
#define NGX_HTTP_WEBHOOK_DEDUP_STATE_DELAY    100
#define NGX_HTTP_WEBHOOK_DEDUP_STATE_RETRY    5000

/* How many keys a transaction writes */
#define NGX_HTTP_WEBHOOK_DEDUP_STATE_BATCH    1024


enum {
    state_meta = NGX_HTTP_WEBHOOK_STORE_META,
    state_keys
};


/* a stored record, without the unused rest of the answer's id */

typedef struct {
    uint64_t                        hash[2];
    uint32_t                        expires;
    ngx_http_webhook_keys_answer_t  answer;
} ngx_http_webhook_dedup_stored_t;

#define NGX_HTTP_WEBHOOK_DEDUP_STORED_HEAD                                    \
    (offsetof(ngx_http_webhook_dedup_stored_t, answer)                        \
     + offsetof(ngx_http_webhook_keys_answer_t, id))


/* What a process needs to write the keys of a zone to its state file */

struct ngx_http_webhook_dedup_writer_s {
    ngx_http_webhook_store_conf_t   *conf;
    ngx_http_webhook_store_t        *store;      /* NULL: not opened yet */
    ngx_http_webhook_keys_t         *keys;
    ngx_shmtx_t                     *mutex;
    ngx_cycle_t                     *cycle;

    ngx_event_t                      event;
    ngx_connection_t                 dummy;      /* for the event's log */
    ngx_uint_t                       busy;

    ngx_http_webhook_change_t        change;
    time_t                           now;        /* of the change */
    ngx_uint_t                       max;        /* records to be kept */
    ngx_uint_t                       n;
    ngx_http_webhook_keys_record_t   records[
                                           NGX_HTTP_WEBHOOK_DEDUP_STATE_BATCH];

    /* the oldest ones, to be removed */
    ngx_http_webhook_txn_t          *txn;
    ngx_uint_t                       excess;
    ngx_uint_t                       nold;
    u_char                           old[
                                    2 * NGX_HTTP_WEBHOOK_DEDUP_STATE_BATCH][8];
};


/* The change that stores a new secret, and the secret */

typedef struct {
    ngx_http_webhook_change_t        change;
    u_char                          *secret;
} ngx_http_webhook_dedup_secret_t;


/* What is needed while the keys are loaded */

typedef struct {
    ngx_http_webhook_txn_t          *txn;
    ngx_http_webhook_keys_t         *keys;
    time_t                           now;
} ngx_http_webhook_dedup_load_t;


static ngx_int_t ngx_http_webhook_dedup_state_new_secret(
    ngx_http_webhook_change_t *change, ngx_http_webhook_txn_t *txn);
static ngx_int_t ngx_http_webhook_dedup_state_record(void *data, ngx_str_t *key,
    ngx_str_t *value);
static void ngx_http_webhook_dedup_writer_event(ngx_event_t *ev);
static ngx_uint_t ngx_http_webhook_dedup_writer_take(
    ngx_http_webhook_dedup_writer_t *writer, uint32_t pid);
static void ngx_http_webhook_dedup_writer_done(
    ngx_http_webhook_change_t *change);
static void ngx_http_webhook_dedup_writer_settle(
    ngx_http_webhook_dedup_writer_t *writer);
static ngx_int_t ngx_http_webhook_dedup_writer_apply(
    ngx_http_webhook_change_t *change, ngx_http_webhook_txn_t *txn);
static ngx_int_t ngx_http_webhook_dedup_writer_forget(
    ngx_http_webhook_dedup_writer_t *writer, ngx_http_webhook_txn_t *txn);
static ngx_int_t ngx_http_webhook_dedup_writer_old(void *data, ngx_str_t *key,
    ngx_str_t *value);
static ngx_int_t ngx_http_webhook_dedup_state_decode(ngx_str_t *value,
    ngx_http_webhook_keys_record_t *record);


static ngx_http_webhook_table_conf_t  ngx_http_webhook_dedup_state_tables[] = {
    { ngx_string("meta"), 0, 0 },
    { ngx_string("keys"), 0, 0 },
    { ngx_null_string, 0, 0 }
};

static ngx_str_t  ngx_http_webhook_dedup_state_secret_key =
    ngx_string("secret");


/*
 * Completes the configuration of a store that is a dedup zone's state; path,
 * size and owner are the caller's.
 */

void
ngx_http_webhook_dedup_state_conf(ngx_http_webhook_store_conf_t *conf)
{
    conf->kind = "state";
    conf->use = "dedup zone";
    conf->mark = state_keys;
    conf->version = NGX_HTTP_WEBHOOK_DEDUP_STATE_VERSION;
    conf->tables = ngx_http_webhook_dedup_state_tables;
}


/* Makes a secret of 16 bytes, of which 122 bits are random. */

void
ngx_http_webhook_dedup_state_random(u_char *secret)
{
    ngx_http_webhook_uuid_generate(secret);
}


/*
 * Sets "secret" to the one that the state's hashes are made with, and makes it
 * if there is none.  Returns NGX_OK or NGX_ERROR.
 */

ngx_int_t
ngx_http_webhook_dedup_state_secret(ngx_http_webhook_store_t *store,
    u_char *secret)
{
    ngx_int_t                         rc;
    ngx_str_t                         value;
    ngx_http_webhook_txn_t           *txn;
    ngx_http_webhook_dedup_secret_t   new;

    txn = ngx_http_webhook_store_begin(store);
    if (txn == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_http_webhook_store_get(txn, state_meta,
                                    &ngx_http_webhook_dedup_state_secret_key,
                                    &value);

    if (rc == NGX_OK && value.len != NGX_HTTP_WEBHOOK_KEYS_SECRET) {
        rc = ngx_http_webhook_store_corrupted(txn);
    }

    if (rc == NGX_OK) {
        ngx_memcpy(secret, value.data, NGX_HTTP_WEBHOOK_KEYS_SECRET);
    }

    ngx_http_webhook_store_end(txn);

    if (rc != NGX_DECLINED) {
        return rc;
    }

    ngx_memzero(&new, sizeof(ngx_http_webhook_dedup_secret_t));

    new.change.apply = ngx_http_webhook_dedup_state_new_secret;
    new.secret = secret;

    return ngx_http_webhook_store_write(store, &new.change);
}


static ngx_int_t
ngx_http_webhook_dedup_state_new_secret(ngx_http_webhook_change_t *change,
    ngx_http_webhook_txn_t *txn)
{
    ngx_str_t                         value;
    ngx_http_webhook_dedup_secret_t  *new;

    new = ngx_queue_data(change, ngx_http_webhook_dedup_secret_t, change);

    ngx_http_webhook_dedup_state_random(new->secret);

    value.len = NGX_HTTP_WEBHOOK_KEYS_SECRET;
    value.data = new->secret;

    return ngx_http_webhook_store_put(txn, state_meta,
                                      &ngx_http_webhook_dedup_state_secret_key,
                                      &value, 0);
}


/*
 * Fills an empty table with the keys of the state, in the master.  Returns
 * NGX_OK or NGX_ERROR.
 */

ngx_int_t
ngx_http_webhook_dedup_state_load(ngx_http_webhook_store_t *store,
    ngx_http_webhook_keys_t *keys)
{
    ngx_int_t                       rc;
    ngx_str_t                       from;
    ngx_http_webhook_dedup_load_t   load;

    load.keys = keys;
    load.now = ngx_time();

    load.txn = ngx_http_webhook_store_begin(store);
    if (load.txn == NULL) {
        return NGX_ERROR;
    }

    ngx_str_null(&from);

    rc = ngx_http_webhook_store_walk(load.txn, state_keys, &from,
                                     ngx_http_webhook_dedup_state_record,
                                     &load);

    ngx_http_webhook_store_end(load.txn);

    return rc;
}


static ngx_int_t
ngx_http_webhook_dedup_state_record(void *data, ngx_str_t *key,
    ngx_str_t *value)
{
    ngx_http_webhook_dedup_load_t *load = data;

    ngx_http_webhook_keys_record_t  record;

    if (key->len != 8
        || ngx_http_webhook_dedup_state_decode(value, &record) != NGX_OK)
    {
        return ngx_http_webhook_store_corrupted(load->txn);
    }

    if (record.expires > (uint64_t) load->now) {
        ngx_http_webhook_keys_load(load->keys, &record, load->now);
    }

    return NGX_OK;
}


/*
 * Makes the writer of a process that serves requests.  What "conf" points to
 * must outlive it.  Returns NULL if there is no memory.
 */

ngx_http_webhook_dedup_writer_t *
ngx_http_webhook_dedup_writer_create(ngx_http_webhook_store_conf_t *conf,
    ngx_http_webhook_keys_t *keys, ngx_shmtx_t *mutex, ngx_cycle_t *cycle)
{
    ngx_http_webhook_keys_stat_t      stat;
    ngx_http_webhook_dedup_writer_t  *writer;

    writer = ngx_calloc(sizeof(ngx_http_webhook_dedup_writer_t), cycle->log);
    if (writer == NULL) {
        return NULL;
    }

    ngx_http_webhook_keys_stat(keys, &stat);

    writer->conf = conf;
    writer->keys = keys;
    writer->mutex = mutex;
    writer->cycle = cycle;
    writer->max = stat.size;

    writer->store = ngx_http_webhook_store_open(conf, cycle, cycle->log);

    writer->dummy.fd = (ngx_socket_t) -1;
    writer->dummy.data = writer;

    writer->event.handler = ngx_http_webhook_dedup_writer_event;
    writer->event.data = &writer->dummy;
    writer->event.log = cycle->log;

    writer->change.apply = ngx_http_webhook_dedup_writer_apply;
    writer->change.handler = ngx_http_webhook_dedup_writer_done;

    /* what a killed worker has left */

    ngx_http_webhook_dedup_writer_wake(writer);

    return writer;
}


/* Tells the writer that there is, or may be, something to write. */

void
ngx_http_webhook_dedup_writer_wake(ngx_http_webhook_dedup_writer_t *writer)
{
    if (!writer->busy && !writer->event.timer_set) {
        ngx_add_timer(&writer->event, NGX_HTTP_WEBHOOK_DEDUP_STATE_DELAY);
    }
}


/* Writes what is left, when nothing else is under way any more. */

void
ngx_http_webhook_dedup_writer_close(ngx_http_webhook_dedup_writer_t *writer)
{
    if (writer->event.timer_set) {
        ngx_del_timer(&writer->event);
    }

    if (writer->store) {

        while (ngx_http_webhook_dedup_writer_take(writer, 0)) {

            (void) ngx_http_webhook_store_write(writer->store, &writer->change);

            ngx_http_webhook_dedup_writer_settle(writer);

            if (writer->change.rc != NGX_OK) {
                break;
            }
        }

        ngx_http_webhook_store_close(writer->store);
    }

    ngx_free(writer);
}


static void
ngx_http_webhook_dedup_writer_event(ngx_event_t *ev)
{
    ngx_connection_t                 *c;
    ngx_http_webhook_dedup_writer_t  *writer;

    c = ev->data;
    writer = c->data;

    if (writer->store == NULL) {

        /* an error is logged */

        writer->store = ngx_http_webhook_store_open(writer->conf, writer->cycle,
                                                    writer->cycle->log);
        if (writer->store == NULL) {

            if (!ngx_exiting) {
                ngx_add_timer(ev, NGX_HTTP_WEBHOOK_DEDUP_STATE_RETRY);
            }

            return;
        }
    }

    if (ngx_http_webhook_dedup_writer_take(writer, (uint32_t) ngx_pid)) {
        writer->busy = 1;
        ngx_http_webhook_store_submit(writer->store, &writer->change);
    }
}


/*
 * Prepares the change that writes the next keys.  Returns how many these are: 0
 * if there are none, or another process is writing.
 */

static ngx_uint_t
ngx_http_webhook_dedup_writer_take(ngx_http_webhook_dedup_writer_t *writer,
    uint32_t pid)
{
    ngx_shmtx_lock(writer->mutex);

    writer->n = ngx_http_webhook_keys_unwritten(writer->keys, pid,
                                           writer->records,
                                           NGX_HTTP_WEBHOOK_DEDUP_STATE_BATCH);

    ngx_shmtx_unlock(writer->mutex);

    writer->change.size = writer->n * sizeof(ngx_http_webhook_dedup_stored_t);
    writer->now = ngx_time();

    return writer->n;
}


static void
ngx_http_webhook_dedup_writer_done(ngx_http_webhook_change_t *change)
{
    ngx_http_webhook_dedup_writer_t  *writer;

    writer = ngx_queue_data(change, ngx_http_webhook_dedup_writer_t, change);

    writer->busy = 0;

    ngx_http_webhook_dedup_writer_settle(writer);

    /* the store has logged an error; who ends tries again, once */

    if (change->rc != NGX_OK) {

        if (!ngx_exiting) {
            ngx_add_timer(&writer->event, NGX_HTTP_WEBHOOK_DEDUP_STATE_RETRY);
        }

        return;
    }

    /* others may have come meanwhile, whose workers have seen one at it */

    ngx_http_webhook_dedup_writer_wake(writer);
}


static void
ngx_http_webhook_dedup_writer_settle(ngx_http_webhook_dedup_writer_t *writer)
{
    ngx_shmtx_lock(writer->mutex);

    ngx_http_webhook_keys_written(writer->keys,
                                  (writer->change.rc == NGX_OK)
                                  ? writer->records[writer->n - 1].number : 0);

    ngx_shmtx_unlock(writer->mutex);
}


/* Writes the keys: in a thread, or while nothing else goes on. */

static ngx_int_t
ngx_http_webhook_dedup_writer_apply(ngx_http_webhook_change_t *change,
    ngx_http_webhook_txn_t *txn)
{
    u_char                            number[8];
    uint64_t                          seq;
    ngx_str_t                         key, value;
    ngx_uint_t                        i;
    ngx_http_webhook_keys_record_t   *record;
    ngx_http_webhook_dedup_stored_t   stored;
    ngx_http_webhook_dedup_writer_t  *writer;

    writer = ngx_queue_data(change, ngx_http_webhook_dedup_writer_t, change);

    if (ngx_http_webhook_store_get_number(txn, "seq", &seq) != NGX_OK
        || ngx_http_webhook_dedup_writer_forget(writer, txn) != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (i = 0; i < writer->n; i++) {
        record = &writer->records[i];

        stored.hash[0] = record->hash[0];
        stored.hash[1] = record->hash[1];
        stored.expires = record->expires;
        stored.answer = record->answer;

        key.len = ngx_http_webhook_put64(number, ++seq) - number;
        key.data = number;

        value.len = NGX_HTTP_WEBHOOK_DEDUP_STORED_HEAD + record->answer.len;
        value.data = (u_char *) &stored;

        if (ngx_http_webhook_store_put(txn, state_keys, &key, &value,
                                       NGX_HTTP_WEBHOOK_STORE_APPEND)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return ngx_http_webhook_store_put_number(txn, "seq", seq);
}


/* Removes the oldest records, up to two for each one that comes. */

static ngx_int_t
ngx_http_webhook_dedup_writer_forget(ngx_http_webhook_dedup_writer_t *writer,
    ngx_http_webhook_txn_t *txn)
{
    ngx_str_t   from, key;
    ngx_uint_t  i, n;

    if (ngx_http_webhook_store_count(txn, state_keys, &n) != NGX_OK) {
        return NGX_ERROR;
    }

    n += writer->n;

    writer->txn = txn;
    writer->excess = (n > writer->max) ? n - writer->max : 0;
    writer->nold = 0;

    ngx_str_null(&from);

    if (ngx_http_webhook_store_walk(txn, state_keys, &from,
                                    ngx_http_webhook_dedup_writer_old, writer)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (i = 0; i < writer->nold; i++) {
        key.len = sizeof(writer->old[i]);
        key.data = writer->old[i];

        if (ngx_http_webhook_store_delete(txn, state_keys, &key) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_webhook_dedup_writer_old(void *data, ngx_str_t *key, ngx_str_t *value)
{
    ngx_http_webhook_dedup_writer_t *writer = data;

    ngx_http_webhook_keys_record_t  record;

    if (key->len != sizeof(writer->old[0])
        || ngx_http_webhook_dedup_state_decode(value, &record) != NGX_OK)
    {
        return ngx_http_webhook_store_corrupted(writer->txn);
    }

    if (writer->nold == 2 * writer->n
        || (writer->nold >= writer->excess
            && record.expires > (uint64_t) writer->now))
    {
        return NGX_DONE;
    }

    ngx_memcpy(writer->old[writer->nold++], key->data, sizeof(writer->old[0]));

    return NGX_OK;
}


/* Decodes a record.  Returns NGX_ERROR if no writer can have made it. */

static ngx_int_t
ngx_http_webhook_dedup_state_decode(ngx_str_t *value,
    ngx_http_webhook_keys_record_t *record)
{
    ngx_http_webhook_dedup_stored_t  stored;

    if (value->len < NGX_HTTP_WEBHOOK_DEDUP_STORED_HEAD
        || value->len > NGX_HTTP_WEBHOOK_DEDUP_STORED_HEAD
                        + NGX_HTTP_WEBHOOK_KEYS_ID)
    {
        return NGX_ERROR;
    }

    ngx_memzero(&stored, sizeof(ngx_http_webhook_dedup_stored_t));
    ngx_memcpy(&stored, value->data, value->len);

    if (value->len != NGX_HTTP_WEBHOOK_DEDUP_STORED_HEAD + stored.answer.len
        || stored.answer.status < 200
        || stored.answer.status > 299)
    {
        return NGX_ERROR;
    }

    record->hash[0] = stored.hash[0];
    record->hash[1] = stored.hash[1];
    record->number = 0;
    record->expires = stored.expires;
    record->answer = stored.answer;

    return NGX_OK;
}
