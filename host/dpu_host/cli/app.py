# SPDX-License-Identifier: Apache-2.0
"""The application: all commands under one name."""

from __future__ import annotations

import sys

import typer

from dpu_host.cli.bench import bench
from dpu_host.cli.boards import boards, build, program
from dpu_host.cli.demo import demo
from dpu_host.cli.errors import Group
from dpu_host.cli.estimate import estimate
from dpu_host.cli.firmware import firmware
from dpu_host.cli.hardware import generate, presets
from dpu_host.cli.info import info
from dpu_host.cli.programs import compile, disassemble
from dpu_host.cli.report_page import report
from dpu_host.cli.run import run

app = typer.Typer(
    cls=Group,
    name="dpu",
    help="Tandem, an open DPU: generate the hardware, compile networks, run them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
COMMANDS = (
    generate,
    presets,
    compile,
    disassemble,
    info,
    estimate,
    report,
    run,
    demo,
    bench,
    firmware,
    boards,
    build,
    program,
)
for command in COMMANDS:
    app.command()(command)


def main() -> None:
    """Run the command line."""
    for stream in (sys.stdout, sys.stderr):
        # Tensor names and block characters must not end a run on a terminal without them.
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")
    app()
