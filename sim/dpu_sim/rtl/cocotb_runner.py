# SPDX-License-Identifier: Apache-2.0
"""Running cocotb benches from pytest: one call for an Amaranth component and a cocotb module.

cocotb's own runner makes every signal public, which makes a large design slow to build and to run.
This one makes the top module's ports public and nothing else, and caches builds by content.
"""

import contextlib
import os
import random
import re
import shutil
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cocotb
import cocotb_tools.config
from amaranth.back import verilog as amaranth_verilog
from cocotb_tools.runner import Verilator

from .build import flags
from .build_cache import cached, content_key, work_folder
from .errors import SimulationError
from .parameters import as_environment
from .runtime import add_runtime_objects
from .toolchain import Toolchain, find_toolchain
from .tools import make_jobs, run_tool

LOG_LINES = 60


def port_names(verilog: str, name: str) -> list[str]:
    """Return the ports of a module, in order."""
    match = re.search(rf"^module {re.escape(name)}\((.*?)\);", verilog, re.MULTILINE | re.DOTALL)
    if match is None:
        raise ValueError(f"The Verilog has no module {name!r}")
    return [port.strip() for port in match[1].split(",") if port.strip()]


def control_file(verilog: str, name: str, extra: Sequence[str] = ()) -> str:
    """Return a Verilator control file that makes a module's ports public."""
    lines = [
        f'public_flat_rw -module "{name}" -var "{variable}"'
        for variable in [*port_names(verilog, name), *extra]
    ]
    return "\n".join(["`verilator_config", *lines, ""])


class VerilatorRunner(Verilator):
    """cocotb's Verilator runner, with the toolchain of this project."""

    def __init__(self, tools: Toolchain) -> None:
        super().__init__()
        self._tools = tools
        self._building = False

    def _simulator_in_path_build_only(self) -> None:
        self.executable = str(self._tools.verilator)

    def build_design(
        self, sources: Sequence[Path], top: str, arguments: list[str], waves: bool
    ) -> Path:
        """Build and return the executable."""
        self._building = True
        self.build(
            sources=sources,
            hdl_toplevel=top,
            build_args=arguments,
            build_dir=sources[0].parent / "build",
            timescale=("1ns", "1ps"),
            waves=waves,
            always=True,
        )
        self._building = False
        return Path(self.build_dir) / top

    def _build_command(self) -> list[list[str]]:
        generate, make = super()._build_command()
        generate.remove("--public-flat-rw")
        make[make.index("-j") + 1] = str(make_jobs())
        return [generate, [*make, *self._tools.make_variables()]]

    def _execute(self, cmds: Sequence[list[str]], cwd: os.PathLike[str] | str) -> None:
        if not self._building:
            super()._execute(cmds, cwd)
            return
        generate, make = cmds
        folder = Path(cwd)
        run_tool(generate, folder, self._tools.environment())
        add_runtime_objects(folder, "Vtop", self._tools, list(make), "")
        run_tool(make, folder, self._tools.environment())


def build_bench(
    verilog: str,
    name: str,
    *,
    checked: bool = True,
    waves: bool = False,
    public: Sequence[str] = (),
) -> Path:
    """Build a design for cocotb, or find it in the cache, and return the folder with its program.

    `public` names signals of the top module that the bench reads besides the ports.
    """
    tools = find_toolchain()
    control = control_file(verilog, name, public)
    arguments = [*flags(checked=checked, waves=waves), "-Wno-SYMRSVDWORD"]

    def build(target: Path) -> None:
        with work_folder(target) as folder:
            sources = [Path(folder) / "ports.vlt", Path(folder) / f"{name}.v"]
            sources[0].write_text(control)
            sources[1].write_text(verilog)
            executable = VerilatorRunner(tools).build_design(sources, name, arguments, waves)
            shutil.move(executable, target / name)

    libraries = str(cocotb_tools.config.libs_dir)
    versions = [tools.version, *tools.make_variables(), cocotb.__version__, libraries]
    key = content_key([*versions, name, verilog, control, *arguments, f"waves={waves}"])
    return cached("cocotb", key, build)


def failures(results: Path) -> tuple[int, list[str]]:
    """Return how many tests ran, and a line for each that failed."""
    count, failed = 0, []
    for case in ET.parse(results).getroot().iter("testcase"):
        count += case.find("skipped") is None
        for kind in ("failure", "error"):
            for found in case.iter(kind):
                message = found.get("message") or found.get("error_msg") or (found.text or "")
                failed.append(f"{case.get('classname')}.{case.get('name')}: {message.strip()}")
    return count, failed


def run_cocotb(
    component: Any,
    name: str,
    test_module: str,
    parameters: Mapping[str, Any] | None = None,
    *,
    testcase: str | None = None,
    seed: int | None = None,
    checked: bool = True,
    waves: Path | None = None,
    public: Sequence[str] = (),
    verilog: str | None = None,
) -> int:
    """Run the cocotb tests of a module on an Amaranth component.

    Parameters
    ----------
    component
        The component; its ports become those of the top module.
    name
        The name of the top module.
    test_module
        The dotted name of the Python module with the cocotb tests.
    parameters
        What :func:`dpu_sim.rtl.parameters.bench_parameters` returns in there.
    testcase
        Only run the test with this name.
    seed
        The seed of Python's random numbers in the simulation; by default ``$DPU_SEED``, or a
        random one. It is printed.
    checked
        Check the design's assertions.
    waves
        Write all signals to this VCD file; the build is another one then, and slower.
    public
        Signals of the top module that the bench reads, besides its ports.
    verilog
        The design as Verilog, instead of `component`.

    Returns
    -------
    int
        The number of tests that ran.

    Raises
    ------
    SimulationError
        If a test failed, or none ran; with the end of the log.
    """
    if seed is None:
        seed = int(os.environ.get("DPU_SEED") or random.SystemRandom().getrandbits(32))
    if verilog is None:
        verilog = amaranth_verilog.convert(component, name=name, emit_src=False)
    sys.stdout.write(f"{test_module} on {name}: DPU_SEED={seed}\n")
    build = build_bench(verilog, name, checked=checked, waves=waves is not None, public=public)
    with tempfile.TemporaryDirectory(prefix="tandem-cocotb-") as folder:
        results, log = Path(folder) / "results.xml", Path(folder) / "log.txt"
        status: object = 0
        try:
            VerilatorRunner(find_toolchain()).test(
                test_module=test_module,
                hdl_toplevel=name,
                hdl_toplevel_lang="verilog",
                testcase=testcase,
                seed=seed,
                extra_env=as_environment(parameters or {}),
                waves=waves is not None,
                build_dir=build,
                test_dir=folder,
                results_xml=str(results),
                log_file=log,
            )
        except (SystemExit, RuntimeError) as error:
            status = error.code if isinstance(error, SystemExit) else error
        if waves is not None:
            with contextlib.suppress(FileNotFoundError):
                shutil.move(Path(folder) / "dump.vcd", waves)
        text = log.read_text(errors="replace") if log.is_file() else ""
        count, failed = failures(results) if results.is_file() else (0, [])
    if count == 0:
        failed.insert(0, f"no test of {test_module} ran, status {status}")
    elif status and not failed:
        failed.append(f"the simulator ended with {status}")
    if failed:
        summary = f"{test_module} on {name}: {len(failed)} failures, DPU_SEED={seed}"
        raise SimulationError("\n".join([summary, *failed, *text.splitlines()[-LOG_LINES:]]))
    return count
