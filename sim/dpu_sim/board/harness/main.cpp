// SPDX-License-Identifier: Apache-2.0
// Commands on standard input, one line of reply each on standard output: "ok ..." or
// "error MESSAGE". Numbers may be decimal or 0x-hexadecimal, bytes are pairs of hexadecimal digits.
//
//   reset [CYCLES]             hold rst; empties both ends of the serial line, clears a failure
//   step CYCLES
//   divisor CYCLES             of a bit, may be broken
//   send BYTES                 queues them
//   receive COUNT CYCLES       -> BYTES: until COUNT have come, at most CYCLES; then up to COUNT
//   waiting                    -> COUNT of bytes received
//   drain CYCLES               until all is sent, at most CYCLES -> 1 if so, else 0
//   discard received|unsent
//   load ADDRESS FILE          -> LENGTH
//   dump ADDRESS LENGTH FILE   -> LENGTH
//   counters [clear]           -> NAME VALUE ...
//   cycle                      -> CYCLE, from the start of the process
//   waves FILE|off             VCD, in a build with waves
//   quit
//
// A failure (a rule of the SDRAM, an assertion) stops the run; every command that runs the design
// answers with it until the next reset.

#include <algorithm>

#include "board.h"
#include "session.h"
#include "stops.h"

namespace {

std::string send(Board& board, Arguments& arguments) {
    std::string digits;
    arguments >> digits;
    if (digits.size() % 2 != 0) return "error BYTES have two digits each";
    for (size_t i = 0; i < digits.size(); i += 2) {
        board.uart.to_send.push_back(
            static_cast<uint8_t>(strtoul(digits.substr(i, 2).c_str(), nullptr, 16)));
    }
    return "ok";
}

std::string receive(Board& board, Arguments& arguments) {
    const uint64_t count = number(arguments), cycles = number(arguments);
    if (!arguments) return "error receive COUNT CYCLES";
    auto& received = board.uart.received;
    board.run(cycles, [&] { return received.size() >= count; });
    std::string reply = "ok ";
    for (size_t i = std::min<uint64_t>(count, received.size()); i > 0; --i) {
        constexpr char kDigits[] = "0123456789abcdef";
        reply += kDigits[received.front() >> 4];
        reply += kDigits[received.front() & 15];
        received.pop_front();
    }
    return reply;
}

std::string counters(Board& board, Arguments& arguments) {
    const SdramCounters& c = board.sdram.counters;
    std::ostringstream reply;
    reply << "ok reads " << c.reads << " writes " << c.writes << " activates " << c.activates
          << " precharges " << c.precharges << " refreshes " << c.refreshes << " words_read "
          << c.words_read << " words_written " << c.words_written;
    std::string word;
    if (arguments >> word && word == "clear") board.sdram.counters = SdramCounters{};
    return reply.str();
}

std::string set_divisor(Board& board, Arguments& arguments) {
    double value = 0;
    if (!(arguments >> value) || value < 2) return "error divisor CYCLES, 2 or more";
    board.uart.set_divisor(value);
    return "ok";
}

std::string discard(Board& board, Arguments& arguments) {
    std::string what;
    arguments >> what;
    if (what != "received" && what != "unsent") return "error discard received|unsent";
    (what == "received" ? board.uart.received : board.uart.to_send).clear();
    return "ok";
}

std::string obey(Board& board, const std::string& command, Arguments& arguments) {
    if (command == "load" || command == "dump") return load_or_dump(board.dram, command, arguments);
    if (command == "send") return send(board, arguments);
    if (command == "receive") return receive(board, arguments);
    if (command == "waiting") return "ok " + std::to_string(board.uart.received.size());
    if (command == "step" || command == "drain") {
        const bool drain = command == "drain";
        const uint64_t cycles = number(arguments);
        if (!arguments) return "error the number of cycles is missing";
        board.run(cycles, [&] { return drain && board.uart.sent(); });
        return drain ? (board.uart.sent() ? "ok 1" : "ok 0") : "ok";
    }
    if (command == "divisor") return set_divisor(board, arguments);
    if (command == "discard") return discard(board, arguments);
    if (command == "counters") return counters(board, arguments);
    if (command == "cycle") return "ok " + std::to_string(board.cycle());
    if (command == "waves") {
        std::string path;
        if (!(arguments >> std::ws) || !getline(arguments, path)) return "error FILE is missing";
        return board.waves(path) ? "ok" : "error cannot record waves to " + path;
    }
    return "error unknown command " + command;
}

// Commands that don't run the design answer in spite of a failure.
bool inspects(const std::string& command) {
    return command == "dump" || command == "counters" || command == "cycle" || command == "waves";
}

bool read_rules(int argc, char** argv, SdramRules* rules) {
    uint32_t* const first = &rules->row_bits;
    constexpr int kNumbers = sizeof(SdramRules) / sizeof(uint32_t);
    if (argc != kNumbers + 1) return false;
    for (int i = 0; i < kNumbers; ++i) {
        first[i] = static_cast<uint32_t>(strtol(argv[i + 1], nullptr, 0));
    }
    return true;
}

}  // namespace

int main(int argc, char** argv) {
    FILE* replies = open_replies();
    SdramRules rules;
    if (!read_rules(argc, argv, &rules)) {
        fprintf(replies, "error the SDRAM's rules are missing\n");
        return 1;
    }
    Verilated::traceEverOn(VM_TRACE != 0);

    Board board(rules);
    if (!board.dram.valid()) {
        fprintf(replies, "error cannot reserve %" PRIu64 " bytes for the memory\n", rules.bytes());
        return 1;
    }
    board.reset(4);
    fprintf(replies, "ok ready %" PRIu64 "\n", rules.bytes());
    fflush(replies);
    serve(board, replies, obey, inspects);
    return 0;
}
