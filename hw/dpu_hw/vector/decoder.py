# SPDX-License-Identifier: Apache-2.0
"""Instructions taken apart for the parts of the vector unit."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from dpu_hw.layouts import instruction_bits, instruction_layout
from dpu_hw.vector.layouts import OPERATION, PIXELS, SCALING, WINDOW, Operation
from dpu_spec.instruction import Engine
from dpu_spec.isa import ACCUMULATE, ADD, MAXIMUM, MODE_TFLITE, MULTIPLY, TABLE

__all__ = ["Decoder"]


class Decoder(wiring.Component):
    """Take an instruction apart and give each part of the unit its piece, once.

    The next instruction is taken as soon as every part has its piece of the one before, so that the
    readers run ahead of the writer. An instruction takes at least :attr:`latency` cycles.

    Members
    -------
    instruction : :py:`In(stream.Signature(instruction_bits(Engine.VECTOR)))`
        From the dispatcher.
    window : :py:`Out(stream.Signature(WINDOW))`
        For the addresses of operand a.
    operand : :py:`Out(stream.Signature(PIXELS))`
        For the addresses of operand b.
    output : :py:`Out(stream.Signature(PIXELS))`
        For the addresses of the output.
    operation : :py:`Out(stream.Signature(OPERATION))`
        For the lanes.
    scaling : :py:`Out(stream.Signature(SCALING))`
        For the requantizer.
    """

    #: Cycles from a valid instruction to its pieces.
    latency = 3

    instruction: In(stream.Signature(instruction_bits(Engine.VECTOR)))
    window: Out(stream.Signature(WINDOW))
    operand: Out(stream.Signature(PIXELS))
    output: Out(stream.Signature(PIXELS))
    operation: Out(stream.Signature(OPERATION))
    scaling: Out(stream.Signature(SCALING))

    def elaborate(self, platform):
        m = Module()

        # All formats of this engine have the same fields in the same places.
        layout = instruction_layout(ADD)
        raw = Signal(layout)
        m.d.comb += raw.eq(self.instruction.payload[: Shape.cast(layout).width])

        # The payload holds until the transfer, so that stride_y * row_stride may take its time.
        low = Signal(18, reset_less=True)
        high = Signal(18, reset_less=True)
        step = Signal(16, reset_less=True)
        prepared = Signal(2)

        def times(bit):
            return Mux(raw.stride_y[bit], raw.row_stride, 0)

        m.d.sync += [
            low.eq(times(0) + (times(1) << 1)),
            high.eq(times(2) + (times(3) << 1)),
            step.eq(low + (high << 2)),
        ]

        names = ("window", "operand", "output", "operation", "scaling")
        outputs = [getattr(self, name) for name in names]
        free = Signal()
        # Their readiness comes late, so it isn't looked at.
        m.d.comb += free.eq(~Cat(o.valid for o in outputs).any())
        for o in outputs:
            with m.If(o.ready):
                m.d.sync += o.valid.eq(0)
        pieces = [
            Signal(o.payload.shape(), name=f"{name}_piece", reset_less=True)
            for name, o in zip(names, outputs, strict=True)
        ]
        m.d.comb += [o.payload.eq(piece) for o, piece in zip(outputs, pieces, strict=True)]

        take = Signal()
        m.d.comb += [
            take.eq(self.instruction.valid & (prepared == self.latency - 1) & free),
            self.instruction.ready.eq(take),
        ]
        with m.If(take | ~self.instruction.valid):
            m.d.sync += prepared.eq(0)
        with m.Elif(prepared != self.latency - 1):
            m.d.sync += prepared.eq(prepared + 1)
        with m.If(take):
            m.d.sync += [o.valid.eq(1) for o in outputs]
            m.d.sync += self._pieces(raw, step, *pieces)
            self._kind(m, raw, *pieces[-2:])

        return m

    @staticmethod
    def _pieces(raw, step, window, operand, output, operation, scaling):
        def view(ring, prefix):
            field = {name: raw[prefix + name] for name in ("row_stride", "ring_start")}
            return [
                ring.offset.eq(raw[prefix + "address"] - field["ring_start"]),
                ring.start.eq(field["ring_start"]),
                ring.row_stride.eq(field["row_stride"]),
                ring.row_wrap.eq(field["row_stride"] - raw[prefix + "ring_words"]),
                ring.block_stride.eq(raw[prefix + "block_stride"]),
            ]

        return [
            view(window.ring, ""),
            view(operand.ring, "b_"),
            view(output.ring, "out_"),
            [
                piece.extent[name].eq(raw[name])
                for piece in (window, operand, output)
                for name in ("rows", "columns", "blocks")
            ],
            window.step.eq(step),
            window.step_wrap.eq(step - raw.ring_words),
            [
                window[name].eq(raw[name])
                for name in ("kernel_h", "kernel_w", "stride_y", "stride_x", "y0", "x0")
            ],
            [window[name].eq(raw[name]) for name in ("height", "width", "repeat_y", "repeat_x")],
            operand.column_stride.eq(raw.b_column_stride),
            operand.used.eq(raw.opcode.matches(ADD.opcode, MULTIPLY.opcode)),
            output.column_stride.eq(1),
            output.used.eq(1),
            operation.slot.eq(raw.slot),
            operation.border.eq(raw.border),
            operation.zero_a.eq(raw.bias[0:8]),
            operation.zero_b.eq(raw.bias[8:16]),
            [scaling[name].eq(raw[name]) for name in ("bias", "multiplier", "shift", "mode")],
            scaling.zero_point.eq(raw.out_zero_point),
            [scaling[name].eq(raw[name]) for name in ("minimum", "maximum")],
        ]

    @staticmethod
    def _kind(m, raw, operation, scaling):
        """What depends on the opcode; later assignments override those of :meth:`_pieces`."""
        with m.Switch(raw.opcode):
            for format in (ADD, MULTIPLY, ACCUMULATE, MAXIMUM, TABLE):
                with m.Case(format.opcode):
                    m.d.sync += operation.operation.eq(Operation[format.name])
        with m.If(raw.opcode == MULTIPLY.opcode):
            m.d.sync += scaling.bias.eq(0)
        # What needs no scale takes one that changes nothing, (2 * acc * 2**30 + 2**30) >> 31, so
        # that all results go one way and keep their order.
        with m.If(raw.opcode.matches(MAXIMUM.opcode, TABLE.opcode)):
            m.d.sync += [
                scaling.bias.eq(0),
                scaling.multiplier.eq(1 << 30),
                scaling.shift.eq(1),
                scaling.zero_point.eq(0),
                scaling.mode.eq(MODE_TFLITE),
            ]
        with m.If(raw.opcode == TABLE.opcode):
            m.d.sync += [scaling.minimum.eq(-128), scaling.maximum.eq(127)]
