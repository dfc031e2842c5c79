# SPDX-License-Identifier: Apache-2.0
"""Random networks as streams of frames and with resident constants: each frame by the reference."""

import random

import numpy as np
import pytest

from dpu_compiler.compile import compile_graph
from dpu_compiler.errors import CapacityError
from dpu_compiler.frontend.tflite import read_bytes
from dpu_spec.presets import preset
from dpu_spec.program import from_bytes, to_bytes
from tests.support.configurations import presets_or_configurations
from tests.support.hardware import run_on_rtl
from tests.support.hypothesis_runs import run_seeded
from tests.support.judge import compare, emulate, expected_tensors
from tests.support.random_network import networks


def frame_feeds(network, count, rng):
    """The network's own input first, then others."""
    feeds = [network.feeds]
    for _ in range(count - 1):
        feeds.append(
            {
                index: rng.permutation(array.ravel()).reshape(array.shape)
                for index, array in network.feeds.items()
            }
        )
    return feeds


def check_frames(network, configuration, count, resident, run, rng):
    graph = read_bytes(network.model, source="network")
    try:
        program = compile_graph(graph, configuration, frames=count, resident=resident)
    except CapacityError:
        return False
    program = from_bytes(to_bytes(program), source="program")
    frames = program.frames
    assert frames.count == count
    feeds = frame_feeds(network, count, rng)
    given = {
        frames.tensor(index, frame): array
        for frame, each in enumerate(feeds)
        for index, array in each.items()
    }
    found = run(program, given)
    for frame, each in enumerate(feeds):
        mine = {
            index: found[frames.tensor(index, frame)]
            for index in graph.tensors
            if frames.tensor(index, frame) in found
        }
        assert set(graph.outputs) <= set(mine)
        compare(graph, mine, expected_tensors(graph, network.model, each))
    return True


@pytest.mark.parametrize("seed", range(8))
def test_emulator(seed):
    rng = np.random.default_rng(seed)
    ran = []

    def check(network, configuration):
        count, resident = int(rng.integers(1, 4)), bool(rng.integers(2))
        ran.append(
            check_frames(network, configuration, count, resident or count == 1, emulate, rng)
        )

    run_seeded(
        check, networks(), presets_or_configurations(), seed_number=seed, count=6, shrink=False
    )
    assert any(ran)


@pytest.mark.rtl
@pytest.mark.parametrize("seed", range(2))
def test_rtl(seed):
    """Under random stalls."""
    rng = np.random.default_rng(seed)

    def run(program, feeds):
        if not any(step.streams for step in program.steps):
            return emulate(program, feeds)
        return run_on_rtl(program, feeds, random.Random(seed).randrange(1 << 30))

    def check(network):
        check_frames(network, preset("tiny"), 1 + seed, True, run, rng)

    run_seeded(check, networks(), seed_number=seed, count=5, shrink=False)
