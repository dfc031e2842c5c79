# SPDX-License-Identifier: Apache-2.0
"""Affine quantization: real = scale * (stored - zero_point)."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Quantization:
    """Scales and zero points of a tensor, one of each or one a channel of ``axis``.

    Scales are the file's float32 values, held as Python floats (the conversion is exact).
    """

    scale: tuple[float, ...]
    zero_point: tuple[int, ...]
    axis: int = 0

    def __post_init__(self) -> None:
        if not self.scale:
            raise ValueError("A quantization needs at least one scale.")
        if len(self.zero_point) not in (1, len(self.scale)):
            raise ValueError(
                f"A quantization has {len(self.scale)} scales but {len(self.zero_point)} zero "
                "points; it needs one zero point, or one for each scale."
            )

    @property
    def per_channel(self) -> bool:
        """Whether each channel has a scale of its own."""
        return len(self.scale) > 1

    @property
    def scale0(self) -> float:
        """The scale of a tensor quantized as a whole (of channel 0 otherwise)."""
        return self.scale[0]

    @property
    def zero_point0(self) -> int:
        """The zero point of a tensor quantized as a whole (of channel 0 otherwise)."""
        return self.zero_point[0]
