# SPDX-License-Identifier: Apache-2.0
"""From bytes to a serial line."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from dpu_hw.link.baud import PHASE_BITS, phase_step
from dpu_spec.uartbone import FRAME_BITS

__all__ = ["UartTransmitter"]


class UartTransmitter(wiring.Component):
    """Send bytes with eight data bits, no parity and one stop bit.

    Parameters
    ----------
    clock_hertz : :class:`int`
        Frequency of the clock.
    baud : :class:`int`
        Bits a second, at most a fourth of it.

    Members
    -------
    i : :py:`In(stream.Signature(8))`
        Bytes to send; ``ready`` is a function of registers only.
    tx : :py:`Out(1)`
        The line, from a register.
    """

    def __init__(self, *, clock_hertz, baud):
        self._step = phase_step(clock_hertz=clock_hertz, baud=baud)
        super().__init__({"i": In(stream.Signature(8)), "tx": Out(1, init=1)})

    def elaborate(self, platform):
        m = Module()
        phase = Signal(PHASE_BITS)
        end = Signal()
        # What is to be sent behind the present bit, and the bits until the line is free.
        rest = Signal(FRAME_BITS - 1)
        bits = Signal(range(FRAME_BITS + 1))
        m.d.comb += self.i.ready.eq(bits == 0)
        with m.If(bits == 0):
            m.d.sync += phase.eq(0)
            with m.If(self.i.valid):
                m.d.sync += [self.tx.eq(0), rest.eq(Cat(self.i.payload, 1)), bits.eq(FRAME_BITS)]
        with m.Else():
            m.d.comb += end.eq((phase + self._step)[PHASE_BITS])
            m.d.sync += phase.eq(phase + self._step)
            with m.If(end):
                m.d.sync += [self.tx.eq(rest[0]), rest.eq(Cat(rest[1:], 1)), bits.eq(bits - 1)]
        return m
