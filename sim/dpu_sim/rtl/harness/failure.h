// SPDX-License-Identifier: Apache-2.0
// The first thing that went wrong in a run. Later ones are mostly its consequences.
#pragma once

#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <string>

class Failure {
  public:
    explicit operator bool() const { return !message_.empty(); }
    const std::string& message() const { return message_; }
    void clear() { message_.clear(); }

    __attribute__((format(printf, 3, 4))) void set(uint64_t cycle, const char* format, ...) {
        if (!message_.empty()) return;
        char text[512];
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(text, sizeof text, format, arguments);
        va_end(arguments);
        message_ = std::string(text) + ", cycle " + std::to_string(cycle);
    }

  private:
    std::string message_;
};
