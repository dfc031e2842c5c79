# SPDX-License-Identifier: Apache-2.0
"""Constants that stay on the chip between inferences: buffers that hold all of a network's."""

from __future__ import annotations

from dpu_compiler.constants import Chunk, capacity
from dpu_compiler.emit import Emitter
from dpu_compiler.issue import Buffer


def resident_places(emitter: Emitter) -> dict[Chunk, int]:
    """Return a place for each of the constants that an emitter loads, if its buffer holds all.

    In other buffers the constants come and go as they are needed.
    """
    places: dict[Chunk, int] = {}
    for buffer in Buffer:
        chunks = dict.fromkeys(c for _, c in emitter.constant_loads if c.buffer is buffer)
        alignment = emitter.alignment(buffer) if chunks else 1
        mine: dict[Chunk, int] = {}
        end = 0
        for chunk in chunks:
            mine[chunk] = end
            end += -(-chunk.words // alignment) * alignment
        if chunks and end <= capacity(emitter.configuration, buffer):
            places |= mine
    return places


def load_resident(places: dict[Chunk, int], emitter: Emitter) -> Emitter:
    """Return the instructions that load constants to their places.

    ``emitter`` is where they came from: it knows their layers.
    """
    layers = {chunk: issue.mark.layer for issue, chunk in emitter.constant_loads}
    result = Emitter(emitter.configuration)
    for chunk, place in places.items():
        result.load(chunk, place, layers[chunk])
    return result
