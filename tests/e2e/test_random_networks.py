# SPDX-License-Identifier: Apache-2.0
"""Random networks: compiled for random configurations, every tensor is the reference runtime's.

``DPU_FUZZ_EXAMPLES`` says how many (200 unless told; ``make fuzz N=...``), ``DPU_FUZZ_SEED``
where to begin. Each test has a seed of its own, in its name: the same seed, the same networks.
"""

import os

import pytest

from tests.support.configurations import presets_or_configurations
from tests.support.hypothesis_runs import run_seeded
from tests.support.judge import judge
from tests.support.random_network import networks

EXAMPLES = int(os.environ.get("DPU_FUZZ_EXAMPLES") or 200)
FIRST = int(os.environ.get("DPU_FUZZ_SEED") or 0)
#: Networks of a test.
GROUP = 10

SEEDS = range(FIRST, FIRST + -(-EXAMPLES // GROUP))


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
