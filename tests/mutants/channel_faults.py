# SPDX-License-Identifier: Apache-2.0
"""Faults in what leaves out dead channels."""

from __future__ import annotations

from tests.mutants.fault import Fault

CHANNELS = (
    Fault(
        "constants that meet the border become part of the bias",
        "compiler/dpu_compiler/passes/channel_uses.py",
        "read[channel] = (sums != sums[:, :1, :1]).any()",
        "read[channel] = False",
        "tests/compiler/test_dead_channels.py::test_only_zero_points_go_where_there_is_a_border",
    ),
    Fault(
        "constants are lost",
        "compiler/dpu_compiler/passes/dead_channels.py",
        "bias += mixing.constant_sums(int(channel))[:, 0, 0]",
        "pass",
        "tests/compiler/test_dead_channels.py::test_constants_become_part_of_the_bias",
    ),
    Fault(
        "sums that may wrap stay between their bounds",
        "compiler/dpu_compiler/passes/weighted.py",
        "np.where(inside, high.astype(np.int32), _MAX)",
        "high.astype(np.int32)",
        "tests/compiler/test_channel_ranges.py::test_sums_that_may_wrap_vary",
    ),
    Fault(
        "no border in what is proved constant",
        "compiler/dpu_compiler/passes/weighted.py",
        "np.unique((positions >= 0) & (positions < size), axis=0)",
        "np.unique(positions == positions, axis=0)",
        "tests/compiler/test_channel_ranges.py::test_border_of_a_convolution",
    ),
    Fault(
        "differences grow with both operands",
        "compiler/dpu_compiler/passes/channel_ranges.py",
        "bounds.evaluate([a, d]), bounds.evaluate([c, b])",
        "bounds.evaluate([a, b]), bounds.evaluate([c, d])",
        "tests/compiler/test_channel_ranges.py::test_of_two_tensors",
    ),
    Fault(
        "sums keep the channels of one side",
        "compiler/dpu_compiler/passes/channel_ties.py",
        "_alike(graph, *wide, *operator.outputs)",
        "_alike(graph, wide[0], *operator.outputs)",
        "tests/compiler/test_tied_channels.py::test_sums_keep_both_sides_alike",
    ),
    Fault(
        "constant channels come back in the wrong place",
        "sim/dpu_sim/emulator/collect.py",
        "values[..., channel] = value",
        "values[..., channel - 1] = value",
        "tests/sim/test_emulator_collect.py::test_channels_that_do_not_exist",
    ),
)
