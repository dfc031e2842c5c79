/* SPDX-License-Identifier: Apache-2.0 */
#include "dpu.h"

#include "copy.h"

/* Windows begin at multiples of this. */
#define PAGE 4096u
/* Cycles that an abort may take: the bursts in flight, on a slow memory. */
#define ABORT_CYCLES 1000000u

#define FIELD(value, name) (((value) & name##_MASK) >> name##_SHIFT)

static uint32_t get(const struct dpu *dpu, uint32_t offset)
{
    return dpu_port_read(dpu->registers + offset);
}

static void put(const struct dpu *dpu, uint32_t offset, uint32_t value)
{
    dpu_port_write(dpu->registers + offset, value);
}

__attribute__((weak)) bool dpu_port_interrupt(const struct dpu *dpu)
{
    return (get(dpu, DPU_REG_STATUS) & DPU_STATUS_DONE_MASK) != 0;
}

/* A part of the blob. */
static const void *part(const struct dpu_program *program, uint32_t offset)
{
    return (const uint8_t *)program + offset;
}

static enum dpu_result differs(struct dpu *dpu, enum dpu_result result, uint32_t index,
                               uint32_t found, uint32_t wanted)
{
    dpu->detail.index = index;
    dpu->detail.found = found;
    dpu->detail.wanted = wanted;
    dpu->detail.engine = DPU_ENGINES;
    return result;
}

enum dpu_result dpu_open(struct dpu *dpu, uintptr_t registers, volatile void *memory,
                         uint32_t memory_bytes)
{
    uint32_t found;
    dpu->registers = registers;
    dpu->memory = memory;
    dpu->memory_bytes = memory_bytes;
    dpu->program = NULL;
    dpu->cycles = 0;
    differs(dpu, DPU_OK, 0, 0, 0);
    found = get(dpu, DPU_REG_PRODUCT_ID);
    if (found != DPU_PRODUCT_ID) return differs(dpu, DPU_NOT_A_DPU, 0, found, DPU_PRODUCT_ID);
    found = get(dpu, DPU_REG_VERSION);
    if (found != DPU_ARCHITECTURE_VERSION) {
        return differs(dpu, DPU_OTHER_VERSION, 0, found, DPU_ARCHITECTURE_VERSION);
    }
    found = get(dpu, DPU_ROM);
    if (found != DPU_PARAMETERS) return differs(dpu, DPU_OTHER_ROM, 0, found, DPU_PARAMETERS);
    return DPU_OK;
}

/* Tell whether a blob is whole, and of this format. */
static bool whole(const struct dpu_program *program, uint32_t bytes)
{
    const uint32_t *word = (const uint32_t *)program;
    uint32_t sum = 0, words;
    if ((uintptr_t)program % 4 != 0 || bytes < sizeof *program ||
        program->magic != DPU_PROGRAM_MAGIC || program->format != DPU_PROGRAM_FORMAT ||
        program->bytes > bytes || program->bytes % 4 != 0) {
        return false;
    }
    words = program->bytes / 4;
    for (; words >= 4; words -= 4, word += 4) sum += word[0] + word[1] + word[2] + word[3];
    for (; words > 0; --words) sum += *word++;
    return sum == 0;
}

static enum dpu_result check_parameters(struct dpu *dpu, const struct dpu_program *program)
{
    const uint32_t *wanted = part(program, program->parameter_offset);
    if (program->architecture_version != DPU_ARCHITECTURE_VERSION) {
        return differs(dpu, DPU_OTHER_VERSION, 0, DPU_ARCHITECTURE_VERSION,
                       program->architecture_version);
    }
    if (program->parameter_count != DPU_PARAMETERS) {
        return differs(dpu, DPU_OTHER_ROM, 0, DPU_PARAMETERS, program->parameter_count);
    }
    for (uint32_t index = 0; index < DPU_PARAMETERS; ++index) {
        uint32_t found = get(dpu, DPU_ROM + 4 + 4 * index);
        if (found != wanted[index]) {
            return differs(dpu, DPU_OTHER_CONFIGURATION, index, found, wanted[index]);
        }
    }
    return DPU_OK;
}

/* Place the windows one after the other; return the end of the last one. */
static uint32_t place(struct dpu *dpu, const struct dpu_program *program, uint32_t base)
{
    dpu->windows[DPU_WINDOW_PROGRAM].size = program->image_bytes;
    dpu->windows[DPU_WINDOW_ARENA].size = program->arena_bytes;
    dpu->windows[DPU_WINDOW_INPUT].size = program->input_bytes;
    dpu->windows[DPU_WINDOW_OUTPUT].size = program->output_bytes;
    for (uint32_t window = 0; window < DPU_WINDOWS; ++window) {
        dpu->windows[window].base = base;
        base += (dpu->windows[window].size + PAGE - 1) & ~(PAGE - 1);
    }
    return base;
}

static bool done(const struct dpu *dpu)
{
    return (get(dpu, DPU_REG_STATUS) & DPU_STATUS_DONE_MASK) != 0;
}

bool dpu_abort(struct dpu *dpu)
{
    uint32_t began = dpu_port_cycles();
    bool ended;
    put(dpu, DPU_REG_CONTROL, DPU_CONTROL_ABORT_MASK);
    do {
        ended = done(dpu);
    } while (!ended && dpu_port_cycles() - began < ABORT_CYCLES);
    put(dpu, DPU_REG_CONTROL, DPU_CONTROL_CLEAR_INTERRUPT_MASK);
    return ended;
}

/* Wait for the end of a run; tell whether it came. */
static bool wait(const struct dpu *dpu, uint32_t limit)
{
    uint32_t began = dpu_port_cycles();
    while (!dpu_port_interrupt(dpu)) {
        if (dpu_port_cycles() - began > limit) return done(dpu);
    }
    return true;
}

static enum dpu_result run(struct dpu *dpu, const struct dpu_program_run *run)
{
    uint32_t status = get(dpu, DPU_REG_STATUS), error;
    if (status & DPU_STATUS_BUSY_MASK) return differs(dpu, DPU_BUSY, 0, status, 0);
    for (uint32_t window = 0; window < DPU_WINDOWS; ++window) {
        uint32_t offset = window * DPU_WINDOW_STRIDE;
        put(dpu, DPU_REG_PROGRAM_BASE + offset, dpu->windows[window].base);
        put(dpu, DPU_REG_PROGRAM_SIZE + offset, dpu->windows[window].size);
    }
    for (uint32_t engine = 0; engine < DPU_ENGINES; ++engine) {
        uint32_t offset = engine * DPU_STREAM_STRIDE;
        put(dpu, DPU_REG_LOAD_STREAM + offset, run->streams[engine].offset);
        put(dpu, DPU_REG_LOAD_COUNT + offset, run->streams[engine].count);
    }
    put(dpu, DPU_REG_CONTROL, DPU_CONTROL_CLEAR_INTERRUPT_MASK);
    put(dpu, DPU_REG_INTERRUPT_ENABLE, 1);
    put(dpu, DPU_REG_CONTROL, DPU_CONTROL_START_MASK);
    if (!wait(dpu, dpu->program->cycle_limit)) {
        status = get(dpu, DPU_REG_STATUS);
        dpu_abort(dpu);
        return differs(dpu, DPU_TIMEOUT, 0, status, 0);
    }
    status = get(dpu, DPU_REG_STATUS);
    put(dpu, DPU_REG_CONTROL, DPU_CONTROL_CLEAR_INTERRUPT_MASK);
    dpu->cycles += get(dpu, DPU_REG_CYCLES);
    error = FIELD(status, DPU_STATUS_ERROR);
    if (error == DPU_ERROR_NONE) return DPU_OK;
    differs(dpu, DPU_OK, FIELD(status, DPU_STATUS_ERROR_INSTRUCTION), status, 0);
    dpu->detail.engine = FIELD(status, DPU_STATUS_ERROR_ENGINE);
    return error <= DPU_ERROR_ABORT ? (enum dpu_result)error : DPU_UNKNOWN_ERROR;
}

static enum dpu_result run_all(struct dpu *dpu, uint32_t first, uint32_t end)
{
    const struct dpu_program_run *runs = part(dpu->program, dpu->program->run_offset);
    dpu->cycles = 0;
    for (; first < end; ++first) {
        enum dpu_result result = run(dpu, &runs[first]);
        if (result != DPU_OK) return result;
    }
    return DPU_OK;
}

enum dpu_result dpu_load(struct dpu *dpu, const void *blob, uint32_t bytes, uint32_t base)
{
    const struct dpu_program *program = blob;
    enum dpu_result result;
    uint32_t end;
    dpu->program = NULL;
    if (base % PAGE != 0) return DPU_BAD_ARGUMENT;
    if (!whole(program, bytes)) return DPU_BAD_PROGRAM;
    result = check_parameters(dpu, program);
    if (result != DPU_OK) return result;
    end = place(dpu, program, base);
    if (end > dpu->memory_bytes || end < base) {
        return differs(dpu, DPU_NO_ROOM, 0, dpu->memory_bytes, end);
    }
    if (get(dpu, DPU_REG_STATUS) & DPU_STATUS_BUSY_MASK) return DPU_BUSY;
    dpu_copy_in(dpu->memory + dpu->windows[DPU_WINDOW_PROGRAM].base,
                part(program, program->image_offset), program->image_bytes);
    dpu->program = program;
    result = run_all(dpu, 0, program->preload_count);
    if (result != DPU_OK) dpu->program = NULL;
    return result;
}

enum dpu_result dpu_infer(struct dpu *dpu)
{
    if (dpu->program == NULL) return DPU_BAD_ARGUMENT;
    return run_all(dpu, dpu->program->preload_count, dpu->program->run_count);
}

const struct dpu_program_tensor *dpu_input(const struct dpu *dpu, uint32_t index)
{
    const struct dpu_program_tensor *tensors;
    if (dpu->program == NULL || index >= dpu->program->input_count) return NULL;
    tensors = part(dpu->program, dpu->program->tensor_offset);
    return &tensors[index];
}

const struct dpu_program_tensor *dpu_output(const struct dpu *dpu, uint32_t index)
{
    const struct dpu_program_tensor *tensors;
    if (dpu->program == NULL || index >= dpu->program->output_count) return NULL;
    tensors = part(dpu->program, dpu->program->tensor_offset);
    return &tensors[dpu->program->input_count + index];
}

const char *dpu_program_name(const struct dpu *dpu)
{
    return dpu->program == NULL ? "" : part(dpu->program, dpu->program->name_offset);
}

static volatile uint8_t *place_of(const struct dpu *dpu, const struct dpu_program_tensor *tensor)
{
    return dpu->memory + dpu->windows[tensor->window].base + tensor->offset;
}

enum dpu_result dpu_set_input(struct dpu *dpu, uint32_t index, const void *bytes, uint32_t size)
{
    const struct dpu_program_tensor *tensor = dpu_input(dpu, index);
    const uint8_t *from = bytes, *table;
    volatile uint8_t *to;
    if (tensor == NULL || size != tensor->bytes) return DPU_BAD_ARGUMENT;
    to = place_of(dpu, tensor);
    if (tensor->table_offset == 0) {
        dpu_copy_in(to, from, size);
        return DPU_OK;
    }
    table = part(dpu->program, tensor->table_offset);
    for (; size > 0; --size) *to++ = table[*from++];
    return DPU_OK;
}

enum dpu_result dpu_get_output(struct dpu *dpu, uint32_t index, void *bytes, uint32_t size)
{
    const struct dpu_program_tensor *tensor = dpu_output(dpu, index);
    const uint8_t *table;
    uint8_t *to = bytes;
    if (tensor == NULL || size != tensor->bytes) return DPU_BAD_ARGUMENT;
    dpu_copy_out(to, place_of(dpu, tensor), size);
    if (tensor->table_offset == 0) return DPU_OK;
    table = part(dpu->program, tensor->table_offset);
    for (; size > 0; --size, ++to) *to = table[*to];
    return DPU_OK;
}

uint32_t dpu_largest(const void *values, uint32_t count, enum dpu_kind kind, uint32_t *margin)
{
    const uint8_t *bytes = values;
    /* With its sign bit turned, an int8 has its order as unsigned. */
    uint8_t turn = kind == DPU_KIND_INT8 ? 0x80 : 0;
    uint32_t best = 0, first = 0, second = 0;
    for (uint32_t index = 0; index < count; ++index) {
        uint32_t value = (uint32_t)(bytes[index] ^ turn) + 1;
        if (value > first) {
            second = first;
            first = value;
            best = index;
        } else if (value > second) {
            second = value;
        }
    }
    if (margin != NULL) *margin = count > 1 ? first - second : 0;
    return best;
}
