# SPDX-License-Identifier: Apache-2.0
"""A component beside its portable description, with stimuli and a comparison in hardware.

Millions of operands take seconds that way, where a bench that sets each would take hours.
"""

from amaranth.hdl import Cat, Fragment, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

#: Bits of a random number that are drawn for a value, and those that make it an extreme.
_DRAWN, _KIND = 60, 4


class Comparison(wiring.Component):
    """Give two components the same inputs and compare their outputs in each cycle.

    Parameters
    ----------
    device, reference
        Components of the same signature. The reference is elaborated for no family.
    every
        Go through all values of these inputs, the first fastest, while the others are 0, and
        ``enable`` is 1. Without, all inputs are random, with extremes more frequent than chance
        would have them.
    cycles
        How many, if they are random.

    Members
    -------
    seed : In(64)
        Of the random numbers; not 0.
    done : Out(1)
        It is over.
    wrong : Out(1)
        They differed at least once.
    cycle : Out(32)
        When they first did: in the cycle after that of value ``cycle - 1`` of all values.
    """

    def __init__(self, device, reference, *, every=(), cycles=1 << 20):
        self._device = device
        self._reference = reference
        self._every = every
        self._cycles = cycles
        super().__init__({"seed": In(64), "done": Out(1), "wrong": Out(1), "cycle": Out(32)})

    @staticmethod
    def _leaves(component, flow):
        """Return signals of a component by their paths."""
        leaves = component.signature.flatten(component)
        return {path: Value.cast(value) for path, member, value in leaves if member.flow is flow}

    def _random(self, m, width, number):
        """Return a random value."""
        words = []
        for word in range(-(-width // _DRAWN)):
            # Xorshift (Marsaglia): all 64 bits are new in each cycle.
            state = Signal(64, init=1, name=f"state_{number}_{word}")
            started = Signal(name=f"started_{number}_{word}")
            constant = 0x9E3779B97F4A7C15 * (8 * number + word + 1) & (1 << 64) - 1
            x = Mux(started, state, self.seed ^ constant)
            x = (x ^ (x << 13))[:64]
            x = x ^ (x >> 7)
            x = (x ^ (x << 17))[:64]
            m.d.sync += [state.eq(x), started.eq(1)]
            words.append(state)
        drawn = Cat(word[:_DRAWN] for word in words)[:width]
        if width == 1:
            return drawn
        kind = words[0][-_KIND:]
        extreme = 1 << (width - 1)
        return Mux(kind[1:] != 0, drawn, Mux(kind[0], extreme, ~extreme))

    def elaborate(self, platform):
        m = Module()
        m.submodules.device = self._device
        m.submodules.reference = Fragment.get(self._reference, None)
        inputs = [self._leaves(c, In) for c in (self._device, self._reference)]
        outputs = [self._leaves(c, Out) for c in (self._device, self._reference)]

        cycles = self._cycles
        if self._every:
            cycles = 1 << sum(len(inputs[0][(name,)]) for name in self._every)
        with m.If(~self.done & ~self.wrong):
            m.d.sync += self.cycle.eq(self.cycle + 1)
        m.d.comb += self.done.eq(self.wrong | (self.cycle == cycles + 1))

        values = {("enable",): 1}
        if self._every:
            place = 0
            for name in self._every:
                width = len(inputs[0][(name,)])
                values[(name,)] = self.cycle[place : place + width]
                place += width
        else:
            for number, (path, value) in enumerate(inputs[0].items()):
                values[path] = self._random(m, len(value), number)
        for leaves in inputs:
            m.d.comb += [value.eq(values.get(path, 0)) for path, value in leaves.items()]
        differ = Cat(value != outputs[1][path] for path, value in outputs[0].items())
        with m.If(~self.done & differ.any()):
            m.d.sync += self.wrong.eq(1)
        return m
