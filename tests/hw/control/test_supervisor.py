# SPDX-License-Identifier: Apache-2.0
"""The start and the end of a run."""

import pytest
from amaranth.sim import Simulator

from dpu_hw.control.faults import Faults
from dpu_hw.control.supervisor import DEADLOCK_CYCLES, Supervisor
from dpu_spec.instruction import Engine
from dpu_spec.registers import BY_NAME, Error

STATUS = BY_NAME["STATUS"]
ALL = 0b111111


def simulate(dut, main):
    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(main)
    simulator.run()


async def pulse(ctx, signal):
    ctx.set(signal, 1)
    await ctx.tick()
    ctx.set(signal, 0)


def status(ctx, dut):
    value = ctx.get(dut.status)
    return {bits.name: bits.get(value) for bits in STATUS.bits}


async def begin(ctx, dut):
    """Start a run in which every engine has work."""
    for name, value in {"empty": 0, "idle": 0, "waiting": 0, "running": ALL}.items():
        ctx.set(getattr(dut, name), value)
    ctx.set(dut.bus_idle, 1)
    ctx.set(dut.interrupt_enable, 1)
    assert ctx.get(dut.reset_next) == 1
    ctx.set(dut.start, 1)
    assert ctx.get(dut.clear) == 1
    assert ctx.get(dut.reset_next) == 0
    await ctx.tick()
    ctx.set(dut.start, 0)
    assert ctx.get(dut.clear) == 0
    assert ctx.get(dut.reset_next) == 0
    assert status(ctx, dut) | {"error_engine": 0} == dict.fromkeys(status(ctx, dut), 0) | {
        "busy": 1
    }


async def until_end(ctx, dut, limit=20):
    """Return after how many cycles the run was over."""
    for cycle in range(limit):
        if not ctx.get(dut.busy):
            assert ctx.get(dut.reset_next)
            return cycle
        await ctx.tick()
    raise AssertionError("the run doesn't end")


def test_run_ends_when_everything_is_idle():
    dut = Supervisor()

    async def main(ctx):
        for _ in range(2):
            await begin(ctx, dut)
            # Each alone is not enough.
            everything = {"empty": ALL, "idle": ALL, "bus_idle": 1}
            for missing in everything:
                for name, value in everything.items():
                    ctx.set(getattr(dut, name), 0 if name == missing else value)
                await ctx.tick().repeat(10)
                assert ctx.get(dut.busy)
                assert not ctx.get(dut.interrupt)
            for name, value in everything.items():
                ctx.set(getattr(dut, name), value)
            assert await until_end(ctx, dut) <= 6
            assert status(ctx, dut)["done"] == 1
            assert status(ctx, dut)["error"] == 0
            assert status(ctx, dut)["error_engine"] == 15
            assert ctx.get(dut.interrupt)
        await pulse(ctx, dut.clear_interrupt)
        assert not ctx.get(dut.interrupt)
        assert status(ctx, dut)["done"] == 1

    simulate(dut, main)


def test_interrupt_is_shown_only_when_enabled():
    dut = Supervisor()

    async def main(ctx):
        await begin(ctx, dut)
        ctx.set(dut.interrupt_enable, 0)
        ctx.set(dut.empty, ALL)
        ctx.set(dut.idle, ALL)
        await until_end(ctx, dut)
        assert not ctx.get(dut.interrupt)
        ctx.set(dut.interrupt_enable, 1)
        assert ctx.get(dut.interrupt)

    simulate(dut, main)


def test_start_during_a_run_is_noted_and_ignored():
    dut = Supervisor()

    async def main(ctx):
        await begin(ctx, dut)
        ctx.set(dut.start, 1)
        assert not ctx.get(dut.clear)
        await ctx.tick()
        ctx.set(dut.start, 0)
        assert status(ctx, dut)["start_ignored"] == 1
        assert not ctx.get(dut.reset_next)
        ctx.set(dut.empty, ALL)
        ctx.set(dut.idle, ALL)
        await until_end(ctx, dut)
        assert status(ctx, dut)["start_ignored"] == 1
        await pulse(ctx, dut.clear_interrupt)
        assert status(ctx, dut)["start_ignored"] == 0
        # A start takes it back, too.
        await begin(ctx, dut)

    simulate(dut, main)


def test_first_fault_wins_and_the_bus_is_finished():
    dut = Supervisor()

    async def main(ctx):
        await begin(ctx, dut)
        ctx.set(dut.bus_idle, 0)
        ctx.set(dut.fault, {"code": Error.READ, "engine": 2, "instruction": 77})
        await ctx.tick()
        assert ctx.get(dut.stop)
        ctx.set(dut.fault, {"code": Error.CHECK, "engine": 1, "instruction": 5})
        await ctx.tick().repeat(50)
        assert ctx.get(dut.busy)
        assert not ctx.get(dut.reset_next)
        ctx.set(dut.bus_idle, 1)
        await until_end(ctx, dut)
        ctx.set(dut.fault, {"code": 0, "engine": 0, "instruction": 0})
        got = status(ctx, dut)
        assert (got["error"], got["error_engine"], got["error_instruction"]) == (Error.READ, 2, 77)
        assert got["done"] == 1
        assert ctx.get(dut.interrupt)
        await begin(ctx, dut)
        assert not ctx.get(dut.stop)

    simulate(dut, main)


def test_late_fault_is_still_seen():
    """An error of the last burst comes some cycles after everything is idle."""
    dut = Supervisor()

    async def main(ctx):
        await begin(ctx, dut)
        ctx.set(dut.empty, ALL)
        ctx.set(dut.idle, ALL)
        await ctx.tick().repeat(3)
        ctx.set(dut.fault, {"code": Error.WRITE, "engine": 5, "instruction": 1})
        await until_end(ctx, dut)
        assert status(ctx, dut)["error"] == Error.WRITE

    simulate(dut, main)


def test_abort():
    dut = Supervisor()

    async def main(ctx):
        # Without a run it does nothing.
        await pulse(ctx, dut.abort)
        await ctx.tick().repeat(3)
        assert ctx.get(dut.status) == status_of(error_engine=15)
        await begin(ctx, dut)
        await pulse(ctx, dut.abort)
        await until_end(ctx, dut)
        got = status(ctx, dut)
        assert (got["error"], got["error_engine"], got["error_instruction"]) == (Error.ABORT, 15, 0)

    simulate(dut, main)


def status_of(**values):
    """Return a value of STATUS."""
    return sum(STATUS.field(name).put(value) for name, value in values.items())


@pytest.mark.parametrize("moving", [None, "running", "bus_idle", "idle"])
def test_deadlock(moving):
    dut = Supervisor()

    async def main(ctx):
        await begin(ctx, dut)
        waiting = (1 << Engine.DRAIN) | (1 << Engine.STORE)
        ctx.set(dut.waiting, waiting)
        ctx.set(dut.running, 0)
        ctx.set(dut.empty, ALL & ~waiting)
        ctx.set(dut.idle, ALL & ~waiting)
        ctx.set(dut.index[Engine.DRAIN], 9)
        if moving == "running":
            ctx.set(dut.running, 1)
        elif moving == "bus_idle":
            ctx.set(dut.bus_idle, 0)
        elif moving == "idle":
            # An engine that neither waits nor is done, as while it is fetched for.
            ctx.set(dut.idle, ALL & ~waiting & ~1)
        await ctx.tick().repeat(DEADLOCK_CYCLES - 2)
        assert not ctx.get(dut.stop)
        await ctx.tick().repeat(2 * DEADLOCK_CYCLES)
        if moving is not None:
            assert ctx.get(dut.busy)
            return
        got = status(ctx, dut)
        assert (got["busy"], got["done"], got["error"]) == (0, 1, Error.DEADLOCK)
        assert (got["error_engine"], got["error_instruction"]) == (Engine.DRAIN, 9)

    simulate(dut, main)


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ({}, (Error.NONE, None, None)),
        ({"check_failed": 0b001000}, (Error.CHECK, 3, 103)),
        ({"opcode_failed": 0b100000}, (Error.OPCODE, 5, 105)),
        ({"fetch_outside": 1}, (Error.WINDOW, 4, 104)),
        ({"fetch_error": 1}, (Error.READ, 1, 101)),
        ({"load_outside": 1}, (Error.WINDOW, 0, 11)),
        ({"load_error": 1}, (Error.READ, 0, 12)),
        ({"store_outside": 1}, (Error.WINDOW, 5, 13)),
        ({"store_error": 1}, (Error.WRITE, 5, 14)),
        ({"store_error": 1, "load_error": 1, "check_failed": 0b110}, (Error.CHECK, 1, 101)),
        ({"store_error": 1, "load_outside": 1}, (Error.WINDOW, 0, 11)),
    ],
)
def test_faults_name_engine_and_instruction(inputs, expected):
    dut = Faults()

    async def main(ctx):
        for engine in Engine:
            ctx.set(dut.index[engine], 100 + engine)
        ctx.set(dut.outside_engine, 4)
        ctx.set(dut.error_engine, 1)
        for name, value in zip(
            ("load_inside", "load_arrived", "store_inside", "store_completed"),
            (11, 12, 13, 14),
            strict=True,
        ):
            ctx.set(getattr(dut, name), value)
        for name, value in inputs.items():
            ctx.set(getattr(dut, name), value)
        await ctx.tick().repeat(2)
        fault = ctx.get(dut.fault)
        assert fault.code == expected[0]
        if expected[0]:
            assert (fault.engine, fault.instruction) == expected[1:]

    simulate(dut, main)
