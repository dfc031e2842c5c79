# SPDX-License-Identifier: Apache-2.0
"""Registers, instruction fetch and dispatch, start and end of a run."""
