
/*
 * What the fuzz targets share: choices out of the input, and how they tell what
 * they have found.
 */


#include "fuzz.h"


static const uint8_t  *fuzz_rest;
static const uint8_t  *fuzz_end;
static uint64_t        fuzz_state;


/*
 * What follows the last NUL byte of an input, if there is one, is not part of
 * what is judged: it chooses where to cut and the like, two bytes for each
 * choice.  Thus a plain text is an input, and texts with NUL bytes can be made.
 */

void
fuzz_choices(const uint8_t *data, size_t *size)
{
    size_t  i;

    fuzz_state = 0;
    fuzz_rest = data + *size;
    fuzz_end = data + *size;

    for (i = *size; i > 0; i--) {
        if (data[i - 1] == '\0') {
            fuzz_rest = data + i;
            *size = i - 1;
            return;
        }
    }
}


/* a number below "n"; when the input has no more to say, from splitmix64 */

ngx_uint_t
fuzz_choose(ngx_uint_t n)
{
    uint64_t  z;

    if (fuzz_end - fuzz_rest >= 2) {
        z = fuzz_rest[0] << 8 | fuzz_rest[1];
        fuzz_rest += 2;
        fuzz_state += z;

        return z % n;
    }

    fuzz_state += 0x9e3779b97f4a7c15ULL;

    z = fuzz_state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    z ^= z >> 31;

    return z % n;
}


/* ends the run: libFuzzer keeps the input */

void
fuzz_fail(const char *fmt, ...)
{
    va_list  args;

    fprintf(stderr, "\nfound: ");

    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);

    fprintf(stderr, "\n");

    abort();
}


/* for messages: at most 1000 bytes, with %XX for what is not graphic ASCII */

char *
fuzz_show(const void *text, size_t len)
{
    size_t         i;
    char          *p;
    const u_char  *ch = text;

    static char    out[4][4096];
    static int     n;

    n = (n + 1) % 4;
    p = out[n];

    for (i = 0; i < len && i < 1000; i++) {

        if (ch[i] < ' ' || ch[i] >= 0x7f || ch[i] == '%') {
            p += sprintf(p, "%%%02X", ch[i]);

        } else {
            *p++ = (char) ch[i];
        }
    }

    strcpy(p, (i < len) ? "..." : "");

    return out[n];
}
