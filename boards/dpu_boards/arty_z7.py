# SPDX-License-Identifier: Apache-2.0
"""Digilent Arty Z7-20: a Zynq-7020 with 512 MB of DDR3, 16 bits wide."""

from dpu_boards.zynq_overlay import ZynqBoard

__all__ = ["BOARD"]

BOARD = ZynqBoard(
    name="arty-z7",
    title="Digilent Arty Z7-20",
    part="xc7z020clg400-1",
    preset="b256",
    board_pattern="*:arty-z7-20:*",
    memory_bytes=512 << 20,
    clock_mhz=100,
    # Clocks, DDR3 and console as the board's reference manual and schematic have them. An overlay
    # is loaded after the boot loader has set the processor up, so this only has to agree with it.
    processor={
        "PCW_CRYSTAL_PERIPHERAL_FREQMHZ": 50,
        "PCW_APU_PERIPHERAL_FREQMHZ": 650,
        "PCW_UIPARAM_DDR_PARTNO": "MT41J256M16 RE-125",
        "PCW_UIPARAM_DDR_FREQ_MHZ": 525,
        "PCW_UIPARAM_DDR_BUS_WIDTH": "16 Bit",
        "PCW_UIPARAM_DDR_DQS_TO_CLK_DELAY_0": 0.040,
        "PCW_UIPARAM_DDR_DQS_TO_CLK_DELAY_1": 0.058,
        "PCW_UIPARAM_DDR_BOARD_DELAY0": 0.223,
        "PCW_UIPARAM_DDR_BOARD_DELAY1": 0.212,
        "PCW_PRESET_BANK1_VOLTAGE": "LVCMOS 1.8V",
        "PCW_UART0_PERIPHERAL_ENABLE": 1,
        "PCW_UART0_UART0_IO": "MIO 14 .. 15",
        "PCW_SD0_PERIPHERAL_ENABLE": 1,
        "PCW_SD0_SD0_IO": "MIO 40 .. 45",
    },
)
