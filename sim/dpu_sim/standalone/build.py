# SPDX-License-Identifier: Apache-2.0
"""From the Verilog of a standalone DPU to a simulator that takes the firmware when it starts."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from dpu_sim.rtl.build import (
    CFLAGS,
    EXECUTABLE,
    compile_simulator,
    flags,
    read_harness,
)
from dpu_sim.rtl.build_cache import cached, content_key
from dpu_sim.rtl.toolchain import find_toolchain

#: The top module.
TOP = "standalone"
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
    sources += [source for source in read_harness() if source[0].endswith(".h")]
    sources += read_harness(__package__)
    chosen = flags(checked=checked, waves=False)
    key = content_key(
        [tools.version, *chosen, CFLAGS, *tools.make_variables(), *(x for s in sources for x in s)]
    )

    def build(target: Path) -> None:
        with announce():
            compile_simulator(target, sources, chosen, tools, top=TOP)

    return cached("standalone", key, build) / EXECUTABLE
