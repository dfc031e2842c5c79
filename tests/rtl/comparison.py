# SPDX-License-Identifier: Apache-2.0
"""A component beside its portable description, with stimuli and a comparison in hardware.

Millions of operands take seconds that way, where a bench that sets each would take hours.
"""

from amaranth.hdl import C, Cat, Fragment, Module, Mux, Shape, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out


class Comparison(wiring.Component):
    """Give two components the same operands and compare what they hold in each cycle.

    Parameters
    ----------
    device, reference
        Components with members ``enable``, inputs, and ``o``. The reference is elaborated for no
        family.
    inputs
        Names of the inputs.
    every
        Go through all values of all inputs, always enabled. Else they are random, with extremes
        more frequent than chance would have them, and enabled half of the time.
    cycles
        How many, if not every.

    Members
    -------
    seed : In(64)
        Of the random numbers; not 0. Taken while in reset.
    done : Out(1)
        It is over.
    wrong : Out(1)
        They differed at least once.
    operands : Out
        What was multiplied then, the first input lowest.
    """

    def __init__(self, device, reference, inputs, *, every, cycles=1 << 20):
        self._device = device
        self._reference = reference
        self._shapes = {name: Shape.cast(device.signature.members[name].shape) for name in inputs}
        self._width = sum(shape.width for shape in self._shapes.values())
        self._every = every
        self._cycles = 1 << self._width if every else cycles
        super().__init__(
            {
                "seed": In(64),
                "done": Out(1),
                "wrong": Out(1),
                "operands": Out(self._width),
            }
        )

    def _random(self, m):
        """Return operands and an enable."""
        # Xorshift (Marsaglia): all 64 bits are new in each cycle.
        state = Signal(64, init=1)
        started = Signal()
        x = Mux(started, state, self.seed)
        x = (x ^ (x << 13))[:64]
        x = x ^ (x >> 7)
        x = (x ^ (x << 17))[:64]
        m.d.sync += [state.eq(x), started.eq(1)]
        values, place = [], 0
        for shape in self._shapes.values():
            drawn = state[place : place + shape.width]
            kind = state[place + 1 + shape.width : place + 4 + shape.width]
            place += shape.width + 5
            top = C(1 << (shape.width - 1), shape.width)
            extreme = Mux(kind[0], top, ~top)
            values.append(Mux(kind[1:] == 0, extreme, drawn)[: shape.width])
        assert place < 64
        return Cat(*values), state[63]

    def elaborate(self, platform):
        m = Module()
        m.submodules.device = device = self._device
        m.submodules.reference = Fragment.get(self._reference, None)
        count = Signal(range(self._cycles + 2))
        operands, enable = (count[: self._width], C(1, 1)) if self._every else self._random(m)
        with m.If(~self.done):
            m.d.sync += count.eq(count + 1)
        m.d.comb += self.done.eq(count == self._cycles + 1)
        for component in (device, self._reference):
            m.d.comb += component.enable.eq(enable)
            place = 0
            for name, shape in self._shapes.items():
                value = operands[place : place + shape.width]
                m.d.comb += getattr(component, name).eq(value)
                place += shape.width
        last = Signal(self._width)
        known = Signal()
        with m.If(enable):
            m.d.sync += [known.eq(1), last.eq(operands)]
        differ = Cat(device.o) != Cat(self._reference.o)
        with m.If(known & ~self.wrong & differ):
            m.d.sync += [self.wrong.eq(1), self.operands.eq(last)]
        return m
