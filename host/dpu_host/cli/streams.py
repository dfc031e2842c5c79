# SPDX-License-Identifier: Apache-2.0
"""``--frames`` and ``--resident``: several inferences a start, and constants that stay."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import typer

from dpu_host.cli.errors import UserError
from dpu_host.cli.inputs import Example
from dpu_host.cli.machines import Machine, Measurement, Outcome
from dpu_host.cli.sources import Source
from dpu_spec.instruction import Engine
from dpu_spec.isa import TARGET_NAMES, TARGET_SCRATCHPAD
from dpu_spec.program import Program, Step

#: Inferences of a start for a stack of examples, unless the user says otherwise.
STREAM = 4
#: The most that ``--frames`` takes: instructions of all frames are in the program.
MOST = 64

FramesOption = Annotated[
    int | None,
    typer.Option(
        "--frames",
        metavar="N",
        help="Inferences that one start of the program runs, each beginning while the one before "
        "ends. [default: 1; for a stack of examples on the RTL 4, and the first once alone]",
        show_default=False,
    ),
]
ResidentOption = Annotated[
    bool,
    typer.Option(
        "--resident",
        help="Keep weights and other constants on the chip between inferences, in each buffer "
        "that holds all of the network's.",
    ),
]


def check_frames(frames: int | None) -> None:
    """Refuse a number of frames that isn't one."""
    if frames is not None and not 1 <= frames <= MOST:
        raise UserError(f"--frames {frames}: must be from 1 to {MOST}.")


@dataclasses.dataclass
class Stream:
    """Inferences that were run several a start; ``starts`` has what each start took."""

    frames: int
    starts: list[Measurement] = dataclasses.field(default_factory=list)

    @property
    def cycles(self) -> float | None:
        """Cycles per inference, all starts together; the last may repeat its last example."""
        known = [start.cycles for start in self.starts if start.cycles is not None]
        return sum(known) / (len(known) * self.frames) if known else None

    def figures(self) -> dict[str, Any]:
        """Return what statistics say of it."""
        return {
            "frames_of_a_start": self.frames,
            "cycles_of_starts": [start.cycles for start in self.starts],
            "cycles_per_inference": self.cycles,
        }

    def run(
        self, machine: Machine, program: Program, examples: Sequence[Example], *, tensors: bool
    ) -> Iterator[Outcome]:
        """Run examples, as many at a time as the program does; yield the outcome of each."""
        for first in range(0, len(examples), self.frames):
            group = list(examples[first : first + self.frames])
            inputs = {}
            for frame in range(self.frames):
                for index, array in group[min(frame, len(group) - 1)].items():
                    inputs[program.frames.tensor(index, frame)] = array
            outcome = machine.run(inputs, tensors=tensors)
            self.starts.append(outcome.measurement)
            for frame in range(len(group)):
                yield _of_frame(outcome, program, frame)


def _of_frame(outcome: Outcome, program: Program, frame: int) -> Outcome:
    """Return what one frame of a start gave."""
    step = program.frames.tensors

    def mine(arrays: dict[int, Any]) -> dict[int, Any]:
        return {i - frame * step: array for i, array in arrays.items() if i // step == frame}

    return Outcome(
        mine(outcome.outputs),
        mine(outcome.tensors),
        outcome.measurement,
        outcome.problems if frame == 0 else [],
    )


def choose_stream(source: Source, frames: int | None, resident: bool) -> None:
    """Note how a model shall be compiled; refuse what a program wasn't compiled for."""
    program = source.program
    if program is None:
        source.frames, source.resident = frames or 1, resident
        return
    if frames not in (None, program.frames.count):
        raise UserError(
            f"--frames {frames}: {source.path} was compiled for {program.frames.count} a start; "
            "leave --frames out, or compile the model again."
        )
    if resident and program.preload is None:
        raise UserError(
            f"--resident: {source.path} was compiled without it; compile the model again with "
            "--resident."
        )


def stream_line(stream: Stream, inferences: int) -> str:
    """Return a sentence about a stream."""
    cycles = stream.cycles
    assert cycles is not None
    return (
        f"as a stream: {math.ceil(cycles):,} cycles an inference ({_count(inferences)}, "
        f"{stream.frames} a start)"
    )


def _count(inferences: int) -> str:
    return "1 inference" if inferences == 1 else f"{inferences} inferences"


def resident_line(program: Program) -> str:
    """Return a sentence about which constants stay on the chip."""
    stay = _constants(program, [] if program.preload is None else [program.preload])
    come = _constants(program, program.steps)
    text = f"resident: {_listed(stay) or 'nothing'}"
    return f"{text}; loaded in each start: {_listed(come)}" if come else text


def _constants(program: Program, steps: Sequence[Step]) -> dict[int, int]:
    """Return the bytes of constants that steps load, by target."""
    found: dict[int, int] = {}
    for step in steps:
        for instruction in program.instructions(step, Engine.LOAD):
            target = instruction.values["target"]
            if target != TARGET_SCRATCHPAD:
                found[target] = found.get(target, 0) + instruction.values["row_bytes"]
    return found


def _listed(sizes: dict[int, int]) -> str:
    return ", ".join(
        f"{TARGET_NAMES[target].replace('_', ' ')} {size:,} bytes" for target, size in sizes.items()
    )
