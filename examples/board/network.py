# SPDX-License-Identifier: Apache-2.0
"""What the examples share: programs, pictures as inputs, classes of outputs, errors."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from dpu_host.driver import Device
from dpu_host.errors import DeviceError
from dpu_spec.program import Program, ProgramError, Tensor, from_file

#: Widths of the ranges of real values that a pixel's 0 to 255 may fill.
PIXEL_SPANS = (1.0, 2.0, 255.0)


class ExampleError(Exception):
    """A message for the user."""


def parser(description: str) -> argparse.ArgumentParser:
    """Return a parser with the arguments that every example has."""
    found = argparse.ArgumentParser(description=description)
    found.add_argument("program", type=Path, help="made by `dpu compile`, for this board's preset")
    found.add_argument(
        "--device", default="uart:/dev/ttyUSB0", help="such as uart:/dev/ttyUSB0@1000000"
    )
    return found


@contextlib.contextmanager
def messages() -> Iterator[None]:
    """End with one message instead of a traceback."""
    try:
        yield
    except (ExampleError, DeviceError, ProgramError, OSError) as error:
        sys.exit(f"error: {error}")


def load(path: Path, device: Device) -> Program:
    """Load a program of classifications (one input and one output a frame) into a device."""
    program = from_file(path)
    if not len(program.inputs) == len(program.outputs) == program.frames.count:
        raise ExampleError(f"{path}: has several inputs or outputs; these examples take one each.")
    device.load(program)
    return program


def read_picture(path: Path, tensor: Tensor) -> np.ndarray:
    """Return a picture in the shape and type of an input (1, height, width, 1 or 3)."""
    shape = tensor.shape
    if tensor.dtype != "int8" or len(shape) != 4 or shape[0] != 1 or shape[3] not in (1, 3):
        raise ExampleError(f"the input {tensor.name}, {tensor.dtype} {list(shape)}, is no picture.")
    span = 255 * tensor.scale[0]
    if not any(abs(span / pixel_span - 1) < 0.02 for pixel_span in PIXEL_SPANS):
        raise ExampleError(
            f"the input {tensor.name} covers {span:.3g}, which pixels don't fill; quantize your "
            "pictures as the network expects it."
        )
    with Image.open(path) as picture:
        fitted = ImageOps.fit(picture.convert("L" if shape[3] == 1 else "RGB"), shape[2:0:-1])
    return (np.asarray(fitted, np.int16) - 128).astype(np.int8).reshape(shape)


def read_labels(path: Path | None) -> list[str]:
    """Return the names of the classes, one a line of a file; none without a file."""
    return path.read_text(encoding="utf-8").splitlines() if path else []


def best(output: np.ndarray, tensor: Tensor, labels: list[str], count: int) -> list[str]:
    """Return the classes with the highest values, as texts."""
    real = (output.reshape(-1).astype(np.float64) - tensor.zero_point[0]) * tensor.scale[0]
    order = np.argsort(-real, kind="stable")[:count]
    return [
        f"{labels[index] if index < len(labels) else f'class {index}'} {real[index]:.3f}"
        for index in order
    ]
