# SPDX-License-Identifier: Apache-2.0
"""Run a model in TensorFlow Lite Micro, the judge of every integer result.

Beware: its softmax aborts the whole process when 512 or more logits tie at the maximum.
"""

import importlib.util
from collections.abc import Sequence
from typing import Any

import numpy as np
import tflite

_ELEMENT_BYTES = {
    tflite.TensorType.FLOAT32: 4,
    tflite.TensorType.INT32: 4,
    tflite.TensorType.INT64: 8,
    tflite.TensorType.INT16: 2,
}
_LARGEST_ARENA = 1 << 30


def available() -> bool:
    """Whether the reference runtime is installed; there are wheels for x86-64 Linux only."""
    return importlib.util.find_spec("tflite_micro") is not None


def run(
    model: bytes, inputs: Sequence[np.ndarray], arena_size: int | None = None
) -> dict[int, np.ndarray]:
    """Every tensor of the model (constants too) after one inference, by its index in the file.

    ``inputs`` are in the order of the graph's inputs. The arena is sized from the model's tensors
    and enlarged as needed, unless its size is given. Raises ``RuntimeError`` when the runtime
    refuses the model; it prints the reason to stderr itself.
    """
    graph = tflite.Model.GetRootAsModel(model, 0).Subgraphs(0)
    if len(inputs) != graph.InputsLength():
        raise ValueError(f"The model has {graph.InputsLength()} inputs, {len(inputs)} were given.")
    interpreter = _interpreter(model, _arena_bytes(graph), arena_size)
    for position, array in enumerate(inputs):
        interpreter.set_input(np.ascontiguousarray(array), position)
    interpreter.invoke()
    return {
        index: np.array(interpreter.GetTensor(index, 0)["tensor_data"])
        for index in range(graph.TensorsLength())
    }


def _arena_bytes(graph: Any) -> int:
    """What all tensors take at once (nothing is reused), plus the runtime's own structures."""
    total = 1 << 16
    for index in range(graph.TensorsLength()):
        tensor = graph.Tensors(index)
        elements = int(np.prod(tensor.ShapeAsNumpy())) if tensor.ShapeLength() else 1
        total += 512 + elements * _ELEMENT_BYTES.get(tensor.Type(), 1)
    # Scratch: an int32 accumulator an element of a reduction's output, per-channel multipliers.
    return 2 * total


def _interpreter(model: bytes, estimate: int, arena_size: int | None) -> Any:
    from tflite_micro.python.tflite_micro import runtime

    size = estimate if arena_size is None else arena_size
    while True:
        try:
            return runtime.Interpreter.from_bytes(
                model,
                arena_size=size,
                intrepreter_config=runtime.InterpreterConfig.kPreserveAllTensors,
            )
        except RuntimeError as error:
            # The runtime gives no reason here, so a second try tells a small arena from a refusal.
            if arena_size is not None or size > 4 * estimate or size > _LARGEST_ARENA:
                raise RuntimeError(
                    f"tflite-micro refused the model with an arena of {size} bytes: either an "
                    "operator is not supported as written, or the arena is too small "
                    f"(its own message is on stderr): {error}"
                ) from error
            size *= 8
