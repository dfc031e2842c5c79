# SPDX-License-Identifier: Apache-2.0
"""The generated MobileNetV1: a valid model, lively, and exact on the emulator."""

import numpy as np
import pytest

from dpu_compiler.compile import compile_graph
from dpu_compiler.frontend.tflite import read_bytes
from dpu_host.cli.mobilenet_v1 import mobilenet_v1
from dpu_spec.presets import preset
from tests.support.hardware import run_on_rtl
from tests.support.judge import compare, emulate, expected_tensors

SMALL = {"size": 64, "width": 0.25, "classes": 20}


def image(graph):
    shape = graph.tensors[graph.inputs[0]].shape
    return np.random.default_rng(7).integers(-128, 128, shape).astype(np.int8)


def test_the_same_seed_gives_the_same_network():
    assert mobilenet_v1(**SMALL) == mobilenet_v1(**SMALL)
    assert mobilenet_v1(**SMALL) != mobilenet_v1(**SMALL, seed=2)


def test_small_one_is_exact():
    model = mobilenet_v1(**SMALL)
    graph = read_bytes(model, source="mobilenet_v1")
    feed = {graph.inputs[0]: image(graph)}
    program = compile_graph(graph, preset("b128"))
    compare(graph, emulate(program, feed), expected_tensors(graph, model, feed))


@pytest.mark.slow
@pytest.mark.rtl
def test_large_one_is_exact_and_lively_on_b256():
    model = mobilenet_v1()
    graph = read_bytes(model, source="mobilenet_v1")
    feed = {graph.inputs[0]: image(graph)}
    expected = expected_tensors(graph, model, feed)
    for operator in graph.operators:
        if operator.name in ("CONV_2D", "DEPTHWISE_CONV_2D"):
            values = expected[operator.outputs[0]].reshape(
                -1, expected[operator.outputs[0]].shape[-1]
            )
            # Of each channel: more than one value, and of all most neither zero nor at the end.
            assert (values.min(axis=0) < values.max(axis=0)).all()
            assert ((values > -128) & (values < 127)).mean() > 0.5
    program = compile_graph(graph, preset("b256"))
    assert program.dead_channels.removed == 0
    compare(graph, run_on_rtl(program, feed, None), expected)
