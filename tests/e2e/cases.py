# SPDX-License-Identifier: Apache-2.0
"""Programs with all that they write, by the emulator, to hold hardware against word by word."""

from __future__ import annotations

import dataclasses

import numpy as np

from dpu_compiler.compile import compile_graph
from dpu_compiler.frontend.tflite import read_bytes
from dpu_sim.emulator import run_program, written_words
from dpu_sim.emulator.access import Writes
from dpu_sim.rtl.results import WRITERS
from dpu_spec.configuration import Configuration
from dpu_spec.instruction import Engine, Instruction
from dpu_spec.isa import INSTRUCTION_BYTES
from dpu_spec.program import Program

Arrays = dict[int, np.ndarray]


@dataclasses.dataclass
class Case:
    """A program, an input, and all that the DPU makes of it: outputs and scratchpad writes."""

    program: Program
    feeds: Arrays
    outputs: Arrays
    #: For each engine, its instructions with the words that each wrote, by address.
    writes: dict[Engine, list[tuple[Instruction, np.ndarray, np.ndarray]]]


def case(program: Program, feeds: Arrays) -> Case:
    """Run a program on the emulator, and keep what it wrote."""
    writes: dict[Engine, list[tuple[Instruction, np.ndarray, np.ndarray]]] = {}

    def observe(engine: Engine, index: int, instruction: Instruction, written: Writes) -> None:
        addresses, words = written.get("scratchpad", (np.zeros(0, np.int64), np.zeros(0)))
        if addresses.size:
            order = np.argsort(addresses, axis=None)
            words = words.reshape(addresses.size, -1)[order]
            found = (instruction, addresses.reshape(-1)[order], words)
            writes.setdefault(engine, []).append(found)

    outputs = run_program(program, feeds, observer=observe)
    return Case(program, feeds, outputs, writes)


def network_case(model: bytes, configuration: Configuration, seed: int = 1) -> Case:
    """Compile a network with one input for a configuration, and run it on random numbers."""
    graph = read_bytes(model, source="network")
    index = graph.inputs[0]
    rng = np.random.default_rng(seed)
    feeds = {index: rng.integers(-128, 128, graph.tensors[index].shape).astype(np.int8)}
    made = case(compile_graph(graph, configuration), feeds)
    golden = graph.run(feeds)
    for output, array in made.outputs.items():
        np.testing.assert_array_equal(array, golden[output])
    return made


def compare_writes(expected: Case, records: np.ndarray) -> None:
    """Hold every word that was written to the scratchpad against the emulator's."""
    lanes = expected.program.configuration.lanes
    for number, name in enumerate(WRITERS):
        mine = records[records["writer"] == number]
        at = 0
        for instruction, addresses, words in expected.writes.get(Engine[name.upper()], []):
            part = mine[at : at + addresses.size]
            part = part[np.argsort(part["address"], kind="stable")]
            at += addresses.size
            np.testing.assert_array_equal(part["address"], addresses, repr(instruction))
            # A LOAD leaves the lanes beyond the depth of a pixel open.
            open_lanes = np.zeros((addresses.size, lanes), bool)
            if name == "load":
                blocks = written_words(instruction, lanes)
                last = np.isin(addresses, blocks[-1])
                open_lanes[last, (instruction.depth - 1) % lanes + 1 :] = True
            wrong = (part["word"] != words) & ~open_lanes
            assert not wrong.any(), f"{np.argwhere(wrong)[0]} of {instruction!r}"
        assert at == len(mine), f"{name}: {len(mine)} words, not {at}"


def instructions(program: Program) -> list[tuple[Engine, int, int, bytes]]:
    """Return engine, index, address in the program window and bytes of every instruction."""
    found = []
    assert program.steps[0].streams is not None
    for engine, stream in program.steps[0].streams.items():
        size = INSTRUCTION_BYTES[engine]
        for index in range(stream.count):
            at = stream.offset + index * size
            found.append((engine, index, at, program.image[at : at + size]))
    return found
