# SPDX-License-Identifier: Apache-2.0
"""Order the row tiles of all layers so that rings hold what is still needed.

The order is sequential and right by itself; the engines run their parts of it concurrently, as far
as tokens let them. Upstream layers go first as far as their rings allow, which lets them run ahead
of their readers by as much as the rings hold.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Collection

from dpu_compiler.errors import CapacityError
from dpu_compiler.featuremap import FeatureMap
from dpu_compiler.layer import Layer, Tiling
from dpu_compiler.layers.transfer import LoadLayer, StoreLayer


@dataclasses.dataclass(frozen=True)
class Task:
    """Output rows ``first`` to ``last`` (exclusive) of a layer."""

    layer: Layer
    first: int
    last: int


class _Network:
    """Who writes and who reads each feature map."""

    def __init__(self, layers: list[Layer]) -> None:
        self.layers = layers
        self.writers: dict[FeatureMap, list[Layer]] = {}
        self.readers: dict[FeatureMap, list[tuple[Layer, int]]] = {}
        for layer in layers:
            if layer.output is not None:
                self.writers.setdefault(layer.output, []).append(layer)
            for index, source in enumerate(layer.inputs):
                self.readers.setdefault(source, []).append((layer, index))
        stores = [layer for layer in layers if isinstance(layer, StoreLayer)]
        #: The stores that a load reads from.
        self.stores = {
            layer: [store for store in stores if layer.stored_rows(store, layer.rows)]
            for layer in layers
            if isinstance(layer, LoadLayer)
        }
        #: Those whose state may change when a layer has had its turn.
        self.neighbours = {layer: self._neighbours(layer) for layer in layers}

    def _neighbours(self, layer: Layer) -> set[Layer]:
        """Return a layer, its readers, the writers of what it reads, and loads of its stores."""
        found = {layer}
        if layer.output is not None:
            found.update(reader for reader, _ in self.readers.get(layer.output, []))
        for source in layer.inputs:
            found.update(self.writers.get(source, []))
        found.update(load for load, stores in self.stores.items() if layer in stores)
        return found

    @property
    def maps(self) -> list[FeatureMap]:
        """All feature maps, in order of their making."""
        return list(self.writers)


def _ring(network: _Network, feature_map: FeatureMap, ahead: int) -> int:
    """Return the rows of a ring: the widest window of its readers, and tiles of a writer."""
    writers = network.writers[feature_map]
    rows = 1
    for layer, index in network.readers.get(feature_map, []):
        for first in range(0, layer.rows, layer.tile_rows):
            low, high = layer.input_rows(index, first, min(first + layer.tile_rows, layer.rows))
            rows = max(rows, high - low, layer.row_step + 1)
    return rows + ahead * max(writer.tile_rows for writer in writers)


def plan(layers: list[Layer], tiling: Tiling, rings: Collection[FeatureMap]) -> _Network:
    """Choose tiles and the heights of rings; ``rings`` are the maps that shall be some."""
    network = _Network(layers)
    for feature_map in network.maps:
        feature_map.ring_rows = feature_map.height
        if feature_map in rings:
            # Its least height follows from the tiles.
            feature_map.ring_rows = feature_map.height - 1
    for layer in layers:
        layer.plan_tile(tiling)
    for feature_map in network.maps:
        if feature_map.is_ring:
            rows = _ring(network, feature_map, tiling.ahead)
            feature_map.ring_rows = min(feature_map.height, rows)
    return network


class _State(enum.Enum):
    """Whether a layer can have its turn."""

    READY = 1
    EARLY = 2
    STUCK = 3


class _Order:
    """One attempt to order the tasks with the rings as they are."""

    def __init__(self, network: _Network) -> None:
        self.network = network
        self.done = dict.fromkeys(network.layers, 0)
        self.tasks: list[Task] = []
        stores = [layer for layer in network.layers if isinstance(layer, StoreLayer)]
        #: What is known of layers since one that they depend on had its turn last.
        self.states: dict[Layer, _State] = {}
        # Stores free rings.
        self.priority = stores + [layer for layer in network.layers if layer not in stores]

    def _end(self, layer: Layer) -> int:
        return min(self.done[layer] + layer.tile_rows, layer.rows)

    def _produced(self, feature_map: FeatureMap) -> int:
        return min(self.done[writer] for writer in self.network.writers[feature_map])

    def _needed(self, feature_map: FeatureMap) -> int:
        """Return the first row that some reader still needs."""
        rows = feature_map.height
        for layer, index in self.network.readers.get(feature_map, []):
            if self.done[layer] < layer.rows:
                low, _ = layer.input_rows(index, self.done[layer], self._end(layer))
                rows = min(rows, low)
        return rows

    def lacks_input(self, layer: Layer) -> bool:
        """Tell whether rows that the layer's next task reads are missing."""
        for index, source in enumerate(layer.inputs):
            _, high = layer.input_rows(index, self.done[layer], self._end(layer))
            if self._produced(source) < high:
                return True
        if not isinstance(layer, LoadLayer):
            return False
        end = self._end(layer)
        return any(
            self.done[store] < layer.stored_rows(store, end) for store in self.network.stores[layer]
        )

    def lacks_room(self, layer: Layer) -> bool:
        """Tell whether the layer's next rows would overwrite ones that are still needed."""
        output = layer.output
        if output is None or not output.is_ring:
            return False
        return self._end(layer) > self._needed(output) + output.ring_rows

    def _early(self, layer: Layer) -> bool:
        """Tell whether a load is further ahead of its readers than is of use.

        The load engine runs its stream in order: what comes too early delays the constants of the
        layers that could begin.
        """
        output = layer.output
        if not layer.is_transfer or output is None:
            return False
        wanted = 0
        for reader, index in self.network.readers.get(output, []):
            if self.done[reader] < reader.rows:
                _, high = reader.input_rows(index, self.done[reader], self._end(reader))
                wanted = max(wanted, high)
        return self.done[layer] >= wanted + layer.tile_rows

    def _state(self, layer: Layer) -> _State:
        if self.lacks_room(layer) or self.lacks_input(layer):
            return _State.STUCK
        return _State.EARLY if self._early(layer) else _State.READY

    def _next(self, left: list[Layer]) -> Layer | None:
        early = None
        for layer in left:
            state = self.states.get(layer)
            if state is None:
                state = self.states[layer] = self._state(layer)
            if state is _State.READY:
                return layer
            if state is _State.EARLY:
                early = early or layer
        return early

    def run(self) -> list[Layer]:
        """Order as many tasks as can be; return the layers that are stuck."""
        left = [layer for layer in self.priority if layer.rows]
        while left:
            layer = self._next(left)
            if layer is None:
                return left
            self.tasks.append(Task(layer, self.done[layer], self._end(layer)))
            self.done[layer] = self._end(layer)
            for other in self.network.neighbours[layer]:
                self.states.pop(other, None)
            if self.done[layer] == layer.rows:
                left.remove(layer)
        return []


def order(network: _Network) -> list[Task]:
    """Order all tasks, growing rings where a reader elsewhere lags behind (skip connections)."""
    while True:
        attempt = _Order(network)
        stuck = attempt.run()
        if not stuck:
            return attempt.tasks
        grown = False
        for layer in stuck:
            output = layer.output
            if output is not None and attempt.lacks_room(layer) and not attempt.lacks_input(layer):
                output.ring_rows = min(output.height, output.ring_rows + layer.tile_rows)
                grown = True
        if not grown:
            raise CapacityError("The layers cannot be ordered: one needs rows that come after it.")
