# SPDX-License-Identifier: Apache-2.0
"""From runs of bytes to AXI4 bursts, each inside its window."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2, exact_log2

from dpu_hw.axi import ADDRESS_BITS as BUS_BITS
from dpu_hw.axi import BOUNDARY, MAXIMUM_BEATS
from dpu_hw.dma.layouts import burst_layout, run_layout, window_layout
from dpu_hw.queue import Queue
from dpu_spec.configuration import is_power_of_two
from dpu_spec.instruction import ENGINE_SLOTS

__all__ = ["Bursts"]


class Bursts(wiring.Component):
    """Check runs against their windows and cut them into bursts of whole beats.

    A burst ends at a multiple of its greatest length (or with the run), so that it can't cross a
    multiple of 4 KiB, and all bursts of a long run but the first are aligned. The first and last
    beat reach beyond the run where that isn't aligned.

    Parameters
    ----------
    data_bytes : :class:`int`
        Bytes of a beat.
    burst_beats : :class:`int`
        Beats of the longest burst: a power of two.
    windows : :class:`int`
        Number of windows.

    Members
    -------
    windows : :py:`In(window_layout()).array(windows)`
        The DRAM windows.
    i : :py:`In(stream.Signature(run_layout()))`
        Runs.
    o : :py:`Out(stream.Signature(burst_layout()))`
        Bursts, one a cycle, from four cycles later on.
    outside : :py:`Out(1)`
        A run lay outside its window, or had no bytes; it and what follows is never issued.
    owner : :py:`Out(3)`
        Whose run that was.
    inside : :py:`Out(16)`
        Instructions before it.
    """

    def __init__(self, *, data_bytes, burst_beats, windows):
        if not is_power_of_two(burst_beats) or not 1 < burst_beats <= MAXIMUM_BEATS:
            raise ValueError(f"Beats of a burst must be a power of two, not {burst_beats!r}")
        if burst_beats * data_bytes > BOUNDARY:
            raise ValueError(f"A burst must not be longer than {BOUNDARY} bytes")
        self._data_bytes = data_bytes
        self._burst_beats = burst_beats
        self._window_count = windows
        super().__init__(
            {
                "windows": In(window_layout()).array(windows),
                "i": In(stream.Signature(run_layout())),
                "o": Out(stream.Signature(burst_layout())),
                "outside": Out(1),
                "owner": Out(ceil_log2(ENGINE_SLOTS)),
                "inside": Out(16),
            }
        )

    @property
    def data_bytes(self):
        """Bytes of a beat."""
        return self._data_bytes

    @property
    def burst_beats(self):
        """Beats of the longest burst."""
        return self._burst_beats

    @property
    def window_count(self):
        """Number of windows."""
        return self._window_count

    def elaborate(self, platform):
        m = Module()
        low = exact_log2(self._data_bytes)

        # First stage: the window. The later stages' readiness ends at a queue.
        windowed_layout = data.StructLayout({"run": run_layout(), "window": window_layout()})
        m.submodules.runs = runs = Queue(shape=windowed_layout, depth=2)
        run, window = runs.o.payload.run, runs.o.payload.window
        run_ready = runs.o.ready
        index = self.i.payload.window[: ceil_log2(self._window_count)]
        m.d.comb += [
            self.i.ready.eq(runs.i.ready),
            runs.i.valid.eq(self.i.valid),
            runs.i.payload.run.eq(self.i.payload),
            runs.i.payload.window.eq(Array(self.windows)[index]),
        ]

        # Second stage: where the run begins and ends.
        address = Signal(BUS_BITS, reset_less=True)
        end = Signal(range(1 << (BUS_BITS + 2)), reset_less=True)
        size = Signal(BUS_BITS, reset_less=True)
        before = Signal(BUS_BITS, reset_less=True)
        # No program has such runs, but one from damaged counts would go round all addresses.
        void = Signal()
        run_last = Signal()
        owner = Signal.like(run.owner)
        sum_valid = Signal()
        sum_ready = Signal()
        m.d.comb += run_ready.eq(sum_ready | ~sum_valid)
        with m.If(run_ready):
            m.d.sync += sum_valid.eq(runs.o.valid)
            with m.If(runs.o.valid):
                m.d.sync += [
                    address.eq(window.base + run.offset),
                    end.eq(run.offset + run.bytes),
                    size.eq(window.size),
                    before.eq(run.bytes - 1),
                    void.eq(run.bytes == 0),
                    run_last.eq(run.last),
                    owner.eq(run.owner),
                ]

        # Third stage: a run that lies in its window, counted in blocks: as many beats as the
        # longest burst has, at a multiple of that. Only its first burst begins, and only its last
        # ends, within a block, so that going on is an increment and a decrement.
        bits = exact_log2(self._burst_beats)
        block = Signal(BUS_BITS - low - bits, reset_less=True)
        begin = Signal(bits)
        more_blocks = Signal(BUS_BITS - low - bits + 1, reset_less=True)
        final = Signal()  # there are none
        finish_beat = Signal(bits)
        last = Signal()
        active = Signal()
        finish = Signal()
        final_byte = Signal(BUS_BITS + 1)
        # Whether the run ends in its first block, without the long carry.
        final_low = Signal(low + bits + 1)
        m.d.comb += [
            final_low.eq(address[: low + bits] + before[: low + bits]),
            sum_ready.eq((finish | ~active) & ~self.outside),
            final_byte.eq(address[: low + bits] + before),
        ]
        with m.If(finish):
            m.d.sync += [active.eq(0), self.inside.eq(self.inside + last)]
        with m.If(sum_ready & sum_valid):
            m.d.sync += [
                Cat(begin, block).eq(address[low:]),
                Cat(finish_beat, more_blocks).eq(final_byte[low:]),
                final.eq(~final_low[-1] & (before[low + bits :] == 0)),
                last.eq(run_last),
            ]
            with m.If((end > size) | void):
                m.d.sync += [self.outside.eq(1), self.owner.eq(owner)]
            with m.Else():
                m.d.sync += active.eq(1)

        # Fourth stage: a burst. The bus's readiness comes late, so it ends at a queue.
        m.submodules.bursts = bursts = Queue(shape=burst_layout(), depth=2)
        wiring.connect(m, bursts.o, wiring.flipped(self.o))
        burst = bursts.i.payload
        m.d.comb += [
            bursts.i.valid.eq(active),
            burst.address.eq(Cat(C(0, low), begin, block)),
            burst.beats.eq(Mux(final, finish_beat, self._burst_beats - 1) - begin + 1),
            burst.last.eq(final & last),
        ]
        with m.If(active & bursts.i.ready):
            m.d.comb += finish.eq(final)
            with m.If(~final):
                m.d.sync += [
                    block.eq(block + 1),
                    begin.eq(0),
                    more_blocks.eq(more_blocks - 1),
                    final.eq(more_blocks == 1),
                ]
        return m
