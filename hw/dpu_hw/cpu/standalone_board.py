# SPDX-License-Identifier: Apache-2.0
"""All of a board's logic but clocks and pads, for a board that runs without a host."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import Out, connect, flipped

from dpu_hw.cpu.standalone import MEMORY_BYTES, StandaloneSoc
from dpu_hw.link.uart_transmitter import UartTransmitter
from dpu_hw.sdram import Sdram, SdramSignature
from dpu_hw.soc.soc import UartSignature

__all__ = ["StandaloneBoard"]


class StandaloneBoard(wiring.Component):
    """A DPU with a processor, whose DRAM is an SDRAM chip; answers go out on a serial line.

    Parameters
    ----------
    configuration : :class:`dpu_spec.configuration.Configuration`
        The DPU's sizes.
    firmware : :class:`bytes`
        What the processor runs.
    chip : :class:`dpu_hw.sdram.SdramChip`
        The memory.
    clock_hertz : :class:`int`
        Frequency of the clock.
    baud : :class:`int`
        Bits a second of the serial line.
    memory_bytes : :class:`int`
        Size of the processor's on-chip memory.
    round_trip : :class:`int`
        Cycles that the way to the chip and back takes, see :class:`dpu_hw.sdram.Sdram`.

    Members
    -------
    uart : :py:`Out(UartSignature())`
        Answers; nothing is received.
    sdram : :py:`Out(SdramSignature(chip))`
        The memory's pins.
    interrupt, memory_ready, trap : :py:`Out(1)`
        For lights; ``trap``: the processor met something that it cannot do, and stopped.
    """

    def __init__(
        self,
        *,
        configuration,
        firmware,
        chip,
        clock_hertz,
        baud,
        memory_bytes=MEMORY_BYTES,
        round_trip=0,
    ):
        self._soc = StandaloneSoc(
            configuration=configuration,
            firmware=firmware,
            dram_bytes=chip.size,
            memory_bytes=memory_bytes,
        )
        self._memory = Sdram(
            chip=chip,
            data_bytes=configuration.axi_bytes,
            clock_hertz=clock_hertz,
            round_trip=round_trip,
        )
        self._transmitter = UartTransmitter(clock_hertz=clock_hertz, baud=baud)
        super().__init__(
            {
                "uart": Out(UartSignature()),
                "sdram": Out(SdramSignature(chip)),
                "interrupt": Out(1),
                "memory_ready": Out(1),
                "trap": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.soc = soc = self._soc
        m.submodules.memory = memory = self._memory
        m.submodules.transmitter = transmitter = self._transmitter
        connect(m, soc.axi, memory.axi)
        connect(m, memory.pins, flipped(self.sdram))
        connect(m, soc.uart, transmitter.i)
        m.d.comb += [
            self.uart.tx.eq(transmitter.tx),
            soc.memory_ready.eq(memory.ready),
            self.interrupt.eq(soc.interrupt),
            self.memory_ready.eq(memory.ready),
            self.trap.eq(soc.trap),
        ]
        return m
