# SPDX-License-Identifier: Apache-2.0
"""Fetch, dispatch and tokens in Verilog, in a cocotb bench."""

import pytest

from dpu_sim.rtl.cocotb_runner import run_cocotb
from tests.rtl.control_bench import Control

pytestmark = pytest.mark.rtl


@pytest.mark.parametrize("latency", [2, 60])
def test_control(latency):
    parameters = {"latency": latency}
    assert run_cocotb(Control(queue=4), "control", "tests.rtl.control_bench", parameters) == 1
