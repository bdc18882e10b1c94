"""Judges for the exercises: tolerant of rounding, strict about the idea, with a hint.

`check(number, answer, …)` prints a verdict and returns whether the answer is right. Reading on
spoils the exercises; the solutions under each of them say more.
"""

from __future__ import annotations

import math
import random
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from glassgpt.reference import Adam, Value

Judge = Callable[..., str]
"""Returns an empty string for a right answer, otherwise a hint."""

JUDGES: dict[str, Judge] = {}


def check(number: str, answer: Any, *context: Any) -> bool:
    """Judge an answer; `...` counts as not yet answered."""
    if _open(answer):
        print(f"Exercise {number}: not answered yet.")
        return False
    try:
        hint = JUDGES[number](answer, *context)
    except Exception as error:
        hint = f"it stops with {type(error).__name__}: {error}"
    print(f"Exercise {number}: " + (f"not yet; {hint}." if hint else "right!"))
    return not hint


def reveal(what: str, guess: Any, measured: float | bool | str) -> None:
    """Put a guess beside what was measured. Any guess is accepted, and answered in a sentence."""
    words = isinstance(measured, bool | np.bool_ | str)
    said = f"{what}: {_word(measured) if words else f'{measured:.4g}'}"
    number = _number(guess)
    if _open(guess):
        said += " (you made no guess)"
    elif words:
        said += f"; you said {_shown(guess)}: "
        said += "right" if _word(guess) == _word(measured) else "not in this case"
    elif number is None:
        said += f"; you said {_shown(guess)}, which is not a number"
    else:
        said += f"; you said {_shown(guess)}, off by {abs(number - measured):.3g}"
    print(said)


def reveal_order(guess: Any, measured: Mapping[str, float]) -> None:
    """How many neighbours in a guessed order, best first, stand the right way round."""
    if _open(guess):
        print("you guessed no order")
        return
    order = _names(guess)
    unknown = [name for name in order if name not in measured]
    if unknown:
        print(f"there is no {unknown[0]!r}; there are: {', '.join(measured)}")
    elif len(order) < 2:
        print(f"an order names two or more of: {', '.join(measured)}")
    else:
        right = sum(measured[a] <= measured[b] for a, b in pairwise(order))
        print(f"{right} of {len(order) - 1} neighbours of your order stand the right way round")


def reveal_names(what: str, guess: Any, measured: Sequence[str]) -> None:
    """Which of the guessed names are among the measured ones."""
    said = f"{what}: {', '.join(measured) or 'none'}"
    if _open(guess):
        print(f"{said} (you made no guess)")
        return
    names = _names(guess)
    right = [name for name in names if name in measured]
    wrong = [name for name in names if name not in measured]
    print(f"{said}; right: {', '.join(right) or 'none'}; wrong: {', '.join(wrong) or 'none'}")


def _number(guess: Any) -> float | None:
    """3, "3", "3 %" and "3,000" are numbers; True, a list and "many" are not."""
    if isinstance(guess, str):
        guess = guess.strip().removesuffix("%").strip().replace("−", "-")
        thousands = re.fullmatch(r"-?\d{1,3}(,\d{3})+(\.\d*)?", guess)
        guess = guess.replace(",", "" if thousands else ".")
    elif isinstance(guess, bool) or np.ndim(guess):
        return None
    try:
        number = float(guess)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _word(guess: Any) -> str:
    """The guess as it is compared: "Yes", "true" and True are one word."""
    word = str(guess).strip().casefold()
    return {"true": "yes", "false": "no"}.get(word, word)


def _names(guess: Any) -> list[str]:
    """The names in a list, or in a string with commas."""
    if isinstance(guess, str):
        guess = guess.split(",")
    items = guess if isinstance(guess, list | tuple | set) else [guess]
    return [str(item).strip() for item in items]


def _shown(guess: Any) -> str:
    """A guess as a sentence may quote it: on one line, and not too long."""
    line = " ".join(str(guess).split())
    return line if len(line) <= 60 else f"{line[:60]}…"


def _open(answer: Any) -> bool:
    """`...`, or a function whose body is `...`: it has no constants and returns None."""
    if answer is ...:
        return True
    code = getattr(answer, "__code__", None)
    return code is not None and code.co_code == _blank.__code__.co_code and not code.co_names


def _blank(*_: Any) -> None: ...


def judges(number: str) -> Callable[[Judge], Judge]:
    def register(judge: Judge) -> Judge:
        JUDGES[number] = judge
        return judge

    return register


def _near(answer: Any, right: float, tolerance: float, hints: Mapping[float, str]) -> str:
    """A hint for a number that is not near the right one: for a known mistake, what it is."""
    if isinstance(answer, bool) or not isinstance(answer, int | float | np.number):
        return f"a number is wanted, not {type(answer).__name__}"
    if abs(answer - right) <= tolerance:
        return ""
    for wrong, hint in hints.items():
        if abs(answer - wrong) <= tolerance:
            return hint
    return "too large" if answer > right else "too small"


def _same(answer: Any, right: Any, tolerance: float = 1e-9) -> bool:
    """Whether two arrays agree in shape and values."""
    a, b = np.asarray(answer, float), np.asarray(right, float)
    return a.shape == b.shape and bool(np.allclose(a, b, rtol=0, atol=tolerance))


# --- 1 ---


@judges("1.1")
def _follow(follow: Any) -> str:
    random.seed(0)
    rows = np.full((27, 27), 1 / 27)  # of the size of the notebook's table: range(27) is right
    rows[:2] = 0
    rows[0, [1, 2]], rows[1, 0] = (0.2, 0.8), 1
    if not isinstance(follow(rows, 0), int | np.integer):
        return "return one id, not a list (random.choices returns a list of one)"
    drawn = Counter(follow(rows, 0) for _ in range(2000))
    if drawn[0] or set(drawn) - {1, 2}:
        return "a token with probability 0 must never come"
    if abs(drawn[2] / 2000 - 0.8) > 0.05:
        return f"a token with probability 0.8 came in {drawn[2] / 20:.0f} % of the draws"
    return "" if {follow(rows, 1) for _ in range(20)} == {0} else "use the row `this`"


@judges("1.2")
def _perplexity(answer: Any, loss: float) -> str:
    hints = {2**loss: "the loss is in nats, so the base is e, not 2", loss: "that is the loss"}
    return _near(answer, math.exp(loss), 0.01, hints)


@judges("1.3")
def _bits(answer: Any, nats: float) -> str:
    hints = {nats * math.log(2): "divide by ln 2 instead: a bit is less than a nat"}
    return _near(answer, nats / math.log(2), 0.001, hints)


# --- 2 ---


@judges("2.1")
def _clean(clean: Any) -> str:
    cases = {
        ("Emma", "ava", "emma", "AVA"): ["emma", "ava"],
        ("Sophia;Mia", "mia", "zoe"): ["sophia", "mia", "zoe"],
        ("b; a", "a;;c"): ["b", "a", "c"],
    }
    for documents, right in cases.items():
        answer = clean(list(documents))
        if not isinstance(answer, list):
            return "return a list"
        if answer != right:
            return f"{list(documents)} becomes {answer}, but it should be {right}"
    return ""


@judges("2.2")
def _sneha(answer: Any) -> str:
    hints = {6.0: "BOS stands at both ends", 7.0: "BOS stands at both ends"}
    return _near(answer, 8, 0, hints)


@judges("2.3")
def _zoe(answer: Any) -> str:
    return _near(answer, 6, 0, {5.0: "NFD takes ë apart", 4.0: "BOS stands at both ends"})


@judges("2.4")
def _embed(embed: Any) -> str:
    table, ids = np.arange(12.0).reshape(4, 3) ** 2, [3, 0, 3, 1]
    return "" if _same(embed(ids, table), table[ids]) else "row i of the result is row ids[i]"


# --- 3 ---


@judges("3.1")
def _by_hand(by_hand: Any) -> str:
    for a, b in ((2.0, 0.5), (-1.0, 1.0)):
        right = (a * math.exp(b) + a, math.exp(b) + 1, a * math.exp(b))
        answer = by_hand(a, b)
        if not isinstance(answer, tuple | list) or len(answer) != 3:
            return "return three numbers: L, dL/da, dL/db"
        for name, x, y in zip(("L", "dL/da", "dL/db"), answer, right, strict=True):
            if not math.isclose(x, y, rel_tol=1e-6):
                both = " (a reaches L in two ways)" if name == "dL/da" else ""
                return f"at a = {a}, b = {b} {name} is {y:.4f}, not {x:.4f}{both}"
    return ""


@judges("3.2")
def _tanh(tanh: Any) -> str:
    for x in (-1.5, 0.0, 0.3):
        v = Value(x)
        answer = tanh(v)
        if not isinstance(answer, Value):
            return "return a Value"
        if not math.isclose(answer.data, math.tanh(x), abs_tol=1e-12):
            return f"tanh({x}) is {math.tanh(x):.4f}, not {answer.data:.4f}"
        (answer * 2).backward()
        right = 2 * (1 - math.tanh(x) ** 2)
        if not math.isclose(v.grad, right, abs_tol=1e-9):
            return f"at {x} the gradient of 2 tanh is {right:.4f}, not {v.grad:.4f}"
    return ""


@judges("3.3")
def _sweep(sweep: Any) -> str:
    a = Value(1.0)
    b = a + a
    c = b + b
    d = c * b
    sweep([a, b, c, d])
    if d.grad != 1:
        return "the gradient of the result for itself is 1"
    grads = [v.grad for v in (c, b, a)]
    if grads == [2.0, 8.0, 16.0]:
        return ""
    return (
        f"with b = a + a, c = b + b, d = c b, a = 1 the grads of c, b, a are 2, 8, 16, not {grads}"
    )


# --- 4 ---


@judges("4.1")
def _count(count: Any) -> str:
    cases = ((27, 16, 16, 1, 4192), (57, 16, 32, 1, 5408), (100, 64, 128, 3, 168_448))
    for v, e, t, n, right in cases:
        answer = count(v, e, t, n)
        if answer != right:
            return f"v = {v}, e = {e}, t = {t}, n = {n} has {right:,} parameters, not {answer:,}"
    return ""


@judges("4.2")
def _attend(attend: Any) -> str:
    rng = np.random.default_rng(3)
    q, k, v = rng.normal(size=4) * 3, rng.normal(size=(5, 4)), rng.normal(size=(5, 4))

    def right(scale: float) -> Any:
        e = np.exp(k @ q * scale)
        return e / e.sum() @ v

    answer = attend(q, k, v)
    if _same(answer, right(1.0)):
        return "the scores are to be divided by √d"
    if not _same(answer, right(0.5)):
        return "scores, softmax over the positions, then the mean of the values"
    big = attend(q * 1000, k, v)
    return "" if np.isfinite(big).all() else "large scores overflow: take the largest off first"


@judges("4.3")
def _cache(answer: Any) -> str:
    return _near(answer, 512, 0, {256.0: "keys and values are kept"})


# --- 5 ---


@judges("5.1")
def _document_loss(document_loss: Any) -> str:
    given = [0.5, 0.25, 0.125]
    right = 2 * math.log(2)
    hints = {
        -right: "the sign: a loss is positive",
        3 * right: "the mean, not the sum",
        -math.log(np.mean(given)): "first the logarithms, then their mean",
        2.0: "the natural logarithm",
    }
    return _near(document_loss(list(given)), right, 1e-9, hints)


@judges("5.2")
def _adam(adam: Any) -> str:
    value = Value(1.0)
    theirs, ours = (1.0, 0.0, 0.0, 0), Adam([value])
    for gradient in (0.5, -2.0, 0.1):
        value.grad = gradient
        ours.step(0.01)
        theirs = adam(*theirs, gradient, 0.01)
        right = (value.data, ours.m[0], ours.v[0], ours.t)
        for name, x, y in zip(("p", "m", "v", "t"), theirs, right, strict=True):
            if not math.isclose(x, y, abs_tol=1e-9):
                return f"after step {ours.t} (gradient {gradient}) {name} is {y:.6g}, not {x:.6g}"
    return ""


@judges("5.3")
def _expected(answer: Any) -> str:
    hints = {math.log(27): "the vocabulary is another one", math.log(56): "BOS is a token as well"}
    return _near(answer, math.log(57), 0.005, hints)


# --- 6 ---


@judges("6.1")
def _temper(temper: Any) -> str:
    probs = np.array([0.6, 0.3, 0.1])
    for t in (0.5, 1.0, 2.0):
        right = probs ** (1 / t) / (probs ** (1 / t)).sum()
        answer = temper(probs, t)
        if not _same(answer, right):
            if _same(answer, probs**t / (probs**t).sum()):
                return "the wrong way round: a low temperature must sharpen"
            return f"at T = {t} {probs} becomes {right.round(3)}, not {np.round(answer, 3)}"
    return ""


@judges("6.2")
def _top_k(top_k: Any) -> str:
    probs = np.array([0.1, 0.5, 0.15, 0.25])
    for k, right in ((1, [0, 1, 0, 0]), (2, [0, 2 / 3, 0, 1 / 3]), (4, probs)):
        answer = top_k(probs, k)
        if not _same(answer, right):
            return f"k = {k}: {probs} becomes {np.round(right, 3)}, not {np.round(answer, 3)}"
    return "" if _same(probs, [0.1, 0.5, 0.15, 0.25]) else "leave the array you were given alone"


@judges("6.3")
def _seen_among_real(answer: Any, bins: list[float]) -> str:
    seen, in_file, _ = bins
    hints = {seen: "of the real names, not of all samples", seen / (seen + in_file): "in per cent"}
    return _near(answer, 100 * seen / (seen + in_file), 0.5, hints)


# --- 7 ---


def _is_real(differences: Any) -> bool:
    error = np.std(differences, ddof=1) / math.sqrt(len(differences))
    return bool(abs(np.mean(differences)) >= 2 * error)


@judges("7.1")
def _judge_is_real(is_real: Any) -> str:
    cases = {
        (0.10, 0.11, 0.09): True,
        (-0.10, -0.11, -0.09): True,
        (0.05, -0.05, 0.01): False,
        (0.00, 0.02, 0.04, 0.02): True,
        (0.00, 0.05): False,
    }
    for differences, right in cases.items():
        if bool(is_real(list(differences))) != right:
            return f"{list(differences)} should give {right}: ddof=1, and √n below the deviation"
    return ""


@judges("7.2")
def _real_parts(answer: Any, rises: Mapping[str, list[float]]) -> str:
    return _near(answer, sum(map(_is_real, rises.values())), 0, {})


@judges("7.3")
def _reachable(answer: Any) -> str:
    hints = {
        "uniform": "the logits are constant, but they need not be equal",
        "bigrams": "for bigrams the vector must depend on the last token",
        "trigrams": "for that it must depend on two tokens",
    }
    return "" if answer == "letter counts" else hints.get(answer, "one of the four names")


# --- 8 ---


@judges("8.1")
def _passes(answer: Any) -> str:
    hints = {1000.0: "that is with the cache", 1_000_000.0: "the first token reads itself only"}
    return _near(answer, 500_500, 0, hints)


@judges("8.2")
def _best_rate(answer: Any, loss: Callable[[float], float]) -> str:
    losses = {rate: loss(rate) for rate in (0.001, 0.003, 0.01, 0.03)}
    if answer not in losses:
        return "one of the four rates"
    best = min(losses.values())
    return (
        "" if losses[answer] == best else f"it gives {losses[answer]:.4f}, another one {best:.4f}"
    )
