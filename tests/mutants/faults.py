# SPDX-License-Identifier: Apache-2.0
"""The faults: each changes one place of the sources, and a test must fail for it."""

from __future__ import annotations

from tests.mutants.channel_faults import CHANNELS
from tests.mutants.fault import Fault

GOLDEN = (
    Fault(
        "negative ties round up",
        "sim/dpu_golden/fixed_point.py",
        "threshold = (mask >> 1) + (value < 0)",
        "threshold = mask >> 1",
        "tests/golden/test_fixed_point.py::test_ties_round_away_from_zero",
    ),
    Fault(
        "averages round towards zero",
        "sim/dpu_golden/pool.py",
        "(np.abs(acc) + count // 2) // count",
        "np.abs(acc) // count",
        "tests/golden/test_pool.py::test_every_rounding_of_an_average",
    ),
    Fault(
        "the odd row of padding comes first",
        "sim/dpu_golden/window.py",
        "return total // 2, total - total // 2, max(size, 0)",
        "return total - total // 2, total // 2, max(size, 0)",
        "tests/golden/test_conv.py::test_every_stride_and_padding",
    ),
)

EMULATOR = (
    Fault(
        "borders of convolutions are zero",
        "sim/dpu_sim/emulator/execute_conv.py",
        'words = input_words(access, v, y, x, border=v["zero_point"])',
        "words = input_words(access, v, y, x, border=0)",
        "tests/sim/test_emulator_instructions.py::test_random_instructions_match_plain_loops",
    ),
    Fault(
        "rows don't wrap in the emulator's rings",
        "sim/dpu_sim/emulator/address.py",
        'offsets * v[f"{prefix}row_stride"]) % max(words, 1)',
        'offsets * v[f"{prefix}row_stride"])',
        "tests/sim/test_emulator_instructions.py::test_random_instructions_match_plain_loops",
    ),
    Fault(
        "a write over what is still read is no race",
        "sim/dpu_sim/emulator/races.py",
        "found = np.flatnonzero(epochs > clock[other])",
        "found = np.flatnonzero(epochs < 0)",
        "tests/sim/test_emulator_races.py::test_race",
    ),
)

CONTRACT = (
    Fault(
        "the check byte isn't checked",
        "spec/dpu_spec/isa.py",
        "if check != CHECK:",
        "if check == ~CHECK:",
        "tests/spec/test_instruction.py::test_one_wrong_bit_is_found",
    ),
    Fault(
        "a program for other parameters is loaded",
        "host/dpu_host/driver.py",
        "if device[name] != wanted[name]",
        "if name not in device",
        "tests/host/test_driver.py::test_each_parameter_that_differs_is_named",
    ),
)

COMPILER = (
    Fault(
        "no token for writing over what is read",
        "compiler/dpu_compiler/synchronize.py",
        "            np.maximum(needed, self._latest(access, writes=False), out=needed)\n",
        "",
        "tests/compiler/test_synchronize.py::test_conflicts_are_ordered_by_as_few_tokens_as_can_be",
    ),
    Fault(
        "the input's zero point is added to the bias",
        "compiler/dpu_compiler/layers/scales.py",
        "folded = bias - zero_point * weight_sums",
        "folded = bias + zero_point * weight_sums",
        "tests/e2e/test_random_networks.py::test_emulator[0]",
    ),
    Fault(
        "weights that were overwritten count as loaded",
        "compiler/dpu_compiler/constants.py",
        "if at < end and start < at + other.words:",
        "if at == start:",
        "tests/compiler/test_constants.py::test_the_cache_knows_what_is_there",
    ),
    Fault(
        "padding between layers is fused at the wrong side",
        "compiler/dpu_compiler/passes/pad.py",
        "(a[0] + b[0], a[1] + b[1]) for a, b",
        "(a[1] + b[0], a[0] + b[1]) for a, b",
        "tests/compiler/test_passes.py",
    ),
)

REQUANTIZER = (
    Fault(
        "negative results lose their rounding",
        "hw/dpu_hw/requantize/lane.py",
        'minus = delay("minus", 1, operand[-1], 1, 1) & ~divide[2]',
        "minus = C(0)",
        "tests/rtl/test_units.py::test_requantizer",
    ),
    Fault(
        "the lower clamp is forgotten",
        "hw/dpu_hw/requantize/lane.py",
        "with m.Elif(too_small | (value < self.minimum)):",
        "with m.Elif(too_small):",
        "tests/hw/requantize/test_requantizer.py::test_scales_exactly_at_full_rate",
    ),
)

MOVEMENT = (
    Fault(
        "bursts don't end at multiples of their length",
        "hw/dpu_hw/dma/bursts.py",
        "burst.more.eq(((finish_beat | (~final).replicate(bits)) - begin)[:bits]),",
        "burst.more.eq(Mux(final, finish_beat - begin, self._burst_beats - 1)),",
        "tests/hw/dma/test_bursts.py::test_bursts_never_cross_4_kib_and_cover_the_run",
    ),
    Fault(
        "a transfer may leave its window by a byte",
        "hw/dpu_hw/dma/bursts.py",
        "with m.If((end[:-1] >= size) | end[-1] | beyond):",
        "with m.If((end[:-1] > size) | end[-1] | beyond):",
        "tests/hw/dma/test_bursts.py::test_run_outside_its_window",
    ),
    Fault(
        "strobes of a beat's first word are dropped",
        "hw/dpu_hw/dma/packer.py",
        "kept_mask.eq(Mux(final & keeps, mask[size : 2 * size], 0)),",
        "kept_mask.eq(0),",
        "tests/rtl/test_dma.py::test_dma",
    ),
    Fault(
        "error answers to reads are ignored",
        "hw/dpu_hw/dma/reader.py",
        "arrivals.i.payload.error.eq(axi.rresp[1])",
        "arrivals.i.payload.error.eq(0)",
        "tests/hw/dma/test_load.py::test_error_response_stops_the_engine",
    ),
    Fault(
        "reads come from the neighbour's bank",
        "hw/dpu_hw/scratchpad.py",
        "m.d.sync += bank.eq(wanted)",
        "m.d.sync += bank.eq(wanted.rotate_left(1))",
        "tests/hw/test_scratchpad.py::test_random_accesses",
    ),
)

CONTROL = (
    Fault(
        "a token is lost when one is given and one taken at once",
        "hw/dpu_hw/control/tokens.py",
        "with m.If(give ^ take):",
        "with m.If(give | take):",
        "tests/hw/control/test_tokens.py::test_counters_match_a_model",
    ),
    Fault(
        "instructions start without their tokens",
        "hw/dpu_hw/control/dispatch.py",
        "missing.eq((wait & ~tokens.available[engine]).any())",
        "missing.eq((wait & ~tokens.available[engine]).all())",
        "tests/rtl/test_control.py::test_control",
    ),
    Fault(
        "damaged instructions are run",
        "hw/dpu_hw/control/dispatch.py",
        "decode.intact.eq(total == CHECK)",
        "decode.intact.eq(total != ~CHECK & 0xFF)",
        "tests/hw/control/test_dispatch.py::test_corrupt_instruction_is_reported",
    ),
    Fault(
        "a stopped machine leaves bursts in flight",
        "hw/dpu_hw/control/supervisor.py",
        "with m.If(self.bus_idle):",
        "with m.If(1):",
        "tests/hw/control/test_supervisor.py::test_first_fault_wins_and_the_bus_is_finished",
    ),
    Fault(
        "partial writes of registers change all bytes",
        "hw/dpu_hw/control/registers.py",
        "writing.eq(strobe & store.replicate(4))",
        "writing.eq(strobe.any().replicate(4) & store.replicate(4))",
        "tests/rtl/test_units.py::test_registers",
    ),
)

ENGINES = (
    Fault(
        "pixels meet the weights of the pass before",
        "hw/dpu_hw/conv/weight_loader.py",
        "m.d.sync += [taken.eq(0), self.loaded.eq(0)]",
        "m.d.sync += taken.eq(0)",
        "tests/hw/conv/test_engine.py::test_random_convolutions",
    ),
    Fault(
        "the array's border is zero",
        "hw/dpu_hw/conv/reader.py",
        "Mux(inside, self.port.data[lane], zero_point)",
        "Mux(inside, self.port.data[lane], 0)",
        "tests/hw/conv/test_engine.py::test_random_convolutions",
    ),
    Fault(
        "the conv engine's rings don't wrap",
        "hw/dpu_hw/conv/ring.py",
        "return Mux(wrapped < 0, plain, wrapped[:ADDRESS_BITS])",
        "return plain",
        "tests/rtl/test_engines.py::test_engine[ConvEngine-conv-disturbance0]",
    ),
    Fault(
        "sums are added to the other bank's",
        "hw/dpu_hw/conv/accumulators.py",
        "Mux(stages[0][2][0], outputs[1], outputs[0])",
        "Mux(stages[0][2][0], outputs[0], outputs[1])",
        "tests/hw/conv/test_accumulators.py::test_sums_and_reads",
    ),
    Fault(
        "depth multipliers take the wrong lanes",
        "hw/dpu_hw/depthwise/column_parts.py",
        "mapped = choose(m, choice, list(column.words[k]), platform)",
        "mapped = column.words[k][lane]",
        "tests/rtl/test_engines.py::test_engine[DepthwiseEngine-depthwise-disturbance0]",
    ),
    Fault(
        "an outer column overtakes the middle one before it",
        "hw/dpu_hw/depthwise/window.py",
        "Mux(tag.middle, middle.i.ready, ~middle.waits)",
        "Mux(tag.middle, middle.i.ready, 1)",
        "tests/hw/depthwise/test_window.py::test_sums",
    ),
    Fault(
        "a middle column overtakes the outer one before it",
        "hw/dpu_hw/depthwise/window.py",
        "Mux(tag.outer, outer.i.ready, ~outer.waits)",
        "Mux(tag.outer, outer.i.ready, 1)",
        "tests/hw/depthwise/test_window.py::test_sums",
    ),
    Fault(
        "partial sums are read before they are written",
        "hw/dpu_hw/depthwise/partial_sums.py",
        "(first | ~pending.any())",
        "(first | ~pending[1:].any())",
        "tests/hw/depthwise/test_partial_sums.py::test_sums_add_up",
    ),
    Fault(
        "rows above the input are read",
        "hw/dpu_hw/depthwise/column_walker.py",
        "within & (y[k] >= 0) & (y[k] < now.height)",
        "within & (y[k] < now.height)",
        "tests/hw/depthwise/test_engine.py::test_random_instructions",
    ),
    Fault(
        "tables are taken from the first slot",
        "hw/dpu_hw/vector/tables.py",
        "read.addr.eq(Cat(index[lane], self.read.slot))",
        "read.addr.eq(Cat(index[lane], C(0, 1)))",
        "tests/rtl/test_engines.py::test_engine[VectorUnit-vector-disturbance0]",
    ),
    Fault(
        "windows reach below the input",
        "hw/dpu_hw/vector/window_walker.py",
        "(y < window.height) & (x < window.width)",
        "(x < window.width)",
        "tests/hw/vector/test_walkers.py::test_windows",
    ),
)

FAULTS = (
    *GOLDEN,
    *EMULATOR,
    *CONTRACT,
    *COMPILER,
    *CHANNELS,
    *REQUANTIZER,
    *MOVEMENT,
    *CONTROL,
    *ENGINES,
)
