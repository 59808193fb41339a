
/*
 * How the process that delivers from a queue is told of an event: by an eventfd
 * that all processes of all configurations share.
 */


#include "queue/ngx_http_webhook_wake.h"

#include <sys/eventfd.h>


static void ngx_http_webhook_wake_close(void *data);
static void ngx_http_webhook_wake_news(ngx_event_t *ev);


/*
 * Makes the queue's eventfd, or takes over that of "old", which may be NULL, by
 * a descriptor that belongs to the configuration.  Returns NGX_OK or NGX_ERROR.
 */

ngx_int_t
ngx_http_webhook_wake_create(ngx_http_webhook_queue_t *queue,
    ngx_http_webhook_queue_t *old, ngx_log_t *log)
{
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(queue->cycle->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    queue->eventfd = old ? fcntl(old->eventfd, F_DUPFD_CLOEXEC, 0)
                         : eventfd(0, EFD_NONBLOCK|EFD_CLOEXEC);

    if (queue->eventfd == NGX_INVALID_FILE) {
        ngx_log_error(NGX_LOG_EMERG, log, ngx_errno,
                      "%s failed", old ? "fcntl(F_DUPFD_CLOEXEC)"
                                       : "eventfd()");
        return NGX_ERROR;
    }

    cln->handler = ngx_http_webhook_wake_close;
    cln->data = queue;

    return NGX_OK;
}


static void
ngx_http_webhook_wake_close(void *data)
{
    ngx_http_webhook_queue_t *queue = data;

    if (ngx_close_file(queue->eventfd) == NGX_FILE_ERROR) {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, ngx_errno,
                      "close() of an eventfd failed");
    }
}


/* Must be called by each process that will serve requests. */

void
ngx_http_webhook_wake_open(ngx_http_webhook_queue_t *queue, ngx_log_t *log)
{
    queue->news.handler = ngx_http_webhook_wake_news;
    queue->news.data = queue;
    queue->news.log = log;
}


/*
 * Must be called when an event may have become due, by an event that was added
 * or replayed: tells the process that delivers.  Costs a system call once in a
 * turn of the event loop.
 */

void
ngx_http_webhook_wake_tell(ngx_http_webhook_queue_t *queue)
{
    if (!queue->news.posted) {
        ngx_post_event(&queue->news, &ngx_posted_events);
    }
}


/* Tells this process's deliverer, and those of other processes. */

static void
ngx_http_webhook_wake_news(ngx_event_t *ev)
{
    uint64_t                   one;
    ngx_http_webhook_queue_t  *queue;

    queue = ev->data;

    if (queue->deliverer) {
        queue->wake(queue);
    }

    /* an eventfd whose count is full tells them as well */

    one = 1;

    if (write(queue->eventfd, &one, sizeof(uint64_t)) == -1
        && ngx_errno != NGX_EAGAIN)
    {
        ngx_log_error(NGX_LOG_ALERT, ev->log, ngx_errno,
                      "write() to an eventfd failed");
    }
}


/*
 * Makes a connection of nginx's whose descriptor is one of the queue's eventfd.
 * Returns NULL if there is none left.
 */

ngx_connection_t *
ngx_http_webhook_wake_connection(ngx_http_webhook_queue_t *queue)
{
    ngx_fd_t           fd;
    ngx_log_t         *log;
    ngx_connection_t  *c;

    log = queue->cycle->log;

    fd = fcntl(queue->eventfd, F_DUPFD_CLOEXEC, 0);

    if (fd == NGX_INVALID_FILE) {
        ngx_log_error(NGX_LOG_CRIT, log, ngx_errno,
                      "fcntl(F_DUPFD_CLOEXEC) failed");
        return NULL;
    }

    c = ngx_get_connection(fd, log);

    if (c == NULL) {
        (void) close(fd);
        return NULL;
    }

    c->log = log;

    return c;
}


/*
 * Listens for what other processes have committed.  "handler" gets the read
 * event of a connection with "data": an event may have become due or, if
 * c->close is set, nginx quits.  Returns NULL after a message if that fails.
 */

ngx_connection_t *
ngx_http_webhook_wake_listen(ngx_http_webhook_queue_t *queue,
    ngx_event_handler_pt handler, void *data)
{
    ngx_connection_t  *c;

    c = ngx_http_webhook_wake_connection(queue);
    if (c == NULL) {
        return NULL;
    }

    c->data = data;

    /* nginx closes idle connections, and so tells them, when it quits */
    c->idle = 1;

    c->read->handler = handler;
    c->read->log = c->log;
    c->write->log = c->log;

    if (ngx_add_event(c->read, NGX_READ_EVENT, (ngx_event_flags
                                                & NGX_USE_CLEAR_EVENT)
                                               ? NGX_CLEAR_EVENT
                                               : NGX_LEVEL_EVENT)
        != NGX_OK)
    {
        ngx_close_connection(c);
        return NULL;
    }

    return c;
}


/* Must be called by the handler of ngx_http_webhook_wake_listen(). */

void
ngx_http_webhook_wake_heard(ngx_connection_t *c)
{
    uint64_t  n;

    /*
     * Where events are level-triggered, the count must be read.  Another
     * process may have read it first.
     */

    if (!(ngx_event_flags & NGX_USE_CLEAR_EVENT)
        && read(c->fd, &n, sizeof(uint64_t)) == -1
        && ngx_errno != NGX_EAGAIN)
    {
        ngx_log_error(NGX_LOG_ALERT, c->log, ngx_errno,
                      "read() of an eventfd failed");
    }
}


/* Ends listening, and sets *c to NULL; it may be NULL already. */

void
ngx_http_webhook_wake_deaf(ngx_connection_t **c)
{
    if (*c == NULL) {
        return;
    }

    /*
     * The eventfd has other descriptors, so that closing this one would leave
     * it in epoll.
     */

    (void) ngx_del_event((*c)->read, NGX_READ_EVENT, 0);

    ngx_close_connection(*c);
    *c = NULL;
}
