
#ifndef _NGX_HTTP_WEBHOOK_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include <jansson.h>

#include "base/ngx_http_webhook_uuid.h"
#include "payload/ngx_http_webhook_shape.h"


typedef struct ngx_http_webhook_asking_s  ngx_http_webhook_asking_t;
typedef struct ngx_http_webhook_ctx_s  ngx_http_webhook_ctx_t;
typedef struct ngx_http_webhook_dedup_s  ngx_http_webhook_dedup_t;
typedef struct ngx_http_webhook_delivery_s  ngx_http_webhook_delivery_t;
typedef struct ngx_http_webhook_duplicate_s  ngx_http_webhook_duplicate_t;
typedef struct ngx_http_webhook_held_s  ngx_http_webhook_held_t;
typedef struct ngx_http_webhook_loc_conf_s  ngx_http_webhook_loc_conf_t;
typedef struct ngx_http_webhook_outbound_s  ngx_http_webhook_outbound_t;
typedef struct ngx_http_webhook_proof_s  ngx_http_webhook_proof_t;
typedef struct ngx_http_webhook_queue_s  ngx_http_webhook_queue_t;
typedef struct ngx_http_webhook_signature_s  ngx_http_webhook_signature_t;
typedef struct ngx_http_webhook_status_s  ngx_http_webhook_status_t;
typedef struct ngx_http_webhook_status_conf_s  ngx_http_webhook_status_conf_t;
typedef struct ngx_http_webhook_status_system_s
    ngx_http_webhook_status_system_t;
typedef struct ngx_http_webhook_verifier_s  ngx_http_webhook_verifier_t;


/*
 * A step of the judgement.  Returns NGX_OK, NGX_ERROR (answered with 500),
 * NGX_ABORT with ctx->verdict set, by ngx_http_webhook_reject(), and, where it
 * says so, NGX_DECLINED.
 */

typedef ngx_int_t (*ngx_http_webhook_step_pt)(ngx_http_request_t *r,
    ngx_http_webhook_ctx_t *ctx);


/* why a request is refused */

typedef struct {
    ngx_uint_t                        status;
    ngx_uint_t                        reason;   /* its index, see verdict.h */
    ngx_str_t                         message;
    ngx_str_t                         alias;    /* the reason in the body, where
                                                   the system has its own */
    ngx_uint_t                        offset;   /* the body says where */
} ngx_http_webhook_verdict_t;


/* what one of a resource's methods takes */

typedef struct {
    ngx_uint_t                        methods;      /* a row of 0 ends a list */

    /*
     * In the access phase, after the secret of webhook_secret: what else is
     * asked for.  Returns NGX_DECLINED if that is nothing; may be NULL.
     */
    ngx_http_webhook_step_pt          authenticate;

    /* before the body is read, may be NULL */
    ngx_http_webhook_step_pt          prepare;

    /* it takes an event: webhook_signature and webhook_dedup apply */
    ngx_uint_t                        event;

    /* of the body; NULL: it is not read */
    ngx_http_webhook_shape_t         *shape;

    /* after the body has passed, may be NULL */
    ngx_http_webhook_step_pt          accept;

    /*
     * The query parameters that there are, to an empty name: others are
     * refused.  NULL: the query string is not looked at.
     */
    ngx_str_t                        *params;
} ngx_http_webhook_method_t;


typedef struct {
    ngx_str_t                         allow;        /* the Allow header */
    ngx_http_webhook_method_t        *methods;
} ngx_http_webhook_resource_t;


/*
 * An error body is the parts in a row, to one without a prefix; the last one is
 * a string, whose closing quote, reason, field and offset follow.
 */

enum {
    NGX_HTTP_WEBHOOK_PART_STATUS,
    NGX_HTTP_WEBHOOK_PART_PHRASE,
    NGX_HTTP_WEBHOOK_PART_MESSAGE
};

typedef struct {
    ngx_str_t                         prefix;
    ngx_uint_t                        value;        /* after the prefix */
} ngx_http_webhook_part_t;

typedef struct {
    ngx_str_t                         content_type;
    ngx_http_webhook_part_t          *parts;
} ngx_http_webhook_envelope_t;


/* what guards a location: nothing need, a secret or a signature, a secret */

enum {
    NGX_HTTP_WEBHOOK_OPEN = 0,
    NGX_HTTP_WEBHOOK_CREDENTIAL,
    NGX_HTTP_WEBHOOK_MANAGEMENT
};


/*
 * What sending to endpoints needs of a system whose events name the workspace
 * that they are for.
 */

typedef struct {
    ngx_uint_t                        field;        /* index of the field that
                                                       names the workspace */
    ngx_uint_t                        test;         /* number of the event that
                                                       no endpoint can refuse */
    ngx_str_t                         disabled;     /* name of the event that
                                                       tells why an endpoint was
                                                       switched off */

    /* variables of an event, without "webhook_": its name, and its workspace */
    ngx_str_t                         event_variable;
    ngx_str_t                         workspace_variable;

    /*
     * Prints an event of our own into "body", which is in "pool"; takes over
     * the reference to "payload", which may be NULL if there was no memory.
     * Returns NGX_OK or NGX_ERROR.
     */
    ngx_int_t                       (*create)(ngx_pool_t *pool,
                                              ngx_str_t *workspace,
                                              ngx_str_t *event,
                                              json_t *payload,
                                              ngx_str_t *body);
} ngx_http_webhook_fan_out_t;


/* where a system's requests have something, such as the name of an event */

enum {
    NGX_HTTP_WEBHOOK_FROM_NOWHERE = 0,
    NGX_HTTP_WEBHOOK_FROM_PATH,                     /* its last segment */
    NGX_HTTP_WEBHOOK_FROM_FIELD,
    NGX_HTTP_WEBHOOK_FROM_VARIABLE
};

typedef struct {
    ngx_uint_t                        from;
    ngx_uint_t                        index;        /* of the field of the
                                                       system's shape, or of
                                                       nginx's variable */
} ngx_http_webhook_source_t;

#define ngx_http_webhook_no_source  { NGX_HTTP_WEBHOOK_FROM_NOWHERE, 0 }


/* what types a body may have that is read as JSON */

typedef struct {
    ngx_str_t                        *types;        /* beside JSON's own, to an
                                                       empty one; NULL: none */
    ngx_uint_t                        none;         /* a request need not have
                                                       one */
    ngx_uint_t                        any;          /* they do not matter */
} ngx_http_webhook_media_t;


/*
 * A system whose webhooks are known: one file of tables defines one of these,
 * or a "webhook_system" of the configuration.
 */

typedef struct {
    ngx_str_t                         name;
    ngx_str_t                        *events;       /* to an empty one; NULL:
                                                       none is known */

    ngx_http_webhook_source_t         event;        /* its name */
    ngx_http_webhook_source_t         id;           /* $webhook_id; if nowhere,
                                                       a header */
    ngx_http_webhook_source_t         tenant;       /* $webhook_tenant */

    /* sets ctx->resource and, if the path tells it, ctx->event */
    ngx_http_webhook_step_pt          route;

    ngx_http_webhook_resource_t      *resource;     /* if there is one only */

    /* a parameter of the "webhook" directive; may be NULL */
    char                           *(*param)(ngx_conf_t *cf,
                                             ngx_http_webhook_loc_conf_t *wlcf,
                                             ngx_str_t *value);

    /* checks the merged configuration of a location, may be NULL */
    char                           *(*check)(ngx_conf_t *cf,
                                             ngx_http_webhook_loc_conf_t *wlcf);

    ngx_http_webhook_fan_out_t       *fan_out;      /* NULL: its events are not
                                                       for endpoints */

    /* the one with fields: of its events, unless they have an identity */
    ngx_http_webhook_shape_t         *shape;        /* NULL: there are none */

    ngx_http_webhook_media_t         *media;        /* NULL: those of JSON */

    ngx_http_webhook_envelope_t      *envelope;
    ngx_str_t                         scheme;       /* of WWW-Authenticate;
                                                       empty: the header's */

    /* of the location's name, where all requests are for the system itself */
    ngx_str_t                         own;          /* empty: nowhere */

    unsigned                          secret:2;     /* what is due */
    unsigned                          slug:1;       /* may have slug= */
    unsigned                          passes:1;     /* something else answers
                                                       an accepted event */
    unsigned                          identity:1;   /* tells whose an event
                                                       is: $webhook_app */
    unsigned                          unknown:1;    /* passes on events that
                                                       are not known */
    unsigned                          unknown_path:1;   /* a path with another
                                                       name is answered 404 */
} ngx_http_webhook_provider_t;


/* a secret of the configuration, or the variable that holds it */

typedef struct {
    ngx_str_t                         text;         /* as it is written */
    ngx_int_t                         variable;     /* its index, or UNSET */
} ngx_http_webhook_secret_value_t;


typedef struct {
    ngx_http_webhook_secret_value_t   value;
    ngx_str_t                         slug;         /* empty: any */
} ngx_http_webhook_secret_t;


/* a variable that a directive names as a secret, and where */

typedef struct {
    ngx_str_t                         name;
    u_char                           *file;
    ngx_uint_t                        line;
} ngx_http_webhook_secret_variable_t;


/* the "webhook_secret" directives of one level */

typedef struct {
    ngx_array_t                       list;         /* of secret_t; none: off */
    ngx_http_webhook_loc_conf_t      *level;        /* where they are */
} ngx_http_webhook_secrets_t;


/* directives that have no effect unless a location uses what they set */

enum {
    webhook_setting_secret = 0,
    webhook_setting_secret_header,
    webhook_setting_signature,
    webhook_setting_app,                            /* and webhook_identity */
    webhook_setting_dedup,
    webhook_setting_allow,
    webhook_setting_deny,
    webhook_settings
};

typedef struct {
    ngx_uint_t                        kind;         /* webhook_setting_... */
    ngx_str_t                         name;         /* of the directive */
    u_char                           *file;
    ngx_uint_t                        line;
    ngx_uint_t                        used;         /* by a location */
} ngx_http_webhook_setting_t;


/* for whom a request is made, or for whom a webhook was created */

typedef struct {
    u_char                            app[NGX_HTTP_WEBHOOK_UUID_SIZE];
    int64_t                           environment;
    int64_t                           user;
    ngx_uint_t                        has_user;     /* 0: user means nothing */
} ngx_http_webhook_identity_t;


/* "webhook_app": one for each token */

typedef struct {
    ngx_http_webhook_secret_value_t   token;
    ngx_http_webhook_identity_t       identity;
} ngx_http_webhook_app_t;


/* "webhook_identity" */

typedef struct {
    ngx_http_complex_value_t          app;
    ngx_http_complex_value_t          environment;
    ngx_http_complex_value_t          user;         /* may be unset */
} ngx_http_webhook_identity_conf_t;


/* "webhook_endpoints" */

typedef struct {
    ngx_uint_t                        http;         /* allows http:// */
    ngx_array_t                      *ports;        /* of port_range_t; NULL:
                                                       those of the schemes */
    time_t                            overlap;      /* of two secrets */
} ngx_http_webhook_endpoints_conf_t;


/* "webhook_queue": what the sender of an event is answered */

typedef struct {
    ngx_uint_t                        status;
    ngx_http_complex_value_t         *text;         /* NULL: the event's id, as
                                                       JSON */
    ngx_str_t                         type;
} ngx_http_webhook_receipt_t;


/* $content_length, $content_type, and their $http_... */
#define NGX_HTTP_WEBHOOK_BODY_VARIABLES  4

typedef struct {
    ngx_array_t                       zones;        /* of ngx_shm_zone_t * */
    ngx_array_t                       queues;       /* of queue_t * */
    ngx_array_t                       dedup_zones;
    ngx_array_t                       files;        /* of file_t, conf.h */
    ngx_array_t                       settings;     /* of setting_t * */
    ngx_array_t                       schemes;      /* of scheme_t * */
    ngx_array_t                       systems;      /* of provider_t *, those of
                                                       the configuration */
    ngx_array_t                       secret_variables; /* of
                                                       secret_variable_t */
    ngx_array_t                       kept;         /* nginx's variables that
                                                       queues keep */
    ngx_int_t                         body_variables[
                                          NGX_HTTP_WEBHOOK_BODY_VARIABLES];

    ngx_http_webhook_provider_t     **providers;    /* compiled in, to NULL */
    ngx_array_t                       used;         /* of provider_t *, by
                                                       locations */
    ngx_http_webhook_provider_t      *fan_out;      /* whose events endpoints
                                                       take */
    ngx_array_t                      *own;          /* addresses of this host,
                                                       of ngx_cidr_t; or NULL */
    ngx_http_webhook_status_t        *status;
    unsigned                          timed:1;      /* the clock is looked at */
    ngx_uint_t                        id_used;      /* $webhook_id */
} ngx_http_webhook_main_conf_t;


struct ngx_http_webhook_loc_conf_s {
    ngx_http_webhook_provider_t      *provider;     /* NULL: off */
    ngx_uint_t                        unknown;      /* pass unknown events */

    ngx_http_webhook_secrets_t       *secrets;      /* NULL: nothing is said */
    ngx_http_webhook_signature_t     *signature;    /* NULL: off */
    ngx_str_t                         id_key;       /* of the header with the
                                                       event's id, by the
                                                       signature's scheme */
    ngx_str_t                         secret_header;    /* as configured */
    ngx_str_t                         secret_key;       /* in lower case */
    ngx_str_t                         challenge;    /* WWW-Authenticate */
    ngx_uint_t                        authorization;    /* is the header */

    ngx_array_t                      *challenges;   /* of challenge_t; NULL:
                                                       none is answered */

    ngx_shm_zone_t                   *zone;
    ngx_array_t                      *apps;         /* of app_t */

    ngx_http_webhook_queue_t         *queue;        /* takes events */
    ngx_http_webhook_receipt_t       *receipt;      /* of it; NULL: 202 */
    ngx_http_webhook_queue_t         *deliver;      /* is delivered from here */
    ngx_uint_t                        concurrency;
    ngx_http_complex_value_t         *destination;
    ngx_array_t                      *retry;        /* of ngx_msec_t */

    ngx_http_webhook_endpoints_conf_t  *endpoints;
    ngx_array_t                      *allow;        /* of ngx_cidr_t */
    ngx_array_t                      *deny;         /* of ngx_cidr_t */
    ngx_shm_zone_t                   *queue_zone;   /* of "endpoints=" */
    ngx_http_webhook_queue_t         *report;       /* of what is switched off,
                                                       may be NULL */
    ngx_msec_t                        timeout;      /* of an attempt */
    time_t                            give_up;      /* on an endpoint */
    ngx_flag_t                        sign;         /* what goes out */

    ngx_http_webhook_identity_conf_t *identity;

    ngx_http_webhook_status_conf_t   *status;       /* of "webhook_status" */
    ngx_http_webhook_status_system_t *system;       /* NULL: not counted */
    ngx_http_webhook_dedup_t         *dedup;        /* NULL: off */

    /* where each kind was set, here or above; NULL: nowhere */
    ngx_http_webhook_setting_t       *settings[webhook_settings];

    u_char                           *file;         /* of "webhook" */
    ngx_uint_t                        line;
    u_char                           *queue_file;   /* of "webhook_queue", or */
    ngx_uint_t                        queue_line;   /* "webhook_deliver" */
};


/* an event that is delivered, by a request without a client */

struct ngx_http_webhook_delivery_s {
    ngx_array_t                      *variables;    /* of the message */
    ngx_str_t                         workspace;    /* of its endpoint, or
                                                       empty */
    ngx_uint_t                        attempt;      /* the first one is 1 */
    ngx_http_webhook_outbound_t      *outbound;     /* NULL: to no endpoint */
};


/* one judgement: of a request, in a location */

struct ngx_http_webhook_ctx_s {
    ngx_http_webhook_loc_conf_t      *conf;         /* NULL: not yet routed */
    ngx_http_webhook_resource_t      *resource;
    ngx_http_webhook_method_t        *method;

    ngx_uint_t                        event;        /* or NO_EVENT */
    ngx_str_t                         event_name;

    ngx_str_t                         secret;       /* that was sent */
    ngx_str_t                         id;           /* $webhook_id */
    u_char                            own_id[NGX_HTTP_WEBHOOK_UUID_SIZE];

    ngx_http_webhook_delivery_t      *delivery;     /* NULL: of a client */

    ngx_http_webhook_verifier_t      *verifier;     /* of a signature */
    ngx_str_t                        *challenge;    /* its header, then */

    ngx_http_webhook_verdict_t       *verdict;      /* NULL: accepted so far */
    ngx_http_webhook_verdict_t       *deferred;     /* until it is verified */
    ngx_http_webhook_field_t         *field;        /* whose, may be NULL */
    ngx_str_t                         problem;      /* the error body */

    ngx_chain_t                      *body;         /* before it was wrapped */

    ngx_http_webhook_asking_t        *asking;       /* NULL: no challenge is
                                                       in the body */
    ngx_http_webhook_proof_t         *proof;        /* NULL: it is no
                                                       challenge */

    ngx_http_webhook_held_t          *held;         /* claimed keys */
    ngx_http_webhook_duplicate_t     *duplicate;    /* NULL: it is none */

    /* who asks, or whose webhook it is, and its action as JSON text */
    ngx_http_webhook_identity_t      *identity;     /* NULL: not known */
    ngx_str_t                        *action;       /* NULL: not known */

    void                             *data;         /* the provider's own */
    ngx_http_webhook_step_pt          next;         /* of what is waited for */
    ngx_table_elt_t                  *www_authenticate; /* that was added */
    uint64_t                          judge_time;   /* nanoseconds */

    unsigned                          has_own_id:1;
    unsigned                          authenticated:1;
    unsigned                          started:1;    /* precontent phase */
    unsigned                          reading:1;
    unsigned                          waiting:1;
    unsigned                          read:1;
    unsigned                          judged:1;     /* the reader has values */
    unsigned                          wrapped:1;
    unsigned                          pending:1;    /* the 401 is not logged */
    unsigned                          keepalive:1;  /* before the refusal */
    unsigned                          replace:1;    /* the body to be sent */
    unsigned                          replaced:1;
    unsigned                          accepted:1;   /* to be counted */

    ngx_http_webhook_reader_t         reader;       /* if method->shape */
};


extern ngx_module_t  ngx_http_webhook_module;


#endif /* _NGX_HTTP_WEBHOOK_H_INCLUDED_ */
