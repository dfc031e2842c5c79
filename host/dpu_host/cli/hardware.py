# SPDX-License-Identifier: Apache-2.0
"""``dpu generate`` and ``dpu presets``."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from dpu_host.cli.console import show, tell, working
from dpu_host.cli.options import ConfigOption, PresetOption, configuration_of, writable_folder
from dpu_spec.configuration import Configuration
from dpu_spec.presets import PRESET_NOTES, PRESETS


class FpgaFamily(enum.Enum):
    """The families of :class:`dpu_hw.family.Family`."""

    PORTABLE = "portable"
    ECP5 = "ecp5"
    XC7 = "xc7"
    GOWIN = "gowin"


def generate(
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where to write.")
    ],
    preset: PresetOption = None,
    config: ConfigOption = None,
    family: Annotated[
        FpgaFamily,
        typer.Option(
            "--family",
            help="FPGAs whose DSP blocks are named where synthesis makes less of them; "
            "portable names none.",
        ),
    ] = FpgaFamily.PORTABLE,
) -> None:
    """Write the hardware: Verilog, manifest, file list and FuseSoC core file."""
    configuration = configuration_of(preset, config)
    writable_folder(output, "--output")
    # Amaranth takes its time to import, and only generation needs it.
    from dpu_hw import generate as hardware
    from dpu_hw.family import Family

    with working("generating the Verilog"):
        manifest = hardware.generate(configuration, output, family=Family(family.value))
    for name in (hardware.VERILOG, manifest.name, hardware.FILE_LIST, hardware.CORE):
        tell(str(output / name))


def _rows(configuration: Configuration) -> dict[str, str]:
    c = configuration
    kib = 1024
    return {
        "array": f"{c.lanes} x {c.columns} = {c.array_multipliers} multipliers",
        "patch reader": "yes" if c.patch_reader else "no",
        "depthwise PE": f"9 x {c.depthwise_lanes} = {c.depthwise_multipliers} multipliers",
        "requantizers": f"{c.conv_requantizers} conv + {c.depthwise_requantizers} depthwise",
        "vector unit": f"{c.vector_lanes} values a cycle",
        "scratchpad": f"{c.scratchpad_bytes // kib} KiB in {c.scratchpad_banks} banks",
        "weight buffer": f"{c.weight_bytes // kib} KiB",
        "accumulators": f"{c.accumulator_depth} x {c.columns} x 32 bit = "
        f"{c.accumulator_depth * c.columns * 4 // kib} KiB",
        "partial sums": f"{c.partial_sum_depth} x {c.lanes} x 32 bit = "
        f"{c.partial_sum_depth * c.lanes * 4 // kib} KiB",
        "conv parameters": f"{c.conv_parameter_words * c.lanes // kib} KiB",
        "depthwise parameters": f"{c.depthwise_parameter_words * c.lanes // kib} KiB",
        "AXI4 data": f"{8 * c.axi_bytes} bit",
        "hash": f"{c.hash:08x}",
    }


def presets() -> None:
    """List the presets with their sizes."""
    table = Table()
    table.add_column("")
    rows = {}
    for name, configuration in PRESETS.items():
        table.add_column(f"{name}\n{PRESET_NOTES[name]}")
        rows[name] = _rows(configuration)
    for title in next(iter(rows.values())):
        table.add_row(title, *(rows[name][title] for name in PRESETS))
    show(table)
