/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the bundled inputs through the bundled network and prints the answers.
 *
 * For each input one line: its number, the index of the largest value of the first output, by how
 * much it is above the next one (in the output's integers), and the DPU's cycles. */
#include "dpu.h"
#include "port.h"
#include "print.h"

/* Bytes of the first output that there is room for. */
#define OUTPUT_BYTES 1024u

extern const uint8_t program_begin[], program_end[], inputs_begin[], inputs_end[];

static struct dpu dpu;
static uint8_t output[OUTPUT_BYTES] __attribute__((aligned(4)));

static void print_difference(void)
{
    print_number(dpu.detail.found);
    print(", not ");
    print_number(dpu.detail.wanted);
}

static void print_error(enum dpu_result result)
{
    print("error: ");
    print(dpu_result_text(result));
    if (result == DPU_NOT_A_DPU) {
        print(" (PRODUCT_ID reads ");
        print_hex(dpu.detail.found);
        print(")");
    } else if (result == DPU_OTHER_CONFIGURATION) {
        print(": on this one ");
        print(dpu_parameter_name(dpu.detail.index));
        print(" is ");
        print_difference();
    } else if (result == DPU_OTHER_VERSION || result == DPU_OTHER_ROM || result == DPU_NO_ROOM) {
        print(" (");
        print_difference();
        print(")");
    } else if (dpu.detail.engine < DPU_ENGINES) {
        print(": ");
        print(dpu_engine_name(dpu.detail.engine));
        print(" instruction ");
        print_number(dpu.detail.index);
    }
    if (port_status() & PORT_BUS_ERROR) print("; an access of the CPU was refused");
    print("\n");
}

static enum dpu_result answer(uint32_t number, const uint8_t *input)
{
    const struct dpu_program_tensor *tensor = dpu_output(&dpu, 0);
    enum dpu_result result = dpu_set_input(&dpu, 0, input, dpu_input(&dpu, 0)->bytes);
    uint32_t best, margin;
    if (result == DPU_OK) result = dpu_infer(&dpu);
    if (result == DPU_OK) result = dpu_get_output(&dpu, 0, output, tensor->bytes);
    if (result != DPU_OK) return result;
    best = dpu_largest(output, tensor->bytes, (enum dpu_kind)tensor->kind, &margin);
    print_number(number);
    print(": class ");
    print_number(best);
    print(" margin ");
    print_number(margin);
    print(" cycles ");
    print_number(dpu.cycles);
    print("\n");
    return DPU_OK;
}

static enum dpu_result boot(void)
{
    uint32_t began;
    enum dpu_result result;
    while ((port_status() & PORT_MEMORY_READY) == 0) {
    }
    began = dpu_port_cycles();
    port_clear_bus_error();
    result = dpu_open(&dpu, DPU_BOARD_REGISTER_BASE, (volatile void *)DPU_BOARD_MEMORY_BASE,
                      port_memory_bytes());
    if (result != DPU_OK) return result;
    result = dpu_load(&dpu, program_begin, (uint32_t)(program_end - program_begin), 0);
    if (result != DPU_OK) return result;
    print(dpu_program_name(&dpu));
    print(": loaded in ");
    print_number(dpu_port_cycles() - began);
    print(" cycles\n");
    if (dpu.program->input_count != 1 || dpu_output(&dpu, 0)->bytes > OUTPUT_BYTES ||
        dpu_output(&dpu, 0)->kind == DPU_KIND_OTHER) {
        return DPU_BAD_ARGUMENT;
    }
    return DPU_OK;
}

int main(void)
{
    uint32_t number = 0;
    enum dpu_result result;
    print("Tandem DPU\n");
    result = boot();
    if (result == DPU_OK) {
        uint32_t bytes = dpu_input(&dpu, 0)->bytes;
        const uint8_t *input = inputs_begin;
        for (; result == DPU_OK && (uint32_t)(inputs_end - input) >= bytes; input += bytes) {
            result = answer(number++, input);
        }
    }
    if (result != DPU_OK) print_error(result);
    print("end\n");
    return 0;
}
