# SPDX-License-Identifier: Apache-2.0
"""The main sequence of the compiler: a straight list of steps from graph to program."""

from __future__ import annotations

import copy

import numpy as np

from dpu_compiler.assemble import Image
from dpu_compiler.emit import Emitter
from dpu_compiler.engines import choose_engines
from dpu_compiler.graph import Graph, Operator
from dpu_compiler.legal import Decision
from dpu_compiler.macs import count_macs
from dpu_compiler.partition import Part, partition
from dpu_compiler.passes.dead_channels import LiveGraph, remove_dead_channels
from dpu_compiler.passes.fold import fold_constants
from dpu_compiler.passes.frames import number_frames, repeat
from dpu_compiler.passes.pad import fuse_padding
from dpu_compiler.resident import load_resident, resident_places
from dpu_compiler.search import Choice, best_schedule
from dpu_compiler.translate import StepBuilder, translate
from dpu_compiler.translate.step import Memory
from dpu_spec.configuration import Configuration
from dpu_spec.instruction import Engine
from dpu_spec.isa import WINDOW_ARENA, WINDOW_INPUT, WINDOW_OUTPUT
from dpu_spec.program import DeadChannels, HostOperator, Layer, Program, Step, Tensor


class Compilation:
    """One network on its way to a program."""

    def __init__(
        self,
        graph: Graph,
        configuration: Configuration,
        *,
        dead_channels: bool = True,
        frames: int = 1,
        resident: bool = False,
    ) -> None:
        self.configuration = configuration
        self.model_sha256 = graph.sha256
        self.graph = fuse_padding(fold_constants(graph))
        self.leaves_out = dead_channels
        self.live = find_dead_channels(self.graph, configuration)
        if dead_channels:
            self.graph = self.live.graph
        self.frames = number_frames((graph, self.graph), frames)
        self.source = repeat(graph, self.frames)
        self.graph = repeat(self.graph, self.frames)
        self.decisions = choose_engines(self.graph, configuration)
        self.parts = partition(self.graph, self.decisions)
        self.memory = Memory()
        self.image = Image()
        self.host_data = bytearray()
        runs = [part for part in self.parts if not part.on_host and not part.only_renames]
        self.keeps_constants = resident and len(runs) == 1
        self.preload: Step | None = None

    def run(self) -> Program:
        """Compile."""
        graph = self.graph
        for index in graph.inputs:
            tensor = graph.tensors[index]
            if tensor.value.dtype == "int8":
                self.memory.place(index, WINDOW_INPUT, tensor.size)
        steps = []
        for position, part in enumerate(self.parts):
            if part.on_host:
                steps.append(self._host(part.operators[0]))
            else:
                step = self._device(part, position)
                if step.streams:  # Other names (RESHAPE) alone make no work.
                    steps.append(step)
        return Program(
            model=self.source.name,
            configuration=self.configuration,
            image=self.image.to_bytes(),
            host_data=bytes(self.host_data),
            arena_bytes=self.memory.sizes[WINDOW_ARENA],
            input_bytes=self.memory.sizes[WINDOW_INPUT],
            output_bytes=self.memory.sizes[WINDOW_OUTPUT],
            tensors=self._tensors(),
            inputs=graph.inputs,
            outputs=graph.outputs,
            layers=tuple(self._layer(op) for op in self.source.operators),
            steps=tuple(steps),
            dead_channels=DeadChannels(self.leaves_out, self.live.removed, self.live.channels),
            frames=self.frames,
            preload=self.preload,
            model_sha256=self.model_sha256,
        )

    def _used_later(self, position: int) -> set[int]:
        """Return tensors that parts after ``position`` read, and the network's outputs."""
        used = set(self.graph.outputs)
        for part in self.parts[position + 1 :]:
            for op in part.operators:
                used |= set(op.inputs)
        return used

    def _builder(
        self, operators: list[Operator], position: int, memory: Memory, image: Image
    ) -> StepBuilder:
        """Translate operators of the part at ``position``."""
        builder = StepBuilder(self.graph, self.configuration, memory)
        for op in operators:
            translate(builder, op)
        later = self._used_later(position)
        for op in operators:
            for index in op.outputs:
                if index in later and index not in builder.planar:
                    builder.require_dram(index, op.index)
        for dram, data in builder.constants:
            dram.offset = image.put(data)
        return builder

    def _choice(self, part: Part, position: int) -> Choice | None:
        """Search for what is best for one of several frames: more can be tried than of all."""
        frames = self.frames
        if frames.count == 1:
            return None
        operators = [op for op in part.operators if op.index < frames.layers]
        builder = self._builder(operators, position, copy.deepcopy(self.memory), Image())
        if not builder.layers:
            return None
        choice = best_schedule(builder).choice
        follow = {frames.tensor(i, frame) for i in choice.follow for frame in range(frames.count)}
        return Choice(choice.tiling, frozenset(follow))

    def _device(self, part: Part, position: int) -> Step:
        choice = self._choice(part, position)
        builder = self._builder(part.operators, position, self.memory, self.image)
        schedule = best_schedule(builder, begin=choice)
        if self.keeps_constants:
            places = resident_places(schedule.emitter)
            if places:
                self.preload = self._preload(load_resident(places, schedule.emitter))
                schedule = best_schedule(builder, places, choice)
        self.image.add_constants(schedule.emitter)
        return Step(streams=self.image.add_streams(schedule.streams))

    def _preload(self, emitter: Emitter) -> Step:
        """Return the step that loads the constants that stay."""
        self.image.add_constants(emitter)
        return Step(streams=self.image.add_streams({Engine.LOAD: emitter.issues}))

    def _host(self, operator: Operator) -> Step:
        graph = self.graph
        constants = {}
        for index in operator.inputs:
            data = graph.tensors[index].data if index >= 0 else None
            if data is not None:
                raw = np.ascontiguousarray(data).tobytes()
                constants[index] = (len(self.host_data), len(raw))
                self.host_data += raw
        for index in operator.outputs:
            tensor = graph.tensors[index]
            on_device = any(
                not part.on_host and any(index in op.inputs for op in part.operators)
                for part in self.parts
            )
            if on_device and tensor.value.dtype == "int8":
                self.memory.place(index, WINDOW_ARENA, tensor.size)
        return Step(
            host=HostOperator(
                operator.index,
                operator.name,
                operator.inputs,
                operator.outputs,
                operator.attributes,
                constants,
            )
        )

    def _tensors(self) -> dict[int, Tensor]:
        result = {}
        for index, tensor in self.source.tensors.items():
            place = self.memory.tensors.get(self.memory.root(index))
            quantization = tensor.value.quantization
            original = index % self.frames.tensors
            channels = self.live.kept.get(original) if self.leaves_out else None
            if channels is not None:
                place = None  # What lies in DRAM are its channels that exist.
            result[index] = Tensor(
                index,
                tensor.name,
                tensor.shape,
                tensor.value.dtype,
                quantization.scale if quantization else (),
                quantization.zero_point if quantization else (),
                quantization.axis if quantization else 0,
                place.window if place else -1,
                place.offset if place else 0,
                channels,
                tuple(self.live.constants[original].items()) if channels is not None else (),
            )
        return result

    def _layer(self, operator: Operator) -> Layer:
        decision = self.decisions.get(operator.index)
        fused_into = -1
        if decision is None:
            reader = next(
                (op for op in self.graph.operators if operator.inputs[0] in op.inputs), None
            )
            if operator.name in ("PAD", "PADV2") and reader is not None:
                decision, fused_into = Decision("none", "border of the convolution"), reader.index
            else:
                decision = Decision("none", "constant")
        name = self.source.tensors[operator.outputs[0]].name
        return Layer(
            operator.index,
            name,
            operator.name,
            decision.engine,
            count_macs(self.source, operator),
            operator.inputs,
            operator.outputs,
            fused_into,
            decision.reason,
        )


def find_dead_channels(graph: Graph, configuration: Configuration) -> LiveGraph:
    """Return what is dead of a graph whose constants are folded."""
    decisions = choose_engines(graph, configuration)
    hosted = {index for index, decision in decisions.items() if decision.engine == "host"}
    return remove_dead_channels(graph, hosted, configuration.lanes)


def compile_graph(
    graph: Graph,
    configuration: Configuration,
    *,
    dead_channels: bool = True,
    frames: int = 1,
    resident: bool = False,
) -> Program:
    """Compile a network for a configuration.

    ``dead_channels`` says whether to leave out channels that are constant or that nobody uses.
    ``frames`` is the number of inferences that one start of the program runs. ``resident`` says
    whether constants stay on the chip between starts, in each buffer that holds all of them; only
    a network that runs on the DPU in one piece can have that.

    Raises
    ------
    CompilerError
        The network cannot be compiled; the message says why and what to do.
    """
    return Compilation(
        graph, configuration, dead_channels=dead_channels, frames=frames, resident=resident
    ).run()
