// SPDX-License-Identifier: Apache-2.0
// The design with its SDRAM and its serial line, clocked cycle by cycle.
#pragma once

#include "Vsoc.h"
#include "clocked.h"
#include "dram.h"
#include "sdram.h"
#include "uart.h"

class Board : public Clocked<Vsoc> {
  public:
    explicit Board(const SdramRules& rules)
        : dram(rules.bytes()), sdram(top, dram, failure, rules), uart(top, failure) {}

    Dram dram;
    Sdram<Vsoc> sdram;
    Uart<Vsoc> uart;

    void reset(uint64_t cycles) {
        top.rst = 1;
        uart.reset();
        for (uint64_t i = 0; i < cycles; ++i) {
            settle();
            clock();
        }
        top.rst = 0;
        sdram.reset(cycle());
        failure.clear();
    }

    void step() {
        sdram.drive(cycle());
        uart.drive(cycle());
        settle();
        sdram.sample(cycle());
        uart.sample(cycle());
        clock();
    }

    // Run until `done` (asked in each cycle), something failed, or so many cycles have passed.
    template <class Done>
    uint64_t run(uint64_t cycles, Done done) {
        uint64_t count = 0;
        for (; count < cycles && !failure && !done(); ++count) {
            if (abandoned(count)) break;
            step();
        }
        return count;
    }
};
