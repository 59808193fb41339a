
/* as much of a running nginx as the module's handlers need */

#ifndef _FUZZ_NGINX_H_INCLUDED_
#define _FUZZ_NGINX_H_INCLUDED_


#include "core/ngx_http_webhook_ctx.h"
#include "registry/ngx_http_webhook_registry.h"
#include "systems/ngx_http_webhook_lenra_record.h"
#include "systems/ngx_http_webhook_systems.h"
#include "fuzz.h"

#include <jansson.h>


#define FUZZ_ANSWER  (256 * 1024)

#define fuzz_literal(s)  { sizeof(s) - 1, (u_char *) s }


/* what was answered to the last request */

typedef struct {
    ngx_uint_t                    status;
    ngx_str_t                     content_type;
    size_t                        len;
    u_char                        text[FUZZ_ANSWER];
} fuzz_answer_t;


/* one that is sent */

typedef struct {
    ngx_str_t                     name;
    ngx_str_t                     value;
} fuzz_header_t;


void fuzz_nginx(void);
ngx_http_webhook_loc_conf_t *fuzz_location(
    ngx_http_webhook_provider_t *provider);
ngx_http_webhook_loc_conf_t *fuzz_endpoints(char **args);
void fuzz_secret(ngx_http_webhook_loc_conf_t *wlcf, char *secret, char *slug);
void fuzz_app(ngx_http_webhook_loc_conf_t *wlcf, char **args);
void fuzz_signature(ngx_http_webhook_loc_conf_t *wlcf, char **args);

/* "webhook_scheme", of a block's text up to its brace, which must be static */
void fuzz_scheme(char *name, const char *text);
void fuzz_allow(ngx_http_webhook_loc_conf_t *wlcf, char **args);
ngx_http_request_body_filter_pt fuzz_outbound(ngx_http_webhook_queue_t *queue);
ngx_shm_zone_t *fuzz_zone(ngx_pool_t *pool, size_t size, char *state);
void fuzz_zone_done(ngx_shm_zone_t *zone);
size_t fuzz_zone_free(ngx_shm_zone_t *zone);

void fuzz_until(u_char **p, u_char *last, u_char ch, ngx_str_t *text);
ngx_uint_t fuzz_header_line(u_char **p, u_char *last, fuzz_header_t *h);
ngx_uint_t fuzz_find_header(fuzz_header_t *headers, ngx_uint_t n,
    const char *name, ngx_str_t **value);

ngx_http_request_t *fuzz_request(ngx_http_webhook_loc_conf_t *wlcf,
    ngx_uint_t method, ngx_str_t *uri, ngx_str_t *args);
void fuzz_header(ngx_http_request_t *r, ngx_str_t *name, ngx_str_t *value);
void fuzz_body(ngx_http_request_t *r, u_char *text, size_t len);
size_t fuzz_body_text(ngx_http_request_t *r, u_char *text, size_t max);
ngx_uint_t fuzz_judge(ngx_http_request_t *r, ngx_uint_t satisfy_any);
void fuzz_refuse(ngx_http_request_t *r, ngx_uint_t status);
void fuzz_content(ngx_http_request_t *r);
void fuzz_request_done(ngx_http_request_t *r);
ngx_uint_t fuzz_answer_header(ngx_http_request_t *r, const char *name,
    ngx_str_t *value);
ngx_uint_t fuzz_variable(ngx_http_request_t *r, const char *name,
    ngx_str_t *value);
ngx_uint_t fuzz_escaped(ngx_str_t *value, u_char *text, size_t len);

extern fuzz_answer_t   fuzz_answer;
extern ngx_cycle_t     fuzz_cycle;
extern ngx_pool_t     *fuzz_pool;
extern ngx_uint_t      fuzz_log_level;
extern ngx_uint_t      fuzz_log_utf8;


#endif /* _FUZZ_NGINX_H_INCLUDED_ */
