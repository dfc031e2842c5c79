/* SPDX-License-Identifier: Apache-2.0 */
/* Copying to and from DRAM. */
#ifndef COPY_H
#define COPY_H

#include <stdint.h>

/* Copy bytes, by words where both sides are aligned. */
void dpu_copy_in(volatile uint8_t *to, const uint8_t *from, uint32_t bytes);
void dpu_copy_out(uint8_t *to, const volatile uint8_t *from, uint32_t bytes);

#endif /* COPY_H */
