# SPDX-License-Identifier: Apache-2.0
"""Synthesize presets and hold what they take against what their FPGAs have.

``python -m dpu_boards.synthesize`` writes ``docs/resources.md``; with ``--preset`` it only looks at
that preset. It exits with 1 if one doesn't fit.
"""

import argparse
import sys
from pathlib import Path

from dpu_boards.parts import FAMILIES, PRESET_PARTS
from dpu_boards.report import Synthesis, page, summary
from dpu_boards.resources import blocks, over_budget
from dpu_boards.yosys import SynthesisError, synthesize
from dpu_hw.family import Family
from dpu_hw.generate import TOP, generate
from dpu_spec.presets import PRESET_NOTES, PRESETS

__all__ = ["main"]

#: Presets that the documentation has figures of. The others don't have to fit anywhere.
_DOCUMENTED = ("b128", "b256")
_PAGE = Path("docs/resources.md")


def _say(*lines, to):
    to.write("".join(f"{line}\n" for line in lines))
    to.flush()


def _synthesize(preset, folder):
    """Generate and synthesize a preset."""
    part = PRESET_PARTS[preset]
    _say(f"{preset}: generating", to=sys.stderr)
    generate(PRESETS[preset], folder, family=Family(part.family))
    _say(f"{preset}: synthesizing for the {part.name}; this takes minutes", to=sys.stderr)
    statistics = synthesize(folder, FAMILIES[part.family])
    return Synthesis(
        preset=preset,
        note=PRESET_NOTES[preset],
        part=part,
        blocks=blocks(statistics, TOP),
        tool=" ".join(statistics["creator"].split()[:2]),
    )


def main(arguments=None):
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(prog="dpu_boards.synthesize", description=__doc__)
    parser.add_argument(
        "--preset",
        action="append",
        choices=sorted(PRESETS),
        help="synthesize this preset only (again for more); no page is written",
    )
    parser.add_argument(
        "--build",
        type=Path,
        default=Path("build/synthesis"),
        help="folder for Verilog, logs and netlists (default: %(default)s)",
    )
    options = parser.parse_args(arguments)

    syntheses, broken = [], []
    for preset in options.preset or _DOCUMENTED:
        try:
            synthesis = _synthesize(preset, options.build / preset)
        except SynthesisError as error:
            _say(error, to=sys.stderr)
            return 2
        syntheses.append(synthesis)
        broken += [f"{preset}: {text}" for text in over_budget(synthesis.total, synthesis.part)]
        title = f"{preset} on {synthesis.part.name} ({synthesis.tool})"
        _say(title, "", *summary(synthesis), "", to=sys.stdout)
    if not options.preset:
        _PAGE.write_text(page(syntheses), encoding="utf-8")
    _say(*(f"too large: {text}" for text in broken), to=sys.stderr)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
