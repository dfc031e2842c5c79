# SPDX-License-Identifier: Apache-2.0
"""Programs whose tokens are wrong: what the emulator calls a deadlock is one in hardware, too."""

import dataclasses
import random

import pytest

from dpu_host.errors import DeadlockError
from dpu_sim import emulator
from dpu_spec.instruction import Engine, Instruction
from dpu_spec.isa import LOAD, STORE, decode, encode
from dpu_spec.presets import PRESETS
from dpu_spec.registers import Error
from tests.e2e import robust_networks
from tests.e2e.cases import instructions, network_case
from tests.e2e.rig import Rig, new_random
from tests.hw.program import Dpu, plain

pytestmark = pytest.mark.rtl

CONFIG = PRESETS["tiny"]


@pytest.fixture(scope="module")
def small():
    return network_case(robust_networks.small(), CONFIG)


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    with Rig(CONFIG, tmp_path_factory.mktemp("rig")) as rig:
        yield rig


@pytest.fixture
def rig(machine, small):
    """A machine that was reset, with the small network loaded; its last run must be exact."""
    machine.process.reset()
    machine.calm()
    machine.cycles = machine.check(small).cycles
    yield machine
    machine.calm()
    assert machine.check(small).cycles == machine.cycles


def deadlocks(program, replaced):
    """Tell whether the emulator finds that a program with other instructions never ends."""
    machine = emulator.Machine(program.configuration, check=False)
    for window, size in enumerate(
        (program.image, program.arena_bytes, program.input_bytes, program.output_bytes)
    ):
        machine.window(window, size)
    streams = {engine: [] for engine in Engine}
    for engine, _, at, data in instructions(program):
        streams[engine].append(decode(engine, replaced.get(at, data)))
    try:
        machine.run(streams)
    except emulator.DeadlockError:
        return True
    return False


def test_wrong_tokens_end_as_the_emulator_says(rig, small):
    source = new_random()
    found = {True: 0, False: 0}
    for engine, index, at, data in instructions(small.program):
        # One that is there is lost, and another one is in its place or not.
        there = [bit for bit in range(16, 32) if data[bit // 8] >> bit % 8 & 1]
        for bit in {*source.sample(there, min(1, len(there))), source.randrange(16, 32)}:
            damaged = bytearray(data)
            damaged[bit // 8] ^= 1 << bit % 8
            damaged[1] ^= 1 << bit % 8
            rig.process.write_memory(at, bytes(damaged))
            status = rig.run()
            assert status is not None, f"{engine.name} {index}: bit {bit} makes it hang"
            expected = deadlocks(small.program, {at: bytes(damaged)})
            assert status["error"] == (Error.DEADLOCK if expected else Error.NONE)
            found[expected] += 1
            rig.process.write_memory(at, data)
    assert min(found.values()) > 5


def test_full_token_counters(rig):
    """Signals to a full counter wait until tokens are taken, or for ever."""
    dpu = Dpu(rig.process)
    count = 150
    loads = [
        Instruction(LOAD, plain("input", 8 * n, 8, 2 * n) | {"signal": 1 << Engine.STORE})
        for n in range(count)
    ]
    stores = [
        Instruction(STORE, plain("output", 8 * n, 8, 2 * n) | {"wait": 1 << Engine.LOAD})
        for n in range(count)
    ]
    data = random.randbytes(8 * count)
    rig.process.write_memory(0x80000, data)
    rig.process.set_write_latency(150)
    dpu.prepare({Engine.LOAD: loads, Engine.STORE: stores})
    assert dpu.run(200_000)["error"] == Error.NONE
    assert rig.process.read_memory(0xC0000, len(data)) == data
    for taken in (0, 1, 40):
        dpu.prepare({Engine.LOAD: loads, Engine.STORE: stores[:taken]})
        assert dpu.run(200_000)["error"] == Error.DEADLOCK


def test_an_engine_that_waits_for_itself(rig, small):
    """The driver names the layer that waits."""
    engine, index, at, data = instructions(small.program)[-1]
    instruction = decode(engine, data)
    instruction.wait |= 1 << engine
    program = small.program
    image = program.image[:at] + encode(instruction) + program.image[at + len(data) :]
    rig.device.load(dataclasses.replace(program, image=image))
    with pytest.raises(DeadlockError, match="tokens") as caught:
        rig.again(small)
    assert (caught.value.engine, caught.value.instruction) == (engine, index)
