# SPDX-License-Identifier: Apache-2.0
"""Which command the chip gets in each cycle."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from dpu_hw.sdram.banks import Banks
from dpu_hw.sdram.layouts import burst_layout
from dpu_hw.sdram.maintenance import Maintenance
from dpu_hw.sdram.pins import ALL_BANKS, Command, mode_register
from dpu_hw.sdram.rows import Rows
from dpu_hw.sdram.turns import Turns
from dpu_hw.sdram.walker import Walker

__all__ = ["Scheduler", "command_layout"]

#: Bytes that go one way while the other side waits; changes then cost some 5 % of the time.
_TURN_BYTES = 256


def command_layout(shape):
    """A command to the chip."""
    return data.StructLayout(
        {
            "command": 3,
            "bank": shape.chip.bank_bits,
            "address": max(shape.chip.row_bits, 11),
        }
    )


class Scheduler(wiring.Component):
    """Order rows and columns so that the data pins rest as little as possible.

    A beat is one READ or WRITE. They follow each other without a gap in an open row; in the cycles
    between them the row that comes next is opened, and what the other direction waits for, as long
    as neither needs a bank in use.

    Parameters
    ----------
    shape : :class:`~dpu_hw.sdram.layouts.Shape`
    timing : :class:`~dpu_hw.sdram.chip.SdramTiming`

    Members
    -------
    reads, writes : :py:`In(stream.Signature(burst_layout(shape)))`
        Bursts.
    room : :py:`In(1)`
        One more beat may be read.
    filled : :py:`In(1)`
        The data of a beat to write is there; may be a cycle late, as no two beats follow at once.
    ready : :py:`Out(1)`
        The chip is started; stays set.
    read, write : :py:`Out(1)`
        A beat is read or written; at most every second cycle.
    last, outside : :py:`Out(1)`
        That beat ends its burst; it lies outside the chip.
    command : :py:`Out(command_layout(shape))`
        The command, a cycle later.
    """

    def __init__(self, *, shape, timing):
        self._shape = shape
        self._timing = timing
        bursts = stream.Signature(burst_layout(shape))
        super().__init__(
            {
                "reads": In(bursts),
                "writes": In(bursts),
                "room": In(1),
                "filled": In(1),
                "ready": Out(1),
                "read": Out(1),
                "write": Out(1),
                "last": Out(1),
                "outside": Out(1),
                "command": Out(command_layout(shape)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        shape, timing = self._shape, self._timing
        m.submodules.banks = banks = Banks(shape=shape, timing=timing)
        m.submodules.reader = reader = Walker(shape=shape)
        m.submodules.writer = writer = Walker(shape=shape)
        m.submodules.maintenance = maintenance = Maintenance(
            timing=timing, power_up_refreshes=shape.chip.power_up_refreshes
        )
        m.submodules.turns = turns = Turns(beats=_TURN_BYTES // shape.data_bytes)
        wiring.connect(m, wiring.flipped(self.reads), reader.i)
        wiring.connect(m, wiring.flipped(self.writes), writer.i)
        for walker in (reader, writer):
            m.d.comb += [walker.open.eq(banks.open), walker.closing.eq(banks.closing)]
            m.d.comb += [a.eq(b) for a, b in zip(walker.rows, banks.rows, strict=True)]

        m.submodules.rows = rows = Rows(shape=shape)
        column_go = self._columns(m, reader, writer, banks, maintenance.run, turns)
        wanted = ((writer.now, reader.now), (writer.next, reader.next), (reader.now, writer.now))
        for candidate, (when_writing, when_reading) in zip(rows.candidates, wanted, strict=True):
            m.d.comb += candidate.eq(Mux(turns.writing, when_writing.as_value(), when_reading))
        m.d.comb += [
            rows.may_activate.eq(banks.may_activate),
            rows.may_precharge.eq(banks.may_precharge),
            rows.may_activate_any.eq(banks.may_activate_any),
            rows.run.eq(maintenance.run),
            rows.column.eq(column_go),
        ]
        m.d.comb += [
            reader.take.eq(self.read),
            writer.take.eq(self.write),
            maintenance.may_precharge.eq(banks.may_precharge.all()),
            maintenance.may_activate.eq(banks.may_activate.all()),
            self.ready.eq(maintenance.ready),
        ]

        present = Mux(turns.writing, writer.now.bank, reader.now.bank)
        column = Mux(turns.writing, writer.column, reader.column) << exact_log2(shape.burst)
        m.d.comb += [
            banks.bank.eq(Mux(column_go, present, rows.bank)),
            banks.row.eq(rows.row),
            banks.read.eq(self.read),
            banks.write.eq(self.write),
            banks.activate.eq(rows.activate),
            banks.precharge.eq(rows.precharge),
            banks.precharge_all.eq(maintenance.command == Command.PRECHARGE),
        ]
        m.d.sync += self.command.bank.eq(banks.bank)
        with m.If(column_go):
            m.d.sync += [
                self.command.command.eq(Mux(turns.writing, Command.WRITE, Command.READ)),
                self.command.address.eq(column),
            ]
        with m.Elif(rows.activate):
            m.d.sync += [
                self.command.command.eq(Command.ACTIVATE),
                self.command.address.eq(rows.row),
            ]
        with m.Elif(rows.precharge):
            m.d.sync += [self.command.command.eq(Command.PRECHARGE), self.command.address.eq(0)]
        with m.Else():
            mode = mode_register(shape.burst, timing.cas)
            m.d.sync += [
                self.command.command.eq(maintenance.command),
                self.command.address.eq(
                    Mux(maintenance.command == Command.PRECHARGE, ALL_BANKS, mode)
                ),
            ]
            with m.If(maintenance.command == Command.MODE):
                m.d.sync += self.command.bank.eq(0)
        return m

    def _columns(self, m, reader, writer, banks, run, turns):
        """Decide on READ and WRITE; return whether one of them is given."""
        burst = self._shape.burst
        # Cycles until the data pins are free; from reads to writes one of them rests.
        gaps = {
            "read": ((self.read, burst), (self.write, burst)),
            "write": ((self.read, self._timing.cas + burst + 1), (self.write, burst)),
        }
        free = {}
        for name, causes in gaps.items():
            width = max(cycles for _, cycles in causes) - 1
            wait = Signal(width, name=f"{name}_wait")
            loaded = wait >> 1
            for when, cycles in causes:
                loaded = loaded | Mux(when, C((1 << (cycles - 1)) - 1, width), 0)
            m.d.sync += wait.eq(loaded)
            free[name] = run & ~wait[0]
        go = Signal()
        m.d.comb += [
            self.read.eq(
                free["read"]
                & ~turns.writing
                & self.room
                & reader.now.hit
                & banks.may_access.bit_select(reader.now.bank, 1)
            ),
            self.write.eq(
                free["write"]
                & turns.writing
                & self.filled
                & writer.now.hit
                & banks.may_access.bit_select(writer.now.bank, 1)
            ),
            go.eq(self.read | self.write),
            self.last.eq(Mux(turns.writing, writer.last, reader.last)),
            self.outside.eq(Mux(turns.writing, writer.outside, reader.outside)),
            turns.read.eq(reader.now.valid & self.room),
            turns.write.eq(writer.now.valid & self.filled),
            turns.beat.eq(go),
        ]
        return go
