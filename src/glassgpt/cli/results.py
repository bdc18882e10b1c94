"""What `glassgpt train` prints at the end."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from glassgpt.cli import common

if TYPE_CHECKING:
    from glassgpt.cli.fitting import Done
    from glassgpt.fit import Fit
    from glassgpt.sampling import SampleConfig


class Results:
    """The samples of a trained model, in their bins, and its held-out loss."""

    def __init__(self, fit: Fit, done: Done, choose: SampleConfig, samples: int | None) -> None:
        from glassgpt.evaluation import MAX_DOCUMENTS, model_loss
        from glassgpt.sampling import generate

        self.fit, self.done, self.choose = fit, done, choose
        self.held_out, self.drawn = None, []
        if done.model and not done.status:
            run = fit.run
            self.held_out = model_loss(done.model, run.held_out_ids(MAX_DOCUMENTS))
            n = common.how_many(run.model) if samples is None else samples
            self.drawn = [generate(done.model, run.tokenizer, fit.rng, choose) for _ in range(n)]
        self.bins = common.bins_of(self.drawn, fit.run, len(fit.losses))

    def print_json(self, seconds: float, processes: int) -> None:
        fit, done, run = self.fit, self.done, self.fit.run
        common.print_json(
            {
                "run": None if fit.lost else str(fit.writer.path),
                "engine": fit.info.engine,
                "dtype": fit.info.dtype,
                "num_params": run.model.num_params,
                "vocab_size": run.model.vocab_size,
                "model": run.model.to_dict(),
                "training": run.training.to_dict(),
                "data": fit.facts,
                "resumed_at": fit.resumed_at,
                "steps": len(fit.losses),
                "stopped": bool(done.status),
                "losses": fit.losses,
                "held_out_loss": self.held_out.nats if self.held_out else None,
                "temperature": self.choose.temperature,
                "samples": [s.text for s in self.drawn],
                "novelty": self.bins,
                "finished": [s.finished for s in self.drawn],
                "train_seconds": done.seconds,
                "seconds": seconds,
                "processes": processes,
                "throughput": done.throughput and done.throughput.to_dict(),
            }
        )

    def print(self, again: str) -> None:
        """Args:
        again: what commands must name beside the run, a blank at the end.
        """
        fit, run = self.fit, self.fit.run
        remarks = ["" if s.finished else "cut" for s in self.drawn]
        rows = zip(self.drawn, self.bins, remarks, strict=True)
        common.print_samples([(s.text, b, remark) for s, b, remark in rows])
        if self.drawn:
            shares = f": {common.bin_summary(self.bins)}" if run.documents else ""
            number = common.count(len(self.drawn), "sample")
            common.say(f"{number} at temperature {self.choose.temperature:g}{shares}")
        if "cut" in remarks:
            common.say(common.cut_note(run.model))
        if self.done.throughput:
            common.say(str(self.done.throughput))
        if self.held_out:
            unit = common.unit(run.tokenizer)
            common.say(f"held-out loss {self.held_out.nats:.4f} nats a {unit}")
        if not fit.lost:
            _next_steps(fit.writer.path, self.drawn[0].text if self.drawn else "", again)


def _next_steps(path: Path, text: str, again: str) -> None:
    begin = text[:2] if text[:2].isprintable() and " " not in text[:2] else ""
    place = shlex.quote(str(path))
    common.say(f"saved in {path}; go on with:")
    prompt = f" --prompt {shlex.quote(begin)}" if begin.strip() else ""
    common.say(f"  glassgpt sample {place}{prompt}")
    common.say(f"  glassgpt eval {place}" + (f" --corpus {again}".rstrip() if again else ""))
    if not again:
        word = f"-- {shlex.quote(text)}" if text.startswith("-") else shlex.quote(text or "WORD")
        common.say(f"  glassgpt explain --run {place} {word}")
