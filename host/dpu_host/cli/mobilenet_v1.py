# SPDX-License-Identifier: Apache-2.0
"""MobileNetV1 with random int8 weights: cycles don't depend on what a network has learnt.

Every layer is normalized as training with batch normalization would do it: biases and scales are
chosen from the layer's own sums over a random image, so that each channel has both zeros and many
other values, and few reach the end of the range.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from dpu_compiler.frontend.write import GraphWriter
from dpu_golden import Quantization

Array = npt.NDArray[Any]

#: Channels of the pointwise layers and strides of the depthwise ones before them, at width 1.
BLOCKS = (
    *((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)),
    *((512, 1),) * 5,
    *((1024, 2), (1024, 1)),
)
FIRST, CLASSES = 32, 1001

#: ReLU6's range on int8.
_SCALE, _ZERO_POINT = np.float32(6 / 255), -128
#: What each channel's values get before ReLU6: a third of them is below zero.
_MEAN, _DEVIATION = 1.0, 2.0
#: Standard deviation of weights, of 127.
_WEIGHTS = 40.0


class _Builder:
    """Adds layers, and computes what they make of one image to choose their scales."""

    def __init__(self, size: int, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.writer = GraphWriter("MobileNetV1 with random weights")
        self.scale, self.zero_point = np.float32(1 / 128), 0
        self.tensor = self.input = self.writer.tensor(
            (1, size, size, 3), "int8", self._quantization(), name="image"
        )
        #: The present tensor's values less its zero point, and the operators so far.
        self.values = self.rng.integers(-128, 128, (size, size, 3)).astype(np.float32)

    def _quantization(self) -> Quantization:
        return Quantization((float(self.scale),), (self.zero_point,))

    def _weights(self, shape: tuple[int, ...]) -> Array:
        weights = self.rng.normal(0.0, _WEIGHTS, shape).round().clip(-127, 127)
        return weights.astype(np.int8)

    def _layer(
        self, name: str, label: str, weights: Array, sums: Array, attributes: dict[str, Any]
    ) -> None:
        """Add a convolution whose sums (without bias) are known; its output becomes the present.

        ``weights`` are in the file's order, ``sums`` have the channels last.
        """
        writer = self.writer
        channels = sums.shape[-1]
        flat = sums.reshape(-1, channels)
        deviation = np.maximum(flat.std(axis=0), 1.0)
        real = (_DEVIATION / deviation).astype(np.float32)
        scales = (real / self.scale).astype(np.float32)
        bias = np.round(_MEAN / real - flat.mean(axis=0)).astype(np.int32)
        zeros = (0,) * channels
        axis = 3 if name == "DEPTHWISE_CONV_2D" else 0
        w = writer.constant(
            weights, Quantization(tuple(map(float, scales)), zeros, axis), name=f"{label}/weights"
        )
        biases = Quantization(tuple(map(float, scales * self.scale)), zeros, 0)
        b = writer.constant(bias, biases, name=f"{label}/bias")
        self.values = np.round((sums + bias) * real / _SCALE).clip(0, 255)
        self.scale, self.zero_point = _SCALE, _ZERO_POINT
        source, self.tensor = (
            self.tensor,
            writer.tensor((1, *sums.shape), "int8", self._quantization(), name=label),
        )
        attributes = {"padding": "SAME", "activation": "RELU6", **attributes}
        writer.operator(name, [source, w, b], [self.tensor], attributes)

    def _taps(self, stride: int) -> list[Array]:
        """Return the input of each position of a 3x3 kernel, as SAME pads it."""
        size = self.values.shape[0]
        out = -(-size // stride)
        before = max(0, (out - 1) * stride + 3 - size) // 2
        padded = np.pad(self.values, ((before, 2), (before, 2), (0, 0)))
        end = (out - 1) * stride + 1
        return [
            padded[y : y + end : stride, x : x + end : stride] for y in range(3) for x in range(3)
        ]

    def first(self, channels: int) -> None:
        """Add the 3x3 convolution of stride 2."""
        weights = self._weights((channels, 3, 3, 3))
        kernel = weights.reshape(channels, 9, 3).astype(np.float32)
        sums = sum(tap @ kernel[:, n].T for n, tap in enumerate(self._taps(2)))
        self._layer("CONV_2D", "first", weights, np.asarray(sums), {"stride": (2, 2)})

    def depthwise(self, label: str, stride: int) -> None:
        """Add a 3x3 depthwise convolution."""
        weights = self._weights((1, 3, 3, self.values.shape[-1]))
        kernel = weights.reshape(9, -1).astype(np.float32)
        sums = sum(tap * kernel[n] for n, tap in enumerate(self._taps(stride)))
        self._layer(
            "DEPTHWISE_CONV_2D", label, weights, np.asarray(sums), {"stride": (stride, stride)}
        )

    def pointwise(self, label: str, channels: int) -> None:
        """Add a 1x1 convolution."""
        weights = self._weights((channels, 1, 1, self.values.shape[-1]))
        sums = self.values @ weights.reshape(channels, -1).astype(np.float32).T
        self._layer("CONV_2D", label, weights, sums, {})

    def classifier(self, classes: int) -> None:
        """Add the average over all pixels, and the fully connected layer."""
        writer = self.writer
        height, width, channels = self.values.shape
        pooled = writer.tensor((1, 1, 1, channels), "int8", self._quantization(), name="average")
        attributes = {"filter": (height, width), "stride": (height, width)}
        writer.operator("AVERAGE_POOL_2D", [self.tensor], [pooled], attributes)
        flat = writer.tensor((1, channels), "int8", self._quantization(), name="flat")
        shape = writer.constant(np.array([1, channels], np.int32), name="shape")
        writer.operator("RESHAPE", [pooled, shape], [flat], {"new_shape": (1, channels)})
        weights = self._weights((classes, channels))
        means = self.values.reshape(-1, channels).mean(axis=0).round()
        sums = weights.astype(np.float32) @ means.astype(np.float32)
        scale = np.float32(1 / (sums.std() * self.scale))
        w = writer.constant(weights, Quantization((float(scale),), (0,)), name="classes/weights")
        bias = np.full(classes, -round(float(sums.mean())), np.int32)
        quantization = Quantization((float(scale * self.scale),), (0,))
        b = writer.constant(bias, quantization, name="classes/bias")
        output = Quantization((float(np.float32(1 / 32)),), (0,))
        self.tensor = writer.tensor((1, classes), "int8", output, name="classes")
        writer.operator("FULLY_CONNECTED", [flat, w, b], [self.tensor], {})


def mobilenet_v1(
    *, size: int = 224, width: float = 1.0, classes: int = CLASSES, seed: int = 1
) -> bytes:
    """Return a MobileNetV1 as a .tflite file.

    Parameters
    ----------
    size
        Pixels of the square image, a multiple of 32.
    width
        Factor of all channels.
    classes
        Outputs.
    seed
        Of the weights.
    """
    builder = _Builder(size, seed)
    builder.first(round(FIRST * width))
    for n, (channels, stride) in enumerate(BLOCKS, 1):
        builder.depthwise(f"depthwise_{n}", stride)
        builder.pointwise(f"pointwise_{n}", round(channels * width))
    builder.classifier(classes)
    return builder.writer.finish([builder.input], [builder.tensor])
