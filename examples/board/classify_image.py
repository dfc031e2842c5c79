# SPDX-License-Identifier: Apache-2.0
"""Classify one picture on a board."""

from pathlib import Path

from network import best, load, messages, parser, read_labels, read_picture

from dpu_host.driver import Device


def main() -> None:
    """Run the command."""
    arguments = parser(__doc__)
    arguments.add_argument("image", type=Path)
    arguments.add_argument("--labels", type=Path, help="names of the classes, one a line")
    arguments.add_argument("--top", type=int, default=3, help="how many classes to show")
    options = arguments.parse_args()
    with messages():
        labels = read_labels(options.labels)
        with Device.open(options.device) as device:
            program = load(options.program, device)
            picture = read_picture(options.image, program.tensors[program.inputs[0]])
            # A program of several frames classifies as many pictures; here it is always this one.
            outputs = device.infer(dict.fromkeys(program.inputs, picture))
            cycles = device.counts().cycles
        index = program.outputs[0]
        for text in best(outputs[index], program.tensors[index], labels, options.top):
            print(text)
        print(f"{cycles} cycles in the last run of the DPU")


if __name__ == "__main__":
    main()
