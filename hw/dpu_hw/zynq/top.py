# SPDX-License-Identifier: Apache-2.0
"""A DPU for the programmable logic of a Zynq-7000."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from dpu_hw.axi import AxiLiteSignature
from dpu_hw.control.registers import BUS_ADDRESS_BITS
from dpu_hw.top import Dpu
from dpu_hw.zynq.adapter import Axi3Adapter
from dpu_hw.zynq.axi3 import Axi3Signature

__all__ = ["ZynqDpu"]


class ZynqDpu(wiring.Component):
    """A DPU whose memory is behind AXI3 ports; its member for simulations isn't led out.

    Parameters
    ----------
    configuration : :class:`dpu_spec.configuration.Configuration`
        The DPU's sizes.

    Members
    -------
    hp : :py:`Out(Axi3Signature(...)).array(...)`
        DRAM, at the addresses that the processor has it at; see
        :class:`dpu_hw.zynq.adapter.Axi3Adapter`.
    control : :py:`In(AxiLiteSignature(address_bits=16))`
        Registers, see :mod:`dpu_spec.registers`.
    interrupt : :py:`Out(1)`
        High from the end of a run until the host takes it back.
    """

    def __init__(self, *, configuration):
        self._dpu = Dpu(configuration=configuration)
        self._adapter = Axi3Adapter(data_bytes=configuration.axi_bytes)
        geometry = self._adapter.geometry
        port = Axi3Signature(data_bytes=geometry.port_bytes)
        super().__init__(
            {
                "hp": Out(port).array(geometry.ports),
                "control": In(AxiLiteSignature(address_bits=BUS_ADDRESS_BITS)),
                "interrupt": Out(1),
            }
        )

    @property
    def geometry(self):
        """Widths, and the number of ports."""
        return self._adapter.geometry

    def elaborate(self, platform):
        m = Module()
        m.submodules.dpu = dpu = self._dpu
        m.submodules.adapter = adapter = self._adapter
        connect(m, dpu.axi, adapter.axi)
        connect(m, flipped(self.control), dpu.control)
        for inner, own in zip(adapter.ports, self.hp, strict=True):
            connect(m, inner, flipped(own))
        m.d.comb += self.interrupt.eq(dpu.interrupt)
        return m
