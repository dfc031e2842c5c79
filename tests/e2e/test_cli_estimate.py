# SPDX-License-Identifier: Apache-2.0
"""``dpu estimate``: the cycle model's answer, without RTL."""

import csv
import dataclasses
import json
from pathlib import Path

import pytest

import dpu_spec.program
from dpu_compiler.cost import estimate
from dpu_host.cli.prediction import predict, predicted_bytes
from dpu_spec.instruction import Engine, Instruction
from dpu_spec.isa import LOAD, encode
from dpu_spec.program import Step, Stream, to_bytes
from tests.e2e.conftest import Dpu
from tests.e2e.test_cli_errors import refused


def test_model(dpu: Dpu, network: Path, tmp_path: Path) -> None:
    stats, table = tmp_path / "e.json", tmp_path / "e.csv"
    result = dpu("estimate", network, "--preset", "tiny", "--json", stats, "--csv", table)
    assert result.status == 0, result.err
    assert "Layers on tiny" in result.out
    assert "on the host, not counted: SOFTMAX" in result.out
    found = json.loads(stats.read_text())
    assert f"expected: {found['cycles']:,} cycles, 769,952 MACs" in result.out
    assert f"DRAM: {found['dram_read_bytes']:,} bytes read" in result.out
    assert found["machine"] == "estimate"
    # No array takes less than its multipliers allow, and layers add up.
    assert found["cycles"] > 676_352 / 16
    assert found["cycles"] == sum(layer["cycles"] for layer in found["layers"])
    assert found["utilization_array"] == pytest.approx(769_952 / found["cycles"] / 16)
    for layer in found["layers"]:
        if layer["engine"] != "host":
            assert 0 < layer["start"] < layer["end"] <= found["cycles"]
            assert 0 < layer["busy"] <= layer["end"] - layer["start"] + 1
            assert layer["dram_bytes"] > 0
    moved = found["dram_read_bytes"] + found["dram_write_bytes"]
    layers = sum(layer["dram_bytes"] for layer in found["layers"])
    assert layers <= moved <= 1.05 * layers
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["cycles"]) for row in rows] == [x["cycles"] for x in found["layers"]]


def test_program_is_its_model(dpu: Dpu, network: Path, program: Path) -> None:
    result = dpu("estimate", program)
    assert result.status == 0, result.err
    assert result.out == dpu("estimate", network).out
    expected = predict(dpu_spec.program.from_file(program))
    assert expected.cycles == estimate(dpu_spec.program.from_file(program))


def test_user_errors(dpu: Dpu, program: Path, network: Path, tmp_path: Path) -> None:
    refused(dpu("estimate", tmp_path / "no.tflite"), "no such file", "name a .tflite model")
    refused(dpu("estimate", program, "--preset", "tiny"), "compiled for another configuration")
    refused(dpu("estimate", network, "--preset", "huge"), "no such preset")
    refused(dpu("estimate", network, "--json", tmp_path / "a" / "b"), "no folder")


def test_program_that_waits_for_ever(dpu: Dpu, program: Path, tmp_path: Path) -> None:
    found = dpu_spec.program.from_file(program)
    streams = found.steps[0].streams
    assert streams is not None
    stopped = {engine: stream for engine, stream in streams.items() if engine is not Engine.LOAD}
    steps = (dataclasses.replace(found.steps[0], streams=stopped), *found.steps[1:])
    path = tmp_path / "stopped.dpu"
    path.write_bytes(to_bytes(dataclasses.replace(found, steps=steps)))
    refused(dpu("estimate", path), "CONV waits at its instruction 0", "compile the model again")


def load(**values: int) -> Instruction:
    """Return a LOAD with what is not given zero or one."""
    ones = dict.fromkeys(("rows", "columns", "depth"), 1)
    fields = {field.name: ones.get(field.name, 0) for field in LOAD.fields}
    return Instruction(LOAD, fields | values)


@pytest.mark.parametrize(
    ("instruction", "beats"),
    [
        (load(row_bytes=1), 1),
        (load(row_bytes=8), 1),
        (load(row_bytes=9), 2),
        (load(row_bytes=2, dram_offset=7), 2),
        # Rows without a gap are one run; rows with a gap one each.
        (load(rows=4, row_bytes=2, dram_row_stride=2), 1),
        (load(rows=4, row_bytes=2, dram_row_stride=8), 4),
        (load(rows=4, row_bytes=2, dram_row_stride=7), 5),
        # So are pixels.
        (load(columns=4, depth=2, row_bytes=8, dram_column_stride=2), 1),
        (load(columns=4, depth=2, row_bytes=8, dram_column_stride=5), 5),
        (load(columns=4, depth=2, row_bytes=8, dram_column_stride=8), 4),
        (load(rows=2, columns=2, depth=2, row_bytes=4, dram_row_stride=4), 1),
    ],
)
def test_reads_are_whole_beats(program: Path, instruction: Instruction, beats: int) -> None:
    image = encode(instruction)
    found = dataclasses.replace(
        dpu_spec.program.from_file(program),
        image=image,
        steps=(Step(streams={Engine.LOAD: Stream(0, 1, ())}),),
    )
    assert predicted_bytes(found) == (8 * beats + len(image), 0)
