/* SPDX-License-Identifier: Apache-2.0 */
/* The runtime's port to the CPU of hw/dpu_hw/cpu: a bus that makes one access at a time. */
#include "dpu.h"
#include "port.h"

static volatile uint32_t *cpu_register(uint32_t offset)
{
    return (volatile uint32_t *)(uintptr_t)(DPU_BOARD_CPU_BASE + offset);
}

uint32_t dpu_port_read(uintptr_t address)
{
    return *(volatile uint32_t *)address;
}

void dpu_port_write(uintptr_t address, uint32_t value)
{
    *(volatile uint32_t *)address = value;
}

uint32_t dpu_port_cycles(void)
{
    return *cpu_register(DPU_BOARD_CPU_CYCLES);
}

bool dpu_port_interrupt(const struct dpu *dpu)
{
    (void)dpu;
    return (*cpu_register(DPU_BOARD_CPU_STATUS) & PORT_INTERRUPT) != 0;
}

uint32_t port_status(void)
{
    return *cpu_register(DPU_BOARD_CPU_STATUS);
}

void port_clear_bus_error(void)
{
    *cpu_register(DPU_BOARD_CPU_STATUS) = 0;
}

uint32_t port_memory_bytes(void)
{
    return *cpu_register(DPU_BOARD_CPU_MEMORY_BYTES);
}

void port_put(char byte)
{
    *cpu_register(DPU_BOARD_CPU_UART) = (uint8_t)byte;
}
