# SPDX-License-Identifier: Apache-2.0
"""The contract: configuration, instruction set, registers, program format."""
