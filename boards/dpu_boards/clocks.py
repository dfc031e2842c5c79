# SPDX-License-Identifier: Apache-2.0
"""The DPU's clock, made from a board's oscillator by the FPGA's PLL."""

import dataclasses

from amaranth import *
from amaranth.lib.cdc import ResetSynchronizer

__all__ = ["ClockError", "Ecp5Clock", "PllSettings", "ecp5_pll_settings"]

#: Range of the ECP5's VCO (FPGA-DS-02012, sysCLOCK PLL timing).
_VCO = (400e6, 800e6)
#: Range of the frequency at its phase detector.
_DETECTOR = (10e6, 400e6)


class ClockError(ValueError):
    """The PLL can't make that frequency."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class PllSettings:
    """Dividers of an EHXPLLL whose first output is for the feedback only.

    Parameters
    ----------
    reference : :class:`int`
        CLKI_DIV.
    feedback : :class:`int`
        CLKOP_DIV: the VCO runs at so many times the detector's frequency.
    output : :class:`int`
        CLKOS_DIV.
    """

    reference: int
    feedback: int
    output: int

    def frequency(self, source):
        """Return the output's frequency in hertz for an input of ``source`` hertz."""
        return source * self.feedback / (self.reference * self.output)


def ecp5_pll_settings(source, wanted):
    """Return the :class:`PllSettings` that come nearest to a frequency, not above it.

    Parameters
    ----------
    source, wanted : :class:`float`
        Frequencies in hertz of the oscillator and of the output.

    Raises
    ------
    ClockError
        If none comes within 5 %.
    """
    candidates = []
    for reference in range(1, 129):
        detector = source / reference
        if not _DETECTOR[0] <= detector <= _DETECTOR[1]:
            continue
        for feedback in range(1, 129):
            if not _VCO[0] <= detector * feedback <= _VCO[1]:
                continue
            for output in range(1, 129):
                settings = PllSettings(reference=reference, feedback=feedback, output=output)
                if 0.95 * wanted <= settings.frequency(source) <= wanted * (1 + 1e-9):
                    candidates.append(settings)
    if not candidates:
        raise ClockError(
            f"The PLL makes nothing within 5 % below {wanted / 1e6:g} MHz from {source / 1e6:g} "
            "MHz; choose another clock."
        )
    # Of equals the fastest detector, which has the least jitter.
    return max(candidates, key=lambda settings: (settings.frequency(source), -settings.reference))


class Ecp5Clock(Elaboratable):
    """Drive the domain ``sync`` from a pin by an EHXPLLL; it is in reset until the PLL has locked.

    A parent defines the domain. nextpnr derives the clocks' frequencies from the pin's.

    Parameters
    ----------
    pin : :class:`Value`
        The oscillator.
    settings : :class:`PllSettings`
        Dividers.
    phase : :class:`float`
        How much later than the domain's clock :attr:`late` is, as a part of the period.
    """

    def __init__(self, *, pin, settings, phase):
        if not 0 <= phase < 1:
            raise ValueError(f"The phase is a part of the period, not {phase!r}")
        self._pin = pin
        self._settings = settings
        self._phase = phase
        #: A clock of the same frequency for the memory.
        self.late = Signal(name="memory_clk")

    def elaborate(self, platform):
        m = Module()
        settings = self._settings
        feedback = Signal()
        locked = Signal()
        # Phases are set in eighths of a cycle of the VCO.
        steps = round(self._phase * settings.output * 8)
        m.submodules.pll = Instance(
            "EHXPLLL",
            p_CLKI_DIV=settings.reference,
            p_CLKFB_DIV=1,
            # Phases as the vendor's tool gives them to outputs without a shift.
            p_CLKOP_ENABLE="ENABLED",
            p_CLKOP_DIV=settings.feedback,
            p_CLKOP_CPHASE=settings.feedback - 1,
            p_CLKOP_FPHASE=0,
            p_CLKOS_ENABLE="ENABLED",
            p_CLKOS_DIV=settings.output,
            p_CLKOS_CPHASE=settings.output - 1,
            p_CLKOS_FPHASE=0,
            p_CLKOS2_ENABLE="ENABLED",
            p_CLKOS2_DIV=settings.output,
            p_CLKOS2_CPHASE=settings.output - 1 + steps // 8,
            p_CLKOS2_FPHASE=steps % 8,
            p_FEEDBK_PATH="CLKOP",
            p_OUTDIVIDER_MUXA="DIVA",
            p_OUTDIVIDER_MUXB="DIVB",
            p_OUTDIVIDER_MUXC="DIVC",
            p_PLLRST_ENA="DISABLED",
            p_INTFB_WAKE="DISABLED",
            p_STDBY_ENABLE="DISABLED",
            p_DPHASE_SOURCE="DISABLED",
            i_CLKI=self._pin,
            i_CLKFB=feedback,
            i_RST=C(0, 1),
            i_STDBY=C(0, 1),
            i_PHASESEL0=C(0, 1),
            i_PHASESEL1=C(0, 1),
            i_PHASEDIR=C(1, 1),
            i_PHASESTEP=C(1, 1),
            i_PHASELOADREG=C(1, 1),
            i_PLLWAKESYNC=C(0, 1),
            i_ENCLKOP=C(0, 1),
            i_ENCLKOS=C(0, 1),
            i_ENCLKOS2=C(0, 1),
            o_CLKOP=feedback,
            o_CLKOS=ClockSignal(),
            o_CLKOS2=self.late,
            o_LOCK=locked,
        )
        m.submodules.reset = ResetSynchronizer(~locked, domain="sync")
        return m
