
/* Queues and events as "webhook_api" shows them. */


#include "queue/ngx_http_webhook_api_json.h"
#include "judge/ngx_http_webhook_variable.h"


static json_t *ngx_http_webhook_api_pairs_json(ngx_array_t *pairs);
static json_t *ngx_http_webhook_api_base64_json(ngx_pool_t *pool,
    ngx_str_t *text);


/* what the status of an attempt that has failed means */

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


/* Describes a queue.  Returns NULL if the store or memory fails. */

json_t *
ngx_http_webhook_api_queue_json(ngx_http_webhook_queue_t *queue)
{
    ngx_http_webhook_spool_stat_t  st;

    if (ngx_http_webhook_queue_opened(queue) != NGX_OK
        || ngx_http_webhook_spool_stat(queue->store, &st) != NGX_OK)
    {
        return NULL;
    }

    return json_pack("{s:o, s:I, s:I, s:I, s:I, s:I}",
                     "queue",
                     ngx_http_webhook_api_text_json(&queue->name),
                     "waiting", (json_int_t) st.waiting,
                     "dead", (json_int_t) st.dead,
                     "oldest_seconds",
                     (json_int_t) (ngx_http_webhook_queue_age(queue, &st)
                                   / 1000),
                     "bytes", (json_int_t) st.used,
                     "max_bytes", (json_int_t) queue->spool.size);
}


/* Describes an event.  Returns NULL if there is no memory. */

json_t *
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

    /* times are shown in seconds */

    return json_pack("{s:s%, s:s, s:f, s:f, s:I, s:I, s:s?}",
                     "id", id, (size_t) NGX_HTTP_WEBHOOK_UUID_LEN,
                     "state", dead ? "dead" : "waiting",
                     "arrived", event->arrived / 1000.0,
                     dead ? "died" : "due", event->time / 1000.0,
                     "attempts", (json_int_t) event->attempts,
                     "status", (json_int_t) event->status,
                     "error", error);
}


/*
 * Describes a dead letter, with the event's name out of what was kept of its
 * request, if it is still there.  Returns NULL if there is no memory.
 */

json_t *
ngx_http_webhook_api_dead_json(ngx_http_webhook_queue_t *queue,
    ngx_http_webhook_event_t *event, ngx_pool_t *pool)
{
    json_t                      *json;
    ngx_str_t                    head, *name;
    ngx_http_webhook_message_t   message;

    json = ngx_http_webhook_api_event_json(event);

    if (json == NULL
        || ngx_http_webhook_spool_read(queue->store, event, pool, &head, NULL)
           != NGX_OK
        || ngx_http_webhook_message_parse(&head, pool, &message) != NGX_OK)
    {
        return json;
    }

    name = ngx_http_webhook_saved_variable(&message.variables,
                                           &ngx_http_webhook_saved_event);

    if (name
        && json_object_set_new(json, "event",
                               ngx_http_webhook_api_text_json(name))
           != 0)
    {
        json_decref(json);
        return NULL;
    }

    return json;
}


/*
 * Adds to the description of an event what was kept of its request; "body" may
 * be NULL.  Returns NGX_OK, or NGX_ERROR if there is no memory.
 */

ngx_int_t
ngx_http_webhook_api_message_json(json_t *json, ngx_pool_t *pool,
    ngx_http_webhook_message_t *message, ngx_str_t *body)
{
    json_t      *headers, *text, *variables;
    ngx_uint_t   failed;

    headers = ngx_http_webhook_api_pairs_json(&message->headers);
    variables = ngx_http_webhook_api_pairs_json(&message->variables);

    failed = json_object_set_new(json, "uri",
                 ngx_http_webhook_api_text_json(&message->unparsed_uri));

    failed |= json_object_set_new(json, "client",
                 ngx_http_webhook_api_text_json(&message->addr));

    failed |= json_object_set_new(json, "webhook_id",
                 ngx_http_webhook_api_text_json(&message->id));

    failed |= json_object_set_new(json, "headers", headers);
    failed |= json_object_set_new(json, "variables", variables);

    if (body == NULL) {
        return failed ? NGX_ERROR : NGX_OK;
    }

    /* a body may be any bytes: it is shown as text if it is UTF-8 */

    text = json_stringn((char *) body->data, body->len);

    failed |= text ? json_object_set_new(json, "body", text)
                   : json_object_set_new(json, "body_base64",
                             ngx_http_webhook_api_base64_json(pool, body));

    return failed ? NGX_ERROR : NGX_OK;
}


/* Makes a list of [name, value]: a header may come more than once. */

static json_t *
ngx_http_webhook_api_pairs_json(ngx_array_t *pairs)
{
    json_t        *list, *name, *value;
    ngx_uint_t     i;
    ngx_keyval_t  *kv;

    list = json_array();
    kv = pairs->elts;

    for (i = 0; list && i < pairs->nelts; i++) {

        name = ngx_http_webhook_api_text_json(&kv[i].key);
        value = ngx_http_webhook_api_text_json(&kv[i].value);

        if (json_array_append_new(list, json_pack("[o, o]", name, value))
            != 0)
        {
            json_decref(list);
            return NULL;
        }
    }

    return list;
}


/* Makes a string of the text, or null if it is not UTF-8. */

json_t *
ngx_http_webhook_api_text_json(ngx_str_t *text)
{
    json_t  *json;

    json = json_stringn((char *) text->data, text->len);

    return json ? json : json_null();
}


/* Makes a string of the text in base64. */

static json_t *
ngx_http_webhook_api_base64_json(ngx_pool_t *pool, ngx_str_t *text)
{
    ngx_str_t  encoded;

    encoded.data = ngx_pnalloc(pool, ngx_base64_encoded_length(text->len));
    if (encoded.data == NULL) {
        return NULL;
    }

    ngx_encode_base64(&encoded, text);

    return json_stringn((char *) encoded.data, encoded.len);
}


/*
 * Adds bytes, which must stay, to the end of a text; none are added if "len" is
 * 0.  Returns NGX_OK or NGX_ERROR.
 */

ngx_int_t
ngx_http_webhook_api_text_add(ngx_pool_t *pool,
    ngx_http_webhook_api_text_t *text, u_char *p, size_t len)
{
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    if (len == 0) {
        return NGX_OK;
    }

    b = ngx_calloc_buf(pool);
    cl = ngx_alloc_chain_link(pool);

    if (b == NULL || cl == NULL) {
        return NGX_ERROR;
    }

    b->pos = p;
    b->last = p + len;
    b->memory = 1;

    cl->buf = b;
    cl->next = NULL;

    if (text->last) {
        text->last->next = cl;

    } else {
        text->first = cl;
    }

    text->last = cl;
    text->len += len;

    return NGX_OK;
}
