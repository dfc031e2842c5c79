// SPDX-License-Identifier: Apache-2.0
// What every simulation has: a cycle, and the first thing that went wrong.
#pragma once

#include "failure.h"

struct Run {
    Failure failure;
    uint64_t cycle_count = 0;
};

// The run that assertions and $fatal end, instead of ending the process.
inline Run* current = nullptr;
