
/* what the fuzz targets share; needs nginx's types only */

#ifndef _FUZZ_H_INCLUDED_
#define _FUZZ_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

void fuzz_choices(const uint8_t *data, size_t *size);
ngx_uint_t fuzz_choose(ngx_uint_t n);
void fuzz_fail(const char *fmt, ...) __attribute__((noreturn));
char *fuzz_show(const void *text, size_t len);


#endif /* _FUZZ_H_INCLUDED_ */
