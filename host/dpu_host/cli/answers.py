# SPDX-License-Identifier: Apache-2.0
"""What a network answered, in words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dpu_host.cli.console import tell
from dpu_host.cli.errors import UserError
from dpu_host.cli.machines import Outcome
from dpu_host.cli.quantization import real_values
from dpu_host.cli.report import short
from dpu_host.cli.sources import Source, read_data

#: Values of an output that are shown.
SHOWN = 16


def read_labels(path: Path) -> list[str]:
    """Read a file of labels, one a line."""
    data = read_data(path, "a text file with one label a line")
    try:
        lines = data.decode("utf-8").splitlines()
    except UnicodeDecodeError:
        raise UserError(f"{path}: is no text in UTF-8; give one label a line.") from None
    while lines and not lines[-1].strip():
        lines.pop()
    return [line.strip() for line in lines]


def check_top(top: int | None, labels: Path | None, source: Source) -> tuple[int, list[str]]:
    """Return how many classes to show (0: none) and their labels, refusing what doesn't fit."""
    if top is None and labels is None:
        return 0, []
    if len(source.outputs) != 1:
        names = ", ".join(source.tensors[index].name for index in source.outputs)
        raise UserError(
            f"--top: the network has {len(source.outputs)} outputs ({names}), so it has no classes "
            "to rank; leave out --top and --labels."
        )
    shape = source.tensors[source.outputs[0]].shape
    classes = int(np.prod(shape, dtype=np.int64))
    if top is not None and not 1 <= top <= classes:
        raise UserError(f"--top {top}: the output has {classes} values; give 1 to {classes}.")
    if labels is None:
        return top or 1, [str(number) for number in range(classes)]
    names_of_classes = read_labels(labels)
    if len(names_of_classes) != classes:
        raise UserError(
            f"{labels}: has {len(names_of_classes)} labels, but the output has {classes} values; "
            "give a file with one label a class."
        )
    return top or 1, names_of_classes


def ranked(outcome: Outcome, source: Source, top: int, labels: Sequence[str]) -> str:
    """Return the classes with the highest scores, best first."""
    index = source.outputs[0]
    stored = outcome.outputs[index].reshape(-1)
    scores = real_values(stored, source.tensors[index])
    best = np.argsort(-scores, kind="stable")[:top]
    return ", ".join(f"{labels[k]} ({scores[k]:.4g})" for k in best)


def show_answers(
    source: Source, outcomes: Sequence[Outcome], top: int, labels: Sequence[str]
) -> None:
    """Print what the network answered to each example."""
    for number, outcome in enumerate(outcomes):
        prefix = f"example {number}: " if len(outcomes) > 1 else ""
        if top:
            tell(f"{prefix}{ranked(outcome, source, top, labels)}")
            continue
        for index in source.outputs:
            array = outcome.outputs[index]
            values = " ".join(str(value) for value in array.reshape(-1)[:SHOWN])
            more = f" ... ({array.size} values)" if array.size > SHOWN else ""
            name = short(source.tensors[index].name, 40)
            tell(f"{prefix}{name} {array.dtype}{list(array.shape)}: {values}{more}")
