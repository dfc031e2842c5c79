# SPDX-License-Identifier: Apache-2.0
"""A vector unit between a behavioural dispatcher, scratchpad and load engine."""

from dataclasses import dataclass, field

import numpy as np
from amaranth.sim import Simulator

from dpu_hw.ports import READ_LATENCY
from dpu_hw.vector import VectorUnit
from dpu_spec.configuration import Configuration
from dpu_spec.isa import encode

CASES = [(4, 4), (8, 4), (8, 8), (4, 1)]


def configuration(lanes, vector_lanes):
    return Configuration(
        lanes=lanes,
        columns=lanes,
        vector_lanes=vector_lanes,
        array_logic_multipliers=0,
        depthwise_logic_multipliers=0,
        conv_requantizers=4,
        depthwise_lanes=4,
        depthwise_requantizers=4,
    )


def pack(values, bits=8):
    return sum((int(v) & ((1 << bits) - 1)) << bits * n for n, v in enumerate(values))


def unpack(word, lanes):
    return [((word >> 8 * n & 255) + 128) % 256 - 128 for n in range(lanes)]


@dataclass
class Log:
    """What happened: cycles of each kind of event, and the writes."""

    accepted: list = field(default_factory=list)
    done: list = field(default_factory=list)
    writes: list = field(default_factory=list)
    write_cycles: list = field(default_factory=list)
    read_cycles: tuple = field(default_factory=lambda: ([], []))
    wait_bank: int = 0
    wait_memory: int = 0


class Bench:
    """Run instructions on a unit.

    Parameters
    ----------
    lanes, vector_lanes : :class:`int`
        Of the configuration.
    scratchpad : :class:`numpy.ndarray`
        What reads see; writes only change it with ``commit``.
    """

    def __init__(self, lanes, vector_lanes, scratchpad, commit=False):
        self.lanes = lanes
        self.scratchpad = scratchpad
        self.commit = commit
        self.dut = VectorUnit(configuration=configuration(lanes, vector_lanes))
        self.simulator = Simulator(self.dut)
        self.simulator.add_clock(1e-8)

    def table_writes(self, tables):
        """List the load engine's writes of both tables in both slots."""
        entries = self.lanes // 4
        flat = tables.reshape(-1)
        return [(n // entries, pack(flat[n : n + entries], 32)) for n in range(0, 1024, entries)]

    def run(self, instructions, *, loads=(), refuse=(0, 0, 0), gap=0.0, rng=None, in_turn=False):
        """Run all instructions and return the log.

        ``loads`` come first, one a cycle. ``refuse``: probability that each port refuses in a
        cycle; ``gap``: that the next instruction is not there yet. ``in_turn``: the next
        instruction only comes once the one before is done.
        """
        log = Log()
        rng = rng or np.random.default_rng(0)
        dut = self.dut
        requests = [port.request for port in dut.read]
        write = dut.write.request
        sampled = (
            dut.vector.instruction.ready,
            dut.vector.done,
            dut.vector.busy,
            dut.vector.wait_bank,
            dut.vector.wait_memory,
            *(s for r in requests for s in (r.valid, r.payload)),
            write.valid,
            write.payload.address,
            write.payload.data.as_value(),
        )

        async def testbench(ctx):
            waiting = [int.from_bytes(encode(i), "little") for i in instructions]
            pending_loads = list(loads)
            flights = [[None] * READ_LATENCY for _ in requests]
            offered = False
            ready = [0, 0, 0]
            held = [None, None, None]
            cycle = 0
            limit = 100000
            while len(log.done) < len(instructions):
                # Inputs of this cycle.
                turn = not in_turn or len(log.done) == len(log.accepted)
                if waiting and not pending_loads and turn and rng.random() >= gap:
                    ctx.set(dut.vector.instruction.payload, waiting[0])
                    offered = True
                ctx.set(dut.vector.instruction.valid, int(offered))
                for n, port in enumerate((*requests, write)):
                    value = int(rng.random() >= refuse[n])
                    if value != ready[n]:
                        ready[n] = value
                        ctx.set(port.ready, value)
                for n, port in enumerate(dut.read):
                    if (word := flights[n].pop(0)) is not None:
                        ctx.set(port.data.as_value(), word)
                    else:
                        ctx.set(port.data.as_value(), (1 << 8 * self.lanes) - 1)
                if pending_loads:
                    address, word = pending_loads.pop(0)
                    ctx.set(dut.load_table.payload.address, address)
                    ctx.set(dut.load_table.payload.data.as_value(), word)
                    ctx.set(dut.load_table.valid, 1)
                else:
                    ctx.set(dut.load_table.valid, 0)

                _, _, accept, done, busy, bank, memory, *ports = await ctx.tick().sample(*sampled)
                log.wait_bank += bank
                log.wait_memory += memory
                refused = False
                for n in (0, 1):
                    valid, address = ports[2 * n : 2 * n + 2]
                    assert held[n] is None or (valid and address == held[n])
                    held[n] = address if valid and not ready[n] else None
                    refused |= held[n] is not None
                    word = None
                    if valid and ready[n]:
                        word = pack(self.scratchpad[address])
                        log.read_cycles[n].append(cycle)
                    flights[n].append(word)
                valid, address, data = ports[4:]
                assert held[2] is None or (valid and (address, data) == held[2])
                held[2] = (address, data) if valid and not ready[2] else None
                refused |= held[2] is not None
                if valid and ready[2]:
                    log.writes.append((address, unpack(data, self.lanes)))
                    log.write_cycles.append(cycle)
                    if self.commit:
                        self.scratchpad[address] = log.writes[-1][1]
                assert bank == refused
                assert busy == (len(log.done) < len(log.accepted))
                if offered and accept:
                    log.accepted.append(cycle)
                    waiting.pop(0)
                    offered = False
                if done:
                    log.done.append(cycle)
                cycle += 1
                assert cycle < limit

        self.simulator.add_testbench(testbench)
        self.simulator.run()
        return log
