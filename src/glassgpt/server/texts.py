"""A text as tokens, and everything that the model computes when it reads it."""

from __future__ import annotations

from glassgpt.errors import DataError
from glassgpt.runs.export import nested
from glassgpt.server import limits, schemas
from glassgpt.server.errors import ApiError
from glassgpt.server.library import Served
from glassgpt.text.characters import normalized
from glassgpt.trace import size, trace


def encode(served: Served, text: str, field: str, most: int | None = None) -> list[int]:
    """`[BOS, …, BOS]`. Raises ApiError, with this field, for a text that the model cannot read."""
    try:
        ids = served.tokenizer.encode(text)
    except DataError as error:
        raise ApiError(422, f"{field}: {error}", field) from None
    if most is not None and len(ids) - 2 > most:
        raise ApiError(
            422,
            f"{field} has {len(ids) - 2} tokens; it may have at most {most}, for block_size is "
            f"{served.model.block_size} and BOS takes one",
            field,
            most,
        )
    return ids


def tokenize(served: Served, text: str) -> schemas.Tokens:
    tokenizer = served.tokenizer
    ids = encode(served, text, "text")
    rows = []
    for i in ids:
        char = None if i == tokenizer.bos else tokenizer.text([i])
        codepoint = f"U+{ord(char):04X}" if char and len(char) == 1 else None
        token = tokenizer.token(i)
        rows.append(schemas.Token(id=i, token=token, character=char, codepoint=codepoint))
    shown = normalized(text, tokenizer.normalize)
    cut = len(ids) - 1 > served.model.block_size
    return schemas.Tokens(run=served.name, text=shown, tokens=rows, cut=cut)


def read(served: Served, text: str) -> schemas.Trace:
    """Every named intermediate, the loss, and every gradient."""
    ids = encode(served, text, "text")
    numbers = size(served.model, min(len(ids) - 1, served.model.block_size))
    if numbers > limits.MAX_TRACE_NUMBERS:
        raise ApiError(
            422,
            f"text is too long to trace: its {len(ids)} tokens make about {numbers:,} numbers in "
            f"this model, and {limits.MAX_TRACE_NUMBERS:,} are allowed; shorten it",
            "text",
            limits.MAX_TRACE_NUMBERS,
        )
    result = trace(served.model, served.state, ids)
    return schemas.Trace(
        run=served.name,
        text=text,
        tokens=[served.tokenizer.token(i) for i in ids],
        token_ids=ids,
        loss=result.loss,
        values=nested(result.values),
        grads=nested(result.grads),
    )
