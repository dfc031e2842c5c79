# SPDX-License-Identifier: Apache-2.0
"""Which fields of TFLite's option tables become which attributes of an operator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tflite

PADDING = {0: "SAME", 1: "VALID"}
ACTIVATION = {
    0: "NONE",
    1: "RELU",
    2: "RELU_N1_TO_1",
    3: "RELU6",
    4: "TANH",
    5: "SIGN_BIT",
}

Reader = Callable[[Any], dict[str, Any]]


def _activation(o: Any) -> dict[str, Any]:
    return {"activation": ACTIVATION[o.FusedActivationFunction()]}


def _window(o: Any) -> dict[str, Any]:
    return {
        "padding": PADDING[o.Padding()],
        "stride": (o.StrideH(), o.StrideW()),
        **_activation(o),
    }


def _dilated(o: Any) -> dict[str, Any]:
    return {**_window(o), "dilation": (o.DilationHFactor(), o.DilationWFactor())}


def _pool(o: Any) -> dict[str, Any]:
    return {**_window(o), "filter": (o.FilterHeight(), o.FilterWidth())}


def _masks(o: Any) -> dict[str, Any]:
    return {
        "begin_mask": o.BeginMask(),
        "end_mask": o.EndMask(),
        "ellipsis_mask": o.EllipsisMask(),
        "new_axis_mask": o.NewAxisMask(),
        "shrink_axis_mask": o.ShrinkAxisMask(),
    }


def _vector(o: Any, length: str, item: str) -> tuple[int, ...]:
    return tuple(int(getattr(o, item)(i)) for i in range(getattr(o, length)()))


#: Operator -> (class of its options, reader of them). Operators without options are not listed.
OPTIONS: dict[str, tuple[Any, Reader]] = {
    "CONV_2D": (tflite.Conv2DOptions, _dilated),
    "DEPTHWISE_CONV_2D": (
        tflite.DepthwiseConv2DOptions,
        lambda o: {**_dilated(o), "depth_multiplier": o.DepthMultiplier()},
    ),
    "FULLY_CONNECTED": (
        tflite.FullyConnectedOptions,
        lambda o: {
            **_activation(o),
            "keep_num_dims": bool(o.KeepNumDims()),
            "weights_format": o.WeightsFormat(),
        },
    ),
    "ADD": (tflite.AddOptions, _activation),
    "SUB": (tflite.SubOptions, _activation),
    "MUL": (tflite.MulOptions, _activation),
    "AVERAGE_POOL_2D": (tflite.Pool2DOptions, _pool),
    "MAX_POOL_2D": (tflite.Pool2DOptions, _pool),
    "MEAN": (tflite.ReducerOptions, lambda o: {"keep_dims": bool(o.KeepDims())}),
    "SUM": (tflite.ReducerOptions, lambda o: {"keep_dims": bool(o.KeepDims())}),
    "REDUCE_MAX": (tflite.ReducerOptions, lambda o: {"keep_dims": bool(o.KeepDims())}),
    "REDUCE_MIN": (tflite.ReducerOptions, lambda o: {"keep_dims": bool(o.KeepDims())}),
    "CONCATENATION": (
        tflite.ConcatenationOptions,
        lambda o: {"axis": o.Axis(), **_activation(o)},
    ),
    "RESHAPE": (
        tflite.ReshapeOptions,
        lambda o: {"new_shape": _vector(o, "NewShapeLength", "NewShape")},
    ),
    "SQUEEZE": (
        tflite.SqueezeOptions,
        lambda o: {"squeeze_dims": _vector(o, "SqueezeDimsLength", "SqueezeDims")},
    ),
    "STRIDED_SLICE": (tflite.StridedSliceOptions, _masks),
    "RESIZE_NEAREST_NEIGHBOR": (
        tflite.ResizeNearestNeighborOptions,
        lambda o: {
            "align_corners": bool(o.AlignCorners()),
            "half_pixel_centers": bool(o.HalfPixelCenters()),
        },
    ),
    "SOFTMAX": (tflite.SoftmaxOptions, lambda o: {"beta": float(o.Beta())}),
    "LEAKY_RELU": (tflite.LeakyReluOptions, lambda o: {"alpha": float(o.Alpha())}),
    "SPLIT": (tflite.SplitOptions, lambda o: {"num_splits": o.NumSplits()}),
    "PACK": (tflite.PackOptions, lambda o: {"values_count": o.ValuesCount(), "axis": o.Axis()}),
    "UNPACK": (tflite.UnpackOptions, lambda o: {"num": o.Num(), "axis": o.Axis()}),
    "SHAPE": (tflite.ShapeOptions, lambda o: {}),
    "GATHER": (tflite.GatherOptions, lambda o: {"axis": o.Axis(), "batch_dims": o.BatchDims()}),
}
