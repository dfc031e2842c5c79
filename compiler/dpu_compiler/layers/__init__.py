# SPDX-License-Identifier: Apache-2.0
"""The kinds of layers, one file an engine: what they read, and the instructions that they emit."""
