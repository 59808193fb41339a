
/*
 * The clock that measures how long a request is checked, and the time of day.
 * There is one such clock in a process: it runs while the module looks at
 * a request, and never while nginx waits for one.
 */


#include "core/ngx_http_webhook_clock.h"


static uint64_t ngx_http_webhook_clock(void);


/* When the clock was started, in nanoseconds; 0: it has been stopped */
static uint64_t  ngx_http_webhook_clock_started;


/* Starts the clock.  Returns 1, or 0 if it was running. */

ngx_uint_t
ngx_http_webhook_clock_start(void)
{
    if (ngx_http_webhook_clock_started) {
        return 0;
    }

    ngx_http_webhook_clock_started = ngx_http_webhook_clock();

    return 1;
}


/*
 * Stops the clock, if it runs, and adds the nanoseconds that it shows to
 * ctx->judge_time; "ctx" may be NULL.  Returns 1 if it was running.
 */

ngx_uint_t
ngx_http_webhook_clock_stop(ngx_http_webhook_ctx_t *ctx)
{
    if (ngx_http_webhook_clock_started == 0) {
        return 0;
    }

    if (ctx) {
        ctx->judge_time += ngx_http_webhook_clock()
                           - ngx_http_webhook_clock_started;
    }

    ngx_http_webhook_clock_started = 0;

    return 1;
}


static uint64_t
ngx_http_webhook_clock(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000000 + ts.tv_nsec;
}


/*
 * Returns the time of day in milliseconds, as nginx has it cached in the event
 * loop.
 */

uint64_t
ngx_http_webhook_clock_now(void)
{
    ngx_time_t  *tp;

    tp = ngx_timeofday();

    return (uint64_t) tp->sec * 1000 + tp->msec;
}
