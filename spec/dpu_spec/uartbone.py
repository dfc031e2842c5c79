# SPDX-License-Identifier: Apache-2.0
"""The protocol of the host link: LiteX's UARTBone, a serial line to 32-bit registers and memory.

A command is one byte :class:`Command`, one byte with the number of words, and the address of a
word in four bytes, the most significant first. A write goes on with its words, a read is answered
with them, the most significant byte first; a word holds four bytes of memory, the one of the
lowest address in its least significant bits. Nothing else is ever sent: no acknowledgement.
"""

from __future__ import annotations

import enum


class Command(enum.IntEnum):
    """First byte of a command. Any other value is skipped."""

    WRITE = 0x01
    READ = 0x02
    #: All words go to one address.
    WRITE_FIXED = 0x03
    #: All words come from one address.
    READ_FIXED = 0x04


#: Bytes of a word.
WORD_BYTES = 4
#: Words of a command whose number is 0.
WORDS_OF_ZERO = 256
#: Words that LiteX's tools, and our driver, move in a command at most.
MAXIMUM_WORDS = 255
#: Seconds without progress after which an unfinished command is forgotten.
TIMEOUT = 0.1
#: Bits a second, unless something else is said.
DEFAULT_BAUD = 1_000_000
#: Bits of a byte on the line: start, eight of data, stop.
FRAME_BITS = 10
#: Bytes that the device holds while it is at work on a command.
BUFFER_BYTES = 16


def header(command: Command, words: int, address: int) -> bytes:
    """Return the bytes of a command before its data.

    ``words`` is 1 to 256, ``address`` a byte address, a multiple of 4 below 2**32. Raise
    :exc:`ValueError` for others.
    """
    if not 1 <= words <= WORDS_OF_ZERO:
        raise ValueError(f"{words} words: a command moves 1 to {WORDS_OF_ZERO}.")
    if address % WORD_BYTES or not 0 <= address < 1 << 32:
        raise ValueError(f"0x{address:X} is no address of a word: it must be a multiple of 4.")
    return bytes((command, words % WORDS_OF_ZERO)) + (address // WORD_BYTES).to_bytes(4, "big")
