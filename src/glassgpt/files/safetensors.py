"""The safetensors format: a JSON header with names, shapes and places, then the numbers.

    8 bytes   n, the length of the header, little-endian
    n bytes   {"__metadata__": {…}, "wte": {"dtype": "F64", "shape": [27, 16],
              "data_offsets": [0, 3456]}, …}, filled up with spaces to a multiple of 8
    the rest  the tensors, row by row, without gaps

Nothing in such a file can run or name another file. Why it is read and written here, and not by
the `safetensors` package: docs/decisions/0001-our-own-safetensors.md.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

MAX_HEADER_BYTES = 16 << 20
"""A model of 1,024 layers needs 3 MB."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a tensor is: its bytes are `start` to `stop` of the file."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Header:
    metadata: dict[str, str]
    tensors: dict[str, Entry]


DTYPES: dict[str, np.dtype[Any]] = {"F64": np.dtype("<f8"), "F32": np.dtype("<f4")}
"""What our tensors may be; others are passed over in a header."""


def dump(
    tensors: Mapping[str, NDArray[np.float64]], metadata: Mapping[str, str], dtype: str = "F64"
) -> Iterator[bytes | memoryview]:
    """A file with these tensors, in this order, in parts: a large one is never whole in memory a
    second time.

    Args:
        dtype: F64, or F32 for numbers that are no finer.
    """
    header: dict[str, Any] = {"__metadata__": dict(metadata)}
    place = 0
    for name, array in tensors.items():
        offsets = [place, place + DTYPES[dtype].itemsize * array.size]
        header[name] = {"dtype": dtype, "shape": list(array.shape), "data_offsets": offsets}
        place = offsets[1]
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    yield len(text).to_bytes(8, "little") + text
    for array in tensors.values():
        yield _raw(array, dtype)


def read_header(file: BinaryIO, size: int) -> Header:
    """Read and check the header of a file of this size. Raises ValueError for anything wrong."""
    length = int.from_bytes(file.read(8), "little")
    if length > min(size - 8, MAX_HEADER_BYTES):
        raise ValueError("the length of its header is wrong")
    try:
        value = json.loads(file.read(length).decode("utf-8"))
    except (ValueError, RecursionError):
        raise ValueError("its header is not JSON") from None
    if not isinstance(value, dict):
        raise ValueError("its header is not an object")
    metadata = value.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise ValueError("its metadata are not texts")
    tensors = {name: _entry(name, fields, 8 + length) for name, fields in value.items()}
    place = 8 + length
    for entry in sorted(tensors.values(), key=lambda e: (e.start, e.stop)):
        if entry.start != place:
            raise ValueError("its tensors overlap or leave gaps")
        place = entry.stop
    if place != size:
        raise ValueError(f"it has {size:,} bytes; by its header it must have {place:,}")
    return Header(metadata, tensors)


CHECKSUM = "sha256"
"""In the metadata; the only key that the checksum is not about."""


def checksum(
    tensors: Mapping[str, NDArray[np.float64]],
    metadata: Mapping[str, str],
    dtypes: Mapping[str, str],
) -> str:
    """SHA-256 of metadata and tensors: of what a file says, not of how its header is laid out.

    So it stays true where another program writes the same tensors and metadata again.
    """
    said = sorted((key, value) for key, value in metadata.items() if key != CHECKSUM)
    digest = hashlib.sha256(json.dumps(said).encode())
    for name, array in sorted(tensors.items()):
        dtype = dtypes[name]
        digest.update(json.dumps([name, dtype, list(array.shape)]).encode())
        digest.update(_raw(array, dtype))
    return digest.hexdigest()


def read_tensor(file: BinaryIO, entry: Entry) -> NDArray[np.float64]:
    """The numbers of an F64 or F32 tensor. Raises ValueError where the file ends too early."""
    dtype = DTYPES[entry.dtype]
    file.seek(entry.start)
    raw = file.read(entry.stop - entry.start)
    if len(raw) != math.prod(entry.shape) * dtype.itemsize:
        raise ValueError("it ends too early")
    return np.frombuffer(raw, dtype).astype(np.float64).reshape(entry.shape)


def _raw(array: NDArray[np.float64], dtype: str) -> memoryview:
    """Float32 and float64 turn into each other without loss where the numbers are float32."""
    return np.ascontiguousarray(array, DTYPES[dtype]).data.cast("B")


def _entry(name: str, fields: object, offset: int) -> Entry:
    match fields:
        case {"dtype": str(dtype), "shape": list(shape), "data_offsets": [int(start), int(stop)]}:
            dims = len(shape) <= 8 and all(type(n) is int and 0 <= n < 2**31 for n in shape)
            width = DTYPES[dtype].itemsize if dtype in DTYPES else 0
            fits = not width or (dims and math.prod(shape) * width == stop - start)
            if dims and 0 <= start <= stop and fits:
                return Entry(dtype, tuple(shape), offset + start, offset + stop)
    raise ValueError(f"the entry of {name!r} in its header is wrong")
