# SPDX-License-Identifier: Apache-2.0
"""Put streams and constants into the program's image."""

from __future__ import annotations

from dpu_compiler.emit import Emitter
from dpu_compiler.issue import Issue
from dpu_spec.instruction import Engine
from dpu_spec.isa import encode
from dpu_spec.program import Stream

#: Streams and constants begin at multiples of this many bytes.
IMAGE_ALIGN = 64


class Image:
    """The bytes of the program window."""

    def __init__(self) -> None:
        self._parts: list[tuple[int, bytes]] = []
        self._size = 0

    def reserve(self, size: int) -> int:
        """Return the offset of the next free bytes."""
        offset = -(-self._size // IMAGE_ALIGN) * IMAGE_ALIGN
        self._size = offset + size
        return offset

    def put(self, data: bytes) -> int:
        """Append bytes and return their offset."""
        offset = self.reserve(len(data))
        self._parts.append((offset, data))
        return offset

    def add_constants(self, emitter: Emitter) -> None:
        """Append the constants that a step loads, in order of use, and tell its loads where."""
        for issue, chunk in emitter.constant_loads:
            if chunk.offset < 0:
                chunk.offset = self.put(chunk.data)
            issue.instruction.dram_offset = chunk.offset

    def add_streams(self, streams: dict[Engine, list[Issue]]) -> dict[Engine, Stream]:
        """Append the instruction streams of a step."""
        result = {}
        for engine, issues in streams.items():
            data = b"".join(encode(issue.instruction) for issue in issues)
            offset = self.put(data)
            result[engine] = Stream(offset, len(issues), tuple(issue.mark for issue in issues))
        return result

    def to_bytes(self) -> bytes:
        """Return the whole image."""
        image = bytearray(self._size)
        for offset, data in self._parts:
            image[offset : offset + len(data)] = data
        return bytes(image)
