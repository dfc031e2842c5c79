// SPDX-License-Identifier: Apache-2.0
// A 16-bit SDR SDRAM at the pins of the design, which checks the rules of its data sheet in cycles.
//
// Chip and design have one clock. Each cycle calls drive(), lets the design settle, calls sample()
// and then clocks the design. The memory lies flat in a Dram: from the lowest bit on, an address is
// byte, column, bank, row.
#pragma once

#include <cstdint>
#include <vector>

#include "dram.h"
#include "failure.h"

#define SDRAM(name) sdram___05F##name

// Geometry in bits, least times in cycles. The order is that of the command line.
struct SdramRules {
    uint32_t row_bits, column_bits, bank_bits;
    uint32_t rcd, rp, ras, rc, rfc, rrd, wr, mrd;
    uint32_t cas;                  // least CAS latency at this clock
    uint32_t refresh;              // cycles to a refresh, on average
    uint32_t power_up;             // cycles to the first command
    uint32_t power_up_refreshes;
    int32_t round_trip;            // cycles by which read data comes later than the chip gives it

    uint64_t bytes() const { return uint64_t{2} << (row_bits + column_bits + bank_bits); }
};

struct SdramCounters {
    uint64_t reads = 0, writes = 0, activates = 0, precharges = 0, refreshes = 0;
    uint64_t words_read = 0, words_written = 0;
};

template <class Top>
class Sdram {
  public:
    Sdram(Top& top, Dram& dram, Failure& failure, const SdramRules& rules)
        : top_(top), dram_(dram), failure_(failure), rules_(rules),
          banks_(size_t{1} << rules.bank_bits) {}

    SdramCounters counters;

    // The chip keeps its state and its contents when the design is reset, but starts anew: a real
    // one is started again, too.
    void reset(uint64_t cycle) {
        for (Bank& bank : banks_) bank = Bank{};
        for (Word& word : words_) word = Word{};
        started_ = cycle;
        operating_ = false;
        refreshes_at_start_ = precharged_at_start_ = 0;
        column_end_ = busy_until_ = last_activate_ = 0;
        has_activated_ = false;
        burst_ = cas_ = 0;
    }

    // The word that the design takes at this cycle's edge.
    void drive(uint64_t cycle) {
        const Word& word = words_[(cycle - rules_.round_trip) & kMask];
        uint16_t value = 0xDEAD ^ static_cast<uint16_t>(cycle * 0x9E37);
        if (word.read && word.cycle == cycle - rules_.round_trip) {
            const uint8_t* bytes = dram_.at(word.address);
            if (!(word.masked & 1)) value = (value & 0xFF00) | bytes[0];
            if (!(word.masked & 2)) value = (value & 0x00FF) | bytes[1] << 8;
        }
        top_.SDRAM(dq_i) = value;
    }

    void sample(uint64_t cycle) {
        cycle_ = cycle;
        const unsigned command = top_.SDRAM(ras) << 2 | top_.SDRAM(cas) << 1 | top_.SDRAM(we);
        if (command != 0 && top_.SDRAM(cs)) {
            if (!top_.SDRAM(cke)) {
                fail("CKE is low at a command");
            } else {
                obey(command);
            }
        }
        const unsigned dqm = top_.SDRAM(dqm);
        Word& masked = words_[(cycle + 2) & kMask];
        if (masked.cycle != cycle + 2) masked = Word{};
        masked.cycle = cycle + 2;
        masked.masked = static_cast<uint8_t>(dqm);
        sample_data(dqm);
        if (operating_ && cycle >= refresh_deadline_) fail("tREFI: no REFRESH in time");
    }

  private:
    struct Bank {
        bool open = false, was_open = false, has_written = false;
        uint32_t row = 0;
        uint64_t activated = 0, precharged = 0;
        uint64_t read_end = 0;    // first cycle in which PRECHARGE cuts no read short
        uint64_t write_last = 0;  // cycle of the last word written
    };
    struct Word {
        uint64_t cycle = ~uint64_t{0};
        uint64_t address = 0;
        bool read = false, write = false;
        uint8_t masked = 0;
    };
    static constexpr uint64_t kMask = 63;

    void fail(const char* rule) { failure_.set(cycle_, "SDRAM %s", rule); }

    // Fail if fewer than `least` cycles have passed since `since`.
    void rule(const char* name, uint64_t since, uint32_t least) {
        if (cycle_ - since < least) {
            failure_.set(cycle_, "SDRAM %s: %u cycles instead of %u", name,
                         static_cast<unsigned>(cycle_ - since), least);
        }
    }

    void obey(unsigned command) {
        const unsigned ba = top_.SDRAM(ba), address = top_.SDRAM(a);
        if (!operating_ && precharged_at_start_ == 0 && refreshes_at_start_ == 0) {
            rule("power-up time", started_, rules_.power_up);
        }
        if (cycle_ < busy_until_) fail(busy_with_);
        Bank& bank = banks_[ba & (banks_.size() - 1)];
        switch (command) {
            case 0b100: activate(bank, address); break;
            case 0b101: precharge(bank, address); break;
            case 0b110: refresh(); break;
            case 0b111: mode(ba, address); break;
            case 0b010: access(bank, ba, address, false); break;
            case 0b011: access(bank, ba, address, true); break;
            default: fail("BURST TERMINATE is not meant"); break;
        }
    }

    void activate(Bank& bank, unsigned address) {
        ++counters.activates;
        if (!operating_) fail("ACTIVATE: the chip isn't started");
        if (bank.open) fail("ACTIVATE: the bank has an open row");
        if (bank.was_open) {
            rule("tRC", bank.activated, rules_.rc);
            rule("tRP", bank.precharged, rules_.rp);
        }
        if (has_activated_) rule("tRRD", last_activate_, rules_.rrd);
        bank.open = bank.was_open = has_activated_ = true;
        bank.row = address & ((1u << rules_.row_bits) - 1);
        bank.activated = last_activate_ = cycle_;
    }

    void precharge(Bank& chosen, unsigned address) {
        ++counters.precharges;
        if (!operating_) ++precharged_at_start_;
        for (Bank& bank : banks_) {
            if (!bank.open || (!(address >> 10 & 1) && &bank != &chosen)) continue;
            rule("tRAS", bank.activated, rules_.ras);
            if (cycle_ < bank.read_end) fail("PRECHARGE cuts a read short");
            if (bank.has_written && cycle_ <= bank.write_last) fail("PRECHARGE cuts a write short");
            if (bank.has_written) rule("tWR", bank.write_last, rules_.wr);
            bank.open = bank.has_written = false;
            bank.precharged = cycle_;
        }
    }

    void refresh() {
        ++counters.refreshes;
        for (const Bank& bank : banks_) {
            if (bank.open) fail("REFRESH: a bank has an open row");
            if (bank.was_open) rule("tRP", bank.precharged, rules_.rp);
        }
        busy(rules_.rfc, "tRFC: a command too soon after REFRESH");
        if (!operating_) {
            ++refreshes_at_start_;
            return;
        }
        // Regular ones, give or take what is under way when one is due.
        refresh_deadline_ += rules_.refresh;
    }

    void mode(unsigned ba, unsigned address) {
        if (precharged_at_start_ == 0 || refreshes_at_start_ < rules_.power_up_refreshes) {
            fail("MODE: the start-up sequence is incomplete");
        }
        for (const Bank& bank : banks_) {
            if (bank.open) fail("MODE: a bank has an open row");
        }
        if (ba != 0 || address >> 7 != 0) fail("MODE: reserved bits are set");
        if ((address & 7) > 3 || address & 8) fail("MODE: no sequential burst length");
        burst_ = 1u << (address & 3);
        cas_ = address >> 4 & 7;
        if (cas_ < rules_.cas || cas_ > 3) fail("MODE: this CAS latency doesn't suit the clock");
        busy(rules_.mrd, "tMRD: a command too soon after MODE");
        operating_ = true;
        refresh_deadline_ = cycle_ + 2 * uint64_t{rules_.refresh};
    }

    void busy(uint32_t cycles, const char* rule) {
        busy_until_ = cycle_ + cycles;
        busy_with_ = rule;
    }

    void access(Bank& bank, unsigned ba, unsigned column, bool write) {
        ++(write ? counters.writes : counters.reads);
        if (!operating_) return fail("READ or WRITE: the chip isn't started");
        if (!bank.open) return fail("READ or WRITE: the bank has no open row");
        if (column >> 10 & 1) return fail("READ or WRITE: automatic precharge is not meant");
        if (column >> rules_.column_bits) return fail("READ or WRITE: there is no such column");
        if (cycle_ < column_end_) fail("READ or WRITE cuts the burst before it short");
        rule("tRCD", bank.activated, rules_.rcd);
        column_end_ = cycle_ + burst_;
        const uint64_t place = uint64_t{bank.row} << rules_.bank_bits | ba;
        for (uint32_t i = 0; i < burst_; ++i) {
            const uint32_t at = (column & ~(burst_ - 1)) | ((column + i) & (burst_ - 1));
            const uint64_t cycle = cycle_ + i + (write ? 0 : cas_);
            Word& word = words_[cycle & kMask];
            if (word.cycle != cycle) word = Word{};
            word.cycle = cycle;
            word.address = (place << rules_.column_bits | at) * 2;
            (write ? word.write : word.read) = true;
        }
        if (write) {
            bank.has_written = true;
            bank.write_last = cycle_ + burst_ - 1;
        } else {
            bank.read_end = cycle_ + burst_;
        }
    }

    bool reads_at(uint64_t cycle) const {
        const Word& word = words_[cycle & kMask];
        return word.read && word.cycle == cycle;
    }

    void sample_data(unsigned dqm) {
        const Word& word = words_[cycle_ & kMask];
        const bool now = word.cycle == cycle_;
        const bool wanted = now && word.write;
        if (now && word.read) ++counters.words_read;
        if (static_cast<bool>(top_.SDRAM(dq_oe)) != wanted) {
            return fail(wanted ? "WRITE: the data pins aren't driven"
                               : "data pins are driven without a WRITE");
        }
        if (!wanted) return;
        // The chip lets go of the pins in the cycle after its last word.
        if (reads_at(cycle_) || reads_at(cycle_ - 1)) fail("chip and design drive the data pins");
        ++counters.words_written;
        uint8_t* bytes = dram_.at(word.address);
        const unsigned value = top_.SDRAM(dq_o);
        if (!(dqm & 1)) bytes[0] = static_cast<uint8_t>(value);
        if (!(dqm & 2)) bytes[1] = static_cast<uint8_t>(value >> 8);
    }

    Top& top_;
    Dram& dram_;
    Failure& failure_;
    const SdramRules rules_;
    std::vector<Bank> banks_;
    Word words_[kMask + 1];
    uint64_t cycle_ = 0, started_ = 0, column_end_ = 0, busy_until_ = 0, last_activate_ = 0;
    uint64_t refresh_deadline_ = 0;
    const char* busy_with_ = "";
    uint32_t burst_ = 0, cas_ = 0, refreshes_at_start_ = 0, precharged_at_start_ = 0;
    bool operating_ = false, has_activated_ = false;
};
