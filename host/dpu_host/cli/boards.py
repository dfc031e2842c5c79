# SPDX-License-Identifier: Apache-2.0
"""``dpu boards``, ``dpu build`` and ``dpu program``."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from dpu_host.cli.console import note, say, show, tell, working
from dpu_host.cli.errors import FAILURE, UserError
from dpu_host.cli.options import writable_folder
from dpu_spec.configuration import Configuration

BoardOption = Annotated[
    str, typer.Option("--board", metavar="NAME", help="A board; `dpu boards` lists them.")
]


@contextmanager
def _board_errors() -> Iterator[None]:
    """Turn what the board packages raise into the command line's errors."""
    from dpu_boards.apio import ExportError
    from dpu_boards.catalogue import UnknownBoardError
    from dpu_boards.clocks import ClockError
    from dpu_boards.flow import FlowError
    from dpu_boards.toolchains import ToolchainError

    try:
        yield
    except (UnknownBoardError, ClockError, ExportError, ToolchainError) as error:
        raise UserError(str(error)) from None
    except FlowError as error:
        say(f"failure: {error}")
        raise typer.Exit(FAILURE) from None


def board_of(name: str, given: Configuration | None) -> Any:
    """Return a board by name, for an estimate.

    Raise :exc:`UserError` where there is none, where its memory isn't known, or where another
    configuration than its own was named as well.
    """
    with _board_errors():
        from dpu_boards.catalogue import find_board

        board = find_board(name)
    if not hasattr(board, "memory_model"):
        raise UserError(
            f"--board {name}: the cycle model doesn't know its memory; name the preset instead: "
            f"--preset {board.preset}."
        )
    if given is not None and given != board.configuration:
        raise UserError(
            f"--board {name}: has the preset {board.preset}; leave out --preset and --config."
        )
    return board


def boards() -> None:
    """List the boards that bitstreams can be built for."""
    from dpu_boards.catalogue import BOARDS

    table = Table("name", "board", "part", "preset", "clock", "memory", "host link")
    for name, board in BOARDS.items():
        table.add_row(
            name,
            board.title,
            board.part_name,
            board.preset,
            f"{board.clock_hertz / 1e6:g} MHz",
            board.memory_title,
            board.link_title,
        )
    show(table)


class _Progress:
    """Shows what a build is at: a line that changes, or a line for each step."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._status = self._console.status("") if self._console.is_terminal else None
        self._title = ""

    def __enter__(self) -> _Progress:
        if self._status is not None:
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._status is not None:
            self._status.stop()

    def __call__(self, title: str, line: str, seconds: float) -> None:
        if self._status is not None:
            room = max(self._console.width - len(title) - 16, 0)
            self._status.update(f"{title} {seconds:,.0f} s  {line[:room]}")
        elif title != self._title:
            say(f"{title} ...")
        self._title = title


def _show_result(board: Any, result: Any) -> None:
    clocks = Table("clock", "reached", "wanted", "")
    for clock in result.routed.clocks:
        clocks.add_row(
            clock.name,
            f"{clock.achieved / 1e6:.1f} MHz",
            f"{clock.wanted / 1e6:.1f} MHz",
            "holds" if clock.holds else "TOO SLOW",
        )
    show(clocks)
    from dpu_boards.timing import resources

    cells = Table("resource", "used", "of", "share")
    for name, used, available in resources(result.routed, board.part):
        cells.add_row(name, f"{used:,}", f"{available:,}", f"{used / available:.0%}")
    show(cells)
    path = Table("critical path", "cells", "logic", "routing")
    for step in result.routed.path:
        path.add_row(step.module, f"{step.cells}", f"{step.logic:.2f} ns", f"{step.routing:.2f} ns")
    show(path)


def _package(board: Any, folder: Path, clock: float | None) -> None:
    """Write what Vivado needs, and say what to do with it."""
    from dpu_boards.zynq_overlay import package

    with working("generating the IP"):
        written = package(board, folder, clock_mhz=clock)
    for path in (*written.sources, written.script, written.manifest):
        tell(str(path))
    note(f"Vivado makes the bitstream: {written.command} (docs/zynq.md goes on from there)")


def _export(board: Any, folder: Path, clock_hertz: int | None) -> None:
    """Write a project for apio, and say what to do with it."""
    from dpu_boards.apio import export

    with working("generating the gateware"):
        written = export(board, folder=folder, clock_hertz=clock_hertz)
    for path in (written.file, *written.sources, written.constraints, written.manifest):
        tell(str(path))
    note(f"apio makes the bitstream: apio build -p {folder} (docs/boards.md goes on from there)")


def _refuse(board: str, zynq: bool, export: str | None, toolchain: str | None, seed: int) -> None:
    """Refuse options that what makes the bitstream has no use for."""
    if export not in (None, "apio"):
        raise UserError(f"--export {export}: there is no such format; there is apio.")
    if zynq and export is not None:
        raise UserError(
            f"--board {board}: its DPU hangs on the processor, and only Vivado connects the two; "
            "leave out --export."
        )
    if zynq and (toolchain is not None or seed != 1):
        raise UserError(
            f"--board {board}: Vivado makes its bitstream; leave out --toolchain and --seed."
        )
    if export is not None and toolchain is not None:
        raise UserError(f"--export {export}: apio runs tools of its own; leave out --toolchain.")
    if export is not None and seed != 1:
        raise UserError(
            f"--export {export}: apio runs nextpnr; leave out --seed, and write --seed {seed} into "
            "the project's apio.ini, under nextpnr-extra-options."
        )


def build(
    board: BoardOption,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FOLDER",
            help="Where to write. [default: build/boards/NAME, or build/apio/NAME]",
            show_default=False,
        ),
    ] = None,
    export: Annotated[
        str | None,
        typer.Option(
            "--export",
            metavar="FORMAT",
            help="Write a project for another builder instead: apio.",
            show_default=False,
        ),
    ] = None,
    toolchain: Annotated[
        str | None,
        typer.Option(
            "--toolchain",
            metavar="NAME",
            help="yowasp, native or apio. [default: native if on PATH, else yowasp]",
            show_default=False,
        ),
    ] = None,
    clock: Annotated[
        float | None,
        typer.Option(
            "--clock",
            metavar="MHZ",
            min=1.0,
            help="Frequency of the DPU if not the board's.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option("--seed", min=1, help="Where nextpnr's random choices start.")
    ] = 1,
) -> None:
    """Build the bitstream of a board, or write what Vivado makes it of; takes up to an hour."""
    with _board_errors():
        from dpu_boards.build import build as build_board
        from dpu_boards.catalogue import find_board
        from dpu_boards.zynq_overlay import ZynqBoard

        found = find_board(board)
        # apio takes all Verilog in its folder, so a project has one of its own.
        folder = output or Path("build") / (export or "boards") / board
        clock_hertz = None if clock is None else round(clock * 1e6)
        _refuse(board, isinstance(found, ZynqBoard), export, toolchain, seed)
        writable_folder(folder, "--output")
        if isinstance(found, ZynqBoard):
            _package(found, folder, clock)
            return
        if export is not None:
            _export(found, folder, clock_hertz)
            return
        with _Progress() as progress:
            result = build_board(
                found,
                folder,
                toolchain=toolchain,
                clock_hertz=clock_hertz,
                seed=seed,
                progress=progress,
            )
    _show_result(found, result)
    tell(str(result.bitstream))
    tell(str(result.manifest))
    slow = [one.name for one in result.routed.clocks if not one.holds]
    if slow:
        note(
            f"{', '.join(slow)}: slower than wanted, so this bitstream may fail; build with "
            "another --seed or a lower --clock."
        )
        raise typer.Exit(FAILURE)


def program(
    board: BoardOption,
    bitstream: Annotated[
        Path | None,
        typer.Option(
            "--bitstream",
            metavar="FILE",
            help="What to load. [default: what `dpu build` wrote]",
            show_default=False,
        ),
    ] = None,
    flash: Annotated[
        bool, typer.Option("--flash", help="Write it into the board's flash, to stay.")
    ] = False,
) -> None:
    """Load a bitstream into a board with openFPGALoader."""
    with _board_errors():
        from dpu_boards.catalogue import find_board
        from dpu_boards.toolchains import find_loader

        found = find_board(board)
        if not hasattr(found, "loader"):
            raise UserError(f"--board {board}: is loaded from its own processor; see docs/zynq.md.")
        file = bitstream or Path("build") / "boards" / board / f"{board}.bit"
        if not file.is_file():
            raise UserError(f"{file}: there is no such file; build it: dpu build --board {board}.")
        command = [find_loader(), "-b", found.loader, *(["-f"] if flash else []), str(file)]
        status = subprocess.run(command, check=False).returncode
    if status:
        say(
            f"failure: openFPGALoader ended with status {status}; check that the board is plugged "
            "in and that you may use its USB device."
        )
        raise typer.Exit(FAILURE)
