"""`model.safetensors`: parameters, Adam's moments, and the step, checked before they are read."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from glassgpt.config import ModelConfig
from glassgpt.engines.base import Params, TrainState
from glassgpt.errors import RunError
from glassgpt.files import safetensors
from glassgpt.files.atomic import open_regular
from glassgpt.files.records import VERSION, check_version, refusing

_MOMENTS = ("adam.m.", "adam.v.")


LOSSES_SHA256 = "losses_sha256"
"""In the metadata of a run's model: the checksum of the losses up to its step."""


def to_safetensors(
    model: ModelConfig, state: TrainState, dtype: str = "float64", losses_sha256: str | None = None
) -> Iterator[bytes | memoryview]:
    """The whole state as a safetensors file with a checksum, in parts.

    Args:
        dtype: what the engine computes in. Of all but float64 the state is float32, and is kept so.
    """
    tensors = dict(state.params)
    for prefix, moments in zip(_MOMENTS, (state.m, state.v), strict=True):
        tensors |= {prefix + name: array for name, array in moments.items()}
    metadata = {
        "format": "glassgpt-model",
        "version": str(VERSION),
        "step": str(state.step),
        "model": json.dumps(model.to_dict()),
    }
    if losses_sha256 is not None:
        metadata[LOSSES_SHA256] = losses_sha256
    kept = "F64" if dtype == "float64" else "F32"
    dtypes = dict.fromkeys(tensors, kept)
    metadata[safetensors.CHECKSUM] = safetensors.checksum(tensors, metadata, dtypes)
    return safetensors.dump(tensors, metadata, kept)


def from_safetensors(
    path: Path, model: ModelConfig, checked: bool = True
) -> tuple[TrainState, str | None]:
    """Read a state, and the checksum of the losses that led to it.

    Names, shapes and dtypes are checked in the header before data is read.

    Args:
        checked: refuse a file without a checksum; those of version 0.1.0 had none.
    """
    wanted = {p + name: shape for name, shape in model.shapes.items() for p in ("", *_MOMENTS)}
    try:
        with refusing(path), os.fdopen(open_regular(path), "rb") as file:
            header = safetensors.read_header(file, os.fstat(file.fileno()).st_size)
            step = _check_header(path, header, wanted)
            tensors = {name: safetensors.read_tensor(file, header.tensors[name]) for name in wanted}
    except ValueError as error:
        raise RunError(f"{path} is damaged or not a safetensors file ({error})") from None
    said = header.metadata.get(safetensors.CHECKSUM)
    dtypes = {name: header.tensors[name].dtype for name in wanted}
    if said is not None and said != safetensors.checksum(tensors, header.metadata, dtypes):
        raise RunError(f"{path} is damaged: its numbers do not have its checksum")
    if not all(np.isfinite(array).all() for array in tensors.values()):
        raise RunError(f"{path} holds numbers that are not finite")

    def group(prefix: str) -> Params:
        return {name: tensors[prefix + name] for name in model.shapes}

    state = TrainState(group(""), group("adam.m."), group("adam.v."), step)
    if any((array < 0).any() for array in state.v.values()):
        raise RunError(f"{path}: adam.v, a mean of squares, has negative numbers")
    losses_sha256 = header.metadata.get(LOSSES_SHA256)
    if checked and (said is None or losses_sha256 is None):
        raise RunError(f"{path} is damaged: its metadata have no checksums")
    return state, losses_sha256


def read_step(path: Path) -> int | None:
    """The step that a model is at, from its header alone; None where it cannot be read."""
    try:
        with os.fdopen(open_regular(path), "rb") as file:
            header = safetensors.read_header(file, os.fstat(file.fileno()).st_size)
    except (OSError, ValueError):
        return None
    return _digits(header.metadata.get("step", ""))


def _check_header(
    path: Path, header: safetensors.Header, wanted: dict[str, tuple[int, int]]
) -> int:
    """The step, if this is a file of ours with exactly these tensors. Raises RunError."""
    metadata = header.metadata
    if metadata.get("format") != "glassgpt-model":
        raise RunError(f"{path} is a safetensors file, but not one of glassgpt's")
    check_version(path, _digits(metadata.get("version", "")))
    for name in sorted(wanted.keys() ^ header.tensors.keys()):
        known = "is missing" if name in wanted else "is not known"
        raise RunError(f"{path}: tensor {name!r} {known}")
    for name, shape in wanted.items():
        entry = header.tensors[name]
        if entry.shape != shape or entry.dtype not in safetensors.DTYPES:
            raise RunError(
                f"{path}: tensor {name!r} is {entry.dtype} {list(entry.shape)}; "
                f"the model needs F64 or F32 {list(shape)}"
            )
    step = _digits(metadata.get("step", ""))
    if step is None:
        raise RunError(
            f"{path}: the step in its metadata is {metadata.get('step')!r}, not a number"
        )
    return step


def _digits(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None
