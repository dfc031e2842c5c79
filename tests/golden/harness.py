# SPDX-License-Identifier: Apache-2.0
"""Hold one graph's golden results against the reference runtime's, and draw random cases."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dpu_golden import Quantization
from tests.golden import recorded
from tests.support import reference
from tests.support.tflite_writer import GraphWriter

# One, powers of two and beside them, odd numbers.
SIZES = (1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17)
CHANNELS = (1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33)
ACTIVATIONS = ("NONE", "NONE", "RELU", "RELU6", "RELU_N1_TO_1")


def check(writer: GraphWriter, feeds: Mapping[int, np.ndarray], outputs: Sequence[int]) -> None:
    """Every tensor of the graph must equal the reference runtime's, element for element.

    Where the reference runtime can't be installed, a digest of what it made stands in for it, for
    the share of cases that is recorded.
    """
    golden = writer.evaluate(feeds)
    if not reference.available():
        recorded.compare(writer, feeds, golden)
        return
    expected = reference.run(writer.finish(list(feeds), outputs), list(feeds.values()))
    recorded.record(writer, feeds, expected)
    for index, ours in golden.items():
        theirs = expected[index].reshape(ours.shape)
        assert ours.dtype == theirs.dtype
        # Bytes, so that two equal NaN are equal and 0.0 differs from -0.0.
        if ours.tobytes() == theirs.tobytes():
            continue
        wrong = np.argwhere(ours != theirs)
        first = tuple(int(i) for i in wrong[0])
        raise AssertionError(
            f"{writer.names[index]} {writer.values[index]}: {len(wrong)} of {ours.size} elements "
            f"differ, first {list(first)}: golden {ours[first]}, reference {theirs[first]}; "
            f"operators {writer.operators}"
        )


def float32(x: float) -> float:
    """The nearest float32, as a Python float."""
    return float(np.float32(x))


@dataclass
class Draw:
    """A seeded source of sizes, numbers and quantizations."""

    rng: np.random.Generator

    def one(self, options: Sequence[Any]) -> Any:
        return options[int(self.rng.integers(len(options)))]

    def chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    def pair(self, options: Sequence[int]) -> tuple[int, int]:
        return self.one(options), self.one(options)

    def zero_point(self) -> int:
        return int(self.one((0, -128, 127, -1, 1, int(self.rng.integers(-128, 128)))))

    def scale(self, low: float = -9.0, high: float = 0.0) -> float:
        """2^low .. 2^high; some are exact powers of two, which makes for ties."""
        exponent = self.rng.uniform(low, high)
        return float32(2.0 ** (round(exponent) if self.chance(0.2) else exponent))

    def quantization(self, low: float = -9.0, high: float = 0.0) -> Quantization:
        return Quantization((self.scale(low, high),), (self.zero_point(),))

    def factor(self, low: float, high: float) -> float:
        """2^low .. 2^high, between scales; a ratio of small numbers brings results to ties.

        Scales are float32, so that the ratio is not met exactly: which side of a tie a result
        falls to tells how the reference runtime divides the scales.
        """
        ratio = float(self.rng.integers(1, 33)) / float(self.rng.integers(1, 17))
        if self.chance(0.5) and 2.0**low <= ratio <= 2.0**high:
            return ratio
        return float(2.0 ** self.rng.uniform(low, high))

    def int8(self, shape: Sequence[int]) -> np.ndarray:
        """Uniform, or only extremes, or small numbers."""
        kind = self.one(("uniform", "uniform", "extreme", "small", "constant"))
        if kind == "uniform":
            x = self.rng.integers(-128, 128, shape)
        elif kind == "extreme":
            x = self.rng.choice([-128, 127], shape)
        elif kind == "small":
            x = self.rng.integers(-3, 4, shape)
        else:
            x = np.full(shape, self.rng.integers(-128, 128))
        return np.asarray(x, np.int8)


@dataclass
class Layer:
    """Quantization and constants of a convolution or a fully connected layer."""

    input: Quantization
    weights: Quantization
    output: Quantization
    bias: np.ndarray | None
    bias_quantization: Quantization
    zero_weights: bool
    """Whether the weights should be 0, so that the accumulators are the biases."""


def draw_layer(draw: Draw, channels: int, reduction: int, axis: int, per_channel: bool) -> Layer:
    """Scales and biases that exercise rounding, clamping and the full int32 accumulator."""
    rng = draw.rng
    count = channels if per_channel else 1
    input_scale = draw.scale()
    weight_scales = [draw.scale(-12.0, -2.0) for _ in range(count)]
    zero_points = (draw.zero_point(), draw.zero_point())
    kind = draw.one(("usual", "usual", "power", "ties", "dead", "wrap", "extreme"))
    typical = 74.0 * 74.0 * reduction**0.5
    if kind == "power":
        # Factors 2^-k: a large part of all results are exact ties.
        input_scale = 2.0 ** -int(rng.integers(0, 8))
        weight_scales = [2.0 ** -int(rng.integers(0, 6)) for _ in range(count)]
        output_scale = 2.0 ** round(np.log2(input_scale * weight_scales[0] * typical / 64))
    elif kind == "extreme":
        # From factors that flush to zero to shifts left that lose bits.
        output_scale = float32(input_scale * weight_scales[0] * 2.0 ** rng.uniform(-9, 33))
    elif kind == "ties" and draw.chance(0.5):
        # Accumulators so large that the last bits of the factor decide which way a result rounds.
        output_scale = float32(input_scale * weight_scales[0] * 2.0 ** rng.uniform(18, 23))
    elif kind in ("dead", "wrap"):
        output_scale = float32(input_scale * max(weight_scales) * 2.0 ** rng.uniform(14, 26))
    else:
        output_scale = float32(input_scale * weight_scales[0] * typical / rng.uniform(5, 300))
    factors = np.array(weight_scales) * input_scale / output_scale
    if kind in ("dead", "extreme"):
        bias = rng.integers(-(1 << 30), (1 << 30) + 1, channels)
    elif kind == "wrap":
        # So near the end of int32 that the sum wraps.
        bias = rng.choice([-1, 1], channels) * ((1 << 31) - 1 - rng.integers(0, 1000, channels))
    elif kind == "ties":
        # Without weights each channel's accumulator lies beside a tie.
        bias = np.round((rng.integers(-140, 140, channels) + 0.5 - zero_points[1]) / factors)
        bias = bias + rng.integers(-2, 3, channels)
    else:
        bias = rng.integers(-int(typical), int(typical) + 1, channels)
    bias = np.clip(bias, -(1 << 31), (1 << 31) - 1).astype(np.int32)
    return Layer(
        Quantization((input_scale,), zero_points[:1]),
        Quantization(tuple(weight_scales), (0,) * count, axis),
        Quantization((output_scale,), zero_points[1:]),
        None if draw.chance(0.1) else bias,
        Quantization(tuple(float32(input_scale * s) for s in weight_scales), (0,) * count),
        kind == "ties" and draw.chance(0.8),
    )


def draw_weights(draw: Draw, layer: Layer, shape: Sequence[int]) -> np.ndarray:
    """Weights for a layer."""
    return np.zeros(shape, np.int8) if layer.zero_weights else draw.int8(shape)


def draw_for(seed: int, family: int) -> Draw:
    """The source of one case of one family; the seed is in the test's name."""
    return Draw(np.random.default_rng([family, seed]))
