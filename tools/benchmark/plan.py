"""The arithmetic of a training on many GPUs: memory, time and traffic, before anything is started.

Nothing here is measured. What the torch engine keeps in memory is counted from its own tensors
(tests/tools/test_scaling.py holds it against what PyTorch keeps); how fast a GPU is, is an
assumption that the caller makes.
"""

from __future__ import annotations

from dataclasses import dataclass

from glassgpt.config import ModelConfig
from glassgpt.scale.torch.placement import Work

STATE_BYTES = 16
"""A parameter on the device: weight, gradient and Adam's two moments, float32 each. It is the same
with `--dtype bfloat16`, where only products are made in bfloat16."""
CHECKPOINT_BYTES = 12
"""A parameter on the disk: weight and two moments, float32 each; in float64 twice that."""
GRADIENT_BYTES = 4
"""A gradient on its way between processes: float32."""
HALF_BYTES = 2
"""A weight on its way, where FSDP gathers a layer for products in bfloat16."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A training: what, on how much, and on what.

    Args:
        tokens: to train on, all in all.
        windows: of a step, in all processes together; each has `block_size` tokens.
        gpus: processes, a GPU each.
        peak: operations a second that a GPU can do.
        mfu: the share of them that training will reach: an assumption.
    """

    model: ModelConfig
    tokens: float
    windows: int
    gpus: int
    peak: float
    mfu: float

    @property
    def tokens_a_step(self) -> int:
        return self.windows * self.model.block_size

    @property
    def steps(self) -> int:
        return -(-int(self.tokens) // self.tokens_a_step)

    @property
    def share(self) -> int:
        """Windows of a step that a process has."""
        return -(-self.windows // self.gpus)

    @property
    def step_seconds(self) -> float:
        """Of computing alone: what the network takes and hides is in `traffic`."""
        operations = operations_a_token(self.model) * self.tokens_a_step
        return operations / (self.gpus * self.peak * self.mfu)

    @property
    def hours(self) -> float:
        return self.steps * self.step_seconds / 3600


def matrix_weights(model: ModelConfig) -> int:
    """Weights that a token is multiplied with: all but the two tables of embeddings."""
    return 12 * model.n_embd**2 * model.n_layer + model.vocab_size * model.n_embd


def operations_a_token(model: ModelConfig) -> float:
    """Forward and backward, in full windows: 6 a weight in matrices, and attention to (T + 1) / 2
    tokens on average; counted by `Work`."""
    work = Work()
    work.add(model, [model.block_size])
    return work.flops / work.tokens


def kept_bytes(model: ModelConfig, dtype: str) -> int:
    """What a token's forward pass leaves in memory for its backward pass, not compiled; bytes.

    In float32 a layer of width e keeps 13 e numbers: what goes into its two RMSNorms (2 e) and
    comes out of them (2 e), queries, keys and values (3 e), what attention found, in two orders
    (2 e), and the hidden layer (4 e). In bfloat16 what goes into RMSNorm stays float32 (8 e bytes),
    what comes out is kept as each of the four products took it (8 e), and the rest has 2 bytes a
    number (18 e). Attention keeps a number for each head, each RMSNorm one. Outside of the layers
    it is the first RMSNorm, what lm_head reads, log p of each token of the vocabulary, and some
    ids.
    """
    e, h, vocab, layers = model.n_embd, model.n_head, model.vocab_size, model.n_layer
    if dtype == "bfloat16":
        return layers * (34 * e + 4 * h + 8) + (4 * e + 4) + 2 * e + 4 * vocab + 27
    return layers * (52 * e + 4 * h + 8) + (4 * e + 4) + 4 * e + 4 * vocab + 29


def loss_bytes(model: ModelConfig, dtype: str) -> int:
    """For a token, beside `kept_bytes`, while the gradient of the logits is made; bytes.

    log p is kept already; its gradient and that of the logits are float32 tables of the size of the
    vocabulary, and in bfloat16 there is a third one, of 2 bytes a number.
    """
    return (10 if dtype == "bfloat16" else 8) * model.vocab_size


def copies_bytes(model: ModelConfig, dtype: str) -> int:
    """The weights in matrices once more, as bfloat16 products take them."""
    return 2 * matrix_weights(model) if dtype == "bfloat16" else 0


def device_bytes(model: ModelConfig, windows: int, dtype: str = "bfloat16", parts: int = 1) -> int:
    """Memory of a device that takes so many windows at once.

    Args:
        parts: 1 where each device has the whole model (DDP). With FSDP over so many devices a part
            of the state, and whole: two layers (the one at work and the next), and what is outside
            of the layers, with its gradients, and lm_head once more for its product.
    """
    tokens = windows * model.block_size
    work = tokens * (kept_bytes(model, dtype) + loss_bytes(model, dtype))
    state = STATE_BYTES * model.num_params
    if parts == 1:
        return state + copies_bytes(model, dtype) + work
    layer = 12 * model.n_embd**2
    outside = model.num_params - layer * model.n_layer
    head = HALF_BYTES * model.vocab_size * model.n_embd if dtype == "bfloat16" else 0
    return state // parts + 2 * GRADIENT_BYTES * (2 * layer + outside) + head + work


def host_bytes(model: ModelConfig) -> int:
    """Memory of the machine for each process that resumes: weights and moments, float64 each, and
    float32 weights on their way to the device."""
    return (3 * 8 + 4) * model.num_params


def ddp_traffic(params: int, gpus: int) -> float:
    """Bytes that a GPU sends in a step: a ring all-reduce of the gradients (Patarasuk and Yuan
    2009), 2 (N - 1) / N of them."""
    return 2 * (gpus - 1) / gpus * GRADIENT_BYTES * params


def fsdp_traffic(model: ModelConfig, gpus: int, parts: int = 1) -> float:
    """Bytes that a GPU sends in a step, in bfloat16, at most: weights gathered forward and again
    backward for each micro-batch, gradients summed and scattered once; (N - 1) / N of the model
    each time.

    What is outside of the layers travels as float32. It stays gathered from forward to backward: a
    little less, then.
    """
    layers = 12 * model.n_embd**2 * model.n_layer
    outside = model.num_params - layers
    gathered = 2 * parts * (HALF_BYTES * layers + 4 * outside)
    return (gpus - 1) / gpus * (gathered + GRADIENT_BYTES * model.num_params)
