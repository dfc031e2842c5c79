# SPDX-License-Identifier: Apache-2.0
"""The TFLite front end: what it reads, and what it says of what it can't."""

import contextlib

import numpy as np
import pytest
import tflite

from dpu_compiler.errors import ModelError
from dpu_compiler.frontend import tflite as frontend
from dpu_compiler.frontend.options import OPTIONS
from dpu_compiler.frontend.tflite import read_bytes, read_model
from dpu_golden import OPERATORS, Quantization
from tests.compiler.nets import Net, Q
from tests.support import tflite_writer
from tests.support.tflite_writer import GraphWriter


def small_model() -> bytes:
    net = Net()
    x = net.input((1, 6, 5, 3))
    y = net.conv(x, 4, activation="RELU6", stride=(2, 1))
    y = net.depthwise(y, (3, 2), multiplier=2)
    return net.finish(net.inputs, [net.dense(y, 5)])


def test_reads_everything():
    graph = read_bytes(small_model(), source="m.tflite")
    assert [op.name for op in graph.operators] == [
        "CONV_2D",
        "DEPTHWISE_CONV_2D",
        "FULLY_CONNECTED",
    ]
    conv, depthwise, _ = graph.operators
    assert conv.attributes["activation"] == "RELU6"
    assert conv.attributes["stride"] == (2, 1)
    assert conv.attributes["dilation"] == (1, 1)
    assert depthwise.attributes["depth_multiplier"] == 2
    assert graph.tensors[graph.inputs[0]].shape == (1, 6, 5, 3)
    assert graph.tensors[graph.inputs[0]].quantization == Quantization((0.5,), (3,))
    assert graph.tensors[conv.inputs[1]].data.shape == (4, 3, 3, 3)
    assert graph.tensors[conv.inputs[2]].data.dtype == np.int32


def test_the_graph_computes_what_the_writer_does():
    net = Net()
    x = net.input((1, 6, 5, 3))
    y = net.conv(x, 4)
    feed = {x: np.arange(90).reshape(1, 6, 5, 3).astype(np.int8)}
    np.testing.assert_array_equal(net.graph(y).run(feed)[y], net.evaluate(feed)[y])


@pytest.mark.parametrize("divisor", range(1, 40))
def test_a_file_that_is_cut_short(divisor):
    model = small_model()
    with pytest.raises(ModelError, match=r"^cut\.tflite: .*(cut short|not a TFLite model)"):
        read_bytes(model[: len(model) * (divisor - 1) // 40], source="cut.tflite")


@pytest.mark.parametrize("seed", range(200))
def test_damaged_files_give_models_or_messages(seed):
    """Any byte may be wrong: no other exception, no hang, no crash."""
    rng = np.random.default_rng(seed)
    model = bytearray(small_model())
    for _ in range(int(rng.integers(1, 8))):
        model[int(rng.integers(8, len(model)))] = int(rng.integers(256))
    with contextlib.suppress(ModelError):
        read_bytes(bytes(model), source="damaged.tflite")


@pytest.mark.parametrize("data", [b"", b"TFL3", b"\x1c\0\0\0TFL2" + bytes(60), b"PK" + bytes(99)])
def test_other_files(data):
    with pytest.raises(ModelError, match=r"x\.bin: is not a TFLite model.*name an int8"):
        read_bytes(data, source="x.bin")


def test_missing_file(tmp_path):
    with pytest.raises(ModelError, match=r"absent\.tflite: cannot be read: No such file"):
        read_model(tmp_path / "absent.tflite")


def test_a_folder(tmp_path):
    with pytest.raises(ModelError, match="cannot be read: Is a directory"):
        read_model(tmp_path)


def test_onnx():
    with pytest.raises(
        ModelError, match=r"net\.ONNX: is an ONNX network, and ONNX is not supported yet"
    ):
        read_bytes(b"\x08\x07" + bytes(50), source="net.ONNX")


def test_float():
    net = Net()
    x = net.input((1, 4, 4, 1), "float32", None)
    w = net.constant(np.ones((2, 1, 1, 1), np.float32))
    y = net.tensor((1, 4, 4, 2), "float32")
    net.operator("CONV_2D", [x, w], [y])
    with pytest.raises(ModelError, match=r"is a float network \(operator 0, CONV_2D.*quantize"):
        net.graph(y)


def test_uint8():
    net = Net()
    x = net.input((1, 4, 4, 1), "uint8")
    y = net.add_operator("RELU", [x], (1, 4, 4, 1), dtype="uint8")
    with pytest.raises(ModelError, match=r"is a uint8 network \(operator 0, RELU.*int8"):
        net.graph(y)


def test_int16():
    net = Net()
    x = net.input((1, 4), "int16")
    y = net.add_operator("ADD", [x, x], (1, 4), dtype="int16")
    with pytest.raises(ModelError, match="works on int16"):
        net.graph(y)


def test_a_type_that_is_not_known(monkeypatch):
    monkeypatch.setitem(tflite_writer.TYPES, "int8", tflite.TensorType.FLOAT64)
    net = Net()
    y = net.add_operator("RELU", [net.input((1, 4))], (1, 4))
    with pytest.raises(ModelError, match="has the type float64, which is not supported"):
        net.graph(y)


@pytest.mark.parametrize("name", ["RELU", "SOFTMAX", "LOGISTIC", "MAX_POOL_2D", "SUB", "MEAN"])
def test_a_float_network_of_any_operator(name):
    writer = GraphWriter()
    x = writer.tensor((1, 4, 4, 2), "float32", None, name="x")
    y = writer.tensor((1, 4, 4, 2), "float32", None, name="y")
    writer.operator(name, [x, x] if name in ("SUB", "MEAN") else [x], [y])
    with pytest.raises(ModelError, match=rf"is a float network \(operator 0, {name}.*quantize it"):
        read_bytes(writer.finish([x], [y]), source="m.tflite")


@pytest.mark.parametrize("name", ["RELU", "SOFTMAX", "ADD"])
def test_int8_without_quantization(name):
    writer = GraphWriter()
    x = writer.tensor((1, 4), "int8", None, name="x")
    y = writer.tensor((1, 4), "int8", None, name="y")
    writer.operator(name, [x, x] if name == "ADD" else [x], [y])
    message = rf"operator 0 \({name}\) .* tensor x is int8 without a scale; quantize it"
    with pytest.raises(ModelError, match=message):
        read_bytes(writer.finish([x], [y]), source="m.tflite")


def test_a_model_of_nothing():
    writer = GraphWriter()
    x = writer.tensor((1, 4), "int8", Q, name="x")
    with pytest.raises(ModelError, match=r"m: has no operators, so .* export"):
        read_bytes(writer.finish([x], [x]), source="m")
    writer.operator("RELU", [x], [writer.tensor((1, 4), "int8", Q)])
    with pytest.raises(ModelError, match=r"m: has no outputs, so .* export"):
        read_bytes(writer.finish([x], []), source="m")


# ModelProto: ir_version 8, producer_name "pytorch", graph of 300 bytes, opset_import.
ONNX = b"\x08\x08\x12\x07pytorch\x3a\xac\x02" + bytes(300) + b"\x42\x02\x10\x0d"


def test_onnx_under_any_name():
    for source in ("net.bin", "net.tflite", "net.onnx"):
        with pytest.raises(ModelError, match=rf"{source}: is an ONNX network, .*; convert it"):
            read_bytes(ONNX, source=source)
    # A text that begins like it, and files that are cut short, are something else.
    for data in (
        b"\x08\x08hello" + bytes(99),
        ONNX[:12],
        ONNX[:1] + b"\xff" * 40,
        ONNX[:12] + b"\xff" * 3,
    ):
        with pytest.raises(ModelError, match="is not a TFLite model"):
            read_bytes(data, source="net.bin")


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"PK\x03\x04" + bytes(60), "it is a zip archive"),
        (b"\x93NUMPY\x01\x00" + bytes(60), "it is an array of NumPy"),
        (b"\x89HDF\r\n\x1a\n" + bytes(60), "it is an HDF5 file"),
        (b"some text of a few words", "its bytes 4 to 7 are not 'TFL3'"),
    ],
)
def test_kinds_of_other_files(data, kind):
    with pytest.raises(ModelError) as caught:
        read_bytes(data, source="x")
    assert str(caught.value).startswith(f"x: is not a TFLite model ({kind}")


def test_an_unsupported_operator():
    net = Net()
    y = net.add_operator("COS", [net.input((1, 4))], (1, 4))
    with pytest.raises(ModelError, match=r"operator 0 \(COS\) is not supported; docs/supported"):
        net.graph(y)


def test_a_custom_operator():
    net = Net()
    y = net.add_operator("CUSTOM", [net.input((1, 4))], (1, 4))
    with pytest.raises(ModelError, match="operator 0 is the custom operator"):
        net.graph(y)


@pytest.mark.parametrize("shape", [(0, 4), (1, -1, 4)])
def test_shapes_that_are_not_fixed(shape):
    net = Net()
    y = net.add_operator("RELU", [net.input(shape)], shape)
    with pytest.raises(ModelError, match="dynamic and empty shapes are not supported"):
        net.graph(y)


def test_a_constant_of_the_wrong_size():
    net = Net()
    x = net.input((1, 4))
    w = net.constant(np.ones((2, 4), np.int8), Quantization((1.0,), (0,)))
    object.__setattr__(net.values[w], "shape", (3, 4))
    y = net.add_operator("FULLY_CONNECTED", [x, w], (1, 3))
    with pytest.raises(ModelError, match="has 8 bytes, its shape needs 12"):
        net.graph(y)


def test_a_tensor_that_is_not_there():
    net = Net()
    x = net.input((1, 4))
    net.operator("RELU", [x], [7])
    with pytest.raises(ModelError, match="names tensors that it does not have"):
        net.graph(x)


def test_a_bias_with_the_quantized_dimension_of_its_weights():
    """Such files exist."""
    net = Net()
    x = net.input((1, 4, 4, 2))
    w = net.constant(np.ones((1, 1, 1, 2), np.int8), Quantization((0.5, 0.5), (0, 0), 3))
    b = net.constant(np.ones(2, np.int32), Quantization((0.5, 0.5), (0, 0), 3))
    y = net.add_operator("DEPTHWISE_CONV_2D", [x, w, b], (1, 4, 4, 2))
    assert net.graph(y).tensors[b].quantization.axis == 0


def relu(shape=(1, 4), out=None, quantization=Q, attributes=None, name="RELU"):
    net = Net()
    x = net.input(shape, quantization=quantization)
    return net, net.add_operator(name, [x], out or shape, attributes, quantization=quantization)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"out": (1, 5)}, r"operator 0 \(RELU\) cannot be computed: RELU: It makes the shape"),
        ({"quantization": Quantization((float("nan"),), (0,))}, "scale that is not a positive"),
        ({"quantization": Quantization((0.5,), (300,))}, "zero point outside of int8"),
        ({"shape": (1 << 15, 1 << 15)}, "which is too large"),
        ({"name": "LOGISTIC"}, "The output's zero point must be -128"),
        (
            {"name": "MAX_POOL_2D", "shape": (1, 4, 4, 1), "attributes": {"stride": (0, 1)}},
            "must be positive",
        ),
    ],
    ids=str,
)
def test_operators_that_make_no_sense(arguments, reason):
    net, y = relu(**arguments)
    with pytest.raises(ModelError, match=reason):
        net.graph(y)


def test_operators_in_no_order():
    net = Net()
    x = net.input((1, 4))
    later = net.tensor((1, 4), "int8", Q)
    net.operator("RELU", [later], [net.tensor((1, 4), "int8", Q)])
    net.operator("RELU", [x], [later])
    with pytest.raises(ModelError, match=r"operator 0 \(RELU\) reads tensor tensor_1, which no"):
        net.graph(later)


def test_an_output_that_nothing_computes():
    net, _ = relu()
    with pytest.raises(ModelError, match="its output tensor_2 is never computed"):
        net.graph(net.tensor((1, 4), "int8", Q))


def test_options_are_of_operators_that_the_golden_model_knows():
    assert set(OPTIONS) <= set(OPERATORS)


@pytest.mark.parametrize(
    ("name", "attributes"),
    [
        ("CONCATENATION", {"axis": -2, "activation": "NONE"}),
        ("SOFTMAX", {"beta": 1.5}),
        ("LEAKY_RELU", {"alpha": 0.25}),
        ("MAX_POOL_2D", {"filter": (2, 1), "stride": (2, 3), "padding": "VALID"}),
        ("RESIZE_NEAREST_NEIGHBOR", {"align_corners": True, "half_pixel_centers": False}),
        ("STRIDED_SLICE", {"begin_mask": 5, "end_mask": 2, "shrink_axis_mask": 1}),
        ("MEAN", {"keep_dims": True}),
        ("RESHAPE", {"new_shape": (1, 4, 4, 1)}),
        ("FULLY_CONNECTED", {"keep_num_dims": True, "activation": "RELU"}),
        ("PACK", {"axis": 1, "values_count": 1}),
        ("GATHER", {"axis": 2, "batch_dims": 0}),
    ],
)
def test_attributes_survive(monkeypatch, name, attributes):
    # Only what is read counts here, not whether shapes and attributes fit.
    monkeypatch.setattr(frontend, "check", lambda graph, source: None)
    net = Net()
    y = net.add_operator(name, [net.input((1, 4, 4, 1))], (1, 4, 4, 1), attributes)
    read = net.graph(y).operators[0].attributes
    assert {key: read[key] for key in attributes} == attributes
