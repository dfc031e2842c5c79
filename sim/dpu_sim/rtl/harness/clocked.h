// SPDX-License-Identifier: Apache-2.0
// A design, its clock, and the recording of its signals.
#pragma once

#include <poll.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "run.h"
#include "verilated.h"
#if VM_TRACE
#include "verilated_vcd_c.h"
#endif

template <class Top>
class Clocked : public Run {
  public:
    ~Clocked() {
        waves("off");
        top.final();
    }

    Top top;

    uint64_t cycle() const { return cycle_count; }

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
#if VM_TRACE
        if (waves_ != nullptr) waves_->flush();
#endif
    }

  protected:
    // Whether nobody is left to send commands, or to read the reply; asked from time to time.
    bool abandoned(uint64_t count) const {
        if ((count & 0xFFFF) != 0xFFFF) return false;
        pollfd input{STDIN_FILENO, 0, 0};
        return poll(&input, 1, 0) > 0 && (input.revents & (POLLHUP | POLLERR)) != 0;
    }
    // The falling edge, with new inputs.
    void settle() {
        top.clk = 0;
        top.eval();
        sample_waves(2 * cycle_count);
    }
    // The rising edge.
    void clock() {
        top.clk = 1;
        top.eval();
        sample_waves(2 * cycle_count + 1);
        ++cycle_count;
    }

  private:
    void sample_waves([[maybe_unused]] uint64_t time) {
#if VM_TRACE
        if (waves_ != nullptr) waves_->dump(time);
#endif
    }

#if VM_TRACE
    std::unique_ptr<VerilatedVcdC> waves_;
#endif
};
