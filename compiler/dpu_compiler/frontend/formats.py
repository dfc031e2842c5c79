# SPDX-License-Identifier: Apache-2.0
"""Know files of other formats by their contents, to say what was named instead of a model."""

from __future__ import annotations

#: Field numbers of ONNX's ModelProto; its graph is field 7.
_ONNX_FIELDS = {*range(1, 9), 14, 20, 25, 26}
_ONNX_GRAPH = 7
#: First bytes of other files.
_MAGIC = (
    (b"PK\x03\x04", "a zip archive, maybe of Keras or NumPy"),
    (b"\x93NUMPY", "an array of NumPy"),
    (b"\x89HDF", "an HDF5 file, maybe of Keras"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
)


def is_onnx(data: bytes) -> bool:
    """Tell whether bytes are the fields of an ONNX network, in the encoding of protobuf."""
    at, fields = 0, set()
    while at < len(data):
        tag, at = _varint(data, at)
        field, wire = tag >> 3, tag & 7
        if field not in _ONNX_FIELDS or wire not in (0, 2):
            return False
        value, at = _varint(data, at)
        if value < 0:
            return False
        at += value if wire == 2 else 0
        fields.add(field)
    return {1, _ONNX_GRAPH} <= fields


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Decode a number of up to 70 bits; return also where it ends. A broken one gives -1."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            break
        byte = data[at]
        value |= (byte & 127) << shift
        at += 1
        if byte < 128:
            return value, at
    return -1, len(data)


def kind(data: bytes) -> str:
    """Say what bytes are that are no TFLite model."""
    for magic, name in _MAGIC:
        if data.startswith(magic):
            return f"it is {name}"
    return "its bytes 4 to 7 are not 'TFL3'"
