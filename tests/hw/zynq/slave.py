# SPDX-License-Identifier: Apache-2.0
"""A behavioural AXI3 slave that checks the rules of the bus as it goes."""

import random
from collections import deque

from dpu_hw.axi import Response


def _start(words, width):
    """Check a request's address, length, size, burst, cache, lock and identifier."""
    address, length, size, burst, cache, lock, identifier = words
    assert address % width == 0
    assert 1 << size == width
    assert (burst, cache, lock, identifier) == (1, 3, 0, 0)
    assert address // 4096 == (address + (length + 1) * width - 1) // 4096, "crosses 4 KiB"
    return address, length + 1


class Held:
    """What a master offers must stay until it is taken."""

    def __init__(self):
        self._offered = None

    def check(self, valid, ready, words):
        """Check a cycle; tell whether something passes."""
        if self._offered is not None:
            assert valid, "valid fell"
            assert words == self._offered, "the payload changed"
        self._offered = words if valid and not ready else None
        return valid and ready


class Axi3Slave:
    """Serve one AXI3 port in a testbench.

    Parameters
    ----------
    port
        The master's interface.
    data
        The memory, which several slaves may share.
    bad
        For each multiple of 128 bytes whose bursts are answered with an error, the error.
    bad_words
        For each multiple of 8 bytes that is read with an error, the error.
    stall
        Probability that a channel holds back in a cycle.
    latency
        Range of cycles from a request to its answer.
    early
        Take write data ahead of its address.
    """

    def __init__(self, port, *, width, data, bad, bad_words, stall, latency, early, seed):
        self.port, self.width, self.data = port, width, data
        self.bad, self.bad_words = bad, bad_words
        self.stall, self.latency, self.early = stall, latency, early
        self.random = random.Random(seed)
        self.beats = {"read": 0, "write": 0}
        self.chunks = {"read": [], "write": []}

    def _go(self):
        return self.random.random() >= self.stall

    def _request(self, prefix):
        names = ("addr", "len", "size", "burst", "cache", "lock", "id")
        return [getattr(self.port, prefix + name) for name in names]

    def _response(self, address):
        return self.bad.get(address // 128, Response.OKAY)

    async def read_side(self, ctx):
        """Answer reads; a background testbench."""
        port, held, queue = self.port, Held(), deque()
        cycle = beat = 0
        valid = False
        while True:
            cycle += 1
            ctx.set(port.arready, self._go())
            if not valid and queue and queue[0][2] <= cycle and self._go():
                start, beats, _ = queue[0]
                at = start + beat * self.width
                response = max(self._response(start), self.bad_words.get(at // 8, Response.OKAY))
                word = b"\xee" * self.width if response else self.data[at : at + self.width]
                ctx.set(port.rdata, int.from_bytes(word, "little"))
                ctx.set(port.rresp, response)
                ctx.set(port.rlast, beat == beats - 1)
                valid = True
            ctx.set(port.rvalid, valid)
            _, _, arvalid, arready, rready, *words = await ctx.tick().sample(
                port.arvalid, port.arready, port.rready, *self._request("ar")
            )
            if held.check(arvalid, arready, words):
                start, beats = _start(words, self.width)
                self.chunks["read"].append(start)
                queue.append((start, beats, cycle + self.random.randint(*self.latency)))
            if valid and rready:
                valid = False
                self.beats["read"] += 1
                beat += 1
                if beat == queue[0][1]:
                    beat = 0
                    queue.popleft()

    async def write_side(self, ctx):
        """Answer writes; a background testbench."""
        port, held_address, held_data = self.port, Held(), Held()
        addresses, words, answers = deque(), deque(), deque()
        cycle = 0
        valid = False
        while True:
            cycle += 1
            ctx.set(port.awready, self._go())
            ctx.set(port.wready, (self.early or len(addresses) > 0) and self._go())
            if not valid and answers and answers[0][1] <= cycle and self._go():
                ctx.set(port.bresp, answers[0][0])
                valid = True
            ctx.set(port.bvalid, valid)
            sampled = await ctx.tick().sample(
                *(port.awvalid, port.awready, port.wvalid, port.wready, port.bready),
                *(port.wdata, port.wstrb, port.wlast, port.wid),
                *self._request("aw"),
            )
            awvalid, awready, wvalid, wready, bready = sampled[2:7]
            if valid and bready:
                valid = False
                answers.popleft()
            if held_address.check(awvalid, awready, sampled[11:]):
                addresses.append(_start(sampled[11:], self.width))
                self.chunks["write"].append(addresses[-1][0])
            if held_data.check(wvalid, wready, sampled[7:11]):
                self.beats["write"] += 1
                words.append(sampled[7:11])
            if addresses and len(words) >= addresses[0][1]:
                start, beats = addresses.popleft()
                response = self._response(start)
                for beat in range(beats):
                    data, strobe, last, identifier = words.popleft()
                    assert last == (beat == beats - 1)
                    assert identifier == 0
                    self._store(start + beat * self.width, data, strobe, response)
                answers.append((response, cycle + self.random.randint(*self.latency)))

    def _store(self, at, data, strobe, response):
        for i in range(self.width):
            if strobe >> i & 1 and not response:
                self.data[at + i] = data >> 8 * i & 255
