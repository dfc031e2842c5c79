# SPDX-License-Identifier: Apache-2.0
"""The link's own registers."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from dpu_hw.choose import choose
from dpu_hw.link.access import AccessSignature
from dpu_hw.link.serial_crc import SerialCrc
from dpu_spec.memory_map import (
    LINK_CLOCK_HERTZ,
    LINK_CRC,
    LINK_HIGHEST,
    LINK_LOWEST,
    LINK_MEMORY_BYTES,
    LINK_NEXT,
    LINK_STATUS,
    LINK_WRITTEN,
)

__all__ = ["LinkRegisters"]

#: Words of the registers that tell what has passed.
_PASSED = tuple(at // 4 for at in (LINK_NEXT, LINK_WRITTEN, LINK_LOWEST, LINK_HIGHEST))
assert [at % 4 for at in _PASSED] == [0, 1, 2, 3]


class LinkRegisters(wiring.Component):
    """Tell the host how the link fares, see :mod:`dpu_spec.memory_map`.

    Parameters
    ----------
    clock_hertz : :class:`int`
        Frequency of the clock.
    memory_bytes : :class:`int`
        Bytes of the memory.

    Members
    -------
    access : :py:`In(AccessSignature())`
        Addresses from 0 on, in words. An access ends in its first cycle in which it isn't ``busy``.
    interrupt, memory_ready : :py:`In(1)`
        Bits of LINK_STATUS.
    failed : :py:`In(1)`
        An access has failed.
    data_valid : :py:`In(1)`, data : :py:`In(8)`
        A byte for the CRC; none may come while it is ``busy``.
    busy : :py:`Out(1)`
        The CRC doesn't have the last byte yet.
    passed : :py:`In(1)`, write : :py:`In(1)`
        A word of memory or registers has been read, or written.
    address : :py:`In(32)`, next : :py:`In(32)`
        That word, and the one behind it.
    """

    def __init__(self, *, clock_hertz, memory_bytes):
        self._clock_hertz = clock_hertz
        self._memory_bytes = memory_bytes
        super().__init__(
            {
                "access": In(AccessSignature()),
                "interrupt": In(1),
                "memory_ready": In(1),
                "failed": In(1),
                "data_valid": In(1),
                "data": In(8),
                "busy": Out(1),
                "passed": In(1),
                "write": In(1),
                "address": In(32),
                "next": In(32),
            }
        )

    def elaborate(self, platform):
        m = Module()
        access = self.access
        failed, following = Signal(), Signal(30)
        written, lowest, highest = Signal(32), Signal(30, init=-1), Signal(30)
        m.submodules.crc = check = SerialCrc()
        m.d.comb += [
            check.valid.eq(self.data_valid),
            check.data.eq(self.data),
            self.busy.eq(check.busy),
            access.done.eq(access.valid & ~check.busy),
        ]
        act = access.done & access.write
        # Those that tell of words that have passed, in the order of their addresses.
        moved = choose(
            m,
            access.address[:2],
            [
                Cat(C(0, 2), following),
                written,
                Cat(C(0, 2), lowest),
                Cat(C(0, 2), highest),
            ],
            platform,
        )
        with m.Switch(access.address):
            with m.Case(LINK_CRC // 4):
                m.d.comb += [access.result.eq(check.crc), check.start.eq(act)]
            with m.Case(LINK_STATUS // 4):
                m.d.comb += access.result.eq(Cat(self.interrupt, self.memory_ready, failed))
                with m.If(act):
                    m.d.sync += failed.eq(0)
            with m.Case(LINK_MEMORY_BYTES // 4):
                m.d.comb += access.result.eq(self._memory_bytes)
            with m.Case(LINK_CLOCK_HERTZ // 4):
                m.d.comb += access.result.eq(self._clock_hertz)
            with m.Case(*_PASSED):
                m.d.comb += access.result.eq(moved)
            with m.Default():
                m.d.comb += access.error.eq(1)
        with m.If(self.failed):
            m.d.sync += failed.eq(1)
        with m.If(self.passed):
            m.d.sync += following.eq(self.next)
            with m.If(self.write):
                m.d.sync += written.eq(written + 1)
        # Memory and registers have no higher addresses than those.
        address = self.address[: len(lowest)]
        with m.If(check.start):
            m.d.sync += [lowest.eq(lowest.init), highest.eq(0)]
        with m.Elif(self.passed & self.write):
            with m.If(address < lowest):
                m.d.sync += lowest.eq(address)
            with m.If(address > highest):
                m.d.sync += highest.eq(address)
        return m
