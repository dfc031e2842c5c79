# SPDX-License-Identifier: Apache-2.0
"""The DPU beside the processor of a Zynq-7000: AXI3 ports to its memory."""

from dpu_hw.zynq.adapter import Axi3Adapter
from dpu_hw.zynq.axi3 import Axi3Signature
from dpu_hw.zynq.top import ZynqDpu

__all__ = ["Axi3Adapter", "Axi3Signature", "ZynqDpu"]
