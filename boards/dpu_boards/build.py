# SPDX-License-Identifier: Apache-2.0
"""From a board to its bitstream."""

import dataclasses
import importlib.resources
import json
import shutil
from pathlib import Path

from dpu_boards.clocks import ecp5_pll_settings
from dpu_boards.ecp5_design import Ecp5Design
from dpu_boards.flow import run_steps, steps_of
from dpu_boards.timing import RoutedDesign, read_report
from dpu_boards.toolchains import ToolchainError, find_toolchain
from dpu_hw.family import Family
from dpu_hw.generate import MANIFEST, generate

__all__ = [
    "NAME",
    "PLACEMENT",
    "SYNTHESIS",
    "TOOLS",
    "BuildResult",
    "board_entry",
    "build",
    "prepare",
]

#: Tools of an ECP5's build.
TOOLS = ("yosys", "nextpnr-ecp5", "ecppack")
#: Name of the design's files and of its top module.
NAME = "top"
#: Options of synth_ecp5. Multiplexers that join LUT4s to wider LUTs would take a sixth more LUT4s.
SYNTHESIS = "-nowidelut"
#: Options of nextpnr; docs/decisions/0006-place-and-route.md says why.
PLACEMENT = "--placer static --router router2"
_REPORT = "report.json"
#: Yosys' map of carry chains' beginnings, see there; with this name it isn't read as a design.
_CARRY_MAP = "ccu2c_start.map"
#: Fields of signals are wires with names like a[0], which abc9 takes for bits of a, and fails.
_RENAME = "rename -hide w:*[*] w:*.*"


@dataclasses.dataclass(frozen=True, kw_only=True)
class BuildResult:
    """What a build gave.

    Parameters
    ----------
    bitstream, manifest : :class:`pathlib.Path`
        Files.
    routed : :class:`dpu_boards.timing.RoutedDesign`
        Timing and cells.
    clock_hertz : :class:`int`
        Frequency of the DPU's clock that the PLL makes.
    """

    bitstream: Path
    manifest: Path
    routed: RoutedDesign
    clock_hertz: int


def prepare(board, *, clock_hertz=None, seed=1, verilog=False):
    """Return Amaranth's build plan of a board, and the frequency of its clock.

    Parameters
    ----------
    board : :class:`dpu_boards.board.Board`
        The board.
    clock_hertz : :class:`int` or None
        Frequency of the clock if not the board's.
    seed : :class:`int`
        Where nextpnr's random choices start.
    verilog : :class:`bool`
        Whether the top is wanted as Verilog too, in ``top.debug.v``, and without the places in
        Python that its lines come from.

    Raises
    ------
    dpu_boards.toolchains.ToolchainError
        If the package with the board's pins is missing.
    """
    try:
        platform = board.platform()
    except ImportError as error:
        raise ToolchainError(
            f"{error.name}: isn't installed; install the extra: "
            "pip install 'tandem-dpu[bitstream]'."
        ) from None
    design = Ecp5Design(board=board, clock_hertz=clock_hertz)
    carry_map = importlib.resources.files(__package__) / "techmap" / "ccu2c_start.v"
    platform.add_file(_CARRY_MAP, carry_map.read_text(encoding="utf-8"))
    plan = platform.prepare(
        design,
        NAME,
        synth_opts=SYNTHESIS,
        script_after_read=_RENAME,
        script_after_synth=f"techmap -map {_CARRY_MAP}; opt_clean",
        # A clock that is too slow is told in the table, not by a missing bitstream.
        nextpnr_opts=f"{PLACEMENT} --timing-allow-fail --report {_REPORT} --seed {seed}",
        ecppack_opts="--compress",
        debug_verilog=verilog,
        emit_src=not verilog,
    )
    return plan, design.clock_hertz


def board_entry(board, *, clock_hertz, toolchain):
    """Return what a manifest says of the board.

    Parameters
    ----------
    board : :class:`dpu_boards.board.Board`
        The board.
    clock_hertz : :class:`int`
        Frequency of the clock, as the PLL makes it.
    toolchain : :class:`str`
        Whose tools make the bitstream.
    """
    return {
        "name": board.name,
        "part": board.part.name,
        "clock_hertz": clock_hertz,
        "baud": board.baud,
        "memory_bytes": board.memory.size,
        "toolchain": toolchain,
    }


def build(board, folder, *, toolchain=None, clock_hertz=None, seed=1, progress=lambda *_: None):
    """Build the bitstream of a board.

    Parameters
    ----------
    board : :class:`dpu_boards.board.Board`
        The board.
    folder : :class:`pathlib.Path`
        Where everything is written.
    toolchain : :class:`str` or None
        See :func:`dpu_boards.toolchains.find_toolchain`.
    clock_hertz, seed :
        See :func:`prepare`.
    progress : callable
        See :func:`dpu_boards.flow.run_steps`.

    Returns
    -------
    :class:`BuildResult`

    Raises
    ------
    dpu_boards.toolchains.ToolchainError
        If a tool is missing.
    dpu_boards.flow.FlowError
        If one fails.
    """
    # What is wrong with the clock should be said first: it needs no tool.
    ecp5_pll_settings(board.oscillator_hertz, clock_hertz or board.clock_hertz)
    tools = find_toolchain(TOOLS, toolchain)
    progress("generating the gateware", "", 0.0)
    plan, hertz = prepare(board, clock_hertz=clock_hertz, seed=seed)
    folder = Path(plan.extract(folder))
    steps = steps_of(plan.files[f"build_{NAME}.sh"], TOOLS)
    run_steps(steps, tools, folder, progress=progress)
    bitstream = folder / f"{board.name}.bit"
    shutil.copyfile(folder / f"{NAME}.bit", bitstream)
    description = json.loads(
        generate(board.configuration, folder / "dpu", family=Family(board.part.family)).read_text()
    )
    description["board"] = board_entry(board, clock_hertz=hertz, toolchain=tools.name)
    path = folder / MANIFEST
    path.write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")
    return BuildResult(
        bitstream=bitstream,
        manifest=path,
        routed=read_report(folder / _REPORT),
        clock_hertz=hertz,
    )
