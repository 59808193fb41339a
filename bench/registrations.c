
/*
 * Makes a state file with many registrations, in the layout of
 * ngx_http_webhook_journal.c and the records of
 * ngx_http_webhook_lenra_record.c.
 *
 *     registrations count app file
 *
 * All are of one app; each has the action "notify" and a small object as
 * properties.  Their UUIDs, which are the same each time, are printed, one a
 * line.
 */


#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lmdb.h>
#include <uuid/uuid.h>


#define BATCH  100000


typedef struct {
    unsigned char  app[16];
    int64_t        environment;
    int64_t        user;
    uint32_t       has_user;
    uint32_t       action_len;
} record_t;


static void
check(int rc, const char *what)
{
    if (rc != 0) {
        fprintf(stderr, "%s: %s\n", what, mdb_strerror(rc));
        exit(1);
    }
}


static void
put64(unsigned char *p, uint64_t n)
{
    int  i;

    for (i = 7; i >= 0; i--) {
        p[i] = (unsigned char) n;
        n >>= 8;
    }
}


/* splitmix64 */

static uint64_t
mix(uint64_t n)
{
    n *= 0x9e3779b97f4a7c15;
    n = (n ^ (n >> 30)) * 0xbf58476d1ce4e5b9;
    n = (n ^ (n >> 27)) * 0x94d049bb133111eb;

    return n ^ (n >> 31);
}


static void
put(MDB_txn *txn, MDB_dbi dbi, const void *k, size_t klen, const void *v,
    size_t vlen, unsigned flags)
{
    MDB_val  key, value;

    key.mv_size = klen;
    key.mv_data = (void *) k;
    value.mv_size = vlen;
    value.mv_data = (void *) v;

    check(mdb_put(txn, dbi, &key, &value, flags), "mdb_put()");
}


int
main(int argc, char *argv[])
{
    int             fd;
    char            text[37], props[128];
    size_t          len;
    MDB_env        *env;
    MDB_txn        *txn;
    MDB_dbi         records, index, deleted, meta;
    uint32_t        version = 1;
    uint64_t        n, count;
    record_t        head;
    struct stat     st;
    MDB_envinfo     info;
    unsigned char   app[16], number[8], uuid[16], value[512], *p;
    const char     *action = "\"notify\"";

    if (argc != 4 || uuid_parse(argv[2], app) != 0) {
        fprintf(stderr, "usage: registrations count app-uuid file\n");
        return 2;
    }

    count = strtoull(argv[1], NULL, 10);

    check(mdb_env_create(&env), "mdb_env_create()");
    check(mdb_env_set_maxdbs(env, 4), "mdb_env_set_maxdbs()");
    check(mdb_env_set_mapsize(env, (size_t) 1 << 34), "mdb_env_set_mapsize()");
    check(mdb_env_open(env, argv[3], MDB_NOSUBDIR|MDB_NOSYNC, 0600), argv[3]);

    check(mdb_txn_begin(env, NULL, 0, &txn), "mdb_txn_begin()");
    check(mdb_dbi_open(txn, "records", MDB_CREATE, &records), "records");
    check(mdb_dbi_open(txn, "index", MDB_CREATE, &index), "index");
    check(mdb_dbi_open(txn, "deleted", MDB_CREATE, &deleted), "deleted");
    check(mdb_dbi_open(txn, "meta", MDB_CREATE, &meta), "meta");

    put(txn, meta, "version", 7, &version, sizeof(version), 0);

    memset(&head, 0, sizeof(head));
    memcpy(head.app, app, sizeof(app));
    head.environment = 1;
    head.action_len = strlen(action);

    for (n = 1; n <= count; n++) {

        put64(uuid, mix(2 * n));
        put64(uuid + 8, mix(2 * n + 1));
        uuid[6] = (uuid[6] & 0x0f) | 0x40;
        uuid[8] = (uuid[8] & 0x3f) | 0x80;

        len = snprintf(props, sizeof(props),
                       "{\"list\":\"tasks\",\"number\":%llu}",
                       (unsigned long long) n);

        memcpy(value, uuid, 16);
        p = value + 16;
        memcpy(p, &head, sizeof(head));
        p += sizeof(head);
        memcpy(p, action, head.action_len);
        p += head.action_len;
        memcpy(p, props, len);
        p += len;

        put64(number, n);

        put(txn, index, uuid, 16, number, 8, MDB_NOOVERWRITE);
        put(txn, records, number, 8, value, p - value, MDB_APPEND);

        uuid_unparse_lower(uuid, text);
        puts(text);

        if (n % BATCH == 0) {
            check(mdb_txn_commit(txn), "mdb_txn_commit()");
            check(mdb_txn_begin(env, NULL, 0, &txn), "mdb_txn_begin()");
        }
    }

    put64(number, count);
    put(txn, meta, "seq", 3, number, 8, 0);

    check(mdb_txn_commit(txn), "mdb_txn_commit()");
    check(mdb_env_sync(env, 1), "mdb_env_sync()");

    /* the module takes a file that is shorter than its pages for truncated */

    check(mdb_env_info(env, &info), "mdb_env_info()");
    check(mdb_env_get_fd(env, &fd), "mdb_env_get_fd()");

    len = (info.me_last_pgno + 1) * (size_t) sysconf(_SC_PAGESIZE);

    if (fstat(fd, &st) == -1
        || ((size_t) st.st_size < len && ftruncate(fd, len) == -1))
    {
        perror(argv[3]);
        return 1;
    }

    mdb_env_close(env);

    return 0;
}
