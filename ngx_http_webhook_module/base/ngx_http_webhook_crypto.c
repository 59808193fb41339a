
/*
 * Hashes, HMAC-SHA256, random bytes, comparison in constant time, base64: the
 * only file that includes OpenSSL.
 */


#include "base/ngx_http_webhook_crypto.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>


/* the size of a block of SHA-256, in bytes */
#define NGX_HTTP_WEBHOOK_MAC_BLOCK  64


static void ngx_http_webhook_mac_key_cleanup(void *data);
static ngx_int_t ngx_http_webhook_crypto_failed(char *name, ngx_log_t *log);


/*
 * Makes the key of an HMAC-SHA256 from a secret of any length.  It is freed
 * with the pool.  Returns NGX_OK, or NGX_ERROR with a message logged.
 *
 * OpenSSL's own HMAC is not used: to copy and to free its context takes as long
 * as to hash 500 bytes.
 */

ngx_int_t
ngx_http_webhook_mac_key(ngx_pool_t *pool, ngx_str_t *secret,
    ngx_http_webhook_mac_key_t *key)
{
    u_char               block[NGX_HTTP_WEBHOOK_MAC_BLOCK];
    ngx_uint_t           i, ok;
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(pool, sizeof(ngx_http_webhook_mac_key_t));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    key->inner = EVP_MD_CTX_new();
    key->outer = EVP_MD_CTX_new();

    /* the caller may move its key */

    cln->handler = ngx_http_webhook_mac_key_cleanup;
    *(ngx_http_webhook_mac_key_t *) cln->data = *key;

    ngx_memzero(block, NGX_HTTP_WEBHOOK_MAC_BLOCK);

    if (secret->len > NGX_HTTP_WEBHOOK_MAC_BLOCK) {
        ok = (EVP_Digest(secret->data, secret->len, block, NULL, EVP_sha256(),
                         NULL)
              == 1);

    } else {
        ngx_memcpy(block, secret->data, secret->len);
        ok = 1;
    }

    for (i = 0; i < NGX_HTTP_WEBHOOK_MAC_BLOCK; i++) {
        block[i] ^= 0x36;
    }

    ok = ok && key->inner && key->outer
         && EVP_DigestInit_ex(key->inner, EVP_sha256(), NULL) == 1
         && EVP_DigestInit_ex(key->outer, EVP_sha256(), NULL) == 1
         && EVP_DigestUpdate(key->inner, block, NGX_HTTP_WEBHOOK_MAC_BLOCK)
            == 1;

    for (i = 0; i < NGX_HTTP_WEBHOOK_MAC_BLOCK; i++) {
        block[i] ^= 0x36 ^ 0x5c;
    }

    ok = ok
         && EVP_DigestUpdate(key->outer, block, NGX_HTTP_WEBHOOK_MAC_BLOCK)
            == 1;

    OPENSSL_cleanse(block, NGX_HTTP_WEBHOOK_MAC_BLOCK);

    return ok ? NGX_OK
              : ngx_http_webhook_crypto_failed("SHA-256", pool->log);
}


static void
ngx_http_webhook_mac_key_cleanup(void *data)
{
    ngx_http_webhook_mac_key_t *key = data;

    EVP_MD_CTX_free(key->inner);
    EVP_MD_CTX_free(key->outer);
}


/*
 * Begins an HMAC with the key.  Returns NULL, with a message logged, if that
 * fails; otherwise the caller frees it with ngx_http_webhook_mac_free().
 */

ngx_http_webhook_mac_t *
ngx_http_webhook_mac_begin(ngx_http_webhook_mac_key_t *key, ngx_log_t *log)
{
    ngx_http_webhook_mac_t  *mac;

    mac = EVP_MD_CTX_new();

    if (mac == NULL || EVP_MD_CTX_copy_ex(mac, key->inner) != 1) {
        EVP_MD_CTX_free(mac);
        (void) ngx_http_webhook_crypto_failed("HMAC", log);
        return NULL;
    }

    return mac;
}


/* Takes the next bytes.  Returns NGX_OK, or NGX_ERROR with a message logged. */

ngx_int_t
ngx_http_webhook_mac_update(ngx_http_webhook_mac_t *mac, u_char *p, size_t len,
    ngx_log_t *log)
{
    return EVP_DigestUpdate(mac, p, len) == 1
           ? NGX_OK : ngx_http_webhook_crypto_failed("HMAC", log);
}


/*
 * Writes the NGX_HTTP_WEBHOOK_MAC_SIZE bytes of the HMAC to "result"; "key" is
 * the one it was begun with.  Returns NGX_OK, or NGX_ERROR with a message
 * logged.
 */

ngx_int_t
ngx_http_webhook_mac_final(ngx_http_webhook_mac_t *mac,
    ngx_http_webhook_mac_key_t *key, u_char *result, ngx_log_t *log)
{
    if (EVP_DigestFinal_ex(mac, result, NULL) != 1
        || EVP_MD_CTX_copy_ex(mac, key->outer) != 1
        || EVP_DigestUpdate(mac, result, NGX_HTTP_WEBHOOK_MAC_SIZE) != 1
        || EVP_DigestFinal_ex(mac, result, NULL) != 1)
    {
        return ngx_http_webhook_crypto_failed("HMAC", log);
    }

    return NGX_OK;
}


/* Frees an HMAC under way; NULL is allowed. */

void
ngx_http_webhook_mac_free(ngx_http_webhook_mac_t *mac)
{
    EVP_MD_CTX_free(mac);
}


/*
 * Returns 1 if the strings are equal, in a time that depends on their lengths
 * only, not on their bytes.
 */

ngx_uint_t
ngx_http_webhook_equal(ngx_str_t *a, ngx_str_t *b)
{
    return a->len == b->len && CRYPTO_memcmp(a->data, b->data, a->len) == 0;
}


/*
 * Writes the first "len" bytes of the text's SHA-256, 32 at most, to "hash".
 * Returns NGX_OK, or NGX_ERROR with a message logged.
 */

ngx_int_t
ngx_http_webhook_hash(ngx_str_t *text, u_char *hash, size_t len, ngx_log_t *log)
{
    u_char  digest[EVP_MAX_MD_SIZE];

    if (EVP_Digest(text->data, text->len, digest, NULL, EVP_sha256(), NULL)
        != 1)
    {
        return ngx_http_webhook_crypto_failed("SHA-256", log);
    }

    ngx_memcpy(hash, digest, len);

    return NGX_OK;
}


/*
 * Fills "p" with random bytes that may become a secret.  Returns NGX_OK, or
 * NGX_ERROR with a message logged.
 */

ngx_int_t
ngx_http_webhook_random(u_char *p, size_t len, ngx_log_t *log)
{
    return RAND_bytes(p, (int) len) == 1
           ? NGX_OK : ngx_http_webhook_crypto_failed("RAND_bytes()", log);
}


/* Overwrites a secret that is not needed any more. */

void
ngx_http_webhook_cleanse(void *p, size_t len)
{
    OPENSSL_cleanse(p, len);
}


/*
 * Decodes base64 with or without its padding.  "decoded" has room for
 * ngx_base64_decoded_length() bytes.  Returns NGX_OK or NGX_DECLINED; nginx's
 * own decoder stops at the first "=", whatever comes behind it.
 */

ngx_int_t
ngx_http_webhook_decode_base64(ngx_str_t *decoded, ngx_str_t *text)
{
    size_t  len;

    for (len = text->len; len && text->data[len - 1] == '='; len--) {
        /* void */
    }

    if (text->len - len > 2
        || ngx_strlchr(text->data, text->data + len, '=') != NULL
        || ngx_decode_base64(decoded, text) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    return NGX_OK;
}


/*
 * Logs that OpenSSL has failed, and takes the error off OpenSSL's own list:
 * nginx would report it at some other place.  Returns NGX_ERROR.
 */

static ngx_int_t
ngx_http_webhook_crypto_failed(char *name, ngx_log_t *log)
{
    ngx_log_error(NGX_LOG_CRIT, log, 0, "%s failed, OpenSSL error %ul", name,
                  ERR_peek_error());
    ERR_clear_error();

    return NGX_ERROR;
}
