# SPDX-License-Identifier: Apache-2.0
"""Each rule of legality: what keeps it runs on the DPU, what breaks it on the host, with why."""

import numpy as np
import pytest

from dpu_compiler import legal
from dpu_compiler.legal import SUPPORT, decide, rule_sentence
from dpu_golden import OPERATORS, UNARY_OPERATORS, Quantization
from tests.compiler.nets import Net, Q


def assert_on_host(net, rule, found):
    graph, operator = net.only()
    decision = decide(graph, operator)
    assert decision.engine == "host"
    assert decision.reason.startswith(f"{rule_sentence(rule)} Here: ")
    assert found in decision.reason


def assert_on(net, engine):
    graph, operator = net.only()
    assert decide(graph, operator) == legal.Decision(engine)


def test_every_rule_is_a_sentence_and_is_used():
    rules = {rule for support in SUPPORT.values() for rule in support.rules}
    defined = {value for name, value in vars(legal).items() if name.startswith("rule_")}
    assert rules == defined - {rule_sentence}
    for rule in rules:
        sentence = rule_sentence(rule)
        assert sentence.endswith(".")
        assert "\n" not in sentence
        assert 20 < len(sentence) < 120


def test_operators_are_the_golden_models():
    assert set(SUPPORT) <= set(OPERATORS)
    assert set(UNARY_OPERATORS) <= set(SUPPORT)


def test_operators_that_no_engine_computes():
    net = Net()
    x = net.input((1, 4))
    net.add_operator("SOFTMAX", [x], (1, 4), quantization=Quantization((1 / 256,), (-128,)))
    graph, operator = net.only()
    assert "exponentials" in decide(graph, operator).reason
    net = Net()
    net.add_operator("SPLIT", [net.numbers(1), net.input((1, 4))], (1, 4), {"num_splits": 1})
    graph, operator = net.only()
    assert decide(graph, operator).reason == "SPLIT: no engine computes it."


def test_int8():
    net = Net()
    net.add_operator("QUANTIZE", [net.input((1, 4), "float32", None)], (1, 4))
    assert_on_host(net, legal.rule_int8, "tensor_0 is float32")
    net = Net()
    net.add_operator(
        "RESHAPE",
        [net.input((1, 4), "int32", None), net.numbers(4)],
        (4,),
        dtype="int32",
        quantization=None,
    )
    assert_on_host(net, legal.rule_int8, "is int32")
    net = Net()
    x = net.input((1, 4, 1, 2), quantization=Quantization((0.5, 0.25), (0, 0), 3))
    net.add_operator("RESHAPE", [x, net.numbers(8)], (8,))
    assert_on_host(net, legal.rule_int8, "has no scale, or one a channel")


@pytest.mark.parametrize(
    "shape", [(1, 2047, 1, 1), (1, 1, 2047, 2), (1, 1, 1, 8192), (4, 5, 6), (7,), (2047, 3)]
)
def test_shapes(shape):
    net = Net()
    net.add_operator("RELU", [net.input(shape)], shape)
    assert_on(net, "vector")


@pytest.mark.parametrize(
    "shape",
    [(1, 2048, 1, 1), (1, 1, 2048, 2), (1, 1, 1, 8193), (2, 4, 5, 6), (1, 1, 2, 2, 2), (2048, 3)],
)
def test_shapes_that_are_too_large(shape):
    net = Net()
    net.add_operator("RELU", [net.input(shape)], shape)
    assert_on_host(net, legal.rule_shape, f"has the shape {list(shape)}")


def test_rank_4():
    net = Net()
    x = net.input((4, 5, 6))
    net.add_operator("PAD", [x, net.numbers((0, 0), (0, 0), (0, 0))], (4, 5, 6))
    assert_on_host(net, legal.rule_rank_4, "has the shape [4, 5, 6]")


def test_constant_weights():
    net = Net()
    x, w = net.input((1, 4)), net.input((3, 4), quantization=Quantization((0.5,), (0,)))
    net.add_operator("FULLY_CONNECTED", [x, w], (1, 3))
    assert_on_host(net, legal.rule_constant_weights, "tensor tensor_1 is computed")


def conv(scale=0.01, **options):
    net = Net()
    x = net.input((1, 20, 20, 2))
    shape = (1, *net._window(x, (3, 3), options), 4)
    w, b = net.weights((4, 3, 3, 2), 0, scale)
    net.add_operator("CONV_2D", [x, w, b], shape, options)
    return net


def test_convolutions():
    assert_on(conv(), "conv")
    assert_on(conv(stride=(15, 1), dilation=(2, 63)), "conv")
    net = Net()
    net.depthwise(net.input((1, 40, 9, 5)), (23, 1), multiplier=3, dilation=(2, 1))
    assert_on(net, "depthwise")


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"stride": (16, 1)}, "stride (16, 1)"),
        ({"dilation": (1, 64)}, "dilation (1, 64)"),
    ],
)
def test_windows(options, found):
    assert_on_host(conv(**options), legal.rule_window, found)


def test_a_stride_that_makes_no_difference():
    """One output row: the stride down does not matter."""
    assert_on(conv(stride=(20, 1)), "conv")


def test_reach():
    net = Net()
    net.depthwise(net.input((1, 2000, 1, 1)), (9, 1), dilation=(8, 1))
    assert_on(net, "depthwise")
    net = Net()
    net.depthwise(net.input((1, 2000, 1, 1)), (10, 1), dilation=(8, 1))
    assert_on_host(net, legal.rule_reach, "kernel [10, 1], dilation [8, 1]")


def test_groups():
    net = Net()
    x = net.input((1, 4, 4, 4))
    w, b = net.weights((6, 1, 1, 2), 0)
    net.add_operator("CONV_2D", [x, w, b], (1, 4, 4, 6), {"stride": (1, 1), "padding": "SAME"})
    assert_on_host(net, legal.rule_not_grouped, "4 input channels, 2 of each filter")


@pytest.mark.parametrize(("scale", "engine"), [(1.99, "conv"), (2.0, "host"), (300.0, "host")])
def test_factors(scale, engine):
    """The output's scale is the input's here, so that the factor is the scale of the weights."""
    net = conv(scale)
    if engine == "host":
        assert_on_host(net, legal.rule_factors, "a factor of 2^")
    else:
        assert_on(net, engine)


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


def test_examples():
    net = Net()
    w, b = net.weights((3, 6), 0)
    net.add_operator("FULLY_CONNECTED", [net.input((4, 6)), w, b], (4, 3))
    assert_on(net, "conv")
    net = Net()
    w, b = net.weights((3, 12), 0)
    net.add_operator("FULLY_CONNECTED", [net.input((4, 6)), w, b], (2, 3))
    assert_on_host(net, legal.rule_examples, "input [4, 6], weights [3, 12]")


def test_pools():
    net = Net()
    net.pool(net.input((1, 255, 255, 1)), (255, 255))
    assert_on(net, "vector")
    net = Net()
    net.pool(net.input((1, 256, 2, 1)), (256, 1))
    assert_on_host(net, legal.rule_pool, "window (256, 1)")


def test_quantization_that_changes():
    net = Net()
    net.add_operator(
        "RESHAPE",
        [net.input((1, 4)), net.numbers(4)],
        (4,),
        quantization=Quantization((0.25,), (3,)),
    )
    assert_on_host(net, legal.rule_same_quantization, "tensor tensor_0 differs")


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


def test_weights_with_zero_points():
    """The golden model refuses them as well, so that only the rule is asked."""
    net = Net()
    x = net.input((1, 4))
    w, b = net.weights((3, 4), 0)
    net.add_operator("FULLY_CONNECTED", [x, w, b], (1, 3))
    graph, operator = net.only()
    value = graph.tensors[w].value
    graph.tensors[w].value = type(value)((3, 4), "int8", Quantization((0.5,), (1,)))
    assert legal.rule_int8_weights(graph, operator) == "the weights have a zero point"
    graph.tensors[w].value = type(value)((3, 4), "int16", Quantization((0.5,), (0,)))
    assert legal.rule_int8_weights(graph, operator) == "the weights are int16"
    graph.tensors[w].value = value
    graph.tensors[b].value = type(value)((3,), "int64", Q)
    assert legal.rule_int8_weights(graph, operator) == "the bias is int64"
