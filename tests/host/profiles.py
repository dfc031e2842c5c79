# SPDX-License-Identifier: Apache-2.0
"""Inferences to profile: of the bundled network, and of a few instructions made by hand."""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from dpu_compiler.compile import compile_graph
from dpu_compiler.frontend.tflite import read_model
from dpu_host.cli.machines import Outcome
from dpu_host.cli.prediction import predict
from dpu_host.cli.report import statistics
from dpu_host.cli.report_page import recorded
from dpu_host.cli.sources import Source
from dpu_host.profile import Execution, Run, Subject, execute
from dpu_spec.instruction import Engine, Instruction
from dpu_spec.isa import FORMATS, INSTRUCTION_BYTES, encode
from dpu_spec.presets import preset
from dpu_spec.program import Mark, Program, Step, Stream

MODEL = Path(__file__).resolve().parents[2] / "examples" / "digits" / "digits_int8.tflite"
_FORMATS = {
    Engine.LOAD: "LOAD",
    Engine.CONV: "CONV",
    Engine.DRAIN: "DRAIN",
    Engine.DEPTHWISE: "DEPTHWISE",
    Engine.VECTOR: "TABLE",
    Engine.STORE: "STORE",
}
Span = tuple[int, int]


@functools.cache
def compiled(name: str = "b128") -> Program:
    """Return the bundled network as a program."""
    return compile_graph(read_model(MODEL), preset(name))


@functools.cache
def estimated(name: str = "b128", clock: float | None = None) -> Subject:
    """Return the bundled network as the cycle model expects it."""
    program = compiled(name)
    expected = predict(program)
    source = Source(MODEL, None, program)
    found = statistics(source, program.configuration, "estimate", [Outcome({}, {}, expected)], None)
    return Subject(execute(program, recorded(expected)), found, False, "made up", clock)


def instruction(engine: Engine, wait: Sequence[Engine] = (), signal: Sequence[Engine] = (), **v):
    """Return an instruction of an engine; what is not given is 1 where it counts, else 0."""
    found = next(each for each in FORMATS if each.name == _FORMATS[engine])
    counts = ("rows", "columns", "blocks", "depth", "kernel_h", "kernel_w", "ring_words")
    counts += ("height", "width", "out_ring_words", "repeat_y", "repeat_x", "last")
    names = [field.name for field in found.fields]
    values = {name: 1 for name in counts if name in names} | v
    values["wait"] = sum(1 << other for other in wait)
    values["signal"] = sum(1 << other for other in signal)
    return Instruction(found, values)


def run_of(
    streams: Mapping[Engine, Sequence[tuple[Instruction, Span]]], cycles: int, image: bytearray
) -> Run:
    """Put instructions with their spans into an image; return their run, all of layer 0."""
    steps = {}
    for engine, every in streams.items():
        steps[engine] = Stream(len(image), len(every), (Mark(0),) * len(every))
        for each, _ in every:
            code = encode(each)
            assert len(code) == INSTRUCTION_BYTES[engine]
            image += code
    spans = {engine: [span for _, span in every] for engine, every in streams.items()}
    return Run(Step(streams=steps), spans, cycles)


def by_hand(*runs: tuple[Mapping[Engine, Sequence[tuple[Instruction, Span]]], int]) -> Execution:
    """Return an execution of instructions made by hand: (streams with spans, cycles) a run."""
    image = bytearray()
    found = [run_of(streams, cycles, image) for streams, cycles in runs]
    program = dataclasses.replace(
        compiled(), image=bytes(image), steps=tuple(run.step for run in found)
    )
    return execute(program, found)


def zeros(program: Program) -> dict[int, np.ndarray]:
    """Return inputs of zeros."""
    return {
        index: np.zeros(program.tensors[index].shape, program.tensors[index].dtype)
        for index in program.inputs
    }
