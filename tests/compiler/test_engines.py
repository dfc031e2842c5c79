# SPDX-License-Identifier: Apache-2.0
"""Reports name the engine that an operator's instructions are for."""

import pytest

from dpu_compiler.compile import compile_graph
from dpu_compiler.engines import ARRAY_IS_FASTER
from dpu_compiler.graph import Graph
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
