
/*
 * "webhook_api": what is in the queues, and what could not be delivered, to be
 * seen, replayed or deleted.  Under the location's prefix:
 *
 *     GET     /queues
 *     GET     /queues/<queue>
 *     GET     /queues/<queue>/dead?limit=&after=
 *     POST    /queues/<queue>/dead/replay
 *     DELETE  /queues/<queue>/dead/<id>
 *     POST    /queues/<queue>/dead/<id>/replay
 *     GET     /queues/<queue>/events/<id>
 */


#include "queue/ngx_http_webhook_api.h"
#include "queue/ngx_http_webhook_message.h"
#include "queue/ngx_http_webhook_queue.h"
#include "core/ngx_http_webhook_ctx.h"
#include "judge/ngx_http_webhook_answer.h"
#include "judge/ngx_http_webhook_problem.h"
#include "judge/ngx_http_webhook_secret.h"


#define NGX_HTTP_WEBHOOK_API_LIMIT      100
#define NGX_HTTP_WEBHOOK_API_LIMIT_MAX  1000

/* dead letters that are replayed in one commit */
#define NGX_HTTP_WEBHOOK_API_BATCH      256

/* an event may move while it is read; how often it is looked for */
#define NGX_HTTP_WEBHOOK_API_TRIES      3

/* of the path, from "queues" on */
#define NGX_HTTP_WEBHOOK_API_SEGMENTS   5


/* one request's; some wait for the store */

typedef struct {
    ngx_http_request_t               *request;
    ngx_http_webhook_queue_t         *queue;
    ngx_http_webhook_event_t          event;        /* of "after" or the id */
    ngx_uint_t                        limit;
    ngx_uint_t                        after;        /* there is one */

    json_t                           *list;
    ngx_http_webhook_spool_change_t  *changes;
    ngx_uint_t                        n;
    ngx_uint_t                        waiting;      /* for these */
    ngx_uint_t                        replayed;
    ngx_uint_t                        left;         /* to be looked at */
    ngx_int_t                         rc;
} ngx_http_webhook_api_t;


static ngx_int_t ngx_http_webhook_api_route(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx);
static ngx_uint_t ngx_http_webhook_api_segments(ngx_http_request_t *r,
    ngx_str_t *segments);
static ngx_int_t ngx_http_webhook_api_open(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx);
static ngx_int_t ngx_http_webhook_api_page(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx);
static ngx_int_t ngx_http_webhook_api_find(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx);
static ngx_int_t ngx_http_webhook_api_dead_find(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx);
static ngx_int_t ngx_http_webhook_api_queues_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_webhook_api_queue_handler(ngx_http_request_t *r);
static json_t *ngx_http_webhook_api_queue_json(ngx_http_request_t *r,
    ngx_http_webhook_queue_t *queue);
static ngx_int_t ngx_http_webhook_api_dead_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_webhook_api_add(void *data,
    ngx_http_webhook_event_t *event);
static ngx_int_t ngx_http_webhook_api_event_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_webhook_api_read(ngx_http_webhook_api_t *api,
    ngx_http_webhook_event_t *event, ngx_str_t *head, ngx_str_t *body);
static json_t *ngx_http_webhook_api_event_json(
    ngx_http_webhook_event_t *event);
static json_t *ngx_http_webhook_api_pairs_json(ngx_http_request_t *r,
    ngx_array_t *pairs);
static json_t *ngx_http_webhook_api_text(ngx_http_request_t *r,
    ngx_str_t *text);
static json_t *ngx_http_webhook_api_base64(ngx_http_request_t *r,
    ngx_str_t *text);
static ngx_int_t ngx_http_webhook_api_change_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_webhook_api_replay_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_webhook_api_replay(ngx_http_webhook_api_t *api);
static ngx_int_t ngx_http_webhook_api_replay_one(void *data,
    ngx_http_webhook_event_t *event);
static void ngx_http_webhook_api_changed(ngx_http_webhook_change_t *change);
static ngx_int_t ngx_http_webhook_api_answer(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx);
static void ngx_http_webhook_api_free(void *data);


static ngx_str_t  ngx_http_webhook_api_events[] = {
    ngx_null_string
};


static ngx_http_webhook_method_t  ngx_http_webhook_api_queues_methods[] = {
    { NGX_HTTP_GET|NGX_HTTP_HEAD, ngx_http_webhook_authenticate,
      ngx_http_webhook_api_open, 0, NULL, NULL },
    { 0, NULL, NULL, 0, NULL, NULL }
};

static ngx_http_webhook_method_t  ngx_http_webhook_api_dead_methods[] = {
    { NGX_HTTP_GET|NGX_HTTP_HEAD, ngx_http_webhook_authenticate,
      ngx_http_webhook_api_page, 0, NULL, NULL },
    { 0, NULL, NULL, 0, NULL, NULL }
};

static ngx_http_webhook_method_t  ngx_http_webhook_api_event_methods[] = {
    { NGX_HTTP_GET|NGX_HTTP_HEAD, ngx_http_webhook_authenticate,
      ngx_http_webhook_api_find, 0, NULL, NULL },
    { 0, NULL, NULL, 0, NULL, NULL }
};

static ngx_http_webhook_method_t  ngx_http_webhook_api_replay_all_methods[] = {
    { NGX_HTTP_POST, ngx_http_webhook_authenticate,
      ngx_http_webhook_api_open, 0, NULL, NULL },
    { 0, NULL, NULL, 0, NULL, NULL }
};

static ngx_http_webhook_method_t  ngx_http_webhook_api_replay_methods[] = {
    { NGX_HTTP_POST, ngx_http_webhook_authenticate,
      ngx_http_webhook_api_dead_find, 0, NULL, NULL },
    { 0, NULL, NULL, 0, NULL, NULL }
};

static ngx_http_webhook_method_t  ngx_http_webhook_api_delete_methods[] = {
    { NGX_HTTP_DELETE, ngx_http_webhook_authenticate,
      ngx_http_webhook_api_dead_find, 0, NULL, NULL },
    { 0, NULL, NULL, 0, NULL, NULL }
};


/* by what a path of so many segments has as its third, and fourth or fifth */

typedef struct {
    ngx_uint_t                        n;
    ngx_str_t                         third;
    ngx_str_t                         last;
    ngx_http_handler_pt               handler;
    ngx_http_webhook_resource_t       resource;
} ngx_http_webhook_api_path_t;

static ngx_http_webhook_api_path_t  ngx_http_webhook_api_paths[] = {

    { 1, ngx_null_string, ngx_null_string,
      ngx_http_webhook_api_queues_handler,
      { ngx_string("GET, HEAD"), ngx_http_webhook_api_queues_methods } },

    { 2, ngx_null_string, ngx_null_string,
      ngx_http_webhook_api_queue_handler,
      { ngx_string("GET, HEAD"), ngx_http_webhook_api_queues_methods } },

    { 3, ngx_string("dead"), ngx_null_string,
      ngx_http_webhook_api_dead_handler,
      { ngx_string("GET, HEAD"), ngx_http_webhook_api_dead_methods } },

    { 4, ngx_string("dead"), ngx_string("replay"),
      ngx_http_webhook_api_replay_handler,
      { ngx_string("POST"), ngx_http_webhook_api_replay_all_methods } },

    { 4, ngx_string("dead"), ngx_null_string,
      ngx_http_webhook_api_change_handler,
      { ngx_string("DELETE"), ngx_http_webhook_api_delete_methods } },

    { 4, ngx_string("events"), ngx_null_string,
      ngx_http_webhook_api_event_handler,
      { ngx_string("GET, HEAD"), ngx_http_webhook_api_event_methods } },

    { 5, ngx_string("dead"), ngx_string("replay"),
      ngx_http_webhook_api_change_handler,
      { ngx_string("POST"), ngx_http_webhook_api_replay_methods } },

    { 0, ngx_null_string, ngx_null_string, NULL, { ngx_null_string, NULL } }
};


static ngx_http_webhook_verdict_t  ngx_http_webhook_api_not_found = {
    NGX_HTTP_NOT_FOUND,
    ngx_string("not_found"),
    ngx_string("there is no such queue or event"),
    ngx_null_string,
    0
};

static ngx_http_webhook_verdict_t  ngx_http_webhook_api_invalid_limit = {
    NGX_HTTP_BAD_REQUEST,
    ngx_string("invalid_limit"),
    ngx_string("limit must be a number from 1 to 1000"),
    ngx_null_string,
    0
};

static ngx_http_webhook_verdict_t  ngx_http_webhook_api_invalid_after = {
    NGX_HTTP_BAD_REQUEST,
    ngx_string("invalid_after"),
    ngx_string("after must be the id of a dead event of this queue"),
    ngx_null_string,
    0
};


ngx_http_webhook_provider_t  ngx_http_webhook_api = {
    ngx_string("api"),
    ngx_http_webhook_api_events,
    NGX_HTTP_WEBHOOK_ROOT,
    ngx_http_webhook_api_route,
    NULL,                                  /* param */
    NULL,                                  /* check */
    &ngx_http_webhook_problem_json,
    ngx_null_string,                       /* scheme */
    NGX_HTTP_WEBHOOK_MANAGEMENT,           /* secret */
    0                                      /* slug */
};


/* what an attempt that did not succeed was answered */

static struct {
    uint64_t   status;
    char      *text;
} ngx_http_webhook_api_errors[] = {
    { 0, "no answer" },
    { 410, "gone" },
    { 429, "too many requests" },
    { 500, "internal server error" },
    { 502, "no connection, or no valid answer" },
    { 503, "service unavailable" },
    { 504, "timed out" },
    { (uint64_t) -1, "refused" }
};


/* webhook_api; */

char *
ngx_http_webhook_api_directive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_webhook_loc_conf_t *wlcf = conf;

    if (wlcf->provider != NGX_CONF_UNSET_PTR) {
        return (wlcf->provider == &ngx_http_webhook_api)
               ? "is duplicate" : "is used beside \"webhook\"";
    }

    wlcf->provider = &ngx_http_webhook_api;
    wlcf->file = cf->conf_file->file.name.data;
    wlcf->line = cf->conf_file->line;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_webhook_api_route(ngx_http_request_t *r, ngx_http_webhook_ctx_t *ctx)
{
    ngx_str_t                     segments[NGX_HTTP_WEBHOOK_API_SEGMENTS], id;
    ngx_str_t                    *last;
    ngx_uint_t                    n;
    ngx_pool_cleanup_t           *cln;
    ngx_http_webhook_api_t       *api;
    ngx_http_webhook_api_path_t  *path;
    ngx_http_webhook_main_conf_t *wmcf;

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_webhook_api_t));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    api = cln->data;
    ngx_memzero(api, sizeof(ngx_http_webhook_api_t));
    cln->handler = ngx_http_webhook_api_free;

    api->request = r;
    ctx->data = api;

    wmcf = ngx_http_get_module_main_conf(r, ngx_http_webhook_module);

    n = ngx_http_webhook_api_segments(r, segments);

    for (path = ngx_http_webhook_api_paths; path->n; path++) {

        if (path->n != n) {
            continue;
        }

        if (n > 2
            && (segments[2].len != path->third.len
                || ngx_memcmp(segments[2].data, path->third.data,
                              path->third.len)
                   != 0))
        {
            continue;
        }

        last = &segments[n - 1];

        if (path->last.len == 0
            || (last->len == path->last.len
                && ngx_memcmp(last->data, path->last.data, last->len) == 0))
        {
            break;
        }
    }

    if (path->n == 0) {
        goto not_found;
    }

    if (n > 1) {
        api->queue = ngx_http_webhook_queue_find(wmcf, &segments[1]);

        if (api->queue == NULL) {
            goto not_found;
        }
    }

    if (path->handler == ngx_http_webhook_api_change_handler
        || path->handler == ngx_http_webhook_api_event_handler)
    {
        id = segments[3];

        if (ngx_http_webhook_uuid_parse(&id, api->event.id) != NGX_OK) {
            goto not_found;
        }
    }

    ctx->resource = &path->resource;
    r->content_handler = path->handler;

    return NGX_OK;

not_found:

    return ngx_http_webhook_reject(ctx, &ngx_http_webhook_api_not_found, NULL);
}


/* splits the path from "queues" on; 0: it has none, or is too long */

static ngx_uint_t
ngx_http_webhook_api_segments(ngx_http_request_t *r, ngx_str_t *segments)
{
    u_char                    *last, *p, *start;
    ngx_str_t                  segment;
    ngx_uint_t                 n;
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    p = r->uri.data;
    last = p + r->uri.len;

    if (r->uri.len >= clcf->name.len
        && ngx_strncmp(p, clcf->name.data, clcf->name.len) == 0)
    {
        p += clcf->name.len;

        if (p[-1] == '/') {
            p--;
        }
    }

    n = 0;

    while (p < last) {

        if (*p++ != '/') {
            /* what only begins with the location's name */
            return 0;
        }

        start = p;

        while (p < last && *p != '/') {
            p++;
        }

        segment.len = p - start;
        segment.data = start;

        if (n == 0
            && (segment.len != sizeof("queues") - 1
                || ngx_strncmp(start, "queues", segment.len) != 0))
        {
            continue;
        }

        if (n == NGX_HTTP_WEBHOOK_API_SEGMENTS || segment.len == 0) {
            return 0;
        }

        segments[n++] = segment;
    }

    return n;
}


/* the steps before the content handler: they may still refuse */

static ngx_int_t
ngx_http_webhook_api_open(ngx_http_request_t *r, ngx_http_webhook_ctx_t *ctx)
{
    ngx_http_webhook_api_t  *api;

    api = ctx->data;

    if (api->queue && ngx_http_webhook_queue_opened(api->queue) != NGX_OK) {
        return ngx_http_webhook_reject(ctx, &ngx_http_webhook_store_failed,
                                       NULL);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_webhook_api_page(ngx_http_request_t *r, ngx_http_webhook_ctx_t *ctx)
{
    ngx_int_t                limit, rc;
    ngx_str_t                value;
    ngx_http_webhook_api_t  *api;

    rc = ngx_http_webhook_api_open(r, ctx);
    if (rc != NGX_OK) {
        return rc;
    }

    api = ctx->data;
    api->limit = NGX_HTTP_WEBHOOK_API_LIMIT;

    if (ngx_http_arg(r, (u_char *) "limit", 5, &value) == NGX_OK) {

        limit = ngx_atoi(value.data, value.len);

        if (limit < 1 || limit > NGX_HTTP_WEBHOOK_API_LIMIT_MAX) {
            return ngx_http_webhook_reject(ctx,
                                           &ngx_http_webhook_api_invalid_limit,
                                           NULL);
        }

        api->limit = limit;
    }

    if (ngx_http_arg(r, (u_char *) "after", 5, &value) != NGX_OK) {
        return NGX_OK;
    }

    rc = ngx_http_webhook_uuid_parse(&value, api->event.id);

    if (rc == NGX_OK) {
        rc = ngx_http_webhook_spool_find(api->queue->store, api->event.id,
                                         &api->event);
    }

    if (rc == NGX_ERROR) {
        return ngx_http_webhook_reject(ctx, &ngx_http_webhook_store_failed,
                                       NULL);
    }

    if (rc != NGX_OK || api->event.state != NGX_HTTP_WEBHOOK_DEAD) {
        return ngx_http_webhook_reject(ctx,
                                       &ngx_http_webhook_api_invalid_after,
                                       NULL);
    }

    api->after = 1;

    return NGX_OK;
}


static ngx_int_t
ngx_http_webhook_api_find(ngx_http_request_t *r, ngx_http_webhook_ctx_t *ctx)
{
    ngx_int_t                rc;
    ngx_http_webhook_api_t  *api;

    rc = ngx_http_webhook_api_open(r, ctx);
    if (rc != NGX_OK) {
        return rc;
    }

    api = ctx->data;

    rc = ngx_http_webhook_spool_find(api->queue->store, api->event.id,
                                     &api->event);
    if (rc == NGX_OK) {
        return NGX_OK;
    }

    return ngx_http_webhook_reject(ctx, (rc == NGX_DECLINED)
                                        ? &ngx_http_webhook_api_not_found
                                        : &ngx_http_webhook_store_failed,
                                   NULL);
}


static ngx_int_t
ngx_http_webhook_api_dead_find(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx)
{
    ngx_int_t                rc;
    ngx_http_webhook_api_t  *api;

    rc = ngx_http_webhook_api_find(r, ctx);

    api = ctx->data;

    if (rc == NGX_OK && api->event.state != NGX_HTTP_WEBHOOK_DEAD) {
        return ngx_http_webhook_reject(ctx, &ngx_http_webhook_api_not_found,
                                       NULL);
    }

    return rc;
}


static ngx_int_t
ngx_http_webhook_api_queues_handler(ngx_http_request_t *r)
{
    json_t                         *json, *list;
    ngx_uint_t                      i;
    ngx_http_webhook_queue_t      **queue;
    ngx_http_webhook_main_conf_t   *wmcf;

    wmcf = ngx_http_get_module_main_conf(r, ngx_http_webhook_module);
    queue = wmcf->queues.elts;

    list = json_array();

    for (i = 0; list && i < wmcf->queues.nelts; i++) {

        json = ngx_http_webhook_api_queue_json(r, queue[i]);

        if (json == NULL) {

            /* the others are shown all the same */

            json = json_pack("{s:o, s:s}", "queue",
                             ngx_http_webhook_api_text(r, &queue[i]->name),
                             "error", "store_failed");
        }

        if (json_array_append_new(list, json) != 0) {
            json_decref(list);
            list = NULL;
        }
    }

    return ngx_http_webhook_answer_json(r, NGX_HTTP_OK,
                                        json_pack("{s:o}", "queues", list));
}


static ngx_int_t
ngx_http_webhook_api_queue_handler(ngx_http_request_t *r)
{
    json_t                  *json;
    ngx_http_webhook_ctx_t  *ctx;
    ngx_http_webhook_api_t  *api;

    ctx = ngx_http_get_module_ctx(r, ngx_http_webhook_module);
    api = ctx->data;

    json = ngx_http_webhook_api_queue_json(r, api->queue);

    return json ? ngx_http_webhook_answer_json(r, NGX_HTTP_OK, json)
                : ngx_http_webhook_refuse(r, ctx,
                                          &ngx_http_webhook_store_failed, NULL);
}


static json_t *
ngx_http_webhook_api_queue_json(ngx_http_request_t *r,
    ngx_http_webhook_queue_t *queue)
{
    json_int_t                      age;
    ngx_http_webhook_spool_stat_t   st;

    if (ngx_http_webhook_queue_opened(queue) != NGX_OK
        || ngx_http_webhook_spool_stat(queue->store, &st) != NGX_OK)
    {
        return NULL;
    }

    age = 0;

    if (st.oldest) {
        age = ngx_max((json_int_t) (ngx_time() - st.oldest / 1000), 0);
    }

    return json_pack("{s:o, s:I, s:I, s:I, s:I, s:I}",
                     "queue", ngx_http_webhook_api_text(r, &queue->name),
                     "waiting", (json_int_t) st.waiting,
                     "dead", (json_int_t) st.dead,
                     "oldest_seconds", age,
                     "bytes", (json_int_t) st.used,
                     "max_bytes", (json_int_t) queue->spool.size);
}


static ngx_int_t
ngx_http_webhook_api_dead_handler(ngx_http_request_t *r)
{
    json_t                  *item, *list, *name;
    size_t                   i, len;
    ngx_str_t                head, text;
    ngx_uint_t               j;
    ngx_keyval_t            *kv;
    ngx_http_webhook_ctx_t  *ctx;
    ngx_http_webhook_api_t  *api;
    ngx_http_webhook_event_t     event;
    ngx_http_webhook_message_t   message;

    ctx = ngx_http_get_module_ctx(r, ngx_http_webhook_module);
    api = ctx->data;

    /* freed with the request, whatever fails */

    list = json_array();
    api->list = list;

    if (list == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_http_webhook_spool_dead(api->queue->store,
                                    api->after ? &api->event : NULL,
                                    ngx_http_webhook_api_add, api)
        != NGX_OK)
    {
        return ngx_http_webhook_refuse(r, ctx, &ngx_http_webhook_store_failed,
                                       NULL);
    }

    /* the name of each event, out of what was kept of its request */

    len = json_array_size(list);

    for (i = 0; i < len; i++) {
        item = json_array_get(list, i);

        text.data = (u_char *) json_string_value(json_object_get(item, "id"));
        text.len = NGX_HTTP_WEBHOOK_UUID_LEN;

        if (ngx_http_webhook_uuid_parse(&text, event.id) != NGX_OK
            || ngx_http_webhook_api_read(api, &event, &head, NULL) != NGX_OK
            || ngx_http_webhook_message_parse(&head, r->pool, &message)
               != NGX_OK)
        {
            continue;
        }

        kv = message.variables.elts;

        for (j = 0; j < message.variables.nelts; j++) {

            if (kv[j].key.len != 5
                || ngx_strncmp(kv[j].key.data, "event", 5) != 0)
            {
                continue;
            }

            name = ngx_http_webhook_api_text(r, &kv[j].value);

            if (json_object_set_new(item, "event", name) != 0) {
                return NGX_HTTP_INTERNAL_SERVER_ERROR;
            }
        }
    }

    api->list = NULL;

    return ngx_http_webhook_answer_json(r, NGX_HTTP_OK,
                                        json_pack("{s:o}", "dead", list));
}


static ngx_int_t
ngx_http_webhook_api_add(void *data, ngx_http_webhook_event_t *event)
{
    ngx_http_webhook_api_t *api = data;

    if (json_array_size(api->list) == api->limit) {
        return NGX_DONE;
    }

    return json_array_append_new(api->list,
                                 ngx_http_webhook_api_event_json(event)) == 0
           ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_webhook_api_event_handler(ngx_http_request_t *r)
{
    json_t                      *json, *text;
    ngx_int_t                    rc;
    ngx_str_t                    body, head;
    ngx_uint_t                   failed;
    ngx_http_webhook_ctx_t      *ctx;
    ngx_http_webhook_api_t      *api;
    ngx_http_webhook_message_t   message;

    ctx = ngx_http_get_module_ctx(r, ngx_http_webhook_module);
    api = ctx->data;

    rc = ngx_http_webhook_api_read(api, &api->event, &head, &body);

    if (rc == NGX_DECLINED) {
        return ngx_http_webhook_refuse(r, ctx, &ngx_http_webhook_api_not_found,
                                       NULL);
    }

    if (rc == NGX_OK) {
        rc = ngx_http_webhook_message_parse(&head, r->pool, &message);
    }

    if (rc != NGX_OK) {
        return ngx_http_webhook_refuse(r, ctx, &ngx_http_webhook_store_failed,
                                       NULL);
    }

    json = ngx_http_webhook_api_event_json(&api->event);
    if (json == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    failed = json_object_set_new(json, "uri",
                     ngx_http_webhook_api_text(r, &message.unparsed_uri));

    failed |= json_object_set_new(json, "client",
                     ngx_http_webhook_api_text(r, &message.addr));

    failed |= json_object_set_new(json, "webhook_id",
                     ngx_http_webhook_api_text(r, &message.id));

    failed |= json_object_set_new(json, "headers",
                     ngx_http_webhook_api_pairs_json(r, &message.headers));

    failed |= json_object_set_new(json, "variables",
                     ngx_http_webhook_api_pairs_json(r, &message.variables));

    /* a body of any bytes: as text where it is some */

    text = json_stringn((char *) body.data, body.len);

    failed |= text ? json_object_set_new(json, "body", text)
                   : json_object_set_new(json, "body_base64",
                                      ngx_http_webhook_api_base64(r, &body));

    if (failed) {
        json_decref(json);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_webhook_answer_json(r, NGX_HTTP_OK, json);
}


/*
 * Reads the event of event->id, as it is by now; "body" may be NULL.  Returns
 * NGX_OK, NGX_DECLINED if it is gone, or NGX_ERROR.
 */

static ngx_int_t
ngx_http_webhook_api_read(ngx_http_webhook_api_t *api,
    ngx_http_webhook_event_t *event, ngx_str_t *head, ngx_str_t *body)
{
    ngx_int_t                  rc;
    ngx_uint_t                 i;
    ngx_http_webhook_store_t  *store;

    store = api->queue->store;

    for (i = 0; i < NGX_HTTP_WEBHOOK_API_TRIES; i++) {

        rc = ngx_http_webhook_spool_find(store, event->id, event);
        if (rc != NGX_OK) {
            return rc;
        }

        rc = ngx_http_webhook_spool_read(store, event, api->request->pool,
                                         head, body);
        if (rc != NGX_DECLINED) {
            return rc;
        }
    }

    /* what the index says is not so */

    return NGX_ERROR;
}


/* times are in seconds */

static json_t *
ngx_http_webhook_api_event_json(ngx_http_webhook_event_t *event)
{
    char        id[NGX_HTTP_WEBHOOK_UUID_LEN];
    char       *error;
    ngx_uint_t  dead, i;

    (void) ngx_http_webhook_uuid_print((u_char *) id, event->id);

    dead = (event->state == NGX_HTTP_WEBHOOK_DEAD);
    error = NULL;

    if (event->attempts) {

        for (i = 0; ngx_http_webhook_api_errors[i].status != (uint64_t) -1;
             i++)
        {
            if (ngx_http_webhook_api_errors[i].status == event->status) {
                break;
            }
        }

        error = ngx_http_webhook_api_errors[i].text;
    }

    return json_pack("{s:s%, s:s, s:f, s:f, s:I, s:I, s:s?}",
                     "id", id, (size_t) NGX_HTTP_WEBHOOK_UUID_LEN,
                     "state", dead ? "dead" : "waiting",
                     "arrived", event->arrived / 1000.0,
                     dead ? "died" : "due", event->time / 1000.0,
                     "attempts", (json_int_t) event->attempts,
                     "status", (json_int_t) event->status,
                     "error", error);
}


/* a list of [name, value], for a header may come more than once */

static json_t *
ngx_http_webhook_api_pairs_json(ngx_http_request_t *r, ngx_array_t *pairs)
{
    json_t        *list;
    ngx_uint_t     i;
    ngx_keyval_t  *kv;

    list = json_array();
    kv = pairs->elts;

    for (i = 0; list && i < pairs->nelts; i++) {

        if (json_array_append_new(list,
                json_pack("[o, o]", ngx_http_webhook_api_text(r, &kv[i].key),
                          ngx_http_webhook_api_text(r, &kv[i].value)))
            != 0)
        {
            json_decref(list);
            return NULL;
        }
    }

    return list;
}


/* what is not UTF-8 is taken for ISO 8859-1, as headers once were */

static json_t *
ngx_http_webhook_api_text(ngx_http_request_t *r, ngx_str_t *text)
{
    size_t   i;
    json_t  *json;
    u_char  *p, *start;

    json = json_stringn((char *) text->data, text->len);
    if (json) {
        return json;
    }

    start = ngx_pnalloc(r->pool, 2 * text->len + 1);
    if (start == NULL) {
        return NULL;
    }

    for (p = start, i = 0; i < text->len; i++) {

        if (text->data[i] < 0x80) {
            *p++ = text->data[i];
            continue;
        }

        *p++ = (u_char) (0xc0 | text->data[i] >> 6);
        *p++ = (u_char) (0x80 | (text->data[i] & 0x3f));
    }

    return json_stringn((char *) start, p - start);
}


static json_t *
ngx_http_webhook_api_base64(ngx_http_request_t *r, ngx_str_t *text)
{
    ngx_str_t  encoded;

    encoded.data = ngx_pnalloc(r->pool, ngx_base64_encoded_length(text->len));
    if (encoded.data == NULL) {
        return NULL;
    }

    ngx_encode_base64(&encoded, text);

    return json_stringn((char *) encoded.data, encoded.len);
}


/* replays or deletes one */

static ngx_int_t
ngx_http_webhook_api_change_handler(ngx_http_request_t *r)
{
    ngx_http_webhook_ctx_t           *ctx;
    ngx_http_webhook_api_t           *api;
    ngx_http_webhook_spool_change_t  *sc;

    ctx = ngx_http_get_module_ctx(r, ngx_http_webhook_module);
    api = ctx->data;

    sc = ngx_pcalloc(r->pool, sizeof(ngx_http_webhook_spool_change_t));
    if (sc == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    sc->type = (r->method == NGX_HTTP_DELETE)
               ? NGX_HTTP_WEBHOOK_SPOOL_DISCARD
               : NGX_HTTP_WEBHOOK_SPOOL_REPLAY;
    sc->event = api->event;
    sc->change.handler = ngx_http_webhook_api_changed;
    sc->change.data = api;

    api->waiting = 1;

    ngx_http_webhook_spool_submit(api->queue->store, sc);

    return ngx_http_webhook_suspend(r, ctx, ngx_http_webhook_api_answer);
}


/* replays all that are dead by now */

static ngx_int_t
ngx_http_webhook_api_replay_handler(ngx_http_request_t *r)
{
    ngx_int_t                       rc;
    ngx_http_webhook_ctx_t         *ctx;
    ngx_http_webhook_api_t         *api;
    ngx_http_webhook_spool_stat_t   st;

    ctx = ngx_http_get_module_ctx(r, ngx_http_webhook_module);
    api = ctx->data;

    if (ngx_http_webhook_spool_stat(api->queue->store, &st) != NGX_OK) {
        return ngx_http_webhook_refuse(r, ctx, &ngx_http_webhook_store_failed,
                                       NULL);
    }

    api->left = st.dead;

    api->changes = ngx_pcalloc(r->pool, NGX_HTTP_WEBHOOK_API_BATCH
                                  * sizeof(ngx_http_webhook_spool_change_t));
    if (api->changes == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_webhook_api_replay(api);

    if (rc != NGX_AGAIN) {
        api->rc = rc;
        return ngx_http_webhook_api_answer(r, ctx);
    }

    return ngx_http_webhook_suspend(r, ctx, ngx_http_webhook_api_answer);
}


/* the next batch: NGX_AGAIN, NGX_OK if there is none, or NGX_ERROR */

static ngx_int_t
ngx_http_webhook_api_replay(ngx_http_webhook_api_t *api)
{
    ngx_uint_t  i;

    api->n = 0;

    if (api->left
        && ngx_http_webhook_spool_dead(api->queue->store, NULL,
                                       ngx_http_webhook_api_replay_one, api)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (api->n == 0) {
        return NGX_OK;
    }

    api->left -= api->n;
    api->waiting = api->n;

    for (i = 0; i < api->n; i++) {
        ngx_http_webhook_spool_submit(api->queue->store, &api->changes[i]);
    }

    return NGX_AGAIN;
}


static ngx_int_t
ngx_http_webhook_api_replay_one(void *data, ngx_http_webhook_event_t *event)
{
    ngx_http_webhook_api_t *api = data;

    ngx_http_webhook_spool_change_t  *sc;

    if (api->n == NGX_HTTP_WEBHOOK_API_BATCH || api->n == api->left) {
        return NGX_DONE;
    }

    sc = &api->changes[api->n++];

    sc->type = NGX_HTTP_WEBHOOK_SPOOL_REPLAY;
    sc->event = *event;
    sc->change.handler = ngx_http_webhook_api_changed;
    sc->change.data = api;

    return NGX_OK;
}


static void
ngx_http_webhook_api_changed(ngx_http_webhook_change_t *change)
{
    ngx_int_t                rc;
    ngx_http_webhook_api_t  *api;

    api = change->data;

    if (change->rc == NGX_OK) {
        api->replayed++;
        ngx_http_webhook_queue_tell(api->queue);

    } else if (change->rc == NGX_ERROR || api->changes == NULL) {
        /* of many, one may be gone meanwhile */
        api->rc = change->rc;
    }

    if (--api->waiting) {
        return;
    }

    if (api->changes && api->rc == NGX_OK) {

        rc = ngx_http_webhook_api_replay(api);

        if (rc == NGX_AGAIN) {
            return;
        }

        api->rc = rc;
    }

    ngx_http_webhook_resume(api->request);
}


/* to what has changed something */

static ngx_int_t
ngx_http_webhook_api_answer(ngx_http_request_t *r, ngx_http_webhook_ctx_t *ctx)
{
    ngx_int_t                rc;
    ngx_http_webhook_api_t  *api;

    api = ctx->data;

    if (api->rc != NGX_OK) {
        return ngx_http_webhook_refuse(r, ctx, (api->rc == NGX_DECLINED)
                                               ? &ngx_http_webhook_api_not_found
                                               : &ngx_http_webhook_store_failed,
                                       NULL);
    }

    if (r->method == NGX_HTTP_DELETE) {

        rc = ngx_http_discard_request_body(r);

        return (rc == NGX_OK) ? NGX_HTTP_NO_CONTENT : rc;
    }

    return ngx_http_webhook_answer_json(r, NGX_HTTP_OK,
                                        json_pack("{s:I}", "replayed",
                                                  (json_int_t) api->replayed));
}


static void
ngx_http_webhook_api_free(void *data)
{
    ngx_http_webhook_api_t *api = data;

    json_decref(api->list);
}
