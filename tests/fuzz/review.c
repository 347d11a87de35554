/*
 * Whatever comes as a review, for libFuzzer (tests/fuzz/run).
 */
#include <stdint.h>

#include "differential.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        differential(data, size);
        return 0;
}
