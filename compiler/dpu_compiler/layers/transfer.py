# SPDX-License-Identifier: Apache-2.0
"""Moving tensors between DRAM, where they are plain bytes, and the scratchpad."""

from __future__ import annotations

import numpy as np

from dpu_compiler.emit import Emitter
from dpu_compiler.featuremap import DramTensor, FeatureMap, Layout
from dpu_compiler.issue import Access, Buffer
from dpu_compiler.layer import Layer
from dpu_spec.instruction import Format
from dpu_spec.isa import (
    LOAD,
    STORE,
    TARGET_SCRATCHPAD,
    WINDOW_ARENA,
    WINDOW_OUTPUT,
    WINDOW_PROGRAM,
)
from dpu_spec.program import Mark

_BUFFERS = {WINDOW_ARENA: Buffer.ARENA, WINDOW_OUTPUT: Buffer.OUTPUT}

#: Rows of DRAM accesses are this many bytes at most (a field of the instructions).
ROW_LIMIT = (1 << 20) - 1


class _Transfer(Layer):
    """Common part of loads and stores: cut rows to what a ring holds in one piece."""

    dram: DramTensor

    @property
    def map(self) -> FeatureMap:
        """The feature map that is filled or stored."""
        return self.inputs[0] if self.output is None else self.output

    @property
    def is_transfer(self) -> bool:
        """Always."""
        return True

    @property
    def row_bytes(self) -> int:
        """Bytes of a row in DRAM, without gaps."""
        m = self.map
        return m.width * m.channels if m.layout is Layout.BLOCKED else m.row_bytes

    @property
    def row_stride(self) -> int:
        """Bytes from a row to the next in DRAM."""
        return self.dram.row_stride or self.row_bytes

    def dram_end(self, rows: int) -> int:
        """Return the byte after the last one of the first rows (of every plane)."""
        m = self.map
        last = (m.planes - 1) * m.height + rows - 1
        extent = max(self.row_bytes, (m.width - 1) * self.dram.column_stride + m.channels)
        return self.dram.offset + last * self.row_stride + extent

    def _emit_run(
        self, emitter: Emitter, format: Format, first: int, last: int, operator: int
    ) -> None:
        """Emit the instructions for some rows of each plane."""
        m, dram = self.map, self.dram
        blocked = m.layout is Layout.BLOCKED
        row_bytes, row_stride = self.row_bytes, self.row_stride
        columns = m.width if blocked else 1
        for plane in range(m.planes):
            start = dram.offset + (plane * m.height + first) * row_stride
            ring_start = m.base + plane * m.plane_words
            values = {
                "window": dram.window,
                "dram_offset": start,
                "dram_row_stride": row_stride,
                "dram_column_stride": dram.column_stride,
                "row_bytes": row_bytes,
                "rows": last - first,
                "columns": columns,
                "depth": m.channels if blocked else row_bytes,
                "address": m.row_address(first) + plane * m.plane_words,
                "row_stride": m.row_stride,
                "block_stride": m.block_stride if blocked else 1,
                "ring_start": ring_start,
                "ring_words": m.view_ring_rows(1) * m.row_stride,
            }
            grid = (
                ring_start
                + (np.arange(first, last) % m.ring_rows)[:, None] * m.row_stride
                + np.arange(m.blocks * m.columns)[None, :]
            )
            on_chip = Access(Buffer.SCRATCHPAD, grid.ravel())
            in_dram = []
            if dram.window in _BUFFERS:
                # 16-byte pieces are fine enough to tell tensors apart: all begin at one.
                end = self.dram_end(last) - (m.planes - 1 - plane) * m.height * row_stride
                pieces = np.arange(start // 16, (end + 15) // 16)
                in_dram = [Access(_BUFFERS[dram.window], pieces)]
            reads, writes = (in_dram, [on_chip]) if format is LOAD else ([on_chip], in_dram)
            if format is LOAD:
                values["target"] = TARGET_SCRATCHPAD
            mark = Mark(operator)
            if format is LOAD and m.layout is not Layout.PLANAR and dram.window != WINDOW_PROGRAM:
                mark = Mark(
                    operator,
                    m.tensor,
                    first,
                    0,
                    0,
                    m.height,
                    m.width,
                    0 if blocked else row_bytes,
                )
            emitter.issue(format, values, reads, writes, mark)


class LoadLayer(_Transfer):
    """DRAM to scratchpad."""

    def __init__(self, operator: int, dram: DramTensor, output: FeatureMap) -> None:
        super().__init__(operator, [], output)
        self.dram = dram

    def input_rows(self, index: int, first: int, last: int) -> tuple[int, int]:
        """A load has no input on the chip."""
        raise IndexError(index)

    def stored_rows(self, store: StoreLayer, rows: int) -> int:
        """Return how many rows of a store must be there before the first rows can be loaded."""
        mine, theirs = self.dram, store.dram
        apart = (
            store.dram_end(store.rows) <= mine.offset or self.dram_end(self.rows) <= theirs.offset
        )
        if mine.window != theirs.window or apart:
            return 0
        count = -(-(self.dram_end(rows) - theirs.offset) // store.row_stride)
        return min(max(count, 0), store.rows)

    def emit(self, emitter: Emitter, first: int, last: int) -> None:
        """Emit the loads of some rows."""
        self._emit_run(emitter, LOAD, first, last, self.operator)


class StoreLayer(_Transfer):
    """Scratchpad to DRAM."""

    def __init__(self, operator: int, source: FeatureMap, dram: DramTensor) -> None:
        super().__init__(operator, [source], None)
        self.dram = dram

    def input_rows(self, index: int, first: int, last: int) -> tuple[int, int]:
        """The same rows."""
        return first, last

    def emit(self, emitter: Emitter, first: int, last: int) -> None:
        """Emit the stores of some rows."""
        self._emit_run(emitter, STORE, first, last, self.operator)
