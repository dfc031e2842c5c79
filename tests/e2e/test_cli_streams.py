# SPDX-License-Identifier: Apache-2.0
"""``--frames`` and ``--resident``."""

import json
from pathlib import Path

import numpy as np
import pytest

from dpu_compiler.frontend.tflite import read_model
from dpu_spec.program import from_file
from tests.e2e.conftest import Dpu


def stack(tmp_path: Path, count: int) -> Path:
    path = tmp_path / "in.npy"
    rng = np.random.default_rng(3)
    np.save(path, rng.integers(-128, 128, (count, 28, 28, 1)).astype(np.int8))
    return path


def golden(network: Path, inputs: Path) -> np.ndarray:
    graph = read_model(network)
    (x,), (y,) = graph.inputs, graph.outputs
    return np.concatenate([graph.run({x: image[None]})[y] for image in np.load(inputs)])


def test_frames_of_a_program(dpu: Dpu, network: Path, tmp_path: Path) -> None:
    program, output, stats = (tmp_path / name for name in ("net.dpu", "out.npy", "stats.json"))
    options = ("--frames", "3", "--resident", "--preset", "b128")
    result = dpu("compile", network, *options, "-o", program)
    assert result.status == 0, result.err
    assert "frames: 3 inferences a start" in result.out
    assert "resident: weights" in result.out
    assert from_file(program).frames.count == 3
    listing = dpu("disassemble", program).out
    assert "frames: 3 inferences a start" in listing
    first, second = listing.index("once, when the program is loaded"), listing.index("step 0")
    assert "target=1" in listing[first:second]
    assert "target=1" not in listing[second:]
    page = dpu("report", program, "--output", tmp_path / "page.html")
    assert page.status == 2
    assert "runs 3 inferences a start" in page.err
    # Five examples: the last start is not full.
    inputs = stack(tmp_path, 5)
    result = dpu(
        *("run", program, "--model", network, "--input", inputs, "--check"),
        *("--output", output, "--json", stats),
    )
    assert result.status == 0, result.err
    np.testing.assert_array_equal(np.load(output), golden(network, inputs))
    found = json.loads(stats.read_text())
    assert found["bit_exact"] is True
    assert found["examples"] == 5
    assert found["stream"]["frames_of_a_start"] == 3
    assert len(found["stream"]["cycles_of_starts"]) == 2


def test_estimate_of_frames(dpu: Dpu, network: Path, tmp_path: Path) -> None:
    def cycles(*options: str) -> int:
        stats = tmp_path / "stats.json"
        result = dpu("estimate", network, "--preset", "b128", "--json", stats, *options)
        assert result.status == 0, result.err
        found = json.loads(stats.read_text())
        assert found["macs"] == read["macs"] if read else True
        read.update(found)
        return int(found["cycles"])

    read: dict[str, int] = {}
    assert cycles("--frames", "4", "--resident") < cycles("--frames", "4") < cycles()


@pytest.mark.rtl
def test_stack_on_rtl(dpu: Dpu, network: Path, tmp_path: Path) -> None:
    inputs, output, stats = stack(tmp_path, 3), tmp_path / "out.npy", tmp_path / "stats.json"
    common = ("run", network, "--on", "rtl", "--preset", "tiny", "--input", inputs)
    result = dpu(*common, "--check", "--output", output, "--json", stats)
    assert result.status == 0, result.err
    np.testing.assert_array_equal(np.load(output), golden(network, inputs))
    found = json.loads(stats.read_text())
    assert found["bit_exact"] is True
    assert "as a stream: " in result.out
    assert found["stream"]["cycles_per_inference"] < found["cycles"]
    assert found["stream"]["cycles_per_inference"] == found["stream"]["cycles_of_starts"][0] / 3
    # One by one, if the user wants.
    result = dpu(*common, "--frames", "1", "--json", stats)
    assert result.status == 0, result.err
    alone = json.loads(stats.read_text())
    assert alone["stream"] is None
    assert alone["cycles"] == found["cycles"]
    assert len(alone["cycles_of_examples"]) == 3


@pytest.mark.parametrize("count", ["0", "65", "-1"])
def test_no_number_of_frames(dpu: Dpu, network: Path, tmp_path: Path, count: str) -> None:
    for command in (
        ("compile", network, "-o", tmp_path / "net.dpu"),
        ("run", network, "--input", stack(tmp_path, 1)),
        ("estimate", network),
    ):
        result = dpu(*command, "--frames", count)
        assert result.status == 2
        assert "must be from 1 to 64" in result.err


@pytest.mark.parametrize("options", [("--frames", "2"), ("--resident",)])
def test_golden_model_has_no_hardware(
    dpu: Dpu, network: Path, tmp_path: Path, options: tuple[str, ...]
) -> None:
    result = dpu("run", network, "--on", "golden", "--input", stack(tmp_path, 1), *options)
    assert result.status == 2
    assert "are about the hardware" in result.err


def test_program_of_other_frames(dpu: Dpu, network: Path, tmp_path: Path) -> None:
    program, inputs = tmp_path / "net.dpu", stack(tmp_path, 2)
    assert dpu("compile", network, "-o", program).status == 0
    result = dpu("run", program, "--input", inputs, "--frames", "2")
    assert result.status == 2
    assert "was compiled for 1 a start" in result.err
    result = dpu("run", program, "--input", inputs, "--resident")
    assert result.status == 2
    assert "was compiled without it" in result.err
