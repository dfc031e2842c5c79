# SPDX-License-Identifier: Apache-2.0
"""What ``--on`` takes: where a network runs."""

from __future__ import annotations

import dataclasses
import enum

import typer

#: What stands before the name of a device.
_BOARD = "board:"


class On(enum.StrEnum):
    """Kinds of machines."""

    golden = "golden"
    emulator = "emulator"
    rtl = "rtl"
    board = "board"


#: For help texts.
PLACES = "golden|emulator|rtl|board:DEVICE"


@dataclasses.dataclass(frozen=True)
class Place:
    """Where to run: a kind of machine, and of a board the name of the device."""

    on: On
    device: str = ""

    def __str__(self) -> str:
        return f"{self.on}:{self.device}" if self.device else str(self.on)


#: Where a network runs if nothing is said.
DEFAULT_PLACE = Place(On.emulator)


def place(text: str | Place) -> Place:
    """Read a place from the command line; the default comes as it is."""
    if isinstance(text, Place):
        return text
    if text.startswith(_BOARD) and len(text) > len(_BOARD):
        return Place(On.board, text.removeprefix(_BOARD))
    if text in {On.golden, On.emulator, On.rtl}:
        return Place(On(text))
    raise typer.BadParameter(
        f"{text}: is none of golden, emulator, rtl and board:DEVICE, such as board:ulx3s or "
        "board:uart:/dev/ttyUSB0."
    )
