# SPDX-License-Identifier: Apache-2.0
"""cocotb test of the requantizer, against the golden model."""

import random
from typing import Any

import cocotb
import numpy as np

from dpu_golden import multiply_by_quantized_multiplier
from dpu_hw.requantize.layouts import requantizer_input, requantizer_output
from dpu_sim.rtl.parameters import bench_parameters
from dpu_spec.isa import MODE_DIVIDE, MODE_TFLITE
from tests.rtl.support import StreamDriver, StreamMonitor, start

LANES = 2
TAG_BITS = 8
ITEMS = 600
_EDGES = (-(2**31), -(2**31) + 1, -1, 0, 1, 2**30, 2**31 - 1)


def _int32() -> int:
    if random.random() < 0.2:
        return random.choice(_EDGES)
    return random.randint(-(2**31), 2**31 - 1) >> random.choice((0, 8, 16))


def _item() -> tuple[int, int]:
    """Return the payload of an input, and that of its output."""
    acc = [_int32() for _ in range(LANES)]
    low, high = sorted(random.randint(-128, 127) for _ in range(2))
    if random.random() < 0.7:
        low, high = -128, 127
    zero_point, tag = random.randint(-128, 127), random.getrandbits(TAG_BITS)
    mode = random.choice((MODE_TFLITE, MODE_TFLITE, MODE_DIVIDE))
    if mode == MODE_TFLITE:
        bias = [_int32() for _ in range(LANES)]
        multiplier = [random.randrange(2**31) for _ in range(LANES)]
        # Shifts that bring results near the range of int8, and any other.
        shift = [random.choice((-31, -24, -12, -8, 0, 1, random.randint(-31, 1))) for _ in acc]
        if random.random() < 0.4:
            # Ties, and numbers beside them: half of a sum, shifted to the range of int8.
            shift = [-random.randint(0, 12) for _ in acc]
            multiplier = [1 << 30] * LANES
            sums = [random.randint(-270, 270) << -s for s in shift]
            acc = [n - b for n, b in zip(sums, bias, strict=True)]
            bias = [b if -(2**31) <= a < 2**31 else 0 for a, b in zip(acc, bias, strict=True)]
            acc = [n - b + random.randint(-1, 1) for n, b in zip(sums, bias, strict=True)]
        wrapped = (np.array(acc) + np.array(bias)).astype(np.int32)
        value = multiply_by_quantized_multiplier(wrapped, np.array(multiplier), np.array(shift))
    else:
        # An average rounds half away from zero.
        divisor = [random.randint(2, 1 << random.randint(1, 16)) for _ in range(LANES)]
        acc = [random.randint(-128 * n, 127 * n) for n in divisor]
        right = [(n - 1).bit_length() - 1 for n in divisor]
        bias = [n // 2 for n in divisor]
        multiplier = [-(-(1 << 31 + r) // n) for n, r in zip(divisor, right, strict=True)]
        shift = [-r for r in right]
        halves = zip(acc, divisor, strict=True)
        value = np.array([int(np.sign(a)) * ((abs(a) + n // 2) // n) for a, n in halves])
    result = np.clip(value + zero_point, low, high)
    source = {
        "acc": acc,
        "scale": {"bias": bias, "multiplier": multiplier, "shift": shift},
        "output": {"zero_point": zero_point, "minimum": low, "maximum": high, "mode": mode},
        "tag": tag,
    }
    sink = {"data": [int(n) for n in result], "tag": tag}
    return (
        requantizer_input(LANES, TAG_BITS).const(source).as_bits(),
        requantizer_output(LANES, TAG_BITS).const(sink).as_bits(),
    )


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def scales_as_the_golden_model(dut: Any) -> None:
    stalls = bench_parameters()
    driver = StreamDriver(dut, "i", stall=stalls["input"])
    monitor = StreamMonitor(dut, "o", stall=stalls["output"])
    await start(dut)
    items = [_item() for _ in range(ITEMS)]
    sending = cocotb.start_soon(driver.send(*(source for source, _ in items)))
    for number, (_, expected) in enumerate(items):
        (result,) = await monitor.receive()
        assert result == expected, f"item {number}: {result:x}, not {expected:x}"
    await sending
