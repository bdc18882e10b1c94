"""Value: gradients of any expression against finite differences, depth, the edges."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from glassgpt import reference
from glassgpt.reference import Value, dot

UNARY: dict[str, Callable[[Value], Value]] = {
    "exp": lambda x: (x * 0.3).exp(),
    "log": lambda x: (x * x + 0.5).log(),
    "relu": lambda x: x.relu(),
    "power": lambda x: (x * x + 0.5) ** -0.5,
    "negative": lambda x: -x,
    "plus a number": lambda x: 1.5 + x,
    "times a number": lambda x: -2.5 * x,
}
BINARY: dict[str, Callable[[Value, Value], Value]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "over": lambda a, b: a * (b * b + 1.0) ** -1.0,
    "dot": lambda a, b: dot([a, b, a], [b, b, a]),
    "softmax": lambda a, b: reference.softmax([a, b, a])[0],
    "rmsnorm": lambda a, b: reference.rmsnorm([a, b])[1],
}
Program = list[tuple[str, int, int]]
programs = st.lists(
    st.tuples(st.sampled_from([*UNARY, *BINARY]), st.integers(0, 99), st.integers(0, 99)),
    min_size=1,
    max_size=12,
)
leaves = st.lists(st.floats(-2, 2).map(lambda x: round(x, 3)), min_size=1, max_size=4)


def run(program: Program, values: list[Value]) -> Value:
    """A random expression: each step applies an operation to two of the values so far."""
    values = list(values)
    for name, i, j in program:
        a, b = values[-1 - i % len(values)], values[-1 - j % len(values)]
        values.append(UNARY[name](a) if name in UNARY else BINARY[name](a, b))
    return values[-1]


@given(programs, leaves)
def test_gradients_are_finite_differences(program: Program, numbers: list[float]) -> None:
    values = [Value(x) for x in numbers]
    result = run(program, values)
    assume(abs(result.data) < 1e3)
    result.backward()
    step = 1e-5
    for i, value in enumerate(values):

        def at(shift: float, i: int = i) -> float:
            moved = [Value(x + shift * (k == i)) for k, x in enumerate(numbers)]
            return run(program, moved).data

        left, right = (result.data - at(-step)) / step, (at(step) - result.data) / step
        assume(abs(left - right) < 1e-3 * (1 + abs(left)))  # no kink and no pole here
        assert value.grad == pytest.approx((left + right) / 2, rel=1e-3, abs=1e-3)


def test_a_value_used_twice_gathers_both_gradients() -> None:
    a = Value(3.0)
    b = a + a
    c = b + b
    c.backward()
    assert (b.grad, a.grad) == (2.0, 4.0)


def test_backward_adds_to_what_is_there() -> None:
    a = Value(3.0)
    for _ in range(2):
        (a * a).backward()
    assert a.grad == 12.0


def test_deep_graphs_need_no_recursion() -> None:
    """Backward through, and the freeing of, a chain a hundred times Python's recursion limit."""
    x = Value(1.0)
    result = x
    for _ in range(100_000):
        result = result + 0.5
    result.backward()
    assert (result.data, x.grad) == (50_001.0, 1.0)
    del result


def test_dot_is_the_sum_of_products() -> None:
    a, b = [Value(1.0), Value(2.0)], [Value(3.0), Value(5.0)]
    result = dot(a, b)
    result.backward()
    assert result.data == 13.0
    assert [x.grad for x in (*a, *b)] == [3.0, 5.0, 1.0, 2.0]


def test_log_of_zero_is_its_limit() -> None:
    result = Value(0.0).log()
    assert result.data == -math.inf
    assert result.local_grads == (math.inf,)


def test_a_value_shows_itself() -> None:
    assert repr(Value(0.5)) == "Value(data=0.5, grad=0)"
