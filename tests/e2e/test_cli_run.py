# SPDX-License-Identifier: Apache-2.0
"""``dpu run``: machines, inputs, outputs and reports."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dpu_compiler.frontend.tflite import read_model
from tests.e2e import networks
from tests.e2e.conftest import DIGITS, Dpu


def digit(name: str) -> np.ndarray:
    """Return a picture of the example as the network's input."""
    pixels = np.asarray(Image.open(DIGITS / "images" / f"{name}.png"), np.int16)
    return (pixels - 128).astype(np.int8).reshape(1, 28, 28, 1)


def save(path: Path, array: np.ndarray) -> Path:
    np.save(path, array)
    return path


@pytest.mark.parametrize("machine", ["golden", "emulator"])
def test_picture(dpu: Dpu, network: Path, picture: Path, tmp_path: Path, machine: str) -> None:
    output = tmp_path / "out.npy"
    result = dpu("run", network, "--input", picture, "--on", machine, "--output", output)
    assert result.status == 0
    assert "pixel - 128" in result.err
    assert "int8[1, 10]" in result.out
    expected = read_model(network).run({0: digit("7_a")})[38]
    np.testing.assert_array_equal(np.load(output), expected)


def test_array_with_and_without_batch_axis_and_stack(
    dpu: Dpu, network: Path, tmp_path: Path
) -> None:
    one, other = digit("3_a"), digit("8_b")
    graph = read_model(network)
    want = np.concatenate([graph.run({0: x})[38] for x in (one, other)])
    for array, expected in (
        (one, want[:1]),
        (one[0], want[:1]),
        (np.concatenate([one, other]), want),
        (np.stack([one, other]), want),
    ):
        path = save(tmp_path / "in.npy", array)
        output = tmp_path / "out.npy"
        assert dpu("run", network, "--input", path, "--output", output).status == 0
        np.testing.assert_array_equal(np.load(output), expected)


def test_float_array_is_quantized_with_a_note(dpu: Dpu, network: Path, tmp_path: Path) -> None:
    real = (digit("5_a").astype(np.float64) + 128) / 255
    real[0, 0, 0, 0] = 7.5
    path, output = save(tmp_path / "in.npy", real), tmp_path / "out.npy"
    result = dpu("run", network, "--input", path, "--output", output)
    assert "quantized for the int8 input" in result.err
    assert "1 of 784 values were beyond its range" in result.err
    stored = digit("5_a")
    stored[0, 0, 0, 0] = 127
    np.testing.assert_array_equal(np.load(output), read_model(network).run({0: stored})[38])


def test_real_values_beyond_every_range(dpu: Dpu, network: Path, tmp_path: Path) -> None:
    real = (digit("5_a").astype(np.float64) + 128) / 255
    real[0, 0, :3, 0] = (1e300, -1e300, 1e30)
    path, output = save(tmp_path / "in.npy", real), tmp_path / "out.npy"
    # Warnings are errors here.
    result = dpu("run", network, "--input", path, "--output", output)
    assert result.status == 0
    assert "3 of 784 values were beyond its range" in result.err
    stored = digit("5_a")
    stored[0, 0, :3, 0] = (127, -128, 127)
    np.testing.assert_array_equal(np.load(output), read_model(network).run({0: stored})[38])


def test_real_values_beyond_float32(dpu: Dpu, tmp_path: Path) -> None:
    model = networks.float_ends(tmp_path / "m.tflite")
    largest = float(np.finfo(np.float32).max)
    outputs = []
    for number in (1e300, largest):
        path = save(tmp_path / "in.npy", np.full((2, 2, 3), number))
        result = dpu("run", model, "--input", path, "--output", tmp_path / "out.npy")
        assert result.status == 0
        outputs.append(np.load(tmp_path / "out.npy"))
    np.testing.assert_array_equal(*outputs)


def test_one_note_for_all_examples_of_a_file(dpu: Dpu, network: Path, tmp_path: Path) -> None:
    real = np.zeros((3, 28, 28, 1), np.float32)
    real[0, 0, :2] = 7.5
    real[2, 5, :3] = -7.5
    path = save(tmp_path / "in.npy", real)
    result = dpu("run", network, "--input", path, "--on", "golden")
    notes = [line for line in result.err.splitlines() if line.startswith("note: ")]
    assert len(notes) == 1
    assert "5 of 2352 values were beyond its range and clamped" in notes[0]


def test_statistics(dpu: Dpu, network: Path, picture: Path, tmp_path: Path) -> None:
    stats, layers = tmp_path / "stats.json", tmp_path / "layers.csv"
    result = dpu(
        *("run", network, "--input", picture, "--check", "--json", stats, "--csv", layers),
        *("--preset", "tiny"),
    )
    assert result.status == 0
    found = json.loads(stats.read_text())
    assert found["preset"] == "tiny"
    assert found["macs"] == 769952 == sum(layer["macs"] for layer in found["layers"])
    assert found["cycles"] is None
    assert found["host_operators"] == ["SOFTMAX"]
    assert found["bit_exact"] is True
    assert found["tensors_compared"] >= 14
    moved = found["dram_read_bytes"] + found["dram_write_bytes"]
    assert moved == sum(layer["dram_bytes"] for layer in found["layers"]) > 28168
    keys = {"name", "operator", "engine", "cycles", "start", "end", "busy", "macs"}
    assert keys | {"utilization", "dram_bytes"} <= set(found["layers"][0])
    assert {"utilization_array", "utilization_all"} <= set(found)
    with layers.open() as file:
        rows = list(csv.DictReader(file))
    assert [row["operator"] for row in rows] == [x["operator"] for x in found["layers"]]
    assert rows[0]["macs"] == "28224"


@pytest.mark.parametrize("on", ["emulator", pytest.param("rtl", marks=pytest.mark.rtl)])
def test_other_names_are_dumped_and_checked(dpu: Dpu, tmp_path: Path, on: str) -> None:
    model = networks.renamed(tmp_path / "m.tflite")
    values = np.random.default_rng(4).integers(-128, 128, (1, 4, 4, 8)).astype(np.int8)
    path, folder = save(tmp_path / "in.npy", values), tmp_path / "tensors"
    result = dpu(
        *("run", model, "--input", path, "--preset", "tiny", "--on", on, "--check"),
        *("--dump", folder),
    )
    assert result.status == 0, result.err
    assert "every byte equals the golden model" in result.out
    want = read_model(model).run({0: values})
    assert {int(file.stem) for file in folder.iterdir()} == {0, 1, 2, 3, 4}
    for index in range(5):
        np.testing.assert_array_equal(np.load(folder / f"{index}.npy"), want[index])


def test_dump_and_check(dpu: Dpu, network: Path, picture: Path, tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "tensors"
    result = dpu("run", network, "--input", picture, "--dump", folder, "--check")
    assert result.status == 0
    assert "every byte equals the golden model" in result.out
    expected = read_model(network).run({0: digit("7_a")})
    files = {int(path.stem): np.load(path) for path in folder.glob("*.npy")}
    assert set(files) == set(expected)
    for index, array in files.items():
        np.testing.assert_array_equal(array, expected[index])


def test_top(dpu: Dpu, network: Path, picture: Path, tmp_path: Path) -> None:
    labels = tmp_path / "labels.txt"
    labels.write_text("\n".join(f"digit {k}" for k in range(10)) + "\n")
    result = dpu("run", network, "--input", picture, "--top", 2, "--labels", labels)
    assert result.out.startswith("digit 7 (0.9")
    assert result.out.splitlines()[0].count("digit") == 2
    assert dpu("run", network, "--input", picture, "--labels", labels).out.count("digit") == 1
    assert dpu("run", network, "--input", picture, "--top", 1).out.startswith("7 (0.9")


@pytest.mark.parametrize("machine", ["golden", "emulator"])
def test_several_inputs_and_outputs(dpu: Dpu, tmp_path: Path, machine: str) -> None:
    model = networks.two_inputs_two_outputs(tmp_path / "add.tflite")
    random = np.random.default_rng(2)
    left, right = random.integers(-128, 128, (2, 3, 4, 4, 8)).astype(np.int8)
    output = tmp_path / "out.npz"
    result = dpu(
        *("run", model, "--on", machine, "--output", output, "--check"),
        *("--input", f"right={save(tmp_path / 'r.npy', right)}"),
        *("--input", f"left={save(tmp_path / 'l.npy', left)}"),
    )
    assert result.status == 0, result.err
    graph = read_model(model)
    with np.load(output) as archive:
        found = dict(archive)
    assert set(found) == {"total", "relu"}
    for k in range(3):
        expected = graph.run({0: left[k : k + 1], 1: right[k : k + 1]})
        np.testing.assert_array_equal(found["total"][k : k + 1], expected[2])
        np.testing.assert_array_equal(found["relu"][k : k + 1], expected[3])


def test_real_values_at_both_ends(dpu: Dpu, tmp_path: Path) -> None:
    model = networks.float_ends(tmp_path / "ends.tflite")
    x = np.linspace(-3, 3, 12).reshape(1, 2, 2, 3)
    output = tmp_path / "out.npy"
    path = save(tmp_path / "in.npy", x)
    assert dpu("run", model, "--input", path, "--output", output, "--check").status == 0
    found = np.load(output)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, np.maximum(x, 0), atol=0.026)


def test_program(dpu: Dpu, network: Path, program: Path, picture: Path, tmp_path: Path) -> None:
    by_model, by_program = tmp_path / "m.npy", tmp_path / "p.npy"
    assert dpu("run", network, "--input", picture, "--output", by_model).status == 0
    assert dpu("run", program, "--input", picture, "--output", by_program).status == 0
    assert by_model.read_bytes() == by_program.read_bytes()
    checked = dpu("run", program, "--input", picture, "--check", "--model", network)
    assert checked.status == 0
    golden = dpu("run", program, "--input", picture, "--on", "golden", "--model", network)
    assert golden.status == 0


def test_difference(
    dpu: Dpu, network: Path, picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dpu_host.cli.machines import EmulatorMachine, Outcome

    run = EmulatorMachine.run

    def faulty(self: EmulatorMachine, *arguments: object, **options: object) -> Outcome:
        outcome = run(self, *arguments, **options)  # type: ignore[arg-type]
        for index, element in ((30, (0, 1, 2, 3)), (27, (0, 13, 0, 31))):
            outcome.tensors[index] = outcome.tensors[index].copy()
            outcome.tensors[index][element] ^= 1
        return outcome

    monkeypatch.setattr(EmulatorMachine, "run", faulty)
    stats, output = tmp_path / "stats.json", tmp_path / "out.npy"
    result = dpu(
        *("run", network, "--input", picture, "--check", "--json", stats, "--output", output)
    )
    assert result.status == 1
    right = int(read_model(network).run({0: digit("7_a")})[27][0, 13, 0, 31])
    assert "layer 2 (CONV_2D" in result.err
    message = f"element [0, 13, 0, 31] is {right ^ 1}, the golden model says {right} (1 of 6272"
    assert message in result.err
    assert "2 tensors in all" in result.err
    assert json.loads(stats.read_text())["bit_exact"] is False
    assert output.exists()


@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize(
    ("scale", "zero_point"), [(1 / 255, -128), (2 / 255, -1), (1.0, -128), (1 / 128, 0)]
)
def test_pictures_of_usual_ranges(
    dpu: Dpu, tmp_path: Path, planar: bool, scale: float, zero_point: int
) -> None:
    shape = (1, 3, 5, 6) if planar else (1, 5, 6, 3)
    model = networks.picture_input(tmp_path / "m.tflite", shape, scale, zero_point)
    pixels = np.random.default_rng(3).integers(0, 256, (5, 6, 3)).astype(np.uint8)
    path = tmp_path / "p.png"
    Image.fromarray(pixels).save(path)
    folder = tmp_path / "d"
    result = dpu("run", model, "--input", path, "--on", "golden", "--dump", folder)
    assert result.status == 0, result.err
    wanted = (pixels.astype(int) - 128).reshape(1, 5, 6, 3)
    found = np.load(folder / "0.npy")
    np.testing.assert_array_equal(found.transpose(0, 2, 3, 1) if planar else found, wanted)


def test_picture_is_fitted_and_quantized(dpu: Dpu, tmp_path: Path) -> None:
    model = networks.picture_input(tmp_path / "m.tflite", (1, 8, 8, 1), 0.02, -14)
    path = tmp_path / "p.jpg"
    Image.new("RGB", (40, 20), (255, 255, 255)).save(path)
    folder = tmp_path / "d"
    result = dpu("run", model, "--input", path, "--on", "golden", "--dump", folder)
    assert "fitted from 40x20 to 8x8" in result.err
    assert "other preprocessing" in result.err
    np.testing.assert_array_equal(np.load(folder / "0.npy"), np.full((1, 8, 8, 1), 50 - 14))


@pytest.mark.parametrize(
    ("model", "inputs", "answer"),
    [
        ("vww_96_int8", "vww_int8_6x96x96x3", [[10, -10], [118, -118]]),
        ("person_detect", "person_detect_int8_2x96x96x1", [[-113, 113], [57, -57]]),
    ],
)
def test_real_networks(
    dpu: Dpu, models: Path, tmp_path: Path, model: str, inputs: str, answer: list[list[int]]
) -> None:
    data = models.parent / "data" / f"{inputs}.npy"
    if not data.is_file():
        pytest.skip(f"no inputs: there is no {data}")
    path = save(tmp_path / "in.npy", np.load(data)[:2])
    output = tmp_path / "out.npy"
    result = dpu("run", models / f"{model}.tflite", "--input", path, "--output", output, "--check")
    assert result.status == 0, result.err
    assert np.load(output).tolist() == answer
