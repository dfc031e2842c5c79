// SPDX-License-Identifier: Apache-2.0
// The design with its memory and its host, clocked cycle by cycle.
#pragma once

#include <cinttypes>
#include <cstdio>
#include <string>

#include "Vdpu.h"
#include "axi_lite.h"
#include "axi_memory.h"
#include "clocked.h"
#include "ports.h"
#include "writes.h"

class Bench : public Clocked<Vdpu> {
  public:
    explicit Bench(uint64_t memory_size)
        : dram(memory_size), memory(top, dram, failure), host(top, failure) {}
    ~Bench() {
        trace("off");
        writes("off");
    }

    Dram dram;
    AxiMemory<Vdpu> memory;
    AxiLiteMaster<Vdpu> host;

    void reset(uint64_t cycles) {
        top.rst = 1;
        memory.reset();
        host.reset();
        memory.drive(cycle());
        host.drive();
        for (uint64_t i = 0; i < cycles; ++i) {
            settle();
            clock();
        }
        top.rst = 0;
        failure.clear();
    }

    void step() {
        memory.drive(cycle());
        host.drive();
        settle();
        memory.sample(cycle());
        host.sample(cycle());
        if (trace_ != nullptr && (top.TRACE(start) | top.TRACE(finish))) {
            fprintf(trace_, "%" PRIu64 " %u %u\n", cycle(), top.TRACE(start), top.TRACE(finish));
        }
        if (writes_ != nullptr) Writes<Vdpu>::record(top, cycle(), writes_);
        clock();
    }

    // Run until the interrupt is 1 (if it counts), something failed, or so many cycles have passed.
    uint64_t run(uint64_t cycles, bool until_interrupt) {
        uint64_t count = 0;
        for (; count < cycles && !failure; ++count) {
            if (until_interrupt && top.INTERRUPT) break;
            if (abandoned(count)) break;
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

    void flush() {
        if (trace_ != nullptr) fflush(trace_);
        if (writes_ != nullptr) fflush(writes_);
        Clocked::flush();
    }

  private:
    FILE* trace_ = nullptr;
    FILE* writes_ = nullptr;
};
