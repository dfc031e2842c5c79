# SPDX-License-Identifier: Apache-2.0
"""Random element by element operators, and operators that only move elements."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dpu_golden import Quantization
from tests.support.random_layers import ACTIVATIONS
from tests.support.sketch import Sketch


def _partner(sketch: Sketch, source: int) -> int:
    """A second operand: another tensor, the same one, a constant of any kind, a new input."""
    shape = sketch.shape(source)
    alike = [t for t in sketch.tensors if sketch.shape(t) == shape and t != source]
    kinds = ["itself", "number", "channels", "whole", "input"]
    if alike:
        kinds = ["tensor", "tensor", "tensor", *kinds]
    kind = sketch.one(kinds)
    if kind == "tensor":
        return int(sketch.one(alike))
    if kind == "itself":
        return source
    if kind == "input":
        index = sketch.input(shape)
        sketch.tensors.append(index)
        return index
    constant_shape = {
        "number": sketch.one(((), (1,), (1,) * len(shape))),
        "channels": sketch.one(((shape[-1],), (1,) * (len(shape) - 1) + (shape[-1],))),
        "whole": shape,
    }[kind]
    return sketch.constant(sketch.numbers(constant_shape), sketch.scales())


def _two(sketch: Sketch, source: int, name: str) -> int:
    other = _partner(sketch, source)
    a, b = (sketch.quantization(t).scale0 for t in (source, other))
    shape = sketch.shape(source)
    attributes = {"activation": sketch.one(ACTIVATIONS)}
    inputs = [other, source] if sketch.chance(30) else [source, other]
    scale = a * b * 32 if name == "MUL" else max(a, b) * float(sketch.rng.uniform(0.7, 2.0))
    quantization = sketch.fitted(name, inputs, shape, attributes, scale)
    return sketch.result(name, inputs, shape, quantization, attributes)


def add(sketch: Sketch, source: int) -> int:
    """ADD."""
    return _two(sketch, source, "ADD")


def subtract(sketch: Sketch, source: int) -> int:
    """SUB."""
    return _two(sketch, source, "SUB")


def multiply(sketch: Sketch, source: int) -> int:
    """MUL."""
    return _two(sketch, source, "MUL")


def function(sketch: Sketch, source: int) -> int:
    """A function of one number."""
    name = sketch.one(("RELU", "RELU6", "QUANTIZE", "LOGISTIC", "HARD_SWISH", "TANH", "LEAKY_RELU"))
    shape, q = sketch.shape(source), sketch.quantization(source)
    if name in ("LOGISTIC", "TANH") and q.scale0 > 8:  # Beyond the reference runtime's range.
        name = "RELU"
    attributes: dict[str, object] = {}
    if name == "LEAKY_RELU":
        attributes["alpha"] = sketch.one((0.1, 0.3, 0.0))
    if name == "LOGISTIC":
        result = Quantization((1 / 256,), (-128,))
    elif name == "TANH":
        result = Quantization((1 / 128,), (0,))
    elif name == "RELU6" or sketch.chance(20):
        result = q
    else:
        result = Quantization(
            (float(np.float32(q.scale0 * sketch.rng.uniform(0.5, 2.0))),), (sketch.zero_point(),)
        )
    return sketch.result(name, [source], shape, result, attributes)


def softmax(sketch: Sketch, source: int) -> int:
    """SOFTMAX over the last axis; the reference runtime aborts when 512 numbers tie."""
    if sketch.shape(source)[-1] >= 512:
        return function(sketch, source)
    attributes = {"beta": 1.0}
    return sketch.result(
        "SOFTMAX", [source], sketch.shape(source), Quantization((1 / 256,), (-128,)), attributes
    )


def pad(sketch: Sketch, source: int) -> int:
    """PAD or PADV2, of height and width most of the time."""
    shape = sketch.shape(source)
    widths = np.zeros((len(shape), 2), np.int32)
    axes = range(1, len(shape) - 1) if len(shape) == 4 and sketch.chance(90) else range(len(shape))
    for axis in axes:
        if len(shape) < 4 or axis or sketch.chance(5):
            widths[axis] = sketch.number(0, 3), sketch.number(0, 3)
    result = [size + int(w.sum()) for size, w in zip(shape, widths, strict=True)]
    quantization = sketch.quantization(source)
    inputs = [source, sketch.constant(widths)]
    name = "PAD"
    if sketch.chance(20):
        name = "PADV2"
        inputs.append(sketch.constant(sketch.numbers((1,)), quantization))
    return sketch.result(name, inputs, result, quantization)


def concatenation(sketch: Sketch, source: int) -> int:
    """CONCATENATION along any axis; parts of another quantization are rescaled first."""
    shape = sketch.shape(source)
    axis = sketch.one((len(shape) - 1, *range(1, len(shape) - 1), 0))
    if axis == 0 and len(shape) == 4 and not sketch.chance(20):
        axis = 3

    def rest(tensor: int) -> tuple[int, ...] | None:
        other = sketch.shape(tensor)
        return (*other[:axis], *other[axis + 1 :]) if len(other) == len(shape) else None

    alike = [t for t in sketch.tensors if rest(t) == rest(source)] or [source]
    parts = [source]
    for _ in range(sketch.number(1, 3)):
        part = int(sketch.one(alike[::-1]))
        size = sum(int(np.prod(sketch.shape(p))) for p in (*parts, part))
        if size <= sketch.limit:
            parts.append(part)
    quantization = sketch.quantization(source)
    same = []
    for part in parts:
        if sketch.quantization(part) != quantization:
            part = sketch.result("QUANTIZE", [part], sketch.shape(part), quantization)
        same.append(part)
    result = list(shape)
    result[axis] = sum(sketch.shape(part)[axis] for part in same)
    given = axis - len(shape) if sketch.chance(30) else axis
    return sketch.result("CONCATENATION", same, result, quantization, {"axis": given})


def _factors(sketch: Sketch, size: int, count: int) -> list[int]:
    """Some sizes whose product is ``size``."""
    result = []
    for _ in range(count - 1):
        options = [n for n in range(1, min(size, 64) + 1) if size % n == 0]
        result.append(int(sketch.one(options)))
        size //= result[-1]
    return [*result, size]


def reshape(sketch: Sketch, source: int) -> int:
    """RESHAPE to any rank."""
    shape = sketch.shape(source)
    size = int(np.prod(shape))
    rank = sketch.one((2, 1, 3, 4, 4))
    result = {1: [size], 2: [1, size], 3: None, 4: None}[rank]
    if rank == 2 and sketch.chance(30):
        result = _factors(sketch, size, 2)
    elif rank == 3:
        result = _factors(sketch, size, 3)
    elif rank == 4:
        result = [1, *_factors(sketch, size, 3)]
    assert result is not None
    inputs = [source, sketch.integers(result)]
    return sketch.result("RESHAPE", inputs, result, sketch.quantization(source))


def strided_slice(sketch: Sketch, source: int) -> int:
    """STRIDED_SLICE with positive strides, whole axes by masks or by numbers."""
    shape = sketch.shape(source)
    begin, end, steps = [], [], []
    begin_mask = end_mask = 0
    result = []
    for axis, size in enumerate(shape):
        first = sketch.number(0, size - 1) if sketch.chance(50) else 0
        last = sketch.number(first + 1, size) if sketch.chance(50) else size
        step = 1 if axis in (0, len(shape) - 1) else sketch.one((1, 1, 2, 3))
        result.append(-(-(last - first) // step))
        if first == 0 and sketch.chance(50):
            begin_mask |= 1 << axis
        if last == size and sketch.chance(50):
            end_mask |= 1 << axis
        begin.append(first - size if first and sketch.chance(20) else first)
        end.append(last - size if last < size and sketch.chance(20) else last)
        steps.append(step)
    inputs = [source, *(sketch.integers(v) for v in (begin, end, steps))]
    attributes = {"begin_mask": begin_mask, "end_mask": end_mask}
    return sketch.result("STRIDED_SLICE", inputs, result, sketch.quantization(source), attributes)


def resize(sketch: Sketch, source: int) -> int:
    """RESIZE_NEAREST_NEIGHBOR by whole factors most of the time."""
    shape = sketch.shape(source)
    factors = [sketch.number(1, 3), sketch.number(1, 3)]
    size = [max(1, n * f) for n, f in zip(shape[1:3], factors, strict=True)]
    if sketch.chance(15):
        size = [sketch.number(1, 2 * n) for n in shape[1:3]]
    while size[0] * size[1] * shape[3] > sketch.limit:
        size = [max(1, size[0] // 2), max(1, size[1] // 2)]
    attributes = {"half_pixel_centers": sketch.chance(40), "align_corners": False}
    if not attributes["half_pixel_centers"]:
        attributes["align_corners"] = sketch.chance(10)
    return sketch.result(
        "RESIZE_NEAREST_NEIGHBOR",
        [source, sketch.integers(size)],
        (shape[0], *size, shape[3]),
        sketch.quantization(source),
        attributes,
    )


def transpose(sketch: Sketch, source: int, permutation: Sequence[int] | None = None) -> int:
    """TRANSPOSE by any permutation."""
    shape = sketch.shape(source)
    order = permutation
    if order is None:
        order = [int(n) for n in sketch.rng.permutation(len(shape))]
    inputs = [source, sketch.integers(order)]
    result = [shape[axis] for axis in order]
    return sketch.result("TRANSPOSE", inputs, result, sketch.quantization(source))
