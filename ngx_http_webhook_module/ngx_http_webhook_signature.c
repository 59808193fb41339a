
/* the only file that includes OpenSSL */


#include "ngx_http_webhook.h"

#include <openssl/crypto.h>


/*
 * Returns 1 if the strings are equal, in a time that depends on their lengths
 * only, not on their bytes.
 */

ngx_uint_t
ngx_http_webhook_equal(ngx_str_t *a, ngx_str_t *b)
{
    return a->len == b->len && CRYPTO_memcmp(a->data, b->data, a->len) == 0;
}
