# SPDX-License-Identifier: Apache-2.0
"""Put the words that a stream wrote to the scratchpad together to the model's tensors.

The words may come from the emulator or from a trace of the hardware's writes: an engine's writes
are in the order of its instructions, and each instruction writes each of its addresses once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from dpu_spec.configuration import Configuration
from dpu_spec.instruction import Engine, Instruction
from dpu_spec.isa import TARGET_SCRATCHPAD
from dpu_spec.program import Mark, Tensor

from .errors import CollectError
from .races import Int64s

Int8s = npt.NDArray[np.int8]
#: An address and the word's bytes, lane 0 first (or the number that they are, little-endian).
Write = tuple[int, "bytes | int"]

_WINDOWED = {Engine.DEPTHWISE, Engine.VECTOR}


def written_words(instruction: Instruction, lanes: int) -> Int64s:
    """Return the scratchpad words that an instruction writes, as [block, row, column]."""
    v = instruction.values
    name = instruction.format.name
    if name == "LOAD" and v["target"] == TARGET_SCRATCHPAD:
        prefix, blocks = "", -(-v["depth"] // lanes)
    elif name == "DRAIN":
        prefix, blocks = "", v["blocks"]
    elif instruction.engine in _WINDOWED and v.get("last", 1):
        prefix, blocks = "out_", v["blocks"]
    else:
        return np.zeros((0, 0, 0), np.int64)
    start, words = v[f"{prefix}ring_start"], v[f"{prefix}ring_words"]
    rows = v[f"{prefix}address"] - start + np.arange(v["rows"]) * v[f"{prefix}row_stride"]
    planes = np.arange(blocks) * v[f"{prefix}block_stride"]
    return planes[:, None, None] + (start + rows % words)[:, None] + np.arange(v["columns"])


class Collector:
    """Tensors in the model's layout, filled word by word."""

    def __init__(self, tensors: Mapping[int, Tensor], configuration: Configuration) -> None:
        self._tensors = tensors
        self.lanes = configuration.lanes
        self._values: dict[int, Int8s] = {}
        self._written: dict[int, npt.NDArray[np.bool_]] = {}

    def add(self, mark: Mark, instruction: Instruction, addresses: Int64s, words: Int8s) -> None:
        """Add what one instruction wrote: addresses in any order, words as [..., lane]."""
        if mark.tensor < 0:
            return
        expected = written_words(instruction, self.lanes)
        given = addresses.reshape(-1)
        order = np.argsort(expected, axis=None)
        by_address = np.argsort(given, kind="stable")
        if not np.array_equal(expected.reshape(-1)[order], given[by_address]):
            raise CollectError(f"Other words were written than those of\n  {instruction!r}")
        view = np.empty((expected.size, self.lanes), np.int8)
        view[order] = words.reshape(-1, self.lanes)[by_address]
        self._place(mark, instruction, view.reshape(*expected.shape, self.lanes))

    def _place(self, mark: Mark, instruction: Instruction, view: Int8s) -> None:
        blocks, rows, columns, lanes = view.shape
        # Pixels as [row, column, byte]; a LOAD may fill the last word in part.
        depth = instruction.values.get("depth", blocks * lanes)
        pixels = view.transpose(1, 2, 0, 3).reshape(rows, columns, blocks * lanes)[:, :, :depth]
        if mark.plain:
            pixels = pixels.reshape(rows, 1, columns * depth)
            shape = (mark.height, 1, mark.plain)
            column, first = 0, mark.column
        else:
            size = int(np.prod(self._tensors[mark.tensor].held_shape, dtype=np.int64))
            shape = (mark.height, mark.width, size // max(mark.height * mark.width, 1))
            column, first = mark.column, mark.channel
        values, written = self._arrays(mark.tensor)
        inside = (
            0 <= mark.row <= shape[0] - rows
            and 0 <= column <= shape[1] - pixels.shape[1]
            and 0 <= first < shape[2]
        )
        if values.size != shape[0] * shape[1] * shape[2] or not inside:
            raise CollectError(
                f"{mark!r} doesn't fit tensor {mark.tensor} of shape "
                f"{self._tensors[mark.tensor].held_shape}, written by\n  {instruction!r}"
            )
        pixels = pixels[:, :, : shape[2] - first]
        part = (
            slice(mark.row, mark.row + rows),
            slice(column, column + pixels.shape[1]),
            slice(first, first + pixels.shape[2]),
        )
        values.reshape(shape)[part] = pixels
        written.reshape(shape)[part] = True

    def _arrays(self, index: int) -> tuple[Int8s, npt.NDArray[np.bool_]]:
        if index not in self._values:
            size = int(np.prod(self._tensors[index].held_shape, dtype=np.int64))
            self._values[index] = np.zeros(size, np.int8)
            self._written[index] = np.zeros(size, np.bool_)
        return self._values[index], self._written[index]

    def tensors(self) -> dict[int, Int8s]:
        """Return the tensors by index, in the model's shapes.

        One that was written in part is a masked array, so that ``(a == b).all()`` compares what
        there is. Channels that were left out for being constant have their value; those that were
        not computed are masked.
        """
        result: dict[int, Int8s] = {}
        for index, values in self._values.items():
            tensor = self._tensors[index]
            found = values.reshape(tensor.held_shape)
            missing = ~self._written[index].reshape(tensor.held_shape)
            if tensor.channels is not None:
                found, missing = _whole(tensor, found, missing)
            result[index] = np.ma.MaskedArray(found, missing) if missing.any() else found
        return result


def _whole(
    tensor: Tensor, found: Int8s, missing: npt.NDArray[np.bool_]
) -> tuple[Int8s, npt.NDArray[np.bool_]]:
    """Return a tensor of some channels, and what of it was not written, with all channels."""
    values = np.zeros(tensor.shape, np.int8)
    unknown = np.ones(tensor.shape, np.bool_)
    for channel, value in tensor.constants:
        values[..., channel] = value
        unknown[..., channel] = False
    kept = list(tensor.channels or ())
    values[..., kept], unknown[..., kept] = found, missing
    return values, unknown


def collect(
    marks: Sequence[Mark],
    instructions: Sequence[Instruction],
    writes: Iterable[Write],
    into: Collector,
) -> None:
    """Collect one engine's scratchpad writes of one run, in the order in which they were made."""
    given = iter(writes)
    lanes = into.lanes
    for mark, instruction in zip(marks, instructions, strict=True):
        count = written_words(instruction, lanes).size
        part = [pair for _, pair in zip(range(count), given, strict=False)]
        if len(part) < count:
            raise CollectError(f"The writes end {count - len(part)} short in\n  {instruction!r}")
        if not part:
            continue
        data = b"".join(
            word.to_bytes(lanes, "little") if isinstance(word, int) else word for _, word in part
        )
        into.add(
            mark,
            instruction,
            np.array([address for address, _ in part], np.int64),
            np.frombuffer(data, np.int8).reshape(-1, lanes),
        )
    left = sum(1 for _ in given)
    if left:
        raise CollectError(f"{left} words were written after those of the last instruction.")
