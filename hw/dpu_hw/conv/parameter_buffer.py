# SPDX-License-Identifier: Apache-2.0
"""The drain's parameters."""

from amaranth import *
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from dpu_hw.ports import BufferWriteSignature

__all__ = ["ParameterBuffer"]


class ParameterBuffer(wiring.Component):
    """A memory of words.

    Parameters
    ----------
    lanes : :class:`int`
        Bytes of a word.
    words : :class:`int`
        Depth, a power of two.

    Members
    -------
    write : :py:`In(BufferWriteSignature(lanes=lanes))`
        From the load engine.
    address : :py:`In(range(words))`
        Word to read.
    data : :py:`Out(8 * lanes)`
        The word, a cycle later.
    """

    def __init__(self, *, lanes, words):
        exact_log2(words)
        self._lanes = lanes
        self._words = words
        super().__init__(
            {
                "write": In(BufferWriteSignature(lanes=lanes)),
                "address": In(range(words)),
                "data": Out(8 * lanes),
            }
        )

    @property
    def lanes(self):
        """Bytes of a word."""
        return self._lanes

    @property
    def words(self):
        """Depth."""
        return self._words

    def elaborate(self, platform):
        m = Module()
        m.submodules.memory = buffer = memory.Memory(
            shape=unsigned(8 * self._lanes),
            depth=self._words,
            init=[],
            # Tokens keep loads away from the scales that are read.
            attrs={"no_rw_check": 1},
        )
        write, read = buffer.write_port(), buffer.read_port()
        m.d.comb += [
            write.addr.eq(self.write.payload.address),
            write.data.eq(Value.cast(self.write.payload.data)),
            write.en.eq(self.write.valid),
            read.addr.eq(self.address),
            self.data.eq(read.data),
        ]
        return m
