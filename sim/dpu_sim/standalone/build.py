# SPDX-License-Identifier: Apache-2.0
"""From the Verilog of a standalone DPU to a simulator that takes the firmware when it starts."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from importlib import resources
from pathlib import Path

from dpu_sim.rtl.build import flags
from dpu_sim.rtl.build_cache import cached, content_key, work_folder
from dpu_sim.rtl.runtime import add_runtime_objects
from dpu_sim.rtl.toolchain import find_toolchain
from dpu_sim.rtl.tools import make_jobs, run_tool

#: The top module.
TOP = "standalone"
EXECUTABLE = "simulator"
_CFLAGS = "-I.."
#: The processor's on-chip memory and what it holds at first, as Verilog.
_MEMORY = re.compile(
    r"^(  reg \[31:0\] words ?\[\d+:0\];\n)"
    r"  initial begin\n(?:    words\[\d+\] = 32'd\d+;\n)*  end\n",
    re.MULTILINE,
)
_FROM_FILE = r"""\1  string firmware;
  initial if ($value$plusargs("firmware=%s", firmware)) $readmemh(firmware, words);
"""


def loadable(verilog: str) -> str:
    """Let the on-chip memory be filled from a file, so that other firmware needs no other build."""
    text, count = _MEMORY.subn(_FROM_FILE, verilog)
    if count != 1:
        raise ValueError(f"The Verilog has {count} on-chip memories of a processor, not one")
    return text


def _harness() -> list[tuple[str, bytes]]:
    own = resources.files(__package__) / "harness"
    shared = resources.files("dpu_sim.rtl") / "harness"
    files = [own / "standalone.cpp"]
    files += [entry for entry in shared.iterdir() if entry.name.endswith(".h")]
    return sorted((entry.name, entry.read_bytes()) for entry in files)


def build_standalone(
    verilog: str,
    extra: Sequence[Path] = (),
    *,
    checked: bool = False,
    announce: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> Path:
    """Build the simulator of a standalone DPU, or find it in the cache.

    Parameters
    ----------
    verilog
        Its Verilog; the top module's name is ``standalone``.
    extra
        Files of modules that it uses, those of the processor.
    checked
        Check the design's assertions, and start what has no initial value at random. Slower.
    announce
        What it returns is entered while the simulator is built, if it is.

    Raise :exc:`dpu_sim.rtl.errors.ToolchainError` or ``BuildError`` as ``build_simulator``.
    """
    tools = find_toolchain()
    sources = [(f"{TOP}.v", loadable(verilog).encode())]
    sources += [(path.name, path.read_bytes()) for path in extra]
    sources += _harness()
    # The processor's own file has a time scale, the rest none; `string` is SystemVerilog.
    chosen = [*flags(checked=checked, waves=False), "--timescale", "1ns/1ps", "-sv"]
    parts: list[str | bytes] = [tools.version, *chosen, *tools.make_variables()]
    parts += [part for source in sources for part in source]

    def build(target: Path) -> None:
        with announce(), work_folder(target) as folder:
            work = Path(folder)
            for name, contents in sources:
                (work / name).write_bytes(contents)
            names = [name for name, _ in sources if not name.endswith(".h")]
            command: list[str | Path] = [tools.verilator, "--cc", "--exe", *chosen]
            command += ["--top-module", TOP, "--prefix", f"V{TOP}", "-Mdir", "build"]
            command += ["-o", EXECUTABLE, "-CFLAGS", _CFLAGS, *names]
            run_tool(command, work, tools.environment())
            made = work / "build"
            make: list[str | Path] = [tools.make, "-f", f"V{TOP}.mk", f"-j{make_jobs()}"]
            make += tools.make_variables()
            add_runtime_objects(made, f"V{TOP}", tools, make, _CFLAGS)
            run_tool([*make, EXECUTABLE], made, tools.environment())
            shutil.move(made / EXECUTABLE, target / EXECUTABLE)

    return cached("standalone", content_key(parts), build) / EXECUTABLE
