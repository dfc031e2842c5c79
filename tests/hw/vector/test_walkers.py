# SPDX-License-Identifier: Apache-2.0
"""Address generators against plain loops."""

import numpy as np
import pytest
from amaranth.sim import Simulator

from dpu_hw.vector.pixel_walker import PixelWalker
from dpu_hw.vector.window_walker import WindowWalker
from tests.hw.vector.stream import drain, feed


def run(dut, pieces, count, rng, rate):
    result = []

    async def feeder(ctx):
        await feed(ctx, dut.i, pieces, rng)

    async def drainer(ctx):
        result.extend(await drain(ctx, dut.o, count, rng, rate))

    simulator = Simulator(dut)
    simulator.add_clock(1e-8)
    simulator.add_testbench(feeder)
    simulator.add_testbench(drainer)
    simulator.run()
    return result


def random_ring(rng, steps=1):
    stride = int(rng.integers(1, 30))
    words = stride * steps + int(rng.integers(0, 40))
    return {
        "offset": int(rng.integers(0, words)),
        "start": int(rng.integers(0, 65536 - words)),
        "row_stride": stride,
        "row_wrap": stride - words,
        "block_stride": int(rng.integers(0, 65536)),
    }, words


def random_extent(rng):
    return {name: int(rng.choice([1, 1, 2, 3, 5])) for name in ("rows", "columns", "blocks")}


def loops(piece):
    """All (block, row, column), and whether it is the last."""
    extent = piece["extent"]
    total = np.prod(list(extent.values()))
    for n in range(total):
        n, c = divmod(n, extent["columns"])
        b, r = divmod(n, extent["rows"])
        yield b, r, c


def pixel_addresses(piece, words):
    if not piece["used"]:
        return []
    ring = piece["ring"]
    addresses = [
        ring["start"]
        + (ring["offset"] + r * ring["row_stride"]) % words
        + b * ring["block_stride"]
        + c * piece["column_stride"]
        for b, r, c in loops(piece)
    ]
    return [(a % 65536, n == len(addresses) - 1) for n, a in enumerate(addresses)]


def tap_addresses(piece, words):
    ring = piece["ring"]
    taps = []
    size = piece["kernel_h"] * piece["kernel_w"]
    for b, r, c in loops(piece):
        for n in range(size):
            ky, kx = divmod(n, piece["kernel_w"])
            down = (r // piece["repeat_y"]) * piece["stride_y"] + ky
            x = piece["x0"] + (c // piece["repeat_x"]) * piece["stride_x"] + kx
            inside = 0 <= piece["y0"] + down < piece["height"] and 0 <= x < piece["width"]
            row = ring["start"] + (ring["offset"] + down * ring["row_stride"]) % words
            address = (row + b * ring["block_stride"] + x) % 65536
            taps.append([address if inside else None, n == 0, n == size - 1, False])
    taps[-1][-1] = True
    return [tuple(tap) for tap in taps]


def random_window(rng, kernels, strides):
    stride_y = int(rng.choice(strides))
    ring, words = random_ring(rng, stride_y)
    piece = {
        "ring": ring,
        "extent": random_extent(rng),
        "step": stride_y * ring["row_stride"],
        "step_wrap": stride_y * ring["row_stride"] - words,
        "stride_y": stride_y,
        "stride_x": int(rng.choice(strides)),
    }
    for name in ("kernel_h", "kernel_w"):
        piece[name] = int(rng.choice(kernels))
    for name in ("y0", "x0"):
        piece[name] = int(rng.integers(-4, 3))
    for name in ("height", "width"):
        piece[name] = int(rng.choice([1, 3, 8, 4095]))
    for name in ("repeat_y", "repeat_x"):
        piece[name] = int(rng.choice([1, 1, 2, 3, 15]))
    return piece, words


@pytest.mark.parametrize("rate", [1.0, 0.4])
def test_pixels(rate):
    seed = int(np.random.SeedSequence().generate_state(1)[0])
    print(f"seed {seed}")
    rng = np.random.default_rng(seed)
    pieces, expected = [], []
    for _ in range(25):
        ring, words = random_ring(rng)
        piece = {
            "ring": ring,
            "extent": random_extent(rng),
            "column_stride": int(rng.integers(0, 2)),
            "used": int(rng.random() < 0.8),
        }
        pieces.append(piece)
        expected += pixel_addresses(piece, words)
    seen = run(PixelWalker(), pieces, len(expected), rng, rate)
    assert [(p.address, bool(p.last)) for _, p in seen] == expected
    if rate == 1.0:
        # Nothing but the unused pieces costs a cycle.
        assert seen[-1][0] - seen[0][0] <= len(expected) + 25


@pytest.mark.parametrize(
    ("kernels", "strides", "rate"),
    [([1], [1], 1.0), ([1, 2, 3], [1, 2], 1.0), ([1, 2, 5], [1, 2, 3, 15], 0.5)],
)
def test_windows(kernels, strides, rate):
    seed = int(np.random.SeedSequence().generate_state(1)[0])
    print(f"seed {seed}")
    rng = np.random.default_rng(seed)
    pieces, expected = [], []
    for _ in range(20):
        piece, words = random_window(rng, kernels, strides)
        pieces.append(piece)
        expected += tap_addresses(piece, words)
    seen = run(WindowWalker(), pieces, len(expected), rng, rate)
    for n, ((_, tap), tap_expected) in enumerate(zip(seen, expected, strict=True)):
        tag = tap.tag
        address = tap.address if tap.inside else None
        assert (address, *map(bool, (tag.first, tag.last, tag.end))) == tap_expected, n
    if rate == 1.0:
        assert seen[-1][0] - seen[0][0] == len(expected) - 1


def test_window_far_outside():
    """Coordinates at the limits of the fields."""
    rng = np.random.default_rng(0)
    ring = {"offset": 0, "start": 100, "row_stride": 1, "row_wrap": 1 - 15, "block_stride": 0}
    piece = {
        "ring": ring,
        "extent": {"rows": 1, "columns": 4095, "blocks": 1},
        "step": 1,
        "step_wrap": 1 - 15,
        "kernel_h": 1,
        "kernel_w": 1,
        "stride_y": 1,
        "stride_x": 15,
        "y0": 0,
        "x0": -2048,
        "height": 1,
        "width": 4095,
        "repeat_y": 1,
        "repeat_x": 1,
    }
    seen = run(WindowWalker(), [piece], 4095, rng, 1.0)
    xs = [-2048 + 15 * n for n in range(4095)]
    inside = [0 <= x < 4095 for x in xs]
    assert [bool(tap.inside) for _, tap in seen] == inside
    addresses = [tap.address for _, tap in seen if tap.inside]
    assert addresses == [100 + x for x, i in zip(xs, inside, strict=True) if i]
