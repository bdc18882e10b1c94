"""Write docs/article.md from its template: every figure in it is measured here.

    python tools/article.py        # about a minute; docs/article/template.md -> docs/article.md

`{name}` in the template is replaced by a measured figure. A name that nothing measures, or a
measurement that nothing uses, is an error.
"""

from __future__ import annotations

import json
import math
import os
import platform
import re
import string
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "notebooks")]

import figures  # noqa: E402
import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402
from study import Fitted, fit  # noqa: E402

from glassgpt import datasets, engines  # noqa: E402
from glassgpt.config import ModelConfig, TrainConfig  # noqa: E402
from glassgpt.evaluation import Known, NGram, model_loss  # noqa: E402
from glassgpt.text.characters import CharTokenizer  # noqa: E402
from glassgpt.trace import trace  # noqa: E402
from glassgpt.training import begin  # noqa: E402

FOLDER = ROOT / "docs" / "article"
SEEDS = (42, 43, 44, 45, 46)


def save(figure: plt.Figure, name: str) -> None:
    figure.savefig(FOLDER / f"{name}.png", dpi=130, metadata={"Software": None})
    plt.close(figure)


def ruler(model: Fitted) -> dict[str, str]:
    """The loss of counts and of the GPT on the same held-out names."""
    train = [model.tokenizer.encode(name) for name in model.run.train.texts]
    labels = ["uniform", "letter counts", "bigrams", "trigrams", "4-grams"]
    measured = {
        label: NGram(n, train, 27).loss(model.held_out, 16).nats for n, label in enumerate(labels)
    }
    measured["GPT, 1,000 steps"] = fit("english", 1000).loss()
    measured["GPT, 5,000 steps"] = model.loss()
    measured["GPT, 20,000 steps"] = fit("english", 20_000).loss()
    figure, axes = figures.new(height=3)
    figures.bars(axes, dict(sorted(measured.items(), key=lambda item: -item[1])))
    axes.set_xlabel("nats a letter on 876 names the models have not seen")
    save(figure, "ruler")
    names = ("uniform", "counts", "bigrams", "trigrams", "fourgrams", "gpt1000", "gpt5000", "late")
    return {n: f"{x:.2f}" for n, x in zip(names, measured.values(), strict=True)}


def attention(model: Fitted) -> None:
    """The weights of the four heads on a name."""
    document = model.tokenizer.encode("maria")
    labels = [model.tokenizer.token(i) for i in document[:-1]]
    weights = trace(model.run.model, model.engine.state(), document).values["layer0.attn_weights"]
    figure, axes = figures.new(4, height=2.6, width=9)
    for head, plot in enumerate(axes):
        shown = np.where(np.tri(len(labels)) > 0, weights[head], np.nan)
        figures.heat(plot, shown, labels, labels, f"head {head}", numbers=True)
        plot.tick_params(labelsize=8)
    save(figure, "attention")


def muted(model: Fitted) -> dict[str, str]:
    """The rise of the held-out loss without a part, the rest left as it was."""

    def without(tensor: str) -> float:
        state = model.engine.state()
        state.params[tensor][:] = 0
        engine = engines.create(engines.DEFAULT, model.run.model, state, TrainConfig())
        loss = model_loss(engine, model.held_out)
        assert loss
        return loss.nats - model.loss()

    return {
        "mute_attention": f"{without('layer0.attn_wo'):.2f}",
        "mute_mlp": f"{without('layer0.mlp_fc2'):.2f}",
    }


def awake() -> dict[str, str]:
    """The share of the MLP's hidden numbers that pass the ReLU, as training goes on."""
    steps, shares = (1, 30, 100, 300, 1000, 3000, 5000, 10_000), []
    for n in steps:
        model = fit("english", n)
        state = model.engine.state()
        traces = [trace(model.run.model, state, d) for d in model.held_out[:300]]
        passed = np.concatenate([t.values["layer0.mlp_hidden"] > 0 for t in traces])
        shares.append(100 * float(passed.mean()))
    figure, axes = figures.new(height=2.6)
    axes.plot(steps, shares, "o-", color=figures.RED)
    axes.set_xscale("log")
    axes.set_ylim(0)
    axes.set_xlabel("training steps")
    axes.set_ylabel("active hidden units, %")
    save(figure, "awake")
    of = dict(zip(steps, shares, strict=True))
    return {"awake_1": f"{of[1]:.0f}", "awake_1000": f"{of[1000]:.0f}", "awake": f"{of[5000]:.1f}"}


def samples(model: Fitted) -> dict[str, str]:
    """Ten names, and the three bins at temperature 0.5."""
    drawn = model.samples(1000, 0.5)
    seen, file = set(model.run.train.texts), set(model.run.documents)
    known = Known(seen, file, model.tokenizer)
    bins = [known.novelty(s) for s in drawn]
    greedy = model.samples(1, 0.0)[0].text
    ten = fit("ten", held_out=0.0)
    copied = [s.text in ten.run.documents for s in ten.samples(1000, 0.5)]
    invented = [s.text for s in drawn if s.text and s.text not in file]
    assert greedy not in file
    return {
        "samples": ", ".join(dict.fromkeys(s.text for s in drawn[:12])),
        "new": f"{100 * bins.count('new') / 1000:.0f}",
        "seen": f"{100 * bins.count('seen') / 1000:.0f}",
        "found": f"{100 * bins.count('in file') / 1000:.0f}",
        "greedy": greedy,
        "ten_copies": f"{100 * sum(copied) / 1000:.1f}",
        "ten_loss": f"{np.mean(ten.losses[-100:]):.2f}",
        "invented_loss": f"{model.loss(invented):.2f}",
        "real_loss": f"{model.loss():.2f}",
    }


def ablations() -> dict[str, str]:
    """What notebook 7 measured when it was last executed, read from its outputs."""
    notebook = json.loads((ROOT / "notebooks" / "07_ablations.ipynb").read_text(encoding="utf-8"))
    found = []
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            words = output.get("metadata", {}).get("image/png", {}).get("alt", "")
            rises = re.findall(r"([^,]+?) ([+-]\d\.\d{3})", words)
            if rises:
                found.append({part.strip(): float(rise) for part, rise in rises})
    short, long = found
    parts = [part for part in short if part in long]
    figure, axes = figures.new(height=3.4)
    place = np.arange(len(parts))
    for shift, rises, colour, label in (
        (-0.2, short, figures.YELLOW, "after 1,000 steps"),
        (0.2, long, figures.RED, "after 5,000 steps"),
    ):
        axes.barh(place + shift, [rises[p] for p in parts], 0.4, color=colour, label=label,
                  edgecolor=figures.BLACK)  # fmt: skip
    axes.set_yticks(place, parts)
    axes.invert_yaxis()
    axes.legend(loc="lower right")
    axes.set_xlabel("rise of the held-out loss when trained without it (nats)")
    save(figure, "ablations")
    return {
        "without_residuals": f"{short['residuals']:.2f}",
        "without_decay": f"{short['decay']:.2f}",
        "without_attention": f"{short['attention']:.3f}",
        "without_attention_long": f"{long['attention']:.3f}",
        "without_mlp": f"{short['MLP']:.3f}",
        "without_mlp_long": f"{long['MLP']:.3f}",
        "without_relu": f"{short['ReLU']:.3f}",
    }


def seeds() -> dict[str, str]:
    losses = [fit("english", 1000, seed).loss() for seed in SEEDS]
    return {"seed_mean": f"{np.mean(losses):.3f}", "seed_sd": f"{np.std(losses, ddof=1):.3f}"}


def machine() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    cpu = next((x.partition(":")[2].strip() for x in lines if x.startswith("model name")), "")
    return (
        f"{cpu or platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    )


def timings(rounds: int = 10) -> dict[str, float]:
    """Microseconds a step at the standard size: the least of some rounds, engines in turn."""
    training = TrainConfig()
    names = datasets.load("english").documents
    tokenizer = CharTokenizer.from_documents(names)
    run, state, _ = begin(datasets.from_texts(names, tokenizer=tokenizer), training)
    batches = [[tokenizer.encode(name) for name in run.batch(step)] for step in range(1000)]
    steps = {"scalar": 10, "numpy": 300, "native": 1000}
    models = {n: engines.create(n, run.model, state.copy(), training) for n in steps}
    best = dict.fromkeys(steps, math.inf)
    for _ in range(rounds):
        for name, model in models.items():
            rates = [1e-4] * steps[name]  # small: the weights stay put however long it takes
            started = time.perf_counter()
            model.train(batches[: steps[name]], rates)
            best[name] = min(best[name], (time.perf_counter() - started) / steps[name])
    return {name: 1e6 * seconds for name, seconds in best.items()}


def speed() -> dict[str, str]:
    """Microseconds a step of each engine, and what twenty thousand steps take."""
    best = timings()
    figure, axes = figures.new(height=2)
    figures.bars(axes, best, form="{:,.1f} µs")
    axes.set_xscale("log")
    axes.set_xlabel("a training step (logarithmic)")
    save(figure, "speed")
    started = time.perf_counter()
    fit("english", 20_000)
    seconds = time.perf_counter() - started
    gpt2 = ModelConfig(50_257, 12, 768, 12, 1024).num_params - 50_257 * 768
    return {
        "scalar": f"{best['scalar'] / 1000:.1f}",
        "numpy": f"{best['numpy']:.0f}",
        "native": f"{best['native']:.1f}",
        "factor": f"{best['scalar'] / best['native']:,.0f}",
        "numpy_factor": f"{best['scalar'] / best['numpy']:,.0f}",
        "twenty": f"{seconds:.1f}",
        "machine": machine(),
        "gpt2": f"{gpt2 / 1e6:.0f}",
        "gpt2_factor": f"{gpt2 / 4192:,.0f}",
    }


def main() -> None:
    if "native" not in engines.available():
        sys.exit("the article compares engines; it needs the native one (make setup)")
    FOLDER.mkdir(exist_ok=True)
    model = fit("english", 5000)
    attention(model)
    values = {
        "vocab": str(model.run.model.vocab_size),
        "ln27": f"{math.log(27):.4f}",
        "params": f"{model.run.model.num_params:,}",
    }
    for measured in (ruler(model), muted(model), awake(), samples(model), ablations(), seeds(),
                     speed()):  # fmt: skip
        values |= measured
    template = (FOLDER / "template.md").read_text(encoding="utf-8")
    used = {name for _, name, _, _ in string.Formatter().parse(template) if name}
    if used != set(values):
        sys.exit(f"not measured, or not used: {', '.join(sorted(used ^ set(values)))}")
    article = ROOT / "docs" / "article.md"
    article.write_text(template.format(**values), encoding="utf-8")
    print(f"wrote {article}")


if __name__ == "__main__":
    main()
