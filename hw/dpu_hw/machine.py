# SPDX-License-Identifier: Apache-2.0
"""The part of the DPU that runs programs: all engines, the scratchpad, fetch and dispatch."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from dpu_hw.axi import Axi4Signature
from dpu_hw.control.dispatch import Dispatch
from dpu_hw.control.faults import Faults
from dpu_hw.control.fetch import Fetch
from dpu_hw.control.instructions import Instructions
from dpu_hw.control.layouts import ENGINE_BITS, ENGINES, INDEX_BITS, fault_layout, stream_layout
from dpu_hw.conv.engine import ConvEngine
from dpu_hw.depthwise.engine import DepthwiseEngine
from dpu_hw.dma.bus import Dma
from dpu_hw.dma.layouts import window_layout
from dpu_hw.ports import write_layout
from dpu_hw.reset_copies import ResetCopies
from dpu_hw.scratchpad import Scratchpad
from dpu_hw.vector.unit import VectorUnit
from dpu_spec.instruction import Engine
from dpu_spec.isa import WINDOWS, formats_of
from dpu_spec.registers import COUNTERS

__all__ = ["WRITERS", "Machine"]

#: Scratchpad writers in the order of their ports' priority.
WRITERS = ("drain", "depthwise", "vector", "load")
#: Parts with a reset of their own.
_DOMAINS = ("control", "dma", "scratchpad", "conv", "depthwise", "vector")


class Machine(wiring.Component):
    """Run the programs of a DPU. It is in reset between runs.

    Each of its parts has a clock domain of its own, with the clock of ``sync`` and a copy of the
    reset.

    Parameters
    ----------
    configuration : :class:`dpu_spec.configuration.Configuration`
        Sizes.

    Members
    -------
    axi : :py:`Out(Axi4Signature(data_bytes=axi_bytes))`
        DRAM.
    windows : :py:`In(window_layout()).array(WINDOWS)`
        The DRAM windows.
    select : :py:`Out(ENGINE_BITS)`, stream : :py:`In(stream_layout())`
        The instruction stream of an engine, in the same cycle.
    reset_next : :py:`In(1)`
        Reset everything in the next cycle.
    stop : :py:`In(1)`
        Begin no further bursts.
    bus_idle : :py:`Out(1)`
        Nothing is in flight on the bus.
    fault, empty, idle, waiting, running, index :
        See :class:`dpu_hw.control.supervisor.Supervisor`.
    read_transfer, write_transfer : :py:`Out(1)`
        A beat was read, or written, in this cycle.
    busy, wait_token, wait_bank, wait_memory : :py:`Out(ENGINES)`
        What each engine does in this cycle (or did in the cycle before).
    start, finish : :py:`Out(ENGINES)`
        Pulses: an engine accepts, and completes, an instruction.
    writes : :py:`Out(write_layout(lanes)).array(4)`, write_valid : :py:`Out(4)`
        What each of :data:`WRITERS` writes to the scratchpad in this cycle, if it does.
    """

    def __init__(self, *, configuration):
        self._configuration = configuration
        super().__init__(
            {
                "axi": Out(Axi4Signature(data_bytes=configuration.axi_bytes)),
                "windows": In(window_layout()).array(WINDOWS),
                "select": Out(ENGINE_BITS),
                "stream": In(stream_layout()),
                "reset_next": In(1),
                "stop": In(1),
                "bus_idle": Out(1),
                "fault": Out(fault_layout()),
                "empty": Out(ENGINES),
                "idle": Out(ENGINES),
                "waiting": Out(ENGINES),
                "running": Out(ENGINES),
                "index": Out(INDEX_BITS).array(ENGINES),
                "read_transfer": Out(1),
                "write_transfer": Out(1),
                **{name: Out(ENGINES) for name, _ in COUNTERS},
                "start": Out(ENGINES),
                "finish": Out(ENGINES),
                "writes": Out(write_layout(configuration.lanes)).array(len(WRITERS)),
                "write_valid": Out(len(WRITERS)),
            }
        )

    @property
    def configuration(self):
        """Sizes."""
        return self._configuration

    def elaborate(self, platform):
        m = Module()
        config = self._configuration
        sizes = {"queue": config.instruction_queue}
        fetch = Fetch(**sizes)
        instructions = Instructions(data_bytes=config.axi_bytes, **sizes)
        dispatch = Dispatch(data_bytes=config.axi_bytes, formats=formats_of(config))
        faults = Faults()
        dma = Dma(configuration=config)
        conv = ConvEngine(configuration=config)
        depthwise = DepthwiseEngine(configuration=config)
        vector = VectorUnit(configuration=config)
        readers = [*conv.read, *depthwise.read, *vector.read, dma.read]
        writers = [conv.write, depthwise.write, vector.write, dma.write]
        scratchpad = Scratchpad(configuration=config, readers=len(readers), writers=len(writers))
        m.submodules.fetch = DomainRenamer("control")(fetch)
        m.submodules.instructions = DomainRenamer("control")(instructions)
        m.submodules.dispatch = DomainRenamer("control")(dispatch)
        m.submodules.faults = DomainRenamer("control")(faults)
        m.submodules.dma = DomainRenamer("dma")(dma)
        m.submodules.scratchpad = DomainRenamer("scratchpad")(scratchpad)
        m.submodules.conv = DomainRenamer("conv")(conv)
        m.submodules.depthwise = DomainRenamer("depthwise")(depthwise)
        m.submodules.vector = DomainRenamer("vector")(vector)

        m.submodules.resets = resets = ResetCopies(copies=len(_DOMAINS))
        m.d.comb += resets.next.eq(self.reset_next)
        for domain, reset in zip(_DOMAINS, resets.o, strict=True):
            m.domains += ClockDomain(domain, local=True)
            m.d.comb += [
                ClockSignal(domain).eq(ClockSignal()),
                ResetSignal(domain).eq(reset),
            ]

        # Instructions.
        connect(m, fetch.runs, dma.fetch)
        connect(m, fetch.requests, instructions.requests)
        connect(m, dma.instructions, instructions.beats)
        engines = {
            Engine.LOAD: dma.load,
            Engine.CONV: conv.conv,
            Engine.DRAIN: conv.drain,
            Engine.DEPTHWISE: depthwise.depthwise,
            Engine.VECTOR: vector.vector,
            Engine.STORE: dma.store,
        }
        for engine, port in engines.items():
            connect(m, getattr(dispatch, engine.name.lower()), port)
        m.d.comb += [
            self.select.eq(fetch.select),
            fetch.stream.eq(self.stream),
            fetch.taken.eq(instructions.taken),
            instructions.room.eq(dispatch.room),
            dispatch.valid.eq(instructions.valid),
            dispatch.chunk.eq(instructions.chunk),
        ]

        # The scratchpad and the other buffers.
        for port, place in zip(readers, scratchpad.read, strict=True):
            connect(m, port, place)
        for port, place in zip(writers, scratchpad.write, strict=True):
            connect(m, port, place)
        connect(m, dma.weights, conv.load_weights)
        connect(m, dma.conv_parameters, conv.load_parameters)
        connect(m, dma.depthwise_parameters, depthwise.load_parameters)
        connect(m, dma.table, vector.load_table)

        # DRAM.
        connect(m, dma.axi, flipped(self.axi))
        for own, window in zip(self.windows, dma.windows, strict=True):
            m.d.comb += window.eq(own)
        m.d.comb += [
            dma.stop.eq(self.stop),
            self.bus_idle.eq(dma.idle),
            self.read_transfer.eq(dma.read_transfer),
            self.write_transfer.eq(dma.write_transfer),
        ]

        # What the supervisor and the counters look at.
        for own, inner, place in zip(self.index, dispatch.index, faults.index, strict=True):
            m.d.comb += [own.eq(inner), place.eq(inner)]
        m.d.comb += [
            faults.check_failed.eq(dispatch.check_failed),
            faults.opcode_failed.eq(dispatch.opcode_failed),
            faults.outside_engine.eq(dma.outside_engine),
            faults.error_engine.eq(instructions.current),
            self.fault.eq(faults.fault),
            self.empty.eq(fetch.empty),
            self.idle.eq(dispatch.idle),
            self.waiting.eq(dispatch.waiting),
            self.running.eq(dispatch.running),
            self.start.eq(dispatch.start),
            self.finish.eq(dispatch.finish),
        ]
        for name in faults.signature.members:
            if name.startswith(("fetch_", "load_", "store_")):
                m.d.comb += getattr(faults, name).eq(getattr(dma, name))
        m.d.sync += self.wait_token.eq(dispatch.waiting)
        for engine, port in engines.items():
            m.d.sync += [
                self.busy[engine].eq(port.busy),
                self.wait_bank[engine].eq(port.wait_bank),
                self.wait_memory[engine].eq(port.wait_memory),
            ]
        for index, port in enumerate(writers):
            m.d.comb += [
                self.write_valid[index].eq(port.request.valid & port.request.ready),
                self.writes[index].eq(port.request.payload),
            ]
        return m
