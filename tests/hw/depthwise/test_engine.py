# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""The depthwise engine against the pseudo-code."""

import dataclasses
import random

import pytest

from dpu_spec.presets import preset
from tests.hw.depthwise.bench import check
from tests.hw.depthwise.model import Model, kernel, place_parameters

TINY = dataclasses.replace(preset("tiny"), scratchpad_words=2048, partial_sum_depth=128)
EIGHT = dataclasses.replace(
    preset("b128"),
    scratchpad_words=2048,
    partial_sum_depth=128,
    depthwise_parameter_words=256,
    depthwise_requantizers=4,
    depthwise_logic_multipliers=20,
)


def prepare(configuration, seed, *kernels):
    print("seed", seed)
    rng = random.Random(seed)
    model = Model(configuration, rng)
    instructions = [i for options in kernels for i in kernel(configuration, rng, **options)]
    place_parameters(model, rng, instructions)
    return model, instructions


@pytest.mark.parametrize("grant", [1.0, 0.5])
@pytest.mark.parametrize("seed", range(4))
def test_random_instructions(seed, grant):
    model, instructions = prepare(TINY, seed, {}, {"parts": 2}, {}, {"parts": 3})
    check(TINY, model, instructions, seed=seed, grant=grant)
