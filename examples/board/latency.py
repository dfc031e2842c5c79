# SPDX-License-Identifier: Apache-2.0
"""Measure how long inferences take on a board: cycles of the DPU, and seconds with the link."""

import statistics
import time

import numpy as np
from network import ExampleError, load, messages, parser

from dpu_host.driver import Counts, Device


class Cycles:
    """Adds up the cycles of the runs of an inference."""

    def __init__(self) -> None:
        self.total = 0

    def begin(self, step: int) -> None:
        """Called before a run."""

    def end(self, step: int, counts: Counts) -> None:
        """Called after a run."""
        self.total += counts.cycles


def spread(values: list[float], form: str) -> str:
    """Return the least, the median and the greatest of some values."""
    found = {"min": min(values), "median": statistics.median(values), "max": max(values)}
    return ", ".join(f"{name} {value:{form}}" for name, value in found.items())


def main() -> None:
    """Run the command."""
    arguments = parser(__doc__)
    arguments.add_argument("--runs", type=int, default=10, help="inferences to measure")
    options = arguments.parse_args()
    with messages():
        if options.runs < 1:
            raise ExampleError("--runs: must be 1 or more.")
        with Device.open(options.device) as device:
            program = load(options.program, device)
            tensors = [program.tensors[index] for index in program.inputs]
            values = {
                index: np.zeros(tensor.shape, tensor.dtype)
                for index, tensor in zip(program.inputs, tensors, strict=True)
            }
            cycles, seconds = [], []
            for _ in range(options.runs):
                observer, begin = Cycles(), time.monotonic()
                device.infer(values, observer=observer)
                seconds.append(time.monotonic() - begin)
                cycles.append(observer.total)
            hertz = getattr(device.transport, "clock_hertz", None)
        print(f"{options.runs} inferences, {program.frames.count} frames each")
        print(f"cycles of the DPU: {spread(cycles, '.0f')}")
        if hertz is not None:
            print(f"ms of the DPU: {spread([1000 * c / hertz for c in cycles], '.3f')}")
        print(f"ms with the link: {spread([1000 * s for s in seconds], '.1f')}")


if __name__ == "__main__":
    main()
