"""A GPT with glass walls: the whole algorithm, nothing to install, nothing left out.

    python reference.py names.txt

reads a list (one item a line), trains a small GPT on it for 1,000 steps and invents 20 new items.
Read it from top to bottom: dataset, tokenizer, autograd, model, optimiser, training, sampling.

This file is the definition: every faster engine of GlassGPT is held to the numbers it computes.
The algorithm is Andrej Karpathy's microgpt (2026): GPT-2 (Radford et al. 2019) with RMSNorm
for LayerNorm, ReLU for GELU, and neither biases nor dropout.
"""

from __future__ import annotations

import argparse
import gc
import math
import random
from collections.abc import Iterator, Sequence
from itertools import islice, pairwise
from pathlib import Path


# --- 1. Dataset: a document is one line ----------------------------------------------------------
def read_documents(path: str | Path) -> list[str]:
    """The non-empty lines of a UTF-8 text file, without the white space around them."""
    lines = Path(path).read_bytes().decode("utf-8-sig").split("\n")  # a line ends here only
    documents = [line.strip() for line in lines if line.strip()]
    if any(char < " " for document in documents for char in document):
        raise ValueError("a line has a control character inside; it must be plain text")
    return documents


# --- 2. Tokenizer: a token is one character -------------------------------------------------------
class Tokenizer:
    """Characters to ids 0, 1, 2… in code point order; one more id, BOS, marks both ends."""

    def __init__(self, chars: Sequence[str]) -> None:
        self.chars = sorted(set(chars))
        self.ids = {char: i for i, char in enumerate(self.chars)}
        self.bos = len(self.chars)
        self.vocab_size = len(self.chars) + 1

    def encode(self, document: str) -> list[int]:
        """`emma` -> [BOS, e, m, m, a, BOS]; KeyError for a character outside the vocabulary."""
        return [self.bos, *(self.ids[char] for char in document), self.bos]

    def decode(self, token_ids: Sequence[int]) -> str:
        return "".join(self.chars[i] for i in token_ids if i != self.bos)


# --- 3. Autograd: numbers that remember where they came from --------------------------------------
class Value:
    """A number, the numbers it was computed from, and how much it moves when each of them moves.

    `local_grads[i]` is d(self)/d(inputs[i]). `backward()` multiplies them along every path (the
    chain rule) and adds the paths up: afterwards `grad` is d(the value it was called on)/d(self).
    """

    __slots__ = ("data", "grad", "inputs", "local_grads")

    def __init__(
        self, data: float, inputs: Sequence[Value] = (), local_grads: Sequence[float] = ()
    ) -> None:
        self.data, self.grad = data, 0.0
        self.inputs, self.local_grads = inputs, local_grads

    def __add__(self, other: Value | float) -> Value:
        if isinstance(other, Value):
            return Value(self.data + other.data, (self, other), (1.0, 1.0))
        return Value(self.data + other, (self,), (1.0,))

    def __mul__(self, other: Value | float) -> Value:
        if isinstance(other, Value):
            return Value(self.data * other.data, (self, other), (other.data, self.data))
        return Value(self.data * other, (self,), (other,))

    def __pow__(self, exponent: float) -> Value:
        return Value(self.data**exponent, (self,), (exponent * self.data ** (exponent - 1),))

    def exp(self) -> Value:
        result = math.exp(self.data)
        return Value(result, (self,), (result,))

    def log(self) -> Value:
        if self.data == 0:  # the limit, so that a loss that has blown up can be seen and reported
            return Value(-math.inf, (self,), (math.inf,))
        return Value(math.log(self.data), (self,), (1 / self.data,))

    def relu(self) -> Value:
        # Asked this way round, so that NaN is not turned into a harmless 0.
        return Value(0.0, (self,), (0.0,)) if self.data <= 0 else Value(self.data, (self,), (1.0,))

    def __neg__(self) -> Value:
        return self * -1.0

    def __sub__(self, other: Value | float) -> Value:
        return self + -other

    __radd__, __rmul__ = __add__, __mul__

    def __repr__(self) -> str:
        return f"Value(data={self.data:.6g}, grad={self.grad:.6g})"

    def backward(self) -> None:
        """Add d(self)/d(v) to `v.grad` of every v that self was computed from."""
        # A node may pass its gradient on only when all the nodes that use it have passed theirs to
        # it: topological order. So: inputs before users in `order`, then walk it backwards. The
        # stack stands in for recursion, which would hit Python's limit in a deep graph.
        order: list[Value] = []
        seen: set[Value] = {self}
        stack = [(self, iter(self.inputs))]
        while stack:
            node, waiting = stack[-1]
            for value in waiting:
                if value not in seen:
                    seen.add(value)
                    if value.inputs:  # a leaf has nothing to pass on, so it needs no place
                        stack.append((value, iter(value.inputs)))
                        break
            else:
                order.append(node)
                stack.pop()
        self.grad += 1.0
        for node in reversed(order):
            grad = node.grad
            for value, local_grad in zip(node.inputs, node.local_grads):
                value.grad += local_grad * grad  # += because a value can be used more than once


def dot(a: Sequence[Value], b: Sequence[Value]) -> Value:
    """a[0] b[0] + a[1] b[1] + … as a single node: most of the model is made of these sums."""
    a_data, b_data = [x.data for x in a], [y.data for y in b]
    total = 0.0
    for x, y in zip(a_data, b_data):  # not sum(): since Python 3.12 it rounds differently
        total += x * y
    return Value(total, (*a, *b), b_data + a_data)


# --- 4. Model: from the tokens so far to a score for each possible next one -----------------------

Vector = list[Value]
Cache = list[tuple[list[Vector], list[Vector]]]  # for each layer: the keys and values so far


def linear(x: Vector, weights: list[Vector]) -> Vector:
    """Each output is the dot product of one row of weights with x: [n_in] -> [n_out]."""
    return [dot(row, x) for row in weights]


def softmax(logits: Vector) -> Vector:
    """Scores to probabilities. Taking the largest off changes nothing but prevents overflow."""
    largest = max(x.data for x in logits)
    exps = [(x - largest).exp() for x in logits]
    scale = sum(exps[1:], exps[0]) ** -1.0
    return [e * scale for e in exps]


def rmsnorm(x: Vector) -> Vector:
    """Scale x to a mean square of 1 (Zhang and Sennrich 2019, arXiv:1910.07467), without a gain."""
    scale = (dot(x, x) * (1 / len(x)) + 1e-5) ** -0.5
    return [xi * scale for xi in x]


def add(x: Vector, y: Vector) -> Vector:
    return [xi + yi for xi, yi in zip(x, y)]


class GPT:
    """A decoder-only transformer. All it knows is in `params`: tensor name -> matrix."""

    def __init__(
        self,
        vocab_size: int,
        n_layer: int = 1,
        n_embd: int = 16,
        n_head: int = 4,
        block_size: int = 16,
        rng: random.Random | None = None,
        std: float = 0.08,
    ) -> None:
        self.n_layer, self.n_embd = n_layer, n_embd
        self.n_head, self.block_size = n_head, block_size
        gauss = (rng or random.Random(42)).gauss

        def matrix(n_out: int, n_in: int) -> list[Vector]:
            return [[Value(gauss(0, std)) for _ in range(n_in)] for _ in range(n_out)]

        self.params: dict[str, list[Vector]] = {
            "wte": matrix(vocab_size, n_embd),  # a vector for each token
            "wpe": matrix(block_size, n_embd),  # a vector for each position
            "lm_head": matrix(vocab_size, n_embd),  # from the last vector to a score for each token
        }
        for i in range(n_layer):
            for name in ("attn_wq", "attn_wk", "attn_wv", "attn_wo"):
                self.params[f"layer{i}.{name}"] = matrix(n_embd, n_embd)
            self.params[f"layer{i}.mlp_fc1"] = matrix(4 * n_embd, n_embd)
            self.params[f"layer{i}.mlp_fc2"] = matrix(n_embd, 4 * n_embd)

    def parameters(self) -> list[Value]:
        return [p for matrix in self.params.values() for row in matrix for p in row]

    def new_cache(self) -> Cache:
        return [([], []) for _ in range(self.n_layer)]

    def see(self, name: str, x: Vector) -> Vector:
        """Every intermediate passes through here under its name, so that a subclass can watch."""
        return x

    def forward(self, token_id: int, cache: Cache) -> Vector:
        """Read one token, after those whose keys and values are in the cache; logits for the next.

        The cache grows by a row. No mask is needed: the future is not in the cache yet.
        """
        tok_emb = self.see("tok_emb", self.params["wte"][token_id])
        pos_emb = self.see("pos_emb", self.params["wpe"][len(cache[0][0])])
        x = self.see("emb_norm", rmsnorm(self.see("emb_sum", add(tok_emb, pos_emb))))
        for i, (keys, values) in enumerate(cache):
            x = self.attention(f"layer{i}.", x, keys, values)
            x = self.mlp(f"layer{i}.", x)
        return self.see("logits", linear(x, self.params["lm_head"]))

    def attention(self, layer: str, x: Vector, keys: list[Vector], values: list[Vector]) -> Vector:
        """Look back: each head mixes the values of the positions whose keys match its query."""
        p, see, head_dim = self.params, self.see, self.n_embd // self.n_head
        x_norm = see(layer + "attn_norm", rmsnorm(x))
        q = see(layer + "q", linear(x_norm, p[layer + "attn_wq"]))
        keys.append(see(layer + "k", linear(x_norm, p[layer + "attn_wk"])))
        values.append(see(layer + "v", linear(x_norm, p[layer + "attn_wv"])))
        mixed: Vector = []
        for start in range(0, self.n_embd, head_dim):
            head = slice(start, start + head_dim)
            # Without 1/sqrt(head_dim) the scores, and so the softmax, sharpen as heads grow wider.
            scores = [dot(q[head], k[head]) * head_dim**-0.5 for k in keys]
            weights = see(layer + "attn_weights", softmax(see(layer + "attn_scores", scores)))
            mixed += [dot(weights, [v[j] for v in values]) for j in range(start, start + head_dim)]
        out = linear(see(layer + "attn_out", mixed), p[layer + "attn_wo"])
        return see(layer + "attn_resid", add(x, see(layer + "attn_proj", out)))

    def mlp(self, layer: str, x: Vector) -> Vector:
        """Think: widen fourfold, keep what is positive, and come back."""
        p, see = self.params, self.see
        x_norm = see(layer + "mlp_norm", rmsnorm(x))
        hidden = see(layer + "mlp_hidden", linear(x_norm, p[layer + "mlp_fc1"]))
        active = see(layer + "mlp_relu", [h.relu() for h in hidden])
        out = see(layer + "mlp_proj", linear(active, p[layer + "mlp_fc2"]))
        return see(layer + "mlp_resid", add(x, out))

    def loss(self, token_ids: Sequence[int]) -> Value:
        """Mean surprise, -log p(next token) in nats, over the first block_size predictions."""
        cache, losses = self.new_cache(), []
        for token_id, target in islice(pairwise(token_ids), self.block_size):
            probs = self.see("probs", softmax(self.forward(token_id, cache)))
            losses += self.see("loss", [-probs[target].log()])
        return sum(losses[1:], losses[0]) * (1 / len(losses))


# --- 5. Optimiser: a step downhill for every parameter --------------------------------------------
class Adam:
    """Adam (Kingma and Ba 2014, arXiv:1412.6980): momentum, and a step size for each parameter."""

    def __init__(
        self, params: list[Value], beta1: float = 0.85, beta2: float = 0.99, eps: float = 1e-8
    ) -> None:
        self.params, self.beta1, self.beta2, self.eps = params, beta1, beta2, eps
        self.m = [0.0] * len(params)  # running mean of the gradient: which way
        self.v = [0.0] * len(params)  # running mean of its square: how sure
        self.t = 0  # updates made

    def step(self, learning_rate: float) -> None:
        """Move every parameter against its gradient, and set the gradient back to zero."""
        self.t += 1
        beta1, beta2, eps, m, v = self.beta1, self.beta2, self.eps, self.m, self.v
        correct_m = 1 - beta1**self.t  # m and v start at zero, so early means are too small
        correct_v = 1 - beta2**self.t
        for i, p in enumerate(self.params):
            m[i] = m_i = beta1 * m[i] + (1 - beta1) * p.grad
            v[i] = v_i = beta2 * v[i] + (1 - beta2) * p.grad * p.grad
            p.data -= learning_rate * (m_i / correct_m) / (math.sqrt(v_i / correct_v) + eps)
            p.grad = 0.0


# --- 6. Training: one document a step -------------------------------------------------------------
def train(
    model: GPT, adam: Adam, documents: Sequence[Sequence[int]], steps: int = 1000, lr: float = 0.01
) -> Iterator[tuple[int, float]]:
    """Yield (step, loss) for steps 1, 2, 3…; the learning rate falls in a line from lr to 0."""
    for step in range(steps):
        loss = model.loss(documents[step % len(documents)])
        if not math.isfinite(loss.data):
            raise FloatingPointError(f"loss is {loss.data} at step {step + 1}: try a smaller --lr")
        loss.backward()
        adam.step(lr * (1 - step / steps))
        yield step + 1, loss.data


# --- 7. Sampling: let the model write -------------------------------------------------------------
def sample(model: GPT, bos: int, rng: random.Random, temperature: float = 0.5) -> list[int]:
    """Draw tokens until BOS or block_size; a temperature below 1 favours the likely ones."""
    cache, token_id, out = model.new_cache(), bos, []
    for _ in range(model.block_size):
        probs = softmax([x * (1 / temperature) for x in model.forward(token_id, cache)])
        [token_id] = rng.choices(range(len(probs)), weights=[p.data for p in probs])
        if token_id == bos:
            break
        out.append(token_id)
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description="Train a tiny GPT on a list and print samples.")
    parser.add_argument("data", nargs="?", default="input.txt", help="a list, one item per line")
    parser.add_argument("--steps", type=int, default=1000, help="number of updates")
    parser.add_argument("--lr", type=float, default=0.01, help="learning rate at the first step")
    parser.add_argument("--seed", type=int, default=42, help="random seed")
    args = parser.parse_args()
    try:
        documents = read_documents(args.data)
    except (OSError, ValueError) as error:
        parser.error(f"cannot read {args.data}: {error}")
    if not documents or args.steps < 1 or not args.lr > 0:
        parser.error("it takes at least one document, one step and a positive --lr")
    gc.disable()  # the graphs have no cycles, so the collector would only search them in vain

    rng = random.Random(args.seed)  # one stream of random numbers: order, weights, then samples
    rng.shuffle(documents)
    tokenizer = Tokenizer("".join(documents))
    model = GPT(tokenizer.vocab_size, rng=rng)
    adam = Adam(model.parameters())
    print(f"{len(documents)} documents, {tokenizer.vocab_size} tokens, {len(adam.m)} parameters")
    encoded = [tokenizer.encode(document) for document in documents]
    try:
        for step, loss in train(model, adam, encoded, args.steps, args.lr):
            if step % 100 == 0 or step == args.steps:
                print(f"step {step:5d} of {args.steps}   loss {loss:.4f}", flush=True)
    except (FloatingPointError, KeyboardInterrupt) as error:
        parser.exit(1, f"training stopped: {error or 'Ctrl-C'}\n")
    for i in range(20):
        print(f"{i + 1:2d} {tokenizer.decode(sample(model, tokenizer.bos, rng))}")


if __name__ == "__main__":
    main()
