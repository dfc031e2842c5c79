# SPDX-License-Identifier: Apache-2.0
"""Random networks: compiled for random configurations, every tensor is the reference runtime's.

``DPU_FUZZ_EXAMPLES`` says how many (200 unless told; ``make fuzz N=...``), ``DPU_FUZZ_SEED``
where to begin. Each test has a seed of its own, in its name: the same seed, the same networks.
"""

import os

import pytest

from dpu_compiler.frontend.tflite import read_bytes
from dpu_spec.presets import preset
from tests.support.configurations import configurations, presets_or_configurations
from tests.support.hardware import run_on_rtl
from tests.support.hypothesis_runs import run_seeded
from tests.support.judge import compare, expected_tensors, judge
from tests.support.random_network import networks

EXAMPLES = int(os.environ.get("DPU_FUZZ_EXAMPLES") or 200)
FIRST = int(os.environ.get("DPU_FUZZ_SEED") or 0)
#: Networks of a test.
GROUP = 10

SEEDS = range(FIRST, FIRST + -(-EXAMPLES // GROUP))
#: A tenth of the networks runs on RTL as well.
RTL_GROUP = 5
RTL_SEEDS = range(FIRST, FIRST + -(-EXAMPLES // (10 * RTL_GROUP)))


def on_rtl(network, configuration, seed):
    """Run on the emulator and on RTL; hold every tensor of both against the reference."""
    graph = read_bytes(network.model, source="network")
    expected = expected_tensors(graph, network.model, network.feeds)
    verdict = judge(network.model, network.feeds, configuration, expected)
    if verdict.program is not None and any(step.streams for step in verdict.program.steps):
        compare(graph, run_on_rtl(verdict.program, network.feeds, seed), expected)


@pytest.mark.fuzz
@pytest.mark.parametrize("seed", SEEDS)
def test_emulator(seed):
    refused = []

    def check(network, configuration):
        verdict = judge(network.model, network.feeds, configuration)
        if verdict.program is None:
            assert "use a configuration with a larger" in verdict.refusal
            refused.append(verdict.refusal)

    print(f"seed {seed}: again with DPU_FUZZ_SEED={seed} DPU_FUZZ_EXAMPLES={GROUP}")
    # The simplest network comes first for every seed; it does not count.
    run_seeded(check, networks(), presets_or_configurations(), seed_number=seed, count=GROUP + 1)
    print(f"{len(refused)} networks did not fit their configurations")


@pytest.mark.fuzz
@pytest.mark.rtl
@pytest.mark.parametrize("seed", RTL_SEEDS)
def test_rtl(seed):
    """Under random stalls, on the presets in turn."""
    configuration = preset(("tiny", "b128", "b16")[seed % 3])
    print(f"seed {seed}: again with DPU_FUZZ_SEED={seed} DPU_FUZZ_EXAMPLES={10 * RTL_GROUP}")

    def check(network):
        on_rtl(network, configuration, seed)

    run_seeded(check, networks(), seed_number=seed, count=RTL_GROUP + 1)


@pytest.mark.slow
@pytest.mark.rtl
@pytest.mark.parametrize("seed", range(10))
def test_rtl_of_random_configurations(seed):
    """Five networks on any valid configuration; a simulator is built for each."""
    drawn = []
    # The second draw: the first is the simplest configuration for every seed.
    run_seeded(drawn.append, configurations(), seed_number=seed, count=2)
    configuration = drawn[-1]
    print(f"seed {seed}: {configuration}")

    def check(network):
        on_rtl(network, configuration, seed)

    run_seeded(check, networks(), seed_number=1000 + seed, count=6, shrink=False)
