# SPDX-License-Identifier: Apache-2.0
"""The host link: a serial line to the DPU's registers and the DRAM."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from dpu_hw.axi import Axi4Signature, AxiLiteSignature
from dpu_hw.link.baud import phase_step
from dpu_hw.link.bus_access import MemoryAccess, RegisterAccess
from dpu_hw.link.decoder import CommandDecoder
from dpu_hw.link.registers import LinkRegisters
from dpu_hw.link.router import AccessRouter
from dpu_hw.link.uart_receiver import UartReceiver
from dpu_hw.link.uart_transmitter import UartTransmitter
from dpu_hw.ram_queue import RamQueue
from dpu_spec.memory_map import MEMORY_BASE, MEMORY_END
from dpu_spec.uartbone import BUFFER_BYTES, TIMEOUT

__all__ = ["UartBridge"]

#: Bits of the addresses of the DPU's registers.
_REGISTER_ADDRESS_BITS = 16


class UartBridge(wiring.Component):
    """Let a host reach registers and DRAM by :mod:`dpu_spec.uartbone`.

    Parameters
    ----------
    clock_hertz : :class:`int`
        Frequency of the clock.
    baud : :class:`int`
        Bits a second, at most a fourth of it.
    data_bytes : :class:`int`
        Width of the memory's bus in bytes.
    memory_bytes : :class:`int`
        Bytes of the DRAM.
    timeout : :class:`float`
        Seconds after which an unfinished command is forgotten.

    Raises
    ------
    ValueError
        The clock doesn't give that baud rate, or there is no such bus or memory.

    Members
    -------
    rx : :py:`In(1)`, tx : :py:`Out(1)`
        The serial line; ``rx`` is asynchronous.
    control : :py:`Out(AxiLiteSignature(address_bits=16))`
        The DPU's registers.
    memory : :py:`Out(Axi4Signature(data_bytes=data_bytes))`
        The DRAM, from address 0 on.
    interrupt : :py:`In(1)`
        The DPU's.
    memory_ready : :py:`In(1)`
        The DRAM can be used; until then accesses to it fail.
    """

    def __init__(self, *, clock_hertz, baud, data_bytes, memory_bytes, timeout=TIMEOUT):
        if data_bytes not in (4, 8, 16):
            raise ValueError(f"The memory's bus must have 4, 8 or 16 bytes, not {data_bytes!r}")
        if not 0 < memory_bytes <= MEMORY_END - MEMORY_BASE or memory_bytes % data_bytes:
            raise ValueError(
                f"The memory must have a positive multiple of {data_bytes} bytes, at most "
                f"{MEMORY_END - MEMORY_BASE}, not {memory_bytes}"
            )
        phase_step(clock_hertz=clock_hertz, baud=baud)
        self._clock_hertz = clock_hertz
        self._baud = baud
        self._data_bytes = data_bytes
        self._memory_bytes = memory_bytes
        self._timeout = max(1, round(timeout * clock_hertz))
        super().__init__(
            {
                "rx": In(1, init=1),
                "tx": Out(1, init=1),
                "control": Out(AxiLiteSignature(address_bits=_REGISTER_ADDRESS_BITS)),
                "memory": Out(Axi4Signature(data_bytes=data_bytes)),
                "interrupt": In(1),
                "memory_ready": In(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        rate = {"clock_hertz": self._clock_hertz, "baud": self._baud}
        m.submodules.receiver = receiver = UartReceiver(**rate)
        m.submodules.transmitter = transmitter = UartTransmitter(**rate)
        m.submodules.received = received = RamQueue(shape=8, depth=BUFFER_BYTES)
        m.submodules.decoder = decoder = CommandDecoder(timeout=self._timeout)
        m.submodules.router = router = AccessRouter(memory_bytes=self._memory_bytes)
        m.submodules.memory = memory = MemoryAccess(data_bytes=self._data_bytes)
        m.submodules.control = control = RegisterAccess(address_bits=_REGISTER_ADDRESS_BITS)
        m.submodules.registers = registers = LinkRegisters(
            clock_hertz=self._clock_hertz, memory_bytes=self._memory_bytes
        )
        connect(m, receiver.o, received.i)
        connect(m, received.o, decoder.i)
        connect(m, decoder.o, transmitter.i)
        connect(m, decoder.access, router.access)
        connect(m, router.memory, memory.access)
        connect(m, router.registers, control.access)
        connect(m, router.link, registers.access)
        connect(m, memory.memory, flipped(self.memory))
        connect(m, control.bus, flipped(self.control))
        m.d.comb += [
            receiver.rx.eq(self.rx),
            self.tx.eq(transmitter.tx),
            router.memory_ready.eq(self.memory_ready),
            registers.interrupt.eq(self.interrupt),
            registers.memory_ready.eq(self.memory_ready),
            registers.failed.eq(decoder.access.done & decoder.access.error),
            registers.data_valid.eq(decoder.data_valid & router.outside),
            registers.data.eq(decoder.data),
            registers.passed.eq(router.passed),
            registers.write.eq(decoder.access.write),
            registers.address.eq(decoder.access.address),
            registers.next.eq(decoder.next),
            decoder.pause.eq(registers.busy),
        ]
        return m
