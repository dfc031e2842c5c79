# SPDX-License-Identifier: Apache-2.0
"""The command line, ``dpu``."""

from dpu_host.cli.app import app, main

__all__ = ["app", "main"]
