# SPDX-License-Identifier: Apache-2.0
"""A whole program on the whole DPU, between models of the buses that aren't ours."""

import pytest

from dpu_hw.top import Dpu
from dpu_sim.rtl.cocotb_runner import run_cocotb
from dpu_spec.presets import PRESETS
from tests.rtl.support import WithIdentifiers

pytestmark = pytest.mark.rtl


def test_program():
    component = WithIdentifiers(Dpu(configuration=PRESETS["tiny"]), "axi")
    assert run_cocotb(component, "dpu", "tests.rtl.program_bench", {"stall": 0.2}) == 1
