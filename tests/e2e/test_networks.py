# SPDX-License-Identifier: Apache-2.0
"""Real networks on the emulator and in the golden model: every tensor is the reference's."""

import functools
import time

import numpy as np
import pytest

from dpu_compiler.compile import compile_graph
from dpu_compiler.frontend.tflite import read_model
from dpu_compiler.graph import Graph
from dpu_compiler.variants import compile_variants
from dpu_spec.presets import preset
from dpu_spec.program import Program, from_bytes, to_bytes
from tests.support import networks
from tests.support.judge import compare, emulate, expected_tensors
from tests.support.networks import NETWORKS, NetworkCase

#: Operators that may run on the host, and where in the network: first or last.
ON_HOST = {"QUANTIZE", "SOFTMAX", "DEQUANTIZE"}


@functools.cache
def graph_of(case: NetworkCase) -> Graph:
    return read_model(case.require())


@functools.cache
def expected(case: NetworkCase, number: int) -> dict[int, np.ndarray]:
    graph = graph_of(case)
    feed = {graph.inputs[0]: case.examples(number + 1)[number]}
    return expected_tensors(graph, case.path.read_bytes(), feed)


def run_case(
    case: NetworkCase, preset_name: str, examples: int, *, dead_channels: bool = True
) -> Program:
    """Compile once; run each example and hold every tensor against the reference."""
    graph = graph_of(case)
    program = compile_graph(graph, preset(preset_name), dead_channels=dead_channels)
    program = from_bytes(to_bytes(program), source="program")
    for number, array in enumerate(case.examples(examples)):
        tensors = emulate(program, {graph.inputs[0]: array})
        compare(graph, tensors, expected(case, number))
        for operator in graph.operators:
            if operator.name == "SOFTMAX":
                assert operator.inputs[0] in tensors
        seen = sum(operator.outputs[0] in tensors for operator in graph.operators)
        print(f"{case.model}: {seen} of {len(graph.operators)} results compared")
    return program


def assert_all_on_dpu(program: Program) -> None:
    """Only operators at the ends may run on the host."""
    on_host = [layer for layer in program.layers if layer.engine == "host"]
    assert {layer.operator for layer in on_host} <= ON_HOST, on_host
    for layer in on_host:
        at_an_end = set(layer.inputs) & set(program.inputs) or set(layer.outputs) & set(
            program.outputs
        )
        assert at_an_end, layer


@pytest.mark.parametrize("case", NETWORKS, ids=lambda case: case.path.stem)
@pytest.mark.parametrize("preset_name", ["b128", "b256", "tiny"])
def test_emulator(case, preset_name):
    if preset_name == "tiny" and case is networks.MOBILENET_035:
        pytest.skip("has a test of its own, for it takes long")
    examples = 5 if case is networks.DIGITS else 1
    assert_all_on_dpu(run_case(case, preset_name, examples))


@pytest.mark.parametrize(
    "case", [networks.VWW, networks.KWS, networks.DIGITS], ids=lambda case: case.path.stem
)
def test_b16(case):
    assert_all_on_dpu(run_case(case, "b16", 1))


@pytest.mark.parametrize(
    ("case", "removed"),
    [(networks.VWW, 1958), (networks.KWS, 0), (networks.PERSON, 4), (networks.MOBILENET_035, 10)],
    ids=["vww", "kws", "person", "mobilenet"],
)
def test_dead_channels(case, removed):
    """They are left out above; here they are computed, and every tensor is whole."""
    graph = graph_of(case)
    assert compile_graph(graph, preset("b128")).dead_channels.removed == removed
    program = run_case(case, "b128", 1, dead_channels=False)
    assert not program.dead_channels.on
    assert all(tensor.channels is None for tensor in program.tensors.values())


@pytest.mark.slow
def test_mobilenet_on_tiny():
    """Its last map is larger than the scratchpad."""
    assert_all_on_dpu(run_case(networks.MOBILENET_035, "tiny", 1))


@pytest.mark.parametrize("case", NETWORKS, ids=lambda case: case.path.stem)
def test_golden_model(case):
    graph = graph_of(case)
    feed = {graph.inputs[0]: case.examples(1)[0]}
    found = graph.run(feed)
    compare(graph, found, expected(case, 0))


@pytest.mark.slow
@pytest.mark.parametrize("preset_name", ["b128", "b256"])
def test_mobilenet_of_full_width(preset_name):
    assert_all_on_dpu(run_case(networks.MOBILENET, preset_name, 1))


@pytest.mark.slow
@pytest.mark.parametrize(
    "case", [networks.VWW, networks.PERSON, networks.MOBILENET_035], ids=lambda case: case.path.stem
)
def test_all_examples(case):
    run_case(case, "b128", 100)


@pytest.mark.parametrize(
    ("case", "limit"),
    [(networks.VWW, 5), (networks.PERSON, 5), (networks.MOBILENET, 60)],
    ids=["vww", "person", "mobilenet"],
)
def test_compiling_is_quick(case, limit):
    """With its dead channels and without, as commands do."""
    graph = graph_of(case)
    start = time.process_time()
    compile_variants(graph, preset("b128"))
    assert time.process_time() - start < limit


@pytest.mark.slow
def test_hundred_digits():
    run_case(networks.DIGITS, "b128", 100)


def test_published_answers():
    """The second output less the first of MobileNetV2 0.35, as its publisher gives it."""
    case = networks.MOBILENET_035
    graph = graph_of(case)
    answers = []
    for number in range(2):
        output = expected(case, number)[graph.outputs[0]].reshape(-1).astype(int)
        answers.append(int(output[1] - output[0]))
    assert answers == [-148, -112]
