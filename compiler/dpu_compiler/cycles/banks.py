# SPDX-License-Identifier: Apache-2.0
"""Cycles lost at the scratchpad's banks: ``dpu_hw.scratchpad``."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from dpu_compiler.cycles.engine import Values
from dpu_spec.configuration import Configuration

#: Rows of such streams that are remembered.
_ROWS = 256


def row_addresses(i: Values, prefix: str = "") -> Iterator[int]:
    """Yield the address of each row that an instruction writes, block by block."""
    start, words = i[f"{prefix}ring_start"], i[f"{prefix}ring_words"]
    offset, step = i[f"{prefix}address"] - start, i[f"{prefix}row_stride"]
    for block in range(i["blocks"]):
        base = start + block * i[f"{prefix}block_stride"]
        for row in range(i["rows"]):
            yield base + (offset + row * step) % words


class SlowStreams:
    """Rows of words, one every other cycle, that go before others of a word a cycle.

    Streams as fast as each other meet at a bank once and then run side by side; those moments are
    not counted. One of half the speed is met at some bank, and from there on at every one: the
    faster one is held to its speed until the row ends.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._banks = configuration.scratchpad_banks
        # Of each row: the cycle of its first word, its address, its words.
        self._rows: deque[tuple[int, int, int]] = deque(maxlen=_ROWS)

    def add(self, cycle: int, address: int, count: int) -> None:
        """Tell of a row."""
        self._rows.append((cycle, address, count))

    def finish_rows(self, cycle: int, i: Values, words: int, first: int, count: int) -> int:
        """Return the cycle of the last of so many words of a transfer, from its first-th one on.

        Its rows have so many words, one at an address after the other.
        """
        while count:
            row, column = divmod(first, words)
            here = min(count, words - column)
            address = i["address"] + row * i["row_stride"] + column
            cycle = self.finish(cycle, address, here) + 1
            first, count = first + here, count - here
        return cycle - 1

    def finish(self, cycle: int, address: int, count: int) -> int:
        """Return the cycle of the last of so many words, the first of them in a given cycle."""
        rows = self._rows
        while rows and rows[0][0] + 2 * rows[0][2] < cycle:
            rows.popleft()
        for begin, theirs, length in rows:
            end = begin + 2 * length - 2
            if end < cycle:
                continue
            if begin > cycle + count - 1:
                break
            ahead = max(0, begin - cycle)
            cycle, address, count = cycle + ahead, address + ahead, count - ahead
            # Their word k comes at begin + 2 k; ours is in the same bank at that time.
            least = (cycle - begin + 1) // 2
            k = least + (theirs - address - begin + cycle - least) % self._banks
            if k >= length:
                ahead = min(count, end - cycle + 1)
            else:
                ahead = min(count, begin + 2 * k - cycle)
            cycle, address, count = cycle + ahead, address + ahead, count - ahead
            if not count:
                break
            if k < length:
                held = min(count, length - k)
                cycle, address, count = cycle + 2 * held, address + held, count - held
                if not count:
                    break
        return cycle + count - 1
