# SPDX-License-Identifier: Apache-2.0
"""A device in Python: registers as the hardware has them, runs by the emulator."""

import numpy as np

from dpu_sim.emulator import Machine
from dpu_spec.configuration import Configuration
from dpu_spec.instruction import Engine
from dpu_spec.isa import INSTRUCTION_BYTES, WINDOW_NAMES, decode
from dpu_spec.registers import BY_NAME, ROM_ADDRESS, Access, Error, identity, rom

_BY_ADDRESS = {register.address: register.name for register in BY_NAME.values()}
_CONTROL = BY_NAME["CONTROL"]
_STATUS = BY_NAME["STATUS"]
NO_ENGINE = 15


class FakeDevice:
    """A transport to a device that doesn't exist.

    ``fail`` makes the next run end with (error, engine, instruction); ``hang`` makes runs never
    end; ``registers`` holds every register's value and may be changed.
    """

    def __init__(self, configuration: Configuration, *, memory: int = 1 << 22) -> None:
        self.configuration = configuration
        self.memory = np.zeros(memory, np.uint8)
        self.registers = dict.fromkeys(BY_NAME, 0) | identity(configuration)
        self.rom = rom(configuration)
        self.fail: tuple[Error | int, int, int] | None = None
        self.hang = False
        self.interrupt = False
        self.runs = 0
        self.waited: list[int] = []

    @property
    def memory_bytes(self) -> int:
        return len(self.memory)

    def read_register(self, address: int) -> int:
        if address >= ROM_ADDRESS:
            index = (address - ROM_ADDRESS) // 4
            return self.rom[index] if index < len(self.rom) else 0
        return self.registers[_BY_ADDRESS[address]]

    def write_register(self, address: int, value: int) -> None:
        name = _BY_ADDRESS[address]
        if name == "CONTROL":
            if _CONTROL.field("clear_interrupt").get(value):
                self.interrupt = False
            if _CONTROL.field("abort").get(value):
                self._end((Error.ABORT, NO_ENGINE, 0))
            if _CONTROL.field("start").get(value):
                self._start()
        else:
            assert BY_NAME[name].access is Access.WRITE, name
            self.registers[name] = value

    def read_memory(self, address: int, size: int) -> bytes:
        assert address + size <= len(self.memory)
        return self.memory[address : address + size].tobytes()

    def write_memory(self, address: int, data: bytes) -> None:
        assert address + len(data) <= len(self.memory)
        self.memory[address : address + len(data)] = np.frombuffer(data, np.uint8)

    def wait(self, cycles: int) -> bool:
        self.waited.append(cycles)
        return self.interrupt

    def _start(self) -> None:
        self.runs += 1
        if self.hang:
            self.registers["STATUS"] = _STATUS.field("busy").put(1)
            return
        if self.fail is None:
            self._execute()
            self.registers |= {"CYCLES": 1000 + self.runs, "READ_BYTES": 64, "WRITE_BYTES": 8}
        self._end(self.fail)
        self.fail = None

    def _end(self, fail: tuple[Error | int, int, int] | None) -> None:
        error, engine, instruction = fail or (Error.NONE, NO_ENGINE, 0)
        self.registers["STATUS"] = (
            _STATUS.field("done").put(1)
            | _STATUS.field("error").put(error)
            | _STATUS.field("error_engine").put(engine)
            | _STATUS.field("error_instruction").put(instruction)
        )
        self.interrupt = bool(self.registers["INTERRUPT_ENABLE"])

    def _execute(self) -> None:
        machine = Machine(self.configuration, check=False)
        windows = []
        for index, name in enumerate(WINDOW_NAMES):
            base = self.registers[f"{name.upper()}_BASE"]
            size = self.registers[f"{name.upper()}_SIZE"]
            windows.append(self.memory[base : base + size])
            machine.window(index, windows[-1])
        streams = {}
        for engine in Engine:
            size = INSTRUCTION_BYTES[engine]
            first = self.registers[f"{engine.name}_STREAM"]
            data = windows[0][first : first + size * self.registers[f"{engine.name}_COUNT"]]
            raw = data.tobytes()
            streams[engine] = [decode(engine, raw[i : i + size]) for i in range(0, len(raw), size)]
        machine.run(streams)
