# SPDX-License-Identifier: Apache-2.0
"""Random convolutions, fully connected layers, pools and means."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dpu_golden import Quantization, same_padding
from tests.support.sketch import MACS, Sketch

ACTIVATIONS = ("NONE", "NONE", "RELU", "RELU6", "RELU_N1_TO_1")
CHANNELS = (1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 24, 31, 32, 33, 40)
KERNELS = (1, 1, 2, 3, 3, 4, 5, 6, 7)
STRIDES = (1, 1, 1, 2, 2, 3)
DEPTHWISE_KERNELS = (
    (3, 3),
    (1, 1),
    (2, 2),
    (3, 1),
    (1, 3),
    (4, 3),
    (5, 5),
    (7, 7),
    (9, 1),
    (1, 9),
    (10, 8),
    (23, 1),
    (1, 23),
)


def _window(
    sketch: Sketch, shape: Sequence[int], kernel: tuple[int, int], dilated: bool = True
) -> tuple[dict[str, object], tuple[int, int]]:
    """Padding, strides and dilation that fit, and the output's height and width."""
    stride = (sketch.one(STRIDES), sketch.one(STRIDES))
    dilation = (1, 1)
    if dilated and max(kernel) > 1 and sketch.chance(20):
        dilation = (sketch.number(1, 3), sketch.number(1, 3))
    fits = all((k - 1) * d < n for k, d, n in zip(kernel, dilation, shape[1:3], strict=True))
    padding = sketch.one(("SAME", "VALID")) if fits else "SAME"
    out = tuple(
        same_padding(shape[1 + axis], kernel[axis], stride[axis], dilation[axis], padding)[2]
        for axis in (0, 1)
    )
    attributes: dict[str, object] = {
        "padding": padding,
        "stride": stride,
        "activation": sketch.one(ACTIVATIONS),
    }
    if dilated:
        attributes["dilation"] = dilation
    return attributes, (out[0], out[1])


def _plant(sketch: Sketch, data: np.ndarray, bias: np.ndarray, axis: int, source: int) -> None:
    """Make channels dead: no weights, sums that saturate at either end, inputs that none reads.

    ``axis`` is that of the output channels; inputs are on the last one, unless that is it.
    """
    rng = sketch.rng
    fate = rng.choice(4, len(bias), p=sketch.one(((0.5, 0.3, 0.15, 0.05), (0.2, 0.45, 0.2, 0.15))))
    np.moveaxis(data, axis, 0)[fate == 1] = 0
    bias[fate == 2] = -2.0e9
    bias[fate == 3] = 2.0e9
    if axis != data.ndim - 1:
        inputs = sketch.shape(source)[-1]
        unread = rng.random(inputs) < sketch.one((0.3, 0.0, 0.9))
        data[..., unread[np.arange(data.shape[-1]) % inputs]] = 0


def _weights(
    sketch: Sketch, shape: Sequence[int], axis: int, reduction: int, source: int
) -> tuple[list[int | None], float]:
    """Weights and bias as inputs of an operator, and a scale that suits its output."""
    rng = sketch.rng
    channels = shape[axis]
    per_channel = sketch.chance(70)
    kind = sketch.one(("spread", "spread", "extreme", "sparse"))
    data = rng.normal(0, 40, shape).round().clip(-127, 127)
    if kind == "extreme":
        data = rng.choice([-127, 127, -128], shape)
    elif kind == "sparse":
        data = data * (rng.random(shape) < 0.1)
    count = channels if per_channel else 1
    scales = np.float32(0.01) * rng.uniform(0.3, 1.0, count).astype(np.float32)
    if per_channel and sketch.chance(10):
        scales *= np.float32(2.0) ** rng.integers(-12, 1, count).astype(np.float32)
    input_scale = sketch.quantization(source).scale0
    bias: int | None = None
    kind = sketch.one(("small", "small", "none", "dead", "wrapping"))
    typical = 60 * 40 * reduction**0.5
    numbers = rng.normal(0, typical / 2, channels) if kind != "none" else np.zeros(channels)
    if sketch.planted:
        _plant(sketch, data, numbers, axis, source)
    weights = sketch.constant(
        data.astype(np.int8),
        Quantization(tuple(float(s) for s in scales), (0,) * count, axis if per_channel else 0),
    )
    if kind != "none" or sketch.planted:
        if kind == "dead":
            numbers = np.where(rng.random(channels) < 0.5, numbers * 1000 - 2.0e9, numbers)
        elif kind == "wrapping":
            numbers = np.where(rng.random(channels) < 0.3, 2.0**31 - 1, numbers)
        bias = sketch.constant(
            numbers.round().clip(-(2**31), 2**31 - 1).astype(np.int32),
            Quantization(tuple(float(np.float32(input_scale * s)) for s in scales), (0,) * count),
        )
    scale = input_scale * float(np.median(scales)) * 60 * 40 * reduction**0.5 / 50
    inputs: list[int | None] = [source, weights] if bias is None else [source, weights, bias]
    return inputs, scale


def _add(
    sketch: Sketch,
    name: str,
    inputs: list[int | None],
    shape: Sequence[int],
    attributes: dict[str, object],
    scale: float,
) -> int:
    present = [index for index in inputs if index is not None]
    quantization = sketch.fitted(name, present, shape, attributes, scale)
    return sketch.result(name, inputs, shape, quantization, attributes)


def _channels(sketch: Sketch, cost: int) -> int:
    """Output channels, few where each costs so many multiplications or elements."""
    wanted = sketch.one(CHANNELS)
    return max(1, min(wanted, MACS // max(cost, 1)))


def convolution(sketch: Sketch, source: int) -> int:
    """CONV_2D."""
    shape = sketch.shape(source)
    kernel = (sketch.one(KERNELS), sketch.one(KERNELS))
    attributes, out = _window(sketch, shape, kernel)
    reduction = kernel[0] * kernel[1] * shape[3]
    pixels = out[0] * out[1]
    channels = min(_channels(sketch, pixels * reduction * shape[0]), max(1, sketch.limit // pixels))
    inputs, scale = _weights(sketch, (channels, *kernel, shape[3]), 0, reduction, source)
    return _add(sketch, "CONV_2D", inputs, (shape[0], *out, channels), attributes, scale)


def depthwise(sketch: Sketch, source: int) -> int:
    """DEPTHWISE_CONV_2D."""
    shape = sketch.shape(source)
    kernel = sketch.one(DEPTHWISE_KERNELS)
    attributes, out = _window(sketch, shape, kernel)
    multiplier = sketch.number(1, 8) if sketch.chance(35) else 1
    pixels = out[0] * out[1]
    while multiplier > 1 and (
        pixels * shape[3] * multiplier > sketch.limit or shape[3] * multiplier > 80
    ):
        multiplier -= 1
    channels = shape[3] * multiplier
    inputs, scale = _weights(sketch, (1, *kernel, channels), 3, kernel[0] * kernel[1], source)
    attributes["depth_multiplier"] = multiplier
    return _add(sketch, "DEPTHWISE_CONV_2D", inputs, (shape[0], *out, channels), attributes, scale)


def fully_connected(sketch: Sketch, source: int) -> int:
    """FULLY_CONNECTED, over the last axis or over all elements."""
    shape = sketch.shape(source)
    size = int(np.prod(shape))
    whole = len(shape) == 1 or sketch.one((True, False))
    depth = size if whole else shape[-1]
    channels = _channels(sketch, size)
    inputs, scale = _weights(sketch, (channels, depth), 0, depth, source)
    keep = not whole and sketch.chance(40)
    result = (*shape[:-1], channels) if keep else (size // depth, channels)
    attributes = {"activation": sketch.one(ACTIVATIONS), "keep_num_dims": keep}
    return _add(sketch, "FULLY_CONNECTED", inputs, result, attributes, scale)


def _pool(sketch: Sketch, source: int, name: str) -> int:
    shape = sketch.shape(source)
    kernel = (sketch.number(1, 7), sketch.number(1, 7))
    if sketch.chance(25):  # Global, as before a classifier.
        kernel = (min(shape[1], 255), min(shape[2], 255))
    attributes, out = _window(sketch, shape, kernel, dilated=False)
    attributes["filter"] = kernel
    result = (shape[0], *out, shape[3])
    return sketch.result(name, [source], result, sketch.quantization(source), attributes)


def average_pool(sketch: Sketch, source: int) -> int:
    """AVERAGE_POOL_2D."""
    return _pool(sketch, source, "AVERAGE_POOL_2D")


def max_pool(sketch: Sketch, source: int) -> int:
    """MAX_POOL_2D."""
    return _pool(sketch, source, "MAX_POOL_2D")


def mean(sketch: Sketch, source: int) -> int:
    """MEAN, over height and width most of the time."""
    shape = sketch.shape(source)
    axes = [1, 2] if sketch.chance(80) else [sketch.number(1, 3)]
    keep = sketch.chance(50)
    result = [
        1 if axis in axes else size for axis, size in enumerate(shape) if keep or axis not in axes
    ]
    attributes = {"keep_dims": keep}
    inputs = [source, sketch.integers(axes)]
    if sketch.chance(30):
        quantization = sketch.quantization(source)
    else:
        quantization = sketch.fitted(
            "MEAN", inputs, result, attributes, sketch.quantization(source).scale0 / 2
        )
    return sketch.result("MEAN", inputs, result, quantization, attributes)
