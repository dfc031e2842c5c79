# SPDX-License-Identifier: Apache-2.0
"""Rules of legality for the vector unit and for what moves elements."""

import numpy as np
import pytest

from dpu_compiler import legal
from dpu_compiler.legal import decide, rule_sentence
from dpu_golden import Quantization
from tests.compiler.legality import assert_on, assert_on_host
from tests.compiler.nets import Net, Q


def test_products_with_large_factors():
    for scale, other, rule in (
        (1.9, (1, 4, 4, 2), None),
        (2.0, (1, 4, 4, 2), legal.rule_product_factor),
        (2.0, (1, 1, 1, 1), None),
    ):
        net = Net()
        x = net.input((1, 4, 4, 2))
        b = net.constant(np.ones(other, np.int8), Quantization((scale,), (0,)))
        net.add_operator("MUL", [x, b], (1, 4, 4, 2))
        if rule is None:
            assert_on(net, "vector")
        else:
            assert_on_host(net, rule, "a factor of 2^1 or more")


def test_sums_that_the_reference_runtime_refuses():
    net = Net()
    x = net.input((1, 4), quantization=Quantization((2.0**-22,), (0,)))
    net.add_operator("ADD", [x, x], (1, 4), quantization=Quantization((0.5,), (0,)))
    assert_on(net, "vector")
    graph, operator = net.only()
    graph.tensors[operator.outputs[0]].value = graph.tensors[operator.inputs[0]].value.__class__(
        (1, 4), "int8", Quantization((2.0**-42,), (0,))
    )
    assert legal.rule_sum_scales(graph, operator) is not None


def test_means():
    for scale, rule in ((0.5 / 31, None), (0.5 / 33, legal.rule_mean_factor)):
        net = Net()
        x = net.input((1, 4, 4, 3))
        net.add_operator(
            "MEAN", [x, net.numbers(1, 2)], (1, 3), quantization=Quantization((scale,), (0,))
        )
        if rule is None:
            assert_on(net, "vector")
        else:
            assert_on_host(net, rule, "a factor")


@pytest.mark.parametrize(
    ("shape", "axes"), [((1, 4, 4, 3), (3,)), ((1, 4, 4, 3), (1,)), ((1, 256, 2, 3), (1, 2))]
)
def test_other_means(shape, axes):
    net = Net()
    x = net.input(shape)
    result = [size for axis, size in enumerate(shape) if axis not in axes]
    net.add_operator("MEAN", [x, net.numbers(*axes)], result)
    assert_on_host(net, legal.rule_spatial_mean, f"axes {list(axes)} of {list(shape)}")


def test_pools():
    net = Net()
    net.pool(net.input((1, 255, 255, 1)), (255, 255))
    assert_on(net, "vector")
    net = Net()
    net.pool(net.input((1, 256, 2, 1)), (256, 1))
    assert_on_host(net, legal.rule_pool, "window (256, 1)")


@pytest.mark.parametrize("other", [(1, 4, 4, 2), (1, 1, 1, 2), (2,), (1,), ()])
def test_operands_that_broadcast(other):
    net = Net()
    x = net.input((1, 4, 4, 2))
    b = net.constant(np.ones(other, np.int8), Q)
    net.add_operator("ADD", [b, x], (1, 4, 4, 2))
    assert_on(net, "vector")


@pytest.mark.parametrize("other", [(1, 4, 1, 2), (4, 1), (1, 4, 4, 1)])
def test_operands_that_do_not(other):
    net = Net()
    x = net.input((1, 4, 4, 2))
    b = net.constant(np.ones(other, np.int8), Q)
    net.add_operator("ADD", [x, b], (1, 4, 4, 2))
    assert_on_host(net, legal.rule_broadcast, f"{list(other)}")


def test_concatenations():
    net = Net()
    x = net.input((1, 4, 4, 2))
    net.add_operator("CONCATENATION", [x, x], (1, 8, 4, 2), {"axis": 1})
    assert_on(net, "vector")
    net = Net()
    x = net.input((1, 4, 4, 2))
    c = net.constant(np.ones((1, 4, 4, 2), np.int8), Q)
    net.add_operator("CONCATENATION", [x, c], (1, 8, 4, 2), {"axis": 1})
    assert_on_host(net, legal.rule_concatenation, "input 1 is a constant")


def planar(permutation=(0, 2, 3, 1), channels=3, reader="conv", computed=False, output=False):
    net = Net()
    x = net.input((1, channels, 6, 6))
    if computed:
        x = net.add_operator("RELU", [x], (1, channels, 6, 6))
    shape = [(1, channels, 6, 6)[axis] for axis in permutation]
    t = net.add_operator("TRANSPOSE", [x, net.numbers(*permutation)], shape)
    outputs = [t] if output else []
    if reader == "conv":
        outputs.append(net.conv(t, 2))
    elif reader == "large factor":
        w, b = net.weights((2, 1, 1, channels), 0, 100.0)
        attributes = {"stride": (1, 1), "padding": "SAME"}
        outputs.append(net.add_operator("CONV_2D", [t, w, b], (1, 6, 6, 2), attributes))
    elif reader == "dilated":
        outputs.append(net.conv(t, 2, dilation=(1, 2)))
    else:
        outputs.append(net.depthwise(t))
    graph = net.graph(*outputs)
    return graph, next(op for op in graph.operators if op.name == "TRANSPOSE")


def test_planes():
    assert decide(*planar()).engine == "load"


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"permutation": (0, 3, 1, 2)}, "another permutation"),
        ({"computed": True}, "its input is computed"),
        ({"output": True}, "other uses"),
        ({"channels": 17}, "other uses"),
        ({"reader": "depthwise"}, "other uses"),
        ({"reader": "large factor"}, "other uses"),
        ({"reader": "dilated"}, "kernel is too large"),
    ],
    ids=str,
)
def test_other_transposes(options, found):
    decision = decide(*planar(**options))
    assert decision.reason.startswith(rule_sentence(legal.rule_planar_transpose))
    assert found in decision.reason


def test_paddings():
    net = Net()
    net.pad(net.input((1, 4, 4, 2)), (2, 0), (1, 3))
    assert_on(net, "vector")
    net = Net()
    net.add_operator(
        "PAD", [net.input((1, 4, 4, 2)), net.numbers((0, 0), (1, 0), (0, 0), (0, 1))], (1, 5, 4, 3)
    )
    assert_on_host(net, legal.rule_spatial_padding, "[0, 1]]")


def slices(begin, end, steps, result, **masks):
    net = Net()
    x = net.input((1, 6, 6, 4))
    inputs = [x, *(net.numbers(*v) for v in (begin, end, steps))]
    net.add_operator("STRIDED_SLICE", inputs, result, masks)
    return net


def test_slices():
    assert_on(slices((0, 1, -3, 1), (1, 6, 6, 3), (1, 2, 1, 1), (1, 3, 3, 2)), "vector")
    net = slices((0, 0, 0, 0), (1, 6, 6, 4), (1, 1, 1, 2), (1, 6, 6, 2))
    assert_on_host(net, legal.rule_spatial_slice, "strides [1, 1, 1, 2]")
    net = slices((0, 5, 0, 0), (1, -7, 6, 4), (1, -1, 1, 1), (1, 6, 6, 4))
    assert_on_host(net, legal.rule_spatial_slice, "strides [1, -1, 1, 1]")
    net = slices((0, 2, 0, 0), (1, 3, 6, 4), (1, 1, 1, 1), (1, 6, 4), shrink_axis_mask=2)
    assert_on_host(net, legal.rule_spatial_slice, "shrink_axis_mask")


def test_resizes():
    for size, found, options in (
        ((12, 18), None, {}),
        ((12, 18), None, {"half_pixel_centers": True}),
        ((12, 6), "aligned corners", {"align_corners": True}),
        ((9, 6), "to [1, 9, 6, 1]", {}),
        ((96, 6), "to [1, 96, 6, 1]", {}),
    ):
        net = Net()
        x = net.input((1, 6, 6, 1))
        net.add_operator("RESIZE_NEAREST_NEIGHBOR", [x, net.numbers(*size)], (1, *size, 1), options)
        if found is None:
            assert_on(net, "vector")
        else:
            assert_on_host(net, legal.rule_whole_resize, found)
