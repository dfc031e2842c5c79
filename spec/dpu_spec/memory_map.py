# SPDX-License-Identifier: Apache-2.0
"""Where a board's bus masters, the host link and a CPU, find DRAM and registers.

Addresses are bytes. They follow LiteX's conventions, so that its tools find what they look for.
The DPU's own AXI4 port sees the DRAM from address 0.
"""

#: The DRAM that DPU and host share.
MEMORY_BASE = 0x4000_0000
#: End of the addresses that lead to the DRAM.
MEMORY_END = 0xC000_0000
#: The DPU's AXI4-Lite registers, see :mod:`dpu_spec.registers`.
REGISTER_BASE = 0xF000_0000
#: Bytes of that range.
REGISTER_BYTES = 0x1_0000
#: The host link's own registers.
LINK_BASE = 0xF001_0000

#: Link registers, offsets from :data:`LINK_BASE`.
#: CRC-32 (as zlib's) of the data bytes written to and read from memory and registers since it was
#: last written, in the order in which they crossed the link; a write of any value starts anew.
LINK_CRC = 0x00
#: Bit 0: the DPU's interrupt. Bit 1: the DRAM is ready. Bit 2: a bus error came since the last
#: write to this register.
LINK_STATUS = 0x04
#: Bytes of DRAM.
LINK_MEMORY_BYTES = 0x08
#: Frequency of the clock in hertz.
LINK_CLOCK_HERTZ = 0x0C
#: Address behind the word of memory or registers that a command moved last (of that word itself
#: where all words of the command have one address). It shows whether a command went to its place.
LINK_NEXT = 0x10
#: Words written to memory and registers since the reset, modulo 2^32.
LINK_WRITTEN = 0x14
#: Lowest and highest address of a word of memory or registers written since the last write to
#: LINK_CRC; 0xFFFFFFFC and 0 where none was. They show what a damaged command may have overwritten.
LINK_LOWEST = 0x18
LINK_HIGHEST = 0x1C

#: The on-chip memory of a CPU beside the DPU; it holds its firmware, which starts at 0.
CPU_MEMORY_BASE = 0x0000_0000
#: The CPU's own registers.
CPU_BASE = 0xF002_0000

#: CPU registers, offsets from :data:`CPU_BASE`.
#: A byte written here is sent on the UART; the write waits until there is room for it. Bit 0 reads
#: as 1 while there is.
CPU_UART = 0x00
#: Bit 0: the DPU's interrupt. Bit 1: the DRAM is ready. Bit 2: a bus error came since the last
#: write to this register. As LINK_STATUS.
CPU_STATUS = 0x04
#: Cycles since reset, modulo 2^32.
CPU_CYCLES = 0x08
#: Bytes of DRAM.
CPU_MEMORY_BYTES = 0x0C
