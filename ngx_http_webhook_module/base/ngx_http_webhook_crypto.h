
#ifndef _NGX_HTTP_WEBHOOK_CRYPTO_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_CRYPTO_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* the size of a SHA-256, and so of an HMAC-SHA256, in bytes */
#define NGX_HTTP_WEBHOOK_MAC_SIZE  32

/* the largest hash, that of SHA-512, and the largest signature, in bytes */
#define NGX_HTTP_WEBHOOK_MAC_MAX   64
#define NGX_HTTP_WEBHOOK_SENT_MAX  1024


/* a hash under way: OpenSSL's EVP_MD_CTX, which only this room knows */

typedef struct evp_md_ctx_st  ngx_http_webhook_mac_t;


/* a way to sign, without what is signed */

typedef struct {
    ngx_str_t                      name;
    const struct evp_md_st      *(*hash)(void);  /* NULL: the whole message is
                                                    signed, not its hash */
    size_t                         hash_size;    /* bytes */
    size_t                         size;         /* of a signature, in bytes;
                                                    0: it depends on the key */
    ngx_uint_t                     public_key;   /* OpenSSL's type of the key;
                                                    0: it is an HMAC */
} ngx_http_webhook_digest_t;


/*
 * A key.  Of an HMAC, RFC 2104: the states of both hashes after the key's
 * block, which a request copies instead of hashing the key again.  A public key
 * has an empty state in "inner" if its digest has a hash, and no "outer".
 */

typedef struct {
    ngx_http_webhook_digest_t     *digest;
    ngx_http_webhook_mac_t        *inner;
    ngx_http_webhook_mac_t        *outer;
    struct evp_pkey_st            *public_key;
} ngx_http_webhook_mac_key_t;


/* to an empty name; the first one is HMAC-SHA256 */

extern ngx_http_webhook_digest_t  ngx_http_webhook_digests[];


ngx_int_t ngx_http_webhook_mac_key(ngx_pool_t *pool,
    ngx_http_webhook_digest_t *digest, ngx_str_t *text,
    ngx_http_webhook_mac_key_t *key);
ngx_http_webhook_mac_t *ngx_http_webhook_mac_begin(
    ngx_http_webhook_mac_key_t *key, ngx_log_t *log);
ngx_int_t ngx_http_webhook_mac_update(ngx_http_webhook_mac_t *mac, u_char *p,
    size_t len, ngx_log_t *log);
ngx_int_t ngx_http_webhook_mac_final(ngx_http_webhook_mac_t *mac,
    ngx_http_webhook_mac_key_t *key, u_char *result, ngx_log_t *log);
ngx_int_t ngx_http_webhook_mac_valid(ngx_http_webhook_mac_key_t *key,
    ngx_str_t *content, ngx_str_t *sent, ngx_log_t *log);
void ngx_http_webhook_mac_free(ngx_http_webhook_mac_t *mac);

ngx_uint_t ngx_http_webhook_equal(ngx_str_t *a, ngx_str_t *b);
ngx_int_t ngx_http_webhook_hash(ngx_str_t *text, u_char *hash, size_t len,
    ngx_log_t *log);
ngx_int_t ngx_http_webhook_random(u_char *p, size_t len, ngx_log_t *log);
void ngx_http_webhook_cleanse(void *p, size_t len);
ngx_int_t ngx_http_webhook_decode_base64(ngx_str_t *decoded, ngx_str_t *text);
ngx_int_t ngx_http_webhook_decode_base64url(ngx_str_t *decoded,
    ngx_str_t *text);


#endif /* _NGX_HTTP_WEBHOOK_CRYPTO_H_INCLUDED_ */
