"""Let a model write: temperature, top-k, a prompt, and a record of every choice."""

from __future__ import annotations

import random
from collections.abc import Generator
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from glassgpt.config import ModelConfig
from glassgpt.engines import choosing
from glassgpt.engines.base import Engine
from glassgpt.engines.choosing import draw, log_softmax
from glassgpt.errors import ConfigError, DataError, DivergedError
from glassgpt.text import Tokenizer


@dataclass(frozen=True, slots=True)
class SampleConfig:
    """How tokens are chosen.

    Attributes:
        temperature: divides the logits. 1 is the model's own distribution, below 1 likely tokens
            become likelier still; 0 is greedy: always the likeliest token, no randomness at all.
        top_k: choose among the k likeliest tokens only; None for all.
    """

    temperature: float = 0.5
    top_k: int | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.temperature <= 1e6:  # also refuses NaN
            raise ConfigError(
                f"temperature is {self.temperature!r}; it must be from 0 (always the most likely "
                "token) to 1,000,000",
                "temperature",
            )
        if self.top_k is not None and self.top_k < 1:
            raise ConfigError(f"top_k is {self.top_k!r}; it must be at least 1", "top_k")


@dataclass(frozen=True, slots=True)
class Step:
    """How one token was chosen."""

    position: int
    token_id: int
    """The token read at this position."""
    probs: NDArray[np.float64]
    """What was drawn from: after temperature and top-k, `(vocab_size,)`."""
    uniform: float | None
    """The random number in [0, 1) that decided; None where nothing was random."""
    choice: int
    """The token written."""

    def top(self, k: int = 5) -> list[tuple[int, float]]:
        """The k likeliest tokens with their probabilities, likeliest first."""
        order = np.argsort(-self.probs, kind="stable")[:k]
        return [(int(i), float(self.probs[i])) for i in order]


@dataclass(frozen=True, slots=True)
class Sample:
    """One text the model has written."""

    text: str
    """As people write it, prompt included."""
    token_ids: list[int]
    """Without BOS."""
    log_prob: float
    """Log-probability (nats) of what was written after the prompt, at temperature 1."""
    finished: bool
    """Whether the model ended it with BOS; if not, the context was full."""
    steps: list[Step] = field(default_factory=list)


def encode_prompt(prompt: str, tokenizer: Tokenizer, model: ModelConfig) -> list[int]:
    """BOS and the prompt's tokens. Raises DataError where no room is left to continue."""
    token_ids = tokenizer.encode(prompt)[:-1]
    if len(token_ids) > model.block_size:
        raise DataError(
            f"the prompt has {len(token_ids) - 1} tokens; it may have at most "
            f"{model.block_size - 1}, for block_size is {model.block_size} and BOS takes one"
        )
    return token_ids


def write(
    engine: Engine,
    tokenizer: Tokenizer,
    rng: random.Random,
    config: SampleConfig,
    prompt: str = "",
) -> Generator[Step, None, Sample]:
    """Write one text: read BOS and the prompt, then draw until BOS or a full context.

    Yields how each token was chosen, as it is, and returns the text (without the steps). Takes one
    `rng.random()` a token, used as CPython's `random.choices` uses it.
    """
    session = engine.session()
    *read, token_id = encode_prompt(prompt, tokenizer, engine.config)
    for known in read:
        session.feed(known)
    written, log_prob = [*read, token_id][1:], 0.0
    for position in range(len(read), engine.config.block_size):
        logits = session.feed(token_id)
        if not np.isfinite(logits).all():
            raise DivergedError("the model's logits are not finite numbers: it is damaged")
        probs = distribution(logits, config)
        uniform = rng.random() if config.temperature > 0 else None
        choice = int(np.argmax(probs)) if uniform is None else draw(probs.tolist(), uniform)
        log_prob += log_softmax(logits, choice)
        yield Step(position, token_id, probs, uniform, choice)
        if choice == tokenizer.bos:
            break
        written.append(choice)
        token_id = choice
    return Sample(tokenizer.decode(written), written, log_prob, choice == tokenizer.bos)


def generate(
    engine: Engine,
    tokenizer: Tokenizer,
    rng: random.Random,
    config: SampleConfig,
    prompt: str = "",
    record: bool = False,
) -> Sample:
    """Write one text to its end; `record` keeps the steps."""
    writing = write(engine, tokenizer, rng, config, prompt)
    steps: list[Step] = []
    while True:
        try:
            step = next(writing)
        except StopIteration as end:
            sample: Sample = end.value
            return replace(sample, steps=steps)
        if record:
            steps.append(step)


def distribution(logits: NDArray[np.float64], config: SampleConfig) -> NDArray[np.float64]:
    """What the next token is drawn from: probabilities `(vocab_size,)` that sum to 1."""
    return choosing.distribution(logits, config.temperature, config.top_k)
