# SPDX-License-Identifier: Apache-2.0
"""Transfers between DRAM and words, as the pseudo-code says, and random ones."""

from dpu_spec.configuration import Configuration


def configuration(*, lanes, axi_bytes, **others):
    """Return a small configuration."""
    values = {
        "lanes": lanes,
        "columns": lanes,
        "axi_bytes": axi_bytes,
        "array_logic_multipliers": 0,
        "depthwise_logic_multipliers": 0,
        "conv_requantizers": 4,
        "depthwise_lanes": 4,
        "depthwise_requantizers": 4,
        "read_outstanding": 4,
        "write_outstanding": 2,
    }
    return Configuration(**values | others)


def ring(values, address):
    """Wrap a word address into the ring of a view."""
    return values["ring_start"] + (address - values["ring_start"]) % values["ring_words"]


def pieces(values, lanes):
    """Yield (offset in the window, word address, bytes) for each word of a transfer."""
    depth = values["depth"]
    for r in range(values["rows"]):
        for c in range(values["columns"]):
            at = values["dram_offset"] + r * values["dram_row_stride"]
            at += c * (values["dram_column_stride"] or depth)
            for b in range(-(-depth // lanes)):
                n = min(lanes, depth - b * lanes)
                word = ring(values, values["address"] + r * values["row_stride"])
                yield at + b * lanes, word + b * values["block_stride"] + c, n


def plain(*, offset, count, address, window=0):
    """Return a plain run of bytes: one row of one column."""
    return {
        "window": window,
        "dram_offset": offset,
        "dram_row_stride": 0,
        "dram_column_stride": 0,
        "row_bytes": count,
        "rows": 1,
        "columns": 1,
        "depth": count,
        "address": address,
        "row_stride": 0,
        "block_stride": 1,
        "ring_start": 0,
        "ring_words": 65535,
    }


def random_transfer(random, *, lanes, words, size, budget=160):
    """Return a random transfer of up to about ``budget`` bytes whose words are all different."""
    kind = random.choice(("plain", "planes", "strided", "folded", "rows"))
    depth = random.choice((1, 2, 3, lanes - 1, lanes, lanes + 1, 2 * lanes, 3 * lanes + 1))
    columns = random.choice((1, 2, 3, 4, 5, 8, 9))
    if kind == "plain":
        depth, columns = random.randint(1, budget), 1
    elif kind == "planes":
        depth = 1
    rows = 1 if kind == "plain" else random.randint(1, max(1, min(9, budget // depth // columns)))
    blocks = -(-depth // lanes)
    row_bytes = columns * depth
    column_stride = 0
    row_stride = row_bytes
    if kind == "strided":
        column_stride = depth + random.randint(0, 5)
        row_stride = columns * column_stride + random.randint(0, 5)
    elif kind == "rows":
        row_stride += random.randint(0, 9)
    extent = (rows - 1) * row_stride + (columns - 1) * (column_stride or depth) + depth
    if extent > size:
        # Padding between pixels and rows made it too long.
        return random_transfer(random, lanes=lanes, words=words, size=size, budget=budget)
    # Words: blocks apart, or side by side; rows in a ring that may be entered anywhere.
    ring_words = rows * columns + random.randint(1, 9)
    ring_start = random.randint(0, 16)
    start = random.randrange(ring_words - columns * (rows == 1) + (rows == 1))
    stride = columns
    # A row never straddles the end of its ring.
    ring_words -= ring_words % columns
    start -= start % columns
    start %= ring_words
    if stride >= ring_words:
        ring_words = stride + columns
    block_stride = ring_words + random.randint(0, 3)
    assert ring_start + blocks * block_stride + ring_words < words
    return {
        "window": random.randrange(4),
        "dram_offset": random.randint(0, size - extent),
        "dram_row_stride": row_stride,
        "dram_column_stride": column_stride,
        "row_bytes": row_bytes,
        "rows": rows,
        "columns": columns,
        "depth": depth,
        "address": ring_start + start,
        "row_stride": stride,
        "block_stride": block_stride,
        "ring_start": ring_start,
        "ring_words": ring_words,
    }
