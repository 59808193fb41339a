
#ifndef _NGX_HTTP_WEBHOOK_SCHEME_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_SCHEME_H_INCLUDED_


#include "ngx_http_webhook.h"
#include "base/ngx_http_webhook_crypto.h"


/* how bytes are written */

enum {
    NGX_HTTP_WEBHOOK_RAW = 0,
    NGX_HTTP_WEBHOOK_HEX,
    NGX_HTTP_WEBHOOK_BASE64,
    NGX_HTTP_WEBHOOK_BASE64URL
};


/* how times are written */

enum {
    NGX_HTTP_WEBHOOK_SECONDS = 0,
    NGX_HTTP_WEBHOOK_MILLISECONDS,
    NGX_HTTP_WEBHOOK_RFC3339,
    NGX_HTTP_WEBHOOK_HTTP_DATE
};


/* what the parts of the signed content are */

enum {
    NGX_HTTP_WEBHOOK_CONTENT_TEXT = 0,
    NGX_HTTP_WEBHOOK_CONTENT_ID,
    NGX_HTTP_WEBHOOK_CONTENT_TIMESTAMP,
    NGX_HTTP_WEBHOOK_CONTENT_BODY,
    NGX_HTTP_WEBHOOK_CONTENT_VARIABLE
};


typedef struct {
    ngx_str_t                         name;       /* as it is shown; empty:
                                                     there is no such header */
    ngx_str_t                         key;        /* in lower case */
    ngx_str_t                         separator;  /* of its items; empty: there
                                                     is one */
    ngx_str_t                         part;       /* "name=", which the items
                                                     begin with, or empty */
} ngx_http_webhook_scheme_header_t;


typedef struct {
    ngx_uint_t                        type;
    ngx_str_t                         text;       /* or the variable's name */
    ngx_int_t                         variable;   /* its index */
} ngx_http_webhook_scheme_part_t;


/* a way to sign */

typedef struct {
    ngx_str_t                         name;

    ngx_http_webhook_scheme_header_t  signature;
    ngx_http_webhook_scheme_header_t  id;
    ngx_http_webhook_scheme_header_t  timestamp;

    ngx_str_t                         prefix;     /* of each signature */
    ngx_uint_t                        encoding;   /* of signatures */
    ngx_uint_t                        unit;       /* of the timestamp */

    ngx_str_t                         content;    /* as it is written */
    ngx_http_webhook_digest_t        *digest;     /* NULL: the first one */

    ngx_uint_t                        secret;     /* its encoding */
    ngx_str_t                         secret_prefix[2];   /* taken off, one
                                                             after the other */
    size_t                            secret_min; /* bytes, decoded */
    size_t                            secret_max; /* 0: any number */

    /*
     * One that is compiled in: its base64 has to have its padding, and a list
     * of signatures may have any number of items, with blanks before them only.
     */
    ngx_uint_t                        built_in;

    /* made from "content" */

    ngx_array_t                       parts;      /* of part_t */
    ngx_uint_t                        body;       /* index of the body's part */
    u_char                            id_end;     /* what follows the id, and
                                                     may not be in it */
    ngx_uint_t                        shared;     /* signatures and timestamp
                                                     are in one header */

    u_char                           *file;       /* of "content" */
    ngx_uint_t                        line;
} ngx_http_webhook_scheme_t;


char *ngx_http_webhook_scheme(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
ngx_int_t ngx_http_webhook_scheme_init(ngx_conf_t *cf);
char *ngx_http_webhook_scheme_find(ngx_conf_t *cf, ngx_str_t *name,
    ngx_http_webhook_scheme_t **found);

ngx_int_t ngx_http_webhook_scheme_secret(ngx_pool_t *pool,
    ngx_http_webhook_scheme_t *scheme, ngx_str_t *secret, ngx_str_t *key);
char *ngx_http_webhook_scheme_secret_error(ngx_http_webhook_scheme_t *scheme);
ngx_int_t ngx_http_webhook_scheme_decode(ngx_uint_t encoding,
    ngx_uint_t padded, ngx_str_t *text, size_t max, ngx_str_t *decoded);


#endif /* _NGX_HTTP_WEBHOOK_SCHEME_H_INCLUDED_ */
