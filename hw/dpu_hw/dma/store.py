# SPDX-License-Identifier: Apache-2.0
"""The store engine."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from dpu_hw.dma.bursts import Bursts
from dpu_hw.dma.gather import Gather
from dpu_hw.dma.layouts import burst_layout, strobed_layout, walk_layout, window_layout
from dpu_hw.dma.packer import Packer
from dpu_hw.dma.prepare import Prepare
from dpu_hw.dma.runs import Runs
from dpu_hw.dma.walk import Walk
from dpu_hw.layouts import instruction_layout
from dpu_hw.ports import EngineSignature, ReadPortSignature
from dpu_hw.ram_queue import RamQueue
from dpu_spec.instruction import Engine
from dpu_spec.isa import STORE, WINDOWS

__all__ = ["StoreEngine"]

#: Instructions whose words may be read before the bursts of the first have been issued.
_AHEAD = 4


class StoreEngine(wiring.Component):
    """Run STORE instructions.

    Parameters
    ----------
    configuration : :class:`dpu_spec.configuration.Configuration`
        Sizes.
    burst_beats : :class:`int`
        Beats of the longest burst.

    Members
    -------
    store : :py:`In(EngineSignature(Engine.STORE))`
        Instructions.
    windows : :py:`In(window_layout()).array(WINDOWS)`
        The DRAM windows.
    read : :py:`Out(ReadPortSignature(lanes=lanes))`
        The scratchpad.
    bursts : :py:`Out(stream.Signature(burst_layout()))`
        Bursts to write.
    beats : :py:`Out(stream.Signature(strobed_layout(data_bytes=axi_bytes)))`
        Their data.
    answered : :py:`In(1)`
        Pulse: all bursts of an instruction have been answered.
    outside : :py:`Out(1)`
        An instruction left its window; stays set.
    inside : :py:`Out(16)`
        Instructions before it.
    completed : :py:`Out(16)`
        Instructions that are done.
    """

    def __init__(self, *, configuration, burst_beats):
        self._configuration = configuration
        self._burst_beats = burst_beats
        beats = strobed_layout(data_bytes=configuration.axi_bytes)
        super().__init__(
            {
                "store": In(EngineSignature(Engine.STORE)),
                "windows": In(window_layout()).array(WINDOWS),
                "read": Out(ReadPortSignature(lanes=configuration.lanes)),
                "bursts": Out(stream.Signature(burst_layout())),
                "beats": Out(stream.Signature(beats)),
                "answered": In(1),
                "outside": Out(1),
                "inside": Out(16),
                "completed": Out(16),
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
        m.submodules.gather = gather = Gather(**sizes)
        m.submodules.packer = packer = Packer(**sizes)

        for part in (prepare, cut):
            for own, inner in zip(self.windows, part.windows, strict=True):
                m.d.comb += inner.eq(own)
        instruction = data.View(
            instruction_layout(STORE), self.store.instruction.payload[: STORE.bits]
        )
        m.d.comb += [
            prepare.i.valid.eq(self.store.instruction.valid),
            self.store.instruction.ready.eq(prepare.i.ready),
            *(prepare.i.payload[f.name].eq(instruction[f.name]) for f in STORE.body),
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
        connect(m, walk.o, gather.pieces)
        connect(m, gather.read, flipped(self.read))
        connect(m, gather.o, packer.i)
        connect(m, packer.o, flipped(self.beats))

        # Instructions accepted and not done.
        held = Signal(range(64))
        accept = self.store.instruction.valid & self.store.instruction.ready
        m.d.sync += [
            held.eq(held + accept - self.answered),
            self.completed.eq(self.completed + self.answered),
        ]
        m.d.comb += [
            self.store.done.eq(self.answered),
            self.store.busy.eq(held != 0),
            self.store.wait_bank.eq(self.read.request.valid & ~self.read.request.ready),
            # It has nothing to read and isn't done, or its beats don't go out.
            self.store.wait_memory.eq(
                self.store.busy & (~walk.o.valid | (self.beats.valid & ~self.beats.ready))
            ),
            self.outside.eq(cut.outside),
            self.inside.eq(cut.inside),
        ]
        return m
