# SPDX-License-Identifier: Apache-2.0
"""Ways to a DPU on a board."""
