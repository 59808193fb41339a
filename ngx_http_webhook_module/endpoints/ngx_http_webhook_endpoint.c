
/*
 * The record of a registered endpoint: the URL to which a workspace's events
 * are sent.
 *
 * An endpoint is a registration of the zone.  Its UUID is a hash of the
 * workspace's id, and its text is a head and a JSON object: what GET answers,
 * and the secrets.
 */


#include "endpoints/ngx_http_webhook_endpoint.h"
#include "core/ngx_http_webhook_ctx.h"
#include "base/ngx_http_webhook_crypto.h"
#include "judge/ngx_http_webhook_answer.h"


#define NGX_HTTP_WEBHOOK_WORKSPACE_MAX  256

/* of seconds since 1970, until 2286 */
#define NGX_HTTP_WEBHOOK_TIME_DIGITS    10


/*
 * State files have texts with this head: it must not change.  The length is in
 * the byte order of the machine, as are the numbers of LMDB's files.
 */

typedef struct {
    u_char    zeros[20];
    uint32_t  len;                          /* of the JSON text, not 0 */
} ngx_http_webhook_endpoint_head_t;


static size_t ngx_http_webhook_endpoint_spare(
    ngx_http_webhook_endpoint_t *endpoint);
static ngx_int_t ngx_http_webhook_endpoint_encode(ngx_pool_t *pool,
    ngx_http_webhook_endpoint_t *endpoint, ngx_str_t *text);
static ngx_int_t ngx_http_webhook_endpoint_decode(ngx_str_t *text,
    ngx_str_t *json);
static ngx_int_t ngx_http_webhook_endpoint_check_text(ngx_str_t *text);
static ngx_int_t ngx_http_webhook_endpoint_key(ngx_str_t *workspace,
    u_char *uuid);
static json_t *ngx_http_webhook_endpoint_time(time_t t);
static json_t *ngx_http_webhook_endpoint_string(ngx_str_t *text);
static ngx_int_t ngx_http_webhook_endpoint_parse(ngx_pool_t *pool,
    ngx_str_t *text, ngx_http_webhook_endpoint_t *endpoint);
static ngx_int_t ngx_http_webhook_endpoint_member(ngx_pool_t *pool,
    json_t *json, char *name, ngx_str_t *text);
static ngx_int_t ngx_http_webhook_endpoint_member_time(json_t *json,
    char *name, time_t *t);


/* by enum */

static ngx_str_t  ngx_http_webhook_endpoint_reasons[] = {
    ngx_null_string,
    ngx_string("requested"),
    ngx_string("gone"),
    ngx_string("failing"),
    ngx_null_string
};


/* the owner of all registrations */

static u_char  ngx_http_webhook_endpoint_owner[NGX_HTTP_WEBHOOK_UUID_SIZE];


static ngx_http_webhook_registry_kind_t  ngx_http_webhook_endpoint_kind = {
    ngx_string("webhook_endpoints"),
    ngx_http_webhook_endpoint_check_text
};


/*
 * Looks up the endpoint to which events of a system are sent for a workspace.
 * Returns NGX_OK with an endpoint whose texts are in "pool", NGX_DECLINED if
 * there is none, or NGX_ERROR.
 */

ngx_int_t
ngx_http_webhook_endpoint_find(ngx_shm_zone_t *zone,
    ngx_http_webhook_provider_t *provider, ngx_pool_t *pool,
    ngx_str_t *workspace, ngx_http_webhook_endpoint_t *endpoint)
{
    u_char                           uuid[NGX_HTTP_WEBHOOK_UUID_SIZE];
    ngx_int_t                        rc;
    ngx_str_t                        json;
    ngx_http_webhook_registration_t  registration;

    if (!ngx_http_webhook_endpoint_workspace(workspace)) {
        return NGX_DECLINED;
    }

    if (ngx_http_webhook_endpoint_key(workspace, uuid) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_http_webhook_registry_find(zone, uuid, pool, &registration);
    if (rc != NGX_OK) {
        return rc;
    }

    ngx_memzero(endpoint, sizeof(ngx_http_webhook_endpoint_t));

    endpoint->provider = provider;
    ngx_memcpy(endpoint->uuid, uuid, NGX_HTTP_WEBHOOK_UUID_SIZE);
    endpoint->seq = registration.seq;

    if (ngx_http_webhook_endpoint_decode(&registration.text, &json) != NGX_OK
        || ngx_http_webhook_endpoint_parse(pool, &json, endpoint) != NGX_OK
        || endpoint->workspace.len != workspace->len
        || ngx_memcmp(endpoint->workspace.data, workspace->data, workspace->len)
           != 0)
    {
        ngx_log_error(NGX_LOG_CRIT, pool->log, 0,
                      "webhook zone \"%V\" has an invalid endpoint %uL",
                      &zone->shm.name, registration.seq);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/*
 * Looks whether the endpoint of a workspace, which there is not, has been
 * deleted.  Returns NGX_OK, NGX_DECLINED if no deletion is known, or NGX_ERROR.
 */

ngx_int_t
ngx_http_webhook_endpoint_find_deletion(ngx_shm_zone_t *zone,
    ngx_str_t *workspace)
{
    u_char  uuid[NGX_HTTP_WEBHOOK_UUID_SIZE];

    if (ngx_http_webhook_endpoint_key(workspace, uuid) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_webhook_registry_find_deletion(zone, uuid);
}


/*
 * Looks at the endpoint that was registered next after "last", which takes its
 * place; its "seq" is 0 to begin with the first one.  Returns NGX_OK with the
 * workspace, in "pool", of one that has a mark, NGX_DONE for one that has none,
 * NGX_DECLINED if there is no other one, or NGX_ERROR.
 */

ngx_int_t
ngx_http_webhook_endpoint_next_marked(ngx_shm_zone_t *zone, ngx_pool_t *pool,
    ngx_http_webhook_registration_t *last, ngx_str_t *workspace)
{
    json_t     *value;
    ngx_int_t   rc;
    ngx_str_t   json;

    ngx_memcpy(last->owner, ngx_http_webhook_endpoint_owner,
               NGX_HTTP_WEBHOOK_UUID_SIZE);

    rc = ngx_http_webhook_registry_next(zone, pool, last);
    if (rc != NGX_OK) {
        return rc;
    }

    /* most of them need not be parsed for that */

    if (ngx_http_webhook_endpoint_decode(&last->text, &json) != NGX_OK
        || ngx_strlcasestrn(json.data, json.data + json.len,
                            (u_char *) "\"enabled\":false",
                            sizeof("\"enabled\":false") - 2)
           == NULL)
    {
        return NGX_DONE;
    }

    value = json_loadb((char *) json.data, json.len, 0, NULL);

    rc = json_integer_value(json_object_get(value, "report"))
         ? ngx_http_webhook_endpoint_member(pool, value, "workspace_id",
                                            workspace)
         : NGX_DONE;

    json_decref(value);

    return (rc == NGX_OK) ? NGX_OK : NGX_DONE;
}


/*
 * Stores an endpoint in the place of the one that was found, or of none if seq
 * is 0.  Returns what ngx_http_webhook_registry_replace() does; "pool" must
 * live until "op" is done.
 */

ngx_int_t
ngx_http_webhook_endpoint_replace(ngx_shm_zone_t *zone, ngx_pool_t *pool,
    ngx_http_webhook_endpoint_t *endpoint, ngx_http_webhook_registry_op_t *op)
{
    ngx_http_webhook_registration_t  registration;

    if (ngx_http_webhook_endpoint_key(&endpoint->workspace, endpoint->uuid)
        != NGX_OK
        || ngx_http_webhook_endpoint_encode(pool, endpoint, &registration.text)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_memcpy(registration.uuid, endpoint->uuid, NGX_HTTP_WEBHOOK_UUID_SIZE);
    ngx_memcpy(registration.owner, ngx_http_webhook_endpoint_owner,
               NGX_HTTP_WEBHOOK_UUID_SIZE);
    registration.seq = endpoint->seq;

    return ngx_http_webhook_registry_replace(zone, pool, &registration, op);
}


/*
 * Makes the text of a registration in "pool", with all that is kept of an
 * endpoint.  Returns NGX_OK or NGX_ERROR.
 */

static ngx_int_t
ngx_http_webhook_endpoint_encode(ngx_pool_t *pool,
    ngx_http_webhook_endpoint_t *endpoint, ngx_str_t *text)
{
    size_t                             spare;
    u_char                            *p;
    json_t                            *json;
    ngx_int_t                          rc;
    ngx_str_t                          printed;
    ngx_http_webhook_endpoint_head_t   head;

    json = ngx_http_webhook_endpoint_json(endpoint, NGX_HTTP_WEBHOOK_STORED);
    rc = ngx_http_webhook_print_json(pool, json, &printed);
    json_decref(json);

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_memzero(&head, sizeof(ngx_http_webhook_endpoint_head_t));
    head.len = printed.len;

    spare = ngx_http_webhook_endpoint_spare(endpoint);

    text->len = sizeof(ngx_http_webhook_endpoint_head_t) + printed.len + spare;
    text->data = ngx_pnalloc(pool, text->len);
    if (text->data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(text->data, &head, sizeof(ngx_http_webhook_endpoint_head_t));
    p = ngx_cpymem(p, printed.data, printed.len);
    ngx_memset(p, ' ', spare);

    return NGX_OK;
}


/*
 * Returns how many bytes are to be left behind the JSON text, so that what is
 * written down of an endpoint's health, and that it is switched off, makes no
 * text longer: such changes fit into a zone and a state that are full.
 */

static size_t
ngx_http_webhook_endpoint_spare(ngx_http_webhook_endpoint_t *endpoint)
{
    size_t      len, spare;
    time_t      times[5];
    u_char      buf[NGX_TIME_T_LEN];
    ngx_uint_t  i;

    /* "enabled":false, and the longest reason in the place of null */

    spare = (endpoint->disabled == 0)
            ? 1 + sizeof("\"requested\"") - sizeof("null")
            : sizeof("requested") - 1
              - ngx_http_webhook_endpoint_reason(endpoint->disabled)->len;

    times[0] = endpoint->failing;
    times[1] = endpoint->failed;
    times[2] = endpoint->updated;
    times[3] = (endpoint->until > ngx_time()) ? endpoint->until : 0;
    times[4] = endpoint->report;

    for (i = 0; i < 5; i++) {
        len = times[i] ? (size_t) (ngx_sprintf(buf, "%T", times[i]) - buf)
                       : sizeof("null") - 1;

        spare += NGX_HTTP_WEBHOOK_TIME_DIGITS
                 - ngx_min(len, NGX_HTTP_WEBHOOK_TIME_DIGITS);
    }

    return spare;
}


/*
 * Finds the JSON text in that of a registration.  Returns NGX_OK, or NGX_ERROR
 * if ngx_http_webhook_endpoint_encode() can't have made it.
 */

static ngx_int_t
ngx_http_webhook_endpoint_decode(ngx_str_t *text, ngx_str_t *json)
{
    size_t                            rest;
    ngx_http_webhook_endpoint_head_t  head;

    if (text->len < sizeof(ngx_http_webhook_endpoint_head_t)) {
        return NGX_ERROR;
    }

    ngx_memcpy(&head, text->data, sizeof(ngx_http_webhook_endpoint_head_t));

    rest = text->len - sizeof(ngx_http_webhook_endpoint_head_t);

    if (head.len == 0 || head.len > rest) {
        return NGX_ERROR;
    }

    json->len = head.len;
    json->data = text->data + sizeof(ngx_http_webhook_endpoint_head_t);

    return NGX_OK;
}


static ngx_int_t
ngx_http_webhook_endpoint_check_text(ngx_str_t *text)
{
    ngx_str_t  json;

    return ngx_http_webhook_endpoint_decode(text, &json);
}


/* the UUID of a workspace's registration, RFC 9562, version 8 */

static ngx_int_t
ngx_http_webhook_endpoint_key(ngx_str_t *workspace, u_char *uuid)
{
    if (ngx_http_webhook_hash(workspace, uuid, NGX_HTTP_WEBHOOK_UUID_SIZE,
                              ngx_cycle->log)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    uuid[6] = (u_char) (0x80 | (uuid[6] & 0x0f));
    uuid[8] = (u_char) (0x80 | (uuid[8] & 0x3f));

    return NGX_OK;
}


/* UTF-8 without control characters; there is nothing else in JSON's strings */

ngx_uint_t
ngx_http_webhook_endpoint_workspace(ngx_str_t *workspace)
{
    u_char    *last, *p, *start;
    uint32_t   n;

    if (workspace->len == 0
        || workspace->len > NGX_HTTP_WEBHOOK_WORKSPACE_MAX)
    {
        return 0;
    }

    p = workspace->data;
    last = workspace->data + workspace->len;

    while (p < last) {

        if (*p < 0x80) {

            if (*p < 0x20 || *p == 0x7f) {
                return 0;
            }

            p++;
            continue;
        }

        start = p;
        n = ngx_utf8_decode(&p, last - p);

        if (n > 0x10ffff || (n >= 0xd800 && n <= 0xdfff)
            || (n >= 0x80 && n < 0xa0))
        {
            return 0;
        }

        /* nginx takes any byte from 0x80 on for one that continues */

        while (++start < p) {
            if (*start >= 0xc0) {
                return 0;
            }
        }
    }

    return 1;
}


/* Returns 1 if an event of this name is to be sent; a test always is. */

ngx_uint_t
ngx_http_webhook_endpoint_wants(ngx_http_webhook_endpoint_t *endpoint,
    ngx_str_t *event)
{
    ngx_uint_t                    events;
    ngx_http_webhook_provider_t  *provider;

    provider = endpoint->provider;

    if (endpoint->events == 0) {
        return 1;
    }

    events = endpoint->events | NGX_HTTP_WEBHOOK_EVENT(provider->fan_out->test);

    return (events & ngx_http_webhook_endpoint_event_bit(provider, event)) != 0;
}


/*
 * Returns the bit of endpoint->events that means an event of this name, or 0 if
 * the system has none.
 */

ngx_uint_t
ngx_http_webhook_endpoint_event_bit(ngx_http_webhook_provider_t *provider,
    ngx_str_t *name)
{
    ngx_uint_t  event;

    event = ngx_http_webhook_find_event(provider, name);

    return (event == NGX_HTTP_WEBHOOK_NO_EVENT) ? 0
                                                : NGX_HTTP_WEBHOOK_EVENT(event);
}


/* Returns the word for why an endpoint is switched off. */

ngx_str_t *
ngx_http_webhook_endpoint_reason(ngx_uint_t disabled)
{
    return &ngx_http_webhook_endpoint_reasons[disabled];
}


/*
 * Returns a new JSON object that says "what" of an endpoint, or NULL if there
 * is no memory.
 */

json_t *
ngx_http_webhook_endpoint_json(ngx_http_webhook_endpoint_t *endpoint,
    ngx_uint_t what)
{
    json_t      *events, *json;
    ngx_str_t   *names;
    ngx_uint_t   failed, i;

    json = json_object();

    events = endpoint->events ? json_array() : json_null();
    names = endpoint->provider->events;
    failed = 0;

    for (i = 0; endpoint->events && names[i].len; i++) {
        if (endpoint->events & NGX_HTTP_WEBHOOK_EVENT(i)) {
            failed |= json_array_append_new(events,
                                  ngx_http_webhook_endpoint_string(&names[i]))
                      != 0;
        }
    }

#define set(name, value)                                                      \
    failed |= (json_object_set_new(json, name, value) != 0)

    set("workspace_id",
        ngx_http_webhook_endpoint_string(&endpoint->workspace));
    set("url", ngx_http_webhook_endpoint_string(&endpoint->url));
    set("events", events);
    set("enabled", json_boolean(endpoint->disabled == 0));
    set("disabled_reason", endpoint->disabled
                           ? ngx_http_webhook_endpoint_string(
                                 ngx_http_webhook_endpoint_reason(
                                                        endpoint->disabled))
                           : json_null());
    set("failing_since", ngx_http_webhook_endpoint_time(endpoint->failing));
    set("created", ngx_http_webhook_endpoint_time(endpoint->created));
    set("updated", ngx_http_webhook_endpoint_time(endpoint->updated));
    set("previous_secret_until",
        ngx_http_webhook_endpoint_time(endpoint->until > ngx_time()
                                       ? endpoint->until : 0));

    if (what != NGX_HTTP_WEBHOOK_PUBLIC) {
        set("secret", ngx_http_webhook_endpoint_string(&endpoint->secret));
    }

    if (what == NGX_HTTP_WEBHOOK_STORED) {
        set("last_failure", ngx_http_webhook_endpoint_time(endpoint->failed));
        set("report", endpoint->report ? json_integer(endpoint->report)
                                       : json_null());
    }

    if (what == NGX_HTTP_WEBHOOK_STORED && endpoint->until > ngx_time()) {
        set("previous_secret",
            ngx_http_webhook_endpoint_string(&endpoint->previous));
    }

#undef set

    if (failed) {
        json_decref(json);
        return NULL;
    }

    return json;
}


static json_t *
ngx_http_webhook_endpoint_time(time_t t)
{
    return t ? json_integer(t) : json_null();
}


static json_t *
ngx_http_webhook_endpoint_string(ngx_str_t *text)
{
    return json_stringn((char *) text->data, text->len);
}


/* returns NGX_OK, or NGX_ERROR for what we have not printed, or no memory */

static ngx_int_t
ngx_http_webhook_endpoint_parse(ngx_pool_t *pool, ngx_str_t *text,
    ngx_http_webhook_endpoint_t *endpoint)
{
    size_t       i;
    json_t      *events, *item, *json;
    ngx_int_t    rc;
    ngx_str_t    name, *reason;
    ngx_uint_t   n;

    json = json_loadb((char *) text->data, text->len, 0, NULL);

    rc = ngx_http_webhook_endpoint_member(pool, json, "workspace_id",
                                          &endpoint->workspace);
    if (rc == NGX_OK) {
        rc = ngx_http_webhook_endpoint_member(pool, json, "url",
                                              &endpoint->url);
    }

    if (rc == NGX_OK) {
        rc = ngx_http_webhook_endpoint_member(pool, json, "secret",
                                              &endpoint->secret);
    }

    if (rc != NGX_OK
        || ngx_http_webhook_endpoint_member_time(json, "failing_since",
                                                 &endpoint->failing)
           != NGX_OK
        || ngx_http_webhook_endpoint_member_time(json, "last_failure",
                                                 &endpoint->failed)
           != NGX_OK
        || ngx_http_webhook_endpoint_member_time(json, "created",
                                                 &endpoint->created)
           != NGX_OK
        || ngx_http_webhook_endpoint_member_time(json, "updated",
                                                 &endpoint->updated)
           != NGX_OK
        || ngx_http_webhook_endpoint_member_time(json, "previous_secret_until",
                                                 &endpoint->until)
           != NGX_OK)
    {
        json_decref(json);
        return NGX_ERROR;
    }

    endpoint->report = json_integer_value(json_object_get(json, "report"));

    if (endpoint->until
        && ngx_http_webhook_endpoint_member(pool, json, "previous_secret",
                                            &endpoint->previous)
           != NGX_OK)
    {
        rc = NGX_ERROR;
    }

    if (!json_is_true(json_object_get(json, "enabled"))) {

        /* a reason that we don't know is one as well */

        endpoint->disabled = NGX_HTTP_WEBHOOK_REQUESTED;

        item = json_object_get(json, "disabled_reason");
        reason = ngx_http_webhook_endpoint_reasons;

        for (n = NGX_HTTP_WEBHOOK_REQUESTED; reason[n].len; n++) {
            if (json_string_length(item) == reason[n].len
                && ngx_strncmp(json_string_value(item), reason[n].data,
                               reason[n].len)
                   == 0)
            {
                endpoint->disabled = n;
            }
        }
    }

    events = json_object_get(json, "events");

    for (i = 0; i < json_array_size(events); i++) {
        item = json_array_get(events, i);

        name.len = json_string_length(item);
        name.data = (u_char *) json_string_value(item);

        endpoint->events |= ngx_http_webhook_endpoint_event_bit(
                                                endpoint->provider, &name);
    }

    json_decref(json);

    return rc;
}


/* a string that is not empty; NGX_ERROR if there is none, or no memory */

static ngx_int_t
ngx_http_webhook_endpoint_member(ngx_pool_t *pool, json_t *json, char *name,
    ngx_str_t *text)
{
    json_t  *value;

    value = json_object_get(json, name);

    text->len = json_string_length(value);

    if (text->len == 0) {
        return NGX_ERROR;
    }

    /* what looks into an URL relies on a zero behind it */

    text->data = ngx_pnalloc(pool, text->len + 1);
    if (text->data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(text->data, json_string_value(value), text->len + 1);

    return NGX_OK;
}


/* 0 if it is null; none is below that, so that differences don't overflow */

static ngx_int_t
ngx_http_webhook_endpoint_member_time(json_t *json, char *name, time_t *t)
{
    *t = json_integer_value(json_object_get(json, name));

    return (*t < 0) ? NGX_ERROR : NGX_OK;
}


/*
 * Says that a directive, which is in "line" of "file", uses the endpoints of a
 * zone.  Called after the configuration has been read; "cf" is for its log.
 * Returns NGX_CONF_OK, or NGX_CONF_ERROR with an error logged.
 */

char *
ngx_http_webhook_endpoint_check_zone(ngx_conf_t *cf, ngx_shm_zone_t *zone,
    u_char *file, ngx_uint_t line)
{
    return ngx_http_webhook_registry_claim(cf, zone,
                                           &ngx_http_webhook_endpoint_kind,
                                           file, line);
}
