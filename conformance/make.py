"""Write the conformance vectors from the reference: `python conformance/make.py [names.txt]`.

Every number comes from `glassgpt.reference` and CPython's `random`; what each file holds and the
tolerances are in README.md beside this file. The argument is the 32,033-name file; without it the
downloaded `names` data set is used.
"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path
from typing import Any, get_args

import numpy as np

from glassgpt import datasets, reference
from glassgpt.config import ModelConfig, Normalization, TrainConfig
from glassgpt.engines.base import AdamConfig, TrainState
from glassgpt.engines.scalar import ScalarEngine, WatchedGPT, collector_resting
from glassgpt.sampling import SampleConfig, generate
from glassgpt.text.characters import CharTokenizer, normalized
from glassgpt.training import begin

HERE = Path(__file__).parent
VERSION = 1
ADAM = AdamConfig()


def main() -> None:
    names = sys.argv[1] if len(sys.argv) > 1 else "names"
    write("random", random_vectors())
    write("tokenizers", tokenizer_vectors())
    with collector_resting():
        write("tiny_model", tiny_model())
        write("recipe_names", recipe(names, "names"))
        write("recipe_ten", recipe("ten", "ten"))
        write("recipe_hindi", recipe("hindi", "hindi"))


def write(name: str, body: dict[str, Any]) -> None:
    made = {"format": "glassgpt-conformance", "version": VERSION, "made_by": "conformance/make.py"}
    path = HERE / f"{name}.json"
    path.write_text(pretty(made | body) + "\n", encoding="utf-8")
    print(f"{path.name}: {path.stat().st_size:,} bytes")


def pretty(value: Any, indent: str = "") -> str:
    """JSON with a line for each member, but lists of plain values on one line."""
    if isinstance(value, dict) and value:
        deeper = indent + " "
        members = (
            f"{deeper}{json.dumps(k, ensure_ascii=False)}: {pretty(v, deeper)}"
            for k, v in value.items()
        )
        return "{\n" + ",\n".join(members) + f"\n{indent}}}"
    if isinstance(value, list) and any(isinstance(v, dict | list) for v in value):
        deeper = indent + " "
        return "[\n" + ",\n".join(deeper + pretty(v, deeper) for v in value) + f"\n{indent}]"
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


# --- the random stream ----------------------------------------------------------------------------


def random_vectors() -> dict[str, Any]:
    streams = []
    for seed in (0, 1, 42, 1337, 2**32 - 1, 2**32, 2**53 - 1, 2**63 - 1):
        rng = random.Random(seed)
        shuffled = list(range(20))
        # One stream after the other, so that a value kept back by gauss() is in play too.
        case: dict[str, Any] = {"seed": str(seed)}  # a string: JavaScript numbers end at 2^53
        case["random"] = [rng.random() for _ in range(4)]
        case["gauss"] = [rng.gauss(0, 0.08) for _ in range(3)]
        case["random_after_gauss"] = [rng.random() for _ in range(2)]
        case["gauss_again"] = [rng.gauss(0.5, 2.0) for _ in range(2)]
        rng.shuffle(shuffled)
        case["shuffle_of_20"] = shuffled
        case["choices_weights"] = [0.1, 0.2, 0.0, 0.3, 0.4, 0.0]
        case["choices"] = rng.choices(range(6), weights=case["choices_weights"], k=12)
        large = list(range(32_033))
        rng.shuffle(large)
        case["shuffle_of_32033_first_10"] = large[:10]
        case["random_last"] = rng.random()
        streams.append(case)
    return {"streams": streams}


# --- tokenizers -----------------------------------------------------------------------------------


def tokenizer_vectors() -> dict[str, Any]:
    lists = {
        "latin": ["emma", "zoë", "zoe\u0308", "anne marie", "o'neil"],
        "devanagari": ["की", "क\u093c", "\u0958मर", "ऩ", "न\u093c", "ज्ञान", "अंशु"],
        "emoji": ["👩\u200d👩\u200d👧", "🇮🇳", "👍🏽", "❤\ufe0f"],
        "hangul": ["한글", "서울", "\u1112\u1161\u11ab"],
    }
    cases = []
    for name, texts in lists.items():
        for form in get_args(Normalization):
            documents = [normalized(text, form) for text in texts]
            tokenizer = CharTokenizer.from_documents(documents, form)
            encoded = [tokenizer.encode(text) for text in texts]
            case = {"name": name, "normalize": form, "texts": texts, "chars": tokenizer.chars}
            case |= {"bos": tokenizer.bos, "encoded": encoded}
            cases.append(case | {"decoded": [tokenizer.decode(ids) for ids in encoded]})
    return {"cases": cases}


# --- a tiny model in full -------------------------------------------------------------------------


def tiny_model() -> dict[str, Any]:
    """Two layers, seven tokens; a document shorter, and one longer, than the context."""
    config = ModelConfig(vocab_size=7, n_layer=2, n_embd=8, n_head=2, block_size=5)
    documents = [[6, 0, 3, 3, 1, 6], [6, 5, 6], [6, 2, 4, 2, 0, 5, 1, 3, 6]]

    def fresh() -> WatchedGPT:  # std 0.5: far enough from 0 that every path carries weight
        shape = (config.n_layer, config.n_embd, config.n_head, config.block_size)
        return WatchedGPT(config.vocab_size, *shape, rng=random.Random(7), std=0.5)

    body: dict[str, Any] = {"model": config.to_dict(), "params": matrices(fresh())}
    body["passes"] = [one_pass(fresh(), document) for document in documents]
    model = fresh()
    loss = backward(model, documents)
    body["batch"] = {"documents": documents, "loss": loss, "grads": matrices(model, "grad")}

    model = fresh()
    adam = reference.Adam(model.parameters(), ADAM.beta1, ADAM.beta2, ADAM.eps)
    steps = []
    for batch, rate in (documents[:1], 0.1), (documents, 0.05), (documents[1:], 0.01):
        loss = backward(model, batch)
        adam.step(rate)
        step = {"documents": batch, "learning_rate": rate, "loss": loss}
        steps.append(step | {"params": matrices(model)})
    body["adam"] = {"beta1": ADAM.beta1, "beta2": ADAM.beta2, "eps": ADAM.eps, "steps": steps}
    body["samples"] = sample_vectors(config, model)
    return body


def backward(model: reference.GPT, batch: list[list[int]]) -> float:
    """The loss of a batch, the mean over its documents; its gradient is added to the parameters."""
    total = 0.0
    for document in batch:
        loss = model.loss(document) * (1 / len(batch))
        loss.backward()
        total += loss.data
    return total


def one_pass(model: WatchedGPT, document: list[int]) -> dict[str, Any]:
    seen = model.intermediates(document)
    [[loss]] = seen.pop("mean_loss")
    loss.backward()
    # The embeddings are rows of the parameters, so their gradients are mixed over positions; at
    # each position they equal that of emb_sum.
    no_grad = ("tok_emb", "pos_emb", "probs", "loss")
    return {
        "document": document,
        "loss": loss.data,
        "values": {name: rows(name, seen[name], model.n_head, "data") for name in seen},
        "value_grads": {
            name: rows(name, seen[name], model.n_head, "grad")
            for name in seen
            if name not in no_grad
        },
        "grads": matrices(model, "grad"),
    }


def rows(name: str, seen: list[list[reference.Value]], n_head: int, what: str) -> list[Any]:
    """[position][i]; what attention heads show, one after the other, as [head][query][key]."""
    numbers = [[getattr(value, what) for value in values] for values in seen]
    per_head = name.endswith(("attn_scores", "attn_weights"))
    return [numbers[head::n_head] for head in range(n_head)] if per_head else numbers


def matrices(model: reference.GPT, what: str = "data") -> dict[str, list[list[float]]]:
    return {
        name: [[getattr(value, what) for value in row] for row in matrix]
        for name, matrix in model.params.items()
    }


def sample_vectors(config: ModelConfig, model: reference.GPT) -> list[dict[str, Any]]:
    """Texts drawn from the tiny model after its three steps: token ids, and what decided them."""
    state = TrainState.fresh(arrays(config, model))
    engine, tokenizer = ScalarEngine(config, state, ADAM), CharTokenizer("abcdef")
    cases = []
    for temperature, top_k, prompt in (
        (0.0, None, ""), (0.5, None, ""), (1.0, None, "ba"), (1.0, 2, ""), (3.0, 3, "f"),
    ):  # fmt: skip
        rng, choose = random.Random(42), SampleConfig(temperature, top_k)
        drawn = [generate(engine, tokenizer, rng, choose, prompt, record=True) for _ in range(5)]
        case = {"temperature": temperature, "top_k": top_k}
        case["prompt"] = tokenizer.encode(prompt)[1:-1]
        case["seed"] = 42
        case["texts"] = [
            {
                "token_ids": s.token_ids,
                "finished": s.finished,
                "log_prob": s.log_prob,
                "uniforms": [step.uniform for step in s.steps if step.uniform is not None],
            }
            for s in drawn
        ]
        cases.append(case)
    return cases


def arrays(config: ModelConfig, model: reference.GPT) -> Any:
    return {name: np.array(matrix) for name, matrix in matrices(model).items()}


# --- recipes --------------------------------------------------------------------------------------


def recipe(source: str, name: str, steps: int = 1000) -> dict[str, Any]:
    """A whole training run: the documents it reads, every loss, gradients, weights, samples."""
    data = datasets.load(source, datasets.REGISTRY[name].recipe.normalize)
    suits = datasets.REGISTRY[name].recipe
    training = TrainConfig(steps=steps, learning_rate=suits.learning_rate)
    tokenizer = CharTokenizer.from_documents(data.documents, data.normalize)
    run, _, _ = begin(data, training, block_size=suits.block_size)

    rng = random.Random(training.seed)
    rng.shuffle(list(data.documents))
    model = reference.GPT(tokenizer.vocab_size, block_size=suits.block_size, rng=rng)
    adam = reference.Adam(model.parameters())
    body: dict[str, Any] = {
        "data": {
            "name": name,
            "sha256": data.sha256,
            "num_documents": len(data.documents),
            "normalize": data.normalize,
            "chars": tokenizer.chars,
        },
        "model": run.model.to_dict(),
        "training": training.to_dict(),
        "documents": run.documents[:steps],
        "params_first": matrices(model),
    }
    losses = []
    for step, rate in enumerate(training.learning_rates(0, steps)):
        losses.append(backward(model, [tokenizer.encode(run.batch(step)[0])]))
        if step == 0:
            body["grads_first"] = matrices(model, "grad")
        if step == steps - 1:
            body["grads_last"] = matrices(model, "grad")
        adam.step(rate)
    body |= {"params_last": matrices(model), "losses": losses, "temperature": 0.5}
    samples = [reference.sample(model, tokenizer.bos, rng, 0.5) for _ in range(20)]
    return body | {"samples": [tokenizer.decode(ids) for ids in samples]}


if __name__ == "__main__":
    main()
