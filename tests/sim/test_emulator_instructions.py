# SPDX-License-Identifier: Apache-2.0
"""Every instruction against plain loops written from the pseudo-code."""

import random

import numpy as np
import pytest

from dpu_sim.emulator import Machine
from dpu_spec import isa
from dpu_spec.configuration import Configuration
from dpu_spec.instruction import Instruction
from dpu_spec.presets import preset
from tests.sim.naive_machine import NaiveMachine
from tests.sim.random_instructions import ENGINES, NAMES, Generator, run_of

WIDE = Configuration(
    lanes=4,
    columns=16,
    scratchpad_words=4096,
    weight_words=1024,
    accumulator_depth=128,
    partial_sum_depth=128,
    conv_requantizers=4,
    depthwise_lanes=4,
    depthwise_requantizers=4,
    array_logic_multipliers=0,
    depthwise_logic_multipliers=0,
)
CONFIGURATIONS = {"tiny": preset("tiny"), "wide": WIDE, "b128": preset("b128")}
CONFIGURATIONS["b256"] = preset("b256")
SEEDS = range(20)


class Pair:
    """The emulator and the plain loops in step, each instruction a run of its own."""

    def __init__(self, configuration: Configuration, rng: random.Random):
        self.c = configuration
        self.rng = rng
        self.naive = NaiveMachine(configuration)
        self.machine = Machine(configuration, observer=self._observe)
        self.writes = {}
        words = max(configuration.scratchpad_words, configuration.weight_words)
        size = words * configuration.lanes
        for window, content in (
            (isa.WINDOW_PROGRAM, rng.randbytes(size)),
            (isa.WINDOW_INPUT, rng.randbytes(4096)),
            (isa.WINDOW_OUTPUT, bytes(4096)),
        ):
            self.machine.window(window, content)
            self.naive.dram[window] = bytearray(content)

    def _observe(self, engine, index, instruction, writes):
        self.writes = writes

    def execute(self, instruction: Instruction) -> None:
        expected = self.naive.execute(instruction)
        self.machine.run({instruction.engine: [instruction]})
        given = {}
        for buffer, (addresses, values) in self.writes.items():
            per_address = values.reshape(addresses.size, -1)
            for address, value in zip(addresses.reshape(-1).tolist(), per_address, strict=True):
                flat = value.view(np.int8) if value.dtype == np.uint8 else value
                plain = flat.tolist()
                given[buffer, address] = plain[0] if buffer.endswith("window") else plain
        assert given.keys() == expected.keys(), f"{instruction!r}"
        for where, value in expected.items():
            got = given[where]
            if isinstance(value, list):
                got = [g if v is not None else None for v, g in zip(value, got, strict=True)]
            assert got == value, f"{where}: {instruction!r}"
        self.naive.commit(given)

    def fill(self) -> None:
        """Write every word on the chip."""
        c = self.c
        for target, words in (
            (isa.TARGET_SCRATCHPAD, c.scratchpad_words),
            (isa.TARGET_WEIGHTS, c.weight_words),
            (isa.TARGET_CONV_PARAMETERS, c.conv_parameter_words),
            (isa.TARGET_DEPTHWISE_PARAMETERS, c.depthwise_parameter_words),
            (isa.TARGET_TABLE, 4096 // c.lanes),
        ):
            self.execute(run_of(target, 0, words * c.lanes, c.lanes, window=isa.WINDOW_PROGRAM))
        # Border pixels only: nothing but the zero point is read.
        everything = {"columns": 16, "clear": 1, "zero_point": 7, "blocks": 1, "ring_words": 1}
        conv = Instruction(isa.CONV, everything | {"kernel_h": 1, "kernel_w": 1})
        conv.rows = c.accumulator_depth // 16
        self.execute(conv)
        sums = {"columns": 16, "first": 1, "blocks": 1, "ring_words": 1, "zero_point": -3}
        self.execute(Instruction(isa.DEPTHWISE, sums | {"rows": c.partial_sum_depth // 16}))

    def scales(self, target: int, address: int, data: bytes) -> None:
        """Load parameters that hold valid scales."""
        self.machine.write(isa.WINDOW_INPUT, 0, data)
        self.naive.dram[isa.WINDOW_INPUT][: len(data)] = data
        load = run_of(target, address, len(data), self.c.lanes, window=isa.WINDOW_INPUT)
        self.execute(load)


@pytest.fixture(scope="module", params=CONFIGURATIONS)
def pair(request):
    rng = random.Random(1)
    pair = Pair(CONFIGURATIONS[request.param], rng)
    pair.fill()
    return pair


@pytest.mark.parametrize("name", NAMES)
def test_random_instructions_match_plain_loops(pair, name):
    for seed in SEEDS:
        print(f"seed {seed}")
        pair.rng.seed(seed)
        generator = Generator(pair.c, pair.rng)
        instruction = generator.instruction(name)
        if name == "DRAIN":
            data = generator.valid_scales(instruction.blocks)
            pair.scales(isa.TARGET_CONV_PARAMETERS, instruction.parameters, data)
        if name == "DEPTHWISE" and instruction.last:
            weights = 9 * pair.c.lanes
            data = b"".join(
                pair.rng.randbytes(weights) + generator.valid_scales(1)
                for _ in range(instruction.blocks)
            )
            pair.scales(isa.TARGET_DEPTHWISE_PARAMETERS, instruction.parameters, data)
        assert ENGINES[name] is instruction.engine
        pair.execute(instruction)
