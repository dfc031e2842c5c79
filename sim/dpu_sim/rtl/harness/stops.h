// SPDX-License-Identifier: Apache-2.0
// Where Verilator goes when an assertion fails or $fatal is called. For one source file only.
#pragma once

#include "run.h"
#include "verilated.h"

void vl_stop(const char* file, int line, const char* hierarchy) {
    if (current == nullptr) return;
    current->failure.set(current->cycle_count, "assertion failed at %s:%d in %s", file, line,
                         hierarchy);
}
void vl_fatal(const char* file, int line, const char*, const char* message) {
    if (current == nullptr) return;
    current->failure.set(current->cycle_count, "%s:%d: %s", file, line, message);
}
