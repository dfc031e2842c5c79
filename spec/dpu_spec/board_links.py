# SPDX-License-Identifier: Apache-2.0
"""The serial lines of boards: what a host looks for, and how fast they are."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class BoardLink:
    """A board's serial line.

    ``usb`` are vendor and product of its USB adapter, ``baud`` the bits a second.
    """

    title: str
    usb: tuple[int, int]
    baud: int


#: By the name of the board.
BOARD_LINKS = {
    # Each has an FT231X, whose most is 3 Mbaud.
    "ulx3s": BoardLink("Radiona ULX3S", (0x0403, 0x6015), 3_000_000),
    "icepi_zero": BoardLink("Icepi Zero", (0x0403, 0x6015), 3_000_000),
}
