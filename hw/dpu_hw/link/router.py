# SPDX-License-Identifier: Apache-2.0
"""Where the link's addresses lead."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from dpu_hw.link.access import AccessSignature
from dpu_spec.memory_map import LINK_BASE, MEMORY_BASE, REGISTER_BASE, REGISTER_BYTES

__all__ = ["LINK_BYTES", "AccessRouter"]

#: Bytes of the link's own registers.
LINK_BYTES = 0x20


class AccessRouter(wiring.Component):
    """Hand each access to the memory, to the DPU's registers or to the link's own.

    What leads nowhere, and what leads to a memory that isn't ready, fails at once.

    Parameters
    ----------
    memory_bytes : :class:`int`
        Bytes of the memory.

    Members
    -------
    access : :py:`In(AccessSignature())`
        Addresses as :mod:`dpu_spec.memory_map` has them, in words. They are there a cycle before
        ``valid``.
    memory, registers, link : :py:`Out(AccessSignature())`
        Addresses from 0 on in each.
    memory_ready : :py:`In(1)`
        The memory can be used.
    outside : :py:`Out(1)`
        The address of the cycle before, whether or not an access is under way, is one of memory or
        registers.
    passed : :py:`Out(1)`
        An access to memory or registers ends in this cycle.
    """

    def __init__(self, *, memory_bytes):
        self._memory_bytes = memory_bytes
        super().__init__(
            {
                "access": In(AccessSignature()),
                "memory": Out(AccessSignature()),
                "registers": Out(AccessSignature()),
                "link": Out(AccessSignature()),
                "memory_ready": In(1),
                "outside": Out(1),
                "passed": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        access = self.access
        offset = Signal(32)
        in_memory, in_registers, in_link = Signal(), Signal(), Signal()
        # A cycle late: much depends on it.
        m.d.sync += [
            in_memory.eq(offset < self._memory_bytes // 4),
            in_registers.eq(_within(access.address, REGISTER_BASE, REGISTER_BYTES)),
            in_link.eq(_within(access.address, LINK_BASE, LINK_BYTES)),
        ]
        m.d.comb += [
            offset.eq(access.address - MEMORY_BASE // 4),
            self.outside.eq(in_memory | in_registers),
            self.passed.eq(self.outside & access.done & ~(in_memory & ~self.memory_ready)),
        ]
        for target, address in (
            (self.memory, offset),
            (self.registers, access.address % (REGISTER_BYTES // 4)),
            (self.link, access.address % (LINK_BYTES // 4)),
        ):
            m.d.comb += [
                target.address.eq(address),
                target.write.eq(access.write),
                target.data.eq(access.data),
            ]
        m.d.comb += [
            access.done.eq(access.valid),
            access.error.eq(1),
            access.result.eq(
                Mux(
                    in_memory,
                    self.memory.result,
                    Mux(in_link, self.link.result, self.registers.result),
                )
            ),
        ]
        for here, target in (
            (in_memory & self.memory_ready, self.memory),
            (in_registers, self.registers),
            (in_link, self.link),
        ):
            with m.If(here):
                m.d.comb += [
                    target.valid.eq(access.valid),
                    access.done.eq(target.done),
                    access.error.eq(target.error),
                ]
        return m


def _within(address, base, size):
    """Tell whether a word lies in a range of bytes, whose size is a power of two."""
    return address // (size // 4) == base // size
