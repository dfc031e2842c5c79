// SPDX-License-Identifier: Apache-2.0
// The design with its memory and its host, clocked cycle by cycle.
#pragma once

#include <poll.h>
#include <unistd.h>

#include <cinttypes>
#include <cstdio>
#include <memory>
#include <string>

#include "Vdpu.h"
#include "axi_lite.h"
#include "axi_memory.h"
#include "ports.h"
#include "verilated.h"
#include "writes.h"
#if VM_TRACE
#include "verilated_vcd_c.h"
#endif

class Bench {
  public:
    explicit Bench(uint64_t memory_size)
        : dram(memory_size), memory(top, dram, failure), host(top, failure) {}
    ~Bench() {
        trace("off");
        writes("off");
        waves("off");
        top.final();
    }

    Failure failure;
    Vdpu top;
    Dram dram;
    AxiMemory<Vdpu> memory;
    AxiLiteMaster<Vdpu> host;

    uint64_t cycle() const { return cycle_; }

    void reset(uint64_t cycles) {
        top.rst = 1;
        memory.reset();
        host.reset();
        memory.drive(cycle_);
        host.drive();
        for (uint64_t i = 0; i < cycles; ++i) {
            settle();
            clock();
        }
        top.rst = 0;
        failure.clear();
    }

    void step() {
        memory.drive(cycle_);
        host.drive();
        settle();
        memory.sample(cycle_);
        host.sample(cycle_);
        if (trace_ != nullptr && (top.TRACE(start) | top.TRACE(finish))) {
            fprintf(trace_, "%" PRIu64 " %u %u\n", cycle_, top.TRACE(start), top.TRACE(finish));
        }
        if (writes_ != nullptr) Writes<Vdpu>::record(top, cycle_, writes_);
        clock();
    }

    // Run until the interrupt is 1 (if it counts), something failed, or so many cycles have passed.
    uint64_t run(uint64_t cycles, bool until_interrupt) {
        uint64_t count = 0;
        for (; count < cycles && !failure; ++count) {
            if (until_interrupt && top.INTERRUPT) break;
            if ((count & 0xFFFF) == 0xFFFF && abandoned()) break;
            step();
        }
        return count;
    }

    // Record the pulses of the engines; "off" ends it.
    bool trace(const std::string& path) {
        if (trace_ != nullptr) fclose(trace_);
        trace_ = path == "off" ? nullptr : fopen(path.c_str(), "w");
        return path == "off" || trace_ != nullptr;
    }

    // Record every word that is written to the scratchpad; "off" ends it.
    bool writes(const std::string& path) {
        if (writes_ != nullptr) fclose(writes_);
        writes_ = nullptr;
        if (path == "off") return true;
        if (Writes<Vdpu>::kPresent) writes_ = fopen(path.c_str(), "wb");
        if (writes_ != nullptr) setvbuf(writes_, nullptr, _IOFBF, 1 << 20);
        return writes_ != nullptr;
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

    void flush() {
        if (trace_ != nullptr) fflush(trace_);
        if (writes_ != nullptr) fflush(writes_);
#if VM_TRACE
        if (waves_ != nullptr) waves_->flush();
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
    FILE* trace_ = nullptr;
    FILE* writes_ = nullptr;
#if VM_TRACE
    std::unique_ptr<VerilatedVcdC> waves_;
#endif
};
