# SPDX-License-Identifier: Apache-2.0
"""A serial port with a board behind it that doesn't exist, in a time of its own."""

from __future__ import annotations

import random
from collections.abc import Callable

from tests.support.link_model import LinkModel

#: Seconds after which the board forgets an unfinished command.
FORGETS = 0.1

#: Changes bytes on their way: ("out" to the board or "in" from it, bytes) to bytes.
Noise = Callable[[str, bytes], bytes]


class FakePort:
    """Serves a :class:`LinkModel`. ``unplug_after`` counts the bytes that still pass."""

    def __init__(self, model: LinkModel, *, baud: int = 1_000_000) -> None:
        self.model = model
        self.baud = baud
        self.timeout: float | None = 1.0
        self.noise: Noise | None = None
        self.unplug_after: int | None = None
        self.now = 0.0
        self.input = bytearray()
        self.closed = False
        self.sent = 0
        self.received = 0

    def clock(self) -> float:
        return self.now

    def _pass(self, direction: str, data: bytes) -> bytes:
        self.now += 10 * len(data) / self.baud
        if self.unplug_after is not None:
            self.unplug_after -= len(data)
            if self.unplug_after < 0:
                raise OSError("device disconnected")
        return data if self.noise is None else self.noise(direction, data)

    def write(self, data: bytes) -> int:
        # Ports may take a part only.
        part = data[:700]
        self.sent += len(part)
        self.input += self._pass("in", self.model.feed(self._pass("out", part)))
        return len(part)

    def read(self, size: int) -> bytes:
        if self.unplug_after is not None and self.unplug_after <= 0:
            raise OSError("device disconnected")
        found = bytes(self.input[:size])
        del self.input[: len(found)]
        self.received += len(found)
        if len(found) < size:
            assert self.timeout is not None
            self.now += self.timeout
            if self.timeout > FORGETS:
                self.model.idle()
        return found

    def reset_input_buffer(self) -> None:
        self.input.clear()

    def close(self) -> None:
        self.closed = True


def random_noise(seed: int, rate: float) -> Noise:
    """Return noise that drops, changes and adds bytes at a rate."""
    source = random.Random(seed)

    def noise(direction: str, data: bytes) -> bytes:
        found = bytearray()
        for byte in data:
            if source.random() >= rate:
                found.append(byte)
                continue
            kind = source.random()
            if kind < 0.5:
                found.append(byte ^ 1 << source.randrange(8))
            elif kind < 0.7:
                found += bytes((byte, source.randrange(256)))
        return bytes(found)

    return noise


class Once:
    """Noise that hits one byte: the one at ``index`` of those that pass in a direction."""

    def __init__(self, direction: str, index: int, change: Callable[[int], bytes]) -> None:
        self.direction, self.index, self.change = direction, index, change

    def __call__(self, direction: str, data: bytes) -> bytes:
        if direction != self.direction:
            return data
        at, self.index = self.index, self.index - len(data)
        if not 0 <= at < len(data):
            return data
        return data[:at] + self.change(data[at]) + data[at + 1 :]
