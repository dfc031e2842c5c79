# SPDX-License-Identifier: Apache-2.0
"""``dpu firmware``."""

import re
import struct
from pathlib import Path

import numpy as np

import dpu_spec.program
from dpu_host.firmware_blob import firmware_blob
from tests.e2e import networks
from tests.e2e.conftest import Dpu, Result


def refused(result: Result, *parts: str) -> None:
    assert result.status != 0
    assert all(part in result.err for part in parts), result.err


def test_program_and_inputs(dpu: Dpu, program: Path, picture: Path, tmp_path: Path) -> None:
    blob, bundle, other = tmp_path / "p.bin", tmp_path / "i.bin", tmp_path / "x.npy"
    stack = np.random.default_rng(1).integers(-128, 128, (3, 28, 28, 1)).astype(np.int8)
    np.save(other, stack)
    arguments = ("--input", picture, "--input", other, "--bundle", bundle)
    result = dpu("firmware", program, "-o", blob, *arguments)
    assert result.status == 0
    assert blob.read_bytes() == firmware_blob(dpu_spec.program.from_file(program))
    data = bundle.read_bytes()
    assert len(data) == 4 * 784
    assert data[784:] == stack.tobytes()
    assert f"{len(data):,} bytes" in result.out


def test_an_array_in_c(dpu: Dpu, program: Path, tmp_path: Path) -> None:
    header = tmp_path / "p.h"
    assert dpu("firmware", program, "-o", header).status == 0
    text = header.read_text()
    words = [int(word, 16) for word in re.findall(r"0x[0-9A-F]{8}", text)]
    blob = firmware_blob(dpu_spec.program.from_file(program))
    assert struct.pack(f"<{len(words)}I", *words) == blob
    assert f"static const uint32_t dpu_program_data[{len(words)}] = {{" in text


def test_inputs_need_a_bundle(dpu: Dpu, program: Path, picture: Path, tmp_path: Path) -> None:
    blob = tmp_path / "p.bin"
    refused(dpu("firmware", program, "-o", blob, "--input", picture), "--bundle")
    refused(dpu("firmware", program, "-o", blob, "--bundle", tmp_path / "i"), "--input")


def test_a_model_is_no_program(dpu: Dpu, network: Path, tmp_path: Path) -> None:
    refused(dpu("firmware", network, "-o", tmp_path / "p.bin"), "compile it first")


def compiled(dpu: Dpu, model: Path, tmp_path: Path) -> Path:
    path = tmp_path / "network.dpu"
    assert dpu("compile", model, "-o", path).status == 0
    return path


def test_operators_of_the_host_in_between(dpu: Dpu, tmp_path: Path) -> None:
    path = compiled(dpu, networks.host_between(tmp_path / "m.tflite"), tmp_path)
    refused(dpu("firmware", path, "-o", tmp_path / "p.bin"), "runs on the host", "use the driver")
    assert not (tmp_path / "p.bin").exists()


def test_real_values_at_the_ends(dpu: Dpu, tmp_path: Path) -> None:
    path = compiled(dpu, networks.float_ends(tmp_path / "m.tflite"), tmp_path)
    refused(dpu("firmware", path, "-o", tmp_path / "p.bin"), "QUANTIZE", "8 bits")


def test_nothing_for_the_dpu(dpu: Dpu, tmp_path: Path) -> None:
    path = compiled(dpu, networks.host_only(tmp_path / "m.tflite"), tmp_path)
    refused(dpu("firmware", path, "-o", tmp_path / "p.bin"), "nothing of it runs on the DPU")


def test_inputs_of_one_network_only(dpu: Dpu, picture: Path, tmp_path: Path) -> None:
    path = compiled(dpu, networks.two_inputs_two_outputs(tmp_path / "m.tflite"), tmp_path)
    blob, bundle = tmp_path / "p.bin", tmp_path / "i.bin"
    assert dpu("firmware", path, "-o", blob).status == 0
    arguments = ("--input", picture, "--bundle", bundle)
    refused(dpu("firmware", path, "-o", blob, *arguments), "2 inputs")
