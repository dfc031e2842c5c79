# SPDX-License-Identifier: Apache-2.0
"""From instruction queues to engines, in the order that tokens allow."""

from functools import reduce
from operator import xor

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from dpu_hw.control.decode import Decode
from dpu_hw.control.layouts import ENGINES, INDEX_BITS, chunk_layout
from dpu_hw.control.tokens import Signals, Tokens
from dpu_hw.ports import EngineSignature
from dpu_spec.instruction import CHECK, HEADER, Engine
from dpu_spec.isa import FORMATS

__all__ = ["Dispatch"]

#: Instructions that an engine accepts ahead at most.
_HELD = 16


def _header(payload, name):
    position = 0
    for field in HEADER:
        if field.name == name:
            return payload[position : position + field.bits]
        position += field.bits
    raise KeyError(name)


class Dispatch(wiring.Component):
    """Hand instructions to the engines: one decoder for each, and the tokens between them.

    Parameters
    ----------
    data_bytes : :class:`int`
        Bytes of a beat.
    formats : :class:`tuple` of :class:`dpu_spec.instruction.Format`
        What the engines run; other opcodes are unknown.

    Members
    -------
    valid, chunk :
        The beats of instructions, see :class:`dpu_hw.control.instructions.Instructions`.
    room : :py:`Out(ENGINES)`
        Pulse for each engine: its decoder takes another instruction.
    load, conv, drain, depthwise, vector, store : :py:`Out(EngineSignature(...))`
        The engines. An instruction is offered from the second cycle after it was decoded on, and in
        the second cycle after the last token came.
    waiting : :py:`Out(ENGINES)`
        The engine's next instruction waits for a token, or until earlier ones can give theirs.
    idle : :py:`Out(ENGINES)`
        Nothing is in the engine or in its decoder.
    running : :py:`Out(ENGINES)`
        The engine has accepted an instruction and not completed it.
    start, finish : :py:`Out(ENGINES)`
        Pulses: the engine accepted an instruction in the cycle before, and completes one.
    check_failed, opcode_failed : :py:`Out(ENGINES)`
        An instruction was corrupt, or not for the engine.
    index : :py:`Out(INDEX_BITS).array(ENGINES)`
        Index of each engine's instruction in its decoder.
    """

    def __init__(self, *, data_bytes, formats=FORMATS):
        self._data_bytes = data_bytes
        self._formats = formats
        super().__init__(
            {
                "valid": In(1),
                "chunk": In(chunk_layout(data_bytes=data_bytes)),
                "room": Out(ENGINES),
                **{e.name.lower(): Out(EngineSignature(e)) for e in Engine},
                "waiting": Out(ENGINES),
                "idle": Out(ENGINES),
                "running": Out(ENGINES),
                "start": Out(ENGINES),
                "finish": Out(ENGINES),
                "check_failed": Out(ENGINES),
                "opcode_failed": Out(ENGINES),
                "index": Out(INDEX_BITS).array(ENGINES),
            }
        )

    @property
    def data_bytes(self):
        """Bytes of a beat."""
        return self._data_bytes

    @property
    def formats(self):
        """What the engines run."""
        return self._formats

    def elaborate(self, platform):
        m = Module()
        m.submodules.tokens = tokens = Tokens()
        # The beats of an instruction follow each other, so that all decoders can share the sum.
        total = Signal(8)
        data = self.chunk.data
        folded = reduce(xor, (data.word_select(i, 8) for i in range(self._data_bytes)))
        with m.If(self.valid):
            m.d.sync += total.eq(folded ^ Mux(self.chunk.index == 0, 0, total))
        for engine in Engine:
            name = engine.name.lower()
            port = getattr(self, name)
            decode = Decode(engine=engine, data_bytes=self._data_bytes, formats=self._formats)
            signals = Signals(depth=_HELD)
            m.submodules[f"decode_{name}"] = decode
            m.submodules[f"signals_{name}"] = signals

            wait = _header(decode.o.payload, "wait")
            missing = Signal(name=f"missing_{name}")
            granted = Signal(name=f"granted_{name}")
            grant = Signal(name=f"grant_{name}")
            transfer = Signal(name=f"transfer_{name}")
            # Everything here learns of a transfer a cycle later: engines' ready signals come late.
            accepted = Signal(name=f"accepted_{name}")
            m.d.sync += accepted.eq(transfer)
            m.d.comb += [
                decode.valid.eq(self.valid),
                decode.chunk.eq(self.chunk),
                decode.intact.eq(total == CHECK),
                missing.eq((wait & ~tokens.available[engine]).any()),
                # The tokens are taken a cycle ahead, so that valid comes from a register.
                grant.eq(decode.o.valid & ~missing & signals.ready & ~granted & ~accepted),
                tokens.take[engine].eq(Mux(grant, wait, 0)),
                port.instruction.valid.eq(granted),
                port.instruction.payload.eq(decode.o.payload),
                transfer.eq(granted & port.instruction.ready),
                decode.o.ready.eq(accepted),
                signals.accept.eq(accepted),
                signals.mask.eq(_header(decode.o.payload, "signal")),
                signals.done.eq(port.done),
                signals.full.eq(tokens.full[engine]),
                tokens.give[engine].eq(signals.give),
                self.room[engine].eq(accepted),
                self.waiting[engine].eq(
                    decode.o.valid & (missing | ~signals.ready) & ~granted & ~accepted
                ),
                self.running[engine].eq(signals.held != 0),
                self.idle[engine].eq(decode.empty & (signals.held == 0)),
                self.start[engine].eq(accepted),
                self.finish[engine].eq(port.done),
                self.check_failed[engine].eq(decode.check_failed),
                self.opcode_failed[engine].eq(decode.opcode_failed),
                self.index[engine].eq(decode.index),
            ]
            with m.If(grant):
                m.d.sync += granted.eq(1)
            with m.Elif(transfer):
                m.d.sync += granted.eq(0)
        return m
