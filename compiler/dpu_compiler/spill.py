# SPDX-License-Identifier: Apache-2.0
"""Send a feature map through DRAM, so that the layers before and after it need no room together."""

from __future__ import annotations

import dataclasses

from dpu_compiler.featuremap import FeatureMap, Layout
from dpu_compiler.layer import Layer
from dpu_compiler.layers.transfer import LoadLayer, StoreLayer
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
