# SPDX-License-Identifier: Apache-2.0
"""``dpu report``: a page that shows where the cycles of an inference go."""

from __future__ import annotations

import enum
import json
import math
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from dpu_host.cli.console import note, tell, working
from dpu_host.cli.dead_channels import DeadChannelsOption
from dpu_host.cli.errors import UserError
from dpu_host.cli.inputs import Example, load_inputs
from dpu_host.cli.machines import Measurement, Outcome
from dpu_host.cli.options import (
    ConfigOption,
    PresetOption,
    configuration_of,
    given_configuration,
    match,
    writable,
    writing,
)
from dpu_host.cli.prediction import predict
from dpu_host.cli.report import percent, statistics
from dpu_host.cli.sources import Source, open_source
from dpu_host.profile import Run, Subject, chrome_trace, execute, page
from dpu_sim.rtl.layers import spans
from dpu_spec.program import Program, Tensor

_ESTIMATED = (
    "estimated by the cycle model, without running anything: an instruction takes what its formula "
    "says, waits for its tokens, and meets no refused bank"
)
_MEASURED = (
    "measured on the RTL in simulation: the cycle in which each engine took each instruction and "
    "the one in which it was complete, with a DRAM that answers a burst after 40 cycles and then "
    "gives a beat a cycle"
)


class Times(enum.StrEnum):
    """Where times come from."""

    rtl = "rtl"
    estimate = "estimate"


def _check_clock(clock: float | None) -> None:
    if clock is not None and not (math.isfinite(clock) and clock > 0):
        raise UserError(f"--clock {clock:g}: is no frequency; give it in MHz, such as 100.")


def _zeros(source: Source) -> Example:
    def zeros(tensor: Tensor) -> np.ndarray:
        return np.zeros(tensor.shape, np.dtype(tensor.dtype))

    return {index: zeros(source.tensors[index]) for index in source.inputs}


def _example(arguments: list[str] | None, source: Source) -> Example:
    if not arguments:
        return _zeros(source)
    examples = load_inputs(arguments, source)
    if len(examples) > 1:
        note(f"--input: holds {len(examples)} examples; the report is on the first.")
    return examples[0]


def _measure(program: Program, example: Example) -> Measurement:
    from dpu_host.cli.rtl import RtlMachine

    machine = RtlMachine(program)
    try:
        with working("running the RTL"):
            return machine.run(example, tensors=False).measurement
    finally:
        machine.close()


def recorded(measurement: Measurement) -> list[Run]:
    """Return the runs of a measurement with the spans of their instructions."""
    return [
        Run(run.step, spans(run.trace, run.started), run.cycles, run.counters)
        for run in measurement.runs
    ]


def report(
    network: Annotated[
        Path, typer.Argument(metavar="MODEL_OR_PROGRAM", help="A .tflite model, or a program.")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="PAGE", help="The page to write (HTML).")
    ],
    preset: PresetOption = None,
    config: ConfigOption = None,
    on: Annotated[
        Times,
        typer.Option("--on", help="Take times from the RTL's record, or from the cycle model."),
    ] = Times.estimate,
    input: Annotated[
        list[str] | None,
        typer.Option(
            "--input",
            metavar="[NAME=]FILE",
            help="With --on rtl, as for `dpu run`; zeros where it isn't given (cycles don't "
            "depend on values).",
        ),
    ] = None,
    trace: Annotated[
        Path | None,
        typer.Option(
            "--trace",
            metavar="FILE",
            help="Also write a Chrome trace for Perfetto; its microsecond is a cycle, or real time "
            "with --clock.",
        ),
    ] = None,
    clock: Annotated[
        float | None,
        typer.Option("--clock", metavar="MHZ", help="Clock, to show times beside cycles."),
    ] = None,
    dead_channels: DeadChannelsOption = None,
) -> None:
    """Show where the cycles of an inference go, as a page and as a trace file."""
    wanted = given_configuration(preset, config)
    _check_clock(clock)
    source = open_source(network, dead_channels=dead_channels)
    if source.program is not None:
        configuration = match(source.program, wanted, network)
        if source.program.frames.count > 1:
            raise UserError(
                f"{network}: runs {source.program.frames.count} inferences a start, and the page "
                "is about one; compile the model without --frames, or name the model."
            )
    else:
        configuration = configuration_of(preset, config)
    writable(output, "--output")
    if trace is not None:
        writable(trace, "--trace")
        if trace.resolve() == output.resolve():
            raise UserError(f"{trace}: is the name of both page and trace; give them two names.")
    if input and on is not Times.rtl:
        raise UserError("--input: goes with --on rtl only; the cycle model takes no input.")
    example = _example(input, source) if on is Times.rtl else {}

    program = source.compile(configuration)
    if on is Times.rtl:
        measurement, origin = _measure(program, example), _MEASURED
    else:
        measurement, origin = predict(program), _ESTIMATED
    found = statistics(source, configuration, on.value, [Outcome({}, {}, measurement)], None)
    if not measurement.runs:
        raise UserError(
            f"{network}: runs wholly on the host, so there are no cycles to show; `dpu info` says "
            "why each operator does."
        )
    execution = execute(program, recorded(measurement))
    subject = Subject(execution, found, on is Times.rtl, origin, clock)
    with writing(output):
        output.write_text(page(subject), encoding="utf-8")
    tell(
        f"{output}: {found['cycles']:,} cycles, {'measured' if subject.measured else 'estimated'}, "
        f"utilization {percent(found['utilization_array']) or 'unknown'} of the array, "
        f"{sum(len(each) for each in execution.engines.values()):,} instructions"
    )
    if trace is not None:
        with writing(trace):
            trace.write_text(json.dumps(chrome_trace(subject)) + "\n", encoding="utf-8")
        tell(f"{trace}: for https://ui.perfetto.dev or chrome://tracing")
