# SPDX-License-Identifier: Apache-2.0
"""What cocotb benches share: clock and reset, streams, and an AXI4 memory with stalls."""

import itertools
import random
from collections.abc import Iterator
from typing import Any

import cocotb
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import Flow, In, Member, Out, connect, flipped
from cocotb.clock import Clock
from cocotb.triggers import ReadOnly, RisingEdge, Timer

PERIOD = 10


async def start(dut: Any, *, cycles: int = 4) -> None:
    """Start the clock and reset the design. Set the inputs' first values before."""
    Clock(dut.clk, PERIOD, unit="ns").start()
    if hasattr(dut, "rst"):
        dut.rst.value = 1
        for _ in range(cycles):
            await RisingEdge(dut.clk)
        dut.rst.value = 0
    await RisingEdge(dut.clk)


async def settle() -> None:
    """Let combinational outputs follow the inputs that were just set."""
    await Timer(1, unit="ns")


class StreamDriver:
    """Feed a stream input of the design: payload, valid, ready.

    A payload is an integer. `stall` is the probability that a cycle without a waiting payload
    stays without one.
    """

    def __init__(self, dut: Any, name: str, *, stall: float = 0.0) -> None:
        self.clock = dut.clk
        self.valid = getattr(dut, f"{name}__valid")
        self.ready = getattr(dut, f"{name}__ready", None)
        self.payload = getattr(dut, f"{name}__payload", None)
        self.stall = stall
        self.valid.value = 0

    async def send(self, *payloads: int) -> None:
        """Send payloads one after the other, and return when the last one is taken."""
        for payload in payloads:
            while random.random() < self.stall:
                await RisingEdge(self.clock)
            self.valid.value = 1
            if self.payload is not None:
                self.payload.value = payload
            while True:
                await ReadOnly()
                taken = self.ready is None or bool(self.ready.value)
                await RisingEdge(self.clock)
                if taken:
                    break
            self.valid.value = 0


class StreamMonitor:
    """Take from a stream output of the design, and check that it holds what it offers."""

    def __init__(self, dut: Any, name: str, *, stall: float = 0.0) -> None:
        self.name = name
        self.clock = dut.clk
        self.valid = getattr(dut, f"{name}__valid")
        self.ready = getattr(dut, f"{name}__ready", None)
        self.payload = getattr(dut, f"{name}__payload", None)
        self.stall = stall
        if self.ready is not None:
            self.ready.value = 0

    async def receive(self, count: int = 1) -> list[int]:
        """Take so many payloads."""
        taken: list[int] = []
        waiting: int | None = None
        while len(taken) < count:
            ready = self.ready is None or random.random() >= self.stall
            if self.ready is not None:
                self.ready.value = int(ready)
            await ReadOnly()
            valid = bool(self.valid.value)
            value = int(self.payload.value) if valid and self.payload is not None else 0
            if waiting is not None:
                assert valid, f"{self.name}: valid fell before ready came"
                assert value == waiting, f"{self.name}: the payload changed while it waited"
            waiting = value if valid and not ready else None
            if valid and ready:
                taken.append(value)
            await RisingEdge(self.clock)
        if self.ready is not None:
            self.ready.value = 0
        return taken


def stalls(seed: int, probability: float) -> Iterator[bool]:
    """Return a pause generator for the channels of cocotbext-axi."""
    generator = random.Random(seed)
    return (generator.random() < probability for _ in itertools.count())


def axi_memory(
    dut: Any, name: str = "axi", *, size: int = 1 << 20, stall: float = 0.0, seed: int | None = None
) -> Any:
    """Attach a memory of cocotbext-axi to an AXI4 master of the design.

    The component must have been wrapped in :class:`WithIdentifiers`. A bus with only the read
    channels or only the write channels is served, too. The result has ``read`` and ``write``.
    """
    from cocotbext.axi import AxiRamRead, AxiRamWrite
    from cocotbext.axi.axi_channels import AxiReadBus, AxiWriteBus
    from cocotbext.axi.memory import Memory

    memory = Memory(size)
    start_seed = random.getrandbits(32) if seed is None else seed
    if hasattr(dut, f"{name}__arvalid"):
        bus = AxiReadBus.from_prefix(dut, name, bus_separator="__")
        reader = AxiRamRead(bus, dut.clk, dut.rst, size=size, mem=memory.mem)
        if stall:
            reader.ar_channel.set_pause_generator(stalls(start_seed, stall))
            reader.r_channel.set_pause_generator(stalls(start_seed + 1, stall))
    if hasattr(dut, f"{name}__awvalid"):
        bus = AxiWriteBus.from_prefix(dut, name, bus_separator="__")
        writer = AxiRamWrite(bus, dut.clk, dut.rst, size=size, mem=memory.mem)
        if stall:
            writer.aw_channel.set_pause_generator(stalls(start_seed + 2, stall))
            writer.w_channel.set_pause_generator(stalls(start_seed + 3, stall))
            writer.b_channel.set_pause_generator(stalls(start_seed + 4, stall))
    return memory


def axi_lite_master(dut: Any, name: str = "control") -> Any:
    """Attach a master of cocotbext-axi to an AXI4-Lite slave of the design."""
    from cocotbext.axi import AxiLiteBus, AxiLiteMaster

    bus = AxiLiteBus.from_prefix(dut, name, bus_separator="__")
    return AxiLiteMaster(bus, dut.clk, dut.rst)


class WithIdentifiers(wiring.Component):
    """A component whose AXI4 buses get the identifiers that cocotbext-axi needs, always 0.

    Parameters
    ----------
    component
        The component.
    buses
        The names of its AXI4 buses.
    """

    def __init__(self, component: wiring.Component, *buses: str) -> None:
        self._component = component
        self._buses = buses
        members = dict(component.signature.members.items())
        for name in buses:
            inner = members[name].signature
            extended = dict(inner.members.items())
            for channel, flow in (("aw", Out), ("b", In), ("ar", Out), ("r", In)):
                if f"{channel}valid" in extended:
                    extended[f"{channel}id"] = flow(1)
            members[name] = Member(members[name].flow, wiring.Signature(extended))
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.component = component = self._component
        for name, member in component.signature.members.items():
            outer, inner = getattr(self, name), getattr(component, name)
            if name in self._buses:
                for signal, port in member.signature.members.items():
                    ends = getattr(outer, signal), getattr(inner, signal)
                    outward = port.flow == Flow.Out
                    m.d.comb += ends[0].eq(ends[1]) if outward else ends[1].eq(ends[0])
            else:
                ends = zip(_elements(outer), _elements(inner), strict=True)
                for outer_element, inner_element in ends:
                    if member.is_signature:
                        connect(m, flipped(outer_element), inner_element)
                    elif member.flow == Flow.Out:
                        m.d.comb += outer_element.eq(inner_element)
                    else:
                        m.d.comb += inner_element.eq(outer_element)
        return m


def _elements(member: Any) -> Iterator[Any]:
    """Iterate over a member of a component, or over the elements of an array of them."""
    if isinstance(member, list | tuple):
        for element in member:
            yield from _elements(element)
    else:
        yield member


__all__ = [
    "StreamDriver",
    "StreamMonitor",
    "WithIdentifiers",
    "axi_lite_master",
    "axi_memory",
    "cocotb",
    "settle",
    "stalls",
    "start",
]
