"""`glassgpt datasets prepare`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from glassgpt.cli import common
from glassgpt.cli.commands import data_names, one_of, whole
from glassgpt.cli.progress import bytes_bar
from glassgpt.errors import ConfigError, StoppedError

if TYPE_CHECKING:
    from glassgpt.scale.corpus import Corpus

EXAMPLES = common.examples(
    "glassgpt datasets prepare names.txt -o names",
    "glassgpt datasets prepare *.txt --documents file --tokens bytes -o books",
    "zcat posts.gz | glassgpt datasets prepare - -o posts --documents jsonl",
    "glassgpt datasets prepare new.txt --tokenizer-from books -o new",
    "glassgpt train books",
)

TOKENS = ("characters", "bytes")
DEFAULT_VOCAB_SIZE = 4096
SHOWN = 200
"""Tokens of a document that are shown at most."""


def prepare(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE",
            help="Text files, names of data sets, or - for standard input.",
            autocompletion=data_names,
        ),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="Directory to create.")],
    tokens: Annotated[
        str | None,
        typer.Option(
            help="What a token is: characters, or bytes for byte-pair encoding.",
            show_default="characters",
            autocompletion=one_of(*TOKENS),
        ),
    ] = None,
    vocab_size: Annotated[
        int | None,
        typer.Option(
            parser=whole,
            help="Vocabulary size for --tokens bytes, BOS included.",
            show_default=str(DEFAULT_VOCAB_SIZE),
        ),
    ] = None,
    documents: Annotated[
        str,
        typer.Option(
            help="What a document is: line, file, or jsonl for one JSON object per line.",
            autocompletion=one_of("line", "file", "jsonl"),
        ),
    ] = "line",
    key: Annotated[
        str | None, typer.Option(help="Key of the text in each JSON object.", show_default="text")
    ] = None,
    tokenizer_from: Annotated[
        Path | None, typer.Option(help="A corpus or run whose tokenizer to use.")
    ] = None,
    normalize: Annotated[
        str | None,
        typer.Option(
            help="Unicode normal form: nfc, nfd or none.",
            show_default="depends on the data",
            autocompletion=one_of("nfc", "nfd", "none"),
        ),
    ] = None,
    as_json: common.JsonOption = False,
) -> None:
    """Turn texts of any size into a corpus to train on; its token ids are read from the disk."""
    from glassgpt.config import check_normalization
    from glassgpt.datasets import REGISTRY
    from glassgpt.scale import corpus as corpora
    from glassgpt.scale.corpus.reader import check_unit
    from glassgpt.text.stored import read_tokenizer

    mode = check_unit(documents)
    if key is not None and mode != "jsonl":
        raise ConfigError("--key is for --documents jsonl")
    if tokens is not None and tokens not in TOKENS:
        raise ConfigError(f"--tokens is {tokens!r}; it must be characters or bytes")
    entry = REGISTRY.get(sources[0]) if len(sources) == 1 else None
    form = check_normalization(normalize or (entry.recipe.normalize if entry else "none"))
    known = None
    if tokenizer_from is not None:
        if tokens or vocab_size is not None or normalize:
            raise ConfigError(
                "--tokenizer-from brings its tokens and its normal form: leave out --tokens, "
                "--vocab-size and --normalize"
            )
        known = read_tokenizer(tokenizer_from)
    if tokens != "bytes" and vocab_size is not None:
        raise ConfigError("--vocab-size is for --tokens bytes; characters are as many as there are")
    size = None
    if tokens == "bytes":
        size = DEFAULT_VOCAB_SIZE if vocab_size is None else vocab_size

    started = time.perf_counter()
    try:
        with bytes_bar("reading", remains=False) as progress:
            corpus = corpora.prepare(
                sources,
                output,
                vocab_size=size,
                documents=mode,
                key=key or "text",
                normalize=form,
                tokenizer=known,
                progress=progress,
            )
    except KeyboardInterrupt:
        raise StoppedError("stopped; nothing is left of what was written") from None
    seconds = time.perf_counter() - started
    if as_json:
        common.print_json(facts(corpus) | {"seconds": round(seconds, 3)})
        return
    _report(corpus, size, seconds)


def _report(corpus: Corpus, asked: int | None, seconds: float) -> None:
    vocab_size = corpus.tokenizer.vocab_size
    console = common.stdout()
    for name, value in described(corpus).items():
        console.print(f"{name:>12}  {value}")
    speed = corpus.facts.num_bytes / 1e6 / max(seconds, 1e-9)
    console.print(f"{'time':>12}  {seconds:,.1f} s, {speed:,.1f} MB of text a second")
    if asked and vocab_size < asked:
        common.say(
            f"the vocabulary has {vocab_size:,} tokens, not {asked:,}: "
            "no other two tokens stand together twice"
        )
    common.say(f"\nwrote {corpus.path}; next: glassgpt train {corpus.path}")


def facts(corpus: Corpus) -> dict[str, Any]:
    """A corpus for `--json`."""
    tokenizer = corpus.tokenizer.to_dict()
    return {
        "path": str(corpus.path),
        **corpus.facts.to_dict(),
        "tokenizer": tokenizer["kind"],
        "normalize": tokenizer["normalize"],
        "vocab_size": corpus.tokenizer.vocab_size,
    }


def described(corpus: Corpus) -> dict[str, str]:
    """A corpus in a few lines for people: what, and how much of it."""
    told, tokenizer = corpus.facts, corpus.tokenizer
    own = told.num_tokens - told.num_documents - 1  # without BOS
    what = {"line": "line", "file": "file", "jsonl": "JSON object"}.get(told.documents, "document")
    size = (corpus.num_tokens * told.token_bytes + 8 * (told.num_documents + 1)) / 1e6
    return {
        "made of": _listed(told.sources),
        "documents": common.count(told.num_documents, what),
        "tokens": f"{own:,}, and {told.num_documents + 1:,} BOS",
        "a document": f"{own / told.num_documents:,.1f} tokens; the longest {told.longest:,}",
        "a token": (
            f"{told.num_characters / max(own, 1):.2f} characters, "
            f"{told.num_bytes / max(own, 1):.2f} bytes of UTF-8"
        ),
        "vocabulary": f"{tokenizer.vocab_size:,} tokens with BOS: {tokenizer.vocabulary(24)}",
        "normal form": tokenizer.normalize,
        "on the disk": f"{size:,.1f} MB ({told.dtype})",
    }


def show(path: Path, n: int, as_json: bool) -> None:
    """What `glassgpt datasets show` prints of a corpus."""
    from glassgpt.scale.corpus import open_corpus

    corpus = open_corpus(path)
    first = [_start(corpus, i) for i in range(min(max(0, n), corpus.num_documents))]
    if as_json:
        common.print_json(facts(corpus) | {"first": first})
        return
    console = common.stdout()
    for name, value in described(corpus).items():
        console.print(f"{name:>12}  {value}")
    console.print(f"{'sha256':>12}  {corpus.sha256}")
    console.print()
    for text in first:
        console.print("  " + text.replace("\n", "\n  "))


def _start(corpus: Corpus, number: int) -> str:
    """The beginning of a document, marked where it is not all of it."""
    ids = corpus.document(number)[1:-1]
    text = corpus.tokenizer.decode(ids[:SHOWN].tolist())
    return f"{text} …" if len(ids) > SHOWN else text


def _listed(names: list[str]) -> str:
    more = len(names) - 3
    return ", ".join(names[:3]) + (f" and {more:,} more" if more > 0 else "")
