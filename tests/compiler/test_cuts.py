# SPDX-License-Identifier: Apache-2.0
"""How layers are cut: tiles of pixels, parts of reductions, runs of bytes under a kernel."""

import itertools

import numpy as np
import pytest

from dpu_compiler.layer import Window
from dpu_compiler.layers.blocked_convolution import cut_reduction
from dpu_compiler.layers.depthwise import DepthwiseConvolution
from dpu_compiler.layers.patch_convolution import cut_patch, patch_fits
from dpu_compiler.layers.scales import fold_zero_point, pad_channels, scale_block
from dpu_compiler.layers.tiles import tiles
from dpu_compiler.translate.pool import divide_values
from dpu_spec.isa import PATCH_SEGMENTS
from dpu_spec.presets import preset
from tests.compiler.nets import Net, build_step

SIZES = (1, 2, 3, 7, 8, 9, 31, 64, 100)


@pytest.mark.parametrize("width", SIZES)
@pytest.mark.parametrize("pixels", [1, 2, 7, 32, 64, 1000, 1 << 20])
def test_tiles_cover_every_pixel_once(width, pixels):
    for first, last in ((0, 1), (3, 4), (5, 21)):
        seen = np.zeros((last, width), int)
        for tile in tiles(first, last, width, pixels, limit=63):
            assert 0 < tile.pixels <= pixels
            assert tile.rows <= 63
            assert tile.columns <= 63
            seen[tile.row : tile.row + tile.rows, tile.column : tile.column + tile.columns] += 1
        assert (seen[first:] == 1).all()
        assert not seen[:first].any()


def test_tiles_are_equal():
    heights = [tile.rows for tile in tiles(0, 13, 10, 40)]
    assert max(heights) - min(heights) <= 1
    assert len(heights) == 4


@pytest.mark.parametrize("blocks", [1, 2, 5, 300])
@pytest.mark.parametrize("kernel", [(1, 1), (3, 3), (10, 8), (1, 200), (130, 2)])
@pytest.mark.parametrize("passes", [1, 2, 8, 100, 5000])
def test_reductions_are_cut_into_parts_that_cover_them(blocks, kernel, passes):
    parts = cut_reduction(blocks, kernel, passes)
    count = 0
    position = (0, 0, 0)
    for part in parts:
        assert 0 < part.passes <= passes
        assert len(part.blocks) <= 2047
        assert max(len(part.rows), len(part.columns)) <= 127
        # Weight tiles lie in the order block, row, column; parts follow that order.
        start = (part.blocks.start, part.rows.start, part.columns.start)
        assert count == 0 or start > position
        position = start
        count += part.passes
    assert count == blocks * kernel[0] * kernel[1]


@pytest.mark.parametrize("kernel", [(1, 1), (3, 3), (2, 7), (10, 4), (5, 1)])
@pytest.mark.parametrize("channels", [1, 2, 3, 5, 16])
@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("lanes", [4, 8, 16])
def test_patches_hold_every_byte_once(kernel, channels, planar, lanes):
    passes = cut_patch(kernel, channels, planar, lanes)
    taps = []
    for segments in passes:
        assert 0 < len(segments) <= PATCH_SEGMENTS
        lane = 0
        for segment in segments:
            assert segment.lane == lane
            lane += len(segment.taps)
            for n, (kx, c) in enumerate(segment.taps):
                taps.append((segment.kernel_row, kx, c))
                # Consecutive lanes take consecutive bytes of one row and plane.
                byte = segment.byte + n
                assert byte == (kx if planar else kx * channels + c)
                assert segment.plane == (c if planar else 0)
        assert lane <= lanes
    wanted = itertools.product(range(kernel[0]), range(kernel[1]), range(channels))
    assert sorted(taps) == sorted(wanted)


def test_patches_are_full():
    """Three rows of nine bytes: 27 bytes in four passes of eight lanes, not in six."""
    assert len(cut_patch((3, 3), 3, planar=False, lanes=8)) == 4
    assert len(cut_patch((3, 3), 1, planar=False, lanes=16)) == 1


@pytest.mark.parametrize(
    ("channels", "width", "window", "fits"),
    [
        (3, 96, Window((3, 3), (2, 2)), True),
        (3, 96, Window((3, 3), (1, 1), (1, 2)), False),
        (3, 96, Window((3, 1), (1, 1), (1, 2)), True),
        (3, 96, Window((3, 1), (1, 1), (64, 1)), False),
        (16, 96, Window((1, 1), (1, 16)), False),
        (16, 1023, Window(), True),
        (16, 1024, Window(), False),
        (16, 1000, Window(before=(0, 1024)), False),
    ],
)
def test_what_patches_can_express(channels, width, window, fits):
    assert patch_fits(channels, False, width, window) is fits


def test_windows_name_the_rows_under_them():
    window = Window((3, 1), (2, 1), (2, 1), (1, 0))
    for first, last in ((0, 1), (0, 5), (4, 5), (5, 9)):
        rows = {
            row
            for r in range(first, last)
            for row in (r * 2 - 1, r * 2 + 1, r * 2 + 3)
            if 0 <= row < 12
        }
        # From the first tap on, even where that lies outside.
        low, high = window.rows(first, last, 12)
        assert (low, high) == (max(first * 2 - 1, 0), max(rows) + 1)
    low, high = Window((1, 1), before=(5, 0)).rows(0, 3, 4)
    assert low == high


@pytest.mark.parametrize("multiplier", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("channels", [1, 3, 8, 20])
def test_lane_maps_name_the_input_channel(multiplier, channels):
    net = Net()
    net.depthwise(net.input((1, 3, 3, channels)), multiplier=multiplier)
    (layer,) = (
        layer
        for layer in build_step(net.graph(), preset("b128")).layers
        if isinstance(layer, DepthwiseConvolution)
    )
    for channel in range(channels * multiplier):
        block, lane = divmod(channel, 8)
        source_block, lanes = layer._lanes(block)
        source = source_block * 8 + (lanes >> 4 * lane & 15)
        assert source % 8 == channel // multiplier % 8
        # A block of outputs that needs two blocks of inputs cannot be expressed.
        assert source == channel // multiplier


def test_zero_points_are_folded_with_wrapping():
    bias = np.array([5, (1 << 31) - 1, -(1 << 31)], np.int64)
    folded = fold_zero_point(bias, -128, np.array([2, 1, 0], np.int64))
    assert folded.tolist() == [5 + 256, -(1 << 31) + 127, -(1 << 31)]


def test_a_block_of_scales_is_nine_words():
    lanes = 8
    block = scale_block(
        pad_channels(np.array([-1, 2]), lanes),
        pad_channels(np.array([(1 << 31) - 1, 3]), lanes),
        pad_channels(np.array([-31, 1]), lanes),
    )
    assert len(block) == 9 * lanes
    assert block[:8] == b"\xff\xff\xff\xff\x02\0\0\0"
    assert block[4 * lanes : 4 * lanes + 4] == b"\xff\xff\xff\x7f"
    assert block[8 * lanes : 8 * lanes + 3] == b"\xe1\x01\0"


@pytest.mark.parametrize("count", [*range(2, 70), 127, 128, 129, 255, 256, 65025, 32767])
def test_division_is_exact(count):
    """The scaled magnitude plus half the count, as the vector unit computes it."""
    fields = divide_values(count)
    most = 128 * count
    rng = np.random.default_rng(count)
    sums = np.unique(
        np.concatenate(
            [
                rng.integers(0, most + 1, 2000),
                np.arange(0, min(most, 500)),
                np.arange(0, most + 1, count)[:200],
                np.array([most - 1, most]),
            ]
        )
    )
    scaled = (sums + fields["bias"]) * fields["multiplier"] >> (31 - fields["shift"])
    assert fields["multiplier"] < 1 << 31
    assert -31 <= fields["shift"] <= 0
    np.testing.assert_array_equal(scaled, (sums + count // 2) // count)
