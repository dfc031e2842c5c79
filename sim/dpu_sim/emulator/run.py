# SPDX-License-Identifier: Apache-2.0
"""Run a whole program: every step of the DPU, and the host's operators between them."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

import dpu_golden
from dpu_spec.instruction import Engine, Instruction
from dpu_spec.isa import (
    INSTRUCTION_BYTES,
    WINDOW_ARENA,
    WINDOW_INPUT,
    WINDOW_OUTPUT,
    WINDOW_PROGRAM,
    decode,
)
from dpu_spec.program import HostOperator, Program, Step, Tensor

from .access import Writes
from .collect import Collector
from .machine import Machine, Observer
from .statistics import RunStatistics

Array = npt.NDArray[Any]

# Instructions are never changed here, so the same bytes may share one.
_decode = functools.lru_cache(maxsize=1 << 16)(decode)


def instructions(program: Program, step: Step, engine: Engine) -> list[Instruction]:
    """Decode one engine's stream of a step, from the cache where it was decoded before."""
    if step.streams is None or engine not in step.streams:
        return []
    stream = step.streams[engine]
    size = INSTRUCTION_BYTES[engine]
    data = program.image[stream.offset : stream.offset + stream.count * size]
    return [_decode(engine, data[i : i + size]) for i in range(0, len(data), size)]


class ProgramRun:
    """A program on a machine: its windows and the tensors that the host holds.

    Parameters
    ----------
    program
        What to run.
    check
        As for :class:`Machine`.
    observer
        Called after each instruction, with what it wrote.
    collect
        Put every tensor together that instructions write, also in rings that are overwritten later.
    """

    def __init__(
        self,
        program: Program,
        *,
        check: bool = True,
        observer: Observer | None = None,
        collect: bool = False,
    ) -> None:
        self.program = program
        self.statistics = RunStatistics()
        self._collector = Collector(program.tensors, program.configuration) if collect else None
        self._observer = observer
        self._step: Step = Step()
        observe = self._observe if collect or observer is not None else None
        self.machine = Machine(program.configuration, check=check, observer=observe)
        self.machine.window(WINDOW_PROGRAM, program.image)
        self.machine.window(WINDOW_ARENA, program.arena_bytes)
        self.machine.window(WINDOW_INPUT, program.input_bytes)
        self.machine.window(WINDOW_OUTPUT, program.output_bytes)
        self._held: dict[int, Array] = {}
        if program.preload is not None:
            # Not counted: it is done once for many inferences.
            self._step = program.preload
            self.machine.run({e: instructions(program, program.preload, e) for e in Engine})

    def put(self, index: int, array: Array) -> None:
        """Give a tensor its value, in DRAM if it has a place there."""
        tensor = self.program.tensors[index]
        if array.shape != tensor.shape or array.dtype != np.dtype(tensor.dtype):
            raise ValueError(
                f"Tensor {index} ({tensor.name}) is {tensor.dtype}{list(tensor.shape)}, not "
                f"{array.dtype}{list(array.shape)}."
            )
        self._held[index] = array
        if tensor.window >= 0:
            self.machine.write(tensor.window, tensor.offset, array.tobytes())

    def get(self, index: int) -> Array:
        """Return a tensor that the host holds, or that lies in DRAM."""
        if index in self._held:
            return self._held[index]
        tensor = self.program.tensors[index]
        if tensor.window < 0:
            raise ValueError(f"Tensor {index} ({tensor.name}) never lies in DRAM.")
        dtype = np.dtype(tensor.dtype)
        size = int(np.prod(tensor.shape, dtype=np.int64)) * dtype.itemsize
        data = self.machine.read(tensor.window, tensor.offset, size)
        return np.frombuffer(data, dtype).reshape(tensor.shape)

    def step(self, step: Step) -> None:
        """Do one step."""
        if step.host is not None:
            self._evaluate(step.host)
            return
        self._step = step
        streams = {engine: instructions(self.program, step, engine) for engine in Engine}
        self.statistics += self.machine.run(streams)

    def tensors(self) -> dict[int, Array]:
        """Return the collected tensors, and those that the host was given or computed."""
        found: dict[int, Array] = {} if self._collector is None else {**self._collector.tensors()}
        return found | self._held

    def _observe(
        self, engine: Engine, index: int, instruction: Instruction, writes: Writes
    ) -> None:
        if self._observer is not None:
            self._observer(engine, index, instruction, writes)
        if self._collector is not None and "scratchpad" in writes:
            assert self._step.streams is not None
            marks = self._step.streams[engine].marks
            if index < len(marks):
                self._collector.add(marks[index], instruction, *writes["scratchpad"])

    def _evaluate(self, host: HostOperator) -> None:
        tensors = self.program.tensors
        operands: list[Array | None] = []
        for index in host.inputs:
            if index < 0:
                operands.append(None)
            elif index in host.constants:
                offset, size = host.constants[index]
                data = self.program.host_data[offset : offset + size]
                tensor = tensors[index]
                operands.append(np.frombuffer(data, np.dtype(tensor.dtype)).reshape(tensor.shape))
            else:
                operands.append(self.get(index))
        results = dpu_golden.evaluate(
            host.operator,
            operands,
            [_value(tensors[index]) if index >= 0 else None for index in host.inputs],
            [_value(tensors[index]) for index in host.outputs],
            host.attributes,
        )
        for index, result in zip(host.outputs, results, strict=True):
            self.put(index, result)


def _value(tensor: Tensor) -> dpu_golden.Value:
    quantization = None
    if tensor.scale:
        quantization = dpu_golden.Quantization(tensor.scale, tensor.zero_point, tensor.axis)
    return dpu_golden.Value(tensor.shape, tensor.dtype, quantization)


def run_program(
    program: Program,
    inputs: Mapping[int, Array],
    *,
    check: bool = True,
    tensors: dict[int, Array] | None = None,
    observer: Observer | None = None,
) -> dict[int, Array]:
    """Run a program on inputs by tensor index; return its outputs by tensor index.

    A dictionary given as ``tensors`` receives every tensor that instructions or the host write, in
    the model's layout. One that was written in part is a masked array.
    """
    missing = sorted(set(program.inputs) - set(inputs))
    if missing:
        raise ValueError(f"No value was given for the inputs {missing}.")
    run = ProgramRun(program, check=check, observer=observer, collect=tensors is not None)
    for index, array in inputs.items():
        run.put(index, np.ascontiguousarray(array))
    for step in program.steps:
        run.step(step)
    outputs = {index: run.get(index) for index in program.outputs}
    if tensors is not None:
        tensors.update(run.tensors() | outputs)
    return outputs
