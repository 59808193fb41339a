
#ifndef _NGX_HTTP_WEBHOOK_CRYPTO_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_CRYPTO_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* the size of a SHA-256, and so of an HMAC-SHA256, in bytes */
#define NGX_HTTP_WEBHOOK_MAC_SIZE  32


/* a hash under way: OpenSSL's EVP_MD_CTX, which only this room knows */

typedef struct evp_md_ctx_st  ngx_http_webhook_mac_t;


/*
 * The key of an HMAC, RFC 2104: the states of both hashes after the key's
 * block, which a request copies instead of hashing the key again.
 */

typedef struct {
    ngx_http_webhook_mac_t  *inner;
    ngx_http_webhook_mac_t  *outer;
} ngx_http_webhook_mac_key_t;


ngx_int_t ngx_http_webhook_mac_key(ngx_pool_t *pool, ngx_str_t *secret,
    ngx_http_webhook_mac_key_t *key);
ngx_http_webhook_mac_t *ngx_http_webhook_mac_begin(
    ngx_http_webhook_mac_key_t *key, ngx_log_t *log);
ngx_int_t ngx_http_webhook_mac_update(ngx_http_webhook_mac_t *mac, u_char *p,
    size_t len, ngx_log_t *log);
ngx_int_t ngx_http_webhook_mac_final(ngx_http_webhook_mac_t *mac,
    ngx_http_webhook_mac_key_t *key, u_char *result, ngx_log_t *log);
void ngx_http_webhook_mac_free(ngx_http_webhook_mac_t *mac);

ngx_uint_t ngx_http_webhook_equal(ngx_str_t *a, ngx_str_t *b);
ngx_int_t ngx_http_webhook_hash(ngx_str_t *text, u_char *hash, size_t len,
    ngx_log_t *log);
ngx_int_t ngx_http_webhook_random(u_char *p, size_t len, ngx_log_t *log);
void ngx_http_webhook_cleanse(void *p, size_t len);
ngx_int_t ngx_http_webhook_decode_base64(ngx_str_t *decoded, ngx_str_t *text);


#endif /* _NGX_HTTP_WEBHOOK_CRYPTO_H_INCLUDED_ */
