
/*
 * Who may use the files of a store: nobody but their owner.  The master, which
 * makes them, gives them to the user of its workers, and finds out whether that
 * user will be able to open them.
 *
 * The folder may belong to that user, who could have put a link in the place of
 * a file.  So a master of root follows no link, changes what it has opened, and
 * leaves to the user's own rights what has to be done by a name.
 */


#include "store/ngx_http_webhook_store_access.h"


/* files of a store to be tried, NULL ends them */

typedef struct {
    u_char      *name[3];
    ngx_uint_t   failed;         /* the index of the one that failed */
} ngx_http_webhook_store_trial_t;


static ngx_uint_t ngx_http_webhook_store_exists(char *name);
static void ngx_http_webhook_store_folder(ngx_http_webhook_store_conf_t *conf,
    u_char *folder, ngx_log_t *log);
static void ngx_http_webhook_store_know_lock(
    ngx_http_webhook_store_conf_t *conf, ngx_fd_t fd);
static u_char *ngx_http_webhook_store_name(ngx_http_webhook_store_conf_t *conf,
    char *suffix, ngx_log_t *log);
static ngx_fd_t ngx_http_webhook_store_open_file(
    ngx_http_webhook_store_conf_t *conf, u_char *name, int create,
    ngx_log_t *log);
static ngx_int_t ngx_http_webhook_store_give(
    ngx_http_webhook_store_conf_t *conf, ngx_fd_t fd, u_char *name,
    ngx_log_t *log);
static ngx_int_t ngx_http_webhook_store_access(
    ngx_http_webhook_store_conf_t *conf, u_char *lock, ngx_log_t *log);
static gid_t *ngx_http_webhook_store_groups(int *n, ngx_log_t *log);
static ngx_int_t ngx_http_webhook_store_try(void *data);
static void ngx_http_webhook_store_restored(int rc, char *call,
    ngx_log_t *log);


/*
 * Makes the files of a store, or only its lock file if the file is there, so
 * that they are for nobody but their owner: for the user of the workers, if
 * this process is root's.  The lock file gets room for all of it: LMDB would
 * extend it, and write to it by its map, which on a full disk is a SIGBUS.
 * Must be called by a process in which the store is not open.  Returns NGX_OK,
 * or NGX_ERROR with an [emerg] logged.
 */

ngx_int_t
ngx_http_webhook_store_prepare(ngx_http_webhook_store_conf_t *conf,
    ngx_uint_t new, size_t lock_size, ngx_log_t *log)
{
    int         err;
    u_char     *lock;
    ngx_fd_t    fd;
    ngx_int_t   rc;
    ngx_uint_t  i;

    lock = ngx_http_webhook_store_name(conf, "-lock", log);
    if (lock == NULL) {
        return NGX_ERROR;
    }

    rc = NGX_OK;

    for (i = 0; i < 2 && rc == NGX_OK; i++) {

        /* "nginx -t" creates nothing */

        if (i == 1 && ngx_test_config
            && !ngx_http_webhook_store_exists((char *) lock))
        {
            conf->unlocked = 1;
            break;
        }

        /* who runs already has the one that is gone */

        if (i == 1 && !new && ngx_inherited
            && !ngx_http_webhook_store_exists((char *) lock))
        {
            ngx_log_error(NGX_LOG_EMERG, log, 0,
                          "webhook %s \"%V\": the lock file \"%s\" has been "
                          "removed while nginx was running: it can't be "
                          "upgraded, stop it and start it anew",
                          conf->kind, &conf->path, lock);
            rc = NGX_ERROR;
            break;
        }

        fd = ngx_http_webhook_store_open_file(conf,
                                    i ? lock : conf->path.data,
                                    i ? O_CREAT : new ? O_CREAT|O_EXCL : 0,
                                    log);
        if (fd == NGX_INVALID_FILE) {
            rc = NGX_ERROR;
            break;
        }

        rc = ngx_http_webhook_store_give(conf, fd, i ? lock : conf->path.data,
                                         log);

        if (rc == NGX_OK && i == 1) {

            ngx_http_webhook_store_know_lock(conf, fd);

            err = posix_fallocate(fd, 0, lock_size);

            if (err) {
                ngx_log_error(NGX_LOG_EMERG, log, err,
                              "webhook %s \"%V\" could not be opened: "
                              "posix_fallocate() \"%s\" failed",
                              conf->kind, &conf->path, lock);
                rc = NGX_ERROR;
            }
        }

        if (ngx_close_file(fd) == NGX_FILE_ERROR) {
            ngx_log_error(NGX_LOG_ALERT, log, ngx_errno,
                          ngx_close_file_n " \"%s\" failed",
                          i ? lock : conf->path.data);
        }
    }

    if (rc == NGX_OK) {
        rc = ngx_http_webhook_store_access(conf, lock, log);
    }

    ngx_free(lock);

    return rc;
}


/* Remembers which file the lock file is that has been opened. */

static void
ngx_http_webhook_store_know_lock(ngx_http_webhook_store_conf_t *conf,
    ngx_fd_t fd)
{
    ngx_file_info_t  fi;

    if (ngx_fd_info(fd, &fi) != NGX_FILE_ERROR) {
        conf->lock_dev = fi.st_dev;
        conf->lock_ino = fi.st_ino;
    }
}


/*
 * Looks whether the lock file of a store that is in use is still there.  Who
 * opens the store when it is not makes one of its own, and neither knows what
 * the other one reads and writes.  Returns NGX_OK, or, after a message of
 * "level", NGX_DECLINED if there is none, or NGX_ERROR if it is another one.
 * May be called in a thread.
 */

ngx_int_t
ngx_http_webhook_store_lock_file(ngx_http_webhook_store_conf_t *conf,
    ngx_uint_t level, ngx_log_t *log)
{
    u_char           *lock;
    ngx_err_t         err;
    ngx_int_t         rc;
    ngx_file_info_t   fi;

    if (conf->lock_ino == 0) {
        return NGX_OK;
    }

    lock = ngx_http_webhook_store_name(conf, "-lock", log);
    if (lock == NULL) {
        return NGX_OK;
    }

    rc = NGX_OK;

    if (lstat((char *) lock, &fi) == -1) {
        err = ngx_errno;
        rc = (err == NGX_ENOENT || err == NGX_ENOTDIR) ? NGX_DECLINED : NGX_OK;

    } else if (fi.st_dev != conf->lock_dev || fi.st_ino != conf->lock_ino) {
        rc = NGX_ERROR;
    }

    if (rc != NGX_OK) {
        ngx_log_error(level, log, 0,
                      "webhook %s \"%V\": the lock file \"%s\" has been %s "
                      "while it was in use: stop whatever uses the %s, and "
                      "start nginx anew", conf->kind, &conf->path, lock,
                      (rc == NGX_DECLINED) ? "removed" : "replaced",
                      conf->kind);
    }

    ngx_free(lock);

    return rc;
}


/*
 * Says what a master can do with a store: returns NGX_OK if it is to be opened,
 * NGX_DECLINED if there is none and nginx only tests its configuration, which
 * creates nothing, or NGX_ERROR with an [emerg] logged.
 */

ngx_int_t
ngx_http_webhook_store_test(ngx_http_webhook_store_conf_t *conf, ngx_log_t *log)
{
    u_char     *folder, *p;
    ngx_int_t   rc;

    folder = ngx_http_webhook_store_name(conf, "", log);
    if (folder == NULL) {
        return NGX_ERROR;
    }

    for (p = folder + conf->path.len; p > folder && p[-1] != '/'; p--) {
        /* void */
    }

    *p = '\0';
    rc = NGX_OK;

    ngx_http_webhook_store_folder(conf, folder, log);

    if (ngx_test_config
        && !ngx_http_webhook_store_exists((char *) conf->path.data))
    {
        rc = NGX_DECLINED;

        if (faccessat(AT_FDCWD, (char *) folder, R_OK|W_OK|X_OK, AT_EACCESS)
            == -1)
        {
            ngx_log_error(NGX_LOG_EMERG, log, ngx_errno,
                          "webhook %s \"%V\" could not be made",
                          conf->kind, &conf->path);
            rc = NGX_ERROR;

        } else if (ngx_http_webhook_store_access(conf, NULL, log) != NGX_OK) {
            rc = NGX_ERROR;
        }
    }

    ngx_free(folder);

    return rc;
}


/* Says whether there is something of a name, be it a link to nothing. */

static ngx_uint_t
ngx_http_webhook_store_exists(char *name)
{
    ngx_file_info_t  fi;

    return lstat(name, &fi) == 0 || ngx_errno != NGX_ENOENT;
}


/* Warns of a folder in which others could replace what root opens. */

static void
ngx_http_webhook_store_folder(ngx_http_webhook_store_conf_t *conf,
    u_char *folder, ngx_log_t *log)
{
    ngx_file_info_t  fi;

    if (geteuid() != 0 || ngx_file_info(folder, &fi) == NGX_FILE_ERROR
        || (fi.st_uid == 0 && (fi.st_mode & (S_IWGRP|S_IWOTH)) == 0))
    {
        return;
    }

    ngx_log_error(NGX_LOG_WARN, log, 0,
                  "webhook %s \"%V\": others than root can write into its "
                  "folder \"%s\", and could replace the file",
                  conf->kind, &conf->path, folder);
}


/*
 * Returns the name of the store's file and a suffix, to be freed by ngx_free(),
 * or NULL if there is no memory.
 */

static u_char *
ngx_http_webhook_store_name(ngx_http_webhook_store_conf_t *conf, char *suffix,
    ngx_log_t *log)
{
    u_char  *name;

    name = ngx_alloc(conf->path.len + ngx_strlen(suffix) + 1, log);

    if (name) {
        ngx_sprintf(name, "%V%s%Z", &conf->path, suffix);
    }

    return name;
}


/*
 * Opens a file of a store, following no link of its name, and checks that it is
 * a plain file.  Returns NGX_INVALID_FILE after an [emerg].
 */

static ngx_fd_t
ngx_http_webhook_store_open_file(ngx_http_webhook_store_conf_t *conf,
    u_char *name, int create, ngx_log_t *log)
{
    ngx_fd_t         fd;
    ngx_err_t        err;
    ngx_file_info_t  fi;

    /* a lock file is written to; to wait for a FIFO's reader would hang */

    fd = open((char *) name, O_RDWR|O_NOFOLLOW|O_NONBLOCK|O_CLOEXEC|create,
              0600);

    if (fd == NGX_INVALID_FILE && ngx_errno == NGX_EACCES && geteuid() != 0) {

        /* one of our own that is read-only: its mode will be set */

        fd = open((char *) name, O_RDONLY|O_NOFOLLOW|O_NONBLOCK|O_CLOEXEC);
    }

    if (fd == NGX_INVALID_FILE) {
        err = ngx_errno;

        ngx_log_error(NGX_LOG_EMERG, log, err,
                      "webhook %s \"%V\" could not be opened: "
                      ngx_open_file_n " \"%s\" failed%s", conf->kind,
                      &conf->path, name,
                      err == NGX_ELOOP ? ", it is a symbolic link" : "");
        return NGX_INVALID_FILE;
    }

    if (ngx_fd_info(fd, &fi) != NGX_FILE_ERROR && ngx_is_file(&fi)) {
        return fd;
    }

    ngx_log_error(NGX_LOG_EMERG, log, 0,
                  "webhook %s \"%V\" could not be opened: \"%s\" is not a file",
                  conf->kind, &conf->path, name);

    if (ngx_close_file(fd) == NGX_FILE_ERROR) {
        ngx_log_error(NGX_LOG_ALERT, log, ngx_errno,
                      ngx_close_file_n " \"%s\" failed", name);
    }

    return NGX_INVALID_FILE;
}


/*
 * Gives an open file to the user of the workers, if this process is root's, and
 * sets its mode to 0600; "name" is for messages.  Returns NGX_OK, or NGX_ERROR
 * with an [emerg] logged.
 */

static ngx_int_t
ngx_http_webhook_store_give(ngx_http_webhook_store_conf_t *conf, ngx_fd_t fd,
    u_char *name, ngx_log_t *log)
{
    ngx_file_info_t  fi;

    if (ngx_fd_info(fd, &fi) == NGX_FILE_ERROR) {
        ngx_log_error(NGX_LOG_EMERG, log, ngx_errno,
                      ngx_fd_info_n " \"%s\" failed", name);
        return NGX_ERROR;
    }

    if (geteuid() == 0 && conf->user != (ngx_uid_t) NGX_CONF_UNSET_UINT
        && (fi.st_uid != conf->user || fi.st_gid != conf->group))
    {
        /* another name of it may be a file that is nobody else's to have */

        if (fi.st_uid != conf->user && fi.st_nlink > 1) {
            ngx_log_error(NGX_LOG_EMERG, log, 0,
                          "webhook %s \"%V\": \"%s\" has other names (hard "
                          "links), and is not given to user \"%s\"",
                          conf->kind, &conf->path, name,
                          conf->username ? conf->username : "");
            return NGX_ERROR;
        }

        if (fchown(fd, conf->user, conf->group) == -1) {
            ngx_log_error(NGX_LOG_EMERG, log, ngx_errno,
                          "fchown(\"%s\", %d) failed", name, conf->user);
            return NGX_ERROR;
        }
    }

    if ((fi.st_mode & 07777) != 0600 && fchmod(fd, 0600) == -1) {
        ngx_log_error(NGX_LOG_EMERG, log, ngx_errno,
                      "fchmod(\"%s\", 0600) failed", name);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/*
 * Tries, as the user of the workers, whether they will be able to read and
 * write the file of the store and its lock file "lock", if there are such
 * files.  No file is opened: to close LMDB's lock file would release the lock
 * that this process may hold on it.  Returns NGX_OK, or NGX_ERROR with an
 * [emerg] logged.
 */

static ngx_int_t
ngx_http_webhook_store_access(ngx_http_webhook_store_conf_t *conf,
    u_char *lock, ngx_log_t *log)
{
    ngx_int_t                       rc;
    ngx_http_webhook_store_trial_t  trial;

    trial.name[0] = conf->path.data;
    trial.name[1] = lock;
    trial.name[2] = NULL;

    rc = ngx_http_webhook_store_as_user(conf, ngx_http_webhook_store_try,
                                        &trial, log);

    if (rc == NGX_DECLINED) {
        ngx_log_error(NGX_LOG_EMERG, log, ngx_errno,
                      "webhook %s \"%V\" can't be used by the workers: let "
                      "user \"%s\" enter each directory of the path, and read "
                      "and write \"%s\"", conf->kind, &conf->path,
                      conf->username, trial.name[trial.failed]);
    }

    return (rc == NGX_OK) ? NGX_OK : NGX_ERROR;
}


/*
 * Tries to read and write files.  Returns NGX_OK, or NGX_DECLINED with
 * ngx_errno set.
 */

static ngx_int_t
ngx_http_webhook_store_try(void *data)
{
    ngx_http_webhook_store_trial_t *trial = data;

    ngx_uint_t  i;

    for (i = 0; trial->name[i]; i++) {

        if (faccessat(AT_FDCWD, (char *) trial->name[i], R_OK|W_OK, AT_EACCESS)
            == -1
            && (ngx_errno != NGX_ENOENT || !ngx_test_config))
        {
            trial->failed = i;
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


/*
 * Calls "task" with the user, the group and the supplementary groups of
 * a worker, if this process is a master of root that changes the user of its
 * workers, or else with those of the process.  No other thread may run.  If
 * they can't be restored, the process ends.  Returns what the task does, with
 * its ngx_errno, or NGX_ERROR with an [emerg] logged.
 */

ngx_int_t
ngx_http_webhook_store_as_user(ngx_http_webhook_store_conf_t *conf,
    ngx_int_t (*task)(void *data), void *data, ngx_log_t *log)
{
    int         ngroups;
    char       *failed;
    gid_t      *groups, group;
    ngx_err_t   err;
    ngx_int_t   rc;
#if (NGX_HAVE_PR_SET_DUMPABLE)
    int         dumpable;
#endif

    /* a process without a master does not change its user, and root may all */

    if (geteuid() != 0 || conf->username == NULL || conf->user == 0
        || conf->user == (ngx_uid_t) NGX_CONF_UNSET_UINT)
    {
        return task(data);
    }

    groups = ngx_http_webhook_store_groups(&ngroups, log);
    if (groups == NULL) {
        return NGX_ERROR;
    }

    group = getegid();

#if (NGX_HAVE_PR_SET_DUMPABLE)
    dumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
#endif

    rc = NGX_ERROR;

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
    rc = task(data);
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
    }

    ngx_set_errno(err);

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
