# SPDX-License-Identifier: Apache-2.0
"""An SDR SDRAM as an AXI4 memory."""

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from dpu_hw.axi import Axi4Signature, Response
from dpu_hw.queue import Queue
from dpu_hw.ram_queue import RamQueue
from dpu_hw.sdram.chip import SdramTiming
from dpu_hw.sdram.data_path import DataPath
from dpu_hw.sdram.layouts import Shape, burst_layout
from dpu_hw.sdram.pins import SdramSignature
from dpu_hw.sdram.scheduler import Scheduler

__all__ = ["Sdram"]

#: Bursts of each direction that are accepted in advance.
_BURSTS = 4
#: Beats of data that are held in each direction.
_BEATS = 16


class Sdram(wiring.Component):
    """A 16-bit SDR SDRAM behind an AXI4 port without identifiers, in one clock domain.

    Bursts are INCR, of whole beats, and don't cross 4 KiB. One outside the chip is answered
    with DECERR and changes nothing. Nothing is answered before the chip is started, after some
    200 microseconds.

    The chip's clock is the board's to drive. With a clock in phase with that of the controller,
    a word comes as many cycles after its command as the CAS latency says: ``round_trip`` is
    0. Each register between the controller and the pins, there and back, adds one; a chip clock
    that is a quarter or half a period late takes one away.

    Parameters
    ----------
    chip : :class:`~dpu_hw.sdram.chip.SdramChip`
        The chip.
    clock_hertz : :class:`float`
        Frequency of the clock.
    data_bytes : :class:`int`
        Width of the data buses in bytes: 4, 8 or 16.
    round_trip : :class:`int`
        Cycles that the way to the chip and back takes, from -1 to 4.

    Members
    -------
    axi : :py:`In(Axi4Signature(data_bytes=data_bytes))`
        The port.
    pins : :py:`Out(SdramSignature(chip))`
        The chip.
    ready : :py:`Out(1)`
        The chip is started; stays set.
    """

    def __init__(self, *, chip, clock_hertz, data_bytes, round_trip=0):
        self._shape = Shape(chip, data_bytes)
        self._timing = SdramTiming.of(chip, clock_hertz)
        if not isinstance(round_trip, int) or not -1 <= round_trip <= 4:
            raise ValueError(f"The round trip must take -1 to 4 cycles, not {round_trip!r}")
        self._round_trip = round_trip
        super().__init__(
            {
                "axi": In(Axi4Signature(data_bytes=data_bytes)),
                "pins": Out(SdramSignature(chip)),
                "ready": Out(1),
            }
        )

    @property
    def chip(self):
        """The chip."""
        return self._shape.chip

    @property
    def timing(self):
        """Its times in cycles."""
        return self._timing

    @property
    def data_bytes(self):
        """Width of the data buses in bytes."""
        return self._shape.data_bytes

    @property
    def size(self):
        """Bytes of memory."""
        return self._shape.chip.size

    @property
    def round_trip(self):
        """Cycles that the way to the chip and back takes."""
        return self._round_trip

    def _accept(self, m, prefix, target):
        """Queue the bursts of a direction."""
        shape, axi = self._shape, self.axi
        m.submodules[f"{prefix}_bursts"] = bursts = RamQueue(
            shape=burst_layout(shape), depth=_BURSTS
        )
        low = exact_log2(shape.data_bytes)
        address = getattr(axi, f"{prefix}addr")
        burst = bursts.i.payload
        m.d.comb += [
            bursts.i.valid.eq(getattr(axi, f"{prefix}valid")),
            getattr(axi, f"{prefix}ready").eq(bursts.i.ready),
            burst.beat.eq(address[low:]),
            burst.outside.eq(address[low + shape.beat_bits :].any()),
            burst.more.eq(getattr(axi, f"{prefix}len")),
        ]
        wiring.connect(m, bursts.o, target)

    def elaborate(self, platform):
        m = Module()
        shape, axi = self._shape, self.axi
        m.submodules.scheduler = scheduler = Scheduler(shape=shape, timing=self._timing)
        m.submodules.data_path = path = DataPath(
            shape=shape, cas=self._timing.cas, round_trip=self._round_trip
        )
        wiring.connect(m, path.pins, wiring.flipped(self.pins))
        self._accept(m, "ar", scheduler.reads)
        self._accept(m, "aw", scheduler.writes)

        beat = data.StructLayout({"data": 8 * self.data_bytes, "strobe": self.data_bytes})
        m.submodules.w_beats = w_beats = RamQueue(shape=beat, depth=_BEATS)
        m.submodules.answers = answers = Queue(shape=unsigned(1), depth=_BURSTS)
        m.d.comb += [
            w_beats.i.valid.eq(axi.wvalid),
            w_beats.i.payload.data.eq(axi.wdata),
            w_beats.i.payload.strobe.eq(axi.wstrb),
            axi.wready.eq(w_beats.i.ready),
            w_beats.o.ready.eq(scheduler.write),
            answers.i.valid.eq(scheduler.write & scheduler.last),
            answers.i.payload.eq(scheduler.outside),
            axi.bvalid.eq(answers.o.valid),
            axi.bresp.eq(Mux(answers.o.payload, Response.DECERR, Response.OKAY)),
            answers.o.ready.eq(axi.bready),
        ]

        m.d.sync += scheduler.filled.eq(w_beats.o.valid & answers.i.ready)

        beat = data.StructLayout({"data": 8 * self.data_bytes, "last": 1, "outside": 1})
        m.submodules.r_beats = r_beats = RamQueue(shape=beat, depth=_BEATS)
        # A beat that was asked for must find a place: those are counted from there on.
        promised = Signal(range(_BEATS + 1))
        left = Signal.like(promised)
        m.d.comb += [
            left.eq(promised + scheduler.read - (axi.rvalid & axi.rready)),
            r_beats.i.valid.eq(path.r_valid),
            r_beats.i.payload.data.eq(path.r_data),
            r_beats.i.payload.last.eq(path.r_last),
            r_beats.i.payload.outside.eq(path.r_outside),
            axi.rvalid.eq(r_beats.o.valid),
            axi.rdata.eq(r_beats.o.payload.data),
            axi.rlast.eq(r_beats.o.payload.last),
            axi.rresp.eq(Mux(r_beats.o.payload.outside, Response.DECERR, Response.OKAY)),
            r_beats.o.ready.eq(axi.rready),
        ]
        m.d.sync += [promised.eq(left), scheduler.room.eq(left != _BEATS)]

        m.d.comb += [
            path.command.eq(scheduler.command),
            path.read.eq(scheduler.read),
            path.write.eq(scheduler.write),
            path.last.eq(scheduler.last),
            path.outside.eq(scheduler.outside),
            path.w_data.eq(w_beats.o.payload.data),
            path.w_strobe.eq(w_beats.o.payload.strobe),
            path.started.eq(scheduler.ready),
            self.ready.eq(scheduler.ready),
        ]
        return m
