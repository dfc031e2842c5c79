# SPDX-License-Identifier: Apache-2.0
"""A stand-in for the package ``pynq`` whose device is behind a transport, caches and all.

It has what PYNQ 3 documents: Overlay with ip_dict, MMIO, allocate, Clocks. A buffer is what the
processor's caches hold of it: the DRAM changes by ``flush``, the buffer by ``invalidate``.
"""

import types

import numpy as np

from dpu_host.transport import Transport

REGISTER_BASE = 0x43C0_0000
#: Where the buffers lie in DRAM; no page begins there.
BUFFER_ADDRESS = 0x0012_3440


class Buffer(np.ndarray):
    """A buffer, or a slice of one, as ``pynq.buffer.PynqBuffer``."""

    dram: Transport
    origin: int
    freed: list[int]

    def __array_finalize__(self, parent: object) -> None:
        if isinstance(parent, Buffer) and hasattr(parent, "dram"):
            self.dram, self.origin, self.freed = parent.dram, parent.origin, parent.freed

    @property
    def device_address(self) -> int:
        """Physical address of the first byte."""
        offset: int = self.__array_interface__["data"][0] - self.origin
        return BUFFER_ADDRESS + offset

    def flush(self) -> None:
        """Write what the caches hold into the DRAM."""
        self.dram.write_memory(self.device_address, self.tobytes())

    def invalidate(self) -> None:
        """Let the caches hold what is in the DRAM."""
        data = self.dram.read_memory(self.device_address, self.nbytes)
        self[:] = np.frombuffer(data, np.uint8)

    def freebuffer(self) -> None:
        """Give the buffer back."""
        self.freed.append(self.device_address)


class Pynq(types.ModuleType):
    """The module.

    Parameters
    ----------
    device
        Where its registers and its DRAM are.
    megahertz
        What it says the DPU's clock is.
    bytes_at_most
        Of a buffer, however large it is asked for.
    """

    def __init__(
        self, device: Transport, *, megahertz: float = 100.0, bytes_at_most: int = 1 << 30
    ) -> None:
        super().__init__("pynq")
        self.loaded: list[str] = []
        self.freed: list[int] = []
        # Where the next buffer can't be had: why.
        self.full: Exception | None = None
        self.ip_dict: dict[str, dict[str, object]] = {
            "ps": {"type": "xilinx.com:ip:processing_system7:5.5"},
            "dpu": {
                "type": "xilinx.com:module_ref:tandem_dpu:1.0",
                "phys_addr": REGISTER_BASE,
                "addr_range": 0x1_0000,
            },
        }
        module = self

        class Overlay:
            def __init__(self, bitfile_name: str) -> None:
                module.loaded.append(bitfile_name)
                self.ip_dict = module.ip_dict

        class MMIO:
            def __init__(self, base_addr: int, length: int = 4) -> None:
                assert module.loaded, "registers without a bitstream would hang the processor"
                assert (base_addr, length) == (REGISTER_BASE, 0x1_0000)

            def read(self, offset: int = 0) -> np.uint32:
                assert offset % 4 == 0
                return np.uint32(device.read_register(offset))

            def write(self, offset: int, data: int) -> None:
                assert offset % 4 == 0
                assert type(data) is int
                device.write_register(offset, data)

        def allocate(shape: tuple[int, ...], dtype: type) -> Buffer:
            if module.full is not None:
                raise module.full
            buffer = np.full(min(shape[0], bytes_at_most), 0xA5, dtype).view(Buffer)
            buffer.dram, buffer.freed = device, module.freed
            buffer.origin = buffer.__array_interface__["data"][0]
            return buffer

        self.Overlay, self.MMIO, self.allocate = Overlay, MMIO, allocate
        self.Clocks = types.SimpleNamespace(fclk0_mhz=megahertz)
