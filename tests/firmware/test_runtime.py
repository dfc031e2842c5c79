# SPDX-License-Identifier: Apache-2.0
"""The C runtime on a device in Python whose runs are the emulator's."""

import ctypes
import dataclasses
import re
import struct
from pathlib import Path

import numpy as np
import pytest

from dpu_compiler.compile import compile_graph
from dpu_compiler.frontend.tflite import read_model
from dpu_compiler.graph import Graph
from dpu_host.driver import Device, cycle_limit
from dpu_host.firmware_blob import firmware_blob
from dpu_host.placement import place
from dpu_spec import blob as layout
from dpu_spec.configuration import ARCHITECTURE_VERSION
from dpu_spec.instruction import Engine
from dpu_spec.isa import WINDOW_NAMES
from dpu_spec.presets import preset
from dpu_spec.program import HostOperator, Program, Step
from dpu_spec.registers import BY_NAME, Error
from tests.firmware.native import FIRMWARE, Runtime, build_runtime
from tests.host.fake_device import NO_ENGINE, FakeDevice

MODEL = Path(__file__).resolve().parents[2] / "examples" / "digits" / "digits_int8.tflite"
CONFIGURATION = preset("tiny")
#: Values of enum dpu_result, from the header itself.
RESULTS = {
    name: 16 + index
    for index, name in enumerate(
        re.findall(
            r"^    (DPU_\w+)(?: = 16)?,",
            (FIRMWARE / "include" / "dpu.h").read_text().split("DPU_OK = DPU_ERROR_NONE,")[1],
            re.MULTILINE,
        )
    )
}


@pytest.fixture(scope="module")
def graph() -> Graph:
    return read_model(MODEL)


@pytest.fixture(scope="module")
def program(graph: Graph) -> Program:
    return compile_graph(graph, CONFIGURATION)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    return build_runtime(tmp_path_factory.mktemp("runtime"))


@pytest.fixture
def runtime(library: ctypes.CDLL) -> Runtime:
    """Return a runtime with an open device."""
    runtime = Runtime(library, FakeDevice(CONFIGURATION))
    assert runtime.open() == 0
    return runtime


def digits(count: int, seed: int = 1) -> list[np.ndarray]:
    random = np.random.default_rng(seed)
    return [random.integers(-128, 128, (1, 28, 28, 1)).astype(np.int8) for _ in range(count)]


def test_results_are_read_from_the_header() -> None:
    assert RESULTS["DPU_NOT_A_DPU"] == 16
    assert len(RESULTS) == 10


@pytest.mark.parametrize("base", [0, 0x3000])
def test_inferences_equal_the_golden_model(
    runtime: Runtime, graph: Graph, program: Program, base: int
) -> None:
    assert runtime.load(firmware_blob(program), base) == 0
    assert runtime.name() == "digits_int8.tflite"
    fake = runtime.fake
    assert fake.read_memory(base, len(program.image)) == program.image
    logits = graph.operators[-1].inputs[0]
    for number, example in enumerate(digits(2), 1):
        expected = graph.run({program.inputs[0]: example})
        assert runtime.set_input(0, example) == 0
        assert runtime.infer() == 0
        assert runtime.cycles == 1000 + number
        result, data = runtime.output(0, 10)
        assert result == 0
        np.testing.assert_array_equal(np.frombuffer(data, np.int8), expected[logits].reshape(-1))
    for name, window in zip(WINDOW_NAMES, place(program, base), strict=True):
        assert fake.registers[f"{name.upper()}_BASE"] == window.base
        assert fake.registers[f"{name.upper()}_SIZE"] == window.size
    assert not fake.interrupt


def test_waiting_without_an_interrupt_line(tmp_path: Path, program: Program) -> None:
    runtime = Runtime(build_runtime(tmp_path, interrupt=False), FakeDevice(CONFIGURATION))
    assert runtime.open() == 0
    assert runtime.load(firmware_blob(program)) == 0
    assert runtime.set_input(0, digits(1)[0]) == 0
    assert runtime.infer() == 0


def test_what_stays_on_the_chip_is_loaded_once(library: ctypes.CDLL, graph: Graph) -> None:
    configuration = dataclasses.replace(CONFIGURATION, weight_words=16384)
    program = compile_graph(graph, configuration, resident=True)
    assert program.preload is not None
    runtime = Runtime(library, FakeDevice(configuration))
    assert runtime.open() == 0
    assert runtime.load(firmware_blob(program)) == 0
    assert runtime.fake.runs == 1
    preload = program.preload.streams
    assert preload is not None
    assert runtime.fake.registers["LOAD_STREAM"] == preload[Engine.LOAD].offset
    assert runtime.set_input(0, digits(1)[0]) == 0
    runtime.fake.fail = (Error.NONE, NO_ENGINE, 0)  # what the emulator would need isn't on its chip
    assert runtime.infer() == 0
    assert runtime.fake.runs == 2
    streams = program.steps[0].streams
    assert streams is not None
    assert runtime.fake.registers["CONV_STREAM"] == streams[Engine.CONV].offset
    assert runtime.fake.registers["CONV_COUNT"] == streams[Engine.CONV].count


def test_frames_have_inputs_and_outputs_of_their_own(runtime: Runtime, graph: Graph) -> None:
    program = compile_graph(graph, CONFIGURATION, frames=2)
    logits = graph.operators[-1].inputs[0]
    assert runtime.load(firmware_blob(program)) == 0
    examples = digits(2)
    for index, example in enumerate(examples):
        assert runtime.set_input(index, example) == 0
    assert runtime.infer() == 0
    for index, example in enumerate(examples):
        expected = graph.run({graph.inputs[0]: example})[logits]
        assert runtime.output(index, 10) == (0, expected.tobytes())


def with_bytes_at_both_ends(program: Program) -> Program:
    """Put QUANTIZE from and to uint8 around the network, its SOFTMAX left out."""
    softmax = program.steps[-1].host
    assert softmax is not None
    source, logits = program.inputs[0], softmax.inputs[0]
    inner, last = program.tensors[source], program.tensors[logits]
    before, after = max(program.tensors) + 1, max(program.tensors) + 2
    tensors = dict(program.tensors)
    tensors[before] = dataclasses.replace(
        inner, index=before, name="before", dtype="uint8", zero_point=(77,), window=-1, offset=0
    )
    tensors[after] = dataclasses.replace(
        last, index=after, name="after", dtype="uint8", window=-1, offset=0,
        scale=(last.scale[0] * 1.3,), zero_point=(99,),
    )  # fmt: skip

    def step(a: int, b: int) -> Step:
        return Step(host=HostOperator(0, "QUANTIZE", (a,), (b,), {}, {}))

    return dataclasses.replace(
        program,
        tensors=tensors,
        inputs=(before,),
        outputs=(after,),
        steps=(step(before, source), program.steps[0], step(logits, after)),
    )


def test_quantize_at_both_ends(runtime: Runtime, program: Program) -> None:
    program = with_bytes_at_both_ends(program)
    source, output = program.inputs[0], program.outputs[0]
    driver = Device(FakeDevice(CONFIGURATION))
    driver.load(program)
    assert runtime.load(firmware_blob(program)) == 0
    random = np.random.default_rng(3)
    for _ in range(2):
        example = random.integers(0, 256, (1, 28, 28, 1)).astype(np.uint8)
        expected = driver.infer({source: example})[output]
        assert expected.dtype == np.uint8
        assert runtime.set_input(0, example) == 0
        assert runtime.infer() == 0
        assert runtime.output(0, 10) == (0, expected.tobytes())


# What is refused


@pytest.mark.parametrize(
    ("register", "value", "result", "wanted"),
    [
        ("PRODUCT_ID", 0xFFFF_FFFF, "DPU_NOT_A_DPU", int.from_bytes(b"TNDM", "little")),
        ("VERSION", 9, "DPU_OTHER_VERSION", ARCHITECTURE_VERSION),
    ],
)
def test_other_devices(
    library: ctypes.CDLL, register: str, value: int, result: str, wanted: int
) -> None:
    fake = FakeDevice(CONFIGURATION)
    fake.registers[register] = value
    runtime = Runtime(library, fake)
    assert runtime.open() == RESULTS[result]
    assert runtime.detail()[1:3] == (value, wanted)


def test_another_number_of_parameters(library: ctypes.CDLL) -> None:
    fake = FakeDevice(CONFIGURATION)
    count = fake.rom[0]
    fake.rom[0] += 1
    runtime = Runtime(library, fake)
    assert runtime.open() == RESULTS["DPU_OTHER_ROM"]
    assert runtime.detail()[1:3] == (count + 1, count)


@pytest.mark.parametrize("index", range(len(CONFIGURATION.parameters())))
def test_the_parameter_that_differs_is_named(
    library: ctypes.CDLL, program: Program, index: int
) -> None:
    name, value = list(CONFIGURATION.parameters().items())[index]
    fake = FakeDevice(CONFIGURATION)
    fake.rom[1 + index] += 1
    runtime = Runtime(library, fake)
    assert runtime.open() == 0
    assert runtime.load(firmware_blob(program)) == RESULTS["DPU_OTHER_CONFIGURATION"]
    assert runtime.detail()[:3] == (index, value + 1, value)
    assert runtime.parameter(index) == name
    assert not fake.memory.any()
    assert runtime.infer() == RESULTS["DPU_BAD_ARGUMENT"]


def test_every_damaged_bit_is_found(runtime: Runtime, program: Program) -> None:
    data = firmware_blob(program)
    random = np.random.default_rng(4)
    header = range(4 * len(layout.HEADER))
    for position in [*header, *random.integers(len(header), len(data), 50)]:
        damaged = bytearray(data)
        damaged[position] ^= 1 << random.integers(8)
        assert runtime.load(bytes(damaged)) == RESULTS["DPU_BAD_PROGRAM"], position
    assert not runtime.fake.memory.any()
    assert runtime.load(data[:-4]) == RESULTS["DPU_BAD_PROGRAM"]
    assert runtime.load(data[:8]) == RESULTS["DPU_BAD_PROGRAM"]


def test_no_room(library: ctypes.CDLL, program: Program) -> None:
    last = place(program, 0)[-1]
    end = -(-(last.base + last.size) // 4096) * 4096
    for memory, expected in ((end, 0), (end - 1, RESULTS["DPU_NO_ROOM"])):
        runtime = Runtime(library, FakeDevice(CONFIGURATION, memory=memory))
        assert runtime.open() == 0
        assert runtime.load(firmware_blob(program)) == expected
    assert runtime.detail()[1:3] == (end - 1, end)
    assert runtime.load(firmware_blob(program), 0xFFFF_F000) == RESULTS["DPU_NO_ROOM"]


def test_wrong_arguments(runtime: Runtime, program: Program) -> None:
    bad = RESULTS["DPU_BAD_ARGUMENT"]
    assert runtime.infer() == bad
    assert runtime.set_input(0, digits(1)[0]) == bad
    assert runtime.load(firmware_blob(program), 100) == bad
    assert runtime.load(firmware_blob(program)) == 0
    assert runtime.set_input(1, digits(1)[0]) == bad
    assert runtime.set_input(0, np.zeros(783, np.int8)) == bad
    assert runtime.output(1, 10)[0] == bad
    assert runtime.output(0, 11)[0] == bad


def test_a_busy_device_is_left_alone(runtime: Runtime, program: Program) -> None:
    busy = BY_NAME["STATUS"].field("busy").put(1)
    runtime.fake.registers["STATUS"] = busy
    assert runtime.load(firmware_blob(program)) == RESULTS["DPU_BUSY"]
    runtime.fake.registers["STATUS"] = 0
    assert runtime.load(firmware_blob(program)) == 0
    runtime.fake.registers["STATUS"] = busy
    assert runtime.infer() == RESULTS["DPU_BUSY"]
    assert runtime.fake.runs == 0


@pytest.mark.parametrize("error", [error for error in Error if error])
def test_errors_of_a_run(runtime: Runtime, program: Program, error: Error) -> None:
    assert runtime.load(firmware_blob(program)) == 0
    runtime.fake.fail = (error, Engine.DRAIN, 17)
    assert runtime.infer() == error
    assert (runtime.detail()[0], runtime.detail()[3]) == (17, Engine.DRAIN)
    assert runtime.engine(Engine.DRAIN) == "drain"
    assert runtime.text(error) not in {runtime.text(0), runtime.text(RESULTS["DPU_UNKNOWN_ERROR"])}
    assert not runtime.fake.interrupt


def test_an_unknown_error(runtime: Runtime, program: Program) -> None:
    assert runtime.load(firmware_blob(program)) == 0
    runtime.fake.fail = (9, NO_ENGINE, 0)
    assert runtime.infer() == RESULTS["DPU_UNKNOWN_ERROR"]
    assert runtime.engine(runtime.detail()[3]) == "none"


def test_a_run_that_never_ends(library: ctypes.CDLL, program: Program) -> None:
    fake = FakeDevice(CONFIGURATION)
    step = 1_000_000
    runtime = Runtime(library, fake, cycles=step)
    assert runtime.open() == 0
    assert runtime.load(firmware_blob(program)) == 0
    fake.hang = True
    runtime.looks = 0
    assert runtime.infer() == RESULTS["DPU_TIMEOUT"]
    assert runtime.looks * step == pytest.approx(cycle_limit(program), abs=4 * step)
    status = BY_NAME["STATUS"]
    assert status.field("error").get(fake.registers["STATUS"]) == Error.ABORT
    assert not fake.interrupt


def test_every_result_has_a_text(runtime: Runtime) -> None:
    texts = {runtime.text(value) for value in [*RESULTS.values(), *Error]}
    assert len(texts) == len(RESULTS) + len(Error)


def test_names_of_engines_and_parameters(runtime: Runtime) -> None:
    assert [runtime.engine(e) for e in Engine] == [e.name.lower() for e in Engine]
    names = list(CONFIGURATION.parameters())
    assert [runtime.parameter(n) for n in range(len(names))] == names
    assert runtime.parameter(len(names)) == "unknown"


@pytest.mark.parametrize(("dtype", "kind"), [(np.int8, 0), (np.uint8, 1)])
def test_largest(runtime: Runtime, dtype: type, kind: int) -> None:
    random = np.random.default_rng(5)
    limits = np.iinfo(dtype)
    for size in (1, 2, 3, 10, 300):
        for spread in (1, 3, 256):
            low = int(random.integers(limits.min, limits.max - min(spread, 255) + 2))
            values = random.integers(low, min(low + spread, limits.max + 1), size).astype(dtype)
            best, margin = runtime.largest(values, kind)
            assert best == values.argmax()
            order = np.sort(values.astype(int))
            assert margin == (order[-1] - order[-2] if size > 1 else 0)


def test_the_blob_has_the_fields_of_its_layout(program: Program) -> None:
    data = firmware_blob(program)
    assert len(data) % 4 == 0
    assert sum(struct.unpack(f"<{len(data) // 4}I", data)) % (1 << 32) == 0
    words = struct.unpack_from(f"<{len(layout.HEADER)}I", data)
    fields = {name: word for (name, _), word in zip(layout.HEADER, words, strict=True)}
    offset = fields["image_offset"]
    assert data[offset : offset + fields["image_bytes"]] == program.image
    assert fields["bytes"] == len(data)
    assert fields["cycle_limit"] == cycle_limit(program)
