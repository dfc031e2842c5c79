# SPDX-License-Identifier: Apache-2.0
"""``dpu run --on board:...``, ``dpu boards``, ``dpu build`` and ``dpu program``."""

import json
from pathlib import Path

import pytest

from dpu_spec.presets import PRESETS
from tests.e2e.conftest import Dpu

EXPORT = ("build", "--board", "ulx3s", "--export", "apio")


@pytest.mark.parametrize("where", ["board", "board:", "fpga"])
def test_a_wrong_place_is_refused(dpu: Dpu, network: Path, picture: Path, where: str) -> None:
    result = dpu("run", network, "--input", picture, "--on", where)
    assert result.status == 2
    assert where in result.err
    assert "board:ulx3s" in result.err


def test_a_device_that_does_not_exist(dpu: Dpu, network: Path, picture: Path) -> None:
    result = dpu("run", network, "--input", picture, "--on", "board:toaster")
    assert result.status != 0
    assert "toaster: no such kind of device" in result.err
    assert "ulx3s" in result.err
    assert "Traceback" not in result.err


@pytest.mark.rtl
def test_a_simulated_board(dpu: Dpu, network: Path, picture: Path) -> None:
    result = dpu("run", network, "--input", picture, "--on", "board:sim", "--check")
    assert result.status == 0, result.err
    assert "every byte equals the golden model" in result.out


def test_boards_are_listed(dpu: Dpu) -> None:
    result = dpu("boards")
    assert result.status == 0
    assert "ulx3s" in result.out
    assert "ECP5-85F" in result.out
    assert "arty-z7" in result.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("build", "--board", "toaster"), "toaster: no such board; there are"),
        (("build", "--board", "ulx3s", "--toolchain", "magic"), "magic: no such toolchain"),
        (("build", "--board", "ulx3s", "--clock", "900"), "from 25 MHz"),
        (("program", "--board", "ulx3s", "--bitstream", "none.bit"), "none.bit: there is no such"),
        (("program", "--board", "toaster"), "toaster: no such board"),
        (("program", "--board", "arty-z7"), "arty-z7: is loaded from its own processor"),
        (("build", "--board", "arty-z7", "--seed", "2"), "leave out --toolchain and --seed"),
        (("build", "--board", "arty-z7", "--export", "apio"), "leave out --export"),
        ((*EXPORT, "--toolchain", "native"), "leave out --toolchain"),
        ((*EXPORT, "--seed", "2"), "leave out --seed, and write --seed 2 into"),
        ((*EXPORT, "--clock", "900"), "from 25 MHz"),
        ((*EXPORT[:-1], "icestudio"), "icestudio: there is no such format; there is apio"),
    ],
)
def test_users_mistakes(dpu: Dpu, tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    extra = ["-o", tmp_path / "out"] if arguments[0] == "build" else []
    result = dpu(*arguments, *extra)
    assert result.status == 2
    assert words in result.err


def test_estimates_for_a_board(dpu: Dpu, network: Path) -> None:
    result = dpu("estimate", network, "--board", "ulx3s")
    assert result.status == 0
    assert " ms" in result.out
    assert dpu("estimate", network, "--board", "ulx3s", "--preset", "tiny").status == 2
    result = dpu("estimate", network, "--board", "arty-z7")
    assert result.status == 2
    assert "arty-z7: the cycle model doesn't know its memory" in result.err


def test_what_vivado_needs(dpu: Dpu, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A small DPU: the real one takes its time to generate.
    monkeypatch.setitem(PRESETS, "b256", PRESETS["tiny"])
    result = dpu("build", "--board", "arty-z7", "--clock", "50", "-o", tmp_path / "z")
    assert result.status == 0, result.err
    assert f"vivado -mode batch -source {tmp_path / 'z' / 'build.tcl'}" in result.err
    manifest = json.loads((tmp_path / "z" / "manifest.json").read_text())
    assert manifest["board"]["clock_hertz"] == 50_000_000
    for line in result.out.splitlines():
        assert Path(line).is_file()


def test_a_project_for_apio(dpu: Dpu, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A small DPU, as above.
    monkeypatch.setitem(PRESETS, "b128", PRESETS["tiny"])
    folder = tmp_path / "project"
    result = dpu(*EXPORT, "--clock", "50", "-o", folder)
    assert result.status == 0, result.err
    assert f"apio build -p {folder}" in result.err.replace("\n", "")
    written = {Path(line) for line in result.out.splitlines()}
    assert written == set(folder.iterdir())
    assert {path.name for path in written} == {
        "apio.ini",
        "manifest.json",
        "soc.v",
        "top.lpf",
        "top.v",
    }
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["board"]["clock_hertz"] == 50_000_000


def test_a_folder_with_other_verilog_is_not_taken_for_apio(dpu: Dpu, tmp_path: Path) -> None:
    (tmp_path / "other.v").touch()
    result = dpu(*EXPORT, "-o", tmp_path)
    assert result.status == 2
    assert "other.v: apio would take it for a part of the design" in result.err.replace("\n", " ")
