# SPDX-License-Identifier: Apache-2.0
"""The register map of the AXI4-Lite slave, as data.

Gateware, driver, C header and documentation derive from :data:`REGISTERS`. All registers are 32
bits wide; addresses are bytes. Undefined addresses read as zero.
"""

from __future__ import annotations

import dataclasses
import enum

from dpu_spec.configuration import ARCHITECTURE_VERSION, Configuration
from dpu_spec.instruction import Engine
from dpu_spec.isa import WINDOW_NAMES

#: "TNDM", the first register of every Tandem DPU.
PRODUCT_ID = int.from_bytes(b"TNDM", "little")

#: Bits of the address that the slave decodes.
ADDRESS_BITS = 12


class Access(enum.Enum):
    """Who may do what."""

    READ = "read"
    WRITE = "read and write"
    PULSE = "write a one to act; reads as zero"


class Error(enum.IntEnum):
    """Why the machine stopped (STATUS.error)."""

    NONE = 0
    #: The check byte of an instruction is wrong.
    CHECK = 1
    #: The opcode is none of the engine's.
    OPCODE = 2
    #: A DMA access lies outside its window.
    WINDOW = 3
    #: A read was answered with SLVERR or DECERR.
    READ = 4
    #: A write was answered with SLVERR or DECERR.
    WRITE = 5
    #: Nothing moves: engines wait for tokens that nobody will give.
    DEADLOCK = 6
    #: The host aborted the run.
    ABORT = 7


@dataclasses.dataclass(frozen=True)
class Bits:
    """Part of a register."""

    name: str
    offset: int
    width: int
    doc: str

    def get(self, value: int) -> int:
        """Extract these bits of a register's value."""
        return (value >> self.offset) & ((1 << self.width) - 1)

    def put(self, value: int) -> int:
        """Place a value at these bits."""
        return (value & ((1 << self.width) - 1)) << self.offset


@dataclasses.dataclass(frozen=True)
class Register:
    """One 32-bit register."""

    name: str
    address: int
    access: Access
    doc: str
    bits: tuple[Bits, ...] = ()

    def field(self, name: str) -> Bits:
        """Return a part by name."""
        for part in self.bits:
            if part.name == name:
                return part
        raise KeyError(f"{self.name}.{name}")


#: What each engine's counters count, in cycles of a run.
COUNTERS = (
    ("busy", "cycles in which it has an instruction"),
    ("wait_token", "cycles in which it waits for a token"),
    ("wait_bank", "cycles in which a request of it waits for a scratchpad bank"),
    ("wait_memory", "cycles in which it waits for DRAM (load, store) or for a producer's buffer"),
)

_CONTROL_BITS = (
    Bits("start", 0, 1, "Start the program; ignored (and noted) while one runs."),
    Bits("abort", 1, 1, "Stop the run after the bursts in flight; the error is ABORT."),
    Bits("clear_interrupt", 2, 1, "Take back the interrupt, and the note of an ignored start."),
)
_STATUS_BITS = (
    Bits("busy", 0, 1, "A program runs."),
    Bits("done", 1, 1, "The last program has ended, well or not."),
    Bits("start_ignored", 2, 1, "A start came while a program ran."),
    Bits("error", 8, 4, "; ".join(f"{e.value} {e.name.lower()}" for e in Error)),
    Bits("error_engine", 12, 4, "Engine that met the error (15: none)."),
    Bits("error_instruction", 16, 16, "Index of that engine's instruction, as far as it had come."),
)


def _registers() -> tuple[Register, ...]:
    registers = [
        Register("PRODUCT_ID", 0x000, Access.READ, '"TNDM".'),
        Register("VERSION", 0x004, Access.READ, "Architecture version."),
        Register("CONFIGURATION_HASH", 0x008, Access.READ, "Fingerprint of all parameters."),
        Register("CONTROL", 0x010, Access.PULSE, "Start and stop.", _CONTROL_BITS),
        Register("STATUS", 0x014, Access.READ, "State of the machine.", _STATUS_BITS),
        Register("INTERRUPT_ENABLE", 0x018, Access.WRITE, "Bit 0: raise the interrupt when done."),
        Register("CYCLES", 0x01C, Access.READ, "Cycles from the start bit to done."),
    ]
    for index, name in enumerate(WINDOW_NAMES):
        title = name.upper()
        registers += [
            Register(
                f"{title}_BASE", 0x040 + 8 * index, Access.WRITE, f"Address of the {name} window."
            ),
            Register(
                f"{title}_SIZE", 0x044 + 8 * index, Access.WRITE, f"Bytes of the {name} window."
            ),
        ]
    for engine in Engine:
        title = engine.name
        registers += [
            Register(
                f"{title}_STREAM",
                0x080 + 8 * engine,
                Access.WRITE,
                f"Offset of the {title.lower()} stream in the program window (a multiple of 16).",
            ),
            Register(
                f"{title}_COUNT",
                0x084 + 8 * engine,
                Access.WRITE,
                f"Instructions of the {title.lower()} stream.",
            ),
        ]
    registers += [
        Register("READ_BYTES", 0x0F0, Access.READ, "Bytes read from DRAM in the run."),
        Register("WRITE_BYTES", 0x0F4, Access.READ, "Bytes written to DRAM in the run."),
    ]
    for engine in Engine:
        for index, (counter, doc) in enumerate(COUNTERS):
            registers.append(
                Register(
                    f"{engine.name}_{counter.upper()}",
                    0x100 + 16 * engine + 4 * index,
                    Access.READ,
                    f"{engine.name.capitalize()}: {doc}.",
                )
            )
    return tuple(registers)


REGISTERS = _registers()
BY_NAME = {register.name: register for register in REGISTERS}

#: Where the configuration ROM begins: every parameter of :class:`Configuration`, in order.
ROM_ADDRESS = 0x800


def rom(configuration: Configuration) -> list[int]:
    """Return the words of the configuration ROM: their number, then each parameter."""
    values = list(configuration.parameters().values())
    return [len(values), *values]


def identity(configuration: Configuration) -> dict[str, int]:
    """Return the constant registers of a device of this configuration."""
    return {
        "PRODUCT_ID": PRODUCT_ID,
        "VERSION": ARCHITECTURE_VERSION,
        "CONFIGURATION_HASH": configuration.hash,
    }


def address(name: str) -> int:
    """Return a register's address."""
    return BY_NAME[name].address
