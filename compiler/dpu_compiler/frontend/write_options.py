# SPDX-License-Identifier: Apache-2.0
"""The options of operators in the TFLite schema, for writing them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tflite

#: Types of tensors.
TYPES = {
    "float32": tflite.TensorType.FLOAT32,
    "int32": tflite.TensorType.INT32,
    "uint8": tflite.TensorType.UINT8,
    "int64": tflite.TensorType.INT64,
    "bool": tflite.TensorType.BOOL,
    "int16": tflite.TensorType.INT16,
    "int8": tflite.TensorType.INT8,
}
_PADDINGS = {"SAME": 0, "VALID": 1}
_ACTIVATIONS = {"NONE": 0, "RELU": 1, "RELU_N1_TO_1": 2, "RELU6": 3, "TANH": 4, "SIGN_BIT": 5}

# One entry a field: the attribute it comes from and how the attribute becomes the field's value.
_Field = tuple[str, Callable[[Any], Any], Any]


def _item(index: int) -> Callable[[Any], int]:
    return lambda pair: int(pair[index])


_ACTIVATION: dict[str, _Field] = {
    "FusedActivationFunction": ("activation", _ACTIVATIONS.__getitem__, "NONE")
}
_WINDOW: dict[str, _Field] = {
    "Padding": ("padding", _PADDINGS.__getitem__, "VALID"),
    "StrideH": ("stride", _item(0), (1, 1)),
    "StrideW": ("stride", _item(1), (1, 1)),
}
_DILATION: dict[str, _Field] = {
    "DilationHFactor": ("dilation", _item(0), (1, 1)),
    "DilationWFactor": ("dilation", _item(1), (1, 1)),
}
_POOL: dict[str, _Field] = {
    "FilterHeight": ("filter", _item(0), (1, 1)),
    "FilterWidth": ("filter", _item(1), (1, 1)),
}

# Operator -> its options table and that table's fields. An operator that is not listed here is
# written without options.
_OPTIONS: dict[str, tuple[str, dict[str, _Field]]] = {
    "CONV_2D": ("Conv2DOptions", {**_WINDOW, **_DILATION, **_ACTIVATION}),
    "DEPTHWISE_CONV_2D": (
        "DepthwiseConv2DOptions",
        {**_WINDOW, **_DILATION, **_ACTIVATION, "DepthMultiplier": ("depth_multiplier", int, 1)},
    ),
    "FULLY_CONNECTED": (
        "FullyConnectedOptions",
        {**_ACTIVATION, "KeepNumDims": ("keep_num_dims", bool, False)},
    ),
    "ADD": ("AddOptions", _ACTIVATION),
    "SUB": ("SubOptions", _ACTIVATION),
    "MUL": ("MulOptions", _ACTIVATION),
    "AVERAGE_POOL_2D": ("Pool2DOptions", {**_WINDOW, **_POOL, **_ACTIVATION}),
    "MAX_POOL_2D": ("Pool2DOptions", {**_WINDOW, **_POOL, **_ACTIVATION}),
    "MEAN": ("ReducerOptions", {"KeepDims": ("keep_dims", bool, False)}),
    "SUM": ("ReducerOptions", {"KeepDims": ("keep_dims", bool, False)}),
    "REDUCE_MAX": ("ReducerOptions", {"KeepDims": ("keep_dims", bool, False)}),
    "REDUCE_MIN": ("ReducerOptions", {"KeepDims": ("keep_dims", bool, False)}),
    "PAD": ("PadOptions", {}),
    "PADV2": ("PadV2Options", {}),
    "CONCATENATION": ("ConcatenationOptions", {"Axis": ("axis", int, 0), **_ACTIVATION}),
    "TRANSPOSE": ("TransposeOptions", {}),
    "STRIDED_SLICE": (
        "StridedSliceOptions",
        {
            "BeginMask": ("begin_mask", int, 0),
            "EndMask": ("end_mask", int, 0),
            "EllipsisMask": ("ellipsis_mask", int, 0),
            "NewAxisMask": ("new_axis_mask", int, 0),
            "ShrinkAxisMask": ("shrink_axis_mask", int, 0),
        },
    ),
    "RESIZE_NEAREST_NEIGHBOR": (
        "ResizeNearestNeighborOptions",
        {
            "AlignCorners": ("align_corners", bool, False),
            "HalfPixelCenters": ("half_pixel_centers", bool, False),
        },
    ),
    "QUANTIZE": ("QuantizeOptions", {}),
    "DEQUANTIZE": ("DequantizeOptions", {}),
    "SOFTMAX": ("SoftmaxOptions", {"Beta": ("beta", float, 1.0)}),
    "HARD_SWISH": ("HardSwishOptions", {}),
    "LEAKY_RELU": ("LeakyReluOptions", {"Alpha": ("alpha", float, 0.0)}),
    "SPLIT": ("SplitOptions", {"NumSplits": ("num_splits", int, 0)}),
    "PACK": ("PackOptions", {"ValuesCount": ("values_count", int, 0), "Axis": ("axis", int, 0)}),
    "UNPACK": ("UnpackOptions", {"Num": ("num", int, 0), "Axis": ("axis", int, 0)}),
    "SHAPE": ("ShapeOptions", {"OutType": ("out_type", TYPES.__getitem__, "int32")}),
    "SLICE": ("SliceOptions", {}),
    "EXPAND_DIMS": ("ExpandDimsOptions", {}),
    "GATHER": ("GatherOptions", {"Axis": ("axis", int, 0), "BatchDims": ("batch_dims", int, 0)}),
}
# Tables with a vector of integers: the attribute, the field and the vector's start function.
_VECTOR_OPTIONS = {
    "RESHAPE": ("ReshapeOptions", "new_shape", "NewShape"),
    "SQUEEZE": ("SqueezeOptions", "squeeze_dims", "SqueezeDims"),
}


def integers(builder: Any, numbers: Sequence[int | None]) -> int:
    """Write a vector of integers; None stands for an input that is absent."""
    array = np.array([-1 if n is None else int(n) for n in numbers], np.int32)
    return int(builder.CreateNumpyVector(array))


def write_options(builder: Any, name: str, attributes: Mapping[str, Any]) -> tuple[str, int] | None:
    """Write an operator's options; return their table and its offset, None if it has none."""
    if name in _VECTOR_OPTIONS:
        table, attribute, field = _VECTOR_OPTIONS[name]
        if attribute not in attributes:
            return None
        vector = integers(builder, attributes[attribute])
        getattr(tflite, f"{table}Start")(builder)
        getattr(tflite, f"{table}Add{field}")(builder, vector)
    elif name in _OPTIONS:
        table, fields = _OPTIONS[name]
        getattr(tflite, f"{table}Start")(builder)
        for field, (attribute, convert, default) in fields.items():
            value = convert(attributes.get(attribute, default))
            getattr(tflite, f"{table}Add{field}")(builder, value)
    else:
        return None
    return table, int(getattr(tflite, f"{table}End")(builder))
