# SPDX-License-Identifier: Apache-2.0
"""Classify all pictures of a folder on a board.

A program compiled with --frames N takes N pictures a start, each beginning while the one before
ends.
"""

import time
from pathlib import Path

from network import ExampleError, best, load, messages, parser, read_labels, read_picture

from dpu_host.driver import Device

SUFFIXES = {".png", ".jpg", ".jpeg"}


def main() -> None:
    """Run the command."""
    arguments = parser(__doc__)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--labels", type=Path, help="names of the classes, one a line")
    options = arguments.parse_args()
    with messages():
        labels = read_labels(options.labels)
        paths = sorted(p for p in options.folder.iterdir() if p.suffix.lower() in SUFFIXES)
        if not paths:
            raise ExampleError(f"{options.folder}: has no PNG or JPEG picture.")
        with Device.open(options.device) as device:
            program = load(options.program, device)
            begin, frames = time.monotonic(), program.frames.count
            for first in range(0, len(paths), frames):
                group = paths[first : first + frames]
                # The last start may have fewer pictures than frames: it repeats one.
                padded = group + group[-1:] * (frames - len(group))
                inputs = {
                    index: read_picture(path, program.tensors[index])
                    for index, path in zip(program.inputs, padded, strict=True)
                }
                outputs = device.infer(inputs)
                for path, index in zip(group, program.outputs, strict=False):
                    (text,) = best(outputs[index], program.tensors[index], labels, 1)
                    print(f"{path.name}: {text}")
            seconds = time.monotonic() - begin
        print(f"{len(paths)} pictures in {seconds:.2f} s, {frames} a start")


if __name__ == "__main__":
    main()
