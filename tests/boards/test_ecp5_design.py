# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""What is handed to the tools for a board: the Soc's Verilog, pins, clocks, options."""

import dataclasses
import re

import pytest

from dpu_boards.build import prepare
from dpu_boards.toolchains import ToolchainError
from dpu_boards.ulx3s import BOARD

#: The board with a DPU that is generated fast.
SMALL = dataclasses.replace(BOARD, preset="tiny")


@pytest.fixture(scope="module")
def plan():
    """Return the files of a build, and the clock's frequency."""
    plan, hertz = prepare(SMALL, seed=7)
    return plan.files, hertz


def text(files, name):
    found = files[name]
    return found.decode() if isinstance(found, bytes) else found


def test_the_soc_goes_as_verilog_with_the_family_s_multipliers(plan):
    files, _ = plan
    verilog = text(files, "soc.v")
    assert re.search(r"^module soc\(", verilog, re.MULTILINE)
    assert "MULT18X18D" in verilog
    assert "no_rw_check" in verilog
    assert "read_verilog  soc.v" in text(files, "top.ys")
    # Nothing of it is in what goes as RTLIL.
    assert "dpu.machine" not in text(files, "top.il")


def test_carry_chains_are_given_their_beginning(plan):
    files, _ = plan
    assert "techmap_celltype" in text(files, "ccu2c_start.map")
    script = text(files, "top.ys")
    assert script.index("synth_ecp5") < script.index("techmap -map ccu2c_start.map")
    assert script.index("techmap -map") < script.index("write_json")
    assert "read_verilog  ccu2c_start" not in script


def test_every_port_of_the_soc_is_connected(plan):
    files, _ = plan
    declared = re.search(r"^module soc\((.*?)\);", text(files, "soc.v"), re.MULTILINE | re.DOTALL)
    ports = {name.strip() for name in declared[1].split(",")}
    instance = re.search(r"cell \\soc .*?\n(.*?)\n\s*end", text(files, "top.il"), re.DOTALL)
    assert ports == set(re.findall(r"connect \\(\S+)", instance[1]))


def test_the_clocks_are_the_pll_s(plan):
    files, hertz = plan
    assert hertz == 80_000_000
    netlist = text(files, "top.il")
    # 25 MHz to a VCO of 400 MHz, and that divided by five.
    for name, value in (("CLKI_DIV", 1), ("CLKOP_DIV", 16), ("CLKOS_DIV", 5), ("CLKOS2_DIV", 5)):
        assert re.search(rf"parameter (signed )?\\{name} {value}$", netlist, re.MULTILINE), name
    # nextpnr derives the others from the oscillator's.
    assert re.findall("FREQUENCY.*", text(files, "top.lpf")) == [
        'FREQUENCY PORT "clk25_0__io" 25000000.0 HZ;'
    ]


def test_pins_are_the_board_s(plan):
    files, _ = plan
    constraints = text(files, "top.lpf")
    for pin, site in (("clk25_0__io", "G2"), ("uart_0__rx__io", "M1"), ("uart_0__tx__io", "L4")):
        assert f'LOCATE COMP "{pin}" SITE "{site}";' in constraints
    assert len(re.findall(r'LOCATE COMP "sdram_0__dq__io\[\d+\]"', constraints)) == 16


def test_options_reach_the_tools(plan):
    files, _ = plan
    script = text(files, "build_top.sh")
    assert "--seed 7" in script
    assert "--placer static --router router2" in script
    assert "--report report.json" in script
    assert "synth_ecp5 -nowidelut" in text(files, "top.ys")


def test_a_missing_package_is_named():
    def platform():
        raise ModuleNotFoundError("No module named 'amaranth_boards'", name="amaranth_boards")

    with pytest.raises(ToolchainError, match=r"amaranth_boards: isn't installed; .*\[bitstream\]"):
        prepare(dataclasses.replace(SMALL, platform=platform))
