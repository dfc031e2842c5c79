# SPDX-License-Identifier: Apache-2.0
"""What instructions read and write: the buffers on the chip and the windows of DRAM."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from dpu_spec.configuration import Configuration
from dpu_spec.instruction import Engine
from dpu_spec.isa import TABLE_ENTRIES, TABLE_SLOTS, WINDOW_PROGRAM

from .races import Array, Int64s, Tracker, reader

Int8s = npt.NDArray[np.int8]
Int32s = npt.NDArray[np.int32]
Bytes = npt.NDArray[np.uint8]

#: Value of the lanes that a LOAD leaves open: none that a program should depend on.
ANY_VALUE = 0x5A


@dataclasses.dataclass(frozen=True)
class Words:
    """Words at addresses of any shape."""

    addresses: Int64s

    def get(self, array: Array) -> Array:
        """Return the selected elements."""
        return array[self.addresses]

    def put(self, array: Array, value: Array | int) -> None:
        """Set the selected elements."""
        array[self.addresses] = value

    def address(self, position: int) -> int:
        """Return the address of a selected element."""
        return int(self.addresses.reshape(-1)[position])


@dataclasses.dataclass(frozen=True)
class Run:
    """``count`` words from ``start`` on."""

    start: int
    count: int

    def get(self, array: Array) -> Array:
        """Return the selected elements."""
        return array[self.start : self.start + self.count]

    def put(self, array: Array, value: Array | int) -> None:
        """Set the selected elements."""
        array[self.start : self.start + self.count] = value

    def address(self, position: int) -> int:
        """Return the address of a selected element."""
        return self.start + position


@dataclasses.dataclass(frozen=True)
class Pixels:
    """Bytes of DRAM: rows of pixels of ``depth`` bytes, at any strides. A view, never a copy."""

    offset: int
    rows: int
    columns: int
    depth: int
    row_stride: int
    column_stride: int

    def get(self, array: Array) -> Array:
        """Return the selected elements."""
        size = array.itemsize
        return np.ndarray(
            (self.rows, self.columns, self.depth),
            array.dtype,
            array,
            self.offset * size,
            (self.row_stride * size, self.column_stride * size, size),
        )

    def put(self, array: Array, value: Array | int) -> None:
        """Set the selected elements."""
        self.get(array)[...] = value

    def address(self, position: int) -> int:
        """Return the address of a selected element."""
        row, column, byte = np.unravel_index(position, (self.rows, self.columns, self.depth))
        return int(self.offset + row * self.row_stride + column * self.column_stride + byte)

    @property
    def end(self) -> int:
        """First byte after all of them."""
        rows = (self.rows - 1) * self.row_stride
        return self.offset + rows + (self.columns - 1) * self.column_stride + self.depth

    @property
    def bytes(self) -> int:
        """Number of bytes."""
        return self.rows * self.columns * self.depth


class Buffer:
    """A memory: its contents, one element (or row of the array) a word, and who accessed it."""

    def __init__(self, name: str, unit: str, data: Array, tracker: Tracker | None) -> None:
        self.name = name
        self.unit = unit
        self.data = data
        self.tracker = tracker

    @property
    def size(self) -> int:
        """Number of words."""
        return len(self.data)


class Memory:
    """All buffers of one configuration; ``check`` keeps track of accesses."""

    def __init__(self, configuration: Configuration, *, check: bool) -> None:
        self._check = check
        lanes = configuration.lanes

        def buffer(name: str, words: int, width: int, kind: type, *readers: Engine) -> Buffer:
            agents = tuple(reader(engine) for engine in readers)
            tracker = Tracker(words, agents, written=False) if check else None
            return Buffer(name, "word", np.zeros((words, width), kind), tracker)

        self.scratchpad = buffer(
            "scratchpad",
            configuration.scratchpad_words,
            lanes,
            np.int8,
            Engine.CONV,
            Engine.DEPTHWISE,
            Engine.VECTOR,
            Engine.STORE,
        )
        self.weights = buffer("weights", configuration.weight_words, lanes, np.int8, Engine.CONV)
        self.conv_parameters = buffer(
            "conv_parameters", configuration.conv_parameter_words, lanes, np.int8, Engine.DRAIN
        )
        self.depthwise_parameters = buffer(
            "depthwise_parameters",
            configuration.depthwise_parameter_words,
            lanes,
            np.int8,
            Engine.DEPTHWISE,
        )
        self.table = buffer(
            "table",
            TABLE_SLOTS * 2 * TABLE_ENTRIES * 4 // lanes,
            lanes,
            np.int8,
            Engine.VECTOR,
        )
        self.accumulators = buffer(
            "accumulators",
            configuration.accumulator_depth,
            configuration.columns,
            np.int32,
            Engine.DRAIN,
        )
        # The depthwise PE's own: its instructions are in order there, so nobody else needs tokens.
        self.partial_sums = buffer("partial_sums", configuration.partial_sum_depth, lanes, np.int32)
        #: In the order of the targets of LOAD.
        self.targets = (
            self.scratchpad,
            self.weights,
            self.conv_parameters,
            self.depthwise_parameters,
            self.table,
        )
        self.windows: dict[int, Buffer] = {}

    def open_window(self, index: int, name: str, data: Bytes, *, written: bool) -> None:
        """Open a DRAM window over an array of bytes."""
        # Nobody writes the program window, so its reads need no tracking.
        tracked = self._check and index != WINDOW_PROGRAM
        tracker = Tracker(len(data), (reader(Engine.LOAD),), written=written) if tracked else None
        self.windows[index] = Buffer(f"{name} window", "byte", data, tracker)
