# SPDX-License-Identifier: Apache-2.0
"""Collecting tensors from writes as a trace of the hardware has them."""

import dataclasses

import numpy as np
import pytest

from dpu_sim.emulator import CollectError, Collector, collect
from dpu_spec import isa
from dpu_spec.instruction import Instruction
from dpu_spec.presets import preset
from dpu_spec.program import Mark, Tensor

CONFIGURATION = preset("tiny")
LANES = CONFIGURATION.lanes


def collected(shape, mark, instruction, writes, **fields):
    collector = Collector({1: Tensor(1, "t", shape, "int8", (), (), **fields)}, CONFIGURATION)
    collect([mark], [instruction], writes, collector)
    return collector.tensors()[1]


def drain(rows, columns, blocks, **values):
    view = {"address": 7, "row_stride": 30, "block_stride": 10, "ring_start": 7, "ring_words": 999}
    return Instruction(
        isa.DRAIN, view | {"rows": rows, "columns": columns, "blocks": blocks} | values
    )


def trace(instruction, pixels):
    """The writes of [row, column, channel], channels padded with 99 to whole words."""
    rows, columns, channels = pixels.shape
    writes = []
    for r, c in np.ndindex(rows, columns):
        for b in range(-(-channels // LANES)):
            word = np.full(LANES, 99, np.int8)
            part = pixels[r, c, b * LANES : (b + 1) * LANES]
            word[: len(part)] = part
            writes.append((7 + r * 30 + b * 10 + c, word.tobytes()))
    return writes


@pytest.mark.parametrize("form", ["bytes", "number"])
def test_collecting_in_any_order_of_the_words(form):
    pixels = np.arange(2 * 3 * 7, dtype=np.int8).reshape(2, 3, 7) - 20
    instruction = drain(2, 3, 2)
    writes = trace(instruction, pixels)
    np.random.default_rng(1).shuffle(writes)
    if form == "number":
        writes = [(address, int.from_bytes(word, "little")) for address, word in writes]
    whole = collected((1, 2, 3, 7), Mark(0, 1, height=2, width=3), instruction, writes)
    assert not isinstance(whole, np.ma.MaskedArray)
    np.testing.assert_array_equal(whole, pixels[None])


def test_channels_that_do_not_exist():
    """Constant ones have their value, the others are masked; the first pixel alone was written."""
    pixels = np.array([[[5, -6]]], np.int8)
    instruction = drain(1, 1, 1)
    fields = {"channels": (1, 3), "constants": ((0, -128), (4, 7))}
    found = collected(
        (1, 1, 2, 6),
        Mark(0, 1, height=1, width=2),
        instruction,
        trace(instruction, pixels),
        **fields,
    )
    assert found.shape == (1, 1, 2, 6)
    assert found[0, 0, 0].tolist() == [-128, 5, None, -6, 7, None]
    assert found[0, 0, 1].tolist() == [-128, None, None, None, 7, None]


def test_whole_but_for_constant_channels():
    pixels = np.array([[[5, -6]]], np.int8)
    instruction = drain(1, 1, 1)
    fields = {"channels": (1, 2), "constants": ((0, 3),)}
    found = collected(
        (1, 3), Mark(0, 1, height=1, width=1), instruction, trace(instruction, pixels), **fields
    )
    assert not isinstance(found, np.ma.MaskedArray)
    assert found.tolist() == [[3, 5, -6]]


def test_collecting_a_part_of_a_tensor():
    pixels = np.arange(1 * 2 * 4, dtype=np.int8).reshape(1, 2, 4)
    instruction = drain(1, 2, 1)
    mark = Mark(0, 1, row=2, column=1, channel=8, height=4, width=3)
    part = collected((1, 4, 3, 10), mark, instruction, trace(instruction, pixels))
    assert isinstance(part, np.ma.MaskedArray)
    expected = np.zeros((1, 4, 3, 10), np.int8)
    # The tensor ends with channel 9: the rest of the word is padding.
    expected[0, 2, 1:3, 8:] = pixels[0, :, :2]
    assert part.count() == 4
    assert (part == expected).all()
    assert not (part == expected + 1).any()


def test_collecting_ranks_other_than_four():
    pixels = np.arange(5, dtype=np.int8).reshape(1, 1, 5)
    instruction = drain(1, 1, 2)
    mark = Mark(0, 1, height=1, width=1)
    vector = collected((5,), mark, instruction, trace(instruction, pixels))
    np.testing.assert_array_equal(vector, pixels.reshape(5))


def load(depth, columns=1, **values):
    view = {"address": 7, "row_stride": 30, "block_stride": 1, "ring_start": 7, "ring_words": 999}
    return Instruction(isa.LOAD, view | {"rows": 2, "columns": columns, "depth": depth} | values)


def test_collecting_plain_bytes():
    rows = np.arange(2 * 10, dtype=np.int8).reshape(2, 10)
    padded = np.pad(rows, ((0, 0), (0, 2)), constant_values=77)
    writes = [
        (7 + 30 * r + w, padded[r, w * LANES :][:LANES].tobytes())
        for r in range(2)
        for w in range(3)
    ]
    mark = Mark(0, 1, row=1, column=2, height=3, plain=12)
    part = collected((1, 3, 4, 3), mark, load(10), writes)
    expected = np.zeros((3, 12), np.int8)
    expected[1:, 2:] = rows
    assert part.count() == 20
    assert (part.reshape(3, 12) == expected).all()


def test_collecting_ignores_what_a_load_leaves_open():
    word = bytes([1, 2, 90, 91])
    mark = Mark(0, 1, height=2, width=1)
    instruction = load(2)
    part = collected((1, 2, 1, 4), mark, instruction, [(7, word), (37, word)])
    assert part.count() == 4


def test_instructions_that_write_no_tensor_are_passed_over():
    collector = Collector({}, CONFIGURATION)
    weights = load(4, target=isa.TARGET_WEIGHTS)
    conv = Instruction(isa.CONV, {"rows": 2, "columns": 2})
    sums = Instruction(isa.DEPTHWISE, {"rows": 2, "columns": 2, "blocks": 1, "last": 0})
    collect([Mark(0)] * 3, [weights, conv, sums], [], collector)
    collect([Mark(0)], [load(4)], [(7, 0), (37, 0)], collector)
    assert collector.tensors() == {}


def test_writes_that_dont_fit_are_errors():
    pixels = np.zeros((1, 2, 4), np.int8)
    instruction = drain(1, 2, 1)
    writes = trace(instruction, pixels)
    mark = Mark(0, 1, height=1, width=2)
    shape = (1, 1, 2, 4)
    with pytest.raises(CollectError, match="The writes end 1 short"):
        collected(shape, mark, instruction, writes[:1])
    with pytest.raises(CollectError, match="1 words were written after those of the last"):
        collected(shape, mark, instruction, [*writes, writes[0]])
    with pytest.raises(CollectError, match="Other words were written"):
        collected(shape, mark, instruction, [writes[0], writes[0]])
    for wrong in (
        dataclasses.replace(mark, row=1),
        dataclasses.replace(mark, column=1),
        dataclasses.replace(mark, column=-1),
        dataclasses.replace(mark, channel=4),
        dataclasses.replace(mark, width=3),
    ):
        with pytest.raises(CollectError, match="doesn't fit tensor 1"):
            collected(shape, wrong, instruction, writes)
