# SPDX-License-Identifier: Apache-2.0
"""Scaling in plain integers, step by step as the reference kernels do it, and cases that hurt."""

INT32 = (-(1 << 31), (1 << 31) - 1)
MULTIPLIERS = (0, 1, 1 << 30, (1 << 30) + 1, 0x5A82799A, (1 << 31) - 1)


def wrap32(value):
    return (value + (1 << 31)) % (1 << 32) - (1 << 31)


def doubling_high_product(a, b):
    """Half of the high word of the doubled product, rounded half up: nudge, then truncate."""
    product = a * b
    nudged = product + ((1 << 30) if product >= 0 else 1 - (1 << 30))
    magnitude = abs(nudged) >> 31
    return magnitude if nudged >= 0 else -magnitude


def rounding_shift(value, distance):
    """Divide by a power of two, rounding half away from zero."""
    magnitude = (2 * abs(value) + (1 << distance)) >> (distance + 1) if distance else abs(value)
    return magnitude if value >= 0 else -magnitude


def scale_tflite(acc, bias, multiplier, shift):
    total = wrap32(acc + bias)
    if shift > 0:
        total = wrap32(total * 2**shift)
    return rounding_shift(doubling_high_product(total, multiplier), max(-shift, 0))


def scale_divide(acc, bias, multiplier, shift):
    quotient = (abs(acc) + bias) * multiplier // 2 ** (31 + max(-shift, 0))
    return -quotient if acc < 0 else quotient


def clamp(value, output):
    return max(output["minimum"], min(output["maximum"], value + output["zero_point"]))


def requantize(item, divide=False):
    """Return the results of an item: lists of acc, bias, multiplier and shift, and the output."""
    function = scale_divide if divide and item["output"]["mode"] == 1 else scale_tflite
    rows = zip(item["acc"], item["bias"], item["multiplier"], item["shift"], strict=True)
    return [clamp(function(*row), item["output"]) for row in rows]


def random_output(rng, mode=0):
    low, high = sorted((rng.randint(-128, 127), rng.randint(-128, 127)))
    if rng.random() < 0.7:
        low, high = -128, 127
    zero_point = rng.choice((-128, -1, 0, 1, 127, rng.randint(-128, 127)))
    return {"zero_point": zero_point, "minimum": low, "maximum": high, "mode": mode}


def random_value(rng):
    """Return acc, bias, multiplier and shift, often where rounding or wrapping decides."""
    kind = rng.randrange(5)
    multiplier = rng.choice((*MULTIPLIERS, rng.randint(1 << 30, (1 << 31) - 1)))
    shift = rng.randint(-31, 1)
    if kind == 0:  # anything at all
        return rng.randint(*INT32), rng.randint(*INT32), multiplier, shift
    if kind == 1:  # extremes, and sums beyond them
        near = [edge + d for edge in (*INT32, 0) for d in (-2, -1, 0, 1, 2)]
        return wrap32(rng.choice(near)), wrap32(rng.choice(near)), multiplier, shift
    if kind == 2:  # a result within int8, near a tie of the second rounding
        multiplier = rng.randint(1 << 30, (1 << 31) - 1)
        shift = rng.randint(-22, 0)
        target = (2 * rng.randint(-130, 130) + 1) << -shift >> 1
        acc = target * (1 << 31) // multiplier + rng.randint(-2, 2)
        bias = rng.randint(-1000, 1000)
        return wrap32(acc - bias), bias, multiplier, shift
    if kind == 3:  # ties exactly: multiplying by a half
        shift = rng.randint(-20, 0)
        return rng.randint(-300, 300) << -shift, rng.randint(-1, 1), 1 << 30, shift
    return rng.randint(-(1 << 20), 1 << 20), rng.randint(-(1 << 18), 1 << 18), multiplier, shift


def random_division(rng):
    """Return the operands of an average of n: half of n is the bias."""
    n = rng.choice((1, 2, 3, 4, 7, 9, 16, 49, 63, 64, rng.randint(1, 4096)))
    bits = (n - 1).bit_length()
    multiplier = min(-(-(1 << (30 + bits)) // n), (1 << 31) - 1)
    acc = rng.choice((rng.randint(-128 * n, 127 * n), n * rng.randint(-128, 127) - n // 2))
    if rng.random() < 0.2:
        return rng.randint(*INT32), rng.randint(0, INT32[1]), multiplier, rng.randint(-31, 0)
    return acc, n // 2, multiplier, 1 - bits if bits else 0


def random_item(rng, lanes, tag, divide=False):
    mode = rng.choice((0, 1)) if divide else rng.choice((0, 0, 1))
    draw = random_division if divide and mode == 1 else random_value
    acc, bias, multiplier, shift = zip(*(draw(rng) for _ in range(lanes)), strict=True)
    return {
        "acc": acc,
        "bias": bias,
        "multiplier": multiplier,
        "shift": shift,
        "output": random_output(rng, mode),
        "tag": tag,
    }


def payload(item):
    """Return an item as the payload of a requantizer's input stream."""
    return {
        "acc": list(item["acc"]),
        "scale": {name: list(item[name]) for name in ("bias", "multiplier", "shift")},
        "output": item["output"],
        "tag": item["tag"],
    }
