"""What a model answers: plain Python values that a notebook shows as pictures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from glassgpt.evaluation import Novelty
from glassgpt.sampling import Sample, Step
from glassgpt.trace import Trace


class Samples(list[str]):
    """Texts that a model has written: a list of strings that knows how each came about.

    Attributes:
        bins: `seen` (in training), `in file` (but not seen), `new` or `empty` for each text; None
            where the documents are not here.
        log_probs: log-probability of each text after the prompt, at temperature 1 (nats).
        finished: whether the model ended the text itself; if not, the context was full.
        steps: how each token of each text was chosen.
    """

    def __init__(self, samples: Sequence[Sample], bins: Sequence[Novelty | None]) -> None:
        super().__init__(sample.text for sample in samples)
        self.bins = list(bins)
        self.log_probs = [sample.log_prob for sample in samples]
        self.finished = [sample.finished for sample in samples]
        self.steps: list[list[Step]] = [sample.steps for sample in samples]

    def _repr_html_(self) -> str:
        from glassgpt.pictures import samples_html

        return samples_html(self, self.bins, self.log_probs)


class ModelTrace:
    """One text read by a model: every named intermediate and its gradient.

    Attributes:
        loss: mean surprise of the text (nats a character).
        values: name -> array with a row a position, such as `values["layer0.q"]` `(T, n_embd)`;
            `layer{i}.attn_scores` and `layer{i}.attn_weights` are `(n_head, T, T)`, query then key.
        grads: name -> d(loss)/d(value), of the same shape; `probs` and `loss` have none.
        tokens: the tokens of the text, `BOS` at both ends.
    """

    def __init__(self, found: Trace, token_ids: Sequence[int], labels: Sequence[str]) -> None:
        self.loss, self.values, self.grads = found.loss, found.values, found.grads
        self.tokens = [labels[i] for i in token_ids]
        self._token_ids, self._labels = list(token_ids), list(labels)

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        """`trace["logits"]`; KeyError for a name that is not in `values`."""
        return self.values[name]

    def __repr__(self) -> str:
        text = " ".join(self.tokens)
        return f"<trace of {text}: {len(self.values)} intermediates, loss {self.loss:.4f}>"

    def _repr_html_(self) -> str:
        from glassgpt.pictures import trace_html

        return trace_html(self._token_ids, self._labels, self.values, self.loss)
