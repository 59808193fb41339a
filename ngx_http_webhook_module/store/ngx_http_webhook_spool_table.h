
#ifndef _NGX_HTTP_WEBHOOK_SPOOL_TABLE_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_SPOOL_TABLE_H_INCLUDED_


/*
 * The tables of a queue, for the files that make it, and nobody else: what is
 * changed (ngx_http_webhook_spool.c), looked up (ngx_http_webhook_spool_find.c)
 * and taken over from the first layout (ngx_http_webhook_spool_take.c).
 */


#include "store/ngx_http_webhook_spool.h"


enum {
    spool_meta = NGX_HTTP_WEBHOOK_STORE_META,
    spool_records,
    spool_contents,
    spool_arrivals,
    spool_due,
    spool_died,

    /* of the first layout */
    spool_former_events,
    spool_former_dead,
    spool_former_index,
    spool_former_waiting
};


/*
 * Bytes of a part of the contents.  LMDB has two bytes for an entry, 8 for its
 * lengths, and 16 of the key beside it: four parts fill a page of 4096 bytes,
 * whose head takes 16.
 */

#define NGX_HTTP_WEBHOOK_SPOOL_PART     ((4096 - 16) / 4 - 2 - 8 - 16)

/* an entry of "arrivals": id, destination */
#define NGX_HTTP_WEBHOOK_SPOOL_ARRIVAL  (NGX_HTTP_WEBHOOK_UUID_SIZE + 8)


/* where the contents of an event that is added are: in memory, then in "cl" */

typedef struct {
    u_char                *pos;
    u_char                *last;
    ngx_chain_t           *cl;
    off_t                  offset;       /* in the file of a buffer */
    u_char                 buf[16384];   /* of a file */
} ngx_http_webhook_spool_source_t;


ngx_int_t ngx_http_webhook_spool_get(ngx_http_webhook_txn_t *txn, u_char *id,
    ngx_http_webhook_event_t *event);
ngx_int_t ngx_http_webhook_spool_put(ngx_http_webhook_txn_t *txn,
    ngx_http_webhook_event_t *event, ngx_uint_t flags);
ngx_int_t ngx_http_webhook_spool_write(ngx_http_webhook_txn_t *txn,
    ngx_http_webhook_event_t *event, ngx_http_webhook_spool_source_t *source,
    ngx_uint_t flags);
ngx_int_t ngx_http_webhook_spool_enter(ngx_http_webhook_txn_t *txn,
    ngx_http_webhook_event_t *event, ngx_uint_t flags);
ngx_int_t ngx_http_webhook_spool_remove(ngx_http_webhook_txn_t *txn,
    ngx_uint_t table, ngx_str_t *key);
void ngx_http_webhook_spool_key(ngx_str_t *key, u_char *p, ngx_uint_t n,
    uint64_t a, uint64_t b, uint64_t c);

ngx_int_t ngx_http_webhook_spool_take(ngx_http_webhook_txn_t *txn);
ngx_int_t ngx_http_webhook_spool_take_late(ngx_http_webhook_txn_t *txn);


#endif /* _NGX_HTTP_WEBHOOK_SPOOL_TABLE_H_INCLUDED_ */
