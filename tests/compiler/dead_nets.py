# SPDX-License-Identifier: Apache-2.0
"""Networks with channels that are constant or that nobody uses, and how to judge their removal."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np

from dpu_compiler.compile import find_dead_channels
from dpu_compiler.graph import Graph
from dpu_compiler.passes.dead_channels import LiveGraph
from dpu_golden import Quantization
from dpu_spec.presets import preset
from tests.compiler.nets import Net, Q
from tests.support.judge import judge

#: Zero point of the tensors of these networks.
ZERO = Q.zero_point0
#: A constant off the zero point, and what stands for a channel that is none.
C, VARIES = 40, None
#: Channels of a map.
MIXED = (VARIES, C, ZERO, VARIES, C, VARIES)


def seeded_feeds(graph: Graph) -> dict[int, np.ndarray]:
    """Random inputs, with the seed printed."""
    seed = random.randrange(1 << 32)
    print("seed of inputs", seed)
    rng = np.random.default_rng(seed)
    return {
        i: rng.integers(-128, 128, graph.tensors[i].shape).astype(np.int8) for i in graph.inputs
    }


class DeadNet(Net):
    """Convolutions whose weights are told."""

    def filters(
        self,
        x: int,
        weights: np.ndarray,
        bias: Sequence[int] | None = None,
        *,
        scale: float = 0.01,
        **options: object,
    ) -> int:
        """Add CONV_2D with these OHWI weights."""
        options = {"padding": "SAME", "stride": (1, 1), "dilation": (1, 1), **options}
        kernel = (weights.shape[1], weights.shape[2])
        out = self._window(x, kernel, options)
        inputs: list[int | None] = [x, self.constant(weights.astype(np.int8), Q1(scale))]
        if bias is not None:
            inputs.append(self.constant(np.array(bias, np.int32), Q1(0.5 * scale)))
        return self.add_operator("CONV_2D", inputs, (1, *out, len(weights)), options)

    def channels(self, x: int, constants: Sequence[int | None]) -> int:
        """Add a 1x1 convolution whose channels have these values, or are random where None."""
        count = self.values[x].shape[3]
        weights = self.rng.integers(-127, 128, (len(constants), 1, 1, count))
        weights[weights == 0] = 1
        bias = self.rng.integers(-1000, 1000, len(constants))
        for index, value in enumerate(constants):
            if value is not None:
                weights[index] = 0
                bias[index] = (value - ZERO) * 100
        return self.filters(x, weights, bias.tolist())

    def spread(
        self, x: int, count: int, kernel: tuple[int, int] = (1, 1), **options: object
    ) -> int:
        """Add a convolution that reads every channel."""
        weights = self.rng.integers(1, 128, (count, *kernel, self.values[x].shape[3]))
        weights *= self.rng.choice([-1, 1], weights.shape)
        return self.filters(x, weights, self.rng.integers(-999, 999, count).tolist(), **options)


def Q1(scale: float) -> Quantization:
    """A scale with zero point 0."""
    return Quantization((scale,), (0,))


def live(graph: Graph, name: str = "tiny") -> LiveGraph:
    """The graph without dead channels, for a preset with 4 lanes."""
    return find_dead_channels(graph, preset(name))


def judged(net: Net, *outputs: int) -> LiveGraph:
    """Remove dead channels of a network; every value must be right.

    In the golden model those of the smaller graph, and compiled, on the emulator, those of the
    reference runtime.
    """
    model = net.finish(net.inputs, outputs)
    graph = net.graph(*outputs)
    found = live(graph)
    feeds = seeded_feeds(graph)
    expected = graph.run(feeds)
    results = found.graph.run(feeds)
    for operator in graph.operators:
        for index in operator.outputs:
            want = expected[index]
            for channel, value in found.constants.get(index, {}).items():
                assert (want[..., channel] == value).all()
            if index in found.kept:
                want = want[..., list(found.kept[index])]
            np.testing.assert_array_equal(results[index], want)
    for name in ("tiny", "b128"):
        verdict = judge(model, feeds, preset(name))
        assert verdict.program is not None
        assert verdict.program.dead_channels.removed == live(graph, name=name).removed
    return found
