
/*
 * What the targets share that read a store: they write its tables with LMDB,
 * and the module opens what has been written.
 */


#include "tables.h"


#define FUZZ_TABLES  8


char                   fuzz_path[4096];
MDB_env               *fuzz_env;
MDB_dbi                fuzz_dbi[FUZZ_TABLES];

static MDB_txn        *fuzz_txn;
static ngx_uint_t      fuzz_ntables;

static const uint8_t  *fuzz_p;
static const uint8_t  *fuzz_last;


int __real_mdb_env_create(MDB_env **env);
int __real_mdb_env_set_maxdbs(MDB_env *env, MDB_dbi n);
int __real_mdb_env_set_mapsize(MDB_env *env, size_t size);
int __real_mdb_env_open(MDB_env *env, const char *path, unsigned int flags,
    mdb_mode_t mode);

int __wrap_mdb_env_create(MDB_env **env);
int __wrap_mdb_env_set_maxdbs(MDB_env *env, MDB_dbi n);
int __wrap_mdb_env_set_maxreaders(MDB_env *env, unsigned int n);
int __wrap_mdb_env_set_mapsize(MDB_env *env, size_t size);
int __wrap_mdb_env_open(MDB_env *env, const char *path, unsigned int flags,
    mdb_mode_t mode);
void __wrap_mdb_env_close(MDB_env *env);


void
fuzz_input(const uint8_t *data, size_t size)
{
    fuzz_p = data;
    fuzz_last = data + size;
}


ngx_uint_t
fuzz_more(void)
{
    return fuzz_p < fuzz_last;
}


uint8_t
fuzz_byte(void)
{
    return (fuzz_p < fuzz_last) ? *fuzz_p++ : 0;
}


/* at most "max" of the input's bytes; their number is its next one or two */

void
fuzz_bytes(ngx_str_t *text, size_t max)
{
    size_t  n;

    n = fuzz_byte();

    if (n >= 0xf0) {
        n = (n & 0xf) << 8 | fuzz_byte();
    }

    n = ngx_min(n, (size_t) (fuzz_last - fuzz_p));

    text->data = (u_char *) fuzz_p;
    text->len = ngx_min(n, max);

    fuzz_p += n;
}


void
fuzz_check(int rc, const char *what)
{
    if (rc != 0) {
        fuzz_fail("%s: %s", what, mdb_strerror(rc));
    }
}


/* called once */

void
fuzz_tables_open(const char *name, const char **tables, ngx_uint_t n)
{
    ngx_uint_t   i;
    const char  *dir;

    dir = getenv("FUZZ_TMP");

    if (snprintf(fuzz_path, sizeof(fuzz_path), "%s/%s-%d", dir ? dir : "/tmp",
                 name, (int) getpid())
        >= (int) sizeof(fuzz_path))
    {
        fuzz_fail("the path is too long");
    }

    fuzz_check(__real_mdb_env_create(&fuzz_env), "mdb_env_create()");

    /* the module looks for tables of an older layout, too */
    fuzz_check(__real_mdb_env_set_maxdbs(fuzz_env, n + 1), "maxdbs");

    fuzz_check(__real_mdb_env_set_mapsize(fuzz_env, (size_t) 1 << 26),
               "mapsize");
    fuzz_check(__real_mdb_env_open(fuzz_env, fuzz_path,
                                   MDB_NOSUBDIR|MDB_NOTLS|MDB_NOSYNC, 0600),
               "mdb_env_open()");

    fuzz_ntables = n;

    fuzz_begin();

    for (i = 0; i < n; i++) {
        fuzz_check(mdb_dbi_open(fuzz_txn, tables[i], MDB_CREATE, &fuzz_dbi[i]),
                   "mdb_dbi_open()");
    }

    fuzz_commit();
}


void
fuzz_begin(void)
{
    fuzz_check(mdb_txn_begin(fuzz_env, NULL, 0, &fuzz_txn), "mdb_txn_begin()");
}


/* all tables are empty */

void
fuzz_drop(void)
{
    ngx_uint_t  i;

    for (i = 0; i < fuzz_ntables; i++) {
        fuzz_check(mdb_drop(fuzz_txn, fuzz_dbi[i], 0), "mdb_drop()");
    }
}


void
fuzz_put(ngx_uint_t table, const void *key, size_t key_len, const void *value,
    size_t len)
{
    int      rc;
    MDB_val  k, v;

    k.mv_data = (void *) key;
    k.mv_size = key_len;
    v.mv_data = (void *) value;
    v.mv_size = len;

    rc = mdb_put(fuzz_txn, fuzz_dbi[table], &k, &v, 0);

    if (rc != MDB_BAD_VALSIZE) {
        fuzz_check(rc, "mdb_put()");
    }
}


void
fuzz_remove(ngx_uint_t table, const void *key, size_t key_len)
{
    int      rc;
    MDB_val  k;

    k.mv_data = (void *) key;
    k.mv_size = key_len;

    rc = mdb_del(fuzz_txn, fuzz_dbi[table], &k, NULL);

    if (rc != MDB_NOTFOUND && rc != MDB_BAD_VALSIZE) {
        fuzz_check(rc, "mdb_del()");
    }
}


/* the file holds all of its pages, as the module sees to it */

void
fuzz_commit(void)
{
    int          fd;
    off_t        size;
    MDB_stat     st;
    MDB_envinfo  info;

    fuzz_check(mdb_txn_commit(fuzz_txn), "mdb_txn_commit()");
    fuzz_check(mdb_env_info(fuzz_env, &info), "mdb_env_info()");
    fuzz_check(mdb_env_stat(fuzz_env, &st), "mdb_env_stat()");
    fuzz_check(mdb_env_get_fd(fuzz_env, &fd), "mdb_env_get_fd()");

    size = (off_t) (info.me_last_pgno + 1) * st.ms_psize;

    if (lseek(fd, 0, SEEK_END) < size && ftruncate(fd, size) != 0) {
        fuzz_fail("ftruncate()");
    }
}


/* eight bytes, the highest first */

u_char *
fuzz_number(u_char *p, uint64_t n)
{
    ngx_int_t  i;

    for (i = 7; i >= 0; i--) {
        p[i] = (u_char) n;
        n >>= 8;
    }

    return p + 8;
}


/*
 * To open a file costs LMDB some megabytes: it is done once, and these take the
 * place of what the module calls.
 */

int
__wrap_mdb_env_create(MDB_env **env)
{
    *env = fuzz_env;

    return 0;
}


int
__wrap_mdb_env_set_maxdbs(MDB_env *env, MDB_dbi n)
{
    return 0;
}


int
__wrap_mdb_env_set_maxreaders(MDB_env *env, unsigned int n)
{
    return 0;
}


int
__wrap_mdb_env_set_mapsize(MDB_env *env, size_t size)
{
    return 0;
}


int
__wrap_mdb_env_open(MDB_env *env, const char *path, unsigned int flags,
    mdb_mode_t mode)
{
    return 0;
}


void
__wrap_mdb_env_close(MDB_env *env)
{
    return;
}
