
/* What an answer says beside its status. */


#include "events/ngx_http_webhook_reply.h"


/*
 * Returns the seconds that Retry-After tells, or the time until its date, RFC
 * 9110, section 10.2.3; -1 if there is no valid one.
 */

ngx_int_t
ngx_http_webhook_reply_retry_after(ngx_http_request_t *r)
{
    time_t            t;
    ngx_int_t         n;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *header;

    part = &r->headers_out.headers.part;
    header = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                return -1;
            }

            part = part->next;
            header = part->elts;
            i = 0;
        }

        if (header[i].hash
            && header[i].key.len == sizeof("Retry-After") - 1
            && ngx_strncasecmp(header[i].key.data, (u_char *) "Retry-After",
                               sizeof("Retry-After") - 1)
               == 0)
        {
            break;
        }
    }

    n = ngx_atoi(header[i].value.data, header[i].value.len);

    if (n == NGX_ERROR) {
        t = ngx_parse_http_time(header[i].value.data, header[i].value.len);

        if (t == (time_t) NGX_ERROR) {
            return -1;
        }

        n = ngx_max(t - ngx_time(), 0);
    }

    return ngx_min(n, NGX_HTTP_WEBHOOK_RETRY_MAX);
}


/*
 * Finds the status of the answer that follows an interim one, 100 or 103, which
 * nginx takes for the answer: what follows is its body.
 */

void
ngx_http_webhook_reply_interim(ngx_http_webhook_attempt_t *attempt,
    ngx_buf_t *b)
{
    u_char     *p;
    ngx_int_t   status;

    static u_char  end[] = CRLF CRLF;

    for (p = b->pos; p < b->last; p++) {

        if (attempt->line_len < NGX_HTTP_WEBHOOK_STATUS_LINE) {

            attempt->line[attempt->line_len++] = *p;

            if (attempt->line_len < NGX_HTTP_WEBHOOK_STATUS_LINE) {
                continue;
            }

            status = ngx_atoi(attempt->line + sizeof("HTTP/1.1 ") - 1, 3);

            if (ngx_strncmp(attempt->line, "HTTP/1.", 7) == 0
                && status >= NGX_HTTP_OK)
            {
                attempt->status = status;
                return;
            }

            continue;
        }

        /* another interim one: it ends with an empty line */

        if (*p == end[attempt->line_end]) {
            attempt->line_end++;

        } else {
            attempt->line_end = (*p == CR);
        }

        if (attempt->line_end == sizeof(end) - 1) {
            attempt->line_end = 0;
            attempt->line_len = 0;
        }
    }
}
