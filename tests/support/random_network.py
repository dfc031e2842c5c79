# SPDX-License-Identifier: Apache-2.0
"""Random small networks: a hypothesis strategy, so that a failing one shrinks.

``networks()`` draws a network, half of them with dead channels planted: an int8, float (through
QUANTIZE) or planar (through TRANSPOSE) input, up to ``most`` operators that read any of the tensors
before them, perhaps SOFTMAX or DEQUANTIZE at the end, and one or more outputs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests.support import random_layers as layers
from tests.support import random_moves as moves
from tests.support.sketch import Network, Sketch

Operator = Callable[[Sketch, int], int]

SIDES = (1, 2, 3, 4, 5, 7, 8, 9, 12, 16, 17, 20, 23, 31, 32, 40)

#: Operators for maps (rank 4), each as often as it is named.
_MAPS: tuple[Operator, ...] = (
    layers.convolution,
    layers.convolution,
    layers.convolution,
    layers.depthwise,
    layers.depthwise,
    layers.average_pool,
    layers.max_pool,
    layers.mean,
    moves.pad,
    moves.resize,
)
#: Operators for tensors of any rank.
_ANY: tuple[Operator, ...] = (
    moves.add,
    moves.add,
    moves.subtract,
    moves.multiply,
    moves.function,
    moves.function,
    layers.fully_connected,
    moves.concatenation,
    moves.concatenation,
    moves.strided_slice,
    moves.reshape,
)
#: Operators that only the host computes, at least outside the network's ends.
_RARE: tuple[Operator, ...] = (moves.softmax, moves.transpose)


#: Operators between which channels die.
_WEIGHTED: tuple[Operator, ...] = (layers.convolution, layers.convolution, layers.depthwise)


def _padded_convolution(sketch: Sketch, source: int) -> int:
    padded = moves.pad(sketch, source)
    if len(sketch.shape(padded)) != 4:
        return padded
    return sketch.one((layers.convolution, layers.depthwise))(sketch, padded)


def _size(shape: tuple[int, ...]) -> int:
    return int(np.prod(shape, dtype=np.int64))


def _begin(sketch: Sketch) -> int:
    """The network's first input, ready to be read."""
    kind = sketch.one(("map", "map", "map", "planar", "float", "vector"))
    if kind == "vector":
        rank = sketch.number(1, 3)
        shape = [sketch.one(SIDES) for _ in range(rank)]
        if rank == 2 and sketch.chance(70):
            shape[0] = 1
        source = sketch.input(shape)
        sketch.tensors.append(source)
        return source
    height, width = sketch.one(SIDES), sketch.one(SIDES)
    if sketch.chance(4):  # Long rows.
        height, width = sketch.number(1, 3), sketch.number(100, 700)
    room = max(1, sketch.limit // (height * width))
    channels = min(sketch.one(layers.CHANNELS), room)
    if sketch.chance(2):
        channels = min(sketch.number(41, 600), room)
    if kind == "planar":
        source = sketch.input((1, min(channels, 16), height, width))
        return moves.transpose(sketch, source, (0, 2, 3, 1))
    if kind == "float":
        source = sketch.input((1, height, width, channels), "float32")
        return sketch.result("QUANTIZE", [source], sketch.shape(source), sketch.scales())
    batch = 2 if sketch.chance(2) else 1
    source = sketch.input((batch, height, width, channels))
    sketch.tensors.append(source)
    return source


def _step(sketch: Sketch, current: int) -> int:
    """Add one operator."""
    source = current
    if sketch.chance(25):
        source = int(sketch.one(sketch.tensors[::-1]))
    options = [*_ANY]
    if len(sketch.shape(source)) == 4:
        options = [*_MAPS, *_ANY, _padded_convolution]
        if sketch.planted and sketch.chance(50):
            options = [*_WEIGHTED]
    if sketch.chance(4):
        options = [*_RARE]
    return int(sketch.one(options)(sketch, source))


def _end(sketch: Sketch, current: int) -> list[int]:
    """Add what ends networks, and choose the outputs."""
    kind = sketch.one(("plain", "plain", "softmax", "dequantize"))
    last = current
    if kind == "softmax":
        last = moves.softmax(sketch, current)
    elif kind == "dequantize":
        last = sketch.result("DEQUANTIZE", [current], sketch.shape(current), None, {}, "float32")
    read = {index for _, inputs, _, _ in sketch.writer.operators for index in inputs}
    made = [index for _, _, outputs, _ in sketch.writer.operators for index in outputs]
    outputs = [index for index in made if index not in read]
    if sketch.chance(10):  # A tensor in the middle is an output as well.
        outputs.append(int(sketch.one([index for index in made if index not in outputs] or [last])))
    return list(dict.fromkeys(outputs))


@st.composite
def networks(draw: Any, *, most: int = 8, planted: bool | None = None) -> Network:
    """Draw a network of up to so many operators (and some that join them).

    ``planted`` says whether it gets channels that are constant or that nobody uses; None: some do.
    """
    large = draw(st.integers(0, 9)) == 9
    sketch = Sketch(draw, large=large, planted=draw(st.booleans()) if planted is None else planted)
    current = _begin(sketch)
    for _ in range(sketch.number(3 if sketch.planted and most > 3 else 1, most)):
        if _size(sketch.shape(current)) > sketch.limit:
            break
        current = _step(sketch, current)
    if not sketch.writer.operators:
        current = moves.function(sketch, current)
    return sketch.finish(_end(sketch, current))
