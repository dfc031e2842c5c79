# SPDX-License-Identifier: Apache-2.0
"""Tensors from a record of scratchpad writes, and the record itself."""

from pathlib import Path

import numpy as np
import pytest

from dpu_compiler.compile import compile_graph
from dpu_compiler.frontend.tflite import read_model
from dpu_sim.emulator import Collector, ProgramRun
from dpu_sim.rtl import RtlProcess, SimulationError, read_writes
from dpu_sim.rtl.record import collect_writes
from dpu_sim.rtl.results import WRITERS
from dpu_spec.instruction import Engine
from dpu_spec.presets import preset
from dpu_spec.program import Program, Step
from tests.rtl.support_copy_run import build

MODEL = Path(__file__).resolve().parents[2] / "examples" / "digits" / "digits_int8.tflite"


def record_of(program: Program, seed: int) -> tuple[Step, np.ndarray, dict[int, np.ndarray]]:
    """Run a program on the emulator; return its first step, its writes and its tensors."""
    rows: list[tuple[int, int, int, int, np.ndarray]] = []

    def observe(engine: Engine, index: int, instruction: object, writes: dict) -> None:
        if "scratchpad" in writes:
            writer = WRITERS.index(engine.name.lower())
            addresses, words = writes["scratchpad"]
            for address, word in zip(
                addresses.reshape(-1), words.reshape(-1, words.shape[-1]), strict=True
            ):
                rows.append((len(rows), address, writer, len(word), word))

    run = ProgramRun(program, observer=observe, collect=True)
    example = np.random.default_rng(seed).integers(-128, 128, (1, 28, 28, 1))
    run.put(0, example.astype(np.int8))
    step = next(step for step in program.steps if step.streams is not None)
    run.step(step)
    lanes = program.configuration.lanes
    fields = [("cycle", "<u4"), ("address", "<u2"), ("writer", "u1"), ("lanes", "u1")]
    return step, np.array(rows, np.dtype([*fields, ("word", "i1", (lanes,))])), run.tensors()


@pytest.mark.parametrize("name", ["tiny", "b128"])
def test_tensors_are_put_together(tmp_path: Path, name: str) -> None:
    program = compile_graph(read_model(MODEL), preset(name))
    step, records, expected = record_of(program, 4)
    path = tmp_path / "writes"
    path.write_bytes(records.tobytes())
    into = Collector(program.tensors, program.configuration)
    assert collect_writes(program, step, read_writes(path), into) == []
    found = into.tensors()
    assert set(found) == set(expected)
    for index, array in found.items():
        np.testing.assert_array_equal(array, expected[index])


def test_other_writes_than_those_of_the_instructions(tmp_path: Path) -> None:
    program = compile_graph(read_model(MODEL), preset("tiny"))
    step, records, _ = record_of(program, 4)

    def problems(changed: np.ndarray) -> list[str]:
        return collect_writes(
            program, step, changed, Collector(program.tensors, program.configuration)
        )

    drains = np.nonzero(records["writer"] == WRITERS.index("drain"))[0]
    (missing,) = problems(np.delete(records, drains[-1]))
    assert missing.startswith("DRAIN: The writes end 1 short")
    (more,) = problems(np.concatenate([records, records[drains[-1:]]]))
    assert more == "DRAIN: 1 words more than its instructions write."
    wrong = records.copy()
    wrong["address"][drains[5]] += 1
    (other,) = problems(wrong)
    assert other.startswith("DRAIN: Other words were written than those of")


def test_empty_record(tmp_path: Path) -> None:
    path = tmp_path / "writes"
    path.touch()
    assert len(read_writes(path)) == 0


@pytest.mark.rtl
def test_a_design_without_the_ports_records_nothing(tmp_path: Path) -> None:
    with RtlProcess(build(64)) as process:
        process.writes(None)
        with pytest.raises(SimulationError, match="cannot record writes to"):
            process.writes(tmp_path / "writes")
