# SPDX-License-Identifier: Apache-2.0
"""Several inferences as one network."""

import numpy as np
import pytest

from dpu_compiler.compile import compile_graph
from dpu_compiler.cost import estimate
from dpu_compiler.passes.frames import number_frames, repeat
from dpu_golden import Quantization
from dpu_spec.instruction import Engine
from dpu_spec.isa import TARGET_SCRATCHPAD
from dpu_spec.presets import preset
from dpu_spec.program import Frames
from tests.compiler.nets import Net


def network():
    net = Net()
    x = net.input((1, 8, 8, 5))
    y = net.conv(net.depthwise(x), 7)
    return net.graph(net.sum(y, net.conv(y, 7)))


def constant_bytes(program):
    """Bytes of constants that the step loads."""
    (step,) = program.steps
    loads = program.instructions(step, Engine.LOAD)
    return sum(i.values["row_bytes"] for i in loads if i.values["target"] != TARGET_SCRATCHPAD)


def test_copies_are_the_network():
    graph = network()
    frames = number_frames([graph], 3)
    copies = repeat(graph, frames)
    rng = np.random.default_rng(0)
    (x,), (y,) = graph.inputs, graph.outputs
    images = [rng.integers(-128, 128, (1, 8, 8, 5)).astype(np.int8) for _ in range(3)]
    found = copies.run({frames.tensor(x, f): image for f, image in enumerate(images)})
    for f, image in enumerate(images):
        np.testing.assert_array_equal(found[frames.tensor(y, f)], graph.run({x: image})[y])
    assert copies.inputs == tuple(frames.tensor(x, f) for f in range(3))
    assert len({op.index for op in copies.operators}) == 3 * len(graph.operators)


def test_one_copy_is_the_graph():
    graph = network()
    copy = repeat(graph, number_frames([graph], 1))
    assert copy.operators == graph.operators
    assert copy.tensors == graph.tensors


def test_numbers():
    frames = Frames(2, 10, 4)
    assert frames.tensor(3, 1) == 13
    assert frames.layer(3, 1) == 7
    assert frames.first((3, 13)) == (3,)
    assert Frames().first((3, 13)) == (3, 13)


def test_constants_that_are_still_there_are_not_loaded_again():
    graph = network()
    one, four = (compile_graph(graph, preset("b128"), frames=count) for count in (1, 4))
    assert constant_bytes(four) == constant_bytes(one)
    # They overlap, too.
    assert estimate(four) < 4 * estimate(one)


@pytest.mark.parametrize("frames", [1, 3])
def test_resident_constants_are_loaded_before(frames):
    graph = network()
    plain = compile_graph(graph, preset("b128"))
    resident = compile_graph(graph, preset("b128"), frames=frames, resident=True)
    assert plain.preload is None
    assert constant_bytes(resident) == 0
    loads = resident.instructions(resident.preload, Engine.LOAD)
    assert sum(i.values["row_bytes"] for i in loads) == constant_bytes(plain)
    places = {}
    for load in loads:
        words = load.values["row_bytes"] // resident.configuration.lanes
        place = range(load.values["address"], load.values["address"] + words)
        taken = places.setdefault(load.values["target"], set())
        assert taken.isdisjoint(place)
        taken.update(place)


def test_what_a_buffer_cannot_hold_is_loaded_each_time():
    net = Net()
    x = net.input((1, 4, 4, 64))
    program = compile_graph(net.graph(net.conv(x, 64)), preset("tiny"), resident=True)
    loads = program.instructions(program.preload, Engine.LOAD)
    assert constant_bytes(program) == 9 * 64 * 64
    assert loads, "the scales fit"


def test_a_piece_that_is_only_a_name_is_none():
    net = Net()
    y = net.conv(net.input((1, 4, 4, 8)), 8)
    shares = Quantization((1 / 256,), (-128,))
    y = net.add_operator("SOFTMAX", [y], (1, 4, 4, 8), {"beta": 1.0}, quantization=shares)
    shape = net.numbers(1, 16, 8)
    y = net.add_operator("RESHAPE", [y, shape], (1, 16, 8), quantization=shares)
    program = compile_graph(net.graph(y), preset("b128"), resident=True)
    assert program.preload is not None


def test_a_network_in_pieces_keeps_nothing():
    net = Net()
    y = net.conv(net.input((1, 4, 4, 8)), 8)
    shares = Quantization((1 / 256,), (-128,))
    y = net.add_operator("SOFTMAX", [y], (1, 4, 4, 8), {"beta": 1.0}, quantization=shares)
    program = compile_graph(net.graph(net.conv(y, 8)), preset("tiny"), resident=True)
    assert sum(step.streams is not None for step in program.steps) == 2
    assert program.preload is None
