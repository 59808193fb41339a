
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
#include "dedup/ngx_http_webhook_dedup_zone.h"
#include "core/ngx_http_webhook_ctx.h"
#include "core/ngx_http_webhook_conf.h"


#define NGX_HTTP_WEBHOOK_DEDUP_TTL   (12 * 60 * 60)


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


/* a claim that a request holds */

struct ngx_http_webhook_held_s {
    ngx_http_webhook_held_t        *next;
    ngx_http_webhook_dedup_zone_t  *zone;
    time_t                          ttl;
    ngx_http_webhook_keys_claim_t   claim;
    unsigned                        confirmed:1;
    unsigned                        released:1;
};


/* What a duplicate is answered */

struct ngx_http_webhook_duplicate_s {
    ngx_uint_t                       status;
    ngx_str_t                        body;
    ngx_str_t                        type;
};


static ngx_int_t ngx_http_webhook_dedup_key(ngx_http_request_t *r,
    ngx_http_webhook_dedup_t *dedup, ngx_str_t *key);
static ngx_int_t ngx_http_webhook_dedup_duplicate(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_http_webhook_keys_answer_t *answer);
static ngx_int_t ngx_http_webhook_dedup_first_id(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_http_webhook_keys_answer_t *answer);
static ngx_int_t ngx_http_webhook_dedup_body(ngx_http_request_t *r,
    ngx_http_webhook_keys_answer_t *answer, ngx_str_t *body);
static ngx_int_t ngx_http_webhook_dedup_handler(ngx_http_request_t *r);
static void ngx_http_webhook_dedup_confirm(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_uint_t status);
static void ngx_http_webhook_dedup_release(ngx_http_webhook_held_t *held);
static void ngx_http_webhook_dedup_cleanup(void *data);
static ngx_int_t ngx_http_webhook_dedup_header_filter(ngx_http_request_t *r);
static ngx_uint_t ngx_http_webhook_dedup_empty(
    ngx_http_webhook_provider_t *provider, ngx_str_t *name);
static char *ngx_http_webhook_dedup_compile(ngx_conf_t *cf,
    ngx_http_webhook_dedup_t *dedup, ngx_str_t *key);


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
ngx_http_webhook_dedup_step(ngx_http_request_t *r, ngx_http_webhook_ctx_t *ctx)
{
    ngx_int_t                       rc;
    ngx_str_t                       key;
    ngx_pool_cleanup_t             *cln;
    ngx_http_webhook_held_t        *held, *other;
    ngx_http_webhook_dedup_t       *dedup;
    ngx_http_webhook_keys_answer_t  answer;
    ngx_http_webhook_main_conf_t   *wmcf;

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

    ngx_http_webhook_dedup_zone_hash(held->zone, &key, &held->claim);

    for (other = ctx->held; other; other = other->next) {

        if (other->zone == held->zone
            && other->claim.hash[0] == held->claim.hash[0]
            && other->claim.hash[1] == held->claim.hash[1])
        {
            return NGX_OK;
        }
    }

    rc = ngx_http_webhook_dedup_zone_claim(held->zone, &held->claim, &answer,
                                           r->connection->log);

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


static ngx_int_t
ngx_http_webhook_dedup_duplicate(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_http_webhook_keys_answer_t *answer)
{
    ngx_int_t                      rc;
    ngx_http_webhook_receipt_t    *receipt;
    ngx_http_webhook_duplicate_t  *duplicate;

    duplicate = ngx_palloc(r->pool, sizeof(ngx_http_webhook_duplicate_t));
    if (duplicate == NULL) {
        return NGX_ERROR;
    }

    duplicate->status = answer->status;

    receipt = ctx->conf->queue ? ctx->conf->receipt : NULL;

    if (receipt && receipt->text) {
        duplicate->type = receipt->type;

        /* it tells the id of the event that came first */

        rc = ngx_http_webhook_dedup_first_id(r, ctx, answer);

        if (rc == NGX_OK) {
            rc = ngx_http_complex_value(r, receipt->text, &duplicate->body);
        }

    } else {
        ngx_str_set(&duplicate->type, "application/json");

        rc = ngx_http_webhook_dedup_body(r, answer, &duplicate->body);
    }

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    ctx->duplicate = duplicate;
    r->content_handler = ngx_http_webhook_dedup_handler;

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "webhook %V duplicate", &ctx->conf->provider->name);

    return NGX_OK;
}


/*
 * Sets $webhook_id, unless the sender has, to the id that was answered.
 * Returns NGX_OK or NGX_ERROR.
 */

static ngx_int_t
ngx_http_webhook_dedup_first_id(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_http_webhook_keys_answer_t *answer)
{
    if (ngx_http_webhook_set_id(r, ctx, 0) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ctx->id.len || answer->len == 0) {
        return NGX_OK;
    }

    ctx->id.data = ngx_pnalloc(r->pool, answer->len);
    if (ctx->id.data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(ctx->id.data, answer->id, answer->len);
    ctx->id.len = answer->len;

    return NGX_OK;
}


/* Prints the id that was answered, as JSON.  Returns NGX_OK or NGX_ERROR. */

static ngx_int_t
ngx_http_webhook_dedup_body(ngx_http_request_t *r,
    ngx_http_webhook_keys_answer_t *answer, ngx_str_t *body)
{
    u_char  *p;

    /* escaping can make two bytes of one, for an id is visible ASCII */

    p = ngx_pnalloc(r->pool, sizeof("{\"id\":\"\"}\n") - 1 + 2 * answer->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    body->data = p;

    *p++ = '{';

    if (answer->len) {
        p = ngx_cpymem(p, "\"id\":\"", sizeof("\"id\":\"") - 1);
        p = (u_char *) ngx_escape_json(p, answer->id, answer->len);
        *p++ = '"';
    }

    p = ngx_cpymem(p, "}\n", 2);

    body->len = p - body->data;

    return NGX_OK;
}


static ngx_int_t
ngx_http_webhook_dedup_handler(ngx_http_request_t *r)
{
    ngx_http_webhook_ctx_t    *ctx;
    ngx_http_complex_value_t   cv;

    ctx = ngx_http_get_module_ctx(r, ngx_http_webhook_module);

    r->disable_not_modified = 1;

    ngx_memzero(&cv, sizeof(ngx_http_complex_value_t));
    cv.value = ctx->duplicate->body;

    return ngx_http_send_response(r, ctx->duplicate->status,
                                  &ctx->duplicate->type, &cv);
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
        ngx_http_webhook_dedup_confirm(r, ctx, status);

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
        ngx_http_webhook_dedup_confirm(r, ctx, status);
        ctx->held = NULL;
    }
}


static void
ngx_http_webhook_dedup_confirm(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_uint_t status)
{
    ngx_http_webhook_held_t        *held;
    ngx_http_webhook_keys_answer_t  answer;

    ngx_memzero(&answer, sizeof(ngx_http_webhook_keys_answer_t));

    answer.status = (uint16_t) status;

    /* a queue's answer has its own */

    if (ctx->has_own_id && ctx->conf->queue) {
        answer.len = NGX_HTTP_WEBHOOK_UUID_LEN;
        (void) ngx_http_webhook_uuid_print(answer.id, ctx->own_id);

    } else if (ctx->id.len && ctx->id.len <= NGX_HTTP_WEBHOOK_KEYS_ID) {
        answer.len = (u_char) ctx->id.len;
        ngx_memcpy(answer.id, ctx->id.data, ctx->id.len);
    }

    for (held = ctx->held; held; held = held->next) {

        if (held->confirmed || held->released) {
            continue;
        }

        held->confirmed = 1;
        ngx_http_webhook_dedup_zone_confirm(held->zone, &held->claim,
                                            held->ttl, &answer,
                                            r->connection->log);
    }
}


/*
 * Gives a claimed key back, also one that has been confirmed, if the answer
 * could not be sent after all.
 */

static void
ngx_http_webhook_dedup_release(ngx_http_webhook_held_t *held)
{
    if (held->released) {
        return;
    }

    held->released = 1;

    ngx_http_webhook_dedup_zone_release(held->zone, &held->claim);
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
ngx_http_webhook_dedup(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
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

            dedup->shm_zone = ngx_http_webhook_dedup_zone_get(cf, &text, 0);
            if (dedup->shm_zone == NULL) {
                return NGX_CONF_ERROR;
            }

            continue;
        }

        if (ngx_strncmp(value[i].data, "ttl=", 4) == 0 && dedup->ttl == 0) {

            text.len = value[i].len - 4;
            text.data = value[i].data + 4;

            dedup->ttl = ngx_http_webhook_time(&text, 1);

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
 * Merges webhook_dedup, and checks that its zone is defined and its key not
 * always empty; called when all of the configuration has been read.  A location
 * that only inherits such a key goes without it, since it was written for
 * others.  Returns NGX_CONF_OK, or NGX_CONF_ERROR after a message.
 */

char *
ngx_http_webhook_dedup_merge(ngx_conf_t *cf, ngx_http_webhook_loc_conf_t *prev,
    ngx_http_webhook_loc_conf_t *wlcf)
{
    ngx_str_t                  *name;
    ngx_uint_t                 *index, inherited, level;
    ngx_http_variable_t        *v;
    ngx_http_webhook_dedup_t   *dedup;
    ngx_http_core_main_conf_t  *cmcf;

    inherited = (wlcf->dedup == NGX_CONF_UNSET_PTR);

    ngx_conf_merge_ptr_value(wlcf->dedup, prev->dedup, NULL);

    dedup = wlcf->dedup;

    if (dedup == NULL) {
        return NGX_CONF_OK;
    }

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

        name = &v[*index].name;

        if (!ngx_http_webhook_dedup_empty(wlcf->provider, name)) {
            continue;
        }

        level = inherited ? NGX_LOG_WARN : NGX_LOG_EMERG;

        ngx_log_error(level, cf->log, 0,
                      "\"webhook_dedup\" in %s:%ui has \"$%V\", which is "
                      "always empty with \"webhook %V\" in %s:%ui%s",
                      dedup->file, dedup->line, name, &wlcf->provider->name,
                      wlcf->file, wlcf->line,
                      inherited ? ": nothing is deduplicated there" : "");

        if (!inherited) {
            return NGX_CONF_ERROR;
        }

        wlcf->dedup = NULL;

        return NGX_CONF_OK;
    }

    return NGX_CONF_OK;
}


/*
 * Says whether a variable is empty for all events of a system that have been
 * accepted, but not yet passed on: when the key is made.
 */

static ngx_uint_t
ngx_http_webhook_dedup_empty(ngx_http_webhook_provider_t *provider,
    ngx_str_t *name)
{
    ngx_uint_t  i;

    enum { EVENT, TENANT, IDENTITY, DELIVERY };

    static struct {
        ngx_str_t   name;
        ngx_uint_t  of;
    } variables[] = {
        { ngx_string("webhook_event"),         EVENT },
        { ngx_string("webhook_tenant"),        TENANT },
        { ngx_string("webhook_app"),           IDENTITY },
        { ngx_string("webhook_action"),        IDENTITY },
        { ngx_string("webhook_environment"),   IDENTITY },
        { ngx_string("webhook_user"),          IDENTITY },
        { ngx_string("webhook_reason"),        DELIVERY },
        { ngx_string("webhook_attempt"),       DELIVERY },
        { ngx_string("webhook_endpoint_url"),  DELIVERY },
        { ngx_string("webhook_timestamp"),     DELIVERY },
        { ngx_string("webhook_signature"),     DELIVERY },
        { ngx_null_string,                     0 }
    };

    for (i = 0; variables[i].name.len; i++) {

        if (name->len != variables[i].name.len
            || ngx_strncmp(name->data, variables[i].name.data, name->len) != 0)
        {
            continue;
        }

        return (variables[i].of == EVENT) ? provider->event.from == 0
               : (variables[i].of == TENANT) ? provider->tenant.from == 0
               : (variables[i].of == IDENTITY) ? !provider->identity : 1;
    }

    /* the events of those with an identity have no members that are named */

    return !ngx_http_webhook_shape_has(provider->identity ? NULL
                                                          : provider->shape,
                                       name);
}


/* Hooks the filter in; called if there is a zone, after the configuration. */

void
ngx_http_webhook_dedup_init(ngx_conf_t *cf)
{
    ngx_http_webhook_main_conf_t  *wmcf;

    static ngx_str_t  id = ngx_string("webhook_id");

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_webhook_module);

    wmcf->id_used = (ngx_http_webhook_variable_index(cf, &id) != NGX_ERROR);

    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_webhook_dedup_header_filter;
}
