"""Valid input made a little wrong: bytes flipped, cut, doubled; JSON values made bad ones."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

BAD_BYTES = (
    b"\0", b"\n", b"\r\n", b"\t", b"\x1b[2J", b"\xff", b"\xfe\xff", b"\xef\xbb\xbf", b"\xc0\x80",
    b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x80\xa8", b"\xc2\x85", b"{", b"[" * 200, b"}",
    b'"', b"NaN", b"1e999", b"-1", b"9" * 400, b"0.0", b"null", b"\\ud800", b"\xf3\xa0\x80\x81" * 9,
    "क़é\u0301\u0315".encode(), ("\u0315\u0300" * 200).encode(), "ﷺ".encode(), "\u202e".encode(),
    b"\xff\xff\xff\xff\xff\xff\xff\x7f", b"\0\0\0\0\0\0\0\0", b"__metadata__", b"data_offsets",
)  # fmt: skip
BAD_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2, 3, 7, 2**31, 2**53 + 1, 2**63, 10**400, 0.5, -0.5, 1e308,
    -1e308, 1e-320, float("nan"), float("inf"), "", "a", "ab", "\ud800", "\x1b[2J",
    "\n", "a" * 5000, "nfd", "NFC", "none", "float32", "scalar", "numpy", "native", "F64",
    "F32", "I64", [], [[]], {}, {"": 0}, [0, 2**63], [-1, 8], "²", "9" * 30, "e\u0301",
    ["a", "b", "c", "d"], ["d", "c"], "glassgpt-run",
)  # fmt: skip


def mutated(seed: bytes, rng: random.Random, others: list[bytes]) -> bytes:
    """One to four changes; what parses as JSON is changed as JSON half of the time."""
    data = seed
    if rng.random() < 0.5:
        data = _json(data, rng)
    for _ in range(rng.choice((0, 1, 1, 2, 4))):
        data = _bytes(data, rng, others)
    return data


def _bytes(data: bytes, rng: random.Random, others: list[bytes]) -> bytes:
    at = rng.randint(0, len(data))
    end = min(len(data), at + rng.choice((1, 1, 2, 8, 64)))
    match rng.randrange(8):
        case 0:
            return data[:at] + rng.choice(BAD_BYTES) + data[at:]
        case 1:
            return data[:at] + rng.choice(BAD_BYTES) + data[end:]
        case 2:
            return data[:at] + data[end:]
        case 3:
            return data[:at]
        case 4:
            return data[:at] + data[at:end] * rng.choice((2, 3, 50)) + data[end:]
        case 5:
            return data[:at] + rng.randbytes(end - at) + data[end:]
        case 6:
            other = rng.choice(others)
            return data[:at] + other[rng.randint(0, len(other)) :]
        case _:
            if at == len(data):
                return data
            return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :]


def _json(data: bytes, rng: random.Random) -> bytes:
    """Also the JSON header of a safetensors file, whose length is put right."""
    length = int.from_bytes(data[:8], "little")
    framed = 2 <= length <= len(data) - 8
    try:
        value = json.loads(data[8 : 8 + length] if framed else data)
    except (ValueError, RecursionError):
        return data
    for _ in range(rng.choice((1, 1, 2))):
        value = _swap(copy.deepcopy(value), rng)
    text = json.dumps(value, ensure_ascii=rng.random() < 0.5).encode("utf-8", "backslashreplace")
    return len(text).to_bytes(8, "little") + text + data[8 + length :] if framed else text


def _swap(value: Any, rng: random.Random) -> Any:
    """Somewhere in the value: another value, a key gone, renamed or added."""
    if not isinstance(value, dict | list) or not value or rng.random() < 0.15:
        return copy.deepcopy(rng.choice(BAD_VALUES))
    key = rng.choice(list(value)) if isinstance(value, dict) else rng.randrange(len(value))
    match rng.randrange(6):
        case 0:
            del value[key]
        case 1 if isinstance(value, dict):
            value[rng.choice(("", "extra", "\x1b\n", "wte", "\ud800"))] = value[key]
        case _:
            value[key] = _swap(value[key], rng)
    return value
