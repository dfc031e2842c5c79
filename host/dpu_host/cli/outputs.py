# SPDX-License-Identifier: Apache-2.0
"""Tensors into files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dpu_host.cli.console import note
from dpu_host.cli.errors import UserError
from dpu_host.cli.machines import Array, Outcome
from dpu_host.cli.options import writable, writing
from dpu_host.cli.sources import Source


def check_output(path: Path, source: Source) -> Path:
    """Refuse a name that can't hold the outputs."""
    number = len(source.outputs)
    if number > 1 and path.suffix != ".npz":
        raise UserError(
            f"--output {path}: the network has {number} outputs; give the name of an .npz file."
        )
    return writable(path, "--output")


def stacked(arrays: Sequence[Array]) -> Array:
    """Return the examples of a tensor as one array: stacked on the batch axis."""
    if len(arrays) == 1:
        return arrays[0]
    first = arrays[0]
    if first.ndim and first.shape[0] == 1:
        return np.concatenate(arrays)
    return np.stack(arrays)


def save_outputs(path: Path, source: Source, outcomes: Sequence[Outcome]) -> None:
    """Write the outputs of all examples: an .npy file, or an .npz by the tensors' names."""
    arrays = {
        name: stacked([outcome.outputs[index] for outcome in outcomes])
        for name, index in source.names(source.outputs).items()
    }
    with writing(path), path.open("wb") as file:
        if path.suffix == ".npz":
            np.savez(file, allow_pickle=False, **arrays)
        else:
            np.save(file, next(iter(arrays.values())), allow_pickle=False)


def dump(folder: Path, outcomes: Sequence[Outcome]) -> int:
    """Write every tensor that exists whole; return how many."""
    partial = []
    written = 0
    for index in sorted(outcomes[0].tensors):
        arrays = [outcome.tensors[index] for outcome in outcomes]
        if any(np.ma.isMaskedArray(array) for array in arrays):
            partial.append(index)
            continue
        with writing(folder / f"{index}.npy") as path:
            np.save(path, stacked(arrays), allow_pickle=False)
        written += 1
    if partial:
        note(
            f"--dump: only a part of the tensors {partial} exists in this run; left out "
            "(--no-dead-channels computes all channels)"
        )
    return written
