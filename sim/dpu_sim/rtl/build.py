# SPDX-License-Identifier: Apache-2.0
"""From Verilog to a simulator: Verilator, the C++ bench beside the design, and a cache."""

import shutil
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from importlib import resources
from pathlib import Path

from .build_cache import cached, content_key, work_folder
from .runtime import add_runtime_objects
from .toolchain import Toolchain, find_toolchain
from .tools import make_jobs, run_tool

TOP = "dpu"
EXECUTABLE = "simulator"
# The bench catches what would end the process.
CFLAGS = "-I.. -DVL_USER_STOP -DVL_USER_FATAL"

# Two-state simulation: every register of the design has an initial value, so that nothing is lost
# by letting Verilator choose for the rest. Its style warnings are about generated Verilog.
COMMON_FLAGS = ["-O3", "-Wno-fatal", "-Wno-lint", "-Wno-style", "--no-timing"]
FAST_FLAGS = ["--x-assign", "fast", "--x-initial", "fast", "--noassert"]
CHECKED_FLAGS = ["--x-assign", "unique", "--x-initial", "unique", "--assert"]


def flags(*, checked: bool, waves: bool) -> list[str]:
    """Return Verilator's flags for a variant of the simulator."""
    chosen = COMMON_FLAGS + (CHECKED_FLAGS if checked else FAST_FLAGS)
    return chosen + (["--trace-vcd"] if waves else [])


def read_sources(verilog: str | Path | Iterable[Path]) -> list[tuple[str, bytes]]:
    """Return (name, contents) of Verilog given as text, as a file or as several files."""
    if isinstance(verilog, str):
        return [(f"{TOP}.v", verilog.encode())]
    paths = [verilog] if isinstance(verilog, Path) else list(verilog)
    return [(path.name, path.read_bytes()) for path in paths]


def read_harness(package: str = "dpu_sim.rtl") -> list[tuple[str, bytes]]:
    """Return (name, contents) of the C++ sources in the folder ``harness`` of a package."""
    folder = resources.files(package) / "harness"
    files = (entry for entry in folder.iterdir() if entry.name.endswith((".cpp", ".h")))
    return sorted((entry.name, entry.read_bytes()) for entry in files)


def compile_simulator(
    target: Path,
    sources: list[tuple[str, bytes]],
    verilator_flags: list[str],
    tools: Toolchain,
    *,
    top: str = TOP,
) -> None:
    """Build a program named :data:`EXECUTABLE` of Verilog and C++ sources in a folder."""
    with work_folder(target) as folder:
        work = Path(folder)
        for name, contents in sources:
            (work / name).write_bytes(contents)
        names = [name for name, _ in sources if not name.endswith(".h")]
        command: list[str | Path] = [tools.verilator, "--cc", "--exe", *verilator_flags]
        command += ["--top-module", top, "--prefix", f"V{top}", "-Mdir", "build", "-o", EXECUTABLE]
        run_tool([*command, "-CFLAGS", CFLAGS, *names], work, tools.environment())
        build = work / "build"
        make: list[str | Path] = [tools.make, "-f", f"V{top}.mk", f"-j{make_jobs()}"]
        make += tools.make_variables()
        add_runtime_objects(build, f"V{top}", tools, make, CFLAGS)
        run_tool([*make, EXECUTABLE], build, tools.environment())
        shutil.move(build / EXECUTABLE, target / EXECUTABLE)


def build_simulator(
    verilog: str | Path | Iterable[Path],
    *,
    checked: bool = False,
    waves: bool = False,
    announce: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> Path:
    """Build the simulator of a DPU, or find it in the cache.

    Parameters
    ----------
    verilog
        The design as Verilog text, or its file or files. The top module's name is ``dpu``.
    checked
        Check the design's assertions, and start what has no initial value at random. Slower.
    waves
        Make :meth:`RtlProcess.waves` possible. Slower, too.
    announce
        What it returns is entered while the simulator is built, if it is.

    Returns
    -------
    Path
        The program for :class:`RtlProcess`.

    Raises
    ------
    ToolchainError
        If a program is missing.
    BuildError
        If a program refused the design.
    """
    tools = find_toolchain()
    sources = read_sources(verilog) + read_harness()
    chosen = flags(checked=checked, waves=waves)
    key = content_key(
        [tools.version, *chosen, CFLAGS, *tools.make_variables(), *(x for s in sources for x in s)]
    )

    def build(target: Path) -> None:
        with announce():
            compile_simulator(target, sources, chosen, tools)

    folder = cached("rtl", key, build)
    return folder / EXECUTABLE
