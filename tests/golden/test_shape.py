# SPDX-License-Identifier: Apache-2.0
"""Operators that only move elements, against the reference runtime."""

import numpy as np
import pytest

from dpu_golden import Quantization, UnsupportedOperator
from tests.golden.harness import CHANNELS, SIZES, check, draw_for
from tests.support.tflite_writer import GraphWriter


def graph(operator, x, out_shape, quantization, constants=(), attributes=None, outputs=1):
    """A graph of one operator with int32 constants behind its first input."""
    writer = GraphWriter()
    a = writer.tensor(x.shape, x.dtype.name, quantization)
    rest = [writer.constant(np.asarray(constant, np.int32)) for constant in constants]
    ys = [writer.tensor(out_shape, x.dtype.name, quantization) for _ in range(outputs)]
    writer.operator(operator, [a, *rest], ys, attributes)
    return writer, {a: x}, ys


def draw_shape(draw, rank):
    return tuple(int(n) for n in draw.rng.choice(SIZES[:7], rank))


@pytest.mark.parametrize("seed", range(60))
def test_pad(seed):
    draw = draw_for(seed, 91)
    rank = draw.one((1, 2, 3, 4, 4))
    shape = draw_shape(draw, rank)
    widths = draw.rng.integers(0, 4, (rank, 2))
    if rank == 4 and draw.chance(0.5):
        widths[[0, 3]] = 0
    out = [size + int(w.sum()) for size, w in zip(shape, widths, strict=True)]
    quantization = draw.quantization()
    writer, feeds, ys = graph("PAD", draw.int8(shape), out, quantization, [widths])
    if draw.chance(0.4):
        fill = writer.constant(draw.int8((1,)), quantization)
        _, inputs, outputs, attributes = writer.operators[0]
        writer.operators[0] = ("PADV2", (*inputs, fill), outputs, attributes)
    check(writer, feeds, ys)


@pytest.mark.parametrize("seed", range(60))
def test_concatenation(seed):
    draw = draw_for(seed, 92)
    rank = draw.one((1, 2, 3, 4, 4))
    axis = int(draw.rng.integers(rank))
    base = list(draw_shape(draw, rank))
    quantization = draw.quantization()
    writer = GraphWriter()
    feeds, total = {}, 0
    for _ in range(draw.one((1, 2, 3, 5))):
        base[axis] = draw.one(CHANNELS)
        total += base[axis]
        feeds[writer.tensor(base, "int8", quantization)] = draw.int8(base)
    base[axis] = total
    y = writer.tensor(base, "int8", quantization)
    given = axis - rank if draw.chance(0.3) else axis
    writer.operator("CONCATENATION", list(feeds), [y], {"axis": given})
    check(writer, feeds, [y])


@pytest.mark.parametrize("dtype", ["int8", "int32", "float32"])
def test_reshape(dtype):
    x = draw_for(0, 93).rng.integers(-100, 100, (2, 3, 4)).astype(dtype)
    quantization = Quantization((1.0,), (0,)) if dtype == "int8" else None
    check(*graph("RESHAPE", x, (4, 6), quantization, [[4, 6]], {"new_shape": (4, 6)}))
    check(*graph("RESHAPE", x, (4, 6), quantization, [[-1, 6]]))
    check(*graph("RESHAPE", x, (1, 24), quantization, [], {"new_shape": (1, -1)}))


@pytest.mark.parametrize("seed", range(40))
def test_transpose(seed):
    draw = draw_for(seed, 94)
    rank = draw.one((1, 2, 3, 4, 4, 5))
    shape = draw_shape(draw, rank)
    permutation = draw.rng.permutation(rank)
    out = [shape[axis] for axis in permutation]
    check(*graph("TRANSPOSE", draw.int8(shape), out, draw.quantization(), [permutation]))


@pytest.mark.parametrize("seed", range(150))
def test_strided_slice(seed):
    draw = draw_for(seed, 95)
    rank = draw.one((1, 2, 3, 4, 4))
    shape = draw_shape(draw, rank)
    begin, end, strides, out = [], [], [], []
    masks = {"begin_mask": 0, "end_mask": 0, "shrink_axis_mask": 0}
    for axis, size in enumerate(shape):
        stride = draw.one((1, 1, 2, 3, -1, -2))
        b, e = (int(n) for n in draw.rng.integers(-size - 1, size + 2, 2))
        if draw.chance(0.2):
            masks["shrink_axis_mask"] |= 1 << axis
            b, e, stride = int(draw.rng.integers(-size, size)), 0, 1
        else:
            free = [draw.chance(0.3), draw.chance(0.3)]
            picked = range(size)[
                slice(*(None if f else n for f, n in zip(free, (b, e), strict=True)), stride)
            ]
            if len(picked) == 0:
                # The runtime makes no empty tensors: take everything instead.
                free, picked = [True, True], range(size)[::stride]
            masks["begin_mask"] |= free[0] << axis
            masks["end_mask"] |= free[1] << axis
            out.append(len(picked))
        begin.append(b)
        end.append(e)
        strides.append(stride)
    check(
        *graph(
            "STRIDED_SLICE",
            draw.int8(shape),
            out,
            draw.quantization(),
            [begin, end, strides],
            masks,
        )
    )


@pytest.mark.parametrize("seed", range(120))
def test_resize_nearest_neighbor(seed):
    draw = draw_for(seed, 96)
    size, out = draw.pair((*SIZES, 23, 50)), draw.pair((*SIZES, 23, 50, 99))
    if draw.chance(0.3):
        out = (size[0] * 2, size[1] * 2)
    depth, batch = draw.one((1, 3, 8)), draw.one((1, 2))
    # The schema allows at most one of the two.
    kind = draw.one(("plain", "align_corners", "half_pixel_centers"))
    check(
        *graph(
            "RESIZE_NEAREST_NEIGHBOR",
            draw.int8((batch, *size, depth)),
            (batch, *out, depth),
            draw.quantization(),
            [out],
            {kind: True},
        )
    )


@pytest.mark.parametrize("align_corners", [False, True])
@pytest.mark.parametrize("half_pixel_centers", [False, True])
def test_every_small_resize(align_corners, half_pixel_centers):
    """The float32 positions of every pair of sizes up to 24, as one graph of many operators."""
    draw = draw_for(0, 97)
    writer = GraphWriter()
    quantization = Quantization((1.0,), (0,))
    feeds, ys = {}, []
    for size in range(1, 25):
        x = writer.tensor((1, size, 1, 1), "int8", quantization)
        feeds[x] = draw.rng.permutation(np.arange(-100, 100))[:size].astype(np.int8)
        feeds[x] = feeds[x].reshape(1, size, 1, 1)
        for out in range(1, 25):
            y = writer.tensor((1, out, 1, 1), "int8", quantization)
            target = writer.constant(np.array([out, 1], np.int32))
            attributes = {"align_corners": align_corners, "half_pixel_centers": half_pixel_centers}
            writer.operator("RESIZE_NEAREST_NEIGHBOR", [x, target], [y], attributes)
            ys.append(y)
    check(writer, feeds, ys)


def test_split():
    x, quantization = draw_for(0, 98).int8((2, 3, 6)), Quantization((1.0,), (0,))
    writer = GraphWriter()
    axis = writer.constant(np.array(2, np.int32))
    a = writer.tensor(x.shape, "int8", quantization)
    ys = [writer.tensor((2, 3, 2), "int8", quantization) for _ in range(3)]
    writer.operator("SPLIT", [axis, a], ys, {"num_splits": 3})
    check(writer, {a: x}, ys)


def test_split_v():
    x, quantization = draw_for(1, 98).int8((2, 7, 2)), Quantization((1.0,), (0,))
    writer = GraphWriter()
    a = writer.tensor(x.shape, "int8", quantization)
    sizes = writer.constant(np.array([1, 4, 2], np.int32))
    axis = writer.constant(np.array(1, np.int32))
    ys = [writer.tensor((2, size, 2), "int8", quantization) for size in (1, 4, 2)]
    writer.operator("SPLIT_V", [a, sizes, axis], ys)
    check(writer, {a: x}, ys)


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_pack_and_unpack(axis):
    draw, quantization = draw_for(2, 98), Quantization((1.0,), (0,))
    out = [2, 3]
    out.insert(axis % 3, 4)
    writer = GraphWriter()
    feeds = {writer.tensor((2, 3), "int8", quantization): draw.int8((2, 3)) for _ in range(4)}
    packed = writer.tensor(out, "int8", quantization)
    writer.operator("PACK", list(feeds), [packed], {"axis": axis, "values_count": 4})
    ys = [writer.tensor((2, 3), "int8", quantization) for _ in range(4)]
    writer.operator("UNPACK", [packed], ys, {"axis": axis, "num": 4})
    check(writer, feeds, ys)


def test_arithmetic_of_shapes():
    """What converters write before a RESHAPE: SHAPE, STRIDED_SLICE, PACK."""
    writer = GraphWriter()
    x = writer.tensor((1, 5, 4, 3), "int8", Quantization((1.0,), (0,)))
    shape = writer.tensor((4,), "int32")
    writer.operator("SHAPE", [x], [shape])
    begin, end, stride = (writer.constant(np.array([n], np.int32)) for n in (0, 1, 1))
    batch = writer.tensor((), "int32")
    writer.operator("STRIDED_SLICE", [shape, begin, end, stride], [batch], {"shrink_axis_mask": 1})
    rest = writer.constant(np.array(60, np.int32))
    target = writer.tensor((2,), "int32")
    writer.operator("PACK", [batch, rest], [target], {"axis": 0, "values_count": 2})
    check(writer, {x: draw_for(3, 98).int8((1, 5, 4, 3))}, [target])


def test_slice_squeeze_expand_dims_gather():
    x, quantization = draw_for(4, 98).int8((1, 5, 4, 3)), Quantization((1.0,), (0,))
    check(*graph("SLICE", x, (1, 2, 4, 2), quantization, [[0, 1, 0, 1], [1, 2, -1, 2]]))
    check(*graph("SQUEEZE", x, (5, 4, 3), quantization, [], {"squeeze_dims": (0,)}))
    check(*graph("EXPAND_DIMS", x, (1, 5, 1, 4, 3), quantization, [[2]]))
    check(*graph("GATHER", x, (1, 3, 4, 3), quantization, [[4, 0, 4]], {"axis": 1}))


def test_refusals():
    x, quantization = np.zeros((2, 3), np.int8), Quantization((1.0,), (0,))
    cases = [
        (graph("TRANSPOSE", x, (3, 2), quantization, [[1, 1]]), "no permutation"),
        (graph("RESHAPE", x, (5,), quantization, [[5]]), "different sizes"),
        (graph("PAD", x, (2, 3), quantization, [[[0, 0], [0, -1]]]), "paddings"),
        (graph("CONCATENATION", x, (2, 3), quantization, [], {"axis": 2}), "outside 2 axes"),
        (
            graph(
                "STRIDED_SLICE",
                x,
                (2, 3),
                quantization,
                [[0], [1], [1]],
                {"ellipsis_mask": 1},
            ),
            "Ellipsis",
        ),
    ]
    for (writer, feeds, _), reason in cases:
        with pytest.raises(UnsupportedOperator, match=reason):
            writer.evaluate(feeds)


def test_concatenation_of_different_scales_is_refused():
    writer, feeds, ys = graph(
        "CONCATENATION", np.zeros((2, 3), np.int8), (2, 3), Quantization((1.0,), (0,))
    )
    object.__setattr__(writer.values[ys[0]], "quantization", Quantization((2.0,), (0,)))
    with pytest.raises(UnsupportedOperator, match="different quantizations"):
        writer.evaluate(feeds)
