# SPDX-License-Identifier: Apache-2.0
"""Operators that move elements and compute nothing: PAD, CONCATENATION, RESHAPE and the like.

They work on any element type. Input and output must have the same quantization where a stored
number would otherwise change its meaning.
"""

import numpy as np

from .call import Array, Call


def _same_quantization(call: Call, *indices: int) -> None:
    for index in indices:
        if call.value(index).dtype != call.output.dtype:
            raise call.fail(
                f"Input {index} is {call.value(index).dtype}, the output {call.output.dtype}."
            )
        if call.output.dtype != "int8":
            continue
        a, b = call.quantization(index), call.output_quantization
        if (a.scale0, a.zero_point0) != (b.scale0, b.zero_point0):
            raise call.fail(f"Input {index} and the output have different quantizations.")


def _axis(call: Call, axis: int, rank: int) -> int:
    if not -rank <= axis < rank:
        raise call.fail(f"The axis {axis} is outside {rank} axes.")
    return axis % rank


def pad(call: Call) -> list[Array]:
    """PAD and PADV2: borders of the output's zero point, or of the third input's only element."""
    x = call.array(0)
    widths = np.array(call.integers(1, "paddings"), np.int64).reshape(-1, 2)
    if len(widths) != x.ndim or (widths < 0).any():
        raise call.fail(f"The paddings {widths.tolist()} don't fit an input of {x.ndim} axes.")
    if call.has(2):
        fill = call.array(2).reshape(-1)[0]
    elif call.output.dtype == "int8":
        fill = np.int8(call.output_quantization.zero_point0)
    else:
        fill = np.zeros((), x.dtype)[()]
    return call.shaped(np.pad(x, [(int(a), int(b)) for a, b in widths], constant_values=fill))


def concatenation(call: Call) -> list[Array]:
    """CONCATENATION along one axis."""
    if call.activation != "NONE":
        raise call.fail(f"The fused activation {call.activation} is not supported.")
    _same_quantization(call, *range(len(call.inputs)))
    axis = _axis(call, call.integer("axis", 0), call.array(0).ndim)
    arrays = [call.array(index) for index in range(len(call.inputs))]
    return call.shaped(np.concatenate(arrays, axis=axis))


def reshape(call: Call) -> list[Array]:
    """RESHAPE, SQUEEZE and EXPAND_DIMS: the same elements in the output's described shape."""
    x = call.array(0)
    if x.size != int(np.prod(call.output.shape, dtype=np.int64)):
        raise call.fail(f"The shapes {x.shape} and {call.output.shape} have different sizes.")
    return [x.reshape(call.output.shape)]


def transpose(call: Call) -> list[Array]:
    """TRANSPOSE: axis i of the output is axis permutation[i] of the input."""
    x = call.array(0)
    permutation = call.integers(1, "permutation")
    if sorted(permutation) != list(range(x.ndim)):
        raise call.fail(f"{permutation} is no permutation of {x.ndim} axes.")
    return call.shaped(np.ascontiguousarray(x.transpose(permutation)))


def _slice_indices(begin: int, end: int | None, stride: int, first: bool, size: int) -> Array:
    """The positions that one axis of STRIDED_SLICE picks; ``end`` is None for no end."""
    low, high = (0, size) if stride > 0 else (-1, size - 1)
    if first:
        start = 0 if stride > 0 else size - 1
    else:
        start = min(max(begin + size if begin < 0 else begin, low), high)
    if end is None:
        stop = size if stride > 0 else -1
    else:
        stop = min(max(end + size if end < 0 else end, low), high)
    return np.arange(start, stop, stride)


def strided_slice(call: Call) -> list[Array]:
    """STRIDED_SLICE with begin, end and shrink masks (TFLite's strided_slice_logic.h)."""
    if call.integer("ellipsis_mask", 0) or call.integer("new_axis_mask", 0):
        raise call.fail("Ellipsis and new-axis masks are not supported.")
    result = call.array(0)
    begins, ends = call.integers(1, "begin"), call.integers(2, "end")
    strides = call.integers(3, "strides")
    if not len(begins) == len(ends) == len(strides) <= result.ndim:
        raise call.fail("Begin, end and strides have different lengths, or more than the input.")
    if 0 in strides:
        raise call.fail("A stride is 0.")
    shrink = call.integer("shrink_axis_mask", 0)
    begin_mask, end_mask = call.integer("begin_mask", 0), call.integer("end_mask", 0)
    for axis, (begin, end, stride) in enumerate(zip(begins, ends, strides, strict=True)):
        size = result.shape[axis]
        first = bool(begin_mask >> axis & 1)
        if shrink >> axis & 1:
            position = (0 if stride > 0 else size - 1) if first else begin
            position = position + size if position < 0 else position
            if not 0 <= position < size:
                raise call.fail(f"The index {begin} is outside an axis of {size}.")
            picked = np.array([position])
        else:
            unbounded = bool(end_mask >> axis & 1)
            picked = _slice_indices(begin, None if unbounded else end, stride, first, size)
        result = result.take(picked, axis=axis)
    kept = [size for axis, size in enumerate(result.shape) if not shrink >> axis & 1]
    return call.shaped(result.reshape(kept))


def slice_(call: Call) -> list[Array]:
    """SLICE: from begin, as many as size says; -1 stands for all that follow."""
    x = call.array(0)
    begins, sizes = call.integers(1, "begin"), call.integers(2, "size")
    if not len(begins) == len(sizes) == x.ndim:
        raise call.fail(f"Begin {begins} and size {sizes} don't fit an input of {x.ndim} axes.")
    picked = tuple(
        slice(begin, None if size < 0 else begin + size)
        for begin, size in zip(begins, sizes, strict=True)
    )
    return call.shaped(np.ascontiguousarray(x[picked]))


def _nearest(size: int, out: int, align_corners: bool, half_pixel_centers: bool) -> Array:
    """The input position of each output position, computed in float32 as the reference does."""
    if align_corners and out > 1:
        scale = np.float32(size - 1) / np.float32(out - 1)
    else:
        scale = np.float32(size) / np.float32(out)
    offset = np.float32(0.5 if half_pixel_centers else 0.0)
    position = (np.arange(out, dtype=np.float32) + offset) * scale
    # Positions are not negative, so rounding half away is floor(x + 1/2), exact in float64.
    rounding = 0.5 if align_corners else 0.0
    picked = np.floor(position.astype(np.float64) + rounding).astype(np.int64)
    return np.minimum(picked, size - 1)


def resize_nearest_neighbor(call: Call) -> list[Array]:
    """RESIZE_NEAREST_NEIGHBOR of NHWC to the second input's height and width."""
    x = call.array(0)
    if x.ndim != 4:
        raise call.fail(f"The input {x.shape} must have four axes.")
    sizes = call.integers(1, "size")
    if len(sizes) != 2 or min(sizes) < 1:
        raise call.fail(f"The size {sizes} must be a height and a width.")
    corners, centers = call.flag("align_corners"), call.flag("half_pixel_centers")
    rows = _nearest(x.shape[1], sizes[0], corners, centers)
    columns = _nearest(x.shape[2], sizes[1], corners, centers)
    return call.shaped(x.take(rows, axis=1).take(columns, axis=2))


def split(call: Call) -> list[Array]:
    """SPLIT (axis, then the input) and SPLIT_V (input, sizes, axis) into all outputs."""
    source, axis_input = (1, 0) if call.operator == "SPLIT" else (0, 2)
    x = call.array(source)
    axis = _axis(call, int(call.array(axis_input).reshape(-1)[0]), x.ndim)
    sizes = [output.shape[axis] for output in call.output_values]
    if sum(sizes) != x.shape[axis]:
        raise call.fail(f"The outputs' sizes {sizes} don't add up to {x.shape[axis]}.")
    parts = np.split(x, np.cumsum(sizes)[:-1].tolist(), axis=axis)
    return [np.ascontiguousarray(part) for part in parts]


def pack(call: Call) -> list[Array]:
    """PACK: stack the inputs along a new axis."""
    arrays = [call.array(index) for index in range(len(call.inputs))]
    axis = _axis(call, call.integer("axis", 0), arrays[0].ndim + 1)
    return call.shaped(np.stack(arrays, axis=axis))


def unpack(call: Call) -> list[Array]:
    """UNPACK: one output for each position of an axis."""
    x = call.array(0)
    axis = _axis(call, call.integer("axis", 0), x.ndim)
    if len(call.output_values) != x.shape[axis]:
        raise call.fail(f"It has {len(call.output_values)} outputs for {x.shape[axis]} positions.")
    return [np.ascontiguousarray(part) for part in np.moveaxis(x, axis, 0)]


def shape(call: Call) -> list[Array]:
    """SHAPE: the input's shape as integers."""
    return call.shaped(np.array(call.value(0).shape, call.output.dtype))


def gather(call: Call) -> list[Array]:
    """GATHER along one axis, without batch axes."""
    if call.integer("batch_dims", 0):
        raise call.fail("Batch axes are not supported.")
    x, positions = call.array(0), call.array(1)
    axis = _axis(call, call.integer("axis", 0), x.ndim)
    if positions.size and not 0 <= positions.min() <= positions.max() < x.shape[axis]:
        raise call.fail(f"A position is outside an axis of {x.shape[axis]}.")
    return call.shaped(x.take(positions, axis=axis))
