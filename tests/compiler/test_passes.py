# SPDX-License-Identifier: Apache-2.0
"""Constant folding, and PAD as the border of convolutions."""

import numpy as np
import pytest

from dpu_compiler.passes.fold import fold_constants
from dpu_compiler.passes.pad import explicit_padding, fuse_padding
from dpu_golden import Quantization
from tests.compiler.nets import Net, Q


def results(graph, feeds):
    found = graph.run(feeds)
    return [found[index] for index in graph.outputs]


def test_shape_arithmetic_is_folded():
    """RESHAPE to a shape that operators compute of another tensor's."""
    net = Net()
    x = net.input((1, 4, 6, 2))
    shape = net.tensor((4,), "int32")
    net.operator("SHAPE", [x], [shape])
    first = net.tensor((1,), "int32")
    net.operator("STRIDED_SLICE", [shape, net.numbers(0), net.numbers(1), net.numbers(1)], [first])
    whole = net.tensor((2,), "int32")
    net.operator("CONCATENATION", [first, net.numbers(48)], [whole])
    y = net.add_operator("RESHAPE", [x, whole], (1, 48))
    folded = fold_constants(net.graph(y))
    assert [op.name for op in folded.operators] == ["RESHAPE"]
    assert folded.tensors[whole].data.tolist() == [1, 48]


def test_what_depends_on_inputs_stays():
    net = Net()
    x = net.input((1, 2, 2, 1))
    a = net.constant(np.ones((1, 2, 2, 1), np.int8), Q)
    b = net.sum(a, a)
    y = net.sum(x, b)
    graph = net.graph(y)
    folded = fold_constants(graph)
    assert len(folded.operators) == 1
    feed = {x: np.arange(4).astype(np.int8).reshape(1, 2, 2, 1)}
    np.testing.assert_array_equal(results(folded, feed)[0], results(graph, feed)[0])
    assert len(graph.operators) == 2  # The graph itself is as it was.


def padded(*, fill=None, readers=1, as_output=False, extra=None, quantization=Q, channels=False):
    net = Net()
    x = net.input((1, 5, 6, 2))
    widths = net.numbers((0, 0), (1, 2), (0, 3), (0, 1) if channels else (0, 0))
    inputs = [x, widths]
    if fill is not None:
        inputs.append(net.constant(np.array([fill], np.int8), Q))
    shape = (1, 8, 9, 3 if channels else 2)
    p = net.add_operator(
        "PADV2" if fill is not None else "PAD", inputs, shape, quantization=quantization
    )
    outputs = [
        net.conv(p, 3, padding="VALID") if n % 2 == 0 else net.depthwise(p) for n in range(readers)
    ]
    if extra == "pool":
        outputs.append(net.pool(p, (2, 2)))
    if as_output:
        outputs.append(p)
    return net.graph(*outputs), x


@pytest.mark.parametrize("readers", [1, 2, 3])
@pytest.mark.parametrize("fill", [None, 3])
def test_padding_becomes_a_border(readers, fill):
    graph, x = padded(readers=readers, fill=fill)
    fused = fuse_padding(graph)
    assert not any("PAD" in op.name for op in fused.operators)
    assert fused.operators[0].attributes["padding"] == ((1, 2), (0, 3))
    feed = {x: np.arange(60).astype(np.int8).reshape(1, 5, 6, 2)}
    for a, b in zip(results(fused, feed), results(graph, feed), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    "options",
    [
        {"fill": 4},
        {"as_output": True},
        {"extra": "pool"},
        {"readers": 0, "as_output": True},
        {"channels": True},
        {"quantization": Quantization((0.25,), (3,))},
    ],
    ids=str,
)
def test_padding_that_stays(options):
    graph, _ = padded(**options)
    assert any("PAD" in op.name for op in fuse_padding(graph).operators)


def test_same_padding_is_added():
    net = Net()
    x = net.input((1, 5, 5, 1))
    y = net.conv(net.pad(x, (1, 0), (2, 2)), 1, (3, 5))
    (conv,) = fuse_padding(net.graph(y)).operators
    assert conv.attributes["padding"] == ((2, 1), (4, 4))


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("size", [5, 6, 7])
def test_explicit_padding(size, stride):
    net = Net()
    y = net.conv(net.input((1, size, size, 1)), 1, (3, 2), stride=(stride, 1))
    graph = net.graph(y)
    (top, bottom), (left, right) = explicit_padding(graph, graph.operators[0], (3, 2))
    total = max((-(-size // stride) - 1) * stride + 3 - size, 0)
    assert (top, bottom) == (total // 2, total - total // 2)
    assert (left, right) == (0, 1)
