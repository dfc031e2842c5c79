# SPDX-License-Identifier: Apache-2.0
"""Reports name the engine that an operator's instructions are for."""

import dataclasses

import pytest

from dpu_compiler.compile import compile_graph
from dpu_compiler.engines import ARRAY_IS_FASTER, NO_PATCH_READER
from dpu_compiler.graph import Graph
from dpu_spec.configuration import Configuration
from dpu_spec.instruction import Engine
from dpu_spec.presets import preset
from tests.compiler.nets import Net


def one_channel(between: str = "") -> Graph:
    """Return a depthwise convolution of a single channel; ``between`` is before it."""
    net = Net()
    x = net.input((1, 400) if between == "RESHAPE" else (1, 20, 20, 1))
    if between == "RESHAPE":
        x = net.reshape(x, (1, 20, 20, 1))
    elif between == "AVERAGE_POOL_2D":
        x = net.pool(x, (2, 2))
    net.depthwise(x, (8, 8), multiplier=8, padding="SAME")
    return net.graph()


def planes() -> Graph:
    """Return a convolution of an RGB image that comes as planes."""
    net = Net()
    x = net.input((1, 3, 8, 8))
    t = net.add_operator("TRANSPOSE", [x, net.numbers(0, 2, 3, 1)], (1, 8, 8, 3))
    net.conv(t, 5)
    return net.graph()


def formats(graph: Graph, configuration: Configuration) -> tuple[list[str], set[str]]:
    """Return the engines of a program's layers, and the names of its instructions."""
    program = compile_graph(graph, configuration, dead_channels=False)
    found = {
        instruction.format.name
        for step in program.steps
        for engine in step.streams or ()
        for instruction in program.instructions(step, engine)
    }
    return [layer.engine for layer in program.layers], found


def workers(graph: Graph, name: str) -> tuple[str, str, set[Engine]]:
    """Return what a report says of the last layer, and the engines that have its instructions."""
    program = compile_graph(graph, preset(name), dead_channels=False)
    layer = program.layers[-1]
    engines = {
        engine
        for step in program.steps
        for engine, stream in (step.streams or {}).items()
        if any(mark.layer == layer.index for mark in stream.marks)
    }
    return layer.engine, layer.note, engines & {Engine.CONV, Engine.DEPTHWISE}


@pytest.mark.parametrize("between", ["", "RESHAPE"])
@pytest.mark.parametrize("name", ["b128", "b256"])
def test_depthwise_of_one_channel_on_the_array(name: str, between: str) -> None:
    assert workers(one_channel(between), name) == ("conv", ARRAY_IS_FASTER, {Engine.CONV})


def test_depthwise_of_one_channel_where_the_array_is_slower() -> None:
    assert workers(one_channel(), "tiny") == ("depthwise", "", {Engine.DEPTHWISE})


def test_depthwise_of_one_channel_that_is_computed() -> None:
    found = workers(one_channel("AVERAGE_POOL_2D"), "b128")
    assert found == ("depthwise", "", {Engine.DEPTHWISE})


def test_depthwise_of_many_channels() -> None:
    net = Net()
    net.depthwise(net.input((1, 9, 9, 5)), (3, 3), padding="SAME")
    assert workers(net.graph(), "b128") == ("depthwise", "", {Engine.DEPTHWISE})


WITHOUT = dataclasses.replace(preset("b128"), patch_reader=0)


def test_depthwise_of_one_channel_without_a_patch_reader() -> None:
    engines, found = formats(one_channel(), WITHOUT)
    assert engines == ["depthwise"]
    assert found.isdisjoint({"CONV", "CONV_PATCH"})


@pytest.mark.parametrize("function", [False, True])
def test_convolution_of_few_channels_without_a_patch_reader(function: bool) -> None:
    """Nor is its input kept as plain bytes on the way through a table."""
    net = Net()
    x = net.input((1, 9, 9, 1))
    net.conv(net.add_operator("RELU", [x], (1, 9, 9, 1)) if function else x, 5)
    graph = net.graph()
    assert "CONV_PATCH" in formats(graph, preset("b128"))[1]
    engines, found = formats(graph, WITHOUT)
    assert engines[-1] == "conv"
    assert "CONV" in found
    assert "CONV_PATCH" not in found


def test_planes_without_a_patch_reader() -> None:
    """The host puts an image's channels side by side, and reports say why."""
    assert formats(planes(), preset("b128"))[0] == ["load", "conv"]
    engines, found = formats(planes(), WITHOUT)
    assert engines == ["host", "conv"]
    assert "CONV_PATCH" not in found
    layer, _ = compile_graph(planes(), WITHOUT).layers
    assert layer.note == f"TRANSPOSE: {NO_PATCH_READER}."
