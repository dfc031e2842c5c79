/* SPDX-License-Identifier: Apache-2.0 */
/* What the CPU of hw/dpu_hw/cpu has besides the DPU. */
#ifndef PORT_H
#define PORT_H

#include <stdint.h>

/* Bits of the status. */
#define PORT_INTERRUPT 1u
#define PORT_MEMORY_READY 2u
#define PORT_BUS_ERROR 4u

uint32_t port_status(void);
void port_clear_bus_error(void);
/* Bytes of DRAM. */
uint32_t port_memory_bytes(void);
/* Send a byte on the UART; waits while it is busy. */
void port_put(char byte);

#endif /* PORT_H */
