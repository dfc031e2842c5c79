# SPDX-License-Identifier: Apache-2.0
"""From runs of bytes to AXI4 bursts, each inside its window."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for, ceil_log2, exact_log2

from dpu_hw.axi import ADDRESS_BITS as BUS_BITS
from dpu_hw.axi import BOUNDARY, MAXIMUM_BEATS
from dpu_hw.choose import choose
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
        Number of windows: 1, 2 or 4.
    run_bytes : :class:`int`
        Bytes that runs have at most. If it isn't 4 GiB, they have one at least.

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

    def __init__(self, *, data_bytes, burst_beats, windows, run_bytes=1 << BUS_BITS):
        if not is_power_of_two(burst_beats) or not 1 < burst_beats <= MAXIMUM_BEATS:
            raise ValueError(f"Beats of a burst must be a power of two, not {burst_beats!r}")
        if burst_beats * data_bytes > BOUNDARY:
            raise ValueError(f"A burst must not be longer than {BOUNDARY} bytes")
        self._data_bytes = data_bytes
        self._burst_beats = burst_beats
        self._window_count = windows
        self._run_bytes = run_bytes
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

    @property
    def run_bytes(self):
        """Bytes that runs have at most."""
        return self._run_bytes

    def elaborate(self, platform):
        m = Module()
        low = exact_log2(self._data_bytes)
        bits = exact_log2(self._burst_beats)
        # Bits of a byte in a block, which is as many beats as the longest burst has.
        block_bits = low + bits
        run_bits = max(block_bits + 1, bits_for(self._run_bytes - 1))

        # First stage: the window.
        run = Signal(run_layout(), reset_less=True)
        window = Signal(window_layout(), reset_less=True)
        run_valid = Signal()
        sum_valid = Signal()
        sum_ready = Signal()
        m.d.comb += self.i.ready.eq(sum_ready | ~sum_valid | ~run_valid)
        with m.If(self.i.ready):
            came = self.i.payload
            windows = [window.as_value() for window in self.windows]
            index = came.window[: ceil_log2(self._window_count)]
            chosen = choose(m, index, windows, platform)
            m.d.sync += [
                run_valid.eq(self.i.valid),
                run.eq(came),
                window.as_value().eq(chosen),
            ]

        # Second stage: where the run begins, and its last byte.
        address = Signal(BUS_BITS, reset_less=True)
        end = Signal(BUS_BITS + 1, reset_less=True)
        beyond = Signal(reset_less=True)
        size = Signal(BUS_BITS, reset_less=True)
        more = Signal(run_bits, reset_less=True)
        short = Signal(reset_less=True)  # than a block
        run_last = Signal(reset_less=True)
        owner = Signal.like(run.owner, reset_less=True)
        with m.If(sum_ready | ~sum_valid):
            # A run without bytes ends 4 GiB behind its beginning: no program has such runs, but one
            # from damaged counts would go round all addresses.
            m.d.sync += [
                sum_valid.eq(run_valid),
                address.eq(window.base + run.offset),
                end.eq(run.offset[:-1] + run.more[:run_bits]),
                beyond.eq(run.offset[-1]),
                size.eq(window.size),
                more.eq(run.more),
                short.eq(run.more[block_bits:run_bits] == 0),
                run_last.eq(run.last),
                owner.eq(run.owner),
            ]

        # Third stage: a run that lies in its window, counted in blocks, at multiples of their size.
        # Only its first burst begins, and only its last ends, within a block.
        block = Signal(BUS_BITS - block_bits, reset_less=True)
        begin = Signal(bits)
        # Blocks but for the first, and for one more where the run's beginning and end are both
        # parts of blocks: the count begins a step earlier then.
        more_blocks = Signal(run_bits - block_bits, reset_less=True)
        count = Signal.like(more_blocks, reset_less=True)
        final = Signal()  # burst of the run
        finish_beat = Signal(bits)
        last = Signal()
        active = Signal()
        finish = Signal()
        step = Signal()
        in_block = Signal(block_bits + 1)
        m.d.comb += [
            in_block.eq(address[:block_bits] + more[:block_bits]),
            sum_ready.eq((finish | ~active) & ~self.outside),
        ]
        with m.If(step):
            m.d.sync += [
                block.eq(block + 1),
                count.eq(count + 1),
                final.eq(count == more_blocks),
            ]
        with m.If(finish):
            m.d.sync += [active.eq(0), self.inside.eq(self.inside + last)]
        with m.If(sum_ready & sum_valid):
            m.d.sync += [
                Cat(begin, block).eq(address[low:]),
                more_blocks.eq(more[block_bits:]),
                count.eq(~in_block[-1]),
                finish_beat.eq(in_block[low:]),
                final.eq(short & ~in_block[-1]),
                last.eq(run_last),
            ]
            with m.If((end[:-1] >= size) | end[-1] | beyond):
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
            burst.more.eq(((finish_beat | (~final).replicate(bits)) - begin)[:bits]),
            burst.last.eq(final & last),
            finish.eq(active & bursts.i.ready & final),
            step.eq(active & bursts.i.ready & ~final),
        ]
        with m.If(step):
            m.d.sync += begin.eq(0)
        return m
