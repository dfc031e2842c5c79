# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""Projects for apio: what it reads them for, and that Yosys finds the same design in them."""

import configparser
import dataclasses
import json
import re
import shutil
import subprocess

import pytest

from dpu_boards import apio, arty_z7
from dpu_boards.apio import ExportError, export, plain_names
from dpu_boards.build import prepare
from dpu_boards.clocks import ClockError
from dpu_boards.ulx3s import BOARD
from dpu_boards.yosys import SynthesisError, find_yosys
from dpu_spec.configuration import from_file

#: The board with a DPU that is generated fast.
SMALL = dataclasses.replace(BOARD, preset="tiny")
#: What synth_ecp5 reads first.
CELLS = "read_verilog -lib -specify +/ecp5/cells_sim.v +/ecp5/cells_bb.v"


def yosys(folder, *commands):
    """Run commands of Yosys in a folder, the only one that it sees."""
    try:
        found = find_yosys()
    except SynthesisError as error:
        pytest.skip(str(error))
    run = subprocess.run(
        [found, "-q", "-p", "; ".join(commands)],
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, (run.stdout + run.stderr)[-2000:]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """Return a project with another clock than the board's."""
    return export(SMALL, folder=tmp_path_factory.mktemp("apio"), clock_hertz=50_000_000)


@pytest.fixture(scope="module")
def ports(project):
    """Return each port's width in the top module, as Yosys reads the project's Verilog alone."""
    folder = project.file.parent
    yosys(
        folder,
        CELLS,
        # As apio does: all Verilog in the folder.
        f"read_verilog {' '.join(sorted(path.name for path in folder.glob('*.v')))}",
        "hierarchy -check -top top",
        "proc",
        # Names that abc9 would take for bits of others. Yosys's own are as in every design.
        "select -assert-none w:*[*] w:*.* %u w:$* %d",
        "select top",
        "write_json -selected ports.json",
    )
    found = json.loads((folder / "ports.json").read_text())["modules"]["top"]["ports"]
    return {name: len(port["bits"]) for name, port in found.items()}


def test_the_project_file_has_what_apio_knows(project):
    parser = configparser.ConfigParser()
    parser.read(project.file)
    assert parser.sections() == ["env:default"]
    section = dict(parser["env:default"])
    # Values with several lines are lists of apio's.
    for tool, options in (("yosys", "-nowidelut"), ("nextpnr", "--placer static --router router2")):
        lines = section.pop(f"{tool}-extra-options").split("\n")
        assert [line for line in lines if line] == [options]
    assert section == {"board": "ulx3s-85f", "top-module": "top"}


def test_apio_finds_these_files_and_no_others(project):
    folder = project.file.parent
    found = {path.name for path in folder.rglob("*") if path.suffix in (".v", ".sv", ".lpf")}
    assert found == {"soc.v", "top.v", "top.lpf"}
    assert [path.name for path in project.sources] == ["soc.v", "top.v"]
    assert project.constraints == folder / "top.lpf"


def test_every_pin_is_a_bit_of_a_port(project, ports):
    text = project.constraints.read_text()
    located = re.findall(r'^LOCATE COMP "(.*?)" SITE ', text, re.MULTILINE)
    bits = [
        name if width == 1 else f"{name}[{bit}]"
        for name, width in ports.items()
        for bit in range(width)
    ]
    assert sorted(located) == sorted(bits)
    timed = re.findall(r'^FREQUENCY PORT "(.*?)"', text, re.MULTILINE)
    assert timed == ["clk25_0__io"]


def test_the_manifest_tells_the_design_and_its_files(project):
    assert from_file(project.manifest) == SMALL.configuration
    manifest = json.loads(project.manifest.read_text())
    assert manifest["files"] == {
        "verilog": ["soc.v", "top.v"],
        "constraints": "top.lpf",
        "project": "apio.ini",
    }
    assert manifest["board"]["toolchain"] == "apio"
    assert manifest["board"]["clock_hertz"] == project.clock_hertz == 50_000_000


def test_the_clock_is_the_one_that_was_asked_for(project):
    top = project.sources[1].read_text()
    # 25 MHz to a VCO of 400 MHz, and that divided by eight.
    for name, value in (("CLKOP_DIV", 16), ("CLKOS_DIV", 8)):
        assert re.search(rf"\.{name}\(32'd{value}\)", top), name


def netlist(folder, reading):
    """Return what drives each port and each cell of the FPGA's in the top, with the settings."""
    yosys(
        folder,
        CELLS,
        # The Soc needs no inside: both have it from the same Verilog.
        "read_verilog -lib soc.v",
        reading,
        "hierarchy -top top",
        "proc",
        "flatten",
        "simplemap",
        "opt_clean",
        "write_json -selected netlist.json",
    )
    top = json.loads((folder / "netlist.json").read_text())["modules"]["top"]
    cells, drivers = top["cells"], {}
    for name, cell in cells.items():
        for port, bits in cell["connections"].items():
            if cell.get("port_directions", {}).get(port) == "output":
                drivers |= {bit: (name, port, index) for index, bit in enumerate(bits)}
    for name, port in top["ports"].items():
        if port["direction"] != "output":
            drivers |= {bit: (name, index) for index, bit in enumerate(port["bits"])}

    def source(bit):
        if isinstance(bit, int) and bit not in drivers:
            return "nothing"
        found = drivers.get(bit, bit)
        if len(found) < 3 or not cells[found[0]]["type"].startswith("$"):
            return found
        # Gates have no names that last, so they are told by what they have at their inputs.
        cell = cells[found[0]]
        inputs = {
            port: [source(bit) for bit in bits]
            for port, bits in cell["connections"].items()
            if port != found[1]
        }
        return (cell["type"], inputs)

    def settings(cell):
        # These say where Yosys has the cell from.
        origin = ("src", "hdlname", "module_src", "module_not_derived")
        attributes = {key: text for key, text in cell["attributes"].items() if key not in origin}
        return (cell["type"], cell["parameters"], attributes)

    found = {
        name: (
            *settings(cell),
            {
                port: [source(bit) for bit in bits]
                for port, bits in cell["connections"].items()
                if cell["port_directions"][port] != "output"
            },
        )
        for name, cell in cells.items()
        if not cell["type"].startswith("$")
    }
    outputs = {name: [source(bit) for bit in port["bits"]] for name, port in top["ports"].items()}
    return found, outputs


def test_the_top_is_the_build_s(project, tmp_path):
    plan, _ = prepare(SMALL, clock_hertz=50_000_000)
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    for folder in (ours, theirs):
        folder.mkdir()
        shutil.copyfile(project.sources[0], folder / "soc.v")
    (ours / "top.il").write_text(plan.files["top.il"])
    shutil.copyfile(project.sources[1], theirs / "top.v")
    cells, outputs = netlist(ours, "read_rtlil top.il")
    assert {"EHXPLLL", "OFS1P3DX", "BB", "soc"} <= {cell[0] for cell in cells.values()}
    assert netlist(theirs, "read_verilog top.v") == (cells, outputs)


def test_nothing_tells_of_the_computer_that_wrote_it(project):
    for path in (project.file, *project.sources, project.constraints, project.manifest):
        text = path.read_text()
        assert "/boards/dpu_boards" not in text
        assert str(project.file.parent) not in text


def test_names_lose_brackets_and_dots_and_stay_different():
    texts = {
        "one.v": r"wire \a[0] ; wire a_0_; assign \a[0]  = \a.0. ; // \x.y stays" + '\n"\\t.u"',
        "other.v": r"wire \$1 ; other \a[0] (.clk(\a[0] [3]));",
    }
    plain = plain_names(texts)
    assert plain == {
        "one.v": r"wire \a_0__ ; wire a_0_; assign \a_0__  = \a_0___ ; // \x.y stays" + '\n"\\t.u"',
        "other.v": r"wire \$1 ; other \a_0__ (.clk(\a_0__ [3]));",
    }


@pytest.mark.parametrize("name", ["dpu/dpu.v", "top.debug.v", "old.sv", "pins.lpf"])
def test_sources_of_others_are_refused(tmp_path, name):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.touch()
    with pytest.raises(ExportError, match=rf"{re.escape(str(path))}: .* to another folder"):
        export(SMALL, folder=tmp_path)


def test_an_export_is_written_over_an_older_one(tmp_path, monkeypatch):
    class Plan:
        files = {"soc.v": "new", "top.debug.v": b"new", "top.lpf": "new"}

    monkeypatch.setattr(apio, "prepare", lambda *_, **__: (Plan, 25_000_000))
    output = tmp_path / "_build" / "default"
    output.mkdir(parents=True)
    for path in (output / "hardware.v", tmp_path / "bench_tb.v", tmp_path / "soc.v"):
        path.write_text("old")
    written = export(SMALL, folder=tmp_path)
    assert [path.read_text() for path in (*written.sources, written.constraints)] == ["new"] * 3
    assert (output / "hardware.v").read_text() == "old"
    assert (tmp_path / "bench_tb.v").read_text() == "old"


@pytest.mark.parametrize("board", [dataclasses.replace(BOARD, apio=None), arty_z7.BOARD])
def test_a_board_that_apio_does_not_know_is_refused(board, tmp_path):
    with pytest.raises(ExportError, match=f"{board.name}: apio doesn't build for this board"):
        export(board, folder=tmp_path)


def test_a_clock_that_the_pll_cannot_make_is_refused(tmp_path):
    with pytest.raises(ClockError, match="900 MHz"):
        export(SMALL, folder=tmp_path, clock_hertz=900_000_000)
    assert not list(tmp_path.iterdir())
