
/*
 * Queues: "webhook_queue_path" describes them, and locations name them.  A
 * queue's events are in its store, which each process opens for itself.  Who
 * adds an event tells the process that delivers: see wake.c.
 */


#include "queue/ngx_http_webhook_queue.h"
#include "base/ngx_http_webhook_crypto.h"
#include "core/ngx_http_webhook_clock.h"
#include "core/ngx_http_webhook_conf.h"
#include "core/ngx_http_webhook_ctx.h"
#include "judge/ngx_http_webhook_answer.h"
#include "judge/ngx_http_webhook_problem.h"
#include "queue/ngx_http_webhook_message.h"
#include "queue/ngx_http_webhook_wake.h"


/*
 * The name of a zone that holds nothing: nginx hands the zone of the previous
 * configuration to the next one, and with it what the two queues share.
 */

#define NGX_HTTP_WEBHOOK_QUEUE_ZONE      "webhook_queue:"

/* bytes, and seconds */
#define NGX_HTTP_WEBHOOK_QUEUE_DEFAULT   (1024 * 1024 * 1024)
#define NGX_HTTP_WEBHOOK_QUEUE_KEEP      (30 * 24 * 60 * 60)

/* how many dead letters are removed at once */
#define NGX_HTTP_WEBHOOK_QUEUE_EXPIRE    256

/* seconds between warnings of dead letters that had to give way */
#define NGX_HTTP_WEBHOOK_QUEUE_WARN      60


static ngx_int_t ngx_http_webhook_queue_add_zone(ngx_conf_t *cf,
    ngx_http_webhook_queue_t *queue);
static ngx_int_t ngx_http_webhook_queue_init_zone(ngx_shm_zone_t *shm_zone,
    void *data);
static void ngx_http_webhook_queue_gauges(void *data, uint64_t *values);
static void ngx_http_webhook_queue_taken(ngx_http_webhook_change_t *change);
static ngx_int_t ngx_http_webhook_queue_expired(void *data,
    ngx_http_webhook_event_t *event);
static void ngx_http_webhook_queue_discarded(
    ngx_http_webhook_change_t *change);
static void ngx_http_webhook_queue_done(ngx_http_webhook_change_t *change);
static void ngx_http_webhook_queue_forgotten(ngx_http_webhook_queue_t *queue,
    ngx_uint_t n);


/* Returns the queue of that name, or NULL if none is configured. */

ngx_http_webhook_queue_t *
ngx_http_webhook_queue_find(ngx_http_webhook_main_conf_t *wmcf, ngx_str_t *name)
{
    ngx_uint_t                  i;
    ngx_http_webhook_queue_t  **queue;

    queue = wmcf->queues.elts;

    for (i = 0; i < wmcf->queues.nelts; i++) {

        if (queue[i]->name.len == name->len
            && ngx_memcmp(queue[i]->name.data, name->data, name->len) == 0)
        {
            return queue[i];
        }
    }

    return NULL;
}


/*
 * Returns the queue of that name for a directive that names it; the queue may
 * be described later in the configuration.  Returns NULL if there is no memory.
 */

ngx_http_webhook_queue_t *
ngx_http_webhook_queue_get(ngx_conf_t *cf, ngx_str_t *name)
{
    ngx_http_webhook_queue_t      *queue, **q;
    ngx_http_webhook_main_conf_t  *wmcf;

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_webhook_module);

    queue = ngx_http_webhook_queue_find(wmcf, name);
    if (queue) {
        return queue;
    }

    queue = ngx_pcalloc(cf->pool, sizeof(ngx_http_webhook_queue_t));
    if (queue == NULL) {
        return NULL;
    }

    q = ngx_array_push(&wmcf->queues);
    if (q == NULL) {
        return NULL;
    }

    *q = queue;

    queue->name = *name;
    queue->file = cf->conf_file->file.name.data;
    queue->line = cf->conf_file->line;
    queue->cycle = cf->cycle;
    queue->eventfd = NGX_INVALID_FILE;

    ngx_http_webhook_spool_conf(&queue->spool);

    return queue;
}


/* Sets "webhook_queue_path path queue=name [max_size=1g] [keep_dead=30d];". */

char *
ngx_http_webhook_queue_path(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    off_t                      size;
    time_t                     keep;
    ngx_str_t                 *value, name, path, text;
    ngx_uint_t                 i;
    ngx_http_webhook_queue_t  *queue;

    value = cf->args->elts;

    size = 0;
    keep = 0;
    path = value[1];
    ngx_str_null(&name);

    for (i = 2; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "queue=", 6) == 0
            && value[i].len > 6 && name.len == 0)
        {
            name.len = value[i].len - 6;
            name.data = value[i].data + 6;
            continue;
        }

        if (ngx_strncmp(value[i].data, "max_size=", 9) == 0 && size == 0) {
            size = ngx_http_webhook_store_size(cf, &value[i], 9);
            if (size == NGX_ERROR) {
                return NGX_CONF_ERROR;
            }

            continue;
        }

        if (ngx_strncmp(value[i].data, "keep_dead=", 10) == 0 && keep == 0) {
            text.len = value[i].len - 10;
            text.data = value[i].data + 10;

            keep = ngx_http_webhook_time(&text, 1);
            if (keep == (time_t) NGX_ERROR || keep == 0) {
                goto invalid;
            }

            continue;
        }

    invalid:

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\"", &value[i]);
        return NGX_CONF_ERROR;
    }

    if (name.len == 0) {
        return "needs \"queue=\"";
    }

    queue = ngx_http_webhook_queue_get(cf, &name);
    if (queue == NULL) {
        return NGX_CONF_ERROR;
    }

    if (queue->spool.path.data) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "webhook queue \"%V\" is duplicate", &name);
        return NGX_CONF_ERROR;
    }

    if (path.len == 0
        || ngx_conf_full_name(cf->cycle, &path, 0) != NGX_OK)
    {
        return "has no path";
    }

    queue->spool.path = path;
    queue->spool.size = size ? size : NGX_HTTP_WEBHOOK_QUEUE_DEFAULT;
    queue->keep_dead = keep ? keep : NGX_HTTP_WEBHOOK_QUEUE_KEEP;

    queue->status = ngx_http_webhook_status_add(cf,
                                                NGX_HTTP_WEBHOOK_STATUS_QUEUE,
                                                &queue->name);
    if (queue->status == NULL) {
        return NGX_CONF_ERROR;
    }

    queue->status->gauges = ngx_http_webhook_queue_gauges;
    queue->status->data = queue;

    if (ngx_http_webhook_queue_add_zone(cf, queue) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return ngx_http_webhook_add_file(cf, &queue->spool.path, "queue",
                                     &queue->name);
}


/*
 * Adds the zone by which a queue finds that of the previous configuration.
 * Returns NGX_OK or NGX_ERROR.
 */

static ngx_int_t
ngx_http_webhook_queue_add_zone(ngx_conf_t *cf,
    ngx_http_webhook_queue_t *queue)
{
    ngx_str_t  name;

    name.len = sizeof(NGX_HTTP_WEBHOOK_QUEUE_ZONE) - 1 + queue->name.len;
    name.data = ngx_pnalloc(cf->pool, name.len);
    if (name.data == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(name.data, NGX_HTTP_WEBHOOK_QUEUE_ZONE "%V", &queue->name);

    queue->shm_zone = ngx_shared_memory_add(cf, &name, 8 * ngx_pagesize,
                                            &ngx_http_webhook_module);
    if (queue->shm_zone == NULL) {
        return NGX_ERROR;
    }

    queue->shm_zone->init = ngx_http_webhook_queue_init_zone;
    queue->shm_zone->data = queue;

    return NGX_OK;
}


/*
 * Makes the queue's files if there are none.  Nginx calls this in the master
 * process for each new configuration; a failure leaves a running nginx as it
 * is.
 */

static ngx_int_t
ngx_http_webhook_queue_init_zone(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_http_webhook_queue_t *old = data;

    ngx_log_t                 *log;
    ngx_slab_pool_t           *shpool;
    ngx_http_webhook_queue_t  *queue;
    ngx_http_webhook_store_t  *store;

    log = shm_zone->shm.log;
    queue = shm_zone->data;

    ngx_http_webhook_store_owner(&queue->spool, queue->cycle);

    if (ngx_http_webhook_wake_create(queue, old, log) != NGX_OK) {
        return NGX_ERROR;
    }

    if (old) {
        queue->shared = old->shared;

        /* in another file it would not find what waits */

        return ngx_http_webhook_store_keep(&queue->spool, &old->spool, "queue",
                                           &queue->name, log);
    }

    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    queue->shared = ngx_slab_calloc(shpool,
                                    sizeof(ngx_http_webhook_queue_shared_t));
    if (queue->shared == NULL
        || ngx_http_webhook_random(queue->shared->key,
                                   NGX_HTTP_WEBHOOK_QUEUE_KEY, log)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_http_webhook_store_make(&queue->spool, &store, log) != NGX_OK) {
        return NGX_ERROR;
    }

    if (store) {
        ngx_http_webhook_store_close(store);
    }

    return NGX_OK;
}


/*
 * Checks all queues after the configuration has been read.  Returns NGX_OK, or
 * NGX_ERROR after a message.
 */

ngx_int_t
ngx_http_webhook_queue_init(ngx_conf_t *cf)
{
    ngx_uint_t                      i;
    ngx_http_webhook_queue_t      **queue;
    ngx_http_webhook_main_conf_t   *wmcf;

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_webhook_module);
    queue = wmcf->queues.elts;

    for (i = 0; i < wmcf->queues.nelts; i++) {

        if (queue[i]->spool.path.data == NULL) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "unknown webhook queue \"%V\" in %s:%ui",
                          &queue[i]->name, queue[i]->file, queue[i]->line);
            return NGX_ERROR;
        }

        if (queue[i]->location && queue[i]->location->sign
            && queue[i]->endpoints == NULL)
        {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "\"webhook_sign\" needs a \"webhook_queue\" with "
                          "\"endpoints=\" in %s:%ui",
                          queue[i]->location->queue_file,
                          queue[i]->location->queue_line);
            return NGX_ERROR;
        }

        if (queue[i]->location == NULL) {
            ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                          "webhook queue \"%V\" is not delivered: no location "
                          "has \"webhook_deliver %V\" in %s:%ui",
                          &queue[i]->name, &queue[i]->name, queue[i]->file,
                          queue[i]->line);
        }
    }

    return NGX_OK;
}


/*
 * Opens a queue in a process that will serve requests.  If that fails, it is
 * tried again by ngx_http_webhook_queue_opened().
 */

void
ngx_http_webhook_queue_open(ngx_http_webhook_queue_t *queue,
    ngx_cycle_t *cycle)
{
    queue->cycle = cycle;

    ngx_http_webhook_wake_open(queue, cycle->log);

    (void) ngx_http_webhook_queue_opened(queue);
}


/*
 * Closes a queue when the process ends: no change of it may be under way any
 * more, and the deliverer must be closed.
 */

void
ngx_http_webhook_queue_close(ngx_http_webhook_queue_t *queue)
{
    if (queue->store) {
        ngx_http_webhook_store_close(queue->store);
        queue->store = NULL;
    }
}


/*
 * Must be called before queue->store is used.  Returns NGX_OK if the store is
 * open.  Otherwise tries to open it, at most once a second, and returns
 * NGX_ERROR if that has failed.
 */

ngx_int_t
ngx_http_webhook_queue_opened(ngx_http_webhook_queue_t *queue)
{
    return ngx_http_webhook_store_opened(&queue->store, &queue->spool,
                                         queue->cycle);
}


/* Fills in what the status shows of a queue as it is now. */

static void
ngx_http_webhook_queue_gauges(void *data, uint64_t *values)
{
    ngx_http_webhook_queue_t *queue = data;

    ngx_atomic_uint_t                 beat;
    ngx_http_webhook_spool_stat_t     st;
    ngx_http_webhook_queue_shared_t  *sh;

    sh = queue->shared;
    beat = sh->heartbeat;

    if (beat) {
        values[NGX_HTTP_WEBHOOK_STATUS_HEALTHY_NOW] = sh->destinations
                                                      - sh->failing;
        values[NGX_HTTP_WEBHOOK_STATUS_FAILING_NOW] = sh->failing;
        values[NGX_HTTP_WEBHOOK_STATUS_HEARTBEAT] =
                              ngx_max((ngx_msec_int_t) (ngx_current_msec
                                                        - beat), 0) / 1000;
    }

    if (ngx_http_webhook_queue_opened(queue) != NGX_OK
        || ngx_http_webhook_spool_stat(queue->store, &st) != NGX_OK)
    {
        return;
    }

    values[NGX_HTTP_WEBHOOK_STATUS_WAITING] = st.waiting;
    values[NGX_HTTP_WEBHOOK_STATUS_DEAD_NOW] = st.dead;
    values[NGX_HTTP_WEBHOOK_STATUS_BYTES] = st.used;
    values[NGX_HTTP_WEBHOOK_STATUS_MAX_BYTES] = queue->spool.size;
    values[NGX_HTTP_WEBHOOK_STATUS_OLDEST] =
                              ngx_http_webhook_queue_age(queue, &st) / 1000;
    values[NGX_HTTP_WEBHOOK_STATUS_FILE_BYTES] = st.file.size;
    values[NGX_HTTP_WEBHOOK_STATUS_READER_LAG] = st.file.lag;
}


/*
 * Takes note of the oldest event that waits, and of when it came by the
 * monotonic clock: its age then does not depend on the time of day.  Called
 * each second by the process that delivers.
 */

void
ngx_http_webhook_queue_watch_oldest(ngx_http_webhook_queue_t *queue)
{
    uint64_t                          age, now;
    ngx_http_webhook_spool_stat_t     st;
    ngx_http_webhook_queue_shared_t  *sh;

    sh = queue->shared;
    now = ngx_http_webhook_clock_steady();

    if (ngx_http_webhook_spool_stat(queue->store, &st) != NGX_OK
        || st.oldest == 0
        || sh->oldest == (ngx_atomic_uint_t) st.number)
    {
        return;
    }

    age = (st.oldest < now) ? now - st.oldest : 0;

    sh->oldest = 0;
    ngx_memory_barrier();

    sh->since = ngx_current_msec - (ngx_msec_t) age;
    ngx_memory_barrier();

    sh->oldest = st.number;
}


/*
 * Returns the age of the oldest event that waits, in milliseconds: 0 if none
 * does.
 */

uint64_t
ngx_http_webhook_queue_age(ngx_http_webhook_queue_t *queue,
    ngx_http_webhook_spool_stat_t *st)
{
    uint64_t                          now;
    ngx_http_webhook_queue_shared_t  *sh;

    sh = queue->shared;

    if (st->oldest == 0) {
        return 0;
    }

    if (sh->oldest == (ngx_atomic_uint_t) st->number) {
        return ngx_max((ngx_msec_int_t) (ngx_current_msec - sh->since), 0);
    }

    now = ngx_http_webhook_clock_now();

    return (st->oldest < now) ? now - st->oldest : 0;
}


/*
 * Removes dead letters that have been kept for longer than "keep_dead=", a
 * limited number of them at once, none while the time of day is doubted; and
 * takes over what workers of an older module add during a binary upgrade.  The
 * store must be open, and nobody else should do so.
 */

void
ngx_http_webhook_queue_expire(ngx_http_webhook_queue_t *queue)
{
    if (queue->expiring == 0 && !ngx_http_webhook_clock_doubted()) {
        (void) ngx_http_webhook_spool_dead(queue->store, NULL,
                                           ngx_http_webhook_queue_expired,
                                           queue);
    }

    if (!queue->taking && ngx_http_webhook_spool_left(queue->store)) {

        queue->take.type = NGX_HTTP_WEBHOOK_SPOOL_TAKE;
        queue->take.change.handler = ngx_http_webhook_queue_taken;
        queue->take.change.data = queue;
        queue->taking = 1;

        ngx_http_webhook_spool_submit(queue->store, &queue->take);
    }
}


/* Something has been taken over, or could not be. */

static void
ngx_http_webhook_queue_taken(ngx_http_webhook_change_t *change)
{
    ngx_http_webhook_queue_t  *queue;

    queue = change->data;
    queue->taking = 0;

    ngx_http_webhook_wake_tell(queue);
}


/* Is told of each dead letter, the oldest first. */

static ngx_int_t
ngx_http_webhook_queue_expired(void *data, ngx_http_webhook_event_t *event)
{
    ngx_http_webhook_queue_t *queue = data;

    ngx_http_webhook_spool_change_t  *sc;

    if (event->time + (uint64_t) queue->keep_dead * 1000
        > ngx_http_webhook_clock_now()
        || queue->expiring == NGX_HTTP_WEBHOOK_QUEUE_EXPIRE)
    {
        return NGX_DONE;
    }

    sc = ngx_calloc(sizeof(ngx_http_webhook_spool_change_t),
                    queue->cycle->log);
    if (sc == NULL) {
        return NGX_ERROR;
    }

    sc->type = NGX_HTTP_WEBHOOK_SPOOL_DISCARD;
    sc->event = *event;
    sc->change.handler = ngx_http_webhook_queue_discarded;
    sc->change.data = queue;

    queue->expiring++;

    ngx_http_webhook_spool_submit(queue->store, sc);

    return NGX_OK;
}


/* A dead letter has been removed, or could not be. */

static void
ngx_http_webhook_queue_discarded(ngx_http_webhook_change_t *change)
{
    ngx_http_webhook_queue_t  *queue;

    queue = change->data;
    queue->expiring--;

    ngx_free(ngx_queue_data(change, ngx_http_webhook_spool_change_t, change));
}


/*
 * Adds an event to its queue, whose store must be open.  "event.id",
 * "event.destination", "head", "body" and "length" of enqueue->sc must be set,
 * and they must stay until "handler" is called.
 */

void
ngx_http_webhook_queue_submit(ngx_http_webhook_enqueue_t *enqueue)
{
    enqueue->sc.type = NGX_HTTP_WEBHOOK_SPOOL_ADD;
    enqueue->sc.change.handler = ngx_http_webhook_queue_done;
    enqueue->sc.change.data = enqueue;

    ngx_http_webhook_spool_submit(enqueue->queue->store, &enqueue->sc);
}


/*
 * Adds an event of our own: enqueue->name is its name, and enqueue->text its
 * body.  If "uuid" is not NULL, it is that of the endpoint of
 * enqueue->workspace, and the event is for that endpoint.  Returns NGX_AGAIN if
 * "handler" will be called; "pool" must live until then.  Otherwise returns
 * NGX_ERROR, with sc.change.rc set to the same.
 */

ngx_int_t
ngx_http_webhook_queue_submit_own(ngx_http_webhook_enqueue_t *enqueue,
    ngx_pool_t *pool, u_char *uuid)
{
    u_char                      *id;
    ngx_buf_t                   *b;
    ngx_uint_t                   i;
    ngx_chain_t                 *cl;
    ngx_keyval_t                *kv;
    struct sockaddr             *sockaddr;
    ngx_http_webhook_event_t    *event;
    ngx_http_webhook_fan_out_t  *fan_out;
    ngx_http_webhook_message_t   message;

    event = &enqueue->sc.event;
    fan_out = enqueue->provider->fan_out;
    enqueue->sc.change.rc = NGX_ERROR;

    id = ngx_pnalloc(pool, NGX_HTTP_WEBHOOK_UUID_LEN);
    b = ngx_calloc_buf(pool);
    cl = ngx_alloc_chain_link(pool);
    sockaddr = ngx_pcalloc(pool, sizeof(struct sockaddr));

    if (id == NULL || b == NULL || cl == NULL || sockaddr == NULL
        || ngx_http_webhook_queue_opened(enqueue->queue) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_webhook_uuid_generate_ordered(event->id);
    (void) ngx_http_webhook_uuid_print(id, event->id);

    if (ngx_http_webhook_message_init(&message, pool) != NGX_OK) {
        return NGX_ERROR;
    }

    /* nobody has sent it */

    sockaddr->sa_family = AF_UNIX;

    ngx_str_set(&message.uri, "/");
    ngx_str_set(&message.unparsed_uri, "/");
    ngx_str_set(&message.addr, "unix:");
    message.sockaddr.len = sizeof(struct sockaddr);
    message.sockaddr.data = (u_char *) sockaddr;
    message.local_sockaddr = message.sockaddr;
    message.id.len = NGX_HTTP_WEBHOOK_UUID_LEN;
    message.id.data = id;

    if (enqueue->id.len) {
        message.id = enqueue->id;
    }

    if (uuid) {
        message.workspace = enqueue->workspace;
        event->destination = ngx_http_webhook_get64(uuid);
    }

    /* the lists have room for so many */

    kv = ngx_array_push(&message.headers);
    ngx_str_set(&kv->key, "Content-Type");
    ngx_str_set(&kv->value, "application/json");

    kv = ngx_array_push_n(&message.variables, 5);
    i = 0;

    ngx_str_set(&kv[i].key, "provider");
    kv[i++].value = enqueue->provider->name;
    ngx_str_set(&kv[i].key, "event");
    kv[i++].value = enqueue->name;
    kv[i].key = fan_out->event_variable;
    kv[i++].value = enqueue->name;
    kv[i].key = fan_out->workspace_variable;
    kv[i++].value = enqueue->workspace;
    ngx_str_set(&kv[i].key, "id");
    kv[i++].value = message.id;

    if (ngx_http_webhook_message_print(&message, pool, &enqueue->sc.head)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    b->pos = b->start = enqueue->text.data;
    b->last = b->end = enqueue->text.data + enqueue->text.len;
    b->memory = 1;

    cl->buf = b;
    cl->next = NULL;

    enqueue->sc.body = cl;
    enqueue->sc.length = enqueue->text.len;

    ngx_http_webhook_queue_submit(enqueue);

    return NGX_AGAIN;
}


/* An event has been committed, or could not be. */

static void
ngx_http_webhook_queue_done(ngx_http_webhook_change_t *change)
{
    ngx_http_webhook_queue_t    *queue;
    ngx_http_webhook_enqueue_t  *enqueue;

    enqueue = change->data;
    queue = enqueue->queue;

    if (change->rc != NGX_ERROR && enqueue->sc.forgotten) {
        ngx_http_webhook_queue_forgotten(queue, enqueue->sc.forgotten);
    }

    if (change->rc == NGX_OK) {
        ngx_http_webhook_status_count(queue->status,
                                      NGX_HTTP_WEBHOOK_STATUS_QUEUED);
        ngx_http_webhook_wake_tell(queue);

    } else if (change->rc == NGX_DECLINED && queue->logged != ngx_time()) {
        queue->logged = ngx_time();

        ngx_log_error(NGX_LOG_CRIT, queue->cycle->log, 0,
                      "webhook queue \"%V\" is full: an event was refused",
                      &queue->name);
    }

    enqueue->handler(enqueue);
}


/* Counts "n" dead letters that had to give way, and warns of such ones. */

static void
ngx_http_webhook_queue_forgotten(ngx_http_webhook_queue_t *queue, ngx_uint_t n)
{
    ngx_uint_t  i;

    for (i = 0; i < n; i++) {
        ngx_http_webhook_status_count(queue->status,
                                      NGX_HTTP_WEBHOOK_STATUS_DEAD_FORGOTTEN);
    }

    queue->forgotten += n;

    if (ngx_time() - queue->forgot < NGX_HTTP_WEBHOOK_QUEUE_WARN) {
        return;
    }

    ngx_log_error(NGX_LOG_WARN, queue->cycle->log, 0,
                  "webhook queue \"%V\" is full: the %ui oldest dead letters "
                  "were removed to make room", &queue->name, queue->forgotten);

    queue->forgot = ngx_time();
    queue->forgotten = 0;
}


/*
 * Answers a request with what became of its event: 202 with the event's id, or
 * 503.  Returns what a content handler returns.
 */

ngx_int_t
ngx_http_webhook_queue_answer(ngx_http_request_t *r,
    ngx_http_webhook_enqueue_t *enqueue)
{
    ngx_buf_t                   *b;
    ngx_uint_t                   status;
    ngx_chain_t                  out;
    ngx_http_webhook_ctx_t      *ctx;
    ngx_http_webhook_receipt_t  *receipt;

    ctx = ngx_http_get_module_ctx(r, ngx_http_webhook_module);

    if (enqueue->sc.change.rc != NGX_OK) {
        return ngx_http_webhook_refuse(r, ctx, enqueue->sc.change.full
                                               ? &ngx_http_webhook_queue_full
                                               : &ngx_http_webhook_store_failed,
                                       NULL);
    }

    receipt = enqueue->receipt;
    status = receipt ? receipt->status : NGX_HTTP_ACCEPTED;

    if (receipt && receipt->text) {
        r->disable_not_modified = 1;
        return ngx_http_send_response(r, status, &receipt->type,
                                      receipt->text);
    }

    b = ngx_create_temp_buf(r->pool,
                            sizeof("{\"id\":\"\",\"deliveries\":0}") - 1
                            + NGX_HTTP_WEBHOOK_UUID_LEN);
    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    b->last = ngx_cpymem(b->last, "{\"id\":\"", sizeof("{\"id\":\"") - 1);
    b->last = ngx_http_webhook_uuid_print(b->last, enqueue->sc.event.id);
    *b->last++ = '"';

    if (enqueue->fans_out) {
        b->last = ngx_sprintf(b->last, ",\"deliveries\":%ui",
                              (ngx_uint_t) !enqueue->unwanted);
    }

    *b->last++ = '}';

    out.buf = b;
    out.next = NULL;

    return ngx_http_webhook_send_json(r, status, &out, b->last - b->pos);
}
