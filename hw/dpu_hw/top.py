# SPDX-License-Identifier: Apache-2.0
"""The DPU."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from dpu_hw.axi import Axi4Signature, AxiLiteSignature
from dpu_hw.control.layouts import ENGINES
from dpu_hw.control.registers import BUS_ADDRESS_BITS, Registers
from dpu_hw.control.supervisor import Supervisor
from dpu_hw.machine import WRITERS, Machine
from dpu_hw.ports import ADDRESS_BITS
from dpu_spec.configuration import Configuration
from dpu_spec.registers import COUNTERS

__all__ = ["Dpu", "TraceSignature"]


class TraceSignature(wiring.Signature):
    """What simulations watch, from the DPU's side; a board leaves it unconnected.

    Members
    -------
    start, finish : :py:`Out(ENGINES)`
        Pulses: the engine of that number accepts, or completes, an instruction.
    write_valid : :py:`Out(4)`
        Drain, depthwise, vector and load write a word to the scratchpad in this cycle.
    write_address, write_data :
        The address and the word of each, side by side.
    """

    def __init__(self, *, lanes):
        super().__init__(
            {
                "start": Out(ENGINES),
                "finish": Out(ENGINES),
                "write_valid": Out(len(WRITERS)),
                "write_address": Out(len(WRITERS) * ADDRESS_BITS),
                "write_data": Out(len(WRITERS) * 8 * lanes),
            }
        )


class Dpu(wiring.Component):
    """A Tandem DPU.

    Parameters
    ----------
    configuration : :class:`dpu_spec.configuration.Configuration`
        All its sizes.

    Members
    -------
    axi : :py:`Out(Axi4Signature(data_bytes=axi_bytes))`
        DRAM.
    control : :py:`In(AxiLiteSignature(address_bits=16))`
        Registers, see :mod:`dpu_spec.registers`.
    interrupt : :py:`Out(1)`
        High from the end of a run until the host takes it back.
    trace : :py:`Out(TraceSignature(lanes=lanes))`
        For simulations.
    """

    def __init__(self, *, configuration):
        if not isinstance(configuration, Configuration):
            raise TypeError(f"Configuration must be a Configuration, not {configuration!r}")
        self._configuration = configuration
        super().__init__(
            {
                "axi": Out(Axi4Signature(data_bytes=configuration.axi_bytes)),
                "control": In(AxiLiteSignature(address_bits=BUS_ADDRESS_BITS)),
                "interrupt": Out(1),
                "trace": Out(TraceSignature(lanes=configuration.lanes)),
            }
        )

    @property
    def configuration(self):
        """All sizes."""
        return self._configuration

    def elaborate(self, platform):
        m = Module()
        m.submodules.registers = registers = Registers(configuration=self._configuration)
        m.submodules.supervisor = supervisor = Supervisor()
        m.submodules.machine = machine = Machine(configuration=self._configuration)
        # Between runs everything that a failed run may have left in disorder is in reset.
        m.d.comb += machine.reset_next.eq(supervisor.reset_next)

        connect(m, flipped(self.control), registers.control)
        connect(m, machine.axi, flipped(self.axi))
        for own, window in zip(registers.windows, machine.windows, strict=True):
            m.d.comb += window.eq(own)
        for own, inner in zip(supervisor.index, machine.index, strict=True):
            m.d.comb += own.eq(inner)
        for name in ("fault", "empty", "idle", "waiting", "running", "bus_idle"):
            m.d.comb += getattr(supervisor, name).eq(getattr(machine, name))
        for name in ("start", "abort", "clear_interrupt", "interrupt_enable"):
            m.d.comb += getattr(supervisor, name).eq(getattr(registers, name))
        for name in ("read_transfer", "write_transfer", *(name for name, _ in COUNTERS)):
            m.d.comb += getattr(registers, name).eq(getattr(machine, name))
        trace = self.trace
        m.d.comb += [
            machine.stop.eq(supervisor.stop),
            registers.select.eq(machine.select),
            machine.stream.eq(registers.stream),
            registers.status.eq(supervisor.status),
            registers.clear.eq(supervisor.clear),
            registers.running.eq(supervisor.busy),
            self.interrupt.eq(supervisor.interrupt),
            trace.start.eq(machine.start),
            trace.finish.eq(machine.finish),
            trace.write_valid.eq(machine.write_valid),
            trace.write_address.eq(Cat(write.address for write in machine.writes)),
            trace.write_data.eq(Cat(write.data.as_value() for write in machine.writes)),
        ]
        return m
