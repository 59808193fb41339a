
#ifndef _NGX_HTTP_WEBHOOK_VERDICT_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_VERDICT_H_INCLUDED_


#include "ngx_http_webhook.h"


/*
 * The reasons for which a request is refused: all that there are.  A verdict
 * names one of them, and the status counts by them.  docs/verdicts.md lists
 * them for people.
 */

#define NGX_HTTP_WEBHOOK_REASONS(row)                                         \
    row(unknown_event)                                                        \
    row(not_found)                                                            \
    row(method_not_allowed)                                                   \
    row(cross_site)                                                           \
    row(missing_secret)                                                       \
    row(invalid_secret)                                                       \
    row(unauthenticated)                                                      \
    row(invalid_token)                                                        \
    row(missing_signature)                                                    \
    row(invalid_signature)                                                    \
    row(stale_signature)                                                      \
    row(unsupported_media_type)                                               \
    row(unsupported_encoding)                                                 \
    row(too_large)                                                            \
    row(empty_body)                                                           \
    row(invalid_json)                                                         \
    row(duplicate_field)                                                      \
    row(missing_field)                                                        \
    row(invalid_field)                                                        \
    row(invalid_action)                                                       \
    row(invalid_props)                                                        \
    row(invalid_user_id)                                                      \
    row(invalid_limit)                                                        \
    row(invalid_after)                                                        \
    row(invalid_format)                                                       \
    row(invalid_challenge)                                                    \
    row(challenge_refused)                                                    \
    row(unknown_parameter)                                                    \
    row(invalid_url)                                                          \
    row(unknown_host)                                                         \
    row(forbidden_address)                                                    \
    row(forbidden_port)                                                       \
    row(wrong_plugin)                                                         \
    row(endpoint_disabled)                                                    \
    row(zone_full)                                                            \
    row(store_failed)                                                         \
    row(queue_full)                                                           \
    row(in_progress)                                                          \
    row(no_queue)                                                             \
    row(resolver_failed)


#define ngx_http_webhook_reason_index(name)  ngx_http_webhook_reason_##name,

enum {
    NGX_HTTP_WEBHOOK_REASONS(ngx_http_webhook_reason_index)
    ngx_http_webhook_nreasons
};


/*
 * A verdict: its status, one of the reasons above, and a message for people,
 * which follows the member's path, where there is a member.  "" is what the
 * type of the member has to say.
 */

#define ngx_http_webhook_verdict(status, reason, message)                     \
    { status, ngx_http_webhook_reason_##reason, ngx_string(message),          \
      ngx_null_string, 0 }

/* the same of a system that has a reason of its own for error bodies */

#define ngx_http_webhook_verdict_as(status, reason, message, alias)           \
    { status, ngx_http_webhook_reason_##reason, ngx_string(message),          \
      ngx_string(alias), 0 }


/* the names of the reasons, by index */
extern ngx_str_t  ngx_http_webhook_reasons[];

extern ngx_http_webhook_verdict_t  ngx_http_webhook_unknown_path;
extern ngx_http_webhook_verdict_t  ngx_http_webhook_zone_full;
extern ngx_http_webhook_verdict_t  ngx_http_webhook_store_failed;
extern ngx_http_webhook_verdict_t  ngx_http_webhook_queue_full;


#endif /* _NGX_HTTP_WEBHOOK_VERDICT_H_INCLUDED_ */
