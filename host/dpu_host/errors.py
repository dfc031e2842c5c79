# SPDX-License-Identifier: Apache-2.0
"""What the driver raises: each message names the thing, the reason and what to do."""

from __future__ import annotations

from dpu_spec.instruction import Engine
from dpu_spec.registers import Error


class DeviceError(Exception):
    """Something between the host and the DPU went wrong."""


class NotADpuError(DeviceError):
    """The registers aren't those of a DPU that this driver knows."""


class ConfigurationMismatchError(DeviceError):
    """A program was compiled for other parameters than the device has.

    ``differences`` has a clause for each.
    """

    def __init__(self, message: str, differences: list[str]) -> None:
        super().__init__(message)
        self.differences = differences


class MemorySizeError(DeviceError):
    """A program and its tensors don't fit in the DRAM."""


class UnknownDeviceError(DeviceError):
    """There is no device of this name."""


class LinkError(DeviceError):
    """The link between the host and a board failed."""


class MissingPackageError(LinkError):
    """A Python package that this kind of link needs isn't installed."""


class PortError(LinkError):
    """A port cannot be used as it was asked for."""


class PortMissingError(PortError):
    """There is no such port."""


class PortPermissionError(PortError):
    """The user may not use the port."""


class PortBusyError(PortError):
    """Another program uses the port."""


class NoAnswerError(LinkError):
    """Nothing that can be understood comes from the board."""


class LinkLostError(LinkError):
    """The port went away while it was in use."""


class DamagedTransferError(LinkError):
    """Data arrives damaged, again and again, or may have gone to a wrong place."""


class BusError(LinkError):
    """The board's memory or registers answered an access with an error."""


class BusyError(DeviceError):
    """The device runs something already."""


class RunTimeoutError(DeviceError):
    """A run didn't end."""


class RunError(DeviceError):
    """A run ended badly: why, and in which instruction of which engine (None: nobody's)."""

    def __init__(
        self, message: str, error: Error, engine: Engine | None, instruction: int | None
    ) -> None:
        super().__init__(message)
        self.error = error
        self.engine = engine
        self.instruction = instruction


class CorruptInstructionError(RunError):
    """The check byte of an instruction was wrong."""


class UnknownInstructionError(RunError):
    """An engine got an instruction that is none of its own."""


class WindowError(RunError):
    """A transfer lay outside its DRAM window."""


class MemoryReadError(RunError):
    """The memory answered a read with an error."""


class MemoryWriteError(RunError):
    """The memory answered a write with an error."""


class DeadlockError(RunError):
    """The engines waited for each other."""


class AbortedError(RunError):
    """The host ended the run."""


#: For each reason: the exception, what happened, and what to do.
REASONS: dict[Error, tuple[type[RunError], str, str]] = {
    Error.CHECK: (
        CorruptInstructionError,
        "its check byte is wrong, so the program in DRAM is damaged",
        "load the program again; if it comes back, test the memory",
    ),
    Error.OPCODE: (
        UnknownInstructionError,
        "its opcode is none of this engine's, so the program or its stream registers are damaged",
        "load the program again; if it comes back, compile it again",
    ),
    Error.WINDOW: (
        WindowError,
        "its transfer lies outside the window that the host opened",
        "load the program again; if it comes back, compile it again and report the model",
    ),
    Error.READ: (
        MemoryReadError,
        "the memory answered a read with SLVERR or DECERR",
        "check that there is memory at these addresses and that the DPU may read it",
    ),
    Error.WRITE: (
        MemoryWriteError,
        "the memory answered a write with SLVERR or DECERR",
        "check that there is memory at these addresses and that the DPU may write it",
    ),
    Error.DEADLOCK: (
        DeadlockError,
        "engines wait for tokens that nobody will give",
        "compile the model again; if it comes back, report the model",
    ),
    Error.ABORT: (AbortedError, "the host aborted the run", "start it again"),
}
