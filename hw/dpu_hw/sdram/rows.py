# SPDX-License-Identifier: Apache-2.0
"""Which row is opened or closed in the cycles that reads and writes leave."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from dpu_hw.sdram.layouts import candidate_layout

__all__ = ["CANDIDATES", "Rows"]

#: Rows that may be opened: of the present beat, the one after it, the other direction's.
CANDIDATES = 3


class Rows(wiring.Component):
    """Open the first of some rows that can be opened, closing another row for it if need be.

    No bank is touched that an earlier candidate needs. A command is chosen in one cycle and given
    in the next, unless a READ or WRITE comes first; then it is chosen anew. What is known of
    candidates is a cycle behind, so that none is chosen in a command's cycle and the one after.

    Parameters
    ----------
    shape : :class:`~dpu_hw.sdram.layouts.Shape`

    Members
    -------
    candidates : :py:`In(candidate_layout(shape)).array(CANDIDATES)`
        Rows, the most urgent first. READ and WRITE go to that one alone.
    may_activate, may_precharge : :py:`In(shape.banks)`
        Banks that may get the command.
    may_activate_any : :py:`In(1)`
        The last ACTIVATE of any bank was long enough ago.
    run : :py:`In(1)`
        A command may be given.
    column : :py:`In(1)`
        READ or WRITE has this cycle.
    activate, precharge : :py:`Out(1)`
        The command of this cycle.
    bank : :py:`Out(shape.chip.bank_bits)`
        Its bank.
    row : :py:`Out(shape.chip.row_bits)`
        The row to activate.
    """

    def __init__(self, *, shape):
        self._shape = shape
        super().__init__(
            {
                "candidates": In(candidate_layout(shape)).array(CANDIDATES),
                "may_activate": In(shape.banks),
                "may_precharge": In(shape.banks),
                "may_activate_any": In(1),
                "run": In(1),
                "column": In(1),
                "activate": Out(1),
                "precharge": Out(1),
                "bank": Out(shape.chip.bank_bits),
                "row": Out(shape.chip.row_bits),
            }
        )

    def elaborate(self, platform):
        m = Module()
        go = Signal()
        chosen = Signal()
        opens = Signal()
        settled = Signal()
        able = Signal(CANDIDATES)
        for index, candidate in enumerate(self.candidates):
            free = [
                ~earlier.valid | (earlier.bank != candidate.bank)
                for earlier in self.candidates[:index]
            ]
            may_activate = self.may_activate.bit_select(candidate.bank, 1) & self.may_activate_any
            may_precharge = self.may_precharge.bit_select(candidate.bank, 1)
            m.d.comb += able[index].eq(
                Cat(free).all()
                & ((candidate.closed & may_activate) | (candidate.miss & may_precharge))
            )
        for index in reversed(range(CANDIDATES)):
            candidate = self.candidates[index]
            # The last assignment wins: the first that is able.
            with m.If(able[index]):
                m.d.sync += [
                    self.bank.eq(candidate.bank),
                    self.row.eq(candidate.row),
                    opens.eq(candidate.closed),
                ]
        m.d.sync += [settled.eq(~go), chosen.eq(able.any() & settled & self.run & ~go)]
        m.d.comb += [
            go.eq(chosen & self.run & ~self.column),
            self.activate.eq(go & opens),
            self.precharge.eq(go & ~opens),
        ]
        return m
