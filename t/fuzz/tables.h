
/* a store that LMDB alone writes, by an input of bytes */

#ifndef _FUZZ_TABLES_H_INCLUDED_
#define _FUZZ_TABLES_H_INCLUDED_


#include "nginx.h"

#include <lmdb.h>


void fuzz_input(const uint8_t *data, size_t size);
ngx_uint_t fuzz_more(void);
uint8_t fuzz_byte(void);
void fuzz_bytes(ngx_str_t *text, size_t max);

void fuzz_tables_open(const char *name, const char **tables, ngx_uint_t n);
void fuzz_check(int rc, const char *what);
void fuzz_begin(void);
void fuzz_drop(void);
void fuzz_put(ngx_uint_t table, const void *key, size_t key_len,
    const void *value, size_t len);
void fuzz_remove(ngx_uint_t table, const void *key, size_t key_len);
void fuzz_commit(void);
u_char *fuzz_number(u_char *p, uint64_t n);

extern char            fuzz_path[];
extern MDB_env        *fuzz_env;
extern MDB_dbi         fuzz_dbi[];


#endif /* _FUZZ_TABLES_H_INCLUDED_ */
