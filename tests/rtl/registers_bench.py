# SPDX-License-Identifier: Apache-2.0
"""cocotb test of the registers, with the AXI4-Lite master of cocotbext-axi."""

import random
from typing import Any

import cocotb
from cocotb.triggers import ReadOnly, RisingEdge

from dpu_sim.rtl.parameters import bench_parameters
from dpu_spec.instruction import Engine
from dpu_spec.isa import WINDOW_NAMES
from dpu_spec.presets import preset
from dpu_spec.registers import (
    BY_NAME,
    COUNTERS,
    REGISTERS,
    ROM_ADDRESS,
    Access,
    identity,
    rom,
)
from tests.rtl.support import axi_lite_master, stalls, start

PULSES = ("start", "abort", "clear_interrupt")
EVENTS = ("running", "read_transfer", "write_transfer", *(name for name, _ in COUNTERS))


def begin(dut: Any) -> Any:
    """Return a master with stalls; nothing happens in the machine."""
    for name in (*EVENTS, "clear", "status", "select"):
        getattr(dut, name).value = 0
    host = axi_lite_master(dut)
    probability = bench_parameters()["stall"]
    if probability:
        for n, end in enumerate((host.write_if, host.read_if)):
            for channel in ("aw_channel", "w_channel", "b_channel", "ar_channel", "r_channel"):
                if hasattr(end, channel):
                    seed = random.getrandbits(32) + n
                    getattr(end, channel).set_pause_generator(stalls(seed, probability))
    return host


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def every_register_is_what_the_map_says(dut: Any) -> None:
    host = begin(dut)
    configuration = preset("tiny")
    await start(dut)
    values = dict.fromkeys((r.name for r in REGISTERS), 0) | identity(configuration)
    for address, word in enumerate(rom(configuration)):
        assert await host.read_dword(ROM_ADDRESS + 4 * address) == word
    for address in (0x00C, 0x03C, 0x0B0, 0x160, 0x7FC, ROM_ADDRESS + 4 * len(rom(configuration))):
        assert await host.read_dword(address) == 0
    plain = [r for r in REGISTERS if r.access is not Access.PULSE]
    for _ in range(2):
        for register in random.sample(plain, len(plain)):
            value = random.getrandbits(32)
            # Any bytes, as the strobes say.
            first = random.randrange(4)
            count = random.randint(1, 4 - first)
            await host.write(
                register.address + first, value.to_bytes(4, "little")[first : first + count]
            )
            if register.access is Access.WRITE:
                mask = ((1 << 8 * count) - 1) << 8 * first
                width = (1 << 32) - 1 if register.name != "INTERRUPT_ENABLE" else 1
                given = value.to_bytes(4, "little")[first : first + count]
                shifted = int.from_bytes(given, "little") << 8 * first
                values[register.name] = (values[register.name] & ~mask | shifted) & width
        for register in random.sample(plain, len(plain)):
            assert await host.read_dword(register.address) == values[register.name], register.name
    for index, name in enumerate(WINDOW_NAMES):
        base, size = (values[f"{name.upper()}_{part}"] for part in ("BASE", "SIZE"))
        assert int(getattr(dut, f"windows__{index}").value) == size << 32 | base
    for engine in Engine:
        dut.select.value = int(engine)
        await RisingEdge(dut.clk)
        await ReadOnly()
        offset, count = (values[f"{engine.name}_{part}"] for part in ("STREAM", "COUNT"))
        assert int(dut.stream.value) == count << 32 | offset
        await RisingEdge(dut.clk)


async def _count_pulses(dut: Any, seen: dict[str, int]) -> None:
    while True:
        await RisingEdge(dut.clk)
        await ReadOnly()
        for name in PULSES:
            seen[name] += int(getattr(dut, name).value)


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def control_bits_pulse_once(dut: Any) -> None:
    host = begin(dut)
    await start(dut)
    seen = dict.fromkeys(PULSES, 0)
    cocotb.start_soon(_count_pulses(dut, seen))
    control = BY_NAME["CONTROL"]
    expected = dict.fromkeys(PULSES, 0)
    for _ in range(40):
        value = random.getrandbits(32)
        await host.write_dword(control.address, value)
        assert await host.read_dword(control.address) == 0
        for bits in control.bits:
            expected[bits.name] += bits.get(value)
    assert seen == expected


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def counters_count_their_events(dut: Any) -> None:
    host = begin(dut)
    await start(dut)
    beat = preset("tiny").axi_bytes
    for _ in range(2):
        await RisingEdge(dut.clk)
        dut.clear.value = 1
        await RisingEdge(dut.clk)
        dut.clear.value = 0
        counts = dict.fromkeys(("CYCLES", "READ_BYTES", "WRITE_BYTES"), 0)
        counts |= {f"{e.name}_{c.upper()}": 0 for e in Engine for c, _ in COUNTERS}
        for _ in range(random.randint(50, 300)):
            single = [random.getrandbits(1) for _ in range(3)]
            for name, value in zip(EVENTS, single, strict=False):
                getattr(dut, name).value = value
            for name, value, step in zip(
                ("CYCLES", "READ_BYTES", "WRITE_BYTES"), single, (1, beat, beat), strict=True
            ):
                counts[name] += step * value
            for counter, _ in COUNTERS:
                mask = random.getrandbits(len(Engine))
                getattr(dut, counter).value = mask
                for engine in Engine:
                    counts[f"{engine.name}_{counter.upper()}"] += mask >> engine & 1
            await RisingEdge(dut.clk)
        for name in EVENTS:
            getattr(dut, name).value = 0
        # What has just happened may still be under way.
        for _ in range(100):
            await RisingEdge(dut.clk)
        for name in random.sample(list(counts), len(counts)):
            assert await host.read_dword(BY_NAME[name].address) == counts[name], name
