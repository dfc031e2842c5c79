# SPDX-License-Identifier: Apache-2.0
"""The cycle model against RTL: cycles in all and of each layer, and the bytes over the bus.

The total is within 5 %, and a layer's cycles, start and end within 5 % or 200 cycles. Of a real
network one time in a hundred may be off by up to twice that: whether a burst of weights is asked
for before an instruction or after it can hang on a cycle. Of random networks all have the total
within 5 %, and nine of ten all of it: streams of words in steps meet in the banks more often than
the model knows.

The bytes are exact: both count whole beats of reads, and the bytes that are meant of writes.
"""

from contextlib import closing

import pytest

from dpu_compiler.compile import compile_graph
from dpu_compiler.errors import CompilerError
from dpu_compiler.frontend.tflite import read_bytes, read_model
from dpu_host.cli.prediction import predict
from dpu_host.cli.rtl import RtlMachine
from dpu_spec.presets import preset
from tests.support import networks
from tests.support.hypothesis_runs import run_seeded
from tests.support.networks import NETWORKS
from tests.support.random_network import networks as random_networks

pytestmark = pytest.mark.rtl

RELATIVE = 0.05
CYCLES = 200

#: Networks of a random test.
GROUP = 20


def run(program, feeds):
    """Run a program; return what was expected and what was measured."""
    expected = predict(program)
    with closing(RtlMachine(program)) as machine:
        measured = machine.run(feeds, tensors=False).measurement
    error = expected.cycles / measured.cycles - 1
    print(f"{program.model}: {measured.cycles} cycles, {100 * error:+.2f} % expected")
    assert expected.read_bytes == measured.read_bytes
    assert expected.write_bytes == measured.write_bytes
    assert expected.layers.keys() == measured.layers.keys()
    return expected, measured, error


def wrong_layers(expected, measured, times=1):
    """Return a sentence for each time of a layer that is too far off."""
    wrong = []
    for index, timing in measured.layers.items():
        for field in ("cycles", "start", "end"):
            found, right = getattr(expected.layers[index], field), getattr(timing, field)
            if abs(found - right) > times * max(CYCLES, RELATIVE * right):
                wrong.append(f"layer {index}: {field} {found}, not {right}")
    return wrong


def compare_case(case, preset_name, *, dead_channels=False):
    graph = read_model(case.require())
    program = compile_graph(graph, preset(preset_name), dead_channels=dead_channels)
    feeds = {graph.inputs[0]: case.examples(1)[0]}
    expected, measured, error = run(program, feeds)
    assert abs(error) <= RELATIVE
    wrong = wrong_layers(expected, measured)
    assert len(wrong) <= 3 * len(measured.layers) // 100, "; ".join(wrong)
    far = wrong_layers(expected, measured, 2)
    assert not far, "; ".join(far)


@pytest.mark.parametrize("case", NETWORKS, ids=lambda case: case.path.stem)
def test_b128(case):
    compare_case(case, "b128")


def test_b128_without_dead_channels():
    compare_case(networks.VWW, "b128", dead_channels=True)


@pytest.mark.parametrize("case", [networks.KWS, networks.DIGITS], ids=lambda case: case.path.stem)
def test_tiny(case):
    compare_case(case, "tiny")


@pytest.mark.parametrize("case", [networks.KWS, networks.DIGITS], ids=lambda case: case.path.stem)
def test_b16(case):
    """Nothing has a patch reader to wait for, and most engines take a word in four parts."""
    compare_case(case, "b16")


@pytest.mark.slow
@pytest.mark.parametrize("case", [*NETWORKS, networks.MOBILENET], ids=lambda case: case.path.stem)
def test_b256(case):
    compare_case(case, "b256")


def compare_random(seed, preset_name):
    drawn = []
    # The first of a seed is the simplest network.
    run_seeded(drawn.append, random_networks(), seed_number=seed, count=GROUP + 1)
    compared, off = 0, []
    for network in drawn[1:]:
        graph = read_bytes(network.model, source=f"seed {seed}")
        try:
            program = compile_graph(graph, preset(preset_name))
        except CompilerError:  # It doesn't fit.
            continue
        if any(step.streams for step in program.steps):
            expected, measured, error = run(program, network.feeds)
            compared += 1
            assert abs(error) <= RELATIVE
            wrong = wrong_layers(expected, measured)
            if wrong:
                off.append(f"{100 * error:+.2f} %; {'; '.join(wrong)}")
    assert compared >= GROUP // 2
    assert len(off) <= GROUP // 10, "\n".join(off)


@pytest.mark.parametrize("seed", range(2))
def test_random_networks_b128(seed):
    compare_random(seed, "b128")


def test_random_networks_b16():
    compare_random(8, "b16")


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 8))
def test_more_random_networks_b128(seed):
    compare_random(seed, "b128")


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_random_networks_b256(seed):
    compare_random(seed, "b256")
