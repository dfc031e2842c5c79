# SPDX-License-Identifier: Apache-2.0
"""What a board's host link does with bytes, in Python, written from the protocol's description."""

from __future__ import annotations

import zlib
from collections.abc import Callable

MEMORY = 0x4000_0000
REGISTERS = 0xF000_0000
LINK = 0xF001_0000


class LinkModel:
    """A DRAM, registers and the link's own registers behind a UARTBone.

    ``read_register`` and ``write_register`` stand for the DPU's; accesses to byte addresses in
    ``bad`` (as the host counts them) are answered with an error.
    """

    def __init__(
        self,
        *,
        memory_bytes: int,
        clock_hertz: int,
        read_register: Callable[[int], int],
        write_register: Callable[[int, int], None],
    ) -> None:
        self.memory = bytearray(memory_bytes)
        self.clock_hertz = clock_hertz
        self.read_register = read_register
        self.write_register = write_register
        self.bad: set[int] = set()
        self.interrupt = False
        self.ready = True
        self.failed = False
        self.written = 0
        self.lowest, self.highest = 0xFFFF_FFFC, 0
        self.next = 0
        self.data = b""
        self.pending = bytearray()

    def idle(self) -> None:
        """Let the time pass in which an unfinished command is forgotten."""
        self.pending.clear()

    def feed(self, received: bytes) -> bytes:
        """Take bytes; return the answer."""
        answer = b""
        for byte in received:
            if not self.pending and byte not in (1, 2, 3, 4):
                continue
            self.pending.append(byte)
            answer += self._step()
        return answer

    def _step(self) -> bytes:
        """Carry out what the last byte has completed."""
        got = self.pending
        if len(got) < 6:
            return b""
        command, words = got[0], got[1] or 256
        word = int.from_bytes(got[2:6], "big")
        stride = 1 if command in (1, 2) else 0
        if command in (2, 4):
            answer = b"".join(self._read(word + i * stride, stride) for i in range(words))
            got.clear()
            return answer
        index, rest = divmod(len(got) - 6, 4)
        if len(got) > 6 and self._outside(4 * (word + (len(got) - 7) // 4 * stride)):
            self.data += got[-1:]
        if index and not rest:
            self._write(word + (index - 1) * stride, bytes(got[-4:]), stride)
        if index == words:
            got.clear()
        return b""

    def _outside(self, address: int) -> bool:
        return MEMORY <= address < MEMORY + len(self.memory) or (
            REGISTERS <= address < REGISTERS + 0x10000
        )

    def _note(self, address: int, stride: int) -> bool:
        """Keep account of a word that moves; tell whether it may."""
        if self._outside(address):
            if address < REGISTERS and not self.ready:
                self.failed = True
                return False
            self.next = address + 4 * stride
        elif not LINK <= address <= LINK + 0x1C:
            self.failed = True
            return False
        if address in self.bad:
            self.failed = True
            return False
        return True

    def _read(self, word: int, stride: int) -> bytes:
        address = 4 * (word % (1 << 32))
        value = 0
        if MEMORY <= address < MEMORY + len(self.memory):
            at = address - MEMORY
            value = int.from_bytes(self.memory[at : at + 4], "little")
        elif REGISTERS <= address < REGISTERS + 0x10000:
            value = self.read_register(address - REGISTERS)
        elif LINK <= address <= LINK + 0x1C:
            status = self.interrupt | self.ready << 1 | self.failed << 2
            value = [
                zlib.crc32(self.data),
                status,
                len(self.memory),
                self.clock_hertz,
                self.next,
                self.written,
                self.lowest,
                self.highest,
            ][(address - LINK) // 4]
        refused = address in self.bad or (address < REGISTERS and not self.ready)
        data = (0 if refused else value).to_bytes(4, "big")
        if self._outside(address):
            self.data += data
        self._note(address, stride)
        return data

    def _write(self, word: int, data: bytes, stride: int) -> None:
        address = 4 * (word % (1 << 32))
        value = int.from_bytes(data, "big")
        if self._outside(address) and (address >= REGISTERS or self.ready):
            self.written += 1
            self.lowest = min(self.lowest, address)
            self.highest = max(self.highest, address)
        if not self._note(address, stride):
            return
        if address == LINK:
            self.data, self.lowest, self.highest = b"", 0xFFFF_FFFC, 0
        elif address == LINK + 4:
            self.failed = False
        elif REGISTERS <= address < LINK:
            self.write_register(address - REGISTERS, value)
        elif address < REGISTERS:
            at = address - MEMORY
            self.memory[at : at + 4] = value.to_bytes(4, "little")
