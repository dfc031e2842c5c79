# SPDX-License-Identifier: Apache-2.0
"""Each engine in Verilog, in a cocotb bench, against the emulator."""

import pytest

from dpu_hw.conv import ConvEngine
from dpu_hw.depthwise import DepthwiseEngine
from dpu_hw.vector import VectorUnit
from dpu_sim.rtl.cocotb_runner import run_cocotb
from tests.rtl.engine_bench import CONFIGURATION

pytestmark = pytest.mark.rtl

DISTURBANCES = [{"refuse": 0.0, "pause": 0.0}, {"refuse": 0.3, "pause": 0.2}]


@pytest.mark.parametrize("disturbance", DISTURBANCES)
@pytest.mark.parametrize(
    ("engine", "name"),
    [(ConvEngine, "conv"), (DepthwiseEngine, "depthwise"), (VectorUnit, "vector")],
)
def test_engine(engine, name, disturbance):
    component = engine(configuration=CONFIGURATION)
    assert run_cocotb(component, f"{name}_engine", f"tests.rtl.{name}_bench", disturbance) == 1
