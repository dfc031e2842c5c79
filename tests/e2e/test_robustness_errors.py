# SPDX-License-Identifier: Apache-2.0
"""Whatever goes wrong has a reason, never a hang, and leaves no trace in the next run."""

import dataclasses

import pytest

from dpu_compiler.compile import compile_graph
from dpu_compiler.frontend.tflite import read_bytes
from dpu_host.errors import (
    ConfigurationMismatchError,
    MemoryReadError,
    MemoryWriteError,
    RunTimeoutError,
    WindowError,
)
from dpu_sim.rtl import ErrorCode
from dpu_spec.instruction import Engine, Instruction
from dpu_spec.isa import INSTRUCTION_BYTES, WINDOW_NAMES, decode, encode
from dpu_spec.presets import PRESETS
from dpu_spec.registers import Error, address
from tests.e2e import robust_networks
from tests.e2e.cases import instructions, network_case
from tests.e2e.rig import MEMORY, Rig, new_random

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


def reason(status):
    return (status["error"], status["error_engine"], status["error_instruction"])


# Answers of the memory


@pytest.mark.parametrize("stall", [0.0, 0.3])
def test_an_error_answer_to_any_read(rig, small, stall):
    source = new_random()
    rig.process.counters(clear=True)
    rig.again(small)
    bursts = rig.process.counters().read_bursts
    assert bursts > 30
    engines = set()
    for burst in range(bursts):
        rig.process.set_stalls(source.randrange(1 << 30), ar=stall, r=stall, w=stall, b=stall)
        beat = source.choice((None, 0))
        rig.process.inject_error("read", burst, source.choice(list(ErrorCode)), beat=beat)
        with pytest.raises(MemoryReadError) as caught:
            rig.again(small)
        engines.add(caught.value.engine)
        rig.calm()
        assert rig.again(small).cycles == rig.cycles
    # Fetches of every engine, and loads; stalls change which burst is whose.
    assert stall or engines == set(Engine)


@pytest.mark.parametrize("stall", [0.0, 0.3])
def test_an_error_answer_to_any_write(rig, small, stall):
    source = new_random()
    rig.process.counters(clear=True)
    rig.again(small)
    for burst in range(rig.process.counters().write_bursts):
        for code in ErrorCode:
            seed = source.randrange(1 << 30)
            rig.process.set_stalls(seed, ar=stall, r=stall, aw=stall, w=stall, b=stall)
            rig.process.inject_error("write", burst, code)
            with pytest.raises(MemoryWriteError) as caught:
                rig.again(small)
            assert caught.value.engine == Engine.STORE
            rig.calm()
            assert rig.again(small).cycles == rig.cycles


# Damaged programs


@pytest.mark.parametrize("engine", list(Engine))
def test_any_flipped_bit_of_an_instruction(rig, small, engine):
    """Each bit of an engine's first instruction, and some of every other one."""
    source = new_random()
    for owner, index, at, data in instructions(small.program):
        if owner is not engine:
            continue
        bits = range(8 * len(data))
        for bit in bits if index == 0 else source.sample(bits, 4):
            damaged = bytes([data[bit // 8] ^ 1 << bit % 8])
            rig.process.write_memory(at + bit // 8, damaged)
            assert reason(rig.run()) == (Error.CHECK, engine, index), f"bit {bit}"
            rig.process.write_memory(at + bit // 8, data[bit // 8 : bit // 8 + 1])
        if index < 3:
            assert rig.again(small).cycles == rig.cycles


def test_a_wrong_opcode_with_a_valid_check_byte(rig, small):
    source = new_random()
    for engine, index, at, data in instructions(small.program):
        damaged = bytearray(data)
        flip = source.choice([n for n in range(1, 256) if not _known(engine, data[0] ^ n)])
        damaged[0] ^= flip
        damaged[1] ^= flip
        rig.process.write_memory(at, bytes(damaged))
        assert reason(rig.run()) == (Error.OPCODE, engine, index)
        rig.process.write_memory(at, data)


def _known(engine, opcode):
    data = bytearray(INSTRUCTION_BYTES[engine])
    data[0], data[1] = opcode, 0xA5 ^ opcode
    try:
        decode(engine, bytes(data))
    except Exception:
        return False
    return True


def guard(rig, program):
    """Fill the memory around the windows; return a check that only the windows were written."""
    rig.process.fill_memory(0, MEMORY, 0xA5)
    rig.device.load(program)
    windows = rig.windows(program)
    end = -(-(windows[-1].base + windows[-1].size) // 4096) * 4096
    rig.process.inject_error_range(end, (1 << 32) - end)

    def check():
        memory = bytearray(rig.process.read_memory(0, MEMORY))
        for window in windows:
            # A STORE whose counts contradict each other may fill the last beat of a window.
            size = -(-window.size // CONFIG.axi_bytes) * CONFIG.axi_bytes
            memory[window.base : window.base + size] = b"\xa5" * size
        assert memory == b"\xa5" * MEMORY, "bytes outside the windows were written"

    return check


COUNTS = ("rows", "columns", "blocks", "row_bytes", "depth", "kernel_h", "kernel_w")


@pytest.mark.parametrize("what", ["zeros", "bits"])
def test_damage_with_a_valid_check_byte(rig, small, what):
    """Nobody promises a result, but the run ends or can be aborted, and stays in its windows."""
    source = new_random()
    wrong = []
    seen = set()
    for engine, index, at, data in instructions(small.program):
        good = decode(engine, data)
        if what == "zeros" and good.format.name not in seen:
            seen.add(good.format.name)
            for field in good.format.body:
                if field.name.startswith(COUNTS) and "stride" not in field.name:
                    values = good.values | {field.name: 0}
                    wrong.append((engine, index, at, encode(Instruction(good.format, values))))
        if what == "bits":
            for bit in source.sample(range(32, good.format.bits), 6):
                damaged = bytearray(data)
                damaged[bit // 8] ^= 1 << bit % 8
                damaged[1] ^= 1 << bit % 8
                wrong.append((engine, index, at, bytes(damaged)))
    check = guard(rig, small.program)
    for number, (engine, index, at, damaged) in enumerate(wrong):
        # It may have overwritten the program window, which is one it may name.
        rig.device.load(small.program)
        rig.process.write_memory(at, damaged)
        status = rig.run(6000)
        if status is not None and status["error"]:
            assert reason(status) == (Error.WINDOW, engine, index), decode(engine, damaged)
        if number % 8 == 7:
            check()
            rig.process.clear_errors()
            assert rig.check(small).cycles == rig.cycles
            check = guard(rig, small.program)
    check()


def test_a_run_that_never_ends_is_aborted(rig, small):
    """Fewer pixels than a row of the output has bytes: the store waits for the rest for ever."""
    program = small.program
    *_, (engine, _, at, data) = (i for i in instructions(program) if i[0] is Engine.STORE)
    store = decode(engine, data)
    store.row_bytes += 8
    store.dram_offset = 0
    image = program.image[:at] + encode(store) + program.image[at + len(data) :]
    rig.device.load(dataclasses.replace(program, image=image))
    rig.transport.limit = 10_000
    with pytest.raises(RunTimeoutError, match="was aborted"):
        rig.again(small)


# Windows


def extent(program, window):
    """Return the first byte after all that a program touches in a window."""
    ends = [0]
    for engine, _, at, data in instructions(program):
        if window == WINDOW_NAMES.index("program"):
            ends.append(at + len(data))
        v = decode(engine, data).values
        if engine in (Engine.LOAD, Engine.STORE) and v["window"] == window:
            row = v["row_bytes"]
            if v["dram_column_stride"]:
                row = (v["columns"] - 1) * v["dram_column_stride"] + v["depth"]
            ends.append(v["dram_offset"] + (v["rows"] - 1) * v["dram_row_stride"] + row)
    return max(ends)


@pytest.mark.parametrize("name", ["program", "input", "output"])
def test_a_window_that_is_too_small(rig, small, name):
    end = extent(small.program, WINDOW_NAMES.index(name))
    register = address(f"{name.upper()}_SIZE")
    for size in (end - 1, end // 2, 1, 0):
        rig.transport.replaced = {register: size}
        with pytest.raises(WindowError) as caught:
            rig.again(small)
        if name != "program":
            expected = Engine.LOAD if name == "input" else Engine.STORE
            assert caught.value.engine == expected
        rig.calm()
        assert rig.again(small).cycles == rig.cycles
    rig.transport.replaced = {register: end}
    rig.again(small)


# Other machines


def test_a_program_for_other_parameters_is_refused(rig, small):
    graph = read_bytes(robust_networks.small(), source="network")
    for name in ("b128", "b256"):
        program = compile_graph(graph, PRESETS[name])
        with pytest.raises(ConfigurationMismatchError) as caught:
            rig.device.load(program)
        assert caught.value.differences == CONFIG.differences(PRESETS[name])
    # The one before is still loaded.
    assert rig.again(small).cycles == rig.cycles
