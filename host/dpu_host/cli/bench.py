# SPDX-License-Identifier: Apache-2.0
"""``dpu bench``: the benchmark networks on the RTL, as a table."""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from dpu_compiler.errors import CompilerError
from dpu_golden import UnsupportedOperator
from dpu_host.cli import benchmarks, mobilenet_v1
from dpu_host.cli.benchmarks import Benchmark
from dpu_host.cli.check import Check
from dpu_host.cli.console import note, say, tell, working
from dpu_host.cli.demo import examples_folder
from dpu_host.cli.errors import FAILURE, UserError
from dpu_host.cli.inputs import Example, load_inputs
from dpu_host.cli.machines import Measurement
from dpu_host.cli.options import (
    ConfigOption,
    PresetOption,
    configuration_name,
    configuration_of,
    writable,
    writing,
)
from dpu_host.cli.pictures import read_picture
from dpu_host.cli.places import On
from dpu_host.cli.report import statistics
from dpu_host.cli.run import infer, make_machine
from dpu_host.cli.sources import Source, open_model
from dpu_host.cli.streams import STREAM, Stream, choose_stream
from dpu_host.errors import DeviceError
from dpu_sim.rtl import SimulationError
from dpu_sim.rtl.build_cache import cached, content_key
from dpu_spec.configuration import Configuration
from dpu_spec.instruction import Engine
from dpu_spec.presets import PRESETS

#: The network that comes with the repository.
BUNDLED = "digits"
_SMALL = (
    *("vww_96_int8", "kws_ref_model", "pretrainedResnet_quant", "ad01_int8", "person_detect"),
    *("micro_speech_quantized", "mnist_dw_q", "model_mobilenetv2_160_035", BUNDLED),
)
#: The network that is generated (:mod:`dpu_host.cli.mobilenet_v1`).
GENERATED = "mobilenet_v1_1.0_224"
#: What each preset is measured on; others than these run the small networks.
NETWORKS = {
    "b256": (
        *("vww_96_int8", "kws_ref_model", "pretrainedResnet_quant", "person_detect"),
        *("model_mobilenetv2_160_035", "mobilenet_v2_quantized_1x3x224x224", GENERATED),
    )
}
#: Inputs in the folder ``data`` beside the models; the first example is taken.
DATA = {
    "vww_96_int8": "vww_int8_6x96x96x3.npy",
    "kws_ref_model": "kws_sample_int8_1x49x10x1.npy",
    "person_detect": "person_detect_int8_2x96x96x1.npy",
    "model_mobilenetv2_160_035": "mobilenetv2_160_int8_2x160x160x3.npy",
    "mnist_dw_q": "mnist_t10k_first1000.npz",
}
_DIGIT = "7_a.png"
_SEED = 1
# What ends one network's run but not the others'.
_PROBLEMS = (CompilerError, UnsupportedOperator, SimulationError, DeviceError)


def models_folder(given: Path | None) -> Path:
    """Return the folder of models: given, or named by the environment, or beside the repository."""
    if given is not None:
        if not given.is_dir():
            raise UserError(f"{given}: there is no such folder; --models names one with models.")
        return given
    named = os.environ.get("DPU_MODELS")
    return Path(named) if named else repository().parent / "shared" / "models"


def repository() -> Path:
    """Return the folder of this repository."""
    return examples_folder().parents[1]


def model_path(network: str, models: Path) -> Path:
    """Return where a network's file should be."""
    if network == BUNDLED:
        return examples_folder() / "digits_int8.tflite"
    if network == GENERATED:
        return _generated()
    return models / f"{network}.tflite"


def example(network: str, source: Source, models: Path) -> Example:
    """Return the input that a network is measured on."""
    if network == BUNDLED:
        path = examples_folder() / "images" / _DIGIT
        (index,) = source.inputs
        return {index: read_picture(path.read_bytes(), str(path), source.tensors[index])[0]}
    if network not in DATA or not (models.parent / "data" / DATA[network]).is_file():
        return dict(_random(source))
    path = models.parent / "data" / DATA[network]
    if path.suffix == ".npz":
        (index,) = source.inputs
        pixels = np.load(path)["x"][0].astype(np.int16) - 128
        return {index: pixels.astype(np.int8).reshape(source.tensors[index].shape)}
    return load_inputs([str(path)], source)[0]


def _generated() -> Path:
    """Return the generated network's file, kept beside the simulators."""
    source = inspect.getsource(mobilenet_v1)

    def build(folder: Path) -> None:
        with working(f"generating {GENERATED}"):
            (folder / f"{GENERATED}.tflite").write_bytes(mobilenet_v1.mobilenet_v1())

    return cached("network", content_key([source, np.__version__]), build) / f"{GENERATED}.tflite"


def _random(source: Source) -> Iterator[tuple[int, Any]]:
    rng = np.random.default_rng(_SEED)
    for index in source.inputs:
        tensor = source.tensors[index]
        kind = np.dtype(tensor.dtype)
        if kind.kind == "f":
            yield index, rng.standard_normal(tensor.shape).astype(kind)
        else:
            low, high = np.iinfo(kind).min, np.iinfo(kind).max
            yield index, rng.integers(low, high, tensor.shape, endpoint=True, dtype=kind)


def measure(network: str, name: str, configuration: Configuration, models: Path) -> Benchmark:
    """Run a network on the RTL: once, as a stream, and without dead channels if that is faster."""
    path = model_path(network, models)
    source = Source(path, open_model(path), None, dead_channels=False)
    feeds = example(network, source, models)
    check = Check()
    found, measured = _inference(source, configuration, feeds, check)
    tensors = check.tensors
    dead = found["dead_channels"]
    cycles_without = None
    if dead["cycles_estimated_without"] < dead["cycles_estimated_with_them"]:
        smaller = Source(path, source.graph, None)
        # Its differences count as well.
        cycles_without = _inference(smaller, configuration, feeds, check)[0]["cycles"]
    streamed = Source(path, source.graph, None, dead_channels=False)
    choose_stream(streamed, STREAM, False)
    stream = _stream(streamed, configuration, feeds, check)
    array = sum(layer["macs"] for layer in found["layers"] if layer["engine"] == "conv")
    return Benchmark(
        network=network,
        preset=name,
        cycles=found["cycles"],
        predicted=found["cycles_estimated"],
        utilization_array=found["utilization_array"],
        utilization_all=found["utilization_all"],
        utilization_depthwise=depthwise_utilization(found, measured, configuration),
        dram_bytes=found["dram_read_bytes"] + found["dram_write_bytes"],
        floor=-(-array // configuration.array_multipliers),
        dead_channels=dead["removable"],
        channels=dead["channels"],
        cycles_without=cycles_without,
        cycles_of_stream=stream.cycles,
        speed=found["cycles"] / measured.seconds if measured.seconds else 0.0,
        tensors=tensors,
        differences=len(check.differences),
    )


def _inference(
    source: Source, configuration: Configuration, feeds: Example, check: Check
) -> tuple[dict[str, Any], Measurement]:
    """Run one inference on the RTL; return its statistics, and what was measured."""
    with closing(make_machine(On.rtl, source, configuration)) as machine:
        outcomes = infer(machine, [feeds], source, check, False)
    return statistics(source, configuration, "rtl", outcomes, check), outcomes[0].measurement


def _stream(source: Source, configuration: Configuration, feeds: Example, check: Check) -> Stream:
    """Run a start of several inferences on the RTL; each is checked."""
    stream = Stream(STREAM)
    with closing(make_machine(On.rtl, source, configuration)) as machine:
        infer(machine, [feeds] * STREAM, source, check, False, stream)
    return stream


def depthwise_utilization(
    found: dict[str, Any], measured: Measurement, configuration: Configuration
) -> float | None:
    """Return the share of the depthwise PE's multiplications that are of use while it works."""
    macs = sum(layer["macs"] for layer in found["layers"] if layer["engine"] == "depthwise")
    busy = sum(run.counters[Engine.DEPTHWISE]["busy"] for run in measured.runs)
    return macs / (busy * configuration.depthwise_multipliers) if busy else None


def _chosen(given: Sequence[str], preset: str, models: Path) -> list[str]:
    """Return the networks to run; one that was asked for by name has to be there."""
    names = [name for text in given for name in text.split(",") if name]
    for name in names:
        path = model_path(name, models)
        if not path.is_file():
            raise UserError(
                f"{name}: there is no {path}; name networks of the folder of models, which "
                "--models or DPU_MODELS gives."
            )
    return list(dict.fromkeys(names)) or list(NETWORKS.get(preset, _SMALL))


def _title(configuration: Configuration) -> str:
    """Return what a configuration is called in the file: by its preset, or by its hash."""
    name = configuration_name(configuration)
    return name if name in PRESETS else f"{name}-{configuration.hash:08x}"


def bench(
    preset: PresetOption = None,
    config: ConfigOption = None,
    models: Annotated[
        Path | None,
        typer.Option(
            "--models",
            metavar="FOLDER",
            help="Where the models are. [default: $DPU_MODELS, or ../shared/models beside the "
            "repository]",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="The file to write. [default: the repository's docs/benchmarks.md]",
            show_default=False,
        ),
    ] = None,
    networks: Annotated[
        list[str] | None,
        typer.Option(
            "--networks",
            metavar="NAME[,NAME...]",
            help="Measure these only; the file's other lines stay. [default: all of the preset]",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Measure networks on the RTL under the benchmark conditions, and write the table."""
    configuration = configuration_of(preset, config)
    title = _title(configuration)
    folder = models_folder(models)
    path = output if output is not None else repository() / "docs" / "benchmarks.md"
    chosen = _chosen(networks or [], title, folder)
    before = benchmarks.read(path)
    writable(path, "--output")
    absent = [name for name in chosen if not model_path(name, folder).is_file()]
    for name in absent:
        note(f"{name} is left out: there is no {model_path(name, folder)}.")

    results = []
    for name in chosen:
        if name in absent:
            continue
        say(f"{name} on {title}")
        try:
            result = measure(name, title, configuration, folder)
        except _PROBLEMS as error:
            result = Benchmark(name, title, problem=" ".join(str(error).split()))
        say(benchmarks.row(result))
        results.append(result)
    old = benchmarks.rows_of(before, title) if networks else {}
    kept = [line for name, line in old.items() if name not in chosen]
    own = benchmarks.section(title, results, absent, kept)
    with writing(path):
        path.write_text(benchmarks.merged(before, title, own), encoding="utf-8")
    tell(own)
    tell(f"{path} is written")
    wrong = [result.network for result in results if not result.exact]
    if wrong:
        say(f"failure: not exact, or did not run: {', '.join(wrong)}.")
        raise typer.Exit(FAILURE)
