# SPDX-License-Identifier: Apache-2.0
"""A processor beside the registers of a DPU that has no engines: it never ends a run."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from dpu_hw.axi import Axi4Signature
from dpu_hw.control.registers import Registers
from dpu_hw.cpu.cpu import StandaloneCpu


class DpuWithoutEngines(wiring.Component):
    """As :class:`dpu_hw.cpu.standalone.StandaloneSoc`, but small: simulators of it are soon built.

    Members
    -------
    As those of :class:`dpu_hw.cpu.standalone.StandaloneSoc`.
    """

    def __init__(self, *, configuration, memory_bytes, dram_bytes):
        self._registers = Registers(configuration=configuration)
        self._cpu = StandaloneCpu(
            data_bytes=configuration.axi_bytes,
            firmware=b"",
            memory_bytes=memory_bytes,
            dram_bytes=dram_bytes,
        )
        super().__init__(
            {
                "axi": Out(Axi4Signature(data_bytes=configuration.axi_bytes)),
                "memory_ready": In(1),
                "uart": Out(stream.Signature(8)),
                "trap": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.registers = registers = self._registers
        m.submodules.cpu = cpu = self._cpu
        connect(m, cpu.control, registers.control)
        connect(m, cpu.memory, flipped(self.axi))
        connect(m, cpu.uart, flipped(self.uart))
        m.d.comb += [cpu.memory_ready.eq(self.memory_ready), self.trap.eq(cpu.trap)]
        return m
