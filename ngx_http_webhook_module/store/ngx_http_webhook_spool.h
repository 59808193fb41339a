
#ifndef _NGX_HTTP_WEBHOOK_SPOOL_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_SPOOL_H_INCLUDED_


#include "store/ngx_http_webhook_store.h"
#include "base/ngx_http_webhook_uuid.h"


/* where an event is */

enum {
    NGX_HTTP_WEBHOOK_WAITING = 0,
    NGX_HTTP_WEBHOOK_DEAD
};


/* what becomes of it */

enum {
    NGX_HTTP_WEBHOOK_SPOOL_ADD = 0,
    NGX_HTTP_WEBHOOK_SPOOL_DONE,      /* delivered, or not wanted any more */
    NGX_HTTP_WEBHOOK_SPOOL_WAIT,      /* until "time" */
    NGX_HTTP_WEBHOOK_SPOOL_DIE,
    NGX_HTTP_WEBHOOK_SPOOL_REPLAY,    /* a dead one, at once */
    NGX_HTTP_WEBHOOK_SPOOL_DISCARD,   /* a dead one */
    NGX_HTTP_WEBHOOK_SPOOL_TAKE       /* over what an older version has added */
};


/* what is known of an event beside its contents; times are in milliseconds */

typedef struct {
    u_char                      id[NGX_HTTP_WEBHOOK_UUID_SIZE];
    uint64_t                    seq;          /* in order of arrival; a replay
                                                 is another one */
    uint64_t                    number;       /* of its contents */
    uint64_t                    destination;
    uint64_t                    arrived;
    uint64_t                    time;         /* it is due, or died */
    uint64_t                    state;
    uint64_t                    attempts;     /* that have failed */
    uint64_t                    status;       /* of the last one, 0: none */
    uint64_t                    head;         /* bytes of the contents */
    uint64_t                    body;
} ngx_http_webhook_event_t;


/*
 * A change of a queue, for ngx_http_webhook_store_submit().  "event.id" names
 * the event; of one that is added, "destination" is set as well, and what is
 * written of it is "head" followed by "body", which may be in a file.  For WAIT
 * and DIE "attempts" and "status" are new, for WAIT "time" as well.  Once it is
 * committed, "event" is what the event has become.  TAKE is of no event.
 */

typedef struct {
    ngx_http_webhook_change_t   change;
    ngx_uint_t                  type;
    ngx_http_webhook_event_t    event;
    ngx_str_t                   head;
    ngx_chain_t                *body;
    off_t                       length;       /* of the body */
    ngx_uint_t                  forgotten;    /* dead letters whose room it has
                                                 taken, if "rc" is no error */
} ngx_http_webhook_spool_change_t;


/* the queue as a whole */

typedef struct {
    ngx_uint_t                  waiting;
    ngx_uint_t                  dead;
    size_t                      used;         /* bytes */
    uint64_t                    oldest;       /* arrived, 0: none */
    uint64_t                    number;       /* of that one's arrival */
    ngx_http_webhook_store_file_t  file;
} ngx_http_webhook_spool_stat_t;


typedef ngx_int_t (*ngx_http_webhook_spool_walk_pt)(void *data,
    ngx_http_webhook_event_t *event);


void ngx_http_webhook_spool_conf(ngx_http_webhook_store_conf_t *conf);
void ngx_http_webhook_spool_submit(ngx_http_webhook_store_t *store,
    ngx_http_webhook_spool_change_t *sc);
ngx_uint_t ngx_http_webhook_spool_left(ngx_http_webhook_store_t *store);
ngx_int_t ngx_http_webhook_spool_next(ngx_http_webhook_store_t *store,
    uint64_t destination, uint64_t time, uint64_t seq,
    ngx_http_webhook_event_t *event);
ngx_int_t ngx_http_webhook_spool_destination(ngx_http_webhook_store_t *store,
    uint64_t *destination);
ngx_int_t ngx_http_webhook_spool_news(ngx_http_webhook_store_t *store,
    uint64_t *seq, ngx_http_webhook_spool_walk_pt handler, void *data);
ngx_int_t ngx_http_webhook_spool_find(ngx_http_webhook_store_t *store,
    u_char *id, ngx_http_webhook_event_t *event);
ngx_int_t ngx_http_webhook_spool_read(ngx_http_webhook_store_t *store,
    ngx_http_webhook_event_t *event, ngx_pool_t *pool, ngx_str_t *head,
    ngx_str_t *body);
ngx_int_t ngx_http_webhook_spool_read_body(ngx_http_webhook_store_t *store,
    ngx_http_webhook_event_t *event, uint64_t offset, u_char *p, size_t len);
ngx_int_t ngx_http_webhook_spool_dead(ngx_http_webhook_store_t *store,
    ngx_http_webhook_event_t *after, ngx_http_webhook_spool_walk_pt handler,
    void *data);
ngx_int_t ngx_http_webhook_spool_stat(ngx_http_webhook_store_t *store,
    ngx_http_webhook_spool_stat_t *st);


#endif /* _NGX_HTTP_WEBHOOK_SPOOL_H_INCLUDED_ */
