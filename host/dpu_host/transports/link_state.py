# SPDX-License-Identifier: Apache-2.0
"""What the link's own registers say."""

from __future__ import annotations

import dataclasses
import struct

from dpu_spec.memory_map import (
    LINK_BASE,
    LINK_CLOCK_HERTZ,
    LINK_CRC,
    LINK_HIGHEST,
    LINK_LOWEST,
    LINK_MEMORY_BYTES,
    LINK_NEXT,
    LINK_STATUS,
    LINK_WRITTEN,
)
from dpu_spec.uartbone import WORD_BYTES, Command, header

_WORDS = (
    *(LINK_CRC, LINK_STATUS, LINK_MEMORY_BYTES, LINK_CLOCK_HERTZ),
    *(LINK_NEXT, LINK_WRITTEN, LINK_LOWEST, LINK_HIGHEST),
)
assert list(_WORDS) == [4 * index for index in range(len(_WORDS))]

#: Bytes of their answer.
STATE_BYTES = WORD_BYTES * len(_WORDS)
#: Asks for all of them.
ASK = header(Command.READ, len(_WORDS), LINK_BASE)
#: Begins a new CRC and a new range of what is written, and takes back the note of a bus error.
RESET = header(Command.WRITE, 2, LINK_BASE) + bytes(2 * WORD_BYTES)
assert LINK_STATUS == LINK_CRC + WORD_BYTES


@dataclasses.dataclass(frozen=True)
class LinkState:
    """The registers, see :mod:`dpu_spec.memory_map`."""

    crc: int
    status: int
    memory_bytes: int
    clock_hertz: int
    next: int
    written: int
    lowest: int
    highest: int

    @classmethod
    def from_bytes(cls, data: bytes) -> LinkState:
        """Read an answer."""
        return cls(*struct.unpack(f">{len(_WORDS)}I", data))

    @property
    def interrupt(self) -> bool:
        """The DPU's interrupt."""
        return bool(self.status & 1)

    @property
    def ready(self) -> bool:
        """The DRAM can be used."""
        return bool(self.status & 2)

    @property
    def failed(self) -> bool:
        """An access was answered with an error, since the last reset."""
        return bool(self.status & 4)

    @property
    def possible(self) -> bool:
        """Whether a board can say this."""
        return (
            self.status < 8
            and self.memory_bytes > 0
            and self.memory_bytes % WORD_BYTES == 0
            and self.clock_hertz > 0
        )

    def same_board(self, other: LinkState) -> bool:
        """Tell whether both are of one board, or one of them is damaged."""
        mine, others = (
            (self.memory_bytes, self.clock_hertz),
            (other.memory_bytes, other.clock_hertz),
        )
        return mine == others

    def same_writes(self, other: LinkState) -> bool:
        """Tell whether both know of the same words that were written."""
        mine, others = (
            (self.written, self.lowest, self.highest),
            (other.written, other.lowest, other.highest),
        )
        return mine == others
