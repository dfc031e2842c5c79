# SPDX-License-Identifier: Apache-2.0
"""Interfaces between the blocks of the DPU."""

from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from dpu_hw.layouts import instruction_bits, word_layout
from dpu_spec.instruction import Engine

__all__ = [
    "ADDRESS_BITS",
    "READ_LATENCY",
    "BufferWriteSignature",
    "EngineSignature",
    "ReadPortSignature",
    "WritePortSignature",
    "write_layout",
]

#: Bits of every word address.
ADDRESS_BITS = 16

#: Cycles from the transfer of a read request to its data.
READ_LATENCY = 2


def write_layout(lanes: int) -> data.StructLayout:
    """Return the layout of a write: a word and its address."""
    return data.StructLayout({"address": ADDRESS_BITS, "data": word_layout(lanes)})


class ReadPortSignature(wiring.Signature):
    """A scratchpad read port, from the reader's side.

    Members
    -------
    request : :py:`Out(stream.Signature(16))`
        Word address. A transfer is the grant of the bank.
    data : :py:`In(word_layout(lanes))`
        The word, valid exactly :data:`READ_LATENCY` cycles after the transfer, for one cycle. There
        is no back-pressure: a reader requests only what it can take.
    """

    def __init__(self, *, lanes):
        super().__init__(
            {
                "request": Out(stream.Signature(ADDRESS_BITS)),
                "data": In(word_layout(lanes)),
            }
        )


class WritePortSignature(wiring.Signature):
    """A scratchpad write port, from the writer's side.

    Members
    -------
    request : :py:`Out(stream.Signature(write_layout(lanes)))`
        Word and address. A read request transferred in a later cycle than this transfer sees it.
    """

    def __init__(self, *, lanes):
        super().__init__({"request": Out(stream.Signature(write_layout(lanes)))})


class BufferWriteSignature(wiring.Signature):
    """The load engine's way into a buffer (weights, parameters, tables), from its side.

    Members
    -------
    valid : :py:`Out(1)`
        A word is written in this cycle; it is readable in the next.
    payload : :py:`Out(write_layout(lanes))`
        Word and address (words; the formats of each buffer are in :mod:`dpu_spec.isa`).
    """

    def __init__(self, *, lanes):
        super().__init__({"valid": Out(1), "payload": Out(write_layout(lanes))})


class EngineSignature(wiring.Signature):
    """How the dispatcher drives an engine, from the dispatcher's side.

    Members
    -------
    instruction : :py:`Out(stream.Signature(instruction_bits(engine)))`
        The next instruction, checked, its tokens taken. An engine accepts an instruction ahead of
        time (while earlier ones are in its pipeline) to start without a bubble.
    done : :py:`In(1)`
        Pulse for each instruction, in order: all its reads are done and all its writes are
        committed, i.e. visible to whatever starts in the next cycle.
    busy : :py:`In(1)`
        An instruction is in the engine.
    wait_bank : :py:`In(1)`
        A scratchpad request of the engine is refused in this cycle.
    wait_memory : :py:`In(1)`
        The engine has work but waits for DRAM or for a buffer of a producer.
    """

    def __init__(self, engine: Engine):
        super().__init__(
            {
                "instruction": Out(stream.Signature(instruction_bits(engine))),
                "done": In(1),
                "busy": In(1),
                "wait_bank": In(1),
                "wait_memory": In(1),
            }
        )
