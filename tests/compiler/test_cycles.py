# SPDX-License-Identifier: Apache-2.0
"""The cycle model's parts, and its numbers against those of the hardware they stand for.

Whether the whole is right is for RTL to say: ``tests/e2e/test_cost_model.py``.
"""

import gc
import warnings

import pytest

from dpu_compiler.cost import simulate
from dpu_compiler.cycles import array, bursts, depthwise, drain, fetch, read_port, scales, vector
from dpu_compiler.cycles import machine as model
from dpu_compiler.cycles.banks import SlowStreams
from dpu_compiler.cycles.cut import Cut
from dpu_compiler.cycles.scales import ScaleTiming
from dpu_hw.control import dispatch
from dpu_hw.control import fetch as control_fetch
from dpu_hw.conv.accumulators import Accumulators
from dpu_hw.conv.array import SystolicArray
from dpu_hw.conv.convolution import Convolution
from dpu_hw.conv.passes import PassGenerator
from dpu_hw.conv.patch import PatchReader
from dpu_hw.conv.patch_setup import PatchSetup
from dpu_hw.depthwise.partial_sums import PartialSums
from dpu_hw.depthwise.window import Window
from dpu_hw.dma import bus
from dpu_hw.requantize import WordRequantizer
from dpu_hw.requantize.scale_loader import SCALE_WORDS
from dpu_hw.vector import writer
from dpu_spec.instruction import Engine, Instruction
from dpu_spec.isa import DRAIN, LOAD
from dpu_spec.presets import PRESETS, preset


@pytest.fixture(autouse=True)
def _unused_hardware():
    """Let go of hardware that is made for its numbers only; Amaranth would warn of it later."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gc.collect()


def test_numbers_of_the_bus() -> None:
    assert bursts.BURST_BEATS == bus.BURST_BEATS
    assert read_port.LOAD_BEATS == bus.LOAD_BEATS
    assert fetch._CALM_REQUESTS == control_fetch._CALM_REQUESTS
    assert model._HELD == dispatch._HELD


@pytest.mark.parametrize("configuration", PRESETS.values(), ids=PRESETS)
def test_numbers_of_the_array(configuration) -> None:
    lanes, columns = configuration.lanes, configuration.columns
    pipeline = SystolicArray(
        lanes=lanes, columns=columns, reach=Convolution.reach, logic_multipliers=0
    )
    assert array.ConvTiming(configuration)._latency == (
        pipeline.latency - Accumulators.lead + Accumulators.write_latency
    )
    assert Convolution.passes_ahead == array._PASSES_AHEAD
    # The decoder's register comes first.
    assert 1 + PassGenerator.latency == array._FIRST_PASS
    assert 1 + PatchSetup.latency == array._PREPARED
    assert PatchReader.slots == array._WINDOW


def test_numbers_of_the_requantizers() -> None:
    assert WordRequantizer.latency == drain._RESULT
    # The write's register and the pulse follow.
    assert WordRequantizer.latency + 2 == depthwise._RESULT
    # The column's own stage was counted before.
    assert Window.latency - 1 + 1 + PartialSums.latency == depthwise._SUM
    assert scales._WORDS == SCALE_WORDS + 2
    assert scales.PERIOD == SCALE_WORDS + 1
    assert vector._ADDRESSES == writer.ADDRESSES + 1


def test_scales_are_read_one_block_ahead() -> None:
    blocks = ScaleTiming()
    assert blocks.request(100) == 111
    blocks.used(150)
    assert blocks.request(101) == 121  # The memory's port.
    blocks.used(200)
    # The third needs the place of the first, which is free when that has been used.
    assert blocks.request(102) == 151 + 11


def test_bursts_end_at_multiples_of_the_longest() -> None:
    assert bursts.cut(0, 8, 8) == [1]
    assert bursts.cut(7, 2, 8) == [2]
    assert bursts.cut(0, 1024, 8) == [64, 64]
    assert bursts.cut(8, 1024, 8) == [63, 64, 1]


def test_a_queue_of_two_bursts_holds_runs_back() -> None:
    cut = Cut()
    for _ in range(3):
        room = cut.room()
        assert room is not None
        cut.take(max(10, room), [1])
    assert cut.head() == 14
    # Two bursts are queued, a third is in its stage: when that is free is not known yet.
    cut.take(13, [1])
    cut.take(14, [1])
    assert cut.room() is None
    cut.leave(30)
    # The third burst is queued a cycle after the first has left.
    assert cut.room() == 31


def test_a_stream_of_half_the_speed_holds_one_behind_it() -> None:
    slow = SlowStreams(preset("b128"))
    assert slow.finish(100, 0, 10) == 109
    # Words 0, 1, ... at 100, 102, ...: the faster stream meets it at once.
    slow.add(100, 0, 8)
    assert slow.finish(100, 0, 8) == 115
    # It begins two banks behind, and gains one every other cycle: four words are written by then.
    assert slow.finish(100, 6, 8) == 103 + 2 * 4
    # It is done before they meet, or comes when the other is gone.
    assert slow.finish(100, 2, 4) == 103
    assert slow.finish(116, 0, 8) == 123


def instruction(format, **values) -> Instruction:
    ones = dict.fromkeys(("rows", "columns", "depth", "blocks", "ring_words"), 1)
    return Instruction(format, {k: v for k, v in ones.items() if k in _names(format)} | values)


def _names(format) -> set[str]:
    return {field.name for field in format.fields}


def test_instructions_wait_for_tokens() -> None:
    load = instruction(LOAD, row_bytes=8, depth=8, signal=1 << Engine.DRAIN)
    waits = instruction(DRAIN, wait=1 << Engine.LOAD)
    timings = simulate({Engine.LOAD: [load], Engine.DRAIN: [waits]}, preset("b128"))
    (given,), (taken,) = timings[Engine.LOAD], timings[Engine.DRAIN]
    assert taken.start == given.end + 3
    # One token, two that want it: the second never starts.
    timings = simulate({Engine.LOAD: [load], Engine.DRAIN: [waits, waits]}, preset("b128"))
    assert len(timings[Engine.DRAIN]) == 1
