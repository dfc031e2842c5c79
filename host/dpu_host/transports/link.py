# SPDX-License-Identifier: Apache-2.0
"""Bursts over a serial line that are right, or end with an exception."""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Iterator

from dpu_host.errors import BusError, DamagedTransferError, LinkLostError, NoAnswerError
from dpu_host.transports.link_state import ASK, RESET, STATE_BYTES, LinkState
from dpu_host.transports.serial_port import SerialPort
from dpu_spec.uartbone import FRAME_BITS, TIMEOUT, WORD_BYTES, Command, header


def _port_errors() -> tuple[type[Exception], ...]:
    """Return what a port that fails raises: of terminals, pyserial lets an error of theirs pass."""
    try:
        import termios
    except ImportError:  # Not on Windows.
        return (OSError,)
    return (OSError, termios.error)


_PORT_ERRORS = _port_errors()
#: How often a burst that fails is tried again.
RETRIES = 3
#: How many of the board's time-outs a silence lasts.
_SILENCE = 1.5
#: Seconds that an answer may be late: a busy host, a USB adapter, a slow memory.
PATIENCE = 0.3
#: Reads after which a line that never falls silent is given up.
_READS_TO_SILENCE = 100


class Link:
    """Bursts of words to and from a board, each verified.

    A burst goes with a question for the link's registers behind it: the CRC of its data, the
    address at which it ended, how many words were written so far and between which addresses. So
    a burst that was damaged on its way is found. After a silence, in which the board forgets what
    it is in the middle of, it is made again, unless words were overwritten outside of its place.

    ``timeout`` is the board's, in seconds. Raise :exc:`NoAnswerError` where no board answers.
    """

    def __init__(self, port: SerialPort, baud: int, *, name: str, timeout: float = TIMEOUT) -> None:
        self._port = port
        self._baud = baud
        self._name = name
        self._quiet = _SILENCE * timeout
        self.retries = 0
        """Bursts and questions that had to be repeated."""
        self._board: LinkState | None = None
        self._board = self._first_state()
        self._written = self._board.written

    @property
    def board(self) -> LinkState:
        """What the board said at first."""
        assert self._board is not None
        return self._board

    def read(self, address: int, words: int) -> bytes:
        """Read words at byte addresses from ``address`` on, as they come: high bytes first."""
        return self._burst(Command.READ, address, words, b"")

    def write(self, address: int, data: bytes) -> None:
        """Write words, high bytes first, at byte addresses from ``address`` on."""
        self._burst(Command.WRITE, address, len(data) // WORD_BYTES, data)

    def state(self) -> LinkState:
        """Read the link's registers."""
        for attempt in range(RETRIES + 1):
            if attempt:
                self._again()
            found = self._exchange(ASK, STATE_BYTES)
            if len(found) == STATE_BYTES:
                state = LinkState.from_bytes(found)
                if self._credible(state):
                    return state
        raise NoAnswerError(
            f"{self._name}: the board no longer answers; check its power and its cable, reset it "
            "and try again."
        )

    def close(self) -> None:
        """Give the port back."""
        self._port.close()

    # A burst

    def _burst(self, command: Command, address: int, words: int, data: bytes) -> bytes:
        sent = RESET + header(command, words, address) + data + ASK
        size = 0 if data else WORD_BYTES * words
        end = address + WORD_BYTES * words
        failed = False
        for attempt in range(RETRIES + 1):
            self.retries += attempt > 0
            found = self._exchange(sent, size + STATE_BYTES)
            if len(found) == size + STATE_BYTES:
                state = LinkState.from_bytes(found[size:])
                if self._credible(state) and not state.ready:
                    self._refuse_unready(address)
                # It went to its place, nothing else was written, and its data are right.
                right = (
                    self._credible(state)
                    and state.next == end
                    and self._wrote(state) == len(data) // WORD_BYTES
                    and state.crc == zlib.crc32(data or found[:size])
                )
                if right:
                    self._written = state.written
                    if not state.failed:
                        return found[:size]
                # Damage may look like an error response, but not twice.
                if right and failed:
                    raise BusError(
                        f"{self._name}: {_doing(command)} 0x{address:08X} to 0x{end:08X} was "
                        "answered with a bus error; check that the board's memory and "
                        "registers are there, and reset it."
                    )
                failed = right
            self._silence()
            self._refuse_strays(command, address, end)
        raise DamagedTransferError(
            f"{self._name}: {_doing(command)} 0x{address:08X} to 0x{end:08X} was damaged "
            f"{RETRIES + 1} times in a row; use a shorter cable or a lower baud rate."
        )

    def _wrote(self, state: LinkState) -> int:
        """Return how many words were written since that was last looked at."""
        return (state.written - self._written) % (1 << 32)

    def _refuse_strays(self, command: Command, address: int, end: int) -> None:
        """Raise an exception unless a burst that failed has done no harm outside of its place."""
        state = self._agreed_state()
        nowhere = self._wrote(state) == 0
        self._written = state.written
        inside = command == Command.WRITE and address <= state.lowest <= state.highest < end
        if not nowhere and not inside:
            raise DamagedTransferError(
                f"{self._name}: {_doing(command)} 0x{address:08X} to 0x{end:08X} was damaged such "
                "that other data may have been overwritten; load the program again, and use a "
                "shorter cable or a lower baud rate if it comes back."
            )

    def _agreed_state(self) -> LinkState:
        """Read the registers until two answers tell of the same writes: damage must hide none."""
        state = self.state()
        for _ in range(RETRIES + 1):
            again = self.state()
            if again.same_writes(state):
                return again
            state = again
        raise DamagedTransferError(
            f"{self._name}: no two answers of the board agree on what was written; load the "
            "program again, and use a shorter cable or a lower baud rate."
        )

    def _refuse_unready(self, address: int) -> None:
        if not self.state().ready:
            raise BusError(
                f"{self._name}: the board's memory isn't ready (access to 0x{address:08X}); reset "
                "the board, and check that the bitstream is for its memory."
            )

    # The line

    def _first_state(self) -> LinkState:
        """Find a board at the other end."""
        seen = 0
        for _ in range(RETRIES + 1):
            self._silence()
            found = self._exchange(2 * ASK, 2 * STATE_BYTES)
            seen += len(found)
            if len(found) == 2 * STATE_BYTES:
                first, second = (
                    LinkState.from_bytes(found[i : i + STATE_BYTES]) for i in (0, STATE_BYTES)
                )
                if first == second and first.possible:
                    return first
        what = "what comes is no answer of a Tandem board" if seen else "nothing answers"
        raise NoAnswerError(
            f"{self._name}: {what} at {self._baud} baud; check the port and the baud rate, and "
            "that the board is programmed with a Tandem bitstream."
        )

    def _credible(self, state: LinkState) -> bool:
        return state.possible and self.board.same_board(state)

    def _again(self) -> None:
        self.retries += 1
        self._silence()

    def _exchange(self, sent: bytes, size: int) -> bytes:
        """Send bytes; return the answer, or what came of it in time."""
        with self._connected():
            self._port.timeout = PATIENCE + (len(sent) + size) * FRAME_BITS / self._baud
            taken = 0
            while taken < len(sent):
                number = self._port.write(sent[taken:])
                taken = len(sent) if number is None else taken + number
            return bytes(self._port.read(size))

    def _silence(self) -> None:
        """Let the board forget what it is in the middle of, and throw away what it has sent."""
        with self._connected():
            self._port.timeout = self._quiet
            for _ in range(_READS_TO_SILENCE):
                if not self._port.read(4096):
                    self._port.reset_input_buffer()
                    return
        raise NoAnswerError(
            f"{self._name}: something else than a Tandem board sends all the time; check the port."
        )

    @contextlib.contextmanager
    def _connected(self) -> Iterator[None]:
        try:
            yield
        except _PORT_ERRORS as error:
            raise LinkLostError(
                f"{self._name}: the port failed while it was in use ({error}); plug the board in "
                "again, and load the program again."
            ) from None


def _doing(command: Command) -> str:
    return "reading" if command == Command.READ else "writing"
