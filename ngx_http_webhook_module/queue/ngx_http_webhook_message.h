
#ifndef _NGX_HTTP_WEBHOOK_MESSAGE_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_MESSAGE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/*
 * What a queue keeps of a request beside its body.  The addresses are struct
 * sockaddr in binary.  A message is for an endpoint if it has a workspace.
 */

typedef struct {
    ngx_str_t                         uri;
    ngx_str_t                         unparsed_uri; /* that is passed on */
    ngx_str_t                         args;
    ngx_str_t                         host;         /* $host */
    ngx_str_t                         addr;         /* $remote_addr */
    ngx_str_t                         sockaddr;
    ngx_str_t                         local_sockaddr;
    ngx_str_t                         id;           /* $webhook_id */
    ngx_str_t                         workspace;    /* of the endpoint, or
                                                       empty */
    ngx_array_t                       headers;      /* of ngx_keyval_t */
    ngx_array_t                       variables;    /* of ngx_keyval_t: the
                                                       module's by their names
                                                       after "webhook_", and
                                                       nginx's with a "$" */
} ngx_http_webhook_message_t;


/*
 * Says whether a header must not be kept because of what the location is
 * configured with; "outbound" is 1 if the event is for an endpoint.
 */

typedef ngx_uint_t (*ngx_http_webhook_message_drop_pt)(void *data,
    ngx_table_elt_t *header, ngx_uint_t outbound);


ngx_int_t ngx_http_webhook_message_init(ngx_http_webhook_message_t *message,
    ngx_pool_t *pool);
ngx_int_t ngx_http_webhook_message_add_headers(
    ngx_http_webhook_message_t *message, ngx_pool_t *pool, ngx_list_t *headers,
    ngx_http_webhook_message_drop_pt drop, void *data);
ngx_int_t ngx_http_webhook_message_print(ngx_http_webhook_message_t *message,
    ngx_pool_t *pool, ngx_str_t *head);
ngx_int_t ngx_http_webhook_message_parse(ngx_str_t *head, ngx_pool_t *pool,
    ngx_http_webhook_message_t *message);


#endif /* _NGX_HTTP_WEBHOOK_MESSAGE_H_INCLUDED_ */
