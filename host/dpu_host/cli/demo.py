# SPDX-License-Identifier: Apache-2.0
"""``dpu demo``: the bundled network on real digits, on the RTL."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import typer

from dpu_compiler.frontend.tflite import read_model
from dpu_host.cli.check import Check
from dpu_host.cli.console import show, tell, width
from dpu_host.cli.dead_channels import dead_channel_line
from dpu_host.cli.errors import UserError
from dpu_host.cli.layer_table import layer_table
from dpu_host.cli.options import ConfigOption, PresetOption, configuration_name, configuration_of
from dpu_host.cli.pictures import read_picture
from dpu_host.cli.places import On
from dpu_host.cli.quantization import real_values
from dpu_host.cli.report import percent, statistics
from dpu_host.cli.run import infer, make_machine, verdict
from dpu_host.cli.sources import Source

#: Quarters of a character cell, by the bits upper left, upper right, lower left, lower right.
_BLOCKS = " ▘▝▀▖▌▞▛▗▚▐▜▄▙▟█"
#: Pictures side by side.
_ACROSS = 7
#: Digits lie in the middle 20 x 20 pixels of their pictures.
_MARGIN = 4


def examples_folder() -> Path:
    """Return the folder of the bundled network."""
    for parent in Path(__file__).resolve().parents:
        folder = parent / "examples" / "digits"
        if folder.is_dir():
            return folder
    raise UserError(
        "examples/digits: is not there, so the bundled network cannot run: this package was "
        "installed without its repository; clone the repository and call `make run` in it."
    )


def blocks(stored: npt.NDArray[np.int8]) -> list[str]:
    """Draw a digit with block characters, four pixels each."""
    lit = stored[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN] >= 0
    return [
        "".join(
            _BLOCKS[lit[y, x] + 2 * lit[y, x + 1] + 4 * lit[y + 1, x] + 8 * lit[y + 1, x + 1]]
            for x in range(0, lit.shape[1], 2)
        )
        for y in range(0, lit.shape[0], 2)
    ]


def _show_pictures(pictures: Sequence[list[str]], captions: Sequence[str]) -> None:
    width = len(pictures[0][0])
    for first in range(0, len(pictures), _ACROSS):
        row = pictures[first : first + _ACROSS]
        for line in zip(*row, strict=True):
            tell(" ".join(line))
        tell(" ".join(caption.center(width) for caption in captions[first : first + _ACROSS]))
        tell()


def demo(
    preset: PresetOption = None,
    config: ConfigOption = None,
    on: Annotated[On, typer.Option("--on", help="Where to run it.")] = On.rtl,
) -> None:
    """Run the bundled digit classifier on twenty digits, on the RTL, and check every byte."""
    configuration = configuration_of(preset, config)
    folder = examples_folder()
    path = folder / "digits_int8.tflite"
    source = Source(path, read_model(path), None)
    index = source.inputs[0]
    tensor = source.tensors[index]
    labels: list[str] = []
    examples: list[dict[int, npt.NDArray[Any]]] = []
    for line in (folder / "images" / "labels.txt").read_text(encoding="utf-8").splitlines():
        name, label = line.split()
        image = folder / "images" / name
        examples.append({index: read_picture(image.read_bytes(), str(image), tensor)[0]})
        labels.append(label)

    began = time.monotonic()
    machine = make_machine(on, source, configuration)
    ready = time.monotonic()
    check = Check()
    try:
        outcomes = infer(machine, examples, source, check, False)
    finally:
        machine.close()
    ended = time.monotonic()

    output = source.outputs[0]
    captions, right = [], 0
    for outcome, label in zip(outcomes, labels, strict=True):
        scores = real_values(outcome.outputs[output].reshape(-1), source.tensors[output])
        best = int(scores.argmax())
        good = str(best) == label
        right += good
        captions.append(f"{best} {100 * scores[best]:.0f} %" if good else f"{best} not {label}")
    _show_pictures([blocks(e[index].reshape(tensor.shape[1:3])) for e in examples], captions)
    tell(f"{right} of {len(examples)} digits are recognized (below each: the answer, its score)")
    found = statistics(source, configuration, on.value, outcomes, check)
    if found["cycles"] is not None:
        tell()
        show(layer_table(found, width()))
        tell(
            f"{found['cycles']:,} cycles an inference on {configuration_name(configuration)}, "
            f"utilization {percent(found['utilization_array'])} of the array; simulated "
            f"{len(examples)} inferences in {ended - ready:.1f} s after {ready - began:.1f} s of "
            "preparation"
        )
        if source.program is not None and source.program.dead_channels is not None:
            tell(dead_channel_line(source.program.dead_channels))
    verdict(check, on.value)
