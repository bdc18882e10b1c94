"""The runs that a server has loaded. They are read once, and never changed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property

import numpy as np

from glassgpt import __version__, engines
from glassgpt.errors import ConfigError
from glassgpt.evaluation import Known
from glassgpt.files import safetensors
from glassgpt.runs.directory import SavedRun
from glassgpt.runs.export import facts, model_json
from glassgpt.server import limits, schemas
from glassgpt.server.errors import ApiError
from glassgpt.trace import Glass

MEAN_OVER = 100


class Served:
    """One run, with all that is needed to answer questions about it."""

    def __init__(self, saved: SavedRun) -> None:
        self.saved, self.run, self.state = saved, saved.run, saved.state
        self.losses = saved.losses  # read now, so that a damaged run is refused
        self.name = saved.path.resolve().name
        self.model, self.tokenizer = saved.run.model, saved.run.tokenizer
        # The engine of `glassgpt sample`, so that the same seed gives the same texts.
        self.engine = engines.create(engines.DEFAULT, self.model, saved.state, saved.run.training)
        self.glass = Glass(self.model, saved.state)
        self.known = Known.of(self.run, saved.state.step)

    # Made on the first request and kept, so that simultaneous requests share one copy. Two threads
    # may make the same bytes at the same time, which does no harm.

    @cached_property
    def json(self) -> bytes:
        return self._json(documents=False)

    @cached_property
    def json_with_documents(self) -> bytes:
        return self._json(documents=True)

    def _json(self, documents: bool) -> bytes:
        if self.model.num_params > limits.MAX_JSON_PARAMS:
            raise ApiError(
                404,
                f"this model has {self.model.num_params:,} parameters, too many for model.json; "
                "use model.safetensors",
                limit=limits.MAX_JSON_PARAMS,
            )
        return model_json(self.saved, documents).encode()

    @cached_property
    def safetensors(self) -> bytes:
        """The weights, without Adam's moments."""
        metadata = {
            "format": "glassgpt-weights",
            "version": "1",
            "made_by": f"glassgpt {__version__}",
            "step": str(self.state.step),
            "model": json.dumps(self.model.to_dict()),
            "tokenizer": json.dumps(self.tokenizer.to_dict()),
        }
        return b"".join(safetensors.dump(self.state.params, metadata))

    @property
    def example(self) -> str:
        """A text that this run can read: its first document, or a character if it has none."""
        word = (self.run.documents or self.tokenizer.chars)[0]
        return word[: min(limits.MAX_TEXT, self.model.block_size)]

    def summary(self) -> schemas.RunSummary:
        return schemas.RunSummary(
            name=self.name,
            data=self.saved.info.data_name,
            documents=self.run.num_documents,
            vocab_size=self.model.vocab_size,
            num_params=self.model.num_params,
            step=self.state.step,
        )

    def facts(self) -> schemas.Model:
        """The answer of GET /model."""
        losses, tokenizer = self.losses, self.tokenizer
        alphabet, block_size = tokenizer.alphabet, self.model.block_size
        return schemas.Model(
            run=self.name,
            engine=self.saved.info.engine,
            dtype=self.saved.info.dtype,
            **facts(self.saved),
            vocabulary=schemas.Vocabulary(
                normalize=tokenizer.normalize,
                tokens=[tokenizer.token(i) for i in range(tokenizer.vocab_size)],
                bos=tokenizer.bos,
            ),
            limits=schemas.Limits(
                alphabet=None if alphabet is None else "".join(sorted(alphabet)),
                block_size=block_size,
                max_prompt_tokens=block_size - 1,
            ),
            params=schemas.Params(
                total=self.model.num_params,
                tensors=[
                    schemas.Tensor(name=name, shape=shape, count=shape[0] * shape[1])
                    for name, shape in self.model.shapes.items()
                ],
            ),
            figures=schemas.Figures(
                step=self.state.step,
                first_loss=losses[0] if losses else None,
                last_loss=losses[-1] if losses else None,
                mean_last_100=float(np.mean(losses[-MEAN_OVER:])) if losses else None,
            ),
        )


class Library:
    """Served runs by name; the first is the default."""

    def __init__(self, runs: Sequence[SavedRun]) -> None:
        self.runs: dict[str, Served] = {}
        for saved in runs:
            served = Served(saved)
            if served.name in self.runs:
                raise ConfigError(f"two runs have the name {served.name!r}; rename one of them")
            self.runs[served.name] = served
        self.default = next(iter(self.runs.values()))

    def get(self, name: str | None) -> Served:
        """Raises ApiError (404) for a name that is not served."""
        if name is None:
            return self.default
        if name not in self.runs:
            raise ApiError(
                404, f"there is no run {name!r}; there are: {', '.join(self.runs)}", "run"
            )
        return self.runs[name]
