/*
 * Whatever comes as a review, for libFuzzer: `./dev fuzz [SECONDS]`. It begins with the recorded reviews of
 * tests/data.
 */
#include <stdint.h>

#include "differential.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        differential(data, size);
        return 0;
}
