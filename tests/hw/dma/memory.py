# SPDX-License-Identifier: Apache-2.0
"""A behavioural AXI4 memory that checks the rules of the bus as it goes."""

import random
from collections import deque

from dpu_hw.axi import Response


class AxiMemory:
    """Serve one AXI4 port (or its read or write half) in a testbench.

    Parameters
    ----------
    axi
        The master's interface.
    data_bytes
        Width of the bus.
    size
        Bytes of memory, from address ``base`` on.
    stall
        Probability that a channel holds back in a cycle.
    latency
        Range of cycles from a request to its answer.
    """

    def __init__(self, axi, *, data_bytes, size, base=0, stall=0.0, latency=(1, 1), seed=0):
        self.axi = axi
        self.width = data_bytes
        self.base = base
        self.data = bytearray(size)
        self.stall = stall
        self.latency = latency
        self.random = random.Random(seed)
        # Addresses whose bursts are answered with an error.
        self.bad_reads = set()
        self.bad_writes = set()
        self.reads = []
        self.writes = []
        self.touched = set()
        self.read_beats = 0
        self.write_beats = 0
        self.cycle = 0
        # The cycle of each beat of read data, and of each of write data.
        self.read_times = []
        self.write_times = []

    def _go(self):
        return self.random.random() >= self.stall

    def _check(self, address, length, size, burst, cache):
        beats = length + 1
        assert 1 << size == self.width
        assert burst == 1
        assert cache == 3
        start = address - address % self.width
        assert start // 4096 == (start + beats * self.width - 1) // 4096, "crosses 4 KiB"
        assert start >= self.base
        assert start + beats * self.width <= self.base + len(self.data)
        return start, beats

    async def read_side(self, ctx):
        """Answer read requests; a background testbench."""
        axi = self.axi
        queue = deque()
        held = None
        beat = 0
        valid = False
        while True:
            self.cycle += 1
            ctx.set(axi.arready, self._go())
            if not valid and queue and queue[0][2] <= self.cycle and self._go():
                start, beats, _ = queue[0]
                at = start + beat * self.width - self.base
                bad = start in self.bad_reads
                word = b"\xee" * self.width if bad else self.data[at : at + self.width]
                ctx.set(axi.rdata, int.from_bytes(word, "little"))
                ctx.set(axi.rresp, Response.SLVERR if bad else Response.OKAY)
                ctx.set(axi.rlast, beat == beats - 1)
                valid = True
            ctx.set(axi.rvalid, valid)
            request = (axi.araddr, axi.arlen, axi.arsize, axi.arburst, axi.arcache)
            values = await ctx.tick().sample(axi.arvalid, axi.arready, axi.rready, *request)
            arvalid, arready, rready, *now = values[2:]
            if held is not None:
                assert arvalid
                assert now == held
            held = now if arvalid and not arready else None
            if arvalid and arready:
                start, beats = self._check(*now)
                self.reads.append((start, beats))
                queue.append((start, beats, self.cycle + self.random.randint(*self.latency)))
            if valid and rready:
                valid = False
                self.read_beats += 1
                self.read_times.append(self.cycle)
                beat += 1
                if beat == queue[0][1]:
                    beat = 0
                    queue.popleft()

    async def write_side(self, ctx):
        """Answer write requests; a background testbench."""
        axi = self.axi
        addresses = deque()
        answers = deque()
        held = [None, None]
        beat = 0
        bvalid = False
        cycle = 0
        while True:
            cycle += 1
            ctx.set(axi.awready, self._go())
            ctx.set(axi.wready, bool(addresses) and self._go())
            if not bvalid and answers and answers[0][1] <= cycle and self._go():
                ctx.set(axi.bresp, answers[0][0])
                bvalid = True
            ctx.set(axi.bvalid, bvalid)
            request = (axi.awaddr, axi.awlen, axi.awsize, axi.awburst, axi.awcache)
            word = (axi.wdata, axi.wstrb, axi.wlast)
            values = await ctx.tick().sample(
                axi.awvalid, axi.awready, axi.wvalid, axi.wready, axi.bready, *request, *word
            )
            awvalid, awready, wvalid, wready, bready, *rest = values[2:]
            for index, (up, taken, now) in enumerate(
                ((awvalid, awready, rest[:5]), (wvalid, wready, rest[5:]))
            ):
                if held[index] is not None:
                    assert up
                    assert now == held[index]
                held[index] = now if up and not taken else None
            if bvalid and bready:
                bvalid = False
                answers.popleft()
            if wvalid and wready:
                start, beats = addresses[0]
                strobes = rest[6]
                self.write_beats += 1
                self.write_times.append(cycle)
                for i in range(self.width):
                    if strobes >> i & 1 and start not in self.bad_writes:
                        at = start + beat * self.width + i
                        assert at not in self.touched, "written twice"
                        self.touched.add(at)
                        self.data[at - self.base] = rest[5] >> 8 * i & 255
                beat += 1
                assert rest[7] == (beat == beats)
                if beat == beats:
                    beat = 0
                    addresses.popleft()
                    bad = start in self.bad_writes
                    wait = self.random.randint(*self.latency)
                    answers.append((Response.DECERR if bad else Response.OKAY, cycle + wait))
            if awvalid and awready:
                start, beats = self._check(*rest[:5])
                self.writes.append((start, beats))
                addresses.append((start, beats))
