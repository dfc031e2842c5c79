# SPDX-License-Identifier: Apache-2.0
"""Models and programs, whichever the user names."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

import dpu_spec.program
from dpu_compiler.errors import CompilerError
from dpu_compiler.frontend.tflite import read_bytes, read_model
from dpu_compiler.graph import Graph
from dpu_compiler.variants import compile_variants
from dpu_host.cli.console import working
from dpu_host.cli.dead_channels import match_dead_channels
from dpu_host.cli.errors import UserError
from dpu_spec.configuration import Configuration
from dpu_spec.program import Program, Tensor, is_program


@dataclasses.dataclass
class Source:
    """A network: its model, a program, or both.

    ``dead_channels`` says whether to leave them out when the model is compiled, ``frames`` how many
    inferences a start then runs, ``resident`` whether constants stay on the chip.
    """

    path: Path
    graph: Graph | None
    program: Program | None
    dead_channels: bool = True
    frames: int = 1
    resident: bool = False

    @property
    def tensors(self) -> Mapping[int, Tensor]:
        """Descriptions of the model's tensors."""
        if self.program is not None:
            return self.program.tensors
        assert self.graph is not None
        return described(self.graph)

    @property
    def inputs(self) -> tuple[int, ...]:
        """The inputs of an inference by tensor index."""
        if self.program is not None:
            return self.program.frames.first(self.program.inputs)
        assert self.graph is not None
        return self.graph.inputs

    @property
    def outputs(self) -> tuple[int, ...]:
        """The outputs of an inference by tensor index."""
        if self.program is not None:
            return self.program.frames.first(self.program.outputs)
        assert self.graph is not None
        return self.graph.outputs

    def names(self, indices: Sequence[int]) -> dict[str, int]:
        """Return tensors by name; one whose name another has, or that has none, by NAME#INDEX."""
        found: dict[str, int] = {}
        for index in indices:
            name = self.tensors[index].name
            found[name if name and name not in found else f"{name}#{index}"] = index
        return found

    def compile(self, configuration: Configuration) -> Program:
        """Return the program, compiling the model where there is none."""
        if self.program is None:
            assert self.graph is not None
            self.program = compiled(
                self.graph,
                self.path,
                configuration,
                dead_channels=self.dead_channels,
                frames=self.frames,
                resident=self.resident,
            )
        return self.program


def compiled(
    graph: Graph,
    path: Path,
    configuration: Configuration,
    *,
    dead_channels: bool = True,
    frames: int = 1,
    resident: bool = False,
) -> Program:
    """Compile a model that was read from a file."""
    with working(f"compiling {path.name}"):
        try:
            return compile_variants(
                graph,
                configuration,
                dead_channels=dead_channels,
                frames=frames,
                resident=resident,
            )
        except CompilerError:
            raise
        # Damage that leaves a file readable, such as shapes that don't go together, ends anywhere.
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            raise UserError(
                f"{path}: cannot be compiled ({type(error).__name__}: {error}); the file is "
                "damaged, or the compiler has a fault: get the file again, or report it."
            ) from error


def described(graph: Graph) -> dict[int, Tensor]:
    """Return descriptions of a graph's tensors as a program has them."""
    found = {}
    for index, tensor in graph.tensors.items():
        quantization = tensor.value.quantization
        found[index] = Tensor(
            index,
            tensor.name,
            tensor.shape,
            tensor.value.dtype,
            quantization.scale if quantization else (),
            quantization.zero_point if quantization else (),
            quantization.axis if quantization else 0,
        )
    return found


def read_data(path: Path, kind: str) -> bytes:
    """Read a file; ``kind`` says what should have been named."""
    try:
        return path.read_bytes()
    except IsADirectoryError:
        raise UserError(f"{path}: is a folder; name {kind}.") from None
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file; name {kind}.") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}; name {kind}.") from None


def open_source(
    path: Path, model: Path | None = None, *, dead_channels: bool | None = None
) -> Source:
    """Read a model, or a program with the model that it was compiled from, if that is given.

    ``dead_channels`` says whether they are to be left out, if the user does.
    """
    data = read_data(path, "a .tflite model, or a program that `dpu compile` wrote")
    if not is_program(data):
        if model is not None:
            raise UserError(f"--model {model}: goes with a program only, and {path} is none.")
        return Source(path, read_bytes(data, source=str(path)), None, dead_channels is not False)
    program = dpu_spec.program.from_bytes(data, source=str(path))
    match_dead_channels(program, dead_channels, path)
    if model is None:
        return Source(path, None, program)
    read_data(model, "the .tflite model of the program")
    graph = read_model(model)
    if graph.sha256 != program.model_sha256:
        raise UserError(
            f"{model}: is not the model that {path} was compiled from (its bytes are others than "
            f"those of {program.model} then); name the right one, or compile it again."
        )
    return Source(path, graph, program)


def open_program(path: Path) -> Program:
    """Read a program."""
    data = read_data(path, "a program that `dpu compile` wrote")
    if data[4:8] == b"TFL3":
        raise UserError(f"{path}: is a model, not a program; compile it first with `dpu compile`.")
    return dpu_spec.program.from_bytes(data, source=str(path))


def open_model(path: Path) -> Graph:
    """Read a model."""
    data = read_data(path, "a .tflite model")
    if is_program(data):
        raise UserError(f"{path}: is a program, not a model; name the .tflite file.")
    return read_bytes(data, source=str(path))
