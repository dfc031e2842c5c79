# SPDX-License-Identifier: Apache-2.0
"""A DPU that a processor beside it runs: all of a board but its DRAM and its pins."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from dpu_hw.axi import Axi4Signature
from dpu_hw.cpu.cpu import StandaloneCpu
from dpu_hw.soc.arbiter import Arbiter
from dpu_hw.top import Dpu

__all__ = ["MEMORY_BYTES", "StandaloneSoc"]

#: Bytes of on-chip memory: firmware, program and inputs of the bundled network.
MEMORY_BYTES = 65536


class StandaloneSoc(wiring.Component):
    """DPU and processor on one DRAM.

    Parameters
    ----------
    configuration : :class:`dpu_spec.configuration.Configuration`
        The DPU's.
    firmware : :class:`bytes`
        What the processor runs.
    dram_bytes : :class:`int`
        Size of the DRAM.
    memory_bytes : :class:`int`
        Size of the processor's on-chip memory.

    Members
    -------
    axi : :py:`Out(Axi4Signature(data_bytes=axi_bytes))`
        DRAM.
    memory_ready : :py:`In(1)`
        The DRAM can be used.
    uart : :py:`Out(stream.Signature(8))`
        Bytes for a UART transmitter.
    interrupt : :py:`Out(1)`
        The DPU's, for a light.
    trap : :py:`Out(1)`
        The processor met something that it cannot do, and stopped.
    """

    def __init__(self, *, configuration, firmware, dram_bytes, memory_bytes=MEMORY_BYTES):
        self._dpu = Dpu(configuration=configuration)
        self._cpu = StandaloneCpu(
            data_bytes=configuration.axi_bytes,
            firmware=firmware,
            memory_bytes=memory_bytes,
            dram_bytes=dram_bytes,
        )
        self._data_bytes = configuration.axi_bytes
        super().__init__(
            {
                "axi": Out(Axi4Signature(data_bytes=configuration.axi_bytes)),
                "memory_ready": In(1),
                "uart": Out(stream.Signature(8)),
                "interrupt": Out(1),
                "trap": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.dpu = dpu = self._dpu
        m.submodules.cpu = cpu = self._cpu
        m.submodules.arbiter = arbiter = Arbiter(data_bytes=self._data_bytes, masters=2)
        connect(m, dpu.axi, arbiter.masters[0])
        connect(m, cpu.memory, arbiter.masters[1])
        connect(m, arbiter.slave, flipped(self.axi))
        connect(m, cpu.control, dpu.control)
        connect(m, cpu.uart, flipped(self.uart))
        m.d.comb += [
            cpu.interrupt.eq(dpu.interrupt),
            cpu.memory_ready.eq(self.memory_ready),
            self.interrupt.eq(dpu.interrupt),
            self.trap.eq(cpu.trap),
        ]
        return m
