# SPDX-License-Identifier: Apache-2.0
"""Send a feature map through DRAM, so that the layers before and after it need no room together.

What comes from DRAM already can be divided: a load of its own for each reader, then halves of the
channels for a reader that works on each channel alone.
"""

from __future__ import annotations

import copy
import dataclasses

from dpu_compiler.featuremap import DramTensor, FeatureMap, Layout
from dpu_compiler.layer import Layer
from dpu_compiler.layers.transfer import LoadLayer, StoreLayer
from dpu_compiler.layers.vector import VectorLayer
from dpu_compiler.translate.step import StepBuilder


def can_spill(builder: StepBuilder, feature_map: FeatureMap) -> bool:
    """Tell whether a map is computed and read here, and thus can take the way through DRAM."""
    writers = [layer for layer in builder.layers if layer.output is feature_map]
    return (
        feature_map.layout is Layout.BLOCKED
        and feature_map.tensor >= 0
        and not any(isinstance(layer, LoadLayer) for layer in writers)
        and any(_reads(layer, feature_map) for layer in builder.layers)
    )


def _reads(layer: Layer, feature_map: FeatureMap) -> bool:
    return feature_map in layer.inputs and not isinstance(layer, StoreLayer)


def spill(builder: StepBuilder, feature_map: FeatureMap) -> None:
    """Store a map when it is made, and load a copy of its own for each layer that reads it."""
    stored = [
        layer
        for layer in builder.layers
        if isinstance(layer, StoreLayer) and layer.map is feature_map
    ]
    last_writer = max(
        index for index, layer in enumerate(builder.layers) if layer.output is feature_map
    )
    operator = builder.layers[last_writer].operator
    if stored and not stored[0].dram.row_stride and not stored[0].dram.column_stride:
        dram = stored[0].dram
    else:
        dram = builder.memory.reserve(
            feature_map.tensor, feature_map.height * feature_map.width * feature_map.channels
        )
        builder.layers.insert(last_writer + 1, StoreLayer(operator, feature_map, dram))
    for layer in [layer for layer in builder.layers if _reads(layer, feature_map)]:
        copy = dataclasses.replace(feature_map, base=-1)
        builder.layers.insert(builder.layers.index(layer), LoadLayer(layer.operator, dram, copy))
        layer.inputs = [copy if source is feature_map else source for source in layer.inputs]


def _load_of(builder: StepBuilder, feature_map: FeatureMap) -> LoadLayer | None:
    """Return the load that fills a map alone."""
    writers = [layer for layer in builder.layers if layer.output is feature_map]
    if len(writers) == 1 and isinstance(writers[0], LoadLayer):
        return writers[0]
    return None


def can_divide(builder: StepBuilder, feature_map: FeatureMap) -> bool:
    """Tell whether a map that is loaded can be loaded once a reader, or half by half."""
    if _load_of(builder, feature_map) is None:
        return False
    readers = [layer for layer in builder.layers if feature_map in layer.inputs]
    if len(readers) > 1:
        return True
    return (
        len(readers) == 1
        and isinstance(readers[0], VectorLayer)
        and len(readers[0].inputs) == 1
        and feature_map.layout is Layout.BLOCKED
        and feature_map.blocks > 1
    )


def divide(builder: StepBuilder, feature_map: FeatureMap) -> None:
    """Load a map for each of its readers, or half of its channels after the other."""
    load = _load_of(builder, feature_map)
    assert load is not None
    readers = [layer for layer in builder.layers if feature_map in layer.inputs]
    for layer in readers[1:]:
        own = dataclasses.replace(feature_map, base=-1)
        builder.layers.insert(
            builder.layers.index(layer), LoadLayer(layer.operator, load.dram, own)
        )
        layer.inputs = [own if source is feature_map else source for source in layer.inputs]
    if len(readers) == 1 and isinstance(readers[0], VectorLayer):
        _halve(builder, load, readers[0])


def _halve(builder: StepBuilder, load: LoadLayer, reader: VectorLayer) -> None:
    whole = load.map
    middle = whole.blocks // 2
    lanes = whole.configuration.lanes
    for first, count in (
        (0, middle * lanes),
        (middle * lanes, whole.channels - middle * lanes),
    ):
        dram = DramTensor(
            load.dram.tensor,
            load.dram.window,
            load.dram.offset + first,
            load.dram.size,
            load.row_stride,
            load.dram.column_stride or whole.channels,
        )
        half = dataclasses.replace(whole, tensor=-1, channels=count, base=-1)
        part = copy.copy(reader)
        part.inputs = [half]
        part.block_offset = reader.block_offset + first // lanes
        at = builder.layers.index(reader)
        builder.layers[at:at] = [LoadLayer(load.operator, dram, half), part]
    builder.layers.remove(reader)
    builder.layers.remove(load)
