# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""The depthwise engine against the pseudo-code."""

import dataclasses
import itertools
import random

import pytest

from dpu_hw.depthwise import DepthwiseEngine
from dpu_spec.presets import preset
from tests.hw.depthwise.bench import check
from tests.hw.depthwise.model import Model, kernel, place_parameters

TINY = dataclasses.replace(
    preset("tiny"),
    scratchpad_words=2048,
    partial_sum_depth=128,
    depthwise_parameter_words=1024,
)
#: PEs that take a word in parts.
HALVES = dataclasses.replace(TINY, depthwise_lanes=2, depthwise_requantizers=2)
QUARTERS = dataclasses.replace(TINY, depthwise_lanes=1, depthwise_requantizers=1)
EIGHT = dataclasses.replace(
    preset("b128"),
    scratchpad_words=2048,
    partial_sum_depth=128,
    depthwise_parameter_words=256,
    depthwise_logic_multipliers=20,
)
PLAIN = {"stride_y": 1, "stride_x": 1, "dilation_y": 1, "dilation_x": 1}
#: An input with a word for every tap, so that every column is read.
WHOLE = {"y0": 0, "x0": 0, "height": 16, "width": 16}


def prepare(configuration, seed, *kernels):
    print("seed", seed)
    rng = random.Random(seed)
    model = Model(configuration, rng)
    instructions = [i for options in kernels for i in kernel(configuration, rng, **options)]
    place_parameters(model, rng, instructions)
    return model, instructions


@pytest.mark.parametrize(
    "configuration", [TINY, HALVES, QUARTERS], ids=["whole", "halves", "quarters"]
)
@pytest.mark.parametrize(("seed", "grant"), [(0, 1.0), (1, 0.5), (2, 1.0), (3, 0.8), (4, 0.3)])
def test_random_instructions(configuration, seed, grant):
    model, instructions = prepare(configuration, seed, {}, {"parts": 2}, {}, {"parts": 3})
    check(configuration, model, instructions, seed=seed, grant=grant, offer=(1.0, 0.1)[seed == 3])


@pytest.mark.parametrize(
    ("pe_lanes", "requantizers"), [(8, 8), (8, 2), (4, 4), (4, 1), (2, 2), (1, 1)]
)
def test_eight_lanes(pe_lanes, requantizers):
    configuration = dataclasses.replace(
        EIGHT,
        depthwise_lanes=pe_lanes,
        depthwise_requantizers=requantizers,
        depthwise_logic_multipliers=min(20, 9 * pe_lanes),
    )
    small = {"rows": 2, "columns": 4}
    seed = 80 + 16 * (8 - pe_lanes) + requantizers
    model, instructions = prepare(configuration, seed, small, {"parts": 2, **small})
    check(configuration, model, instructions, seed=requantizers, grant=0.9)


@pytest.mark.parametrize("grant", [1.0, 0.4])
def test_tiles_of_few_pixels_revisit_their_sums(grant):
    one = {"rows": 1, "columns": 1, "blocks": 1}
    shapes = (one, {**one, "columns": 2}, {**one, "blocks": 2}, {**one, "rows": 2})
    kernels = [{"parts": 5, **shape, **plain} for shape in shapes for plain in ({}, PLAIN)]
    model, instructions = prepare(TINY, 7, *kernels)
    check(TINY, model, instructions, seed=1, grant=grant)


def test_sums_that_are_kept_for_later():
    # Two kernels take turns with sums of their own.
    model, instructions = prepare(
        TINY, 5, *[{"rows": 2, "columns": 3, "blocks": 1, "parts": 3}] * 2
    )
    for n, instruction in enumerate(instructions):
        instruction.partial_sum = 40 * (n // 3)
    turns = [instructions[n] for n in (0, 3, 1, 4, 5, 2)]
    check(TINY, model, turns, seed=5)


@pytest.mark.parametrize(
    ("rows", "columns", "blocks", "stride", "dilation", "columns_of_a_row"),
    [
        (4, 6, 2, 1, 1, (8, 8)),
        (5, 1, 3, 1, 1, (3, 3)),
        (2, 8, 3, 1, 1, (10, 10)),
        (3, 5, 2, 2, 1, (11, 6)),
        (2, 4, 2, 3, 1, (12, 8)),
        (2, 4, 2, 1, 2, (12, 8)),
    ],
)
@pytest.mark.parametrize(
    ("configuration", "parts"), [(TINY, 1), (HALVES, 2), (QUARTERS, 4)], ids=["1", "2", "4"]
)
def test_rows_blocks_and_instructions_follow_without_gaps(
    configuration, parts, rows, columns, blocks, stride, dilation, columns_of_a_row
):
    # In parts, a column that only the second weights meet is done along with its neighbours.
    row_cycles = parts * columns_of_a_row[parts > 1]
    size = {"rows": rows, "columns": columns, "blocks": blocks, "stride_x": stride}
    size |= {"stride_y": stride, "dilation_x": dilation, "dilation_y": dilation}
    model, instructions = prepare(configuration, 1, *[{**size, **WHOLE}] * 3)
    observed = check(configuration, model, instructions, seed=1)
    done = [cycle for cycle, _ in observed.done]
    cycles = [b - a for a, b in itertools.pairwise(done)]
    assert cycles == [max(10, rows * row_cycles) * blocks] * 2
    # From acceptance: preparing, fetching and the pipeline.
    assert done[0] <= rows * row_cycles * blocks + 37 + 2 * parts


def test_tiny_blocks_wait_for_their_parameters_only():
    model, instructions = prepare(
        TINY, 3, *[{"rows": 1, "columns": 1, "blocks": 3, "parts": 2, **PLAIN}] * 3
    )
    done = [cycle for cycle, _ in check(TINY, model, instructions, seed=1).done]
    # Weights of one instruction and scales of another may want the same memory at once.
    assert all(30 <= b - a <= 32 for a, b in itertools.pairwise(done))


def test_rows_in_the_same_bank_drift_apart():
    # All rows of a column lie in one of only four banks: in step they would take three cycles each.
    size = {"rows": 3, "columns": 8, "blocks": 2, **PLAIN, **WHOLE, "row_stride": 16}
    size |= {"ring_start": 0, "ring_words": 96, "address": 0, "block_stride": 96}
    model, instructions = prepare(TINY, 4, *[size] * 2)
    done = [cycle for cycle, _ in check(TINY, model, instructions, seed=1, banks=4).done]
    assert done[1] - done[0] <= 1.5 * 3 * 10 * 2


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("configuration", [HALVES, QUARTERS], ids=["halves", "quarters"])
def test_parts_of_rows_in_the_same_bank(configuration, stride):
    # Columns that come late leave the middle weights behind the outer ones, or ahead.
    size = {"rows": 3, "columns": 6, "blocks": 2, **PLAIN, **WHOLE, "row_stride": 16}
    size |= {"stride_x": stride, "width": 20, "ring_start": 0, "ring_words": 96, "address": 0}
    model, instructions = prepare(configuration, 8 + stride, *[{**size, "block_stride": 96}] * 2)
    check(configuration, model, instructions, seed=stride, banks=4)


def test_parameters():
    assert DepthwiseEngine(configuration=TINY).configuration is TINY
    with pytest.raises(TypeError, match="Configuration"):
        DepthwiseEngine(configuration="tiny")
