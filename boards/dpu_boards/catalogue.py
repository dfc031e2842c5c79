# SPDX-License-Identifier: Apache-2.0
"""The boards, by name. A new one is a file like :mod:`dpu_boards.ulx3s` and a line here."""

from dpu_boards import arty_z7, icepi_zero, ulx3s

__all__ = ["BOARDS", "UnknownBoardError", "find_board"]

BOARDS = {board.name: board for board in (ulx3s.BOARD, icepi_zero.BOARD, arty_z7.BOARD)}


class UnknownBoardError(ValueError):
    """There is no board of that name."""


def find_board(name):
    """Return the board of that name.

    It is a :class:`dpu_boards.board.Board`, or a :class:`dpu_boards.zynq_overlay.ZynqBoard`.

    Raises
    ------
    UnknownBoardError
        If there is none.
    """
    if name not in BOARDS:
        raise UnknownBoardError(
            f"{name}: no such board; there are {', '.join(BOARDS)}. docs/boards.md says how to add "
            "one."
        )
    return BOARDS[name]
