# SPDX-License-Identifier: Apache-2.0
"""Small instructions for the tiny configuration, and machines to run them."""

from dpu_sim.emulator import Machine
from dpu_spec import isa
from dpu_spec.instruction import Engine, Instruction
from dpu_spec.presets import preset
from tests.sim.random_instructions import run_of

CONFIGURATION = preset("tiny")
LANES = CONFIGURATION.lanes
RING = {"row_stride": 8, "ring_start": 0, "ring_words": 64}
OUT_RING = {"out_address": 4096, "out_row_stride": 8, "out_ring_start": 4096, "out_ring_words": 64}
SCALE = {"minimum": -128, "maximum": 127}
ONE = {"rows": 1, "columns": 1}


def load(**values):
    return Instruction(
        isa.LOAD,
        RING | ONE | {"window": isa.WINDOW_INPUT, "depth": LANES, "row_bytes": LANES} | values,
    )


def store(**values):
    return Instruction(
        isa.STORE,
        RING | ONE | {"window": isa.WINDOW_OUTPUT, "depth": LANES, "row_bytes": LANES} | values,
    )


def conv(**values):
    one = ONE | {"blocks": 1, "kernel_h": 1, "kernel_w": 1, "height": 8, "width": 8, "clear": 1}
    return Instruction(isa.CONV, RING | one | values)


def conv_patch(**values):
    one = ONE | {"height": 8, "row_bytes": 32, "clear": 1, "end_0": LANES}
    return Instruction(isa.CONV_PATCH, RING | one | values)


def drain(**values):
    view = {"address": 4096, "row_stride": 8, "ring_start": 4096, "ring_words": 64}
    return Instruction(isa.DRAIN, ONE | {"blocks": 1} | view | SCALE | values)


def depthwise(**values):
    one = ONE | {"blocks": 1, "height": 8, "width": 8, "first": 1, "last": 1, "lane_map": 0x3210}
    return Instruction(isa.DEPTHWISE, RING | OUT_RING | SCALE | one | values)


def vector(name="MAXIMUM", **values):
    one = ONE | {"blocks": 1, "height": 8, "width": 8, "kernel_h": 1, "kernel_w": 1}
    one |= {"repeat_y": 1, "repeat_x": 1, "b_row_stride": 8, "b_ring_words": 64}
    return Instruction(isa.BY_NAME[name], RING | OUT_RING | SCALE | one | values)


def fill(machine, *targets):
    """Write zeros to whole buffers (zeros are valid scales, too)."""
    words = {
        isa.TARGET_SCRATCHPAD: CONFIGURATION.scratchpad_words,
        isa.TARGET_WEIGHTS: CONFIGURATION.weight_words,
        isa.TARGET_CONV_PARAMETERS: CONFIGURATION.conv_parameter_words,
        isa.TARGET_DEPTHWISE_PARAMETERS: CONFIGURATION.depthwise_parameter_words,
        isa.TARGET_TABLE: 4096 // LANES,
    }
    loads = [
        run_of(target, 0, words[target] * LANES, LANES, window=isa.WINDOW_PROGRAM)
        for target in targets
    ]
    machine.run({Engine.LOAD: loads})


ALL = range(len(isa.TARGET_NAMES))


def empty_machine(**options):
    """A machine with open windows and nothing on the chip."""
    machine = Machine(CONFIGURATION, **options)
    machine.window(isa.WINDOW_PROGRAM, bytes(1 << 16))
    machine.window(isa.WINDOW_ARENA, 256)
    machine.window(isa.WINDOW_INPUT, bytes(256))
    machine.window(isa.WINDOW_OUTPUT, 256)
    return machine


def full_machine(**options):
    """A machine where every word on the chip is written."""
    machine = empty_machine(**options)
    fill(machine, *ALL)
    machine.run({Engine.CONV: [conv(rows=8, columns=16, height=1, width=1)]})
    machine.run({Engine.DEPTHWISE: [depthwise(rows=4, columns=16, height=1, width=1, last=0)]})
    return machine


def bit(*engines):
    """A mask of engines for `wait` and `signal`."""
    return sum(1 << engine for engine in engines)


def streams(*instructions):
    """Sort instructions into the streams of their engines."""
    result = {}
    for instruction in instructions:
        result.setdefault(instruction.engine, []).append(instruction)
    return result
