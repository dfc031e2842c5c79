# SPDX-License-Identifier: Apache-2.0
"""What the parts of the control hand each other."""

from amaranth.lib import data
from amaranth.utils import ceil_log2

from dpu_spec.instruction import ENGINE_SLOTS, Engine
from dpu_spec.isa import INSTRUCTION_BYTES
from dpu_spec.registers import BY_NAME

__all__ = [
    "COUNT_BITS",
    "ENGINES",
    "ENGINE_BITS",
    "INDEX_BITS",
    "NO_ENGINE",
    "chunk_layout",
    "fault_layout",
    "fetch_bytes",
    "stream_layout",
]

#: Engines that there are.
ENGINES = len(Engine)
#: Bits of an engine's number, in token masks and elsewhere.
ENGINE_BITS = ceil_log2(ENGINE_SLOTS)
#: Bits of a number of instructions.
COUNT_BITS = 32
#: Bits of an instruction's index in an error.
INDEX_BITS = BY_NAME["STATUS"].field("error_instruction").width
#: What STATUS.error_engine says where no engine met the error.
NO_ENGINE = 15


def stream_layout():
    """Return the layout of an instruction stream: offset in the program window, instructions."""
    return data.StructLayout({"offset": 32, "count": COUNT_BITS})


def chunk_layout(*, data_bytes):
    """Return the layout of part of an instruction: a beat of it, and which one."""
    beats = max(INSTRUCTION_BYTES.values()) // data_bytes
    return data.StructLayout(
        {
            "engine": ENGINE_BITS,
            "index": ceil_log2(beats),
            "data": 8 * data_bytes,
            "last": 1,
        }
    )


def fetch_bytes(queue):
    """Return the bytes that are fetched at a time at most, for a queue of so many instructions."""
    return queue // 2 * max(INSTRUCTION_BYTES.values())


def fault_layout():
    """Return the layout of an error: its code, the engine that met it, its instruction."""
    status = BY_NAME["STATUS"]
    return data.StructLayout(
        {
            "code": status.field("error").width,
            "engine": status.field("error_engine").width,
            "instruction": INDEX_BITS,
        }
    )
