# SPDX-License-Identifier: Apache-2.0
"""Inputs: arrays and pictures in files, cut into examples."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dpu_host.cli.console import note
from dpu_host.cli.errors import UserError
from dpu_host.cli.pictures import is_picture, read_picture
from dpu_host.cli.quantization import as_floats, quantize
from dpu_host.cli.sources import Source, read_data
from dpu_spec.program import Tensor

Array = npt.NDArray[Any]
Example = dict[int, Array]

_KINDS = "an .npy array, or a PNG or JPEG picture"


def load_inputs(arguments: Sequence[str], source: Source) -> list[Example]:
    """Read the files of ``--input`` options; return one dictionary by tensor index an example."""
    files = _assign(arguments, source)
    stacks = {index: _read(path, source.tensors[index]) for index, path in files.items()}
    counts = {index: len(stack) for index, stack in stacks.items()}
    if len(set(counts.values())) > 1:
        listed = ", ".join(f"{source.tensors[i].name} {n}" for i, n in counts.items())
        raise UserError(
            f"--input: the inputs have different numbers of examples ({listed}); give each the "
            "same number."
        )
    number = next(iter(counts.values()))
    return [{index: stacks[index][k] for index in stacks} for k in range(number)]


def _assign(arguments: Sequence[str], source: Source) -> dict[int, Path]:
    """Find out which file is for which input."""
    tensors, inputs = source.tensors, source.inputs
    names = source.names(inputs)
    files: dict[int, Path] = {}
    if not inputs:
        raise UserError(f"{source.path}: has no inputs, so there is nothing to run it on.")
    for argument in arguments:
        # Names may hold "=", too, and so may files.
        fits = [name for name in names if argument.startswith(f"{name}=")]
        if fits:
            name = max(fits, key=len)
            index, path = names[name], Path(argument[len(name) + 1 :])
        elif len(inputs) == 1 and ("=" not in argument or Path(argument).exists()):
            index, path = inputs[0], Path(argument)
        elif "=" in argument:
            raise UserError(
                f"--input {argument}: there is no input {argument.partition('=')[0]}; the inputs "
                f"are {_listed(names, tensors)}."
            )
        else:
            raise UserError(
                f"--input {argument}: the network has {len(inputs)} inputs, so say which with "
                f"NAME=FILE; they are {_listed(names, tensors)}."
            )
        if path == Path():
            raise UserError(f"--input {argument}: names no file; name {_KINDS}.")
        if index in files:
            raise UserError(
                f"--input {argument}: is the second file for {tensors[index].name}; stack the "
                "examples in one .npy file."
            )
        files[index] = path
    missing = {name: index for name, index in names.items() if index not in files}
    if missing:
        raise UserError(
            f"--input: nothing was given for {_listed(missing, tensors)}; give --input "
            f"{'FILE' if len(inputs) == 1 else 'NAME=FILE'}."
        )
    return files


def _listed(names: Mapping[str, int], tensors: Mapping[int, Tensor]) -> str:
    return ", ".join(
        f"{name} ({tensors[index].dtype} {list(tensors[index].shape)})"
        for name, index in names.items()
    )


def _read(path: Path, tensor: Tensor) -> list[Array]:
    """Read a file; return an array of the tensor's shape and type for each example."""
    data = read_data(path, _KINDS)
    if is_picture(data):
        picture, notes = read_picture(data, str(path), tensor)
        for text in notes:
            note(text)
        return [picture]
    if data[:2] == b"PK":
        raise UserError(f"{path}: holds several arrays (.npz); save each as an .npy file.")
    if not data.startswith(b"\x93NUMPY"):
        raise UserError(f"{path}: is neither {_KINDS.replace(', or', ' nor')}; name such a file.")
    try:
        array: Array = np.load(io.BytesIO(data), allow_pickle=False)
    except (ValueError, EOFError, OSError, SyntaxError, zipfile.BadZipFile) as error:
        raise UserError(
            f"{path}: cannot be read as an array ({error}); save it again with numpy.save."
        ) from None
    return _typed(_examples(array, path, tensor), path, tensor)


def _examples(array: Array, path: Path, tensor: Tensor) -> list[Array]:
    shape = tensor.shape
    if array.shape == shape:
        return [array]
    if shape and shape[0] == 1:
        if array.shape == shape[1:]:
            return [array.reshape(shape)]
        if array.ndim == len(shape) and array.shape[1:] == shape[1:]:
            if not len(array):
                raise UserError(f"{path}: holds no example; give it at least one.")
            return [part.reshape(shape) for part in array]
        if array.ndim == len(shape) + 1 and array.shape[1:] == shape and len(array):
            return list(array)
    wanted = f"{list(shape)}"
    if shape and shape[0] == 1:
        wanted += f", {list(shape[1:])}, or {['n', *shape[1:]]} for n examples".replace("'", "")
    raise UserError(
        f"{path}: has the shape {list(array.shape)}, but the input {tensor.name} takes {wanted}; "
        "reshape it."
    )


def _typed(examples: list[Array], path: Path, tensor: Tensor) -> list[Array]:
    """Return a file's examples in the tensor's type, quantizing real values."""
    given, wanted = examples[0].dtype, np.dtype(tensor.dtype)
    if given.kind == "f" and not all(np.isfinite(array).all() for array in examples):
        raise UserError(f"{path}: holds values that are no numbers (NaN or infinity); remove them.")
    if given == wanted:
        return [np.ascontiguousarray(array) for array in examples]
    if given.kind == "f" and wanted.kind == "f":
        return [as_floats(array, wanted) for array in examples]
    if given.kind == "f" and tensor.dtype == "int8" and tensor.scale:
        quantized = [quantize(array, tensor) for array in examples]
        text = (
            f"{path}: is {given} and was quantized for the int8 input {tensor.name} (scale "
            f"{tensor.scale[0]:.6g}, zero point {tensor.zero_point[0]})"
        )
        outside = sum(number for _, number in quantized)
        if outside:
            size = sum(array.size for array in examples)
            text += f"; {outside} of {size} values were beyond its range and clamped"
        note(text)
        return [stored for stored, _ in quantized]
    hint = "convert it with .astype(numpy.int8)"
    if given == np.uint8:
        hint = "for pixels of 0 to 255 that is usually (x.astype(int) - 128).astype(numpy.int8)"
    elif wanted.kind == "f":
        hint = f"convert it with .astype(numpy.{wanted})"
    raise UserError(
        f"{path}: is {given}, but the input {tensor.name} takes {wanted}"
        f"{' or real values' if tensor.dtype == 'int8' else ''}; {hint}."
    )
