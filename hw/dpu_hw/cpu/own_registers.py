# SPDX-License-Identifier: Apache-2.0
"""The processor's own registers."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from dpu_hw.cpu.bus import BusSignature
from dpu_spec.memory_map import CPU_CYCLES, CPU_MEMORY_BYTES, CPU_STATUS, CPU_UART

__all__ = ["OwnRegisters"]


class OwnRegisters(wiring.Component):
    """UART, status and a counter of cycles, see :mod:`dpu_spec.memory_map`.

    Parameters
    ----------
    dram_bytes : :class:`int`
        What CPU_MEMORY_BYTES reads.

    Members
    -------
    bus : :py:`In(BusSignature())`
        Accesses.
    uart : :py:`Out(stream.Signature(8))`
        Bytes to send.
    interrupt, memory_ready : :py:`In(1)`
        Bits of the status.
    error : :py:`In(1)`
        A pulse that sets another one.
    """

    def __init__(self, *, dram_bytes):
        if not isinstance(dram_bytes, int) or not 0 < dram_bytes < 1 << 32:
            raise ValueError(f"The DRAM's size must be a positive number, not {dram_bytes!r}")
        self._dram_bytes = dram_bytes
        super().__init__(
            {
                "bus": In(BusSignature()),
                "uart": Out(stream.Signature(8)),
                "interrupt": In(1),
                "memory_ready": In(1),
                "error": In(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        bus, uart = self.bus, self.uart
        cycles = Signal(32)
        failed = Signal()
        m.d.sync += cycles.eq(cycles + 1)
        with m.If(uart.ready):
            m.d.sync += uart.valid.eq(0)
        m.d.sync += bus.ready.eq(0)
        with m.If(bus.valid & ~bus.ready):
            m.d.sync += bus.ready.eq(1)
            with m.Switch(bus.address[:4]):
                with m.Case(CPU_UART):
                    room = ~uart.valid | uart.ready
                    m.d.sync += bus.result.eq(room)
                    with m.If(bus.strobe[0]):
                        m.d.sync += bus.ready.eq(room)
                        with m.If(room):
                            m.d.sync += [uart.payload.eq(bus.data), uart.valid.eq(1)]
                with m.Case(CPU_STATUS):
                    m.d.sync += bus.result.eq(Cat(self.interrupt, self.memory_ready, failed))
                    with m.If(bus.strobe.any()):
                        m.d.sync += failed.eq(0)
                with m.Case(CPU_CYCLES):
                    m.d.sync += bus.result.eq(cycles)
                with m.Case(CPU_MEMORY_BYTES):
                    m.d.sync += bus.result.eq(self._dram_bytes)
        with m.If(self.error):
            m.d.sync += failed.eq(1)
        return m
