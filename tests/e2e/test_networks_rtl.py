# SPDX-License-Identifier: Apache-2.0
"""Real networks on the RTL: every tensor that exists in the run is the reference's."""

from contextlib import closing

import pytest

from dpu_compiler.compile import compile_graph
from dpu_compiler.frontend.tflite import read_model
from dpu_host.cli.rtl import RtlMachine
from dpu_spec.presets import preset
from tests.support import networks
from tests.support.hardware import run_on_rtl
from tests.support.judge import compare, expected_tensors
from tests.support.networks import NETWORKS

pytestmark = pytest.mark.rtl

#: Examples of each network: all that there are of the data, some random ones elsewhere.
EXAMPLES = {networks.DIGITS: 100, networks.MNIST: 10}
SMALL = (networks.VWW, networks.KWS, networks.DIGITS)


def run_case(case, preset_name, examples, *, dead_channels=True):
    """Run examples under the benchmark's memory and hold every tensor against the reference."""
    model = case.require().read_bytes()
    graph = read_model(case.path)
    program = compile_graph(graph, preset(preset_name), dead_channels=dead_channels)
    for array in case.examples(examples):
        feed = {graph.inputs[0]: array}
        tensors = run_on_rtl(program, feed, None)
        compare(graph, tensors, expected_tensors(graph, model, feed))
        for operator in graph.operators:
            if operator.name == "SOFTMAX":
                assert operator.inputs[0] in tensors


@pytest.mark.parametrize("case", NETWORKS, ids=lambda case: case.path.stem)
def test_b128(case):
    run_case(case, "b128", EXAMPLES.get(case, 6))


def test_with_dead_channels():
    run_case(networks.VWW, "b128", 2, dead_channels=False)


def test_cycles_without_dead_channels():
    """The bar for vww_96_int8 on b128, in which most channels are dead."""
    graph = read_model(networks.VWW.require())
    machine = RtlMachine(compile_graph(graph, preset("b128")))
    with closing(machine):
        feed = {graph.inputs[0]: networks.VWW.examples(1)[0]}
        assert machine.run(feed, tensors=False).measurement.cycles <= 42_000


@pytest.mark.parametrize("case", SMALL, ids=lambda case: case.path.stem)
def test_tiny(case):
    run_case(case, "tiny", 1)


@pytest.mark.parametrize("case", [networks.KWS, networks.DIGITS], ids=lambda case: case.path.stem)
def test_b16(case):
    run_case(case, "b16", 1)


@pytest.mark.slow
@pytest.mark.parametrize("case", SMALL, ids=lambda case: case.path.stem)
def test_b256(case):
    run_case(case, "b256", 1)
