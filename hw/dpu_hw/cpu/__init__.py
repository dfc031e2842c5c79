# SPDX-License-Identifier: Apache-2.0
"""A small RISC-V processor beside the DPU, for boards that run without a host."""
