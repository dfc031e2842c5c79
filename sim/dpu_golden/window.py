# SPDX-License-Identifier: Apache-2.0
"""Sliding windows of convolutions and pools: padding, output sizes, taps."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import numpy as np

from .call import Array, Call


def same_padding(
    input_size: int, kernel: int, stride: int, dilation: int, padding: str
) -> tuple[int, int, int]:
    """Padding before, padding after and output size along one axis (TFLite's padding.h).

    SAME: ``out = ceil(in / stride)``, VALID: ``out = ceil((in - effective + 1) / stride)`` with
    ``effective = (kernel - 1) dilation + 1``; the total padding
    ``max((out - 1) stride + effective - in, 0)`` goes half before, rounded down.
    """
    effective = (kernel - 1) * dilation + 1
    if padding == "SAME":
        size = (input_size + stride - 1) // stride
    elif padding == "VALID":
        size = (input_size + stride - effective) // stride
    else:
        raise ValueError(f"The padding is {padding!r}; it must be SAME or VALID.")
    total = max((size - 1) * stride + effective - input_size, 0) if size > 0 else 0
    return total // 2, total - total // 2, max(size, 0)


@dataclass(frozen=True)
class Window:
    """The geometry of a sliding window over the two middle axes of NHWC."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    before: tuple[int, int]
    after: tuple[int, int]
    out: tuple[int, int]

    def pad(self, x: Array, fill: int = 0) -> Array:
        """The input with the window's border around it."""
        (top, left), (bottom, right) = self.before, self.after
        if not (top or left or bottom or right):
            return x
        widths = ((0, 0), (top, bottom), (left, right), (0, 0))
        return np.pad(x, widths, constant_values=fill)

    def taps(self, padded: Array) -> Iterator[tuple[int, int, Array]]:
        """For each kernel position, the element that every output pixel sees through it."""
        for row in range(self.kernel[0]):
            for column in range(self.kernel[1]):
                y, x = row * self.dilation[0], column * self.dilation[1]
                y_end = y + (self.out[0] - 1) * self.stride[0] + 1
                x_end = x + (self.out[1] - 1) * self.stride[1] + 1
                yield (
                    row,
                    column,
                    padded[:, y : y_end : self.stride[0], x : x_end : self.stride[1], :],
                )


def window_of(call: Call, size: tuple[int, int], kernel: tuple[int, int]) -> Window:
    """The window that an operator's attributes describe, over an input of this height and width."""
    stride = call.pair("stride", (1, 1))
    dilation = call.pair("dilation", (1, 1))
    if min(*kernel, *stride, *dilation) < 1:
        raise call.fail(
            f"Kernel {kernel}, stride {stride} and dilation {dilation} must be positive."
        )
    padding = call.attributes.get("padding", "VALID")
    before, after, out = [], [], []
    for axis in range(2):
        if isinstance(padding, str):
            if padding not in ("SAME", "VALID"):
                raise call.fail(f"The padding is {padding!r}; it must be SAME or VALID.")
            first, last, count = same_padding(
                size[axis], kernel[axis], stride[axis], dilation[axis], padding
            )
        else:
            first, last = cast("tuple[tuple[int, int], tuple[int, int]]", padding)[axis]
            effective = (kernel[axis] - 1) * dilation[axis] + 1
            count = (size[axis] + first + last - effective) // stride[axis] + 1
        if count < 1:
            raise call.fail(
                f"A kernel of {kernel} with dilation {dilation} doesn't fit in an input of {size}."
            )
        before.append(first)
        after.append(last)
        out.append(count)
    return Window(
        kernel,
        stride,
        dilation,
        (before[0], before[1]),
        (after[0], after[1]),
        (out[0], out[1]),
    )
