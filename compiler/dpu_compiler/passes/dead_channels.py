# SPDX-License-Identifier: Apache-2.0
"""Leave out channels that are constant or that nobody uses: a smaller graph with the same answers.

:mod:`channel_ranges` proves which are constant, :mod:`channel_uses` says which have to exist.
Every channel that exists has the values that it has in the model.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Container

import numpy as np

from dpu_compiler.graph import RENAMES, Array, Graph, Operator, Tensor
from dpu_compiler.passes.channel_ranges import channel_ranges
from dpu_compiler.passes.channel_uses import ChannelUses, Mixing
from dpu_compiler.passes.weighted import Bools, Int64s
from dpu_golden import Quantization, Value


@dataclasses.dataclass(frozen=True)
class LiveGraph:
    """A graph without dead channels, and what became of those of the graph before.

    ``kept`` has the channels that exist, for each tensor that lost any; ``constants`` the values
    of those among the others that are constant, by channel. The rest is not computed.
    ``removed`` of the ``channels`` that operators compute are gone, not counting other names for
    the same elements (RESHAPE).
    """

    graph: Graph
    kept: dict[int, tuple[int, ...]]
    constants: dict[int, dict[int, int]]
    removed: int
    channels: int


class _Rewriter:
    def __init__(self, graph: Graph, uses: ChannelUses) -> None:
        self.graph = graph
        self.uses = uses
        self.tensors = dict(graph.tensors)

    def run(self) -> Graph:
        for index, kept in self.uses.kept.items():
            if not kept.all():
                self.tensors[index] = _part(self.graph.tensors[index], kept)
        operators = [self._operator(op) for op in self.graph.operators]
        return dataclasses.replace(self.graph, tensors=self.tensors, operators=operators)

    def _operator(self, operator: Operator) -> Operator:
        kept = self.uses.kept
        source, result = operator.inputs[0], operator.outputs[0]
        if operator.index in self.uses.mixing:
            if kept[source].all() and kept[result].all():
                return operator
            return self._mixing(operator, self.uses.mixing[operator.index])
        if operator.name == "DEPTHWISE_CONV_2D" and not kept[result].all():
            return self._depthwise(operator, kept[result])
        return operator

    def _mixing(self, operator: Operator, mixing: Mixing) -> Operator:
        """A convolution or fully connected layer between fewer channels.

        Removed constant channels become part of the bias. What is constant itself gets its value
        by the bias alone, since not all that it is made of may exist.
        """
        view = mixing.view
        inputs, outputs = (self.uses.kept[i] for i in (operator.inputs[0], operator.outputs[0]))
        bias = view.bias.copy()
        for channel in np.flatnonzero(~inputs & mixing.source.constant):
            bias += mixing.constant_sums(int(channel))[:, 0, 0]
        weights = view.weights.copy()
        constant = mixing.result.constant
        weights[constant] = 0
        bias[constant] = view.sums(mixing.source.low, mixing.source.high)[0][constant, 0, 0]
        weights = weights[outputs][..., inputs]
        if operator.name == "FULLY_CONNECTED":
            weights = weights.reshape(len(weights), -1)
        elif operator.name == "DEPTHWISE_CONV_2D":
            weights = weights.transpose(3, 1, 2, 0)
            attributes = {**operator.attributes, "depth_multiplier": weights.shape[3]}
            operator = dataclasses.replace(operator, attributes=attributes)
        return self._with(operator, weights, bias[outputs], outputs)

    def _depthwise(self, operator: Operator, outputs: Bools) -> Operator:
        data = self.graph.tensors[operator.inputs[1]].data
        assert data is not None
        bias = None
        if len(operator.inputs) > 2 and operator.inputs[2] >= 0:
            given = self.graph.tensors[operator.inputs[2]].data
            assert given is not None
            bias = given.reshape(-1)[outputs].astype(np.int64)
        return self._with(operator, data[..., outputs], bias, outputs)

    def _with(
        self, operator: Operator, weights: Array, bias: Int64s | None, outputs: Bools
    ) -> Operator:
        """Return an operator with other weights and bias."""
        source, old = (self.graph.tensors[i] for i in operator.inputs[:2])
        scales = old.quantization
        if scales.per_channel:
            zero_point = scales.zero_point
            if len(zero_point) > 1:
                zero_point = tuple(np.array(zero_point)[outputs].tolist())
            scales = Quantization(
                tuple(np.array(scales.scale)[outputs].tolist()), zero_point, scales.axis
            )
        value = Value(weights.shape, "int8", scales)
        inputs = [operator.inputs[0], self._constant(old.name, value, weights.astype(np.int8))]
        if bias is not None:
            units = tuple(source.quantization.scale0 * scale for scale in scales.scale)
            value = Value(bias.shape, "int32", Quantization(units, (0,) * len(units)))
            # int32 sums wrap, so a bias may as well.
            inputs.append(self._constant(f"{old.name}/bias", value, bias.astype(np.int32)))
        return dataclasses.replace(operator, inputs=tuple(inputs))

    def _constant(self, name: str, value: Value, data: Array) -> int:
        """Add a constant: others may read the one that it comes from."""
        index = max(self.tensors) + 1
        self.tensors[index] = Tensor(index, name, value, data)
        return index


def _part(tensor: Tensor, kept: Bools) -> Tensor:
    """Return a tensor of these channels only."""
    shape = (*tensor.shape[:-1], int(np.count_nonzero(kept)))
    data = None if tensor.data is None else np.ascontiguousarray(tensor.data[..., kept])
    return dataclasses.replace(
        tensor, value=dataclasses.replace(tensor.value, shape=shape), data=data
    )


def remove_dead_channels(graph: Graph, on_host: Container[int], lanes: int) -> LiveGraph:
    """Return a graph without dead channels.

    ``on_host`` has the indices of the operators that the host computes: their tensors stay as
    they are. ``lanes`` are the channels of a block.
    """
    ranges = channel_ranges(graph)
    uses = ChannelUses(graph, ranges, on_host, lanes)
    kept: dict[int, tuple[int, ...]] = {}
    constants: dict[int, dict[int, int]] = {}
    for index, mine in uses.kept.items():
        if not mine.all():
            kept[index] = tuple(np.flatnonzero(mine).tolist())
            gone = np.flatnonzero(~mine & ranges[index].constant)
            constants[index] = {int(c): int(ranges[index].low[c]) for c in gone}
    computed = [
        uses.kept[index]
        for operator in graph.operators
        for index in operator.outputs
        if operator.name not in RENAMES
    ]
    return LiveGraph(
        graph=_Rewriter(graph, uses).run() if kept else graph,
        kept=kept,
        constants=constants,
        removed=sum(int(np.count_nonzero(~mine)) for mine in computed),
        channels=sum(mine.size for mine in computed),
    )
