
/* What is odd about a location: directives that can't do what they are for. */


#include "core/ngx_http_webhook_location.h"
#include "core/ngx_http_webhook_ctx.h"


static ngx_uint_t ngx_http_webhook_location_own(
    ngx_http_webhook_provider_t *provider, ngx_str_t *name);
static ngx_uint_t ngx_http_webhook_location_returns(ngx_conf_t *cf);
static void *ngx_http_webhook_location_conf(ngx_conf_t *cf, char *name);


/* Warns of a location that can't do what its directives are there for. */

void
ngx_http_webhook_location_check(ngx_conf_t *cf,
    ngx_http_webhook_loc_conf_t *wlcf)
{
    u_char                       *p;
    ngx_str_t                     segment;
    ngx_http_core_loc_conf_t     *clcf;
    ngx_http_webhook_provider_t  *provider;

    provider = wlcf->provider;
    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    /* "if" and "limit_except" have the content handler of their location */

    if (clcf->noname) {
        return;
    }

    if (provider == NULL) {

        if (wlcf->deliver && ngx_http_webhook_location_returns(cf)) {
            ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                          "\"return\" in location \"%V\" answers before "
                          "\"webhook_deliver\" in %s:%ui sends anything: what "
                          "it answers is taken for the destination's answer",
                          &clcf->name, wlcf->queue_file, wlcf->queue_line);
        }

        return;
    }

    if (!provider->passes && clcf->handler) {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "location \"%V\" with \"webhook_%V\" in %s:%ui has a "
                      "content handler, such as \"proxy_pass\", that never "
                      "gets a request",
                      &clcf->name, &provider->name, wlcf->file, wlcf->line);
    }

    if (ngx_http_webhook_location_returns(cf)) {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "\"return\" in location \"%V\" answers before "
                      "\"webhook%s%V\" in %s:%ui checks anything",
                      &clcf->name, provider->passes ? " " : "_",
                      &provider->name, wlcf->file, wlcf->line);

    } else if (provider->passes && clcf->handler == NULL
               && clcf->locations == NULL
               && !ngx_http_webhook_location_own(provider, &clcf->name)
               && ngx_http_webhook_location_conf(cf,
                                                 "ngx_http_try_files_module")
                  == NULL)
    {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "location \"%V\" with \"webhook %V\" in %s:%ui has "
                      "nothing that takes an accepted event, such as "
                      "\"proxy_pass\" or \"webhook_queue\"",
                      &clcf->name, &provider->name, wlcf->file, wlcf->line);
    }

    if (!clcf->exact_match || wlcf->unknown
        || provider->event.from != NGX_HTTP_WEBHOOK_FROM_PATH)
    {
        return;
    }

    /* the last segment of the path names the event */

    p = clcf->name.data + clcf->name.len;
    segment.len = 0;

    while (p > clcf->name.data && p[-1] != '/') {
        p--;
        segment.len++;
    }

    segment.data = p;

    if (ngx_http_webhook_find_event(provider, &segment)
        == NGX_HTTP_WEBHOOK_NO_EVENT)
    {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "location \"= %V\" with \"webhook %V\" in %s:%ui can "
                      "answer %d only: the last segment of the path has to "
                      "name an event",
                      &clcf->name, &provider->name, wlcf->file, wlcf->line,
                      provider->unknown_path ? 404 : 400);
    }
}


/*
 * Says whether the name of a location has the part that only those paths have
 * whose requests the system answers itself.
 */

static ngx_uint_t
ngx_http_webhook_location_own(ngx_http_webhook_provider_t *provider,
    ngx_str_t *name)
{
    return provider->own.len
           && ngx_strnstr(name->data, (char *) provider->own.data, name->len)
              != NULL;
}


/*
 * Returns 1 if the location that is being merged has a "return" that answers
 * all requests: none within an "if", and none that an "if" or a "rewrite" may
 * lead past.  What the rewrite module keeps is its own, but for the first
 * member of its configuration: the codes that it runs.
 */

static ngx_uint_t
ngx_http_webhook_location_returns(ngx_conf_t *cf)
{
    u_char                         *last, *p, *end;
    ngx_array_t                    *codes;
    ngx_http_script_code_pt         code;
    ngx_http_script_if_code_t      *branch;
#if (NGX_PCRE)
    ngx_http_script_regex_code_t   *regex;
#endif

    codes = ngx_http_webhook_location_conf(cf, "ngx_http_rewrite_module");

    if (codes == NULL) {
        return 0;
    }

    p = codes->elts;
    end = p;
    last = p + codes->nelts * codes->size;

    for ( /* void */ ; p + sizeof(code) <= last; p += sizeof(uintptr_t)) {

        ngx_memcpy(&code, p, sizeof(code));

        if (code == ngx_http_script_if_code) {
            branch = (ngx_http_script_if_code_t *) p;
            end = p + branch->next;
            continue;
        }

        if (code == ngx_http_script_break_code) {
            return 0;
        }

#if (NGX_PCRE)
        if (code == ngx_http_script_regex_start_code) {
            regex = (ngx_http_script_regex_code_t *) p;

            if (!regex->test) {
                return 0;
            }
        }
#endif

        if (code == ngx_http_script_return_code && p >= end) {
            return 1;
        }
    }

    return 0;
}


/*
 * Returns the first member, which must be a pointer, of the configuration that
 * one of nginx's modules has of the location that is being merged; NULL if
 * there is no such module.
 */

static void *
ngx_http_webhook_location_conf(ngx_conf_t *cf, char *name)
{
    ngx_uint_t            i;
    ngx_module_t        **modules;
    ngx_http_conf_ctx_t  *ctx;

    ctx = cf->ctx;
    modules = cf->cycle->modules;

    for (i = 0; modules[i]; i++) {
        if (ngx_strcmp(modules[i]->name, name) == 0) {
            return *(void **) ctx->loc_conf[modules[i]->ctx_index];
        }
    }

    return NULL;
}
