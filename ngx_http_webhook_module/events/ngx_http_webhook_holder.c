
/*
 * Which process delivers: the one that holds the lock of a queue's file.  The
 * others look once a second whether it is free, and whether its holder still
 * does something.
 *
 * A process that is told to quit finishes the attempts that it has begun.  It
 * puts their events off for everybody else, which is a lease, and gives up the
 * lock once all outcomes are committed.
 */


#include "events/ngx_http_webhook_holder.h"
#include "core/ngx_http_webhook_clock.h"
#include "queue/ngx_http_webhook_wake.h"


/* milliseconds: a holder that was not heard of for so long hangs */
#define NGX_HTTP_WEBHOOK_HOLDER_HANGS    10000

/* milliseconds that outcomes may hold up a process that quits */
#define NGX_HTTP_WEBHOOK_HOLDER_LEAVE    60000


static void ngx_http_webhook_holder_watch(ngx_http_webhook_deliverer_t *d);
static void ngx_http_webhook_holder_leased(ngx_http_webhook_change_t *change);


/*
 * Tries to become the process that delivers.  The lock is one of an open file
 * description, which the kernel frees with the process; LMDB has none on the
 * file itself.  Returns NGX_OK, NGX_DECLINED if another process has the lock,
 * or NGX_ERROR.
 */

ngx_int_t
ngx_http_webhook_holder_lock(ngx_http_webhook_deliverer_t *d)
{
    ngx_fd_t       fd;
    ngx_int_t      rc;
    struct flock   fl;

    fd = ngx_open_file(d->queue->spool.path.data, NGX_FILE_RDWR|O_CLOEXEC,
                       NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        ngx_log_error(NGX_LOG_CRIT, d->tick.log, ngx_errno,
                      ngx_open_file_n " \"%V\" failed",
                      &d->queue->spool.path);
        return NGX_ERROR;
    }

    ngx_memzero(&fl, sizeof(struct flock));
    fl.l_type = F_WRLCK;
    fl.l_whence = SEEK_SET;

    if (fcntl(fd, F_OFD_SETLK, &fl) == 0) {
        d->lock = fd;
        d->hung = 0;

        ngx_http_webhook_holder_beat(d);

        return NGX_OK;
    }

    if (ngx_errno == NGX_EAGAIN || ngx_errno == NGX_EACCES) {
        rc = NGX_DECLINED;
        ngx_http_webhook_holder_watch(d);

    } else {
        rc = NGX_ERROR;

        ngx_log_error(NGX_LOG_CRIT, d->tick.log, ngx_errno,
                      "fcntl(F_OFD_SETLK, \"%V\") failed",
                      &d->queue->spool.path);
    }

    if (ngx_close_file(fd) == NGX_FILE_ERROR) {
        ngx_log_error(NGX_LOG_ALERT, d->tick.log, ngx_errno,
                      ngx_close_file_n " \"%V\" failed",
                      &d->queue->spool.path);
    }

    return rc;
}


/* Says that the process that holds the lock does something, and what. */

void
ngx_http_webhook_holder_beat(ngx_http_webhook_deliverer_t *d)
{
    ngx_http_webhook_queue_shared_t  *sh;

    sh = d->queue->shared;

    sh->pid = ngx_pid;
    sh->destinations = d->ndestinations;
    sh->failing = d->nfailing;

    /* 0 is that of nobody */
    sh->heartbeat = ngx_max(ngx_current_msec, 1);
}


/* Another process has the lock: says so once if that one hangs. */

static void
ngx_http_webhook_holder_watch(ngx_http_webhook_deliverer_t *d)
{
    ngx_atomic_uint_t                 beat;
    ngx_msec_int_t                    age;
    ngx_http_webhook_queue_shared_t  *sh;

    sh = d->queue->shared;

    beat = sh->heartbeat;
    age = (ngx_msec_int_t) (ngx_current_msec - beat);

    if (beat == 0 || age < NGX_HTTP_WEBHOOK_HOLDER_HANGS) {
        d->hung = 0;
        return;
    }

    if (!d->hung) {
        d->hung = 1;

        ngx_log_error(NGX_LOG_CRIT, d->tick.log, 0,
                      "webhook queue \"%V\" is not delivered: process %P, "
                      "which has its lock, has done nothing for %M ms",
                      &d->queue->name, (ngx_pid_t) sh->pid,
                      (ngx_msec_t) age);
    }
}


/*
 * Nginx quits, or another configuration takes over.  The events of attempts
 * that have not ended are put off for whoever delivers next, as long as this
 * process is there to finish them.
 */

void
ngx_http_webhook_holder_leave(ngx_http_webhook_deliverer_t *d)
{
    ngx_msec_t        timeout;
    ngx_core_conf_t  *ccf;

    ccf = (ngx_core_conf_t *) ngx_get_conf(d->queue->cycle->conf_ctx,
                                           ngx_core_module);
    timeout = ccf->shutdown_timeout;

    d->leaving = 1;
    d->deadline = ngx_current_msec
                  + (timeout ? timeout : NGX_HTTP_WEBHOOK_HOLDER_LEAVE);

    ngx_http_webhook_wake_deaf(&d->wake);

    ngx_http_webhook_holder_lease(d);

    if (d->active) {
        ngx_add_timer(&d->tick, NGX_HTTP_WEBHOOK_RENEWAL);
    }

    /* nginx does not wait for a timer that can be cancelled */

    if (!ngx_queue_empty(&d->failed)) {
        d->tick.cancelable = 0;

        if (!d->tick.timer_set) {
            ngx_add_timer(&d->tick, NGX_HTTP_WEBHOOK_TICK);
        }
    }

    ngx_http_webhook_holder_unlock(d);
}


/*
 * Must be called while the process is leaving, before outcomes that could not
 * be committed are tried again: gives them up if it is time.
 */

void
ngx_http_webhook_holder_left(ngx_http_webhook_deliverer_t *d)
{
    ngx_uint_t               n;
    ngx_queue_t             *q;
    ngx_http_webhook_job_t  *job;

    if ((ngx_msec_int_t) (d->deadline - ngx_current_msec) > 0
        || ngx_queue_empty(&d->failed))
    {
        return;
    }

    for (n = 0; !ngx_queue_empty(&d->failed); n++) {
        q = ngx_queue_head(&d->failed);
        ngx_queue_remove(q);

        job = ngx_queue_data(q, ngx_http_webhook_job_t, queue);

        ngx_rbtree_delete(&d->jobs, &job->node);

        d->settling--;
        job->destination->held--;

        if (job->leased) {
            job->settled = 1;

        } else {
            ngx_free(job);
        }
    }

    ngx_log_error(NGX_LOG_CRIT, d->tick.log, 0,
                  "webhook queue \"%V\": what has become of %ui events could "
                  "not be written before this process quits: they are "
                  "delivered again",
                  &d->queue->name, n);

    ngx_http_webhook_holder_unlock(d);
}


/* Puts off the events of all attempts that have not ended. */

void
ngx_http_webhook_holder_lease(ngx_http_webhook_deliverer_t *d)
{
    ngx_rbtree_node_t                *node;
    ngx_http_webhook_job_t           *job;
    ngx_http_webhook_spool_change_t  *sc;

    if (d->jobs.root == &d->sentinel) {
        return;
    }

    for (node = ngx_rbtree_min(d->jobs.root, &d->sentinel);
         node;
         node = ngx_rbtree_next(&d->jobs, node))
    {
        job = (ngx_http_webhook_job_t *) node;

        if (job->attempt.sc.change.handler || job->leased) {
            /* it has ended, or its last lease is not committed yet */
            continue;
        }

        sc = &job->lease;

        sc->type = NGX_HTTP_WEBHOOK_SPOOL_WAIT;
        sc->event = job->attempt.sc.event;
        sc->event.time = ngx_http_webhook_clock_steady()
                         + NGX_HTTP_WEBHOOK_LEASE;
        sc->change.handler = ngx_http_webhook_holder_leased;
        sc->change.data = job;

        job->leased = 1;
        d->leases++;

        ngx_http_webhook_spool_submit(d->queue->store, sc);
    }
}


/*
 * A lease has been committed.  If it could not be, whoever delivers next makes
 * another attempt.
 */

static void
ngx_http_webhook_holder_leased(ngx_http_webhook_change_t *change)
{
    ngx_http_webhook_job_t        *job;
    ngx_http_webhook_deliverer_t  *d;

    job = change->data;
    d = job->deliverer;

    job->leased = 0;
    d->leases--;

    if (job->settled) {
        ngx_free(job);
    }

    ngx_http_webhook_holder_unlock(d);
}


/* Gives up the lock, once no event would be delivered twice because of it. */

void
ngx_http_webhook_holder_unlock(ngx_http_webhook_deliverer_t *d)
{
    ngx_http_webhook_queue_shared_t  *sh;

    if (d->leaving && (d->leases || d->settling)) {
        return;
    }

    ngx_http_webhook_wake_deaf(&d->wake);

    if (d->lock == NGX_INVALID_FILE) {
        return;
    }

    /* before another process can have the lock */

    sh = d->queue->shared;
    sh->heartbeat = 0;
    sh->destinations = 0;
    sh->failing = 0;

    if (ngx_close_file(d->lock) == NGX_FILE_ERROR) {
        ngx_log_error(NGX_LOG_ALERT, d->tick.log, ngx_errno,
                      ngx_close_file_n " \"%V\" failed",
                      &d->queue->spool.path);
    }

    d->lock = NGX_INVALID_FILE;
}
