# SPDX-License-Identifier: Apache-2.0
"""All of a board's logic but clocks and pads: DPU, SDRAM controller and host link."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from dpu_hw.link.bridge import UartBridge
from dpu_hw.sdram import Sdram, SdramSignature
from dpu_hw.soc.arbiter import Arbiter
from dpu_hw.top import Dpu
from dpu_spec.uartbone import TIMEOUT

__all__ = ["Soc", "UartSignature"]


class UartSignature(wiring.Signature):
    """A serial line, from the FPGA's side.

    Members
    -------
    rx : :py:`In(1)`, tx : :py:`Out(1)`
        1 when idle; ``rx`` is asynchronous.
    """

    def __init__(self):
        super().__init__({"rx": In(1, init=1), "tx": Out(1, init=1)})


class Soc(wiring.Component):
    """A DPU whose DRAM is an SDRAM chip and whose host is at the other end of a serial line.

    Parameters
    ----------
    configuration : :class:`dpu_spec.configuration.Configuration`
        The DPU's sizes.
    chip : :class:`dpu_hw.sdram.SdramChip`
        The memory.
    clock_hertz : :class:`int`
        Frequency of the clock.
    baud : :class:`int`
        Bits a second of the serial line.
    round_trip : :class:`int`
        Cycles that the way to the chip and back takes, see :class:`dpu_hw.sdram.Sdram`.
    timeout : :class:`float`
        Seconds after which the link forgets an unfinished command.

    Members
    -------
    uart : :py:`Out(UartSignature())`
        The host.
    sdram : :py:`Out(SdramSignature(chip))`
        The memory's pins.
    interrupt, memory_ready : :py:`Out(1)`
        For lights.
    """

    def __init__(self, *, configuration, chip, clock_hertz, baud, round_trip=0, timeout=TIMEOUT):
        self._dpu = Dpu(configuration=configuration)
        self._memory = Sdram(
            chip=chip,
            data_bytes=configuration.axi_bytes,
            clock_hertz=clock_hertz,
            round_trip=round_trip,
        )
        self._bridge = UartBridge(
            clock_hertz=clock_hertz,
            baud=baud,
            data_bytes=configuration.axi_bytes,
            memory_bytes=chip.size,
            timeout=timeout,
        )
        self._arbiter = Arbiter(data_bytes=configuration.axi_bytes, masters=2)
        super().__init__(
            {
                "uart": Out(UartSignature()),
                "sdram": Out(SdramSignature(chip)),
                "interrupt": Out(1),
                "memory_ready": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.dpu = dpu = self._dpu
        m.submodules.bridge = bridge = self._bridge
        m.submodules.arbiter = arbiter = self._arbiter
        m.submodules.memory = memory = self._memory
        connect(m, dpu.axi, arbiter.masters[0])
        connect(m, bridge.memory, arbiter.masters[1])
        connect(m, arbiter.slave, memory.axi)
        connect(m, bridge.control, dpu.control)
        connect(m, memory.pins, flipped(self.sdram))
        m.d.comb += [
            bridge.rx.eq(self.uart.rx),
            self.uart.tx.eq(bridge.tx),
            bridge.interrupt.eq(dpu.interrupt),
            bridge.memory_ready.eq(memory.ready),
            self.interrupt.eq(dpu.interrupt),
            self.memory_ready.eq(memory.ready),
        ]
        return m
