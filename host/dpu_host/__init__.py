# SPDX-License-Identifier: Apache-2.0
"""The host side: driver and command line."""
