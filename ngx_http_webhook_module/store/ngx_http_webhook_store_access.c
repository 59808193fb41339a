
/*
 * Who may use the files of a store: nobody but their owner, and the master,
 * which makes them, finds out whether its workers will be able to open them.
 */


#include "store/ngx_http_webhook_store_access.h"


static gid_t *ngx_http_webhook_store_groups(int *n, ngx_log_t *log);
static ngx_int_t ngx_http_webhook_store_try(u_char **file);
static void ngx_http_webhook_store_restored(int rc, char *call,
    ngx_log_t *log);


/*
 * Tries, as the user of the workers, whether they will be able to read and
 * write the file of the store and its lock file "lock".  Must be called by
 * a process of root, in which no other thread runs.  For the time of the trial
 * the process has the user, the group and the supplementary groups of a
 * worker; if they can't be restored, the process ends.  No file is opened: to
 * close LMDB's lock file would release the lock that this process may hold on
 * it.  Returns NGX_OK, or NGX_ERROR with an [emerg] logged.
 */

ngx_int_t
ngx_http_webhook_store_access(ngx_http_webhook_store_conf_t *conf,
    u_char *lock, ngx_log_t *log)
{
    int         ngroups;
    char       *failed;
    gid_t      *groups, group;
    u_char     *file[3];
    ngx_err_t   err;
    ngx_int_t   rc;
#if (NGX_HAVE_PR_SET_DUMPABLE)
    int         dumpable;
#endif

    /* a process without a master does not change its user, and root may all */

    if (conf->username == NULL || conf->user == 0) {
        return NGX_OK;
    }

    groups = ngx_http_webhook_store_groups(&ngroups, log);
    if (groups == NULL) {
        return NGX_ERROR;
    }

    group = getegid();

#if (NGX_HAVE_PR_SET_DUMPABLE)
    dumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
#endif

    file[0] = conf->path.data;
    file[1] = lock;
    file[2] = NULL;
    rc = NGX_ERROR;
    err = 0;

    failed = "setegid()";
    if (setegid(conf->group) == -1) {
        err = ngx_errno;
        goto done;
    }

    failed = "initgroups()";
    if (initgroups(conf->username, conf->group) == -1) {
        err = ngx_errno;
        goto restore_group;
    }

    failed = "seteuid()";
    if (seteuid(conf->user) == -1) {
        err = ngx_errno;
        goto restore_groups;
    }

    failed = NULL;
    rc = ngx_http_webhook_store_try(file);
    err = ngx_errno;

    ngx_http_webhook_store_restored(seteuid(0), "seteuid()", log);

restore_groups:

    ngx_http_webhook_store_restored(setgroups(ngroups, groups), "setgroups()",
                                    log);

restore_group:

    ngx_http_webhook_store_restored(setegid(group), "setegid()", log);

#if (NGX_HAVE_PR_SET_DUMPABLE)

    /* a change of the user forbids core dumps */

    if (dumpable == 1) {
        ngx_http_webhook_store_restored(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0),
                                        "prctl(PR_SET_DUMPABLE)", log);
    }

#endif

done:

    ngx_free(groups);

    if (failed) {
        ngx_log_error(NGX_LOG_EMERG, log, err,
                      "webhook %s \"%V\" could not be tried as user \"%s\": "
                      "%s failed", conf->kind, &conf->path, conf->username,
                      failed);

    } else if (rc != NGX_OK) {
        ngx_log_error(NGX_LOG_EMERG, log, err,
                      "webhook %s \"%V\" can't be used by the workers: let "
                      "user \"%s\" enter each directory of the path, and read "
                      "and write \"%s\"", conf->kind, &conf->path,
                      conf->username, file[0]);
    }

    return rc;
}


/*
 * Returns the supplementary groups of the process, to be freed by ngx_free(),
 * and their number; NULL after a message.
 */

static gid_t *
ngx_http_webhook_store_groups(int *n, ngx_log_t *log)
{
    gid_t  *groups;

    *n = getgroups(0, NULL);

    if (*n != -1) {

        groups = ngx_alloc((*n + 1) * sizeof(gid_t), log);
        if (groups == NULL) {
            return NULL;
        }

        *n = getgroups(*n, groups);

        if (*n != -1) {
            return groups;
        }

        ngx_free(groups);
    }

    ngx_log_error(NGX_LOG_EMERG, log, ngx_errno, "getgroups() failed");

    return NULL;
}


/*
 * Tries to read and write files, a list that NULL ends.  Returns NGX_OK, or
 * NGX_ERROR with ngx_errno set and the file in the list's first place.
 */

static ngx_int_t
ngx_http_webhook_store_try(u_char **file)
{
    ngx_uint_t  i;

    for (i = 0; file[i]; i++) {

        if (faccessat(AT_FDCWD, (char *) file[i], R_OK|W_OK, AT_EACCESS)
            == -1)
        {
            file[0] = file[i];
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* Ends the process if a call has failed that gives back what it had before. */

static void
ngx_http_webhook_store_restored(int rc, char *call, ngx_log_t *log)
{
    if (rc == 0) {
        return;
    }

    ngx_log_error(NGX_LOG_EMERG, log, ngx_errno,
                  "%s failed, and the process can't go on as what it was",
                  call);

    /* fatal */
    exit(2);
}


/*
 * Lets nobody but its owner use the file of the store, which is there: it may
 * be a copy that others can read.  Must not be called while this process has
 * the store open.  Returns NGX_OK, or NGX_ERROR with an [emerg] logged.
 */

ngx_int_t
ngx_http_webhook_store_private(ngx_http_webhook_store_conf_t *conf,
    ngx_log_t *log)
{
    ngx_fd_t   fd;
    ngx_int_t  rc;

    fd = ngx_open_file(conf->path.data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        ngx_log_error(NGX_LOG_EMERG, log, ngx_errno,
                      "webhook %s \"%V\" could not be opened", conf->kind,
                      &conf->path);
        return NGX_ERROR;
    }

    rc = ngx_http_webhook_store_mode(fd, conf->path.data, log);

    if (ngx_close_file(fd) == NGX_FILE_ERROR) {
        ngx_log_error(NGX_LOG_ALERT, log, ngx_errno,
                      ngx_close_file_n " \"%V\" failed", &conf->path);
    }

    return rc;
}


/*
 * Sets the mode of an open file to 0600; "name" is for messages.  Returns
 * NGX_OK, or NGX_ERROR with an [emerg] logged.
 */

ngx_int_t
ngx_http_webhook_store_mode(ngx_fd_t fd, u_char *name, ngx_log_t *log)
{
    ngx_file_info_t  fi;

    if (ngx_fd_info(fd, &fi) == NGX_FILE_ERROR) {
        ngx_log_error(NGX_LOG_EMERG, log, ngx_errno,
                      ngx_fd_info_n " \"%s\" failed", name);
        return NGX_ERROR;
    }

    if ((fi.st_mode & 07777) == 0600) {
        return NGX_OK;
    }

    if (fchmod(fd, 0600) == -1) {
        ngx_log_error(NGX_LOG_EMERG, log, ngx_errno,
                      "fchmod(\"%s\", 0600) failed", name);
        return NGX_ERROR;
    }

    return NGX_OK;
}
