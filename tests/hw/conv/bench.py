# SPDX-License-Identifier: Apache-2.0
"""A behavioural scratchpad and dispatcher around a conv engine."""

import random

import numpy as np
from amaranth.sim import Simulator

from dpu_hw.conv import ConvEngine
from dpu_hw.ports import READ_LATENCY
from dpu_spec.configuration import Configuration
from dpu_spec.isa import CONV, encode


def configuration(lanes, blocks=1, requantizers=None, patch_reader=1):
    return Configuration(
        lanes=lanes,
        columns=lanes * blocks,
        scratchpad_words=512,
        weight_words=32 * lanes * blocks,
        accumulator_depth=128,
        conv_parameter_words=128,
        conv_requantizers=requantizers or lanes,
        patch_reader=patch_reader,
        array_logic_multipliers=lanes + 1,
        depthwise_logic_multipliers=0,
        vector_lanes=4,
        depthwise_lanes=4,
        depthwise_requantizers=4,
    )


class _Exposed(ConvEngine):
    """An engine whose accumulators can be looked into."""

    def elaborate(self, platform):
        m = super().elaborate(platform)
        self.banks = m.submodules.accumulators.banks
        return m


_simulators = {}


def _simulator(configuration, bench):
    """Return the engine and a simulator that runs ``bench``; both are made only once."""
    if configuration not in _simulators:
        running = {}

        async def run(ctx):
            await running["bench"]._run(ctx)

        dut = _Exposed(configuration=configuration)
        sim = Simulator(dut)
        sim.add_clock(1e-6)
        sim.add_testbench(run)
        _simulators[configuration] = dut, sim, running
    else:
        _simulators[configuration][1].reset()
    dut, sim, running = _simulators[configuration]
    running["bench"] = bench
    return dut, sim


def pack(values):
    return sum((int(v) & 255) << 8 * n for n, v in enumerate(values))


def unpack(word, lanes):
    return [((word >> 8 * n & 255) ^ 128) - 128 for n in range(lanes)]


class Bench:
    """Run instructions on an engine.

    ``conv`` and ``drain`` are lists of instructions; ``after[id(instruction)]`` is how many
    instructions of the other list must be done before it is offered. ``refuse`` is the probability
    of a refused access, ``pause`` that of a cycle without an instruction to take.
    """

    def __init__(self, model, *, conv=(), drain=(), after=None, refuse=0.0, pause=0.0, seed=0):
        self.model = model
        self.conv, self.drain = list(conv), list(drain)
        self.after = after or {}
        self.refuse, self.pause = refuse, pause
        self.random = random.Random(seed)
        self.written = model.scratchpad.copy()
        self.parameters = {}
        self.conv_done, self.drain_done, self.writes, self.reads = [], [], [], []
        self.wait_bank = 0

    def run(self, limit=20000):
        self.limit = limit
        self.dut, sim = _simulator(self.model.configuration, self)
        sim.run()
        return self

    async def _load(self, ctx):
        """Write the weights and scales that are used."""
        c, dut = self.model.configuration, self.dut
        rows = set()
        for v in self.conv:
            passes = v.blocks * v.kernel_h * v.kernel_w if v.format is CONV else 1
            rows |= set(range(v.weights, v.weights + passes * c.lanes))
        weights = self.model.weights.reshape(-1, c.lanes)
        blocks = c.column_blocks
        words = {row * blocks + b: weights[row * blocks + b] for row in rows for b in range(blocks)}
        for port, content in (
            (dut.load_weights, words),
            (dut.load_parameters, self.parameters),
        ):
            ctx.set(port.valid, 1)
            for address, word in content.items():
                ctx.set(port.payload.as_value(), pack(word) << 16 | address)
                await ctx.tick()
            ctx.set(port.valid, 0)

    def _chance(self, probability):
        return probability and self.random.random() < probability

    async def _run(self, ctx):
        await self._load(ctx)
        dut, lanes = self.dut, self.model.configuration.lanes
        engines = (
            (dut.conv, self.conv, self.conv_done, self.drain_done),
            (dut.drain, self.drain, self.drain_done, self.conv_done),
        )
        sent = [0, 0]
        ports = len(dut.read)
        on_way = [[None] * READ_LATENCY for _ in range(ports)]
        sampled = [dut.write.request.valid, dut.write.request.p.as_value()]
        for port in dut.read:
            sampled += [port.request.valid, port.request.payload]
        for engine, *_ in engines:
            sampled += [engine.instruction.valid, engine.instruction.ready, engine.done]
            sampled += [engine.busy, engine.wait_bank]
        held = [False, False]
        last_request = [None] * ports
        cycle = 0
        while any(len(done) < len(todo) for _, todo, done, _ in engines):
            cycle += 1
            assert cycle < self.limit, "the engine hangs"
            for e, (engine, todo, _, others) in enumerate(engines):
                offer = sent[e] < len(todo) and (
                    held[e]
                    or (
                        len(others) >= self.after.get(id(todo[sent[e]]), 0)
                        and not self._chance(self.pause)
                    )
                )
                ctx.set(engine.instruction.valid, offer)
                if offer:
                    ctx.set(
                        engine.instruction.payload,
                        int.from_bytes(encode(todo[sent[e]]), "little"),
                    )
            ready = [not self._chance(self.refuse) for _ in range(ports)]
            write_ready = not self._chance(self.refuse)
            for n, port in enumerate(dut.read):
                ctx.set(port.request.ready, ready[n])
                word = on_way[n].pop(0)
                if word is None:
                    word = self.random.getrandbits(8 * lanes)
                ctx.set(port.data.as_value(), word)
            ctx.set(dut.write.request.ready, write_ready)
            _, _, w_valid, w_payload, *rest = await ctx.tick().sample(*sampled)
            reads, states = rest[: 2 * ports], rest[2 * ports :]
            refused = False
            for n in range(ports):
                valid, address = reads[2 * n : 2 * n + 2]
                # A request that was refused stays as it is.
                if last_request[n] is not None:
                    assert valid
                    assert address == last_request[n]
                last_request[n] = address if valid and not ready[n] else None
                refused |= valid and not ready[n]
                if valid and ready[n]:
                    self.reads.append((cycle, n))
                    # Segments of border pixels may read words behind the row.
                    on_way[n].append(pack(self.written[address % len(self.written)]))
                else:
                    on_way[n].append(None)
            assert states[4] == refused
            self.wait_bank += refused
            if w_valid and write_ready:
                self.written[w_payload & 0xFFFF] = unpack(w_payload >> 16, lanes)
                self.writes.append(cycle)
            for e, (_, todo, done, _) in enumerate(engines):
                valid, accepted, finished, busy, _ = states[5 * e : 5 * e + 5]
                assert bool(busy) == (sent[e] > len(done))
                held[e] = bool(valid and not accepted)
                sent[e] += valid and accepted
                if finished:
                    done.append(cycle)
                    assert len(done) <= len(todo)
        # What `done` says is readable in the next cycle is in the memory now.
        self._look(ctx)

    def _look(self, ctx):
        """Read the accumulators."""
        c = self.model.configuration
        values = []
        for pixel in range(c.accumulator_depth):
            word = ctx.get(self.dut.banks[pixel % 2].data[pixel // 2])
            values.append([word >> 32 * n & 0xFFFFFFFF for n in range(c.columns)])
        self.accumulators = np.array(values, np.uint32).astype(np.int32)
