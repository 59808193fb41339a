
/*
 * Queues: "webhook_queue_path" names them, and "webhook_queue" is a content
 * handler that answers 202 once the event is durable.
 */


#include "queue/ngx_http_webhook_queue.h"
#include "core/ngx_http_webhook_ctx.h"
#include "core/ngx_http_webhook_conf.h"
#include "dedup/ngx_http_webhook_dedup.h"
#include "judge/ngx_http_webhook_answer.h"
#include "judge/ngx_http_webhook_problem.h"
#include "judge/ngx_http_webhook_signature.h"
#include "judge/ngx_http_webhook_variable.h"
#include "systems/ngx_http_webhook_systems.h"
#include "endpoints/ngx_http_webhook_outbound.h"
#include "events/ngx_http_webhook_deliver.h"

#include <sys/eventfd.h>


/* a zone is kept for what workers of all configurations share: none but it */
#define NGX_HTTP_WEBHOOK_QUEUE_ZONE      "webhook_queue:"

#define NGX_HTTP_WEBHOOK_QUEUE_DEFAULT   (1024 * 1024 * 1024)
#define NGX_HTTP_WEBHOOK_QUEUE_KEEP      (30 * 24 * 60 * 60)

/* beside a text in a message: its length before it, a zero after it */
#define NGX_HTTP_WEBHOOK_MESSAGE_EXTRA   5

/* of the names in Connection, so many count: each header is compared to each */
#define NGX_HTTP_WEBHOOK_MESSAGE_HOPS   16


static ngx_int_t ngx_http_webhook_queue_init_zone(ngx_shm_zone_t *shm_zone,
    void *data);
static void ngx_http_webhook_queue_gauges(void *data, uint64_t *values);
static void ngx_http_webhook_queue_news(ngx_event_t *ev);
static ngx_int_t ngx_http_webhook_queue_handler(ngx_http_request_t *r);
static void ngx_http_webhook_queue_done(ngx_http_webhook_change_t *change);
static void ngx_http_webhook_queue_submit(ngx_http_webhook_enqueue_t *enqueue);
static void ngx_http_webhook_queue_enqueued(
    ngx_http_webhook_enqueue_t *enqueue);
static ngx_int_t ngx_http_webhook_queue_answered(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx);
static ngx_int_t ngx_http_webhook_queue_destination(ngx_http_request_t *r,
    ngx_http_webhook_queue_t *queue, uint64_t *destination);
static ngx_int_t ngx_http_webhook_message_create(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_str_t *workspace, ngx_str_t *head);
static ngx_int_t ngx_http_webhook_message_print(ngx_pool_t *pool,
    ngx_http_webhook_message_t *message, ngx_str_t *head);
static ngx_uint_t ngx_http_webhook_message_drops(ngx_http_webhook_ctx_t *ctx,
    ngx_table_elt_t *header, ngx_str_t *hops, ngx_uint_t outbound);
static ngx_int_t ngx_http_webhook_message_hops(ngx_http_request_t *r,
    ngx_str_t *hops);
static ngx_int_t ngx_http_webhook_message_hop(ngx_http_request_t *r,
    ngx_str_t *list, ngx_str_t *hops, ngx_uint_t *n);
static ngx_uint_t ngx_http_webhook_message_drop(ngx_table_elt_t *header,
    ngx_str_t *name);
static size_t ngx_http_webhook_message_size(ngx_array_t *pairs);
static u_char *ngx_http_webhook_message_put(u_char *p, ngx_str_t *text);
static u_char *ngx_http_webhook_message_put_pairs(u_char *p,
    ngx_array_t *pairs);
static ngx_int_t ngx_http_webhook_message_get(ngx_str_t *rest,
    ngx_str_t *text);
static ngx_int_t ngx_http_webhook_message_get_pairs(ngx_str_t *rest,
    ngx_pool_t *pool, ngx_array_t *pairs);


/* a message begins with these */

static size_t  ngx_http_webhook_message_texts[] = {
    offsetof(ngx_http_webhook_message_t, uri),
    offsetof(ngx_http_webhook_message_t, unparsed_uri),
    offsetof(ngx_http_webhook_message_t, args),
    offsetof(ngx_http_webhook_message_t, host),
    offsetof(ngx_http_webhook_message_t, addr),
    offsetof(ngx_http_webhook_message_t, sockaddr),
    offsetof(ngx_http_webhook_message_t, local_sockaddr),
    offsetof(ngx_http_webhook_message_t, id),
    offsetof(ngx_http_webhook_message_t, workspace)
};

#define NGX_HTTP_WEBHOOK_MESSAGE_TEXTS                                        \
    (sizeof(ngx_http_webhook_message_texts) / sizeof(size_t))

#define ngx_http_webhook_message_text(message, i)                             \
    ((ngx_str_t *) ((u_char *) (message) + ngx_http_webhook_message_texts[i]))


/*
 * What is not kept: credentials, which were for us, the length, which nginx
 * makes anew, and what concerns one connection, RFC 9110, section 7.6.1.
 */

static ngx_str_t  ngx_http_webhook_dropped_headers[] = {
    ngx_string("authorization"),
    ngx_string("proxy-authorization"),
    ngx_string("cookie"),
    ngx_string("content-length"),
    ngx_string("expect"),
    ngx_string("connection"),
    ngx_string("keep-alive"),
    ngx_string("proxy-connection"),
    ngx_string("te"),
    ngx_string("trailer"),
    ngx_string("transfer-encoding"),
    ngx_string("upgrade"),
    ngx_null_string
};


/*
 * What was signed for us is signed anew for an endpoint; who has it must not
 * get the platform's signature, whatever its scheme, to guess its secret from.
 */

static ngx_str_t  ngx_http_webhook_outbound_headers[] = {
    ngx_string("webhook-id"),
    ngx_string("webhook-timestamp"),
    ngx_string("webhook-signature"),
    ngx_null_string
};


/* returns the queue of that name, or NULL */

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
 * Returns the queue of that name, which may be described later, or NULL if
 * there is no memory.
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
    queue->wake = NGX_INVALID_FILE;

    ngx_http_webhook_spool_conf(&queue->spool);

    return queue;
}


/* webhook_queue_path path queue=name [max_size=1g] [keep_dead=30d]; */

char *
ngx_http_webhook_queue_path(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    off_t                      size;
    time_t                     keep;
    ngx_str_t                 *value, name, path, text, zone;
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

            keep = ngx_parse_time(&text, 1);
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

#if (NGX_THREADS)
    if (ngx_thread_pool_add(cf, NULL) == NULL) {
        return NGX_CONF_ERROR;
    }
#endif

    queue->status = ngx_http_webhook_status_add(cf,
                                                NGX_HTTP_WEBHOOK_STATUS_QUEUE,
                                                &queue->name);
    if (queue->status == NULL) {
        return NGX_CONF_ERROR;
    }

    queue->status->gauges = ngx_http_webhook_queue_gauges;
    queue->status->data = queue;

    zone.len = sizeof(NGX_HTTP_WEBHOOK_QUEUE_ZONE) - 1 + name.len;
    zone.data = ngx_pnalloc(cf->pool, zone.len);
    if (zone.data == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_sprintf(zone.data, NGX_HTTP_WEBHOOK_QUEUE_ZONE "%V", &name);

    queue->shm_zone = ngx_shared_memory_add(cf, &zone, 8 * ngx_pagesize,
                                            &ngx_http_webhook_module);
    if (queue->shm_zone == NULL) {
        return NGX_CONF_ERROR;
    }

    queue->shm_zone->init = ngx_http_webhook_queue_init_zone;
    queue->shm_zone->data = queue;

    return ngx_http_webhook_add_file(cf, &queue->spool.path);
}


/*
 * Called in the master, which makes the files if there are none: a failure
 * leaves a running nginx as it is.
 */

static ngx_int_t
ngx_http_webhook_queue_init_zone(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_http_webhook_queue_t *old = data;

    ngx_log_t                 *log;
    ngx_http_webhook_queue_t  *queue;
    ngx_http_webhook_store_t  *store;

    log = shm_zone->shm.log;
    queue = shm_zone->data;

    ngx_http_webhook_store_owner(&queue->spool, queue->cycle);

    queue->previous = old;

    if (old) {
        queue->wake = old->wake;

    } else {
        queue->wake = eventfd(0, EFD_NONBLOCK|EFD_CLOEXEC);

        if (queue->wake == NGX_INVALID_FILE) {
            ngx_log_error(NGX_LOG_EMERG, log, ngx_errno, "eventfd() failed");
            return NGX_ERROR;
        }
    }

    if (old
        && old->spool.path.len == queue->spool.path.len
        && ngx_strncmp(old->spool.path.data, queue->spool.path.data,
                       queue->spool.path.len)
           == 0)
    {
        /* a single process, "master_process off", has it open */
        queue->store = old->store;

        if (old->spool.user == queue->spool.user
            && old->spool.group == queue->spool.group)
        {
            return NGX_OK;
        }

        return ngx_http_webhook_store_own(&queue->spool, log);
    }

    store = ngx_http_webhook_store_open(&queue->spool, NULL, log);
    if (store == NULL) {
        return NGX_ERROR;
    }

    ngx_http_webhook_store_close(store);

    if (old) {
        ngx_log_error(NGX_LOG_WARN, log, 0,
                      "webhook queue \"%V\" moves from \"%V\" to \"%V\": "
                      "what waits in the former is not delivered any more",
                      &queue->name, &old->spool.path, &queue->spool.path);
    }

    return NGX_OK;
}


/* webhook_queue name [endpoints=zone]; */

char *
ngx_http_webhook_queue(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_webhook_loc_conf_t *wlcf = conf;

    ngx_str_t                 *value, name;
    ngx_http_core_loc_conf_t  *clcf;

    if (wlcf->queue) {
        return "is duplicate";
    }

    value = cf->args->elts;

    wlcf->queue = ngx_http_webhook_queue_get(cf, &value[1]);
    if (wlcf->queue == NULL) {
        return NGX_CONF_ERROR;
    }

    if (cf->args->nelts == 3) {

        if (ngx_strncmp(value[2].data, "endpoints=", 10) != 0
            || value[2].len == 10)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\"", &value[2]);
            return NGX_CONF_ERROR;
        }

        name.len = value[2].len - 10;
        name.data = value[2].data + 10;

        wlcf->queue_zone = ngx_shared_memory_add(cf, &name, 0,
                                                 &ngx_http_webhook_module);
        if (wlcf->queue_zone == NULL) {
            return NGX_CONF_ERROR;
        }

        if (wlcf->queue->endpoints
            && wlcf->queue->endpoints != wlcf->queue_zone)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "webhook queue \"%V\" has the endpoints of "
                               "another zone already", &value[1]);
            return NGX_CONF_ERROR;
        }

        wlcf->queue->endpoints = wlcf->queue_zone;
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->handler) {
        return "is used beside another content handler, such as "
               "\"proxy_pass\"";
    }

    clcf->handler = ngx_http_webhook_queue_handler;

    wlcf->queue_file = cf->conf_file->file.name.data;
    wlcf->queue_line = cf->conf_file->line;

    return NGX_CONF_OK;
}


/*
 * Of a location that says "webhook_queue", or one within it, after the
 * configuration was read.  As content handlers are, it is inherited by "if" and
 * "limit_except" only.
 */

char *
ngx_http_webhook_queue_merge(ngx_conf_t *cf, ngx_http_webhook_loc_conf_t *prev,
    ngx_http_webhook_loc_conf_t *wlcf)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (wlcf->queue == NULL) {

        if (clcf->noname && clcf->handler == NULL) {
            wlcf->queue = prev->queue;
            wlcf->queue_zone = prev->queue_zone;
            clcf->handler = ngx_http_webhook_queue_handler;
        }

        return NGX_CONF_OK;
    }

    if (clcf->handler != ngx_http_webhook_queue_handler) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"webhook_queue\" is used beside another content "
                      "handler, such as \"proxy_pass\", in %s:%ui",
                      wlcf->queue_file, wlcf->queue_line);
        return NGX_CONF_ERROR;
    }

    if (wlcf->provider == NULL) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"webhook_queue\" needs \"webhook\" in %s:%ui",
                      wlcf->queue_file, wlcf->queue_line);
        return NGX_CONF_ERROR;
    }

    if (wlcf->endpoints) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"webhook_queue\" is used beside "
                      "\"webhook_endpoints\" in %s:%ui",
                      wlcf->queue_file, wlcf->queue_line);
        return NGX_CONF_ERROR;
    }

    if (wlcf->queue_zone == NULL) {
        return NGX_CONF_OK;
    }

    if (wlcf->provider != &ngx_http_webhook_munity) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"endpoints=\" needs \"webhook munity\" in %s:%ui",
                      wlcf->queue_file, wlcf->queue_line);
        return NGX_CONF_ERROR;
    }

    if (ngx_http_webhook_endpoint_check_zone(cf, wlcf->queue_zone,
                                             wlcf->queue_file,
                                             wlcf->queue_line)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* called after the configuration has been read */

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


/* called when a process begins that will serve requests */

void
ngx_http_webhook_queue_open(ngx_http_webhook_queue_t *queue,
    ngx_cycle_t *cycle)
{
    queue->cycle = cycle;

    queue->news.handler = ngx_http_webhook_queue_news;
    queue->news.data = queue;
    queue->news.log = cycle->log;

    (void) ngx_http_webhook_queue_opened(queue);

    if (queue->location) {
        ngx_http_webhook_deliver_open(queue, cycle);
    }
}


/* called when the process ends; nothing is under way any more */

void
ngx_http_webhook_queue_close(ngx_http_webhook_queue_t *queue)
{
    if (queue->deliverer) {
        ngx_http_webhook_deliver_close(queue);
    }

    if (queue->store) {
        ngx_http_webhook_store_close(queue->store);
        queue->store = NULL;
    }
}


/*
 * Returns NGX_OK if the store is open.  Otherwise tries to open it, once in a
 * second, and returns NGX_ERROR if that failed.
 */

ngx_int_t
ngx_http_webhook_queue_opened(ngx_http_webhook_queue_t *queue)
{
    if (queue->store) {
        return NGX_OK;
    }

    if (queue->tried == ngx_time()) {
        return NGX_ERROR;
    }

    queue->tried = ngx_time();

    queue->store = ngx_http_webhook_store_open(&queue->spool, queue->cycle,
                                               queue->cycle->log);

    return queue->store ? NGX_OK : NGX_ERROR;
}


static void
ngx_http_webhook_queue_gauges(void *data, uint64_t *values)
{
    ngx_http_webhook_queue_t *queue = data;

    uint64_t                        now;
    ngx_http_webhook_spool_stat_t   st;

    if (ngx_http_webhook_queue_opened(queue) != NGX_OK
        || ngx_http_webhook_spool_stat(queue->store, &st) != NGX_OK)
    {
        return;
    }

    now = (uint64_t) ngx_time() * 1000;

    values[NGX_HTTP_WEBHOOK_STATUS_WAITING] = st.waiting;
    values[NGX_HTTP_WEBHOOK_STATUS_DEAD_NOW] = st.dead;
    values[NGX_HTTP_WEBHOOK_STATUS_BYTES] = st.used;
    values[NGX_HTTP_WEBHOOK_STATUS_MAX_BYTES] = queue->spool.size;
    values[NGX_HTTP_WEBHOOK_STATUS_OLDEST] = (st.oldest && st.oldest < now)
                                             ? (now - st.oldest) / 1000 : 0;
}


/* something is due: tells who delivers, once in a turn of the event loop */

void
ngx_http_webhook_queue_tell(ngx_http_webhook_queue_t *queue)
{
    if (!queue->news.posted) {
        ngx_post_event(&queue->news, &ngx_posted_events);
    }
}


static void
ngx_http_webhook_queue_news(ngx_event_t *ev)
{
    uint64_t                   one;
    ngx_http_webhook_queue_t  *queue;

    queue = ev->data;

    if (queue->deliverer) {
        ngx_http_webhook_deliver_wake(queue);
    }

    /* its count being full says the same */

    one = 1;

    if (write(queue->wake, &one, sizeof(uint64_t)) == -1
        && ngx_errno != NGX_EAGAIN)
    {
        ngx_log_error(NGX_LOG_ALERT, ev->log, ngx_errno,
                      "write() to an eventfd failed");
    }
}


static ngx_int_t
ngx_http_webhook_queue_handler(ngx_http_request_t *r)
{
    ngx_int_t                     rc;
    ngx_chain_t                  *cl;
    ngx_http_webhook_ctx_t       *ctx;
    ngx_http_webhook_event_t     *event;
    ngx_http_webhook_enqueue_t   *enqueue;
    ngx_http_webhook_loc_conf_t  *wlcf;

    wlcf = ngx_http_get_module_loc_conf(r, ngx_http_webhook_module);
    ctx = ngx_http_get_module_ctx(r, ngx_http_webhook_module);

    if (r != r->main || ctx == NULL || ctx->conf != wlcf || !ctx->started) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "\"webhook_queue\" takes no event that was not judged in "
                      "its location, as in a subrequest");
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    enqueue = ngx_pcalloc(r->pool, sizeof(ngx_http_webhook_enqueue_t));
    if (enqueue == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->data = enqueue;

    enqueue->queue = wlcf->queue;
    enqueue->handler = ngx_http_webhook_queue_enqueued;
    enqueue->data = r;

    if (ngx_http_webhook_queue_opened(wlcf->queue) != NGX_OK) {
        enqueue->sc.change.rc = NGX_ERROR;
        return ngx_http_webhook_queue_answer(r, enqueue);
    }

    event = &enqueue->sc.event;

    if (!ctx->has_own_id) {
        ctx->has_own_id = 1;
        ngx_http_webhook_uuid_generate_ordered(ctx->own_id);
    }

    ngx_memcpy(event->id, ctx->own_id, NGX_HTTP_WEBHOOK_UUID_SIZE);

    if (ngx_http_webhook_set_id(r, ctx, 1) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (wlcf->queue_zone) {

        enqueue->fans_out = 1;

        rc = ngx_http_webhook_outbound_find(r, ctx, wlcf->queue_zone,
                                            &enqueue->workspace,
                                            &event->destination);
        if (rc != NGX_OK) {
            enqueue->unwanted = (rc == NGX_DECLINED);
            enqueue->sc.change.rc = (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
            return ngx_http_webhook_queue_answer(r, enqueue);
        }

    } else if (ngx_http_webhook_queue_destination(r, wlcf->queue,
                                                  &event->destination)
               != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_http_webhook_message_create(r, ctx, &enqueue->workspace,
                                        &enqueue->sc.head)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (r->request_body) {
        enqueue->sc.body = r->request_body->bufs;

        for (cl = enqueue->sc.body; cl; cl = cl->next) {
            enqueue->sc.length += ngx_buf_size(cl->buf);
        }
    }

    ngx_http_webhook_queue_submit(enqueue);

    return ngx_http_webhook_suspend(r, ctx, ngx_http_webhook_queue_answered);
}


static void
ngx_http_webhook_queue_submit(ngx_http_webhook_enqueue_t *enqueue)
{
    enqueue->sc.type = NGX_HTTP_WEBHOOK_SPOOL_ADD;
    enqueue->sc.change.handler = ngx_http_webhook_queue_done;
    enqueue->sc.change.data = enqueue;

    ngx_http_webhook_spool_submit(enqueue->queue->store, &enqueue->sc);
}


/*
 * Takes an event of our own, of "name" and with "text" as its body, for the
 * endpoint of "workspace" if "uuid" is that one's.  Returns NGX_AGAIN if
 * "handler" will be called; "pool" must live until then.  Otherwise returns
 * NGX_ERROR, and so does the result.
 */

ngx_int_t
ngx_http_webhook_enqueue_own(ngx_http_webhook_enqueue_t *enqueue,
    ngx_pool_t *pool, u_char *uuid)
{
    u_char                      *id;
    ngx_buf_t                   *b;
    ngx_uint_t                   i;
    ngx_chain_t                 *cl;
    ngx_keyval_t                *kv;
    struct sockaddr             *sockaddr;
    ngx_http_webhook_event_t    *event;
    ngx_http_webhook_message_t   message;

    event = &enqueue->sc.event;
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

    ngx_memzero(&message, sizeof(ngx_http_webhook_message_t));

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

    if (uuid) {
        message.workspace = enqueue->workspace;
        event->destination = ngx_http_webhook_get64(uuid);
    }

    if (ngx_array_init(&message.headers, pool, 1, sizeof(ngx_keyval_t))
        != NGX_OK
        || ngx_array_init(&message.variables, pool, 5, sizeof(ngx_keyval_t))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    kv = ngx_array_push(&message.headers);
    ngx_str_set(&kv->key, "Content-Type");
    ngx_str_set(&kv->value, "application/json");

    kv = ngx_array_push_n(&message.variables, 5);
    i = 0;

    ngx_str_set(&kv[i].key, "provider");
    kv[i++].value = ngx_http_webhook_munity.name;
    ngx_str_set(&kv[i].key, "event");
    kv[i++].value = enqueue->name;
    ngx_str_set(&kv[i].key, "field_event");
    kv[i++].value = enqueue->name;
    ngx_str_set(&kv[i].key, "field_workspace_id");
    kv[i++].value = enqueue->workspace;
    ngx_str_set(&kv[i].key, "id");
    kv[i++].value = message.id;

    if (ngx_http_webhook_message_print(pool, &message, &enqueue->sc.head)
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


static void
ngx_http_webhook_queue_done(ngx_http_webhook_change_t *change)
{
    ngx_http_webhook_queue_t    *queue;
    ngx_http_webhook_enqueue_t  *enqueue;

    enqueue = change->data;
    queue = enqueue->queue;

    if (change->rc == NGX_OK) {
        ngx_http_webhook_status_count(queue->status,
                                      NGX_HTTP_WEBHOOK_STATUS_QUEUED);
        ngx_http_webhook_queue_tell(queue);

    } else if (change->rc == NGX_DECLINED && queue->logged != ngx_time()) {
        queue->logged = ngx_time();

        ngx_log_error(NGX_LOG_CRIT, queue->cycle->log, 0,
                      "webhook queue \"%V\" is full: an event was refused",
                      &queue->name);
    }

    enqueue->handler(enqueue);
}


static void
ngx_http_webhook_queue_enqueued(ngx_http_webhook_enqueue_t *enqueue)
{
    if (enqueue->sc.change.rc == NGX_OK) {
        /* also if the sender has gone away meanwhile */
        ngx_http_webhook_dedup_accepted(enqueue->data, NGX_HTTP_ACCEPTED);
    }

    ngx_http_webhook_resume(enqueue->data);
}


static ngx_int_t
ngx_http_webhook_queue_answered(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx)
{
    return ngx_http_webhook_queue_answer(r, ctx->data);
}


/* answers with what became of an event; returns what a handler returns */

ngx_int_t
ngx_http_webhook_queue_answer(ngx_http_request_t *r,
    ngx_http_webhook_enqueue_t *enqueue)
{
    ngx_buf_t               *b;
    ngx_chain_t              out;
    ngx_http_webhook_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_webhook_module);

    if (enqueue->sc.change.rc != NGX_OK) {
        return ngx_http_webhook_refuse(r, ctx, enqueue->sc.change.full
                                               ? &ngx_http_webhook_queue_full
                                               : &ngx_http_webhook_store_failed,
                                       NULL);
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

    return ngx_http_webhook_send_json(r, NGX_HTTP_ACCEPTED, &out,
                                      b->last - b->pos);
}


/* one does not wait for events of another; 0 is the only one */

static ngx_int_t
ngx_http_webhook_queue_destination(ngx_http_request_t *r,
    ngx_http_webhook_queue_t *queue, uint64_t *destination)
{
    size_t     i;
    uint64_t   hash;
    ngx_str_t  text;

    *destination = 0;

    if (queue->location == NULL || queue->location->destination == NULL) {
        return NGX_OK;
    }

    if (ngx_http_complex_value(r, queue->location->destination, &text)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* FNV-1a: two of one hash only share their turns */

    hash = 0xcbf29ce484222325ULL;

    for (i = 0; i < text.len; i++) {
        hash = (hash ^ text.data[i]) * 0x100000001b3ULL;
    }

    *destination = hash;

    return NGX_OK;
}


/* makes of a request what ngx_http_webhook_message_parse() reads */

static ngx_int_t
ngx_http_webhook_message_create(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_str_t *workspace, ngx_str_t *head)
{
    ngx_str_t                    hops[NGX_HTTP_WEBHOOK_MESSAGE_HOPS + 1];
    ngx_uint_t                   i;
    ngx_keyval_t                *kv;
    ngx_list_part_t             *part;
    ngx_table_elt_t             *header;
    ngx_connection_t            *c;
    ngx_http_webhook_message_t   message;

    c = r->connection;

    if (ngx_connection_local_sockaddr(c, NULL, 0) != NGX_OK) {
        return NGX_ERROR;
    }

    message.uri = r->uri;
    message.unparsed_uri = r->unparsed_uri;
    message.args = r->args;
    message.host = r->headers_in.server;
    message.addr = c->addr_text;
    message.sockaddr.len = c->socklen;
    message.sockaddr.data = (u_char *) c->sockaddr;
    message.local_sockaddr.len = c->local_socklen;
    message.local_sockaddr.data = (u_char *) c->local_sockaddr;
    message.id = ctx->id;
    message.workspace = *workspace;

    if (workspace->len
        && ngx_strlchr(ctx->id.data, ctx->id.data + ctx->id.len, '.'))
    {
        /* what is signed must not be cut at another place */

        message.id.len = NGX_HTTP_WEBHOOK_UUID_LEN;
        message.id.data = ngx_pnalloc(r->pool, NGX_HTTP_WEBHOOK_UUID_LEN);
        if (message.id.data == NULL) {
            return NGX_ERROR;
        }

        (void) ngx_http_webhook_uuid_print(message.id.data, ctx->own_id);
    }

    if (ngx_array_init(&message.headers, r->pool, 16, sizeof(ngx_keyval_t))
        != NGX_OK
        || ngx_array_init(&message.variables, r->pool, 16, sizeof(ngx_keyval_t))
           != NGX_OK
        || ngx_http_webhook_message_hops(r, hops) != NGX_OK)
    {
        return NGX_ERROR;
    }

    part = &r->headers_in.headers.part;
    header = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                break;
            }

            part = part->next;
            header = part->elts;
            i = 0;
        }

        if (ngx_http_webhook_message_drops(ctx, &header[i], hops,
                                           workspace->len))
        {
            continue;
        }

        kv = ngx_array_push(&message.headers);
        if (kv == NULL) {
            return NGX_ERROR;
        }

        kv->key = header[i].key;
        kv->value = header[i].value;
    }

    if (ngx_http_webhook_save_variables(r, ctx, &message.variables)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_webhook_message_print(r->pool, &message, head);
}


static ngx_int_t
ngx_http_webhook_message_print(ngx_pool_t *pool,
    ngx_http_webhook_message_t *message, ngx_str_t *head)
{
    u_char      *p;
    ngx_uint_t   i;

    head->len = ngx_http_webhook_message_size(&message->headers)
                + ngx_http_webhook_message_size(&message->variables);

    for (i = 0; i < NGX_HTTP_WEBHOOK_MESSAGE_TEXTS; i++) {
        head->len += NGX_HTTP_WEBHOOK_MESSAGE_EXTRA
                     + ngx_http_webhook_message_text(message, i)->len;
    }

    p = ngx_pnalloc(pool, head->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    head->data = p;

    for (i = 0; i < NGX_HTTP_WEBHOOK_MESSAGE_TEXTS; i++) {
        p = ngx_http_webhook_message_put(p,
                                   ngx_http_webhook_message_text(message, i));
    }

    p = ngx_http_webhook_message_put_pairs(p, &message->headers);
    (void) ngx_http_webhook_message_put_pairs(p, &message->variables);

    return NGX_OK;
}


static ngx_uint_t
ngx_http_webhook_message_drops(ngx_http_webhook_ctx_t *ctx,
    ngx_table_elt_t *header, ngx_str_t *hops, ngx_uint_t outbound)
{
    ngx_str_t  *name;

    if (header->hash == 0
        || ngx_http_webhook_message_drop(header,
                                         ngx_http_webhook_dropped_headers)
        || ngx_http_webhook_message_drop(header, hops)
        || (outbound
            && ngx_http_webhook_message_drop(header,
                                           ngx_http_webhook_outbound_headers))
        || (outbound && ctx->conf->signature
            && ngx_http_webhook_signature_has(ctx->conf->signature, header)))
    {
        return 1;
    }

    name = &ctx->conf->secret_key;

    return header->key.len == name->len
           && ngx_strncmp(header->lowcase_key, name->data, name->len) == 0;
}


/*
 * The names of headers that, as the sender says, are for this connection only;
 * an empty one follows.  Before 1.23.0 nginx does not set
 * r->headers_in.connection.
 */

static ngx_int_t
ngx_http_webhook_message_hops(ngx_http_request_t *r, ngx_str_t *hops)
{
    ngx_uint_t        i, n;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    n = 0;

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (h[i].key.len == sizeof("connection") - 1
                && ngx_strncmp(h[i].lowcase_key, "connection",
                               sizeof("connection") - 1)
                   == 0
                && ngx_http_webhook_message_hop(r, &h[i].value, hops, &n)
                   != NGX_OK)
            {
                return NGX_ERROR;
            }
        }
    }

    ngx_str_null(&hops[n]);

    return NGX_OK;
}


/* adds those of a list, in lower case, as long as there is room */

static ngx_int_t
ngx_http_webhook_message_hop(ngx_http_request_t *r, ngx_str_t *list,
    ngx_str_t *hops, ngx_uint_t *n)
{
    u_char     *last, *p;
    ngx_str_t  *hop;

    p = ngx_pnalloc(r->pool, list->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_strlow(p, list->data, list->len);
    last = p + list->len;

    for ( /* void */ ; p < last && *n < NGX_HTTP_WEBHOOK_MESSAGE_HOPS; p++) {

        hop = &hops[*n];
        hop->data = p;

        while (p < last && *p != ',' && *p != ' ' && *p != '\t') {
            p++;
        }

        hop->len = p - hop->data;

        if (hop->len) {
            (*n)++;
        }
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_http_webhook_message_drop(ngx_table_elt_t *header, ngx_str_t *name)
{
    for ( /* void */ ; name->len; name++) {

        if (header->key.len == name->len
            && ngx_strncmp(header->lowcase_key, name->data, name->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


static size_t
ngx_http_webhook_message_size(ngx_array_t *pairs)
{
    size_t         size;
    ngx_uint_t     i;
    ngx_keyval_t  *kv;

    kv = pairs->elts;
    size = NGX_HTTP_WEBHOOK_MESSAGE_EXTRA;

    for (i = 0; i < pairs->nelts; i++) {
        size += 2 * NGX_HTTP_WEBHOOK_MESSAGE_EXTRA + kv[i].key.len
                + kv[i].value.len;
    }

    return size;
}


/*
 * Four bytes of length, the highest first, the text, and a zero: where nginx
 * searches in a header it relies on that.
 */

static u_char *
ngx_http_webhook_message_put(u_char *p, ngx_str_t *text)
{
    *p++ = (u_char) (text->len >> 24);
    *p++ = (u_char) (text->len >> 16);
    *p++ = (u_char) (text->len >> 8);
    *p++ = (u_char) text->len;

    if (text->len) {
        p = ngx_cpymem(p, text->data, text->len);
    }

    *p++ = '\0';

    return p;
}


/* names and values; an empty name follows the last one */

static u_char *
ngx_http_webhook_message_put_pairs(u_char *p, ngx_array_t *pairs)
{
    ngx_str_t      end;
    ngx_uint_t     i;
    ngx_keyval_t  *kv;

    kv = pairs->elts;

    for (i = 0; i < pairs->nelts; i++) {
        p = ngx_http_webhook_message_put(p, &kv[i].key);
        p = ngx_http_webhook_message_put(p, &kv[i].value);
    }

    ngx_str_null(&end);

    return ngx_http_webhook_message_put(p, &end);
}


/*
 * Reads what a queue has kept of a request.  The texts are those in "head".
 * Returns NGX_OK, NGX_DECLINED if it is not what we have written, or NGX_ERROR.
 */

ngx_int_t
ngx_http_webhook_message_parse(ngx_str_t *head, ngx_pool_t *pool,
    ngx_http_webhook_message_t *message)
{
    ngx_int_t   rc;
    ngx_str_t   rest;
    ngx_uint_t  i;

    rest = *head;

    for (i = 0; i < NGX_HTTP_WEBHOOK_MESSAGE_TEXTS; i++) {

        if (ngx_http_webhook_message_get(&rest,
                                    ngx_http_webhook_message_text(message, i))
            != NGX_OK)
        {
            return NGX_DECLINED;
        }
    }

    rc = ngx_http_webhook_message_get_pairs(&rest, pool, &message->headers);

    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_http_webhook_message_get_pairs(&rest, pool, &message->variables);

    return (rc == NGX_OK && rest.len) ? NGX_DECLINED : rc;
}


static ngx_int_t
ngx_http_webhook_message_get(ngx_str_t *rest, ngx_str_t *text)
{
    u_char  *p;

    if (rest->len < NGX_HTTP_WEBHOOK_MESSAGE_EXTRA) {
        return NGX_DECLINED;
    }

    p = rest->data;

    text->len = (size_t) p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
    text->data = p + 4;

    rest->len -= NGX_HTTP_WEBHOOK_MESSAGE_EXTRA;

    if (text->len > rest->len || text->data[text->len] != '\0') {
        return NGX_DECLINED;
    }

    rest->len -= text->len;
    rest->data = text->data + text->len + 1;

    return NGX_OK;
}


static ngx_int_t
ngx_http_webhook_message_get_pairs(ngx_str_t *rest, ngx_pool_t *pool,
    ngx_array_t *pairs)
{
    ngx_str_t      key, value;
    ngx_keyval_t  *kv;

    if (ngx_array_init(pairs, pool, 16, sizeof(ngx_keyval_t)) != NGX_OK) {
        return NGX_ERROR;
    }

    for ( ;; ) {

        if (ngx_http_webhook_message_get(rest, &key) != NGX_OK) {
            return NGX_DECLINED;
        }

        if (key.len == 0) {
            return NGX_OK;
        }

        if (ngx_http_webhook_message_get(rest, &value) != NGX_OK) {
            return NGX_DECLINED;
        }

        kv = ngx_array_push(pairs);
        if (kv == NULL) {
            return NGX_ERROR;
        }

        kv->key = key;
        kv->value = value;
    }
}
