"""What requests and answers look like, in one place.

A request is checked against its class. An answer is built as an object of its class, so that the
type checker and pydantic see every field of it. The OpenAPI document describes both: the text under
a field is its description there.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from glassgpt.config import ModelConfig, Normalization, TrainConfig
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
Document = Annotated[str, Field(max_length=limits.MAX_TRAIN_DOCUMENT, pattern=DOCUMENT)]


class Described(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)


class Request(Described):
    """Strict: no string is taken for a number, no misspelt field is ignored."""

    model_config = ConfigDict(strict=True, extra="forbid")


class GenerateRequest(
    Request, json_schema_extra={"examples": [{"n": 5, "temperature": 0.5, "seed": 42}]}
):
    prompt: Text = ""
    """How each text begins. `limits` of GET /model says which characters the run knows, and how
    many tokens a prompt may have."""
    n: Whole = Field(20, ge=1, le=limits.MAX_SAMPLES)
    """How many texts."""
    temperature: Temperature | None = None
    """Sampling temperature; 0 always picks the most likely token. By default the run's own."""
    top_k: TopK | None = None
    """Sample from the k most likely tokens only; all by default."""
    seed: Seed = 42
    """Random seed."""
    steps: bool | None = None
    """Whether to report how each token was chosen; by default only in a stream."""


class TokenizeRequest(Request, json_schema_extra={"examples": [{"text": "mia"}]}):
    text: Text
    """Characters that the run knows: `limits` of GET /model."""


class TraceRequest(Request, json_schema_extra={"examples": [{"text": "mia"}]}):
    text: Text = Field(min_length=1)
    """The document to read: characters that the run knows (`limits` of GET /model). Only its first
    block_size predictions are computed."""


class TrainRequest(
    Request,
    json_schema_extra={
        "examples": [{"documents": ["emma", "olivia", "ava"], "steps": 300, "samples": 5}]
    },
):
    documents: list[Document] = Field(
        min_length=2,
        max_length=limits.MAX_TRAIN_DOCUMENTS,
        description="The texts to train on, without control characters; spaces around each "
        f"are removed. Together at most {limits.MAX_TRAIN_CHARACTERS:,} distinct characters; the "
        f"model may have at most {limits.MAX_TRAIN_PARAMS:,} parameters.",
    )
    normalize: Normalization = "none"
    """The Unicode normal form that the texts are brought into first."""
    steps: Whole = Field(1000, ge=1, le=limits.MAX_TRAIN_STEPS)
    """How many updates of the parameters; the learning rate falls linearly to 0 over them."""
    batch_size: Whole = Field(1, ge=1, le=limits.MAX_TRAIN_BATCH)
    """How many documents each step reads."""
    learning_rate: Real = Field(0.01, gt=0, le=1)
    """Learning rate of the first step."""
    n_layer: Whole = Field(1, ge=1, le=limits.MAX_TRAIN_LAYERS)
    """Number of layers."""
    n_embd: Whole = Field(16, ge=8, le=limits.MAX_TRAIN_EMBD, multiple_of=8)
    """Width of the embeddings."""
    n_head: Literal[1, 2, 4, 8] = 4
    """Number of attention heads in a layer."""
    block_size: Whole = Field(16, ge=1, le=limits.MAX_TRAIN_BLOCK)
    """How many tokens the model reads at most, BOS included."""
    seed: Seed = 42
    """Random seed."""
    temperature: Temperature = 0.5
    """Sampling temperature; 0 always picks the most likely token."""
    samples: Whole = Field(20, ge=0, le=limits.MAX_TRAIN_SAMPLES)
    """How many texts to sample after training."""
    model: bool = False
    """Whether to send the trained model, in the format of /model.json, at the end."""


class Error(Described):
    """Every answer other than 2xx."""

    error: str
    """One line that says what was wrong and what would be right."""
    field: str | None = None
    """The field of the request that was wrong, if it was a single one."""
    limit: float | str | None = None
    """The limit that was exceeded."""


class Token(Described):
    id: int
    token: str
    """The token as it is displayed: BOS, a character, or a combining mark on ◌."""
    character: str | None
    """The character itself; null for BOS."""
    codepoint: str | None
    """Its code point, such as U+0061; null for BOS."""


class Tokens(Described):
    run: str
    text: str
    """The text in the run's Unicode normal form."""
    tokens: list[Token]
    cut: bool
    """Whether the text is longer than the context, so that a trace omits its end."""


class Likely(Described):
    id: int
    token: str
    p: float


class Reading(Described):
    position: int
    token_id: int
    token: str
    """The token read at this position."""
    embedding: list[float]
    """emb_norm: the sum of the token's and the position's embedding, normalized."""
    attention: list[list[list[float]]]
    """[layer][head]: the attention weight of each position so far; they add up to 1."""


class Step(Reading):
    top: list[Likely]
    """The five most likely tokens, after temperature and top_k."""
    uniform: float | None
    """The random number drawn from [0, 1); null at temperature 0."""
    choice_id: int
    choice: str
    """The token chosen."""
    p: float
    """Probability of the chosen token, after temperature and top_k."""


class Sample(Described):
    text: str
    token_ids: list[int]
    novelty: Novelty | None
    """A finished text is compared with whole documents, a cut one with their beginnings. Null for
    a run on a corpus, whose documents are not stored in the run."""
    log_prob: float
    """Log probability, in nats, of what follows the prompt, at temperature 1."""
    finished: bool
    """Whether the model ended the text; if not, the full context cut it off."""
    steps: list[Step] | None = None


class Generated(Described):
    run: str
    prompt: str
    n: int
    temperature: float
    top_k: int | None
    seed: int
    read: list[Reading] | None = None
    """With steps: the positions before the last token of BOS and the prompt."""
    samples: list[Sample]


class Trace(Described):
    run: str
    text: str
    tokens: list[str]
    token_ids: list[int]
    loss: float
    """Mean of -log p over all predictions, in nats."""
    values: dict[str, Any]
    """Arrays by name, with one row per position."""
    grads: dict[str, Any]
    """Gradients of the loss with respect to the values, under the same names."""


class RunSummary(Described):
    name: str
    data: str
    documents: int
    vocab_size: int
    num_params: int
    step: int


class Runs(Described):
    default: str
    runs: list[RunSummary]


class Tensor(Described):
    name: str
    shape: tuple[int, int]
    count: int


class Params(Described):
    total: int
    tensors: list[Tensor]


class Vocabulary(Described):
    normalize: Normalization
    tokens: list[str]
    bos: int


class Limits(Described):
    """What texts for this run may hold."""

    alphabet: str | None
    """All characters that the run knows, in its normal form; null if it knows all."""
    block_size: int
    """How many tokens the model reads at most, BOS included."""
    max_prompt_tokens: int
    """How many tokens a prompt may have."""


class Data(Described):
    name: str
    sha256: str
    num_documents: int
    num_train: int


class Figures(Described):
    step: int
    first_loss: float | None
    last_loss: float | None
    mean_last_100: float | None


class Model(Described):
    run: str
    model: ModelConfig
    training: TrainConfig
    engine: str
    dtype: str
    temperature: float
    data: Data
    vocabulary: Vocabulary
    limits: Limits
    params: Params
    figures: Figures


class Health(Described):
    status: Literal["ok"]
    version: str
    runs: int
    jobs: int
    """Jobs that are being computed or waiting."""
    max_jobs: int
