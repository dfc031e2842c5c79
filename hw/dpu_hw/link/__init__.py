# SPDX-License-Identifier: Apache-2.0
"""The host link of a board: a serial line to the DPU's registers and the DRAM."""
