# SPDX-License-Identifier: Apache-2.0
"""From a serial line to bytes."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

from dpu_hw.link.baud import PHASE_BITS, phase_step
from dpu_spec.uartbone import FRAME_BITS

__all__ = ["UartReceiver"]


class UartReceiver(wiring.Component):
    """Receive bytes with eight data bits, no parity and one stop bit.

    Each bit is sampled once, near its middle. A start bit that is over by then is noise. A byte
    without its stop bit (a framing error, or a break) is left out, and nothing is received until
    the line is idle. A byte that comes while the one before hasn't been taken is lost.

    Parameters
    ----------
    clock_hertz : :class:`int`
        Frequency of the clock.
    baud : :class:`int`
        Bits a second, at most a fourth of it.

    Members
    -------
    rx : :py:`In(1)`
        The line, asynchronous.
    o : :py:`Out(stream.Signature(8))`
        Received bytes.
    """

    def __init__(self, *, clock_hertz, baud):
        self._step = phase_step(clock_hertz=clock_hertz, baud=baud)
        super().__init__({"rx": In(1, init=1), "o": Out(stream.Signature(8))})

    def elaborate(self, platform):
        m = Module()
        line = Signal(init=1)
        m.submodules.synchronizer = FFSynchronizer(self.rx, line, init=1)
        phase = Signal(PHASE_BITS)
        tick = Signal()
        count = Signal(range(FRAME_BITS))
        byte = Signal(8)
        m.d.sync += Cat(phase, tick).eq(phase + self._step)
        with m.If(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        with m.FSM():
            with m.State("IDLE"):
                # The line fell half a clock ago on average, and samples come up to a clock late;
                # ``tick`` is a register, which is another one. The rest is half a bit.
                half = 1 << PHASE_BITS - 1
                m.d.sync += [Cat(phase, tick).eq(half + 2 * self._step), count.eq(0)]
                with m.If(~line):
                    m.next = "FRAME"
            with m.State("FRAME"):
                with m.If(tick):
                    m.d.sync += [count.eq(count + 1), byte.eq(Cat(byte[1:], line))]
                    with m.If((count == 0) & line):
                        m.next = "IDLE"
                    with m.If(count == FRAME_BITS - 1):
                        m.next = "IDLE"
                        with m.If(~line):
                            m.next = "BREAK"
                        with m.Elif(~self.o.valid | self.o.ready):
                            m.d.sync += [self.o.valid.eq(1), self.o.payload.eq(byte)]
            with m.State("BREAK"):
                with m.If(line):
                    m.next = "IDLE"
        return m
