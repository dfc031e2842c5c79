// SPDX-License-Identifier: Apache-2.0
// The runtime's port to a device in Python: each function is one that Python gave.
#include <string.h>

#include "dpu.h"

typedef uint32_t (*read_function)(uint32_t address);
typedef void (*write_function)(uint32_t address, uint32_t value);
typedef uint32_t (*cycles_function)(void);

static struct dpu device;
static read_function on_read;
static write_function on_write;
static cycles_function on_cycles, on_interrupt;

uint32_t dpu_port_read(uintptr_t address)
{
    return on_read((uint32_t)address);
}

void dpu_port_write(uintptr_t address, uint32_t value)
{
    on_write((uint32_t)address, value);
}

uint32_t dpu_port_cycles(void)
{
    return on_cycles();
}

#ifndef WITHOUT_INTERRUPT
bool dpu_port_interrupt(const struct dpu *dpu)
{
    (void)dpu;
    return on_interrupt() != 0;
}
#endif

struct dpu *native_device(read_function read, write_function write, cycles_function cycles,
                          cycles_function interrupt)
{
    memset(&device, 0, sizeof device);
    on_read = read;
    on_write = write;
    on_cycles = cycles;
    on_interrupt = interrupt;
    return &device;
}

void native_detail(uint32_t *words)
{
    words[0] = device.detail.index;
    words[1] = device.detail.found;
    words[2] = device.detail.wanted;
    words[3] = device.detail.engine;
}

uint32_t native_cycles(void)
{
    return device.cycles;
}
