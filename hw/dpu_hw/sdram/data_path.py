# SPDX-License-Identifier: Apache-2.0
"""Between beats of the bus and the 16-bit words at the chip's pins."""

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from dpu_hw.sdram.chip import CHIP_BYTES_WIDE
from dpu_hw.sdram.pins import SdramSignature
from dpu_hw.sdram.scheduler import command_layout

__all__ = ["DataPath"]

_WORD = 8 * CHIP_BYTES_WIDE


class DataPath(wiring.Component):
    """Drive the pins from registers, put words together that are read.

    Parameters
    ----------
    shape : :class:`~dpu_hw.sdram.layouts.Shape`
    cas : :class:`int`
        CAS latency.
    round_trip : :class:`int`
        Cycles between the pins and the chip, there and back.

    Members
    -------
    command : :py:`In(command_layout(shape))`
        On the pins a cycle later.
    read, write : :py:`In(1)`
        That will be the command of the next cycle.
    last, outside : :py:`In(1)`
        Belong to that beat.
    w_data, w_strobe : :py:`In(...)`
        Data to write, with ``write``.
    r_valid : :py:`Out(1)`
        A beat was read.
    r_data, r_last, r_outside : :py:`Out(...)`
        Its data, and what belongs to it.
    started : :py:`In(1)`
        The chip is started; before that its data pins are masked.
    pins : :py:`Out(SdramSignature(shape.chip))`
    """

    def __init__(self, *, shape, cas, round_trip):
        self._shape = shape
        self._latency = cas + round_trip
        width = shape.data_bytes
        super().__init__(
            {
                "command": In(command_layout(shape)),
                "read": In(1),
                "write": In(1),
                "last": In(1),
                "outside": In(1),
                "w_data": In(8 * width),
                "w_strobe": In(width),
                "r_valid": Out(1),
                "r_data": Out(8 * width),
                "r_last": Out(1),
                "r_outside": Out(1),
                "started": In(1),
                "pins": Out(SdramSignature(shape.chip)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        pins = self.pins
        m.d.sync += [
            pins.cke.eq(1),
            pins.cs.eq(1),
            Cat(pins.we, pins.cas, pins.ras).eq(self.command.command),
            pins.ba.eq(self.command.bank),
            pins.a.eq(self.command.address),
        ]
        self._write(m)
        self._read(m)
        return m

    def _write(self, m):
        pins, burst = self.pins, self._shape.burst
        words = Signal(burst * _WORD)
        masks = Signal(burst * CHIP_BYTES_WIDE)
        driving = Signal(burst)
        with m.If(self.write):
            m.d.sync += [
                words.eq(self.w_data),
                masks.eq(~self.w_strobe | self.outside.replicate(len(masks))),
                driving.eq(~0),
            ]
        with m.Else():
            m.d.sync += [
                words.eq(words >> _WORD),
                # Zero between writes, or the mask would reach the data of a read.
                masks.eq(masks >> CHIP_BYTES_WIDE),
                driving.eq(driving >> 1),
            ]
        m.d.sync += [
            pins.dq_o.eq(words),
            pins.dq_oe.eq(driving[0]),
            pins.dqm.eq(masks[:CHIP_BYTES_WIDE] | (~self.started).replicate(CHIP_BYTES_WIDE)),
        ]

    def _read(self, m):
        burst = self._shape.burst
        word = Signal(_WORD)
        words = Signal((burst - 1) * _WORD)
        m.d.sync += [word.eq(self.pins.dq_i), words.eq(Cat(words, word)[_WORD:])]

        # Two cycles to the pins, the chip's latency, the words of the beat. From then on
        # the beat's last word is in `word`.
        steps = 2 + self._latency + burst
        token = data.StructLayout({"valid": 1, "last": 1, "outside": 1})
        tokens = Signal(data.ArrayLayout(token, steps))
        arrived = tokens[steps - 1]
        m.d.sync += [
            Value.cast(tokens).eq(
                Cat(self.read, self.last, self.outside, Value.cast(tokens))[
                    : len(tokens.as_value())
                ]
            ),
        ]
        m.d.comb += [
            self.r_valid.eq(arrived.valid),
            self.r_data.eq(Cat(words, word)),
            self.r_last.eq(arrived.last),
            self.r_outside.eq(arrived.outside),
        ]
