# SPDX-License-Identifier: Apache-2.0
"""A program for firmware: one block of 32-bit words that C reads in place.

It begins with the fields of :data:`HEADER`; offsets in it are bytes from its beginning, multiples
of 4. The words of the whole blob add up to zero, modulo 2^32. ``dpu_host.firmware_blob`` writes it,
the C header ``dpu_program.h`` (:mod:`dpu_spec.c_header`) has it as structures.
"""

from __future__ import annotations

import enum

#: "TNDP", the first word.
MAGIC = int.from_bytes(b"TNDP", "little")
#: Version of the layout.
FORMAT = 1

#: Words of the header: name, meaning.
HEADER: tuple[tuple[str, str], ...] = (
    ("magic", "DPU_PROGRAM_MAGIC."),
    ("format", "DPU_PROGRAM_FORMAT."),
    ("bytes", "Size of the blob."),
    ("balance", "Makes the sum of all words zero."),
    ("architecture_version", "Of the DPU that it was compiled for."),
    ("name_offset", "The model's name, ended by a zero."),
    ("parameter_offset", "Parameters of that DPU, in the order of the configuration ROM."),
    ("parameter_count", "Their number."),
    ("image_offset", "What lies in the program window."),
    ("image_bytes", "Its size, that of the program window."),
    ("arena_bytes", "Size of the arena window."),
    ("input_bytes", "Size of the input window."),
    ("output_bytes", "Size of the output window."),
    ("cycle_limit", "Cycles that no run needs, by a wide margin."),
    ("preload_count", "Runs, the first ones, that are made once when the program is loaded."),
    ("run_offset", "Runs of the DPU, in order: for each a struct dpu_program_run."),
    ("run_count", "Their number, those of preload_count included."),
    ("tensor_offset", "Inputs, then outputs: for each a struct dpu_program_tensor."),
    ("input_count", "Number of inputs."),
    ("output_count", "Number of outputs."),
)

#: Words of an input or output: name, meaning.
TENSOR: tuple[tuple[str, str], ...] = (
    ("window", "The DRAM window in which it lies."),
    ("offset", "Where in the window."),
    ("bytes", "Its size."),
    ("kind", "What its elements are: enum dpu_kind."),
    ("table_offset", "256 bytes that its bytes go through on their way, or 0."),
    ("ordinal", "1: the model's output has its values in the same order, but others."),
)


class Kind(enum.IntEnum):
    """Elements of a tensor."""

    INT8 = 0
    UINT8 = 1
    #: Bytes that the firmware doesn't interpret.
    OTHER = 2
