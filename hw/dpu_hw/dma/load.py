# SPDX-License-Identifier: Apache-2.0
"""The load engine."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from dpu_hw.dma.aligner import Aligner, filled_layout
from dpu_hw.dma.bursts import Bursts
from dpu_hw.dma.layouts import beat_layout, burst_layout, walk_layout, window_layout
from dpu_hw.dma.prepare import Prepare
from dpu_hw.dma.runs import Runs
from dpu_hw.dma.walk import Walk
from dpu_hw.layouts import instruction_layout
from dpu_hw.ports import BufferWriteSignature, EngineSignature, WritePortSignature
from dpu_hw.queue import Queue
from dpu_hw.ram_queue import RamQueue
from dpu_spec.instruction import Engine
from dpu_spec.isa import (
    LOAD,
    TARGET_CONV_PARAMETERS,
    TARGET_DEPTHWISE_PARAMETERS,
    TARGET_SCRATCHPAD,
    TARGET_TABLE,
    TARGET_WEIGHTS,
    WINDOWS,
)

__all__ = ["LoadEngine"]

#: Instructions whose data may be requested before that of the first has come.
_AHEAD = 4

_BUFFERS = {
    "weights": TARGET_WEIGHTS,
    "conv_parameters": TARGET_CONV_PARAMETERS,
    "depthwise_parameters": TARGET_DEPTHWISE_PARAMETERS,
    "table": TARGET_TABLE,
}


class LoadEngine(wiring.Component):
    """Run LOAD instructions.

    Bursts are requested ahead: those of the next instructions while data of the first still comes.

    Parameters
    ----------
    configuration : :class:`dpu_spec.configuration.Configuration`
        Sizes.
    burst_beats : :class:`int`
        Beats of the longest burst.

    Members
    -------
    load : :py:`In(EngineSignature(Engine.LOAD))`
        Instructions.
    windows : :py:`In(window_layout()).array(WINDOWS)`
        The DRAM windows.
    bursts : :py:`Out(stream.Signature(burst_layout()))`
        Bursts to read.
    beats : :py:`In(stream.Signature(beat_layout(data_bytes=axi_bytes)))`
        Their data.
    write : :py:`Out(WritePortSignature(lanes=lanes))`
        The scratchpad.
    weights, conv_parameters, depthwise_parameters, table : :py:`Out(BufferWriteSignature(...))`
        The other buffers.
    outside : :py:`Out(1)`
        An instruction left its window; stays set.
    inside : :py:`Out(16)`
        Instructions before it.
    """

    def __init__(self, *, configuration, burst_beats):
        self._configuration = configuration
        self._burst_beats = burst_beats
        lanes = configuration.lanes
        beats = beat_layout(data_bytes=configuration.axi_bytes)
        super().__init__(
            {
                "load": In(EngineSignature(Engine.LOAD)),
                "windows": In(window_layout()).array(WINDOWS),
                "bursts": Out(stream.Signature(burst_layout())),
                "beats": In(stream.Signature(beats)),
                "write": Out(WritePortSignature(lanes=lanes)),
                **{name: Out(BufferWriteSignature(lanes=lanes)) for name in _BUFFERS},
                "outside": Out(1),
                "inside": Out(16),
            }
        )

    @property
    def configuration(self):
        """Sizes."""
        return self._configuration

    @property
    def burst_beats(self):
        """Beats of the longest burst."""
        return self._burst_beats

    def elaborate(self, platform):
        m = Module()
        sizes = {
            "lanes": self._configuration.lanes,
            "data_bytes": self._configuration.axi_bytes,
        }
        m.submodules.prepare = prepare = Prepare(**sizes)
        m.submodules.runs = runs = Runs()
        m.submodules.cut = cut = Bursts(
            data_bytes=self._configuration.axi_bytes,
            burst_beats=self._burst_beats,
            windows=WINDOWS,
        )
        m.submodules.ahead = ahead = RamQueue(
            shape=walk_layout(data_bytes=self._configuration.axi_bytes), depth=_AHEAD
        )
        m.submodules.walk = walk = Walk(**sizes)
        m.submodules.aligner = aligner = Aligner(**sizes)
        # Ends the chain of ready signals that begins at the scratchpad's arbiter.
        m.submodules.words = words = Queue(
            shape=filled_layout(lanes=self._configuration.lanes), depth=2
        )

        for part in (prepare, cut):
            for own, inner in zip(self.windows, part.windows, strict=True):
                m.d.comb += inner.eq(own)
        instruction = data.View(
            instruction_layout(LOAD), self.load.instruction.payload[: LOAD.bits]
        )
        m.d.comb += [
            prepare.i.valid.eq(self.load.instruction.valid),
            self.load.instruction.ready.eq(prepare.i.ready),
            *(prepare.i.payload[f.name].eq(instruction[f.name]) for f in LOAD.body),
        ]
        # A prepared transfer goes both ways at once.
        m.d.comb += [
            runs.i.payload.eq(prepare.o.payload.loop),
            runs.i.valid.eq(prepare.o.valid & ahead.i.ready),
            ahead.i.payload.eq(prepare.o.payload.walk),
            ahead.i.valid.eq(prepare.o.valid & runs.i.ready),
            prepare.o.ready.eq(runs.i.ready & ahead.i.ready),
        ]
        connect(m, runs.o, cut.i)
        connect(m, cut.o, flipped(self.bursts))
        connect(m, ahead.o, walk.i)
        connect(m, walk.o, aligner.pieces)
        connect(m, flipped(self.beats), aligner.beats)
        connect(m, aligner.o, words.i)

        # Only the scratchpad may refuse a word.
        word = words.o.payload
        to_scratchpad = word.target == TARGET_SCRATCHPAD
        m.d.comb += [
            self.write.request.valid.eq(words.o.valid & to_scratchpad),
            self.write.request.payload.address.eq(word.address),
            self.write.request.payload.data.eq(word.data),
            words.o.ready.eq(~to_scratchpad | self.write.request.ready),
        ]
        for name, target in _BUFFERS.items():
            buffer = getattr(self, name)
            m.d.comb += [
                buffer.valid.eq(words.o.valid & (word.target == target)),
                buffer.payload.address.eq(word.address),
                buffer.payload.data.eq(word.data),
            ]

        # Instructions accepted and not done.
        held = Signal(range(_AHEAD + 8))
        accept = self.load.instruction.valid & self.load.instruction.ready
        done = words.o.valid & words.o.ready & word.last
        m.d.sync += [
            self.load.done.eq(done),
            held.eq(held + accept - self.load.done),
        ]
        m.d.comb += [
            self.load.busy.eq(held != 0),
            self.load.wait_bank.eq(self.write.request.valid & ~self.write.request.ready),
            self.load.wait_memory.eq(self.load.busy & ~aligner.o.valid & ~words.o.valid),
            self.outside.eq(cut.outside),
            self.inside.eq(cut.inside),
        ]
        return m
