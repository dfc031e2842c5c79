# SPDX-License-Identifier: Apache-2.0
"""cocotb test that runs a comparison to its end."""

import random
from typing import Any

import cocotb
from cocotb.triggers import RisingEdge

from tests.rtl.support import start


@cocotb.test()
async def components_agree(dut: Any) -> None:
    dut.seed.value = random.getrandbits(64) | 1
    await start(dut)
    await RisingEdge(dut.done)
    assert not dut.wrong.value, f"they differ in cycle {int(dut.cycle.value) - 1}"
