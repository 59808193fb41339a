
/*
 * Registrations in shared memory: processes that are killed while they create,
 * replace and delete some, after which all that was linked can be saved, and
 * the memory be made anew; texts that are written over others in a zone that is
 * full; and lists of what is replaced meanwhile.  Speaks TAP.
 */


#include "registry/ngx_http_webhook_table.h"

#include "nginx.h"

#include <sys/mman.h>
#include <sys/wait.h>


#define SIZE    (1 << 20)
#define KILLED  400
#define KEPT    200         /* they are replaced, and never deleted */
#define OTHERS  400
#define TEXT    3000


typedef struct {
    ngx_http_webhook_table_t   table;
    uint64_t                   seq;
} zone_t;


static ngx_cycle_t       cycle;
static ngx_slab_pool_t  *shpool;
static zone_t           *zone;
static ngx_pool_t       *pool;
static u_char            text[TEXT];


void
ngx_debug_point(void)
{
}


/* makes the zone's memory anew, whatever is in it */

static void
make_zone(void)
{
    uint64_t  seq;

    seq = zone ? zone->seq : 0;

    ngx_slab_init(shpool);

    zone = ngx_slab_alloc_locked(shpool, sizeof(zone_t));

    if (zone == NULL) {
        printf("Bail out! there is no memory\n");
        exit(1);
    }

    ngx_memzero(&zone->table, sizeof(ngx_http_webhook_table_t));
    zone->seq = seq;

    if (ngx_http_webhook_table_init(&zone->table, shpool, SIZE) != NGX_OK) {
        printf("Bail out! there is no room\n");
        exit(1);
    }

    shpool->log_nomem = 0;
}


static void
name(ngx_http_webhook_registration_t *registration, ngx_uint_t n, size_t len)
{
    ngx_memzero(registration, sizeof(ngx_http_webhook_registration_t));

    ngx_memcpy(registration->uuid, &n, sizeof(n));
    registration->owner[0] = n % 7;
    registration->text.len = len;
    registration->text.data = text;
}


/* the text of a registration: each byte is one of its name */

static void
fill(ngx_uint_t n, size_t len)
{
    ngx_memset(text, 'a' + n % 26, len);
}


static void
at_work(void)
{
    ngx_uint_t                        n;
    ngx_http_webhook_table_node_t    *node;
    ngx_http_webhook_registration_t   registration;

    for ( ;; ) {
        n = next_random() % (KEPT + OTHERS);

        node = NULL;

        if (n >= KEPT) {
            name(&registration, n, 1);
            node = ngx_http_webhook_table_find(&zone->table, registration.uuid);
        }

        if (node) {
            ngx_http_webhook_table_delete(&zone->table, node);
            continue;
        }

        name(&registration, n, 1 + next_random() % (TEXT - 1));
        fill(n, registration.text.len);

        node = ngx_http_webhook_table_alloc(&zone->table, &registration);

        if (node) {
            node->replaces = 1;
            ngx_http_webhook_table_link(&zone->table, node, ++zone->seq);
        }
    }
}


/* those of each owner are there, in order, and each with its own text */

static ngx_uint_t
listed(void)
{
    size_t                            i;
    uint64_t                          last;
    ngx_uint_t                        n, number, owner;
    ngx_http_webhook_table_node_t    *node;
    ngx_http_webhook_registration_t   registration;

    n = 0;

    for (owner = 0; owner < 7; owner++) {

        name(&registration, owner, 1);
        last = 0;

        while ((node = ngx_http_webhook_table_next(&zone->table, &registration))
               != NULL)
        {
            if (ngx_http_webhook_table_copy(node, pool, &registration)
                != NGX_OK
                || registration.seq <= last)
            {
                return 0;
            }

            last = registration.seq;
            ngx_memcpy(&number, registration.uuid, sizeof(number));

            for (i = 0; i < registration.text.len; i++) {
                if (registration.text.data[i] != 'a' + number % 26) {
                    return 0;
                }
            }

            n += (number < KEPT) ? 1 : 0;
        }

        ngx_reset_pool(pool);
    }

    return n;
}


static void
killed(void)
{
    int                               bad;
    pid_t                             pid;
    ngx_uint_t                        i, k, n, left;
    ngx_pool_t                       *saving;
    ngx_http_webhook_table_node_t    *node;
    ngx_http_webhook_registration_t  *saved, registration;

    make_zone();

    for (k = 0; k < KEPT; k++) {
        name(&registration, k, 10);
        fill(k, 10);

        node = ngx_http_webhook_table_alloc(&zone->table, &registration);
        ngx_http_webhook_table_link(&zone->table, node, ++zone->seq);
    }

    bad = 0;

    for (i = 0; i < KILLED && !bad; i++) {

        pid = fork();

        if (pid == 0) {
            unit_random += i;
            at_work();
        }

        usleep(500 + next_random() % 2000);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);

        saving = ngx_create_pool(4096, &unit_log);

        bad |= ngx_http_webhook_table_save(&zone->table, saving, &saved, &n)
               != NGX_OK;

        /* what the pool looks like does not matter */

        ngx_memset(shpool->pages, 0xa5, 64);
        make_zone();

        bad |= ngx_http_webhook_table_restore(&zone->table, saved, n) != n;

        left = listed();
        bad |= left != KEPT;

        if (bad) {
            printf("# round %d: %d of %d\n", (int) i, (int) left, KEPT);
        }

        ngx_destroy_pool(saving);
    }

    ok(!bad, "whenever a process is killed");

    /* all of the memory is there still: no list has kept any */

    for (k = 0; k < KEPT + OTHERS; k++) {
        name(&registration, k, 1);
        node = ngx_http_webhook_table_find(&zone->table, registration.uuid);

        if (node) {
            ngx_http_webhook_table_delete(&zone->table, node);
        }
    }

    n = shpool->pfree;
    make_zone();

    ok(n + 2 >= shpool->pfree, "no memory is lost");
    ok(zone->table.count == 0, "nothing is counted");
}


/* a text that is no longer than the one before always fits */

static void
full(void)
{
    ngx_uint_t                        i, n;
    ngx_http_webhook_table_node_t    *node;
    ngx_http_webhook_registration_t   registration;

    make_zone();

    for (n = 0; /* void */ ; n++) {
        name(&registration, n, 700);
        fill(n, 700);

        node = ngx_http_webhook_table_alloc(&zone->table, &registration);

        if (node == NULL) {
            break;
        }

        ngx_http_webhook_table_link(&zone->table, node, ++zone->seq);
    }

    ok(n > KEPT, "a zone is full");

    /* the lengths of some blocks get shorter, and long again */

    for (i = 0; i < 3; i++) {
        name(&registration, 5, i == 1 ? 60 : 700);
        fill(5, registration.text.len);

        node = ngx_http_webhook_table_find(&zone->table, registration.uuid);
        registration.seq = node->seq;

        ok(ngx_http_webhook_table_fits(&zone->table, &registration),
           "a text fits in its place");

        ok(ngx_http_webhook_table_put(&zone->table, &registration, ++zone->seq)
           == NGX_OK, "it is put there");

        node = ngx_http_webhook_table_find(&zone->table, registration.uuid);

        ok(node->seq == zone->seq && node->len == registration.text.len,
           "the new one is found");
        ok(listed() == KEPT, "all are listed in their order");
    }

    ok(zone->table.count == n, "none has become two");

    name(&registration, 5, TEXT - 1);
    registration.seq = zone->seq;
    ok(!ngx_http_webhook_table_fits(&zone->table, &registration),
       "a long one does not fit");

    name(&registration, 5, 700);
    registration.seq = zone->seq - 1;
    ok(!ngx_http_webhook_table_fits(&zone->table, &registration),
       "nor one in the place of another one");

    registration.seq = zone->seq;
    registration.owner[0]++;
    ok(!ngx_http_webhook_table_fits(&zone->table, &registration),
       "nor one of another owner");

    /* it can't be there any more, and is not */

    name(&registration, 5, TEXT - 1);
    ok(ngx_http_webhook_table_put(&zone->table, &registration, ++zone->seq)
       == NGX_ERROR, "a long one is not put");
    ok(ngx_http_webhook_table_find(&zone->table, registration.uuid) == NULL,
       "and the one before is not found in its place");
}


/* a list goes on where it was, also after what has been replaced since */

static void
replaced(void)
{
    ngx_uint_t                        n;
    ngx_http_webhook_table_node_t    *node;
    ngx_http_webhook_registration_t   last, registration;

    make_zone();

    for (n = 0; n < 21; n++) {
        name(&registration, n, 10);
        fill(n, 10);

        node = ngx_http_webhook_table_alloc(&zone->table, &registration);
        ngx_http_webhook_table_link(&zone->table, node, ++zone->seq);
    }

    /* 0, 7 and 14 have the same owner */

    name(&last, 0, 1);
    node = ngx_http_webhook_table_next(&zone->table, &last);
    (void) ngx_http_webhook_table_copy(node, pool, &last);

    name(&registration, 0, 10);
    fill(0, 10);
    (void) ngx_http_webhook_table_put(&zone->table, &registration,
                                      ++zone->seq);

    node = ngx_http_webhook_table_next(&zone->table, &last);
    ok(node && node->node.uuid[0] == 7, "the next one of a list is found");

    if (node == NULL) {
        return;
    }

    (void) ngx_http_webhook_table_copy(node, pool, &last);
    node = ngx_http_webhook_table_next(&zone->table, &last);
    ok(node && node->node.uuid[0] == 14, "and the one after that");

    (void) ngx_http_webhook_table_copy(node, pool, &last);
    node = ngx_http_webhook_table_next(&zone->table, &last);
    ok(node && node->node.uuid[0] == 0, "and at last the new one");
}


int
main(void)
{
    unit_init();
    cycle.log = &unit_log;
    ngx_cycle = &cycle;

    ngx_cacheline_size = 64;
    ngx_pagesize_shift = 12;

    if (ngx_crc32_table_init() != NGX_OK) {
        return 1;
    }

    ngx_slab_sizes_init();

    pool = ngx_create_pool(4096, &unit_log);

    shpool = mmap(NULL, SIZE, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANON, -1, 0);
    if (shpool == MAP_FAILED) {
        return 1;
    }

    shpool->end = (u_char *) shpool + SIZE;
    shpool->min_shift = 3;
    shpool->addr = shpool;

    killed();
    full();
    replaced();

    ngx_destroy_pool(pool);

    return done();
}
