# SPDX-License-Identifier: Apache-2.0
"""The compiler: from a quantized model to a program."""
