# SPDX-License-Identifier: Apache-2.0
"""Firmware on the real gateware: a processor boots, loads a network and runs digits by itself."""

import random
import re
from pathlib import Path

import numpy as np
import pytest

from dpu_boards.firmware import FirmwareBuildError, build_firmware
from dpu_compiler.compile import compile_graph
from dpu_compiler.frontend.tflite import read_model
from dpu_compiler.graph import Graph
from dpu_host.cli.pictures import read_picture
from dpu_host.cli.sources import described
from dpu_host.firmware_blob import firmware_blob
from dpu_sim.standalone import Line, run_firmware
from dpu_spec.presets import preset
from dpu_spec.program import Program
from tests.support import standalone

DIGITS = Path(__file__).resolve().parents[2] / "examples" / "digits"
MODEL = DIGITS / "digits_int8.tflite"
ANSWER = re.compile(r"(\d+): class (\d+) margin (\d+) cycles (\d+)")


@pytest.fixture(scope="module")
def graph() -> Graph:
    return read_model(MODEL)


@pytest.fixture(scope="module")
def images(graph: Graph) -> list[tuple[np.ndarray, int]]:
    """Return the twenty digits, with their labels."""
    tensor = described(graph)[graph.inputs[0]]
    found = []
    for line in (DIGITS / "images" / "labels.txt").read_text().splitlines():
        name, label = line.split()
        data = (DIGITS / "images" / name).read_bytes()
        found.append((read_picture(data, name, tensor)[0], int(label)))
    assert len(found) == 20
    return found


@pytest.fixture(scope="module")
def program(graph: Graph) -> Program:
    return compile_graph(graph, preset("tiny"))


def answers(lines: list[Line]) -> list[tuple[int, int, int]]:
    """Return number, class and margin of each answer, with everything around them as it must be."""
    texts = [line.text for line in lines]
    assert texts[0] == "Tandem DPU"
    assert re.fullmatch(r"digits_int8\.tflite: loaded in \d+ cycles", texts[1])
    assert texts[-1] == "end"
    found = []
    for text in texts[2:-1]:
        match = ANSWER.fullmatch(text)
        assert match, text
        number, answer, margin, cycles = map(int, match.groups())
        assert cycles > 0
        found.append((number, answer, margin))
    return found


def expected(graph: Graph, images: list[np.ndarray]) -> list[tuple[int, int, int]]:
    """Return what the golden model answers."""
    logits = graph.operators[-1].inputs[0]
    found = []
    for number, image in enumerate(images):
        values = graph.run({graph.inputs[0]: image})[logits].reshape(-1).astype(int)
        order = np.sort(values)
        found.append((number, int(values.argmax()), int(order[-1] - order[-2])))
    return found


@pytest.mark.rtl
@pytest.mark.parametrize("name", ["tiny", pytest.param("b128", marks=pytest.mark.slow)])
def test_twenty_digits(
    name: str, graph: Graph, images: list[tuple[np.ndarray, int]], tmp_path: Path
) -> None:
    pictures = [image for image, _ in images]
    program = compile_graph(graph, preset(name))
    firmware = standalone.firmware(name, program, pictures, tmp_path)
    lines = run_firmware(standalone.simulator(name), firmware, dram_bytes=standalone.DRAM)
    found = answers(lines)
    assert found == expected(graph, pictures)
    assert [answer for _, answer, _ in found] == [label for _, label in images]


@pytest.mark.rtl
def test_a_slow_and_moody_memory(graph: Graph, program: Program, tmp_path: Path) -> None:
    seed = random.SystemRandom().getrandbits(32)
    print(f"seed {seed}")
    noise = np.random.default_rng(seed)
    pictures = [noise.integers(-128, 128, (1, 28, 28, 1)).astype(np.int8) for _ in range(2)]
    firmware = standalone.firmware("tiny", program, pictures, tmp_path)
    lines = run_firmware(
        standalone.simulator("tiny"), firmware, dram_bytes=standalone.DRAM, seed=seed, byte_cycles=1
    )
    assert answers(lines) == expected(graph, pictures)


def said(name: str, firmware: bytes, dram_bytes: int = standalone.DRAM) -> list[str]:
    lines = run_firmware(standalone.simulator(name), firmware, dram_bytes=dram_bytes)
    assert lines[-1].text == "end"
    return [line.text for line in lines[1:-1]]


@pytest.mark.rtl
def test_a_program_for_another_dpu(graph: Graph, tmp_path: Path) -> None:
    firmware = standalone.firmware("tiny", compile_graph(graph, preset("b128")), [], tmp_path)
    assert said("tiny", firmware) == [
        "error: the program was compiled for another DPU: on this one lanes is 4, not 8"
    ]


@pytest.mark.rtl
def test_a_damaged_program(program: Program, tmp_path: Path) -> None:
    blob = bytearray(firmware_blob(program))
    blob[-1] ^= 4
    firmware = standalone.firmware("tiny", bytes(blob), [], tmp_path)
    assert said("tiny", firmware) == ["error: the program is damaged, or of another format"]


@pytest.mark.rtl
def test_a_memory_that_is_smaller_than_it_should_be(program: Program, tmp_path: Path) -> None:
    picture = np.zeros((1, 28, 28, 1), np.int8)
    firmware = standalone.firmware("tiny", program, [picture], tmp_path)
    lines = said("tiny", firmware, dram_bytes=4096)
    assert lines[1:] == [
        "error: a read of DRAM was answered with an error: load instruction 0; an access of the "
        "CPU was refused"
    ]


def test_firmware_that_does_not_fit(program: Program, tmp_path: Path) -> None:
    standalone.firmware("tiny", program, [], tmp_path)  # skips without the compiler
    with pytest.raises(FirmwareBuildError, match="doesn't fit into the on-chip memory"):
        build_firmware(firmware_blob(program), b"", tmp_path / "small", memory_bytes=32768)
