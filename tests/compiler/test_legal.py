# SPDX-License-Identifier: Apache-2.0
"""Each rule of legality: what keeps it runs on the DPU, what breaks it on the host, with why."""

import pytest

from dpu_compiler import legal
from dpu_compiler.legal import SUPPORT, decide, rule_sentence
from dpu_golden import OPERATORS, UNARY_OPERATORS, Quantization
from tests.compiler.legality import assert_on, assert_on_host
from tests.compiler.nets import Net, Q


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


def test_examples():
    net = Net()
    w, b = net.weights((3, 6), 0)
    net.add_operator("FULLY_CONNECTED", [net.input((4, 6)), w, b], (4, 3))
    assert_on(net, "conv")
    net = Net()
    w, b = net.weights((3, 12), 0)
    net.add_operator("FULLY_CONNECTED", [net.input((4, 6)), w, b], (2, 3))
    assert_on_host(net, legal.rule_examples, "input [4, 6], weights [3, 12]")


def test_quantization_that_changes():
    net = Net()
    net.add_operator(
        "RESHAPE",
        [net.input((1, 4)), net.numbers(4)],
        (4,),
        quantization=Quantization((0.25,), (3,)),
    )
    assert_on_host(net, legal.rule_same_quantization, "tensor tensor_0 differs")


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
