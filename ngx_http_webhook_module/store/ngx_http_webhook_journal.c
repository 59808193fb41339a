
/*
 * What a zone keeps in its store: a numbered sequence of changes, creations and
 * deletions of records with a UUID.  A record that replaces another one of its
 * UUID is a creation that needs no deletion before it.  Four tables:
 *
 *     records  number of the creation -> UUID, record
 *     index    UUID -> number of the creation
 *     deleted  number of the deletion -> UUID, time
 *     meta     "seq", the last number
 *
 * A record that is deleted leaves "records" and "index".  Entries of "deleted"
 * are kept for days, so that another nginx on the same file, an old master's
 * during a binary upgrade, learns of them.  The order of the keys is the order
 * of the changes.
 */


#include "store/ngx_http_webhook_journal.h"


#define NGX_HTTP_WEBHOOK_JOURNAL_VERSION  1

/* how long deletions are kept, in seconds */
#define NGX_HTTP_WEBHOOK_JOURNAL_KEEP     (7 * 24 * 60 * 60)

/* a deletion is looked for among so many of the last changes */
#define NGX_HTTP_WEBHOOK_JOURNAL_RECENT   65536


enum {
    journal_meta = NGX_HTTP_WEBHOOK_STORE_META,
    journal_records,
    journal_index,
    journal_deleted
};


/* a walk over a table, and whom it tells */

typedef struct {
    ngx_http_webhook_txn_t            *txn;
    ngx_http_webhook_journal_walk_pt   handler;
    void                              *data;
    ngx_uint_t                         deleted;
} ngx_http_webhook_journal_walk_t;


/* a walk over the oldest deletions */

typedef struct {
    ngx_http_webhook_txn_t            *txn;
    uint64_t                           before;
    ngx_uint_t                         n;
    u_char                             numbers[2][8];
} ngx_http_webhook_journal_old_t;


static ngx_int_t ngx_http_webhook_journal_walk_entry(void *data,
    ngx_str_t *key, ngx_str_t *value);
static ngx_int_t ngx_http_webhook_journal_is_deletion(void *data,
    ngx_str_t *key, ngx_str_t *value);
static ngx_int_t ngx_http_webhook_journal_apply(
    ngx_http_webhook_change_t *change, ngx_http_webhook_txn_t *txn);
static ngx_int_t ngx_http_webhook_journal_create(ngx_http_webhook_txn_t *txn,
    ngx_http_webhook_entry_t *entry);
static ngx_int_t ngx_http_webhook_journal_replace(ngx_http_webhook_txn_t *txn,
    ngx_http_webhook_entry_t *entry, ngx_uint_t *grows);
static ngx_int_t ngx_http_webhook_journal_length(ngx_http_webhook_txn_t *txn,
    uint64_t seq, size_t *len);
static ngx_int_t ngx_http_webhook_journal_delete(ngx_http_webhook_txn_t *txn,
    ngx_http_webhook_entry_t *entry);
static ngx_int_t ngx_http_webhook_journal_number(ngx_http_webhook_txn_t *txn,
    u_char *uuid, uint64_t *seq);
static ngx_int_t ngx_http_webhook_journal_remove(ngx_http_webhook_txn_t *txn,
    u_char *uuid, uint64_t seq);
static ngx_int_t ngx_http_webhook_journal_forget(ngx_http_webhook_txn_t *txn);
static ngx_int_t ngx_http_webhook_journal_old(void *data, ngx_str_t *key,
    ngx_str_t *value);


static ngx_http_webhook_table_conf_t  ngx_http_webhook_journal_tables[] = {
    { ngx_string("meta"), 0, 0 },
    { ngx_string("records"), 0, 0 },
    { ngx_string("index"), 0, 0 },

    /* it must not take the room that deletions have made */
    { ngx_string("deleted"), 1, 0 },

    { ngx_null_string, 0, 0 }
};


/*
 * Completes the configuration of a store that is a zone's state: what it is
 * called in messages, the version of its layout and its tables.  Path, size and
 * owner are the caller's.
 */

void
ngx_http_webhook_journal_conf(ngx_http_webhook_store_conf_t *conf)
{
    conf->kind = "state";
    conf->use = "zone";
    conf->mark = journal_deleted;
    conf->version = NGX_HTTP_WEBHOOK_JOURNAL_VERSION;
    conf->tables = ngx_http_webhook_journal_tables;
}


/*
 * Tells "handler" of the changes after number *seq: the creations of what
 * still is there, in their order, then the deletions.  A UUID may have come
 * back after its deletion: of its changes, the one with the highest number is
 * the last one.  Sets *seq and *version to those of what was read.  Returns
 * NGX_OK or NGX_ERROR; then both are as they were.
 */

ngx_int_t
ngx_http_webhook_journal_walk(ngx_http_webhook_store_t *store, uint64_t *seq,
    ngx_uint_t *version, ngx_http_webhook_journal_walk_pt handler, void *data)
{
    u_char                            number[8];
    uint64_t                          last;
    ngx_int_t                         rc;
    ngx_str_t                         from;
    ngx_http_webhook_txn_t           *txn;
    ngx_http_webhook_journal_walk_t   walk;

    txn = ngx_http_webhook_store_begin(store);
    if (txn == NULL) {
        return NGX_ERROR;
    }

    from.len = ngx_http_webhook_put64(number, *seq + 1) - number;
    from.data = number;

    walk.txn = txn;
    walk.handler = handler;
    walk.data = data;
    walk.deleted = 0;

    rc = ngx_http_webhook_store_get_number(txn, "seq", &last);

    if (rc == NGX_OK) {
        rc = ngx_http_webhook_store_walk(txn, journal_records, &from,
                                     ngx_http_webhook_journal_walk_entry,
                                     &walk);
    }

    if (rc == NGX_OK) {
        walk.deleted = 1;
        rc = ngx_http_webhook_store_walk(txn, journal_deleted, &from,
                                     ngx_http_webhook_journal_walk_entry,
                                     &walk);
    }

    if (rc == NGX_OK) {
        *seq = last;
        *version = ngx_http_webhook_store_id(txn);
    }

    ngx_http_webhook_store_end(txn);

    return rc;
}


static ngx_int_t
ngx_http_webhook_journal_walk_entry(void *data, ngx_str_t *key,
    ngx_str_t *value)
{
    ngx_http_webhook_journal_walk_t *walk = data;

    ngx_str_t  record;

    if (key->len != 8 || value->len < NGX_HTTP_WEBHOOK_UUID_SIZE) {
        return ngx_http_webhook_store_corrupted(walk->txn);
    }

    record.len = value->len - NGX_HTTP_WEBHOOK_UUID_SIZE;
    record.data = value->data + NGX_HTTP_WEBHOOK_UUID_SIZE;

    return walk->handler(walk->data, ngx_http_webhook_get64(key->data),
                         value->data, walk->deleted ? NULL : &record);
}


/*
 * Looks a record up.  Returns NGX_OK with its number and a copy of it in
 * "pool", NGX_DECLINED if there is none, or NGX_ERROR.
 */

ngx_int_t
ngx_http_webhook_journal_find(ngx_http_webhook_store_t *store, u_char *uuid,
    ngx_pool_t *pool, uint64_t *seq, ngx_str_t *record)
{
    u_char                   number[8];
    ngx_int_t                rc;
    ngx_str_t                key, value;
    ngx_http_webhook_txn_t  *txn;

    txn = ngx_http_webhook_store_begin(store);
    if (txn == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_http_webhook_journal_number(txn, uuid, seq);

    if (rc == NGX_OK) {
        key.len = ngx_http_webhook_put64(number, *seq) - number;
        key.data = number;

        rc = ngx_http_webhook_store_get(txn, journal_records, &key, &value);

        if (rc == NGX_DECLINED
            || (rc == NGX_OK && value.len < NGX_HTTP_WEBHOOK_UUID_SIZE))
        {
            rc = ngx_http_webhook_store_corrupted(txn);
        }
    }

    if (rc == NGX_OK) {
        record->len = value.len - NGX_HTTP_WEBHOOK_UUID_SIZE;
        record->data = ngx_pnalloc(pool, ngx_max(record->len, 1));

        if (record->data == NULL) {
            rc = NGX_ERROR;

        } else {
            ngx_memcpy(record->data, value.data + NGX_HTTP_WEBHOOK_UUID_SIZE,
                       record->len);
        }
    }

    ngx_http_webhook_store_end(txn);

    return rc;
}


/*
 * Looks whether one of the last changes has deleted a record of "uuid".  The
 * search is bounded, since nothing finds a deletion by its UUID.  Returns
 * NGX_OK, NGX_DECLINED if no deletion is known, or NGX_ERROR.
 */

ngx_int_t
ngx_http_webhook_journal_find_deletion(ngx_http_webhook_store_t *store,
    u_char *uuid)
{
    u_char                   number[8];
    uint64_t                 last;
    ngx_int_t                rc;
    ngx_str_t                from;
    ngx_http_webhook_txn_t  *txn;

    txn = ngx_http_webhook_store_begin(store);
    if (txn == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_http_webhook_store_get_number(txn, "seq", &last);

    if (rc == NGX_OK) {

        last -= ngx_min(last, NGX_HTTP_WEBHOOK_JOURNAL_RECENT);

        from.len = ngx_http_webhook_put64(number, last) - number;
        from.data = number;

        rc = ngx_http_webhook_store_walk(txn, journal_deleted, &from,
                                         ngx_http_webhook_journal_is_deletion,
                                         &uuid);
    }

    ngx_http_webhook_store_end(txn);

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    return uuid ? NGX_DECLINED : NGX_OK;
}


/* Sets the UUID that is looked for to NULL when its deletion is found. */

static ngx_int_t
ngx_http_webhook_journal_is_deletion(void *data, ngx_str_t *key,
    ngx_str_t *value)
{
    u_char **uuid = data;

    if (value->len < NGX_HTTP_WEBHOOK_UUID_SIZE
        || ngx_memcmp(value->data, *uuid, NGX_HTTP_WEBHOOK_UUID_SIZE) != 0)
    {
        return NGX_OK;
    }

    *uuid = NULL;

    return NGX_DONE;
}


/*
 * Submits a change, see ngx_http_webhook_store_submit(): "entry" and what it
 * points to must stay as they are until entry->change.handler, which the caller
 * has set, is called.
 */

void
ngx_http_webhook_journal_submit(ngx_http_webhook_store_t *store,
    ngx_http_webhook_entry_t *entry)
{
    entry->change.apply = ngx_http_webhook_journal_apply;
    entry->change.size = (entry->type == NGX_HTTP_WEBHOOK_JOURNAL_DELETE)
                         ? 0 : entry->record.len;

    ngx_http_webhook_store_submit(store, &entry->change);
}


static ngx_int_t
ngx_http_webhook_journal_apply(ngx_http_webhook_change_t *change,
    ngx_http_webhook_txn_t *txn)
{
    uint64_t                   seq;
    ngx_int_t                  rc;
    ngx_http_webhook_entry_t  *entry;

    entry = ngx_queue_data(change, ngx_http_webhook_entry_t, change);

    if (ngx_http_webhook_store_get_number(txn, "seq", &seq) != NGX_OK) {
        return NGX_ERROR;
    }

    entry->seq = seq + 1;

    rc = (entry->type == NGX_HTTP_WEBHOOK_JOURNAL_DELETE)
         ? ngx_http_webhook_journal_delete(txn, entry)
         : ngx_http_webhook_journal_create(txn, entry);

    if (rc != NGX_OK) {
        return rc;
    }

    return ngx_http_webhook_store_put_number(txn, "seq", entry->seq);
}


static ngx_int_t
ngx_http_webhook_journal_create(ngx_http_webhook_txn_t *txn,
    ngx_http_webhook_entry_t *entry)
{
    u_char      number[8], *p;
    ngx_int_t   rc;
    ngx_str_t   key, value;
    ngx_uint_t  grows;

    grows = 1;

    if (entry->type == NGX_HTTP_WEBHOOK_JOURNAL_REPLACE) {

        rc = ngx_http_webhook_journal_replace(txn, entry, &grows);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    /* what does not grow fits, as a deletion does, be the store or disk full */

    if (grows
        && ngx_http_webhook_store_room(txn, entry->record.len) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (!grows) {
        entry->change.size = 0;
    }

    key.len = NGX_HTTP_WEBHOOK_UUID_SIZE;
    key.data = entry->uuid;

    value.len = ngx_http_webhook_put64(number, entry->seq) - number;
    value.data = number;

    rc = ngx_http_webhook_store_put(txn, journal_index, &key, &value,
                                    NGX_HTTP_WEBHOOK_STORE_NEW);
    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? ngx_http_webhook_store_corrupted(txn)
                                    : NGX_ERROR;
    }

    key.len = sizeof(number);
    key.data = number;

    value.len = NGX_HTTP_WEBHOOK_UUID_SIZE + entry->record.len;
    value.data = NULL;

    rc = ngx_http_webhook_store_put(txn, journal_records, &key, &value,
                                    NGX_HTTP_WEBHOOK_STORE_APPEND);
    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(value.data, entry->uuid, NGX_HTTP_WEBHOOK_UUID_SIZE);
    ngx_memcpy(p, entry->record.data, entry->record.len);

    return NGX_OK;
}


/*
 * Makes way for a new record, if the old one is what it should be, and says
 * whether the new one is longer.
 */

static ngx_int_t
ngx_http_webhook_journal_replace(ngx_http_webhook_txn_t *txn,
    ngx_http_webhook_entry_t *entry, ngx_uint_t *grows)
{
    size_t     len;
    uint64_t   seq;
    ngx_int_t  rc;

    len = 0;
    rc = ngx_http_webhook_journal_number(txn, entry->uuid, &seq);

    if (rc == NGX_DECLINED) {
        return entry->replaces ? NGX_DECLINED : NGX_OK;
    }

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    if (seq != entry->replaces) {
        return NGX_DECLINED;
    }

    if (ngx_http_webhook_journal_length(txn, seq, &len) != NGX_OK) {
        return NGX_ERROR;
    }

    *grows = (entry->record.len > len);

    return ngx_http_webhook_journal_remove(txn, entry->uuid, seq);
}


/* Sets "len" to the length of a record that there is. */

static ngx_int_t
ngx_http_webhook_journal_length(ngx_http_webhook_txn_t *txn, uint64_t seq,
    size_t *len)
{
    u_char     number[8];
    ngx_int_t  rc;
    ngx_str_t  key, value;

    key.len = ngx_http_webhook_put64(number, seq) - number;
    key.data = number;

    rc = ngx_http_webhook_store_get(txn, journal_records, &key, &value);

    if (rc == NGX_DECLINED
        || (rc == NGX_OK && value.len < NGX_HTTP_WEBHOOK_UUID_SIZE))
    {
        return ngx_http_webhook_store_corrupted(txn);
    }

    *len = value.len - NGX_HTTP_WEBHOOK_UUID_SIZE;

    return rc;
}


static ngx_int_t
ngx_http_webhook_journal_delete(ngx_http_webhook_txn_t *txn,
    ngx_http_webhook_entry_t *entry)
{
    u_char     gone[NGX_HTTP_WEBHOOK_UUID_SIZE + 8], number[8], *p;
    uint64_t   seq;
    ngx_int_t  rc;
    ngx_str_t  key, value;

    rc = ngx_http_webhook_journal_number(txn, entry->uuid, &seq);
    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_http_webhook_journal_remove(txn, entry->uuid, seq) != NGX_OK
        || ngx_http_webhook_journal_forget(txn) != NGX_OK)
    {
        return NGX_ERROR;
    }

    key.len = ngx_http_webhook_put64(number, entry->seq) - number;
    key.data = number;

    p = ngx_cpymem(gone, entry->uuid, NGX_HTTP_WEBHOOK_UUID_SIZE);
    (void) ngx_http_webhook_put64(p, time(NULL));

    value.len = sizeof(gone);
    value.data = gone;

    return ngx_http_webhook_store_put(txn, journal_deleted, &key, &value,
                                      NGX_HTTP_WEBHOOK_STORE_APPEND);
}


/* Finds the number of a UUID's record; NGX_DECLINED if there is none. */

static ngx_int_t
ngx_http_webhook_journal_number(ngx_http_webhook_txn_t *txn, u_char *uuid,
    uint64_t *seq)
{
    ngx_int_t  rc;
    ngx_str_t  key, value;

    key.len = NGX_HTTP_WEBHOOK_UUID_SIZE;
    key.data = uuid;

    rc = ngx_http_webhook_store_get(txn, journal_index, &key, &value);
    if (rc != NGX_OK) {
        return rc;
    }

    if (value.len != 8) {
        return ngx_http_webhook_store_corrupted(txn);
    }

    *seq = ngx_http_webhook_get64(value.data);

    return NGX_OK;
}


/* Removes a record and its place in the index. */

static ngx_int_t
ngx_http_webhook_journal_remove(ngx_http_webhook_txn_t *txn, u_char *uuid,
    uint64_t seq)
{
    u_char     number[8];
    ngx_int_t  rc;
    ngx_str_t  key;

    key.len = NGX_HTTP_WEBHOOK_UUID_SIZE;
    key.data = uuid;

    if (ngx_http_webhook_store_delete(txn, journal_index, &key) != NGX_OK) {
        return NGX_ERROR;
    }

    key.len = ngx_http_webhook_put64(number, seq) - number;
    key.data = number;

    rc = ngx_http_webhook_store_delete(txn, journal_records, &key);

    return (rc == NGX_DECLINED) ? ngx_http_webhook_store_corrupted(txn) : rc;
}


/* Removes up to two old deletions for each one that comes. */

static ngx_int_t
ngx_http_webhook_journal_forget(ngx_http_webhook_txn_t *txn)
{
    ngx_str_t                       key, from;
    ngx_uint_t                      i;
    ngx_http_webhook_journal_old_t  old;

    old.txn = txn;
    old.before = time(NULL) - NGX_HTTP_WEBHOOK_JOURNAL_KEEP;
    old.n = 0;

    ngx_str_null(&from);

    if (ngx_http_webhook_store_walk(txn, journal_deleted, &from,
                                    ngx_http_webhook_journal_old, &old)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (i = 0; i < old.n; i++) {
        key.len = sizeof(old.numbers[i]);
        key.data = old.numbers[i];

        if (ngx_http_webhook_store_delete(txn, journal_deleted, &key)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_webhook_journal_old(void *data, ngx_str_t *key, ngx_str_t *value)
{
    ngx_http_webhook_journal_old_t *old = data;

    if (key->len != sizeof(old->numbers[0])
        || value->len != NGX_HTTP_WEBHOOK_UUID_SIZE + 8)
    {
        return ngx_http_webhook_store_corrupted(old->txn);
    }

    if (ngx_http_webhook_get64(value->data + NGX_HTTP_WEBHOOK_UUID_SIZE)
        >= old->before)
    {
        return NGX_DONE;
    }

    ngx_memcpy(old->numbers[old->n++], key->data, sizeof(old->numbers[0]));

    return old->n < 2 ? NGX_OK : NGX_DONE;
}
