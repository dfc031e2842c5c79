# SPDX-License-Identifier: Apache-2.0
"""Collect instructions in program order, with the loads of the constants that they need."""

from __future__ import annotations

from collections.abc import Mapping

from dpu_compiler.constants import TARGETS, Chunk, ConstantCache, ConstantStream, capacity
from dpu_compiler.issue import Access, Buffer, Issue, span
from dpu_spec.configuration import Configuration
from dpu_spec.instruction import Format, Instruction
from dpu_spec.isa import LOAD, WINDOW_PROGRAM
from dpu_spec.program import Mark


class AccumulatorRing:
    """Gives tiles their accumulators, round and round.

    So the array runs ahead of the drain by as many tiles as there is room for.
    """

    def __init__(self, depth: int) -> None:
        self._depth = depth
        self._next = 0

    def take(self, pixels: int) -> int:
        """Return the first of so many accumulators."""
        start = self._next if self._next + pixels <= self._depth else 0
        self._next = start + pixels
        return start


class Emitter:
    """The program being written: instructions in a sequential order that is right by itself.

    Parameters
    ----------
    configuration
        Sizes of the buffers.
    resident
        Constants that are there already, and where. They fill their buffers alone.
    """

    def __init__(
        self, configuration: Configuration, resident: Mapping[Chunk, int] | None = None
    ) -> None:
        self.configuration = configuration
        self._resident = dict(resident or {})
        self.issues: list[Issue] = []
        #: Loads of constants, whose DRAM offset the assembler fills in.
        self.constant_loads: list[tuple[Issue, Chunk]] = []
        self._caches: dict[Buffer, ConstantCache] = {
            buffer: ConstantCache(
                capacity(configuration, buffer),
                configuration.column_blocks if buffer is Buffer.WEIGHTS else 1,
            )
            for buffer in TARGETS
            if buffer is not Buffer.TABLE
        }
        slot = capacity(configuration, Buffer.TABLE) // 2
        self._caches[Buffer.TABLE] = ConstantCache(2 * slot, slot)
        self._same = {(chunk.buffer, chunk.data): chunk for chunk in self._resident}
        self._accumulators = AccumulatorRing(configuration.accumulator_depth)

    def issue(
        self,
        format: Format,
        values: Mapping[str, int],
        reads: list[Access],
        writes: list[Access],
        mark: Mark,
    ) -> None:
        """Append an instruction."""
        self.issues.append(Issue(Instruction(format, values), reads, writes, mark))

    def accumulators(self, pixels: int) -> int:
        """Return the first of so many accumulators for the next tile."""
        return self._accumulators.take(pixels)

    def constant(self, stream: ConstantStream, unit: int, layer: int) -> int:
        """Return the word where a unit of constants lies, loading its chunk if it is not there."""
        chunk, position = stream.place(unit)
        # Layers of several frames have the same constants.
        chunk = self._same.setdefault((chunk.buffer, chunk.data), chunk)
        if chunk in self._resident:
            return self._resident[chunk] + position
        cache = self._caches[chunk.buffer]
        at = cache.find(chunk)
        if at is None:
            at = cache.insert(chunk)
            self.load(chunk, at, layer)
        return at + position

    def alignment(self, buffer: Buffer) -> int:
        """Return the number of words whose multiples chunks begin at."""
        return self._caches[buffer].align

    def load(self, chunk: Chunk, at: int, layer: int) -> None:
        """Append the load of a chunk to a place of its buffer."""
        self.issue(
            LOAD,
            {
                "target": TARGETS[chunk.buffer],
                "window": WINDOW_PROGRAM,
                "row_bytes": len(chunk.data),
                "rows": 1,
                "columns": 1,
                "depth": len(chunk.data),
                "address": at,
                "block_stride": 1,
                "ring_start": 0,
                "ring_words": 65535,
            },
            [],
            [span(chunk.buffer, at, chunk.words)],
            Mark(layer),
        )
        self.constant_loads.append((self.issues[-1], chunk))
