
#ifndef _NGX_HTTP_WEBHOOK_JOURNAL_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_JOURNAL_H_INCLUDED_


#include "store/ngx_http_webhook_store.h"
#include "base/ngx_http_webhook_uuid.h"


enum {
    NGX_HTTP_WEBHOOK_JOURNAL_CREATE = 0,
    NGX_HTTP_WEBHOOK_JOURNAL_REPLACE,
    NGX_HTTP_WEBHOOK_JOURNAL_DELETE
};


/*
 * A change.  REPLACE takes the place of the record that was number "replaces",
 * or 0 if there must be none.  "change" is for ngx_http_webhook_store_submit();
 * its "rc" is NGX_DECLINED if what was to be replaced or deleted is not there.
 */

typedef struct {
    ngx_http_webhook_change_t  change;
    ngx_uint_t                 type;
    u_char                     uuid[NGX_HTTP_WEBHOOK_UUID_SIZE];
    uint64_t                   replaces;
    ngx_str_t                  record;    /* not of DELETE */
    uint64_t                   seq;       /* set for NGX_OK: its number */
} ngx_http_webhook_entry_t;


/*
 * Told of each change since the one asked for; "record" is that of a creation,
 * NULL for a deletion, and valid during the call only.  An error ends the walk.
 */

typedef ngx_int_t (*ngx_http_webhook_journal_walk_pt)(void *data, uint64_t seq,
    u_char *uuid, ngx_str_t *record);


void ngx_http_webhook_journal_conf(ngx_http_webhook_store_conf_t *conf);
void ngx_http_webhook_journal_submit(ngx_http_webhook_store_t *store,
    ngx_http_webhook_entry_t *entry);
ngx_int_t ngx_http_webhook_journal_walk(ngx_http_webhook_store_t *store,
    uint64_t *seq, ngx_uint_t *version,
    ngx_http_webhook_journal_walk_pt handler, void *data);
ngx_int_t ngx_http_webhook_journal_find(ngx_http_webhook_store_t *store,
    u_char *uuid, ngx_pool_t *pool, uint64_t *seq, ngx_str_t *record);
ngx_int_t ngx_http_webhook_journal_find_deletion(
    ngx_http_webhook_store_t *store, u_char *uuid);


#endif /* _NGX_HTTP_WEBHOOK_JOURNAL_H_INCLUDED_ */
