# SPDX-License-Identifier: Apache-2.0
"""A user's mistakes: one message that names thing, reason and remedy, and exit status 2."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from dpu_compiler.frontend.tflite import read_model
from tests.e2e import networks
from tests.e2e.conftest import Dpu, Result


def refused(result: Result, *words: str) -> None:
    """Check that a command was refused with one message that holds these words."""
    assert result.status == 2, result
    assert result.out == ""
    messages = [line for line in result.err.splitlines() if line.startswith("error: ")]
    assert len(messages) == 1, result.err
    assert "Traceback" not in result.err
    for word in words:
        assert word in result.err, result.err


def array(path: Path, values: np.ndarray) -> Path:
    np.save(path, values)
    return path


@pytest.mark.parametrize("command", ["run", "compile", "info", "disassemble"])
def test_missing_file(dpu: Dpu, tmp_path: Path, command: str) -> None:
    more = {"run": ["--input", "x.npy"], "compile": ["-o", tmp_path / "p"]}.get(command, [])
    path = tmp_path / "nothing.tflite"
    refused(dpu(command, path, *more), str(path), "no such file", "name a")
    refused(dpu(command, tmp_path, *more), str(tmp_path), "is a folder", "name a")


def test_truncated_model(dpu: Dpu, network: Path, tmp_path: Path) -> None:
    data = network.read_bytes()
    path = tmp_path / "cut.tflite"
    for size in (0, 3, 20, 1000, len(data) // 2, len(data) - 100):
        path.write_bytes(data[:size])
        refused(dpu("info", path), str(path))
        refused(dpu("compile", path, "-o", tmp_path / "p"), str(path))


def test_no_model(dpu: Dpu, picture: Path, tmp_path: Path) -> None:
    refused(dpu("info", picture), str(picture), "is not a TFLite model", "name an int8 .tflite")
    onnx = tmp_path / "m.onnx"
    onnx.write_bytes(b"\x08\x07" * 20)
    refused(dpu("compile", onnx, "-o", tmp_path / "p"), "ONNX", "not supported yet", "convert")


def test_float_model(dpu: Dpu, tmp_path: Path) -> None:
    model = networks.float_network(tmp_path / "m.tflite")
    refused(dpu("run", model, "--input", "x.npy"), "is a float network", "quantize it")


def test_unsupported_operator(dpu: Dpu, tmp_path: Path) -> None:
    model = networks.unsupported(tmp_path / "m.tflite")
    refused(dpu("compile", model, "-o", tmp_path / "p"), "operator 0 (COS)", "not supported")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("b129", ["b129", "no such preset", "tiny, b16, b128, b256"]),
        ("", ["no such preset"]),
    ],
)
def test_unknown_preset(
    dpu: Dpu, network: Path, tmp_path: Path, name: str, words: list[str]
) -> None:
    for command in (["compile", network, "-o", tmp_path / "p"], ["generate", "-o", tmp_path / "g"]):
        refused(dpu(*command, "--preset", name), *words)
    refused(dpu("run", network, "--input", "x.npy", "--preset", name), *words)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("lanes = 5", ["lanes must be 4, 8 or 16, not 5"]),
        ("lines = 8", ["unknown parameter lines"]),
        ("lanes =", ["is not valid TOML"]),
        ('preset = "b64"', ["b64", "no such preset"]),
    ],
)
def test_bad_configuration(
    dpu: Dpu, network: Path, tmp_path: Path, text: str, words: list[str]
) -> None:
    path = tmp_path / "c.toml"
    path.write_text(text)
    refused(dpu("compile", network, "-o", tmp_path / "p", "--config", path), *words)


def test_configuration_options(dpu: Dpu, network: Path, tmp_path: Path) -> None:
    output = tmp_path / "p"
    refused(dpu("compile", network, "-o", output, "--config", tmp_path / "c"), "no such file")
    both = ("--config", tmp_path / "c", "--preset", "tiny")
    refused(dpu("compile", network, "-o", output, *both), "given both", "one of them")


def test_input_shape(dpu: Dpu, network: Path, tmp_path: Path) -> None:
    for shape in ((28, 28), (1, 28, 28, 3), (0, 28, 28, 1), (784,), ()):
        path = array(tmp_path / "x.npy", np.zeros(shape, np.int8))
        refused(dpu("run", network, "--input", path), str(path))
    path = array(tmp_path / "x.npy", np.zeros((2, 27, 28, 1), np.int8))
    words = ["[2, 27, 28, 1]", "[1, 28, 28, 1], [28, 28, 1], or [n, 28, 28, 1]", "reshape"]
    refused(dpu("run", network, "--input", path), *words)


def test_input_type(dpu: Dpu, network: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    array(path, np.zeros((28, 28, 1), np.uint8))
    refused(dpu("run", network, "--input", path), "is uint8", "takes int8", "- 128")
    array(path, np.zeros((28, 28, 1), np.int64))
    refused(dpu("run", network, "--input", path), "is int64", "astype(numpy.int8)")
    array(path, np.full((28, 28, 1), np.nan))
    refused(dpu("run", network, "--input", path), "no numbers")
    array(path, np.zeros((28, 28, 1), "U3"))
    refused(dpu("run", network, "--input", path), "is <U3")
    model = networks.float_ends(tmp_path / "m.tflite")
    array(path, np.zeros((2, 2, 3), np.int8))
    refused(dpu("run", model, "--input", path), "is int8", "takes float32", "astype(numpy.float32)")


def test_input_file(dpu: Dpu, network: Path, picture: Path, tmp_path: Path) -> None:
    path = tmp_path / "x"
    refused(dpu("run", network, "--input", path), str(path), "no such file", ".npy")
    refused(dpu("run", network, "--input", tmp_path), "is a folder")
    path.write_text("hello")
    refused(dpu("run", network, "--input", path), "neither an .npy array nor a PNG")
    path.write_bytes(picture.read_bytes()[:100])
    refused(dpu("run", network, "--input", path), "cannot be read as a picture")
    array(tmp_path / "o.npy", np.array([{}], dtype=object))
    refused(dpu("run", network, "--input", tmp_path / "o.npy"), "cannot be read as an array")
    cut = array(tmp_path / "c.npy", np.zeros((28, 28, 1), np.int8)).read_bytes()[:-9]
    path.write_bytes(cut)
    refused(dpu("run", network, "--input", path), "cannot be read as an array")
    np.savez(tmp_path / "z.npz", a=np.zeros(1))
    refused(dpu("run", network, "--input", tmp_path / "z.npz"), "several arrays")


def test_picture_for_no_image(dpu: Dpu, picture: Path, tmp_path: Path) -> None:
    model = networks.picture_input(tmp_path / "m.tflite", (1, 640), 0.1, 0)
    refused(dpu("run", model, "--input", picture), "none of an image", ".npy")
    model = networks.picture_input(tmp_path / "m.tflite", (1, 8, 8, 5), 0.1, 0)
    refused(dpu("run", model, "--input", picture), "[1, 8, 8, 5]")


def test_input_names(dpu: Dpu, network: Path, picture: Path, tmp_path: Path) -> None:
    model = networks.two_inputs_two_outputs(tmp_path / "m.tflite")
    x = array(tmp_path / "x.npy", np.zeros((4, 4, 8), np.int8))
    both = array(tmp_path / "xx.npy", np.zeros((2, 4, 4, 8), np.int8))
    refused(dpu("run", model, "--input", x), "NAME=FILE", "left", "right")
    refused(dpu("run", model, "--input", f"up={x}"), "no input up", "left (int8 [1, 4, 4, 8])")
    left, right = f"left={x}", f"right={both}"
    refused(dpu("run", model, "--input", left), "nothing was given for right")
    refused(dpu("run", model, "--input", left, "--input", left), "second file for left")
    refused(dpu("run", model, "--input", left, "--input", right), "left 1, right 2", "same number")
    refused(dpu("run", network, "--input", picture, "--input", picture), "second file")
    refused(dpu("run", model, "--input", "left="), "--input left=: names no file", ".npy")
    refused(dpu("run", network, "--input", ""), "names no file")


def test_outputs(dpu: Dpu, network: Path, picture: Path, tmp_path: Path) -> None:
    for option in ("--output", "--json", "--csv"):
        where = tmp_path / "no" / "out"
        call = ("run", network, "--input", picture, option)
        refused(dpu(*call, where), str(where), "no folder", option)
        refused(dpu(*call, tmp_path), "is a folder", option)
    file = tmp_path / "file"
    file.touch()
    refused(dpu("run", network, "--input", picture, "--dump", file), str(file), "--dump")
    refused(dpu("generate", "-o", file / "x"), "--output")
    refused(dpu("compile", network, "-o", tmp_path / "no" / "p"), "no folder")
    model = networks.two_inputs_two_outputs(tmp_path / "m.tflite")
    refused(dpu("run", model, "--input", "x", "--output", tmp_path / "o.npy"), "2 outputs", ".npz")


def test_top_and_labels(dpu: Dpu, network: Path, picture: Path, tmp_path: Path) -> None:
    call = ("run", network, "--input", picture)
    for top in (0, -1, 11):
        refused(dpu(*call, "--top", top), f"--top {top}", "10 values", "1 to 10")
    labels = tmp_path / "labels.txt"
    refused(dpu(*call, "--labels", labels), "no such file", "one label a line")
    labels.write_text("one\ntwo\n")
    refused(dpu(*call, "--labels", labels), "has 2 labels", "10 values")
    labels.write_bytes(b"\xff\xfe\x00")
    refused(dpu(*call, "--labels", labels), "UTF-8")
    model = networks.two_inputs_two_outputs(tmp_path / "m.tflite")
    refused(dpu("run", model, "--input", "x", "--top", 1), "2 outputs", "leave out")


def test_program_for_another_configuration(dpu: Dpu, program: Path, picture: Path) -> None:
    result = dpu("run", program, "--input", picture, "--preset", "tiny")
    refused(result, str(program), "lanes is 8, not 4", "columns is 16, not 4", "axi_bytes is 8")


def test_program_without_its_model(
    dpu: Dpu, program: Path, network: Path, picture: Path, tmp_path: Path
) -> None:
    call = ("run", program, "--input", picture)
    refused(dpu(*call, "--check"), "needs the model", "--model FILE")
    refused(dpu(*call, "--on", "golden"), "--on golden", "--model FILE")
    other = networks.float_ends(tmp_path / "m.tflite")
    refused(dpu(*call, "--check", "--model", other), str(other), "is not the model")
    refused(dpu(*call, "--check", "--model", tmp_path / "none"), "no such file")
    # One byte of the last weights, so that names, shapes and types are the same.
    data = bytearray(network.read_bytes())
    graph = read_model(network)
    weights = graph.tensors[graph.operators[12].inputs[1]].data
    assert weights is not None
    data[data.index(weights.tobytes()) + 5] ^= 1
    other.write_bytes(data)
    for option in (["--check"], ["--on", "golden"]):
        result = dpu(*call, *option, "--model", other)
        refused(result, str(other), f"is not the model that {program} was compiled from")
        assert dpu(*call, *option, "--model", network).status == 0
    call = ("run", network, "--input", picture)
    refused(dpu(*call, "--model", network), "goes with a program only")


def test_damaged_program(dpu: Dpu, program: Path, picture: Path, network: Path) -> None:
    data = program.read_bytes()
    program.write_bytes(data[: len(data) // 2])
    refused(dpu("run", program, "--input", picture), "not a whole program file", "compile")
    refused(dpu("disassemble", program), "not a whole program file")
    refused(dpu("disassemble", network), "is a model", "dpu compile")
    program.write_bytes(data)
    refused(dpu("info", program), "is a program", "name the .tflite")
    # Archives and arrays of something else.
    archive, numbers = program.with_suffix(".npz"), program.with_suffix(".npy")
    np.savez(archive, x=np.zeros(3))
    np.save(numbers, np.zeros(30))
    for path in (archive, numbers):
        refused(dpu("disassemble", path), f"{path}: is no program file", "name a program")
    refused(dpu("run", archive, "--input", picture), "is not a TFLite model", "a zip archive")
    refused(dpu("info", numbers), "is not a TFLite model", "an array of NumPy")


def test_usage(dpu: Dpu, network: Path) -> None:
    for call in (
        ["run"],
        ["run", network],
        ["run", network, "--input", "x", "--on", "mars"],
        ["run", network, "--input", "x", "--top", "many"],
        ["fly"],
        ["run", network, "--fast"],
    ):
        result = dpu(*call)
        assert result.status == 2
        assert "Error: " in result.err


def test_values_of_options(dpu: Dpu, network: Path) -> None:
    for option, value, reason in (
        ("--on", "mars", "mars: is none of golden, emulator, rtl and board:DEVICE"),
        ("--top", "many", "'many' is not a whole number."),
    ):
        result = dpu("run", network, "--input", "x", option, value)
        assert result.status == 2
        assert result.err.splitlines()[-1].startswith(
            f"Error: Invalid value for '{option}': {reason}"
        )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_no_space_left(dpu: Dpu, network: Path, picture: Path) -> None:
    call = ("run", network, "--input", picture, "--on", "golden")
    for option in ("--json", "--csv", "--output"):
        result = dpu(*call, option, "/dev/full")
        assert result.status == 2
        assert "error: /dev/full: No space left on device; check" in result.err
    result = dpu("compile", network, "--preset", "tiny", "-o", "/dev/full")
    assert "error: /dev/full: No space left on device; check" in result.err
    result = dpu("report", network, "--preset", "tiny", "-o", "/dev/full")
    assert "error: /dev/full: No space left on device; check" in result.err


def test_read_only_folder(dpu: Dpu, network: Path, tmp_path: Path) -> None:
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    try:
        (folder / "probe").touch()
    except PermissionError:
        refused(dpu("compile", network, "-o", folder / "p"), "Permission denied", "--output")
    else:
        pytest.skip("this user may write anywhere")
    finally:
        shutil.rmtree(folder)


def test_unexpected_exceptions_show_no_traceback(
    dpu: Dpu, network: Path, picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise IndexError("list index out of range")

    monkeypatch.setattr("dpu_host.cli.sources.compile_variants", fail)
    call = ("run", network, "--input", picture)
    refused(dpu(*call), str(network), "IndexError", "damaged", "report it")
    monkeypatch.setattr("dpu_host.cli.run.statistics", fail)
    result = dpu(*call, "--on", "golden")
    assert result.status == 1
    assert "failure: IndexError" in result.err
    monkeypatch.setenv("DPU_TRACEBACK", "1")
    with pytest.raises(IndexError):
        dpu(*call, "--on", "golden")
