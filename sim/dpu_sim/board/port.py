# SPDX-License-Identifier: Apache-2.0
"""The far end of a simulated serial line, as a program sees a serial port."""

from .process import BoardProcess

BITS = 10
"""Bits of a byte on the line, start and stop bits included."""


class SimulatedPort:
    """What pyserial's ``Serial`` is to a real board.

    Time is the board's: it passes while the port is read, drained or asked what is waiting. A
    timeout is so many of its seconds, but `patience` cycles at most.

    Parameters
    ----------
    process
        The board.
    clock_hertz
        The clock of its design.
    timeout
        Seconds that :meth:`read` waits; None: for `patience` cycles.
    patience
        Cycles that any call takes at most.
    """

    def __init__(
        self,
        process: BoardProcess,
        *,
        clock_hertz: float,
        timeout: float | None = 1.0,
        patience: int = 20_000_000,
    ) -> None:
        self._process = process
        self._clock_hertz = clock_hertz
        self._patience = patience
        self.timeout = timeout
        self.write_timeout: float | None = None
        self.is_open = True

    @property
    def process(self) -> BoardProcess:
        """The board."""
        return self._process

    @property
    def name(self) -> str:
        """What messages call the port."""
        return "simulated board"

    @property
    def baudrate(self) -> int:
        """Bits a second."""
        return round(self._clock_hertz / self._process.divisor)

    @baudrate.setter
    def baudrate(self, value: int) -> None:
        self._process.set_divisor(self._clock_hertz / value)

    @property
    def in_waiting(self) -> int:
        """The number of bytes to be read; the time of one passes first when there is none."""
        count = self._process.waiting()
        if count == 0:
            self._process.step(self._byte_cycles())
            count = self._process.waiting()
        return count

    def read(self, size: int = 1) -> bytes:
        """Wait until so many bytes have come, until the timeout at most; return what there is."""
        cycles = self._patience
        if self.timeout is not None:
            cycles = min(cycles, round(self.timeout * self._clock_hertz))
        return self._process.receive(size, cycles)

    def write(self, data: bytes | bytearray | memoryview) -> int:
        """Queue bytes to be sent."""
        self._process.send(data)
        return len(data)

    def flush(self) -> None:
        """Wait until all is sent."""
        self._process.drain(self._patience)

    def reset_input_buffer(self) -> None:
        """Forget what has come."""
        self._process.discard_received()

    def reset_output_buffer(self) -> None:
        """Forget what waits to be sent."""
        self._process.discard_unsent()

    def close(self) -> None:
        """Do nothing: the board goes on."""
        self.is_open = False

    def _byte_cycles(self) -> int:
        return round(BITS * self._process.divisor) + 1
