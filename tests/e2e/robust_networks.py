# SPDX-License-Identifier: Apache-2.0
"""Networks that are disturbed while they run."""

from __future__ import annotations

from typing import Any

import numpy as np

from dpu_golden import Quantization
from tests.support.tflite_writer import GraphWriter


def small(seed: int = 0, *, side: int = 9, channels: int = 3) -> bytes:
    """Return a network that keeps every engine busy, with one of each kind of layer."""
    rng = np.random.default_rng(seed)
    writer = GraphWriter(f"small network {seed}")

    def scale(low: float = 0.02) -> Quantization:
        return Quantization((float(np.float32(low)),), (int(rng.integers(-20, 20)),))

    def weighted(name: str, source: int, shape: tuple[int, ...], axis: int, out: Any, **how: Any):
        count = shape[axis]
        scales = tuple(float(s) for s in rng.uniform(0.005, 0.02, count).astype(np.float32))
        weights = writer.constant(
            rng.integers(-127, 128, shape).astype(np.int8), Quantization(scales, (0,) * count, axis)
        )
        bias = writer.constant(
            rng.integers(-3000, 3000, count).astype(np.int32),
            Quantization(tuple(s * 0.02 for s in scales), (0,) * count),
        )
        result = writer.tensor(out, "int8", scale(0.06))
        writer.operator(name, [source, weights, bias], [result], how)
        return result

    x = writer.tensor((1, side, side, channels), "int8", scale(), name="x")
    half = (side + 1) // 2
    a = weighted(
        "CONV_2D", x, (9, 3, 3, channels), 0, (1, half, half, 9), padding="SAME", stride=(2, 2)
    )
    b = weighted("DEPTHWISE_CONV_2D", a, (1, 3, 3, 9), 3, (1, half, half, 9), padding="SAME")
    c = weighted("CONV_2D", b, (9, 1, 1, 9), 0, (1, half, half, 9), activation="RELU")
    d = writer.tensor((1, half, half, 9), "int8", scale(0.08))
    writer.operator("ADD", [a, c], [d])
    e = writer.tensor((1, half, half, 9), "int8", scale(0.05))
    writer.operator("HARD_SWISH", [d], [e])
    f = writer.tensor((1, 1, 1, 9), "int8", writer.values[e].quantization)
    writer.operator("AVERAGE_POOL_2D", [e], [f], {"filter": (half, half)})
    g = weighted("FULLY_CONNECTED", f, (5, 9), 0, (1, 5))
    return writer.finish([x], [g, e])


def spilling() -> bytes:
    """Return a network whose map must wait for its own mean, and lies in DRAM meanwhile."""
    writer = GraphWriter("spilling network")
    shape = (1, 40, 40, 20)
    x = writer.tensor(shape, "int8", Quantization((0.05,), (3,)), name="x")
    doubled = Quantization((0.06,), (-3,))
    total = writer.tensor(shape, "int8", doubled)
    writer.operator("ADD", [x, x], [total])
    mean = writer.tensor((1, 1, 1, 20), "int8", doubled)
    writer.operator("AVERAGE_POOL_2D", [total], [mean], {"filter": (40, 40)})
    y = writer.tensor(shape, "int8", Quantization((0.07,), (3,)))
    writer.operator("MUL", [total, mean], [y])
    return writer.finish([x], [y])
