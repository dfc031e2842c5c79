/* SPDX-License-Identifier: Apache-2.0 */
#include "copy.h"

#include <stdbool.h>

static bool aligned(const volatile void *a, const volatile void *b)
{
    return (((uintptr_t)a | (uintptr_t)b) & 3) == 0;
}

void dpu_copy_in(volatile uint8_t *to, const uint8_t *from, uint32_t bytes)
{
    if (aligned(to, from)) {
        volatile uint32_t *target = (volatile uint32_t *)(uintptr_t)to;
        const uint32_t *source = (const uint32_t *)(uintptr_t)from;
        uint32_t words = bytes / 4;
        /* A small CPU takes as long for the loop as for a word. */
        for (; words >= 4; words -= 4, source += 4, target += 4) {
            uint32_t a = source[0], b = source[1], c = source[2], d = source[3];
            target[0] = a;
            target[1] = b;
            target[2] = c;
            target[3] = d;
        }
        for (; words > 0; --words) *target++ = *source++;
        to = (volatile uint8_t *)target;
        from = (const uint8_t *)source;
        bytes &= 3;
    }
    for (; bytes > 0; --bytes) *to++ = *from++;
}

void dpu_copy_out(uint8_t *to, const volatile uint8_t *from, uint32_t bytes)
{
    if (aligned(to, from)) {
        uint32_t *target = (uint32_t *)(uintptr_t)to;
        const volatile uint32_t *source = (const volatile uint32_t *)(uintptr_t)from;
        for (; bytes >= 4; bytes -= 4) *target++ = *source++;
        to = (uint8_t *)target;
        from = (const volatile uint8_t *)source;
    }
    for (; bytes > 0; --bytes) *to++ = *from++;
}
