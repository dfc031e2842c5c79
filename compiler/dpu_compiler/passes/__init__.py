# SPDX-License-Identifier: Apache-2.0
"""Changes of the graph before layers are made of it, one file each."""
