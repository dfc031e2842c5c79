# SPDX-License-Identifier: Apache-2.0
"""Results on standard output, progress and notes on standard error."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
)

from dpu_compiler.frontend.names import printable

#: Columns of tables that go to a file or a pipe.
WIDTH = 140


def _console() -> Console:
    return Console(width=None if sys.stdout.isatty() else WIDTH, highlight=False, markup=False)


def width() -> int:
    """Return how many columns standard output has."""
    return _console().width


def show(what: RenderableType) -> None:
    """Print a table or the like to standard output."""
    _console().print(what)


def _tame(text: str) -> str:
    """Return lines without what would control a terminal, such as names of a damaged program."""
    return "".join(c if c in "\n\t" else printable(c) for c in text)


def tell(text: str = "") -> None:
    """Print lines to standard output."""
    typer.echo(_tame(text))


def note(text: str) -> None:
    """Print a note to standard error."""
    typer.echo(_tame(f"note: {text}"), err=True)


def say(text: str) -> None:
    """Print lines to standard error."""
    typer.echo(_tame(text), err=True)


@contextmanager
def working(what: str) -> Iterator[None]:
    """Show on standard error that something takes its time."""
    console = Console(stderr=True)
    if console.is_terminal:
        with console.status(what):
            yield
    else:
        typer.echo(f"{what} ...", err=True)
        yield


@contextmanager
def transfer(transport: object, what: str) -> Iterator[None]:
    """Show on standard error how far a transport has come that tells its ``progress``."""
    if not hasattr(transport, "progress"):
        with working(what):
            yield
        return
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    console = Console(stderr=True)
    with Progress(
        *columns, TimeElapsedColumn(), console=console, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task(what, total=None)
        transport.progress = lambda moved, total: bar.update(task, completed=moved, total=total)
        try:
            yield
        finally:
            transport.progress = None


@contextmanager
def steps(what: str, total: int) -> Iterator[Progress]:
    """Show a bar on standard error; advance its only task (0) by one a step."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    console = Console(stderr=True)
    with Progress(
        *columns, TimeElapsedColumn(), console=console, disable=not console.is_terminal
    ) as bar:
        bar.add_task(what, total=total)
        yield bar
