// SPDX-License-Identifier: Apache-2.0
// What the AXI4 memory model is set to, and what it counts.
#pragma once

#include <cstdint>
#include <vector>

constexpr uint8_t kOkay = 0, kSlaveError = 2, kDecodeError = 3;

// Probabilities (thresholds of Random::hit) that a channel holds back in a cycle.
struct Stalls {
    bool on = false;
    uint64_t ar = 0, r = 0, aw = 0, w = 0, b = 0;
};

// Cycles from the last handshake of a request to its (first) response.
struct Latency {
    uint32_t first, last;
};

struct Counters {
    uint64_t read_bytes = 0, read_beats = 0, read_bursts = 0;
    uint64_t write_bytes = 0, write_beats = 0, write_bursts = 0;
    uint64_t strobed_bytes = 0;  // of write_bytes, those that were enabled
};

// One error response to give: to the n-th burst, or to each burst that touches a range.
struct ErrorRule {
    enum class Kind { kRead, kWrite, kRange } kind;
    uint64_t index_or_start;
    uint64_t length;  // of a range
    int beat;         // of a read burst, -1 for all
    uint8_t response;
};

// A burst that the memory has accepted.
struct Burst {
    uint64_t address;    // of the first beat, aligned to the width
    uint64_t unaligned;  // as it was given
    uint64_t ready;      // the cycle from which a response may come
    uint32_t beats;
    uint32_t done = 0;
    uint8_t response = kOkay;
    int error_beat = -1;
    bool early = false;         // data is sampled with the request, or written with the data
    std::vector<uint8_t> data;  // sampled, or waiting to be written
    std::vector<uint8_t> enabled;
};
