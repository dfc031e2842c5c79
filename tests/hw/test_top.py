# SPDX-License-Identifier: Apache-2.0
"""The whole DPU in a simulator: copies through the scratchpad, and everything that may go wrong."""

import random

import pytest

from dpu_hw.generate import VERILOG, generate
from dpu_sim.rtl import ErrorCode, RtlProcess, build_simulator, read_trace
from dpu_spec.instruction import Engine, Instruction
from dpu_spec.isa import LOAD, STORE, WINDOW_NAMES
from dpu_spec.presets import PRESETS
from dpu_spec.registers import Error
from tests.hw.dma.transfers import pieces, random_transfer
from tests.hw.program import MEMORY, WINDOWS, Dpu, plain

pytestmark = pytest.mark.rtl

CONFIG = PRESETS["tiny"]
LOADED = 1 << Engine.LOAD
STORED = 1 << Engine.STORE


@pytest.fixture(scope="module")
def simulator(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dpu")
    generate(CONFIG, folder)
    return build_simulator(folder / VERILOG)


@pytest.fixture
def dpu(simulator):
    with RtlProcess(simulator, memory=MEMORY) as process:
        yield Dpu(process)


def copy(count, *, size=64, start=0):
    """Return streams that copy the input to the output in pieces, each handed over by a token."""
    loads = []
    stores = []
    for i in range(count):
        at = start + i * size
        word = at // CONFIG.lanes
        loads.append(Instruction(LOAD, plain("input", at, size, word) | {"signal": STORED}))
        stores.append(Instruction(STORE, plain("output", at, size, word) | {"wait": LOADED}))
    return {Engine.LOAD: loads, Engine.STORE: stores}


def fill(dpu, count, seed=5):
    """Put random bytes into the input and return them."""
    data = random.Random(seed).randbytes(count)
    dpu.process.write_memory(WINDOWS["input"], data)
    return data


def test_copy(dpu):
    data = fill(dpu, 4096)
    dpu.prepare(copy(1, size=4096))
    result = dpu.run()
    assert result["error"] == Error.NONE
    assert dpu.process.read_memory(WINDOWS["output"], 4096) == data
    counters = dpu.process.counters()
    assert dpu.get("READ_BYTES") == counters.read_bytes == 4096 + 64
    assert dpu.get("WRITE_BYTES") == counters.write_bytes == 4096
    # A beat a cycle each way, and the latencies.
    assert result["cycles"] < 2 * 4096 // CONFIG.axi_bytes + 220
    assert dpu.get("LOAD_BUSY") + dpu.get("STORE_BUSY") < result["cycles"]
    assert dpu.get("STORE_WAIT_TOKEN") > 1000
    assert dpu.get("CONV_BUSY") == dpu.get("VECTOR_WAIT_TOKEN") == 0


def test_first_load_comes_soon(dpu, tmp_path):
    fill(dpu, 4096)
    dpu.prepare(copy(64))
    dpu.process.trace(tmp_path / "trace")
    started = dpu.start()
    dpu.process.wait(20000)
    dpu.process.trace(None)
    events = read_trace(tmp_path / "trace")
    first = next(event.cycle for event in events if event.start & LOADED) - started
    done = next(event.cycle for event in events if event.finish & LOADED) - started
    print("first accepted", first, "done", done, "all", events[-1].cycle - started)
    assert sum(event.start.bit_count() for event in events) == 128
    assert sum(event.finish.bit_count() for event in events) == 128
    # Two memory latencies of 40 cycles, two instructions and the way.
    assert first < 80
    assert done < 160


@pytest.mark.parametrize("stall", [0.1, 0.5])
def test_random_transfers_with_stalls(dpu, stall):
    seed = random.randrange(1 << 32)
    print("seed", seed)
    source = random.Random(seed)
    size = 4096
    data = fill(dpu, size, seed)
    expected = bytearray(size * 3)
    loads = []
    stores = []
    for i in range(30):
        values = random_transfer(source, lanes=CONFIG.lanes, words=2048, size=size)
        values["window"] = WINDOW_NAMES.index("input")
        moved = values | {"window": WINDOW_NAMES.index("output")}
        moved["dram_offset"] += source.randrange(size)
        # One after the other: each may overwrite what others left, on the chip and in DRAM.
        wait = STORED if i else 0
        loads.append(Instruction(LOAD, values | {"signal": STORED, "wait": wait}))
        stores.append(Instruction(STORE, moved | {"wait": LOADED, "signal": LOADED}))
        for (at, _, n), (to, _, _) in zip(
            pieces(values, CONFIG.lanes), pieces(moved, CONFIG.lanes), strict=True
        ):
            expected[to : to + n] = data[at : at + n]
    dpu.prepare({Engine.LOAD: loads, Engine.STORE: stores}, offset=16 * source.randrange(9))
    dpu.process.set_read_latency(1, 200)
    dpu.process.set_write_latency(1, 60)
    dpu.process.set_stalls(seed, ar=stall, r=stall, aw=stall, w=stall, b=stall)
    result = dpu.run(1000000)
    assert result["error"] == Error.NONE
    assert dpu.process.read_memory(WINDOWS["output"], len(expected)) == bytes(expected)


def check_works(dpu):
    """Run a copy on a DPU that had an error, and compare its cycles with those of a fresh one."""
    data = fill(dpu, 1024, seed=11)
    dpu.process.fill_memory(WINDOWS["output"], 1024, 0)
    dpu.prepare(copy(16))
    dpu.process.set_read_latency(40)
    result = dpu.run()
    assert result["error"] == Error.NONE
    assert result["error_engine"] == 15
    assert dpu.process.read_memory(WINDOWS["output"], 1024) == data
    return result["cycles"]


def stopped(result, error, engine, instruction):
    assert (result["error"], result["error_engine"]) == (error, engine)
    assert result["error_instruction"] == instruction


def test_errors_stop_the_machine_and_the_next_run_is_exact(dpu):
    cycles = check_works(dpu)
    streams = copy(16)

    # A corrupt instruction.
    dpu.prepare(streams)
    at = dpu.instruction(Engine.STORE, 6, streams) + 13
    byte = dpu.process.read_memory(at, 1)[0]
    dpu.process.write_memory(at, bytes([byte ^ 4]))
    stopped(dpu.run(), Error.CHECK, Engine.STORE, 6)
    assert check_works(dpu) == cycles

    # An instruction in the wrong stream.
    dpu.prepare(streams)
    at = dpu.instruction(Engine.LOAD, 3, streams)
    store = dpu.process.read_memory(dpu.instruction(Engine.STORE, 3, streams), 32)
    dpu.process.write_memory(at, store)
    stopped(dpu.run(), Error.OPCODE, Engine.LOAD, 3)
    assert check_works(dpu) == cycles

    # Transfers outside their windows, the fetch included.
    dpu.prepare(streams, input=10 * 64 + 63)
    stopped(dpu.run(), Error.WINDOW, Engine.LOAD, 10)
    dpu.prepare(streams, output=9 * 64 + 63)
    stopped(dpu.run(), Error.WINDOW, Engine.STORE, 9)
    dpu.prepare(streams, program=16 * 32 + 5 * 32)
    result = dpu.run()
    assert (result["error"], result["error_engine"]) == (Error.WINDOW, Engine.STORE)
    assert check_works(dpu) == cycles


@pytest.mark.parametrize("code", list(ErrorCode))
def test_error_responses_stop_the_machine(dpu, code):
    cycles = check_works(dpu)
    streams = copy(16)
    data = WINDOWS["input"] + 7 * 64
    for start, error, engine, instruction in (
        (data, Error.READ, Engine.LOAD, 7),
        (WINDOWS["output"] + 5 * 64, Error.WRITE, Engine.STORE, 5),
        (dpu.instruction(Engine.STORE, 6, streams), Error.READ, Engine.STORE, None),
    ):
        dpu.prepare(streams)
        dpu.process.inject_error_range(start, 4, code)
        result = dpu.run()
        stopped(result, error, engine, result["error_instruction"])
        if instruction is not None:
            assert result["error_instruction"] == instruction
        dpu.process.clear_errors()
        assert check_works(dpu) == cycles


def test_deadlock_is_noticed(dpu):
    cycles = check_works(dpu)
    streams = copy(4)
    streams[Engine.STORE][2].wait = 1 << Engine.VECTOR
    dpu.prepare(streams)
    result = dpu.run()
    stopped(result, Error.DEADLOCK, Engine.STORE, 2)
    assert check_works(dpu) == cycles


def test_abort_at_any_moment(dpu):
    cycles = check_works(dpu)
    for moment in (0, 3, 11, 17, 40, 60, 75, 111, 160, 300, 555):
        dpu.process.set_stalls(moment, ar=0.2, r=0.2, aw=0.2, w=0.2, b=0.2)
        dpu.prepare(copy(16))
        dpu.start()
        dpu.process.step(1 + moment)
        dpu.put("CONTROL", 2)
        assert dpu.process.wait(2000).interrupt
        result = dpu.status()
        stopped(result, Error.ABORT, 15, 0)
        dpu.process.set_stalls(0)
        assert check_works(dpu) == cycles


def test_start_during_a_run_is_noted(dpu):
    data = fill(dpu, 4096)
    dpu.prepare(copy(1, size=4096))
    dpu.start()
    dpu.process.step(100)
    dpu.start()
    assert dpu.process.wait(10000).interrupt
    assert dpu.status()["start_ignored"] == 1
    assert dpu.status()["error"] == Error.NONE
    assert dpu.process.read_memory(WINDOWS["output"], 4096) == data
    dpu.put("CONTROL", 4)
    assert dpu.status()["start_ignored"] == 0


def test_empty_program_ends(dpu):
    dpu.prepare({})
    result = dpu.run(200)
    assert result["error"] == Error.NONE
    assert result["cycles"] < 60
