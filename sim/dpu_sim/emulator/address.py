# SPDX-License-Identifier: Apache-2.0
"""Address patterns that instructions share: rings of rows, views, windows of taps."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
import numpy.typing as npt

from .access import Access
from .memory import Words
from .races import Int64s

Values = dict[str, int]


@dataclasses.dataclass(frozen=True)
class Taps:
    """Where the taps of one dimension fall.

    ``needed`` are the distinct offsets (from the first tap of the first output) that lie inside;
    ``position[output, tap]`` is an index into them, or their number for a tap outside.
    """

    needed: Int64s
    position: Int64s
    plain: bool

    @property
    def count(self) -> int:
        """How many distinct rows or columns are read."""
        return len(self.needed)


@functools.lru_cache(maxsize=4096)
def taps(
    origin: int, count: int, stride: int, kernel: int, dilation: int, limit: int, repeat: int = 1
) -> Taps:
    """Return the taps of ``count`` outputs; the first tap is at ``origin`` of ``limit``."""
    offsets = np.arange(count)[:, None] // repeat * stride + np.arange(kernel) * dilation
    inside = (origin + offsets >= 0) & (origin + offsets < limit)
    needed, index = np.unique(offsets[inside], return_inverse=True)
    position = np.full(offsets.shape, len(needed))
    position[inside] = index.reshape(-1)
    plain = kernel == 1 and len(needed) == count
    return Taps(needed, position, plain)


def ring_rows(access: Access, v: Values, prefix: str, offsets: Int64s) -> Int64s:
    """Return the word addresses of rows at these offsets from a view's first row."""
    start, words = v[f"{prefix}ring_start"], v[f"{prefix}ring_words"]
    address = v[f"{prefix}address"]
    access.require(words > 0, f"{prefix}ring_words is 0.")
    access.require(
        start <= address < start + words,
        f"{prefix}address {address} lies outside its ring, words {start} to {start + words - 1}.",
    )
    return start + (address - start + offsets * v[f"{prefix}row_stride"]) % max(words, 1)


def check_steps(access: Access, v: Values, prefix: str, *steps: tuple[int, int]) -> None:
    """Check each (times, step): a step that is taken at all must be shorter than the ring."""
    stride, words = v[f"{prefix}row_stride"], v[f"{prefix}ring_words"]
    for times, step in steps:
        access.require(
            times == 0 or stride * step < words,
            f"{prefix}row_stride {stride} times a step of {step} rows is not less than "
            f"{prefix}ring_words {words}.",
        )


def check_counts(access: Access, v: Values, *names: str) -> None:
    """Check fields that count something."""
    for name in names:
        access.require(v[name] >= 1, f"{name} is 0.")


def output_view(access: Access, v: Values, prefix: str = "out_") -> Int64s:
    """Return the output's word addresses as [block, row, column]."""
    check_steps(access, v, prefix, (v["rows"] - 1, 1))
    rows = ring_rows(access, v, prefix, np.arange(v["rows"]))
    blocks = np.arange(v["blocks"]) * v[f"{prefix}block_stride"]
    return blocks[:, None, None] + rows[:, None] + np.arange(v["columns"])


def input_words(
    access: Access, v: Values, y: Taps, x: Taps, *, border: int
) -> npt.NDArray[np.int8]:
    """Read an input's words once each: [row + 1, column + 1, block, lane].

    The last row and the last column hold the border value, where positions of outside taps point.
    """
    lanes = access.configuration.lanes
    words = np.full((y.count + 1, x.count + 1, v["blocks"], lanes), border, np.int8)
    if y.count and x.count:
        rows = ring_rows(access, v, "", y.needed)
        blocks = np.arange(v["blocks"]) * v["block_stride"]
        addresses = rows[:, None, None] + (v["x0"] + x.needed)[:, None] + blocks
        words[:-1, :-1] = access.read(access.memory.scratchpad, Words(addresses))
    return words


def check_order(access: Access, v: Values, y: Taps, x: Taps, written: Int64s) -> None:
    """Raise if an iteration reads a word that an earlier one of the same instruction has written.

    ``written`` are the output's addresses, [block, row, column]: the order of the iterations.
    """
    scratchpad = access.memory.scratchpad
    if not access.reads_what_it_writes(scratchpad, written):
        return
    last_read = np.full(scratchpad.size, -1)
    order = np.arange(written.size).reshape(written.shape)
    rows = np.append(ring_rows(access, v, "", y.needed), -1)[y.position]
    columns = np.append(v["x0"] + x.needed, -1)[x.position]
    inside = (rows[:, None, :, None] >= 0) & (columns[None, :, None, :] >= 0)
    for block in range(v["blocks"]):
        address = rows[:, None, :, None] + columns[None, :, None, :] + block * v["block_stride"]
        when = np.broadcast_to(order[block][:, :, None, None], address.shape)
        np.maximum.at(last_read, address[inside], when[inside])
    late = last_read[written] > order
    if late.any():
        access.self_race(scratchpad, int(written[late][0]))
