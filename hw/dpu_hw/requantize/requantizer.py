# SPDX-License-Identifier: Apache-2.0
"""Requantizer: as many values a cycle as it has lanes."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from dpu_hw.requantize.lane import RequantizerLane
from dpu_hw.requantize.layouts import output_layout, requantizer_input, requantizer_output
from dpu_spec.isa import MODE_DIVIDE

__all__ = ["Requantizer"]


class Requantizer(wiring.Component):
    """Scale int32 accumulators to int8, exactly as ``scale()`` of :mod:`dpu_spec.isa`.

    The pipeline moves as one: it stands still while a result waits to be taken, so :py:`i.ready`
    depends on :py:`o.ready`. Registers of stages that hold nothing don't toggle.

    Parameters
    ----------
    lanes : :class:`int`
        Values handled each cycle. Each costs four 18x18 multipliers.
    tag_shape : shape-like
        What travels along with each item.
    divide : :class:`bool`
        Have the mode that divides. Without it every mode is TFLite's.

    Members
    -------
    i : :py:`In(stream.Signature(requantizer_input(lanes, tag_shape)))`
        Accumulators with their scales.
    o : :py:`Out(stream.Signature(requantizer_output(lanes, tag_shape)))`
        Results, :attr:`latency` cycles later, in order.
    """

    latency = RequantizerLane.latency

    def __init__(self, *, lanes, tag_shape, divide=False):
        if not isinstance(lanes, int) or lanes <= 0:
            raise TypeError(f"Lane count must be a positive integer, not {lanes!r}")
        self._lanes = lanes
        self._tag_shape = tag_shape
        self._divide = bool(divide)
        super().__init__(
            {
                "i": In(stream.Signature(requantizer_input(lanes, tag_shape))),
                "o": Out(stream.Signature(requantizer_output(lanes, tag_shape))),
            }
        )

    @property
    def lanes(self):
        """Values handled each cycle."""
        return self._lanes

    @property
    def tag_shape(self):
        """Shape of the tag."""
        return self._tag_shape

    @property
    def divide(self):
        """Whether it has the mode that divides."""
        return self._divide

    def elaborate(self, platform):
        m = Module()

        advance = Signal()
        valid = Signal(self.latency)
        enable = Signal(self.latency)
        m.d.comb += [
            self.o.valid.eq(valid[-1]),
            advance.eq(~self.o.valid | self.o.ready),
            self.i.ready.eq(advance),
            enable.eq(Cat(self.i.valid, valid[:-1]) & advance.replicate(self.latency)),
        ]
        with m.If(advance):
            m.d.sync += valid.eq(Cat(self.i.valid, valid[:-1]))

        # outputs[k] and divide_mode[k] belong to what stage k is about to take.
        outputs = [self.i.p.output]
        tag = self.i.p.tag
        for index in range(self.latency):
            next_tag = Signal(self._tag_shape, name=f"tag_{index}", reset_less=True)
            with m.If(enable[index]):
                m.d.sync += next_tag.eq(tag)
            tag = next_tag
            if index < self.latency - 1:
                output = Signal(output_layout(), name=f"output_{index}", reset_less=True)
                with m.If(enable[index]):
                    m.d.sync += output.eq(outputs[-1])
                outputs.append(output)
        m.d.comb += self.o.p.tag.eq(tag)
        divide_mode = Cat(output.mode == MODE_DIVIDE for output in outputs)

        for index in range(self._lanes):
            m.submodules[f"lane_{index}"] = lane = RequantizerLane(divide=self._divide)
            m.d.comb += [
                lane.enable.eq(enable),
                lane.acc.eq(self.i.p.acc[index]),
                lane.bias.eq(self.i.p.scale.bias[index]),
                lane.multiplier.eq(self.i.p.scale.multiplier[index]),
                lane.shift.eq(self.i.p.scale.shift[index]),
                lane.zero_point.eq(outputs[7].zero_point),
                lane.minimum.eq(outputs[8].minimum),
                lane.maximum.eq(outputs[8].maximum),
                self.o.p.data[index].eq(lane.o),
            ]
            if self._divide:
                m.d.comb += lane.divide_mode.eq(divide_mode)
        return m
