
/*
 * Registrations in the shared memory of a zone: found by their UUIDs, and
 * listed by owner in the order of their numbers.
 *
 * The caller holds the mutex of the slab pool in each function, unless nobody
 * else knows the zone yet.
 *
 * A node is in one of three places: in no list, among the reserved ones, or
 * linked, that is, in the hash table and in its owner's list.
 *
 * A process may be killed at any place in here.  The chains of the hash table
 * of nodes are right all the same: one write puts a node that is complete into
 * its chain, one takes it out, and only then is its memory freed.  So is what
 * a linked node leads to, but for its owner's list.  From these chains all else
 * can be made anew, memory pool included.
 */


#include "registry/ngx_http_webhook_table.h"


/* a zone has a bucket for so many bytes, what a short registration takes */
#define NGX_HTTP_WEBHOOK_BUCKET_SHARE  256

#define NGX_HTTP_WEBHOOK_BLOCK_MAX     2048
#define NGX_HTTP_WEBHOOK_BLOCK_WASTE   64

/* a write after it is not made before: for a process, not for processors */
#define ngx_http_webhook_table_order()  __asm__ volatile ("" ::: "memory")

#define NGX_HTTP_WEBHOOK_NODE_TEXT                                            \
    (NGX_HTTP_WEBHOOK_NODE_SIZE                                               \
     - offsetof(ngx_http_webhook_table_node_t, text))


struct ngx_http_webhook_owner_s {
    ngx_http_webhook_hash_node_t    node;
    ngx_queue_t                     list;     /* of linked nodes, by number */
    ngx_uint_t                      count;    /* with the reserved ones */
};


/* texts are kept in blocks, since a slab rounds up to a power of two */

struct ngx_http_webhook_block_s {
    ngx_http_webhook_block_t       *next;
    uint32_t                        len;      /* of what is in it */
    uint32_t                        size;     /* of what could be */
    u_char                          data[1];
};

#define NGX_HTTP_WEBHOOK_BLOCK_HEAD  offsetof(ngx_http_webhook_block_t, data)


static void ngx_http_webhook_table_enlist(ngx_http_webhook_table_node_t *node);
static ngx_uint_t ngx_http_webhook_table_holds(
    ngx_http_webhook_table_node_t *node,
    ngx_http_webhook_registration_t *registration);
static void ngx_http_webhook_table_overwrite(
    ngx_http_webhook_table_node_t *node, ngx_str_t *text);
static int ngx_libc_cdecl ngx_http_webhook_table_by_number(const void *one,
    const void *two);
static ngx_http_webhook_owner_t *ngx_http_webhook_table_owner(
    ngx_http_webhook_table_t *table, u_char *uuid);
static ngx_int_t ngx_http_webhook_table_alloc_blocks(ngx_slab_pool_t *shpool,
    u_char *p, size_t len, ngx_http_webhook_block_t **first);
static void ngx_http_webhook_table_free_blocks(ngx_slab_pool_t *shpool,
    ngx_http_webhook_block_t *block);
static ngx_int_t ngx_http_webhook_table_init_hash(
    ngx_http_webhook_uuid_hash_t *hash, ngx_slab_pool_t *shpool, size_t size,
    size_t share);
static ngx_http_webhook_hash_node_t **ngx_http_webhook_table_bucket(
    ngx_http_webhook_uuid_hash_t *hash, u_char *uuid);
static void *ngx_http_webhook_table_lookup(ngx_http_webhook_uuid_hash_t *hash,
    u_char *uuid);
static void ngx_http_webhook_table_insert(ngx_http_webhook_uuid_hash_t *hash,
    ngx_http_webhook_hash_node_t *node);
static void ngx_http_webhook_table_remove(ngx_http_webhook_uuid_hash_t *hash,
    ngx_http_webhook_hash_node_t *node);


/*
 * Makes a table that is empty, of zeros before; "size" is that of the zone in
 * bytes.  Returns NGX_OK, or NGX_ERROR if the zone has no room for it.
 */

ngx_int_t
ngx_http_webhook_table_init(ngx_http_webhook_table_t *table,
    ngx_slab_pool_t *shpool, size_t size)
{
    table->shpool = shpool;

    ngx_queue_init(&table->reserved);

    if (ngx_http_webhook_table_init_hash(&table->nodes, shpool, size,
                                         NGX_HTTP_WEBHOOK_BUCKET_SHARE)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_webhook_table_init_hash(&table->owners, shpool, size,
                                            16 * NGX_HTTP_WEBHOOK_BUCKET_SHARE);
}


/* Returns the linked node of a UUID, or NULL. */

ngx_http_webhook_table_node_t *
ngx_http_webhook_table_find(ngx_http_webhook_table_t *table, u_char *uuid)
{
    return ngx_http_webhook_table_lookup(&table->nodes, uuid);
}


/*
 * Returns the linked node of registration->owner whose number is the next one
 * above registration->seq, or NULL.  It is found at once if the registration is
 * still there, and has not been replaced, or if its seq is 0.
 */

ngx_http_webhook_table_node_t *
ngx_http_webhook_table_next(ngx_http_webhook_table_t *table,
    ngx_http_webhook_registration_t *registration)
{
    ngx_queue_t                    *q;
    ngx_http_webhook_owner_t       *owner;
    ngx_http_webhook_table_node_t  *node;

    owner = ngx_http_webhook_table_lookup(&table->owners, registration->owner);
    if (owner == NULL) {
        return NULL;
    }

    node = registration->seq ? ngx_http_webhook_table_find(table,
                                                           registration->uuid)
                             : NULL;

    /* what has replaced it is at the end of the list */

    q = (node && node->seq == registration->seq)
        ? ngx_queue_next(&node->queue) : ngx_queue_head(&owner->list);

    for ( /* void */ ;
         q != ngx_queue_sentinel(&owner->list);
         q = ngx_queue_next(q))
    {
        node = ngx_queue_data(q, ngx_http_webhook_table_node_t, queue);

        if (node->seq > registration->seq) {
            return node;
        }
    }

    return NULL;
}


/*
 * Returns the node that a process has reserved to create a UUID, or NULL.  No
 * other process can create the same one; nodes that replace another are not
 * looked at.
 */

ngx_http_webhook_table_node_t *
ngx_http_webhook_table_reserved(ngx_http_webhook_table_t *table, u_char *uuid)
{
    ngx_queue_t                    *q;
    ngx_http_webhook_table_node_t  *node;

    for (q = ngx_queue_head(&table->reserved);
         q != ngx_queue_sentinel(&table->reserved);
         q = ngx_queue_next(q))
    {
        node = ngx_queue_data(q, ngx_http_webhook_table_node_t, queue);

        if (!node->replaces
            && ngx_memcmp(node->node.uuid, uuid, NGX_HTTP_WEBHOOK_UUID_SIZE)
               == 0)
        {
            return node;
        }
    }

    return NULL;
}


/*
 * Makes a node, in no list, with a copy of the registration, whose seq is not
 * looked at.  Returns NULL if the zone has no room for it.
 */

ngx_http_webhook_table_node_t *
ngx_http_webhook_table_alloc(ngx_http_webhook_table_t *table,
    ngx_http_webhook_registration_t *registration)
{
    size_t                          n;
    ngx_slab_pool_t                *shpool;
    ngx_http_webhook_table_node_t  *node;

    shpool = table->shpool;

    node = ngx_slab_alloc_locked(shpool, NGX_HTTP_WEBHOOK_NODE_SIZE);
    if (node == NULL) {
        return NULL;
    }

    n = ngx_min(registration->text.len, NGX_HTTP_WEBHOOK_NODE_TEXT);

    if (ngx_http_webhook_table_alloc_blocks(shpool, registration->text.data + n,
                                            registration->text.len - n,
                                            &node->rest)
        != NGX_OK)
    {
        ngx_slab_free_locked(shpool, node);
        return NULL;
    }

    node->owner = ngx_http_webhook_table_owner(table, registration->owner);

    if (node->owner == NULL) {
        ngx_http_webhook_table_free_blocks(shpool, node->rest);
        ngx_slab_free_locked(shpool, node);
        return NULL;
    }

    node->owner->count++;

    ngx_memcpy(node->text, registration->text.data, n);
    ngx_memcpy(node->node.uuid, registration->uuid, NGX_HTTP_WEBHOOK_UUID_SIZE);

    node->len = registration->text.len;
    node->replaces = 0;

    ngx_queue_init(&node->queue);

    return node;
}


/*
 * Frees a node that is in no list or reserved, and its owner if that has no
 * other.
 */

void
ngx_http_webhook_table_free(ngx_http_webhook_table_t *table,
    ngx_http_webhook_table_node_t *node)
{
    ngx_http_webhook_owner_t  *owner;

    ngx_queue_remove(&node->queue);

    owner = node->owner;

    if (--owner->count == 0) {
        ngx_http_webhook_table_remove(&table->owners, &owner->node);
        ngx_slab_free_locked(table->shpool, owner);
    }

    ngx_http_webhook_table_free_blocks(table->shpool, node->rest);
    ngx_slab_free_locked(table->shpool, node);
}


/* Reserves a node that is in no list, for this process. */

void
ngx_http_webhook_table_reserve(ngx_http_webhook_table_t *table,
    ngx_http_webhook_table_node_t *node)
{
    node->seq = ngx_pid;

    ngx_queue_insert_tail(&table->reserved, &node->queue);
}


/*
 * Links a node that is in no list or reserved, with the number "seq".  If it
 * replaces another one of the same UUID, that one is deleted, or the node
 * itself is freed if that one's number is above "seq".
 */

void
ngx_http_webhook_table_link(ngx_http_webhook_table_t *table,
    ngx_http_webhook_table_node_t *node, uint64_t seq)
{
    ngx_http_webhook_table_node_t  *old;

    old = node->replaces ? ngx_http_webhook_table_find(table, node->node.uuid)
                         : NULL;

    if (old && old->seq > seq) {
        ngx_http_webhook_table_free(table, node);
        return;
    }

    ngx_queue_remove(&node->queue);
    ngx_queue_init(&node->queue);

    node->seq = seq;

    ngx_http_webhook_table_insert(&table->nodes, &node->node);
    table->count++;

    ngx_http_webhook_table_enlist(node);

    /* one of them is there at any time */

    if (old) {
        ngx_http_webhook_table_delete(table, old);
    }
}


/* Puts a node, whose seq is set, into its owner's list. */

static void
ngx_http_webhook_table_enlist(ngx_http_webhook_table_node_t *node)
{
    ngx_queue_t                    *q;
    ngx_http_webhook_table_node_t  *last;

    /* workers link in an order that may differ a little */

    for (q = ngx_queue_last(&node->owner->list);
         q != ngx_queue_sentinel(&node->owner->list);
         q = ngx_queue_prev(q))
    {
        last = ngx_queue_data(q, ngx_http_webhook_table_node_t, queue);

        if (last->seq < node->seq) {
            break;
        }
    }

    ngx_queue_insert_after(q, &node->queue);
}


/*
 * Says whether a registration can be written over the one of the same UUID and
 * number that is there, in memory that this one has.
 */

ngx_uint_t
ngx_http_webhook_table_fits(ngx_http_webhook_table_t *table,
    ngx_http_webhook_registration_t *registration)
{
    ngx_http_webhook_table_node_t  *node;

    node = ngx_http_webhook_table_find(table, registration->uuid);

    return node
           && node->seq == registration->seq
           && ngx_http_webhook_table_holds(node, registration);
}


/*
 * Links a registration with the number "seq", which is above that of the one
 * with the same UUID, if there is one: it takes its place.  If there is no room
 * for both, it is written over the other one, which a zone that has no state
 * must not rely on: a process may be killed meanwhile.  Returns NGX_OK, or
 * NGX_ERROR if there is no room, and neither of them any more.
 */

ngx_int_t
ngx_http_webhook_table_put(ngx_http_webhook_table_t *table,
    ngx_http_webhook_registration_t *registration, uint64_t seq)
{
    ngx_http_webhook_table_node_t  *node, *old;

    old = ngx_http_webhook_table_find(table, registration->uuid);
    node = ngx_http_webhook_table_alloc(table, registration);

    if (node == NULL && old
        && ngx_http_webhook_table_holds(old, registration))
    {
        ngx_http_webhook_table_overwrite(old, &registration->text);

        ngx_queue_remove(&old->queue);
        old->seq = seq;
        ngx_http_webhook_table_enlist(old);

        return NGX_OK;
    }

    if (node == NULL && old) {
        ngx_http_webhook_table_delete(table, old);
        node = ngx_http_webhook_table_alloc(table, registration);
    }

    if (node == NULL) {
        return NGX_ERROR;
    }

    node->replaces = 1;
    ngx_http_webhook_table_link(table, node, seq);

    return NGX_OK;
}


/* Says whether a node has the memory for another text of the same owner. */

static ngx_uint_t
ngx_http_webhook_table_holds(ngx_http_webhook_table_node_t *node,
    ngx_http_webhook_registration_t *registration)
{
    size_t                     size;
    ngx_http_webhook_block_t  *block;

    size = NGX_HTTP_WEBHOOK_NODE_TEXT;

    for (block = node->rest; block; block = block->next) {
        size += block->size;
    }

    return registration->text.len <= size
           && ngx_memcmp(node->owner->node.uuid, registration->owner,
                         NGX_HTTP_WEBHOOK_UUID_SIZE)
              == 0;
}


/* Gives a node another text, for which it has the memory. */

static void
ngx_http_webhook_table_overwrite(ngx_http_webhook_table_node_t *node,
    ngx_str_t *text)
{
    size_t                     n, rest;
    u_char                    *p;
    ngx_http_webhook_block_t  *block;

    p = text->data;
    rest = text->len;

    n = ngx_min(rest, NGX_HTTP_WEBHOOK_NODE_TEXT);
    ngx_memcpy(node->text, p, n);

    for (block = node->rest; block; block = block->next) {
        p += n;
        rest -= n;

        n = ngx_min(rest, block->size);
        ngx_memcpy(block->data, p, n);
        block->len = n;
    }

    node->len = text->len;
}


/* Deletes a linked node. */

void
ngx_http_webhook_table_delete(ngx_http_webhook_table_t *table,
    ngx_http_webhook_table_node_t *node)
{
    ngx_http_webhook_table_remove(&table->nodes, &node->node);
    table->count--;

    ngx_http_webhook_table_free(table, node);
}


/*
 * Copies a node's registration; its text is put into "pool".  Returns NGX_OK or
 * NGX_ERROR.
 */

ngx_int_t
ngx_http_webhook_table_copy(ngx_http_webhook_table_node_t *node,
    ngx_pool_t *pool, ngx_http_webhook_registration_t *registration)
{
    u_char                    *p;
    ngx_http_webhook_block_t  *block;

    p = ngx_pnalloc(pool, node->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(registration->uuid, node->node.uuid, NGX_HTTP_WEBHOOK_UUID_SIZE);
    ngx_memcpy(registration->owner, node->owner->node.uuid,
               NGX_HTTP_WEBHOOK_UUID_SIZE);

    registration->seq = node->seq;
    registration->text.len = node->len;
    registration->text.data = p;

    p = ngx_cpymem(p, node->text,
                   ngx_min(node->len, NGX_HTTP_WEBHOOK_NODE_TEXT));

    for (block = node->rest; block; block = block->next) {
        p = ngx_cpymem(p, block->data, block->len);
    }

    return NGX_OK;
}


/*
 * Copies all linked registrations into "pool", in the order of their numbers,
 * whenever the process that was at work may have been killed.  Returns NGX_OK
 * or NGX_ERROR.
 */

ngx_int_t
ngx_http_webhook_table_save(ngx_http_webhook_table_t *table, ngx_pool_t *pool,
    ngx_http_webhook_registration_t **registrations, ngx_uint_t *n)
{
    ngx_uint_t                     count, i;
    ngx_http_webhook_hash_node_t  *node;

    /* table->count may be that of before */

    for (i = 0, count = 0; i <= table->nodes.mask; i++) {
        for (node = table->nodes.buckets[i]; node; node = node->next) {
            count++;
        }
    }

    *registrations = ngx_palloc(pool, ngx_max(count, 1)
                                   * sizeof(ngx_http_webhook_registration_t));
    if (*registrations == NULL) {
        return NGX_ERROR;
    }

    for (i = 0, count = 0; i <= table->nodes.mask; i++) {
        for (node = table->nodes.buckets[i]; node; node = node->next) {

            if (ngx_http_webhook_table_copy(
                                     (ngx_http_webhook_table_node_t *) node,
                                     pool, &(*registrations)[count++])
                != NGX_OK)
            {
                return NGX_ERROR;
            }
        }
    }

    ngx_qsort(*registrations, count, sizeof(ngx_http_webhook_registration_t),
              ngx_http_webhook_table_by_number);

    *n = count;

    return NGX_OK;
}


static int ngx_libc_cdecl
ngx_http_webhook_table_by_number(const void *one, const void *two)
{
    const ngx_http_webhook_registration_t *first = one;
    const ngx_http_webhook_registration_t *second = two;

    return (first->seq < second->seq) ? -1 : (first->seq > second->seq);
}


/*
 * Links what was saved in a table that has been made anew; of two with the same
 * UUID the later one is left.  Returns how many there was room for: all, unless
 * the zone is another one.
 */

ngx_uint_t
ngx_http_webhook_table_restore(ngx_http_webhook_table_t *table,
    ngx_http_webhook_registration_t *registrations, ngx_uint_t n)
{
    ngx_uint_t                      i;
    ngx_http_webhook_table_node_t  *node;

    for (i = 0; i < n; i++) {

        node = ngx_http_webhook_table_find(table, registrations[i].uuid);

        if (node) {
            ngx_http_webhook_table_delete(table, node);
        }

        node = ngx_http_webhook_table_alloc(table, &registrations[i]);

        if (node == NULL) {
            break;
        }

        ngx_http_webhook_table_link(table, node, registrations[i].seq);
    }

    return i;
}


/*
 * Finds an owner, or makes it, with a count of 0.  Returns NULL if the zone has
 * no room for it.
 */

static ngx_http_webhook_owner_t *
ngx_http_webhook_table_owner(ngx_http_webhook_table_t *table, u_char *uuid)
{
    ngx_http_webhook_owner_t  *owner;

    owner = ngx_http_webhook_table_lookup(&table->owners, uuid);
    if (owner) {
        return owner;
    }

    owner = ngx_slab_alloc_locked(table->shpool,
                                  sizeof(ngx_http_webhook_owner_t));
    if (owner == NULL) {
        return NULL;
    }

    ngx_queue_init(&owner->list);
    owner->count = 0;

    ngx_memcpy(owner->node.uuid, uuid, NGX_HTTP_WEBHOOK_UUID_SIZE);

    ngx_http_webhook_table_insert(&table->owners, &owner->node);

    return owner;
}


/*
 * Makes a chain of blocks with a copy of "len" bytes, none for 0.  Returns
 * NGX_OK, or NGX_ERROR if the zone has no room for it.
 */

static ngx_int_t
ngx_http_webhook_table_alloc_blocks(ngx_slab_pool_t *shpool, u_char *p,
    size_t len, ngx_http_webhook_block_t **first)
{
    size_t                     n, size;
    ngx_http_webhook_block_t  *block, **last;

    *first = NULL;
    last = first;

    while (len) {

        /* the power of two above, or the one below it if that wastes much */

        n = NGX_HTTP_WEBHOOK_BLOCK_HEAD + len;
        size = NGX_HTTP_WEBHOOK_BLOCK_MAX;

        while (size / 2 >= n) {
            size /= 2;
        }

        if (size > n + NGX_HTTP_WEBHOOK_BLOCK_WASTE) {
            size /= 2;
        }

        block = ngx_slab_alloc_locked(shpool, size);

        if (block == NULL) {
            ngx_http_webhook_table_free_blocks(shpool, *first);
            return NGX_ERROR;
        }

        block->next = NULL;
        block->size = size - NGX_HTTP_WEBHOOK_BLOCK_HEAD;
        block->len = ngx_min(block->size, len);

        ngx_memcpy(block->data, p, block->len);

        *last = block;
        last = &block->next;

        p += block->len;
        len -= block->len;
    }

    return NGX_OK;
}


static void
ngx_http_webhook_table_free_blocks(ngx_slab_pool_t *shpool,
    ngx_http_webhook_block_t *block)
{
    ngx_http_webhook_block_t  *next;

    for ( /* void */ ; block; block = next) {
        next = block->next;
        ngx_slab_free_locked(shpool, block);
    }
}


/* Makes a power of two of buckets, one for each "share" bytes of the zone. */

static ngx_int_t
ngx_http_webhook_table_init_hash(ngx_http_webhook_uuid_hash_t *hash,
    ngx_slab_pool_t *shpool, size_t size, size_t share)
{
    size_t  n;

    n = 1;

    while (2 * n * share <= size) {
        n *= 2;
    }

    hash->mask = n - 1;
    hash->buckets = ngx_slab_calloc_locked(shpool,
                                    n * sizeof(ngx_http_webhook_hash_node_t *));

    return hash->buckets ? NGX_OK : NGX_ERROR;
}


static ngx_http_webhook_hash_node_t **
ngx_http_webhook_table_bucket(ngx_http_webhook_uuid_hash_t *hash, u_char *uuid)
{
    /* an owner's need not be a random one */

    return &hash->buckets[ngx_crc32_short(uuid, NGX_HTTP_WEBHOOK_UUID_SIZE)
                          & hash->mask];
}


static void *
ngx_http_webhook_table_lookup(ngx_http_webhook_uuid_hash_t *hash, u_char *uuid)
{
    ngx_http_webhook_hash_node_t  *node;

    for (node = *ngx_http_webhook_table_bucket(hash, uuid);
         node;
         node = node->next)
    {
        if (ngx_memcmp(node->uuid, uuid, NGX_HTTP_WEBHOOK_UUID_SIZE) == 0) {
            break;
        }
    }

    return node;
}


static void
ngx_http_webhook_table_insert(ngx_http_webhook_uuid_hash_t *hash,
    ngx_http_webhook_hash_node_t *node)
{
    ngx_http_webhook_hash_node_t  **bucket;

    bucket = ngx_http_webhook_table_bucket(hash, node->uuid);

    node->next = *bucket;

    ngx_http_webhook_table_order();

    *bucket = node;
}


static void
ngx_http_webhook_table_remove(ngx_http_webhook_uuid_hash_t *hash,
    ngx_http_webhook_hash_node_t *node)
{
    ngx_http_webhook_hash_node_t  **p;

    p = ngx_http_webhook_table_bucket(hash, node->uuid);

    while (*p != node) {
        p = &(*p)->next;
    }

    *p = node->next;

    /* it is freed afterwards */

    ngx_http_webhook_table_order();
}
