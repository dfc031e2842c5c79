# SPDX-License-Identifier: Apache-2.0
"""Pictures as inputs: fitted to the network's size, and their bytes to its quantization."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from dpu_host.cli.errors import UserError
from dpu_host.cli.quantization import quantize
from dpu_spec.program import Tensor

MAGIC = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")
#: Ranges of real values that networks are commonly trained on; there a pixel's 0 to 255 fill them.
_PIXEL_RANGES = ((0.0, 1.0), (-1.0, 1.0), (0.0, 255.0))


def is_picture(data: bytes) -> bool:
    """Tell whether bytes begin like a PNG or JPEG file."""
    return data.startswith(MAGIC)


def read_picture(data: bytes, source: str, tensor: Tensor) -> tuple[npt.NDArray[Any], list[str]]:
    """Return a picture as an input of the tensor's shape, and notes on what was done to it."""
    height, width, channels, planar = _geometry(source, tensor)
    try:
        picture: Image.Image = Image.open(io.BytesIO(data), formats=("PNG", "JPEG"))
        picture.load()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise UserError(
            f"{source}: cannot be read as a picture ({error}); name a whole PNG or JPEG file."
        ) from None
    notes = []
    fitted = ImageOps.exif_transpose(picture)
    if fitted.mode in ("RGBA", "LA", "PA") or "transparency" in fitted.info:
        layer = fitted.convert("RGBA")
        fitted = Image.alpha_composite(Image.new("RGBA", layer.size, "black"), layer)
    if fitted.mode.startswith("I"):
        fitted = Image.fromarray((np.asarray(fitted) >> 8).clip(0, 255).astype(np.uint8))
    fitted = fitted.convert("L" if channels == 1 else "RGB")
    if fitted.size != (width, height):
        notes.append(
            f"{source}: was fitted from {fitted.width}x{fitted.height} to {width}x{height} "
            "(its middle, where the proportions differ)"
        )
        fitted = ImageOps.fit(fitted, (width, height), Image.Resampling.BILINEAR)
    pixels = np.asarray(fitted, np.uint8).reshape(height, width, channels)
    if planar:
        pixels = pixels.transpose(2, 0, 1)
    values, how = _values(pixels.reshape(tensor.shape), source, tensor)
    return values, [*notes, f"{source}: {how}"]


def _geometry(source: str, tensor: Tensor) -> tuple[int, int, int, bool]:
    """Return height, width, channels and whether the channels are planes."""
    shape = tensor.shape
    if len(shape) == 4 and shape[0] == 1:
        if shape[3] in (1, 3):
            return shape[1], shape[2], shape[3], False
        if shape[1] in (1, 3):
            return shape[2], shape[3], shape[1], True
    raise UserError(
        f"{source}: is a picture, but the input {tensor.name} has the shape {list(shape)}, which "
        "is none of an image with 1 or 3 channels; give it an .npy file."
    )


def _values(
    pixels: npt.NDArray[np.uint8], source: str, tensor: Tensor
) -> tuple[npt.NDArray[Any], str]:
    real = pixels.astype(np.float32) / np.float32(255)
    if tensor.dtype == "float32":
        return real, "pixels became pixel / 255"
    if tensor.dtype != "int8" or not tensor.scale:
        raise UserError(
            f"{source}: is a picture, but the input {tensor.name} is {tensor.dtype}; give it an "
            ".npy file."
        )
    scale, zero_point = tensor.scale[0], tensor.zero_point[0]
    low, high = scale * (-128 - zero_point), scale * (127 - zero_point)
    for first, last in _PIXEL_RANGES:
        # Converters choose the range from samples, so that it is met but nearly.
        if max(abs(low - first), abs(high - last)) <= 0.02 * (last - first):
            centred = (pixels.astype(np.int16) - 128).astype(np.int8)
            return (
                centred,
                f"pixels became pixel - 128 (the input's range is {low:.3g} to {high:.3g})",
            )
    return quantize(real, tensor)[0], (
        f"pixels became pixel / 255, quantized; the input's range is {low:.3g} to {high:.3g}, so "
        "the network may expect other preprocessing: give it an .npy file then"
    )
