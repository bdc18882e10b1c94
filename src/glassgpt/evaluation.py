"""How good is it? Held-out loss, the n-gram baselines beside it, and what it copies."""

from __future__ import annotations

import math
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from glassgpt.engines.base import Document, Engine
from glassgpt.sampling import Novelty, SampleConfig, generate, novelty
from glassgpt.tokenizer import Tokenizer
from glassgpt.training import Run

MAX_DOCUMENTS = 1000
"""Documents a loss is measured on by default; the standard error is then near 0.01 nats."""


@dataclass(frozen=True, slots=True)
class Loss:
    """Mean surprise a predicted character (the closing BOS included) over some documents."""

    nats: float
    documents: int
    characters: int
    """Predictions; of byte pairs, tokens."""

    @property
    def bits(self) -> float:
        return self.nats / math.log(2)


def model_loss(engine: Engine, documents: Sequence[Document]) -> Loss | None:
    """Over the first block_size predictions of each document, all weighted alike.

    None without documents.
    """
    if not documents:
        return None
    rows = engine.surprises(documents)
    count = sum(len(row) for row in rows)
    return Loss(math.fsum(float(x) for row in rows for x in row) / count, len(rows), count)


class NGram:
    """Counts of n - 1 characters and the one after, smoothed by the model one shorter.

    p_n(c | h) = (count(h, c) + k p_(n-1)(c | shorter h)) / (count(h) + k), down to the uniform
    distribution: a hierarchical Dirichlet model (MacKay and Peto 1995), k = 3.
    """

    STRENGTH = 3.0

    def __init__(self, n: int, documents: Iterable[Sequence[int]], vocab_size: int) -> None:
        """n = 0 is the uniform distribution, 1 letter counts, 2 bigrams, 3 trigrams."""
        self.n, self.vocab_size = n, vocab_size
        documents = list(documents) if n else []
        self.shorter = NGram(n - 1, documents, vocab_size) if n else None
        self.counts: dict[tuple[int, ...], Counter[int]] = defaultdict(Counter)
        for document in documents:
            for i in range(1, len(document)):
                self.counts[tuple(document[max(0, i - n + 1) : i])][document[i]] += 1
        self.totals = {context: sum(c.values()) for context, c in self.counts.items()}

    def prob(self, history: Sequence[int], token_id: int) -> float:
        """Of the token after the history."""
        if self.shorter is None:
            return 1 / self.vocab_size
        context = tuple(history[max(0, len(history) - self.n + 1) :])
        count = self.counts[context][token_id] if context in self.counts else 0
        prior = self.STRENGTH * self.shorter.prob(history, token_id)
        return (count + prior) / (self.totals.get(context, 0) + self.STRENGTH)

    def loss(self, documents: Sequence[Sequence[int]], block_size: int) -> Loss:
        """On the same predictions as `model_loss`."""
        surprises = [
            -math.log(self.prob(document[:i], document[i]))
            for document in documents
            for i in range(1, min(len(document), block_size + 1))
        ]
        return Loss(math.fsum(surprises) / len(surprises), len(documents), len(surprises))


MAX_LEARNED = 20_000
"""Windows of a corpus that the n-grams count, at most: those that training read last."""


@dataclass(frozen=True, slots=True)
class Split:
    """Token ids of what a run has learned from, and of what it has never seen."""

    train: list[list[int]]
    held_out: list[list[int]]


def split(run: Run, steps: int, most: int = MAX_DOCUMENTS) -> Split:
    """Documents read in training, and distinct ones that were not, `most` at most.

    Held out are the documents set aside by val_fraction; without any, those that training has not
    reached yet. A document that was read is never held out, however often it stands in the file;
    of a corpus, whose windows are too many to compare, this is not looked into.
    """
    read = min(run.num_train, steps * run.training.batch_size)
    if run.windows:
        train, held_out = run.windows
        last = [train[i].tolist() for i in range(max(0, read - MAX_LEARNED), read)]
        if len(held_out):
            return Split(last, run.held_out_ids(most))
        unread = range(read, min(read + most, len(train)))
        return Split(last, [train[i].tolist() for i in unread])
    encode, seen = run.tokenizer.encode, run.seen(steps)
    rest = run.held_out or run.documents[read:]
    unseen = [d for d in dict.fromkeys(rest) if d not in seen]
    return Split([encode(d) for d in run.documents[:read]], [encode(d) for d in unseen[:most]])


def novelty_counts(
    engine: Engine,
    tokenizer: Tokenizer,
    seen: set[str],
    in_file: set[str],
    temperature: float,
    n: int,
    seed: int,
) -> tuple[Counter[Novelty | None], int]:
    """Sort n fresh samples into the three bins; also the number of distinct ones."""
    rng, config = random.Random(seed), SampleConfig(temperature)
    samples = [generate(engine, tokenizer, rng, config) for _ in range(n)]
    bins = Counter(novelty(s.token_ids, seen, in_file, tokenizer) for s in samples)
    return bins, len({s.text for s in samples})
