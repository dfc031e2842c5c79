# SPDX-License-Identifier: Apache-2.0
"""A behavioural SDR SDRAM that checks every rule of its data sheet, in nanoseconds."""

import random
from collections import Counter


class BrokenRule(AssertionError):
    """The controller broke a rule of the chip."""


class Bank:
    """One bank: its open row, and when what happened to it."""

    def __init__(self):
        self.row = None
        self.activated = self.precharged = -(1 << 40)
        # The first cycle in which a PRECHARGE neither cuts reads short nor follows writes too soon.
        self.read_end = -(1 << 40)
        self.write_end = -(1 << 40)


class SdramModel:
    """Sits at the pins of a controller.

    Parameters
    ----------
    pins
        The controller's pins.
    chip
        Geometry and times.
    clock_hertz
        The clock that chip and controller have in common.
    round_trip
        Cycles by which read data comes later than the chip gives it.
    """

    def __init__(self, pins, chip, clock_hertz, *, round_trip=0, seed=0):
        self.pins, self.chip = pins, chip
        self.period = 1e9 / clock_hertz
        self.round_trip = round_trip
        self.random = random.Random(seed)
        self.cycle = 0
        self.banks = [Bank() for _ in range(1 << chip.bank_bits)]
        self.cells = {}
        self.counts = Counter()
        self.burst = self.cas = None
        self.busy_until = 0.0, "the power-up time"
        self.start_up = []
        self.operating_since = None
        self.refreshed = None
        self.since_start = 0
        self.any_activated = -(1 << 40)
        self.column_end = 0
        # Words to come, by the cycle of the edge at which they are taken: from chip, to chip.
        self.outgoing = {}
        self.incoming = {}
        self.masked = {}

    def peek(self, address):
        """Return a byte of the memory, whatever never was written being 0."""
        column = address >> 1 & (1 << self.chip.column_bits) - 1
        above = address >> (1 + self.chip.column_bits)
        bank = above & len(self.banks) - 1
        word = self.cells.get((bank, above >> self.chip.bank_bits, column), 0)
        return word >> 8 * (address & 1) & 255

    def poke(self, address, value):
        """Set a byte of the memory."""
        column = address >> 1 & (1 << self.chip.column_bits) - 1
        above = address >> (1 + self.chip.column_bits)
        key = (above & len(self.banks) - 1, above >> self.chip.bank_bits, column)
        shift = 8 * (address & 1)
        self.cells[key] = self.cells.get(key, 0) & ~(255 << shift) | value << shift

    def rule(self, name, since, least, unit=None):
        """Raise if fewer than so many nanoseconds (or cycles) passed since a cycle."""
        passed = self.cycle - since
        if passed * (self.period if unit is None else 1) < least - 1e-3:
            raise BrokenRule(f"{name}: {passed} cycles of {self.period:g} ns, cycle {self.cycle}")

    def demand(self, condition, message):
        """Raise unless the condition holds."""
        if not condition:
            raise BrokenRule(f"{message}, cycle {self.cycle}")

    # Commands

    def activate(self, bank, row):
        """Open a row."""
        self.demand(bank.row is None, "ACTIVATE: the bank has an open row")
        self.demand(self.burst is not None, "ACTIVATE: the mode register was never set")
        self.rule("tRC", bank.activated, self.chip.rc)
        self.rule("tRP", bank.precharged, self.chip.rp)
        self.rule("tRRD", self.any_activated, self.chip.rrd)
        bank.row = row
        bank.activated = self.any_activated = self.cycle

    def precharge(self, bank):
        """Close a row."""
        if bank.row is None:
            return
        self.rule("tRAS", bank.activated, self.chip.ras)
        self.demand(self.cycle >= bank.read_end, "PRECHARGE cuts a read short")
        self.demand(self.cycle > bank.write_end, "PRECHARGE cuts a write short")
        self.rule("tWR", bank.write_end, self.chip.wr)
        self.rule("tWR", bank.write_end, self.chip.wr_cycles, "cycles")
        bank.row, bank.precharged = None, self.cycle

    def access(self, index, address, *, write):
        """Read or write a burst."""
        bank = self.banks[index]
        name = "WRITE" if write else "READ"
        self.demand(bank.row is not None, f"{name}: the bank has no open row")
        self.demand(not address >> self.chip.column_bits, f"{name}: the column doesn't exist")
        self.demand(self.cycle >= self.column_end, f"{name} cuts the burst before it short")
        self.rule("tRCD", bank.activated, self.chip.rcd)
        self.column_end = self.cycle + self.burst
        for k in range(self.burst):
            column = address & -self.burst | (address + k) & self.burst - 1
            cell = (index, bank.row, column)
            if write:
                self.incoming[self.cycle + k] = cell
                bank.write_end = self.cycle + self.burst - 1
            else:
                self.outgoing[self.cycle + self.cas + k] = cell
                bank.read_end = self.cycle + self.burst

    def refresh(self):
        """Refresh the next rows."""
        for bank in self.banks:
            self.demand(bank.row is None, "REFRESH: a bank has an open row")
            self.rule("tRP", bank.precharged, self.chip.rp)
            self.rule("tRC", bank.activated, self.chip.rc)
        self.busy_until = self.cycle + self.chip.rfc / self.period, "tRFC"
        self.refreshed = self.cycle
        self.since_start += 1

    def mode(self, bank, address):
        """Set the mode register."""
        self.demand(all(b.row is None for b in self.banks), "MODE: a bank has an open row")
        self.demand(bank == 0 and not address >> 7, "MODE: reserved bits are set")
        self.demand(not address & 8, "MODE: the burst is not sequential")
        code, cas = address & 7, address >> 4 & 7
        self.demand(code <= 3, "MODE: no burst length")
        least = {2: self.chip.cas2_period, 3: self.chip.cas3_period}.get(cas, 1e9)
        self.demand(self.period >= least - 1e-3, f"MODE: CAS latency {cas} at this clock")
        self.burst, self.cas = 1 << code, cas
        self.busy_until = self.cycle + self.chip.mrd_cycles, "tMRD"
        refreshes = self.chip.power_up_refreshes
        self.demand(
            self.start_up[:1] == ["PRECHARGE"] and self.start_up.count("REFRESH") >= refreshes,
            f"the start-up sequence was {self.start_up}",
        )
        self.operating_since, self.since_start = self.cycle, 0

    def obey(self, command, ba, address):
        """Take one command other than NOP."""
        until, name = self.busy_until
        if self.operating_since is None and not self.start_up:
            until, name = self.chip.power_up / self.period, "the power-up time"
        self.demand(self.cycle >= until - 1e-6, f"a command within {name}")
        names = {4: "ACTIVATE", 5: "PRECHARGE", 6: "REFRESH", 7: "MODE", 2: "READ", 3: "WRITE"}
        self.demand(command in names, "BURST TERMINATE is not meant")
        self.counts[names[command]] += 1
        if self.operating_since is None:
            self.start_up.append(names[command])
        all_banks = address >> 10 & 1
        if command == 4:
            self.activate(self.banks[ba], address)
        elif command == 5:
            for bank in self.banks if all_banks else [self.banks[ba]]:
                self.precharge(bank)
        elif command == 6:
            self.refresh()
        elif command == 7:
            self.mode(ba, address)
        else:
            self.demand(not all_banks, "automatic precharge is not meant")
            self.access(ba, address, write=command == 3)

    def check_refresh(self):
        """Raise if refreshes came too seldom."""
        if self.operating_since is None:
            return
        interval = self.chip.refresh_period / self.chip.refreshes / self.period
        due = (self.cycle - self.operating_since) / interval
        self.demand(self.since_start + 1 >= due - 1, "tREFI: too few refreshes")
        self.demand(self.cycle - self.refreshed <= 2 * interval, "tREFI: no refresh for too long")

    async def run(self, ctx):
        """Answer the pins; a background testbench."""
        pins = self.pins
        names = (pins.cke, pins.cs, pins.ras, pins.cas, pins.we, pins.ba, pins.a)
        while True:
            word = self.random.getrandbits(16)
            at = self.cycle - self.round_trip
            if at in self.outgoing:
                cell = self.outgoing[at]
                masked = self.masked.get(at, 0)
                good = sum(255 << 8 * lane for lane in range(2) if not masked >> lane & 1)
                word = word & ~good | self.cells.get(cell, 0) & good
            ctx.set(pins.dq_i, word)
            values = await ctx.tick().sample(*names, pins.dqm, pins.dq_o, pins.dq_oe)
            cke, cs, ras, cas, we, ba, address, dqm, dq, oe = values[2:]
            self.masked[self.cycle + 2] = dqm
            command = ras << 2 | cas << 1 | we
            if cs and command:
                self.demand(cke, "a command while CKE is low")
                self.obey(command, ba, address)
            cell = self.incoming.pop(self.cycle, None)
            self.demand(
                oe == (cell is not None),
                "the data pins are driven when they must not be, or the other way round",
            )
            if oe:
                # The chip lets go of the pins during the cycle after its last word.
                clash = {self.cycle, self.cycle - 1} & self.outgoing.keys()
                self.demand(not clash, "chip and controller drive the data pins")
                lanes = sum(255 << 8 * lane for lane in range(2) if not dqm >> lane & 1)
                self.cells[cell] = self.cells.get(cell, 0) & ~lanes | dq & lanes
            self.outgoing.pop(self.cycle - 8, None)
            self.masked.pop(self.cycle - 8, None)
            self.check_refresh()
            self.cycle += 1
