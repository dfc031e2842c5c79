// SPDX-License-Identifier: Apache-2.0
// The design with its SDRAM and its serial line, clocked cycle by cycle.
#pragma once

#include <poll.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "Vsoc.h"
#include "dram.h"
#include "failure.h"
#include "sdram.h"
#include "uart.h"
#include "verilated.h"
#if VM_TRACE
#include "verilated_vcd_c.h"
#endif

class Board {
  public:
    explicit Board(const SdramRules& rules)
        : dram(rules.bytes()), sdram(top, dram, failure, rules), uart(top, failure) {}
    ~Board() {
        waves("off");
        top.final();
    }

    Failure failure;
    Vsoc top;
    Dram dram;
    Sdram<Vsoc> sdram;
    Uart<Vsoc> uart;

    uint64_t cycle() const { return cycle_; }

    void reset(uint64_t cycles) {
        top.rst = 1;
        uart.reset();
        for (uint64_t i = 0; i < cycles; ++i) {
            settle();
            clock();
        }
        top.rst = 0;
        sdram.reset(cycle_);
        failure.clear();
    }

    void step() {
        sdram.drive(cycle_);
        uart.drive(cycle_);
        settle();
        sdram.sample(cycle_);
        uart.sample(cycle_);
        clock();
    }

    // Run until `done` (asked in each cycle), something failed, or so many cycles have passed.
    template <class Done>
    uint64_t run(uint64_t cycles, Done done) {
        uint64_t count = 0;
        for (; count < cycles && !failure && !done(); ++count) {
            if ((count & 0xFFFF) == 0xFFFF && abandoned()) break;
            step();
        }
        return count;
    }

    // Record every signal; only in a build with waves. "off" ends it.
    bool waves(const std::string& path) {
#if VM_TRACE
        if (waves_ != nullptr) waves_->close();
        waves_.reset();
        if (path == "off") return true;
        waves_ = std::make_unique<VerilatedVcdC>();
        top.trace(waves_.get(), 99);
        waves_->open(path.c_str());
        return waves_->isOpen();
#else
        return path == "off";
#endif
    }

  private:
    // Whether nobody is left to send commands, or to read the reply.
    static bool abandoned() {
        pollfd input{STDIN_FILENO, 0, 0};
        return poll(&input, 1, 0) > 0 && (input.revents & (POLLHUP | POLLERR)) != 0;
    }
    // The falling edge, with new inputs.
    void settle() {
        top.clk = 0;
        top.eval();
        sample_waves(2 * cycle_);
    }
    // The rising edge.
    void clock() {
        top.clk = 1;
        top.eval();
        sample_waves(2 * cycle_ + 1);
        ++cycle_;
    }
    void sample_waves([[maybe_unused]] uint64_t time) {
#if VM_TRACE
        if (waves_ != nullptr) waves_->dump(time);
#endif
    }

    uint64_t cycle_ = 0;
#if VM_TRACE
    std::unique_ptr<VerilatedVcdC> waves_;
#endif
};
