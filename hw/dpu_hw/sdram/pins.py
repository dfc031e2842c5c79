# SPDX-License-Identifier: Apache-2.0
"""The pins of an SDR SDRAM, and the commands on them."""

import enum

from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["ALL_BANKS", "BURST_CODES", "Command", "SdramSignature", "mode_register"]

#: Address bit of PRECHARGE that means all banks.
ALL_BANKS = 1 << 10
#: Code of a burst length in the mode register.
BURST_CODES = {1: 0, 2: 1, 4: 2, 8: 3}


class Command(enum.IntEnum):
    """Bit 2: RAS, bit 1: CAS, bit 0: WE, each 1 when asserted."""

    NOP = 0b000
    PRECHARGE = 0b101
    REFRESH = 0b110
    MODE = 0b111
    ACTIVATE = 0b100
    READ = 0b010
    WRITE = 0b011


def mode_register(burst, cas):
    """Return the mode register for sequential bursts, of reads and writes alike."""
    return BURST_CODES[burst] | cas << 4


class SdramSignature(wiring.Signature):
    """All pins but the clock, from the controller's side.

    Control pins are 1 when asserted, as in the resources of amaranth-boards, whose active-low pins
    invert them: a pin like WE# is the inverse of :py:`we`. Outputs come from registers, and
    :py:`dq_i` goes into one.

    Parameters
    ----------
    chip : :class:`~dpu_hw.sdram.chip.SdramChip`

    Members
    -------
    cke, cs, ras, cas, we : :py:`Out(1)`
        Clock enable, chip select, command.
    ba : :py:`Out(chip.bank_bits)`
    a : :py:`Out(...)`
        Row, column or mode.
    dqm : :py:`Out(2)`
        1: don't write (or drive) that byte.
    dq_o, dq_i : :py:`Out(16)`, :py:`In(16)`
    dq_oe : :py:`Out(1)`
        Drive :py:`dq_o`.
    """

    def __init__(self, chip):
        super().__init__(
            {
                "cke": Out(1),
                "cs": Out(1),
                "ras": Out(1),
                "cas": Out(1),
                "we": Out(1),
                "ba": Out(chip.bank_bits),
                "a": Out(max(chip.row_bits, 11)),
                "dqm": Out(2),
                "dq_o": Out(16),
                "dq_oe": Out(1),
                "dq_i": In(16),
            }
        )
