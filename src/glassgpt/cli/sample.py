"""`glassgpt sample`."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from glassgpt.cli import common
from glassgpt.cli.commands import whole

if TYPE_CHECKING:
    from glassgpt.config import ModelConfig
    from glassgpt.evaluation import Novelty
    from glassgpt.sampling import Sample
    from glassgpt.text import Tokenizer

EXAMPLES = common.examples(
    "glassgpt sample",
    "glassgpt sample runs/startups --prompt cred -n 5",
    "glassgpt sample runs/hindi --temperature 0.8 --steps",
)


def sample(
    run: common.RunArgument = None,
    n: Annotated[
        int | None,
        typer.Option(
            "-n",
            parser=whole,
            help="Number of texts to write.",
            show_default="20; fewer if the context is longer than 32",
        ),
    ] = None,
    prompt: Annotated[str, typer.Option(help="Beginning of each text.")] = "",
    temperature: Annotated[
        float | None,
        typer.Option(
            help="Sampling temperature: below 1 likely tokens become likelier, above 1 less so; "
            "0 always picks the most likely token.",
            show_default="the temperature of the run",
        ),
    ] = None,
    top_k: Annotated[
        int | None,
        typer.Option(parser=whole, help="Choose among the k most likely tokens only."),
    ] = None,
    seed: common.SeedOption = 42,
    steps: Annotated[
        bool,
        typer.Option("--steps", help="Show how each token was chosen, with the five most likely."),
    ] = False,
    engine: common.EngineOption = None,
    as_json: common.JsonOption = False,
) -> None:
    """Let a trained model write texts, and show which are new and which it has seen in training."""
    from glassgpt.errors import ConfigError
    from glassgpt.sampling import SampleConfig, encode_prompt, generate

    if n is not None and not 0 <= n <= 1_000_000:
        raise ConfigError(f"n is {n}; it must be from 0 to 1,000,000", "n")
    saved = common.open_run(run)
    chosen = saved.info.temperature if temperature is None else temperature
    config, tokenizer = SampleConfig(chosen, top_k), saved.run.tokenizer
    encode_prompt(prompt, tokenizer, saved.run.model)  # complains before anything is printed
    model, rng = common.engine_for(saved, engine), random.Random(seed)
    number = common.how_many(saved.run.model) if n is None else n
    drawn = [generate(model, tokenizer, rng, config, prompt, record=steps) for _ in range(number)]
    bins = common.bins_of(drawn, saved.run, saved.state.step)
    if as_json:
        settings = {"prompt": prompt, "temperature": chosen, "top_k": top_k, "seed": seed}
        rows = [_json(s, b, tokenizer) for s, b in zip(drawn, bins, strict=True)]
        common.print_json({"run": str(saved.path), **settings, "samples": rows})
    elif steps:
        for number, (s, b) in enumerate(zip(drawn, bins, strict=True), 1):
            _print_steps(number, s, b, tokenizer)
        if not all(s.finished for s in drawn):
            common.say(common.cut_note(saved.run.model))
    else:
        remarks = [f"log p {s.log_prob:.2f}" + ("" if s.finished else ", cut") for s in drawn]
        rows_ = zip(drawn, bins, remarks, strict=True)
        common.print_samples([(s.text, b, remark) for s, b, remark in rows_])
        _notes(drawn, saved.run.model)


def _notes(drawn: Sequence[Sample], model: ModelConfig) -> None:
    """What the remarks beside the samples mean."""
    if drawn:
        common.say(
            "log p: the natural logarithm of the probability of the text at temperature 1; "
            "closer to 0 is likelier"
        )
    if not all(s.finished for s in drawn):
        common.say(common.cut_note(model))


def _json(s: Sample, novelty: Novelty | None, tokenizer: Tokenizer) -> dict[str, Any]:
    row: dict[str, Any] = {"text": s.text, "token_ids": s.token_ids, "novelty": novelty}
    row |= {"log_prob": s.log_prob, "finished": s.finished}
    if s.steps:
        row["steps"] = [
            {
                "position": step.position,
                "token": tokenizer.token(step.token_id),
                "top": [{"token": tokenizer.token(i), "p": p} for i, p in step.top()],
                "uniform": step.uniform,
                "choice": tokenizer.token(step.choice),
                "p": float(step.probs[step.choice]),
            }
            for step in s.steps
        ]
    return row


def _print_steps(number: int, s: Sample, novelty: Novelty | None, tokenizer: Tokenizer) -> None:
    from rich.text import Text

    console = common.stdout()
    heading = Text(f"{number:3d}  {s.text or common.EMPTY}  ")
    if novelty is not None:
        heading.append(common.BIN_LABELS[novelty], "bold")
    if not s.finished:
        heading.append("  cut", "dim")
    heading.rstrip()
    console.print(heading)
    for step in s.steps:
        line = Text(f"     {step.position:2d}  {tokenizer.token(step.token_id):>3} ->  ")
        for token_id, p in step.top():
            style = "bold reverse" if token_id == step.choice else ""
            line.append(f"{tokenizer.token(token_id):>3} {p:6.1%}", style).append("  ")
        line.append(f"  chose {tokenizer.token(step.choice)} ({step.probs[step.choice]:.1%})")
        if step.uniform is not None:
            line.append(f", u = {step.uniform:.4f}", "dim")
        console.print(line)
