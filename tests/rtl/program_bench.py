# SPDX-License-Identifier: Apache-2.0
"""cocotb test of the whole DPU: a program between the memory and the master of cocotbext-axi."""

import random
from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import RisingEdge

from dpu_host.placement import place
from dpu_sim.rtl.parameters import bench_parameters
from dpu_sim.rtl.results import WRITERS
from dpu_spec.isa import WINDOW_NAMES
from dpu_spec.presets import PRESETS
from dpu_spec.registers import BY_NAME, Error, address, identity
from tests.e2e import robust_networks
from tests.e2e.cases import compare_writes, network_case
from tests.rtl.support import axi_lite_master, axi_memory, start

BASE = 0x4000


async def record(dut: Any, lanes: int, found: list[tuple[int, int, bytes]]) -> None:
    """Note each word that is written to the scratchpad."""
    while True:
        await RisingEdge(dut.clk)
        valid = int(dut.trace__write_valid.value)
        if valid:
            addresses = int(dut.trace__write_address.value)
            words = int(dut.trace__write_data.value)
            for writer in range(len(WRITERS)):
                if valid >> writer & 1:
                    word = words >> 8 * lanes * writer & (1 << 8 * lanes) - 1
                    at = addresses >> 16 * writer & 0xFFFF
                    found.append((writer, at, word.to_bytes(lanes, "little")))


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def runs_a_network_twice(dut: Any) -> None:
    configuration = PRESETS["tiny"]
    lanes = configuration.lanes
    case = network_case(robust_networks.small(), configuration, random.getrandbits(16))
    program = case.program
    memory = axi_memory(dut, stall=bench_parameters()["stall"])
    host = axi_lite_master(dut)
    await start(dut)
    for name, value in identity(configuration).items():
        assert await host.read_dword(address(name)) == value

    windows = place(program, BASE)
    memory.write(windows[0].base, program.image)
    for name, window in zip(WINDOW_NAMES, windows, strict=True):
        await host.write_dword(address(f"{name.upper()}_BASE"), window.base)
        await host.write_dword(address(f"{name.upper()}_SIZE"), window.size)
    (step,) = program.steps
    for engine, stream in step.streams.items():
        await host.write_dword(address(f"{engine.name}_STREAM"), stream.offset)
        await host.write_dword(address(f"{engine.name}_COUNT"), stream.count)
    await host.write_dword(address("INTERRUPT_ENABLE"), 1)
    for index, array in case.feeds.items():
        tensor = program.tensors[index]
        memory.write(windows[tensor.window].base + tensor.offset, array.tobytes())

    records: list[tuple[int, int, bytes]] = []
    cocotb.start_soon(record(dut, lanes, records))
    for _ in range(2):
        records.clear()
        await host.write_dword(address("CONTROL"), 1)
        await RisingEdge(dut.interrupt)
        status = BY_NAME["STATUS"]
        value = await host.read_dword(status.address)
        assert status.field("error").get(value) == Error.NONE
        assert status.field("done").get(value)
        await host.write_dword(address("CONTROL"), 4)
        assert not dut.interrupt.value
        for index, expected in case.outputs.items():
            tensor = program.tensors[index]
            at = windows[tensor.window].base + tensor.offset
            data = memory.read(at, expected.nbytes)
            assert np.array_equal(np.frombuffer(data, np.int8).reshape(expected.shape), expected)
            memory.write(at, bytes(expected.nbytes))
        kinds = np.dtype([("writer", "u1"), ("address", "<u2"), ("word", "i1", (lanes,))])
        words = np.empty(len(records), kinds)
        for row, (writer, at, word) in zip(words, records, strict=True):
            row["writer"], row["address"] = writer, at
            row["word"] = np.frombuffer(word, np.int8)
        compare_writes(case, words)
