
/*
 * Whose file it is, and in which layout: a file tells its use and the version
 * of its layout in "meta".  One of another use, or of a newer version, is left
 * as it is; one of an older version is taken over.
 */


#include "store/ngx_http_webhook_lmdb.h"


/* what is written of a file that is made, or taken over */

typedef struct {
    ngx_http_webhook_change_t   change;
    ngx_http_webhook_store_t   *store;
} ngx_http_webhook_layout_t;


static ngx_int_t ngx_http_webhook_layout_check(
    ngx_http_webhook_store_t *store, ngx_uint_t *current);
static ngx_int_t ngx_http_webhook_layout_read(ngx_http_webhook_txn_t *txn,
    uint32_t *version, ngx_str_t *use);
static ngx_int_t ngx_http_webhook_layout_write(
    ngx_http_webhook_change_t *change, ngx_http_webhook_txn_t *txn);
static ngx_int_t ngx_http_webhook_layout_take(
    ngx_http_webhook_change_t *change, ngx_http_webhook_txn_t *txn);


static ngx_str_t  ngx_http_webhook_layout_version = ngx_string("version");
static ngx_str_t  ngx_http_webhook_layout_use = ngx_string("use");


/*
 * Opens the tables, and makes those that are missing, if the file is one for
 * this use; the master takes over what an older version has left, but not when
 * it only tests its configuration.  Returns NGX_OK, or NGX_ERROR with an
 * [emerg] logged.
 */

ngx_int_t
ngx_http_webhook_store_layout(ngx_http_webhook_store_t *store)
{
    ngx_int_t                  rc;
    ngx_uint_t                 current;
    ngx_http_webhook_layout_t  layout;

    ngx_memzero(&layout, sizeof(ngx_http_webhook_layout_t));
    layout.store = store;

    if (ngx_http_webhook_store_tables(store, 0) != NGX_OK
        || ngx_http_webhook_layout_check(store, &current) != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* "nginx -t" reads no queue, which another nginx may be delivering */

    if (ngx_test_config && store->conf.take) {
        return NGX_OK;
    }

    if (!current) {

        layout.change.apply = ngx_http_webhook_layout_write;

        if (ngx_http_webhook_store_tables(store, 1) != NGX_OK
            || ngx_http_webhook_store_write(store, &layout.change) != NGX_OK)
        {
            goto failed;
        }
    }

    if (!store->master || store->conf.take == NULL) {
        return NGX_OK;
    }

    layout.change.apply = ngx_http_webhook_layout_take;

    do {
        rc = ngx_http_webhook_store_write(store, &layout.change);
    } while (rc == NGX_OK);

    if (rc == NGX_DECLINED) {
        return NGX_OK;
    }

failed:

    ngx_log_error(NGX_LOG_EMERG, store->log, 0,
                  "webhook %s \"%V\" could not be brought to version %uD of "
                  "its layout", store->conf.kind, &store->conf.path,
                  store->conf.version);

    return NGX_ERROR;
}


/*
 * Checks what the file tells of itself, if it tells anything.  Sets *current to
 * 1 if nothing is to be added.  Returns NGX_OK, or NGX_ERROR with an [emerg]
 * logged.
 */

static ngx_int_t
ngx_http_webhook_layout_check(ngx_http_webhook_store_t *store,
    ngx_uint_t *current)
{
    size_t                   len;
    uint32_t                 version;
    ngx_int_t                rc;
    ngx_str_t                use;
    ngx_uint_t               i, same;
    ngx_http_webhook_txn_t  *txn;

    *current = 0;

    if (store->dbi[NGX_HTTP_WEBHOOK_STORE_META] == 0) {
        return NGX_OK;
    }

    txn = ngx_http_webhook_store_begin(store);
    if (txn == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_http_webhook_layout_read(txn, &version, &use);

    len = ngx_strlen(store->conf.use);

    same = (rc == NGX_OK
            && (use.len ? use.len == len
                          && ngx_memcmp(use.data, store->conf.use, len) == 0
                        : store->dbi[store->conf.mark] != 0));

    if (rc == NGX_OK && !same) {
        ngx_log_error(NGX_LOG_EMERG, store->log, 0,
                      "webhook %s \"%V\" is not the file of a %s%s%V",
                      store->conf.kind, &store->conf.path, store->conf.use,
                      use.len ? ", but of a " : "", &use);

    } else if (rc == NGX_OK && version > store->conf.version) {
        ngx_log_error(NGX_LOG_EMERG, store->log, 0,
                      "webhook %s \"%V\" is of the newer version %uD, this "
                      "module knows %uD", store->conf.kind,
                      &store->conf.path, version, store->conf.version);
        same = 0;

    } else if (rc == NGX_ERROR) {
        ngx_log_error(NGX_LOG_EMERG, store->log, 0,
                      "webhook %s \"%V\" could not be opened: it does not "
                      "tell its version", store->conf.kind, &store->conf.path);
    }

    *current = (rc == NGX_OK && use.len && version == store->conf.version);

    ngx_http_webhook_store_end(txn);

    for (i = 0; store->conf.tables[i].name.len; i++) {
        if (!store->conf.tables[i].former && store->dbi[i] == 0) {
            *current = 0;
        }
    }

    /* a file without a version is one whose making has not been finished */

    return (rc == NGX_DECLINED || same) ? NGX_OK : NGX_ERROR;
}


/*
 * Reads the version, and the use, which is empty in files of modules that did
 * not tell it.  Returns NGX_OK, NGX_DECLINED if there is no version, or
 * NGX_ERROR.
 */

static ngx_int_t
ngx_http_webhook_layout_read(ngx_http_webhook_txn_t *txn, uint32_t *version,
    ngx_str_t *use)
{
    ngx_int_t  rc;
    ngx_str_t  value;

    *version = 0;
    ngx_str_null(use);

    rc = ngx_http_webhook_store_get(txn, NGX_HTTP_WEBHOOK_STORE_META,
                                    &ngx_http_webhook_layout_version, &value);
    if (rc != NGX_OK) {
        return rc;
    }

    if (value.len != sizeof(uint32_t)) {
        return ngx_http_webhook_store_corrupted(txn);
    }

    ngx_memcpy(version, value.data, sizeof(uint32_t));

    rc = ngx_http_webhook_store_get(txn, NGX_HTTP_WEBHOOK_STORE_META,
                                    &ngx_http_webhook_layout_use, use);

    return (rc == NGX_DECLINED) ? NGX_OK : rc;
}


/* Writes the version and the use. */

static ngx_int_t
ngx_http_webhook_layout_write(ngx_http_webhook_change_t *change,
    ngx_http_webhook_txn_t *txn)
{
    ngx_int_t                   rc;
    ngx_str_t                   value;
    ngx_http_webhook_layout_t  *layout;

    layout = ngx_queue_data(change, ngx_http_webhook_layout_t, change);

    value.len = sizeof(uint32_t);
    value.data = (u_char *) &layout->store->conf.version;

    rc = ngx_http_webhook_store_put(txn, NGX_HTTP_WEBHOOK_STORE_META,
                                    &ngx_http_webhook_layout_version, &value,
                                    0);
    if (rc != NGX_OK) {
        return rc;
    }

    value.len = ngx_strlen(layout->store->conf.use);
    value.data = (u_char *) layout->store->conf.use;

    return ngx_http_webhook_store_put(txn, NGX_HTTP_WEBHOOK_STORE_META,
                                      &ngx_http_webhook_layout_use, &value, 0);
}


/* Takes over a part of what an older version has left. */

static ngx_int_t
ngx_http_webhook_layout_take(ngx_http_webhook_change_t *change,
    ngx_http_webhook_txn_t *txn)
{
    ngx_http_webhook_layout_t  *layout;

    layout = ngx_queue_data(change, ngx_http_webhook_layout_t, change);

    return layout->store->conf.take(txn);
}
