# SPDX-License-Identifier: Apache-2.0
"""Reads the pixels of CONV_PATCH."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from dpu_hw.conv.layouts import ACCUMULATOR_BITS, PIXEL_TAG, patch_layout, pixel_layout
from dpu_hw.conv.patch_cursor import PatchCursor
from dpu_hw.conv.patch_fetcher import PatchFetcher
from dpu_hw.conv.patch_window import PatchWindow
from dpu_hw.loop_counter import LoopCounter
from dpu_hw.ports import ReadPortSignature
from dpu_hw.queue import Queue
from dpu_spec.isa import PATCH_SEGMENTS

__all__ = ["PatchReader"]


class PatchReader(wiring.Component):
    """Gather up to three runs of bytes into each pixel.

    Each segment reads words ahead into a window, of this or the next instruction; all of them go
    on together from pixel to pixel. There is a pixel a cycle if ``step`` is at most ``lanes`` and
    no request is refused; with larger steps one each step / lanes cycles.

    Parameters
    ----------
    lanes : :class:`int`
        Bytes of a word and channels of a pixel.

    Members
    -------
    i : :py:`In(stream.Signature(patch_layout(lanes)))`
        Prepared instructions.
    ports : :py:`Out(ReadPortSignature(lanes=lanes)).array(3)`
        The scratchpad, a port for each segment.
    o : :py:`Out(stream.Signature(pixel_layout(lanes)))`
        Pixels.
    """

    #: Words that a window holds: two in use, those on their way, and some to even out refusals.
    slots = 16

    def __init__(self, *, lanes):
        self._lanes = lanes
        super().__init__(
            {
                "i": In(stream.Signature(patch_layout(lanes))),
                "ports": Out(ReadPortSignature(lanes=lanes)).array(PATCH_SEGMENTS),
                "o": Out(stream.Signature(pixel_layout(lanes))),
            }
        )

    @property
    def lanes(self):
        """Bytes of a word and channels of a pixel."""
        return self._lanes

    def elaborate(self, platform):
        m = Module()
        lanes, slots = self._lanes, self.slots
        i = self.i.payload
        m.submodules.pixels = pixels = Queue(shape=pixel_layout(lanes), depth=2)
        wiring.connect(m, pixels.o, wiring.flipped(self.o))

        # The fetchers take an instruction as soon as they can, the cursors when the pixels of the
        # one before are through; then it goes.
        sent = Signal(PATCH_SEGMENTS)
        start = Signal()
        active = Signal()
        move = Signal()
        advance = Signal()
        row_end, last = Signal(), Signal()
        present = Signal(PATCH_SEGMENTS)
        windows = []
        for s in range(PATCH_SEGMENTS):
            m.submodules[f"fetcher_{s}"] = fetcher = PatchFetcher(
                lanes=lanes, segment=s, slots=slots
            )
            m.submodules[f"cursor_{s}"] = cursor = PatchCursor(lanes=lanes, segment=s, slots=slots)
            m.submodules[f"window_{s}"] = window = PatchWindow(lanes=lanes, slots=slots)
            windows.append(window)
            wiring.connect(m, fetcher.port, wiring.flipped(self.ports[s]))
            m.d.comb += [
                fetcher.i.valid.eq(self.i.valid & ~sent[s]),
                fetcher.i.payload.eq(i),
                fetcher.freed.eq(cursor.freed),
                cursor.patch.eq(i),
                cursor.start.eq(start),
                cursor.fresh.eq(~active | last),
                cursor.idle.eq(~active),
                cursor.coming.eq(fetcher.coming),
                cursor.move.eq(move),
                cursor.advance.eq(advance),
                cursor.row_end.eq(row_end),
                present[s].eq(cursor.present),
                window.valid.eq(fetcher.valid),
                window.word.eq(fetcher.word),
                window.move.eq(move),
                window.cut.eq(cursor.cut),
            ]
            with m.If(start):
                m.d.sync += sent[s].eq(0)
            with m.Elif(fetcher.i.valid & fetcher.i.ready):
                m.d.sync += sent[s].eq(1)

        # The position in the tile.
        m.submodules.rows = rows = LoopCounter(width=len(i.rows), final=1)
        m.submodules.columns = columns = LoopCounter(width=len(i.columns), final=1)
        zero_point = Signal(signed(8), reset_less=True)
        first, clear = Signal(), Signal()
        accumulator = Signal(ACCUMULATOR_BITS, reset_less=True)
        tag = Signal(PIXEL_TAG)
        m.d.comb += [
            tag.first.eq(first),
            tag.last.eq(last),
            tag.done.eq(last),
            tag.clear.eq(clear),
            tag.accumulator.eq(accumulator),
            row_end.eq(columns.last),
            last.eq(columns.last & rows.last),
            advance.eq(active & move & present.all()),
            # What all fetchers have taken is offered until it goes.
            start.eq(sent.all() & (~active | (advance & last))),
            self.i.ready.eq(start),
            rows.load.eq(start),
            rows.count.eq(i.rows),
            rows.step.eq(advance & row_end),
            columns.load.eq(start),
            columns.count.eq(i.columns),
            columns.step.eq(advance),
        ]
        with m.If(advance):
            m.d.sync += [
                first.eq(0),
                accumulator.eq(accumulator + 1),
            ]
            with m.If(last):
                m.d.sync += active.eq(0)
        with m.If(start):
            m.d.sync += [
                active.eq(1),
                zero_point.eq(i.zero_point),
                first.eq(1),
                clear.eq(i.clear),
                accumulator.eq(i.accumulator),
            ]

        # What goes with the pixels through the windows.
        came, tags, border = advance, tag, zero_point
        for n in range(1 + PatchWindow.latency):
            stage = (
                Signal(name=f"valid_{n}"),
                Signal(PIXEL_TAG, name=f"tag_{n}", reset_less=True),
                Signal(signed(8), name=f"zero_point_{n}", reset_less=True),
            )
            with m.If(move):
                m.d.sync += [stage[0].eq(came), stage[1].eq(tags), stage[2].eq(border)]
            came, tags, border = stage

        valid = Signal()
        pixel = Signal(pixel_layout(lanes), reset_less=True)
        m.d.comb += [
            move.eq(~valid | pixels.i.ready),
            pixels.i.valid.eq(valid),
            pixels.i.payload.eq(pixel),
        ]
        with m.If(move):
            m.d.sync += [valid.eq(came), pixel.tag.eq(tags)]
            for lane in range(lanes):
                # At most one segment fills a lane.
                masks = Cat(window.mask[lane] for window in windows)
                value = Mux(masks.any(), 0, border.as_unsigned())
                for window in windows:
                    value = value | Mux(window.mask[lane], window.bytes[lane].as_unsigned(), 0)
                m.d.sync += pixel.data[lane].eq(value)
        return m
