# SPDX-License-Identifier: Apache-2.0
"""Payloads of the requantizers' streams."""

from amaranth import *
from amaranth.lib import data

from dpu_hw.layouts import word_layout

__all__ = ["output_layout", "requantizer_input", "requantizer_output", "scale_layout"]


def scale_layout(lanes):
    """Return the layout of the scales of ``lanes`` channels; shifts go from -31 to 1."""
    return data.StructLayout(
        {
            "bias": data.ArrayLayout(signed(32), lanes),
            "multiplier": data.ArrayLayout(unsigned(31), lanes),
            "shift": data.ArrayLayout(signed(6), lanes),
        }
    )


def output_layout():
    """Return the layout of what all channels of an output share."""
    return data.StructLayout(
        {
            "zero_point": signed(8),
            "minimum": signed(8),
            "maximum": signed(8),
            "mode": unsigned(2),
        }
    )


def requantizer_input(lanes, tag_shape, *, items=1):
    """Return the layout of what a requantizer of ``lanes`` takes, in so many items."""
    return data.StructLayout(
        {
            "acc": data.ArrayLayout(signed(32), lanes // items),
            "scale": scale_layout(lanes),
            "output": output_layout(),
            "tag": tag_shape,
        }
    )


def requantizer_output(lanes, tag_shape):
    """Return the layout of what a requantizer of ``lanes`` gives."""
    return data.StructLayout({"data": word_layout(lanes), "tag": tag_shape})
