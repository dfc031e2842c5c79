// SPDX-License-Identifier: Apache-2.0
// The far end of the design's serial line: 8 data bits, no parity, one stop bit.
#pragma once

#include <cstdint>
#include <deque>

#include "failure.h"

#define UART(name) uart___05F##name

template <class Top>
class Uart {
  public:
    Uart(Top& top, Failure& failure) : top_(top), failure_(failure) {}

    std::deque<uint8_t> to_send, received;

    // Cycles of a bit; not always a whole number.
    void set_divisor(double value) { divisor_ = value; }
    double divisor() const { return divisor_; }
    // Whether everything was sent, the last stop bit included.
    bool sent() const { return to_send.empty() && !sending_; }

    void reset() {
        to_send.clear();
        received.clear();
        sending_ = receiving_ = false;
        top_.UART(rx) = 1;
        // A line that is low now must rise before it can start a byte.
        was_low_ = true;
    }

    void drive(uint64_t cycle) {
        if (sending_ && cycle >= send_next_) {
            if (send_bit_ < 10) {
                send_bit();
            } else {
                // The next byte follows without a gap.
                sending_ = false;
                begin(send_start_ + 10 * divisor_);
            }
        } else if (!sending_) {
            begin(static_cast<double>(cycle));
        }
    }

    void sample(uint64_t cycle) {
        const bool high = top_.UART(tx);
        if (!receiving_) {
            if (!high && !was_low_) {
                receiving_ = true;
                receive_bit_ = 0;
                receive_start_ = static_cast<double>(cycle);
                receive_next_ = at(receive_start_, 0.5);
            }
            was_low_ = !high;
            return;
        }
        if (cycle < receive_next_) return;
        if (receive_bit_ == 0 && high) {
            failure_.set(cycle, "UART: a start bit ends too early");
        } else if (receive_bit_ == 9) {
            receiving_ = false;
            was_low_ = !high;
            if (high) {
                received.push_back(static_cast<uint8_t>(bits_));
            } else {
                failure_.set(cycle, "UART: a stop bit is missing");
            }
            return;
        } else {
            bits_ = bits_ >> 1 | (high ? 0x80u : 0u);
        }
        receive_next_ = at(receive_start_, ++receive_bit_ + 0.5);
    }

  private:
    uint64_t at(double start, double bits) const {
        return static_cast<uint64_t>(start + bits * divisor_ + 0.5);
    }
    void begin(double start) {
        if (to_send.empty()) return;
        // Start bit, data from the lowest bit on, stop bit.
        frame_ = uint32_t{to_send.front()} << 1 | 0x200;
        to_send.pop_front();
        sending_ = true;
        send_start_ = start;
        send_bit_ = 0;
        send_bit();
    }
    void send_bit() {
        top_.UART(rx) = frame_ >> send_bit_ & 1;
        send_next_ = at(send_start_, ++send_bit_);
    }

    Top& top_;
    Failure& failure_;
    double divisor_ = 16;
    double send_start_ = 0, receive_start_ = 0;
    uint64_t send_next_ = 0, receive_next_ = 0;
    uint32_t frame_ = 0, send_bit_ = 0, receive_bit_ = 0, bits_ = 0;
    bool sending_ = false, receiving_ = false, was_low_ = true;
};
