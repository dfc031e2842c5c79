# SPDX-License-Identifier: Apache-2.0
"""Real networks to test with, and inputs for them.

They are not part of the repository: ``DPU_MODELS`` names the folder with the models (by default
``../shared/models`` beside the repository), its sibling ``data`` holds inputs. Tests of what is
absent are skipped.
"""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import numpy as np
import pytest

from dpu_compiler.frontend.tflite import read_model

ROOT = Path(__file__).resolve().parents[2]
MODELS = Path(os.environ.get("DPU_MODELS") or ROOT.parent / "shared" / "models")
DATA = MODELS.parent / "data"
BUNDLED = ROOT / "examples" / "digits" / "digits_int8.tflite"


@dataclasses.dataclass(frozen=True)
class NetworkCase:
    """A model file and the file of its inputs, examples stacked on the first axis.

    Without ``inputs`` it gets seeded random numbers; ``offset`` is added to what the file holds.
    """

    model: str
    inputs: str = ""
    offset: int = 0

    @property
    def path(self) -> Path:
        """The model's file."""
        return BUNDLED if self.model == BUNDLED.name else MODELS / self.model

    def require(self) -> Path:
        """Return the model's file, or skip the test."""
        if not self.path.is_file():
            pytest.skip(f"{self.path} is absent (DPU_MODELS names the folder of models)")
        return self.path

    def examples(self, count: int) -> list[np.ndarray]:
        """Up to so many examples in the shape of the model's input, or skip the test."""
        graph = read_model(self.require())
        shape = graph.tensors[graph.inputs[0]].shape
        if not self.inputs:
            rng = np.random.default_rng(1)
            return [rng.integers(-128, 128, shape).astype(np.int8) for _ in range(count)]
        path = DATA / self.inputs
        if not path.is_file():
            pytest.skip(f"{path} is absent")
        loaded = np.load(path)
        data = loaded["x"] if path.suffix == ".npz" else loaded
        return [
            (example.astype(int) + self.offset).astype(np.int8).reshape(shape)
            for example in data[:count]
        ]


VWW = NetworkCase("vww_96_int8.tflite", "vww_int8_6x96x96x3.npy")
KWS = NetworkCase("kws_ref_model.tflite", "kws_sample_int8_1x49x10x1.npy")
RESNET = NetworkCase("pretrainedResnet_quant.tflite")
ANOMALY = NetworkCase("ad01_int8.tflite")
PERSON = NetworkCase("person_detect.tflite", "person_detect_int8_2x96x96x1.npy")
SPEECH = NetworkCase("micro_speech_quantized.tflite")
MNIST = NetworkCase("mnist_dw_q.tflite", "mnist_t10k_first1000.npz", -128)
MOBILENET_035 = NetworkCase(
    "model_mobilenetv2_160_035.tflite", "mobilenetv2_160_int8_2x160x160x3.npy"
)
MOBILENET = NetworkCase("mobilenet_v2_quantized_1x3x224x224.tflite")
DIGITS = NetworkCase(BUNDLED.name, "mnist_t10k_first1000.npz", -128)

NETWORKS = (VWW, KWS, RESNET, ANOMALY, PERSON, SPEECH, MNIST, MOBILENET_035, DIGITS)
