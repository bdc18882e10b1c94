"""Make a corpus of texts of any size, in memory that does not grow with them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from glassgpt import __version__
from glassgpt.config import Normalization
from glassgpt.errors import ConfigError, DataError
from glassgpt.files.atomic import write_atomically
from glassgpt.files.records import VERSION, write_json
from glassgpt.scale.corpus.corpus import CORPUS, Corpus, open_corpus
from glassgpt.scale.corpus.directories import new_directory
from glassgpt.scale.corpus.facts import FORMAT, Facts
from glassgpt.scale.corpus.reader import Progress, Reader, Unit, check_unit
from glassgpt.scale.corpus.sources import find
from glassgpt.scale.corpus.token_files import TokenFiles
from glassgpt.text import Tokenizer
from glassgpt.text.byte_pairs import BytePairTokenizer, check_vocab_size, cut
from glassgpt.text.characters import CharTokenizer, describe_character
from glassgpt.text.stored import NAME as TOKENIZER
from glassgpt.text.stored import tokenizer_json

TRAIN_BYTES = 16 << 20
"""Byte pairs are learned from at most about so much text, in parts spread evenly over all of it.

The trainer needs up to 100 bytes of memory for each byte of the distinct words."""

CODE_POINTS = 0x110000
SPOOL = "characters.tmp"
BATCH = 32
"""Parts of a text that are encoded together, on all processors."""


def prepare(
    sources: Sequence[str],
    target: Path,
    *,
    vocab_size: int | None = None,
    documents: Unit = "line",
    key: str = "text",
    normalize: Normalization = "none",
    tokenizer: Tokenizer | None = None,
    progress: Progress | None = None,
) -> Corpus:
    """Read texts, find their tokens, and write them as a corpus to a new directory.

    Args:
        sources: files, names of data sets, and `-` for standard input.
        target: the directory to make; it is there only once all of it is.
        vocab_size: how many tokens byte pairs may have, BOS included; None for characters.
        documents: what a document is: a `line`, a `file`, or the text in a line of `jsonl`.
        key: of the text, in JSON.
        tokenizer: one that is there already, instead of `vocab_size` and `normalize`.
        progress: called with (bytes read, bytes in all; 0 where that is not known).

    Raises DataError for texts that cannot be read, RunError where the directory cannot be written,
    ConfigError for what does not fit together.
    """
    check_unit(documents)
    form = tokenizer.normalize if tokenizer else normalize
    reader = Reader(find(sources), documents, form, key, progress)
    if tokenizer is None and vocab_size is not None:
        check_vocab_size(vocab_size)
        _refuse_pipes(reader)
    with new_directory(target) as work:
        if isinstance(tokenizer, BytePairTokenizer):
            facts = _byte_pairs(reader, tokenizer, work)
        elif tokenizer is not None:
            facts = _known_characters(reader, tokenizer, work)
        elif vocab_size is None:
            tokenizer, facts = _new_characters(reader, form, work)
        else:
            tokenizer = _train(reader, vocab_size)
            facts = _byte_pairs(reader, tokenizer, work)
        write_atomically(work / TOKENIZER, tokenizer_json(tokenizer))
        made = {"format": FORMAT, "version": VERSION, "made_by": f"glassgpt {__version__}"}
        write_json(work / CORPUS, made | facts.to_dict())
    return open_corpus(target)


def _refuse_pipes(reader: Reader) -> None:
    for source in reader.sources:
        if source.size is None:
            raise ConfigError(
                f"{source.name} can be read only once, and byte pairs are learned in a first "
                "reading and encoded in a second: give a file, or a tokenizer that is there "
                "already (--tokenizer-from)"
            )


# --- characters ---


def _new_characters(reader: Reader, form: Normalization, work: Path) -> tuple[CharTokenizer, Facts]:
    """One reading, so that pipes work: the code points are kept until the alphabet is known."""
    seen = np.zeros(CODE_POINTS, np.bool_)
    spool = work / SPOOL
    with spool.open("xb") as file:
        for text in reader:
            codes = _codes(text)
            seen[codes] = True
            file.write(codes.data)
    tokenizer = CharTokenizer([chr(code) for code in np.flatnonzero(seen).tolist() if code], form)
    if not tokenizer.chars:
        raise _nothing(reader)
    ids = _table(tokenizer)
    with spool.open("rb") as file, TokenFiles(work, tokenizer.vocab_size) as files:
        for codes in _spooled(file):
            files.append(ids[codes])
    spool.unlink()
    return tokenizer, _facts(reader, files)


def _spooled(file: BinaryIO) -> Iterator[NDArray[np.uint32]]:
    while block := file.read(1 << 20):
        yield np.frombuffer(block, "<u4")


def _known_characters(reader: Reader, tokenizer: Tokenizer, work: Path) -> Facts:
    ids = _table(tokenizer)
    with TokenFiles(work, tokenizer.vocab_size) as files:
        for text in reader:
            found = ids[_codes(text)]
            if (unknown := np.flatnonzero(found == CODE_POINTS)).size:
                char = describe_character(text[unknown[0]])
                raise DataError(
                    f"{reader.name}: unknown character {char}; "
                    f"the tokenizer knows {tokenizer.vocabulary()}"
                )
            files.append(found)
    return _facts(reader, files)


def _codes(text: str) -> NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le"), "<u4")


def _table(tokenizer: Tokenizer) -> NDArray[np.uint32]:
    """Code point -> id, CODE_POINTS where there is none; the zero between documents -> BOS."""
    table = np.full(CODE_POINTS, CODE_POINTS, np.uint32)
    table[[ord(char) for char in tokenizer.chars]] = range(len(tokenizer.chars))
    table[0] = tokenizer.bos
    return table


# --- byte pairs ---


def _train(reader: Reader, vocab_size: int) -> BytePairTokenizer:
    reader.readings = 2
    every = max(1, math.ceil(reader.size / TRAIN_BYTES))
    if every == 1:
        parts = cut(reader)
    else:  # all of it is read, and so checked
        some = (part for number, part in enumerate(reader) if number % every == 0)
        parts = chain.from_iterable(cut([part]) for part in some)
    tokenizer = BytePairTokenizer.train(parts, vocab_size, reader.normalize)
    if not reader.num_characters:
        raise _nothing(reader)
    return tokenizer


def _byte_pairs(reader: Reader, tokenizer: BytePairTokenizer, work: Path) -> Facts:
    parts = cut(reader)
    with TokenFiles(work, tokenizer.vocab_size) as files:
        while batch := list(islice(parts, BATCH)):
            for ids in map(np.array, tokenizer.encode_many(batch)):
                ids[ids == 0] = tokenizer.bos  # the zero between documents is the byte 0
                files.append(ids)
    return _facts(reader, files)


# --- both ---


def _facts(reader: Reader, files: TokenFiles) -> Facts:
    if not reader.num_characters:
        raise _nothing(reader)
    tokens, index = files.sha256()
    return Facts(
        sources=[source.name for source in reader.sources],
        documents=reader.unit,
        num_documents=files.num_documents,
        num_tokens=files.num_tokens,
        num_characters=reader.num_characters,
        num_bytes=reader.num_bytes,
        longest=files.longest,
        dtype=files.dtype,
        tokens_sha256=tokens,
        index_sha256=index,
    )


def _nothing(reader: Reader) -> DataError:
    names = ", ".join(source.name for source in reader.sources[:5])
    return DataError(f"there is no text in {names}")
