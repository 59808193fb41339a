
/*
 * "webhook_api": shows what is in the queues, and replays or deletes dead
 * letters.  After the location's prefix, which may end with "/queues" itself:
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
#include "queue/ngx_http_webhook_api_body.h"
#include "queue/ngx_http_webhook_api_json.h"
#include "queue/ngx_http_webhook_message.h"
#include "queue/ngx_http_webhook_queue.h"
#include "queue/ngx_http_webhook_wake.h"
#include "core/ngx_http_webhook_ctx.h"
#include "core/ngx_http_webhook_path.h"
#include "judge/ngx_http_webhook_answer.h"
#include "judge/ngx_http_webhook_problem.h"


/* how many are replayed in one commit, and described in one turn of the loop */
#define NGX_HTTP_WEBHOOK_API_BATCH      256

/* how many segments a route may have */
#define NGX_HTTP_WEBHOOK_API_SEGMENTS   5


/* a request to the API; it may wait for the store */

typedef struct {
    ngx_http_request_t               *request;
    ngx_http_webhook_queue_t         *queue;
    ngx_http_webhook_page_t           page;         /* of dead letters */
    ngx_http_webhook_event_t          event;        /* page.after, or the one
                                                       in the path */
    ngx_array_t                       events;       /* of event_t */
    ngx_http_webhook_api_text_t       text;         /* the first "n" of them */
    ngx_event_t                       turn;

    ngx_http_webhook_spool_change_t  *changes;      /* NULL: of one event */
    ngx_uint_t                        n;
    ngx_uint_t                        waiting;      /* for so many changes */
    ngx_uint_t                        replayed;
    ngx_uint_t                        left;         /* to be looked at */
    ngx_int_t                         rc;
} ngx_http_webhook_api_t;


static ngx_int_t ngx_http_webhook_api_route(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx);
static ngx_uint_t ngx_http_webhook_api_segments(ngx_http_request_t *r,
    ngx_str_t *segments);
static void ngx_http_webhook_api_prefix(ngx_http_request_t *r,
    ngx_str_t *path);
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
static ngx_int_t ngx_http_webhook_api_dead_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_webhook_api_list(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx);
static void ngx_http_webhook_api_turn(ngx_event_t *ev);
static ngx_int_t ngx_http_webhook_api_add(void *data,
    ngx_http_webhook_event_t *event);
static ngx_int_t ngx_http_webhook_api_event_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_webhook_api_read(ngx_http_webhook_api_t *api,
    ngx_http_webhook_event_t *event, ngx_str_t *head, ngx_str_t *body);
static ngx_int_t ngx_http_webhook_api_change_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_webhook_api_replay_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_webhook_api_replay(ngx_http_webhook_api_t *api);
static ngx_int_t ngx_http_webhook_api_replay_one(void *data,
    ngx_http_webhook_event_t *event);
static void ngx_http_webhook_api_changed(ngx_http_webhook_change_t *change);
static ngx_int_t ngx_http_webhook_api_answer(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx);


static ngx_http_webhook_method_t  ngx_http_webhook_api_queues_methods[] = {
    { NGX_HTTP_GET|NGX_HTTP_HEAD, NULL,
      ngx_http_webhook_api_open, 0, NULL, NULL,
      ngx_http_webhook_no_params },
    { 0, NULL, NULL, 0, NULL, NULL, NULL }
};

static ngx_http_webhook_method_t  ngx_http_webhook_api_dead_methods[] = {
    { NGX_HTTP_GET|NGX_HTTP_HEAD, NULL,
      ngx_http_webhook_api_page, 0, NULL, NULL,
      ngx_http_webhook_page_params },
    { 0, NULL, NULL, 0, NULL, NULL, NULL }
};

static ngx_http_webhook_method_t  ngx_http_webhook_api_event_methods[] = {
    { NGX_HTTP_GET|NGX_HTTP_HEAD, NULL,
      ngx_http_webhook_api_find, 0, NULL, NULL,
      ngx_http_webhook_no_params },
    { 0, NULL, NULL, 0, NULL, NULL, NULL }
};

static ngx_http_webhook_method_t  ngx_http_webhook_api_replay_all_methods[] = {
    { NGX_HTTP_POST, NULL,
      ngx_http_webhook_api_open, 0, NULL, NULL,
      ngx_http_webhook_no_params },
    { 0, NULL, NULL, 0, NULL, NULL, NULL }
};

static ngx_http_webhook_method_t  ngx_http_webhook_api_replay_methods[] = {
    { NGX_HTTP_POST, NULL,
      ngx_http_webhook_api_dead_find, 0, NULL, NULL,
      ngx_http_webhook_no_params },
    { 0, NULL, NULL, 0, NULL, NULL, NULL }
};

static ngx_http_webhook_method_t  ngx_http_webhook_api_delete_methods[] = {
    { NGX_HTTP_DELETE, NULL,
      ngx_http_webhook_api_dead_find, 0, NULL, NULL,
      ngx_http_webhook_no_params },
    { 0, NULL, NULL, 0, NULL, NULL, NULL }
};


/*
 * Resources: by the number of segments from "queues" on, the third segment, and
 * the last one, unless that is a name or an id
 */

typedef struct {
    ngx_uint_t                        n;
    char                             *third;
    char                             *last;         /* NULL: any */
    ngx_http_handler_pt               handler;
    ngx_http_webhook_resource_t       resource;
} ngx_http_webhook_api_path_t;

static ngx_http_webhook_api_path_t  ngx_http_webhook_api_paths[] = {

    { 1, NULL, NULL, ngx_http_webhook_api_queues_handler,
      { ngx_string("GET, HEAD"), ngx_http_webhook_api_queues_methods } },

    { 2, NULL, NULL, ngx_http_webhook_api_queue_handler,
      { ngx_string("GET, HEAD"), ngx_http_webhook_api_queues_methods } },

    { 3, "dead", NULL, ngx_http_webhook_api_dead_handler,
      { ngx_string("GET, HEAD"), ngx_http_webhook_api_dead_methods } },

    { 4, "dead", "replay", ngx_http_webhook_api_replay_handler,
      { ngx_string("POST"), ngx_http_webhook_api_replay_all_methods } },

    { 4, "dead", NULL, ngx_http_webhook_api_change_handler,
      { ngx_string("DELETE"), ngx_http_webhook_api_delete_methods } },

    { 4, "events", NULL, ngx_http_webhook_api_event_handler,
      { ngx_string("GET, HEAD"), ngx_http_webhook_api_event_methods } },

    { 5, "dead", "replay", ngx_http_webhook_api_change_handler,
      { ngx_string("POST"), ngx_http_webhook_api_replay_methods } },

    { 0, NULL, NULL, NULL, { ngx_null_string, NULL } }
};


static ngx_http_webhook_verdict_t  ngx_http_webhook_api_not_found =
    ngx_http_webhook_verdict(NGX_HTTP_NOT_FOUND, not_found,
                             "there is no such queue or event");

static ngx_http_webhook_verdict_t  ngx_http_webhook_api_invalid_limit =
    ngx_http_webhook_verdict(NGX_HTTP_BAD_REQUEST, invalid_limit,
                             "limit must be a number from 1 to 1000");

static ngx_http_webhook_verdict_t  ngx_http_webhook_api_invalid_after =
    ngx_http_webhook_verdict(NGX_HTTP_BAD_REQUEST, invalid_after,
                             "after must be the id of a dead event of this "
                             "queue");


static ngx_http_webhook_provider_t  ngx_http_webhook_api_provider = {
    ngx_string("api"),
    NULL,                                  /* events */
    ngx_http_webhook_no_source,            /* event */
    ngx_http_webhook_no_source,            /* id */
    ngx_http_webhook_no_source,            /* tenant */
    ngx_http_webhook_api_route,
    NULL,                                  /* resource */
    NULL,                                  /* param */
    NULL,                                  /* check */
    NULL,                                  /* fan_out */
    NULL,                                  /* shape */
    NULL,                                  /* media */
    &ngx_http_webhook_problem_json,
    ngx_null_string,                       /* scheme */
    ngx_null_string,                       /* own */
    NGX_HTTP_WEBHOOK_MANAGEMENT,           /* secret */
    0,                                     /* slug */
    0,                                     /* passes */
    0,                                     /* identity */
    0,                                     /* unknown */
    0                                      /* unknown_path */
};


/* Sets "webhook_api;" in a location. */

char *
ngx_http_webhook_api(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_webhook_loc_conf_t *wlcf = conf;

    if (wlcf->provider != NGX_CONF_UNSET_PTR) {
        return (wlcf->provider == &ngx_http_webhook_api_provider)
               ? "is duplicate" : "is used beside \"webhook\"";
    }

    wlcf->provider = &ngx_http_webhook_api_provider;
    wlcf->file = cf->conf_file->file.name.data;
    wlcf->line = cf->conf_file->line;

    return NGX_CONF_OK;
}


/* Finds the resource that a path names, and the queue and the id in it. */

static ngx_int_t
ngx_http_webhook_api_route(ngx_http_request_t *r, ngx_http_webhook_ctx_t *ctx)
{
    ngx_str_t                      segment[NGX_HTTP_WEBHOOK_API_SEGMENTS + 1];
    ngx_uint_t                     n;
    ngx_http_webhook_api_t        *api;
    ngx_http_webhook_api_path_t   *path;
    ngx_http_webhook_main_conf_t  *wmcf;

    api = ngx_pcalloc(r->pool, sizeof(ngx_http_webhook_api_t));
    if (api == NULL) {
        return NGX_ERROR;
    }

    api->request = r;
    ctx->data = api;

    n = ngx_http_webhook_api_segments(r, segment);

    for (path = ngx_http_webhook_api_paths; path->n; path++) {

        /* the last segment is segment[0], and "queues" is segment[n - 1] */

        if (path->n == n
            && (n < 3
                || ngx_http_webhook_segment_is(&segment[n - 3], path->third))
            && (path->last == NULL
                || ngx_http_webhook_segment_is(&segment[0], path->last)))
        {
            break;
        }
    }

    if (path->n == 0) {
        goto not_found;
    }

    if (n > 1) {
        wmcf = ngx_http_get_module_main_conf(r, ngx_http_webhook_module);

        api->queue = ngx_http_webhook_queue_find(wmcf, &segment[n - 2]);

        if (api->queue == NULL) {
            goto not_found;
        }
    }

    if (path->handler == ngx_http_webhook_api_change_handler
        || path->handler == ngx_http_webhook_api_event_handler)
    {
        if (ngx_http_webhook_uuid_parse(&segment[n - 4], api->event.id)
            != NGX_OK)
        {
            goto not_found;
        }
    }

    ctx->resource = &path->resource;
    r->content_handler = path->handler;

    return NGX_OK;

not_found:

    return ngx_http_webhook_reject(ctx, &ngx_http_webhook_api_not_found, NULL);
}


/*
 * Splits what follows the location's prefix, the last segment first.  The
 * prefix may itself end with "/queues", which then is the first segment of the
 * route.  Returns the number of segments, of which segments[n - 1] is "queues",
 * or 0 if the path is none of ours.
 */

static ngx_uint_t
ngx_http_webhook_api_segments(ngx_http_request_t *r, ngx_str_t *segments)
{
    ngx_str_t   path;
    ngx_uint_t  i, n;

    ngx_http_webhook_path_get(r, &path);
    ngx_http_webhook_api_prefix(r, &path);

    if (path.len == 0 || path.data[0] != '/') {
        /* the path only begins like the location's name */
        return 0;
    }

    n = ngx_http_webhook_path_split(&path, segments,
                                    NGX_HTTP_WEBHOOK_API_SEGMENTS + 1);

    if (n == 0 || n > NGX_HTTP_WEBHOOK_API_SEGMENTS
        || !ngx_http_webhook_segment_is(&segments[n - 1], "queues"))
    {
        return 0;
    }

    for (i = 0; i < n; i++) {
        if (segments[i].len == 0) {
            return 0;
        }
    }

    return n;
}


/*
 * Cuts the path of a request to what follows the location's prefix, from
 * "/queues" on if that is the end of the prefix.  A location that is named, or
 * given by a regular expression, has none: the path then begins with the first
 * "/queues".
 */

static void
ngx_http_webhook_api_prefix(ngx_http_request_t *r, ngx_str_t *path)
{
    u_char                    *last, *p;
    ngx_str_t                  prefix;
    ngx_http_core_loc_conf_t  *clcf;

    static ngx_str_t  queues = ngx_string("/queues");

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    prefix = clcf->name;

    if (
#if (NGX_PCRE)
        clcf->regex == NULL &&
#endif
        path->len >= prefix.len
        && ngx_strncmp(path->data, prefix.data, prefix.len) == 0)
    {
        if (prefix.len && prefix.data[prefix.len - 1] == '/') {
            prefix.len--;
        }

        if (prefix.len >= queues.len
            && ngx_strncmp(prefix.data + prefix.len - queues.len, queues.data,
                           queues.len)
               == 0)
        {
            prefix.len -= queues.len;
        }

        path->data += prefix.len;
        path->len -= prefix.len;

        return;
    }

    last = path->data + path->len;

    for (p = path->data; p < last; p++) {

        if ((size_t) (last - p) >= queues.len
            && ngx_strncmp(p, queues.data, queues.len) == 0
            && (p + queues.len == last || p[queues.len] == '/'))
        {
            break;
        }
    }

    path->data = p;
    path->len = last - p;
}


/* A step before the content handler: opens the store. */

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


/* A step before the content handler: finds where a list begins. */

static ngx_int_t
ngx_http_webhook_api_page(ngx_http_request_t *r, ngx_http_webhook_ctx_t *ctx)
{
    ngx_int_t                rc;
    ngx_http_webhook_api_t  *api;

    rc = ngx_http_webhook_api_open(r, ctx);
    if (rc != NGX_OK) {
        return rc;
    }

    api = ctx->data;

    rc = ngx_http_webhook_page_parse(r, ctx, &api->page,
                                     &ngx_http_webhook_api_invalid_limit,
                                     &ngx_http_webhook_api_invalid_after);

    if (rc != NGX_OK || !api->page.has_after) {
        return rc;
    }

    rc = ngx_http_webhook_spool_find(api->queue->store, api->page.after,
                                     &api->event);

    if (rc == NGX_ERROR) {
        return ngx_http_webhook_reject(ctx, &ngx_http_webhook_store_failed,
                                       NULL);
    }

    if (rc != NGX_OK || api->event.state != NGX_HTTP_WEBHOOK_DEAD) {
        return ngx_http_webhook_reject(ctx,
                                       &ngx_http_webhook_api_invalid_after,
                                       NULL);
    }

    return NGX_OK;
}


/* A step before the content handler: finds the event in the path. */

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


/* A step before the content handler: finds the dead letter in the path. */

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


/* GET /queues */

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

        json = ngx_http_webhook_api_queue_json(queue[i]);

        if (json == NULL) {

            /* the others are shown all the same */

            json = json_pack("{s:o, s:s}", "queue",
                             ngx_http_webhook_api_text_json(&queue[i]->name),
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


/* GET /queues/<queue> */

static ngx_int_t
ngx_http_webhook_api_queue_handler(ngx_http_request_t *r)
{
    json_t                  *json;
    ngx_http_webhook_ctx_t  *ctx;
    ngx_http_webhook_api_t  *api;

    ctx = ngx_http_get_module_ctx(r, ngx_http_webhook_module);
    api = ctx->data;

    json = ngx_http_webhook_api_queue_json(api->queue);

    return json ? ngx_http_webhook_answer_json(r, NGX_HTTP_OK, json)
                : ngx_http_webhook_refuse(r, ctx,
                                          &ngx_http_webhook_store_failed, NULL);
}


/* GET /queues/<queue>/dead */

static ngx_int_t
ngx_http_webhook_api_dead_handler(ngx_http_request_t *r)
{
    ngx_http_webhook_ctx_t  *ctx;
    ngx_http_webhook_api_t  *api;

    ctx = ngx_http_get_module_ctx(r, ngx_http_webhook_module);
    api = ctx->data;

    if (ngx_array_init(&api->events, r->pool, 16,
                       sizeof(ngx_http_webhook_event_t))
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_http_webhook_spool_dead(api->queue->store,
                                    api->page.has_after ? &api->event : NULL,
                                    ngx_http_webhook_api_add, api)
        != NGX_OK)
    {
        return ngx_http_webhook_refuse(r, ctx, &ngx_http_webhook_store_failed,
                                       NULL);
    }

    if (ngx_http_webhook_api_text_add(r->pool, &api->text,
                                      (u_char *) "{\"dead\":[", 9)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_webhook_api_list(r, ctx);
}


/* Describes the dead letters of a page: some in each turn of the event loop. */

static ngx_int_t
ngx_http_webhook_api_list(ngx_http_request_t *r, ngx_http_webhook_ctx_t *ctx)
{
    json_t                    *list;
    ngx_int_t                  rc;
    ngx_str_t                  text;
    ngx_uint_t                 first, n;
    ngx_http_webhook_api_t    *api;
    ngx_http_webhook_event_t  *event;

    api = ctx->data;
    event = api->events.elts;

    first = api->n;
    n = ngx_min(api->events.nelts - first, NGX_HTTP_WEBHOOK_API_BATCH);

    list = json_array();
    rc = NGX_OK;

    while (api->n < first + n && rc == NGX_OK) {

        if (json_array_append_new(list,
                                  ngx_http_webhook_api_dead_json(api->queue,
                                                  &event[api->n++], r->pool))
            != 0)
        {
            rc = NGX_ERROR;
        }
    }

    if (rc == NGX_OK) {
        rc = ngx_http_webhook_print_json(r->pool, list, &text);
    }

    json_decref(list);

    if (rc != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* lists are joined without their brackets */

    text.data[0] = ',';
    n = (first == 0);

    if (ngx_http_webhook_api_text_add(r->pool, &api->text, text.data + n,
                                      text.len - 1 - n)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (api->n < api->events.nelts) {
        api->turn.handler = ngx_http_webhook_api_turn;
        api->turn.data = r;
        api->turn.log = r->connection->log;

        ngx_post_event(&api->turn, &ngx_posted_next_events);

        return ngx_http_webhook_suspend(r, ctx, ngx_http_webhook_api_list);
    }

    if (ngx_http_webhook_api_text_add(r->pool, &api->text, (u_char *) "]}", 2)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    return ngx_http_webhook_send_json(r, NGX_HTTP_OK, api->text.first,
                                      api->text.len);
}


static void
ngx_http_webhook_api_turn(ngx_event_t *ev)
{
    ngx_http_webhook_resume(ev->data);
}


/* Is told of each dead letter: takes as many as were asked for. */

static ngx_int_t
ngx_http_webhook_api_add(void *data, ngx_http_webhook_event_t *event)
{
    ngx_http_webhook_api_t *api = data;

    ngx_http_webhook_event_t  *copy;

    if (api->events.nelts == api->page.limit) {
        return NGX_DONE;
    }

    copy = ngx_array_push(&api->events);
    if (copy == NULL) {
        return NGX_ERROR;
    }

    *copy = *event;

    return NGX_OK;
}


/* GET /queues/<queue>/events/<id> */

static ngx_int_t
ngx_http_webhook_api_event_handler(ngx_http_request_t *r)
{
    json_t                      *json;
    ngx_int_t                    rc;
    ngx_str_t                    body, head;
    ngx_uint_t                   large;
    ngx_http_webhook_ctx_t      *ctx;
    ngx_http_webhook_api_t      *api;
    ngx_http_webhook_message_t   message;

    ctx = ngx_http_get_module_ctx(r, ngx_http_webhook_module);
    api = ctx->data;

    rc = ngx_http_webhook_spool_find(api->queue->store, api->event.id,
                                     &api->event);

    large = (rc == NGX_OK && api->event.body > NGX_HTTP_WEBHOOK_API_BODY_LARGE);

    if (rc == NGX_OK) {
        rc = ngx_http_webhook_api_read(api, &api->event, &head,
                                       large ? NULL : &body);
    }

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

    if (ngx_http_webhook_api_message_json(json, r->pool, &message,
                                          large ? NULL : &body)
        != NGX_OK)
    {
        json_decref(json);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return large ? ngx_http_webhook_api_body_answer(r, api->queue, &api->event,
                                                    json)
                 : ngx_http_webhook_answer_json(r, NGX_HTTP_OK, json);
}


/*
 * Reads the event whose id is event->id, and sets all of "event" to what it is
 * by now; "body" may be NULL.  Returns NGX_OK, NGX_DECLINED if the event is
 * gone, or NGX_ERROR.
 */

static ngx_int_t
ngx_http_webhook_api_read(ngx_http_webhook_api_t *api,
    ngx_http_webhook_event_t *event, ngx_str_t *head, ngx_str_t *body)
{
    ngx_int_t  rc;

    rc = ngx_http_webhook_spool_find(api->queue->store, event->id, event);
    if (rc != NGX_OK) {
        return rc;
    }

    return ngx_http_webhook_spool_read(api->queue->store, event,
                                       api->request->pool, head, body);
}


/*
 * POST /queues/<queue>/dead/<id>/replay
 * DELETE /queues/<queue>/dead/<id>
 */

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


/* POST /queues/<queue>/dead/replay: replays all that are dead by now. */

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


/*
 * Replays the next batch.  Returns NGX_AGAIN if it must be waited for, NGX_OK
 * if there is none, or NGX_ERROR.
 */

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


/* Is told of each dead letter: puts it into the batch. */

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


/* An event has been replayed or removed, or could not be. */

static void
ngx_http_webhook_api_changed(ngx_http_webhook_change_t *change)
{
    ngx_int_t                rc;
    ngx_http_webhook_api_t  *api;

    api = change->data;

    if (change->rc == NGX_OK) {
        api->replayed++;
        ngx_http_webhook_wake_tell(api->queue);

    } else if (change->rc == NGX_ERROR || api->changes == NULL) {
        /* one of many may be gone meanwhile */
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


/* Answers a request that has changed something. */

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
