# SPDX-License-Identifier: Apache-2.0
"""Bytes that a program moves over the DRAM bus, by layer."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from dpu_spec.instruction import Engine, Instruction
from dpu_spec.isa import INSTRUCTION_BYTES
from dpu_spec.program import Mark, Program, Step

from .emulator.run import instructions


@dataclasses.dataclass
class Traffic:
    """Bytes of one layer: what its LOADs read and its STOREs write, and its instructions."""

    read: int = 0
    written: int = 0
    fetched: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.read + self.written + self.fetched


def marked(program: Program, step: Step) -> Iterator[tuple[Mark, Engine, Instruction]]:
    """Yield each instruction of a step with its mark."""
    for engine in Engine:
        if step.streams is not None and engine in step.streams:
            marks = step.streams[engine].marks
            for mark, instruction in zip(marks, instructions(program, step, engine), strict=True):
                yield mark, engine, instruction


def layer_traffic(program: Program) -> dict[int, Traffic]:
    """Return the bytes of each layer that has any, by its index.

    A bus moves whole beats, so that its own counters may show a few bytes more.
    """
    found: dict[int, Traffic] = {}
    for step in program.steps:
        for mark, engine, instruction in marked(program, step):
            traffic = found.setdefault(mark.layer, Traffic())
            traffic.fetched += INSTRUCTION_BYTES[engine]
            if engine in (Engine.LOAD, Engine.STORE):
                size = instruction.rows * instruction.row_bytes
                if engine is Engine.LOAD:
                    traffic.read += size
                else:
                    traffic.written += size
    return found
