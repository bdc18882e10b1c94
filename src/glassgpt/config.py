"""What a model is and how it is trained: plain data that validates itself."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from fractions import Fraction
from typing import Any, Literal, Self, get_args

from glassgpt.errors import ConfigError, DataError

Normalization = Literal["nfc", "nfd", "none"]

MAX_PARAMS = 2_000_000_000
"""More than this is refused before anything is allocated (16 GB for the float64 weights alone)."""

LARGEST = 1e300
"""Numbers stay below this, so that a little arithmetic does not make them infinite."""


def _whole(name: str, value: object, low: int, high: int = 2**53) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        limit = f"at least {low}" if high == 2**53 else f"from {low} to {high}"
        raise ConfigError(f"{name} is {value!r}; it must be a whole number {limit}", name)


def _real(name: str, value: object, rule: str, ok: bool) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not -LARGEST < value < LARGEST or not ok:  # type: ignore[operator]
        raise ConfigError(f"{name} is {value!r}; it must be a number {rule}", name)


class _Record:
    """To and from the JSON object with the same keys."""

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)  # type: ignore[call-overload, no-any-return]

    @classmethod
    def from_dict(cls, data: object) -> Self:
        """Raises ConfigError for anything but an object with exactly the known keys."""
        if not isinstance(data, dict):
            raise ConfigError(f"{cls.__name__} must be an object, not {type(data).__name__}")
        names = {field.name for field in fields(cls)}  # type: ignore[arg-type]
        if set(data) != names:
            wrong = ", ".join(sorted(map(str, set(data) ^ names)))
            raise ConfigError(f"{cls.__name__} has missing or unknown keys: {wrong}")
        return cls(**data)


@dataclass(frozen=True, slots=True)
class ModelConfig(_Record):
    """The shape of a GPT. Sizes are counts; the width of a head is `n_embd / n_head`."""

    vocab_size: int
    n_layer: int = 1
    n_embd: int = 16
    n_head: int = 4
    block_size: int = 16

    def __post_init__(self) -> None:
        _whole("vocab_size", self.vocab_size, 2, 2**24)
        _whole("n_layer", self.n_layer, 1, 1024)
        _whole("n_embd", self.n_embd, 1, 2**16)
        _whole("n_head", self.n_head, 1, 2**16)
        _whole("block_size", self.block_size, 1, 2**20)
        if self.n_embd % self.n_head:
            raise ConfigError(
                f"n_head is {self.n_head}; it must divide n_embd, which is {self.n_embd}",
                *("n_head", "n_embd"),
            )
        if self.num_params > MAX_PARAMS:
            raise ConfigError(
                f"this shape has {self.num_params:,} parameters; at most {MAX_PARAMS:,} are allowed"
            )

    @property
    def head_dim(self) -> int:
        return self.n_embd // self.n_head

    @property
    def shapes(self) -> dict[str, tuple[int, int]]:
        """Tensor name -> (n_out, n_in), in the canonical order (that of the random stream)."""
        e = self.n_embd
        shapes = {
            "wte": (self.vocab_size, e),
            "wpe": (self.block_size, e),
            "lm_head": (self.vocab_size, e),
        }
        for i in range(self.n_layer):
            for name in ("attn_wq", "attn_wk", "attn_wv", "attn_wo"):
                shapes[f"layer{i}.{name}"] = (e, e)
            shapes[f"layer{i}.mlp_fc1"] = (4 * e, e)
            shapes[f"layer{i}.mlp_fc2"] = (e, 4 * e)
        return shapes

    @property
    def num_params(self) -> int:
        e = self.n_embd
        return (2 * self.vocab_size + self.block_size) * e + self.n_layer * 12 * e * e


@dataclass(frozen=True, slots=True)
class TrainConfig(_Record):
    """How a model is trained. The defaults are the microgpt recipe.

    Attributes:
        steps: parameter updates; the learning rate falls linearly to 0 over them.
        batch_size: documents a step; the loss of a batch is the mean over its documents.
        learning_rate: at the first step.
        beta1, beta2, eps: Adam's decay rates and the term that keeps its division finite.
        init_std: standard deviation of the initial weights.
        seed: of the one random stream: document order, initial weights, then samples.
        val_fraction: share of the distinct documents, the last of the shuffled list, that is kept
            out of training.
    """

    steps: int = 1000
    batch_size: int = 1
    learning_rate: float = 0.01
    beta1: float = 0.85
    beta2: float = 0.99
    eps: float = 1e-8
    init_std: float = 0.08
    seed: int = 42
    val_fraction: float = 0.0

    def __post_init__(self) -> None:
        _whole("steps", self.steps, 1, 10**9)
        _whole("batch_size", self.batch_size, 1, 2**20)
        check_seed(self.seed)
        rate, std, share = self.learning_rate, self.init_std, self.val_fraction
        _real("learning_rate", rate, "above 0 and below 1e300", _above(rate, 0))
        _real("beta1", self.beta1, "from 0 to below 1", _between(self.beta1, 0, 1))
        _real("beta2", self.beta2, "from 0 to below 1", _between(self.beta2, 0, 1))
        _real("eps", self.eps, "above 0 and below 1e300", _above(self.eps, 0))
        _real("init_std", std, "from 0 to below 1e300", std == 0 or _above(std, 0))
        _real("val_fraction", share, "from 0 to below 1", _between(share, 0, 1))

    def learning_rates(self, start: int, stop: int) -> list[float]:
        """The rate of each step from start to below stop, counted from 0; never negative."""
        return [self.learning_rate * max(0.0, 1 - step / self.steps) for step in range(start, stop)]


def _above(value: object, low: float) -> bool:
    return isinstance(value, int | float) and value > low


def _between(value: object, low: float, high: float) -> bool:
    return isinstance(value, int | float) and low <= value < high


def check_seed(value: object) -> None:
    """Raise ConfigError for anything but a seed of the random stream."""
    _whole("seed", value, 0, 2**63 - 1)


def num_held_out(number: int, val_fraction: float) -> int:
    """How many of so many distinct documents are held out: the exact product, rounded down.

    The fraction is taken as the decimal it is written as: 0.29 of 100 is 29, though the float is a
    little less. Raises DataError where some are to be held out, and it would be none.
    """
    held_out = int(number * Fraction(repr(float(val_fraction))))
    if val_fraction and not held_out:
        least = f"it must be at least 1/{number}" if number > 1 else "all of them are alike"
        raise DataError(
            f"a val_fraction of {val_fraction:g} holds out none of the documents, of which "
            f"{number:,} {'is' if number == 1 else 'are'} distinct; {least}"
        )
    return held_out


def check_normalization(value: object) -> Normalization:
    if value not in get_args(Normalization):
        raise ConfigError(f"normalize is {value!r}; it must be one of nfc, nfd, none", "normalize")
    return value  # type: ignore[return-value]
