# SPDX-License-Identifier: Apache-2.0
"""The start and the end of a run."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from dpu_hw.control.layouts import ENGINES, INDEX_BITS, NO_ENGINE, fault_layout
from dpu_spec.registers import BY_NAME, Error

__all__ = ["DEADLOCK_CYCLES", "Supervisor"]

#: Cycles without any activity after which engines that still wait are said to wait for ever.
DEADLOCK_CYCLES = 64


class Supervisor(wiring.Component):
    """Start a run, notice how it ends, and stop the machine.

    While no run is on, everything but this and the registers is in reset. A run ends well when
    every stream has ended and every engine is idle. It ends badly with the first fault: the bus
    masters then finish what is in flight, and only afterwards the run is over.

    Members
    -------
    start, abort, clear_interrupt : :py:`In(1)`
        What the host does.
    interrupt_enable : :py:`In(1)`
        Show the interrupt.
    fault : :py:`In(fault_layout())`
        The most important fault of this cycle; the code is zero where there is none.
    empty, idle, waiting : :py:`In(ENGINES)`
        For each engine: nothing of its stream is left to fetch or to decode; nothing is in the
        engine or its decoder; its decoder waits for a token.
    running : :py:`In(ENGINES)`
        The engine has work.
    index : :py:`In(INDEX_BITS).array(ENGINES)`
        The instruction in each decoder.
    bus_idle : :py:`In(1)`
        Nothing is in flight on the bus.
    reset_next : :py:`Out(1)`
        Reset the engines, the fetch and the bus masters in the next cycle: from the end of a run to
        the start of the next, and before the first.
    stop : :py:`Out(1)`
        Begin no further bursts.
    busy : :py:`Out(1)`
        A run is on.
    clear : :py:`Out(1)`
        Pulse: a run begins.
    status : :py:`Out(32)`
        Value of STATUS.
    interrupt : :py:`Out(1)`
        A run has ended.
    """

    def __init__(self):
        super().__init__(
            {
                "start": In(1),
                "abort": In(1),
                "clear_interrupt": In(1),
                "interrupt_enable": In(1),
                "fault": In(fault_layout()),
                "empty": In(ENGINES),
                "idle": In(ENGINES),
                "waiting": In(ENGINES),
                "running": In(ENGINES),
                "index": In(INDEX_BITS).array(ENGINES),
                "bus_idle": In(1),
                "reset_next": Out(1),
                "stop": Out(1),
                "busy": Out(1),
                "clear": Out(1),
                "status": Out(32),
                "interrupt": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        done = Signal()
        ignored = Signal()
        pending = Signal()
        kept = Signal(fault_layout(), init={"engine": NO_ENGINE})

        status = BY_NAME["STATUS"]
        values = {
            "busy": self.busy,
            "done": done,
            "start_ignored": ignored,
            "error": kept.code,
            "error_engine": kept.engine,
            "error_instruction": kept.instruction,
        }
        for bits in status.bits:
            part = self.status[bits.offset : bits.offset + bits.width]
            m.d.comb += part.eq(values[bits.name])
        m.d.comb += self.interrupt.eq(pending & self.interrupt_enable)
        reset = Signal(init=1)
        m.d.comb += self.reset_next.eq(reset)
        m.d.sync += reset.eq(self.reset_next)

        # The end is believed when it has lasted: an error of the last burst may still be under way.
        empty, idle, quiet = Signal(), Signal(), Signal()
        ended = Signal(3)
        all_idle = empty & idle & quiet
        # Every engine waits for a token or has nothing to do, and one waits: nothing will change.
        stuck = Signal(range(DEADLOCK_CYCLES + 1))
        waiting = Signal(ENGINES)
        resting = Signal(ENGINES)
        working = Signal()
        hopeless = waiting.any() & resting.all() & ~working
        # The first that waits. Everything holds still for long before it is asked for.
        deadlock = Signal(fault_layout())
        m.d.sync += deadlock.code.eq(Error.DEADLOCK)
        for engine in reversed(range(ENGINES)):
            with m.If(waiting[engine]):
                m.d.sync += [
                    deadlock.engine.eq(engine),
                    deadlock.instruction.eq(self.index[engine]),
                ]
        fault = Signal(fault_layout())
        m.d.comb += fault.eq(self.fault)
        with m.If(self.fault.code == Error.NONE):
            with m.If(stuck == DEADLOCK_CYCLES):
                m.d.comb += fault.eq(deadlock)
            with m.Elif(self.abort):
                m.d.comb += [fault.code.eq(Error.ABORT), fault.engine.eq(NO_ENGINE)]
                m.d.comb += fault.instruction.eq(0)

        with m.If(self.clear_interrupt):
            m.d.sync += [pending.eq(0), ignored.eq(0)]
        with m.If(self.start & self.busy):
            m.d.sync += ignored.eq(1)
        with m.FSM():
            with m.State("IDLE"):
                with m.If(self.start):
                    m.d.comb += [self.clear.eq(1), self.reset_next.eq(0)]
                    m.d.sync += [
                        self.busy.eq(1),
                        self.stop.eq(0),
                        done.eq(0),
                        pending.eq(0),
                        ignored.eq(0),
                        kept.code.eq(Error.NONE),
                        kept.engine.eq(NO_ENGINE),
                        kept.instruction.eq(0),
                        empty.eq(0),
                        ended.eq(0),
                        waiting.eq(0),
                        stuck.eq(0),
                    ]
                    m.next = "RUN"
            with m.State("RUN"):
                m.d.sync += [
                    empty.eq(self.empty.all()),
                    idle.eq(self.idle.all()),
                    quiet.eq(self.bus_idle),
                    ended.eq(Cat(all_idle, ended[:-1] & all_idle.replicate(2))),
                    waiting.eq(self.waiting),
                    resting.eq(self.waiting | (self.empty & self.idle)),
                    working.eq(self.running.any() | ~self.bus_idle),
                    stuck.eq(Mux(hopeless, stuck + 1, 0)),
                ]
                with m.If(fault.code != Error.NONE):
                    m.d.sync += [kept.eq(fault), self.stop.eq(1)]
                    m.next = "STOP"
                with m.Elif(all_idle & ended[-1]):
                    m.next = "END"
            with m.State("STOP"):
                # The bus masters see the stop in this cycle and may have begun a burst in the last.
                m.next = "FINISH"
            with m.State("FINISH"):
                with m.If(self.bus_idle):
                    m.next = "END"
            with m.State("END"):
                m.d.comb += self.reset_next.eq(1)
                m.d.sync += [self.busy.eq(0), done.eq(1), pending.eq(1)]
                m.next = "IDLE"
        return m
