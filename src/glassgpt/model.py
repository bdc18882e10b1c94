"""A trained GPT to write with, question and keep: what `import glassgpt` is about."""

from __future__ import annotations

import os
import random
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Unpack, overload

from glassgpt import engines
from glassgpt.answers import ModelTrace, Samples
from glassgpt.config import ModelConfig, Normalization, TrainConfig, check_seed
from glassgpt.datasets import open_data
from glassgpt.engines.base import Engine, Params
from glassgpt.errors import ConfigError, DataError, RunError
from glassgpt.evaluation import Evaluation, Known, evaluate
from glassgpt.files.atomic import write_atomically
from glassgpt.fit import Fit, Options, start
from glassgpt.progress import shown
from glassgpt.runs.directory import SavedRun
from glassgpt.runs.directory import load as read_run
from glassgpt.runs.export import model_json
from glassgpt.runs.log import Log
from glassgpt.runs.state import to_safetensors
from glassgpt.runs.writer import RunWriter
from glassgpt.sampling import SampleConfig, distribution, encode_prompt, generate
from glassgpt.text import Tokenizer
from glassgpt.trace import trace
from glassgpt.training import Chunk, replay

if TYPE_CHECKING:
    import torch

PathLike = str | os.PathLike[str]


def train(
    data: PathLike | Iterable[str] = "english",
    *,
    engine: str | None = None,
    dtype: str = "float64",
    normalize: Normalization | None = None,
    save: PathLike | None = None,
    progress: bool = False,
    **options: Unpack[Options],
) -> Model:
    """Train a GPT from scratch.

    Args:
        data: the name of a bundled list (english, hindi, startups, ten), the path of a text file
            with one item a line, the directory of a prepared corpus, or any iterable of strings.
        engine: scalar, numpy, native or torch; None takes the fastest one that is here.
        dtype: float64 or float32; with torch also bfloat16.
        normalize: Unicode normal form, nfc, nfd or none; None takes what suits the data.
        save: a new directory to keep the run in while it trains; None keeps it in memory.
        progress: show a bar, in a terminal or in a notebook.
        options: see `Options`.

    Raises DataError, ConfigError, EngineError for what cannot be trained, DivergedError where the
    loss becomes infinite or NaN.

    >>> import glassgpt
    >>> model = glassgpt.train(["emma", "ava", "mia", "ella"], steps=300)
    >>> model
    <glassgpt.Model: 7 tokens, 3,552 parameters, trained on a list for 300 steps>
    """
    if unknown := set(options) - set(Options.__annotations__):
        known = ", ".join(Options.__annotations__)
        raise ConfigError(f"there is no option {', '.join(sorted(unknown))}; there are {known}")

    source = open_data(data, normalize)
    path = None if save is None else Path(save)
    keep = {} if path is None else {"keep": lambda run, info: RunWriter.create(path, run, info)}
    fit = start(source, engine, dtype, **keep, **options)
    made = fit.engine()
    try:
        with shown(fit.run.training.steps, progress) as update:
            for chunk in fit.chunks(made):
                update(chunk)
    finally:
        fit.writer.close()
    if fit.lost:
        raise RunError(fit.lost)
    return Model._of(fit, made, path)


def load(run: PathLike) -> Model:
    """A run directory as a model. Raises RunError for what is missing, damaged or foreign."""
    return Model(read_run(Path(run)))


class Model:
    """A trained GPT. `train` and `load` give one.

    Attributes:
        saved: the run: its configuration, state, documents and log.
    """

    def __init__(self, saved: SavedRun, engine: Engine | None = None) -> None:
        self.saved = saved
        if engine is not None:
            self.engine = engine

    @classmethod
    def _of(cls, fit: Fit, engine: Engine, path: Path | None) -> Model:
        log = Log(fit.losses, fit.run.training.learning_rates(0, len(fit.losses)))
        saved = SavedRun(path or Path(fit.info.data_name), fit.run, fit.info, engine.state())
        saved.log = log
        model = cls(saved, engine)
        model._rng = fit.rng
        return model

    @cached_property
    def engine(self) -> Engine:
        """What computes: the fastest engine that is here, with the weights of the model."""
        run, state = self.saved.run, self.saved.state
        return engines.create(engines.DEFAULT, run.model, state, run.training)

    @cached_property
    def _rng(self) -> random.Random:
        """The random stream after training, from which the samples come."""
        if self.saved.info.data_kind == "corpus":
            return random.Random(self.training.seed)
        return replay(self.saved.run)[1]

    @cached_property
    def _known(self) -> Known:
        return Known.of(self.saved.run, self.saved.state.step)

    @property
    def config(self) -> ModelConfig:
        """Layers, width, heads, context length and vocabulary."""
        return self.saved.run.model

    @property
    def training(self) -> TrainConfig:
        """The recipe of the training."""
        return self.saved.run.training

    @property
    def tokenizer(self) -> Tokenizer:
        return self.saved.run.tokenizer

    @property
    def params(self) -> Params:
        """Tensor name -> float64 array `[n_out, n_in]`, such as `params["layer0.attn_wq"]`."""
        return self.saved.state.params

    @property
    def losses(self) -> list[float]:
        """Loss of every step, nats a character, each before the update of that step."""
        return self.saved.losses

    def sample(
        self,
        n: int = 20,
        prompt: str = "",
        temperature: float | None = None,
        top_k: int | None = None,
        seed: int | None = None,
    ) -> Samples:
        """Let the model write `n` texts.

        Args:
            prompt: what each begins with.
            temperature: 1 samples from the model's own distribution, 0 always takes the most likely
                token; None takes the model's default.
            top_k: choose among so many most likely tokens only.
            seed: None goes on with the random stream of the training: the first 20 samples of a
                recipe are the same on every machine.

        Raises DataError for a prompt with unknown characters or one that fills the context.

        >>> import glassgpt
        >>> model = glassgpt.train("ten")
        >>> print(model.sample(4))
        ['charlotte', 'sophia', 'evelyn', 'ava']
        """
        if not isinstance(n, int) or n < 0:
            raise ConfigError(f"n is {n!r}; it must be a whole number of at least 0", "n")
        choose = SampleConfig(
            self.saved.info.temperature if temperature is None else temperature, top_k
        )
        if seed is not None:
            check_seed(seed)
        rng = self._rng if seed is None else random.Random(seed)
        drawn = [generate(self.engine, self.tokenizer, rng, choose, prompt, True) for _ in range(n)]
        return Samples(drawn, [self._known.novelty(s) for s in drawn])

    @overload
    def loss(self, texts: str) -> float: ...  # type: ignore[overload-overlap] # a string is one text
    @overload
    def loss(self, texts: Iterable[str]) -> list[float]: ...
    def loss(self, texts: str | Iterable[str]) -> float | list[float]:
        """Mean surprise of each text, -log p in nats a character, the end of the text included.

        One number for a string, a list for several. Raises DataError for unknown characters.
        """
        single = isinstance(texts, str)
        given = [texts] if isinstance(texts, str) else list(texts)
        rows = self.engine.surprises([self._encode(text) for text in given])
        means = [float(row.mean()) for row in rows]
        return means[0] if single else means

    def next(self, text: str = "") -> dict[str, float]:
        """Probability of each token after a text, the most likely first; `BOS` ends the text.

        Raises DataError for unknown characters or a text that fills the context.
        """
        session = self.engine.session()
        for token_id in encode_prompt(text, self.tokenizer, self.config):
            logits = session.feed(token_id)
        probs = distribution(logits, SampleConfig(1.0)).tolist()
        order = sorted(range(len(probs)), key=lambda i: -probs[i])
        return {self.tokenizer.token(i): probs[i] for i in order}

    def trace(self, text: str) -> ModelTrace:
        """Every named intermediate of one text, and the gradient of the loss for each."""
        ids = self._encode(text)
        found = trace(self.config, self.saved.state, ids)
        labels = [self.tokenizer.token(i) for i in range(self.config.vocab_size)]
        return ModelTrace(found, ids, labels)

    def evaluate(self, documents: int = 1000) -> Evaluation:
        """Loss on documents read and not read, beside uniform, letter counts, bigrams, trigrams.

        Args:
            documents: how many of each are measured, at most.
        """
        return evaluate(self.saved.run, self.saved.state.step, self.engine, documents)

    def save(self, path: PathLike) -> Path:
        """Keep the model as a new run directory, which every command opens. Raises RunError."""
        saved = self.saved
        writer = RunWriter.create(Path(path), saved.run, saved.info)
        try:
            writer.save(saved.state, [Chunk(0, list(self.losses), [])])
        finally:
            writer.close()
        return Path(path)

    def export(self, path: PathLike, documents: bool = False) -> Path:
        """Write one self-contained file: `.json` for the explorer, or `.safetensors`.

        Args:
            documents: include the documents and all losses in the JSON.

        Raises RunError where there is a file already or it cannot be written, ConfigError for
        another ending.
        """
        target = Path(path)
        if target.exists():
            raise RunError(f"{target} exists already; choose another name, or remove it")
        try:
            if target.suffix == ".json":
                write_atomically(target, model_json(self.saved, documents).encode())
            elif target.suffix == ".safetensors":
                dtype = self.saved.info.dtype
                write_atomically(target, to_safetensors(self.config, self.saved.state, dtype))
            else:
                raise ConfigError(f"{target} must end in .json or .safetensors")
        except OSError as error:
            raise RunError(f"cannot write {target}: {error.strerror}") from None
        return target

    def to_torch(self) -> torch.nn.Module:
        """The model as a PyTorch module, float64, with the same tensor names.

        It takes token ids `(B, T)` and gives logits `(B, T, vocab_size)`.

        Raises EngineError where PyTorch is not installed.
        """
        module: torch.nn.Module = engines.to_torch(self.config, self.params)
        return module

    def _encode(self, text: str) -> list[int]:
        if not isinstance(text, str):
            raise DataError(f"the text is {text!r}; it must be a string")
        if not text.strip():
            raise DataError("the text is empty; it must have at least one character")
        return self.tokenizer.encode(text)

    def __repr__(self) -> str:
        size = f"{self.config.vocab_size:,} tokens, {self.config.num_params:,} parameters"
        made = f"trained on {self.saved.info.data_name} for {self.saved.state.step:,} steps"
        return f"<glassgpt.Model: {size}, {made}>"

    def _repr_html_(self) -> str:
        from glassgpt.pictures import model_html

        run, name = self.saved.run, self.saved.info.data_name
        step, number = self.saved.state.step, run.num_documents
        return model_html(name, run.model, run.training, step, number, self.losses)
