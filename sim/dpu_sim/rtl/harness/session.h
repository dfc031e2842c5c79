// SPDX-License-Identifier: Apache-2.0
// Commands on standard input, one line of reply each on standard output: "ok ..." or
// "error MESSAGE". Numbers may be decimal or 0x-hexadecimal.
#pragma once

#include <unistd.h>

#include <cinttypes>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <sstream>
#include <string>

#include "dram.h"
#include "run.h"

using Arguments = std::istringstream;

// Read one number; anything else makes the stream fail.
inline uint64_t number(Arguments& arguments) {
    std::string text;
    arguments >> text;
    char* end = nullptr;
    const uint64_t value = strtoull(text.c_str(), &end, 0);
    if (text.empty() || *end != 0) arguments.setstate(std::ios::failbit);
    return value;
}

// load ADDRESS FILE, dump ADDRESS LENGTH FILE. The file's name comes last, because it may contain
// blanks.
inline std::string load_or_dump(Dram& dram, const std::string& command, Arguments& arguments) {
    const uint64_t address = number(arguments);
    uint64_t length = command == "dump" ? number(arguments) : 0;
    std::string path;
    if (!(arguments >> std::ws) || !getline(arguments, path)) return "error FILE is missing";
    const std::string message = command == "dump" ? dram.dump(path, address, length)
                                                  : dram.load(path, address, &length);
    return message.empty() ? "ok " + std::to_string(length) : "error " + message;
}

// Where replies go. Only they go to standard output; what the design prints goes to standard error.
inline FILE* open_replies() {
    signal(SIGPIPE, SIG_IGN);
    FILE* replies = fdopen(dup(STDOUT_FILENO), "w");
    dup2(STDERR_FILENO, STDOUT_FILENO);
    return replies;
}

// Obey commands until there are no more. `inspects` tells which answer in spite of a failure.
template <class Bench>
void serve(Bench& bench, FILE* replies,
           std::string (*obey)(Bench&, const std::string&, Arguments&),
           bool (*inspects)(const std::string&)) {
    current = &bench;
    for (std::string line; getline(std::cin, line);) {
        Arguments arguments(line);
        std::string command, reply;
        arguments >> command;
        if (command == "quit") break;
        if (command == "reset") {
            arguments >> std::ws;
            bench.reset(arguments.eof() ? 4 : number(arguments));
            reply = "ok";
        } else {
            reply = obey(bench, command, arguments);
            if (bench.failure && !inspects(command)) reply = "error " + bench.failure.message();
        }
        bench.flush();
        fprintf(replies, "%s\n", reply.c_str());
        fflush(replies);
    }
    current = nullptr;
}
