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
