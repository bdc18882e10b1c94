"""How good is it? Held-out loss, the n-gram baselines beside it, and what it copies."""

from __future__ import annotations

import math
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from typing import Literal

from glassgpt.engines.base import Document, Engine
from glassgpt.sampling import Sample, SampleConfig, generate
from glassgpt.text import Tokenizer
from glassgpt.training import Run, ids_of

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
    held_out: Sequence[Sequence[int]]


def split(run: Run, steps: int, most: int = MAX_DOCUMENTS) -> Split:
    """Documents read in training, and distinct ones that were not, `most` at most.

    Held out are the documents set aside by val_fraction; without any, those that training has not
    reached yet. A document that was read is never held out, however often it stands in the file;
    of a corpus, whose windows are too many to compare, this is not looked into.
    """
    read = min(run.num_train, steps * run.training.batch_size)
    if not run.train.texts:  # windows of a corpus
        train, val = run.train, run.val
        last = [ids_of(train[i]) for i in range(max(0, read - MAX_LEARNED), read)]
        if len(val):
            return Split(last, run.held_out_ids(most))
        unread = range(read, min(read + most, len(train)))
        return Split(last, [ids_of(train[i]) for i in unread])
    encode, seen = run.tokenizer.encode, run.seen(steps)
    rest = run.held_out or run.train.texts[read:]
    unseen = [d for d in dict.fromkeys(rest) if d not in seen]
    return Split([encode(d) for d in run.train.texts[:read]], [encode(d) for d in unseen[:most]])


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How good a model is, beside what counting alone comes to.

    Attributes:
        rows: name (`uniform`, `letter counts`, `bigrams`, `trigrams`, `this model`) -> side
            (`train`, `held_out`) -> loss.
        split: the documents measured.
    """

    rows: dict[str, dict[str, Loss]]
    split: Split

    @property
    def sides(self) -> list[str]:
        return list(self.rows["this model"])

    @property
    def verdict(self) -> str:
        """One sentence: where the model stands among the baselines."""
        side = "held_out" if "held_out" in self.sides else "train"
        mine = self.rows["this model"][side].nats
        beaten = [n for n, row in self.rows.items() if n != "this model" and row[side].nats > mine]
        where = "on documents it has not read" if side == "held_out" else "on documents it has read"
        if not beaten:
            return f"{where}, the model is worse than guessing all tokens alike"
        better = [n for n, row in self.rows.items() if row[side].nats < mine]
        ahead = f"ahead of {beaten[-1]}"
        return f"{where}, the model is {ahead}" + (f" and behind {better[0]}" if better else "")

    def __str__(self) -> str:
        width = max(map(len, self.rows))
        heading = "".join(f"{side.replace('_', '-'):>12}" for side in self.sides)
        lines = [f"{'nats a character':{width}}{heading}"]
        for name, row in self.rows.items():
            lines.append(f"{name:{width}}" + "".join(f"{row[s].nats:12.4f}" for s in self.sides))
        return "\n".join([*lines, self.verdict])


def evaluate(run: Run, steps: int, engine: Engine, most: int = MAX_DOCUMENTS) -> Evaluation:
    """The loss of a model after so many steps, and of the n-gram baselines.

    Args:
        most: documents of each side that are measured, at most.
    """
    found = split(run, steps, most)
    sides: dict[str, Sequence[Sequence[int]]] = {
        "train": found.train[-most:],
        "held_out": found.held_out,
    }
    sides = {name: documents for name, documents in sides.items() if documents}
    counted = "letter counts" if run.tokenizer.alphabet is not None else "token counts"
    rows: dict[str, dict[str, Loss]] = {}
    for order, name in enumerate(("uniform", counted, "bigrams", "trigrams")):
        gram = NGram(order, found.train, run.tokenizer.vocab_size)
        rows[name] = {k: gram.loss(v, run.model.block_size) for k, v in sides.items()}
    losses = {k: model_loss(engine, v) for k, v in sides.items()}
    rows["this model"] = {k: loss for k, loss in losses.items() if loss}
    return Evaluation(rows, found)


Novelty = Literal["seen", "in file", "new", "empty"]


class Known:
    """The documents of a run, to compare written texts with.

    The rule, for every face of GlassGPT:

    - A text without a character is "empty".
    - A finished text, one that the model ended with BOS, is compared with whole documents.
    - A cut text, one for which no BOS was drawn because the context was full, is compared with the
      beginnings of documents, as many characters as the text has: a document counts if it begins
      with the text.
    - It is "seen" if a document that training has read matches, else "in file" if any document
      does, else "new".

    Texts are compared in the normal form of the tokenizer.
    """

    def __init__(self, seen: Set[str], in_file: Set[str], tokenizer: Tokenizer) -> None:
        """`seen` are the documents that training has read, `in_file` all there are."""
        self.seen, self.in_file, self.tokenizer = seen, in_file, tokenizer
        self._beginnings: dict[int, tuple[set[str], set[str]]] = {}

    @classmethod
    def of(cls, run: Run, steps: int) -> Known:
        """After so many steps of a run."""
        return cls(run.seen(steps), set(run.documents), run.tokenizer)

    def novelty(self, sample: Sample) -> Novelty | None:
        """None where the documents are not here: those of a corpus."""
        if not self.in_file:
            return None
        text = self.tokenizer.text(sample.token_ids)
        if not text:
            return "empty"
        seen, in_file = self.seen, self.in_file
        if not sample.finished:
            seen, in_file = self._beginning(len(text))
        return "seen" if text in seen else "in file" if text in in_file else "new"

    def _beginning(self, length: int) -> tuple[set[str], set[str]]:
        """What `seen` and `in_file` begin with; nearly all cut texts have the same length."""
        if length not in self._beginnings:
            seen, in_file = ({d[:length] for d in group} for group in (self.seen, self.in_file))
            self._beginnings[length] = seen, in_file
        return self._beginnings[length]


@dataclass(frozen=True, slots=True)
class NoveltyCounts:
    """What some samples of one temperature are."""

    bins: Counter[Novelty | None]
    distinct: int
    cut: int
    """Those that the context cut off."""


def novelty_counts(
    engine: Engine, known: Known, temperature: float, n: int, seed: int
) -> NoveltyCounts:
    """Sort n fresh samples into the bins of `Known`."""
    rng, config = random.Random(seed), SampleConfig(temperature)
    samples = [generate(engine, known.tokenizer, rng, config) for _ in range(n)]
    return NoveltyCounts(
        Counter(known.novelty(s) for s in samples),
        len({s.text for s in samples}),
        sum(not s.finished for s in samples),
    )
