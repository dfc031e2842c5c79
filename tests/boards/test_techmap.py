# SPDX-License-Identifier: Apache-2.0
"""The map of carry chains' beginnings, by proof."""

import importlib.resources
import re
import subprocess

import pytest

from dpu_boards.yosys import SynthesisError, find_yosys

ADDERS = """
module adders(
    input [8:0] a, b, output [9:0] sum, output [8:0] difference, output less, output [4:0] next
);
    assign sum = a + b;
    assign difference = a - b;
    assign less = $signed(a) < $signed(b);
    assign next = a[4:0] + 1;
endmodule
"""
MAPPED = """
read_verilog adders.v
synth_ecp5 -noiopad -top adders
write_verilog -noattr before.v
techmap -map ccu2c_start.v
opt_clean
write_verilog -noattr after.v
"""
PROOF = """
read_verilog after.v
read_verilog -D NO_INCLUDES -defer -overwrite +/ecp5/cells_sim.v
hierarchy -top adders
proc
flatten
clean
rename adders mapped
read_verilog adders.v
proc
miter -equiv -flatten -make_outputs adders mapped miter
hierarchy -top miter
flatten
opt
sat -verify -prove trigger 0 miter
"""
#: A carry that is a constant, and one that is none.
CONSTANT = r"\.CIN\(1'h[01]\)"


@pytest.fixture
def yosys(tmp_path):
    try:
        tool = find_yosys()
    except SynthesisError as error:
        pytest.skip(str(error))

    def run(name, script):
        (tmp_path / name).write_text(script)
        return subprocess.run(
            [tool, name], cwd=tmp_path, capture_output=True, text=True, check=False
        )

    return run


def test_chains_begin_with_a_cell_of_their_own_and_add_the_same(tmp_path, yosys):
    source = importlib.resources.files("dpu_boards") / "techmap" / "ccu2c_start.v"
    (tmp_path / "ccu2c_start.v").write_text(source.read_text())
    (tmp_path / "adders.v").write_text(ADDERS)
    assert yosys("map.ys", MAPPED).returncode == 0
    before, after = ((tmp_path / f"{name}.v").read_text() for name in ("before", "after"))
    begun = len(re.findall(CONSTANT, before))
    assert begun >= 3
    # Neither a carry of 0 nor one of 1 is left.
    assert {"0", "1"} == set(re.findall(r"\.CIN\(1'h([01])\)", before))
    assert not re.findall(CONSTANT, after)
    assert after.count("CCU2C #(") == before.count("CCU2C #(") + begun
    proof = yosys("proof.ys", PROOF)
    assert proof.returncode == 0, proof.stdout
    assert "SUCCESS" in proof.stdout
    # A beginning that is wrong is found.
    wrong = after.replace(".INIT0(16'h0008)", ".INIT0(16'h0000)")
    assert wrong != after
    (tmp_path / "after.v").write_text(wrong)
    assert yosys("wrong.ys", PROOF).returncode != 0
