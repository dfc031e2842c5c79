# SPDX-License-Identifier: Apache-2.0
"""The way to DRAM: both bus masters, the engines that use them, and the path of the fetch."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped
from amaranth.utils import exact_log2

from dpu_hw.axi import ADDRESS_BITS, Axi4Signature
from dpu_hw.control.layouts import fetch_bytes
from dpu_hw.dma.bursts import Bursts
from dpu_hw.dma.layouts import beat_layout, run_layout, window_layout
from dpu_hw.dma.load import LoadEngine
from dpu_hw.dma.reader import Reader
from dpu_hw.dma.store import StoreEngine
from dpu_hw.dma.writer import Writer
from dpu_hw.ports import (
    BufferWriteSignature,
    EngineSignature,
    ReadPortSignature,
    WritePortSignature,
)
from dpu_spec.instruction import ENGINE_SLOTS, Engine
from dpu_spec.isa import WINDOW_PROGRAM, WINDOWS

__all__ = ["BURST_BEATS", "LOAD_BEATS", "Dma"]

#: Beats of the longest burst. The bus allows 256, but what comes in order waits for what is ahead:
#: instruction fetches would wait for longer, and the last burst of a store would begin later.
BURST_BEATS = 64
#: Beats of loads that may be in flight before another burst is requested: more than the cycles that
#: a memory takes to answer, so that it always has a burst to answer.
LOAD_BEATS = 128

#: Instructions begin at multiples of this many bytes.
_ALIGNMENT = 16


class Dma(wiring.Component):
    """Load engine, store engine and the fetch's reads on one AXI4 port.

    Parameters
    ----------
    configuration : :class:`dpu_spec.configuration.Configuration`
        Sizes.

    Members
    -------
    axi : :py:`Out(Axi4Signature(data_bytes=axi_bytes))`
        The bus.
    windows : :py:`In(window_layout()).array(WINDOWS)`
        The DRAM windows. The base of the program window is rounded down to 16 bytes for fetches.
    load, store : :py:`In(EngineSignature(...))`
        Instructions.
    write, read :
        The scratchpad, of the load engine and of the store engine.
    weights, conv_parameters, depthwise_parameters, table : :py:`Out(BufferWriteSignature(...))`
        The other buffers.
    fetch : :py:`In(stream.Signature(run_layout()))`
        Runs of instructions.
    instructions : :py:`Out(stream.Signature(beat_layout(data_bytes=axi_bytes)))`
        Their beats.
    stop : :py:`In(1)`
        Begin no further bursts.
    idle : :py:`Out(1)`
        Nothing is in flight on the bus.
    read_transfer, write_transfer : :py:`Out(1)`
        A beat was read, or written, in this cycle.
    fetch_outside, fetch_error, load_outside, load_error, store_outside, store_error : :py:`Out(1)`
        What went wrong; stays set.
    outside_engine : :py:`Out(3)`
        Whose fetch would leave the window.
    load_inside, load_arrived, store_inside, store_completed : :py:`Out(16)`
        Instructions before the one that would leave its window, and before the one in error.
    """

    def __init__(self, *, configuration):
        self._configuration = configuration
        lanes = configuration.lanes
        beats = beat_layout(data_bytes=configuration.axi_bytes)
        buffer = Out(BufferWriteSignature(lanes=lanes))
        faults = ("fetch_outside", "fetch_error")
        faults += ("load_outside", "load_error", "store_outside", "store_error")
        indices = ("load_inside", "load_arrived", "store_inside", "store_completed")
        super().__init__(
            {
                "axi": Out(Axi4Signature(data_bytes=configuration.axi_bytes)),
                "windows": In(window_layout()).array(WINDOWS),
                "load": In(EngineSignature(Engine.LOAD)),
                "store": In(EngineSignature(Engine.STORE)),
                "write": Out(WritePortSignature(lanes=lanes)),
                "read": Out(ReadPortSignature(lanes=lanes)),
                "weights": buffer,
                "conv_parameters": buffer,
                "depthwise_parameters": buffer,
                "table": buffer,
                "fetch": In(stream.Signature(run_layout())),
                "instructions": Out(stream.Signature(beats)),
                "stop": In(1),
                "idle": Out(1),
                "read_transfer": Out(1),
                "write_transfer": Out(1),
                **dict.fromkeys(faults, Out(1)),
                "outside_engine": Out(exact_log2(ENGINE_SLOTS)),
                **dict.fromkeys(indices, Out(16)),
            }
        )

    @property
    def configuration(self):
        """Sizes."""
        return self._configuration

    def elaborate(self, platform):
        m = Module()
        config = self._configuration
        sizes = {"configuration": config, "burst_beats": BURST_BEATS}
        m.submodules.load = load = LoadEngine(**sizes)
        m.submodules.store = store = StoreEngine(**sizes)
        m.submodules.fetch = fetch = Bursts(
            data_bytes=config.axi_bytes,
            burst_beats=BURST_BEATS,
            windows=1,
            run_bytes=fetch_bytes(config.instruction_queue),
        )
        m.submodules.reader = reader = Reader(
            data_bytes=config.axi_bytes,
            outstanding=config.read_outstanding,
            load_beats=LOAD_BEATS,
        )
        m.submodules.writer = writer = Writer(
            data_bytes=config.axi_bytes,
            outstanding=config.write_outstanding,
            burst_beats=BURST_BEATS,
        )

        connect(m, flipped(self.load), load.load)
        connect(m, flipped(self.store), store.store)
        connect(m, load.write, flipped(self.write))
        connect(m, store.read, flipped(self.read))
        for name in ("weights", "conv_parameters", "depthwise_parameters", "table"):
            connect(m, getattr(load, name), flipped(getattr(self, name)))
        connect(m, flipped(self.fetch), fetch.i)
        connect(m, fetch.o, reader.i_fetch)
        connect(m, reader.o_fetch, flipped(self.instructions))
        connect(m, load.bursts, reader.i_load)
        connect(m, reader.o_load, load.beats)
        connect(m, store.bursts, writer.bursts)
        connect(m, store.beats, writer.beats)

        # Each master drives its channels of the bus.
        for master in (reader, writer):
            for name, member in master.axi.signature.members.items():
                if member.flow == Out:
                    m.d.comb += getattr(self.axi, name).eq(getattr(master.axi, name))
                else:
                    m.d.comb += getattr(master.axi, name).eq(getattr(self.axi, name))

        for index, window in enumerate(self.windows):
            m.d.comb += [load.windows[index].eq(window), store.windows[index].eq(window)]
        program = self.windows[WINDOW_PROGRAM]
        m.d.comb += [
            # Instructions are whole beats of whatever bus.
            fetch.windows[0].base.eq(program.base & (-_ALIGNMENT & ((1 << ADDRESS_BITS) - 1))),
            fetch.windows[0].size.eq(program.size),
            store.answered.eq(writer.done),
            reader.stop.eq(self.stop),
            writer.stop.eq(self.stop),
            self.idle.eq(reader.idle & writer.idle),
            self.read_transfer.eq(reader.transfer),
            self.write_transfer.eq(writer.transfer),
            self.fetch_outside.eq(fetch.outside),
            self.fetch_error.eq(reader.error_fetch),
            self.load_outside.eq(load.outside),
            self.load_error.eq(reader.error_load),
            self.store_outside.eq(store.outside),
            self.store_error.eq(writer.error),
            self.outside_engine.eq(fetch.owner),
            self.load_inside.eq(load.inside),
            self.load_arrived.eq(reader.arrived),
            self.store_inside.eq(store.inside),
            self.store_completed.eq(store.completed),
        ]
        return m
