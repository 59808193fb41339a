
/*
 * The reader of stored records: a state is written by LMDB alone, as the
 * module writes it or with anything in its tables, and filled into a zone, in
 * one go or with changes in between that another process has made.
 *
 * While a state is as the module writes it, a plain list of what should be
 * there is compared with what is found and listed.  If it is not, a fresh zone
 * must refuse what a plain reader of the tables refuses, and take the rest.
 *
 * Input: operations, see fuzz_operation().
 */


#include "tables.h"


#define FUZZ_WEBHOOKS  32
#define FUZZ_APPS      3
#define FUZZ_HEAD      40             /* of a record, before its texts */

/* small: some states do not fit, others just so */
#define FUZZ_ZONE      (12 * 4096)

/* of the zone, for a webhook and perhaps an app, beside the texts */
#define FUZZ_NODE      512


enum {
    fuzz_records = 0,
    fuzz_index,
    fuzz_deleted,
    fuzz_meta,
    fuzz_tables
};


/* what should be known of a webhook */

typedef struct {
    ngx_uint_t             exists;
    uint64_t               seq;
    size_t                 len;
    u_char                 record[FUZZ_HEAD + 65536];
} plain_webhook_t;


static plain_webhook_t     plain_webhooks[FUZZ_WEBHOOKS];
static uint64_t            plain_seq;
static ngx_uint_t          plain_odd;      /* not as the module writes it */
static ngx_uint_t          plain_full;     /* may be too much for the zone */
static size_t              plain_used;     /* by what is odd */


/* some have the first eight bytes, which are the key of a tree, in common */

static void
fuzz_uuid(ngx_uint_t n, u_char *uuid)
{
    ngx_memset(uuid, 0, NGX_HTTP_WEBHOOK_UUID_SIZE);

    uuid[0] = (u_char) ((n & 3) * 0x55);
    uuid[8] = (u_char) (n * 0x1d);
    uuid[15] = (u_char) n;
}


/* what ngx_http_webhook_lenra_record.c says of a record, in other words */

static ngx_uint_t
plain_record_valid(u_char *record, size_t len)
{
    uint32_t  has_user, action_len;

    if (len < FUZZ_HEAD) {
        return 0;
    }

    ngx_memcpy(&has_user, record + 32, 4);
    ngx_memcpy(&action_len, record + 36, 4);

    return has_user <= 1 && action_len > 0 && action_len <= len - FUZZ_HEAD;
}


/* may a fresh zone be filled from what is in the tables? */

static ngx_uint_t
plain_state_valid(void)
{
    int          table;
    u_char       first[8];
    MDB_val      key, value;
    MDB_txn     *txn;
    uint32_t     version;
    ngx_uint_t   valid;
    MDB_cursor  *cursor;

    fuzz_check(mdb_txn_begin(fuzz_env, NULL, MDB_RDONLY, &txn), "reading");

    valid = 1;

    key.mv_data = "version";
    key.mv_size = 7;

    if (mdb_get(txn, fuzz_dbi[fuzz_meta], &key, &value) == 0) {
        version = 0;
        ngx_memcpy(&version, value.mv_data, ngx_min(value.mv_size, 4));

        if (value.mv_size != 4 || version > 1) {
            valid = 0;
        }

        key.mv_data = "use";
        key.mv_size = 3;

        if (mdb_get(txn, fuzz_dbi[fuzz_meta], &key, &value) == 0
            && value.mv_size
            && (value.mv_size != 4 || memcmp(value.mv_data, "zone", 4) != 0))
        {
            valid = 0;
        }
    }

    key.mv_data = "seq";
    key.mv_size = 3;

    if (mdb_get(txn, fuzz_dbi[fuzz_meta], &key, &value) == 0
        && value.mv_size != 8)
    {
        valid = 0;
    }

    for (table = fuzz_records; table <= fuzz_deleted; table++) {

        if (table == fuzz_index) {
            continue;
        }

        fuzz_check(mdb_cursor_open(txn, fuzz_dbi[table], &cursor), "a cursor");

        /* the first number is 1 */

        fuzz_number(first, 1);
        key.mv_data = first;
        key.mv_size = 8;

        while (mdb_cursor_get(cursor, &key, &value,
                              key.mv_data == first ? MDB_SET_RANGE : MDB_NEXT)
               == 0)
        {
            if (key.mv_size != 8 || value.mv_size < 16) {
                valid = 0;
                break;
            }

            if (table != fuzz_deleted
                && !plain_record_valid((u_char *) value.mv_data + 16,
                                       value.mv_size - 16))
            {
                valid = 0;
                break;
            }
        }

        mdb_cursor_close(cursor);
    }

    mdb_txn_abort(txn);

    return valid;
}


static void
fuzz_create(ngx_uint_t n, u_char *record, size_t len)
{
    u_char            number[8], value[sizeof(plain_webhooks[0].record) + 16];
    plain_webhook_t  *w;

    w = &plain_webhooks[n];

    if (w->exists) {
        fuzz_number(number, w->seq);
        fuzz_remove(fuzz_records, number, 8);
    }

    w->exists = 1;
    w->seq = ++plain_seq;
    w->len = len;
    ngx_memcpy(w->record, record, len);

    fuzz_number(number, w->seq);
    fuzz_uuid(n, value);
    ngx_memcpy(value + 16, record, len);

    fuzz_put(fuzz_records, number, 8, value, 16 + len);
    fuzz_put(fuzz_index, value, 16, number, 8);

    if (!plain_record_valid(record, len)) {
        plain_odd = 1;
    }
}


static void
fuzz_delete(ngx_uint_t n)
{
    u_char            number[8], value[24];
    plain_webhook_t  *w;

    w = &plain_webhooks[n];

    if (!w->exists) {
        return;
    }

    w->exists = 0;

    fuzz_uuid(n, value);
    fuzz_number(number, w->seq);
    fuzz_remove(fuzz_records, number, 8);
    fuzz_remove(fuzz_index, value, 16);

    fuzz_number(number, ++plain_seq);
    fuzz_number(value + 16, 1700000000);
    fuzz_put(fuzz_deleted, number, 8, value, 24);
}


/* returns 0 where the input wants what was written to be read */

static ngx_uint_t
fuzz_operation(void)
{
    u_char      head[FUZZ_HEAD + 65536], *p;
    uint8_t     op;
    uint32_t    n32;
    ngx_str_t   text, key;
    ngx_uint_t  n, times;

    op = fuzz_byte();

    switch (op & 7) {

    default: /* a creation or a replacement, perhaps with much text */
        n = fuzz_byte() % FUZZ_WEBHOOKS;

        fuzz_uuid(100 + fuzz_byte() % FUZZ_APPS, head);
        ngx_memset(head + 16, fuzz_byte(), 16);

        n32 = fuzz_byte() & 1;
        ngx_memcpy(head + 32, &n32, 4);

        fuzz_bytes(&text, 1000);
        if (text.len == 0) {
            ngx_str_set(&text, "\"a\"");
        }

        times = 1 + fuzz_byte() % 8;
        p = head + FUZZ_HEAD;

        while (times--) {
            p = ngx_cpymem(p, text.data, text.len);
        }

        n32 = p - (head + FUZZ_HEAD);
        ngx_memcpy(head + 36, &n32, 4);

        fuzz_bytes(&text, 1000);
        times = fuzz_byte() % 8;

        while (times--) {
            p = ngx_cpymem(p, text.data, text.len);
        }

        fuzz_create(n, head, p - head);
        return 1;

    case 3:
        fuzz_delete(fuzz_byte() % FUZZ_WEBHOOKS);
        return 1;

    case 4: /* a creation with any record, or one a little too long or short */
        n = fuzz_byte() % FUZZ_WEBHOOKS;
        fuzz_bytes(&text, 1000);
        ngx_memcpy(head, text.data, text.len);

        if (op & 8 && text.len >= FUZZ_HEAD) {
            n32 = text.len - FUZZ_HEAD + (op >> 4 & 3) - 1;
            ngx_memcpy(head + 36, &n32, 4);

            if (op & 0x80) {
                n32 = op >> 6 & 1;
                ngx_memcpy(head + 32, &n32, 4);
            }
        }

        fuzz_create(n, head, text.len);
        return 1;

    case 5:
        return 0;

    case 6: /* anything */
        plain_odd = 1;
        n = fuzz_byte() % fuzz_tables;
        fuzz_bytes(&key, 600);

        if (n == fuzz_meta) {
            ngx_str_set(&key, "version");
            if (fuzz_byte() & 1) {
                ngx_str_set(&key, "seq");
            }
        }

        fuzz_bytes(&text, 1000);
        fuzz_put(n, key.data, key.len, text.data, text.len);
        plain_used += FUZZ_NODE + 2 * text.len;
        return 1;

    case 7: /* something is missing */
        plain_odd = 1;
        n = fuzz_byte() % FUZZ_WEBHOOKS;
        fuzz_uuid(n, head);
        fuzz_number(head + 16, plain_webhooks[n].seq);

        if (fuzz_byte() & 1) {
            fuzz_remove(fuzz_records, head + 16, 8);

        } else {
            fuzz_remove(fuzz_index, head, 16);
        }

        return 1;
    }
}


/* does a registration say what is stored? */

static void
fuzz_compare(ngx_http_webhook_registration_t *registration, u_char *stored,
    size_t len)
{
    uint32_t                          has_user, action_len;
    ngx_http_webhook_identity_t      *identity;
    ngx_http_webhook_lenra_record_t   record;

    ngx_memcpy(&has_user, stored + 32, 4);
    ngx_memcpy(&action_len, stored + 36, 4);

    if (ngx_http_webhook_lenra_decode(registration, &record) != NGX_OK) {
        fuzz_fail("a registration can't be read");
    }

    identity = &record.identity;

    if (ngx_memcmp(record.uuid, registration->uuid, 16) != 0
        || ngx_memcmp(identity->app, stored, 16) != 0
        || ngx_memcmp(&identity->environment, stored + 16, 8) != 0
        || ngx_memcmp(&identity->user, stored + 24, 8) != 0
        || identity->has_user != has_user
        || record.action.len != action_len
        || record.props.len != len - FUZZ_HEAD - action_len
        || ngx_memcmp(record.action.data, stored + FUZZ_HEAD, action_len) != 0
        || ngx_memcmp(record.props.data, stored + FUZZ_HEAD + action_len,
                      record.props.len)
           != 0)
    {
        fuzz_fail("a registration is not what was stored");
    }
}


static void
fuzz_read(ngx_shm_zone_t *zone)
{
    u_char                            uuid[NGX_HTTP_WEBHOOK_UUID_SIZE];
    uint64_t                          seq;
    ngx_int_t                         rc;
    ngx_uint_t                        i, n, expected, found;
    ngx_pool_t                       *pool;
    plain_webhook_t                  *w;
    ngx_http_webhook_registration_t   registration;

    pool = ngx_create_pool(NGX_DEFAULT_POOL_SIZE, fuzz_cycle.log);

    for (n = 0; n < FUZZ_WEBHOOKS; n++) {
        w = &plain_webhooks[n];

        fuzz_uuid(n, uuid);

        rc = ngx_http_webhook_registry_find(zone, uuid, pool, &registration);

        if (plain_odd) {

            /* whatever it is, its text is there */

            if (rc == NGX_OK) {
                (void) ngx_crc32_long(registration.text.data,
                                      registration.text.len);
            }

            continue;
        }

        if (rc != (w->exists ? NGX_OK : NGX_DECLINED)) {
            fuzz_fail("webhook %lu: %ld", (unsigned long) n, (long) rc);
        }

        if (rc == NGX_OK) {
            fuzz_compare(&registration, w->record, w->len);
        }
    }

    for (i = 0; i < FUZZ_APPS; i++) {

        ngx_memzero(&registration, sizeof(registration));
        fuzz_uuid(100 + i, registration.owner);

        seq = 0;
        found = 0;
        expected = 0;

        for (n = 0; n < FUZZ_WEBHOOKS; n++) {
            w = &plain_webhooks[n];
            expected += (w->exists
                         && w->len >= FUZZ_HEAD
                         && ngx_memcmp(w->record, registration.owner, 16) == 0);
        }

        while (ngx_http_webhook_registry_next(zone, pool, &registration)
               == NGX_OK)
        {
            if (registration.seq <= seq) {
                fuzz_fail("a list goes backwards");
            }

            seq = registration.seq;
            n = registration.uuid[15];
            w = &plain_webhooks[n % FUZZ_WEBHOOKS];
            found++;

            if (plain_odd) {
                continue;
            }

            if (n >= FUZZ_WEBHOOKS || !w->exists || w->seq != seq) {
                fuzz_fail("a list has what is not there");
            }

            fuzz_compare(&registration, w->record, w->len);
        }

        if (!plain_odd && (plain_full ? found > expected : found != expected)) {
            fuzz_fail("a list has %lu of %lu", (unsigned long) found,
                      (unsigned long) expected);
        }
    }

    ngx_destroy_pool(pool);
}


int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static const char  *names[] = { "records", "index", "deleted", "meta" };

    fuzz_nginx();

    /* it says what is wrong with a state */
    fuzz_log_level = NGX_LOG_STDERR;

    fuzz_tables_open("record", names, fuzz_tables);

    return 0;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    u_char           number[8];
    size_t           used;
    ngx_uint_t       i, more;
    ngx_pool_t      *pool;
    ngx_shm_zone_t  *zone;

    static uint32_t  version = 1;

    if (size > 16384) {
        return 0;
    }

    fuzz_input(data, size);

    for (i = 0; i < FUZZ_WEBHOOKS; i++) {
        plain_webhooks[i].exists = 0;
        plain_webhooks[i].seq = 0;
    }

    plain_seq = 0;
    plain_odd = 0;
    plain_full = 0;
    plain_used = 0;

    zone = NULL;
    pool = ngx_create_pool(NGX_DEFAULT_POOL_SIZE, fuzz_cycle.log);

    do {
        fuzz_begin();

        if (zone == NULL) {
            fuzz_drop();
            fuzz_put(fuzz_meta, "version", 7, &version, 4);
        }

        do {
            more = fuzz_operation();
        } while (more && fuzz_more());

        if (!plain_odd) {
            fuzz_number(number, plain_seq);
            fuzz_put(fuzz_meta, "seq", 3, number, 8);
        }

        fuzz_commit();

        used = plain_used;

        for (i = 0; i < FUZZ_WEBHOOKS; i++) {
            if (plain_webhooks[i].exists) {
                used += FUZZ_NODE + 2 * plain_webhooks[i].len;
            }
        }

        if (used > FUZZ_ZONE / 4) {
            plain_full = 1;
        }

        if (zone == NULL) {
            zone = fuzz_zone(pool, FUZZ_ZONE, fuzz_path);

            if (!plain_full && plain_state_valid() != (zone != NULL)) {
                fuzz_fail("a state is %s", zone ? "taken" : "refused");
            }

            if (zone == NULL) {
                break;
            }
        }

        ngx_http_webhook_registry_open(zone, &fuzz_cycle);
        fuzz_read(zone);
        ngx_http_webhook_registry_close(zone);

        /* a store is not opened twice in a second */

        ((ngx_time_t *) ngx_cached_time)->sec++;

    } while (fuzz_more());

    if (zone) {
        fuzz_zone_done(zone);
    }

    ngx_destroy_pool(pool);

    return 0;
}
