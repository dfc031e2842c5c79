# SPDX-License-Identifier: Apache-2.0
"""Compile a network, run it on the emulator, hold every tensor against the reference runtime."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from dpu_compiler.compile import compile_graph
from dpu_compiler.errors import CapacityError
from dpu_compiler.frontend.tflite import read_bytes
from dpu_compiler.graph import Graph
from dpu_sim.emulator import ProgramRun
from dpu_spec.configuration import Configuration
from dpu_spec.program import Program, from_bytes, to_bytes
from tests.support import reference

Arrays = Mapping[int, np.ndarray]


@dataclasses.dataclass
class Verdict:
    """What became of one network: its program, or why it has none."""

    program: Program | None
    refusal: str = ""
    #: Computed int8 tensors, and those of them that existed in the run.
    computed: int = 0
    seen: int = 0


def expected_tensors(graph: Graph, model: bytes, feeds: Arrays) -> dict[int, np.ndarray]:
    """Every tensor by the reference runtime, or by the golden model where it is not installed."""
    if not reference.available():
        return graph.run(feeds)
    found = reference.run(model, [feeds[index] for index in graph.inputs])
    return {index: found[index].reshape(graph.tensors[index].shape) for index in found}


def compare(graph: Graph, found: Arrays, expected: Arrays) -> None:
    """Raise AssertionError with the first tensor and element that differ."""
    for operator in graph.operators:
        for index in operator.outputs:
            if index not in found:
                continue
            ours, theirs = found[index], expected[index]
            assert ours.shape == theirs.shape, f"tensor {index}: {ours.shape}, {theirs.shape}"
            assert ours.dtype == theirs.dtype, f"tensor {index}: {ours.dtype}, {theirs.dtype}"
            # Elements that were never written are masked, and equal to anything.
            wrong = np.argwhere(np.ma.filled(ours != theirs, False))
            if len(wrong):
                first = tuple(int(i) for i in wrong[0])
                raise AssertionError(
                    f"{operator.name} (operator {operator.index}), tensor {index} "
                    f"({graph.tensors[index].name}): {len(wrong)} of {ours.size} elements differ, "
                    f"first {list(first)}: {ours[first]}, not {theirs[first]}"
                )


def emulate(program: Program, feeds: Arrays) -> dict[int, np.ndarray]:
    """Run a program; return every tensor that was computed, on the chip, in DRAM or by the host.

    What lies in DRAM is read there, since that is what a host sees.
    """
    run = ProgramRun(program, collect=True)
    for index, array in feeds.items():
        run.put(index, array)
    for step in program.steps:
        run.step(step)
    found = run.tensors()
    computed = {index for layer in program.layers for index in layer.outputs}
    for index in computed:
        if program.tensors[index].window >= 0:
            stored = run.get(index)
            same = np.ma.filled(found.get(index, stored) == stored, True)
            assert same.all(), f"tensor {index} is not in DRAM what it is on the chip"
            found[index] = stored
    for index in program.outputs:
        found[index] = run.get(index)
    return found


def judge(
    model: bytes, feeds: Arrays, configuration: Configuration, expected: Arrays | None = None
) -> Verdict:
    """Compile and run a network; raise AssertionError where a tensor differs.

    A network that does not fit gives a verdict without a program.
    """
    graph = read_bytes(model, source="network")
    if expected is None:
        expected = expected_tensors(graph, model, feeds)
    try:
        program = compile_graph(graph, configuration)
    except CapacityError as error:
        return Verdict(None, str(error))
    # The file must hold all that the program is.
    program = from_bytes(to_bytes(program), source="program")
    tensors = emulate(program, feeds)
    assert set(graph.outputs) <= set(tensors)
    compare(graph, tensors, expected)
    computed = [
        index
        for operator in graph.operators
        for index in operator.outputs
        if graph.tensors[index].value.dtype == "int8"
    ]
    return Verdict(program, "", len(computed), sum(index in tensors for index in computed))
