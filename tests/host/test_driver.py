# SPDX-License-Identifier: Apache-2.0
"""The driver, on a device that doesn't exist."""

import dataclasses
import itertools
from pathlib import Path

import numpy as np
import pytest

from dpu_compiler.compile import compile_graph
from dpu_compiler.frontend.tflite import read_model
from dpu_compiler.graph import Graph
from dpu_host.driver import Counts, Device, cycle_limit
from dpu_host.errors import (
    REASONS,
    BusyError,
    ConfigurationMismatchError,
    DeviceError,
    MemorySizeError,
    NotADpuError,
    RunError,
    RunTimeoutError,
    WindowError,
)
from dpu_host.placement import PAGE, place
from dpu_spec.instruction import Engine
from dpu_spec.presets import preset
from dpu_spec.program import Program
from dpu_spec.registers import BY_NAME, Error
from tests.host.fake_device import NO_ENGINE, FakeDevice

MODEL = Path(__file__).resolve().parents[2] / "examples" / "digits" / "digits_int8.tflite"
CONFIGURATION = preset("tiny")


@pytest.fixture(scope="module")
def graph() -> Graph:
    return read_model(MODEL)


@pytest.fixture(scope="module")
def program(graph: Graph) -> Program:
    return compile_graph(graph, CONFIGURATION)


def digits(count: int, seed: int = 1) -> list[np.ndarray]:
    random = np.random.default_rng(seed)
    return [random.integers(-128, 128, (1, 28, 28, 1)).astype(np.int8) for _ in range(count)]


def loaded(program: Program) -> tuple[FakeDevice, Device]:
    fake = FakeDevice(CONFIGURATION)
    device = Device(fake)
    device.load(program)
    return fake, device


class Log:
    def __init__(self) -> None:
        self.events: list[object] = []

    def begin(self, step: int) -> None:
        self.events.append(step)

    def end(self, step: int, counts: Counts) -> None:
        self.events.append((step, counts))


def test_inferences_equal_the_golden_model(graph: Graph, program: Program) -> None:
    fake, device = loaded(program)
    (source,), (output,) = program.inputs, program.outputs
    image = program.image
    assert fake.read_memory(0, len(image)) == image
    for example in digits(2):
        expected = graph.run({source: example})
        found = device.infer({source: example})
        assert list(found) == [output]
        np.testing.assert_array_equal(found[output], expected[output])
        logits = graph.operators[-1].inputs[0]
        np.testing.assert_array_equal(device.tensor(logits), expected[logits])
        assert set(device.held()) == {source, output}
    assert fake.runs == 2


def test_windows_are_aligned_and_apart(graph: Graph, program: Program) -> None:
    fake = FakeDevice(CONFIGURATION)
    base = 5 * PAGE
    device = Device(fake, base=base)
    device.load(program)
    (example,) = digits(1)
    found = device.infer({program.inputs[0]: example})
    assert np.array_equal(found[program.outputs[0]], graph.run({0: example})[program.outputs[0]])
    assert not fake.memory[:base].any()
    windows = place(program, base)
    assert windows[0].base == fake.registers["PROGRAM_BASE"] == base
    for one, next in itertools.pairwise(windows):
        assert next.base % PAGE == 0
        assert next.base >= one.base + one.size
    with pytest.raises(ValueError, match="multiple of 4096"):
        place(program, 100)


def test_observer_sees_each_run(program: Program) -> None:
    _, device = loaded(program)
    log = Log()
    device.infer({program.inputs[0]: digits(1)[0]}, observer=log)
    runs = [i for i, step in enumerate(program.steps) if step.host is None]
    assert log.events[0] == runs[0]
    assert log.events[1] == (runs[0], Counts(1001, 64, 8))
    assert len(log.events) == 2 * len(runs)


@pytest.mark.parametrize(
    ("register", "value", "words"),
    [("PRODUCT_ID", 0xFFFFFFFF, "0xFFFFFFFF"), ("VERSION", 99, "architecture version 99")],
)
def test_other_device(register: str, value: int, words: str) -> None:
    fake = FakeDevice(CONFIGURATION)
    fake.registers[register] = value
    with pytest.raises(NotADpuError, match=words):
        Device(fake)


def test_rom_of_another_length() -> None:
    fake = FakeDevice(CONFIGURATION)
    fake.rom[0] += 1
    with pytest.raises(NotADpuError, match="configuration ROM"):
        Device(fake).parameters()


def test_parameters_are_read_from_the_rom() -> None:
    assert Device(FakeDevice(CONFIGURATION)).parameters() == CONFIGURATION.parameters()


def test_each_parameter_that_differs_is_named(program: Program) -> None:
    other = dataclasses.replace(CONFIGURATION, weight_words=2048, read_outstanding=2)
    with pytest.raises(ConfigurationMismatchError) as caught:
        Device(FakeDevice(other)).load(program)
    assert caught.value.differences == [
        "weight_words is 2048, not 1024",
        "read_outstanding is 2, not 4",
    ]
    for difference in caught.value.differences:
        assert difference in str(caught.value)


def test_a_program_for_a_patch_reader_is_refused_without_one(program: Program) -> None:
    other = dataclasses.replace(CONFIGURATION, patch_reader=0)
    with pytest.raises(ConfigurationMismatchError, match="patch_reader is 0, not 1"):
        Device(FakeDevice(other)).load(program)


def test_too_little_memory(program: Program) -> None:
    with pytest.raises(MemorySizeError, match="give the DPU more memory"):
        Device(FakeDevice(CONFIGURATION, memory=8192)).load(program)


def test_nothing_loaded() -> None:
    with pytest.raises(DeviceError, match="no program is loaded"):
        Device(FakeDevice(CONFIGURATION)).infer({})


def test_busy(program: Program) -> None:
    fake, device = loaded(program)
    fake.registers["STATUS"] = BY_NAME["STATUS"].field("busy").put(1)
    with pytest.raises(BusyError, match="wait for its end, or abort"):
        device.infer({program.inputs[0]: digits(1)[0]})
    with pytest.raises(BusyError):
        device.load(program)
    device.abort()
    assert device.infer({program.inputs[0]: digits(1)[0]})


def test_time_out(program: Program) -> None:
    fake, device = loaded(program)
    fake.hang = True
    with pytest.raises(RunTimeoutError, match="didn't end within"):
        device.infer({program.inputs[0]: digits(1)[0]})
    assert fake.waited[0] == cycle_limit(program) > sum(layer.macs for layer in program.layers)
    fake.hang = False
    assert device.infer({program.inputs[0]: digits(1)[0]})


@pytest.mark.parametrize("error", [error for error in Error if error is not Error.NONE])
def test_each_reason_has_its_exception(program: Program, error: Error) -> None:
    fake, device = loaded(program)
    fake.fail = (error, Engine.CONV, 2)
    with pytest.raises(RunError) as caught:
        device.infer({program.inputs[0]: digits(1)[0]})
    kind, reason, remedy = REASONS[error]
    assert type(caught.value) is kind
    assert (caught.value.error, caught.value.engine, caught.value.instruction) == (error, 1, 2)
    message = str(caught.value)
    assert reason in message
    assert remedy in message
    assert "CONV instruction 2 (layer 0, CONV_2D" in message
    # The next run is as good as ever.
    assert device.infer({program.inputs[0]: digits(1)[0]})


def test_error_of_nobody(program: Program) -> None:
    fake, device = loaded(program)
    fake.fail = (Error.DEADLOCK, NO_ENGINE, 7)
    with pytest.raises(RunError, match="the DPU stopped: engines wait") as caught:
        device.infer({program.inputs[0]: digits(1)[0]})
    assert (caught.value.engine, caught.value.instruction) == (None, None)


def test_error_beyond_the_stream(program: Program) -> None:
    fake, device = loaded(program)
    fake.fail = (Error.WINDOW, Engine.STORE, 60000)
    with pytest.raises(WindowError, match="STORE instruction 60000: its transfer"):
        device.infer({program.inputs[0]: digits(1)[0]})


def test_unknown_error(program: Program) -> None:
    fake, device = loaded(program)
    fake.fail = (14, NO_ENGINE, 0)
    with pytest.raises(DeviceError, match="unknown error 14"):
        device.infer({program.inputs[0]: digits(1)[0]})


def test_wrong_inputs(program: Program) -> None:
    _, device = loaded(program)
    with pytest.raises(ValueError, match=r"No value was given for the inputs \[0\]"):
        device.infer({})
    with pytest.raises(ValueError, match=r"is int8\[1, 28, 28, 1\], not int8\[28, 28, 1\]"):
        device.infer({0: np.zeros((28, 28, 1), np.int8)})
    with pytest.raises(ValueError, match="not float32"):
        device.infer({0: np.zeros((1, 28, 28, 1), np.float32)})
    with pytest.raises(DeviceError, match="never lies in DRAM"):
        device.tensor(program.layers[0].outputs[0])
