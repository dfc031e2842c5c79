# SPDX-License-Identifier: Apache-2.0
"""Constants of layers, streamed into on-chip buffers in chunks that are loaded when first used."""

from __future__ import annotations

import dataclasses

from dpu_compiler.errors import CapacityError
from dpu_compiler.issue import Buffer
from dpu_spec.configuration import Configuration
from dpu_spec.isa import (
    TABLE_ENTRIES,
    TABLE_SLOTS,
    TARGET_CONV_PARAMETERS,
    TARGET_DEPTHWISE_PARAMETERS,
    TARGET_TABLE,
    TARGET_WEIGHTS,
)

TARGETS = {
    Buffer.WEIGHTS: TARGET_WEIGHTS,
    Buffer.CONV_PARAMETERS: TARGET_CONV_PARAMETERS,
    Buffer.DEPTHWISE_PARAMETERS: TARGET_DEPTHWISE_PARAMETERS,
    Buffer.TABLE: TARGET_TABLE,
}


def capacity(configuration: Configuration, buffer: Buffer) -> int:
    """Return the words of a constant buffer."""
    return {
        Buffer.WEIGHTS: configuration.weight_words,
        Buffer.CONV_PARAMETERS: configuration.conv_parameter_words,
        Buffer.DEPTHWISE_PARAMETERS: configuration.depthwise_parameter_words,
        Buffer.TABLE: TABLE_SLOTS * 2 * TABLE_ENTRIES * 4 // configuration.lanes,
    }[buffer]


@dataclasses.dataclass(eq=False)
class Chunk:
    """A run of constants that is loaded in one piece; the assembler sets its ``offset``."""

    buffer: Buffer
    data: bytes
    words: int
    offset: int = -1


class ConstantStream:
    """A layer's constants for one buffer: units in order of use, grouped into chunks.

    A unit is what one instruction needs; it is never split. Chunks are at most a quarter of the
    buffer where units allow, so that the next can load while others are in use.
    """

    def __init__(self, configuration: Configuration, buffer: Buffer, units: list[bytes]) -> None:
        self.configuration = configuration
        self.buffer = buffer
        self._place: list[tuple[Chunk, int]] = []
        limit = capacity(configuration, buffer)
        group: list[bytes] = []
        filled = 0
        for unit in units:
            words = len(unit) // configuration.lanes
            if words > limit:
                raise CapacityError(
                    f"An instruction needs {words} words of {buffer.value}, the buffer has {limit}."
                )
            if group and filled + words > limit // 4:
                self._close(group)
                group, filled = [], 0
            group.append(unit)
            filled += words
        if group:
            self._close(group)

    def _close(self, group: list[bytes]) -> None:
        lanes = self.configuration.lanes
        data = b"".join(group)
        chunk = Chunk(self.buffer, data, len(data) // lanes)
        position = 0
        for unit in group:
            self._place.append((chunk, position))
            position += len(unit) // lanes

    @property
    def words(self) -> int:
        """Words of all chunks."""
        return sum(chunk.words for chunk in self.chunks)

    @property
    def chunks(self) -> list[Chunk]:
        """All chunks, in order."""
        return list(dict.fromkeys(chunk for chunk, _ in self._place))

    def place(self, unit: int) -> tuple[Chunk, int]:
        """Return the chunk of a unit, and the unit's first word in it."""
        return self._place[unit]


class ConstantCache:
    """Which chunks lie where in a buffer, in program order; the oldest give way."""

    def __init__(self, size: int, align: int) -> None:
        self.size = size
        self.align = align
        self._next = 0
        self._resident: dict[Chunk, int] = {}

    def find(self, chunk: Chunk) -> int | None:
        """Return where a chunk lies, or None."""
        return self._resident.get(chunk)

    def insert(self, chunk: Chunk) -> int:
        """Make room for a chunk and return where it goes."""
        words = -(-chunk.words // self.align) * self.align
        start = self._next if self._next + words <= self.size else 0
        end = start + words
        for other, at in list(self._resident.items()):
            if at < end and start < at + other.words:
                del self._resident[other]
        self._resident[chunk] = start
        self._next = end
        return start
