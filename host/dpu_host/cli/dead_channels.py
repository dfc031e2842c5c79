# SPDX-License-Identifier: Apache-2.0
"""``--no-dead-channels``, and what commands say about channels that are left out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from dpu_host.cli.errors import UserError
from dpu_spec.program import DeadChannels, Program

DeadChannelsOption = Annotated[
    bool | None,
    typer.Option(
        "--dead-channels/--no-dead-channels",
        help="Leave out channels that are constant or that nobody uses, with the same answers, or "
        "compute them all. [default: leave them out; of a program: as it was compiled]",
        show_default=False,
    ),
]


def match_dead_channels(program: Program, wanted: bool | None, source: Path) -> None:
    """Refuse a program that was compiled the other way than the user wants."""
    found = program.dead_channels
    if wanted is None or found is None or found.on is wanted or not found.removed:
        return
    option = "--dead-channels" if wanted else "--no-dead-channels"
    state = "without its dead channels" if found.on else "with its dead channels"
    raise UserError(
        f"{source}: was compiled {state}; compile the model again with {option}, or leave "
        f"{option} out."
    )


def dead_channel_figures(found: DeadChannels | None) -> dict[str, Any] | None:
    """Return what statistics say of dead channels."""
    if found is None:
        return None
    with_them, without = found.estimated_cycles or (None, None)
    return {
        "left_out": found.on,
        "removable": found.removed,
        "channels": found.channels,
        "cycles_estimated_with_them": with_them,
        "cycles_estimated_without": without,
    }


def dead_channel_line(found: DeadChannels) -> str:
    """Return a sentence about dead channels, and what the other variant would take."""
    if not found.removed:
        return f"dead channels: none of {found.channels:,}"
    state = "left out" if found.on else "could be left out"
    text = f"dead channels: {found.removed:,} of {found.channels:,} {state}"
    if found.estimated_cycles is not None:
        with_them, without = found.estimated_cycles
        text += f"; the cycle model expects {with_them:,} cycles with them, {without:,} without"
    return text
