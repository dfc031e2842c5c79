// SPDX-License-Identifier: Apache-2.0
// Runs a DPU with a processor on an AXI4 memory, and writes what comes on the UART: for each line
// the cycle of its last byte, a blank and the line. The run ends with the line "end".
//
//   --memory BYTES    size of the DRAM
//   --limit CYCLES    give up after so many
//   --byte CYCLES     what a byte takes on the UART
//   --seed SEED       let the memory answer late and at random; without it, after 40 cycles
//   +firmware=FILE    the on-chip memory, in the format of $readmemh
//
// Exit status: 0 the line "end" came; 1 something is wrong (the reason goes to standard error).

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>

#include "Vstandalone.h"
#include "axi_memory.h"
#include "stops.h"

namespace {

// The DRAM isn't there from the beginning.
constexpr uint64_t kMemoryReady = 300;
constexpr uint64_t kReset = 4;

uint64_t option(int argc, char** argv, const char* name, uint64_t otherwise) {
    for (int i = 1; i + 1 < argc; ++i) {
        if (strcmp(argv[i], name) == 0) return strtoull(argv[i + 1], nullptr, 0);
    }
    return otherwise;
}

class Uart {
  public:
    explicit Uart(uint64_t cycles) : cycles_(cycles) {}

    bool ended() const { return ended_; }
    bool ready() const { return left_ == 0; }
    void accept(uint64_t cycle, char byte) {
        left_ = cycles_;
        if (byte != '\n') {
            line_ += byte;
            return;
        }
        if (!line_.empty() && line_.back() == '\r') line_.pop_back();
        printf("%llu %s\n", static_cast<unsigned long long>(cycle), line_.c_str());
        ended_ = line_ == "end";
        line_.clear();
    }
    void clock() { left_ -= left_ != 0; }

  private:
    uint64_t cycles_, left_ = 0;
    std::string line_;
    bool ended_ = false;
};

}  // namespace

int main(int argc, char** argv) {
    Verilated::commandArgs(argc, argv);
    const uint64_t limit = option(argc, argv, "--limit", 100'000'000);
    const uint64_t seed = option(argc, argv, "--seed", UINT64_MAX);
    auto top = std::make_unique<Vstandalone>();
    Dram dram(option(argc, argv, "--memory", 1 << 20));
    Run run;
    current = &run;
    Failure& failure = run.failure;
    AxiMemory<Vstandalone> memory(*top, dram, failure);
    Uart uart(option(argc, argv, "--byte", 10));
    if (!dram.valid()) {
        fprintf(stderr, "cannot reserve the memory\n");
        return 1;
    }
    // What the DPU and the processor don't write must not look written.
    memset(dram.at(0), 0xA5, dram.size());
    if (seed != UINT64_MAX) {
        memory.seed(seed);
        memory.read_latency = {1, 60};
        memory.write_latency = {1, 60};
        const uint64_t stall = threshold(0.3);
        memory.stalls = {true, stall, stall, stall, stall, stall};
    }

    memory.reset();
    uint64_t& cycle = run.cycle_count;
    for (; cycle < limit && !uart.ended() && !failure; ++cycle) {
        top->rst = cycle < kReset;
        top->memory_ready = cycle >= kMemoryReady;
        top->uart___05Fready = uart.ready();
        memory.drive(cycle);
        top->clk = 0;
        top->eval();
        if (!top->rst) {
            memory.sample(cycle);
            if (!top->memory_ready && (top->AXI(arvalid) || top->AXI(awvalid))) {
                failure.set(cycle, "an access came before the memory was ready");
            }
            if (top->trap) failure.set(cycle, "the processor stopped with a trap");
            uart.clock();
            if (top->uart___05Fvalid && top->uart___05Fready) {
                uart.accept(cycle, static_cast<char>(top->uart___05Fpayload));
            }
        }
        top->clk = 1;
        top->eval();
    }
    top->final();
    current = nullptr;
    fflush(stdout);
    if (failure) {
        fprintf(stderr, "%s\n", failure.message().c_str());
    } else if (!uart.ended()) {
        fprintf(stderr, "the firmware didn't end within %llu cycles\n",
                static_cast<unsigned long long>(limit));
    }
    return uart.ended() && !failure ? 0 : 1;
}
