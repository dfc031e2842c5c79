// SPDX-License-Identifier: Apache-2.0
// A record of each word that the design writes to its scratchpad, if it has the ports for that.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <type_traits>
#include <utility>

#include "ports.h"

constexpr unsigned kWriters = 4;

// One record, little-endian: cycle (4 bytes), address (2), writer (1), lanes (1), the word.
template <typename Top, typename = void>
struct Writes {
    static constexpr bool kPresent = false;
    static void record(const Top&, uint64_t, FILE*) {}
};

template <typename Top>
struct Writes<Top, std::void_t<decltype(std::declval<Top&>().TRACE(write_valid))>> {
    static constexpr bool kPresent = true;
    static void record(Top& top, uint64_t cycle, FILE* file) {
        constexpr size_t lanes = sizeof(top.TRACE(write_data)) / kWriters;
        const unsigned valid = top.TRACE(write_valid);
        if (valid == 0) return;
        const uint64_t addresses = top.TRACE(write_address);
        uint8_t data[kWriters * lanes];
        memcpy(data, &top.TRACE(write_data), sizeof data);
        for (unsigned writer = 0; writer < kWriters; ++writer) {
            if (!(valid >> writer & 1)) continue;
            uint8_t entry[8 + lanes];
            const auto time = static_cast<uint32_t>(cycle);
            const auto address = static_cast<uint16_t>(addresses >> 16 * writer);
            memcpy(entry, &time, 4);
            memcpy(entry + 4, &address, 2);
            entry[6] = static_cast<uint8_t>(writer);
            entry[7] = static_cast<uint8_t>(lanes);
            memcpy(entry + 8, data + writer * lanes, lanes);
            fwrite(entry, sizeof entry, 1, file);
        }
    }
};
