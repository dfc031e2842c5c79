# SPDX-License-Identifier: Apache-2.0
"""From instructions to sums: everything between the dispatcher and the accumulators."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from dpu_hw.conv.accumulators import Accumulators
from dpu_hw.conv.address import PixelWalker
from dpu_hw.conv.array import SystolicArray, sum_shape
from dpu_hw.conv.decoder import Decoder
from dpu_hw.conv.dispatch import Dispatch
from dpu_hw.conv.issue import Issue
from dpu_hw.conv.layouts import PIXEL_TAG, read_ports
from dpu_hw.conv.passes import PassGenerator
from dpu_hw.conv.patch import PatchReader
from dpu_hw.conv.patch_setup import PatchSetup
from dpu_hw.conv.port_share import PortShare
from dpu_hw.conv.reader import PixelReader
from dpu_hw.conv.weight_buffer import WeightBuffer
from dpu_hw.conv.weight_loader import WeightLoader
from dpu_hw.layouts import instruction_bits
from dpu_hw.ports import BufferWriteSignature, ReadPortSignature
from dpu_hw.queue import Queue
from dpu_spec.instruction import Engine

__all__ = ["Convolution"]


class Convolution(wiring.Component):
    """Run CONV and CONV_PATCH up to the sums that go into the accumulators.

    Without the parameter ``patch_reader`` only CONV comes, and is all that there is logic for.

    Parameters
    ----------
    configuration : :class:`dpu_spec.configuration.Configuration`
        Sizes.

    Members
    -------
    instruction : :py:`In(stream.Signature(instruction_bits(Engine.CONV)))`
        Instructions.
    read : :py:`Out(ReadPortSignature(lanes=lanes)).array(read_ports(configuration))`
        The scratchpad. CONV uses port 0; the segments of CONV_PATCH ports 1, 2 and 0.
    load_weights : :py:`In(BufferWriteSignature(lanes=lanes))`
        Into the weight buffer.
    valid : :py:`Out(1)`
        ``tag`` belongs to a pixel.
    tag : :py:`Out(PIXEL_TAG)`
        What goes with a pixel, ``Accumulators.lead`` cycles before its sums.
    sums : :py:`Out(data.ArrayLayout(sum_shape(lanes), columns))`
        Sums of a pixel.
    """

    #: Columns of the array that share an activation register.
    reach = 4
    #: Passes that are announced and not yet in the array.
    passes_ahead = 4

    def __init__(self, *, configuration):
        self._configuration = configuration
        lanes, columns = configuration.lanes, configuration.columns
        super().__init__(
            {
                "instruction": In(stream.Signature(instruction_bits(Engine.CONV))),
                "read": Out(ReadPortSignature(lanes=lanes)).array(read_ports(configuration)),
                "load_weights": In(BufferWriteSignature(lanes=lanes)),
                "valid": Out(1),
                "tag": Out(PIXEL_TAG),
                "sums": Out(data.ArrayLayout(sum_shape(lanes), columns)),
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

        # Instructions to passes.
        patches = {"patch_reader": bool(config.patch_reader)}
        m.submodules.decoder = decoder = Decoder(**patches)
        m.submodules.passes = passes = PassGenerator(lanes=lanes)
        m.submodules.dispatch = dispatch = Dispatch(lanes=lanes, **patches)
        connect(m, flipped(self.instruction), decoder.i)
        connect(m, decoder.conv, passes.i)
        connect(m, passes.o, dispatch.i_conv)

        # Passes to pixels.
        m.submodules.walker = walker = PixelWalker()
        m.submodules.reader = reader = PixelReader(lanes=lanes)
        connect(m, dispatch.o_conv, walker.i)
        connect(m, walker.o, reader.i)

        # Passes to weights.
        m.submodules.tiles = tiles = Queue(shape=unsigned(16), depth=self.passes_ahead)
        m.submodules.order = order = Queue(shape=unsigned(1), depth=self.passes_ahead)
        m.submodules.weights = weights = WeightBuffer(
            lanes=lanes, columns=config.columns, rows=config.weight_rows
        )
        m.submodules.loader = loader = WeightLoader(
            lanes=lanes, rows=config.weight_rows, latency=WeightBuffer.latency
        )
        connect(m, dispatch.tiles, tiles.i)
        connect(m, dispatch.order, order.i)
        connect(m, tiles.o, loader.tiles)
        connect(m, flipped(self.load_weights), weights.write)
        m.d.comb += [weights.address.eq(loader.address), weights.enable.eq(loader.enable)]

        # Pixels and weights into the array.
        m.submodules.issue = issue = Issue(lanes=lanes, spacing=Accumulators.spacing, **patches)
        m.submodules.array = array = SystolicArray(
            lanes=lanes,
            columns=config.columns,
            reach=self.reach,
            logic_multipliers=config.array_logic_multipliers,
        )
        connect(m, reader.o, issue.conv)
        connect(m, order.o, issue.order)
        m.d.comb += [
            issue.loaded.eq(loader.loaded),
            loader.swap.eq(issue.swap),
            array.valid.eq(issue.valid),
            array.pixel.eq(issue.pixel),
            array.swap.eq(issue.swap),
            array.load.eq(loader.load),
            array.weights.eq(weights.row),
            self.sums.eq(array.sums),
        ]

        if config.patch_reader:
            self._add_patches(m, decoder, dispatch, reader, issue)
        else:
            connect(m, reader.port, flipped(self.read[0]))

        valid, tag = issue.valid, issue.tag
        for n in range(array.latency - Accumulators.lead):
            next_valid = Signal(name=f"valid_{n}")
            next_tag = Signal(PIXEL_TAG, name=f"tag_{n}", reset_less=True)
            m.d.sync += next_valid.eq(valid)
            with m.If(valid):
                m.d.sync += next_tag.eq(tag)
            valid, tag = next_valid, next_tag
        m.d.comb += [self.valid.eq(valid), self.tag.eq(tag)]
        return m

    def _add_patches(self, m, decoder, dispatch, reader, issue):
        """Add what runs CONV_PATCH, and give the ports to both readers."""
        lanes = self._configuration.lanes
        connect, flipped = wiring.connect, wiring.flipped
        m.submodules.patch_setup = patch_setup = PatchSetup(lanes=lanes)
        m.submodules.patch = patch = PatchReader(lanes=lanes)
        m.submodules.share = share = PortShare(lanes=lanes)
        connect(m, decoder.patch, patch_setup.i)
        connect(m, patch_setup.o, dispatch.i_patch)
        connect(m, dispatch.o_patch, patch.i)
        connect(m, patch.o, issue.patch)
        connect(m, reader.port, share.readers[0])
        # CONV keeps its port busy, so that a CONV_PATCH behind it could not read ahead there: its
        # last segment, which is the one it needs least often, has to share.
        *alone, shared = patch.ports
        connect(m, shared, share.readers[1])
        first, *others = self.read
        connect(m, share.port, flipped(first))
        for read, port in zip(others, alone, strict=True):
            connect(m, port, flipped(read))
        # Which of them goes first needn't be known at once.
        m.d.sync += share.prefer.eq(issue.order.valid & issue.order.payload)
