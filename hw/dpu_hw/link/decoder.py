# SPDX-License-Identifier: Apache-2.0
"""Commands, as :mod:`dpu_spec.uartbone` defines them, to accesses."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from dpu_hw.link.access import AccessSignature
from dpu_spec.uartbone import WORD_BYTES, Command

__all__ = ["CommandDecoder"]

#: Bytes of an address.
_ADDRESS_BYTES = 4


class CommandDecoder(wiring.Component):
    """Carry out commands word by word.

    Bytes that are no command are skipped where one is expected. A command that gets no further,
    because bytes of it are missing or an access doesn't end, is forgotten after ``timeout``
    cycles, with all that has been received by then.

    Parameters
    ----------
    timeout : :class:`int`
        Cycles without progress after which a command is forgotten.

    Members
    -------
    i : :py:`In(stream.Signature(8))`
        Received bytes.
    o : :py:`Out(stream.Signature(8))`
        Bytes to send.
    access : :py:`Out(AccessSignature())`
        The accesses. The address is right from a cycle before the first byte of a word to its last.
    next : :py:`Out(32)`
        The address of the command's word behind that one.
    pause : :py:`In(1)`
        No byte of data to write is taken.
    data_valid : :py:`Out(1)`
        A byte of data has passed, either way.
    data : :py:`Out(8)`
        That byte.
    """

    def __init__(self, *, timeout):
        self._timeout = timeout
        super().__init__(
            {
                "i": In(stream.Signature(8)),
                "o": Out(stream.Signature(8)),
                "access": Out(AccessSignature()),
                "next": Out(32),
                "pause": In(1),
                "data_valid": Out(1),
                "data": Out(8),
            }
        )

    def elaborate(self, platform):
        m = Module()
        access = self.access
        fixed = Signal()
        words = Signal(8)
        byte = Signal(range(WORD_BYTES))
        word = Signal(32)
        idle = Signal(range(self._timeout + 1))
        last_byte = byte == WORD_BYTES - 1
        progress = (self.i.valid & self.i.ready) | access.done
        m.d.comb += [
            access.data.eq(word),
            self.next.eq(access.address + ~fixed),
            self.o.payload.eq(word[-8:]),
            self.data.eq(Mux(self.o.valid, self.o.payload, self.i.payload)),
        ]
        # What an address leads to is known a cycle late.
        settled = Signal()
        m.d.sync += settled.eq(1)
        # Bytes go in and out at the two ends of a word.
        look, move = Signal(), Signal()
        with m.If(look & access.error):
            m.d.sync += word.eq(0)
        with m.Elif(look):
            m.d.sync += word.eq(access.result)
        with m.Elif(move):
            m.d.sync += word.eq(Cat(self.i.payload, word))
        m.d.sync += idle.eq(0)

        def receive(state):
            """Wait for a byte; go on to ``state`` with it."""
            m.d.comb += self.i.ready.eq(1)
            with m.If(self.i.valid):
                m.next = state

        def wait():
            """Forget the command once it has made no progress for too long."""
            with m.If(~progress):
                m.d.sync += idle.eq(idle + 1)
            with m.If(idle == self._timeout):
                m.next = "FORGET"

        def end_word(state):
            """Go on to ``state`` with the next word, if there is one."""
            m.d.sync += [access.address.eq(self.next), words.eq(words - 1), settled.eq(0)]
            m.next = state
            with m.If(words == 1):
                m.next = "COMMAND"

        with m.FSM():
            with m.State("COMMAND"):
                m.d.comb += self.i.ready.eq(1)
                m.d.sync += [access.write.eq(0), fixed.eq(0), byte.eq(0)]
                with m.If(self.i.valid):
                    with m.Switch(self.i.payload):
                        for command in Command:
                            with m.Case(command):
                                m.d.sync += [
                                    access.write.eq(
                                        command in (Command.WRITE, Command.WRITE_FIXED)
                                    ),
                                    fixed.eq(command in (Command.WRITE_FIXED, Command.READ_FIXED)),
                                ]
                                m.next = "LENGTH"
            with m.State("LENGTH"):
                m.d.sync += words.eq(self.i.payload)
                wait()
                receive("ADDRESS")
            with m.State("ADDRESS"):
                wait()
                m.d.comb += self.i.ready.eq(1)
                with m.If(self.i.valid):
                    m.d.sync += [
                        access.address.eq(Cat(self.i.payload, access.address)),
                        byte.eq(byte + 1),
                        settled.eq(0),
                    ]
                    with m.If(byte == _ADDRESS_BYTES - 1):
                        m.next = "READ"
                        with m.If(access.write):
                            m.next = "RECEIVE"
            with m.State("RECEIVE"):
                wait()
                m.d.comb += [
                    self.i.ready.eq(settled & ~self.pause),
                    move.eq(self.i.valid & self.i.ready),
                    self.data_valid.eq(move),
                ]
                with m.If(move):
                    m.d.sync += byte.eq(byte + 1)
                    with m.If(last_byte):
                        m.next = "WRITE"
            with m.State("WRITE"):
                wait()
                m.d.comb += access.valid.eq(1)
                with m.If(access.done):
                    end_word("RECEIVE")
            with m.State("READ"):
                wait()
                m.d.comb += [access.valid.eq(settled), look.eq(1)]
                with m.If(access.done):
                    m.next = "SEND"
            with m.State("SEND"):
                m.d.comb += [
                    self.o.valid.eq(1),
                    move.eq(self.o.ready),
                    self.data_valid.eq(move),
                ]
                with m.If(move):
                    m.d.sync += byte.eq(byte + 1)
                    with m.If(last_byte):
                        end_word("READ")
            with m.State("FORGET"):
                m.d.comb += self.i.ready.eq(1)
                with m.If(~self.i.valid):
                    m.next = "COMMAND"
        return m
