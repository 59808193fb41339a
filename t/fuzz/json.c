
/*
 * The scanner: jansson's opinion of the text, the result, offset and reports at
 * once, cut where the input says, and one byte at a time.  See t/unit/oracle.h.
 *
 * Input: a text, and what chooses the cuts, see fuzz_choices().
 */


#include "fuzz.h"
#include "../unit/oracle.h"


/* what the oracle adds to a text must have room */
#define FUZZ_TEXT  (TEST_TEXT / 4)


int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
    json_object_seed(1);

    return 0;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t          i;
    u_char         *text;

    static size_t   every[FUZZ_TEXT];

    fuzz_choices(data, &size);

    if (size > FUZZ_TEXT) {
        return 0;
    }

    /* a block of its own, for overruns to show */

    text = malloc(size ? size : 1);
    if (text == NULL) {
        abort();
    }

    ngx_memcpy(text, data, size);

    test_oracle(text, size);

    for (i = 0; i + 1 < size; i++) {
        every[i] = i + 1;
    }

    test_scan(&test_parts, text, size, every, i);
    test_same(text, size, every, i);

    free(text);

    return 0;
}


static ngx_uint_t
test_random(ngx_uint_t n)
{
    return fuzz_choose(n);
}


static void
test_note(u_char *text, size_t len, const char *fmt, ...)
{
    char     note[1024];
    va_list  args;

    va_start(args, fmt);
    vsnprintf(note, sizeof(note), fmt, args);
    va_end(args);

    fuzz_fail("%s, in %lu bytes: %s", note, (unsigned long) len,
              test_show(text, len, 1000));
}
