// SPDX-License-Identifier: Apache-2.0
// An AXI4-Lite master that makes one access at a time.
// With stalls on, address and data come apart and the responses are taken late.
#pragma once

#include <cstdint>

#include "failure.h"
#include "ports.h"
#include "random.h"

template <class Top>
class AxiLiteMaster {
  public:
    AxiLiteMaster(Top& top, Failure& failure) : top_(top), failure_(failure) {}

    bool stalls = false;
    void seed(uint64_t value) { random_.start(value ^ 0x5151); }

    void start_write(uint32_t address, uint32_t value) {
        address_ = address;
        value_ = value;
        begin(true);
    }
    void start_read(uint32_t address) {
        address_ = address;
        begin(false);
    }

    bool busy() const { return busy_; }
    uint32_t value() const { return value_; }
    uint8_t response() const { return response_; }
    // The cycle of the handshake that handed over the request (of a write, its later half).
    uint64_t accepted() const { return accepted_; }

    void reset() {
        busy_ = address_pending_ = data_pending_ = held_ = false;
    }

    void drive() {
        const bool address_now = address_pending_ && address_delay_ == 0;
        const bool data_now = data_pending_ && data_delay_ == 0;
        const bool respond = busy_ && (response_delay_ == 0);
        top_.CONTROL(awvalid) = writing_ && address_now;
        top_.CONTROL(arvalid) = !writing_ && address_now;
        top_.CONTROL(awaddr) = address_;
        top_.CONTROL(araddr) = address_;
        top_.CONTROL(awprot) = 0;
        top_.CONTROL(arprot) = 0;
        top_.CONTROL(wvalid) = data_now;
        top_.CONTROL(wdata) = value_;
        top_.CONTROL(wstrb) = 0xF;
        top_.CONTROL(bready) = writing_ && respond;
        top_.CONTROL(rready) = !writing_ && respond;
        if (address_delay_ > 0) --address_delay_;
        if (data_delay_ > 0) --data_delay_;
    }

    void sample(uint64_t cycle) {
        if (!busy_) {
            if (top_.CONTROL(bvalid) || top_.CONTROL(rvalid)) {
                failure_.set(cycle, "AXI4-Lite: a response without a request");
            }
            return;
        }
        if (writing_ ? top_.CONTROL(awvalid) && top_.CONTROL(awready)
                     : top_.CONTROL(arvalid) && top_.CONTROL(arready)) {
            address_pending_ = false;
            accepted_ = cycle;
        }
        if (top_.CONTROL(wvalid) && top_.CONTROL(wready)) {
            data_pending_ = false;
            accepted_ = cycle;
        }
        const bool valid = writing_ ? top_.CONTROL(bvalid) : top_.CONTROL(rvalid);
        const bool ready = writing_ ? top_.CONTROL(bready) : top_.CONTROL(rready);
        const uint8_t response = writing_ ? top_.CONTROL(bresp) : top_.CONTROL(rresp);
        const uint32_t data = writing_ ? 0 : top_.CONTROL(rdata);
        if (held_ && (!valid || response != response_ || data != held_data_)) {
            failure_.set(cycle, "AXI4-Lite %s: the response changed while it waited for ready",
                         writing_ ? "B" : "R");
        }
        held_ = valid && !ready;
        held_data_ = data;
        if (!valid) return;
        response_ = response;
        if (address_pending_ || data_pending_) {
            failure_.set(cycle, "AXI4-Lite: the response came before the whole request");
        }
        if (ready) {
            if (!writing_) value_ = data;
            busy_ = false;
        } else if (response_delay_ > 0) {
            --response_delay_;
        }
    }

  private:
    void begin(bool writing) {
        writing_ = writing;
        busy_ = address_pending_ = true;
        data_pending_ = writing;
        held_ = false;
        address_delay_ = stalls ? random_.range(0, 3) : 0;
        data_delay_ = stalls ? random_.range(0, 3) : 0;
        response_delay_ = stalls ? random_.range(0, 3) : 0;
    }

    Top& top_;
    Failure& failure_;
    Random random_;
    uint32_t address_ = 0, value_ = 0, held_data_ = 0;
    uint32_t address_delay_ = 0, data_delay_ = 0, response_delay_ = 0;
    uint64_t accepted_ = 0;
    uint8_t response_ = 0;
    bool writing_ = false, busy_ = false, address_pending_ = false, data_pending_ = false;
    bool held_ = false;
};
