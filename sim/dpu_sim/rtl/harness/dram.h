// SPDX-License-Identifier: Apache-2.0
// A flat DRAM that starts at bus address 0. Pages exist once they are written.
#pragma once

#include <sys/mman.h>

#include <cstdint>
#include <cstdio>
#include <string>

class Dram {
  public:
    explicit Dram(uint64_t size) : size_(size) {
        void* pages = mmap(nullptr, size, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        bytes_ = pages == MAP_FAILED ? nullptr : static_cast<uint8_t*>(pages);
    }
    ~Dram() {
        if (bytes_ != nullptr) munmap(bytes_, size_);
    }
    Dram(const Dram&) = delete;
    Dram& operator=(const Dram&) = delete;

    bool valid() const { return bytes_ != nullptr; }
    uint64_t size() const { return size_; }
    uint8_t* at(uint64_t address) { return bytes_ + address; }
    bool contains(uint64_t address, uint64_t length) const {
        return address <= size_ && length <= size_ - address;
    }

    // Copy a file into the memory. Returns a message, empty on success.
    std::string load(const std::string& path, uint64_t address, uint64_t* length) {
        FILE* file = fopen(path.c_str(), "rb");
        if (file == nullptr) return "cannot read " + path;
        fseek(file, 0, SEEK_END);
        *length = static_cast<uint64_t>(ftell(file));
        fseek(file, 0, SEEK_SET);
        std::string message;
        if (!contains(address, *length)) {
            message = path + " doesn't fit the memory at that address";
        } else if (fread(at(address), 1, *length, file) != *length) {
            message = "cannot read all of " + path;
        }
        fclose(file);
        return message;
    }

    // Copy a range of the memory into a file. Returns a message, empty on success.
    std::string dump(const std::string& path, uint64_t address, uint64_t length) {
        if (!contains(address, length)) return "the range is outside the memory";
        FILE* file = fopen(path.c_str(), "wb");
        if (file == nullptr) return "cannot write " + path;
        const bool complete = fwrite(at(address), 1, length, file) == length;
        if (fclose(file) != 0 || !complete) return "cannot write all of " + path;
        return "";
    }

  private:
    uint64_t size_;
    uint8_t* bytes_;
};
