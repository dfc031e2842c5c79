# SPDX-License-Identifier: Apache-2.0
"""The layers of one run of the DPU, and where its tensors are."""

from __future__ import annotations

import dataclasses

import numpy as np

from dpu_compiler.featuremap import DramTensor, FeatureMap, Layout, shape_hwc
from dpu_compiler.graph import Array, Graph
from dpu_compiler.layer import Layer
from dpu_compiler.layers.transfer import LoadLayer, StoreLayer
from dpu_spec.configuration import Configuration
from dpu_spec.isa import WINDOW_ARENA, WINDOW_INPUT, WINDOW_OUTPUT, WINDOW_PROGRAM

HWC = tuple[int, int, int]

#: Tensors begin at multiples of this many bytes in DRAM.
DRAM_ALIGN = 64


@dataclasses.dataclass
class Memory:
    """What lies in the DRAM windows but for the program's."""

    #: Tensors that are other names (RESHAPE): the tensor whose elements they have.
    renamed: dict[int, int] = dataclasses.field(default_factory=dict)
    #: Where tensors lie as plain bytes, by tensor index.
    tensors: dict[int, DramTensor] = dataclasses.field(default_factory=dict)
    sizes: dict[int, int] = dataclasses.field(
        default_factory=lambda: {WINDOW_ARENA: 0, WINDOW_INPUT: 0, WINDOW_OUTPUT: 0}
    )

    def root(self, tensor: int) -> int:
        """Return the tensor whose elements a tensor renames."""
        while tensor in self.renamed:
            tensor = self.renamed[tensor]
        return tensor

    def reserve(self, tensor: int, size: int, window: int = WINDOW_ARENA) -> DramTensor:
        """Reserve bytes in a window."""
        offset = -(-self.sizes[window] // DRAM_ALIGN) * DRAM_ALIGN
        self.sizes[window] = offset + size
        return DramTensor(tensor, window, offset, size)

    def place(self, tensor: int, window: int, size: int) -> DramTensor:
        """Give a tensor its place in a window."""
        self.tensors[tensor] = self.reserve(tensor, size, window)
        return self.tensors[tensor]


class StepBuilder:
    """Collects layers; knows for each tensor the feature maps and the DRAM places that hold it.

    A tensor that another one only renames (RESHAPE) has the same *root*.
    """

    def __init__(self, graph: Graph, configuration: Configuration, memory: Memory) -> None:
        self.graph = graph
        self.configuration = configuration
        self.memory = memory
        self.layers: list[Layer] = []
        #: Constant tensors that layers load: bytes by DRAM place in the program window.
        self.constants: list[tuple[DramTensor, bytes]] = []
        self._maps: dict[int, list[FeatureMap]] = {}
        #: Tensors that are planes of another (a fused TRANSPOSE from NCHW).
        self.planar: dict[int, int] = {}

    def root(self, tensor: int) -> int:
        """Return the tensor whose elements a tensor renames."""
        return self.memory.root(tensor)

    def alias(self, tensor: int, source: int) -> None:
        """Make a tensor another name for the elements of ``source``."""
        self.memory.renamed[tensor] = self.root(source)

    def hwc(self, tensor: int) -> HWC:
        """Return a tensor's (height, width, channels)."""
        shape = shape_hwc(self.graph.tensors[tensor].shape)
        if shape is None:
            raise ValueError(f"Tensor {tensor} has a batch.")
        return shape

    def maps(self, tensor: int) -> list[FeatureMap]:
        """Return the feature maps that hold a tensor."""
        return self._maps.get(self.root(tensor), [])

    def in_dram(self, tensor: int) -> bool:
        """Tell whether a tensor lies in DRAM as plain bytes."""
        return self.root(tensor) in self.memory.tensors

    def new_map(
        self, tensor: int, layout: Layout = Layout.BLOCKED, hwc: HWC | None = None
    ) -> FeatureMap:
        """Return a new feature map that holds a tensor, for a layer to fill."""
        height, width, channels = self.hwc(tensor) if hwc is None else hwc
        described = self.graph.tensors[tensor]
        result = FeatureMap(
            tensor,
            described.name,
            height,
            width,
            channels,
            layout,
            described.quantization.zero_point0,
            self.configuration,
        )
        self._maps.setdefault(self.root(tensor), []).append(result)
        return result

    def require(
        self,
        tensor: int,
        operator: int,
        layout: Layout = Layout.BLOCKED,
        hwc: HWC | None = None,
    ) -> FeatureMap:
        """Return a feature map of a tensor in a layout, loading it from DRAM if there is none yet.

        ``operator`` is the one that wants it, for reports.
        """
        shape = self.hwc(tensor) if hwc is None else hwc
        for found in self.maps(tensor):
            if found.layout is layout and (found.height, found.width, found.channels) == shape:
                return found
        dram = self.require_dram(tensor, operator)
        result = self.new_map(tensor, layout, shape)
        self.layers.append(LoadLayer(operator, dram, result))
        return result

    def require_dram(self, tensor: int, operator: int) -> DramTensor:
        """Return where a tensor lies in DRAM, storing it there if it is only on the chip."""
        root = self.root(tensor)
        if root not in self.memory.tensors:
            described = self.graph.tensors[root]
            results = {self.root(index) for index in self.graph.outputs}
            window = WINDOW_OUTPUT if root in results else WINDOW_ARENA
            dram = self.memory.place(root, window, described.size)
            self.layers.append(StoreLayer(operator, self._maps[root][0], dram))
        return self.memory.tensors[root]

    def constant_map(self, tensor: int, operator: int, hwc: HWC) -> FeatureMap:
        """Return a feature map that holds a constant tensor."""
        found = self._maps.get(tensor)
        if found:
            return found[0]
        data: Array | None = self.graph.tensors[tensor].data
        assert data is not None
        raw = np.ascontiguousarray(data).tobytes()
        dram = DramTensor(tensor, WINDOW_PROGRAM, 0, len(raw))
        self.constants.append((dram, raw))
        result = self.new_map(tensor, Layout.BLOCKED, hwc)
        self.layers.append(LoadLayer(operator, dram, result))
        return result

    def part(self, tensor: int, operator: int, offset: int, strides: tuple[int, int]) -> DramTensor:
        """Return a regular part of a tensor that lies in DRAM."""
        whole = self.require_dram(tensor, operator)
        return DramTensor(
            whole.tensor, whole.window, whole.offset + offset, whole.size, strides[0], strides[1]
        )
