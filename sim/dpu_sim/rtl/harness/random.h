// SPDX-License-Identifier: Apache-2.0
// A small, fast random number generator, so that a seed means the same run everywhere.
#pragma once

#include <cstdint>

class Random {
  public:
    explicit Random(uint64_t seed = 0) { start(seed); }

    void start(uint64_t seed) {
        // Steps of the golden ratio keep neighbouring seeds apart; the state must not be zero.
        state_ = (seed + 1) * 0x9E3779B97F4A7C15ull;
        if (state_ == 0) state_ = 1;
        for (int i = 0; i < 4; ++i) next();
    }

    // xorshift64*
    uint32_t next() {
        state_ ^= state_ >> 12;
        state_ ^= state_ << 25;
        state_ ^= state_ >> 27;
        return static_cast<uint32_t>((state_ * 0x2545F4914F6CDD1Dull) >> 32);
    }

    // True with a probability of threshold / 2^32; no draw when that is zero.
    bool hit(uint64_t threshold) { return threshold != 0 && next() < threshold; }

    // Uniform in [first, last].
    uint32_t range(uint32_t first, uint32_t last) {
        return first >= last ? first : first + next() % (last - first + 1);
    }

  private:
    uint64_t state_;
};

// The threshold of Random::hit for a probability from 0 to 1.
inline uint64_t threshold(double probability) {
    if (probability <= 0) return 0;
    if (probability >= 1) return uint64_t{1} << 32;
    return static_cast<uint64_t>(probability * 4294967296.0);
}
