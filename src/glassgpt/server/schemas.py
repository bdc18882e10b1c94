"""What requests and answers look like: checked on the way in, documented on the way out."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue

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


TEN: list[JsonValue] = [
    "emma",
    "olivia",
    "ava",
    "sophia",
    "isabella",
    "mia",
    "charlotte",
    "amelia",
    "harper",
]
TEXT = "mia"


class GenerateRequest(Request):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"n": 5, "temperature": 0.5, "seed": 42}]}
    )

    prompt: Text = Field(
        "", description="How each text begins. `limits` of GET /model says which characters "
        "the run knows, and how many tokens a prompt may have."
    )  # fmt: skip
    n: Whole = Field(20, ge=1, le=limits.MAX_SAMPLES, description="How many texts.")
    temperature: Temperature | None = Field(
        None,
        description="Sampling temperature; 0 always picks the most likely token. "
        "By default the run's own.",
    )
    top_k: TopK | None = Field(
        None, description="Sample from the k most likely tokens only; all by default."
    )
    seed: Seed = Field(42, description="Random seed.")
    steps: bool | None = Field(
        None,
        description="Whether to report how each token was chosen; by default only in a stream.",
    )


class TokenizeRequest(Request):
    model_config = ConfigDict(json_schema_extra={"examples": [{"text": TEXT}]})

    text: Text = Field(description="Characters that the run knows: `limits` of GET /model.")


class TraceRequest(Request):
    model_config = ConfigDict(json_schema_extra={"examples": [{"text": TEXT}]})

    text: Text = Field(
        min_length=1,
        description="The document to read: characters that the run knows (`limits` of "
        "GET /model). Only its first block_size predictions are computed.",
    )


class TrainRequest(Request):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"documents": TEN, "steps": 300, "samples": 5}]}
    )

    documents: list[
        Annotated[str, Field(max_length=limits.MAX_TRAIN_DOCUMENT, pattern=DOCUMENT)]
    ] = Field(
        min_length=2,
        max_length=limits.MAX_TRAIN_DOCUMENTS,
        description="The texts to train on, without control characters; spaces around each "
        f"are removed. Together at most {limits.MAX_TRAIN_CHARACTERS:,} distinct characters; the "
        f"model may have at most {limits.MAX_TRAIN_PARAMS:,} parameters.",
    )
    normalize: Normalization = "none"
    steps: Whole = Field(1000, ge=1, le=limits.MAX_TRAIN_STEPS)
    batch_size: Whole = Field(1, ge=1, le=limits.MAX_TRAIN_BATCH)
    learning_rate: Real = Field(0.01, gt=0, le=1)
    n_layer: Whole = Field(1, ge=1, le=limits.MAX_TRAIN_LAYERS)
    n_embd: Whole = Field(16, ge=8, le=limits.MAX_TRAIN_EMBD, multiple_of=8)
    n_head: Literal[1, 2, 4, 8] = 4
    block_size: Whole = Field(16, ge=1, le=limits.MAX_TRAIN_BLOCK)
    seed: Seed = Field(42, description="Random seed.")
    temperature: Temperature = Field(
        0.5, description="Sampling temperature; 0 always picks the most likely token."
    )
    samples: Whole = Field(
        20,
        ge=0,
        le=limits.MAX_TRAIN_SAMPLES,
        description="How many texts to sample after training.",
    )
    model: bool = Field(
        False,
        description="Whether to send the trained model, in the format of /model.json, at the end.",
    )


class Error(BaseModel):
    """Every answer other than 2xx."""

    error: str = Field(description="One line that says what was wrong and what would be right.")
    field: str | None = Field(
        None, description="The field of the request that was wrong, if it was a single one."
    )
    limit: float | str | None = Field(None, description="The limit that was exceeded.")


class Token(BaseModel):
    id: int
    token: str = Field(
        description="The token as it is displayed: BOS, a character, or a combining mark on ◌."
    )
    character: str | None = Field(description="The character itself; null for BOS.")
    codepoint: str | None = Field(description="Its code point, such as U+0061; null for BOS.")


class Tokens(BaseModel):
    run: str
    text: str = Field(description="The text in the run's Unicode normal form.")
    tokens: list[Token]
    cut: bool = Field(
        description="Whether the text is longer than the context, so that a trace omits its end."
    )


class Likely(BaseModel):
    id: int
    token: str
    p: float


class Reading(BaseModel):
    position: int
    token_id: int
    token: str = Field(description="The token read at this position.")
    embedding: list[float] = Field(
        description="emb_norm: the sum of the token's and the position's embedding, normalized."
    )
    attention: list[list[list[float]]] = Field(
        description="[layer][head]: the attention weight of each position so far; they add up to 1."
    )


class Step(Reading):
    top: list[Likely] = Field(
        description="The five most likely tokens, after temperature and top_k."
    )
    uniform: float | None = Field(
        description="The random number drawn from [0, 1); null at temperature 0."
    )
    choice_id: int
    choice: str = Field(description="The token chosen.")
    p: float = Field(description="Probability of the chosen token, after temperature and top_k.")


class Sample(BaseModel):
    text: str
    token_ids: list[int]
    novelty: Novelty | None = Field(
        description="A finished text is compared with whole documents, a cut one with their "
        "beginnings. Null for a run on a corpus, whose documents are not stored in the run."
    )
    log_prob: float = Field(
        description="Log probability, in nats, of what follows the prompt, at temperature 1."
    )
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
        None, description="With steps: the positions before the last token of BOS and the prompt."
    )
    samples: list[Sample]


class Trace(BaseModel):
    run: str
    text: str
    tokens: list[str]
    token_ids: list[int]
    loss: float = Field(description="Mean of -log p over all predictions, in nats.")
    values: dict[str, Any] = Field(description="Arrays by name, with one row per position.")
    grads: dict[str, Any] = Field(
        description="Gradients of the loss with respect to the values, under the same names."
    )


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


class Limits(BaseModel):
    """What texts for this run may hold."""

    alphabet: str | None = Field(
        description="All characters that the run knows, in its normal form; null if it knows all."
    )
    block_size: int = Field(description="How many tokens the model reads at most, BOS included.")
    max_prompt_tokens: int = Field(description="How many tokens a prompt may have.")


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
    limits: Limits
    params: Params
    figures: Figures


class Health(BaseModel):
    status: Literal["ok"]
    version: str
    runs: int
    jobs: int = Field(description="Jobs that are being computed or waiting.")
    max_jobs: int
