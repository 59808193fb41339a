
#ifndef _NGX_HTTP_WEBHOOK_CHALLENGE_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_CHALLENGE_H_INCLUDED_


#include "ngx_http_webhook.h"
#include "base/ngx_http_webhook_crypto.h"


/* where a challenge is found */

enum {
    NGX_HTTP_WEBHOOK_CHALLENGE_METHOD = 0,  /* the method is all of it */
    NGX_HTTP_WEBHOOK_CHALLENGE_QUERY,
    NGX_HTTP_WEBHOOK_CHALLENGE_HEADER,
    NGX_HTTP_WEBHOOK_CHALLENGE_BODY         /* of a request whose signature or
                                               secret is valid */
};


/* what the parameter of "webhook_challenge" is */

enum {
    NGX_HTTP_WEBHOOK_CHALLENGE_NOTHING = 0,
    NGX_HTTP_WEBHOOK_CHALLENGE_TOKENS,      /* the sender sends one of them */
    NGX_HTTP_WEBHOOK_CHALLENGE_KEY,         /* the answer is an HMAC with it */
    NGX_HTTP_WEBHOOK_CHALLENGE_RATE         /* requests a minute; optional */
};


typedef struct ngx_http_webhook_challenge_s  ngx_http_webhook_challenge_t;


/*
 * Answers a challenge: sets ctx->proof by what has been sent, "text", which has
 * been decoded and checked.  A step's return codes.
 */

typedef ngx_int_t (*ngx_http_webhook_challenge_pt)(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_http_webhook_challenge_t *challenge,
    ngx_str_t *text);


/* how a sender asks a URL to prove itself */

typedef struct {
    ngx_str_t                         name;
    ngx_uint_t                        methods;
    ngx_uint_t                        source;       /* where it is found */

    /*
     * The parameter, header or member by which it is known, and what that must
     * be: empty for anything.  Of a member, its type, and the event that it is
     * in the shape of bodies; "form" is what part of a form asks as well.
     */
    ngx_http_webhook_field_t         *mark;
    ngx_str_t                         value;
    ngx_uint_t                        type;
    ngx_uint_t                        event;
    ngx_str_t                         form;

    ngx_http_webhook_field_t         *text;         /* what holds the text;
                                                       NULL: there is none */
    ngx_uint_t                        token;        /* the text has only the
                                                       letters of a token */

    ngx_uint_t                        parameter;    /* of the directive */
    ngx_http_webhook_field_t         *verify;       /* what holds the token
                                                       that is sent */
    ngx_http_webhook_challenge_pt     answer;
} ngx_http_webhook_challenge_row_t;


/* a "webhook_challenge" directive */

struct ngx_http_webhook_challenge_s {
    ngx_http_webhook_challenge_row_t *row;
    ngx_array_t                       secrets;      /* of secret_value_t */
    ngx_http_webhook_mac_key_t       *key;          /* NULL: of a variable */
    ngx_str_t                         rate;

    u_char                           *file;
    ngx_uint_t                        line;
};


/* to an empty name */
extern ngx_http_webhook_challenge_row_t  ngx_http_webhook_challenge_rows[];

/* of the bodies of all of them */
extern ngx_http_webhook_shape_t  ngx_http_webhook_challenge_shape;


char *ngx_http_webhook_challenge(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_webhook_challenge_check(ngx_conf_t *cf,
    ngx_http_webhook_loc_conf_t *wlcf);

ngx_int_t ngx_http_webhook_challenge_begin(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx);
ngx_int_t ngx_http_webhook_challenge_read(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx);
ngx_int_t ngx_http_webhook_challenge_feed(ngx_http_webhook_asking_t *asking,
    u_char *p, size_t len);
ngx_int_t ngx_http_webhook_challenge_finish(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx);
ngx_int_t ngx_http_webhook_challenge_answer(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx);
ngx_int_t ngx_http_webhook_challenge_allow(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx, ngx_str_t *allow);


#endif /* _NGX_HTTP_WEBHOOK_CHALLENGE_H_INCLUDED_ */
