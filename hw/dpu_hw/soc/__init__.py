# SPDX-License-Identifier: Apache-2.0
"""What a board needs around the DPU: bus, memory, host link."""
