# SPDX-License-Identifier: Apache-2.0
"""``dpu estimate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dpu_host.cli.boards import board_of
from dpu_host.cli.console import show, tell, width
from dpu_host.cli.dead_channels import DeadChannelsOption, dead_channel_line
from dpu_host.cli.layer_table import layer_table
from dpu_host.cli.machines import Outcome
from dpu_host.cli.options import (
    ConfigOption,
    PresetOption,
    configuration_of,
    given_configuration,
    match,
    writable,
)
from dpu_host.cli.prediction import predict
from dpu_host.cli.report import percent, statistics, write_csv, write_json
from dpu_host.cli.sources import open_source
from dpu_host.cli.streams import (
    FramesOption,
    ResidentOption,
    check_frames,
    choose_stream,
    resident_line,
)


def estimate(
    network: Annotated[
        Path, typer.Argument(metavar="MODEL_OR_PROGRAM", help="A .tflite model, or a program.")
    ],
    preset: PresetOption = None,
    config: ConfigOption = None,
    json: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Everything that is expected.")
    ] = None,
    csv: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="What is expected of each layer.")
    ] = None,
    dead_channels: DeadChannelsOption = None,
    frames: FramesOption = None,
    resident: ResidentOption = False,
    board: Annotated[
        str | None,
        typer.Option(
            "--board",
            metavar="NAME",
            help="A board, for its preset, memory and clock; `dpu boards` lists them.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Predict cycles, utilization and DRAM bytes of an inference by the cycle model."""
    wanted = given_configuration(preset, config)
    target = None if board is None else board_of(board, wanted)
    check_frames(frames)
    source = open_source(network, dead_channels=dead_channels)
    choose_stream(source, frames, resident)
    if source.program is not None:
        if target is not None:
            wanted = target.configuration
        configuration = match(source.program, wanted, network)
    elif target is not None:
        configuration = target.configuration
    else:
        configuration = configuration_of(preset, config)
    for path, option in ((json, "--json"), (csv, "--csv")):
        if path is not None:
            writable(path, option)
    program = source.compile(configuration)
    expected = predict(program) if target is None else predict(program, target.memory_model)
    found = statistics(source, configuration, "estimate", [Outcome({}, {}, expected)], None)
    if json is not None:
        write_json(json, found)
    if csv is not None:
        write_csv(csv, found)
    show(layer_table(found, width()))
    tell(
        f"expected: {found['cycles']:,} cycles, {found['macs']:,} MACs, utilization "
        f"{percent(found['utilization_array']) or 'unknown'} of the array, "
        f"{percent(found['utilization_all']) or 'unknown'} of all multipliers"
    )
    if target is not None:
        tell(
            f"on {target.title} at {target.clock_hertz / 1e6:g} MHz, with its SDRAM of 16 bits: "
            f"{1e3 * found['cycles'] / target.clock_hertz:.3f} ms"
        )
    tell(
        f"DRAM: {found['dram_read_bytes']:,} bytes read (instructions and parameters included, "
        f"whole beats), {found['dram_write_bytes']:,} written"
    )
    if program.dead_channels is not None:
        tell(dead_channel_line(program.dead_channels))
    if program.frames.count > 1:
        tell(f"frames: {program.frames.count} inferences a start; the figures are those of one")
    if resident:
        tell(resident_line(program))
    tell(f"on the host, not counted: {', '.join(found['host_operators']) or 'nothing'}")
