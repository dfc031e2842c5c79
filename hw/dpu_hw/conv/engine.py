# SPDX-License-Identifier: Apache-2.0
"""The conv engine and its drain."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from dpu_hw.conv.accumulators import Accumulators
from dpu_hw.conv.convolution import Convolution
from dpu_hw.conv.drain import Drain
from dpu_hw.conv.layouts import read_ports
from dpu_hw.ports import (
    BufferWriteSignature,
    EngineSignature,
    ReadPortSignature,
    WritePortSignature,
)
from dpu_spec.instruction import Engine

__all__ = ["ConvEngine"]


class ConvEngine(wiring.Component):
    """Convolutions in a systolic array, and the drain that requantizes their sums.

    A pass takes max(pixels, lanes) cycles, and the next follows without a bubble, across
    instructions too.

    Parameters
    ----------
    configuration : :class:`dpu_spec.configuration.Configuration`
        Sizes.

    Members
    -------
    conv : :py:`In(EngineSignature(Engine.CONV))`
        CONV and CONV_PATCH.
    drain : :py:`In(EngineSignature(Engine.DRAIN))`
        DRAIN. Its reads are ordered with the convolutions by tokens only.
    read : :py:`Out(ReadPortSignature(lanes=lanes)).array(read_ports(configuration))`
        The scratchpad. CONV uses port 0; the segments of CONV_PATCH ports 1, 2 and 0.
    write : :py:`Out(WritePortSignature(lanes=lanes))`
        The scratchpad.
    load_weights : :py:`In(BufferWriteSignature(lanes=lanes))`
        Weights from the load engine.
    load_parameters : :py:`In(BufferWriteSignature(lanes=lanes))`
        The drain's parameters from the load engine.
    """

    def __init__(self, *, configuration):
        self._configuration = configuration
        lanes = configuration.lanes
        super().__init__(
            {
                "conv": In(EngineSignature(Engine.CONV)),
                "drain": In(EngineSignature(Engine.DRAIN)),
                "read": Out(ReadPortSignature(lanes=lanes)).array(read_ports(configuration)),
                "write": Out(WritePortSignature(lanes=lanes)),
                "load_weights": In(BufferWriteSignature(lanes=lanes)),
                "load_parameters": In(BufferWriteSignature(lanes=lanes)),
            }
        )

    @property
    def configuration(self):
        """Sizes."""
        return self._configuration

    def elaborate(self, platform):
        m = Module()
        config = self._configuration
        connect, flipped = wiring.connect, wiring.flipped
        m.submodules.convolution = convolution = Convolution(configuration=config)
        m.submodules.accumulators = accumulators = Accumulators(
            lanes=config.lanes, columns=config.columns, depth=config.accumulator_depth
        )
        m.submodules.drain = drain = Drain(configuration=config)

        connect(m, flipped(self.conv.instruction), convolution.instruction)
        connect(m, flipped(self.load_weights), convolution.load_weights)
        for inner, read in zip(convolution.read, self.read, strict=True):
            connect(m, inner, flipped(read))
        m.d.comb += [
            accumulators.valid.eq(convolution.valid),
            accumulators.clear.eq(convolution.tag.clear),
            accumulators.address.eq(convolution.tag.accumulator),
            accumulators.sums.eq(convolution.sums),
        ]
        connect(m, flipped(self.drain.instruction), drain.instruction)
        connect(m, flipped(self.load_parameters), drain.load_parameters)
        connect(m, drain.request, accumulators.read)
        connect(m, drain.write, flipped(self.write))
        m.d.comb += drain.word.eq(accumulators.word)

        done = convolution.valid & convolution.tag.done
        for n in range(Accumulators.write_latency):
            stage = Signal(name=f"done_{n}")
            m.d.sync += stage.eq(done)
            done = stage
        m.d.comb += [self.conv.done.eq(done), self.drain.done.eq(drain.done)]

        for name, engine in (("conv", self.conv), ("drain", self.drain)):
            # More instructions than this never fit in the pipeline.
            inside = Signal(6, name=f"{name}_instructions")
            # Readiness comes late, so that an instruction is counted a cycle after it is here.
            accepted = Signal(name=f"{name}_accepted")
            m.d.sync += [
                accepted.eq(engine.instruction.valid & engine.instruction.ready),
                inside.eq(inside + accepted - engine.done),
            ]
            m.d.comb += engine.busy.eq(accepted | (inside != 0))

        requests = [read.request for read in self.read]
        m.d.comb += [
            self.conv.wait_bank.eq(
                Cat(request.valid & ~request.ready for request in requests).any()
            ),
            self.drain.wait_bank.eq(self.write.request.valid & ~self.write.request.ready),
            self.drain.wait_memory.eq(drain.request.valid & ~drain.request.ready),
        ]
        return m
