# SPDX-License-Identifier: Apache-2.0
"""Running a build's tools: which, in which order, and what is said when one fails."""

import os

import pytest

from dpu_boards.flow import FlowError, Step, run_steps, steps_of
from dpu_boards.toolchains import Toolchain, ToolchainError, find_toolchain

SCRIPT = """\
#!/bin/sh
set -e
: ${YOSYS:=yosys}
: ${NEXTPNR_ECP5:=nextpnr-ecp5}
"$YOSYS" -q -l top.rpt top.ys
"$NEXTPNR_ECP5" --quiet --log top.tim --speed 6
"$ECPPACK" --compress --input top.config
"""


def tool(folder, name, body):
    path = folder / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return str(path)


def test_steps_are_those_of_the_script():
    steps = steps_of(SCRIPT, ("yosys", "nextpnr-ecp5", "ecppack"))
    assert [step.tool for step in steps] == ["yosys", "nextpnr-ecp5", "ecppack"]
    assert steps[0].arguments == ("-q", "-l", "top.rpt", "top.ys")
    assert steps[1].title == "placing and routing (nextpnr-ecp5)"


def test_tools_run_in_the_folder_and_report_their_progress(tmp_path):
    work = tmp_path / "work"
    work.mkdir()
    command = tool(
        tmp_path, "yosys", 'echo "half done" > top.rpt; sleep 1.2; echo "$@" > arguments'
    )
    seen = []
    run_steps(
        [Step(tool="yosys", arguments=("-l", "top.rpt", "a b"))],
        Toolchain("native", {"yosys": command}),
        work,
        progress=lambda *values: seen.append(values),
    )
    assert (work / "arguments").read_text() == "-l top.rpt a b\n"
    assert ("synthesizing (yosys)", "half done") in {values[:2] for values in seen}


def test_a_failure_names_tool_reason_and_log(tmp_path):
    command = tool(tmp_path, "yosys", 'echo "ERROR: no such cell"; exit 3')
    later = tool(tmp_path, "ecppack", "touch ran")
    steps = [Step(tool="yosys", arguments=("-l", "top.rpt")), Step(tool="ecppack", arguments=())]
    tools = Toolchain("native", {"yosys": command, "ecppack": later})
    with pytest.raises(FlowError, match=r"yosys: ended with status 3: ERROR: no such cell[^$]*top"):
        run_steps(steps, tools, tmp_path)
    assert not (tmp_path / "ran").exists()


def test_native_tools_are_taken_if_all_are_there(tmp_path, monkeypatch):
    for name in ("yosys", "nextpnr-ecp5"):
        tool(tmp_path, name, "true")
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    found = find_toolchain(("yosys", "nextpnr-ecp5"))
    assert found.name == "native"
    assert found.commands["nextpnr-ecp5"] == str(tmp_path / "nextpnr-ecp5")


def test_apio_is_looked_up_in_its_own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("APIO_HOME", str(tmp_path))
    with pytest.raises(ToolchainError, match="yosys of the toolchain apio: not found"):
        find_toolchain(("yosys",), "apio")
    folder = tmp_path / "packages" / "oss-cad-suite" / "bin"
    folder.mkdir(parents=True)
    path = tool(folder, "yosys", "true")
    assert find_toolchain(("yosys",), "apio").commands == {"yosys": path}


def test_an_unknown_toolchain_is_refused():
    with pytest.raises(ToolchainError, match="vivado: no such toolchain; there are yowasp"):
        find_toolchain(("yosys",), "vivado")
