# SPDX-License-Identifier: Apache-2.0
"""Which channels of each tensor have to exist.

From the outputs backwards: a channel is kept if an operator reads it to make one that is kept.
Convolutions read those with a weight that is not 0 in a filter whose result is not constant, but
for constant channels whose sum is the same at all positions: these become part of the bias.
Operators that don't mix channels *tie* them: such a channel is in all their tensors or in none.
"""

from __future__ import annotations

from collections.abc import Container

import numpy as np

from dpu_compiler.graph import Graph, Operator
from dpu_compiler.passes.channel_ranges import Ranges, channel_count
from dpu_compiler.passes.channel_ties import Tie, tie
from dpu_compiler.passes.weighted import Bools, Int64s, Weighted, weighted


class Mixing:
    """A convolution or fully connected layer, as a reader of channels."""

    def __init__(self, view: Weighted, source: Ranges, result: Ranges) -> None:
        self.view = view
        self.source = source
        self.result = result
        self._reads: Bools = np.any(view.weights != 0, axis=(1, 2))

    def needed(self, outputs: Bools) -> Bools:
        """Return the input channels that have to exist where these outputs do."""
        varying = outputs & ~self.result.constant
        read: Bools = np.any(self._reads[varying], axis=0)
        for channel in np.flatnonzero(read & self.source.constant):
            sums = self.constant_sums(int(channel))[varying]
            read[channel] = (sums != sums[:, :1, :1]).any()
        return read

    def constant_sums(self, channel: int) -> Int64s:
        """Return what a constant input channel adds, as [output, row case, column case]."""
        centred = int(self.source.low[channel]) - self.view.input_zero_point
        return self.view.by_case(self.view.weights[..., channel]) * centred


class ChannelUses:
    """The channels to keep, by tensor index."""

    def __init__(
        self, graph: Graph, ranges: dict[int, Ranges], on_host: Container[int], lanes: int
    ) -> None:
        self.graph = graph
        self.lanes = lanes
        self.kept: dict[int, Bools] = {
            index: np.ones(channel_count(tensor), np.bool_)
            for index, tensor in graph.tensors.items()
        }
        #: Convolutions and fully connected layers, by the operators' indices.
        self.mixing: dict[int, Mixing] = {}
        self._ties: dict[int, Tie] = {}
        changing: set[int] = set()
        fixed = {*graph.inputs, *graph.outputs}
        for operator in graph.operators:
            mine = () if operator.index in on_host else self._prepare(operator, ranges)
            changing.update(mine)
            fixed.update({*operator.inputs, *operator.outputs}.difference(mine))
        for index in changing - fixed:
            self.kept[index][:] = False
        self._spread()
        while self._fill():
            self._spread()

    def _prepare(self, operator: Operator, ranges: dict[int, Ranges]) -> tuple[int, ...]:
        """Look at an operator on the DPU; return the tensors that it can do with parts of."""
        source, result = operator.inputs[0], operator.outputs[0]
        view = weighted(self.graph, operator)
        if view is not None and not view.depthwise:
            self.mixing[operator.index] = Mixing(view, ranges[source], ranges[result])
            return source, result
        found = tie(self.graph, operator)
        if found is None:
            return ()
        self._ties[operator.index] = found
        return tuple(index for index, _ in found.groups)

    def _spread(self) -> None:
        """Keep what is needed for what is kept, until there is no more."""
        grows = True
        while grows:
            grows = False
            for operator in reversed(self.graph.operators):
                if operator.index in self.mixing:
                    needed = self.mixing[operator.index].needed(self.kept[operator.outputs[0]])
                    grows |= self._keep(operator.inputs[0], needed)
                elif operator.index in self._ties:
                    grows |= self._join(self._ties[operator.index])

    def _keep(self, index: int, channels: Bools) -> bool:
        """Keep channels; tell whether that is new."""
        new = bool((channels & ~self.kept[index]).any())
        self.kept[index] |= channels
        return new

    def _join(self, tied: Tie) -> bool:
        whole = np.zeros(tied.count, np.bool_)
        for index, groups in tied.groups:
            whole[groups[self.kept[index]]] = True
        new = [self._keep(index, whole[groups]) for index, groups in tied.groups]
        return any(new)

    def _fill(self) -> bool:
        """Keep more where a tensor can't be with so few channels; tell whether that is new."""
        new = False
        for operator in self.graph.operators:
            for index in operator.outputs:
                if not self.kept[index].any():
                    self.kept[index][:1] = True
                    new = True
            if operator.name == "CONCATENATION" and operator.index in self._ties:
                new |= self._fill_blocks(operator)
        return new

    def _fill_blocks(self, operator: Operator) -> bool:
        """Let parts that are whole blocks of lanes remain so: others cost a way through DRAM."""
        parts = operator.inputs[:-1]
        if any(len(self.kept[index]) % self.lanes for index in parts):
            return False
        new = False
        for index in parts:
            missing = -int(np.count_nonzero(self.kept[index])) % self.lanes
            if missing:
                self.kept[index][np.flatnonzero(~self.kept[index])[:missing]] = True
                new = True
        return new
