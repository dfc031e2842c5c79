# SPDX-License-Identifier: Apache-2.0
"""``dpu firmware``: a program, and inputs, for the C runtime of ``firmware/``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dpu_host.cli.console import tell
from dpu_host.cli.errors import UserError
from dpu_host.cli.inputs import load_inputs
from dpu_host.cli.options import writable, writing
from dpu_host.cli.sources import Source, open_program
from dpu_host.firmware_blob import FirmwareError, c_array, firmware_blob


def firmware(
    program: Annotated[Path, typer.Argument(metavar="PROGRAM", help="A compiled program.")],
    output: Annotated[
        Path,
        typer.Option(
            "-o", "--output", metavar="FILE", help="The blob, or a C array where it ends in .h."
        ),
    ],
    inputs: Annotated[
        list[Path] | None,
        typer.Option(
            "--input", metavar="FILE", help="An input to bundle (.npy, PNG or JPEG); more follow."
        ),
    ] = None,
    bundle: Annotated[
        Path | None,
        typer.Option("--bundle", metavar="FILE", help="Where the inputs are written."),
    ] = None,
) -> None:
    """Write a program, and inputs to bundle with it, for a C runtime without a host."""
    writable(output, "-o")
    if (bundle is None) != (not inputs):
        raise UserError("--input and --bundle: go together; give both, or neither.")
    loaded = open_program(program)
    try:
        data = firmware_blob(loaded)
    except FirmwareError as error:
        raise UserError(str(error)) from None
    if bundle is not None:
        writable(bundle, "--bundle")
        raw = _inputs(Source(program, None, loaded), inputs or [])
        with writing(bundle):
            bundle.write_bytes(raw)
        tell(f"{bundle}: inputs, {len(raw):,} bytes")
    with writing(output):
        if output.suffix == ".h":
            output.write_text(c_array(data, "dpu_program_data"), encoding="utf-8")
        else:
            output.write_bytes(data)
    tell(f"{output}: {loaded.model} for firmware, {len(data):,} bytes")


def _inputs(source: Source, files: list[Path]) -> bytes:
    """Return the bytes of all inputs in order."""
    if len(source.inputs) != 1:
        raise UserError(
            f"--input: the network has {len(source.inputs)} inputs, and only those of one can be "
            "bundled."
        )
    examples = [example for file in files for example in load_inputs([str(file)], source)]
    return b"".join(example[source.inputs[0]].tobytes() for example in examples)
