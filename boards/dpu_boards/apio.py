# SPDX-License-Identifier: Apache-2.0
"""A board's design as a project of apio's, which runs the same tools by itself.

Keys of the project file, names of boards and the way to Yosys are those of apio 1.6.0.
"""

import dataclasses
import json
import re
from pathlib import Path

from dpu_boards.build import NAME, PLACEMENT, SYNTHESIS, board_entry, prepare
from dpu_boards.clocks import ecp5_pll_settings
from dpu_boards.ecp5_design import SOC
from dpu_hw.generate import MANIFEST
from dpu_spec.configuration import ARCHITECTURE_VERSION

__all__ = ["PROJECT", "ExportError", "Project", "export", "plain_names"]

#: Name of the project file.
PROJECT = "apio.ini"
#: What apio takes for a source of the design or for constraints, wherever it is in the folder...
_TAKEN = (".v", ".sv", ".lpf")
#: ... but for what it writes itself, and for benches.
_OUTPUT = "_build"
_BENCH = "_tb"
#: The Verilog, with what the build plan calls it, and the constraints.
_SOURCES = {f"{SOC}.v": f"{SOC}.v", f"{NAME}.v": f"{NAME}.debug.v"}
_CONSTRAINTS = f"{NAME}.lpf"
#: A string, a comment, or an escaped identifier, whose name is the group.
_TOKEN = re.compile(r'"(?:\\.|[^"\\])*"|/\*.*?\*/|//[^\n]*|\\(\S+)', re.DOTALL)


class ExportError(Exception):
    """A project can't be written."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Project:
    """What was written.

    Parameters
    ----------
    file, constraints, manifest : :class:`pathlib.Path`
        Files.
    sources : tuple of :class:`pathlib.Path`
        The Verilog, all that there is.
    clock_hertz : :class:`int`
        Frequency of the DPU's clock that the PLL makes.
    """

    file: Path
    constraints: Path
    manifest: Path
    sources: tuple
    clock_hertz: int


def plain_names(texts):
    """Return Verilog in which no name has brackets or dots.

    Fields of signals are wires with names like ``a[0]``, which abc9 takes for bits of ``a``, and
    fails. Our own build hides them before synthesis, but apio runs nothing between the reading of
    the Verilog and ``synth_ecp5``.

    Parameters
    ----------
    texts : :class:`dict` of :class:`str` to :class:`str`
        Text of each file by its name. A name becomes the same one in all.
    """
    taken = {word for text in texts.values() for word in re.findall(r"\w+", text)}
    names = {}

    def plain(match):
        name = match[1]
        if name is None or not set("[].") & set(name):
            return match[0]
        if name not in names:
            new = re.sub(r"\W+", "_", name)
            while new in taken:
                new += "_"
            taken.add(new)
            names[name] = new
        # Still escaped, so that it may begin with a digit.
        return f"\\{names[name]}"

    return {file: _TOKEN.sub(plain, text) for file, text in texts.items()}


def _refuse_others(folder):
    """Raise :exc:`ExportError` if apio would find other sources or constraints than ours."""
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if (
            path.suffix in _TAKEN
            and inside.parts[0] != _OUTPUT
            and not path.stem.lower().endswith(_BENCH)
            and str(inside) not in (*_SOURCES, _CONSTRAINTS)
        ):
            raise ExportError(
                f"{path}: apio would take it for a part of the design, as all Verilog and "
                "constraints in its folder; write the project to another folder."
            )


def _project_file(board):
    """Return the text of the project file. Its comments must have lines of their own."""
    return f"""\
; Written by `dpu build --export apio`: a Tandem DPU for the {board.title}.
[env:default]
board = {board.apio}
top-module = {NAME}
yosys-extra-options =
    {SYNTHESIS}
nextpnr-extra-options =
    {PLACEMENT}
"""


def _manifest(board, *, clock_hertz):
    """Return the text of the manifest."""
    configuration = board.configuration
    description = {
        "architecture_version": ARCHITECTURE_VERSION,
        "configuration": configuration.parameters(),
        "configuration_hash": configuration.hash,
        "family": board.part.family,
        "top": NAME,
        "files": {"verilog": [*_SOURCES], "constraints": _CONSTRAINTS, "project": PROJECT},
        "board": board_entry(board, clock_hertz=clock_hertz, toolchain="apio"),
    }
    return json.dumps(description, indent=2) + "\n"


def _text(contents):
    return contents.decode() if isinstance(contents, bytes) else contents


def export(board, *, folder, clock_hertz=None):
    """Write a project that apio builds to the same design as :func:`dpu_boards.build.build`.

    Parameters
    ----------
    board : :class:`dpu_boards.board.Board`
        The board.
    folder : :class:`pathlib.Path`
        Where to. It may hold an older export, but nothing else that apio would take for a source.
    clock_hertz : :class:`int` or None
        Frequency of the clock if not the board's.

    Returns
    -------
    :class:`Project`

    Raises
    ------
    ExportError
        If apio doesn't know the board, or if there are other sources in the folder.
    dpu_boards.clocks.ClockError
        If the PLL can't make the clock.
    dpu_boards.toolchains.ToolchainError
        If the package with the board's pins is missing.
    """
    if getattr(board, "apio", None) is None:
        raise ExportError(
            f"{board.name}: apio doesn't build for this board; leave out the export, and the build "
            "does without apio."
        )
    folder = Path(folder)
    _refuse_others(folder)
    # What is wrong with the clock should be said before any work is done.
    ecp5_pll_settings(board.oscillator_hertz, clock_hertz or board.clock_hertz)
    plan, hertz = prepare(board, clock_hertz=clock_hertz, verilog=True)
    files = {name: _text(contents) for name, contents in plan.files.items()}
    contents = plain_names({name: files[own] for name, own in _SOURCES.items()}) | {
        _CONSTRAINTS: files[_CONSTRAINTS],
        PROJECT: _project_file(board),
        MANIFEST: _manifest(board, clock_hertz=hertz),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in contents.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
    return Project(
        file=folder / PROJECT,
        constraints=folder / _CONSTRAINTS,
        manifest=folder / MANIFEST,
        sources=tuple(folder / name for name in _SOURCES),
        clock_hertz=hertz,
    )
