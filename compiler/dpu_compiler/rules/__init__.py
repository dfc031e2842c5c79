# SPDX-License-Identifier: Apache-2.0
"""What operators must be like to run on the DPU, by what the rules are about.

Each rule is a function whose docstring is both the message for the user and the line of
``docs/supported_operators.md``. A rule returns None where it holds, or what the operator has
instead.
"""
