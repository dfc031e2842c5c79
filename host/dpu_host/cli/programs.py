# SPDX-License-Identifier: Apache-2.0
"""``dpu compile`` and ``dpu disassemble``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from dpu_host.cli.console import tell
from dpu_host.cli.dead_channels import DeadChannelsOption, dead_channel_line
from dpu_host.cli.options import (
    ConfigOption,
    PresetOption,
    configuration_name,
    configuration_of,
    writable,
    writing,
)
from dpu_host.cli.report import short
from dpu_host.cli.sources import compiled, open_model, open_program
from dpu_host.cli.streams import FramesOption, ResidentOption, check_frames, resident_line
from dpu_host.disassembly import text
from dpu_spec.instruction import Engine
from dpu_spec.program import HostOperator, Mark, Program, Step, to_bytes


def compile(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="An int8 .tflite model.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="PROGRAM", help="The program to write.")
    ],
    preset: PresetOption = None,
    config: ConfigOption = None,
    dead_channels: DeadChannelsOption = None,
    frames: FramesOption = None,
    resident: ResidentOption = False,
) -> None:
    """Compile a network to a program."""
    check_frames(frames)
    configuration = configuration_of(preset, config)
    graph = open_model(model)
    writable(output, "--output")
    program = compiled(
        graph,
        model,
        configuration,
        dead_channels=dead_channels is not False,
        frames=frames or 1,
        resident=resident,
    )
    with writing(output):
        output.write_bytes(to_bytes(program))
    listed = _counts(program.steps)
    hosted = [
        step.host.operator
        for step in program.steps
        if step.host is not None and program.frames.first((step.host.outputs[0],))
    ]
    tell(f"{output}: for {configuration_name(configuration)} ({configuration.hash:08x})")
    tell(f"instructions: {listed or 'none'}")
    if program.preload is not None:
        tell(f"once, when it is loaded: {_counts([program.preload])}")
    tell(
        f"DRAM: program {len(program.image):,} bytes, arena {program.arena_bytes:,}, "
        f"input {program.input_bytes:,}, output {program.output_bytes:,}"
    )
    if program.dead_channels is not None:
        tell(dead_channel_line(program.dead_channels))
    if program.frames.count > 1:
        tell(f"frames: {program.frames.count} inferences a start")
    if resident:
        tell(resident_line(program))
    tell(f"on the host: {', '.join(hosted) or 'nothing'}")


def _counts(steps: Sequence[Step]) -> str:
    """Return how many instructions each engine has."""
    counts = dict.fromkeys(Engine, 0)
    for step in steps:
        for engine, stream in (step.streams or {}).items():
            counts[engine] += stream.count
    return ", ".join(f"{engine.name.lower()} {n}" for engine, n in counts.items() if n)


def disassemble(
    program: Annotated[Path, typer.Argument(metavar="PROGRAM", help="A compiled program.")],
) -> None:
    """Print a program's instructions with what each is for."""
    tell("\n".join(_lines(open_program(program))))


def _lines(program: Program) -> Iterator[str]:
    configuration = program.configuration
    yield f"model {program.model}"
    yield f"configuration {configuration_name(configuration)} ({configuration.hash:08x})"
    yield (
        f"DRAM: program {len(program.image)}, arena {program.arena_bytes}, "
        f"input {program.input_bytes}, output {program.output_bytes} bytes"
    )
    if program.frames.count > 1:
        yield f"frames: {program.frames.count} inferences a start"
    if program.preload is not None:
        yield "\nonce, when the program is loaded: DPU"
        yield from _streams(program, program.preload)
    for number, step in enumerate(program.steps):
        if step.host is not None:
            yield f"\nstep {number}: host"
            yield f"  {_host(program, step.host)}"
            continue
        yield f"\nstep {number}: DPU"
        yield from _streams(program, step)


def _streams(program: Program, step: Step) -> Iterator[str]:
    for engine, stream in sorted((step.streams or {}).items()):
        yield f"{engine.name}: {stream.count} instructions at 0x{stream.offset:X}"
        decoded = program.instructions(step, engine)
        for index, (mark, instruction) in enumerate(zip(stream.marks, decoded, strict=True)):
            yield f"  {index:5d}  {text(instruction)}  ; {_purpose(program, mark)}"


def _purpose(program: Program, mark: Mark) -> str:
    found = f"layer {mark.layer} {program.layers[mark.layer].operator}"
    if mark.tensor >= 0:
        found += f", tensor {mark.tensor} from [{mark.row}, {mark.column}, {mark.channel}]"
    return found


def _host(program: Program, host: HostOperator) -> str:
    def names(indices: tuple[int, ...]) -> str:
        return ", ".join(
            f"{i} {short(program.tensors[i].name, 40)}" if i >= 0 else "none" for i in indices
        )

    return f"{host.operator}: {names(host.inputs)} -> {names(host.outputs)}"
