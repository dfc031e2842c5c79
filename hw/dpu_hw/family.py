# SPDX-License-Identifier: Apache-2.0
"""Families of FPGAs whose primitives the gateware names, where that beats what synthesis infers."""

import enum

__all__ = ["Family", "Target", "family_of"]


class Family(enum.Enum):
    """A family, or none in particular."""

    PORTABLE = "portable"
    ECP5 = "ecp5"
    XC7 = "xc7"
    GOWIN = "gowin"


class Target:
    """What stands for a platform where only Verilog is written.

    Parameters
    ----------
    family : :class:`Family`
        Whose primitives the Verilog may hold.
    """

    def __init__(self, family):
        self.dpu_family = Family(family)


def family_of(platform):
    """Return the :class:`Family` of an Amaranth platform, of a :class:`Target`, or of none."""
    if isinstance(platform, Target):
        return platform.dpu_family
    name = getattr(platform, "family", "") if platform is not None else ""
    if name == "ecp5":
        return Family.ECP5
    if name == "series7":
        return Family.XC7
    if name.startswith("GW"):
        return Family.GOWIN
    return Family.PORTABLE
