// SPDX-License-Identifier: Apache-2.0
// An AXI4 memory without identifiers: every response in order, several bursts outstanding.
//
// Each cycle calls drive(), lets the design settle, calls sample() and then clocks the design.
// All outputs of the model are registers, so that no signal depends on the design within a cycle.
//
// Between the request of a read and its data, and between the data of a write and its response,
// AXI4 leaves open when the memory is accessed. Without stalls both happen as late as they can;
// with stalls each burst chooses, so that a design that relies on either is found.
#pragma once

#include <cstring>
#include <deque>
#include <type_traits>
#include <utility>

#include "axi_types.h"
#include "dram.h"
#include "failure.h"
#include "ports.h"
#include "random.h"

template <class Top>
class AxiMemory {
  public:
    static constexpr uint32_t kWidth =
        sizeof(std::remove_reference_t<decltype(std::declval<Top&>().AXI(rdata))>);
    static constexpr size_t kOutstanding = 64;

    AxiMemory(Top& top, Dram& dram, Failure& failure) : top_(top), dram_(dram), failure_(failure) {}

    Stalls stalls;
    Latency read_latency{40, 40};
    Latency write_latency{1, 1};
    Counters counters;
    std::vector<ErrorRule> errors;

    void seed(uint64_t value) { random_.start(value); }

    // The numbers that the next bursts will have, for error rules.
    uint64_t next_read() const { return read_index_; }
    uint64_t next_write() const { return write_index_; }

    void reset() {
        reads_.clear();
        writes_.clear();
        responses_.clear();
        r_valid_ = b_valid_ = false;
        ar_ready_ = aw_ready_ = w_ready_ = false;
        held_ar_.held = held_aw_.held = held_w_.held = false;
    }

    void drive(uint64_t cycle) {
        ar_ready_ = reads_.size() < kOutstanding && !random_.hit(stalls.ar);
        aw_ready_ = writes_.size() + responses_.size() < kOutstanding && !random_.hit(stalls.aw);
        w_ready_ = !writes_.empty() && !random_.hit(stalls.w);
        if (!r_valid_ && !reads_.empty() && cycle >= reads_.front().ready &&
            !random_.hit(stalls.r)) {
            offer_read();
        }
        if (!b_valid_ && !responses_.empty() && cycle >= responses_.front().ready &&
            !random_.hit(stalls.b)) {
            offer_response();
        }
        top_.AXI(arready) = ar_ready_;
        top_.AXI(awready) = aw_ready_;
        top_.AXI(wready) = w_ready_;
        top_.AXI(rvalid) = r_valid_;
        top_.AXI(bvalid) = b_valid_;
    }

    void sample(uint64_t cycle) {
        if (top_.AXI(arvalid) || held_ar_.held) sample_read_address(cycle);
        if (r_valid_ && top_.AXI(rready)) {
            r_valid_ = false;
            ++counters.read_beats;
            counters.read_bytes += kWidth;
            if (++reads_.front().done == reads_.front().beats) reads_.pop_front();
        }
        if (top_.AXI(wvalid) || held_w_.held) sample_write_data(cycle);
        if (b_valid_ && top_.AXI(bready)) {
            b_valid_ = false;
            responses_.pop_front();
        }
        if (top_.AXI(awvalid) || held_aw_.held) sample_write_address(cycle);
    }

  private:
    struct Address {
        uint32_t address;
        uint8_t len, size, burst, cache, prot;
        bool held = false;
        bool same(const Address& o) const {
            return address == o.address && len == o.len && size == o.size && burst == o.burst &&
                   cache == o.cache && prot == o.prot;
        }
    };
    struct Data {
        uint8_t bytes[kWidth];
        uint32_t strobe;
        uint8_t last;
        bool held = false;
        bool same(const Data& o) const {
            return strobe == o.strobe && last == o.last && memcmp(bytes, o.bytes, kWidth) == 0;
        }
    };

    // A valid signal must stay, with its payload, until it is accepted.
    template <class Payload>
    bool handshake(uint64_t cycle, const char* name, bool valid, bool ready, const Payload& now,
                   Payload& held) {
        if (held.held && !valid) {
            failure_.set(cycle, "AXI %s: valid fell before ready came", name);
        } else if (held.held && !held.same(now)) {
            failure_.set(cycle, "AXI %s: the payload changed while it waited for ready", name);
        }
        held = now;
        held.held = valid && !ready;
        return valid && ready;
    }

    Burst accept(uint64_t cycle, const char* name, const Address& a, const Latency& latency) {
        Burst burst;
        burst.unaligned = a.address;
        burst.address = a.address & ~uint64_t{kWidth - 1};
        burst.beats = uint32_t{a.len} + 1;
        burst.ready = cycle + random_.range(latency.first, latency.last);
        const uint64_t bytes = uint64_t{burst.beats} * kWidth;
        if ((1u << a.size) != kWidth) {
            failure_.set(cycle, "AXI %s: AxSIZE %u is not the bus's %u bytes", name, a.size,
                         kWidth);
        } else if (a.burst != 1) {
            failure_.set(cycle, "AXI %s: AxBURST %u is not INCR", name, a.burst);
        } else if ((burst.address & 4095) + bytes > 4096) {
            failure_.set(cycle, "AXI %s: the burst of %u beats at 0x%08x crosses 4 KiB", name,
                         burst.beats, a.address);
        }
        if (!dram_.contains(burst.address, bytes)) burst.response = kDecodeError;
        return burst;
    }

    void apply_errors(Burst& burst, ErrorRule::Kind kind, uint64_t index) {
        const uint64_t end = burst.address + uint64_t{burst.beats} * kWidth;
        for (const ErrorRule& rule : errors) {
            const bool hit = rule.kind == ErrorRule::Kind::kRange
                                 ? burst.address < rule.index_or_start + rule.length &&
                                       rule.index_or_start < end
                                 : rule.kind == kind && rule.index_or_start == index;
            if (!hit || burst.response == kDecodeError) continue;
            burst.response = rule.response;
            burst.error_beat = rule.beat;
        }
    }

    void sample_read_address(uint64_t cycle) {
        const Address now{top_.AXI(araddr),  top_.AXI(arlen),   top_.AXI(arsize),
                          top_.AXI(arburst), top_.AXI(arcache), top_.AXI(arprot)};
        if (!handshake(cycle, "AR", top_.AXI(arvalid), ar_ready_, now, held_ar_)) return;
        Burst burst = accept(cycle, "AR", now, read_latency);
        if (!errors.empty()) apply_errors(burst, ErrorRule::Kind::kRead, read_index_);
        ++read_index_;
        ++counters.read_bursts;
        burst.early = stalls.on && (random_.next() & 1);
        if (burst.early && burst.response == kOkay) {
            const uint8_t* from = dram_.at(burst.address);
            burst.data.assign(from, from + burst.beats * kWidth);
        }
        reads_.push_back(std::move(burst));
    }

    void offer_read() {
        const Burst& burst = reads_.front();
        const uint64_t offset = uint64_t{burst.done} * kWidth;
        uint8_t response = burst.response;
        if (burst.error_beat >= 0 && burst.done != static_cast<uint32_t>(burst.error_beat)) {
            response = kOkay;
        }
        if (response != kOkay || !dram_.contains(burst.address + offset, kWidth)) {
            memset(&top_.AXI(rdata), 0xEE, kWidth);
        } else if (burst.data.empty()) {
            memcpy(&top_.AXI(rdata), dram_.at(burst.address + offset), kWidth);
        } else {
            memcpy(&top_.AXI(rdata), burst.data.data() + offset, kWidth);
        }
        top_.AXI(rresp) = response;
        top_.AXI(rlast) = burst.done + 1 == burst.beats;
        r_valid_ = true;
    }

    void sample_write_address(uint64_t cycle) {
        const Address now{top_.AXI(awaddr),  top_.AXI(awlen),   top_.AXI(awsize),
                          top_.AXI(awburst), top_.AXI(awcache), top_.AXI(awprot)};
        if (!handshake(cycle, "AW", top_.AXI(awvalid), aw_ready_, now, held_aw_)) return;
        Burst burst = accept(cycle, "AW", now, write_latency);
        if (!errors.empty()) apply_errors(burst, ErrorRule::Kind::kWrite, write_index_);
        ++write_index_;
        ++counters.write_bursts;
        burst.early = stalls.on && (random_.next() & 1);
        if (!burst.early) {
            burst.data.reserve(burst.beats * kWidth);
            burst.enabled.reserve(burst.beats * kWidth);
        }
        writes_.push_back(std::move(burst));
    }

    void sample_write_data(uint64_t cycle) {
        Data now;
        memcpy(now.bytes, &top_.AXI(wdata), kWidth);
        now.strobe = top_.AXI(wstrb);
        now.last = top_.AXI(wlast);
        if (!handshake(cycle, "W", top_.AXI(wvalid), w_ready_, now, held_w_)) return;
        Burst& burst = writes_.front();
        const uint32_t skipped = burst.done == 0 ? burst.unaligned - burst.address : 0;
        if (now.strobe & ((1u << skipped) - 1)) {
            failure_.set(cycle, "AXI W: a strobe is set below the burst's address 0x%08x",
                         static_cast<uint32_t>(burst.unaligned));
        }
        ++counters.write_beats;
        counters.write_bytes += kWidth;
        counters.strobed_bytes += __builtin_popcount(now.strobe);
        if (burst.response != kOkay) {
        } else if (burst.early) {
            store(burst.address + uint64_t{burst.done} * kWidth, now.bytes, now.strobe);
        } else {
            burst.data.insert(burst.data.end(), now.bytes, now.bytes + kWidth);
            for (uint32_t i = 0; i < kWidth; ++i) burst.enabled.push_back(now.strobe >> i & 1);
        }
        ++burst.done;
        if ((now.last != 0) != (burst.done == burst.beats)) {
            failure_.set(cycle, "AXI W: WLAST is %u on beat %u of %u, address 0x%08x", now.last,
                         burst.done, burst.beats, static_cast<uint32_t>(burst.unaligned));
        }
        if (burst.done == burst.beats) {
            burst.ready = cycle + random_.range(write_latency.first, write_latency.last);
            responses_.push_back(std::move(burst));
            writes_.pop_front();
        }
    }

    void store(uint64_t address, const uint8_t* bytes, uint32_t strobe) {
        if (strobe == static_cast<uint32_t>((uint64_t{1} << kWidth) - 1)) {
            memcpy(dram_.at(address), bytes, kWidth);
            return;
        }
        for (uint32_t i = 0; i < kWidth; ++i) {
            if (strobe >> i & 1) *dram_.at(address + i) = bytes[i];
        }
    }

    void offer_response() {
        const Burst& burst = responses_.front();
        for (size_t i = 0; i < burst.data.size(); ++i) {
            if (burst.enabled[i]) *dram_.at(burst.address + i) = burst.data[i];
        }
        top_.AXI(bresp) = burst.response;
        b_valid_ = true;
    }

    Top& top_;
    Dram& dram_;
    Failure& failure_;
    Random random_;
    std::deque<Burst> reads_, writes_, responses_;
    uint64_t read_index_ = 0, write_index_ = 0;
    Address held_ar_{}, held_aw_{};
    Data held_w_{};
    bool ar_ready_ = false, aw_ready_ = false, w_ready_ = false;
    bool r_valid_ = false, b_valid_ = false;
};
