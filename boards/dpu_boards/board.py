# SPDX-License-Identifier: Apache-2.0
"""What a board is to the build: an FPGA, a memory, a clock, a serial line."""

import dataclasses
from collections.abc import Callable

from dpu_boards.parts import Part
from dpu_compiler.cycles import Memory
from dpu_hw.sdram import SdramChip
from dpu_hw.sdram.chip import CHIP_BYTES_WIDE
from dpu_spec.configuration import Configuration
from dpu_spec.presets import PRESETS

__all__ = ["Board"]

#: Cycles from a read's request to its first beat, but for those of the beat itself: arbiter,
#: controller and chip with a row that must be opened first, and the pads.
_READ_CYCLES = 16


@dataclasses.dataclass(frozen=True, kw_only=True)
class Board:
    """A board that a bitstream can be built for.

    Parameters
    ----------
    name : :class:`str`
        What ``--board`` takes.
    title : :class:`str`
        Its full name.
    part : :class:`dpu_boards.parts.Part`
        Its FPGA.
    preset : :class:`str`
        The preset that fits.
    platform : callable
        Returns the Amaranth platform; called when it is needed, since the import takes a while.
    oscillator : :class:`str`
        Name of the clock's resource.
    oscillator_hertz : :class:`int`
        Its frequency.
    clock_hertz : :class:`int`
        Frequency of the DPU and of its memory.
    memory : :class:`dpu_hw.sdram.SdramChip`
        The SDRAM.
    baud : :class:`int`
        Bits a second of the serial line.
    loader : :class:`str`
        What openFPGALoader calls the board.
    apio : :class:`str` or None
        What apio calls the board, if it knows it.
    """

    name: str
    title: str
    part: Part
    preset: str
    platform: Callable[[], object]
    oscillator: str
    oscillator_hertz: int
    clock_hertz: int
    memory: SdramChip
    baud: int
    loader: str
    apio: str | None = None

    @property
    def configuration(self) -> Configuration:
        """The DPU's sizes."""
        return PRESETS[self.preset]

    @property
    def part_name(self) -> str:
        """The FPGA's name."""
        return self.part.name

    @property
    def memory_title(self) -> str:
        """The memory, in words."""
        return f"{self.memory.size >> 20} MiB SDRAM"

    @property
    def link_title(self) -> str:
        """The way to the host, in words."""
        return f"UART, {self.baud:,} baud"

    @property
    def memory_model(self) -> Memory:
        """What the cycle model takes the SDRAM for."""
        beat = self.configuration.axi_bytes // CHIP_BYTES_WIDE
        return Memory(read_latency=_READ_CYCLES + beat, beat_cycles=beat)
