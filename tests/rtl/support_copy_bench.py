# SPDX-License-Identifier: Apache-2.0
"""cocotb tests of the copy engine, against cocotbext-axi: a second opinion on the engine itself,
and a test of the runner."""

import random
from typing import Any

import cocotb
from cocotb.triggers import RisingEdge

from dpu_sim.rtl.parameters import bench_parameters
from tests.rtl.support import axi_lite_master, axi_memory, start
from tests.rtl.support_copy import IDENTITY, Fault, Register


async def copy(dut: Any, faults: int) -> bytes:
    parameters = bench_parameters()
    memory = axi_memory(dut, stall=parameters["stall"])
    host = axi_lite_master(dut)
    await start(dut)
    assert await host.read_dword(Register.IDENTITY) == IDENTITY
    beats = parameters["beats"]
    data = random.randbytes(beats * len(dut.axi__rdata) // 8)
    memory.write(0xF80, data)
    await host.write_dword(Register.SOURCE, 0xF80)
    await host.write_dword(Register.TARGET, 0x4FC0)
    await host.write_dword(Register.BEATS, beats)
    await host.write_dword(Register.FAULTS, faults)
    await host.write_dword(Register.START, 1)
    await RisingEdge(dut.interrupt)
    assert memory.read(0x4FC0, len(data)) == data
    return data


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def copies(dut: Any) -> None:
    await copy(dut, 0)


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def detects_wrong_data(dut: Any) -> None:
    await copy(dut, Fault.DATA_CHANGES if bench_parameters().get("faulty") else 0)
