# SPDX-License-Identifier: Apache-2.0
"""Small networks with what the bundled one doesn't have."""

from pathlib import Path

import numpy as np

from dpu_golden import Quantization
from tests.support.tflite_writer import GraphWriter

SCALE = Quantization((0.05,), (3,))


def two_inputs_two_outputs(path: Path) -> Path:
    """Write a network that adds two maps (left, right), and doubles the sum's scale."""
    writer = GraphWriter()
    left = writer.tensor((1, 4, 4, 8), "int8", SCALE, name="left")
    right = writer.tensor((1, 4, 4, 8), "int8", SCALE, name="right")
    total = writer.tensor((1, 4, 4, 8), "int8", SCALE, name="total")
    relu = writer.tensor((1, 4, 4, 8), "int8", SCALE, name="relu")
    writer.operator("ADD", [left, right], [total], {})
    writer.operator("RELU", [total], [relu], {})
    path.write_bytes(writer.finish([left, right], [total, relu]))
    return path


def float_ends(path: Path) -> Path:
    """Write a network with real values at both ends: QUANTIZE, RELU, DEQUANTIZE."""
    writer = GraphWriter()
    x = writer.tensor((1, 2, 2, 3), "float32", None, name="x")
    q = writer.tensor((1, 2, 2, 3), "int8", SCALE)
    r = writer.tensor((1, 2, 2, 3), "int8", SCALE)
    y = writer.tensor((1, 2, 2, 3), "float32", None, name="y")
    writer.operator("QUANTIZE", [x], [q], {})
    writer.operator("RELU", [q], [r], {})
    writer.operator("DEQUANTIZE", [r], [y], {})
    path.write_bytes(writer.finish([x], [y]))
    return path


def float_network(path: Path) -> Path:
    """Write a network that isn't quantized."""
    writer = GraphWriter()
    x = writer.tensor((1, 4), "float32", None, name="x")
    y = writer.tensor((1, 4), "float32", None, name="y")
    writer.operator("ADD", [x, x], [y], {})
    path.write_bytes(writer.finish([x], [y]))
    return path


def unsupported(path: Path) -> Path:
    """Write a network with an operator that nobody knows here."""
    writer = GraphWriter()
    x = writer.tensor((1, 4), "int8", SCALE, name="x")
    y = writer.tensor((1, 4), "int8", SCALE, name="y")
    writer.operator("COS", [x], [y], {})
    path.write_bytes(writer.finish([x], [y]))
    return path


def picture_input(path: Path, shape: tuple[int, ...], scale: float, zero_point: int) -> Path:
    """Write a network that copies an image of some shape and quantization."""
    writer = GraphWriter()
    quantization = Quantization((float(np.float32(scale)),), (zero_point,))
    x = writer.tensor(shape, "int8", quantization, name="image")
    y = writer.tensor(shape, "int8", quantization, name="copy")
    writer.operator("ADD", [x, x], [y], {})
    path.write_bytes(writer.finish([x], [y]))
    return path


def host_only(path: Path) -> Path:
    """Write a network of which nothing runs on the DPU: SOFTMAX alone."""
    writer = GraphWriter()
    x = writer.tensor((1, 10), "int8", SCALE, name="x")
    y = writer.tensor((1, 10), "int8", Quantization((1 / 256,), (-128,)), name="y")
    writer.operator("SOFTMAX", [x], [y], {"beta": 1.0})
    path.write_bytes(writer.finish([x], [y]))
    return path


def dead_channels(path: Path) -> Path:
    """Write a network of three convolutions, whose first two have dead channels.

    Of the 16 channels of each of the first two results 8 are constant; of the first, 4 more are
    never read.
    """
    rng = np.random.default_rng(4)
    writer = GraphWriter()
    weights_scale = Quantization((0.01,), (0,))
    x = writer.tensor((1, 6, 6, 8), "int8", SCALE, name="x")
    source, depth = x, 8
    for name, channels in (("first", 16), ("second", 16), ("third", 8)):
        weights = rng.integers(-127, 128, (channels, 1, 1, depth)).astype(np.int8)
        bias = rng.integers(-2000, 2000, channels).astype(np.int32)
        if name != "third":
            weights[8:] = 0
        if name == "second":
            weights[..., :4] = 0
        result = writer.tensor((1, 6, 6, channels), "int8", SCALE, name=name)
        operands = [
            source,
            writer.constant(weights, weights_scale),
            writer.constant(bias, Quantization((0.0005,), (0,))),
        ]
        attributes = {"padding": "VALID", "stride": (1, 1), "dilation": (1, 1)}
        writer.operator("CONV_2D", operands, [result], attributes)
        source, depth = result, channels
    path.write_bytes(writer.finish([x], [source]))
    return path


def host_between(path: Path) -> Path:
    """Write a network whose operator in the middle, SOFTMAX, runs on the host."""
    writer = GraphWriter()
    small = Quantization((1 / 256,), (-128,))
    x = writer.tensor((1, 10), "int8", SCALE, name="x")
    before = writer.tensor((1, 10), "int8", SCALE, name="before")
    between = writer.tensor((1, 10), "int8", small, name="between")
    after = writer.tensor((1, 10), "int8", small, name="after")
    writer.operator("RELU", [x], [before], {})
    writer.operator("SOFTMAX", [before], [between], {"beta": 1.0})
    writer.operator("RELU", [between], [after], {})
    path.write_bytes(writer.finish([x], [after]))
    return path


def strange_names(path: Path) -> Path:
    """Write a network whose tensors have control characters and markup in their names."""
    writer = GraphWriter()
    x = writer.tensor((1, 4), "int8", SCALE, name="x\x1b[31m\nred")
    y = writer.tensor((1, 4), "int8", SCALE, name="[bold]y\x07")
    writer.operator("RELU", [x], [y], {})
    path.write_bytes(writer.finish([x], [y]))
    return path


def one_channel(path: Path) -> Path:
    """Write a network with a depthwise convolution of one channel only: 20x20, 8x8, eightfold."""
    rng = np.random.default_rng(1)
    writer = GraphWriter()
    x = writer.tensor((1, 20, 20, 1), "int8", SCALE, name="x")
    scales = Quantization((0.01,) * 8, (0,) * 8, axis=3)
    w = writer.constant(rng.integers(-127, 128, (1, 8, 8, 8)).astype(np.int8), scales)
    b = writer.constant(np.zeros(8, np.int32), Quantization((0.0005,) * 8, (0,) * 8))
    y = writer.tensor((1, 20, 20, 8), "int8", SCALE, name="y")
    options = {"padding": "SAME", "stride": (1, 1), "depth_multiplier": 8}
    writer.operator("DEPTHWISE_CONV_2D", [x, w, b], [y], options)
    path.write_bytes(writer.finish([x], [y]))
    return path


def renamed(path: Path) -> Path:
    """Write a network with two other names (RESHAPE) in the middle: RELU, both, RELU."""
    writer = GraphWriter()
    shapes = [(1, 4, 4, 8), (1, 4, 4, 8), (1, 2, 8, 8), (1, 16, 1, 8), (1, 16, 1, 8)]
    x, before, first, second, after = (writer.tensor(s, "int8", SCALE) for s in shapes)
    writer.operator("RELU", [x], [before], {})
    for source, result in ((before, first), (first, second)):
        shape = writer.constant(np.array(writer.values[result].shape, np.int32))
        writer.operator("RESHAPE", [source, shape], [result], {})
    writer.operator("RELU", [second], [after], {})
    path.write_bytes(writer.finish([x], [after]))
    return path
