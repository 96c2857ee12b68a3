"""Polynomials as text, spellings of operations, and the order of their groups."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interp.training.tasks.groups import residue_order
from interp.training.tasks.polynomial import evaluate, parse, text_of
from interp.training.tasks.task import make_task


@pytest.mark.parametrize("p", [2, 4, 12])
def test_polynomials_need_no_prime(p):
    task = make_task("x**3 + x*y", p)
    assert task.answers.tolist() == [(x**3 + x * y) % p for x, y in task.pairs.tolist()]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("y+x", "x + y"),
        ("x·y", "x * y"),
        ("x − y", "x - y"),
        ("x ÷ y", "x / y"),
        ("x^2 + y²", "x**2 + y**2"),
        ("y*y + x*(x + y)", "x**2 + x*y + y**2"),
    ],
)
def test_other_spellings_of_a_row(text, name):
    assert make_task(text, 7).operation.name == name


def test_groups():
    assert make_task("x + y", 7).group == "cyclic"
    assert make_task("x / y", 7).group == "multiplicative"
    assert make_task("3*x**2*y", 7).group == "multiplicative"
    assert make_task("x*y", 8).group == "cyclic", "a composite modulus has no discrete logarithm"
    assert make_task("x*y + x", 7).group == "cyclic"


_TEXT = st.recursive(
    st.sampled_from(["x", "y"]) | st.integers(0, 9).map(str),
    lambda inner: (
        st.tuples(inner, st.sampled_from("+-*"), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})")
        | st.tuples(inner, st.integers(0, 3)).map(lambda t: f"({t[0]})**{t[1]}")
    ),
    max_leaves=5,
).map(lambda text: f"x + {text}" if "x" not in text else text)


@given(text=_TEXT, x=st.integers(0, 12), y=st.integers(0, 12))
def test_polynomials_agree_with_integer_arithmetic(text, x, y):
    try:
        monomials = parse(text)
    except ValueError:
        return  # x - x and the like depend on neither operand
    exact = sum(c * x**i * y**j for (i, j), c in monomials.items())
    assert exact == eval(text, {"x": x, "y": y})
    values = evaluate(monomials, np.array([x % 13]), np.array([y % 13]), 13)
    assert values.tolist() == [exact % 13]
    assert parse(text_of(monomials)) == monomials


@pytest.mark.parametrize("p", [3, 5, 7, 11, 97])
def test_discrete_logarithm_turns_products_into_sums(p):
    order = residue_order(p, "multiplicative").tolist()
    assert sorted(order) == list(range(1, p))
    log = {residue: index for index, residue in enumerate(order)}
    for a in range(1, p):
        for b in (1, 2, p - 1):
            assert log[a * b % p] == (log[a] + log[b % p]) % (p - 1)
