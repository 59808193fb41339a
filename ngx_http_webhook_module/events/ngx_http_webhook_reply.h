
#ifndef _NGX_HTTP_WEBHOOK_REPLY_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_REPLY_H_INCLUDED_


#include "events/ngx_http_webhook_attempt.h"


ngx_int_t ngx_http_webhook_reply_retry_after(ngx_http_request_t *r);
void ngx_http_webhook_reply_interim(ngx_http_webhook_attempt_t *attempt,
    ngx_buf_t *b);


#endif /* _NGX_HTTP_WEBHOOK_REPLY_H_INCLUDED_ */
