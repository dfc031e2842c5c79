# SPDX-License-Identifier: Apache-2.0
"""Load and store engine in Verilog, against the memory of cocotbext-axi."""

import pytest

from dpu_hw.dma.bus import Dma
from dpu_sim.rtl.cocotb_runner import run_cocotb
from tests.hw.dma.transfers import configuration
from tests.rtl.support import WithIdentifiers

pytestmark = pytest.mark.rtl


@pytest.mark.parametrize("stall", [0.0, 0.4])
@pytest.mark.parametrize(("lanes", "axi_bytes"), [(8, 4), (4, 16)])
def test_dma(lanes, axi_bytes, stall):
    config = configuration(lanes=lanes, axi_bytes=axi_bytes, scratchpad_words=4096)
    parameters = {"configuration": config.parameters(), "stall": stall}
    component = WithIdentifiers(Dma(configuration=config), "axi")
    assert run_cocotb(component, "dma", "tests.rtl.dma_bench", parameters) == 1
