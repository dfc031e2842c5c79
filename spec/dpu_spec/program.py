# SPDX-License-Identifier: Apache-2.0
"""The program file: what the compiler writes and emulator, simulation and driver run.

A zip archive of ``program.json`` (everything but bytes), ``image.bin`` (what lies in the program
window: instruction streams, then constants) and ``host.bin`` (constants of operators that run on
the host).
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import zipfile
import zlib
from pathlib import Path
from typing import Any

from dpu_spec.configuration import (
    ARCHITECTURE_VERSION,
    Configuration,
    ConfigurationError,
    from_parameters,
)
from dpu_spec.instruction import Engine, Instruction
from dpu_spec.isa import INSTRUCTION_BYTES, decode

#: Version of this file format.
PROGRAM_VERSION = 5
#: The archive's first member, and where a zip archive has its name.
_HEADER, _NAME_OFFSET = "program.json", 30


class ProgramError(ValueError):
    """A program file cannot be used; the message says why and what to do."""


@dataclasses.dataclass(frozen=True)
class Tensor:
    """A tensor of the source model.

    ``window`` and ``offset`` say where its plain bytes (the model's layout, no padding) lie in
    DRAM; ``window`` is -1 for a tensor that is never there as such.

    ``channels`` has the indices of the last axis that exist in the run, in ascending order, or is
    None where all do. Of the others, ``constants`` has those that have the same value at all
    positions for every input, as (channel, value); the rest are not computed. A tensor without
    all channels is laid out as one of ``held_shape``, so that it is not in DRAM as such.
    """

    index: int
    name: str
    shape: tuple[int, ...]
    dtype: str
    scale: tuple[float, ...]
    zero_point: tuple[int, ...]
    axis: int = 0
    window: int = -1
    offset: int = 0
    channels: tuple[int, ...] | None = None
    constants: tuple[tuple[int, int], ...] = ()

    @property
    def held_shape(self) -> tuple[int, ...]:
        """Shape of what exists of it in the run."""
        return self.shape if self.channels is None else (*self.shape[:-1], len(self.channels))

    @property
    def missing_channels(self) -> int:
        """Number of channels that are not computed, and that aren't constant."""
        if self.channels is None:
            return 0
        return self.shape[-1] - len(self.channels) - len(self.constants)


@dataclasses.dataclass(frozen=True)
class Frames:
    """Inferences that one start of the program runs: ``count`` copies of the network.

    Each has tensors and layers of its own. ``tensors`` and ``layers`` are the steps from a frame's
    indices to those of the next.
    """

    count: int = 1
    tensors: int = 0
    layers: int = 0

    def tensor(self, index: int, frame: int) -> int:
        """Return the index of the model's tensor in a frame."""
        return index + frame * self.tensors

    def first(self, indices: tuple[int, ...]) -> tuple[int, ...]:
        """Return those of the tensors that belong to the first frame."""
        return tuple(i for i in indices if self.count == 1 or i < self.tensors)

    def layer(self, index: int, frame: int) -> int:
        """Return the index of the model's operator in a frame."""
        return index + frame * self.layers


@dataclasses.dataclass(frozen=True)
class DeadChannels:
    """What the pass that leaves out dead channels does to a network.

    ``removed`` of ``channels`` channels are left out by it, if it is ``on``.
    ``estimated_cycles`` are those of an inference in the cycle model, without it and with it, or
    None where they were not asked for.
    """

    on: bool
    removed: int
    channels: int
    estimated_cycles: tuple[int, int] | None = None


@dataclasses.dataclass(frozen=True)
class Layer:
    """One operator of the source model, for reports.

    ``engine`` names where its work is done: ``conv``, ``depthwise``, ``vector``, ``load``, ``none``
    (only a matter of layout) or ``host``. ``fused_into`` is the index of the layer whose
    instructions do its work, or -1.
    """

    index: int
    name: str
    operator: str
    engine: str
    macs: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    fused_into: int = -1
    note: str = ""


@dataclasses.dataclass(frozen=True)
class Mark:
    """What one instruction is for.

    ``layer`` is an index of :attr:`Program.layers`. An instruction that writes part of a tensor to
    the scratchpad says which (``tensor``; -1: nothing that the model names), and which row, column
    and channel the first word of its output view holds. The tensor's elements that exist count as
    [``height``, ``width``, channels], whatever its rank; lane l of block b is channel
    ``channel + b * lanes + l`` (beyond the last channel: padding). Where ``plain`` is not 0, the
    view's words hold plain bytes instead: ``height`` rows of ``plain`` bytes, of which ``column``
    is the first in the view (bytes beyond a row's end: padding).
    """

    layer: int
    tensor: int = -1
    row: int = 0
    column: int = 0
    channel: int = 0
    height: int = 0
    width: int = 0
    plain: int = 0


@dataclasses.dataclass(frozen=True)
class HostOperator:
    """An operator of the model that the host computes: operands by tensor index (-1: absent).

    ``constants`` maps a tensor index to (offset, bytes) in ``host.bin``.
    """

    layer: int
    operator: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    attributes: dict[str, Any]
    constants: dict[int, tuple[int, int]]


@dataclasses.dataclass(frozen=True)
class Stream:
    """One engine's instructions in the program window."""

    offset: int
    count: int
    marks: tuple[Mark, ...]


@dataclasses.dataclass(frozen=True)
class Step:
    """A run of the DPU (streams by engine), or one host operator."""

    streams: dict[Engine, Stream] | None = None
    host: HostOperator | None = None


@dataclasses.dataclass(frozen=True)
class Program:
    """A compiled network.

    ``model_sha256`` is the hash of the model file's bytes, or empty where it was no file.
    """

    model: str
    configuration: Configuration
    image: bytes
    host_data: bytes
    arena_bytes: int
    input_bytes: int
    output_bytes: int
    tensors: dict[int, Tensor]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    layers: tuple[Layer, ...]
    steps: tuple[Step, ...]
    options: dict[str, Any] = dataclasses.field(default_factory=dict)
    dead_channels: DeadChannels | None = None
    frames: Frames = Frames()
    #: Loads constants that then stay on the chip; run once when the program is loaded.
    preload: Step | None = None
    model_sha256: str = ""

    def instructions(self, step: Step, engine: Engine) -> list[Instruction]:
        """Decode one engine's stream of a step."""
        if step.streams is None or engine not in step.streams:
            return []
        stream = step.streams[engine]
        size = INSTRUCTION_BYTES[engine]
        data = self.image[stream.offset : stream.offset + stream.count * size]
        return [decode(engine, data[i : i + size]) for i in range(0, len(data), size)]


def _plain(value: Any) -> Any:
    """Turn dataclasses into lists in the order of their fields (shorter than dictionaries)."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [_plain(getattr(value, f.name)) for f in dataclasses.fields(value)]
    if isinstance(value, dict):
        return {str(int(k) if isinstance(k, Engine) else k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, Engine):
        return int(value)
    return value


def _tuples(value: Any) -> Any:
    return tuple(_tuples(v) for v in value) if isinstance(value, list) else value


def to_bytes(program: Program) -> bytes:
    """Serialize a program; equal programs give equal bytes."""
    header = {
        "program_version": PROGRAM_VERSION,
        "architecture_version": ARCHITECTURE_VERSION,
        "configuration": program.configuration.parameters(),
        "configuration_hash": program.configuration.hash,
        "model": program.model,
        "model_sha256": program.model_sha256,
        "arena_bytes": program.arena_bytes,
        "input_bytes": program.input_bytes,
        "output_bytes": program.output_bytes,
        "tensors": _plain(list(program.tensors.values())),
        "inputs": list(program.inputs),
        "outputs": list(program.outputs),
        "layers": _plain(program.layers),
        "steps": _plain(program.steps),
        "options": program.options,
        "dead_channels": _plain(program.dead_channels),
        "frames": _plain(program.frames),
        "preload": _plain(program.preload),
        "image_sha256": hashlib.sha256(program.image).hexdigest(),
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in (
            (_HEADER, json.dumps(header).encode()),
            ("image.bin", program.image),
            ("host.bin", program.host_data),
        ):
            archive.writestr(
                zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED
            )
    return buffer.getvalue()


def _host(fields: list[Any]) -> HostOperator:
    layer, operator, inputs, outputs, attributes, constants = fields
    return HostOperator(
        layer,
        operator,
        tuple(inputs),
        tuple(outputs),
        {name: _tuples(value) for name, value in attributes.items()},
        {int(index): (offset, size) for index, (offset, size) in constants.items()},
    )


def _step(fields: list[Any]) -> Step:
    streams, host = fields
    if streams is None:
        return Step(host=_host(host))
    return Step(
        streams={
            Engine(int(engine)): Stream(offset, count, tuple(Mark(*_tuples(m)) for m in marks))
            for engine, (offset, count, marks) in streams.items()
        }
    )


def _dead_channels(fields: list[Any] | None) -> DeadChannels | None:
    return None if fields is None else DeadChannels(*_tuples(fields))


def from_bytes(data: bytes, *, source: str) -> Program:
    """Read a program; ``source`` names it in errors.

    Raise :exc:`ProgramError` where it is damaged.
    """
    if not is_program(data):
        raise ProgramError(
            f"{source}: is no program file, or only a piece of one; name a program that `dpu "
            "compile` wrote, or compile the model again."
        )
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            header = json.loads(archive.read(_HEADER))
            image = archive.read("image.bin")
            host_data = archive.read("host.bin")
    except (
        zipfile.BadZipFile,
        KeyError,
        ValueError,
        EOFError,
        NotImplementedError,  # what zipfile says to a damaged version, method or flag
        RuntimeError,
        zlib.error,
    ) as error:
        raise ProgramError(
            f"{source}: is not a whole program file ({error}); compile the model again."
        ) from None
    if not isinstance(header, dict):
        raise ProgramError(f"{source}: its header is damaged; compile the model again.")
    for key, version in (
        ("program_version", PROGRAM_VERSION),
        ("architecture_version", ARCHITECTURE_VERSION),
    ):
        if header.get(key) != version:
            raise ProgramError(
                f"{source}: its {key.replace('_', ' ')} is {header.get(key)}, this one is "
                f"{version}; compile the model again."
            )
    if hashlib.sha256(image).hexdigest() != header.get("image_sha256"):
        raise ProgramError(f"{source}: its image is damaged; compile the model again.")
    try:
        configuration = from_parameters(header["configuration"], source=source)
        tensors = [Tensor(*_tuples(fields)) for fields in header["tensors"]]
        return Program(
            model=header["model"],
            configuration=configuration,
            image=image,
            host_data=host_data,
            arena_bytes=header["arena_bytes"],
            input_bytes=header["input_bytes"],
            output_bytes=header["output_bytes"],
            tensors={tensor.index: tensor for tensor in tensors},
            inputs=tuple(header["inputs"]),
            outputs=tuple(header["outputs"]),
            layers=tuple(Layer(*_tuples(fields)) for fields in header["layers"]),
            steps=tuple(_step(fields) for fields in header["steps"]),
            options=header["options"],
            dead_channels=_dead_channels(header["dead_channels"]),
            frames=Frames(*header["frames"]),
            preload=None if header["preload"] is None else _step(header["preload"]),
            model_sha256=header["model_sha256"],
        )
    except (KeyError, TypeError, ValueError, ConfigurationError) as error:
        raise ProgramError(f"{source}: its header is damaged ({error}).") from None


def is_program(data: bytes) -> bool:
    """Tell whether the bytes look like a program file: a zip archive with its header first."""
    name = data[_NAME_OFFSET : _NAME_OFFSET + len(_HEADER)]
    return data[:4] == b"PK\x03\x04" and name == _HEADER.encode()


def from_file(path: Path) -> Program:
    """Read a program file."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ProgramError(f"{path}: cannot be read: {error.strerror}.") from None
    return from_bytes(data, source=str(path))
