
/*
 * Keys in shared memory: their hash against OpenSSL's SipHash, random calls
 * against a plain model, and processes that are killed at work.  Speaks TAP.
 */


#include "dedup/ngx_http_webhook_keys.h"

#include <openssl/evp.h>
#include <openssl/params.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>


#define KEYS    40                         /* of the model */
#define ROOM    20
#define CALLS   2000000
#define KILLED  300


typedef struct {
    int       key;
    int       status;                      /* 0: claimed */
    uint32_t  number;
    time_t    expires;
} entry_t;


static u_char    secret[] = "0123456789abcdef";
static int       tests;
static uint64_t  state = 88172645463325252ULL;

/* the oldest first, those that are answered, then those that are claimed */
static entry_t   answered[KEYS], claimed[KEYS];
static int       nanswered, nclaimed;
static uint64_t  forgotten;


static uint64_t
next(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;

    return state;
}


static int
ok(int good, const char *name)
{
    printf("%sok %d - %s\n", good ? "" : "not ", ++tests, name);

    return !good;
}


/* a key of the model, or another one */

static void
name(ngx_http_webhook_keys_t *keys, uint64_t n,
    ngx_http_webhook_keys_claim_t *claim)
{
    char       buf[32];
    ngx_str_t  key;

    key.len = sprintf(buf, "key %llu", (unsigned long long) n);
    key.data = (u_char *) buf;

    memset(claim, 0, sizeof(ngx_http_webhook_keys_claim_t));
    ngx_http_webhook_keys_hash(keys, &key, claim);
    claim->pid = getpid();
}


static ngx_http_webhook_keys_answer_t
answer(int status, int key)
{
    ngx_http_webhook_keys_answer_t  a;

    memset(&a, 0, sizeof(a));

    a.status = status;
    a.len = sprintf((char *) a.id, "id %d", key);

    return a;
}


static int
hashes(void)
{
    int                            bad = 0;
    size_t                         i, len, size = 16, written;
    u_char                         data[1024], mac[16], p[8192];
    EVP_MAC                       *siphash;
    uint64_t                       word;
    ngx_str_t                      key;
    OSSL_PARAM                     params[2];
    EVP_MAC_CTX                   *ctx;
    ngx_http_webhook_keys_t       *keys;
    ngx_http_webhook_keys_claim_t  claim;

    keys = ngx_http_webhook_keys_create(p, sizeof(p), secret);

    siphash = EVP_MAC_fetch(NULL, "SIPHASH", NULL);
    params[0] = OSSL_PARAM_construct_size_t("size", &size);
    params[1] = OSSL_PARAM_construct_end();

    for (len = 0; len < sizeof(data); len++) {
        data[len] = (u_char) next();

        ctx = EVP_MAC_CTX_new(siphash);

        if (ctx == NULL
            || !EVP_MAC_init(ctx, secret, 16, params)
            || !EVP_MAC_update(ctx, data, len)
            || !EVP_MAC_final(ctx, mac, &written, sizeof(mac))
            || written != 16)
        {
            return ok(0, "OpenSSL has SipHash");
        }

        EVP_MAC_CTX_free(ctx);

        key.len = len;
        key.data = data;

        ngx_http_webhook_keys_hash(keys, &key, &claim);

        for (i = 0; i < 2; i++) {
            word = claim.hash[i];

            for (written = 0; written < 8; written++, word >>= 8) {
                bad |= mac[8 * i + written] != (u_char) word;
            }
        }
    }

    EVP_MAC_free(siphash);

    return ok(!bad, "hashes are OpenSSL's");
}


static entry_t *
in(entry_t *list, int n, int key)
{
    int  i;

    for (i = 0; i < n; i++) {
        if (list[i].key == key) {
            return &list[i];
        }
    }

    return NULL;
}


static void
take(entry_t *list, int *n, entry_t *e)
{
    int  i = e - list;

    memmove(e, e + 1, (*n - i - 1) * sizeof(entry_t));
    (*n)--;
}


static void
make_room(time_t now)
{
    if (nanswered + nclaimed < ROOM) {
        return;
    }

    if (nanswered) {
        forgotten += answered[0].expires > now;
        take(answered, &nanswered, &answered[0]);

    } else {
        forgotten++;
        take(claimed, &nclaimed, &claimed[0]);
    }
}


/* each call has the result that a list of structs gives */

static int
model(void)
{
    int                             i, key, n, ttl;
    void                           *p;
    time_t                          now = 1000000000;
    size_t                          size;
    entry_t                        *e;
    ngx_int_t                       expected, rc;
    ngx_http_webhook_keys_t        *keys;
    ngx_http_webhook_keys_claim_t   claim, held[KEYS];
    ngx_http_webhook_keys_answer_t  a;
    ngx_http_webhook_keys_stat_t    stat;

    /* the smallest one with that room */

    p = malloc(65536);
    keys = NULL;
    stat.size = 0;

    for (size = 0; stat.size < ROOM; size++) {
        keys = ngx_http_webhook_keys_create(p, size, secret);

        if (keys) {
            ngx_http_webhook_keys_stat(keys, &stat);
        }
    }

    free(p);
    size--;
    p = malloc(size);
    memset(p, 0xa5, size);

    keys = ngx_http_webhook_keys_create(p, size, secret);

    if (keys == NULL || !ngx_http_webhook_keys_valid(keys)) {
        return ok(0, "a table of its size");
    }

    memset(held, 0, sizeof(held));

    for (i = 0; i < CALLS; i++) {
        now += next() % 64 == 0;
        key = next() % KEYS;

        name(keys, key, &claim);

        switch (next() % 4) {

        case 0:
        case 1:
            rc = ngx_http_webhook_keys_claim(keys, &claim, now, &a);

            for (n = 0; n < 2; n++) {
                if (nanswered && answered[0].expires <= now) {
                    take(answered, &nanswered, &answered[0]);
                }
            }

            expected = NGX_OK;
            e = in(claimed, nclaimed, key);

            if (e) {
                expected = NGX_BUSY;
            }

            e = in(answered, nanswered, key);

            if (e && e->expires > now) {
                expected = NGX_DECLINED;

            } else if (e) {
                take(answered, &nanswered, e);
            }

            if (expected == NGX_OK) {
                make_room(now);

                e = &claimed[nclaimed++];
                e->key = key;
                e->number = claim.number;
                e->status = 0;

                held[key] = claim;
            }

            if (expected == NGX_DECLINED
                && (a.status != e->status
                    || a.len != sprintf((char *) claim.hash, "id %d", key)
                    || memcmp(a.id, claim.hash, a.len) != 0))
            {
                return ok(0, "an answer");
            }

            break;

        case 2:
            if (held[key].number == 0) {
                continue;
            }

            /* its claim may have been forgotten, and made again */

            ttl = next() % 32 ? 20 : 60;
            a = answer(200 + next() % 8, key);
            claim = held[key];

            rc = ngx_http_webhook_keys_confirm(keys, &claim, now, now + ttl,
                                               &a);
            n = held[key].number;
            held[key] = claim;

            expected = NGX_OK;
            e = in(claimed, nclaimed, key);

            if (in(answered, nanswered, key)
                || (e && e->number != (uint32_t) n))
            {
                expected = NGX_DECLINED;

            } else {

                if (e) {
                    take(claimed, &nclaimed, e);

                } else {
                    make_room(now);
                }

                e = &answered[nanswered++];
                e->key = key;
                e->number = claim.number;
                e->status = a.status;
                e->expires = now + ttl;
            }

            break;

        default:
            if (held[key].number == 0) {
                continue;
            }

            rc = ngx_http_webhook_keys_release(keys, &held[key]);

            expected = NGX_DECLINED;

            e = in(claimed, nclaimed, key);

            if (e && e->number == held[key].number) {
                take(claimed, &nclaimed, e);
                expected = NGX_OK;
            }

            e = in(answered, nanswered, key);

            if (e && e->number == held[key].number) {
                take(answered, &nanswered, e);
                expected = NGX_OK;
            }
        }

        ngx_http_webhook_keys_stat(keys, &stat);

        if (rc != expected
            || stat.count != (ngx_uint_t) (nanswered + nclaimed)
            || stat.forgotten != forgotten)
        {
            printf("# call %d: %d, not %d; %d keys, not %d; %d, not %d\n",
                   i, (int) rc, (int) expected, (int) stat.count,
                   nanswered + nclaimed, (int) stat.forgotten,
                   (int) forgotten);
            return ok(0, "the model's opinion");
        }
    }

    free(p);

    return ok(forgotten > 1000, "the model's opinion of random calls");
}


/*
 * What is kept elsewhere: each answered key once, in order, by one process at
 * a time; of what is loaded the newest.
 */

static int
kept(void)
{
    int                             bad = 0, i, n, round, total;
    u_char                          p[2][16384];
    time_t                          now = 1000000000;
    ngx_http_webhook_keys_t        *copy, *keys;
    ngx_http_webhook_keys_claim_t   claim;
    ngx_http_webhook_keys_answer_t  a;
    ngx_http_webhook_keys_record_t  records[64];
    ngx_http_webhook_keys_stat_t    stat;

    keys = ngx_http_webhook_keys_create(p[0], sizeof(p[0]), secret);
    copy = ngx_http_webhook_keys_create(p[1], 6000, secret);

    total = 0;

    for (round = 0; round < 1000; round++) {

        for (i = next() % 8; i; i--) {
            name(keys, total++, &claim);
            bad |= ngx_http_webhook_keys_claim(keys, &claim, now, &a)
                   != NGX_OK;

            a = answer(200, total - 1);
            bad |= ngx_http_webhook_keys_confirm(keys, &claim, now, now + 100,
                                                 &a)
                   != NGX_OK;
        }

        n = ngx_http_webhook_keys_unwritten(keys, getpid(), records,
                                            1 + next() % 64);

        if (n) {
            /* another one must wait */
            bad |= ngx_http_webhook_keys_unwritten(keys, getppid(), &records[n],
                                                   64 - n)
                   != 0;
        }

        if (n && round % 4 == 0) {
            ngx_http_webhook_keys_written(keys, 0);
            n = 0;
        }

        for (i = 0; i < n; i++) {
            ngx_http_webhook_keys_load(copy, &records[i], now);
        }

        if (n) {
            ngx_http_webhook_keys_written(keys, records[n - 1].number);
        }
    }

    do {
        n = ngx_http_webhook_keys_unwritten(keys, 0, records, 64);

        for (i = 0; i < n; i++) {
            ngx_http_webhook_keys_load(copy, &records[i], now);
        }

        if (n) {
            ngx_http_webhook_keys_written(keys, records[n - 1].number);
        }

    } while (n);

    ngx_http_webhook_keys_stat(copy, &stat);

    bad |= stat.count != stat.size || stat.forgotten != 0;
    bad |= ngx_http_webhook_keys_unwritten(copy, 0, records, 64) != 0;

    for (i = 0; i < total; i++) {
        name(copy, i, &claim);
        n = ngx_http_webhook_keys_claim(copy, &claim, now, &a);

        if (i < total - (int) stat.size) {
            bad |= n != NGX_OK
                   || ngx_http_webhook_keys_release(copy, &claim) != NGX_OK;

            /* it took the place of the oldest: only once */
            i = total - (int) stat.size;

        } else {
            bad |= n != NGX_DECLINED;
        }
    }

    return ok(!bad && total > 1000, "what is kept elsewhere");
}


/* the secret is another one: no key is the same */

static int
secrets(void)
{
    u_char                         p[2][8192];
    ngx_http_webhook_keys_claim_t  claim[2];

    name(ngx_http_webhook_keys_create(p[0], 8192, secret), 1, &claim[0]);
    name(ngx_http_webhook_keys_create(p[1], 8192, (u_char *) "another secret."),
         1, &claim[1]);

    return ok(claim[0].hash[0] != claim[1].hash[0]
              && claim[0].hash[1] != claim[1].hash[1],
              "a secret of its own for each table");
}


static void
at_work(ngx_http_webhook_keys_t *keys, uint64_t seed)
{
    time_t                          now = 1000000000;
    ngx_http_webhook_keys_claim_t   claim[16];
    ngx_http_webhook_keys_answer_t  a = answer(200, 0);

    int  i, n;

    state = seed | 1;

    for ( ;; ) {

        n = next() % 16;

        for (i = 0; i < n; i++) {
            name(keys, 1000000 + next() % 1000, &claim[i]);

            if (ngx_http_webhook_keys_claim(keys, &claim[i], now, &a)
                != NGX_OK)
            {
                claim[i].number = 0;
            }
        }

        for (i = 0; i < n; i++) {

            if (claim[i].number == 0) {
                continue;
            }

            if (next() % 2) {
                (void) ngx_http_webhook_keys_confirm(keys, &claim[i], now,
                                                     now + 100, &a);
            }

            if (next() % 4) {
                (void) ngx_http_webhook_keys_release(keys, &claim[i]);
            }
        }
    }
}


/*
 * Whenever a process is killed: the keys that it was not at work with are
 * there, what it had claimed can be claimed, and no node is lost.
 */

static int
killed(void)
{
    int                             bad = 0, i, k;
    pid_t                           pid;
    time_t                          now = 1000000000;
    ngx_http_webhook_keys_t        *keys;
    ngx_http_webhook_keys_claim_t   claim;
    ngx_http_webhook_keys_answer_t  a;
    ngx_http_webhook_keys_stat_t    stat;

    keys = mmap(NULL, 1 << 18, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANON, -1,
                0);

    if (keys == MAP_FAILED
        || ngx_http_webhook_keys_create(keys, 1 << 18, secret) == NULL)
    {
        return ok(0, "shared memory");
    }

    for (k = 0; k < 100; k++) {
        name(keys, k, &claim);
        a = answer(202, k);

        bad |= ngx_http_webhook_keys_claim(keys, &claim, now, &a) != NGX_OK;
        a = answer(202, k);
        bad |= ngx_http_webhook_keys_confirm(keys, &claim, now, now + 1000, &a)
               != NGX_OK;
    }

    for (i = 0; i < KILLED; i++) {

        pid = fork();

        if (pid == 0) {
            at_work(keys, (uint64_t) i << 32 | 1);
        }

        usleep(500 + next() % 3000);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);

        for (k = 0; k < 100; k++) {
            name(keys, k, &claim);
            bad |= ngx_http_webhook_keys_claim(keys, &claim, now, &a)
                   != NGX_DECLINED || a.status != 202;
        }

        if (bad) {
            return ok(0, "keys of others are there after a kill");
        }

        if (i % 2) {
            ngx_http_webhook_keys_void(keys, 1 << 30);
        }

        /* that time is over: none is left but those that it had claimed */

        if (i % 10 == 9) {

            ngx_http_webhook_keys_void(keys, 1 << 30);

            for (k = 0; k < 1000; k++) {
                name(keys, 1000000 + k, &claim);

                if (ngx_http_webhook_keys_claim(keys, &claim, now + 500, &a)
                    != NGX_OK
                    || ngx_http_webhook_keys_release(keys, &claim) != NGX_OK)
                {
                    return ok(0, "keys of the killed are free");
                }
            }

            ngx_http_webhook_keys_stat(keys, &stat);

            if (stat.count != 100) {
                printf("# %d keys\n", (int) stat.count);
                return ok(0, "only those that are answered are there");
            }
        }
    }

    /* all the room is there still */

    ngx_http_webhook_keys_stat(keys, &stat);

    for (k = 0; k < (int) stat.size - 100; k++) {
        name(keys, 2000000 + k, &claim);
        bad |= ngx_http_webhook_keys_claim(keys, &claim, now, &a) != NGX_OK;
    }

    ngx_http_webhook_keys_stat(keys, &stat);
    bad |= stat.forgotten != 0 || stat.count != stat.size;

    name(keys, 3000000, &claim);
    bad |= ngx_http_webhook_keys_claim(keys, &claim, now, &a) != NGX_OK;

    ngx_http_webhook_keys_stat(keys, &stat);
    bad |= stat.forgotten != 1 || stat.count != stat.size;

    return ok(!bad, "whenever a process is killed");
}


int
main(void)
{
    int  failed;

    setbuf(stdout, NULL);

    failed = hashes();
    failed += secrets();
    failed += model();
    failed += kept();
    failed += killed();

    printf("1..%d\n", tests);

    return failed != 0;
}
