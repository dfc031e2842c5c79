# SPDX-License-Identifier: Apache-2.0
"""Running instruction streams on a simulated DPU."""

from dpu_sim.rtl import RtlProcess
from dpu_spec.instruction import Engine
from dpu_spec.isa import INSTRUCTION_BYTES, WINDOW_NAMES, encode
from dpu_spec.registers import BY_NAME, address

#: Where the windows are.
WINDOWS = {"program": 0x10000, "arena": 0x40000, "input": 0x80000, "output": 0xC0000}
WINDOW_BYTES = 0x10000
MEMORY = 1 << 20


def plain(window, offset, count, address):
    """Return a plain run of bytes: one row of one column."""
    return {
        "window": WINDOW_NAMES.index(window),
        "dram_offset": offset,
        "row_bytes": count,
        "rows": 1,
        "columns": 1,
        "depth": count,
        "address": address,
        "block_stride": 1,
        "ring_words": 65535,
    }


class Dpu:
    """A running simulation, seen by a host."""

    def __init__(self, process: RtlProcess) -> None:
        self.process = process

    def get(self, name):
        """Read a register."""
        return self.process.read_register(address(name)).value

    def put(self, name, value):
        """Write a register."""
        return self.process.write_register(address(name), value).cycle

    def prepare(self, streams, *, offset=0, **sizes):
        """Place streams (engine: instructions) in the program window and open the windows."""
        image = bytearray(offset)
        for engine in Engine:
            self.put(f"{engine.name}_STREAM", len(image))
            self.put(f"{engine.name}_COUNT", len(streams.get(engine, ())))
            for instruction in streams.get(engine, ()):
                image += encode(instruction)
        self.process.write_memory(WINDOWS["program"], bytes(image))
        for name, base in WINDOWS.items():
            self.put(f"{name.upper()}_BASE", base)
            self.put(f"{name.upper()}_SIZE", sizes.get(name, WINDOW_BYTES))
        self.put("INTERRUPT_ENABLE", 1)

    def status(self):
        """Return the parts of STATUS."""
        register = BY_NAME["STATUS"]
        value = self.get(register.name)
        return {bits.name: bits.get(value) for bits in register.bits}

    def start(self):
        """Start the program and return the cycle in which that was written."""
        return self.put("CONTROL", 1)

    def run(self, limit=100000):
        """Start the program, wait until it ends, and return STATUS and the cycles it took."""
        self.start()
        assert self.process.wait(limit).interrupt, "the run doesn't end"
        result = self.status()
        assert result["done"]
        assert not result["busy"]
        result["cycles"] = self.get("CYCLES")
        self.put("CONTROL", 4)
        return result

    def instruction(self, engine, index, streams, offset=0):
        """Return the address of an instruction."""
        at = WINDOWS["program"] + offset
        for other in Engine:
            if other is engine:
                return at + index * INSTRUCTION_BYTES[engine]
            at += len(streams.get(other, ())) * INSTRUCTION_BYTES[other]
        raise AssertionError
