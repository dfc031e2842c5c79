# SPDX-License-Identifier: Apache-2.0
"""The FPGAs that presets are made for, and how cells of Yosys fill them."""

import dataclasses

__all__ = ["ECP5_25F", "ECP5_85F", "FAMILIES", "PRESET_PARTS", "ZYNQ_7020", "Family", "Part"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Family:
    """Parts that synthesis treats alike.

    Parameters
    ----------
    synthesis : :class:`str`
        The command of Yosys.
    resources : :class:`dict` of :class:`str` to :class:`dict`
        For each resource, in the order of the tables, what a cell of each type takes of it.
    free : :class:`tuple` of :class:`str`
        Types of cells that take nothing: they come with the others, or carry no logic.
    notes : :class:`tuple` of :class:`str`
        Sentences on how cells are counted.
    """

    synthesis: str
    resources: dict[str, dict[str, float]]
    free: tuple[str, ...]
    notes: tuple[str, ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Part:
    """An FPGA.

    Parameters
    ----------
    name : :class:`str`
        Name.
    family : :class:`str`
        Key in :data:`FAMILIES`.
    budget : :class:`dict` of :class:`str` to :class:`int`
        What it has of the resources.
    """

    name: str
    family: str
    budget: dict[str, int]


FAMILIES = {
    "ecp5": Family(
        # Multiplexers that join LUT4s to wider LUTs would take a sixth more LUT4s.
        synthesis="synth_ecp5 -noiopad -nowidelut",
        resources={
            "LUT4": {"LUT4": 1, "CCU2C": 2, "TRELLIS_DPR16X4": 6},
            "of these, carry": {"CCU2C": 2},
            "of these, RAM": {"TRELLIS_DPR16X4": 6},
            "FF": {"TRELLIS_FF": 1},
            "DP16KD": {"DP16KD": 1, "PDPW16KD": 1},
            "MULT18X18D": {"MULT18X18D": 1},
        },
        free=("PFUMX", "L6MUX21", "VCC", "GND", "INV"),
        notes=(
            "A CCU2C (two bits of carry) takes the place of two LUT4.",
            "A TRELLIS_DPR16X4 (16x4 bits of RAM) takes the place of six: four hold the bits, and "
            "the two of a neighbouring slice address them.",
        ),
    ),
    "xc7": Family(
        synthesis="synth_xilinx -family xc7 -flatten -noiopad -noclkbuf",
        resources={
            "LUT": {
                **{f"LUT{inputs}": 1 for inputs in range(1, 7)},
                "RAM32M": 4,
                "RAM64M": 4,
                "RAM32X1D": 2,
                "RAM64X1D": 2,
                "SRL16E": 1,
                "SRLC32E": 1,
            },
            "of these, RAM": {
                "RAM32M": 4,
                "RAM64M": 4,
                "RAM32X1D": 2,
                "RAM64X1D": 2,
                "SRL16E": 1,
                "SRLC32E": 1,
            },
            "FF": {"FDRE": 1, "FDSE": 1, "FDCE": 1, "FDPE": 1},
            "RAMB36": {"RAMB36E1": 1, "RAMB18E1": 0.5},
            "DSP48E1": {"DSP48E1": 1},
        },
        free=("CARRY4", "MUXF7", "MUXF8", "INV", "VCC", "GND"),
        notes=(
            "A CARRY4 takes no place of its own: the LUTs in front of it are counted. Inverters "
            "disappear in what they drive.",
            "Two small functions that could share a LUT6 are counted as two.",
            "A RAMB18E1 is half a RAMB36.",
        ),
    ),
}

ECP5_25F = Part(
    name="ECP5-25F",
    family="ecp5",
    budget={"LUT4": 24288, "FF": 24288, "DP16KD": 56, "MULT18X18D": 28},
)

ECP5_85F = Part(
    name="ECP5-85F",
    family="ecp5",
    budget={"LUT4": 83640, "FF": 83640, "DP16KD": 208, "MULT18X18D": 156},
)

ZYNQ_7020 = Part(
    name="Zynq-7020",
    family="xc7",
    budget={"LUT": 53200, "FF": 106400, "RAMB36": 140, "DSP48E1": 220},
)

#: The part that each preset must fit in.
PRESET_PARTS = {"tiny": ECP5_85F, "b16": ECP5_25F, "b128": ECP5_85F, "b256": ZYNQ_7020}
