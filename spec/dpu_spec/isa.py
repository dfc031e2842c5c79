# SPDX-License-Identifier: Apache-2.0
"""The instruction set: every format, as data.

Conventions of the pseudo-code:

* ``scratchpad[a]`` is a word (``lanes`` int8 of one pixel); all word addresses are unsigned.
* ``ring(a)`` is ``ring_start + (a - ring_start) mod ring_words``: rows of a tensor live in a ring,
  and every engine wraps row addresses. Addresses of rows above the tensor (padding) wrap too, and
  are not accessed. ``row_stride`` times a step must be less than ``ring_words``.
* ``for a, b in (A, B)`` runs a in the outer and b in the inner loop. The order is part of the
  contract only where one iteration depends on another.
* A field that counts (rows, columns, blocks, kernel, ...) holds the number itself and is at least
  1.
"""

from __future__ import annotations

from dpu_spec.configuration import Configuration
from dpu_spec.instruction import CHECK, Engine, Field, Format, Instruction, InstructionError

#: DRAM windows that instructions name; the host opens each with a base address and a size.
WINDOW_PROGRAM, WINDOW_ARENA, WINDOW_INPUT, WINDOW_OUTPUT = range(4)
WINDOW_NAMES = ("program", "arena", "input", "output")
WINDOWS = len(WINDOW_NAMES)

#: What a LOAD may fill.
(
    TARGET_SCRATCHPAD,
    TARGET_WEIGHTS,
    TARGET_CONV_PARAMETERS,
    TARGET_DEPTHWISE_PARAMETERS,
    TARGET_TABLE,
) = range(5)
TARGET_NAMES = ("scratchpad", "weights", "conv_parameters", "depthwise_parameters", "table")

#: Scaling modes of requantizers.
MODE_TFLITE = 0  # double rounding, as gemmlowp
MODE_DIVIDE = 1  # truncating division by a constant, for averages

SCALE_PSEUDOCODE = """\
def scale(mode, acc, bias, multiplier, shift):  # multiplier: 31 bits unsigned; -31 <= shift <= 1
    left, right = max(shift, 0), max(-shift, 0)
    if mode == TFLITE:  # gemmlowp's double rounding
        a = wrap32(wrap32(acc + bias) << left)
        h = (a * multiplier + 2**30) >> 31  # floor: rounds half up
        mask = 2**right - 1
        threshold = (mask >> 1) + (h < 0)
        return (h >> right) + ((h & mask) > threshold)  # rounds half away from zero
    if mode == DIVIDE:  # bias is half the divisor
        q = ((abs(acc) + bias) * multiplier) >> (31 + right)
        return -q if acc < 0 else q"""

#: Segments (kernel rows) that a CONV_PATCH gathers.
PATCH_SEGMENTS = 3

#: Entries of a vector table; there are two tables (A, B) in each of two slots, int32 each.
TABLE_ENTRIES = 256
TABLE_SLOTS = 2


def _view(prefix: str, what: str) -> tuple[Field, ...]:
    p = f"{prefix}_" if prefix else ""
    return (
        Field(f"{p}address", 16, f"Word address of the first row of {what}, column 0, block 0."),
        Field(f"{p}row_stride", 16, f"Words from a row of {what} to the next."),
        Field(f"{p}block_stride", 16, f"Words from a channel block of {what} to the next."),
        Field(f"{p}ring_start", 16, f"First word of the ring that {what} lives in."),
        Field(f"{p}ring_words", 16, "Words of that ring."),
    )


_WINDOW_OF_INPUT = (
    Field("y0", 12, "Input row of the first tap of the first output row.", signed=True),
    Field("x0", 12, "Input column of the first tap of the first output column.", signed=True),
    Field("height", 12, "Rows of the input; rows outside read as the border value."),
    Field("width", 12, "Columns of the input; columns outside read as the border value."),
)

_DRAM = (
    Field("window", 2, "DRAM window: " + ", ".join(f"{i} {n}" for i, n in enumerate(WINDOW_NAMES))),
    Field("dram_offset", 32, "Byte offset of the first row in its window."),
    Field("dram_row_stride", 24, "Bytes from a row to the next in DRAM."),
    Field(
        "dram_column_stride", 16, "Bytes from a pixel to the next in DRAM; 0: a row is contiguous."
    ),
    Field("row_bytes", 20, "Bytes of a row: columns x depth."),
    Field("rows", 12, "Rows."),
    Field("columns", 12, "Pixels of a row."),
    Field("depth", 20, "Bytes of a pixel; each fills ceil(depth / lanes) words."),
)

_DRAM_PSEUDOCODE = """\
for r, c in (rows, columns):
    at = dram_offset + r * dram_row_stride + c * (dram_column_stride or depth)
    for b in ceil(depth / lanes):
        n = min(lanes, depth - b * lanes)
        word = ring(address + r * row_stride) + b * block_stride + c
        {body}"""

LOAD = Format(
    "LOAD",
    0x01,
    Engine.LOAD,
    (
        Field(
            "target",
            3,
            "What to fill: " + ", ".join(f"{i} {n}" for i, n in enumerate(TARGET_NAMES)),
        ),
        *_DRAM,
        *_view("", "the destination"),
    ),
    "Copy from DRAM into a buffer. A plain run of bytes is one row of one column. The lanes beyond "
    "the depth of a pixel hold any value. Weights are addressed in words: word address / "
    "column_blocks is the row. A table word holds lanes / 4 int32 entries; the entry's address is "
    "512 x slot + 256 x (0 for A, 1 for B) + index.",
    _DRAM_PSEUDOCODE.format(body="buffer[target][word][0:n] = dram[window][at + b * lanes :][0:n]"),
)

STORE = Format(
    "STORE",
    0x41,
    Engine.STORE,
    (*_DRAM, *_view("", "the source")),
    "Copy from the scratchpad to DRAM. Done when the memory has answered every burst.",
    _DRAM_PSEUDOCODE.format(body="dram[window][at + b * lanes :][0:n] = scratchpad[word][0:n]"),
)

_CONV_OUTPUT = (
    Field("rows", 10, "Output rows."),
    Field("columns", 10, "Output columns; rows x columns fit in the accumulators."),
    Field("stride_y", 4, "Input rows from an output row to the next."),
    Field("accumulator", 12, "Accumulator of the first pixel."),
    Field("clear", 1, "The first pass overwrites the accumulators instead of adding."),
    Field("weights", 16, "Row of the weight buffer where the first pass's tile begins."),
    Field("zero_point", 8, "Border value: the zero point of the input.", signed=True),
)

CONV = Format(
    "CONV",
    0x11,
    Engine.CONV,
    (
        *_view("", "the input (row y0)"),
        *_CONV_OUTPUT,
        *_WINDOW_OF_INPUT,
        Field("stride_x", 4, "Input columns from an output column to the next."),
        Field("dilation_y", 6, "Input rows from a tap to the next."),
        Field("dilation_x", 6, "Input columns from a tap to the next."),
        Field("kernel_h", 7, "Kernel rows."),
        Field("kernel_w", 7, "Kernel columns."),
        Field("blocks", 11, "Input channel blocks."),
    ),
    "Multiply-accumulate a tile of output pixels for one block of `columns` output channels of the "
    "array: one pass (a weight tile of lanes rows) for each input block and kernel position.",
    """\
for b, ky, kx in (blocks, kernel_h, kernel_w):               # one pass
    tile = weight_buffer[weights + pass * lanes :][0:lanes]   # [lane][array column]
    for r, c in (rows, columns):
        y = y0 + r * stride_y + ky * dilation_y
        x = x0 + c * stride_x + kx * dilation_x
        if 0 <= y < height and 0 <= x < width:
            row = ring(address + (r * stride_y + ky * dilation_y) * row_stride)
            pixel = scratchpad[row + b * block_stride + x]
        else:
            pixel = zero_point (all lanes)
        a = accumulator + r * columns + c
        old = 0 if clear and pass == 0 else accumulators[a]
        accumulators[a] = wrap32(old + pixel @ tile)""",
)

CONV_PATCH = Format(
    "CONV_PATCH",
    0x12,
    Engine.CONV,
    (
        *(f for f in _view("", "the input (row y0)") if f.name != "block_stride"),
        *_CONV_OUTPUT,
        Field("y0", 12, "Input row of the first output row, before a segment's dy.", signed=True),
        Field("height", 12, "Rows of the input; rows outside read as the border value."),
        Field("row_bytes", 16, "Bytes of an input row; bytes outside read as the border value."),
        Field("step", 8, "Bytes from an output column to the next."),
        *(
            field
            for s in range(PATCH_SEGMENTS)
            for field in (
                Field(
                    f"end_{s}",
                    5,
                    f"First lane after segment {s}; segments fill the lanes in order.",
                ),
                Field(f"dy_{s}", 7, f"Input rows from y0 to segment {s}."),
                Field(
                    f"offset_{s}", 16, f"Words added to the row address of segment {s} (its plane)."
                ),
                Field(
                    f"start_{s}",
                    16,
                    f"Byte of the row that lane 0 of segment {s} would take at output column 0.",
                    signed=True,
                ),
            )
        ),
    ),
    "One pass over input that lies as plain bytes (rows of pixels without padding between "
    "channels, or planes): the lanes are filled with up to three runs of bytes from three rows. "
    "For layers with few input channels. Unknown where the parameter `patch_reader` is 0.",
    """\
tile = weight_buffer[weights :][0:lanes]
for r, c in (rows, columns):
    for lane in lanes:
        s = the first segment with lane < end_s; none: pixel[lane] = zero_point
        y = y0 + r * stride_y + dy_s
        byte = start_s + c * step + lane
        if 0 <= y < height and 0 <= byte < row_bytes:
            row = ring(address + (r * stride_y + dy_s) * row_stride) + offset_s
            pixel[lane] = scratchpad bytes of row [byte]       # little-endian lanes
        else:
            pixel[lane] = zero_point
    a = accumulator + r * columns + c
    accumulators[a] = wrap32((0 if clear else accumulators[a]) + pixel @ tile)""",
)

_SCALE = (
    Field("out_zero_point", 8, "Zero point of the output.", signed=True),
    Field("minimum", 8, "Smallest output (activation).", signed=True),
    Field("maximum", 8, "Largest output (activation).", signed=True),
    Field(
        "mode",
        2,
        f"Scaling: {MODE_TFLITE} TFLite (double rounding), {MODE_DIVIDE} divide (vector).",
    ),
)

DRAIN = Format(
    "DRAIN",
    0x21,
    Engine.DRAIN,
    (
        *_view("", "the output"),
        Field("rows", 10, "Rows."),
        Field("columns", 10, "Columns."),
        Field("blocks", 3, "Words of each pixel: channel blocks from array column 0 on."),
        Field("accumulator", 12, "Accumulator of the first pixel."),
        Field(
            "parameters", 14, "Word of the drain's parameter buffer where block 0's scales begin."
        ),
        *_SCALE,
    ),
    "Requantize accumulators into the scratchpad. The scales of a block are nine words: bias "
    "(4 words), multiplier (4 words), shift (1 word of int8).",
    """\
for b, r, c in (blocks, rows, columns):
    acc = accumulators[accumulator + r * columns + c][b * lanes :][0:lanes]
    bias, multiplier, shift = scales(conv_parameters[parameters + 9 * b])
    value = scale(mode, acc, bias, multiplier, shift)
    scratchpad[ring(address + r * row_stride) + b * block_stride + c] =
        clamp(value + out_zero_point, minimum, maximum)""",
)

DEPTHWISE = Format(
    "DEPTHWISE",
    0x31,
    Engine.DEPTHWISE,
    (
        *_view("", "the input (row y0)"),
        *_view("out", "the output"),
        Field("rows", 10, "Output rows."),
        Field("columns", 10, "Output columns."),
        Field("blocks", 10, "Channel blocks."),
        Field("stride_y", 4, "Input rows from an output row to the next."),
        Field("stride_x", 4, "Input columns from an output column to the next."),
        Field("dilation_y", 6, "Input rows from a tap to the next."),
        Field("dilation_x", 6, "Input columns from a tap to the next."),
        *_WINDOW_OF_INPUT,
        Field("zero_point", 8, "Border value: the zero point of the input.", signed=True),
        Field("partial_sum", 10, "Partial sum of the first pixel."),
        Field("first", 1, "Start from zero instead of the partial sums."),
        Field("last", 1, "Requantize and write; else keep the sums."),
        Field("parameters", 14, "Word of the depthwise parameter buffer where block 0 begins."),
        *_SCALE,
        Field("lane_map", 64, "Four bits a lane: the lane of the input word that it takes."),
    ),
    "A 3x3 window over each channel. The parameters of a block are nine words of weights (tap "
    "ky * 3 + kx, one int8 a lane), followed by its nine words of scales where `last` is set. "
    "Larger kernels take several instructions that keep partial sums.",
    """\
for b, r, c in (blocks, rows, columns):
    p = partial_sum + (b * rows + r) * columns + c
    sum = 0 if first else partial_sums[p]
    for ky, kx in (3, 3):
        y = y0 + r * stride_y + ky * dilation_y
        x = x0 + c * stride_x + kx * dilation_x
        if 0 <= y < height and 0 <= x < width:
            row = ring(address + (r * stride_y + ky * dilation_y) * row_stride)
            word = scratchpad[row + b * block_stride + x]
        else:
            word = zero_point (all lanes)
        sum = wrap32(sum + word[lane_map] * weights[b][ky * 3 + kx])     # each lane
    if last:
        scratchpad[ring_out(out_address + r * out_row_stride) + b * out_block_stride + c] =
            clamp(scale(mode, sum, bias[b], multiplier[b], shift[b])
                  + out_zero_point, minimum, maximum)
    else:
        partial_sums[p] = sum""",
)

_VECTOR = (
    *_view("", "operand a (row y0)"),
    *_view("b", "operand b"),
    *_view("out", "the output"),
    Field("rows", 12, "Output rows."),
    Field("columns", 12, "Output columns."),
    Field("blocks", 11, "Channel blocks."),
    Field("kernel_h", 8, "Window rows."),
    Field("kernel_w", 8, "Window columns."),
    Field("stride_y", 4, "Input rows from an output row to the next."),
    Field("stride_x", 4, "Input columns from an output column to the next."),
    *_WINDOW_OF_INPUT,
    Field("border", 8, "What operand a reads as outside the input.", signed=True),
    Field("repeat_y", 4, "Output rows that share their input row."),
    Field("repeat_x", 4, "Output columns that share their input column."),
    Field("b_column_stride", 1, "Words from a column of operand b to the next: 0 broadcasts."),
    Field("slot", 1, "Which of the two slots of tables."),
    Field("bias", 32, "Added to the accumulated value (wrapping).", signed=True),
    Field("multiplier", 31, "Scale of the accumulated value."),
    Field("shift", 6, "Its exponent, from -31 to 1.", signed=True),
    Field("out_zero_point", 8, "Zero point of the output.", signed=True),
    Field("minimum", 8, "Smallest output (activation).", signed=True),
    Field("maximum", 8, "Largest output (activation).", signed=True),
    Field("mode", 2, f"Scaling: {MODE_TFLITE} TFLite (double rounding), {MODE_DIVIDE} divide."),
)


def _vector(name: str, opcode: int, doc: str, body: str, b: bool = False) -> Format:
    operand_b = (
        """
    row_b = ring_b(b_address + r * b_row_stride)
    w = scratchpad[row_b + b * b_block_stride + c * b_column_stride]"""
        if b
        else ""
    )
    return Format(
        name,
        opcode,
        Engine.VECTOR,
        _VECTOR,
        doc,
        f"""\
for b, r, c in (blocks, rows, columns):{operand_b}
    window = for ky, kx in (kernel_h, kernel_w):
        y = y0 + (r // repeat_y) * stride_y + ky;  x = x0 + (c // repeat_x) * stride_x + kx
        inside = 0 <= y < height and 0 <= x < width
        row = ring(address + ((r // repeat_y) * stride_y + ky) * row_stride)
        v = scratchpad[row + b * block_stride + x] if inside else border
    {body}
    scratchpad[ring_out(out_address + r * out_row_stride) + b * out_block_stride + c] = out""",
    )


_REQUANTIZED = (
    "out = clamp(scale(mode, {}, bias, multiplier, shift) + out_zero_point, minimum, maximum)"
)

ADD = _vector(
    "ADD",
    0x51,
    "Scale the sum of a table entry for each of two operands (a 1x1 window): addition, "
    "subtraction, and any f(a) + g(b).",
    _REQUANTIZED.format("table_a[slot][v] + table_b[slot][w]"),
    b=True,
)
MULTIPLY = _vector(
    "MULTIPLY",
    0x52,
    "Scale the product of two operands (a 1x1 window) less their zero points, which lie in bits "
    "0..7 (a) and 8..15 (b) of `bias`.",
    "value = scale(mode, (v - za) * (w - zb), 0, multiplier, shift)\n"
    "    out = clamp(value + out_zero_point, minimum, maximum)",
    b=True,
)
ACCUMULATE = _vector(
    "ACCUMULATE",
    0x53,
    "Scale the sum of a window: averages (mode divide, bias n // 2) and means (mode TFLite, bias "
    "-n x zero point).",
    _REQUANTIZED.format("sum(window)"),
)
MAXIMUM = _vector(
    "MAXIMUM",
    0x54,
    "The maximum of a window, clamped. With a 1x1 window a copy: padding, slices, strides, nearest "
    "resize.",
    "out = clamp(max(window), minimum, maximum)",
)
TABLE = _vector(
    "TABLE",
    0x55,
    "Any function of one int8 (a 1x1 window): the low byte of an entry of table A.",
    "out = int8(table_a[slot][v])",
)

FORMATS = (
    LOAD,
    STORE,
    CONV,
    CONV_PATCH,
    DRAIN,
    DEPTHWISE,
    ADD,
    MULTIPLY,
    ACCUMULATE,
    MAXIMUM,
    TABLE,
)
BY_OPCODE = {format.opcode: format for format in FORMATS}
BY_NAME = {format.name: format for format in FORMATS}


def formats_of(configuration: Configuration) -> tuple[Format, ...]:
    """Return the formats that a DPU of a configuration runs; others are unknown opcodes to it."""
    return tuple(f for f in FORMATS if f is not CONV_PATCH or configuration.patch_reader)


def _size(engine: Engine) -> int:
    bits = max(format.bits for format in FORMATS if format.engine is engine)
    return -(-bits // 128) * 16


#: Bytes of each engine's instructions: a multiple of the widest AXI bus.
INSTRUCTION_BYTES: dict[Engine, int] = {engine: _size(engine) for engine in Engine}


def decode(engine: Engine, data: bytes) -> Instruction:
    """Decode one instruction of an engine's stream.

    Raise :exc:`InstructionError` if it is corrupt.
    """
    size = INSTRUCTION_BYTES[engine]
    if len(data) != size:
        raise InstructionError(f"{engine.name}: an instruction has {size} bytes, not {len(data)}.")
    check = 0
    for byte in data:
        check ^= byte
    if check != CHECK:
        raise InstructionError(f"{engine.name}: the check byte does not match: {data.hex()}.")
    format = BY_OPCODE.get(data[0])
    if format is None or format.engine is not engine:
        raise InstructionError(
            f"{engine.name}: opcode 0x{data[0]:02X} is not one of this engine's."
        )
    word = int.from_bytes(data, "little")
    values = {}
    for field in format.fields:
        value = word & ((1 << field.bits) - 1)
        word >>= field.bits
        values[field.name] = value - (1 << field.bits) if value > field.maximum else value
    if word:
        raise InstructionError(f"{engine.name}: bits beyond the fields of {format.name} are set.")
    return Instruction(format, values)


def encode(instruction: Instruction) -> bytes:
    """Encode an instruction to the size that its engine's stream has."""
    return instruction.encode(INSTRUCTION_BYTES[instruction.engine])
