
/*
 * Hashes, HMACs, public keys, random bytes, comparison in constant time, and
 * base64: the only file that includes OpenSSL.
 */


#include "base/ngx_http_webhook_crypto.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>


/* the size of a block of SHA-512, the largest one, in bytes */
#define NGX_HTTP_WEBHOOK_MAC_BLOCK    128

/* the size of a raw key of Ed25519, in bytes */
#define NGX_HTTP_WEBHOOK_ED25519_KEY  32

/* what RSA has to have at least; a signature has no more than SENT_MAX bytes */
#define NGX_HTTP_WEBHOOK_RSA_BITS     2048

/* elliptic curves that SHA-256 goes with begin here */
#define NGX_HTTP_WEBHOOK_EC_BITS      256


static ngx_int_t ngx_http_webhook_public_key(ngx_pool_t *pool,
    ngx_str_t *text, ngx_http_webhook_mac_key_t *key);
static ngx_int_t ngx_http_webhook_mac_key_states(ngx_pool_t *pool,
    ngx_str_t *secret, ngx_http_webhook_mac_key_t *key);
static ngx_uint_t ngx_http_webhook_public_key_fits(
    ngx_http_webhook_digest_t *digest, EVP_PKEY *key);
static void ngx_http_webhook_mac_key_cleanup(void *data);
static ngx_uint_t ngx_http_webhook_is_padded(ngx_str_t *text);
static ngx_int_t ngx_http_webhook_crypto_failed(char *name, ngx_log_t *log);


ngx_http_webhook_digest_t  ngx_http_webhook_digests[] = {

    { ngx_string("hmac-sha256"), EVP_sha256, 32, 32, 0 },
    { ngx_string("hmac-sha1"), EVP_sha1, 20, 20, 0 },
    { ngx_string("hmac-sha512"), EVP_sha512, 64, 64, 0 },
    { ngx_string("ed25519"), NULL, 0, 64, EVP_PKEY_ED25519 },
    { ngx_string("ecdsa-sha256"), EVP_sha256, 32, 0, EVP_PKEY_EC },
    { ngx_string("rsa-sha256"), EVP_sha256, 32, 0, EVP_PKEY_RSA },
    { ngx_string("rsa-sha512"), EVP_sha512, 64, 0, EVP_PKEY_RSA },

    { ngx_null_string, NULL, 0, 0, 0 }
};


/*
 * Makes a key, which is freed with the pool: that of an HMAC from a secret of
 * any length; a public one from its DER, a SubjectPublicKeyInfo, or from the
 * raw bytes of one of Ed25519.  Returns NGX_OK, NGX_DECLINED if "text" is no
 * public key that the digest can be checked with, or NGX_ERROR with a message
 * logged.
 */

ngx_int_t
ngx_http_webhook_mac_key(ngx_pool_t *pool, ngx_http_webhook_digest_t *digest,
    ngx_str_t *text, ngx_http_webhook_mac_key_t *key)
{
    ngx_int_t            rc;
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(pool, sizeof(ngx_http_webhook_mac_key_t));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(key, sizeof(ngx_http_webhook_mac_key_t));

    key->digest = digest;

    rc = digest->public_key ? ngx_http_webhook_public_key(pool, text, key)
                            : ngx_http_webhook_mac_key_states(pool, text, key);

    /* the caller may move its key */

    cln->handler = ngx_http_webhook_mac_key_cleanup;
    *(ngx_http_webhook_mac_key_t *) cln->data = *key;

    return rc;
}


/*
 * Hashes the key's block into both of the states of an HMAC.
 *
 * OpenSSL's own HMAC is not used: to copy and to free its context takes as long
 * as to hash 500 bytes.
 */

static ngx_int_t
ngx_http_webhook_mac_key_states(ngx_pool_t *pool, ngx_str_t *secret,
    ngx_http_webhook_mac_key_t *key)
{
    u_char         block[NGX_HTTP_WEBHOOK_MAC_BLOCK];
    size_t         i, size;
    ngx_uint_t     ok;
    const EVP_MD  *hash;

    hash = key->digest->hash();
    size = EVP_MD_block_size(hash);

    key->inner = EVP_MD_CTX_new();
    key->outer = EVP_MD_CTX_new();

    ngx_memzero(block, NGX_HTTP_WEBHOOK_MAC_BLOCK);

    if (secret->len > size) {
        ok = (EVP_Digest(secret->data, secret->len, block, NULL, hash, NULL)
              == 1);

    } else {
        ngx_memcpy(block, secret->data, secret->len);
        ok = 1;
    }

    for (i = 0; i < size; i++) {
        block[i] ^= 0x36;
    }

    ok = ok && key->inner && key->outer
         && EVP_DigestInit_ex(key->inner, hash, NULL) == 1
         && EVP_DigestInit_ex(key->outer, hash, NULL) == 1
         && EVP_DigestUpdate(key->inner, block, size) == 1;

    for (i = 0; i < size; i++) {
        block[i] ^= 0x36 ^ 0x5c;
    }

    ok = ok && EVP_DigestUpdate(key->outer, block, size) == 1;

    OPENSSL_cleanse(block, NGX_HTTP_WEBHOOK_MAC_BLOCK);

    return ok ? NGX_OK : ngx_http_webhook_crypto_failed("HMAC", pool->log);
}


static ngx_int_t
ngx_http_webhook_public_key(ngx_pool_t *pool, ngx_str_t *text,
    ngx_http_webhook_mac_key_t *key)
{
    const u_char               *p;
    ngx_http_webhook_digest_t  *digest;

    digest = key->digest;
    p = text->data;

    if (digest->public_key == EVP_PKEY_ED25519
        && text->len == NGX_HTTP_WEBHOOK_ED25519_KEY)
    {
        key->public_key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL,
                                                      p, text->len);
        p += text->len;

    } else {
        key->public_key = d2i_PUBKEY(NULL, &p, (long) text->len);
    }

    if (key->public_key == NULL
        || p != text->data + text->len
        || !ngx_http_webhook_public_key_fits(digest, key->public_key))
    {
        ERR_clear_error();
        return NGX_DECLINED;
    }

    if (digest->hash == NULL) {
        return NGX_OK;
    }

    key->inner = EVP_MD_CTX_new();

    return key->inner
           && EVP_DigestInit_ex(key->inner, digest->hash(), NULL) == 1
           ? NGX_OK
           : ngx_http_webhook_crypto_failed("EVP_DigestInit_ex()", pool->log);
}


static ngx_uint_t
ngx_http_webhook_public_key_fits(ngx_http_webhook_digest_t *digest,
    EVP_PKEY *key)
{
    if (EVP_PKEY_base_id(key) != (int) digest->public_key
        || EVP_PKEY_size(key) > NGX_HTTP_WEBHOOK_SENT_MAX)
    {
        return 0;
    }

    switch (digest->public_key) {

    case EVP_PKEY_RSA:
        return EVP_PKEY_bits(key) >= NGX_HTTP_WEBHOOK_RSA_BITS;

    case EVP_PKEY_EC:
        return EVP_PKEY_bits(key) >= NGX_HTTP_WEBHOOK_EC_BITS;

    default: /* EVP_PKEY_ED25519 */
        return 1;
    }
}


static void
ngx_http_webhook_mac_key_cleanup(void *data)
{
    ngx_http_webhook_mac_key_t *key = data;

    EVP_MD_CTX_free(key->inner);
    EVP_MD_CTX_free(key->outer);
    EVP_PKEY_free(key->public_key);
}


/*
 * Begins an HMAC, or the hash that a public key signs.  Returns NULL, with a
 * message logged, if that fails; otherwise the caller frees it with
 * ngx_http_webhook_mac_free().
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
 * Writes the HMAC, or the hash that a public key signs, to "result": as many
 * bytes as the digest's hash has.  "key" is the one it was begun with.  Returns
 * NGX_OK, or NGX_ERROR with a message logged.
 */

ngx_int_t
ngx_http_webhook_mac_final(ngx_http_webhook_mac_t *mac,
    ngx_http_webhook_mac_key_t *key, u_char *result, ngx_log_t *log)
{
    if (EVP_DigestFinal_ex(mac, result, NULL) != 1
        || (key->outer
            && (EVP_MD_CTX_copy_ex(mac, key->outer) != 1
                || EVP_DigestUpdate(mac, result, key->digest->hash_size) != 1
                || EVP_DigestFinal_ex(mac, result, NULL) != 1)))
    {
        return ngx_http_webhook_crypto_failed("HMAC", log);
    }

    return NGX_OK;
}


/*
 * Says whether "sent" is a signature by the key.  "content" is what
 * ngx_http_webhook_mac_final() has written or, where the digest has no hash,
 * the whole message.  HMACs are compared in constant time.  Returns NGX_OK,
 * NGX_DECLINED, or NGX_ERROR with a message logged.
 */

ngx_int_t
ngx_http_webhook_mac_valid(ngx_http_webhook_mac_key_t *key, ngx_str_t *content,
    ngx_str_t *sent, ngx_log_t *log)
{
    ngx_uint_t                  ready, valid;
    EVP_MD_CTX                 *ctx;
    EVP_PKEY_CTX               *pkey;
    ngx_http_webhook_digest_t  *digest;

    digest = key->digest;

    if (!digest->public_key) {
        return ngx_http_webhook_equal(content, sent) ? NGX_OK : NGX_DECLINED;
    }

    valid = 0;

    if (digest->hash == NULL) {
        ctx = EVP_MD_CTX_new();

        ready = (ctx
                 && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL,
                                         key->public_key)
                    == 1);

        if (ready) {
            valid = (EVP_DigestVerify(ctx, sent->data, sent->len,
                                      content->data, content->len)
                     == 1);
        }

        EVP_MD_CTX_free(ctx);

    } else {
        pkey = EVP_PKEY_CTX_new(key->public_key, NULL);

        ready = (pkey
                 && EVP_PKEY_verify_init(pkey) == 1
                 && (digest->public_key != EVP_PKEY_RSA
                     || EVP_PKEY_CTX_set_rsa_padding(pkey, RSA_PKCS1_PADDING)
                        == 1)
                 && EVP_PKEY_CTX_set_signature_md(pkey, digest->hash()) == 1);

        if (ready) {
            valid = (EVP_PKEY_verify(pkey, sent->data, sent->len,
                                     content->data, content->len)
                     == 1);
        }

        EVP_PKEY_CTX_free(pkey);
    }

    if (!ready) {
        return ngx_http_webhook_crypto_failed("a public key", log);
    }

    /* a signature that is not valid leaves errors on OpenSSL's list */

    ERR_clear_error();

    return valid ? NGX_OK : NGX_DECLINED;
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
    return ngx_http_webhook_is_padded(text)
           && ngx_decode_base64(decoded, text) == NGX_OK
           ? NGX_OK : NGX_DECLINED;
}


/* As ngx_http_webhook_decode_base64(), with "-" and "_" for "+" and "/". */

ngx_int_t
ngx_http_webhook_decode_base64url(ngx_str_t *decoded, ngx_str_t *text)
{
    return ngx_http_webhook_is_padded(text)
           && ngx_decode_base64url(decoded, text) == NGX_OK
           ? NGX_OK : NGX_DECLINED;
}


/* Returns 1 if there is no "=" but two at most at the end. */

static ngx_uint_t
ngx_http_webhook_is_padded(ngx_str_t *text)
{
    size_t  len;

    for (len = text->len; len && text->data[len - 1] == '='; len--) {
        /* void */
    }

    return text->len - len <= 2
           && ngx_strlchr(text->data, text->data + len, '=') == NULL;
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
