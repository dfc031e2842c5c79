# SPDX-License-Identifier: Apache-2.0
"""Between the scratchpad and DRAM: the load and store engines and the AXI4 masters."""
