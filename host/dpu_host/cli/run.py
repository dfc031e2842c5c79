# SPDX-License-Identifier: Apache-2.0
"""``dpu run``."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from dpu_host.cli.answers import check_top, show_answers
from dpu_host.cli.board import BoardMachine
from dpu_host.cli.check import Check
from dpu_host.cli.console import say, show, steps, tell, width
from dpu_host.cli.dead_channels import DeadChannelsOption, dead_channel_line
from dpu_host.cli.errors import FAILURE, UserError
from dpu_host.cli.inputs import Example, load_inputs
from dpu_host.cli.layer_table import layer_table
from dpu_host.cli.machines import EmulatorMachine, GoldenMachine, Machine, Outcome
from dpu_host.cli.options import (
    ConfigOption,
    PresetOption,
    configuration_of,
    given_configuration,
    match,
    whole_number,
    writable,
    writable_folder,
)
from dpu_host.cli.outputs import check_output, dump, save_outputs
from dpu_host.cli.places import DEFAULT_PLACE, PLACES, On, Place, place
from dpu_host.cli.report import speed, statistics, write_csv, write_json
from dpu_host.cli.sources import Source, open_source
from dpu_host.cli.streams import (
    STREAM,
    FramesOption,
    ResidentOption,
    Stream,
    check_frames,
    choose_stream,
    resident_line,
    stream_line,
)
from dpu_spec.configuration import Configuration


def make_machine(
    on: On, source: Source, configuration: Configuration, board: BoardMachine | None = None
) -> Machine:
    """Return the machine, with the network compiled for it."""
    if on is On.golden:
        assert source.graph is not None
        return GoldenMachine(source.graph)
    program = source.compile(configuration)
    if board is not None:
        board.load(program)
        return board
    if on is On.emulator:
        return EmulatorMachine(program)
    from dpu_host.cli.rtl import RtlMachine

    return RtlMachine(program)


def infer(
    machine: Machine,
    examples: Sequence[Example],
    source: Source,
    check: Check | None,
    keep: bool,
    stream: Stream | None = None,
) -> list[Outcome]:
    """Run all examples, one by one or as a stream; hold each against the golden model if asked."""
    outcomes = []
    tensors = keep or check is not None
    found: Iterator[Outcome]
    if stream is None:
        found = (machine.run(example, tensors=tensors) for example in examples)
    else:
        assert source.program is not None
        found = stream.run(machine, source.program, examples, tensors=tensors)
    with steps("inferences", len(examples)) as bar:
        for number, (example, outcome) in enumerate(zip(examples, found, strict=True)):
            if check is not None:
                assert source.graph is not None
                check.add(source.graph, example, outcome, number)
                if number == 0 and source.program is not None:
                    check.add_channels(source.program, outcome)
            if not keep:
                outcome.tensors = {}
            outcomes.append(outcome)
            bar.advance(bar.task_ids[0])
    return outcomes


def _all(
    on: On,
    source: Source,
    configuration: Configuration,
    examples: Sequence[Example],
    check: Check | None,
    keep: bool,
    board: BoardMachine | None = None,
) -> tuple[list[Outcome], Stream | None]:
    """Run all examples, as a stream if the program runs several a start."""
    with closing(make_machine(on, source, configuration, board)) as machine:
        stream = None
        if on is not On.golden and source.program is not None and source.program.frames.count > 1:
            stream = Stream(source.program.frames.count)
        return infer(machine, examples, source, check, keep, stream), stream


def verdict(check: Check, machine: str) -> None:
    """Print what a check found; exit with status 1 where there is a difference."""
    if check.exact:
        tell(
            f"every byte equals the golden model: {check.tensors} tensors, "
            f"{check.elements:,} elements"
        )
        if check.constant_channels:
            tell(
                f"{check.constant_channels:,} channels of these tensors are constant for every "
                "input, so they were not computed; their values were compared"
            )
        if check.channels_not_computed:
            tell(
                f"{check.channels_not_computed:,} channels of these tensors were not computed, "
                "since nothing depends on them, and not compared (--no-dead-channels computes all)"
            )
        return
    number = len(check.differences)
    say(
        f"difference: {machine} and golden model differ; the first is in {check.differences[0]}; "
        f"{number} tensor{'s' if number > 1 else ''} in all."
    )
    raise typer.Exit(FAILURE)


def run(
    network: Annotated[
        Path, typer.Argument(metavar="MODEL_OR_PROGRAM", help="A .tflite model, or a program.")
    ],
    input: Annotated[
        list[str],
        typer.Option(
            "--input",
            metavar="[NAME=]FILE",
            help="An .npy array (with or without the batch axis, or several examples stacked on "
            "it; real values are quantized for an int8 input), or a PNG or JPEG picture. NAME=FILE "
            "for each of several inputs.",
        ),
    ],
    where: Annotated[
        Place,
        typer.Option("--on", metavar=PLACES, parser=place, help="Where to run it."),
    ] = DEFAULT_PLACE,
    preset: PresetOption = None,
    config: ConfigOption = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Outputs: .npy, or .npz for several."),
    ] = None,
    json: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Statistics of the run.")
    ] = None,
    csv: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="Statistics of each layer.")
    ] = None,
    check: Annotated[
        bool,
        typer.Option("--check", help="Compare every tensor that exists with the golden model."),
    ] = False,
    dump_to: Annotated[
        Path | None,
        typer.Option(
            "--dump", metavar="FOLDER", help="Write every tensor that exists as <index>.npy."
        ),
    ] = None,
    top: Annotated[
        int | None,
        typer.Option("--top", metavar="K", parser=whole_number, help="Show the K best classes."),
    ] = None,
    labels: Annotated[
        Path | None, typer.Option("--labels", metavar="FILE", help="Names of classes, one a line.")
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(
            "--model", metavar="FILE", help="The model of a program, for --check and --on golden."
        ),
    ] = None,
    dead_channels: DeadChannelsOption = None,
    frames: FramesOption = None,
    resident: ResidentOption = False,
) -> None:
    """Run a network on the golden model, the emulator, the RTL of the hardware, or a board."""
    on = where.on
    wanted = given_configuration(preset, config)
    check_frames(frames)
    if on is On.golden and (frames is not None or resident):
        raise UserError(
            "--frames and --resident: are about the hardware, and --on golden computes without "
            "any; leave them out, or name --on emulator or rtl."
        )
    source = open_source(network, model, dead_channels=dead_channels)
    choose_stream(source, 1 if on is On.rtl and source.program is None else frames, resident)
    if source.program is not None:
        configuration = match(source.program, wanted, network)
    else:
        configuration = configuration_of(preset, config)
    if source.graph is None and (check or on is On.golden):
        what = "--check" if check else "--on golden"
        raise UserError(
            f"{network}: is a program, and {what} needs the model that it was compiled from; name "
            "the model instead, or add --model FILE."
        )
    for path, option in ((json, "--json"), (csv, "--csv")):
        if path is not None:
            writable(path, option)
    if output is not None:
        check_output(output, source)
    number, names = check_top(top, labels, source)
    examples = load_inputs(input, source)
    board = None
    if on is On.board:
        board = BoardMachine(where.device)
        if wanted is None and source.program is None:
            configuration = board.configuration()
    if dump_to is not None:
        writable_folder(dump_to, "--dump")

    result = Check() if check else None
    keep = dump_to is not None
    stream = None
    if on is On.rtl and source.program is None and len(examples) > 1 and frames != 1:
        # What an inference takes alone is measured as well.
        with closing(make_machine(on, source, configuration)) as machine:
            alone = infer(machine, examples[:1], source, result, keep=False)
        together = dataclasses.replace(
            source, program=None, frames=frames or min(STREAM, len(examples))
        )
        outcomes, stream = _all(on, together, configuration, examples, result, keep)
        found = statistics(source, configuration, on.value, alone, result, stream)
        found["examples"] = len(examples)
    else:
        if frames is not None:
            source.frames = frames
        outcomes, stream = _all(on, source, configuration, examples, result, keep, board)
        found = statistics(source, configuration, on.value, outcomes, result, stream)
    if output is not None:
        save_outputs(output, source, outcomes)
    if dump_to is not None:
        dump(dump_to, outcomes)
    if json is not None:
        write_json(json, found)
    if csv is not None:
        write_csv(csv, found)
    show_answers(source, outcomes, number, names)
    if found["cycles"] is not None:
        show(layer_table(found, width()))
        tell(speed(found))
        if source.program is not None and source.program.dead_channels is not None:
            tell(dead_channel_line(source.program.dead_channels))
        if resident and source.program is not None:
            tell(resident_line(source.program))
        if source.program is not None and source.program.frames.count > 1:
            tell("the figures are those of one inference, the table has the layers of a start")
        if stream is not None:
            tell(stream_line(stream, len(examples)))
    if result is not None:
        verdict(result, on.value)
