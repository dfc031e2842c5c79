/* SPDX-License-Identifier: Apache-2.0 */
/* Names for people. */
#include "dpu.h"

const char *dpu_result_text(enum dpu_result result)
{
    switch ((int)result) {
    case DPU_OK: return "no error";
    case DPU_ERROR_CHECK: return "an instruction's check byte is wrong: load the program again";
    case DPU_ERROR_OPCODE: return "an engine got an instruction that is none of its own";
    case DPU_ERROR_WINDOW: return "an access to DRAM is outside its window";
    case DPU_ERROR_READ: return "a read of DRAM was answered with an error";
    case DPU_ERROR_WRITE: return "a write to DRAM was answered with an error";
    case DPU_ERROR_DEADLOCK: return "engines wait for tokens that nobody will give";
    case DPU_ERROR_ABORT: return "the run was aborted";
    case DPU_NOT_A_DPU: return "there is no Tandem DPU at these registers";
    case DPU_OTHER_VERSION: return "the DPU has another architecture version";
    case DPU_OTHER_ROM: return "the DPU has another number of parameters";
    case DPU_OTHER_CONFIGURATION: return "the program was compiled for another DPU";
    case DPU_BAD_PROGRAM: return "the program is damaged, or of another format";
    case DPU_NO_ROOM: return "the program needs more DRAM";
    case DPU_BUSY: return "a program runs already";
    case DPU_TIMEOUT: return "the run didn't end in time and was aborted";
    case DPU_BAD_ARGUMENT: return "no program, no such input or output, or another size";
    default: return "the DPU stopped with an unknown error";
    }
}

const char *dpu_engine_name(uint32_t engine)
{
    static const char names[][10] = {"load", "conv", "drain", "depthwise", "vector", "store"};
    return engine < DPU_ENGINES ? names[engine] : "none";
}

const char *dpu_parameter_name(uint32_t index)
{
    /* One string after the other: pointers would take more. */
#define NAME(name) #name "\0"
    static const char names[] = DPU_FOR_EACH_PARAMETER(NAME);
#undef NAME
    const char *name = names;
    if (index >= DPU_PARAMETERS) return "unknown";
    for (; index > 0; --index) {
        while (*name++ != 0) {
        }
    }
    return name;
}
