
/*
 * Keys in shared memory, in order of time: nginx's types only.
 *
 * An array of nodes and a hash table of indices.  A node is in one of two
 * lists: of claims, which are requests under way, or of answered events, the
 * oldest first.  Nothing is allocated, and each call takes a few steps,
 * however many keys there are: a claim removes up to two keys whose time has
 * come from the head of the list, or one whose time has not, if there is no
 * node left.
 *
 * A key is known by 128 bits of SipHash-2-4 with a secret: no sender can make
 * two keys that are taken for one, or many that are in one bucket.
 *
 * Answered keys can be kept elsewhere as well: who does so is told of those
 * that are not yet, in their order.  Numbers, of claims and then of answers,
 * are compared by their difference.
 *
 * All but ngx_http_webhook_keys_hash() are to be called with a mutex held.  A
 * process may be killed while it has it: "next" of both lists is right after
 * each single write, and all else is made anew from it by the one who comes
 * next.
 */


#include "dedup/ngx_http_webhook_keys.h"


/* the layout of what is kept in a zone, which may outlive this version */
#define NGX_HTTP_WEBHOOK_KEYS_LAYOUT    0x77686b01

#define NGX_HTTP_WEBHOOK_KEYS_MIN       16

#define NGX_HTTP_WEBHOOK_KEYS_NOWHERE   ((uint32_t) -1)

/*
 * Tells the compiler to write what stands before this first.  The processor
 * need not be told: of a process that is killed, all writes up to some place
 * in it are seen, and by then the mutex has changed hands.
 */
#define ngx_http_webhook_keys_order()   __asm__ volatile ("" ::: "memory")


/*
 * Indices of nodes: the first two are the heads of the lists, so that 0 can end
 * a chain.
 */

enum {
    keys_answered = 0,
    keys_claims,
    keys_first
};


typedef struct {
    uint64_t                        hash[2];
    uint32_t                        chain;      /* the next one of the bucket */
    uint32_t                        next;
    uint32_t                        prev;
    uint32_t                        number;     /* of the claim, or answer */
    uint32_t                        pid;        /* whose claim it is */
    uint32_t                        expires;
    ngx_http_webhook_keys_answer_t  answer;
} ngx_http_webhook_key_t;


struct ngx_http_webhook_keys_s {
    uint32_t                    layout;
    uint32_t                    inside;     /* a process is at work */
    uint64_t                    secret[2];
    uint64_t                    forgotten;
    uint32_t                    number;     /* the last one */
    uint32_t                    written;    /* answers up to it are */
    uint32_t                    unwritten;  /* the first node that is not, or
                                               the list's head */
    uint32_t                    writer;     /* the process that is at it */
    uint32_t                    count;
    uint32_t                    size;       /* of nodes, and of buckets */
    uint32_t                    top;        /* nodes from it on are unused */
    uint32_t                    free;       /* the first one that was used */
    uint32_t                   *buckets;
    ngx_http_webhook_key_t      nodes[1];
};


static void ngx_http_webhook_keys_answer(ngx_http_webhook_keys_t *keys,
    uint32_t i, uint32_t expires, ngx_http_webhook_keys_answer_t *answer);
static void ngx_http_webhook_keys_begin(ngx_http_webhook_keys_t *keys);
static void ngx_http_webhook_keys_end(ngx_http_webhook_keys_t *keys);
static void ngx_http_webhook_keys_mend(ngx_http_webhook_keys_t *keys);
static uint32_t ngx_http_webhook_keys_find(ngx_http_webhook_keys_t *keys,
    uint64_t *hash);
static uint32_t ngx_http_webhook_keys_new(ngx_http_webhook_keys_t *keys,
    ngx_http_webhook_keys_claim_t *claim, time_t now);
static void ngx_http_webhook_keys_drop(ngx_http_webhook_keys_t *keys,
    uint32_t i);
static uint32_t *ngx_http_webhook_keys_bucket(ngx_http_webhook_keys_t *keys,
    uint64_t *hash);
static void ngx_http_webhook_keys_insert(ngx_http_webhook_keys_t *keys,
    uint32_t list, uint32_t i);
static void ngx_http_webhook_keys_remove(ngx_http_webhook_keys_t *keys,
    uint32_t i);
static ngx_uint_t ngx_http_webhook_keys_expired(ngx_http_webhook_key_t *node,
    time_t now);
static ngx_uint_t ngx_http_webhook_keys_alive(uint32_t pid);
static uint64_t ngx_http_webhook_keys_word(u_char *p);


/*
 * Makes an empty table in the "size" bytes at "p", which are aligned as those
 * of malloc.  Returns NULL if they are too few.
 */

ngx_http_webhook_keys_t *
ngx_http_webhook_keys_create(void *p, size_t size, u_char *secret)
{
    size_t                    n;
    ngx_http_webhook_keys_t  *keys;

    n = keys_first * sizeof(ngx_http_webhook_key_t)
        + offsetof(ngx_http_webhook_keys_t, nodes);

    if (size < n) {
        return NULL;
    }

    n = (size - n) / (sizeof(ngx_http_webhook_key_t) + sizeof(uint32_t));

    if (n < NGX_HTTP_WEBHOOK_KEYS_MIN) {
        return NULL;
    }

    n = ngx_min(n, (uint32_t) -1 - keys_first - 1);

    keys = p;

    ngx_memzero(keys, sizeof(ngx_http_webhook_keys_t));

    keys->layout = NGX_HTTP_WEBHOOK_KEYS_LAYOUT;
    keys->secret[0] = ngx_http_webhook_keys_word(secret);
    keys->secret[1] = ngx_http_webhook_keys_word(secret + 8);
    keys->size = (uint32_t) n;
    keys->top = keys_first;
    keys->buckets = (uint32_t *) &keys->nodes[keys_first + n];

    ngx_memzero(keys->buckets, n * sizeof(uint32_t));

    keys->nodes[keys_answered].next = keys_answered;
    keys->nodes[keys_answered].prev = keys_answered;
    keys->nodes[keys_claims].next = keys_claims;
    keys->nodes[keys_claims].prev = keys_claims;

    return keys;
}


/* Returns 0 if another version of the module has made the table. */

ngx_uint_t
ngx_http_webhook_keys_valid(ngx_http_webhook_keys_t *keys)
{
    return keys->layout == NGX_HTTP_WEBHOOK_KEYS_LAYOUT;
}


/*
 * Sets claim->hash to the SipHash-2-4 of a key, of 128 bits, by Aumasson and
 * Bernstein.
 */

void
ngx_http_webhook_keys_hash(ngx_http_webhook_keys_t *keys, ngx_str_t *key,
    ngx_http_webhook_keys_claim_t *claim)
{
    size_t     rest;
    u_char    *p, tail[8];
    uint64_t   m, v0, v1, v2, v3;

#define rotate(x, n)  ((x) << (n) | (x) >> (64 - (n)))

#define round                                                                 \
    v0 += v1; v1 = rotate(v1, 13); v1 ^= v0; v0 = rotate(v0, 32);             \
    v2 += v3; v3 = rotate(v3, 16); v3 ^= v2;                                  \
    v0 += v3; v3 = rotate(v3, 21); v3 ^= v0;                                  \
    v2 += v1; v1 = rotate(v1, 17); v1 ^= v2; v2 = rotate(v2, 32);

    v0 = keys->secret[0] ^ 0x736f6d6570736575ULL;
    v1 = keys->secret[1] ^ 0x646f72616e646f6dULL ^ 0xee;
    v2 = keys->secret[0] ^ 0x6c7967656e657261ULL;
    v3 = keys->secret[1] ^ 0x7465646279746573ULL;

    p = key->data;

    for (rest = key->len; rest >= 8; rest -= 8) {
        m = ngx_http_webhook_keys_word(p);
        p += 8;

        v3 ^= m;
        round round
        v0 ^= m;
    }

    /* the last word: what is left, and the length */

    ngx_memzero(tail, sizeof(tail));

    if (rest) {
        ngx_memcpy(tail, p, rest);
    }

    tail[7] = (u_char) key->len;
    m = ngx_http_webhook_keys_word(tail);

    v3 ^= m;
    round round
    v0 ^= m;

    v2 ^= 0xee;
    round round round round
    claim->hash[0] = v0 ^ v1 ^ v2 ^ v3;

    v1 ^= 0xdd;
    round round round round
    claim->hash[1] = v0 ^ v1 ^ v2 ^ v3;

#undef round
#undef rotate
}


/*
 * Claims a key for claim->pid.  Returns
 *
 *     NGX_OK        claimed; it is to be confirmed or released,
 *     NGX_DECLINED  an event with it has been answered, as in "answer",
 *     NGX_BUSY      another process or request has claimed it.
 */

ngx_int_t
ngx_http_webhook_keys_claim(ngx_http_webhook_keys_t *keys,
    ngx_http_webhook_keys_claim_t *claim, time_t now,
    ngx_http_webhook_keys_answer_t *answer)
{
    uint32_t                 i;
    ngx_int_t                rc;
    ngx_uint_t               n;
    ngx_http_webhook_key_t  *node;

    ngx_http_webhook_keys_begin(keys);

    /* one more than a claim adds, so that they go if there are no new ones */

    for (n = 0; n < 2; n++) {
        i = keys->nodes[keys_answered].next;

        if (i == keys_answered
            || !ngx_http_webhook_keys_expired(&keys->nodes[i], now))
        {
            break;
        }

        ngx_http_webhook_keys_drop(keys, i);
    }

    /* the next claim may drop the oldest, which is not in a cache any more */

    node = &keys->nodes[keys->nodes[keys_answered].next];

    __builtin_prefetch(ngx_http_webhook_keys_bucket(keys, node->hash));
    __builtin_prefetch(&keys->nodes[node->next]);

    i = ngx_http_webhook_keys_find(keys, claim->hash);
    node = &keys->nodes[i];

    if (i == 0) {
        rc = NGX_OK;

    } else if (node->answer.status) {
        rc = ngx_http_webhook_keys_expired(node, now) ? NGX_OK : NGX_DECLINED;

    } else {
        rc = ngx_http_webhook_keys_alive(node->pid) ? NGX_BUSY : NGX_OK;
    }

    if (rc == NGX_OK) {

        if (i) {
            ngx_http_webhook_keys_drop(keys, i);
        }

        claim->number = ++keys->number;

        i = ngx_http_webhook_keys_new(keys, claim, now);
        ngx_http_webhook_keys_insert(keys, keys_claims, i);

    } else if (rc == NGX_DECLINED) {
        *answer = node->answer;
    }

    ngx_http_webhook_keys_end(keys);

    return rc;
}


/*
 * Says how the event with a claimed key was answered.  The claim may have been
 * forgotten meanwhile; returns NGX_DECLINED if another one has it now.  Gives
 * the claim another number.
 */

ngx_int_t
ngx_http_webhook_keys_confirm(ngx_http_webhook_keys_t *keys,
    ngx_http_webhook_keys_claim_t *claim, time_t now, time_t expires,
    ngx_http_webhook_keys_answer_t *answer)
{
    uint32_t  i;

    ngx_http_webhook_keys_begin(keys);

    i = ngx_http_webhook_keys_find(keys, claim->hash);

    if (i && (keys->nodes[i].number != claim->number
              || keys->nodes[i].answer.status))
    {
        ngx_http_webhook_keys_end(keys);
        return NGX_DECLINED;
    }

    if (i) {
        ngx_http_webhook_keys_remove(keys, i);

    } else {
        i = ngx_http_webhook_keys_new(keys, claim, now);
    }

    ngx_http_webhook_keys_answer(keys, i, (uint32_t) ngx_min((uint64_t) expires,
                                                             (uint32_t) -1),
                                 answer);

    claim->number = keys->number;

    ngx_http_webhook_keys_end(keys);

    return NGX_OK;
}


/* Puts a node that is in no list among the answered ones. */

static void
ngx_http_webhook_keys_answer(ngx_http_webhook_keys_t *keys, uint32_t i,
    uint32_t expires, ngx_http_webhook_keys_answer_t *answer)
{
    ngx_http_webhook_key_t  *node;

    node = &keys->nodes[i];

    node->number = ++keys->number;
    node->expires = expires;
    node->answer = *answer;

    ngx_http_webhook_keys_insert(keys, keys_answered, i);

    if (keys->unwritten == keys_answered) {
        keys->unwritten = i;
    }
}


/*
 * Gives a claimed key back, also if it has been confirmed.  Returns
 * NGX_DECLINED if it is not there, or another one has it now.
 */

ngx_int_t
ngx_http_webhook_keys_release(ngx_http_webhook_keys_t *keys,
    ngx_http_webhook_keys_claim_t *claim)
{
    uint32_t   i;
    ngx_int_t  rc;

    rc = NGX_DECLINED;

    ngx_http_webhook_keys_begin(keys);

    i = ngx_http_webhook_keys_find(keys, claim->hash);

    if (i && keys->nodes[i].number == claim->number) {
        ngx_http_webhook_keys_drop(keys, i);
        rc = NGX_OK;
    }

    ngx_http_webhook_keys_end(keys);

    return rc;
}


/* Gives back what "pid" has claimed, and what processes have that are gone. */

void
ngx_http_webhook_keys_void(ngx_http_webhook_keys_t *keys, uint32_t pid)
{
    uint32_t                 alive, i, next;
    ngx_http_webhook_key_t  *node;

    /* to be asked for each process, not for each of its keys */

    alive = 0;

    ngx_http_webhook_keys_begin(keys);

    for (i = keys->nodes[keys_claims].next; i != keys_claims; i = next) {
        node = &keys->nodes[i];
        next = node->next;

        if (node->pid != pid
            && (node->pid == alive || ngx_http_webhook_keys_alive(node->pid)))
        {
            alive = node->pid;
            continue;
        }

        ngx_http_webhook_keys_drop(keys, i);
    }

    ngx_http_webhook_keys_end(keys);
}


/*
 * Takes over what has been kept elsewhere, in its order.  Of two with the same
 * key the later one counts.
 */

void
ngx_http_webhook_keys_load(ngx_http_webhook_keys_t *keys,
    ngx_http_webhook_keys_record_t *record, time_t now)
{
    uint32_t                       i;
    uint64_t                       forgotten;
    ngx_http_webhook_keys_claim_t  claim;

    ngx_http_webhook_keys_begin(keys);

    i = ngx_http_webhook_keys_find(keys, record->hash);

    if (i) {
        ngx_http_webhook_keys_drop(keys, i);
    }

    ngx_memzero(&claim, sizeof(ngx_http_webhook_keys_claim_t));

    claim.hash[0] = record->hash[0];
    claim.hash[1] = record->hash[1];

    /* a zone may have become smaller: that is not counted */

    forgotten = keys->forgotten;

    i = ngx_http_webhook_keys_new(keys, &claim, now);
    ngx_http_webhook_keys_answer(keys, i, record->expires, &record->answer);

    keys->forgotten = forgotten;
    keys->written = keys->number;
    keys->unwritten = keys_answered;

    ngx_http_webhook_keys_end(keys);
}


/*
 * Copies the first of the answered keys that are not kept elsewhere yet, "max"
 * at most.  Returns how many, and 0 if a process other than "pid" is at it,
 * unless that is 0.
 */

ngx_uint_t
ngx_http_webhook_keys_unwritten(ngx_http_webhook_keys_t *keys, uint32_t pid,
    ngx_http_webhook_keys_record_t *records, ngx_uint_t max)
{
    uint32_t                 i;
    ngx_uint_t               n;
    ngx_http_webhook_key_t  *node;

    n = 0;

    ngx_http_webhook_keys_begin(keys);

    if (pid == 0
        || keys->writer == 0
        || keys->writer == pid
        || !ngx_http_webhook_keys_alive(keys->writer))
    {
        for (i = keys->unwritten;
             i != keys_answered && n < max;
             i = node->next)
        {
            node = &keys->nodes[i];

            records[n].hash[0] = node->hash[0];
            records[n].hash[1] = node->hash[1];
            records[n].number = node->number;
            records[n].expires = node->expires;
            records[n].answer = node->answer;
            n++;
        }

        keys->writer = n ? pid : 0;
    }

    ngx_http_webhook_keys_end(keys);

    return n;
}


/*
 * Says that the answered keys up to "number" are kept elsewhere now, or, with
 * 0, that keeping them has failed.
 */

void
ngx_http_webhook_keys_written(ngx_http_webhook_keys_t *keys, uint32_t number)
{
    uint32_t  i;

    ngx_http_webhook_keys_begin(keys);

    keys->writer = 0;

    if (number && (int32_t) (number - keys->written) > 0) {

        keys->written = number;

        for (i = keys->unwritten;
             i != keys_answered
             && (int32_t) (keys->nodes[i].number - number) <= 0;
             i = keys->nodes[i].next)
        {
            /* void */
        }

        keys->unwritten = i;
    }

    ngx_http_webhook_keys_end(keys);
}


/* Sets "stat" to what there is in the table. */

void
ngx_http_webhook_keys_stat(ngx_http_webhook_keys_t *keys,
    ngx_http_webhook_keys_stat_t *stat)
{
    stat->size = keys->size;
    stat->count = keys->count;
    stat->bytes = sizeof(ngx_http_webhook_key_t) + sizeof(uint32_t);
    stat->forgotten = keys->forgotten;
}


static void
ngx_http_webhook_keys_begin(ngx_http_webhook_keys_t *keys)
{
    if (keys->inside) {
        ngx_http_webhook_keys_mend(keys);
    }

    keys->inside = 1;

    ngx_http_webhook_keys_order();
}


static void
ngx_http_webhook_keys_end(ngx_http_webhook_keys_t *keys)
{
    ngx_http_webhook_keys_order();

    keys->inside = 0;
}


/* Makes all anew from the lists' "next", after a process has been killed. */

static void
ngx_http_webhook_keys_mend(ngx_http_webhook_keys_t *keys)
{
    uint32_t                 *bucket, i, list, prev;
    ngx_http_webhook_key_t   *node;

    for (i = 0; i < keys->size; i++) {
        keys->buckets[i] = 0;
    }

    for (i = keys_first; i < keys->top; i++) {
        keys->nodes[i].chain = NGX_HTTP_WEBHOOK_KEYS_NOWHERE;
    }

    keys->count = 0;
    keys->unwritten = keys_answered;

    for (list = keys_answered; list < keys_first; list++) {

        prev = list;

        for (i = keys->nodes[list].next; i != list; i = node->next) {
            node = &keys->nodes[i];

            node->prev = prev;
            prev = i;

            if (list == keys_claims) {
                node->answer.status = 0;

            } else if (keys->unwritten == keys_answered
                       && (int32_t) (node->number - keys->written) > 0)
            {
                keys->unwritten = i;
            }

            bucket = ngx_http_webhook_keys_bucket(keys, node->hash);

            node->chain = *bucket;
            *bucket = i;

            keys->count++;
        }

        keys->nodes[list].prev = prev;
    }

    keys->free = 0;

    for (i = keys_first; i < keys->top; i++) {
        node = &keys->nodes[i];

        if (node->chain == NGX_HTTP_WEBHOOK_KEYS_NOWHERE) {
            node->next = keys->free;
            keys->free = i;
        }
    }
}


/* Returns the index of a key's node, or 0. */

static uint32_t
ngx_http_webhook_keys_find(ngx_http_webhook_keys_t *keys, uint64_t *hash)
{
    uint32_t                 i;
    ngx_http_webhook_key_t  *node;

    for (i = *ngx_http_webhook_keys_bucket(keys, hash); i; i = node->chain) {
        node = &keys->nodes[i];

        if (node->hash[0] == hash[0] && node->hash[1] == hash[1]) {
            break;
        }
    }

    return i;
}


/*
 * Returns the index of a node for a key that is not there, in its bucket, and
 * in no list.  If there is none left, the oldest key is forgotten.
 */

static uint32_t
ngx_http_webhook_keys_new(ngx_http_webhook_keys_t *keys,
    ngx_http_webhook_keys_claim_t *claim, time_t now)
{
    uint32_t                 *bucket, i;
    ngx_http_webhook_key_t   *node;

    if (keys->free == 0 && keys->top == keys_first + keys->size) {

        i = keys->nodes[keys_answered].next;

        if (i == keys_answered) {
            i = keys->nodes[keys_claims].next;
        }

        if (keys->nodes[i].answer.status == 0
            || !ngx_http_webhook_keys_expired(&keys->nodes[i], now))
        {
            keys->forgotten++;
        }

        ngx_http_webhook_keys_drop(keys, i);
    }

    i = keys->free;

    if (i) {
        keys->free = keys->nodes[i].next;

    } else {
        i = keys->top++;
    }

    node = &keys->nodes[i];

    node->hash[0] = claim->hash[0];
    node->hash[1] = claim->hash[1];
    node->number = claim->number;
    node->pid = claim->pid;
    node->answer.status = 0;

    bucket = ngx_http_webhook_keys_bucket(keys, node->hash);

    node->chain = *bucket;
    *bucket = i;

    keys->count++;

    return i;
}


/* Takes a node out of its list and its bucket. */

static void
ngx_http_webhook_keys_drop(ngx_http_webhook_keys_t *keys, uint32_t i)
{
    uint32_t                *p;
    ngx_http_webhook_key_t  *node;

    node = &keys->nodes[i];

    if (keys->unwritten == i) {
        keys->unwritten = node->next;
    }

    ngx_http_webhook_keys_remove(keys, i);

    p = ngx_http_webhook_keys_bucket(keys, node->hash);

    while (*p != i) {
        p = &keys->nodes[*p].chain;
    }

    *p = node->chain;

    node->next = keys->free;
    keys->free = i;

    keys->count--;
}


static uint32_t *
ngx_http_webhook_keys_bucket(ngx_http_webhook_keys_t *keys, uint64_t *hash)
{
    return &keys->buckets[(hash[0] >> 32) * keys->size >> 32];
}


/* Puts a node at a list's end; one write makes it part of the list. */

static void
ngx_http_webhook_keys_insert(ngx_http_webhook_keys_t *keys, uint32_t list,
    uint32_t i)
{
    uint32_t  prev;

    prev = keys->nodes[list].prev;

    keys->nodes[i].next = list;
    keys->nodes[i].prev = prev;

    ngx_http_webhook_keys_order();

    keys->nodes[prev].next = i;
    keys->nodes[list].prev = i;
}


/* Takes a node out of its list: the first write does so. */

static void
ngx_http_webhook_keys_remove(ngx_http_webhook_keys_t *keys, uint32_t i)
{
    uint32_t  next, prev;

    next = keys->nodes[i].next;
    prev = keys->nodes[i].prev;

    keys->nodes[prev].next = next;

    ngx_http_webhook_keys_order();

    keys->nodes[next].prev = prev;
}


static ngx_uint_t
ngx_http_webhook_keys_expired(ngx_http_webhook_key_t *node, time_t now)
{
    return node->expires <= (uint64_t) now;
}


static ngx_uint_t
ngx_http_webhook_keys_alive(uint32_t pid)
{
    return kill((pid_t) pid, 0) == 0 || ngx_errno != NGX_ESRCH;
}


/* Returns the number of 8 bytes, the lowest first. */

static uint64_t
ngx_http_webhook_keys_word(u_char *p)
{
    return (uint64_t) p[0] | (uint64_t) p[1] << 8 | (uint64_t) p[2] << 16
           | (uint64_t) p[3] << 24 | (uint64_t) p[4] << 32
           | (uint64_t) p[5] << 40 | (uint64_t) p[6] << 48
           | (uint64_t) p[7] << 56;
}
