# SPDX-License-Identifier: Apache-2.0
"""The driver: loads a program into a DPU and runs inferences on it.

It runs on whatever a :class:`Transport` reaches: a simulation, or a board.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from types import TracebackType
from typing import Protocol

import numpy as np

from dpu_host.connections import open_transport
from dpu_host.errors import (
    REASONS,
    BusyError,
    ConfigurationMismatchError,
    DeviceError,
    MemorySizeError,
    NotADpuError,
    RunTimeoutError,
)
from dpu_host.operators import Array, evaluate
from dpu_host.placement import Window, place
from dpu_host.transport import Transport
from dpu_spec.configuration import ARCHITECTURE_VERSION, Configuration
from dpu_spec.instruction import Engine
from dpu_spec.isa import WINDOW_NAMES
from dpu_spec.program import Program, Step
from dpu_spec.registers import BY_NAME, PRODUCT_ID, ROM_ADDRESS, Error, address

_CONTROL = BY_NAME["CONTROL"]
_STATUS = BY_NAME["STATUS"]
#: Cycles that an abort may take: the bursts in flight, on a slow memory.
ABORT_CYCLES = 1_000_000


@dataclasses.dataclass(frozen=True)
class Counts:
    """What one run of the DPU took."""

    cycles: int
    read_bytes: int
    write_bytes: int


class Observer(Protocol):
    """Told of each run of the DPU in an inference; ``step`` is its index in the program."""

    def begin(self, step: int) -> None:
        """Called before the run starts."""

    def end(self, step: int, counts: Counts) -> None:
        """Called once it has ended well."""


def cycle_limit(program: Program) -> int:
    """Return a number of cycles that no step of a program needs, by a wide margin."""
    elements = sum(int(np.prod(t.shape, dtype=np.int64)) for t in program.tensors.values())
    return 10_000_000 + sum(layer.macs for layer in program.layers) + 200 * elements


class Device:
    """A DPU, and the program that was loaded into it.

    Parameters
    ----------
    transport
        The way to the device.
    base
        Address of the DRAM from which on programs and tensors may lie; a multiple of 4096.

    Raise :exc:`NotADpuError` where there is no DPU of this architecture.
    """

    def __init__(self, transport: Transport, *, base: int = 0) -> None:
        self._transport = transport
        self._base = base
        self._program: Program | None = None
        self._windows: tuple[Window, ...] = ()
        self._held: dict[int, Array] = {}
        self._identify()

    @classmethod
    def open(cls, name: str) -> Device:
        """Connect to a device by its name, such as ``uart:/dev/ttyUSB0``.

        Raise :exc:`UnknownDeviceError` for a kind of device that doesn't exist, and what the
        transport raises, see :mod:`dpu_host.errors`.
        """
        transport = open_transport(name)
        try:
            # Where the DPU has only a part of the memory, its way says where that begins.
            return cls(transport, base=getattr(transport, "base", 0))
        except BaseException:
            _close(transport)
            raise

    def close(self) -> None:
        """Give back what the transport holds."""
        _close(self._transport)

    def __enter__(self) -> Device:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def transport(self) -> Transport:
        """The way to the device."""
        return self._transport

    def _identify(self) -> None:
        found = self._read("PRODUCT_ID")
        if found != PRODUCT_ID:
            raise NotADpuError(
                f"device: PRODUCT_ID reads 0x{found:08X}, not 0x{PRODUCT_ID:08X}, so there is no "
                "Tandem DPU at these registers; check their base address and the bitstream."
            )
        version = self._read("VERSION")
        if version != ARCHITECTURE_VERSION:
            raise NotADpuError(
                f"device: has architecture version {version}, this driver is for version "
                f"{ARCHITECTURE_VERSION}; generate the hardware again, or use its own driver."
            )

    def parameters(self) -> dict[str, int]:
        """Read the device's parameters from its configuration ROM."""
        names = [field.name for field in dataclasses.fields(Configuration)]
        count = self._transport.read_register(ROM_ADDRESS)
        if count != len(names):
            raise NotADpuError(
                f"device: its configuration ROM has {count} parameters, this driver knows "
                f"{len(names)}; generate the hardware again, or use its own driver."
            )
        return {
            name: self._transport.read_register(ROM_ADDRESS + 4 * (index + 1))
            for index, name in enumerate(names)
        }

    def load(self, program: Program) -> None:
        """Load a program, in place of the one before, with the constants that stay on the chip.

        Raise :exc:`ConfigurationMismatchError` where it was compiled for other parameters.
        """
        device, wanted = self.parameters(), program.configuration.parameters()
        differences = [
            f"{name} is {device[name]}, not {wanted[name]}"
            for name in wanted
            if device[name] != wanted[name]
        ]
        if differences:
            raise ConfigurationMismatchError(
                f"{program.model}: was compiled for another DPU: on this device "
                f"{'; '.join(differences)}. Compile the model for this device.",
                differences,
            )
        windows = place(program, self._base)
        end = windows[-1].base + windows[-1].size
        if end > self._transport.memory_bytes:
            raise MemorySizeError(
                f"{program.model}: needs the DRAM from 0x{self._base:X} to 0x{end:X}, but it ends "
                f"at 0x{self._transport.memory_bytes:X}; give the DPU more memory."
            )
        self._refuse_busy()
        self._transport.write_memory(windows[0].base, program.image)
        self._program, self._windows, self._held = program, windows, {}
        if program.preload is not None:
            self._run(program.preload)

    def infer(
        self, inputs: Mapping[int, Array], *, observer: Observer | None = None
    ) -> dict[int, Array]:
        """Run the loaded program on inputs by tensor index; return its outputs by tensor index.

        Raises
        ------
        RunError
            The DPU stopped; one exception class a reason.
        RunTimeoutError
            It didn't stop.
        """
        program = self._loaded()
        missing = sorted(set(program.inputs) - set(inputs))
        if missing:
            raise ValueError(f"No value was given for the inputs {missing}.")
        self._held = {}
        for index, array in inputs.items():
            self._put(index, array)
        for index, step in enumerate(program.steps):
            if step.host is not None:
                for output, array in evaluate(program, step.host, self.tensor).items():
                    self._put(output, array)
            else:
                if observer is not None:
                    observer.begin(index)
                self._run(step)
                if observer is not None:
                    observer.end(index, self.counts())
        return {index: self.tensor(index) for index in program.outputs}

    def tensor(self, index: int) -> Array:
        """Return a tensor that the host holds, or that lies in DRAM."""
        if index in self._held:
            return self._held[index]
        tensor = self._loaded().tensors[index]
        if tensor.window < 0:
            raise DeviceError(f"tensor {index} ({tensor.name}): never lies in DRAM.")
        dtype = np.dtype(tensor.dtype)
        size = int(np.prod(tensor.shape, dtype=np.int64)) * dtype.itemsize
        data = self._transport.read_memory(self._windows[tensor.window].base + tensor.offset, size)
        return np.frombuffer(data, dtype).reshape(tensor.shape)

    def held(self) -> dict[int, Array]:
        """Return the tensors that the host was given or computed in the last inference."""
        return dict(self._held)

    def counts(self) -> Counts:
        """Return the counters of the last run of the DPU."""
        return Counts(self._read("CYCLES"), self._read("READ_BYTES"), self._read("WRITE_BYTES"))

    def abort(self) -> None:
        """End a run, whoever started it."""
        self._write("CONTROL", _CONTROL.field("abort").put(1))
        self._transport.wait(ABORT_CYCLES)
        self._write("CONTROL", _CONTROL.field("clear_interrupt").put(1))

    # One run

    def _run(self, step: Step) -> None:
        program = self._loaded()
        self._refuse_busy()
        for name, window in zip(WINDOW_NAMES, self._windows, strict=True):
            self._write(f"{name.upper()}_BASE", window.base)
            self._write(f"{name.upper()}_SIZE", window.size)
        for engine in Engine:
            stream = (step.streams or {}).get(engine)
            self._write(f"{engine.name}_STREAM", stream.offset if stream else 0)
            self._write(f"{engine.name}_COUNT", stream.count if stream else 0)
        self._write("CONTROL", _CONTROL.field("clear_interrupt").put(1))
        self._write("INTERRUPT_ENABLE", 1)
        self._write("CONTROL", _CONTROL.field("start").put(1))
        limit = cycle_limit(program)
        came = self._transport.wait(limit)
        status = self._read("STATUS")
        if not came and not _STATUS.field("done").get(status):
            self.abort()
            raise RunTimeoutError(
                f"{program.model}: the DPU didn't end within {limit} cycles (STATUS reads "
                f"0x{status:08X}), the run was aborted; reset the device and try again."
            )
        self._write("CONTROL", _CONTROL.field("clear_interrupt").put(1))
        self._raise_for(status, step)

    def _raise_for(self, status: int, step: Step) -> None:
        code = _STATUS.field("error").get(status)
        if code == Error.NONE:
            return
        program = self._loaded()
        if code not in REASONS:
            raise DeviceError(
                f"{program.model}: the DPU stopped with the unknown error {code} (STATUS reads "
                f"0x{status:08X}); use the driver that belongs to the hardware."
            )
        kind, reason, remedy = REASONS[Error(code)]
        number = _STATUS.field("error_engine").get(status)
        index = _STATUS.field("error_instruction").get(status)
        where, engine = "the DPU stopped", None
        if number in set(Engine):
            engine = Engine(number)
            where = f"{engine.name} instruction {index}"
            marks = step.streams[engine].marks if step.streams and engine in step.streams else ()
            if index < len(marks):
                layer = program.layers[marks[index].layer]
                where += f" (layer {layer.index}, {layer.operator} {layer.name})"
        instruction = None if engine is None else index
        raise kind(
            f"{program.model}: {where}: {reason}; {remedy}.", Error(code), engine, instruction
        )

    # Registers and tensors

    def _refuse_busy(self) -> None:
        if _STATUS.field("busy").get(self._read("STATUS")):
            raise BusyError("device: a program runs already; wait for its end, or abort it.")

    def _loaded(self) -> Program:
        if self._program is None:
            raise DeviceError("device: no program is loaded; load one first.")
        return self._program

    def _put(self, index: int, array: Array) -> None:
        tensor = self._loaded().tensors[index]
        if array.shape != tensor.shape or array.dtype != np.dtype(tensor.dtype):
            raise ValueError(
                f"Tensor {index} ({tensor.name}) is {tensor.dtype}{list(tensor.shape)}, not "
                f"{array.dtype}{list(array.shape)}."
            )
        self._held[index] = array
        if tensor.window >= 0:
            base = self._windows[tensor.window].base
            self._transport.write_memory(base + tensor.offset, array.tobytes())

    def _read(self, name: str) -> int:
        return self._transport.read_register(address(name))

    def _write(self, name: str, value: int) -> None:
        self._transport.write_register(address(name), value)


def _close(transport: Transport) -> None:
    """Close a transport of a kind that can be closed."""
    close = getattr(transport, "close", None)
    if close is not None:
        close()
