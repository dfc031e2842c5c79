# SPDX-License-Identifier: Apache-2.0
"""Counting tokens, one signaller and one waiter each."""

from __future__ import annotations

from collections import deque

from dpu_spec.instruction import ENGINE_SLOTS, TOKEN_LIMIT, Engine

from .races import Int64s


def engine_name(slot: int) -> str:
    """Name an engine, also one that doesn't exist yet."""
    return Engine(slot).name if slot in set(Engine) else f"engine {slot}"


def slots(mask: int) -> list[int]:
    """Return the engines whose bits are set."""
    return [slot for slot in range(ENGINE_SLOTS) if mask >> slot & 1]


class Tokens:
    """A counter for each pair of engines; each token carries what its signaller knew."""

    def __init__(self) -> None:
        self._queues: dict[tuple[int, int], deque[Int64s]] = {}

    def _queue(self, signaller: int, waiter: int) -> deque[Int64s]:
        return self._queues.setdefault((signaller, waiter), deque())

    def missing(self, waiter: int, mask: int) -> list[int]:
        """Return the engines of a wait mask that have given no token to take."""
        return [slot for slot in slots(mask) if not self._queue(slot, waiter)]

    def take(self, waiter: int, mask: int) -> list[Int64s]:
        """Take one token from each engine of a wait mask."""
        return [self._queue(slot, waiter).popleft() for slot in slots(mask)]

    def give(self, signaller: int, mask: int, knowledge: Int64s) -> int:
        """Give a token to each engine of a signal mask; return those whose counters are full."""
        full = 0
        for slot in slots(mask):
            queue = self._queue(signaller, slot)
            if len(queue) < TOKEN_LIMIT:
                queue.append(knowledge)
            else:
                full |= 1 << slot
        return full
