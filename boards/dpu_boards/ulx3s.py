# SPDX-License-Identifier: Apache-2.0
"""Radiona ULX3S with the ECP5-85F: 32 MB of SDRAM, a USB serial port by an FT231X."""

from dpu_boards.board import Board
from dpu_boards.parts import ECP5_85F
from dpu_hw.sdram import IS42S16160
from dpu_spec.board_links import BOARD_LINKS

__all__ = ["BOARD"]


def _platform():
    from amaranth_boards.ulx3s import ULX3S_85F_Platform

    return ULX3S_85F_Platform()


BOARD = Board(
    name="ulx3s",
    title="Radiona ULX3S 85F",
    part=ECP5_85F,
    preset="b128",
    platform=_platform,
    oscillator="clk25",
    oscillator_hertz=25_000_000,
    clock_hertz=80_000_000,
    # Boards carry this chip, a W9825G6KH or an AS4C32M16; this one's times suit all, and it uses
    # the first 32 MB of the last.
    memory=IS42S16160,
    baud=BOARD_LINKS["ulx3s"].baud,
    loader="ulx3s",
    apio="ulx3s-85f",
)
