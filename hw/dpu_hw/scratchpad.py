# SPDX-License-Identifier: Apache-2.0
"""The scratchpad: banks of words, shared by all engines."""

import functools
import operator

from amaranth import *
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In
from amaranth.utils import exact_log2

from dpu_hw.ports import READ_LATENCY, ReadPortSignature, WritePortSignature
from dpu_spec.configuration import Configuration

__all__ = ["Scratchpad"]


class Scratchpad(wiring.Component):
    """Word-interleaved banks, each with one read and one write a cycle.

    The low bits of a word's address are its bank, so that neighbouring words can be accessed at
    once. Where several ports want to read the same bank, or to write it, the one with the lowest
    index gets it. :py:`ready` depends on the port's own address and on the requests of ports with a
    lower index. Addresses wrap at the size of the scratchpad.

    A read sees the writes of earlier cycles. Its data come two cycles after its transfer, and stay
    until the port's next. To read and write the same word in one cycle is a race: in simulation the
    read gets the old contents, in block RAM any.

    Parameters
    ----------
    configuration : :class:`Configuration`
        Sizes.
    readers, writers : :class:`int`
        Numbers of ports.

    Members
    -------
    read : :py:`In(ReadPortSignature(lanes=configuration.lanes)).array(readers)`
        Read ports, in order of priority.
    write : :py:`In(WritePortSignature(lanes=configuration.lanes)).array(writers)`
        Write ports, in order of priority.
    """

    def __init__(self, *, configuration, readers, writers):
        if not isinstance(configuration, Configuration):
            raise TypeError(f"Configuration must be a Configuration, not {configuration!r}")
        for name, value in (("Readers", readers), ("Writers", writers)):
            if not isinstance(value, int) or value < 1:
                raise TypeError(f"{name} must be a positive integer, not {value!r}")
        self._configuration = configuration
        self._readers = readers
        self._writers = writers
        lanes = configuration.lanes
        super().__init__(
            {
                "read": In(ReadPortSignature(lanes=lanes)).array(readers),
                "write": In(WritePortSignature(lanes=lanes)).array(writers),
            }
        )

    @property
    def configuration(self):
        """Sizes."""
        return self._configuration

    @property
    def readers(self):
        """Number of read ports."""
        return self._readers

    @property
    def writers(self):
        """Number of write ports."""
        return self._writers

    def elaborate(self, platform):
        # One cycle for the block RAM, one for the register behind the bank multiplexer.
        assert READ_LATENCY == 2
        m = Module()
        banks = self._configuration.scratchpad_banks
        words = self._configuration.scratchpad_words
        bank_bits = exact_log2(banks)
        rows = slice(bank_bits, exact_log2(words))

        reads = [port.request for port in self.read]
        writes = [port.request for port in self.write]
        read_grants = _arbitrate(m, "read", reads, [r.payload[:bank_bits] for r in reads], banks)
        write_grants = _arbitrate(
            m, "write", writes, [w.payload.address[:bank_bits] for w in writes], banks
        )

        outputs = Signal(data.ArrayLayout(self._configuration.word_bits, banks))
        for bank in range(banks):
            storage = memory.Memory(
                shape=self._configuration.word_bits,
                depth=words // banks,
                init=[],
                # Without this, synthesis builds the old contents from registers and multiplexers.
                attrs={"no_rw_check": 1},
            )
            m.submodules[f"bank_{bank}"] = storage
            read = storage.read_port()
            write = storage.write_port()
            read_grant = [grant[bank] for grant in read_grants]
            write_grant = [grant[bank] for grant in write_grants]
            m.d.comb += [
                read.en.eq(Cat(read_grant).any()),
                read.addr.eq(_select(read_grant, [r.payload[rows] for r in reads])),
                outputs[bank].eq(read.data),
                write.en.eq(Cat(write_grant).any()),
                write.addr.eq(_select(write_grant, [w.payload.address[rows] for w in writes])),
                write.data.eq(
                    Array(w.payload.data.as_value() for w in writes)[_encode(write_grant)]
                ),
            ]

        for index, port in enumerate(self.read):
            # What a port doesn't wait for doesn't toggle either.
            granted = Signal(name=f"read_granted_{index}")
            bank = Signal(bank_bits, name=f"read_bank_{index}")
            m.d.sync += granted.eq(port.request.valid & port.request.ready)
            with m.If(port.request.valid & port.request.ready):
                m.d.sync += bank.eq(port.request.payload[:bank_bits])
            with m.If(granted):
                m.d.sync += port.data.eq(outputs[bank])

        return m


def _arbitrate(m, name, requests, wanted, banks):
    """Let the lowest of the requests for the same bank be ready.

    Returns the grants: for each request a bit for each bank.
    """
    grants = []
    for index, (request, bank) in enumerate(zip(requests, wanted, strict=True)):
        taken = Cat(
            earlier.valid & (earlier_bank == bank)
            for earlier, earlier_bank in zip(requests[:index], wanted[:index], strict=True)
        )
        granted = Signal(name=f"{name}_transfer_{index}")
        grant = Signal(banks, name=f"{name}_grant_{index}")
        m.d.comb += [
            request.ready.eq(~taken.any()),
            granted.eq(request.valid & request.ready),
            grant.eq(Cat(granted & (bank == n) for n in range(banks))),
        ]
        grants.append(grant)
    return grants


def _select(one_hot, values):
    """Select by OR: a priority multiplexer would be as deep as there are ports."""
    selected = (
        Cat(value) & bit.replicate(len(value)) for bit, value in zip(one_hot, values, strict=True)
    )
    return functools.reduce(operator.or_, selected)


def _encode(one_hot):
    """Return the number of the only bit that is set.

    Of wide values a number selects with less logic than OR does, and any is right if none is set.
    """
    return Cat(
        Cat(bit for index, bit in enumerate(one_hot) if index >> place & 1).any()
        for place in range(max(1, (len(one_hot) - 1).bit_length()))
    )
