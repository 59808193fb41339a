
#ifndef _NGX_HTTP_WEBHOOK_SYSTEM_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_SYSTEM_H_INCLUDED_


#include "ngx_http_webhook.h"
#include "core/ngx_http_webhook_block.h"


/* so many events can be known: all numbers below NGX_HTTP_WEBHOOK_NO_EVENT */
#define NGX_HTTP_WEBHOOK_SYSTEM_EVENTS  254


/* A system of the configuration; its name may be used before its block. */

typedef struct {
    ngx_http_webhook_provider_t       provider;
    ngx_http_webhook_method_t         methods[2];
    ngx_http_webhook_resource_t       resource;
    ngx_http_webhook_media_t          media;

    /* lines with a variable that somebody has to define; 0: there is none */
    ngx_uint_t                        event_line;
    ngx_uint_t                        id_line;
    ngx_str_t                         event_variable;
    ngx_str_t                         id_variable;
    u_char                           *file;
} ngx_http_webhook_system_t;


/* a block that is being read */

typedef struct {
    ngx_http_webhook_system_t        *system;
    ngx_http_webhook_shape_t         *shape;
    ngx_array_t                       types;      /* of media, ngx_str_t */
    ngx_array_t                       events;     /* ngx_str_t */
    ngx_str_t                         event;      /* its path */
    ngx_uint_t                        unknown;    /* or UNSET */
} ngx_http_webhook_system_block_t;


char *ngx_http_webhook_system_member(ngx_conf_t *cf,
    ngx_http_webhook_system_block_t *block, ngx_str_t *path,
    ngx_uint_t required, ngx_uint_t *index);


extern ngx_http_webhook_block_line_t  ngx_http_webhook_system_lines[];


#endif /* _NGX_HTTP_WEBHOOK_SYSTEM_H_INCLUDED_ */
