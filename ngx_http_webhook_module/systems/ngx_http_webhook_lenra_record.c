
/*
 * A Lenra webhook as it is kept in a registration, and as it is answered.
 *
 * A registration's owner is the application.  Its text is a head of fixed size,
 * then the action, then the properties, both as the JSON text that they were
 * sent as.  State files have such texts: the head must not change.
 */


#include "systems/ngx_http_webhook_lenra_record.h"


/* The head of a text; the machine's byte order, as in LMDB's files */

typedef struct {
    int64_t   environment;
    int64_t   user;
    uint32_t  has_user;                    /* 0 or 1 */
    uint32_t  action_len;                  /* not 0 */
} ngx_http_webhook_lenra_head_t;


static ngx_int_t ngx_http_webhook_lenra_check_text(ngx_str_t *text);


ngx_http_webhook_registry_kind_t  ngx_http_webhook_lenra_kind = {
    ngx_string("webhook lenra"),
    ngx_http_webhook_lenra_check_text
};


/*
 * Makes a registration of a webhook, all but its number; the text is put into
 * "pool".  Returns NGX_OK or NGX_ERROR.
 */

ngx_int_t
ngx_http_webhook_lenra_encode(ngx_pool_t *pool,
    ngx_http_webhook_lenra_record_t *record,
    ngx_http_webhook_registration_t *registration)
{
    u_char                         *p;
    ngx_http_webhook_lenra_head_t   head;

    head.environment = record->identity.environment;
    head.user = record->identity.user;
    head.has_user = record->identity.has_user;
    head.action_len = record->action.len;

    ngx_memcpy(registration->uuid, record->uuid, NGX_HTTP_WEBHOOK_UUID_SIZE);
    ngx_memcpy(registration->owner, record->identity.app,
               NGX_HTTP_WEBHOOK_UUID_SIZE);

    registration->text.len = sizeof(ngx_http_webhook_lenra_head_t)
                             + record->action.len + record->props.len;

    p = ngx_pnalloc(pool, registration->text.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    registration->text.data = p;

    p = ngx_cpymem(p, &head, sizeof(ngx_http_webhook_lenra_head_t));
    p = ngx_cpymem(p, record->action.data, record->action.len);

    if (record->props.len) {
        ngx_memcpy(p, record->props.data, record->props.len);
    }

    return NGX_OK;
}


/*
 * Reads a registration; action and properties stay in its text.  Returns
 * NGX_OK, or NGX_ERROR if ngx_http_webhook_lenra_encode() can't have made it.
 */

ngx_int_t
ngx_http_webhook_lenra_decode(ngx_http_webhook_registration_t *registration,
    ngx_http_webhook_lenra_record_t *record)
{
    size_t                         rest;
    u_char                        *p;
    ngx_http_webhook_lenra_head_t  head;

    if (registration->text.len < sizeof(ngx_http_webhook_lenra_head_t)) {
        return NGX_ERROR;
    }

    p = registration->text.data;
    rest = registration->text.len - sizeof(ngx_http_webhook_lenra_head_t);

    ngx_memcpy(&head, p, sizeof(ngx_http_webhook_lenra_head_t));

    if (head.has_user > 1 || head.action_len == 0 || head.action_len > rest) {
        return NGX_ERROR;
    }

    ngx_memcpy(record->uuid, registration->uuid, NGX_HTTP_WEBHOOK_UUID_SIZE);
    ngx_memcpy(record->identity.app, registration->owner,
               NGX_HTTP_WEBHOOK_UUID_SIZE);

    record->identity.environment = head.environment;
    record->identity.user = head.user;
    record->identity.has_user = head.has_user;

    record->action.len = head.action_len;
    record->action.data = p + sizeof(ngx_http_webhook_lenra_head_t);

    record->props.len = rest - head.action_len;
    record->props.data = record->action.data + head.action_len;

    return NGX_OK;
}


/* Returns NGX_OK if the text can be one of a webhook, else NGX_ERROR. */

static ngx_int_t
ngx_http_webhook_lenra_check_text(ngx_str_t *text)
{
    ngx_http_webhook_lenra_record_t  record;
    ngx_http_webhook_registration_t  registration;

    ngx_memzero(&registration, sizeof(ngx_http_webhook_registration_t));
    registration.text = *text;

    return ngx_http_webhook_lenra_decode(&registration, &record);
}


/* Returns how many bytes ngx_http_webhook_lenra_print() writes at most. */

size_t
ngx_http_webhook_lenra_size(ngx_http_webhook_lenra_record_t *record)
{
    return sizeof("{\"uuid\":\"\",\"action\":,\"props\":null,"
                  "\"environment_id\":,\"user_id\":}") - 1
           + NGX_HTTP_WEBHOOK_UUID_LEN + 2 * NGX_INT64_LEN
           + record->action.len + record->props.len;
}


/* Writes a webhook as a JSON object to "p", and returns where that ends. */

u_char *
ngx_http_webhook_lenra_print(u_char *p,
    ngx_http_webhook_lenra_record_t *record)
{
    p = ngx_cpymem(p, "{\"uuid\":\"", sizeof("{\"uuid\":\"") - 1);
    p = ngx_http_webhook_uuid_print(p, record->uuid);
    p = ngx_cpymem(p, "\",\"action\":", sizeof("\",\"action\":") - 1);
    p = ngx_cpymem(p, record->action.data, record->action.len);
    p = ngx_cpymem(p, ",\"props\":", sizeof(",\"props\":") - 1);

    if (record->props.len) {
        p = ngx_cpymem(p, record->props.data, record->props.len);

    } else {
        p = ngx_cpymem(p, "null", sizeof("null") - 1);
    }

    p = ngx_sprintf(p, ",\"environment_id\":%L,\"user_id\":",
                    record->identity.environment);

    if (record->identity.has_user) {
        return ngx_sprintf(p, "%L}", record->identity.user);
    }

    return ngx_cpymem(p, "null}", sizeof("null}") - 1);
}
