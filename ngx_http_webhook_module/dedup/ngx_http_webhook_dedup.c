
/*
 * Events that come twice.
 *
 * An event that has passed every check claims its key.  The claim is confirmed
 * when the sender is answered with 2xx, just before that answer leaves: who has
 * seen it finds the key taken.  Any other answer, or none, gives it back.
 * What has the key of an answered event gets that answer's status, and is not
 * passed on.  What has the key of an event under way is told to come again:
 * "yes" might become untrue, and passing it on might be once too often.
 *
 * A request may hold several claims, after an internal redirect into another
 * location with "webhook".
 */


#include "dedup/ngx_http_webhook_dedup.h"
#include "dedup/ngx_http_webhook_dedup_state.h"
#include "dedup/ngx_http_webhook_keys.h"
#include "core/ngx_http_webhook_ctx.h"
#include "core/ngx_http_webhook_conf.h"
#include "status/ngx_http_webhook_status.h"


#define NGX_HTTP_WEBHOOK_DEDUP_TTL   (12 * 60 * 60)

/* Bytes that a state file may have beyond four times the keys of its zone */
#define NGX_HTTP_WEBHOOK_DEDUP_STATE_MIN  (1024 * 1024)

/* How many seconds a worker waits until it warns again that a zone is full */
#define NGX_HTTP_WEBHOOK_DEDUP_WARN  60


/* What a "webhook_dedup" directive sets */

struct ngx_http_webhook_dedup_s {
    ngx_http_complex_value_t         key;
    ngx_int_t                        variable;      /* which is the whole key,
                                                       or -1 */
    ngx_shm_zone_t                  *shm_zone;
    time_t                           ttl;

    u_char                          *file;
    ngx_uint_t                       line;
};


/* What a zone of "webhook_dedup_zone" is in one configuration and process */

typedef struct {
    ngx_http_webhook_keys_t         *keys;
    ngx_slab_pool_t                 *shpool;
    ngx_shm_zone_t                  *shm_zone;
    ngx_http_webhook_store_conf_t    state;         /* path is empty: none */
    ngx_http_webhook_dedup_writer_t *writer;        /* of this process */
    ngx_cycle_t                     *cycle;
    uint64_t                         forgotten;     /* when it last warned */
    time_t                           warned;
    ngx_http_webhook_status_item_t  *status;
} ngx_http_webhook_dedup_zone_t;


/* A claim on a key, which a request holds until it has been answered */

struct ngx_http_webhook_held_s {
    ngx_http_webhook_held_t         *next;
    ngx_http_webhook_dedup_zone_t   *zone;
    time_t                           ttl;
    ngx_http_webhook_claim_t         claim;
    unsigned                         confirmed:1;
    unsigned                         released:1;
};


/* What a duplicate is answered */

struct ngx_http_webhook_duplicate_s {
    ngx_uint_t                       status;
    ngx_str_t                        body;
};


static ngx_int_t ngx_http_webhook_dedup_key(ngx_http_request_t *r,
    ngx_http_webhook_dedup_t *dedup, ngx_str_t *key);
static ngx_int_t ngx_http_webhook_dedup_claim(ngx_http_webhook_held_t *held,
    ngx_http_webhook_answer_t *answer, ngx_log_t *log);
static void ngx_http_webhook_dedup_stat(ngx_http_webhook_dedup_zone_t *zone,
    ngx_http_webhook_keys_stat_t *stat);
static void ngx_http_webhook_dedup_gauges(void *data, uint64_t *values);
static ngx_int_t ngx_http_webhook_dedup_duplicate(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_http_webhook_answer_t *answer);
static ngx_int_t ngx_http_webhook_dedup_handler(ngx_http_request_t *r);
static void ngx_http_webhook_dedup_confirm(ngx_http_webhook_ctx_t *ctx,
    ngx_uint_t status);
static void ngx_http_webhook_dedup_release(ngx_http_webhook_held_t *held);
static void ngx_http_webhook_dedup_cleanup(void *data);
static ngx_int_t ngx_http_webhook_dedup_header_filter(ngx_http_request_t *r);
static char *ngx_http_webhook_dedup_compile(ngx_conf_t *cf,
    ngx_http_webhook_dedup_t *dedup, ngx_str_t *key);
static ngx_int_t ngx_http_webhook_dedup_init_zone(ngx_shm_zone_t *shm_zone,
    void *data);
static ngx_int_t ngx_http_webhook_dedup_create(
    ngx_http_webhook_dedup_zone_t *zone, u_char *p, size_t size);


/* the address of this tells a dedup zone from other zones */
static ngx_uint_t  ngx_http_webhook_dedup_tag;

static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;


static ngx_http_webhook_verdict_t  ngx_http_webhook_in_progress =
    ngx_http_webhook_verdict(NGX_HTTP_SERVICE_UNAVAILABLE, in_progress,
                             "an event with the same key is under way");


/*
 * Claims the event's key: the last step of all.  Returns what a step returns,
 * and NGX_OK for a duplicate as well: ctx->duplicate is set then, and the
 * content handler will answer.
 */

ngx_int_t
ngx_http_webhook_dedup(ngx_http_request_t *r, ngx_http_webhook_ctx_t *ctx)
{
    ngx_int_t                      rc;
    ngx_str_t                      key;
    ngx_pool_cleanup_t            *cln;
    ngx_http_webhook_held_t       *held, *other;
    ngx_http_webhook_dedup_t      *dedup;
    ngx_http_webhook_answer_t      answer;
    ngx_http_webhook_main_conf_t  *wmcf;

    dedup = ctx->conf->dedup;

    if (ngx_http_webhook_dedup_key(r, dedup, &key) != NGX_OK) {
        return NGX_ERROR;
    }

    if (key.len == 0) {
        return NGX_OK;
    }

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_webhook_held_t));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    held = cln->data;
    ngx_memzero(held, sizeof(ngx_http_webhook_held_t));

    held->zone = dedup->shm_zone->data;
    held->ttl = dedup->ttl;

    ngx_http_webhook_keys_hash(held->zone->keys, &key, &held->claim);

    for (other = ctx->held; other; other = other->next) {

        if (other->zone == held->zone
            && other->claim.hash[0] == held->claim.hash[0]
            && other->claim.hash[1] == held->claim.hash[1])
        {
            return NGX_OK;
        }
    }

    rc = ngx_http_webhook_dedup_claim(held, &answer, r->connection->log);

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "webhook dedup: %i", rc);

    if (rc == NGX_BUSY) {
        return ngx_http_webhook_reject(ctx, &ngx_http_webhook_in_progress,
                                       NULL);
    }

    if (rc == NGX_DECLINED) {
        return ngx_http_webhook_dedup_duplicate(r, ctx, &answer);
    }

    cln->handler = ngx_http_webhook_dedup_cleanup;

    held->next = ctx->held;
    ctx->held = held;

    /* one of the sender's own costs little; one that nobody sees is none */

    wmcf = ngx_http_get_module_main_conf(r, ngx_http_webhook_module);

    return ngx_http_webhook_set_id(r, ctx, wmcf->id_used);
}


static ngx_int_t
ngx_http_webhook_dedup_key(ngx_http_request_t *r,
    ngx_http_webhook_dedup_t *dedup, ngx_str_t *key)
{
    ngx_http_variable_value_t  *vv;

    if (dedup->variable == -1) {
        return ngx_http_complex_value(r, &dedup->key, key);
    }

    vv = ngx_http_get_flushed_variable(r, dedup->variable);

    if (vv == NULL) {
        return NGX_ERROR;
    }

    key->len = vv->not_found ? 0 : vv->len;
    key->data = vv->data;

    return NGX_OK;
}


/*
 * Claims a key in its zone, counts what comes of that, and warns of a zone that
 * is full.  Returns what ngx_http_webhook_keys_claim() does.
 */

static ngx_int_t
ngx_http_webhook_dedup_claim(ngx_http_webhook_held_t *held,
    ngx_http_webhook_answer_t *answer, ngx_log_t *log)
{
    ngx_int_t                       rc;
    ngx_http_webhook_keys_stat_t    before, stat;
    ngx_http_webhook_dedup_zone_t  *zone;

    zone = held->zone;
    held->claim.pid = (uint32_t) ngx_pid;

    ngx_shmtx_lock(&zone->shpool->mutex);

    ngx_http_webhook_keys_stat(zone->keys, &before);

    rc = ngx_http_webhook_keys_claim(zone->keys, &held->claim, ngx_time(),
                                     answer);

    ngx_http_webhook_keys_stat(zone->keys, &stat);

    ngx_shmtx_unlock(&zone->shpool->mutex);

    if (rc == NGX_DECLINED) {
        ngx_http_webhook_status_count(zone->status,
                                      NGX_HTTP_WEBHOOK_STATUS_DUPLICATES);
    }

    if (stat.forgotten != before.forgotten) {
        ngx_http_webhook_status_count(zone->status,
                                      NGX_HTTP_WEBHOOK_STATUS_FORGOTTEN);
    }

    if (stat.forgotten != zone->forgotten
        && ngx_time() - zone->warned >= NGX_HTTP_WEBHOOK_DEDUP_WARN)
    {
        zone->forgotten = stat.forgotten;
        zone->warned = ngx_time();

        ngx_log_error(NGX_LOG_WARN, log, 0,
                      "webhook dedup zone \"%V\" has room for %ui keys: %uL "
                      "forgotten before their time",
                      &zone->shm_zone->shm.name, stat.size, stat.forgotten);
    }

    return rc;
}


static void
ngx_http_webhook_dedup_stat(ngx_http_webhook_dedup_zone_t *zone,
    ngx_http_webhook_keys_stat_t *stat)
{
    ngx_shmtx_lock(&zone->shpool->mutex);

    ngx_http_webhook_keys_stat(zone->keys, stat);

    ngx_shmtx_unlock(&zone->shpool->mutex);
}


static void
ngx_http_webhook_dedup_gauges(void *data, uint64_t *values)
{
    ngx_http_webhook_dedup_zone_t *zone = data;

    ngx_http_webhook_keys_stat_t  stat;

    ngx_http_webhook_dedup_stat(zone, &stat);

    values[NGX_HTTP_WEBHOOK_STATUS_KEYS] = stat.count;
}


/*
 * Returns how many bytes of a zone are in use: all that no further key could
 * take.  The slab would say that all are, for the table of keys is made once.
 */

size_t
ngx_http_webhook_dedup_used(ngx_shm_zone_t *shm_zone)
{
    ngx_http_webhook_keys_stat_t  stat;

    ngx_http_webhook_dedup_stat(shm_zone->data, &stat);

    return shm_zone->shm.size - (stat.size - stat.count) * stat.bytes;
}


static ngx_int_t
ngx_http_webhook_dedup_duplicate(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_http_webhook_answer_t *answer)
{
    u_char                        *p;
    ngx_http_webhook_duplicate_t  *duplicate;

    duplicate = ngx_palloc(r->pool, sizeof(ngx_http_webhook_duplicate_t));
    if (duplicate == NULL) {
        return NGX_ERROR;
    }

    /* escaping can make two bytes of one, for an id is visible ASCII */

    p = ngx_pnalloc(r->pool, sizeof("{\"id\":\"\"}\n") - 1 + 2 * answer->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    duplicate->status = answer->status;
    duplicate->body.data = p;

    *p++ = '{';

    if (answer->len) {
        p = ngx_cpymem(p, "\"id\":\"", sizeof("\"id\":\"") - 1);
        p = (u_char *) ngx_escape_json(p, answer->id, answer->len);
        *p++ = '"';
    }

    p = ngx_cpymem(p, "}\n", 2);

    duplicate->body.len = p - duplicate->body.data;

    ctx->duplicate = duplicate;
    r->content_handler = ngx_http_webhook_dedup_handler;

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "webhook %V duplicate", &ctx->conf->provider->name);

    return NGX_OK;
}


static ngx_int_t
ngx_http_webhook_dedup_handler(ngx_http_request_t *r)
{
    ngx_str_t                  type;
    ngx_http_webhook_ctx_t    *ctx;
    ngx_http_complex_value_t   cv;

    ctx = ngx_http_get_module_ctx(r, ngx_http_webhook_module);

    ngx_str_set(&type, "application/json");

    ngx_memzero(&cv, sizeof(ngx_http_complex_value_t));
    cv.value = ctx->duplicate->body;

    return ngx_http_send_response(r, ctx->duplicate->status, &type, &cv);
}


/*
 * Settles the claims of a request that is about to be answered: 2xx confirms
 * them, everything else gives them back.
 */

static ngx_int_t
ngx_http_webhook_dedup_header_filter(ngx_http_request_t *r)
{
    ngx_uint_t                status;
    ngx_http_webhook_ctx_t   *ctx;
    ngx_http_webhook_held_t  *held;

    if (r != r->main) {
        return ngx_http_next_header_filter(r);
    }

    ctx = ngx_http_webhook_get_ctx(r);

    if (ctx == NULL || ctx->held == NULL) {
        return ngx_http_next_header_filter(r);
    }

    status = r->headers_out.status;

    if (status >= NGX_HTTP_OK && status < NGX_HTTP_SPECIAL_RESPONSE) {
        ngx_http_webhook_dedup_confirm(ctx, status);

    } else {
        for (held = ctx->held; held; held = held->next) {
            ngx_http_webhook_dedup_release(held);
        }
    }

    return ngx_http_next_header_filter(r);
}


/*
 * Confirms the keys of a request whose event will not be lost any more,
 * whatever the sender is answered: they are now those of an event that was
 * answered with "status".
 */

void
ngx_http_webhook_dedup_accepted(ngx_http_request_t *r, ngx_uint_t status)
{
    ngx_http_webhook_ctx_t  *ctx;

    ctx = ngx_http_webhook_get_ctx(r);

    if (ctx && ctx->held) {
        ngx_http_webhook_dedup_confirm(ctx, status);
        ctx->held = NULL;
    }
}


static void
ngx_http_webhook_dedup_confirm(ngx_http_webhook_ctx_t *ctx, ngx_uint_t status)
{
    time_t                          now;
    ngx_http_webhook_held_t        *held;
    ngx_http_webhook_answer_t       answer;
    ngx_http_webhook_dedup_zone_t  *zone;

    ngx_memzero(&answer, sizeof(ngx_http_webhook_answer_t));

    answer.status = (uint16_t) status;

    /* a queue's answer has its own */

    if (ctx->has_own_id) {
        answer.len = NGX_HTTP_WEBHOOK_UUID_LEN;
        (void) ngx_http_webhook_uuid_print(answer.id, ctx->own_id);

    } else if (ctx->id.len && ctx->id.len <= NGX_HTTP_WEBHOOK_KEYS_ID) {
        answer.len = (u_char) ctx->id.len;
        ngx_memcpy(answer.id, ctx->id.data, ctx->id.len);
    }

    now = ngx_time();

    for (held = ctx->held; held; held = held->next) {

        if (held->confirmed || held->released) {
            continue;
        }

        held->confirmed = 1;
        zone = held->zone;

        ngx_shmtx_lock(&zone->shpool->mutex);

        (void) ngx_http_webhook_keys_confirm(zone->keys, &held->claim, now,
                                             now + held->ttl, &answer);

        ngx_shmtx_unlock(&zone->shpool->mutex);

        if (zone->writer) {
            ngx_http_webhook_dedup_writer_wake(zone->writer);
        }
    }
}


/*
 * Gives a claimed key back, also one that has been confirmed, if the answer
 * could not be sent after all.
 */

static void
ngx_http_webhook_dedup_release(ngx_http_webhook_held_t *held)
{
    ngx_http_webhook_dedup_zone_t  *zone;

    if (held->released) {
        return;
    }

    held->released = 1;

    zone = held->zone;

    ngx_shmtx_lock(&zone->shpool->mutex);

    (void) ngx_http_webhook_keys_release(zone->keys, &held->claim);

    ngx_shmtx_unlock(&zone->shpool->mutex);
}


/* Gives the key back of a request that ends without an answer. */

static void
ngx_http_webhook_dedup_cleanup(void *data)
{
    ngx_http_webhook_held_t *held = data;

    if (!held->confirmed) {
        ngx_http_webhook_dedup_release(held);
    }
}


/*
 * webhook_dedup key zone=name [ttl=12h];
 *
 * The handler of the directive.
 */

char *
ngx_http_webhook_dedup_directive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_webhook_loc_conf_t *wlcf = conf;

    char                      *rv;
    ngx_str_t                 *value, text;
    ngx_uint_t                 i;
    ngx_http_webhook_dedup_t  *dedup;

    if (wlcf->dedup != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {
        wlcf->dedup = NULL;
        return cf->args->nelts == 2 ? NGX_CONF_OK : "off has no parameters";
    }

    dedup = ngx_pcalloc(cf->pool, sizeof(ngx_http_webhook_dedup_t));
    if (dedup == NULL
        || ngx_http_webhook_setting_add(cf, wlcf, webhook_setting_dedup)
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    wlcf->dedup = dedup;

    dedup->file = cf->conf_file->file.name.data;
    dedup->line = cf->conf_file->line;

    rv = ngx_http_webhook_dedup_compile(cf, dedup, &value[1]);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    for (i = 2; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "zone=", 5) == 0
            && value[i].len > 5 && dedup->shm_zone == NULL)
        {
            text.len = value[i].len - 5;
            text.data = value[i].data + 5;

            dedup->shm_zone = ngx_shared_memory_add(cf, &text, 0,
                                                 &ngx_http_webhook_dedup_tag);
            if (dedup->shm_zone == NULL) {
                return NGX_CONF_ERROR;
            }

            continue;
        }

        if (ngx_strncmp(value[i].data, "ttl=", 4) == 0 && dedup->ttl == 0) {

            text.len = value[i].len - 4;
            text.data = value[i].data + 4;

            dedup->ttl = ngx_parse_time(&text, 1);

            if (dedup->ttl > 0) {
                continue;
            }
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\"", &value[i]);
        return NGX_CONF_ERROR;
    }

    if (dedup->shm_zone == NULL) {
        return "needs \"zone=\"";
    }

    if (dedup->ttl == 0) {
        dedup->ttl = NGX_HTTP_WEBHOOK_DEDUP_TTL;
    }

    return NGX_CONF_OK;
}


/* Compiles the key of webhook_dedup; returns what a directive returns. */

static char *
ngx_http_webhook_dedup_compile(ngx_conf_t *cf, ngx_http_webhook_dedup_t *dedup,
    ngx_str_t *key)
{
    ngx_http_compile_complex_value_t  ccv;

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = key;
    ccv.complex_value = &dedup->key;

    if (ngx_http_compile_complex_value(&ccv) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (dedup->key.lengths == NULL) {
        return "has a key without a variable: all events would be one";
    }

    /* most keys are one variable, which need not be copied */

    dedup->variable = -1;

    if (dedup->key.flushes
        && key->data[0] == '$'
        && strspn((char *) &key->data[1],
                  "abcdefghijklmnopqrstuvwxyz_0123456789")
           == key->len - 1)
    {
        dedup->variable = dedup->key.flushes[0];
    }

    return NGX_CONF_OK;
}


/*
 * Checks that the zone of a webhook_dedup is defined; called when all of the
 * configuration has been read.
 */

char *
ngx_http_webhook_dedup_check(ngx_conf_t *cf, ngx_http_webhook_loc_conf_t *wlcf)
{
    ngx_str_t                    name;
    ngx_uint_t                  *index;
    ngx_http_variable_t         *v;
    ngx_http_webhook_dedup_t    *dedup;
    ngx_http_core_main_conf_t   *cmcf;

    dedup = wlcf->dedup;

    if (dedup->shm_zone->shm.size == 0) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "unknown webhook dedup zone \"%V\" in %s:%ui",
                      &dedup->shm_zone->shm.name, dedup->file, dedup->line);
        return NGX_CONF_ERROR;
    }

    if (wlcf->provider == NULL || !wlcf->provider->passes
        || dedup->key.flushes == NULL)
    {
        return NGX_CONF_OK;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    v = cmcf->variables.elts;

    for (index = dedup->key.flushes; *index != (ngx_uint_t) -1; index++) {

        name = v[*index].name;

        if (ngx_http_webhook_shape_has(wlcf->provider->shape, &name)) {
            continue;
        }

        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"webhook_dedup\" in %s:%ui has \"$%V\", which is "
                      "always empty with \"webhook %V\" in %s:%ui: no payload "
                      "that it checks has such a member",
                      dedup->file, dedup->line, &name, &wlcf->provider->name,
                      wlcf->file, wlcf->line);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* webhook_dedup_zone zone=name:size [state=path]: the directive's handler. */

char *
ngx_http_webhook_dedup_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_webhook_main_conf_t *wmcf = conf;

    ssize_t                         size;
    ngx_str_t                      *value, name, state;
    ngx_shm_zone_t                 *shm_zone, **added;
    ngx_http_webhook_dedup_zone_t  *zone;

    value = cf->args->elts;

    if (ngx_strncmp(value[1].data, "zone=", 5) != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    size = ngx_http_webhook_zone_size(cf, &value[1], &name);
    if (size == NGX_ERROR) {
        return NGX_CONF_ERROR;
    }

    zone = ngx_pcalloc(cf->pool, sizeof(ngx_http_webhook_dedup_zone_t));
    if (zone == NULL) {
        return NGX_CONF_ERROR;
    }

    shm_zone = ngx_shared_memory_add(cf, &name, size,
                                     &ngx_http_webhook_dedup_tag);
    if (shm_zone == NULL) {
        return NGX_CONF_ERROR;
    }

    if (shm_zone->init) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "webhook dedup zone \"%V\" is duplicate", &name);
        return NGX_CONF_ERROR;
    }

    zone->status = ngx_http_webhook_status_add(cf,
                                               NGX_HTTP_WEBHOOK_STATUS_DEDUP,
                                               &name);
    if (zone->status == NULL) {
        return NGX_CONF_ERROR;
    }

    zone->status->gauges = ngx_http_webhook_dedup_gauges;
    zone->status->data = zone;

    if (cf->args->nelts == 3) {

        if (ngx_strncmp(value[2].data, "state=", 6) != 0 || value[2].len == 6) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\"", &value[2]);
            return NGX_CONF_ERROR;
        }

        state.len = value[2].len - 6;
        state.data = value[2].data + 6;

        if (ngx_conf_full_name(cf->cycle, &state, 0) != NGX_OK
            || ngx_http_webhook_add_file(cf, &state) != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }

#if (NGX_THREADS)
        if (ngx_thread_pool_add(cf, NULL) == NULL) {
            return NGX_CONF_ERROR;
        }
#endif

        zone->state.path = state;

        /* more than so many records can take */

        zone->state.size = 4 * size + NGX_HTTP_WEBHOOK_DEDUP_STATE_MIN;
        ngx_http_webhook_dedup_state_conf(&zone->state);
    }

    zone->shm_zone = shm_zone;
    zone->cycle = cf->cycle;

    shm_zone->init = ngx_http_webhook_dedup_init_zone;
    shm_zone->data = zone;

    added = ngx_array_push(&wmcf->dedup_zones);
    if (added == NULL) {
        return NGX_CONF_ERROR;
    }

    *added = shm_zone;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_webhook_dedup_init_zone(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_http_webhook_dedup_zone_t *old = data;

    size_t                          len, size;
    u_char                         *p;
    ngx_slab_pool_t                *shpool;
    ngx_http_webhook_dedup_zone_t  *zone;

    zone = shm_zone->data;

    ngx_http_webhook_store_owner(&zone->state, zone->cycle);

    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;
    zone->shpool = shpool;

    if (old || shm_zone->shm.exists) {

        zone->keys = old ? old->keys : shpool->data;

        if (!ngx_http_webhook_keys_valid(zone->keys)) {
            ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                          "webhook dedup zone \"%V\" was made by another "
                          "version of the module: restart or upgrade nginx",
                          &shm_zone->shm.name);
            return NGX_ERROR;
        }

        if (old) {
            /* that of a single process, "master_process off" */
            zone->writer = old->writer;

            return ngx_http_webhook_store_keep(&zone->state, &old->state,
                                               "zone", &shm_zone->shm.name,
                                               shm_zone->shm.log);
        }

        return NGX_OK;
    }

    /* all there is, for the keys and the name of the zone */

    size = shpool->pfree * ngx_pagesize;

    p = ngx_slab_alloc(shpool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    len = sizeof(" in webhook dedup zone \"\"") + shm_zone->shm.name.len;

    if (len < size) {
        size -= len;

        shpool->log_ctx = p + size;
        shpool->log_nomem = 0;

        ngx_sprintf(shpool->log_ctx, " in webhook dedup zone \"%V\"%Z",
                    &shm_zone->shm.name);
    }

    if (ngx_http_webhook_dedup_create(zone, p, size) != NGX_OK) {
        return NGX_ERROR;
    }

    shpool->data = zone->keys;

    return NGX_OK;
}


/*
 * Fills a new zone from its state, if it has one.  This is the master, which
 * must not keep the store open.
 */

static ngx_int_t
ngx_http_webhook_dedup_create(ngx_http_webhook_dedup_zone_t *zone, u_char *p,
    size_t size)
{
    u_char                     secret[NGX_HTTP_WEBHOOK_KEYS_SECRET];
    ngx_int_t                  rc;
    ngx_log_t                 *log;
    ngx_http_webhook_store_t  *store;

    log = zone->shm_zone->shm.log;
    store = NULL;
    rc = NGX_OK;

    if (zone->state.path.len) {

        store = ngx_http_webhook_store_open(&zone->state, NULL, log);
        if (store == NULL) {
            return NGX_ERROR;
        }

        rc = ngx_http_webhook_dedup_state_secret(store, secret);

    } else {
        ngx_http_webhook_dedup_state_random(secret);
    }

    if (rc == NGX_OK) {
        zone->keys = ngx_http_webhook_keys_create(p, size, secret);

        if (zone->keys == NULL) {
            ngx_log_error(NGX_LOG_EMERG, log, 0,
                          "webhook dedup zone \"%V\" is too small",
                          &zone->shm_zone->shm.name);

        } else if (store) {
            rc = ngx_http_webhook_dedup_state_load(store, zone->keys);
        }
    }

    if (store) {
        ngx_http_webhook_store_close(store);
    }

    if (rc != NGX_OK) {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "webhook state \"%V\" could not be read",
                      &zone->state.path);
    }

    return (zone->keys && rc == NGX_OK) ? NGX_OK : NGX_ERROR;
}


/* Hooks the filter in; called if there is a zone, after the configuration. */

void
ngx_http_webhook_dedup_init(ngx_conf_t *cf)
{
    ngx_uint_t                     i;
    ngx_http_variable_t           *v;
    ngx_http_core_main_conf_t     *cmcf;
    ngx_http_webhook_main_conf_t  *wmcf;

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_webhook_module);
    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    v = cmcf->variables.elts;

    for (i = 0; i < cmcf->variables.nelts; i++) {

        if (v[i].name.len == sizeof("webhook_id") - 1
            && ngx_strncmp(v[i].name.data, "webhook_id", v[i].name.len) == 0)
        {
            wmcf->id_used = 1;
        }
    }

    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_webhook_dedup_header_filter;
}


/* Opens a zone's state; called when a process begins to serve requests. */

void
ngx_http_webhook_dedup_init_process(ngx_shm_zone_t *shm_zone,
    ngx_cycle_t *cycle)
{
    ngx_http_webhook_dedup_zone_t  *zone;

    zone = shm_zone->data;

    /* what killed workers had claimed, one of which may have had this pid */

    ngx_shmtx_lock(&zone->shpool->mutex);

    ngx_http_webhook_keys_void(zone->keys, (uint32_t) ngx_pid);

    ngx_shmtx_unlock(&zone->shpool->mutex);

    if (zone->state.path.len) {
        zone->writer = ngx_http_webhook_dedup_writer_create(&zone->state,
                                                        zone->keys,
                                                        &zone->shpool->mutex,
                                                        cycle);
    }
}


/* Writes what is left to a zone's state, and closes it: the process ends. */

void
ngx_http_webhook_dedup_exit_process(ngx_shm_zone_t *shm_zone)
{
    ngx_http_webhook_dedup_zone_t  *zone;

    zone = shm_zone->data;

    if (zone->writer) {
        ngx_http_webhook_dedup_writer_close(zone->writer);
        zone->writer = NULL;
    }
}
