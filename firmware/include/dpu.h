/* SPDX-License-Identifier: Apache-2.0 */
/* Runtime of a Tandem DPU: loads a program that `dpu firmware` wrote and runs inferences.
 *
 * C11 without an allocator, floating point or a C library. One thread; nothing is kept outside
 * struct dpu. The port (below) says how registers are reached. */
#ifndef DPU_H
#define DPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dpu_program.h"
#include "dpu_registers.h"

/* What a call came to. Values below 16 are those of enum dpu_error. */
enum dpu_result {
    DPU_OK = DPU_ERROR_NONE,
    /* PRODUCT_ID isn't a Tandem DPU's; detail: found, wanted. */
    DPU_NOT_A_DPU = 16,
    /* Another architecture version; detail: found, wanted. */
    DPU_OTHER_VERSION,
    /* Another number of parameters in the configuration ROM; detail: found, wanted. */
    DPU_OTHER_ROM,
    /* The program is for other parameters; detail: index of the first that differs, found, wanted.
     */
    DPU_OTHER_CONFIGURATION,
    /* The blob isn't one, or is of another format or damaged. */
    DPU_BAD_PROGRAM,
    /* Program and tensors need more DRAM; detail: found, wanted (bytes). */
    DPU_NO_ROOM,
    /* A program runs already. */
    DPU_BUSY,
    /* A run didn't end within the program's limit of cycles; it was aborted. */
    DPU_TIMEOUT,
    /* No program is loaded, there is no such input or output, or its size is another. */
    DPU_BAD_ARGUMENT,
    /* STATUS has an error that this runtime doesn't know; detail: found. */
    DPU_UNKNOWN_ERROR,
};

/* More about the last result that wasn't DPU_OK. */
struct dpu_detail {
    /* The parameter; or, of an error in a run, the instruction's index in its stream. */
    uint32_t index;
    uint32_t found;
    uint32_t wanted;
    /* Engine that met an error in a run (DPU_ENGINES or more: none). */
    uint32_t engine;
};

/* A DPU, and the program that is loaded into it. */
struct dpu {
    /* Where the CPU sees the registers. */
    uintptr_t registers;
    /* Where it sees the DRAM that the DPU sees at 0, word by word. */
    volatile uint8_t *memory;
    uint32_t memory_bytes;
    /* The loaded program, or NULL. */
    const struct dpu_program *program;
    struct {
        uint32_t base;
        uint32_t size;
    } windows[DPU_WINDOWS];
    struct dpu_detail detail;
    /* Cycles of the DPU in the last inference. */
    uint32_t cycles;
};

/* The port: functions that whoever uses the runtime provides. */

/* Read and write a register; address is dpu.registers plus a register's offset. All writes to
 * DRAM that came before must be seen by the DPU when dpu_port_write is. */
uint32_t dpu_port_read(uintptr_t address);
void dpu_port_write(uintptr_t address, uint32_t value);
/* A counter of cycles that wraps at 2^32, for time-outs. */
uint32_t dpu_port_cycles(void);
/* Tell whether the DPU's interrupt is raised. The runtime has a weak one that reads STATUS.done. */
bool dpu_port_interrupt(const struct dpu *dpu);

/* The runtime. */

/* Look for a DPU. */
enum dpu_result dpu_open(struct dpu *dpu, uintptr_t registers, volatile void *memory,
                         uint32_t memory_bytes);
/* Load a program, and make its preloading runs. The blob (aligned to 4) must stay; the DRAM from
 * base on, a multiple of 4096, is the program's. */
enum dpu_result dpu_load(struct dpu *dpu, const void *blob, uint32_t bytes, uint32_t base);
/* Give an input its bytes, in the model's layout. */
enum dpu_result dpu_set_input(struct dpu *dpu, uint32_t index, const void *bytes, uint32_t size);
/* Run an inference. */
enum dpu_result dpu_infer(struct dpu *dpu);
/* Fetch an output. */
enum dpu_result dpu_get_output(struct dpu *dpu, uint32_t index, void *bytes, uint32_t size);
/* End a run, whoever started it; tell whether it ended. */
bool dpu_abort(struct dpu *dpu);

/* Describe an input or output of the loaded program; NULL: there is none. */
const struct dpu_program_tensor *dpu_input(const struct dpu *dpu, uint32_t index);
const struct dpu_program_tensor *dpu_output(const struct dpu *dpu, uint32_t index);
/* The loaded program's name. */
const char *dpu_program_name(const struct dpu *dpu);

/* The index of the largest of count values (the first of several), and by how much it is above
 * the next one. */
uint32_t dpu_largest(const void *values, uint32_t count, enum dpu_kind kind, uint32_t *margin);

/* Names for people. */
const char *dpu_result_text(enum dpu_result result);
const char *dpu_engine_name(uint32_t engine);
const char *dpu_parameter_name(uint32_t index);

#endif /* DPU_H */
