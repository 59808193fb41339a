
/*
 * What tests of rooms that need a little of nginx share: they are linked with
 * files of nginx's core, and have here what else those files call.
 */

#ifndef _UNIT_NGINX_H_INCLUDED_
#define _UNIT_NGINX_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>

#include <stdio.h>
#include <stdlib.h>


ngx_pid_t                ngx_pid;
volatile ngx_cycle_t    *ngx_cycle;
ngx_uint_t               ngx_test_config;
ngx_uint_t               ngx_inherited;

/* how many messages there were, and the last one */
static ngx_uint_t        messages;
static char              message_text[1024];

static ngx_log_t         unit_log;
static uint64_t          unit_random = 88172645463325252ULL;
static int               unit_tests, unit_failed;


void
ngx_log_error_core(ngx_uint_t level, ngx_log_t *log, ngx_err_t err,
    const char *fmt, ...)
{
    u_char   *p;
    va_list   args;

    messages++;

    va_start(args, fmt);
    p = ngx_vslprintf((u_char *) message_text,
                      (u_char *) message_text + sizeof(message_text) - 1,
                      fmt, args);
    va_end(args);

    *p = '\0';
}


static uint64_t
next_random(void)
{
    unit_random ^= unit_random << 13;
    unit_random ^= unit_random >> 7;
    unit_random ^= unit_random << 17;

    return unit_random;
}


static void
ok(int good, const char *name)
{
    printf("%sok %d - %s\n", good ? "" : "not ", ++unit_tests, name);

    if (!good) {
        unit_failed++;
    }
}


/* ends a test; returns its exit status */

static int
done(void)
{
    printf("1..%d\n", unit_tests);

    return unit_failed != 0;
}


/* nginx's time, and a log that tells everything */

static void
unit_init(void)
{
    setbuf(stdout, NULL);

    unit_log.log_level = NGX_LOG_INFO;
    ngx_pid = getpid();
    ngx_pagesize = getpagesize();

    ngx_time_init();
}


#endif /* _UNIT_NGINX_H_INCLUDED_ */
