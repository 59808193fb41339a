
/*
 * The codec of a kept request: which of its headers a queue keeps, and how all
 * that is kept is written into the store and read again.  It needs no server.
 *
 * A head is a row of texts: those of ngx_http_webhook_message_texts[], then the
 * name and the value of each header, then those of each variable.  An empty
 * name ends a list of pairs.  A text is four bytes with its length, the highest
 * first, its bytes, and a zero.  What is on disk must stay readable: a new text
 * needs another version of the layout, see ngx_http_webhook_spool.c.
 */


#include "queue/ngx_http_webhook_message.h"


/* the bytes beside a text: its length before it, and the zero after it */
#define NGX_HTTP_WEBHOOK_MESSAGE_EXTRA   5

/*
 * How many names in Connection headers are looked at: each header of the
 * request is compared to each of them.
 */

#define NGX_HTTP_WEBHOOK_MESSAGE_HOPS   16


static ngx_int_t ngx_http_webhook_message_hops(ngx_pool_t *pool,
    ngx_list_t *headers, ngx_str_t *hops);
static ngx_int_t ngx_http_webhook_message_hop(ngx_pool_t *pool,
    ngx_str_t *list, ngx_str_t *hops, ngx_uint_t *n);
static ngx_uint_t ngx_http_webhook_message_among(ngx_table_elt_t *header,
    ngx_str_t *name);
static size_t ngx_http_webhook_message_size(ngx_array_t *pairs);
static u_char *ngx_http_webhook_message_put(u_char *p, ngx_str_t *text);
static u_char *ngx_http_webhook_message_put_pairs(u_char *p,
    ngx_array_t *pairs);
static ngx_int_t ngx_http_webhook_message_get(ngx_str_t *rest,
    ngx_str_t *text);
static ngx_int_t ngx_http_webhook_message_get_pairs(ngx_str_t *rest,
    ngx_pool_t *pool, ngx_array_t *pairs);


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
 * Headers that are never kept: credentials, which were for this server; the
 * length, which nginx makes anew; and what concerns one connection, RFC 9110,
 * section 7.6.1.
 */

static ngx_str_t  ngx_http_webhook_message_dropped[] = {
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
 * Headers that are not kept of an event for an endpoint.  The event is signed
 * anew with the endpoint's secret.  The endpoint must not get the sender's
 * signature, whatever its scheme, to guess the sender's secret from.
 */

static ngx_str_t  ngx_http_webhook_message_unsigned[] = {
    ngx_string("webhook-id"),
    ngx_string("webhook-timestamp"),
    ngx_string("webhook-signature"),
    ngx_null_string
};


/*
 * Empties a message, and makes its lists of headers and variables.  Returns
 * NGX_OK, or NGX_ERROR if there is no memory.
 */

ngx_int_t
ngx_http_webhook_message_init(ngx_http_webhook_message_t *message,
    ngx_pool_t *pool)
{
    ngx_memzero(message, sizeof(ngx_http_webhook_message_t));

    if (ngx_array_init(&message->headers, pool, 16, sizeof(ngx_keyval_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_array_init(&message->variables, pool, 16, sizeof(ngx_keyval_t));
}


/*
 * Adds those of a request's headers to a message that a queue keeps; "drop",
 * called with "data", refuses more of them.  The message's workspace must be
 * set before.  The message then points to the names and values in "headers".
 * Returns NGX_OK, or NGX_ERROR if there is no memory.
 */

ngx_int_t
ngx_http_webhook_message_add_headers(ngx_http_webhook_message_t *message,
    ngx_pool_t *pool, ngx_list_t *headers,
    ngx_http_webhook_message_drop_pt drop, void *data)
{
    ngx_str_t         hops[NGX_HTTP_WEBHOOK_MESSAGE_HOPS + 1];
    ngx_uint_t        i, outbound;
    ngx_keyval_t     *kv;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    if (ngx_http_webhook_message_hops(pool, headers, hops) != NGX_OK) {
        return NGX_ERROR;
    }

    outbound = (message->workspace.len != 0);

    for (part = &headers->part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (h[i].hash == 0
                || ngx_http_webhook_message_among(&h[i],
                                           ngx_http_webhook_message_dropped)
                || ngx_http_webhook_message_among(&h[i], hops)
                || (outbound
                    && ngx_http_webhook_message_among(&h[i],
                                           ngx_http_webhook_message_unsigned))
                || drop(data, &h[i], outbound))
            {
                continue;
            }

            kv = ngx_array_push(&message->headers);
            if (kv == NULL) {
                return NGX_ERROR;
            }

            kv->key = h[i].key;
            kv->value = h[i].value;
        }
    }

    return NGX_OK;
}


/*
 * Sets "hops" to the names of headers that are for the sender's connection
 * only, as the sender's Connection headers say; an empty name ends them.  All
 * headers are searched, for nginx before 1.23.0 does not set
 * r->headers_in.connection.
 */

static ngx_int_t
ngx_http_webhook_message_hops(ngx_pool_t *pool, ngx_list_t *headers,
    ngx_str_t *hops)
{
    ngx_uint_t        i, n;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    static ngx_str_t  connection[] = {
        ngx_string("connection"),
        ngx_null_string
    };

    n = 0;

    for (part = &headers->part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (ngx_http_webhook_message_among(&h[i], connection)
                && ngx_http_webhook_message_hop(pool, &h[i].value, hops, &n)
                   != NGX_OK)
            {
                return NGX_ERROR;
            }
        }
    }

    ngx_str_null(&hops[n]);

    return NGX_OK;
}


/* Adds the names in a Connection header, in lower case, as far as they fit. */

static ngx_int_t
ngx_http_webhook_message_hop(ngx_pool_t *pool, ngx_str_t *list,
    ngx_str_t *hops, ngx_uint_t *n)
{
    u_char     *last, *p;
    ngx_str_t  *hop;

    p = ngx_pnalloc(pool, list->len);
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


/* Says whether a header has one of the names, which are in lower case. */

static ngx_uint_t
ngx_http_webhook_message_among(ngx_table_elt_t *header, ngx_str_t *name)
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


/*
 * Writes what is to be stored of a request into "head", which is allocated from
 * "pool".  Returns NGX_OK, or NGX_ERROR if there is no memory.
 */

ngx_int_t
ngx_http_webhook_message_print(ngx_http_webhook_message_t *message,
    ngx_pool_t *pool, ngx_str_t *head)
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


/* The bytes that a list of names and values takes. */

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
 * Writes a text at "p", and returns where the next one begins.  Nginx relies on
 * the zero after a text where it searches in a header.
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


/* Writes a list of names and values at "p", and the empty name after it. */

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
 * Reads what a queue has kept of a request.  The message's texts are parts of
 * "head", and its lists are allocated from "pool".  Returns NGX_OK,
 * NGX_DECLINED if the head is not one that ngx_http_webhook_message_print() has
 * written, or NGX_ERROR if there is no memory.
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


/*
 * Takes a text off the beginning of "rest".  Returns NGX_OK, or NGX_DECLINED if
 * there is no whole one.
 */

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


/* Takes a list of names and values off the beginning of "rest". */

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
