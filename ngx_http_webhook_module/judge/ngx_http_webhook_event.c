
/*
 * What an event is called: by the path, by a member of the payload, or by
 * a variable, as the tables of its system say.
 */


#include "judge/ngx_http_webhook_event.h"
#include "core/ngx_http_webhook_ctx.h"
#include "core/ngx_http_webhook_path.h"


static ngx_http_webhook_verdict_t  ngx_http_webhook_event_unknown =
    ngx_http_webhook_verdict(NGX_HTTP_BAD_REQUEST, unknown_event,
                             "names no known event");


/* the same where no member of the payload names it */

static ngx_http_webhook_verdict_t  ngx_http_webhook_event_other =
    ngx_http_webhook_verdict(NGX_HTTP_BAD_REQUEST, unknown_event,
                             "the event is none of those that are known");


/*
 * The route of a system with one resource.  Where the path names the event, its
 * last segment does.
 */

ngx_int_t
ngx_http_webhook_event_route(ngx_http_request_t *r, ngx_http_webhook_ctx_t *ctx)
{
    ngx_str_t                     segment;
    ngx_http_webhook_provider_t  *provider;

    provider = ctx->conf->provider;

    ctx->resource = provider->resource;

    if (provider->event.from != NGX_HTTP_WEBHOOK_FROM_PATH) {
        return NGX_OK;
    }

    (void) ngx_http_webhook_path_segments(r, &segment, 1);

    ctx->event = ngx_http_webhook_find_event(provider, &segment);

    if (ctx->event == NGX_HTTP_WEBHOOK_NO_EVENT && provider->unknown_path) {
        return ngx_http_webhook_reject(ctx, &ngx_http_webhook_unknown_path,
                                       NULL);
    }

    ctx->event_name = segment;

    return NGX_OK;
}


/*
 * Sets ctx->event and ctx->event_name where the payload or a variable names the
 * event; called when the payload has been read.
 */

void
ngx_http_webhook_event_name(ngx_http_request_t *r, ngx_http_webhook_ctx_t *ctx)
{
    ngx_http_webhook_provider_t  *provider;

    provider = ctx->conf->provider;

    if (provider->event.from < NGX_HTTP_WEBHOOK_FROM_FIELD) {
        return;
    }

    ngx_http_webhook_source_text(r, ctx, &provider->event, &ctx->event_name);

    ctx->event = ngx_http_webhook_find_event(provider, &ctx->event_name);
}


/*
 * Checks that the event is a known one, where it has to be.  Returns NGX_OK, or
 * NGX_ABORT with a verdict.
 */

ngx_int_t
ngx_http_webhook_event_check(ngx_http_webhook_ctx_t *ctx)
{
    ngx_http_webhook_provider_t  *provider;

    provider = ctx->conf->provider;

    if (provider->event.from == NGX_HTTP_WEBHOOK_FROM_NOWHERE
        || ctx->event != NGX_HTTP_WEBHOOK_NO_EVENT
        || ctx->conf->unknown)
    {
        return NGX_OK;
    }

    if (provider->event.from == NGX_HTTP_WEBHOOK_FROM_FIELD) {
        return ngx_http_webhook_reject(ctx, &ngx_http_webhook_event_unknown,
                          &ctx->reader.shape->fields[provider->event.index]);
    }

    return ngx_http_webhook_reject(ctx, &ngx_http_webhook_event_other, NULL);
}
