# SPDX-License-Identifier: Apache-2.0
"""The depthwise engine."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped
from amaranth.utils import exact_log2

from dpu_hw.depthwise.column_fetcher import ColumnFetcher
from dpu_hw.depthwise.geometry import Geometry
from dpu_hw.depthwise.layouts import (
    ROWS,
    blocks_layout,
    sums_layout,
    window_layout,
    window_sum_layout,
    write_view_layout,
)
from dpu_hw.depthwise.output import Output
from dpu_hw.depthwise.parameter_buffer import ParameterBuffer
from dpu_hw.depthwise.partial_sums import PartialSums
from dpu_hw.depthwise.stream_register import StreamRegister
from dpu_hw.depthwise.window import Window
from dpu_hw.depthwise.writer import Writer
from dpu_hw.layouts import instruction_layout
from dpu_hw.ports import (
    BufferWriteSignature,
    EngineSignature,
    ReadPortSignature,
    WritePortSignature,
)
from dpu_hw.queue import Queue
from dpu_hw.requantize import output_layout
from dpu_hw.split_queue import SplitQueue
from dpu_spec.configuration import Configuration
from dpu_spec.instruction import Engine
from dpu_spec.isa import DEPTHWISE

__all__ = ["DepthwiseEngine"]

#: Instructions that may be between being fetched and being written.
_CONTEXTS = 9

#: Parts of pixels between the window and the partial sums.
_WINDOW_SUMS = 4


class DepthwiseEngine(wiring.Component):
    """Run DEPTHWISE instructions (:mod:`dpu_spec.isa` defines them).

    A row of n columns takes n + 2 cycles with stride 1, 2 n + 1 with stride 2, else (or with
    dilation) 3 n. If the PE has fewer lanes than a word, in p parts, those are p (n + 2),
    p (n + 1) and 2 p n cycles. There are no gaps between rows and blocks of at least ten cycles:
    in ten, the parameters of a block are loaded. The next instruction begins to be fetched when the
    present one has been.

    Parameters
    ----------
    configuration : :class:`Configuration`
        Sizes.

    Members
    -------
    depthwise : :py:`In(EngineSignature(Engine.DEPTHWISE))`
        Instructions.
    read : :py:`Out(ReadPortSignature(lanes=configuration.lanes)).array(3)`
        The scratchpad, one port for each row of the window.
    write : :py:`Out(WritePortSignature(lanes=configuration.lanes))`
        The scratchpad.
    load_parameters : :py:`In(BufferWriteSignature(lanes=configuration.lanes))`
        The way into the parameter buffer.
    """

    def __init__(self, *, configuration):
        if not isinstance(configuration, Configuration):
            raise TypeError(f"Configuration must be a Configuration, not {configuration!r}")
        self._configuration = configuration
        lanes = configuration.lanes
        super().__init__(
            {
                "depthwise": In(EngineSignature(Engine.DEPTHWISE)),
                "read": Out(ReadPortSignature(lanes=lanes)).array(ROWS),
                "write": Out(WritePortSignature(lanes=lanes)),
                "load_parameters": In(BufferWriteSignature(lanes=lanes)),
            }
        )

    @property
    def configuration(self):
        """Sizes."""
        return self._configuration

    def elaborate(self, platform):
        m = Module()
        sizes = self._configuration
        lanes, parts = sizes.lanes, sizes.depthwise_parts
        address_bits = exact_log2(sizes.scratchpad_words)

        m.submodules.geometry = geometry = Geometry(address_bits=address_bits)
        m.submodules.fetcher = fetcher = ColumnFetcher(lanes=lanes, address_bits=address_bits)
        m.submodules.parameters = parameters = ParameterBuffer(
            lanes=lanes, words=sizes.depthwise_parameter_words
        )
        m.submodules.window = window = Window(
            lanes=lanes, parts=parts, logic_multipliers=sizes.depthwise_logic_multipliers
        )
        # A queue whose readiness is a register cuts the pipeline's chain of readiness in two.
        m.submodules.window_sums = window_sums = Queue(
            shape=window_sum_layout(sizes.depthwise_lanes), depth=_WINDOW_SUMS
        )
        m.submodules.partial_sums = partial_sums = PartialSums(
            lanes=sizes.depthwise_lanes, depth=sizes.partial_sum_depth, parts=parts
        )
        m.submodules.output = output = Output(
            lanes=lanes, parts=parts, requantizers=sizes.depthwise_requantizers
        )
        m.submodules.writer = writer = Writer(lanes=lanes, address_bits=address_bits)

        connect(m, flipped(self.load_parameters), parameters.load)
        connect(m, geometry.o, fetcher.i)
        for mine, port in zip(self.read, fetcher.read, strict=True):
            connect(m, port, flipped(mine))
        connect(m, fetcher.o, window.i)
        connect(m, parameters.weights, window.weights)
        connect(m, window.o, window_sums.i)
        connect(m, window_sums.o, partial_sums.i)
        connect(m, partial_sums.o, output.i)
        connect(m, parameters.scale, output.scale)
        connect(m, output.o, writer.i)
        connect(m, writer.write, flipped(self.write))

        # Each part gets what it needs of an instruction, all at once, through a queue of its own.
        instruction = instruction_layout(DEPTHWISE)(
            self.depthwise.instruction.payload[: Shape.cast(instruction_layout(DEPTHWISE)).width]
        )
        always = C(1)
        blocks = blocks_layout(exact_log2(sizes.depthwise_parameter_words))
        contexts = []
        # The last is how many instructions are held on the way from the queue to their use.
        for name, shape, target, needed, ahead in (
            ("weight_blocks", blocks, parameters.weight_blocks, always, 1),
            ("scale_blocks", blocks, parameters.scale_blocks, instruction.last, 1),
            ("window", window_layout(lanes), window.context, always, 0),
            ("sums", sums_layout(), partial_sums.context, always, 1),
            ("scale", output_layout(), output.context, instruction.last, 0),
            ("view", write_view_layout(address_bits), writer.context, instruction.last, 0),
        ):
            # Some have far to go yet from where they leave a queue.
            kind = Queue if name in ("window", "sums") else SplitQueue
            queue = kind(shape=shape, depth=_CONTEXTS - ahead)
            m.submodules[f"context_{name}"] = queue
            if name.endswith("blocks"):
                # The cycle model knows of this register: an engine may wait for its parameters.
                m.submodules[f"register_{name}"] = register = StreamRegister(shape=shape)
                connect(m, queue.o, register.i)
                connect(m, register.o, target)
            else:
                connect(m, queue.o, target)
            contexts.append((queue, needed))
            for field, _ in queue.i.p.shape():
                if field == "lane_map":
                    for lane in range(lanes):
                        m.d.comb += queue.i.p.lane_map[lane].eq(
                            instruction.lane_map[4 * lane :][:4]
                        )
                else:
                    source = "out_zero_point" if (name, field) == ("scale", "zero_point") else field
                    m.d.comb += queue.i.p[field].eq(instruction[source])
        accept = Signal()
        ready = Cat(geometry.i.ready, (queue.i.ready for queue, _ in contexts)).all()
        m.d.comb += [
            self.depthwise.instruction.ready.eq(ready),
            accept.eq(self.depthwise.instruction.valid & ready),
            geometry.i.valid.eq(accept),
            geometry.i.payload.eq(instruction),
        ]
        m.d.comb += [queue.i.valid.eq(accept & needed) for queue, needed in contexts]

        # Ends of instructions that keep their sums may queue up behind a refused write, but all
        # stages together hold fewer than 64. Acceptance is known late, so it's counted later.
        inside = Signal(6)
        accepted = Signal()
        m.d.sync += [accepted.eq(accept), inside.eq(inside + accepted - writer.done)]
        waits = [p.request.valid & ~p.request.ready for p in (*self.read, self.write)]
        m.d.comb += [
            self.depthwise.done.eq(writer.done),
            self.depthwise.busy.eq((inside != 0) | accepted),
            self.depthwise.wait_bank.eq(Cat(waits).any()),
            self.depthwise.wait_memory.eq(0),
        ]
        return m
