/* fuzz_planted: the control of `script/prove fuzz`: a decoder that reads one byte beyond an input
 * with the right two letters and length in front. A fuzzing build that does not find this has found
 * nothing elsewhere either. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3 || data[0] != 'I' || data[1] != 'L' || data[2] != size)
        return 0;
    uint8_t *exact = malloc(size);
    if (exact == NULL)
        return 0;
    memcpy(exact, data, size);
    volatile const uint8_t *seen = exact;
    int odd = seen[data[2]] & 1;
    free(exact);
    return odd ? 0 : 0;
}
