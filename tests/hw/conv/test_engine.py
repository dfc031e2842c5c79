# SPDX-License-Identifier: Apache-2.0
"""The conv engine against the pseudo-code of its instructions."""

import numpy as np
import pytest
from amaranth.back import verilog

from dpu_hw.conv import ConvEngine
from dpu_spec.instruction import Instruction
from dpu_spec.isa import CONV, CONV_PATCH, DRAIN, PATCH_SEGMENTS
from tests.hw.conv.bench import Bench, configuration
from tests.hw.conv.generate import random_conv, random_drain, random_patch, random_scales
from tests.hw.conv.model import Model

SIZES = [(4, 1), (8, 2)]


def random_tile(config, rng):
    """Return a convolution that reads the lower half of the scratchpad only."""
    scratch = Model(config, np.random.default_rng(0))
    while True:
        patch = config.patch_reader and rng.random() < 0.4
        instruction = (random_patch if patch else random_conv)(config, rng, pixels=20)
        scratch.run(instruction)
        if max(scratch.read_words, default=0) < config.scratchpad_words // 2:
            return instruction


def check(bench, conv, drain=()):
    """Run all in order and compare every word."""
    model = bench.model
    for instruction in (*conv, *drain):
        model.run(instruction)
    bench.run()
    np.testing.assert_array_equal(bench.accumulators, model.accumulators)
    np.testing.assert_array_equal(bench.written, model.scratchpad)


@pytest.mark.parametrize(("lanes", "blocks"), SIZES)
@pytest.mark.parametrize("kinds", ["conv", "patch", "both", "no patch reader"])
@pytest.mark.parametrize(("refuse", "pause"), [(0, 0), (0.3, 0.1)])
def test_random_convolutions(lanes, blocks, kinds, refuse, pause):
    seed = int(np.random.default_rng().integers(1 << 30))
    print(f"seed {seed}")
    rng = np.random.default_rng(seed)
    config = configuration(lanes, blocks, patch_reader=int(kinds != "no patch reader"))
    conv = []
    for _ in range(5):
        patch = kinds == "patch" or (kinds == "both" and rng.random() < 0.5)
        conv.append((random_patch if patch else random_conv)(config, rng, pixels=20))
    model = Model(config, rng)
    bench = Bench(model, conv=conv, refuse=refuse, pause=pause, seed=seed)
    check(bench, conv)
    assert bool(bench.wait_bank) <= bool(refuse)


def test_tiles_that_overlap_wait_for_their_sums():
    rng = np.random.default_rng(4)
    config = configuration(4)
    conv = []
    for _ in range(25):
        instruction = random_conv(config, rng)
        instruction.rows, instruction.columns = 1, int(rng.integers(1, 7))
        instruction.kernel_h = instruction.kernel_w = instruction.blocks = 1
        instruction.accumulator = int(rng.integers(0, 8))
        instruction.clear = 0
        conv.append(instruction)
    check(Bench(Model(config, rng), conv=conv), conv)


@pytest.mark.parametrize("lanes", [4, 8])
@pytest.mark.parametrize("refuse", [0, 0.3])
def test_full_accumulators_wrap(lanes, refuse):
    """Extreme values, and both banks to their ends."""
    rng = np.random.default_rng(lanes)
    config = configuration(lanes)
    model = Model(config, rng)
    model.scratchpad[:] = -128
    model.weights[:] = -128
    conv = []
    for clear in (1, 0, 0):
        instruction = random_conv(config, rng)
        instruction.rows, instruction.columns = 2, config.accumulator_depth // 2
        instruction.kernel_h, instruction.kernel_w, instruction.blocks = 1, 1, 2
        instruction.accumulator, instruction.clear, instruction.weights = 0, clear, 0
        instruction.row_stride, instruction.ring_words = 1, 100
        instruction.address = instruction.ring_start
        conv.append(instruction)
    bench = Bench(model, conv=conv, refuse=refuse)
    check(bench, conv)


@pytest.mark.parametrize(
    ("lanes", "blocks", "requantizers", "refuse", "patch_reader"),
    [(4, 1, 4, 0, 1), (8, 2, 8, 0, 1), (8, 2, 4, 0.3, 1), (4, 2, 1, 0.3, 1), (4, 1, 1, 0.3, 0)],
)
def test_convolutions_and_drains(lanes, blocks, requantizers, refuse, patch_reader):
    seed = int(np.random.default_rng().integers(1 << 30))
    print(f"seed {seed}")
    rng = np.random.default_rng(seed)
    config = configuration(lanes, blocks, requantizers, patch_reader)
    model = Model(config, rng)
    parameters = random_scales(model, rng)
    conv, drain, after, order = [], [], {}, []
    half = config.accumulator_bank
    for n in range(5):
        # Ping-pong: each tile in its half, drained while the next one is computed.
        instruction = random_tile(config, rng)
        instruction.clear = 1
        pixels = instruction.rows * instruction.columns
        instruction.accumulator = n % 2 * half + int(rng.integers(0, half - pixels + 1))
        out = random_drain(config, rng, instruction)
        # A half is free once its drain is done; a drain needs its convolution. Inputs lie in one
        # half of the scratchpad, outputs in the other, so nothing else orders them.
        after[id(instruction)] = max(0, n - 1)
        after[id(out)] = n + 1
        conv.append(instruction)
        drain.append(out)
        order += [instruction, out]
    bench = Bench(
        model, conv=conv, drain=drain, after=after, refuse=refuse, pause=refuse / 3, seed=seed
    )
    bench.parameters = parameters
    check(bench, order)


def spacing(bench):
    bench.run()
    return set(np.diff(bench.conv_done)[1:])


@pytest.mark.parametrize("patch_reader", [1, 0])
@pytest.mark.parametrize(("lanes", "blocks"), [(4, 1), (8, 2)])
def test_passes_follow_without_bubbles(lanes, blocks, patch_reader):
    base = {
        "row_stride": 9, "ring_words": 100, "height": 9, "width": 9, "kernel_h": 1, "kernel_w": 1,
        "stride_x": 1, "stride_y": 1, "dilation_x": 1, "dilation_y": 1, "clear": 1,
    }  # fmt: skip
    rng = np.random.default_rng(0)
    model = Model(configuration(lanes, blocks, patch_reader=patch_reader), rng)
    # It takes six cycles to prepare an instruction, a tile of four rows is loaded in less.
    slow = 2 if lanes == 4 else 0
    for rows, columns, passes, bubbles in (
        (1, 1, 1, slow),
        (1, 1, 4, slow),
        (1, lanes, 2, slow),
        (1, lanes + 1, 2, 1),
        (3, 3, 1, 0),
        (3, 3, 4, 0),
    ):
        conv = [
            Instruction(CONV, {**base, "rows": rows, "columns": columns, "blocks": passes})
            for _ in range(4)
        ]
        pixels = rows * columns
        assert max(spacing(Bench(model, conv=conv))) <= passes * max(pixels, lanes) + bubbles


@pytest.mark.parametrize("lanes", [4, 8])
def test_patches_follow_without_bubbles(lanes):
    config = configuration(lanes)
    base = {
        "row_stride": 30, "ring_words": 256, "height": 9, "row_bytes": 30 * lanes, "stride_y": 1,
        "clear": 1, "end_0": lanes // 2 - 1, "end_1": lanes - 1, "end_2": lanes, "dy_1": 1,
        "dy_2": 2, "start_0": -1, "start_1": 1 - lanes // 2, "start_2": 2 - lanes,
    }  # fmt: skip
    model = Model(config, np.random.default_rng(0))
    for rows, columns, step in ((4, 4, 3), (2, 12, lanes - 1), (2, 12, lanes), (16, 1, 1)):
        conv = [
            Instruction(CONV_PATCH, {**base, "rows": rows, "columns": columns, "step": step})
            for _ in range(5)
        ]
        assert spacing(Bench(model, conv=conv)) == {rows * columns}


def test_convolution_and_patches_alternate_without_bubbles():
    config = configuration(4)
    conv = []
    for _ in range(3):
        common = {"row_stride": 9, "ring_words": 100, "height": 9, "stride_y": 1, "clear": 1,
                  "rows": 4, "columns": 5}  # fmt: skip
        conv.append(
            Instruction(
                CONV,
                {**common, "width": 9, "kernel_h": 1, "kernel_w": 1, "blocks": 2, "stride_x": 1},
            )
        )
        conv.append(Instruction(CONV_PATCH, {**common, "row_bytes": 36, "step": 3, "end_0": 4}))
    bench = Bench(Model(config, np.random.default_rng(0)), conv=conv)
    assert spacing(bench) == {20, 40}


def test_without_a_patch_reader_there_is_one_port():
    engines = [ConvEngine(configuration=configuration(4, patch_reader=n)) for n in (0, 1)]
    assert [len(engine.read) for engine in engines] == [1, PATCH_SEGMENTS]
    for engine, there in zip(engines, (False, True), strict=True):
        text = verilog.convert(engine, name="conv", emit_src=False)
        for part in ("patch_setup", "patch", "share"):
            assert (f"convolution.{part} " in text) is there


@pytest.mark.parametrize(("lanes", "requantizers"), [(4, 4), (8, 4), (4, 1), (8, 2)])
def test_a_word_drains_in_each_cycle(lanes, requantizers):
    config = configuration(lanes, 2, requantizers)
    drain = [
        Instruction(
            DRAIN,
            {"row_stride": 12, "ring_words": 100, "rows": 2, "columns": 8, "blocks": 2},
        )
        for _ in range(4)
    ]
    bench = Bench(Model(config, np.random.default_rng(0)), drain=drain)
    bench.run()
    assert set(np.diff(bench.writes)) == {lanes // requantizers}
    assert len(bench.writes) == 4 * 32
