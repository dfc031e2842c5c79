# SPDX-License-Identifier: Apache-2.0
"""From the accumulators to the scratchpad."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from dpu_hw.conv.accumulator_reader import AccumulatorReader
from dpu_hw.conv.accumulators import word_address_layout
from dpu_hw.conv.output_walker import DRAIN_TAG, OutputWalker
from dpu_hw.conv.parameter_buffer import ParameterBuffer
from dpu_hw.conv.scale_requests import ScaleRequests
from dpu_hw.layouts import instruction_bits, instruction_layout
from dpu_hw.ports import BufferWriteSignature, WritePortSignature
from dpu_hw.requantize import ScaleLoader, WordRequantizer
from dpu_spec.instruction import Engine
from dpu_spec.isa import DRAIN

__all__ = ["Drain"]


class Drain(wiring.Component):
    """Run DRAIN: requantize accumulators and write them, a word every ``lanes`` /
    ``conv_requantizers`` cycles.

    Parameters
    ----------
    configuration : :class:`dpu_spec.configuration.Configuration`
        Sizes.

    Members
    -------
    instruction : :py:`In(stream.Signature(instruction_bits(Engine.DRAIN)))`
        Instructions; the next one's scales are read while one is in progress.
    request : :py:`Out(stream.Signature(word_address_layout(...)))`
        To the accumulators.
    word : :py:`In(data.ArrayLayout(signed(32), lanes))`
        From the accumulators.
    load_parameters : :py:`In(BufferWriteSignature(lanes=lanes))`
        Into the parameter buffer.
    write : :py:`Out(WritePortSignature(lanes=lanes))`
        To the scratchpad.
    done : :py:`Out(1)`
        An instruction's last word is written in this cycle.
    """

    def __init__(self, *, configuration):
        self._configuration = configuration
        lanes = configuration.lanes
        super().__init__(
            {
                "instruction": In(stream.Signature(instruction_bits(Engine.DRAIN))),
                "request": Out(
                    stream.Signature(
                        word_address_layout(
                            configuration.column_blocks, configuration.accumulator_depth
                        )
                    )
                ),
                "word": In(data.ArrayLayout(signed(32), lanes)),
                "load_parameters": In(BufferWriteSignature(lanes=lanes)),
                "write": Out(WritePortSignature(lanes=lanes)),
                "done": Out(1),
            }
        )

    @property
    def configuration(self):
        """Sizes."""
        return self._configuration

    def elaborate(self, platform):
        m = Module()
        config = self._configuration
        lanes = config.lanes
        connect, flipped = wiring.connect, wiring.flipped

        m.submodules.walker = walker = OutputWalker()
        m.submodules.reader = reader = AccumulatorReader(
            lanes=lanes,
            columns=config.columns,
            accumulator_depth=config.accumulator_depth,
            slow=lanes >= 4 * config.conv_requantizers,
        )
        m.submodules.parameters = parameters = ParameterBuffer(
            lanes=lanes, words=config.conv_parameter_words
        )
        address_bits = exact_log2(config.conv_parameter_words)
        m.submodules.requests = requests = ScaleRequests(address_bits=address_bits)
        m.submodules.scales = scales = ScaleLoader(lanes=lanes, address_bits=address_bits)
        m.submodules.requantizer = requantizer = WordRequantizer(
            lanes=lanes, requantizers=config.conv_requantizers, tag_shape=DRAIN_TAG
        )

        # An instruction waits in a register until both its words and its scales are asked for.
        present, walked, requested = Signal(), Signal(), Signal()
        instruction = Signal(instruction_layout(DRAIN))
        walks, requests_ = Signal(), Signal()
        m.d.comb += [
            walker.i.valid.eq(present & ~walked),
            walker.i.payload.eq(instruction),
            requests.i.valid.eq(present & ~requested),
            requests.i.payload.eq(instruction),
            walks.eq(walked | walker.i.ready),
            requests_.eq(requested | requests.i.ready),
            self.instruction.ready.eq(~present | (walks & requests_)),
        ]
        m.d.sync += [walked.eq(present & walks), requested.eq(present & requests_)]
        # Readiness comes late, so that it enables the register by itself.
        with m.If(self.instruction.ready):
            m.d.sync += [
                walked.eq(0),
                requested.eq(0),
                present.eq(self.instruction.valid),
                Value.cast(instruction).eq(self.instruction.payload),
            ]

        connect(m, requests.o, scales.request)
        connect(m, walker.o, reader.i)
        connect(m, reader.request, flipped(self.request))
        connect(m, flipped(self.load_parameters), parameters.write)
        m.d.comb += [
            parameters.address.eq(scales.address),
            scales.data.eq(parameters.data),
            reader.word.eq(self.word),
            reader.leaves.eq(requantizer.leaves),
        ]

        # Each word meets the scales of its block; the last one lets them go.
        m.d.comb += [
            requantizer.i.valid.eq(reader.o.valid & scales.scale.valid),
            requantizer.i.p.acc.eq(reader.o.p.acc),
            requantizer.i.p.scale.eq(scales.scale.payload),
            requantizer.i.p.output.eq(reader.o.p.output),
            requantizer.i.p.tag.eq(reader.o.p.tag),
            reader.o.ready.eq(requantizer.i.ready & scales.scale.valid),
            scales.scale.ready.eq(requantizer.i.ready & reader.o.valid & reader.o.p.block_end),
        ]

        request = self.write.request
        m.d.comb += [
            request.valid.eq(requantizer.o.valid),
            request.p.address.eq(requantizer.o.p.tag.address),
            request.p.data.eq(requantizer.o.p.data),
            requantizer.o.ready.eq(request.ready),
            self.done.eq(request.valid & request.ready & requantizer.o.p.tag.last),
        ]
        return m
