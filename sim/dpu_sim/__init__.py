# SPDX-License-Identifier: Apache-2.0
"""Simulation: the emulator and the RTL."""
