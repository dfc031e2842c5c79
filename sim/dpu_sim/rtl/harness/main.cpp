// SPDX-License-Identifier: Apache-2.0
// Commands on standard input, one line of reply each on standard output: "ok ..." or
// "error MESSAGE". Numbers may be decimal or 0x-hexadecimal.
//
//   reset [CYCLES]                  hold rst; drops what is outstanding and clears a failure
//   write ADDRESS VALUE             -> RESPONSE ACCEPTED_CYCLE
//   read ADDRESS                    -> RESPONSE VALUE ACCEPTED_CYCLE
//   load ADDRESS FILE               -> LENGTH
//   dump ADDRESS LENGTH FILE        -> LENGTH
//   fill ADDRESS LENGTH BYTE
//   wait CYCLES                     -> CYCLES INTERRUPT (until the interrupt, at most CYCLES)
//   step CYCLES                     -> CYCLES INTERRUPT
//   latency FIRST LAST              of reads, from the request to the first beat
//   write_latency FIRST LAST        of writes, from the last beat to the response
//   stall SEED AR R AW W B          probabilities from 0 to 1; all zero: no stalls
//   error read|write INDEX CODE [BEAT]   the n-th burst from now on
//   error range START LENGTH CODE        each burst that touches the range
//   error off
//   counters [clear]                -> NAME VALUE ...
//   cycle                           -> CYCLE, from the start of the process
//   trace FILE|off                  CYCLE START FINISH, whenever an engine starts or finishes
//   writes FILE|off                 each word written to the scratchpad, binary (writes.h)
//   waves FILE|off                  VCD, in a build with waves
//   quit
//
// A failure (a broken bus rule, an assertion) stops the run; every command that runs the design
// answers with it until the next reset.

#include "bench.h"
#include "session.h"
#include "stops.h"

namespace {

constexpr uint64_t kAccessLimit = 10000;  // cycles until a register access is given up

std::string fill(Bench& bench, Arguments& arguments) {
    const uint64_t address = number(arguments), length = number(arguments);
    const uint64_t byte = number(arguments);
    if (!arguments) return "error fill ADDRESS LENGTH BYTE";
    if (!bench.dram.contains(address, length)) return "error the range is outside the memory";
    memset(bench.dram.at(address), static_cast<int>(byte), length);
    return "ok";
}

std::string access(Bench& bench, bool writing, Arguments& arguments) {
    const auto address = static_cast<uint32_t>(number(arguments));
    const auto value = static_cast<uint32_t>(writing ? number(arguments) : 0);
    if (!arguments) return "error an address (and a value) is missing";
    if (writing) {
        bench.host.start_write(address, value);
    } else {
        bench.host.start_read(address);
    }
    for (uint64_t i = 0; i < kAccessLimit && bench.host.busy() && !bench.failure; ++i) bench.step();
    if (bench.host.busy() && !bench.failure) {
        bench.failure.set(bench.cycle(), "AXI4-Lite: no answer to the %s of 0x%x within %u cycles",
                          writing ? "write" : "read", address,
                          static_cast<unsigned>(kAccessLimit));
    }
    std::string reply = "ok " + std::to_string(bench.host.response());
    if (!writing) reply += " " + std::to_string(bench.host.value());
    return reply + " " + std::to_string(bench.host.accepted());
}

std::string set_stalls(Bench& bench, Arguments& arguments) {
    const uint64_t seed = number(arguments);
    double p[5];
    for (double& value : p) arguments >> value;
    if (!arguments) return "error stall SEED AR R AW W B";
    Stalls stalls{true, threshold(p[0]), threshold(p[1]), threshold(p[2]), threshold(p[3]),
                  threshold(p[4])};
    stalls.on = stalls.ar | stalls.r | stalls.aw | stalls.w | stalls.b;
    bench.memory.stalls = stalls;
    bench.memory.seed(seed);
    bench.host.stalls = stalls.on;
    bench.host.seed(seed);
    return "ok";
}

std::string set_latency(Latency& latency, Arguments& arguments) {
    const uint64_t first = number(arguments), last = number(arguments);
    if (!arguments || first < 1 || last < first) return "error latency FIRST LAST, 1 or more";
    latency = {static_cast<uint32_t>(first), static_cast<uint32_t>(last)};
    return "ok";
}

std::string set_error(Bench& bench, Arguments& arguments) {
    std::string kind, code;
    arguments >> kind;
    if (kind == "off") {
        bench.memory.errors.clear();
        return "ok";
    }
    ErrorRule rule{ErrorRule::Kind::kRange, number(arguments), 0, -1, kSlaveError};
    if (kind == "range") rule.length = number(arguments);
    arguments >> code;
    if (!arguments || (code != "slverr" && code != "decerr") ||
        (kind != "read" && kind != "write" && kind != "range")) {
        return "error error read|write INDEX slverr|decerr, or range START LENGTH slverr|decerr";
    }
    rule.response = code == "slverr" ? kSlaveError : kDecodeError;
    if (kind != "range") {
        rule.kind = kind == "read" ? ErrorRule::Kind::kRead : ErrorRule::Kind::kWrite;
        if (arguments >> std::ws && !arguments.eof()) {
            rule.beat = static_cast<int>(number(arguments));
        }
        rule.index_or_start +=
            kind == "read" ? bench.memory.next_read() : bench.memory.next_write();
    }
    bench.memory.errors.push_back(rule);
    return "ok";
}

std::string counters(Bench& bench, Arguments& arguments) {
    const Counters& c = bench.memory.counters;
    std::ostringstream reply;
    reply << "ok read_bytes " << c.read_bytes << " read_beats " << c.read_beats << " read_bursts "
          << c.read_bursts << " write_bytes " << c.write_bytes << " write_beats " << c.write_beats
          << " write_bursts " << c.write_bursts << " strobed_bytes " << c.strobed_bytes;
    std::string word;
    if (arguments >> word && word == "clear") bench.memory.counters = Counters{};
    return reply.str();
}

std::string obey(Bench& bench, const std::string& command, Arguments& arguments) {
    if (command == "write" || command == "read") return access(bench, command == "write", arguments);
    if (command == "fill") return fill(bench, arguments);
    if (command == "load" || command == "dump") return load_or_dump(bench.dram, command, arguments);
    if (command == "wait" || command == "step") {
        const uint64_t limit = number(arguments);
        if (!arguments) return "error the number of cycles is missing";
        const uint64_t count = bench.run(limit, command == "wait");
        return "ok " + std::to_string(count) + (bench.top.INTERRUPT ? " 1" : " 0");
    }
    if (command == "stall") return set_stalls(bench, arguments);
    if (command == "latency") return set_latency(bench.memory.read_latency, arguments);
    if (command == "write_latency") return set_latency(bench.memory.write_latency, arguments);
    if (command == "error") return set_error(bench, arguments);
    if (command == "counters") return counters(bench, arguments);
    if (command == "cycle") return "ok " + std::to_string(bench.cycle());
    if (command == "trace" || command == "writes" || command == "waves") {
        std::string path;
        if (!(arguments >> std::ws) || !getline(arguments, path)) return "error FILE is missing";
        const bool done = command == "trace"    ? bench.trace(path)
                          : command == "writes" ? bench.writes(path)
                                                : bench.waves(path);
        return done ? "ok" : "error cannot record " + command + " to " + path;
    }
    return "error unknown command " + command;
}

// Commands that don't run the design answer in spite of a failure.
bool inspects(const std::string& command) {
    return command == "dump" || command == "counters" || command == "cycle" ||
           command == "trace" || command == "writes" || command == "waves";
}

}  // namespace

int main(int argc, char** argv) {
    FILE* replies = open_replies();
    uint64_t size = uint64_t{256} << 20;
    for (int i = 1; i + 1 < argc; ++i) {
        if (std::string(argv[i]) == "--memory") size = strtoull(argv[i + 1], nullptr, 0);
    }
    Verilated::commandArgs(argc, argv);
    Verilated::traceEverOn(VM_TRACE != 0);

    Bench bench(size);
    if (!bench.dram.valid()) {
        fprintf(replies, "error cannot reserve %" PRIu64 " bytes for the memory\n", size);
        return 1;
    }
    bench.reset(4);
    fprintf(replies, "ok ready %u\n", AxiMemory<Vdpu>::kWidth);
    fflush(replies);
    serve(bench, replies, obey, inspects);
    return 0;
}
