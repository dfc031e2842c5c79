# SPDX-License-Identifier: Apache-2.0
"""The scratchpad: banks of words, shared by all engines."""

import functools
import operator

from amaranth import *
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In
from amaranth.utils import exact_log2

from dpu_hw.choose import choose
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
        read_wants = _arbitrate(m, "read", reads, [r.payload[:bank_bits] for r in reads], banks)
        write_wants = _arbitrate(
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
            # Whose turn it is doesn't wait for what the ports are told.
            read_want = [wants[bank] for wants in read_wants]
            write_want = [wants[bank] for wants in write_wants]
            writer = _number_of_first(write_want)
            m.d.comb += [
                read.en.eq(Cat(read_want).any()),
                read.addr.eq(
                    _value_of_first(m, platform, read_want, [r.payload[rows] for r in reads])
                ),
                outputs[bank].eq(read.data),
                write.en.eq(Cat(write_want).any()),
                Cat(write.addr, write.data).eq(
                    choose(
                        m,
                        writer,
                        [Cat(w.payload.address[rows], w.payload.data) for w in writes],
                        platform,
                    )
                ),
            ]

        for index, port in enumerate(self.read):
            # What a port doesn't wait for doesn't toggle either.
            granted = Signal(name=f"read_granted_{index}")
            kept = Signal(len(outputs[0]), name=f"read_word_{index}", reset_less=True)
            m.d.comb += port.data.eq(kept)
            m.d.sync += granted.eq(port.request.valid & port.request.ready)
            # A block RAM's data come late in the cycle: of many one-hot banks the word is an OR.
            wanted = read_wants[index] if banks > 4 else port.request.payload[:bank_bits]
            bank = Signal(len(wanted), name=f"read_bank_{index}", reset_less=True)
            with m.If(port.request.valid & port.request.ready):
                m.d.sync += bank.eq(wanted)
            if banks > 4:
                word = functools.reduce(
                    operator.or_,
                    (
                        output & selected.replicate(len(output))
                        for output, selected in zip(outputs, bank, strict=True)
                    ),
                )
            else:
                word = choose(m, bank, outputs, platform)
            with m.If(granted):
                m.d.sync += kept.eq(word)

        return m


def _arbitrate(m, name, requests, wanted, banks):
    """Let the lowest of the requests for the same bank be ready.

    Returns which bank each request is for, if it is valid: a bit for each bank.
    """
    wants = []
    for index, (request, bank) in enumerate(zip(requests, wanted, strict=True)):
        taken = Cat(
            earlier.valid & (earlier_bank == bank)
            for earlier, earlier_bank in zip(requests[:index], wanted[:index], strict=True)
        )
        want = Signal(banks, name=f"{name}_want_{index}")
        m.d.comb += [
            request.ready.eq(~taken.any()),
            want.eq(Cat(request.valid & (bank == n) for n in range(banks))),
        ]
        wants.append(want)
    return wants


def _value_of_first(m, platform, wants, values):
    """Select the value of the first bit that is set, in a tree; any if none is."""
    pairs = list(zip(wants, values, strict=True))
    if len(wants) > 4:
        # Four in one go take as long as two times two, and less logic.
        value = choose(m, _number_of_first(wants[:4]), values[:4], platform)
        pairs = [(Cat(wants[:4]).any(), value), *_halved(_halved(pairs[4:]))]
    while len(pairs) > 1:
        pairs = _halved(pairs)
    return pairs[0][1]


def _halved(pairs):
    """Join pairs of a bit and its value two by two, the first before the second."""
    halves = zip(pairs[::2], pairs[1::2], strict=False)
    odd = pairs[len(pairs) & ~1 :]
    return [(a | b, Mux(a, x, y)) for (a, x), (b, y) in halves] + odd


def _number_of_first(wants):
    """Return the number of the first bit that is set, any if none is.

    Of wide values a number selects with less logic than a tree does.
    """
    first = [want & ~Cat(wants[:index]).any() for index, want in enumerate(wants)]
    return Cat(
        Cat(bit for index, bit in enumerate(first) if index >> place & 1).any()
        for place in range(max(1, (len(wants) - 1).bit_length()))
    )
