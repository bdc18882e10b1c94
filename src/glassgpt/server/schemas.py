"""What requests and answers look like: checked on the way in, documented on the way out."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from glassgpt.config import Normalization
from glassgpt.evaluation import Novelty
from glassgpt.server import limits


def _whole(value: object) -> object:
    """JSON has one kind of number: 3.0 is a whole one."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole = Annotated[int, BeforeValidator(_whole)]
Seed = Annotated[int, Field(ge=0, le=limits.MAX_SEED), BeforeValidator(_whole)]
TopK = Annotated[int, Field(ge=1, le=limits.MAX_TOP_K), BeforeValidator(_whole)]
Real = Annotated[float, Field(allow_inf_nan=False)]
Temperature = Annotated[Real, Field(ge=0, le=limits.MAX_TEMPERATURE)]
Text = Annotated[str, Field(max_length=limits.MAX_TEXT)]

_CONTROL = r"\u0000-\u001f\u007f-\u009f"
DOCUMENT = rf"^[^{_CONTROL}]*[^\s{_CONTROL}][^{_CONTROL}]*$"
"""A visible character and no control character."""


class Request(BaseModel):
    """Strict: no string is taken for a number, no misspelt field is ignored."""

    model_config = ConfigDict(strict=True, extra="forbid")


class GenerateRequest(Request):
    prompt: Text = Field(
        "", description="How each text begins: characters that the model knows, fewer than "
        "block_size tokens."
    )  # fmt: skip
    n: Whole = Field(20, ge=1, le=limits.MAX_SAMPLES, description="How many texts.")
    temperature: Temperature | None = Field(
        None, description="Below 1 safer, above 1 wilder, 0 greedy; by default the run's."
    )
    top_k: TopK | None = Field(None, description="Choose among the k likeliest tokens only.")
    seed: Seed = Field(42, description="Of the random stream.")
    steps: bool | None = Field(
        None, description="How each token was chosen; by default in a stream only."
    )


class TokenizeRequest(Request):
    text: Text = Field(description="Characters that the model knows.")


class TraceRequest(Request):
    text: Text = Field(
        min_length=1,
        description="The document to read; its first block_size predictions are made.",
    )


class TrainRequest(Request):
    documents: list[
        Annotated[str, Field(max_length=limits.MAX_TRAIN_DOCUMENT, pattern=DOCUMENT)]
    ] = Field(
        min_length=2,
        max_length=limits.MAX_TRAIN_DOCUMENTS,
        description="What to learn from; each is trimmed. No control characters.",
    )
    normalize: Normalization = "none"
    steps: Whole = Field(1000, ge=1, le=limits.MAX_TRAIN_STEPS)
    batch_size: Whole = Field(1, ge=1, le=limits.MAX_TRAIN_BATCH)
    learning_rate: Real = Field(0.01, gt=0, le=1)
    n_layer: Whole = Field(1, ge=1, le=limits.MAX_TRAIN_LAYERS)
    n_embd: Whole = Field(16, ge=8, le=limits.MAX_TRAIN_EMBD, multiple_of=8)
    n_head: Literal[1, 2, 4, 8] = 4
    block_size: Whole = Field(16, ge=1, le=limits.MAX_TRAIN_BLOCK)
    seed: Seed = Field(42, description="Of the random stream.")
    temperature: Temperature = Field(0.5, description="Of the samples.")
    samples: Whole = Field(20, ge=0, le=limits.MAX_TRAIN_SAMPLES, description="At the end.")
    model: bool = Field(False, description="Send the trained model, as model.json, at the end.")


class Error(BaseModel):
    """Every answer other than 2xx."""

    error: str = Field(description="One line: what was wrong, and what would be right.")
    field: str | None = Field(None, description="Of the request, where one is to blame.")
    limit: float | str | None = Field(None, description="That was exceeded.")


class Token(BaseModel):
    id: int
    token: str = Field(description="As people read it: BOS, a character, a mark on ◌.")
    character: str | None = Field(description="As it is; null for BOS.")
    codepoint: str | None = Field(description="U+0061; null for BOS.")


class Tokens(BaseModel):
    run: str
    text: str = Field(description="In the model's normal form.")
    tokens: list[Token]
    cut: bool = Field(description="Whether a trace would leave out the end.")


class Likely(BaseModel):
    id: int
    token: str
    p: float


class Reading(BaseModel):
    position: int
    token_id: int
    token: str = Field(description="Read at this position.")
    embedding: list[float] = Field(
        description="emb_norm: the token's and the position's embedding, added and normed."
    )
    attention: list[list[list[float]]] = Field(
        description="[layer][head]: the weight of each position so far; each row adds up to 1."
    )


class Step(Reading):
    top: list[Likely] = Field(description="The five likeliest, after temperature and top_k.")
    uniform: float | None = Field(description="The number drawn from [0, 1); null when greedy.")
    choice_id: int
    choice: str = Field(description="The token written.")
    p: float = Field(description="Of the choice, after temperature and top_k.")


class Sample(BaseModel):
    text: str
    token_ids: list[int]
    novelty: Novelty | None = Field(
        description="A finished text is compared with whole documents, a cut one with their "
        "beginnings. Null for a run on a corpus, whose documents are not stored in the run."
    )
    log_prob: float = Field(description="Nats, of what follows the prompt, at temperature 1.")
    finished: bool = Field(
        description="Whether the model ended the text; if not, the full context cut it off."
    )
    steps: list[Step] | None = None


class Generated(BaseModel):
    run: str
    prompt: str
    n: int
    temperature: float
    top_k: int | None
    seed: int
    read: list[Reading] | None = Field(
        None, description="With steps: BOS and the prompt but for its last token, as read before."
    )
    samples: list[Sample]


class Trace(BaseModel):
    run: str
    text: str
    tokens: list[str]
    token_ids: list[int]
    loss: float = Field(description="Mean of -log p over the predictions, in nats.")
    values: dict[str, Any] = Field(description="Name to array: a row a position.")
    grads: dict[str, Any] = Field(description="d(loss)/d(value), under the same names.")


class RunSummary(BaseModel):
    name: str
    data: str
    documents: int
    vocab_size: int
    num_params: int
    step: int


class Runs(BaseModel):
    default: str
    runs: list[RunSummary]


class Tensor(BaseModel):
    name: str
    shape: list[int]
    count: int


class Params(BaseModel):
    total: int
    tensors: list[Tensor]


class Vocabulary(BaseModel):
    normalize: Normalization
    tokens: list[str]
    bos: int


class Data(BaseModel):
    name: str
    sha256: str
    num_documents: int
    num_train: int


class Figures(BaseModel):
    step: int
    first_loss: float | None
    last_loss: float | None
    mean_last_100: float | None


class Model(BaseModel):
    run: str
    model: dict[str, int]
    training: dict[str, float]
    engine: str
    dtype: str
    temperature: float
    data: Data
    vocabulary: Vocabulary
    params: Params
    figures: Figures


class Health(BaseModel):
    status: Literal["ok"]
    version: str
    runs: int
    jobs: int = Field(description="Being computed or waiting.")
    max_jobs: int
