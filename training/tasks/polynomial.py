"""Integer polynomials in x and y, given as text; parsed, never executed."""

from __future__ import annotations

import ast
import warnings
from typing import NoReturn

import numpy as np
from jaxtyping import Int

# Monomials of a polynomial: {(power of x, power of y): coefficient}, without zero coefficients.
Monomials = dict[tuple[int, int], int]

MAX_TEXT = 200
MAX_DEGREE = 64
MAX_TERMS = 1000
MAX_COEFFICIENT = 10**18

_TYPOGRAPHY = str.maketrans(
    {"·": "*", "×": "*", "−": "-", "÷": "/", "²": "**2", "³": "**3", "⁴": "**4", "^": "**"}
)


def plain(text: str) -> str:
    """The text with typographic signs (·, −, ², ^) replaced by their ASCII forms."""
    return text.translate(_TYPOGRAPHY).replace("****", "**").strip()


def parse(text: str) -> Monomials:
    """Monomials of a polynomial such as ``x**2 + 3*x*y``.

    Allowed: the variables x and y, integers, ``+ - *``, parentheses, and powers by whole numbers.

    Raises:
        ValueError: for anything else, naming the offending part and the column.
    """
    if len(text) > MAX_TEXT:
        raise ValueError(f"task.operation: expected at most {MAX_TEXT} characters, got {len(text)}")
    source = plain(text)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python's advice on texts such as "1or x"
            tree = ast.parse(source, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        # A text that ends too early is reported at column 0.
        where = getattr(error, "offset", None) or len(source) + 1
        raise ValueError(
            f"task.operation: {text!r} is no polynomial in x and y (column {where}); "
            "expected something like 'x**2 + 3*x*y'"
        ) from None
    monomials = _expand(tree.body, text)
    if not any(power != (0, 0) for power in monomials):
        raise ValueError(
            f"task.operation: expected a polynomial that depends on x or y, got {text!r}"
        )
    return monomials


def evaluate(
    monomials: Monomials, x: Int[np.ndarray, " pair"], y: Int[np.ndarray, " pair"], p: int
) -> Int[np.ndarray, " pair"]:
    """Values of the polynomial mod p, exact for any coefficients (all products stay below p²)."""
    total = np.zeros_like(x)
    for (i, j), coefficient in monomials.items():
        term = _power(x, i, p) * _power(y, j, p) % p
        total = (total + coefficient % p * term) % p
    return total


def text_of(monomials: Monomials) -> str:
    """Canonical text, highest power of x first: ``x**2 + 3*x*y``."""
    terms = []
    for (i, j), c in sorted(monomials.items(), reverse=True):
        factors = [s if n == 1 else f"{s}**{n}" for s, n in (("x", i), ("y", j)) if n]
        if abs(c) != 1 or not factors:
            factors.insert(0, str(abs(c)))
        terms.append(("- " if c < 0 else "+ ") + "*".join(factors))
    joined = " ".join(terms)
    return joined[2:] if joined.startswith("+ ") else "-" + joined[2:]


def _power(base: Int[np.ndarray, " pair"], exponent: int, p: int) -> Int[np.ndarray, " pair"]:
    result = np.ones_like(base) % p
    for _ in range(exponent):
        result = result * base % p
    return result


def _expand(node: ast.expr, text: str) -> Monomials:
    match node:
        case ast.Name(id="x"):
            return {(1, 0): 1}
        case ast.Name(id="y"):
            return {(0, 1): 1}
        case ast.Constant(value=bool()):
            _refuse(node, text)
        case ast.Constant(value=int(n)):
            return _bounded({(0, 0): n}, text)
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            return _times(_expand(inner, text), {(0, 0): -1}, text)
        case ast.UnaryOp(op=ast.UAdd(), operand=inner):
            return _expand(inner, text)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _plus(_expand(left, text), _expand(right, text))
        case ast.BinOp(left=left, op=ast.Sub(), right=right):
            return _plus(_expand(left, text), _times(_expand(right, text), {(0, 0): -1}, text))
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return _times(_expand(left, text), _expand(right, text), text)
        case ast.BinOp(left=left, op=ast.Pow(), right=ast.Constant(value=int(n))):
            if isinstance(n, bool) or n > MAX_DEGREE:
                raise ValueError(
                    f"task.operation: expected powers of at most {MAX_DEGREE}, got {n} in {text!r}"
                )
            result: Monomials = {(0, 0): 1}
            factor = _expand(left, text)
            for _ in range(n):
                result = _times(result, factor, text)
            return result
    _refuse(node, text)


def _refuse(node: ast.expr, text: str) -> NoReturn:
    raise ValueError(
        f"task.operation: {ast.unparse(node)!r} at column {node.col_offset + 1} of {text!r} is not "
        "allowed; expected a polynomial of x, y and whole numbers with + - * ** and parentheses"
    )


def _plus(a: Monomials, b: Monomials) -> Monomials:
    total = dict(a)
    for power, c in b.items():
        total[power] = total.get(power, 0) + c
    return {power: c for power, c in total.items() if c}


def _times(a: Monomials, b: Monomials, text: str) -> Monomials:
    product: Monomials = {}
    for (i, j), c in a.items():
        for (k, m), d in b.items():
            product[i + k, j + m] = product.get((i + k, j + m), 0) + c * d
    return _bounded({power: c for power, c in product.items() if c}, text)


def _bounded(monomials: Monomials, text: str) -> Monomials:
    """The polynomial itself, unless it has outgrown what a reader could mean."""
    degree = max((i + j for i, j in monomials), default=0)
    largest = max((abs(c) for c in monomials.values()), default=0)
    if degree > MAX_DEGREE or len(monomials) > MAX_TERMS or largest > MAX_COEFFICIENT:
        raise ValueError(
            f"task.operation: expected a degree of at most {MAX_DEGREE}, at most {MAX_TERMS} terms "
            f"and coefficients up to {MAX_COEFFICIENT:.0e}, got {text!r}"
        )
    return monomials
