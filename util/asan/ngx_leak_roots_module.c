
/*
 * What nginx leaves to the kernel is no leak: connections and events when a
 * worker exits, all pools after "nginx -t" and "nginx -s".  LeakSanitizer
 * could be told so by a suppression; then each worker would start a symbolizer
 * to see whether it applies, which takes half a second.
 *
 * The master gives a worker that is to terminate a second, and then kills it.
 * A worker that looks for leaks on a busy machine needs longer, so the master
 * does not kill here: a worker that hangs is found by the tests, which wait
 * for the end of nginx.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>

#include <sanitizer/lsan_interface.h>
#include <sys/syscall.h>


int __lsan_is_turned_off(void);

static void ngx_leak_roots_exit_process(ngx_cycle_t *cycle);


static ngx_core_module_t  ngx_leak_roots_module_ctx = {
    ngx_string("leak_roots"),
    NULL,
    NULL
};


ngx_module_t  ngx_leak_roots_module = {
    NGX_MODULE_V1,
    &ngx_leak_roots_module_ctx,            /* module context */
    NULL,                                  /* module directives */
    NGX_CORE_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_leak_roots_exit_process,           /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


/* what is reachable from these is no leak either */

static void
ngx_leak_roots_exit_process(ngx_cycle_t *cycle)
{
    __lsan_ignore_object(cycle->connections);
    __lsan_ignore_object(cycle->read_events);
    __lsan_ignore_object(cycle->write_events);
}


/* asked by LeakSanitizer at exit, see lsan_interface.h */

int
__lsan_is_turned_off(void)
{
    return ngx_test_config || ngx_process == NGX_PROCESS_SIGNALLER;
}


/* takes the place of libc's in nginx and its modules */

int
kill(pid_t pid, int signo)
{
    if (signo == SIGKILL) {
        return 0;
    }

    return (int) syscall(SYS_kill, pid, signo);
}
