# SPDX-License-Identifier: Apache-2.0
"""Which fault to report."""

from functools import reduce
from operator import or_

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from dpu_hw.control.layouts import ENGINE_BITS, ENGINES, INDEX_BITS, fault_layout
from dpu_spec.instruction import Engine
from dpu_spec.registers import Error

__all__ = ["Faults"]


class Faults(wiring.Component):
    """Choose one of the faults of a cycle, and name its engine and instruction.

    Members
    -------
    index : :py:`In(INDEX_BITS).array(ENGINES)`
        The instruction in each decoder.
    check_failed, opcode_failed : :py:`In(ENGINES)`
        An instruction is corrupt, or not for its engine.
    fetch_outside, fetch_error : :py:`In(1)`
        A fetch would leave the program window; its data came with an error.
    outside_engine, error_engine : :py:`In(ENGINE_BITS)`
        Whose fetch those were.
    load_outside, load_error, store_outside, store_error : :py:`In(1)`
        A transfer would leave its window; the memory answered with an error.
    load_inside, load_arrived, store_inside, store_completed : :py:`In(INDEX_BITS)`
        Instructions before the one that would leave its window, and before the one in error.
    fault : :py:`Out(fault_layout())`
        The chosen fault, two cycles later.
    """

    index: In(INDEX_BITS).array(ENGINES)
    check_failed: In(ENGINES)
    opcode_failed: In(ENGINES)
    fetch_outside: In(1)
    fetch_error: In(1)
    outside_engine: In(ENGINE_BITS)
    error_engine: In(ENGINE_BITS)
    load_outside: In(1)
    load_error: In(1)
    store_outside: In(1)
    store_error: In(1)
    load_inside: In(INDEX_BITS)
    load_arrived: In(INDEX_BITS)
    store_inside: In(INDEX_BITS)
    store_completed: In(INDEX_BITS)
    fault: Out(fault_layout())

    def elaborate(self, platform):
        m = Module()
        fetching = Signal(ENGINE_BITS)
        m.d.comb += fetching.eq(Mux(self.fetch_outside, self.outside_engine, self.error_engine))
        # What happened, to whom, and, where it isn't the one in the decoder, to which instruction.
        sources = []
        for flags, code in (
            (self.check_failed, Error.CHECK),
            (self.opcode_failed, Error.OPCODE),
        ):
            sources += [(flags[e], code, e, None) for e in Engine]
        sources += [
            (self.fetch_outside, Error.WINDOW, fetching, None),
            (self.load_outside, Error.WINDOW, Engine.LOAD, self.load_inside),
            (self.store_outside, Error.WINDOW, Engine.STORE, self.store_inside),
            (self.fetch_error, Error.READ, fetching, None),
            (self.load_error, Error.READ, Engine.LOAD, self.load_arrived),
            (self.store_error, Error.WRITE, Engine.STORE, self.store_completed),
        ]
        # First which of them it is, then what it says: its index holds still.
        chosen = Signal(len(sources))
        flags = Cat(flag for flag, *_ in sources)
        m.d.sync += chosen.eq(flags & -flags)
        indices = []
        for e in Engine:
            mine = Signal(name=f"index_of_{e.name.lower()}")
            m.d.comb += mine.eq(
                reduce(
                    or_,
                    (
                        chosen[i] & (engine == e)
                        for i, (_, _, engine, index) in enumerate(sources)
                        if index is None
                    ),
                )
            )
            indices.append((mine, self.index[e]))
        indices += [
            (chosen[i], index) for i, (*_, index) in enumerate(sources) if index is not None
        ]
        m.d.sync += [
            self.fault.code.eq(_one_of(zip(chosen, [s[1] for s in sources], strict=True))),
            self.fault.engine.eq(_one_of(zip(chosen, [s[2] for s in sources], strict=True))),
            self.fault.instruction.eq(_one_of(indices)),
        ]
        return m


def _one_of(pairs):
    """Return the value whose bit is set, of at most one, or zero."""
    return reduce(or_, (Mux(bit, value, 0) for bit, value in pairs))
