
/*
 * The clock that measures how long a request is checked, and the time of day.
 * There is one such clock in a process: it runs while the module looks at
 * a request, and never while nginx waits for one.
 */


#include "core/ngx_http_webhook_clock.h"


/* milliseconds by which the time of day may differ without having jumped */
#define NGX_HTTP_WEBHOOK_CLOCK_JUMP    2000

/* milliseconds until a jump ahead is what time it is */
#define NGX_HTTP_WEBHOOK_CLOCK_AHEAD   60000

/* milliseconds after a jump in which the time of day is doubted */
#define NGX_HTTP_WEBHOOK_CLOCK_DOUBT   (60 * 60 * 1000)


static uint64_t ngx_http_webhook_clock(void);


/* When the clock was started, in nanoseconds; 0: it has been stopped */
static uint64_t  ngx_http_webhook_clock_started;

/* the time of day, and ngx_current_msec, when both were looked at */
static uint64_t    ngx_http_webhook_clock_base;
static ngx_msec_t  ngx_http_webhook_clock_base_msec;

/* the time of day has jumped, and is away from what it should be */
static ngx_uint_t  ngx_http_webhook_clock_away;

/* the last jump, if there was one */
static ngx_uint_t  ngx_http_webhook_clock_jumped;
static ngx_msec_t  ngx_http_webhook_clock_jump;


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


/*
 * Returns the time of day in milliseconds, which does not jump: after a jump it
 * goes on as the monotonic clock does.  If the time of day stays ahead for a
 * minute, that is taken for right.  Each process sees its own jumps only, and
 * only if it calls this function every few seconds.
 */

uint64_t
ngx_http_webhook_clock_steady(void)
{
    int64_t     ahead;
    uint64_t    now, steady;
    ngx_msec_t  passed;

    now = ngx_http_webhook_clock_now();

    if (ngx_http_webhook_clock_base == 0) {
        ngx_http_webhook_clock_base = now;
        ngx_http_webhook_clock_base_msec = ngx_current_msec;
    }

    passed = ngx_current_msec - ngx_http_webhook_clock_base_msec;
    steady = ngx_http_webhook_clock_base + passed;
    ahead = (int64_t) (now - steady);

    if (ahead > -NGX_HTTP_WEBHOOK_CLOCK_JUMP
        && ahead < NGX_HTTP_WEBHOOK_CLOCK_JUMP)
    {
        ngx_http_webhook_clock_base = now;
        ngx_http_webhook_clock_base_msec = ngx_current_msec;
        ngx_http_webhook_clock_away = 0;

        return now;
    }

    if (!ngx_http_webhook_clock_away) {
        ngx_http_webhook_clock_away = 1;
        ngx_http_webhook_clock_jumped = 1;
        ngx_http_webhook_clock_jump = ngx_current_msec;

    } else if (ahead > 0
               && ngx_current_msec - ngx_http_webhook_clock_jump
                  >= NGX_HTTP_WEBHOOK_CLOCK_AHEAD)
    {
        ngx_http_webhook_clock_base = now;
        ngx_http_webhook_clock_base_msec = ngx_current_msec;
        ngx_http_webhook_clock_away = 0;

        return now;
    }

    return steady;
}


/*
 * Returns 1 if the time of day has jumped within the last hour: nothing should
 * be removed because of its age.
 */

ngx_uint_t
ngx_http_webhook_clock_doubted(void)
{
    return ngx_http_webhook_clock_jumped
           && ngx_current_msec - ngx_http_webhook_clock_jump
              < NGX_HTTP_WEBHOOK_CLOCK_DOUBT;
}
