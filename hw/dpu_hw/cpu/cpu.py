# SPDX-License-Identifier: Apache-2.0
"""The processor with its memory, its registers and its way to the DPU."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from dpu_hw.axi import Axi4Signature, AxiLiteSignature
from dpu_hw.control.registers import BUS_ADDRESS_BITS
from dpu_hw.cpu.memory_port import MemoryPort
from dpu_hw.cpu.on_chip_memory import OnChipMemory
from dpu_hw.cpu.own_registers import OwnRegisters
from dpu_hw.cpu.picorv32 import PicoRv32
from dpu_hw.cpu.register_port import RegisterPort
from dpu_spec.memory_map import (
    CPU_BASE,
    CPU_MEMORY_BASE,
    MEMORY_BASE,
    MEMORY_END,
    REGISTER_BASE,
    REGISTER_BYTES,
)

__all__ = ["StandaloneCpu"]


class StandaloneCpu(wiring.Component):
    """A RISC-V processor that runs a DPU in place of a host.

    It sees what :mod:`dpu_spec.memory_map` says. An access to anything else reads zero and sets
    the bus error in CPU_STATUS, as does one that DRAM or DPU refuse.

    Parameters
    ----------
    data_bytes : :class:`int`
        Width of the AXI4 data buses in bytes.
    firmware : :class:`bytes`
        What its on-chip memory holds at first.
    memory_bytes : :class:`int`
        Size of that memory.
    dram_bytes : :class:`int`
        Size of the DRAM.

    Members
    -------
    memory : :py:`Out(Axi4Signature(data_bytes=data_bytes))`
        DRAM, from address 0 on.
    control : :py:`Out(AxiLiteSignature(address_bits=16))`
        Registers of the DPU.
    interrupt : :py:`In(1)`
        The DPU's.
    memory_ready : :py:`In(1)`
        The DRAM can be used.
    uart : :py:`Out(stream.Signature(8))`
        Bytes for a UART transmitter.
    trap : :py:`Out(1)`
        The processor met something that it cannot do, and stopped.
    """

    def __init__(self, *, data_bytes, firmware, memory_bytes, dram_bytes):
        self._memory = MemoryPort(data_bytes=data_bytes)
        self._on_chip = OnChipMemory(size=memory_bytes, firmware=firmware)
        self._own = OwnRegisters(dram_bytes=dram_bytes)
        self._memory_bytes = memory_bytes
        super().__init__(
            {
                "memory": Out(Axi4Signature(data_bytes=data_bytes)),
                "control": Out(AxiLiteSignature(address_bits=BUS_ADDRESS_BITS)),
                "interrupt": In(1),
                "memory_ready": In(1),
                "uart": Out(stream.Signature(8)),
                "trap": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.core = core = PicoRv32()
        m.submodules.memory = memory = self._memory
        m.submodules.on_chip = on_chip = self._on_chip
        m.submodules.own = own = self._own
        m.submodules.registers = registers = RegisterPort(address_bits=BUS_ADDRESS_BITS)
        connect(m, memory.axi, flipped(self.memory))
        connect(m, registers.control, flipped(self.control))
        connect(m, own.uart, flipped(self.uart))

        address = core.bus.address
        ranges = (
            (on_chip, CPU_MEMORY_BASE, CPU_MEMORY_BASE + self._memory_bytes),
            (memory, MEMORY_BASE, MEMORY_END),
            (registers, REGISTER_BASE, REGISTER_BASE + REGISTER_BYTES),
            (own, CPU_BASE, CPU_BASE + (1 << 16)),
        )
        # Answers pass through a register: block RAM is slow, and what the core does with them too.
        valid, ready, result, nobody = Signal(), Signal(), Signal(32), Signal()
        selected = Signal(len(ranges))
        m.d.comb += valid.eq(core.bus.valid & ~core.bus.ready)
        m.d.sync += [core.bus.ready.eq(ready), core.bus.result.eq(result)]
        for index, (target, first, end) in enumerate(ranges):
            m.d.comb += [
                selected[index].eq((address >= first) & (address < end)),
                target.bus.valid.eq(valid & selected[index]),
                target.bus.address.eq(address),
                target.bus.data.eq(core.bus.data),
                target.bus.strobe.eq(core.bus.strobe),
            ]
            with m.If(selected[index]):
                m.d.comb += [ready.eq(target.bus.ready), result.eq(target.bus.result)]
        with m.If(~selected.any()):
            m.d.comb += [nobody.eq(valid), ready.eq(valid)]
        m.d.comb += [
            own.error.eq(memory.error | registers.error | nobody),
            own.interrupt.eq(self.interrupt),
            own.memory_ready.eq(self.memory_ready),
            self.trap.eq(core.trap),
        ]
        return m
