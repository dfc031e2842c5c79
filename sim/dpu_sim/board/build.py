# SPDX-License-Identifier: Apache-2.0
"""From the Verilog of a board's design to its simulator."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from dpu_sim.rtl.build import (
    CFLAGS,
    EXECUTABLE,
    compile_simulator,
    flags,
    read_harness,
    read_sources,
)
from dpu_sim.rtl.build_cache import cached, content_key
from dpu_sim.rtl.toolchain import find_toolchain

#: Name of the design's module.
TOP = "soc"
#: What the simulation of a bare DPU has, too.
_SHARED = {"clocked.h", "dram.h", "failure.h", "run.h", "session.h", "stops.h"}


def build_board(
    verilog: str | Path | Iterable[Path],
    *,
    checked: bool = False,
    waves: bool = False,
    announce: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> Path:
    """Build the simulator of a board's design, or find it in the cache.

    Parameters
    ----------
    verilog
        The design as Verilog text, or its file or files. The top module's name is ``soc``; its
        ports are ``clk``, ``rst``, ``uart__rx``, ``uart__tx`` and the SDRAM's: ``sdram__cke``,
        ``cs``, ``ras``, ``cas``, ``we`` (1 when asserted), ``ba``, ``a``, ``dqm``, ``dq_o``,
        ``dq_oe`` and ``dq_i``. It may have more outputs.
    checked
        Check the design's assertions, and start what has no initial value at random. Slower.
    waves
        Make :meth:`BoardProcess.waves` possible. Slower, too.
    announce
        What it returns is entered while the simulator is built, if it is.

    Returns
    -------
    Path
        The program for :class:`BoardProcess`.

    Raises
    ------
    ToolchainError
        If a program is missing.
    BuildError
        If a program refused the design.
    """
    tools = find_toolchain()
    shared = [source for source in read_harness() if source[0] in _SHARED]
    sources = read_sources(verilog) + shared + read_harness("dpu_sim.board")
    chosen = flags(checked=checked, waves=waves)
    key = content_key(
        [tools.version, *chosen, CFLAGS, *tools.make_variables(), *(x for s in sources for x in s)]
    )

    def build(target: Path) -> None:
        with announce():
            compile_simulator(target, sources, chosen, tools, top=TOP)

    return cached("board", key, build) / EXECUTABLE
