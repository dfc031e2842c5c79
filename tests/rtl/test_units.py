# SPDX-License-Identifier: Apache-2.0
"""Requantizer and registers in Verilog, in cocotb benches."""

import pytest

from dpu_hw.control.registers import Registers
from dpu_hw.requantize import Requantizer
from dpu_sim.rtl.cocotb_runner import run_cocotb
from dpu_spec.presets import PRESETS
from tests.rtl.requantizer_bench import LANES, TAG_BITS

pytestmark = pytest.mark.rtl


@pytest.mark.parametrize("stall", [{"input": 0.0, "output": 0.0}, {"input": 0.3, "output": 0.5}])
def test_requantizer(stall):
    component = Requantizer(lanes=LANES, tag_shape=TAG_BITS, divide=True)
    assert run_cocotb(component, "requantizer", "tests.rtl.requantizer_bench", stall) == 1


@pytest.mark.parametrize("stall", [0.0, 0.4])
def test_registers(stall):
    component = Registers(configuration=PRESETS["tiny"])
    assert run_cocotb(component, "registers", "tests.rtl.registers_bench", {"stall": stall}) == 3
