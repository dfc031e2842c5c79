# SPDX-License-Identifier: Apache-2.0
"""Icepi Zero with the ECP5-25F: 32 MB of SDRAM, a USB serial port by an FT231X."""

from dpu_boards.board import Board
from dpu_boards.parts import ECP5_25F
from dpu_hw.sdram import IS42S16160
from dpu_spec.board_links import BOARD_LINKS

__all__ = ["BOARD"]


def _platform():
    from amaranth_boards.icepi_zero import IcepiZero1_3Platform

    return IcepiZero1_3Platform()


BOARD = Board(
    name="icepi_zero",
    title="Icepi Zero",
    part=ECP5_25F,
    preset="b16",
    platform=_platform,
    oscillator="clk50",
    oscillator_hertz=50_000_000,
    clock_hertz=50_000_000,
    # A chip of 256 Mbit for 166 MHz: this one's times are the longest of such chips.
    memory=IS42S16160,
    baud=BOARD_LINKS["icepi_zero"].baud,
    loader="icepi-zero",
)
